/* Bytes of a terminal into keys: our own, because curses' getch blocks a second on a lone Esc and takes a split arrow key apart into
 * commands. A pure state machine: no clock, no descriptor; the caller feeds bytes and says when nothing came for a while. UI thread. */
#pragma once
#include <glib.h>
#include "ui/key.h"

G_BEGIN_DECLS

#define FM_KEY_DECODER_PASTE_MAX (1024 * 1024) /* bytes kept of one paste */

typedef struct FmKeyDecoder FmKeyDecoder;

typedef enum {
  FM_INPUT_KEY,
  FM_INPUT_ESC,           /* Esc and then quiet: cancels what is open, or waits for its letter; runs nothing */
  FM_INPUT_CANCEL,        /* Esc Esc */
  FM_INPUT_PASTE,         /* bracketed paste, whole */
  FM_INPUT_PASTE_STALLED, /* a paste has begun and its end does not come: Ctrl-C gives it up */
  FM_INPUT_FOCUS_IN,
  FM_INPUT_FOCUS_OUT,
} FmInputType;

typedef struct {
  FmInputType type;
  FmKey key;          /* FM_INPUT_KEY */
  const char *text;   /* FM_INPUT_PASTE: valid UTF-8, sanitised as a block; valid during the call */
  gboolean truncated; /* FM_INPUT_PASTE: more than FM_KEY_DECODER_PASTE_MAX */
} FmInput;

typedef void (*FmKeyDecoderFunc) (const FmInput *input, gpointer data);

FmKeyDecoder *fm_key_decoder_new (FmKeyDecoderFunc func, gpointer data);
void fm_key_decoder_free (FmKeyDecoder *decoder);

/* Calls FUNC for everything that is complete. */
void fm_key_decoder_feed (FmKeyDecoder *decoder, const void *bytes, gsize size_bytes);

/* How long to wait for the next byte before fm_key_decoder_quiet is due; -1: no need. */
int fm_key_decoder_quiet_ms (const FmKeyDecoder *decoder);
void fm_key_decoder_quiet (FmKeyDecoder *decoder);

/* The last FM_INPUT_ESC was used up as a cancel: the next letter stands alone. A late "[" or "O" still begins a sequence. */
void fm_key_decoder_settle_esc (FmKeyDecoder *decoder);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FmKeyDecoder, fm_key_decoder_free)

G_END_DECLS

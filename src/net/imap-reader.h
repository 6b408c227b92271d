/* The guard: takes one whole IMAP response off the stream, whatever a server does, before any parser sees a byte of it. */
#pragma once
#include <fulmar/base/sink.h>
#include <fulmar/net/imap-session.h>

typedef struct {
  const char *text; /* without the last CRLF; literals stand in it as {N} CR LF and N bytes. Valid until the next response */
  gsize length;
  gboolean is_poison; /* over a bound: literals were dropped or lists nest too deep; not to be parsed beyond its first words */
} FmImapResponse;

/* Where the one body that a command asked for goes; or, with CHOOSE, each of several, by the UID that was read before it. */
typedef struct {
  FmSink *(*choose) (gpointer data, guint32 uid); /* NULL from it: to nowhere */
  gpointer choose_data;
  FmSink *sink;
  FmImapProgress progress;
  gpointer progress_data;
  gboolean is_taken; /* a body has come; another one is dropped */
  guint64 written_bytes;
  GError *sink_error;
} FmImapBody;

typedef struct FmImapReader FmImapReader;

FmImapReader *fm_imap_reader_new (FmStream *stream, int timeout_ms);
void fm_imap_reader_free (FmImapReader *reader);

/* From now on the literal of a BODY[...] item goes to BODY instead of into the response; NULL: no longer. */
void fm_imap_reader_set_body (FmImapReader *reader, FmImapBody *body);

/* Nothing is waited for beyond this absolute time, whatever the timeout. */
void fm_imap_reader_set_limit (FmImapReader *reader, gint64 limit_us);

/* The next response. TIMEOUT if it (or 16 KB of a literal) takes longer than the timeout; LIMIT for a line over 8 MB; PROTOCOL for a literal
 * that says 2^32 bytes or more. All of them are the stream's end. */
gboolean fm_imap_reader_next (FmImapReader *reader, FmImapResponse *ret_response, GError **error);

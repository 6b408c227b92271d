/* From a draft to the bytes that are sent (RFC 5322, 2045, 2047, 2231): smallest charset and encoding that hold the text, lines within 998
 * bytes whatever was written, Bcc never in the bytes but in the envelope, and no way for a field's text to begin another field. */
#pragma once
#include <glib.h>
#include "fulmar/mail/draft.h"

G_BEGIN_DECLS

/* What is sent: frozen, sole owner. */
typedef struct FmComposed FmComposed;

typedef struct {
  gint64 date_utc;              /* 0: now. Fixed here, before the first attempt to send */
  int date_offset_min;          /* minutes east of UTC for the Date field */
  const char *message_id;       /* NULL: a fresh one under the domain of From */
  gsize max_bytes;              /* 0: 100 MB; beyond it FM_ERROR_LIMIT */
  gboolean eight_bit;           /* the server takes 8BITMIME: UTF-8 text goes as it is where its lines are short */
  gboolean keep_bcc;            /* for a draft or a copy in Sent, which may hold Bcc; never for what is transmitted */
  gboolean allow_no_recipients; /* for saving a draft */
} FmComposeOptions;

/* Errors: INVALID (no From, no recipient, an address that is none: named), NOT_FOUND and STORAGE (attachment), LIMIT. OPTIONS may be NULL.
 * Reads attachments: not for the UI thread. Transfer: full. */
FmComposed *fm_compose_build (const FmDraft *draft, const FmComposeOptions *options, GError **error);
void fm_compose_free (FmComposed *composed); /* accepts NULL */

GBytes *fm_compose_bytes (const FmComposed *composed);                 /* CRLF line ends. Transfer: none */
const char *fm_compose_message_id (const FmComposed *composed);        /* without angle brackets */
const char *fm_compose_sender (const FmComposed *composed);            /* envelope sender: From's first address */
const char *const *fm_compose_recipients (const FmComposed *composed); /* envelope recipients: To, Cc, Bcc, once each */
gboolean fm_compose_needs_smtputf8 (const FmComposed *composed);       /* an address holds non-ASCII */
gboolean fm_compose_is_8bit (const FmComposed *composed);              /* the bytes need 8BITMIME */

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FmComposed, fm_compose_free)

G_END_DECLS

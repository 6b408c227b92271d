/* A message that another program wrote (git send-email, cron, a script) made fit to be sent: the counterpart of compose.h for bytes that come
 * ready. Nothing of its body or of its other fields is changed. */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

typedef struct FmOutgoingMessage FmOutgoingMessage;

/* BYTES with LF or CRLF line ends. Adds From (NAME, ADDRESS), Date and Message-ID where they are missing, takes Bcc out, makes line ends CRLF.
 * Recipients are ADDRESSES (NULL-terminated, may be NULL) and, with FROM_HEADERS, those of To, Cc and Bcc. A leading mbox "From " line is
 * dropped. INVALID: no header, an address that is none; LIMIT: lines over 998 bytes in the header. Transfer: full. */
FmOutgoingMessage *fm_outgoing_prepare (GBytes *bytes, gboolean from_headers, const char *const *addresses, const char *name,
                                        const char *address, GError **error);
void fm_outgoing_free (FmOutgoingMessage *message); /* accepts NULL */

GBytes *fm_outgoing_bytes (const FmOutgoingMessage *message);                 /* Transfer: none */
const char *fm_outgoing_sender (const FmOutgoingMessage *message);            /* From's first address, "" if none */
const char *const *fm_outgoing_recipients (const FmOutgoingMessage *message); /* once each, NULL-terminated */

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FmOutgoingMessage, fm_outgoing_free)

G_END_DECLS

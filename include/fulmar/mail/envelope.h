/* What a list shows of a message and what threading needs, from its header alone: frozen, atomically refcounted, no library object inside.
 * Every string is valid UTF-8 on one line without control or bidirectional characters; absent is "", an empty list, or 0. */
#pragma once
#include <glib.h>
#include "fulmar/mail/address.h"

G_BEGIN_DECLS

typedef struct FmEnvelope FmEnvelope;

/* The fields to ask a server for (BODY.PEEK[HEADER.FIELDS (...)]): what fm_envelope_parse reads, no more. */
#define FM_ENVELOPE_FIELDS \
  "DATE FROM SENDER REPLY-TO TO CC BCC SUBJECT MESSAGE-ID IN-REPLY-TO REFERENCES LIST-ID LIST-POST MAIL-FOLLOWUP-TO CONTENT-TYPE"

/* At most this much of a header is read, and this many references are kept (the first and the last ones). */
#define FM_ENVELOPE_MAX_HEADER_BYTES (1024 * 1024)
#define FM_ENVELOPE_MAX_REFERENCES 200

/* Header bytes (with or without the blank line and a body after it, LF or CRLF). Any bytes give an envelope. Any thread. Transfer: full. */
FmEnvelope *fm_envelope_parse (const void *header_bytes, gsize size_bytes);
FmEnvelope *fm_envelope_ref (const FmEnvelope *envelope);
void fm_envelope_unref (FmEnvelope *envelope);

const char *fm_envelope_subject (const FmEnvelope *envelope);
const FmAddressList *fm_envelope_from (const FmEnvelope *envelope);
const FmAddressList *fm_envelope_sender (const FmEnvelope *envelope);
const FmAddressList *fm_envelope_reply_to (const FmEnvelope *envelope);
const FmAddressList *fm_envelope_to (const FmEnvelope *envelope);
const FmAddressList *fm_envelope_cc (const FmEnvelope *envelope);
const FmAddressList *fm_envelope_bcc (const FmEnvelope *envelope);
const FmAddressList *fm_envelope_followup_to (const FmEnvelope *envelope); /* Mail-Followup-To */

/* Message ids without angle brackets, blanks removed, at most 998 bytes each (fm_threads_normalise_id). */
const char *fm_envelope_message_id (const FmEnvelope *envelope);
const char *fm_envelope_in_reply_to (const FmEnvelope *envelope); /* the first id of the field */
/* Oldest ancestor first. Transfer: none, NULL-terminated. */
const char *const *fm_envelope_references (const FmEnvelope *envelope, gsize *ret_n);

/* Seconds since the epoch, 0 if absent or unreadable; and the minutes east of UTC that the writer's clock showed. */
gint64 fm_envelope_date_utc (const FmEnvelope *envelope);
int fm_envelope_date_offset_min (const FmEnvelope *envelope);

const char *fm_envelope_list_id (const FmEnvelope *envelope);   /* "notmuch.notmuchmail.org" */
const char *fm_envelope_list_post (const FmEnvelope *envelope); /* the address of List-Post's mailto:, or "" */

/* Lower-case "type/subtype", "text/plain" if absent; and a guess from it alone that there are attachments (multipart/mixed, a lone
 * non-text part). The body structure knows better. */
const char *fm_envelope_content_type (const FmEnvelope *envelope);
gboolean fm_envelope_attachment_hint (const FmEnvelope *envelope);

/* Who it is from, or to (for folders of sent mail), in one short phrase for a list column; "" if unknown. Transfer: none. */
const char *fm_envelope_display_from (const FmEnvelope *envelope);
const char *fm_envelope_display_to (const FmEnvelope *envelope);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FmEnvelope, fm_envelope_unref)

G_END_DECLS

/* What the search index is fed instead of the message itself: a small text/plain UTF-8 message whose Message-ID is ours, so that two mails
 * that share a Message-ID stay two, with headers decoded and every text inside it readable: text parts, HTML as text, the names of
 * attachments, nested messages. */
#pragma once
#include <glib.h>
#include "fulmar/mail/message.h"

G_BEGIN_DECLS

#define FM_PROJECTION_MAX_TEXT_BYTES (2 * 1024 * 1024)

/* The projection, its Message-ID <BLOB_ID@fulmar>; text beyond the bound is left out. Any thread that owns MESSAGE. Transfer: full. */
GBytes *fm_projection_build (FmMessage *message, gint64 blob_id);
/* The blob id of such a Message-ID (with or without angle brackets), or -1. */
gint64 fm_projection_blob_id (const char *message_id);

G_END_DECLS

/* What commands do to the message being read. */
#pragma once
#include <fulmar/app/app.h>
#include <fulmar/mail/message.h>

/* Starts to load row MSG_ID; the app's `changed` tells when it is there. PREVIEW: seen in passing, so it is not marked read. */
FmReading *fm_reading_new (FmApp *app, gint64 msg_id, gboolean preview);
void fm_reading_open (FmReading *reading); /* what was a preview is read now */
void fm_reading_free (FmReading *reading); /* accepts NULL */

void fm_reading_set_mode (FmReading *reading, FmReadingMode mode);
void fm_reading_set_all_headers (FmReading *reading, gboolean all);
/* Shows the part of that index alone; -1: the message again. */
void fm_reading_set_part (FmReading *reading, gint part);
/* A row or body changed on disk. */
void fm_reading_message_changed (FmReading *reading, gint64 msg_id);

/* Opens the stored message of a row: pool threads (slow: a whole parse) with their own reader. RET_PATH (may be NULL): where its bytes lie,
 * transfer full. FM_ERROR_NOT_FOUND: its body is not here. A file that is being renamed is looked for under its new name. */
FmMessage *fm_reading_open_stored (FmStoreReader *reader, gint64 msg_id, char **ret_path, GError **error);

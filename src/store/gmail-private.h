/* What the store's files ask about Gmail's messages; all of it is for rows that have a server_id, others never come here. */
#pragma once
#include "store/message-private.h"
#include <fulmar/store/gmail-store.h>

/* Gmail's conversation as one more ancestor, the farthest: messages of one conversation are in one thread whatever their References say. */
void fm_gmail_store_add_thread (FmStoreReader *reader, gint64 folder_id, guint64 server_thread, FmMessageHashes *hashes);
/* The message file that another row of the message has; 0: none. */
gint64 fm_gmail_store_blob (FmStoreReader *reader, gint64 folder_id, guint64 server_id);
/* MSG_ID has got its message file: so have the other rows of the message that had none. */
gboolean fm_gmail_store_share_blob (FmStoreWriter *writer, gint64 msg_id, gint64 blob_id, GError **error);
/* A row that was here before was told with its server_id. */
gboolean fm_gmail_store_met (FmStoreWriter *writer, gint64 msg_id, gint64 folder_id, const FmMessageInput *input, GError **error);
/* Labels as told in FOLDER_ID, which omits its own. RET_CHANGED (may be NULL) is set, never cleared. */
gboolean fm_gmail_store_put_labels (FmStoreWriter *writer, gint64 folder_id, guint64 server_id, const char *const *labels,
                                    gboolean *ret_changed, GError **error);
/* The same for a row. */
gboolean fm_gmail_store_relabel (FmStoreWriter *writer, gint64 msg_id, gint64 folder_id, const char *const *labels, gboolean *ret_changed,
                                 GError **error);
/* The other rows of the message that are in a folder. gint64. */
GArray *fm_gmail_store_others (FmStoreReader *reader, gint64 msg_id);
/* The row of this message in FOLDER_ID; 0: none. */
gint64 fm_gmail_store_row (FmStoreReader *reader, guint64 server_id, gint64 folder_id);
/* The account's folder of that use; 0: none. */
gint64 fm_gmail_store_special (FmStoreReader *reader, gint64 account_id, FmSpecialUse special);

/* What message-store.c, message-thread.c, message-merge.c and the journal share. */
#pragma once
#include "store/sql.h"
#include <fulmar/store/message-store.h>

/* Blobs of files read in place are named by the row that brought them instead of their content. */
#define FM_MESSAGE_LOCAL_PREFIX "local:"

/* --- message-thread.c: which thread a message belongs to --- */

/* Hashes of a message: its own and its ancestors', nearest first. */
typedef struct {
  gint64 own;
  guint n;
  gint64 ancestors[64];
} FmMessageHashes;
void fm_message_thread_hash (FmStoreReader *reader, const FmEnvelope *envelope, FmMessageHashes *ret_hashes);
/* The thread for a message about to become row NEW_ID; joins threads that it connects. 0 on error. */
gint64 fm_message_thread_link (FmStoreWriter *writer, const FmMessageHashes *hashes, gint64 new_id, GError **error);

/* --- message-merge.c: server truth + live operations = what is shown --- */

/* Recomputes msg.flags and the shown keywords of a row from its truth and its live operations. */
gboolean fm_message_merge_show (FmStoreWriter *writer, gint64 msg_id, gboolean *ret_changed, GError **error);
/* The server's word for one row; a modseq older than the known one is ignored. KEYWORDS NULL: none. */
gboolean fm_message_merge_server (FmStoreWriter *writer, gint64 msg_id, const FmMessageFlags *word, gboolean *ret_changed, GError **error);
/* Sets the server's keywords of a row (truth bits). */
gboolean fm_message_merge_keywords (FmStoreWriter *writer, gint64 msg_id, const char *const *keywords, GError **error);
/* Adds or takes truth as a confirmed operation did. LIST is blank-separated. */
gboolean fm_message_merge_confirm (FmStoreWriter *writer, gint64 msg_id, guint add, guint remove, const char *kw_add, const char *kw_del,
                                   GError **error);
gint64 fm_message_merge_keyword_id (FmStoreWriter *writer, const char *name, GError **error);

/* --- message-store.c --- */

/* A UID for a local folder, taken from its uidnext. 0 on error. */
guint32 fm_message_store_take_uid (FmStoreWriter *writer, gint64 folder_id, GError **error);
/* A new row. UID 0: NULL. Returns the id, 0 on error. */
gint64 fm_message_store_insert (FmStoreWriter *writer, gint64 folder_id, const FmMessageInput *input, guint32 uid,
                                const FmMessageHashes *hashes, GError **error);

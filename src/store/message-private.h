/* What the files message-*.c and the journal share. */
#pragma once
#include "store/sql.h"
#include <fulmar/store/message-store.h>

/* Blobs of files read in place are named by the row that brought them instead of their content. */
#define FM_MESSAGE_LOCAL_PREFIX "local:"

/* --- message-thread.c: which thread a message belongs to --- */

#define FM_MESSAGE_MAX_HASHES 65
/* Hashes of a message: its own and its ancestors', nearest first. */
typedef struct {
  gint64 own;
  guint n;
  gint64 ancestors[FM_MESSAGE_MAX_HASHES - 1];
} FmMessageHashes;
void fm_message_thread_hash (FmStoreReader *reader, const FmEnvelope *envelope, FmMessageHashes *ret_hashes);
/* The thread of a hash, 0 if it is in none. */
gint64 fm_message_thread_of (FmStoreReader *reader, gint64 hash);
/* Every row of the thread FROM, and its hashes, become TO's. */
gboolean fm_message_thread_join (FmStoreWriter *writer, gint64 from, gint64 to, GError **error);

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

/* --- message-count.c: counters of what arrives --- */

/* New rows of one thread. */
typedef struct {
  gint64 thread;
  gint64 date; /* of the newest */
  guint count, unread;
} FmMessageAdded;
/* Counts rows that were inserted into FOLDER_ID: FmMessageAdded, one a row, which are sorted here. Threads above LAST_KNOWN_THREAD are known to have
 * no row in the folder yet. */
gboolean fm_message_count_added (FmStoreReader *reader, gint64 folder_id, GArray *added, gint64 last_known_thread, GError **error);
/* One more row shows the blob. */
gboolean fm_message_count_blob (FmStoreReader *reader, gint64 blob_id, GError **error);

/* --- message-batch.c: new rows, written together --- */

/* Every message is expected first, then the batch begins, then those that are new are added; nothing is in the database before it is written. Inputs
 * and envelopes are borrowed until then. */
typedef struct FmMessageBatch FmMessageBatch;
FmMessageBatch *fm_message_batch_new (FmStoreWriter *writer, gint64 folder_id);
void fm_message_batch_free (FmMessageBatch *batch);
/* Returns the message's number in the batch. */
guint fm_message_batch_expect (FmMessageBatch *batch, const FmMessageInput *input);
gboolean fm_message_batch_begin (FmMessageBatch *batch, GError **error);
gint64 fm_message_batch_own_hash (const FmMessageBatch *batch, guint expected);
/* A new row. UID 0: NULL. Returns its id, 0 on error. */
gint64 fm_message_batch_add (FmMessageBatch *batch, guint expected, const FmMessageInput *input, guint32 uid, GError **error);
/* Writes what was added: once, last. */
gboolean fm_message_batch_write (FmMessageBatch *batch, GError **error);
/* The date that lists sort by: the writer's, unless it is absent or from the future. */
gint64 fm_message_batch_date (const FmMessageInput *input);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FmMessageBatch, fm_message_batch_free)

/* --- message-store.c --- */

/* N UIDs for a local folder, taken from its uidnext: the first. 0 on error. */
guint32 fm_message_store_take_uids (FmStoreWriter *writer, gint64 folder_id, guint n, GError **error);
/* A row of an IMAP account gets a UID by what its headers say, and may not be this message: another row has its Message-ID and size and other bytes, or
 * it was another client who took it where it is met. The body is forgotten, so that what is read under the UID is what the server has there. */
gboolean fm_message_store_doubt_body (FmStoreWriter *writer, gint64 msg_id, GError **error);
/* A new row. UID 0: NULL. Returns the id, 0 on error. */
gint64 fm_message_store_insert (FmStoreWriter *writer, gint64 folder_id, const FmMessageInput *input, guint32 uid, GError **error);

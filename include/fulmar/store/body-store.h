/* Message files: immutable, named by their content, `mail/<aa>/<sha256>.eml`; the same mail in several folders is one file. A file is
 * whole and durable before any row speaks of it; a file without a row is garbage that a crash left, taken later or adopted by its content.
 * Files are written by any thread (no database needed); rows by the writer. */
#pragma once
#include <fulmar/base/sink.h>
#include <fulmar/store/db.h>

G_BEGIN_DECLS

#define FM_BODY_STORE_DIGEST_CHARS 64

/* A sink into a new message file. More than LIMIT_BYTES is FM_ERROR_LIMIT; a full disk is FM_ERROR_STORAGE. GROUPED leaves the directory's
 * fsync to fm_body_store_sync_dirs, before the rows are committed. Any thread. */
FmSink *fm_body_store_sink_new (FmStore *store, guint64 limit_bytes, gboolean grouped);
/* After commit: lower-case hex of the SHA-256, and the size. Lives as long as the sink. */
const char *fm_body_store_sink_digest (FmSink *sink, guint64 *ret_size_bytes);
/* fsyncs the directories that grouped commits of this store have touched. */
gboolean fm_body_store_sync_dirs (FmStore *store, GError **error);

/* The blob of a file that a sink committed, made on first sight with no reference. 0 on error. */
gint64 fm_body_store_put (FmStoreWriter *writer, const char *digest, guint64 size_bytes, GError **error);
/* Put and attach to a row in one go (fm_message_store_set_blob). */
gint64 fm_body_store_attach (FmStoreWriter *writer, gint64 msg_id, const char *digest, guint64 size_bytes, GError **error);
/* Rows of local folders whose files are read in place have a blob of their own each, so that the index can be fed with them; its file is the row's path, and
 * is never removed by us. New rows with a path get one; this is for rows that got their path later. Rows that have a blob are left alone. */
gboolean fm_body_store_put_local (FmStoreWriter *writer, const gint64 *msg_ids, gsize n, GError **error);
/* 0 if there is no such blob. */
gint64 fm_body_store_find (FmStoreReader *reader, const char *digest);

/* The file of a row: the blob's, or the local folder's own. NOT_FOUND if the body is not here. Transfer: full. */
char *fm_body_store_path (FmStoreReader *reader, gint64 msg_id, GError **error);
/* The digest of a row's message file. NULL: it has none, or is read in place. Transfer: full. */
char *fm_body_store_digest (FmStoreReader *reader, gint64 msg_id);
char *fm_body_store_blob_path (FmStoreReader *reader, gint64 blob_id, GError **error);
/* A Maildir's file that is not at PATH any more: under its new name (other flags, or out of new/), if it is still in its folder; else NULL. Reads
 * the directory: pool threads. Transfer: full. */
char *fm_body_store_find_again (const char *path);
/* An open descriptor of it, close-on-exec; -1 on error. */
int fm_body_store_open (FmStoreReader *reader, gint64 msg_id, GError **error);

/* The index's marks on blobs, as store and index agree on them. */
typedef enum { FM_BLOB_TODO, FM_BLOB_INDEXED, FM_BLOB_REMOVE, FM_BLOB_FAILED } FmBlobIndex;
/* Ids of blobs in STATE, newest first, below BEFORE_ID (G_MAXINT64: from the top). gint64. Transfer: full. */
GArray *fm_body_store_indexable (FmStoreReader *reader, FmBlobIndex state, gint64 before_id, guint limit, GError **error);
gboolean fm_body_store_set_indexed (FmStoreWriter *writer, const gint64 *blob_ids, gsize n, FmBlobIndex state, GError **error);
/* The LIMIT blobs from FROM_ID on back to TODO: the index is rebuilt. RET_NEXT_ID: where the next slice begins; 0: there is none. */
gboolean fm_body_store_reset_index (FmStoreWriter *writer, gint64 from_id, guint limit, gint64 *ret_next_id, GError **error);

/* Removes up to LIMIT blobs without references for longer than GRACE_S, rows first, files after COMMIT by the returned list of paths: hand
 * it to fm_body_store_unlink. Blobs that are indexed are marked REMOVE first, up to LIMIT, and go when the index has let go (INDEX_GONE).
 * RET_MORE: LIMIT was reached, or the index has not let go of some yet. char*. */
GPtrArray *fm_body_store_collect (FmStoreWriter *writer, int grace_s, guint limit, gboolean *ret_more, GError **error);
gboolean fm_body_store_index_gone (FmStoreWriter *writer, const gint64 *blob_ids, gsize n, GError **error);
void fm_body_store_unlink (GPtrArray *paths);
/* Temporary files older than AGE_S, left by a crash. Any thread. */
void fm_body_store_clean_tmp (FmStore *store, int age_s);

/* Each message file on the disk, known or not: after a corrupt database this list is what is imported again. CALLBACK returns FALSE to
 * stop. Any thread. */
typedef gboolean (*FmBodyFile) (const char *path, const char *digest, guint64 size_bytes, gpointer data);
gboolean fm_body_store_reimport (FmStore *store, FmBodyFile callback, gpointer data, GError **error);

G_END_DECLS

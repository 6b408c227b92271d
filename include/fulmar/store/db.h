/* The store's door: a directory with one SQLite database (`state.db`, WAL) and the message files. One FmStoreWriter exists for each store
 * (the pen's); each reading thread has one FmStoreReader. Neither handle may be used by two threads at once; FmStore itself is shared.
 *
 * Errors are FM_ERROR_STORAGE with the path and a remedy in the message, unless a function says otherwise. Functions of the other headers
 * that write need an open transaction (fm_db_begin); a group of them is undone by one rollback. */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

typedef struct FmStore FmStore;
typedef struct FmStoreWriter FmStoreWriter;
typedef struct FmStoreReader FmStoreReader;

/* Opens or makes the store in DIR (0700) and brings its schema up to date. A newer schema, a file system where WAL can't work and an
 * unwritable directory are refused, each with what to do. A corrupt database is moved aside (fm_db_corrupt_path tells where) and a new one
 * is begun, unless somebody else has the store open; the message files stay (fm_body_store_reimport). Slow; any thread. */
FmStore *fm_db_open (const char *dir, GError **error);
FmStore *fm_db_ref (FmStore *store);
void fm_db_unref (FmStore *store); /* accepts NULL */

const char *fm_db_dir (const FmStore *store);
/* Where the corrupt database was moved by this open, or NULL. */
const char *fm_db_corrupt_path (const FmStore *store);

/* When the database was begun, in microseconds since 1970; 0 on error. */
gint64 fm_db_created_us (FmStoreReader *reader);
/* A word that is this database's alone, whatever directory it lies in: what was derived from another one does not fit it. Transfer: full. */
char *fm_db_identity (const FmStore *store);

FmStoreWriter *fm_db_writer_new (FmStore *store, GError **error);
void fm_db_writer_free (FmStoreWriter *writer); /* accepts NULL; rolls back what is open */
FmStoreReader *fm_db_reader_new (FmStore *store, GError **error);
void fm_db_reader_free (FmStoreReader *reader); /* accepts NULL */
/* The writer seen as a reader: sees what is not committed yet. Transfer: none. */
FmStoreReader *fm_db_writer_reader (FmStoreWriter *writer);
FmStore *fm_db_reader_store (FmStoreReader *reader); /* Transfer: none */

typedef enum {
  FM_DB_NORMAL, /* survives the death of the process; a power cut may undo it */
  FM_DB_FULL,   /* on the platter when commit returns */
} FmDbDurability;

/* BEGIN IMMEDIATE. Waits up to 10 s for another process's writer. */
gboolean fm_db_begin (FmStoreWriter *writer, FmDbDurability durability, GError **error);
/* On failure everything since begin is rolled back. */
gboolean fm_db_commit (FmStoreWriter *writer, GError **error);
void fm_db_rollback (FmStoreWriter *writer);
gboolean fm_db_in_transaction (const FmStoreWriter *writer);
/* One level inside a transaction: release keeps, rollback_to undoes what came after it. */
gboolean fm_db_savepoint (FmStoreWriter *writer, GError **error);
gboolean fm_db_release (FmStoreWriter *writer, GError **error);
void fm_db_rollback_to (FmStoreWriter *writer);

/* Size of the write-ahead log now; the pen checkpoints at 64 MB and when idle. */
guint64 fm_db_wal_bytes (FmStore *store);
/* After a NORMAL commit: has the system begin to write the log to the disk, without waiting for it. Else the next FULL commit waits for all that
 * the bulk commits before it have left in memory (25 ms where 6 are enough). */
void fm_db_write_back (FmStoreWriter *writer);
/* Moves the log into the database and starts it anew (RESTART). FALSE without an error when readers are in the way. */
gboolean fm_db_checkpoint (FmStoreWriter *writer, GError **error);

/* Several reads that must agree with one another; ended soon, never kept across requests. */
gboolean fm_db_read_begin (FmStoreReader *reader, GError **error);
void fm_db_read_end (FmStoreReader *reader);

/* The whole database read and checked (seconds at 1M rows); for `doctor`. */
gboolean fm_db_check (FmStoreReader *reader, GError **error);

/* Small named values. Transfer: full; NULL if unset. */
char *fm_db_meta_get (FmStoreReader *reader, const char *key, GError **error);
gboolean fm_db_meta_set (FmStoreWriter *writer, const char *key, const char *value, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FmStore, fm_db_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FmStoreWriter, fm_db_writer_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FmStoreReader, fm_db_reader_free)

G_END_DECLS

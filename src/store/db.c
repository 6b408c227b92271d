/* The store's door. WAL needs shared memory between processes, which network file systems do not give: a database that does not answer
 * "wal" to the pragma is refused with a remedy rather than run in a mode where two processes could block one another for seconds. */
#include "store/sql-function.h"
#include "store/sql-numbers.h"
#include "store/sql.h"
#include "store/schema.h"
#include "store/sqlite-error.h"
#include <errno.h>
#include <fcntl.h>
#include <fulmar/base/clock.h>
#include <fulmar/base/error.h>
#include <fulmar/base/paths.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define BUSY_TIMEOUT_MS 10000

/* For the process, before its first connection: SQLite counts no memory for us, which costs a lock an allocation. */
static void
set_up_library (void)
{
  static gsize done;

  if (!g_once_init_enter (&done))
    return;
  sqlite3_config (SQLITE_CONFIG_MEMSTATUS, 0);
  g_once_init_leave (&done, 1);
}

static int
set_up_connection (sqlite3 *db, gboolean writes)
{
  /* A trigger's frame does not fit into the slots that are usual, and a row fires several. */
  if (writes)
    sqlite3_db_config (db, SQLITE_DBCONFIG_LOOKASIDE, NULL, 4096, 128);
  sqlite3_extended_result_codes (db, 1);
  sqlite3_busy_timeout (db, BUSY_TIMEOUT_MS);
  fm_sql_function_register (db);
  int code = fm_sql_numbers_register (db);
  if (code == SQLITE_OK)
    code = sqlite3_exec (db, "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA mmap_size=0; PRAGMA temp_store=MEMORY;", NULL,
                         NULL, NULL);
  if (code == SQLITE_OK)
    code = sqlite3_exec (db,
                         writes ? "PRAGMA cache_size=-16384; PRAGMA wal_autocheckpoint=0; PRAGMA journal_size_limit=67108864;"
                                : "PRAGMA cache_size=-8192;",
                         NULL, NULL, NULL);
  return code;
}

static int
open_connection (const char *path, int flags, sqlite3 **ret_db)
{
  int code = sqlite3_open_v2 (path, ret_db, flags | SQLITE_OPEN_NOMUTEX, NULL);
  if (code == SQLITE_OK)
    code = set_up_connection (*ret_db, (flags & SQLITE_OPEN_READONLY) == 0);
  return code;
}

static gboolean
is_network_file_system (const char *dir)
{
  struct statfs fs;
  /* NFS, SMB, CIFS, SMB2, 9p, AFS, Ceph: no shared memory between hosts */
  static const guint32 magics[] = { 0x6969, 0x517b, 0xff534d42, 0xfe534d42, 0x01021997, 0x5346414f, 0x00c36400 };

  if (statfs (dir, &fs) != 0)
    return FALSE;
  for (gsize i = 0; i < G_N_ELEMENTS (magics); i++)
    if ((guint32) fs.f_type == magics[i])
      return TRUE;
  return FALSE;
}

static gboolean
switch_to_wal (FmStore *store, sqlite3 *db, int *ret_code, GError **error)
{
  sqlite3_stmt *statement = NULL;
  gboolean is_wal = FALSE;

  *ret_code = sqlite3_prepare_v2 (db, "PRAGMA journal_mode=WAL", -1, &statement, NULL);
  if (*ret_code == SQLITE_OK && (*ret_code = sqlite3_step (statement)) == SQLITE_ROW)
    {
      is_wal = g_strcmp0 ((const char *) sqlite3_column_text (statement, 0), "wal") == 0;
      *ret_code = SQLITE_OK;
    }
  sqlite3_finalize (statement);
  if (*ret_code != SQLITE_OK)
    {
      fm_sqlite_error_set (error, db, *ret_code);
      return FALSE;
    }
  if (!is_wal)
    g_set_error (
        error, FM_ERROR, FM_ERROR_STORAGE,
        "%s: this file system can't hold the store (no shared memory for its write-ahead log); set `store = DIR` to a local directory",
        store->dir);
  return is_wal;
}

/* Files that are older than this belong to a database before. */
static gboolean
note_creation (sqlite3 *db, int *ret_code, GError **error)
{
  g_autofree char *sql = g_strdup_printf ("INSERT OR IGNORE INTO meta VALUES('created_us', '%" G_GINT64_FORMAT "')", g_get_real_time ());
  sqlite3_stmt *statement = NULL;

  *ret_code = sqlite3_prepare_v2 (db, "SELECT v FROM meta WHERE k='created_us'", -1, &statement, NULL);
  gboolean known = *ret_code == SQLITE_OK && (*ret_code = sqlite3_step (statement)) == SQLITE_ROW;
  sqlite3_finalize (statement);
  if (!known && (*ret_code == SQLITE_DONE || *ret_code == SQLITE_OK))
    *ret_code = sqlite3_exec (db, sql, NULL, NULL, NULL);
  else if (known)
    *ret_code = SQLITE_OK;
  if (*ret_code != SQLITE_OK)
    fm_sqlite_error_set (error, db, *ret_code);
  return *ret_code == SQLITE_OK;
}

static gboolean
load_hash_key (FmStore *store, sqlite3 *db, int *ret_code, GError **error)
{
  sqlite3_stmt *statement = NULL;
  gboolean found = FALSE;

  *ret_code = sqlite3_prepare_v2 (db, "SELECT v FROM meta WHERE k='hash_key'", -1, &statement, NULL);
  if (*ret_code == SQLITE_OK && (*ret_code = sqlite3_step (statement)) == SQLITE_ROW)
    {
      const char *hex = (const char *) sqlite3_column_text (statement, 0);
      found = hex != NULL && strlen (hex) == 32;
      for (int i = 0; found && i < 16; i++)
        store->key[i] = (guint8) (g_ascii_xdigit_value (hex[2 * i]) * 16 + g_ascii_xdigit_value (hex[2 * i + 1]));
    }
  sqlite3_finalize (statement);
  if (!found)
    {
      *ret_code = SQLITE_CORRUPT;
      g_set_error (error, FM_ERROR, FM_ERROR_STORAGE, "%s: its hash key is gone", store->db_path);
    }
  return found;
}

/* One try at the database; *ret_code says whether it is corrupt. */
static gboolean
open_database (FmStore *store, int *ret_code, GError **error)
{
  sqlite3 *db = NULL;
  gboolean ok = FALSE;

  *ret_code = open_connection (store->db_path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, &db);
  if (*ret_code != SQLITE_OK)
    fm_sqlite_error_set (error, db, *ret_code);
  else if (switch_to_wal (store, db, ret_code, error))
    {
      ok = fm_schema_migrate (db, error);
      if (!ok)
        *ret_code = sqlite3_errcode (db);
      else
        ok = load_hash_key (store, db, ret_code, error) && note_creation (db, ret_code, error);
    }
  sqlite3_close (db);
  return ok;
}

static gboolean
move_aside (FmStore *store, GError **error)
{
  g_autoptr (GDateTime) now = g_date_time_new_from_unix_utc (fm_clock_now_utc ());
  g_autofree char *date = g_date_time_format (now, "%Y%m%d-%H%M%S");
  g_autofree char *target = g_strdup_printf ("%s.corrupt-%s", store->db_path, date);
  static const char *const tails[] = { "-wal", "-shm" };

  for (guint i = 2; g_file_test (target, G_FILE_TEST_EXISTS); i++)
    {
      g_free (target);
      target = g_strdup_printf ("%s.corrupt-%s-%u", store->db_path, date, i);
    }
  if (g_rename (store->db_path, target) != 0)
    {
      fm_error_set_errno (error, FM_ERROR_STORAGE, errno, "%s is damaged and can't be set aside", store->db_path);
      return FALSE;
    }
  for (gsize i = 0; i < G_N_ELEMENTS (tails); i++)
    {
      g_autofree char *from = g_strconcat (store->db_path, tails[i], NULL);
      g_autofree char *to = g_strconcat (target, tails[i], NULL);
      (void) g_rename (from, to);
    }
  g_free (store->corrupt_path);
  store->corrupt_path = g_steal_pointer (&target);
  return TRUE;
}

/* A connection has met damage (fm_sqlite_error_set leaves a mark): is it true? Seconds at a million rows, and only then. What keeps us from looking
 * (a file that is not there, no room, somebody's lock) is no damage: only the check's own word counts. */
static gboolean
is_damaged (FmStore *store)
{
  sqlite3 *db = NULL;
  sqlite3_stmt *statement = NULL;
  gboolean found = FALSE;
  int code = open_connection (store->db_path, SQLITE_OPEN_READWRITE, &db);

  if (code == SQLITE_OK)
    code = sqlite3_prepare_v2 (db, "PRAGMA integrity_check(1)", -1, &statement, NULL);
  if (code == SQLITE_OK && (code = sqlite3_step (statement)) == SQLITE_ROW)
    found = g_strcmp0 ((const char *) sqlite3_column_text (statement, 0), "ok") != 0;
  sqlite3_finalize (statement);
  sqlite3_close (db);
  return found || fm_sqlite_error_is_corrupt (code);
}

/* Whoever has the store open holds a lock for sharing. Waits at most while another sets a damaged database aside. */
static void
join_users (FmStore *store)
{
  g_autofree char *path = g_build_filename (store->dir, "run", "open", NULL);

  store->users_fd = open (path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (store->users_fd >= 0)
    (void) flock (store->users_fd, LOCK_SH);
}

/* Others would go on writing to the file that was moved, and read the new one. */
static gboolean
is_ours_alone (FmStore *store, GError **error)
{
  if (flock (store->users_fd, LOCK_EX | LOCK_NB) == 0)
    return TRUE;
  g_set_error (error, FM_ERROR, FM_ERROR_STORAGE, "%s is damaged, and another process works with it: end that one, and start again",
               store->db_path);
  return FALSE;
}

static gboolean
open_or_replace (FmStore *store, GError **error)
{
  g_autoptr (GError) first = NULL;
  g_autofree char *mark = g_strconcat (store->db_path, FM_SQLITE_ERROR_MARK, NULL);
  int code = SQLITE_OK;
  gboolean marked = g_file_test (mark, G_FILE_TEST_EXISTS);
  gboolean damaged = marked && is_damaged (store);
  gboolean ok = !damaged && open_database (store, &code, &first);

  if (!ok && (damaged || fm_sqlite_error_is_corrupt (code)))
    {
      g_clear_error (&first);
      ok = is_ours_alone (store, &first) && move_aside (store, &first) && open_database (store, &code, &first);
      (void) flock (store->users_fd, LOCK_SH);
    }
  if (ok)
    (void) g_unlink (mark);
  else
    g_propagate_error (error, g_steal_pointer (&first));
  return ok;
}

static gboolean
make_directories (FmStore *store, GError **error)
{
  static const char *const names[] = { "mail", "tmp", "run" };

  if (!fm_paths_make_private_dir (store->dir, error))
    return FALSE;
  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = g_build_filename (store->dir, names[i], NULL);
      if (!fm_paths_make_private_dir (path, error))
        return FALSE;
    }
  return TRUE;
}

FmStore *
fm_db_open (const char *dir, GError **error)
{
  g_autoptr (FmStore) store = g_new0 (FmStore, 1);

  set_up_library ();
  store->users_fd = -1;
  g_atomic_int_set (&store->refs, 1);
  g_mutex_init (&store->lock);
  store->dirty_dirs = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  store->dir = g_strdup (dir);
  store->db_path = g_build_filename (dir, "state.db", NULL);
  if (!make_directories (store, error))
    return NULL;
  if (is_network_file_system (dir))
    {
      g_set_error (
          error, FM_ERROR, FM_ERROR_STORAGE,
          "%s lies on a network file system, where the store's write-ahead log does not work; set `store = DIR` to a local directory", dir);
      return NULL;
    }
  join_users (store);
  mode_t mask = umask (077);
  gboolean ok = open_or_replace (store, error);
  umask (mask);
  if (!ok)
    return NULL;
  (void) g_chmod (store->db_path, 0600);
  return g_steal_pointer (&store);
}

FmStore *
fm_db_ref (FmStore *store)
{
  g_atomic_int_inc (&store->refs);
  return store;
}

void
fm_db_unref (FmStore *store)
{
  if (store == NULL || !g_atomic_int_dec_and_test (&store->refs))
    return;
  g_hash_table_unref (store->dirty_dirs);
  g_mutex_clear (&store->lock);
  if (store->users_fd >= 0)
    close (store->users_fd);
  g_free (store->dir);
  g_free (store->db_path);
  g_free (store->corrupt_path);
  g_free (store);
}

const char *
fm_db_dir (const FmStore *store)
{
  return store->dir;
}

const char *
fm_db_corrupt_path (const FmStore *store)
{
  return store->corrupt_path;
}

char *
fm_db_identity (const FmStore *store)
{
  /* Not the key itself, which is nobody's business. */
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);

  g_checksum_update (sum, (const guchar *) "identity", -1);
  g_checksum_update (sum, store->key, sizeof store->key);
  return g_strndup (g_checksum_get_string (sum), 32);
}

gint64
fm_db_created_us (FmStoreReader *reader)
{
  g_autofree char *text = fm_db_meta_get (reader, "created_us", NULL);

  return text == NULL ? 0 : g_ascii_strtoll (text, NULL, 10);
}

static void
finalize_statement (gpointer statement)
{
  sqlite3_finalize (statement);
}

static gboolean
init_connection (FmStoreReader *reader, FmStore *store, int flags, GError **error)
{
  int code = open_connection (store->db_path, flags, &reader->db);

  reader->store = fm_db_ref (store);
  reader->statements = g_hash_table_new_full (g_direct_hash, g_direct_equal, NULL, finalize_statement);
  if (code == SQLITE_OK)
    return TRUE;
  fm_sqlite_error_set (error, reader->db, code);
  return FALSE;
}

static void
clear_connection (FmStoreReader *reader)
{
  g_clear_pointer (&reader->statements, g_hash_table_unref);
  sqlite3_close (reader->db);
  fm_db_unref (reader->store);
}

FmStoreReader *
fm_db_reader_new (FmStore *store, GError **error)
{
  g_autoptr (FmStoreReader) reader = g_new0 (FmStoreReader, 1);

  return init_connection (reader, store, SQLITE_OPEN_READONLY, error) ? g_steal_pointer (&reader) : NULL;
}

void
fm_db_reader_free (FmStoreReader *reader)
{
  if (reader == NULL)
    return;
  clear_connection (reader);
  g_free (reader);
}

FmStoreWriter *
fm_db_writer_new (FmStore *store, GError **error)
{
  g_autoptr (FmStoreWriter) writer = g_new0 (FmStoreWriter, 1);

  writer->synchronous = writer->wal_fd = -1;
  return init_connection (&writer->reader, store, SQLITE_OPEN_READWRITE, error) ? g_steal_pointer (&writer) : NULL;
}

void
fm_db_writer_free (FmStoreWriter *writer)
{
  if (writer == NULL)
    return;
  if (writer->open)
    fm_db_rollback (writer);
  clear_connection (&writer->reader);
  if (writer->wal_fd >= 0)
    close (writer->wal_fd);
  g_free (writer);
}

FmStoreReader *
fm_db_writer_reader (FmStoreWriter *writer)
{
  return &writer->reader;
}

FmStore *
fm_db_reader_store (FmStoreReader *reader)
{
  return reader->store;
}

gboolean
fm_db_begin (FmStoreWriter *writer, FmDbDurability durability, GError **error)
{
  sqlite3 *db = writer->reader.db;

  g_return_val_if_fail (!writer->open, FALSE);
  /* synchronous can't be changed inside a transaction, and holds for the connection until it is set again */
  if (writer->synchronous != (int) durability)
    {
      if (!fm_sql_script (db, durability == FM_DB_FULL ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL", error))
        return FALSE;
      writer->synchronous = (int) durability;
    }
  if (!fm_sql_exec (&writer->reader, error, "BEGIN IMMEDIATE", ""))
    return FALSE;
  writer->open = TRUE;
  return TRUE;
}

gboolean
fm_db_commit (FmStoreWriter *writer, GError **error)
{
  g_return_val_if_fail (writer->open, FALSE);
  if (sqlite3_get_autocommit (writer->reader.db))
    {
      /* SQLite ended it by itself when a statement failed (disk full, I/O error): nothing of it is kept */
      writer->open = FALSE;
      g_set_error (error, FM_ERROR, FM_ERROR_STORAGE, "%s: the change was not kept: an earlier write failed; free some space on the disk",
                   writer->reader.store->db_path);
      return FALSE;
    }
  if (!fm_sql_exec (&writer->reader, error, "COMMIT", ""))
    {
      fm_db_rollback (writer);
      return FALSE;
    }
  writer->open = FALSE;
  return TRUE;
}

void
fm_db_rollback (FmStoreWriter *writer)
{
  if (!sqlite3_get_autocommit (writer->reader.db))
    sqlite3_exec (writer->reader.db, "ROLLBACK", NULL, NULL, NULL);
  writer->open = FALSE;
}

gboolean
fm_db_in_transaction (const FmStoreWriter *writer)
{
  return writer->open;
}

gboolean
fm_db_savepoint (FmStoreWriter *writer, GError **error)
{
  /* After SQLite has ended the transaction by itself, a savepoint would begin another one that nobody asked for. */
  if (sqlite3_get_autocommit (writer->reader.db))
    {
      g_set_error (error, FM_ERROR, FM_ERROR_STORAGE, "%s: an earlier write of the same change failed; free some space on the disk",
                   writer->reader.store->db_path);
      return FALSE;
    }
  return fm_sql_exec (&writer->reader, error, "SAVEPOINT job", "");
}

gboolean
fm_db_release (FmStoreWriter *writer, GError **error)
{
  return fm_sql_exec (&writer->reader, error, "RELEASE job", "");
}

void
fm_db_rollback_to (FmStoreWriter *writer)
{
  if (!sqlite3_get_autocommit (writer->reader.db))
    sqlite3_exec (writer->reader.db, "ROLLBACK TO job; RELEASE job", NULL, NULL, NULL);
}

guint64
fm_db_wal_bytes (FmStore *store)
{
  g_autofree char *path = g_strconcat (store->db_path, "-wal", NULL);
  GStatBuf info;
  return g_stat (path, &info) == 0 ? (guint64) info.st_size : 0;
}

void
fm_db_write_back (FmStoreWriter *writer)
{
  if (writer->wal_fd < 0)
    {
      g_autofree char *path = g_strconcat (writer->reader.store->db_path, "-wal", NULL);
      writer->wal_fd = open (path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    }
  if (writer->wal_fd >= 0)
    (void) sync_file_range (writer->wal_fd, 0, 0, SYNC_FILE_RANGE_WRITE);
}

gboolean
fm_db_checkpoint (FmStoreWriter *writer, GError **error)
{
  sqlite3 *db = writer->reader.db;

  /* RESTART waits for readers by the busy handler: a short wait, since the pen has users waiting behind it */
  sqlite3_busy_timeout (db, 50);
  int code = sqlite3_wal_checkpoint_v2 (db, NULL, SQLITE_CHECKPOINT_RESTART, NULL, NULL);
  sqlite3_busy_timeout (db, BUSY_TIMEOUT_MS);
  if (code == SQLITE_OK)
    return TRUE;
  if ((code & 0xff) != SQLITE_BUSY && (code & 0xff) != SQLITE_LOCKED)
    fm_sqlite_error_set (error, db, code);
  return FALSE;
}

gboolean
fm_db_read_begin (FmStoreReader *reader, GError **error)
{
  return fm_sql_exec (reader, error, "BEGIN", "");
}

void
fm_db_read_end (FmStoreReader *reader)
{
  if (!sqlite3_get_autocommit (reader->db))
    sqlite3_exec (reader->db, "COMMIT", NULL, NULL, NULL);
}

gboolean
fm_db_check (FmStoreReader *reader, GError **error)
{
  g_auto (FmSql) sql = { 0 };

  if (!fm_sql_query (&sql, reader, error, "PRAGMA integrity_check(1)", ""))
    return FALSE;
  if (fm_sql_step (&sql) && g_str_equal (fm_sql_text (&sql, 0), "ok"))
    return TRUE;
  if (sql.code == SQLITE_ROW)
    {
      g_set_error (error, FM_ERROR, FM_ERROR_STORAGE, "%s is damaged: %s", reader->store->db_path, fm_sql_text (&sql, 0));
      return FALSE;
    }
  return fm_sql_end (&sql, error);
}

char *
fm_db_meta_get (FmStoreReader *reader, const char *key, GError **error)
{
  g_auto (FmSql) sql = { 0 };

  if (!fm_sql_query (&sql, reader, error, "SELECT v FROM meta WHERE k=?", "s", key))
    return NULL;
  if (fm_sql_step (&sql))
    return g_strdup (fm_sql_text_or_null (&sql, 0));
  fm_sql_end (&sql, error);
  return NULL;
}

gboolean
fm_db_meta_set (FmStoreWriter *writer, const char *key, const char *value, GError **error)
{
  return fm_sql_exec (&writer->reader, error, "INSERT INTO meta VALUES(?,?) ON CONFLICT DO UPDATE SET v=excluded.v", "ss", key, value);
}

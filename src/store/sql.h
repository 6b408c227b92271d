/* Running one statement: prepared once for each connection (the cache is keyed by the literal's address), bound by a short format, stepped,
 * reset. Private to the store.
 *
 *   g_auto (FmSql) q = { 0 };
 *   if (!fm_sql_query (&q, reader, error, "SELECT name FROM folder WHERE id=?", "i", id)) return FALSE;
 *   while (fm_sql_step (&q)) ... fm_sql_text (&q, 0) ...
 *   return fm_sql_end (&q, error);
 *
 * Format letters: i gint64; d int; u guint32; n gint64 where 0 becomes NULL; s text or NULL; b bytes (pointer, int size). */
#pragma once
#include <glib.h>
#include <sqlite3.h>
#include <fulmar/store/db.h>

struct FmStore {
  gint refs;
  char *dir;
  char *db_path;
  char *corrupt_path;
  int users_fd;   /* locked for sharing while the store is open */
  guint8 key[16]; /* for hashes of message ids */
  GMutex lock;    /* guards dirty_dirs */
  GHashTable *dirty_dirs;
};

struct FmStoreReader {
  FmStore *store;
  sqlite3 *db;
  GHashTable *statements;
};

struct FmStoreWriter {
  FmStoreReader reader; /* first: the writer's own view */
  gboolean open;        /* a transaction is */
  int synchronous;      /* as last set by pragma; -1: not known */
  int wal_fd;           /* of the write-ahead log, for fm_db_write_back; -1: not open */
};

typedef struct {
  sqlite3_stmt *statement;
  gboolean cached;
  int code;
  sqlite3 *db;
} FmSql;

gboolean fm_sql_query (FmSql *sql, FmStoreReader *reader, GError **error, const char *text, const char *format, ...);
gboolean fm_sql_step (FmSql *sql);
/* FALSE with the error if stepping ended in one. */
gboolean fm_sql_end (FmSql *sql, GError **error);
void fm_sql_clear (FmSql *sql);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (FmSql, fm_sql_clear)

gint64 fm_sql_int (const FmSql *sql, int column);
const char *fm_sql_text (const FmSql *sql, int column); /* never NULL */
const char *fm_sql_text_or_null (const FmSql *sql, int column);
gboolean fm_sql_is_null (const FmSql *sql, int column);

/* A statement without rows. */
gboolean fm_sql_exec (FmStoreReader *reader, GError **error, const char *text, const char *format, ...);
/* The first column of the first row, or IF_NONE; errors give IF_NONE too (for reads whose failure shows elsewhere). */
gint64 fm_sql_value (FmStoreReader *reader, gint64 if_none, const char *text, const char *format, ...);
/* Several statements, not cached. */
gboolean fm_sql_script (sqlite3 *db, const char *text, GError **error);
int fm_sql_changes (FmStoreReader *reader);
void fm_sql_forget (FmStoreReader *reader);

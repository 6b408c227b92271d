/* See sql.h. A statement that is busy (a function calls itself while it steps) is prepared a second time for the inner use. */
#include "store/sql.h"
#include "store/sqlite-error.h"
#include <string.h>

static sqlite3_stmt *
prepare (FmSql *sql, FmStoreReader *reader, const char *text)
{
  sqlite3_stmt *statement = g_hash_table_lookup (reader->statements, text);

  sql->db = reader->db;
  if (statement != NULL && !sqlite3_stmt_busy (statement))
    {
      sql->cached = TRUE;
      return statement;
    }
  sql->cached = statement == NULL;
  sql->code = sqlite3_prepare_v3 (reader->db, text, -1, sql->cached ? SQLITE_PREPARE_PERSISTENT : 0, &statement, NULL);
  if (sql->code != SQLITE_OK)
    return NULL;
  if (sql->cached)
    g_hash_table_insert (reader->statements, (gpointer) text, statement);
  return statement;
}

/* LIFETIME: SQLITE_STATIC where the caller's texts outlive the stepping, which saves a copy of each. */
static void
bind (sqlite3_stmt *statement, const char *format, sqlite3_destructor_type lifetime, va_list arguments)
{
  for (int i = 0; format[i] != '\0'; i++)
    {
      switch (format[i])
        {
        case 'i':
          sqlite3_bind_int64 (statement, i + 1, va_arg (arguments, gint64));
          break;
        case 'd':
          sqlite3_bind_int (statement, i + 1, va_arg (arguments, int));
          break;
        case 'u':
          sqlite3_bind_int64 (statement, i + 1, va_arg (arguments, guint32));
          break;
          case 'n': {
            gint64 value = va_arg (arguments, gint64);
            if (value == 0)
              sqlite3_bind_null (statement, i + 1);
            else
              sqlite3_bind_int64 (statement, i + 1, value);
            break;
          }
        case 's':
          sqlite3_bind_text (statement, i + 1, va_arg (arguments, const char *), -1, lifetime);
          break;
          case 'b': {
            const void *bytes = va_arg (arguments, const void *);
            sqlite3_bind_blob (statement, i + 1, bytes, va_arg (arguments, int), lifetime);
            break;
          }
        default:
          g_assert_not_reached ();
        }
    }
}

static gboolean
start (FmSql *sql, FmStoreReader *reader, GError **error, const char *text, sqlite3_destructor_type lifetime, const char *format,
       va_list arguments)
{
  *sql = (FmSql){ 0 };
  sql->statement = prepare (sql, reader, text);
  if (sql->statement == NULL)
    {
      fm_sqlite_error_set (error, reader->db, sql->code);
      return FALSE;
    }
  bind (sql->statement, format, lifetime, arguments);
  return TRUE;
}

gboolean
fm_sql_query (FmSql *sql, FmStoreReader *reader, GError **error, const char *text, const char *format, ...)
{
  va_list arguments;
  va_start (arguments, format);
  gboolean ok = start (sql, reader, error, text, SQLITE_TRANSIENT, format, arguments);
  va_end (arguments);
  return ok;
}

gboolean
fm_sql_step (FmSql *sql)
{
  sql->code = sqlite3_step (sql->statement);
  return sql->code == SQLITE_ROW;
}

gboolean
fm_sql_end (FmSql *sql, GError **error)
{
  gboolean ok = sql->code == SQLITE_DONE || sql->code == SQLITE_ROW || sql->code == SQLITE_OK;

  if (!ok)
    fm_sqlite_error_set (error, sql->db, sql->code);
  fm_sql_clear (sql);
  return ok;
}

void
fm_sql_clear (FmSql *sql)
{
  if (sql->statement == NULL)
    return;
  sqlite3_reset (sql->statement);
  if (!sql->cached)
    sqlite3_finalize (sql->statement);
  sql->statement = NULL;
}

gint64
fm_sql_int (const FmSql *sql, int column)
{
  return sqlite3_column_int64 (sql->statement, column);
}

const char *
fm_sql_text_or_null (const FmSql *sql, int column)
{
  return (const char *) sqlite3_column_text (sql->statement, column);
}

const char *
fm_sql_text (const FmSql *sql, int column)
{
  const char *text = fm_sql_text_or_null (sql, column);
  return text == NULL ? "" : text;
}

gboolean
fm_sql_is_null (const FmSql *sql, int column)
{
  return sqlite3_column_type (sql->statement, column) == SQLITE_NULL;
}

gboolean
fm_sql_exec (FmStoreReader *reader, GError **error, const char *text, const char *format, ...)
{
  g_auto (FmSql) sql = { 0 };
  va_list arguments;

  va_start (arguments, format);
  gboolean ok = start (&sql, reader, error, text, SQLITE_STATIC, format, arguments);
  va_end (arguments);
  if (!ok)
    return FALSE;
  while (fm_sql_step (&sql))
    ;
  return fm_sql_end (&sql, error);
}

gint64
fm_sql_value (FmStoreReader *reader, gint64 if_none, const char *text, const char *format, ...)
{
  g_auto (FmSql) sql = { 0 };
  va_list arguments;

  va_start (arguments, format);
  gboolean ok = start (&sql, reader, NULL, text, SQLITE_STATIC, format, arguments);
  va_end (arguments);
  if (!ok || !fm_sql_step (&sql) || fm_sql_is_null (&sql, 0))
    return if_none;
  return fm_sql_int (&sql, 0);
}

gboolean
fm_sql_script (sqlite3 *db, const char *text, GError **error)
{
  int code = sqlite3_exec (db, text, NULL, NULL, NULL);

  if (code == SQLITE_OK)
    return TRUE;
  fm_sqlite_error_set (error, db, code);
  return FALSE;
}

int
fm_sql_changes (FmStoreReader *reader)
{
  return sqlite3_changes (reader->db);
}

void
fm_sql_forget (FmStoreReader *reader)
{
  g_hash_table_remove_all (reader->statements);
}

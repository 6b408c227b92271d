/* A virtual table that exists by its name alone and has no rows but those of the array whose address is bound: SQLite hands the address through as
 * a pointer value, which no SQL text can make up. */
#include "store/sql-numbers.h"
#include <string.h>

static const char pointer_type[] = "fm_numbers";

typedef struct {
  sqlite3_vtab_cursor base;
  FmSqlNumbers numbers;
  guint at;
} Cursor;

static int
connect_table (sqlite3 *db, void *data, int argc, const char *const *argv, sqlite3_vtab **ret_table, char **ret_message)
{
  int code = sqlite3_declare_vtab (db, "CREATE TABLE x(a, b, c, d, e, numbers HIDDEN)");

  if (code != SQLITE_OK)
    return code;
  sqlite3_vtab_config (db, SQLITE_VTAB_DIRECTONLY);
  *ret_table = sqlite3_malloc (sizeof **ret_table);
  if (*ret_table == NULL)
    return SQLITE_NOMEM;
  memset (*ret_table, 0, sizeof **ret_table);
  return SQLITE_OK;
}

static int
disconnect_table (sqlite3_vtab *table)
{
  sqlite3_free (table);
  return SQLITE_OK;
}

/* Only by the hidden argument; what else is asked SQLite looks for among the rows. */
static int
plan (sqlite3_vtab *table, sqlite3_index_info *info)
{
  for (int i = 0; i < info->nConstraint; i++)
    if (info->aConstraint[i].iColumn == FM_SQL_NUMBERS_COLUMNS && info->aConstraint[i].op == SQLITE_INDEX_CONSTRAINT_EQ
        && info->aConstraint[i].usable)
      {
        info->aConstraintUsage[i].argvIndex = 1;
        info->aConstraintUsage[i].omit = 1;
        info->estimatedCost = 1;
        info->estimatedRows = 100;
        return SQLITE_OK;
      }
  return SQLITE_CONSTRAINT;
}

static int
open_cursor (sqlite3_vtab *table, sqlite3_vtab_cursor **ret_cursor)
{
  Cursor *cursor = sqlite3_malloc (sizeof *cursor);

  if (cursor == NULL)
    return SQLITE_NOMEM;
  memset (cursor, 0, sizeof *cursor);
  *ret_cursor = &cursor->base;
  return SQLITE_OK;
}

static int
close_cursor (sqlite3_vtab_cursor *base)
{
  sqlite3_free (base);
  return SQLITE_OK;
}

static int
begin_rows (sqlite3_vtab_cursor *base, int plan_number, const char *plan_text, int n, sqlite3_value **values)
{
  Cursor *cursor = (Cursor *) base;
  const FmSqlNumbers *numbers = n == 1 ? sqlite3_value_pointer (values[0], pointer_type) : NULL;

  cursor->numbers = numbers != NULL ? *numbers : (FmSqlNumbers){ NULL, 0, 0 };
  cursor->at = 0;
  return SQLITE_OK;
}

static int
next_row (sqlite3_vtab_cursor *base)
{
  ((Cursor *) base)->at++;
  return SQLITE_OK;
}

static int
is_at_end (sqlite3_vtab_cursor *base)
{
  const Cursor *cursor = (const Cursor *) base;
  return cursor->at >= cursor->numbers.n;
}

static int
tell_column (sqlite3_vtab_cursor *base, sqlite3_context *context, int column)
{
  const Cursor *cursor = (const Cursor *) base;
  gint64 value;

  if (column >= FM_SQL_NUMBERS_COLUMNS)
    return SQLITE_OK;
  memcpy (&value, (const char *) cursor->numbers.first + cursor->at * cursor->numbers.stride + (gsize) column * sizeof value, sizeof value);
  sqlite3_result_int64 (context, value);
  return SQLITE_OK;
}

static int
tell_rowid (sqlite3_vtab_cursor *base, sqlite3_int64 *ret_rowid)
{
  *ret_rowid = ((const Cursor *) base)->at;
  return SQLITE_OK;
}

int
fm_sql_numbers_register (sqlite3 *db)
{
  static const sqlite3_module module = {
    .xConnect = connect_table,
    .xBestIndex = plan,
    .xDisconnect = disconnect_table,
    .xOpen = open_cursor,
    .xClose = close_cursor,
    .xFilter = begin_rows,
    .xNext = next_row,
    .xEof = is_at_end,
    .xColumn = tell_column,
    .xRowid = tell_rowid,
  };

  return sqlite3_create_module (db, "fm_numbers", &module, NULL);
}

void
fm_sql_numbers_bind (FmSql *sql, int parameter, const FmSqlNumbers *numbers)
{
  sqlite3_bind_pointer (sql->statement, parameter, (void *) numbers, pointer_type, NULL);
}

gboolean
fm_sql_numbers_exec (FmStoreReader *reader, const char *text, const FmSqlNumbers *numbers, GError **error)
{
  g_auto (FmSql) q = { 0 };

  if (!fm_sql_query (&q, reader, error, text, ""))
    return FALSE;
  fm_sql_numbers_bind (&q, 1, numbers);
  while (fm_sql_step (&q))
    ;
  return fm_sql_end (&q, error);
}

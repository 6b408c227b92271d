/* An array as a table: SELECT a, b FROM fm_numbers(?), where the parameter is bound by fm_sql_numbers_bind. So one statement reads or writes as many
 * rows as there are, and nothing is bound row by row. Private to the store layer. */
#pragma once
#include "store/sql.h"

#define FM_SQL_NUMBERS_COLUMNS 5 /* a to e */

/* N rows, STRIDE bytes apart, each beginning with as many gint64 as the statement reads columns of it (at most FM_SQL_NUMBERS_COLUMNS). */
typedef struct {
  const void *first;
  gsize stride;
  guint n;
} FmSqlNumbers;

/* For a connection, once. Returns SQLite's code. */
int fm_sql_numbers_register (sqlite3 *db);
/* NUMBERS must stay until the statement has ended. */
void fm_sql_numbers_bind (FmSql *sql, int parameter, const FmSqlNumbers *numbers);
/* A statement without rows, its first parameter bound to NUMBERS. */
gboolean fm_sql_numbers_exec (FmStoreReader *reader, const char *text, const FmSqlNumbers *numbers, GError **error);

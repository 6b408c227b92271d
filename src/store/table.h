/* Rows of one table, inserted many a statement: what a statement costs besides its rows (its cursors are opened and closed, its program is begun and
 * ended) is then paid once for all of them. Private to the store layer. */
#pragma once
#include "store/sql.h"

#define FM_TABLE_GROUP 16 /* rows a statement */

/* A table's statement for FM_TABLE_GROUP rows and that for one, both of static storage, and how row INDEX of DATA is bound from the parameter AT on. */
typedef struct {
  const char *many, *one;
  int columns;
  void (*bind) (sqlite3_stmt *statement, int at, gconstpointer data, guint index);
} FmTable;

#define FM_TABLE_TIMES_4(row) row "," row "," row "," row
#define FM_TABLE_TIMES_GROUP(row) FM_TABLE_TIMES_4 (row) "," FM_TABLE_TIMES_4 (row) "," FM_TABLE_TIMES_4 (row) "," FM_TABLE_TIMES_4 (row)
/* INSERT: "INSERT ... INTO table"; ROW: "(?,?)". */
#define FM_TABLE(insert, row, n_columns, bind_row)                                                                               \
  {                                                                                                                              \
    .many = insert " VALUES" FM_TABLE_TIMES_GROUP (row), .one = insert " VALUES" row, .columns = (n_columns), .bind = (bind_row) \
  }

/* Inserts rows 0 to N-1 of DATA, in this order. */
gboolean fm_table_write (FmStoreReader *reader, const FmTable *table, gconstpointer data, guint n, GError **error);

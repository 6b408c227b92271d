/* See table.h. */
#include "store/table.h"

gboolean
fm_table_write (FmStoreReader *reader, const FmTable *table, gconstpointer data, guint n, GError **error)
{
  for (guint at = 0; at < n;)
    {
      guint count = n - at >= FM_TABLE_GROUP ? FM_TABLE_GROUP : 1;
      g_auto (FmSql) q = { 0 };
      if (!fm_sql_query (&q, reader, error, count == FM_TABLE_GROUP ? table->many : table->one, ""))
        return FALSE;
      for (guint i = 0; i < count; i++)
        table->bind (q.statement, 1 + (int) i * table->columns, data, at + i);
      fm_sql_step (&q);
      if (!fm_sql_end (&q, error))
        return FALSE;
      at += count;
    }
  return TRUE;
}

/* What is counted when rows come: a folder's messages, a thread's row in its folder, the references to a message file. Triggers count what
 * happens to a row later (it goes, moves, is read); its arrival they do not, since rows come by the hundred and the counters of all are
 * written together. Whoever inserts into msg calls these. */
#include "store/message-private.h"
#include "store/table.h"

static int
compare_threads (gconstpointer a, gconstpointer b)
{
  const FmMessageAdded *x = a, *y = b;
  return x->thread < y->thread ? -1 : x->thread > y->thread;
}

/* Threads that have no row in the folder yet. */
typedef struct {
  gint64 folder_id;
  GArray *threads; /* FmMessageAdded */
} Begun;

static void
bind_thread (sqlite3_stmt *statement, int at, gconstpointer data, guint index)
{
  const Begun *begun = data;
  const FmMessageAdded *one = &g_array_index (begun->threads, FmMessageAdded, index);

  sqlite3_bind_int64 (statement, at, begun->folder_id);
  sqlite3_bind_int64 (statement, at + 1, one->thread);
  sqlite3_bind_int64 (statement, at + 2, one->date);
  sqlite3_bind_int64 (statement, at + 3, one->count);
  sqlite3_bind_int64 (statement, at + 4, one->unread);
}

static const FmTable threads = FM_TABLE ("INSERT OR FAIL INTO thread", "(?,?,?,?,?)", 5, bind_thread);

/* Where the date stays, the index by date is left alone. One that is not there yet is put with those that begin. */
static gboolean
add_to_thread (FmStoreReader *r, gint64 folder_id, const FmMessageAdded *one, Begun *begun, GError **error)
{
  gint64 last = fm_sql_value (r, G_MININT64, "SELECT last FROM thread WHERE folder_id=? AND thread_id=?", "ii", folder_id, one->thread);

  if (last == G_MININT64)
    {
      g_array_append_vals (begun->threads, one, 1);
      return TRUE;
    }
  if (last >= one->date)
    return fm_sql_exec (r, error, "UPDATE thread SET count = count + ?, unread = unread + ? WHERE folder_id=? AND thread_id=?", "uuii",
                        (guint32) one->count, (guint32) one->unread, folder_id, one->thread);
  return fm_sql_exec (r, error, "UPDATE thread SET count = count + ?, unread = unread + ?, last = ? WHERE folder_id=? AND thread_id=?",
                      "uuiii", (guint32) one->count, (guint32) one->unread, one->date, folder_id, one->thread);
}

gboolean
fm_message_count_added (FmStoreReader *r, gint64 folder_id, GArray *added, gint64 last_known_thread, GError **error)
{
  g_autoptr (GArray) fresh = g_array_new (FALSE, FALSE, sizeof (FmMessageAdded));
  Begun begun = { folder_id, fresh };
  guint unread = 0;

  g_array_sort (added, compare_threads);
  for (guint i = 0; i < added->len;)
    {
      FmMessageAdded sum = g_array_index (added, FmMessageAdded, i);
      for (i++; i < added->len && g_array_index (added, FmMessageAdded, i).thread == sum.thread; i++)
        {
          const FmMessageAdded *more = &g_array_index (added, FmMessageAdded, i);
          sum.date = MAX (sum.date, more->date);
          sum.count += more->count;
          sum.unread += more->unread;
        }
      unread += sum.unread;
      if (sum.thread > last_known_thread)
        g_array_append_val (fresh, sum);
      else if (!add_to_thread (r, folder_id, &sum, &begun, error))
        return FALSE;
    }
  return fm_table_write (r, &threads, &begun, fresh->len, error)
         && fm_sql_exec (r, error, "UPDATE folder SET total = total + ?, unread = unread + ? WHERE id=?", "uui", (guint32) added->len,
                         (guint32) unread, folder_id);
}

gboolean
fm_message_count_blob (FmStoreReader *r, gint64 blob_id, GError **error)
{
  return fm_sql_exec (r, error, "UPDATE blob SET refs = refs + 1 WHERE id=?", "i", blob_id);
}

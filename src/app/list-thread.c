/* Threads in the list: their rows, the way from one to the next, folding. */
#include "app/list-model.h"
#include <fulmar/store/message-store.h>

/* Among the rows near by, as long as there is no array. */
static gboolean
find_near (FmList *list, gboolean backwards, guint64 *ret_position)
{
  guint64 at = list->cursor;

  for (guint i = 0; i < FM_LIST_CACHE_ROWS && (backwards ? at > 0 : at + 1 < fm_list_total (list)); i++)
    {
      const FmRow *row = fm_list_window_at (list, backwards ? --at : ++at);
      if (row && row->depth == 0)
        {
          *ret_position = at;
          return TRUE;
        }
    }
  return FALSE;
}

gboolean
fm_list_thread_find (FmList *list, gboolean backwards, guint64 *ret_position)
{
  return list->positions ? fm_positions_find_thread (list->positions, list->cursor, backwards, ret_position)
                         : find_near (list, backwards, ret_position);
}

void
fm_list_thread_step_over (FmList *list, const gint64 *ids, gsize n)
{
  g_autoptr (GHashTable) set = g_hash_table_new (g_int64_hash, g_int64_equal);
  guint64 at = list->cursor;
  const FmRow *row;

  for (gsize i = 0; i < n; i++)
    g_hash_table_add (set, (gpointer) &ids[i]);
  for (guint i = 0; i < FM_LIST_CACHE_ROWS; i++, at++)
    if (!(row = at < fm_list_total (list) ? fm_list_window_at (list, at) : NULL) || !g_hash_table_contains (set, &row->id))
      break;
  /* Longer than a window: it is a thread's, which is known where it ends. */
  if (at == list->cursor + FM_LIST_CACHE_ROWS && !fm_list_thread_find (list, FALSE, &at))
    at = fm_list_total (list);
  if (at != list->cursor)
    fm_list_set_cursor (list, at);
}

static gint64
thread_of (FmList *list, gint64 id)
{
  g_autoptr (FmMessageInfo) info = fm_message_store_get (fm_app_reader (list->app), id, NULL);

  return info ? info->thread_id : 0;
}

GArray *
fm_list_thread_ids (FmList *list, gint64 id)
{
  GArray *ids = g_array_new (FALSE, FALSE, sizeof (gint64));
  gint64 thread_id = thread_of (list, id);
  g_autoptr (GPtrArray) rows = thread_id ? fm_list_store_thread (fm_app_reader (list->app), thread_id, list->folder_id, NULL) : NULL;

  for (guint i = 0; rows && i < rows->len; i++)
    g_array_append_val (ids, ((FmRow *) g_ptr_array_index (rows, i))->id);
  if (ids->len == 0)
    g_array_append_val (ids, id);
  return ids;
}

void
fm_list_thread_fold (FmList *list)
{
  gint64 thread_id = list->cursor_id ? thread_of (list, list->cursor_id) : 0;

  if (!thread_id || list->order != FM_ORDER_THREAD)
    return;
  if (fm_idset_contains (list->folded, thread_id))
    fm_idset_remove (list->folded, thread_id);
  else
    fm_idset_add (list->folded, thread_id);
  fm_list_load_start (list);
}

void
fm_list_thread_fold_all (FmList *list)
{
  if (list->order != FM_ORDER_THREAD)
    return;
  list->all_folded = !list->all_folded;
  fm_idset_unref (list->folded);
  list->folded = fm_idset_new ();
  fm_list_load_start (list);
}

/* Threads in the list: their rows, the way from one to the next, folding. */
#include "app/list-model.h"
#include <fulmar/store/message-store.h>

#define THREAD_SCAN 5000

gboolean
fm_list_thread_find (FmList *list, gboolean backwards, guint64 *ret_position)
{
  guint64 total = fm_list_total (list), at = list->cursor;
  FmListLine line;

  for (guint i = 0; i < THREAD_SCAN; i++)
    {
      if (backwards ? at == 0 : at + 1 >= total)
        return FALSE;
      at = backwards ? at - 1 : at + 1;
      if (!fm_list_line (list, at, &line))
        return FALSE;
      if (line.row && line.row->depth == 0)
        {
          *ret_position = at;
          return TRUE;
        }
    }
  return FALSE;
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

/* The rows around what is shown: a few hundred, read by the array of positions, or, while that still loads, by keyset pages from the top. */
#include "app/list-model.h"
#include <fulmar/mail/flags.h>

#define FIRST_ROWS 120

void
fm_list_window_drop (FmList *list)
{
  g_ptr_array_set_size (list->cache, 0);
  list->cache_first = 0;
}

void
fm_list_window_take (FmList *list, guint64 first, GPtrArray *rows)
{
  fm_list_window_drop (list);
  list->cache_first = first;
  g_ptr_array_extend_and_steal (list->cache, rows);
}

/* The first page by keyset: what the screen shows before the array is there. */
void
fm_list_window_first (FmList *list)
{
  FmListSpec spec = fm_list_spec (list);
  GPtrArray *rows;

  if (spec.limit || (spec.order != FM_ORDER_DATE && spec.order != FM_ORDER_THREAD) || list->folder_id == 0)
    return;
  rows = fm_list_store_first (fm_app_reader (list->app), &spec, FIRST_ROWS, NULL);
  if (rows)
    fm_list_window_take (list, 0, rows);
}

/* One more page below what is cached, while there is no array. */
static gboolean
extend_cache (FmList *list)
{
  FmListSpec spec = fm_list_spec (list);
  FmRow *last = list->cache->len ? g_ptr_array_index (list->cache, list->cache->len - 1) : NULL;
  GPtrArray *rows;
  gboolean any;

  if (!last || list->cache->len > 20000)
    return FALSE;
  rows = fm_list_store_page (fm_app_reader (list->app), &spec, last, FALSE, FM_LIST_CACHE_ROWS, NULL);
  if (!rows)
    return FALSE;
  any = rows->len > 0;
  g_ptr_array_extend_and_steal (list->cache, rows);
  return any;
}

void
fm_list_window_around (FmList *list, guint64 position)
{
  guint64 first = position > FM_LIST_CACHE_BEFORE ? position - FM_LIST_CACHE_BEFORE : 0;
  GPtrArray *rows = fm_positions_rows (list->positions, fm_app_reader (list->app), first, FM_LIST_CACHE_ROWS, NULL);

  if (rows)
    fm_list_window_take (list, first, rows);
}

static FmRow *
cached (FmList *list, guint64 position)
{
  if (position < list->cache_first || position >= list->cache_first + list->cache->len)
    return NULL;
  return g_ptr_array_index (list->cache, position - list->cache_first);
}

gboolean
fm_list_window_has (const FmList *list, guint64 position)
{
  return position >= list->cache_first && position < list->cache_first + list->cache->len;
}

FmRow *
fm_list_window_at (FmList *list, guint64 position)
{
  if (fm_list_window_has (list, position))
    return cached (list, position);
  if (list->positions)
    {
      if (position >= fm_positions_count (list->positions))
        return NULL;
      fm_list_window_around (list, position);
      return cached (list, position);
    }
  while (position < list->cache_first + list->cache->len + FM_LIST_CACHE_ROWS && position >= list->cache_first + list->cache->len)
    if (!extend_cache (list))
      return NULL;
  return cached (list, position);
}

/* A folded thread's line keeps the thread's date; its own message may have been read, or not any more, since. */
static void
follow_thread (FmRow *fresh, const FmRow *old)
{
  gboolean is_unread = !(fresh->flags & FM_FLAG_SEEN), was_unread = !(old->flags & FM_FLAG_SEEN);

  fresh->date_utc = old->date_utc;
  if (was_unread && !is_unread && fresh->thread_unread > 0)
    fresh->thread_unread--;
  else if (is_unread && !was_unread)
    fresh->thread_unread++;
}

/* The cached rows again, in place: flags are fresh in this frame, and rows that left are holes until the new array comes. */
void
fm_list_window_reread (FmList *list)
{
  g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (gint64));
  GPtrArray *rows;
  guint next = 0;

  for (guint i = 0; i < list->cache->len; i++)
    {
      FmRow *row = g_ptr_array_index (list->cache, i);
      if (row)
        g_array_append_val (ids, row->id);
    }
  if (ids->len == 0 || !(rows = fm_list_store_rows (fm_app_reader (list->app), (const gint64 *) (void *) ids->data, ids->len, NULL)))
    return;
  for (guint i = 0; i < list->cache->len; i++)
    {
      FmRow *old = g_ptr_array_index (list->cache, i), *fresh = next < rows->len ? g_ptr_array_index (rows, next) : NULL;
      if (!old)
        continue;
      if (!fresh || fresh->id != old->id)
        {
          list->cache->pdata[i] = NULL;
          fm_list_store_row_unref (old);
          continue;
        }
      fresh->depth = old->depth;
      fresh->is_last_child = old->is_last_child;
      fresh->has_children = old->has_children;
      fresh->is_orphan = old->is_orphan;
      fresh->open_levels = old->open_levels;
      fresh->folded = old->folded;
      fresh->thread_count = old->thread_count;
      fresh->thread_unread = old->thread_unread;
      if (fresh->folded)
        follow_thread (fresh, old);
      list->cache->pdata[i] = fm_list_store_row_ref (fresh);
      fm_list_store_row_unref (old);
      next++;
    }
  g_ptr_array_unref (rows);
}

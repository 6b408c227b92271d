/* The list's rows come from three places, the cheapest that knows: the row cache (a few hundred rows around what is shown), the position array
 * (any row by number), and, while that array still loads behind the screen, keyset pages from the top. The array is what was true when it was
 * built: a change in the folder re-reads the cached rows at once and loads a new array; when it arrives the cursor finds its message again. */
#include "app/list-model.h"
#include <fulmar/mail/flags.h>
#include <fulmar/store/folder-store.h>
#include <string.h>

static void
row_free (gpointer row)
{
  fm_list_store_row_unref (row);
}

FmListSpec
fm_list_spec (const FmList *list)
{
  FmListSpec spec = { .folder_id = list->folder_id, .order = list->order, .descending = list->descending, .limit = list->limit };

  if (list->order == FM_ORDER_THREAD)
    {
      spec.folded = list->folded;
      spec.all_folded = list->all_folded;
    }
  return spec;
}

/* --- order --- */

void
fm_list_order_from (FmList *list, const char *sort)
{
  static const struct {
    const char *name;
    FmListOrder order;
  } orders[] = { { "date", FM_ORDER_DATE },
                 { "from", FM_ORDER_FROM },
                 { "subject", FM_ORDER_SUBJECT },
                 { "size", FM_ORDER_SIZE },
                 { "arrival", FM_ORDER_ARRIVAL } };
  const char *name = *sort == '-' ? sort + 1 : sort;

  list->descending = *sort == '-';
  list->order = FM_ORDER_DATE;
  for (guint i = 0; i < G_N_ELEMENTS (orders); i++)
    if (strcmp (orders[i].name, name) == 0)
      list->order = orders[i].order;
  /* Threads stand in the order of their newest message, and can't be narrowed without being torn. */
  if (list->threaded && list->order == FM_ORDER_DATE && !list->limit && !list->is_search)
    list->order = FM_ORDER_THREAD;
  if (list->sort != sort)
    {
      g_free (list->sort);
      list->sort = g_strdup (sort);
    }
}

void
fm_list_read_counters (FmList *list)
{
  g_autoptr (FmFolderInfo) info = list->folder_id ? fm_folder_store_get (fm_app_reader (list->app), list->folder_id, NULL) : NULL;

  if (info)
    {
      list->total = info->total;
      list->unread = info->unread;
    }
}

/* --- life --- */

FmList *
fm_list_new (FmApp *app)
{
  FmList *list = g_new0 (FmList, 1);

  list->app = app;
  list->link = g_new0 (FmListLink, 1);
  list->link->refs = 1;
  list->link->list = list;
  list->cache = g_ptr_array_new_with_free_func (row_free);
  list->tagged = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  list->folded = fm_idset_new ();
  list->threaded = fm_config_get_bool (app->config, "threads");
  return list;
}

void
fm_list_free (FmList *list)
{
  if (!list)
    return;
  fm_list_load_stop (list);
  fm_list_hunt_stop (list);
  if (list->search_request)
    fm_engine_cancel (list->app->engine, list->search_request);
  list->link->list = NULL;
  fm_list_load_unlink (list->link);
  g_ptr_array_unref (list->cache);
  g_hash_table_unref (list->tagged);
  fm_positions_unref (list->positions);
  fm_idset_unref (list->limit);
  fm_idset_unref (list->limit_building);
  fm_idset_unref (list->folded);
  g_clear_pointer (&list->found, g_array_unref);
  g_free (list->title);
  g_free (list->sort);
  g_free (list->limit_text);
  g_free (list);
}

FmList *
fm_list_open_folder (FmApp *app, gint64 folder_id)
{
  FmList *list = fm_list_new (app);
  g_autoptr (FmFolderInfo) info = folder_id ? fm_folder_store_get (fm_app_reader (app), folder_id, NULL) : NULL;

  list->folder_id = folder_id;
  if (info)
    {
      g_autofree char *name = g_strconcat (info->account, "/", info->name, NULL);
      list->title = fm_text_sanitise_line (name, -1);
    }
  else
    list->title = g_strdup ("");
  fm_list_order_from (list, fm_config_get (app->config, "sort"));
  fm_list_read_counters (list);
  if (info)
    fm_list_load_restart (list);
  if (list->order != FM_ORDER_THREAD && list->order != FM_ORDER_DATE)
    return list;
  fm_list_set_cursor (list, 0);
  return list;
}

/* --- changes --- */

void
fm_list_refresh (FmList *list, gint64 folder_id)
{
  if (list->folder_id && folder_id && list->folder_id != folder_id)
    return;
  list->changes++;
  fm_list_read_counters (list);
  if (!list->positions && !list->is_search)
    fm_list_window_first (list);
  else
    fm_list_window_reread (list);
  fm_list_put_cursor (list, list->cursor);
  fm_list_load_start (list);
  fm_app_changed (list->app, FM_CHANGE_LIST);
}

void
fm_list_message_changed (FmList *list, gint64 msg_id)
{
  list->changes++;
  for (guint i = 0; i < list->cache->len; i++)
    {
      FmRow *row = g_ptr_array_index (list->cache, i);
      if (row && row->id == msg_id)
        {
          fm_list_window_reread (list);
          fm_app_changed (list->app, FM_CHANGE_LIST);
          return;
        }
    }
}

void
fm_list_redraw (FmList *list)
{
  fm_app_changed (list->app, FM_CHANGE_LIST);
}

void
fm_list_set_order (FmList *list, const char *sort, gboolean threads)
{
  list->threaded = threads;
  fm_list_order_from (list, sort);
  if (!list->is_search)
    fm_list_load_restart (list);
}

/* --- what views see --- */

const char *
fm_list_title (const FmList *list)
{
  return list->title;
}

gint64
fm_list_folder (const FmList *list)
{
  return list->folder_id;
}

gboolean
fm_list_busy (const FmList *list)
{
  return list->busy;
}

guint64
fm_list_total (const FmList *list)
{
  if (list->positions)
    return fm_positions_count (list->positions);
  return list->limit || list->is_search ? list->cache->len : MAX (list->total, list->cache->len);
}

guint64
fm_list_unread (const FmList *list)
{
  return list->unread;
}

gboolean
fm_list_line (FmList *list, guint64 position, FmListLine *ret_line)
{
  FmListLine line = { 0 };

  if (position >= fm_list_total (list))
    return FALSE;
  line.row = fm_list_window_at (list, position);
  if (!line.row)
    {
      line.is_dummy = TRUE;
      *ret_line = line;
      return TRUE;
    }
  line.flags = line.row->flags;
  line.pending = fm_overlay_apply (list->app->overlay, line.row->id, &line.flags, &line.gone);
  line.tagged = fm_list_is_tagged (list, line.row->id);
  if (line.row->folded && line.row->thread_unread > !(line.row->flags & FM_FLAG_SEEN))
    line.flags &= ~(guint) FM_FLAG_SEEN; /* others in it are unread */
  *ret_line = line;
  return TRUE;
}

void
fm_list_set_window (FmList *list, guint64 first, guint rows)
{
  if (list->positions
      && (!fm_list_window_has (list, first)
          || (rows && first + rows - 1 < fm_positions_count (list->positions) && !fm_list_window_has (list, first + rows - 1))))
    fm_list_window_around (list, first);
}

guint64
fm_list_cursor (const FmList *list)
{
  return list->cursor;
}

gint64
fm_list_cursor_id (const FmList *list)
{
  return list->cursor_id;
}

void
fm_list_put_cursor (FmList *list, guint64 position)
{
  guint64 total = fm_list_total (list);
  FmRow *row;

  list->cursor = total == 0 ? 0 : MIN (position, total - 1);
  row = total ? fm_list_window_at (list, list->cursor) : NULL;
  list->cursor_id = row ? row->id : 0;
}

void
fm_list_set_cursor (FmList *list, guint64 position)
{
  fm_list_put_cursor (list, position);
  list->sought_id = 0;
  list->moves++;
}

void
fm_list_step (FmList *list, gint64 delta)
{
  if (delta < 0 && (guint64) -delta > list->cursor)
    fm_list_set_cursor (list, 0);
  else
    fm_list_set_cursor (list, list->cursor + delta);
}

static gboolean
is_unread (FmList *list, guint64 position)
{
  FmListLine line;

  return fm_list_line (list, position, &line) && line.row && !(line.flags & FM_FLAG_SEEN) && !line.gone;
}

gboolean
fm_list_find_unread (FmList *list, gboolean backwards, guint64 *ret_position)
{
  guint64 total = fm_list_total (list), position = list->cursor;

  /* What is near is read from the rows (and sees the overlay); what is far from the array, where one hit may have been read meanwhile. */
  for (guint64 i = 1; i <= MIN (total, FM_LIST_CACHE_ROWS); i++)
    {
      guint64 at = backwards ? (list->cursor + total - i) % total : (list->cursor + i) % total;
      if (fm_list_window_has (list, at) && is_unread (list, at))
        {
          *ret_position = at;
          return TRUE;
        }
      if (!fm_list_window_has (list, at))
        break;
      position = at;
    }
  for (guint tries = 0; list->positions && tries < 100; tries++)
    {
      if (!fm_positions_find_unread (list->positions, fm_app_reader (list->app), position, backwards, &position))
        return FALSE;
      if (is_unread (list, position))
        {
          *ret_position = position;
          return TRUE;
        }
    }
  return FALSE;
}

gboolean
fm_list_find (FmList *list, gint64 id, guint64 *ret_position)
{
  if (list->positions)
    return fm_positions_find (list->positions, fm_app_reader (list->app), id, ret_position);
  for (guint i = 0; i < list->cache->len; i++)
    {
      FmRow *row = g_ptr_array_index (list->cache, i);
      if (row && row->id == id)
        {
          *ret_position = list->cache_first + i;
          return TRUE;
        }
    }
  return FALSE;
}

void
fm_list_seek (FmList *list, gint64 id)
{
  guint64 position;

  if (fm_list_find (list, id, &position))
    fm_list_set_cursor (list, position);
  else
    list->sought_id = id;
  fm_app_changed (list->app, FM_CHANGE_LIST);
}

gboolean
fm_list_threaded (const FmList *list)
{
  return list->threaded;
}

const char *
fm_list_limit (const FmList *list)
{
  return list->limit_text;
}

const char *
fm_list_sort (const FmList *list)
{
  return list->sort;
}

/* --- tags --- */

void
fm_list_tag (FmList *list, gint64 id, gboolean on)
{
  if (on)
    g_hash_table_add (list->tagged, g_memdup2 (&id, sizeof id));
  else
    g_hash_table_remove (list->tagged, &id);
}

gboolean
fm_list_is_tagged (const FmList *list, gint64 id)
{
  return g_hash_table_contains (list->tagged, &id);
}

void
fm_list_tag_all (FmList *list, const gint64 *ids, gsize n, gboolean on)
{
  for (gsize i = 0; i < n; i++)
    fm_list_tag (list, ids[i], on);
}

void
fm_list_untag_all (FmList *list)
{
  g_hash_table_remove_all (list->tagged);
}

guint
fm_list_tagged_count (const FmList *list)
{
  return g_hash_table_size (list->tagged);
}

GArray *
fm_list_tagged_ids (FmList *list)
{
  GArray *ids = g_array_new (FALSE, FALSE, sizeof (gint64));
  GHashTableIter iter;
  gpointer key;

  g_hash_table_iter_init (&iter, list->tagged);
  while (g_hash_table_iter_next (&iter, &key, NULL))
    g_array_append_vals (ids, key, 1);
  return ids;
}

/* The list's rows come from three places, the cheapest that knows: the row cache (a few hundred rows around what is shown), the position array
 * (any row by number), and, while that array still loads behind the screen, keyset pages from the top. The array is what was true when it was
 * built: a change in the folder re-reads the cached rows at once and loads a new array; when it arrives the cursor finds its message again. */
#include "app/app-private.h"
#include "app/list-private.h"
#include <fulmar/mail/flags.h>
#include <fulmar/store/folder-store.h>
#include <fulmar/store/message-store.h>
#include <fulmar/store/positions.h>
#include <string.h>

#define FIRST_ROWS 120
#define CACHE_BEFORE 60
#define CACHE_ROWS 240
#define THREAD_SCAN 5000

typedef struct FmListLink {
  guint refs;
  FmList *list; /* NULL: gone */
} Link;

struct FmList {
  FmApp *app;
  Link *link;
  char *title, *sort, *limit_text;
  gint64 folder_id;
  gboolean threaded, is_search, busy;
  FmListOrder order;
  gboolean descending, all_folded;
  FmIdSet *limit, *folded, *limit_building;

  FmPositions *positions; /* NULL while it loads for the first time */
  guint64 load_request, search_request;
  gboolean load_again;
  GArray *found; /* a search's ids in order */

  GPtrArray *cache; /* FmRow* or NULL, from position cache_first */
  guint64 cache_first;
  guint64 total, unread; /* the folder's counters */
  guint64 cursor;
  gint64 cursor_id;
  gint64 sought_id;   /* goes under the cursor as soon as an array has it; 0: none */
  GHashTable *tagged; /* gint64* set */
};

static void
row_free (gpointer row)
{
  fm_list_store_row_unref (row);
}

static void
link_unref (gpointer data)
{
  Link *link = data;

  if (--link->refs == 0)
    g_free (link);
}

static Link *
link_ref (FmList *list)
{
  list->link->refs++;
  return list->link;
}

static FmListSpec
spec_of (const FmList *list)
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

static void
set_order_from (FmList *list, const char *sort)
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

/* --- the cache --- */

static void
drop_cache (FmList *list)
{
  g_ptr_array_set_size (list->cache, 0);
  list->cache_first = 0;
}

static void
take_rows (FmList *list, guint64 first, GPtrArray *rows)
{
  drop_cache (list);
  list->cache_first = first;
  g_ptr_array_extend_and_steal (list->cache, rows);
}

/* The first page by keyset: what the screen shows before the array is there. */
static void
load_first (FmList *list)
{
  FmListSpec spec = spec_of (list);
  GPtrArray *rows;

  if (spec.limit || (spec.order != FM_ORDER_DATE && spec.order != FM_ORDER_THREAD) || list->folder_id == 0)
    return;
  rows = fm_list_store_first (fm_app_reader (list->app), &spec, FIRST_ROWS, NULL);
  if (rows)
    take_rows (list, 0, rows);
}

/* One more page below what is cached, while there is no array. */
static gboolean
extend_cache (FmList *list)
{
  FmListSpec spec = spec_of (list);
  FmRow *last = list->cache->len ? g_ptr_array_index (list->cache, list->cache->len - 1) : NULL;
  GPtrArray *rows;
  gboolean any;

  if (!last || list->cache->len > 20000)
    return FALSE;
  rows = fm_list_store_page (fm_app_reader (list->app), &spec, last, FALSE, CACHE_ROWS, NULL);
  if (!rows)
    return FALSE;
  any = rows->len > 0;
  g_ptr_array_extend_and_steal (list->cache, rows);
  return any;
}

static void
load_around (FmList *list, guint64 position)
{
  guint64 first = position > CACHE_BEFORE ? position - CACHE_BEFORE : 0;
  GPtrArray *rows = fm_positions_rows (list->positions, fm_app_reader (list->app), first, CACHE_ROWS, NULL);

  if (rows)
    take_rows (list, first, rows);
}

static FmRow *
cached (FmList *list, guint64 position)
{
  if (position < list->cache_first || position >= list->cache_first + list->cache->len)
    return NULL;
  return g_ptr_array_index (list->cache, position - list->cache_first);
}

static gboolean
is_cached (const FmList *list, guint64 position)
{
  return position >= list->cache_first && position < list->cache_first + list->cache->len;
}

static FmRow *
row_at (FmList *list, guint64 position)
{
  if (is_cached (list, position))
    return cached (list, position);
  if (list->positions)
    {
      if (position >= fm_positions_count (list->positions))
        return NULL;
      load_around (list, position);
      return cached (list, position);
    }
  while (position < list->cache_first + list->cache->len + CACHE_ROWS && position >= list->cache_first + list->cache->len)
    if (!extend_cache (list))
      return NULL;
  return cached (list, position);
}

/* --- the array --- */

typedef struct {
  Link *link;
  FmListSpec spec;
} Load;

static void
load_free (gpointer data)
{
  Load *load = data;

  link_unref (load->link);
  if (load->spec.limit)
    fm_idset_unref ((FmIdSet *) load->spec.limit);
  if (load->spec.folded)
    fm_idset_unref ((FmIdSet *) load->spec.folded);
  g_free (load);
}

static gpointer
load_run (FmStoreReader *reader, FmCancel *cancel, gpointer data, GError **error)
{
  const Load *load = data;

  return fm_positions_load (reader, &load->spec, cancel, error);
}

static void start_load (FmList *list);

static void
use_positions (FmList *list, FmPositions *positions)
{
  guint64 position, before = list->cursor;

  fm_positions_unref (list->positions);
  list->positions = positions;
  drop_cache (list);
  gint64 sought_id = list->sought_id;
  if (sought_id && fm_positions_find (positions, fm_app_reader (list->app), sought_id, &position))
    {
      list->cursor = position;
      sought_id = 0;
    }
  else if (list->cursor_id && fm_positions_find (positions, fm_app_reader (list->app), list->cursor_id, &position))
    list->cursor = position;
  else
    list->cursor = before;
  fm_list_set_cursor (list, list->cursor);
  list->sought_id = sought_id;
  fm_app_changed (list->app, FM_CHANGE_LIST);
}

static void
load_done (gpointer result, const GError *error, gpointer data)
{
  Load *load = data;
  FmList *list = load->link->list;

  if (!list)
    {
      fm_positions_unref (result);
      return;
    }
  list->load_request = 0;
  if (result)
    use_positions (list, result);
  else if (!g_error_matches (error, FM_ERROR, FM_ERROR_CANCELLED))
    fm_app_complain (list->app, "the list can't be read: %s", error->message);
  if (list->load_again)
    {
      list->load_again = FALSE;
      start_load (list);
    }
}

/* One load at a time; what changes meanwhile asks for one more. */
static void
start_load (FmList *list)
{
  Load *load;

  if (list->is_search || list->folder_id == 0)
    return;
  if (list->load_request)
    {
      list->load_again = TRUE;
      return;
    }
  load = g_new0 (Load, 1);
  load->link = link_ref (list);
  load->spec = spec_of (list);
  load->spec.limit = list->limit ? fm_idset_ref (list->limit) : NULL;
  load->spec.folded = load->spec.folded && list->folded ? fm_idset_dup (list->folded) : NULL;
  list->load_request = fm_engine_compute (list->app->engine, load_run, load_done, load, load_free);
}

/* A new order or fold: nothing cached is true any more. */
static void
restart (FmList *list)
{
  if (list->load_request)
    {
      fm_engine_cancel (list->app->engine, list->load_request);
      list->load_again = TRUE;
    }
  g_clear_pointer (&list->positions, fm_positions_unref);
  drop_cache (list);
  load_first (list);
  start_load (list);
}

static void
read_counters (FmList *list)
{
  g_autoptr (FmFolderInfo) info = list->folder_id ? fm_folder_store_get (fm_app_reader (list->app), list->folder_id, NULL) : NULL;

  if (info)
    {
      list->total = info->total;
      list->unread = info->unread;
    }
}

/* --- life --- */

static FmList *
list_new (FmApp *app)
{
  FmList *list = g_new0 (FmList, 1);

  list->app = app;
  list->link = g_new0 (Link, 1);
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
  if (list->load_request)
    fm_engine_cancel (list->app->engine, list->load_request);
  if (list->search_request)
    fm_engine_cancel (list->app->engine, list->search_request);
  list->link->list = NULL;
  link_unref (list->link);
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
  FmList *list = list_new (app);
  g_autoptr (FmFolderInfo) info = folder_id ? fm_folder_store_get (fm_app_reader (app), folder_id, NULL) : NULL;

  list->folder_id = folder_id;
  if (info)
    {
      g_autofree char *name = g_strconcat (info->account, "/", info->name, NULL);
      list->title = fm_text_sanitise_line (name, -1);
    }
  else
    list->title = g_strdup ("");
  set_order_from (list, fm_config_get (app->config, "sort"));
  read_counters (list);
  if (info)
    restart (list);
  if (list->order != FM_ORDER_THREAD && list->order != FM_ORDER_DATE)
    return list;
  fm_list_set_cursor (list, 0);
  return list;
}

/* --- searches --- */

static void
search_answered (FmApp *app, const FmEvent *event, gpointer data)
{
  FmList *list = ((Link *) data)->list;

  if (!list || list->search_request != event->reply_to)
    return;
  if (event->kind == FM_EVENT_SEARCH_BATCH && event->ids)
    {
      g_array_append_vals (list->found, event->ids->data, event->ids->len);
      list->total = list->found->len;
      use_positions (list, fm_positions_new_ids ((const gint64 *) (void *) list->found->data, list->found->len));
    }
  else if (event->kind == FM_EVENT_DONE || event->kind == FM_EVENT_FAILED || event->kind == FM_EVENT_CANCELLED)
    {
      list->busy = FALSE;
      list->search_request = 0;
      if (event->kind == FM_EVENT_FAILED)
        fm_app_complain (app, "%s", event->error->message);
      else if (event->kind == FM_EVENT_DONE)
        fm_app_say (app,
                    list->total == 0   ? "nothing found"
                    : list->total == 1 ? "1 message found"
                                       : "%" G_GUINT64_FORMAT " messages found",
                    list->total);
    }
  fm_app_changed (app, FM_CHANGE_LIST | FM_CHANGE_STATUS);
}

FmList *
fm_list_open_search (FmApp *app, const char *text, FmQuery *query, gint64 folder_id)
{
  FmList *list = list_new (app);

  list->is_search = TRUE;
  list->busy = TRUE;
  list->title = fm_text_sanitise_line (text, -1);
  list->found = g_array_new (FALSE, FALSE, sizeof (gint64));
  set_order_from (list, "-date");
  list->search_request = fm_engine_search (app->engine, query, folder_id);
  fm_app_expect (app, list->search_request, search_answered, link_ref (list), link_unref);
  return list;
}

/* --- limit --- */

static void
limit_answered (FmApp *app, const FmEvent *event, gpointer data)
{
  FmList *list = ((Link *) data)->list;

  if (!list || list->search_request != event->reply_to)
    return;
  if (event->kind == FM_EVENT_SEARCH_BATCH && event->ids)
    for (guint i = 0; i < event->ids->len; i++)
      fm_idset_add (list->limit_building, g_array_index (event->ids, gint64, i));
  else if (event->kind == FM_EVENT_DONE)
    {
      list->busy = FALSE;
      list->search_request = 0;
      fm_idset_unref (list->limit);
      list->limit = g_steal_pointer (&list->limit_building);
      list->cursor = 0;
      set_order_from (list, list->sort);
      restart (list);
      fm_app_say (app, "limited to %" G_GUINT64_FORMAT, fm_idset_count (list->limit));
    }
  else if (event->kind == FM_EVENT_FAILED)
    {
      list->busy = FALSE;
      list->search_request = 0;
      fm_app_complain (app, "%s", event->error->message);
    }
}

void
fm_list_set_limit (FmList *list, const char *text, FmQuery *query)
{
  FmApp *app = list->app;

  g_free (list->limit_text);
  list->limit_text = g_strdup (text);
  if (!query)
    {
      g_clear_pointer (&list->limit, fm_idset_unref);
      set_order_from (list, list->sort);
      restart (list);
      return;
    }
  if (list->search_request)
    fm_engine_cancel (app->engine, list->search_request);
  fm_idset_unref (list->limit_building);
  list->limit_building = fm_idset_new ();
  list->busy = TRUE;
  list->search_request = fm_engine_search (app->engine, query, list->folder_id);
  fm_app_expect (app, list->search_request, limit_answered, link_ref (list), link_unref);
}

/* --- changes --- */

/* The cached rows again, in place: flags are fresh in this frame, and rows that left are holes until the new array comes. */
static void
reread_cache (FmList *list)
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
      list->cache->pdata[i] = fm_list_store_row_ref (fresh);
      fm_list_store_row_unref (old);
      next++;
    }
  g_ptr_array_unref (rows);
}

void
fm_list_refresh (FmList *list, gint64 folder_id)
{
  if (list->folder_id && folder_id && list->folder_id != folder_id)
    return;
  read_counters (list);
  if (!list->positions && !list->is_search)
    load_first (list);
  else
    reread_cache (list);
  gint64 sought_id = list->sought_id;
  fm_list_set_cursor (list, list->cursor);
  list->sought_id = sought_id;
  start_load (list);
  fm_app_changed (list->app, FM_CHANGE_LIST);
}

void
fm_list_message_changed (FmList *list, gint64 msg_id)
{
  for (guint i = 0; i < list->cache->len; i++)
    {
      FmRow *row = g_ptr_array_index (list->cache, i);
      if (row && row->id == msg_id)
        {
          reread_cache (list);
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
  set_order_from (list, sort);
  if (!list->is_search)
    restart (list);
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
  line.row = row_at (list, position);
  if (!line.row)
    {
      line.is_dummy = TRUE;
      *ret_line = line;
      return TRUE;
    }
  line.flags = line.row->flags;
  line.pending = fm_overlay_apply (list->app->overlay, line.row->id, &line.flags, &line.gone);
  line.tagged = fm_list_is_tagged (list, line.row->id);
  *ret_line = line;
  return TRUE;
}

void
fm_list_set_window (FmList *list, guint64 first, guint rows)
{
  if (list->positions
      && (!is_cached (list, first)
          || (rows && first + rows - 1 < fm_positions_count (list->positions) && !is_cached (list, first + rows - 1))))
    load_around (list, first);
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
fm_list_set_cursor (FmList *list, guint64 position)
{
  guint64 total = fm_list_total (list);
  FmRow *row;

  list->cursor = total == 0 ? 0 : MIN (position, total - 1);
  row = total ? row_at (list, list->cursor) : NULL;
  list->cursor_id = row ? row->id : 0;
  list->sought_id = 0;
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
  for (guint64 i = 1; i <= MIN (total, CACHE_ROWS); i++)
    {
      guint64 at = backwards ? (list->cursor + total - i) % total : (list->cursor + i) % total;
      if (is_cached (list, at) && is_unread (list, at))
        {
          *ret_position = at;
          return TRUE;
        }
      if (!is_cached (list, at))
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
fm_list_find_thread (FmList *list, gboolean backwards, guint64 *ret_position)
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

/* --- threads --- */

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
fm_list_fold_thread (FmList *list)
{
  gint64 thread_id = list->cursor_id ? thread_of (list, list->cursor_id) : 0;

  if (!thread_id || list->order != FM_ORDER_THREAD)
    return;
  if (fm_idset_contains (list->folded, thread_id))
    fm_idset_remove (list->folded, thread_id);
  else
    fm_idset_add (list->folded, thread_id);
  start_load (list);
}

void
fm_list_fold_all (FmList *list)
{
  if (list->order != FM_ORDER_THREAD)
    return;
  list->all_folded = !list->all_folded;
  fm_idset_unref (list->folded);
  list->folded = fm_idset_new ();
  start_load (list);
}

/* The array of positions, loaded on the pool. The load brings the rows around the cursor with it, so that the loop only changes pointers when it
 * comes. */
#include "app/list-model.h"
#include <fulmar/base/clock.h>

void
fm_list_load_unlink (gpointer data)
{
  FmListLink *link = data;

  if (--link->refs == 0)
    g_free (link);
}

FmListLink *
fm_list_load_link (FmList *list)
{
  list->link->refs++;
  return list->link;
}

FmListSpec
fm_list_load_spec (const FmList *list)
{
  FmListSpec spec = fm_list_spec (list);

  spec.limit = spec.limit ? fm_idset_ref (list->limit) : NULL;
  spec.folded = spec.folded ? fm_idset_dup (list->folded) : NULL;
  return spec;
}

void
fm_list_load_spec_clear (FmListSpec *spec)
{
  fm_idset_unref ((FmIdSet *) spec->limit);
  fm_idset_unref ((FmIdSet *) spec->folded);
}

/* A load that takes a fifth of a second (a million rows) would follow upon itself for as long as a folder fills: between two there is this many
 * times what the last took. */
#define PAUSE_FACTOR 3
#define MAX_PAUSE_US (2 * G_USEC_PER_SEC) /* a load may have taken long for other reasons than the list's length */

typedef struct {
  FmListLink *link;
  FmListSpec spec;
  gint64 wanted_id, started_us;
  guint changes, turn; /* the list's, when this began */
} Load;

/* What the pool hands over: the array, where the wanted message stands in it, and the rows around that. */
typedef struct {
  FmPositions *positions;
  gboolean found;
  guint64 position, first;
  GPtrArray *rows; /* NULL: not read */
} Loaded;

static void
load_free (gpointer data)
{
  Load *load = data;

  fm_list_load_unlink (load->link);
  fm_list_load_spec_clear (&load->spec);
  g_free (load);
}

static void
loaded_free (Loaded *loaded)
{
  fm_positions_unref (loaded->positions);
  if (loaded->rows)
    g_ptr_array_unref (loaded->rows);
  g_free (loaded);
}

/* Pool. */
static gpointer
load_run (FmStoreReader *reader, FmCancel *cancel, gpointer data, GError **error)
{
  const Load *load = data;
  FmPositions *positions = fm_positions_load (reader, &load->spec, cancel, error);
  Loaded *loaded;

  if (!positions)
    return NULL;
  loaded = g_new0 (Loaded, 1);
  loaded->positions = positions;
  loaded->found = load->wanted_id != 0 && fm_positions_find (positions, reader, load->wanted_id, &loaded->position);
  loaded->first = loaded->position > FM_LIST_CACHE_BEFORE ? loaded->position - FM_LIST_CACHE_BEFORE : 0;
  loaded->rows = fm_positions_rows (positions, reader, loaded->first, FM_LIST_CACHE_ROWS, NULL);
  return loaded;
}

static void
take_positions (FmList *list, FmPositions *positions)
{
  fm_positions_unref (list->positions);
  list->positions = positions;
  fm_list_window_drop (list);
}

static gint64
wanted (const FmList *list)
{
  return list->sought_id ? list->sought_id : list->cursor_id;
}

/* The message that is sought goes under the cursor; else the cursor stays on its own message, or where it is. */
static void
place_cursor (FmList *list)
{
  guint64 position;

  if (list->sought_id && fm_positions_find (list->positions, fm_app_reader (list->app), list->sought_id, &position))
    {
      list->cursor = position;
      list->sought_id = 0;
    }
  else if (list->cursor_id && fm_positions_find (list->positions, fm_app_reader (list->app), list->cursor_id, &position))
    list->cursor = position;
  fm_list_put_cursor (list, list->cursor);
  fm_app_changed (list->app, FM_CHANGE_LIST);
}

void
fm_list_load_use (FmList *list, FmPositions *positions)
{
  take_positions (list, positions);
  place_cursor (list);
}

static void
use_loaded (FmList *list, const Load *load, Loaded *loaded)
{
  gboolean is_wanted = loaded->found && load->wanted_id == wanted (list);

  take_positions (list, g_steal_pointer (&loaded->positions));
  fm_list_read_counters (list); /* the array may know of more than the change that asked for it */
  if (loaded->rows && (is_wanted || wanted (list) == 0))
    {
      fm_list_window_take (list, loaded->first, g_steal_pointer (&loaded->rows));
      /* Read before the change that this list has heard of since. */
      if (load->changes != list->changes)
        fm_list_window_reread (list);
    }
  if (!is_wanted)
    {
      place_cursor (list);
      return;
    }
  fm_list_put_cursor (list, loaded->position);
  list->sought_id = 0;
  fm_app_changed (list->app, FM_CHANGE_LIST);
}

static void
load_done (gpointer result, const GError *error, gpointer data)
{
  Load *load = data;
  Loaded *loaded = result;
  FmList *list = load->link->list;

  if (!list)
    {
      if (loaded)
        loaded_free (loaded);
      return;
    }
  list->load_request = 0;
  gboolean is_stale = load->turn != list->turn;
  if (!is_stale)
    list->load_pause_until_us = fm_clock_mono_us () + MIN (PAUSE_FACTOR * (fm_clock_mono_us () - load->started_us), MAX_PAUSE_US);
  /* Of another order or limit: it may have been ready before it was called off, and what is done to it now must not meet what was shown then. */
  if (loaded && is_stale)
    loaded_free (loaded);
  else if (loaded)
    {
      use_loaded (list, load, loaded);
      loaded_free (loaded);
    }
  else if (!g_error_matches (error, FM_ERROR, FM_ERROR_CANCELLED))
    fm_app_complain (list->app, "the list can't be read: %s", error->message);
  if (list->load_again)
    {
      list->load_again = FALSE;
      fm_list_load_start (list);
    }
}

static void
begin (FmList *list)
{
  Load *load = g_new0 (Load, 1);

  load->link = fm_list_load_link (list);
  load->spec = fm_list_load_spec (list);
  load->wanted_id = wanted (list);
  load->changes = list->changes;
  load->turn = list->turn;
  load->started_us = fm_clock_mono_us ();
  list->load_request = fm_engine_compute (list->app->engine, load_run, load_done, load, load_free);
}

static gboolean
on_pause_over (gpointer data)
{
  FmList *list = data;

  list->load_timer = 0;
  fm_list_load_start (list);
  return G_SOURCE_REMOVE;
}

void
fm_list_load_start (FmList *list)
{
  gint64 pause_us = list->load_pause_until_us - fm_clock_mono_us ();

  if (list->is_search || list->folder_id == 0)
    return;
  /* What changes while a load is on its way asks for one more. */
  if (list->load_request)
    list->load_again = TRUE;
  else if (pause_us <= 0)
    {
      g_clear_handle_id (&list->load_timer, g_source_remove);
      begin (list);
    }
  else if (list->load_timer == 0)
    list->load_timer = g_timeout_add ((guint) (pause_us / 1000 + 1), on_pause_over, list);
}

void
fm_list_load_stop (FmList *list)
{
  g_clear_handle_id (&list->load_timer, g_source_remove);
  if (list->load_request)
    fm_engine_cancel (list->app->engine, list->load_request);
}

void
fm_list_load_restart (FmList *list)
{
  list->turn++;
  if (list->load_request)
    {
      fm_engine_cancel (list->app->engine, list->load_request);
      list->load_again = TRUE;
    }
  list->load_pause_until_us = 0;
  g_clear_pointer (&list->positions, fm_positions_unref);
  fm_list_window_drop (list);
  fm_list_window_first (list);
  fm_list_load_start (list);
}

/* The next hit of the last search in the list one is in. A search tells the hits, a pass over the array of positions on the pool finds the
 * nearest of them, and the cursor goes there when that is known, unless the user has moved it meanwhile. Pressed again while it
 * runs, it goes one hit further in the same pass. */
#include "app/list-model.h"

/* Held by the list and by each request that is on its way. */
typedef struct FmListHunt {
  guint refs;
  FmList *list; /* NULL: called off */
  guint64 request;
  char *text;
  FmIdSet *hits; /* frozen once the search is done */
  gboolean backwards;
  guint steps;       /* hits to go on from the cursor */
  guint moves, turn; /* the list's, when the cursor was last known to stand where the user wants it */
} Hunt;

static void
hunt_unref (gpointer data)
{
  Hunt *hunt = data;

  if (--hunt->refs > 0)
    return;
  fm_idset_unref (hunt->hits);
  g_free (hunt->text);
  g_free (hunt);
}

static Hunt *
hunt_ref (Hunt *hunt)
{
  hunt->refs++;
  return hunt;
}

void
fm_list_hunt_stop (FmList *list)
{
  Hunt *hunt = g_steal_pointer (&list->hunt);

  if (!hunt)
    return;
  fm_engine_cancel (list->app->engine, hunt->request);
  hunt->list = NULL;
  hunt_unref (hunt);
}

static void
mark_place (Hunt *hunt)
{
  hunt->moves = hunt->list->moves;
  hunt->turn = hunt->list->turn;
}

/* The cursor is still where the hunt wants to go on from, and its list in view. */
static gboolean
is_wanted (const Hunt *hunt)
{
  return hunt->list && hunt->list == hunt->list->app->list && hunt->moves == hunt->list->moves && hunt->turn == hunt->list->turn;
}

/* --- the pass over the array --- */

typedef struct {
  Hunt *hunt;
  const FmIdSet *hits;    /* the hunt's */
  FmPositions *positions; /* NULL: the list has none yet, the pass loads its own */
  FmListSpec spec;
  guint64 from;
  gboolean backwards;
} Pass;

typedef struct {
  guint64 position;
  gint64 id;
} Found;

static void
pass_free (gpointer data)
{
  Pass *pass = data;

  fm_positions_unref (pass->positions);
  fm_list_load_spec_clear (&pass->spec);
  hunt_unref (pass->hunt);
  g_free (pass);
}

/* Pool. */
static gpointer
pass_run (FmStoreReader *reader, FmCancel *cancel, gpointer data, GError **error)
{
  const Pass *pass = data;
  g_autoptr (FmPositions) positions
      = pass->positions ? fm_positions_ref (pass->positions) : fm_positions_load (reader, &pass->spec, cancel, error);
  Found found = { 0 };

  if (!positions || !fm_positions_find_member (positions, reader, pass->hits, pass->from, pass->backwards, cancel, &found.position, error))
    return NULL;
  found.id = fm_positions_id (positions, reader, found.position);
  return g_memdup2 (&found, sizeof found);
}

static void pass_start (Hunt *hunt);

static void
go_to (Hunt *hunt, const Pass *pass, const Found *found)
{
  FmList *list = hunt->list;

  if (list->positions && list->positions == pass->positions)
    fm_list_set_cursor (list, found->position);
  else
    fm_list_seek (list, found->id);
  if ((found->position < pass->from) != hunt->backwards)
    fm_app_say (list->app, hunt->backwards ? "went on from the end" : "went on from the top");
  fm_app_changed (list->app, FM_CHANGE_LIST);
  if (--hunt->steps > 0)
    pass_start (hunt);
  else
    fm_list_hunt_stop (list);
}

static void
pass_done (gpointer result, const GError *error, gpointer data)
{
  const Pass *pass = data;
  g_autofree Found *found = result;
  Hunt *hunt = pass->hunt;

  if (!hunt->list)
    return;
  if (is_wanted (hunt) && found && found->position != pass->from)
    {
      go_to (hunt, pass, found);
      return;
    }
  if (is_wanted (hunt) && (found || g_error_matches (error, FM_ERROR, FM_ERROR_NOT_FOUND)))
    fm_app_say (hunt->list->app, "no other hit here for %s", hunt->text);
  else if (!found && !g_error_matches (error, FM_ERROR, FM_ERROR_NOT_FOUND))
    fm_app_complain (hunt->list->app, "the next hit can't be looked for: %s", error->message);
  fm_list_hunt_stop (hunt->list);
}

static void
pass_start (Hunt *hunt)
{
  FmList *list = hunt->list;
  Pass *pass = g_new0 (Pass, 1);

  mark_place (hunt);
  pass->hunt = hunt_ref (hunt);
  pass->hits = hunt->hits;
  pass->positions = list->positions ? fm_positions_ref (list->positions) : NULL;
  pass->spec = fm_list_load_spec (list);
  pass->from = list->cursor;
  pass->backwards = hunt->backwards;
  hunt->request = fm_engine_compute (list->app->engine, pass_run, pass_done, pass, pass_free);
}

/* --- the search --- */

static void
searched (FmApp *app, const FmEvent *event, gpointer data)
{
  Hunt *hunt = data;

  if (!hunt->list)
    return;
  if (event->kind == FM_EVENT_SEARCH_BATCH && event->ids)
    for (guint i = 0; i < event->ids->len; i++)
      fm_idset_add (hunt->hits, g_array_index (event->ids, gint64, i));
  else if (event->kind == FM_EVENT_DONE && is_wanted (hunt) && (hunt->list->folder_id || hunt->list->positions))
    pass_start (hunt);
  else if (event->kind == FM_EVENT_DONE || event->kind == FM_EVENT_FAILED || event->kind == FM_EVENT_CANCELLED)
    {
      if (event->kind == FM_EVENT_FAILED)
        fm_app_complain (app, "%s", event->error->message);
      fm_list_hunt_stop (hunt->list);
    }
}

void
fm_list_hunt_start (FmList *list, const char *text, FmQuery *query, gboolean backwards)
{
  Hunt *hunt = list->hunt;

  if (hunt && is_wanted (hunt) && hunt->backwards == backwards && strcmp (hunt->text, text) == 0)
    {
      hunt->steps++;
      return;
    }
  fm_list_hunt_stop (list);
  hunt = list->hunt = g_new0 (Hunt, 1);
  hunt->refs = 1;
  hunt->list = list;
  hunt->text = g_strdup (text);
  hunt->hits = fm_idset_new ();
  hunt->backwards = backwards;
  hunt->steps = 1;
  mark_place (hunt);
  hunt->request = fm_engine_search (list->app->engine, query, list->folder_id);
  fm_app_expect (list->app, hunt->request, searched, hunt_ref (hunt), hunt_unref);
}

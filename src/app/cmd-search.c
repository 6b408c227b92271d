/* Search (everywhere, a list of its own), its hits in the list one is in, and limit (this list, narrowed). All speak the one query language. */
#include "app/app-private.h"
#include "app/commands.h"
#include "app/list-private.h"
#include <fulmar/store/idset.h>

#define HITS_LOOKED_UP 500
#define ROWS_SCANNED 5000

static void
search_answered (const char *answer, gpointer data)
{
  FmApp *app = data;

  if (!answer || !*answer)
    return;
  g_free (app->last_search);
  app->last_search = g_strdup (answer);
  fm_app_open_search (app, answer);
}

static void
run_search (const FmCommandCall *call)
{
  if (*call->argument)
    search_answered (call->argument, call->app);
  else
    call->app->shell->prompt (call->app->shell_data, FM_PROMPT_SEARCH, "search: ", "", search_answered, call->app);
}

/* --- the next hit in this list --- */

typedef struct {
  FmApp *app;
  FmList *list; /* compared, never used unless it is the one in view */
  GArray *ids;  /* gint64 */
  gboolean backwards;
} Hunt;

static void
hunt_free (gpointer data)
{
  Hunt *hunt = data;

  g_array_unref (hunt->ids);
  g_free (hunt);
}

/* How many rows POSITION is ahead of the cursor, round the end; 0: it is there. */
static guint64
ahead (const Hunt *hunt, guint64 position)
{
  guint64 total = fm_list_total (hunt->app->list), cursor = fm_list_cursor (hunt->app->list);

  return (hunt->backwards ? cursor + total - position : position + total - cursor) % total;
}

/* A few hits are looked up; of many one is near, so the rows are read. Both are bounded: this is the UI thread. */
static gboolean
nearest (const Hunt *hunt, guint64 *ret_position)
{
  FmList *list = hunt->app->list;
  guint64 total = fm_list_total (list), best = 0, position = 0;
  g_autoptr (FmIdSet) set = fm_idset_new ();
  FmListLine line;

  for (guint i = 0; i < hunt->ids->len && hunt->ids->len <= HITS_LOOKED_UP; i++)
    if (fm_list_find (list, g_array_index (hunt->ids, gint64, i), &position) && ahead (hunt, position) != 0
        && (best == 0 || ahead (hunt, position) < best))
      {
        best = ahead (hunt, position);
        *ret_position = position;
      }
  if (hunt->ids->len <= HITS_LOOKED_UP)
    return best != 0;
  for (guint i = 0; i < hunt->ids->len; i++)
    fm_idset_add (set, g_array_index (hunt->ids, gint64, i));
  for (guint64 step = 1; step < MIN (total, ROWS_SCANNED); step++)
    {
      position = (fm_list_cursor (list) + (hunt->backwards ? total - step : step)) % total;
      if (fm_list_line (list, position, &line) && line.row && fm_idset_contains (set, line.row->id))
        {
          *ret_position = position;
          return TRUE;
        }
    }
  return FALSE;
}

static void
hunted (FmApp *app, const FmEvent *event, gpointer data)
{
  Hunt *hunt = data;
  guint64 position = 0, before = fm_list_cursor (app->list);

  if (event->kind == FM_EVENT_SEARCH_BATCH && event->ids)
    g_array_append_vals (hunt->ids, event->ids->data, event->ids->len);
  else if (event->kind == FM_EVENT_FAILED)
    fm_app_complain (app, "%s", event->error->message);
  if (event->reply_to == app->hunt && event->kind != FM_EVENT_SEARCH_BATCH)
    app->hunt = 0;
  if (event->kind != FM_EVENT_DONE || app->list != hunt->list)
    return;
  if (fm_list_total (app->list) == 0 || !nearest (hunt, &position))
    {
      fm_app_say (app, "no other hit here for %s", app->last_search);
      return;
    }
  fm_list_set_cursor (app->list, position);
  if ((position < before) != hunt->backwards)
    fm_app_say (app, hunt->backwards ? "went on from the end" : "went on from the top");
  fm_app_changed (app, FM_CHANGE_LIST);
}

static void
hunt (FmApp *app, gboolean backwards)
{
  g_autoptr (FmQuery) query = app->last_search ? fm_app_parse_query (app, app->last_search) : NULL;
  Hunt *hunt;

  if (!app->last_search)
    fm_app_say (app, "nothing was searched for yet: / asks what");
  if (!query)
    return;
  hunt = g_new0 (Hunt, 1);
  hunt->app = app;
  hunt->list = app->list;
  hunt->ids = g_array_new (FALSE, FALSE, sizeof (gint64));
  hunt->backwards = backwards;
  if (app->hunt)
    fm_engine_cancel (app->engine, app->hunt);
  app->hunt = fm_engine_search (app->engine, query, fm_list_folder (app->list));
  fm_app_expect (app, app->hunt, hunted, hunt, hunt_free);
}

static void
run_next (const FmCommandCall *call)
{
  hunt (call->app, FALSE);
}

static void
run_previous (const FmCommandCall *call)
{
  hunt (call->app, TRUE);
}

static void
back_answered (const char *answer, gpointer data)
{
  FmApp *app = data;

  if (!answer || !*answer)
    return;
  g_free (app->last_search);
  app->last_search = g_strdup (answer);
  hunt (app, TRUE);
}

static void
run_back (const FmCommandCall *call)
{
  if (*call->argument)
    back_answered (call->argument, call->app);
  else
    call->app->shell->prompt (call->app->shell_data, FM_PROMPT_SEARCH, "search backwards in this list: ", "", back_answered, call->app);
}

static void
limit_answered (const char *answer, gpointer data)
{
  FmApp *app = data;
  g_autoptr (FmQuery) query = NULL;

  if (!answer)
    return;
  if (!*answer || strcmp (answer, "all") == 0 || strcmp (answer, "~A") == 0)
    {
      fm_list_search_limit (app->list, NULL, NULL);
      fm_app_say (app, "all messages");
    }
  else if ((query = fm_app_parse_query (app, answer)))
    {
      g_free (app->last_limit);
      app->last_limit = g_strdup (answer);
      fm_list_search_limit (app->list, answer, query);
    }
  fm_app_changed (app, FM_CHANGE_LIST);
}

static void
run_limit (const FmCommandCall *call)
{
  FmApp *app = call->app;

  if (*call->argument)
    limit_answered (call->argument, app);
  else
    app->shell->prompt (app->shell_data, FM_PROMPT_SEARCH, "limit to (all: no limit): ", fm_list_limit (app->list), limit_answered, app);
}

static void
find_answered (const char *answer, gpointer data)
{
  FmApp *app = data;

  if (answer && *answer)
    app->shell->find (app->shell_data, answer, FALSE);
}

static void
find_back_answered (const char *answer, gpointer data)
{
  FmApp *app = data;

  if (answer && *answer)
    app->shell->find (app->shell_data, answer, TRUE);
}

static void
run_find (const FmCommandCall *call)
{
  if (*call->argument)
    find_answered (call->argument, call->app);
  else
    call->app->shell->prompt (call->app->shell_data, FM_PROMPT_TEXT, "find in this message: ", "", find_answered, call->app);
}

static void
run_find_back (const FmCommandCall *call)
{
  if (*call->argument)
    find_back_answered (call->argument, call->app);
  else
    call->app->shell->prompt (call->app->shell_data, FM_PROMPT_TEXT, "find backwards: ", "", find_back_answered, call->app);
}

const FmCommand fm_cmd_search_commands[] = {
  { .name = "search",
    .help = "search all mail: from: to: subject: date: folder: tag: is: words \"phrases\"",
    .hint = "search",
    .arguments = "[QUERY]",
    .default_keys = "/",
    .contexts = FM_CONTEXT_LIST | FM_CONTEXT_FOLDERS,
    .run = run_search },
  { .name = "search-next",
    .help = "go to the next message here that the last search finds",
    .default_keys = "n",
    .contexts = FM_CONTEXT_LIST,
    .run = run_next },
  { .name = "search-previous",
    .help = "go to the previous message here that the last search finds",
    .default_keys = "<Esc>n",
    .contexts = FM_CONTEXT_LIST,
    .run = run_previous },
  { .name = "search-back",
    .help = "search this list backwards from here",
    .arguments = "[QUERY]",
    .default_keys = "<Esc>/",
    .contexts = FM_CONTEXT_LIST,
    .run = run_back },
  { .name = "limit",
    .help = "show only what matches",
    .arguments = "[QUERY]",
    .default_keys = "l",
    .contexts = FM_CONTEXT_LIST,
    .run = run_limit },
  { .name = "find",
    .help = "find in this message",
    .hint = "find",
    .arguments = "[TEXT]",
    .default_keys = "/",
    .contexts = FM_CONTEXT_PAGER,
    .run = run_find },
  { .name = "find-back",
    .help = "find backwards in this message",
    .arguments = "[TEXT]",
    .default_keys = "<Esc>/",
    .contexts = FM_CONTEXT_PAGER,
    .run = run_find_back },
  { NULL },
};

/* Search (everywhere, a list of its own), its hits in the list one is in, and limit (this list, narrowed). All speak the one query language. */
#include "app/app-private.h"
#include "app/commands.h"
#include "app/list-private.h"

static void
server_answered (const char *answer, gpointer data)
{
  g_autofree char *query = answer && *answer ? g_strdup_printf ("gmail:%s", answer) : NULL;

  if (query)
    fm_app_open_search (data, query);
}

static void
run_search_server (const FmCommandCall *call)
{
  if (*call->argument)
    server_answered (call->argument, call->app);
  else
    call->app->shell->prompt (call->app->shell_data, FM_PROMPT_TEXT, "search on Gmail: ", "", server_answered, call->app);
}

/* What n looks for from now on: nothing that can't be searched for, which is said. */
static gboolean
remember (FmApp *app, const char *text)
{
  g_autoptr (FmQuery) query = fm_app_parse_query (app, text);

  if (!query)
    return FALSE;
  g_free (app->last_search);
  app->last_search = g_strdup (text);
  return TRUE;
}

static void
search_answered (const char *answer, gpointer data)
{
  if (answer && *answer && (fm_app_server_words (answer) || remember (data, answer)))
    fm_app_open_search (data, answer);
}

static void
run_search (const FmCommandCall *call)
{
  if (*call->argument)
    search_answered (call->argument, call->app);
  else
    call->app->shell->prompt (call->app->shell_data, FM_PROMPT_SEARCH, "search: ", "", search_answered, call->app);
}

static void
hunt (FmApp *app, gboolean backwards)
{
  g_autoptr (FmQuery) query = app->last_search ? fm_app_parse_query (app, app->last_search) : NULL;

  if (!app->last_search)
    fm_app_say (app, "nothing was searched for yet: / asks what");
  else if (query)
    fm_list_hunt_start (app->list, app->last_search, query, backwards);
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
  if (answer && *answer && remember (data, answer))
    hunt (data, TRUE);
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
  { .name = "search-server",
    .help = "search on Gmail, in its own words: has:attachment larger:5M in:anywhere",
    .arguments = "[WORDS]",
    .contexts = FM_CONTEXT_LIST | FM_CONTEXT_FOLDERS,
    .run = run_search_server },
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

/* The list's order. */
#include "app/app-private.h"
#include "app/commands.h"
#include "app/list-private.h"

static const char *const orders[]
    = { "-date", "date", "from", "-from", "subject", "-subject", "-size", "size", "-arrival", "arrival", NULL };

static void
sort_by (FmApp *app, const char *order)
{
  g_autoptr (GError) error = NULL;

  if (!fm_config_set (app->config, "sort", order, &error))
    {
      fm_app_complain (app, "%s", error->message);
      return;
    }
  fm_list_set_order (app->list, order, fm_list_threaded (app->list));
  fm_app_say (app, "sorted by %s%s", *order == '-' ? order + 1 : order, *order == '-' ? ", descending" : "");
  fm_app_changed (app, FM_CHANGE_LIST);
}

static void
chosen (const char *answer, gpointer data)
{
  if (answer && *answer)
    sort_by (data, answer);
}

static void
run_sort (const FmCommandCall *call)
{
  if (*call->argument)
    sort_by (call->app, call->argument);
  else
    call->app->shell->choose (call->app->shell_data, "sort by: ", orders, fm_list_sort (call->app->list), chosen, call->app);
}

static void
run_reverse (const FmCommandCall *call)
{
  const char *now = fm_list_sort (call->app->list);
  g_autofree char *order = *now == '-' ? g_strdup (now + 1) : g_strconcat ("-", now, NULL);

  sort_by (call->app, order);
}

static void
run_threads (const FmCommandCall *call)
{
  FmApp *app = call->app;
  gboolean on = !fm_list_threaded (app->list);

  fm_config_set (app->config, "threads", on ? "true" : "false", NULL);
  fm_list_set_order (app->list, fm_list_sort (app->list), on);
  fm_app_say (app, on ? "shown in threads" : "shown flat");
  fm_app_changed (app, FM_CHANGE_LIST);
}

const FmCommand fm_cmd_sort_commands[] = {
  { .name = "sort",
    .help = "choose the order of the list",
    .arguments = "[ORDER]",
    .default_keys = "o",
    .contexts = FM_CONTEXT_LIST,
    .run = run_sort },
  { .name = "reverse", .help = "turn the order round", .default_keys = "O", .contexts = FM_CONTEXT_LIST, .run = run_reverse },
  { .name = "threads", .help = "threads on or off", .default_keys = "<Esc>T", .contexts = FM_CONTEXT_LIST, .run = run_threads },
  { NULL },
};

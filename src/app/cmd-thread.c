/* Folding threads. */
#include "app/app-private.h"
#include "app/commands.h"
#include "app/list-private.h"

static gboolean
need_threads (FmApp *app)
{
  if (!fm_list_threaded (app->list))
    fm_app_complain (app, "the list is not shown in threads (threads turns them on)");
  return fm_list_threaded (app->list);
}

static void
run_fold (const FmCommandCall *call)
{
  if (need_threads (call->app))
    fm_list_thread_fold (call->app->list);
  fm_app_changed (call->app, FM_CHANGE_LIST);
}

static void
run_fold_all (const FmCommandCall *call)
{
  if (need_threads (call->app))
    fm_list_thread_fold_all (call->app->list);
  fm_app_changed (call->app, FM_CHANGE_LIST);
}

const FmCommand fm_cmd_thread_commands[] = {
  { .name = "fold-thread",
    .help = "fold or unfold the thread: one line of its root, with the newest date",
    .default_keys = "<Esc>v",
    .contexts = FM_CONTEXT_LIST,
    .run = run_fold },
  { .name = "fold-all", .help = "fold or unfold all threads", .default_keys = "<Esc>V", .contexts = FM_CONTEXT_LIST, .run = run_fold_all },
  { NULL },
};

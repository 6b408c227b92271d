/* Asking the network now, and seeing what waits. */
#include "app/app-private.h"
#include "app/commands.h"

static void
synced (FmApp *app, const FmEvent *event, gpointer data)
{
  if (event->kind == FM_EVENT_FAILED)
    fm_app_complain (app, "%s", event->error->message);
  else if (event->kind == FM_EVENT_DONE)
    fm_app_say (app, "up to date");
}

static void
run_sync (const FmCommandCall *call)
{
  fm_engine_retry (call->app->engine, NULL);
  fm_app_say (call->app, "syncing");
  fm_app_expect (call->app, fm_engine_sync (call->app->engine, NULL, NULL), synced, NULL, NULL);
}

const FmCommand fm_cmd_sync_commands[] = {
  { .name = "sync", .help = "sync all accounts now", .default_keys = "$", .contexts = FM_CONTEXT_ALL, .run = run_sync },
  { NULL },
};

/* Bringing the rest of messages of which only the header was fetched. The wish is kept: offline, the next session brings it. */
#include "app/app-private.h"
#include "app/commands.h"

static void
fetched (FmApp *app, const FmEvent *event, gpointer data)
{
  if (event->kind == FM_EVENT_FAILED)
    fm_app_complain (app, "%s", event->error->message);
  else if (event->kind == FM_EVENT_DONE)
    fm_app_say (app, "the whole message is here");
}

static void
run_fetch (const FmCommandCall *call)
{
  g_autoptr (GArray) ids = fm_target_ids (call);
  FmApp *app = call->app;

  app->tag_prefix = FALSE;
  if (ids->len > 0)
    fm_app_say (app, "fetching the rest of %u message%s", ids->len, ids->len == 1 ? "" : "s");
  for (guint i = 0; i < ids->len; i++)
    fm_app_expect (app, fm_engine_want_body (app->engine, g_array_index (ids, gint64, i)), fetched, NULL, NULL);
}

const FmCommand fm_cmd_fetch_commands[] = {
  { .name = "fetch",
    .help = "fetch the rest of a message of which only the header is here",
    .default_keys = "G",
    .contexts = FM_CONTEXT_LIST | FM_CONTEXT_PAGER,
    .repeats_on_tagged = TRUE,
    .run = run_fetch,
    .effect_imap = "the text is read",
    .effect_gmail = "the text is read",
    .effect_pop = "the message is fetched; the server's copy stays as `leave` says",
    .effect_local = "nothing: it is here" },
  { NULL },
};

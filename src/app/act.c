/* From a command to the engine: the overlay shows the effect in this very frame, the pen makes it durable, and the status line says what was
 * done once it is. */
#include "app/app-private.h"
#include "app/list-private.h"

typedef struct {
  guint64 request;
  gboolean quiet; /* only a failure is said */
} Act;

static void
acted (FmApp *app, const FmEvent *event, gpointer data)
{
  Act *act = data;

  if (event->kind == FM_EVENT_DURABLE || event->kind == FM_EVENT_FAILED || event->kind == FM_EVENT_CANCELLED)
    {
      fm_overlay_drop (app->overlay, act->request);
      fm_list_redraw (app->list);
      fm_app_changed (app, FM_CHANGE_LIST | FM_CHANGE_READING);
    }
  if (event->kind == FM_EVENT_FAILED)
    fm_app_complain (app, "%s", event->error->message);
  else if (event->kind == FM_EVENT_DONE && !act->quiet && event->text && *event->text)
    fm_app_say (app, "%s", event->text);
}

static void
run (FmApp *app, FmAction *action, const FmOverlayEffect *effect, gboolean quiet)
{
  gsize n = 0;
  const gint64 *ids = fm_action_ids (action, &n);
  Act *act;

  if (app->read_only)
    {
      fm_action_unref (action);
      fm_app_complain (app, "opened with --read-only: nothing is changed");
      return;
    }
  fm_action_ref (action);
  act = g_new0 (Act, 1);
  act->quiet = quiet;
  act->request = fm_engine_act (app->engine, action);
  if (effect && n > 0)
    {
      fm_overlay_add (app->overlay, act->request, ids, n, effect);
      fm_list_redraw (app->list);
      fm_app_changed (app, FM_CHANGE_LIST | FM_CHANGE_READING);
    }
  fm_action_unref (action);
  fm_app_expect (app, act->request, acted, act, g_free);
}

void
fm_act_run (FmApp *app, FmAction *action, const FmOverlayEffect *effect)
{
  run (app, action, effect, FALSE);
}

void
fm_act_run_quietly (FmApp *app, FmAction *action, const FmOverlayEffect *effect)
{
  run (app, action, effect, TRUE);
}

void
fm_act_on_targets (const FmCommandCall *call, GArray *ids, FmAction *action, const FmOverlayEffect *effect)
{
  FmApp *app = call->app;
  gboolean tagged = app->tag_prefix;

  fm_act_run (app, action, effect);
  if (tagged)
    {
      app->tag_prefix = FALSE;
      fm_list_untag_all (app->list);
      fm_app_changed (app, FM_CHANGE_STATUS | FM_CHANGE_LIST);
    }
  else if (fm_config_get_bool (app->config, "resolve"))
    fm_list_step (app->list, ids->len);
  g_array_unref (ids);
}

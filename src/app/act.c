/* From a command to the engine: the overlay shows the effect in this very frame, the pen makes it durable, and the status line says what was
 * done once it is. */
#include "app/app-private.h"
#include "app/list-private.h"
#include <fulmar/store/journal.h>
#include <string.h>

#define SEEK_CHUNK 500

typedef struct {
  guint64 request;
  gboolean quiet;   /* only a failure is said */
  gboolean history; /* undo or redo: the cursor goes to what came back */
  gboolean archive;
} Act;

/* --- where undo and redo were --- */

typedef struct {
  FmApp *app;
  gint64 group_id, folder_id;
} Seeking;

/* The first row of the group that is in the folder in view (0: in any), on a pool thread: a group may be long. */
static gpointer
seek_run (FmStoreReader *reader, FmCancel *cancel, gpointer data, GError **error)
{
  const Seeking *seeking = data;
  g_autoptr (GArray) ids = fm_journal_group_messages (reader, seeking->group_id, error);

  for (guint at = 0; ids && at < ids->len; at += SEEK_CHUNK)
    {
      const gint64 *chunk = &g_array_index (ids, gint64, at);
      g_autoptr (GPtrArray) rows = fm_list_store_rows (reader, chunk, MIN (SEEK_CHUNK, ids->len - at), error);
      for (guint i = 0; rows && i < rows->len; i++)
        {
          const FmRow *row = g_ptr_array_index (rows, i);
          if (seeking->folder_id == 0 || row->folder_id == seeking->folder_id)
            return g_memdup2 (&row->id, sizeof row->id);
        }
    }
  return NULL;
}

static void
seek_done (gpointer result, const GError *error, gpointer data)
{
  const Seeking *seeking = data;
  g_autofree gint64 *id = result;

  if (id && fm_list_folder (seeking->app->list) == seeking->folder_id)
    fm_list_seek (seeking->app->list, *id);
}

static void
seek_group (FmApp *app, gint64 group_id)
{
  Seeking *seeking = g_new0 (Seeking, 1);

  seeking->app = app;
  seeking->group_id = group_id;
  seeking->folder_id = fm_list_folder (app->list);
  fm_engine_compute (app->engine, seek_run, seek_done, seeking, g_free);
}

/* --- any action --- */

/* Fingers that know mutt press `a` for an address: once they are told what it does here, and the way back. */
static void
say_done (FmApp *app, const Act *act, const char *text)
{
  gboolean tell = act->archive && !app->archive_told && strcmp (fm_config_get (app->config, "keymap"), "mutt") == 0;

  app->archive_told |= act->archive;
  if (tell)
    fm_app_say (app, "%s: here `a` archives (it takes no address); u brings it back", text);
  else
    fm_app_say (app, "%s", text);
}

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
  if (event->kind == FM_EVENT_DURABLE && act->history && event->group_id)
    seek_group (app, event->group_id);
  if (event->kind == FM_EVENT_FAILED)
    fm_app_complain (app, "%s", event->error->message);
  else if (event->kind == FM_EVENT_DONE && !act->quiet && event->text && *event->text)
    say_done (app, act, event->text);
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
  /* What is gone from here must not be met by the next `;`, which would fetch it back out of the Trash. */
  if (effect && effect->gone)
    fm_list_tag_all (app->list, ids, n, FALSE);
  act->quiet = quiet;
  act->history = fm_action_kind (action) == FM_ACTION_UNDO || fm_action_kind (action) == FM_ACTION_REDO;
  act->archive = fm_action_kind (action) == FM_ACTION_ARCHIVE;
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

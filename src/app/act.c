/* From a command to the engine: the overlay shows the effect in this very frame, the pen makes it durable, and the status line says what was
 * done once it is. */
#include "app/body-wait.h"
#include "app/list-private.h"
#include <fulmar/store/body-store.h>
#include <fulmar/store/folder-store.h>
#include <fulmar/store/journal.h>
#include <string.h>

#define SEEK_CHUNK 500

typedef struct {
  guint64 request;
  gboolean quiet;   /* only a failure is said */
  gboolean history; /* undo or redo: the cursor goes to what came back */
  gboolean undo, archive;
  FmAction *transfer; /* may fail for want of texts; NULL: no, or not again */
  FmOverlayEffect effect;
} Act;

static void
act_free (gpointer data)
{
  Act *act = data;

  fm_action_unref (act->transfer);
  g_free (act);
}

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

/* --- into another account, which takes the whole message --- */

typedef struct {
  FmApp *app;
  FmAction *action;
  FmOverlayEffect effect;
} Transfer;

static void
transfer_free (gpointer data)
{
  Transfer *transfer = data;

  fm_action_unref (transfer->action);
  g_free (transfer);
}

static Transfer *
transfer_new (FmApp *app, FmAction *action, const FmOverlayEffect *effect)
{
  Transfer *transfer = g_new0 (Transfer, 1);

  transfer->app = app;
  transfer->action = fm_action_ref (action);
  transfer->effect = *effect;
  return transfer;
}

/* Pool: those of its messages that come from another account and whose text is not here. gint64. */
static GArray *
find_missing (FmStoreReader *reader, const FmAction *action, GError **error)
{
  g_autoptr (GArray) missing = g_array_new (FALSE, FALSE, sizeof (gint64));
  g_autoptr (FmFolderInfo) target = fm_folder_store_get (reader, fm_action_folder (action), error);
  gsize n;
  const gint64 *ids = fm_action_ids (action, &n);

  for (gsize i = 0; target && i < n; i++)
    {
      g_autoptr (FmMessageInfo) info = fm_message_store_get (reader, ids[i], NULL);
      g_autofree char *path = info && info->account_id != target->account_id ? fm_body_store_path (reader, ids[i], NULL) : NULL;
      if (info && info->account_id != target->account_id && !path)
        g_array_append_val (missing, ids[i]);
    }
  return target ? g_steal_pointer (&missing) : NULL;
}

static gpointer
find_run (FmStoreReader *reader, FmCancel *cancel, gpointer data, GError **error)
{
  return find_missing (reader, ((const Transfer *) data)->action, error);
}

static gpointer
have_run (FmStoreReader *reader, FmCancel *cancel, gpointer data, GError **error)
{
  g_autoptr (GArray) missing = find_missing (reader, ((const Transfer *) data)->action, error);

  if (missing && missing->len > 0)
    g_set_error_literal (error, FM_ERROR, FM_ERROR_NOT_FOUND, "the message's text is not here");
  return missing && missing->len == 0 ? data : NULL;
}

static void run (FmApp *app, FmAction *action, const FmOverlayEffect *effect, gboolean quiet, gboolean again);

static void
have_done (gpointer result, const GError *error, gpointer data)
{
  const Transfer *transfer = data;

  if (result)
    run (transfer->app, fm_action_ref (transfer->action), &transfer->effect, FALSE, TRUE);
  else
    fm_app_complain (transfer->app, "%s", error->message);
}

static void
find_done (gpointer result, const GError *error, gpointer data)
{
  const Transfer *transfer = data;
  g_autoptr (GArray) missing = result;

  if (missing)
    fm_body_wait_run (transfer->app, &(FmBodyWaitJob){ .what = fm_action_kind (transfer->action) == FM_ACTION_COPY ? "copy" : "move",
                                                       .ids = (const gint64 *) (void *) missing->data,
                                                       .n = missing->len,
                                                       .run = have_run,
                                                       .done = have_done,
                                                       .data = transfer_new (transfer->app, transfer->action, &transfer->effect),
                                                       .free_data = transfer_free });
  else
    fm_app_complain (transfer->app, "%s", error->message);
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
  if (event->kind == FM_EVENT_DURABLE)
    fm_cmd_queue_count (app);
  gboolean refused = act->undo && event->kind == FM_EVENT_FAILED && g_error_matches (event->error, FM_ERROR, FM_ERROR_INVALID);
  app->undo_refused = refused ? event->group_id : 0;
  if (event->kind == FM_EVENT_FAILED && act->transfer && g_error_matches (event->error, FM_ERROR, FM_ERROR_NOT_FOUND))
    fm_engine_compute (app->engine, find_run, find_done, transfer_new (app, act->transfer, &act->effect), transfer_free);
  else if (event->kind == FM_EVENT_FAILED && app->undo_refused)
    fm_app_complain (app, "%s; undo again goes past it", event->error->message);
  else if (event->kind == FM_EVENT_FAILED)
    fm_app_complain (app, "%s", event->error->message);
  else if (event->kind == FM_EVENT_DONE && !act->quiet && event->text && *event->text)
    say_done (app, act, event->text);
}

/* AGAIN: texts that it was wanting have been fetched. */
static void
run (FmApp *app, FmAction *action, const FmOverlayEffect *effect, gboolean quiet, gboolean again)
{
  gboolean transfer = fm_action_kind (action) == FM_ACTION_MOVE || fm_action_kind (action) == FM_ACTION_COPY;
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
  act->undo = fm_action_kind (action) == FM_ACTION_UNDO;
  act->archive = fm_action_kind (action) == FM_ACTION_ARCHIVE;
  if (transfer && effect && !again)
    {
      act->transfer = fm_action_ref (action);
      act->effect = *effect;
    }
  act->request = fm_engine_act (app->engine, action);
  if (effect && n > 0)
    {
      fm_overlay_add (app->overlay, act->request, ids, n, effect);
      fm_list_redraw (app->list);
      fm_app_changed (app, FM_CHANGE_LIST | FM_CHANGE_READING);
    }
  fm_action_unref (action);
  fm_app_expect (app, act->request, acted, act, act_free);
}

void
fm_act_run (FmApp *app, FmAction *action, const FmOverlayEffect *effect)
{
  run (app, action, effect, FALSE, FALSE);
}

void
fm_act_run_quietly (FmApp *app, FmAction *action, const FmOverlayEffect *effect)
{
  run (app, action, effect, TRUE, FALSE);
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
    fm_list_thread_step_over (app->list, (const gint64 *) (void *) ids->data, ids->len);
  g_array_unref (ids);
}

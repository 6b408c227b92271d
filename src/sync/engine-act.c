/* The user's actions on their way to the pen: prepared on the pool where they carry a message, written in one transaction, or slice by slice, told to the
 * owner, and only then released to the workers. */
#include "sync/apply.h"
#include "sync/engine-private.h"
#include <fulmar/base/error.h>
#include <string.h>

#define ORIGINS_KEY "origins"
#define ORIGINS_KEPT 1000

typedef struct {
  FmEngine *engine;
  guint64 id;
  FmApply *apply;
  guint64 origin; /* 0: need not be remembered */
  gboolean done_before;
} Act;

static void
act_free (Act *act)
{
  fm_apply_free (act->apply);
  g_free (act);
}

/* Desk: the operations are durable; only now do the workers hear of them. */
static void
release_ops (FmEngine *engine, gpointer data)
{
  GArray *accounts = data;
  for (guint i = 0; i < accounts->len; i++)
    {
      FmEngineAccount *account = fm_engine_desk_account (engine, NULL, g_array_index (accounts, gint64, i));
      if (account != NULL && account->worker != NULL)
        account->klass->ops_ready (account->worker);
    }
  engine->queue_check_us = 0;
  g_array_unref (accounts);
}

static void
kick_outboxes (FmEngine *engine, gpointer data)
{
  for (guint i = 0; i < engine->accounts->len; i++)
    fm_outbox_kick (((FmEngineAccount *) engine->accounts->pdata[i])->outbox, FALSE);
  engine->queue_check_us = 0;
}

static void
tell_changes (Act *act)
{
  if (fm_apply_outbox_changed (act->apply))
    fm_engine_desk_post (act->engine, kick_outboxes, NULL);
  const GArray *folders = fm_apply_folders (act->apply);
  for (guint i = 0; i < folders->len; i++)
    {
      FmEvent *event = fm_event_new (FM_EVENT_FOLDER_CHANGED, 0);
      event->folder_id = g_array_index (folders, gint64, i);
      fm_engine_emit_at_once (act->engine, event);
    }
  if (fm_apply_tree_changed (act->apply))
    fm_engine_emit (act->engine, fm_event_new (FM_EVENT_FOLDERS_CHANGED, 0));
}

static void act_prepare (FmStoreReader *reader, const GError *reader_error, gpointer data);

/* The pen's thread: the draft of a mail that is taken back needs a file of its own, which the pool writes; then the pen is asked again. At the end, when
 * the pool is gone and nobody waits for the pen, it is written here. */
static void
write_file_first (Act *act)
{
  FmEngine *engine = act->engine;
  Act *again = g_memdup2 (act, sizeof *act);
  act->apply = NULL;
  pthread_mutex_lock (&engine->mutex);
  gboolean posted = !engine->pool_closed;
  if (posted)
    fm_pool_post (engine->pool, act_prepare, again);
  pthread_mutex_unlock (&engine->mutex);
  if (posted)
    return;
  g_autoptr (GError) error = NULL;
  g_autoptr (FmStoreReader) reader = fm_db_reader_new (engine->store, &error);
  act_prepare (reader, error, again);
}

static gboolean act_run (FmStoreWriter *writer, gpointer data, GError **error);
static void act_done (const GError *error, gpointer data);

/* The pen's thread: the next slice waits its turn behind what the user did meanwhile. A program that ends leaves the rest as it was. */
static gboolean
go_on (Act *act)
{
  FmEngine *engine = act->engine;
  pthread_mutex_lock (&engine->mutex);
  gboolean closing = engine->pool_closed;
  pthread_mutex_unlock (&engine->mutex);
  if (closing || g_atomic_int_get (&engine->desk_closing))
    return FALSE;
  const GArray *folders = fm_apply_folders (act->apply);
  for (guint i = 0; i < folders->len; i++)
    {
      FmEvent *event = fm_event_new (FM_EVENT_FOLDER_CHANGED, 0);
      event->folder_id = g_array_index (folders, gint64, i);
      fm_engine_emit (engine, event);
    }
  Act *again = g_memdup2 (act, sizeof *act);
  act->apply = NULL;
  again->origin = 0; /* written with the first */
  fm_pen_post (engine->pen, FM_PEN_USER, act_run, act_done, again, (GDestroyNotify) act_free);
  return TRUE;
}

/* Which action can't be undone: the user may want to go past it. */
static void
finish_refused (Act *act, const GError *error)
{
  FmActionKind kind = act->apply == NULL ? FM_ACTION_FLAGS : fm_apply_kind (act->apply);
  if (act->id == 0 || error == NULL || (kind != FM_ACTION_UNDO && kind != FM_ACTION_REDO))
    {
      fm_engine_finish (act->engine, act->id, NULL, error);
      return;
    }
  FmEvent *event = fm_event_new (FM_EVENT_FAILED, act->id);
  event->error = g_error_copy (error);
  event->group_id = fm_apply_group (act->apply);
  fm_engine_emit (act->engine, event);
}

static void
act_done (const GError *error, gpointer data)
{
  Act *act = data;
  if (error != NULL && fm_apply_needs_file (act->apply))
    {
      write_file_first (act);
      return;
    }
  if (error != NULL || act->done_before)
    {
      finish_refused (act, error);
      return;
    }
  if (fm_apply_more (act->apply) && go_on (act))
    return;
  if (act->id != 0)
    {
      FmEvent *durable = fm_event_new (FM_EVENT_DURABLE, act->id);
      durable->group_id = fm_apply_group (act->apply);
      fm_engine_emit (act->engine, durable);
    }
  tell_changes (act);
  GArray *accounts = g_array_copy ((GArray *) fm_apply_accounts (act->apply));
  fm_engine_desk_post (act->engine, release_ops, accounts);
  if (act->id != 0)
    {
      FmEvent *done = fm_event_new (FM_EVENT_DONE, act->id);
      done->text = g_strdup (fm_apply_text (act->apply));
      done->count = fm_apply_count (act->apply);
      done->msg_id = fm_apply_draft (act->apply);
      done->total = fm_apply_outgoing (act->apply);
      done->group_id = fm_apply_group (act->apply);
      fm_engine_emit (act->engine, done);
    }
}

/* The origins written last, newest first, in one small value: enough for every action that may be handed over again. */
static gboolean
remember_origin (FmStoreWriter *writer, Act *act, GError **error)
{
  g_autoptr (GError) local = NULL;
  g_autofree char *origin = g_strdup_printf ("%016" G_GINT64_MODIFIER "x", act->origin);
  g_autofree char *before = fm_db_meta_get (fm_db_writer_reader (writer), ORIGINS_KEY, &local);
  if (local != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }
  act->done_before = before != NULL && strstr (before, origin) != NULL;
  if (act->done_before)
    return TRUE;
  g_autofree char *now = g_strdup_printf ("%s %.*s", origin, ORIGINS_KEPT * 17, before == NULL ? "" : before);
  return fm_db_meta_set (writer, ORIGINS_KEY, now, error);
}

static gboolean
act_run (FmStoreWriter *writer, gpointer data, GError **error)
{
  Act *act = data;
  if (act->origin != 0 && !remember_origin (writer, act, error))
    return FALSE;
  return act->done_before || fm_apply_run (writer, act->apply, error);
}

static void
act_write (Act *act)
{
  g_autoptr (GError) error = NULL;
  FmPen *pen = fm_engine_pen (act->engine, &error);
  if (pen == NULL)
    {
      fm_engine_finish (act->engine, act->id, NULL, error);
      act_free (act);
      return;
    }
  fm_pen_post (pen, FM_PEN_USER, act_run, act_done, act, (GDestroyNotify) act_free);
}

static void
act_prepare (FmStoreReader *reader, const GError *reader_error, gpointer data)
{
  Act *act = data;
  g_autoptr (GError) error = reader == NULL ? g_error_copy (reader_error) : NULL;
  if (reader != NULL && fm_apply_prepare (act->apply, act->engine->store, reader, &error))
    {
      act_write (act);
      return;
    }
  fm_engine_finish (act->engine, act->id, NULL, error);
  act_free (act);
}

void
fm_engine_act_as (FmEngine *engine, guint64 id, FmAction *action, gboolean once)
{
  Act *act = g_new0 (Act, 1);
  act->engine = engine;
  act->id = id;
  act->apply = fm_apply_new (action, engine->options.accounts, engine->options.hold_s);
  act->origin = once ? fm_action_origin (action) : 0;
  if (fm_action_message (action) != NULL)
    fm_pool_post (engine->pool, act_prepare, act);
  else
    act_write (act);
  fm_action_unref (action);
}

guint64
fm_engine_act (FmEngine *engine, FmAction *action)
{
  guint64 id = fm_engine_request_new (engine, 1, NULL);
  if (engine->options.read_only)
    {
      g_autoptr (GError) error = g_error_new_literal (FM_ERROR, FM_ERROR_INVALID, "opened read-only: nothing is changed");
      fm_engine_finish (engine, id, NULL, error);
      fm_action_unref (action);
    }
  else if (engine->opened_leader)
    {
      fm_engine_act_as (engine, id, action, FALSE);
    }
  else
    {
      fm_engine_desk_act (engine, id, action);
    }
  return id;
}

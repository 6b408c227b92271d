/* The IMAP worker: its threads are started and ended here, and what others want of them is posted to them. */
#include "sync/imap-worker.h"
#include "sync/imap-private.h"
#include "sync/imap-watch.h"
#include <fulmar/base/clock.h>
#include <fulmar/store/journal.h>

void
fm_imap_worker_item_free (gpointer data)
{
  FmImapItem *item = data;

  g_strfreev (item->folders);
  g_free (item);
}

void
fm_imap_worker_post (FmPort *port, FmImapItemKind kind, guint64 request_id, gint64 id, const char *const *folders)
{
  FmImapItem *item = g_new0 (FmImapItem, 1);

  item->kind = kind;
  item->request_id = request_id;
  item->id = id;
  item->folders = g_strdupv ((char **) folders);
  fm_port_post (port, item, fm_imap_worker_item_free);
}

void
fm_imap_worker_want_pass (FmAccountWorker *worker, GHashTable *statuses)
{
  pthread_mutex_lock (&worker->mutex);
  g_clear_pointer (&worker->statuses, g_hash_table_unref);
  worker->statuses = statuses;
  worker->statuses_us = fm_clock_mono_us ();
  worker->deferred = FALSE;
  pthread_mutex_unlock (&worker->mutex);
  fm_imap_worker_post (worker->back_port, FM_IMAP_ITEM_SYNC, 0, 0, NULL);
}

void
fm_imap_worker_repeat (FmPort *port, const FmImapItem *item)
{
  FmImapItem *copy = g_memdup2 (item, sizeof *item);

  copy->folders = g_strdupv (item->folders);
  copy->again = TRUE;
  fm_port_post (port, copy, fm_imap_worker_item_free);
}

gboolean
fm_imap_worker_stopping (const FmAccountWorker *worker)
{
  return fm_cancel_is_set (worker->cancel);
}

void
fm_imap_worker_want_bodies (FmAccountWorker *worker)
{
  fm_imap_worker_post (worker->back_port, FM_IMAP_ITEM_FILL, 0, 0, NULL);
}

void
fm_imap_worker_want_visit (FmAccountWorker *worker, gint64 folder_id, const FmImapListed *told)
{
  gpointer before = NULL;
  gboolean is_wanted;

  pthread_mutex_lock (&worker->mutex);
  is_wanted = g_hash_table_lookup_extended (worker->wanted, &folder_id, NULL, &before);
  if (!is_wanted || before)
    g_hash_table_replace (worker->wanted, g_memdup2 (&folder_id, sizeof folder_id), g_memdup2 (told, sizeof *told));
  pthread_mutex_unlock (&worker->mutex);
  if (!is_wanted)
    fm_imap_worker_post (worker->back_port, FM_IMAP_ITEM_VISIT, 0, folder_id, NULL);
}

FmImapListed *
fm_imap_worker_begin_visit (FmAccountWorker *worker, gint64 folder_id)
{
  gpointer id = NULL, told = NULL;

  pthread_mutex_lock (&worker->mutex);
  g_hash_table_steal_extended (worker->wanted, &folder_id, &id, &told);
  pthread_mutex_unlock (&worker->mutex);
  g_free (id);
  return told;
}

void
fm_imap_worker_visited (FmImapConn *conn)
{
  if (fm_journal_pending (conn->reader, conn->worker->account_id) > 0)
    fm_imap_worker_post (conn->worker->front_port, FM_IMAP_ITEM_OPS, 0, 0, NULL);
}

static FmAccountWorker *
worker_start (FmSyncEnv *env, FmAccountSpec *spec, gint64 account_id)
{
  FmAccountWorker *worker = g_new0 (FmAccountWorker, 1);
  pthread_condattr_t attributes;

  worker->env = env;
  worker->spec = fm_account_spec_ref (spec);
  worker->account_id = account_id;
  worker->cancel = fm_cancel_new ();
  worker->claimed = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  worker->waiting = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  worker->wanted = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, g_free);
  worker->watch_room = G_MAXUINT;
  worker->watchers = g_ptr_array_new ();
  worker->front_port = fm_port_new ();
  worker->back_port = fm_port_new ();
  pthread_mutex_init (&worker->mutex, NULL);
  pthread_condattr_init (&attributes);
  pthread_condattr_setclock (&attributes, CLOCK_MONOTONIC);
  pthread_cond_init (&worker->cond, &attributes);
  pthread_condattr_destroy (&attributes);
  worker->tick = fm_thread_start ("imap-tick", fm_imap_tell_tick, worker);
  worker->front = fm_thread_start ("imap-front", fm_imap_front_run, worker);
  worker->back = fm_thread_start ("imap-back", fm_imap_back_run, worker);
  return worker;
}

static void
worker_stop (FmAccountWorker *worker)
{
  fm_cancel_trigger (worker->cancel);
  fm_port_close (worker->front_port);
  fm_port_close (worker->back_port);
  pthread_mutex_lock (&worker->mutex);
  pthread_cond_broadcast (&worker->cond);
  pthread_mutex_unlock (&worker->mutex);
}

static void
worker_join (FmAccountWorker *worker)
{
  fm_thread_join (worker->front);
  fm_thread_join (worker->back);
  fm_thread_join (worker->tick);
  for (guint i = 0; i < worker->watchers->len; i++)
    fm_imap_watch_free (g_ptr_array_index (worker->watchers, i));
  g_ptr_array_unref (worker->watchers);
  fm_port_unref (worker->front_port);
  fm_port_unref (worker->back_port);
  g_clear_pointer (&worker->statuses, g_hash_table_unref);
  g_hash_table_unref (worker->claimed);
  g_hash_table_unref (worker->waiting);
  g_hash_table_unref (worker->wanted);
  fm_account_spec_unref (worker->spec);
  fm_cancel_unref (worker->cancel);
  pthread_mutex_destroy (&worker->mutex);
  pthread_cond_destroy (&worker->cond);
  g_clear_error (&worker->why);
  g_free (worker->state_text);
  g_free (worker);
}

static void
worker_ops_ready (FmAccountWorker *worker)
{
  fm_imap_worker_post (worker->front_port, FM_IMAP_ITEM_OPS, 0, 0, NULL);
}

static void
worker_open_folder (FmAccountWorker *worker, gint64 folder_id)
{
  pthread_mutex_lock (&worker->mutex);
  worker->open_folder_id = folder_id;
  pthread_mutex_unlock (&worker->mutex);
  fm_imap_worker_post (worker->front_port, FM_IMAP_ITEM_OPEN, 0, folder_id, NULL);
}

/* While there is no link, and the front may be waiting for a dead server or for a password, the answer is known. */
static gboolean
answer_if_offline (FmAccountWorker *worker, guint64 request_id, gboolean body)
{
  g_autoptr (GError) error = NULL;

  pthread_mutex_lock (&worker->mutex);
  if (!worker->front_in && worker->why)
    error = g_error_copy (worker->why);
  pthread_mutex_unlock (&worker->mutex);
  if (!error)
    return FALSE;
  fm_imap_conn_answer_offline (worker, request_id, body, error);
  return TRUE;
}

static void
worker_want_body (FmAccountWorker *worker, guint64 request_id, gint64 msg_id)
{
  if (answer_if_offline (worker, request_id, TRUE))
    return;
  fm_imap_worker_post (worker->front_port, FM_IMAP_ITEM_BODY, request_id, msg_id, NULL);
}

static void
worker_sync (FmAccountWorker *worker, guint64 request_id, const char *const *folders)
{
  if (answer_if_offline (worker, request_id, FALSE))
    return;
  fm_imap_worker_post (worker->front_port, FM_IMAP_ITEM_SYNC, request_id, 0, folders);
}

static void
worker_search (FmAccountWorker *worker, guint64 request_id, const char *text)
{
  const char *const words[] = { text, NULL };

  if (!answer_if_offline (worker, request_id, FALSE))
    fm_imap_worker_post (worker->front_port, FM_IMAP_ITEM_SEARCH, request_id, 0, words);
}

static void
worker_retry (FmAccountWorker *worker)
{
  fm_imap_worker_post (worker->front_port, FM_IMAP_ITEM_RETRY, 0, 0, NULL);
  fm_imap_worker_post (worker->back_port, FM_IMAP_ITEM_RETRY, 0, 0, NULL);
}

/* A body on its way is let through: it is wanted sooner or later, and its request has been answered. */
static void
worker_cancel (FmAccountWorker *worker, guint64 request_id)
{
}

const FmAccountWorkerClass fm_imap_worker_class = {
  .start = worker_start,
  .stop = worker_stop,
  .join = worker_join,
  .ops_ready = worker_ops_ready,
  .open_folder = worker_open_folder,
  .want_body = worker_want_body,
  .sync = worker_sync,
  .search = worker_search,
  .retry = worker_retry,
  .cancel = worker_cancel,
};

/* One pushed folder: catch up once, then IDLE; each piece of news is fetched on the very connection that told of it, with no SELECT between the
 * server's word and the screen. Where IDLE is not offered, a NOOP every minute. Where NOTIFY is, the server tells of all other folders too: what is
 * news there is for the back to fetch. */
#include "sync/imap-watch.h"
#include "sync/imap-collect.h"
#include "sync/imap-folder-private.h"
#include <fulmar/base/clock.h>
#include <fulmar/base/error.h>
#include <fulmar/base/log.h>
#include <fulmar/net/imap-idle.h>

#define MAX_TOLD 20000 /* folders */
#define RENEW_MS (25 * 60 * 1000)
#define NOOP_MS (60 * 1000)
#define NO_ROOM_MS (10 * 1000) /* between looks whether the disk takes something again */

struct FmImapWatch {
  FmAccountWorker *worker;
  FmPort *port;     /* only wakes */
  gint64 folder_id; /* under the worker's mutex */
  FmThread *thread;
  FmImapConn conn;
  GHashTable *told;      /* by NOTIFY, and not looked at yet: name -> FmImapListed* */
  gboolean tree_changed; /* likewise */
  gboolean has_notify;   /* this session was granted it */
  gint64 notified_us;    /* when the session that was asked for NOTIFY was opened */
  GError *refused;       /* NOTIFY was */
};

gint64
fm_imap_watch_folder (FmImapWatch *watch)
{
  gint64 folder_id;

  pthread_mutex_lock (&watch->worker->mutex);
  folder_id = watch->folder_id;
  pthread_mutex_unlock (&watch->worker->mutex);
  return folder_id;
}

static void
wake (FmImapWatch *watch)
{
  fm_port_post (watch->port, g_new0 (char, 1), g_free);
}

static void
drain (FmImapWatch *watch)
{
  gpointer item;

  while ((item = fm_port_try_take (watch->port)))
    g_free (item);
}

void
fm_imap_watch_set_folder (FmImapWatch *watch, gint64 folder_id)
{
  gboolean changed;

  pthread_mutex_lock (&watch->worker->mutex);
  changed = watch->folder_id != folder_id;
  watch->folder_id = folder_id;
  pthread_mutex_unlock (&watch->worker->mutex);
  if (changed)
    wake (watch);
}

void
fm_imap_watch_retry (FmImapWatch *watch)
{
  wake (watch);
}

/* --- what NOTIFY tells --- */

static GHashTable *
new_told (void)
{
  return g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
}

static void
on_status (gpointer data, const FmImapStatus *status)
{
  FmImapWatch *watch = data;

  if (g_hash_table_size (watch->told) < MAX_TOLD)
    g_hash_table_replace (watch->told, g_strdup (status->name), fm_imap_list_told (status));
}

static void
on_box (gpointer data, const FmImapBox *box)
{
  ((FmImapWatch *) data)->tree_changed = TRUE;
}

/* Goes out with the next command; once for each connection. */
static void
ask_for_all (FmImapWatch *watch)
{
  FmAccountWorker *worker = watch->worker;
  gboolean use;

  pthread_mutex_lock (&worker->mutex);
  use = fm_imap_session_has (watch->conn.session, FM_IMAP_CAP_NOTIFY) && !worker->no_notify;
  pthread_mutex_unlock (&worker->mutex);
  if (!use || watch->notified_us == watch->conn.opened_us)
    return;
  watch->notified_us = watch->conn.opened_us;
  g_hash_table_remove_all (watch->told);
  watch->tree_changed = FALSE;
  fm_imap_idle_queue_notify (watch->conn.session, fm_imap_folder_keep_error, &watch->refused);
}

static void
set_notified (FmImapWatch *watch, gboolean on)
{
  FmAccountWorker *worker = watch->worker;

  if (watch->has_notify == on)
    return;
  watch->has_notify = on;
  pthread_mutex_lock (&worker->mutex);
  worker->notified = on;
  pthread_mutex_unlock (&worker->mutex);
}

/* The server has said no: then each folder needs a watcher of its own. */
static void
look_if_refused (FmImapWatch *watch)
{
  FmAccountWorker *worker = watch->worker;
  g_autoptr (GError) refused = g_steal_pointer (&watch->refused);

  set_notified (watch, !refused && watch->notified_us == watch->conn.opened_us);
  if (!refused)
    return;
  fm_log_debug ("imap: %s: NOTIFY: %s", worker->spec->name, refused->message);
  pthread_mutex_lock (&worker->mutex);
  worker->no_notify = TRUE;
  pthread_mutex_unlock (&worker->mutex);
  fm_imap_worker_post (worker->front_port, FM_IMAP_ITEM_WATCH, 0, 0, NULL);
}

/* The pass that the front has left for us begins, with all that was told. */
static gboolean
begin_deferred (FmImapWatch *watch)
{
  FmAccountWorker *worker = watch->worker;
  gboolean deferred;

  pthread_mutex_lock (&worker->mutex);
  deferred = worker->deferred;
  pthread_mutex_unlock (&worker->mutex);
  if (!deferred)
    return FALSE;
  fm_imap_worker_want_pass (worker, watch->has_notify ? watch->told : NULL);
  if (watch->has_notify)
    watch->told = new_told ();
  watch->tree_changed = FALSE;
  return TRUE;
}

/* Hands to the back what is news in other folders than FOLDER_ID, the one selected. */
static void
pass_on_told (FmImapWatch *watch, gint64 folder_id)
{
  FmAccountWorker *worker = watch->worker;
  g_autoptr (GPtrArray) folders = NULL;
  gboolean known = !watch->tree_changed;

  if (begin_deferred (watch))
    return;

  if (g_hash_table_size (watch->told) > 0)
    folders = fm_folder_store_list (watch->conn.reader, worker->account_id, NULL);
  for (guint i = 0; folders && i < folders->len; i++)
    {
      const FmFolderInfo *info = g_ptr_array_index (folders, i);
      const FmImapListed *told = *info->remote_name ? g_hash_table_lookup (watch->told, info->remote_name) : NULL;
      if (told && info->id != folder_id && info->selectable && !fm_imap_list_is_no_news (&watch->conn, info, told))
        fm_imap_worker_want_visit (worker, info->id, told);
      if (told)
        g_hash_table_remove (watch->told, info->remote_name);
    }
  /* Of a folder that is not here yet there may be no LIST: its making was told before we asked. */
  known &= g_hash_table_size (watch->told) == 0;
  g_hash_table_remove_all (watch->told);
  watch->tree_changed = FALSE;
  if (!known)
    fm_imap_worker_post (worker->back_port, FM_IMAP_ITEM_SYNC, 0, 0, NULL);
}

/* --- watching --- */

static gboolean
with_claim (FmImapWatch *watch, gint64 folder_id, gboolean first, GError **error)
{
  gboolean good;

  if (!fm_imap_claim_take (watch->worker, folder_id))
    {
      g_set_error_literal (error, FM_ERROR, FM_ERROR_CANCELLED, "stopped");
      return FALSE;
    }
  good = first ? fm_imap_folder_visit (&watch->conn, folder_id, FM_IMAP_VISIT_SCREEN, error)
               : fm_imap_folder_catch_up (&watch->conn, folder_id, error);
  fm_imap_claim_release (watch->worker, folder_id);
  fm_imap_worker_visited (&watch->conn);
  if (good && !first && fm_imap_body_is_wanted (&watch->conn, folder_id))
    fm_imap_worker_want_bodies (watch->worker);
  return good;
}

static gboolean
poll_once (FmImapWatch *watch, gint64 folder_id, GError **error)
{
  g_free (fm_port_take (watch->port, fm_clock_deadline_us (NOOP_MS)));
  return fm_imap_session_noop (watch->conn.session, error) && with_claim (watch, folder_id, FALSE, error);
}

/* What was said since the last look, while another command ran, is not said again to IDLE. */
static gboolean
wait_for_news (FmImapWatch *watch, FmImapIdleEnd *ret_end, GError **error)
{
  FmImapCollect *collect = watch->conn.collect;

  *ret_end = FM_IMAP_IDLE_NEWS;
  return fm_imap_collect_has_news (collect) || watch->tree_changed || g_hash_table_size (watch->told) > 0
         || fm_imap_idle_wait (watch->conn.session, fm_port_fd (watch->port), fm_clock_deadline_us (RENEW_MS), ret_end, error);
}

/* What was told of other folders costs the one watched nothing. */
static gboolean
take_news (FmImapWatch *watch, gint64 folder_id, GError **error)
{
  pass_on_told (watch, folder_id);
  return with_claim (watch, folder_id, FALSE, error);
}

/* Until the folder changes or something breaks. */
static gboolean
watch_folder (FmImapWatch *watch, gint64 folder_id, GError **error)
{
  gboolean idle = fm_imap_session_has (watch->conn.session, FM_IMAP_CAP_IDLE);

  ask_for_all (watch);
  if (!with_claim (watch, folder_id, TRUE, error))
    return FALSE;
  look_if_refused (watch);
  pass_on_told (watch, folder_id);
  if (idle)
    fm_imap_tell_pushing (watch->worker, TRUE);
  while (fm_imap_watch_folder (watch) == folder_id && !fm_imap_worker_stopping (watch->worker))
    {
      FmImapIdleEnd end = FM_IMAP_IDLE_WOKEN;
      gboolean good;
      if (!idle)
        good = poll_once (watch, folder_id, error);
      else
        good = wait_for_news (watch, &end, error) && (end != FM_IMAP_IDLE_NEWS || take_news (watch, folder_id, error));
      drain (watch);
      if (!good)
        {
          if (idle)
            fm_imap_tell_pushing (watch->worker, FALSE);
          return FALSE;
        }
    }
  if (idle)
    fm_imap_tell_pushing (watch->worker, FALSE);
  return TRUE;
}

/* The store could not take what came. It is not the folder's fault, so the watch goes on: after a while from what the store holds; and so do the
 * passes, which nothing else would wake. */
static void
wait_for_room (FmImapWatch *watch, const GError *error)
{
  fm_imap_tell_storage (watch->worker, error);
  fm_imap_conn_drop (&watch->conn);
  g_free (fm_port_take (watch->port, fm_clock_deadline_us (NO_ROOM_MS)));
  if (!fm_imap_worker_stopping (watch->worker))
    fm_imap_worker_post (watch->worker->back_port, FM_IMAP_ITEM_SYNC, 0, 0, NULL);
}

static void
run (gpointer data)
{
  static const FmImapEvents told_events = { .box = on_box, .status = on_status };
  FmImapWatch *watch = data;
  FmImapConn *conn = &watch->conn;

  conn->reader = fm_db_reader_new (watch->worker->env->store, NULL);
  fm_imap_collect_list (conn->collect, &told_events, watch);
  while (conn->reader && !fm_imap_worker_stopping (watch->worker))
    {
      g_autoptr (GError) error = NULL;
      gint64 folder_id = fm_imap_watch_folder (watch);
      if (folder_id == 0)
        {
          fm_imap_conn_drop (conn);
          set_notified (watch, FALSE);
          conn->failures = 0;
          g_free (fm_port_take (watch->port, fm_clock_deadline_us (-1)));
          continue;
        }
      if (!conn->session)
        set_notified (watch, FALSE);
      if (!fm_imap_conn_open (conn, watch->port))
        continue;
      if (watch_folder (watch, folder_id, &error))
        {
          conn->failures = 0;
          continue;
        }
      if (g_error_matches (error, FM_ERROR, FM_ERROR_STORAGE))
        {
          wait_for_room (watch, error);
        }
      else if (fm_imap_conn_survives (conn, error))
        {
          /* The folder itself can't be opened (gone, no rights): leave it be until it is chosen again. */
          fm_log_debug ("imap: %s", error->message);
          fm_imap_watch_set_folder (watch, 0);
        }
    }
  fm_imap_conn_drop (conn);
  g_clear_error (&conn->why);
  g_clear_error (&conn->lost);
  g_clear_error (&watch->refused);
  g_hash_table_unref (watch->told);
  fm_imap_collect_free (conn->collect);
  fm_db_reader_free (conn->reader);
}

FmImapWatch *
fm_imap_watch_new (FmAccountWorker *worker, gint64 folder_id)
{
  FmImapWatch *watch = g_new0 (FmImapWatch, 1);

  watch->worker = worker;
  watch->folder_id = folder_id;
  watch->port = fm_port_new ();
  watch->told = new_told ();
  watch->conn.worker = worker;
  watch->conn.name = "watch";
  watch->conn.collect = fm_imap_collect_new (worker);
  watch->thread = fm_thread_start ("imap-watch", run, watch);
  return watch;
}

void
fm_imap_watch_free (FmImapWatch *watch)
{
  fm_port_close (watch->port);
  fm_thread_join (watch->thread);
  fm_port_unref (watch->port);
  g_free (watch);
}

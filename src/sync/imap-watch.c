/* One pushed folder: catch up once, then IDLE; each piece of news is fetched on the very connection that told of it, with no SELECT between the
 * server's word and the screen. Where IDLE is not offered, a NOOP every minute. */
#include "sync/imap-watch.h"
#include "sync/imap-collect.h"
#include <fulmar/base/clock.h>
#include <fulmar/base/error.h>
#include <fulmar/base/log.h>
#include <fulmar/net/imap-idle.h>

#define RENEW_MS (25 * 60 * 1000)
#define NOOP_MS (60 * 1000)
#define NO_ROOM_MS (10 * 1000) /* between looks whether the disk takes something again */

struct FmImapWatch {
  FmAccountWorker *worker;
  FmPort *port;     /* only wakes */
  gint64 folder_id; /* under the worker's mutex */
  FmThread *thread;
  FmImapConn conn;
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
  if (good && !first)
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
  return fm_imap_collect_has_news (collect)
         || fm_imap_idle_wait (watch->conn.session, fm_port_fd (watch->port), fm_clock_deadline_us (RENEW_MS), ret_end, error);
}

/* Until the folder changes or something breaks. */
static gboolean
watch_folder (FmImapWatch *watch, gint64 folder_id, GError **error)
{
  gboolean idle = fm_imap_session_has (watch->conn.session, FM_IMAP_CAP_IDLE);

  if (!with_claim (watch, folder_id, TRUE, error))
    return FALSE;
  if (idle)
    fm_imap_tell_pushing (watch->worker, TRUE);
  while (fm_imap_watch_folder (watch) == folder_id && !fm_imap_worker_stopping (watch->worker))
    {
      FmImapIdleEnd end = FM_IMAP_IDLE_WOKEN;
      gboolean good;
      if (!idle)
        good = poll_once (watch, folder_id, error);
      else
        good = wait_for_news (watch, &end, error) && (end != FM_IMAP_IDLE_NEWS || with_claim (watch, folder_id, FALSE, error));
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
  FmImapWatch *watch = data;
  FmImapConn *conn = &watch->conn;

  conn->reader = fm_db_reader_new (watch->worker->env->store, NULL);
  while (conn->reader && !fm_imap_worker_stopping (watch->worker))
    {
      g_autoptr (GError) error = NULL;
      gint64 folder_id = fm_imap_watch_folder (watch);
      if (folder_id == 0)
        {
          fm_imap_conn_drop (conn);
          conn->failures = 0;
          g_free (fm_port_take (watch->port, fm_clock_deadline_us (-1)));
          continue;
        }
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

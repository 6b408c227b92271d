/* The front: listens to the engine and does what the user waits for, and works through the journal. */
#include "sync/imap-collect.h"
#include "sync/imap-private.h"
#include "sync/imap-pushed.h"
#include "sync/imap-watch.h"
#include <fulmar/base/clock.h>
#include <fulmar/base/error.h>

#define STALE_US (150 * G_USEC_PER_SEC)

static gint64
inbox_of (FmImapConn *conn)
{
  g_autoptr (FmFolderInfo) inbox = fm_folder_store_find_special (conn->reader, conn->worker->account_id, FM_SPECIAL_INBOX, NULL);

  return inbox ? inbox->id : 0;
}

/* The folder in view, or the inbox: its first screenful comes before everything else. */
static gint64
first_folder (FmImapConn *conn)
{
  gint64 open_id;

  pthread_mutex_lock (&conn->worker->mutex);
  open_id = conn->worker->open_folder_id;
  pthread_mutex_unlock (&conn->worker->mutex);
  return open_id ? open_id : inbox_of (conn);
}

/* The first folder has been selected. A folder that can't be visited is left; FALSE only if the connection is lost. */
static gboolean
visit_first (FmImapConn *conn, const FmFolderInfo *info, FmImapSelecting *selecting, GError **error)
{
  g_autoptr (GError) local = g_steal_pointer (&selecting->error);
  gint64 folder_id = info ? info->id : inbox_of (conn);

  if (!local && folder_id && (info || fm_imap_claim_try (conn->worker, folder_id)))
    {
      fm_imap_folder_visit_selected (conn, folder_id, selecting, &local);
      if (!info)
        fm_imap_claim_release (conn->worker, folder_id);
    }
  if (fm_imap_session_is_alive (conn->session))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

/* A watcher is about to be told the numbers of all folders by NOTIFY: they need not be told twice. */
static gboolean
defer_statuses (FmImapConn *conn)
{
  FmAccountWorker *worker = conn->worker;
  g_autoptr (FmFolderInfo) inbox = fm_folder_store_find_special (conn->reader, worker->account_id, FM_SPECIAL_INBOX, NULL);
  gboolean known = inbox && inbox->lowest_uid > 0, deferred;

  pthread_mutex_lock (&worker->mutex);
  worker->deferred = known && fm_imap_session_has (conn->session, FM_IMAP_CAP_NOTIFY) && !worker->no_notify && !worker->notified;
  deferred = worker->deferred;
  pthread_mutex_unlock (&worker->mutex);
  return deferred;
}

/* The list of folders and the first folder come by one turn. Without the list there is no account. The folder is selected first: of a large one that
 * it has open Dovecot tells the status at once, else it would read the list of its files for the status and again for the SELECT. Where each STATUS is
 * a command of its own, the first screen does not wait for them: the back asks. A folder that somebody else is at (its rows come by themselves) is not
 * selected. */
static gboolean
list_and_visit (FmImapConn *conn, const FmFolderInfo *info, gboolean may_select, GHashTable **ret_statuses, GError **error)
{
  gboolean with_status = !defer_statuses (conn) && fm_imap_session_has (conn->session, FM_IMAP_CAP_LIST_STATUS);
  FmImapListing *listing;
  FmImapSelecting selecting = { 0 };
  gboolean listed;

  *ret_statuses = NULL;
  if (may_select)
    fm_imap_folder_queue_select (conn, info, &selecting);
  listing = fm_imap_list_queue (conn, with_status);
  fm_imap_session_run (conn->session, NULL); /* a lost connection is the listing's error too */
  listed = fm_imap_list_finish (conn, listing, with_status ? ret_statuses : NULL, error);
  if (!listed)
    {
      g_clear_error (&selecting.error);
      return FALSE;
    }
  fm_imap_conn_set_front_in (conn->worker, TRUE);
  return !may_select || visit_first (conn, info, &selecting, error);
}

static gboolean
greet (FmImapConn *conn, GError **error)
{
  gint64 folder_id = first_folder (conn);
  g_autoptr (FmFolderInfo) info = folder_id ? fm_folder_store_get (conn->reader, folder_id, NULL) : NULL;
  gboolean claimed = info && info->selectable && *info->remote_name && fm_imap_claim_try (conn->worker, info->id);
  GHashTable *statuses;
  gboolean good = list_and_visit (conn, claimed ? info : NULL, claimed || folder_id == 0, &statuses, error), deferred;

  if (claimed)
    fm_imap_claim_release (conn->worker, info->id);
  if (!good)
    {
      g_clear_pointer (&statuses, g_hash_table_unref);
      return FALSE;
    }
  pthread_mutex_lock (&conn->worker->mutex);
  deferred = conn->worker->deferred;
  pthread_mutex_unlock (&conn->worker->mutex);
  /* Whatever happened while there was no connection: a whole pass. */
  if (!deferred)
    fm_imap_worker_want_pass (conn->worker, statuses);
  fm_imap_pushed_assign (conn, TRUE);
  return TRUE;
}

/* The connection was dead, or died: the request is served by the next one, or answered if there is none. Twice is enough. */
static void
try_again (FmImapConn *conn, FmImapItem *item, const GError *why)
{
  if (item->again || fm_imap_worker_stopping (conn->worker))
    {
      fm_imap_conn_answer_offline (conn->worker, item->request_id, item->kind == FM_IMAP_ITEM_BODY, why);
      return;
    }
  fm_imap_worker_repeat (conn->worker->front_port, item);
}

/* A pass begins when what the user did has gone out: only then is it complete. */
static void
pass_on (FmAccountWorker *worker, FmImapItem *item)
{
  if (item && item->kind == FM_IMAP_ITEM_SYNC)
    fm_imap_worker_post (worker->back_port, FM_IMAP_ITEM_SYNC, item->request_id, 0, (const char *const *) item->folders);
}

/* What somebody waits for: FAILURE (consumed) or its end is told, or it is tried again where the connection is to blame. */
static void
answer (FmImapConn *conn, FmImapItem *item, GError *failure, GError **error)
{
  if (failure && !fm_imap_session_is_alive (conn->session))
    try_again (conn, item, failure);
  else
    fm_imap_tell_done (conn->worker, item->request_id, failure);
  if (failure)
    g_propagate_error (error, failure);
}

static void
handle (FmImapConn *conn, FmImapItem *item, GError **error)
{
  GError *local = NULL;

  switch (item->kind)
    {
    case FM_IMAP_ITEM_OPEN:
    case FM_IMAP_ITEM_WATCH:
      fm_imap_pushed_assign (conn, FALSE);
      break;
    case FM_IMAP_ITEM_CROWDED:
      fm_imap_pushed_give_way (conn, item->id != 0);
      break;
    case FM_IMAP_ITEM_ROOM:
      fm_imap_pushed_take_room (conn);
      break;
    case FM_IMAP_ITEM_BODY:
      fm_imap_body_fetch (conn, item->request_id, item->id, &local);
      answer (conn, item, local, error);
      break;
    case FM_IMAP_ITEM_SEARCH:
      fm_imap_search_run (conn, item->request_id, item->folders[0], &local);
      answer (conn, item, local, error);
      break;
    case FM_IMAP_ITEM_RETRY:
      for (guint i = 0; i < conn->worker->watchers->len; i++)
        fm_imap_watch_retry (g_ptr_array_index (conn->worker->watchers, i));
      break;
    case FM_IMAP_ITEM_CHECK:
      fm_imap_session_noop (conn->session, error);
      break;
    case FM_IMAP_ITEM_OPS:
    case FM_IMAP_ITEM_SYNC:
    case FM_IMAP_ITEM_FILL:
    case FM_IMAP_ITEM_VISIT:
      break;
    }
}

/* A connection that was silent long enough for a suspend or a NAT to have killed it is asked before it is trusted. */
static gboolean
still_there (FmImapConn *conn, gint64 used_us, GError **error)
{
  return fm_clock_mono_us () - used_us < STALE_US || fm_imap_session_noop (conn->session, error);
}

static void
front_serve (FmImapConn *conn)
{
  FmAccountWorker *worker = conn->worker;
  g_autoptr (GError) error = NULL;
  gint64 used_us = fm_clock_mono_us ();

  fm_imap_tell_busy (worker, TRUE);
  if (!greet (conn, &error))
    {
      /* Without the list of folders there is no account: as good as not connected. */
      fm_imap_tell_busy (worker, FALSE);
      fm_imap_conn_lose (conn, error);
      return;
    }
  if (!fm_imap_ops_run (conn, &error))
    {
      fm_imap_tell_busy (worker, FALSE);
      if (!fm_imap_conn_survives (conn, error))
        return;
      g_clear_error (&error);
    }
  conn->failures = 0;
  fm_imap_tell_busy (worker, FALSE);
  while (!fm_imap_worker_stopping (worker))
    {
      FmImapItem *item = fm_port_take (worker->front_port, fm_clock_deadline_us (20 * 60 * 1000));
      gboolean lost;
      fm_imap_tell_busy (worker, TRUE);
      if (still_there (conn, used_us, &error))
        {
          if (item)
            handle (conn, item, &error);
          if (!error && fm_imap_ops_run (conn, &error))
            fm_imap_collect_settle (conn->collect, &error);
          pass_on (worker, item);
        }
      else if (item)
        try_again (conn, item, error);
      fm_imap_tell_busy (worker, FALSE);
      used_us = fm_clock_mono_us ();
      lost = error && !fm_imap_conn_survives (conn, error);
      if (item)
        fm_imap_worker_item_free (item);
      if (lost)
        return;
      g_clear_error (&error);
    }
}

void
fm_imap_front_run (gpointer data)
{
  FmAccountWorker *worker = data;
  FmImapConn conn = { .worker = worker, .name = "front", .collect = fm_imap_collect_new (worker) };

  conn.reader = fm_db_reader_new (worker->env->store, NULL);
  while (conn.reader && !fm_imap_worker_stopping (worker))
    if (fm_imap_conn_open (&conn, worker->front_port))
      front_serve (&conn);
  fm_imap_conn_answer_all (&conn, worker->front_port);
  fm_imap_conn_clear (&conn);
}

/* The back: the long passes. Folders are brought up to date by importance, then bodies are fetched as `offline` asks, until something else is
 * asked. */
#include "sync/imap-collect.h"
#include "sync/imap-private.h"
#include <fulmar/base/clock.h>
#include <fulmar/base/error.h>
#include <fulmar/base/log.h>
#include <fulmar/store/gmail-store.h>
#include <string.h>

#define FRESH_US (10 * G_USEC_PER_SEC)

static int
importance (const FmFolderInfo *info, gint64 open_id)
{
  if (info->id == open_id)
    return 0;
  switch (info->special)
    {
    case FM_SPECIAL_INBOX:
      return 1;
    case FM_SPECIAL_NONE:
    case FM_SPECIAL_SENT:
    case FM_SPECIAL_DRAFTS:
      return 2;
    case FM_SPECIAL_JUNK:
    case FM_SPECIAL_TRASH:
      return 4;
    default:
      return 3;
    }
}

static int
compare_importance (gconstpointer a, gconstpointer b, gpointer data)
{
  const FmFolderInfo *x = *(FmFolderInfo *const *) a, *y = *(FmFolderInfo *const *) b;
  gint64 open_id = *(gint64 *) data;

  return importance (x, open_id) - importance (y, open_id);
}

static GPtrArray *
folders_by_importance (FmImapConn *conn, GError **error)
{
  GPtrArray *folders = fm_folder_store_list (conn->reader, conn->worker->account_id, error);
  gint64 open_id;

  pthread_mutex_lock (&conn->worker->mutex);
  open_id = conn->worker->open_folder_id;
  pthread_mutex_unlock (&conn->worker->mutex);
  if (folders)
    g_ptr_array_sort_with_data (folders, compare_importance, &open_id);
  return folders;
}

static gboolean
is_asked_for (const FmFolderInfo *info, char **folders)
{
  return !folders || !*folders || g_strv_contains ((const char *const *) folders, info->name);
}

/* What the front has just listed need not be asked again. Transfer: full, NULL if there is nothing. */
static GHashTable *
take_statuses (FmAccountWorker *worker)
{
  GHashTable *statuses;

  pthread_mutex_lock (&worker->mutex);
  statuses = g_steal_pointer (&worker->statuses);
  if (statuses && fm_clock_mono_us () - worker->statuses_us > FRESH_US)
    g_clear_pointer (&statuses, g_hash_table_unref);
  pthread_mutex_unlock (&worker->mutex);
  return statuses;
}

/* A folder that repeats what lies in others is for those to fetch, unless it is known which messages are the same. */
static gboolean
keeps_bodies (FmImapConn *conn, const FmFolderInfo *info)
{
  return info->special != FM_SPECIAL_ALL || fm_gmail_store_is_account (conn->reader, info->account_id);
}

/* Nothing is to be visited by what the front listed, and no body to be fetched: the connection can wait until there is. */
static gboolean
is_idle (FmImapConn *conn, GHashTable *statuses)
{
  g_autoptr (GPtrArray) folders = folders_by_importance (conn, NULL);

  for (guint i = 0; folders && i < folders->len; i++)
    {
      const FmFolderInfo *info = g_ptr_array_index (folders, i);
      if (!info->selectable || !*info->remote_name)
        continue;
      if (!fm_imap_list_is_unchanged (conn, info, g_hash_table_lookup (statuses, info->remote_name), !conn->passed)
          || (keeps_bodies (conn, info) && fm_imap_body_is_wanted (conn, info->id)))
        return FALSE;
    }
  return folders != NULL;
}

/* LISTED (may be NULL): what is known of the folders already. */
static gboolean
visit_all (FmImapConn *conn, char **only, GHashTable *listed, GError **error)
{
  g_autoptr (GHashTable) statuses = listed ? g_hash_table_ref (listed) : NULL;
  g_autoptr (GPtrArray) folders = NULL;

  if ((!statuses && !fm_imap_list_run (conn, &statuses, error)) || !(folders = folders_by_importance (conn, error)))
    return FALSE;
  for (guint i = 0; i < folders->len; i++)
    {
      const FmFolderInfo *info = g_ptr_array_index (folders, i);
      g_autoptr (GError) local = NULL;
      gboolean good;
      if (!info->selectable || !*info->remote_name || !is_asked_for (info, only)
          || fm_imap_list_is_unchanged (conn, info, g_hash_table_lookup (statuses, info->remote_name), !conn->passed))
        continue;
      if (!fm_imap_claim_take (conn->worker, info->id))
        return TRUE;
      good = fm_imap_folder_visit (conn, info->id, FM_IMAP_VISIT_FULL, &local);
      fm_imap_claim_release (conn->worker, info->id);
      if (good)
        continue;
      if (!fm_imap_session_is_alive (conn->session))
        {
          g_propagate_error (error, g_steal_pointer (&local));
          return FALSE;
        }
      if (g_error_matches (local, FM_ERROR, FM_ERROR_STORAGE))
        {
          g_propagate_error (error, g_steal_pointer (&local));
          return FALSE;
        }
      fm_log_debug ("imap: %s", local->message);
    }
  fm_imap_worker_visited (conn);
  conn->passed |= !only || !*only;
  return TRUE;
}

/* Bodies of every folder that `offline` asks for. Stops when something else is asked of the back. */
static gboolean
fill_all (FmImapConn *conn, char **only, gboolean to_the_end, GError **error)
{
  g_autoptr (GPtrArray) folders = folders_by_importance (conn, error);

  if (!folders)
    return FALSE;
  fm_imap_evict_look (conn);
  for (guint i = 0; i < folders->len; i++)
    {
      const FmFolderInfo *info = g_ptr_array_index (folders, i);
      gboolean more = info->selectable && keeps_bodies (conn, info) && is_asked_for (info, only);
      conn->fill_date = conn->fill_id = G_MAXINT64;
      while (more && !fm_imap_worker_stopping (conn->worker))
        {
          g_autoptr (GError) local = NULL;
          if (!fm_imap_body_fill (conn, info->id, &more, &local))
            {
              if (!fm_imap_session_is_alive (conn->session) || g_error_matches (local, FM_ERROR, FM_ERROR_STORAGE))
                {
                  g_propagate_error (error, g_steal_pointer (&local));
                  return FALSE;
                }
              fm_log_debug ("imap: %s", local->message);
              break;
            }
          if (!to_the_end && fm_port_length (conn->worker->back_port) > 0)
            return TRUE;
        }
    }
  return TRUE;
}

static gboolean
visit_one (FmImapConn *conn, gint64 folder_id, GError **error)
{
  g_autoptr (GError) local = NULL;
  gboolean good;

  if (!fm_imap_claim_take (conn->worker, folder_id))
    return TRUE;
  good = fm_imap_folder_visit (conn, folder_id, FM_IMAP_VISIT_FULL, &local);
  fm_imap_claim_release (conn->worker, folder_id);
  fm_imap_worker_visited (conn);
  if (good && fm_imap_body_is_wanted (conn, folder_id))
    fm_imap_worker_want_bodies (conn->worker);
  if (good || fm_imap_session_is_alive (conn->session))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

/* One folder a pass, so that a day's checks are spread. One that can't be checked has its turn tomorrow: the others don't wait for it. */
static gboolean
check_one (FmImapConn *conn, GError **error)
{
  g_autoptr (GPtrArray) folders = folders_by_importance (conn, error);

  for (guint i = 0; folders && i < folders->len; i++)
    {
      const FmFolderInfo *info = g_ptr_array_index (folders, i);
      g_autoptr (GError) local = NULL;
      if (!info->selectable || !*info->remote_name || !fm_imap_compare_is_due (conn, info))
        continue;
      if (!fm_imap_claim_take (conn->worker, info->id))
        return TRUE;
      gboolean good = fm_imap_compare_deeply (conn, info->id, &local);
      fm_imap_claim_release (conn->worker, info->id);
      if (good)
        return TRUE;
      if (!fm_imap_session_is_alive (conn->session) || g_error_matches (local, FM_ERROR, FM_ERROR_STORAGE))
        {
          g_propagate_error (error, g_steal_pointer (&local));
          return FALSE;
        }
      fm_log_debug ("imap: checking %s: %s", info->name, local->message);
      fm_imap_compare_put_off (conn, info->id);
    }
  return folders != NULL;
}

static gboolean
back_pass (FmImapConn *conn, const FmImapItem *item, GHashTable *statuses, GError **error)
{
  if (item && item->kind == FM_IMAP_ITEM_VISIT)
    return visit_one (conn, item->id, error);
  char **only = item ? item->folders : NULL;
  gboolean asked = item && item->kind == FM_IMAP_ITEM_SYNC && item->request_id;
  gboolean fill_only = item && item->kind == FM_IMAP_ITEM_FILL && conn->passed;

  return (fill_only || (visit_all (conn, only, statuses, error) && check_one (conn, error))) && fill_all (conn, only, asked, error);
}

/* What the server has told of a folder has come here meanwhile, by a pass or by what we did ourselves. */
static gboolean
is_needless (FmImapConn *conn, const FmImapItem *item)
{
  if (!item || item->kind != FM_IMAP_ITEM_VISIT)
    return FALSE;
  g_autofree FmImapListed *told = fm_imap_worker_begin_visit (conn->worker, item->id);
  g_autoptr (FmFolderInfo) info = told ? fm_folder_store_get (conn->reader, item->id, NULL) : NULL;
  return info && fm_imap_list_is_no_news (conn, info, told);
}

/* Where there is no place for both, the last watcher has it while nothing is to be done. */
static void
leave_if_crowded (FmImapConn *conn)
{
  FmAccountWorker *worker = conn->worker;
  gboolean crowded;

  pthread_mutex_lock (&worker->mutex);
  crowded = worker->crowded && worker->watch_room <= 1;
  pthread_mutex_unlock (&worker->mutex);
  if (!crowded || !conn->session || fm_port_length (worker->back_port) > 0)
    return;
  fm_imap_conn_drop (conn);
  conn->failures = 0;
  fm_imap_worker_post (worker->front_port, FM_IMAP_ITEM_ROOM, 0, 0, NULL);
}

void
fm_imap_back_run (gpointer data)
{
  FmAccountWorker *worker = data;
  FmImapConn conn = { .worker = worker, .name = "back", .collect = fm_imap_collect_new (worker) };
  int poll_ms = MAX (worker->spec->poll_s, 60) * 1000;

  conn.reader = fm_db_reader_new (worker->env->store, NULL);
  while (conn.reader && !fm_imap_worker_stopping (worker))
    {
      FmImapItem *item = fm_port_take (worker->back_port, fm_clock_deadline_us (poll_ms));
      g_autoptr (GError) error = NULL;
      if (item && (item->kind == FM_IMAP_ITEM_RETRY || is_needless (&conn, item)))
        {
          g_clear_pointer (&item, fm_imap_worker_item_free);
          continue;
        }
      conn.asked = item && item->request_id;
      fm_imap_evict_run (&conn);
      g_autoptr (GHashTable) statuses = item && item->kind == FM_IMAP_ITEM_SYNC && !conn.asked ? take_statuses (worker) : NULL;
      if (statuses && is_idle (&conn, statuses))
        {
          conn.passed = TRUE;
          fm_imap_worker_visited (&conn);
          g_clear_pointer (&item, fm_imap_worker_item_free);
          continue;
        }
      if (!fm_imap_conn_open (&conn, worker->back_port))
        error = fm_imap_conn_why (&conn);
      else if (back_pass (&conn, item, statuses, &error))
        {
          conn.failures = 0;
          fm_imap_quota_note (&conn);
        }
      else
        {
          gboolean alive = fm_imap_conn_survives (&conn, error);
          if (g_error_matches (error, FM_ERROR, FM_ERROR_STORAGE))
            fm_imap_tell_storage (worker, error);
          else if (!alive && !fm_imap_worker_stopping (worker))
            {
              /* It died while nothing was asked of it: the next connection serves the request, once. */
              if (item && !item->again)
                {
                  fm_imap_worker_repeat (worker->back_port, item);
                  g_clear_pointer (&item, fm_imap_worker_item_free);
                }
              else
                fm_imap_worker_post (worker->back_port, FM_IMAP_ITEM_SYNC, 0, 0, NULL);
            }
        }
      if (item && fm_imap_worker_stopping (worker) && !error)
        error = g_error_new_literal (FM_ERROR, FM_ERROR_CANCELLED, "stopped");
      if (item)
        fm_imap_tell_done (worker, item->request_id, error);
      g_clear_pointer (&item, fm_imap_worker_item_free);
      leave_if_crowded (&conn);
    }
  fm_imap_conn_answer_all (&conn, worker->back_port);
  fm_imap_conn_clear (&conn);
}

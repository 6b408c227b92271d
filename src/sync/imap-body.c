/* Bodies: the one the user waits for, durable before it is shown; and those that `offline` keeps, newest first, whose directories are synced
 * once for a batch before their rows are written. */
#include "sync/imap-collect.h"
#include "sync/imap-collect.h"
#include "sync/imap-private.h"
#include <fulmar/base/clock.h>
#include <fulmar/base/error.h>
#include <fulmar/store/body-store.h>

#define MAX_BODY_BYTES (G_GUINT64_CONSTANT (1) << 31)
#define FILL_BATCH 50
#define PROGRESS_STEP_BYTES (256 * 1024)

typedef struct {
  gint64 msg_id, blob_id;
  char digest[FM_BODY_STORE_DIGEST_CHARS + 1];
  guint64 size_bytes;
} Fetched;

static gboolean
attach_run (FmStoreWriter *writer, gpointer data, GError **error)
{
  GArray *fetched = data;

  for (guint i = 0; i < fetched->len; i++)
    {
      Fetched *one = &g_array_index (fetched, Fetched, i);
      one->blob_id = fm_body_store_attach (writer, one->msg_id, one->digest, one->size_bytes, error);
      if (!one->blob_id)
        return FALSE;
    }
  return TRUE;
}

static void
tell_changed (FmImapConn *conn, gint64 folder_id, const Fetched *one)
{
  FmEvent *event = fm_event_new (FM_EVENT_MESSAGE_CHANGED, 0);

  event->account = g_strdup (conn->worker->spec->name);
  event->folder_id = folder_id;
  event->msg_id = one->msg_id;
  fm_sync_env_emit (conn->worker->env, event);
}

typedef struct {
  FmImapConn *conn;
  guint64 request_id, told_bytes;
} Progress;

static void
progressed (gpointer data, guint64 done_bytes, guint64 total_bytes)
{
  Progress *progress = data;

  if (!progress->request_id || done_bytes < progress->told_bytes + PROGRESS_STEP_BYTES)
    return;
  progress->told_bytes = done_bytes;
  fm_imap_worker_progress (progress->conn->worker, progress->request_id, "fetching the message", done_bytes, total_bytes);
}

static gboolean
fetch_one (FmImapConn *conn, guint32 uid, Progress *progress, gboolean grouped, Fetched *ret_fetched, GError **error)
{
  g_autoptr (FmSink) sink = fm_body_store_sink_new (conn->worker->env->store, MAX_BODY_BYTES, grouped);

  if (!fm_imap_session_fetch_body (conn->session, uid, sink, progress ? progressed : NULL, progress, error)
      || !fm_sink_commit (sink, error))
    return FALSE;
  g_strlcpy (ret_fetched->digest, fm_body_store_sink_digest (sink, &ret_fetched->size_bytes), sizeof ret_fetched->digest);
  return TRUE;
}

gboolean
fm_imap_body_fetch (FmImapConn *conn, guint64 request_id, gint64 msg_id, GError **error)
{
  g_autoptr (FmMessageInfo) info = fm_message_store_get (conn->reader, msg_id, error);
  g_autoptr (GArray) fetched = g_array_new (FALSE, TRUE, sizeof (Fetched));
  Progress progress = { conn, request_id, 0 };
  Fetched one = { .msg_id = msg_id };

  if (!info)
    return FALSE;
  if (info->blob_id)
    return TRUE;
  if (info->uid == 0)
    {
      g_set_error_literal (error, FM_ERROR, FM_ERROR_NOT_FOUND,
                           "this message is being moved on the server; it can be opened when that is done");
      return FALSE;
    }
  if (!fm_imap_folder_select (conn, info->folder_id, error) || !fetch_one (conn, info->uid, &progress, FALSE, &one, error))
    return FALSE;
  g_array_append_val (fetched, one);
  if (!fm_pen_call (conn->worker->env->pen, FM_PEN_SAFE, attach_run, fetched, error))
    return FALSE;
  fm_sync_env_index (conn->worker->env, g_array_index (fetched, Fetched, 0).blob_id);
  tell_changed (conn, info->folder_id, &one);
  return TRUE;
}

static gint64
oldest_wanted (const FmAccountSpec *spec)
{
  return spec->offline == FM_OFFLINE_DAYS ? fm_clock_now_utc () - (gint64) spec->offline_days * 86400 : G_MININT64;
}

static gboolean
keep_batch (FmImapConn *conn, GArray *fetched, GError **error)
{
  if (fetched->len == 0)
    return TRUE;
  if (!fm_body_store_sync_dirs (conn->worker->env->store, error)
      || !fm_pen_call (conn->worker->env->pen, FM_PEN_BULK, attach_run, fetched, error))
    return FALSE;
  for (guint i = 0; i < fetched->len; i++)
    fm_sync_env_index (conn->worker->env, g_array_index (fetched, Fetched, i).blob_id);
  return TRUE;
}

gboolean
fm_imap_body_fill (FmImapConn *conn, gint64 folder_id, gboolean *ret_more, GError **error)
{
  g_autoptr (GArray) wanted = NULL, fetched = g_array_new (FALSE, TRUE, sizeof (Fetched));
  gboolean good = TRUE;

  *ret_more = FALSE;
  if (conn->worker->spec->offline == FM_OFFLINE_HEADERS)
    return TRUE;
  wanted = fm_message_store_wanted (conn->reader, folder_id, conn->fill_date, conn->fill_id, oldest_wanted (conn->worker->spec), FILL_BATCH,
                                    error);
  if (!wanted)
    return FALSE;
  if (wanted->len == 0)
    return TRUE;
  if (!fm_imap_folder_select (conn, folder_id, error))
    return FALSE;
  for (guint i = 0; good && i < wanted->len && !fm_imap_worker_stopping (conn->worker); i++)
    {
      const FmMessageWant *want = &g_array_index (wanted, FmMessageWant, i);
      Fetched one = { .msg_id = want->id };
      g_autoptr (GError) local = NULL;
      conn->fill_date = want->date_utc;
      conn->fill_id = want->id;
      if (want->uid == 0)
        continue;
      if (fetch_one (conn, want->uid, NULL, TRUE, &one, &local))
        g_array_append_val (fetched, one);
      else if (!fm_imap_session_is_alive (conn->session) || g_error_matches (local, FM_ERROR, FM_ERROR_STORAGE))
        {
          g_propagate_error (error, g_steal_pointer (&local));
          good = FALSE;
        }
    }
  *ret_more = wanted->len == FILL_BATCH;
  good = keep_batch (conn, fetched, good ? error : NULL) && good;
  return good && fm_imap_collect_settle (conn->collect, error);
}

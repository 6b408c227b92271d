/* Bodies: the one the user waits for, durable before it is shown; and those that `offline` keeps, newest first, whose directories are synced
 * once for a batch before their rows are written. The messages of a batch are asked for together: one at a time, 100,000 of them would wait for
 * 100,000 round trips. */
#include "sync/imap-collect.h"
#include "sync/imap-private.h"
#include <fulmar/base/clock.h>
#include <fulmar/base/error.h>
#include <fulmar/store/body-store.h>

#define MAX_BODY_BYTES (G_GUINT64_CONSTANT (1) << 31)
#define FILL_BATCH 200
#define FILL_BYTES (G_GUINT64_CONSTANT (4) << 20) /* a batch ends with the message that reaches this */
#define ATTACH_SLICE 50
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
  fm_imap_tell_progress (progress->conn->worker, progress->request_id, "fetching the message", done_bytes, total_bytes);
}

static gboolean
fetch_one (FmImapConn *conn, guint32 uid, Progress *progress, Fetched *ret_fetched, GError **error)
{
  g_autoptr (FmSink) sink = fm_body_store_sink_new (conn->worker->env->store, MAX_BODY_BYTES, FALSE);

  if (!fm_imap_session_fetch_body (conn->session, uid, sink, progressed, progress, error) || !fm_sink_commit (sink, error))
    return FALSE;
  g_strlcpy (ret_fetched->digest, fm_body_store_sink_digest (sink, &ret_fetched->size_bytes), sizeof ret_fetched->digest);
  if (ret_fetched->size_bytes > 0)
    return TRUE;
  g_set_error_literal (error, FM_ERROR, FM_ERROR_NOT_FOUND, "the server sent nothing for this message: open it again in a moment");
  return FALSE;
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
  if (info->folder_id && !fm_imap_folder_select (conn, info->folder_id, error))
    return FALSE;
  /* By what SELECT told the UID may be another message's now, or nobody's. */
  fm_message_store_free (g_steal_pointer (&info));
  if (!(info = fm_message_store_get (conn->reader, msg_id, error)))
    return FALSE;
  if (info->uid == 0 || !info->folder_id)
    {
      g_set_error_literal (error, FM_ERROR, FM_ERROR_NOT_FOUND,
                           "this message is being moved on the server; it can be opened when that is done");
      return FALSE;
    }
  if (!fm_imap_folder_select (conn, info->folder_id, error) || !fm_imap_folder_look_for (conn, info->uid, error)
      || !fetch_one (conn, info->uid, &progress, &one, error))
    return FALSE;
  g_array_append_val (fetched, one);
  if (!fm_pen_call (conn->worker->env->pen, FM_PEN_SAFE, attach_run, fetched, error))
    return FALSE;
  fm_sync_env_index (conn->worker->env, g_array_index (fetched, Fetched, 0).blob_id);
  tell_changed (conn, info->folder_id, &one);
  return TRUE;
}

/* In slices, so that a user's change never waits long for the pen. */
static gboolean
keep_batch (FmImapConn *conn, GArray *fetched, GError **error)
{
  if (fetched->len == 0)
    return TRUE;
  if (!fm_body_store_sync_dirs (conn->worker->env->store, error))
    return FALSE;
  for (guint at = 0; at < fetched->len; at += ATTACH_SLICE)
    {
      g_autoptr (GArray) slice = g_array_new (FALSE, FALSE, sizeof (Fetched));
      g_array_append_vals (slice, &g_array_index (fetched, Fetched, at), MIN (ATTACH_SLICE, fetched->len - at));
      if (!fm_pen_call (conn->worker->env->pen, FM_PEN_BULK, attach_run, slice, error))
        return FALSE;
      for (guint i = 0; i < slice->len; i++)
        fm_sync_env_index (conn->worker->env, g_array_index (slice, Fetched, i).blob_id);
    }
  return TRUE;
}

/* Messages asked for together. */
typedef struct {
  FmImapConn *conn;
  GArray *msg_ids;  /* gint64 */
  GArray *uids;     /* guint32 */
  GPtrArray *sinks; /* FmSink*; NULL once it is filed or dropped */
  GArray *fetched;  /* Fetched */
  GError *storage;  /* the first failure to file one: to go on would only repeat it */
} Fill;

static void
fill_add (Fill *fill, const FmMessageWant *want)
{
  g_array_append_val (fill->msg_ids, want->id);
  g_array_append_val (fill->uids, want->uid);
  g_ptr_array_add (fill->sinks, fm_body_store_sink_new (fill->conn->worker->env->store, MAX_BODY_BYTES, TRUE));
}

/* A message that can't be had (gone, refused, too large, or empty, as a server sends it that is losing its folder) is left for another time. */
static void
fill_fetched (gpointer data, gsize index, const GError *error)
{
  Fill *fill = data;
  g_autoptr (FmSink) sink = g_steal_pointer (&fill->sinks->pdata[index]);
  Fetched one = { .msg_id = g_array_index (fill->msg_ids, gint64, index) };
  g_autoptr (GError) own = NULL;

  if (error == NULL && fm_sink_commit (sink, &own))
    {
      g_strlcpy (one.digest, fm_body_store_sink_digest (sink, &one.size_bytes), sizeof one.digest);
      if (one.size_bytes > 0)
        g_array_append_val (fill->fetched, one);
      return;
    }
  error = error == NULL ? own : error;
  if (fill->storage == NULL && g_error_matches (error, FM_ERROR, FM_ERROR_STORAGE))
    fill->storage = g_error_copy (error);
}

static void
fill_clear (Fill *fill)
{
  for (guint i = 0; i < fill->sinks->len; i++)
    g_clear_pointer ((FmSink **) &fill->sinks->pdata[i], fm_sink_free);
  g_ptr_array_unref (fill->sinks);
  g_array_unref (fill->msg_ids);
  g_array_unref (fill->uids);
  g_array_unref (fill->fetched);
  g_clear_error (&fill->storage);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Fill, fill_clear)

static gboolean
fill_run (Fill *fill, GError **error)
{
  FmImapConn *conn = fill->conn;
  gboolean good = fm_imap_session_fetch_bodies (conn->session, (const guint32 *) (gpointer) fill->uids->data,
                                                (FmSink *const *) fill->sinks->pdata, fill->uids->len, fill_fetched, fill, error);

  if (good && fill->storage != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&fill->storage));
      good = FALSE;
    }
  /* What came whole is kept whatever happened to the rest. */
  return keep_batch (conn, fill->fetched, good ? error : NULL) && good;
}

static GArray *
read_wanted (FmImapConn *conn, gint64 folder_id, GError **error)
{
  return fm_message_store_wanted (conn->reader, folder_id, conn->fill_date, conn->fill_id, conn->kept_since, FILL_BATCH, error);
}

gboolean
fm_imap_body_is_wanted (FmImapConn *conn, gint64 folder_id)
{
  g_autoptr (GArray) wanted = NULL;

  if (conn->worker->spec->offline == FM_OFFLINE_HEADERS)
    return FALSE;
  wanted = fm_message_store_wanted (conn->reader, folder_id, G_MAXINT64, G_MAXINT64, conn->kept_since, 1, NULL);
  return !wanted || wanted->len > 0;
}

gboolean
fm_imap_body_fill (FmImapConn *conn, gint64 folder_id, gboolean *ret_more, GError **error)
{
  g_autoptr (GArray) wanted = NULL;

  *ret_more = FALSE;
  if (conn->worker->spec->offline == FM_OFFLINE_HEADERS)
    return TRUE;
  if (!(wanted = read_wanted (conn, folder_id, error)))
    return FALSE;
  if (wanted->len == 0)
    return TRUE;
  if (!fm_imap_folder_select (conn, folder_id, error))
    return FALSE;
  /* Again: by what SELECT told, UIDs may be other messages' now. */
  g_array_unref (wanted);
  if (!(wanted = read_wanted (conn, folder_id, error)))
    return FALSE;
  g_auto (Fill) fill = { conn,
                         g_array_new (FALSE, FALSE, sizeof (gint64)),
                         g_array_new (FALSE, FALSE, sizeof (guint32)),
                         g_ptr_array_new (),
                         g_array_new (FALSE, TRUE, sizeof (Fetched)),
                         NULL };
  guint64 bytes = 0;
  guint taken = 0;
  for (; taken < wanted->len && bytes < FILL_BYTES; taken++)
    {
      const FmMessageWant *want = &g_array_index (wanted, FmMessageWant, taken);
      conn->fill_date = want->date_utc;
      conn->fill_id = want->id;
      bytes += want->size_bytes;
      if (want->uid != 0)
        fill_add (&fill, want);
    }
  *ret_more = taken < wanted->len || wanted->len == FILL_BATCH;
  return fill_run (&fill, error) && fm_imap_collect_settle (conn->collect, error);
}

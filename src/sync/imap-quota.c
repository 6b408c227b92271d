/* How full the mailbox on the server is: asked once an hour at the end of a pass, when there is a connection anyway. */
#include "sync/imap-private.h"
#include <fulmar/base/clock.h>
#include <fulmar/store/folder-store.h>

#define ASK_EVERY_US (G_GINT64_CONSTANT (3600) * G_USEC_PER_SEC)

/* value struct: what the pen writes */
typedef struct {
  gint64 account_id;
  guint64 used, limit;
} Quota;

static gboolean
quota_run (FmStoreWriter *writer, gpointer data, GError **error)
{
  const Quota *quota = data;
  return fm_folder_store_set_quota (writer, quota->account_id, quota->used, quota->limit, fm_clock_now_utc (), error);
}

void
fm_imap_quota_note (FmImapConn *conn)
{
  FmAccountWorker *worker = conn->worker;
  Quota quota = { worker->account_id, 0, 0 };
  gint64 now = fm_clock_mono_us ();
  if (conn->session == NULL || !fm_imap_session_has (conn->session, FM_IMAP_CAP_QUOTA)
      || (conn->quota_asked_us != 0 && now < conn->quota_asked_us + ASK_EVERY_US))
    return;
  conn->quota_asked_us = now;
  /* A server that has none for us says no, which is no trouble. */
  if (!fm_imap_session_quota (conn->session, &quota.used, &quota.limit, NULL)
      || !fm_pen_call (worker->env->pen, FM_PEN_BULK, quota_run, &quota, NULL) || quota.limit == 0)
    return;
  FmEvent *event = fm_event_new (FM_EVENT_FOLDERS_CHANGED, 0);
  event->account = g_strdup (worker->spec->name);
  fm_sync_env_emit (worker->env, event);
}

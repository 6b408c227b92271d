/* IDLE as the wire has it: news may come before the "+" and after DONE, a line may already lie in our buffer when we would sleep, and the
 * server may end it at any time. */
#include <fulmar/net/imap-idle.h>
#include "imap-engine.h"
#include <fulmar/base/clock.h>
#include <fulmar/base/error.h>

#define LONGEST_MS (28 * 60 * 1000) /* servers drop a silent client after 30 minutes (RFC 2177) */
#define QUIET_MS 5

typedef struct {
  FmImapSession *session;
  GError *outcome;
  FmImapIdleEnd end;
} Idle;

/* Waits in IDLE; returns when it is time to say DONE. */
static gboolean
doze (Idle *idle, int wake_fd, gint64 deadline_us, GError **error)
{
  FmImapSession *session = idle->session;
  guint before = session->state->n_events;
  FmStreamWait why;
  FmImapStep step;

  for (;;)
    {
      gboolean has_news = session->state->n_events != before;
      gint64 until_us = has_news ? fm_clock_deadline_us (QUIET_MS) : deadline_us;
      GError *reason = NULL;
      if (!fm_stream_wait (session->stream, has_news ? -1 : wake_fd, until_us, &why, &reason))
        return fm_imap_engine_die (session, reason, error);
      if (why != FM_STREAM_READABLE)
        {
          idle->end = has_news ? FM_IMAP_IDLE_NEWS : why == FM_STREAM_WOKEN ? FM_IMAP_IDLE_WOKEN : FM_IMAP_IDLE_DEADLINE;
          return TRUE;
        }
      if (!fm_imap_engine_step (session, &step, NULL, error))
        return FALSE;
      if (step == FM_IMAP_STEP_TAGGED)
        { /* the server ended it */
          idle->end = session->state->n_events != before ? FM_IMAP_IDLE_NEWS : FM_IMAP_IDLE_DEADLINE;
          return TRUE;
        }
    }
}

/* IDLE sent; waits for the "+" while counting what comes before it. */
static gboolean
await_plus (Idle *idle, gboolean *ret_idling, GError **error)
{
  FmImapSession *session = idle->session;
  FmImapStep step = FM_IMAP_STEP_UNTAGGED;

  while (step == FM_IMAP_STEP_UNTAGGED)
    if (!fm_imap_engine_step (session, &step, NULL, error))
      return FALSE;
  *ret_idling = step == FM_IMAP_STEP_CONTINUE;
  return TRUE;
}

static gboolean
say_done (Idle *idle, GError **error)
{
  FmImapSession *session = idle->session;
  GError *reason = NULL;

  if (g_queue_is_empty (&session->sent))
    return TRUE;
  if (!fm_stream_write (session->stream, "DONE\r\n", -1, &reason))
    return fm_imap_engine_die (session, reason, error);
  return fm_imap_engine_run (session, error);
}

void
fm_imap_idle_queue_notify (FmImapSession *session, FmImapDone done, gpointer data)
{
  fm_imap_engine_queue (
      session,
      g_strdup ("NOTIFY SET STATUS (selected (MessageNew MessageExpunge FlagChange)) (personal (MessageNew MessageExpunge "
                "FlagChange MailboxName SubscriptionChange))"),
      done, data);
}

gboolean
fm_imap_idle_wait (FmImapSession *session, int wake_fd, gint64 deadline_us, FmImapIdleEnd *ret_end, GError **error)
{
  Idle idle = { session, NULL, FM_IMAP_IDLE_DEADLINE };
  gboolean is_idling = FALSE;
  guint before;

  if (!(session->state->caps & FM_IMAP_CAP_IDLE))
    {
      g_set_error (error, FM_ERROR, FM_ERROR_INVALID, "%s does not push: it has no IDLE", session->server->host);
      return FALSE;
    }
  if (!fm_imap_engine_run (session, error))
    return FALSE;
  before = session->state->n_events;
  deadline_us = MIN (deadline_us, fm_clock_deadline_us (LONGEST_MS));
  fm_imap_engine_queue (session, g_strdup ("IDLE"), fm_imap_engine_keep_error, &idle.outcome);
  gboolean is_fine = fm_imap_engine_send (session, error) && await_plus (&idle, &is_idling, error);
  if (is_fine && is_idling)
    {
      is_fine = session->state->n_events != before || doze (&idle, wake_fd, deadline_us, error);
      is_fine = is_fine && say_done (&idle, error);
    }
  if (is_fine && idle.outcome != NULL)
    {
      is_fine = FALSE;
      g_propagate_error (error, g_error_copy (idle.outcome));
    }
  g_clear_error (&idle.outcome);
  if (is_fine)
    *ret_end = session->state->n_events != before ? FM_IMAP_IDLE_NEWS : idle.end;
  return is_fine;
}

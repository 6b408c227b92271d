/* The one place that every event passes, so that each request is answered exactly once however many workers took part, and a folder is not told as
 * changed more often than anybody can look. */
#include "sync/engine-private.h"
#include <fulmar/base/error.h>

static void
wait_for_index (FmEngine *engine, gpointer data)
{
  guint64 *id = data;
  if (engine->feed != NULL)
    fm_index_feed_wait (engine->feed, *id);
  else
    fm_engine_finish (engine, *id, NULL, NULL);
  g_free (id);
}

/* Whether EVENT, an answer, is the request's last word; it is changed into it. Under the mutex. */
static gboolean
settle (FmEngine *engine, FmEvent *event)
{
  FmEngineRequest *request = g_hash_table_lookup (engine->requests, &event->reply_to);
  if (request == NULL)
    return FALSE;
  if (event->kind == FM_EVENT_FAILED && request->error == NULL && event->error != NULL)
    request->error = g_error_copy (event->error);
  if (event->kind == FM_EVENT_CANCELLED)
    request->waiting = 1;
  if (--request->waiting > 0)
    return FALSE;
  if (request->then_index && event->kind != FM_EVENT_CANCELLED)
    {
      request->then_index = FALSE;
      request->waiting = 1;
      fm_engine_desk_post (engine, wait_for_index, g_memdup2 (&event->reply_to, sizeof event->reply_to));
      return FALSE;
    }
  if (request->error != NULL && event->kind == FM_EVENT_DONE)
    {
      event->kind = FM_EVENT_FAILED;
      event->error = g_error_copy (request->error);
    }
  if (event->kind == FM_EVENT_FAILED && g_error_matches (event->error, FM_ERROR, FM_ERROR_CANCELLED))
    event->kind = FM_EVENT_CANCELLED;
  g_hash_table_remove (engine->requests, &event->reply_to);
  return TRUE;
}

static void
hand_out (FmEngine *engine, FmEvent *event)
{
  fm_engine_follow_heard (engine, event);
  FmControlServer *control = g_atomic_pointer_get (&engine->control);
  if (control != NULL)
    fm_control_server_send (control, event);
  if ((event->reply_to & FM_CONTROL_TOKEN_BIT) != 0)
    {
      fm_event_unref (event);
      return;
    }
  fm_port_post (engine->options.events, event, (GDestroyNotify) fm_event_unref);
}

gint64
fm_engine_emit_waiting (FmEngine *engine, gboolean all)
{
  gint64 next;
  g_autoptr (GPtrArray) due = fm_engine_coalesce_due (engine, all, &next);
  for (guint i = 0; i < due->len; i++)
    hand_out (engine, due->pdata[i]);
  return next;
}

void
fm_engine_emit_at_once (FmEngine *engine, FmEvent *event)
{
  hand_out (engine, fm_engine_coalesce_take (engine, event, TRUE));
}

void
fm_engine_emit (FmEngine *engine, FmEvent *event)
{
  gboolean ends = event->kind == FM_EVENT_DONE || event->kind == FM_EVENT_FAILED || event->kind == FM_EVENT_CANCELLED;
  if (ends || event->kind == FM_EVENT_COMPUTED)
    {
      pthread_mutex_lock (&engine->mutex);
      gboolean last = settle (engine, event);
      pthread_mutex_unlock (&engine->mutex);
      if (!last)
        {
          fm_event_unref (event);
          return;
        }
    }
  /* Whoever is told that something is done has been told what it changed. */
  if (ends)
    fm_engine_emit_waiting (engine, TRUE);
  if (event->kind == FM_EVENT_FOLDER_CHANGED)
    event = fm_engine_coalesce_take (engine, event, FALSE);
  if (event != NULL)
    hand_out (engine, event);
}

void
fm_engine_emit_notice (FmEngine *engine, const char *account, const char *text, const GError *error)
{
  FmEvent *event = fm_event_new (FM_EVENT_NOTICE, 0);
  event->account = g_strdup (account);
  event->text = error == NULL ? g_strdup (text) : g_strdup_printf ("%s: %s", text, error->message);
  event->error = error == NULL ? NULL : g_error_copy (error);
  fm_engine_emit (engine, event);
}

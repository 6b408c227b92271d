/* What crosses from the engine to its owner. An event is filled by the thread that makes it and is frozen once posted. The closure of
 * COMPUTED is the one exception to plain values: a boxed result with the owner's callback, completed or freed exactly once. */
#include "sync/event-closure.h"

static void
closure_free (FmEventClosure *closure)
{
  if (closure == NULL)
    return;
  if (closure->free_data != NULL)
    closure->free_data (closure->data);
  g_clear_error (&closure->error);
  g_free (closure);
}

FmEvent *
fm_event_new (FmEventKind kind, guint64 reply_to)
{
  FmEvent *event = g_atomic_rc_box_new0 (FmEvent);
  event->kind = kind;
  event->reply_to = reply_to;
  return event;
}

FmEvent *
fm_event_ref (FmEvent *event)
{
  return g_atomic_rc_box_acquire (event);
}

static void
event_clear (gpointer data)
{
  FmEvent *event = data;
  g_free (event->account);
  g_free (event->text);
  if (event->ids != NULL)
    g_array_unref (event->ids);
  g_clear_error (&event->error);
  closure_free (event->closure);
}

void
fm_event_unref (FmEvent *event)
{
  if (event != NULL)
    g_atomic_rc_box_release_full (event, event_clear);
}

void
fm_event_complete (FmEvent *event)
{
  FmEventClosure *closure = event->closure;
  if (closure == NULL)
    return;
  event->closure = NULL;
  if (closure->done != NULL)
    closure->done (closure->error == NULL ? closure->result : NULL, closure->error, closure->data);
  closure_free (closure);
}

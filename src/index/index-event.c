/* One answer or notice of the index; plain values, owned by whoever holds it. */
#include "config.h"
#include "index/index-event.h"

struct FmIndexEvent {
  FmIndexEventKind kind;
  guint64 request;
  guint64 count;
  GError *error;
  gint64 *ids;
  guint n_ids;
};

FmIndexEvent *
fm_index_event_new (FmIndexEventKind kind, guint64 request, guint64 count, GError *error)
{
  FmIndexEvent *event = g_new0 (FmIndexEvent, 1);
  event->kind = kind;
  event->request = request;
  event->count = count;
  event->error = error;
  return event;
}

FmIndexEvent *
fm_index_event_new_ids (FmIndexEventKind kind, guint64 request, const gint64 *ids, guint n_ids, GError *error)
{
  FmIndexEvent *event = fm_index_event_new (kind, request, 0, error);
  event->ids = g_memdup2 (ids, n_ids * sizeof ids[0]);
  event->n_ids = n_ids;
  return event;
}

FmIndexEventKind
fm_index_event_kind (const FmIndexEvent *event)
{
  return event->kind;
}

guint64
fm_index_event_request (const FmIndexEvent *event)
{
  return event->request;
}

const gint64 *
fm_index_event_ids (const FmIndexEvent *event, guint *ret_length)
{
  *ret_length = event->n_ids;
  return event->ids;
}

guint64
fm_index_event_count (const FmIndexEvent *event)
{
  return event->count;
}

const GError *
fm_index_event_error (const FmIndexEvent *event)
{
  return event->error;
}

void
fm_index_event_free (FmIndexEvent *event)
{
  if (event == NULL)
    return;
  g_clear_error (&event->error);
  g_free (event->ids);
  g_free (event);
}

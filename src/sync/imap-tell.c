/* What the IMAP worker says of itself: folders and requests, the account's state, and that a server is slow to answer. */
#include "sync/imap-private.h"
#include <fulmar/base/clock.h>
#include <time.h>

#define SLOW_US (2 * G_USEC_PER_SEC)

static void
tell_folder (FmAccountWorker *worker, gint64 folder_id, guint count)
{
  FmEvent *event = fm_event_new (FM_EVENT_FOLDER_CHANGED, 0);

  event->account = g_strdup (worker->spec->name);
  event->folder_id = folder_id;
  event->count = count;
  fm_sync_env_emit (worker->env, event);
}

void
fm_imap_tell_folder (FmAccountWorker *worker, gint64 folder_id, guint count)
{
  gint64 open_id;

  pthread_mutex_lock (&worker->mutex);
  open_id = worker->is_gmail ? worker->open_folder_id : 0;
  pthread_mutex_unlock (&worker->mutex);
  tell_folder (worker, folder_id, count);
  /* Labels and flags that the folder in view shows come from any folder. */
  if (open_id && open_id != folder_id)
    tell_folder (worker, open_id, 0);
}

void
fm_imap_tell_tree (FmAccountWorker *worker)
{
  FmEvent *event = fm_event_new (FM_EVENT_FOLDERS_CHANGED, 0);

  event->account = g_strdup (worker->spec->name);
  fm_sync_env_emit (worker->env, event);
}

void
fm_imap_tell_progress (FmAccountWorker *worker, guint64 request_id, const char *text, guint64 done, guint64 total)
{
  FmEvent *event = fm_event_new (FM_EVENT_PROGRESS, request_id);

  event->account = g_strdup (worker->spec->name);
  event->text = g_strdup (text);
  event->count = done;
  event->total = total;
  fm_sync_env_emit (worker->env, event);
}

void
fm_imap_tell_done (FmAccountWorker *worker, guint64 request_id, const GError *error)
{
  FmEvent *event;

  if (request_id == 0)
    return;
  event = fm_event_new (error ? FM_EVENT_FAILED : FM_EVENT_DONE, request_id);
  event->account = g_strdup (worker->spec->name);
  event->error = error ? g_error_copy (error) : NULL;
  fm_sync_env_emit (worker->env, event);
}

void
fm_imap_tell_state (FmAccountWorker *worker, FmAccountState state, const char *text)
{
  FmEvent *event;
  gboolean same;

  pthread_mutex_lock (&worker->mutex);
  same = worker->state == state && g_strcmp0 (worker->state_text, text) == 0;
  worker->state = state;
  g_free (worker->state_text);
  worker->state_text = g_strdup (text);
  pthread_mutex_unlock (&worker->mutex);
  if (same)
    return;
  event = fm_event_new (FM_EVENT_STATE, 0);
  event->account = g_strdup (worker->spec->name);
  event->state = state;
  event->text = g_strdup (text);
  fm_sync_env_emit (worker->env, event);
}

/* What the account's connections are now, in one word. */
void
fm_imap_tell_connected (FmAccountWorker *worker)
{
  guint online, pushing;

  pthread_mutex_lock (&worker->mutex);
  online = worker->online;
  pushing = worker->pushing;
  pthread_mutex_unlock (&worker->mutex);
  if (online > 0)
    fm_imap_tell_state (worker, pushing > 0 ? FM_STATE_PUSHED : FM_STATE_ONLINE, NULL);
}

void
fm_imap_tell_pushing (FmAccountWorker *worker, gboolean on)
{
  pthread_mutex_lock (&worker->mutex);
  worker->pushing += on ? 1 : -1;
  pthread_mutex_unlock (&worker->mutex);
  fm_imap_tell_connected (worker);
}

void
fm_imap_tell_notice (FmAccountWorker *worker, const char *text)
{
  FmEvent *event = fm_event_new (FM_EVENT_NOTICE, 0);

  event->account = g_strdup (worker->spec->name);
  event->text = g_strdup (text);
  fm_sync_env_emit (worker->env, event);
}

void
fm_imap_tell_storage (FmAccountWorker *worker, const GError *error)
{
  FmEvent *event = fm_event_new (FM_EVENT_NOTICE, 0);

  event->account = g_strdup (worker->spec->name);
  event->error = g_error_copy (error);
  event->text = g_strdup (error->message);
  fm_sync_env_emit (worker->env, event);
}

/* --- is the server slow? --- */

void
fm_imap_tell_busy (FmAccountWorker *worker, gboolean on)
{
  gboolean told;

  pthread_mutex_lock (&worker->mutex);
  worker->busy_since_us = on ? fm_clock_mono_us () : 0;
  told = worker->slow_told;
  worker->slow_told = FALSE;
  pthread_cond_broadcast (&worker->cond);
  pthread_mutex_unlock (&worker->mutex);
  if (!on && told)
    fm_imap_tell_connected (worker);
}

static void
timed_wait (FmAccountWorker *worker, gint64 wait_us)
{
  struct timespec until;

  clock_gettime (CLOCK_MONOTONIC, &until);
  until.tv_sec += wait_us / G_USEC_PER_SEC;
  until.tv_nsec += (wait_us % G_USEC_PER_SEC) * 1000;
  if (until.tv_nsec >= 1000000000)
    {
      until.tv_sec++;
      until.tv_nsec -= 1000000000;
    }
  pthread_cond_timedwait (&worker->cond, &worker->mutex, &until);
}

/* Says so when the front has waited two seconds: a black hole gives no other sign. Asleep while nothing is awaited. */
void
fm_imap_tell_tick (gpointer data)
{
  FmAccountWorker *worker = data;

  pthread_mutex_lock (&worker->mutex);
  while (!fm_imap_worker_stopping (worker))
    {
      gint64 waited = worker->busy_since_us ? fm_clock_mono_us () - worker->busy_since_us : 0;
      if (worker->busy_since_us == 0 || worker->slow_told)
        pthread_cond_wait (&worker->cond, &worker->mutex);
      else if (waited < SLOW_US)
        timed_wait (worker, SLOW_US - waited);
      else
        {
          g_autofree char *text = g_strdup_printf ("no answer from %s", worker->spec->incoming.host);
          FmAccountState state = worker->state;
          worker->slow_told = TRUE;
          pthread_mutex_unlock (&worker->mutex);
          if (state == FM_STATE_ONLINE || state == FM_STATE_PUSHED)
            fm_imap_tell_state (worker, state, text);
          pthread_mutex_lock (&worker->mutex);
        }
    }
  pthread_mutex_unlock (&worker->mutex);
}

/* A folder that changes a thousand times a second is told as changed ten times: the first change at once, what follows within INTERVAL_US together,
 * the last never lost. A user's own action is told at once, with what waited, and so is the answer of a request. */
#include "sync/engine-private.h"
#include <fulmar/base/clock.h>

#define INTERVAL_US (100 * 1000)

typedef struct {
  gint64 told_us;
  FmEvent *waiting; /* NULL: nothing */
} Folder;

static void
folder_free (gpointer data)
{
  Folder *folder = data;

  fm_event_unref (folder->waiting);
  g_free (folder);
}

GHashTable *
fm_engine_coalesce_table (void)
{
  return g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, folder_free);
}

static FmEvent *
merge (const FmEvent *one, const FmEvent *other)
{
  FmEvent *event = fm_event_new (FM_EVENT_FOLDER_CHANGED, 0);

  event->account = g_strdup (other->account != NULL ? other->account : one->account);
  event->folder_id = other->folder_id;
  event->count = one->count + other->count;
  return event;
}

/* Under the mutex. */
static Folder *
folder_of (FmEngine *engine, gint64 folder_id)
{
  Folder *folder = g_hash_table_lookup (engine->changed_folders, &folder_id);

  if (folder == NULL)
    {
      folder = g_new0 (Folder, 1);
      folder->told_us = -INTERVAL_US;
      g_hash_table_insert (engine->changed_folders, g_memdup2 (&folder_id, sizeof folder_id), folder);
    }
  return folder;
}

static void
look_again (FmEngine *engine, gpointer data)
{
  gint64 now = fm_clock_mono_us ();

  engine->folders_check_us = MIN (engine->folders_check_us, now + INTERVAL_US);
}

FmEvent *
fm_engine_coalesce_take (FmEngine *engine, FmEvent *event, gboolean at_once)
{
  gint64 now = fm_clock_mono_us ();
  gboolean is_first_waiting = FALSE;

  pthread_mutex_lock (&engine->mutex);
  Folder *folder = folder_of (engine, event->folder_id);
  if (folder->waiting != NULL)
    {
      FmEvent *both = merge (folder->waiting, event);
      g_clear_pointer (&folder->waiting, fm_event_unref);
      fm_event_unref (event);
      event = both;
    }
  if (at_once || now - folder->told_us >= INTERVAL_US)
    folder->told_us = now;
  else
    {
      folder->waiting = g_steal_pointer (&event);
      is_first_waiting = !engine->folders_wait;
      engine->folders_wait = TRUE;
    }
  pthread_mutex_unlock (&engine->mutex);
  if (is_first_waiting)
    fm_engine_desk_post (engine, look_again, NULL);
  return event;
}

GPtrArray *
fm_engine_coalesce_due (FmEngine *engine, gboolean all, gint64 *ret_next_us)
{
  GPtrArray *due = g_ptr_array_new ();
  gint64 now = fm_clock_mono_us (), next = G_MAXINT64;
  GHashTableIter iter;
  gpointer value;

  pthread_mutex_lock (&engine->mutex);
  if (engine->folders_wait)
    {
      g_hash_table_iter_init (&iter, engine->changed_folders);
      while (g_hash_table_iter_next (&iter, NULL, &value))
        {
          Folder *folder = value;
          if (folder->waiting == NULL)
            continue;
          if (all || now - folder->told_us >= INTERVAL_US)
            {
              folder->told_us = now;
              g_ptr_array_add (due, g_steal_pointer (&folder->waiting));
            }
          else
            next = MIN (next, folder->told_us + INTERVAL_US);
        }
      engine->folders_wait = next != G_MAXINT64;
    }
  pthread_mutex_unlock (&engine->mutex);
  if (ret_next_us != NULL)
    *ret_next_us = next;
  return due;
}

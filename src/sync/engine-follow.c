/* Leading and following. Every request of a follower is kept here until it is answered, so that none is lost with a leader: whoever leads next
 * gets it, be it this process, and an action that the old leader had written after all is known by its origin and not done twice. A leader
 * takes followers' requests as its own, under the tokens of the control socket. */
#include "sync/engine-private.h"
#include <fulmar/base/clock.h>
#include <fulmar/base/error.h>
#include <fulmar/base/log.h>
#include <fulmar/store/folder-store.h>

#define TRY_AGAIN_US (50 * 1000)
/* A leader that holds the lease but does not open its socket for so long is stuck: actions are journalled without it. */
#define GIVE_UP_US (10 * G_USEC_PER_SEC)

typedef struct {
  guint64 id;
  FmControlVerb verb;
  FmAction *action;
  char *account;
  char **folders;
  gint64 target;
  gint64 give_up_us;
  gboolean sent;
  gboolean durable;
  gboolean own; /* an action that this process, leading nobody, journals itself */
} Followed;

void
fm_engine_follow_followed_free (gpointer data)
{
  Followed *followed = data;
  fm_action_unref (followed->action);
  g_free (followed->account);
  g_strfreev (followed->folders);
  g_free (followed);
}

static Followed *
followed_new (guint64 id, const FmControlRequest *request)
{
  Followed *followed = g_new0 (Followed, 1);
  followed->id = id;
  followed->verb = request->verb;
  followed->action = request->action == NULL ? NULL : fm_action_ref (request->action);
  followed->account = g_strdup (request->account);
  followed->folders = g_strdupv ((char **) request->folders);
  followed->target = request->id;
  followed->give_up_us = fm_clock_mono_us () + GIVE_UP_US;
  return followed;
}

static FmControlRequest
request_of (const Followed *followed)
{
  return (FmControlRequest){ .verb = followed->verb,
                             .action = followed->action,
                             .account = followed->account,
                             .folders = (const char *const *) followed->folders,
                             .id = followed->target };
}

static char *
socket_path (FmEngine *engine)
{
  return g_build_filename (engine->options.data_dir, "run", "ctl", NULL);
}

/* --- leading --- */

/* An asked-for folder is synced once; what this process's own user looks at stays what it was. */
static void
sync_folder (FmEngine *engine, guint64 token, gint64 folder_id)
{
  g_autoptr (FmFolderInfo) folder = folder_id == 0 ? NULL : fm_folder_store_get (engine->desk_reader, folder_id, NULL);
  if (folder == NULL)
    {
      fm_engine_finish (engine, token, NULL, NULL);
      return;
    }
  const char *folders[] = { folder->name, NULL };
  FmControlRequest request = { .verb = FM_CONTROL_SYNC, .account = folder->account, .folders = folders };
  fm_engine_desk_run_local (engine, token, &request);
}

/* A request that came is dropped when this process ends: its sender keeps it. */
static void
run_request (FmEngine *engine, gpointer data)
{
  Followed *asked = data;
  FmControlRequest request = request_of (asked);
  request.request_id = (guint64) asked->target;
  if (!g_atomic_int_get (&engine->desk_closing))
    {
      if (asked->id != 0)
        fm_engine_request_add (engine, asked->id, 1);
      if (asked->verb == FM_CONTROL_OPEN_FOLDER)
        sync_folder (engine, asked->id, asked->target);
      else
        fm_engine_desk_run_local (engine, asked->id, &request);
    }
  fm_engine_follow_followed_free (asked);
}

static void
on_request (guint64 token, const FmControlRequest *request, gpointer data)
{
  Followed *asked = followed_new (token, request);
  if (request->verb == FM_CONTROL_CANCEL)
    asked->target = (gint64) request->request_id;
  fm_engine_desk_post (data, run_request, asked);
}

void
fm_engine_follow_lead (FmEngine *engine)
{
  g_autofree char *path = socket_path (engine);
  g_autoptr (GError) error = NULL;
  FmControlServer *control = fm_control_server_new (path, on_request, engine, &error);
  g_atomic_pointer_set (&engine->control, control);
  if (control == NULL)
    fm_log_debug ("control socket: %s", error->message);
}

/* --- following --- */

static void
tell_journal (FmEngine *engine, gpointer data)
{
  FmControlRequest request = { .verb = FM_CONTROL_JOURNAL };
  if (fm_engine_is_leader (engine))
    fm_engine_desk_run_local (engine, 0, &request);
  else if (fm_engine_follow_connect (engine))
    fm_control_client_send (engine->leader, 0, &request);
}

void
fm_engine_follow_heard (FmEngine *engine, const FmEvent *event)
{
  if (event->reply_to == 0)
    return;
  pthread_mutex_lock (&engine->mutex);
  Followed *followed = g_hash_table_lookup (engine->followed, &event->reply_to);
  gboolean own = followed != NULL && followed->own && event->kind == FM_EVENT_DONE;
  if (followed != NULL && event->kind == FM_EVENT_DURABLE)
    followed->durable = TRUE;
  if (followed != NULL && (event->kind == FM_EVENT_DONE || event->kind == FM_EVENT_FAILED || event->kind == FM_EVENT_CANCELLED))
    g_hash_table_remove (engine->followed, &event->reply_to);
  pthread_mutex_unlock (&engine->mutex);
  /* A leader may have begun meanwhile, and have read the journal before this was in it. */
  if (own)
    fm_engine_desk_post (engine, tell_journal, NULL);
}

static gint
by_id (gconstpointer a, gconstpointer b)
{
  const guint64 *one = a, *other = b;
  return *one < *other ? -1 : *one > *other;
}

/* Ids of requests, oldest first; the desk alone adds to the table, so that an id found gone later has been answered. */
static GArray *
list_followed (FmEngine *engine, gboolean sent)
{
  GArray *ids = g_array_new (FALSE, FALSE, sizeof (guint64));
  GHashTableIter iter;
  gpointer id, value;
  pthread_mutex_lock (&engine->mutex);
  g_hash_table_iter_init (&iter, engine->followed);
  while (g_hash_table_iter_next (&iter, &id, &value))
    {
      const Followed *followed = value;
      if (followed->sent == sent && !followed->own)
        g_array_append_vals (ids, id, 1);
    }
  pthread_mutex_unlock (&engine->mutex);
  g_array_sort (ids, by_id);
  return ids;
}

/* A copy of the entry, which may be answered and freed by another thread at any time; NULL: it has been. MARK: it is now sent, or own. */
static Followed *
copy_followed (FmEngine *engine, guint64 id, gboolean mark_sent, gboolean mark_own)
{
  pthread_mutex_lock (&engine->mutex);
  Followed *found = g_hash_table_lookup (engine->followed, &id), *copy = NULL;
  if (found != NULL)
    {
      FmControlRequest request = request_of (found);
      copy = followed_new (id, &request);
      copy->give_up_us = found->give_up_us;
      copy->durable = found->durable;
      found->sent |= mark_sent;
      found->own |= mark_own;
    }
  pthread_mutex_unlock (&engine->mutex);
  return copy;
}

static void
hand_over (FmEngine *engine, guint64 id)
{
  Followed *followed = copy_followed (engine, id, TRUE, FALSE);
  if (followed == NULL)
    return;
  FmControlRequest request = request_of (followed);
  fm_control_client_send (engine->leader, id, &request);
  fm_engine_follow_followed_free (followed);
}

static void
do_here (FmEngine *engine, guint64 id)
{
  Followed *followed = copy_followed (engine, id, FALSE, TRUE);
  if (followed == NULL)
    return;
  FmControlRequest request = request_of (followed);
  if (followed->verb == FM_CONTROL_SYNC && !fm_engine_is_leader (engine))
    {
      g_autoptr (GError) error = g_error_new_literal (FM_ERROR, FM_ERROR_OFFLINE, "no Fulmar is running that could sync");
      fm_engine_finish (engine, id, NULL, error);
    }
  else
    {
      fm_engine_desk_run_local (engine, id, &request);
    }
  fm_engine_follow_followed_free (followed);
}

static void
leader_gone (FmEngine *engine, gpointer data)
{
  if (engine->leader == NULL)
    return;
  g_clear_pointer (&engine->leader, fm_control_client_free);
  g_autoptr (GArray) ids = list_followed (engine, TRUE);
  for (guint i = 0; i < ids->len; i++)
    {
      guint64 id = g_array_index (ids, guint64, i);
      Followed *followed = copy_followed (engine, id, FALSE, FALSE);
      if (followed != NULL && followed->durable)
        fm_engine_finish (engine, id, NULL, NULL);
      if (followed != NULL)
        fm_engine_follow_followed_free (followed);
      pthread_mutex_lock (&engine->mutex);
      Followed *left = g_hash_table_lookup (engine->followed, &id);
      if (left != NULL)
        {
          left->sent = FALSE;
          left->give_up_us = fm_clock_mono_us () + GIVE_UP_US;
        }
      pthread_mutex_unlock (&engine->mutex);
    }
  if (engine->options.lease && !fm_engine_is_leader (engine))
    engine->lease_check_us = 0;
  fm_engine_follow_check (engine);
}

/* The client's thread. */
static void
on_event (FmEvent *event, gpointer data)
{
  FmEngine *engine = data;
  if (event == NULL)
    fm_engine_desk_post (engine, leader_gone, NULL);
  else
    fm_engine_emit (engine, event);
}

gboolean
fm_engine_follow_connect (FmEngine *engine)
{
  if (engine->leader != NULL)
    return TRUE;
  /* Never to its own socket: it would hear itself, and say again what it heard, for ever. */
  if (fm_engine_is_leader (engine))
    return FALSE;
  g_autofree char *path = socket_path (engine);
  engine->leader = fm_control_client_new (path, on_event, engine, NULL);
  return engine->leader != NULL;
}

/* Whether this process may, or must, do without a leader: it leads now, nobody does, or the leader has been silent for too long. */
static gboolean
alone (FmEngine *engine, gint64 give_up_us)
{
  return fm_engine_is_leader (engine) || give_up_us <= fm_clock_mono_us ()
         || (!engine->options.lease && fm_engine_lease_is_free (engine->options.data_dir));
}

static gint64
give_up_of (FmEngine *engine, guint64 id)
{
  pthread_mutex_lock (&engine->mutex);
  const Followed *followed = g_hash_table_lookup (engine->followed, &id);
  gint64 at = followed == NULL ? G_MAXINT64 : followed->give_up_us;
  pthread_mutex_unlock (&engine->mutex);
  return at;
}

void
fm_engine_follow_check (FmEngine *engine)
{
  g_autoptr (GArray) ids = list_followed (engine, FALSE);
  engine->follow_check_us = G_MAXINT64;
  if (ids->len == 0 || g_atomic_int_get (&engine->desk_closing))
    return;
  gboolean connected = !fm_engine_is_leader (engine) && fm_engine_follow_connect (engine);
  if (!connected && !fm_engine_is_leader (engine) && engine->options.lease)
    {
      fm_engine_desk_seek_lease (engine);
      connected = engine->leader != NULL && !fm_engine_is_leader (engine);
    }
  for (guint i = 0; i < ids->len; i++)
    {
      guint64 id = g_array_index (ids, guint64, i);
      if (connected)
        hand_over (engine, id);
      else if (alone (engine, give_up_of (engine, id)))
        do_here (engine, id);
      else
        engine->follow_check_us = fm_clock_mono_us () + TRY_AGAIN_US;
    }
}

void
fm_engine_follow_request (FmEngine *engine, guint64 id, const FmControlRequest *request)
{
  if (request->verb == FM_CONTROL_RETRY || request->verb == FM_CONTROL_CANCEL)
    {
      if (engine->leader != NULL)
        fm_control_client_send (engine->leader, 0, request);
      return;
    }
  Followed *followed = followed_new (id, request);
  pthread_mutex_lock (&engine->mutex);
  g_hash_table_insert (engine->followed, g_memdup2 (&id, sizeof id), followed);
  pthread_mutex_unlock (&engine->mutex);
  fm_engine_follow_check (engine);
}

/* What nobody has taken is journalled before the program ends. */
void
fm_engine_follow_stop (FmEngine *engine)
{
  g_autoptr (GArray) ids = list_followed (engine, FALSE);
  for (guint i = 0; i < ids->len; i++)
    {
      Followed *followed = copy_followed (engine, g_array_index (ids, guint64, i), FALSE, FALSE);
      if (followed != NULL && followed->verb == FM_CONTROL_ACT)
        fm_engine_act_as (engine, 0, fm_action_ref (followed->action), TRUE);
      if (followed != NULL)
        fm_engine_follow_followed_free (followed);
    }
  g_clear_pointer (&engine->leader, fm_control_client_free);
}

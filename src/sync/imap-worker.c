/* The IMAP worker's threads and their connections: who does what, how a lost connection is noticed, told and retried. The front listens to the
 * engine and works through the journal; the back makes the long passes; both are blocking, and both end within milliseconds of the cancel. */
#include "sync/imap-worker.h"
#include "config.h"
#include "sync/imap-collect.h"
#include "sync/imap-private.h"
#include "sync/imap-watch.h"
#include "sync/special-folder.h"
#include <fulmar/base/clock.h>
#include <fulmar/base/error.h>
#include <fulmar/base/log.h>
#include <fulmar/store/journal.h>
#include <string.h>

#define MAX_BACKOFF_S 60
#define MAX_WATCHERS 4
#define FRONT_CONNECT_MS 15000
#define FRONT_TIMEOUT_MS 20000
#define BACK_TIMEOUT_MS 60000
#define SLOW_US (2 * G_USEC_PER_SEC)
#define STALE_US (150 * G_USEC_PER_SEC)
#define SOUND_US (60 * G_USEC_PER_SEC) /* a connection that lived this long is replaced at once */

typedef enum { ITEM_OPS, ITEM_OPEN, ITEM_BODY, ITEM_SYNC, ITEM_FILL, ITEM_VISIT, ITEM_RETRY, ITEM_CHECK } ItemKind;

typedef struct {
  ItemKind kind;
  guint64 request_id;
  gint64 id;
  char **folders;
  gboolean again; /* the connection was lost under it once */
} Item;

static void
item_free (gpointer data)
{
  Item *item = data;

  g_strfreev (item->folders);
  g_free (item);
}

static void
post (FmPort *port, ItemKind kind, guint64 request_id, gint64 id, const char *const *folders)
{
  Item *item = g_new0 (Item, 1);

  item->kind = kind;
  item->request_id = request_id;
  item->id = id;
  item->folders = g_strdupv ((char **) folders);
  fm_port_post (port, item, item_free);
}

/* --- telling --- */

gboolean
fm_imap_worker_stopping (const FmAccountWorker *worker)
{
  return fm_cancel_is_set (worker->cancel);
}

void
fm_imap_worker_folder_changed (FmAccountWorker *worker, gint64 folder_id, guint count)
{
  FmEvent *event = fm_event_new (FM_EVENT_FOLDER_CHANGED, 0);

  event->account = g_strdup (worker->spec->name);
  event->folder_id = folder_id;
  event->count = count;
  fm_sync_env_emit (worker->env, event);
}

void
fm_imap_worker_tree_changed (FmAccountWorker *worker)
{
  FmEvent *event = fm_event_new (FM_EVENT_FOLDERS_CHANGED, 0);

  event->account = g_strdup (worker->spec->name);
  fm_sync_env_emit (worker->env, event);
}

void
fm_imap_worker_progress (FmAccountWorker *worker, guint64 request_id, const char *text, guint64 done, guint64 total)
{
  FmEvent *event = fm_event_new (FM_EVENT_PROGRESS, request_id);

  event->account = g_strdup (worker->spec->name);
  event->text = g_strdup (text);
  event->count = done;
  event->total = total;
  fm_sync_env_emit (worker->env, event);
}

void
fm_imap_worker_done (FmAccountWorker *worker, guint64 request_id, const GError *error)
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
fm_imap_worker_want_bodies (FmAccountWorker *worker)
{
  post (worker->back_port, ITEM_FILL, 0, 0, NULL);
}

void
fm_imap_worker_want_visit (FmAccountWorker *worker, gint64 folder_id)
{
  post (worker->back_port, ITEM_VISIT, 0, folder_id, NULL);
}

void
fm_imap_worker_visited (FmImapConn *conn)
{
  if (fm_journal_pending (conn->reader, conn->worker->account_id) > 0)
    post (conn->worker->front_port, ITEM_OPS, 0, 0, NULL);
}

static void
tell_state (FmAccountWorker *worker, FmAccountState state, const char *text)
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
static void
tell_connected (FmAccountWorker *worker)
{
  guint online, pushing;

  pthread_mutex_lock (&worker->mutex);
  online = worker->online;
  pushing = worker->pushing;
  pthread_mutex_unlock (&worker->mutex);
  if (online > 0)
    tell_state (worker, pushing > 0 ? FM_STATE_PUSHED : FM_STATE_ONLINE, NULL);
}

void
fm_imap_worker_pushing (FmAccountWorker *worker, gboolean on)
{
  pthread_mutex_lock (&worker->mutex);
  worker->pushing += on ? 1 : -1;
  pthread_mutex_unlock (&worker->mutex);
  tell_connected (worker);
}

/* --- one folder, one thread --- */

static guint
count_waiting (FmAccountWorker *worker, gint64 folder_id, int change)
{
  guint n = GPOINTER_TO_UINT (g_hash_table_lookup (worker->waiting, &folder_id)) + change;

  if (n > 0)
    g_hash_table_insert (worker->waiting, g_memdup2 (&folder_id, sizeof folder_id), GUINT_TO_POINTER (n));
  else
    g_hash_table_remove (worker->waiting, &folder_id);
  return n;
}

gboolean
fm_imap_worker_claim (FmAccountWorker *worker, gint64 folder_id)
{
  gboolean mine;

  pthread_mutex_lock (&worker->mutex);
  count_waiting (worker, folder_id, 1);
  while (g_hash_table_contains (worker->claimed, &folder_id) && !fm_imap_worker_stopping (worker))
    pthread_cond_wait (&worker->cond, &worker->mutex);
  count_waiting (worker, folder_id, -1);
  mine = !fm_imap_worker_stopping (worker);
  if (mine)
    g_hash_table_add (worker->claimed, g_memdup2 (&folder_id, sizeof folder_id));
  pthread_cond_broadcast (&worker->cond);
  pthread_mutex_unlock (&worker->mutex);
  return mine;
}

gboolean
fm_imap_worker_try_claim (FmAccountWorker *worker, gint64 folder_id)
{
  gboolean mine;

  pthread_mutex_lock (&worker->mutex);
  mine = !g_hash_table_contains (worker->claimed, &folder_id) && !fm_imap_worker_stopping (worker);
  if (mine)
    g_hash_table_add (worker->claimed, g_memdup2 (&folder_id, sizeof folder_id));
  pthread_mutex_unlock (&worker->mutex);
  return mine;
}

gboolean
fm_imap_worker_yield (FmAccountWorker *worker, gint64 folder_id)
{
  pthread_mutex_lock (&worker->mutex);
  g_hash_table_remove (worker->claimed, &folder_id);
  pthread_cond_broadcast (&worker->cond);
  /* Who waits for it goes first: else the one that yields would have it back before they wake. */
  while (count_waiting (worker, folder_id, 0) > 0 && !g_hash_table_contains (worker->claimed, &folder_id)
         && !fm_imap_worker_stopping (worker))
    pthread_cond_wait (&worker->cond, &worker->mutex);
  pthread_mutex_unlock (&worker->mutex);
  return fm_imap_worker_claim (worker, folder_id);
}

void
fm_imap_worker_release (FmAccountWorker *worker, gint64 folder_id)
{
  pthread_mutex_lock (&worker->mutex);
  g_hash_table_remove (worker->claimed, &folder_id);
  pthread_cond_broadcast (&worker->cond);
  pthread_mutex_unlock (&worker->mutex);
}

/* --- connections --- */

void
fm_imap_worker_drop (FmImapConn *conn)
{
  FmAccountWorker *worker = conn->worker;

  if (!conn->session)
    return;
  fm_imap_session_free (g_steal_pointer (&conn->session));
  conn->failures = fm_clock_mono_us () - conn->opened_us < SOUND_US ? conn->failures + 1 : 0;
  fm_imap_collect_begin (conn->collect, 0);
  pthread_mutex_lock (&worker->mutex);
  worker->online--;
  pthread_mutex_unlock (&worker->mutex);
}

static gboolean
open_session (FmImapConn *conn, GError **error)
{
  FmAccountWorker *worker = conn->worker;
  const FmAccountSpec *spec = worker->spec;
  g_autoptr (FmSecret) secret = fm_sync_env_secret (worker->env, spec, conn->refused, worker->cancel, error);
  const char *pin = spec->tls_pin && g_str_has_prefix (spec->tls_pin, "sha256:") ? spec->tls_pin + 7 : NULL;
  FmServer server = { spec->incoming.host, spec->incoming.port, spec->incoming.security, spec->tls_ca, pin };
  FmCredentials credentials = { spec->incoming.user, secret, spec->oauth2 ? FM_CREDENTIALS_BEARER : FM_CREDENTIALS_PASSWORD };
  FmImapOptions options = { .server = &server,
                            .credentials = &credentials,
                            .client_name = "Fulmar",
                            .client_version = PACKAGE_VERSION,
                            .connect_timeout_ms = strcmp (conn->name, "front") == 0 ? FRONT_CONNECT_MS : 0,
                            .timeout_ms = strcmp (conn->name, "front") == 0 ? FRONT_TIMEOUT_MS : BACK_TIMEOUT_MS,
                            .events = fm_imap_collect_events (),
                            .events_data = conn->collect };

  conn->no_secret = secret == NULL;
  if (!secret)
    return FALSE;
  conn->session = fm_imap_session_open (&options, worker->cancel, error);
  return conn->session != NULL;
}

static gboolean
waits_for_user (const GError *error)
{
  return g_error_matches (error, FM_ERROR, FM_ERROR_AUTH) || g_error_matches (error, FM_ERROR, FM_ERROR_TLS)
         || g_error_matches (error, FM_ERROR, FM_ERROR_INVALID);
}

/* A request that can't be served now is answered at once: nothing on the screen waits for a link that is not there. */
static void
answer_offline (FmAccountWorker *worker, guint64 request_id, gboolean body, const GError *why)
{
  g_autoptr (GError) error = g_error_copy (why);

  g_prefix_error (&error, body ? "the message is not on this machine yet, and %s is offline: " : "%s: ", worker->spec->name);
  fm_imap_worker_done (worker, request_id, error);
}

static void
front_failed (FmAccountWorker *worker, FmAccountState state, const char *text, const GError *why)
{
  pthread_mutex_lock (&worker->mutex);
  g_clear_error (&worker->why);
  worker->why = g_error_copy (why);
  pthread_cond_broadcast (&worker->cond);
  pthread_mutex_unlock (&worker->mutex);
  tell_state (worker, state, text);
}

/* Waits out the back-off, or for the user. TRUE: try again now. */
static gboolean
wait_before_retry (FmImapConn *conn, FmPort *port, const GError *why)
{
  FmAccountWorker *worker = conn->worker;
  gboolean forever = waits_for_user (why) && strcmp (conn->name, "front") == 0;
  int delay_s = MIN (1 << MIN (conn->failures, 6), MAX_BACKOFF_S);
  gint64 deadline = forever ? fm_clock_deadline_us (-1) : fm_clock_deadline_us (delay_s * 1000 + g_random_int_range (0, 400));
  gboolean is_watch = strcmp (conn->name, "watch") == 0;

  conn->failures++;
  if (strcmp (conn->name, "front") == 0)
    {
      g_autofree char *text = forever ? g_strdup (why->message) : g_strdup_printf ("retrying in %d s: %s", delay_s, why->message);
      front_failed (worker, forever ? FM_STATE_REFUSED : FM_STATE_RETRYING, text, why);
    }
  else if (conn->asked)
    {
      g_clear_error (&conn->why);
      conn->why = g_error_copy (why);
      return FALSE;
    }
  while (!fm_imap_worker_stopping (worker))
    {
      Item *item = fm_port_take (port, deadline);
      gboolean again;
      if (!item)
        return !fm_imap_worker_stopping (worker);
      if (is_watch)
        {
          g_free (item);
          return TRUE;
        }
      again = item->kind == ITEM_RETRY;
      if (item->request_id)
        answer_offline (conn->worker, item->request_id, item->kind == ITEM_BODY, why);
      item_free (item);
      if (again)
        return TRUE;
    }
  return FALSE;
}

/* The others don't knock before the front is in: one wrong password is asked about once, and a dead server is tried by one. With a request
 * in hand (ASKED) they wait only until the front has failed. */
static gboolean
front_is_in (FmImapConn *conn, gboolean asked)
{
  FmAccountWorker *worker = conn->worker;
  gboolean in;

  pthread_mutex_lock (&worker->mutex);
  while (!worker->front_in && !fm_imap_worker_stopping (worker) && !(asked && worker->why))
    pthread_cond_wait (&worker->cond, &worker->mutex);
  in = worker->front_in && !fm_imap_worker_stopping (worker);
  pthread_mutex_unlock (&worker->mutex);
  return in;
}

/* Why there is no connection. Transfer: full. */
static GError *
why_offline (FmImapConn *conn)
{
  FmAccountWorker *worker = conn->worker;
  GError *error;

  if (conn->why)
    return g_steal_pointer (&conn->why);
  pthread_mutex_lock (&worker->mutex);
  error = worker->why ? g_error_copy (worker->why) : g_error_new_literal (FM_ERROR, FM_ERROR_CANCELLED, "stopped");
  pthread_mutex_unlock (&worker->mutex);
  return error;
}

static void
set_front_in (FmAccountWorker *worker, gboolean in)
{
  pthread_mutex_lock (&worker->mutex);
  worker->front_in = in;
  if (in)
    g_clear_error (&worker->why);
  pthread_cond_broadcast (&worker->cond);
  pthread_mutex_unlock (&worker->mutex);
}

gboolean
fm_imap_worker_connect (FmImapConn *conn, FmPort *interrupt)
{
  FmAccountWorker *worker = conn->worker;
  gboolean is_front = strcmp (conn->name, "front") == 0;

  while (!conn->session)
    {
      g_autoptr (GError) error = NULL;
      if (fm_imap_worker_stopping (worker) || (!is_front && !front_is_in (conn, conn->asked)))
        return FALSE;
      /* Signed in and lost at once, more than once: no reason to hurry. */
      if (conn->failures > 1 && conn->lost)
        {
          g_autoptr (GError) lost = g_steal_pointer (&conn->lost);
          if (!wait_before_retry (conn, interrupt, lost))
            return FALSE;
          continue;
        }
      g_clear_error (&conn->lost);
      if (is_front)
        tell_state (worker, FM_STATE_CONNECTING, NULL);
      if (open_session (conn, &error))
        {
          pthread_mutex_lock (&worker->mutex);
          worker->online++;
          pthread_mutex_unlock (&worker->mutex);
          conn->opened_us = fm_clock_mono_us ();
          conn->refused = FALSE;
          tell_connected (worker);
          return TRUE;
        }
      fm_log_debug ("imap: %s (%s): %s", worker->spec->name, conn->name, error->message);
      if (!is_front)
        post (worker->front_port, ITEM_CHECK, 0, 0, NULL);
      /* Asked about at once: the secrets ask the user, once, and wait for the answer. */
      if (g_error_matches (error, FM_ERROR, FM_ERROR_AUTH) && !conn->no_secret && (!worker->spec->oauth2 || !conn->refused))
        {
          conn->refused = TRUE;
          if (is_front)
            front_failed (worker, FM_STATE_REFUSED, error->message, error);
          continue;
        }
      if (!wait_before_retry (conn, interrupt, error))
        return FALSE;
    }
  return TRUE;
}

static void
lose (FmImapConn *conn, const GError *error)
{
  if (!fm_imap_worker_stopping (conn->worker))
    fm_log_debug ("imap: %s (%s): connection lost: %s", conn->worker->spec->name, conn->name, error->message);
  fm_imap_worker_drop (conn);
  g_clear_error (&conn->lost);
  conn->lost = g_error_copy (error);
  if (strcmp (conn->name, "front") == 0)
    {
      set_front_in (conn->worker, FALSE);
      if (!fm_imap_worker_stopping (conn->worker))
        tell_state (conn->worker, FM_STATE_RETRYING, error->message);
    }
  else if (!fm_imap_worker_stopping (conn->worker))
    /* The front only listens to the engine: by itself it would hear of a dead server at its next command. */
    post (conn->worker->front_port, ITEM_CHECK, 0, 0, NULL);
}

gboolean
fm_imap_worker_survives (FmImapConn *conn, const GError *error)
{
  if (conn->session && fm_imap_session_is_alive (conn->session))
    return TRUE;
  lose (conn, error);
  return FALSE;
}

/* --- is the server slow? --- */

static void
busy (FmAccountWorker *worker, gboolean on)
{
  gboolean told;

  pthread_mutex_lock (&worker->mutex);
  worker->busy_since_us = on ? fm_clock_mono_us () : 0;
  told = worker->slow_told;
  worker->slow_told = FALSE;
  pthread_cond_broadcast (&worker->cond);
  pthread_mutex_unlock (&worker->mutex);
  if (!on && told)
    tell_connected (worker);
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
static void
tick_run (gpointer data)
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
            tell_state (worker, state, text);
          pthread_mutex_lock (&worker->mutex);
        }
    }
  pthread_mutex_unlock (&worker->mutex);
}

/* --- the front --- */

static gboolean
is_watched (FmAccountWorker *worker, const FmFolderInfo *info)
{
  if (!info->selectable || !*info->remote_name)
    return FALSE;
  if (!worker->spec->watch)
    return info->special == FM_SPECIAL_INBOX;
  for (guint i = 0; worker->spec->watch[i]; i++)
    if (g_pattern_match_simple (worker->spec->watch[i], info->name))
      return TRUE;
  return FALSE;
}

static void
point_open_watch (FmAccountWorker *worker)
{
  gint64 open_id;
  FmImapWatch *open_watch = g_ptr_array_index (worker->watchers, 0);

  pthread_mutex_lock (&worker->mutex);
  open_id = worker->open_folder_id;
  pthread_mutex_unlock (&worker->mutex);
  for (guint i = 1; i < worker->watchers->len; i++)
    if (fm_imap_watch_folder (g_ptr_array_index (worker->watchers, i)) == open_id)
      open_id = 0;
  fm_imap_watch_set_folder (open_watch, open_id);
}

/* The first watcher follows the folder in view; the others stay with what the configuration watches. */
static void
start_watchers (FmImapConn *conn)
{
  FmAccountWorker *worker = conn->worker;
  g_autoptr (GPtrArray) folders = fm_folder_store_list (conn->reader, worker->account_id, NULL);

  if (worker->watchers->len == 0)
    g_ptr_array_add (worker->watchers, fm_imap_watch_new (worker, 0));
  for (guint i = 0; folders && i < folders->len && worker->watchers->len <= MAX_WATCHERS; i++)
    {
      const FmFolderInfo *info = g_ptr_array_index (folders, i);
      gboolean there = FALSE;
      for (guint w = 1; w < worker->watchers->len; w++)
        there |= fm_imap_watch_folder (g_ptr_array_index (worker->watchers, w)) == info->id;
      if (is_watched (worker, info) && !there)
        g_ptr_array_add (worker->watchers, fm_imap_watch_new (worker, info->id));
    }
  point_open_watch (worker);
}

static gboolean
visit_now (FmImapConn *conn, gint64 folder_id, GError **error)
{
  gboolean good;

  /* Somebody is at it already: its rows come by themselves, and the user's other wishes don't wait for them. */
  if (!fm_imap_worker_try_claim (conn->worker, folder_id))
    return TRUE;
  good = fm_imap_folder_visit (conn, folder_id, FM_IMAP_VISIT_SCREEN, error);
  fm_imap_worker_release (conn->worker, folder_id);
  return good;
}

/* The folder in view, or the inbox: its first screenful comes before everything else. */
static gint64
first_folder (FmImapConn *conn)
{
  g_autoptr (FmFolderInfo) inbox = NULL;
  gint64 open_id;

  pthread_mutex_lock (&conn->worker->mutex);
  open_id = conn->worker->open_folder_id;
  pthread_mutex_unlock (&conn->worker->mutex);
  if (open_id)
    return open_id;
  inbox = fm_folder_store_find_special (conn->reader, conn->worker->account_id, FM_SPECIAL_INBOX, NULL);
  return inbox ? inbox->id : 0;
}

static gboolean
greet (FmImapConn *conn, GError **error)
{
  g_autoptr (GError) local = NULL;
  gint64 folder_id;

  if (!fm_imap_list_run (conn, NULL, error))
    return FALSE;
  set_front_in (conn->worker, TRUE);
  if ((folder_id = first_folder (conn)) && !visit_now (conn, folder_id, &local) && !fm_imap_session_is_alive (conn->session))
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }
  start_watchers (conn);
  /* Whatever happened while there was no connection: a whole pass. */
  post (conn->worker->back_port, ITEM_SYNC, 0, 0, NULL);
  return TRUE;
}

static void
repeat (FmPort *port, const Item *item)
{
  Item *copy = g_memdup2 (item, sizeof *item);

  copy->folders = g_strdupv (item->folders);
  copy->again = TRUE;
  fm_port_post (port, copy, item_free);
}

/* The connection was dead, or died: the request is served by the next one, or answered if there is none. Twice is enough. */
static void
try_again (FmImapConn *conn, Item *item, const GError *why)
{
  if (item->again || fm_imap_worker_stopping (conn->worker))
    {
      answer_offline (conn->worker, item->request_id, item->kind == ITEM_BODY, why);
      return;
    }
  repeat (conn->worker->front_port, item);
}

/* A pass begins when what the user did has gone out: only then is it complete. */
static void
pass_on (FmAccountWorker *worker, Item *item)
{
  if (item && item->kind == ITEM_SYNC)
    post (worker->back_port, ITEM_SYNC, item->request_id, 0, (const char *const *) item->folders);
}

static void
handle (FmImapConn *conn, Item *item, GError **error)
{
  g_autoptr (GError) local = NULL;

  switch (item->kind)
    {
    case ITEM_OPEN:
      point_open_watch (conn->worker);
      break;
    case ITEM_BODY:
      if (!fm_imap_body_fetch (conn, item->request_id, item->id, &local))
        {
          if (!fm_imap_session_is_alive (conn->session))
            try_again (conn, item, local);
          else
            fm_imap_worker_done (conn->worker, item->request_id, local);
          g_propagate_error (error, g_steal_pointer (&local));
        }
      else
        fm_imap_worker_done (conn->worker, item->request_id, NULL);
      break;
    case ITEM_RETRY:
      for (guint i = 0; i < conn->worker->watchers->len; i++)
        fm_imap_watch_retry (g_ptr_array_index (conn->worker->watchers, i));
      break;
    case ITEM_CHECK:
      fm_imap_session_noop (conn->session, error);
      break;
    case ITEM_OPS:
    case ITEM_SYNC:
    case ITEM_FILL:
    case ITEM_VISIT:
      break;
    }
}

/* A connection that was silent long enough for a suspend or a NAT to have killed it is asked before it is trusted. */
static gboolean
still_there (FmImapConn *conn, gint64 used_us, GError **error)
{
  return fm_clock_mono_us () - used_us < STALE_US || fm_imap_session_noop (conn->session, error);
}

static void
front_serve (FmImapConn *conn)
{
  FmAccountWorker *worker = conn->worker;
  g_autoptr (GError) error = NULL;
  gint64 used_us = fm_clock_mono_us ();

  busy (worker, TRUE);
  if (!greet (conn, &error))
    {
      /* Without the list of folders there is no account: as good as not connected. */
      busy (worker, FALSE);
      lose (conn, error);
      return;
    }
  if (!fm_imap_ops_run (conn, &error))
    {
      busy (worker, FALSE);
      if (!fm_imap_worker_survives (conn, error))
        return;
      g_clear_error (&error);
    }
  conn->failures = 0;
  busy (worker, FALSE);
  while (!fm_imap_worker_stopping (worker))
    {
      Item *item = fm_port_take (worker->front_port, fm_clock_deadline_us (20 * 60 * 1000));
      gboolean lost;
      busy (worker, TRUE);
      if (still_there (conn, used_us, &error))
        {
          if (item)
            handle (conn, item, &error);
          if (!error && fm_imap_ops_run (conn, &error))
            fm_imap_collect_settle (conn->collect, &error);
          pass_on (worker, item);
        }
      else if (item)
        try_again (conn, item, error);
      busy (worker, FALSE);
      used_us = fm_clock_mono_us ();
      lost = error && !fm_imap_worker_survives (conn, error);
      if (item)
        item_free (item);
      if (lost)
        return;
      g_clear_error (&error);
    }
}

/* The end: nobody is left without an answer. */
static void
answer_all (FmImapConn *conn, FmPort *port)
{
  g_autoptr (GError) error = g_error_new_literal (FM_ERROR, FM_ERROR_CANCELLED, "stopped");
  Item *item;

  while ((item = fm_port_try_take (port)))
    {
      fm_imap_worker_done (conn->worker, item->request_id, error);
      item_free (item);
    }
}

static void
conn_clear (FmImapConn *conn)
{
  fm_imap_worker_drop (conn);
  fm_imap_collect_free (conn->collect);
  fm_db_reader_free (conn->reader);
  g_clear_error (&conn->why);
  g_clear_error (&conn->lost);
}

static void
front_run (gpointer data)
{
  FmAccountWorker *worker = data;
  FmImapConn conn = { .worker = worker, .name = "front", .collect = fm_imap_collect_new (worker) };

  conn.reader = fm_db_reader_new (worker->env->store, NULL);
  while (conn.reader && !fm_imap_worker_stopping (worker))
    if (fm_imap_worker_connect (&conn, worker->front_port))
      front_serve (&conn);
  answer_all (&conn, worker->front_port);
  conn_clear (&conn);
}

/* --- the back --- */

static int
importance (const FmFolderInfo *info, gint64 open_id)
{
  if (info->id == open_id)
    return 0;
  switch (info->special)
    {
    case FM_SPECIAL_INBOX:
      return 1;
    case FM_SPECIAL_NONE:
    case FM_SPECIAL_SENT:
    case FM_SPECIAL_DRAFTS:
      return 2;
    case FM_SPECIAL_JUNK:
    case FM_SPECIAL_TRASH:
      return 4;
    default:
      return 3;
    }
}

static int
compare_importance (gconstpointer a, gconstpointer b, gpointer data)
{
  const FmFolderInfo *x = *(FmFolderInfo *const *) a, *y = *(FmFolderInfo *const *) b;
  gint64 open_id = *(gint64 *) data;

  return importance (x, open_id) - importance (y, open_id);
}

static GPtrArray *
folders_by_importance (FmImapConn *conn, GError **error)
{
  GPtrArray *folders = fm_folder_store_list (conn->reader, conn->worker->account_id, error);
  gint64 open_id;

  pthread_mutex_lock (&conn->worker->mutex);
  open_id = conn->worker->open_folder_id;
  pthread_mutex_unlock (&conn->worker->mutex);
  if (folders)
    g_ptr_array_sort_with_data (folders, compare_importance, &open_id);
  return folders;
}

/* Nothing the server told of it differs from what is here. */
static gboolean
is_unchanged (FmImapConn *conn, const FmFolderInfo *info, const FmImapListed *listed, gboolean first_pass)
{
  if (!listed || info->lowest_uid != 1 || !(listed->has & FM_IMAP_HAS_UIDNEXT) || !(listed->has & FM_IMAP_HAS_MESSAGES))
    return FALSE;
  if (listed->uidvalidity != info->uidvalidity || listed->uidnext != info->uidnext || listed->messages != info->total)
    return FALSE;
  if (listed->has & FM_IMAP_HAS_MODSEQ && info->highestmodseq)
    return listed->highestmodseq == info->highestmodseq;
  return !first_pass && listed->unseen == info->unread;
}

static gboolean
is_asked_for (const FmFolderInfo *info, char **folders)
{
  return !folders || !*folders || g_strv_contains ((const char *const *) folders, info->name);
}

static gboolean
visit_all (FmImapConn *conn, char **only, GError **error)
{
  g_autoptr (GHashTable) statuses = NULL;
  g_autoptr (GPtrArray) folders = NULL;

  if (!fm_imap_list_run (conn, &statuses, error) || !(folders = folders_by_importance (conn, error)))
    return FALSE;
  for (guint i = 0; i < folders->len; i++)
    {
      const FmFolderInfo *info = g_ptr_array_index (folders, i);
      g_autoptr (GError) local = NULL;
      gboolean good;
      if (!info->selectable || !*info->remote_name || !is_asked_for (info, only)
          || is_unchanged (conn, info, g_hash_table_lookup (statuses, info->remote_name), !conn->passed))
        continue;
      if (!fm_imap_worker_claim (conn->worker, info->id))
        return TRUE;
      good = fm_imap_folder_visit (conn, info->id, FM_IMAP_VISIT_FULL, &local);
      fm_imap_worker_release (conn->worker, info->id);
      if (good)
        continue;
      if (!fm_imap_session_is_alive (conn->session))
        {
          g_propagate_error (error, g_steal_pointer (&local));
          return FALSE;
        }
      if (g_error_matches (local, FM_ERROR, FM_ERROR_STORAGE))
        {
          g_propagate_error (error, g_steal_pointer (&local));
          return FALSE;
        }
      fm_log_debug ("imap: %s", local->message);
    }
  fm_imap_worker_visited (conn);
  conn->passed |= !only || !*only;
  return TRUE;
}

/* Bodies of every folder that `offline` asks for. Stops when something else is asked of the back. */
static gboolean
fill_all (FmImapConn *conn, char **only, gboolean to_the_end, GError **error)
{
  g_autoptr (GPtrArray) folders = folders_by_importance (conn, error);

  if (!folders)
    return FALSE;
  for (guint i = 0; i < folders->len; i++)
    {
      const FmFolderInfo *info = g_ptr_array_index (folders, i);
      gboolean more = info->selectable && info->special != FM_SPECIAL_ALL && is_asked_for (info, only);
      conn->fill_date = conn->fill_id = G_MAXINT64;
      while (more && !fm_imap_worker_stopping (conn->worker))
        {
          g_autoptr (GError) local = NULL;
          if (!fm_imap_body_fill (conn, info->id, &more, &local))
            {
              if (!fm_imap_session_is_alive (conn->session) || g_error_matches (local, FM_ERROR, FM_ERROR_STORAGE))
                {
                  g_propagate_error (error, g_steal_pointer (&local));
                  return FALSE;
                }
              fm_log_debug ("imap: %s", local->message);
              break;
            }
          if (!to_the_end && fm_port_length (conn->worker->back_port) > 0)
            return TRUE;
        }
    }
  return TRUE;
}

static gboolean
visit_one (FmImapConn *conn, gint64 folder_id, GError **error)
{
  g_autoptr (GError) local = NULL;
  gboolean good;

  if (!fm_imap_worker_claim (conn->worker, folder_id))
    return TRUE;
  good = fm_imap_folder_visit (conn, folder_id, FM_IMAP_VISIT_FULL, &local);
  fm_imap_worker_release (conn->worker, folder_id);
  fm_imap_worker_visited (conn);
  if (good || fm_imap_session_is_alive (conn->session))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

static gboolean
back_pass (FmImapConn *conn, const Item *item, GError **error)
{
  if (item && item->kind == ITEM_VISIT)
    return visit_one (conn, item->id, error);
  char **only = item ? item->folders : NULL;
  gboolean asked = item && item->kind == ITEM_SYNC && item->request_id;
  gboolean fill_only = item && item->kind == ITEM_FILL && conn->passed;

  return (fill_only || visit_all (conn, only, error)) && fill_all (conn, only, asked, error);
}

static void
tell_storage (FmAccountWorker *worker, const GError *error)
{
  FmEvent *event = fm_event_new (FM_EVENT_NOTICE, 0);

  event->account = g_strdup (worker->spec->name);
  event->error = g_error_copy (error);
  event->text = g_strdup (error->message);
  fm_sync_env_emit (worker->env, event);
}

static void
back_run (gpointer data)
{
  FmAccountWorker *worker = data;
  FmImapConn conn = { .worker = worker, .name = "back", .collect = fm_imap_collect_new (worker) };
  int poll_ms = MAX (worker->spec->poll_s, 60) * 1000;

  conn.reader = fm_db_reader_new (worker->env->store, NULL);
  while (conn.reader && !fm_imap_worker_stopping (worker))
    {
      Item *item = fm_port_take (worker->back_port, fm_clock_deadline_us (poll_ms));
      g_autoptr (GError) error = NULL;
      if (item && item->kind == ITEM_RETRY)
        {
          g_clear_pointer (&item, item_free);
          continue;
        }
      conn.asked = item && item->request_id;
      if (!fm_imap_worker_connect (&conn, worker->back_port))
        error = why_offline (&conn);
      else if (back_pass (&conn, item, &error))
        conn.failures = 0;
      else
        {
          gboolean alive = fm_imap_worker_survives (&conn, error);
          if (g_error_matches (error, FM_ERROR, FM_ERROR_STORAGE))
            tell_storage (worker, error);
          else if (!alive && !fm_imap_worker_stopping (worker))
            {
              /* It died while nothing was asked of it: the next connection serves the request, once. */
              if (item && !item->again)
                {
                  repeat (worker->back_port, item);
                  g_clear_pointer (&item, item_free);
                }
              else
                post (worker->back_port, ITEM_SYNC, 0, 0, NULL);
            }
        }
      if (item && fm_imap_worker_stopping (worker) && !error)
        error = g_error_new_literal (FM_ERROR, FM_ERROR_CANCELLED, "stopped");
      if (item)
        fm_imap_worker_done (worker, item->request_id, error);
      g_clear_pointer (&item, item_free);
    }
  answer_all (&conn, worker->back_port);
  conn_clear (&conn);
}

/* --- the class --- */

static FmAccountWorker *
worker_start (FmSyncEnv *env, FmAccountSpec *spec, gint64 account_id)
{
  FmAccountWorker *worker = g_new0 (FmAccountWorker, 1);
  pthread_condattr_t attributes;

  worker->env = env;
  worker->spec = fm_account_spec_ref (spec);
  worker->account_id = account_id;
  worker->cancel = fm_cancel_new ();
  worker->claimed = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  worker->waiting = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  worker->watchers = g_ptr_array_new ();
  worker->front_port = fm_port_new ();
  worker->back_port = fm_port_new ();
  pthread_mutex_init (&worker->mutex, NULL);
  pthread_condattr_init (&attributes);
  pthread_condattr_setclock (&attributes, CLOCK_MONOTONIC);
  pthread_cond_init (&worker->cond, &attributes);
  pthread_condattr_destroy (&attributes);
  worker->tick = fm_thread_start ("imap-tick", tick_run, worker);
  worker->front = fm_thread_start ("imap-front", front_run, worker);
  worker->back = fm_thread_start ("imap-back", back_run, worker);
  return worker;
}

static void
worker_stop (FmAccountWorker *worker)
{
  fm_cancel_trigger (worker->cancel);
  fm_port_close (worker->front_port);
  fm_port_close (worker->back_port);
  pthread_mutex_lock (&worker->mutex);
  pthread_cond_broadcast (&worker->cond);
  pthread_mutex_unlock (&worker->mutex);
}

static void
worker_join (FmAccountWorker *worker)
{
  fm_thread_join (worker->front);
  fm_thread_join (worker->back);
  fm_thread_join (worker->tick);
  for (guint i = 0; i < worker->watchers->len; i++)
    fm_imap_watch_free (g_ptr_array_index (worker->watchers, i));
  g_ptr_array_unref (worker->watchers);
  fm_port_unref (worker->front_port);
  fm_port_unref (worker->back_port);
  g_hash_table_unref (worker->claimed);
  g_hash_table_unref (worker->waiting);
  fm_account_spec_unref (worker->spec);
  fm_cancel_unref (worker->cancel);
  pthread_mutex_destroy (&worker->mutex);
  pthread_cond_destroy (&worker->cond);
  g_clear_error (&worker->why);
  g_free (worker->state_text);
  g_free (worker);
}

static void
worker_ops_ready (FmAccountWorker *worker)
{
  post (worker->front_port, ITEM_OPS, 0, 0, NULL);
}

static void
worker_open_folder (FmAccountWorker *worker, gint64 folder_id)
{
  pthread_mutex_lock (&worker->mutex);
  worker->open_folder_id = folder_id;
  pthread_mutex_unlock (&worker->mutex);
  post (worker->front_port, ITEM_OPEN, 0, folder_id, NULL);
}

/* While there is no link, and the front may be waiting for a dead server or for a password, the answer is known. */
static gboolean
answer_if_offline (FmAccountWorker *worker, guint64 request_id, gboolean body)
{
  g_autoptr (GError) error = NULL;

  pthread_mutex_lock (&worker->mutex);
  if (!worker->front_in && worker->why)
    error = g_error_copy (worker->why);
  pthread_mutex_unlock (&worker->mutex);
  if (!error)
    return FALSE;
  answer_offline (worker, request_id, body, error);
  return TRUE;
}

static void
worker_want_body (FmAccountWorker *worker, guint64 request_id, gint64 msg_id)
{
  if (answer_if_offline (worker, request_id, TRUE))
    return;
  post (worker->front_port, ITEM_BODY, request_id, msg_id, NULL);
}

static void
worker_sync (FmAccountWorker *worker, guint64 request_id, const char *const *folders)
{
  if (answer_if_offline (worker, request_id, FALSE))
    return;
  post (worker->front_port, ITEM_SYNC, request_id, 0, folders);
}

static void
worker_retry (FmAccountWorker *worker)
{
  post (worker->front_port, ITEM_RETRY, 0, 0, NULL);
  post (worker->back_port, ITEM_RETRY, 0, 0, NULL);
}

/* A body on its way is let through: it is wanted sooner or later, and its request has been answered. */
static void
worker_cancel (FmAccountWorker *worker, guint64 request_id)
{
}

const FmAccountWorkerClass fm_imap_worker_class = {
  .start = worker_start,
  .stop = worker_stop,
  .join = worker_join,
  .ops_ready = worker_ops_ready,
  .open_folder = worker_open_folder,
  .want_body = worker_want_body,
  .sync = worker_sync,
  .retry = worker_retry,
  .cancel = worker_cancel,
};

/* A connection of the IMAP worker: signing in, how a lost one is noticed, told and retried, and who waits for whom. The front knocks first; the
 * others follow when it is in. Blocking, and ended within milliseconds by the cancel. */
#include "sync/imap-private.h"
#include "config.h"
#include "sync/imap-collect.h"
#include <fulmar/base/clock.h>
#include <fulmar/base/error.h>
#include <fulmar/base/log.h>
#include <string.h>

#define MAX_BACKOFF_S 60
#define FRONT_CONNECT_MS 15000
#define FRONT_TIMEOUT_MS 20000
#define BACK_TIMEOUT_MS 60000
#define MAX_CROWDED 3                  /* so often a request waits for room */
#define SOUND_US (60 * G_USEC_PER_SEC) /* a connection that lived this long is replaced at once */

void
fm_imap_conn_drop (FmImapConn *conn)
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
  g_autoptr (FmSecret) secret = fm_sync_env_secret (worker->env, spec, conn->refused ? &spec->incoming : NULL, worker->cancel, error);
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
  fm_imap_collect_share_flags (conn->collect, conn->session && fm_imap_session_has (conn->session, FM_IMAP_CAP_GMAIL));
  return conn->session != NULL;
}

static gboolean
waits_for_user (const GError *error)
{
  return g_error_matches (error, FM_ERROR, FM_ERROR_AUTH) || g_error_matches (error, FM_ERROR, FM_ERROR_TLS)
         || g_error_matches (error, FM_ERROR, FM_ERROR_INVALID);
}

/* A request that can't be served now is answered at once: nothing on the screen waits for a link that is not there. */
void
fm_imap_conn_answer_offline (FmAccountWorker *worker, guint64 request_id, gboolean body, const GError *why)
{
  g_autoptr (GError) error = g_error_copy (why);

  g_prefix_error (&error, body ? "the message is not on this machine yet, and %s is offline: " : "%s: ", worker->spec->name);
  fm_imap_tell_done (worker, request_id, error);
}

static void
front_failed (FmAccountWorker *worker, FmAccountState state, const char *text, const GError *why)
{
  pthread_mutex_lock (&worker->mutex);
  g_clear_error (&worker->why);
  worker->why = g_error_copy (why);
  pthread_cond_broadcast (&worker->cond);
  pthread_mutex_unlock (&worker->mutex);
  fm_imap_tell_state (worker, state, text);
}

/* The server counts too many connections: somebody else's, or those that it still believes in. A watcher gives way, to the back even the last. */
static void
ask_for_room (FmImapConn *conn)
{
  fm_imap_worker_post (conn->worker->front_port, FM_IMAP_ITEM_CROWDED, 0, strcmp (conn->name, "back") == 0, NULL);
}

/* Waits out the back-off, or for the user. TRUE: try again now. FALSE for a watcher: it has been told something. */
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
  else if (conn->asked && !(g_error_matches (why, FM_ERROR, FM_ERROR_LIMIT) && conn->failures <= MAX_CROWDED))
    {
      g_clear_error (&conn->why);
      conn->why = g_error_copy (why);
      return FALSE;
    }
  while (!fm_imap_worker_stopping (worker))
    {
      FmImapItem *item = fm_port_take (port, deadline);
      gboolean again;
      if (!item)
        return !fm_imap_worker_stopping (worker);
      if (is_watch)
        {
          g_free (item);
          return FALSE;
        }
      again = item->kind == FM_IMAP_ITEM_RETRY;
      if (item->request_id)
        fm_imap_conn_answer_offline (conn->worker, item->request_id, item->kind == FM_IMAP_ITEM_BODY, why);
      fm_imap_worker_item_free (item);
      if (again)
        return TRUE;
    }
  return FALSE;
}

/* The others don't knock before the front is in: one wrong password is asked about once, and a dead server is tried by one. With a request in hand
 * the back waits only until the front has failed. Without one it does not wait: requests may come behind what it has in hand, and the front posts
 * a whole pass when it is in. */
static gboolean
front_is_in (FmImapConn *conn)
{
  FmAccountWorker *worker = conn->worker;
  gboolean is_back = strcmp (conn->name, "back") == 0, in;

  pthread_mutex_lock (&worker->mutex);
  while (!worker->front_in && !fm_imap_worker_stopping (worker) && !(is_back && (!conn->asked || worker->why)))
    pthread_cond_wait (&worker->cond, &worker->mutex);
  in = worker->front_in && !fm_imap_worker_stopping (worker);
  pthread_mutex_unlock (&worker->mutex);
  return in;
}

/* Why there is no connection. Transfer: full. */
GError *
fm_imap_conn_why (FmImapConn *conn)
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

void
fm_imap_conn_set_front_in (FmAccountWorker *worker, gboolean in)
{
  pthread_mutex_lock (&worker->mutex);
  worker->front_in = in;
  if (in)
    g_clear_error (&worker->why);
  pthread_cond_broadcast (&worker->cond);
  pthread_mutex_unlock (&worker->mutex);
}

gboolean
fm_imap_conn_open (FmImapConn *conn, FmPort *interrupt)
{
  FmAccountWorker *worker = conn->worker;
  gboolean is_front = strcmp (conn->name, "front") == 0;

  while (!conn->session)
    {
      g_autoptr (GError) error = NULL;
      if (fm_imap_worker_stopping (worker) || (!is_front && !front_is_in (conn)))
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
        fm_imap_tell_state (worker, FM_STATE_CONNECTING, NULL);
      if (open_session (conn, &error))
        {
          pthread_mutex_lock (&worker->mutex);
          worker->online++;
          worker->is_gmail = fm_imap_session_has (conn->session, FM_IMAP_CAP_GMAIL);
          pthread_mutex_unlock (&worker->mutex);
          conn->opened_us = fm_clock_mono_us ();
          conn->refused = FALSE;
          fm_imap_tell_connected (worker);
          return TRUE;
        }
      fm_log_debug ("imap: %s (%s): %s", worker->spec->name, conn->name, error->message);
      if (!is_front && g_error_matches (error, FM_ERROR, FM_ERROR_LIMIT))
        ask_for_room (conn);
      else if (!is_front)
        fm_imap_worker_post (worker->front_port, FM_IMAP_ITEM_CHECK, 0, 0, NULL);
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

void
fm_imap_conn_lose (FmImapConn *conn, const GError *error)
{
  if (!fm_imap_worker_stopping (conn->worker))
    fm_log_debug ("imap: %s (%s): connection lost: %s", conn->worker->spec->name, conn->name, error->message);
  fm_imap_conn_drop (conn);
  g_clear_error (&conn->lost);
  conn->lost = g_error_copy (error);
  if (strcmp (conn->name, "front") == 0)
    {
      fm_imap_conn_set_front_in (conn->worker, FALSE);
      if (!fm_imap_worker_stopping (conn->worker))
        fm_imap_tell_state (conn->worker, FM_STATE_RETRYING, error->message);
    }
  else if (!fm_imap_worker_stopping (conn->worker))
    /* The front only listens to the engine: by itself it would hear of a dead server at its next command. */
    fm_imap_worker_post (conn->worker->front_port, FM_IMAP_ITEM_CHECK, 0, 0, NULL);
}

gboolean
fm_imap_conn_survives (FmImapConn *conn, const GError *error)
{
  if (conn->session && fm_imap_session_is_alive (conn->session))
    return TRUE;
  fm_imap_conn_lose (conn, error);
  return FALSE;
}

/* The end: nobody is left without an answer. */
void
fm_imap_conn_answer_all (FmImapConn *conn, FmPort *port)
{
  g_autoptr (GError) error = g_error_new_literal (FM_ERROR, FM_ERROR_CANCELLED, "stopped");
  FmImapItem *item;

  while ((item = fm_port_try_take (port)))
    {
      fm_imap_tell_done (conn->worker, item->request_id, error);
      fm_imap_worker_item_free (item);
    }
}

void
fm_imap_conn_clear (FmImapConn *conn)
{
  fm_imap_conn_drop (conn);
  fm_imap_collect_free (conn->collect);
  fm_db_reader_free (conn->reader);
  g_clear_error (&conn->why);
  g_clear_error (&conn->lost);
}

/* When to hold a session, and what to say of it. One thread: POP is a call at the door, not a line held open. Between calls the account counts as online;
 * after a failure the next call waits longer and longer, sooner only if the user asks. */
#include "sync/pop-worker.h"
#include "sync/pop-recover.h"
#include "sync/pop-pass.h"
#include "sync/pop-places.h"
#include "sync/pop-policy.h"
#include "sync/special-names.h"
#include <fulmar/base/clock.h>
#include <fulmar/base/error.h>
#include <fulmar/base/log.h>
#include <fulmar/base/port.h>
#include <fulmar/base/text.h>
#include <fulmar/base/thread.h>
#include <fulmar/store/body-store.h>
#include <fulmar/store/folder-store.h>
#include <fulmar/store/journal.h>
#include <fulmar/store/pop-store.h>

#define FIRST_BACKOFF_S 15
#define BUSY_BACKOFF_S 60
#define MAX_BACKOFF_S 900
#define DEFAULT_POLL_S 300

#define OPS_BATCH 500

typedef enum { ASK_SYNC, ASK_RETRY, ASK_BODY, ASK_POLICY, ASK_OPS, ASK_STOP } AskKind;

typedef struct {
  AskKind kind;
  guint64 request_id;
  gint64 msg_id;
  FmAccountSpec *policy; /* ASK_POLICY; owned */
} Ask;

static void
ask_free (gpointer data)
{
  Ask *ask = data;
  fm_account_spec_unref (ask->policy);
  g_free (ask);
}

struct FmAccountWorker {
  FmPopContext context;
  FmThread *thread;
  FmPort *port;
  gint64 next_us;       /* of the next session */
  guint failures;       /* in a row */
  gboolean was_refused; /* the password we had was refused */
  GArray *waiting;      /* guint64: sync requests that the next session answers */
};

static void
say_state (FmAccountWorker *worker, FmAccountState state, const char *text, const GError *error)
{
  FmEvent *event = fm_event_new (FM_EVENT_STATE, 0);
  event->account = g_strdup (worker->context.spec->name);
  event->state = state;
  event->text = g_strdup (text);
  event->error = error == NULL ? NULL : g_error_copy (error);
  fm_sync_env_emit (worker->context.env, event);
}

static void
answer (FmAccountWorker *worker, guint64 request_id, const char *text, const GError *error)
{
  FmEvent *event = fm_event_new (error == NULL ? FM_EVENT_DONE : FM_EVENT_FAILED, request_id);
  event->text = g_strdup (text);
  event->error = error == NULL ? NULL : g_error_copy (error);
  if (error != NULL)
    g_prefix_error (&event->error, "%s: ", worker->context.spec->name);
  fm_sync_env_emit (worker->context.env, event);
}

static void
answer_waiting (FmAccountWorker *worker, const GError *error)
{
  for (guint i = 0; i < worker->waiting->len; i++)
    answer (worker, g_array_index (worker->waiting, guint64, i), NULL, error);
  g_array_set_size (worker->waiting, 0);
}

/* The folders of a POP account are made here, once, with the names the configuration gives them. */
static gboolean
make_folders (FmStoreWriter *writer, gpointer data, GError **error)
{
  FmPopContext *context = data;
  const FmAccountSpec *spec = context->spec;
  const struct {
    FmSpecialUse special;
    FmSpecialNames kind;
    const char *configured;
  } folders[] = {
    { FM_SPECIAL_INBOX, FM_SPECIAL_NAMES_INBOX, NULL },
    { FM_SPECIAL_SENT, FM_SPECIAL_NAMES_SENT, spec->sent },
    { FM_SPECIAL_DRAFTS, FM_SPECIAL_NAMES_DRAFTS, spec->drafts },
    { FM_SPECIAL_TRASH, FM_SPECIAL_NAMES_TRASH, spec->trash },
    { FM_SPECIAL_ARCHIVE, FM_SPECIAL_NAMES_ARCHIVE, spec->archive },
    { FM_SPECIAL_JUNK, FM_SPECIAL_NAMES_JUNK, spec->junk },
  };
  for (guint i = 0; i < G_N_ELEMENTS (folders); i++)
    {
      g_autoptr (FmFolderInfo) known
          = fm_folder_store_find_special (fm_db_writer_reader (writer), context->account_id, folders[i].special, NULL);
      const char *name = i == 0                          ? "INBOX"
                         : folders[i].configured != NULL ? folders[i].configured
                                                         : fm_special_names_default (folders[i].kind);
      FmFolderInput input = { .name = name, .delimiter = '/', .special = folders[i].special, .subscribed = TRUE, .selectable = TRUE };
      gint64 id = known != NULL ? known->id : fm_folder_store_put (writer, context->account_id, &input, error);
      if (id == 0)
        return FALSE;
      if (i == 0)
        context->inbox_id = id;
    }
  return TRUE;
}

/* What an earlier database knew, from its message files; before the first session, which would fetch it again. */
static gboolean
recover (FmPopContext *context, GError **error)
{
  guint count = 0;
  gint64 places_utc = 0;
  gboolean ok = fm_pop_recover_run (context, &count, &places_utc, error);

  if (count > 0)
    {
      FmEvent *event = fm_event_new (FM_EVENT_NOTICE, 0);
      g_autoptr (GDateTime) when = g_date_time_new_from_unix_local (places_utc);
      g_autofree char *time = g_date_time_format (when, "%e %b, %H:%M");
      event->account = g_strdup (context->spec->name);
      event->text
          = places_utc == 0
                ? g_strdup_printf ("%u messages taken back from their files; which were read, and in which folder, is not known any more",
                                   count)
                : g_strdup_printf ("%u messages taken back from their files; folders and marks are those of %s", count, g_strchug (time));
      fm_sync_env_emit (context->env, event);
      event = fm_event_new (FM_EVENT_FOLDERS_CHANGED, 0);
      event->account = g_strdup (context->spec->name);
      fm_sync_env_emit (context->env, event);
      event = fm_event_new (FM_EVENT_FOLDER_CHANGED, 0);
      event->account = g_strdup (context->spec->name);
      event->folder_id = context->inbox_id;
      fm_sync_env_emit (context->env, event);
      fm_sync_env_index (context->env, 0);
    }
  return ok;
}

static gboolean
prepare (FmAccountWorker *worker, GError **error)
{
  FmPopContext *context = &worker->context;
  if (context->reader == NULL && (context->reader = fm_db_reader_new (context->env->store, error)) == NULL)
    return FALSE;
  if (context->inbox_id != 0)
    return recover (context, error);
  if (!fm_pen_call (context->env->pen, FM_PEN_SAFE, make_folders, context, error))
    return FALSE;
  FmEvent *event = fm_event_new (FM_EVENT_FOLDERS_CHANGED, 0);
  event->account = g_strdup (context->spec->name);
  fm_sync_env_emit (context->env, event);
  return recover (context, error);
}

static FmSecret *
ask_secret (FmAccountWorker *worker, GError **error)
{
  const FmAccountSpec *spec = worker->context.spec;
  FmSecret *secret
      = fm_sync_env_secret (worker->context.env, spec, worker->was_refused ? &spec->incoming : NULL, worker->context.cancel, error);
  if (secret != NULL)
    worker->was_refused = FALSE;
  return secret;
}

static void
after_failure (FmAccountWorker *worker, const GError *error)
{
  guint base = g_error_matches (error, FM_ERROR, FM_ERROR_REFUSED) ? BUSY_BACKOFF_S : FIRST_BACKOFF_S;
  gboolean is_auth = g_error_matches (error, FM_ERROR, FM_ERROR_AUTH), is_tls = g_error_matches (error, FM_ERROR, FM_ERROR_TLS);
  guint wait_s = is_tls ? MAX_BACKOFF_S : MIN (base << MIN (worker->failures, 6), MAX_BACKOFF_S);
  worker->failures++;
  worker->was_refused |= is_auth;
  /* The user is asked at once; a command that gives the same wrong word again is slowed down by the number of failures. */
  if (is_auth)
    wait_s = worker->failures == 1 ? 0 : wait_s;
  worker->next_us = fm_clock_deadline_us ((int) wait_s * 1000);
  if (is_auth || is_tls)
    {
      say_state (worker, FM_STATE_REFUSED, error->message, error);
      return;
    }
  g_autofree char *text = g_strdup_printf ("retrying in %u s: %s", wait_s, error->message);
  say_state (worker, FM_STATE_RETRYING, text, error);
}

/* "online, 312 on the server (45.2 MB)" */
static void
say_online (FmAccountWorker *worker, const FmPopOutcome *outcome)
{
  g_autofree char *size = fm_text_size (outcome->server_bytes);
  g_autoptr (GDateTime) from = g_date_time_new_from_unix_local (outcome->held_until_utc);
  g_autofree char *when = from == NULL ? NULL : g_date_time_format (from, "%H:%M");
  g_autofree char *held = outcome->held == 0 ? g_strdup ("") : g_strdup_printf (", %u to go at %s", outcome->held, when);
  g_autofree char *text = g_strdup_printf ("online, %" G_GUINT64_FORMAT " on the server (%s)%s", outcome->server_count, size, held);
  say_state (worker, FM_STATE_ONLINE, text, NULL);
}

static void
after_success (FmAccountWorker *worker, const FmPopOutcome *outcome, gboolean is_more)
{
  int poll_s = worker->context.spec->poll_s > 0 ? worker->context.spec->poll_s : DEFAULT_POLL_S;
  int wait_s = MAX (is_more ? 0 : MAX (poll_s, 1), worker->context.login_delay_s);
  worker->failures = 0;
  worker->next_us = fm_clock_deadline_us (MIN (wait_s, 7 * 86400 / 4) * 1000);
  say_online (worker, outcome);
}

/* A copy for bad times: where it can't be written, that is no reason to fail. */
static void
keep_places (FmAccountWorker *worker)
{
  g_autoptr (GError) error = NULL;
  if (!fm_pop_places_keep (&worker->context, &error))
    fm_log_debug ("%s: %s", worker->context.spec->name, error->message);
}

static gboolean
confirm_batch (FmStoreWriter *writer, gpointer data, GError **error)
{
  FmOpBatch *batch = data;
  gboolean ok = fm_journal_mark_sent (writer, batch, 0, batch->n, error);
  fm_journal_batch_trim (batch);
  for (gsize i = 0; ok && i < batch->n; i++)
    ok = fm_journal_confirm (writer, batch->items[i].op_id, 0, error);
  return ok;
}

/* What was held until it could no longer be taken back: messages and folders that go for good. The rest of what is done here is done as it is written. */
static gboolean
run_ops (FmPopContext *context, GError **error)
{
  gboolean any = FALSE;
  for (;;)
    {
      g_autoptr (GError) local = NULL;
      g_autoptr (FmOpBatch) batch = fm_journal_next (context->reader, context->account_id, OPS_BATCH, &local);
      if (batch == NULL && local != NULL)
        {
          g_propagate_error (error, g_steal_pointer (&local));
          return FALSE;
        }
      if (batch == NULL || fm_cancel_is_set (context->cancel))
        break;
      if (!fm_pen_call (context->env->pen, FM_PEN_SAFE, confirm_batch, batch, error))
        return FALSE;
      any = TRUE;
    }
  if (any)
    fm_sync_env_queue_changed (context->env);
  return TRUE;
}

static void
hold_session (FmAccountWorker *worker)
{
  g_autoptr (GError) error = NULL;
  gboolean ready = prepare (worker, &error) && run_ops (&worker->context, &error);
  g_autoptr (FmSecret) secret = ready ? ask_secret (worker, &error) : NULL;
  gboolean ok = FALSE;
  FmPopOutcome outcome = { 0 };
  if (secret != NULL)
    {
      say_state (worker, FM_STATE_CONNECTING, NULL, NULL);
      ok = fm_pop_pass_run (&worker->context, secret, &outcome, &error);
    }
  if (fm_cancel_is_set (worker->context.cancel))
    return;
  /* Gmail shows the next messages to the next session; requests are answered when there are none left. */
  gboolean is_more = ok && outcome.taken + outcome.nudged > 0 && fm_pop_policy_in_batches (worker->context.spec);
  if (ok)
    {
      after_success (worker, &outcome, is_more);
      keep_places (worker);
    }
  else
    {
      after_failure (worker, error);
    }
  if (!is_more)
    answer_waiting (worker, error);
}

static gboolean
write_wish (FmStoreWriter *writer, gpointer data, GError **error)
{
  return fm_pop_store_want (writer, *(const gint64 *) data, TRUE, error);
}

/* The wish is durable before the server is asked: what can't be had now comes with the next session. */
static gboolean
fetch_rest (FmAccountWorker *worker, const Ask *ask, GError **error)
{
  FmPopContext *context = &worker->context;
  gint64 msg_id = ask->msg_id;
  if (!fm_pen_call (context->env->pen, FM_PEN_SAFE, write_wish, &msg_id, error))
    return FALSE;
  g_autoptr (FmSecret) secret = ask_secret (worker, error);
  if (secret == NULL)
    return FALSE;
  context->asked_by = ask->request_id;
  gboolean ok = fm_pop_pass_fetch_body (context, secret, msg_id, error);
  context->asked_by = 0;
  return ok;
}

static void
fetch_body (FmAccountWorker *worker, const Ask *ask)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *here = prepare (worker, &error) ? fm_body_store_path (worker->context.reader, ask->msg_id, NULL) : NULL;
  if (here == NULL && error == NULL && !fetch_rest (worker, ask, &error))
    {
      worker->was_refused |= g_error_matches (error, FM_ERROR, FM_ERROR_AUTH);
      if (!g_error_matches (error, FM_ERROR, FM_ERROR_NOT_FOUND) && !g_error_matches (error, FM_ERROR, FM_ERROR_CANCELLED))
        {
          char *text = g_strdup_printf ("%s; the next session brings it", error->message);
          g_free (error->message);
          error->message = text;
        }
    }
  answer (worker, ask->request_id, NULL, error);
}

/* The next session comes at once: it tells what the policy will delete. */
static void
take_policy (FmAccountWorker *worker, const FmAccountSpec *policy)
{
  FmAccountSpec *spec = fm_account_spec_with_policy (worker->context.spec, policy);
  fm_account_spec_unref (worker->context.spec);
  worker->context.spec = spec;
  worker->context.told_expire = FALSE;
  worker->next_us = 0;
}

static void
handle (FmAccountWorker *worker, const Ask *ask)
{
  g_autoptr (GError) error = NULL;

  switch (ask->kind)
    {
    case ASK_SYNC:
      g_array_append_val (worker->waiting, ask->request_id);
      worker->next_us = 0;
      break;
    case ASK_RETRY:
      worker->next_us = 0;
      worker->failures = 0;
      break;
    case ASK_BODY:
      fetch_body (worker, ask);
      break;
    case ASK_POLICY:
      take_policy (worker, ask->policy);
      break;
    case ASK_OPS:
      if (worker->context.reader != NULL && !run_ops (&worker->context, &error))
        fm_log_debug ("%s: %s", worker->context.spec->name, error->message);
      break;
    case ASK_STOP:
      break;
    }
}

static void
worker_main (gpointer data)
{
  FmAccountWorker *worker = data;
  while (!fm_cancel_is_set (worker->context.cancel))
    {
      Ask *ask = fm_port_take (worker->port, worker->next_us);
      if (ask != NULL)
        {
          handle (worker, ask);
          ask_free (ask);
        }
      else
        {
          hold_session (worker);
        }
    }
  g_autoptr (GError) stopped = g_error_new_literal (FM_ERROR, FM_ERROR_CANCELLED, "stopped");
  Ask *ask;
  while ((ask = fm_port_try_take (worker->port)) != NULL)
    {
      if (ask->request_id != 0)
        answer (worker, ask->request_id, NULL, stopped);
      ask_free (ask);
    }
  answer_waiting (worker, stopped);
  fm_db_reader_free (worker->context.reader);
}

static FmAccountWorker *
start (FmSyncEnv *env, FmAccountSpec *spec, gint64 account_id)
{
  FmAccountWorker *worker = g_new0 (FmAccountWorker, 1);
  worker->context = (FmPopContext){ .env = env,
                                    .spec = fm_account_spec_ref (spec),
                                    .account_id = account_id,
                                    .cancel = fm_cancel_new (),
                                    .oversized = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL) };
  worker->port = fm_port_new ();
  worker->waiting = g_array_new (FALSE, FALSE, sizeof (guint64));
  worker->thread = fm_thread_start ("pop", worker_main, worker);
  return worker;
}

static void
post (FmAccountWorker *worker, AskKind kind, guint64 request_id, gint64 msg_id)
{
  Ask *ask = g_new0 (Ask, 1);
  ask->kind = kind;
  ask->request_id = request_id;
  ask->msg_id = msg_id;
  fm_port_post (worker->port, ask, ask_free);
}

static void
stop (FmAccountWorker *worker)
{
  fm_cancel_trigger (worker->context.cancel);
  post (worker, ASK_STOP, 0, 0);
}

static void
join (FmAccountWorker *worker)
{
  fm_thread_join (worker->thread);
  fm_port_unref (worker->port);
  g_array_unref (worker->waiting);
  g_hash_table_unref (worker->context.oversized);
  fm_account_spec_unref (worker->context.spec);
  fm_cancel_unref (worker->context.cancel);
  g_free (worker);
}

/* Every folder is local: the store has done most operations as they were written; not those that were held. */
static void
ops_ready (FmAccountWorker *worker)
{
  post (worker, ASK_OPS, 0, 0);
}

static void
open_folder (FmAccountWorker *worker, gint64 folder_id)
{
}

static void
want_body (FmAccountWorker *worker, guint64 request_id, gint64 msg_id)
{
  post (worker, ASK_BODY, request_id, msg_id);
}

static void
sync_now (FmAccountWorker *worker, guint64 request_id, const char *const *folders)
{
  post (worker, ASK_SYNC, request_id, 0);
}

static void
retry (FmAccountWorker *worker)
{
  post (worker, ASK_RETRY, 0, 0);
}

/* A session serves the account, not the request: it goes on, and its answer comes when nobody waits any more. */
static void
cancel (FmAccountWorker *worker, guint64 request_id)
{
}

static void
set_policy (FmAccountWorker *worker, FmAccountSpec *policy)
{
  Ask *ask = g_new0 (Ask, 1);
  ask->kind = ASK_POLICY;
  ask->policy = fm_account_spec_ref (policy);
  fm_port_post (worker->port, ask, ask_free);
}

const FmAccountWorkerClass fm_pop_worker_class = {
  .start = start,
  .stop = stop,
  .join = join,
  .ops_ready = ops_ready,
  .open_folder = open_folder,
  .want_body = want_body,
  .sync = sync_now,
  .retry = retry,
  .cancel = cancel,
  .set_policy = set_policy,
};

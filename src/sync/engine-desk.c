/* The desk: the engine's own thread. It starts and stops workers, fans requests out to them, feeds the index, watches for the lease, and counts what
 * waits. Whoever wants something of these posts a small job; the desk takes them one by one, so that none of its state needs a lock. */
#include "sync/engine-private.h"
#include <fulmar/base/clock.h>
#include <fulmar/base/error.h>
#include <fulmar/base/log.h>
#include <fulmar/store/body-store.h>
#include <fulmar/store/gmail-store.h>
#include <fulmar/store/folder-store.h>
#include <fulmar/store/journal.h>
#include <fulmar/store/outbox-store.h>

#include <string.h>

#define LEASE_RETRY_US (2 * G_USEC_PER_SEC)
#define QUEUE_DELAY_US (100 * 1000)
#define MAX_DUE_S 60 /* the clock may be set meanwhile */

typedef struct {
  FmEngineDeskRun run;
  gpointer data;
} Job;

void
fm_engine_desk_post (FmEngine *engine, FmEngineDeskRun run, gpointer data)
{
  Job *job = g_new0 (Job, 1);
  job->run = run;
  job->data = data;
  fm_port_post (engine->desk_port, job, g_free);
}

FmEngineAccount *
fm_engine_desk_account (FmEngine *engine, const char *name, gint64 account_id)
{
  for (guint i = 0; i < engine->accounts->len; i++)
    {
      FmEngineAccount *account = engine->accounts->pdata[i];
      if (name != NULL ? g_str_equal (account->spec->name, name) : account->account_id == account_id)
        return account;
    }
  return NULL;
}

static void
start_worker (FmEngine *engine, FmEngineAccount *account)
{
  gboolean local
      = account->spec->kind == FM_ACCOUNT_MAILDIR || account->spec->kind == FM_ACCOUNT_MBOX || account->spec->kind == FM_ACCOUNT_NOTMUCH;
  if (account->klass == NULL)
    {
      fm_engine_emit_notice (engine, account->spec->name, "is not served: this version reads no mbox and no notmuch store, only Maildirs",
                             NULL);
      return;
    }
  if (engine->options.network || local)
    {
      account->worker = account->klass->start (&engine->env, account->spec, account->account_id);
      if (account->policy != NULL && account->klass->set_policy != NULL)
        account->klass->set_policy (account->worker, account->policy);
    }
}

static void
start_outboxes (FmEngine *engine)
{
  g_autoptr (GError) error = NULL;
  if (!engine->options.network)
    return;
  if (!fm_outbox_recover (&engine->env, &error))
    {
      fm_engine_emit_notice (engine, NULL, "nothing can be sent", error);
      return;
    }
  for (guint i = 0; i < engine->accounts->len; i++)
    {
      FmEngineAccount *account = engine->accounts->pdata[i];
      account->outbox = fm_outbox_start (&engine->env, account->spec, account->account_id);
    }
}

static void
lead (FmEngine *engine)
{
  fm_engine_follow_lead (engine);
  g_autoptr (GError) error = NULL;
  FmPen *pen = fm_engine_pen (engine, &error);
  if (pen == NULL || !fm_pen_call (pen, FM_PEN_SAFE, fm_engine_register_accounts, engine, &error))
    {
      fm_engine_emit_notice (engine, NULL, "the accounts can't be opened", error);
      return;
    }
  fm_engine_emit (engine, fm_event_new (FM_EVENT_FOLDERS_CHANGED, 0));
  if (engine->options.index)
    fm_engine_index_start (engine);
  for (guint i = 0; i < engine->accounts->len; i++)
    start_worker (engine, engine->accounts->pdata[i]);
  start_outboxes (engine);
  if (!engine->options.read_only)
    engine->keeping = fm_housekeeping_new (engine->store, pen, NULL);
  engine->queue_check_us = 0;
}

static void
tell_lease (FmEngine *engine)
{
  FmEvent *event = fm_event_new (FM_EVENT_LEADER, 0);
  event->count = fm_engine_is_leader (engine);
  fm_engine_emit (engine, event);
}

gboolean
fm_engine_desk_seek_lease (FmEngine *engine)
{
  engine->lease_check_us = fm_clock_mono_us () + LEASE_RETRY_US;
  if (!fm_engine_try_lease (engine))
    {
      fm_engine_follow_connect (engine);
      return FALSE;
    }
  engine->lease_check_us = G_MAXINT64;
  /* Searches may be under way in it. */
  engine->retired_index = g_steal_pointer (&engine->index);
  lead (engine);
  tell_lease (engine);
  return TRUE;
}

/* What one account has confirmed may be what another's operation waited for (a move between accounts: first there, then gone here). */
static void
wake_waiting (FmEngine *engine)
{
  for (guint i = 0; i < engine->accounts->len; i++)
    {
      FmEngineAccount *account = engine->accounts->pdata[i];
      if (account->worker != NULL && fm_journal_pending (engine->desk_reader, account->account_id) > 0)
        account->klass->ops_ready (account->worker);
    }
}

/* When the first of what is held, or pauses after a failure, may be tried. */
static void
plan_due (FmEngine *engine)
{
  gint64 due = fm_journal_list_due (engine->desk_reader);
  engine->due_check_us = due == 0 ? G_MAXINT64 : fm_clock_mono_us () + CLAMP (due - fm_clock_now_utc (), 0, MAX_DUE_S) * G_USEC_PER_SEC;
}

static void
check_queue (FmEngine *engine)
{
  engine->queue_check_us = G_MAXINT64;
  plan_due (engine);
  guint64 ops = fm_journal_pending (engine->desk_reader, 0), mails = fm_outbox_store_pending (engine->desk_reader);
  gint64 newest = fm_journal_newest (engine->desk_reader);
  /* As many as at the last look may be others: one confirmed, one planned. */
  if (ops > 0 && (ops != engine->queued_ops || newest != engine->newest_op) && engine->accounts->len > 1)
    wake_waiting (engine);
  engine->newest_op = newest;
  if (ops == engine->queued_ops && mails == engine->queued_mails)
    return;
  engine->queued_ops = ops;
  engine->queued_mails = mails;
  FmEvent *event = fm_event_new (FM_EVENT_QUEUE, 0);
  event->count = (gint64) ops;
  event->total = (gint64) mails;
  fm_engine_emit (engine, event);
}

static void
run_timers (FmEngine *engine)
{
  gint64 now = fm_clock_mono_us ();
  if (engine->queue_check_us == 0)
    engine->queue_check_us = now + QUEUE_DELAY_US;
  else if (engine->queue_check_us <= now)
    check_queue (engine);
  if (engine->due_check_us <= now)
    {
      plan_due (engine);
      wake_waiting (engine);
    }
  if (engine->lease_check_us <= now)
    fm_engine_desk_seek_lease (engine);
  if (engine->follow_check_us <= now)
    fm_engine_follow_check (engine);
  if (engine->folders_check_us <= now)
    engine->folders_check_us = fm_engine_emit_waiting (engine, FALSE);
  if (engine->keeping != NULL && fm_housekeeping_due_us (engine->keeping) <= now)
    {
      fm_housekeeping_tick (engine->keeping);
      /* What the step before has let go of has to leave the index. */
      if (engine->feed != NULL)
        fm_index_feed_kick (engine->feed);
    }
}

static gint64
next_timer_us (FmEngine *engine)
{
  gint64 until_us = MIN (MIN (engine->queue_check_us, engine->lease_check_us), MIN (engine->follow_check_us, engine->folders_check_us));

  until_us = MIN (until_us, engine->due_check_us);
  return engine->keeping == NULL ? until_us : MIN (until_us, fm_housekeeping_due_us (engine->keeping));
}

static void
stop_everything (FmEngine *engine)
{
  for (guint i = 0; i < engine->accounts->len; i++)
    {
      FmEngineAccount *account = engine->accounts->pdata[i];
      if (account->worker != NULL)
        account->klass->stop (account->worker);
      fm_outbox_stop (account->outbox);
    }
  for (guint i = 0; i < engine->accounts->len; i++)
    {
      FmEngineAccount *account = engine->accounts->pdata[i];
      if (account->worker != NULL)
        account->klass->join (account->worker);
      fm_outbox_join (account->outbox);
      account->worker = NULL;
      account->outbox = NULL;
    }
}

void
fm_engine_desk_drain (FmEngine *engine)
{
  Job *job;
  while ((job = fm_port_try_take (engine->desk_port)) != NULL)
    {
      job->run (engine, job->data);
      g_free (job);
    }
}

static void
follow (FmEngine *engine)
{
  if (engine->options.lease)
    fm_engine_follow_connect (engine);
  if (engine->options.index)
    fm_engine_index_start (engine);
}

static void
desk_main (gpointer data)
{
  FmEngine *engine = data;
  g_autoptr (GError) error = NULL;
  engine->desk_reader = fm_db_reader_new (engine->store, &error);
  if (engine->desk_reader == NULL)
    fm_engine_emit_notice (engine, NULL, "the store can't be read", error);
  else if (fm_engine_is_leader (engine))
    lead (engine);
  else
    follow (engine);
  tell_lease (engine);
  while (!g_atomic_int_get (&engine->desk_closing))
    {
      Job *job = fm_port_take (engine->desk_port, next_timer_us (engine));
      if (job != NULL)
        {
          job->run (engine, job->data);
          g_free (job);
        }
      if (engine->desk_reader != NULL)
        run_timers (engine);
    }
  stop_everything (engine);
  fm_engine_emit_waiting (engine, TRUE);
  fm_engine_desk_drain (engine);
  fm_engine_follow_stop (engine);
}

void
fm_engine_desk_start (FmEngine *engine)
{
  engine->desk_port = fm_port_new ();
  engine->queue_check_us = 0;
  engine->follow_check_us = engine->folders_check_us = engine->due_check_us = G_MAXINT64;
  engine->lease_check_us = engine->options.lease && !fm_engine_is_leader (engine) ? fm_clock_mono_us () + LEASE_RETRY_US : G_MAXINT64;
  engine->desk = fm_thread_start ("desk", desk_main, engine);
}

static void
wake_up (FmEngine *engine, gpointer data)
{
}

void
fm_engine_desk_stop (FmEngine *engine)
{
  g_atomic_int_set (&engine->desk_closing, 1);
  fm_engine_desk_post (engine, wake_up, NULL);
  fm_thread_join (engine->desk);
  g_clear_pointer (&engine->feed, fm_index_feed_free);
  g_clear_pointer (&engine->keeping, fm_housekeeping_free);
  fm_db_reader_free (engine->desk_reader);
}

/* A request of the owner's on its way to the desk. */
typedef struct {
  FmControlVerb verb;
  guint64 id;
  gint64 target;    /* folder or message */
  FmAction *action; /* or NULL */
  char *account;    /* or NULL */
  char **folders;   /* or NULL */
} Errand;

static Errand *
errand_new (FmControlVerb verb, guint64 id, gint64 target, const char *account, const char *const *folders)
{
  Errand *errand = g_new0 (Errand, 1);
  errand->verb = verb;
  errand->id = id;
  errand->target = target;
  errand->account = g_strdup (account);
  errand->folders = g_strdupv ((char **) folders);
  return errand;
}

static void
errand_free (Errand *errand)
{
  fm_action_unref (errand->action);
  g_free (errand->account);
  g_strfreev (errand->folders);
  g_free (errand);
}

static void
open_folder (FmEngine *engine, guint64 id, gint64 folder_id)
{
  g_autoptr (FmFolderInfo) folder = folder_id == 0 ? NULL : fm_folder_store_get (engine->desk_reader, folder_id, NULL);
  for (guint i = 0; i < engine->accounts->len; i++)
    {
      FmEngineAccount *account = engine->accounts->pdata[i];
      if (account->worker != NULL)
        account->klass->open_folder (account->worker, folder != NULL && folder->account_id == account->account_id ? folder->id : 0);
    }
  fm_engine_finish (engine, id, NULL, NULL);
}

static void
want_body (FmEngine *engine, guint64 id, gint64 msg_id)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = fm_body_store_path (engine->desk_reader, msg_id, NULL);
  g_autoptr (FmMessageInfo) message = path != NULL ? NULL : fm_message_store_get (engine->desk_reader, msg_id, &error);
  FmEngineAccount *account = message == NULL ? NULL : fm_engine_desk_account (engine, NULL, message->account_id);
  if (account != NULL && account->worker != NULL)
    {
      account->klass->want_body (account->worker, id, msg_id);
      return;
    }
  if (path == NULL && error == NULL)
    error
        = g_error_new_literal (FM_ERROR, FM_ERROR_OFFLINE, "the body of this message is not here, and there is no connection to fetch it");
  fm_engine_finish (engine, id, NULL, error);
}

static void
sync_accounts (FmEngine *engine, guint64 id, const char *name, const char *const *folders)
{
  g_autoptr (GPtrArray) chosen = g_ptr_array_new ();
  for (guint i = 0; i < engine->accounts->len; i++)
    {
      FmEngineAccount *account = engine->accounts->pdata[i];
      if (account->worker != NULL && (name == NULL || g_str_equal (account->spec->name, name)))
        g_ptr_array_add (chosen, account);
    }
  g_autoptr (GError) error = NULL;
  if (name != NULL && fm_engine_desk_account (engine, name, 0) == NULL)
    error = g_error_new (FM_ERROR, FM_ERROR_NOT_FOUND, "there is no account \"%s\"", name);
  else if (name != NULL && fm_engine_desk_account (engine, name, 0)->klass == NULL)
    error = g_error_new (FM_ERROR, FM_ERROR_INVALID, "%s is not served: this version reads no mbox and no notmuch store, only Maildirs",
                         name);
  fm_engine_request_expect (engine, id, MAX (chosen->len, 1), engine->feed != NULL && error == NULL);
  if (chosen->len == 0)
    fm_engine_finish (engine, id, NULL, error);
  for (guint i = 0; i < chosen->len; i++)
    {
      FmEngineAccount *account = chosen->pdata[i];
      account->klass->sync (account->worker, id, folders);
    }
}

/* Asked of those that can be: Gmail's accounts. */
static void
search_servers (FmEngine *engine, guint64 id, const char *const *words)
{
  g_autoptr (GPtrArray) chosen = g_ptr_array_new ();
  g_autoptr (GError) error = NULL;
  for (guint i = 0; i < engine->accounts->len; i++)
    {
      FmEngineAccount *account = engine->accounts->pdata[i];
      if (account->worker != NULL && account->klass->search != NULL && fm_gmail_store_is_account (engine->desk_reader, account->account_id))
        g_ptr_array_add (chosen, account);
    }
  if (chosen->len == 0 || words == NULL || words[0] == NULL)
    {
      error = g_error_new_literal (FM_ERROR, FM_ERROR_INVALID,
                                   "only Gmail can be asked to search, and no account here is known to be Gmail's and connected");
      fm_engine_finish (engine, id, NULL, error);
      return;
    }
  fm_engine_request_expect (engine, id, chosen->len, FALSE);
  for (guint i = 0; i < chosen->len; i++)
    {
      FmEngineAccount *account = chosen->pdata[i];
      account->klass->search (account->worker, id, words[0]);
    }
}

static void
retry (FmEngine *engine, const char *name)
{
  fm_secrets_retry (engine->secrets, name);
  for (guint i = 0; i < engine->accounts->len; i++)
    {
      FmEngineAccount *account = engine->accounts->pdata[i];
      if (account->worker != NULL && (name == NULL || g_str_equal (account->spec->name, name)))
        account->klass->retry (account->worker);
      if (name == NULL || g_str_equal (account->spec->name, name))
        fm_outbox_kick (account->outbox, TRUE);
    }
}

/* Another process has written to the journal. */
static void
look_at_journal (FmEngine *engine)
{
  for (guint i = 0; i < engine->accounts->len; i++)
    {
      FmEngineAccount *account = engine->accounts->pdata[i];
      if (account->worker != NULL)
        account->klass->ops_ready (account->worker);
      fm_outbox_kick (account->outbox, FALSE);
    }
  fm_engine_emit (engine, fm_event_new (FM_EVENT_FOLDERS_CHANGED, 0));
  engine->queue_check_us = 0;
}

static void
cancel (FmEngine *engine, guint64 id)
{
  for (guint i = 0; i < engine->accounts->len; i++)
    {
      FmEngineAccount *account = engine->accounts->pdata[i];
      if (account->worker != NULL)
        account->klass->cancel (account->worker, id);
    }
}

void
fm_engine_desk_run_local (FmEngine *engine, guint64 id, const FmControlRequest *request)
{
  switch (request->verb)
    {
    case FM_CONTROL_ACT:
      fm_engine_act_as (engine, id, fm_action_ref (request->action), TRUE);
      break;
    case FM_CONTROL_SYNC:
      sync_accounts (engine, id, request->account, request->folders);
      break;
    case FM_CONTROL_WANT_BODY:
      want_body (engine, id, request->id);
      break;
    case FM_CONTROL_OPEN_FOLDER:
      open_folder (engine, id, request->id);
      break;
    case FM_CONTROL_RETRY:
      retry (engine, request->account);
      break;
    case FM_CONTROL_CANCEL:
      fm_engine_cancel (engine, request->request_id);
      break;
    case FM_CONTROL_JOURNAL:
      look_at_journal (engine);
      break;
    case FM_CONTROL_SEARCH:
      search_servers (engine, id, request->folders);
      break;
    }
}

/* An owner's request: done here by a leader, handed over by a follower. */
static void
run_errand (FmEngine *engine, gpointer data)
{
  Errand *errand = data;
  FmControlRequest request = { .verb = errand->verb,
                               .action = errand->action,
                               .account = errand->account,
                               .folders = (const char *const *) errand->folders,
                               .id = errand->target };
  if (errand->verb == FM_CONTROL_CANCEL)
    request.request_id = errand->id;
  g_autofree char *path = errand->verb == FM_CONTROL_WANT_BODY ? fm_body_store_path (engine->desk_reader, errand->target, NULL) : NULL;
  if (errand->verb == FM_CONTROL_CANCEL && fm_engine_is_leader (engine))
    cancel (engine, errand->id);
  else if (path != NULL && !fm_engine_is_leader (engine))
    fm_engine_finish (engine, errand->id, NULL, NULL);
  else if (fm_engine_is_leader (engine))
    fm_engine_desk_run_local (engine, errand->id, &request);
  else
    fm_engine_follow_request (engine, errand->id, &request);
  errand_free (errand);
}

void
fm_engine_desk_act (FmEngine *engine, guint64 id, FmAction *action)
{
  Errand *errand = errand_new (FM_CONTROL_ACT, id, 0, NULL, NULL);
  errand->action = action;
  fm_engine_desk_post (engine, run_errand, errand);
}

guint64
fm_engine_desk_open_folder (FmEngine *engine, gint64 folder_id)
{
  guint64 id = fm_engine_request_new (engine, 1, NULL);
  fm_engine_desk_post (engine, run_errand, errand_new (FM_CONTROL_OPEN_FOLDER, id, folder_id, NULL, NULL));
  return id;
}

guint64
fm_engine_desk_want_body (FmEngine *engine, gint64 msg_id)
{
  guint64 id = fm_engine_request_new (engine, 1, NULL);
  fm_engine_desk_post (engine, run_errand, errand_new (FM_CONTROL_WANT_BODY, id, msg_id, NULL, NULL));
  return id;
}

guint64
fm_engine_desk_sync (FmEngine *engine, const char *account, const char *const *folders)
{
  guint64 id = fm_engine_request_new (engine, 1, NULL);
  fm_engine_desk_post (engine, run_errand, errand_new (FM_CONTROL_SYNC, id, 0, account, folders));
  return id;
}

guint64
fm_engine_desk_search (FmEngine *engine, const char *text)
{
  const char *const words[] = { text, NULL };
  guint64 id = fm_engine_request_new (engine, 1, NULL);
  fm_engine_desk_post (engine, run_errand, errand_new (FM_CONTROL_SEARCH, id, 0, NULL, words));
  return id;
}

void
fm_engine_desk_retry (FmEngine *engine, const char *account)
{
  fm_engine_desk_post (engine, run_errand, errand_new (FM_CONTROL_RETRY, 0, 0, account, NULL));
}

static void
set_policy (FmEngine *engine, gpointer data)
{
  FmAccountSpec *policy = data;
  FmEngineAccount *account = fm_engine_desk_account (engine, policy->name, 0);
  if (account == NULL)
    {
      fm_account_spec_unref (policy);
      return;
    }
  /* Kept for a worker that starts later, when this process takes over. */
  fm_account_spec_unref (account->policy);
  account->policy = policy;
  if (account->worker != NULL && account->klass->set_policy != NULL)
    account->klass->set_policy (account->worker, policy);
}

void
fm_engine_desk_set_policy (FmEngine *engine, FmAccountSpec *policy)
{
  fm_engine_desk_post (engine, set_policy, fm_account_spec_ref (policy));
}

void
fm_engine_desk_cancel (FmEngine *engine, guint64 request_id)
{
  fm_engine_desk_post (engine, run_errand, errand_new (FM_CONTROL_CANCEL, request_id, 0, NULL, NULL));
}

/* Bringing new messages. Each is a whole, durable file before the pen is asked to file it; row and ledger are one transaction. The pen works behind the
 * network: while it commits one message the next ones arrive, and commits that wait share one fsync. Nothing later in the session happens before all
 * of them are answered. */
#include "sync/pop-pass-private.h"
#include "sync/pop-digest.h"
#include "sync/pop-policy.h"
#include <fulmar/base/clock.h>
#include <fulmar/base/error.h>
#include <fulmar/base/log.h>
#include <fulmar/mail/envelope.h>
#include <fulmar/store/body-store.h>
#include <fulmar/store/message-store.h>
#include <pthread.h>

#define MAX_MESSAGE_BYTES (G_GUINT64_CONSTANT (256) * 1024 * 1024)
#define SMALL_BYTES (100 * 1024)
#define LARGE_BYTES (1024 * 1024)
#define MAX_WAITING 64
#define NUDGE_BYTES LARGE_BYTES
#define TELL_EVERY_US (300 * 1000)

typedef struct Fetch Fetch;

/* One message on its way into the store; the pen's while it waits there. */
typedef struct {
  Fetch *fetch;
  FmPopSeen seen;
  FmPopKnown *known;
  FmMessageInput input;
  char *digest; /* NULL: a stub, or known already */
  guint64 size_bytes;
  gint64 blob_id, msg_id;
  gboolean is_row; /* a new row, not just a new name for a known one */
} Job;

struct Fetch {
  FmPopMatch *match;
  GPtrArray *jobs;
  guint64 total, got;
  gint64 told_us;
  gboolean is_news; /* there was mail before: new mail is worth a notice */
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  guint waiting;       /* under mutex */
  guint added, unseen; /* under mutex; since it was last told */
  GError *error;       /* under mutex: the first */
};

static void
job_free (gpointer data)
{
  Job *job = data;
  g_free (job->seen.uidl);
  g_free (job->seen.digest);
  g_free (job->seen.header_digest);
  g_free (job->digest);
  if (job->input.envelope != NULL)
    fm_envelope_unref ((FmEnvelope *) job->input.envelope);
  g_free (job);
}

static gboolean
file_row (FmStoreWriter *writer, Job *job, GError **error)
{
  FmPopContext *context = job->fetch->match->context;
  g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (gint64));
  FmMessageResult result = { .ids = ids };
  if (job->digest != NULL && (job->input.blob_id = fm_body_store_put (writer, job->digest, job->size_bytes, error)) == 0)
    return FALSE;
  if (!fm_message_store_upsert (writer, context->inbox_id, &job->input, 1, &result, error))
    return FALSE;
  job->blob_id = job->input.blob_id;
  job->msg_id = job->seen.msg_id = ids->len > 0 ? g_array_index (ids, gint64, 0) : 0;
  return TRUE;
}

/* The pen: row and ledger, or neither. */
static gboolean
job_run (FmStoreWriter *writer, gpointer data, GError **error)
{
  Job *job = data;
  return (!job->is_row || file_row (writer, job, error))
         && fm_pop_store_put (writer, job->fetch->match->context->account_id, &job->seen, error);
}

static void
job_done (const GError *error, gpointer data)
{
  Job *job = data;
  Fetch *fetch = job->fetch;
  if (error == NULL)
    fm_pop_pass_step (FM_POP_STEP_COMMITTED);
  pthread_mutex_lock (&fetch->mutex);
  if (error != NULL && fetch->error == NULL)
    fetch->error = g_error_copy (error);
  if (error == NULL && job->is_row)
    {
      fetch->added++;
      fetch->unseen++;
    }
  fetch->waiting--;
  pthread_cond_signal (&fetch->changed);
  pthread_mutex_unlock (&fetch->mutex);
}

static void
tell_news (Fetch *fetch)
{
  FmPopContext *context = fetch->match->context;
  pthread_mutex_lock (&fetch->mutex);
  guint added = fetch->added, unseen = fetch->unseen;
  fetch->added = fetch->unseen = 0;
  pthread_mutex_unlock (&fetch->mutex);
  fetch->told_us = fm_clock_mono_us ();
  if (added == 0)
    return;
  FmEvent *event = fm_event_new (FM_EVENT_FOLDER_CHANGED, 0);
  event->account = g_strdup (context->spec->name);
  event->folder_id = context->inbox_id;
  event->count = fetch->is_news ? unseen : 0;
  fm_sync_env_emit (context->env, event);
  fm_sync_env_index (context->env, 0);
  fetch->match->outcome->fetched += added;
}

/* Until at most LEFT jobs wait at the pen. FALSE: one of them failed. */
static gboolean
wait_for_pen (Fetch *fetch, guint left, GError **error)
{
  pthread_mutex_lock (&fetch->mutex);
  while (fetch->waiting > left)
    pthread_cond_wait (&fetch->changed, &fetch->mutex);
  if (fetch->error != NULL && error != NULL && *error == NULL)
    g_propagate_error (error, g_error_copy (fetch->error));
  gboolean ok = fetch->error == NULL;
  pthread_mutex_unlock (&fetch->mutex);
  return ok;
}

static gboolean
post (Fetch *fetch, Job *job, GError **error)
{
  g_ptr_array_add (fetch->jobs, job);
  if (!wait_for_pen (fetch, MAX_WAITING - 1, error))
    return FALSE;
  pthread_mutex_lock (&fetch->mutex);
  fetch->waiting++;
  pthread_mutex_unlock (&fetch->mutex);
  fm_pen_post (fetch->match->context->env->pen, FM_PEN_SAFE, job_run, job_done, job, NULL);
  if (fm_clock_mono_us () - fetch->told_us > TELL_EVERY_US)
    tell_news (fetch);
  return TRUE;
}

static gboolean
is_oversized (const FmPopContext *context, const FmPopEntry *told)
{
  return told->size_bytes > MAX_MESSAGE_BYTES || (told->uidl != NULL && g_hash_table_contains (context->oversized, told->uidl));
}

gboolean
fm_pop_fetch_wants_stub (const FmPopMatch *match, const FmPopEntry *told)
{
  const FmAccountSpec *spec = match->context->spec;
  /* Only a UIDL finds the body again later. */
  return fm_pop_session_has (match->session, FM_POP_CAP_TOP) && told->uidl != NULL
         && (is_oversized (match->context, told) || spec->offline == FM_OFFLINE_HEADERS
             || (spec->size_limit > 0 && told->size_bytes > spec->size_limit));
}

static FmSink *
begin_body (gpointer data, guint32 number, GError **error)
{
  Fetch *fetch = data;
  return fm_pop_digest_sink_new (fm_body_store_sink_new (fetch->match->context->env->store, MAX_MESSAGE_BYTES, FALSE));
}

static FmSink *
begin_stub (gpointer data, guint32 number, GError **error)
{
  return fm_pop_digest_sink_new (NULL);
}

/* A job with what the header tells. */
static Job *
job_new (Fetch *fetch, const FmPopItem *item, FmSink *sink)
{
  Job *job = g_new0 (Job, 1);
  g_autoptr (GBytes) header = fm_pop_digest_sink_header (sink);
  gsize size;
  const void *bytes = g_bytes_get_data (header, &size);
  gint64 now = fm_clock_now_utc ();
  job->fetch = fetch;
  job->input = (FmMessageInput) FM_MESSAGE_INPUT_INIT;
  job->input.envelope = fm_envelope_parse (bytes, size);
  gint64 date = fm_envelope_date_utc (job->input.envelope);
  job->input.internal_date_utc = date > 0 && date <= now ? date : now;
  job->seen.uidl = g_strdup (item->told->uidl);
  job->seen.header_digest = fm_pop_digest_header (bytes, size);
  job->seen.first_seen_utc = now;
  return job;
}

static void
tell_progress (Fetch *fetch)
{
  FmPopContext *context = fetch->match->context;
  fetch->got++;
  if (fetch->total < 20 || (fetch->got % 20 != 0 && fetch->got != fetch->total))
    return;
  FmEvent *event = fm_event_new (FM_EVENT_PROGRESS, 0);
  event->account = g_strdup (context->spec->name);
  event->folder_id = context->inbox_id;
  event->text = g_strdup ("fetching mail");
  event->count = (gint64) fetch->got;
  event->total = (gint64) fetch->total;
  fm_sync_env_emit (context->env, event);
}

static FmPopSeen *
seen_dup (const FmPopSeen *seen)
{
  FmPopSeen *copy = g_memdup2 (seen, sizeof *seen);
  copy->uidl = g_strdup (seen->uidl == NULL ? "" : seen->uidl);
  copy->digest = g_strdup (seen->digest == NULL ? "" : seen->digest);
  copy->header_digest = g_strdup (seen->header_digest);
  return copy;
}

/* The body has turned out to be a message we have: its row gets the new name (or stays as it is, without names). */
static void
adopt (Job *job, FmPopItem *item)
{
  const FmPopSeen *old = item->known->seen;
  job->seen.digest = g_strdup (old->digest);
  job->seen.msg_id = old->msg_id;
  job->seen.first_seen_utc = old->first_seen_utc;
  job->seen.wants_delete = old->wants_delete;
  job->known = item->known;
}

static gboolean
end_body (gpointer data, guint32 number, FmSink *taken, const GError *refused, GError **error)
{
  Fetch *fetch = data;
  g_autoptr (FmSink) sink = taken;
  FmPopItem *item = fm_pop_match_item (fetch->match, number);
  tell_progress (fetch);
  if (sink == NULL)
    {
      fm_log_debug ("%s: message %u is not given: %s", fetch->match->context->spec->name, number, refused->message);
      return TRUE;
    }
  if (!fm_sink_commit (sink, error))
    return FALSE;
  fm_pop_pass_step (FM_POP_STEP_WRITTEN);
  Job *job = job_new (fetch, item, sink);
  guint64 size = 0;
  const char *digest = fm_body_store_sink_digest (fm_pop_digest_sink_next (sink), &size);
  if (fm_pop_match_digest (fetch->match, item, digest) != NULL)
    {
      adopt (job, item);
    }
  else
    {
      job->is_row = TRUE;
      job->digest = g_strdup (digest);
      job->size_bytes = job->input.size_bytes = size;
      job->seen.digest = g_strdup (digest);
      item->known = job->known = fm_pop_match_add (fetch->match, seen_dup (&job->seen));
      item->known->listed = TRUE;
    }
  return post (fetch, job, error);
}

static gboolean
end_stub (gpointer data, guint32 number, FmSink *taken, const GError *refused, GError **error)
{
  Fetch *fetch = data;
  g_autoptr (FmSink) sink = taken;
  FmPopItem *item = fm_pop_match_item (fetch->match, number);
  tell_progress (fetch);
  if (sink == NULL)
    return TRUE;
  Job *job = job_new (fetch, item, sink);
  job->is_row = job->seen.stub = TRUE;
  job->input.size_bytes = item->told->size_bytes;
  item->known = job->known = fm_pop_match_add (fetch->match, seen_dup (&job->seen));
  item->known->listed = TRUE;
  return post (fetch, job, error);
}

static guint
class_of (guint64 size)
{
  return size <= SMALL_BYTES ? 0 : size <= LARGE_BYTES ? 1 : 2;
}

static int
compare_wanted (gconstpointer a, gconstpointer b, gpointer data)
{
  const FmPopEntry *one = fm_pop_match_item (data, *(const guint32 *) a)->told, *two = fm_pop_match_item (data, *(const guint32 *) b)->told;
  guint first = class_of (one->size_bytes), second = class_of (two->size_bytes);
  if (first != second)
    return first < second ? -1 : 1;
  return one->number > two->number ? -1 : one->number < two->number;
}

/* Numbers of the unknown messages, small ones first and among them the newest first: on a slow link the user sees today's mail at once. Transfer:
 * full. */
static GArray *
wanted (FmPopMatch *match, gboolean stubs)
{
  GArray *numbers = g_array_new (FALSE, FALSE, sizeof (guint32));
  for (guint i = 0; i < match->items->len; i++)
    {
      const FmPopItem *item = &g_array_index (match->items, FmPopItem, i);
      if (item->known != NULL || fm_pop_fetch_wants_stub (match, item->told) != stubs)
        continue;
      if (stubs || item->told->size_bytes <= MAX_MESSAGE_BYTES)
        g_array_append_val (numbers, item->told->number);
    }
  g_array_sort_with_data (numbers, compare_wanted, match);
  return numbers;
}

/* What the pen has made of the rows, for the rest of the session. */
static void
take_results (Fetch *fetch)
{
  fetch->match->outcome->taken += fetch->jobs->len;
  for (guint i = 0; i < fetch->jobs->len; i++)
    {
      const Job *job = fetch->jobs->pdata[i];
      if (job->known == NULL)
        continue;
      if (job->is_row)
        job->known->seen->msg_id = job->msg_id;
      if (!job->is_row && job->seen.uidl != NULL)
        {
          g_free (job->known->seen->uidl);
          job->known->seen->uidl = g_strdup (job->seen.uidl);
        }
    }
}

/* Which message was too large, so that it becomes a stub the next time and does not block the others for ever. */
static void
note_oversized (Fetch *fetch, const GArray *numbers, const GError *error)
{
  if (!g_error_matches (error, FM_ERROR, FM_ERROR_LIMIT) || fetch->got >= numbers->len)
    return;
  const FmPopItem *item = fm_pop_match_item (fetch->match, g_array_index (numbers, guint32, fetch->got));
  if (item->told->uidl != NULL)
    g_hash_table_add (fetch->match->context->oversized, g_strdup (item->told->uidl));
}

gboolean
fm_pop_fetch_run (FmPopMatch *match, GError **error)
{
  static const FmPopTaker bodies = { begin_body, end_body }, headers = { begin_stub, end_stub };
  g_autoptr (GArray) whole = wanted (match, FALSE), stubs = wanted (match, TRUE);
  Fetch fetch = { .match = match, .total = whole->len + stubs->len, .is_news = match->ledger->len > 0, .told_us = fm_clock_mono_us () };
  g_autoptr (GError) local = NULL;
  if (fetch.total == 0)
    return TRUE;
  fetch.jobs = g_ptr_array_new_with_free_func (job_free);
  pthread_mutex_init (&fetch.mutex, NULL);
  pthread_cond_init (&fetch.changed, NULL);
  gboolean ok = fm_pop_session_fetch (match->session, &g_array_index (whole, guint32, 0), whole->len, FALSE, &bodies, &fetch, &local);
  if (!ok)
    note_oversized (&fetch, whole, local);
  ok = ok && fm_pop_session_fetch (match->session, &g_array_index (stubs, guint32, 0), stubs->len, TRUE, &headers, &fetch, &local);
  ok = wait_for_pen (&fetch, 0, &local) && ok;
  take_results (&fetch);
  tell_news (&fetch);
  g_ptr_array_unref (fetch.jobs);
  g_clear_error (&fetch.error);
  pthread_cond_destroy (&fetch.changed);
  pthread_mutex_destroy (&fetch.mutex);
  if (!ok)
    g_propagate_error (error, g_steal_pointer (&local));
  return ok;
}

/* Gmail takes a message out of its window when a session that fetched it ends with QUIT. One that was fetched by a session which broke stays in the window
 * although it is here, and a window full of such messages would hide all others for ever: some of them are fetched again, into nothing. */
static FmSink *
begin_nothing (gpointer data, guint32 number, GError **error)
{
  return fm_pop_digest_sink_new (NULL);
}

static gboolean
end_nothing (gpointer data, guint32 number, FmSink *sink, const GError *refused, GError **error)
{
  fm_sink_free (sink);
  return TRUE;
}

gboolean
fm_pop_fetch_nudge (FmPopMatch *match, GError **error)
{
  static const FmPopTaker taker = { begin_nothing, end_nothing };
  const FmAccountSpec *spec = match->context->spec;
  g_autoptr (GArray) numbers = g_array_new (FALSE, FALSE, sizeof (guint32));
  guint64 bytes = 0;
  if (!fm_pop_policy_in_batches (spec) || fm_pop_policy_is_recent (spec) || match->context->env->read_only || match->outcome->taken > 0)
    return TRUE;
  for (guint i = 0; i < match->items->len; i++)
    {
      const FmPopItem *item = &g_array_index (match->items, FmPopItem, i);
      if (item->known != NULL && !item->known->seen->stub && *item->known->seen->digest != '\0')
        g_array_append_val (numbers, item->told->number);
    }
  g_array_sort_with_data (numbers, compare_wanted, match);
  for (guint i = 0; i < numbers->len; i++)
    {
      bytes += fm_pop_match_item (match, g_array_index (numbers, guint32, i))->told->size_bytes;
      if (i > 0 && bytes > NUDGE_BYTES)
        g_array_set_size (numbers, i);
    }
  match->outcome->nudged = numbers->len;
  return numbers->len == 0
         || fm_pop_session_fetch (match->session, &g_array_index (numbers, guint32, 0), numbers->len, FALSE, &taker, match, error);
}

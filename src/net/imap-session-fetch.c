/* Fetching and waiting for it: headers in chunks that keep the link full, bodies past memory into a sink. */
#include "imap-compress.h"
#include "imap-engine.h"
#include <fulmar/base/error.h>
#include <stdlib.h>
#include <string.h>

/* Small at first: on a slow link something is to be told soon. */
#define FIRST_CHUNK_UIDS 250
#define CHUNK_UIDS 2000
#define HEADERS_BYTES 400 /* what a FETCH of one message's headers takes, about */
#define BODY_BYTES 8000
#define FLAGS_BYTES 40
#define DEPTH 3 /* at 100 ms, two let the link fall idle between chunks */

/* The ranges still to be fetched, taken from the end: newest first. */
typedef struct {
  FmImapSession *session;
  GArray *left;      /* FmImapRange, ascending */
  GPtrArray *chunks; /* Chunk, asked for and not done */
  guint32 lowest;    /* everything from here on has been told */
  FmImapLanded landed;
  gpointer landed_data;
  GError *error;
} Pull;

typedef struct {
  Pull *pull;
  GArray *ranges;
} Chunk;

static guint64
count_uids (const GArray *ranges)
{
  guint64 n = 0;
  for (guint i = 0; i < ranges->len; i++)
    n += (guint64) g_array_index (ranges, FmImapRange, i).last - g_array_index (ranges, FmImapRange, i).first + 1;
  return n;
}

/* Takes about MAX UIDs off the end of LEFT. */
static GArray *
take_newest (GArray *left, guint64 max)
{
  GArray *chunk = g_array_new (FALSE, FALSE, sizeof (FmImapRange));

  while (left->len > 0 && max > 0)
    {
      FmImapRange *range = &g_array_index (left, FmImapRange, left->len - 1);
      guint64 span = (guint64) range->last - range->first + 1;
      if (span <= max)
        {
          g_array_prepend_val (chunk, *range);
          g_array_set_size (left, left->len - 1);
          max -= span;
        }
      else
        {
          g_array_prepend_val (chunk, ((FmImapRange){ range->last - (guint32) max + 1, range->last }));
          range->last -= (guint32) max;
          max = 0;
        }
    }
  return chunk;
}

static void pull_chunk (Pull *pull, GArray *ranges);

static guint32
last_of (const GArray *ranges)
{
  return ranges->len > 0 ? g_array_index (ranges, FmImapRange, ranges->len - 1).last : 0;
}

/* What is asked for again after a refusal comes later than what is newer or older than it. */
static void
tell_landed (Pull *pull)
{
  guint32 open = last_of (pull->left);

  for (guint i = 0; i < pull->chunks->len; i++)
    open = MAX (open, last_of (((Chunk *) pull->chunks->pdata[i])->ranges));
  if (pull->landed == NULL || pull->error != NULL || open == G_MAXUINT32 || open + 1 >= pull->lowest)
    return;
  pull->lowest = open + 1;
  if (!pull->landed (pull->landed_data, pull->lowest))
    pull->error = g_error_new_literal (FM_ERROR, FM_ERROR_CANCELLED, "stopped");
}

static void
report_unreadable (FmImapState *state, guint32 uid)
{
  if (state->events.unreadable != NULL)
    state->events.unreadable (state->events_data, 0, uid);
}

static void
chunk_done (gpointer data, const GError *error)
{
  g_autofree Chunk *chunk = data;
  Pull *pull = chunk->pull;
  g_autoptr (GArray) ranges = chunk->ranges;
  guint64 n = count_uids (ranges);

  g_ptr_array_remove_fast (pull->chunks, chunk);
  if (!g_error_matches (error, FM_ERROR, FM_ERROR_REFUSED))
    {
      fm_imap_engine_keep_error (&pull->error, error);
      tell_landed (pull);
      return;
    }
  /* The server can't say something about one of these: find out about which. */
  if (n <= 1)
    report_unreadable (pull->session->state, g_array_index (ranges, FmImapRange, 0).first);
  else
    {
      pull_chunk (pull, take_newest (ranges, n / 2));
      pull_chunk (pull, g_steal_pointer (&ranges));
    }
  tell_landed (pull);
}

static void
pull_chunk (Pull *pull, GArray *ranges)
{
  Chunk *chunk = g_new0 (Chunk, 1);

  *chunk = (Chunk){ pull, ranges };
  g_ptr_array_add (pull->chunks, chunk);
  fm_imap_session_queue_fetch_headers (pull->session, (const FmImapRange *) (gpointer) ranges->data, ranges->len, chunk_done, chunk);
}

gboolean
fm_imap_session_fetch_headers (FmImapSession *session, const FmImapRange *uids, gsize n_ranges, FmImapLanded landed, gpointer data,
                               GError **error)
{
  g_autoptr (GArray) left = g_array_new (FALSE, FALSE, sizeof (FmImapRange));
  g_autoptr (GPtrArray) chunks = g_ptr_array_new ();
  Pull pull = { session, left, chunks, G_MAXUINT32, landed, data, NULL };
  guint64 chunk_uids = FIRST_CHUNK_UIDS;
  FmImapStep step;

  /* No UID is 0: a set without any would be no command, and never answered. */
  for (gsize i = 0; i < n_ranges; i++)
    {
      FmImapRange range = { MAX (uids[i].first, 1), uids[i].last };
      if (range.first <= range.last)
        g_array_append_val (left, range);
    }
  fm_imap_compress_expect (session, count_uids (left) * HEADERS_BYTES, NULL); /* a lost connection shows below */
  while (pull.error == NULL && (left->len > 0 || chunks->len > 0))
    {
      while (left->len > 0 && chunks->len < DEPTH)
        {
          pull_chunk (&pull, take_newest (left, chunk_uids));
          chunk_uids = MIN (2 * chunk_uids, CHUNK_UIDS);
        }
      if (!fm_imap_engine_send (session, NULL) || !fm_imap_engine_step (session, &step, NULL, NULL))
        break;
    }
  fm_imap_engine_run (session, NULL); /* nothing may outlive PULL */
  if (pull.error == NULL)
    return TRUE;
  g_propagate_error (error, pull.error);
  return FALSE;
}

gboolean
fm_imap_session_fetch_flags (FmImapSession *session, const FmImapRange *uids, gsize n_ranges, guint64 changed_since, GError **error)
{
  GError *own = NULL;
  guint64 n = 0;

  for (gsize i = 0; i < n_ranges && changed_since == 0; i++)
    n += (guint64) uids[i].last - uids[i].first + 1;
  fm_imap_compress_expect (session, MIN (n, session->state->selected.view.exists) * FLAGS_BYTES, NULL); /* a lost connection shows below */
  fm_imap_session_queue_fetch_flags (session, uids, n_ranges, changed_since, fm_imap_engine_keep_error, &own);
  fm_imap_engine_run (session, NULL);
  if (own == NULL)
    return TRUE;
  g_propagate_error (error, own);
  return FALSE;
}

/* Gives SINK what came quoted or not as a literal, and tells a message that is gone from an empty one. */
static gboolean
settle_body (FmImapState *state, guint32 uid, FmImapBody *body, GError **error)
{
  if (body->sink_error != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&body->sink_error));
      return FALSE;
    }
  if (!state->has_body)
    {
      g_set_error (error, FM_ERROR, FM_ERROR_NOT_FOUND, "the message is no longer in this folder on the server");
      return FALSE;
    }
  if (state->body_uid != 0 && state->body_uid != uid)
    {
      g_set_error (error, FM_ERROR, FM_ERROR_PROTOCOL, "the server sent another message (%u) than was asked for (%u)", state->body_uid,
                   uid);
      return FALSE;
    }
  if (!body->is_taken && state->body_inline != NULL)
    return fm_sink_write (body->sink, g_bytes_get_data (state->body_inline, NULL), g_bytes_get_size (state->body_inline), error);
  return TRUE;
}

static gboolean
fetch_section (FmImapSession *session, guint32 uid, const char *section, FmImapBody *body, GError **error)
{
  gboolean is_settled = FALSE;

  if (!fm_imap_engine_run (session, error))
    return FALSE;
  fm_imap_state_reset_codes (session->state);
  fm_imap_reader_set_body (session->reader, body);
  gboolean is_answered = fm_imap_engine_command (session, g_strdup_printf ("UID FETCH %u (UID BODY.PEEK[%s])", uid, section), error);
  fm_imap_reader_set_body (session->reader, NULL);
  if (is_answered)
    is_settled = settle_body (session->state, uid, body, error);
  g_clear_error (&body->sink_error);
  fm_imap_state_reset_codes (session->state);
  return is_settled;
}

gboolean
fm_imap_session_fetch_body (FmImapSession *session, guint32 uid, FmSink *sink, FmImapProgress progress, gpointer data, GError **error)
{
  FmImapBody body = { .sink = sink, .progress = progress, .progress_data = data };
  return fetch_section (session, uid, "", &body, error);
}

/* Bodies of several messages by one command. Servers send them in an order of their own, so each is told by the UID that stands before it; one
 * that comes without (UID last) runs past and is asked for alone. */
typedef struct {
  FmImapSession *session;
  const guint32 *uids;
  FmSink *const *sinks;
  gsize n;
  gboolean *is_told;
  FmImapBody body;
  FmImapFetched fetched;
  gpointer data;
} Flight;

static gboolean
find_uid (const Flight *flight, guint32 uid, gsize *ret_index)
{
  for (gsize i = 0; i < flight->n; i++)
    if (flight->uids[i] == uid && !flight->is_told[i])
      {
        *ret_index = i;
        return TRUE;
      }
  return FALSE;
}

static FmSink *
choose_sink (gpointer data, guint32 uid)
{
  gsize index;
  return find_uid (data, uid, &index) ? ((Flight *) data)->sinks[index] : NULL;
}

static void
tell_fetched (Flight *flight, gsize index, const GError *error)
{
  flight->is_told[index] = TRUE;
  flight->fetched (flight->data, index, error);
}

/* After each response: a body that has come whole is handed over. */
static void
settle_response (Flight *flight)
{
  FmImapState *state = flight->session->state;
  g_autoptr (GError) error = NULL;
  gsize index;

  if (!state->has_body)
    return;
  if (find_uid (flight, state->body_uid, &index) && (state->body_inline != NULL || flight->body.sink == flight->sinks[index]))
    {
      flight->body.sink = flight->sinks[index];
      gboolean is_good = settle_body (state, flight->uids[index], &flight->body, &error);
      tell_fetched (flight, index, is_good ? NULL : error);
    }
  g_clear_error (&flight->body.sink_error);
  flight->body = (FmImapBody){ .choose = choose_sink, .choose_data = flight };
  fm_imap_state_reset_codes (state);
}

static int
compare_uids (gconstpointer a, gconstpointer b)
{
  guint32 x = *(const guint32 *) a, y = *(const guint32 *) b;
  return x < y ? -1 : x > y;
}

static void
queue_bodies (Flight *flight, GError **ret_error)
{
  g_autofree guint32 *sorted = g_memdup2 (flight->uids, flight->n * sizeof (guint32));
  g_autoptr (GArray) ranges = g_array_new (FALSE, FALSE, sizeof (FmImapRange));

  qsort (sorted, flight->n, sizeof (guint32), compare_uids);
  for (gsize i = 0; i < flight->n; i++)
    {
      FmImapRange *last = ranges->len > 0 ? &g_array_index (ranges, FmImapRange, ranges->len - 1) : NULL;
      if (last != NULL && sorted[i] <= last->last + 1)
        last->last = sorted[i];
      else
        g_array_append_val (ranges, ((FmImapRange){ sorted[i], sorted[i] }));
    }
  fm_imap_engine_queue_fetch (flight->session, (const FmImapRange *) (gpointer) ranges->data, ranges->len, "(UID BODY.PEEK[])",
                              fm_imap_engine_keep_error, ret_error);
}

static void
fetch_together (Flight *flight)
{
  FmImapSession *session = flight->session;
  g_autoptr (GError) refusal = NULL; /* what it was about is asked again, alone */
  FmImapStep step;

  fm_imap_state_reset_codes (session->state);
  flight->body = (FmImapBody){ .choose = choose_sink, .choose_data = flight };
  fm_imap_reader_set_body (session->reader, &flight->body);
  queue_bodies (flight, &refusal);
  while (!g_queue_is_empty (&session->pending) || !g_queue_is_empty (&session->sent))
    {
      if (!fm_imap_engine_send (session, NULL) || !fm_imap_engine_step (session, &step, NULL, NULL))
        break;
      settle_response (flight);
    }
  fm_imap_reader_set_body (session->reader, NULL);
  g_clear_error (&flight->body.sink_error);
  fm_imap_state_reset_codes (session->state);
}

gboolean
fm_imap_session_fetch_bodies (FmImapSession *session, const guint32 *uids, FmSink *const *sinks, gsize n, FmImapFetched fetched,
                              gpointer data, GError **error)
{
  g_autofree gboolean *is_told = g_new0 (gboolean, n);
  Flight flight = { .session = session, .uids = uids, .sinks = sinks, .n = n, .is_told = is_told, .fetched = fetched, .data = data };

  if (n > 1 && fm_imap_compress_expect (session, n * BODY_BYTES, NULL) && fm_imap_engine_run (session, NULL))
    fetch_together (&flight);
  for (gsize i = 0; i < n; i++)
    if (!is_told[i])
      {
        g_autoptr (GError) own = NULL;
        gboolean is_good = fm_imap_session_fetch_body (session, uids[i], sinks[i], NULL, NULL, &own);
        tell_fetched (&flight, i, is_good ? NULL : own);
      }
  return fm_imap_engine_run (session, error);
}

gboolean
fm_imap_session_fetch_part (FmImapSession *session, guint32 uid, const char *part, FmSink *sink, GError **error)
{
  FmImapBody body = { .sink = sink };

  if (*part == '\0' || strspn (part, "0123456789.") != strlen (part) || strlen (part) > 200)
    {
      g_set_error (error, FM_ERROR, FM_ERROR_INVALID, "\"%s\" is not a part of a message", part);
      return FALSE;
    }
  return fetch_section (session, uid, part, &body, error);
}

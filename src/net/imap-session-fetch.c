/* Fetching and waiting for it: headers in chunks that keep the link full, bodies past memory into a sink. */
#include "imap-engine.h"
#include <fulmar/base/error.h>
#include <string.h>

#define CHUNK_UIDS 1000
#define DEPTH 2

/* The ranges still to be fetched, taken from the end: newest first. */
typedef struct {
  FmImapSession *session;
  GArray *left; /* FmImapRange, ascending */
  guint in_flight;
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

  pull->in_flight--;
  if (!g_error_matches (error, FM_ERROR, FM_ERROR_REFUSED))
    {
      fm_imap_engine_keep_error (&pull->error, error);
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
}

static void
pull_chunk (Pull *pull, GArray *ranges)
{
  Chunk *chunk = g_new0 (Chunk, 1);

  *chunk = (Chunk){ pull, ranges };
  pull->in_flight++;
  fm_imap_session_queue_fetch_headers (pull->session, (const FmImapRange *) (gpointer) ranges->data, ranges->len, chunk_done, chunk);
}

gboolean
fm_imap_session_fetch_headers (FmImapSession *session, const FmImapRange *uids, gsize n_ranges, GError **error)
{
  g_autoptr (GArray) left = g_array_new (FALSE, FALSE, sizeof (FmImapRange));
  Pull pull = { session, left, 0, NULL };
  FmImapStep step;

  g_array_append_vals (left, uids, n_ranges);
  while (pull.error == NULL && (left->len > 0 || pull.in_flight > 0))
    {
      while (left->len > 0 && pull.in_flight < DEPTH)
        pull_chunk (&pull, take_newest (left, CHUNK_UIDS));
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

/* The worker that answers searches: one at a time, from the newest commit, inside the gate. It opens the database when it is first asked
 * and again whenever the library says that what it holds has gone stale. */
#include "config.h"
#include <string.h>
#include <unistd.h>
#include "fulmar/base/error.h"
#include "fulmar/index/index.h"
#include "fulmar/mail/projection.h"
#include "index/index-database.h"
#include "index/index-gate.h"
#include "index/index-roles.h"
#include "index/index-sandbox.h"
#include "index/notmuch-error.h"

#define FIRST_HITS 50 /* a screenful goes out before the rest is read */

typedef struct {
  const FmIndexRole *role;
  notmuch_database_t *database; /* NULL until needed */
  guint64 request;
  gint64 hits[FM_INDEX_FRAME_MAX_HITS];
  guint n_hits;
  guint64 sent;
} Reader;

static void
say (Reader *reader, FmIndexFrameKind kind, gint64 first, const void *body, gsize body_size)
{
  FmIndexFrameHead head = { .kind = kind, .number = reader->request, .first = first };
  if (fm_index_frame_send (reader->role->socket, &head, body, body_size, -1, TRUE) != FM_INDEX_FRAME_OK)
    _exit (0);
}

static void
send_hits (Reader *reader)
{
  if (reader->n_hits > 0)
    say (reader, FM_INDEX_FRAME_HITS, 0, reader->hits, reader->n_hits * sizeof reader->hits[0]);
  reader->sent += reader->n_hits;
  reader->n_hits = 0;
}

static void
drop_database (Reader *reader)
{
  if (reader->database != NULL)
    notmuch_database_destroy (reader->database);
  reader->database = NULL;
}

/* Inside the gate: the newest commit. */
static FmIndexDatabaseResult
refresh (Reader *reader, GError **error)
{
  if (reader->database != NULL)
    {
      if (notmuch_database_reopen (reader->database, NOTMUCH_DATABASE_MODE_READ_ONLY) == NOTMUCH_STATUS_SUCCESS)
        return FM_INDEX_DATABASE_OPEN;
      drop_database (reader);
    }
  return fm_index_database_open (reader->role->dir, FALSE, &reader->database, error);
}

static void
collect (Reader *reader, notmuch_messages_t *messages, guint64 limit)
{
  guint64 taken = 0;
  for (; notmuch_messages_valid (messages) && (limit == 0 || taken < limit); notmuch_messages_move_to_next (messages))
    {
      notmuch_message_t *message = notmuch_messages_get (messages);
      if (message == NULL)
        break;
      /* This header comes from a value slot, 20 times cheaper than the message's id term. */
      const char *id = notmuch_message_get_header (message, "message-id");
      gint64 blob_id = id != NULL ? fm_projection_blob_id (id) : -1;
      notmuch_message_destroy (message);
      if (blob_id <= 0)
        continue;
      reader->hits[reader->n_hits++] = blob_id;
      taken++;
      if (reader->n_hits == G_N_ELEMENTS (reader->hits) || (reader->sent == 0 && reader->n_hits == FIRST_HITS))
        send_hits (reader);
    }
  send_hits (reader);
}

static notmuch_status_t
run_query (Reader *reader, const FmIndexFrame *frame)
{
  notmuch_query_t *query = notmuch_query_create (reader->database, (const char *) frame->body);
  if (query == NULL)
    return NOTMUCH_STATUS_OUT_OF_MEMORY;
  notmuch_messages_t *messages = NULL;
  unsigned count = 0;
  gboolean wanted = frame->head.kind == FM_INDEX_FRAME_SEARCH;
  notmuch_query_set_omit_excluded (query, NOTMUCH_EXCLUDE_FALSE);
  notmuch_query_set_sort (query, frame->head.second == FM_INDEX_OLDEST_FIRST ? NOTMUCH_SORT_OLDEST_FIRST : NOTMUCH_SORT_NEWEST_FIRST);
  notmuch_status_t status = wanted ? notmuch_query_search_messages (query, &messages) : NOTMUCH_STATUS_SUCCESS;
  if (status == NOTMUCH_STATUS_SUCCESS && wanted)
    collect (reader, messages, MAX (frame->head.first, 0));
  if (status == NOTMUCH_STATUS_SUCCESS && wanted && frame->head.first == 0)
    count = reader->sent;
  else if (status == NOTMUCH_STATUS_SUCCESS)
    status = notmuch_query_count_messages (query, &count);
  notmuch_query_destroy (query);
  if (status == NOTMUCH_STATUS_SUCCESS)
    say (reader, FM_INDEX_FRAME_ANSWER, count, NULL, 0);
  return status;
}

static void
refuse (Reader *reader, const GError *error)
{
  say (reader, FM_INDEX_FRAME_REFUSED, error->code, error->message, MIN (strlen (error->message), (gsize) 1000));
}

/* A stale snapshot answers with an exception once; a second one is real. Hits that went out already are not repeated by trying again. */
static void
answer (Reader *reader, const FmIndexFrame *frame)
{
  g_autoptr (GError) error = NULL;
  reader->sent = 0;
  reader->n_hits = 0;
  for (int tries = 0; tries < 2; tries++)
    {
      g_clear_error (&error);
      FmIndexDatabaseResult opened = refresh (reader, &error);
      if (opened == FM_INDEX_DATABASE_ABSENT)
        {
          say (reader, FM_INDEX_FRAME_ANSWER, 0, NULL, 0);
          return;
        }
      if (opened != FM_INDEX_DATABASE_OPEN)
        continue;
      notmuch_status_t status = run_query (reader, frame);
      if (status == NOTMUCH_STATUS_SUCCESS)
        return;
      fm_notmuch_error_set (&error, status, "searching", notmuch_database_status_string (reader->database));
      drop_database (reader);
      if (reader->sent > 0)
        break;
    }
  refuse (reader, error);
}

int
fm_index_reader_run (const FmIndexRole *role)
{
  g_autofree Reader *reader = g_new0 (Reader, 1);
  g_autofree FmIndexFrame *frame = g_new (FmIndexFrame, 1);
  reader->role = role;
  say (reader, FM_INDEX_FRAME_READY, 0, NULL, 0);
  while (fm_index_frame_receive (role->socket, frame, TRUE) == FM_INDEX_FRAME_OK)
    {
      if (frame->head.kind != FM_INDEX_FRAME_SEARCH && frame->head.kind != FM_INDEX_FRAME_COUNT)
        break;
      reader->request = frame->head.number;
      gboolean inside = fm_index_gate_enter (role->gate);
      answer (reader, frame);
      if (inside)
        fm_index_gate_leave (role->gate);
    }
  drop_database (reader);
  return 0;
}

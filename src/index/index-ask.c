/* Handing searches to the reading worker, one at a time. A worker that dies is started again and the search tried once more, without telling
 * a hit twice; a search that is cancelled or takes too long is ended by ending its worker, which costs some milliseconds and is the one
 * sure way to stop the library. */
#include "config.h"
#include <poll.h>
#include <string.h>
#include <unistd.h>
#include "fulmar/base/clock.h"
#include "fulmar/base/error.h"
#include "fulmar/base/log.h"
#include "index/index-private.h"

#define ANSWER_MS 30000
#define FAILURES_MAX 3

void
fm_index_ask_free_question (FmIndexQuestion *question)
{
  if (question == NULL)
    return;
  g_clear_pointer (&question->delivered, g_array_unref);
  g_clear_pointer (&question->seen, g_hash_table_unref);
  g_free (question->query);
  g_free (question);
}

void
fm_index_ask_init (FmIndex *index)
{
  index->ask.child = FM_INDEX_CHILD_NONE;
  g_queue_init (&index->ask.questions);
}

static void
finish (FmIndex *index, FmIndexQuestion *question, FmIndexEvent *event)
{
  g_queue_remove (&index->ask.questions, question);
  question->deliver (event, question->data);
  fm_index_ask_free_question (question);
}

static void
refuse (FmIndex *index, FmIndexQuestion *question, FmErrorCode code, const char *why)
{
  finish (index, question, fm_index_event_new (FM_INDEX_EVENT_ERROR, question->request, 0, g_error_new (FM_ERROR, code, "%s", why)));
}

void
fm_index_ask_warm (FmIndex *index)
{
  FmIndexAsk *ask = &index->ask;
  g_autoptr (GError) error = NULL;
  if (index->options.read_only)
    {
      FmIndexGeneration now = { 0 };
      gboolean ours = fm_index_generation_read (index->dir, &now) && g_str_equal (now.identity, index->identity);
      index->generation = ours ? now : (FmIndexGeneration){ 0 };
    }
  guint wanted = fm_index_generation_searched (&index->generation);
  if (ask->child.pid > 0 && ask->generation == wanted)
    return;
  fm_index_child_end (&ask->child);
  g_autofree char *dir = fm_index_worker_dir (index, FM_INDEX_FRAME_READER);
  FmIndexFrameHello hello = { .role = FM_INDEX_FRAME_READER };
  ask->generation = wanted;
  if (!fm_index_child_start (&ask->child, index->program, index->options.keep_stderr, &hello, dir, &error))
    fm_log_debug ("index: %s", error->message);
}

static gboolean
send_question (FmIndexAsk *ask, FmIndexQuestion *question)
{
  FmIndexFrameHead head = { .kind = question->only_count ? FM_INDEX_FRAME_COUNT : FM_INDEX_FRAME_SEARCH,
                            .number = question->request,
                            .first = question->limit,
                            .second = question->order };
  question->deadline_us = fm_clock_deadline_us (ANSWER_MS);
  question->sent
      = fm_index_frame_send (ask->child.socket, &head, question->query, strlen (question->query), -1, FALSE) == FM_INDEX_FRAME_OK;
  return question->sent;
}

/* Sends the first question if it is not being answered yet; one that can't be sent is refused. */
static void
pump (FmIndex *index)
{
  FmIndexAsk *ask = &index->ask;
  FmIndexQuestion *question;
  while ((question = g_queue_peek_head (&ask->questions)) != NULL && !question->sent)
    {
      fm_index_ask_warm (index);
      if (ask->child.pid > 0 && send_question (ask, question))
        return;
      fm_index_child_end (&ask->child);
      if (question->tried_again)
        refuse (index, question, FM_ERROR_STORAGE, "the search worker does not start");
      question = g_queue_peek_head (&ask->questions);
      if (question != NULL)
        question->tried_again = TRUE;
    }
}

void
fm_index_ask_take (FmIndex *index, FmIndexQuestion *question)
{
  question->delivered = g_array_new (FALSE, FALSE, sizeof (gint64));
  g_queue_push_tail (&index->ask.questions, question);
  pump (index);
}

static void
remember_delivered (FmIndexQuestion *question)
{
  question->tried_again = TRUE;
  question->sent = FALSE;
  question->seen = g_hash_table_new (g_int64_hash, g_int64_equal);
  for (guint i = 0; i < question->delivered->len; i++)
    g_hash_table_add (question->seen, &g_array_index (question->delivered, gint64, i));
}

/* Searches that fail again and again mean that this generation can't be read: a new one is being built already, or is begun. */
static void
give_up (FmIndex *index)
{
  FmIndexAsk *ask = &index->ask;
  if (++ask->failures < FAILURES_MAX && index->generation.building == 0)
    return;
  ask->failures = 0;
  if (index->options.read_only)
    return;
  if (index->generation.building == 0)
    {
      fm_index_start_over (index, g_error_new (FM_ERROR, FM_ERROR_STORAGE, "the search index is damaged: it can't be read"));
    }
  else if (index->generation.current != 0)
    {
      index->generation.current = 0;
      fm_index_generation_write (index->dir, &index->generation, NULL);
    }
}

static void
failed (FmIndex *index, const char *why)
{
  FmIndexAsk *ask = &index->ask;
  FmIndexQuestion *question = g_queue_peek_head (&ask->questions);
  fm_index_child_end (&ask->child);
  if (question == NULL || !question->sent)
    return;
  if (!question->tried_again)
    {
      remember_delivered (question);
      return;
    }
  refuse (index, question, FM_ERROR_STORAGE, why);
  give_up (index);
}

static void
take_hits (FmIndexQuestion *question, const FmIndexFrame *frame)
{
  const gint64 *ids = (const gint64 *) (gconstpointer) frame->body;
  g_autoptr (GArray) fresh = g_array_new (FALSE, FALSE, sizeof (gint64));
  for (gsize i = 0; i < frame->body_size / sizeof ids[0]; i++)
    if (question->seen == NULL || !g_hash_table_contains (question->seen, &ids[i]))
      g_array_append_val (fresh, ids[i]);
  if (fresh->len == 0)
    return;
  if (question->seen == NULL)
    g_array_append_vals (question->delivered, fresh->data, fresh->len);
  question->deliver (
      fm_index_event_new_ids (FM_INDEX_EVENT_HITS, question->request, (const gint64 *) (gconstpointer) fresh->data, fresh->len, NULL),
      question->data);
}

/* FALSE: the worker is not to be believed any more. */
static gboolean
handle (FmIndex *index, const FmIndexFrame *frame)
{
  FmIndexQuestion *question = g_queue_peek_head (&index->ask.questions);
  if (frame->head.kind == FM_INDEX_FRAME_READY)
    return TRUE;
  if (question == NULL || !question->sent || question->request != frame->head.number)
    return FALSE;
  switch (frame->head.kind)
    {
    case FM_INDEX_FRAME_HITS:
      if (frame->body_size % sizeof (gint64) != 0)
        return FALSE;
      take_hits (question, frame);
      return TRUE;
    case FM_INDEX_FRAME_ANSWER:
      index->ask.failures = 0;
      finish (index, question, fm_index_event_new (FM_INDEX_EVENT_DONE, question->request, frame->head.first, NULL));
      return TRUE;
    case FM_INDEX_FRAME_REFUSED:
      if (frame->head.first == FM_ERROR_INVALID)
        {
          refuse (index, question, FM_ERROR_INVALID, "the search index does not understand the query");
        }
      else
        {
          g_autofree char *why = g_utf8_make_valid ((const char *) frame->body, MIN (frame->body_size, 1000));
          failed (index, why);
        }
      return TRUE;
    default:
      return FALSE;
    }
}

void
fm_index_ask_serve (FmIndex *index, short revents)
{
  FmIndexAsk *ask = &index->ask;
  while (ask->child.pid > 0 && (revents & (POLLIN | POLLHUP | POLLERR)))
    {
      FmIndexFrameResult got = fm_index_frame_receive (ask->child.socket, &index->frame, FALSE);
      if (got == FM_INDEX_FRAME_AGAIN)
        break;
      if (got == FM_INDEX_FRAME_OK && index->frame.fd >= 0)
        close (index->frame.fd);
      if (got != FM_INDEX_FRAME_OK || !handle (index, &index->frame))
        {
          fm_log_debug ("index: the reading worker ended");
          fm_index_note_death (index);
          failed (index, "the search worker ended twice over this search");
        }
    }
  pump (index);
}

gint64
fm_index_ask_deadline_us (FmIndex *index)
{
  FmIndexQuestion *question = g_queue_peek_head (&index->ask.questions);
  return question != NULL && question->sent ? question->deadline_us : G_MAXINT64;
}

void
fm_index_ask_tick (FmIndex *index)
{
  FmIndexQuestion *question = g_queue_peek_head (&index->ask.questions);
  if (fm_clock_mono_us () < fm_index_ask_deadline_us (index))
    return;
  fm_index_child_end (&index->ask.child);
  refuse (index, question, FM_ERROR_TIMEOUT, "the search took longer than 30 seconds");
  pump (index);
}

void
fm_index_ask_cancel (FmIndex *index, guint64 request)
{
  for (GList *link = index->ask.questions.head; link != NULL; link = link->next)
    {
      FmIndexQuestion *question = link->data;
      if (question->request != request)
        continue;
      if (question->sent)
        fm_index_child_end (&index->ask.child);
      refuse (index, question, FM_ERROR_CANCELLED, "the search was cancelled");
      break;
    }
  pump (index);
}

/* A search that is being answered from the old generation is asked again of the new one. */
void
fm_index_ask_refresh (FmIndex *index)
{
  FmIndexQuestion *question = g_queue_peek_head (&index->ask.questions);
  if (index->ask.child.pid <= 0 || index->ask.generation == fm_index_generation_searched (&index->generation))
    return;
  fm_index_child_end (&index->ask.child);
  if (question != NULL && question->sent && question->seen == NULL)
    remember_delivered (question);
  else if (question != NULL)
    question->sent = FALSE;
  fm_index_ask_warm (index);
  pump (index);
}

void
fm_index_ask_clear (FmIndex *index)
{
  FmIndexQuestion *question;
  fm_index_child_end (&index->ask.child);
  while ((question = g_queue_peek_head (&index->ask.questions)) != NULL)
    refuse (index, question, FM_ERROR_CANCELLED, "the search index is being closed");
}

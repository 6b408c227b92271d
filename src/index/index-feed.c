/* Handing changes to the writing worker. Every change stays in the queue until the commit that holds it is reported, so that a worker that
 * dies costs only the work since: what was not reported is sent again. A mail that keeps ending the worker is given up; a worker that
 * keeps crashing with no mail to blame means a damaged index, which is built anew. */
#include "config.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include "fulmar/base/clock.h"
#include "fulmar/base/error.h"
#include "fulmar/base/log.h"
#include "index/index-private.h"

#define IN_FLIGHT_MAX 8
#define TURN_MAX 64 /* changes handed over before other work has its turn */
#define BLAME_MAX 12
#define BLAME_CRASH 4 /* three crashes; being killed from outside weighs less */
#define CRASHES_MAX 3
#define FAILURES_TOLD 3
#define BUSY_TOLD 6 /* some seconds: the worker of a program that was just killed may not be gone yet */
#define WATCHDOG_MS 120000
#define BACK_OFF_FIRST_MS 50
#define BACK_OFF_MAX_MS 30000

void
fm_index_feed_free_change (FmIndexChange *change)
{
  if (change == NULL)
    return;
  g_free (change->path);
  g_free (change);
}

void
fm_index_feed_init (FmIndex *index)
{
  index->feed.child = FM_INDEX_CHILD_NONE;
  index->feed.start_us = index->options.read_only ? G_MAXINT64 : 0;
  index->feed.watchdog_us = G_MAXINT64;
  g_queue_init (&index->feed.changes);
}

static gboolean
counts (const FmIndexChange *change)
{
  return change->kind == FM_INDEX_CHANGE_ADD || change->kind == FM_INDEX_CHANGE_REMOVE;
}

static void
pop_first (FmIndexFeed *feed)
{
  GList *first = feed->changes.head;
  if (feed->working == first)
    feed->working = NULL;
  if (feed->unsent == first)
    feed->unsent = first->next;
  fm_index_feed_free_change (first->data);
  g_queue_delete_link (&feed->changes, first);
}

/* Answered before any commit; what is settled at the front of the queue goes. */
static void
settle (FmIndex *index, FmIndexChange *change)
{
  FmIndexFeed *feed = &index->feed;
  change->settled = TRUE;
  if (counts (change))
    fm_index_note_answered (index, 1);
  while (feed->changes.head != NULL && ((FmIndexChange *) feed->changes.head->data)->settled)
    pop_first (feed);
}

static void
fail_change (FmIndex *index, FmIndexChange *change, GError *error)
{
  if (change->settled)
    {
      g_error_free (error);
      return;
    }
  gint64 blob_id = change->blob_id;
  settle (index, change);
  fm_index_emit (index, fm_index_event_new_ids (FM_INDEX_EVENT_FAILED, 0, &blob_id, 1, error));
}

static void
stop (FmIndex *index, GError *error, gboolean wait_for_room)
{
  FmIndexFeed *feed = &index->feed;
  feed->wait_for_room = wait_for_room;
  if (feed->stopped)
    {
      g_error_free (error);
      return;
    }
  feed->stopped = TRUE;
  fm_index_note_state (index, FM_INDEX_STOPPED);
  fm_index_emit (index, fm_index_event_new (FM_INDEX_EVENT_STOPPED, 0, 0, error));
}

static gint64
back_off_us (const FmIndexFeed *feed)
{
  gint64 ms = (gint64) BACK_OFF_FIRST_MS << MIN (feed->failures, 12);
  return MIN (ms, BACK_OFF_MAX_MS) * 1000;
}

static void
start (FmIndex *index)
{
  FmIndexFeed *feed = &index->feed;
  g_autoptr (GError) error = NULL;
  g_autofree char *dir = fm_index_worker_dir (index, FM_INDEX_FRAME_WRITER);
  const FmIndexOptions *options = &index->options;
  FmIndexFrameHello hello = { .role = FM_INDEX_FRAME_WRITER,
                              .batch_count = options->batch_count,
                              .batch_ms = options->batch_ms,
                              .quiet_ms = options->quiet_ms,
                              .least_free_bytes = options->least_free_bytes };
  feed->ready = FALSE;
  feed->unsent = feed->changes.head;
  feed->working = NULL;
  feed->in_flight = 0;
  feed->watchdog_us = G_MAXINT64;
  feed->start_us = G_MAXINT64;
  if (fm_index_child_start (&feed->child, index->program, options->keep_stderr, &hello, dir, &error))
    return;
  feed->start_us = fm_clock_mono_us () + back_off_us (feed);
  if (++feed->failures >= FAILURES_TOLD)
    stop (index, g_steal_pointer (&error), FALSE);
}

/* Whom to blame for a death: the mail in work, else, if it was a crash, the index itself. */
static void
lost (FmIndex *index, gboolean guilty)
{
  FmIndexFeed *feed = &index->feed;
  FmIndexChange *suspect = feed->working != NULL ? feed->working->data : NULL;
  int ended_by = fm_index_child_end (&feed->child);
  gboolean crashed = guilty || (ended_by != 0 && ended_by != SIGKILL && ended_by != SIGTERM);
  fm_log_debug ("index: the writing worker ended (signal %d)", ended_by);
  fm_index_note_death (index);
  feed->ready = FALSE;
  feed->working = NULL;
  feed->watchdog_us = G_MAXINT64;
  feed->start_us = fm_clock_mono_us () + (feed->stopped ? index->options.retry_ms * G_GINT64_CONSTANT (1000) : back_off_us (feed));
  feed->failures++;
  if (suspect != NULL && (suspect->blame += crashed ? BLAME_CRASH : 1) >= BLAME_MAX)
    fail_change (index, suspect, g_error_new (FM_ERROR, FM_ERROR_LIMIT, "reading this mail ends the index worker each time"));
  else if (suspect == NULL && crashed && ++feed->crashes >= CRASHES_MAX)
    fm_index_start_over (index, g_error_new (FM_ERROR, FM_ERROR_STORAGE, "the search index is damaged: its worker crashes on it"));
  else if (feed->failures >= FAILURES_TOLD && !feed->stopped && ended_by == 0)
    stop (index, g_error_new (FM_ERROR, FM_ERROR_STORAGE, "the index worker does not stay"), FALSE);
}

static FmIndexFrameResult
send_add (FmIndexFeed *feed, FmIndexChange *change, FmIndexFrameHead *head, GError **error)
{
  int fd = open (change->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  struct stat info;
  if (fd < 0 || fstat (fd, &info) != 0 || !S_ISREG (info.st_mode))
    {
      FmErrorCode code = fd < 0 && errno == ENOENT ? FM_ERROR_NOT_FOUND : FM_ERROR_STORAGE;
      fm_error_set_errno (error, code, fd < 0 ? errno : EINVAL, "%s", change->path);
      if (fd >= 0)
        close (fd);
      return FM_INDEX_FRAME_OK;
    }
  head->kind = FM_INDEX_FRAME_ADD;
  head->first = change->blob_id;
  FmIndexFrameResult sent = fm_index_frame_send (feed->child.socket, head, &change->range, sizeof change->range, fd, FALSE);
  close (fd);
  return sent;
}

static FmIndexFrameResult
send_change (FmIndexFeed *feed, FmIndexChange *change, GError **error)
{
  FmIndexFrameHead head = { .number = change->sequence };
  gsize size = 0;
  if (change->kind == FM_INDEX_CHANGE_ADD)
    return send_add (feed, change, &head, error);
  head.kind = FM_INDEX_FRAME_FLUSH;
  if (change->kind == FM_INDEX_CHANGE_REMOVE)
    {
      head.kind = FM_INDEX_FRAME_REMOVE;
      head.first = change->blob_id;
    }
  else if (change->kind == FM_INDEX_CHANGE_PROBE)
    {
      head.kind = FM_INDEX_FRAME_PROBE;
      size = strnlen (change->path, FM_INDEX_FRAME_MAX_BODY);
    }
  return fm_index_frame_send (feed->child.socket, &head, change->path, size, -1, FALSE);
}

static gboolean
may_send (const FmIndexFeed *feed)
{
  return feed->child.pid > 0 && feed->ready && feed->unsent != NULL && feed->in_flight < IN_FLIGHT_MAX;
}

static void
send_some (FmIndex *index)
{
  FmIndexFeed *feed = &index->feed;
  for (guint n = 0; n < TURN_MAX && may_send (feed); n++)
    {
      FmIndexChange *change = feed->unsent->data;
      g_autoptr (GError) error = NULL;
      if (!change->settled)
        {
          FmIndexFrameResult sent = send_change (feed, change, &error);
          if (sent != FM_INDEX_FRAME_OK)
            return; /* full: poll says when; gone: its end is read next */
        }
      gboolean counted = counts (change) && !change->settled && error == NULL;
      feed->unsent = feed->unsent->next;
      if (counted)
        feed->in_flight++;
      if (error != NULL)
        fail_change (index, change, g_steal_pointer (&error));
    }
}

void
fm_index_feed_take (FmIndex *index, FmIndexChange *change)
{
  FmIndexFeed *feed = &index->feed;
  change->sequence = ++feed->sequence;
  g_queue_push_tail (&feed->changes, change);
  if (feed->unsent == NULL)
    feed->unsent = feed->changes.tail;
}

/* The worker begins with a change: those before it are behind it. */
static gboolean
began (FmIndex *index, guint64 sequence)
{
  FmIndexFeed *feed = &index->feed;
  GList *link = feed->working != NULL ? feed->working : feed->changes.head;
  while (link != NULL && link != feed->unsent && ((FmIndexChange *) link->data)->sequence < sequence)
    link = link->next;
  if (link == NULL || link == feed->unsent || ((FmIndexChange *) link->data)->sequence != sequence)
    return FALSE;
  feed->working = link;
  if (feed->in_flight > 0)
    feed->in_flight--;
  feed->watchdog_us = fm_clock_deadline_us (WATCHDOG_MS);
  return TRUE;
}

static FmIndexChange *
sent_change (FmIndexFeed *feed, guint64 sequence)
{
  for (GList *link = feed->working != NULL ? feed->working : feed->changes.head; link != NULL && link != feed->unsent; link = link->next)
    if (((FmIndexChange *) link->data)->sequence == sequence)
      return link->data;
  return NULL;
}

static void
emit_ids (FmIndex *index, FmIndexEventKind kind, GArray *ids)
{
  if (ids->len > 0)
    fm_index_emit (index, fm_index_event_new_ids (kind, 0, (const gint64 *) (gconstpointer) ids->data, ids->len, NULL));
  g_array_set_size (ids, 0);
}

typedef struct {
  GArray *added;
  GArray *removed;
} Answered;

static void
tell (FmIndex *index, Answered *answered)
{
  guint n = answered->added->len + answered->removed->len;
  if (n > 0)
    fm_index_note_answered (index, n);
  emit_ids (index, FM_INDEX_EVENT_ADDED, answered->added);
  emit_ids (index, FM_INDEX_EVENT_REMOVED, answered->removed);
}

/* An id both added and removed in one batch is told in the order it was asked for. */
static void
answer_one (FmIndex *index, FmIndexChange *change, Answered *answered)
{
  switch (change->kind)
    {
    case FM_INDEX_CHANGE_ADD:
      if (answered->removed->len > 0)
        tell (index, answered);
      g_array_append_val (answered->added, change->blob_id);
      break;
    case FM_INDEX_CHANGE_REMOVE:
      if (answered->added->len > 0)
        tell (index, answered);
      g_array_append_val (answered->removed, change->blob_id);
      break;
    case FM_INDEX_CHANGE_FLUSH:
      tell (index, answered);
      fm_index_emit (index, fm_index_event_new (FM_INDEX_EVENT_FLUSHED, change->request, 0, NULL));
      break;
    case FM_INDEX_CHANGE_REBUILT:
      tell (index, answered);
      fm_index_swap (index);
      break;
    case FM_INDEX_CHANGE_PROBE:
      break;
    }
}

static void
committed (FmIndex *index, guint64 sequence)
{
  FmIndexFeed *feed = &index->feed;
  g_autoptr (GArray) added = g_array_new (FALSE, FALSE, sizeof (gint64));
  g_autoptr (GArray) removed = g_array_new (FALSE, FALSE, sizeof (gint64));
  Answered answered = { added, removed };
  feed->watchdog_us = G_MAXINT64;
  feed->working = NULL;
  feed->crashes = feed->failures = 0;
  while (feed->changes.head != NULL && feed->changes.head != feed->unsent)
    {
      FmIndexChange *change = feed->changes.head->data;
      if (change->sequence > sequence)
        break;
      if (!change->settled)
        answer_one (index, change, &answered);
      pop_first (feed);
    }
  tell (index, &answered);
}

static void
became_ready (FmIndex *index)
{
  FmIndexFeed *feed = &index->feed;
  feed->ready = TRUE;
  fm_index_note_state (index, FM_INDEX_READY);
  if (feed->stopped)
    fm_index_emit (index, fm_index_event_new (FM_INDEX_EVENT_RESUMED, 0, 0, NULL));
  feed->stopped = feed->wait_for_room = FALSE;
}

static GError *
error_from (const FmIndexFrame *frame, FmErrorCode code)
{
  g_autofree char *text = g_utf8_make_valid ((const char *) frame->body, MIN (frame->body_size, 1000));
  return g_error_new (FM_ERROR, code, "%s", text);
}

/* FALSE: the worker is not to be believed any more. */
static gboolean
change_answered (FmIndex *index, const FmIndexFrame *frame)
{
  FmIndexChange *change = sent_change (&index->feed, frame->head.number);
  if (change == NULL)
    return FALSE;
  if (frame->head.kind == FM_INDEX_FRAME_FAILED && change->kind == FM_INDEX_CHANGE_ADD)
    {
      FmErrorCode code = CLAMP (frame->head.first, FM_ERROR_OFFLINE, FM_ERROR_INVALID);
      fail_change (index, change, error_from (frame, code));
    }
  else if (frame->head.kind == FM_INDEX_FRAME_ANSWER && change->kind == FM_INDEX_CHANGE_PROBE && !change->settled)
    {
      change->deliver (fm_index_event_new (FM_INDEX_EVENT_DONE, change->request, frame->head.first, NULL), change->data);
      settle (index, change);
    }
  else
    {
      return FALSE;
    }
  return TRUE;
}

static gboolean
handle (FmIndex *index, const FmIndexFrame *frame)
{
  switch (frame->head.kind)
    {
    case FM_INDEX_FRAME_READY:
      fm_index_note_documents (index, frame->head.first);
      became_ready (index);
      return TRUE;
    case FM_INDEX_FRAME_WORKING:
      return began (index, frame->head.number);
    case FM_INDEX_FRAME_FAILED:
    case FM_INDEX_FRAME_ANSWER:
      return change_answered (index, frame);
    case FM_INDEX_FRAME_COMMITTING:
      index->feed.working = NULL;
      index->feed.watchdog_us = G_MAXINT64;
      return TRUE;
    case FM_INDEX_FRAME_COMMITTED:
      fm_index_note_documents (index, frame->head.first);
      committed (index, frame->head.number);
      return TRUE;
    case FM_INDEX_FRAME_NO_ROOM:
      index->feed.working = NULL;
      stop (index, error_from (frame, FM_ERROR_STORAGE), TRUE);
      return TRUE;
    case FM_INDEX_FRAME_BUSY:
      if (index->feed.failures >= BUSY_TOLD)
        stop (index, g_error_new (FM_ERROR, FM_ERROR_STORAGE, "another process is writing the search index in %s", index->dir), FALSE);
      return TRUE;
    case FM_INDEX_FRAME_DAMAGED:
      fm_index_start_over (index, error_from (frame, FM_ERROR_STORAGE));
      return TRUE;
    default:
      return FALSE;
    }
}

short
fm_index_feed_events (FmIndex *index)
{
  return may_send (&index->feed) ? POLLIN | POLLOUT : POLLIN;
}

void
fm_index_feed_serve (FmIndex *index, short revents)
{
  FmIndexFeed *feed = &index->feed;
  for (guint n = 0; n < TURN_MAX && feed->child.pid > 0 && (revents & (POLLIN | POLLHUP | POLLERR)); n++)
    {
      FmIndexFrameResult got = fm_index_frame_receive (feed->child.socket, &index->frame, FALSE);
      if (got == FM_INDEX_FRAME_AGAIN)
        break;
      if (got == FM_INDEX_FRAME_OK && index->frame.fd >= 0)
        close (index->frame.fd);
      if (got == FM_INDEX_FRAME_GONE)
        lost (index, FALSE);
      else if (got == FM_INDEX_FRAME_BROKEN || !handle (index, &index->frame))
        lost (index, TRUE);
    }
  if (!index->ending)
    send_some (index);
}

gint64
fm_index_feed_deadline_us (FmIndex *index)
{
  FmIndexFeed *feed = &index->feed;
  return feed->child.pid > 0 ? feed->watchdog_us : feed->start_us;
}

static gboolean
has_room (FmIndex *index)
{
  struct statvfs fs;
  return statvfs (index->dir, &fs) != 0 || (guint64) fs.f_bavail * fs.f_frsize >= index->options.least_free_bytes;
}

void
fm_index_feed_tick (FmIndex *index)
{
  FmIndexFeed *feed = &index->feed;
  gint64 now_us = fm_clock_mono_us ();
  if (feed->child.pid > 0)
    {
      if (now_us >= feed->watchdog_us)
        lost (index, TRUE);
    }
  else if (now_us >= feed->start_us)
    {
      if (feed->wait_for_room && !has_room (index))
        feed->start_us = now_us + index->options.retry_ms * G_GINT64_CONSTANT (1000);
      else
        start (index);
    }
}

void
fm_index_feed_forget (FmIndex *index)
{
  FmIndexFeed *feed = &index->feed;
  guint forgotten = 0;
  fm_index_child_end (&feed->child);
  for (GList *link = feed->changes.head, *next; link != NULL; link = next)
    {
      FmIndexChange *change = link->data;
      next = link->next;
      if (change->kind == FM_INDEX_CHANGE_FLUSH || change->kind == FM_INDEX_CHANGE_PROBE)
        continue;
      forgotten += counts (change) && !change->settled;
      fm_index_feed_free_change (change);
      g_queue_delete_link (&feed->changes, link);
    }
  feed->unsent = feed->changes.head;
  feed->working = NULL;
  feed->in_flight = feed->crashes = 0;
  feed->ready = FALSE;
  feed->watchdog_us = G_MAXINT64;
  feed->start_us = fm_clock_mono_us ();
  fm_index_note_answered (index, forgotten);
}

void
fm_index_feed_say_bye (FmIndex *index)
{
  FmIndexFrameHead head = { .kind = FM_INDEX_FRAME_BYE };
  if (index->feed.child.pid > 0)
    fm_index_frame_send (index->feed.child.socket, &head, NULL, 0, -1, FALSE);
}

static void
abandon_probe (FmIndexChange *change)
{
  if (change->kind != FM_INDEX_CHANGE_PROBE || change->settled)
    return;
  GError *error = g_error_new (FM_ERROR, FM_ERROR_CANCELLED, "the search index is being closed");
  change->deliver (fm_index_event_new (FM_INDEX_EVENT_ERROR, change->request, 0, error), change->data);
}

void
fm_index_feed_clear (FmIndex *index)
{
  fm_index_child_end (&index->feed.child);
  for (GList *link = index->feed.changes.head; link != NULL; link = link->next)
    abandon_probe (link->data);
  g_queue_clear_full (&index->feed.changes, (GDestroyNotify) fm_index_feed_free_change);
}

/* The index's thread and its public face. Requests from any thread become orders in a port; the thread waits for orders, for its two
 * workers and for the nearest deadline, and for nothing else, so that an idle index never wakes. */
#include "config.h"
#include "fulmar/index/index.h"
#include <poll.h>
#include "fulmar/base/clock.h"
#include "fulmar/base/error.h"
#include "fulmar/base/log.h"
#include "fulmar/base/paths.h"
#include "index/index-private.h"

#define LEAST_FREE_BYTES (G_GUINT64_CONSTANT (512) << 20)
#define FAREWELL_MS 3000
#define QUERY_MAX_BYTES 16384

typedef enum { ORDER_CHANGE, ORDER_QUESTION, ORDER_CANCEL, ORDER_REBUILD, ORDER_END } OrderKind;

typedef struct {
  OrderKind kind;
  guint64 request;
  FmIndexChange *change;
  FmIndexQuestion *question;
} Order;

static void
order_free (gpointer data)
{
  Order *order = data;
  fm_index_feed_free_change (order->change);
  fm_index_ask_free_question (order->question);
  g_free (order);
}

static void
post (FmIndex *index, OrderKind kind, guint64 request, FmIndexChange *change, FmIndexQuestion *question)
{
  Order *order = g_new0 (Order, 1);
  *order = (Order){ kind, request, change, question };
  fm_port_post (index->port, order, order_free);
}

/* What the feed and the asker tell. */

void
fm_index_emit (FmIndex *index, FmIndexEvent *event)
{
  index->deliver (event, index->data);
}

void
fm_index_note_answered (FmIndex *index, guint n_changes)
{
  pthread_mutex_lock (&index->lock);
  index->status.backlog -= n_changes;
  gboolean room = index->refused && index->status.backlog <= index->options.backlog_max / 2;
  if (room)
    index->refused = FALSE;
  pthread_mutex_unlock (&index->lock);
  if (room)
    fm_index_emit (index, fm_index_event_new (FM_INDEX_EVENT_ROOM, 0, 0, NULL));
}

void
fm_index_note_state (FmIndex *index, FmIndexState state)
{
  pthread_mutex_lock (&index->lock);
  index->status.state = state;
  pthread_mutex_unlock (&index->lock);
}

void
fm_index_note_documents (FmIndex *index, guint64 documents)
{
  pthread_mutex_lock (&index->lock);
  index->status.documents = documents;
  pthread_mutex_unlock (&index->lock);
}

void
fm_index_note_death (FmIndex *index)
{
  pthread_mutex_lock (&index->lock);
  index->status.restarts++;
  pthread_mutex_unlock (&index->lock);
}

static void
note_rebuilding (FmIndex *index)
{
  pthread_mutex_lock (&index->lock);
  index->status.rebuilding = index->generation.building != 0;
  pthread_mutex_unlock (&index->lock);
}

char *
fm_index_worker_dir (FmIndex *index, FmIndexFrameRole role)
{
  guint number = role == FM_INDEX_FRAME_WRITER ? fm_index_generation_written (&index->generation)
                                               : fm_index_generation_searched (&index->generation);
  g_autofree char *dir = fm_index_generation_dir (index->dir, number);
  if (!index->options.read_only)
    fm_paths_make_private_dir (dir, NULL); /* where this fails the worker fails, and says so */
  return g_steal_pointer (&dir);
}

void
fm_index_start_over (FmIndex *index, GError *error)
{
  g_autoptr (GError) trouble = NULL;
  fm_index_feed_forget (index);
  index->generation.building = fm_index_generation_next (index->dir);
  g_strlcpy (index->generation.identity, index->identity, sizeof index->generation.identity);
  if (!fm_index_generation_write (index->dir, &index->generation, &trouble))
    fm_log_debug ("index: %s", trouble->message);
  fm_index_generation_sweep (index->dir, &index->generation);
  note_rebuilding (index);
  fm_index_note_documents (index, 0);
  fm_index_ask_refresh (index);
  fm_index_emit (index, fm_index_event_new (FM_INDEX_EVENT_REBUILD_NEEDED, 0, index->generation.building, error));
}

void
fm_index_swap (FmIndex *index)
{
  if (index->generation.building == 0)
    return;
  FmIndexGeneration swapped = index->generation;
  swapped.current = swapped.building;
  swapped.building = 0;
  g_autoptr (GError) trouble = NULL;
  if (!fm_index_generation_write (index->dir, &swapped, &trouble))
    {
      fm_log_debug ("index: %s", trouble->message);
      return;
    }
  index->generation = swapped;
  note_rebuilding (index);
  fm_index_ask_refresh (index);
  fm_index_generation_sweep (index->dir, &index->generation);
}

/* The thread. */

/* A generation without its database would be made anew, empty, and pass for whole. */
static gboolean
is_there (FmIndex *index)
{
  g_autofree char *dir = fm_index_generation_dir (index->dir, fm_index_generation_written (&index->generation));
  g_autofree char *database = g_build_filename (dir, ".notmuch", "xapian", "iamglass", NULL);

  return g_file_test (database, G_FILE_TEST_EXISTS);
}

static void
tell_opened (FmIndex *index)
{
  gboolean rebuilding = index->generation.building != 0;
  fm_index_generation_sweep (index->dir, &index->generation);
  fm_index_emit (index, fm_index_event_new (rebuilding ? FM_INDEX_EVENT_REBUILDING : FM_INDEX_EVENT_OPENED, 0,
                                            fm_index_generation_written (&index->generation), NULL));
}

static void
open_dir (FmIndex *index)
{
  g_autoptr (GError) error = NULL;
  index->usable = index->options.read_only || fm_paths_make_private_dir (index->dir, &error);
  if (!index->usable)
    {
      index->feed.start_us = G_MAXINT64;
      fm_index_note_state (index, FM_INDEX_STOPPED);
      fm_index_emit (index, fm_index_event_new (FM_INDEX_EVENT_STOPPED, 0, 0, g_steal_pointer (&error)));
      return;
    }
  gboolean there = fm_index_generation_read (index->dir, &index->generation);
  gboolean ours = there && g_str_equal (index->generation.identity, index->identity);
  if (!ours)
    index->generation = (FmIndexGeneration){ 0 };
  note_rebuilding (index);
  if (index->options.read_only)
    ;
  else if (ours && is_there (index))
    tell_opened (index);
  else if (ours)
    fm_index_start_over (index, g_error_new (FM_ERROR, FM_ERROR_NOT_FOUND, "files of the search index are missing"));
  else if (there)
    fm_index_start_over (index, g_error_new (FM_ERROR, FM_ERROR_STORAGE, "the search index belongs to another database"));
  else
    fm_index_start_over (index, g_error_new (FM_ERROR, FM_ERROR_NOT_FOUND, "there is no search index of this format yet"));
  fm_index_feed_tick (index);
  fm_index_ask_warm (index);
}

static void
obey (FmIndex *index, Order *order)
{
  switch (order->kind)
    {
    case ORDER_CHANGE:
      fm_index_feed_take (index, g_steal_pointer (&order->change));
      break;
    case ORDER_QUESTION:
      fm_index_ask_take (index, g_steal_pointer (&order->question));
      break;
    case ORDER_CANCEL:
      fm_index_ask_cancel (index, order->request);
      break;
    case ORDER_REBUILD:
      if (index->usable && !index->options.read_only)
        fm_index_start_over (index, g_error_new (FM_ERROR, FM_ERROR_CANCELLED, "a new search index was asked for"));
      break;
    case ORDER_END:
      index->ending = TRUE;
      break;
    }
  order_free (order);
}

static void
wait_and_serve (FmIndex *index, gint64 deadline_us)
{
  struct pollfd waits[3] = {
    { .fd = fm_port_fd (index->port), .events = index->ending ? 0 : POLLIN },
    { .fd = index->feed.child.socket, .events = fm_index_feed_events (index) },
    { .fd = index->ask.child.socket, .events = POLLIN },
  };
  poll (waits, G_N_ELEMENTS (waits), fm_clock_remaining_ms (deadline_us));
  /* A worker may be replaced by serving the other one: only what was polled is served. */
  if (waits[1].fd >= 0 && waits[1].fd == index->feed.child.socket)
    fm_index_feed_serve (index, waits[1].revents);
  if (waits[2].fd >= 0 && waits[2].fd == index->ask.child.socket)
    fm_index_ask_serve (index, waits[2].revents);
  Order *order;
  while (!index->ending && (order = fm_port_try_take (index->port)) != NULL)
    obey (index, order);
}

static void
say_farewell (FmIndex *index)
{
  gint64 deadline_us = fm_clock_deadline_us (FAREWELL_MS);
  fm_index_ask_clear (index);
  fm_index_feed_say_bye (index);
  while (index->feed.child.pid > 0 && index->feed.ready && fm_clock_mono_us () < deadline_us)
    wait_and_serve (index, deadline_us);
  fm_index_feed_clear (index);
}

static void
run (gpointer data)
{
  FmIndex *index = data;
  open_dir (index);
  while (!index->ending)
    {
      wait_and_serve (index, MIN (fm_index_feed_deadline_us (index), fm_index_ask_deadline_us (index)));
      fm_index_feed_tick (index);
      fm_index_ask_tick (index);
    }
  say_farewell (index);
}

/* The public face. */

static void
fill_defaults (FmIndexOptions *options)
{
  options->batch_count = options->batch_count ? options->batch_count : 1000;
  options->batch_ms = options->batch_ms ? options->batch_ms : 30000;
  options->quiet_ms = options->quiet_ms ? options->quiet_ms : 3000;
  options->backlog_max = options->backlog_max ? options->backlog_max : 4096;
  options->least_free_bytes = options->least_free_bytes ? options->least_free_bytes : LEAST_FREE_BYTES;
  options->retry_ms = options->retry_ms ? options->retry_ms : 5000;
}

FmIndex *
fm_index_new (const char *dir, const FmIndexOptions *options, FmIndexDeliver deliver, gpointer data)
{
  FmIndex *index = g_new0 (FmIndex, 1);
  index->dir = g_canonicalize_filename (dir, NULL);
  if (options != NULL)
    index->options = *options;
  fill_defaults (&index->options);
  index->program = g_strdup (index->options.program != NULL ? index->options.program : "/proc/self/exe");
  index->options.program = NULL;
  g_strlcpy (index->identity, index->options.identity != NULL ? index->options.identity : "-", sizeof index->identity);
  index->options.identity = NULL;
  index->deliver = deliver;
  index->data = data;
  pthread_mutex_init (&index->lock, NULL);
  index->port = fm_port_new ();
  fm_index_feed_init (index);
  fm_index_ask_init (index);
  index->thread = fm_thread_start ("index", run, index);
  return index;
}

void
fm_index_free (FmIndex *index)
{
  if (index == NULL)
    return;
  post (index, ORDER_END, 0, NULL, NULL);
  fm_thread_join (index->thread);
  fm_port_unref (index->port);
  pthread_mutex_destroy (&index->lock);
  g_free (index->dir);
  g_free (index->program);
  g_free (index);
}

static guint64
next_request (FmIndex *index)
{
  pthread_mutex_lock (&index->lock);
  guint64 request = ++index->request;
  pthread_mutex_unlock (&index->lock);
  return request;
}

static gboolean
take_credit (FmIndex *index)
{
  pthread_mutex_lock (&index->lock);
  gboolean taken = !index->options.read_only && index->status.backlog < index->options.backlog_max;
  if (taken)
    index->status.backlog++;
  else
    index->refused = TRUE;
  pthread_mutex_unlock (&index->lock);
  return taken;
}

gboolean
fm_index_add_range (FmIndex *index, gint64 blob_id, const char *path, gint64 offset_bytes, gint64 size_bytes)
{
  g_return_val_if_fail (blob_id > 0 && path != NULL, FALSE);
  if (!take_credit (index))
    return FALSE;
  FmIndexChange *change = g_new0 (FmIndexChange, 1);
  change->kind = FM_INDEX_CHANGE_ADD;
  change->blob_id = blob_id;
  change->path = g_strdup (path);
  change->range = (FmIndexFrameRange){ offset_bytes, size_bytes };
  post (index, ORDER_CHANGE, 0, change, NULL);
  return TRUE;
}

gboolean
fm_index_add (FmIndex *index, gint64 blob_id, const char *path)
{
  return fm_index_add_range (index, blob_id, path, 0, -1);
}

gboolean
fm_index_remove (FmIndex *index, gint64 blob_id)
{
  g_return_val_if_fail (blob_id > 0, FALSE);
  if (!take_credit (index))
    return FALSE;
  FmIndexChange *change = g_new0 (FmIndexChange, 1);
  change->kind = FM_INDEX_CHANGE_REMOVE;
  change->blob_id = blob_id;
  post (index, ORDER_CHANGE, 0, change, NULL);
  return TRUE;
}

guint
fm_index_credit (FmIndex *index)
{
  pthread_mutex_lock (&index->lock);
  guint credit = index->options.read_only ? 0 : index->options.backlog_max - MIN (index->status.backlog, index->options.backlog_max);
  pthread_mutex_unlock (&index->lock);
  return credit;
}

static guint64
ask (FmIndex *index, FmIndexQuestion *question, const char *query, FmIndexDeliver deliver, gpointer data)
{
  guint64 request = next_request (index);
  question->request = request;
  question->query = g_strndup (query, QUERY_MAX_BYTES);
  question->deliver = deliver;
  question->data = data;
  post (index, ORDER_QUESTION, request, NULL, question);
  return request;
}

guint64
fm_index_search (FmIndex *index, const char *query, guint limit, FmIndexOrder order, FmIndexDeliver deliver, gpointer data)
{
  FmIndexQuestion *question = g_new0 (FmIndexQuestion, 1);
  question->limit = limit;
  question->order = order;
  return ask (index, question, query, deliver, data);
}

guint64
fm_index_count (FmIndex *index, const char *query, FmIndexDeliver deliver, gpointer data)
{
  FmIndexQuestion *question = g_new0 (FmIndexQuestion, 1);
  question->only_count = TRUE;
  return ask (index, question, query, deliver, data);
}

void
fm_index_cancel (FmIndex *index, guint64 request)
{
  post (index, ORDER_CANCEL, request, NULL, NULL);
}

static guint64
post_mark (FmIndex *index, FmIndexChangeKind kind, const char *path, FmIndexDeliver deliver, gpointer data)
{
  FmIndexChange *change = g_new0 (FmIndexChange, 1);
  guint64 request = next_request (index);
  change->kind = kind;
  change->request = request;
  change->path = g_strdup (path);
  change->deliver = deliver;
  change->data = data;
  post (index, ORDER_CHANGE, request, change, NULL);
  return request;
}

guint64
fm_index_flush (FmIndex *index)
{
  return post_mark (index, FM_INDEX_CHANGE_FLUSH, NULL, NULL, NULL);
}

guint64
fm_index_probe_sandbox (FmIndex *index, const char *forbidden_path, FmIndexDeliver deliver, gpointer data)
{
  return post_mark (index, FM_INDEX_CHANGE_PROBE, forbidden_path, deliver, data);
}

void
fm_index_rebuild (FmIndex *index)
{
  post (index, ORDER_REBUILD, 0, NULL, NULL);
}

void
fm_index_rebuild_end (FmIndex *index)
{
  post_mark (index, FM_INDEX_CHANGE_REBUILT, NULL, NULL, NULL);
}

void
fm_index_status (FmIndex *index, FmIndexStatus *ret_status)
{
  pthread_mutex_lock (&index->lock);
  *ret_status = index->status;
  pthread_mutex_unlock (&index->lock);
}

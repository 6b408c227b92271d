/* Feeding the index. A pass walks the blobs that are still to do, newest first, by pages, and hands them over while the index has credit; a kick
 * starts a new pass from the top. What has been handed over and is not yet marked is remembered (bounded by the index's backlog), so that
 * overlapping passes send nothing twice. Blobs to be taken out of the index go the same way when a pass ends.
 *
 * The marks in the store belong to one generation of the index, whose number stands beside them. Where the index has another, whoever died in
 * between, the marks are taken back: by slices, and the number with the last of them.
 *
 * "Caught up" is said when nothing is left, the new generation (if there is one) is in place, and the index has answered a flush that was
 * asked for after all that: an index that finds itself damaged when it is opened tells so before it answers. */
#include "sync/index-feed.h"
#include <fulmar/base/error.h>
#include <fulmar/store/db.h>

#define PAGE 256
#define RESET_SLICE 2000
#define GENERATION_KEY "index_generation"

struct FmIndexFeed {
  FmIndexFeedOptions options;
  gint64 cursor;    /* blobs below this id have not been looked at in this pass */
  gboolean again;   /* kicked during a pass */
  gboolean walking; /* a pass is under way */
  gboolean rebuilding;
  gboolean rebuild_told; /* that it is being built anew was said */
  gboolean end_asked;    /* the new generation is to be put in place */
  gint64 generation;     /* that the marks must belong to */
  gboolean resetting;    /* the marks are being taken back */
  gboolean reset_failed; /* and must be yet */
  guint64 flush;         /* the request whose answer is waited for, or 0 */
  GError *stopped;       /* why the index waits; NULL: it does not */
  GHashTable *in_flight; /* gint64 blob ids handed over, not yet marked */
  GHashTable *leaving;   /* those to be removed: asked again, they would never be quiet enough to be committed */
  GArray *waiting;       /* guint64 requests */
  guint64 done, total;   /* of this burst, for progress */
};

FmIndexFeed *
fm_index_feed_new (const FmIndexFeedOptions *options)
{
  FmIndexFeed *feed = g_new0 (FmIndexFeed, 1);
  feed->options = *options;
  feed->in_flight = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  feed->leaving = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  feed->waiting = g_array_new (FALSE, FALSE, sizeof (guint64));
  return feed;
}

void
fm_index_feed_free (FmIndexFeed *feed)
{
  if (feed == NULL)
    return;
  g_clear_error (&feed->stopped);
  g_hash_table_unref (feed->in_flight);
  g_hash_table_unref (feed->leaving);
  g_array_unref (feed->waiting);
  g_free (feed);
}

static void
answer_waiting (FmIndexFeed *feed, const GError *error)
{
  for (guint i = 0; i < feed->waiting->len; i++)
    feed->options.caught_up (g_array_index (feed->waiting, guint64, i), error, feed->options.data);
  g_array_set_size (feed->waiting, 0);
}

static gboolean
has_work (const FmIndexFeed *feed)
{
  return feed->walking || feed->resetting || feed->reset_failed || g_hash_table_size (feed->in_flight) > 0;
}

/* Nothing is left to hand over: the index has the next word. */
static void
settle (FmIndexFeed *feed)
{
  if (has_work (feed) || feed->flush != 0)
    return;
  if (feed->total > 0)
    feed->options.progress (feed->done, feed->done, feed->options.data);
  feed->done = feed->total = 0;
  if (feed->rebuilding && !feed->end_asked)
    {
      feed->end_asked = TRUE;
      fm_index_rebuild_end (feed->options.index);
      feed->flush = fm_index_flush (feed->options.index);
    }
  else if (feed->rebuilding || feed->waiting->len > 0)
    {
      feed->flush = fm_index_flush (feed->options.index);
    }
}

static void
take_flushed (FmIndexFeed *feed)
{
  FmIndexStatus status;

  feed->flush = 0;
  fm_index_status (feed->options.index, &status);
  if (has_work (feed))
    return;
  if (feed->rebuilding && status.rebuilding)
    {
      /* It could not be put in place, or has begun once more, which is told next; tried again when there is something to do. */
      g_autoptr (GError) error = g_error_new_literal (FM_ERROR, FM_ERROR_STORAGE, "the new search index is not in place yet");
      feed->end_asked = FALSE;
      answer_waiting (feed, error);
      return;
    }
  if (feed->rebuilding && feed->rebuild_told)
    feed->options.notice ("the search index is complete again", NULL, feed->options.data);
  feed->rebuilding = feed->rebuild_told = feed->end_asked = FALSE;
  answer_waiting (feed, NULL);
}

typedef struct {
  FmIndexFeedOptions options;
  FmBlobIndex state;
  GArray *ids;
} Mark;

static gboolean
mark_job_run (FmStoreWriter *writer, gpointer data, GError **error)
{
  const Mark *mark = data;
  return fm_body_store_set_indexed (writer, (const gint64 *) (gconstpointer) mark->ids->data, mark->ids->len, mark->state, error);
}

static void
mark_job_done (const GError *error, gpointer data)
{
  Mark *mark = data;
  mark->options.marked (g_array_ref (mark->ids), mark->options.data);
}

static void
mark_job_free (gpointer data)
{
  Mark *mark = data;
  g_array_unref (mark->ids);
  g_free (mark);
}

static void
mark (FmIndexFeed *feed, const gint64 *ids, guint n, FmBlobIndex state)
{
  for (guint at = 0; at < n; at += PAGE)
    {
      Mark *job = g_new0 (Mark, 1);
      job->options = feed->options;
      job->ids = g_array_new (FALSE, FALSE, sizeof (gint64));
      job->state = state;
      g_array_append_vals (job->ids, ids + at, MIN (PAGE, n - at));
      fm_pen_post (feed->options.pen, FM_PEN_BULK, mark_job_run, mark_job_done, job, mark_job_free);
    }
}

/* One page. FALSE: the index takes no more now. */
static gboolean
send_page (FmIndexFeed *feed)
{
  g_autoptr (GArray) ids = fm_body_store_indexable (feed->options.reader, FM_BLOB_TODO, feed->cursor, PAGE, NULL);
  if (ids == NULL || ids->len == 0)
    {
      feed->walking = FALSE;
      return TRUE;
    }
  for (guint i = 0; i < ids->len; i++)
    {
      gint64 id = g_array_index (ids, gint64, i);
      if (!g_hash_table_contains (feed->in_flight, &id))
        {
          g_autofree char *path = fm_body_store_blob_path (feed->options.reader, id, NULL);
          /* Asked for again in every pass, if it were not marked; a rebuild tries it again. */
          if (path == NULL)
            {
              mark (feed, &id, 1, FM_BLOB_FAILED);
            }
          else if (!fm_index_add (feed->options.index, id, path))
            {
              return FALSE;
            }
          g_hash_table_add (feed->in_flight, g_memdup2 (&id, sizeof id));
          feed->total++;
        }
      feed->cursor = id;
    }
  return TRUE;
}

static void
send_removals (FmIndexFeed *feed)
{
  g_autoptr (GArray) ids = fm_body_store_indexable (feed->options.reader, FM_BLOB_REMOVE, G_MAXINT64, PAGE, NULL);
  for (guint i = 0; ids != NULL && i < ids->len; i++)
    {
      gint64 id = g_array_index (ids, gint64, i);
      if (g_hash_table_contains (feed->leaving, &id))
        continue;
      if (!fm_index_remove (feed->options.index, id))
        return;
      g_hash_table_add (feed->leaving, g_memdup2 (&id, sizeof id));
    }
}

static void
pump (FmIndexFeed *feed)
{
  while (feed->walking && fm_index_credit (feed->options.index) > 0)
    if (!send_page (feed))
      return;
  if (feed->walking)
    return;
  if (feed->again)
    {
      feed->again = FALSE;
      feed->walking = TRUE;
      feed->cursor = G_MAXINT64;
      pump (feed);
      return;
    }
  send_removals (feed);
  settle (feed);
}

static void reset_marks (FmIndexFeed *feed);

void
fm_index_feed_kick (FmIndexFeed *feed)
{
  if (feed->reset_failed && !feed->resetting)
    reset_marks (feed);
  if (feed->walking)
    {
      feed->again = TRUE;
      return;
    }
  feed->walking = TRUE;
  feed->cursor = G_MAXINT64;
  pump (feed);
}

/* A job of the pen that takes back the marks of one slice and posts itself again for the next. */
typedef struct {
  FmIndexFeedOptions options;
  gint64 from_id, generation;
  gboolean last;
} Reset;

static gboolean
reset_run (FmStoreWriter *writer, gpointer data, GError **error)
{
  Reset *reset = data;
  gint64 next_id = 0;

  if (!fm_body_store_reset_index (writer, reset->from_id, RESET_SLICE, &next_id, error))
    return FALSE;
  reset->last = next_id == 0;
  reset->from_id = next_id;
  g_autofree char *number = g_strdup_printf ("%" G_GINT64_FORMAT, reset->generation);
  return !reset->last || fm_db_meta_set (writer, GENERATION_KEY, number, error);
}

static void
reset_done (const GError *error, gpointer data)
{
  Reset *reset = data;

  if (error == NULL && !reset->last)
    fm_pen_post (reset->options.pen, FM_PEN_BULK, reset_run, reset_done, g_memdup2 (reset, sizeof *reset), g_free);
  else
    reset->options.reset (reset->generation, error == NULL, reset->options.data);
}

static void
reset_marks (FmIndexFeed *feed)
{
  Reset *reset = g_new0 (Reset, 1);

  *reset = (Reset){ .options = feed->options, .generation = feed->generation };
  feed->resetting = TRUE;
  feed->reset_failed = FALSE;
  fm_pen_post (feed->options.pen, FM_PEN_BULK, reset_run, reset_done, reset, g_free);
}

void
fm_index_feed_reset (FmIndexFeed *feed, gint64 generation, gboolean ok)
{
  /* An older generation's: the marks are being taken back once more. */
  if (generation != feed->generation)
    return;
  feed->resetting = FALSE;
  feed->reset_failed = !ok;
  if (ok)
    fm_index_feed_kick (feed);
}

static gint64
marked_generation (FmIndexFeed *feed)
{
  g_autofree char *number = fm_db_meta_get (feed->options.reader, GENERATION_KEY, NULL);

  return number == NULL ? 0 : g_ascii_strtoll (number, NULL, 10);
}

static gboolean
gone_run (FmStoreWriter *writer, gpointer data, GError **error)
{
  const GArray *ids = data;
  return fm_body_store_index_gone (writer, (const gint64 *) (gconstpointer) ids->data, ids->len, error);
}

static void
begin_rebuild (FmIndexFeed *feed, gint64 generation, const GError *error)
{
  feed->rebuilding = TRUE;
  feed->end_asked = FALSE;
  feed->walking = feed->again = FALSE;
  feed->flush = 0;
  feed->generation = generation;
  g_hash_table_remove_all (feed->in_flight);
  g_hash_table_remove_all (feed->leaving);
  /* A store's first index is no news; one that was lost is. */
  if (!g_error_matches (error, FM_ERROR, FM_ERROR_NOT_FOUND) || marked_generation (feed) != 0)
    {
      feed->rebuild_told = TRUE;
      feed->options.notice ("the search index is built anew; header search works meanwhile", error, feed->options.data);
    }
  reset_marks (feed);
}

/* At the start. GENERATION is whole, or was being built when an earlier run ended. */
static void
take_up (FmIndexFeed *feed, gint64 generation, gboolean rebuilding)
{
  gint64 marked = marked_generation (feed);

  feed->generation = generation;
  feed->rebuilding = rebuilding;
  if (marked == generation)
    fm_index_feed_kick (feed);
  else if (rebuilding)
    reset_marks (feed);
  else
    {
      feed->resetting = TRUE; /* until the new generation's reset */
      fm_index_rebuild (feed->options.index);
    }
}

static void
take_gone (FmIndexFeed *feed, const gint64 *ids, guint n)
{
  GArray *gone = g_array_new (FALSE, FALSE, sizeof (gint64));

  g_array_append_vals (gone, ids, n);
  for (guint i = 0; i < n; i++)
    g_hash_table_remove (feed->leaving, &ids[i]);
  fm_pen_post (feed->options.pen, FM_PEN_BULK, gone_run, NULL, gone, (GDestroyNotify) g_array_unref);
}

/* Whoever waits is told: it may be long. What is to do stays to do. */
static void
stop (FmIndexFeed *feed, const GError *error)
{
  g_clear_error (&feed->stopped);
  feed->stopped = g_error_copy (error);
  g_prefix_error (&feed->stopped, "indexing waits: ");
  feed->options.notice (feed->stopped->message, NULL, feed->options.data);
  answer_waiting (feed, feed->stopped);
}

static void
resume (FmIndexFeed *feed)
{
  if (feed->stopped != NULL)
    feed->options.notice ("indexing goes on", NULL, feed->options.data);
  g_clear_error (&feed->stopped);
  fm_index_feed_kick (feed);
}

void
fm_index_feed_event (FmIndexFeed *feed, const FmIndexEvent *event)
{
  guint n;
  const gint64 *ids = fm_index_event_ids (event, &n);
  const GError *error = fm_index_event_error (event);
  switch (fm_index_event_kind (event))
    {
    case FM_INDEX_EVENT_ADDED:
      feed->done += n;
      mark (feed, ids, n, FM_BLOB_INDEXED);
      break;
    case FM_INDEX_EVENT_FAILED:
      feed->done += n;
      mark (feed, ids, n, FM_BLOB_FAILED);
      break;
    case FM_INDEX_EVENT_REMOVED:
      take_gone (feed, ids, n);
      break;
    case FM_INDEX_EVENT_OPENED:
    case FM_INDEX_EVENT_REBUILDING:
      take_up (feed, (gint64) fm_index_event_count (event), fm_index_event_kind (event) == FM_INDEX_EVENT_REBUILDING);
      break;
    case FM_INDEX_EVENT_REBUILD_NEEDED:
      begin_rebuild (feed, (gint64) fm_index_event_count (event), error);
      break;
    case FM_INDEX_EVENT_FLUSHED:
      if (fm_index_event_request (event) == feed->flush)
        take_flushed (feed);
      settle (feed);
      break;
    case FM_INDEX_EVENT_STOPPED:
      stop (feed, error);
      break;
    case FM_INDEX_EVENT_RESUMED:
      resume (feed);
      break;
    default:
      break;
    }
  if (feed->total > 0)
    feed->options.progress (feed->done, feed->total, feed->options.data);
  if (feed->walking)
    pump (feed);
}

void
fm_index_feed_marked (FmIndexFeed *feed, GArray *blob_ids)
{
  for (guint i = 0; i < blob_ids->len; i++)
    g_hash_table_remove (feed->in_flight, &g_array_index (blob_ids, gint64, i));
  g_array_unref (blob_ids);
  if (feed->walking)
    pump (feed);
  else
    settle (feed);
}

void
fm_index_feed_wait (FmIndexFeed *feed, guint64 request_id)
{
  if (feed->stopped != NULL)
    {
      feed->options.caught_up (request_id, feed->stopped, feed->options.data);
      return;
    }
  g_array_append_val (feed->waiting, request_id);
  fm_index_feed_kick (feed);
  if (g_hash_table_size (feed->in_flight) > 0)
    fm_index_flush (feed->options.index);
}

/* Feeding the index. A pass walks the blobs that are still to do, newest first, by pages, and hands them over while the index has credit; a kick
 * starts a new pass from the top. What has been handed over and is not yet marked is remembered (bounded by the index's backlog), so that
 * overlapping passes send nothing twice. Blobs to be taken out of the index go the same way when a pass ends. */
#include "sync/index-feed.h"
#include <fulmar/base/error.h>

#define PAGE 256

struct FmIndexFeed {
  FmIndexFeedOptions options;
  gint64 cursor;    /* blobs below this id have not been looked at in this pass */
  gboolean again;   /* kicked during a pass */
  gboolean walking; /* a pass is under way */
  gboolean rebuilding;
  GHashTable *in_flight; /* gint64 blob ids handed over, not yet marked */
  GArray *waiting;       /* guint64 requests */
  guint64 done, total;   /* of this burst, for progress */
};

FmIndexFeed *
fm_index_feed_new (const FmIndexFeedOptions *options)
{
  FmIndexFeed *feed = g_new0 (FmIndexFeed, 1);
  feed->options = *options;
  feed->in_flight = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  feed->waiting = g_array_new (FALSE, FALSE, sizeof (guint64));
  return feed;
}

void
fm_index_feed_free (FmIndexFeed *feed)
{
  if (feed == NULL)
    return;
  g_hash_table_unref (feed->in_flight);
  g_array_unref (feed->waiting);
  g_free (feed);
}

static void
answer_waiting (FmIndexFeed *feed)
{
  if (feed->walking || g_hash_table_size (feed->in_flight) > 0)
    return;
  if (feed->rebuilding)
    {
      feed->rebuilding = FALSE;
      fm_index_rebuild_end (feed->options.index);
    }
  if (feed->total > 0)
    feed->options.progress (feed->done, feed->done, feed->options.data);
  feed->done = feed->total = 0;
  for (guint i = 0; i < feed->waiting->len; i++)
    feed->options.caught_up (g_array_index (feed->waiting, guint64, i), feed->options.data);
  g_array_set_size (feed->waiting, 0);
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
    if (!fm_index_remove (feed->options.index, g_array_index (ids, gint64, i)))
      return;
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
  answer_waiting (feed);
}

void
fm_index_feed_kick (FmIndexFeed *feed)
{
  if (feed->walking)
    {
      feed->again = TRUE;
      return;
    }
  feed->walking = TRUE;
  feed->cursor = G_MAXINT64;
  pump (feed);
}

static gboolean
reset_run (FmStoreWriter *writer, gpointer data, GError **error)
{
  return fm_body_store_reset_index (writer, error);
}

/* An empty array tells the desk that the marks are reset. */
static void
reset_done (const GError *error, gpointer data)
{
  FmIndexFeedOptions *options = data;
  options->marked (g_array_new (FALSE, FALSE, sizeof (gint64)), options->data);
}

static gboolean
gone_run (FmStoreWriter *writer, gpointer data, GError **error)
{
  const GArray *ids = data;
  return fm_body_store_index_gone (writer, (const gint64 *) (gconstpointer) ids->data, ids->len, error);
}

static gboolean
has_indexed (FmIndexFeed *feed)
{
  g_autoptr (GArray) ids = fm_body_store_indexable (feed->options.reader, FM_BLOB_INDEXED, G_MAXINT64, 1, NULL);

  return ids && ids->len > 0;
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
      case FM_INDEX_EVENT_REMOVED: {
        GArray *gone = g_array_new (FALSE, FALSE, sizeof (gint64));
        g_array_append_vals (gone, ids, n);
        fm_pen_post (feed->options.pen, FM_PEN_BULK, gone_run, NULL, gone, (GDestroyNotify) g_array_unref);
        break;
      }
    case FM_INDEX_EVENT_ROOM:
      break;
    case FM_INDEX_EVENT_REBUILD_NEEDED:
      feed->rebuilding = TRUE;
      feed->walking = FALSE;
      g_hash_table_remove_all (feed->in_flight);
      /* A store's first index is no news; one that was lost is. */
      if (!g_error_matches (error, FM_ERROR, FM_ERROR_NOT_FOUND) || has_indexed (feed))
        feed->options.notice ("the search index is built anew; header search works meanwhile", error, feed->options.data);
      fm_pen_post (feed->options.pen, FM_PEN_BULK, reset_run, reset_done, g_memdup2 (&feed->options, sizeof feed->options), g_free);
      return;
    case FM_INDEX_EVENT_REBUILDING:
      feed->rebuilding = TRUE;
      fm_index_feed_kick (feed);
      break;
    case FM_INDEX_EVENT_STOPPED:
      feed->options.notice ("indexing waits", error, feed->options.data);
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
  if (blob_ids->len == 0)
    fm_index_feed_kick (feed);
  g_array_unref (blob_ids);
  if (feed->walking)
    pump (feed);
  else
    answer_waiting (feed);
}

void
fm_index_feed_wait (FmIndexFeed *feed, guint64 request_id)
{
  g_array_append_val (feed->waiting, request_id);
  fm_index_feed_kick (feed);
  if (g_hash_table_size (feed->in_flight) > 0)
    fm_index_flush (feed->options.index);
}

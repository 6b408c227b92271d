/* The index's side of the desk: what its thread and its feed tell is brought there as small jobs. */
#include "sync/engine-private.h"
#include <fulmar/base/error.h>

static void
run_index_event (FmEngine *engine, gpointer data)
{
  FmIndexEvent *event = data;
  if (engine->feed != NULL)
    fm_index_feed_event (engine->feed, event);
  fm_index_event_free (event);
}

/* The index's thread. */
static void
deliver_index_event (FmIndexEvent *event, gpointer data)
{
  fm_engine_desk_post (data, run_index_event, event);
}

static void
run_marked (FmEngine *engine, gpointer data)
{
  if (engine->feed != NULL)
    fm_index_feed_marked (engine->feed, data);
  else
    g_array_unref (data);
}

static void
feed_marked (GArray *blob_ids, gpointer data)
{
  fm_engine_desk_post (data, run_marked, blob_ids);
}

typedef struct {
  gint64 generation;
  gboolean ok;
} FeedReset;

static void
run_reset (FmEngine *engine, gpointer data)
{
  FeedReset *reset = data;
  if (engine->feed != NULL)
    fm_index_feed_reset (engine->feed, reset->generation, reset->ok);
  g_free (reset);
}

static void
feed_reset (gint64 generation, gboolean ok, gpointer data)
{
  FeedReset *reset = g_new (FeedReset, 1);
  *reset = (FeedReset){ generation, ok };
  fm_engine_desk_post (data, run_reset, reset);
}

static void
feed_caught_up (guint64 request_id, const GError *error, gpointer data)
{
  fm_engine_finish (data, request_id, NULL, error);
}

static void
feed_notice (const char *text, const GError *error, gpointer data)
{
  fm_engine_emit_notice (data, NULL, text, error);
}

static void
feed_progress (guint64 done, guint64 total, gpointer data)
{
  FmEvent *event = fm_event_new (FM_EVENT_PROGRESS, 0);
  event->text = g_strdup ("index");
  event->count = (gint64) done;
  event->total = (gint64) total;
  fm_engine_emit (data, event);
}

void
fm_engine_index_start (FmEngine *engine)
{
  g_autofree char *dir = g_build_filename (engine->options.data_dir, "index", NULL);
  g_autofree char *identity = fm_db_identity (engine->store);
  FmIndexOptions options = { .read_only = !fm_engine_is_leader (engine), .identity = identity };
  engine->index = fm_index_new (dir, &options, deliver_index_event, engine);
  if (options.read_only)
    return;
  FmIndexFeedOptions feed = { .reader = engine->desk_reader,
                              .pen = engine->pen,
                              .index = engine->index,
                              .marked = feed_marked,
                              .reset = feed_reset,
                              .caught_up = feed_caught_up,
                              .notice = feed_notice,
                              .progress = feed_progress,
                              .data = engine };
  engine->feed = fm_index_feed_new (&feed);
}

static void
run_rebuild (FmEngine *engine, gpointer data)
{
  guint64 *id = data;
  if (engine->feed != NULL)
    {
      fm_index_rebuild (engine->index);
      fm_index_feed_wait (engine->feed, *id);
    }
  else
    {
      g_autoptr (GError) error
          = g_error_new_literal (FM_ERROR, FM_ERROR_INVALID, "the search index belongs to another running Fulmar, or is off");
      fm_engine_finish (engine, *id, NULL, error);
    }
  g_free (id);
}

guint64
fm_engine_index_rebuild (FmEngine *engine)
{
  guint64 id = fm_engine_request_new (engine, 1, NULL);
  fm_engine_desk_post (engine, run_rebuild, g_memdup2 (&id, sizeof id));
  return id;
}

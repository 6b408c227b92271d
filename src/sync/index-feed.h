/* Keeps the text index up to date with the message files: newest first, never more in flight than the index takes, marked as indexed only after
 * the index has committed. Belongs to the desk: every function is called there. */
#pragma once
#include "sync/pen.h"
#include <fulmar/index/index.h>
#include <fulmar/store/body-store.h>
#include <glib.h>

typedef struct FmIndexFeed FmIndexFeed;

/* value struct */
typedef struct {
  FmStoreReader *reader; /* the desk's */
  FmPen *pen;
  FmIndex *index;
  /* From the pen's thread: run fm_index_feed_marked on the desk with this array (consumed there). */
  void (*marked) (GArray *blob_ids, gpointer data);
  /* From the pen's thread: run fm_index_feed_reset on the desk with these. */
  void (*reset) (gint64 generation, gboolean ok, gpointer data);
  /* The index has caught up with what was there at fm_index_feed_wait, or (ERROR) waits itself: for room on the disk, for another process. */
  void (*caught_up) (guint64 request_id, const GError *error, gpointer data);
  /* Something for the user to read, on the desk. ERROR may be NULL. */
  void (*notice) (const char *text, const GError *error, gpointer data);
  void (*progress) (guint64 done, guint64 total, gpointer data);
  gpointer data;
} FmIndexFeedOptions;

FmIndexFeed *fm_index_feed_new (const FmIndexFeedOptions *options);
void fm_index_feed_free (FmIndexFeed *feed); /* accepts NULL; the index itself is the caller's */

/* There are new message files. Cheap; may be called for each. The first pass begins by itself when the index has been opened. */
void fm_index_feed_kick (FmIndexFeed *feed);
/* One event of the index that belongs to no search. Borrowed. */
void fm_index_feed_event (FmIndexFeed *feed, const FmIndexEvent *event);
void fm_index_feed_marked (FmIndexFeed *feed, GArray *blob_ids);
void fm_index_feed_reset (FmIndexFeed *feed, gint64 generation, gboolean ok);
/* Answers `caught_up` when nothing is left to index. */
void fm_index_feed_wait (FmIndexFeed *feed, guint64 request_id);

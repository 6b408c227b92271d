/* The index as its own thread sees it. The feed hands changes to the writing worker and learns what became of them; the asker hands searches
 * to the reading worker. Both live on the one thread; only what LOCK guards is shared. */
#pragma once
#include <pthread.h>
#include "fulmar/base/port.h"
#include "fulmar/base/thread.h"
#include "fulmar/index/index.h"
#include "index/index-child.h"
#include "index/index-event.h"
#include "index/index-generation.h"

typedef enum {
  FM_INDEX_CHANGE_ADD,
  FM_INDEX_CHANGE_REMOVE,
  FM_INDEX_CHANGE_FLUSH,
  FM_INDEX_CHANGE_REBUILT,
  FM_INDEX_CHANGE_PROBE
} FmIndexChangeKind;

typedef struct {
  FmIndexChangeKind kind;
  gboolean settled; /* answered already; passed over until it is taken out */
  guint64 sequence;
  gint64 blob_id;
  char *path;
  FmIndexFrameRange range;
  guint64 request;
  guint blame; /* for deaths of the worker */
  FmIndexDeliver deliver;
  gpointer data;
} FmIndexChange;

typedef struct {
  guint64 request;
  gboolean only_count;
  gboolean sent;
  gboolean tried_again;
  char *query;
  guint limit;
  FmIndexOrder order;
  gint64 deadline_us;
  GArray *delivered; /* gint64 */
  GHashTable *seen;  /* what was delivered before a second try; NULL in the first */
  FmIndexDeliver deliver;
  gpointer data;
} FmIndexQuestion;

typedef struct {
  FmIndexChild child;
  GQueue changes;  /* FmIndexChange, oldest first, until answered */
  GList *unsent;   /* the next of them to send */
  GList *working;  /* the one the worker said it began with; NULL while it commits */
  guint in_flight; /* sent but not begun with */
  guint64 sequence;
  gboolean ready;
  gboolean stopped;
  gboolean wait_for_room;
  guint failures;     /* starts in a row that came to nothing */
  guint crashes;      /* in a row that no single mail explains */
  gint64 start_us;    /* when to start again; G_MAXINT64: not by itself */
  gint64 watchdog_us; /* when a mail has taken too long */
} FmIndexFeed;

typedef struct {
  FmIndexChild child;
  GQueue questions; /* FmIndexQuestion, the first is being answered */
  guint generation; /* the child's */
  guint failures;   /* questions in a row that failed */
} FmIndexAsk;

struct FmIndex {
  char *dir;
  char *program;
  char identity[FM_INDEX_GENERATION_IDENTITY_BYTES + 1];
  FmIndexOptions options;
  FmIndexDeliver deliver;
  gpointer data;
  FmPort *port;
  FmThread *thread;
  FmIndexGeneration generation;
  FmIndexFeed feed;
  FmIndexAsk ask;
  FmIndexFrame frame;
  gboolean usable; /* the directory could be made */
  gboolean ending;
  pthread_mutex_t lock;
  FmIndexStatus status; /* lock */
  gboolean refused;     /* lock: ROOM is owed */
  guint64 request;      /* lock */
};

/* index.c, for the two below. */
void fm_index_emit (FmIndex *index, FmIndexEvent *event);
void fm_index_note_answered (FmIndex *index, guint n_changes);
void fm_index_note_state (FmIndex *index, FmIndexState state);
void fm_index_note_documents (FmIndex *index, guint64 documents);
void fm_index_note_death (FmIndex *index);
/* Throws away what is written to and asks the owner for everything; ERROR is consumed and says why. */
void fm_index_start_over (FmIndex *index, GError *error);
/* Every change before is durable in the new generation: search that. */
void fm_index_swap (FmIndex *index);
char *fm_index_worker_dir (FmIndex *index, FmIndexFrameRole role);

/* index-feed.c */
void fm_index_feed_init (FmIndex *index);
void fm_index_feed_take (FmIndex *index, FmIndexChange *change);
short fm_index_feed_events (FmIndex *index);
void fm_index_feed_serve (FmIndex *index, short revents);
gint64 fm_index_feed_deadline_us (FmIndex *index);
void fm_index_feed_tick (FmIndex *index);
/* Ends the worker and forgets what was not answered, but for flushes and probes. */
void fm_index_feed_forget (FmIndex *index);
/* Asks the worker to commit and end; then, once it has or the caller tires of it, clear. */
void fm_index_feed_say_bye (FmIndex *index);
void fm_index_feed_clear (FmIndex *index);
void fm_index_feed_free_change (FmIndexChange *change);

/* index-ask.c */
void fm_index_ask_init (FmIndex *index);
void fm_index_ask_take (FmIndex *index, FmIndexQuestion *question);
void fm_index_ask_cancel (FmIndex *index, guint64 request);
void fm_index_ask_serve (FmIndex *index, short revents);
gint64 fm_index_ask_deadline_us (FmIndex *index);
void fm_index_ask_tick (FmIndex *index);
/* Starts the worker, so that the first search need not wait for it. */
void fm_index_ask_warm (FmIndex *index);
/* The generation may have changed. */
void fm_index_ask_refresh (FmIndex *index);
void fm_index_ask_clear (FmIndex *index);
void fm_index_ask_free_question (FmIndexQuestion *question);

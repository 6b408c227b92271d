/* The full-text index of mail, kept by worker processes: what is asked here returns at once and is answered later. The library behind it
 * may abort its process, so it never runs in ours; a worker that dies is started again and what was not yet answered is sent again.
 *
 * Events. Every FmIndexDeliver is called on the index's own thread: it owns the event, must not block and must not call fm_index_free;
 * posting the event to a port is what it is for. Adds and removes are answered (ADDED, REMOVED, FAILED) one event for many ids; ADDED and
 * REMOVED come only after the commit that made them durable.
 *
 * Rebuild. REBUILD_NEEDED says that no earlier ADDED holds any more (a new, damaged or outdated index): adds and removes not answered yet
 * are forgotten. The owner notes every mail as not indexed, adds all of them, newest first, and calls fm_index_rebuild_end when none is
 * left (status says `rebuilding` until then, also after a restart of the program). Meanwhile searches are answered from the old generation
 * where that can still be read. */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

typedef struct FmIndex FmIndex;
typedef struct FmIndexEvent FmIndexEvent;

typedef enum {
  FM_INDEX_EVENT_ADDED,          /* ids: durable in the index */
  FM_INDEX_EVENT_REMOVED,        /* ids: durably gone */
  FM_INDEX_EVENT_FAILED,         /* ids: this mail can't be indexed (error says why); trying again would not help, except NOT_FOUND */
  FM_INDEX_EVENT_ROOM,           /* after a refused add: there is room again */
  FM_INDEX_EVENT_FLUSHED,        /* request */
  FM_INDEX_EVENT_HITS,           /* request, ids in the order asked for; any number of times */
  FM_INDEX_EVENT_DONE,           /* request; count: how many hits there are in all. The last event of a search or count that went well */
  FM_INDEX_EVENT_ERROR,          /* request, error (INVALID, STORAGE, TIMEOUT, CANCELLED): the last event of one that did not */
  FM_INDEX_EVENT_OPENED,         /* at the start: it is whole, as far as can be seen; count: the generation's number */
  FM_INDEX_EVENT_REBUILD_NEEDED, /* error says why; see above; count: the new generation's number */
  FM_INDEX_EVENT_STOPPED,        /* error (STORAGE): indexing waits, for room on the disk or for another process; searches go on */
  FM_INDEX_EVENT_RESUMED,        /* it goes on by itself */
  FM_INDEX_EVENT_REBUILDING, /* at the start: a rebuild of an earlier run goes on; count: the new generation's number. It is not begun anew, but
                                wants its fm_index_rebuild_end; what was asked for with another number than this does not hold any more */
} FmIndexEventKind;

typedef void (*FmIndexDeliver) (FmIndexEvent *event, gpointer data);

FmIndexEventKind fm_index_event_kind (const FmIndexEvent *event);
guint64 fm_index_event_request (const FmIndexEvent *event);                      /* 0: belongs to no request */
const gint64 *fm_index_event_ids (const FmIndexEvent *event, guint *ret_length); /* transfer: none */
guint64 fm_index_event_count (const FmIndexEvent *event);
const GError *fm_index_event_error (const FmIndexEvent *event); /* transfer: none; NULL where the kind carries none */
void fm_index_event_free (FmIndexEvent *event);                 /* accepts NULL */

/* Zero and NULL mean the default in brackets. Copied. */
typedef struct {
  const char *identity; /* whose numbers of mail these are: an index of another identity is built anew. A word of at most 64 bytes ["-"] */
  const char *program;  /* the executable to start workers from [/proc/self/exe] */
  guint batch_count;    /* commit after so many changes [1000] */
  guint batch_ms, quiet_ms; /* or so long after the first of them [30 s], or after so long without another [3 s] */
  guint backlog_max;        /* adds and removes accepted but not answered [4096] */
  guint64 least_free_bytes; /* stop indexing below so much free disk [512 MB] */
  guint retry_ms;           /* how often a stopped index looks whether it may go on [5 s] */
  gboolean read_only;       /* search only: another process indexes; needs no exclusive lock */
  gboolean keep_stderr;     /* workers keep our standard error (tests); else it is /dev/null, for libraries print */
} FmIndexOptions;

typedef enum { FM_INDEX_STARTING, FM_INDEX_READY, FM_INDEX_STOPPED } FmIndexState;

typedef struct {
  FmIndexState state;  /* of indexing; searches work in every state */
  gboolean rebuilding; /* fm_index_rebuild_end has not been reached */
  guint64 documents;   /* as of the last commit */
  guint backlog;       /* accepted, not answered */
  guint restarts;      /* deaths of workers since the index was opened */
} FmIndexStatus;

/* Opens or makes the index in DIR (made 0700) and starts its thread; does no disk work itself. OPTIONS may be NULL. DELIVER gets every
 * event that belongs to no search. Never fails here: what goes wrong is told by events. */
FmIndex *fm_index_new (const char *dir, const FmIndexOptions *options, FmIndexDeliver deliver, gpointer data);
/* Commits what has been sent to the worker, waits for the workers to end (3 s, then they are killed) and frees. Running searches get ERROR
 * (CANCELLED). NULL is accepted. */
void fm_index_free (FmIndex *index);

/* Any thread; never block. FALSE: the backlog is full (ROOM follows) or the index is read-only, and nothing was taken. The mail at PATH
 * is opened when its turn comes, and not changed. BLOB_ID is the caller's own positive number: adding one twice is harmless. */
gboolean fm_index_add (FmIndex *index, gint64 blob_id, const char *path);
/* The mail is SIZE_BYTES (-1: to the end) from OFFSET_BYTES of the file, as in an mbox. */
gboolean fm_index_add_range (FmIndex *index, gint64 blob_id, const char *path, gint64 offset_bytes, gint64 size_bytes);
gboolean fm_index_remove (FmIndex *index, gint64 blob_id);
/* How many adds would be taken now. */
guint fm_index_credit (FmIndex *index);

typedef enum { FM_INDEX_NEWEST_FIRST, FM_INDEX_OLDEST_FIRST } FmIndexOrder;

/* QUERY is made by query-text.h, never typed by the user. LIMIT 0: all. Each returns the request's number and is answered through its own
 * DELIVER: HITS*, then DONE or ERROR. Any thread. */
guint64 fm_index_search (FmIndex *index, const char *query, guint limit, FmIndexOrder order, FmIndexDeliver deliver, gpointer data);
guint64 fm_index_count (FmIndex *index, const char *query, FmIndexDeliver deliver, gpointer data);
/* The search ends with ERROR (CANCELLED) unless it is done already; stops the work, too. */
void fm_index_cancel (FmIndex *index, guint64 request);

/* Commits everything added so far: FLUSHED after the ADDED of all of it. */
guint64 fm_index_flush (FmIndex *index);
/* Starts a new generation although nothing is wrong: REBUILD_NEEDED follows. */
void fm_index_rebuild (FmIndex *index);
/* Everything is added again: after the commit, the new generation is the one searched and the old one is deleted. Harmless if no
 * rebuild is going on. */
void fm_index_rebuild_end (FmIndex *index);

void fm_index_status (FmIndex *index, FmIndexStatus *ret_status);

/* What the indexing worker is confined from, found by trying it there: bits of FmIndexConfined, answered as DONE's count. FORBIDDEN_PATH
 * is a file the worker has no business with. For `doctor` and tests. */
typedef enum { FM_INDEX_NO_SOCKET = 1, FM_INDEX_NO_FILE = 2, FM_INDEX_NO_EXEC = 4, FM_INDEX_NO_FORK = 8 } FmIndexConfined;
guint64 fm_index_probe_sandbox (FmIndex *index, const char *forbidden_path, FmIndexDeliver deliver, gpointer data);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FmIndex, fm_index_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FmIndexEvent, fm_index_event_free)

G_END_DECLS

/* The engine's inside, shared by the files that make it up. The "desk" is its own thread: whatever starts, stops or routes happens there, one
 * thing at a time, so that neither the owner nor a worker ever waits for it. Fields say who may touch them. */
#pragma once
#include "sync/account-worker.h"
#include "sync/control-client.h"
#include "sync/control-server.h"
#include "sync/housekeeping.h"
#include "sync/index-feed.h"
#include "sync/outbox.h"
#include "sync/pool.h"
#include "sync/secrets.h"
#include <fulmar/base/thread.h>
#include <fulmar/sync/engine.h>
#include <pthread.h>

/* One configured account; on the desk only, but for `spec`, which is frozen. */
typedef struct {
  FmAccountSpec *spec;
  FmAccountSpec *policy; /* what the configuration says by now of what may change meanwhile, or NULL */
  gint64 account_id;
  const FmAccountWorkerClass *klass; /* NULL: this program can't serve it */
  FmAccountWorker *worker;           /* NULL: not started */
  FmOutbox *outbox;                  /* NULL: it can't send, or not started */
} FmEngineAccount;

struct FmEngine {
  FmEngineOptions options; /* data_dir and accounts are its own copies */
  FmStore *store;
  FmStoreReader *reader; /* owner's thread */
  FmPool *pool;
  gboolean pool_closed; /* guarded by the mutex: nothing more is posted to the pool by others than it */
  FmSecrets *secrets;
  FmSyncEnv env;
  GPtrArray *accounts; /* FmEngineAccount*; desk */

  pthread_mutex_t mutex;
  GHashTable *requests; /* id -> FmEngineRequest; under mutex */
  guint64 last_id;      /* under mutex */

  GHashTable *changed_folders; /* folder id -> when it was last told as changed, and what waits to be; under mutex */
  gboolean folders_wait;       /* any of them waits; under mutex */
  gint64 folders_check_us;     /* desk: when the next of them is due; G_MAXINT64: none */

  FmPen *pen;    /* made at open for a leader, on first need for a follower (under mutex); then frozen */
  int lease_fd;  /* -1: follower; set at open, or by the desk */
  int is_leader; /* atomic */

  FmThread *desk;
  FmPort *desk_port;
  int desk_closing;                 /* atomic */
  FmStoreReader *desk_reader;       /* desk */
  gint64 queue_check_us;            /* desk: when FM_EVENT_QUEUE is due; G_MAXINT64: not */
  gint64 due_check_us;              /* desk: when an operation that waits for its time is due; G_MAXINT64: none */
  gint64 lease_check_us;            /* desk: when a follower tries for the lease next */
  guint64 queued_ops, queued_mails; /* desk: as last told */
  gint64 newest_op;                 /* desk: of the journal, at the last look */
  int told_no_index;                /* atomic: said once that text can't be searched */

  FmControlServer *control; /* atomic: set by the desk once this process leads, freed at close */
  FmControlClient *leader;  /* desk: the connection to the leader, or NULL */
  GHashTable *followed;     /* id -> what engine-follow.c knows of it: handed over or to be; under mutex */
  gint64 follow_check_us;   /* desk: when what waits for a leader is tried again; G_MAXINT64: nothing waits */
  gboolean opened_leader;   /* frozen */

  FmIndex *index;         /* desk; searches are given it there */
  FmIndex *retired_index; /* desk: a follower\'s, once it leads; kept until close */
  FmIndexFeed *feed;      /* desk */

  FmHousekeeping *keeping; /* desk; NULL: another process does it */
};

/* Parts of the engine that live on the desk. */
void fm_engine_desk_start (FmEngine *engine);
void fm_engine_desk_stop (FmEngine *engine);
/* Runs what is posted and not yet run, on the caller's thread: only once the desk's own has ended. */
void fm_engine_desk_drain (FmEngine *engine);
/* Opened as a follower: consumes ACTION. */
void fm_engine_desk_act (FmEngine *engine, guint64 id, FmAction *action);
guint64 fm_engine_desk_open_folder (FmEngine *engine, gint64 folder_id);
guint64 fm_engine_desk_want_body (FmEngine *engine, gint64 msg_id);
guint64 fm_engine_desk_sync (FmEngine *engine, const char *account, const char *const *folders);
guint64 fm_engine_desk_search (FmEngine *engine, const char *text);
void fm_engine_desk_retry (FmEngine *engine, const char *account);
void fm_engine_desk_set_policy (FmEngine *engine, FmAccountSpec *policy);
/* engine-index.c. Desk: opens the index, and feeds it where this process leads. */
void fm_engine_index_start (FmEngine *engine);
guint64 fm_engine_index_rebuild (FmEngine *engine);
/* Any thread: workers that serve the request drop it. */
void fm_engine_desk_cancel (FmEngine *engine, guint64 request_id);
/* Takes the lease if it is free. At open, then on the desk. */
gboolean fm_engine_try_lease (FmEngine *engine);
/* Nobody holds it at this moment. */
gboolean fm_engine_lease_is_free (const char *data_dir);

/* What is known of a request that has not been answered. Under the engine's mutex. */
typedef struct {
  FmCancel *cancel;
  guint waiting;       /* answers still to come from workers */
  GError *error;       /* the first that failed */
  gboolean then_index; /* SYNC: when the workers are done, the index must catch up */
} FmEngineRequest;

/* Work for the desk; DATA is freed by RUN. */
typedef void (*FmEngineDeskRun) (FmEngine *engine, gpointer data);
void fm_engine_desk_post (FmEngine *engine, FmEngineDeskRun run, gpointer data);

/* A new request that WAITING answers complete. RET_CANCEL (may be NULL): transfer full. */
guint64 fm_engine_request_new (FmEngine *engine, guint waiting, FmCancel **ret_cancel);
/* The same under an id of the caller's (a control token). */
void fm_engine_request_add (FmEngine *engine, guint64 id, guint waiting);
/* The number of answers to come is known only now. */
void fm_engine_request_expect (FmEngine *engine, guint64 id, guint waiting, gboolean then_index);
/* Answers: EVENT is consumed; every event of every thread goes through here to the owner. */
void fm_engine_emit (FmEngine *engine, FmEvent *event);
/* FM_EVENT_NOTICE; ACCOUNT and ERROR may be NULL. */
void fm_engine_emit_notice (FmEngine *engine, const char *account, const char *text, const GError *error);
/* FM_EVENT_FOLDER_CHANGED after the user's own action: not held back. */
void fm_engine_emit_at_once (FmEngine *engine, FmEvent *event);
/* What is held back and due, or ALL of it; when the next is due. */
gint64 fm_engine_emit_waiting (FmEngine *engine, gboolean all);
void fm_engine_finish (FmEngine *engine, guint64 id, const char *text, const GError *error);

/* fm_engine_act for a request that exists already; ID 0: answered nowhere. Consumes ACTION. Any thread. ONCE: an action whose origin has been
 * written before is answered as done and not done again; for whatever came or may have gone over the control socket. */
void fm_engine_act_as (FmEngine *engine, guint64 id, FmAction *action, gboolean once);

/* --- engine-coalesce.c: FM_EVENT_FOLDER_CHANGED, not too often --- */

GHashTable *fm_engine_coalesce_table (void);
/* Any thread: the event to tell now (EVENT, consumed, with what waited for its folder), or NULL if it waits for the desk. */
FmEvent *fm_engine_coalesce_take (FmEngine *engine, FmEvent *event, gboolean at_once);
/* Any thread: events that have waited long enough, or ALL; RET_NEXT_US (may be NULL): when the next is due, or G_MAXINT64. Transfer: full, the
 * events as well. */
GPtrArray *fm_engine_coalesce_due (FmEngine *engine, gboolean all, gint64 *ret_next_us);

/* --- engine-follow.c: the life of a follower, and the leader's side of it; all on the desk but where said --- */

/* Leader: opens the control socket. */
void fm_engine_follow_lead (FmEngine *engine);
/* Follower: connects if somebody leads. TRUE: connected. */
gboolean fm_engine_follow_connect (FmEngine *engine);
/* What was waiting for a leader while there was none, or was lost with it, is tried again. */
void fm_engine_follow_check (FmEngine *engine);
/* Hands the request over, now or when there is a leader; or does it here. REQUEST's pointers are borrowed. */
void fm_engine_follow_request (FmEngine *engine, guint64 id, const FmControlRequest *request);
/* Any thread: hears every answer of a request before its owner does. */
void fm_engine_follow_heard (FmEngine *engine, const FmEvent *event);
void fm_engine_follow_stop (FmEngine *engine);
void fm_engine_follow_followed_free (gpointer followed);

/* Parts of the desk that engine-follow.c calls: the request is done by this process. */
void fm_engine_desk_run_local (FmEngine *engine, guint64 id, const FmControlRequest *request);
/* Takes the lease over if it is free: workers start. TRUE: this process leads now. */
gboolean fm_engine_desk_seek_lease (FmEngine *engine);

FmPen *fm_engine_pen (FmEngine *engine, GError **error);
/* A pen's job, DATA the engine: every account has its row and its id. The pen's first, before anything that names an account. */
gboolean fm_engine_register_accounts (FmStoreWriter *writer, gpointer data, GError **error);
/* Desk: the account of that name or id, or NULL. */
FmEngineAccount *fm_engine_desk_account (FmEngine *engine, const char *name, gint64 account_id);

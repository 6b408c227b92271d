/* The engine's inside, shared by the files that make it up. The "desk" is its own thread: whatever starts, stops or routes happens there, one
 * thing at a time, so that neither the owner nor a worker ever waits for it. Fields say who may touch them. */
#pragma once
#include "sync/account-worker.h"
#include "sync/index-feed.h"
#include "sync/pool.h"
#include "sync/secrets.h"
#include <fulmar/base/thread.h>
#include <fulmar/sync/engine.h>
#include <pthread.h>

/* One configured account; on the desk only, but for `spec`, which is frozen. */
typedef struct {
  FmAccountSpec *spec;
  gint64 account_id;
  const FmAccountWorkerClass *klass; /* NULL: this program can't serve it */
  FmAccountWorker *worker;           /* NULL: not started */
} FmEngineAccount;

struct FmEngine {
  FmEngineOptions options; /* data_dir and accounts are its own copies */
  FmStore *store;
  FmStoreReader *reader; /* owner's thread */
  FmPool *pool;
  FmSecrets *secrets;
  FmSyncEnv env;
  GPtrArray *accounts; /* FmEngineAccount*; desk */

  pthread_mutex_t mutex;
  GHashTable *requests; /* id -> FmEngineRequest; under mutex */
  guint64 last_id;      /* under mutex */

  FmPen *pen;    /* made at open for a leader, on first need for a follower (under mutex); then frozen */
  int lease_fd;  /* -1: follower; set at open, or by the desk */
  int is_leader; /* atomic */

  FmThread *desk;
  FmPort *desk_port;
  int desk_closing; /* atomic */
  FmStoreReader *desk_reader; /* desk */
  gint64 queue_check_us;      /* desk: when FM_EVENT_QUEUE is due; G_MAXINT64: not */
  gint64 lease_check_us;      /* desk: when a follower tries for the lease next */
  guint64 queued_ops, queued_mails; /* desk: as last told */
  int told_no_index; /* atomic: said once that text can't be searched */

  FmIndex *index;   /* set before is_leader's workers start; frozen until close */
  FmIndexFeed *feed; /* desk */
};

/* Parts of the engine that live on the desk. */
void fm_engine_desk_start (FmEngine *engine);
void fm_engine_desk_stop (FmEngine *engine);
/* Runs what is posted and not yet run, on the caller's thread: only once the desk's own has ended. */
void fm_engine_desk_drain (FmEngine *engine);
guint64 fm_engine_desk_open_folder (FmEngine *engine, gint64 folder_id);
guint64 fm_engine_desk_want_body (FmEngine *engine, gint64 msg_id);
guint64 fm_engine_desk_sync (FmEngine *engine, const char *account, const char *const *folders);
void fm_engine_desk_retry (FmEngine *engine, const char *account);
guint64 fm_engine_desk_rebuild_index (FmEngine *engine);
/* Any thread: workers that serve the request drop it. */
void fm_engine_desk_cancel (FmEngine *engine, guint64 request_id);
/* Takes the lease if it is free. At open, then on the desk. */
gboolean fm_engine_try_lease (FmEngine *engine);

/* What is known of a request that has not been answered. Under the engine's mutex. */
typedef struct {
  FmCancel *cancel;
  guint waiting; /* answers still to come from workers */
  GError *error; /* the first that failed */
  gboolean then_index; /* SYNC: when the workers are done, the index must catch up */
} FmEngineRequest;

/* Work for the desk; DATA is freed by RUN. */
typedef void (*FmEngineDeskRun) (FmEngine *engine, gpointer data);
void fm_engine_desk_post (FmEngine *engine, FmEngineDeskRun run, gpointer data);

/* A new request that WAITING answers complete. RET_CANCEL (may be NULL): transfer full. */
guint64 fm_engine_request_new (FmEngine *engine, guint waiting, FmCancel **ret_cancel);
/* The number of answers to come is known only now. */
void fm_engine_request_expect (FmEngine *engine, guint64 id, guint waiting, gboolean then_index);
/* Answers: EVENT is consumed; every event of every thread goes through here to the owner. */
void fm_engine_emit (FmEngine *engine, FmEvent *event);
void fm_engine_finish (FmEngine *engine, guint64 id, const char *text, const GError *error);

/* fm_engine_act for a request that exists already; ID 0: answered nowhere. Consumes ACTION. Any thread. */
void fm_engine_act_as (FmEngine *engine, guint64 id, FmAction *action);

FmPen *fm_engine_pen (FmEngine *engine, GError **error);
/* Desk: the account of that name or id, or NULL. */
FmEngineAccount *fm_engine_desk_account (FmEngine *engine, const char *name, gint64 account_id);

/* What the engine asks of an account's worker, whatever the account's kind. A worker owns its threads; these calls come from engine threads,
 * never block, and post into the worker. */
#pragma once
#include "sync/pen.h"
#include <fulmar/base/cancel.h>
#include <fulmar/base/secret.h>
#include <fulmar/sync/account-spec.h>
#include <fulmar/sync/action.h>
#include <fulmar/sync/event.h>
#include <glib.h>

/* What every worker gets; shared by all of them, outlives them. */
typedef struct FmSyncEnv FmSyncEnv;
struct FmSyncEnv {
  FmStore *store; /* open readers from it: one a thread (fm_db_reader_new) */
  FmPen *pen;
  gboolean read_only; /* nothing is changed on a server or in a mail directory */
  gboolean network;   /* FALSE: no connection is ever made */
  gpointer engine;    /* for fm_sync_env_* only */
};

/* Posts EVENT (consumed) to the owner and to followers. Any thread. */
void fm_sync_env_emit (FmSyncEnv *env, FmEvent *event);
/* All configured accounts: FmAccountSpec*, frozen. Any thread. */
const GPtrArray *fm_sync_env_accounts (FmSyncEnv *env);
/* A body file has been committed for BLOB_ID: queue it for the index. Any thread. */
void fm_sync_env_index (FmSyncEnv *env, gint64 blob_id);
/* The account's credentials, by password_command, token_command, the stored secret or the user (FM_EVENT_NEED_PASSWORD); waits, worker
 * threads only. REFUSED_BEFORE: the last answer was refused by the server: ask anew. FM_ERROR_AUTH when there is none. */
FmSecret *fm_sync_env_secret (FmSyncEnv *env, const FmAccountSpec *spec, const FmAccountService *refused, FmCancel *cancel, GError **error);

/* Carries out ACTION (consumed) as if the user had asked: an answered mail's flag, a sent copy. Any thread; answered nowhere. */
void fm_sync_env_act (FmSyncEnv *env, FmAction *action);
/* Operations or outgoing mail of the queue came or went: FM_EVENT_QUEUE follows. Any thread. */
void fm_sync_env_queue_changed (FmSyncEnv *env);

/* Operations of the account are durable in the journal: its worker hears of them. Any thread. */
void fm_sync_env_planned (FmSyncEnv *env, gint64 account_id);

typedef struct FmAccountWorker FmAccountWorker;

typedef struct {
  FmAccountWorker *(*start) (FmSyncEnv *env, FmAccountSpec *spec, gint64 account_id);
  void (*stop) (FmAccountWorker *worker);      /* cancel everything now; threads end within 100 ms */
  void (*join) (FmAccountWorker *worker);      /* wait for the threads; frees */
  void (*ops_ready) (FmAccountWorker *worker); /* operations of this account are durable in the journal */
  void (*open_folder) (FmAccountWorker *worker, gint64 folder_id);
  void (*want_body) (FmAccountWorker *worker, guint64 request_id, gint64 msg_id);         /* answers DONE or FAILED */
  void (*sync) (FmAccountWorker *worker, guint64 request_id, const char *const *folders); /* answers DONE or FAILED */
  void (*search) (FmAccountWorker *worker, guint64 request_id,
                  const char *text); /* on the server; SEARCH_BATCH, then DONE or FAILED. May be NULL */
  void (*retry) (FmAccountWorker *worker);
  void (*cancel) (FmAccountWorker *worker, guint64 request_id);
  void (*set_policy) (FmAccountWorker *worker, FmAccountSpec *policy); /* NULL: this kind has none that can change */
} FmAccountWorkerClass;

/* The class for accounts of KIND, or NULL where this program can't serve them yet. The one table is in worker-classes.c. */
const FmAccountWorkerClass *fm_worker_classes_find (FmAccountKind kind);

/* The engine: everything that has a thread. It owns the pen (the store's only writer), the reader pool, the network workers of each account,
 * the outbox worker, the index client, the sync lease and the control socket. One owner thread (the UI's, or the command line's) makes
 * requests, which never block, and receives events through the port it gave.
 *
 * One process holds the lease and syncs (the leader); an engine opened on a store with a leader is a follower: it reads by itself, hands its
 * actions to the leader over run/ctl, is told of changes by it, and takes the lease over when the leader is gone. */
#pragma once
#include <fulmar/base/cancel.h>
#include <fulmar/base/port.h>
#include <fulmar/base/secret.h>
#include <fulmar/mail/query.h>
#include <fulmar/store/db.h>
#include <fulmar/sync/account-spec.h>
#include <fulmar/sync/action.h>
#include <fulmar/sync/event.h>
#include <glib.h>

G_BEGIN_DECLS

typedef struct FmEngine FmEngine;

/* value struct */
typedef struct {
  const char *data_dir; /* the store; made if missing */
  GPtrArray *accounts;  /* FmAccountSpec*, in the config's order */
  gboolean network;     /* FALSE: no connection is ever made, nothing is sent (read-only command line) */
  gboolean read_only;   /* nothing is changed on any server; local flags neither */
  gboolean lease;       /* TRUE: take the lease if it is free, and sync; FALSE: read, and journal actions when no leader runs */
  gboolean index;       /* run the index worker (leader only) */
  int hold_s;           /* what can't be undone is held so long before a server is told; 0: as usual; negative: not at all (tests) */
  FmPort *events;       /* FmEvent*; referenced */
} FmEngineOptions;

/* Opens the store (migrating it), registers the accounts, starts threads. Everything slow happens behind; only a store that can't be opened
 * fails: FM_ERROR_STORAGE with a remedy. */
FmEngine *fm_engine_open (const FmEngineOptions *options, GError **error);

/* Stops: drains user actions to disk, closes connections without waiting on the network (bounded at 2 s), frees. */
void fm_engine_close (FmEngine *engine);

gboolean fm_engine_is_leader (FmEngine *engine);

/* A reader for the owner's thread: bounded reads of microseconds (rows by window, folders, counters). Owned by the engine. */
FmStoreReader *fm_engine_reader (FmEngine *engine);

/* Runs RUN on a pool thread with a reader of its own; DONE is called on the owner's thread through FM_EVENT_COMPUTED, exactly once, also when
 * cancelled (error set, result NULL): COMPUTED is this request's one answer, no DONE or FAILED follows. RESULT moves to DONE. DATA is freed with FREE_DATA after DONE. Returns the request's id. */
typedef gpointer (*FmEngineRun) (FmStoreReader *reader, FmCancel *cancel, gpointer data, GError **error);
typedef void (*FmEngineDone) (gpointer result, const GError *error, gpointer data);
guint64 fm_engine_compute (FmEngine *engine, FmEngineRun run, FmEngineDone done, gpointer data, GDestroyNotify free_data);

/* Consumes ACTION. DURABLE when it is on disk, then DONE (text says what was done, for the status line). */
guint64 fm_engine_act (FmEngine *engine, FmAction *action);

/* Searches: SQL leaves at once, text leaves by the index; SEARCH_BATCH events, then DONE with the total. FOLDER_ID 0: everywhere.
 * QUERY is referenced (frozen). */
guint64 fm_engine_search (FmEngine *engine, FmQuery *query, gint64 folder_id);

/* The same everywhere, for a list that is made of it: one row of each message, where one of Gmail has a row for each label. */
guint64 fm_engine_search_messages (FmEngine *engine, FmQuery *query);

/* The same on the server, for Gmail's accounts, TEXT in the words of Gmail's own search box. What is found and not here is fetched (headers only). */
guint64 fm_engine_search_server (FmEngine *engine, const char *text);

/* The user looks at this folder: it is synced first and pushed. 0: none. No answer is awaited, DONE comes at once. */
guint64 fm_engine_open_folder (FmEngine *engine, gint64 folder_id);

/* Brings the message's body to disk, on the connection for what the user waits for: DONE (at once if it is there) or FAILED. */
guint64 fm_engine_want_body (FmEngine *engine, gint64 msg_id);

/* One pass: ACCOUNT NULL for all; FOLDERS NULL for all. DONE when as up to date as `offline` asks and the index has caught up. */
guint64 fm_engine_sync (FmEngine *engine, const char *account, const char *const *folders);

/* Try again now: connections that wait in back-off or for a password. */
void fm_engine_retry (FmEngine *engine, const char *account);
/* POLICY's account has these leave, size_limit, offline and poll from now on (POP accounts only); the rest of it is as it was. */
void fm_engine_set_policy (FmEngine *engine, FmAccountSpec *policy);
void fm_engine_set_password (FmEngine *engine, const char *account, FmSecret *secret);

/* Builds the index anew behind the screen. */
guint64 fm_engine_rebuild_index (FmEngine *engine);

void fm_engine_cancel (FmEngine *engine, guint64 request_id);

G_END_DECLS

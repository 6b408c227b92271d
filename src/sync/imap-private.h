/* The inside of the IMAP worker. Three kinds of threads, each with a connection of its own: the front does what the user waits for (operations,
 * bodies, the folder in view), the back does the long work (first visits, bodies to keep, polling), and watchers wait for news: one for all
 * folders where the server has NOTIFY, else one for each pushed folder.
 * A folder is synced by one of them at a time (fm_imap_claim_take). */
#pragma once
#include "sync/account-worker.h"
#include "sync/pen.h"
#include <fulmar/base/port.h>
#include <fulmar/base/thread.h>
#include <fulmar/net/imap-session.h>
#include <fulmar/store/folder-store.h>
#include <fulmar/store/message-store.h>
#include <pthread.h>

typedef struct FmImapCollect FmImapCollect;

/* One connection with its reader; belongs to one thread. */
typedef struct {
  FmAccountWorker *worker;
  FmStoreReader *reader;
  FmImapSession *session;    /* NULL: not connected */
  FmImapCollect *collect;    /* hears the session's events */
  guint failures;            /* in a row, for the back-off: of signing in, and of connections that did not live long */
  gint64 opened_us;          /* when the session was opened */
  GError *why;               /* the last failure to connect, for who asked */
  GError *lost;              /* what the last session ended with */
  gboolean no_secret;        /* there was nothing to sign in with */
  guint32 seen_uidnext;      /* UIDs below were in the selected folder when the session last visited it */
  guint32 view_uidnext;      /* UIDs below are in the session's view of the selected folder, besides those below its UIDNEXT */
  gint64 fill_date, fill_id; /* how far bodies of the folder at work have been looked at */
  gint64 kept_since;         /* older mail's bodies are not kept (imap-evict.c); the back's */
  guint64 kept_of;           /* how many messages the account had then; the back's */
  gint64 evict_due_us;       /* when they are looked for next; the back's */
  gint64 quota_asked_us;     /* when the server was last asked for it; the back's */
  const char *name;          /* "front", "back", "watch" */
  gboolean asked;            /* somebody waits for an answer of the back */
  gboolean refused;          /* the last password was refused */
  gboolean passed;           /* the back: a whole pass has been made on some connection */
} FmImapConn;

struct FmAccountWorker {
  FmSyncEnv *env;
  FmAccountSpec *spec;
  gint64 account_id;
  FmCancel *cancel;

  pthread_mutex_t mutex;
  pthread_cond_t cond;
  GHashTable *claimed;   /* gint64 folder ids being synced; under mutex */
  GHashTable *waiting;   /* folder id -> how many wait to claim it; under mutex */
  GHashTable *wanted;    /* folders that the back is asked to visit: gint64 id -> FmImapListed*, or NULL; under mutex */
  gint64 open_folder_id; /* under mutex */
  gboolean is_gmail;     /* its folders are labels; under mutex */
  gboolean front_in;     /* the front has signed in and listed; under mutex */
  GError *why;           /* why the front is not in, after its first failure; under mutex */
  guint online, pushing; /* connections up, watchers idling; under mutex */
  FmAccountState state;  /* last told; under mutex */
  char *state_text;
  GHashTable *statuses; /* what the front's LIST told, until the back has it: name -> FmImapListed*; NULL: nothing; under mutex */
  gint64 statuses_us;   /* when; under mutex */
  gint64 busy_since_us; /* the front waits for an answer since; 0: it does not; under mutex */
  gboolean slow_told;   /* under mutex */
  gboolean no_notify;   /* NOTIFY was offered and refused; under mutex */
  gboolean notified;    /* a watcher has it; under mutex */
  gboolean deferred;    /* the pass that follows a sign-in waits for what NOTIFY tells; under mutex */
  gboolean crowded;     /* the server has refused a connection for their number; under mutex */
  guint watch_room;     /* so many watchers may connect; under mutex */
  gboolean crowd_told;  /* that there are fewer; the front thread's */

  FmPort *front_port, *back_port;
  FmThread *front, *back, *tick;
  GPtrArray *watchers; /* FmImapWatch*; the front thread's */
};

/* --- imap-worker.c --- */

typedef enum {
  FM_IMAP_ITEM_OPS,
  FM_IMAP_ITEM_OPEN,
  FM_IMAP_ITEM_BODY,
  FM_IMAP_ITEM_SYNC,
  FM_IMAP_ITEM_FILL,
  FM_IMAP_ITEM_VISIT,
  FM_IMAP_ITEM_RETRY,
  FM_IMAP_ITEM_CHECK,
  FM_IMAP_ITEM_SEARCH,  /* `folders` is what for */
  FM_IMAP_ITEM_WATCH,   /* what is watched is decided anew */
  FM_IMAP_ITEM_CROWDED, /* the server takes no more connections: a watcher gives way; id 1: to the back */
  FM_IMAP_ITEM_ROOM     /* the back has left */
} FmImapItemKind;

/* What is wanted of the front or the back. value struct */
typedef struct {
  FmImapItemKind kind;
  guint64 request_id;
  gint64 id;
  char **folders;
  gboolean again; /* the connection was lost under it once */
} FmImapItem;

void fm_imap_worker_item_free (gpointer item);
void fm_imap_worker_post (FmPort *port, FmImapItemKind kind, guint64 request_id, gint64 id, const char *const *folders);
/* A whole pass. STATUSES (consumed; may be NULL): what has just been told of the folders, so that it need not be asked. */
void fm_imap_worker_want_pass (FmAccountWorker *worker, GHashTable *statuses);
/* Posts a copy of ITEM that knows it has been tried. */
void fm_imap_worker_repeat (FmPort *port, const FmImapItem *item);
gboolean fm_imap_worker_stopping (const FmAccountWorker *worker);
typedef struct FmImapListed FmImapListed;
/* The back is to look at this folder when it can: something of ours must be met in it, or it is to be matched anew; or the server has TOLD (copied;
 * else NULL) what may be news. Asked for often before it begins, it looks once. */
void fm_imap_worker_want_visit (FmAccountWorker *worker, gint64 folder_id, const FmImapListed *told);
/* The back begins that visit: what is asked for from now on is another. What was told last, if nothing else asks for it. Transfer: full, g_free. */
FmImapListed *fm_imap_worker_begin_visit (FmAccountWorker *worker, gint64 folder_id);
/* A visit of another thread's than the front is over: operations that waited for what it met may run now. */
void fm_imap_worker_visited (FmImapConn *conn);
/* There is new mail: its bodies are for the back. */
void fm_imap_worker_want_bodies (FmAccountWorker *worker);

/* --- imap-front.c, imap-back.c: the threads; DATA is the FmAccountWorker --- */

void fm_imap_front_run (gpointer data);
void fm_imap_back_run (gpointer data);

/* --- imap-conn.c --- */

/* Opens the session if it is not, saying so; waits out the back-off. FALSE: cancelled, or the account waits for the user. */
gboolean fm_imap_conn_open (FmImapConn *conn, FmPort *interrupt);
/* After an error: FALSE if the connection is lost (it has been dropped, counted and told). */
gboolean fm_imap_conn_survives (FmImapConn *conn, const GError *error);
/* The connection is as good as lost: dropped, counted and told. */
void fm_imap_conn_lose (FmImapConn *conn, const GError *error);
void fm_imap_conn_drop (FmImapConn *conn);
/* Why there is none. Transfer: full. */
GError *fm_imap_conn_why (FmImapConn *conn);
/* The front has signed in and listed, or no longer: the others wait for it. */
void fm_imap_conn_set_front_in (FmAccountWorker *worker, gboolean in);
/* A request that can't be served now is answered at once: nothing on the screen waits for a link that is not there. */
void fm_imap_conn_answer_offline (FmAccountWorker *worker, guint64 request_id, gboolean body, const GError *why);
/* The end of a thread: nobody is left without an answer; CONN's parts are freed. */
void fm_imap_conn_answer_all (FmImapConn *conn, FmPort *port);
void fm_imap_conn_clear (FmImapConn *conn);

/* --- imap-compare.c --- */

/* A day has passed since every UID and flag of the folder was compared: single messages do go missing where all numbers agree. */
gboolean fm_imap_compare_is_due (FmImapConn *conn, const FmFolderInfo *info);
/* Compares them. The folder must be claimed. */
gboolean fm_imap_compare_deeply (FmImapConn *conn, gint64 folder_id, GError **error);
/* As if it had been compared: not again for a day. */
void fm_imap_compare_put_off (FmImapConn *conn, gint64 folder_id);

/* --- imap-evict.c, the back's --- */

/* Sets conn->kept_since: asked again where the account's mail has become more or less since. */
void fm_imap_evict_look (FmImapConn *conn);
/* That, and gives up the bodies that are kept no longer: a few hundred a call to the pen, when it is due. Needs no connection. */
void fm_imap_evict_run (FmImapConn *conn);

/* imap-quota.c: asks now and then how full the mailbox is; nothing depends on the answer. */
void fm_imap_quota_note (FmImapConn *conn);

/* --- imap-claim.c --- */

/* Waits for the folder to be free; FALSE when stopping. */
gboolean fm_imap_claim_take (FmAccountWorker *worker, gint64 folder_id);
/* FALSE: another thread has it. */
gboolean fm_imap_claim_try (FmAccountWorker *worker, gint64 folder_id);
/* Somebody waits for it. */
gboolean fm_imap_claim_is_wanted (FmAccountWorker *worker, gint64 folder_id);
/* Between two steps of long work: lets those who wait have it in between. FALSE when stopping: the claim is gone. */
gboolean fm_imap_claim_yield (FmAccountWorker *worker, gint64 folder_id);
void fm_imap_claim_release (FmAccountWorker *worker, gint64 folder_id);

/* --- imap-tell.c: events; any thread --- */

/* COUNT: new unread messages. */
void fm_imap_tell_folder (FmAccountWorker *worker, gint64 folder_id, guint count);
void fm_imap_tell_tree (FmAccountWorker *worker);
void fm_imap_tell_progress (FmAccountWorker *worker, guint64 request_id, const char *text, guint64 done, guint64 total);
void fm_imap_tell_done (FmAccountWorker *worker, guint64 request_id, const GError *error);
/* TEXT (may be NULL) says more. Told only if it is news. */
void fm_imap_tell_state (FmAccountWorker *worker, FmAccountState state, const char *text);
/* What the account's connections are now, in one word. */
void fm_imap_tell_connected (FmAccountWorker *worker);
/* Said to the user, who has not asked. */
void fm_imap_tell_notice (FmAccountWorker *worker, const char *text);
/* A watcher begins or ends to be pushed. */
void fm_imap_tell_pushing (FmAccountWorker *worker, gboolean on);
void fm_imap_tell_storage (FmAccountWorker *worker, const GError *error);
/* The front begins or ends to wait for an answer. */
void fm_imap_tell_busy (FmAccountWorker *worker, gboolean on);
/* The thread that says so when the front has waited for two seconds; DATA is the FmAccountWorker. */
void fm_imap_tell_tick (gpointer data);

/* --- imap-list.c --- */

/* Lists the server's folders into the store, with what STATUS told of each; statuses (name -> FmImapListed*) in RET_STATUSES (may be NULL,
 * transfer full). */
struct FmImapListed {
  guint has; /* FmImapHas */
  guint32 messages, unseen, uidnext, uidvalidity;
  guint64 highestmodseq;
};
gboolean fm_imap_list_run (FmImapConn *conn, GHashTable **ret_statuses, GError **error);
/* What a STATUS told. Transfer: full, g_free. */
FmImapListed *fm_imap_list_told (const FmImapStatus *status);
/* Nothing the server told of it differs from what is here. LISTED NULL: it told nothing, so that is not known. FIRST_PASS: nothing has been compared
 * on this connection yet, and without MODSEQ numbers alone don't tell of flags. */
gboolean fm_imap_list_is_unchanged (FmImapConn *conn, const FmFolderInfo *info, const FmImapListed *listed, gboolean first_pass);
/* The same for what a server tells by itself (NOTIFY): of some numbers only; and what has come is no news if it is here already, since our own
 * operations brought it. */
gboolean fm_imap_list_is_no_news (FmImapConn *conn, const FmFolderInfo *info, const FmImapListed *told);
/* The same in two steps, so that other commands go out with it: queues the LIST; then, after the session ran, stores what was listed and frees
 * LISTING. In between the collector stays at its folder. */
typedef struct FmImapListing FmImapListing;
FmImapListing *fm_imap_list_queue (FmImapConn *conn, gboolean with_status);
gboolean fm_imap_list_finish (FmImapConn *conn, FmImapListing *listing, GHashTable **ret_statuses, GError **error);

/* --- imap-folder.c --- */

typedef enum {
  FM_IMAP_VISIT_SCREEN, /* the changes, and on a first visit the newest screenful only */
  FM_IMAP_VISIT_FULL,   /* everything: older headers too, deletions compared where the server can't tell them */
} FmImapVisitDepth;

/* Brings the store up to what the server has in this folder. The folder must be claimed. */
gboolean fm_imap_folder_visit (FmImapConn *conn, gint64 folder_id, FmImapVisitDepth depth, GError **error);
/* The same at the depth of a screen, in two steps, so that other commands go out with the SELECT. Queues it: INFO NULL is an INBOX that has no
 * row here yet; SELECTING must outlive the session's run, then owns its error. Then, unless that is set, visits. */
typedef struct {
  gboolean resynced; /* QRESYNC was asked for */
  GError *error;
} FmImapSelecting;
void fm_imap_folder_queue_select (FmImapConn *conn, const FmFolderInfo *info, FmImapSelecting *selecting);
gboolean fm_imap_folder_visit_selected (FmImapConn *conn, gint64 folder_id, const FmImapSelecting *selecting, GError **error);
/* The selected folder has news: what came since, without selecting again. */
gboolean fm_imap_folder_catch_up (FmImapConn *conn, gint64 folder_id, GError **error);
/* SELECT (or nothing, if it is selected already), for operations and bodies. Changes told by it go to the collector. UIDs read from the store
 * before are good only if the UIDVALIDITY is still theirs: read them after. */
gboolean fm_imap_folder_select (FmImapConn *conn, gint64 folder_id, GError **error);
/* The selected folder is known to have this UID, by another session perhaps: where this one's view may be older, it is brought up to date. Of what the
 * view does not have a server does nothing and says OK. A turn of its own: Dovecot looks once after all that came in one piece. */
gboolean fm_imap_folder_look_for (FmImapConn *conn, guint32 uid, GError **error);
/* SELECT in any case: UIDNEXT is of this moment. */
gboolean fm_imap_folder_select_again (FmImapConn *conn, gint64 folder_id, GError **error);

/* --- imap-ops.c --- */

/* Runs the journal's operations of the account until none can run. FALSE: the connection is lost. */
gboolean fm_imap_ops_run (FmImapConn *conn, GError **error);

/* --- imap-search.c --- */

/* Asks Gmail in its own words, and tells the rows (FM_EVENT_SEARCH_BATCH) as REQUEST_ID's; those that were not here are fetched. */
gboolean fm_imap_search_run (FmImapConn *conn, guint64 request_id, const char *text, GError **error);

/* --- imap-body.c --- */

/* One message's body to disk, and its row told of it. REQUEST_ID gets progress. */
gboolean fm_imap_body_fetch (FmImapConn *conn, guint64 request_id, gint64 msg_id, GError **error);
/* `offline` asks for a body of this folder that is not here. */
gboolean fm_imap_body_is_wanted (FmImapConn *conn, gint64 folder_id);
/* A batch of bodies that `offline` asks for, newest first; RET_MORE: there are others. */
gboolean fm_imap_body_fill (FmImapConn *conn, gint64 folder_id, gboolean *ret_more, GError **error);

/* What the engine tells its owner, posted to one port. Frozen; unref when handled. Every request is answered by exactly one of DONE,
 * FAILED or CANCELLED carrying its id in reply_to; other events with that reply_to may come before. */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

typedef enum {
  FM_EVENT_DONE,   /* a request is finished; `text` may say what happened ("restored 3 to work/INBOX"), `count` how many */
  FM_EVENT_FAILED, /* `error` says what, where and what to do */
  FM_EVENT_CANCELLED,
  FM_EVENT_DURABLE,         /* an action is on disk: drop its overlay; `group_id` names its undo group */
  FM_EVENT_FOLDERS_CHANGED, /* the tree itself changed: read it again; `account` or NULL for all */
  FM_EVENT_FOLDER_CHANGED,  /* rows or counts of `folder_id` changed; `count` new unread messages arrived (0: none) */
  FM_EVENT_MESSAGE_CHANGED, /* `msg_id` in `folder_id`: flags, or its body is now on disk */
  FM_EVENT_SEARCH_BATCH,    /* `ids` found so far since the last batch, newest first within the batch; `total` known so far */
  FM_EVENT_COMPUTED,        /* call fm_event_complete on the owner's thread */
  FM_EVENT_STATE,           /* `account` is now in `state`; `text` says more ("retrying in 8 s: connection refused") */
  FM_EVENT_PROGRESS,        /* `text` (what), `count` of `total` (0: unknown); total == count ends it */
  FM_EVENT_NOTICE,          /* something the user should read: `text`; `error` set if it is one */
  FM_EVENT_QUEUE,           /* `count` operations and `total` outgoing mails wait */
  FM_EVENT_NEED_PASSWORD,   /* `account`: answer with fm_engine_set_password; `text` is the server's or command's word */
  FM_EVENT_OP_REFUSED,      /* the server refused an operation: `text`, `group_id`; the local state has returned to the truth */
  FM_EVENT_OUTBOX,          /* an outgoing mail changed state; `text`; `error` if refused */
  FM_EVENT_LEADER,          /* this process now holds the sync lease (`count` 1) or follows another (`count` 0) */
} FmEventKind;

typedef enum {
  FM_STATE_OFFLINE, /* not connected, not trying */
  FM_STATE_CONNECTING,
  FM_STATE_ONLINE,   /* connected, polling */
  FM_STATE_PUSHED,   /* connected, the server pushes */
  FM_STATE_RETRYING, /* lost; back-off runs */
  FM_STATE_REFUSED,  /* sign-in or certificate refused: waits for the user */
  FM_STATE_LOCAL,    /* a local account: always there */
} FmAccountState;

/* value struct, refcounted and frozen */
typedef struct {
  FmEventKind kind;
  guint64 reply_to; /* the request's id, or 0 */
  char *account;
  gint64 folder_id, msg_id, group_id;
  gint64 count, total;
  FmAccountState state;
  char *text;  /* sanitised, one line, UTF-8 */
  GArray *ids; /* gint64 */
  GError *error;
  gpointer closure; /* COMPUTED only */
} FmEvent;

FmEvent *fm_event_new (FmEventKind kind, guint64 reply_to);
FmEvent *fm_event_ref (FmEvent *event);
void fm_event_unref (FmEvent *event); /* accepts NULL */

/* COMPUTED: hands the result to the `done` given to fm_engine_compute. Owner's thread, once. */
void fm_event_complete (FmEvent *event);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FmEvent, fm_event_unref)

G_END_DECLS

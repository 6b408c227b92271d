/* One user action: the same value whether it comes from a key, the command line or another process over the control socket. Frozen once
 * made. The engine turns an action into journal operations and their local effect in one transaction: one action, one undo group. */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

typedef enum {
  FM_ACTION_FLAGS, /* add and remove flag bits and keywords */
  FM_ACTION_MOVE,  /* to a folder, of any account */
  FM_ACTION_COPY,
  FM_ACTION_TRASH, /* to the Trash of each message's account; in Trash or Junk: asked as DELETE by app */
  FM_ACTION_ARCHIVE,
  FM_ACTION_JUNK, /* sets $Junk and moves to Junk */
  FM_ACTION_NOT_JUNK,
  FM_ACTION_DELETE, /* for good: expunge; held for FM_JOURNAL_HOLD_S, then it can't be undone; app has asked */
  FM_ACTION_APPEND, /* a message's bytes into a folder (draft, sent copy, import) */
  FM_ACTION_FOLDER_CREATE,
  FM_ACTION_FOLDER_RENAME,
  FM_ACTION_FOLDER_DELETE,
  FM_ACTION_UNDO, /* the last group that is not undone */
  FM_ACTION_REDO,
  FM_ACTION_SEND, /* a composed message into the outbox */
  /* What becomes of outgoing mail; the ids are the outbox's. */
  FM_ACTION_OUTBOX_RETRY,  /* what waits or failed is tried now */
  FM_ACTION_OUTBOX_RESEND, /* nobody knew, and the user says it was not sent: again; settled instead if it lies in Sent */
  FM_ACTION_OUTBOX_SENT,   /* nobody knew, and the user says it was: filed in Sent */
  FM_ACTION_OUTBOX_DRAFT,  /* back to Drafts, not sent */
  FM_ACTION_OUTBOX_DROP,   /* not sent, kept nowhere; app has asked */
  FM_ACTION_DRAFT,         /* a message's bytes into an account's Drafts, made if there is none */
  FM_ACTION_FOLDER_SUBSCRIBE,
  FM_ACTION_FOLDER_UNSUBSCRIBE,
  FM_ACTION_EMPTY, /* everything in a Trash or Junk for good; app has asked */
} FmActionKind;

typedef struct FmAction FmAction;

FmAction *fm_action_ref (FmAction *action);
void fm_action_unref (FmAction *action); /* accepts NULL */

/* msg_ids are store row ids, copied. Flags are FM_FLAG_*; keyword lists are NULL-terminated and may be NULL. */
FmAction *fm_action_new_flags (const gint64 *msg_ids, gsize n, guint add, guint remove, const char *const *add_keywords,
                               const char *const *remove_keywords);
/* KIND is MOVE or COPY. */
FmAction *fm_action_new_transfer (FmActionKind kind, const gint64 *msg_ids, gsize n, gint64 folder_id);
/* KIND is TRASH, ARCHIVE, JUNK, NOT_JUNK or DELETE. */
FmAction *fm_action_new_simple (FmActionKind kind, const gint64 *msg_ids, gsize n);
/* KIND is one of FM_ACTION_OUTBOX_*. DONE's `msg_id` is the new draft's row. */
FmAction *fm_action_new_outgoing (FmActionKind kind, const gint64 *outgoing_ids, gsize n);
FmAction *fm_action_new_append (gint64 folder_id, GBytes *message, guint flags, gint64 internal_date_utc);
/* Once it is there, the row REPLACES_ID (0: none), an older state of it, goes for good. */
FmAction *fm_action_new_draft (const char *account, GBytes *message, gint64 replaces_id, gint64 internal_date_utc);
FmAction *fm_action_new_folder (FmActionKind kind, const char *account, const char *name, const char *new_name);
/* UNDO or REDO; GROUP_ID: of that action and no other, 0: of the last. */
FmAction *fm_action_new_history (FmActionKind kind, gint64 group_id);
/* FOLDER_ID's rows up to UP_TO_ID: what comes meanwhile was not asked about. COUNT: how many that is about. */
FmAction *fm_action_new_empty (gint64 folder_id, gint64 up_to_id, guint64 count);

/* value struct: how a message is to be sent */
typedef struct {
  const char *account;           /* whose SMTP and Sent */
  GBytes *message;               /* final bytes, Message-ID and Date fixed, without Bcc */
  const char *sender;            /* envelope sender address */
  const char *const *recipients; /* envelope recipients, NULL-terminated */
  gint64 replied_id;             /* row to be marked answered once accepted, or 0 */
  gint64 forwarded_id;           /* row to be marked forwarded, or 0 */
  gint64 draft_id;               /* row to be removed once accepted, or 0 */
  int hold_s;                    /* undo-send window; 0: at once */
} FmSendOptions;

/* DONE's `total` is the outgoing mail's id. */
FmAction *fm_action_new_send (const FmSendOptions *options);

FmActionKind fm_action_kind (const FmAction *action);
/* Random, made with the action and kept over the wire: an action that is handed over a second time, since its answer was lost, is known by it. */
guint64 fm_action_origin (const FmAction *action);
const gint64 *fm_action_ids (const FmAction *action, gsize *ret_n); /* Transfer: none */
guint fm_action_add_flags (const FmAction *action);
guint fm_action_remove_flags (const FmAction *action);
const char *const *fm_action_add_keywords (const FmAction *action);    /* may be NULL */
const char *const *fm_action_remove_keywords (const FmAction *action); /* may be NULL */
gint64 fm_action_folder (const FmAction *action);
gint64 fm_action_date (const FmAction *action);
gint64 fm_action_replaces (const FmAction *action);
GBytes *fm_action_message (const FmAction *action);
const char *fm_action_account (const FmAction *action);
const char *fm_action_name (const FmAction *action);
const char *fm_action_new_name (const FmAction *action);
/* Fields of a SEND, borrowed from the action. */
void fm_action_send_options (const FmAction *action, FmSendOptions *ret_options);

/* The wire form for the control socket; from_bytes validates every bound and answers FM_ERROR_INVALID. */
GBytes *fm_action_to_bytes (const FmAction *action);
FmAction *fm_action_from_bytes (GBytes *bytes, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FmAction, fm_action_unref)

G_END_DECLS

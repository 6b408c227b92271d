/* The journal: what the user did, in order, until each server knows it. Planning writes the operation and its local effect in the caller's
 * one transaction; an operation is handed to the network only after that commit. States: planned -> sent -> confirmed | refused, or
 * cancelled; a confirmed move whose new UID the server did not tell is `settling` until the target folder's next pass meets it.
 * doc/internals/journal.md has the whole state machine. Writer functions need a transaction of FM_DB_FULL. */
#pragma once
#include <fulmar/store/message-store.h>

G_BEGIN_DECLS

typedef enum {
  FM_OP_FLAGS,   /* add, remove, keywords */
  FM_OP_MOVE,    /* to target_id */
  FM_OP_COPY,    /* to target_id; new_msg_id is the copy's row */
  FM_OP_EXPUNGE, /* for good; with a target_id (Gmail's All Mail) only out of its folder: the message is in the target already */
  FM_OP_APPEND,  /* blob_id into folder_id; msg_id is the row it will be */
  FM_OP_FOLDER_CREATE,
  FM_OP_FOLDER_RENAME, /* folder's remote_name -> name */
  FM_OP_FOLDER_DELETE,
  FM_OP_FOLDER_SUBSCRIBE, /* or not: `add` says which */
} FmOpKind;

/* So long is held what can't be undone once it was sent. */
#define FM_JOURNAL_HOLD_S 10

typedef enum { FM_OP_PLANNED, FM_OP_SENT, FM_OP_SETTLING, FM_OP_CONFIRMED, FM_OP_REFUSED, FM_OP_CANCELLED } FmOpState;

/* One undo group for each user action: LABEL is what the status line says when it is undone ("moved 3 to work/Archive"). Returns its id, 0
 * on error. A new action forgets what could be redone. */
gint64 fm_journal_group (FmStoreWriter *writer, const char *label, GError **error);

/* A group of the program's own, for what an action needs first (a Trash folder): never offered for undo, and redo is not forgotten for it. */
gint64 fm_journal_side_group (FmStoreWriter *writer, const char *label, GError **error);

/* Each plans operations for the rows that the change affects (others are skipped) and shows the effect; the number planned in RET_N (may be
 * NULL). KEYWORDS may be NULL. Unknown rows are skipped. */
gboolean fm_journal_plan_flags (FmStoreWriter *writer, gint64 group_id, const gint64 *msg_ids, gsize n, guint add, guint remove,
                                const char *const *add_keywords, const char *const *remove_keywords, guint *ret_n, GError **error);
/* The target may be of another account: then the message is appended there first and expunged here after that is confirmed; its body must
 * be here (NOT_FOUND names it). */
gboolean fm_journal_plan_move (FmStoreWriter *writer, gint64 group_id, const gint64 *msg_ids, gsize n, gint64 target_id, guint *ret_n,
                               GError **error);
gboolean fm_journal_plan_copy (FmStoreWriter *writer, gint64 group_id, const gint64 *msg_ids, gsize n, gint64 target_id, guint *ret_n,
                               GError **error);
/* Rows leave every list at once and are removed when the server has confirmed. */
gboolean fm_journal_plan_expunge (FmStoreWriter *writer, gint64 group_id, const gint64 *msg_ids, gsize n, guint *ret_n, GError **error);
/* Gmail's archive: the messages leave the inbox, whichever folder their rows are in, and stay in All Mail. */
gboolean fm_journal_gmail_archive (FmStoreWriter *writer, gint64 group_id, const gint64 *msg_ids, gsize n, guint *ret_n, GError **error);
/* Gmail's labels: the messages get into FOLDER_ID too, or leave that folder and no other. */
gboolean fm_journal_gmail_label (FmStoreWriter *writer, gint64 group_id, const gint64 *msg_ids, gsize n, gint64 folder_id, gboolean add,
                                 guint *ret_n, GError **error);
/* The same by the user's own wish, which can't be undone once it was sent: held until HOLD_UNTIL_UTC. On POP too the rows stay (in no list) until
 * then; whoever runs the account's journal confirms them. */
gboolean fm_journal_plan_delete (FmStoreWriter *writer, gint64 group_id, const gint64 *msg_ids, gsize n, gint64 hold_until_utc,
                                 guint *ret_n, GError **error);
/* value struct: a slice of emptying a folder */
typedef struct {
  gint64 folder_id, up_to_id; /* rows that are newer than this one stay */
  guint limit;
  gint64 hold_until_utc;
} FmJournalEmpty;
/* The same for the next WHAT->limit messages of a folder; fewer in RET_N: there are no more. */
gboolean fm_journal_plan_empty (FmStoreWriter *writer, gint64 group_id, const FmJournalEmpty *what, guint *ret_n, GError **error);
/* What the group has planned is not sent before HOLD_UNTIL_UTC. */
gboolean fm_journal_plan_hold (FmStoreWriter *writer, gint64 group_id, gint64 hold_until_utc, GError **error);
/* INPUT (message-store.h; uid 0, blob_id set) becomes a row at once. Returns its id, 0 on error. */
gint64 fm_journal_plan_append (FmStoreWriter *writer, gint64 group_id, gint64 folder_id, const FmMessageInput *input, GError **error);
/* CREATE: NAME in the account, id of the new folder returned. RENAME: to NAME. DELETE: NAME NULL; its rows go when confirmed. 0 on error;
 * INVALID if the name is taken. */
gint64 fm_journal_plan_folder_create (FmStoreWriter *writer, gint64 group_id, gint64 account_id, const char *name, GError **error);
gboolean fm_journal_plan_folder_rename (FmStoreWriter *writer, gint64 group_id, gint64 folder_id, const char *name, GError **error);
gboolean fm_journal_plan_folder_delete (FmStoreWriter *writer, gint64 group_id, gint64 folder_id, GError **error);
/* A server's list of folders that are of interest; elsewhere it is noted here alone. */
gboolean fm_journal_plan_folder_subscribe (FmStoreWriter *writer, gint64 group_id, gint64 folder_id, gboolean subscribed, GError **error);

/* One operation of a batch. */
typedef struct {
  gint64 op_id, msg_id;
  gint64 new_msg_id; /* COPY */
  guint32 uid;       /* in the batch's folder; 0: APPEND and local files without one */
  gboolean marked;   /* fm_journal_mark_sent: it is this batch's to send */
} FmOpItem;

/* Operations that one command can do: same kind, folder, argument. Frozen; fm_journal_batch_free. */
typedef struct {
  FmOpKind kind;
  FmOpState state;
  gint64 account_id, folder_id, target_id;
  char *folder, *target; /* remote names; RENAME: target is the new name; CREATE: folder is the name to make */
  guint add, remove;
  char **add_keywords, **remove_keywords; /* NULL-terminated */
  gint64 blob_id, date_utc;               /* APPEND */
  guint32 note;                           /* fm_journal_note: APPEND's UIDNEXT before it was sent */
  guint32 uidvalidity;                    /* of the folder the UIDs belong to; 0: unknown */
  guint tries;
  gsize n;
  FmOpItem *items; /* by UID */
} FmOpBatch;
void fm_journal_batch_free (FmOpBatch *batch);

/* The oldest operations of the account that may run now (planned, nothing before them on the same message or folder, not backing off, the
 * folder not frozen), at most LIMIT. NULL without an error: none. Transfer: full. */
FmOpBatch *fm_journal_next (FmStoreReader *reader, gint64 account_id, guint limit, GError **error);
/* Operations that were sent and never answered (a lost connection, a crash): their outcome is unknown. The worker looks at the server, then
 * confirms, or plans them again. Oldest first; NULL: none. */
FmOpBatch *fm_journal_unanswered (FmStoreReader *reader, gint64 account_id, guint limit, GError **error);

/* Durable before the first byte of the command. Marks N items from FIRST on: those that are still planned as the batch has them. The user may have
 * taken one back since the batch was read, or another client may have overtaken it: such a one must not be sent. */
gboolean fm_journal_mark_sent (FmStoreWriter *writer, FmOpBatch *batch, gsize first, gsize n, GError **error);
/* Once all are marked: leaves out those that were not. The batch may be empty then. */
void fm_journal_batch_trim (FmOpBatch *batch);
/* Not done after all (or known not to have been): runs again after DELAY_S. ERROR_TEXT may be NULL. */
gboolean fm_journal_retry (FmStoreWriter *writer, const gint64 *op_ids, gsize n, int delay_s, const char *error_text, GError **error);
gboolean fm_journal_note (FmStoreWriter *writer, gint64 op_id, guint32 note, GError **error);
/* Done on the server. NEW_UID: of moves, copies and appends in their target; 0: not told (settling), or not needed. Idempotent. */
gboolean fm_journal_confirm (FmStoreWriter *writer, gint64 op_id, guint32 new_uid, GError **error);
/* A MOVE that was sent has done nothing, since the message was gone from its folder before: if another client took it to the same target it is met
 * there, else its row goes after the target's next complete pass. */
gboolean fm_journal_overtaken (FmStoreWriter *writer, gint64 op_id, GError **error);
/* The server said no, for good: the local effect is taken back; operations that came after it on the same message are put on its footing.
 * Returns the group's id in RET_GROUP (may be NULL). */
gboolean fm_journal_refuse (FmStoreWriter *writer, gint64 op_id, const char *error_text, gint64 *ret_group, GError **error);
/* The row that a live operation takes out of FOLDER_ID under UID, which the row itself does not have any more. 0: none. */
gint64 fm_journal_leaving (FmStoreReader *reader, gint64 folder_id, guint32 uid);
/* Operations that are to be met in FOLDER_ID now. gint64. Transfer: full. */
GArray *fm_journal_settling (FmStoreReader *reader, gint64 folder_id, GError **error);
/* A complete pass over FOLDER_ID is in: rows of these operations (fm_journal_settling before the pass began; NULL: all of now) that were not
 * met are gone from the server. Count in RET_GONE. */
gboolean fm_journal_settle_missing (FmStoreWriter *writer, gint64 folder_id, const GArray *op_ids, guint *ret_gone, GError **error);

/* The last action before the group BEFORE (0: of all) that is not undone, and what can be redone: FALSE if there is none. *RET_LABEL: transfer
 * full, may be NULL. */
gboolean fm_journal_undo_candidate (FmStoreReader *reader, gint64 before, gint64 *ret_group, char **ret_label);
gboolean fm_journal_redo_candidate (FmStoreReader *reader, gint64 *ret_group, char **ret_label);
/* Rows that the group's operations are about, each once. gint64. Transfer: full. */
GArray *fm_journal_group_messages (FmStoreReader *reader, gint64 group_id, GError **error);
/* Folders that they are about. gint64. Transfer: full. */
GArray *fm_journal_group_folders (FmStoreReader *reader, gint64 group_id, GError **error);
/* Accounts of the group's operations, each once. gint64. Transfer: full. */
GArray *fm_journal_group_accounts (FmStoreReader *reader, gint64 group_id, GError **error);
/* Cancels what was not sent, plans the reverse of the rest. INVALID names what can't be undone, and if it was undone already. The number of messages
 * in RET_N. */
gboolean fm_journal_undo (FmStoreWriter *writer, gint64 group_id, guint *ret_n, GError **error);
gboolean fm_journal_is_undone (FmStoreReader *reader, gint64 group_id);
gboolean fm_journal_redo (FmStoreWriter *writer, gint64 group_id, guint *ret_n, GError **error);

/* What waits, for `fulmar queue`; account_id 0: all. */
guint64 fm_journal_pending (FmStoreReader *reader, gint64 account_id);
/* The id of the operation that was written last; with the number of pending ones it tells whether anything was planned or answered. */
gint64 fm_journal_newest (FmStoreReader *reader);
typedef struct {
  gint64 op_id, group_id, account_id, msg_id, folder_id, target_id;
  FmOpKind kind;
  FmOpState state;
  guint tries;
  guint n; /* how many like it the line stands for */
  gint64 created_utc, not_before_utc;
  gboolean held; /* not_before_utc is the user's time to take it back, not a pause after a failure */
  char *label;   /* of the group; "undo: ..." */
  char *error;   /* the last one, or "" */
} FmOpInfo;
void fm_journal_info_free (FmOpInfo *info);
/* FmOpInfo*: waiting ones oldest first, then refused ones. Transfer: full. */
GPtrArray *fm_journal_list (FmStoreReader *reader, gint64 account_id, guint limit, GError **error);
/* The same, but what one action does in one account and is in the same state, with the same error, is one line. Reads every waiting operation:
 * pool threads. */
GPtrArray *fm_journal_list_grouped (FmStoreReader *reader, gint64 account_id, guint limit, GError **error);

/* The newest row there is or was: what is planned now is not about later ones. */
gint64 fm_journal_list_last_row (FmStoreReader *reader);
/* When the next operation that waits for its time is due; 0: none waits. Bounded. */
gint64 fm_journal_list_due (FmStoreReader *reader);
/* How many are held, counted up to LIMIT; RET_UNTIL_UTC: until when the last of them. Bounded. */
guint fm_journal_list_held (FmStoreReader *reader, guint limit, gint64 *ret_until_utc);

/* What one action was, as a step of undo. */
typedef struct {
  gint64 group_id, created_utc;
  gint64 from_id;    /* the folder its messages were in; 0: several, or none */
  char *label;       /* what it did: "moved 3 to work/Archive" */
  gboolean is_local; /* no server is told */
  guint messages;
  guint planned, sent, done, refused; /* operations in that state */
  gint64 held_until_utc;              /* 0: is not held */
  char *error;                        /* the last one, or "" */
  const char *stuck;                  /* why it can't be undone, or NULL */
} FmJournalLevel;
void fm_journal_list_level_free (FmJournalLevel *level);
/* FmJournalLevel*: what can be undone, and between it what can't be any more; newest first. Pool threads. Transfer: full. */
GPtrArray *fm_journal_list_levels (FmStoreReader *reader, guint limit, GError **error);
/* Forgets finished groups older than AGE_S beyond the newest KEEP. */
gboolean fm_journal_prune (FmStoreWriter *writer, int age_s, guint keep, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FmOpBatch, fm_journal_batch_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FmOpInfo, fm_journal_info_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FmJournalLevel, fm_journal_list_level_free)

G_END_DECLS

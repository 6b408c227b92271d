/* What the journal's files share: one operation as stored. */
#pragma once
#include "store/gmail-private.h"
#include <fulmar/store/folder-store.h>
#include <fulmar/store/journal.h>

typedef struct {
  gint64 id, group_id, account_id, msg_id, folder_id, target_id, new_msg_id, blob_id, idate, after_op;
  guint32 uid;
  FmOpKind kind;
  FmOpState state;
  guint add, remove, eff_add, eff_del;
  char *kw_add, *kw_del, *arg, *old_name; /* arg: a folder's new name */
  gboolean gone;
  gboolean follows;  /* done by the server itself with AFTER_OP: never sent unless that comes to nothing */
  guint64 server_id; /* EXPUNGE with a target: of the message that stays there */
  gint64 not_before;
} FmJournalOp;

void fm_journal_op_free (FmJournalOp *op);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FmJournalOp, fm_journal_op_free)

/* NULL with NOT_FOUND. */
FmJournalOp *fm_journal_op_get (FmStoreReader *reader, gint64 op_id, GError **error);
/* The group's operations, newest first or oldest first. FmJournalOp*. */
GPtrArray *fm_journal_op_group (FmStoreReader *reader, gint64 group_id, gboolean newest_first, GError **error);
/* Writes OP as a new row; its id, 0 on error. */
gint64 fm_journal_op_insert (FmStoreWriter *writer, const FmJournalOp *op, GError **error);
gboolean fm_journal_op_set_state (FmStoreWriter *writer, gint64 op_id, FmOpState state, const char *error_text, GError **error);
/* The message of OP goes for good: in a POP account the server's copy is wanted deleted, as `leave` allows. */
gboolean fm_journal_op_want_delete (FmStoreWriter *writer, const FmJournalOp *op, GError **error);
/* The message can't be brought anywhere any more: its row goes, what waits on it ends in STATE (ERROR_TEXT may be NULL), and copies of it that
 * were only planned go the same way. */
gboolean fm_journal_op_drop_row (FmStoreWriter *writer, gint64 msg_id, FmOpState state, const char *error_text, GError **error);
/* Takes the local effect of OP back (its state has already left the live ones). KEEP_APPEND: the row of a refused APPEND stays. */
gboolean fm_journal_op_revert (FmStoreWriter *writer, const FmJournalOp *op, gboolean keep_append, GError **error);

/* journal-plan.c: a group whose redo list is left alone. */
gint64 fm_journal_plan_group (FmStoreWriter *writer, const char *label, gint64 undo_of, GError **error);

/* A row as planning sees it. */
typedef struct {
  gint64 folder_id, account_id, blob_id;
  guint32 uid;
  guint flags;
  FmStoreKind kind;
  guint64 server_id; /* not 0: Gmail */
} FmJournalRow;
/* FALSE: it is gone, or in limbo. */
gboolean fm_journal_plan_row (FmStoreReader *reader, gint64 msg_id, FmJournalRow *row);
/* Of OP the group and the message are set. */
gboolean fm_journal_plan_move_within (FmStoreWriter *writer, FmJournalOp *op, const FmJournalRow *row, gint64 target_id, GError **error);
gboolean fm_journal_plan_copy_within (FmStoreWriter *writer, FmJournalOp *op, const FmJournalRow *row, gint64 target_id, GError **error);
/* A folder whose creation or renaming the server has not confirmed comes first. */
gint64 fm_journal_plan_barrier (FmStoreReader *reader, gint64 folder_id, gint64 target_id);

/* --- journal-gmail.c: the same actions where folders are labels. PLANNED: whether there was anything to do. --- */

gboolean fm_journal_gmail_move (FmStoreWriter *writer, FmJournalOp *op, const FmJournalRow *row, gint64 target_id, gboolean *planned,
                                GError **error);
gboolean fm_journal_gmail_copy (FmStoreWriter *writer, FmJournalOp *op, const FmJournalRow *row, gint64 target_id, gboolean *planned,
                                GError **error);
/* Takes the row out of its folder; the message stays in All Mail. */
gboolean fm_journal_gmail_unlabel (FmStoreWriter *writer, FmJournalOp *op, const FmJournalRow *row, gboolean *planned, GError **error);
/* For good: only what is in Trash can be expunged, so it is moved there first. Then ROW is read anew. */
gboolean fm_journal_gmail_to_trash (FmStoreWriter *writer, gint64 group_id, gint64 msg_id, FmJournalRow *row, GError **error);
/* LEADER, a change of flags, has been written under LEADER_ID: the message's other rows have it too. */
gboolean fm_journal_gmail_lead_flags (FmStoreWriter *writer, const FmJournalOp *leader, gint64 leader_id, GError **error);
/* What follows OP is done with it. */
gboolean fm_journal_gmail_confirm_followers (FmStoreWriter *writer, const FmJournalOp *op, GError **error);
/* OP follows another: is there anything to undo besides that one? */
gboolean fm_journal_gmail_undo_follower (FmStoreWriter *writer, const FmJournalOp *op, gint64 group_id, GError **error);
/* Undoes taking out of a folder that the server has done: the label comes back. */
gboolean fm_journal_gmail_relabel (FmStoreWriter *writer, const FmJournalOp *op, gint64 group_id, guint *n, GError **error);
/* Undoes a copy that the server has made: the label goes. */
gboolean fm_journal_gmail_uncopy (FmStoreWriter *writer, const FmJournalOp *op, gint64 group_id, guint *n, GError **error);
/* Takes out of the folder again. */
gboolean fm_journal_gmail_unlabel_again (FmStoreWriter *writer, const FmJournalOp *op, gint64 group_id, guint *n, GError **error);

/* journal-undo.c */
gboolean fm_journal_undo_run (FmStoreWriter *writer, gint64 group_id, guint *n, GError **error);
gboolean fm_journal_undo_replay (FmStoreWriter *writer, gint64 group_id, guint *n, GError **error);

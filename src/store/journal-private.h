/* What the journal's files share: one operation as stored. */
#pragma once
#include "store/message-private.h"
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
/* The message can't be brought anywhere any more: its row goes, what waits on it ends in STATE (ERROR_TEXT may be NULL), and copies of it that
 * were only planned go the same way. */
gboolean fm_journal_op_drop_row (FmStoreWriter *writer, gint64 msg_id, FmOpState state, const char *error_text, GError **error);
/* Takes the local effect of OP back (its state has already left the live ones). KEEP_APPEND: the row of a refused APPEND stays. */
gboolean fm_journal_op_revert (FmStoreWriter *writer, const FmJournalOp *op, gboolean keep_append, GError **error);

/* journal-plan.c: a group whose redo list is left alone. */
gint64 fm_journal_plan_group (FmStoreWriter *writer, const char *label, gint64 undo_of, GError **error);

/* journal-undo.c */
gboolean fm_journal_undo_run (FmStoreWriter *writer, gint64 group_id, guint *n, GError **error);
gboolean fm_journal_undo_replay (FmStoreWriter *writer, gint64 group_id, guint *n, GError **error);

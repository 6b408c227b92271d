/* Undo and redo of a whole action. What was not sent is cancelled, unless later operations build on it; for the rest the reverse is planned
 * as new operations, so that undo is as crash-safe as doing. What can't be undone is found before anything is changed. */
#include "store/journal-private.h"
#include <fulmar/base/clock.h>
#include <fulmar/base/error.h>

static gboolean
is_unsent_and_last (FmStoreReader *r, const FmJournalOp *op)
{
  if (op->state != FM_OP_PLANNED)
    return FALSE;
  if (op->kind >= FM_OP_FOLDER_CREATE)
    return fm_sql_value (r, 0, "SELECT 1 FROM op WHERE after_op=? AND state<3", "i", op->id) == 0;
  gint64 row = op->kind == FM_OP_COPY ? op->new_msg_id : op->msg_id;
  /* FLAGS are order-free on the row, except a later one of the same bits; taking one out of the middle is safe to recompute. */
  if (op->kind == FM_OP_FLAGS)
    return fm_sql_value (r, 0, "SELECT 1 FROM op WHERE msg_id=? AND id>? AND state<3 AND kind=0", "ii", row, op->id) == 0;
  return fm_sql_value (r, 0, "SELECT 1 FROM op WHERE msg_id=? AND id>? AND state<3 AND kind IN (1,2,3)", "ii", row, op->id) == 0;
}

static gboolean
can_undo (FmStoreReader *r, GPtrArray *ops, GError **error)
{
  for (guint i = 0; i < ops->len; i++)
    {
      const FmJournalOp *op = g_ptr_array_index (ops, i);
      if (op->state > FM_OP_CONFIRMED || op->follows || is_unsent_and_last (r, op))
        continue;
      /* An expunge that ends a move into another account is undone by moving back, one that took a label by giving it again. */
      if (op->kind == FM_OP_EXPUNGE && op->server_id == 0
          && fm_sql_value (r, 0, "SELECT 1 FROM op WHERE group_id=? AND kind=4 AND target_id<>0", "i", op->group_id) == 0)
        {
          g_set_error (error, FM_ERROR, FM_ERROR_INVALID, "it is gone from the server, this can't be undone");
          return FALSE;
        }
      if (op->kind == FM_OP_FOLDER_CREATE || op->kind == FM_OP_FOLDER_DELETE)
        {
          g_set_error (error, FM_ERROR, FM_ERROR_INVALID, "the folder %s on the server, this can't be undone%s",
                       op->kind == FM_OP_FOLDER_CREATE ? "is made" : "is deleted",
                       op->kind == FM_OP_FOLDER_CREATE ? " (delete-folder removes it)" : "");
          return FALSE;
        }
    }
  return TRUE;
}

static gboolean
reverse_append (FmStoreWriter *writer, const FmJournalOp *op, gint64 group, guint *n, GError **error)
{
  FmStoreReader *r = &writer->reader;

  /* The source of a move between accounts: still (again) here if its expunge was cancelled a moment ago. */
  gboolean source_left
      = op->target_id != 0
        && fm_sql_value (r, 0, "SELECT 1 FROM op WHERE group_id=? AND kind=3 AND after_op=? AND state=5", "ii", op->group_id, op->id) == 0;
  return source_left ? fm_journal_plan_move (writer, group, &op->msg_id, 1, op->target_id, n, error)
                     : fm_journal_plan_expunge (writer, group, &op->msg_id, 1, n, error);
}

static gboolean
reverse (FmStoreWriter *writer, const FmJournalOp *op, gint64 group, guint *n, GError **error)
{
  g_auto (GStrv) added = g_strsplit (op->kw_add, " ", -1);
  g_auto (GStrv) removed = g_strsplit (op->kw_del, " ", -1);

  switch (op->kind)
    {
    case FM_OP_FLAGS:
      return fm_journal_plan_flags (writer, group, &op->msg_id, 1, op->eff_del, op->eff_add, (const char *const *) removed,
                                    (const char *const *) added, n, error);
    case FM_OP_MOVE:
      return fm_journal_plan_move (writer, group, &op->msg_id, 1, op->folder_id, n, error);
    case FM_OP_COPY:
      return fm_journal_gmail_uncopy (writer, op, group, n, error);
    case FM_OP_EXPUNGE:
      return op->server_id == 0 || fm_journal_gmail_relabel (writer, op, group, n, error);
    case FM_OP_APPEND:
      return reverse_append (writer, op, group, n, error);
    case FM_OP_FOLDER_RENAME:
      return fm_journal_plan_folder_rename (writer, group, op->folder_id, op->old_name, error);
    case FM_OP_FOLDER_SUBSCRIBE:
      return fm_journal_plan_folder_subscribe (writer, group, op->folder_id, op->add == 0, error);
    default:
      return TRUE;
    }
}

/* The APPEND of a move into another account, to whose end OP belongs: planned right before it. 0: OP is no such end. */
static gint64
append_of (FmStoreReader *r, const FmJournalOp *op)
{
  if (op->kind != FM_OP_EXPUNGE)
    return 0;
  return fm_sql_value (r, 0, "SELECT id FROM op WHERE id=? AND group_id=? AND kind=4 AND target_id<>0", "ii", op->id - 1, op->group_id);
}

/* An action may have several operations for one message (marked and moved): it counts once. SEEN borrows the ids. */
static guint
count_once (GHashTable *seen, const FmJournalOp *op, guint planned)
{
  return planned > 0 && (op->msg_id == 0 || g_hash_table_add (seen, (gpointer) &op->msg_id));
}

gboolean
fm_journal_undo_run (FmStoreWriter *writer, gint64 group_id, guint *n, GError **error)
{
  FmStoreReader *r = &writer->reader;
  g_autoptr (GPtrArray) ops = fm_journal_op_group (r, group_id, TRUE, error);
  g_autoptr (GHashTable) seen = g_hash_table_new (g_int64_hash, g_int64_equal);

  *n = 0;
  if (ops == NULL)
    return FALSE;
  if (fm_sql_value (r, -1, "SELECT state FROM op_group WHERE id=?", "i", group_id) != 0)
    {
      g_set_error_literal (error, FM_ERROR, FM_ERROR_INVALID, "that has been undone already");
      return FALSE;
    }
  if (!can_undo (r, ops, error))
    return FALSE;
  gint64 group = fm_journal_plan_group (writer, "", group_id, error);
  if (group == 0)
    return FALSE;
  for (guint i = 0; i < ops->len; i++)
    {
      const FmJournalOp *op = g_ptr_array_index (ops, i);
      guint one = 1;
      gboolean ok;
      if (op->state > FM_OP_CONFIRMED)
        continue;
      if (op->follows)
        {
          if (!fm_journal_gmail_undo_follower (writer, op, group, error))
            return FALSE;
          continue;
        }
      if (is_unsent_and_last (r, op))
        ok = fm_journal_op_set_state (writer, op->id, FM_OP_CANCELLED, NULL, error) && fm_journal_op_revert (writer, op, FALSE, error);
      else
        ok = reverse (writer, op, group, &one, error);
      if (!ok)
        return FALSE;
      *n += append_of (r, op) != 0 ? 0 : count_once (seen, op, one);
    }
  return fm_sql_exec (r, error, "UPDATE op_group SET state=1 WHERE id=?", "i", group_id);
}

/* A move into another account once more: of the row that it came from, or of the one in which the undo has brought it back. */
static gboolean
move_across_again (FmStoreWriter *writer, const FmJournalOp *op, gint64 append_id, gint64 group, guint *n, GError **error)
{
  FmStoreReader *r = &writer->reader;
  g_autoptr (FmJournalOp) append = fm_journal_op_get (r, append_id, error);
  FmJournalRow row;

  if (append == NULL)
    return FALSE;
  gint64 id = fm_journal_plan_row (r, op->msg_id, &row)
                  ? op->msg_id
                  : fm_sql_value (r, 0,
                                  "SELECT o.msg_id FROM op o JOIN op_group u ON u.id=o.group_id JOIN msg m ON m.id=o.msg_id"
                                  " WHERE u.undo_of=? AND o.kind=4 AND o.blob_id=? AND m.folder_id=? ORDER BY o.id DESC LIMIT 1",
                                  "iii", op->group_id, append->blob_id, op->folder_id);
  return fm_journal_plan_move (writer, group, &id, 1, append->folder_id, n, error);
}

static gboolean
delete_folder_again (FmStoreWriter *writer, const FmJournalOp *op, gint64 group, GError **error)
{
  return fm_journal_plan_folder_delete (writer, group, op->folder_id, error)
         && fm_journal_plan_hold (writer, group, fm_clock_now_utc () + FM_JOURNAL_HOLD_S, error);
}

static gboolean
replay_expunge (FmStoreWriter *writer, const FmJournalOp *op, gint64 group, guint *n, GError **error)
{
  gint64 append = op->server_id != 0 ? 0 : append_of (&writer->reader, op);

  if (op->server_id != 0)
    return fm_journal_gmail_unlabel_again (writer, op, group, n, error);
  if (append != 0)
    return move_across_again (writer, op, append, group, n, error);
  return fm_journal_plan_delete (writer, group, &op->msg_id, 1, fm_clock_now_utc () + FM_JOURNAL_HOLD_S, n, error);
}

static gboolean
replay (FmStoreWriter *writer, const FmJournalOp *op, gint64 group, guint *n, GError **error)
{
  g_auto (GStrv) added = g_strsplit (op->kw_add, " ", -1);
  g_auto (GStrv) removed = g_strsplit (op->kw_del, " ", -1);

  switch (op->kind)
    {
    case FM_OP_FLAGS:
      return fm_journal_plan_flags (writer, group, &op->msg_id, 1, op->add, op->remove, (const char *const *) added,
                                    (const char *const *) removed, n, error);
    case FM_OP_MOVE:
      return fm_journal_plan_move (writer, group, &op->msg_id, 1, op->target_id, n, error);
    case FM_OP_COPY:
      return fm_journal_plan_copy (writer, group, &op->msg_id, 1, op->target_id, n, error);
    case FM_OP_EXPUNGE:
      return replay_expunge (writer, op, group, n, error);
    case FM_OP_FOLDER_CREATE:
      return fm_journal_plan_folder_create (writer, group, op->account_id, op->arg, error) != 0;
    case FM_OP_FOLDER_RENAME:
      return fm_journal_plan_folder_rename (writer, group, op->folder_id, op->arg, error);
    case FM_OP_FOLDER_DELETE:
      return delete_folder_again (writer, op, group, error);
    case FM_OP_FOLDER_SUBSCRIBE:
      return fm_journal_plan_folder_subscribe (writer, group, op->folder_id, op->add != 0, error);
    case FM_OP_APPEND:
      *n = 0;
      if (op->target_id != 0) /* its end does it */
        return TRUE;
      break;
    }
  g_set_error (error, FM_ERROR, FM_ERROR_INVALID, "filing that message can't be done again from here: do it anew");
  return FALSE;
}

gboolean
fm_journal_undo_replay (FmStoreWriter *writer, gint64 group_id, guint *n, GError **error)
{
  FmStoreReader *r = &writer->reader;
  g_autoptr (GPtrArray) ops = fm_journal_op_group (r, group_id, FALSE, error);
  g_autoptr (GHashTable) seen = g_hash_table_new (g_int64_hash, g_int64_equal);
  gint64 group = ops == NULL ? 0 : fm_journal_plan_group (writer, "", 0, error);

  *n = 0;
  if (group == 0
      || !fm_sql_exec (r, error, "UPDATE op_group SET label=(SELECT label FROM op_group WHERE id=?) WHERE id=?", "ii", group_id, group))
    return FALSE;
  for (guint i = 0; i < ops->len; i++)
    {
      guint one = 1;
      const FmJournalOp *op = g_ptr_array_index (ops, i);
      if (op->state == FM_OP_REFUSED || op->follows)
        continue;
      if (!replay (writer, op, group, &one, error))
        return FALSE;
      *n += count_once (seen, op, one);
    }
  return fm_sql_exec (r, error, "UPDATE op_group SET state=2 WHERE id=?", "i", group_id);
}

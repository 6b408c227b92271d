/* The user's actions where folders are labels. A message has a row in each of its labels' folders (gmail-store.h), and the server does to all of
 * them what it is told of one: so the operation is planned for one row, the leader, and for the others as followers, which have the same local
 * effect, are never sent, and end as the leader does.
 *
 *   flags           STORE in one folder; followers have the flags too
 *   into Trash      MOVE; followers leave their folders
 *   into a label    COPY, nothing where it has the label already
 *   out of a label  MOVE into All Mail, where it is already: an expunge with a target, so that the row goes and none comes
 *
 * To remove the selected folder's label by STORE is answered OK and does nothing, and what EXPUNGE does depends on the user's settings. Followers of a move
 * into Trash stand before their leader, so that undo, which goes from the last to the first, has the message back before its labels. */
#include "store/journal-private.h"
#include <fulmar/base/error.h>

static FmSpecialUse
special_of (FmStoreReader *r, gint64 folder_id)
{
  return (FmSpecialUse) fm_sql_value (r, FM_SPECIAL_NONE, "SELECT special FROM folder WHERE id=?", "i", folder_id);
}

/* Where a message is alone, without labels. */
static gboolean
is_apart (FmSpecialUse special)
{
  return special == FM_SPECIAL_TRASH || special == FM_SPECIAL_JUNK;
}

gboolean
fm_journal_gmail_unlabel (FmStoreWriter *writer, FmJournalOp *op, const FmJournalRow *row, gboolean *planned, GError **error)
{
  FmStoreReader *r = &writer->reader;
  gint64 all = fm_gmail_store_special (r, row->account_id, FM_SPECIAL_ALL);

  *planned = row->folder_id != all;
  if (!*planned)
    return TRUE;
  /* It has no row there yet, or the folder is not shown to programs at all: then an expunge takes the label, unless the user has set otherwise. */
  if (all != 0 && fm_gmail_store_row (r, row->server_id, all) == 0)
    return fm_journal_plan_move_within (writer, op, row, all, error);
  op->kind = FM_OP_EXPUNGE;
  op->folder_id = row->folder_id;
  op->account_id = row->account_id;
  op->uid = row->uid;
  op->target_id = all;
  op->server_id = row->server_id;
  op->state = FM_OP_PLANNED;
  op->after_op = fm_journal_plan_barrier (r, row->folder_id, 0);
  op->id = fm_journal_op_insert (writer, op, error);
  return op->id != 0 && fm_sql_exec (r, error, "UPDATE msg SET folder_id=0, uid=NULL WHERE id=?", "i", op->msg_id);
}

/* The other rows leave their folders with OP, which is about to be planned. Transfer: full; NULL on error. gint64. */
static GArray *
lead_away (FmStoreWriter *writer, const FmJournalOp *op, GError **error)
{
  FmStoreReader *r = &writer->reader;
  g_autoptr (GArray) others = fm_gmail_store_others (r, op->msg_id);
  g_autoptr (GArray) followers = g_array_new (FALSE, FALSE, sizeof (gint64));

  for (guint i = 0; i < others->len; i++)
    {
      FmJournalOp follower = { .group_id = op->group_id, .kind = FM_OP_EXPUNGE, .follows = TRUE };
      FmJournalRow row;
      follower.msg_id = g_array_index (others, gint64, i);
      if (!fm_journal_plan_row (r, follower.msg_id, &row))
        continue;
      follower.folder_id = row.folder_id;
      follower.account_id = row.account_id;
      follower.uid = row.uid;
      follower.server_id = row.server_id;
      follower.target_id = fm_gmail_store_special (r, row.account_id, FM_SPECIAL_ALL);
      gint64 id = fm_journal_op_insert (writer, &follower, error);
      if (id == 0 || !fm_sql_exec (r, error, "UPDATE msg SET folder_id=0, uid=NULL WHERE id=?", "i", follower.msg_id))
        return NULL;
      g_array_append_val (followers, id);
    }
  return g_steal_pointer (&followers);
}

static gboolean
move_away (FmStoreWriter *writer, FmJournalOp *op, const FmJournalRow *row, gint64 target_id, GError **error)
{
  g_autoptr (GArray) followers = lead_away (writer, op, error);

  if (followers == NULL || !fm_journal_plan_move_within (writer, op, row, target_id, error))
    return FALSE;
  for (guint i = 0; i < followers->len; i++)
    if (!fm_sql_exec (&writer->reader, error, "UPDATE op SET after_op=? WHERE id=?", "ii", op->id, g_array_index (followers, gint64, i)))
      return FALSE;
  return TRUE;
}

gboolean
fm_journal_gmail_move (FmStoreWriter *writer, FmJournalOp *op, const FmJournalRow *row, gint64 target_id, gboolean *planned, GError **error)
{
  FmStoreReader *r = &writer->reader;
  FmSpecialUse from = special_of (r, row->folder_id), to = special_of (r, target_id);

  *planned = TRUE;
  if (is_apart (to))
    return move_away (writer, op, row, target_id, error);
  if (is_apart (from))
    return fm_journal_plan_move_within (writer, op, row, target_id, error);
  if (from == FM_SPECIAL_ALL)
    return fm_journal_gmail_copy (writer, op, row, target_id, planned, error);
  if (to == FM_SPECIAL_ALL || fm_gmail_store_row (r, row->server_id, target_id) != 0)
    return fm_journal_gmail_unlabel (writer, op, row, planned, error);
  return fm_journal_plan_move_within (writer, op, row, target_id, error);
}

gboolean
fm_journal_gmail_copy (FmStoreWriter *writer, FmJournalOp *op, const FmJournalRow *row, gint64 target_id, gboolean *planned, GError **error)
{
  FmStoreReader *r = &writer->reader;
  FmSpecialUse to = special_of (r, target_id);

  if (row->folder_id != target_id && (is_apart (to) || is_apart (special_of (r, row->folder_id))))
    return fm_journal_gmail_move (writer, op, row, target_id, planned, error);
  *planned = to != FM_SPECIAL_ALL && row->folder_id != target_id && fm_gmail_store_row (r, row->server_id, target_id) == 0;
  return !*planned || fm_journal_plan_copy_within (writer, op, row, target_id, error);
}

gboolean
fm_journal_gmail_to_trash (FmStoreWriter *writer, gint64 group_id, gint64 msg_id, FmJournalRow *row, GError **error)
{
  FmStoreReader *r = &writer->reader;
  gint64 trash = fm_gmail_store_special (r, row->account_id, FM_SPECIAL_TRASH);
  FmJournalOp op = { .group_id = group_id, .msg_id = msg_id };

  if (trash == 0 || is_apart (special_of (r, row->folder_id)))
    return TRUE;
  return move_away (writer, &op, row, trash, error) && fm_journal_plan_row (r, msg_id, row);
}

gboolean
fm_journal_gmail_lead_flags (FmStoreWriter *writer, const FmJournalOp *leader, gint64 leader_id, GError **error)
{
  FmStoreReader *r = &writer->reader;
  g_autoptr (GArray) others = fm_gmail_store_others (r, leader->msg_id);

  for (guint i = 0; i < others->len; i++)
    {
      FmJournalOp follower = *leader;
      FmJournalRow row;
      follower.msg_id = g_array_index (others, gint64, i);
      if (!fm_journal_plan_row (r, follower.msg_id, &row))
        continue;
      follower.follows = TRUE;
      follower.after_op = leader_id;
      follower.folder_id = row.folder_id;
      follower.uid = row.uid;
      follower.eff_add = leader->add & ~row.flags;
      follower.eff_del = leader->remove & row.flags;
      if (fm_journal_op_insert (writer, &follower, error) == 0 || !fm_message_merge_show (writer, follower.msg_id, NULL, error))
        return FALSE;
    }
  return TRUE;
}

gboolean
fm_journal_gmail_confirm_followers (FmStoreWriter *writer, const FmJournalOp *op, GError **error)
{
  gint64 id;

  if (op->kind != FM_OP_FLAGS && op->kind != FM_OP_MOVE)
    return TRUE;
  while ((id = fm_sql_value (&writer->reader, 0, "SELECT id FROM op WHERE after_op=? AND after_op<>0 AND follows AND state<3 LIMIT 1", "i",
                             op->id))
         != 0)
    if (!fm_journal_confirm (writer, id, 0, error))
      return FALSE;
  return TRUE;
}

/* --- undo --- */

gboolean
fm_journal_gmail_undo_follower (FmStoreWriter *writer, const FmJournalOp *op, gint64 group_id, GError **error)
{
  gint64 leader = fm_sql_value (&writer->reader, FM_OP_CANCELLED, "SELECT state FROM op WHERE id=?", "i", op->after_op);
  guint n = 0;

  /* Its leader is not sent, and is or will be cancelled. */
  if (op->state == FM_OP_PLANNED && (leader == FM_OP_PLANNED || leader == FM_OP_CANCELLED))
    return fm_journal_op_set_state (writer, op->id, FM_OP_CANCELLED, NULL, error) && fm_journal_op_revert (writer, op, FALSE, error);
  /* Flags go back with the leader's, on all rows. */
  return op->kind != FM_OP_EXPUNGE || fm_journal_gmail_relabel (writer, op, group_id, &n, error);
}

/* A row to copy from: All Mail's, which has a UID most likely. */
static gint64
any_row (FmStoreReader *r, guint64 server_id, gint64 account_id)
{
  return fm_sql_value (
      r, 0,
      "SELECT m.id FROM msg m JOIN folder f ON f.id=m.folder_id WHERE m.server_id=? AND f.account_id=? AND f.special NOT IN"
      " (5,6) ORDER BY f.special=7 DESC, m.id LIMIT 1",
      "ii", (gint64) server_id, account_id);
}

gboolean
fm_journal_gmail_relabel (FmStoreWriter *writer, const FmJournalOp *op, gint64 group_id, guint *n, GError **error)
{
  FmStoreReader *r = &writer->reader;
  FmSpecialUse special = special_of (r, op->folder_id);
  gint64 row = any_row (r, op->server_id, op->account_id);

  /* Those come back by themselves: All Mail and Sent with the message, Starred with its flag. */
  if (special == FM_SPECIAL_ALL || special == FM_SPECIAL_FLAGGED || special == FM_SPECIAL_SENT)
    return TRUE;
  if (row != 0)
    return fm_journal_plan_copy (writer, group_id, &row, 1, op->folder_id, n, error);
  g_set_error (error, FM_ERROR, FM_ERROR_INVALID, "the message is not here any more: find it in All Mail, and label it there");
  return FALSE;
}

gboolean
fm_journal_gmail_uncopy (FmStoreWriter *writer, const FmJournalOp *op, gint64 group_id, guint *n, GError **error)
{
  FmJournalOp undo = { .group_id = group_id, .msg_id = op->new_msg_id };
  FmJournalRow row;
  gboolean planned = FALSE;

  if (!fm_journal_plan_row (&writer->reader, op->new_msg_id, &row) || row.server_id == 0)
    return fm_journal_plan_expunge (writer, group_id, &op->new_msg_id, 1, n, error);
  if (!fm_journal_gmail_unlabel (writer, &undo, &row, &planned, error))
    return FALSE;
  *n = planned;
  return TRUE;
}

gboolean
fm_journal_gmail_unlabel_again (FmStoreWriter *writer, const FmJournalOp *op, gint64 group_id, guint *n, GError **error)
{
  gint64 row = fm_gmail_store_row (&writer->reader, op->server_id, op->folder_id);

  return row == 0 || fm_journal_gmail_label (writer, group_id, &row, 1, op->folder_id, FALSE, n, error);
}

/* --- labels and the archive --- */

/* The row of MSG_ID's message in FOLDER_ID, which may be itself. 0: none. */
static gint64
row_in (FmStoreReader *r, gint64 msg_id, gint64 folder_id)
{
  FmJournalRow row;

  if (!fm_journal_plan_row (r, msg_id, &row) || row.folder_id == folder_id)
    return row.folder_id == folder_id ? msg_id : 0;
  return row.server_id == 0 ? 0 : fm_gmail_store_row (r, row.server_id, folder_id);
}

static gboolean
unlabel_one (FmStoreWriter *writer, gint64 group_id, gint64 msg_id, gint64 folder_id, gboolean *planned, GError **error)
{
  FmJournalOp op = { .group_id = group_id, .msg_id = row_in (&writer->reader, msg_id, folder_id) };
  FmJournalRow row;

  *planned = FALSE;
  return op.msg_id == 0 || !fm_journal_plan_row (&writer->reader, op.msg_id, &row) || row.server_id == 0
         || fm_journal_gmail_unlabel (writer, &op, &row, planned, error);
}

gboolean
fm_journal_gmail_label (FmStoreWriter *writer, gint64 group_id, const gint64 *msg_ids, gsize n, gint64 folder_id, gboolean add,
                        guint *ret_n, GError **error)
{
  guint count = 0;

  if (add)
    return fm_journal_plan_copy (writer, group_id, msg_ids, n, folder_id, ret_n, error);
  for (gsize i = 0; i < n; i++)
    {
      gboolean planned;
      if (!unlabel_one (writer, group_id, msg_ids[i], folder_id, &planned, error))
        return FALSE;
      count += planned;
    }
  if (ret_n != NULL)
    *ret_n = count;
  return TRUE;
}

gboolean
fm_journal_gmail_archive (FmStoreWriter *writer, gint64 group_id, const gint64 *msg_ids, gsize n, guint *ret_n, GError **error)
{
  FmStoreReader *r = &writer->reader;
  guint count = 0;

  for (gsize i = 0; i < n; i++)
    {
      FmJournalRow row;
      gboolean planned = FALSE;
      guint moved = 0;
      if (!fm_journal_plan_row (r, msg_ids[i], &row))
        continue;
      gint64 all = fm_gmail_store_special (r, row.account_id, FM_SPECIAL_ALL);
      gint64 inbox = fm_gmail_store_special (r, row.account_id, FM_SPECIAL_INBOX);
      gboolean ok = is_apart (special_of (r, row.folder_id)) ? fm_journal_plan_move (writer, group_id, &msg_ids[i], 1, all, &moved, error)
                                                             : unlabel_one (writer, group_id, msg_ids[i], inbox, &planned, error);
      if (!ok)
        return FALSE;
      count += planned + moved;
    }
  if (ret_n != NULL)
    *ret_n = count;
  return TRUE;
}

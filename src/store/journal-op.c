/* One operation in the table: read, written, and its local effect taken back. */
#include "store/journal-private.h"
#include <fulmar/base/clock.h>
#include <fulmar/base/error.h>

#define OP_SELECT                                                                                                                      \
  "SELECT id, group_id, account_id, msg_id, folder_id, target_id, new_msg_id, blob_id, idate, after_op, uid, kind, state, add_flags, " \
  "del_flags,"                                                                                                                         \
  " eff_add, eff_del, kw_add, kw_del, arg, gone, old_name, follows, server_id, not_before FROM op "

void
fm_journal_op_free (FmJournalOp *op)
{
  if (op == NULL)
    return;
  g_free (op->kw_add);
  g_free (op->kw_del);
  g_free (op->arg);
  g_free (op->old_name);
  g_free (op);
}

static FmJournalOp *
read_op (const FmSql *q)
{
  FmJournalOp *op = g_new0 (FmJournalOp, 1);

  op->id = fm_sql_int (q, 0);
  op->group_id = fm_sql_int (q, 1);
  op->account_id = fm_sql_int (q, 2);
  op->msg_id = fm_sql_int (q, 3);
  op->folder_id = fm_sql_int (q, 4);
  op->target_id = fm_sql_int (q, 5);
  op->new_msg_id = fm_sql_int (q, 6);
  op->blob_id = fm_sql_int (q, 7);
  op->idate = fm_sql_int (q, 8);
  op->after_op = fm_sql_int (q, 9);
  op->uid = (guint32) fm_sql_int (q, 10);
  op->kind = (FmOpKind) fm_sql_int (q, 11);
  op->state = (FmOpState) fm_sql_int (q, 12);
  op->add = (guint) fm_sql_int (q, 13);
  op->remove = (guint) fm_sql_int (q, 14);
  op->eff_add = (guint) fm_sql_int (q, 15);
  op->eff_del = (guint) fm_sql_int (q, 16);
  op->kw_add = g_strdup (fm_sql_text (q, 17));
  op->kw_del = g_strdup (fm_sql_text (q, 18));
  op->arg = g_strdup (fm_sql_text (q, 19));
  op->gone = fm_sql_int (q, 20) != 0;
  op->old_name = g_strdup (fm_sql_text (q, 21));
  op->follows = fm_sql_int (q, 22) != 0;
  op->server_id = (guint64) fm_sql_int (q, 23);
  op->not_before = fm_sql_int (q, 24);
  return op;
}

FmJournalOp *
fm_journal_op_get (FmStoreReader *reader, gint64 op_id, GError **error)
{
  g_auto (FmSql) q = { 0 };

  if (!fm_sql_query (&q, reader, error, OP_SELECT "WHERE id=?", "i", op_id))
    return NULL;
  if (fm_sql_step (&q))
    return read_op (&q);
  if (fm_sql_end (&q, error))
    g_set_error (error, FM_ERROR, FM_ERROR_NOT_FOUND, "operation %" G_GINT64_FORMAT " is not in the journal", op_id);
  return NULL;
}

GPtrArray *
fm_journal_op_group (FmStoreReader *reader, gint64 group_id, gboolean newest_first, GError **error)
{
  g_auto (FmSql) q = { 0 };
  g_autoptr (GPtrArray) ops = g_ptr_array_new_with_free_func ((GDestroyNotify) fm_journal_op_free);

  if (!fm_sql_query (&q, reader, error, OP_SELECT "WHERE group_id=?1 ORDER BY CASE ?2 WHEN 1 THEN -id ELSE id END", "id", group_id,
                     newest_first != 0))
    return NULL;
  while (fm_sql_step (&q))
    g_ptr_array_add (ops, read_op (&q));
  return fm_sql_end (&q, error) ? g_steal_pointer (&ops) : NULL;
}

gint64
fm_journal_op_insert (FmStoreWriter *writer, const FmJournalOp *op, GError **error)
{
  if (!fm_sql_exec (&writer->reader, error,
                    "INSERT INTO op(group_id, account_id, kind, state, msg_id, folder_id, uid, target_id, new_msg_id, add_flags, "
                    "del_flags, eff_add, eff_del,"
                    " kw_add, kw_del, arg, blob_id, idate, after_op, created, old_name, follows, server_id, not_before)"
                    " VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
                    "iiddiiniiuuuusssiiiisdii", op->group_id, op->account_id, (int) op->kind, (int) op->state, op->msg_id, op->folder_id,
                    (gint64) op->uid, op->target_id, op->new_msg_id, op->add, op->remove, op->eff_add, op->eff_del,
                    op->kw_add == NULL ? "" : op->kw_add, op->kw_del == NULL ? "" : op->kw_del, op->arg == NULL ? "" : op->arg, op->blob_id,
                    op->idate, op->after_op, fm_clock_now_utc (), op->old_name == NULL ? "" : op->old_name, op->follows != 0,
                    (gint64) op->server_id, op->not_before))
    return 0;
  return sqlite3_last_insert_rowid (writer->reader.db);
}

gboolean
fm_journal_op_set_state (FmStoreWriter *writer, gint64 op_id, FmOpState state, const char *error_text, GError **error)
{
  return fm_sql_exec (&writer->reader, error, "UPDATE op SET state=?, error=coalesce(?, error) WHERE id=?", "dsi", (int) state, error_text,
                      op_id);
}

gboolean
fm_journal_op_want_delete (FmStoreWriter *writer, const FmJournalOp *op, GError **error)
{
  return fm_sql_exec (&writer->reader, error, "UPDATE pop_seen SET wants_delete=1, msg_id=0 WHERE msg_id=? AND msg_id<>0 AND account_id=?",
                      "ii", op->msg_id, op->account_id);
}

gboolean
fm_journal_op_drop_row (FmStoreWriter *writer, gint64 msg_id, FmOpState state, const char *error_text, GError **error)
{
  FmStoreReader *r = &writer->reader;
  gint64 copy;

  /* Ended first, so that the same one is not found again. */
  while ((copy = fm_sql_value (r, 0, "SELECT id FROM op WHERE msg_id=? AND state<3 AND state=0 AND kind=2 LIMIT 1", "i", msg_id)) != 0)
    if (!fm_journal_op_set_state (writer, copy, state, error_text, error)
        || !fm_journal_op_drop_row (writer, fm_sql_value (r, 0, "SELECT new_msg_id FROM op WHERE id=?", "i", copy), state, error_text,
                                    error))
      return FALSE;
  /* A copy that was sent, or whose source is gone, settles by itself. */
  return fm_sql_exec (r, error, "UPDATE op SET state=?, error=coalesce(?, error) WHERE msg_id=? AND state<3 AND NOT (kind=2 AND state>0)",
                      "dsi", (int) state, error_text, msg_id)
         && fm_sql_exec (r, error, "DELETE FROM msg WHERE id=?", "i", msg_id);
}

static gboolean
remove_row (FmStoreWriter *writer, gint64 msg_id, GError **error)
{
  return fm_journal_op_drop_row (writer, msg_id, FM_OP_CANCELLED, NULL, error);
}

static gboolean
return_row (FmStoreWriter *writer, const FmJournalOp *op, GError **error)
{
  FmStoreReader *r = &writer->reader;

  if (op->gone || fm_sql_value (r, 0, "SELECT 1 FROM folder WHERE id=?", "i", op->folder_id) == 0)
    return remove_row (writer, op->msg_id, error);
  return fm_sql_exec (r, error, "DELETE FROM msg WHERE folder_id=? AND uid=? AND id<>?", "ini", op->folder_id, (gint64) op->uid, op->msg_id)
         && fm_sql_exec (r, error, "UPDATE msg SET folder_id=?, uid=? WHERE id=?", "ini", op->folder_id, (gint64) op->uid, op->msg_id);
}

/* A move that did not happen: what was planned on its result, up to the next move, starts from where the message really is. If there is a next
 * move, the row stays where that one takes it; unless that was the way back, which leaves nothing to do, and what comes after it starts there too. */
static gboolean
revert_move (FmStoreWriter *writer, const FmJournalOp *op, GError **error)
{
  FmStoreReader *r = &writer->reader;
  gint64 from = op->id;

  for (;;)
    {
      gint64 next = fm_sql_value (r, G_MAXINT64, "SELECT min(id) FROM op WHERE msg_id=? AND id>? AND kind IN (1,3) AND state<3", "ii",
                                  op->msg_id, from);
      if (!fm_sql_exec (r, error, "UPDATE op SET folder_id=?, uid=? WHERE msg_id=? AND id>? AND id<=? AND state<3 AND state<2 AND kind<4",
                        "iniii", op->folder_id, (gint64) op->uid, op->msg_id, from, next))
        return FALSE;
      if (next == G_MAXINT64)
        return return_row (writer, op, error);
      if (!fm_sql_exec (r, error, "UPDATE op SET state=5 WHERE id=? AND kind=1 AND target_id=folder_id AND state=0", "i", next))
        return FALSE;
      if (fm_sql_changes (r) == 0)
        return TRUE;
      from = next;
    }
}

gboolean
fm_journal_op_revert (FmStoreWriter *writer, const FmJournalOp *op, gboolean keep_append, GError **error)
{
  FmStoreReader *r = &writer->reader;

  switch (op->kind)
    {
    case FM_OP_FLAGS:
      return fm_message_merge_show (writer, op->msg_id, NULL, error);
    case FM_OP_MOVE:
      return revert_move (writer, op, error);
    case FM_OP_EXPUNGE:
      return return_row (writer, op, error);
    case FM_OP_COPY:
      return remove_row (writer, op->new_msg_id, error);
    case FM_OP_APPEND:
      return keep_append || remove_row (writer, op->msg_id, error);
    case FM_OP_FOLDER_CREATE:
      return fm_sql_exec (r, error, "DELETE FROM folder WHERE id=? AND remote_name='' AND total=0", "i", op->folder_id);
    case FM_OP_FOLDER_RENAME:
      return fm_sql_exec (r, error,
                          "UPDATE folder SET name=remote_name WHERE account_id=?1 AND remote_name<>'' AND name<>remote_name AND"
                          " (name=?2 OR substr(name, 1, length(?2)+1) = ?2 || char(delim))",
                          "is", op->account_id, op->arg);
    case FM_OP_FOLDER_DELETE:
      return fm_sql_exec (r, error, "UPDATE folder SET hidden=0 WHERE id=?", "i", op->folder_id);
    case FM_OP_FOLDER_SUBSCRIBE:
      return fm_sql_exec (r, error, "UPDATE folder SET subscribed=? WHERE id=?", "di", op->add == 0, op->folder_id);
    }
  return TRUE;
}

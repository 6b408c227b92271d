/* The journal's life after planning: handing out batches, and what each answer of the server does to rows and to the operations behind it.
 * See doc/internals/journal.md for the states. */
#include "store/journal-private.h"
#include <fulmar/base/clock.h>
#include <fulmar/base/error.h>
#include <stdlib.h>

gint64
fm_journal_group (FmStoreWriter *writer, const char *label, GError **error)
{
  if (!fm_sql_exec (&writer->reader, error, "UPDATE op_group SET state=2 WHERE state=1", ""))
    return 0;
  return fm_journal_plan_group (writer, label, 0, error);
}

gint64
fm_journal_side_group (FmStoreWriter *writer, const char *label, GError **error)
{
  /* No group has this id, so it is no one's undo, and not an action of its own either. */
  return fm_journal_plan_group (writer, label, -1, error);
}

void
fm_journal_batch_free (FmOpBatch *batch)
{
  if (batch == NULL)
    return;
  g_free (batch->folder);
  g_free (batch->target);
  g_strfreev (batch->add_keywords);
  g_strfreev (batch->remove_keywords);
  g_free (batch->items);
  g_free (batch);
}

/* May run now: nothing live before it on the same row, its predecessor settled, its folder not being matched anew, a UID where one is
 * needed; folder renames and deletions wait for everything before them in that folder. */
#define RUNNABLE                                                                                                                     \
  "o.state=0 AND o.not_before<=?2 AND NOT f.rematch AND (o.uid IS NOT NULL OR o.kind>=4 OR a.kind<>0)"                               \
  " AND (o.msg_id=0 OR NOT EXISTS (SELECT 1 FROM op p WHERE p.msg_id=o.msg_id AND p.id<o.id AND p.state<3))"                         \
  " AND (o.msg_id=0 OR NOT EXISTS (SELECT 1 FROM op p WHERE p.new_msg_id=o.msg_id AND p.new_msg_id<>0 AND p.id<o.id AND p.state<3))" \
  " AND (o.after_op=0 OR NOT EXISTS (SELECT 1 FROM op p WHERE p.id=o.after_op AND p.state<3))"                                       \
  " AND (o.kind<6 OR NOT EXISTS (SELECT 1 FROM op p WHERE p.account_id=o.account_id AND p.state IN (0,1) AND p.id<o.id"              \
  "  AND (p.folder_id=o.folder_id OR p.target_id=o.folder_id)))"

static FmOpBatch *
new_batch (FmStoreReader *reader, const FmJournalOp *op)
{
  g_auto (FmSql) q = { 0 };
  FmOpBatch *batch = g_new0 (FmOpBatch, 1);

  batch->kind = op->kind;
  batch->state = op->state;
  batch->account_id = op->account_id;
  batch->folder_id = op->folder_id;
  batch->target_id = op->target_id;
  batch->add = op->add;
  batch->remove = op->remove;
  batch->add_keywords = g_strsplit (op->kw_add, " ", -1);
  batch->remove_keywords = g_strsplit (op->kw_del, " ", -1);
  batch->blob_id = op->blob_id;
  batch->date_utc = op->idate;
  batch->note = (guint32) fm_sql_value (reader, 0, "SELECT note FROM op WHERE id=?", "i", op->id);
  batch->tries = (guint) fm_sql_value (reader, 0, "SELECT tries FROM op WHERE id=?", "i", op->id);
  if (fm_sql_query (&q, reader, NULL,
                    "SELECT f.remote_name, f.uidvalidity, (SELECT remote_name FROM folder WHERE id=?) FROM folder f WHERE f.id=?", "ii",
                    op->target_id, op->folder_id)
      && fm_sql_step (&q))
    {
      batch->folder = g_strdup (op->kind == FM_OP_FOLDER_CREATE ? op->arg : fm_sql_text (&q, 0));
      batch->uidvalidity = (guint32) fm_sql_int (&q, 1);
      batch->target = g_strdup (op->kind == FM_OP_FOLDER_RENAME ? op->arg : fm_sql_text (&q, 2));
    }
  return batch;
}

static int
compare_items (const void *a, const void *b)
{
  const FmOpItem *x = a, *y = b;
  return x->uid != y->uid ? (x->uid < y->uid ? -1 : 1) : x->op_id < y->op_id ? -1 : 1;
}

static FmOpBatch *
fill_batch (FmStoreReader *reader, const FmJournalOp *first, FmSql *q, GError **error)
{
  g_autoptr (FmOpBatch) batch = new_batch (reader, first);
  g_autoptr (GArray) items = g_array_new (FALSE, FALSE, sizeof (FmOpItem));

  while (fm_sql_step (q))
    {
      FmOpItem item = { fm_sql_int (q, 0), fm_sql_int (q, 1), fm_sql_int (q, 2), (guint32) fm_sql_int (q, 3), FALSE };
      g_array_append_val (items, item);
    }
  if (!fm_sql_end (q, error))
    return NULL;
  batch->n = items->len;
  batch->items = (FmOpItem *) g_array_free (g_steal_pointer (&items), FALSE);
  qsort (batch->items, batch->n, sizeof (FmOpItem), compare_items);
  return g_steal_pointer (&batch);
}

FmOpBatch *
fm_journal_next (FmStoreReader *reader, gint64 account_id, guint limit, GError **error)
{
  g_auto (FmSql) q = { 0 };
  gint64 now = fm_clock_now_utc ();
  gint64 id = fm_sql_value (
      reader, 0,
      "SELECT o.id FROM op o JOIN folder f ON f.id=o.folder_id JOIN account a ON a.id=o.account_id WHERE o.account_id=?1 AND " RUNNABLE
      " ORDER BY o.id LIMIT 1",
      "ii", account_id, now);
  g_autoptr (FmJournalOp) first = id == 0 ? NULL : fm_journal_op_get (reader, id, error);

  if (first == NULL)
    return NULL;
  if (first->kind >= FM_OP_APPEND)
    limit = 1;
  if (!fm_sql_query (
          &q, reader, error,
          "SELECT o.id, o.msg_id, o.new_msg_id, o.uid FROM op o JOIN folder f ON f.id=o.folder_id JOIN account a ON a.id=o.account_id"
          " WHERE o.account_id=?1 AND " RUNNABLE " AND o.id>=?3 AND o.kind=?4 AND o.folder_id=?5 AND o.target_id=?6 AND o.add_flags=?7 AND"
          " o.del_flags=?8 AND o.kw_add=?9 AND o.kw_del=?10 ORDER BY o.id LIMIT ?11",
          "iiidiiuussu", account_id, now, id, (int) first->kind, first->folder_id, first->target_id, first->add, first->remove,
          first->kw_add, first->kw_del, (guint32) limit))
    return NULL;
  return fill_batch (reader, first, &q, error);
}

FmOpBatch *
fm_journal_unanswered (FmStoreReader *reader, gint64 account_id, guint limit, GError **error)
{
  g_auto (FmSql) q = { 0 };
  gint64 id = fm_sql_value (reader, 0, "SELECT id FROM op WHERE account_id=? AND state=1 ORDER BY id LIMIT 1", "i", account_id);
  g_autoptr (FmJournalOp) first = id == 0 ? NULL : fm_journal_op_get (reader, id, error);

  if (first == NULL)
    return NULL;
  if (first->kind >= FM_OP_APPEND)
    limit = 1;
  if (!fm_sql_query (&q, reader, error,
                     "SELECT id, msg_id, new_msg_id, uid FROM op WHERE account_id=? AND state=1 AND id>=? AND kind=? AND folder_id=? AND "
                     "target_id=? AND add_flags=?"
                     " AND del_flags=? AND kw_add=? AND kw_del=? ORDER BY id LIMIT ?",
                     "iidiiuussu", account_id, id, (int) first->kind, first->folder_id, first->target_id, first->add, first->remove,
                     first->kw_add, first->kw_del, (guint32) limit))
    return NULL;
  return fill_batch (reader, first, &q, error);
}

gboolean
fm_journal_mark_sent (FmStoreWriter *writer, FmOpBatch *batch, gsize first, gsize n, GError **error)
{
  for (gsize i = first; i < first + n; i++)
    {
      FmOpItem *item = &batch->items[i];
      if (!fm_sql_exec (&writer->reader, error, "UPDATE op SET state=1, tries=tries+1 WHERE id=? AND state=0 AND folder_id=? AND uid IS ?",
                        "iin", item->op_id, batch->folder_id, (gint64) item->uid))
        return FALSE;
      item->marked = fm_sql_changes (&writer->reader) > 0;
    }
  return TRUE;
}

void
fm_journal_batch_trim (FmOpBatch *batch)
{
  gsize kept = 0;

  for (gsize i = 0; i < batch->n; i++)
    if (batch->items[i].marked)
      batch->items[kept++] = batch->items[i];
  batch->n = kept;
}

gboolean
fm_journal_retry (FmStoreWriter *writer, const gint64 *op_ids, gsize n, int delay_s, const char *error_text, GError **error)
{
  gint64 when = fm_clock_now_utc () + delay_s;

  /* A source that vanished after all means the move happened, by us or by another: it can't be sent again, it settles. A copy of it can't be made. */
  for (gsize i = 0; i < n; i++)
    if (fm_sql_value (&writer->reader, 0, "SELECT 1 FROM op WHERE id=? AND gone AND kind=2", "i", op_ids[i]) != 0)
      {
        if (!fm_journal_refuse (writer, op_ids[i], "the message is gone from the server", NULL, error))
          return FALSE;
      }
    else if (!fm_sql_exec (&writer->reader, error,
                           "UPDATE op SET state = CASE WHEN gone AND kind=1 THEN 2 ELSE 0 END, not_before=?, error=coalesce(?, '') WHERE "
                           "id=? AND state<2",
                           "isi", when, error_text, op_ids[i]))
      return FALSE;
  return TRUE;
}

gboolean
fm_journal_note (FmStoreWriter *writer, gint64 op_id, guint32 note, GError **error)
{
  return fm_sql_exec (&writer->reader, error, "UPDATE op SET note=? WHERE id=?", "ui", note, op_id);
}

/* ROW was met under the UID of its twin OTHER: each gets the other's, with all that the server said of it. */
static gboolean
exchange_rows (FmStoreReader *r, gint64 row, gint64 other, gint64 row_uid, guint32 uid, GError **error)
{
  g_auto (FmSql) q = { 0 };

  if (!fm_sql_query (&q, r, error, "SELECT a.sflags, a.modseq, b.sflags, b.modseq FROM msg a, msg b WHERE a.id=? AND b.id=?", "ii", row,
                     other)
      || !fm_sql_step (&q))
    return FALSE;
  gint64 flags[2] = { fm_sql_int (&q, 0), fm_sql_int (&q, 2) }, modseq[2] = { fm_sql_int (&q, 1), fm_sql_int (&q, 3) };
  return fm_sql_end (&q, error) && fm_sql_exec (r, error, "UPDATE msg SET uid=NULL WHERE id=?", "i", row)
         && fm_sql_exec (r, error, "UPDATE msg SET uid=?, sflags=?, modseq=? WHERE id=?", "iiii", row_uid, flags[0], modseq[0], other)
         && fm_sql_exec (r, error, "UPDATE msg SET uid=?, sflags=?, modseq=? WHERE id=?", "uiii", uid, flags[1], modseq[1], row)
         && fm_sql_exec (r, error, "UPDATE msg_kw SET msg_id=-1 WHERE msg_id=?", "i", row)
         && fm_sql_exec (r, error, "UPDATE msg_kw SET msg_id=? WHERE msg_id=?", "ii", row, other)
         && fm_sql_exec (r, error, "UPDATE msg_kw SET msg_id=? WHERE msg_id=-1", "i", other);
}

/* The row that a synchroniser made of UID before we heard that it is ours: its operations and truth move over, and it goes. */
static gboolean
absorb_row (FmStoreWriter *writer, gint64 row, gint64 other, gint64 folder, guint32 uid, GError **error)
{
  FmStoreReader *r = &writer->reader;
  gint64 held = fm_sql_value (r, 0, "SELECT uid FROM msg WHERE id=? AND folder_id=?", "ii", row, folder);

  if (held != 0)
    return exchange_rows (r, row, other, held, uid, error) && fm_message_store_doubt_body (writer, other, error)
           && fm_message_merge_show (writer, other, NULL, error);
  return fm_sql_exec (r, error, "UPDATE op SET msg_id=? WHERE msg_id=? AND state<3", "ii", row, other)
         && fm_sql_exec (r, error, "UPDATE msg SET (sflags, modseq) = (SELECT sflags, modseq FROM msg WHERE id=?) WHERE id=?", "ii", other,
                         row)
         && fm_sql_exec (r, error, "UPDATE msg_kw SET bits = bits & ~1 WHERE msg_id=?", "i", row)
         && fm_sql_exec (
             r, error,
             "INSERT INTO msg_kw SELECT ?, kw_id, 1 FROM msg_kw WHERE msg_id=? AND bits & 1 ON CONFLICT DO UPDATE SET bits = bits | 1",
             "ii", row, other)
         && fm_sql_exec (r, error, "UPDATE pop_seen SET msg_id=? WHERE msg_id=?", "ii", row, other)
         && fm_sql_exec (r, error, "DELETE FROM msg WHERE id=?", "i", other);
}

/* ROW is UID in FOLDER on the server now; it may have been moved on here since, even back into FOLDER, where it will have another UID. */
static gboolean
settle (FmStoreWriter *writer, gint64 op_id, gint64 row, gint64 folder, guint32 uid, GError **error)
{
  FmStoreReader *r = &writer->reader;
  gint64 other = fm_sql_value (r, 0, "SELECT id FROM msg WHERE folder_id=? AND uid=?", "iu", folder, uid);
  /* Later operations of this stay in the folder: up to the move that ends it. */
  gint64 next
      = fm_sql_value (r, G_MAXINT64, "SELECT min(id) FROM op WHERE msg_id=? AND id>? AND kind IN (1,3) AND state<3", "ii", row, op_id);

  gboolean stays = next == G_MAXINT64;

  if (other != 0 && other != row && !absorb_row (writer, row, other, folder, uid, error))
    return FALSE;
  /* A MODSEQ is its folder's: that of the folder it came from would outlive the words of this one. */
  if (other == 0 && !fm_sql_exec (r, error, "UPDATE msg SET modseq=0 WHERE id=? AND folder_id=? AND uid IS NULL", "ii", row, folder))
    return FALSE;
  return (!stays || fm_sql_exec (r, error, "UPDATE msg SET uid=? WHERE id=? AND folder_id=? AND uid IS NULL", "uii", uid, row, folder))
         && fm_message_store_doubt_body (writer, row, error)
         /* By its key it may have been met under a UID that it had here once, and that is gone again. */
         && fm_sql_exec (r, error,
                         "UPDATE op SET uid=?1, gone=0, state=0 WHERE msg_id=?2 AND id>?3 AND id<=?4 AND folder_id=?5 AND uid IS NOT ?1"
                         " AND (state=0 OR state=2 AND tries=0) AND kind<4 AND state<3",
                         "uiiii", uid, row, op_id, next, folder)
         && fm_journal_op_set_state (writer, op_id, FM_OP_CONFIRMED, NULL, error) && fm_message_merge_show (writer, row, NULL, error);
}

static gboolean
confirm_arrival (FmStoreWriter *writer, const FmJournalOp *op, gint64 row, gint64 folder, guint32 uid, GError **error)
{
  FmStoreReader *r = &writer->reader;

  if (uid == 0 && fm_sql_value (r, 0, "SELECT kind FROM account WHERE id=?", "i", op->account_id) != FM_STORE_IMAP)
    uid = fm_message_store_take_uids (writer, folder, 1, error);
  /* Met already: as it stands there, or as it is about to leave again. */
  if (uid == 0)
    uid = (guint32) fm_sql_value (r, 0, "SELECT uid FROM msg WHERE id=? AND folder_id=?", "ii", row, folder);
  if (uid == 0)
    uid = (guint32) fm_sql_value (
        r, 0, "SELECT uid FROM op WHERE msg_id=? AND id>? AND folder_id=? AND kind IN (1,3) AND state<3 ORDER BY id LIMIT 1", "iii", row,
        op->id, folder);
  if (uid != 0)
    return settle (writer, op->id, row, folder, uid, error);
  if (fm_sql_value (r, 0, "SELECT 1 FROM msg WHERE id=?", "i", row) == 0)
    return fm_journal_op_set_state (writer, op->id, FM_OP_CONFIRMED, NULL, error);
  return fm_journal_op_set_state (writer, op->id, FM_OP_SETTLING, NULL, error);
}

static gboolean
confirm_rename (FmStoreWriter *writer, const FmJournalOp *op, GError **error)
{
  FmStoreReader *r = &writer->reader;
  g_autoptr (FmFolderInfo) folder = fm_folder_store_get (r, op->folder_id, NULL);

  return folder == NULL
         || fm_sql_exec (r, error,
                         "UPDATE folder SET remote_name = ?1 || substr(remote_name, length(?2)+1) WHERE account_id=?3 AND"
                         " (remote_name=?2 OR delim<>0 AND substr(remote_name, 1, length(?2)+1) = ?2 || char(delim))",
                         "ssi", op->arg, folder->remote_name, op->account_id);
}

static gboolean
confirm (FmStoreWriter *writer, const FmJournalOp *op, guint32 new_uid, GError **error)
{
  FmStoreReader *r = &writer->reader;

  switch (op->kind)
    {
    case FM_OP_MOVE:
      return confirm_arrival (writer, op, op->msg_id, op->target_id, new_uid, error);
    case FM_OP_COPY:
      return confirm_arrival (writer, op, op->new_msg_id, op->target_id, new_uid, error);
    case FM_OP_APPEND:
      return confirm_arrival (writer, op, op->msg_id, op->folder_id, new_uid, error);
    default:
      break;
    }
  if (!fm_journal_op_set_state (writer, op->id, FM_OP_CONFIRMED, NULL, error))
    return FALSE;
  switch (op->kind)
    {
    case FM_OP_FLAGS:
      return fm_message_merge_confirm (writer, op->msg_id, op->add, op->remove, op->kw_add, op->kw_del, error);
    case FM_OP_EXPUNGE:
      return fm_journal_op_want_delete (writer, op, error)
             && fm_sql_exec (r, error, "DELETE FROM msg WHERE id=? AND folder_id=0", "i", op->msg_id);
    case FM_OP_FOLDER_CREATE:
      return fm_sql_exec (r, error, "UPDATE folder SET remote_name=? WHERE id=? AND remote_name=''", "si", op->arg, op->folder_id);
    case FM_OP_FOLDER_RENAME:
      return confirm_rename (writer, op, error);
    case FM_OP_FOLDER_DELETE:
      return fm_folder_store_delete (writer, op->folder_id, error);
    default:
      return TRUE;
    }
}

gboolean
fm_journal_confirm (FmStoreWriter *writer, gint64 op_id, guint32 new_uid, GError **error)
{
  g_autoptr (FmJournalOp) op = fm_journal_op_get (&writer->reader, op_id, error);

  if (op == NULL || op->state >= FM_OP_CONFIRMED)
    return op != NULL;
  return confirm (writer, op, new_uid, error) && fm_journal_gmail_confirm_followers (writer, op, error);
}

gboolean
fm_journal_overtaken (FmStoreWriter *writer, gint64 op_id, GError **error)
{
  /* As if it had never been sent: what is met by its key was not brought by us. */
  return fm_sql_exec (&writer->reader, error, "UPDATE op SET gone=1, tries=0 WHERE id=? AND state<3 AND kind=1", "i", op_id)
         && fm_journal_confirm (writer, op_id, 0, error);
}

/* Those that waited for this one alone can't be done either. */
static gboolean
refuse_dependents (FmStoreWriter *writer, gint64 op_id, gboolean *ret_any, GError **error)
{
  FmStoreReader *r = &writer->reader;
  gint64 id;

  *ret_any = FALSE;
  while ((id = fm_sql_value (r, 0, "SELECT id FROM op WHERE after_op=? AND state=0 ORDER BY id DESC LIMIT 1", "i", op_id)) != 0)
    {
      g_autoptr (FmJournalOp) op = fm_journal_op_get (r, id, error);
      gboolean any;
      /* A renamed folder is still there under its old name: what waited may go on. */
      if (op == NULL || !refuse_dependents (writer, id, &any, error)
          || !fm_journal_op_set_state (writer, id, FM_OP_REFUSED, "what came before it was refused", error)
          || !fm_journal_op_revert (writer, op, TRUE, error))
        return FALSE;
      *ret_any = TRUE;
    }
  return TRUE;
}

gboolean
fm_journal_refuse (FmStoreWriter *writer, gint64 op_id, const char *error_text, gint64 *ret_group, GError **error)
{
  FmStoreReader *r = &writer->reader;
  g_autoptr (FmJournalOp) op = fm_journal_op_get (r, op_id, error);
  gboolean had_dependents = FALSE;

  if (op == NULL)
    return FALSE;
  if (ret_group != NULL)
    *ret_group = op->group_id;
  if (op->state >= FM_OP_CONFIRMED)
    return TRUE;
  if (op->kind == FM_OP_FOLDER_RENAME && !fm_sql_exec (r, error, "UPDATE op SET after_op=0 WHERE after_op=?", "i", op_id))
    return FALSE;
  if (!refuse_dependents (writer, op_id, &had_dependents, error))
    return FALSE;
  /* A refused APPEND keeps its row, the only place where the message is, unless its source has just come back. */
  return fm_journal_op_set_state (writer, op_id, FM_OP_REFUSED, error_text, error)
         && fm_journal_op_revert (writer, op, !had_dependents, error);
}

gint64
fm_journal_leaving (FmStoreReader *reader, gint64 folder_id, guint32 uid)
{
  return fm_sql_value (reader, 0, "SELECT msg_id FROM op WHERE folder_id=? AND uid=? AND state<3 AND kind IN (1,3) ORDER BY id LIMIT 1",
                       "iu", folder_id, uid);
}

GArray *
fm_journal_settling (FmStoreReader *reader, gint64 folder_id, GError **error)
{
  g_auto (FmSql) q = { 0 };
  g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (gint64));

  if (!fm_sql_query (&q, reader, error,
                     "SELECT id FROM op WHERE account_id=(SELECT account_id FROM folder WHERE id=?1) AND state=2"
                     " AND (target_id=?1 OR kind=4 AND folder_id=?1) ORDER BY id",
                     "i", folder_id))
    return NULL;
  while (fm_sql_step (&q))
    {
      gint64 id = fm_sql_int (&q, 0);
      g_array_append_val (ids, id);
    }
  return fm_sql_end (&q, error) ? g_steal_pointer (&ids) : NULL;
}

static gboolean
give_up (FmStoreWriter *writer, gint64 op_id, GError **error)
{
  g_autoptr (FmJournalOp) op = fm_journal_op_get (&writer->reader, op_id, error);

  if (op == NULL)
    return FALSE;
  gint64 row = op->kind == FM_OP_COPY ? op->new_msg_id : op->msg_id;
  return fm_journal_op_set_state (writer, op_id, FM_OP_CONFIRMED, "the message is gone from the server", error)
         && fm_journal_op_drop_row (writer, row, FM_OP_REFUSED, "the message is gone from the server", error);
}

gboolean
fm_journal_settle_missing (FmStoreWriter *writer, gint64 folder_id, const GArray *op_ids, guint *ret_gone, GError **error)
{
  g_autoptr (GArray) now = op_ids == NULL ? fm_journal_settling (&writer->reader, folder_id, error) : g_array_ref ((GArray *) op_ids);
  guint gone = 0;

  if (now == NULL)
    return FALSE;
  for (guint i = 0; i < now->len; i++)
    {
      gint64 id = g_array_index (now, gint64, i);
      /* Giving one up ends those behind it on the same row. */
      if (fm_sql_value (&writer->reader, 0, "SELECT 1 FROM op WHERE id=? AND state=2", "i", id) == 0)
        continue;
      if (!give_up (writer, id, error))
        return FALSE;
      gone++;
    }
  if (ret_gone != NULL)
    *ret_gone = gone;
  return TRUE;
}

static gboolean
candidate (FmStoreReader *reader, const char *text, gint64 before, gint64 *ret_group, char **ret_label)
{
  g_auto (FmSql) q = { 0 };

  if (!fm_sql_query (&q, reader, NULL, text, "i", before == 0 ? G_MAXINT64 : before) || !fm_sql_step (&q))
    return FALSE;
  *ret_group = fm_sql_int (&q, 0);
  if (ret_label != NULL)
    *ret_label = g_strdup (fm_sql_text (&q, 1));
  return TRUE;
}

gboolean
fm_journal_undo_candidate (FmStoreReader *reader, gint64 before, gint64 *ret_group, char **ret_label)
{
  return candidate (reader,
                    "SELECT id, label FROM op_group g WHERE state=0 AND undo_of=0 AND id<? AND EXISTS (SELECT 1 FROM op WHERE group_id=g.id"
                    " AND state<4) ORDER BY id DESC LIMIT 1",
                    before, ret_group, ret_label);
}

gboolean
fm_journal_redo_candidate (FmStoreReader *reader, gint64 *ret_group, char **ret_label)
{
  /* The one undone last: its undo is the newest. */
  return candidate (reader,
                    "SELECT g.id, g.label FROM op_group g JOIN op_group u ON u.undo_of=g.id WHERE g.state=1 AND u.id<? ORDER BY u.id DESC"
                    " LIMIT 1",
                    0, ret_group, ret_label);
}

gboolean
fm_journal_undo (FmStoreWriter *writer, gint64 group_id, guint *ret_n, GError **error)
{
  guint n = 0;
  gboolean ok = fm_journal_undo_run (writer, group_id, &n, error);

  if (ok && ret_n != NULL)
    *ret_n = n;
  return ok;
}

gboolean
fm_journal_is_undone (FmStoreReader *reader, gint64 group_id)
{
  return fm_sql_value (reader, 0, "SELECT state FROM op_group WHERE id=?", "i", group_id) != 0;
}

gboolean
fm_journal_redo (FmStoreWriter *writer, gint64 group_id, guint *ret_n, GError **error)
{
  guint n = 0;
  gboolean ok = fm_journal_undo_replay (writer, group_id, &n, error);

  if (ok && ret_n != NULL)
    *ret_n = n;
  return ok;
}

guint64
fm_journal_pending (FmStoreReader *reader, gint64 account_id)
{
  return (guint64) fm_sql_value (
      reader, 0, "SELECT count(*) FROM op INDEXED BY op_msg WHERE state<3 AND state<2 AND NOT follows AND (?1=0 OR account_id=?1)", "i",
      account_id);
}

gint64
fm_journal_newest (FmStoreReader *reader)
{
  return fm_sql_value (reader, 0, "SELECT coalesce(max(id), 0) FROM op", "");
}

void
fm_journal_info_free (FmOpInfo *info)
{
  if (info == NULL)
    return;
  g_free (info->label);
  g_free (info->error);
  g_free (info);
}

gboolean
fm_journal_prune (FmStoreWriter *writer, int age_s, guint keep, GError **error)
{
  FmStoreReader *r = &writer->reader;

  return fm_sql_exec (r, error,
                      "DELETE FROM op WHERE group_id IN (SELECT id FROM op_group g WHERE created < ? AND id NOT IN (SELECT id FROM "
                      "op_group ORDER BY id DESC LIMIT ?)"
                      " AND EXISTS (SELECT 1 FROM op WHERE group_id=g.id) AND NOT EXISTS (SELECT 1 FROM op WHERE group_id=g.id AND "
                      "state<3) LIMIT 50)",
                      "iu", fm_clock_now_utc () - age_s, (guint32) keep)
         && fm_sql_exec (r, error, "DELETE FROM op_group WHERE created < ? AND NOT EXISTS (SELECT 1 FROM op WHERE group_id=op_group.id)",
                         "i", fm_clock_now_utc () - age_s);
}

static GArray *
group_ids (FmStoreReader *reader, gint64 group_id, const char *text, GError **error)
{
  g_auto (FmSql) q = { 0 };
  g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (gint64));

  if (!fm_sql_query (&q, reader, error, text, "i", group_id))
    return NULL;
  while (fm_sql_step (&q))
    {
      gint64 id = fm_sql_int (&q, 0);
      g_array_append_val (ids, id);
    }
  return fm_sql_end (&q, error) ? g_steal_pointer (&ids) : NULL;
}

GArray *
fm_journal_group_messages (FmStoreReader *reader, gint64 group_id, GError **error)
{
  return group_ids (reader, group_id, "SELECT DISTINCT msg_id FROM op WHERE group_id=? AND msg_id<>0", error);
}

GArray *
fm_journal_group_folders (FmStoreReader *reader, gint64 group_id, GError **error)
{
  return group_ids (reader, group_id,
                    "SELECT folder_id FROM op WHERE group_id=?1 UNION SELECT target_id FROM op WHERE group_id=?1 AND target_id<>0", error);
}

GArray *
fm_journal_group_accounts (FmStoreReader *reader, gint64 group_id, GError **error)
{
  return group_ids (reader, group_id, "SELECT DISTINCT account_id FROM op WHERE group_id=?", error);
}

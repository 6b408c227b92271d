/* Planning: each user action becomes operations and their local effect in the caller's transaction. On POP accounts every folder is local,
 * so operations are written as confirmed: they are kept for undo alone. What can't be undone is planned there too, since it is held. */
#include "store/journal-private.h"
#include <fulmar/base/clock.h>
#include <fulmar/base/error.h>
#include <string.h>

typedef FmJournalRow Row;

gboolean
fm_journal_plan_row (FmStoreReader *r, gint64 msg_id, FmJournalRow *row)
{
  g_auto (FmSql) q = { 0 };

  if (!fm_sql_query (
          &q, r, NULL,
          "SELECT m.folder_id, f.account_id, m.blob_id, m.uid, m.flags, a.kind, m.server_id FROM msg m JOIN folder f ON f.id=m.folder_id"
          " JOIN account a ON a.id=f.account_id WHERE m.id=?",
          "i", msg_id)
      || !fm_sql_step (&q))
    return FALSE;
  *row = (Row){ fm_sql_int (&q, 0),           fm_sql_int (&q, 1),         fm_sql_int (&q, 2),
                (guint32) fm_sql_int (&q, 3), (guint) fm_sql_int (&q, 4), (FmStoreKind) fm_sql_int (&q, 5),
                (guint64) fm_sql_int (&q, 6) };
  return TRUE;
}

gint64
fm_journal_plan_group (FmStoreWriter *writer, const char *label, gint64 undo_of, GError **error)
{
  if (!fm_sql_exec (&writer->reader, error, "INSERT INTO op_group(created, label, undo_of) VALUES(?,?,?)", "isi", fm_clock_now_utc (),
                    label, undo_of))
    return 0;
  return sqlite3_last_insert_rowid (writer->reader.db);
}

gint64
fm_journal_plan_barrier (FmStoreReader *r, gint64 folder_id, gint64 target_id)
{
  return fm_sql_value (r, 0, "SELECT max(id) FROM op INDEXED BY op_folder WHERE state<3 AND kind IN (5,6) AND folder_id IN (?,?)", "ii",
                       folder_id, target_id);
}

/* Those of KEYWORDS that the row does (or does not) show, joined by blanks. */
static char *
effective_keywords (FmStoreReader *r, gint64 msg_id, const char *const *keywords, gboolean shown)
{
  GString *list = g_string_new (NULL);

  for (guint i = 0; keywords != NULL && keywords[i] != NULL; i++)
    {
      gboolean has
          = fm_sql_value (r, 0, "SELECT 1 FROM msg_kw m JOIN keyword k ON k.id=m.kw_id WHERE m.msg_id=? AND k.name=? AND m.bits & 2", "is",
                          msg_id, keywords[i])
            != 0;
      if (has != shown || keywords[i][0] == '\0' || strchr (keywords[i], ' ') != NULL)
        continue;
      if (list->len > 0)
        g_string_append_c (list, ' ');
      g_string_append (list, keywords[i]);
    }
  return g_string_free (list, FALSE);
}

static gboolean
plan_flags_one (FmStoreWriter *writer, FmJournalOp *op, const char *const *add_keywords, const char *const *remove_keywords,
                gboolean *planned, GError **error)
{
  FmStoreReader *r = &writer->reader;
  Row row;

  *planned = FALSE;
  if (!fm_journal_plan_row (r, op->msg_id, &row))
    return TRUE;
  g_autofree char *kw_add = effective_keywords (r, op->msg_id, add_keywords, FALSE);
  g_autofree char *kw_del = effective_keywords (r, op->msg_id, remove_keywords, TRUE);
  op->eff_add = op->add & ~row.flags;
  op->eff_del = op->remove & row.flags;
  if (op->eff_add == 0 && op->eff_del == 0 && kw_add[0] == '\0' && kw_del[0] == '\0')
    return TRUE;
  op->folder_id = row.folder_id;
  op->account_id = row.account_id;
  op->uid = row.uid;
  op->kw_add = kw_add;
  op->kw_del = kw_del;
  op->state = row.kind == FM_STORE_POP ? FM_OP_CONFIRMED : FM_OP_PLANNED;
  op->after_op = fm_journal_plan_barrier (r, row.folder_id, 0);
  op->id = fm_journal_op_insert (writer, op, error);
  gboolean ok = op->id != 0 && (row.server_id == 0 || fm_journal_gmail_lead_flags (writer, op, op->id, error));
  op->kw_add = op->kw_del = NULL;
  *planned = TRUE;
  if (!ok)
    return FALSE;
  return row.kind == FM_STORE_POP ? fm_message_merge_confirm (writer, op->msg_id, op->add, op->remove, kw_add, kw_del, error)
                                  : fm_message_merge_show (writer, op->msg_id, NULL, error);
}

gboolean
fm_journal_plan_flags (FmStoreWriter *writer, gint64 group_id, const gint64 *msg_ids, gsize n, guint add, guint remove,
                       const char *const *add_keywords, const char *const *remove_keywords, guint *ret_n, GError **error)
{
  guint count = 0;

  for (gsize i = 0; i < n; i++)
    {
      FmJournalOp op = { .group_id = group_id, .msg_id = msg_ids[i], .kind = FM_OP_FLAGS };
      gboolean planned;
      op.add = add & FM_FLAG_SERVER_MASK;
      op.remove = remove & FM_FLAG_SERVER_MASK & ~add;
      if (!plan_flags_one (writer, &op, add_keywords, remove_keywords, &planned, error))
        return FALSE;
      count += planned;
    }
  if (ret_n != NULL)
    *ret_n = count;
  return TRUE;
}

static gboolean
count_copy (FmStoreReader *r, gint64 id, GError **error)
{
  g_auto (FmSql) q = { 0 };
  g_autoptr (GArray) added = g_array_new (FALSE, FALSE, sizeof (FmMessageAdded));

  if (!fm_sql_query (&q, r, error, "SELECT folder_id, thread_id, date, flags, blob_id FROM msg WHERE id=?", "i", id))
    return FALSE;
  if (!fm_sql_step (&q))
    return fm_sql_end (&q, error);
  FmMessageAdded one = { fm_sql_int (&q, 1), fm_sql_int (&q, 2), 1, (fm_sql_int (&q, 3) & FM_FLAG_SEEN) == 0 };
  g_array_append_val (added, one);
  return fm_message_count_blob (r, fm_sql_int (&q, 4), error) && fm_message_count_added (r, fm_sql_int (&q, 0), added, id, error);
}

/* A second row of the same message in FOLDER_ID, without a UID; its flags are the source's. 0 on error. */
static gint64
copy_row (FmStoreWriter *writer, gint64 msg_id, gint64 folder_id, GError **error)
{
  FmStoreReader *r = &writer->reader;

  if (!fm_sql_exec (r, error,
                    "INSERT INTO msg(folder_id, uid, flags, sflags, idate, date, size, natt, thread_id, mid, blob_id, server_id, "
                    "from_disp, subject, msgid)"
                    " SELECT ?, NULL, flags, flags & 511, idate, date, size, natt, thread_id, mid, blob_id, server_id, from_disp, subject, "
                    "msgid FROM msg WHERE id=?",
                    "ii", folder_id, msg_id))
    return 0;
  gint64 id = fm_sql_value (r, 0, "SELECT seq FROM sqlite_sequence WHERE name='msg'", "");
  if (!fm_sql_exec (r, error, "INSERT INTO hdr SELECT ?, from_full, to_disp, to_full, cc_full, anc FROM hdr WHERE msg_id=?", "ii", id,
                    msg_id)
      || !fm_sql_exec (r, error, "INSERT INTO msg_kw SELECT ?, kw_id, 3 FROM msg_kw WHERE msg_id=? AND bits & 2", "ii", id, msg_id)
      || !count_copy (r, id, error))
    return 0;
  return id;
}

static gboolean
target_account (FmStoreReader *r, gint64 folder_id, gint64 *ret_account, FmStoreKind *ret_kind, GError **error)
{
  g_auto (FmSql) q = { 0 };

  if (!fm_sql_query (&q, r, error, "SELECT f.account_id, a.kind FROM folder f JOIN account a ON a.id=f.account_id WHERE f.id=?", "i",
                     folder_id))
    return FALSE;
  if (!fm_sql_step (&q))
    {
      g_set_error (error, FM_ERROR, FM_ERROR_NOT_FOUND, "the folder to file into is gone");
      return FALSE;
    }
  *ret_account = fm_sql_int (&q, 0);
  *ret_kind = (FmStoreKind) fm_sql_int (&q, 1);
  return TRUE;
}

/* The row gets a UID of the local folder where no server gives one. */
static gboolean
take_local_uid (FmStoreWriter *writer, gint64 msg_id, gint64 folder_id, GError **error)
{
  guint32 uid = fm_message_store_take_uids (writer, folder_id, 1, error);
  return uid != 0 && fm_sql_exec (&writer->reader, error, "UPDATE msg SET uid=? WHERE id=?", "ui", uid, msg_id);
}

gboolean
fm_journal_plan_move_within (FmStoreWriter *writer, FmJournalOp *op, const Row *row, gint64 target_id, GError **error)
{
  FmStoreReader *r = &writer->reader;
  gboolean local = row->kind == FM_STORE_POP;

  op->kind = FM_OP_MOVE;
  op->folder_id = row->folder_id;
  op->account_id = row->account_id;
  op->uid = row->uid;
  op->target_id = target_id;
  op->state = local ? FM_OP_CONFIRMED : FM_OP_PLANNED;
  op->after_op = fm_journal_plan_barrier (r, row->folder_id, target_id);
  op->id = fm_journal_op_insert (writer, op, error);
  return op->id != 0 && fm_sql_exec (r, error, "UPDATE msg SET folder_id=?, uid=NULL, modseq=0 WHERE id=?", "ii", target_id, op->msg_id)
         && (!local || take_local_uid (writer, op->msg_id, target_id, error));
}

/* Into another account: the bytes are appended there; with EXPUNGE the message here goes once that is confirmed. */
static gboolean
transfer_across (FmStoreWriter *writer, FmJournalOp *op, const Row *row, gint64 target_id, gint64 account_id, FmStoreKind kind,
                 gboolean expunge, GError **error)
{
  FmStoreReader *r = &writer->reader;
  gint64 source = op->msg_id;

  if (row->blob_id == 0)
    {
      g_set_error (error, FM_ERROR, FM_ERROR_NOT_FOUND,
                   "the message's text is not here yet: open it once, then file it into the other account");
      return FALSE;
    }
  FmJournalOp append
      = { .group_id = op->group_id, .account_id = account_id, .kind = FM_OP_APPEND, .folder_id = target_id, .blob_id = row->blob_id };
  append.msg_id = copy_row (writer, source, target_id, error);
  append.target_id = expunge ? row->folder_id : 0;
  append.add = row->flags & FM_FLAG_SERVER_MASK;
  append.state = kind == FM_STORE_POP ? FM_OP_CONFIRMED : FM_OP_PLANNED;
  append.idate = fm_sql_value (r, 0, "SELECT idate FROM msg WHERE id=?", "i", source);
  append.after_op = fm_journal_plan_barrier (r, target_id, 0);
  if (append.msg_id == 0 || (kind == FM_STORE_POP && !take_local_uid (writer, append.msg_id, target_id, error)))
    return FALSE;
  gint64 first = fm_journal_op_insert (writer, &append, error);
  if (first == 0 || !expunge)
    return first != 0;
  FmJournalOp last
      = { .group_id = op->group_id, .account_id = row->account_id, .kind = FM_OP_EXPUNGE, .msg_id = source, .folder_id = row->folder_id };
  last.uid = row->uid;
  last.after_op = append.state == FM_OP_CONFIRMED ? 0 : first;
  if (row->kind == FM_STORE_POP)
    {
      last.state = FM_OP_CONFIRMED;
      return fm_journal_op_insert (writer, &last, error) != 0 && fm_journal_op_want_delete (writer, &last, error)
             && fm_sql_exec (r, error, "DELETE FROM msg WHERE id=?", "i", source);
    }
  return fm_journal_op_insert (writer, &last, error) != 0
         && fm_sql_exec (r, error, "UPDATE msg SET folder_id=0, uid=NULL WHERE id=?", "i", source);
}

gboolean
fm_journal_plan_move (FmStoreWriter *writer, gint64 group_id, const gint64 *msg_ids, gsize n, gint64 target_id, guint *ret_n,
                      GError **error)
{
  gint64 account;
  FmStoreKind kind;
  guint count = 0;

  if (!target_account (&writer->reader, target_id, &account, &kind, error))
    return FALSE;
  for (gsize i = 0; i < n; i++)
    {
      FmJournalOp op = { .group_id = group_id, .msg_id = msg_ids[i] };
      Row row;
      if (!fm_journal_plan_row (&writer->reader, msg_ids[i], &row) || row.folder_id == target_id)
        continue;
      gboolean ok, planned = TRUE;
      if (row.account_id != account)
        ok = transfer_across (writer, &op, &row, target_id, account, kind, TRUE, error);
      else if (row.server_id != 0)
        ok = fm_journal_gmail_move (writer, &op, &row, target_id, &planned, error);
      else
        ok = fm_journal_plan_move_within (writer, &op, &row, target_id, error);
      if (!ok)
        return FALSE;
      count += planned;
    }
  if (ret_n != NULL)
    *ret_n = count;
  return TRUE;
}

gboolean
fm_journal_plan_copy_within (FmStoreWriter *writer, FmJournalOp *op, const Row *row, gint64 target_id, GError **error)
{
  gboolean local = row->kind == FM_STORE_POP;

  op->kind = FM_OP_COPY;
  op->folder_id = row->folder_id;
  op->account_id = row->account_id;
  op->uid = row->uid;
  op->target_id = target_id;
  op->state = local ? FM_OP_CONFIRMED : FM_OP_PLANNED;
  op->after_op = fm_journal_plan_barrier (&writer->reader, row->folder_id, target_id);
  op->new_msg_id = copy_row (writer, op->msg_id, target_id, error);
  return op->new_msg_id != 0 && fm_journal_op_insert (writer, op, error) != 0
         && (!local || take_local_uid (writer, op->new_msg_id, target_id, error));
}

gboolean
fm_journal_plan_copy (FmStoreWriter *writer, gint64 group_id, const gint64 *msg_ids, gsize n, gint64 target_id, guint *ret_n,
                      GError **error)
{
  gint64 account;
  FmStoreKind kind;
  guint count = 0;

  if (!target_account (&writer->reader, target_id, &account, &kind, error))
    return FALSE;
  for (gsize i = 0; i < n; i++)
    {
      FmJournalOp op = { .group_id = group_id, .msg_id = msg_ids[i] };
      Row row;
      if (!fm_journal_plan_row (&writer->reader, msg_ids[i], &row))
        continue;
      gboolean ok, planned = TRUE;
      if (row.account_id != account)
        ok = transfer_across (writer, &op, &row, target_id, account, kind, FALSE, error);
      else if (row.server_id != 0)
        ok = fm_journal_gmail_copy (writer, &op, &row, target_id, &planned, error);
      else
        ok = fm_journal_plan_copy_within (writer, &op, &row, target_id, error);
      if (!ok)
        return FALSE;
      count += planned;
    }
  if (ret_n != NULL)
    *ret_n = count;
  return TRUE;
}

gboolean
fm_journal_plan_expunge (FmStoreWriter *writer, gint64 group_id, const gint64 *msg_ids, gsize n, guint *ret_n, GError **error)
{
  return fm_journal_plan_delete (writer, group_id, msg_ids, n, 0, ret_n, error);
}

gboolean
fm_journal_plan_delete (FmStoreWriter *writer, gint64 group_id, const gint64 *msg_ids, gsize n, gint64 hold_until_utc, guint *ret_n,
                        GError **error)
{
  FmStoreReader *r = &writer->reader;
  guint count = 0;

  for (gsize i = 0; i < n; i++)
    {
      Row row;
      if (!fm_journal_plan_row (r, msg_ids[i], &row))
        continue;
      if (row.server_id != 0 && !fm_journal_gmail_to_trash (writer, group_id, msg_ids[i], &row, error))
        return FALSE;
      gboolean at_once = row.kind == FM_STORE_POP && hold_until_utc == 0;
      FmJournalOp op = { .group_id = group_id,
                         .account_id = row.account_id,
                         .kind = FM_OP_EXPUNGE,
                         .msg_id = msg_ids[i],
                         .folder_id = row.folder_id,
                         .uid = row.uid,
                         .not_before = hold_until_utc };
      op.state = at_once ? FM_OP_CONFIRMED : FM_OP_PLANNED;
      op.after_op = fm_journal_plan_barrier (r, row.folder_id, 0);
      if (fm_journal_op_insert (writer, &op, error) == 0 || (at_once && !fm_journal_op_want_delete (writer, &op, error))
          || !fm_sql_exec (r, error, at_once ? "DELETE FROM msg WHERE id=?" : "UPDATE msg SET folder_id=0, uid=NULL WHERE id=?", "i",
                           msg_ids[i]))
        return FALSE;
      count++;
    }
  if (ret_n != NULL)
    *ret_n = count;
  return TRUE;
}

gboolean
fm_journal_plan_empty (FmStoreWriter *writer, gint64 group_id, const FmJournalEmpty *what, guint *ret_n, GError **error)
{
  g_auto (FmSql) q = { 0 };
  g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (gint64));

  /* By UID: what is planned together is sent as few ranges. */
  if (!fm_sql_query (&q, &writer->reader, error, "SELECT id FROM msg WHERE folder_id=? AND id<=? ORDER BY uid LIMIT ?", "iiu",
                     what->folder_id, what->up_to_id, (guint32) what->limit))
    return FALSE;
  while (fm_sql_step (&q))
    {
      gint64 id = fm_sql_int (&q, 0);
      g_array_append_val (ids, id);
    }
  return fm_sql_end (&q, error)
         && fm_journal_plan_delete (writer, group_id, (const gint64 *) (void *) ids->data, ids->len, what->hold_until_utc, ret_n, error);
}

gboolean
fm_journal_plan_hold (FmStoreWriter *writer, gint64 group_id, gint64 hold_until_utc, GError **error)
{
  return fm_sql_exec (&writer->reader, error, "UPDATE op SET not_before=? WHERE group_id=? AND state=0", "ii", hold_until_utc, group_id);
}

gint64
fm_journal_plan_append (FmStoreWriter *writer, gint64 group_id, gint64 folder_id, const FmMessageInput *input, GError **error)
{
  FmJournalOp op = {
    .group_id = group_id, .kind = FM_OP_APPEND, .folder_id = folder_id, .blob_id = input->blob_id, .idate = input->internal_date_utc
  };
  FmStoreKind kind;

  if (!target_account (&writer->reader, folder_id, &op.account_id, &kind, error))
    return 0;
  op.msg_id = fm_message_store_insert (writer, folder_id, input, 0, error);
  op.add = input->flags & FM_FLAG_SERVER_MASK;
  op.state = kind == FM_STORE_POP ? FM_OP_CONFIRMED : FM_OP_PLANNED;
  op.after_op = fm_journal_plan_barrier (&writer->reader, folder_id, 0);
  g_autofree char *keywords = input->keywords == NULL ? NULL : g_strjoinv (" ", (char **) input->keywords);
  op.kw_add = keywords;
  if (op.msg_id == 0 || fm_journal_op_insert (writer, &op, error) == 0)
    return 0;
  if (kind == FM_STORE_POP && !take_local_uid (writer, op.msg_id, folder_id, error))
    return 0;
  return op.msg_id;
}

/* What FOLDER_ID (0: a new one) is still called by the server is its own: a renaming that waits may be taken back. */
static gboolean
name_is_free (FmStoreReader *r, gint64 account_id, gint64 folder_id, const char *name, GError **error)
{
  if (name[0] != '\0' && g_ascii_strcasecmp (name, "INBOX") != 0
      && fm_sql_value (r, 0, "SELECT 1 FROM folder WHERE account_id=?1 AND (name=?2 OR remote_name=?2 AND id<>?3)", "isi", account_id, name,
                       folder_id)
             == 0)
    return TRUE;
  g_set_error (error, FM_ERROR, FM_ERROR_INVALID, name[0] == '\0' ? "a folder needs a name" : "there is a folder of that name already");
  return FALSE;
}

/* A server judges names by itself; a folder that is only here must be found again by its path. */
static gboolean
local_name_is_sound (const char *name, char delimiter, GError **error)
{
  const char at[2] = { delimiter, '\0' };
  g_auto (GStrv) parts = g_strsplit (name, at, -1);
  gboolean ok = strlen (name) <= 255 && g_utf8_validate (name, -1, NULL);

  for (guint i = 0; ok && parts[i] != NULL; i++)
    ok = parts[i][0] != '\0' && parts[i][0] != ' ' && !g_str_has_suffix (parts[i], " ");
  for (const char *p = name; ok && *p != '\0'; p++)
    ok = (guchar) *p >= 0x20 && *p != 0x7f;
  if (!ok)
    g_set_error_literal (error, FM_ERROR, FM_ERROR_INVALID,
                         "a folder's name has no empty part, no blank at a part's ends, no control character, and at most 255 bytes");
  return ok;
}

/* What everything else is filed by stays: INBOX everywhere, and on POP, where no server would make it anew, each folder with a special use. */
static gboolean
may_go (const FmFolderInfo *folder, const char *what, GError **error)
{
  gboolean fixed = folder->special == FM_SPECIAL_INBOX || (folder->kind == FM_STORE_POP && folder->special != FM_SPECIAL_NONE);

  if (fixed)
    g_set_error (error, FM_ERROR, FM_ERROR_INVALID, "%s/%s can't be %s: it is where the account's %s is kept", folder->account,
                 folder->name, what, folder->special == FM_SPECIAL_INBOX ? "new mail" : fm_folder_store_special_name (folder->special));
  return !fixed;
}

gint64
fm_journal_plan_folder_create (FmStoreWriter *writer, gint64 group_id, gint64 account_id, const char *name, GError **error)
{
  FmStoreReader *r = &writer->reader;
  gint64 kind = fm_sql_value (r, 0, "SELECT kind FROM account WHERE id=?", "i", account_id);
  gint64 delimiter = fm_sql_value (r, '/', "SELECT delim FROM folder WHERE account_id=? AND delim<>0 LIMIT 1", "i", account_id);
  FmJournalOp op = { .group_id = group_id, .account_id = account_id, .kind = FM_OP_FOLDER_CREATE, .arg = (char *) name };

  if (!name_is_free (r, account_id, 0, name, error) || (kind == FM_STORE_POP && !local_name_is_sound (name, (char) delimiter, error))
      || !fm_sql_exec (r, error, "INSERT INTO folder(account_id, name, remote_name, delim) VALUES(?,?,?,?)", "issi", account_id, name,
                       kind == FM_STORE_POP ? name : "", delimiter))
    return 0;
  op.folder_id = sqlite3_last_insert_rowid (r->db);
  op.state = kind == FM_STORE_POP ? FM_OP_CONFIRMED : FM_OP_PLANNED;
  return fm_journal_op_insert (writer, &op, error) != 0 ? op.folder_id : 0;
}

/* Inferiors are renamed with their parent, as servers do. */
gboolean
fm_journal_plan_folder_rename (FmStoreWriter *writer, gint64 group_id, gint64 folder_id, const char *name, GError **error)
{
  FmStoreReader *r = &writer->reader;
  g_autoptr (FmFolderInfo) folder = fm_folder_store_get (r, folder_id, error);

  if (folder == NULL || !may_go (folder, "renamed", error) || !name_is_free (r, folder->account_id, folder_id, name, error)
      || (folder->kind == FM_STORE_POP && !local_name_is_sound (name, folder->delimiter, error)))
    return FALSE;
  FmJournalOp op = {
    .group_id = group_id, .account_id = folder->account_id, .kind = FM_OP_FOLDER_RENAME, .folder_id = folder_id, .arg = (char *) name
  };
  op.old_name = folder->name;
  op.state = folder->kind == FM_STORE_POP ? FM_OP_CONFIRMED : FM_OP_PLANNED;
  op.after_op = fm_journal_plan_barrier (r, folder_id, 0);
  if (fm_journal_op_insert (writer, &op, error) == 0
      || !fm_sql_exec (r, error,
                       "UPDATE folder SET name = ?1 || substr(name, length(?2)+1) WHERE account_id=?3 AND"
                       " (name=?2 OR delim<>0 AND substr(name, 1, length(?2)+1) = ?2 || char(delim))",
                       "ssi", name, folder->name, folder->account_id))
    return FALSE;
  return folder->kind != FM_STORE_POP
         || fm_sql_exec (r, error, "UPDATE folder SET remote_name=name WHERE account_id=?", "i", folder->account_id);
}

gboolean
fm_journal_plan_folder_delete (FmStoreWriter *writer, gint64 group_id, gint64 folder_id, GError **error)
{
  FmStoreReader *r = &writer->reader;
  g_autoptr (FmFolderInfo) folder = fm_folder_store_get (r, folder_id, error);

  if (folder == NULL || !may_go (folder, "deleted", error))
    return FALSE;
  FmJournalOp op = {
    .group_id = group_id, .account_id = folder->account_id, .kind = FM_OP_FOLDER_DELETE, .folder_id = folder_id, .arg = folder->name
  };
  op.state = FM_OP_PLANNED;
  op.after_op = fm_journal_plan_barrier (r, folder_id, 0);
  return fm_journal_op_insert (writer, &op, error) != 0 && fm_sql_exec (r, error, "UPDATE folder SET hidden=1 WHERE id=?", "i", folder_id);
}

gboolean
fm_journal_plan_folder_subscribe (FmStoreWriter *writer, gint64 group_id, gint64 folder_id, gboolean subscribed, GError **error)
{
  FmStoreReader *r = &writer->reader;
  g_autoptr (FmFolderInfo) folder = fm_folder_store_get (r, folder_id, error);

  if (folder == NULL)
    return FALSE;
  FmJournalOp op = { .group_id = group_id, .account_id = folder->account_id, .kind = FM_OP_FOLDER_SUBSCRIBE, .folder_id = folder_id };
  op.add = subscribed != FALSE;
  op.state = folder->kind == FM_STORE_IMAP ? FM_OP_PLANNED : FM_OP_CONFIRMED;
  op.after_op = fm_journal_plan_barrier (r, folder_id, 0);
  return fm_journal_op_insert (writer, &op, error) != 0
         && fm_sql_exec (r, error, "UPDATE folder SET subscribed=? WHERE id=?", "di", subscribed != FALSE, folder_id);
}

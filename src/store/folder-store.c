/* Accounts and folders. Columns of `folder` are listed once (FOLDER_COLUMNS) and read by one function. */
#include "store/message-private.h"
#include "store/sql.h"
#include <fulmar/base/clock.h>
#include <fulmar/base/error.h>
#include <fulmar/store/folder-store.h>
#include <fulmar/store/journal.h>
#include <fulmar/store/message-store.h>
#include <string.h>

#define FOLDER_SELECT                                                                                                                      \
  "SELECT f.id, f.account_id, a.name, a.kind, f.name, f.remote_name, f.wire_name, f.path, f.delim, f.special, f.subscribed, f.selectable," \
  " f.uidvalidity, f.uidnext, f.highestmodseq, f.lowest_uid, f.mtime, f.synced, f.total, f.unread, f.server_total, f.server_unread, "      \
  "f.rematch, f.rights, f.access"                                                                                                          \
  " FROM folder f JOIN account a ON a.id = f.account_id "

static const char *const special_names[]
    = { "", "inbox", "sent", "drafts", "archive", "junk", "trash", "all", "flagged", "important", "outbox" };

const char *
fm_folder_store_special_name (FmSpecialUse special)
{
  return (gsize) special < G_N_ELEMENTS (special_names) ? special_names[special] : "";
}

void
fm_folder_store_account_free (FmAccountInfo *account)
{
  if (account == NULL)
    return;
  g_free (account->name);
  g_free (account);
}

void
fm_folder_store_free (FmFolderInfo *folder)
{
  if (folder == NULL)
    return;
  g_free (folder->account);
  g_free (folder->name);
  g_free (folder->remote_name);
  g_free (folder->wire_name);
  g_free (folder->path);
  g_free (folder->rights);
  g_free (folder);
}

static FmFolderInfo *
read_folder (const FmSql *q)
{
  FmFolderInfo *folder = g_new0 (FmFolderInfo, 1);

  folder->id = fm_sql_int (q, 0);
  folder->account_id = fm_sql_int (q, 1);
  folder->account = g_strdup (fm_sql_text (q, 2));
  folder->kind = (FmStoreKind) fm_sql_int (q, 3);
  folder->name = g_strdup (fm_sql_text (q, 4));
  folder->remote_name = g_strdup (fm_sql_text (q, 5));
  folder->wire_name = g_strdup (fm_sql_text_or_null (q, 6));
  folder->path = g_strdup (fm_sql_text_or_null (q, 7));
  folder->delimiter = (char) fm_sql_int (q, 8);
  folder->special = (FmSpecialUse) fm_sql_int (q, 9);
  folder->subscribed = fm_sql_int (q, 10) != 0;
  folder->selectable = fm_sql_int (q, 11) != 0;
  folder->uidvalidity = (guint32) fm_sql_int (q, 12);
  folder->uidnext = (guint32) fm_sql_int (q, 13);
  folder->highestmodseq = (guint64) fm_sql_int (q, 14);
  folder->lowest_uid = (guint32) fm_sql_int (q, 15);
  folder->mtime_us = fm_sql_int (q, 16);
  folder->synced_utc = fm_sql_int (q, 17);
  folder->total = (guint64) fm_sql_int (q, 18);
  folder->unread = (guint64) fm_sql_int (q, 19);
  folder->server_total = (guint64) fm_sql_int (q, 20);
  folder->server_unread = (guint64) fm_sql_int (q, 21);
  folder->is_rematching = fm_sql_int (q, 22) != 0;
  folder->rights = g_strdup (fm_sql_text_or_null (q, 23));
  folder->access = (guint) fm_sql_int (q, 24);
  return folder;
}

gint64
fm_folder_store_put_account (FmStoreWriter *writer, const char *name, FmStoreKind kind, GError **error)
{
  FmStoreReader *r = &writer->reader;

  if (!fm_sql_exec (r, error,
                    "INSERT INTO account(name, kind) VALUES(?,?) ON CONFLICT(name) DO UPDATE SET kind = excluded.kind "
                    "WHERE kind <> excluded.kind",
                    "sd", name, (int) kind))
    return 0;
  return fm_sql_value (r, 0, "SELECT id FROM account WHERE name=?", "s", name);
}

gboolean
fm_folder_store_delete_account (FmStoreWriter *writer, gint64 account_id, GError **error)
{
  FmStoreReader *r = &writer->reader;

  return fm_sql_exec (r, error, "DELETE FROM op WHERE account_id=?", "i", account_id)
         && fm_sql_exec (r, error, "DELETE FROM msg WHERE folder_id IN (SELECT id FROM folder WHERE account_id=?)", "i", account_id)
         && fm_sql_exec (r, error, "DELETE FROM folder WHERE account_id=?", "i", account_id)
         && fm_sql_exec (r, error, "DELETE FROM pop_seen WHERE account_id=?", "i", account_id)
         && fm_sql_exec (r, error, "UPDATE outbox SET state=6 WHERE account_id=? AND state<>3", "i", account_id)
         && fm_sql_exec (r, error, "DELETE FROM account WHERE id=?", "i", account_id);
}

gboolean
fm_folder_store_set_server (FmStoreWriter *writer, gint64 account_id, guint64 count, guint64 bytes, gint64 now_utc, GError **error)
{
  return fm_sql_exec (&writer->reader, error, "UPDATE account SET server_count=?, server_bytes=?, server_seen=? WHERE id=?", "iiii",
                      (gint64) count, (gint64) bytes, now_utc, account_id);
}

gboolean
fm_folder_store_set_quota (FmStoreWriter *writer, gint64 account_id, guint64 used, guint64 limit, gint64 now_utc, GError **error)
{
  return fm_sql_exec (&writer->reader, error, "UPDATE account SET server_bytes=?, server_limit=?, server_seen=? WHERE id=?", "iiii",
                      (gint64) used, (gint64) limit, limit > 0 ? now_utc : 0, account_id);
}

GPtrArray *
fm_folder_store_accounts (FmStoreReader *reader, GError **error)
{
  g_auto (FmSql) q = { 0 };
  g_autoptr (GPtrArray) accounts = g_ptr_array_new_with_free_func ((GDestroyNotify) fm_folder_store_account_free);

  if (!fm_sql_query (&q, reader, error,
                     "SELECT id, name, kind, server_count, server_bytes, server_seen, server_limit FROM account ORDER BY id", ""))
    return NULL;
  while (fm_sql_step (&q))
    {
      FmAccountInfo *account = g_new0 (FmAccountInfo, 1);
      account->id = fm_sql_int (&q, 0);
      account->name = g_strdup (fm_sql_text (&q, 1));
      account->kind = (FmStoreKind) fm_sql_int (&q, 2);
      account->server_count = (guint64) fm_sql_int (&q, 3);
      account->server_bytes = (guint64) fm_sql_int (&q, 4);
      account->server_seen_utc = fm_sql_int (&q, 5);
      account->server_limit = (guint64) fm_sql_int (&q, 6);
      g_ptr_array_add (accounts, account);
    }
  return fm_sql_end (&q, error) ? g_steal_pointer (&accounts) : NULL;
}

gboolean
fm_folder_store_is_renaming (FmStoreReader *reader, gint64 account_id)
{
  return fm_sql_value (reader, 0,
                       "SELECT 1 FROM op INDEXED BY op_folder WHERE account_id=? AND kind IN (5,6) AND state<3 AND kind=6 LIMIT 1", "i",
                       account_id)
         != 0;
}

gint64
fm_folder_store_put (FmStoreWriter *writer, gint64 account_id, const FmFolderInput *input, GError **error)
{
  FmStoreReader *r = &writer->reader;
  const char *name = g_ascii_strcasecmp (input->name, "INBOX") == 0 ? "INBOX" : input->name;
  gint64 id = fm_sql_value (r, 0, "SELECT id FROM folder WHERE account_id=? AND remote_name=?", "is", account_id, name);

  /* A folder made or renamed here, which the server has done before we heard its answer */
  if (id == 0)
    id = fm_sql_value (r, 0, "SELECT id FROM folder WHERE account_id=? AND name=? AND remote_name=''", "is", account_id, name);
  if (id == 0)
    id = fm_sql_value (r, 0,
                       "SELECT id FROM folder f WHERE account_id=?1 AND name=?2 AND EXISTS (SELECT 1 FROM op INDEXED BY op_folder"
                       " WHERE account_id=?1 AND kind IN (5,6) AND state<3 AND kind=6 AND state=1 AND (arg=?2 OR f.delim<>0 AND substr(?2, "
                       "1, length(arg)+1) = arg || char(f.delim)))",
                       "is", account_id, name);
  if (id == 0)
    {
      g_autofree char *free_name = g_strdup (name);
      /* The name may be shown by another folder whose rename to it waits for the server. */
      for (guint i = 2; fm_sql_value (r, 0, "SELECT id FROM folder WHERE account_id=? AND name=?", "is", account_id, free_name) != 0; i++)
        {
          g_free (free_name);
          free_name = g_strdup_printf ("%s (%u)", name, i);
        }
      if (!fm_sql_exec (r, error, "INSERT INTO folder(account_id, name, remote_name) VALUES(?,?,?)", "iss", account_id, free_name, name))
        return 0;
      id = sqlite3_last_insert_rowid (r->db);
    }
  /* It was shown under another name while one had this that could not be renamed. */
  if (!fm_folder_store_is_renaming (r, account_id)
      && !fm_sql_exec (
          r, error,
          "UPDATE folder SET name=?2 WHERE id=?3 AND name<>?2 AND NOT EXISTS (SELECT 1 FROM folder WHERE account_id=?1 AND name=?2)", "isi",
          account_id, name, id))
    return 0;
  gboolean ok = fm_sql_exec (r, error,
                             "UPDATE folder SET remote_name=?1, wire_name=?2, path=?3, delim=?4, special=?5, selectable=?7,"
                             /* Not while our own word about it waits. */
                             " subscribed=coalesce((SELECT add_flags FROM op WHERE folder_id=?8 AND uid IS NULL AND state<3 AND kind=8 "
                             "ORDER BY id DESC LIMIT 1), ?6)"
                             " WHERE id=?8",
                             "sssddddi", name, input->wire_name, input->path, (int) input->delimiter, (int) input->special,
                             input->subscribed, input->selectable, id);
  return ok ? id : 0;
}

/* What was to be brought here stays where it is, and what was planned on it there goes on from there; copies of what is here are not made. */
static gboolean
refuse_transfers (FmStoreWriter *writer, gint64 folder_id, GError **error)
{
  gint64 id;

  while ((id = fm_sql_value (&writer->reader, 0,
                             "SELECT id FROM op WHERE account_id=(SELECT account_id FROM folder WHERE id=?1) AND state IN (0,1) AND"
                             " (target_id=?1 AND kind IN (1,2) OR folder_id=?1 AND kind=2) ORDER BY id DESC LIMIT 1",
                             "i", folder_id))
         != 0)
    if (!fm_journal_refuse (writer, id, "the folder is gone", NULL, error))
      return FALSE;
  return TRUE;
}

gboolean
fm_folder_store_delete (FmStoreWriter *writer, gint64 folder_id, GError **error)
{
  FmStoreReader *r = &writer->reader;

  /* Rows on their way out of it stay where they were going: their source is gone, so they settle there or not at all (state 2). */
  return refuse_transfers (writer, folder_id, error) && fm_journal_settle_missing (writer, folder_id, NULL, NULL, error)
         && fm_sql_exec (r, error, "UPDATE op SET state=2, gone=1 WHERE folder_id=? AND state<2 AND kind=1", "i", folder_id)
         && fm_sql_exec (r, error, "UPDATE op SET state=4, error='the folder is gone' WHERE (folder_id=? OR target_id=?) AND state<2", "ii",
                         folder_id, folder_id)
         && fm_sql_exec (r, error, "DELETE FROM msg WHERE folder_id=?", "i", folder_id)
         && fm_sql_exec (
             r, error,
             "DELETE FROM msg WHERE folder_id=0 AND id IN (SELECT msg_id FROM op WHERE account_id=(SELECT account_id FROM folder"
             " WHERE id=?1) AND state=4 AND kind=3 AND folder_id=?1)",
             "i", folder_id)
         && fm_sql_exec (r, error, "DELETE FROM thread WHERE folder_id=?", "i", folder_id)
         && fm_sql_exec (r, error, "DELETE FROM folder WHERE id=?", "i", folder_id);
}

gboolean
fm_folder_store_rename (FmStoreWriter *writer, gint64 folder_id, const char *name, GError **error)
{
  return fm_sql_exec (&writer->reader, error, "UPDATE folder SET name=?1, remote_name=?1 WHERE id=?2", "si", name, folder_id);
}

static FmFolderInfo *
read_one (FmSql *q, const char *what, GError **error)
{
  if (fm_sql_step (q))
    return read_folder (q);
  if (fm_sql_end (q, error))
    g_set_error (error, FM_ERROR, FM_ERROR_NOT_FOUND, "there is no folder %s", what);
  return NULL;
}

FmFolderInfo *
fm_folder_store_get (FmStoreReader *reader, gint64 folder_id, GError **error)
{
  g_auto (FmSql) q = { 0 };
  g_autofree char *what = g_strdup_printf ("%" G_GINT64_FORMAT, folder_id);

  return fm_sql_query (&q, reader, error, FOLDER_SELECT "WHERE f.id=?", "i", folder_id) ? read_one (&q, what, error) : NULL;
}

FmFolderInfo *
fm_folder_store_find (FmStoreReader *reader, gint64 account_id, const char *name, GError **error)
{
  g_auto (FmSql) q = { 0 };
  const char *exact = g_ascii_strcasecmp (name, "INBOX") == 0 ? "INBOX" : name;

  return fm_sql_query (&q, reader, error, FOLDER_SELECT "WHERE f.account_id=? AND f.name=? AND NOT f.hidden", "is", account_id, exact)
             ? read_one (&q, name, error)
             : NULL;
}

FmFolderInfo *
fm_folder_store_find_special (FmStoreReader *reader, gint64 account_id, FmSpecialUse special, GError **error)
{
  g_auto (FmSql) q = { 0 };

  return fm_sql_query (&q, reader, error, FOLDER_SELECT "WHERE f.account_id=? AND f.special=? AND NOT f.hidden ORDER BY f.id LIMIT 1", "id",
                       account_id, (int) special)
             ? read_one (&q, fm_folder_store_special_name (special), error)
             : NULL;
}

GPtrArray *
fm_folder_store_list (FmStoreReader *reader, gint64 account_id, GError **error)
{
  g_auto (FmSql) q = { 0 };
  g_autoptr (GPtrArray) folders = g_ptr_array_new_with_free_func ((GDestroyNotify) fm_folder_store_free);

  if (!fm_sql_query (&q, reader, error, FOLDER_SELECT "WHERE (?1=0 OR f.account_id=?1) AND NOT f.hidden ORDER BY f.account_id, f.name", "i",
                     account_id))
    return NULL;
  while (fm_sql_step (&q))
    g_ptr_array_add (folders, read_folder (&q));
  return fm_sql_end (&q, error) ? g_steal_pointer (&folders) : NULL;
}

gboolean
fm_folder_store_set_uidnext (FmStoreWriter *writer, gint64 folder_id, guint32 uidnext, GError **error)
{
  return fm_sql_exec (&writer->reader, error, "UPDATE folder SET uidnext=? WHERE id=?", "ui", uidnext, folder_id);
}

gboolean
fm_folder_store_set_modseq (FmStoreWriter *writer, gint64 folder_id, guint64 highestmodseq, GError **error)
{
  return fm_sql_exec (&writer->reader, error, "UPDATE folder SET highestmodseq=? WHERE id=?", "ii", (gint64) highestmodseq, folder_id);
}

gboolean
fm_folder_store_set_lowest_uid (FmStoreWriter *writer, gint64 folder_id, guint32 lowest_uid, GError **error)
{
  return fm_sql_exec (&writer->reader, error, "UPDATE folder SET lowest_uid=? WHERE id=?", "ui", lowest_uid, folder_id);
}

gboolean
fm_folder_store_set_synced (FmStoreWriter *writer, gint64 folder_id, gint64 synced_utc, gint64 mtime_us, GError **error)
{
  return fm_sql_exec (&writer->reader, error, "UPDATE folder SET synced=?, mtime=? WHERE id=?", "iii", synced_utc, mtime_us, folder_id);
}

gboolean
fm_folder_store_set_access (FmStoreWriter *writer, gint64 folder_id, guint access, const char *rights, GError **error)
{
  return fm_sql_exec (&writer->reader, error, "UPDATE folder SET access=?, rights=? WHERE id=?", "usi", access, rights, folder_id);
}

gboolean
fm_folder_store_set_status (FmStoreWriter *writer, gint64 folder_id, guint64 total, guint64 unread, GError **error)
{
  return fm_sql_exec (&writer->reader, error, "UPDATE folder SET server_total=?, server_unread=? WHERE id=?", "iii", (gint64) total,
                      (gint64) unread, folder_id);
}

gboolean
fm_folder_store_set_uidvalidity (FmStoreWriter *writer, gint64 folder_id, guint32 uidvalidity, gboolean *ret_changed, GError **error)
{
  FmStoreReader *r = &writer->reader;
  gint64 known = fm_sql_value (r, 0, "SELECT uidvalidity FROM folder WHERE id=?", "i", folder_id);
  gboolean changed = known != 0 && known != uidvalidity;

  if (changed
      && !(fm_sql_exec (r, error, "UPDATE msg SET uid=NULL, modseq=0 WHERE folder_id=? AND uid IS NOT NULL", "i", folder_id)
           && fm_sql_exec (r, error, "UPDATE op SET uid=NULL WHERE folder_id=? AND state<3", "i", folder_id)
           && fm_sql_exec (r, error, "UPDATE folder SET rematch=1, uidnext=0, highestmodseq=0, lowest_uid=0, synced=0 WHERE id=?", "i",
                           folder_id)))
    return FALSE;
  if (known != uidvalidity && !fm_sql_exec (r, error, "UPDATE folder SET uidvalidity=? WHERE id=?", "ui", uidvalidity, folder_id))
    return FALSE;
  if (ret_changed != NULL)
    *ret_changed = changed;
  return TRUE;
}

/* Of an operation on what is in the folder under no UID: nothing before it is still to bring the message there. */
#define LOST                                                                                                                            \
  "o.folder_id=? AND o.uid IS NULL AND o.state<3 AND o.state<2 AND o.kind<4 AND o.after_op=0 AND NOT EXISTS (SELECT 1 FROM op p WHERE " \
  "p.id<o.id AND"                                                                                                                       \
  " p.state<3 AND p.msg_id=o.msg_id AND p.kind IN (1,4)) AND NOT EXISTS (SELECT 1 FROM op p WHERE p.id<o.id AND p.state<3 AND"          \
  " p.new_msg_id=o.msg_id AND p.new_msg_id<>0)"

/* Operations that lost their message with the folder's old UIDs have nothing left to do; a move's row may still be met in its target, a copy is not
 * made. */
static gboolean
end_lost_ops (FmStoreWriter *writer, gint64 folder_id, GError **error)
{
  FmStoreReader *r = &writer->reader;
  gint64 copy;

  while ((copy = fm_sql_value (r, 0, "SELECT o.id FROM op o WHERE o.kind=2 AND " LOST " LIMIT 1", "i", folder_id)) != 0)
    if (!fm_journal_refuse (writer, copy, "the message is gone from the server", NULL, error))
      return FALSE;
  return fm_sql_exec (r, error,
                      "UPDATE op AS o SET state = CASE kind WHEN 1 THEN 2 ELSE 4 END, gone=1, error='the message is gone from the server'"
                      " WHERE " LOST,
                      "i", folder_id);
}

gboolean
fm_folder_store_end_rematch (FmStoreWriter *writer, gint64 folder_id, guint *ret_gone, GError **error)
{
  FmStoreReader *r = &writer->reader;

  if (ret_gone != NULL)
    *ret_gone = 0;
  if (fm_sql_value (r, 0, "SELECT rematch FROM folder WHERE id=?", "i", folder_id) == 0)
    return TRUE;
  /* Not the rows that are on their way here: an operation still owes them a UID. */
  if (!fm_sql_exec (
          r, error,
          "DELETE FROM msg WHERE folder_id=?1 AND uid IS NULL AND id NOT IN"
          " (SELECT msg_id FROM op WHERE state<3 AND (target_id=?1 AND kind=1 OR kind=4) UNION SELECT new_msg_id FROM op WHERE state<3 AND "
          "target_id=?1)",
          "i", folder_id))
    return FALSE;
  if (ret_gone != NULL)
    *ret_gone = (guint) fm_sql_changes (r);
  return end_lost_ops (writer, folder_id, error)
         && fm_sql_exec (r, error, "DELETE FROM msg WHERE folder_id=0 AND id NOT IN (SELECT msg_id FROM op WHERE state<3)", "")
         && fm_sql_exec (r, error, "UPDATE folder SET rematch=0 WHERE id=?", "i", folder_id);
}

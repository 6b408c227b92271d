/* The shape of state.db. Each entry of `steps` takes user_version from its index to the next; a released step is never edited, only
 * followed by another.
 *
 * Counters of folders and threads are kept by triggers when a row changes or goes, so that no path through the code can make them disagree with
 * the rows; rows that come are counted where they are inserted (message-count.c). Folder 0 is limbo: rows that wait for the server to confirm their deletion; it has no counters and is in no list.
 *
 * msg.flags is what is shown, msg.sflags what the server said last; the difference is the live operations (op.state < 3). msg_kw.bits: 1
 * the server has it, 2 shown. msg.mid is a keyed hash of the Message-ID (or of sender, subject and date where there is none). hdr.anc are
 * the hashes of the ancestors, nearest first, 8 bytes each.
 *
 * A row is found by its hash through its thread: FM_SCHEMA_OF_MID. An index of the hashes alone would be a second tree (after `mid`) whose
 * every insertion dirties a page of its own, which halved the speed of a first synchronisation of 1,000,000 messages. */
#include "store/schema.h"
#include "store/sql.h"
#include <fulmar/base/error.h>

static const char *const steps[] = {
  "CREATE TABLE meta(k TEXT PRIMARY KEY, v TEXT) WITHOUT ROWID;"
  "INSERT INTO meta VALUES('hash_key', lower(hex(randomblob(16))));"
  "CREATE TABLE account(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, kind INTEGER NOT NULL);"
  "CREATE TABLE folder(id INTEGER PRIMARY KEY AUTOINCREMENT, account_id INTEGER NOT NULL, name TEXT NOT NULL, remote_name TEXT NOT NULL "
  "DEFAULT '',"
  " wire_name TEXT, path TEXT, delim INTEGER NOT NULL DEFAULT 0, special INTEGER NOT NULL DEFAULT 0, subscribed INTEGER NOT NULL DEFAULT 1,"
  " selectable INTEGER NOT NULL DEFAULT 1, uidvalidity INTEGER NOT NULL DEFAULT 0, uidnext INTEGER NOT NULL DEFAULT 0,"
  " highestmodseq INTEGER NOT NULL DEFAULT 0, lowest_uid INTEGER NOT NULL DEFAULT 0, mtime INTEGER NOT NULL DEFAULT 0,"
  " synced INTEGER NOT NULL DEFAULT 0, total INTEGER NOT NULL DEFAULT 0, unread INTEGER NOT NULL DEFAULT 0,"
  " server_total INTEGER NOT NULL DEFAULT 0, server_unread INTEGER NOT NULL DEFAULT 0, rematch INTEGER NOT NULL DEFAULT 0,"
  " hidden INTEGER NOT NULL DEFAULT 0);"
  "CREATE UNIQUE INDEX folder_name ON folder(account_id, name);"
  "CREATE TABLE blob(id INTEGER PRIMARY KEY AUTOINCREMENT, sha TEXT NOT NULL UNIQUE, size INTEGER NOT NULL, refs INTEGER NOT NULL DEFAULT "
  "0,"
  " idx INTEGER NOT NULL DEFAULT 0, unused_since INTEGER NOT NULL DEFAULT 0);"
  "CREATE INDEX blob_idx ON blob(idx, id) WHERE idx <> 1;"
  "CREATE INDEX blob_unused ON blob(unused_since) WHERE refs = 0;"
  "CREATE TABLE msg(id INTEGER PRIMARY KEY AUTOINCREMENT, folder_id INTEGER NOT NULL, uid INTEGER, flags INTEGER NOT NULL, sflags INTEGER "
  "NOT NULL,"
  " modseq INTEGER NOT NULL DEFAULT 0, idate INTEGER NOT NULL, date INTEGER NOT NULL, size INTEGER NOT NULL, natt INTEGER NOT NULL DEFAULT "
  "0,"
  " thread_id INTEGER NOT NULL, mid INTEGER NOT NULL, blob_id INTEGER, server_id INTEGER, from_disp TEXT NOT NULL, subject TEXT NOT NULL,"
  " msgid TEXT NOT NULL, path TEXT);"
  "CREATE UNIQUE INDEX msg_uid ON msg(folder_id, uid);"
  "CREATE INDEX msg_date ON msg(folder_id, date, id);"
  "CREATE INDEX msg_thread ON msg(thread_id, folder_id, date);"
  "CREATE INDEX msg_mid ON msg(thread_id, mid);"
  "CREATE INDEX msg_unread ON msg(folder_id, id) WHERE (flags & 1) = 0;"
  "CREATE INDEX msg_blob ON msg(blob_id) WHERE blob_id IS NOT NULL;"
  "CREATE TABLE hdr(msg_id INTEGER PRIMARY KEY, from_full TEXT, to_disp TEXT, to_full TEXT, cc_full TEXT, anc BLOB);"
  "CREATE TABLE keyword(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE COLLATE NOCASE);"
  "CREATE TABLE msg_kw(msg_id INTEGER NOT NULL, kw_id INTEGER NOT NULL, bits INTEGER NOT NULL, PRIMARY KEY(msg_id, kw_id)) WITHOUT ROWID;"
  "CREATE INDEX msg_kw_kw ON msg_kw(kw_id, msg_id);"
  "CREATE TABLE thread(folder_id INTEGER NOT NULL, thread_id INTEGER NOT NULL, last INTEGER NOT NULL, count INTEGER NOT NULL,"
  " unread INTEGER NOT NULL, PRIMARY KEY(folder_id, thread_id)) WITHOUT ROWID;"
  "CREATE INDEX thread_last ON thread(folder_id, last, thread_id);"
  "CREATE TABLE mid(h INTEGER PRIMARY KEY, thread_id INTEGER NOT NULL);"
  "CREATE TABLE op_group(id INTEGER PRIMARY KEY AUTOINCREMENT, created INTEGER NOT NULL, label TEXT NOT NULL, state INTEGER NOT NULL "
  "DEFAULT 0,"
  " undo_of INTEGER NOT NULL DEFAULT 0);"
  "CREATE TABLE op(id INTEGER PRIMARY KEY AUTOINCREMENT, group_id INTEGER NOT NULL, account_id INTEGER NOT NULL, kind INTEGER NOT NULL,"
  " state INTEGER NOT NULL DEFAULT 0, msg_id INTEGER NOT NULL DEFAULT 0, folder_id INTEGER NOT NULL, uid INTEGER,"
  " target_id INTEGER NOT NULL DEFAULT 0, new_msg_id INTEGER NOT NULL DEFAULT 0, add_flags INTEGER NOT NULL DEFAULT 0,"
  " del_flags INTEGER NOT NULL DEFAULT 0, eff_add INTEGER NOT NULL DEFAULT 0, eff_del INTEGER NOT NULL DEFAULT 0, kw_add TEXT NOT NULL "
  "DEFAULT '', kw_del TEXT NOT NULL DEFAULT '', arg TEXT NOT NULL DEFAULT '', old_name TEXT NOT NULL DEFAULT '',"
  " blob_id INTEGER NOT NULL DEFAULT 0, idate INTEGER NOT NULL DEFAULT 0, after_op INTEGER NOT NULL DEFAULT 0, tries INTEGER NOT NULL "
  "DEFAULT 0,"
  " not_before INTEGER NOT NULL DEFAULT 0, note INTEGER NOT NULL DEFAULT 0, gone INTEGER NOT NULL DEFAULT 0, error TEXT NOT NULL DEFAULT "
  "'',"
  " created INTEGER NOT NULL);"
  "CREATE INDEX op_run ON op(account_id, state, id);"
  "CREATE INDEX op_group_id ON op(group_id);"
  "CREATE INDEX op_msg ON op(msg_id, id) WHERE state < 3;"
  "CREATE INDEX op_new ON op(new_msg_id) WHERE state < 3 AND new_msg_id <> 0;"
  "CREATE INDEX op_folder ON op(folder_id, id) WHERE state < 3 AND kind IN (5,6);"
  "CREATE INDEX op_uid ON op(folder_id, uid) WHERE state < 3;"
  "CREATE TABLE pop_seen(id INTEGER PRIMARY KEY, account_id INTEGER NOT NULL, uidl TEXT NOT NULL, digest TEXT NOT NULL, header TEXT NOT "
  "NULL,"
  " msg_id INTEGER NOT NULL, first_seen INTEGER NOT NULL, gone_since INTEGER NOT NULL DEFAULT 0, deleted INTEGER NOT NULL DEFAULT 0,"
  " wants_delete INTEGER NOT NULL DEFAULT 0, stub INTEGER NOT NULL DEFAULT 0);"
  "CREATE UNIQUE INDEX pop_uidl ON pop_seen(account_id, uidl) WHERE uidl <> '';"
  "CREATE INDEX pop_digest ON pop_seen(account_id, digest);"
  "CREATE INDEX pop_header ON pop_seen(account_id, header);"
  "CREATE TABLE outbox(id INTEGER PRIMARY KEY AUTOINCREMENT, account_id INTEGER NOT NULL, blob_id INTEGER NOT NULL, sender TEXT NOT NULL,"
  " state INTEGER NOT NULL, hold_until INTEGER NOT NULL, created INTEGER NOT NULL, tries INTEGER NOT NULL DEFAULT 0, error TEXT NOT NULL "
  "DEFAULT '',"
  " msgid TEXT NOT NULL, replied_id INTEGER NOT NULL, forwarded_id INTEGER NOT NULL, draft_id INTEGER NOT NULL, group_id INTEGER NOT NULL);"
  "CREATE TABLE outbox_rcpt(outbox_id INTEGER NOT NULL, n INTEGER NOT NULL, address TEXT NOT NULL, state INTEGER NOT NULL DEFAULT 0,"
  " error TEXT NOT NULL DEFAULT '', PRIMARY KEY(outbox_id, n)) WITHOUT ROWID;"

  "CREATE TRIGGER msg_added AFTER INSERT ON msg WHEN new.folder_id <> 0 BEGIN"
  " UPDATE folder SET total = total + 1, unread = unread + ((new.flags & 1) = 0) WHERE id = new.folder_id;"
  " INSERT INTO thread VALUES(new.folder_id, new.thread_id, new.date, 1, (new.flags & 1) = 0) ON CONFLICT DO UPDATE"
  "  SET last = max(last, excluded.last), count = count + 1, unread = unread + excluded.unread; END;"
  "CREATE TRIGGER msg_removed AFTER DELETE ON msg BEGIN"
  " DELETE FROM hdr WHERE msg_id = old.id; DELETE FROM msg_kw WHERE msg_id = old.id;"
  " UPDATE blob SET refs = refs - 1, unused_since = CASE refs WHEN 1 THEN strftime('%s','now') ELSE unused_since END WHERE id = "
  "old.blob_id;"
  " UPDATE folder SET total = total - 1, unread = unread - ((old.flags & 1) = 0) WHERE id = old.folder_id;"
  " UPDATE thread SET count = count - 1, unread = unread - ((old.flags & 1) = 0), last = coalesce((SELECT max(date) FROM msg"
  "  WHERE thread_id = old.thread_id AND folder_id = old.folder_id), 0) WHERE folder_id = old.folder_id AND thread_id = old.thread_id;"
  " DELETE FROM thread WHERE folder_id = old.folder_id AND thread_id = old.thread_id AND count <= 0; END;"
  "CREATE TRIGGER msg_flagged AFTER UPDATE OF flags ON msg"
  " WHEN (old.flags & 1) <> (new.flags & 1) AND old.folder_id = new.folder_id AND new.folder_id <> 0 BEGIN"
  " UPDATE folder SET unread = unread + CASE new.flags & 1 WHEN 0 THEN 1 ELSE -1 END WHERE id = new.folder_id;"
  " UPDATE thread SET unread = unread + CASE new.flags & 1 WHEN 0 THEN 1 ELSE -1 END"
  "  WHERE folder_id = new.folder_id AND thread_id = new.thread_id; END;"
  "CREATE TRIGGER msg_moved AFTER UPDATE OF folder_id, thread_id ON msg"
  " WHEN old.folder_id <> new.folder_id OR old.thread_id <> new.thread_id BEGIN"
  " UPDATE folder SET total = total - 1, unread = unread - ((old.flags & 1) = 0) WHERE id = old.folder_id;"
  " UPDATE thread SET count = count - 1, unread = unread - ((old.flags & 1) = 0), last = coalesce((SELECT max(date) FROM msg"
  "  WHERE thread_id = old.thread_id AND folder_id = old.folder_id), 0) WHERE folder_id = old.folder_id AND thread_id = old.thread_id;"
  " DELETE FROM thread WHERE folder_id = old.folder_id AND thread_id = old.thread_id AND count <= 0;"
  " UPDATE folder SET total = total + 1, unread = unread + ((new.flags & 1) = 0) WHERE id = new.folder_id;"
  " INSERT INTO thread SELECT new.folder_id, new.thread_id, new.date, 1, (new.flags & 1) = 0 WHERE new.folder_id <> 0 ON CONFLICT DO UPDATE"
  "  SET last = max(last, excluded.last), count = count + 1, unread = unread + excluded.unread; END;"
  "CREATE TRIGGER msg_blob_set AFTER UPDATE OF blob_id ON msg WHEN old.blob_id IS NOT new.blob_id BEGIN"
  " UPDATE blob SET refs = refs + 1 WHERE id = new.blob_id;"
  " UPDATE blob SET refs = refs - 1, unused_since = CASE refs WHEN 1 THEN strftime('%s','now') ELSE unused_since END WHERE id = "
  "old.blob_id; END;"
  "CREATE TRIGGER msg_blob_new AFTER INSERT ON msg WHEN new.blob_id IS NOT NULL BEGIN"
  " UPDATE blob SET refs = refs + 1 WHERE id = new.blob_id; END;"
  "CREATE TRIGGER outbox_new AFTER INSERT ON outbox BEGIN UPDATE blob SET refs = refs + 1 WHERE id = new.blob_id; END;"
  "CREATE TRIGGER outbox_done AFTER UPDATE OF state ON outbox WHEN (new.state IN (3, 6)) <> (old.state IN (3, 6)) BEGIN"
  " UPDATE blob SET refs = refs + CASE WHEN new.state IN (3, 6) THEN -1 ELSE 1 END, unused_since = strftime('%s','now') WHERE id = "
  "new.blob_id; END;"
  "CREATE TRIGGER op_blob_new AFTER INSERT ON op WHEN new.blob_id <> 0 BEGIN UPDATE blob SET refs = refs + 1 WHERE id = new.blob_id; END;"
  "CREATE TRIGGER op_blob_gone AFTER DELETE ON op WHEN old.blob_id <> 0 BEGIN"
  " UPDATE blob SET refs = refs - 1, unused_since = strftime('%s','now') WHERE id = old.blob_id; END;",

  /* 2: faster rows. Where a statement may abort half-way SQLite keeps a journal of the pages it touches: an upsert or a call of a function in
   * a trigger is such a place, whatever the statement that fires it says (OR FAIL: whoever wrote it rolls back the whole transaction). And
   * one index by thread serves where there were two. */
  "DROP TRIGGER msg_added;"
  "DROP TRIGGER msg_blob_new;"
  "CREATE TRIGGER msg_added AFTER INSERT ON msg BEGIN"
  " UPDATE folder SET total = total + 1, unread = unread + ((new.flags & 1) = 0) WHERE id = new.folder_id;"
  " UPDATE thread SET last = new.date WHERE folder_id = new.folder_id AND thread_id = new.thread_id AND last < new.date;"
  " UPDATE thread SET count = count + 1, unread = unread + ((new.flags & 1) = 0)"
  "  WHERE folder_id = new.folder_id AND thread_id = new.thread_id;"
  " INSERT INTO thread SELECT new.folder_id, new.thread_id, new.date, 1, (new.flags & 1) = 0 WHERE new.folder_id <> 0"
  "  AND NOT EXISTS (SELECT 1 FROM thread WHERE folder_id = new.folder_id AND thread_id = new.thread_id);"
  " UPDATE blob SET refs = refs + 1 WHERE id = new.blob_id; END;"
  "DROP INDEX msg_mid;"
  "DROP INDEX msg_thread;"
  "CREATE INDEX msg_thread ON msg(thread_id, folder_id, date, mid);",

  /* 3: new rows are counted in message-count.c, a batch at a time. */
  "DROP TRIGGER msg_added;",

  /* 4: Gmail. Rows of one message are known by msg.server_id (gmail-store.c); op.follows: what the server does by itself with the operation
   * op.after_op; op.server_id: the message, where its row may be gone when the operation is undone. */
  "CREATE TABLE gmail(account_id INTEGER NOT NULL, server_id INTEGER NOT NULL, labels TEXT NOT NULL, PRIMARY KEY(account_id, server_id))"
  " WITHOUT ROWID;"
  "CREATE INDEX msg_server ON msg(server_id) WHERE server_id IS NOT NULL;"
  "CREATE TRIGGER msg_server_gone AFTER DELETE ON msg WHEN old.server_id IS NOT NULL BEGIN"
  " DELETE FROM gmail WHERE server_id = old.server_id AND NOT EXISTS (SELECT 1 FROM msg WHERE server_id = old.server_id); END;"
  "ALTER TABLE op ADD COLUMN follows INTEGER NOT NULL DEFAULT 0;"
  "ALTER TABLE op ADD COLUMN server_id INTEGER NOT NULL DEFAULT 0;"
  "CREATE INDEX op_after ON op(after_op) WHERE after_op <> 0;"
  "UPDATE msg SET blob_id = (SELECT o.blob_id FROM msg o JOIN folder f ON f.id = o.folder_id WHERE o.server_id = msg.server_id AND "
  "o.blob_id"
  " IS NOT NULL AND f.account_id = (SELECT account_id FROM folder WHERE id = msg.folder_id) LIMIT 1)"
  " WHERE server_id IS NOT NULL AND blob_id IS NULL AND folder_id <> 0;",

  /* 5: what lies on an account's server, and the POP policy that the user was told of; messages whose rest is asked for. */
  "ALTER TABLE account ADD COLUMN pop_policy TEXT NOT NULL DEFAULT '';"
  "ALTER TABLE account ADD COLUMN server_count INTEGER NOT NULL DEFAULT 0;"
  "ALTER TABLE account ADD COLUMN server_bytes INTEGER NOT NULL DEFAULT 0;"
  "ALTER TABLE account ADD COLUMN server_seen INTEGER NOT NULL DEFAULT 0;"
  "ALTER TABLE pop_seen ADD COLUMN wanted INTEGER NOT NULL DEFAULT 0;"
  "CREATE INDEX pop_msg ON pop_seen(msg_id) WHERE msg_id <> 0;",

  /* 6: the policy that follows pop_policy, told to the user, and from when on. */
  "ALTER TABLE account ADD COLUMN pop_next TEXT NOT NULL DEFAULT '';"
  "ALTER TABLE account ADD COLUMN pop_from INTEGER NOT NULL DEFAULT 0;",

  /* 7: what is kept of a Gmail message goes with its last row, found by its key instead of by reading them all. */
  "DROP TRIGGER msg_server_gone;"
  "CREATE TRIGGER msg_server_gone AFTER DELETE ON msg WHEN old.server_id IS NOT NULL BEGIN"
  " DELETE FROM gmail WHERE server_id = old.server_id AND account_id IN (SELECT id FROM account)"
  " AND NOT EXISTS (SELECT 1 FROM msg WHERE server_id = old.server_id); END;",

  /* 8: what may be done in a folder. rights: the letters of MYRIGHTS, NULL where the server has no ACL; access: what SELECT told (folder-access.h). */
  "ALTER TABLE folder ADD COLUMN rights TEXT;"
  "ALTER TABLE folder ADD COLUMN access INTEGER NOT NULL DEFAULT 0;",

  /* 9: an IMAP server's quota. */
  "ALTER TABLE account ADD COLUMN server_limit INTEGER NOT NULL DEFAULT 0;",

  /* 10: when the next operation that waits for its time is due, and what is held. */
  "CREATE INDEX op_wait ON op(not_before) WHERE state = 0 AND not_before > 0;",
};

int
fm_schema_version (void)
{
  return (int) G_N_ELEMENTS (steps);
}

const char *
fm_schema_step (int version)
{
  return steps[version];
}

static gboolean
read_version (sqlite3 *db, int *ret_version, GError **error)
{
  sqlite3_stmt *statement = NULL;
  int code = sqlite3_prepare_v2 (db, "PRAGMA user_version", -1, &statement, NULL);

  if (code == SQLITE_OK)
    code = sqlite3_step (statement);
  if (code == SQLITE_ROW)
    *ret_version = sqlite3_column_int (statement, 0);
  sqlite3_finalize (statement);
  if (code == SQLITE_ROW)
    return TRUE;
  g_set_error (error, FM_ERROR, FM_ERROR_STORAGE, "%s: %s", sqlite3_db_filename (db, "main"), sqlite3_errstr (code));
  return FALSE;
}

gboolean
fm_schema_migrate (sqlite3 *db, GError **error)
{
  int version = 0;

  for (;;)
    {
      /* Read under the lock: another process may migrate at the same moment. */
      if (!fm_sql_script (db, "BEGIN IMMEDIATE", error))
        return FALSE;
      gboolean ok = read_version (db, &version, error);
      if (ok && version > fm_schema_version ())
        {
          g_set_error (
              error, FM_ERROR, FM_ERROR_STORAGE,
              "%s was written by a newer Fulmar (its version %d, ours %d); run that one, or choose another place with `store = DIR`",
              sqlite3_db_filename (db, "main"), version, fm_schema_version ());
          ok = FALSE;
        }
      if (ok && version < fm_schema_version ())
        {
          g_autofree char *mark = g_strdup_printf ("PRAGMA user_version = %d", version + 1);
          ok = fm_sql_script (db, fm_schema_step (version), error) && fm_sql_script (db, mark, error);
        }
      if (!ok || !fm_sql_script (db, "COMMIT", error))
        {
          sqlite3_exec (db, "ROLLBACK", NULL, NULL, NULL);
          return FALSE;
        }
      if (version >= fm_schema_version ())
        return TRUE;
    }
}

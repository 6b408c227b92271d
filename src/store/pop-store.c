/* The POP ledger. */
#include "store/sql.h"
#include <fulmar/base/clock.h>
#include <fulmar/store/folder-store.h>
#include <fulmar/store/journal.h>
#include <fulmar/store/pop-store.h>

#define SEEN_SELECT "SELECT uidl, digest, header, msg_id, first_seen, gone_since, deleted, wants_delete, stub, wanted, id FROM pop_seen "

void
fm_pop_store_free (FmPopSeen *seen)
{
  if (seen == NULL)
    return;
  g_free (seen->uidl);
  g_free (seen->digest);
  g_free (seen->header_digest);
  g_free (seen);
}

static FmPopSeen *
read_seen (const FmSql *q)
{
  FmPopSeen *seen = g_new0 (FmPopSeen, 1);

  seen->uidl = g_strdup (fm_sql_text (q, 0));
  seen->digest = g_strdup (fm_sql_text (q, 1));
  seen->header_digest = g_strdup (fm_sql_text (q, 2));
  seen->msg_id = fm_sql_int (q, 3);
  seen->first_seen_utc = fm_sql_int (q, 4);
  seen->gone_since_utc = fm_sql_int (q, 5);
  seen->deleted_utc = fm_sql_int (q, 6);
  seen->wants_delete = fm_sql_int (q, 7) != 0;
  seen->stub = fm_sql_int (q, 8) != 0;
  seen->wanted = fm_sql_int (q, 9) != 0;
  seen->id = fm_sql_int (q, 10);
  return seen;
}

GPtrArray *
fm_pop_store_list (FmStoreReader *reader, gint64 account_id, GError **error)
{
  g_auto (FmSql) q = { 0 };
  g_autoptr (GPtrArray) list = g_ptr_array_new_with_free_func ((GDestroyNotify) fm_pop_store_free);

  if (!fm_sql_query (&q, reader, error, SEEN_SELECT "WHERE account_id=? ORDER BY id", "i", account_id))
    return NULL;
  while (fm_sql_step (&q))
    g_ptr_array_add (list, read_seen (&q));
  return fm_sql_end (&q, error) ? g_steal_pointer (&list) : NULL;
}

static FmPopSeen *
find (FmStoreReader *reader, const char *text, gint64 account_id, const char *value, GError **error)
{
  g_auto (FmSql) q = { 0 };

  if (!fm_sql_query (&q, reader, error, text, "is", account_id, value))
    return NULL;
  if (fm_sql_step (&q))
    return read_seen (&q);
  fm_sql_end (&q, error);
  return NULL;
}

FmPopSeen *
fm_pop_store_find (FmStoreReader *reader, gint64 account_id, const char *uidl, GError **error)
{
  return find (reader, SEEN_SELECT "WHERE account_id=? AND uidl=? AND uidl<>''", account_id, uidl, error);
}

FmPopSeen *
fm_pop_store_find_digest (FmStoreReader *reader, gint64 account_id, const char *digest, GError **error)
{
  return find (reader, SEEN_SELECT "WHERE account_id=? AND digest=? AND digest<>'' ORDER BY id LIMIT 1", account_id, digest, error);
}

FmPopSeen *
fm_pop_store_find_header (FmStoreReader *reader, gint64 account_id, const char *header_digest, GError **error)
{
  return find (reader, SEEN_SELECT "WHERE account_id=? AND header=? AND header<>'' ORDER BY id LIMIT 1", account_id, header_digest, error);
}

FmPopSeen *
fm_pop_store_find_message (FmStoreReader *reader, gint64 msg_id, GError **error)
{
  g_auto (FmSql) q = { 0 };

  if (!fm_sql_query (&q, reader, error, SEEN_SELECT "WHERE msg_id=? AND msg_id<>0 ORDER BY uidl='', id LIMIT 1", "i", msg_id))
    return NULL;
  if (fm_sql_step (&q))
    return read_seen (&q);
  fm_sql_end (&q, error);
  return NULL;
}

static GArray *
read_ids (FmSql *q, GError **error)
{
  g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (gint64));

  while (fm_sql_step (q))
    {
      gint64 id = fm_sql_int (q, 0);
      g_array_append_val (ids, id);
    }
  return fm_sql_end (q, error) ? g_steal_pointer (&ids) : NULL;
}

GArray *
fm_pop_store_deleted_here (FmStoreReader *reader, gint64 account_id, GError **error)
{
  g_auto (FmSql) q = { 0 };

  if (!fm_sql_query (&q, reader, error,
                     "SELECT p.id FROM pop_seen p LEFT JOIN msg m ON m.id=p.msg_id LEFT JOIN folder f ON f.id=m.folder_id"
                     " WHERE p.account_id=? AND p.gone_since=0 AND (p.wants_delete OR (NOT p.stub AND p.msg_id<>0"
                     " AND (m.id IS NULL OR m.folder_id=0 OR f.special=?)))",
                     "id", account_id, (int) FM_SPECIAL_TRASH))
    return NULL;
  return read_ids (&q, error);
}

GArray *
fm_pop_store_unsettled (FmStoreReader *reader, gint64 account_id, GError **error)
{
  g_auto (FmSql) q = { 0 };

  if (!fm_sql_query (
          &q, reader, error,
          "SELECT p.id FROM op o JOIN pop_seen p ON p.msg_id=o.msg_id AND p.msg_id<>0 WHERE o.account_id=?1 AND p.account_id=?1"
          " AND (o.state<3 OR o.id>(SELECT coalesce(max(id), 0) FROM (SELECT id FROM op WHERE created<=?2 ORDER BY id DESC LIMIT 1)))",
          "ii", account_id, fm_clock_now_utc () - FM_JOURNAL_HOLD_S))
    return NULL;
  return read_ids (&q, error);
}

GArray *
fm_pop_store_stubs (FmStoreReader *reader, gint64 account_id, GError **error)
{
  g_auto (FmSql) q = { 0 };

  if (!fm_sql_query (&q, reader, error,
                     "SELECT p.id FROM pop_seen p JOIN msg m ON m.id=p.msg_id JOIN folder f ON f.id=m.folder_id"
                     " WHERE p.account_id=? AND p.stub AND (p.wanted OR f.special<>?)",
                     "id", account_id, (int) FM_SPECIAL_TRASH))
    return NULL;
  return read_ids (&q, error);
}

gboolean
fm_pop_store_want (FmStoreWriter *writer, gint64 msg_id, gboolean wanted, GError **error)
{
  return fm_sql_exec (&writer->reader, error, "UPDATE pop_seen SET wanted=? WHERE msg_id=? AND msg_id<>0 AND stub", "di", wanted, msg_id);
}

gboolean
fm_pop_store_each_place (FmStoreReader *reader, gint64 account_id, FmPopPlaceVisit visit, gpointer data, GError **error)
{
  g_auto (FmSql) q = { 0 };

  if (!fm_sql_query (
          &q, reader, error,
          "SELECT b.sha, f.name, m.flags, coalesce((SELECT group_concat(k.name, ' ') FROM msg_kw w JOIN keyword k ON k.id=w.kw_id"
          " WHERE w.msg_id=m.id AND w.bits & 2), '')"
          " FROM folder f JOIN msg m ON m.folder_id=f.id JOIN blob b ON b.id=m.blob_id WHERE f.account_id=? ORDER BY m.id",
          "i", account_id))
    return FALSE;
  while (fm_sql_step (&q))
    if (!visit (fm_sql_text (&q, 0), fm_sql_text (&q, 1), (guint) fm_sql_int (&q, 2), fm_sql_text (&q, 3), data))
      return TRUE;
  return fm_sql_end (&q, error);
}

void
fm_pop_store_law_clear (FmPopLaw *law)
{
  g_clear_pointer (&law->in_force, g_free);
  g_clear_pointer (&law->next, g_free);
}

gboolean
fm_pop_store_law (FmStoreReader *reader, gint64 account_id, FmPopLaw *ret_law)
{
  g_auto (FmSql) q = { 0 };

  if (!fm_sql_query (&q, reader, NULL, "SELECT pop_policy, pop_next, pop_from FROM account WHERE id=?", "i", account_id)
      || !fm_sql_step (&q))
    return FALSE;
  *ret_law = (FmPopLaw){ g_strdup (fm_sql_text (&q, 0)), g_strdup (fm_sql_text (&q, 1)), fm_sql_int (&q, 2) };
  return TRUE;
}

gboolean
fm_pop_store_set_law (FmStoreWriter *writer, gint64 account_id, const FmPopLaw *law, GError **error)
{
  return fm_sql_exec (&writer->reader, error, "UPDATE account SET pop_policy=?, pop_next=?, pop_from=? WHERE id=?", "ssii", law->in_force,
                      law->next, law->from_utc, account_id);
}

gboolean
fm_pop_store_put (FmStoreWriter *writer, gint64 account_id, const FmPopSeen *seen, GError **error)
{
  FmStoreReader *r = &writer->reader;
  const char *uidl = seen->uidl == NULL ? "" : seen->uidl, *digest = seen->digest == NULL ? "" : seen->digest;
  gint64 id = uidl[0] != '\0'
                  ? fm_sql_value (r, 0, "SELECT id FROM pop_seen WHERE account_id=? AND uidl=? AND uidl<>''", "is", account_id, uidl)
                  : fm_sql_value (r, 0, "SELECT id FROM pop_seen WHERE account_id=? AND uidl='' AND digest=?", "is", account_id, digest);

  /* One that was known by its content alone has a name now. */
  if (id == 0 && uidl[0] != '\0' && digest[0] != '\0')
    {
      id = fm_sql_value (r, 0, "SELECT id FROM pop_seen WHERE account_id=? AND uidl='' AND digest=? AND msg_id=?", "isi", account_id,
                         digest, seen->msg_id);
      if (id != 0 && !fm_sql_exec (r, error, "UPDATE pop_seen SET uidl=? WHERE id=?", "si", uidl, id))
        return FALSE;
    }
  if (id == 0)
    {
      gint64 first_seen = seen->first_seen_utc != 0 ? seen->first_seen_utc : fm_clock_now_utc ();
      if (!fm_sql_exec (r, error, "INSERT INTO pop_seen(account_id, uidl, digest, header, msg_id, first_seen) VALUES(?,?,?,'',0,?)", "issi",
                        account_id, uidl, digest, first_seen))
        return FALSE;
      id = sqlite3_last_insert_rowid (r->db);
    }
  return fm_sql_exec (
      r, error, "UPDATE pop_seen SET digest=?, header=?, msg_id=?, gone_since=?, deleted=?, wants_delete=?, stub=?, wanted=? WHERE id=?",
      "ssiiidddi", digest, seen->header_digest == NULL ? "" : seen->header_digest, seen->msg_id, seen->gone_since_utc, seen->deleted_utc,
      seen->wants_delete, seen->stub, seen->wanted, id);
}

gboolean
fm_pop_store_rename (FmStoreWriter *writer, gint64 account_id, const char *old_uidl, const char *new_uidl, GError **error)
{
  return fm_sql_exec (&writer->reader, error, "UPDATE pop_seen SET uidl=?, gone_since=0 WHERE account_id=? AND uidl=?", "sis", new_uidl,
                      account_id, old_uidl);
}

gboolean
fm_pop_store_listed (FmStoreWriter *writer, gint64 account_id, const char *const *uidls, gint64 now_utc, int keep_s, GError **error)
{
  FmStoreReader *r = &writer->reader;

  /* Marked gone first, then those listed brought back: one index lookup each, and no list in SQL. */
  if (!fm_sql_exec (r, error, "UPDATE pop_seen SET gone_since = -? WHERE account_id=? AND gone_since=0 AND uidl<>''", "ii", now_utc,
                    account_id))
    return FALSE;
  for (gsize i = 0; uidls[i] != NULL; i++)
    if (!fm_sql_exec (r, error, "UPDATE pop_seen SET gone_since=0 WHERE account_id=? AND uidl=?", "is", account_id, uidls[i]))
      return FALSE;
  return fm_sql_exec (r, error, "UPDATE pop_seen SET gone_since = -gone_since WHERE account_id=? AND gone_since<0", "i", account_id)
         && fm_sql_exec (r, error, "DELETE FROM pop_seen WHERE account_id=? AND gone_since>0 AND gone_since < ?", "ii", account_id,
                         now_utc - keep_s);
}

gboolean
fm_pop_store_deleted (FmStoreWriter *writer, gint64 account_id, const char *const *uidls, gint64 now_utc, GError **error)
{
  for (gsize i = 0; uidls[i] != NULL; i++)
    if (!fm_sql_exec (&writer->reader, error, "UPDATE pop_seen SET deleted=?, wants_delete=0 WHERE account_id=? AND uidl=?", "iis", now_utc,
                      account_id, uidls[i]))
      return FALSE;
  return TRUE;
}

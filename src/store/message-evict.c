/* Which bodies go is told by the messages' dates and sizes alone, so nothing need be remembered about it: asked again, the answer is the same, and
 * what is fetched to be kept and what is given up never overlap. */
#include "store/message-private.h"
#include "store/sql.h"
#include <fulmar/base/error.h>
#include <fulmar/mail/flags.h>
#include <fulmar/store/message-evict.h>

#define DAY_S 86400

/* Of a row m: it has a body from a server that it need not have. */
#define EVICTABLE                                                                                                                     \
  "m.blob_id IS NOT NULL AND m.path IS NULL AND m.uid IS NOT NULL AND m.folder_id<>0 AND m.flags & 20 = 0"                            \
  " AND NOT EXISTS (SELECT 1 FROM op WHERE msg_id=m.id AND state<3)"                                                                  \
  " AND NOT EXISTS (SELECT 1 FROM op WHERE new_msg_id=m.id AND new_msg_id<>0 AND state<3)"                                            \
  " AND EXISTS (SELECT 1 FROM folder f JOIN account a ON a.id=f.account_id WHERE f.id=m.folder_id AND a.kind=0 AND f.remote_name<>''" \
  " AND NOT f.rematch)"
G_STATIC_ASSERT ((FM_FLAG_FLAGGED | FM_FLAG_DRAFT) == 20);

gint64
fm_message_evict_floor (FmStoreReader *reader, gint64 account_id, guint64 limit_bytes, GError **error)
{
  g_auto (FmSql) q = { 0 };
  guint64 sum = 0;
  gint64 floor = G_MININT64, kept = G_MAXINT64;

  if (!fm_sql_query (
          &q, reader, error,
          "SELECT m.date / 86400 AS day, sum(m.size) FROM msg m JOIN folder f ON f.id=m.folder_id WHERE f.account_id=? AND m.path"
          " IS NULL GROUP BY day ORDER BY day DESC",
          "i", account_id))
    return G_MAXINT64;
  while (fm_sql_step (&q) && floor == G_MININT64)
    {
      sum += (guint64) MAX (fm_sql_int (&q, 1), 0);
      if (sum <= limit_bytes || kept == G_MAXINT64)
        kept = fm_sql_int (&q, 0) * DAY_S;
      else
        floor = kept;
    }
  return floor != G_MININT64 || fm_sql_end (&q, error) ? floor : G_MAXINT64;
}

GArray *
fm_message_evict_list (FmStoreReader *reader, gint64 folder_id, gint64 before_utc, const FmMessageEvict *after, guint limit, GError **error)
{
  g_auto (FmSql) q = { 0 };
  g_autoptr (GArray) list = g_array_new (FALSE, FALSE, sizeof (FmMessageEvict));

  if (!fm_sql_query (&q, reader, error,
                     "SELECT m.id, m.date FROM msg m WHERE m.folder_id=? AND m.date<? AND (m.date, m.id) > (?, ?) AND " EVICTABLE
                     " ORDER BY m.date, m.id LIMIT ?",
                     "iiiiu", folder_id, before_utc, after ? after->date_utc : G_MININT64, after ? after->id : 0, (guint32) limit))
    return NULL;
  while (fm_sql_step (&q))
    {
      FmMessageEvict one = { fm_sql_int (&q, 0), fm_sql_int (&q, 1) };
      g_array_append_val (list, one);
    }
  return fm_sql_end (&q, error) ? g_steal_pointer (&list) : NULL;
}

gboolean
fm_message_evict_run (FmStoreWriter *writer, const FmMessageEvict *messages, gsize n, guint *ret_n, GError **error)
{
  FmStoreReader *r = &writer->reader;

  *ret_n = 0;
  for (gsize i = 0; i < n; i++)
    {
      gint64 blob = fm_sql_value (r, 0, "SELECT blob_id FROM msg WHERE id=?", "i", messages[i].id);
      if (!fm_sql_exec (r, error, "UPDATE msg AS m SET blob_id=NULL WHERE m.id=? AND " EVICTABLE, "i", messages[i].id))
        return FALSE;
      if (fm_sql_changes (r) == 0)
        continue;
      /* It was given up for room: its file need not be kept for the case that somebody misses it. */
      if (!fm_sql_exec (r, error, "UPDATE blob SET unused_since=0 WHERE id=? AND refs=0", "i", blob))
        return FALSE;
      ++*ret_n;
    }
  return TRUE;
}

/* Threads, kept as they arrive: `mid` maps the hash of every Message-ID ever named (ghosts too) to a thread. A new message looks up its own
 * id and its ancestors' (message-batch.c); none known begins a thread, several known are joined, the smaller ones moving to the largest. A
 * thread's number is the row number of its first message. The `mid` entries of a moved thread are found through its messages, so that `mid` needs no second
 * index; the entry of a ghost whose every referrer has been deleted may stay behind and costs at most a thread split in two. */
#include "store/message-private.h"
#include <fulmar/mail/threads.h>
#include <string.h>

void
fm_message_thread_hash (FmStoreReader *reader, const FmEnvelope *envelope, FmMessageHashes *ret_hashes)
{
  const guint8 *key = reader->store->key;
  const char *own = fm_envelope_message_id (envelope);
  g_autoptr (GPtrArray) ancestors = fm_threads_ancestors (envelope);

  if (own[0] != '\0')
    ret_hashes->own = (gint64) fm_threads_hash_id (key, own);
  else
    {
      g_autofree char *made = g_strdup_printf ("\001%s\001%s\001%" G_GINT64_FORMAT, fm_envelope_display_from (envelope),
                                               fm_envelope_subject (envelope), fm_envelope_date_utc (envelope));
      ret_hashes->own = (gint64) fm_threads_hash_id (key, made);
    }
  ret_hashes->n = MIN (ancestors->len, G_N_ELEMENTS (ret_hashes->ancestors));
  for (guint i = 0; i < ret_hashes->n; i++)
    ret_hashes->ancestors[i] = (gint64) fm_threads_hash_id (key, g_ptr_array_index (ancestors, i));
}

gint64
fm_message_thread_of (FmStoreReader *reader, gint64 hash)
{
  return fm_sql_value (reader, 0, "SELECT thread_id FROM mid WHERE h=?", "i", hash);
}

static gboolean
move_hashes (FmStoreWriter *writer, gint64 from, gint64 to, GError **error)
{
  FmStoreReader *r = &writer->reader;
  g_auto (FmSql) q = { 0 };

  if (!fm_sql_query (&q, r, error, "SELECT m.mid, h.anc FROM msg m LEFT JOIN hdr h ON h.msg_id=m.id WHERE m.thread_id=?", "i", from))
    return FALSE;
  while (fm_sql_step (&q))
    {
      if (!fm_sql_exec (r, error, "UPDATE mid SET thread_id=? WHERE h=?", "ii", to, fm_sql_int (&q, 0)))
        return FALSE;
      const guint8 *bytes = sqlite3_column_blob (q.statement, 1);
      gsize n = (gsize) sqlite3_column_bytes (q.statement, 1) / 8;
      for (gsize i = 0; i < n; i++)
        {
          gint64 hash;
          memcpy (&hash, bytes + 8 * i, 8);
          if (!fm_sql_exec (r, error, "UPDATE mid SET thread_id=? WHERE h=?", "ii", to, hash))
            return FALSE;
        }
    }
  return fm_sql_end (&q, error);
}

gboolean
fm_message_thread_join (FmStoreWriter *writer, gint64 from, gint64 to, GError **error)
{
  return move_hashes (writer, from, to, error)
         && fm_sql_exec (&writer->reader, error, "UPDATE msg SET thread_id=? WHERE thread_id=?", "ii", to, from);
}

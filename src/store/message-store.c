/* Rows of messages. A UID told by a server is looked for in four places before it becomes a new row: a row of the folder with that UID; a
 * live operation that is moving that UID away; a row of the folder that waits for its UID (it was moved, copied or appended here, or the
 * UIDVALIDITY changed) and has the same Message-ID and size; after a UIDVALIDITY change, an operation whose source lost its UID. */
#include "store/message-private.h"
#include "store/schema.h"
#include <fulmar/base/error.h>
#include <fulmar/mail/threads.h>
#include <fulmar/store/folder-store.h>
#include <string.h>

#define DAY_S (24 * 60 * 60)

/* What is the same for all rows of one call. */
typedef struct {
  FmStoreWriter *writer;
  gint64 folder_id;
  gboolean local;   /* UIDs are ours to give */
  gboolean waiting; /* rows of this folder wait for a UID */
  gboolean leaving; /* live operations name UIDs of this folder, or did before its UIDVALIDITY changed */
  FmMessageResult *result;
} Batch;

guint32
fm_message_store_take_uid (FmStoreWriter *writer, gint64 folder_id, GError **error)
{
  if (!fm_sql_exec (&writer->reader, error, "UPDATE folder SET uidnext = max(uidnext, 1) + 1 WHERE id=?", "i", folder_id))
    return 0;
  return (guint32) (fm_sql_value (&writer->reader, 2, "SELECT uidnext FROM folder WHERE id=?", "i", folder_id) - 1);
}

/* The date that lists sort by: the writer's, unless it is absent or from the future. */
static gint64
list_date (const FmMessageInput *input)
{
  gint64 date = fm_envelope_date_utc (input->envelope);

  if (date <= 0 || (input->internal_date_utc > 0 && date > input->internal_date_utc + 2 * DAY_S))
    return input->internal_date_utc > 0 ? input->internal_date_utc : MAX (date, 0);
  return date;
}

static gboolean
insert_header (FmStoreReader *r, gint64 id, const FmEnvelope *envelope, const FmMessageHashes *hashes, GError **error)
{
  g_autofree char *from = fm_address_list_display (fm_envelope_from (envelope));
  g_autofree char *to = fm_address_list_display (fm_envelope_to (envelope));
  g_autofree char *cc = fm_address_list_display (fm_envelope_cc (envelope));

  return fm_sql_exec (r, error, "INSERT INTO hdr VALUES(?,?,?,?,?,?)", "issssb", id, from, fm_envelope_display_to (envelope), to, cc,
                      hashes->ancestors, (int) (hashes->n * 8));
}

/* A file read in place is indexed under a blob of its own. It is written after its row, with the reference counted: the other way round it would
 * enter the index of unused blobs only to leave it again. */
static gboolean
insert_local_blob (FmStoreReader *r, gint64 blob_id, gint64 msg_id, const FmMessageInput *input, GError **error)
{
  return fm_sql_exec (r, error, "INSERT INTO blob(id, sha, size, refs) VALUES(?, '" FM_MESSAGE_LOCAL_PREFIX "' || ?, ?, 1)", "iii", blob_id,
                      msg_id, (gint64) input->size_bytes);
}

gint64
fm_message_store_insert (FmStoreWriter *writer, gint64 folder_id, const FmMessageInput *input, guint32 uid, const FmMessageHashes *hashes,
                         GError **error)
{
  FmStoreReader *r = &writer->reader;
  const FmEnvelope *envelope = input->envelope;
  gint64 id = fm_sql_value (r, 0, "SELECT seq FROM sqlite_sequence WHERE name='msg'", "") + 1;
  gint64 thread = fm_message_thread_link (writer, hashes, id, error);
  int attachments = input->attachments >= 0 ? input->attachments : fm_envelope_attachment_hint (envelope);
  guint flags = (input->flags & FM_FLAG_SERVER_MASK);

  gboolean in_place = input->path != NULL && input->blob_id == 0;
  gint64 blob_id = in_place ? fm_sql_value (r, 0, "SELECT seq FROM sqlite_sequence WHERE name='blob'", "") + 1 : input->blob_id;

  if (thread == 0)
    return 0;
  if (!fm_sql_exec (r, error,
                    "INSERT OR FAIL INTO msg(id, folder_id, uid, flags, sflags, modseq, idate, date, size, natt, thread_id, mid, blob_id, "
                    "server_id, from_disp,"
                    " subject, msgid, path) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
                    "iinuuiiiidiinnssss", id, folder_id, (gint64) uid, flags | (attachments > 0 ? FM_FLAG_ATTACHMENT : 0), flags,
                    (gint64) input->modseq, input->internal_date_utc, list_date (input), (gint64) input->size_bytes, attachments, thread,
                    hashes->own, blob_id, (gint64) input->server_id, fm_envelope_display_from (envelope), fm_envelope_subject (envelope),
                    fm_envelope_message_id (envelope), input->path)
      || (in_place && !insert_local_blob (r, blob_id, id, input, error)) || !insert_header (r, id, envelope, hashes, error))
    return 0;
  if (input->keywords != NULL && input->keywords[0] != NULL
      && !(fm_message_merge_keywords (writer, id, input->keywords, error) && fm_message_merge_show (writer, id, NULL, error)))
    return 0;
  return id;
}

/* A row of this folder that waits for its UID and is this message. Operations that were not sent yet can't have arrived, except when the
 * folder is being matched anew. */
static gint64
find_waiting (Batch *b, const FmMessageInput *input, gint64 mid)
{
  return fm_sql_value (
      &b->writer->reader, 0,
      "SELECT m.id FROM msg m JOIN folder f ON f.id = m.folder_id WHERE " FM_SCHEMA_OF_MID (
          "m.", "?1") " AND +m.folder_id=?2 AND m.uid IS NULL"
                      " AND (m.size=?3 OR m.size=0 OR ?3=0 OR abs(m.size-?3) < 1024 AND m.blob_id IS NOT NULL)"
                      " AND (f.rematch OR NOT EXISTS (SELECT 1 FROM op WHERE state=0 AND (msg_id=m.id AND (target_id=?2 OR kind=4) OR"
                      " new_msg_id=m.id AND new_msg_id<>0)))"
                      " ORDER BY abs(m.date-?4), m.id LIMIT 1",
      "iiii", mid, b->folder_id, (gint64) input->size_bytes, list_date (input));
}

/* The row that an operation is moving out of this folder under this UID. */
static gint64
find_leaving (Batch *b, const FmMessageInput *input, gint64 mid)
{
  FmStoreReader *r = &b->writer->reader;
  gint64 id = fm_sql_value (r, 0, "SELECT msg_id FROM op WHERE folder_id=? AND uid=? AND state<3 AND kind IN (1,3) ORDER BY id LIMIT 1",
                            "iu", b->folder_id, input->uid);

  if (id != 0)
    return id;
  gint64 op = fm_sql_value (
      r, 0,
      "SELECT o.id FROM op o JOIN msg m ON m.id=o.msg_id WHERE o.folder_id=? AND o.uid IS NULL AND o.state<2 AND o.kind IN (1,3)"
      " AND o.after_op=0 AND m.mid=? AND (m.size=?3 OR m.size=0 OR ?3=0) LIMIT 1",
      "iii", b->folder_id, mid, (gint64) input->size_bytes);
  if (op == 0)
    return 0;
  fm_sql_exec (r, NULL, "UPDATE op SET uid=? WHERE id=?", "ui", input->uid, op);
  return fm_sql_value (r, 0, "SELECT msg_id FROM op WHERE id=?", "i", op);
}

static gboolean
give_uid (Batch *b, gint64 id, const FmMessageInput *input, GError **error)
{
  FmStoreReader *r = &b->writer->reader;

  /* The operation that brought the row here is thereby fulfilled when it was only waiting for this; those that follow it may go. */
  return fm_sql_exec (r, error, "UPDATE msg SET uid=?, size = CASE WHEN ?=0 THEN size ELSE ?2 END, idate=? WHERE id=?", "uiii", input->uid,
                      (gint64) input->size_bytes, input->internal_date_utc, id)
         && fm_sql_exec (r, error, "UPDATE op SET state=3 WHERE state=2 AND msg_id=?1 AND (target_id=?2 OR kind=4 AND folder_id=?2)", "ii",
                         id, b->folder_id)
         && fm_sql_exec (r, error, "UPDATE op SET state=3 WHERE state=2 AND new_msg_id=?1 AND new_msg_id<>0", "i", id)
         && fm_sql_exec (r, error, "UPDATE op SET uid=? WHERE msg_id=? AND folder_id=? AND uid IS NULL AND state<2 AND kind<>4", "uii",
                         input->uid, id, b->folder_id);
}

static gboolean
merge_known (Batch *b, gint64 id, const FmMessageInput *input, GError **error)
{
  FmMessageFlags word = { input->uid, input->flags, input->keywords, input->modseq };
  gboolean changed = FALSE;

  if (!fm_message_merge_server (b->writer, id, &word, &changed, error))
    return FALSE;
  if (input->path != NULL && !fm_message_store_set_path (b->writer, id, input->path, error))
    return FALSE;
  if (b->result != NULL)
    b->result->updated++;
  return TRUE;
}

static gint64
put_one (Batch *b, const FmMessageInput *input, GError **error)
{
  FmStoreReader *r = &b->writer->reader;
  FmMessageHashes hashes;
  guint32 uid = input->uid;
  gint64 id = uid == 0 ? 0 : fm_sql_value (r, 0, "SELECT id FROM msg WHERE folder_id=? AND uid=?", "iu", b->folder_id, uid);

  if (id != 0)
    return merge_known (b, id, input, error) ? id : 0;
  fm_message_thread_hash (r, input->envelope, &hashes);
  if (b->leaving && uid != 0 && (id = find_leaving (b, input, hashes.own)) != 0)
    return merge_known (b, id, input, error) ? id : 0;
  if (b->waiting && uid != 0 && (id = find_waiting (b, input, hashes.own)) != 0)
    {
      if (b->result != NULL)
        b->result->matched++;
      return give_uid (b, id, input, error) && merge_known (b, id, input, error) ? id : 0;
    }
  if (uid == 0 && b->local && (uid = fm_message_store_take_uid (b->writer, b->folder_id, error)) == 0)
    return 0;
  if (b->result != NULL)
    {
      b->result->added++;
      b->result->unseen_added += (input->flags & FM_FLAG_SEEN) == 0;
    }
  return fm_message_store_insert (b->writer, b->folder_id, input, uid, &hashes, error);
}

gboolean
fm_message_store_upsert (FmStoreWriter *writer, gint64 folder_id, const FmMessageInput *inputs, gsize n, FmMessageResult *ret_result,
                         GError **error)
{
  FmStoreReader *r = &writer->reader;
  gint64 kind = fm_sql_value (r, -1, "SELECT a.kind FROM folder f JOIN account a ON a.id=f.account_id WHERE f.id=?", "i", folder_id);
  Batch b = { writer, folder_id, kind > FM_STORE_IMAP, FALSE, FALSE, ret_result };

  if (kind < 0)
    {
      g_set_error (error, FM_ERROR, FM_ERROR_NOT_FOUND, "the folder of these messages is gone");
      return FALSE;
    }
  b.waiting = fm_sql_value (r, 0, "SELECT 1 FROM msg WHERE folder_id=? AND uid IS NULL LIMIT 1", "i", folder_id) != 0;
  b.leaving = fm_sql_value (r, 0, "SELECT 1 FROM op WHERE folder_id=? AND state<3 LIMIT 1", "i", folder_id) != 0;
  for (gsize i = 0; i < n; i++)
    {
      gint64 id = put_one (&b, &inputs[i], error);
      if (id == 0)
        return FALSE;
      if (ret_result != NULL && ret_result->ids != NULL)
        g_array_append_val (ret_result->ids, id);
    }
  return TRUE;
}

gboolean
fm_message_store_set_flags (FmStoreWriter *writer, gint64 folder_id, const FmMessageFlags *flags, gsize n, guint *ret_changed,
                            GError **error)
{
  FmStoreReader *r = &writer->reader;
  guint count = 0;

  for (gsize i = 0; i < n; i++)
    {
      gboolean changed = FALSE;
      gint64 id = fm_sql_value (r, 0, "SELECT id FROM msg WHERE folder_id=? AND uid=?", "iu", folder_id, flags[i].uid);
      if (id == 0)
        id = fm_sql_value (r, 0, "SELECT msg_id FROM op WHERE folder_id=? AND uid=? AND state<3 LIMIT 1", "iu", folder_id, flags[i].uid);
      if (id == 0)
        continue;
      if (!fm_message_merge_server (writer, id, &flags[i], &changed, error))
        return FALSE;
      count += changed;
    }
  if (ret_changed != NULL)
    *ret_changed = count;
  return TRUE;
}

/* A UID that one of our moves names is gone: of one that was sent, that is its success and the answer follows; one that was not sent has
 * been overtaken by another client, so its row settles in the target if it is met there. */
static gboolean
vanish_operations (FmStoreReader *r, gint64 folder_id, const FmUidRange *range, GError **error)
{
  return fm_sql_exec (r, error,
                      "UPDATE op SET gone=1, state = CASE WHEN state=0 AND kind IN (1,2) THEN 2 WHEN state=0 THEN 3 ELSE state END"
                      " WHERE folder_id=? AND uid BETWEEN ? AND ? AND state<2",
                      "iuu", folder_id, range->first, range->last)
         && fm_sql_exec (
             r, error,
             "DELETE FROM msg WHERE folder_id=0 AND id IN (SELECT msg_id FROM op WHERE folder_id=? AND uid BETWEEN ? AND ? AND state=3"
             " AND kind=3 AND gone=1)",
             "iuu", folder_id, range->first, range->last);
}

gboolean
fm_message_store_vanished (FmStoreWriter *writer, gint64 folder_id, const FmUidRange *ranges, gsize n, guint limit, guint *ret_removed,
                           GError **error)
{
  FmStoreReader *r = &writer->reader;
  guint removed = 0;

  for (gsize i = 0; i < n && removed < limit; i++)
    {
      if (!vanish_operations (r, folder_id, &ranges[i], error))
        return FALSE;
      if (!fm_sql_exec (r, error, "DELETE FROM msg WHERE id IN (SELECT id FROM msg WHERE folder_id=? AND uid BETWEEN ? AND ? LIMIT ?)",
                        "iuuu", folder_id, ranges[i].first, ranges[i].last, (guint32) (limit - removed)))
        return FALSE;
      removed += (guint) fm_sql_changes (r);
    }
  if (ret_removed != NULL)
    *ret_removed = removed;
  return TRUE;
}

gboolean
fm_message_store_remove (FmStoreWriter *writer, gint64 msg_id, GError **error)
{
  return fm_sql_exec (&writer->reader, error, "UPDATE op SET state=4, error='the message is gone' WHERE msg_id=? AND state<3", "i", msg_id)
         && fm_sql_exec (&writer->reader, error, "DELETE FROM msg WHERE id=?", "i", msg_id);
}

gboolean
fm_message_store_set_path (FmStoreWriter *writer, gint64 msg_id, const char *path, GError **error)
{
  return fm_sql_exec (&writer->reader, error, "UPDATE msg SET path=?1 WHERE id=?2 AND path IS NOT ?1", "si", path, msg_id);
}

gboolean
fm_message_store_set_attachments (FmStoreWriter *writer, gint64 msg_id, guint count, GError **error)
{
  return fm_sql_exec (&writer->reader, error,
                      "UPDATE msg SET natt=?1, flags = CASE WHEN ?1 > 0 THEN flags | 512 ELSE flags & ~512 END WHERE id=?2", "ui", count,
                      msg_id);
}

gboolean
fm_message_store_set_blob (FmStoreWriter *writer, gint64 msg_id, gint64 blob_id, GError **error)
{
  return fm_sql_exec (&writer->reader, error, "UPDATE msg SET blob_id=? WHERE id=?", "ni", blob_id, msg_id);
}

void
fm_message_store_free (FmMessageInfo *message)
{
  if (message == NULL)
    return;
  g_free (message->from);
  g_free (message->to);
  g_free (message->cc);
  g_free (message->subject);
  g_free (message->message_id);
  g_free (message->path);
  g_strfreev (message->keywords);
  g_free (message);
}

static char **
read_keywords (FmStoreReader *reader, gint64 msg_id)
{
  g_auto (FmSql) q = { 0 };
  g_autoptr (GPtrArray) names = g_ptr_array_new ();

  if (fm_sql_query (&q, reader, NULL,
                    "SELECT k.name FROM msg_kw m JOIN keyword k ON k.id=m.kw_id WHERE m.msg_id=? AND m.bits & 2 ORDER BY k.name", "i",
                    msg_id))
    while (fm_sql_step (&q))
      g_ptr_array_add (names, g_strdup (fm_sql_text (&q, 0)));
  g_ptr_array_add (names, NULL);
  return (char **) g_ptr_array_free (g_steal_pointer (&names), FALSE);
}

FmMessageInfo *
fm_message_store_get (FmStoreReader *reader, gint64 msg_id, GError **error)
{
  g_auto (FmSql) q = { 0 };

  if (!fm_sql_query (
          &q, reader, error,
          "SELECT m.folder_id, f.account_id, m.thread_id, m.blob_id, m.uid, m.flags, m.date, m.idate, m.size, m.server_id, m.natt,"
          " EXISTS(SELECT 1 FROM op WHERE msg_id=m.id AND state<3), h.from_full, h.to_full, h.cc_full, m.subject, m.msgid, m.path"
          " FROM msg m LEFT JOIN folder f ON f.id=m.folder_id LEFT JOIN hdr h ON h.msg_id=m.id WHERE m.id=?",
          "i", msg_id))
    return NULL;
  if (!fm_sql_step (&q))
    {
      if (fm_sql_end (&q, error))
        g_set_error (error, FM_ERROR, FM_ERROR_NOT_FOUND, "the message is no longer here");
      return NULL;
    }
  FmMessageInfo *m = g_new0 (FmMessageInfo, 1);
  m->id = msg_id;
  m->folder_id = fm_sql_int (&q, 0);
  m->account_id = fm_sql_int (&q, 1);
  m->thread_id = fm_sql_int (&q, 2);
  m->blob_id = fm_sql_int (&q, 3);
  m->uid = (guint32) fm_sql_int (&q, 4);
  m->flags = (guint) fm_sql_int (&q, 5);
  m->date_utc = fm_sql_int (&q, 6);
  m->internal_date_utc = fm_sql_int (&q, 7);
  m->size_bytes = (guint64) fm_sql_int (&q, 8);
  m->server_id = (guint64) fm_sql_int (&q, 9);
  m->attachments = (guint) fm_sql_int (&q, 10);
  m->pending = fm_sql_int (&q, 11) != 0;
  m->from = g_strdup (fm_sql_text (&q, 12));
  m->to = g_strdup (fm_sql_text (&q, 13));
  m->cc = g_strdup (fm_sql_text (&q, 14));
  m->subject = g_strdup (fm_sql_text (&q, 15));
  m->message_id = g_strdup (fm_sql_text (&q, 16));
  m->path = g_strdup (fm_sql_text_or_null (&q, 17));
  m->keywords = read_keywords (reader, msg_id);
  return m;
}

FmMessageInfo *
fm_message_store_get_uid (FmStoreReader *reader, gint64 folder_id, guint32 uid, GError **error)
{
  return fm_message_store_get (reader, fm_sql_value (reader, 0, "SELECT id FROM msg WHERE folder_id=? AND uid=?", "iu", folder_id, uid),
                               error);
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
fm_message_store_find_message_id (FmStoreReader *reader, const char *message_id, GError **error)
{
  g_auto (FmSql) q = { 0 };
  g_autofree char *plain = fm_threads_normalise_id (message_id, -1);
  gint64 hash = (gint64) fm_threads_hash_id (reader->store->key, plain);

  if (!fm_sql_query (&q, reader, error,
                     "SELECT id FROM msg WHERE " FM_SCHEMA_OF_MID ("", "?1") " AND msgid=?2 AND folder_id<>0 ORDER BY date DESC, id DESC",
                     "is", hash, plain))
    return NULL;
  return read_ids (&q, error);
}

GArray *
fm_message_store_find_blob (FmStoreReader *reader, gint64 blob_id, GError **error)
{
  g_auto (FmSql) q = { 0 };

  if (!fm_sql_query (&q, reader, error, "SELECT id FROM msg WHERE blob_id=? AND folder_id<>0 ORDER BY id", "i", blob_id))
    return NULL;
  return read_ids (&q, error);
}

GArray *
fm_message_store_uids (FmStoreReader *reader, gint64 folder_id, guint32 first, guint32 last, GError **error)
{
  g_auto (FmSql) q = { 0 };
  g_autoptr (GArray) pairs = g_array_new (FALSE, FALSE, sizeof (guint32));

  if (!fm_sql_query (
          &q, reader, error,
          "SELECT uid, sflags FROM msg WHERE folder_id=?1 AND uid BETWEEN ?2 AND ?3 UNION SELECT o.uid, m.sflags FROM op o JOIN msg m ON"
          " m.id=o.msg_id WHERE o.folder_id=?1 AND o.uid BETWEEN ?2 AND ?3 AND o.state<3 AND o.kind IN (1,3) ORDER BY 1",
          "iuu", folder_id, first, last))
    return NULL;
  while (fm_sql_step (&q))
    {
      guint32 pair[2] = { (guint32) fm_sql_int (&q, 0), (guint32) fm_sql_int (&q, 1) };
      g_array_append_vals (pairs, pair, 2);
    }
  return fm_sql_end (&q, error) ? g_steal_pointer (&pairs) : NULL;
}

GArray *
fm_message_store_wanted (FmStoreReader *reader, gint64 folder_id, gint64 before_date, gint64 before_id, gint64 since_utc, guint limit,
                         GError **error)
{
  g_auto (FmSql) q = { 0 };
  g_autoptr (GArray) wants = g_array_new (FALSE, FALSE, sizeof (FmMessageWant));

  if (!fm_sql_query (
          &q, reader, error,
          "SELECT id, date, uid, size FROM msg WHERE folder_id=? AND (date, id) < (?, ?) AND date >= ? AND blob_id IS NULL AND path IS NULL"
          " AND uid IS NOT NULL ORDER BY date DESC, id DESC LIMIT ?",
          "iiiiu", folder_id, before_date, before_id, since_utc, (guint32) limit))
    return NULL;
  while (fm_sql_step (&q))
    {
      FmMessageWant want = { fm_sql_int (&q, 0), fm_sql_int (&q, 1), (guint32) fm_sql_int (&q, 2), (guint64) fm_sql_int (&q, 3) };
      g_array_append_val (wants, want);
    }
  return fm_sql_end (&q, error) ? g_steal_pointer (&wants) : NULL;
}

gboolean
fm_message_store_each_local (FmStoreReader *reader, gint64 folder_id, FmMessageLocal callback, gpointer data, GError **error)
{
  g_auto (FmSql) q = { 0 };

  if (!fm_sql_query (&q, reader, error, "SELECT id, path, flags FROM msg WHERE folder_id=? AND path IS NOT NULL", "i", folder_id))
    return FALSE;
  while (fm_sql_step (&q))
    if (!callback (fm_sql_int (&q, 0), fm_sql_text (&q, 1), (guint) fm_sql_int (&q, 2), data))
      return TRUE;
  return fm_sql_end (&q, error);
}

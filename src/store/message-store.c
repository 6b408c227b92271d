/* Rows of messages. A UID told by a server is looked for in four places before it becomes a new row: a row of the folder with that UID; a
 * live operation that is moving that UID away; a row of the folder that waits for its UID (it was moved, copied or appended here, or the
 * UIDVALIDITY changed) and has the same Message-ID and size; after a UIDVALIDITY change, an operation whose source lost its UID. */
#include "store/gmail-private.h"
#include "store/schema.h"
#include <fulmar/base/error.h>
#include <fulmar/mail/threads.h>
#include <fulmar/store/folder-store.h>
#include <fulmar/store/journal.h>
#include <string.h>

#define BATCH_ROWS 256

/* What is the same for all rows of one call. */
typedef struct {
  FmStoreWriter *writer;
  gint64 folder_id;
  gboolean local;   /* UIDs are ours to give */
  gboolean waiting; /* rows of this folder wait for a UID */
  gboolean leaving; /* live operations name UIDs of this folder, or did before its UIDVALIDITY changed */
  guint32 next_uid; /* of those taken for this batch's rows */
  FmMessageResult *result;
} Call;

guint32
fm_message_store_take_uids (FmStoreWriter *writer, gint64 folder_id, guint n, GError **error)
{
  if (!fm_sql_exec (&writer->reader, error, "UPDATE folder SET uidnext = max(uidnext, 1) + ? WHERE id=?", "ui", (guint32) n, folder_id))
    return 0;
  return (guint32) fm_sql_value (&writer->reader, n + 1, "SELECT uidnext FROM folder WHERE id=?", "i", folder_id) - n;
}

gint64
fm_message_store_insert (FmStoreWriter *writer, gint64 folder_id, const FmMessageInput *input, guint32 uid, GError **error)
{
  g_autoptr (FmMessageBatch) batch = fm_message_batch_new (writer, folder_id);
  guint number = fm_message_batch_expect (batch, input);
  gint64 id = fm_message_batch_begin (batch, error) ? fm_message_batch_add (batch, number, input, uid, error) : 0;

  return id != 0 && fm_message_batch_write (batch, error) ? id : 0;
}

/* A row of this folder that waits for its UID and is this message. Operations that were not sent yet can't have arrived, except when the
 * folder is being matched anew. */
static gint64
find_waiting (Call *c, const FmMessageInput *input, gint64 mid)
{
  return fm_sql_value (
      &c->writer->reader, 0,
      "SELECT m.id FROM msg m JOIN folder f ON f.id = m.folder_id WHERE " FM_SCHEMA_OF_MID (
          "m.",
          "?1") " AND +m.folder_id=?2 AND m.uid IS NULL"
                " AND (m.size=?3 OR m.size=0 OR ?3=0 OR abs(m.size-?3) < 1024 AND m.blob_id IS NOT NULL)"
                " AND (f.rematch OR NOT EXISTS (SELECT 1 FROM op WHERE msg_id=m.id AND state<3 AND state=0 AND (target_id=?2 AND kind=1 OR"
                " kind=4)) AND NOT EXISTS (SELECT 1 FROM op WHERE new_msg_id=m.id AND new_msg_id<>0 AND state<3 AND state=0))"
                " ORDER BY abs(m.date-?4), m.id LIMIT 1",
      "iiii", mid, c->folder_id, (gint64) input->size_bytes, fm_message_batch_date (input));
}

gboolean
fm_message_store_doubt_body (FmStoreWriter *writer, gint64 msg_id, GError **error)
{
  return fm_sql_exec (&writer->reader, error,
                      "UPDATE msg SET blob_id=NULL WHERE id=? AND blob_id IS NOT NULL AND (EXISTS (SELECT 1 FROM msg o WHERE"
                      " o.thread_id=msg.thread_id AND o.mid=msg.mid AND o.size=msg.size AND o.blob_id IS NOT msg.blob_id)"
                      " OR EXISTS (SELECT 1 FROM op WHERE msg_id=msg.id AND state<3 AND state=2 AND gone AND tries=0))"
                      " AND EXISTS (SELECT 1 FROM folder f JOIN account a ON a.id=f.account_id WHERE f.id=msg.folder_id AND a.kind=0)",
                      "i", msg_id);
}

/* An operation that takes a message out of this folder again and does not know under which UID: what brings it here was sent and has not told one,
 * or the UIDVALIDITY changed. One that was only planned can't have brought it. 0: none. */
static gint64
find_leaving_unmet (Call *c, const FmMessageInput *input, gint64 mid)
{
  return fm_sql_value (&c->writer->reader, 0,
                       "SELECT o.id FROM op o JOIN msg m ON m.id=o.msg_id JOIN folder f ON f.id=o.folder_id WHERE o.folder_id=?1"
                       " AND o.uid IS NULL AND o.state<3 AND o.state<2 AND o.kind IN (1,3) AND m.mid=?2 AND (m.size=?3 OR m.size=0 OR ?3=0)"
                       " AND (o.after_op=0 OR EXISTS (SELECT 1 FROM op a WHERE a.id=o.after_op AND a.kind IN (5,6)))"
                       " AND (f.rematch OR NOT EXISTS (SELECT 1 FROM op p WHERE p.msg_id=o.msg_id AND p.id<o.id AND p.state<3 AND p.state=0"
                       " AND (p.target_id=?1 AND p.kind=1 OR p.kind=4 AND p.folder_id=?1))"
                       " AND NOT EXISTS (SELECT 1 FROM op p WHERE p.new_msg_id=o.msg_id AND p.new_msg_id<>0 AND p.id<o.id AND p.state<3 AND"
                       " p.state=0))"
                       " ORDER BY o.id LIMIT 1",
                       "iii", c->folder_id, mid, (gint64) input->size_bytes);
}

/* What ROW does in this folder until OP takes it away is done to UID, and what brought it here is fulfilled. */
static gboolean
meet_leaving (Call *c, gint64 op, gint64 row, guint32 uid, GError **error)
{
  FmStoreReader *r = &c->writer->reader;

  return fm_message_store_doubt_body (c->writer, row, error)
         && fm_sql_exec (r, error,
                         "UPDATE op SET uid=? WHERE msg_id=? AND id<=? AND folder_id=? AND uid IS NULL AND state<3 AND state<2 AND kind<4",
                         "uiii", uid, row, op, c->folder_id)
         && fm_sql_exec (r, error,
                         "UPDATE op SET state=3 WHERE state<3 AND state=2 AND id<?2 AND msg_id=?1 AND (target_id=?3 AND kind=1 OR kind=4 "
                         "AND folder_id=?3)",
                         "iii", row, op, c->folder_id)
         && fm_sql_exec (r, error, "UPDATE op SET state=3 WHERE state<3 AND state=2 AND id<?2 AND new_msg_id=?1 AND new_msg_id<>0", "ii",
                         row, op);
}

/* The row that an operation is moving out of this folder under this UID. FALSE on error; RET_ID 0: there is none. */
static gboolean
find_leaving (Call *c, const FmMessageInput *input, gint64 mid, gint64 *ret_id, GError **error)
{
  FmStoreReader *r = &c->writer->reader;
  gint64 id = fm_journal_leaving (r, c->folder_id, input->uid);
  gint64 op = id != 0 ? 0 : find_leaving_unmet (c, input, mid);

  if (op != 0)
    {
      id = fm_sql_value (r, 0, "SELECT msg_id FROM op WHERE id=?", "i", op);
      if (!meet_leaving (c, op, id, input->uid, error))
        return FALSE;
    }
  *ret_id = id;
  return TRUE;
}

static gboolean
give_uid (Call *c, gint64 id, const FmMessageInput *input, GError **error)
{
  FmStoreReader *r = &c->writer->reader;

  /* The operation that brought the row here is thereby fulfilled when it was only waiting for this; those that follow it may go. */
  return fm_sql_exec (r, error, "UPDATE msg SET uid=?, size = CASE WHEN ?=0 THEN size ELSE ?2 END, idate=?, modseq=0 WHERE id=?", "uiii",
                      input->uid, (gint64) input->size_bytes, input->internal_date_utc, id)
         && fm_message_store_doubt_body (c->writer, id, error)
         && fm_sql_exec (
             r, error,
             "UPDATE op SET state=3 WHERE state<3 AND state=2 AND msg_id=?1 AND (target_id=?2 AND kind=1 OR kind=4 AND folder_id=?2)", "ii",
             id, c->folder_id)
         && fm_sql_exec (r, error, "UPDATE op SET state=3 WHERE state<3 AND state=2 AND new_msg_id=?1 AND new_msg_id<>0", "i", id)
         && fm_sql_exec (r, error, "UPDATE op SET uid=? WHERE msg_id=? AND folder_id=? AND uid IS NULL AND state<3 AND state<2 AND kind<>4",
                         "uii", input->uid, id, c->folder_id);
}

static gboolean
merge_known (Call *c, gint64 id, const FmMessageInput *input, GError **error)
{
  FmMessageFlags word = { input->uid, input->flags, input->keywords, input->modseq, input->server_id != 0, input->labels };
  gboolean changed = FALSE;

  if (!fm_message_merge_server (c->writer, id, &word, &changed, error))
    return FALSE;
  if (input->server_id != 0 && !fm_gmail_store_met (c->writer, id, c->folder_id, input, error))
    return FALSE;
  if (input->size_bytes != 0
      && !fm_sql_exec (&c->writer->reader, error, "UPDATE msg SET size=? WHERE id=? AND size=0", "ii", (gint64) input->size_bytes, id))
    return FALSE;
  if (input->path != NULL && !fm_message_store_set_path (c->writer, id, input->path, error))
    return FALSE;
  if (c->result != NULL)
    c->result->updated++;
  return TRUE;
}

/* The row that the operations know INPUT by: one that leaves under its UID, or waits for it. *RET_FOUND says which; 0 with it: an error. */
static gint64
put_awaited (Call *c, const FmMessageInput *input, gint64 hash, gboolean *ret_found, GError **error)
{
  gint64 id = 0;

  *ret_found = TRUE;
  if (c->leaving && !find_leaving (c, input, hash, &id, error))
    return 0;
  if (id != 0)
    return merge_known (c, id, input, error) ? id : 0;
  if (c->waiting && (id = find_waiting (c, input, hash)) != 0)
    {
      if (c->result != NULL)
        c->result->matched++;
      return give_uid (c, id, input, error) && merge_known (c, id, input, error) ? id : 0;
    }
  *ret_found = FALSE;
  return 0;
}

static gint64
put_new (Call *c, FmMessageBatch *batch, guint expected, const FmMessageInput *input, GError **error)
{
  gboolean found = FALSE;
  gint64 id = input->uid == 0 ? 0 : put_awaited (c, input, fm_message_batch_own_hash (batch, expected), &found, error);

  if (found)
    return id;
  if (c->result != NULL)
    {
      c->result->added++;
      c->result->unseen_added += (input->flags & FM_FLAG_SEEN) == 0;
    }
  return fm_message_batch_add (batch, expected, input, input->uid == 0 && c->local ? c->next_uid++ : input->uid, error);
}

static int
compare_uids (gconstpointer a, gconstpointer b)
{
  guint32 x = *(const guint32 *) a, y = *(const guint32 *) b;
  return x < y ? -1 : x > y;
}

/* The rows that have the inputs' UIDs already, 0 for none: mostly one question answers for all. FALSE: a UID is among them twice. */
static gboolean
find_known (Call *c, const FmMessageInput *inputs, guint n, gint64 *ret_known)
{
  FmStoreReader *r = &c->writer->reader;
  guint32 uids[BATCH_ROWS];
  guint given = 0;

  for (guint i = 0; i < n; i++)
    if (inputs[i].uid != 0)
      uids[given++] = inputs[i].uid;
  memset (ret_known, 0, n * sizeof *ret_known);
  if (given == 0)
    return TRUE;
  qsort (uids, given, sizeof *uids, compare_uids);
  for (guint i = 1; i < given; i++)
    if (uids[i] == uids[i - 1])
      return FALSE;
  if (fm_sql_value (r, 0, "SELECT 1 FROM msg WHERE folder_id=? AND uid BETWEEN ? AND ? LIMIT 1", "iuu", c->folder_id, uids[0],
                    uids[given - 1])
      == 0)
    return TRUE;
  for (guint i = 0; i < n; i++)
    if (inputs[i].uid != 0)
      ret_known[i] = fm_sql_value (r, 0, "SELECT id FROM msg WHERE folder_id=? AND uid=?", "iu", c->folder_id, inputs[i].uid);
  return TRUE;
}

/* UIDs for all inputs that get one of ours. */
static gboolean
take_uids (Call *c, const FmMessageInput *inputs, guint n, GError **error)
{
  guint count = 0;

  for (guint i = 0; c->local && i < n; i++)
    count += inputs[i].uid == 0;
  return count == 0 || (c->next_uid = fm_message_store_take_uids (c->writer, c->folder_id, count, error)) != 0;
}

/* At most BATCH_ROWS. */
static gboolean
put_batch (Call *c, const FmMessageInput *inputs, guint n, GError **error)
{
  g_autoptr (FmMessageBatch) batch = fm_message_batch_new (c->writer, c->folder_id);
  gint64 known[BATCH_ROWS];
  guint expected[BATCH_ROWS] = { 0 };

  if (!find_known (c, inputs, n, known))
    {
      for (guint i = 0; i < n; i++)
        if (!put_batch (c, &inputs[i], 1, error))
          return FALSE;
      return TRUE;
    }
  for (guint i = 0; i < n; i++)
    if (known[i] == 0)
      expected[i] = fm_message_batch_expect (batch, &inputs[i]);
  if (!fm_message_batch_begin (batch, error) || !take_uids (c, inputs, n, error))
    return FALSE;
  for (guint i = 0; i < n; i++)
    {
      gint64 id = known[i] == 0                                  ? put_new (c, batch, expected[i], &inputs[i], error)
                  : merge_known (c, known[i], &inputs[i], error) ? known[i]
                                                                 : 0;
      if (id == 0)
        return FALSE;
      if (c->result != NULL && c->result->ids != NULL)
        g_array_append_val (c->result->ids, id);
    }
  return fm_message_batch_write (batch, error);
}

gboolean
fm_message_store_upsert (FmStoreWriter *writer, gint64 folder_id, const FmMessageInput *inputs, gsize n, FmMessageResult *ret_result,
                         GError **error)
{
  FmStoreReader *r = &writer->reader;
  gint64 kind = fm_sql_value (r, -1, "SELECT a.kind FROM folder f JOIN account a ON a.id=f.account_id WHERE f.id=?", "i", folder_id);
  Call c = { .writer = writer, .folder_id = folder_id, .local = kind > FM_STORE_IMAP, .result = ret_result };

  if (kind < 0)
    {
      g_set_error (error, FM_ERROR, FM_ERROR_NOT_FOUND, "the folder of these messages is gone");
      return FALSE;
    }
  c.waiting = fm_sql_value (r, 0, "SELECT 1 FROM msg WHERE folder_id=? AND uid IS NULL LIMIT 1", "i", folder_id) != 0;
  c.leaving = fm_sql_value (r, 0, "SELECT 1 FROM op WHERE folder_id=? AND state<3 LIMIT 1", "i", folder_id) != 0;
  for (gsize at = 0; at < n; at += BATCH_ROWS)
    if (!put_batch (&c, &inputs[at], (guint) MIN (BATCH_ROWS, n - at), error))
      return FALSE;
  return TRUE;
}

gboolean
fm_message_store_set_flags (FmStoreWriter *writer, gint64 folder_id, const FmMessageFlags *flags, gsize n, FmMessageFlagged *ret_result,
                            GError **error)
{
  FmStoreReader *r = &writer->reader;
  FmMessageFlagged result = { 0, 0 };

  for (gsize i = 0; i < n; i++)
    {
      gboolean changed = FALSE;
      gint64 id = fm_sql_value (r, 0, "SELECT id FROM msg WHERE folder_id=? AND uid=?", "iu", folder_id, flags[i].uid);
      if (id == 0)
        id = fm_sql_value (r, 0, "SELECT msg_id FROM op WHERE folder_id=? AND uid=? AND state<3 LIMIT 1", "iu", folder_id, flags[i].uid);
      if (id == 0)
        {
          result.unknown++;
          continue;
        }
      if (!fm_message_merge_server (writer, id, &flags[i], &changed, error))
        return FALSE;
      if (flags[i].labels != NULL && !fm_gmail_store_relabel (writer, id, folder_id, flags[i].labels, &changed, error))
        return FALSE;
      result.changed += changed;
    }
  if (ret_result != NULL)
    *ret_result = result;
  return TRUE;
}

gboolean
fm_message_store_set_sizes (FmStoreWriter *writer, gint64 folder_id, const FmMessageSize *sizes, gsize n, guint *ret_changed,
                            GError **error)
{
  FmStoreReader *r = &writer->reader;
  guint count = 0;

  for (gsize i = 0; i < n; i++)
    {
      if (!fm_sql_exec (r, error, "UPDATE msg SET size=? WHERE folder_id=? AND uid=? AND size=0", "iiu", (gint64) sizes[i].size_bytes,
                        folder_id, sizes[i].uid))
        return FALSE;
      count += (guint) fm_sql_changes (r);
    }
  if (ret_changed != NULL)
    *ret_changed = count;
  return TRUE;
}

/* A copy that was not sent can't be made any more. What arrives in its target is the message itself, if another client has moved it there: it must not
 * be taken for a copy, which an undo would delete. */
static gboolean
vanish_copies (FmStoreWriter *writer, gint64 folder_id, const FmUidRange *range, GError **error)
{
  gint64 id;

  while ((id = fm_sql_value (&writer->reader, 0,
                             "SELECT id FROM op WHERE folder_id=? AND uid BETWEEN ? AND ? AND state<3 AND state=0 AND kind=2 LIMIT 1",
                             "iuu", folder_id, range->first, range->last))
         != 0)
    if (!fm_journal_refuse (writer, id, "the message is gone from the server", NULL, error))
      return FALSE;
  return TRUE;
}

/* A UID that one of our moves names is gone: of one that was sent, that is its success and the answer follows; one that was not sent has
 * been overtaken by another client, so its row settles in the target if it is met there. */
static gboolean
vanish_operations (FmStoreWriter *writer, gint64 folder_id, const FmUidRange *range, GError **error)
{
  FmStoreReader *r = &writer->reader;

  return vanish_copies (writer, folder_id, range, error)
         && fm_sql_exec (r, error,
                         "DELETE FROM msg WHERE folder_id=0 AND id IN (SELECT msg_id FROM op WHERE folder_id=? AND uid BETWEEN ? AND ? AND"
                         " state<3 AND state=0 AND kind=3)",
                         "iuu", folder_id, range->first, range->last)
         && fm_sql_exec (r, error,
                         "UPDATE op SET gone=1, state = CASE WHEN state=0 AND kind=1 THEN 2 WHEN state=0 THEN 3 ELSE state END"
                         " WHERE folder_id=? AND uid BETWEEN ? AND ? AND state<3 AND state<2",
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
      if (!vanish_operations (writer, folder_id, &ranges[i], error))
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
          " EXISTS(SELECT 1 FROM op WHERE msg_id=m.id AND state<3), h.from_full, h.to_full, h.cc_full, m.subject, m.msgid, m.path,"
          " m.blob_id IS NULL AND m.path IS NULL AND EXISTS(SELECT 1 FROM pop_seen WHERE msg_id=m.id AND msg_id<>0 AND stub)"
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
  m->is_stub = fm_sql_int (&q, 18) != 0;
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

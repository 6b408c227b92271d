/* New rows, written together. What a row costs on its own is not its pages but the statements around them: each opens its cursors, looks for the
 * last number given out and closes again. So rows are gathered, and then written table by table: messages and their headers sixteen a
 * statement, the hashes of `mid` in the order of their pages, a thread's row once for all its new messages, the folder's counters once.
 *
 * What waits here is not in the database yet. Every hash that the rows name is a Mid: its thread, looked up for all at once, and set by the rows
 * that come. A message that joins threads moves the rows of the smaller one, those that wait here and those that are there already. */
#include "store/gmail-private.h"
#include "store/sql-numbers.h"
#include "store/table.h"
#include <fulmar/base/error.h>
#include <string.h>

#define DAY_S (24 * 60 * 60)

typedef struct {
  gint64 hash;   /* first, and THREAD behind it: SQLite reads them where they stand */
  gint64 thread; /* 0: in none; UNKNOWN */
  gboolean changed;
} Mid;
#define UNKNOWN (-1)

typedef struct {
  const FmMessageInput *input;
  guint first_hash, n_hashes; /* in `hashes`: its own, then its ancestors' */
  gint64 id, thread, blob_id;
  guint32 uid;
  guint flags;
  gboolean in_place;
  char *from, *to, *cc;
} Row;

struct FmMessageBatch {
  FmStoreWriter *writer;
  gint64 folder_id;
  GArray *expected;     /* guint: where the hashes of each expected message begin in `hashes`, one more at the end */
  GArray *hashes;       /* gint64 */
  GArray *mids;         /* Mid, by hash */
  GArray *rows;         /* Row: added and not written */
  gint64 last_known_id; /* of a row that is there: a thread with a higher number was born here */
  gint64 last_blob_id;  /* 0: not asked for */
  gboolean has_moved;   /* rows that are there were moved to a thread, maybe to one that was born here */
};

static void
row_clear (gpointer data)
{
  Row *row = data;
  g_free (row->from);
  g_free (row->to);
  g_free (row->cc);
}

FmMessageBatch *
fm_message_batch_new (FmStoreWriter *writer, gint64 folder_id)
{
  FmMessageBatch *batch = g_new0 (FmMessageBatch, 1);

  batch->writer = writer;
  batch->folder_id = folder_id;
  batch->expected = g_array_new (FALSE, FALSE, sizeof (guint));
  batch->hashes = g_array_new (FALSE, FALSE, sizeof (gint64));
  batch->mids = g_array_new (FALSE, FALSE, sizeof (Mid));
  batch->rows = g_array_new (FALSE, FALSE, sizeof (Row));
  g_array_set_clear_func (batch->rows, row_clear);
  return batch;
}

void
fm_message_batch_free (FmMessageBatch *batch)
{
  if (batch == NULL)
    return;
  g_array_unref (batch->expected);
  g_array_unref (batch->hashes);
  g_array_unref (batch->mids);
  g_array_unref (batch->rows);
  g_free (batch);
}

/* --- the hashes --- */

static gint64
hash_at (const FmMessageBatch *batch, guint index)
{
  return g_array_index (batch->hashes, gint64, index);
}

static int
compare_mids (gconstpointer a, gconstpointer b)
{
  const Mid *x = a, *y = b;
  return x->hash < y->hash ? -1 : x->hash > y->hash;
}

/* Of a hash that is expected. */
static Mid *
find_mid (FmMessageBatch *batch, gint64 hash)
{
  Mid key = { .hash = hash };
  return bsearch (&key, batch->mids->data, batch->mids->len, sizeof (Mid), compare_mids);
}

guint
fm_message_batch_expect (FmMessageBatch *batch, const FmMessageInput *input)
{
  FmMessageHashes hashes;
  guint first = batch->hashes->len;

  fm_message_thread_hash (&batch->writer->reader, input->envelope, &hashes);
  if (input->server_thread != 0)
    fm_gmail_store_add_thread (&batch->writer->reader, batch->folder_id, input->server_thread, &hashes);
  g_array_append_val (batch->hashes, hashes.own);
  g_array_append_vals (batch->hashes, hashes.ancestors, hashes.n);
  g_array_append_val (batch->expected, first);
  return batch->expected->len - 1;
}

gint64
fm_message_batch_own_hash (const FmMessageBatch *batch, guint expected)
{
  return hash_at (batch, g_array_index (batch->expected, guint, expected));
}

/* Every expected hash once, in order. */
static void
sort_mids (FmMessageBatch *batch)
{
  guint kept = 0;

  for (guint i = 0; i < batch->hashes->len; i++)
    {
      Mid mid = { .hash = hash_at (batch, i) };
      g_array_append_val (batch->mids, mid);
    }
  g_array_sort (batch->mids, compare_mids);
  for (guint i = 0; i < batch->mids->len; i++)
    {
      Mid mid = g_array_index (batch->mids, Mid, i);
      if (kept == 0 || g_array_index (batch->mids, Mid, kept - 1).hash != mid.hash)
        g_array_index (batch->mids, Mid, kept++) = mid;
    }
  g_array_set_size (batch->mids, kept);
}

static gboolean
look_up_mids (FmMessageBatch *batch, GError **error)
{
  FmSqlNumbers wanted = { batch->mids->data, sizeof (Mid), batch->mids->len };
  g_auto (FmSql) q = { 0 };

  if (!fm_sql_query (&q, &batch->writer->reader, error, "SELECT m.h, m.thread_id FROM fm_numbers(?) w CROSS JOIN mid m ON m.h=w.a", ""))
    return FALSE;
  fm_sql_numbers_bind (&q, 1, &wanted);
  while (fm_sql_step (&q))
    find_mid (batch, fm_sql_int (&q, 0))->thread = fm_sql_int (&q, 1);
  return fm_sql_end (&q, error);
}

gboolean
fm_message_batch_begin (FmMessageBatch *batch, GError **error)
{
  FmStoreReader *r = &batch->writer->reader;
  guint end = batch->hashes->len;

  g_array_append_val (batch->expected, end);
  batch->last_known_id = fm_sql_value (r, 0, "SELECT seq FROM sqlite_sequence WHERE name='msg'", "");
  sort_mids (batch);
  return look_up_mids (batch, error);
}

static gint64
thread_of (FmMessageBatch *batch, Mid *mid)
{
  if (mid->thread == UNKNOWN)
    mid->thread = fm_message_thread_of (&batch->writer->reader, mid->hash);
  return mid->thread;
}

static gint64
thread_size (FmMessageBatch *batch, gint64 thread)
{
  gint64 size = thread > batch->last_known_id
                    ? 0
                    : fm_sql_value (&batch->writer->reader, 0, "SELECT count(*) FROM msg WHERE thread_id=?", "i", thread);

  for (guint i = 0; i < batch->rows->len; i++)
    size += g_array_index (batch->rows, Row, i).thread == thread;
  return size;
}

static void
set_thread (Mid *mid, gint64 thread)
{
  mid->thread = thread;
  mid->changed = TRUE;
}

/* Rows that wait take their hashes along, as those that are there do. A hash of the thread that none of ours names is one of theirs, or a ghost's:
 * it is looked up again when it is needed. */
static gboolean
join (FmMessageBatch *batch, gint64 from, gint64 to, GError **error)
{
  for (guint i = 0; i < batch->rows->len; i++)
    {
      Row *row = &g_array_index (batch->rows, Row, i);
      if (row->thread != from)
        continue;
      row->thread = to;
      for (guint k = 0; k < row->n_hashes; k++)
        set_thread (find_mid (batch, hash_at (batch, row->first_hash + k)), to);
    }
  for (guint i = 0; i < batch->mids->len; i++)
    {
      Mid *mid = &g_array_index (batch->mids, Mid, i);
      if (mid->thread == from)
        mid->thread = UNKNOWN;
    }
  if (from > batch->last_known_id)
    return TRUE;
  batch->has_moved = TRUE;
  return fm_message_thread_join (batch->writer, from, to, error);
}

/* The thread of ROW, which is about to be added: the largest of those that its hashes are in. 0 on error. */
static gint64
link_thread (FmMessageBatch *batch, const Row *row, GError **error)
{
  gint64 found[FM_MESSAGE_MAX_HASHES], best = 0;
  Mid *named[FM_MESSAGE_MAX_HASHES];

  for (guint i = 0; i < row->n_hashes; i++)
    {
      named[i] = find_mid (batch, hash_at (batch, row->first_hash + i));
      found[i] = thread_of (batch, named[i]);
      if (found[i] != 0 && found[i] != best && (best == 0 || thread_size (batch, found[i]) > thread_size (batch, best)))
        best = found[i];
    }
  gint64 thread = best == 0 ? row->id : best;
  for (guint i = 0; i < row->n_hashes; i++)
    {
      if (found[i] == thread)
        continue;
      if (found[i] != 0 && thread_of (batch, named[i]) != thread && !join (batch, found[i], thread, error))
        return 0;
      set_thread (named[i], thread);
    }
  return thread;
}

/* --- the rows --- */

gint64
fm_message_batch_date (const FmMessageInput *input)
{
  gint64 date = fm_envelope_date_utc (input->envelope);

  if (date <= 0 || (input->internal_date_utc > 0 && date > input->internal_date_utc + 2 * DAY_S))
    return input->internal_date_utc > 0 ? input->internal_date_utc : MAX (date, 0);
  return date;
}

static gint64
next_blob_id (FmMessageBatch *batch)
{
  if (batch->last_blob_id == 0)
    batch->last_blob_id = fm_sql_value (&batch->writer->reader, 0, "SELECT seq FROM sqlite_sequence WHERE name='blob'", "");
  return ++batch->last_blob_id;
}

gint64
fm_message_batch_add (FmMessageBatch *batch, guint expected, const FmMessageInput *input, guint32 uid, GError **error)
{
  const guint *first = &g_array_index (batch->expected, guint, expected);
  Row row = {
    .input = input, .first_hash = first[0], .n_hashes = first[1] - first[0], .id = batch->last_known_id + batch->rows->len + 1, .uid = uid
  };
  int attachments = input->attachments >= 0 ? input->attachments : fm_envelope_attachment_hint (input->envelope);

  row.thread = link_thread (batch, &row, error);
  if (row.thread == 0)
    return 0;
  row.flags = (input->flags & FM_FLAG_SERVER_MASK) | (attachments > 0 ? FM_FLAG_ATTACHMENT : 0);
  row.in_place = input->path != NULL && input->blob_id == 0;
  row.blob_id = row.in_place ? next_blob_id (batch) : input->blob_id;
  if (row.blob_id == 0 && input->server_id != 0)
    row.blob_id = fm_gmail_store_blob (&batch->writer->reader, batch->folder_id, input->server_id);
  row.from = fm_address_list_display (fm_envelope_from (input->envelope));
  row.to = fm_address_list_display (fm_envelope_to (input->envelope));
  row.cc = fm_address_list_display (fm_envelope_cc (input->envelope));
  g_array_append_val (batch->rows, row);
  return row.id;
}

/* --- writing --- */

static const Row *
row_at (gconstpointer batch, guint index)
{
  return &g_array_index (((const FmMessageBatch *) batch)->rows, Row, index);
}

static void
bind_text (sqlite3_stmt *statement, int at, const char *text)
{
  sqlite3_bind_text (statement, at, text, -1, SQLITE_STATIC);
}

/* 0 becomes NULL. */
static void
bind_or_null (sqlite3_stmt *statement, int at, gint64 value)
{
  if (value == 0)
    sqlite3_bind_null (statement, at);
  else
    sqlite3_bind_int64 (statement, at, value);
}

static void
bind_message (sqlite3_stmt *statement, int at, gconstpointer data, guint index)
{
  const FmMessageBatch *batch = data;
  const Row *row = row_at (batch, index);
  const FmMessageInput *input = row->input;
  int attachments = input->attachments >= 0 ? input->attachments : fm_envelope_attachment_hint (input->envelope);

  sqlite3_bind_int64 (statement, at, row->id);
  sqlite3_bind_int64 (statement, at + 1, batch->folder_id);
  bind_or_null (statement, at + 2, row->uid);
  sqlite3_bind_int64 (statement, at + 3, row->flags);
  sqlite3_bind_int64 (statement, at + 4, row->flags & FM_FLAG_SERVER_MASK);
  sqlite3_bind_int64 (statement, at + 5, (gint64) input->modseq);
  sqlite3_bind_int64 (statement, at + 6, input->internal_date_utc);
  sqlite3_bind_int64 (statement, at + 7, fm_message_batch_date (input));
  sqlite3_bind_int64 (statement, at + 8, (gint64) input->size_bytes);
  sqlite3_bind_int64 (statement, at + 9, attachments);
  sqlite3_bind_int64 (statement, at + 10, row->thread);
  sqlite3_bind_int64 (statement, at + 11, hash_at (batch, row->first_hash));
  bind_or_null (statement, at + 12, row->blob_id);
  bind_or_null (statement, at + 13, (gint64) input->server_id);
  bind_text (statement, at + 14, fm_envelope_display_from (input->envelope));
  bind_text (statement, at + 15, fm_envelope_subject (input->envelope));
  bind_text (statement, at + 16, fm_envelope_message_id (input->envelope));
  bind_text (statement, at + 17, input->path);
}

static void
bind_header (sqlite3_stmt *statement, int at, gconstpointer data, guint index)
{
  const FmMessageBatch *batch = data;
  const Row *row = row_at (batch, index);

  sqlite3_bind_int64 (statement, at, row->id);
  bind_text (statement, at + 1, row->from);
  bind_text (statement, at + 2, fm_envelope_display_to (row->input->envelope));
  bind_text (statement, at + 3, row->to);
  bind_text (statement, at + 4, row->cc);
  sqlite3_bind_blob (statement, at + 5, &g_array_index (batch->hashes, gint64, row->first_hash) + 1, ((int) row->n_hashes - 1) * 8,
                     SQLITE_STATIC);
}

/* A file read in place is indexed under a blob of its own. It is written with its reference counted: otherwise it would enter the index of unused
 * blobs only to leave it again. */
static void
bind_local_blob (sqlite3_stmt *statement, int at, gconstpointer data, guint index)
{
  const Row *row = ((const Row *const *) data)[index];

  sqlite3_bind_int64 (statement, at, row->blob_id);
  sqlite3_bind_int64 (statement, at + 1, row->id);
  sqlite3_bind_int64 (statement, at + 2, (gint64) row->input->size_bytes);
}

/* OR FAIL: whoever writes rolls back the whole transaction, so SQLite need not be able to undo half a statement. */
static const FmTable messages = FM_TABLE ("INSERT OR FAIL INTO msg(id, folder_id, uid, flags, sflags, modseq, idate, date, size, natt, "
                                          "thread_id, mid, blob_id, server_id, from_disp, subject, msgid, path)",
                                          "(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)", 18, bind_message);
static const FmTable headers = FM_TABLE ("INSERT OR FAIL INTO hdr", "(?,?,?,?,?,?)", 6, bind_header);
static const FmTable local_blobs
    = FM_TABLE ("INSERT OR FAIL INTO blob(id, sha, size, refs)", "(?,'" FM_MESSAGE_LOCAL_PREFIX "'||?,?,1)", 3, bind_local_blob);

static gboolean
write_mids (FmMessageBatch *batch, GError **error)
{
  g_autoptr (GArray) changed = g_array_new (FALSE, FALSE, sizeof (Mid));

  for (guint i = 0; i < batch->mids->len; i++)
    {
      Mid *mid = &g_array_index (batch->mids, Mid, i);
      if (mid->changed)
        g_array_append_vals (changed, mid, 1);
      mid->changed = FALSE;
    }
  FmSqlNumbers rows = { changed->data, sizeof (Mid), changed->len };
  return fm_sql_numbers_exec (&batch->writer->reader, "INSERT OR REPLACE INTO mid SELECT a, b FROM fm_numbers(?)", &rows, error);
}

/* References to message files: those of files read in place are counted as they are made. */
static gboolean
write_blobs (FmMessageBatch *batch, GError **error)
{
  FmStoreReader *r = &batch->writer->reader;
  g_autoptr (GPtrArray) in_place = g_ptr_array_new ();

  for (guint i = 0; i < batch->rows->len; i++)
    {
      Row *row = &g_array_index (batch->rows, Row, i);
      if (row->in_place)
        g_ptr_array_add (in_place, row);
      else if (row->blob_id != 0 && !fm_message_count_blob (r, row->blob_id, error))
        return FALSE;
    }
  return fm_table_write (r, &local_blobs, in_place->pdata, in_place->len, error);
}

static gboolean
write_keywords (FmMessageBatch *batch, GError **error)
{
  for (guint i = 0; i < batch->rows->len; i++)
    {
      const Row *row = row_at (batch, i);
      const char *const *keywords = row->input->keywords;
      if (keywords != NULL && keywords[0] != NULL
          && !(fm_message_merge_keywords (batch->writer, row->id, keywords, error)
               && fm_message_merge_show (batch->writer, row->id, NULL, error)))
        return FALSE;
    }
  return TRUE;
}

static gboolean
write_counters (FmMessageBatch *batch, GError **error)
{
  g_autoptr (GArray) added = g_array_sized_new (FALSE, FALSE, sizeof (FmMessageAdded), batch->rows->len);

  for (guint i = 0; i < batch->rows->len; i++)
    {
      const Row *row = row_at (batch, i);
      FmMessageAdded one = { row->thread, fm_message_batch_date (row->input), 1, (row->flags & FM_FLAG_SEEN) == 0 };
      g_array_append_val (added, one);
    }
  return fm_message_count_added (&batch->writer->reader, batch->folder_id, added, batch->has_moved ? G_MAXINT64 : batch->last_known_id,
                                 error);
}

gboolean
fm_message_batch_write (FmMessageBatch *batch, GError **error)
{
  FmStoreReader *r = &batch->writer->reader;
  guint n = batch->rows->len;

  if (n == 0)
    return TRUE;
  if (!fm_table_write (r, &messages, batch, n, error) || !fm_table_write (r, &headers, batch, n, error) || !write_mids (batch, error)
      || !write_blobs (batch, error) || !write_counters (batch, error) || !write_keywords (batch, error))
    return FALSE;
  for (guint i = 0; i < n; i++)
    if (row_at (batch, i)->input->labels != NULL
        && !fm_gmail_store_put_labels (batch->writer, batch->folder_id, row_at (batch, i)->input->server_id,
                                       row_at (batch, i)->input->labels, NULL, error))
      return FALSE;
  return TRUE;
}

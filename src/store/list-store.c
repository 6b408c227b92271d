/* Lists by window. By date the index (folder, date, id) is the list, and a page is a range of it. By thread the index (folder, last,
 * thread) orders the threads; a thread's messages are laid out as a tree when it comes into view. */
#include "store/list-private.h"
#include <fulmar/base/error.h>
#include <fulmar/mail/flags.h>
#include <fulmar/mail/threads.h>
#include <fulmar/store/gmail-store.h>
#include <string.h>

/* In folders of sent mail and drafts (2, 3) the list shows to whom. */
#define ROW_SELECT                                                                                                                       \
  "SELECT m.id, m.folder_id, m.thread_id, m.uid, m.flags, m.date, m.idate, m.size, m.natt, m.blob_id IS NOT NULL OR m.path IS NOT NULL," \
  " EXISTS(SELECT 1 FROM op WHERE msg_id=m.id AND state<3),"                                                                             \
  " CASE WHEN f.special IN (2,3) THEN coalesce(nullif((SELECT to_disp FROM hdr WHERE msg_id=m.id), ''), m.from_disp) ELSE m.from_disp "  \
  "END, m.subject, m.server_id IS NOT NULL,"                                                                                             \
  " m.blob_id IS NULL AND m.path IS NULL AND EXISTS(SELECT 1 FROM pop_seen WHERE msg_id=m.id AND msg_id<>0 AND stub)"                    \
  " FROM msg m JOIN folder f ON f.id=m.folder_id "

typedef struct {
  FmRow row; /* first */
  gint refs;
  char text[];
} Row;

FmRow *
fm_list_store_row_ref (FmRow *row)
{
  g_atomic_int_inc (&((Row *) row)->refs);
  return row;
}

void
fm_list_store_row_unref (FmRow *row)
{
  if (row != NULL && g_atomic_int_dec_and_test (&((Row *) row)->refs))
    g_free (row);
}

/* Of a Gmail message; else NULL. */
static char *
read_labels (FmStoreReader *reader, const FmSql *q)
{
  g_auto (GStrv) labels = fm_sql_int (q, 13) != 0 ? fm_gmail_store_labels (reader, fm_sql_int (q, 0), FALSE) : NULL;

  return labels == NULL ? NULL : g_strjoinv (", ", labels);
}

static FmRow *
read_row (FmStoreReader *reader, const FmSql *q)
{
  const char *from = fm_sql_text (q, 11), *subject = fm_sql_text (q, 12);
  g_autofree char *labels = read_labels (reader, q);
  gsize from_size = strlen (from) + 1, subject_size = strlen (subject) + 1, labels_size = labels == NULL ? 0 : strlen (labels) + 1;
  Row *row = g_malloc0 (sizeof (Row) + from_size + subject_size + labels_size);

  g_atomic_int_set (&row->refs, 1);
  memcpy (row->text, from, from_size);
  memcpy (row->text + from_size, subject, subject_size);
  row->row.from = row->text;
  row->row.subject = row->text + from_size;
  row->row.labels = "";
  if (labels != NULL)
    row->row.labels = memcpy (row->text + from_size + subject_size, labels, labels_size);
  row->row.id = fm_sql_int (q, 0);
  row->row.folder_id = fm_sql_int (q, 1);
  row->row.thread_id = fm_sql_int (q, 2);
  row->row.uid = (guint32) fm_sql_int (q, 3);
  row->row.flags = (guint) fm_sql_int (q, 4);
  row->row.date_utc = fm_sql_int (q, 5);
  row->row.internal_date_utc = fm_sql_int (q, 6);
  row->row.size_bytes = (guint64) fm_sql_int (q, 7);
  row->row.attachments = (guint) fm_sql_int (q, 8);
  row->row.has_body = fm_sql_int (q, 9) != 0;
  row->row.pending = fm_sql_int (q, 10) != 0;
  row->row.is_stub = fm_sql_int (q, 14) != 0;
  return &row->row;
}

static GPtrArray *
new_rows (void)
{
  return g_ptr_array_new_with_free_func ((GDestroyNotify) fm_list_store_row_unref);
}

static gboolean
read_rows (FmStoreReader *reader, FmSql *q, GPtrArray *rows, GError **error)
{
  while (fm_sql_step (q))
    g_ptr_array_add (rows, read_row (reader, q));
  return fm_sql_end (q, error);
}

static void
turn_round (GPtrArray *rows)
{
  for (guint i = 0, j = rows->len; i + 1 < j; i++)
    {
      gpointer kept = rows->pdata[i];
      rows->pdata[i] = rows->pdata[--j];
      rows->pdata[j] = kept;
    }
}

static GPtrArray *
page_by_date (FmStoreReader *reader, const FmListSpec *spec, gint64 date, gint64 id, gboolean backwards, guint n, GError **error)
{
  g_auto (FmSql) q = { 0 };
  g_autoptr (GPtrArray) rows = new_rows ();
  gboolean down = (spec->descending != 0) != (backwards != 0);
  const char *text = down ? ROW_SELECT "WHERE m.folder_id=? AND (m.date, m.id) < (?, ?) ORDER BY m.date DESC, m.id DESC LIMIT ?"
                          : ROW_SELECT "WHERE m.folder_id=? AND (m.date, m.id) > (?, ?) ORDER BY m.date, m.id LIMIT ?";

  if (!fm_sql_query (&q, reader, error, text, "iiiu", spec->folder_id, date, id, (guint32) n) || !read_rows (reader, &q, rows, error))
    return NULL;
  if (backwards)
    turn_round (rows);
  return g_steal_pointer (&rows);
}

gboolean
fm_list_store_is_folded (const FmListSpec *spec, gint64 thread_id)
{
  gboolean listed = spec->folded != NULL && fm_idset_contains (spec->folded, thread_id);
  return spec->all_folded ? !listed : listed;
}

/* The messages of a thread with what layout needs: their hashes. */
typedef struct {
  GPtrArray *rows;
  GArray *messages;  /* FmThreadsMessage */
  GPtrArray *hashes; /* keeps the ancestors alive */
} Tree;

static void
tree_clear (Tree *tree)
{
  g_clear_pointer (&tree->rows, g_ptr_array_unref);
  g_clear_pointer (&tree->messages, g_array_unref);
  g_clear_pointer (&tree->hashes, g_ptr_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Tree, tree_clear)

static void
tree_add (Tree *tree, FmStoreReader *reader, const FmSql *q)
{
  gsize size = (gsize) sqlite3_column_bytes (q->statement, 16);
  guint64 *ancestors = g_malloc (size + 8);

  if (size > 0)
    memcpy (ancestors, sqlite3_column_blob (q->statement, 16), size);
  g_ptr_array_add (tree->hashes, ancestors);
  FmThreadsMessage message = { (guint64) fm_sql_int (q, 15), fm_sql_int (q, 5), ancestors, size / 8 };
  g_array_append_val (tree->messages, message);
  g_ptr_array_add (tree->rows, read_row (reader, q));
}

#define TREE_SELECT                                                                                                                      \
  "SELECT m.id, m.folder_id, m.thread_id, m.uid, m.flags, m.date, m.idate, m.size, m.natt, m.blob_id IS NOT NULL OR m.path IS NOT NULL," \
  " EXISTS(SELECT 1 FROM op WHERE msg_id=m.id AND state<3),"                                                                             \
  " CASE WHEN f.special IN (2,3) THEN coalesce(nullif(h.to_disp, ''), m.from_disp) ELSE m.from_disp END, m.subject,"                     \
  " m.server_id IS NOT NULL,"                                                                                                            \
  " m.blob_id IS NULL AND m.path IS NULL AND EXISTS(SELECT 1 FROM pop_seen WHERE msg_id=m.id AND msg_id<>0 AND stub), m.mid, h.anc"      \
  " FROM msg m JOIN folder f ON f.id=m.folder_id LEFT JOIN hdr h ON h.msg_id=m.id "

static gboolean
tree_load (Tree *tree, FmStoreReader *reader, gint64 thread_id, gint64 folder_id, GError **error)
{
  g_auto (FmSql) q = { 0 };

  tree->rows = new_rows ();
  tree->messages = g_array_new (FALSE, FALSE, sizeof (FmThreadsMessage));
  tree->hashes = g_ptr_array_new_with_free_func (g_free);
  if (folder_id != 0)
    {
      if (!fm_sql_query (&q, reader, error, TREE_SELECT "WHERE m.thread_id=? AND m.folder_id=? ORDER BY m.date", "ii", thread_id,
                         folder_id))
        return FALSE;
    }
  else if (!fm_sql_query (&q, reader, error,
                          TREE_SELECT
                          "WHERE m.thread_id=? AND m.id IN (SELECT min(id) FROM msg WHERE thread_id=?1 AND folder_id<>0 GROUP BY mid)"
                          " ORDER BY m.date",
                          "i", thread_id))
    return FALSE;
  while (fm_sql_step (&q))
    tree_add (tree, reader, &q);
  return fm_sql_end (&q, error);
}

static void
tree_emit (Tree *tree, GPtrArray *rows)
{
  g_autofree FmThreadsRow *lines = g_new0 (FmThreadsRow, tree->rows->len);
  guint unread = 0, n = tree->rows->len;

  for (guint i = 0; i < n; i++)
    unread += (((FmRow *) tree->rows->pdata[i])->flags & FM_FLAG_SEEN) == 0;
  fm_threads_layout ((const FmThreadsMessage *) (gpointer) tree->messages->data, n, lines);
  for (guint i = 0; i < n; i++)
    {
      FmRow *row = fm_list_store_row_ref (tree->rows->pdata[lines[i].message]);
      row->depth = lines[i].depth;
      row->is_last_child = lines[i].is_last_child;
      row->has_children = lines[i].has_children;
      row->is_orphan = lines[i].is_orphan;
      row->open_levels = lines[i].open_levels;
      row->thread_count = n;
      row->thread_unread = unread;
      g_ptr_array_add (rows, row);
    }
}

/* A page of folded threads reads no more than this many messages of each. */
#define FOLDED_TREE_MAX 200

/* The first line that the thread would have unfolded; of a long one, its oldest message, which is the same unless clocks are wrong. */
static gboolean
append_root (FmStoreReader *reader, gint64 thread_id, gint64 folder_id, guint count, GPtrArray *rows, GError **error)
{
  g_auto (FmSql) q = { 0 };
  g_auto (Tree) tree = { 0 };
  g_autoptr (GPtrArray) lines = new_rows ();

  if (count > FOLDED_TREE_MAX)
    return fm_sql_query (&q, reader, error, ROW_SELECT "WHERE m.thread_id=? AND m.folder_id=? ORDER BY m.date, m.id LIMIT 1", "ii",
                         thread_id, folder_id)
           && read_rows (reader, &q, rows, error);
  if (!tree_load (&tree, reader, thread_id, folder_id, error))
    return FALSE;
  tree_emit (&tree, lines);
  if (lines->len > 0)
    g_ptr_array_add (rows, fm_list_store_row_ref (lines->pdata[0]));
  return TRUE;
}

/* A folded thread is drawn by its root, with the date of its newest message. */
static gboolean
append_folded (FmStoreReader *reader, gint64 thread_id, gint64 folder_id, GPtrArray *rows, GError **error)
{
  g_auto (FmSql) q = { 0 };
  guint before = rows->len, count = 1, unread = 0;
  gint64 last = 0;

  if (!fm_sql_query (&q, reader, error, "SELECT last, count, unread FROM thread WHERE folder_id=? AND thread_id=?", "ii", folder_id,
                     thread_id))
    return FALSE;
  if (fm_sql_step (&q))
    {
      last = fm_sql_int (&q, 0);
      count = (guint) fm_sql_int (&q, 1);
      unread = (guint) fm_sql_int (&q, 2);
    }
  if (!fm_sql_end (&q, error) || !append_root (reader, thread_id, folder_id, count, rows, error))
    return FALSE;
  if (rows->len == before)
    return TRUE;
  FmRow *row = rows->pdata[before];
  row->thread_count = count;
  row->thread_unread = unread;
  row->folded = count > 1;
  if (row->folded)
    row->date_utc = last;
  return TRUE;
}

gboolean
fm_list_store_append_thread (FmStoreReader *reader, const FmListSpec *spec, gint64 thread_id, GPtrArray *rows, GError **error)
{
  g_auto (Tree) tree = { 0 };

  if (fm_list_store_is_folded (spec, thread_id))
    return append_folded (reader, thread_id, spec->folder_id, rows, error);
  if (!tree_load (&tree, reader, thread_id, spec->folder_id, error))
    return FALSE;
  tree_emit (&tree, rows);
  return TRUE;
}

static GPtrArray *
page_by_thread (FmStoreReader *reader, const FmListSpec *spec, gint64 last, gint64 thread, gboolean backwards, guint n, GError **error)
{
  g_auto (FmSql) q = { 0 };
  g_autoptr (GPtrArray) rows = new_rows ();
  g_autoptr (GPtrArray) groups = g_ptr_array_new_with_free_func ((GDestroyNotify) g_ptr_array_unref);
  gboolean down = (spec->descending != 0) != (backwards != 0);
  const char *text
      = down ? "SELECT thread_id FROM thread WHERE folder_id=? AND (last, thread_id) < (?, ?) ORDER BY last DESC, thread_id DESC"
             : "SELECT thread_id FROM thread WHERE folder_id=? AND (last, thread_id) > (?, ?) ORDER BY last, thread_id";
  guint count = 0;

  if (!fm_sql_query (&q, reader, error, text, "iii", spec->folder_id, last, thread))
    return NULL;
  while (count < n && fm_sql_step (&q))
    {
      GPtrArray *group = new_rows ();
      g_ptr_array_add (groups, group);
      if (!fm_list_store_append_thread (reader, spec, fm_sql_int (&q, 0), group, error))
        return NULL;
      count += group->len;
    }
  if (!fm_sql_end (&q, error))
    return NULL;
  if (backwards)
    turn_round (groups);
  for (guint i = 0; i < groups->len; i++)
    {
      GPtrArray *group = g_ptr_array_index (groups, i);
      for (guint j = 0; j < group->len; j++)
        g_ptr_array_add (rows, fm_list_store_row_ref (group->pdata[j]));
    }
  return g_steal_pointer (&rows);
}

static GPtrArray *
page (FmStoreReader *reader, const FmListSpec *spec, gint64 key, gint64 id, gboolean backwards, guint n, GError **error)
{
  if (spec->folder_id == 0 || spec->limit != NULL || (spec->order != FM_ORDER_DATE && spec->order != FM_ORDER_THREAD))
    {
      g_set_error (error, FM_ERROR, FM_ERROR_INVALID, "this list is read through its positions");
      return NULL;
    }
  return spec->order == FM_ORDER_DATE ? page_by_date (reader, spec, key, id, backwards, n, error)
                                      : page_by_thread (reader, spec, key, id, backwards, n, error);
}

GPtrArray *
fm_list_store_first (FmStoreReader *reader, const FmListSpec *spec, guint n, GError **error)
{
  gint64 edge = spec->descending ? G_MAXINT64 : G_MININT64;
  return page (reader, spec, edge, edge, FALSE, n, error);
}

GPtrArray *
fm_list_store_page (FmStoreReader *reader, const FmListSpec *spec, const FmRow *anchor, gboolean backwards, guint n, GError **error)
{
  if (spec->order != FM_ORDER_THREAD)
    return page (reader, spec, anchor->date_utc, anchor->id, backwards, n, error);
  gint64 last = fm_sql_value (reader, anchor->date_utc, "SELECT last FROM thread WHERE folder_id=? AND thread_id=?", "ii", spec->folder_id,
                              anchor->thread_id);
  return page (reader, spec, last, anchor->thread_id, backwards, n, error);
}

GPtrArray *
fm_list_store_rows (FmStoreReader *reader, const gint64 *ids, gsize n, GError **error)
{
  g_autoptr (GPtrArray) rows = new_rows ();

  for (gsize i = 0; i < n; i++)
    {
      g_auto (FmSql) q = { 0 };
      if (!fm_sql_query (&q, reader, error, ROW_SELECT "WHERE m.id=?", "i", ids[i]) || !read_rows (reader, &q, rows, error))
        return NULL;
    }
  return g_steal_pointer (&rows);
}

GPtrArray *
fm_list_store_thread (FmStoreReader *reader, gint64 thread_id, gint64 folder_id, GError **error)
{
  g_auto (Tree) tree = { 0 };
  g_autoptr (GPtrArray) rows = new_rows ();

  if (!tree_load (&tree, reader, thread_id, folder_id, error))
    return NULL;
  tree_emit (&tree, rows);
  return g_steal_pointer (&rows);
}

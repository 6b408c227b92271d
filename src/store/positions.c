/* Position arrays. Flat lists: 4 bytes a row, the row's id. Thread order: each thread's id and the position of its first row (8 bytes); the
 * messages of a thread are laid out when they come into view. Which entries hold something unread is one bit each, so that the next of them
 * is found by words of 64, however far it is. */
#include "store/list-private.h"
#include <fulmar/base/error.h>
#include <fulmar/store/positions.h>
#include <fulmar/store/query-sql.h>

struct FmPositions {
  gint refs;
  FmListSpec spec; /* sets referenced */
  gboolean threaded;
  GArray *ids;     /* guint32: rows, or threads */
  GArray *starts;  /* guint32: position of each thread's first row; NULL if flat */
  FmIdSet *unread; /* indexes into ids; NULL: not known */
  guint64 count;
};

FmPositions *
fm_positions_ref (FmPositions *positions)
{
  g_atomic_int_inc (&positions->refs);
  return positions;
}

void
fm_positions_unref (FmPositions *positions)
{
  if (positions == NULL || !g_atomic_int_dec_and_test (&positions->refs))
    return;
  fm_idset_unref ((FmIdSet *) positions->spec.limit);
  fm_idset_unref ((FmIdSet *) positions->spec.folded);
  fm_idset_unref (positions->unread);
  g_array_unref (positions->ids);
  if (positions->starts != NULL)
    g_array_unref (positions->starts);
  g_free (positions);
}

static FmPositions *
new_positions (const FmListSpec *spec)
{
  FmPositions *p = g_new0 (FmPositions, 1);

  g_atomic_int_set (&p->refs, 1);
  p->spec = *spec;
  if (spec->limit != NULL)
    fm_idset_ref ((FmIdSet *) spec->limit);
  if (spec->folded != NULL)
    fm_idset_ref ((FmIdSet *) spec->folded);
  p->threaded = spec->order == FM_ORDER_THREAD && spec->limit == NULL && spec->folder_id != 0;
  p->ids = g_array_new (FALSE, FALSE, sizeof (guint32));
  if (p->threaded)
    p->starts = g_array_new (FALSE, FALSE, sizeof (guint32));
  return p;
}

static const char *
flat_query (const FmListSpec *spec)
{
#define FLAT(order_up, order_down)                                                \
  (spec->descending ? "SELECT id FROM msg WHERE folder_id=? ORDER BY " order_down \
                    : "SELECT id FROM msg WHERE folder_id=? ORDER BY " order_up)
  switch (spec->order)
    {
    case FM_ORDER_ARRIVAL:
      return FLAT ("idate, uid, id", "idate DESC, uid DESC, id DESC");
    case FM_ORDER_FROM:
      return FLAT ("from_disp COLLATE NOCASE, date, id", "from_disp COLLATE NOCASE DESC, date DESC, id DESC");
    case FM_ORDER_SUBJECT:
      return FLAT ("fm_subject(subject), date, id", "fm_subject(subject) DESC, date DESC, id DESC");
    case FM_ORDER_SIZE:
      return FLAT ("size, id", "size DESC, id DESC");
    default:
      return FLAT ("date, id", "date DESC, id DESC");
    }
#undef FLAT
}

/* Of every folder: the members alone, sorted by date. */
static gboolean
load_everywhere (FmPositions *p, FmStoreReader *reader, GError **error)
{
  g_autoptr (GArray) ids = fm_query_sql_sorted (reader, p->spec.limit, p->spec.descending, error);

  for (guint i = 0; ids != NULL && i < ids->len; i++)
    {
      guint32 small = (guint32) g_array_index (ids, gint64, i);
      g_array_append_val (p->ids, small);
    }
  p->count = p->ids->len;
  return ids != NULL;
}

static FmIdSet *
unread_rows (FmStoreReader *reader, gint64 folder_id, GError **error)
{
  g_auto (FmSql) q = { 0 };
  g_autoptr (FmIdSet) set = fm_idset_new ();
  const char *text = folder_id != 0 ? "SELECT id FROM msg WHERE folder_id=? AND (flags & 1) = 0"
                                    : "SELECT id FROM msg WHERE folder_id<>? AND (flags & 1) = 0";

  if (!fm_sql_query (&q, reader, error, text, "i", folder_id))
    return NULL;
  while (fm_sql_step (&q))
    fm_idset_add (set, fm_sql_int (&q, 0));
  return fm_sql_end (&q, error) ? g_steal_pointer (&set) : NULL;
}

/* From a set of rows (threads, in thread order) to that of their places: one pass. */
static FmIdSet *
entries_of (const FmPositions *p, const FmIdSet *rows)
{
  FmIdSet *entries = fm_idset_new ();

  for (guint i = 0; i < p->ids->len; i++)
    if (fm_idset_contains (rows, g_array_index (p->ids, guint32, i)))
      fm_idset_add (entries, i);
  return entries;
}

static gboolean
load_folder (FmPositions *p, FmStoreReader *reader, FmCancel *cancel, GError **error)
{
  g_auto (FmSql) q = { 0 };

  if (!fm_sql_query (&q, reader, error, flat_query (&p->spec), "i", p->spec.folder_id))
    return FALSE;
  for (guint n = 0; fm_sql_step (&q); n++)
    {
      gint64 id = fm_sql_int (&q, 0);
      guint32 small = (guint32) id;
      if (p->spec.limit == NULL || fm_idset_contains (p->spec.limit, id))
        g_array_append_val (p->ids, small);
      if (n % 4096 == 0 && !fm_cancel_check (cancel, error))
        return FALSE;
    }
  p->count = p->ids->len;
  return fm_sql_end (&q, error);
}

static gboolean
load_flat (FmPositions *p, FmStoreReader *reader, FmCancel *cancel, GError **error)
{
  if (!(p->spec.folder_id == 0 ? load_everywhere (p, reader, error) : load_folder (p, reader, cancel, error)))
    return FALSE;
  g_autoptr (FmIdSet) rows = unread_rows (reader, p->spec.folder_id, error);
  p->unread = rows == NULL ? NULL : entries_of (p, rows);
  return rows != NULL;
}

typedef struct {
  gint64 last;
  guint32 thread, count_unread; /* a thread's count, and in the lowest bit whether any is unread */
} ThreadEntry;

static int
compare_threads (gconstpointer a, gconstpointer b)
{
  const ThreadEntry *x = a, *y = b;

  return x->last != y->last ? (x->last < y->last ? -1 : 1) : x->thread < y->thread ? -1 : x->thread > y->thread;
}

/* In the order of the table, which is read twice as fast as by the index of dates and back, and sorted here. Transfer: full. */
static GArray *
read_threads (FmStoreReader *reader, gint64 folder_id, FmCancel *cancel, GError **error)
{
  g_auto (FmSql) q = { 0 };
  g_autoptr (GArray) entries = g_array_new (FALSE, FALSE, sizeof (ThreadEntry));

  if (!fm_sql_query (&q, reader, error, "SELECT last, thread_id, count, unread FROM thread WHERE folder_id=?", "i", folder_id))
    return NULL;
  for (guint n = 0; fm_sql_step (&q); n++)
    {
      ThreadEntry entry
          = { fm_sql_int (&q, 0), (guint32) fm_sql_int (&q, 1), (guint32) fm_sql_int (&q, 2) << 1 | (fm_sql_int (&q, 3) > 0) };
      g_array_append_val (entries, entry);
      if (n % 4096 == 0 && !fm_cancel_check (cancel, error))
        return NULL;
    }
  if (!fm_sql_end (&q, error))
    return NULL;
  g_array_sort (entries, compare_threads);
  return g_steal_pointer (&entries);
}

static gboolean
load_threads (FmPositions *p, FmStoreReader *reader, FmCancel *cancel, GError **error)
{
  g_autoptr (GArray) entries = read_threads (reader, p->spec.folder_id, cancel, error);

  if (entries == NULL)
    return FALSE;
  p->unread = fm_idset_new ();
  for (guint i = 0; i < entries->len; i++)
    {
      const ThreadEntry *entry = &g_array_index (entries, ThreadEntry, p->spec.descending ? entries->len - 1 - i : i);
      guint32 start = (guint32) p->count;
      g_array_append_val (p->ids, entry->thread);
      g_array_append_val (p->starts, start);
      p->count += fm_list_store_is_folded (&p->spec, entry->thread) ? 1 : entry->count_unread >> 1;
      if ((entry->count_unread & 1) != 0)
        fm_idset_add (p->unread, i);
    }
  return TRUE;
}

FmPositions *
fm_positions_load (FmStoreReader *reader, const FmListSpec *spec, FmCancel *cancel, GError **error)
{
  g_autoptr (FmPositions) p = new_positions (spec);

  if (spec->folder_id == 0 && spec->limit == NULL)
    {
      g_set_error (error, FM_ERROR, FM_ERROR_INVALID, "a list of every folder needs a limit");
      return NULL;
    }
  if (!(p->threaded ? load_threads (p, reader, cancel, error) : load_flat (p, reader, cancel, error)))
    return NULL;
  return g_steal_pointer (&p);
}

FmPositions *
fm_positions_new_ids (const gint64 *ids, gsize n)
{
  FmListSpec spec = { 0 };
  FmPositions *p = new_positions (&spec);

  for (gsize i = 0; i < n; i++)
    {
      guint32 small = (guint32) ids[i];
      g_array_append_val (p->ids, small);
    }
  p->count = n;
  return p;
}

guint64
fm_positions_count (const FmPositions *positions)
{
  return positions->count;
}

gsize
fm_positions_bytes (const FmPositions *positions)
{
  return positions->ids->len * sizeof (guint32) * (positions->threaded ? 2 : 1);
}

/* The thread that holds POSITION. */
static guint
find_thread (const FmPositions *p, guint64 position)
{
  guint low = 0, high = p->starts->len;

  while (high - low > 1)
    {
      guint middle = low + (high - low) / 2;
      if (g_array_index (p->starts, guint32, middle) <= position)
        low = middle;
      else
        high = middle;
    }
  return low;
}

gboolean
fm_positions_find_thread (const FmPositions *positions, guint64 position, gboolean backwards, guint64 *ret_position)
{
  guint64 n = positions->threaded ? positions->ids->len : positions->count;

  if (position >= positions->count)
    return FALSE;
  guint64 index = positions->threaded ? find_thread (positions, position) : position;
  guint64 start = positions->threaded ? g_array_index (positions->starts, guint32, index) : position;
  if (backwards ? start == position && index == 0 : index + 1 >= n)
    return FALSE;
  if (!backwards)
    index++;
  else if (start == position)
    index--;
  *ret_position = positions->threaded ? g_array_index (positions->starts, guint32, index) : index;
  return TRUE;
}

static guint
thread_rows (const FmPositions *p, guint thread)
{
  guint64 end = thread + 1 < p->starts->len ? g_array_index (p->starts, guint32, thread + 1) : p->count;
  return (guint) (end - g_array_index (p->starts, guint32, thread));
}

static void
row_or_null_unref (gpointer row)
{
  fm_list_store_row_unref (row);
}

/* The thread's rows, padded with NULL or cut to what the array promises. */
static GPtrArray *
load_thread (FmPositions *p, FmStoreReader *reader, guint thread, GError **error)
{
  g_autoptr (GPtrArray) rows = g_ptr_array_new_with_free_func (row_or_null_unref);
  guint promised = thread_rows (p, thread);

  if (!fm_list_store_append_thread (reader, &p->spec, g_array_index (p->ids, guint32, thread), rows, error))
    return NULL;
  if (rows->len > promised)
    g_ptr_array_set_size (rows, (int) promised);
  while (rows->len < promised)
    g_ptr_array_add (rows, NULL);
  return g_steal_pointer (&rows);
}

static GPtrArray *
threaded_rows (FmPositions *p, FmStoreReader *reader, guint64 first, guint n, GError **error)
{
  g_autoptr (GPtrArray) rows = g_ptr_array_new_with_free_func (row_or_null_unref);

  for (guint thread = find_thread (p, first); thread < p->ids->len && rows->len < n; thread++)
    {
      g_autoptr (GPtrArray) group = load_thread (p, reader, thread, error);
      if (group == NULL)
        return NULL;
      guint64 start = g_array_index (p->starts, guint32, thread);
      for (guint i = 0; i < group->len && rows->len < n; i++)
        if (start + i >= first)
          g_ptr_array_add (rows, group->pdata[i] == NULL ? NULL : fm_list_store_row_ref (group->pdata[i]));
    }
  return g_steal_pointer (&rows);
}

GPtrArray *
fm_positions_rows (FmPositions *positions, FmStoreReader *reader, guint64 first, guint n, GError **error)
{
  g_autoptr (GPtrArray) rows = g_ptr_array_new_with_free_func (row_or_null_unref);

  if (first >= positions->count)
    return g_steal_pointer (&rows);
  if (positions->threaded)
    return threaded_rows (positions, reader, first, n, error);
  for (guint64 i = first; i < positions->count && i < first + n; i++)
    {
      gint64 id = g_array_index (positions->ids, guint32, i);
      g_autoptr (GPtrArray) one = fm_list_store_rows (reader, &id, 1, error);
      if (one == NULL)
        return NULL;
      g_ptr_array_add (rows, one->len == 0 ? NULL : fm_list_store_row_ref (one->pdata[0]));
    }
  return g_steal_pointer (&rows);
}

gint64
fm_positions_id (FmPositions *positions, FmStoreReader *reader, guint64 position)
{
  if (position >= positions->count)
    return 0;
  if (!positions->threaded)
    return g_array_index (positions->ids, guint32, position);
  g_autoptr (GPtrArray) rows = threaded_rows (positions, reader, position, 1, NULL);
  return rows != NULL && rows->len > 0 && rows->pdata[0] != NULL ? ((FmRow *) rows->pdata[0])->id : 0;
}

static gboolean
find_id (const FmPositions *p, guint32 id, guint *ret_index)
{
  for (guint i = 0; i < p->ids->len; i++)
    if (g_array_index (p->ids, guint32, i) == id)
      {
        *ret_index = i;
        return TRUE;
      }
  return FALSE;
}

gboolean
fm_positions_find (FmPositions *positions, FmStoreReader *reader, gint64 msg_id, guint64 *ret_position)
{
  guint index;

  if (!positions->threaded)
    {
      if (msg_id <= 0 || msg_id > G_MAXUINT32 || !find_id (positions, (guint32) msg_id, &index))
        return FALSE;
      *ret_position = index;
      return TRUE;
    }
  gint64 thread = fm_sql_value (reader, 0, "SELECT thread_id FROM msg WHERE id=? AND folder_id=?", "ii", msg_id, positions->spec.folder_id);
  if (thread == 0 || !find_id (positions, (guint32) thread, &index))
    return FALSE;
  *ret_position = g_array_index (positions->starts, guint32, index);
  if (fm_list_store_is_folded (&positions->spec, thread))
    return TRUE;
  g_autoptr (GPtrArray) rows = load_thread (positions, reader, index, NULL);
  for (guint i = 0; rows != NULL && i < rows->len; i++)
    if (rows->pdata[i] != NULL && ((FmRow *) rows->pdata[i])->id == msg_id)
      {
        *ret_position += i;
        return TRUE;
      }
  return FALSE;
}

/* What is looked for: rows of a set (NULL: the unread ones), and the entries that may hold one. */
typedef struct {
  const FmIdSet *rows;
  const FmIdSet *entries;
} Sought;

static gboolean
is_sought (const Sought *sought, const FmRow *row)
{
  if (sought->rows != NULL)
    return row->folded || fm_idset_contains (sought->rows, row->id); /* a folded thread's line stands for all its rows */
  return row->folded ? row->thread_unread > 0 : (row->flags & 1) == 0;
}

/* Within the thread at INDEX: the first row sought after FROM (or the last before it). -1 is before all. */
static gboolean
find_in_thread (FmPositions *p, FmStoreReader *reader, const Sought *sought, guint index, gint64 from, gboolean backwards,
                guint64 *ret_position)
{
  g_autoptr (GPtrArray) rows = load_thread (p, reader, index, NULL);
  gint64 start = g_array_index (p->starts, guint32, index);
  gint64 n = rows == NULL ? 0 : rows->len;

  for (gint64 k = 0; k < n; k++)
    {
      gint64 i = backwards ? n - 1 - k : k;
      const FmRow *row = rows->pdata[i];
      if (row == NULL || (backwards ? start + i >= from : start + i <= from) || !is_sought (sought, row))
        continue;
      *ret_position = (guint64) (start + i);
      return TRUE;
    }
  return FALSE;
}

/* In the entries from AT to the end of their direction: the first that holds a row sought beyond FROM. */
static gboolean
find_on_one_side (FmPositions *p, FmStoreReader *reader, const Sought *sought, gint64 at, gint64 from, gboolean backwards,
                  guint64 *ret_position)
{
  gint64 entry;

  for (; (backwards ? fm_idset_previous : fm_idset_next) (sought->entries, at, &entry); at = backwards ? entry - 1 : entry + 1)
    {
      if (p->threaded)
        {
          if (find_in_thread (p, reader, sought, (guint) entry, from, backwards, ret_position))
            return TRUE;
        }
      else if (backwards ? entry < from : entry > from)
        {
          *ret_position = (guint64) entry;
          return TRUE;
        }
    }
  return FALSE;
}

/* Onwards to the end, then from the beginning once round. */
static gboolean
find_around (FmPositions *p, FmStoreReader *reader, const Sought *sought, guint64 position, gboolean backwards, guint64 *ret_position)
{
  gint64 n = p->ids->len;
  gint64 none = backwards ? G_MAXINT64 : -1;
  gint64 from = position == G_MAXUINT64 ? none : (gint64) position;
  gint64 at = position >= p->count ? (backwards ? n - 1 : 0) : p->threaded ? find_thread (p, position) : (gint64) position;

  return find_on_one_side (p, reader, sought, at, from, backwards, ret_position)
         || find_on_one_side (p, reader, sought, backwards ? n - 1 : 0, none, backwards, ret_position);
}

gboolean
fm_positions_find_unread (FmPositions *positions, FmStoreReader *reader, guint64 position, gboolean backwards, guint64 *ret_position)
{
  g_autoptr (FmIdSet) unread = NULL;

  if (positions->unread != NULL)
    unread = fm_idset_ref (positions->unread);
  else
    {
      g_autoptr (FmIdSet) rows = unread_rows (reader, positions->spec.folder_id, NULL);
      if (rows == NULL)
        return FALSE;
      unread = entries_of (positions, rows);
    }
  return find_around (positions, reader, &(Sought){ .entries = unread }, position, backwards, ret_position);
}

/* The threads of ROWS, as a set. */
static FmIdSet *
threads_of (const FmPositions *p, FmStoreReader *reader, const FmIdSet *rows, FmCancel *cancel, GError **error)
{
  g_autoptr (FmIdSet) threads = fm_idset_new ();
  guint n = 0;

  for (gint64 id = 0; fm_idset_next (rows, id, &id); id++)
    {
      fm_idset_add (threads,
                    fm_sql_value (reader, -1, "SELECT thread_id FROM msg WHERE id=? AND folder_id=?", "ii", id, p->spec.folder_id));
      if (n++ % 4096 == 0 && !fm_cancel_check (cancel, error))
        return NULL;
    }
  return g_steal_pointer (&threads);
}

gboolean
fm_positions_find_member (FmPositions *positions, FmStoreReader *reader, const FmIdSet *rows, guint64 position, gboolean backwards,
                          FmCancel *cancel, guint64 *ret_position, GError **error)
{
  g_autoptr (FmIdSet) entries = NULL;

  if (positions->threaded)
    {
      g_autoptr (FmIdSet) threads = threads_of (positions, reader, rows, cancel, error);
      if (threads == NULL)
        return FALSE;
      entries = entries_of (positions, threads);
    }
  else
    entries = entries_of (positions, rows);
  if (find_around (positions, reader, &(Sought){ rows, entries }, position, backwards, ret_position))
    return TRUE;
  g_set_error (error, FM_ERROR, FM_ERROR_NOT_FOUND, "no row of the list is one of these");
  return FALSE;
}

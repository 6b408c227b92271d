/* Queries over rows: each leaf becomes one statement that yields row ids, and the tree is combined as bitsets, so that leaves answered by
 * the index and leaves answered by SQL are the same thing. */
#include "store/schema.h"
#include "store/sql.h"
#include <fulmar/base/error.h>
#include <fulmar/mail/threads.h>
#include <fulmar/store/query-sql.h>

#define MANY 20000 /* members of a set for which a pass over the rows is faster than a look-up each */

typedef struct {
  FmStoreReader *reader;
  const FmQueryScope *scope;
  FmQueryLeaf leaf;
  gpointer data;
  FmCancel *cancel;
} Run;

/* One statement in two plans: along the index of dates where the scope is narrow, else along the table, which is twice as fast a row. */
typedef struct {
  const char *narrow, *wide;
} Statement;

#define NARROW "m.folder_id IN (SELECT id FROM folder WHERE ?1=0 OR id=?1) AND m.date>=?2 AND m.date<=?3"
#define WIDE "+m.folder_id<>0 AND (?1=0 OR +m.folder_id=?1) AND +m.date>=?2 AND +m.date<=?3"
#define SELECT(from, condition) \
  ((Statement){ "SELECT m.id FROM " from " WHERE " NARROW " AND " condition, "SELECT m.id FROM " from " WHERE " WIDE " AND " condition })

static const char *
plan (const Run *run, Statement statement)
{
  return run->scope->folder_id != 0 || run->scope->from_utc != G_MININT64 ? statement.narrow : statement.wide;
}

static gboolean
collect (Run *run, FmSql *q, FmIdSet *set, GError **error)
{
  for (guint n = 1; fm_sql_step (q); n++)
    {
      fm_idset_add (set, fm_sql_int (q, 0));
      if (n % 4096 == 0 && !fm_cancel_check (run->cancel, error))
        return FALSE;
    }
  return fm_sql_end (q, error);
}

static gboolean
text_leaf (Run *run, Statement statement, const char *text, int how, FmIdSet *set, GError **error)
{
  g_auto (FmSql) q = { 0 };
  const FmQueryScope *scope = run->scope;

  return fm_sql_query (&q, run->reader, error, plan (run, statement), "iiisd", scope->folder_id, scope->from_utc, scope->until_utc, text,
                       how)
         && collect (run, &q, set, error);
}

static gboolean
range_leaf (Run *run, Statement statement, const FmQuery *query, FmIdSet *set, GError **error)
{
  g_auto (FmSql) q = { 0 };
  const FmQueryScope *scope = run->scope;
  gint64 low, high;

  fm_query_range (query, &low, &high);
  return fm_sql_query (&q, run->reader, error, plan (run, statement), "iiiii", scope->folder_id, scope->from_utc, scope->until_utc, low,
                       high)
         && collect (run, &q, set, error);
}

static gboolean
number_leaf (Run *run, Statement statement, gint64 number, FmIdSet *set, GError **error)
{
  g_auto (FmSql) q = { 0 };
  const FmQueryScope *scope = run->scope;

  return fm_sql_query (&q, run->reader, error, plan (run, statement), "iiii", scope->folder_id, scope->from_utc, scope->until_utc, number)
         && collect (run, &q, set, error);
}

static gboolean
folder_leaf (Run *run, const FmQuery *query, FmIdSet *set, GError **error)
{
  g_auto (FmSql) q = { 0 };

  /* "work/INBOX", "Lists/notmuch", or the last part alone; or the beginning of any of these */
  return fm_sql_query (&q, run->reader, error,
                       "SELECT m.id FROM msg m WHERE m.folder_id IN (SELECT f.id FROM folder f JOIN account a ON a.id=f.account_id WHERE "
                       "(?1=0 OR f.id=?1) AND"
                       " CASE WHEN ?3 THEN substr(f.name, 1, length(?2)) = ?2 COLLATE NOCASE OR substr(a.name || '/' || f.name, 1, "
                       "length(?2)) = ?2 COLLATE NOCASE"
                       " ELSE f.name = ?2 COLLATE NOCASE OR a.name || '/' || f.name = ?2 COLLATE NOCASE"
                       "  OR substr(f.name, -length(?2)-1) = char(f.delim) || ?2 COLLATE NOCASE END)",
                       "isd", run->scope->folder_id, fm_query_text (query), fm_query_is_prefix (query) != 0)
         && collect (run, &q, set, error);
}

static gboolean
id_leaf (Run *run, const FmQuery *query, FmIdSet *set, GError **error)
{
  g_auto (FmSql) q = { 0 };
  g_autofree char *plain = fm_threads_normalise_id (fm_query_text (query), -1);
  gint64 hash = (gint64) fm_threads_hash_id (run->reader->store->key, plain);

  return fm_sql_query (&q, run->reader, error,
                       "SELECT m.id FROM msg m WHERE (?1=0 AND m.folder_id<>0 OR m.folder_id=?1) AND " FM_SCHEMA_OF_MID (
                           "m.", "?2") " AND m.msgid=?3",
                       "iis", run->scope->folder_id, hash, plain)
         && collect (run, &q, set, error);
}

static gboolean
index_leaf (Run *run, const FmQuery *query, FmIdSet *set)
{
  g_autoptr (FmIdSet) hits = run->leaf == NULL ? NULL : run->leaf (query, run->data);

  if (hits != NULL)
    fm_idset_or (set, hits);
  return TRUE;
}

#define WITH_HEADERS "msg m JOIN hdr h ON h.msg_id=m.id"
#define ANY_HEADER \
  "(fm_words(m.subject, ?4, ?5) OR fm_address(h.from_full, ?4, ?5) OR fm_address(h.to_full, ?4, ?5) OR fm_address(h.cc_full, ?4, ?5))"
/* The index knows the headers too; of what it has not read yet, the headers are all there is to look at. */
#define UNINDEXED "(m.blob_id IS NULL OR m.blob_id IN (SELECT id FROM blob WHERE idx <> 1)) AND "

static gboolean
header_leaf (Run *run, const FmQuery *query, FmIdSet *set, GError **error)
{
  const char *text = fm_query_text (query);
  int how = (int) fm_query_terms_how (query);

  switch (fm_query_kind (query))
    {
    case FM_QUERY_FROM:
      return text_leaf (run, SELECT (WITH_HEADERS, "fm_address(h.from_full, ?4, ?5)"), text, how, set, error);
    case FM_QUERY_TO:
      return text_leaf (run, SELECT (WITH_HEADERS, "(fm_address(h.to_full, ?4, ?5) OR fm_address(h.cc_full, ?4, ?5))"), text, how, set,
                        error);
    case FM_QUERY_CC:
      return text_leaf (run, SELECT (WITH_HEADERS, "fm_address(h.cc_full, ?4, ?5)"), text, how, set, error);
    case FM_QUERY_SUBJECT:
      return text_leaf (run, SELECT ("msg m", "fm_words(m.subject, ?4, ?5)"), text, how, set, error);
    default:
      if (run->leaf == NULL)
        return text_leaf (run, SELECT (WITH_HEADERS, ANY_HEADER), text, how, set, error);
      return text_leaf (run, SELECT (WITH_HEADERS, UNINDEXED ANY_HEADER), text, how, set, error);
    }
}

static gboolean
leaf (Run *run, const FmQuery *query, FmIdSet *set, GError **error)
{
  switch (fm_query_kind (query))
    {
    case FM_QUERY_ALL:
      return number_leaf (run, SELECT ("msg m", "?4=0"), 0, set, error);
    case FM_QUERY_WORD:
      return index_leaf (run, query, set) && header_leaf (run, query, set, error);
    case FM_QUERY_BODY:
    case FM_QUERY_ATTACHMENT:
      return index_leaf (run, query, set);
    case FM_QUERY_FROM:
    case FM_QUERY_TO:
    case FM_QUERY_CC:
    case FM_QUERY_SUBJECT:
      return header_leaf (run, query, set, error);
    case FM_QUERY_FOLDER:
      return folder_leaf (run, query, set, error);
    case FM_QUERY_ACCOUNT:
      return text_leaf (run,
                        SELECT ("msg m", "?5=0 AND m.folder_id IN (SELECT f.id FROM folder f JOIN account a ON a.id=f.account_id WHERE"
                                         " a.name=?4 COLLATE NOCASE)"),
                        fm_query_text (query), 0, set, error);
    case FM_QUERY_TAG:
      return text_leaf (run,
                        SELECT ("keyword k JOIN msg_kw w ON w.kw_id=k.id AND w.bits & 2 JOIN msg m ON m.id=w.msg_id", "?5=0 AND k.name=?4"),
                        fm_query_text (query), 0, set, error);
    case FM_QUERY_ID:
      return id_leaf (run, query, set, error);
    case FM_QUERY_THREAD:
      return number_leaf (run, SELECT ("msg m", "m.thread_id=?4"), g_ascii_strtoll (fm_query_text (query), NULL, 10), set, error);
    case FM_QUERY_FLAG:
      return number_leaf (run, SELECT ("msg m", "(m.flags & ?4) = ?4"), fm_query_flag (query), set, error);
    case FM_QUERY_DATE:
      return range_leaf (run, SELECT ("msg m", "m.date BETWEEN ?4 AND ?5"), query, set, error);
    case FM_QUERY_SIZE:
      return range_leaf (run, SELECT ("msg m", "m.size BETWEEN ?4 AND ?5"), query, set, error);
    default:
      break;
    }
  g_set_error (error, FM_ERROR, FM_ERROR_INVALID, "a query of a kind the store does not know");
  return FALSE;
}

static FmIdSet *evaluate (Run *run, const FmQuery *query, GError **error);

static FmIdSet *
everything (Run *run, GError **error)
{
  g_autoptr (FmIdSet) set = fm_idset_new ();

  return number_leaf (run, SELECT ("msg m", "?4=0"), 0, set, error) ? g_steal_pointer (&set) : NULL;
}

static FmIdSet *
combine (Run *run, const FmQuery *query, GError **error)
{
  FmQueryKind kind = fm_query_kind (query);
  g_autoptr (FmIdSet) set = evaluate (run, fm_query_child (query, 0), error);

  for (guint i = 1; set != NULL && i < fm_query_n_children (query); i++)
    {
      g_autoptr (FmIdSet) other = evaluate (run, fm_query_child (query, i), error);
      if (other == NULL)
        return NULL;
      if (kind == FM_QUERY_AND)
        fm_idset_and (set, other);
      else if (kind == FM_QUERY_OR)
        fm_idset_or (set, other);
      else
        fm_idset_xor (set, other);
    }
  return g_steal_pointer (&set);
}

static FmIdSet *
evaluate (Run *run, const FmQuery *query, GError **error)
{
  switch (fm_query_kind (query))
    {
    case FM_QUERY_AND:
    case FM_QUERY_OR:
    case FM_QUERY_XOR:
      return combine (run, query, error);
      case FM_QUERY_NOT: {
        g_autoptr (FmIdSet) set = everything (run, error);
        g_autoptr (FmIdSet) other = set == NULL ? NULL : evaluate (run, fm_query_child (query, 0), error);
        if (other == NULL)
          return NULL;
        fm_idset_subtract (set, other);
        return g_steal_pointer (&set);
      }
      default: {
        g_autoptr (FmIdSet) set = fm_idset_new ();
        return leaf (run, query, set, error) ? g_steal_pointer (&set) : NULL;
      }
    }
}

FmIdSet *
fm_query_sql_run (FmStoreReader *reader, const FmQuery *query, const FmQueryScope *scope, FmQueryLeaf leaf_function, gpointer data,
                  FmCancel *cancel, GError **error)
{
  Run run = { reader, scope, leaf_function, data, cancel };
  g_autoptr (FmIdSet) set = evaluate (&run, query, error);
  gboolean everywhen = scope->from_utc == G_MININT64 && scope->until_utc == G_MAXINT64;

  /* The index knows blobs, not folders and dates: what it answered may lie elsewhere. */
  if (set != NULL && (!everywhen || (fm_query_needs_index (query) && leaf_function != NULL)))
    {
      g_autoptr (FmIdSet) all = everything (&run, error);
      if (all == NULL)
        return NULL;
      fm_idset_and (set, all);
    }
  return g_steal_pointer (&set);
}

gint64
fm_query_sql_nth_newest (FmStoreReader *reader, gint64 folder_id, guint n)
{
  return fm_sql_value (
      reader, G_MININT64,
      "SELECT max((SELECT date FROM msg WHERE folder_id=f.id ORDER BY date DESC LIMIT 1 OFFSET ?2)) FROM folder f WHERE ?1=0 OR f.id=?1",
      "iu", folder_id, n);
}

/* One pass over the index of blobs instead of a look-up each. */
static gboolean
many_blob_rows (FmStoreReader *reader, const gint64 *blob_ids, gsize n, FmIdSet *set, GError **error)
{
  g_auto (FmSql) q = { 0 };
  g_autoptr (FmIdSet) blobs = fm_idset_new ();

  for (gsize i = 0; i < n; i++)
    fm_idset_add (blobs, blob_ids[i]);
  if (!fm_sql_query (&q, reader, error, "SELECT blob_id, id FROM msg WHERE blob_id IS NOT NULL", ""))
    return FALSE;
  while (fm_sql_step (&q))
    if (fm_idset_contains (blobs, fm_sql_int (&q, 0)))
      fm_idset_add (set, fm_sql_int (&q, 1));
  return fm_sql_end (&q, error);
}

FmIdSet *
fm_query_sql_blob_rows (FmStoreReader *reader, const gint64 *blob_ids, gsize n, FmIdSet *add_to, GError **error)
{
  g_autoptr (FmIdSet) set = add_to == NULL ? fm_idset_new () : fm_idset_ref (add_to);

  if (n >= MANY)
    return many_blob_rows (reader, blob_ids, n, set, error) ? g_steal_pointer (&set) : NULL;
  for (gsize i = 0; i < n; i++)
    {
      g_auto (FmSql) q = { 0 };
      if (!fm_sql_query (&q, reader, error, "SELECT id FROM msg WHERE blob_id=? AND folder_id<>0", "i", blob_ids[i]))
        return NULL;
      while (fm_sql_step (&q))
        fm_idset_add (set, fm_sql_int (&q, 0));
      if (!fm_sql_end (&q, error))
        return NULL;
    }
  return g_steal_pointer (&set);
}

typedef struct {
  gint64 date, id;
} Dated;

static int
compare_dated (const void *a, const void *b)
{
  const Dated *x = a, *y = b;
  return x->date != y->date ? (x->date < y->date ? -1 : 1) : (x->id > y->id) - (x->id < y->id);
}

/* As for the blobs: by one pass over the index of dates where there are many. */
static gboolean
read_dates (FmStoreReader *reader, const FmIdSet *set, GArray *dated, GError **error)
{
  g_auto (FmSql) q = { 0 };
  guint64 count = fm_idset_count (set);

  for (gint64 id = 0; count < MANY && fm_idset_next (set, id, &id); id++)
    {
      Dated item = { fm_sql_value (reader, G_MININT64, "SELECT date FROM msg WHERE id=? AND folder_id<>0", "i", id), id };
      if (item.date != G_MININT64)
        g_array_append_val (dated, item);
    }
  if (count < MANY)
    return TRUE;
  if (!fm_sql_query (&q, reader, error, "SELECT date, id FROM msg INDEXED BY msg_date WHERE folder_id>0", ""))
    return FALSE;
  while (fm_sql_step (&q))
    {
      Dated item = { fm_sql_int (&q, 0), fm_sql_int (&q, 1) };
      if (fm_idset_contains (set, item.id))
        g_array_append_val (dated, item);
    }
  return fm_sql_end (&q, error);
}

GArray *
fm_query_sql_sorted (FmStoreReader *reader, const FmIdSet *set, gboolean descending, GError **error)
{
  g_autoptr (GArray) dated = g_array_new (FALSE, FALSE, sizeof (Dated));
  g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (gint64));

  if (!read_dates (reader, set, dated, error))
    return NULL;
  g_array_sort (dated, compare_dated);
  for (guint i = 0; i < dated->len; i++)
    g_array_append_val (ids, g_array_index (dated, Dated, (descending ? dated->len - 1 - i : i)).id);
  return g_steal_pointer (&ids);
}

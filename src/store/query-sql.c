/* Queries over rows: each leaf becomes one statement that yields row ids, and the tree is combined as bitsets, so that leaves answered by
 * the index and leaves answered by SQL are the same thing. */
#include "store/schema.h"
#include "store/sql.h"
#include <fulmar/base/error.h>
#include <fulmar/base/text.h>
#include <fulmar/mail/threads.h>
#include <fulmar/store/query-sql.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  FmStoreReader *reader;
  gint64 folder_id;
  FmQueryLeaf leaf;
  gpointer data;
  FmCancel *cancel;
} Run;

#define SCOPE "(?1=0 AND m.folder_id<>0 OR m.folder_id=?1) AND "

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
text_leaf (Run *run, const char *text, const char *needle, FmIdSet *set, GError **error)
{
  g_auto (FmSql) q = { 0 };
  return fm_sql_query (&q, run->reader, error, text, "is", run->folder_id, needle) && collect (run, &q, set, error);
}

static gboolean
range_leaf (Run *run, const char *text, const FmQuery *query, FmIdSet *set, GError **error)
{
  g_auto (FmSql) q = { 0 };
  gint64 low, high;

  fm_query_range (query, &low, &high);
  return fm_sql_query (&q, run->reader, error, text, "iii", run->folder_id, low, high) && collect (run, &q, set, error);
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
                       "isd", run->folder_id, fm_query_text (query), fm_query_is_prefix (query) != 0)
         && collect (run, &q, set, error);
}

static gboolean
id_leaf (Run *run, const FmQuery *query, FmIdSet *set, GError **error)
{
  g_auto (FmSql) q = { 0 };
  g_autofree char *plain = fm_threads_normalise_id (fm_query_text (query), -1);
  gint64 hash = (gint64) fm_threads_hash_id (run->reader->store->key, plain);

  return fm_sql_query (&q, run->reader, error, "SELECT m.id FROM msg m WHERE " SCOPE FM_SCHEMA_OF_MID ("m.", "?2") " AND m.msgid=?3", "iis",
                       run->folder_id, hash, plain)
         && collect (run, &q, set, error);
}

static gboolean
number_leaf (Run *run, const char *text, gint64 number, FmIdSet *set, GError **error)
{
  g_auto (FmSql) q = { 0 };
  return fm_sql_query (&q, run->reader, error, text, "ii", run->folder_id, number) && collect (run, &q, set, error);
}

static gboolean
index_leaf (Run *run, const FmQuery *query, FmIdSet *set)
{
  g_autoptr (FmIdSet) hits = run->leaf == NULL ? NULL : run->leaf (query, run->data);

  if (hits != NULL)
    fm_idset_or (set, hits);
  return TRUE;
}

#define FROM_TEXT "SELECT m.id FROM msg m JOIN hdr h ON h.msg_id=m.id WHERE " SCOPE
#define ANY_HEADER \
  FROM_TEXT        \
  "(fm_contains(m.subject, ?2) OR fm_contains(h.from_full, ?2) OR fm_contains(h.to_full, ?2) OR fm_contains(h.cc_full, ?2))"
/* The index knows the headers too, by words and their stems; of what it has not read yet, the headers are all there is to look at. */
#define UNINDEXED " AND (m.blob_id IS NULL OR m.blob_id IN (SELECT id FROM blob WHERE idx <> 1))"

static gboolean
leaf (Run *run, const FmQuery *query, FmIdSet *set, GError **error)
{
  g_autofree char *needle = fm_text_fold (fm_query_text (query));

  switch (fm_query_kind (query))
    {
    case FM_QUERY_ALL:
      return number_leaf (run, "SELECT m.id FROM msg m WHERE " SCOPE "?2=0", 0, set, error);
    case FM_QUERY_WORD:
      return index_leaf (run, query, set) && text_leaf (run, run->leaf == NULL ? ANY_HEADER : ANY_HEADER UNINDEXED, needle, set, error);
    case FM_QUERY_BODY:
    case FM_QUERY_ATTACHMENT:
      return index_leaf (run, query, set);
    case FM_QUERY_FROM:
      return text_leaf (run, FROM_TEXT "fm_contains(h.from_full, ?2)", needle, set, error);
    case FM_QUERY_TO:
      return text_leaf (run, FROM_TEXT "(fm_contains(h.to_full, ?2) OR fm_contains(h.cc_full, ?2))", needle, set, error);
    case FM_QUERY_CC:
      return text_leaf (run, FROM_TEXT "fm_contains(h.cc_full, ?2)", needle, set, error);
    case FM_QUERY_SUBJECT:
      return text_leaf (run, "SELECT m.id FROM msg m WHERE " SCOPE "fm_contains(m.subject, ?2)", needle, set, error);
    case FM_QUERY_FOLDER:
      return folder_leaf (run, query, set, error);
    case FM_QUERY_ACCOUNT:
      return text_leaf (run,
                        "SELECT m.id FROM msg m WHERE " SCOPE
                        "m.folder_id IN (SELECT f.id FROM folder f JOIN account a ON a.id=f.account_id WHERE"
                        " a.name=?2 COLLATE NOCASE)",
                        fm_query_text (query), set, error);
    case FM_QUERY_TAG:
      return text_leaf (run,
                        "SELECT m.id FROM keyword k JOIN msg_kw w ON w.kw_id=k.id AND w.bits & 2 JOIN msg m ON m.id=w.msg_id WHERE " SCOPE
                        "k.name=?2",
                        fm_query_text (query), set, error);
    case FM_QUERY_ID:
      return id_leaf (run, query, set, error);
    case FM_QUERY_THREAD:
      return number_leaf (run, "SELECT m.id FROM msg m WHERE " SCOPE "m.thread_id=?2", g_ascii_strtoll (fm_query_text (query), NULL, 10),
                          set, error);
    case FM_QUERY_FLAG:
      return number_leaf (run, "SELECT m.id FROM msg m WHERE " SCOPE "(m.flags & ?2) = ?2", fm_query_flag (query), set, error);
    case FM_QUERY_DATE:
      return range_leaf (run, "SELECT m.id FROM msg m WHERE " SCOPE "m.date BETWEEN ?2 AND ?3", query, set, error);
    case FM_QUERY_SIZE:
      return range_leaf (run, "SELECT m.id FROM msg m WHERE " SCOPE "m.size BETWEEN ?2 AND ?3", query, set, error);
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

  return number_leaf (run, "SELECT m.id FROM msg m WHERE " SCOPE "?2=0", 0, set, error) ? g_steal_pointer (&set) : NULL;
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
fm_query_sql_run (FmStoreReader *reader, const FmQuery *query, gint64 folder_id, FmQueryLeaf leaf_function, gpointer data, FmCancel *cancel,
                  GError **error)
{
  Run run = { reader, folder_id, leaf_function, data, cancel };
  g_autoptr (FmIdSet) set = evaluate (&run, query, error);

  /* The index knows blobs, not folders: what it answered may lie elsewhere. */
  if (set != NULL && fm_query_needs_index (query) && leaf_function != NULL)
    {
      g_autoptr (FmIdSet) all = everything (&run, error);
      if (all == NULL)
        return NULL;
      fm_idset_and (set, all);
    }
  return g_steal_pointer (&set);
}

FmIdSet *
fm_query_sql_blob_rows (FmStoreReader *reader, const gint64 *blob_ids, gsize n, FmIdSet *add_to, GError **error)
{
  g_autoptr (FmIdSet) set = add_to == NULL ? fm_idset_new () : fm_idset_ref (add_to);

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

GArray *
fm_query_sql_sorted (FmStoreReader *reader, const FmIdSet *set, gboolean descending, GError **error)
{
  g_autoptr (GArray) dated = g_array_new (FALSE, FALSE, sizeof (Dated));
  g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (gint64));

  for (gint64 id = 0; fm_idset_next (set, id, &id); id++)
    {
      Dated item = { fm_sql_value (reader, G_MININT64, "SELECT date FROM msg WHERE id=? AND folder_id<>0", "i", id), id };
      if (item.date != G_MININT64)
        g_array_append_val (dated, item);
    }
  g_array_sort (dated, compare_dated);
  for (guint i = 0; i < dated->len; i++)
    g_array_append_val (ids, g_array_index (dated, Dated, (descending ? dated->len - 1 - i : i)).id);
  return g_steal_pointer (&ids);
}

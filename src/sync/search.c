/* A search runs on a pool thread. Header and flag leaves are the store's; each text leaf is asked of the index, whose hits arrive newest first in
 * chunks. Where the query only grows by more hits (no "not", no "xor" above a text leaf) what is known so far is shown as it comes; the last
 * evaluation is complete in any case. Without an index, or while it is silent, words match headers only, and that is said once. */
#include "sync/search.h"
#include <fulmar/base/clock.h>
#include <fulmar/base/error.h>
#include <fulmar/index/query-text.h>
#include <fulmar/store/gmail-store.h>
#include <fulmar/store/query-sql.h>

#include <poll.h>
#include <string.h>

#define BATCH_IDS 5000
#define FIRST_HITS 200
#define INDEX_TIMEOUT_MS 60000

/* Where headers are read mail by mail, the newest of each folder come first, then more, then all: a first screen within milliseconds. */
static const guint slices[] = { 1000, 20000, 0 };

/* One text leaf and what the index has said of it. */
typedef struct {
  const FmQuery *leaf; /* borrowed from the query */
  guint64 request;
  GArray *blobs; /* gint64 */
  FmIdSet *rows; /* of the blobs, once all are known; or NULL */
  gboolean done;
  GError *error;
} Leaf;

typedef struct {
  FmEngine *engine;
  FmIndex *index; /* NULL: this process keeps none */
  guint64 id;
  FmCancel *cancel;
  FmQuery *query;
  gint64 folder_id;
  FmStoreReader *reader;
  FmPort *port;      /* FmIndexEvent* from the index's thread */
  GPtrArray *leaves; /* Leaf* */
  FmIdSet *told;     /* rows already sent */
  GHashTable *once;  /* messages of Gmail already sent, of which one row is enough; NULL: all rows */
  guint64 total;
} Search;

static void
leaf_free (gpointer data)
{
  Leaf *leaf = data;
  g_array_unref (leaf->blobs);
  fm_idset_unref (leaf->rows);
  g_clear_error (&leaf->error);
  g_free (leaf);
}

static void
search_free (Search *search)
{
  fm_cancel_unref (search->cancel);
  fm_query_unref (search->query);
  g_clear_pointer (&search->port, fm_port_unref);
  g_ptr_array_unref (search->leaves);
  fm_idset_unref (search->told);
  g_clear_pointer (&search->once, g_hash_table_unref);
  g_free (search);
}

static gboolean
is_text (FmQueryKind kind)
{
  return kind == FM_QUERY_WORD || kind == FM_QUERY_BODY || kind == FM_QUERY_ATTACHMENT;
}

static void
collect_leaves (const FmQuery *query, GPtrArray *leaves)
{
  if (is_text (fm_query_kind (query)))
    {
      Leaf *leaf = g_new0 (Leaf, 1);
      leaf->leaf = query;
      leaf->blobs = g_array_new (FALSE, FALSE, sizeof (gint64));
      g_ptr_array_add (leaves, leaf);
    }
  for (guint i = 0; i < fm_query_n_children (query); i++)
    collect_leaves (fm_query_child (query, i), leaves);
}

/* More hits of a text leaf can only mean more results. */
static gboolean
only_grows (const FmQuery *query)
{
  FmQueryKind kind = fm_query_kind (query);
  if ((kind == FM_QUERY_NOT || kind == FM_QUERY_XOR) && fm_query_needs_index (query))
    return FALSE;
  for (guint i = 0; i < fm_query_n_children (query); i++)
    if (!only_grows (fm_query_child (query, i)))
      return FALSE;
  return TRUE;
}

static void
send_batch (Search *search, const gint64 *ids, guint n)
{
  FmEvent *event = fm_event_new (FM_EVENT_SEARCH_BATCH, search->id);
  event->ids = g_array_sized_new (FALSE, FALSE, sizeof (gint64), n);
  g_array_append_vals (event->ids, ids, n);
  event->total = (gint64) search->total;
  fm_engine_emit (search->engine, event);
}

/* Sends those of FOUND that were not sent yet. */
static gboolean
tell (Search *search, FmIdSet *found, GError **error)
{
  fm_idset_subtract (found, search->told);
  g_autoptr (GArray) ids = fm_query_sql_sorted (search->reader, found, TRUE, error);
  if (ids == NULL)
    return FALSE;
  fm_idset_or (search->told, found);
  if (search->once != NULL)
    fm_gmail_store_once (search->reader, ids, search->once);
  search->total += ids->len;
  for (guint at = 0; at < ids->len; at += BATCH_IDS)
    send_batch (search, &g_array_index (ids, gint64, at), MIN (BATCH_IDS, ids->len - at));
  return TRUE;
}

static FmIdSet *
leaf_rows (const FmQuery *leaf, gpointer data)
{
  const Search *search = data;
  for (guint i = 0; i < search->leaves->len; i++)
    {
      Leaf *known = search->leaves->pdata[i];
      if (known->leaf != leaf)
        continue;
      FmIdSet *rows = known->rows != NULL ? fm_idset_ref (known->rows)
                                          : fm_query_sql_blob_rows (search->reader, (const gint64 *) (gconstpointer) known->blobs->data,
                                                                    known->blobs->len, NULL, NULL);
      if (known->done && known->rows == NULL && rows != NULL)
        known->rows = fm_idset_ref (rows);
      return rows;
    }
  return NULL;
}

/* A leaf that is answered by reading header after header. */
static gboolean
reads_headers (const FmQuery *query)
{
  switch (fm_query_kind (query))
    {
    case FM_QUERY_WORD:
    case FM_QUERY_FROM:
    case FM_QUERY_TO:
    case FM_QUERY_CC:
    case FM_QUERY_SUBJECT:
      return TRUE;
    default:
      break;
    }
  for (guint i = 0; i < fm_query_n_children (query); i++)
    if (reads_headers (fm_query_child (query, i)))
      return TRUE;
  return FALSE;
}

static gboolean
evaluate_scope (Search *search, const FmQueryScope *scope, gboolean with_index, GError **error)
{
  g_autoptr (FmIdSet) found
      = fm_query_sql_run (search->reader, search->query, scope, with_index ? leaf_rows : NULL, search, search->cancel, error);
  return found != NULL && tell (search, found, error);
}

static gboolean
evaluate (Search *search, gboolean with_index, GError **error)
{
  FmQueryScope scope = { .folder_id = search->folder_id, .from_utc = G_MININT64, .until_utc = G_MAXINT64 };
  for (guint i = 0; i < G_N_ELEMENTS (slices); i++)
    {
      gboolean last = slices[i] == 0 || !reads_headers (search->query);
      scope.from_utc = last ? G_MININT64 : fm_query_sql_nth_newest (search->reader, search->folder_id, slices[i]);
      if (!evaluate_scope (search, &scope, with_index, error))
        return FALSE;
      if (scope.from_utc == G_MININT64)
        break;
      scope.until_utc = scope.from_utc - 1;
    }
  return TRUE;
}

/* The index's thread. */
static void
deliver (FmIndexEvent *event, gpointer data)
{
  fm_port_post (data, event, (GDestroyNotify) fm_index_event_free);
}

static void
notice (Search *search, const char *text, const GError *error)
{
  FmEvent *event = fm_event_new (FM_EVENT_NOTICE, search->id);
  event->text = error == NULL ? g_strdup (text) : g_strdup_printf ("%s: %s", text, error->message);
  event->error = error == NULL ? NULL : g_error_copy (error);
  fm_engine_emit (search->engine, event);
}

static gboolean
ask_index (Search *search, GError **error)
{
  search->port = fm_port_new ();
  for (guint i = 0; i < search->leaves->len; i++)
    {
      Leaf *leaf = search->leaves->pdata[i];
      g_autofree char *text = fm_query_text_build (leaf->leaf, error);
      if (text == NULL)
        return FALSE;
      leaf->request = fm_index_search (search->index, text, 0, FM_INDEX_NEWEST_FIRST, deliver, search->port);
    }
  return TRUE;
}

static Leaf *
leaf_of (Search *search, guint64 request)
{
  for (guint i = 0; i < search->leaves->len; i++)
    if (((Leaf *) search->leaves->pdata[i])->request == request)
      return search->leaves->pdata[i];
  return NULL;
}

static void
take_event (Search *search, const FmIndexEvent *event)
{
  Leaf *leaf = leaf_of (search, fm_index_event_request (event));
  guint n;
  const gint64 *ids = fm_index_event_ids (event, &n);
  if (leaf == NULL)
    return;
  switch (fm_index_event_kind (event))
    {
    case FM_INDEX_EVENT_HITS:
      g_array_append_vals (leaf->blobs, ids, n);
      break;
    case FM_INDEX_EVENT_ERROR:
      leaf->error = g_error_copy (fm_index_event_error (event));
      leaf->done = TRUE;
      break;
    case FM_INDEX_EVENT_DONE:
      leaf->done = TRUE;
      break;
    default:
      break;
    }
}

/* Whether every leaf has enough to show a first page. */
static gboolean
enough_for_a_page (const Search *search)
{
  for (guint i = 0; i < search->leaves->len; i++)
    {
      const Leaf *leaf = search->leaves->pdata[i];
      if (!leaf->done && leaf->blobs->len < FIRST_HITS)
        return FALSE;
    }
  return TRUE;
}

static gboolean
all_done (const Search *search)
{
  for (guint i = 0; i < search->leaves->len; i++)
    if (!((Leaf *) search->leaves->pdata[i])->done)
      return FALSE;
  return TRUE;
}

/* Takes the index's answers until every leaf is done, showing a first page on the way. */
static gboolean
gather (Search *search, GError **error)
{
  gint64 deadline = fm_clock_deadline_us (INDEX_TIMEOUT_MS);
  gboolean shown = !only_grows (search->query);
  while (!all_done (search))
    {
      struct pollfd fds[2] = { { fm_port_fd (search->port), POLLIN, 0 }, { fm_cancel_fd (search->cancel), POLLIN, 0 } };
      poll (fds, 2, fm_clock_remaining_ms (deadline));
      if (!fm_cancel_check (search->cancel, error))
        return FALSE;
      if (fm_clock_remaining_ms (deadline) == 0)
        {
          g_set_error_literal (error, FM_ERROR, FM_ERROR_TIMEOUT, "the search index does not answer");
          return FALSE;
        }
      FmIndexEvent *event;
      while ((event = fm_port_try_take (search->port)) != NULL)
        {
          take_event (search, event);
          fm_index_event_free (event);
        }
      if (!shown && !all_done (search) && enough_for_a_page (search))
        {
          shown = TRUE;
          if (!evaluate (search, TRUE, error))
            return FALSE;
        }
    }
  return TRUE;
}

/* The index keeps posting to the port until each search has ended: they are ended and awaited before the port goes. */
static void
end_index_searches (Search *search)
{
  for (guint i = 0; search->port != NULL && i < search->leaves->len; i++)
    {
      Leaf *leaf = search->leaves->pdata[i];
      if (!leaf->done && leaf->request != 0)
        fm_index_cancel (search->index, leaf->request);
    }
  gint64 deadline = fm_clock_deadline_us (5000);
  while (search->port != NULL)
    {
      gboolean open = FALSE;
      for (guint i = 0; i < search->leaves->len; i++)
        {
          const Leaf *leaf = search->leaves->pdata[i];
          open |= leaf->request != 0 && !leaf->done;
        }
      FmIndexEvent *event = open ? fm_port_take (search->port, deadline) : NULL;
      if (event == NULL)
        break;
      take_event (search, event);
      fm_index_event_free (event);
    }
}

static gboolean
run_with_index (Search *search, GError **error)
{
  if (!ask_index (search, error) || !gather (search, error))
    return FALSE;
  for (guint i = 0; i < search->leaves->len; i++)
    {
      const Leaf *leaf = search->leaves->pdata[i];
      if (leaf->error != NULL)
        notice (search, "the text of mails could not be searched; headers were", leaf->error);
    }
  return evaluate (search, TRUE, error);
}

static gboolean
run_search (Search *search, GError **error)
{
  if (search->leaves->len == 0)
    return evaluate (search, FALSE, error);
  if (search->index != NULL)
    return run_with_index (search, error);
  if (g_atomic_int_compare_and_exchange (&search->engine->told_no_index, 0, 1))
    notice (search, "there is no text index here: words are looked for in headers only", NULL);
  return evaluate (search, FALSE, error);
}

static void
search_run (FmStoreReader *reader, const GError *reader_error, gpointer data)
{
  Search *search = data;
  g_autoptr (GError) error = NULL;
  search->reader = reader;
  gboolean ok = FALSE;
  if (reader == NULL)
    error = g_error_copy (reader_error);
  else
    ok = fm_cancel_check (search->cancel, &error) && run_search (search, &error);
  end_index_searches (search);
  FmEvent *event = fm_event_new (ok ? FM_EVENT_DONE : FM_EVENT_FAILED, search->id);
  event->count = event->total = (gint64) search->total;
  event->error = g_steal_pointer (&error);
  fm_engine_emit (search->engine, event);
  search_free (search);
}

/* On the desk, behind the opening of the index: a search that is asked for at once, as the command line does, must not run before it. */
static void
start_on_desk (FmEngine *engine, gpointer data)
{
  Search *search = data;

  search->index = engine->index;
  fm_pool_post (engine->pool, search_run, search);
}

guint64
fm_search_start (FmEngine *engine, FmQuery *query, gint64 folder_id, gboolean once)
{
  Search *search = g_new0 (Search, 1);
  search->engine = engine;
  search->query = fm_query_ref (query);
  search->folder_id = folder_id;
  search->leaves = g_ptr_array_new_with_free_func (leaf_free);
  search->told = fm_idset_new ();
  search->once = once ? g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL) : NULL;
  collect_leaves (query, search->leaves);
  guint64 id = search->id = fm_engine_request_new (engine, 1, &search->cancel);
  fm_engine_desk_post (engine, start_on_desk, search);
  return id;
}

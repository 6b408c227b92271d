/* A count is a search for "(QUERY) and is:unread". Passes are spaced by what the last one cost, so that a first sync, which changes folders all the
 * time, pays a few per cent of one pool thread for numbers that are a little late. What the index has to complain of is told when the user
 * searches, not here. */
#include "app/search-counts.h"
#include "app/app-private.h"
#include <fulmar/base/clock.h>

#define QUIET_MS 300
#define REST_FACTOR 20
#define REST_MS_MAX 60000

struct FmSearchCounts {
  FmApp *app;
  GHashTable *known; /* name -> gint64* */
  guint timer;
  guint at;        /* the search being counted */
  guint64 request; /* 0: no pass runs */
  gboolean stale;  /* something changed while a pass runs */
  gint64 started_us, rest_until_us;
};

/* Outlives the counts: answers may still be on their way. */
typedef struct {
  FmSearchCounts *counts;
  char *name;
} Counting;

static void count_next (FmSearchCounts *counts);

static void
counting_free (gpointer data)
{
  Counting *counting = data;

  g_free (counting->name);
  g_free (counting);
}

static void
note (FmSearchCounts *counts, const char *name, gint64 n)
{
  const gint64 *before = g_hash_table_lookup (counts->known, name);

  if (before && *before == n)
    return;
  g_hash_table_insert (counts->known, g_strdup (name), g_memdup2 (&n, sizeof n));
  fm_app_changed (counts->app, FM_CHANGE_FOLDERS);
}

static void
counted (FmApp *app, const FmEvent *event, gpointer data)
{
  const Counting *counting = data;
  FmSearchCounts *counts = app->search_counts;

  if (!counts || counts != counting->counts || counts->request != event->reply_to || event->kind == FM_EVENT_SEARCH_BATCH)
    return;
  if (event->kind == FM_EVENT_DONE)
    note (counts, counting->name, event->count);
  counts->at++;
  count_next (counts);
}

/* The search at `at` and those after it that can't be parsed: the user is told of these when they open them. */
static void
count_next (FmSearchCounts *counts)
{
  GPtrArray *searches = fm_config_searches (counts->app->config);

  counts->request = 0;
  for (; counts->at < searches->len; counts->at++)
    {
      const FmSavedSearch *search = g_ptr_array_index (searches, counts->at);
      g_autoptr (FmQuery) query = fm_query_parse (search->query, fm_clock_now_utc (), NULL, NULL);
      g_autofree char *canonical = query ? fm_query_to_string (query) : NULL;
      g_autofree char *text = canonical ? g_strdup_printf ("(%s) and is:unread", canonical) : NULL;
      g_autoptr (FmQuery) unread = text ? fm_query_parse (text, fm_clock_now_utc (), NULL, NULL) : NULL;
      Counting *counting;
      if (!unread || fm_app_server_words (search->query))
        continue;
      counting = g_new0 (Counting, 1);
      counting->counts = counts;
      counting->name = g_strdup (search->name);
      counts->request = fm_engine_search_messages (counts->app->engine, unread);
      fm_app_expect (counts->app, counts->request, counted, counting, counting_free);
      return;
    }
  counts->rest_until_us = g_get_monotonic_time () + MIN ((g_get_monotonic_time () - counts->started_us) * REST_FACTOR, REST_MS_MAX * 1000);
  if (counts->stale)
    fm_search_counts_stale (counts);
}

static gboolean
begin (gpointer data)
{
  FmSearchCounts *counts = data;

  counts->timer = 0;
  counts->stale = FALSE;
  counts->at = 0;
  counts->started_us = g_get_monotonic_time ();
  count_next (counts);
  return G_SOURCE_REMOVE;
}

void
fm_search_counts_stale (FmSearchCounts *counts)
{
  gint64 rest_ms;

  if (!counts || counts->timer)
    return;
  counts->stale = TRUE;
  if (counts->request)
    return;
  rest_ms = (counts->rest_until_us - g_get_monotonic_time ()) / 1000;
  counts->timer = g_timeout_add ((guint) MAX (rest_ms, QUIET_MS), begin, counts);
}

guint64
fm_search_counts_get (const FmSearchCounts *counts, const char *name)
{
  const gint64 *n = counts ? g_hash_table_lookup (counts->known, name) : NULL;

  return n ? (guint64) *n : 0;
}

gboolean
fm_search_counts_asked (const FmSearchCounts *counts, guint64 request)
{
  return counts && request && counts->request == request;
}

FmSearchCounts *
fm_search_counts_new (FmApp *app)
{
  FmSearchCounts *counts = g_new0 (FmSearchCounts, 1);

  counts->app = app;
  counts->known = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  fm_search_counts_stale (counts);
  return counts;
}

void
fm_search_counts_free (FmSearchCounts *counts)
{
  if (!counts)
    return;
  if (counts->timer)
    g_source_remove (counts->timer);
  if (counts->request)
    fm_engine_cancel (counts->app->engine, counts->request);
  g_hash_table_unref (counts->known);
  g_free (counts);
}

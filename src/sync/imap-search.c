/* A search on the server, in All Mail, where every message is. What it finds is told as rows, newest first: those that are here at once, the
 * others when their headers have come. A message is told by its row in the inbox, or in a label, before that in All Mail. */
#include "sync/imap-collect.h"
#include "sync/imap-folder-private.h"
#include <fulmar/base/error.h>
#include <fulmar/store/gmail-store.h>

#define MAX_FETCHED 1000 /* messages that a search may bring; the newest */

static gboolean
find (FmImapConn *conn, const char *text, GArray *ret_ranges, GError **error)
{
  gboolean good;

  fm_imap_collect_divert (conn->collect, ret_ranges, NULL);
  good = fm_imap_session_search_gmail (conn->session, text, error);
  fm_imap_collect_divert (conn->collect, NULL, NULL);
  return good;
}

static void
tell (FmImapConn *conn, guint64 request_id, GArray *ids, gint64 total)
{
  FmEvent *event = fm_event_new (FM_EVENT_SEARCH_BATCH, request_id);

  event->ids = g_array_ref (ids);
  event->total = total;
  fm_sync_env_emit (conn->worker->env, event);
}

/* Rows of RANGES, newest first, those not yet in TOLD; UIDs without a row into RET_MISSING (may be NULL), newest first. */
static GArray *
look_up (FmImapConn *conn, gint64 folder_id, const GArray *ranges, GHashTable *told, GArray *ret_missing)
{
  GArray *ids = g_array_new (FALSE, FALSE, sizeof (gint64));

  for (guint r = ranges->len; r-- > 0;)
    {
      const FmImapRange *range = &g_array_index (ranges, FmImapRange, r);
      for (guint64 uid = range->last; uid >= range->first; uid--)
        {
          gint64 id = fm_gmail_store_find (conn->reader, folder_id, (guint32) uid);
          FmImapRange one = { (guint32) uid, (guint32) uid };
          if (id == 0 && ret_missing && ret_missing->len < MAX_FETCHED)
            g_array_append_val (ret_missing, one);
          if (id != 0 && !g_hash_table_contains (told, &id))
            {
              g_hash_table_add (told, g_memdup2 (&id, sizeof id));
              g_array_append_val (ids, id);
            }
        }
    }
  return ids;
}

static int
compare_ranges (gconstpointer a, gconstpointer b)
{
  guint32 x = ((const FmImapRange *) a)->first, y = ((const FmImapRange *) b)->first;

  return x < y ? -1 : x > y;
}

static gboolean
fetch_missing (FmImapConn *conn, gint64 folder_id, GArray *missing, GError **error)
{
  gboolean good;

  g_array_sort (missing, compare_ranges);
  if (!fm_imap_claim_take (conn->worker, folder_id))
    {
      g_set_error_literal (error, FM_ERROR, FM_ERROR_CANCELLED, "stopped");
      return FALSE;
    }
  good = fm_imap_session_fetch_headers (conn->session, (const FmImapRange *) (void *) missing->data, missing->len, NULL, NULL, error)
         && fm_imap_collect_flush (conn->collect, error);
  fm_imap_claim_release (conn->worker, folder_id);
  return good;
}

/* The server's answer is bounded by what it says the folder holds. */
static gboolean
makes_sense (FmImapConn *conn, const GArray *ranges, GError **error)
{
  guint64 n = 0;

  for (guint i = 0; i < ranges->len; i++)
    n += (guint64) g_array_index (ranges, FmImapRange, i).last - g_array_index (ranges, FmImapRange, i).first + 1;
  if (n <= (guint64) fm_imap_session_selected (conn->session)->exists + MAX_FETCHED)
    return TRUE;
  g_set_error_literal (error, FM_ERROR, FM_ERROR_PROTOCOL, "the server finds more messages than it has");
  return FALSE;
}

gboolean
fm_imap_search_run (FmImapConn *conn, guint64 request_id, const char *text, GError **error)
{
  g_autoptr (FmFolderInfo) all = fm_folder_store_find_special (conn->reader, conn->worker->account_id, FM_SPECIAL_ALL, error);
  g_autoptr (GArray) ranges = g_array_new (FALSE, FALSE, sizeof (FmImapRange));
  g_autoptr (GArray) missing = g_array_new (FALSE, FALSE, sizeof (FmImapRange));
  g_autoptr (GHashTable) told = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  g_autoptr (GArray) ids = NULL, more = NULL;

  if (!all)
    {
      g_prefix_error (
          error, "%s shows no All Mail to programs (Gmail's settings, Labels), so it can't be searched there: ", conn->worker->spec->name);
      return FALSE;
    }
  if (!fm_imap_folder_select (conn, all->id, error) || !find (conn, text, ranges, error) || !makes_sense (conn, ranges, error))
    return FALSE;
  ids = look_up (conn, all->id, ranges, told, missing);
  if (ids->len > 0)
    tell (conn, request_id, ids, ids->len);
  if (missing->len == 0)
    return TRUE;
  if (!fetch_missing (conn, all->id, missing, error))
    return FALSE;
  more = look_up (conn, all->id, ranges, told, NULL);
  if (more->len > 0)
    tell (conn, request_id, more, ids->len + more->len);
  return TRUE;
}

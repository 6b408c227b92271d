/* What only a comparison tells: which messages of a folder are gone and which were missed. */
#include "sync/imap-collect.h"
#include "sync/imap-folder-private.h"
#include "sync/imap-hidden.h"
#include <fulmar/base/clock.h>
#include <fulmar/base/error.h>
#include <stdlib.h>

#define CHECK_EVERY_S (24 * 60 * 60)
#define MAX_LATE 1000 /* messages that may have come since EXISTS was told */

typedef struct {
  guint32 uid, flags;
} Known;

/* fm_message_store_uids gives pairs of words. */
static guint
count_known (const GArray *ours)
{
  return ours->len / 2;
}

/* Walks both ascending lists: what only we have is gone, what only the server has was missed. */
static void
compare_uids (const GArray *ours, const GArray *ranges, guint32 lowest_uid, GArray *ret_gone, GArray *ret_missed)
{
  const Known *known = (const Known *) (const void *) ours->data;
  guint at = 0, n = count_known (ours);

  for (guint r = 0; r < ranges->len; r++)
    {
      const FmImapRange *range = &g_array_index (ranges, FmImapRange, r);
      for (guint64 uid = range->first; uid <= range->last; uid++)
        {
          for (; at < n && known[at].uid < uid; at++)
            {
              FmImapRange gone = { known[at].uid, known[at].uid };
              g_array_append_val (ret_gone, gone);
            }
          if (at < n && known[at].uid == uid)
            at++;
          else if (uid >= lowest_uid)
            {
              FmImapRange missed = { uid, uid };
              g_array_append_val (ret_missed, missed);
            }
        }
    }
  for (; at < n; at++)
    {
      FmImapRange gone = { known[at].uid, known[at].uid };
      g_array_append_val (ret_gone, gone);
    }
}

static int
compare_ranges (gconstpointer a, gconstpointer b)
{
  guint32 x = ((const FmImapRange *) a)->first, y = ((const FmImapRange *) b)->first;

  return x < y ? -1 : x > y;
}

GArray *
fm_imap_compare_search (FmImapConn *conn, const char *criteria, GError **error)
{
  g_autoptr (GArray) ranges = g_array_new (FALSE, FALSE, sizeof (FmImapRange));
  guint64 n = 0;
  gboolean good;

  fm_imap_collect_divert (conn->collect, ranges, NULL);
  good = fm_imap_session_search (conn->session, criteria, error);
  fm_imap_collect_divert (conn->collect, NULL, NULL);
  if (!good)
    return NULL;
  g_array_sort (ranges, compare_ranges);
  for (guint i = 0; i < ranges->len; i++)
    n += (guint64) g_array_index (ranges, FmImapRange, i).last - g_array_index (ranges, FmImapRange, i).first + 1;
  if (n > (guint64) fm_imap_session_selected (conn->session)->exists + MAX_LATE)
    {
      g_set_error (error, FM_ERROR, FM_ERROR_PROTOCOL, "the server's list of messages makes no sense");
      return NULL;
    }
  return g_steal_pointer (&ranges);
}

typedef struct {
  const GArray *there, *ours;
} Sides;

static int
compare_to_known (gconstpointer uid, gconstpointer known)
{
  guint32 x = *(const guint32 *) uid, y = ((const Known *) known)->uid;

  return x < y ? -1 : x > y;
}

static int
compare_to_range (gconstpointer uid, gconstpointer range)
{
  guint32 x = *(const guint32 *) uid;

  return x < ((const FmImapRange *) range)->first ? -1 : x > ((const FmImapRange *) range)->last;
}

/* Still on the server, and not a row of ours (again). The pen asks for each that is hidden: both sides are ascending. */
static gboolean
stays_hidden (guint32 uid, gpointer data)
{
  const Sides *sides = data;

  /* An empty array may have no data at all, which bsearch must not be given. */
  gboolean is_ours = sides->ours->len > 0 && bsearch (&uid, sides->ours->data, count_known (sides->ours), sizeof (Known), compare_to_known);

  return !is_ours && sides->there->len > 0 && bsearch (&uid, sides->there->data, sides->there->len, sizeof (FmImapRange), compare_to_range);
}

gboolean
fm_imap_compare_folder (FmImapConn *conn, const FmFolderInfo *info, GError **error)
{
  g_autoptr (GArray) ranges = fm_imap_compare_search (conn, "ALL", error);
  g_autoptr (GArray) gone = g_array_new (FALSE, FALSE, sizeof (FmImapRange));
  g_autoptr (GArray) missed = g_array_new (FALSE, FALSE, sizeof (FmImapRange));
  g_autoptr (GArray) ours = NULL;

  if (!ranges || !fm_imap_collect_flush (conn->collect, error))
    return FALSE;
  /* What came in above the UIDNEXT of this visit, by an operation of another connection, the list may be too old to know. */
  if (!(ours = fm_message_store_uids (conn->reader, info->id, 1, MAX (info->uidnext, 2) - 1, error)))
    return FALSE;
  compare_uids (ours, ranges, info->lowest_uid, gone, missed);
  /* A mailbox that is not empty and of which nothing at all is left in the answer is a broken answer. */
  if (gone->len > 0 && ranges->len == 0 && fm_imap_session_selected (conn->session)->exists > 0)
    {
      g_set_error (error, FM_ERROR, FM_ERROR_PROTOCOL, "the server lists no message of a folder that has some");
      return FALSE;
    }
  Sides sides = { ranges, ours };
  g_autoptr (GArray) hidden = fm_imap_hidden_read (conn->reader, info->id, info->uidvalidity);
  if (hidden->len > 0 && !fm_imap_hidden_keep (conn, info->id, stays_hidden, &sides, error))
    return FALSE;
  fm_imap_collect_hide (conn->collect, g_steal_pointer (&hidden));
  if (gone->len > 0)
    fm_imap_collect_events ()->vanished (conn->collect, FALSE, (const FmImapRange *) (void *) gone->data, gone->len);
  if (missed->len > 0
      && !fm_imap_session_fetch_headers (conn->session, (const FmImapRange *) (void *) missed->data, missed->len, NULL, NULL, error))
    return FALSE;
  return fm_imap_collect_flush (conn->collect, error);
}

/* What the store should hold of this folder is as many messages as the server says, once the first visit is complete. */
gboolean
fm_imap_compare_counts (FmImapConn *conn, gint64 folder_id)
{
  g_autoptr (GArray) ours = fm_message_store_uids (conn->reader, folder_id, 1, G_MAXUINT32, NULL);
  g_autoptr (GArray) hidden = fm_imap_hidden_read (conn->reader, folder_id, fm_imap_session_selected (conn->session)->uidvalidity);

  return ours && count_known (ours) + fm_imap_hidden_count (hidden) == fm_imap_session_selected (conn->session)->exists;
}

/* --- the deep check --- */

typedef struct {
  gint64 folder_id, now_utc;
} Checked;

static char *
checked_key (gint64 folder_id)
{
  return g_strdup_printf ("checked.%" G_GINT64_FORMAT, folder_id);
}

static gboolean
checked_run (FmStoreWriter *writer, gpointer data, GError **error)
{
  const Checked *checked = data;
  g_autofree char *key = checked_key (checked->folder_id);
  g_autofree char *value = g_strdup_printf ("%" G_GINT64_FORMAT, checked->now_utc);

  return fm_db_meta_set (writer, key, value, error);
}

/* Seconds since; -1: never. */
static gint64
checked_ago (FmImapConn *conn, gint64 folder_id)
{
  g_autofree char *key = checked_key (folder_id);
  g_autofree char *value = fm_db_meta_get (conn->reader, key, NULL);

  return value ? MAX (fm_clock_now_utc () - g_ascii_strtoll (value, NULL, 10), 0) : -1;
}

gboolean
fm_imap_compare_is_due (FmImapConn *conn, const FmFolderInfo *info)
{
  Checked checked = { info->id, fm_clock_now_utc () };
  gint64 ago = checked_ago (conn, info->id);

  /* Its first visit was as good as a check. */
  if (ago < 0 && info->lowest_uid == 1)
    fm_pen_call (conn->worker->env->pen, FM_PEN_BULK, checked_run, &checked, NULL);
  return ago >= CHECK_EVERY_S && info->lowest_uid == 1;
}

void
fm_imap_compare_put_off (FmImapConn *conn, gint64 folder_id)
{
  Checked checked = { folder_id, fm_clock_now_utc () };

  fm_pen_call (conn->worker->env->pen, FM_PEN_BULK, checked_run, &checked, NULL);
}

gboolean
fm_imap_compare_deeply (FmImapConn *conn, gint64 folder_id, GError **error)
{
  g_autoptr (FmFolderInfo) info = NULL;
  Checked checked = { folder_id, fm_clock_now_utc () };

  if (!fm_imap_folder_visit (conn, folder_id, FM_IMAP_VISIT_FULL, error) || !(info = fm_folder_store_get (conn->reader, folder_id, error)))
    return FALSE;
  FmImapRange known = { 1, MAX (info->uidnext, 2) - 1 };
  if (!fm_imap_session_fetch_flags (conn->session, &known, 1, 0, error) || !fm_imap_compare_folder (conn, info, error))
    return FALSE;
  fm_imap_collect_tell (conn->collect);
  return fm_pen_call (conn->worker->env->pen, FM_PEN_BULK, checked_run, &checked, error);
}

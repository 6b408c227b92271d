/* A first visit: the newest screenful before anything else, then the rest, newest first, each stretch visible when it is on disk. */
#include "sync/imap-collect.h"
#include "sync/imap-folder-private.h"
#include <fulmar/base/error.h>
#include <fulmar/store/journal.h>

#define SCREENFUL 60
/* Of the newest messages a server mostly has everything at hand but their size: where Dovecot keeps Maildirs it reads a list of all files for that,
 * 0.3 s of 100,000. In a folder of so many the screen does not wait for it, but it costs a round trip afterwards. */
#define SIZES_LATER 2000

/* By Message-ID and size it is known again what waits for its UID here: only where nothing can, the size may be missing. */
static gboolean
may_lack_sizes (FmImapConn *conn, const FmFolderInfo *info, guint32 exists)
{
  g_autoptr (GArray) settling = exists >= SIZES_LATER && info->total == 0 ? fm_journal_settling (conn->reader, info->id, NULL) : NULL;

  return settling && settling->len == 0;
}

/* By sequence numbers: nothing else is known of them yet. */
static gboolean
fetch_newest (FmImapConn *conn, const FmImapRange *seqs, gboolean with_size, GError **error)
{
  GError *refused = NULL;

  fm_imap_session_queue_fetch_headers_by_seq (conn->session, seqs, with_size, fm_imap_folder_keep_error, &refused);
  if (!fm_imap_session_run (conn->session, error))
    {
      g_clear_error (&refused);
      return FALSE;
    }
  if (refused)
    {
      g_propagate_error (error, refused);
      return FALSE;
    }
  return fm_imap_collect_flush (conn->collect, error);
}

/* A server that tells none is no reason to have no list. */
static gboolean
fetch_sizes (FmImapConn *conn, GError **error)
{
  FmImapHeard heard = fm_imap_collect_heard (conn->collect);
  FmImapRange uids = { heard.lowest_uid, heard.highest_uid };

  if (uids.first == 0)
    return TRUE;
  fm_imap_session_queue_fetch_sizes (conn->session, &uids, 1, NULL, NULL);
  return fm_imap_session_run (conn->session, error) && fm_imap_collect_flush (conn->collect, error);
}

gboolean
fm_imap_first_screen (FmImapConn *conn, FmFolderInfo *info, GError **error)
{
  const FmImapSelected *now = fm_imap_session_selected (conn->session);
  FmImapMarks marks = { .folder_id = info->id, .modseq = now->highestmodseq };
  FmImapRange newest = { now->exists > SCREENFUL ? now->exists - SCREENFUL + 1 : 1, now->exists };
  gboolean sizes_later = may_lack_sizes (conn, info, now->exists);

  if (newest.last > 0 && (!fetch_newest (conn, &newest, !sizes_later, error) || (sizes_later && !fetch_sizes (conn, error))))
    return FALSE;
  marks.uidnext = fm_imap_folder_uidnext_after (conn, info);
  marks.lowest_uid = newest.first == 1 ? 1 : fm_imap_collect_heard (conn->collect).lowest_uid;
  /* Not one of them could be read: all of them are still to come. */
  if (marks.lowest_uid == 0)
    marks.lowest_uid = MAX (marks.uidnext, 2);
  marks.synced = newest.first == 1;
  if (!fm_imap_folder_set_marks (conn, &marks, error))
    return FALSE;
  info->lowest_uid = marks.lowest_uid;
  info->uidnext = marks.uidnext;
  fm_imap_collect_tell_quietly (conn->collect);
  return TRUE;
}

typedef struct {
  FmImapConn *conn;
  const FmFolderInfo *info;
  const GArray *ranges; /* FmImapRange, ascending */
  char *what;
  guint64 total;
} Backfill;

/* How many UIDs of RANGES are at or above LOWEST. */
static guint64
count_from (const GArray *ranges, guint32 lowest)
{
  guint64 n = 0;

  for (guint i = 0; i < ranges->len; i++)
    {
      const FmImapRange *range = &g_array_index (ranges, FmImapRange, i);
      if (range->last >= lowest)
        n += (guint64) range->last - MAX (range->first, lowest) + 1;
    }
  return n;
}

/* Whoever waits for the folder has it in between; what they do to it is seen here before more of it is written. */
static gboolean
let_others_in (Backfill *backfill)
{
  FmImapConn *conn = backfill->conn;
  g_autoptr (FmFolderInfo) now = NULL;

  if (!fm_imap_claim_is_wanted (conn->worker, backfill->info->id))
    return !fm_imap_worker_stopping (conn->worker);
  if (!fm_imap_claim_yield (conn->worker, backfill->info->id))
    return FALSE;
  now = fm_folder_store_get (conn->reader, backfill->info->id, NULL);
  return now && now->uidvalidity == fm_imap_session_selected (conn->session)->uidvalidity;
}

static gboolean
go_on (gpointer data)
{
  return let_others_in (data);
}

static gboolean
on_landed (gpointer data, guint32 lowest)
{
  Backfill *backfill = data;
  FmImapConn *conn = backfill->conn;

  if (!fm_imap_collect_mark (conn->collect, lowest))
    return FALSE;
  fm_imap_tell_progress (conn->worker, 0, backfill->what, count_from (backfill->ranges, lowest), backfill->total);
  return let_others_in (backfill);
}

static gboolean
backfill (FmImapConn *conn, FmFolderInfo *info, GError **error)
{
  g_autofree char *criteria = g_strdup_printf ("UID 1:%u", info->lowest_uid - 1);
  g_autofree char *what = g_strdup_printf ("%s/%s: headers", conn->worker->spec->name, info->name);
  g_autoptr (GArray) ranges = fm_imap_compare_search (conn, criteria, error);
  g_autoptr (GError) stopped = NULL;
  gboolean good;

  if (!ranges)
    return FALSE;
  Backfill fill = { conn, info, ranges, what, count_from (ranges, 1) };
  gboolean is_stopped = FALSE;
  if (!fm_imap_known_take (conn, info, ranges, go_on, &fill, &is_stopped, error))
    return FALSE;
  if (is_stopped)
    {
      g_set_error_literal (error, FM_ERROR, FM_ERROR_CANCELLED, "stopped");
      return FALSE;
    }
  fill.total = count_from (ranges, 1);
  good
      = fm_imap_session_fetch_headers (conn->session, (const FmImapRange *) (void *) ranges->data, ranges->len, on_landed, &fill, &stopped);
  /* A slice that could not be written is why it was stopped. */
  if (!fm_imap_collect_flush (conn->collect, error))
    return FALSE;
  if (!good)
    g_propagate_error (error, g_steal_pointer (&stopped));
  fm_imap_collect_tell_quietly (conn->collect);
  info->lowest_uid = good ? 1 : info->lowest_uid;
  return good;
}

gboolean
fm_imap_first_finish (FmImapConn *conn, FmFolderInfo *info, GArray *settling, GError **error)
{
  FmImapMarks marks = { .folder_id = info->id, .lowest_uid = 1, .synced = TRUE, .rematch = TRUE, .settling = settling };

  if (info->lowest_uid > 1 && !backfill (conn, info, error))
    return FALSE;
  return fm_imap_folder_set_marks (conn, &marks, error);
}

/* A visit to a folder: the ladder of mail-rules. What changed comes with SELECT where QRESYNC is spoken, by FETCH CHANGEDSINCE where only CONDSTORE
 * is, and else by comparing all flags; new mail by UID from UIDNEXT on; on a first visit the newest screenful before anything else, then the
 * rest, newest first, a few thousand headers a step, each step visible when it is on disk. HIGHESTMODSEQ is noted after everything that
 * SELECT told has been committed, in the same lane of the pen, so a crash can only make the next visit hear something twice. */
#include "sync/imap-collect.h"
#include "sync/imap-private.h"
#include <fulmar/base/clock.h>
#include <fulmar/base/error.h>
#include <fulmar/base/log.h>
#include <fulmar/store/journal.h>
#include <string.h>

#define SCREENFUL 60
#define STEP_HEADERS 4000

/* --- marks --- */

typedef struct {
  gint64 folder_id;
  guint32 uidvalidity, uidnext, lowest_uid;
  guint64 modseq;
  gboolean synced, rematch;
  GArray *settling;          /* gint64: operations that were to be met here when the visit began; with rematch */
  gboolean validity_changed; /* out */
} Marks;

static gboolean
validity_run (FmStoreWriter *writer, gpointer data, GError **error)
{
  Marks *marks = data;

  return fm_folder_store_set_uidvalidity (writer, marks->folder_id, marks->uidvalidity, &marks->validity_changed, error);
}

static gboolean
marks_run (FmStoreWriter *writer, gpointer data, GError **error)
{
  const Marks *marks = data;
  guint gone = 0;

  if (marks->lowest_uid && !fm_folder_store_set_lowest_uid (writer, marks->folder_id, marks->lowest_uid, error))
    return FALSE;
  if (marks->uidnext && !fm_folder_store_set_uidnext (writer, marks->folder_id, marks->uidnext, error))
    return FALSE;
  if (marks->modseq && !fm_folder_store_set_modseq (writer, marks->folder_id, marks->modseq, error))
    return FALSE;
  if (marks->rematch
      && (!fm_folder_store_end_rematch (writer, marks->folder_id, &gone, error)
          || !fm_journal_settle_missing (writer, marks->folder_id, marks->settling, &gone, error)))
    return FALSE;
  return !marks->synced || fm_folder_store_set_synced (writer, marks->folder_id, fm_clock_now_utc (), 0, error);
}

static gboolean
set_marks (FmImapConn *conn, Marks *marks, GError **error)
{
  return fm_pen_call (conn->worker->env->pen, FM_PEN_BULK, marks_run, marks, error);
}

/* --- selecting --- */

static gboolean
is_selected (FmImapConn *conn, const FmFolderInfo *info)
{
  const FmImapSelected *now = fm_imap_session_selected (conn->session);

  /* What was said of it while the collector looked elsewhere (a LIST in between) is lost: then it is selected anew, from the known MODSEQ. */
  return now->name && strcmp (now->name, info->remote_name) == 0 && fm_imap_collect_folder (conn->collect) == info->id;
}

static gboolean
select_folder (FmImapConn *conn, const FmFolderInfo *info, gboolean *ret_resynced, GError **error)
{
  FmImapSelectOptions options = { 0 };

  *ret_resynced = FALSE;
  if (info->wire_name)
    fm_imap_session_teach_name (conn->session, info->remote_name, info->wire_name);
  if (info->lowest_uid && info->uidnext > 1 && info->highestmodseq && fm_imap_session_has (conn->session, FM_IMAP_CAP_QRESYNC))
    {
      options.known_uidvalidity = info->uidvalidity;
      options.known_modseq = info->highestmodseq;
      options.known_uid_last = info->uidnext - 1;
      *ret_resynced = TRUE;
    }
  fm_imap_collect_begin (conn->collect, info->id);
  if (!fm_imap_session_select (conn->session, info->remote_name, &options, error))
    {
      g_prefix_error (error, "%s/%s: ", conn->worker->spec->name, info->name);
      return FALSE;
    }
  *ret_resynced = *ret_resynced && fm_imap_session_is_enabled (conn->session, FM_IMAP_CAP_QRESYNC);
  return TRUE;
}

static gboolean
check_validity (FmImapConn *conn, gint64 folder_id, gboolean *ret_changed, GError **error)
{
  Marks marks = { .folder_id = folder_id, .uidvalidity = fm_imap_session_selected (conn->session)->uidvalidity };

  if (!fm_pen_call (conn->worker->env->pen, FM_PEN_BULK, validity_run, &marks, error))
    return FALSE;
  *ret_changed = marks.validity_changed;
  if (marks.validity_changed)
    fm_log_debug ("imap: %s: UIDVALIDITY of folder %" G_GINT64_FORMAT " changed: matching its messages again", conn->worker->spec->name,
                  folder_id);
  return TRUE;
}

static gboolean
select_for_work (FmImapConn *conn, const FmFolderInfo *info, GError **error)
{
  gboolean resynced, changed;

  if (!select_folder (conn, info, &resynced, error) || !fm_imap_collect_flush (conn->collect, error)
      || !check_validity (conn, info->id, &changed, error))
    return FALSE;
  if (changed)
    fm_imap_worker_want_visit (conn->worker, info->id);
  return TRUE;
}

gboolean
fm_imap_folder_select (FmImapConn *conn, gint64 folder_id, GError **error)
{
  g_autoptr (FmFolderInfo) info = fm_folder_store_get (conn->reader, folder_id, error);

  return info && (is_selected (conn, info) || select_for_work (conn, info, error));
}

gboolean
fm_imap_folder_select_again (FmImapConn *conn, gint64 folder_id, GError **error)
{
  g_autoptr (FmFolderInfo) info = fm_folder_store_get (conn->reader, folder_id, error);

  return info && select_for_work (conn, info, error);
}

/* --- new mail --- */

static void
keep_error (gpointer data, const GError *error)
{
  GError **slot = data;

  if (error && !*slot)
    *slot = g_error_copy (error);
}

/* Headers from FIRST on. With UIDNEXT told, in chunks that a poisonous message can't break as a whole; else to the open end in one command. */
static gboolean
fetch_from (FmImapConn *conn, guint32 first, GError **error)
{
  guint32 uidnext = fm_imap_session_selected (conn->session)->uidnext;
  FmImapRange range = { first, uidnext > first ? uidnext - 1 : G_MAXUINT32 };
  GError *refused = NULL;

  if (range.last != G_MAXUINT32)
    return fm_imap_session_fetch_headers (conn->session, &range, 1, error) && fm_imap_collect_flush (conn->collect, error);
  fm_imap_session_queue_fetch_headers (conn->session, &range, 1, keep_error, &refused);
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

static guint32
uidnext_after (FmImapConn *conn, const FmFolderInfo *info)
{
  guint32 told = fm_imap_session_selected (conn->session)->uidnext;
  guint32 highest = fm_imap_collect_heard (conn->collect).highest_uid;

  return MAX (MAX (told, highest + 1), info->uidnext);
}

static gboolean
first_screen (FmImapConn *conn, FmFolderInfo *info, GError **error)
{
  const FmImapSelected *now = fm_imap_session_selected (conn->session);
  Marks marks = { .folder_id = info->id, .modseq = now->highestmodseq };
  guint32 exists = now->exists, from = exists > SCREENFUL ? exists - SCREENFUL + 1 : 1;
  GError *refused = NULL;

  if (exists > 0)
    {
      fm_imap_session_queue_fetch_headers_by_seq (conn->session, from, exists, keep_error, &refused);
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
      if (!fm_imap_collect_flush (conn->collect, error))
        return FALSE;
    }
  marks.uidnext = uidnext_after (conn, info);
  marks.lowest_uid = from == 1 ? 1 : fm_imap_collect_heard (conn->collect).lowest_uid;
  /* Not one of them could be read: all of them are still to come. */
  if (marks.lowest_uid == 0)
    marks.lowest_uid = MAX (marks.uidnext, 2);
  marks.synced = from == 1;
  if (!set_marks (conn, &marks, error))
    return FALSE;
  info->lowest_uid = marks.lowest_uid;
  info->uidnext = marks.uidnext;
  fm_imap_tell_folder (conn->worker, info->id, 0);
  return TRUE;
}

static gboolean
fetch_new (FmImapConn *conn, FmFolderInfo *info, GError **error)
{
  const FmImapSelected *now = fm_imap_session_selected (conn->session);
  Marks marks = { .folder_id = info->id };

  if (now->exists > 0 && (now->uidnext == 0 || now->uidnext > info->uidnext) && !fetch_from (conn, info->uidnext, error))
    return FALSE;
  marks.uidnext = uidnext_after (conn, info);
  if (marks.uidnext > info->uidnext && !set_marks (conn, &marks, error))
    return FALSE;
  info->uidnext = marks.uidnext;
  return TRUE;
}

/* --- old mail: what is gone, what changed --- */

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

/* Which UIDs are there at all: UID SEARCH ALL against the store. */
static gboolean
compare_folder (FmImapConn *conn, const FmFolderInfo *info, GError **error)
{
  g_autoptr (GArray) ranges = g_array_new (FALSE, FALSE, sizeof (FmImapRange));
  g_autoptr (GArray) gone = g_array_new (FALSE, FALSE, sizeof (FmImapRange));
  g_autoptr (GArray) missed = g_array_new (FALSE, FALSE, sizeof (FmImapRange));
  g_autoptr (GArray) ours = NULL;
  gboolean good;

  fm_imap_collect_divert (conn->collect, ranges, NULL);
  good = fm_imap_session_search (conn->session, "ALL", error);
  fm_imap_collect_divert (conn->collect, NULL, NULL);
  if (!good || !fm_imap_collect_flush (conn->collect, error))
    return FALSE;
  if (ranges->len > 0 && g_array_index (ranges, FmImapRange, ranges->len - 1).last > info->uidnext + (1u << 24))
    {
      g_set_error (error, FM_ERROR, FM_ERROR_PROTOCOL, "the server's list of messages makes no sense");
      return FALSE;
    }
  g_array_sort (ranges, compare_ranges);
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
  if (gone->len > 0)
    fm_imap_collect_events ()->vanished (conn->collect, FALSE, (const FmImapRange *) (void *) gone->data, gone->len);
  if (missed->len > 0 && !fm_imap_session_fetch_headers (conn->session, (const FmImapRange *) (void *) missed->data, missed->len, error))
    return FALSE;
  return fm_imap_collect_flush (conn->collect, error);
}

/* What the store should hold of this folder is as many messages as the server says, once the first visit is complete. */
static gboolean
counts_agree (FmImapConn *conn, gint64 folder_id)
{
  g_autoptr (GArray) ours = fm_message_store_uids (conn->reader, folder_id, 1, G_MAXUINT32, NULL);

  return ours && count_known (ours) == fm_imap_session_selected (conn->session)->exists;
}

static gboolean
fetch_changes (FmImapConn *conn, const FmFolderInfo *info, gboolean resynced, GError **error)
{
  FmImapRange known = { info->lowest_uid > 1 ? info->lowest_uid : 1, MAX (info->uidnext, 2) - 1 };
  gboolean condstore = info->highestmodseq && fm_imap_session_has (conn->session, FM_IMAP_CAP_CONDSTORE)
                       && fm_imap_session_selected (conn->session)->highestmodseq;

  if (resynced)
    return TRUE;
  if (condstore && fm_imap_session_selected (conn->session)->highestmodseq == info->highestmodseq)
    return TRUE;
  return fm_imap_session_fetch_flags (conn->session, &known, 1, condstore ? info->highestmodseq : 0, error);
}

/* --- the rest of a first visit --- */

static guint64
count_ranges (const GArray *ranges)
{
  guint64 n = 0;

  for (guint i = 0; i < ranges->len; i++)
    n += (guint64) g_array_index (ranges, FmImapRange, i).last - g_array_index (ranges, FmImapRange, i).first + 1;
  return n;
}

/* Cuts the newest STEP_HEADERS UIDs off the end of RANGES. */
static GArray *
take_newest (GArray *ranges)
{
  GArray *step = g_array_new (FALSE, FALSE, sizeof (FmImapRange));
  guint64 room = STEP_HEADERS;

  while (room > 0 && ranges->len > 0)
    {
      FmImapRange *last = &g_array_index (ranges, FmImapRange, ranges->len - 1);
      guint64 size = (guint64) last->last - last->first + 1;
      FmImapRange part = *last;
      if (size > room)
        {
          part.first = last->last - room + 1;
          last->last = part.first - 1;
          size = room;
        }
      else
        g_array_set_size (ranges, ranges->len - 1);
      g_array_prepend_val (step, part);
      room -= size;
    }
  return step;
}

static gboolean
backfill (FmImapConn *conn, FmFolderInfo *info, GError **error)
{
  g_autoptr (GArray) ranges = g_array_new (FALSE, FALSE, sizeof (FmImapRange));
  g_autofree char *criteria = g_strdup_printf ("UID 1:%u", info->lowest_uid - 1);
  g_autofree char *what = g_strdup_printf ("%s/%s: headers", conn->worker->spec->name, info->name);
  guint64 total, done = 0;
  gboolean good;

  fm_imap_collect_divert (conn->collect, ranges, NULL);
  good = fm_imap_session_search (conn->session, criteria, error);
  fm_imap_collect_divert (conn->collect, NULL, NULL);
  if (!good)
    return FALSE;
  g_array_sort (ranges, compare_ranges);
  total = count_ranges (ranges);
  while (ranges->len > 0)
    {
      g_autoptr (GArray) step = take_newest (ranges);
      Marks marks = { .folder_id = info->id, .lowest_uid = MAX (g_array_index (step, FmImapRange, 0).first, 1) };
      if (!fm_imap_session_fetch_headers (conn->session, (const FmImapRange *) (void *) step->data, step->len, error)
          || !fm_imap_collect_flush (conn->collect, error) || !set_marks (conn, &marks, error))
        return FALSE;
      done += count_ranges (step);
      fm_imap_tell_folder (conn->worker, info->id, 0);
      fm_imap_tell_progress (conn->worker, 0, what, done, total);
      if (!fm_imap_claim_yield (conn->worker, info->id))
        {
          g_set_error_literal (error, FM_ERROR, FM_ERROR_CANCELLED, "stopped");
          return FALSE;
        }
    }
  info->lowest_uid = 1;
  return TRUE;
}

static gboolean
finish_first_visit (FmImapConn *conn, FmFolderInfo *info, GArray *settling, GError **error)
{
  Marks marks = { .folder_id = info->id, .lowest_uid = 1, .synced = TRUE, .rematch = TRUE, .settling = settling };

  if (info->lowest_uid > 1 && !backfill (conn, info, error))
    return FALSE;
  return set_marks (conn, &marks, error);
}

/* --- a visit --- */

static gboolean
return_visit (FmImapConn *conn, FmFolderInfo *info, gboolean resynced, guint64 modseq, GError **error)
{
  Marks marks = { .folder_id = info->id, .modseq = modseq };

  if (!fetch_new (conn, info, error) || !fetch_changes (conn, info, resynced, error) || !fm_imap_collect_flush (conn->collect, error))
    return FALSE;
  fm_imap_collect_tell (conn->collect);
  if (info->lowest_uid == 1 && !counts_agree (conn, info->id) && !compare_folder (conn, info, error))
    return FALSE;
  fm_imap_collect_tell (conn->collect);
  return modseq == 0 || modseq == info->highestmodseq || set_marks (conn, &marks, error);
}

gboolean
fm_imap_folder_visit (FmImapConn *conn, gint64 folder_id, FmImapVisitDepth depth, GError **error)
{
  g_autoptr (FmFolderInfo) info = fm_folder_store_get (conn->reader, folder_id, error);
  /* Before the server is asked: what begins to settle later may not be in its answer yet. */
  g_autoptr (GArray) settling = fm_journal_settling (conn->reader, folder_id, error);
  gboolean resynced = FALSE, changed = FALSE, exists, need_uids;
  guint64 modseq;

  if (!info || !settling)
    return FALSE;
  if (!info->selectable || !*info->remote_name)
    return TRUE;
  if (is_selected (conn, info))
    {
      if (!fm_imap_session_noop (conn->session, error))
        return FALSE;
    }
  else if (!select_folder (conn, info, &resynced, error))
    return FALSE;
  modseq = fm_imap_session_selected (conn->session)->highestmodseq;
  if (!fm_imap_collect_flush (conn->collect, error) || !check_validity (conn, folder_id, &changed, error))
    return FALSE;
  if (changed)
    {
      fm_folder_store_free (g_steal_pointer (&info));
      if (!(info = fm_folder_store_get (conn->reader, folder_id, error)))
        return FALSE;
      fm_imap_collect_reset (conn->collect);
    }
  /* Its operations are frozen until every message of it has been matched again. */
  if (changed && depth == FM_IMAP_VISIT_SCREEN)
    fm_imap_worker_want_visit (conn->worker, folder_id);
  /* SELECT's own EXISTS is answered by what follows; any later one is not. */
  fm_imap_collect_take_news (conn->collect, &exists, &need_uids);
  if (info->lowest_uid == 0)
    {
      if (!first_screen (conn, info, error))
        return FALSE;
    }
  else if (!return_visit (conn, info, resynced, modseq, error))
    return FALSE;
  return depth == FM_IMAP_VISIT_SCREEN || finish_first_visit (conn, info, settling, error);
}

/* One look at what was said. */
static gboolean
catch_up_once (FmImapConn *conn, gint64 folder_id, GError **error)
{
  g_autoptr (FmFolderInfo) info = NULL;
  guint64 since;
  guint32 next;
  gboolean exists, need_uids;

  fm_imap_collect_take_news (conn->collect, &exists, &need_uids);
  if (!fm_imap_collect_flush (conn->collect, error) || !(info = fm_folder_store_get (conn->reader, folder_id, error)))
    return FALSE;
  FmImapRange known = { 1, MAX (info->uidnext, 2) - 1 };
  since = fm_imap_session_has (conn->session, FM_IMAP_CAP_CONDSTORE) ? info->highestmodseq : 0;
  /* UIDNEXT is not told with EXISTS: ask from the one we know. */
  if (exists && !fetch_from (conn, MAX (info->uidnext, 1), error))
    return FALSE;
  if (need_uids && (!fm_imap_session_fetch_flags (conn->session, &known, 1, since, error) || !compare_folder (conn, info, error)))
    return FALSE;
  if (!fm_imap_collect_flush (conn->collect, error))
    return FALSE;
  next = fm_imap_collect_heard (conn->collect).highest_uid + 1;
  if (next > info->uidnext)
    {
      Marks marks = { .folder_id = folder_id, .uidnext = next };
      if (!set_marks (conn, &marks, error))
        return FALSE;
    }
  fm_imap_collect_tell (conn->collect);
  return TRUE;
}

/* News that comes while the last is fetched is said only once, so it is looked at until there is none. */
gboolean
fm_imap_folder_catch_up (FmImapConn *conn, gint64 folder_id, GError **error)
{
  do
    if (!catch_up_once (conn, folder_id, error))
      return FALSE;
  while (fm_imap_collect_has_news (conn->collect) && !fm_imap_worker_stopping (conn->worker));
  return TRUE;
}

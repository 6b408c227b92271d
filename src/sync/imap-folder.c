/* A visit to a folder: the ladder of mail-rules. What changed comes with SELECT where QRESYNC is spoken, by FETCH CHANGEDSINCE where only CONDSTORE
 * is, and else by comparing all flags; new mail by UID from UIDNEXT on; on a first visit the newest screenful before anything else, then the
 * rest, newest first, a few thousand headers a step, each step visible when it is on disk. HIGHESTMODSEQ is noted after everything that
 * SELECT told has been committed, in the same lane of the pen, so a crash can only make the next visit hear something twice. */
#include "sync/imap-collect.h"
#include "sync/imap-folder-private.h"
#include "sync/imap-hidden.h"
#include <fulmar/base/clock.h>
#include <fulmar/base/error.h>
#include <fulmar/base/log.h>
#include <fulmar/store/folder-access.h>
#include <fulmar/store/journal.h>
#include <string.h>

/* --- marks --- */

static gboolean
validity_run (FmStoreWriter *writer, gpointer data, GError **error)
{
  FmImapMarks *marks = data;

  return fm_folder_store_set_uidvalidity (writer, marks->folder_id, marks->uidvalidity, &marks->validity_changed, error);
}

static gboolean
marks_run (FmStoreWriter *writer, gpointer data, GError **error)
{
  const FmImapMarks *marks = data;
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

gboolean
fm_imap_folder_set_marks (FmImapConn *conn, FmImapMarks *marks, GError **error)
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

void
fm_imap_folder_queue_select (FmImapConn *conn, const FmFolderInfo *info, FmImapSelecting *selecting)
{
  FmImapSelectOptions options = { 0 };

  *selecting = (FmImapSelecting){ 0 };
  if (info && info->wire_name)
    fm_imap_session_teach_name (conn->session, info->remote_name, info->wire_name);
  if (info && info->lowest_uid && info->uidnext > 1 && info->highestmodseq && fm_imap_session_has (conn->session, FM_IMAP_CAP_QRESYNC))
    {
      options.known_uidvalidity = info->uidvalidity;
      options.known_modseq = info->highestmodseq;
      options.known_uid_last = info->uidnext - 1;
      selecting->resynced = TRUE;
    }
  fm_imap_collect_begin (conn->collect, info ? info->id : 0);
  conn->view_uidnext = 0;
  fm_imap_session_queue_select (conn->session, info ? info->remote_name : "INBOX", &options, fm_imap_folder_keep_error, &selecting->error);
  /* Known before the user tries something, by the same turn. */
  if (info && fm_imap_session_has (conn->session, FM_IMAP_CAP_ACL))
    fm_imap_session_queue_rights (conn->session, info->remote_name, NULL, NULL);
}

static gboolean
select_folder (FmImapConn *conn, const FmFolderInfo *info, gboolean *ret_resynced, GError **error)
{
  FmImapSelecting selecting;

  fm_imap_folder_queue_select (conn, info, &selecting);
  fm_imap_session_run (conn->session, NULL);
  if (selecting.error)
    {
      g_propagate_prefixed_error (error, selecting.error, "%s/%s: ", conn->worker->spec->name, info->name);
      return FALSE;
    }
  *ret_resynced = selecting.resynced && fm_imap_session_is_enabled (conn->session, FM_IMAP_CAP_QRESYNC);
  return TRUE;
}

static gboolean
check_validity (FmImapConn *conn, gint64 folder_id, gboolean *ret_changed, GError **error)
{
  FmImapMarks marks = { .folder_id = folder_id, .uidvalidity = fm_imap_session_selected (conn->session)->uidvalidity };

  if (!fm_pen_call (conn->worker->env->pen, FM_PEN_BULK, validity_run, &marks, error))
    return FALSE;
  *ret_changed = marks.validity_changed;
  if (marks.validity_changed)
    fm_log_debug ("imap: %s: UIDVALIDITY of folder %" G_GINT64_FORMAT " changed: matching its messages again", conn->worker->spec->name,
                  folder_id);
  return TRUE;
}

typedef struct {
  gint64 folder_id;
  guint access;
  const char *rights;
} Access;

static gboolean
access_run (FmStoreWriter *writer, gpointer data, GError **error)
{
  const Access *access = data;

  return fm_folder_store_set_access (writer, access->folder_id, access->access, access->rights, error);
}

/* What may be done in the folder just selected, where that has changed. */
static gboolean
note_access (FmImapConn *conn, const FmFolderInfo *info, GError **error)
{
  const FmImapSelected *now = fm_imap_session_selected (conn->session);
  Access access = { info->id, FM_ACCESS_KNOWN | now->permanent_flags, fm_imap_collect_rights (conn->collect) };

  access.access |= (now->read_only ? FM_ACCESS_READ_ONLY : 0) | (now->keywords_allowed ? FM_ACCESS_KEYWORDS : 0);
  if (access.access == info->access && g_strcmp0 (access.rights, info->rights) == 0)
    return TRUE;
  if (!fm_pen_call (conn->worker->env->pen, FM_PEN_BULK, access_run, &access, error))
    return FALSE;
  fm_imap_tell_tree (conn->worker);
  return TRUE;
}

static gboolean
select_for_work (FmImapConn *conn, const FmFolderInfo *info, GError **error)
{
  gboolean resynced, changed;

  if (!select_folder (conn, info, &resynced, error) || !fm_imap_collect_flush (conn->collect, error)
      || !check_validity (conn, info->id, &changed, error) || !note_access (conn, info, error))
    return FALSE;
  if (changed)
    fm_imap_worker_want_visit (conn->worker, info->id, NULL);
  return TRUE;
}

gboolean
fm_imap_folder_select (FmImapConn *conn, gint64 folder_id, GError **error)
{
  g_autoptr (FmFolderInfo) info = fm_folder_store_get (conn->reader, folder_id, error);

  return info && (is_selected (conn, info) || select_for_work (conn, info, error));
}

gboolean
fm_imap_folder_look_for (FmImapConn *conn, guint32 uid, GError **error)
{
  if (uid < MAX (conn->view_uidnext, fm_imap_session_selected (conn->session)->uidnext))
    return TRUE;
  if (!fm_imap_session_noop (conn->session, error))
    return FALSE;
  conn->view_uidnext = uid + 1;
  return TRUE;
}

gboolean
fm_imap_folder_select_again (FmImapConn *conn, gint64 folder_id, GError **error)
{
  g_autoptr (FmFolderInfo) info = fm_folder_store_get (conn->reader, folder_id, error);

  return info && select_for_work (conn, info, error);
}

/* --- new mail --- */

void
fm_imap_folder_keep_error (gpointer data, const GError *error)
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
  /* Nothing is known of a folder whose UIDVALIDITY changed in a life that ended then. */
  FmImapRange range = { MAX (first, 1), uidnext > first ? uidnext - 1 : G_MAXUINT32 };
  GError *refused = NULL;

  if (range.last != G_MAXUINT32)
    return fm_imap_session_fetch_headers (conn->session, &range, 1, NULL, NULL, error) && fm_imap_collect_flush (conn->collect, error);
  fm_imap_session_queue_fetch_headers (conn->session, &range, 1, fm_imap_folder_keep_error, &refused);
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

guint32
fm_imap_folder_uidnext_after (FmImapConn *conn, const FmFolderInfo *info)
{
  guint32 told = fm_imap_session_selected (conn->session)->uidnext;
  guint32 highest = fm_imap_collect_heard (conn->collect).highest_uid;

  return MAX (MAX (told, highest + 1), info->uidnext);
}

/* The UID after the last that is known here, told by a COPYUID or an APPENDUID perhaps. */
static guint32
after_known (FmImapConn *conn, const FmFolderInfo *info)
{
  g_autoptr (GArray) known = fm_message_store_uids (conn->reader, info->id, info->uidnext, G_MAXUINT32, NULL);

  return known && known->len > 1 ? g_array_index (known, guint32, known->len - 2) + 1 : 0;
}

static gboolean
fetch_new (FmImapConn *conn, FmFolderInfo *info, GError **error)
{
  const FmImapSelected *now = fm_imap_session_selected (conn->session);
  FmImapMarks marks = { .folder_id = info->id };
  /* Where no UIDNEXT is told, what was known before all that is new is asked for, and is not in the answer, is gone and not yet to come. */
  guint32 known = now->uidnext == 0 ? after_known (conn, info) : 0;

  if (now->exists > 0 && (now->uidnext == 0 || now->uidnext > info->uidnext) && !fetch_from (conn, info->uidnext, error))
    return FALSE;
  marks.uidnext = MAX (fm_imap_folder_uidnext_after (conn, info), known);
  if (marks.uidnext > info->uidnext && !fm_imap_folder_set_marks (conn, &marks, error))
    return FALSE;
  info->uidnext = marks.uidnext;
  return TRUE;
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

/* --- a visit --- */

static gboolean
return_visit (FmImapConn *conn, FmFolderInfo *info, gboolean resynced, guint64 modseq, GError **error)
{
  FmImapMarks marks = { .folder_id = info->id, .modseq = modseq };

  if (!fetch_new (conn, info, error) || !fetch_changes (conn, info, resynced, error) || !fm_imap_collect_flush (conn->collect, error))
    return FALSE;
  fm_imap_collect_tell (conn->collect);
  FmImapHeard heard = fm_imap_collect_heard (conn->collect);
  if (info->lowest_uid == 1 && (heard.need_uids || heard.unknown || !fm_imap_compare_counts (conn, info->id))
      && !fm_imap_compare_folder (conn, info, error))
    return FALSE;
  fm_imap_collect_tell (conn->collect);
  return modseq == 0 || modseq == info->highestmodseq || fm_imap_folder_set_marks (conn, &marks, error);
}

/* The folder is selected, and what that told is on its way to the store. SETTLING: NULL at the depth of a screen. */
static gboolean
visit_selected (FmImapConn *conn, FmFolderInfo *known, gboolean resynced, GArray *settling, GError **error)
{
  g_autoptr (FmFolderInfo) info = known;
  guint64 modseq = fm_imap_session_selected (conn->session)->highestmodseq;
  gboolean changed = FALSE, exists, need_uids;

  if (!fm_imap_collect_flush (conn->collect, error) || !check_validity (conn, info->id, &changed, error))
    return FALSE;
  /* A folder that was made ours only after its SELECT has not been asked about its rights. */
  if ((fm_imap_collect_rights (conn->collect) || !fm_imap_session_has (conn->session, FM_IMAP_CAP_ACL)) && !note_access (conn, info, error))
    return FALSE;
  if (changed)
    {
      gint64 folder_id = info->id;
      fm_folder_store_free (g_steal_pointer (&info));
      if (!(info = fm_folder_store_get (conn->reader, folder_id, error)))
        return FALSE;
      fm_imap_collect_reset (conn->collect);
    }
  /* Its operations are frozen until every message of it has been matched again. */
  if (changed && !settling)
    fm_imap_worker_want_visit (conn->worker, info->id, NULL);
  /* SELECT's own EXISTS is answered by what follows; any later one is not. */
  fm_imap_collect_take_news (conn->collect, &exists, &need_uids);
  fm_imap_collect_hide (conn->collect, fm_imap_hidden_read (conn->reader, info->id, info->uidvalidity));
  conn->seen_uidnext = fm_imap_session_selected (conn->session)->uidnext;
  if (conn->seen_uidnext == 0)
    conn->seen_uidnext = info->uidnext;
  if (info->lowest_uid == 0)
    {
      if (!fm_imap_first_screen (conn, info, error))
        return FALSE;
    }
  else if (!return_visit (conn, info, resynced, modseq, error))
    return FALSE;
  return !settling || fm_imap_first_finish (conn, info, settling, error);
}

gboolean
fm_imap_folder_visit (FmImapConn *conn, gint64 folder_id, FmImapVisitDepth depth, GError **error)
{
  g_autoptr (FmFolderInfo) info = fm_folder_store_get (conn->reader, folder_id, error);
  /* Before the server is asked: what begins to settle later may not be in its answer yet. */
  g_autoptr (GArray) settling = fm_journal_settling (conn->reader, folder_id, error);
  gboolean resynced = FALSE;

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
  return visit_selected (conn, g_steal_pointer (&info), resynced, depth == FM_IMAP_VISIT_SCREEN ? NULL : settling, error);
}

gboolean
fm_imap_folder_visit_selected (FmImapConn *conn, gint64 folder_id, const FmImapSelecting *selecting, GError **error)
{
  g_autoptr (FmFolderInfo) info = fm_folder_store_get (conn->reader, folder_id, error);

  if (!info)
    return FALSE;
  /* It was selected before it had a row here: nothing was known of it, so what SELECT told of single messages is nothing new. */
  if (fm_imap_collect_folder (conn->collect) != folder_id)
    fm_imap_collect_begin (conn->collect, folder_id);
  return visit_selected (conn, g_steal_pointer (&info),
                         selecting->resynced && fm_imap_session_is_enabled (conn->session, FM_IMAP_CAP_QRESYNC), NULL, error);
}

/* A message that is new to this session may be known here by another, and have changed since: then nobody tells its flags but for the asking. */
static void
queue_flags_of_known (FmImapConn *conn, const FmFolderInfo *info)
{
  FmImapRange known = { MAX (MAX (conn->seen_uidnext, fm_imap_collect_heard (conn->collect).seen_uid + 1), 1), MAX (info->uidnext, 2) - 1 };

  if (known.first <= known.last)
    fm_imap_session_queue_fetch_flags (conn->session, &known, 1, 0, NULL, NULL);
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
  if (exists)
    queue_flags_of_known (conn, info);
  /* UIDNEXT is not told with EXISTS: ask from the one we know. */
  if (exists && !fetch_from (conn, MAX (info->uidnext, 1), error))
    return FALSE;
  if (need_uids && (!fm_imap_session_fetch_flags (conn->session, &known, 1, since, error) || !fm_imap_compare_folder (conn, info, error)))
    return FALSE;
  if (!fm_imap_collect_flush (conn->collect, error))
    return FALSE;
  next = fm_imap_collect_heard (conn->collect).highest_uid + 1;
  if (next > info->uidnext)
    {
      FmImapMarks marks = { .folder_id = folder_id, .uidnext = next };
      if (!fm_imap_folder_set_marks (conn, &marks, error))
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

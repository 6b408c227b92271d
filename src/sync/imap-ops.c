/* The journal's operations, done on the server. Each is marked sent, durably, before its first byte leaves; what was sent and never answered
 * (a cut, a crash) is looked up on the server before anything is repeated. Nothing is ever expunged but by UID. */
#include "sync/imap-collect.h"
#include "sync/imap-private.h"
#include <fulmar/base/error.h>
#include <fulmar/base/log.h>
#include <fulmar/net/imap-change.h>
#include <fulmar/store/body-store.h>
#include <fulmar/store/journal.h>
#include <string.h>

#define BATCH 2000
#define MAX_APPEND_BYTES (256u << 20)

/* --- writing what came of it --- */

typedef struct {
  const FmOpBatch *batch;
  const guint32 *new_uids; /* by item; NULL: none told */
  const char *error_text;
  int delay_s;
  guint32 note;
  gint64 group_id;
  guint first, n; /* items */
} Outcome;

static GArray *
op_ids (const Outcome *outcome)
{
  GArray *ids = g_array_new (FALSE, FALSE, sizeof (gint64));

  for (guint i = outcome->first; i < outcome->first + outcome->n; i++)
    g_array_append_val (ids, outcome->batch->items[i].op_id);
  return ids;
}

static gboolean
sent_run (FmStoreWriter *writer, gpointer data, GError **error)
{
  Outcome *outcome = data;
  g_autoptr (GArray) ids = op_ids (outcome);

  if (outcome->note && !fm_journal_note (writer, outcome->batch->items[outcome->first].op_id, outcome->note, error))
    return FALSE;
  return fm_journal_mark_sent (writer, (const gint64 *) (void *) ids->data, ids->len, error);
}

static gboolean
confirm_run (FmStoreWriter *writer, gpointer data, GError **error)
{
  Outcome *outcome = data;

  for (guint i = outcome->first; i < outcome->first + outcome->n; i++)
    if (!fm_journal_confirm (writer, outcome->batch->items[i].op_id, outcome->new_uids ? outcome->new_uids[i] : 0, error))
      return FALSE;
  return TRUE;
}

static gboolean
refuse_run (FmStoreWriter *writer, gpointer data, GError **error)
{
  Outcome *outcome = data;

  for (guint i = outcome->first; i < outcome->first + outcome->n; i++)
    if (!fm_journal_refuse (writer, outcome->batch->items[i].op_id, outcome->error_text, &outcome->group_id, error))
      return FALSE;
  return TRUE;
}

static gboolean
retry_run (FmStoreWriter *writer, gpointer data, GError **error)
{
  Outcome *outcome = data;
  g_autoptr (GArray) ids = op_ids (outcome);

  return fm_journal_retry (writer, (const gint64 *) (void *) ids->data, ids->len, outcome->delay_s, outcome->error_text, error);
}

static gboolean
write_outcome (FmImapConn *conn, FmPenRun run, Outcome *outcome, GError **error)
{
  gboolean good = fm_pen_call (conn->worker->env->pen, FM_PEN_SAFE, run, outcome, error);

  fm_sync_env_queue_changed (conn->worker->env);
  return good;
}

static Outcome
all_of (const FmOpBatch *batch)
{
  return (Outcome){ .batch = batch, .n = batch->n };
}

static Outcome
one_of (const FmOpBatch *batch, guint item)
{
  return (Outcome){ .batch = batch, .first = item, .n = 1 };
}

static gboolean
confirm_all (FmImapConn *conn, const FmOpBatch *batch, const guint32 *new_uids, GError **error)
{
  Outcome outcome = all_of (batch);

  outcome.new_uids = new_uids;
  return write_outcome (conn, confirm_run, &outcome, error);
}

static gboolean
confirm_one (FmImapConn *conn, const FmOpBatch *batch, guint item, guint32 new_uid, GError **error)
{
  g_autofree guint32 *uids = g_new0 (guint32, batch->n);
  Outcome outcome = one_of (batch, item);

  uids[item] = new_uid;
  outcome.new_uids = uids;
  return write_outcome (conn, confirm_run, &outcome, error);
}

static gboolean
retry_one (FmImapConn *conn, const FmOpBatch *batch, guint item, GError **error)
{
  Outcome outcome = one_of (batch, item);

  return write_outcome (conn, retry_run, &outcome, error);
}

static void
tell_folders (FmImapConn *conn, const FmOpBatch *batch)
{
  if (batch->folder_id)
    fm_imap_worker_folder_changed (conn->worker, batch->folder_id, 0);
  if (batch->target_id)
    fm_imap_worker_folder_changed (conn->worker, batch->target_id, 0);
}

static const char *
verb_of (const FmOpBatch *batch)
{
  static const char *const verbs[]
      = { "changing flags",     "moving", "copying", "deleting", "saving a message", "creating the folder", "renaming the folder",
          "deleting the folder" };

  return verbs[batch->kind];
}

/* The server said no: the local state returns to the truth, and the user reads the server's own words. */
static gboolean
refuse_all (FmImapConn *conn, const FmOpBatch *batch, const GError *why, GError **error)
{
  Outcome outcome = all_of (batch);
  FmEvent *event;

  outcome.error_text = why->message;
  if (!write_outcome (conn, refuse_run, &outcome, error))
    return FALSE;
  event = fm_event_new (FM_EVENT_OP_REFUSED, 0);
  event->account = g_strdup (conn->worker->spec->name);
  event->group_id = outcome.group_id;
  event->text
      = g_strdup_printf ("the server refused %s in %s%s%s: %s; it is as before", verb_of (batch), batch->folder ? batch->folder : "",
                         batch->target ? " to " : "", batch->target ? batch->target : "", why->message);
  event->error = g_error_copy (why);
  fm_sync_env_emit (conn->worker->env, event);
  tell_folders (conn, batch);
  if (batch->kind >= FM_OP_FOLDER_CREATE)
    fm_imap_worker_tree_changed (conn->worker);
  return TRUE;
}

/* --- ranges of a batch --- */

static GArray *
uid_ranges (const FmOpBatch *batch)
{
  GArray *ranges = g_array_new (FALSE, FALSE, sizeof (FmImapRange));

  for (gsize i = 0; i < batch->n; i++)
    {
      guint32 uid = batch->items[i].uid;
      FmImapRange *last = ranges->len ? &g_array_index (ranges, FmImapRange, ranges->len - 1) : NULL;
      FmImapRange range = { uid, uid };
      if (last && last->last + 1 == uid)
        last->last = uid;
      else if (!last || last->last != uid)
        g_array_append_val (ranges, range);
    }
  return ranges;
}

#define RANGES(array) (const FmImapRange *) (const void *) (array)->data, (array)->len

/* UIDs of the selected folder that match; ascending ranges. Transfer: full, NULL on error. */
static GArray *
search (FmImapConn *conn, const char *criteria, GError **error)
{
  g_autoptr (GArray) ranges = g_array_new (FALSE, FALSE, sizeof (FmImapRange));
  gboolean good;

  fm_imap_collect_divert (conn->collect, ranges, NULL);
  good = fm_imap_session_search (conn->session, criteria, error);
  fm_imap_collect_divert (conn->collect, NULL, NULL);
  return good ? g_steal_pointer (&ranges) : NULL;
}

static gboolean
in_ranges (const GArray *ranges, guint32 uid)
{
  for (guint i = 0; i < ranges->len; i++)
    if (g_array_index (ranges, FmImapRange, i).first <= uid && uid <= g_array_index (ranges, FmImapRange, i).last)
      return TRUE;
  return FALSE;
}

/* UIDs in FOLDER_ID at or above FIRST with this Message-ID, ascending. Quoted: a Message-ID holds no control byte, and `"` and `\` are dropped
 * from the search, where a substring suffices. */
static GArray *
find_message_id (FmImapConn *conn, gint64 folder_id, guint32 first, const char *message_id, GError **error)
{
  g_autofree char *plain = NULL, *criteria = NULL;
  gsize usable = strcspn (message_id, "\"\\");

  for (gsize i = 0; i < usable; i++)
    if ((guchar) message_id[i] >= 0x7f || (guchar) message_id[i] <= 0x20)
      usable = i;
  if (!fm_imap_folder_select (conn, folder_id, error))
    return NULL;
  if (usable == 0)
    return g_array_new (FALSE, FALSE, sizeof (FmImapRange));
  plain = g_strndup (message_id, usable);
  criteria = g_strdup_printf ("UID %u:4294967295 HEADER Message-ID \"%s\"", MAX (first, 1), plain);
  return search (conn, criteria, error);
}

/* --- doing --- */

static gboolean
do_flags (FmImapConn *conn, const FmOpBatch *batch, GError **error)
{
  g_autoptr (GArray) ranges = uid_ranges (batch);
  const FmImapSelected *now = fm_imap_session_selected (conn->session);
  FmImapStore add = { FM_IMAP_CHANGE_ADD, batch->add & FM_FLAG_SERVER_MASK };
  FmImapStore remove = { FM_IMAP_CHANGE_REMOVE, batch->remove & FM_FLAG_SERVER_MASK };

  /* Where no new keywords are taken, tags stay on this machine. */
  if (now->keywords_allowed)
    {
      add.keywords = (const char *const *) batch->add_keywords;
      remove.keywords = (const char *const *) batch->remove_keywords;
    }
  if ((add.flags || (add.keywords && *add.keywords)) && !fm_imap_change_store (conn->session, RANGES (ranges), &add, NULL, NULL, error))
    return FALSE;
  return !(remove.flags || (remove.keywords && *remove.keywords))
         || fm_imap_change_store (conn->session, RANGES (ranges), &remove, NULL, NULL, error);
}

/* By UID where the server told the pairs; 0 where it did not. Transfer: full. */
static guint32 *
new_uids (const FmOpBatch *batch, const FmImapCopied *copied)
{
  guint32 *uids = g_new0 (guint32, batch->n);

  for (gsize c = 0; c < copied->n; c++)
    for (gsize i = 0; i < batch->n; i++)
      if (batch->items[i].uid == copied->from[c])
        uids[i] = copied->to[c];
  return uids;
}

static gboolean
take_out (FmImapConn *conn, const GArray *ranges, GError **error)
{
  FmImapStore deleted = { FM_IMAP_CHANGE_ADD, FM_FLAG_DELETED };

  if (!fm_imap_change_store (conn->session, RANGES (ranges), &deleted, NULL, NULL, error))
    return FALSE;
  /* Without UIDPLUS the only EXPUNGE would take other clients' mail too: \Deleted stays and the server's own cleaning takes it. */
  return !fm_imap_session_has (conn->session, FM_IMAP_CAP_UIDPLUS) || fm_imap_change_expunge (conn->session, RANGES (ranges), error);
}

static gboolean
do_transfer (FmImapConn *conn, const FmOpBatch *batch, guint32 **ret_uids, GError **error)
{
  g_autoptr (GArray) ranges = uid_ranges (batch);
  FmImapCopied copied = { 0 };
  gboolean move = batch->kind == FM_OP_MOVE, native = move && fm_imap_session_has (conn->session, FM_IMAP_CAP_MOVE), good;

  good = native ? fm_imap_change_move (conn->session, RANGES (ranges), batch->target, &copied, error)
                : fm_imap_change_copy (conn->session, RANGES (ranges), batch->target, &copied, error);
  if (good && move && !native)
    good = take_out (conn, ranges, error);
  if (good)
    *ret_uids = new_uids (batch, &copied);
  fm_imap_change_copied_clear (&copied);
  return good;
}

static GBytes *
read_blob (FmImapConn *conn, gint64 blob_id, GError **error)
{
  g_autofree char *path = fm_body_store_blob_path (conn->reader, blob_id, error);
  g_autoptr (GMappedFile) file = path ? g_mapped_file_new (path, FALSE, NULL) : NULL;

  if (!path)
    return NULL;
  if (!file || g_mapped_file_get_length (file) > MAX_APPEND_BYTES)
    {
      g_set_error (error, FM_ERROR, FM_ERROR_STORAGE, "%s can't be read, or is too large to upload", path);
      return NULL;
    }
  return g_mapped_file_get_bytes (file);
}

static gboolean
do_append (FmImapConn *conn, const FmOpBatch *batch, guint32 **ret_uids, GError **error)
{
  g_autoptr (GBytes) message = read_blob (conn, batch->blob_id, error);
  FmImapAppend append
      = { batch->folder, message, batch->add & FM_FLAG_SERVER_MASK, (const char *const *) batch->add_keywords, batch->date_utc };
  guint32 uid = 0, validity = 0;

  if (!message || !fm_imap_change_append (conn->session, &append, &uid, &validity, error))
    return FALSE;
  *ret_uids = g_new0 (guint32, batch->n);
  (*ret_uids)[0] = batch->uidvalidity && validity && validity != batch->uidvalidity ? 0 : uid;
  return TRUE;
}

/* A folder that can't be subscribed to is a folder all the same. */
static gboolean
subscribe (FmImapConn *conn, const char *name, GError **error)
{
  g_autoptr (GError) local = NULL;

  if (fm_imap_change_subscribe (conn->session, name, TRUE, &local) || fm_imap_session_is_alive (conn->session))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

static gboolean
do_batch (FmImapConn *conn, const FmOpBatch *batch, guint32 **ret_uids, GError **error)
{
  g_autoptr (GArray) ranges = NULL;

  switch (batch->kind)
    {
    case FM_OP_FLAGS:
      return do_flags (conn, batch, error);
    case FM_OP_MOVE:
    case FM_OP_COPY:
      return do_transfer (conn, batch, ret_uids, error);
    case FM_OP_EXPUNGE:
      ranges = uid_ranges (batch);
      return take_out (conn, ranges, error);
    case FM_OP_APPEND:
      return do_append (conn, batch, ret_uids, error);
    case FM_OP_FOLDER_CREATE:
      return fm_imap_change_create (conn->session, batch->folder, error) && subscribe (conn, batch->folder, error);
    case FM_OP_FOLDER_RENAME:
      return fm_imap_change_rename (conn->session, batch->folder, batch->target, error);
    case FM_OP_FOLDER_DELETE:
      return fm_imap_session_unselect (conn->session, error) && fm_imap_change_delete (conn->session, batch->folder, error);
    }
  return FALSE;
}

static gboolean
needs_selection (const FmOpBatch *batch)
{
  return batch->kind <= FM_OP_EXPUNGE;
}

/* A missing target is made once, as the server hints ([TRYCREATE]). */
static gboolean
do_with_target (FmImapConn *conn, const FmOpBatch *batch, guint32 **ret_uids, GError **error)
{
  g_autoptr (GError) local = NULL;
  const char *missing = batch->kind == FM_OP_APPEND ? batch->folder : batch->target;

  if (do_batch (conn, batch, ret_uids, &local))
    return TRUE;
  if (g_error_matches (local, FM_ERROR, FM_ERROR_NOT_FOUND) && missing && fm_imap_session_is_alive (conn->session)
      && (batch->kind == FM_OP_MOVE || batch->kind == FM_OP_COPY || batch->kind == FM_OP_APPEND)
      && fm_imap_change_create (conn->session, missing, NULL))
    return do_batch (conn, batch, ret_uids, error);
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

/* Where to look for an APPEND whose answer is lost: from the folder's UIDNEXT on. */
static gboolean
note_uidnext (FmImapConn *conn, const FmOpBatch *batch, guint32 *ret_note, GError **error)
{
  if (!fm_imap_folder_select_again (conn, batch->folder_id, error))
    return FALSE;
  *ret_note = MAX (fm_imap_session_selected (conn->session)->uidnext, 1);
  return TRUE;
}

/* The folder was made anew on the server: its messages are matched again before anything more is done to them. */
static gboolean
rematch_folder (FmImapConn *conn, gint64 folder_id, GError **error)
{
  gboolean good;

  if (!fm_imap_worker_claim (conn->worker, folder_id))
    return TRUE;
  good = fm_imap_folder_visit (conn, folder_id, FM_IMAP_VISIT_FULL, error);
  fm_imap_worker_release (conn->worker, folder_id);
  return good;
}

static gboolean
needs_meeting (const FmOpBatch *batch, const guint32 *uids)
{
  gboolean arrives = batch->kind == FM_OP_MOVE || batch->kind == FM_OP_COPY || batch->kind == FM_OP_APPEND;

  for (gsize i = 0; arrives && i < batch->n; i++)
    if (!uids || uids[i] == 0)
      return TRUE;
  return FALSE;
}

/* The server did not tell the new UIDs: they are met in the target, now if it is free, so that what follows on these messages need not wait
 * for the next pass. */
static gboolean
meet (FmImapConn *conn, const FmOpBatch *batch, GError **error)
{
  gint64 folder_id = batch->kind == FM_OP_APPEND ? batch->folder_id : batch->target_id;
  g_autoptr (GError) local = NULL;
  gboolean good;

  if (!fm_imap_worker_try_claim (conn->worker, folder_id))
    {
      fm_imap_worker_want_visit (conn->worker, folder_id);
      return TRUE;
    }
  good = fm_imap_folder_visit (conn, folder_id, FM_IMAP_VISIT_SCREEN, &local);
  fm_imap_worker_release (conn->worker, folder_id);
  if (good || fm_imap_session_is_alive (conn->session))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

/* TRUE: go on with the journal. */
static gboolean
run_batch (FmImapConn *conn, const FmOpBatch *batch, GError **error)
{
  g_autoptr (GError) local = NULL;
  g_autofree guint32 *uids = NULL;
  Outcome sent = all_of (batch);

  if (needs_selection (batch) && !fm_imap_folder_select (conn, batch->folder_id, &local))
    {
      if (!fm_imap_session_is_alive (conn->session))
        {
          g_propagate_error (error, g_steal_pointer (&local));
          return FALSE;
        }
      return refuse_all (conn, batch, local, error);
    }
  if (needs_selection (batch) && batch->uidvalidity && fm_imap_session_selected (conn->session)->uidvalidity != batch->uidvalidity)
    return rematch_folder (conn, batch->folder_id, error);
  if (batch->kind == FM_OP_APPEND && !note_uidnext (conn, batch, &sent.note, &local) && !fm_imap_session_is_alive (conn->session))
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }
  g_clear_error (&local);
  if (!write_outcome (conn, sent_run, &sent, error))
    return FALSE;
  if (!do_with_target (conn, batch, &uids, &local))
    {
      if (fm_imap_session_is_alive (conn->session))
        return refuse_all (conn, batch, local, error);
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }
  if (!confirm_all (conn, batch, uids, error))
    return FALSE;
  tell_folders (conn, batch);
  if (needs_meeting (batch, uids))
    return meet (conn, batch, error);
  if (batch->kind >= FM_OP_FOLDER_CREATE)
    fm_imap_worker_tree_changed (conn->worker);
  return TRUE;
}

/* --- what was sent and never answered --- */

/* The first UID of RANGES that can be ROW: it has it already (met by a visit), or nobody has. 0: none. */
static guint32
find_ours (FmImapConn *conn, const GArray *ranges, gint64 folder_id, gint64 row)
{
  for (guint r = 0; r < ranges->len; r++)
    {
      const FmImapRange *range = &g_array_index (ranges, FmImapRange, r);
      for (guint64 uid = range->first; uid <= range->last; uid++)
        {
          g_autoptr (FmMessageInfo) known = fm_message_store_get_uid (conn->reader, folder_id, (guint32) uid, NULL);
          if (!known || known->id == row)
            return (guint32) uid;
        }
    }
  return 0;
}

/* Is it in the target? RET_UID 0: it is not, or it can't be told. */
static gboolean
look_in_target (FmImapConn *conn, const FmOpBatch *batch, guint item, guint32 *ret_uid, GError **error)
{
  const FmOpItem *one = &batch->items[item];
  gboolean append = batch->kind == FM_OP_APPEND;
  gint64 row = batch->kind == FM_OP_COPY ? one->new_msg_id : one->msg_id, target = append ? batch->folder_id : batch->target_id;
  g_autoptr (FmMessageInfo) info = fm_message_store_get (conn->reader, row, NULL);
  g_autoptr (GArray) there = NULL;

  *ret_uid = 0;
  if (!info || !*info->message_id)
    return TRUE;
  if (!(there = find_message_id (conn, target, append ? batch->note : 1, info->message_id, error)))
    return FALSE;
  *ret_uid = find_ours (conn, there, target, row);
  return TRUE;
}

/* The copy is in the target, its source still here. */
static gboolean
finish_move (FmImapConn *conn, const FmOpBatch *batch, guint item, GError **error)
{
  g_autoptr (GArray) one = g_array_new (FALSE, FALSE, sizeof (FmImapRange));
  FmImapRange range = { batch->items[item].uid, batch->items[item].uid };

  g_array_append_val (one, range);
  return fm_imap_folder_select (conn, batch->folder_id, error) && take_out (conn, one, error);
}

/* LEFT: what is in the source, NULL for a COPY. */
static gboolean
settle_one (FmImapConn *conn, const FmOpBatch *batch, guint item, const GArray *left, GError **error)
{
  guint32 found = 0;

  /* Its UID means nothing any more: it is planned again under the one it will be met with. */
  if (left && batch->items[item].uid == 0)
    return retry_one (conn, batch, item, error);
  /* A move that has left its folder has arrived; the target's next visit meets it. */
  if (left && !in_ranges (left, batch->items[item].uid))
    return confirm_one (conn, batch, item, 0, error);
  if (left && fm_imap_session_has (conn->session, FM_IMAP_CAP_MOVE))
    return retry_one (conn, batch, item, error);
  if (!look_in_target (conn, batch, item, &found, error) || (found && left && !finish_move (conn, batch, item, error)))
    return FALSE;
  return found ? confirm_one (conn, batch, item, found, error) : retry_one (conn, batch, item, error);
}

static gboolean
settle_transfer (FmImapConn *conn, const FmOpBatch *batch, GError **error)
{
  g_autoptr (GArray) left = NULL;

  if (batch->kind == FM_OP_MOVE)
    {
      if (!fm_imap_folder_select (conn, batch->folder_id, error))
        return FALSE;
      /* Made anew meanwhile: the batch is read again, without the UIDs of old. */
      if (batch->uidvalidity && fm_imap_session_selected (conn->session)->uidvalidity != batch->uidvalidity)
        return TRUE;
      if (!(left = search (conn, "ALL", error)))
        return FALSE;
    }
  for (guint i = 0; i < batch->n; i++)
    if (!settle_one (conn, batch, i, left, error))
      return FALSE;
  return meet (conn, batch, error);
}

static gboolean
settle_append (FmImapConn *conn, const FmOpBatch *batch, GError **error)
{
  guint32 found = 0;

  if (!look_in_target (conn, batch, 0, &found, error))
    return FALSE;
  return found ? confirm_one (conn, batch, 0, found, error) : retry_one (conn, batch, 0, error);
}

static gboolean
folder_listed (FmImapConn *conn, const char *name, gboolean *ret_there, GError **error)
{
  GHashTable *statuses = NULL;

  if (!fm_imap_list_run (conn, &statuses, error))
    return FALSE;
  *ret_there = g_hash_table_contains (statuses, name);
  g_hash_table_unref (statuses);
  return TRUE;
}

static gboolean
settle_folder (FmImapConn *conn, const FmOpBatch *batch, GError **error)
{
  gboolean there = FALSE, done;
  Outcome outcome = all_of (batch);

  if (!folder_listed (conn, batch->kind == FM_OP_FOLDER_RENAME ? batch->target : batch->folder, &there, error))
    return FALSE;
  done = batch->kind == FM_OP_FOLDER_DELETE ? !there : there;
  return done ? confirm_all (conn, batch, NULL, error) : write_outcome (conn, retry_run, &outcome, error);
}

static gboolean
look (FmImapConn *conn, const FmOpBatch *batch, GError **error)
{
  Outcome outcome = all_of (batch);

  switch (batch->kind)
    {
    case FM_OP_FLAGS:
    case FM_OP_EXPUNGE: /* doing them twice is doing them once */
      return write_outcome (conn, retry_run, &outcome, error);
    case FM_OP_MOVE:
    case FM_OP_COPY:
      return settle_transfer (conn, batch, error);
    case FM_OP_APPEND:
      return settle_append (conn, batch, error);
    case FM_OP_FOLDER_CREATE:
    case FM_OP_FOLDER_RENAME:
    case FM_OP_FOLDER_DELETE:
      return settle_folder (conn, batch, error);
    }
  return FALSE;
}

/* Where the server won't even let us look (a folder is gone), it is planned again: then the server says no to it, or does it. */
static gboolean
settle (FmImapConn *conn, const FmOpBatch *batch, GError **error)
{
  g_autoptr (GError) local = NULL;
  Outcome outcome = all_of (batch);

  if (look (conn, batch, &local))
    return TRUE;
  if (fm_imap_session_is_alive (conn->session) && !g_error_matches (local, FM_ERROR, FM_ERROR_STORAGE))
    return write_outcome (conn, retry_run, &outcome, error);
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

gboolean
fm_imap_ops_run (FmImapConn *conn, GError **error)
{
  gint64 account_id = conn->worker->account_id;
  g_autoptr (GError) local = NULL;

  while (!fm_imap_worker_stopping (conn->worker))
    {
      g_autoptr (FmOpBatch) batch = fm_journal_unanswered (conn->reader, account_id, BATCH, &local);
      if (!batch)
        break;
      if (!settle (conn, batch, error))
        return FALSE;
    }
  while (!local && !fm_imap_worker_stopping (conn->worker))
    {
      g_autoptr (FmOpBatch) batch = fm_journal_next (conn->reader, account_id, BATCH, &local);
      if (!batch)
        break;
      if (!run_batch (conn, batch, error))
        return FALSE;
    }
  if (local)
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }
  return TRUE;
}

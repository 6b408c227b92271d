/* What was sent and never answered (a cut, a crash): it is looked up on the server before anything is repeated. The verdicts on a batch's items are
 * written together. */
#include "sync/imap-folder-private.h"
#include "sync/imap-ops-private.h"
#include <fulmar/base/error.h>
#include <string.h>

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
  return fm_imap_compare_search (conn, criteria, error);
}

static gboolean
is_given (const FmImapVerdict *verdicts, guint n, guint32 uid)
{
  for (guint i = 0; i < n; i++)
    if (verdicts[i].new_uid == uid)
      return TRUE;
  return FALSE;
}

/* The first UID of FM_IMAP_RANGES that can be ROW: it has it already (met by a visit), or nobody has, nor is about to leave under it, nor was
 * given it as one of the N items before. 0: none. */
static guint32
find_ours (FmImapConn *conn, const GArray *ranges, gint64 folder_id, gint64 row, const FmImapVerdict *verdicts, guint n)
{
  for (guint r = 0; r < ranges->len; r++)
    {
      const FmImapRange *range = &g_array_index (ranges, FmImapRange, r);
      for (guint64 uid = range->first; uid <= range->last; uid++)
        {
          g_autoptr (FmMessageInfo) known = fm_message_store_get_uid (conn->reader, folder_id, (guint32) uid, NULL);
          gint64 owner = known ? known->id : fm_journal_leaving (conn->reader, folder_id, (guint32) uid);
          if ((owner == 0 || owner == row) && !is_given (verdicts, n, (guint32) uid))
            return (guint32) uid;
        }
    }
  return 0;
}

/* A message without a Message-ID can't be searched for: a visit meets it, by sender, subject, date and size. FM_ERROR_CANCELLED: stopping, and
 * nothing is known. */
static gboolean
meet_nameless (FmImapConn *conn, gint64 target, gint64 row, guint32 *ret_uid, GError **error)
{
  g_autoptr (FmMessageInfo) info = NULL;
  gboolean good;

  if (!fm_imap_claim_take (conn->worker, target))
    {
      g_set_error_literal (error, FM_ERROR, FM_ERROR_CANCELLED, "stopped");
      return FALSE;
    }
  good = fm_imap_folder_visit (conn, target, FM_IMAP_VISIT_SCREEN, error);
  fm_imap_claim_release (conn->worker, target);
  info = good ? fm_message_store_get (conn->reader, row, NULL) : NULL;
  *ret_uid = info && info->folder_id == target ? info->uid : 0;
  return good;
}

/* Is it in the target? FOUND_DONE, or FOUND_UNDONE: it is not, or it can't be told. */
static gboolean
look_in_target (FmImapConn *conn, const FmOpBatch *batch, guint item, FmImapVerdict *verdicts, GError **error)
{
  const FmOpItem *one = &batch->items[item];
  gboolean append = batch->kind == FM_OP_APPEND;
  gint64 row = batch->kind == FM_OP_COPY ? one->new_msg_id : one->msg_id, target = append ? batch->folder_id : batch->target_id;
  g_autoptr (FmMessageInfo) info = fm_message_store_get (conn->reader, row, NULL);
  g_autoptr (GArray) there = NULL;
  guint32 uid = 0;

  if (info && !*info->message_id)
    {
      if (!meet_nameless (conn, target, row, &uid, error))
        return FALSE;
    }
  else if (info)
    {
      if (!(there = find_message_id (conn, target, append ? batch->note : 1, info->message_id, error)))
        return FALSE;
      uid = find_ours (conn, there, target, row, verdicts, item);
    }
  verdicts[item] = (FmImapVerdict){ uid ? FM_IMAP_FOUND_DONE : FM_IMAP_FOUND_UNDONE, uid };
  return TRUE;
}

/* The copy is in the target, its source still here. */
static gboolean
finish_move (FmImapConn *conn, const FmOpBatch *batch, guint item, GError **error)
{
  g_autoptr (GArray) one = g_array_new (FALSE, FALSE, sizeof (FmImapRange));
  FmImapRange range = { batch->items[item].uid, batch->items[item].uid };

  g_array_append_val (one, range);
  return fm_imap_folder_select (conn, batch->folder_id, error) && fm_imap_perform_take_out (conn, batch->folder_id, one, error);
}

/* What is in the source of BATCH, of the UIDs it names; after a NOOP, by which the server tells this session what others have taken away. */
static GArray *
left_of (FmImapConn *conn, const FmOpBatch *batch, GError **error)
{
  guint32 last = batch->items[batch->n - 1].uid;
  g_autofree char *criteria = g_strdup_printf ("UID %u:%u", MAX (batch->items[0].uid, 1), MAX (last, 1));

  return fm_imap_session_noop (conn->session, error) ? fm_imap_compare_search (conn, criteria, error) : NULL;
}

/* Where the source is gone, what lies in the target may be the very message, moved there by another client, and not our copy of it: then it is no
 * copy that an undo could take away. If the copy was made, the target's next visit shows it. */
static gboolean
settle_copy (FmImapConn *conn, const FmOpBatch *batch, guint item, gboolean is_left, FmImapVerdict *verdicts, GError **error)
{
  if (is_left)
    return look_in_target (conn, batch, item, verdicts, error);
  verdicts[item].found = FM_IMAP_FOUND_GONE;
  return TRUE;
}

static gboolean
settle_move (FmImapConn *conn, const FmOpBatch *batch, guint item, gboolean is_left, FmImapVerdict *verdicts, GError **error)
{
  /* A move that has left its folder has arrived; the target's next visit meets it. */
  if (!is_left)
    verdicts[item].found = FM_IMAP_FOUND_DONE;
  else if (fm_imap_session_has (conn->session, FM_IMAP_CAP_MOVE))
    verdicts[item].found = FM_IMAP_FOUND_UNDONE;
  else
    return look_in_target (conn, batch, item, verdicts, error)
           && (verdicts[item].found != FM_IMAP_FOUND_DONE || finish_move (conn, batch, item, error));
  return TRUE;
}

static gboolean
settle_unanswered (FmImapConn *conn, const FmOpBatch *batch, guint item, const GArray *left, FmImapVerdict *verdicts, GError **error)
{
  gboolean is_left = in_ranges (left, batch->items[item].uid);

  if (batch->items[item].uid != 0)
    return (batch->kind == FM_OP_COPY ? settle_copy : settle_move) (conn, batch, item, is_left, verdicts, error);
  /* Its UID means nothing any more: it is planned again under the one it will be met with. */
  verdicts[item].found = FM_IMAP_FOUND_UNDONE;
  return TRUE;
}

/* The server has done nothing to what is not LEFT. */
static gboolean
settle_unheeded (FmImapConn *conn, const FmOpBatch *batch, guint item, const GArray *left, FmImapVerdict *verdicts, GError **error)
{
  if (!in_ranges (left, batch->items[item].uid))
    verdicts[item].found = FM_IMAP_FOUND_GONE;
  else if (batch->kind == FM_OP_COPY || batch->kind == FM_OP_MOVE)
    return (batch->kind == FM_OP_COPY ? settle_copy : settle_move) (conn, batch, item, TRUE, verdicts, error);
  else
    verdicts[item].found = FM_IMAP_FOUND_UNDONE;
  return TRUE;
}

typedef gboolean (*Settle) (FmImapConn *conn, const FmOpBatch *batch, guint item, const GArray *left, FmImapVerdict *verdicts,
                            GError **error);

/* What was found out is written also where the connection is lost before the end. */
static gboolean
settle_items (FmImapConn *conn, const FmOpBatch *batch, Settle settle, const GArray *left, GError **error)
{
  g_autofree FmImapVerdict *verdicts = g_new0 (FmImapVerdict, batch->n);
  g_autoptr (GError) lost = NULL;

  for (guint i = 0; i < batch->n && !lost; i++)
    if (!settle (conn, batch, i, left, verdicts, &lost))
      verdicts[i] = (FmImapVerdict){ FM_IMAP_FOUND_NOTHING, 0 };
  if (!fm_imap_outcome_settled (conn, batch, verdicts, error))
    return FALSE;
  if (!lost)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&lost));
  return FALSE;
}

static gboolean
settle_transfer (FmImapConn *conn, const FmOpBatch *batch, GError **error)
{
  g_autoptr (GArray) left = NULL;

  if (!fm_imap_folder_select (conn, batch->folder_id, error))
    return FALSE;
  /* Made anew meanwhile: the batch is read again, without the UIDs of old. */
  if (batch->uidvalidity && fm_imap_session_selected (conn->session)->uidvalidity != batch->uidvalidity)
    return TRUE;
  if (!(left = left_of (conn, batch, error)))
    return FALSE;
  return settle_items (conn, batch, settle_unanswered, left, error) && fm_imap_ops_meet (conn, batch, error);
}

static gboolean
settle_append (FmImapConn *conn, const FmOpBatch *batch, guint item, const GArray *left, FmImapVerdict *verdicts, GError **error)
{
  (void) left;
  return look_in_target (conn, batch, item, verdicts, error);
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

  if (!folder_listed (conn, batch->kind == FM_OP_FOLDER_RENAME ? batch->target : batch->folder, &there, error))
    return FALSE;
  done = batch->kind == FM_OP_FOLDER_DELETE ? !there : there;
  return done ? fm_imap_outcome_confirm_all (conn, batch, NULL, error) : fm_imap_outcome_retry_all (conn, batch, error);
}

static gboolean
look (FmImapConn *conn, const FmOpBatch *batch, GError **error)
{
  switch (batch->kind)
    {
    case FM_OP_FLAGS:
    case FM_OP_EXPUNGE:
    case FM_OP_FOLDER_SUBSCRIBE: /* doing them twice is doing them once */
      return fm_imap_outcome_retry_all (conn, batch, error);
    case FM_OP_MOVE:
    case FM_OP_COPY:
      return settle_transfer (conn, batch, error);
    case FM_OP_APPEND:
      return settle_items (conn, batch, settle_append, NULL, error);
    case FM_OP_FOLDER_CREATE:
    case FM_OP_FOLDER_RENAME:
    case FM_OP_FOLDER_DELETE:
      return settle_folder (conn, batch, error);
    }
  return FALSE;
}

static gboolean
settle_rest (FmImapConn *conn, const FmOpBatch *batch, const GArray *left, GError **error)
{
  return settle_items (conn, batch, settle_unheeded, left, error)
         && ((batch->kind != FM_OP_MOVE && batch->kind != FM_OP_COPY) || fm_imap_ops_meet (conn, batch, error));
}

gboolean
fm_imap_settle_untold (FmImapConn *conn, const FmOpBatch *batch, GError **error)
{
  g_autoptr (GError) local = NULL;
  g_autoptr (GArray) left = left_of (conn, batch, &local);

  if (left)
    return settle_rest (conn, batch, left, error);
  if (fm_imap_session_is_alive (conn->session))
    return fm_imap_outcome_retry_all (conn, batch, error);
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

gboolean
fm_imap_settle_refused (FmImapConn *conn, const FmOpBatch *batch, const GError *why, GError **error)
{
  g_autoptr (GError) local = NULL;
  g_autoptr (GArray) left = batch->kind <= FM_OP_EXPUNGE ? left_of (conn, batch, &local) : NULL;
  gboolean is_missing = FALSE;

  if (!left && !fm_imap_session_is_alive (conn->session))
    {
      g_propagate_error (error, local ? g_steal_pointer (&local) : g_error_copy (why));
      return FALSE;
    }
  for (gsize i = 0; left && i < batch->n; i++)
    is_missing |= !in_ranges (left, batch->items[i].uid);
  return is_missing ? settle_rest (conn, batch, left, error) : fm_imap_outcome_refuse_all (conn, batch, why, error);
}

/* Where the server won't even let us look (a folder is gone), it is planned again: then the server says no to it, or does it. */
gboolean
fm_imap_settle_batch (FmImapConn *conn, const FmOpBatch *batch, GError **error)
{
  g_autoptr (GError) local = NULL;

  if (look (conn, batch, &local))
    return TRUE;
  /* Not looked at, not planned again: the next start looks. */
  if (g_error_matches (local, FM_ERROR, FM_ERROR_CANCELLED) && fm_imap_worker_stopping (conn->worker))
    return TRUE;
  if (fm_imap_session_is_alive (conn->session) && !g_error_matches (local, FM_ERROR, FM_ERROR_STORAGE))
    return fm_imap_outcome_retry_all (conn, batch, error);
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

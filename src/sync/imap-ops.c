/* The journal's operations, done on the server. Each is marked sent, durably, before its first byte leaves; what was sent and never answered is
 * settled (imap-settle.c) before anything else. */
#include "sync/imap-ops-private.h"
#include <fulmar/base/error.h>

#define BATCH 2000
#define FLAGS_BATCH 20000 /* the server is done with them in one turn, and doing them twice is doing them once */

static gboolean
needs_selection (const FmOpBatch *batch)
{
  return batch->kind <= FM_OP_EXPUNGE;
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

  if (!fm_imap_claim_take (conn->worker, folder_id))
    return TRUE;
  good = fm_imap_folder_visit (conn, folder_id, FM_IMAP_VISIT_FULL, error);
  fm_imap_claim_release (conn->worker, folder_id);
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
gboolean
fm_imap_ops_meet (FmImapConn *conn, const FmOpBatch *batch, GError **error)
{
  gint64 folder_id = batch->kind == FM_OP_APPEND ? batch->folder_id : batch->target_id;
  g_autoptr (GError) local = NULL;
  gboolean good;

  if (!fm_imap_claim_try (conn->worker, folder_id))
    {
      fm_imap_worker_want_visit (conn->worker, folder_id, NULL);
      return TRUE;
    }
  good = fm_imap_folder_visit (conn, folder_id, FM_IMAP_VISIT_SCREEN, &local);
  fm_imap_claim_release (conn->worker, folder_id);
  if (good || fm_imap_session_is_alive (conn->session))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

/* The items of BATCH with a new UID, or those without. Frees nothing of BATCH's; the items are its own. */
static FmOpBatch
part_of (const FmOpBatch *batch, const guint32 *uids, gboolean told)
{
  FmOpBatch part = *batch;

  part.items = g_new0 (FmOpItem, batch->n);
  part.n = 0;
  for (gsize i = 0; i < batch->n; i++)
    if ((uids && uids[i] != 0) == told)
      part.items[part.n++] = batch->items[i];
  return part;
}

/* What a server that tells the new UIDs has told none of, it has not found: that is looked up. One that only says it would tell them is believed in
 * the end. */
static gboolean
settle_untold (FmImapConn *conn, FmOpBatch *batch, guint32 *uids, GError **error)
{
  FmOpBatch untold = part_of (batch, uids, FALSE);
  gboolean good;

  if ((batch->kind != FM_OP_MOVE && batch->kind != FM_OP_COPY) || !fm_imap_session_has (conn->session, FM_IMAP_CAP_UIDPLUS)
      || batch->tries >= FM_IMAP_MAX_DOUBTS || untold.n == 0)
    {
      g_free (untold.items);
      return TRUE;
    }
  good = fm_imap_settle_untold (conn, &untold, error);
  g_free (untold.items);
  /* The rest is as it was told. */
  FmOpBatch told = part_of (batch, uids, TRUE);
  g_free (batch->items);
  batch->items = told.items;
  for (gsize i = 0, kept = 0; uids && i < batch->n; i++)
    if (uids[i] != 0)
      uids[kept++] = uids[i];
  batch->n = told.n;
  return good;
}

/* RET_GO_ON FALSE: the batch can't be done now, and what that means has been written. */
static gboolean
select_source (FmImapConn *conn, const FmOpBatch *batch, gboolean *ret_go_on, GError **error)
{
  g_autoptr (GError) local = NULL;

  *ret_go_on = FALSE;
  if (!fm_imap_folder_select (conn, batch->folder_id, &local))
    {
      if (fm_imap_session_is_alive (conn->session))
        return fm_imap_outcome_refuse_all (conn, batch, local, error);
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }
  if (batch->uidvalidity && fm_imap_session_selected (conn->session)->uidvalidity != batch->uidvalidity)
    return rematch_folder (conn, batch->folder_id, error);
  *ret_go_on = TRUE;
  return fm_imap_folder_look_for (conn, batch->items[batch->n - 1].uid, error);
}

/* After anything was done to a folder, or refused, the tree is what the server says it is: what lies below it may have changed too. */
static gboolean
list_again (FmImapConn *conn, const FmOpBatch *batch, GError **error)
{
  g_autoptr (GError) local = NULL;

  if (batch->kind < FM_OP_FOLDER_CREATE || batch->kind == FM_OP_FOLDER_SUBSCRIBE)
    return TRUE;
  fm_imap_tell_tree (conn->worker);
  if (fm_imap_list_run (conn, NULL, &local) || fm_imap_session_is_alive (conn->session))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

/* TRUE: go on with the journal. */
static gboolean
run_batch (FmImapConn *conn, FmOpBatch *batch, GError **error)
{
  g_autoptr (GError) local = NULL;
  g_autofree guint32 *uids = NULL;
  guint32 note = 0;
  gboolean go_on = TRUE;

  if (needs_selection (batch) && !select_source (conn, batch, &go_on, error))
    return FALSE;
  if (!go_on)
    return TRUE;
  if (batch->kind == FM_OP_APPEND && !note_uidnext (conn, batch, &note, &local) && !fm_imap_session_is_alive (conn->session))
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }
  g_clear_error (&local);
  if (!fm_imap_outcome_sent (conn, batch, note, error))
    return FALSE;
  if (batch->n == 0)
    return TRUE;
  if (!fm_imap_perform_batch (conn, batch, &uids, &local))
    {
      if (fm_imap_session_is_alive (conn->session))
        return fm_imap_settle_refused (conn, batch, local, error) && list_again (conn, batch, error);
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }
  if (!settle_untold (conn, batch, uids, error))
    return FALSE;
  if (batch->n == 0)
    return TRUE;
  if (!fm_imap_outcome_confirm_all (conn, batch, uids, error))
    return FALSE;
  fm_imap_outcome_tell (conn, batch);
  if (needs_meeting (batch, uids))
    return fm_imap_ops_meet (conn, batch, error);
  return list_again (conn, batch, error);
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
      if (!fm_imap_settle_batch (conn, batch, error))
        return FALSE;
    }
  while (!local && !fm_imap_worker_stopping (conn->worker))
    {
      g_autoptr (FmOpBatch) batch = fm_journal_next (conn->reader, account_id, FLAGS_BATCH, &local);
      if (!batch)
        break;
      if (batch->kind != FM_OP_FLAGS)
        batch->n = MIN (batch->n, BATCH);
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

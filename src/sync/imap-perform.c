/* The journal's operations as commands. Nothing is ever expunged but by UID. */
#include "sync/imap-hidden.h"
#include "sync/imap-ops-private.h"
#include <fulmar/base/error.h>
#include <fulmar/store/body-store.h>

#define MAX_APPEND_BYTES (256u << 20)

/* UIDs come in ascending order. */
static void
add_uid (GArray *ranges, guint32 uid)
{
  FmImapRange *last = ranges->len ? &g_array_index (ranges, FmImapRange, ranges->len - 1) : NULL;
  FmImapRange range = { uid, uid };

  if (last && last->last + 1 == uid)
    last->last = uid;
  else if (!last || last->last != uid)
    g_array_append_val (ranges, range);
}

static GArray *
uid_ranges (const FmOpBatch *batch)
{
  GArray *ranges = g_array_new (FALSE, FALSE, sizeof (FmImapRange));

  for (gsize i = 0; i < batch->n; i++)
    add_uid (ranges, batch->items[i].uid);
  return ranges;
}

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
  if ((add.flags || (add.keywords && *add.keywords))
      && !fm_imap_change_store (conn->session, FM_IMAP_RANGES (ranges), &add, NULL, NULL, error))
    return FALSE;
  return !(remove.flags || (remove.keywords && *remove.keywords))
         || fm_imap_change_store (conn->session, FM_IMAP_RANGES (ranges), &remove, NULL, NULL, error);
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

gboolean
fm_imap_perform_take_out (FmImapConn *conn, gint64 folder_id, const GArray *ranges, GError **error)
{
  FmImapStore deleted = { FM_IMAP_CHANGE_ADD, FM_FLAG_DELETED };
  gboolean can_expunge = fm_imap_session_has (conn->session, FM_IMAP_CAP_UIDPLUS);

  if (!can_expunge && !fm_imap_hidden_add (conn, folder_id, ranges, error))
    return FALSE;
  if (!fm_imap_change_store (conn->session, FM_IMAP_RANGES (ranges), &deleted, NULL, NULL, error))
    return FALSE;
  /* Without UIDPLUS the only EXPUNGE would take other clients' mail too: \Deleted stays and the server's own cleaning takes it. */
  return !can_expunge || fm_imap_change_expunge (conn->session, FM_IMAP_RANGES (ranges), error);
}

/* Takes out of the source what was copied: where the server tells the new UIDs, that for which it told one. */
static gboolean
take_out_copied (FmImapConn *conn, const FmOpBatch *batch, const guint32 *uids, GError **error)
{
  gboolean is_told = fm_imap_session_has (conn->session, FM_IMAP_CAP_UIDPLUS) && batch->tries < FM_IMAP_MAX_DOUBTS;
  g_autoptr (GArray) ranges = g_array_new (FALSE, FALSE, sizeof (FmImapRange));

  for (gsize i = 0; i < batch->n; i++)
    if (uids[i] != 0 || !is_told)
      add_uid (ranges, batch->items[i].uid);
  return ranges->len == 0 || fm_imap_perform_take_out (conn, batch->folder_id, ranges, error);
}

static gboolean
do_transfer (FmImapConn *conn, const FmOpBatch *batch, guint32 **ret_uids, GError **error)
{
  g_autoptr (GArray) ranges = uid_ranges (batch);
  FmImapCopied copied = { 0 };
  gboolean move = batch->kind == FM_OP_MOVE, native = move && fm_imap_session_has (conn->session, FM_IMAP_CAP_MOVE), good;

  good = native ? fm_imap_change_move (conn->session, FM_IMAP_RANGES (ranges), batch->target, &copied, error)
                : fm_imap_change_copy (conn->session, FM_IMAP_RANGES (ranges), batch->target, &copied, error);
  if (good)
    *ret_uids = new_uids (batch, &copied);
  fm_imap_change_copied_clear (&copied);
  return good && (!move || native || take_out_copied (conn, batch, *ret_uids, error));
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

/* On Gmail EXPUNGE deletes in Trash and Spam only; elsewhere it takes a label, and the message stays in All Mail. NULL: it deletes. Transfer: full. */
static char *
gmail_trash (FmImapConn *conn, gint64 folder_id)
{
  g_autoptr (FmFolderInfo) from = fm_folder_store_get (conn->reader, folder_id, NULL), trash = NULL;

  if (!from || from->special == FM_SPECIAL_TRASH || from->special == FM_SPECIAL_JUNK
      || !fm_imap_session_has (conn->session, FM_IMAP_CAP_GMAIL) || !fm_imap_session_has (conn->session, FM_IMAP_CAP_MOVE))
    return NULL;
  trash = fm_folder_store_find_special (conn->reader, from->account_id, FM_SPECIAL_TRASH, NULL);
  return trash ? g_strdup (trash->remote_name) : NULL;
}

static gboolean
do_batch (FmImapConn *conn, const FmOpBatch *batch, guint32 **ret_uids, GError **error)
{
  g_autoptr (GArray) ranges = NULL;
  g_autofree char *trash = NULL;

  switch (batch->kind)
    {
    case FM_OP_FLAGS:
      return do_flags (conn, batch, error);
    case FM_OP_MOVE:
    case FM_OP_COPY:
      return do_transfer (conn, batch, ret_uids, error);
    case FM_OP_EXPUNGE:
      ranges = uid_ranges (batch);
      if (batch->target_id && fm_imap_session_has (conn->session, FM_IMAP_CAP_MOVE))
        return fm_imap_change_move (conn->session, FM_IMAP_RANGES (ranges), batch->target, NULL, error);
      if ((trash = gmail_trash (conn, batch->folder_id)))
        return fm_imap_change_move (conn->session, FM_IMAP_RANGES (ranges), trash, NULL, error);
      return fm_imap_perform_take_out (conn, batch->folder_id, ranges, error);
    case FM_OP_APPEND:
      return do_append (conn, batch, ret_uids, error);
    case FM_OP_FOLDER_CREATE:
      return fm_imap_change_create (conn->session, batch->folder, error) && subscribe (conn, batch->folder, error);
    case FM_OP_FOLDER_RENAME:
      return fm_imap_change_rename (conn->session, batch->folder, batch->target, error);
    case FM_OP_FOLDER_DELETE:
      return fm_imap_session_unselect (conn->session, error) && fm_imap_change_delete (conn->session, batch->folder, error);
    case FM_OP_FOLDER_SUBSCRIBE:
      return fm_imap_change_subscribe (conn->session, batch->folder, batch->add != 0, error);
    }
  return FALSE;
}

/* A missing target is made once, as the server hints ([TRYCREATE]). */
gboolean
fm_imap_perform_batch (FmImapConn *conn, const FmOpBatch *batch, guint32 **ret_uids, GError **error)
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

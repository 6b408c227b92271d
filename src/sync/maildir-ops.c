/* From the journal to the directory. Each operation is marked as sent, done on the files, and confirmed together with the row's new path. A crash in
 * between leaves it marked, and it is done again: the name a message gets in its new folder is made from the operation's number, so doing it twice finds
 * it done. A file that another program renamed meanwhile is found by its unique name; one that is nowhere is gone, which is told. */
#include "sync/maildir-file.h"
#include "sync/maildir-name.h"
#include "sync/maildir-private.h"
#include "sync/maildir-tree.h"
#include "sync/special-folder.h"
#include <fulmar/base/error.h>
#include <fulmar/store/body-store.h>
#include <fulmar/store/journal.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BATCH 200
#define RETRY_S 30

/* What became of one operation, for the pen. */
typedef struct {
  gint64 op_id, row_id; /* row_id: whose path changed; 0: none */
  gint64 place_id;      /* the folder that gives the row its number; 0: it keeps its own */
  char *path;
  char *digest; /* the store's own copy of an expunged file that others show, or NULL */
  guint64 size_bytes;
  gint64 blob_id; /* with DIGEST: what those others show now */
  GError *error;
} Outcome;

typedef struct {
  FmOpBatch *batch;
  FmFolderInfo *folder, *target; /* may be NULL */
  GPtrArray *outcomes;
  char *folder_path; /* CREATE and RENAME: where the folder is now */
  gint64 refused_group;
  char *refusal;
} Work;

static void
outcome_free (gpointer data)
{
  Outcome *outcome = data;
  g_free (outcome->path);
  g_free (outcome->digest);
  g_clear_error (&outcome->error);
  g_free (outcome);
}

static void
expect (FmMaildirContext *context, const char *path)
{
  g_hash_table_add (context->expected, g_strdup (path));
}

/* Where the row's file is now, wherever another program has put it within its folder. Transfer: full. */
static char *
present_path (const FmMessageInfo *row, GError **error)
{
  if (row->path == NULL)
    {
      g_set_error_literal (error, FM_ERROR, FM_ERROR_NOT_FOUND, "the message has no file");
      return NULL;
    }
  if (access (row->path, F_OK) == 0)
    return g_strdup (row->path);
  g_autofree char *sub = g_path_get_dirname (row->path);
  g_autofree char *dir = g_path_get_dirname (sub);
  char *found = fm_maildir_file_find (dir, row->path);
  if (found == NULL)
    g_set_error (error, FM_ERROR, FM_ERROR_NOT_FOUND, "another program has taken the message \"%s\" away", row->subject);
  return found;
}

/* A name in FOLDER's cur that is the same each time this operation is done. */
static char *
path_for (const FmFolderInfo *folder, const FmOpItem *item, gint64 date_utc, const char *old_name, guint flags)
{
  g_autofree char *key = g_strdup_printf ("%" G_GINT64_FORMAT ".O%" G_GINT64_FORMAT "M%" G_GINT64_FORMAT "F%" G_GINT64_FORMAT ".fulmar",
                                          date_utc, item->op_id, item->msg_id, folder->id);
  const char *info = old_name + fm_maildir_name_key_length (old_name);
  g_autofree char *named = g_strconcat (key, info, NULL);
  g_autofree char *name = fm_maildir_name_with_flags (named, flags);
  return g_build_filename (folder->path, "cur", name, NULL);
}

static const char *
base_name (const char *path)
{
  const char *slash = strrchr (path, '/');
  return slash == NULL ? path : slash + 1;
}

static gboolean
do_flags (FmMaildirContext *context, const Work *work, const FmMessageInfo *row, Outcome *outcome)
{
  g_autofree char *from = present_path (row, &outcome->error);
  if (from == NULL)
    return FALSE;
  g_autofree char *sub = g_path_get_dirname (from);
  g_autofree char *dir = g_path_get_dirname (sub);
  guint flags = (fm_maildir_name_flags (base_name (from)) | work->batch->add) & ~work->batch->remove;
  g_autofree char *name = fm_maildir_name_with_flags (base_name (from), flags);
  g_autofree char *to = g_build_filename (dir, "cur", name, NULL);
  expect (context, from);
  expect (context, to);
  if (!fm_maildir_file_move (from, to, &outcome->error))
    return FALSE;
  outcome->row_id = row->id;
  outcome->path = g_steal_pointer (&to);
  return TRUE;
}

static gboolean
do_transfer (FmMaildirContext *context, const Work *work, const FmOpItem *item, const FmMessageInfo *row, Outcome *outcome)
{
  gboolean copy = work->batch->kind == FM_OP_COPY;
  if (work->target == NULL || work->target->path == NULL)
    {
      g_set_error_literal (&outcome->error, FM_ERROR, FM_ERROR_NOT_FOUND, "the folder to move to is gone");
      return FALSE;
    }
  guint flags = row->path == NULL ? row->flags : fm_maildir_name_flags (base_name (row->path));
  g_autofree char *to = path_for (work->target, item, row->internal_date_utc, row->path == NULL ? "" : base_name (row->path), flags);
  g_autofree char *done = fm_maildir_file_find (work->target->path, to);
  g_autofree char *from = present_path (row, done == NULL ? &outcome->error : NULL);
  if (done == NULL && from == NULL)
    return FALSE;
  expect (context, to);
  if (from != NULL && !copy)
    expect (context, from);
  gboolean ok = from == NULL
                || (copy ? fm_maildir_file_copy (from, work->target->path, done != NULL ? done : to, &outcome->error)
                         : fm_maildir_file_move (from, done != NULL ? done : to, &outcome->error));
  if (!ok)
    return FALSE;
  outcome->row_id = copy ? item->new_msg_id : row->id;
  outcome->place_id = work->target->id;
  outcome->path = done != NULL ? g_steal_pointer (&done) : g_steal_pointer (&to);
  return TRUE;
}

/* Whether rows elsewhere (the mail was moved to another account) show this very file: then they need one of their own before it goes. */
static gboolean
is_shared (FmMaildirContext *context, const FmMessageInfo *row)
{
  g_autoptr (GArray) rows = row->blob_id == 0 ? NULL : fm_message_store_find_blob (context->reader, row->blob_id, NULL);
  for (guint i = 0; rows != NULL && i < rows->len; i++)
    {
      g_autoptr (FmMessageInfo) other = fm_message_store_get (context->reader, g_array_index (rows, gint64, i), NULL);
      if (other != NULL && other->id != row->id && other->path == NULL)
        return TRUE;
    }
  return FALSE;
}

/* Puts the file's content into the store's own files; the rows that need it get it with the outcome. */
static gboolean
adopt (FmMaildirContext *context, const char *path, Outcome *outcome)
{
  int fd = open (path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    {
      fm_error_set_errno (&outcome->error, FM_ERROR_STORAGE, errno, "the mail file %s", path);
      return FALSE;
    }
  g_autoptr (FmSink) sink = fm_body_store_sink_new (context->env->store, G_MAXINT64, FALSE);
  char buffer[65536];
  ssize_t n;
  gboolean ok = TRUE;
  while (ok && (n = read (fd, buffer, sizeof buffer)) > 0)
    ok = fm_sink_write (sink, buffer, (gsize) n, &outcome->error);
  close (fd);
  if (!ok || !fm_sink_commit (sink, &outcome->error))
    return FALSE;
  outcome->digest = g_strdup (fm_body_store_sink_digest (sink, &outcome->size_bytes));
  return TRUE;
}

static gboolean
do_expunge (FmMaildirContext *context, const FmMessageInfo *row, Outcome *outcome)
{
  g_autofree char *path = present_path (row, NULL);
  if (path == NULL)
    return TRUE;
  outcome->blob_id = row->blob_id;
  if (is_shared (context, row) && !adopt (context, path, outcome))
    return FALSE;
  expect (context, path);
  return fm_maildir_file_remove (path, &outcome->error);
}

static gboolean
do_append (FmMaildirContext *context, const Work *work, const FmOpItem *item, const FmMessageInfo *row, Outcome *outcome)
{
  if (work->folder == NULL || work->folder->path == NULL)
    {
      g_set_error_literal (&outcome->error, FM_ERROR, FM_ERROR_NOT_FOUND, "the folder to file it in is gone");
      return FALSE;
    }
  g_autofree char *from = fm_body_store_blob_path (context->reader, work->batch->blob_id, &outcome->error);
  if (from == NULL)
    return FALSE;
  g_autofree char *to = path_for (work->folder, item, work->batch->date_utc, "", row->flags);
  g_autofree char *done = fm_maildir_file_find (work->folder->path, to);
  expect (context, to);
  if (done == NULL && !fm_maildir_file_copy (from, work->folder->path, to, &outcome->error))
    return FALSE;
  outcome->row_id = row->id;
  outcome->place_id = work->folder->id;
  outcome->path = done != NULL ? g_steal_pointer (&done) : g_steal_pointer (&to);
  return TRUE;
}

static void
do_item (FmMaildirContext *context, Work *work, const FmOpItem *item)
{
  Outcome *outcome = g_new0 (Outcome, 1);
  outcome->op_id = item->op_id;
  g_ptr_array_add (work->outcomes, outcome);
  g_autoptr (FmMessageInfo) row = fm_message_store_get (context->reader, item->msg_id, &outcome->error);
  if (row == NULL)
    return;
  switch (work->batch->kind)
    {
    case FM_OP_FLAGS:
      do_flags (context, work, row, outcome);
      break;
    case FM_OP_MOVE:
    case FM_OP_COPY:
      do_transfer (context, work, item, row, outcome);
      break;
    case FM_OP_EXPUNGE:
      do_expunge (context, row, outcome);
      break;
    default:
      do_append (context, work, item, row, outcome);
      break;
    }
}

/* Removes a folder's mail and its directories; folders inside it stay. */
static gboolean
remove_folder (const char *path, GError **error)
{
  static const char *const parts[] = { "tmp", "new", "cur", "." };
  for (guint i = 0; i < G_N_ELEMENTS (parts); i++)
    {
      g_autofree char *sub = g_build_filename (path, parts[i], NULL);
      g_autoptr (GDir) dir = g_dir_open (sub, 0, NULL);
      const char *name;
      while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
        {
          g_autofree char *file = g_build_filename (sub, name, NULL);
          struct stat st;
          if (lstat (file, &st) == 0 && !S_ISDIR (st.st_mode) && !fm_maildir_file_remove (file, error))
            return FALSE;
        }
      if (i < 3 && rmdir (sub) != 0 && errno != ENOENT)
        {
          fm_error_set_errno (error, FM_ERROR_STORAGE, errno, "the folder %s can't be removed", sub);
          return FALSE;
        }
    }
  rmdir (path);
  return TRUE;
}

static gboolean
do_folder (FmMaildirContext *context, Work *work, GError **error)
{
  const FmOpBatch *batch = work->batch;
  if (batch->kind == FM_OP_FOLDER_DELETE)
    return work->folder == NULL || work->folder->path == NULL || remove_folder (work->folder->path, error);
  const char *name = batch->kind == FM_OP_FOLDER_CREATE ? batch->folder : batch->target;
  work->folder_path = fm_maildir_tree_path (context->spec->path, name, error);
  if (work->folder_path == NULL)
    return FALSE;
  if (batch->kind == FM_OP_FOLDER_CREATE)
    return fm_maildir_tree_make (work->folder_path, error);
  g_autofree char *parent = g_path_get_dirname (work->folder_path);
  if (access (work->folder_path, F_OK) == 0 && (work->folder == NULL || access (work->folder->path, F_OK) != 0))
    return TRUE; /* done before a crash */
  if (access (work->folder_path, F_OK) == 0)
    {
      g_set_error (error, FM_ERROR, FM_ERROR_REFUSED, "there is a folder %s already", name);
      return FALSE;
    }
  if (work->folder == NULL || g_mkdir_with_parents (parent, 0700) != 0 || rename (work->folder->path, work->folder_path) != 0)
    {
      fm_error_set_errno (error, FM_ERROR_STORAGE, errno, "the folder %s can't be renamed", batch->folder);
      return FALSE;
    }
  return TRUE;
}

/* A local row's number: the next of its folder. */
static gboolean
next_uid (FmStoreWriter *writer, gint64 folder_id, guint32 *ret_uid, GError **error)
{
  g_autoptr (FmFolderInfo) folder = fm_folder_store_get (fm_db_writer_reader (writer), folder_id, error);
  if (folder == NULL)
    return FALSE;
  *ret_uid = MAX (folder->uidnext, 1);
  return fm_folder_store_set_uidnext (writer, folder_id, *ret_uid + 1, error);
}

static gboolean
refuse (FmStoreWriter *writer, Work *work, gint64 op_id, const GError *why, GError **error)
{
  g_free (work->refusal);
  work->refusal = g_strdup (why->message);
  return fm_journal_refuse (writer, op_id, why->message, &work->refused_group, error);
}

/* Rows without a file of their own that showed the expunged one get the store's copy. */
static gboolean
hand_over (FmStoreWriter *writer, const Outcome *outcome, GError **error)
{
  FmStoreReader *reader = fm_db_writer_reader (writer);
  g_autoptr (GArray) rows = fm_message_store_find_blob (reader, outcome->blob_id, error);
  for (guint i = 0; rows != NULL && i < rows->len; i++)
    {
      g_autoptr (FmMessageInfo) row = fm_message_store_get (reader, g_array_index (rows, gint64, i), error);
      if (row == NULL || (row->path == NULL && fm_body_store_attach (writer, row->id, outcome->digest, outcome->size_bytes, error) == 0))
        return FALSE;
    }
  return rows != NULL;
}

static gboolean
settle_item (FmStoreWriter *writer, Work *work, const Outcome *outcome, GError **error)
{
  if (g_error_matches (outcome->error, FM_ERROR, FM_ERROR_STORAGE))
    return fm_journal_retry (writer, &outcome->op_id, 1, RETRY_S, outcome->error->message, error);
  if (outcome->error != NULL)
    return refuse (writer, work, outcome->op_id, outcome->error, error);
  if (outcome->digest != NULL && !hand_over (writer, outcome, error))
    return FALSE;
  guint32 uid = 0;
  if (outcome->place_id != 0 && !next_uid (writer, outcome->place_id, &uid, error))
    return FALSE;
  if (outcome->row_id != 0
      && (!fm_message_store_set_path (writer, outcome->row_id, outcome->path, error)
          || (outcome->place_id != 0 && !fm_body_store_put_local (writer, &outcome->row_id, 1, error))))
    return FALSE;
  return fm_journal_confirm (writer, outcome->op_id, uid, error);
}

typedef struct {
  char *from, *to;
  FmStoreWriter *writer;
  GError *error;
} Repath;

static gboolean
repath_row (gint64 msg_id, const char *path, guint flags, gpointer data)
{
  Repath *repath = data;
  if (path == NULL || !g_str_has_prefix (path, repath->from))
    return TRUE;
  g_autofree char *now = g_strconcat (repath->to, path + strlen (repath->from), NULL);
  return fm_message_store_set_path (repath->writer, msg_id, now, &repath->error);
}

/* The files of a renamed folder are where the folder is. */
static gboolean
repath (FmStoreWriter *writer, const FmFolderInfo *folder, const char *path, GError **error)
{
  Repath change = { g_strdup_printf ("%s/", folder->path), g_strdup_printf ("%s/", path), writer, NULL };
  gboolean ok = fm_message_store_each_local (fm_db_writer_reader (writer), folder->id, repath_row, &change, error);
  g_free (change.from);
  g_free (change.to);
  if (change.error != NULL)
    g_propagate_error (error, change.error);
  return ok && change.error == NULL;
}

static gboolean
settle_folder (FmStoreWriter *writer, Work *work, const Outcome *outcome, GError **error)
{
  if (outcome->error != NULL)
    return refuse (writer, work, outcome->op_id, outcome->error, error);
  const FmOpBatch *batch = work->batch;
  if (batch->kind == FM_OP_FOLDER_RENAME && work->folder != NULL && !repath (writer, work->folder, work->folder_path, error))
    return FALSE;
  if (!fm_journal_confirm (writer, outcome->op_id, 0, error))
    return FALSE;
  if (batch->kind == FM_OP_FOLDER_DELETE)
    return TRUE;
  FmFolderInput input = { .name = batch->kind == FM_OP_FOLDER_CREATE ? batch->folder : batch->target,
                          .path = work->folder_path,
                          .delimiter = '/',
                          .special = fm_special_folder_by_name (batch->kind == FM_OP_FOLDER_CREATE ? batch->folder : batch->target, '/'),
                          .subscribed = TRUE,
                          .selectable = TRUE };
  return fm_folder_store_put (writer, batch->account_id, &input, error) != 0;
}

static gboolean
settle (FmStoreWriter *writer, gpointer data, GError **error)
{
  Work *work = data;
  gboolean folders = work->batch->kind >= FM_OP_FOLDER_CREATE;
  for (guint i = 0; i < work->outcomes->len; i++)
    if (!(folders ? settle_folder : settle_item) (writer, work, work->outcomes->pdata[i], error))
      return FALSE;
  return TRUE;
}

static gboolean
mark_sent (FmStoreWriter *writer, gpointer data, GError **error)
{
  FmOpBatch *batch = ((Work *) data)->batch;
  return fm_journal_mark_sent (writer, batch, 0, batch->n, error);
}

static void
tell_folder (FmMaildirContext *context, gint64 folder_id)
{
  FmEvent *event = fm_event_new (FM_EVENT_FOLDER_CHANGED, 0);
  event->folder_id = folder_id;
  if (folder_id != 0)
    fm_sync_env_emit (context->env, event);
  else
    fm_event_unref (event);
}

static void
tell (FmMaildirContext *context, const Work *work)
{
  tell_folder (context, work->batch->folder_id);
  if (work->batch->kind < FM_OP_FOLDER_CREATE)
    tell_folder (context, work->batch->target_id);
  else
    fm_sync_env_emit (context->env, fm_event_new (FM_EVENT_FOLDERS_CHANGED, 0));
  if (work->refusal == NULL)
    return;
  FmEvent *event = fm_event_new (FM_EVENT_OP_REFUSED, 0);
  event->account = g_strdup (context->spec->name);
  event->group_id = work->refused_group;
  event->text = g_strdup (work->refusal);
  fm_sync_env_emit (context->env, event);
}

static gboolean
run_batch (FmMaildirContext *context, FmOpBatch *batch, GError **error)
{
  Work work = { .batch = batch, .outcomes = g_ptr_array_new_with_free_func (outcome_free) };
  work.folder = fm_folder_store_get (context->reader, batch->folder_id, NULL);
  work.target = batch->target_id == 0 ? NULL : fm_folder_store_get (context->reader, batch->target_id, NULL);
  gboolean planned = batch->state == FM_OP_PLANNED;
  gboolean ok = !planned || fm_pen_call (context->env->pen, FM_PEN_SAFE, mark_sent, &work, error);
  if (ok && planned)
    fm_journal_batch_trim (batch);
  if (ok && batch->kind >= FM_OP_FOLDER_CREATE && batch->n > 0)
    {
      Outcome *outcome = g_new0 (Outcome, 1);
      outcome->op_id = batch->items[0].op_id;
      g_ptr_array_add (work.outcomes, outcome);
      do_folder (context, &work, &outcome->error);
    }
  else if (ok)
    {
      for (gsize i = 0; i < batch->n; i++)
        do_item (context, &work, &batch->items[i]);
    }
  ok = ok && fm_pen_call (context->env->pen, FM_PEN_SAFE, settle, &work, error);
  if (ok)
    tell (context, &work);
  g_ptr_array_unref (work.outcomes);
  g_clear_pointer (&work.folder, fm_folder_store_free);
  g_clear_pointer (&work.target, fm_folder_store_free);
  g_free (work.folder_path);
  g_free (work.refusal);
  return ok;
}

gboolean
fm_maildir_ops_run (FmMaildirContext *context, GError **error)
{
  while (!fm_cancel_is_set (context->cancel))
    {
      g_autoptr (GError) local = NULL;
      g_autoptr (FmOpBatch) batch = fm_journal_unanswered (context->reader, context->account_id, BATCH, &local);
      if (batch == NULL && local == NULL)
        batch = fm_journal_next (context->reader, context->account_id, BATCH, &local);
      if (batch == NULL && local == NULL)
        break;
      if (batch == NULL)
        {
          g_propagate_error (error, g_steal_pointer (&local));
          return FALSE;
        }
      if (!run_batch (context, batch, error))
        return FALSE;
    }
  fm_sync_env_queue_changed (context->env);
  return TRUE;
}

/* From a directory to rows. A scan compares names, never contents: the unique part of a file's name finds its row, letters that differ are flags that
 * another program changed, a name that is not known is a new message whose header is read, a row without a file is gone (looked at twice: a file
 * that is renamed while a directory is read may be missed by the reading). New messages are read newest first by a few threads and written by
 * the pen in small slices.
 *
 * A file that one of our own waiting operations is about to take away must not be taken for a new message of its old folder. Planning and writing both
 * happen in the pen, so the slice itself asks which files are leaving and passes them over. */
#include "sync/maildir-header.h"
#include "sync/maildir-list.h"
#include "sync/maildir-name.h"
#include "sync/maildir-private.h"
#include <fulmar/base/clock.h>
#include <fulmar/base/error.h>
#include <fulmar/base/thread.h>
#include <fulmar/store/journal.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FEW_FILES 1000
#define SLICE 100
#define N_PARSERS 2
#define MAX_OPEN_SLICES 12
#define MAX_WAITING_OPS 20000
#define TELL_EVERY_US (300 * 1000)
#define LOCAL_FLAGS (FM_FLAG_JUNK | FM_FLAG_NOTJUNK | FM_FLAG_MDNSENT) /* bits that Maildir names can't hold */

typedef struct {
  gint64 msg_id;
  char *path;
  guint flags;
  gboolean met;
} Known;

typedef struct {
  FmMaildirContext *context;
  const FmFolderInfo *folder;
  FmMaildirChanges *changes;
  GPtrArray *fresh; /* FmMaildirFile*, borrowed, newest first */
  pthread_mutex_t mutex;
  pthread_cond_t slot;
  gsize next;        /* under mutex: first file no parser has taken */
  guint open_slices; /* under mutex */
  gsize written;     /* under mutex */
  gint64 told_us;    /* under mutex */
  GError *error;     /* under mutex: the first */
} Import;

typedef struct {
  Import *import;
  GPtrArray *paths;
  GArray *inputs; /* FmMessageInput; envelopes owned */
  FmMessageResult result;
} Slice;

static void
known_free (gpointer data)
{
  Known *known = data;
  g_free (known->path);
  g_free (known);
}

static char *
file_path (const FmFolderInfo *folder, const FmMaildirFile *file)
{
  return g_build_filename (folder->path, file->is_new ? "new" : "cur", file->name, NULL);
}

typedef struct {
  const char *dir; /* of the folder, with a slash at its end */
  GHashTable *known;
} Gather;

static gboolean
gather_known (gint64 msg_id, const char *path, guint flags, gpointer data)
{
  Gather *gather = data;
  /* A row on its way here still has its file in another folder: it is not this directory's to miss. */
  if (path == NULL || !g_str_has_prefix (path, gather->dir))
    return TRUE;
  const char *name = strrchr (path, '/') + 1;
  Known *known = g_new0 (Known, 1);
  known->msg_id = msg_id;
  known->path = g_strdup (path);
  known->flags = flags;
  g_hash_table_replace (gather->known, fm_maildir_name_key (name), known);
  return TRUE;
}

static GHashTable *
known_rows (FmMaildirContext *context, const FmFolderInfo *folder, GError **error)
{
  g_autofree char *dir = g_strdup_printf ("%s/", folder->path);
  g_autoptr (GHashTable) known = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, known_free);
  Gather gather = { dir, known };
  if (!fm_message_store_each_local (context->reader, folder->id, gather_known, &gather, error))
    return NULL;
  return g_steal_pointer (&known);
}

static guint
flags_of (const char *name, gboolean is_new)
{
  guint flags = fm_maildir_name_flags (name);
  return is_new ? flags & ~(guint) FM_FLAG_SEEN : flags;
}

static void
slice_free (gpointer data)
{
  Slice *slice = data;
  for (guint i = 0; i < slice->inputs->len; i++)
    fm_envelope_unref ((FmEnvelope *) g_array_index (slice->inputs, FmMessageInput, i).envelope);
  g_array_unref (slice->inputs);
  g_ptr_array_unref (slice->paths);
  g_free (slice);
}

static void
slice_add (Slice *slice, const FmFolderInfo *folder, FmMaildirFile *file)
{
  g_autofree char *path = file_path (folder, file);
  struct stat st;
  FmEnvelope *envelope = fm_maildir_header_read (path, &st);
  if (envelope == NULL)
    return;
  FmMessageInput input = FM_MESSAGE_INPUT_INIT;
  input.flags = flags_of (file->name, file->is_new);
  input.internal_date_utc = st.st_mtime;
  input.size_bytes = (guint64) st.st_size;
  input.path = path;
  input.envelope = envelope;
  g_ptr_array_add (slice->paths, g_steal_pointer (&path));
  g_array_append_val (slice->inputs, input);
}

static Slice *
slice_new (void)
{
  Slice *slice = g_new0 (Slice, 1);
  slice->paths = g_ptr_array_new_with_free_func (g_free);
  slice->inputs = g_array_new (FALSE, FALSE, sizeof (FmMessageInput));
  return slice;
}

/* Paths of files that waiting operations of the account take out of their folders. NULL: none. Transfer: full. */
static GHashTable *
leaving_paths (FmStoreReader *reader, gint64 account_id)
{
  if (fm_journal_pending (reader, account_id) == 0)
    return NULL;
  g_autoptr (GPtrArray) ops = fm_journal_list (reader, account_id, MAX_WAITING_OPS, NULL);
  GHashTable *paths = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  for (guint i = 0; ops != NULL && i < ops->len; i++)
    {
      const FmOpInfo *op = ops->pdata[i];
      if (op->state >= FM_OP_CONFIRMED || (op->kind != FM_OP_MOVE && op->kind != FM_OP_EXPUNGE))
        continue;
      g_autoptr (FmMessageInfo) row = fm_message_store_get (reader, op->msg_id, NULL);
      if (row != NULL && row->path != NULL)
        g_hash_table_add (paths, g_steal_pointer (&row->path));
    }
  return paths;
}

/* Has this folder a row of that file by now, under whatever flags its name carries? A row that left and was brought back while the directory
 * was being read looks new to the reading. Asked only of few files: a large first reading has nothing to meet. */
static gboolean
has_row (FmStoreReader *reader, const Import *import, const FmMessageInput *input)
{
  const char *message_id = fm_envelope_message_id (input->envelope);
  if (import->fresh->len > FEW_FILES || *message_id == '\0')
    return FALSE;
  g_autoptr (GArray) ids = fm_message_store_find_message_id (reader, message_id, NULL);
  g_autofree char *key = fm_maildir_name_key (strrchr (input->path, '/') + 1);
  for (guint i = 0; ids != NULL && i < ids->len; i++)
    {
      g_autoptr (FmMessageInfo) row = fm_message_store_get (reader, g_array_index (ids, gint64, i), NULL);
      const char *slash = row == NULL || row->path == NULL ? NULL : strrchr (row->path, '/');
      g_autofree char *other = slash == NULL ? NULL : fm_maildir_name_key (slash + 1);
      if (row != NULL && row->folder_id == import->folder->id && g_strcmp0 (other, key) == 0)
        return TRUE;
    }
  return FALSE;
}

/* The pen's thread. */
static gboolean
slice_write (FmStoreWriter *writer, gpointer data, GError **error)
{
  Slice *slice = data;
  const FmMessageInput *inputs = (const FmMessageInput *) (gconstpointer) slice->inputs->data;
  g_autoptr (GHashTable) leaving = leaving_paths (fm_db_writer_reader (writer), slice->import->context->account_id);
  g_autoptr (GArray) staying = g_array_sized_new (FALSE, FALSE, sizeof (FmMessageInput), slice->inputs->len);
  for (guint i = 0; i < slice->inputs->len; i++)
    /* What was read a moment ago may have got another name since (its flags), and its row with it: a name that is no more makes no row. */
    if ((leaving == NULL || !g_hash_table_contains (leaving, inputs[i].path)) && access (inputs[i].path, F_OK) == 0
        && !has_row (fm_db_writer_reader (writer), slice->import, &inputs[i]))
      g_array_append_val (staying, inputs[i]);
  slice->result = (FmMessageResult){ 0 };
  return fm_message_store_upsert (writer, slice->import->folder->id, (const FmMessageInput *) (gconstpointer) staying->data, staying->len,
                                  &slice->result, error);
}

static void
tell_folder (FmMaildirContext *context, gint64 folder_id, guint unseen)
{
  FmEvent *event = fm_event_new (FM_EVENT_FOLDER_CHANGED, 0);
  event->account = g_strdup (context->spec->name);
  event->folder_id = folder_id;
  event->count = unseen;
  fm_sync_env_emit (context->env, event);
}

/* Under the import's mutex: rows appear at once, then a few times a second. */
static void
tell_progress (Import *import)
{
  gint64 now = fm_clock_mono_us ();
  if (import->told_us != 0 && now - import->told_us < TELL_EVERY_US)
    return;
  import->told_us = now;
  tell_folder (import->context, import->folder->id, 0);
  if (import->fresh->len <= SLICE * 5)
    return;
  FmEvent *event = fm_event_new (FM_EVENT_PROGRESS, 0);
  event->account = g_strdup (import->context->spec->name);
  event->folder_id = import->folder->id;
  event->text = g_strdup_printf ("%s: headers", import->folder->name);
  event->count = (gint64) import->written;
  event->total = import->fresh->len;
  fm_sync_env_emit (import->context->env, event);
}

/* The pen's thread. */
static void
slice_done (const GError *error, gpointer data)
{
  Slice *slice = data;
  Import *import = slice->import;
  pthread_mutex_lock (&import->mutex);
  if (error != NULL && import->error == NULL)
    import->error = g_error_copy (error);
  if (error == NULL)
    {
      import->changes->added += slice->result.added;
      import->changes->unseen_added += slice->result.unseen_added;
      import->written += slice->inputs->len;
      tell_progress (import);
    }
  import->open_slices--;
  pthread_cond_broadcast (&import->slot);
  pthread_mutex_unlock (&import->mutex);
}

/* The next files to read, once there is room for another slice. FALSE: no more. */
static gboolean
take_files (Import *import, gsize *ret_first, gsize *ret_n)
{
  pthread_mutex_lock (&import->mutex);
  while (import->open_slices >= MAX_OPEN_SLICES)
    pthread_cond_wait (&import->slot, &import->mutex);
  gboolean more = import->next < import->fresh->len && import->error == NULL && !fm_cancel_is_set (import->context->cancel);
  if (more)
    {
      *ret_first = import->next;
      *ret_n = MIN ((gsize) SLICE, import->fresh->len - import->next);
      import->next += *ret_n;
      import->open_slices++;
    }
  pthread_mutex_unlock (&import->mutex);
  return more;
}

static void
parser_main (gpointer data)
{
  Import *import = data;
  gsize first, n;
  while (take_files (import, &first, &n))
    {
      Slice *slice = slice_new ();
      slice->import = import;
      for (gsize i = first; i < first + n; i++)
        slice_add (slice, import->folder, import->fresh->pdata[i]);
      fm_pen_post (import->context->env->pen, FM_PEN_BULK, slice_write, slice_done, slice, slice_free);
    }
}

static gboolean
import_files (FmMaildirContext *context, const FmFolderInfo *folder, GPtrArray *fresh, FmMaildirChanges *changes, GError **error)
{
  Import import = { .context = context,
                    .folder = folder,
                    .changes = changes,
                    .fresh = fresh,
                    .mutex = PTHREAD_MUTEX_INITIALIZER,
                    .slot = PTHREAD_COND_INITIALIZER };
  FmThread *helpers[N_PARSERS - 1];
  guint n_helpers = fresh->len > SLICE ? N_PARSERS - 1 : 0;
  for (guint i = 0; i < n_helpers; i++)
    helpers[i] = fm_thread_start ("maildir-parse", parser_main, &import);
  parser_main (&import);
  for (guint i = 0; i < n_helpers; i++)
    fm_thread_join (helpers[i]);
  pthread_mutex_lock (&import.mutex);
  while (import.open_slices > 0)
    pthread_cond_wait (&import.slot, &import.mutex);
  pthread_mutex_unlock (&import.mutex);
  pthread_mutex_destroy (&import.mutex);
  pthread_cond_destroy (&import.slot);
  if (import.error != NULL)
    {
      g_propagate_error (error, import.error);
      return FALSE;
    }
  return fm_cancel_check (context->cancel, error);
}

/* A row whose file has another name now, or none (PATH NULL). */
typedef struct {
  gint64 msg_id;
  char *was, *path;
  guint flags;
} Change;

typedef struct {
  GPtrArray *changes; /* Change* */
  guint updated, removed;
} Changing;

static void
change_free (gpointer data)
{
  Change *change = data;
  g_free (change->was);
  g_free (change->path);
  g_free (change);
}

/* Nothing, if the row has gone elsewhere since it was looked at. */
static gboolean
change_row (FmStoreWriter *writer, const Change *change, GError **error)
{
  g_autoptr (FmMessageInfo) row = fm_message_store_get (fm_db_writer_reader (writer), change->msg_id, NULL);
  if (row == NULL || g_strcmp0 (row->path, change->was) != 0)
    return TRUE;
  if (change->path == NULL)
    return fm_message_store_remove (writer, change->msg_id, error);
  FmMessageFlags word = { row->uid, change->flags | (row->flags & LOCAL_FLAGS), (const char *const *) row->keywords, 0 };
  return fm_message_store_set_path (writer, row->id, change->path, error)
         && fm_message_store_set_flags (writer, row->folder_id, &word, 1, NULL, error);
}

static gboolean
changing_write (FmStoreWriter *writer, gpointer data, GError **error)
{
  Changing *changing = data;
  changing->updated = changing->removed = 0;
  for (guint i = 0; i < changing->changes->len; i++)
    {
      const Change *change = changing->changes->pdata[i];
      if (!change_row (writer, change, error))
        return FALSE;
      if (change->path == NULL)
        changing->removed++;
      else
        changing->updated++;
    }
  return TRUE;
}

/* In slices. */
static gboolean
write_changes (FmMaildirContext *context, GPtrArray *changes, FmMaildirChanges *ret_changes, GError **error)
{
  for (guint at = 0; at < changes->len; at += SLICE)
    {
      Changing changing = { .changes = g_ptr_array_new () };
      for (guint i = at; i < MIN (at + SLICE, changes->len); i++)
        g_ptr_array_add (changing.changes, changes->pdata[i]);
      gboolean ok = fm_pen_call (context->env->pen, FM_PEN_BULK, changing_write, &changing, error);
      g_ptr_array_unref (changing.changes);
      if (!ok)
        return FALSE;
      ret_changes->updated += changing.updated;
      ret_changes->removed += changing.removed;
    }
  return TRUE;
}

static void
add_change (GPtrArray *changes, gint64 msg_id, const char *was, char *path, guint flags)
{
  Change *change = g_new0 (Change, 1);
  change->msg_id = msg_id;
  change->was = g_strdup (was);
  change->path = path;
  change->flags = flags;
  g_ptr_array_add (changes, change);
}

/* New files newest first into FRESH, renamed ones into CHANGES. */
static void
compare (const FmFolderInfo *folder, GHashTable *files, GHashTable *known, GPtrArray *fresh, GPtrArray *changes)
{
  GHashTableIter iter;
  gpointer key, value;
  g_hash_table_iter_init (&iter, files);
  while (g_hash_table_iter_next (&iter, &key, &value))
    {
      FmMaildirFile *file = value;
      Known *row = g_hash_table_lookup (known, key);
      if (row == NULL)
        {
          g_ptr_array_add (fresh, file);
          continue;
        }
      row->met = TRUE;
      g_autofree char *path = file_path (folder, file);
      guint flags = flags_of (file->name, file->is_new);
      if (!g_str_equal (path, row->path))
        add_change (changes, row->msg_id, row->path, g_steal_pointer (&path), flags);
    }
  g_ptr_array_sort (fresh, fm_maildir_list_compare);
}

/* Rows whose files are missing from this reading and from another. */
static gboolean
find_gone (const FmFolderInfo *folder, GHashTable *known, GPtrArray *changes, GError **error)
{
  g_autoptr (GHashTable) again = NULL;
  GHashTableIter iter;
  gpointer key, value;
  g_hash_table_iter_init (&iter, known);
  while (g_hash_table_iter_next (&iter, &key, &value))
    {
      const Known *row = value;
      if (row->met)
        continue;
      if (again == NULL && (again = fm_maildir_list_all (folder->path, error)) == NULL)
        return FALSE;
      if (!g_hash_table_contains (again, key))
        add_change (changes, row->msg_id, row->path, NULL, 0);
    }
  return TRUE;
}

/* The two directories' times as one mark; 0 if one of them is so fresh that a later change might not show in it. */
static gint64
mark_of (const FmFolderInfo *folder)
{
  static const char *const parts[] = { "cur", "new" };
  gint64 mark = 0;
  for (guint i = 0; i < G_N_ELEMENTS (parts); i++)
    {
      g_autofree char *path = g_build_filename (folder->path, parts[i], NULL);
      struct stat st;
      if (stat (path, &st) != 0)
        continue;
      gint64 changed_us = (gint64) st.st_mtim.tv_sec * G_USEC_PER_SEC + st.st_mtim.tv_nsec / 1000;
      if (g_get_real_time () - changed_us < G_USEC_PER_SEC)
        return 0;
      mark += changed_us + (gint64) i;
    }
  return mark;
}

typedef struct {
  gint64 folder_id, mark;
} Synced;

static gboolean
synced_write (FmStoreWriter *writer, gpointer data, GError **error)
{
  const Synced *synced = data;
  return fm_folder_store_set_synced (writer, synced->folder_id, fm_clock_now_utc (), synced->mark, error);
}

/* The newest alone: nothing is compared or missed. */
static gboolean
scan_newest (FmMaildirContext *context, const FmFolderInfo *folder, guint limit, FmMaildirChanges *ret_changes, GError **error)
{
  g_autoptr (GHashTable) known = known_rows (context, folder, error);
  g_autoptr (GPtrArray) fresh = known == NULL ? NULL : fm_maildir_list_newest (folder->path, limit, known, error);
  return fresh != NULL && (fresh->len == 0 || import_files (context, folder, fresh, ret_changes, error));
}

gboolean
fm_maildir_scan_folder (FmMaildirContext *context, const FmFolderInfo *folder, guint limit, gboolean force, FmMaildirChanges *ret_changes,
                        GError **error)
{
  gint64 mark = mark_of (folder);
  if (!force && mark != 0 && mark == folder->mtime_us)
    return TRUE;
  if (limit > 0)
    return scan_newest (context, folder, limit, ret_changes, error);
  g_autoptr (GHashTable) files = fm_maildir_list_all (folder->path, error);
  g_autoptr (GHashTable) known = files == NULL ? NULL : known_rows (context, folder, error);
  if (known == NULL)
    return FALSE;
  g_autoptr (GPtrArray) fresh = g_ptr_array_new (), changes = g_ptr_array_new_with_free_func (change_free);
  compare (folder, files, known, fresh, changes);
  if (fresh->len > 0 && !import_files (context, folder, fresh, ret_changes, error))
    return FALSE;
  if (!find_gone (folder, known, changes, error) || !write_changes (context, changes, ret_changes, error))
    return FALSE;
  Synced synced = { folder->id, mark };
  return fm_pen_call (context->env->pen, FM_PEN_BULK, synced_write, &synced, error);
}

/* The row of FOLDER whose file has this unique name, found through the Message-ID. FALSE: can't be told so. RET_ROW NULL: none. */
static gboolean
find_row (FmMaildirContext *context, const FmFolderInfo *folder, const FmEnvelope *envelope, const char *file_name, FmMessageInfo **ret_row)
{
  const char *message_id = fm_envelope_message_id (envelope);
  g_autoptr (GArray) ids = message_id[0] == '\0' ? NULL : fm_message_store_find_message_id (context->reader, message_id, NULL);
  gsize length = fm_maildir_name_key_length (file_name);
  for (guint i = 0; ids != NULL && i < ids->len; i++)
    {
      g_autoptr (FmMessageInfo) row = fm_message_store_get (context->reader, g_array_index (ids, gint64, i), NULL);
      const char *name = row == NULL || row->path == NULL || row->folder_id != folder->id ? NULL : strrchr (row->path, '/');
      if (name != NULL && fm_maildir_name_key_length (name + 1) == length && strncmp (name + 1, file_name, length) == 0)
        {
          *ret_row = g_steal_pointer (&row);
          break;
        }
    }
  return ids != NULL;
}

gboolean
fm_maildir_scan_file (FmMaildirContext *context, const FmFolderInfo *folder, const char *subdir, const char *file_name,
                      FmMaildirChanges *changes, GError **error)
{
  if (!fm_maildir_name_is_message (file_name))
    return TRUE;
  g_autofree char *path = g_build_filename (folder->path, subdir, file_name, NULL);
  struct stat st;
  g_autoptr (FmEnvelope) envelope = fm_maildir_header_read (path, &st);
  if (envelope == NULL)
    return TRUE; /* gone again: its going is an event of its own */
  g_autoptr (FmMessageInfo) row = NULL;
  if (!find_row (context, folder, envelope, file_name, &row))
    return FALSE;
  gboolean is_new = g_str_equal (subdir, "new");
  if (row != NULL)
    {
      g_autoptr (GPtrArray) list = g_ptr_array_new_with_free_func (change_free);
      add_change (list, row->id, row->path, g_steal_pointer (&path), flags_of (file_name, is_new));
      return write_changes (context, list, changes, error);
    }
  FmMaildirFile file = { .name = (char *) file_name, .is_new = is_new };
  g_autoptr (GPtrArray) fresh = g_ptr_array_new ();
  g_ptr_array_add (fresh, &file);
  return import_files (context, folder, fresh, changes, error);
}

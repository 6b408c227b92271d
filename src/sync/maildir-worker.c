/* The worker of a local mail tree: one thread that carries out operations first, then looks at what changed. At the start each folder shows its newest
 * screenful before any is read whole; afterwards inotify says what moved, a single name is handled as a single message, and anything doubtful is a
 * scan of that folder. */
#include "sync/maildir-worker.h"
#include "sync/maildir-private.h"
#include "sync/maildir-tree.h"
#include "sync/maildir-watch.h"
#include "sync/special-folder.h"
#include <fulmar/base/clock.h>
#include <fulmar/base/error.h>
#include <fulmar/base/log.h>
#include <fulmar/base/port.h>
#include <fulmar/base/thread.h>
#include <fulmar/store/journal.h>

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>

#define FIRST_SCREEN 64
#define QUIET_US (10 * 1000)
#define MAX_TREE_ROUNDS 4
#define UNWATCHED_POLL_US (30 * G_USEC_PER_SEC)
#define RETRY_OPS_US (30 * G_USEC_PER_SEC)
#define MAX_SINGLE 100

typedef enum { ASK_OPS, ASK_SYNC, ASK_OPEN, ASK_SCAN_ALL } AskKind;

typedef struct {
  AskKind kind;
  guint64 request_id;
  gint64 id;
  char **folders;
} Ask;

struct FmAccountWorker {
  FmMaildirContext context;
  FmThread *thread;
  FmPort *port;
  FmMaildirWatch *watch;
  gboolean watch_failed; /* said so; look at times */
  gboolean tree_dirty;
  gboolean started; /* the first pass is over: new mail is news */
  gint64 open_folder;
  GHashTable *dirty;     /* folder ids to scan */
  GPtrArray *appeared;   /* Name*: single names to look at */
  gint64 dirty_since_us; /* 0: nothing is dirty */
  gint64 next_ops_us;
};

typedef struct {
  gint64 folder_id;
  char *subdir, *name;
} Name;

static void
name_free (gpointer data)
{
  Name *name = data;
  g_free (name->subdir);
  g_free (name->name);
  g_free (name);
}

static void
ask_free (gpointer data)
{
  Ask *ask = data;
  g_strfreev (ask->folders);
  g_free (ask);
}

static void
say (FmMaildirContext *context, FmEventKind kind, const char *text, const GError *error)
{
  FmEvent *event = fm_event_new (kind, 0);
  event->account = g_strdup (context->spec->name);
  event->state = FM_STATE_LOCAL;
  event->text = g_strdup (text);
  event->error = error == NULL ? NULL : g_error_copy (error);
  fm_sync_env_emit (context->env, event);
}

static void
answer (FmMaildirContext *context, guint64 request_id, const GError *error)
{
  FmEvent *event = fm_event_new (error == NULL ? FM_EVENT_DONE : FM_EVENT_FAILED, request_id);
  event->error = error == NULL ? NULL : g_error_copy (error);
  fm_sync_env_emit (context->env, event);
}

typedef struct {
  FmMaildirContext *context;
  GPtrArray *found; /* FmMaildirFolder* */
  gboolean changed;
} Tree;

static FmSpecialUse
special_of (const FmAccountSpec *spec, const char *name)
{
  const struct {
    const char *name;
    FmSpecialUse special;
  } named[] = { { spec->sent, FM_SPECIAL_SENT },
                { spec->drafts, FM_SPECIAL_DRAFTS },
                { spec->trash, FM_SPECIAL_TRASH },
                { spec->junk, FM_SPECIAL_JUNK },
                { spec->archive, FM_SPECIAL_ARCHIVE } };
  for (guint i = 0; i < G_N_ELEMENTS (named); i++)
    if (named[i].name != NULL && g_str_equal (named[i].name, name))
      return named[i].special;
  FmSpecialUse special = fm_special_folder_by_name (name, '/');
  for (guint i = 0; i < G_N_ELEMENTS (named); i++)
    if (named[i].name != NULL && named[i].special == special)
      return FM_SPECIAL_NONE;
  return special;
}

static gboolean
tree_write (FmStoreWriter *writer, gpointer data, GError **error)
{
  Tree *tree = data;
  g_autoptr (GPtrArray) rows = fm_folder_store_list (fm_db_writer_reader (writer), tree->context->account_id, error);
  if (rows == NULL)
    return FALSE;
  g_autoptr (GHashTable) by_name = g_hash_table_new (g_str_hash, g_str_equal);
  for (guint i = 0; i < rows->len; i++)
    g_hash_table_insert (by_name, ((FmFolderInfo *) rows->pdata[i])->remote_name, rows->pdata[i]);
  for (guint i = 0; i < tree->found->len; i++)
    {
      const FmMaildirFolder *found = tree->found->pdata[i];
      const FmFolderInfo *row = g_hash_table_lookup (by_name, found->name);
      g_hash_table_remove (by_name, found->name);
      if (row != NULL && g_strcmp0 (row->path, found->path) == 0 && row->special == special_of (tree->context->spec, found->name))
        continue;
      FmFolderInput input = { .name = found->name,
                              .path = found->path,
                              .delimiter = '/',
                              .special = special_of (tree->context->spec, found->name),
                              .subscribed = TRUE,
                              .selectable = TRUE };
      tree->changed = TRUE;
      if (fm_folder_store_put (writer, tree->context->account_id, &input, error) == 0)
        return FALSE;
    }
  GHashTableIter iter;
  gpointer row;
  g_hash_table_iter_init (&iter, by_name);
  while (g_hash_table_iter_next (&iter, NULL, &row))
    {
      const FmFolderInfo *gone = row;
      struct stat st;
      /* Made here and not yet on the disk; or only renamed in the journal. */
      if (gone->path == NULL || (stat (gone->path, &st) == 0 && S_ISDIR (st.st_mode)))
        continue;
      tree->changed = TRUE;
      if (!fm_folder_store_delete (writer, gone->id, error))
        return FALSE;
    }
  return TRUE;
}

gboolean
fm_maildir_worker_read_tree (FmMaildirContext *context, GPtrArray *others, gboolean *ret_changed, GError **error)
{
  Tree tree = { .context = context, .found = fm_maildir_tree_scan (context->spec->path, others, error) };
  if (tree.found == NULL)
    return FALSE;
  gboolean ok = fm_pen_call (context->env->pen, FM_PEN_SAFE, tree_write, &tree, error);
  g_ptr_array_unref (tree.found);
  *ret_changed = tree.changed;
  if (ok && tree.changed)
    {
      FmEvent *event = fm_event_new (FM_EVENT_FOLDERS_CHANGED, 0);
      event->account = g_strdup (context->spec->name);
      fm_sync_env_emit (context->env, event);
    }
  return ok;
}

/* The watches of every folder, set before its names are read, so that nothing falls between; and of OTHERS, in which folders may appear. */
static void
watch_folders (FmAccountWorker *worker, const GPtrArray *others)
{
  if (worker->watch == NULL)
    return;
  fm_maildir_watch_remove_all (worker->watch);
  g_autoptr (GPtrArray) folders = fm_folder_store_list (worker->context.reader, worker->context.account_id, NULL);
  gboolean ok = fm_maildir_watch_add_tree (worker->watch, worker->context.spec->path);
  for (guint i = 0; folders != NULL && ok && i < folders->len; i++)
    {
      const FmFolderInfo *folder = folders->pdata[i];
      if (folder->path != NULL)
        ok = fm_maildir_watch_add (worker->watch, folder->id, folder->path) && fm_maildir_watch_add_tree (worker->watch, folder->path);
    }
  for (guint i = 0; ok && i < others->len; i++)
    ok = fm_maildir_watch_add_tree (worker->watch, others->pdata[i]);
  if (ok || worker->watch_failed)
    return;
  worker->watch_failed = TRUE;
  say (&worker->context, FM_EVENT_NOTICE,
       "the system gives no more directory watches (fs.inotify.max_user_watches): new local mail is seen within 30 s", NULL);
}

static void
tell_changes (FmAccountWorker *worker, gint64 folder_id, const FmMaildirChanges *changes)
{
  if (changes->added + changes->updated + changes->removed == 0)
    return;
  FmEvent *event = fm_event_new (FM_EVENT_FOLDER_CHANGED, 0);
  event->account = g_strdup (worker->context.spec->name);
  event->folder_id = folder_id;
  event->count = worker->started ? changes->unseen_added : 0;
  fm_sync_env_emit (worker->context.env, event);
  if (changes->added > 0)
    fm_sync_env_index (worker->context.env, 0);
}

static void
end_progress (FmAccountWorker *worker, const FmFolderInfo *folder, const FmMaildirChanges *changes)
{
  if (changes->added <= FIRST_SCREEN)
    return;
  FmEvent *event = fm_event_new (FM_EVENT_PROGRESS, 0);
  event->account = g_strdup (worker->context.spec->name);
  event->folder_id = folder->id;
  event->text = g_strdup_printf ("%s: headers", folder->name);
  event->count = event->total = changes->added;
  fm_sync_env_emit (worker->context.env, event);
}

static gboolean
scan (FmAccountWorker *worker, gint64 folder_id, guint limit, gboolean force, GError **error)
{
  g_autoptr (FmFolderInfo) folder = fm_folder_store_get (worker->context.reader, folder_id, NULL);
  if (folder == NULL || folder->path == NULL || !g_file_test (folder->path, G_FILE_TEST_IS_DIR))
    return TRUE;
  FmMaildirChanges changes = { 0 };
  gboolean ok = fm_maildir_scan_folder (&worker->context, folder, limit, force, &changes, error);
  tell_changes (worker, folder_id, &changes);
  end_progress (worker, folder, &changes);
  if (!ok)
    g_prefix_error (error, "%s/%s: ", folder->account, folder->name);
  return ok;
}

/* Folders in the order in which the user misses them: the open one, the inbox, the others by name. Transfer: full, gint64. */
static GArray *
folder_order (FmAccountWorker *worker)
{
  GArray *order = g_array_new (FALSE, FALSE, sizeof (gint64));
  g_autoptr (GPtrArray) folders = fm_folder_store_list (worker->context.reader, worker->context.account_id, NULL);
  for (guint rank = 0; folders != NULL && rank < 3; rank++)
    for (guint i = 0; i < folders->len; i++)
      {
        const FmFolderInfo *folder = folders->pdata[i];
        guint own = folder->id == worker->open_folder ? 0 : folder->special == FM_SPECIAL_INBOX ? 1 : 2;
        if (own == rank)
          g_array_append_val (order, folder->id);
      }
  return order;
}

static gboolean
is_wanted (FmAccountWorker *worker, gint64 folder_id, char **names)
{
  if (names == NULL)
    return TRUE;
  g_autoptr (FmFolderInfo) folder = fm_folder_store_get (worker->context.reader, folder_id, NULL);
  return folder != NULL && g_strv_contains ((const char *const *) names, folder->name);
}

/* Every wanted folder: where nothing is known yet, its newest screenful first. */
static gboolean
scan_all (FmAccountWorker *worker, char **names, gboolean force, GError **error)
{
  g_autoptr (GArray) order = folder_order (worker);
  for (guint pass = 0; pass < 2; pass++)
    for (guint i = 0; i < order->len; i++)
      {
        gint64 id = g_array_index (order, gint64, i);
        if (!is_wanted (worker, id, names))
          continue;
        g_autoptr (FmFolderInfo) folder = fm_folder_store_get (worker->context.reader, id, NULL);
        if (folder == NULL || (pass == 0 && (folder->total > 0 || folder->synced_utc != 0)))
          continue;
        if (!scan (worker, id, pass == 0 ? FIRST_SCREEN : 0, force, error))
          return FALSE;
      }
  return TRUE;
}

static gboolean
run_ops (FmAccountWorker *worker)
{
  g_autoptr (GError) error = NULL;
  worker->next_ops_us = fm_clock_mono_us () + RETRY_OPS_US;
  if (worker->context.env->read_only || fm_maildir_ops_run (&worker->context, &error))
    return TRUE;
  if (!fm_cancel_is_set (worker->context.cancel))
    say (&worker->context, FM_EVENT_NOTICE, "changes to local mail wait", error);
  return FALSE;
}

/* A directory made while the tree was read, and before it was watched, tells nobody: the tree is read again until that finds nothing more. */
static gboolean
follow_tree (FmAccountWorker *worker, GError **error)
{
  guint n_others = G_MAXUINT;
  gboolean changed = TRUE;

  for (guint round = 0; round < MAX_TREE_ROUNDS; round++)
    {
      g_autoptr (GPtrArray) others = g_ptr_array_new_with_free_func (g_free);
      if (!fm_maildir_worker_read_tree (&worker->context, others, &changed, error))
        return FALSE;
      if (round > 0 && !changed && others->len == n_others)
        break;
      n_others = others->len;
      watch_folders (worker, others);
    }
  return TRUE;
}

static gboolean
full_pass (FmAccountWorker *worker, char **names, gboolean force, GError **error)
{
  run_ops (worker);
  worker->tree_dirty = FALSE;
  return follow_tree (worker, error) && scan_all (worker, names, force, error);
}

static void
note_event (FmMaildirWatchKind kind, gint64 folder_id, const char *subdir, const char *name, const char *path, gpointer data)
{
  FmAccountWorker *worker = data;
  if (kind == FM_MAILDIR_WATCH_TREE || kind == FM_MAILDIR_WATCH_LOST)
    {
      worker->tree_dirty = TRUE;
    }
  else if (g_hash_table_remove (worker->context.expected, path))
    {
      return;
    }
  else if (kind == FM_MAILDIR_WATCH_APPEARED && worker->appeared->len < MAX_SINGLE)
    {
      Name *single = g_new0 (Name, 1);
      single->folder_id = folder_id;
      single->subdir = g_strdup (subdir);
      single->name = g_strdup (name);
      g_ptr_array_add (worker->appeared, single);
    }
  else
    {
      g_hash_table_add (worker->dirty, g_memdup2 (&folder_id, sizeof folder_id));
    }
  if (worker->dirty_since_us == 0)
    worker->dirty_since_us = fm_clock_mono_us ();
}

/* One name that appeared, alone; a scan of its folder if that can't be told from the name. */
static void
look_at (FmAccountWorker *worker, const Name *name)
{
  if (g_hash_table_contains (worker->dirty, &name->folder_id))
    return;
  g_autoptr (FmFolderInfo) folder = fm_folder_store_get (worker->context.reader, name->folder_id, NULL);
  g_autoptr (GError) error = NULL;
  FmMaildirChanges changes = { 0 };
  if (folder == NULL || folder->path == NULL)
    return;
  if (!fm_maildir_scan_file (&worker->context, folder, name->subdir, name->name, &changes, &error))
    g_hash_table_add (worker->dirty, g_memdup2 (&name->folder_id, sizeof name->folder_id));
  tell_changes (worker, folder->id, &changes);
}

static void
settle_dirty (FmAccountWorker *worker)
{
  worker->dirty_since_us = 0;
  g_autoptr (GError) error = NULL;
  if (worker->tree_dirty)
    {
      worker->tree_dirty = FALSE;
      g_ptr_array_set_size (worker->appeared, 0);
      g_hash_table_remove_all (worker->dirty);
      if (!full_pass (worker, NULL, FALSE, &error) && !fm_cancel_is_set (worker->context.cancel))
        say (&worker->context, FM_EVENT_NOTICE, "local mail can't be read", error);
      return;
    }
  g_autoptr (GPtrArray) appeared = g_steal_pointer (&worker->appeared);
  worker->appeared = g_ptr_array_new_with_free_func (name_free);
  for (guint i = 0; i < appeared->len; i++)
    look_at (worker, appeared->pdata[i]);
  GHashTableIter iter;
  gpointer id;
  g_hash_table_iter_init (&iter, worker->dirty);
  while (g_hash_table_iter_next (&iter, &id, NULL))
    {
      g_clear_error (&error);
      if (!scan (worker, *(gint64 *) id, 0, TRUE, &error) && !fm_cancel_is_set (worker->context.cancel))
        say (&worker->context, FM_EVENT_NOTICE, "local mail can't be read", error);
    }
  g_hash_table_remove_all (worker->dirty);
}

static void
handle (FmAccountWorker *worker, const Ask *ask)
{
  g_autoptr (GError) error = NULL;
  switch (ask->kind)
    {
    case ASK_OPS:
      run_ops (worker);
      break;
    case ASK_OPEN:
      worker->open_folder = ask->id;
      if (ask->id != 0 && worker->watch_failed)
        scan (worker, ask->id, 0, FALSE, NULL);
      break;
    case ASK_SYNC:
      full_pass (worker, ask->folders, FALSE, &error);
      answer (&worker->context, ask->request_id, error);
      break;
    default:
      if (!full_pass (worker, NULL, FALSE, &error) && !fm_cancel_is_set (worker->context.cancel))
        say (&worker->context, FM_EVENT_NOTICE, "local mail can't be read", error);
      break;
    }
}

/* When the loop must wake up by itself. */
static gint64
next_wake (const FmAccountWorker *worker)
{
  gint64 wake = worker->dirty_since_us != 0 ? worker->dirty_since_us + QUIET_US : G_MAXINT64;
  if (worker->watch == NULL || worker->watch_failed)
    wake = MIN (wake, fm_clock_mono_us () + UNWATCHED_POLL_US);
  if (worker->next_ops_us != 0)
    wake = MIN (wake, worker->next_ops_us);
  return wake;
}

static void
wait_for_something (FmAccountWorker *worker)
{
  struct pollfd fds[3] = { { fm_port_fd (worker->port), POLLIN, 0 },
                           { fm_maildir_watch_fd (worker->watch), POLLIN, 0 },
                           { fm_cancel_fd (worker->context.cancel), POLLIN, 0 } };
  int n = poll (fds, 3, fm_clock_remaining_ms (next_wake (worker)));
  if (n == 0 && (worker->watch == NULL || worker->watch_failed) && worker->dirty_since_us == 0)
    worker->tree_dirty = TRUE, worker->dirty_since_us = 1;
  if (worker->watch != NULL && (fds[1].revents & POLLIN) != 0)
    fm_maildir_watch_read (worker->watch, note_event, worker);
}

static void
loop (FmAccountWorker *worker)
{
  g_autoptr (GError) error = NULL;
  if (!full_pass (worker, NULL, FALSE, &error) && !fm_cancel_is_set (worker->context.cancel))
    say (&worker->context, FM_EVENT_NOTICE, "local mail can't be read", error);
  worker->started = TRUE;
  while (!fm_cancel_is_set (worker->context.cancel))
    {
      Ask *ask = fm_port_try_take (worker->port);
      if (ask != NULL)
        {
          handle (worker, ask);
          ask_free (ask);
          continue;
        }
      gint64 now = fm_clock_mono_us ();
      if (worker->next_ops_us != 0 && worker->next_ops_us <= now)
        {
          run_ops (worker);
          /* Only while something waits is there a reason to look again. */
          if (fm_journal_pending (worker->context.reader, worker->context.account_id) == 0)
            worker->next_ops_us = 0;
          continue;
        }
      if (worker->dirty_since_us != 0 && worker->dirty_since_us + QUIET_US <= now)
        settle_dirty (worker);
      else
        wait_for_something (worker);
    }
}

static void
worker_main (gpointer data)
{
  FmAccountWorker *worker = data;
  g_autoptr (GError) error = NULL;
  worker->context.reader = fm_db_reader_new (worker->context.env->store, &error);
  if (worker->context.reader == NULL)
    {
      say (&worker->context, FM_EVENT_NOTICE, "local mail can't be read", error);
      return;
    }
  say (&worker->context, FM_EVENT_STATE, NULL, NULL);
  worker->watch = fm_maildir_watch_new ();
  loop (worker);
  Ask *ask;
  while ((ask = fm_port_try_take (worker->port)) != NULL)
    {
      g_autoptr (GError) stopped = g_error_new_literal (FM_ERROR, FM_ERROR_CANCELLED, "stopped");
      if (ask->request_id != 0)
        answer (&worker->context, ask->request_id, stopped);
      ask_free (ask);
    }
  fm_maildir_watch_free (worker->watch);
  fm_db_reader_free (worker->context.reader);
}

static FmAccountWorker *
start (FmSyncEnv *env, FmAccountSpec *spec, gint64 account_id)
{
  FmAccountWorker *worker = g_new0 (FmAccountWorker, 1);
  worker->context = (FmMaildirContext){ .env = env,
                                        .spec = fm_account_spec_ref (spec),
                                        .account_id = account_id,
                                        .cancel = fm_cancel_new (),
                                        .expected = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL) };
  worker->port = fm_port_new ();
  worker->dirty = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  worker->appeared = g_ptr_array_new_with_free_func (name_free);
  worker->thread = fm_thread_start ("maildir", worker_main, worker);
  return worker;
}

static void
stop (FmAccountWorker *worker)
{
  fm_cancel_trigger (worker->context.cancel);
}

static void
join (FmAccountWorker *worker)
{
  fm_thread_join (worker->thread);
  fm_port_unref (worker->port);
  g_hash_table_unref (worker->dirty);
  g_ptr_array_unref (worker->appeared);
  g_hash_table_unref (worker->context.expected);
  fm_account_spec_unref (worker->context.spec);
  fm_cancel_unref (worker->context.cancel);
  g_free (worker);
}

static void
post (FmAccountWorker *worker, AskKind kind, guint64 request_id, gint64 id, const char *const *folders)
{
  Ask *ask = g_new0 (Ask, 1);
  ask->kind = kind;
  ask->request_id = request_id;
  ask->id = id;
  ask->folders = g_strdupv ((char **) folders);
  fm_port_post (worker->port, ask, ask_free);
}

static void
ops_ready (FmAccountWorker *worker)
{
  post (worker, ASK_OPS, 0, 0, NULL);
}

static void
open_folder (FmAccountWorker *worker, gint64 folder_id)
{
  post (worker, ASK_OPEN, 0, folder_id, NULL);
}

static void
want_body (FmAccountWorker *worker, guint64 request_id, gint64 msg_id)
{
  answer (&worker->context, request_id, NULL);
}

static void
sync_now (FmAccountWorker *worker, guint64 request_id, const char *const *folders)
{
  post (worker, ASK_SYNC, request_id, 0, folders);
}

static void
retry (FmAccountWorker *worker)
{
  post (worker, ASK_SCAN_ALL, 0, 0, NULL);
}

/* A scan is bounded by the disk; it ends soon enough by itself. */
static void
cancel (FmAccountWorker *worker, guint64 request_id)
{
}

const FmAccountWorkerClass fm_maildir_worker_class = {
  .start = start,
  .stop = stop,
  .join = join,
  .ops_ready = ops_ready,
  .open_folder = open_folder,
  .want_body = want_body,
  .sync = sync_now,
  .retry = retry,
  .cancel = cancel,
};

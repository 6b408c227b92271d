/* The engine's front: what its owner calls. Nothing here waits: a request gets a number, goes to the pen, the pool or the desk, and is answered through
 * fm_engine_emit, the one place that every event passes, so that each request is answered exactly once however many workers took part. */
#include "fulmar/sync/engine.h"
#include "sync/engine-private.h"
#include "sync/event-closure.h"
#include "sync/search.h"
#include <fulmar/base/error.h>
#include <fulmar/base/log.h>
#include <fulmar/base/paths.h>
#include <fulmar/base/text.h>
#include <fulmar/store/folder-store.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define POOL_THREADS 2

static void
request_free (gpointer data)
{
  FmEngineRequest *request = data;
  fm_cancel_unref (request->cancel);
  g_clear_error (&request->error);
  g_free (request);
}

static void
account_free (gpointer data)
{
  FmEngineAccount *account = data;
  fm_account_spec_unref (account->spec);
  fm_account_spec_unref (account->policy);
  g_free (account);
}

guint64
fm_engine_request_new (FmEngine *engine, guint waiting, FmCancel **ret_cancel)
{
  FmEngineRequest *request = g_new0 (FmEngineRequest, 1);
  request->cancel = fm_cancel_new ();
  request->waiting = waiting;
  pthread_mutex_lock (&engine->mutex);
  guint64 id = ++engine->last_id;
  g_hash_table_insert (engine->requests, g_memdup2 (&id, sizeof id), request);
  if (ret_cancel != NULL)
    *ret_cancel = fm_cancel_ref (request->cancel);
  pthread_mutex_unlock (&engine->mutex);
  return id;
}

void
fm_engine_request_add (FmEngine *engine, guint64 id, guint waiting)
{
  FmEngineRequest *request = g_new0 (FmEngineRequest, 1);
  request->cancel = fm_cancel_new ();
  request->waiting = waiting;
  pthread_mutex_lock (&engine->mutex);
  g_hash_table_insert (engine->requests, g_memdup2 (&id, sizeof id), request);
  pthread_mutex_unlock (&engine->mutex);
}

void
fm_engine_request_expect (FmEngine *engine, guint64 id, guint waiting, gboolean then_index)
{
  pthread_mutex_lock (&engine->mutex);
  FmEngineRequest *request = g_hash_table_lookup (engine->requests, &id);
  if (request != NULL)
    {
      request->waiting = waiting;
      request->then_index = then_index;
    }
  pthread_mutex_unlock (&engine->mutex);
}

void
fm_engine_finish (FmEngine *engine, guint64 id, const char *text, const GError *error)
{
  if (id == 0)
    return;
  FmEvent *event = fm_event_new (error == NULL ? FM_EVENT_DONE : FM_EVENT_FAILED, id);
  event->text = g_strdup (text);
  event->error = error == NULL ? NULL : g_error_copy (error);
  fm_engine_emit (engine, event);
}

/* A lock that dies with the process; -1 if another holds it. */
static int
take_lease (const char *data_dir)
{
  g_autofree char *run = g_build_filename (data_dir, "run", NULL);
  if (!fm_paths_make_private_dir (run, NULL))
    return -1;
  g_autofree char *path = g_build_filename (run, "lease", NULL);
  int fd = open (path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd >= 0 && flock (fd, LOCK_EX | LOCK_NB) != 0)
    {
      close (fd);
      fd = -1;
    }
  return fd;
}

gboolean
fm_engine_lease_is_free (const char *data_dir)
{
  int fd = take_lease (data_dir);
  if (fd >= 0)
    close (fd);
  return fd >= 0;
}

gboolean
fm_engine_try_lease (FmEngine *engine)
{
  engine->lease_fd = take_lease (engine->options.data_dir);
  g_atomic_int_set (&engine->is_leader, engine->lease_fd >= 0);
  return engine->lease_fd >= 0;
}

gboolean
fm_engine_register_accounts (FmStoreWriter *writer, gpointer data, GError **error)
{
  FmEngine *engine = data;
  for (guint i = 0; i < engine->accounts->len; i++)
    {
      FmEngineAccount *account = engine->accounts->pdata[i];
      account->account_id = fm_folder_store_put_account (writer, account->spec->name, (FmStoreKind) account->spec->kind, error);
      if (account->account_id == 0)
        return FALSE;
    }
  return TRUE;
}

FmPen *
fm_engine_pen (FmEngine *engine, GError **error)
{
  pthread_mutex_lock (&engine->mutex);
  if (engine->pen == NULL)
    {
      FmStoreWriter *writer = fm_db_writer_new (engine->store, error);
      if (writer != NULL)
        {
          engine->pen = fm_pen_new (engine->store, writer);
          /* Whatever is posted from now on finds its account in the store. */
          fm_pen_post (engine->pen, FM_PEN_USER, fm_engine_register_accounts, NULL, engine, NULL);
        }
      engine->env.pen = engine->pen;
    }
  FmPen *pen = engine->pen;
  pthread_mutex_unlock (&engine->mutex);
  return pen;
}

static void
ask_user (const char *account, const char *text, gpointer data)
{
  FmEvent *event = fm_event_new (FM_EVENT_NEED_PASSWORD, 0);
  event->account = g_strdup (account);
  event->text = g_strdup (text);
  fm_engine_emit (data, event);
}

static void
copy_options (FmEngine *engine, const FmEngineOptions *options)
{
  engine->options = *options;
  engine->options.data_dir = g_strdup (options->data_dir);
  engine->options.events = fm_port_ref (options->events);
  engine->options.accounts = g_ptr_array_new_with_free_func ((GDestroyNotify) fm_account_spec_unref);
  for (guint i = 0; options->accounts != NULL && i < options->accounts->len; i++)
    {
      FmAccountSpec *spec = options->accounts->pdata[i];
      g_ptr_array_add (engine->options.accounts, fm_account_spec_ref (spec));
      FmEngineAccount *account = g_new0 (FmEngineAccount, 1);
      account->spec = fm_account_spec_ref (spec);
      account->klass = fm_worker_classes_find (spec->kind);
      g_ptr_array_add (engine->accounts, account);
    }
}

static void
engine_free (FmEngine *engine)
{
  fm_secrets_free (engine->secrets);
  fm_db_reader_free (engine->reader);
  fm_db_unref (engine->store);
  if (engine->lease_fd >= 0)
    close (engine->lease_fd);
  g_ptr_array_unref (engine->accounts);
  g_ptr_array_unref (engine->options.accounts);
  fm_port_unref (engine->options.events);
  g_free ((char *) engine->options.data_dir);
  g_hash_table_unref (engine->requests);
  g_hash_table_unref (engine->followed);
  g_hash_table_unref (engine->changed_folders);
  pthread_mutex_destroy (&engine->mutex);
  g_free (engine);
}

/* A database that was damaged and begun anew is no small thing: what servers don't keep (undo, drafts not yet stored) was in it. */
static void
tell_corrupt (FmEngine *engine)
{
  const char *path = fm_db_corrupt_path (engine->store);
  if (path == NULL)
    return;
  FmEvent *event = fm_event_new (FM_EVENT_NOTICE, 0);
  g_autofree char *shown = fm_text_sanitise_line (path, -1);
  event->error = g_error_new (
      FM_ERROR, FM_ERROR_STORAGE,
      "the local database was damaged: it was moved to %s and begun anew; mail is read again from its files and the servers", shown);
  event->text = g_strdup (event->error->message);
  fm_engine_emit (engine, event);
}

FmEngine *
fm_engine_open (const FmEngineOptions *options, GError **error)
{
  FmEngine *engine = g_new0 (FmEngine, 1);
  engine->lease_fd = -1;
  pthread_mutex_init (&engine->mutex, NULL);
  engine->requests = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, request_free);
  engine->followed = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, fm_engine_follow_followed_free);
  engine->changed_folders = fm_engine_coalesce_table ();
  engine->accounts = g_ptr_array_new_with_free_func (account_free);
  copy_options (engine, options);
  engine->store = fm_db_open (options->data_dir, error);
  if (engine->store == NULL || (engine->reader = fm_db_reader_new (engine->store, error)) == NULL)
    {
      engine_free (engine);
      return NULL;
    }
  if (options->lease && fm_engine_try_lease (engine) && fm_engine_pen (engine, error) == NULL)
    {
      engine_free (engine);
      return NULL;
    }
  engine->secrets = fm_secrets_new (options->data_dir, ask_user, engine);
  engine->env = (FmSyncEnv){
    .store = engine->store, .pen = engine->pen, .read_only = options->read_only, .network = options->network, .engine = engine
  };
  engine->pool = fm_pool_new (engine->store, POOL_THREADS);
  engine->opened_leader = fm_engine_is_leader (engine);
  fm_engine_desk_start (engine);
  tell_corrupt (engine);
  return engine;
}

void
fm_engine_close (FmEngine *engine)
{
  if (engine == NULL)
    return;
  pthread_mutex_lock (&engine->mutex);
  GHashTableIter iter;
  gpointer request;
  g_hash_table_iter_init (&iter, engine->requests);
  while (g_hash_table_iter_next (&iter, NULL, &request))
    fm_cancel_trigger (((FmEngineRequest *) request)->cancel);
  pthread_mutex_unlock (&engine->mutex);
  fm_engine_desk_stop (engine);
  pthread_mutex_lock (&engine->mutex);
  engine->pool_closed = TRUE;
  pthread_mutex_unlock (&engine->mutex);
  /* Searches on the pool end with the index's answer. */
  fm_pool_free (engine->pool);
  g_clear_pointer (&engine->index, fm_index_free);
  g_clear_pointer (&engine->retired_index, fm_index_free);
  fm_pen_free (engine->pen);
  FmControlServer *control = engine->control;
  g_atomic_pointer_set (&engine->control, NULL);
  fm_control_server_free (control);
  /* After the pen, whose last jobs may still post to it. */
  fm_engine_desk_drain (engine);
  fm_port_unref (engine->desk_port);
  engine_free (engine);
}

gboolean
fm_engine_is_leader (FmEngine *engine)
{
  return g_atomic_int_get (&engine->is_leader);
}

FmStoreReader *
fm_engine_reader (FmEngine *engine)
{
  return engine->reader;
}

typedef struct {
  FmEngine *engine;
  guint64 id;
  FmCancel *cancel;
  FmEngineRun run;
  FmEventClosure *closure;
} Compute;

static void
compute_run (FmStoreReader *reader, const GError *reader_error, gpointer data)
{
  Compute *compute = data;
  FmEventClosure *closure = compute->closure;
  if (reader == NULL)
    closure->error = g_error_copy (reader_error);
  else if (fm_cancel_check (compute->cancel, &closure->error))
    closure->result = compute->run (reader, compute->cancel, closure->data, &closure->error);
  FmEvent *event = fm_event_new (FM_EVENT_COMPUTED, compute->id);
  event->closure = closure;
  fm_engine_emit (compute->engine, event);
  fm_cancel_unref (compute->cancel);
  g_free (compute);
}

guint64
fm_engine_compute (FmEngine *engine, FmEngineRun run, FmEngineDone done, gpointer data, GDestroyNotify free_data)
{
  Compute *compute = g_new0 (Compute, 1);
  compute->engine = engine;
  compute->run = run;
  compute->closure = g_new0 (FmEventClosure, 1);
  compute->closure->done = done;
  compute->closure->data = data;
  compute->closure->free_data = free_data;
  compute->id = fm_engine_request_new (engine, 1, &compute->cancel);
  guint64 id = compute->id;
  fm_pool_post (engine->pool, compute_run, compute);
  return id;
}

guint64
fm_engine_search (FmEngine *engine, FmQuery *query, gint64 folder_id)
{
  return fm_search_start (engine, query, folder_id, FALSE);
}

guint64
fm_engine_search_messages (FmEngine *engine, FmQuery *query)
{
  return fm_search_start (engine, query, 0, TRUE);
}

guint64
fm_engine_open_folder (FmEngine *engine, gint64 folder_id)
{
  return fm_engine_desk_open_folder (engine, folder_id);
}

guint64
fm_engine_want_body (FmEngine *engine, gint64 msg_id)
{
  return fm_engine_desk_want_body (engine, msg_id);
}

guint64
fm_engine_sync (FmEngine *engine, const char *account, const char *const *folders)
{
  return fm_engine_desk_sync (engine, account, folders);
}

guint64
fm_engine_search_server (FmEngine *engine, const char *text)
{
  return fm_engine_desk_search (engine, text);
}

void
fm_engine_retry (FmEngine *engine, const char *account)
{
  fm_engine_desk_retry (engine, account);
}

guint64
fm_engine_rebuild_index (FmEngine *engine)
{
  return fm_engine_index_rebuild (engine);
}

void
fm_engine_set_password (FmEngine *engine, const char *account, FmSecret *secret)
{
  fm_secrets_set (engine->secrets, account, secret);
}

void
fm_engine_set_policy (FmEngine *engine, FmAccountSpec *policy)
{
  fm_engine_desk_set_policy (engine, policy);
}

void
fm_engine_cancel (FmEngine *engine, guint64 request_id)
{
  pthread_mutex_lock (&engine->mutex);
  FmEngineRequest *request = g_hash_table_lookup (engine->requests, &request_id);
  if (request != NULL)
    fm_cancel_trigger (request->cancel);
  pthread_mutex_unlock (&engine->mutex);
  fm_engine_desk_cancel (engine, request_id);
}

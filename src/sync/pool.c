/* The reader pool: a queue that several threads take from, unlike a port with its one owner. Each thread opens its reader when its first job
 * comes, so that an idle program holds no extra connection. */
#include "sync/pool.h"
#include "fulmar/base/thread.h"

#include <pthread.h>

typedef struct {
  FmPoolRun run;
  gpointer data;
} Job;

struct FmPool {
  FmStore *store;
  FmThread **threads;
  guint n_threads;
  pthread_mutex_t mutex;
  pthread_cond_t wake;
  GQueue jobs;      /* under mutex */
  gboolean closing; /* under mutex */
};

static Job *
next_job (FmPool *pool)
{
  pthread_mutex_lock (&pool->mutex);
  while (g_queue_is_empty (&pool->jobs) && !pool->closing)
    pthread_cond_wait (&pool->wake, &pool->mutex);
  Job *job = g_queue_pop_head (&pool->jobs);
  pthread_mutex_unlock (&pool->mutex);
  return job;
}

static void
pool_main (gpointer data)
{
  FmPool *pool = data;
  FmStoreReader *reader = NULL;
  Job *job;
  while ((job = next_job (pool)) != NULL)
    {
      g_autoptr (GError) error = NULL;
      if (reader == NULL)
        reader = fm_db_reader_new (pool->store, &error);
      job->run (reader, error, job->data);
      g_free (job);
    }
  fm_db_reader_free (reader);
}

FmPool *
fm_pool_new (FmStore *store, guint n_threads)
{
  FmPool *pool = g_new0 (FmPool, 1);
  pool->store = store;
  pool->n_threads = n_threads;
  pool->threads = g_new0 (FmThread *, n_threads);
  pthread_mutex_init (&pool->mutex, NULL);
  pthread_cond_init (&pool->wake, NULL);
  g_queue_init (&pool->jobs);
  for (guint i = 0; i < n_threads; i++)
    pool->threads[i] = fm_thread_start ("reader", pool_main, pool);
  return pool;
}

void
fm_pool_free (FmPool *pool)
{
  if (pool == NULL)
    return;
  pthread_mutex_lock (&pool->mutex);
  pool->closing = TRUE;
  pthread_cond_broadcast (&pool->wake);
  pthread_mutex_unlock (&pool->mutex);
  for (guint i = 0; i < pool->n_threads; i++)
    fm_thread_join (pool->threads[i]);
  pthread_cond_destroy (&pool->wake);
  pthread_mutex_destroy (&pool->mutex);
  g_free (pool->threads);
  g_free (pool);
}

void
fm_pool_post (FmPool *pool, FmPoolRun run, gpointer data)
{
  Job *job = g_new0 (Job, 1);
  job->run = run;
  job->data = data;
  pthread_mutex_lock (&pool->mutex);
  g_queue_push_tail (&pool->jobs, job);
  pthread_cond_signal (&pool->wake);
  pthread_mutex_unlock (&pool->mutex);
}

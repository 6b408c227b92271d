/* One folder, one thread: who works on a folder holds it, who waits for it goes before whoever only lets it go for a moment. */
#include "sync/imap-private.h"

static guint
count_waiting (FmAccountWorker *worker, gint64 folder_id, int change)
{
  guint n = GPOINTER_TO_UINT (g_hash_table_lookup (worker->waiting, &folder_id)) + change;

  if (n > 0)
    g_hash_table_insert (worker->waiting, g_memdup2 (&folder_id, sizeof folder_id), GUINT_TO_POINTER (n));
  else
    g_hash_table_remove (worker->waiting, &folder_id);
  return n;
}

gboolean
fm_imap_claim_take (FmAccountWorker *worker, gint64 folder_id)
{
  gboolean mine;

  pthread_mutex_lock (&worker->mutex);
  count_waiting (worker, folder_id, 1);
  while (g_hash_table_contains (worker->claimed, &folder_id) && !fm_imap_worker_stopping (worker))
    pthread_cond_wait (&worker->cond, &worker->mutex);
  count_waiting (worker, folder_id, -1);
  mine = !fm_imap_worker_stopping (worker);
  if (mine)
    g_hash_table_add (worker->claimed, g_memdup2 (&folder_id, sizeof folder_id));
  pthread_cond_broadcast (&worker->cond);
  pthread_mutex_unlock (&worker->mutex);
  return mine;
}

gboolean
fm_imap_claim_try (FmAccountWorker *worker, gint64 folder_id)
{
  gboolean mine;

  pthread_mutex_lock (&worker->mutex);
  mine = !g_hash_table_contains (worker->claimed, &folder_id) && !fm_imap_worker_stopping (worker);
  if (mine)
    g_hash_table_add (worker->claimed, g_memdup2 (&folder_id, sizeof folder_id));
  pthread_mutex_unlock (&worker->mutex);
  return mine;
}

gboolean
fm_imap_claim_is_wanted (FmAccountWorker *worker, gint64 folder_id)
{
  gboolean wanted;

  pthread_mutex_lock (&worker->mutex);
  wanted = count_waiting (worker, folder_id, 0) > 0;
  pthread_mutex_unlock (&worker->mutex);
  return wanted;
}

gboolean
fm_imap_claim_yield (FmAccountWorker *worker, gint64 folder_id)
{
  pthread_mutex_lock (&worker->mutex);
  g_hash_table_remove (worker->claimed, &folder_id);
  pthread_cond_broadcast (&worker->cond);
  /* Who waits for it goes first: else the one that yields would have it back before they wake. */
  while (count_waiting (worker, folder_id, 0) > 0 && !g_hash_table_contains (worker->claimed, &folder_id)
         && !fm_imap_worker_stopping (worker))
    pthread_cond_wait (&worker->cond, &worker->mutex);
  pthread_mutex_unlock (&worker->mutex);
  return fm_imap_claim_take (worker, folder_id);
}

void
fm_imap_claim_release (FmAccountWorker *worker, gint64 folder_id)
{
  pthread_mutex_lock (&worker->mutex);
  g_hash_table_remove (worker->claimed, &folder_id);
  pthread_cond_broadcast (&worker->cond);
  pthread_mutex_unlock (&worker->mutex);
}

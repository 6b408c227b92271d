/* The reader pool: threads with a reading connection each, for what is too slow for the owner's thread and touches no socket. Jobs start in the
 * order posted. */
#pragma once
#include <fulmar/store/db.h>
#include <glib.h>

typedef struct FmPool FmPool;

/* READER is NULL when the store could not be opened for this thread: ERROR says why. Owns DATA. */
typedef void (*FmPoolRun) (FmStoreReader *reader, const GError *error, gpointer data);

FmPool *fm_pool_new (FmStore *store, guint n_threads);
/* Runs what is still queued (their owners have cancelled them), joins. */
void fm_pool_free (FmPool *pool);
/* Any thread; never blocks. */
void fm_pool_post (FmPool *pool, FmPoolRun run, gpointer data);

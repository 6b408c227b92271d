/* What a worker may ask of the engine: thin doors, so that workers need not know its inside. */
#include "sync/engine-private.h"

void
fm_sync_env_emit (FmSyncEnv *env, FmEvent *event)
{
  fm_engine_emit (env->engine, event);
}

const GPtrArray *
fm_sync_env_accounts (FmSyncEnv *env)
{
  return ((FmEngine *) env->engine)->options.accounts;
}

static void
kick_index (FmEngine *engine, gpointer data)
{
  if (engine->feed != NULL)
    fm_index_feed_kick (engine->feed);
}

void
fm_sync_env_index (FmSyncEnv *env, gint64 blob_id)
{
  fm_engine_desk_post (env->engine, kick_index, NULL);
}

FmSecret *
fm_sync_env_secret (FmSyncEnv *env, const FmAccountSpec *spec, const FmAccountService *refused, FmCancel *cancel, GError **error)
{
  return fm_secrets_get (((FmEngine *) env->engine)->secrets, spec, refused, cancel, error);
}

void
fm_sync_env_act (FmSyncEnv *env, FmAction *action)
{
  fm_engine_act_as (env->engine, 0, action, FALSE);
}

static void
check_queue_soon (FmEngine *engine, gpointer data)
{
  engine->queue_check_us = 0;
}

void
fm_sync_env_queue_changed (FmSyncEnv *env)
{
  fm_engine_desk_post (env->engine, check_queue_soon, NULL);
}

static void
tell_worker (FmEngine *engine, gpointer data)
{
  gint64 *account_id = data;
  FmEngineAccount *account = fm_engine_desk_account (engine, NULL, *account_id);
  if (account != NULL && account->worker != NULL)
    account->klass->ops_ready (account->worker);
  engine->queue_check_us = 0;
  g_free (account_id);
}

void
fm_sync_env_planned (FmSyncEnv *env, gint64 account_id)
{
  fm_engine_desk_post (env->engine, tell_worker, g_memdup2 (&account_id, sizeof account_id));
}

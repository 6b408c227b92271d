/* One POP session from the sign-in to QUIT: the pipeline in which no message is lost and none is fetched twice. */
#pragma once
#include "sync/account-worker.h"
#include <fulmar/base/secret.h>

/* value struct: the worker's hands and what it remembers between sessions */
typedef struct {
  FmSyncEnv *env;
  FmAccountSpec *spec;
  gint64 account_id;
  gint64 inbox_id;
  FmCancel *cancel;
  FmStoreReader *reader; /* the worker thread's */
  GHashTable *oversized; /* UIDLs of messages that turned out to be larger than can be taken */
  gboolean told_expire;  /* said once that the server deletes sooner than asked */
  gboolean signed_in;    /* the last session got as far as that */
  int login_delay_s;     /* as the server last asked */
  gboolean server_noted; /* the store has the server's count, as below */
  guint64 server_count, server_bytes;
  guint64 asked_by; /* the request that waits for one message's rest, and hears of its progress; 0: none */
} FmPopContext;

/* value struct: what a pass did */
typedef struct {
  guint listed, fetched, deleted, renamed;
  guint completed; /* stubs that are whole now */
  guint taken;     /* messages brought, whether new or known */
  guint nudged;    /* messages fetched once more, so that Gmail shows others */
  guint held;      /* to be deleted on the server when the time has come: the policy is new, and the user has been told */
  gint64 held_until_utc;
  guint64 server_count, server_bytes; /* on the server when the session ended */
} FmPopOutcome;

/* Fetches what is new and deletes what is due. Errors: those of fm_pop_session_*, STORAGE, and AUTH before which nothing was fetched. */
gboolean fm_pop_pass_run (FmPopContext *context, FmSecret *secret, FmPopOutcome *ret_outcome, GError **error);
/* Brings the whole of a message of which only the header is here. */
gboolean fm_pop_pass_fetch_body (FmPopContext *context, FmSecret *secret, gint64 msg_id, GError **error);

/* Steps at which a test may end the process, to see that what follows sets things right. */
typedef enum {
  FM_POP_STEP_LISTED,
  FM_POP_STEP_RENAMED,   /* after a reset of the UIDLs: some are durable under their new names */
  FM_POP_STEP_RECEIVING, /* a message's first bytes are in a temporary file */
  FM_POP_STEP_WRITTEN,   /* the message's file is whole and durable; the ledger does not know */
  FM_POP_STEP_COMMITTED, /* ledger and row are durable */
  FM_POP_STEP_MARKED,    /* DELE was answered, QUIT not sent */
  FM_POP_STEP_QUIT,      /* QUIT was answered, the ledger does not know */
  FM_POP_STEP_TOLD,      /* what a new policy will delete was told, the store does not know */
} FmPopStep;
/* Called on the worker's or the pen's thread, NULL: not. For tests only; set before the worker starts. */
void fm_pop_pass_set_hook (void (*hook) (FmPopStep step));

/* The outbox of one account: a thread that sends what is due, by SMTP or the user's own sendmail, and files what was sent. Each account has its own, so
 * that one that waits for a password holds up no other's mail. */
#pragma once
#include "sync/account-worker.h"

typedef struct FmOutbox FmOutbox;

/* Once, before any outbox starts: mail that a crash left in the middle of being sent has an unknown outcome. */
gboolean fm_outbox_recover (FmSyncEnv *env, GError **error);

/* NULL if the account has no way to send. */
FmOutbox *fm_outbox_start (FmSyncEnv *env, FmAccountSpec *spec, gint64 account_id);
/* Any thread: there may be something to send; NOW: forget back-offs. Accepts NULL. */
void fm_outbox_kick (FmOutbox *outbox, gboolean now);
/* Cancels what runs; ends within 100 ms. Accepts NULL. */
void fm_outbox_stop (FmOutbox *outbox);
void fm_outbox_join (FmOutbox *outbox); /* frees; accepts NULL */

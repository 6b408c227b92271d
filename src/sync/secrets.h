/* Where passwords and tokens come from, in this order: what was given before in this process, the account's own command, the stored file
 * DATA/secrets/ACCOUNT, the user. */
#pragma once
#include <fulmar/base/cancel.h>
#include <fulmar/base/secret.h>
#include <fulmar/sync/account-spec.h>
#include <glib.h>

typedef struct FmSecrets FmSecrets;

/* Called on a worker's thread when only the user can help; TEXT says why: for a refusal which secret it was and what to do. Must only post. */
typedef void (*FmSecretsAsk) (const char *account, const char *text, gpointer data);

FmSecrets *fm_secrets_new (const char *data_dir, FmSecretsAsk ask, gpointer data);
void fm_secrets_free (FmSecrets *secrets); /* no fm_secrets_get may be waiting */

/* Waits, for the user if need be; worker threads only. REFUSED: the service of SPEC that has refused what was answered last, NULL if none has: the user is told
 * which, and where the secret came from. Errors: AUTH, CANCELLED, STORAGE (a
 * secret file that others can read). Transfer: full. */
FmSecret *fm_secrets_get (FmSecrets *secrets, const FmAccountSpec *spec, const FmAccountService *refused, FmCancel *cancel, GError **error);

/* The user's answer. Any thread. */
void fm_secrets_set (FmSecrets *secrets, const char *account, FmSecret *secret);
/* Those that wait for the user look again (at the command and the file). Any thread. ACCOUNT NULL: all. */
void fm_secrets_retry (FmSecrets *secrets, const char *account);

/* Trying an account's servers as a sync would: for `doctor` and for setting an account up. Blocking; any thread; nothing is changed anywhere. */
#pragma once
#include <fulmar/base/cancel.h>
#include <fulmar/base/secret.h>
#include <fulmar/sync/account-spec.h>
#include <glib.h>

G_BEGIN_DECLS

/* value struct, owned strings: one thing tried */
typedef struct {
  char *what; /* "imap mail.example.org:993" */
  gboolean good;
  char *detail; /* what was found, or what went wrong; one line, may hold a server's words: sanitise before display */
  char *remedy; /* how to mend it; NULL if good */
} FmProbeStep;

/* Connects and signs in to the mailbox and the sending server, in this order; a local account's directory is looked at. SECRET NULL: from the
 * account's command or the stored file in DATA_DIR, never by asking. FmProbeStep*. Transfer: full. */
GPtrArray *fm_probe_account (const FmAccountSpec *spec, const char *data_dir, FmSecret *secret, FmCancel *cancel);

/* The account's stored password, DATA_DIR/secrets/NAME (0600), made or replaced. */
gboolean fm_probe_store_secret (const char *data_dir, const char *account, FmSecret *secret, GError **error);

G_END_DECLS

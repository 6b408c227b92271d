/* What the sync layer must know of one account. app/config makes it from the file; here it is frozen and shared between threads.
 * (A value struct with public fields: thirty getters would say nothing more.) */
#pragma once
#include <fulmar/base/secret.h>
#include <fulmar/net/server.h>
#include <glib.h>

G_BEGIN_DECLS

typedef enum { FM_ACCOUNT_IMAP, FM_ACCOUNT_POP, FM_ACCOUNT_MAILDIR, FM_ACCOUNT_MBOX, FM_ACCOUNT_NOTMUCH } FmAccountKind;

typedef enum { FM_OFFLINE_ALL, FM_OFFLINE_DAYS, FM_OFFLINE_HEADERS } FmOfflinePolicy;

typedef enum { FM_LEAVE_FOREVER, FM_LEAVE_UNTIL_DELETED, FM_LEAVE_DAYS, FM_LEAVE_NONE } FmLeavePolicy;

/* value struct */
typedef struct {
  char *host; /* NULL: this service is not configured */
  guint16 port;
  FmSecurity security;
  char *user; /* percent-decoded */
} FmAccountService;

/* value struct, frozen after fm_account_spec_new's caller has filled it */
typedef struct {
  char *name; /* the section's name: no '/', no control bytes */
  FmAccountKind kind;
  char *address_name; /* "Ada Example" or NULL */
  char *address;      /* "ada@example.org" */
  char **alternates;  /* further own addresses, NULL-terminated, may be NULL */
  FmAccountService incoming;
  FmAccountService smtp;
  char **sendmail_argv;   /* smtp = sendmail:...; NULL otherwise */
  char *password_command; /* the user's own shell line, or NULL */
  char *token_command;    /* auth = oauth2: prints an access token, or NULL */
  gboolean oauth2;
  char *tls_ca;  /* a PEM file trusted instead of the system's, or NULL */
  char *tls_pin; /* "sha256:HEX" of the certificate, or NULL */
  char *path;    /* Maildir tree, mbox file or notmuch root, expanded */
  FmOfflinePolicy offline;
  int offline_days;
  guint64 cache_limit_bytes; /* of an IMAP account's mail that is kept here; 0: no limit */
  FmLeavePolicy leave;
  int leave_days;
  guint64 size_limit;                           /* POP: of a larger message only the header is fetched; 0: no limit */
  int poll_s;                                   /* POP and non-IDLE servers; default 300 */
  char **watch;                                 /* globs; NULL: INBOX and the special folders */
  char *sent, *drafts, *trash, *junk, *archive; /* folder names where the server does not say, or NULL */
} FmAccountSpec;

FmAccountSpec *fm_account_spec_new (const char *name, FmAccountKind kind);
FmAccountSpec *fm_account_spec_ref (FmAccountSpec *spec);
void fm_account_spec_unref (FmAccountSpec *spec); /* accepts NULL */

/* The keys of a POP account that may change while it is served: leave, size_limit, offline, poll. Whether they differ. */
gboolean fm_account_spec_same_policy (const FmAccountSpec *a, const FmAccountSpec *b);
/* SPEC with these keys from POLICY. Transfer: full. */
FmAccountSpec *fm_account_spec_with_policy (const FmAccountSpec *spec, const FmAccountSpec *policy);
/* Two accounts that read one mailbox: the same user at the same provider, whatever the protocols and the hosts' names. */
gboolean fm_account_spec_same_mailbox (const FmAccountSpec *a, const FmAccountSpec *b);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FmAccountSpec, fm_account_spec_unref)

G_END_DECLS

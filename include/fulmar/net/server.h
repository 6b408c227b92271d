/* Where a server is and how it is to be trusted: plain values that the application makes from its configuration and every session copies.
 * There is no "trust anything" among them: a certificate is checked against the system's CAs, against the account's own CA file, or it must
 * have the pinned fingerprint; bytes travel in clear to this very machine only. */
#pragma once
#include <fulmar/base/secret.h>
#include <glib.h>

G_BEGIN_DECLS

typedef enum {
  FM_SECURITY_TLS,            /* TLS from the first byte (993, 995, 465) */
  FM_SECURITY_STARTTLS,       /* upgraded in place, or the session fails: never downgraded */
  FM_SECURITY_PLAIN_LOOPBACK, /* no TLS; refused unless the address is a loopback one */
} FmSecurity;

typedef struct {
  const char *host; /* DNS name or IP literal; the certificate must be for it */
  guint16 port;     /* 0: the protocol's own port for the security */
  FmSecurity security;
  const char *ca_file;    /* PEM; trusted INSTEAD of the system's CAs; NULL: the system's */
  const char *pin_sha256; /* hex SHA-256 of the certificate (colons allowed): replaces chain and name checks; NULL: none */
} FmServer;

typedef enum {
  FM_CREDENTIALS_PASSWORD,
  FM_CREDENTIALS_BEARER, /* an OAuth2 access token: OAUTHBEARER or XOAUTH2 */
} FmCredentialsKind;

typedef struct {
  const char *user; /* UTF-8 */
  FmSecret *secret;
  FmCredentialsKind kind;
} FmCredentials;

/* Deep copies (the secret is shared). Transfer: full. Any thread. */
FmServer *fm_server_dup (const FmServer *server);
void fm_server_free (FmServer *server); /* accepts NULL */
FmCredentials *fm_server_credentials_dup (const FmCredentials *credentials);
void fm_server_credentials_free (FmCredentials *credentials); /* accepts NULL */

/* "tls", "starttls", "none" as the configuration writes them. FALSE with FM_ERROR_INVALID for another word. */
gboolean fm_server_parse_security (const char *word, FmSecurity *ret_security, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FmServer, fm_server_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FmCredentials, fm_server_credentials_free)

G_END_DECLS

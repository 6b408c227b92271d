/* SASL (RFC 4422) as an exchange that knows no protocol: IMAP, POP3 and SMTP each carry the same base64 lines in their own way. The best
 * mechanism that the server offers and the connection permits is chosen: SCRAM-SHA-256, SCRAM-SHA-1 (RFC 5802, 7677), then PLAIN and LOGIN
 * for a password (CRAM-MD5 last), OAUTHBEARER (RFC 7628) and XOAUTH2 for a token. Without TLS nothing is offered to any host but this one. */
#pragma once
#include <fulmar/net/server.h>
#include <glib.h>

G_BEGIN_DECLS

typedef struct FmAuth FmAuth;

typedef struct {
  const char *host; /* as in FmServer; OAUTHBEARER tells it to the server */
  guint16 port;
  gboolean is_private; /* fm_stream_is_private */
} FmAuthPeer;

/* OFFERED: mechanism names of the server, NULL-terminated, any case. Errors: TLS (the connection is not private: nothing may be sent), AUTH
 * (no mechanism in common; the text names both sides), INVALID (user or secret that can't be sent). Owner: one thread. */
FmAuth *fm_auth_new (const char *const *offered, const FmCredentials *credentials, const FmAuthPeer *peer, GError **error);
void fm_auth_free (FmAuth *auth); /* wipes; accepts NULL */

/* The chosen name in upper case, as sent on the wire. Transfer: none. */
const char *fm_auth_mechanism (const FmAuth *auth);
/* Whether the client speaks first, so that the first step may ride on the command (SASL-IR): call fm_auth_step with NULL for it. */
gboolean fm_auth_is_client_first (const FmAuth *auth);

/* The answer to one challenge (base64 as on the wire; NULL: no challenge yet), base64, "" for an empty one. Transfer: full; wipe it
 * (fm_secret_wipe) once sent. NULL: AUTH (the server's proof is wrong), PROTOCOL (a challenge that makes no sense), LIMIT; the caller then
 * cancels the exchange with "*". A refused token is no error here: it has to be answered before the server says no; see
 * fm_auth_server_text. */
char *fm_auth_step (FmAuth *auth, const char *challenge, GError **error);

/* After the server said yes: FALSE with AUTH if it did so without proving that it knows the password where the mechanism demands it. */
gboolean fm_auth_finish (FmAuth *auth, GError **error);
/* What the server said inside the exchange on refusing a token (JSON text), or NULL. Transfer: none. */
const char *fm_auth_server_text (const FmAuth *auth);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FmAuth, fm_auth_free)

G_END_DECLS

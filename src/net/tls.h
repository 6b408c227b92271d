/* GnuTLS as our stream uses it, private to the network layer: sessions that verify, remembered tickets, readable reasons. */
#pragma once
#include <fulmar/net/server.h>
#include <gnutls/gnutls.h>

typedef struct FmTls FmTls;

/* A client session for SERVER, not yet connected to anything; PULL and PUSH move its bytes. TLS if the CA file or the pin can't be used. */
FmTls *fm_tls_new (const FmServer *server, gnutls_transport_ptr_t transport, gnutls_pull_func pull, gnutls_push_func push, GError **error);
void fm_tls_free (FmTls *tls); /* sends close_notify if it can at once; accepts NULL */
gnutls_session_t fm_tls_session (FmTls *tls);

/* After a handshake that ended with GNUTLS_E_SUCCESS: FALSE with TLS if the pin does not match. */
gboolean fm_tls_check_peer (FmTls *tls, GError **error);
/* SHA-256 of the peer's certificate in hex, as a pin is written; NULL where a resumed session has none. Transfer: full. */
char *fm_tls_fingerprint (FmTls *tls);
/* Sets the error for STATUS of a failed handshake, in words that say what is wrong and what to do. */
void fm_tls_explain_handshake (FmTls *tls, int status, GError **error);

/* Keeps a ticket that has arrived for the next session to the same server under the same trust; cheap, to be called after reads. */
void fm_tls_remember (FmTls *tls);

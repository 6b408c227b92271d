/* A server on loopback that follows a script in a thread of its own, plain or TLS under a private CA made on the spot: for tests of what a
 * client must survive. The script sends what it likes; everything it received is the transcript, on which the test judges. */
#pragma once
#include <fulmar/net/server.h>
#include <glib.h>
#include <gnutls/gnutls.h>

typedef struct FmFakeServer FmFakeServer;
typedef struct FmFakePeer FmFakePeer; /* one accepted connection, in the server's thread */
typedef struct FmFakeCa FmFakeCa;

/* Runs once for each connection, in turn. */
typedef void (*FmFakeScript) (FmFakePeer *peer, gpointer data);

typedef enum {
  FM_FAKE_WHOLE,
  FM_FAKE_BYTES, /* every byte in a packet of its own */
  FM_FAKE_SPLIT, /* cut inside every CRLF and in the middle of everything else */
} FmFakeDelivery;

FmFakeServer *fm_fake_server_start (FmFakeScript script, gpointer data, FmFakeDelivery delivery);
guint16 fm_fake_server_port (const FmFakeServer *server);
/* Ends the thread (a script blocked in a read gets its end). Transfer: full: everything received, TLS taken off. */
char *fm_fake_server_stop (FmFakeServer *server);

gboolean fm_fake_server_send (FmFakePeer *peer, const char *text);
gboolean fm_fake_server_send_bytes (FmFakePeer *peer, const void *bytes, gsize size);
/* One line without its end; NULL at the end of the connection. Transfer: full. */
char *fm_fake_server_receive (FmFakePeer *peer);
/* COUNT bytes. Transfer: full, NUL-terminated. */
char *fm_fake_server_receive_bytes (FmFakePeer *peer, gsize count);
/* Receives a command, sends REPLY with each "%T" replaced by its tag. Returns the command; NULL at the end. Transfer: full. */
char *fm_fake_server_answer (FmFakePeer *peer, const char *reply);
/* Serves TLS from now on. */
gboolean fm_fake_server_start_tls (FmFakePeer *peer, gnutls_certificate_credentials_t credentials);
gboolean fm_fake_server_was_resumed (FmFakePeer *peer);
/* The name the client asked for in its handshake (SNI); NULL: none. Transfer: full. */
char *fm_fake_server_asked_name (FmFakePeer *peer);
/* Whether more lies in the socket already (no TLS). */
gboolean fm_fake_server_has_more (FmFakePeer *peer);
/* Waits until the client hangs up. */
void fm_fake_server_wait_end (FmFakePeer *peer);
/* An IMAP greeting with CAPS, and a yes to a sign-in of one line. */
gboolean fm_fake_server_imap_sign_in (FmFakePeer *peer, const char *caps);

FmFakeCa *fm_fake_server_ca_new (void);
void fm_fake_server_ca_free (FmFakeCa *ca);
const char *fm_fake_server_ca_file (const FmFakeCa *ca);
/* A leaf for HOST (a DNS name, or the address 127.0.0.1), valid from now + FROM_S to now + TO_S. Valid as long as the CA. */
gnutls_certificate_credentials_t fm_fake_server_ca_issue (FmFakeCa *ca, const char *host, gint64 from_s, gint64 to_s);
/* SHA-256 of the last leaf issued, in hex. */
const char *fm_fake_server_ca_pin (const FmFakeCa *ca);

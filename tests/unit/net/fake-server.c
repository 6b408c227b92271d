/* Blocking sockets and one thread: a script reads like the conversation it stands for. */
#include "fake-server.h"
#include <arpa/inet.h>
#include <fulmar/base/thread.h>
#include <glib/gstdio.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct FmFakeServer {
  int listener;
  guint16 port;
  FmFakeScript script;
  gpointer data;
  FmFakeDelivery delivery;
  FmThread *thread;
  GString *transcript; /* the thread's until it is joined */
  pthread_mutex_t lock;
  int current_fd;
  gboolean is_stopping;
};

struct FmFakePeer {
  FmFakeServer *server;
  int fd;
  gnutls_session_t tls;
};

struct FmFakeCa {
  char *dir, *file;
  gnutls_x509_privkey_t key;
  gnutls_x509_crt_t certificate;
  GPtrArray *issued;
  char pin[65];
};

static void
serve (gpointer data)
{
  FmFakeServer *server = data;

  for (;;)
    {
      int fd = accept (server->listener, NULL, NULL), on = 1;
      if (fd < 0)
        return;
      pthread_mutex_lock (&server->lock);
      gboolean is_stopping = server->is_stopping;
      server->current_fd = fd;
      pthread_mutex_unlock (&server->lock);
      struct timeval patience = { 20, 0 };
      setsockopt (fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
      setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      FmFakePeer peer = { server, fd, NULL };
      if (!is_stopping)
        server->script (&peer, server->data);
      if (peer.tls != NULL)
        {
          if (!is_stopping)
            gnutls_bye (peer.tls, GNUTLS_SHUT_WR);
          gnutls_deinit (peer.tls);
        }
      pthread_mutex_lock (&server->lock);
      server->current_fd = -1;
      pthread_mutex_unlock (&server->lock);
      close (fd);
    }
}

FmFakeServer *
fm_fake_server_start (FmFakeScript script, gpointer data, FmFakeDelivery delivery)
{
  FmFakeServer *server = g_new0 (FmFakeServer, 1);
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  socklen_t size = sizeof address;

  server->listener = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  g_assert (bind (server->listener, (struct sockaddr *) &address, sizeof address) == 0 && listen (server->listener, 8) == 0);
  g_assert (getsockname (server->listener, (struct sockaddr *) &address, &size) == 0);
  server->port = ntohs (address.sin_port);
  server->script = script;
  server->data = data;
  server->delivery = delivery;
  server->current_fd = -1;
  server->transcript = g_string_new (NULL);
  pthread_mutex_init (&server->lock, NULL);
  server->thread = fm_thread_start ("fake-server", serve, server);
  return server;
}

guint16
fm_fake_server_port (const FmFakeServer *server)
{
  return server->port;
}

char *
fm_fake_server_stop (FmFakeServer *server)
{
  pthread_mutex_lock (&server->lock);
  server->is_stopping = TRUE;
  if (server->current_fd >= 0)
    shutdown (server->current_fd, SHUT_RDWR);
  pthread_mutex_unlock (&server->lock);
  shutdown (server->listener, SHUT_RDWR);
  fm_thread_join (server->thread);
  close (server->listener);
  pthread_mutex_destroy (&server->lock);
  char *transcript = g_string_free (server->transcript, FALSE);
  g_free (server);
  return transcript;
}

static gssize
push (FmFakePeer *peer, const void *bytes, gsize size)
{
  if (peer->tls != NULL)
    return gnutls_record_send (peer->tls, bytes, size);
  return send (peer->fd, bytes, size, MSG_NOSIGNAL);
}

static gsize
next_piece (FmFakeDelivery delivery, const char *bytes, gsize size)
{
  if (delivery == FM_FAKE_BYTES)
    return 1;
  if (delivery == FM_FAKE_WHOLE || size == 1)
    return size;
  const char *cr = memchr (bytes, '\r', size);
  gsize to_cr = cr != NULL ? (gsize) (cr + 1 - bytes) : size;
  return to_cr > 2 ? to_cr / 2 : 1;
}

gboolean
fm_fake_server_send_bytes (FmFakePeer *peer, const void *bytes, gsize size)
{
  const char *p = bytes;

  while (size > 0)
    {
      gssize n = push (peer, p, next_piece (peer->server->delivery, p, size));
      if (n <= 0)
        return FALSE;
      p += n;
      size -= n;
    }
  return TRUE;
}

gboolean
fm_fake_server_send (FmFakePeer *peer, const char *text)
{
  return fm_fake_server_send_bytes (peer, text, strlen (text));
}

static gboolean
pull_byte (FmFakePeer *peer, char *ret_byte)
{
  gssize n = peer->tls != NULL ? gnutls_record_recv (peer->tls, ret_byte, 1) : recv (peer->fd, ret_byte, 1, 0);
  if (n != 1)
    return FALSE;
  g_string_append_c (peer->server->transcript, *ret_byte);
  return TRUE;
}

char *
fm_fake_server_receive (FmFakePeer *peer)
{
  g_autoptr (GString) line = g_string_new (NULL);
  char byte;

  while (pull_byte (peer, &byte))
    {
      if (byte == '\n')
        {
          if (line->len > 0 && line->str[line->len - 1] == '\r')
            g_string_truncate (line, line->len - 1);
          return g_string_free (g_steal_pointer (&line), FALSE);
        }
      g_string_append_c (line, byte);
    }
  return NULL;
}

char *
fm_fake_server_receive_bytes (FmFakePeer *peer, gsize count)
{
  g_autofree char *bytes = g_malloc0 (count + 1);

  for (gsize i = 0; i < count; i++)
    if (!pull_byte (peer, &bytes[i]))
      return NULL;
  return g_steal_pointer (&bytes);
}

char *
fm_fake_server_answer (FmFakePeer *peer, const char *reply)
{
  char *line = fm_fake_server_receive (peer);

  if (line == NULL)
    return NULL;
  g_autofree char *tag = g_strndup (line, strcspn (line, " "));
  g_auto (GStrv) pieces = g_strsplit (reply, "%T", -1);
  g_autofree char *text = g_strjoinv (tag, pieces);
  fm_fake_server_send (peer, text);
  return line;
}

gboolean
fm_fake_server_start_tls (FmFakePeer *peer, gnutls_certificate_credentials_t credentials)
{
  static gnutls_datum_t ticket_key;
  static gsize once;
  int status;

  if (g_once_init_enter (&once))
    {
      gnutls_session_ticket_key_generate (&ticket_key);
      g_once_init_leave (&once, 1);
    }
  gnutls_init (&peer->tls, GNUTLS_SERVER | GNUTLS_NO_SIGNAL);
  gnutls_set_default_priority (peer->tls);
  gnutls_session_ticket_enable_server (peer->tls, &ticket_key);
  gnutls_credentials_set (peer->tls, GNUTLS_CRD_CERTIFICATE, credentials);
  gnutls_transport_set_int (peer->tls, peer->fd);
  do
    status = gnutls_handshake (peer->tls);
  while (status < 0 && !gnutls_error_is_fatal (status));
  if (status == 0)
    return TRUE;
  gnutls_deinit (peer->tls);
  peer->tls = NULL;
  return FALSE;
}

gboolean
fm_fake_server_was_resumed (FmFakePeer *peer)
{
  return gnutls_session_is_resumed (peer->tls);
}

char *
fm_fake_server_asked_name (FmFakePeer *peer)
{
  char name[256];
  gsize size = sizeof name;
  unsigned int type;

  return gnutls_server_name_get (peer->tls, name, &size, &type, 0) == 0 && type == GNUTLS_NAME_DNS ? g_strndup (name, size) : NULL;
}

gboolean
fm_fake_server_has_more (FmFakePeer *peer)
{
  char byte;
  return recv (peer->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
}

void
fm_fake_server_wait_end (FmFakePeer *peer)
{
  char byte;
  while (pull_byte (peer, &byte))
    ;
}

gboolean
fm_fake_server_imap_sign_in (FmFakePeer *peer, const char *caps)
{
  g_autofree char *greeting = g_strdup_printf ("* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN %s] ready\r\n", caps);
  g_autofree char *yes = g_strdup_printf ("%%T OK [CAPABILITY IMAP4rev1 %s] in\r\n", caps);

  fm_fake_server_send (peer, greeting);
  g_autofree char *line = fm_fake_server_answer (peer, yes);
  return line != NULL;
}

static gnutls_x509_privkey_t
new_key (void)
{
  gnutls_x509_privkey_t key;
  gnutls_x509_privkey_init (&key);
  g_assert (gnutls_x509_privkey_generate (key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS (GNUTLS_ECC_CURVE_SECP256R1), 0) == 0);
  return key;
}

static gnutls_x509_crt_t
new_certificate (gnutls_x509_privkey_t key, const char *name, gint64 from, gint64 to)
{
  gnutls_x509_crt_t certificate;
  guint8 serial[16];

  gnutls_x509_crt_init (&certificate);
  gnutls_x509_crt_set_version (certificate, 3);
  gnutls_rnd (GNUTLS_RND_NONCE, serial, sizeof serial);
  serial[0] &= 0x7f;
  gnutls_x509_crt_set_serial (certificate, serial, sizeof serial);
  gnutls_x509_crt_set_activation_time (certificate, from);
  gnutls_x509_crt_set_expiration_time (certificate, to);
  gnutls_x509_crt_set_key (certificate, key);
  gnutls_x509_crt_set_dn_by_oid (certificate, GNUTLS_OID_X520_COMMON_NAME, 0, name, strlen (name));
  return certificate;
}

FmFakeCa *
fm_fake_server_ca_new (void)
{
  FmFakeCa *ca = g_new0 (FmFakeCa, 1);
  gint64 now = g_get_real_time () / G_USEC_PER_SEC;
  gnutls_datum_t pem;

  ca->dir = g_dir_make_tmp ("fulmar-ca-XXXXXX", NULL);
  ca->file = g_build_filename (ca->dir, "ca.pem", NULL);
  ca->key = new_key ();
  ca->certificate = new_certificate (ca->key, "Fulmar's test CA", now - 86400 * 30, now + 86400 * 30);
  gnutls_x509_crt_set_ca_status (ca->certificate, 1);
  gnutls_x509_crt_set_key_usage (ca->certificate, GNUTLS_KEY_KEY_CERT_SIGN);
  g_assert (gnutls_x509_crt_sign2 (ca->certificate, ca->certificate, ca->key, GNUTLS_DIG_SHA256, 0) == 0);
  g_assert (gnutls_x509_crt_export2 (ca->certificate, GNUTLS_X509_FMT_PEM, &pem) == 0);
  g_assert (g_file_set_contents (ca->file, (const char *) pem.data, pem.size, NULL));
  gnutls_free (pem.data);
  ca->issued = g_ptr_array_new_with_free_func ((GDestroyNotify) gnutls_certificate_free_credentials);
  return ca;
}

void
fm_fake_server_ca_free (FmFakeCa *ca)
{
  g_unlink (ca->file);
  g_rmdir (ca->dir);
  g_free (ca->file);
  g_free (ca->dir);
  g_ptr_array_unref (ca->issued);
  gnutls_x509_crt_deinit (ca->certificate);
  gnutls_x509_privkey_deinit (ca->key);
  g_free (ca);
}

const char *
fm_fake_server_ca_file (const FmFakeCa *ca)
{
  return ca->file;
}

gnutls_certificate_credentials_t
fm_fake_server_ca_issue (FmFakeCa *ca, const char *host, gint64 from_s, gint64 to_s)
{
  gint64 now = g_get_real_time () / G_USEC_PER_SEC;
  gnutls_x509_privkey_t key = new_key ();
  gnutls_x509_crt_t leaf = new_certificate (key, host, now + from_s, now + to_s);
  gnutls_certificate_credentials_t credentials;
  struct in_addr address;
  gnutls_datum_t der;
  guint8 digest[32];

  if (inet_pton (AF_INET, host, &address) == 1)
    gnutls_x509_crt_set_subject_alt_name (leaf, GNUTLS_SAN_IPADDRESS, &address, sizeof address, GNUTLS_FSAN_SET);
  else
    gnutls_x509_crt_set_subject_alt_name (leaf, GNUTLS_SAN_DNSNAME, host, strlen (host), GNUTLS_FSAN_SET);
  gnutls_x509_crt_set_key_usage (leaf, GNUTLS_KEY_DIGITAL_SIGNATURE);
  g_assert (gnutls_x509_crt_sign2 (leaf, ca->certificate, ca->key, GNUTLS_DIG_SHA256, 0) == 0);
  g_assert (gnutls_x509_crt_export2 (leaf, GNUTLS_X509_FMT_DER, &der) == 0);
  gnutls_hash_fast (GNUTLS_DIG_SHA256, der.data, der.size, digest);
  gnutls_free (der.data);
  for (gsize i = 0; i < sizeof digest; i++)
    g_snprintf (ca->pin + 2 * i, 3, "%02x", digest[i]);
  gnutls_certificate_allocate_credentials (&credentials);
  g_assert (gnutls_certificate_set_x509_key (credentials, &leaf, 1, key) >= 0);
  gnutls_x509_crt_deinit (leaf);
  gnutls_x509_privkey_deinit (key);
  g_ptr_array_add (ca->issued, credentials);
  return credentials;
}

const char *
fm_fake_server_ca_pin (const FmFakeCa *ca)
{
  return ca->pin;
}

/* GnuTLS: chain and name are verified inside the handshake, so that nothing of ours is sent before. A pinned fingerprint replaces both checks
 * and is compared right after the handshake, again before anything is sent. Session tickets live in the process only, under a key that names the
 * server and how it is trusted: a session resumed under one trust never serves another. */
#include "tls.h"
#include <arpa/inet.h>
#include <fulmar/base/error.h>
#include <fulmar/base/text.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <pthread.h>
#include <string.h>

#define MAX_TICKETS 64
#define PIN_BYTES 32

struct FmTls {
  gnutls_session_t session;
  gnutls_certificate_credentials_t trust;
  FmServer *server;
  guint8 pin[PIN_BYTES];
  gboolean has_pin;
  gboolean is_established;
  gboolean is_remembered;
  char *ticket_key;
};

static pthread_mutex_t tickets_lock = PTHREAD_MUTEX_INITIALIZER; /* not GMutex: ThreadSanitizer can't see into that */
static GHashTable *tickets;                                      /* char *key -> GBytes */

static gboolean
parse_pin (const char *text, guint8 *ret_pin)
{
  gsize n = 0;

  for (; *text != '\0' && n < 2 * PIN_BYTES; text++)
    {
      if (*text == ':' || *text == ' ')
        continue;
      if (!g_ascii_isxdigit (*text))
        return FALSE;
      guint8 nibble = g_ascii_xdigit_value (*text);
      ret_pin[n / 2] = n % 2 == 0 ? nibble << 4 : ret_pin[n / 2] | nibble;
      n++;
    }
  return n == 2 * PIN_BYTES && *text == '\0';
}

static gboolean
load_trust (FmTls *tls, GError **error)
{
  const FmServer *server = tls->server;
  int status;

  gnutls_certificate_allocate_credentials (&tls->trust);
  if (server->pin_sha256 != NULL && !(tls->has_pin = parse_pin (server->pin_sha256, tls->pin)))
    {
      g_set_error (error, FM_ERROR, FM_ERROR_TLS, "the pinned fingerprint for %s is not a SHA-256 in hexadecimal (64 digits)",
                   server->host);
      return FALSE;
    }
  if (tls->has_pin)
    return TRUE;
  if (server->ca_file != NULL)
    status = gnutls_certificate_set_x509_trust_file (tls->trust, server->ca_file, GNUTLS_X509_FMT_PEM);
  else
    status = gnutls_certificate_set_x509_system_trust (tls->trust);
  if (status > 0)
    return TRUE;
  if (server->ca_file != NULL)
    g_set_error (error, FM_ERROR, FM_ERROR_TLS, "can't use the CA file %s for %s: %s", server->ca_file, server->host,
                 status < 0 ? gnutls_strerror (status) : "it holds no certificate");
  else
    g_set_error (error, FM_ERROR, FM_ERROR_TLS,
                 "this computer has no list of certificate authorities: install the package ca-certificates");
  return FALSE;
}

static gboolean
is_ip_literal (const char *host)
{
  struct in6_addr six;
  struct in_addr four;
  return inet_pton (AF_INET, host, &four) == 1 || inet_pton (AF_INET6, host, &six) == 1;
}

static void
offer_ticket (FmTls *tls)
{
  g_autoptr (GBytes) ticket = NULL;

  pthread_mutex_lock (&tickets_lock);
  GBytes *known = tickets != NULL ? g_hash_table_lookup (tickets, tls->ticket_key) : NULL;
  ticket = known != NULL ? g_bytes_ref (known) : NULL;
  pthread_mutex_unlock (&tickets_lock);
  if (ticket != NULL)
    gnutls_session_set_data (tls->session, g_bytes_get_data (ticket, NULL), g_bytes_get_size (ticket));
}

FmTls *
fm_tls_new (const FmServer *server, gnutls_transport_ptr_t transport, gnutls_pull_func pull, gnutls_push_func push, GError **error)
{
  FmTls *tls = g_new0 (FmTls, 1);

  tls->server = fm_server_dup (server);
  tls->ticket_key = g_strdup_printf ("%s:%u\n%s\n%s", server->host, server->port, server->ca_file != NULL ? server->ca_file : "",
                                     server->pin_sha256 != NULL ? server->pin_sha256 : "");
  if (!load_trust (tls, error))
    {
      fm_tls_free (tls);
      return NULL;
    }
  gnutls_init (&tls->session, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL);
  gnutls_set_default_priority (tls->session);
  gnutls_credentials_set (tls->session, GNUTLS_CRD_CERTIFICATE, tls->trust);
  if (!is_ip_literal (server->host))
    gnutls_server_name_set (tls->session, GNUTLS_NAME_DNS, server->host, strlen (server->host));
  if (!tls->has_pin)
    gnutls_session_set_verify_cert (tls->session, tls->server->host, 0); /* keeps the pointer: ours, as long as the session */
  gnutls_transport_set_ptr (tls->session, transport);
  gnutls_transport_set_pull_function (tls->session, pull);
  gnutls_transport_set_push_function (tls->session, push);
  offer_ticket (tls);
  return tls;
}

void
fm_tls_free (FmTls *tls)
{
  if (tls == NULL)
    return;
  if (tls->session != NULL)
    {
      if (tls->is_established)
        gnutls_bye (tls->session, GNUTLS_SHUT_WR);
      gnutls_deinit (tls->session);
    }
  if (tls->trust != NULL)
    gnutls_certificate_free_credentials (tls->trust);
  fm_server_free (tls->server);
  g_free (tls->ticket_key);
  g_free (tls);
}

gnutls_session_t
fm_tls_session (FmTls *tls)
{
  return tls->session;
}

static void
fingerprint_hex (const gnutls_datum_t *der, char *ret_hex, gsize size)
{
  guint8 digest[PIN_BYTES];

  gnutls_hash_fast (GNUTLS_DIG_SHA256, der->data, der->size, digest);
  for (gsize i = 0; i < PIN_BYTES && 2 * i + 2 < size; i++)
    g_snprintf (ret_hex + 2 * i, size - 2 * i, "%02x", digest[i]);
}

static void
forget_ticket (FmTls *tls)
{
  pthread_mutex_lock (&tickets_lock);
  if (tickets != NULL)
    g_hash_table_remove (tickets, tls->ticket_key);
  pthread_mutex_unlock (&tickets_lock);
}

char *
fm_tls_fingerprint (FmTls *tls)
{
  guint n = 0;
  const gnutls_datum_t *chain = gnutls_certificate_get_peers (tls->session, &n);
  char hex[2 * PIN_BYTES + 1];

  if (chain == NULL || n == 0)
    return NULL;
  fingerprint_hex (&chain[0], hex, sizeof hex);
  return g_strdup (hex);
}

gboolean
fm_tls_check_peer (FmTls *tls, GError **error)
{
  guint n = 0;
  const gnutls_datum_t *chain = gnutls_certificate_get_peers (tls->session, &n);
  gboolean is_resumed = gnutls_session_is_resumed (tls->session);

  if (tls->has_pin && !(chain == NULL && is_resumed))
    {
      guint8 digest[PIN_BYTES] = { 0 };
      if (n > 0)
        gnutls_hash_fast (GNUTLS_DIG_SHA256, chain[0].data, chain[0].size, digest);
      if (n == 0 || memcmp (digest, tls->pin, PIN_BYTES) != 0)
        {
          char hex[2 * PIN_BYTES + 1] = "none";
          if (n > 0)
            fingerprint_hex (&chain[0], hex, sizeof hex);
          forget_ticket (tls);
          g_set_error (error, FM_ERROR, FM_ERROR_TLS,
                       "%s shows another certificate than the pinned one (its SHA-256 is %s): nothing was sent. If its owner renewed it, "
                       "change the pin",
                       tls->server->host, hex);
          return FALSE;
        }
    }
  tls->is_established = TRUE;
  fm_tls_remember (tls);
  return TRUE;
}

void
fm_tls_remember (FmTls *tls)
{
  gnutls_datum_t data = { NULL, 0 };

  if (tls->is_remembered || !tls->is_established)
    return;
  /* Under TLS 1.3 tickets come after the handshake, and asking for one earlier would wait for it. */
  if (gnutls_protocol_get_version (tls->session) >= GNUTLS_TLS1_3
      && !(gnutls_session_get_flags (tls->session) & GNUTLS_SFLAGS_SESSION_TICKET))
    return;
  tls->is_remembered = TRUE;
  if (gnutls_session_get_data2 (tls->session, &data) < 0)
    return;
  GBytes *ticket = g_bytes_new (data.data, data.size);
  gnutls_free (data.data);
  pthread_mutex_lock (&tickets_lock);
  if (tickets == NULL)
    tickets = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_bytes_unref);
  if (g_hash_table_size (tickets) >= MAX_TICKETS)
    g_hash_table_remove_all (tickets);
  g_hash_table_replace (tickets, g_strdup (tls->ticket_key), ticket);
  pthread_mutex_unlock (&tickets_lock);
}

/* The names a certificate is for, to be shown: foreign bytes, sanitised and bounded. */
static char *
certificate_names (gnutls_x509_crt_t certificate)
{
  g_autoptr (GString) names = g_string_new (NULL);
  char name[256];

  for (guint i = 0; i < 4; i++)
    {
      gsize size = sizeof name - 1;
      if (gnutls_x509_crt_get_subject_alt_name (certificate, i, name, &size, NULL) != GNUTLS_SAN_DNSNAME)
        break;
      g_string_append_printf (names, "%s%.*s", names->len > 0 ? ", " : "", (int) size, name);
    }
  if (names->len == 0)
    {
      gsize size = sizeof name - 1;
      if (gnutls_x509_crt_get_dn_by_oid (certificate, GNUTLS_OID_X520_COMMON_NAME, 0, 0, name, &size) == 0)
        g_string_append_len (names, name, size);
    }
  return names->len > 0 ? fm_text_sanitise_line (names->str, names->len) : g_strdup ("no name");
}

static char *
certificate_issuer (gnutls_x509_crt_t certificate)
{
  char name[256];
  gsize size = sizeof name - 1;

  if (gnutls_x509_crt_get_issuer_dn_by_oid (certificate, GNUTLS_OID_X520_COMMON_NAME, 0, 0, name, &size) != 0)
    return g_strdup ("an unnamed issuer");
  return fm_text_sanitise_line (name, size);
}

static char *
format_day (gint64 utc)
{
  g_autoptr (GDateTime) day = g_date_time_new_from_unix_utc (utc);
  return day != NULL ? g_date_time_format (day, "%Y-%m-%d") : g_strdup ("an impossible date");
}

/* One sentence on why CERTIFICATE was rejected with the verification bits BITS. */
static char *
explain_rejection (const char *host, gnutls_x509_crt_t certificate, const gnutls_datum_t *der, guint bits)
{
  g_autofree char *names = certificate_names (certificate);
  g_autofree char *issuer = certificate_issuer (certificate);
  char hex[2 * PIN_BYTES + 1];

  fingerprint_hex (der, hex, sizeof hex);
  if (bits & GNUTLS_CERT_REVOKED)
    return g_strdup_printf ("its certificate has been revoked by %s", issuer);
  if (bits & GNUTLS_CERT_EXPIRED)
    {
      g_autofree char *day = format_day (gnutls_x509_crt_get_expiration_time (certificate));
      return g_strdup_printf (
          "its certificate (or its issuer's) expired; its own is valid until %s. The server's owner must renew it; check this computer's "
          "clock too",
          day);
    }
  if (bits & GNUTLS_CERT_NOT_ACTIVATED)
    {
      g_autofree char *day = format_day (gnutls_x509_crt_get_activation_time (certificate));
      return g_strdup_printf ("its certificate is not valid before %s: check this computer's clock", day);
    }
  if (bits & (GNUTLS_CERT_SIGNER_NOT_FOUND | GNUTLS_CERT_SIGNER_NOT_CA | GNUTLS_CERT_SIGNATURE_FAILURE))
    return g_strdup_printf (
        "its certificate comes from \"%s\", which this computer does not know. If you know the server's owner, name their CA with "
        "`tls_ca = FILE`, or pin this certificate after comparing its SHA-256 with them: `tls_pin = sha256:%s`",
        issuer, hex);
  if (bits & GNUTLS_CERT_UNEXPECTED_OWNER)
    return g_strdup_printf ("its certificate is for another name (%s): \"%s\" may not be the server's right name", names, host);
  if (bits & GNUTLS_CERT_INSECURE_ALGORITHM)
    return g_strdup ("its certificate is signed with an algorithm that can be forged");
  return g_strdup_printf ("its certificate from \"%s\" can't be verified", issuer);
}

static void
explain_certificate (FmTls *tls, GError **error)
{
  const char *host = tls->server->host;
  guint n = 0;
  const gnutls_datum_t *chain = gnutls_certificate_get_peers (tls->session, &n);
  gnutls_x509_crt_t certificate;
  g_autofree char *reason = NULL;

  gnutls_x509_crt_init (&certificate);
  if (n > 0 && gnutls_x509_crt_import (certificate, &chain[0], GNUTLS_X509_FMT_DER) == 0)
    reason = explain_rejection (host, certificate, &chain[0], gnutls_session_get_verify_cert_status (tls->session));
  gnutls_x509_crt_deinit (certificate);
  g_set_error (error, FM_ERROR, FM_ERROR_TLS, "can't trust %s: %s. Nothing was sent", host,
               reason != NULL ? reason : "it shows no certificate that can be read");
}

void
fm_tls_explain_handshake (FmTls *tls, int status, GError **error)
{
  const FmServer *server = tls->server;

  forget_ticket (tls);
  switch (status)
    {
    case GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR:
    case GNUTLS_E_CERTIFICATE_ERROR:
      explain_certificate (tls, error);
      break;
    case GNUTLS_E_UNEXPECTED_PACKET_LENGTH:
    case GNUTLS_E_UNSUPPORTED_VERSION_PACKET:
    case GNUTLS_E_UNEXPECTED_PACKET:
    case GNUTLS_E_RECORD_OVERFLOW:
      g_set_error (error, FM_ERROR, FM_ERROR_TLS,
                   "%s does not speak TLS on port %u: is the port right, or should it be imap://, pop:// or smtp:// (STARTTLS)?",
                   server->host, server->port);
      break;
    case GNUTLS_E_PREMATURE_TERMINATION:
    case GNUTLS_E_PULL_ERROR:
    case GNUTLS_E_PUSH_ERROR:
      g_set_error (error, FM_ERROR, FM_ERROR_OFFLINE, "%s hung up while the encryption was being set up", server->host);
      break;
    case GNUTLS_E_FATAL_ALERT_RECEIVED:
      g_set_error (error, FM_ERROR, FM_ERROR_TLS, "%s refused the encryption: %s", server->host,
                   gnutls_alert_get_name (gnutls_alert_get (tls->session)));
      break;
    default:
      g_set_error (error, FM_ERROR, FM_ERROR_TLS, "no encryption with %s: %s", server->host, gnutls_strerror (status));
    }
}

/* Our own few SASL mechanisms over GnuTLS's primitives: the system's SASL library keeps each mechanism in a plugin that a user's machine may
 * lack, and has no OAUTHBEARER. A mechanism is a row of a table: its name, whether it speaks first, and the function that answers a challenge. */
#include <fulmar/base/error.h>
#include <fulmar/base/text.h>
#include <fulmar/net/auth.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <string.h>

#define MAX_CHALLENGE_BYTES (64 * 1024)
#define MIN_ITERATIONS 4096 /* what RFC 5802 asks of servers: fewer would help whoever pretends to be one */
#define MAX_ITERATIONS 1000000
#define MAX_DIGEST 32

typedef struct Mechanism Mechanism;

struct FmAuth {
  const Mechanism *mechanism;
  FmCredentials *credentials;
  char *host;
  guint16 port;
  guint n_steps;
  char *server_text;
  gboolean is_proven;
  /* SCRAM */
  char *nonce;
  GString *auth_message;
  guint8 server_key[MAX_DIGEST];
};

/* The answer to CHALLENGE (decoded, NUL-terminated; NULL: none yet). NULL with an error. The caller encodes and wipes it. */
typedef GString *(*AnswerFunc) (FmAuth *auth, const char *challenge, gsize length, GError **error);

struct Mechanism {
  const char *name;
  FmCredentialsKind kind;
  gboolean is_client_first;
  gboolean must_prove;
  AnswerFunc answer;
  gnutls_mac_algorithm_t mac;
  guint digest_bytes;
};

static GString *
refuse (GError **error, const char *what)
{
  g_set_error (error, FM_ERROR, FM_ERROR_PROTOCOL, "the server broke the sign-in exchange: %s", what);
  return NULL;
}

static GString *
answer_plain (FmAuth *auth, const char *challenge, gsize length, GError **error)
{
  if (auth->n_steps > 1)
    return refuse (error, "it asked again after PLAIN was complete");
  GString *answer = g_string_new (NULL);
  g_string_append_c (answer, '\0');
  g_string_append (answer, auth->credentials->user);
  g_string_append_c (answer, '\0');
  return g_string_append (answer, fm_secret_peek (auth->credentials->secret));
}

static GString *
answer_login (FmAuth *auth, const char *challenge, gsize length, GError **error)
{
  /* The challenges are "Username:" and "Password:" in any wording: only their order counts. */
  if (auth->n_steps > 2)
    return refuse (error, "it asked again after LOGIN was complete");
  return g_string_new (auth->n_steps == 1 ? auth->credentials->user : fm_secret_peek (auth->credentials->secret));
}

static void
append_hex (GString *out, const guint8 *bytes, gsize n)
{
  for (gsize i = 0; i < n; i++)
    g_string_append_printf (out, "%02x", bytes[i]);
}

static GString *
answer_cram (FmAuth *auth, const char *challenge, gsize length, GError **error)
{
  guint8 digest[16];
  const FmSecret *secret = auth->credentials->secret;

  if (auth->n_steps > 1 || length == 0)
    return refuse (error, "it sent no challenge for CRAM-MD5");
  if (gnutls_hmac_fast (GNUTLS_MAC_MD5, fm_secret_peek (secret), fm_secret_length (secret), challenge, length, digest) < 0)
    return refuse (error, "this computer forbids MD5");
  GString *answer = g_string_new (auth->credentials->user);
  g_string_append_c (answer, ' ');
  append_hex (answer, digest, sizeof digest);
  return answer;
}

/* "=" and "," as SCRAM's and GS2's names want them. */
static void
append_saslname (GString *out, const char *name)
{
  for (; *name != '\0'; name++)
    {
      if (*name == '=' || *name == ',')
        g_string_append (out, *name == '=' ? "=3D" : "=2C");
      else
        g_string_append_c (out, *name);
    }
}

static GString *
answer_oauthbearer (FmAuth *auth, const char *challenge, gsize length, GError **error)
{
  if (auth->n_steps > 1)
    {
      auth->server_text = fm_text_sanitise_line (challenge, length);
      return g_string_new ("\001");
    }
  GString *answer = g_string_new ("n,a=");
  append_saslname (answer, auth->credentials->user);
  g_string_append_printf (answer, ",\001host=%s\001port=%u\001auth=Bearer ", auth->host, auth->port);
  g_string_append (answer, fm_secret_peek (auth->credentials->secret));
  return g_string_append (answer, "\001\001");
}

static GString *
answer_xoauth2 (FmAuth *auth, const char *challenge, gsize length, GError **error)
{
  if (auth->n_steps > 1)
    {
      auth->server_text = fm_text_sanitise_line (challenge, length);
      return g_string_new (NULL);
    }
  GString *answer = g_string_new ("user=");
  g_string_append (answer, auth->credentials->user);
  g_string_append (answer, "\001auth=Bearer ");
  g_string_append (answer, fm_secret_peek (auth->credentials->secret));
  return g_string_append (answer, "\001\001");
}

static GString *
scram_first (FmAuth *auth)
{
  guint8 random[18];
  GString *answer = g_string_new ("n,,");

  if (auth->nonce == NULL)
    {
      gnutls_rnd (GNUTLS_RND_NONCE, random, sizeof random);
      auth->nonce = g_base64_encode (random, sizeof random); /* has no comma */
    }
  auth->auth_message = g_string_new ("n=");
  append_saslname (auth->auth_message, auth->credentials->user);
  g_string_append_printf (auth->auth_message, ",r=%s", auth->nonce);
  return g_string_append (answer, auth->auth_message->str);
}

typedef struct {
  char *nonce;
  guchar *salt;
  gsize salt_bytes;
  guint64 iterations;
} ScramFirst;

static void
scram_first_clear (ScramFirst *first)
{
  g_free (first->nonce);
  g_free (first->salt);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ScramFirst, scram_first_clear)

static gboolean
scram_parse_first (FmAuth *auth, const char *challenge, ScramFirst *first)
{
  g_auto (GStrv) fields = g_strsplit (challenge, ",", 8);

  if (g_strv_length (fields) < 3 || !g_str_has_prefix (fields[0], "r=") || !g_str_has_prefix (fields[1], "s=")
      || !g_str_has_prefix (fields[2], "i="))
    return FALSE;
  first->nonce = g_strdup (fields[0] + 2);
  first->salt = g_base64_decode (fields[1] + 2, &first->salt_bytes);
  return g_str_has_prefix (first->nonce, auth->nonce) && strlen (first->nonce) > strlen (auth->nonce) && first->salt_bytes > 0
         && g_ascii_string_to_unsigned (fields[2] + 2, 10, MIN_ITERATIONS, MAX_ITERATIONS, &first->iterations, NULL);
}

/* SaltedPassword of RFC 5802, with the password prepared as RFC 8265 says where it is not ASCII. */
static gboolean
scram_salt (FmAuth *auth, const ScramFirst *first, guint8 *ret_salted)
{
  const FmSecret *secret = auth->credentials->secret;
  gnutls_datum_t salt = { first->salt, first->salt_bytes }, password = { NULL, 0 };

  if (gnutls_utf8_password_normalize ((const guchar *) fm_secret_peek (secret), fm_secret_length (secret), &password, 0) < 0)
    return FALSE;
  int status = gnutls_pbkdf2 (auth->mechanism->mac, &password, &salt, first->iterations, ret_salted, auth->mechanism->digest_bytes);
  fm_secret_wipe (password.data, password.size);
  gnutls_free (password.data);
  return status == 0;
}

static GString *
scram_final (FmAuth *auth, const char *challenge, GError **error)
{
  g_auto (ScramFirst) first = { NULL };
  const Mechanism *mechanism = auth->mechanism;
  gnutls_mac_algorithm_t mac = mechanism->mac;
  guint n = mechanism->digest_bytes;
  guint8 salted[MAX_DIGEST], client_key[MAX_DIGEST], stored_key[MAX_DIGEST], signature[MAX_DIGEST];

  if (!scram_parse_first (auth, challenge, &first))
    return refuse (error, "its SCRAM challenge makes no sense");
  if (!scram_salt (auth, &first, salted))
    {
      g_set_error (error, FM_ERROR, FM_ERROR_INVALID, "the password has characters that can't be sent");
      return NULL;
    }
  GString *answer = g_string_new ("c=biws,r=");
  g_string_append (answer, first.nonce);
  g_string_append_printf (auth->auth_message, ",%s,%s", challenge, answer->str);
  gnutls_hmac_fast (mac, salted, n, "Client Key", 10, client_key);
  gnutls_hmac_fast (mac, salted, n, "Server Key", 10, auth->server_key);
  gnutls_hash_fast ((gnutls_digest_algorithm_t) mac, client_key, n, stored_key);
  gnutls_hmac_fast (mac, stored_key, n, auth->auth_message->str, auth->auth_message->len, signature);
  for (guint i = 0; i < n; i++)
    client_key[i] ^= signature[i];
  g_autofree char *proof = g_base64_encode (client_key, n);
  fm_secret_wipe (salted, sizeof salted);
  return g_string_append (g_string_append (answer, ",p="), proof);
}

static GString *
scram_verify (FmAuth *auth, const char *challenge, GError **error)
{
  guint8 expected[MAX_DIGEST];
  gsize n = 0;

  if (g_str_has_prefix (challenge, "e="))
    {
      g_autofree char *text = fm_text_sanitise_line (challenge + 2, -1);
      g_set_error (error, FM_ERROR, FM_ERROR_AUTH, "the server refused the sign-in: %s", text);
      return NULL;
    }
  g_autofree char *encoded = g_str_has_prefix (challenge, "v=") ? g_strndup (challenge + 2, strcspn (challenge + 2, ",")) : g_strdup ("");
  g_autofree guchar *verifier = g_base64_decode (encoded, &n);
  gnutls_hmac_fast (auth->mechanism->mac, auth->server_key, auth->mechanism->digest_bytes, auth->auth_message->str, auth->auth_message->len,
                    expected);
  if (n != auth->mechanism->digest_bytes || gnutls_memcmp (verifier, expected, n) != 0)
    {
      g_set_error (error, FM_ERROR, FM_ERROR_AUTH,
                   "the server could not prove that it knows the password: it may be an impostor. The password was not revealed");
      return NULL;
    }
  auth->is_proven = TRUE;
  return g_string_new (NULL);
}

static GString *
answer_scram (FmAuth *auth, const char *challenge, gsize length, GError **error)
{
  /* Without SASL-IR the server's empty challenge comes first; it changes nothing. */
  switch (auth->n_steps)
    {
    case 1:
      return scram_first (auth);
    case 2:
      return scram_final (auth, challenge, error);
    case 3:
      return scram_verify (auth, challenge, error);
    default:
      return refuse (error, "it asked again after SCRAM was complete");
    }
}

/* Best first. Under TLS a password in PLAIN costs one round trip, yet SCRAM never shows the server what it does not know already. */
static const Mechanism mechanisms[] = {
  { "SCRAM-SHA-256", FM_CREDENTIALS_PASSWORD, TRUE, TRUE, answer_scram, GNUTLS_MAC_SHA256, 32 },
  { "SCRAM-SHA-1", FM_CREDENTIALS_PASSWORD, TRUE, TRUE, answer_scram, GNUTLS_MAC_SHA1, 20 },
  { "PLAIN", FM_CREDENTIALS_PASSWORD, TRUE, FALSE, answer_plain },
  { "LOGIN", FM_CREDENTIALS_PASSWORD, FALSE, FALSE, answer_login },
  { "CRAM-MD5", FM_CREDENTIALS_PASSWORD, FALSE, FALSE, answer_cram },
  { "OAUTHBEARER", FM_CREDENTIALS_BEARER, TRUE, FALSE, answer_oauthbearer },
  { "XOAUTH2", FM_CREDENTIALS_BEARER, TRUE, FALSE, answer_xoauth2 },
};

static const Mechanism *
choose (const char *const *offered, FmCredentialsKind kind)
{
  for (gsize i = 0; i < G_N_ELEMENTS (mechanisms); i++)
    for (const char *const *name = offered; mechanisms[i].kind == kind && *name != NULL; name++)
      if (g_ascii_strcasecmp (*name, mechanisms[i].name) == 0)
        return &mechanisms[i];
  return NULL;
}

FmAuth *
fm_auth_new (const char *const *offered, const FmCredentials *credentials, const FmAuthPeer *peer, GError **error)
{
  const Mechanism *mechanism = choose (offered, credentials->kind);

  if (!peer->is_private)
    {
      g_set_error (error, FM_ERROR, FM_ERROR_TLS,
                   "the connection to %s is not encrypted: nothing was sent. Write imaps://, pops:// or smtps:// in the configuration",
                   peer->host);
      return NULL;
    }
  if (credentials->secret == NULL || strlen (fm_secret_peek (credentials->secret)) != fm_secret_length (credentials->secret)
      || !g_utf8_validate (credentials->user, -1, NULL) || strpbrk (credentials->user, "\r\n\001") != NULL)
    {
      g_set_error (error, FM_ERROR, FM_ERROR_INVALID, "the user name or password for %s is missing or can't be sent", peer->host);
      return NULL;
    }
  if (mechanism == NULL)
    {
      g_autofree char *list = g_strjoinv (" ", (char **) offered);
      g_autofree char *shown = fm_text_sanitise_line (list, -1);
      g_set_error (error, FM_ERROR, FM_ERROR_AUTH, "%s offers no way to sign in with a %s (it offers: %s)%s", peer->host,
                   credentials->kind == FM_CREDENTIALS_BEARER ? "token" : "password", *shown != '\0' ? shown : "none",
                   credentials->kind == FM_CREDENTIALS_BEARER ? "" : ": it may demand OAuth2, or an app password");
      return NULL;
    }
  FmAuth *auth = g_new0 (FmAuth, 1);
  auth->mechanism = mechanism;
  auth->credentials = fm_server_credentials_dup (credentials);
  auth->host = g_strdup (peer->host);
  auth->port = peer->port;
  return auth;
}

void
fm_auth_free (FmAuth *auth)
{
  if (auth == NULL)
    return;
  fm_server_credentials_free (auth->credentials);
  fm_secret_wipe (auth->server_key, sizeof auth->server_key);
  if (auth->auth_message != NULL)
    g_string_free (auth->auth_message, TRUE);
  g_free (auth->nonce);
  g_free (auth->host);
  g_free (auth->server_text);
  g_free (auth);
}

const char *
fm_auth_mechanism (const FmAuth *auth)
{
  return auth->mechanism->name;
}

gboolean
fm_auth_is_client_first (const FmAuth *auth)
{
  return auth->mechanism->is_client_first;
}

char *
fm_auth_step (FmAuth *auth, const char *challenge, GError **error)
{
  g_autofree char *decoded = NULL;
  gsize length = 0;

  if (challenge != NULL && strlen (challenge) > MAX_CHALLENGE_BYTES)
    {
      g_set_error (error, FM_ERROR, FM_ERROR_LIMIT, "the server's sign-in challenge is too long");
      return NULL;
    }
  if (challenge != NULL)
    {
      g_autofree guchar *bytes = g_base64_decode (challenge, &length);
      decoded = g_strndup ((const char *) bytes, length);
    }
  if (++auth->n_steps > 16)
    {
      refuse (error, "it never ends");
      return NULL;
    }
  g_clear_pointer (&auth->server_text, g_free);
  GString *answer = auth->mechanism->answer (auth, decoded != NULL ? decoded : "", length, error);
  if (answer == NULL)
    return NULL;
  char *encoded = g_base64_encode ((const guchar *) answer->str, answer->len);
  fm_secret_wipe (answer->str, answer->len);
  g_string_free (answer, TRUE);
  return encoded;
}

gboolean
fm_auth_finish (FmAuth *auth, GError **error)
{
  if (!auth->mechanism->must_prove || auth->is_proven)
    return TRUE;
  g_set_error (error, FM_ERROR, FM_ERROR_AUTH, "%s let us in without proving that it knows the password: it may be an impostor",
               auth->host);
  return FALSE;
}

const char *
fm_auth_server_text (const FmAuth *auth)
{
  return auth->server_text;
}

/* Sign-in exchanges: the order of preference, the published examples, and servers that can't prove themselves. Names in modified UTF-7. */
#include <fulmar/base/error.h>
#include <fulmar/net/auth.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include "net/mutf7.h"

#include <cmocka.h>

static FmAuth *
start (const char *offered, const char *user, const char *secret_text, FmCredentialsKind kind, GError **error)
{
  g_auto (GStrv) names = g_strsplit (offered, " ", -1);
  g_autoptr (FmSecret) secret = fm_secret_new (secret_text, -1);
  FmCredentials credentials = { user, secret, kind };
  FmAuthPeer peer = { "mail.example.org", 993, TRUE };

  return fm_auth_new ((const char *const *) names, &credentials, &peer, error);
}

static char *
step (FmAuth *auth, const char *challenge, GError **error)
{
  g_autofree char *encoded = challenge != NULL ? g_base64_encode ((const guchar *) challenge, strlen (challenge)) : NULL;
  g_autofree char *answer = fm_auth_step (auth, encoded, error);
  gsize n;

  if (answer == NULL)
    return NULL;
  g_autofree guchar *bytes = g_base64_decode (answer, &n);
  for (gsize i = 0; i < n; i++)
    if (bytes[i] < ' ')
      bytes[i] = '|';
  return g_strndup ((const char *) bytes, n);
}

static void
assert_step (FmAuth *auth, const char *challenge, const char *expected)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *answer = step (auth, challenge, &error);
  if (answer == NULL)
    fail_msg ("%s", error->message);
  assert_string_equal (answer, expected);
}

static void
prefers (void **state)
{
  static const struct {
    const char *offered;
    FmCredentialsKind kind;
    const char *chosen;
  } cases[] = {
    { "PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 scram-sha-256 XOAUTH2", FM_CREDENTIALS_PASSWORD, "SCRAM-SHA-256" },
    { "PLAIN SCRAM-SHA-1", FM_CREDENTIALS_PASSWORD, "SCRAM-SHA-1" },
    { "CRAM-MD5 LOGIN PLAIN", FM_CREDENTIALS_PASSWORD, "PLAIN" },
    { "LOGIN XOAUTH2", FM_CREDENTIALS_PASSWORD, "LOGIN" },
    { "PLAIN XOAUTH2 OAUTHBEARER", FM_CREDENTIALS_BEARER, "OAUTHBEARER" },
    { "PLAIN XOAUTH2", FM_CREDENTIALS_BEARER, "XOAUTH2" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (FmAuth) auth = start (cases[i].offered, "u", "p", cases[i].kind, NULL);
      assert_string_equal (fm_auth_mechanism (auth), cases[i].chosen);
    }
  g_autoptr (GError) error = NULL;
  assert_null (start ("GSSAPI XOAUTH2", "u", "p", FM_CREDENTIALS_PASSWORD, &error));
  assert_int_equal (error->code, FM_ERROR_AUTH);
}

static void
never_in_clear (void **state)
{
  static const char *const offered[] = { "PLAIN", NULL };
  g_autoptr (FmSecret) secret = fm_secret_new ("p", -1);
  FmCredentials credentials = { "u", secret, FM_CREDENTIALS_PASSWORD };
  g_autoptr (GError) error = NULL;

  assert_null (fm_auth_new (offered, &credentials, &(FmAuthPeer){ "h", 143, FALSE }, &error));
  assert_int_equal (error->code, FM_ERROR_TLS);
}

static void
says_the_simple_ones (void **state)
{
  g_autoptr (FmAuth) plain = start ("PLAIN", "tim", "tanstaaf", FM_CREDENTIALS_PASSWORD, NULL);
  assert_true (fm_auth_is_client_first (plain));
  assert_step (plain, NULL, "|tim|tanstaaf");
  g_autoptr (FmAuth) login = start ("LOGIN", "tim", "tanstaaf", FM_CREDENTIALS_PASSWORD, NULL);
  assert_false (fm_auth_is_client_first (login));
  assert_step (login, "Username:", "tim");
  assert_step (login, "Password:", "tanstaaf");
  g_autoptr (FmAuth) cram = start ("CRAM-MD5", "tim", "tanstaaftanstaaf", FM_CREDENTIALS_PASSWORD, NULL); /* RFC 2195 */
  assert_step (cram, "<1896.697170952@postoffice.reston.mci.net>", "tim b913a602c7eda7a495b4e6e7334d3890");
  g_autoptr (FmAuth) bearer = start ("OAUTHBEARER", "a,b@example.org", "TOKEN", FM_CREDENTIALS_BEARER, NULL);
  assert_step (bearer, NULL, "n,a=a=2Cb@example.org,|host=mail.example.org|port=993|auth=Bearer TOKEN||");
  assert_step (bearer, "{\"status\":\"invalid_token\"}", "|");
  assert_string_equal (fm_auth_server_text (bearer), "{\"status\":\"invalid_token\"}");
  g_autoptr (FmAuth) xoauth = start ("XOAUTH2", "a@example.org", "TOKEN", FM_CREDENTIALS_BEARER, NULL);
  assert_step (xoauth, NULL, "user=a@example.org|auth=Bearer TOKEN||");
  assert_step (xoauth, "{\"status\":\"401\"}", "");
}

/* The server's half of SCRAM-SHA-256 over what the client said, so that the exchange can be checked with a nonce of the client's own making. */
static char *
server_final (const char *password, const char *auth_message)
{
  static const guchar salt_bytes[] = "salty";
  gnutls_datum_t key = { (guchar *) password, strlen (password) }, salt = { (guchar *) salt_bytes, 5 };
  guint8 salted[32], server_key[32], signature[32];

  gnutls_pbkdf2 (GNUTLS_MAC_SHA256, &key, &salt, 4096, salted, 32);
  gnutls_hmac_fast (GNUTLS_MAC_SHA256, salted, 32, "Server Key", 10, server_key);
  gnutls_hmac_fast (GNUTLS_MAC_SHA256, server_key, 32, auth_message, strlen (auth_message), signature);
  g_autofree char *encoded = g_base64_encode (signature, 32);
  return g_strconcat ("v=", encoded, NULL);
}

static void
proves_both_ways (void **state)
{
  for (int is_impostor = 0; is_impostor < 2; is_impostor++)
    {
      g_autoptr (FmAuth) auth = start ("SCRAM-SHA-256", "us=er", "pencil", FM_CREDENTIALS_PASSWORD, NULL);
      g_autoptr (GError) error = NULL;
      g_autofree char *first = step (auth, NULL, NULL);
      assert_true (g_str_has_prefix (first, "n,,n=us=3Der,r="));
      g_autofree char *challenge = g_strdup_printf ("r=%sSERVER,s=c2FsdHk=,i=4096", first + strlen ("n,,n=us=3Der,r="));
      g_autofree char *final = step (auth, challenge, NULL);
      assert_true (g_str_has_prefix (final, "c=biws,r="));
      g_autofree char *without_proof = g_strndup (final, strstr (final, ",p=") - final);
      g_autofree char *message = g_strdup_printf ("%s,%s,%s", first + 3, challenge, without_proof);
      g_autofree char *verifier = server_final (is_impostor ? "guess" : "pencil", message);
      assert_false (fm_auth_finish (auth, NULL)); /* a yes that skips the proof is no yes */
      g_autofree char *end = step (auth, verifier, &error);
      if (is_impostor)
        {
          assert_null (end);
          assert_int_equal (error->code, FM_ERROR_AUTH);
          assert_false (fm_auth_finish (auth, NULL));
        }
      else
        {
          assert_string_equal (end, "");
          assert_true (fm_auth_finish (auth, NULL));
        }
    }
}

static void
refuses_bad_challenges (void **state)
{
  static const char *const bad[] = {
    "", "r=x,s=c2FsdHk=,i=4096", "r=%sX,s=c2FsdHk=,i=1", "r=%sX,s=c2FsdHk=,i=99999999", "r=%sX,s=,i=4096", "m=1,r=%sX,s=eA==,i=4096"
  };

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (FmAuth) auth = start ("SCRAM-SHA-1", "u", "p", FM_CREDENTIALS_PASSWORD, NULL);
      g_autofree char *first = step (auth, NULL, NULL);
      g_auto (GStrv) halves = g_strsplit (bad[i], "%s", 2);
      g_autofree char *challenge = g_strjoinv (strstr (first, "r=") + 2, halves);
      g_autoptr (GError) error = NULL;
      assert_null (step (auth, challenge, &error));
      assert_int_equal (error->code, FM_ERROR_PROTOCOL);
    }
}

static void
turns_names_both_ways (void **state)
{
  static const char *const pairs[][2] = {
    { "INBOX", "INBOX" },
    { "~peter/mail/\345\217\260\345\214\227/\346\227\245\346\234\254\350\252\236", "~peter/mail/&U,BTFw-/&ZeVnLIqe-" }, /* RFC 3501 */
    { "Tom & Jerry", "Tom &- Jerry" },
    { "\360\237\230\200", "&2D3eAA-" },
    { "\303\274\303\266x\303\244", "&APwA9g-x&AOQ-" },
    { "", "" },
  };
  static const char *const bad[] = { "&", "&APw", "Tom & Jerry", "&AGE-", "&2D0-", "&3gA-", "\303\274", "&APx-", "&AAA-", "a\tb", "&ABs-" };

  for (gsize i = 0; i < G_N_ELEMENTS (pairs); i++)
    {
      g_autofree char *wire = fm_mutf7_encode (pairs[i][0]);
      g_autofree char *name = fm_mutf7_decode (pairs[i][1]);
      assert_string_equal (wire, pairs[i][1]);
      assert_non_null (name);
      assert_string_equal (name, pairs[i][0]);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    assert_null (fm_mutf7_decode (bad[i]));
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (prefers),          cmocka_unit_test (never_in_clear),         cmocka_unit_test (says_the_simple_ones),
    cmocka_unit_test (proves_both_ways), cmocka_unit_test (refuses_bad_challenges), cmocka_unit_test (turns_names_both_ways),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}

/* A server's challenges to every sign-in mechanism, and folder names in modified UTF-7 both ways. */
#include "net/mutf7.h"
#include <fulmar/net/auth.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

static void
challenge (const char *mechanism, FmCredentialsKind kind, char **lines)
{
  const char *const offered[] = { mechanism, NULL };
  g_autoptr (FmSecret) secret = fm_secret_new ("pencil", -1);
  FmCredentials credentials = { "user", secret, kind };
  FmAuthPeer peer = { "host", 993, TRUE };
  g_autoptr (FmAuth) auth = fm_auth_new (offered, &credentials, &peer, NULL);

  if (fm_auth_is_client_first (auth))
    g_free (fm_auth_step (auth, NULL, NULL));
  for (; *lines != NULL; lines++)
    {
      g_autofree char *answer = fm_auth_step (auth, *lines, NULL);
      if (answer == NULL)
        break;
    }
  fm_auth_finish (auth, NULL);
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  static const char *const words[] = { "SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN", "LOGIN", "CRAM-MD5" };
  g_autofree char *text = g_strndup ((const char *) data, size);
  g_auto (GStrv) lines = g_strsplit (text, "\n", 8);
  g_autofree char *name = fm_mutf7_decode (text);

  for (gsize i = 0; i < G_N_ELEMENTS (words); i++)
    challenge (words[i], FM_CREDENTIALS_PASSWORD, lines);
  challenge ("OAUTHBEARER", FM_CREDENTIALS_BEARER, lines);
  challenge ("XOAUTH2", FM_CREDENTIALS_BEARER, lines);
  if (name != NULL)
    {
      g_autofree char *again = fm_mutf7_encode (name);
      g_assert (strcmp (again, text) == 0);
    }
  if (g_utf8_validate (text, -1, NULL))
    {
      g_autofree char *wire = fm_mutf7_encode (text);
      g_autofree char *back = fm_mutf7_decode (wire);
      g_assert (back == NULL || strcmp (back, text) == 0);
    }
  return 0;
}

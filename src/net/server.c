/* Copies and words of the plain values in server.h. */
#include <fulmar/base/error.h>
#include <fulmar/net/server.h>
#include <string.h>

FmServer *
fm_server_dup (const FmServer *server)
{
  FmServer *copy = g_new0 (FmServer, 1);
  copy->host = g_strdup (server->host);
  copy->port = server->port;
  copy->security = server->security;
  copy->ca_file = g_strdup (server->ca_file);
  copy->pin_sha256 = g_strdup (server->pin_sha256);
  return copy;
}

void
fm_server_free (FmServer *server)
{
  if (server == NULL)
    return;
  g_free ((char *) server->host);
  g_free ((char *) server->ca_file);
  g_free ((char *) server->pin_sha256);
  g_free (server);
}

FmCredentials *
fm_server_credentials_dup (const FmCredentials *credentials)
{
  FmCredentials *copy = g_new0 (FmCredentials, 1);
  copy->user = g_strdup (credentials->user);
  copy->secret = credentials->secret != NULL ? fm_secret_ref (credentials->secret) : NULL;
  copy->kind = credentials->kind;
  return copy;
}

void
fm_server_credentials_free (FmCredentials *credentials)
{
  if (credentials == NULL)
    return;
  g_free ((char *) credentials->user);
  fm_secret_unref (credentials->secret);
  g_free (credentials);
}

gboolean
fm_server_parse_security (const char *word, FmSecurity *ret_security, GError **error)
{
  static const char *const words[]
      = { [FM_SECURITY_TLS] = "tls", [FM_SECURITY_STARTTLS] = "starttls", [FM_SECURITY_PLAIN_LOOPBACK] = "none" };

  for (gsize i = 0; i < G_N_ELEMENTS (words); i++)
    if (strcmp (word, words[i]) == 0)
      {
        *ret_security = i;
        return TRUE;
      }
  g_set_error (error, FM_ERROR, FM_ERROR_INVALID, "\"%s\" is not one of tls, starttls, none", word);
  return FALSE;
}

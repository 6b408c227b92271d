/* The first words with an SMTP server: what it offers is learned anew after STARTTLS (RFC 3207 section 4.2), and no credential is written before the
 * connection is private. */
#include "smtp-session-private.h"
#include <fulmar/base/error.h>
#include <fulmar/net/auth.h>
#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

#define MAX_INITIAL_BYTES 400

static gboolean
set_refused (FmSmtpSession *session, const FmSmtpReply *reply, const char *what, GError **error)
{
  g_autofree char *words = fm_smtp_parse_describe (reply);
  g_set_error (error, FM_ERROR, FM_ERROR_REFUSED, "%s %s: %s", session->server->host, what, words);
  return FALSE;
}

static gboolean
take_greeting (FmSmtpSession *session, GError **error)
{
  g_auto (FmSmtpReply) reply = { 0 };
  if (!fm_smtp_session_read (session, &reply, error))
    {
      g_prefix_error (error, "%s port %u: ", session->server->host, session->server->port);
      return FALSE;
    }
  return reply.code == 220 || set_refused (session, &reply, "takes no mail now", error);
}

/* The address literal of our end (RFC 5321 4.1.3): true, and no host name is told. */
static char *
own_name (FmSmtpSession *session)
{
  struct sockaddr_storage address = { 0 };
  socklen_t size = sizeof address;
  char text[INET6_ADDRSTRLEN];
  int fd = fm_stream_fd (session->stream);
  if (session->client_name != NULL)
    return g_strdup (session->client_name);
  if (fd >= 0 && getsockname (fd, (struct sockaddr *) &address, &size) == 0)
    {
      if (address.ss_family == AF_INET && inet_ntop (AF_INET, &((struct sockaddr_in *) &address)->sin_addr, text, sizeof text) != NULL)
        return g_strdup_printf ("[%s]", text);
      if (address.ss_family == AF_INET6 && inet_ntop (AF_INET6, &((struct sockaddr_in6 *) &address)->sin6_addr, text, sizeof text) != NULL)
        return g_strdup_printf ("[IPv6:%s]", text);
    }
  return g_strdup ("[127.0.0.1]");
}

static void
forget_offers (FmSmtpSession *session)
{
  session->has_pipelining = session->has_8bitmime = session->has_smtputf8 = session->has_starttls = session->has_size = FALSE;
  session->size_limit = 0;
  g_clear_pointer (&session->mechanisms, g_strfreev);
}

static void
take_offer (FmSmtpSession *session, const char *line)
{
  gsize word = strcspn (line, " \t=\r");
  g_autofree char *name = g_ascii_strup (line, (gssize) word);
  const char *rest = line[word] == '\0' ? "" : line + word + 1;
  session->has_pipelining |= g_str_equal (name, "PIPELINING");
  session->has_8bitmime |= g_str_equal (name, "8BITMIME");
  session->has_smtputf8 |= g_str_equal (name, "SMTPUTF8");
  session->has_starttls |= g_str_equal (name, "STARTTLS");
  if (g_str_equal (name, "SIZE"))
    {
      session->has_size = TRUE;
      session->size_limit = g_ascii_strtoull (rest, NULL, 10);
    }
  /* "AUTH=PLAIN LOGIN" is what servers wrote before the RFC, often beside the right line. */
  if (g_str_equal (name, "AUTH"))
    {
      g_auto (GStrv) old = session->mechanisms;
      g_autofree char *before = old == NULL ? g_strdup ("") : g_strjoinv (" ", old);
      g_autofree char *all = g_strconcat (before, " ", rest, NULL);
      session->mechanisms = g_strsplit_set (all, " \t", 100);
    }
}

static gboolean
say_hello (FmSmtpSession *session, GError **error)
{
  g_autofree char *name = own_name (session);
  g_auto (FmSmtpReply) reply = { 0 };
  forget_offers (session);
  if (!fm_smtp_session_ask (session, "EHLO", name, &reply, error))
    return FALSE;
  if (reply.code >= 500)
    {
      fm_smtp_parse_reply_clear (&reply);
      return fm_smtp_session_ask (session, "HELO", name, &reply, error)
             && (reply.code == 250 || set_refused (session, &reply, "does not greet us", error));
    }
  if (reply.code != 250)
    return set_refused (session, &reply, "does not greet us", error);
  g_auto (GStrv) lines = g_strsplit (reply.lines->str, "\n", -1);
  for (guint i = 1; lines[0] != NULL && lines[i] != NULL; i++)
    take_offer (session, lines[i]);
  return TRUE;
}

static gboolean
upgrade (FmSmtpSession *session, GError **error)
{
  const char *host = session->server->host;
  g_auto (FmSmtpReply) reply = { 0 };
  if (!session->has_starttls)
    {
      g_set_error (error, FM_ERROR, FM_ERROR_TLS,
                   "%s offers no STARTTLS on port %u; someone on the way may have removed it. Nothing was sent. Try smtps:// (port 465)",
                   host, session->server->port);
      return FALSE;
    }
  if (!fm_smtp_session_ask (session, "STARTTLS", NULL, &reply, error))
    return FALSE;
  if (reply.code != 220)
    {
      g_autofree char *words = fm_smtp_parse_describe (&reply);
      g_set_error (error, FM_ERROR, FM_ERROR_TLS, "%s refused STARTTLS, so nothing was sent: %s. Try smtps:// (port 465)", host, words);
      return FALSE;
    }
  return fm_stream_start_tls (session->stream, error) && say_hello (session, error);
}

static gboolean
send_answer (FmSmtpSession *session, char *answer, FmSmtpReply *ret_reply, GError **error)
{
  gboolean ok
      = fm_stream_write (session->stream, answer != NULL ? answer : "*", -1, error) && fm_stream_write (session->stream, "\r\n", 2, error);
  fm_smtp_parse_reply_clear (ret_reply);
  return ok && fm_smtp_session_read (session, ret_reply, error);
}

static void
wipe (char *text)
{
  if (text != NULL)
    fm_secret_wipe (text, strlen (text));
  g_free (text);
}

static gboolean
converse (FmSmtpSession *session, FmAuth *auth, FmSmtpReply *reply, GError **wrong, GError **error)
{
  gboolean first = fm_auth_is_client_first (auth);
  char *initial = first ? fm_auth_step (auth, NULL, wrong) : NULL;
  gboolean rides
      = initial != NULL && *initial != '\0' && strlen (initial) <= MAX_INITIAL_BYTES && strstr (fm_auth_mechanism (auth), "OAUTH") == NULL;
  if (first && initial == NULL)
    return TRUE;
  g_autofree char *argument = rides ? g_strconcat (fm_auth_mechanism (auth), " ", initial, NULL) : g_strdup (fm_auth_mechanism (auth));
  gboolean ok = fm_smtp_session_ask (session, "AUTH", argument, reply, error);
  fm_secret_wipe (argument, strlen (argument));
  if (ok && first && !rides && reply->code == 334)
    ok = send_answer (session, initial, reply, error);
  wipe (initial);
  while (ok && reply->code == 334)
    {
      g_autofree char *challenge = g_strndup (reply->lines->str, reply->lines->len);
      char *answer = *wrong == NULL ? fm_auth_step (auth, g_strstrip (challenge), wrong) : NULL;
      ok = send_answer (session, answer, reply, error);
      wipe (answer);
    }
  return ok;
}

/* 454 and its kin are the server's own trouble; every other refusal here is about the credentials. */
static gboolean
set_sign_in_error (FmSmtpSession *session, const FmSmtpReply *reply, const char *token_text, GError **error)
{
  g_autofree char *words = fm_smtp_parse_describe (reply);
  g_set_error (error, FM_ERROR, reply->code < 500 ? FM_ERROR_REFUSED : FM_ERROR_AUTH, "signing in to %s as %s: %s%s%s",
               session->server->host, session->credentials->user, token_text == NULL ? "" : token_text, token_text == NULL ? "" : ": ",
               words);
  return FALSE;
}

static gboolean
sign_in_with (FmSmtpSession *session, const char *const *offered, gboolean *ret_challenged, GError **error)
{
  FmAuthPeer peer = { session->server->host, session->server->port, fm_stream_is_private (session->stream) };
  g_auto (FmSmtpReply) reply = { 0 };
  g_autoptr (GError) wrong = NULL;
  g_autoptr (FmAuth) auth = fm_auth_new (offered, session->credentials, &peer, error);
  if (auth == NULL)
    return FALSE;
  *ret_challenged = strstr (fm_auth_mechanism (auth), "CRAM") != NULL;
  if (!converse (session, auth, &reply, &wrong, error))
    return FALSE;
  if (reply.code == 235 && wrong == NULL)
    return fm_auth_finish (auth, error);
  if (wrong == NULL || fm_auth_server_text (auth) != NULL)
    return set_sign_in_error (session, &reply, fm_auth_server_text (auth), error);
  g_propagate_error (error, g_steal_pointer (&wrong));
  return FALSE;
}

static gboolean
sign_in (FmSmtpSession *session, GError **error)
{
  static const char *const nothing[] = { NULL };
  static const char *const plain[] = { "PLAIN", NULL };
  const char *const *offered = session->mechanisms == NULL ? nothing : (const char *const *) session->mechanisms;
  g_autoptr (GError) refused = NULL;
  gboolean challenged = FALSE;
  if (sign_in_with (session, offered, &challenged, &refused))
    return TRUE;
  /* A server may offer SCRAM and yet keep the password in a form that only serves PLAIN: one more try, where it is safe. */
  if (!session->is_dead && challenged && g_error_matches (refused, FM_ERROR, FM_ERROR_AUTH) && strstr (refused->message, "impostor") == NULL
      && g_strv_contains (offered, "PLAIN") && sign_in_with (session, plain, &challenged, NULL))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&refused));
  return FALSE;
}

gboolean
fm_smtp_open_sign_in (FmSmtpSession *session, GError **error)
{
  if (!take_greeting (session, error) || !say_hello (session, error))
    return FALSE;
  if (session->server->security == FM_SECURITY_STARTTLS && !upgrade (session, error))
    return FALSE;
  return session->credentials == NULL || sign_in (session, error);
}

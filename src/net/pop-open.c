/* The first words with a POP3 server. What it said in clear counts for nothing once the connection is encrypted; no credential is written before
 * the connection is private. SASL goes in two steps (RFC 1734): an initial answer on the command line may be longer than the 255 bytes the RFC
 * allows it, and Microsoft's servers refuse it. */
#include "pop-session-private.h"
#include <fulmar/base/error.h>
#include <fulmar/net/auth.h>
#include <string.h>

#define MAX_CAPABILITIES 200

static gboolean
take_greeting (FmPopSession *session, GError **error)
{
  g_auto (FmPopReply) greeting = { 0 };
  if (!fm_pop_session_read_reply (session, &greeting, error))
    {
      g_prefix_error (error, "%s port %u: ", session->server->host, session->server->port);
      return FALSE;
    }
  if (!greeting.ok)
    g_set_error (error, FM_ERROR, FM_ERROR_REFUSED, "%s takes no connections now: %s", session->server->host, greeting.text);
  return greeting.ok;
}

static int
capability_number (const char *text)
{
  return g_ascii_isdigit (*text) ? (int) MIN (g_ascii_strtoull (text, NULL, 10), 36500u * 24) : -1;
}

static void
take_capability (FmPopSession *session, char *line)
{
  static const struct {
    const char *name;
    guint cap;
  } plain[] = {
    { "TOP", FM_POP_CAP_TOP },
    { "UIDL", FM_POP_CAP_UIDL },
    { "PIPELINING", FM_POP_CAP_PIPELINING },
    { "STLS", FM_POP_CAP_STLS },
    { "USER", FM_POP_CAP_USER },
    { "RESP-CODES", FM_POP_CAP_RESP_CODES },
    { "AUTH-RESP-CODE", FM_POP_CAP_AUTH_RESP_CODE },
  };
  char *rest = line + strcspn (line, " \t");
  if (*rest != '\0')
    *rest++ = '\0';
  for (gsize i = 0; i < G_N_ELEMENTS (plain); i++)
    if (g_ascii_strcasecmp (line, plain[i].name) == 0)
      session->caps |= plain[i].cap;
  if (g_ascii_strcasecmp (line, "SASL") == 0)
    {
      g_strfreev (session->mechanisms);
      session->mechanisms = g_strsplit_set (rest, " \t", MAX_CAPABILITIES);
    }
  if (g_ascii_strcasecmp (line, "EXPIRE") == 0)
    session->expire_days = capability_number (rest);
  if (g_ascii_strcasecmp (line, "LOGIN-DELAY") == 0)
    session->login_delay_s = MAX (0, capability_number (rest));
}

static void
forget_capabilities (FmPopSession *session)
{
  session->caps = 0;
  session->caps_known = FALSE;
  session->expire_days = -1;
  session->login_delay_s = 0;
  g_clear_pointer (&session->mechanisms, g_strfreev);
}

/* A refusal of CAPA leaves what was known before, or, if nothing was, the optional commands to be tried. */
static gboolean
learn_capabilities (FmPopSession *session, GError **error)
{
  g_auto (FmPopReply) reply = { 0 };
  if (!fm_pop_session_ask (session, "CAPA", NULL, &reply, error))
    return FALSE;
  if (!reply.ok)
    {
      if (!session->caps_known)
        session->caps |= FM_POP_CAP_TOP | FM_POP_CAP_UIDL | FM_POP_CAP_USER;
      return TRUE;
    }
  forget_capabilities (session);
  for (guint n = 0;; n++)
    {
      const char *line;
      gsize length;
      if (!fm_pop_reader_line (session->reader, &line, &length, error))
        return FALSE;
      if (length == 1 && *line == '.')
        break;
      if (n >= MAX_CAPABILITIES)
        {
          g_set_error (error, FM_ERROR, FM_ERROR_LIMIT, "%s lists more than %d capabilities", session->server->host, MAX_CAPABILITIES);
          return FALSE;
        }
      g_autofree char *copy = g_strndup (line, length);
      take_capability (session, copy);
    }
  session->caps_known = TRUE;
  return TRUE;
}

static gboolean
upgrade (FmPopSession *session, GError **error)
{
  const char *host = session->server->host;
  g_auto (FmPopReply) reply = { 0 };
  if (session->caps_known && !(session->caps & FM_POP_CAP_STLS))
    {
      g_set_error (
          error, FM_ERROR, FM_ERROR_TLS,
          "%s offers no STLS on port %u; someone on the way may have removed it. The password was not sent. Try pops:// (port 995)", host,
          session->server->port);
      return FALSE;
    }
  if (!fm_pop_session_ask (session, "STLS", NULL, &reply, error))
    return FALSE;
  if (!reply.ok || fm_pop_reader_has_more (session->reader))
    {
      g_set_error (error, FM_ERROR, FM_ERROR_TLS, "%s %s, so the password was not sent%s%s. Try pops:// (port 995)", host,
                   reply.ok ? "sent more in clear after agreeing to encrypt, as an attacker would" : "refused STLS", reply.ok ? "" : ": ",
                   reply.ok ? "" : reply.text);
      return FALSE;
    }
  forget_capabilities (session);
  return fm_stream_start_tls (session->stream, error);
}

/* A plain -ERR in answer to credentials is about them, unless the server promised to say so by [AUTH] (RFC 3206) and did not. */
static void
set_sign_in_error (FmPopSession *session, const FmPopReply *reply, const char *token_text, GError **error)
{
  gboolean is_auth = g_str_equal (reply->code, "AUTH") || (*reply->code == '\0' && !(session->caps & FM_POP_CAP_AUTH_RESP_CODE));
  if (!is_auth && *reply->code != '\0' && strcmp (reply->code, "IN-USE") != 0 && strcmp (reply->code, "LOGIN-DELAY") != 0
      && !g_str_has_prefix (reply->code, "SYS/"))
    is_auth = TRUE;
  g_set_error (error, FM_ERROR, is_auth ? FM_ERROR_AUTH : FM_ERROR_REFUSED, "signing in to %s as %s: %s%s%s%s%s", session->server->host,
               session->credentials->user, token_text == NULL ? "" : token_text, token_text == NULL ? "" : ": ",
               *reply->text == '\0' ? "refused" : reply->text, *reply->code == '\0' ? "" : " ", reply->code);
}

/* Answers challenges until the server has decided. A dead session is an error here; a refusal is in RET_REPLY, and WRONG is our own end's. */
static gboolean
converse (FmPopSession *session, FmAuth *auth, FmPopReply *ret_reply, GError **wrong, GError **error)
{
  gboolean owes_initial = fm_auth_is_client_first (auth);
  for (;;)
    {
      const char *line;
      gsize length;
      if (!fm_stream_flush (session->stream, error) || !fm_pop_reader_line (session->reader, &line, &length, error))
        return FALSE;
      if (length == 0 || *line != '+' || (length > 1 && line[1] != ' '))
        return fm_pop_parse_status (line, length, &ret_reply->ok, &ret_reply->code, &ret_reply->text, error);
      g_autofree char *challenge = g_strndup (length > 2 ? line + 2 : "", length > 2 ? length - 2 : 0);
      char *answer = *wrong == NULL ? fm_auth_step (auth, owes_initial ? NULL : g_strstrip (challenge), wrong) : NULL;
      owes_initial = FALSE;
      gboolean written = fm_stream_write (session->stream, answer != NULL ? answer : "*", -1, error)
                         && fm_stream_write (session->stream, "\r\n", 2, error);
      if (answer != NULL)
        fm_secret_wipe (answer, (gssize) strlen (answer));
      g_free (answer);
      if (!written)
        return FALSE;
    }
}

static gboolean
authenticate (FmPopSession *session, FmAuth *auth, GError **error)
{
  g_auto (FmPopReply) reply = { 0 };
  g_autoptr (GError) wrong = NULL;
  if (!fm_pop_session_write (session, "AUTH", fm_auth_mechanism (auth), error) || !converse (session, auth, &reply, &wrong, error))
    return FALSE;
  if (reply.ok && wrong == NULL)
    return fm_auth_finish (auth, error);
  if (wrong != NULL && fm_auth_server_text (auth) == NULL)
    g_propagate_error (error, g_steal_pointer (&wrong));
  else
    set_sign_in_error (session, &reply, fm_auth_server_text (auth), error);
  return FALSE;
}

static gboolean
user_and_pass (FmPopSession *session, GError **error)
{
  const char *host = session->server->host;
  if (!fm_stream_is_private (session->stream))
    {
      g_set_error (error, FM_ERROR, FM_ERROR_TLS,
                   "the connection to %s is not encrypted: nothing was sent. Write pops:// or pop:// in the configuration", host);
      return FALSE;
    }
  static const char *const commands[] = { "USER", "PASS" };
  for (guint i = 0; i < 2; i++)
    {
      g_auto (FmPopReply) reply = { 0 };
      const char *argument = i == 0 ? session->credentials->user : fm_secret_peek (session->credentials->secret);
      if (i == 1 && strlen (argument) != fm_secret_length (session->credentials->secret))
        {
          g_set_error (error, FM_ERROR, FM_ERROR_INVALID, "the password for %s can't be sent: it has a NUL", host);
          return FALSE;
        }
      if (!fm_pop_session_ask (session, commands[i], argument, &reply, error))
        return FALSE;
      if (!reply.ok)
        {
          set_sign_in_error (session, &reply, NULL, error);
          return FALSE;
        }
    }
  return TRUE;
}

static gboolean
try_mechanisms (FmPopSession *session, gboolean simple_only, gboolean *ret_challenged, GError **error)
{
  FmAuthPeer peer = { session->server->host, session->server->port, fm_stream_is_private (session->stream) };
  static const char *const nothing[] = { NULL };
  static const char *const simple[] = { "PLAIN", NULL };
  gboolean has_plain = session->mechanisms != NULL && g_strv_contains ((const char *const *) session->mechanisms, "PLAIN");
  const char *const *offered = simple_only                   ? (has_plain ? simple : nothing)
                               : session->mechanisms != NULL ? (const char *const *) session->mechanisms
                                                             : nothing;
  g_autoptr (GError) no_way = NULL;
  g_autoptr (FmAuth) auth = fm_auth_new (offered, session->credentials, &peer, &no_way);
  if (auth != NULL)
    {
      *ret_challenged = g_str_has_prefix (fm_auth_mechanism (auth), "SCRAM") || g_str_has_prefix (fm_auth_mechanism (auth), "CRAM");
      return authenticate (session, auth, error);
    }
  if (g_error_matches (no_way, FM_ERROR, FM_ERROR_AUTH) && session->credentials->kind == FM_CREDENTIALS_PASSWORD)
    return user_and_pass (session, error);
  g_propagate_error (error, g_steal_pointer (&no_way));
  return FALSE;
}

static gboolean
sign_in (FmPopSession *session, GError **error)
{
  g_autoptr (GError) refused = NULL;
  gboolean challenged = FALSE;
  if (try_mechanisms (session, FALSE, &challenged, &refused))
    return TRUE;
  /* A server may offer SCRAM and yet keep the password in a form that only serves PLAIN: one more try, where it is safe. */
  if (session->death == NULL && challenged && g_error_matches (refused, FM_ERROR, FM_ERROR_AUTH)
      && strstr (refused->message, "impostor") == NULL && try_mechanisms (session, TRUE, &challenged, NULL))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&refused));
  return FALSE;
}

gboolean
fm_pop_open_sign_in (FmPopSession *session, GError **error)
{
  if (!take_greeting (session, error) || !learn_capabilities (session, error))
    return FALSE;
  if (session->server->security == FM_SECURITY_STARTTLS && (!upgrade (session, error) || !learn_capabilities (session, error)))
    return FALSE;
  return sign_in (session, error) && learn_capabilities (session, error);
}

/* The first words with a server. What it said in clear counts for nothing once the connection is encrypted, and what it said before the
 * sign-in counts for nothing after: capabilities are learned anew at each step. No credential is written before the connection is private. */
#include "imap-open.h"
#include "imap-response.h"
#include <fulmar/base/error.h>
#include <fulmar/base/log.h>
#include <fulmar/net/auth.h>
#include <string.h>

static gboolean
is_greeting (const FmImapResponse *response)
{
  static const char *const kinds[] = { "* OK", "* PREAUTH", "* BYE" };

  for (gsize i = 0; i < G_N_ELEMENTS (kinds); i++)
    if (g_ascii_strncasecmp (response->text, kinds[i], strlen (kinds[i])) == 0)
      return TRUE;
  return FALSE;
}

/* Few servers say it by a code: Dovecot's is [UNAVAILABLE], Gmail's [ALERT]. */
static gboolean
says_too_many (const char *text)
{
  static const char *const words[] = { "too many", "maximum number", "limit", "exceed" };
  g_autofree char *lower = g_ascii_strdown (text, -1);

  for (gsize i = 0; strstr (lower, "connection") != NULL && i < G_N_ELEMENTS (words); i++)
    if (strstr (lower, words[i]) != NULL)
      return TRUE;
  return FALSE;
}

static gboolean
take_greeting (FmImapSession *session, GError **error)
{
  FmImapState *state = session->state;
  FmImapResponse response;

  if (!fm_imap_reader_next (session->reader, &response, error))
    return FALSE;
  if (!is_greeting (&response))
    {
      g_set_error (error, FM_ERROR, FM_ERROR_PROTOCOL, "%s port %u does not greet like an IMAP server: is the port right?",
                   session->server->host, session->server->port);
      return FALSE;
    }
  if (!fm_imap_response_untagged (state, &response, error))
    return FALSE;
  if (state->bye != NULL)
    {
      g_set_error (error, FM_ERROR, says_too_many (state->bye) ? FM_ERROR_LIMIT : FM_ERROR_REFUSED, "%s takes no connections now: %s",
                   session->server->host, state->bye);
      return FALSE;
    }
  return TRUE;
}

static gboolean
learn_capabilities (FmImapSession *session, GError **error)
{
  return session->state->caps_known || fm_imap_engine_command (session, g_strdup ("CAPABILITY"), error);
}

static void
forget_capabilities (FmImapSession *session)
{
  fm_imap_state_set_capabilities (session->state, "");
  session->state->caps_known = FALSE;
}

static gboolean
upgrade (FmImapSession *session, GError **error)
{
  const char *host = session->server->host;
  g_autoptr (GError) refused = NULL;

  if (session->state->has_preauth)
    {
      g_set_error (error, FM_ERROR, FM_ERROR_TLS,
                   "%s claims we are signed in before the connection is encrypted, as an attacker would: nothing was sent. Write imaps:// "
                   "in the configuration",
                   host);
      return FALSE;
    }
  if (!learn_capabilities (session, error))
    return FALSE;
  if (!(session->state->caps & FM_IMAP_CAP_STARTTLS))
    {
      g_set_error (error, FM_ERROR, FM_ERROR_TLS,
                   "%s offers no STARTTLS on port %u; someone on the way may have removed it. The password was not sent. Try imaps:// "
                   "(port 993)",
                   host, session->server->port);
      return FALSE;
    }
  if (!fm_imap_engine_command (session, g_strdup ("STARTTLS"), &refused))
    {
      if (session->death != NULL)
        g_propagate_error (error, g_steal_pointer (&refused));
      else
        g_set_error (error, FM_ERROR, FM_ERROR_TLS, "%s refused STARTTLS, so the password was not sent: %s. Try imaps:// (port 993)", host,
                     refused->message);
      return FALSE;
    }
  forget_capabilities (session);
  return fm_stream_start_tls (session->stream, error);
}

static gboolean
write_line (FmImapSession *session, const char *text, GError **error)
{
  return fm_stream_write (session->stream, text, -1, error) && fm_stream_write (session->stream, "\r\n", 2, error)
         && fm_stream_flush (session->stream, error);
}

/* Answers challenges until the command is done. *OWN is its outcome. */
static gboolean
converse (FmImapSession *session, FmAuth *auth, gboolean has_initial, GError **own, GError **error)
{
  gboolean owes_initial = fm_auth_is_client_first (auth) && !has_initial;
  g_autoptr (GError) wrong = NULL;
  FmImapStep step;
  const char *challenge;

  while (!g_queue_is_empty (&session->sent))
    {
      if (!fm_imap_engine_step (session, &step, &challenge, error))
        return FALSE;
      if (step != FM_IMAP_STEP_CONTINUE)
        continue;
      char *answer = wrong == NULL ? fm_auth_step (auth, owes_initial ? NULL : challenge, &wrong) : NULL;
      owes_initial = FALSE;
      gboolean is_written = write_line (session, answer != NULL ? answer : "*", error);
      if (answer != NULL)
        fm_secret_wipe (answer, strlen (answer));
      g_free (answer);
      if (!is_written)
        return FALSE;
    }
  if (wrong != NULL)
    {
      g_clear_error (own);
      *own = g_steal_pointer (&wrong);
    }
  return TRUE;
}

static gboolean
authenticate (FmImapSession *session, FmAuth *auth, GError **error)
{
  gboolean has_initial = fm_auth_is_client_first (auth) && (session->state->caps & FM_IMAP_CAP_SASL_IR);
  g_autofree char *initial = NULL;
  g_autoptr (GError) own = NULL;

  if (has_initial && (initial = fm_auth_step (auth, NULL, error)) == NULL)
    return FALSE;
  FmImapCommand *command = fm_imap_engine_queue (
      session, g_strjoin (" ", "AUTHENTICATE", fm_auth_mechanism (auth), has_initial ? (*initial != '\0' ? initial : "=") : NULL, NULL),
      fm_imap_engine_keep_error, &own);
  command->is_secret = TRUE;
  if (!fm_imap_engine_send (session, error) || !converse (session, auth, has_initial, &own, error))
    return FALSE;
  if (initial != NULL)
    fm_secret_wipe (initial, strlen (initial));
  if (own == NULL)
    return fm_auth_finish (auth, error);
  if (fm_auth_server_text (auth) != NULL)
    g_prefix_error (&own, "%s: ", fm_auth_server_text (auth));
  g_propagate_error (error, g_steal_pointer (&own));
  return FALSE;
}

/* The old LOGIN command, for servers that name no SASL mechanism. */
static gboolean
login (FmImapSession *session, GError **error)
{
  GError *own = NULL;
  const char *password = fm_secret_peek (session->credentials->secret);
  const char *user = session->credentials->user;
  GString *text = g_string_new ("LOGIN \"");

  if (strpbrk (user, "\r\n") != NULL)
    {
      g_string_free (text, TRUE);
      g_set_error (error, FM_ERROR, FM_ERROR_INVALID, "the user name can't be sent: it has line breaks");
      return FALSE;
    }
  for (const char *p = user; *p != '\0'; p++)
    g_string_append_printf (text, *p == '"' || *p == '\\' ? "\\%c" : "%c", *p);
  g_string_append_printf (text, "\" {%" G_GSIZE_FORMAT "}", fm_secret_length (session->credentials->secret));
  FmImapCommand *command = fm_imap_engine_queue (session, g_string_free (text, FALSE), fm_imap_engine_keep_error, &own);
  command->literal = g_bytes_new_static (password, fm_secret_length (session->credentials->secret));
  command->is_sync_literal = TRUE;
  command->is_secret = TRUE;
  fm_imap_engine_run (session, NULL);
  if (own == NULL)
    return TRUE;
  g_propagate_error (error, own);
  return FALSE;
}

static char **
offered_mechanisms (FmImapSession *session, gboolean simple_only)
{
  GPtrArray *names = g_ptr_array_new ();
  GHashTableIter iter;
  gpointer name;

  g_hash_table_iter_init (&iter, session->state->cap_names);
  while (g_hash_table_iter_next (&iter, &name, NULL))
    if (g_str_has_prefix (name, "AUTH=") && (!simple_only || strcmp (name, "AUTH=PLAIN") == 0 || strcmp (name, "AUTH=LOGIN") == 0))
      g_ptr_array_add (names, g_strdup ((char *) name + strlen ("AUTH=")));
  g_ptr_array_add (names, NULL);
  return (char **) g_ptr_array_free (names, FALSE);
}

static gboolean
try_sign_in (FmImapSession *session, gboolean simple_only, char **ret_mechanism, GError **error)
{
  const FmServer *server = session->server;
  FmAuthPeer peer = { server->host, server->port, fm_stream_is_private (session->stream) };
  g_auto (GStrv) offered = offered_mechanisms (session, simple_only);
  g_autoptr (GError) no_way = NULL;
  g_autoptr (FmAuth) auth = fm_auth_new ((const char *const *) offered, session->credentials, &peer, &no_way);

  if (auth != NULL)
    {
      *ret_mechanism = g_strdup (fm_auth_mechanism (auth));
      return authenticate (session, auth, error);
    }
  if (!g_error_matches (no_way, FM_ERROR, FM_ERROR_AUTH) || session->credentials->kind != FM_CREDENTIALS_PASSWORD || simple_only)
    {
      g_propagate_error (error, g_steal_pointer (&no_way));
      return FALSE;
    }
  if (session->state->caps & FM_IMAP_CAP_LOGINDISABLED)
    {
      g_set_error (error, FM_ERROR, FM_ERROR_AUTH,
                   "%s forbids signing in with a password on this connection (LOGINDISABLED): nothing was sent", server->host);
      return FALSE;
    }
  return login (session, error);
}

/* A NO without a code during the sign-in is about the password; with another code it is the server's own trouble. */
static GError *
as_sign_in_error (FmImapSession *session, GError *error)
{
  if (g_error_matches (error, FM_ERROR, FM_ERROR_REFUSED) && says_too_many (error->message))
    error->code = FM_ERROR_LIMIT;
  else if (session->death == NULL && g_error_matches (error, FM_ERROR, FM_ERROR_REFUSED) && !session->is_busy)
    error->code = FM_ERROR_AUTH;
  if (session->state->alert != NULL && strstr (error->message, session->state->alert) == NULL)
    {
      char *longer = g_strdup_printf ("%s (%s)", error->message, session->state->alert);
      g_free (error->message);
      error->message = longer;
    }
  g_prefix_error (&error, "signing in to %s as %s: ", session->server->host, session->credentials->user);
  return error;
}

static gboolean
sign_in (FmImapSession *session, GError **error)
{
  g_autofree char *mechanism = NULL;
  g_autoptr (GError) refused = NULL;

  session->state->caps_known = FALSE; /* still to be read for the sign-in, but to be asked again after it */
  if (try_sign_in (session, FALSE, &mechanism, &refused))
    return TRUE;
  refused = as_sign_in_error (session, g_steal_pointer (&refused));
  /* A server may offer SCRAM and yet keep the password in a form that only serves PLAIN: one more try, where it is safe. */
  if (session->death == NULL && g_error_matches (refused, FM_ERROR, FM_ERROR_AUTH) && mechanism != NULL
      && (g_str_has_prefix (mechanism, "SCRAM") || g_str_has_prefix (mechanism, "CRAM")) && strstr (refused->message, "impostor") == NULL)
    {
      g_autofree char *second = NULL;
      if (try_sign_in (session, TRUE, &second, NULL))
        return TRUE;
    }
  g_propagate_error (error, g_steal_pointer (&refused));
  return FALSE;
}

static void
queue_introduction (FmImapSession *session)
{
  FmImapState *state = session->state;
  /* QRESYNC of iCloud loses changes. */
  gboolean is_icloud = g_str_has_suffix (session->server->host, ".mail.me.com");

  if ((state->caps & FM_IMAP_CAP_ID) && session->client_name != NULL)
    fm_imap_engine_queue (session,
                          g_strdup_printf ("ID (\"name\" \"%s\" \"version\" \"%s\")", session->client_name,
                                           session->client_version != NULL ? session->client_version : "0"),
                          NULL, NULL);
  if (is_icloud)
    state->caps &= ~FM_IMAP_CAP_QRESYNC;
  if ((state->caps & FM_IMAP_CAP_ENABLE) && (state->caps & (FM_IMAP_CAP_QRESYNC | FM_IMAP_CAP_CONDSTORE)))
    fm_imap_engine_queue (session, g_strdup (state->caps & FM_IMAP_CAP_QRESYNC ? "ENABLE QRESYNC" : "ENABLE CONDSTORE"), NULL, NULL);
}

gboolean
fm_imap_open_sign_in (FmImapSession *session, GError **error)
{
  if (!take_greeting (session, error))
    return FALSE;
  if (session->server->security == FM_SECURITY_STARTTLS && !upgrade (session, error))
    return FALSE;
  if (!learn_capabilities (session, error))
    return FALSE;
  if (!session->state->has_preauth && !sign_in (session, error))
    return FALSE;
  if (!learn_capabilities (session, error))
    return FALSE;
  queue_introduction (session);
  return TRUE;
}

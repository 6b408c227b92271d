/* The session that others see: opening, the commands that look and don't change, and their blocking forms. The work is done in imap-engine.c
 * (the loop), imap-parse.c (what the server says) and imap-open.c (signing in). */
#include "imap-engine.h"
#include "imap-open.h"
#include <fulmar/base/clock.h>
#include <fulmar/base/error.h>
#include <string.h>

#define CONNECT_TIMEOUT_MS (30 * 1000)
#define ANSWER_TIMEOUT_MS (60 * 1000)
#define LOGOUT_TIMEOUT_MS 1000

static guint16
default_port (FmSecurity security)
{
  return security == FM_SECURITY_TLS ? 993 : 143;
}

static FmImapSession *
session_new (const FmImapOptions *options)
{
  FmImapSession *session = g_new0 (FmImapSession, 1);

  session->server = fm_server_dup (options->server);
  if (session->server->port == 0)
    session->server->port = default_port (session->server->security);
  session->credentials = fm_server_credentials_dup (options->credentials);
  if (options->client_name != NULL && strpbrk (options->client_name, "\"\\\r\n") == NULL)
    session->client_name = g_strdup (options->client_name);
  if (options->client_version != NULL && strpbrk (options->client_version, "\"\\\r\n") == NULL)
    session->client_version = g_strdup (options->client_version);
  session->compress = options->compress;
  session->state = fm_imap_state_new ();
  g_queue_init (&session->pending);
  g_queue_init (&session->sent);
  fm_imap_session_set_events (session, options->events, options->events_data);
  return session;
}

FmImapSession *
fm_imap_session_open (const FmImapOptions *options, FmCancel *cancel, GError **error)
{
  gint64 deadline_us = fm_clock_deadline_us (options->connect_timeout_ms > 0 ? options->connect_timeout_ms : CONNECT_TIMEOUT_MS);
  g_autoptr (FmImapSession) session = session_new (options);

  session->stream = fm_stream_connect (session->server, cancel, deadline_us, error);
  if (session->stream == NULL)
    return NULL;
  session->reader = fm_imap_reader_new (session->stream, options->timeout_ms > 0 ? options->timeout_ms : ANSWER_TIMEOUT_MS);
  fm_imap_reader_set_limit (session->reader, deadline_us);
  if (!fm_imap_open_sign_in (session, error))
    return NULL;
  fm_imap_reader_set_limit (session->reader, G_MAXINT64);
  return g_steal_pointer (&session);
}

void
fm_imap_session_free (FmImapSession *session)
{
  if (session == NULL)
    return;
  fm_imap_engine_die (session, g_error_new (FM_ERROR, FM_ERROR_CANCELLED, "the connection was closed"), NULL);
  g_clear_error (&session->death);
  fm_imap_reader_free (session->reader);
  fm_stream_free (session->stream);
  fm_imap_state_free (session->state);
  fm_server_free (session->server);
  fm_server_credentials_free (session->credentials);
  g_free (session->client_name);
  g_free (session->client_version);
  g_free (session);
}

void
fm_imap_session_logout (FmImapSession *session)
{
  if (session == NULL)
    return;
  fm_imap_reader_set_limit (session->reader, fm_clock_deadline_us (LOGOUT_TIMEOUT_MS));
  fm_imap_session_set_events (session, NULL, NULL);
  if (session->death == NULL)
    fm_imap_engine_command (session, g_strdup ("LOGOUT"), NULL);
  fm_imap_session_free (session);
}

gboolean
fm_imap_session_is_alive (const FmImapSession *session)
{
  return session->death == NULL;
}

void
fm_imap_session_set_events (FmImapSession *session, const FmImapEvents *events, gpointer data)
{
  session->state->events = events != NULL ? *events : (FmImapEvents){ NULL };
  session->state->events_data = data;
}

gboolean
fm_imap_session_has (const FmImapSession *session, FmImapCaps capability)
{
  return (session->state->caps & capability) != 0;
}

gboolean
fm_imap_session_has_named (const FmImapSession *session, const char *capability)
{
  g_autofree char *upper = g_ascii_strup (capability, -1);
  return g_hash_table_contains (session->state->cap_names, upper);
}

gboolean
fm_imap_session_is_enabled (const FmImapSession *session, FmImapCaps capability)
{
  return (session->state->enabled & capability) != 0;
}

const FmImapSelected *
fm_imap_session_selected (const FmImapSession *session)
{
  return &session->state->selected.view;
}

FmStream *
fm_imap_session_stream (FmImapSession *session)
{
  return session->stream;
}

void
fm_imap_session_teach_name (FmImapSession *session, const char *name, const char *wire_name)
{
  if (strpbrk (wire_name, "\r\n") == NULL)
    g_hash_table_replace (session->state->odd_names, g_strdup (name), g_strdup (wire_name));
}

gboolean
fm_imap_session_run (FmImapSession *session, GError **error)
{
  return fm_imap_engine_run (session, error);
}

/* Runs what is queued; OWN is where the awaited command's DONE keeps its error. */
static gboolean
run_for (FmImapSession *session, GError **own, GError **error)
{
  fm_imap_engine_run (session, NULL);
  if (*own == NULL)
    return TRUE;
  g_propagate_error (error, *own);
  return FALSE;
}

gboolean
fm_imap_session_list (FmImapSession *session, const char *pattern, gboolean with_status, GError **error)
{
  GError *own = NULL;
  fm_imap_session_queue_list (session, pattern, with_status, fm_imap_engine_keep_error, &own);
  return run_for (session, &own, error);
}

gboolean
fm_imap_session_select (FmImapSession *session, const char *mailbox, const FmImapSelectOptions *options, GError **error)
{
  GError *own = NULL;
  fm_imap_session_queue_select (session, mailbox, options, fm_imap_engine_keep_error, &own);
  return run_for (session, &own, error);
}

gboolean
fm_imap_session_search (FmImapSession *session, const char *criteria, GError **error)
{
  GError *own = NULL;
  fm_imap_session_queue_search (session, criteria, fm_imap_engine_keep_error, &own);
  return run_for (session, &own, error);
}

gboolean
fm_imap_session_quota (FmImapSession *session, guint64 *ret_used, guint64 *ret_limit, GError **error)
{
  FmImapState *state = session->state;
  state->quota_used_kb = state->quota_limit_kb = 0;
  if (!fm_imap_engine_command (session, g_strdup ("GETQUOTAROOT INBOX"), error))
    return FALSE;
  *ret_used = state->quota_used_kb * 1024;
  *ret_limit = state->quota_limit_kb * 1024;
  return TRUE;
}

/* ASCII is quoted, all else is a literal. */
gboolean
fm_imap_session_search_gmail (FmImapSession *session, const char *text, GError **error)
{
  guint caps = session->state->caps;
  const char *result = caps & FM_IMAP_CAP_ESEARCH ? "RETURN (ALL) " : "";
  gsize size = strlen (text);

  if (!(caps & FM_IMAP_CAP_GMAIL) || size == 0 || !g_utf8_validate (text, -1, NULL) || strpbrk (text, "\r\n") != NULL)
    {
      g_set_error (error, FM_ERROR, FM_ERROR_INVALID, "this can't be searched for on %s", session->server->host);
      return FALSE;
    }
  if (g_str_is_ascii (text))
    {
      g_auto (GStrv) parts = g_strsplit (text, "\\", -1);
      g_autofree char *escaped = g_strjoinv ("\\\\", parts);
      g_auto (GStrv) pieces = g_strsplit (escaped, "\"", -1);
      g_autofree char *quoted = g_strjoinv ("\\\"", pieces);
      return fm_imap_engine_command (session, g_strdup_printf ("UID SEARCH %sX-GM-RAW \"%s\"", result, quoted), error);
    }
  GError *own = NULL;
  FmImapCommand *command
      = fm_imap_engine_queue (session, g_strdup_printf ("UID SEARCH %sCHARSET UTF-8 X-GM-RAW {%" G_GSIZE_FORMAT "}", result, size),
                              fm_imap_engine_keep_error, &own);
  command->literal = g_bytes_new (text, size);
  command->is_sync_literal = TRUE;
  return run_for (session, &own, error);
}

gboolean
fm_imap_session_noop (FmImapSession *session, GError **error)
{
  return fm_imap_engine_command (session, g_strdup ("NOOP"), error);
}

static gboolean
leave_by (FmImapSession *session, const char *text, GError **error)
{
  GError *own = NULL;
  fm_imap_engine_queue (session, g_strdup (text), fm_imap_engine_keep_error, &own)->is_unselect = TRUE;
  return run_for (session, &own, error);
}

gboolean
fm_imap_session_unselect (FmImapSession *session, GError **error)
{
  if (session->state->selected.name == NULL)
    return TRUE;
  if (session->state->caps & FM_IMAP_CAP_UNSELECT)
    return leave_by (session, "UNSELECT", error);
  /* CLOSE expunges, except from a mailbox that is open for reading only. */
  if (!session->state->selected.read_only)
    {
      g_autofree char *name = g_strdup (session->state->selected.name);
      FmImapSelectOptions read_only = { .read_only = TRUE };
      if (!fm_imap_session_select (session, name, &read_only, error))
        return FALSE;
    }
  return leave_by (session, "CLOSE", error);
}

/* An app without a screen: the same controller and engine, driven by a main loop that runs only while a command waits for an answer. */
#include "cli/cli-private.h"
#include <fulmar/base/paths.h>
#include <fulmar/store/outbox-store.h>
#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

struct FmCliSession {
  FmApp *app;
  GMainLoop *loop;
  guint64 request;
  gboolean answered, failed;
  gint64 outgoing;      /* the mail whose fate is waited for, or 0 */
  gint64 done_outgoing; /* the mail that the last request queued or changed, or 0 */
  const char *account;  /* whose request is waited for; NULL: any */
  guint timeout;        /* source id, or 0 */
  FmCliHeard heard;
  gpointer heard_data;
};

void
fm_cli_session_complain (const char *format, ...)
{
  va_list args;
  g_autofree char *text = NULL, *clean = NULL;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  clean = fm_text_sanitise_line (text, -1);
  fprintf (stderr, "fulmar: %s\n", clean);
}

static void
report_problems (FmConfig *config)
{
  GPtrArray *problems = fm_config_problems (config);

  for (guint i = 0; i < problems->len; i++)
    {
      const FmConfigProblem *problem = g_ptr_array_index (problems, i);
      g_autofree char *place
          = problem->column ? g_strdup_printf ("%u:%u", problem->line, problem->column) : g_strdup_printf ("%u", problem->line);
      g_autofree char *text = g_strdup_printf ("%s:%s: %s", problem->file, place, problem->message);
      g_autofree char *clean = fm_text_sanitise_line (text, -1);
      fprintf (stderr, "%s\n", clean);
    }
}

/* Nobody is asked here; what waits for this account would wait for ever. */
static void
need_password (FmCliSession *session, const char *account, const char *text)
{
  if (text)
    fm_cli_session_complain ("%s: %s", account, text);
  fm_cli_session_complain ("%s needs a password: add password_command to its section of the config, or sign in once in the screen",
                           account);
  if (g_strcmp0 (session->account, account) == 0 && (session->request != 0 || session->outgoing != 0))
    {
      session->failed = TRUE;
      g_main_loop_quit (session->loop);
    }
}

typedef enum { FATE_OPEN, FATE_SENT, FATE_NOT_SENT } Fate;

/* Of everybody whom the server refused, but for what is KNOWN; TRUE if there is one. */
static gboolean
complain_of_refusals (const FmOutgoing *mail, const char *known)
{
  gboolean any = FALSE;

  for (guint i = 0; i < mail->recipients->len; i++)
    {
      const FmOutboxRecipient *recipient = g_ptr_array_index (mail->recipients, i);
      if (recipient->state == FM_RECIPIENT_REFUSED && strcmp (recipient->error, known) != 0)
        fm_cli_session_complain ("not sent to %s: %s", recipient->address, recipient->error);
      any |= recipient->state == FM_RECIPIENT_REFUSED;
    }
  return any;
}

/* What has become of the mail, from the store, since its events may be another process's; NOT_SENT has been said. A mail that was tried and not taken counts as
 * not sent although it will be tried again: who waits is told now. */
static Fate
look_at_outgoing (FmCliSession *session)
{
  g_autoptr (FmOutgoing) mail = fm_outbox_store_get (fm_cli_session_reader (session), session->outgoing, NULL);

  if (!mail)
    return FATE_SENT;
  switch (mail->state)
    {
    case FM_OUTBOX_HELD:
      if (!*mail->error)
        return FATE_OPEN;
      fm_cli_session_complain ("not sent yet, and tried again later: %s", mail->error);
      return FATE_NOT_SENT;
    case FM_OUTBOX_FAILED:
      fm_cli_session_complain ("not sent: %s", mail->error);
      complain_of_refusals (mail, mail->error);
      fm_cli_session_complain ("it is kept as mail %" G_GINT64_FORMAT " of `fulmar queue`, which can send it again", mail->id);
      return FATE_NOT_SENT;
    case FM_OUTBOX_UNKNOWN:
      fm_cli_session_complain ("nobody knows whether it was sent: %s. See `fulmar queue`", mail->error);
      return FATE_NOT_SENT;
    case FM_OUTBOX_FILED:
    case FM_OUTBOX_CANCELLED:
      return complain_of_refusals (mail, "") ? FATE_NOT_SENT : FATE_SENT;
    default:
      return FATE_OPEN;
    }
}

/* Every answer's id may come before its asker looks for it, so answers are noted for whatever request is waited for. */
static void
listen (const FmEvent *event, gpointer data)
{
  FmCliSession *session = data;

  if (session->heard)
    session->heard (event, session->heard_data);
  if (event->kind == FM_EVENT_NOTICE && event->error)
    fm_cli_session_complain ("%s%s%s", event->account ? event->account : "", event->account ? ": " : "", event->error->message);
  if (event->kind == FM_EVENT_NEED_PASSWORD)
    need_password (session, event->account, event->text);
  if (session->outgoing != 0 && (event->kind == FM_EVENT_OUTBOX || event->kind == FM_EVENT_QUEUE))
    {
      Fate fate = look_at_outgoing (session);
      session->answered |= fate == FATE_SENT;
      session->failed |= fate == FATE_NOT_SENT;
      if (fate != FATE_OPEN)
        g_main_loop_quit (session->loop);
    }
  if (session->request == 0 || event->reply_to != session->request)
    return;
  if (event->kind == FM_EVENT_FAILED)
    {
      fm_cli_session_complain ("%s", event->error->message);
      session->failed = TRUE;
    }
  if (event->kind == FM_EVENT_DONE)
    session->done_outgoing = event->total;
  if (event->kind == FM_EVENT_DONE || event->kind == FM_EVENT_FAILED || event->kind == FM_EVENT_CANCELLED)
    {
      session->failed |= event->kind == FM_EVENT_CANCELLED;
      session->answered = TRUE;
      g_main_loop_quit (session->loop);
    }
}

FmCliSession *
fm_cli_session_open (const FmCliGlobals *globals, FmCliNeed need)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = globals->config_file ? g_strdup (globals->config_file) : fm_paths_config_file ();
  FmAppOptions options = { .read_only = globals->read_only || need <= FM_CLI_SEARCH,
                           .network = need >= FM_CLI_NETWORK,
                           .stays = need == FM_CLI_STAY,
                           .index = need == FM_CLI_SEARCH,
                           .account = globals->account };
  FmConfig *config = fm_config_load (path);
  FmCliSession *session;

  report_problems (config);
  if (fm_config_accounts (config)->len == 0)
    {
      fm_cli_session_complain ("no account is set up in %s: `fulmar setup` adds one", path);
      fm_config_free (config);
      return NULL;
    }
  if (globals->account && !fm_cli_knows_account (config, globals->account))
    {
      fm_config_free (config);
      return NULL;
    }
  session = g_new0 (FmCliSession, 1);
  session->loop = g_main_loop_new (NULL, FALSE);
  session->app = fm_app_new (config, &options, &error);
  if (!session->app)
    {
      fm_cli_session_complain ("%s", error->message);
      fm_cli_session_free (session);
      return NULL;
    }
  fm_app_set_listener (session->app, listen, session);
  return session;
}

void
fm_cli_session_free (FmCliSession *session)
{
  if (!session)
    return;
  fm_app_free (session->app);
  g_main_loop_unref (session->loop);
  g_free (session);
}

FmApp *
fm_cli_session_app (FmCliSession *session)
{
  return session->app;
}

FmStoreReader *
fm_cli_session_reader (FmCliSession *session)
{
  return fm_engine_reader (fm_app_engine (session->app));
}

static gboolean
interrupted (gpointer data)
{
  FmCliSession *session = data;

  session->failed = TRUE;
  g_main_loop_quit (session->loop);
  return G_SOURCE_CONTINUE;
}

static void
run_loop (FmCliSession *session, FmCliHeard heard, gpointer data)
{
  guint sources[] = { g_unix_signal_add (SIGINT, interrupted, session), g_unix_signal_add (SIGTERM, interrupted, session),
                      g_unix_signal_add (SIGHUP, interrupted, session) };

  session->heard = heard;
  session->heard_data = data;
  g_main_loop_run (session->loop);
  session->heard = NULL;
  for (guint i = 0; i < G_N_ELEMENTS (sources); i++)
    g_source_remove (sources[i]);
}

gboolean
fm_cli_session_wait (FmCliSession *session, guint64 request, FmCliHeard heard, gpointer data)
{
  session->request = request;
  session->answered = session->failed = FALSE;
  run_loop (session, heard, data);
  session->request = 0;
  return session->answered && !session->failed;
}

void
fm_cli_session_wait_for (FmCliSession *session, const char *account)
{
  session->account = account;
}

gint64
fm_cli_session_outgoing (const FmCliSession *session)
{
  return session->done_outgoing;
}

static gboolean
time_is_up (gpointer data)
{
  FmCliSession *session = data;

  session->timeout = 0;
  g_main_loop_quit (session->loop);
  return G_SOURCE_REMOVE;
}

gboolean
fm_cli_session_wait_sent (FmCliSession *session, gint64 outgoing_id, guint at_most_s, gboolean *ret_open)
{
  Fate fate;

  session->outgoing = outgoing_id;
  session->answered = session->failed = FALSE;
  fate = look_at_outgoing (session);
  if (fate == FATE_OPEN)
    {
      if (at_most_s > 0)
        session->timeout = g_timeout_add_seconds (at_most_s, time_is_up, session);
      run_loop (session, NULL, NULL);
      if (session->timeout != 0)
        g_source_remove (session->timeout);
      session->timeout = 0;
    }
  session->outgoing = 0;
  *ret_open = fate == FATE_OPEN && !session->answered && !session->failed;
  return fate == FATE_SENT || (session->answered && !session->failed);
}

void
fm_cli_session_stay (FmCliSession *session, FmCliHeard heard, gpointer data)
{
  run_loop (session, heard, data);
}

gboolean
fm_cli_session_messages (FmCliSession *session, const char *name, GArray *ids)
{
  FmStoreReader *reader = fm_cli_session_reader (session);
  g_autoptr (GArray) found = NULL;
  gint64 id;

  if (*name == 'm' && g_ascii_string_to_signed (name + 1, 10, 1, G_MAXINT64, &id, NULL))
    {
      g_autoptr (FmMessageInfo) info = fm_message_store_get (reader, id, NULL);
      if (info)
        {
          g_array_append_val (ids, id);
          return TRUE;
        }
    }
  else if (g_str_has_prefix (name, "id:"))
    {
      found = fm_message_store_find_message_id (reader, name + 3, NULL);
      if (found && found->len > 0)
        {
          g_array_append_vals (ids, found->data, found->len);
          return TRUE;
        }
    }
  else
    {
      fm_cli_session_complain ("`%s` names no message: write id:<Message-ID>, or an id that --json prints (m12)", name);
      return FALSE;
    }
  fm_cli_session_complain ("there is no message %s", name);
  return FALSE;
}

gint64
fm_cli_session_folder (FmCliSession *session, const char *name)
{
  gint64 id = fm_app_find_folder (session->app, name);
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  FmFolderLine line;
  const char *near;

  if (id)
    return id;
  for (guint i = 0; fm_folders_line (fm_app_folders (session->app), i, &line); i++)
    if (line.folder_id)
      g_ptr_array_add (names, (gpointer) line.full_name);
  g_ptr_array_add (names, NULL);
  near = fm_text_nearest (name, (const char *const *) names->pdata);
  if (near)
    fm_cli_session_complain ("there is no folder %s: did you mean %s?", name, near);
  else
    fm_cli_session_complain ("there is no folder %s (fulmar folders lists them)", name);
  return 0;
}

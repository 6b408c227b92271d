/* fulmar sync, queue, index: the work itself, what waits of it, and the index. */
#include "cli/cli-private.h"
#include <fulmar/store/journal.h>
#include <fulmar/store/outbox-store.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct {
  gint64 new_mail;
  gboolean tty, line_open;
} Watched;

static void
heard (const FmEvent *event, gpointer data)
{
  Watched *watched = data;
  g_autofree char *text = event->text ? fm_text_sanitise_line (event->text, -1) : NULL;

  if (event->kind == FM_EVENT_FOLDER_CHANGED && event->count > 0)
    {
      watched->new_mail += event->count;
      if (!watched->tty)
        return;
    }
  if (event->kind == FM_EVENT_PROGRESS && watched->tty && text)
    {
      fprintf (stderr, "\r\033[K%s %" G_GINT64_FORMAT " of %" G_GINT64_FORMAT, text, event->count, event->total);
      watched->line_open = TRUE;
    }
  else if (event->kind == FM_EVENT_STATE && event->state >= FM_STATE_RETRYING && event->state != FM_STATE_LOCAL && text)
    fm_cli_session_complain ("%s: %s", event->account, text);
}

static int
run_sync (FmCliSession *session, const FmCliGlobals *globals, char **folders, gboolean watch)
{
  Watched watched = { .tty = isatty (STDERR_FILENO) };
  FmEngine *engine = fm_app_engine (fm_cli_session_app (session));
  gboolean good = fm_cli_session_wait (session, fm_engine_sync (engine, globals->account, (const char *const *) folders), heard, &watched);

  if (watched.line_open)
    fprintf (stderr, "\r\033[K");
  if (good)
    printf ("%" G_GINT64_FORMAT " new\n", watched.new_mail);
  if (good && watch)
    fm_cli_session_stay (session, heard, &watched);
  return good ? 0 : 1;
}

int
fm_cli_sync_run (const FmCliGlobals *globals, int argc, char **argv)
{
  gboolean watch = argc > 1 && strcmp (argv[1], "--watch") == 0;
  g_autoptr (GPtrArray) folders = g_ptr_array_new ();
  FmCliSession *session;
  int status;

  for (int i = 1 + watch; i < argc; i++)
    {
      const char *slash = strchr (argv[i], '/');
      if (*argv[i] == '-')
        {
          fm_cli_session_complain ("usage: fulmar sync [--watch] [FOLDER...]");
          return 2;
        }
      g_ptr_array_add (folders, slash ? (gpointer) (slash + 1) : argv[i]);
    }
  g_ptr_array_add (folders, NULL);
  if (!(session = fm_cli_session_open (globals, FM_CLI_NETWORK)))
    return 1;
  status = run_sync (session, globals, folders->len > 1 ? (char **) folders->pdata : NULL, watch);
  fm_cli_session_free (session);
  return status;
}

/* --- queue --- */

static const char *
op_state (FmOpState state)
{
  static const char *const words[] = { "waits", "sent, not answered yet", "settling", "done", "refused", "cancelled" };

  return (guint) state < G_N_ELEMENTS (words) ? words[state] : "";
}

static const char *
outbox_state (FmOutboxState state)
{
  static const char *const words[]
      = { "waits", "being sent", "accepted", "filed", "failed", "unknown: look in Sent before sending it again", "cancelled" };

  return (guint) state < G_N_ELEMENTS (words) ? words[state] : "";
}

static void
print_entry (gboolean as_json, const char *kind, gint64 id, const char *what, const char *state, guint tries, const char *why)
{
  g_autofree char *text = fm_text_sanitise_line (what ? what : "", -1), *reason = fm_text_sanitise_line (why ? why : "", -1);

  if (as_json)
    {
      FmCliJson *json = fm_cli_json_new ();
      fm_cli_json_string (json, "kind", kind);
      fm_cli_json_number (json, "id", id);
      fm_cli_json_string (json, "what", text);
      fm_cli_json_string (json, "state", state);
      fm_cli_json_number (json, "tries", tries);
      fm_cli_json_string (json, "error", *reason ? reason : NULL);
      fm_cli_json_print (json);
    }
  else
    printf ("%s: %s%s%s\n", text, state, *reason ? ": " : "", reason);
}

int
fm_cli_sync_queue (const FmCliGlobals *globals, int argc, char **argv)
{
  gboolean as_json = argc > 1 && strcmp (argv[1], "--json") == 0;
  FmCliSession *session = fm_cli_session_open (globals, FM_CLI_READ);
  g_autoptr (GPtrArray) ops = NULL, mails = NULL;

  if (!session)
    return 1;
  ops = fm_journal_list (fm_cli_session_reader (session), 0, 1000, NULL);
  mails = fm_outbox_store_list (fm_cli_session_reader (session), 0, NULL);
  for (guint i = 0; ops && i < ops->len; i++)
    {
      const FmOpInfo *op = g_ptr_array_index (ops, i);
      print_entry (as_json, "operation", op->op_id, op->label, op_state (op->state), op->tries, op->error);
    }
  for (guint i = 0; mails && i < mails->len; i++)
    {
      const FmOutgoing *mail = g_ptr_array_index (mails, i);
      const FmOutboxRecipient *first = mail->recipients->len ? g_ptr_array_index (mail->recipients, 0) : NULL;
      g_autofree char *what
          = g_strdup_printf ("mail to %s%s", first ? first->address : "nobody", mail->recipients->len > 1 ? " and others" : "");
      print_entry (as_json, "mail", mail->id, what, outbox_state (mail->state), mail->tries, mail->error);
    }
  if (!as_json && ops && mails && ops->len + mails->len == 0)
    printf ("nothing waits\n");
  fm_cli_session_free (session);
  return 0;
}

/* --- index --- */

int
fm_cli_sync_index (const FmCliGlobals *globals, int argc, char **argv)
{
  gboolean rebuild = argc > 1 && strcmp (argv[1], "--rebuild") == 0, good;
  Watched watched = { .tty = isatty (STDERR_FILENO) };
  FmCliSession *session;
  FmEngine *engine;

  if (argc > 1 + rebuild)
    {
      fm_cli_session_complain ("usage: fulmar index [--rebuild]");
      return 2;
    }
  if (!(session = fm_cli_session_open (globals, FM_CLI_NETWORK)))
    return 1;
  engine = fm_app_engine (fm_cli_session_app (session));
  if (!fm_engine_is_leader (engine) && rebuild)
    {
      fm_cli_session_complain ("another Fulmar runs on this store: close it first");
      fm_cli_session_free (session);
      return 1;
    }
  good = fm_cli_session_wait (session, rebuild ? fm_engine_rebuild_index (engine) : fm_engine_sync (engine, NULL, NULL), heard, &watched);
  if (watched.line_open)
    fprintf (stderr, "\r\033[K");
  if (good)
    printf ("the index is up to date\n");
  fm_cli_session_free (session);
  return good ? 0 : 1;
}

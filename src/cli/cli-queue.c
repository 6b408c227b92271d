/* fulmar queue: what waits to be done on a server or to be sent, and what is to become of outgoing mail that did not go out. */
#include "cli/cli-private.h"
#include <fulmar/app/queue-text.h>
#include <fulmar/base/clock.h>
#include <fulmar/mail/envelope.h>
#include <fulmar/mail/message.h>
#include <fulmar/store/body-store.h>
#include <fulmar/store/folder-store.h>
#include <fulmar/store/journal.h>
#include <fulmar/store/outbox-store.h>
#include <stdio.h>
#include <string.h>

#define MAX_OPERATIONS 1000
#define SEND_AT_MOST_S 30

static const char *
mail_state (FmOutboxState state)
{
  static const char *const words[] = { "waits", "being sent", "accepted", "filed", "failed", "unknown", "cancelled" };

  return (guint) state < G_N_ELEMENTS (words) ? words[state] : "";
}

static char *
account_name (FmStoreReader *reader, gint64 account_id)
{
  g_autoptr (GPtrArray) accounts = fm_folder_store_accounts (reader, NULL);

  for (guint i = 0; accounts && i < accounts->len; i++)
    {
      const FmAccountInfo *account = g_ptr_array_index (accounts, i);
      if (account->id == account_id)
        return g_strdup (account->name);
    }
  return g_strdup ("");
}

static void
print_operation (FmStoreReader *reader, const FmOpInfo *op, gboolean as_json)
{
  gint64 now = fm_clock_now_utc ();
  g_autofree char *account = account_name (reader, op->account_id), *state = fm_queue_text_state (op, now);

  if (as_json)
    {
      g_autofree char *text = fm_text_sanitise_line (op->label, -1), *why = fm_text_sanitise_line (op->error, -1);
      FmCliJson *json = fm_cli_json_new ();
      fm_cli_json_string (json, "kind", "operation");
      fm_cli_json_number (json, "id", op->op_id);
      fm_cli_json_string (json, "account", account);
      fm_cli_json_string (json, "what", text);
      fm_cli_json_string (json, "state", op->held ? "held" : op->state == FM_OP_PLANNED ? "waits" : state);
      fm_cli_json_number (json, "tries", op->tries);
      fm_cli_json_string (json, "error", *why ? why : NULL);
      if (op->not_before_utc > now)
        fm_cli_json_date (json, "not_before", op->not_before_utc);
      fm_cli_json_print (json);
    }
  else
    {
      g_autofree char *line = fm_queue_text_operation (op, now);
      printf ("%s: %s\n", account, line);
    }
}

/* Transfer: full. */
static char *
subject_of (FmStoreReader *reader, gint64 blob_id)
{
  g_autofree char *path = fm_body_store_blob_path (reader, blob_id, NULL);
  g_autoptr (FmMessage) message = path ? fm_message_open_file (path, 0, -1, NULL) : NULL;

  return fm_text_sanitise_line (message ? fm_envelope_subject (fm_message_envelope (message)) : "", -1);
}

/* "a@x, b@y", bounded. Transfer: full. */
static char *
recipients_of (const FmOutgoing *mail)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < mail->recipients->len; i++)
    {
      const FmOutboxRecipient *recipient = g_ptr_array_index (mail->recipients, i);
      if (i == 3)
        {
          g_string_append_printf (text, " and %u more", mail->recipients->len - i);
          break;
        }
      g_string_append_printf (text, "%s%s", i > 0 ? ", " : "", recipient->address);
    }
  return g_string_free (text, FALSE);
}

static void
print_mail_json (const FmOutgoing *mail, const char *account, const char *subject)
{
  FmCliJson *json = fm_cli_json_new ();
  g_autoptr (GPtrArray) addresses = g_ptr_array_new ();
  g_autofree char *to = recipients_of (mail), *what = g_strdup_printf ("mail to %s", to);

  for (guint i = 0; i < mail->recipients->len; i++)
    g_ptr_array_add (addresses, ((const FmOutboxRecipient *) g_ptr_array_index (mail->recipients, i))->address);
  g_ptr_array_add (addresses, NULL);
  fm_cli_json_string (json, "kind", "mail");
  fm_cli_json_number (json, "id", mail->id);
  fm_cli_json_string (json, "what", what);
  fm_cli_json_string (json, "state", mail_state (mail->state));
  fm_cli_json_number (json, "tries", mail->tries);
  fm_cli_json_string (json, "error", *mail->error ? mail->error : NULL);
  fm_cli_json_string (json, "account", account);
  fm_cli_json_string (json, "subject", subject);
  fm_cli_json_strings (json, "to", (const char *const *) addresses->pdata);
  fm_cli_json_string (json, "message_id", mail->message_id);
  fm_cli_json_date (json, "date", mail->created_utc);
  if (mail->state == FM_OUTBOX_HELD)
    fm_cli_json_date (json, "not_before", MAX (mail->hold_until_utc, mail->created_utc));
  fm_cli_json_print (json);
}

static void
print_mail (FmStoreReader *reader, const FmOutgoing *mail, gboolean as_json)
{
  g_autofree char *account = account_name (reader, mail->account_id), *subject = subject_of (reader, mail->blob_id),
                  *to = recipients_of (mail);
  g_autofree char *text
      = g_strdup_printf ("\"%s\" to %s: %s%s%s", subject, to, mail_state (mail->state), *mail->error ? ": " : "", mail->error);
  g_autofree char *clean = fm_text_sanitise_line (text, -1);

  if (as_json)
    {
      print_mail_json (mail, account, subject);
      return;
    }
  printf ("mail %" G_GINT64_FORMAT " %s\n", mail->id, clean);
  if (mail->state == FM_OUTBOX_FAILED)
    printf ("     -> fulmar queue retry %" G_GINT64_FORMAT " | draft | drop\n", mail->id);
  if (mail->state == FM_OUTBOX_UNKNOWN)
    printf ("     -> look into Sent, or ask who should have it; then: fulmar queue sent %" G_GINT64_FORMAT " | resend | draft | drop\n",
            mail->id);
}

static int
list_queue (const FmCliGlobals *globals, gboolean as_json)
{
  FmCliSession *session = fm_cli_session_open (globals, FM_CLI_READ);
  g_autoptr (GPtrArray) ops = NULL, mails = NULL;
  g_autoptr (GError) error = NULL;
  gboolean good;

  if (!session)
    return 1;
  good = (ops = (as_json ? fm_journal_list : fm_journal_list_grouped) (fm_cli_session_reader (session), 0, MAX_OPERATIONS, &error))
         && (mails = fm_outbox_store_list (fm_cli_session_reader (session), 0, &error));
  if (!good)
    fm_cli_session_complain ("%s", error->message);
  for (guint i = 0; good && i < ops->len; i++)
    print_operation (fm_cli_session_reader (session), g_ptr_array_index (ops, i), as_json);
  for (guint i = 0; good && i < mails->len; i++)
    print_mail (fm_cli_session_reader (session), g_ptr_array_index (mails, i), as_json);
  if (good && !as_json && ops->len + mails->len == 0)
    printf ("nothing waits\n");
  fm_cli_session_free (session);
  return good ? 0 : 1;
}

/* --- deciding --- */

typedef struct {
  const char *word;
  FmActionKind kind;
  gboolean sends; /* something is handed to a server afterwards */
} Verb;

static const Verb verbs[] = {
  { "retry", FM_ACTION_OUTBOX_RETRY, TRUE },  { "resend", FM_ACTION_OUTBOX_RESEND, TRUE }, { "sent", FM_ACTION_OUTBOX_SENT, TRUE },
  { "draft", FM_ACTION_OUTBOX_DRAFT, FALSE }, { "drop", FM_ACTION_OUTBOX_DROP, FALSE },
};

static void
print_done (const FmEvent *event, gpointer data)
{
  if (event->kind == FM_EVENT_DONE && event->text)
    printf ("%s\n", event->text);
}

/* FALSE: said. */
static gboolean
decide (FmCliSession *session, const Verb *verb, gint64 id)
{
  FmEngine *engine = fm_app_engine (fm_cli_session_app (session));
  gboolean open = FALSE;

  if (!fm_cli_session_wait (session, fm_engine_act (engine, fm_action_new_outgoing (verb->kind, &id, 1)), print_done, NULL))
    return FALSE;
  fflush (stdout);
  return !verb->sends || fm_cli_session_wait_sent (session, id, SEND_AT_MOST_S, &open) || open;
}

static int
decide_all (const FmCliGlobals *globals, const Verb *verb, char **ids)
{
  g_autoptr (GArray) numbers = g_array_new (FALSE, FALSE, sizeof (gint64));
  FmCliSession *session;
  gboolean good = TRUE;

  for (guint i = 0; ids[i]; i++)
    {
      gint64 id;
      if (!g_ascii_string_to_signed (ids[i], 10, 1, G_MAXINT64, &id, NULL))
        {
          fm_cli_session_complain ("`%s` is no number that `fulmar queue` lists", ids[i]);
          return 2;
        }
      g_array_append_val (numbers, id);
    }
  if (!(session = fm_cli_session_open (globals, verb->sends ? FM_CLI_NETWORK : FM_CLI_ACT)))
    return 1;
  for (guint i = 0; i < numbers->len; i++)
    good &= decide (session, verb, g_array_index (numbers, gint64, i));
  fm_cli_session_free (session);
  return good ? 0 : 1;
}

int
fm_cli_queue_run (const FmCliGlobals *globals, int argc, char **argv)
{
  if (argc == 1 || (argc == 2 && strcmp (argv[1], "--json") == 0))
    return list_queue (globals, argc == 2);
  for (guint i = 0; argc > 2 && i < G_N_ELEMENTS (verbs); i++)
    if (strcmp (argv[1], verbs[i].word) == 0)
      return decide_all (globals, &verbs[i], argv + 2);
  fm_cli_session_complain ("usage: fulmar queue [--json], or fulmar queue retry|resend|sent|draft|drop ID...");
  return 2;
}

/* What waits: outgoing mail, which can be tried again, edited or dropped from here, and below it the operations that servers have not answered yet. The list
 * is made on a pool thread, since subjects are read from the mails' files. */
#include "app/app-private.h"
#include "app/commands.h"
#include <fulmar/app/queue-text.h>
#include <fulmar/base/clock.h>
#include <fulmar/mail/message.h>
#include <fulmar/store/body-store.h>
#include <fulmar/store/journal.h>
#include <fulmar/store/outbox-store.h>
#include <string.h>

#define MAX_OPERATIONS 200
#define MAX_HELD 1000 /* are counted on the thread that draws */

typedef struct {
  gint64 id; /* of the outgoing mail; 0: an operation */
  FmOutboxState state;
  char *line, *error;
} Entry;

static void
entry_free (gpointer data)
{
  Entry *entry = data;

  g_free (entry->line);
  g_free (entry->error);
  g_free (entry);
}

static Entry *
mail_entry (FmStoreReader *reader, const FmOutgoing *mail)
{
  static const char *const words[] = { "waits", "is being sent", "is filed", "sent", "NOT SENT", "SENT OR NOT?", "cancelled" };
  g_autofree char *path = fm_body_store_blob_path (reader, mail->blob_id, NULL);
  g_autoptr (FmMessage) message = path ? fm_message_open_file (path, 0, -1, NULL) : NULL;
  const FmOutboxRecipient *first = mail->recipients->len > 0 ? g_ptr_array_index (mail->recipients, 0) : NULL;
  Entry *entry = g_new0 (Entry, 1);
  g_autofree char *line = g_strdup_printf (
      "%" G_GINT64_FORMAT " %s: \"%s\" to %s%s%s%s", mail->id, words[MIN ((guint) mail->state, G_N_ELEMENTS (words) - 1)],
      message ? fm_envelope_subject (fm_message_envelope (message)) : "", first ? first->address : "nobody",
      mail->recipients->len > 1 ? " and others" : "", *mail->error ? ": " : "", mail->error);

  entry->id = mail->id;
  entry->state = mail->state;
  entry->line = fm_text_sanitise_line (line, -1);
  entry->error = fm_text_sanitise_line (mail->error, -1);
  return entry;
}

static Entry *
operation_entry (const FmOpInfo *op)
{
  Entry *entry = g_new0 (Entry, 1);

  entry->line = fm_queue_text_operation (op, fm_clock_now_utc ());
  return entry;
}

typedef struct {
  FmApp *app;
  GPtrArray *entries; /* Entry* */
} Queue;

static void
queue_free (gpointer data)
{
  Queue *queue = data;

  g_clear_pointer (&queue->entries, g_ptr_array_unref);
  g_free (queue);
}

static gpointer
list_run (FmStoreReader *reader, FmCancel *cancel, gpointer data, GError **error)
{
  g_autoptr (GPtrArray) entries = g_ptr_array_new_with_free_func (entry_free), mails = fm_outbox_store_list (reader, 0, error);
  g_autoptr (GPtrArray) ops = mails ? fm_journal_list_grouped (reader, 0, MAX_OPERATIONS, error) : NULL;

  if (!ops)
    return NULL;
  for (guint i = 0; i < mails->len; i++)
    g_ptr_array_add (entries, mail_entry (reader, g_ptr_array_index (mails, i)));
  for (guint i = 0; i < ops->len; i++)
    g_ptr_array_add (entries, operation_entry (g_ptr_array_index (ops, i)));
  return g_steal_pointer (&entries);
}

/* --- deciding --- */

typedef struct {
  FmApp *app;
  gint64 id;
} Wish;

static void
drop_answered (const char *answer, gpointer data)
{
  g_autofree Wish *wish = data;

  if (answer && *answer == 'y')
    fm_act_run (wish->app, fm_action_new_outgoing (FM_ACTION_OUTBOX_DROP, &wish->id, 1), NULL);
}

static void
draft_made (FmApp *app, const FmEvent *event, gpointer data)
{
  if (event->kind == FM_EVENT_FAILED)
    fm_app_complain (app, "%s", event->error->message);
  else if (event->kind == FM_EVENT_DONE && event->msg_id)
    fm_cmd_compose_resume (app, event->msg_id);
}

static void
wish_answered (const char *answer, gpointer data)
{
  g_autofree Wish *wish = data;
  FmApp *app = wish->app;

  switch (answer ? *answer : '\0')
    {
    case 's':
      fm_act_run (app, fm_action_new_outgoing (FM_ACTION_OUTBOX_RETRY, &wish->id, 1), NULL);
      break;
    case 'y':
      fm_act_run (app, fm_action_new_outgoing (FM_ACTION_OUTBOX_SENT, &wish->id, 1), NULL);
      break;
    case 'n':
      fm_act_run (app, fm_action_new_outgoing (FM_ACTION_OUTBOX_RESEND, &wish->id, 1), NULL);
      break;
    case 'e':
      fm_app_expect (app, fm_engine_act (app->engine, fm_action_new_outgoing (FM_ACTION_OUTBOX_DRAFT, &wish->id, 1)), draft_made, NULL,
                     NULL);
      break;
    case 'd':
      app->shell->ask (app->shell_data, "drop it? It is not sent, and no copy is kept", "yn", drop_answered,
                       g_memdup2 (wish, sizeof *wish));
      break;
    default:
      break;
    }
}

static void
ask_what (FmApp *app, const Entry *entry)
{
  Wish wish = { app, entry->id };
  g_autofree char *question = NULL;

  if (entry->state == FM_OUTBOX_UNKNOWN)
    app->shell->ask (app->shell_data, "was it sent? (y)es: file it in Sent, (n)o: send it again, (e)dit, (d)rop, (q) decide later", "ynedq",
                     wish_answered, g_memdup2 (&wish, sizeof wish));
  else if (entry->state == FM_OUTBOX_HELD || entry->state == FM_OUTBOX_FAILED)
    {
      question = g_strdup_printf ("(s)end now, (e)dit, (d)rop, (q) leave it%s%s", *entry->error ? ": " : "", entry->error);
      app->shell->ask (app->shell_data, question, "sedq", wish_answered, g_memdup2 (&wish, sizeof wish));
    }
  else
    fm_app_say (app, "it is on its way");
}

static void
chosen (const char *answer, gpointer data)
{
  Queue *queue = data;
  const Entry *found = NULL;

  for (guint i = 0; answer && i < queue->entries->len && !found; i++)
    if (strcmp (((const Entry *) g_ptr_array_index (queue->entries, i))->line, answer) == 0)
      found = g_ptr_array_index (queue->entries, i);
  if (found && found->id != 0)
    ask_what (queue->app, found);
  else if (found)
    fm_app_say (queue->app, "%s", found->line);
  queue_free (queue);
}

static void
list_done (gpointer result, const GError *error, gpointer data)
{
  FmApp *app = data;
  g_autoptr (GPtrArray) entries = result, lines = NULL;
  Queue *queue;

  if (!entries)
    {
      fm_app_complain (app, "%s", error->message);
      return;
    }
  if (entries->len == 0 || !app->shell)
    {
      fm_app_say (app, "nothing waits");
      return;
    }
  lines = g_ptr_array_new ();
  for (guint i = 0; i < entries->len; i++)
    g_ptr_array_add (lines, ((Entry *) g_ptr_array_index (entries, i))->line);
  g_ptr_array_add (lines, NULL);
  queue = g_new0 (Queue, 1);
  queue->app = app;
  queue->entries = g_ptr_array_ref (entries);
  app->shell->choose (app->shell_data, "what waits: ", (const char *const *) lines->pdata, NULL, chosen, queue);
}

static void
run_queue (const FmCommandCall *call)
{
  fm_engine_compute (call->app->engine, list_run, list_done, call->app, NULL);
}

void
fm_cmd_queue_count (FmApp *app)
{
  guint64 stuck = fm_outbox_store_stuck (fm_app_reader (app));
  gint64 until = 0;
  guint held = fm_journal_list_held (fm_app_reader (app), MAX_HELD, &until);

  if (stuck != app->stuck_mails || held != app->held_ops || until != app->held_until_utc)
    fm_app_changed (app, FM_CHANGE_STATUS);
  app->stuck_mails = stuck;
  app->held_ops = held;
  app->held_until_utc = until;
}

const FmCommand fm_cmd_queue_commands[] = {
  { .name = "queue",
    .help = "what waits to be done or sent, and why: send a mail now, edit it, drop it",
    .contexts = FM_CONTEXT_ALL,
    .run = run_queue,
    .effect_imap = "as you choose: sent by SMTP, or back to Drafts",
    .effect_gmail = "likewise",
    .effect_pop = "sent by SMTP, or back to the local Drafts",
    .effect_local = "sent, or back to Drafts" },
  { NULL },
};

/* held -> sending -> accepted -> filed. Each step is durable before the next begins; `sending` is left only by what the server said, or by what is known
 * not to have been said to it. What nobody knows stays `unknown` until the mail is seen in Sent: it is never sent again by itself. */
#include "sync/outbox.h"
#include "sync/outbox-file.h"
#include "sync/outbox-send.h"
#include <fulmar/base/clock.h>
#include <fulmar/base/error.h>
#include <fulmar/base/port.h>
#include <fulmar/base/thread.h>
#include <fulmar/store/body-store.h>
#include <fulmar/store/outbox-store.h>

#include <string.h>

#define FIRST_BACKOFF_S 60
#define MAX_BACKOFF_S 3600
#define GIVE_UP_S (5 * 86400)
#define LOOK_AGAIN_MS 60000
#define STORAGE_AGAIN_MS 10000

struct FmOutbox {
  FmSyncEnv *env;
  FmAccountSpec *spec;
  gint64 account_id;
  FmCancel *cancel;
  FmPort *port;
  FmThread *thread;
  FmStoreReader *reader;
  gboolean was_refused; /* the password we had */
  gboolean told_full;   /* that nothing can be written down */
};

static gboolean
recover_run (FmStoreWriter *writer, gpointer data, GError **error)
{
  return fm_outbox_store_recover (writer, NULL, error);
}

gboolean
fm_outbox_recover (FmSyncEnv *env, GError **error)
{
  return fm_pen_call (env->pen, FM_PEN_SAFE, recover_run, NULL, error);
}

static void
say (FmOutbox *outbox, gint64 id, const char *text, const GError *error)
{
  FmEvent *event = fm_event_new (FM_EVENT_OUTBOX, 0);
  event->account = g_strdup (outbox->spec->name);
  event->count = id;
  event->text = g_strdup (text);
  event->error = error == NULL ? NULL : g_error_copy (error);
  fm_sync_env_emit (outbox->env, event);
  fm_sync_env_queue_changed (outbox->env);
}

/* That nothing can be written down: not again before something could be. */
static void
say_once (FmOutbox *outbox, gint64 id, const GError *error)
{
  if (!outbox->told_full)
    say (outbox, id, error->message, error);
  outbox->told_full = TRUE;
}

/* value struct: one change of state, with what became of the recipients */
typedef struct {
  gint64 id;
  FmOutboxState from, to;
  gint64 hold_until_utc;
  const char *error;
  const char *const *recipients; /* or NULL */
  const FmSmtpRecipient *results;
} Change;

static gboolean
change_run (FmStoreWriter *writer, gpointer data, GError **error)
{
  const Change *change = data;
  for (guint i = 0; change->recipients != NULL && change->recipients[i] != NULL; i++)
    {
      const FmSmtpRecipient *result = &change->results[i];
      FmRecipientState state = result->verdict == FM_SMTP_ACCEPTED    ? FM_RECIPIENT_ACCEPTED
                               : result->verdict == FM_SMTP_PERMANENT ? FM_RECIPIENT_REFUSED
                                                                      : FM_RECIPIENT_WAITING;
      if (!fm_outbox_store_recipient (writer, change->id, change->recipients[i], state, result->text, error))
        return FALSE;
    }
  return fm_outbox_store_move (writer, change->id, change->from, change->to, change->hold_until_utc, change->error, error);
}

static gboolean
change_state (FmOutbox *outbox, Change *change, GError **error)
{
  return fm_pen_call (outbox->env->pen, FM_PEN_SAFE, change_run, change, error);
}

static char *
label_of (const char *path)
{
  g_autoptr (FmEnvelope) envelope = fm_outbox_file_envelope (path, NULL);
  const char *subject = fm_envelope_subject (envelope);
  return *subject == '\0' ? g_strdup ("mail without a subject") : g_strdup_printf ("\"%s\"", subject);
}

/* "a@x: 550 no such user; b@y: ..." of everybody who was refused, NULL if nobody was. Transfer: full. */
static char *
refusals_of (const FmOutgoing *outgoing)
{
  g_autoptr (GString) text = g_string_new (NULL);
  for (guint i = 0; i < outgoing->recipients->len; i++)
    {
      const FmOutboxRecipient *recipient = outgoing->recipients->pdata[i];
      if (recipient->state == FM_RECIPIENT_REFUSED)
        g_string_append_printf (text, "%s%s: %s", text->len > 0 ? "; " : "", recipient->address, recipient->error);
    }
  return text->len == 0 ? NULL : g_string_free (g_steal_pointer (&text), FALSE);
}

/* FALSE: no copy can be made now. */
static gboolean
file_mail (FmOutbox *outbox, gint64 id)
{
  g_autoptr (GError) error = NULL;
  FmOutgoing *outgoing = fm_outbox_store_get (outbox->reader, id, &error);
  if (outgoing == NULL)
    return g_error_matches (error, FM_ERROR, FM_ERROR_NOT_FOUND);
  g_autofree char *path = fm_body_store_blob_path (outbox->reader, outgoing->blob_id, NULL);
  g_autofree char *label = label_of (path);
  g_autofree char *refusals = refusals_of (outgoing);
  FmOutboxFiled filed = { 0 };
  if (!fm_outbox_file_sent (outbox->env, outbox->spec, outgoing, path, &filed, &error))
    {
      g_prefix_error (&error, "%s was sent, but no copy can be kept yet: ", label);
      say_once (outbox, id, error);
    }
  else
    {
      outbox->told_full = FALSE;
      for (guint i = 0; i < G_N_ELEMENTS (filed.accounts); i++)
        if (filed.accounts[i] != 0)
          fm_sync_env_planned (outbox->env, filed.accounts[i]);
      FmEvent *event = fm_event_new (filed.tree_changed ? FM_EVENT_FOLDERS_CHANGED : FM_EVENT_FOLDER_CHANGED, 0);
      event->account = g_strdup (outbox->spec->name);
      event->folder_id = filed.sent_folder;
      fm_sync_env_emit (outbox->env, event);
      fm_sync_env_index (outbox->env, outgoing->blob_id);
      g_autofree char *text
          = g_strdup_printf ("sent %s%s%s", label, refusals == NULL ? "" : ", but not to ", refusals == NULL ? "" : refusals);
      g_autoptr (GError) refused = refusals == NULL ? NULL : g_error_new_literal (FM_ERROR, FM_ERROR_REFUSED, text);
      say (outbox, id, text, refused);
    }
  fm_outbox_store_free (outgoing);
  return error == NULL;
}

/* Recipients that have not been dealt with. Transfer: full. */
static char **
waiting_recipients (const FmOutgoing *outgoing)
{
  GPtrArray *addresses = g_ptr_array_new ();
  for (guint i = 0; i < outgoing->recipients->len; i++)
    {
      const FmOutboxRecipient *recipient = outgoing->recipients->pdata[i];
      if (recipient->state == FM_RECIPIENT_WAITING)
        g_ptr_array_add (addresses, g_strdup (recipient->address));
    }
  g_ptr_array_add (addresses, NULL);
  return (char **) g_ptr_array_free (addresses, FALSE);
}

static gboolean
anyone_accepted (const FmOutgoing *outgoing, char **recipients, const FmSmtpRecipient *results)
{
  for (guint i = 0; i < outgoing->recipients->len; i++)
    if (((FmOutboxRecipient *) outgoing->recipients->pdata[i])->state == FM_RECIPIENT_ACCEPTED)
      return TRUE;
  for (guint i = 0; recipients[i] != NULL; i++)
    if (results[i].verdict == FM_SMTP_ACCEPTED)
      return TRUE;
  return FALSE;
}

static gboolean
anyone_waits (char **recipients, const FmSmtpRecipient *results)
{
  for (guint i = 0; recipients[i] != NULL; i++)
    if (results[i].verdict == FM_SMTP_TEMPORARY)
      return TRUE;
  return FALSE;
}

/* From what was said, the next state. */
static void
decide (FmOutbox *outbox, const FmOutgoing *outgoing, char **recipients, const FmSmtpRecipient *results, FmSmtpVerdict verdict,
        Change *change)
{
  gint64 now = fm_clock_now_utc ();
  gboolean accepted = anyone_accepted (outgoing, recipients, results);
  if (verdict == FM_SMTP_UNKNOWN)
    {
      change->to = FM_OUTBOX_UNKNOWN;
    }
  else if (anyone_waits (recipients, results) && now - outgoing->created_utc < GIVE_UP_S)
    {
      change->to = FM_OUTBOX_HELD;
      change->hold_until_utc
          = fm_cancel_is_set (outbox->cancel) ? now : now + MIN (FIRST_BACKOFF_S << MIN (outgoing->tries, 6), MAX_BACKOFF_S);
    }
  else
    {
      change->to = accepted ? FM_OUTBOX_ACCEPTED : FM_OUTBOX_FAILED;
    }
}

/* The reason stands first: a line of the screen may have no room for more. */
static void
tell_outcome (FmOutbox *outbox, const FmOutgoing *outgoing, const Change *change, const char *path, const GError *error)
{
  g_autofree char *label = label_of (path);
  g_autofree char *text = NULL;
  const char *why = error == NULL ? change->error == NULL ? "the server refused it" : change->error : error->message;
  if (change->to == FM_OUTBOX_HELD)
    text = g_strdup_printf ("not sent yet: %s; %s is tried again in %" G_GINT64_FORMAT " s", why, label,
                            MAX (0, change->hold_until_utc - fm_clock_now_utc ()));
  else if (change->to == FM_OUTBOX_FAILED)
    text = g_strdup_printf ("not sent: %s; %s is kept in the queue", why, label);
  else
    text = g_strdup_printf ("sent or not? %s; look into Sent for %s, then decide in the queue", why, label);
  g_autoptr (GError) told
      = error != NULL ? g_error_new_literal (error->domain, error->code, text) : g_error_new_literal (FM_ERROR, FM_ERROR_REFUSED, text);
  say (outbox, outgoing->id, text, told);
}

static FmSmtpVerdict
hand_over (FmOutbox *outbox, const FmOutboxTask *task, FmSmtpRecipient *results, GError **error)
{
  guint n = g_strv_length ((char **) task->recipients);
  gboolean at_door = FALSE;
  FmSmtpVerdict verdict;
  if (task->spec->sendmail_argv != NULL)
    {
      verdict = fm_outbox_send_program (task, error);
    }
  else
    {
      verdict = fm_outbox_send_smtp (task, results, &at_door, error);
      outbox->was_refused = at_door && error != NULL && g_error_matches (*error, FM_ERROR, FM_ERROR_AUTH);
      if (!at_door)
        return verdict;
    }
  for (guint i = 0; i < n; i++)
    results[i]
        = (FmSmtpRecipient){ verdict,
                             verdict == FM_SMTP_ACCEPTED ? NULL : g_strdup (error != NULL && *error != NULL ? (*error)->message : "") };
  return verdict;
}

/* What came of a mail is known here alone until it is written down: it is tried until there is room, or the program ends (then the mail's fate is unknown).
 * FALSE: it is not written. */
static gboolean
write_outcome (FmOutbox *outbox, Change *change, const char *path)
{
  g_autofree char *label = label_of (path);
  for (;;)
    {
      g_autoptr (GError) error = NULL;
      if (change_state (outbox, change, &error))
        return TRUE;
      g_prefix_error (&error, "%s %s, which can't be written down yet: ", label,
                      change->to == FM_OUTBOX_ACCEPTED ? "was sent" : "was not sent");
      say_once (outbox, change->id, error);
      if (!g_error_matches (error, FM_ERROR, FM_ERROR_STORAGE) || fm_cancel_is_set (outbox->cancel))
        return FALSE;
      g_free (fm_port_take (outbox->port, fm_clock_deadline_us (STORAGE_AGAIN_MS)));
    }
}

/* A mail that is marked as being sent: sends it, and writes down what came of it. */
static void
send_marked (FmOutbox *outbox, const FmOutgoing *outgoing, FmSecret *secret)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) recipients = waiting_recipients (outgoing);
  guint n = g_strv_length (recipients);
  g_autofree FmSmtpRecipient *results = g_new0 (FmSmtpRecipient, n + 1);
  g_autofree char *path = fm_body_store_blob_path (outbox->reader, outgoing->blob_id, &error);
  FmOutboxTask task = { .spec = outbox->spec,
                        .secret = secret,
                        .cancel = outbox->cancel,
                        .sender = outgoing->sender,
                        .recipients = (const char *const *) recipients,
                        .path = path };
  FmSmtpVerdict verdict = FM_SMTP_PERMANENT;
  if (path != NULL)
    verdict = hand_over (outbox, &task, results, &error);
  else
    for (guint i = 0; i < n; i++)
      results[i].verdict = FM_SMTP_PERMANENT;
  g_autofree char *first = error != NULL ? g_strdup (error->message) : NULL;
  for (guint i = 0; i < n && first == NULL; i++)
    if (results[i].text != NULL)
      first = g_strdup_printf ("%s: %s", recipients[i], results[i].text);
  Change change = {
    .id = outgoing->id, .from = FM_OUTBOX_SENDING, .error = first, .recipients = (const char *const *) recipients, .results = results
  };
  decide (outbox, outgoing, recipients, results, verdict, &change);
  gboolean is_written = write_outcome (outbox, &change, path);
  if (is_written && change.to == FM_OUTBOX_ACCEPTED)
    file_mail (outbox, outgoing->id);
  else if (is_written && !fm_cancel_is_set (outbox->cancel))
    tell_outcome (outbox, outgoing, &change, path, error);
  for (guint i = 0; i < n; i++)
    g_free (results[i].text);
}

/* Nothing is sent that could not be written down. */
static void
tell_full (FmOutbox *outbox, const FmOutgoing *outgoing, GError *error)
{
  g_autofree char *path = fm_body_store_blob_path (outbox->reader, outgoing->blob_id, NULL);
  g_autofree char *label = label_of (path);
  g_autoptr (GError) told = g_error_new (error->domain, error->code, "not sent yet: %s; %s waits", error->message, label);
  say_once (outbox, outgoing->id, told);
}

/* FALSE: nothing can be sent now (stopped, no password, the disk is full): looked at again after *RET_AGAIN_MS. */
static gboolean
send_one (FmOutbox *outbox, const FmOutgoing *outgoing, gint64 *ret_again_ms)
{
  g_autoptr (FmSecret) secret = NULL;
  g_autoptr (GError) error = NULL;
  if (outbox->spec->sendmail_argv == NULL && outbox->spec->smtp.user != NULL)
    {
      /* Asked for before the mail is marked: while the user looks for the password the mail is only held. */
      secret = fm_sync_env_secret (outbox->env, outbox->spec, outbox->was_refused ? &outbox->spec->smtp : NULL, outbox->cancel, &error);
      if (secret == NULL)
        return FALSE;
      outbox->was_refused = FALSE;
    }
  Change mark = { .id = outgoing->id, .from = FM_OUTBOX_HELD, .to = FM_OUTBOX_SENDING };
  if (!change_state (outbox, &mark, &error))
    {
      if (g_error_matches (error, FM_ERROR, FM_ERROR_INVALID)) /* taken back meanwhile */
        return TRUE;
      tell_full (outbox, outgoing, error);
      *ret_again_ms = STORAGE_AGAIN_MS;
      return FALSE;
    }
  outbox->told_full = FALSE;
  send_marked (outbox, outgoing, secret);
  return TRUE;
}

/* Mails that a crash or a full disk left accepted are filed now; unknown ones that have turned up in Sent are settled. Returns after how long some are to be looked at
 * again; -1: none. */
static gint64
settle (FmOutbox *outbox)
{
  g_autoptr (GPtrArray) list = fm_outbox_store_list (outbox->reader, outbox->account_id, NULL);
  gint64 again_ms = -1;
  for (guint i = 0; list != NULL && i < list->len; i++)
    {
      const FmOutgoing *outgoing = list->pdata[i];
      if (outgoing->state == FM_OUTBOX_UNKNOWN)
        {
          Change found = { .id = outgoing->id, .from = FM_OUTBOX_UNKNOWN, .to = FM_OUTBOX_ACCEPTED };
          if (!fm_outbox_file_is_in_sent (outbox->reader, outbox->spec, outgoing) || !change_state (outbox, &found, NULL))
            {
              again_ms = again_ms < 0 ? LOOK_AGAIN_MS : again_ms;
              continue;
            }
        }
      else if (outgoing->state != FM_OUTBOX_ACCEPTED)
        {
          continue;
        }
      if (!file_mail (outbox, outgoing->id))
        again_ms = STORAGE_AGAIN_MS;
    }
  return again_ms;
}

static gboolean
retry_run (FmStoreWriter *writer, gpointer data, GError **error)
{
  FmOutbox *outbox = data;
  g_autoptr (GPtrArray) list = fm_outbox_store_list (fm_db_writer_reader (writer), outbox->account_id, error);
  for (guint i = 0; list != NULL && i < list->len; i++)
    {
      const FmOutgoing *outgoing = list->pdata[i];
      /* Only what has been tried: what the user has delayed stays delayed. */
      if (outgoing->state == FM_OUTBOX_HELD && outgoing->tries > 0
          && !fm_outbox_store_move (writer, outgoing->id, FM_OUTBOX_HELD, FM_OUTBOX_HELD, 0, outgoing->error, error))
        return FALSE;
    }
  return list != NULL;
}

static void
outbox_main (gpointer data)
{
  FmOutbox *outbox = data;
  g_autoptr (GError) error = NULL;
  outbox->reader = fm_db_reader_new (outbox->env->store, &error);
  while (outbox->reader != NULL && !fm_cancel_is_set (outbox->cancel))
    {
      gint64 wait_ms = settle (outbox);
      gint64 now = fm_clock_now_utc (), next = 0;
      FmOutgoing *outgoing = fm_outbox_store_next (outbox->reader, outbox->account_id, now, &next, NULL);
      if (outgoing != NULL)
        {
          gint64 again_ms = LOOK_AGAIN_MS;
          gboolean again = send_one (outbox, outgoing, &again_ms);
          fm_outbox_store_free (outgoing);
          if (again)
            continue;
          wait_ms = wait_ms < 0 ? again_ms : MIN (wait_ms, again_ms);
        }
      /* Looked at again every minute while something waits: the wall clock may jump. */
      else if (next > now)
        wait_ms = MIN ((next - now) * 1000, wait_ms < 0 ? LOOK_AGAIN_MS : wait_ms);
      gboolean *retry = fm_port_take (outbox->port, fm_clock_deadline_us ((int) wait_ms));
      if (retry != NULL && *retry)
        fm_pen_call (outbox->env->pen, FM_PEN_SAFE, retry_run, outbox, NULL);
      g_free (retry);
    }
  fm_db_reader_free (outbox->reader);
}

FmOutbox *
fm_outbox_start (FmSyncEnv *env, FmAccountSpec *spec, gint64 account_id)
{
  if ((spec->smtp.host == NULL && spec->sendmail_argv == NULL) || env->read_only)
    return NULL;
  FmOutbox *outbox = g_new0 (FmOutbox, 1);
  outbox->env = env;
  outbox->spec = fm_account_spec_ref (spec);
  outbox->account_id = account_id;
  outbox->cancel = fm_cancel_new ();
  outbox->port = fm_port_new ();
  outbox->thread = fm_thread_start ("outbox", outbox_main, outbox);
  return outbox;
}

void
fm_outbox_kick (FmOutbox *outbox, gboolean now)
{
  if (outbox != NULL)
    fm_port_post (outbox->port, g_memdup2 (&now, sizeof now), g_free);
}

void
fm_outbox_stop (FmOutbox *outbox)
{
  if (outbox == NULL)
    return;
  fm_cancel_trigger (outbox->cancel);
  fm_outbox_kick (outbox, FALSE);
}

void
fm_outbox_join (FmOutbox *outbox)
{
  if (outbox == NULL)
    return;
  fm_thread_join (outbox->thread);
  fm_port_unref (outbox->port);
  fm_cancel_unref (outbox->cancel);
  fm_account_spec_unref (outbox->spec);
  g_free (outbox);
}

/* Two queues: pending commands, and those sent and not yet answered, answered in order as servers do. All pending commands are written before
 * anything is waited for, so a group of them costs one round trip; only a literal that the server must first agree to breaks the flow. */
#include "imap-build.h"
#include "imap-engine.h"
#include "imap-response.h"
#include <fulmar/base/error.h>
#include <fulmar/base/log.h>
#include <string.h>

#define MAX_IN_FLIGHT 64

static void
command_free (FmImapCommand *command)
{
  if (command->is_secret)
    fm_secret_wipe (command->text, strlen (command->text));
  g_free (command->text);
  g_free (command->retry_text);
  g_free (command->select_name);
  if (command->literal != NULL)
    g_bytes_unref (command->literal);
  g_free (command);
}

static void
command_complete (FmImapCommand *command, const GError *error)
{
  if (command->done != NULL)
    command->done (command->data, error);
  command_free (command);
}

void
fm_imap_engine_reject (FmImapDone done, gpointer data, GError *error)
{
  if (done != NULL)
    done (data, error);
  g_error_free (error);
}

FmImapCommand *
fm_imap_engine_queue (FmImapSession *session, char *text, FmImapDone done, gpointer data)
{
  FmImapCommand *command = g_new0 (FmImapCommand, 1);

  g_snprintf (command->tag, sizeof command->tag, "F%u", ++session->last_tag);
  command->text = text;
  command->done = done;
  command->data = data;
  g_queue_push_tail (&session->pending, command);
  return command;
}

gboolean
fm_imap_engine_die (FmImapSession *session, GError *reason, GError **error)
{
  FmImapCommand *command;

  if (session->death == NULL)
    {
      if (session->state->bye != NULL && g_error_matches (reason, FM_ERROR, FM_ERROR_OFFLINE))
        g_prefix_error (&reason, "the server said \"%s\": ", session->state->bye);
      session->death = reason;
    }
  else
    g_error_free (reason);
  g_propagate_error (error, g_error_copy (session->death));
  while ((command = g_queue_pop_head (&session->sent)) != NULL || (command = g_queue_pop_head (&session->pending)) != NULL)
    command_complete (command, session->death);
  return FALSE;
}

/* COMMAND is the next to be answered: what comes from now on is about it. */
static void
note_head (FmImapSession *session)
{
  FmImapCommand *head = g_queue_peek_head (&session->sent);

  if (head != NULL && head->select_name != NULL)
    fm_imap_state_select (session->state, head->select_name, head->select_read_only);
}

/* Dovecot says how long it took to say no: "... (0.001 + 0.000 secs)." */
static void
cut_timing (char *text)
{
  char *timing = g_str_has_suffix (text, " secs).") ? strrchr (text, '(') : NULL;

  if (timing != NULL && timing > text && timing[-1] == ' ' && g_ascii_isdigit (timing[1]))
    timing[-1] = '\0';
}

static GError *
refusal (const char *code, char *text)
{
  static const struct {
    const char *code;
    FmErrorCode error;
  } known[] = {
    { "NONEXISTENT", FM_ERROR_NOT_FOUND },
    { "TRYCREATE", FM_ERROR_NOT_FOUND },
    { "OVERQUOTA", FM_ERROR_LIMIT },
    { "LIMIT", FM_ERROR_LIMIT },
    { "TOOBIG", FM_ERROR_LIMIT },
    { "AUTHENTICATIONFAILED", FM_ERROR_AUTH },
    { "AUTHORIZATIONFAILED", FM_ERROR_AUTH },
    { "EXPIRED", FM_ERROR_AUTH },
    { "PRIVACYREQUIRED", FM_ERROR_TLS },
  };
  FmErrorCode error = FM_ERROR_REFUSED;

  for (gsize i = 0; code != NULL && i < G_N_ELEMENTS (known); i++)
    if (strcmp (code, known[i].code) == 0)
      error = known[i].error;
  cut_timing (text);
  if (*text != '\0')
    return g_error_new (FM_ERROR, error, "the server said: %s", text);
  return g_error_new (FM_ERROR, error, "the server refused%s%s", code != NULL ? ": " : "", code != NULL ? code : "");
}

static gboolean
tells_of_trouble (const char *status, const char *code)
{
  static const char *const codes[] = { "UNAVAILABLE", "INUSE", "SERVERBUG", "CONTACTADMIN", "LIMIT", "CLIENTBUG", "CANNOT" };

  for (gsize i = 0; code != NULL && i < G_N_ELEMENTS (codes); i++)
    if (strcmp (code, codes[i]) == 0)
      return TRUE;
  return g_ascii_strncasecmp (status, "BAD", 3) == 0;
}

static void
finish_tagged (FmImapSession *session, FmImapCommand *command, GError *error)
{
  if (g_error_matches (error, FM_ERROR, FM_ERROR_REFUSED) && command->retry_text != NULL)
    {
      g_error_free (error);
      g_free (command->text);
      command->text = g_steal_pointer (&command->retry_text);
      g_queue_push_head (&session->pending, command);
      note_head (session);
      return;
    }
  if (error != NULL && command->select_name != NULL)
    fm_imap_state_select (session->state, NULL, FALSE);
  if (error == NULL && command->is_unselect)
    fm_imap_state_select (session->state, NULL, FALSE);
  if (error == NULL && command->select_name != NULL)
    fm_imap_state_selected_changed (session->state);
  note_head (session);
  command_complete (command, error);
  g_clear_error (&error);
}

static gboolean
take_tagged (FmImapSession *session, const FmImapResponse *response, GError **error)
{
  const char *end = response->text + response->length;
  const char *status = memchr (response->text, ' ', response->length);
  FmImapCommand *command = g_queue_peek_head (&session->sent);
  g_autofree char *code = NULL;
  g_autofree char *text = NULL;

  if (status == NULL || command == NULL || strlen (command->tag) != (gsize) (status - response->text)
      || strncmp (response->text, command->tag, strlen (command->tag)) != 0)
    return fm_imap_engine_die (session, g_error_new (FM_ERROR, FM_ERROR_PROTOCOL, "the server answered something that was not asked"),
                               error);
  status++;
  gsize n = 0;
  while (status + n < end && g_ascii_isalpha (status[n]))
    n++;
  fm_imap_response_condition (session->state, status + n, end - status - n, &code, &text);
  g_queue_pop_head (&session->sent);
  session->is_busy = n > 0 && tells_of_trouble (status, code);
  if (n == 2 && g_ascii_strncasecmp (status, "OK", 2) == 0)
    finish_tagged (session, command, NULL);
  else
    finish_tagged (session, command, refusal (code, text));
  return TRUE;
}

gboolean
fm_imap_engine_step (FmImapSession *session, FmImapStep *ret_step, const char **ret_text, GError **error)
{
  FmImapResponse response;
  GError *reason = NULL;

  if (session->death != NULL)
    {
      g_propagate_error (error, g_error_copy (session->death));
      return FALSE;
    }
  if (!fm_imap_reader_next (session->reader, &response, &reason))
    return fm_imap_engine_die (session, reason, error);
  if (response.length > 0 && response.text[0] == '+')
    {
      *ret_step = FM_IMAP_STEP_CONTINUE;
      if (ret_text != NULL)
        *ret_text = response.text + 1 + (response.length > 1 && response.text[1] == ' ');
      return TRUE;
    }
  if (response.length == 0 || response.text[0] == '*')
    {
      *ret_step = FM_IMAP_STEP_UNTAGGED;
      return fm_imap_response_untagged (session->state, &response, &reason) || fm_imap_engine_die (session, reason, error);
    }
  *ret_step = FM_IMAP_STEP_TAGGED;
  return take_tagged (session, &response, error);
}

/* Waits until the server agrees to COMMAND's literal, or has answered it. */
static gboolean
await_go_ahead (FmImapSession *session, FmImapCommand *command, gboolean *ret_may_send, GError **error)
{
  FmImapStep step;

  do
    {
      if (!fm_imap_engine_step (session, &step, NULL, error))
        return FALSE;
      *ret_may_send = step == FM_IMAP_STEP_CONTINUE && g_queue_peek_head (&session->sent) == command;
    }
  while (!*ret_may_send && g_queue_find (&session->sent, command) != NULL);
  return TRUE;
}

static gboolean
send_command (FmImapSession *session, FmImapCommand *command, GError **error)
{
  FmStream *stream = session->stream;
  gboolean may_send = TRUE;
  GBytes *literal = command->literal != NULL ? g_bytes_ref (command->literal) : NULL;
  gboolean is_sync = command->is_sync_literal;

  fm_log_debug ("imap > %s %s", command->tag, command->is_secret ? "(a secret)" : command->text);
  g_queue_push_tail (&session->sent, command);
  if (g_queue_get_length (&session->sent) == 1)
    note_head (session);
  gboolean is_sent = fm_stream_write (stream, command->tag, -1, error) && fm_stream_write (stream, " ", 1, error)
                     && fm_stream_write (stream, command->text, -1, error) && fm_stream_write (stream, "\r\n", 2, error);
  if (is_sent && literal != NULL)
    {
      if (is_sync)
        is_sent = await_go_ahead (session, command, &may_send, error);
      if (is_sent && may_send)
        is_sent = fm_stream_write (stream, g_bytes_get_data (literal, NULL), g_bytes_get_size (literal), error)
                  && fm_stream_write (stream, "\r\n", 2, error);
    }
  if (literal != NULL)
    g_bytes_unref (literal);
  return is_sent;
}

gboolean
fm_imap_engine_send (FmImapSession *session, GError **error)
{
  GError *reason = NULL;

  if (session->death != NULL)
    {
      g_propagate_error (error, g_error_copy (session->death));
      return FALSE;
    }
  while (g_queue_get_length (&session->sent) < MAX_IN_FLIGHT && !g_queue_is_empty (&session->pending))
    if (!send_command (session, g_queue_pop_head (&session->pending), &reason))
      return fm_imap_engine_die (session, reason, error);
  if (!fm_stream_flush (session->stream, &reason))
    return fm_imap_engine_die (session, reason, error);
  return TRUE;
}

gboolean
fm_imap_engine_run (FmImapSession *session, GError **error)
{
  FmImapStep step;

  if (session->death != NULL)
    return fm_imap_engine_die (session, g_error_copy (session->death), error);
  while (!g_queue_is_empty (&session->pending) || !g_queue_is_empty (&session->sent))
    {
      if (!fm_imap_engine_send (session, error))
        return FALSE;
      if (!g_queue_is_empty (&session->sent) && !fm_imap_engine_step (session, &step, NULL, error))
        return FALSE;
    }
  return TRUE;
}

void
fm_imap_engine_keep_error (gpointer data, const GError *error)
{
  GError **kept = data;

  if (error != NULL && *kept == NULL)
    *kept = g_error_copy (error);
}

gboolean
fm_imap_engine_command (FmImapSession *session, char *text, GError **error)
{
  GError *own = NULL;

  fm_imap_engine_queue (session, text, fm_imap_engine_keep_error, &own);
  fm_imap_engine_run (session, NULL);
  if (own == NULL)
    return TRUE;
  g_propagate_error (error, own);
  return FALSE;
}

struct FmImapGroup {
  guint left;
  GError *first;
  FmImapDone done;
  gpointer data;
};

FmImapGroup *
fm_imap_engine_group_new (guint n, FmImapDone done, gpointer data)
{
  FmImapGroup *group = g_new0 (FmImapGroup, 1);
  group->left = n;
  group->done = done;
  group->data = data;
  return group;
}

void
fm_imap_engine_group_add (FmImapGroup *group, guint n)
{
  group->left += n;
}

void
fm_imap_engine_group_done (gpointer data, const GError *error)
{
  FmImapGroup *group = data;

  fm_imap_engine_keep_error (&group->first, error);
  if (--group->left > 0)
    return;
  if (group->done != NULL)
    group->done (group->data, group->first);
  g_clear_error (&group->first);
  g_free (group);
}

void
fm_imap_engine_queue_fetch (FmImapSession *session, const FmImapRange *uids, gsize n_ranges, const char *items, FmImapDone done,
                            gpointer data)
{
  gsize index = 0;
  FmImapGroup *group = fm_imap_engine_group_new (1, done, data);

  while (index < n_ranges)
    {
      g_autofree char *set = fm_imap_build_set (uids, n_ranges, &index);
      if (set == NULL)
        {
          g_autoptr (GError) error = g_error_new (FM_ERROR, FM_ERROR_INVALID, "an impossible set of messages");
          fm_imap_engine_group_done (group, error);
          return;
        }
      fm_imap_engine_group_add (group, 1);
      fm_imap_engine_queue (session, g_strdup_printf ("UID FETCH %s %s", set, items), fm_imap_engine_group_done, group);
    }
  fm_imap_engine_group_done (group, NULL);
}

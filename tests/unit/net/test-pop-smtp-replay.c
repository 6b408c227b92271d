/* Recorded POP3 and SMTP conversations, replayed to sessions that go their own way: each command is answered with what the recording has for it.
 * Every recording is delivered whole, byte by byte, and cut inside every CRLF: the story must be the same each time, the bytes of each message
 * those of the recording, the verdict on each mail that of the recorded answer. Then once more to a client that insists on STARTTLS, which none
 * of the recordings can do: nothing of the credentials may be said. */
#include "fake-server.h"
#include "recording.h"
#include <fulmar/base/error.h>
#include <fulmar/net/pop-session.h>
#include <fulmar/net/smtp-session.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define SKIPPED 77

static char *corpus;

/* What the server's thread noted; the test reads it when the server has stopped. */
typedef struct {
  FmRecording *recording;
  GHashTable *given; /* number -> the recorded reply to its RETR; borrowed */
  guint dots;
  char dot_class; /* '2', '4', '5'; 0: no final dot was answered */
} Play;

/* Whether the arguments matter: the answer to one message is none to another, nor a list. */
static gboolean
is_exact (const char *line)
{
  static const char *const verbs[] = { "LIST", "UIDL", "RETR", "TOP", "DELE" };
  for (gsize i = 0; i < G_N_ELEMENTS (verbs); i++)
    if (g_str_has_prefix (line, verbs[i]))
      return TRUE;
  return FALSE;
}

/* The same line, else the same verb; a step that was not used yet, else one that was. */
static const char *
answer_to (FmRecording *recording, const char *line)
{
  gsize n = strcspn (line, " ");
  FmRecordingStep *found = NULL;
  guint best = 0;

  for (guint i = 0; i < recording->steps->len; i++)
    {
      FmRecordingStep *step = recording->steps->pdata[i];
      g_autofree char *command = g_strchomp (g_strdup (step->command));
      if (n == 0 ? *command != '\0' : g_ascii_strncasecmp (command, line, n) != 0)
        continue;
      if (is_exact (line) && g_ascii_strcasecmp (command, line) != 0)
        continue;
      guint score = 1 + (step->is_used ? 0 : 1) + (g_ascii_strcasecmp (command, line) == 0 ? 2 : 0);
      if (score > best)
        {
          best = score;
          found = step;
        }
    }
  if (found == NULL)
    return NULL;
  found->is_used = TRUE;
  return found->reply;
}

/* The recorded end of a sign-in, whatever the mechanism was; NULL: the recording has none. */
static const char *
sign_in_outcome (FmRecording *recording)
{
  gboolean is_inside = FALSE;

  for (guint i = 0; i < recording->steps->len; i++)
    {
      const FmRecordingStep *step = recording->steps->pdata[i];
      is_inside |= g_str_has_prefix (step->command, "AUTH ");
      if (is_inside && !g_str_has_prefix (step->reply, "334") && !g_str_has_prefix (step->reply, "+ "))
        return step->reply;
    }
  return NULL;
}

static const char *
answer_to_sign_in (FmRecording *recording, const char *line)
{
  for (guint i = 0; i < recording->steps->len; i++)
    {
      FmRecordingStep *step = recording->steps->pdata[i];
      g_autofree char *command = g_strchomp (g_strdup (step->command));
      if (g_str_equal (command, line))
        return answer_to (recording, line);
    }
  return sign_in_outcome (recording);
}

static const char *
answer (FmRecording *recording, const char *line)
{
  return g_str_has_prefix (line, "AUTH ") ? answer_to_sign_in (recording, line) : answer_to (recording, line);
}

static void
play_pop (FmFakePeer *peer, gpointer data)
{
  Play *play = data;
  char *line;

  fm_recording_reset (play->recording);
  const char *greeting = answer_to (play->recording, "");
  if (greeting == NULL || !fm_fake_server_send (peer, greeting))
    return;
  while ((line = fm_fake_server_receive (peer)) != NULL)
    {
      const char *reply = answer (play->recording, line);
      if (reply != NULL && g_str_has_prefix (line, "RETR ") && g_str_has_prefix (reply, "+OK"))
        g_hash_table_insert (play->given, GUINT_TO_POINTER (g_ascii_strtoull (line + 5, NULL, 10)), (gpointer) reply);
      fm_fake_server_send (peer, reply != NULL ? reply : "-ERR not recorded\r\n");
      g_free (line);
    }
}

/* The message until its final dot; FALSE at the end of the connection. */
static gboolean
take_message (FmFakePeer *peer)
{
  for (;;)
    {
      g_autofree char *line = fm_fake_server_receive (peer);
      if (line == NULL || g_str_equal (line, "."))
        return line != NULL;
    }
}

static void
play_smtp (FmFakePeer *peer, gpointer data)
{
  Play *play = data;
  char *line;

  fm_recording_reset (play->recording);
  const char *greeting = answer_to (play->recording, "");
  if (greeting == NULL || !fm_fake_server_send (peer, greeting))
    return;
  while ((line = fm_fake_server_receive (peer)) != NULL)
    {
      gboolean is_data = g_str_equal (line, "DATA");
      const char *reply = answer (play->recording, line);
      if (reply == NULL)
        reply = is_data ? "354 go on\r\n" : "502 not recorded\r\n";
      g_free (line);
      fm_fake_server_send (peer, reply);
      if (!is_data || *reply != '3')
        continue;
      if (!take_message (peer))
        return;
      reply = answer_to (play->recording, ".");
      if (reply == NULL)
        reply = answer_to (play->recording, "BDAT");
      if (reply == NULL)
        reply = "554 not recorded\r\n";
      play->dots++;
      play->dot_class = *reply;
      fm_fake_server_send (peer, reply);
    }
}

typedef struct {
  GString *told;
  GHashTable *bodies; /* number -> GBytes */
} Story;

static FmSink *
begin (gpointer data, guint32 number, GError **error)
{
  return fm_sink_new_memory (1 << 20);
}

static gboolean
end (gpointer data, guint32 number, FmSink *sink, const GError *refused, GError **error)
{
  Story *story = data;

  g_string_append_printf (story->told, "message %u: %s\n", number, refused != NULL ? refused->message : "whole");
  if (sink != NULL && fm_sink_commit (sink, error))
    g_hash_table_insert (story->bodies, GUINT_TO_POINTER (number), fm_sink_memory_steal (sink));
  fm_sink_free (sink);
  return TRUE;
}

static const FmPopTaker taker = { begin, end };

static void
tell (Story *story, const char *what, gboolean worked, GError **error)
{
  g_string_append_printf (story->told, "%s: %s\n", what, worked ? "yes" : (*error)->message);
  g_clear_error (error);
}

/* The port differs from run to run, so the words aren't part of the story. */
static void
tell_closed (Story *story, const GError *error)
{
  g_string_append_printf (story->told, "open: %s\n", fm_error_code_name (error->code));
  if (g_getenv ("FULMAR_TEST_VERBOSE") != NULL)
    printf ("-- %s\n", error->message);
}

static void
visit_mailbox (FmPopSession *session, Story *story)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) entries = fm_pop_session_list (session, &error);
  guint32 numbers[3] = { 1, 2, 3 };

  tell (story, "list", entries != NULL, &error);
  for (guint i = 0; entries != NULL && i < entries->len; i++)
    {
      const FmPopEntry *entry = entries->pdata[i];
      g_string_append_printf (story->told, "entry %u %" G_GUINT64_FORMAT " %s\n", entry->number, entry->size_bytes,
                              entry->uidl != NULL ? entry->uidl : "-");
    }
  /* The numbers that recordings ask for, whatever became of the list. */
  if (fm_pop_session_fetch (session, numbers, 3, FALSE, &taker, story, &error))
    g_string_append (story->told, "fetched\n");
  else
    tell (story, "fetch", FALSE, &error);
  gboolean done = fm_pop_session_delete (session, numbers, 1, NULL, &error);
  tell (story, "delete", done, &error);
  if (done)
    tell (story, "quit", fm_pop_session_quit (session, &error), &error);
}

static FmServer
server_of (FmFakeServer *fake, FmSecurity security)
{
  return (FmServer){ "127.0.0.1", fm_fake_server_port (fake), security, NULL, NULL };
}

static void
converse_pop (FmFakeServer *fake, FmSecurity security, Story *story)
{
  FmServer server = server_of (fake, security);
  g_autoptr (FmSecret) secret = fm_secret_new ("password", -1);
  FmCredentials credentials = { "username", secret, FM_CREDENTIALS_PASSWORD };
  FmPopOptions options = { .server = &server, .credentials = &credentials, .connect_timeout_ms = 2000, .timeout_ms = 2000 };
  g_autoptr (GError) error = NULL;
  g_autoptr (FmPopSession) session = fm_pop_session_open (&options, NULL, &error);

  if (session == NULL)
    tell_closed (story, error);
  else
    visit_mailbox (session, story);
}

static const char *const verdicts[] = { "accepted", "temporary", "permanent", "unknown" };

static void
converse_smtp (FmFakeServer *fake, FmSecurity security, gboolean signs_in, Story *story)
{
  static const char *const recipients[] = { "recipient@example.com", "other@example.com", NULL };
  static const char message[] = "From: sender@example.com\nSubject: x\n\n.dot\nlast";
  FmServer server = server_of (fake, security);
  g_autoptr (FmSecret) secret = fm_secret_new ("password", -1);
  FmCredentials credentials = { "username", secret, FM_CREDENTIALS_PASSWORD };
  FmSmtpOptions options
      = { .server = &server, .credentials = signs_in ? &credentials : NULL, .connect_timeout_ms = 2000, .timeout_ms = 2000 };
  g_autoptr (GError) error = NULL;
  FmSmtpSession *session = fm_smtp_session_open (&options, NULL, &error);

  if (session == NULL)
    {
      tell_closed (story, error);
      return;
    }
  FmSmtpRecipient results[2] = { { 0 } };
  int fd = memfd_create ("mail", MFD_CLOEXEC);
  assert_true (write (fd, message, strlen (message)) == (ssize_t) strlen (message));
  FmSmtpMail mail = { .sender = "sender@example.com", .recipients = recipients, .fd = fd };
  FmSmtpVerdict verdict = fm_smtp_session_send (session, &mail, results, &error);
  g_string_append_printf (story->told, "verdict %s (%s)\n", verdicts[verdict], error != NULL ? error->message : "");
  for (guint i = 0; i < 2; i++)
    {
      g_string_append_printf (story->told, "%s: %s %s\n", recipients[i], verdicts[results[i].verdict],
                              results[i].text != NULL ? results[i].text : "");
      g_free (results[i].text);
    }
  close (fd);
  fm_smtp_session_quit (session);
}

/* The recorded reply as the message it is: without status line, final dot and stuffing, with CRLF. */
static char *
message_in (const char *reply)
{
  g_auto (GStrv) lines = g_strsplit (reply, "\n", -1);
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 1; lines[0] != NULL && lines[i] != NULL; i++)
    {
      const char *line = g_strchomp (lines[i]);
      if (g_str_equal (line, "."))
        return g_string_free (g_steal_pointer (&text), FALSE);
      g_string_append_printf (text, "%s\r\n", *line == '.' ? line + 1 : line);
    }
  return NULL;
}

static guint
assert_bodies (const Play *play, const Story *story)
{
  GHashTableIter iter;
  gpointer number, reply;
  guint n = 0;

  g_hash_table_iter_init (&iter, play->given);
  while (g_hash_table_iter_next (&iter, &number, &reply))
    {
      g_autofree char *want = message_in (reply);
      GBytes *got = g_hash_table_lookup (story->bodies, number);
      gsize size = 0;
      const char *bytes = got == NULL ? NULL : g_bytes_get_data (got, &size);
      /* Blanks that end a line are the only thing that message_in loses. */
      g_autofree char *text = g_strndup (bytes != NULL ? bytes : "", size);
      g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
      for (guint i = 0; lines[i] != NULL; i++)
        g_strchomp (lines[i]);
      g_autofree char *as_wanted = g_strjoinv ("\r\n", lines);
      if (want == NULL ? got != NULL : got == NULL || strcmp (as_wanted, want) != 0)
        fail_msg ("%s: message %u is not what was recorded\n%s", play->recording->name, GPOINTER_TO_UINT (number), story->told->str);
      n += want != NULL;
    }
  return n;
}

static void
assert_verdict (const Play *play, const Story *story)
{
  gboolean accepted = strstr (story->told->str, "verdict accepted") != NULL;

  assert_true (play->dots <= 1);
  assert_true (accepted == (play->dot_class == '2'));
  if (play->dot_class == '4')
    assert_non_null (strstr (story->told->str, "verdict temporary"));
  if (play->dot_class == '5')
    assert_non_null (strstr (story->told->str, "verdict permanent"));
  if (play->dots == 0)
    assert_null (strstr (story->told->str, "verdict unknown"));
}

static void
assert_nothing_in_clear (const char *name, const char *transcript)
{
  static const char *const secrets[] = { "username", "password", "dXNlcm5hbWU", "cGFzc3dvcmQ", "AHVzZXJuYW1l" };

  for (gsize i = 0; i < G_N_ELEMENTS (secrets); i++)
    if (strstr (transcript, secrets[i]) != NULL)
      fail_msg ("%s: the client said in clear:\n%s", name, transcript);
}

/* What the session told. Transfer: full. */
static char *
run (FmRecording *recording, gboolean is_pop, FmSecurity security, FmFakeDelivery delivery, guint *bodies)
{
  Play play = { .recording = recording, .given = g_hash_table_new (NULL, NULL) };
  Story story = { g_string_new (NULL), g_hash_table_new_full (NULL, NULL, NULL, (GDestroyNotify) g_bytes_unref) };
  FmFakeServer *fake = fm_fake_server_start (is_pop ? play_pop : play_smtp, &play, delivery);

  if (is_pop)
    converse_pop (fake, security, &story);
  else
    converse_smtp (fake, security, security == FM_SECURITY_STARTTLS || sign_in_outcome (recording) != NULL, &story);
  g_autofree char *transcript = fm_fake_server_stop (fake);
  if (security == FM_SECURITY_STARTTLS)
    assert_nothing_in_clear (recording->name, transcript);
  if (is_pop)
    *bodies += assert_bodies (&play, &story);
  else
    assert_verdict (&play, &story);
  g_hash_table_unref (play.given);
  g_hash_table_unref (story.bodies);
  return g_string_free (story.told, FALSE);
}

static void
replay_all (const char *protocol, guint at_least, const char *end_state)
{
  g_autoptr (GPtrArray) recordings = fm_recording_load (corpus, protocol);
  gboolean is_pop = g_str_equal (protocol, "pop3");
  guint n_open = 0, n_end = 0, bodies = 0;

  assert_non_null (recordings);
  for (guint i = 0; i < recordings->len; i++)
    {
      FmRecording *recording = recordings->pdata[i];
      g_autofree char *whole = run (recording, is_pop, FM_SECURITY_PLAIN_LOOPBACK, FM_FAKE_WHOLE, &bodies);
      g_autofree char *bytes = run (recording, is_pop, FM_SECURITY_PLAIN_LOOPBACK, FM_FAKE_BYTES, &bodies);
      g_autofree char *split = run (recording, is_pop, FM_SECURITY_PLAIN_LOOPBACK, FM_FAKE_SPLIT, &bodies);
      if (strcmp (whole, bytes) != 0 || strcmp (whole, split) != 0)
        fail_msg ("%s differs by delivery:\n%s\n--- bytes\n%s\n--- split\n%s", recording->name, whole, bytes, split);
      if (g_getenv ("FULMAR_TEST_VERBOSE") != NULL)
        printf ("== %s\n%s", recording->name, whole);
      g_autofree char *upgrade = run (recording, is_pop, FM_SECURITY_STARTTLS, FM_FAKE_WHOLE, &bodies);
      assert_true (g_str_has_prefix (upgrade, "open: "));
      n_open += !g_str_has_prefix (whole, "open: ");
      n_end += strstr (whole, end_state) != NULL;
    }
  printf ("%s: %u recordings, %u signed in, %u to \"%s\", %u bodies compared\n", protocol, recordings->len, n_open, n_end, end_state,
          bodies);
  assert_true (recordings->len >= at_least && n_open > recordings->len / 3 && n_end > 0);
  assert_true (!is_pop || bodies > 0);
}

static void
pop_tells_one_story (void **state)
{
  replay_all ("pop3", 41, ": whole");
}

static void
smtp_tells_one_story (void **state)
{
  replay_all ("smtp", 43, "verdict accepted");
}

int
main (void)
{
  const struct CMUnitTest tests[] = { cmocka_unit_test (pop_tells_one_story), cmocka_unit_test (smtp_tells_one_story) };
  const char *named = g_getenv ("FULMAR_CORPUS");

  corpus = g_strdup (named != NULL ? named : FM_TEST_CORPUS);
  if (!g_file_test (corpus, G_FILE_TEST_IS_DIR))
    return SKIPPED;
  int failures = cmocka_run_group_tests (tests, NULL, NULL);
  g_free (corpus);
  return failures;
}

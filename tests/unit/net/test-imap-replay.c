/* Recorded conversations of real servers, replayed to a session that goes its own way: each command is answered with what the recording has
 * for that verb. Every recording is delivered whole, byte by byte, and cut inside CRLFs and literals: the session must tell the same story each
 * time, and neither hang nor crash. The recordings are not part of this tree: without them the test is skipped. */
#include "fake-server.h"
#include "recording.h"
#include <fulmar/base/error.h>
#include <fulmar/net/imap-session.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SKIPPED 77

static char *corpus;

static gsize
verb_length (const char *command)
{
  gsize n = strcspn (command, " \r\n");
  return n == 3 && g_ascii_strncasecmp (command, "UID", 3) == 0 && command[n] == ' ' ? n + 1 + strcspn (command + n + 1, " \r\n") : n;
}

/* The first step with this verb that was not used yet, else the last with it. */
static FmRecordingStep *
find_step (FmRecording *recording, const char *command)
{
  gsize n = verb_length (command);
  FmRecordingStep *found = NULL;

  for (guint i = 0; i < recording->steps->len; i++)
    {
      FmRecordingStep *step = g_ptr_array_index (recording->steps, i);
      if (verb_length (step->command) != n || g_ascii_strncasecmp (step->command, command, n) != 0)
        continue;
      found = step;
      if (!step->is_used)
        break;
    }
  return found;
}

/* The recorded yes or no to a sign-in, whatever the mechanism was. */
static FmRecordingStep *
find_sign_in (FmRecording *recording)
{
  gboolean is_inside = FALSE;

  for (guint i = 0; i < recording->steps->len; i++)
    {
      FmRecordingStep *step = g_ptr_array_index (recording->steps, i);
      if (g_ascii_strncasecmp (step->command, "LOGIN", 5) == 0 || g_ascii_strncasecmp (step->command, "AUTHENTICATE", 12) == 0)
        is_inside = TRUE;
      if (is_inside && *step->reply != '\0' && step->reply[0] != '+')
        return step;
    }
  return NULL;
}

static gboolean
is_tagged (const char *line, gsize length)
{
  return length > 10 && line[0] == 'A' && strspn (line + 1, "#0123456789") == 8 && line[9] == ' ';
}

/* All that the recording lists, where its client asked in several steps and ours asks once. Transfer: full. */
static char *
join_lists (FmRecording *recording, const char *command)
{
  g_autoptr (GString) all = g_string_new (NULL);
  gsize n = verb_length (command);

  for (guint i = 0; i < recording->steps->len; i++)
    {
      const FmRecordingStep *step = g_ptr_array_index (recording->steps, i);
      if (verb_length (step->command) != n || g_ascii_strncasecmp (step->command, command, n) != 0)
        continue;
      for (const char *p = step->reply; *p != '\0';)
        {
          gsize length = strcspn (p, "\n");
          length += p[length] == '\n';
          if (!is_tagged (p, length))
            g_string_append_len (all, p, length);
          p += length;
        }
    }
  return g_string_free (g_steal_pointer (&all), FALSE);
}

/* REPLY with the recording's tags turned into TAG; ends in a tagged line. */
static char *
retag (const char *reply, const char *tag)
{
  g_autoptr (GString) out = g_string_new (NULL);
  gboolean has_end = FALSE;

  for (const char *p = reply; *p != '\0';)
    {
      gsize n = strcspn (p, "\n");
      n += p[n] == '\n';
      if (is_tagged (p, n))
        {
          g_string_append (out, tag);
          g_string_append_len (out, p + 9, n - 9);
          has_end = TRUE;
        }
      else
        g_string_append_len (out, p, n);
      p += n;
    }
  if (out->len > 0 && out->str[out->len - 1] != '\n') /* the recorder lost the end of texts that were put together at run time */
    g_string_append (out, "\r\n");
  if (!has_end)
    g_string_append_printf (out, "%s OK done\r\n", tag);
  return g_string_free (g_steal_pointer (&out), FALSE);
}

static void
take_literals (FmFakePeer *peer, char **line)
{
  for (;;)
    {
      const char *brace = strrchr (*line, '{');
      if (brace == NULL || !g_str_has_suffix (*line, "}"))
        return;
      guint64 n = g_ascii_strtoull (brace + 1, NULL, 10);
      if (!g_str_has_suffix (*line, "+}"))
        fm_fake_server_send (peer, "+ go ahead\r\n");
      g_free (fm_fake_server_receive_bytes (peer, n));
      char *rest = fm_fake_server_receive (peer);
      g_free (*line);
      *line = rest != NULL ? rest : g_strdup ("");
    }
}

/* What the replies say, by a reader that knows three words of IMAP: the session must have understood the same. The server's thread counts before it
 * sends. */
static struct {
  gint exists; /* the last of a SELECT's */
  gint boxes, fetched;
} truth;

static void
read_truth (const char *command, const char *reply)
{
  g_autoptr (GRegex) item = g_regex_new ("^\\* (?:(\\d+) (EXISTS|FETCH)\\b|(X?LIST) \\(.*\\) (?:NIL|\"[^\"]*\") (?!\"\"))",
                                         G_REGEX_MULTILINE | G_REGEX_CASELESS, 0, NULL);
  g_autoptr (GMatchInfo) match = NULL;
  gboolean is_select = g_ascii_strncasecmp (command, "SELECT", 6) == 0, is_body = strstr (command, "BODY.PEEK[]") != NULL;

  if (is_select)
    g_atomic_int_set (&truth.exists, 0);
  for (gboolean more = g_regex_match (item, reply, 0, &match); more; more = g_match_info_next (match, NULL))
    {
      g_autofree char *number = g_match_info_fetch (match, 1), *word = g_match_info_fetch (match, 2);
      if (*number == '\0')
        g_atomic_int_inc (&truth.boxes);
      else if (g_ascii_strcasecmp (word, "FETCH") == 0 && is_body)
        continue; /* not compared: what belongs to the body goes to its sink */
      else if (g_ascii_strcasecmp (word, "FETCH") == 0)
        g_atomic_int_inc (&truth.fetched);
      else if (is_select)
        g_atomic_int_set (&truth.exists, (gint) g_ascii_strtoull (number, NULL, 10));
    }
}

static void
replay (FmFakePeer *peer, gpointer data)
{
  FmRecording *recording = data;
  char *line;

  fm_recording_reset (recording);
  FmRecordingStep *greeting = find_step (recording, "");
  if (greeting == NULL || !fm_fake_server_send (peer, greeting->reply))
    return;
  while ((line = fm_fake_server_receive (peer)) != NULL)
    {
      g_autofree char *tag = g_strndup (line, strcspn (line, " "));
      g_autofree char *command = g_strdup (line[strlen (tag)] == ' ' ? line + strlen (tag) + 1 : ""); /* LINE goes with its literals */
      gboolean is_sign_in = g_str_has_prefix (command, "LOGIN") || g_str_has_prefix (command, "AUTHENTICATE");
      FmRecordingStep *step = is_sign_in ? find_sign_in (recording) : find_step (recording, command);
      gboolean needs_answer = g_str_has_prefix (command, "AUTHENTICATE") && strchr (command + 13, ' ') == NULL;
      g_autofree char *reply = NULL;
      if (step != NULL)
        {
          g_autofree char *lists
              = g_str_has_prefix (command, "LIST") || g_str_has_prefix (command, "XLIST") ? join_lists (recording, command) : NULL;
          step->is_used = TRUE;
          reply = retag (lists != NULL ? lists : step->reply, tag);
        }
      else
        reply = g_strdup_printf (is_sign_in                             ? "%s OK in\r\n"
                                 : g_str_has_prefix (command, "LOGOUT") ? "* BYE\r\n%s OK\r\n"
                                                                        : "%s BAD not recorded\r\n",
                                 tag);
      take_literals (peer, &line);
      if (needs_answer)
        {
          fm_fake_server_send (peer, "+ \r\n");
          g_free (fm_fake_server_receive (peer));
          if (strstr (line, "AUTHENTICATE LOGIN") != NULL)
            {
              fm_fake_server_send (peer, "+ \r\n");
              g_free (fm_fake_server_receive (peer));
            }
        }
      read_truth (command, reply);
      fm_fake_server_send (peer, reply);
      g_free (line);
    }
}

/* What the session told, in order. */
typedef struct {
  GString *told;
  GPtrArray *boxes;
  guint32 first_uid;
  gint n_boxes, n_messages;
} Story;

static void
on_box (gpointer data, const FmImapBox *box)
{
  Story *story = data;
  story->n_boxes++;
  g_string_append_printf (story->told, "box %s %c %x\n", box->name, box->delimiter != 0 ? box->delimiter : '0', box->attributes);
  if (!(box->attributes & FM_IMAP_BOX_NOSELECT) && story->boxes->len < 3)
    g_ptr_array_add (story->boxes, g_strdup (box->name));
}

static void
on_status (gpointer data, const FmImapStatus *status)
{
  g_string_append_printf (((Story *) data)->told, "status %s %u %u\n", status->name, status->messages, status->unseen);
}

static void
on_message (gpointer data, const FmImapMessage *m)
{
  Story *story = data;
  story->n_messages++;
  g_string_append_printf (story->told, "message %u %u %x %x %" G_GUINT64_FORMAT " %" G_GSIZE_FORMAT "\n", m->seq, m->uid, m->has, m->flags,
                          m->size_bytes, m->header_bytes);
  if (story->first_uid == 0)
    story->first_uid = m->uid;
}

static void
on_unreadable (gpointer data, guint32 seq, guint32 uid)
{
  Story *story = data;
  story->n_messages++;
  g_string_append_printf (story->told, "unreadable %u %u\n", seq, uid);
}

static void
on_number (gpointer data, guint32 n)
{
  g_string_append_printf (((Story *) data)->told, "number %u\n", n);
}

static void
on_search (gpointer data, const FmImapRange *ranges, gsize n, guint64 modseq)
{
  g_string_append_printf (((Story *) data)->told, "search %" G_GSIZE_FORMAT "\n", n);
}

static void
tell (Story *story, const char *what, gboolean worked, GError **error)
{
  g_string_append_printf (story->told, "%s: %s\n", what, worked ? "yes" : (*error)->message);
  g_clear_error (error);
}

static FmImapSession *
open_replay (FmFakeServer *fake, Story *story)
{
  static const FmImapEvents events = { .box = on_box,
                                       .status = on_status,
                                       .message = on_message,
                                       .unreadable = on_unreadable,
                                       .exists = on_number,
                                       .expunge = on_number,
                                       .search = on_search };
  FmServer server = { "127.0.0.1", fm_fake_server_port (fake), FM_SECURITY_PLAIN_LOOPBACK, NULL, NULL };
  g_autoptr (FmSecret) secret = fm_secret_new ("password", -1);
  FmCredentials credentials = { "username", secret, FM_CREDENTIALS_PASSWORD };
  FmImapOptions options = { &server, &credentials, "fulmar", "0.1", 1000, 1000, &events, story };
  g_autoptr (GError) error = NULL;
  FmImapSession *session = fm_imap_session_open (&options, NULL, &error);

  if (session == NULL) /* the port differs from run to run: the words don't */
    g_string_append_printf (story->told, "open: %s\n", fm_error_code_name (error->code));
  return session;
}

static void
compare_with_truth (Story *story, const char *what, gint told, gint true_value)
{
  if (told == true_value)
    return;
  g_string_append_printf (story->told, "WRONG: %s %d, not %d\n", what, told, true_value);
}

static void
visit_box (FmImapSession *session, const char *name, Story *story)
{
  g_autoptr (GError) error = NULL;
  FmImapRange all = { 1, 1000 };
  g_autoptr (FmSink) sink = fm_sink_new_memory (1 << 20);

  gboolean is_open = fm_imap_session_select (session, name, NULL, &error);
  tell (story, "select", is_open, &error);
  if (!is_open)
    return;
  g_string_append_printf (story->told, "exists %u\n", fm_imap_session_selected (session)->exists);
  compare_with_truth (story, "exists", (gint) fm_imap_session_selected (session)->exists, g_atomic_int_get (&truth.exists));
  tell (story, "search", fm_imap_session_search (session, "ALL", &error), &error);
  tell (story, "flags", fm_imap_session_fetch_flags (session, &all, 1, 0, &error), &error);
  gint n_messages = story->n_messages;
  if (story->first_uid != 0)
    tell (story, "body", fm_imap_session_fetch_body (session, story->first_uid, sink, NULL, NULL, &error), &error);
  story->n_messages = n_messages;
}

static char *
run_recording (FmRecording *recording, FmFakeDelivery delivery)
{
  FmFakeServer *fake = fm_fake_server_start (replay, recording, delivery);
  Story story = { g_string_new (NULL), g_ptr_array_new_with_free_func (g_free), 0 };
  g_autoptr (GError) error = NULL;

  g_atomic_int_set (&truth.boxes, 0);
  g_atomic_int_set (&truth.fetched, 0);
  FmImapSession *session = open_replay (fake, &story);
  if (session != NULL)
    {
      tell (&story, "list", fm_imap_session_list (session, "*", TRUE, &error), &error);
      for (guint i = 0; i < story.boxes->len; i++)
        visit_box (session, g_ptr_array_index (story.boxes, i), &story);
      tell (&story, "noop", fm_imap_session_noop (session, &error), &error);
      compare_with_truth (&story, "boxes", story.n_boxes, g_atomic_int_get (&truth.boxes));
      compare_with_truth (&story, "messages", story.n_messages, g_atomic_int_get (&truth.fetched));
      fm_imap_session_logout (session);
    }
  g_free (fm_fake_server_stop (fake));
  g_ptr_array_unref (story.boxes);
  return g_string_free (story.told, FALSE);
}

static void
tells_one_story (void **state)
{
  g_autoptr (GPtrArray) recordings = fm_recording_load (corpus, "imap");
  guint n = 0, n_open = 0, n_messages = 0, n_wrong = 0;

  assert_non_null (recordings);
  for (guint i = 0; i < recordings->len; i++)
    {
      FmRecording *recording = recordings->pdata[i];
      g_autofree char *whole = run_recording (recording, FM_FAKE_WHOLE);
      g_autofree char *bytes = run_recording (recording, FM_FAKE_BYTES);
      g_autofree char *split = run_recording (recording, FM_FAKE_SPLIT);
      if (strcmp (whole, bytes) != 0 || strcmp (whole, split) != 0)
        fail_msg ("%s differs by delivery:\n%s\n--- bytes\n%s\n--- split\n%s", recording->name, whole, bytes, split);
      if (g_getenv ("FULMAR_TEST_VERBOSE") != NULL)
        printf ("== %s at %" G_GINT64_FORMAT "\n%s", recording->name, g_get_monotonic_time () / 1000, whole);
      const char *wrong = strstr (whole, "WRONG");
      if (wrong != NULL)
        {
          print_error ("%s: %s", recording->name, wrong);
          n_wrong++;
        }
      n++;
      n_open += strstr (whole, "list:") != NULL;
      n_messages += strstr (whole, "message ") != NULL;
    }
  printf ("%u recordings, %u signed in, %u with messages\n", n, n_open, n_messages);
  assert_true (n > 100 && n_open > n / 2);
  assert_int_equal (n_wrong, 0);
}

static void
answer_with_file (FmFakePeer *peer, gpointer data)
{
  if (!fm_fake_server_imap_sign_in (peer, ""))
    return;
  g_free (fm_fake_server_receive (peer));
  fm_fake_server_send (peer, data);
  fm_fake_server_send (peer, "F2 OK done\r\n");
}

/* Single responses, valid and not: whatever comes, the answer after it is found, or the session ends with an error. */
static void
survives_single_responses (void **state)
{
  static const char *const dirs[] = { "response-data", "unsupported", "response-done" };
  guint n = 0, n_alive = 0;

  for (gsize d = 0; d < G_N_ELEMENTS (dirs); d++)
    {
      g_autofree char *path = g_build_filename (corpus, "protocol", "libetpan-imap", "imap", "data", dirs[d], NULL);
      g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
      const char *name;
      while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
        {
          g_autofree char *file = g_build_filename (path, name, NULL);
          g_autofree char *text = NULL;
          g_autofree char *first = NULL;
          assert_true (g_file_get_contents (file, &text, NULL, NULL));
          for (FmFakeDelivery delivery = FM_FAKE_WHOLE; delivery <= FM_FAKE_SPLIT; delivery++)
            {
              FmFakeServer *fake = fm_fake_server_start (answer_with_file, text, delivery);
              Story story = { g_string_new (NULL), g_ptr_array_new_with_free_func (g_free), 0 };
              FmImapSession *session = open_replay (fake, &story);
              g_autoptr (GError) error = NULL;
              assert_non_null (session);
              gboolean is_alive = fm_imap_session_noop (session, &error);
              tell (&story, "noop", is_alive, &error);
              n_alive += is_alive;
              n++;
              if (first != NULL)
                assert_string_equal (first, story.told->str);
              else
                first = g_strdup (story.told->str);
              if (delivery == FM_FAKE_WHOLE && g_getenv ("FULMAR_TEST_VERBOSE") != NULL)
                printf ("== %s/%s\n%s", dirs[d], name, first);
              fm_imap_session_free (session);
              g_free (fm_fake_server_stop (fake));
              g_ptr_array_unref (story.boxes);
              g_string_free (story.told, TRUE);
            }
        }
    }
  printf ("%u of %u deliveries left the session alive\n", n_alive, n);
  assert_true (n > 0 && n_alive > n / 2);
}

int
main (void)
{
  const struct CMUnitTest tests[] = { cmocka_unit_test (tells_one_story), cmocka_unit_test (survives_single_responses) };
  const char *named = g_getenv ("FULMAR_CORPUS");

  corpus = g_strdup (named != NULL ? named : FM_TEST_CORPUS);
  if (!g_file_test (corpus, G_FILE_TEST_IS_DIR))
    return SKIPPED;
  int failures = cmocka_run_group_tests (tests, NULL, NULL);
  g_free (corpus);
  return failures;
}

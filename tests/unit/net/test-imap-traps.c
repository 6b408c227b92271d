/* What IMAP clients have fallen into, one test each: commands injected through arguments, sets that are too long, messages that break the server's
 * answer, lines and literals without end, bodies larger than memory, servers that lie about what they can. doc/internals/traps.md lists them
 * all and where each is tested. */
#include "fake-server.h"
#include <fulmar/base/clock.h>
#include <fulmar/base/error.h>
#include <fulmar/base/thread.h>
#include <fulmar/net/imap-change.h>
#include <fulmar/net/imap-idle.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static GString *told;

static void
on_message (gpointer data, const FmImapMessage *m)
{
  g_string_append_printf (told, "message %u;", m->uid);
}

static void
on_unreadable (gpointer data, guint32 seq, guint32 uid)
{
  g_string_append_printf (told, "unreadable %u;", uid);
}

static void
on_box (gpointer data, const FmImapBox *box)
{
  g_string_append_printf (told, "box %s %x;", box->name, box->attributes);
}

static void
on_vanished (gpointer data, gboolean earlier, const FmImapRange *ranges, gsize n)
{
  g_string_append_printf (told, "%s %u-%u;", earlier ? "earlier" : "vanished", ranges[0].first, ranges[n - 1].last);
}

static const FmImapEvents events = { .message = on_message, .unreadable = on_unreadable, .box = on_box, .vanished = on_vanished };

static FmImapSession *
open_named (FmFakeServer *fake, const char *user, const char *client_name, int connect_timeout_ms, GError **error)
{
  FmServer server = { "127.0.0.1", fm_fake_server_port (fake), FM_SECURITY_PLAIN_LOOPBACK, NULL, NULL };
  g_autoptr (FmSecret) secret = fm_secret_new ("secret", -1);
  FmCredentials credentials = { user, secret, FM_CREDENTIALS_PASSWORD };
  FmImapOptions options = { &server, &credentials, client_name, "0.1", connect_timeout_ms, 10000, &events, NULL };

  g_string_truncate (told, 0);
  return fm_imap_session_open (&options, NULL, error);
}

static FmImapSession *
open_ok (FmFakeServer *fake)
{
  g_autoptr (GError) error = NULL;
  FmImapSession *session = open_named (fake, "alice", "fulmar", 10000, &error);
  if (session == NULL)
    fail_msg ("%s", error->message);
  return session;
}

static void
assert_error (GError *error, int code, const char *words)
{
  assert_non_null (error);
  if (error->domain != FM_ERROR || (int) error->code != code || strstr (error->message, words) == NULL)
    fail_msg ("expected %s with \"%s\", got %s: %s", fm_error_code_name (code), words, fm_error_code_name (error->code), error->message);
}

/* What to answer to each command in turn, after the sign-in. */
typedef struct {
  const char *caps;
  const char *replies[16];
} Script;

static void
run_script (FmFakePeer *peer, gpointer data)
{
  Script *script = data;

  if (!fm_fake_server_imap_sign_in (peer, script->caps))
    return;
  for (guint i = 0; i < G_N_ELEMENTS (script->replies) && script->replies[i] != NULL; i++)
    g_free (fm_fake_server_answer (peer, script->replies[i]));
  fm_fake_server_wait_end (peer);
}

/* Says yes to everything; CHECK looks at each command first. */
typedef struct {
  const char *caps;
  gboolean (*check) (FmFakePeer *peer, const char *tag, const char *command, gpointer data); /* FALSE: it has answered itself */
  gpointer data;
} Yes;

static void
run_yes (FmFakePeer *peer, gpointer data)
{
  Yes *yes = data;
  char *line;

  if (!fm_fake_server_imap_sign_in (peer, yes->caps))
    return;
  while ((line = fm_fake_server_receive (peer)) != NULL)
    {
      g_autofree char *tag = g_strndup (line, strcspn (line, " "));
      g_autofree char *ok = g_strdup_printf ("%s OK done\r\n", tag);
      const char *command = line + MIN (strlen (line), strlen (tag) + 1);
      if (yes->check == NULL || yes->check (peer, tag, command, yes->data))
        fm_fake_server_send (peer, ok);
      g_free (line);
    }
}

/* Trap 8: nothing that ends a line leaves in an argument, whatever the command. NUL can't occur in a C string, but in what has a length. */
static void
refuses_line_breaks_everywhere (void **state)
{
  static const char *const evil[] = { "x\r\nF99 DELETE INBOX", "x\nF99 DELETE INBOX", "x\rF99 DELETE INBOX" };
  Yes yes = { "UIDPLUS MOVE CONDSTORE X-GM-EXT-1 ID", NULL, NULL };
  FmFakeServer *fake = fm_fake_server_start (run_yes, &yes, FM_FAKE_WHOLE);
  FmImapSession *session = open_ok (fake);
  FmImapRange range = { 1, 1 };
  g_autoptr (FmSink) sink = fm_sink_new_memory (10);
  g_autoptr (GBytes) message = g_bytes_new_static ("A: b\r\n\r\n", 8), with_nul = g_bytes_new_static ("A: \0b\r\n\r\n", 9);

  for (gsize i = 0; i < G_N_ELEMENTS (evil); i++)
    {
      const char *const words[] = { evil[i], NULL };
      FmImapStore keywords = { FM_IMAP_CHANGE_ADD, 0, words, NULL, 0 }, labels = { FM_IMAP_CHANGE_ADD, 0, NULL, words, 0 };
      FmImapAppend to_evil = { evil[i], message, 0, NULL, 0 }, tagged = { "Sent", message, 0, words, 0 };
      assert_false (fm_imap_session_list (session, evil[i], TRUE, NULL));
      assert_false (fm_imap_session_select (session, evil[i], NULL, NULL));
      assert_false (fm_imap_session_search (session, evil[i], NULL));
      assert_false (fm_imap_session_fetch_part (session, 1, evil[i], sink, NULL));
      assert_false (fm_imap_change_store (session, &range, 1, &keywords, NULL, NULL, NULL));
      assert_false (fm_imap_change_store (session, &range, 1, &labels, NULL, NULL, NULL));
      assert_false (fm_imap_change_copy (session, &range, 1, evil[i], NULL, NULL));
      assert_false (fm_imap_change_move (session, &range, 1, evil[i], NULL, NULL));
      assert_false (fm_imap_change_append (session, &to_evil, NULL, NULL, NULL));
      assert_false (fm_imap_change_append (session, &tagged, NULL, NULL, NULL));
      assert_false (fm_imap_change_create (session, evil[i], NULL));
      assert_false (fm_imap_change_rename (session, evil[i], "b", NULL));
      assert_false (fm_imap_change_rename (session, "a", evil[i], NULL));
      assert_false (fm_imap_change_delete (session, evil[i], NULL));
      assert_false (fm_imap_change_subscribe (session, evil[i], TRUE, NULL));
      /* A server's own odd name, kept from an earlier session. */
      fm_imap_session_teach_name (session, "odd", evil[i]);
      assert_true (fm_imap_change_create (session, "odd", NULL));
    }
  FmImapAppend nul = { "Sent", with_nul, 0, NULL, 0 };
  assert_false (fm_imap_change_append (session, &nul, NULL, NULL, NULL));
  assert_false (fm_imap_session_search (session, "BODY {3}", NULL)); /* a literal would need an answer first */
  assert_true (fm_imap_session_is_alive (session));
  fm_imap_session_free (session);
  g_autofree char *transcript = fm_fake_server_stop (fake);
  assert_null (strstr (transcript, "DELETE"));
  assert_null (strstr (transcript, "F99"));
}

static void
old_login (FmFakePeer *peer, gpointer data)
{
  fm_fake_server_send (peer, "* OK [CAPABILITY IMAP4rev1 ID] hi\r\n");
  g_free (fm_fake_server_answer (peer, "+ go\r\n"));
  g_free (fm_fake_server_receive (peer));
  fm_fake_server_send (peer, "F1 OK [CAPABILITY IMAP4rev1 ID] in\r\n");
  g_free (fm_fake_server_answer (peer, "%T OK\r\n"));
  fm_fake_server_wait_end (peer);
}

/* The same in what is said before there is a session. */
static void
refuses_line_breaks_at_the_door (void **state)
{
  FmFakeServer *fake = fm_fake_server_start (old_login, NULL, FM_FAKE_WHOLE);
  g_autoptr (GError) error = NULL;

  assert_null (open_named (fake, "alice\r\nF99 DELETE INBOX", "fulmar", 5000, &error));
  assert_error (error, FM_ERROR_INVALID, "");
  FmImapSession *session = open_named (fake, "ali\"ce\\", "x\r\nF99 DELETE INBOX", 5000, NULL);
  assert_non_null (session);
  assert_true (fm_imap_session_noop (session, NULL));
  fm_imap_session_free (session);
  g_autofree char *transcript = fm_fake_server_stop (fake);
  assert_null (strstr (transcript, "DELETE"));
  assert_non_null (strstr (transcript, "LOGIN \"ali\\\"ce\\\\\" {6}\r\nsecret\r\n"));
}

/* The UIDs of a set, counted. */
typedef struct {
  GHashTable *seen; /* "VERB uid" */
  gsize longest;
} Sets;

static gboolean
count_sets (FmFakePeer *peer, const char *tag, const char *command, gpointer data)
{
  Sets *sets = data;

  sets->longest = MAX (sets->longest, strlen (command) + strlen (tag) + 3);
  if (!g_str_has_prefix (command, "UID "))
    return TRUE;
  g_auto (GStrv) words = g_strsplit (command, " ", 4);
  g_auto (GStrv) uids = g_strsplit (words[2], ",", -1);
  for (char **uid = uids; *uid != NULL; uid++)
    if (!g_hash_table_add (sets->seen, g_strconcat (words[1], " ", *uid, NULL)))
      g_hash_table_add (sets->seen, g_strdup ("twice"));
  return TRUE;
}

#define N_SINGLE 30000

/* Trap 13: no server takes a line of any length; every UID goes once, whatever it takes. */
static void
splits_long_sets (void **state)
{
  Sets sets = { g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL), 0 };
  Yes yes = { "UIDPLUS MOVE CONDSTORE", count_sets, &sets };
  FmFakeServer *fake = fm_fake_server_start (run_yes, &yes, FM_FAKE_WHOLE);
  FmImapSession *session = open_ok (fake);
  g_autofree FmImapRange *ranges = g_new (FmImapRange, N_SINGLE);
  FmImapStore store = { FM_IMAP_CHANGE_ADD, FM_FLAG_SEEN, NULL, NULL, 0 };
  g_autofree char *long_name = g_strnfill (500, 'n');

  for (guint32 i = 0; i < N_SINGLE; i++)
    ranges[i] = (FmImapRange){ 4000000001u + 2 * i, 4000000001u + 2 * i };
  assert_true (fm_imap_session_fetch_flags (session, ranges, N_SINGLE, 5, NULL));
  assert_true (fm_imap_change_store (session, ranges, N_SINGLE, &store, NULL, NULL, NULL));
  assert_true (fm_imap_change_copy (session, ranges, N_SINGLE, long_name, NULL, NULL));
  assert_true (fm_imap_change_move (session, ranges, N_SINGLE, long_name, NULL, NULL));
  assert_true (fm_imap_change_expunge (session, ranges, N_SINGLE, NULL));
  fm_imap_session_free (session);
  g_free (fm_fake_server_stop (fake));
  assert_int_equal (g_hash_table_size (sets.seen), 5 * N_SINGLE);
  assert_false (g_hash_table_contains (sets.seen, "twice"));
  assert_true (sets.longest < 8192);
  g_hash_table_unref (sets.seen);
}

static void
answer_first (FmFakePeer *peer, GPtrArray *waiting)
{
  g_autofree char *ok = g_strdup_printf ("%s OK done\r\n", (char *) waiting->pdata[0]);

  fm_fake_server_send (peer, ok);
  g_ptr_array_remove_index (waiting, 0);
}

/* Headers leave in chunks that grow to 2000, three in flight, newest first, one section a command (Yahoo refuses two). */
typedef struct {
  GPtrArray *sets;
  guint n_sections, n_too_deep;
} Chunks;

static void
serve_chunks (FmFakePeer *peer, gpointer data)
{
  Chunks *chunks = data;
  g_autoptr (GPtrArray) waiting = g_ptr_array_new_with_free_func (g_free); /* tags not yet answered */

  if (!fm_fake_server_imap_sign_in (peer, ""))
    return;
  for (guint i = 0; i < 6; i++)
    {
      g_autofree char *line = fm_fake_server_receive (peer);
      if (line == NULL)
        return;
      g_auto (GStrv) words = g_strsplit (line, " ", 5);
      g_ptr_array_add (chunks->sets, g_strdup (words[3]));
      for (const char *p = line; (p = strstr (p, "BODY")) != NULL; p++)
        chunks->n_sections++;
      g_ptr_array_add (waiting, g_strdup (words[0]));
      if (waiting->len < 3)
        continue;
      /* With three unanswered there is no fourth: it would have come in the same packet. */
      chunks->n_too_deep += fm_fake_server_has_more (peer);
      answer_first (peer, waiting);
    }
  while (waiting->len > 0)
    answer_first (peer, waiting);
  fm_fake_server_wait_end (peer);
}

static void
fetches_headers_in_chunks (void **state)
{
  Chunks chunks = { g_ptr_array_new_with_free_func (g_free), 0, 0 };
  FmFakeServer *fake = fm_fake_server_start (serve_chunks, &chunks, FM_FAKE_WHOLE);
  FmImapSession *session = open_ok (fake);
  FmImapRange ranges[] = { { 1, 6000 }, { 10001, 10500 } };
  g_autoptr (GError) error = NULL;

  if (!fm_imap_session_fetch_headers (session, ranges, 2, NULL, NULL, &error))
    fail_msg ("%s", error->message);
  fm_imap_session_free (session);
  g_free (fm_fake_server_stop (fake));
  assert_int_equal (chunks.sets->len, 6);
  assert_string_equal (chunks.sets->pdata[0], "10251:10500");
  assert_string_equal (chunks.sets->pdata[1], "5751:6000,10001:10250");
  assert_string_equal (chunks.sets->pdata[2], "4751:5750");
  assert_string_equal (chunks.sets->pdata[3], "2751:4750");
  assert_string_equal (chunks.sets->pdata[4], "751:2750");
  assert_string_equal (chunks.sets->pdata[5], "1:750");
  assert_int_equal (chunks.n_sections, 6);
  assert_int_equal (chunks.n_too_deep, 0);
  g_ptr_array_unref (chunks.sets);
}

#define POISON 37

static gboolean
choke_on_poison (FmFakePeer *peer, const char *tag, const char *command, gpointer data)
{
  guint first = 0, last = 0;

  if (sscanf (command, "UID FETCH %u:%u", &first, &last) < 2)
    last = first;
  if (first == 0)
    return TRUE;
  if (first <= POISON && POISON <= last)
    {
      g_autofree char *no = g_strdup_printf ("%s NO [SERVERBUG] broken message\r\n", tag);
      fm_fake_server_send (peer, no);
      return FALSE;
    }
  for (guint uid = first; uid <= last; uid++)
    {
      g_autofree char *line = g_strdup_printf ("* %u FETCH (UID %u FLAGS ())\r\n", uid, uid);
      fm_fake_server_send (peer, line);
    }
  return TRUE;
}

/* One message that the server can't tell about costs that message: the others come, each once. */
static void
isolates_a_poison_message (void **state)
{
  Yes yes = { "", choke_on_poison, NULL };
  FmFakeServer *fake = fm_fake_server_start (run_yes, &yes, FM_FAKE_WHOLE);
  FmImapSession *session = open_ok (fake);
  FmImapRange range = { 1, 100 };
  guint n = 0;

  assert_true (fm_imap_session_fetch_headers (session, &range, 1, NULL, NULL, NULL));
  assert_true (fm_imap_session_is_alive (session));
  for (guint uid = 1; uid <= 100; uid++)
    {
      g_autofree char *words = g_strdup_printf ("message %u;", uid);
      const char *at = strstr (told->str, words);
      assert_true ((at != NULL) == (uid != POISON));
      assert_true (at == NULL || strstr (at + 1, words) == NULL);
    }
  for (const char *p = told->str; (p = strstr (p, "unreadable")) != NULL; p++)
    n++;
  assert_int_equal (n, 1);
  assert_non_null (strstr (told->str, "unreadable 37;"));
  fm_imap_session_free (session);
  g_free (fm_fake_server_stop (fake));
}

#define LEAF "({4}\r\nTEXT \"plain\" NIL NIL NIL \"7bit\" 1 1)"
#define DEEP 100000

static void
send_deep (FmFakePeer *peer, gpointer data)
{
  GString *text = g_string_new ("* 1 FETCH (UID 7 BODYSTRUCTURE ");

  if (fm_fake_server_imap_sign_in (peer, ""))
    {
      for (guint i = 0; i < DEEP; i++)
        g_string_append (text, "(" LEAF);
      for (guint i = 0; i < DEEP; i++)
        g_string_append (text, " \"mixed\")");
      g_string_append (text, ")\r\n%T OK done\r\n");
      g_free (fm_fake_server_answer (peer, text->str));
      fm_fake_server_wait_end (peer);
    }
  g_string_free (text, TRUE);
}

/* Trap 10: nesting counts over the literals between a response's lines, or a recursive parser would use up the stack. */
static void
bounds_nesting_over_literals (void **state)
{
  FmFakeServer *fake = fm_fake_server_start (send_deep, NULL, FM_FAKE_WHOLE);
  FmImapSession *session = open_ok (fake);
  FmImapRange range = { 7, 7 };

  assert_true (fm_imap_session_fetch_headers (session, &range, 1, NULL, NULL, NULL));
  assert_string_equal (told->str, "unreadable 7;");
  fm_imap_session_free (session);
  g_free (fm_fake_server_stop (fake));
}

static guint64
resident_kb (void)
{
  g_autofree char *text = NULL;
  assert_true (g_file_get_contents ("/proc/self/statm", &text, NULL, NULL));
  return g_ascii_strtoull (strchr (text, ' ') + 1, NULL, 10) * (guint64) (sysconf (_SC_PAGESIZE) / 1024);
}

/* A sanitizer keeps what was freed and shadows the rest. */
static gboolean
measures_memory (void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return FALSE;
#else
  return TRUE;
#endif
}

#define BODY_BYTES (30u * 1024 * 1024)
#define SLACK_KB 4096

/* BEFORE, then SIZE bytes of CHARACTER, then AFTER. */
static void
send_much (FmFakePeer *peer, const char *before, gsize size, char character, const char *after)
{
  char block[8192];

  memset (block, character, sizeof block);
  fm_fake_server_send (peer, before);
  for (gsize left = size; left > 0; left -= MIN (left, sizeof block))
    if (!fm_fake_server_send_bytes (peer, block, MIN (left, sizeof block)))
      return;
  fm_fake_server_send (peer, after);
}

static void
send_big_body (FmFakePeer *peer, gpointer data)
{
  if (!fm_fake_server_imap_sign_in (peer, ""))
    return;
  for (guint i = 0; i < 2; i++)
    {
      g_autofree char *line = fm_fake_server_receive (peer);
      g_autofree char *tag = line != NULL ? g_strndup (line, strcspn (line, " ")) : NULL;
      g_autofree char *before = g_strdup_printf ("* 1 FETCH (UID 7 BODY[%s] {%u}\r\n", i == 0 ? "" : "2", BODY_BYTES);
      g_autofree char *after = g_strdup_printf (")\r\n%s OK done\r\n", tag);
      send_much (peer, before, BODY_BYTES, 'b', after);
    }
  fm_fake_server_wait_end (peer);
}

/* A file, and the most memory the process had while it was written. */
typedef struct {
  FmSink base;
  FILE *file;
  guint64 size_bytes, most_kb;
} FileSink;

static gboolean
file_write (FmSink *sink, const void *bytes, gsize size, GError **error)
{
  FileSink *self = (FileSink *) sink;
  if (self->size_bytes / (1024 * 1024) != (self->size_bytes + size) / (1024 * 1024))
    self->most_kb = MAX (self->most_kb, resident_kb ());
  self->size_bytes += size;
  return fwrite (bytes, 1, size, self->file) == size;
}

static void
file_end (FmSink *sink)
{
}

static void
streams_a_big_body_through_little_memory (void **state)
{
  static const FmSinkClass file_class = { .write = file_write, .abort = file_end, .free = file_end };
  FmFakeServer *fake = fm_fake_server_start (send_big_body, NULL, FM_FAKE_WHOLE);
  FmImapSession *session = open_ok (fake);
  g_autoptr (GError) error = NULL;
  guint64 before_kb = resident_kb ();

  for (guint i = 0; i < 2; i++)
    {
      FileSink sink = { .base = { &file_class }, .file = tmpfile () };
      gboolean is_here = i == 0 ? fm_imap_session_fetch_body (session, 7, &sink.base, NULL, NULL, &error)
                                : fm_imap_session_fetch_part (session, 7, "2", &sink.base, &error);
      if (!is_here)
        fail_msg ("%s", error->message);
      assert_int_equal (sink.size_bytes, BODY_BYTES);
      print_message ("%u MB: %" G_GUINT64_FORMAT " kB over the %" G_GUINT64_FORMAT " kB before\n", BODY_BYTES >> 20,
                     sink.most_kb - MIN (before_kb, sink.most_kb), before_kb);
      assert_true (!measures_memory () || sink.most_kb < before_kb + SLACK_KB);
      fclose (sink.file);
    }
  fm_imap_session_free (session);
  g_free (fm_fake_server_stop (fake));
}

static void
send_endless_line (FmFakePeer *peer, gpointer data)
{
  if (!fm_fake_server_imap_sign_in (peer, ""))
    return;
  g_free (fm_fake_server_receive (peer));
  send_much (peer, "* OK ", 64u * 1024 * 1024, 'x', "\r\n");
}

static void
send_big_literal (FmFakePeer *peer, gpointer data)
{
  if (!fm_fake_server_imap_sign_in (peer, ""))
    return;
  g_autofree char *line = fm_fake_server_receive (peer);
  g_autofree char *tag = line != NULL ? g_strndup (line, strcspn (line, " ")) : NULL;
  g_autofree char *before = g_strdup_printf ("* 1 FETCH (UID 7 X-SURPRISE {%u}\r\n", BODY_BYTES);
  g_autofree char *after = g_strdup_printf (" FLAGS (\\Seen))\r\n* 2 FETCH (UID 8 FLAGS ())\r\n%s OK done\r\n", tag);
  send_much (peer, before, BODY_BYTES, 'b', after);
  fm_fake_server_wait_end (peer);
}

/* Trap 10: a line has an end, and a literal that nobody asked for goes past. */
static void
bounds_lines_and_literals (void **state)
{
  FmImapRange range = { 7, 8 };
  g_autoptr (GError) error = NULL;

  FmFakeServer *fake = fm_fake_server_start (send_endless_line, NULL, FM_FAKE_WHOLE);
  FmImapSession *session = open_ok (fake);
  assert_false (fm_imap_session_noop (session, &error));
  assert_error (error, FM_ERROR_LIMIT, "a line of more than 8388608 bytes");
  assert_false (fm_imap_session_is_alive (session));
  fm_imap_session_free (session);
  g_free (fm_fake_server_stop (fake));

  fake = fm_fake_server_start (send_big_literal, NULL, FM_FAKE_WHOLE);
  session = open_ok (fake);
  guint64 before_kb = resident_kb ();
  assert_true (fm_imap_session_fetch_headers (session, &range, 1, NULL, NULL, NULL));
  assert_true (!measures_memory () || resident_kb () < before_kb + SLACK_KB);
  assert_non_null (strstr (told->str, "message 8;")); /* the next is read as if nothing had been */
  fm_imap_session_free (session);
  g_free (fm_fake_server_stop (fake));
}

static void
dribble (FmFakePeer *peer, gpointer data)
{
  for (guint i = 0; i < 1000 && fm_fake_server_send (peer, "*"); i++)
    g_usleep (5000); /* the server's own pace; in the end it hangs up, which is another error */
}

/* Trap 12: the time to sign in is a time, not a time for each read. */
static void
signs_in_by_a_deadline (void **state)
{
  FmFakeServer *fake = fm_fake_server_start (dribble, NULL, FM_FAKE_WHOLE);
  g_autoptr (GError) error = NULL;

  assert_null (open_named (fake, "alice", NULL, 100, &error));
  assert_error (error, FM_ERROR_TIMEOUT, "in time");
  g_free (fm_fake_server_stop (fake));
}

static void
sign_in_without_capabilities (FmFakePeer *peer, gpointer data)
{
  fm_fake_server_send (peer, "* OK hi\r\n");
  g_free (fm_fake_server_answer (peer, "* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR QRESYNC ENABLE MOVE\r\n%T OK\r\n"));
  g_free (fm_fake_server_answer (peer, "%T OK in\r\n"));
  g_free (fm_fake_server_answer (peer, "* CAPABILITY IMAP4rev1 IDLE ID\r\n%T OK\r\n"));
  g_free (fm_fake_server_answer (peer, "* ID NIL\r\n%T OK\r\n"));
  g_free (fm_fake_server_answer (peer, "* 0 EXISTS\r\n%T OK\r\n"));
  fm_fake_server_wait_end (peer);
}

/* What was offered before the sign-in counts for nothing after it; ID goes before SELECT (NetEase wants it so). */
static void
asks_again_after_the_sign_in (void **state)
{
  FmFakeServer *fake = fm_fake_server_start (sign_in_without_capabilities, NULL, FM_FAKE_WHOLE);
  FmImapSession *session = open_ok (fake);

  assert_true (fm_imap_session_has (session, FM_IMAP_CAP_IDLE));
  assert_false (fm_imap_session_has (session, FM_IMAP_CAP_MOVE));
  assert_true (fm_imap_session_select (session, "INBOX", NULL, NULL));
  fm_imap_session_free (session);
  g_autofree char *transcript = fm_fake_server_stop (fake);
  const char *id = strstr (transcript, " ID (\"name\" \"fulmar\" \"version\" \"0.1\")\r\n"),
             *select = strstr (transcript, " SELECT \"INBOX\"\r\n");
  assert_true (id != NULL && select != NULL && id < select);
  assert_null (strstr (transcript, "ENABLE"));
  assert_null (strstr (transcript, "LOGOUT")); /* trap 11: freed without a word */
}

static gboolean
agree_to_literals (FmFakePeer *peer, const char *tag, const char *command, gpointer data)
{
  const char *brace = strrchr (command, '{');

  if (brace == NULL)
    return TRUE;
  if (strchr (brace, '+') == NULL)
    {
      /* Sent unasked it would have come in the same packet. */
      *(guint *) data += fm_fake_server_has_more (peer);
      fm_fake_server_send (peer, "+ go\r\n");
    }
  g_free (fm_fake_server_receive_bytes (peer, g_ascii_strtoull (brace + 1, NULL, 10)));
  g_free (fm_fake_server_receive (peer));
  return TRUE;
}

/* LITERAL+ never waits, LITERAL- up to 4096 bytes, and without either the server is asked. */
static void
waits_with_literals_where_it_must (void **state)
{
  static const struct {
    const char *caps;
    guint size;
    const char *expected;
  } cases[] = { { "LITERAL-", 4096, "{4096+}" }, { "LITERAL-", 4097, "{4097}" }, { "LITERAL+", 5000, "{5000+}" }, { "", 10, "{10}" } };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      guint n_unasked = 0;
      Yes yes = { cases[i].caps, agree_to_literals, &n_unasked };
      FmFakeServer *fake = fm_fake_server_start (run_yes, &yes, FM_FAKE_WHOLE);
      FmImapSession *session = open_ok (fake);
      g_autoptr (GBytes) message = g_bytes_new_take (g_strnfill (cases[i].size, 'm'), cases[i].size);
      FmImapAppend append = { "Sent", message, 0, NULL, 0 };
      assert_true (fm_imap_change_append (session, &append, NULL, NULL, NULL));
      fm_imap_session_free (session);
      g_autofree char *transcript = fm_fake_server_stop (fake);
      assert_non_null (strstr (transcript, cases[i].expected));
      assert_int_equal (n_unasked, 0);
    }
}

/* Changes since a MODSEQ, VANISHED with them under QRESYNC only; and QRESYNC refused costs a plain SELECT. */
static void
asks_for_changes_as_the_server_can (void **state)
{
  Script qresync = { "ENABLE CONDSTORE QRESYNC",
                     { "* ENABLED QRESYNC\r\n%T OK\r\n", "%T BAD QRESYNC is broken\r\n", "* 9 EXISTS\r\n%T OK\r\n",
                       "* VANISHED (EARLIER) 3:5\r\n* 1 FETCH (UID 9 FLAGS () MODSEQ (7))\r\n%T OK\r\n" } };
  Script condstore = { "CONDSTORE", { "* 9 EXISTS\r\n%T OK\r\n", "* 1 FETCH (UID 9 FLAGS () MODSEQ (7))\r\n%T OK\r\n" } };
  FmImapSelectOptions known = { FALSE, 7, 100, 43 };
  FmImapRange all = { 1, 43 };

  FmFakeServer *fake = fm_fake_server_start (run_script, &qresync, FM_FAKE_WHOLE);
  FmImapSession *session = open_named (fake, "alice", NULL, 10000, NULL);
  assert_true (fm_imap_session_select (session, "INBOX", &known, NULL));
  assert_true (fm_imap_session_fetch_flags (session, &all, 1, 100, NULL));
  assert_string_equal (told->str, "earlier 3-5;message 9;");
  assert_int_equal (fm_imap_session_selected (session)->exists, 9); /* what vanished earlier was not counted */
  fm_imap_session_free (session);
  g_autofree char *first = fm_fake_server_stop (fake);
  assert_non_null (strstr (first, "SELECT \"INBOX\" (QRESYNC (7 100 1:43))")); /* a range with an end: Cyrus clips VANISHED at `*` */
  assert_non_null (strstr (first, "SELECT \"INBOX\" (CONDSTORE)"));
  assert_non_null (strstr (first, "UID FETCH 1:43 (UID FLAGS MODSEQ) (CHANGEDSINCE 100 VANISHED)"));

  fake = fm_fake_server_start (run_script, &condstore, FM_FAKE_WHOLE);
  session = open_named (fake, "alice", NULL, 10000, NULL);
  known.read_only = TRUE;
  assert_true (fm_imap_session_select (session, "INBOX", &known, NULL));
  assert_true (fm_imap_session_selected (session)->read_only);
  assert_true (fm_imap_session_fetch_flags (session, &all, 1, 100, NULL));
  fm_imap_session_free (session);
  g_autofree char *second = fm_fake_server_stop (fake);
  assert_non_null (strstr (second, "EXAMINE \"INBOX\" (CONDSTORE)"));
  assert_non_null (strstr (second, "(UID FLAGS MODSEQ) (CHANGEDSINCE 100)\r\n"));
}

/* Lists as they were met in the field: home.pl, Gmail without quotes, Dovecot's names with brackets. */
static void
reads_odd_lists (void **state)
{
  Script script = { "XLIST",
                    { "* XLIST (\\) \"/\" \"plain\"\r\n* XLIST (\\HasNoChildren) \"/\" [Gmail]/Bin\r\n* XLIST (\\Sent) \"/\" "
                      "\"[Gmail]/Sent Mail\"\r\n* XLIST () \"/\" [Mailbox]\r\n%T OK\r\n" } };
  FmFakeServer *fake = fm_fake_server_start (run_script, &script, FM_FAKE_WHOLE);
  FmImapSession *session = open_named (fake, "alice", NULL, 10000, NULL);

  assert_true (fm_imap_session_list (session, "*", FALSE, NULL));
  assert_string_equal (told->str, "box plain 0;box [Gmail]/Bin 8;box [Gmail]/Sent Mail 2000;box [Mailbox] 0;");
  fm_imap_session_free (session);
  g_free (fm_fake_server_stop (fake));
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (refuses_line_breaks_everywhere),
    cmocka_unit_test (refuses_line_breaks_at_the_door),
    cmocka_unit_test (splits_long_sets),
    cmocka_unit_test (fetches_headers_in_chunks),
    cmocka_unit_test (isolates_a_poison_message),
    cmocka_unit_test (bounds_nesting_over_literals),
    cmocka_unit_test (streams_a_big_body_through_little_memory),
    cmocka_unit_test (bounds_lines_and_literals),
    cmocka_unit_test (signs_in_by_a_deadline),
    cmocka_unit_test (asks_again_after_the_sign_in),
    cmocka_unit_test (waits_with_literals_where_it_must),
    cmocka_unit_test (asks_for_changes_as_the_server_can),
    cmocka_unit_test (reads_odd_lists),
  };
  told = g_string_new (NULL);
  int failures = cmocka_run_group_tests (tests, NULL, NULL);
  g_string_free (told, TRUE);
  return failures;
}

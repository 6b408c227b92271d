/* IMAP sessions against scripted servers: the conversation as it should be, and each way in which servers are known to break it. */
#include "fake-server.h"
#include <fulmar/base/clock.h>
#include <fulmar/base/error.h>
#include <fulmar/base/thread.h>
#include <fulmar/net/imap-change.h>
#include <fulmar/net/imap-idle.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#define DAY_S 86400
#define PASSWORD "hunter2-secret"

static FmFakeCa *ca;
static FmFakeDelivery delivery;

/* What a session told, as text. */
static GString *told;

static void
on_exists (gpointer data, guint32 n)
{
  g_string_append_printf (told, "exists %u;", n);
}

static void
on_expunge (gpointer data, guint32 seq)
{
  g_string_append_printf (told, "expunge %u;", seq);
}

static void
tell_ranges (const char *word, const FmImapRange *ranges, gsize n)
{
  g_string_append (told, word);
  for (gsize i = 0; i < n; i++)
    g_string_append_printf (told, " %u-%u", ranges[i].first, ranges[i].last);
  g_string_append_c (told, ';');
}

static void
on_vanished (gpointer data, gboolean earlier, const FmImapRange *ranges, gsize n)
{
  tell_ranges (earlier ? "earlier" : "vanished", ranges, n);
}

static void
on_message (gpointer data, const FmImapMessage *m)
{
  g_string_append_printf (told, "message %u uid=%u", m->seq, m->uid);
  if (m->has & FM_IMAP_HAS_FLAGS)
    g_string_append_printf (told, " flags=%x", m->flags);
  for (guint i = 0; m->keywords != NULL && m->keywords[i] != NULL; i++)
    g_string_append_printf (told, " +%s", m->keywords[i]);
  if (m->has & FM_IMAP_HAS_MODSEQ)
    g_string_append_printf (told, " modseq=%" G_GUINT64_FORMAT, m->modseq);
  if (m->has & FM_IMAP_HAS_DATE)
    g_string_append_printf (told, " date=%" G_GINT64_FORMAT, m->date_utc);
  if (m->has & FM_IMAP_HAS_SIZE)
    g_string_append_printf (told, " size=%" G_GUINT64_FORMAT, m->size_bytes);
  if (m->has & FM_IMAP_HAS_HEADER)
    g_string_append_printf (told, " header=%.*s", (int) m->header_bytes, m->header);
  for (guint i = 0; m->gm_labels != NULL && m->gm_labels[i] != NULL; i++)
    g_string_append_printf (told, " [%s]", m->gm_labels[i]);
  g_string_append_c (told, ';');
}

static void
on_unreadable (gpointer data, guint32 seq, guint32 uid)
{
  g_string_append_printf (told, "unreadable %u uid=%u;", seq, uid);
}

static void
on_box (gpointer data, const FmImapBox *box)
{
  g_string_append_printf (told, "box %s %c %x;", box->name, box->delimiter != 0 ? box->delimiter : '0', box->attributes);
}

static void
on_status (gpointer data, const FmImapStatus *status)
{
  g_string_append_printf (told, "status %s %u/%u next=%u;", status->name, status->unseen, status->messages, status->uidnext);
}

static void
on_search (gpointer data, const FmImapRange *ranges, gsize n, guint64 modseq)
{
  tell_ranges ("search", ranges, n);
}

static void
on_alert (gpointer data, const char *text)
{
  g_string_append_printf (told, "alert %s;", text);
}

static const FmImapEvents events = { .exists = on_exists,
                                     .expunge = on_expunge,
                                     .vanished = on_vanished,
                                     .message = on_message,
                                     .unreadable = on_unreadable,
                                     .box = on_box,
                                     .status = on_status,
                                     .search = on_search,
                                     .alert = on_alert };

/* A script of lines: what to answer to each command in turn, after the sign-in. */
typedef struct {
  const char *caps;
  const char *replies[24];
  gboolean stays; /* does not hang up at the end */
} Script;

static void
run_script (FmFakePeer *peer, gpointer data)
{
  Script *script = data;

  if (!fm_fake_server_imap_sign_in (peer, script->caps))
    return;
  for (guint i = 0; script->replies[i] != NULL; i++)
    g_free (fm_fake_server_answer (peer, script->replies[i]));
  if (script->stays)
    fm_fake_server_wait_end (peer);
}

static FmImapSession *
open_at (FmFakeServer *fake, FmSecurity security, FmCancel *cancel, GError **error)
{
  FmServer server = { "localhost", fm_fake_server_port (fake), security, fm_fake_server_ca_file (ca), NULL };
  g_autoptr (FmSecret) secret = fm_secret_new (PASSWORD, -1);
  FmCredentials credentials = { "alice", secret, FM_CREDENTIALS_PASSWORD };
  FmImapOptions options = { &server, &credentials, "fulmar", "0.1", 10000, 10000, &events, NULL };

  g_string_truncate (told, 0);
  return fm_imap_session_open (&options, cancel, error);
}

static FmImapSession *
open_ok (FmFakeServer *fake)
{
  g_autoptr (GError) error = NULL;
  FmImapSession *session = open_at (fake, FM_SECURITY_PLAIN_LOOPBACK, NULL, &error);
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

static void
assert_told (const char *expected)
{
  assert_string_equal (told->str, expected);
  g_string_truncate (told, 0);
}

#define FOR_EACH_DELIVERY for (delivery = FM_FAKE_WHOLE; delivery <= FM_FAKE_SPLIT; delivery++)

static void
visits_in_few_turns (void **state)
{
  FOR_EACH_DELIVERY
  {
    Script script = { "ID ENABLE QRESYNC CONDSTORE LIST-EXTENDED LIST-STATUS SPECIAL-USE ESEARCH",
                      { "* ID NIL\r\n%T OK\r\n", "* ENABLED QRESYNC\r\n%T OK\r\n",
                        "* LIST (\\HasNoChildren \\Sent) \"/\" \"Entw&APw-rfe\"\r\n* STATUS \"Entw&APw-rfe\" (MESSAGES 3 UNSEEN 1 UIDNEXT "
                        "9 DELETED-STORAGE (1 2))\r\n"
                        "* LIST () NIL {3}\r\na\"b (\"OLDNAME\" (\"x\"))\r\n%T OK\r\n",
                        "* FLAGS (\\Seen x)\r\n* OK [PERMANENTFLAGS (\\Seen \\Deleted \\*)] limited\r\n* 5 EXISTS\r\n* 0 RECENT\r\n"
                        "* OK [UIDVALIDITY 7] ok\r\n* OK [UIDNEXT 44] ok\r\n* OK [HIGHESTMODSEQ 5000000000] ok\r\n"
                        "* VANISHED (EARLIER) 3:5,9\r\n* 1 FETCH (UID 12 FLAGS (\\Seen $Forwarded work) MODSEQ (5000000000))\r\n"
                        "%T OK [READ-WRITE] done\r\n" } };
    FmFakeServer *fake = fm_fake_server_start (run_script, &script, delivery);
    FmImapSession *session = open_ok (fake);
    FmImapSelectOptions options = { FALSE, 7, 100, 43 };
    GError *failed = NULL;
    guint turns = fm_stream_counters (fm_imap_session_stream (session)).turns;

    fm_imap_session_queue_list (session, "*", TRUE, NULL, NULL);
    fm_imap_session_queue_select (session, "INBOX", &options, NULL, NULL);
    assert_true (fm_imap_session_run (session, &failed));
    if (delivery == FM_FAKE_WHOLE)
      assert_true (fm_stream_counters (fm_imap_session_stream (session)).turns - turns <= 1);
    assert_told ("box Entw\303\274rfe / 2008;status Entw\303\274rfe 1/3 next=9;box a\"b 0 0;exists 5;earlier 3-5 9-9;"
                 "message 1 uid=12 flags=21 +work modseq=5000000000;");
    const FmImapSelected *now = fm_imap_session_selected (session);
    assert_string_equal (now->name, "INBOX");
    assert_int_equal (now->exists, 5);
    assert_int_equal (now->uidvalidity, 7);
    assert_int_equal (now->uidnext, 44);
    assert_int_equal (now->highestmodseq, 5000000000);
    assert_true (now->keywords_allowed && !now->read_only);
    assert_true (fm_imap_session_is_enabled (session, FM_IMAP_CAP_QRESYNC));
    fm_imap_session_free (session);
    g_autofree char *transcript = fm_fake_server_stop (fake);
    assert_non_null (strstr (transcript, "SELECT \"INBOX\" (QRESYNC (7 100 1:43))")); /* trap 5 */
  }
}

/* Options that are offered and then refused, and the special uses of servers older than SPECIAL-USE. */
static void
lists_as_the_server_can (void **state)
{
  struct {
    Script script;
    const char *tells, *last_list;
  } cases[] = {
    { { "LIST-EXTENDED LIST-STATUS",
        { "%T BAD no such option\r\n", "* LIST () \"/\" INBOX\r\n* LIST () \"/\" a\r\n%T OK\r\n",
          "* STATUS INBOX (MESSAGES 3 UNSEEN 1)\r\n%T OK\r\n", "* STATUS a (MESSAGES 4 UNSEEN 0)\r\n%T OK\r\n" } },
      "box INBOX / 8000;box a / 0;status INBOX 1/3 next=0;status a 0/4 next=0;",
      " LIST \"\" \"*\"\r\n" },
    { { "XLIST",
        { "* XLIST (\\HasNoChildren \\Inbox) \"/\" Posteingang\r\n* XLIST (\\Spam) \"/\" Werbung\r\n%T OK\r\n",
          "* STATUS INBOX (MESSAGES 3 UNSEEN 1)\r\n%T OK\r\n", "%T NO gone\r\n" } },
      "box INBOX / 8008;box Werbung / 1000;status INBOX 1/3 next=0;",
      " XLIST \"\" \"*\"\r\n" },
    { { "XLIST", { "%T BAD what\r\n", "* LIST () \"/\" a\r\n%T OK\r\n", "* STATUS a (MESSAGES 4 UNSEEN 0)\r\n%T OK\r\n" } },
      "box a / 0;status a 0/4 next=0;",
      " LIST \"\" \"*\"\r\n" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      FmFakeServer *fake = fm_fake_server_start (run_script, &cases[i].script, FM_FAKE_WHOLE);
      FmImapSession *session = open_ok (fake);
      g_autoptr (GError) error = NULL;
      if (!fm_imap_session_list (session, "*", TRUE, &error))
        fail_msg ("%s", error->message);
      assert_told (cases[i].tells);
      fm_imap_session_free (session);
      g_autofree char *transcript = fm_fake_server_stop (fake);
      assert_non_null (strstr (transcript, cases[i].last_list));
    }
}

static void
fetches_what_servers_make_of_it (void **state)
{
  FOR_EACH_DELIVERY
  {
    Script script = { "X-GM-EXT-1",
                      { "* 1 FETCH (UID 10 FLAGS () INTERNALDATE \"17-Jul-1996 02:44:25 -0700\" RFC822.SIZE 4294967299 BODY[HEADER.FIELDS "
                        "(DATE)] {8}\r\nA: b\r\n\r\n)\r\n"
                        "* 2 FETCH (X-GM-LABELS (\\Inbox \"\\\\Sent\" Foo \"B&APw-r\") UID 11 X-NEW ((1 2) \"x)\" NIL) FLAGS (\\Seen "
                        "\\Recent) INTERNALDATE \"rubbish\")\r\n"
                        "* BOGUS whatever (\r\n"
                        "\r\n" /* Exchange's blank line */
                        "* 3 FETCH (UID 12 ENVELOPE (\"unescaped \" quote\")\r\n"
                        "* 99 FETCH (UID 99999999999)\r\n" /* trap 7: numbers are not wrapped */
                        "* 4 EXPUNGE\r\n* 5 FETCH (FLAGS (12345678901))\r\n%T OK\r\n" } };
    FmFakeServer *fake = fm_fake_server_start (run_script, &script, delivery);
    FmImapSession *session = open_ok (fake);
    FmImapRange range = { 1, 20 };
    GError *failed = NULL;

    assert_true (fm_imap_session_fetch_headers (session, &range, 1, NULL, NULL, &failed));
    assert_told ("message 1 uid=10 flags=0 date=837596665 size=4294967299 header=A: b\r\n\r\n;"
                 "message 2 uid=11 flags=1 [\\Inbox] [\\Sent] [Foo] [B\303\274r];"
                 "unreadable 3 uid=12;unreadable 99 uid=0;expunge 4;message 5 uid=0 flags=0 +12345678901;");
    assert_true (fm_imap_session_is_alive (session));
    fm_imap_session_free (session);
    g_free (fm_fake_server_stop (fake));
  }
}

static gboolean
on_landed (gpointer data, guint32 lowest)
{
  g_string_append_printf (told, "landed %u;", lowest);
  return lowest != *(guint32 *) data;
}

/* What is told as complete is: a chunk that is asked for again holds up what is older, and who hears of it may end it. */
static void
tells_what_has_landed (void **state)
{
  Script script = { "", { "%T OK\r\n", "%T NO poison\r\n", "%T OK\r\n", "%T OK\r\n", "%T OK\r\n", "%T OK\r\n", "%T OK\r\n" }, TRUE };
  FmImapRange ranges[] = { { 1, 2500 }, { 3001, 5000 } };
  guint32 last = 0, first = 4751;
  g_autoptr (GError) error = NULL;

  FmFakeServer *fake = fm_fake_server_start (run_script, &script, FM_FAKE_WHOLE);
  FmImapSession *session = open_ok (fake);
  assert_true (fm_imap_session_fetch_headers (session, ranges, 2, on_landed, &last, NULL));
  assert_told ("landed 4751;landed 4501;landed 751;landed 1;");
  fm_imap_session_free (session);
  g_free (fm_fake_server_stop (fake));

  fake = fm_fake_server_start (run_script, &script, FM_FAKE_WHOLE);
  session = open_ok (fake);
  assert_false (fm_imap_session_fetch_headers (session, ranges, 2, on_landed, &first, &error));
  assert_error (error, FM_ERROR_CANCELLED, "stopped");
  assert_told ("landed 4751;");
  assert_true (fm_imap_session_is_alive (session));
  fm_imap_session_free (session);
  g_free (fm_fake_server_stop (fake));
}

/* There is no UID 0: what is left without one is no command, to which no answer would come. */
static void
asks_for_no_uid_zero (void **state)
{
  Script script = { "", { "* 1 FETCH (UID 1 FLAGS ())\r\n%T OK\r\n" } };
  FmFakeServer *fake = fm_fake_server_start (run_script, &script, FM_FAKE_WHOLE);
  FmImapSession *session = open_ok (fake);
  FmImapRange nothing = { 0, 0 }, one = { 0, 1 };

  assert_true (fm_imap_session_fetch_headers (session, &nothing, 1, NULL, NULL, NULL));
  assert_true (fm_imap_session_fetch_headers (session, &one, 1, NULL, NULL, NULL));
  fm_imap_session_free (session);
  g_autofree char *transcript = fm_fake_server_stop (fake);
  assert_non_null (strstr (transcript, "UID FETCH 1 ("));
}

static void
bounds_what_it_reads (void **state)
{
  g_autofree char *nest = g_strnfill (300, '(');
  g_autofree char *deep = g_strdup_printf ("* 1 FETCH (UID 1 BODYSTRUCTURE %s\r\n%%T OK\r\n", nest);
  Script too_deep = { "", { deep } };
  Script huge_literal = { "", { "* 1 FETCH (UID 1 BODY[] {4294967296}\r\n" }, TRUE };
  Script big_number = { "", { "* 4294967296 EXISTS\r\n%T OK\r\n" }, TRUE };
  g_autoptr (GError) error = NULL;
  FmImapRange range = { 1, 1 };

  FmFakeServer *fake = fm_fake_server_start (run_script, &too_deep, FM_FAKE_WHOLE);
  FmImapSession *session = open_ok (fake);
  assert_true (fm_imap_session_fetch_headers (session, &range, 1, NULL, NULL, NULL));
  assert_told ("unreadable 1 uid=1;");
  fm_imap_session_free (session);
  g_free (fm_fake_server_stop (fake));

  fake = fm_fake_server_start (run_script, &huge_literal, FM_FAKE_WHOLE);
  session = open_ok (fake);
  assert_false (fm_imap_session_fetch_headers (session, &range, 1, NULL, NULL, &error));
  assert_error (error, FM_ERROR_PROTOCOL, "impossible size");
  assert_false (fm_imap_session_is_alive (session));
  fm_imap_session_free (session);
  g_free (fm_fake_server_stop (fake));

  g_clear_error (&error);
  fake = fm_fake_server_start (run_script, &big_number, FM_FAKE_WHOLE);
  session = open_ok (fake);
  assert_false (fm_imap_session_noop (session, &error));
  assert_error (error, FM_ERROR_PROTOCOL, "counts beyond");
  fm_imap_session_free (session);
  g_free (fm_fake_server_stop (fake));
}

static void
count_progress (gpointer data, guint64 done, guint64 total)
{
  assert_true (done <= total);
  *(guint64 *) data = done;
}

static void
streams_bodies (void **state)
{
  FOR_EACH_DELIVERY
  {
    Script script = { "",
                      { "* 3 FETCH (FLAGS (\\Seen))\r\n* 2 FETCH (UID 7 BODY[] {12}\r\nabc\r\n{5}\r\nxy)\r\n%T OK\r\n",
                        "* 2 FETCH (UID 7 BODY[1.2] \"quoted \\\"x\\\"\")\r\n%T OK\r\n", "%T OK nothing\r\n",
                        "* 2 FETCH (BODY[] {3}\r\nabc UID 8)\r\n%T OK\r\n" } };
    FmFakeServer *fake = fm_fake_server_start (run_script, &script, delivery);
    FmImapSession *session = open_ok (fake);
    g_autoptr (GError) error = NULL;
    g_autoptr (FmSink) sink = fm_sink_new_memory (1000);
    g_autoptr (FmSink) part = fm_sink_new_memory (1000);
    g_autoptr (FmSink) none = fm_sink_new_memory (1000);
    guint64 done = 0;

    assert_true (fm_imap_session_fetch_body (session, 7, sink, count_progress, &done, &error));
    assert_true (fm_sink_commit (sink, NULL));
    g_autoptr (GBytes) bytes = fm_sink_memory_steal (sink);
    assert_int_equal (g_bytes_get_size (bytes), 12);
    assert_memory_equal (g_bytes_get_data (bytes, NULL), "abc\r\n{5}\r\nxy", 12);
    assert_int_equal (done, 12);
    assert_true (fm_imap_session_fetch_part (session, 7, "1.2", part, &error));
    assert_true (fm_sink_commit (part, NULL));
    g_autoptr (GBytes) quoted = fm_sink_memory_steal (part);
    assert_int_equal (g_bytes_get_size (quoted), 10);
    assert_false (fm_imap_session_fetch_body (session, 7, none, NULL, NULL, &error));
    assert_error (error, FM_ERROR_NOT_FOUND, "no longer");
    g_clear_error (&error);
    assert_false (fm_imap_session_fetch_body (session, 7, none, NULL, NULL, &error));
    assert_error (error, FM_ERROR_PROTOCOL, "another message");
    fm_imap_session_free (session);
    g_autofree char *transcript = fm_fake_server_stop (fake);
    assert_non_null (strstr (transcript, "UID FETCH 7 (UID BODY.PEEK[])"));
  }
}

static void
note_fetched (gpointer data, gsize index, const GError *error)
{
  g_string_append_printf (data, "%u:%s;", (guint) index, error == NULL ? "ok" : error->message);
}

/* Each body to the sink of its own command, whatever becomes of the others. */
static void
streams_bodies_together (void **state)
{
  static const guint32 uids[] = { 7, 8, 9, 10, 11 };
  static const char *const bodies[] = { "abc", "", "", "q", "last" };

  FOR_EACH_DELIVERY
  {
    Script script = { "",
                      { "* 5 FETCH (UID 10 BODY[] \"q\")\r\n* 2 FETCH (UID 7 BODY[] {3}\r\nabc)\r\n* 9 FETCH (UID 99 BODY[] {2}\r\nno)\r\n"
                        "* 6 FETCH (BODY[] {4}\r\nlast UID 11)\r\n%T NO some of them\r\n",
                        "%T NO not that one\r\n", "%T OK gone\r\n", "* 6 FETCH (BODY[] {4}\r\nlast UID 11)\r\n%T OK\r\n" } };
    FmFakeServer *fake = fm_fake_server_start (run_script, &script, delivery);
    FmImapSession *session = open_ok (fake);
    g_autoptr (GString) outcome = g_string_new (NULL);
    FmSink *sinks[G_N_ELEMENTS (uids)];

    for (guint i = 0; i < G_N_ELEMENTS (uids); i++)
      sinks[i] = fm_sink_new_memory (1000);
    assert_true (fm_imap_session_fetch_bodies (session, uids, sinks, G_N_ELEMENTS (uids), note_fetched, outcome, NULL));
    assert_string_equal (outcome->str,
                         "3:ok;0:ok;1:the server said: not that one;2:the message is no longer in this folder on the server;4:ok;");
    for (guint i = 0; i < G_N_ELEMENTS (uids); i++)
      {
        assert_true (fm_sink_commit (sinks[i], NULL));
        g_autoptr (GBytes) bytes = fm_sink_memory_steal (sinks[i]);
        assert_int_equal (g_bytes_get_size (bytes), strlen (bodies[i]));
        assert_memory_equal (g_bytes_get_data (bytes, NULL), bodies[i], strlen (bodies[i]));
        fm_sink_free (sinks[i]);
      }
    fm_imap_session_free (session);
    g_autofree char *transcript = fm_fake_server_stop (fake);
    assert_non_null (strstr (transcript, "UID FETCH 7:11 (UID BODY.PEEK[])"));
  }
}

static void
searches (void **state)
{
  Script script
      = { "ESEARCH", { "* ESEARCH (TAG \"x\") UID ALL 1:3,7 COUNT 4\r\n%T OK\r\n", "* SEARCH 9 2 3 (MODSEQ 917162500)\r\n%T OK\r\n" } };
  FmFakeServer *fake = fm_fake_server_start (run_script, &script, FM_FAKE_WHOLE);
  FmImapSession *session = open_ok (fake);

  assert_true (fm_imap_session_search (session, "ALL", NULL));
  assert_told ("search 1-3 7-7;");
  assert_true (fm_imap_session_search (session, "UNSEEN", NULL));
  assert_told ("search 2-3 9-9;");
  assert_false (fm_imap_session_search (session, "ALL\r\nF9 DELETE x", NULL));
  fm_imap_session_free (session);
  g_free (fm_fake_server_stop (fake));
}

static void
changes_things (void **state)
{
  Script script = { "UIDPLUS MOVE LITERAL- CONDSTORE",
                    { "%T OK [MODIFIED 7,9] some\r\n", "* OK [COPYUID 38 3,5 20:21] moved\r\n* 3 EXPUNGE\r\n%T OK\r\n",
                      "%T NO [TRYCREATE] no such folder\r\n", "%T OK\r\n", "%T OK\r\n" } };
  FmFakeServer *fake = fm_fake_server_start (run_script, &script, FM_FAKE_WHOLE);
  FmImapSession *session = open_ok (fake);
  FmImapRange ranges[] = { { 3, 3 }, { 5, 5 } };
  const char *const keywords[] = { "work", NULL }, *const bad[] = { "a b", NULL };
  FmImapStore store = { FM_IMAP_CHANGE_ADD, FM_FLAG_SEEN | FM_FLAG_ATTACHMENT, keywords, NULL, 42 };
  FmImapCopied copied;
  g_autoptr (GError) error = NULL;

  assert_true (fm_imap_change_store (session, ranges, 2, &store, NULL, NULL, NULL));
  store.keywords = bad;
  assert_false (fm_imap_change_store (session, ranges, 2, &store, NULL, NULL, &error));
  assert_error (error, FM_ERROR_INVALID, "tag");
  assert_true (fm_imap_change_move (session, ranges, 2, "Archive", &copied, NULL));
  assert_int_equal (copied.n, 2);
  assert_int_equal (copied.from[1], 5);
  assert_int_equal (copied.to[1], 21);
  assert_int_equal (copied.uidvalidity, 38);
  fm_imap_change_copied_clear (&copied);
  g_clear_error (&error);
  assert_false (fm_imap_change_copy (session, ranges, 2, "Nowhere", NULL, &error));
  assert_error (error, FM_ERROR_NOT_FOUND, "no such folder");
  assert_true (fm_imap_change_expunge (session, ranges, 2, NULL));
  /* Nothing that breaks a line reaches the wire (trap 8). */
  g_clear_error (&error);
  assert_false (fm_imap_change_create (session, "x\r\nF99 DELETE INBOX", &error));
  assert_error (error, FM_ERROR_INVALID, "line breaks");
  assert_true (fm_imap_change_create (session, "a\"b\\c & \303\274", NULL));
  fm_imap_session_free (session);
  g_autofree char *transcript = fm_fake_server_stop (fake);
  assert_non_null (strstr (transcript, "UID STORE 3,5 (UNCHANGEDSINCE 42) +FLAGS.SILENT (\\Seen work)"));
  assert_non_null (strstr (transcript, "UID EXPUNGE 3,5"));
  assert_non_null (strstr (transcript, "CREATE \"a\\\"b\\\\c &- &APw-\""));
  assert_null (strstr (transcript, "DELETE"));
}

static void
append_script (FmFakePeer *peer, gpointer data)
{
  if (!fm_fake_server_imap_sign_in (peer, "")) /* Courier tells APPENDUID without offering UIDPLUS */
    return;
  g_free (fm_fake_server_answer (peer, "* 3 EXISTS\r\n+ go\r\n"));
  g_free (fm_fake_server_receive_bytes (peer, 12));
  fm_fake_server_send (peer, "F2 OK [APPENDUID 38 505] done\r\n");
  g_free (fm_fake_server_receive (peer)); /* the line's end */
  g_free (fm_fake_server_answer (peer, "%T NO [OVERQUOTA] full\r\n"));
}

static void
appends (void **state)
{
  FmFakeServer *fake = fm_fake_server_start (append_script, NULL, FM_FAKE_WHOLE);
  FmImapSession *session = open_ok (fake);
  g_autoptr (GBytes) message = g_bytes_new_static ("A: b\r\n\r\nhi\r\n", 12);
  FmImapAppend append = { "Sent", message, FM_FLAG_SEEN, NULL, 837596665 };
  guint32 uid = 0, validity = 0;
  g_autoptr (GError) error = NULL;

  assert_true (fm_imap_change_append (session, &append, &uid, &validity, NULL));
  assert_int_equal (uid, 505);
  assert_int_equal (validity, 38);
  assert_false (fm_imap_change_append (session, &append, NULL, NULL, &error));
  assert_error (error, FM_ERROR_LIMIT, "full");
  assert_true (fm_imap_session_is_alive (session));
  fm_imap_session_free (session);
  g_autofree char *transcript = fm_fake_server_stop (fake);
  assert_non_null (strstr (transcript, "APPEND \"Sent\" (\\Seen) \"17-Jul-1996 09:44:25 +0000\" {12}\r\nA: b"));
}

static void
idle_script (FmFakePeer *peer, gpointer data)
{
  if (!fm_fake_server_imap_sign_in (peer, "IDLE"))
    return;
  /* News before the "+", and after DONE: both hung or were lost elsewhere. */
  g_free (fm_fake_server_answer (peer, "* 4 EXISTS\r\n+ idling\r\n"));
  g_free (fm_fake_server_receive (peer));
  fm_fake_server_send (peer, "* 2 EXPUNGE\r\nF2 OK\r\n");
  g_free (fm_fake_server_answer (peer, "+ idling\r\n* OK Still here\r\n* 5 EXISTS\r\n* 1 FETCH (FLAGS ())\r\n"));
  g_free (fm_fake_server_receive (peer));
  fm_fake_server_send (peer, "F3 OK\r\n");
  g_free (fm_fake_server_answer (peer, "+ idling\r\n"));
  g_free (fm_fake_server_receive (peer));
  fm_fake_server_send (peer, "F4 OK\r\n");
  g_free (fm_fake_server_answer (peer, "+ idling\r\n* BYE shutting down\r\n"));
}

static void
idles (void **state)
{
  FOR_EACH_DELIVERY
  {
    FmFakeServer *fake = fm_fake_server_start (idle_script, NULL, delivery);
    FmImapSession *session = open_ok (fake);
    int wake_fd = eventfd (1, EFD_CLOEXEC);
    FmImapIdleEnd end;
    g_autoptr (GError) error = NULL;

    assert_true (fm_imap_idle_wait (session, -1, fm_clock_deadline_us (10000), &end, NULL));
    assert_int_equal (end, FM_IMAP_IDLE_NEWS);
    assert_told ("exists 4;expunge 2;");
    assert_true (fm_imap_idle_wait (session, -1, fm_clock_deadline_us (10000), &end, NULL));
    assert_int_equal (end, FM_IMAP_IDLE_NEWS);
    assert_told ("exists 5;message 1 uid=0 flags=0;");
    assert_true (fm_imap_idle_wait (session, wake_fd, fm_clock_deadline_us (10000), &end, NULL));
    assert_int_equal (end, FM_IMAP_IDLE_WOKEN);
    assert_false (fm_imap_idle_wait (session, -1, fm_clock_deadline_us (10000), &end, &error));
    assert_error (error, FM_ERROR_OFFLINE, "shutting down");
    close (wake_fd);
    fm_imap_session_free (session);
    g_free (fm_fake_server_stop (fake));
  }
}

/* Sign-in: what may and may not happen before it. */
typedef struct {
  const char *greeting, *capability;
  const char *starttls; /* the answer to STARTTLS */
  gnutls_certificate_credentials_t credentials;
  const char *auth; /* the answer to the sign-in */
} Door;

static void
run_door (FmFakePeer *peer, gpointer data)
{
  Door *door = data;

  fm_fake_server_send (peer, door->greeting);
  if (door->capability != NULL)
    g_free (fm_fake_server_answer (peer, door->capability));
  if (door->starttls != NULL)
    {
      g_free (fm_fake_server_answer (peer, door->starttls));
      if (door->credentials == NULL || !fm_fake_server_start_tls (peer, door->credentials))
        return;
      g_free (fm_fake_server_answer (peer, "* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n%T OK\r\n"));
      g_free (fm_fake_server_answer (peer, "+\r\n"));
      g_free (fm_fake_server_receive (peer));
      fm_fake_server_send (peer, "F4 OK [CAPABILITY IMAP4rev1 IDLE] in\r\n");
    }
  if (door->auth != NULL)
    g_free (fm_fake_server_answer (peer, door->auth));
  fm_fake_server_wait_end (peer);
}

static void
expect_closed (Door *door, FmSecurity security, int code, const char *words, gboolean may_tell_password)
{
  FmFakeServer *fake = fm_fake_server_start (run_door, door, FM_FAKE_WHOLE);
  g_autoptr (GError) error = NULL;
  FmImapSession *session = open_at (fake, security, NULL, &error);

  assert_null (session);
  assert_error (error, code, words);
  g_autofree char *transcript = fm_fake_server_stop (fake);
  if (!may_tell_password)
    {
      assert_null (strstr (transcript, "AUTH"));
      assert_null (strstr (transcript, "LOGIN"));
      assert_null (strstr (transcript, PASSWORD));
      assert_null (strstr (transcript, "AGFsaWNl")); /* "\0alice" in base64 */
    }
}

static void
guards_the_password (void **state)
{
  gnutls_certificate_credentials_t other = fm_fake_server_ca_issue (ca, "elsewhere.example", -DAY_S, DAY_S);
  gnutls_certificate_credentials_t old = fm_fake_server_ca_issue (ca, "localhost", -2 * DAY_S, -DAY_S);

  expect_closed (&(Door){ "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\r\n" }, FM_SECURITY_STARTTLS, FM_ERROR_TLS, "offers no STARTTLS",
                 FALSE);
  expect_closed (&(Door){ "* PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] hi\r\n" }, FM_SECURITY_STARTTLS, FM_ERROR_TLS,
                 "before the connection is encrypted", FALSE);
  expect_closed (&(Door){ "* OK [CAPABILITY IMAP4rev1 STARTTLS] hi\r\n", .starttls = "%T OK go\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n" },
                 FM_SECURITY_STARTTLS, FM_ERROR_TLS, "before it was encrypted", FALSE);
  expect_closed (&(Door){ "* OK [CAPABILITY IMAP4rev1 STARTTLS] hi\r\n", .starttls = "%T NO not today\r\n" }, FM_SECURITY_STARTTLS,
                 FM_ERROR_TLS, "not today", FALSE);
  expect_closed (&(Door){ "* OK [CAPABILITY IMAP4rev1 STARTTLS] hi\r\n", .starttls = "%T OK go\r\n", .credentials = other },
                 FM_SECURITY_STARTTLS, FM_ERROR_TLS, "another name", FALSE);
  expect_closed (&(Door){ "* OK [CAPABILITY IMAP4rev1 STARTTLS] hi\r\n", .starttls = "%T OK go\r\n", .credentials = old },
                 FM_SECURITY_STARTTLS, FM_ERROR_TLS, "expired", FALSE);
  expect_closed (&(Door){ "* OK [CAPABILITY IMAP4rev1 LOGINDISABLED] hi\r\n" }, FM_SECURITY_PLAIN_LOOPBACK, FM_ERROR_AUTH, "LOGINDISABLED",
                 FALSE);
  expect_closed (&(Door){ "* BYE too many connections\r\n" }, FM_SECURITY_PLAIN_LOOPBACK, FM_ERROR_LIMIT, "too many", FALSE);
  expect_closed (&(Door){ "* BYE going down\r\n" }, FM_SECURITY_PLAIN_LOOPBACK, FM_ERROR_REFUSED, "going down", FALSE);
  expect_closed (&(Door){ "220 smtp.example ESMTP\r\n" }, FM_SECURITY_PLAIN_LOOPBACK, FM_ERROR_PROTOCOL, "greet", FALSE);
}

static void
tells_refusals_apart (void **state)
{
  const char *hi = "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\r\n";

  expect_closed (&(Door){ hi, .auth = "%T NO [AUTHENTICATIONFAILED] wrong\r\n" }, FM_SECURITY_PLAIN_LOOPBACK, FM_ERROR_AUTH, "wrong", TRUE);
  expect_closed (&(Door){ hi, .auth = "%T NO Invalid credentials\r\n" }, FM_SECURITY_PLAIN_LOOPBACK, FM_ERROR_AUTH, "Invalid", TRUE);
  expect_closed (&(Door){ hi, .auth = "%T NO [UNAVAILABLE] later\r\n" }, FM_SECURITY_PLAIN_LOOPBACK, FM_ERROR_REFUSED, "later", TRUE);
  expect_closed (&(Door){ hi, .auth = "%T NO [LIMIT] no more\r\n" }, FM_SECURITY_PLAIN_LOOPBACK, FM_ERROR_LIMIT, "no more", TRUE);
  expect_closed (&(Door){ hi, .auth = "%T NO [UNAVAILABLE] Maximum number of connections from user+IP exceeded\r\n" },
                 FM_SECURITY_PLAIN_LOOPBACK, FM_ERROR_LIMIT, "Maximum", TRUE);
  expect_closed (&(Door){ hi, .auth = "%T NO [ALERT] Too many simultaneous connections. (Failure)\r\n" }, FM_SECURITY_PLAIN_LOOPBACK,
                 FM_ERROR_LIMIT, "simultaneous", TRUE);
  expect_closed (&(Door){ hi, .auth = "%T NO [INUSE] locked\r\n" }, FM_SECURITY_PLAIN_LOOPBACK, FM_ERROR_REFUSED, "locked", TRUE);
  expect_closed (&(Door){ hi, .auth = "* NO [ALERT] Switch IMAP on first\r\n%T NO no\r\n" }, FM_SECURITY_PLAIN_LOOPBACK, FM_ERROR_AUTH,
                 "Switch IMAP on", TRUE);
}

static void
upgrades (void **state)
{
  FOR_EACH_DELIVERY
  {
    Door door = { "* OK hi\r\n", "* CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED\r\n%T OK\r\n", "%T OK go\r\n",
                  fm_fake_server_ca_issue (ca, "localhost", -DAY_S, DAY_S) };
    FmFakeServer *fake = fm_fake_server_start (run_door, &door, delivery);
    g_autoptr (GError) error = NULL;
    FmImapSession *session = open_at (fake, FM_SECURITY_STARTTLS, NULL, &error);
    if (session == NULL)
      fail_msg ("%s", error->message);
    assert_true (fm_stream_is_encrypted (fm_imap_session_stream (session)));
    assert_true (fm_imap_session_has (session, FM_IMAP_CAP_IDLE));
    assert_false (fm_imap_session_has (session, FM_IMAP_CAP_STARTTLS)); /* what was said in clear counts for nothing */
    fm_imap_session_free (session);
    g_free (fm_fake_server_stop (fake));
  }
}

static void
trigger_soon (gpointer data)
{
  g_usleep (30 * 1000); /* the time for the other thread to fall asleep: it need not, the result is the same */
  fm_cancel_trigger (data);
}

static void
cancels_in_every_phase (void **state)
{
  static const char *const phases[] = { "", "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\r\n" };
  Script mute_idle = { "IDLE", { "+ idling\r\n" }, TRUE };
  Script mute_body = { "IDLE", { "* 1 FETCH (UID 1 BODY[] {100}\r\nabc" }, TRUE };

  for (gsize i = 0; i < G_N_ELEMENTS (phases); i++)
    {
      FmFakeServer *fake = fm_fake_server_start (run_door, &(Door){ phases[i] }, FM_FAKE_WHOLE);
      g_autoptr (FmCancel) cancel = fm_cancel_new ();
      g_autoptr (GError) error = NULL;
      FmThread *thread = fm_thread_start ("canceller", trigger_soon, cancel);
      assert_null (open_at (fake, FM_SECURITY_PLAIN_LOOPBACK, cancel, &error));
      fm_thread_join (thread);
      assert_error (error, FM_ERROR_CANCELLED, "");
      g_free (fm_fake_server_stop (fake));
    }
  for (int i = 0; i < 2; i++)
    {
      FmFakeServer *fake = fm_fake_server_start (run_script, i == 0 ? &mute_idle : &mute_body, FM_FAKE_WHOLE);
      g_autoptr (FmCancel) cancel = fm_cancel_new ();
      g_autoptr (GError) error = NULL;
      g_autoptr (FmSink) sink = fm_sink_new_memory (1000);
      FmImapIdleEnd end;
      FmImapSession *session = open_at (fake, FM_SECURITY_PLAIN_LOOPBACK, cancel, NULL);
      FmThread *thread = fm_thread_start ("canceller", trigger_soon, cancel);
      if (i == 0)
        assert_false (fm_imap_idle_wait (session, -1, G_MAXINT64, &end, &error));
      else
        assert_false (fm_imap_session_fetch_body (session, 1, sink, NULL, NULL, &error));
      fm_thread_join (thread);
      assert_error (error, FM_ERROR_CANCELLED, "");
      fm_imap_session_free (session); /* never LOGOUT, never blocks (trap 11) */
      g_free (fm_fake_server_stop (fake));
    }
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (visits_in_few_turns),
    cmocka_unit_test (lists_as_the_server_can),
    cmocka_unit_test (fetches_what_servers_make_of_it),
    cmocka_unit_test (tells_what_has_landed),
    cmocka_unit_test (asks_for_no_uid_zero),
    cmocka_unit_test (bounds_what_it_reads),
    cmocka_unit_test (streams_bodies),
    cmocka_unit_test (streams_bodies_together),
    cmocka_unit_test (searches),
    cmocka_unit_test (changes_things),
    cmocka_unit_test (appends),
    cmocka_unit_test (idles),
    cmocka_unit_test (guards_the_password),
    cmocka_unit_test (tells_refusals_apart),
    cmocka_unit_test (upgrades),
    cmocka_unit_test (cancels_in_every_phase),
  };
  ca = fm_fake_server_ca_new ();
  told = g_string_new (NULL);
  int failures = cmocka_run_group_tests (tests, NULL, NULL);
  g_string_free (told, TRUE);
  fm_fake_server_ca_free (ca);
  return failures;
}

/* What a POP3 server may do to us: end anywhere, lie in its lists, send NULs and endless lines, inject before TLS. R13 begins here: a broken list is no
 * list, and QUIT is never sent but when asked. */
#include "fake-server.h"
#include <fulmar/base/error.h>
#include <fulmar/net/pop-session.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct {
  const char *caps, *pass, *stat, *list, *uidl, *quit;
  const char *retr;
  gsize retr_bytes;
  gint64 budget;
} Script;

static gboolean
say (FmFakePeer *peer, Script *script, const char *text, gsize size)
{
  gsize n = script->budget >= 0 && (gint64) size > script->budget ? (gsize) script->budget : size;
  if (script->budget >= 0)
    script->budget -= (gint64) n;
  return fm_fake_server_send_bytes (peer, text, n) && n == size;
}

#define OR(text, usual) ((text) != NULL ? (text) : (usual))

static const char *
reply_to (const Script *script, const char *line)
{
  if (g_str_equal (line, "CAPA"))
    return OR (script->caps, "+OK\r\nTOP\r\nUIDL\r\nPIPELINING\r\n.\r\n");
  if (g_str_has_prefix (line, "PASS"))
    return OR (script->pass, "+OK in\r\n");
  if (g_str_equal (line, "STAT"))
    return OR (script->stat, "+OK 2 300\r\n");
  if (g_str_equal (line, "LIST"))
    return OR (script->list, "+OK\r\n1 100\r\n2 200\r\n.\r\n");
  if (g_str_equal (line, "UIDL"))
    return OR (script->uidl, "+OK\r\n1  aaa \r\n2 bbb\r\n.\r\n");
  if (g_str_equal (line, "QUIT"))
    return OR (script->quit, "+OK bye\r\n");
  return "+OK\r\n";
}

static void
serve (FmFakePeer *peer, gpointer data)
{
  Script *script = data;
  if (!say (peer, script, "+OK ready\r\n", 11))
    return;
  for (;;)
    {
      g_autofree char *line = fm_fake_server_receive (peer);
      if (line == NULL)
        return;
      const char *reply = reply_to (script, line);
      gboolean retr = g_str_has_prefix (line, "RETR") && script->retr != NULL;
      if (!say (peer, script, retr ? script->retr : reply,
                retr ? (script->retr_bytes != 0 ? script->retr_bytes : strlen (script->retr)) : strlen (reply)))
        return;
    }
}

static FmPopSession *
open_as (FmFakeServer *fake, const char *user, const char *password, GError **error)
{
  g_autoptr (FmSecret) secret = fm_secret_new (password, -1);
  FmServer server = { .host = "127.0.0.1", .port = fm_fake_server_port (fake), .security = FM_SECURITY_PLAIN_LOOPBACK };
  FmCredentials credentials = { .user = user, .secret = secret };
  FmPopOptions options = { .server = &server, .credentials = &credentials, .timeout_ms = 5000, .connect_timeout_ms = 5000 };
  return fm_pop_session_open (&options, NULL, error);
}

static FmPopSession *
open_session (FmFakeServer *fake, GError **error)
{
  return open_as (fake, "me", "pw", error);
}

typedef struct {
  GBytes *bytes;
  guint n;
} Got;

static FmSink *
begin (gpointer data, guint32 number, GError **error)
{
  return fm_sink_new_memory (64 * 1024 * 1024);
}

static gboolean
end (gpointer data, guint32 number, FmSink *sink, const GError *refused, GError **error)
{
  Got *got = data;
  got->n++;
  if (sink != NULL && fm_sink_commit (sink, error))
    {
      g_clear_pointer (&got->bytes, g_bytes_unref);
      got->bytes = fm_sink_memory_steal (sink);
    }
  fm_sink_free (sink);
  return TRUE;
}

static const FmPopTaker taker = { begin, end };

/* One session to the given depth; the first error, or NULL. */
static GError *
converse (Script *script, FmFakeDelivery delivery, Got *got, char **ret_transcript)
{
  FmFakeServer *fake = fm_fake_server_start (serve, script, delivery);
  GError *error = NULL;
  guint32 number = 1;
  FmPopSession *session = open_session (fake, &error);
  g_autoptr (GPtrArray) entries = session == NULL ? NULL : fm_pop_session_list (session, &error);
  gboolean ok = entries != NULL && fm_pop_session_fetch (session, &number, 1, FALSE, &taker, got, &error)
                && fm_pop_session_delete (session, &number, 1, NULL, &error) && fm_pop_session_quit (session, &error);
  assert_true (ok == (error == NULL));
  fm_pop_session_free (session);
  char *transcript = fm_fake_server_stop (fake);
  if (ret_transcript != NULL)
    *ret_transcript = transcript;
  else
    g_free (transcript);
  return error;
}

static void
test_broken_lists (void **state)
{
  static const struct {
    Script script;
    int code;
  } cases[] = {
    { { .list = "+OK\r\n1 100\r\n.\r\n" }, FM_ERROR_PROTOCOL },
    { { .list = "+OK\r\n1 100\r\n1 100\r\n.\r\n" }, FM_ERROR_PROTOCOL },
    { { .list = "+OK\r\n2 100\r\n1 100\r\n.\r\n" }, FM_ERROR_PROTOCOL },
    { { .list = "+OK\r\n0 100\r\n1 100\r\n.\r\n" }, FM_ERROR_PROTOCOL },
    { { .list = "+OK\r\n1 99999999999999999999999\r\n2 1\r\n.\r\n" }, FM_ERROR_PROTOCOL },
    { { .list = "+OK\r\n99999999999 1\r\n2 1\r\n.\r\n" }, FM_ERROR_PROTOCOL },
    { { .list = "+OK\r\nhello\r\n.\r\n" }, FM_ERROR_PROTOCOL },
    { { .list = "-ERR [SYS/TEMP] later\r\n" }, FM_ERROR_REFUSED },
    { { .uidl = "+OK\r\n1 aaa\r\n3 bbb\r\n.\r\n" }, FM_ERROR_PROTOCOL },
    { { .uidl = "+OK\r\n1 aaa\r\n1 bbb\r\n.\r\n" }, FM_ERROR_PROTOCOL },
    { { .uidl = "+OK\r\n0 aaa\r\n1 bbb\r\n2 ccc\r\n.\r\n" }, FM_ERROR_PROTOCOL },
    { { .stat = "+OK lots\r\n" }, FM_ERROR_PROTOCOL },
    { { .stat = "* OK\r\n" }, FM_ERROR_PROTOCOL },
    { { .pass = "-ERR [AUTH] wrong\r\n" }, FM_ERROR_AUTH },
    { { .pass = "-ERR wrong\r\n" }, FM_ERROR_AUTH },
    { { .pass = "-ERR [IN-USE] busy\r\n" }, FM_ERROR_REFUSED },
    { { .pass = "-ERR [LOGIN-DELAY] slowly\r\n" }, FM_ERROR_REFUSED },
    { { .pass = "-ERR [SYS/PERM] broken\r\n" }, FM_ERROR_REFUSED },
    { { .pass = "-ERR odd\r\n", .caps = "+OK\r\nUIDL\r\nAUTH-RESP-CODE\r\n.\r\n" }, FM_ERROR_REFUSED },
    { { .quit = "-ERR some deleted messages not removed\r\n", .retr = "+OK\r\nx\r\n.\r\n" }, FM_ERROR_REFUSED },
  };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      Script script = cases[i].script;
      Got got = { 0 };
      script.budget = -1;
      g_autoptr (GError) error = converse (&script, FM_FAKE_WHOLE, &got, NULL);
      if (error == NULL || error->code != cases[i].code)
        fail_msg ("case %u: %s", i, error == NULL ? "no error" : error->message);
      g_clear_pointer (&got.bytes, g_bytes_unref);
    }
}

static void
test_uidls (void **state)
{
  g_autofree char *longest = g_strnfill (300, 'u');
  g_autofree char *uidl = g_strdup_printf ("+OK\r\n1   %s  \r\n2 bbb\r\n3 same\r\n4 same\r\n5\r\n.\r\n", longest);
  Script script = { .budget = -1, .stat = "+OK 5 5\r\n", .list = "+OK\r\n1 1\r\n2 1 extra\r\n3 1\r\n4 1\r\n5 1\r\n.\r\n", .uidl = uidl };
  FmFakeServer *fake = fm_fake_server_start (serve, &script, FM_FAKE_WHOLE);
  g_autoptr (FmPopSession) session = open_session (fake, NULL);
  g_autoptr (GPtrArray) entries = fm_pop_session_list (session, NULL);
  assert_non_null (entries);
  assert_string_equal (((FmPopEntry *) entries->pdata[0])->uidl, longest);
  assert_string_equal (((FmPopEntry *) entries->pdata[1])->uidl, "bbb");
  for (guint i = 2; i < 5; i++)
    assert_null (((FmPopEntry *) entries->pdata[i])->uidl);
  g_free (fm_fake_server_stop (fake));
}

static void
test_long_lines_and_nuls (void **state)
{
  gsize size = 10 * 1024 * 1024;
  GString *retr = g_string_new ("+OK\r\n..a\r\n.b");
  g_string_append_len (retr, "\0c\r.\n", 5);
  g_string_set_size (retr, retr->len + size);
  memset (retr->str + retr->len - size, 'x', size);
  g_string_append (retr, "\r\n.\rd\r\n.\r\n");
  Script script = { .budget = -1, .retr = retr->str, .retr_bytes = retr->len };
  Got got = { 0 };
  g_autoptr (GError) error = converse (&script, FM_FAKE_WHOLE, &got, NULL);
  assert_null (error);
  gsize length;
  const char *bytes = g_bytes_get_data (got.bytes, &length);
  static const char start[] = ".a\r\nb\0c\r.\nxx", finish[] = "xx\r\n\rd\r\n";
  assert_true (length == size + 10 + 6);
  assert_memory_equal (bytes, start, sizeof start - 1);
  assert_memory_equal (bytes + length - (sizeof finish - 1), finish, sizeof finish - 1);
  g_bytes_unref (got.bytes);
  g_string_free (retr, TRUE);
  /* The same where a line must be a line: bounded. */
  g_autofree char *endless = g_strnfill (10 * 1024 * 1024, 'y');
  Script lists = { .budget = -1, .uidl = endless };
  Got none = { 0 };
  g_autoptr (GError) limit = converse (&lists, FM_FAKE_WHOLE, &none, NULL);
  assert_int_equal (limit->code, FM_ERROR_LIMIT);
}

/* Cut after every byte, in every delivery: an error each time, no half message, and QUIT only when all went well. */
static void
test_cut_everywhere (void **state)
{
  gboolean whole = FALSE;
  for (gint64 budget = 0; !whole && budget < 1000; budget++)
    {
      Script script = { .budget = budget, .retr = "+OK\r\nSubject: x\r\n\r\n..\r\nbody\r\n.\r\n" };
      Got got = { 0 };
      g_autofree char *transcript = NULL;
      g_autoptr (GError) error = converse (&script, (FmFakeDelivery) (budget % 3), &got, &transcript);
      whole = error == NULL;
      if (got.bytes != NULL)
        assert_memory_equal (g_bytes_get_data (got.bytes, NULL), "Subject: x\r\n\r\n.\r\nbody\r\n", 23);
      if (got.bytes == NULL)
        assert_null (strstr (transcript, "DELE"));
      g_clear_pointer (&got.bytes, g_bytes_unref);
    }
  assert_true (whole);
}

static void
test_free_never_quits (void **state)
{
  Script script = { .budget = -1 };
  FmFakeServer *fake = fm_fake_server_start (serve, &script, FM_FAKE_WHOLE);
  guint32 number = 1;
  gboolean done = FALSE;
  FmPopSession *session = open_session (fake, NULL);
  assert_true (fm_pop_session_delete (session, &number, 1, &done, NULL) && done);
  fm_pop_session_free (session);
  g_autofree char *transcript = fm_fake_server_stop (fake);
  assert_non_null (strstr (transcript, "DELE 1"));
  assert_null (strstr (transcript, "QUIT"));
}

/* A name or a password that would be two commands is none. */
static void
test_line_breaks_at_the_door (void **state)
{
  static const char *const evil[] = { "x\r\nDELE 1", "x\nDELE 1", "x\rDELE 1" };
  for (guint i = 0; i < 2 * G_N_ELEMENTS (evil); i++)
    {
      Script script = { .budget = -1 };
      FmFakeServer *fake = fm_fake_server_start (serve, &script, FM_FAKE_WHOLE);
      g_autoptr (GError) error = NULL;
      assert_null (open_as (fake, i % 2 == 0 ? evil[i / 2] : "me", i % 2 == 0 ? "pw" : evil[i / 2], &error));
      assert_int_equal (error->code, FM_ERROR_INVALID);
      g_autofree char *transcript = fm_fake_server_stop (fake);
      assert_null (strstr (transcript, "DELE"));
    }
}

#define BODY_LINES (30u * 1024 * 16) /* of 64 bytes */

static void
serve_much (FmFakePeer *peer, gpointer data)
{
  fm_fake_server_send (peer, "+OK ready\r\n");
  for (;;)
    {
      g_autofree char *line = fm_fake_server_receive (peer);
      if (line == NULL)
        return;
      if (!g_str_has_prefix (line, "RETR"))
        {
          fm_fake_server_send (peer, g_str_equal (line, "CAPA") ? "-ERR what\r\n" : "+OK\r\n");
          continue;
        }
      g_autofree char *filler = g_strnfill (62, 'x');
      g_autoptr (GString) block = g_string_new (NULL);
      for (guint i = 0; i < 256; i++)
        g_string_append_printf (block, "%s\r\n", filler);
      fm_fake_server_send (peer, "+OK\r\n");
      for (guint i = 0; i < BODY_LINES; i += 256)
        fm_fake_server_send_bytes (peer, block->str, block->len);
      fm_fake_server_send (peer, ".\r\n");
    }
}

static guint64
resident_kb (void)
{
  g_autofree char *text = NULL;
  assert_true (g_file_get_contents ("/proc/self/statm", &text, NULL, NULL));
  return g_ascii_strtoull (strchr (text, ' ') + 1, NULL, 10) * (guint64) (sysconf (_SC_PAGESIZE) / 1024);
}

/* Counts what it gets, and the most memory the process had meanwhile. */
typedef struct {
  FmSink base;
  guint64 size_bytes, most_kb;
} CountingSink;

static gboolean
count_write (FmSink *sink, const void *bytes, gsize size, GError **error)
{
  CountingSink *self = (CountingSink *) sink;
  if (self->size_bytes / (1024 * 1024) != (self->size_bytes + size) / (1024 * 1024))
    self->most_kb = MAX (self->most_kb, resident_kb ());
  self->size_bytes += size;
  return TRUE;
}

static void
count_end (FmSink *sink)
{
}

static FmSink *
begin_count (gpointer data, guint32 number, GError **error)
{
  return data;
}

static gboolean
end_count (gpointer data, guint32 number, FmSink *sink, const GError *refused, GError **error)
{
  return sink == data;
}

static void
test_big_message_in_little_memory (void **state)
{
  static const FmSinkClass counting = { .write = count_write, .abort = count_end, .free = count_end };
  static const FmPopTaker counter = { begin_count, end_count };
  CountingSink sink = { .base = { &counting } };
  FmFakeServer *fake = fm_fake_server_start (serve_much, NULL, FM_FAKE_WHOLE);
  g_autoptr (FmPopSession) session = open_session (fake, NULL);
  guint32 number = 1;
  guint64 before_kb = resident_kb ();
  assert_true (fm_pop_session_fetch (session, &number, 1, FALSE, &counter, &sink, NULL));
  assert_int_equal (sink.size_bytes, (guint64) BODY_LINES * 64);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  assert_true (sink.most_kb < before_kb + 4096);
#else
  assert_true (before_kb > 0);
#endif
  g_free (fm_fake_server_stop (fake));
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_broken_lists),
    cmocka_unit_test (test_uidls),
    cmocka_unit_test (test_long_lines_and_nuls),
    cmocka_unit_test (test_cut_everywhere),
    cmocka_unit_test (test_free_never_quits),
    cmocka_unit_test (test_line_breaks_at_the_door),
    cmocka_unit_test (test_big_message_in_little_memory),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}

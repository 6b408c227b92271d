/* Streams against servers that lie, hang and hang up. */
#include "fake-server.h"
#include <fulmar/base/clock.h>
#include <fulmar/base/error.h>
#include <fulmar/net/stream.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#define DAY_S 86400

static FmFakeCa *ca;

typedef struct {
  gnutls_certificate_credentials_t credentials;
  const char *greeting; /* sent after TLS, or in clear without credentials */
  gboolean hangs_up;
  gint n_resumed;
  char asked_name[64]; /* what the last client named in its handshake */
} Script;

static void
run_script (FmFakePeer *peer, gpointer data)
{
  Script *script = data;
  if (script->credentials != NULL && !fm_fake_server_start_tls (peer, script->credentials))
    return;
  if (script->credentials != NULL && fm_fake_server_was_resumed (peer))
    g_atomic_int_inc (&script->n_resumed);
  if (script->credentials != NULL)
    {
      g_autofree char *name = fm_fake_server_asked_name (peer);
      g_strlcpy (script->asked_name, name != NULL ? name : "(none)", sizeof script->asked_name);
    }
  if (script->greeting != NULL)
    fm_fake_server_send (peer, script->greeting);
  if (!script->hangs_up)
    fm_fake_server_wait_end (peer);
}

static FmServer
server_at (FmFakeServer *fake, const char *host, FmSecurity security)
{
  return (FmServer){ host, fm_fake_server_port (fake), security,
                     security == FM_SECURITY_PLAIN_LOOPBACK ? NULL : fm_fake_server_ca_file (ca), NULL };
}

static void
assert_error (GError *error, int code, const char *words)
{
  assert_non_null (error);
  if (error->domain != FM_ERROR || (int) error->code != code || strstr (error->message, words) == NULL)
    fail_msg ("expected %s with \"%s\", got %s: %s", fm_error_code_name (code), words, fm_error_code_name (error->code), error->message);
}

static void
reads_lines (void **state)
{
  for (FmFakeDelivery delivery = FM_FAKE_WHOLE; delivery <= FM_FAKE_SPLIT; delivery++)
    for (int with_tls = 0; with_tls < 2; with_tls++)
      {
        Script script
            = { with_tls ? fm_fake_server_ca_issue (ca, "localhost", -DAY_S, DAY_S) : NULL, "one\r\ntwo\n\r\n12345six\r\n", TRUE };
        FmFakeServer *fake = fm_fake_server_start (run_script, &script, delivery);
        FmServer server = server_at (fake, "localhost", with_tls ? FM_SECURITY_TLS : FM_SECURITY_PLAIN_LOOPBACK);
        g_autoptr (GError) error = NULL;
        g_autoptr (FmStream) stream = fm_stream_connect (&server, NULL, fm_clock_deadline_us (60000), &error);
        const char *line;
        gsize length;
        char five[5];
        if (stream == NULL)
          fail_msg ("%s", error->message);
        assert_int_equal (fm_stream_is_encrypted (stream), with_tls);
        assert_true (fm_stream_is_private (stream));
        assert_true (fm_stream_read_line (stream, 100, &line, &length, NULL) && length == 3 && memcmp (line, "one", 3) == 0);
        assert_true (fm_stream_read_line (stream, 100, &line, &length, NULL) && length == 3 && memcmp (line, "two", 3) == 0);
        assert_true (fm_stream_read_line (stream, 100, &line, &length, NULL) && length == 0);
        assert_true (fm_stream_read_exactly (stream, five, 5, NULL) && memcmp (five, "12345", 5) == 0);
        assert_true (fm_stream_read_line (stream, 100, &line, &length, NULL) && length == 3 && memcmp (line, "six", 3) == 0);
        /* The end is an error, again and again (trap 3). */
        for (int i = 0; i < 3; i++)
          {
            g_clear_error (&error);
            assert_false (fm_stream_read_line (stream, 100, &line, &length, &error));
            assert_error (error, FM_ERROR_OFFLINE, "closed the connection");
          }
        g_free (fm_fake_server_stop (fake));
      }
}

static void
bounds_lines (void **state)
{
  g_autofree char *noise = g_strnfill (100000, 'x');
  Script script = { NULL, noise };
  FmFakeServer *fake = fm_fake_server_start (run_script, &script, FM_FAKE_WHOLE);
  FmServer server = server_at (fake, "127.0.0.1", FM_SECURITY_PLAIN_LOOPBACK);
  g_autoptr (GError) error = NULL;
  g_autoptr (FmStream) stream = fm_stream_connect (&server, NULL, fm_clock_deadline_us (60000), NULL);
  const char *line;
  gsize length;

  assert_false (fm_stream_read_line (stream, 1000, &line, &length, &error));
  assert_error (error, FM_ERROR_LIMIT, "1000");
  g_free (fm_fake_server_stop (fake));
}

static void
expect_distrust (Script *script, const char *host, const char *ca_file, const char *pin, const char *words)
{
  FmFakeServer *fake = fm_fake_server_start (run_script, script, FM_FAKE_WHOLE);
  FmServer server = { host, fm_fake_server_port (fake), FM_SECURITY_TLS, ca_file, pin };
  g_autoptr (GError) error = NULL;
  g_autoptr (FmStream) stream = fm_stream_connect (&server, NULL, fm_clock_deadline_us (60000), &error);

  assert_null (stream);
  assert_error (error, FM_ERROR_TLS, words);
  g_autofree char *transcript = fm_fake_server_stop (fake);
  assert_true (*transcript == 0 || *transcript == 0x16); /* nothing, or our first handshake message to one who reads no TLS */
}

static void
distrusts (void **state)
{
  const char *ca_file = fm_fake_server_ca_file (ca);
  FmFakeCa *other = fm_fake_server_ca_new ();
  Script good = { fm_fake_server_ca_issue (ca, "localhost", -DAY_S, DAY_S) };
  Script other_name = { fm_fake_server_ca_issue (ca, "elsewhere.example", -DAY_S, DAY_S) };
  Script expired = { fm_fake_server_ca_issue (ca, "localhost", -2 * DAY_S, -DAY_S) };
  Script early = { fm_fake_server_ca_issue (ca, "localhost", DAY_S, 2 * DAY_S) };
  Script plain = { NULL, "* OK IMAP4rev1 ready\r\n" };
  char pin[65];

  expect_distrust (&other_name, "localhost", ca_file, NULL, "another name (elsewhere.example)");
  expect_distrust (&good, "127.0.0.1", ca_file, NULL, "another name");
  expect_distrust (&good, "localhost", fm_fake_server_ca_file (other), NULL, "does not know");
  expect_distrust (&good, "localhost", NULL, NULL, "tls_ca");
  expect_distrust (&expired, "localhost", ca_file, NULL, "expired");
  expect_distrust (&early, "localhost", ca_file, NULL, "clock");
  expect_distrust (&plain, "localhost", ca_file, NULL, "does not speak TLS");
  memset (pin, 'a', 64);
  pin[64] = '\0';
  expect_distrust (&good, "localhost", NULL, pin, "another certificate than the pinned one");
  expect_distrust (&good, "localhost", NULL, "abc", "not a SHA-256");
  fm_fake_server_ca_free (other);
}

/* A whole visit: the ticket comes after the handshake, with the first words. */
static void
visit (const FmServer *server)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (FmStream) stream = fm_stream_connect (server, NULL, fm_clock_deadline_us (60000), &error);
  const char *line;
  gsize length;

  if (stream == NULL)
    fail_msg ("%s", error->message);
  assert_true (fm_stream_read_line (stream, 100, &line, &length, NULL));
}

static void
trusts_a_pin_and_resumes (void **state)
{
  Script script = { fm_fake_server_ca_issue (ca, "elsewhere.example", -2 * DAY_S, -DAY_S), "hello\r\n" };
  FmFakeServer *fake = fm_fake_server_start (run_script, &script, FM_FAKE_WHOLE);
  FmServer server = { "localhost", fm_fake_server_port (fake), FM_SECURITY_TLS, NULL, fm_fake_server_ca_pin (ca) };
  FmServer by_ca = server_at (fake, "localhost", FM_SECURITY_TLS);
  g_autoptr (GError) error = NULL;

  visit (&server);
  visit (&server);
  /* What a pin has opened opens nothing to whoever trusts by the authority: name and date are looked at again. */
  assert_null (fm_stream_connect (&by_ca, NULL, fm_clock_deadline_us (60000), &error));
  assert_error (error, FM_ERROR_TLS, "can't trust");
  g_free (fm_fake_server_stop (fake));
  assert_int_equal (script.n_resumed, 1);
}

static void
trusts_an_authority_and_resumes (void **state)
{
  Script script = { fm_fake_server_ca_issue (ca, "localhost", -DAY_S, DAY_S), "hello\r\n" };
  FmFakeServer *fake = fm_fake_server_start (run_script, &script, FM_FAKE_WHOLE);
  FmServer server = server_at (fake, "localhost", FM_SECURITY_TLS);

  for (int i = 0; i < 3; i++)
    visit (&server);
  g_free (fm_fake_server_stop (fake));
  assert_int_equal (script.n_resumed, 2);
  assert_string_equal (script.asked_name, "localhost");
}

static void
names_no_address (void **state)
{
  Script script = { fm_fake_server_ca_issue (ca, "127.0.0.1", -DAY_S, DAY_S), "hello\r\n" };
  FmFakeServer *fake = fm_fake_server_start (run_script, &script, FM_FAKE_WHOLE);
  FmServer server = server_at (fake, "127.0.0.1", FM_SECURITY_TLS);

  visit (&server);
  g_free (fm_fake_server_stop (fake));
  assert_string_equal (script.asked_name, "(none)"); /* RFC 6066, 3: a name is no address */
}

static void
refuses_clear_text_to_others (void **state)
{
  FmServer server = { "192.0.2.1", 143, FM_SECURITY_PLAIN_LOOPBACK };
  g_autoptr (GError) error = NULL;

  assert_null (fm_stream_connect (&server, NULL, fm_clock_deadline_us (60000), &error));
  assert_error (error, FM_ERROR_TLS, "imaps://");
}

static void
keeps_deadlines (void **state)
{
  Script silent = { NULL };
  FmFakeServer *fake = fm_fake_server_start (run_script, &silent, FM_FAKE_WHOLE);
  FmServer server = server_at (fake, "127.0.0.1", FM_SECURITY_PLAIN_LOOPBACK);
  g_autoptr (FmStream) stream = fm_stream_connect (&server, NULL, fm_clock_deadline_us (60000), NULL);
  g_autoptr (GError) error = NULL;
  const char *line;
  gsize length;

  fm_stream_set_deadline (stream, fm_clock_deadline_us (30));
  assert_false (fm_stream_read_line (stream, 100, &line, &length, &error));
  assert_error (error, FM_ERROR_TIMEOUT, "in time");
  g_free (fm_fake_server_stop (fake));
}

static void
dribble (FmFakePeer *peer, gpointer data)
{
  for (guint i = 0; i < 1000 && fm_fake_server_send (peer, "x"); i++)
    g_usleep (5000); /* the server's own pace; in the end it hangs up, which is another error */
}

/* A byte now and then moves no deadline (trap 12). */
static void
keeps_deadlines_under_dribble (void **state)
{
  FmFakeServer *fake = fm_fake_server_start (dribble, NULL, FM_FAKE_WHOLE);
  FmServer server = server_at (fake, "127.0.0.1", FM_SECURITY_PLAIN_LOOPBACK);
  g_autoptr (FmStream) stream = fm_stream_connect (&server, NULL, fm_clock_deadline_us (60000), NULL);
  g_autoptr (GError) error = NULL;
  const char *line;
  gsize length;

  fm_stream_set_deadline (stream, fm_clock_deadline_us (100));
  assert_false (fm_stream_read_line (stream, 1024 * 1024, &line, &length, &error));
  assert_error (error, FM_ERROR_TIMEOUT, "in time");
  g_free (fm_fake_server_stop (fake));
}

static void
wait_looks_at_buffers (void **state)
{
  Script script = { fm_fake_server_ca_issue (ca, "localhost", -DAY_S, DAY_S), "one\r\ntwo\r\n" };
  FmFakeServer *fake = fm_fake_server_start (run_script, &script, FM_FAKE_WHOLE);
  FmServer server = server_at (fake, "localhost", FM_SECURITY_TLS);
  g_autoptr (FmStream) stream = fm_stream_connect (&server, NULL, fm_clock_deadline_us (60000), NULL);
  int wake_fd = eventfd (1, EFD_CLOEXEC);
  const char *line;
  gsize length;
  FmStreamWait why;

  assert_true (fm_stream_read_line (stream, 100, &line, &length, NULL));
  assert_true (fm_stream_wait (stream, -1, fm_clock_deadline_us (60000), &why, NULL));
  assert_int_equal (why, FM_STREAM_READABLE); /* "two" lies in our buffer; the socket is silent (trap 4) */
  assert_true (fm_stream_read_line (stream, 100, &line, &length, NULL));
  assert_true (fm_stream_wait (stream, wake_fd, fm_clock_deadline_us (60000), &why, NULL));
  assert_int_equal (why, FM_STREAM_WOKEN);
  assert_true (fm_stream_wait (stream, -1, fm_clock_deadline_us (10), &why, NULL));
  assert_int_equal (why, FM_STREAM_DEADLINE);
  close (wake_fd);
  g_free (fm_fake_server_stop (fake));
}

static void
refuses_injected_words (void **state)
{
  Script script = { NULL, "go ahead\r\ninjected\r\n" };
  FmFakeServer *fake = fm_fake_server_start (run_script, &script, FM_FAKE_WHOLE);
  FmServer server = server_at (fake, "127.0.0.1", FM_SECURITY_STARTTLS);
  g_autoptr (FmStream) stream = fm_stream_connect (&server, NULL, fm_clock_deadline_us (60000), NULL);
  g_autoptr (GError) error = NULL;
  const char *line;
  gsize length;

  assert_false (fm_stream_is_private (stream));
  assert_true (fm_stream_read_line (stream, 100, &line, &length, NULL));
  assert_false (fm_stream_start_tls (stream, &error));
  assert_error (error, FM_ERROR_TLS, "before it was encrypted");
  g_free (fm_fake_server_stop (fake));
}

static void
tells_why_there_is_no_connection (void **state)
{
  FmFakeServer *fake = fm_fake_server_start (run_script, &(Script){ NULL }, FM_FAKE_WHOLE);
  FmServer server = server_at (fake, "127.0.0.1", FM_SECURITY_PLAIN_LOOPBACK);
  g_autoptr (GError) error = NULL;

  g_free (fm_fake_server_stop (fake)); /* now nobody listens there */
  assert_null (fm_stream_connect (&server, NULL, fm_clock_deadline_us (60000), &error));
  assert_error (error, FM_ERROR_OFFLINE, "can't connect to 127.0.0.1");
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (reads_lines),
    cmocka_unit_test (bounds_lines),
    cmocka_unit_test (distrusts),
    cmocka_unit_test (trusts_a_pin_and_resumes),
    cmocka_unit_test (trusts_an_authority_and_resumes),
    cmocka_unit_test (names_no_address),
    cmocka_unit_test (refuses_clear_text_to_others),
    cmocka_unit_test (keeps_deadlines),
    cmocka_unit_test (keeps_deadlines_under_dribble),
    cmocka_unit_test (wait_looks_at_buffers),
    cmocka_unit_test (refuses_injected_words),
    cmocka_unit_test (tells_why_there_is_no_connection),
  };
  ca = fm_fake_server_ca_new ();
  int failures = cmocka_run_group_tests (tests, NULL, NULL);
  fm_fake_server_ca_free (ca);
  return failures;
}

/* R27: after a mail was handed in it is known whether the server has taken it, or it is said that nobody knows. Every class of reply, a cut after every
 * byte the server sends, and what may never be sent. */
#include "fake-server.h"
#include <fulmar/base/error.h>
#include <fulmar/net/smtp-session.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

/* What the server says to each verb; NULL: the usual yes. */
typedef struct {
  const char *greeting, *ehlo, *auth, *mail, *rcpt_bad, *data, *done;
  gint64 budget; /* bytes it says before it hangs up; -1: no end */
  guint taken;   /* mails to whose final dot it has said (or wanted to say) yes */
  guint dots;    /* final dots received */
} Script;

static gboolean
say (FmFakePeer *peer, Script *script, const char *text)
{
  gsize size = strlen (text);
  gsize n = script->budget >= 0 && (gint64) size > script->budget ? (gsize) script->budget : size;
  if (script->budget >= 0)
    script->budget -= (gint64) n;
  return fm_fake_server_send_bytes (peer, text, n) && n == size;
}

static const char *
reply_to (const Script *script, const char *line)
{
  if (g_str_has_prefix (line, "EHLO"))
    return script->ehlo != NULL ? script->ehlo
                                : "250-fake\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SIZE 100000\r\n250 AUTH PLAIN LOGIN\r\n";
  if (g_str_has_prefix (line, "AUTH"))
    return script->auth != NULL ? script->auth : "235 2.7.0 in\r\n";
  if (g_str_has_prefix (line, "MAIL"))
    return script->mail != NULL ? script->mail : "250 2.1.0 ok\r\n";
  if (g_str_has_prefix (line, "RCPT"))
    return script->rcpt_bad != NULL && strstr (line, "bad") != NULL ? script->rcpt_bad : "250 2.1.5 ok\r\n";
  if (g_str_has_prefix (line, "QUIT"))
    return "221 bye\r\n";
  return "250 ok\r\n";
}

static gboolean
take_data (FmFakePeer *peer, Script *script)
{
  const char *answer = script->data != NULL ? script->data : "354 go on\r\n";
  if (!say (peer, script, answer))
    return FALSE;
  if (*answer != '3')
    return TRUE;
  for (;;)
    {
      g_autofree char *line = fm_fake_server_receive (peer);
      if (line == NULL)
        return FALSE;
      if (g_str_equal (line, "."))
        break;
    }
  const char *done = script->done != NULL ? script->done : "250 2.0.0 queued\r\n";
  script->dots++;
  script->taken += *done == '2';
  return say (peer, script, done);
}

static void
serve (FmFakePeer *peer, gpointer data)
{
  Script *script = data;
  if (!say (peer, script, script->greeting != NULL ? script->greeting : "220 fake ESMTP\r\n"))
    return;
  for (;;)
    {
      g_autofree char *line = fm_fake_server_receive (peer);
      if (line == NULL || !(g_str_equal (line, "DATA") ? take_data (peer, script) : say (peer, script, reply_to (script, line))))
        return;
    }
}

typedef struct {
  FmSmtpVerdict verdict;
  GError *error;
  FmSmtpRecipient results[3];
  gboolean opened;
  char *transcript;
} Outcome;

static void
outcome_clear (Outcome *outcome)
{
  g_clear_error (&outcome->error);
  for (guint i = 0; i < 3; i++)
    g_free (outcome->results[i].text);
  g_free (outcome->transcript);
}

static const char *const three[] = { "good@example.org", "bad@example.org", "also@example.org", NULL };
static const char usual[] = "From: a@example.org\nSubject: x\n\n.dot\n..two\nlast";

static Outcome
run (Script *script, const char *const *recipients, const char *message)
{
  Outcome outcome = { .verdict = FM_SMTP_TEMPORARY };
  FmFakeServer *fake = fm_fake_server_start (serve, script, FM_FAKE_WHOLE);
  g_autoptr (FmSecret) secret = fm_secret_new ("pw", -1);
  FmServer server = { .host = "127.0.0.1", .port = fm_fake_server_port (fake), .security = FM_SECURITY_PLAIN_LOOPBACK };
  FmCredentials credentials = { .user = "me", .secret = secret };
  FmSmtpOptions options = { .server = &server, .credentials = &credentials, .timeout_ms = 10000, .connect_timeout_ms = 10000 };
  FmSmtpSession *session = fm_smtp_session_open (&options, NULL, &outcome.error);
  if (session != NULL)
    {
      int fd = memfd_create ("mail", MFD_CLOEXEC);
      assert_true (write (fd, message, strlen (message)) == (ssize_t) strlen (message));
      FmSmtpMail mail = { .sender = "me@example.org", .recipients = recipients, .fd = fd };
      outcome.opened = TRUE;
      outcome.verdict = fm_smtp_session_send (session, &mail, outcome.results, &outcome.error);
      fm_smtp_session_quit (session);
      close (fd);
    }
  outcome.transcript = fm_fake_server_stop (fake);
  return outcome;
}

static void
test_accepted (void **state)
{
  Script script = { .budget = -1 };
  Outcome outcome = run (&script, three, usual);
  assert_int_equal (outcome.verdict, FM_SMTP_ACCEPTED);
  assert_null (outcome.error);
  assert_non_null (strstr (outcome.transcript, "MAIL FROM:<me@example.org> SIZE="));
  assert_non_null (strstr (outcome.transcript, "\r\n\r\n..dot\r\n...two\r\nlast\r\n.\r\n"));
  assert_null (strstr (outcome.transcript, "SMTPUTF8"));
  outcome_clear (&outcome);
}

static void
test_one_recipient_refused (void **state)
{
  Script script = { .budget = -1, .rcpt_bad = "550-5.1.1 no such\r\n550 5.1.1 user\r\n" };
  Outcome outcome = run (&script, three, usual);
  assert_int_equal (outcome.verdict, FM_SMTP_ACCEPTED);
  assert_int_equal (outcome.results[0].verdict, FM_SMTP_ACCEPTED);
  assert_int_equal (outcome.results[1].verdict, FM_SMTP_PERMANENT);
  assert_string_equal (outcome.results[1].text, "550 5.1.1 no such 5.1.1 user");
  assert_int_equal (outcome.results[2].verdict, FM_SMTP_ACCEPTED);
  outcome_clear (&outcome);
}

static void
test_reply_classes (void **state)
{
  static const struct {
    Script script;
    FmSmtpVerdict verdict;
    int code;
  } cases[] = {
    { { .mail = "451 4.3.0 later\r\n" }, FM_SMTP_TEMPORARY, FM_ERROR_REFUSED },
    { { .mail = "550 5.7.1 not you\r\n" }, FM_SMTP_PERMANENT, FM_ERROR_REFUSED },
    { { .data = "452 4.3.1 full\r\n" }, FM_SMTP_TEMPORARY, FM_ERROR_REFUSED },
    { { .data = "554 5.5.1 no\r\n" }, FM_SMTP_PERMANENT, FM_ERROR_REFUSED },
    { { .done = "451 4.7.1 greylisted\r\n" }, FM_SMTP_TEMPORARY, FM_ERROR_REFUSED },
    { { .done = "554 5.7.1 spam\r\n" }, FM_SMTP_PERMANENT, FM_ERROR_REFUSED },
    { { .done = "nonsense\r\n" }, FM_SMTP_UNKNOWN, FM_ERROR_PROTOCOL },
    { { .mail = "nonsense\r\n" }, FM_SMTP_TEMPORARY, FM_ERROR_PROTOCOL },
    { { .mail = "421 4.3.2 going down\r\n" }, FM_SMTP_TEMPORARY, FM_ERROR_REFUSED },
    { { .ehlo = "250-fake\r\n250-SIZE 20\r\n250-8BITMIME\r\n250 AUTH PLAIN\r\n" }, FM_SMTP_PERMANENT, FM_ERROR_LIMIT },
  };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      Script script = cases[i].script;
      script.budget = -1;
      Outcome outcome = run (&script, three, usual);
      if (outcome.verdict != cases[i].verdict || outcome.error == NULL || outcome.error->code != cases[i].code)
        fail_msg ("case %u: verdict %d, %s", i, outcome.verdict, outcome.error == NULL ? "no error" : outcome.error->message);
      for (guint r = 0; r < 3; r++)
        assert_int_equal (outcome.results[r].verdict, outcome.verdict);
      outcome_clear (&outcome);
    }
}

static void
test_door (void **state)
{
  static const struct {
    Script script;
    int code;
  } cases[] = {
    { { .greeting = "554 go away\r\n" }, FM_ERROR_REFUSED },        { { .greeting = "421 busy\r\n" }, FM_ERROR_REFUSED },
    { { .greeting = "* OK IMAP\r\n" }, FM_ERROR_PROTOCOL },         { { .auth = "535 5.7.8 wrong\r\n" }, FM_ERROR_AUTH },
    { { .auth = "454 4.7.0 try later\r\n" }, FM_ERROR_REFUSED },    { { .ehlo = "250-fake\r\n250 AUTH GSSAPI\r\n" }, FM_ERROR_AUTH },
    { { .ehlo = "250-fake\r\n251 mixed\r\n" }, FM_ERROR_PROTOCOL },
  };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      Script script = cases[i].script;
      script.budget = -1;
      Outcome outcome = run (&script, three, usual);
      if (outcome.opened || outcome.error == NULL || outcome.error->code != cases[i].code)
        fail_msg ("case %u: %s", i, outcome.error == NULL ? "no error" : outcome.error->message);
      outcome_clear (&outcome);
    }
}

/* Nothing of these reaches the server: an address can't carry a command. */
static void
test_injection (void **state)
{
  static const char *const bad[] = { "a@b>\r\nDATA", "a\nb@c", "a@b> <c@d", "", "a b@c", "\"open@c" };
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      Script script = { .budget = -1 };
      const char *const recipients[] = { bad[i], NULL };
      Outcome outcome = run (&script, recipients, usual);
      assert_int_equal (outcome.verdict, FM_SMTP_PERMANENT);
      assert_int_equal (outcome.error->code, FM_ERROR_INVALID);
      assert_null (strstr (outcome.transcript, "MAIL"));
      outcome_clear (&outcome);
    }
}

static void
test_eight_bits_and_utf8 (void **state)
{
  const char *const plain[] = { "a@example.org", NULL },
                    *const idn[] = { "a@b\xc3\xbc"
                                     "cher.example",
                                     NULL },
                    *const local[] = { "\xc3\xbc@example.org", NULL };
  Script script = { .budget = -1 };
  Outcome outcome = run (&script, plain,
                         "Subject: x\n\nb\xc3\xbc"
                         "cher\n");
  assert_int_equal (outcome.verdict, FM_SMTP_ACCEPTED);
  assert_non_null (strstr (outcome.transcript, "BODY=8BITMIME"));
  outcome_clear (&outcome);
  outcome = run (&script, idn, usual);
  assert_int_equal (outcome.verdict, FM_SMTP_ACCEPTED);
  assert_non_null (strstr (outcome.transcript, "<a@xn--bcher-kva.example>"));
  outcome_clear (&outcome);
  outcome = run (&script, local, usual);
  assert_int_equal (outcome.verdict, FM_SMTP_PERMANENT);
  assert_non_null (strstr (outcome.error->message, "SMTPUTF8"));
  outcome_clear (&outcome);
  script.ehlo = "250-fake\r\n250-SMTPUTF8\r\n250-8BITMIME\r\n250 AUTH PLAIN\r\n";
  outcome = run (&script, local, usual);
  assert_int_equal (outcome.verdict, FM_SMTP_ACCEPTED);
  assert_non_null (strstr (outcome.transcript, " SMTPUTF8\r\n"));
  outcome_clear (&outcome);
  script.ehlo = "250-fake\r\n250 AUTH PLAIN\r\n";
  outcome = run (&script, plain,
                 "Subject: x\n\nb\xc3\xbc"
                 "cher\n");
  assert_int_equal (outcome.verdict, FM_SMTP_PERMANENT);
  outcome_clear (&outcome);
}

/* A bare CR or LF in the file never reaches the wire, so no dot can be smuggled between two servers' ideas of a line. */
static void
test_line_ends (void **state)
{
  const char *const plain[] = { "a@example.org", NULL };
  Script script = { .budget = -1 };
  Outcome outcome = run (&script, plain, "Subject: x\r\n\r\none\n.\ntwo\r.\rthree\r\n.\r\nfour");
  assert_int_equal (outcome.verdict, FM_SMTP_ACCEPTED);
  assert_int_equal (script.dots, 1);
  assert_non_null (strstr (outcome.transcript, "one\r\n..\r\ntwo\r\n..\r\nthree\r\n..\r\nfour\r\n.\r\n"));
  outcome_clear (&outcome);
}

/* Wherever the connection ends: if the server has the final dot, it is never said that the mail was not taken; if it has not, never that it was. */
static void
test_cut_everywhere (void **state)
{
  guint unknown = 0, accepted = 0;
  for (gint64 budget = 0; budget < 400 && accepted == 0; budget++)
    {
      Script script = { .budget = budget };
      Outcome outcome = run (&script, three, usual);
      if (outcome.verdict == FM_SMTP_ACCEPTED)
        accepted++;
      else
        assert_non_null (outcome.error);
      if (script.dots > 0 && outcome.verdict != FM_SMTP_ACCEPTED)
        assert_int_equal (outcome.verdict, FM_SMTP_UNKNOWN);
      if (script.dots == 0)
        assert_int_equal (outcome.verdict, FM_SMTP_TEMPORARY);
      unknown += outcome.verdict == FM_SMTP_UNKNOWN;
      outcome_clear (&outcome);
    }
  assert_int_equal (accepted, 1);
  assert_true (unknown >= 10);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_accepted),      cmocka_unit_test (test_one_recipient_refused),
    cmocka_unit_test (test_reply_classes), cmocka_unit_test (test_door),
    cmocka_unit_test (test_injection),     cmocka_unit_test (test_eight_bits_and_utf8),
    cmocka_unit_test (test_line_ends),     cmocka_unit_test (test_cut_everywhere),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}

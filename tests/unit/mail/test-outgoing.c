/* Messages of other programs made fit to be sent. */
#include <fulmar/base/error.h>
#include <fulmar/mail/outgoing.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static FmOutgoingMessage *
prepare (const char *text, gboolean from_headers, const char *const *addresses, GError **error)
{
  g_autoptr (GBytes) bytes = g_bytes_new_static (text, strlen (text));
  return fm_outgoing_prepare (bytes, from_headers, addresses, "Ada", "ada@example.org", error);
}

static char *
text_of (const FmOutgoingMessage *message)
{
  gsize size;
  const char *text = g_bytes_get_data (fm_outgoing_bytes (message), &size);
  return g_strndup (text, size);
}

static void
what_is_there_stays (void **state)
{
  const char *text = "From: Grace <grace@example.org>\nTo: a@x.org\nSubject: =?utf-8?q?caf=C3=A9?=\n folded\nX-Odd:  two  blanks \n"
                     "Date: Mon, 1 Jan 2024 00:00:00 +0000\nMessage-ID: <1@x>\n\nline\n\nFrom here\n.\n";
  g_autoptr (FmOutgoingMessage) message = prepare (text, FALSE, (const char *[]){ "b@y.org", NULL }, NULL);
  g_autofree char *out = text_of (message);
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  g_autofree char *wanted = g_strjoinv ("\r\n", lines);
  assert_string_equal (out, wanted);
  assert_string_equal (fm_outgoing_sender (message), "grace@example.org");
  assert_string_equal (fm_outgoing_recipients (message)[0], "b@y.org");
  assert_null (fm_outgoing_recipients (message)[1]);
}

static void
what_is_missing_comes (void **state)
{
  g_autoptr (FmOutgoingMessage) message = prepare ("Subject: cron\n\nit ran\n", FALSE, (const char *[]){ "root@example.org", NULL }, NULL);
  g_autofree char *out = text_of (message);
  assert_true (g_str_has_prefix (out, "From: Ada <ada@example.org>\r\n"));
  assert_non_null (strstr (out, "\r\nMessage-ID: <"));
  assert_non_null (strstr (out, "@example.org>\r\n"));
  assert_non_null (strstr (out, "\r\nDate: "));
  assert_true (g_str_has_suffix (out, "\r\n\r\nit ran\r\n"));
  assert_string_equal (fm_outgoing_sender (message), "ada@example.org");
}

static void
bcc_is_obeyed_and_hidden (void **state)
{
  static const char *const spellings[] = { "Bcc: secret@x.org", "BCC:secret@x.org", "Bcc : secret@x.org", "bcc\t:\n secret@x.org" };
  for (guint i = 0; i < G_N_ELEMENTS (spellings); i++)
    {
      g_autofree char *text = g_strdup_printf ("To: a@x.org\n%s\nCc: c@x.org, A@X.org\nResent-Bcc: other@x.org\n\nbody\n", spellings[i]);
      g_autoptr (GError) error = NULL;
      g_autoptr (FmOutgoingMessage) message = prepare (text, TRUE, NULL, &error);
      assert_null (error);
      g_autofree char *out = text_of (message);
      assert_null (strstr (out, "secret"));
      assert_null (strstr (out, "other@"));
      const char *const *to = fm_outgoing_recipients (message);
      assert_true (g_strv_contains (to, "secret@x.org"));
      assert_true (g_strv_contains (to, "a@x.org"));
      assert_true (g_strv_contains (to, "c@x.org"));
      g_autoptr (FmOutgoingMessage) silent = prepare (text, FALSE, (const char *[]){ "b@y.org", NULL }, NULL);
      g_autofree char *other = text_of (silent);
      assert_null (strstr (other, "secret"));
      assert_int_equal (g_strv_length ((char **) fm_outgoing_recipients (silent)), 1);
    }
}

static void
line_ends_become_crlf (void **state)
{
  g_autoptr (FmOutgoingMessage) message
      = prepare ("From old mbox line\r\nTo: a@x.org\r\nSubject: x\n\r\none\r\ntwo\nthree", TRUE, NULL, NULL);
  g_autofree char *out = text_of (message);
  assert_null (strstr (out, "old mbox"));
  assert_true (g_str_has_suffix (out, "\r\n\r\none\r\ntwo\r\nthree\r\n"));
  for (const char *p = out; (p = strchr (p, '\n')) != NULL; p++)
    assert_int_equal (p[-1], '\r');
}

static void
nonsense_is_refused (void **state)
{
  g_autofree char *x = g_strnfill (1000, 'x');
  g_autofree char *long_line = g_strdup_printf ("To: a@x.org\nSubject: %s\n\nbody\n", x);
  const struct {
    const char *text;
    int code;
  } cases[] = {
    { "no header at all\n", FM_ERROR_INVALID },      { ": nameless\n\nx", FM_ERROR_INVALID },
    { " folded: first\n\nx", FM_ERROR_INVALID },     { "To: a@x.org\nSub ject: x\n\nx", FM_ERROR_INVALID },
    { "To: not an address\n\nx", FM_ERROR_INVALID }, { long_line, FM_ERROR_LIMIT },
  };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (FmOutgoingMessage) message = prepare (cases[i].text, TRUE, NULL, &error);
      if (message != NULL)
        fail_msg ("%s was taken", cases[i].text);
      assert_int_equal (error->code, cases[i].code);
    }
}

static void
the_empty_message_is_one (void **state)
{
  g_autoptr (FmOutgoingMessage) message = prepare ("", FALSE, (const char *[]){ "a@x.org", NULL }, NULL);
  g_autofree char *out = text_of (message);
  assert_true (g_str_has_suffix (out, "\r\n\r\n"));
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (what_is_there_stays),   cmocka_unit_test (what_is_missing_comes), cmocka_unit_test (bcc_is_obeyed_and_hidden),
    cmocka_unit_test (line_ends_become_crlf), cmocka_unit_test (nonsense_is_refused),   cmocka_unit_test (the_empty_message_is_one),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}

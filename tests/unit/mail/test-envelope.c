/* Envelopes from header bytes: what lists and threads are built on, fast and from anything. */
#include "fulmar/mail/envelope.h"
#include "test.h"

static FmEnvelope *
parse (const char *header)
{
  return fm_envelope_parse (header, strlen (header));
}

static const char ordinary[] = "Received: from x by y; Fri, 20 Nov 2026 10:00:01 +0100\r\n"
                               "From: =?utf-8?q?J=C3=B6rg?= <j@x.de>\r\n"
                               "To: a@b.c, \"B, C\" <b@c.d>\r\n"
                               "Subject: =?utf-8?b?44GT44KT44Gr?=\r\n =?utf-8?b?44Gh44Gv?= and\r\n\tmore\r\n"
                               "Date: Fri, 20 Nov 2026 10:00:00 +0100\r\n"
                               "Message-ID: <abc@x.de>\r\n"
                               "In-Reply-To: <p2@x.de> (someone's mail)\r\n"
                               "References: <p1@x.de>\r\n <p2@x.de>\r\n"
                               "List-Id: The list <Dev.Example.ORG>\r\n"
                               "List-Post: <mailto:dev@example.org>\r\n"
                               "Content-Type: Multipart/Mixed; boundary=x\r\n"
                               "\r\nSubject: not this\r\n";

static void
an_ordinary_header (void **state)
{
  g_autoptr (FmEnvelope) envelope = parse (ordinary);
  gsize n = 0;
  const char *const *references = fm_envelope_references (envelope, &n);

  assert_string_equal (fm_envelope_subject (envelope), "こんにちは and more");
  assert_string_equal (fm_envelope_display_from (envelope), "Jörg");
  assert_string_equal (fm_envelope_display_to (envelope), "a@b.c, B, C");
  assert_string_equal (fm_envelope_message_id (envelope), "abc@x.de");
  assert_string_equal (fm_envelope_in_reply_to (envelope), "p2@x.de");
  assert_int_equal (n, 2);
  assert_string_equal (references[0], "p1@x.de");
  assert_string_equal (references[1], "p2@x.de");
  assert_null (references[2]);
  assert_int_equal (fm_envelope_date_utc (envelope), 1795165200);
  assert_int_equal (fm_envelope_date_offset_min (envelope), 60);
  assert_string_equal (fm_envelope_list_id (envelope), "dev.example.org");
  assert_string_equal (fm_envelope_list_post (envelope), "dev@example.org");
  assert_string_equal (fm_envelope_content_type (envelope), "multipart/mixed");
  assert_true (fm_envelope_attachment_hint (envelope));
}

static void
nothing_is_still_an_envelope (void **state)
{
  g_autoptr (FmEnvelope) envelope = parse ("");

  assert_string_equal (fm_envelope_subject (envelope), "");
  assert_int_equal (fm_address_list_length (fm_envelope_from (envelope)), 0);
  assert_string_equal (fm_envelope_content_type (envelope), "text/plain");
  assert_int_equal (fm_envelope_date_utc (envelope), 0);
  assert_false (fm_envelope_attachment_hint (envelope));
}

static void
raw_bytes_are_read_as_utf8_else_windows (void **state)
{
  static const char with_controls[] = "Subject: a\0b\x1b[31mc\n";
  g_autoptr (FmEnvelope) utf8 = parse ("Subject: gr\xc3\xbc\xc3\x9f\x65\n");
  g_autoptr (FmEnvelope) latin = parse ("Subject: gr\xfc\xdf\x65 \x80\n");
  g_autoptr (FmEnvelope) controls = fm_envelope_parse (with_controls, sizeof with_controls - 1);

  assert_string_equal (fm_envelope_subject (utf8), "grüße");
  assert_string_equal (fm_envelope_subject (latin), "grüße €");
  assert_string_equal (fm_envelope_subject (controls), "a b [31mc");
}

static void
a_second_from_is_not_hidden (void **state)
{
  g_autoptr (FmEnvelope) envelope = parse ("From: bank@x\nFrom: thief@y\nSubject: one\nSubject: two\n");

  assert_int_equal (fm_address_list_length (fm_envelope_from (envelope)), 2);
  assert_string_equal (fm_envelope_display_from (envelope), "bank@x, thief@y");
  assert_string_equal (fm_envelope_subject (envelope), "one");
}

static void
ids_in_the_wild (void **state)
{
  g_autoptr (FmEnvelope) bare = parse ("Message-ID: abc@x \nIn-Reply-To: Your message of \"Fri\" <q@x>\nReferences: a@x, b@x\n");
  g_autoptr (FmEnvelope) spaced = parse ("Message-Id:\n <ab\n  c@x>\nReferences: <a@x><b@x>garbage<c@x\n");
  gsize n = 0;

  assert_string_equal (fm_envelope_message_id (bare), "abc@x");
  assert_string_equal (fm_envelope_in_reply_to (bare), "q@x");
  fm_envelope_references (bare, &n);
  assert_int_equal (n, 2);
  assert_string_equal (fm_envelope_message_id (spaced), "abc@x");
  assert_string_equal (fm_envelope_references (spaced, &n)[2], "c@x");
  assert_int_equal (n, 3);
}

static void
references_are_bounded (void **state)
{
  GString *header = g_string_new ("References:");
  gsize n = 0;

  for (int i = 0; i < 5000; i++)
    g_string_append_printf (header, " <%d@x>\n", i);
  g_autoptr (FmEnvelope) envelope = parse (header->str);
  const char *const *references = fm_envelope_references (envelope, &n);
  assert_int_equal (n, FM_ENVELOPE_MAX_REFERENCES);
  assert_string_equal (references[0], "0@x");
  assert_string_equal (references[1], "4801@x");
  assert_string_equal (references[n - 1], "4999@x");
  g_string_free (header, TRUE);
}

static void
many_in_little_time (void **state)
{
  gint64 start = cpu_time_us ();
  const int n = 5000;

  for (int i = 0; i < n; i++)
    fm_envelope_unref (fm_envelope_parse (ordinary, sizeof ordinary - 1));
  double seconds = (cpu_time_us () - start) / 1e6;
  print_message ("%.0f envelopes a second\n", n / seconds);
  assert_true (seconds < 5); /* a machine ten times slower than ours still passes; a quadratic parser does not */
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (an_ordinary_header),
    cmocka_unit_test (nothing_is_still_an_envelope),
    cmocka_unit_test (raw_bytes_are_read_as_utf8_else_windows),
    cmocka_unit_test (a_second_from_is_not_hidden),
    cmocka_unit_test (ids_in_the_wild),
    cmocka_unit_test (references_are_bounded),
    cmocka_unit_test (many_in_little_time),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}

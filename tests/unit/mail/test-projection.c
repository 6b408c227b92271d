/* What the index is fed: our id, decoded fields, every text, bounded. */
#include "fulmar/mail/projection.h"
#include "test.h"

static char *
project (const char *source)
{
  g_autoptr (GBytes) bytes = g_bytes_new (source, strlen (source));
  g_autoptr (FmMessage) message = fm_message_open_bytes (bytes, NULL);
  g_autoptr (GBytes) out = fm_projection_build (message, 4711);
  return g_strndup (g_bytes_get_data (out, NULL), g_bytes_get_size (out));
}

static const char mixed[] = "Message-ID: <theirs@x>\nFrom: =?utf-8?q?J=C3=B6rg?= <j@x.de>\nTo: a@b\nSubject: =?utf-8?b?5pel5pys?= "
                            "engine\nDate: Fri, 20 Nov 2026 10:00:00 +0100\n"
                            "Content-Type: multipart/mixed; boundary=m\n\n"
                            "--m\nContent-Type: text/plain; charset=iso-8859-1\n\ngr\xfc\xdf plainword\n"
                            "--m\nContent-Type: text/html\n\n<p>html<b>word</b> &amp; <style>hiddenword</style></p>\n"
                            "--m\nContent-Type: message/rfc822\n\nFrom: inner@y\nSubject: innersubject\n\ninnertext\n"
                            "--m\nContent-Type: text/csv; name=table.csv\nContent-Disposition: attachment\n\ncellword;2\n"
                            "--m\nContent-Type: application/pdf; name=report.pdf\nContent-Disposition: "
                            "attachment\nContent-Transfer-Encoding: base64\n\nSECRET==\n--m--\n";

static void
every_text_is_in_it (void **state)
{
  static const char *const words[]
      = { "grüß plainword", "htmlword", "innersubject", "inner@y", "innertext", "cellword;2", "report.pdf", "table.csv" };
  g_autofree char *text = project (mixed);
  g_autoptr (GBytes) bytes = g_bytes_new (text, strlen (text));
  g_autoptr (FmMessage) again = fm_message_open_bytes (bytes, NULL);
  const FmEnvelope *envelope = fm_message_envelope (again);

  assert_string_equal (fm_envelope_message_id (envelope), "4711@fulmar");
  assert_string_equal (fm_envelope_subject (envelope), "日本 engine");
  assert_string_equal (fm_envelope_display_from (envelope), "Jörg");
  assert_int_equal (fm_envelope_date_utc (envelope), 1795165200);
  assert_int_equal (fm_message_n_parts (again), 1);
  g_autofree char *body = fm_message_part_text (again, 0, 1 << 20, NULL, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (words); i++)
    if (strstr (body, words[i]) == NULL)
      fail_msg ("%s is missing in:\n%s", words[i], body);
  assert_null (strstr (body, "hiddenword"));
  assert_null (strstr (body, "SECRET"));
}

static void
alternatives_are_indexed_once_unless_the_plain_is_a_stub (void **state)
{
  g_autofree char *filler = g_strnfill (500, 'x');
  g_autofree char *full = g_strdup_printf (
      "Content-Type: multipart/alternative; boundary=a\n\n--a\n\n%s plainword\n--a\nContent-Type: text/html\n\n<p>htmlword\n--a--\n",
      filler);
  g_autofree char *both = project ("Content-Type: multipart/alternative; boundary=a\n\n--a\n\nuse another program\n--a\nContent-Type: "
                                   "text/html\n\n<p>htmlword\n--a--\n");
  g_autofree char *one = project (full);

  assert_non_null (strstr (both, "htmlword"));
  assert_non_null (strstr (one, "plainword"));
  assert_null (strstr (one, "htmlword"));
}

static void
text_is_bounded (void **state)
{
  g_autofree char *filler = g_strnfill (5 << 20, 'x');
  g_autofree char *source = g_strconcat ("Subject: big\n\n", filler, NULL);
  g_autofree char *text = project (source);

  assert_in_range (strlen (text), FM_PROJECTION_MAX_TEXT_BYTES, FM_PROJECTION_MAX_TEXT_BYTES + 4096);
}

static void
ids_come_back (void **state)
{
  assert_int_equal (fm_projection_blob_id ("<12@fulmar>"), 12);
  assert_int_equal (fm_projection_blob_id ("12@fulmar"), 12);
  assert_int_equal (fm_projection_blob_id ("x@fulmar"), -1);
  assert_int_equal (fm_projection_blob_id ("12@elsewhere"), -1);
  assert_int_equal (fm_projection_blob_id ("-12@fulmar"), -1);
  assert_int_equal (fm_projection_blob_id ("99999999999999999999@fulmar"), -1);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (every_text_is_in_it),
    cmocka_unit_test (alternatives_are_indexed_once_unless_the_plain_is_a_stub),
    cmocka_unit_test (text_is_bounded),
    cmocka_unit_test (ids_come_back),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}

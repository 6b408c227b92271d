/* Drafts, their way through an editor, and the bytes that are sent: right encodings, no hidden recipients, no injected fields. */
#include <glib/gstdio.h>
#include "fulmar/base/error.h"
#include "fulmar/mail/compose.h"
#include "fulmar/mail/message.h"
#include "test.h"

static FmDraft *
make_draft (const char *from, const char *to, const char *subject, const char *body)
{
  FmDraft *draft = fm_draft_new ();
  g_autoptr (FmAddressList) senders = fm_address_list_parse (from, -1);
  g_autoptr (FmAddressList) recipients = fm_address_list_parse (to, -1);

  fm_draft_set_list (draft, FM_DRAFT_FROM, senders);
  fm_draft_set_list (draft, FM_DRAFT_TO, recipients);
  fm_draft_set_subject (draft, subject);
  fm_draft_set_body (draft, body);
  return draft;
}

static FmComposed *
build (const FmDraft *draft, const FmComposeOptions *options)
{
  g_autoptr (GError) error = NULL;
  FmComposed *composed = fm_compose_build (draft, options, &error);
  assert_no_error (error);
  return composed;
}

/* What every message we send must keep to; returns its text. */
static char *
check_bytes (const FmComposed *composed)
{
  gsize size = 0;
  const char *data = g_bytes_get_data (fm_compose_bytes (composed), &size);
  gsize line = 0;

  for (gsize i = 0; i < size; i++)
    {
      assert_true (data[i] != '\0');
      assert_true (data[i] != '\n' || (i > 0 && data[i - 1] == '\r'));
      assert_true (data[i] != '\r' || (i + 1 < size && data[i + 1] == '\n'));
      line = data[i] == '\n' ? 0 : line + 1;
      assert_true (line <= 999);
    }
  return g_strndup (data, size);
}

static FmMessage *
reopen (const FmComposed *composed)
{
  FmMessage *message = fm_message_open_bytes (fm_compose_bytes (composed), NULL);
  assert_non_null (message);
  return message;
}

static void
a_plain_message (void **state)
{
  const FmComposeOptions options = { .date_utc = 1795165200, .date_offset_min = 60, .message_id = "fixed@x.org" };
  g_autoptr (FmDraft) draft = make_draft ("Ada <ada@x.org>", "bob@y.org", "Notes", "Hello\nthere\n");
  const char *const references[] = { "a@x", "b@x", NULL };

  fm_draft_set_in_reply_to (draft, "b@x");
  fm_draft_set_references (draft, references);
  assert_true (fm_draft_set_header (draft, "X-Thing", "a\r\nBcc: evil@x"));
  g_autoptr (FmComposed) composed = build (draft, &options);
  g_autofree char *text = check_bytes (composed);
  assert_non_null (strstr (text, "From: Ada <ada@x.org>\r\n"));
  assert_non_null (strstr (text, "Date: Fri, 20 Nov 2026 10:00:00 +0100\r\n"));
  assert_non_null (strstr (text, "Message-Id: <fixed@x.org>\r\n"));
  assert_non_null (strstr (text, "In-Reply-To: <b@x>\r\n"));
  assert_non_null (strstr (text, "References: <a@x> <b@x>\r\n"));
  assert_non_null (strstr (text, "charset=us-ascii"));
  assert_non_null (strstr (text, "\r\n\r\nHello\r\nthere\r\n"));
  assert_null (strstr (text, "\nBcc:"));
  assert_string_equal (fm_compose_sender (composed), "ada@x.org");
  assert_string_equal (fm_compose_recipients (composed)[0], "bob@y.org");
  assert_false (fm_compose_is_8bit (composed));
}

static void
blind_copies_get_it_unseen (void **state)
{
  const FmComposeOptions keep = { .keep_bcc = TRUE };
  g_autoptr (FmDraft) draft = make_draft ("a@x.org", "b@x.org, B@X.ORG", "s", "t");
  g_autoptr (FmAddressList) hidden = fm_address_list_parse ("secret@z.org, b@x.org", -1);

  fm_draft_set_list (draft, FM_DRAFT_BCC, hidden);
  g_autoptr (FmComposed) sent = build (draft, NULL);
  g_autofree char *text = check_bytes (sent);
  assert_null (strstr (text, "secret"));
  assert_string_equal (fm_compose_recipients (sent)[1], "secret@z.org");
  assert_null (fm_compose_recipients (sent)[2]);
  g_autoptr (FmComposed) saved = build (draft, &keep);
  g_autofree char *copy = check_bytes (saved);
  assert_non_null (strstr (copy, "Bcc: secret@z.org"));
}

static void
any_text_comes_back (void **state)
{
  g_autofree char *long_line = g_strnfill (5000, 'a');
  g_autofree char *long_japanese = g_strdup ("日本語の長い文。日本語の長い文。日本語の長い文。\n二行目\n");
  const char *const bodies[]
      = { "",        "x",           "plain\n",        "grüße\n",    "From here\n.\n..\n", "trailing blank \nand tab\t\n",
          long_line, long_japanese, "bell \a here\n", "a = b =20\n" };

  for (int eight_bit = 0; eight_bit < 2; eight_bit++)
    for (gsize i = 0; i < G_N_ELEMENTS (bodies); i++)
      {
        const FmComposeOptions options = { .eight_bit = eight_bit };
        g_autoptr (FmDraft) draft = make_draft ("a@x.org", "b@x.org", "s", bodies[i]);
        g_autoptr (FmComposed) composed = build (draft, &options);
        g_autofree char *text = check_bytes (composed);
        g_autoptr (FmMessage) message = reopen (composed);
        g_autofree char *body = fm_message_part_text (message, 0, 100000, NULL, NULL);
        g_autofree char *expected = g_strconcat (bodies[i], bodies[i][0] == '\0' || g_str_has_suffix (bodies[i], "\n") ? "" : "\n", NULL);
        assert_string_equal (body, expected);
        assert_true (fm_compose_is_8bit (composed) == !g_str_is_ascii (text));
        assert_true (eight_bit || g_str_is_ascii (text));
      }
}

static void
any_header_comes_back (void **state)
{
  g_autofree char *long_word = g_strnfill (3000, 'w');
  g_autofree char *long_many
      = g_strdup ("日本語の件名がとても長いときにも正しく折り返されて元に戻ることを確かめるための件名です。日本語の件名がとても長いとき。");
  const char *const subjects[]
      = { "", "x", "grüße", "=?utf-8?q?not_decoded_twice?=", long_word, long_many, "a: b", "日本 and ascii and 日本" };

  for (gsize i = 0; i < G_N_ELEMENTS (subjects); i++)
    {
      g_autoptr (FmDraft) draft = make_draft ("\"Müller, Jörg\" <j@x.org>", "Very Long Name Of A Person <b@x.org>", subjects[i], "t");
      g_autoptr (FmComposed) composed = build (draft, NULL);
      g_autofree G_GNUC_UNUSED char *text = check_bytes (composed);
      g_autoptr (FmMessage) message = reopen (composed);
      const FmEnvelope *envelope = fm_message_envelope (message);
      if (i != 3)
        assert_string_equal (fm_envelope_subject (envelope), subjects[i]);
      assert_string_equal (fm_envelope_display_from (envelope), "Müller, Jörg");
      assert_string_equal (fm_envelope_message_id (envelope), fm_compose_message_id (composed));
      assert_true (g_str_has_suffix (fm_compose_message_id (composed), "@x.org"));
    }
}

static void
many_recipients_fold (void **state)
{
  GString *to = g_string_new (NULL);

  for (int i = 0; i < 500; i++)
    g_string_append_printf (to, "%sPerson %d <p%d@example.org>", i > 0 ? ", " : "", i, i);
  g_autoptr (FmDraft) draft = make_draft ("a@x.org", to->str, "s", "t");
  g_autoptr (FmComposed) composed = build (draft, NULL);
  g_autofree G_GNUC_UNUSED char *text = check_bytes (composed);
  g_autoptr (FmMessage) message = reopen (composed);
  assert_int_equal (fm_address_list_length (fm_envelope_to (fm_message_envelope (message))), 500);
  assert_int_equal (g_strv_length ((char **) fm_compose_recipients (composed)), 500);
  g_string_free (to, TRUE);
}

static void
injection_is_impossible (void **state)
{
  static const char attack[] = "x\r\nBcc: evil@x.org\r\n\r\nbody";
  const FmAddress people[] = { { attack, "ok@x.org" } };
  g_autoptr (FmAddressList) to = fm_address_list_new (people, 1);
  g_autoptr (FmDraft) draft = make_draft ("a@x.org", "", attack, "real body\n");
  const char *const references[] = { attack, "a>b\n<c@x", NULL };

  fm_draft_set_list (draft, FM_DRAFT_TO, to);
  fm_draft_set_in_reply_to (draft, attack);
  fm_draft_set_references (draft, references);
  assert_false (fm_draft_set_header (draft, "X\r\nBcc", "evil@x.org"));
  assert_false (fm_draft_set_header (draft, "Bcc", "evil@x.org"));
  assert_false (fm_draft_set_header (draft, "Content-Type", "text/html"));
  g_autoptr (FmComposed) composed = build (draft, NULL);
  g_autofree char *text = check_bytes (composed);
  assert_null (strstr (text, "\nBcc:"));
  g_autoptr (FmMessage) message = reopen (composed);
  assert_int_equal (fm_address_list_length (fm_envelope_bcc (fm_message_envelope (message))), 0);
  assert_takes_string (fm_message_part_text (message, 0, 1000, NULL, NULL), "real body\n");
  assert_int_equal (g_strv_length ((char **) fm_compose_recipients (composed)), 1);
}

static void
attachments_keep_bytes_and_names (void **state)
{
  g_autofree char *dir = g_dir_make_tmp ("fulmar-compose-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (dir, "日本 report \"x\".pdf", NULL);
  static const char bytes[] = "\0\1\2\r\n\n\rFrom x\377";
  g_autoptr (GError) error = NULL;

  assert_true (g_file_set_contents (path, bytes, sizeof bytes, NULL));
  g_autoptr (FmDraft) draft = make_draft ("a@x.org", "b@x.org", "s", "see there");
  fm_draft_add_attachment (draft, path);
  g_autoptr (FmComposed) composed = build (draft, NULL);
  g_autofree G_GNUC_UNUSED char *text = check_bytes (composed);
  g_autoptr (FmMessage) message = reopen (composed);
  assert_int_equal (fm_message_n_parts (message), 3);
  assert_true (fm_message_part (message, 2)->is_attachment);
  assert_string_equal (fm_message_part (message, 2)->file_name, "日本 report _x_.pdf");
  g_autoptr (GBytes) back = fm_message_part_bytes (message, 2, 1000, NULL);
  assert_int_equal (g_bytes_get_size (back), sizeof bytes);
  assert_memory_equal (g_bytes_get_data (back, NULL), bytes, sizeof bytes);
  const FmComposeOptions small = { .max_bytes = 10 };
  assert_null (fm_compose_build (draft, &small, &error));
  assert_true (g_error_matches (error, FM_ERROR, FM_ERROR_LIMIT));
  g_clear_error (&error);
  g_unlink (path);
  assert_null (fm_compose_build (draft, NULL, &error));
  assert_true (g_error_matches (error, FM_ERROR, FM_ERROR_NOT_FOUND));
  g_clear_error (&error);
  fm_draft_remove_attachment (draft, 0);
  fm_draft_add_attachment (draft, dir);
  assert_null (fm_compose_build (draft, NULL, &error));
  assert_true (g_error_matches (error, FM_ERROR, FM_ERROR_STORAGE));
  g_rmdir (dir);
}

static void
what_cannot_be_sent_is_named (void **state)
{
  const FmComposeOptions draft_options = { .allow_no_recipients = TRUE };
  g_autoptr (GError) error = NULL;
  g_autoptr (FmDraft) nobody = make_draft ("a@x.org", "", "s", "t");
  g_autoptr (FmDraft) wrong = make_draft ("a@x.org", "b@x.org, Bob", "s", "t");
  g_autoptr (FmDraft) unsigned_draft = make_draft ("", "b@x.org", "s", "t");

  assert_null (fm_compose_build (nobody, NULL, &error));
  assert_true (g_error_matches (error, FM_ERROR, FM_ERROR_INVALID));
  g_clear_error (&error);
  g_autoptr (FmComposed) G_GNUC_UNUSED saved = build (nobody, &draft_options);
  assert_null (fm_compose_build (wrong, NULL, &error));
  assert_non_null (strstr (error->message, "Bob"));
  g_clear_error (&error);
  assert_null (fm_compose_build (unsigned_draft, NULL, &error));
  assert_true (g_error_matches (error, FM_ERROR, FM_ERROR_INVALID));
  g_autoptr (FmDraft) international = make_draft ("a@x.org", "b@müller.de, jörg@x.de", "s", "t");
  g_autoptr (FmComposed) composed = build (international, NULL);
  assert_true (fm_compose_needs_smtputf8 (composed));
  assert_string_equal (fm_compose_recipients (composed)[0], "b@xn--mller-kva.de");
}

static void
through_an_editor_and_back (void **state)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (FmDraft) draft = make_draft ("Ada <ada@x.org>", "\"B, C\" <b@x.org>", "grüße", "text\n\nmore\n");

  fm_draft_add_attachment (draft, "/tmp/a b.txt");
  fm_draft_set_in_reply_to (draft, "p@x");
  g_autofree char *text = fm_draft_to_text (draft, TRUE);
  assert_string_equal (
      text, "From: Ada <ada@x.org>\nTo: \"B, C\" <b@x.org>\nCc: \nBcc: \nSubject: grüße\nAttach: /tmp/a b.txt\n\ntext\n\nmore\n");
  g_autoptr (FmDraft) copy = fm_draft_dup (draft);
  assert_true (fm_draft_update_from_text (copy, text, -1, TRUE, &error));
  assert_takes_string (fm_draft_to_text (copy, TRUE), text);
  assert_string_equal (fm_draft_in_reply_to (copy), "p@x");
  assert_true (fm_draft_update_from_text (copy, "To: c@x,\r\n d@x\r\nto: e@x\r\nX-A: b\r\n\r\nnew\r\n", -1, TRUE, &error));
  assert_takes_string (fm_draft_to_text (copy, TRUE), "From: \nTo: c@x, d@x, e@x\nCc: \nBcc: \nSubject: \nX-A: b\n\nnew\n");
  assert_true (fm_draft_update_from_text (copy, "only text", -1, FALSE, &error));
  assert_string_equal (fm_draft_body (copy), "only text");
  assert_string_equal (fm_draft_header (copy, "x-a"), "b");
}

static void
a_wrong_line_changes_nothing (void **state)
{
  static const struct {
    const char *text, *words;
  } cases[] = { { "To: a@x\nSubject x\n\n", "line 2" },
                { "To: a@x\n b\n\nt", "line 1" },
                { "Subject: x\nTo: nonsense\n\n", "line 2" },
                { "Message-ID: <x@y>\n\n", "Message-ID" } };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (FmDraft) draft = make_draft ("a@x.org", "b@x.org", "s", "t");
      g_autofree char *before = fm_draft_to_text (draft, TRUE);
      assert_false (fm_draft_update_from_text (draft, cases[i].text, -1, TRUE, &error));
      assert_non_null (strstr (error->message, cases[i].words));
      assert_takes_string (fm_draft_to_text (draft, TRUE), before);
    }
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (a_plain_message),
    cmocka_unit_test (blind_copies_get_it_unseen),
    cmocka_unit_test (any_text_comes_back),
    cmocka_unit_test (any_header_comes_back),
    cmocka_unit_test (many_recipients_fold),
    cmocka_unit_test (injection_is_impossible),
    cmocka_unit_test (attachments_keep_bytes_and_names),
    cmocka_unit_test (what_cannot_be_sent_is_named),
    cmocka_unit_test (through_an_editor_and_back),
    cmocka_unit_test (a_wrong_line_changes_nothing),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}

/* Answers and forwards: who gets them, where they hang, what they quote; and mailto: links. */
#include "fulmar/base/error.h"
#include "fulmar/mail/mailto.h"
#include "fulmar/mail/reply.h"
#include "test.h"

static FmDraft *
answer (const char *header, FmReplyKind kind)
{
  g_autofree char *source = g_strconcat (header, "\n\ntext\n", NULL);
  g_autoptr (GBytes) bytes = g_bytes_new (source, strlen (source));
  g_autoptr (FmMessage) message = fm_message_open_bytes (bytes, NULL);
  g_autoptr (FmAddressList) own = fm_address_list_parse ("Me <me@x.org>, Me Too <other@x.org>", -1);
  const FmReplyOptions options = { .own = own };
  return fm_reply_new (message, kind, &options);
}

static void
check (const char *header, FmReplyKind kind, const char *to, const char *cc)
{
  g_autoptr (FmDraft) draft = answer (header, kind);

  assert_takes_string (fm_address_list_display (fm_draft_list (draft, FM_DRAFT_TO)), to);
  assert_takes_string (fm_address_list_display (fm_draft_list (draft, FM_DRAFT_CC)), cc);
}

static void
recipients (void **state)
{
  static const char plain[] = "From: A <a@x>\nTo: me@x.org, b@x\nCc: c@x, ME@X.ORG";
  static const char list[] = "From: A <a@x>\nTo: list@l\nReply-To: list@l\nList-Post: <mailto:list@l>";

  check (plain, FM_REPLY_SENDER, "A <a@x>", "");
  check (plain, FM_REPLY_ALL, "A <a@x>", "b@x, c@x");
  check (plain, FM_REPLY_LIST, "A <a@x>", "b@x, c@x");
  check ("From: a@x\nReply-To: r@x\nTo: me@x.org\nCc: a@x", FM_REPLY_SENDER, "r@x", "");
  check ("From: a@x\nReply-To: r@x\nTo: me@x.org\nCc: a@x", FM_REPLY_ALL, "r@x", "a@x");
  check (list, FM_REPLY_SENDER, "A <a@x>", "");
  check (list, FM_REPLY_ALL, "A <a@x>", "list@l");
  check (list, FM_REPLY_LIST, "list@l", "");
  check ("From: a@x\nTo: list@l\nMail-Followup-To: list@l, d@x, me@x.org", FM_REPLY_ALL, "list@l, d@x", "");
  check ("From: a@x\nTo: list@l\nMail-Followup-To: list@l", FM_REPLY_LIST, "list@l", "");
  check ("From: me@x.org\nTo: b@x\nCc: c@x", FM_REPLY_SENDER, "b@x", "");
  check ("From: me@x.org\nTo: b@x\nCc: c@x", FM_REPLY_ALL, "b@x", "c@x");
  check ("From: me@x.org\nTo: me@x.org", FM_REPLY_SENDER, "me@x.org", "");
  check ("From: a@x\nTo: undisclosed-recipients:;", FM_REPLY_ALL, "a@x", "");
  check ("Subject: nobody", FM_REPLY_ALL, "", "");
}

static void
sender_is_the_address_it_came_to (void **state)
{
  g_autoptr (FmDraft) draft = answer ("From: a@x\nTo: Other@x.org", FM_REPLY_SENDER);
  g_autoptr (FmDraft) unknown = answer ("From: a@x\nTo: list@l", FM_REPLY_SENDER);

  assert_takes_string (fm_address_list_display (fm_draft_list (draft, FM_DRAFT_FROM)), "Me Too <other@x.org>");
  assert_takes_string (fm_address_list_display (fm_draft_list (unknown, FM_DRAFT_FROM)), "Me <me@x.org>");
}

/* Joiners, a variation selector and a non-joiner come back as they went; what could deceive does not. */
static void
subjects_keep_joiners (void **state)
{
  g_autoptr (FmDraft) encoded
      = answer ("Subject: Re: =?utf-8?B?8J+RqOKAjfCfkanigI3wn5Gn?=\n =?utf-8?Q?_=E2=9D=A4=EF=B8=8F?= end", FM_REPLY_SENDER);
  g_autoptr (FmDraft) raw = answer ("Subject: \xd9\x85\xdb\x8c\xe2\x80\x8c\xd8\xae a\xe2\x80\xae"
                                    "b",
                                    FM_REPLY_SENDER);

  assert_string_equal (fm_draft_subject (encoded),
                       "Re: \xf0\x9f\x91\xa8\xe2\x80\x8d\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7 \xe2\x9d\xa4\xef\xb8\x8f end");
  assert_string_equal (fm_draft_subject (raw), "Re: \xd9\x85\xdb\x8c\xe2\x80\x8c\xd8\xae a"
                                               "b");
}

static void
the_chain_goes_on (void **state)
{
  g_autoptr (FmDraft) deep = answer ("Message-ID: <c@x>\nReferences: <a@x>\n <b@x>\nIn-Reply-To: <b@x>", FM_REPLY_SENDER);
  g_autoptr (FmDraft) second = answer ("Message-ID: <c@x>\nIn-Reply-To: <b@x>", FM_REPLY_SENDER);
  g_autoptr (FmDraft) rootless = answer ("Subject: x", FM_REPLY_SENDER);

  assert_string_equal (fm_draft_in_reply_to (deep), "c@x");
  g_autofree char *chain = g_strjoinv (" ", (char **) fm_draft_references (deep));
  assert_string_equal (chain, "a@x b@x c@x");
  g_autofree char *short_chain = g_strjoinv (" ", (char **) fm_draft_references (second));
  assert_string_equal (short_chain, "b@x c@x");
  assert_null (fm_draft_references (rootless)[0]);
}

static void
subjects (void **state)
{
  assert_takes_string (fm_reply_subject ("engine", FALSE), "Re: engine");
  assert_takes_string (fm_reply_subject ("AW: Re: engine", FALSE), "Re: engine");
  assert_takes_string (fm_reply_subject ("RE: [dev] engine", FALSE), "Re: [dev] engine");
  assert_takes_string (fm_reply_subject ("Re: engine", TRUE), "Fwd: engine");
  assert_takes_string (fm_reply_subject ("", FALSE), "Re: ");
}

static void
quoting (void **state)
{
  assert_takes_string (fm_reply_quote ("a\n\n> b\n>> c\nd\n\n\n"), "> a\n>\n>> b\n>>> c\n> d\n");
  assert_takes_string (fm_reply_quote ("a\n-- \nsig\n"), "> a\n");
  assert_takes_string (fm_reply_quote (""), "");
  g_autoptr (FmDraft) draft = answer ("From: Ada <a@x>\nSubject: s\nDate: Fri, 20 Nov 2026 10:00:00 +0100", FM_REPLY_SENDER);
  assert_string_equal (fm_draft_body (draft), "On Fri, 20 Nov 2026 at 10:00, Ada wrote:\n> text\n\n");
  g_autoptr (FmDraft) html = answer ("Content-Type: text/html", FM_REPLY_SENDER);
  assert_string_equal (fm_draft_body (html), "On an unknown date, someone wrote:\n> text\n\n");
}

static void
forwarding (void **state)
{
  static const char source[]
      = "From: Ada <a@x>\nTo: me@x.org\nSubject: Re: engine\nDate: Fri, 20 Nov 2026 10:00:00 +0100\n"
        "Content-Type: multipart/mixed; boundary=m\n\n--m\n\nhello\n--m\nContent-Type: application/pdf; name=x.pdf\n\nx\n--m--\n";
  g_autoptr (GBytes) bytes = g_bytes_new_static (source, sizeof source - 1);
  g_autoptr (FmMessage) message = fm_message_open_bytes (bytes, NULL);
  g_autoptr (FmDraft) draft = fm_reply_forward (message, NULL);

  assert_string_equal (fm_draft_subject (draft), "Fwd: engine");
  assert_int_equal (fm_address_list_length (fm_draft_list (draft, FM_DRAFT_TO)), 0);
  assert_string_equal (fm_draft_body (draft), "\n---------- Forwarded message ----------\nFrom: Ada <a@x>\nDate: Fri, 20 Nov 2026 at "
                                              "10:00\nSubject: Re: engine\nTo: me@x.org\n\nhello\n"
                                              "[attachment: x.pdf, application/pdf]\n");
}

static void
links (void **state)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (FmDraft) draft = fm_mailto_parse (
      "mailto:a@x,b@x?subject=caf%C3%A9%20%26%20more&BODY=one%0D%0Atwo+2&cc=c@x&to=d@x&attach=/etc/passwd&from=e@x&x-y=z#frag", &error);
  assert_no_error (error);
  assert_takes_string (fm_draft_to_text (draft, TRUE), "From: \nTo: a@x, b@x, d@x\nCc: c@x\nBcc: \nSubject: café & more\n\none\ntwo+2");
  g_autoptr (FmDraft) attack = fm_mailto_parse ("MAILTO:?subject=x%0D%0ABcc:%20evil@x&in-reply-to=%3Cp@x%3E", &error);
  assert_string_equal (fm_draft_subject (attack), "x Bcc: evil@x");
  assert_string_equal (fm_draft_in_reply_to (attack), "p@x");
  assert_int_equal (fm_address_list_length (fm_draft_list (attack, FM_DRAFT_BCC)), 0);
  g_autoptr (FmDraft) broken = fm_mailto_parse ("mailto:%zz%4?&&=&%00=x&subject=%FF%00", &error);
  assert_non_null (broken);
  assert_null (fm_mailto_parse ("http://x", &error));
  assert_true (g_error_matches (error, FM_ERROR, FM_ERROR_INVALID));
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (recipients),        cmocka_unit_test (sender_is_the_address_it_came_to),
    cmocka_unit_test (the_chain_goes_on), cmocka_unit_test (subjects_keep_joiners),
    cmocka_unit_test (subjects),          cmocka_unit_test (quoting),
    cmocka_unit_test (forwarding),        cmocka_unit_test (links),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}

/* Words and stems as the index makes them. The tables were read off Xapian 1.4 itself (the notmuch command with NOTMUCH_DEBUG_QUERY set). */
#include "fulmar/mail/terms.h"
#include "mail/stem.h"
#include "test.h"

static void
append_term (const char *term, gpointer data)
{
  GString *all = data;
  g_string_append_printf (all, "%s%s", all->len > 0 ? "|" : "", term);
}

static void
text_falls_into_words (void **state)
{
  static const struct {
    const char *text, *terms;
  } table[] = {
    { "", "" },
    { "  ,;- ", "" },
    { "Meetings of AT&T and U.S.A. foo_bar 3.14 C++", "meetings|of|at&t|and|usa|foo_bar|3.14|c++" },
    { "O'Brien don\342\200\231t 'quoted'", "o'brien|don't|quoted" },
    { "j.ob@ex-ample.org", "j|ob|ex|ample|org" },
    { "1,000 1,a 8:30 10.10.2001", "1,000|1|a|8|30|10.10.2001" },
    { "a.m. P.T.O. I.B.Mx A.b", "a|m|pto|i|b|mx|a|b" },
    { "C# fish+chips C++++ F+1", "c#|fish|chips|c|f|1" },
    { "\303\211NGINE na\303\257ve \316\243\316\237\316\246\316\237\316\243",
      "\303\251ngine|na\303\257ve|\317\203\316\277\317\206\316\277\317\203" },
    { "abc\346\227\245\346\234\254\350\252\236def", "abc|\346\227\245|\346\234\254|\350\252\236|def" },
    { "\346\227\245\346\234\254\343\200\202\350\252\236", "\346\227\245|\346\234\254|\350\252\236" },
    { "soft\342\200\213break", "softbreak" },
    { "bad\377byte", "bad\303\277byte" },
    { "AT&", "at" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (table); i++)
    {
      g_autoptr (GString) all = g_string_new (NULL);
      fm_terms_each (table[i].text, append_term, all);
      assert_string_equal (all->str, table[i].terms);
    }
}

static void
too_long_a_word_is_none (void **state)
{
  g_autofree char *word = g_strnfill (65, 'x');
  g_autofree char *text = g_strconcat ("before ", word, " behind", NULL);
  g_autoptr (FmTerms) across = fm_terms_new ("before behind", FM_TERMS_WHOLE);
  g_autoptr (FmTerms) itself = fm_terms_new (word, FM_TERMS_WHOLE);

  assert_true (fm_terms_match (across, text));
  assert_false (fm_terms_match (itself, text));
}

static void
words_have_stems (void **state)
{
  static const char *const table[] = {
    "meetings meet",
    "running run",
    "happy happi",
    "happiness happi",
    "skies sky",
    "dying die",
    "news news",
    "relational relat",
    "conditional condit",
    "rational ration",
    "valency valenc",
    "digitizer digit",
    "operator oper",
    "feudalism feudal",
    "decisiveness decis",
    "hopefulness hope",
    "formality formal",
    "sensitivity sensit",
    "possibly possibl",
    "analogously analog",
    "radically radic",
    "generate generat",
    "generous generous",
    "communism communism",
    "arsenal arsenal",
    "hopping hop",
    "hoping hope",
    "falling fall",
    "agreed agre",
    "feed feed",
    "plastered plaster",
    "bled bled",
    "motoring motor",
    "sing sing",
    "luxuriated luxuri",
    "cry cri",
    "by by",
    "say say",
    "ties tie",
    "cries cri",
    "gas gas",
    "this this",
    "kiwis kiwi",
    "proceeding proceed",
    "exceed exceed",
    "inning inning",
    "it's it",
    "employees' employe",
    "at&t at&t",
    "adoption adopt",
    "region region",
    "tension tension",
    "controlling control",
    "roll roll",
    "probate probat",
    "rate rate",
    "cease ceas",
    "yelled yell",
    "toys toy",
    "enjoying enjoy",
    "knightly knight",
    "useful use",
    "c++ c++",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (table); i++)
    {
      char stem[FM_STEM_MAX_BYTES + 2];
      gsize size = strcspn (table[i], " ");
      fm_stem_english (table[i], size, stem);
      assert_string_equal (stem, table[i] + size + 1);
    }
}

static gboolean
found (const char *words, FmTermsHow how, const char *text)
{
  g_autoptr (FmTerms) terms = fm_terms_new (words, how);
  return fm_terms_match (terms, text);
}

static void
phrases_are_found_whole (void **state)
{
  assert_true (found ("conference call", FM_TERMS_WHOLE, "The CONFERENCE-call is on"));
  assert_false (found ("conference call", FM_TERMS_WHOLE, "conference the call"));
  assert_false (found ("call conference", FM_TERMS_WHOLE, "conference call"));
  assert_true (found ("a a b", FM_TERMS_WHOLE, "a a a b"));
  assert_false (found ("meet", FM_TERMS_WHOLE, "meeting"));
  assert_true (found ("meet", FM_TERMS_PREFIX, "a meeting"));
  assert_true (found ("the mee", FM_TERMS_PREFIX, "in the meeting"));
  assert_false (found ("the mee", FM_TERMS_PREFIX, "thee meeting"));
  assert_false (found ("", FM_TERMS_WHOLE, "anything"));
  assert_false (found ("--", FM_TERMS_PREFIX, "anything"));
  assert_false (found ("word", FM_TERMS_WHOLE, NULL));
}

static void
a_small_word_is_found_by_its_stem (void **state)
{
  assert_true (found ("meetings", FM_TERMS_STEM, "a Meeting"));
  assert_false (found ("Meetings", FM_TERMS_STEM, "a meeting"));
  assert_true (found ("Meetings", FM_TERMS_STEM, "the meetings"));
  assert_false (found ("meetings/", FM_TERMS_STEM, "a meeting"));
  assert_false (found ("big meetings", FM_TERMS_STEM, "a big meeting"));
  assert_true (found ("\346\227\245", FM_TERMS_STEM, "\346\227\245\346\234\254"));
}

static void
a_phrase_lies_in_one_address (void **state)
{
  g_autoptr (FmTerms) terms = fm_terms_new ("org bob", FM_TERMS_WHOLE);
  g_autoptr (FmTerms) name = fm_terms_new ("lovelace ada", FM_TERMS_WHOLE);

  assert_false (fm_terms_match_addresses (terms, "Ada <ada@x.org>, Bob <bob@y.org>"));
  assert_true (fm_terms_match (terms, "Ada <ada@x.org>, Bob <bob@y.org>"));
  assert_true (fm_terms_match_addresses (name, "eve@x.org, \"Lovelace, Ada\" <ada@x.org>"));
  assert_true (fm_terms_match_addresses (name, "eve@x.org, \"Say \\\"Lovelace, Ada\" <ada@x.org>"));
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (text_falls_into_words),
    cmocka_unit_test (too_long_a_word_is_none),
    cmocka_unit_test (words_have_stems),
    cmocka_unit_test (phrases_are_found_whole),
    cmocka_unit_test (a_small_word_is_found_by_its_stem),
    cmocka_unit_test (a_phrase_lies_in_one_address),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}

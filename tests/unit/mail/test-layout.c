/* Plain text and layouts: quote levels, format=flowed, breaking, folding, skipping, searching, tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "fulmar/base/text.h"
#include "fulmar/mail/flowed.h"
#include "fulmar/mail/html.h"
#include "fulmar/mail/layout.h"

static char *
page_of (FmDoc *doc, int width)
{
  g_autoptr (FmLayout) layout = fm_layout_new (doc, &(FmLayoutOptions){ .width_cols = width, .ascii = TRUE });
  GString *out = g_string_new (NULL);
  FmLayoutLine line;
  for (guint i = 0; fm_layout_line (layout, i, &line); i++)
    {
      g_string_append_len (out, line.text, (gssize) line.size_bytes);
      g_string_append_c (out, '\n');
      assert_true (fm_text_width (line.text, (gssize) line.size_bytes) <= width);
    }
  return g_string_free (out, FALSE);
}

static void
shows (const char *text, FmFlowedOptions options, int width, const char *expected)
{
  g_autoptr (FmDoc) doc = fm_flowed_to_doc (text, strlen (text), &options);
  g_autofree char *page = page_of (doc, width);
  assert_string_equal (page, expected);
}

static void
html_shows (const char *html, int width, const char *expected)
{
  g_autoptr (FmDoc) doc = fm_html_to_doc (html, strlen (html), NULL);
  g_autofree char *page = page_of (doc, width);
  assert_string_equal (page, expected);
}

static void
quotes_and_flow (void **state)
{
  FmFlowedOptions plain = { 0 }, flowed = { .flowed = TRUE }, delsp = { .flowed = TRUE, .delsp = TRUE };
  shows ("> one\r\n> > two\n>> two\nnone\n", plain, 40, "> one\n> > two\n> > two\nnone\n");
  shows (">From here\n", plain, 40, ">From here\n");
  shows ("one \ntwo \nthree\n> q \n> r\n", flowed, 40, "one two three\n> q r\n");
  shows ("  stuffed\n >no quote\n-- \nme\n", flowed, 40, " stuffed\n>no quote\n-- \nme\n");
  shows ("https://exa \nmple.org/x\n", delsp, 40, "https://example.org/x\n");
  shows ("a\tb\n\nc\x1b[31md\n", plain, 40, "a       b\n\nc [31md\n");
}

/* Not NUL-terminated and shorter than what a patch line is compared with: a sanitizer sees a read past the end. */
static void
short_lines_of_patches (void **state)
{
  static const char *const lines[] = { "--- a", "@@ ", "diff", "Index:", "+", "-- " };
  for (gsize i = 0; i < G_N_ELEMENTS (lines); i++)
    {
      gsize size = strlen (lines[i]);
      g_autofree char *exact = g_memdup2 (lines[i], size);
      g_autoptr (FmDoc) doc = fm_flowed_to_doc (exact, size, &(FmFlowedOptions){ .patch = i % 2 });
      assert_int_equal (fm_doc_n_blocks (doc), 1);
    }
}

static void
breaking (void **state)
{
  FmFlowedOptions plain = { 0 };
  shows ("well-known words and/or more", plain, 12, "well-known\nwords and/or\nmore\n");
  shows ("abcdefghijklmnopqrst", plain, 10, "abcdefghij\nklmnopqrst\n");
  shows ("日本語の文章。日本語", plain, 13, "日本語の文\n章。日本語\n");
  shows ("option --long -x here", plain, 14, "option --long\n-x here\n");
  shows ("> aaaa bbbb cccc", plain, 12, "> aaaa bbbb\n> cccc\n");
}

static void
html_pages (void **state)
{
  html_shows ("<p>One <b>two</b></p><p>three<br>four</p>", 40, "One two\n\nthree\nfour\n");
  html_shows ("<ul><li>a<li>b<ol><li>c</ol></ul>d", 40, " - a\n - b\n    1. c\n\nd\n");
  html_shows ("<blockquote>q<blockquote>r</blockquote></blockquote>", 40, "> q\n> \n> > r\n");
  html_shows ("<table><tr><th>Item<th>Price<tr><td>Tea<td>$2.50<tr><td>Long cake<td>$12.00</table>", 40,
              "Item        Price\nTea         $2.50\nLong cake  $12.00\n");
  html_shows ("<a href='http://evil.test/x'>http://bank.example</a>", 60,
              "http://bank.example[1]\n\nLinks:\n[1] http://evil.test (not bank.example!) /x\n");
  html_shows ("<a href='https://a.test/x'>y</a>", 60, "y[1]\n\nLinks:\n[1] a.test/x\n");
  html_shows ("<div style='display:none'>pre</div><style>.h{display:none}</style><p class=h>x</p><script>y</script>z &amp; &#x1b;[1m", 40,
              "z & [1m\n");
  html_shows ("<head><style>.h{display:none}@media x{.k{display:none}}</style></head><p class=h>x</p><p class=k>y", 40, "y\n");
  html_shows ("<ol start=3><li>c<li value=9>i<li>j</ol>", 40, " 3. c\n 9. i\n10. j\n");
  html_shows ("<pre>a\n  b\n\nc</pre>", 40, "a\n  b\n\nc\n");
  html_shows ("<img src=http://t.test/p.gif width=1 height=1><img src=x alt='A cat'>", 40, "A cat\n");
}

static void
deep_nesting_is_bounded (void **state)
{
  GString *html = g_string_new (NULL);
  for (int i = 0; i < 20000; i++)
    g_string_append (html, "<table><tr><td>x ");
  g_string_append (html, "the end");
  g_autoptr (FmDoc) doc = fm_html_to_doc (html->str, html->len, NULL);
  g_autofree char *plain = fm_doc_to_plain (doc, 0);
  assert_non_null (strstr (plain, "the end"));
  g_autoptr (FmDoc) small = fm_html_to_doc (html->str, html->len, &(FmHtmlOptions){ .arena_bytes = 1 << 20 });
  g_autofree char *stripped = fm_doc_to_plain (small, 0);
  assert_non_null (strstr (stripped, "the end"));
  g_string_free (html, TRUE);
}

static const char thread_text[] = "Hi,\n> old one\n> old two\n\nnew words\n> again\nlast\n";

static void
folding_and_skipping (void **state)
{
  g_autoptr (FmDoc) doc = fm_flowed_to_doc (thread_text, strlen (thread_text), NULL);
  g_autoptr (FmLayout) layout = fm_layout_new (doc, &(FmLayoutOptions){ .width_cols = 40, .ascii = TRUE });
  FmLayoutLine line;
  guint at = 0;
  assert_true (fm_layout_next_unquoted (layout, 0, &at));
  assert_int_equal (at, 4);
  assert_true (fm_layout_next_unquoted (layout, at, &at));
  assert_int_equal (at, 6);
  assert_false (fm_layout_next_unquoted (layout, at, &at));
  FmLayoutAnchor anchor = fm_layout_anchor (layout, 4);
  fm_layout_set_options (layout, &(FmLayoutOptions){ .width_cols = 40, .ascii = TRUE, .fold_quotes = TRUE });
  assert_true (fm_layout_line (layout, 1, &line));
  assert_true (line.is_fold);
  assert_memory_equal (line.text, "[+] 2 quoted lines", line.size_bytes);
  assert_int_equal (fm_layout_find_anchor (layout, anchor), 3);
  assert_true (fm_layout_toggle_fold (layout, 1));
  assert_true (fm_layout_line (layout, 1, &line));
  assert_memory_equal (line.text, "> old one", line.size_bytes);
  assert_int_equal (fm_layout_find_anchor (layout, anchor), 4);
  assert_true (fm_layout_toggle_fold (layout, 2));
  assert_int_equal (fm_layout_find_anchor (layout, anchor), 3);
  assert_false (fm_layout_toggle_fold (layout, 0));
}

/* A fold tells how many lines it hides at this width, blank ones and a table's too. */
static void
folds_count_what_they_hide (void **state)
{
  static const char html[] = "<p>a</p><blockquote>aaaa bbbb cccc<p>d<table><tr><th>x<th>y<tr><td>1<td>2</table></blockquote><p>z</p>";
  g_autoptr (FmDoc) doc = fm_html_to_doc (html, strlen (html), NULL);
  g_autoptr (FmLayout) layout = fm_layout_new (doc, &(FmLayoutOptions){ .width_cols = 12, .ascii = TRUE, .fold_quotes = TRUE });
  FmLayoutLine line;
  guint folded = fm_layout_ensure (layout, G_MAXUINT), fold = 0;
  while (fm_layout_line (layout, fold, &line) && !line.is_fold)
    fold++;
  guint told = (guint) g_ascii_strtoull (line.text + 4, NULL, 10);
  assert_true (fm_layout_toggle_fold (layout, fold));
  assert_int_equal (fm_layout_ensure (layout, G_MAXUINT), folded - 1 + told);
  assert_int_equal (told, 7);
}

static void
searching (void **state)
{
  static const char text[] = "alpha beta gamma\ndelta Alpha\nnothing\nBETA GAMMA\n";
  g_autoptr (FmDoc) doc = fm_flowed_to_doc (text, strlen (text), NULL);
  g_autoptr (FmLayout) layout = fm_layout_new (doc, &(FmLayoutOptions){ .width_cols = 10, .ascii = TRUE });
  FmLayoutLine line;
  guint at = 0;
  fm_layout_set_needle (layout, "beta gamma");
  assert_true (fm_layout_find (layout, -1, FALSE, &at)); /* "alpha beta" / "gamma": across the soft break */
  assert_int_equal (at, 0);
  assert_true (fm_layout_line (layout, 1, &line));
  assert_int_equal (line.runs[0].style & FM_STYLE_MATCH, FM_STYLE_MATCH);
  assert_true (fm_layout_find (layout, 0, FALSE, &at));
  assert_int_equal (at, 5);
  assert_false (fm_layout_find (layout, 5, FALSE, &at));
  assert_true (fm_layout_find (layout, 5, TRUE, &at));
  assert_int_equal (at, 0);
}

static void
a_huge_text_opens_at_once (void **state)
{
  GString *text = g_string_new (NULL);
  while (text->len < 1 << 20)
    g_string_append (text, "A line of no importance that is there to fill the page and more than the page, well past eighty.\n");
  g_autoptr (FmDoc) doc = fm_flowed_to_doc (text->str, text->len, NULL);
  g_autoptr (FmDoc) first = fm_flowed_to_doc (text->str, text->len, &(FmFlowedOptions){ .max_bytes = 4096 });
  g_autoptr (FmLayout) layout = fm_layout_new (doc, &(FmLayoutOptions){ .width_cols = 80 });
  gboolean complete = TRUE;
  fm_layout_ensure (layout, 50);
  assert_true (fm_layout_n_lines (layout, &complete) < 400);
  assert_false (complete);
  assert_true (fm_doc_is_truncated (first));
  while (!fm_layout_step (layout, 1000))
    ;
  assert_true (fm_layout_n_lines (layout, &complete) > 20000);
  g_string_free (text, TRUE);
}

static void
flowed_encoding_comes_back (void **state)
{
  static const char text[] = "A paragraph that is long enough to be broken by the encoder somewhere near its end, twice or so, I hope.\n\n "
                             "From here\n> quoted\n-- \nme\n";
  g_autofree char *sent = fm_flowed_encode (text);
  g_autoptr (FmDoc) doc = fm_flowed_to_doc (sent, strlen (sent), &(FmFlowedOptions){ .flowed = TRUE });
  g_autofree char *back = fm_doc_to_plain (doc, 0);
  assert_string_equal (back, text);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (quotes_and_flow),
    cmocka_unit_test (short_lines_of_patches),
    cmocka_unit_test (breaking),
    cmocka_unit_test (html_pages),
    cmocka_unit_test (deep_nesting_is_bounded),
    cmocka_unit_test (folding_and_skipping),
    cmocka_unit_test (folds_count_what_they_hide),
    cmocka_unit_test (searching),
    cmocka_unit_test (a_huge_text_opens_at_once),
    cmocka_unit_test (flowed_encoding_comes_back),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}

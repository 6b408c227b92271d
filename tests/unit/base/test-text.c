/* Text from outside: every rule of the header by example, then two sweeps over many byte strings for what must always hold. */
#include "test.h"

#include <fulmar/base/text.h>

#include <string.h>

#define FFFD "\xef\xbf\xbd"

static void
test_char_width (void **state)
{
  assert_int_equal (fm_text_char_width ('a'), 1);
  assert_int_equal (fm_text_char_width (0), 0);
  assert_int_equal (fm_text_char_width (0x1b), 0);
  assert_int_equal (fm_text_char_width (0x7f), 0);
  assert_int_equal (fm_text_char_width (0x9b), 0);
  assert_int_equal (fm_text_char_width (0xa0), 1);
  assert_int_equal (fm_text_char_width (0xad), 0);
  assert_int_equal (fm_text_char_width (0xe9), 1);
  assert_int_equal (fm_text_char_width (0x301), 0);   /* combining acute */
  assert_int_equal (fm_text_char_width (0x200d), 0);  /* joiner */
  assert_int_equal (fm_text_char_width (0x2028), 0);  /* line separator */
  assert_int_equal (fm_text_char_width (0x4e2d), 2);  /* CJK */
  assert_int_equal (fm_text_char_width (0xff21), 2);  /* full width A */
  assert_int_equal (fm_text_char_width (0xac00), 2);  /* Hangul syllable */
  assert_int_equal (fm_text_char_width (0x1f600), 2); /* emoji */
  assert_int_equal (fm_text_char_width (0x2764), 1);  /* heart without VS16 */
  assert_int_equal (fm_text_char_width (0x1f1e9), 1); /* half a flag */
  assert_int_equal (fm_text_char_width (0x2500), 1);  /* box drawing */
  assert_int_equal (fm_text_char_width (0xfffd), 1);
}

static void
test_width (void **state)
{
  assert_int_equal (fm_text_width ("", -1), 0);
  assert_int_equal (fm_text_width ("plain", -1), 5);
  assert_int_equal (fm_text_width ("plain", 3), 3);
  assert_int_equal (fm_text_width ("e\xcc\x81t\xc3\xa9", -1), 3);
  assert_int_equal (fm_text_width ("\xe4\xb8\xad\xe6\x96\x87!", -1), 5);
}

static void
test_line_controls (void **state)
{
  assert_text (fm_text_sanitise_line ("plain text", -1), "plain text");
  assert_text (fm_text_sanitise_line ("", -1), "");
  assert_text (fm_text_sanitise_line ("a\x1b[31mb", -1), "a [31mb");
  assert_text (fm_text_sanitise_line ("a\r\n\tb", -1), "a b");
  assert_text (fm_text_sanitise_line ("a \t  b  c", -1), "a b c");
  assert_text (fm_text_sanitise_line ("a\0b", 3), "a b");
  assert_text (fm_text_sanitise_line ("a\x7f"
                                      "b",
                                      -1),
               "a b");
  assert_text (fm_text_sanitise_line ("a\xc2\x9b"
                                      "31mb",
                                      -1),
               "a 31mb"); /* C1 CSI */
  assert_text (fm_text_sanitise_line ("a\xe2\x80\xa8"
                                      "b\xe2\x80\xa9"
                                      "c",
                                      -1),
               "a b c"); /* U+2028, U+2029 */
  assert_text (fm_text_sanitise_line ("a \xc2\xa0 b\xe3\x80\x80"
                                      "c",
                                      -1),
               "a b c"); /* no-break and ideographic space */
}

static void
test_line_formats (void **state)
{
  assert_text (fm_text_sanitise_line ("evil\xe2\x80\xae"
                                      "fdp.exe",
                                      -1),
               "evilfdp.exe"); /* RLO */
  assert_text (fm_text_sanitise_line ("a\xe2\x80\x8b"
                                      "b\xe2\x80\x8d"
                                      "c\xef\xbb\xbf"
                                      "d",
                                      -1),
               "abcd");                                                                 /* ZWSP ZWJ BOM */
  assert_text (fm_text_sanitise_line ("\xe2\x9d\xa4\xef\xb8\x8f", -1), "\xe2\x9d\xa4"); /* VS16 */
  assert_text (fm_text_sanitise_line ("x\xf3\xa0\x81\xa7y", -1), "xy");                 /* tag */
  assert_text (fm_text_sanitise_line ("x\xf3\xa0\x80\x82y", -1), "xy");                 /* reserved among the tags */
  assert_text (fm_text_sanitise_line ("co\xc2\xadop", -1), "coop");                     /* soft hyphen */
  assert_text (fm_text_sanitise_line ("e\xcc\x81", -1), "e\xcc\x81");                   /* marks stay */
  assert_text (fm_text_sanitise_line ("\xe2\x81\xa6"
                                      "a\xe2\x81\xa9\xd8\x9c",
                                      -1),
               "a"); /* isolates, ALM */
}

static void
test_line_broken (void **state)
{
  assert_text (fm_text_sanitise_line ("a\xff"
                                      "b",
                                      -1),
               "a" FFFD "b");
  assert_text (fm_text_sanitise_line ("a\xe4\xb8", -1), "a" FFFD FFFD);              /* cut */
  assert_text (fm_text_sanitise_line ("\xe4\xb8\xad", 2), FFFD FFFD);                /* cut by the length */
  assert_text (fm_text_sanitise_line ("\xc0\xaf", -1), FFFD FFFD);                   /* overlong slash */
  assert_text (fm_text_sanitise_line ("\xed\xa0\x80", -1), FFFD FFFD FFFD);          /* surrogate */
  assert_text (fm_text_sanitise_line ("\xf4\x90\x80\x80", -1), FFFD FFFD FFFD FFFD); /* beyond U+10FFFF */
}

static void
test_block (void **state)
{
  assert_text (fm_text_sanitise_block ("a\r\nb\rc\nd\te", -1), "a\nb\nc\nd\te");
  assert_text (fm_text_sanitise_block ("a  b\n\n\n", -1), "a  b\n\n\n");
  assert_text (fm_text_sanitise_block ("a\x1b[2Jb\x07\x0c"
                                       "c",
                                       -1),
               "a [2Jb  c");
  assert_text (fm_text_sanitise_block ("a\0\r", 3), "a \n");
  assert_text (fm_text_sanitise_block ("a\xe2\x80\xae"
                                       "b\xff",
                                       -1),
               "ab" FFFD);
}

static gsize
fit (const char *text, int width_cols)
{
  int width = -1;
  gsize size_bytes = fm_text_fit (text, -1, width_cols, &width);

  assert_int_equal (width, fm_text_width (text, (gssize) size_bytes));
  assert_true (width <= MAX (width_cols, 0));
  return size_bytes;
}

static void
test_fit (void **state)
{
  assert_int_equal (fit ("hello", 3), 3);
  assert_int_equal (fit ("hello", 9), 5);
  assert_int_equal (fit ("hello", 0), 0);
  assert_int_equal (fit ("hello", -2), 0);
  assert_int_equal (fit ("a\xe4\xb8\xad", 2), 1);       /* no half of a wide character */
  assert_int_equal (fit ("ae\xcc\x81\xcc\x82z", 2), 6); /* all marks with their base */
  assert_int_equal (fm_text_fit ("abc", 2, 9, NULL), 2);
}

static void
test_ellipsize (void **state)
{
  assert_text (fm_text_ellipsize ("hello", 5, FALSE), "hello");
  assert_text (fm_text_ellipsize ("hello", 4, FALSE), "hel\xe2\x80\xa6");
  assert_text (fm_text_ellipsize ("hello", 4, TRUE), "h...");
  assert_text (fm_text_ellipsize ("hello", 2, TRUE), "..");
  assert_text (fm_text_ellipsize ("hello", 0, FALSE), "");
  assert_text (fm_text_ellipsize ("hello", -1, TRUE), "");
  assert_text (fm_text_ellipsize ("\xe4\xb8\xad\xe6\x96\x87", 3, FALSE), "\xe4\xb8\xad\xe2\x80\xa6");
  assert_text (fm_text_ellipsize ("\xe4\xb8\xad\xe6\x96\x87", 2, FALSE), "\xe2\x80\xa6");
}

static void
test_fold (void **state)
{
  assert_text (fm_text_fold ("Hello World"), "hello world");
  assert_text (fm_text_fold ("STRASSE"), "strasse");
  assert_text (fm_text_fold ("Stra\xc3\x9f"
                             "e"),
               "strasse");
  assert_text (fm_text_fold ("\xef\xbc\xa1\xef\xac\x81"), "afi"); /* full width A, fi ligature */
  assert_text (fm_text_fold ("E\xcc\x81"), "\xc3\xa9");           /* decomposed equals composed */
  assert_text (fm_text_fold ("\xff"), FFFD);
}

static void
test_distance (void **state)
{
  g_autofree char *endless = g_strnfill (1000000, 'x');

  assert_int_equal (fm_text_distance ("theme", "theme", 3), 0);
  assert_int_equal (fm_text_distance ("theme", "thme", 3), 1);
  assert_int_equal (fm_text_distance ("theme", "tehme", 3), 1); /* a swap is one slip */
  assert_int_equal (fm_text_distance ("kitten", "sitting", 3), 3);
  assert_int_equal (fm_text_distance ("kitten", "sitting", 2), 3);
  assert_int_equal (fm_text_distance ("", "abc", 5), 3);
  assert_int_equal (fm_text_distance (endless, "theme", 3), 4);
}

static void
test_nearest (void **state)
{
  static const char *const keys[] = { "theme", "layout", "mouse", "threads", NULL };
  static const char *const none[] = { NULL };

  assert_string_equal (fm_text_nearest ("thme", keys), "theme");
  assert_string_equal (fm_text_nearest ("LAYOTU", keys), "layout");
  assert_string_equal (fm_text_nearest ("thread", keys), "threads");
  assert_null (fm_text_nearest ("banana", keys));
  assert_null (fm_text_nearest ("", keys));
  assert_null (fm_text_nearest ("theme", none));
}

/* What must hold of any output, whatever went in. */
static void
check_output (const char *out, gboolean block)
{
  const char *p;

  assert_true (g_utf8_validate (out, -1, NULL));
  for (p = out; *p != '\0'; p = g_utf8_next_char (p))
    {
      gunichar c = g_utf8_get_char (p);

      assert_false (g_unichar_iscntrl (c) && !(block && (c == '\n' || c == '\t')));
      assert_false (g_unichar_type (c) == G_UNICODE_FORMAT);
      assert_false (c == 0x2028 || c == 0x2029);
    }
  assert_true (block || strstr (out, "  ") == NULL);
}

static void
check_bytes (const char *bytes, gsize size_bytes)
{
  g_autofree char *exact = g_memdup2 (bytes, size_bytes); /* no NUL after it: a read past the end is caught by the sanitizer */
  g_autofree char *line = fm_text_sanitise_line (exact, (gssize) size_bytes);
  g_autofree char *block = fm_text_sanitise_block (exact, (gssize) size_bytes);

  check_output (line, FALSE);
  check_output (block, TRUE);
  assert_text (fm_text_sanitise_line (line, -1), line);
  assert_text (fm_text_sanitise_block (block, -1), block);
  assert_true (fm_text_width (exact, (gssize) size_bytes) >= 0);
}

static void
test_every_code_point (void **state)
{
  gunichar c;

  for (c = 1; c <= 0x10ffff; c++)
    {
      char bytes[8];
      int n;

      if (c >= 0xd800 && c < 0xe000)
        continue;
      n = g_unichar_to_utf8 (c, bytes);
      if (c < 0x3000 || c % 7 == 0 || c >= 0xe0000)
        check_bytes (bytes, (gsize) n);
      assert_in_range (fm_text_char_width (c), 0, 2);
    }
}

static void
test_random_bytes (void **state)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (7);
  int round;

  for (round = 0; round < 20000; round++)
    {
      char bytes[24];
      gsize i, n = (gsize) g_rand_int_range (rand, 1, sizeof bytes);

      for (i = 0; i < n; i++)
        bytes[i] = (char) (g_rand_boolean (rand) ? g_rand_int_range (rand, 0, 256) : g_rand_int_range (rand, 0xe0, 0xf4));
      check_bytes (bytes, n);
    }
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_char_width),   cmocka_unit_test (test_width),       cmocka_unit_test (test_line_controls),
    cmocka_unit_test (test_line_formats), cmocka_unit_test (test_line_broken), cmocka_unit_test (test_block),
    cmocka_unit_test (test_fit),          cmocka_unit_test (test_ellipsize),   cmocka_unit_test (test_fold),
    cmocka_unit_test (test_distance),     cmocka_unit_test (test_nearest),     cmocka_unit_test (test_every_code_point),
    cmocka_unit_test (test_random_bytes),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}

/* The canvas: what text becomes on its way into cells, clipping, wide characters, and the difference between two frames. */
#include "ui/canvas.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static const FmLook plain = { 0 };

/* One row of 20 columns with TEXT on it. */
static void
assert_row (gboolean ascii, const char *text, const char *expected, int expected_width)
{
  g_autoptr (FmCanvas) canvas = fm_canvas_new (20, 1, ascii);
  int width = fm_canvas_text (canvas, fm_canvas_rect (canvas), 0, 0, plain, text, -1);
  g_autofree char *dump = fm_canvas_dump (canvas);
  g_autofree char *line = g_strconcat (expected, "\n", NULL);
  assert_string_equal (dump, line);
  assert_int_equal (width, expected_width);
  assert_int_equal (fm_canvas_text_width (canvas, text, -1), expected_width);
}

static void
test_clusters (void **state)
{
  assert_row (FALSE, "plain", "plain", 5);
  assert_row (FALSE, "日本語", "日本語", 6);
  assert_row (FALSE, "e\u0301t", "ét", 2);                                 /* composed */
  assert_row (FALSE, "q\u0323\u0307!", "q\u0323\u0307!", 2);               /* kept as marks */
  assert_row (FALSE, "👨‍👩‍👧x", "👨x", 3);                      /* the tail of a family */
  assert_row (FALSE, "👍🏽x", "👍x", 3);                                /* skin tone */
  assert_row (FALSE, "❤️x", "❤x", 2);                                  /* VS16 */
  assert_row (FALSE, "🇩🇪x", "DEx", 3);                                     /* a flag */
  assert_row (FALSE, "🏴\U000e0067\U000e0062\U000e007fx", "🏴x", 3);   /* a tag sequence */
  assert_row (FALSE, "a\u200bb\u202ec\ufeffd\u00ade", "abcde", 5);         /* format characters */
  assert_row (FALSE, "\uE0B0x\u0378", "\ufffdx\ufffd", 3);                 /* private use, unassigned */
  assert_row (FALSE, "a\033[31mb\007\x7f", "a\ufffd[31mb\ufffd\ufffd", 9); /* control bytes */
  assert_row (FALSE, "a\xff\xc3z", "a\ufffd\ufffdz", 4);                   /* broken UTF-8 */
  assert_row (FALSE, "\u0301x", "x", 1);                                   /* a mark without a base */
  assert_row (FALSE, "a\u0300\u0301\u0302\u0303\u0304\u0305\u0306z", "à\u0301\u0302\u0303z", 2);
  assert_row (FALSE, "می\u200cخواهم", "میخواهم", 7);
}

static void
test_ascii (void **state)
{
  assert_row (TRUE, "Gödel – “so”…", "Godel - \"so\".", 13);
  assert_row (TRUE, "日x", "??x", 3);
  assert_row (TRUE, "├─>", "|->", 3);
}

static void
test_clip (void **state)
{
  g_autoptr (FmCanvas) canvas = fm_canvas_new (8, 2, FALSE);
  fm_canvas_text (canvas, fm_canvas_rect (canvas), 0, 0, plain, "........", -1);
  fm_canvas_text (canvas, (FmRect){ 2, 0, 3, 1 }, 2, 0, plain, "a日本", -1);
  fm_canvas_text (canvas, (FmRect){ 2, 1, 3, 1 }, 0, 1, plain, "abcdefgh", -1);
  g_autofree char *dump = fm_canvas_dump (canvas);
  assert_string_equal (dump, "..a日...\n  cde\n");
  /* Nothing outside the canvas, whatever the rectangle says. */
  fm_canvas_text (canvas, (FmRect){ -5, -5, 100, 100 }, 7, 1, plain, "日", -1);
  fm_canvas_text (canvas, (FmRect){ -5, -5, 100, 100 }, -1, 0, plain, "日x", -1);
  fm_canvas_fill (canvas, (FmRect){ -9, 5, 100, 100 }, plain);
  g_autofree char *edges = fm_canvas_dump (canvas);
  assert_string_equal (edges, " xa日...\n  cde\n");
}

static void
test_overwrite_half (void **state)
{
  g_autoptr (FmCanvas) canvas = fm_canvas_new (6, 1, FALSE);
  FmRect all = fm_canvas_rect (canvas);
  fm_canvas_text (canvas, all, 0, 0, plain, "日本語", -1);
  fm_canvas_text (canvas, all, 1, 0, plain, "x", -1);
  fm_canvas_text (canvas, all, 4, 0, plain, "y", -1);
  g_autofree char *dump = fm_canvas_dump (canvas);
  assert_string_equal (dump, " x本y\n");
  assert_int_equal (fm_canvas_cell (canvas, 5, 0)->width, 1);
}

static void
test_field (void **state)
{
  g_autoptr (FmCanvas) canvas = fm_canvas_new (10, 3, FALSE);
  FmRect all = fm_canvas_rect (canvas);
  fm_canvas_field (canvas, all, 0, 0, 5, plain, "Grace Hopper");
  fm_canvas_field_right (canvas, all, 0, 1, 5, plain, "4k");
  fm_canvas_field (canvas, all, 0, 2, 4, plain, "日本語");
  g_autofree char *dump = fm_canvas_dump (canvas);
  assert_string_equal (dump, "Grac…\n   4k\n日…\n");
}

static void
collect (const FmCanvas *after, int y, int x0, int x1, gpointer data)
{
  g_string_append_printf (data, "%d:%d-%d ", y, x0, x1);
}

static void
test_diff (void **state)
{
  g_autoptr (FmCanvas) before = fm_canvas_new (10, 2, FALSE);
  g_autoptr (FmCanvas) after = fm_canvas_new (10, 2, FALSE);
  g_autoptr (GString) runs = g_string_new (NULL);
  FmRect all = fm_canvas_rect (after);
  fm_canvas_diff (before, after, collect, runs);
  assert_string_equal (runs->str, "");
  fm_canvas_text (after, all, 1, 0, plain, "ab", -1);
  fm_canvas_text (after, all, 4, 0, plain, "c", -1);
  fm_canvas_text (after, all, 2, 1, plain, "日", -1);
  fm_canvas_diff (before, after, collect, runs);
  assert_string_equal (runs->str, "0:1-3 0:4-5 1:2-4 ");
  fm_canvas_copy (before, after);
  g_string_truncate (runs, 0);
  fm_canvas_restyle (after, (FmRect){ 3, 1, 1, 1 }, (FmLook){ .attrs = FM_ATTR_BOLD });
  fm_canvas_diff (before, after, collect, runs);
  assert_string_equal (runs->str, "1:2-4 ");
  g_string_truncate (runs, 0);
  fm_canvas_resize (after, 4, 1);
  fm_canvas_diff (before, after, collect, runs);
  assert_string_equal (runs->str, "0:0-4 ");
}

static void
test_box_and_sizes (void **state)
{
  g_autoptr (FmCanvas) canvas = fm_canvas_new (12, 3, FALSE);
  fm_canvas_box (canvas, fm_canvas_rect (canvas), plain, "Hi");
  g_autofree char *dump = fm_canvas_dump (canvas);
  assert_string_equal (dump, "┌─ Hi ─────┐\n│          │\n└──────────┘\n");
  fm_canvas_resize (canvas, 0, -4);
  assert_int_equal (fm_canvas_width (canvas), 1);
  fm_canvas_resize (canvas, 1 << 30, 1);
  assert_int_equal (fm_canvas_width (canvas), FM_CANVAS_SIDE_MAX);
  fm_canvas_box (canvas, (FmRect){ 0, 0, 0, 0 }, plain, "x");
}

static void
test_cursor (void **state)
{
  g_autoptr (FmCanvas) canvas = fm_canvas_new (4, 4, FALSE);
  int x = -1, y = -1;
  fm_canvas_set_cursor (canvas, 9, 0, TRUE);
  assert_false (fm_canvas_get_cursor (canvas, &x, &y));
  fm_canvas_set_cursor (canvas, 3, 2, TRUE);
  assert_true (fm_canvas_get_cursor (canvas, &x, &y));
  assert_int_equal (x, 3);
  assert_int_equal (y, 2);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_clusters),       cmocka_unit_test (test_ascii),  cmocka_unit_test (test_clip),
    cmocka_unit_test (test_overwrite_half), cmocka_unit_test (test_field),  cmocka_unit_test (test_diff),
    cmocka_unit_test (test_box_and_sizes),  cmocka_unit_test (test_cursor),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}

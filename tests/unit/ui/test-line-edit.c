/* The line under the user's hands, and the letters that choose from a menu. */
#include "ui/fuzzy.h"
#include "ui/line-edit.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static const FmKey left = { FM_KEY_LEFT, 0 }, right = { FM_KEY_RIGHT, 0 }, backspace = { FM_KEY_BACKSPACE, 0 }, del = { FM_KEY_DELETE, 0 };

static void
press (FmLineEdit *edit, const char *controls)
{
  for (; *controls; controls++)
    assert_true (fm_line_edit_key (edit, (FmKey){ (guint32) *controls, FM_MOD_CTRL }));
}

static void
type (FmLineEdit *edit, const char *text)
{
  for (; *text; text = g_utf8_next_char (text))
    assert_true (fm_line_edit_key (edit, (FmKey){ g_utf8_get_char (text), 0 }));
}

static void
test_typing (void **state)
{
  g_autoptr (FmLineEdit) edit = fm_line_edit_new (NULL);
  type (edit, "hé  日本");
  assert_string_equal (fm_line_edit_text (edit), "hé  日本");
  fm_line_edit_key (edit, left);
  type (edit, "x");
  assert_string_equal (fm_line_edit_text (edit), "hé  日x本");
  fm_line_edit_key (edit, backspace);
  fm_line_edit_key (edit, backspace);
  fm_line_edit_key (edit, del);
  assert_string_equal (fm_line_edit_text (edit), "hé  ");
  fm_line_edit_key (edit, del);
  assert_string_equal (fm_line_edit_text (edit), "hé  ");
}

static void
test_combining (void **state)
{
  g_autoptr (FmLineEdit) edit = fm_line_edit_new ("aq\u0323b");
  fm_line_edit_key (edit, left);
  fm_line_edit_key (edit, left);
  assert_int_equal (fm_line_edit_cursor (edit), 1);
  fm_line_edit_key (edit, right);
  fm_line_edit_key (edit, backspace);
  assert_string_equal (fm_line_edit_text (edit), "ab");
}

static void
test_emacs (void **state)
{
  g_autoptr (FmLineEdit) edit = fm_line_edit_new ("move work/Archive now");
  press (edit, "w");
  assert_string_equal (fm_line_edit_text (edit), "move work/Archive ");
  press (edit, "yay");
  assert_string_equal (fm_line_edit_text (edit), "nowmove work/Archive now");
  press (edit, "k");
  assert_string_equal (fm_line_edit_text (edit), "now");
  press (edit, "eu");
  assert_string_equal (fm_line_edit_text (edit), "");
  press (edit, "bfdh");
  fm_line_edit_set (edit, "one two three");
  fm_line_edit_key (edit, (FmKey){ 'b', FM_MOD_ALT });
  assert_int_equal (fm_line_edit_cursor (edit), 8);
  fm_line_edit_key (edit, (FmKey){ FM_KEY_BACKSPACE, FM_MOD_ALT });
  assert_string_equal (fm_line_edit_text (edit), "one three");
  fm_line_edit_key (edit, (FmKey){ 'd', FM_MOD_ALT });
  assert_string_equal (fm_line_edit_text (edit), "one ");
}

static void
test_foreign_text (void **state)
{
  g_autoptr (FmLineEdit) edit = fm_line_edit_new ("");
  g_autofree char *huge = g_strnfill (FM_LINE_EDIT_MAX_BYTES + 1, 'x');
  fm_line_edit_insert (edit, "a\nb\033[Ac\xff");
  assert_null (strpbrk (fm_line_edit_text (edit), "\n\033"));
  assert_true (g_utf8_validate (fm_line_edit_text (edit), -1, NULL));
  fm_line_edit_insert (edit, huge);
  assert_true (strlen (fm_line_edit_text (edit)) < 20);
  assert_false (fm_line_edit_key (edit, (FmKey){ FM_KEY_F1, 0 }));
}

static void
test_draw_scrolls (void **state)
{
  g_autoptr (FmCanvas) canvas = fm_canvas_new (10, 1, FALSE);
  g_autoptr (FmLineEdit) edit = fm_line_edit_new ("abcdefghijklmnop");
  assert_int_equal (fm_line_edit_draw (edit, canvas, fm_canvas_rect (canvas), (FmLook){ 0 }, FALSE), 9);
  g_autofree char *end = fm_canvas_dump (canvas);
  assert_string_equal (end, "hijklmnop\n");
  press (edit, "a");
  assert_int_equal (fm_line_edit_draw (edit, canvas, fm_canvas_rect (canvas), (FmLook){ 0 }, FALSE), 0);
  g_autofree char *begin = fm_canvas_dump (canvas);
  assert_string_equal (begin, "abcdefghij\n");
  fm_line_edit_set (edit, "pass");
  fm_line_edit_draw (edit, canvas, fm_canvas_rect (canvas), (FmLook){ 0 }, TRUE);
  g_autofree char *secret = fm_canvas_dump (canvas);
  assert_string_equal (secret, "****\n");
}

static void
test_fuzzy (void **state)
{
  assert_true (fm_fuzzy_score ("nm", "work/lists/notmuch") > 0);
  assert_true (fm_fuzzy_score ("xyz", "work/lists/notmuch") < 0);
  assert_int_equal (fm_fuzzy_score ("", "anything"), 0);
  assert_true (fm_fuzzy_score ("arc", "work/archive") > fm_fuzzy_score ("arc", "work/a/roadmap/cars"));
  assert_true (fm_fuzzy_score ("inbox", "old/inbox") > fm_fuzzy_score ("inbox", "work/lists/inner-box"));
  assert_true (fm_fuzzy_score ("sent", "work/sent") > fm_fuzzy_score ("sent", "work/absent-minded"));
  assert_true (fm_fuzzy_score ("work arc", "work/archive") > 0);
  assert_true (fm_fuzzy_score ("home arc", "work/archive") < 0);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_typing),       cmocka_unit_test (test_combining),    cmocka_unit_test (test_emacs),
    cmocka_unit_test (test_foreign_text), cmocka_unit_test (test_draw_scrolls), cmocka_unit_test (test_fuzzy),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}

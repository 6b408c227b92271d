/* Themes: what is read, what is refused, and what becomes of colours on poorer terminals. */
#include "ui/theme.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static const char sample[] = "# a comment\n"
                             "colour sea = #102030\n"
                             "normal = white sea\n"
                             "list.unread = - - bold\n"
                             "quote1 = green default\n"
                             "error = bright-red colour17 bold underline\n";

static void
test_read (void **state)
{
  g_autoptr (GPtrArray) problems = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (FmTheme) theme = fm_theme_parse (sample, -1, "x", FM_DEPTH_DIRECT, problems);
  assert_int_equal (problems->len, 0);
  FmLook unread = fm_theme_look (theme, FM_ROLE_LIST_UNREAD);
  assert_int_equal (unread.fg, FM_COLOUR_INDEX (7));
  assert_int_equal (unread.bg, FM_COLOUR_RGB (0x102030));
  assert_int_equal (unread.attrs, FM_ATTR_BOLD);
  assert_int_equal (fm_theme_look (theme, FM_ROLE_QUOTE3).fg, FM_COLOUR_INDEX (2)); /* inherited over two levels */
  assert_int_equal (fm_theme_look (theme, FM_ROLE_ERROR).attrs, FM_ATTR_BOLD | FM_ATTR_UNDERLINE);
  FmLook over = fm_theme_over (theme, FM_ROLE_LIST_UNREAD, (FmLook){ FM_COLOUR_INDEX (1), FM_COLOUR_INDEX (2), FM_ATTR_ITALIC });
  assert_int_equal (over.fg, FM_COLOUR_INDEX (1));
  assert_int_equal (over.attrs, FM_ATTR_BOLD | FM_ATTR_ITALIC);
}

static void
test_problems (void **state)
{
  static const char bad[]
      = "nonsense\nnormal = white\nlist.unraed = red -\nlist = purpel -\nlist = red - blink\nquote1 = #12345 -\nquote2 = yellow -\n";
  static const char *const expected[] = { "x:1:", "x:2:", "did you mean list.unread", "purpel", "blink", "#12345" };
  g_autoptr (GPtrArray) problems = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (FmTheme) theme = fm_theme_parse (bad, -1, "x", FM_DEPTH_256, problems);
  assert_int_equal (problems->len, G_N_ELEMENTS (expected));
  for (guint i = 0; i < problems->len; i++)
    assert_non_null (strstr (g_ptr_array_index (problems, i), expected[i]));
  assert_int_equal (fm_theme_look (theme, FM_ROLE_QUOTE2).fg, FM_COLOUR_INDEX (3)); /* the good line counts */
}

static void
test_degrade (void **state)
{
  assert_int_equal (fm_theme_degrade (FM_COLOUR_RGB (0xff0000), FM_DEPTH_256), FM_COLOUR_INDEX (196));
  assert_int_equal (fm_theme_degrade (FM_COLOUR_RGB (0x808080), FM_DEPTH_256), FM_COLOUR_INDEX (244));
  assert_int_equal (fm_theme_degrade (FM_COLOUR_RGB (0xfe0102), FM_DEPTH_16), FM_COLOUR_INDEX (9));
  assert_int_equal (fm_theme_degrade (FM_COLOUR_RGB (0xfe0102), FM_DEPTH_8), FM_COLOUR_INDEX (1));
  assert_int_equal (fm_theme_degrade (FM_COLOUR_INDEX (12), FM_DEPTH_8), FM_COLOUR_INDEX (4));
  assert_int_equal (fm_theme_degrade (FM_COLOUR_INDEX (16), FM_DEPTH_16), FM_COLOUR_INDEX (0));
  assert_int_equal (fm_theme_degrade (FM_COLOUR_INDEX (12), FM_DEPTH_MONO), FM_COLOUR_DEFAULT);
  assert_int_equal (fm_theme_degrade (FM_COLOUR_DEFAULT, FM_DEPTH_8), FM_COLOUR_DEFAULT);
}

/* Each built-in theme is without mistakes at every depth; what must be told apart is, also without colour. */
static void
test_builtin (void **state)
{
  static const FmRole apart[][2] = {
    { FM_ROLE_CURSOR, FM_ROLE_LIST },      { FM_ROLE_CURSOR, FM_ROLE_CURSOR_IDLE }, { FM_ROLE_LIST_UNREAD, FM_ROLE_LIST },
    { FM_ROLE_MENU_CURSOR, FM_ROLE_MENU }, { FM_ROLE_MATCH, FM_ROLE_TEXT },         { FM_ROLE_ERROR, FM_ROLE_MESSAGE },
  };
  for (const char *const *name = fm_theme_names (); *name; name++)
    for (FmDepth depth = FM_DEPTH_MONO; depth <= FM_DEPTH_DIRECT; depth++)
      {
        g_autoptr (GPtrArray) problems = g_ptr_array_new_with_free_func (g_free);
        g_autoptr (FmTheme) theme = fm_theme_load (*name, depth, problems);
        assert_int_equal (problems->len, 0);
        for (guint i = 0; i < G_N_ELEMENTS (apart); i++)
          assert_false (fm_look_equal (fm_theme_look (theme, apart[i][0]), fm_theme_look (theme, apart[i][1])));
        if (depth == FM_DEPTH_MONO)
          for (FmRole role = 0; role < FM_ROLE_COUNT; role++)
            assert_int_equal (fm_theme_look (theme, role).fg | fm_theme_look (theme, role).bg, FM_COLOUR_DEFAULT);
      }
}

/* With eight colours a grey would become black or white: invisible on a ground of that colour, whatever the terminal's is. */
static void
test_greys (void **state)
{
  for (const char *const *name = fm_theme_names (); *name; name++)
    {
      g_autoptr (FmTheme) theme = fm_theme_load (*name, FM_DEPTH_8, NULL);
      for (FmRole role = 0; role < FM_ROLE_COUNT; role++)
        {
          FmLook look = fm_theme_look (theme, role);
          assert_true (look.fg != look.bg || look.fg == FM_COLOUR_DEFAULT);
        }
      FmLook border = fm_theme_look (theme, FM_ROLE_BORDER), status = fm_theme_look (theme, FM_ROLE_STATUS);
      assert_int_equal (border.fg | border.bg, FM_COLOUR_DEFAULT);
      assert_false (fm_look_equal (status, fm_theme_look (theme, FM_ROLE_NORMAL)));
      assert_true (fm_theme_look (theme, FM_ROLE_STATUS_BAD).attrs & FM_ATTR_REVERSE);
      assert_false (fm_look_equal (fm_theme_look (theme, FM_ROLE_CURSOR_IDLE), fm_theme_look (theme, FM_ROLE_LIST)));
    }
}

static void
test_missing (void **state)
{
  g_autoptr (GPtrArray) problems = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (FmTheme) theme = fm_theme_load ("nrod", FM_DEPTH_256, problems);
  assert_non_null (theme);
  assert_int_equal (problems->len, 1);
  assert_non_null (strstr (g_ptr_array_index (problems, 0), "nord"));
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_read),    cmocka_unit_test (test_problems), cmocka_unit_test (test_degrade),
    cmocka_unit_test (test_builtin), cmocka_unit_test (test_greys),    cmocka_unit_test (test_missing),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}

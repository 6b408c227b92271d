/* Where the panes stand at the sizes the manual promises, and dates in seven columns. */
#include "ui/panes.h"
#include "ui/smart-date.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

static FmPanes
arrange (int width, int height, FmPane focus, FmPanesLayout layout, gboolean folders)
{
  FmPanesWish wish = { .layout = layout, .show_folders = folders, .show_pager = TRUE, .folders_width = 20, .focus = focus };
  return fm_panes_arrange ((FmRect){ 0, 1, width, height - 2 }, &wish);
}

static void
test_wide (void **state)
{
  FmPanes panes = arrange (120, 40, FM_PANE_LIST, FM_PANES_WIDE, TRUE);
  assert_int_equal (panes.folders.width, 20);
  assert_false (panes.folders_over);
  assert_int_equal (panes.list.x, 21);
  assert_int_equal (panes.list.width, 99);
  assert_int_equal (panes.list.height + 1 + panes.pager.height, 38);
  assert_int_equal (panes.pager.y, panes.list.y + panes.list.height + 1);
}

static void
test_80x24 (void **state)
{
  FmPanes panes = arrange (80, 24, FM_PANE_LIST, FM_PANES_WIDE, FALSE);
  assert_int_equal (panes.folders.width, 0);
  assert_int_equal (panes.list.height, 6);
  assert_true (panes.pager.height >= 14);
  assert_int_equal (panes.list.width, 80);
  panes = arrange (80, 24, FM_PANE_FOLDERS, FM_PANES_WIDE, TRUE);
  assert_true (panes.folders_over);
  assert_int_equal (panes.list.width, 80);
}

static void
test_narrow (void **state)
{
  FmPanes panes = arrange (40, 10, FM_PANE_LIST, FM_PANES_WIDE, TRUE);
  assert_int_equal (panes.list.height, 8);
  assert_int_equal (panes.folders.width + panes.pager.width, 0);
  panes = arrange (40, 10, FM_PANE_PAGER, FM_PANES_TALL, TRUE);
  assert_int_equal (panes.pager.height, 8);
  assert_int_equal (panes.list.width, 0);
  panes = arrange (40, 10, FM_PANE_FOLDERS, FM_PANES_WIDE, FALSE);
  assert_int_equal (panes.folders.width, 40);
}

static void
test_tall_and_list (void **state)
{
  FmPanes panes = arrange (160, 40, FM_PANE_LIST, FM_PANES_TALL, TRUE);
  assert_int_equal (panes.list.height, 38);
  assert_int_equal (panes.pager.height, 38);
  assert_int_equal (panes.list.width + 1 + panes.pager.width, 139);
  /* Three columns side by side would leave no room for a subject. */
  panes = arrange (100, 30, FM_PANE_LIST, FM_PANES_TALL, TRUE);
  assert_true (panes.folders_over);
  assert_int_equal (panes.list.width, 50);
  assert_int_equal (panes.pager.width, 49);
  panes = arrange (160, 40, FM_PANE_LIST, FM_PANES_LIST, TRUE);
  assert_int_equal (panes.list.width, 139);
  assert_int_equal (panes.pager.width, 0);
}

/* No size and no wish puts anything outside the room. */
static void
test_any_size (void **state)
{
  for (int width = 1; width < 200; width += 7)
    for (int height = 1; height < 60; height += 3)
      for (int i = 0; i < 18; i++)
        {
          FmPanes panes = arrange (width, height, (FmPane) (i % 3), (FmPanesLayout) (i / 3 % 3), i / 9);
          FmRect rects[] = { panes.folders, panes.list, panes.pager, panes.list_edge };
          for (guint r = 0; r < G_N_ELEMENTS (rects); r++)
            assert_true (rects[r].x >= 0 && rects[r].x + rects[r].width <= width && rects[r].y + rects[r].height <= MAX (height - 1, 1));
        }
}

static void
assert_date (const char *then, const char *now, const char *format, const char *expected)
{
  g_autoptr (GDateTime) a = g_date_time_new_from_iso8601 (then, NULL), b = g_date_time_new_from_iso8601 (now, NULL);
  g_autofree char *text = fm_smart_date_format (g_date_time_to_unix (a), g_date_time_to_unix (b), format);
  assert_string_equal (text, expected);
}

static void
test_smart_date (void **state)
{
  assert_date ("2026-11-21T09:12:00Z", "2026-11-21T10:42:00Z", "smart", "09:12");
  assert_date ("2026-11-20T23:59:00Z", "2026-11-21T00:01:00Z", "smart", "Fri");
  assert_date ("2026-11-14T09:00:00Z", "2026-11-21T10:42:00Z", "smart", "14 Nov");
  assert_date ("2026-03-02T09:00:00Z", "2026-11-21T10:42:00Z", "smart", " 2 Mar");
  assert_date ("2025-12-31T09:00:00Z", "2026-01-21T10:42:00Z", "smart", "2025-12");
  assert_date ("2026-12-24T09:00:00Z", "2026-11-21T10:42:00Z", "smart", "24 Dec"); /* a clock ahead of ours */
  assert_date ("2026-11-21T09:12:00Z", "2026-11-21T10:42:00Z", "%d.%m.", "21.11.");
  g_autofree char *none = fm_smart_date_format (0, 1000, "smart");
  assert_string_equal (none, "");
}

int
main (void)
{
  setenv ("TZ", "UTC", 1);
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_wide),          cmocka_unit_test (test_80x24),    cmocka_unit_test (test_narrow),
    cmocka_unit_test (test_tall_and_list), cmocka_unit_test (test_any_size), cmocka_unit_test (test_smart_date),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}

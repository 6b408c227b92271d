/* Deadlines and the movable wall clock. */
#include "test.h"

#include <fulmar/base/clock.h>

#include <time.h>

static void
test_deadlines (void **state)
{
  gint64 now_us = fm_clock_mono_us ();
  gint64 deadline_us = fm_clock_deadline_us (5000);

  assert_true (fm_clock_mono_us () >= now_us);
  assert_true (deadline_us >= now_us + 5000 * 1000);
  assert_in_range (fm_clock_remaining_ms (deadline_us), 1, 5000);
  assert_int_equal (fm_clock_remaining_ms (now_us - 1), 0);
  assert_int_equal (fm_clock_remaining_ms (0), 0);
  assert_true (fm_clock_deadline_us (-1) == G_MAXINT64);
  assert_int_equal (fm_clock_remaining_ms (G_MAXINT64), -1);
  assert_int_equal (fm_clock_remaining_ms (G_MAXINT64 - 1), G_MAXINT);
}

/* Rounded down, the last fraction of a millisecond would be a busy loop of polls with 0. */
static void
test_rounds_up (void **state)
{
  int tries, left_ms = 0;

  for (tries = 0; tries < 1000 && left_ms == 0; tries++)
    left_ms = fm_clock_remaining_ms (fm_clock_mono_us () + 500);
  assert_int_equal (left_ms, 1);
}

static void
test_wall (void **state)
{
  gint64 offset_s = 100 * 365 * 86400LL;

  assert_in_range (fm_clock_now_utc () - 40 - time (NULL), 0, 2); /* the environment's 40 seconds */
  fm_clock_set_offset (offset_s);
  assert_in_range (fm_clock_now_utc () - offset_s - time (NULL), 0, 2);
  fm_clock_set_offset (0);
  assert_in_range (fm_clock_now_utc () - time (NULL), 0, 2);
}

int
main (void)
{
  const struct CMUnitTest tests[] = { cmocka_unit_test (test_deadlines), cmocka_unit_test (test_rounds_up), cmocka_unit_test (test_wall) };

  g_setenv ("FULMAR_TEST_CLOCK_OFFSET", "40", TRUE);
  return cmocka_run_group_tests (tests, NULL, NULL);
}

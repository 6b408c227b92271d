/* A cancel wakes what waits in poll(2), from any thread and for good. */
#include "test.h"

#include <fulmar/base/cancel.h>
#include <fulmar/base/clock.h>
#include <fulmar/base/error.h>
#include <fulmar/base/thread.h>

#include <poll.h>

static int
poll_cancel (FmCancel *cancel, int timeout_ms)
{
  struct pollfd wait = { .fd = fm_cancel_fd (cancel), .events = POLLIN };

  return poll (&wait, 1, timeout_ms);
}

static void
test_once_for_ever (void **state)
{
  g_autoptr (FmCancel) cancel = fm_cancel_new ();
  g_autoptr (GError) error = NULL;

  assert_false (fm_cancel_is_set (cancel));
  assert_true (fm_cancel_check (cancel, &error));
  assert_int_equal (poll_cancel (cancel, 0), 0);
  fm_cancel_trigger (cancel);
  fm_cancel_trigger (cancel);
  assert_true (fm_cancel_is_set (cancel));
  assert_int_equal (poll_cancel (cancel, 0), 1);
  assert_int_equal (poll_cancel (cancel, 0), 1);
  assert_false (fm_cancel_check (cancel, &error));
  assert_fm_error (error, FM_ERROR_CANCELLED);
}

static void
test_null (void **state)
{
  assert_false (fm_cancel_is_set (NULL));
  assert_int_equal (fm_cancel_fd (NULL), -1);
  assert_true (fm_cancel_check (NULL, NULL));
  fm_cancel_unref (NULL);
}

static void
wait_then_check (gpointer data)
{
  FmCancel *cancel = data;

  poll_cancel (cancel, 10000);
  if (fm_cancel_is_set (cancel))
    fm_cancel_unref (cancel);
}

static void
test_wakes_threads (void **state)
{
  FmCancel *cancel = fm_cancel_new ();
  gint64 start_us = fm_clock_mono_us ();
  FmThread *threads[4];
  gsize i;

  for (i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = fm_thread_start ("waiter", wait_then_check, fm_cancel_ref (cancel));
  fm_cancel_trigger (cancel);
  fm_cancel_unref (cancel);
  for (i = 0; i < G_N_ELEMENTS (threads); i++)
    fm_thread_join (threads[i]);
  assert_true (fm_clock_mono_us () - start_us < 5 * G_USEC_PER_SEC);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_once_for_ever),
    cmocka_unit_test (test_null),
    cmocka_unit_test (test_wakes_threads),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}

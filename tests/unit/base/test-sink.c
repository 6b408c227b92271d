/* The memory sink: bytes in order, the bound exact, ends final. */
#include "test.h"

#include <fulmar/base/error.h>
#include <fulmar/base/sink.h>

static void
test_collects (void **state)
{
  g_autoptr (FmSink) sink = fm_sink_new_memory (6);
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = NULL;

  assert_true (fm_sink_write (sink, "abc", 3, &error));
  assert_true (fm_sink_write (sink, NULL, 0, &error));
  assert_true (fm_sink_write (sink, "def", 3, &error));
  assert_true (fm_sink_commit (sink, &error));
  bytes = fm_sink_memory_steal (sink);
  assert_int_equal (g_bytes_get_size (bytes), 6);
  assert_memory_equal (g_bytes_get_data (bytes, NULL), "abcdef", 6);
}

static void
test_bound (void **state)
{
  g_autoptr (FmSink) sink = fm_sink_new_memory (6);
  g_autoptr (GError) error = NULL;

  assert_true (fm_sink_write (sink, "abc", 3, NULL));
  assert_false (fm_sink_write (sink, "defg", 4, &error));
  assert_fm_error (error, FM_ERROR_LIMIT);
  assert_false (fm_sink_write (sink, "", G_MAXSIZE, NULL)); /* refused before anything is added up */
  assert_true (fm_sink_write (sink, "def", 3, NULL));
}

static void
test_abort (void **state)
{
  g_autoptr (FmSink) sink = fm_sink_new_memory (6);
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = NULL;

  assert_true (fm_sink_write (sink, "abc", 3, NULL));
  fm_sink_abort (sink);
  assert_false (fm_sink_write (sink, "d", 1, &error));
  assert_fm_error (error, FM_ERROR_INVALID);
  bytes = fm_sink_memory_steal (sink);
  assert_int_equal (g_bytes_get_size (bytes), 0);
  fm_sink_free (NULL);
}

int
main (void)
{
  const struct CMUnitTest tests[] = { cmocka_unit_test (test_collects), cmocka_unit_test (test_bound), cmocka_unit_test (test_abort) };

  return cmocka_run_group_tests (tests, NULL, NULL);
}

/* The log: nothing until it is opened, levels, lines that stay lines whatever is logged, rotation, threads. */
#include "test.h"

#include <fulmar/base/error.h>
#include <fulmar/base/log.h>
#include <fulmar/base/thread.h>

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

typedef struct {
  char *dir, *path, *old_path;
} Place;

static int
setup (void **state)
{
  Place *place = g_new0 (Place, 1);

  place->dir = g_dir_make_tmp ("fulmar-log-XXXXXX", NULL);
  place->path = g_build_filename (place->dir, "log", NULL);
  place->old_path = g_build_filename (place->dir, "log.1", NULL);
  *state = place;
  return 0;
}

static int
teardown (void **state)
{
  Place *place = *state;

  fm_log_close ();
  g_remove (place->path);
  g_remove (place->old_path);
  g_rmdir (place->dir);
  g_free (place->dir);
  g_free (place->path);
  g_free (place->old_path);
  g_free (place);
  return 0;
}

static char *
contents (const char *path)
{
  char *text = NULL;

  assert_true (g_file_get_contents (path, &text, NULL, NULL));
  return text;
}

static void
test_levels (void **state)
{
  Place *place = *state;
  g_autofree char *text = NULL;
  struct stat info;

  assert_false (fm_log_enabled (FM_LOG_ERROR));
  fm_log_error ("before it is open");
  assert_true (fm_log_open (NULL, FM_LOG_DEBUG, NULL));
  assert_false (fm_log_enabled (FM_LOG_ERROR));
  assert_true (fm_log_open (place->path, FM_LOG_INFO, NULL));
  assert_false (fm_log_enabled (FM_LOG_DEBUG));
  assert_true (fm_log_enabled (FM_LOG_INFO));
  fm_log_debug ("quiet");
  fm_log_info ("said %d", 7);
  fm_log_close ();
  fm_log_error ("after it is closed");
  text = contents (place->path);
  assert_true (g_regex_match_simple ("\\A\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z info \\[[^]]+\\] said 7\\n\\z", text, 0, 0));
  assert_int_equal (stat (place->path, &info), 0);
  assert_int_equal (info.st_mode & 0777, 0600);
}

static void
test_escapes (void **state)
{
  Place *place = *state;
  g_autofree char *text = NULL;
  g_autofree char *endless = g_strnfill (100000, 'x');

  assert_true (fm_log_open (place->path, FM_LOG_DEBUG, NULL));
  fm_log_debug ("a\nb\r\x1b[2J\xc2\x9b\xff\xc3\xa9");
  fm_log_debug ("%s", endless);
  text = contents (place->path);
  assert_non_null (strstr (text, "a\\x0ab\\x0d\\x1b[2J\\xc2\\x9b\\xff\xc3\xa9\n"));
  assert_true (strlen (text) < 10000);
}

static void
test_appends_and_rotates (void **state)
{
  Place *place = *state;
  g_autofree char *filler = g_strnfill (4 * 1024 * 1024 - 10, '.');
  g_autofree char *old = NULL, *text = NULL;

  assert_true (g_file_set_contents (place->path, filler, -1, NULL));
  assert_true (fm_log_open (place->path, FM_LOG_DEBUG, NULL));
  fm_log_debug ("last of the old");
  fm_log_debug ("first of the new");
  old = contents (place->old_path);
  text = contents (place->path);
  assert_non_null (strstr (old, "last of the old\n"));
  assert_non_null (strstr (text, "first of the new\n"));
  assert_null (strstr (text, "old"));
}

static void
test_open_fails (void **state)
{
  Place *place = *state;
  g_autofree char *path = g_build_filename (place->dir, "absent", "log", NULL);
  g_autoptr (GError) error = NULL;

  assert_false (fm_log_open (path, FM_LOG_DEBUG, &error));
  assert_fm_error (error, FM_ERROR_STORAGE);
  assert_false (fm_log_enabled (FM_LOG_ERROR));
}

static void
write_lines (gpointer data)
{
  int i;

  for (i = 0; i < 500; i++)
    fm_log_debug ("a line of %s", (const char *) data);
}

static void
test_threads (void **state)
{
  Place *place = *state;
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;
  char one_name[] = "one", two_name[] = "two";
  FmThread *one, *two;

  assert_true (fm_log_open (place->path, FM_LOG_DEBUG, NULL));
  one = fm_thread_start ("one", write_lines, one_name);
  two = fm_thread_start ("two", write_lines, two_name);
  fm_thread_join (one);
  fm_thread_join (two);
  text = contents (place->path);
  lines = g_strsplit (text, "\n", -1);
  assert_int_equal (g_strv_length (lines), 1001);
  assert_true (g_regex_match_simple ("^.* \\[(one|two)\\] a line of \\1$", lines[500], 0, 0));
}

int
main (void)
{
#define TEST(function) cmocka_unit_test_setup_teardown (function, setup, teardown)
  const struct CMUnitTest tests[] = {
    TEST (test_levels), TEST (test_escapes), TEST (test_appends_and_rotates), TEST (test_open_fails), TEST (test_threads),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}

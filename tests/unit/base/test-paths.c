/* Where files lie, names made safe, and small files replaced whole. Every test has a directory of its own. */
#include "test.h"

#include <fulmar/base/error.h>
#include <fulmar/base/paths.h>

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int
setup (void **state)
{
  *state = g_dir_make_tmp ("fulmar-paths-XXXXXX", NULL);
  g_unsetenv ("FULMAR_HOME");
  g_unsetenv ("XDG_CONFIG_HOME");
  g_unsetenv ("XDG_DATA_HOME");
  g_unsetenv ("XDG_STATE_HOME");
  g_setenv ("HOME", *state, TRUE);
  return *state == NULL;
}

static void
remove_tree (const char *path)
{
  GDir *dir = g_file_test (path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open (path, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *child = g_build_filename (path, name, NULL);

      remove_tree (child);
    }
  if (dir != NULL)
    g_dir_close (dir);
  g_remove (path);
}

static int
teardown (void **state)
{
  remove_tree (*state);
  g_free (*state);
  return 0;
}

#define assert_below(actual, root, rest)                                          \
  do                                                                              \
    {                                                                             \
      g_autofree char *assert_below_wanted = g_build_filename (root, rest, NULL); \
      assert_text (actual, assert_below_wanted);                                  \
    }                                                                             \
  while (0)

static void
test_places (void **state)
{
  assert_below (fm_paths_config_file (), *state, ".config/fulmar/fulmar.conf");
  assert_below (fm_paths_data_dir (), *state, ".local/share/fulmar");
  assert_below (fm_paths_log_file (), *state, ".local/state/fulmar/fulmar.log");
  g_setenv ("XDG_CONFIG_HOME", "/c", TRUE);
  g_setenv ("XDG_DATA_HOME", "relative is ignored", TRUE);
  g_setenv ("XDG_STATE_HOME", "/s", TRUE);
  assert_text (fm_paths_config_file (), "/c/fulmar/fulmar.conf");
  assert_below (fm_paths_data_dir (), *state, ".local/share/fulmar");
  assert_text (fm_paths_log_file (), "/s/fulmar/fulmar.log");
  g_setenv ("FULMAR_HOME", "~/all", TRUE);
  assert_below (fm_paths_config_file (), *state, "all/fulmar.conf");
  assert_below (fm_paths_data_dir (), *state, "all/data");
  assert_below (fm_paths_log_file (), *state, "all/fulmar.log");
}

static void
test_expand (void **state)
{
  assert_text (fm_paths_expand ("~"), *state);
  assert_below (fm_paths_expand ("~/a b"), *state, "a b");
  assert_text (fm_paths_expand ("~other/x"), "~other/x");
  assert_text (fm_paths_expand ("/x/~"), "/x/~");
  assert_text (fm_paths_expand (""), "");
}

static void
test_private_dir (void **state)
{
  g_autofree char *dir = g_build_filename (*state, "a", "b", NULL);
  g_autofree char *file = g_build_filename (dir, "file", NULL);
  g_autofree char *below = g_build_filename (file, "c", NULL);
  g_autoptr (GError) error = NULL;
  struct stat info;

  assert_true (fm_paths_make_private_dir (dir, &error));
  assert_true (fm_paths_make_private_dir (dir, &error));
  assert_int_equal (stat (dir, &info), 0);
  assert_int_equal (info.st_mode & 0777, 0700);
  assert_true (g_file_set_contents (file, "x", 1, NULL));
  assert_false (fm_paths_make_private_dir (below, &error));
  assert_fm_error (error, FM_ERROR_STORAGE);
  assert_non_null (strstr (error->message, below));
}

static void
test_safe_name (void **state)
{
  assert_text (fm_paths_safe_name ("report.pdf", 255), "report.pdf");
  assert_text (fm_paths_safe_name ("../../etc/passwd", 255), "___.._etc_passwd");
  assert_text (fm_paths_safe_name ("..", 255), "__");
  assert_text (fm_paths_safe_name (".profile", 255), "_profile");
  assert_text (fm_paths_safe_name ("-rf", 255), "_rf");
  assert_text (fm_paths_safe_name ("C:\\a\\b.txt", 255), "C:_a_b.txt");
  assert_text (fm_paths_safe_name (" a\r\n\x1b[31mb ", 255), "a [31mb");
  assert_text (fm_paths_safe_name ("", 255), "unnamed");
  assert_text (fm_paths_safe_name ("\xe2\x80\xae\n", 255), "unnamed");
  assert_text (fm_paths_safe_name ("\xe2\x80\xae.x", 255), "_x"); /* what hides the dot does not save it */
  assert_text (fm_paths_safe_name ("a long name.pdf", 10), "a long.pdf");
  assert_text (fm_paths_safe_name ("\xc3\xa9\xc3\xa9\xc3\xa9.pdf", 7), "\xc3\xa9.pdf"); /* no half characters */
  assert_text (fm_paths_safe_name ("name.extensionthatislong", 6), "name.e");
}

static gsize
count_files (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  gsize n = 0;

  while (g_dir_read_name (dir) != NULL)
    n++;
  return n;
}

static void
test_write_file (void **state)
{
  g_autofree char *path = g_build_filename (*state, "file", NULL);
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;
  struct stat info;
  gsize size_bytes;

  assert_true (fm_paths_write_file (path, "first\0bytes", 11, &error));
  assert_true (fm_paths_write_file (path, "second\0", 7, &error));
  assert_true (g_file_get_contents (path, &text, &size_bytes, NULL));
  assert_int_equal (size_bytes, 7);
  assert_memory_equal (text, "second\0", 7);
  assert_int_equal (stat (path, &info), 0);
  assert_int_equal (info.st_mode & 0777, 0600);
  assert_int_equal (count_files (*state), 1); /* no temporary file is left */
}

static void
test_write_through_link (void **state)
{
  g_autofree char *real = g_build_filename (*state, "real", NULL);
  g_autofree char *link = g_build_filename (*state, "link", NULL);
  g_autofree char *text = NULL;

  assert_true (g_file_set_contents (real, "old", 3, NULL));
  assert_int_equal (symlink ("real", link), 0);
  assert_true (fm_paths_write_file (link, "new", 3, NULL));
  assert_true (g_file_test (link, G_FILE_TEST_IS_SYMLINK));
  assert_true (g_file_get_contents (real, &text, NULL, NULL));
  assert_string_equal (text, "new");
}

static void
test_write_fails (void **state)
{
  g_autofree char *path = g_build_filename (*state, "absent", "file", NULL);
  g_autofree char *dir = g_build_filename (*state, "dir", NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GError) second = NULL;

  assert_false (fm_paths_write_file (path, "x", 1, &error));
  assert_fm_error (error, FM_ERROR_STORAGE);
  assert_non_null (strstr (error->message, path));
  assert_int_equal (g_mkdir (dir, 0700), 0);
  assert_false (fm_paths_write_file (dir, "x", 1, &second)); /* a directory in the way: the rename fails */
  assert_fm_error (second, FM_ERROR_STORAGE);
  assert_int_equal (count_files (*state), 1);
}

int
main (void)
{
#define TEST(function) cmocka_unit_test_setup_teardown (function, setup, teardown)
  const struct CMUnitTest tests[] = {
    TEST (test_places),     TEST (test_expand),      TEST (test_private_dir),        TEST (test_safe_name),
    TEST (test_write_file), TEST (test_write_fails), TEST (test_write_through_link),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}

/* The newest names of a folder, found without keeping all of them: the same ones as in the order of all. */
#include "sync/maildir-list.h"
#include <fulmar/base/error.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <glib/gstdio.h>
#include <string.h>

typedef struct {
  char *dir;
  GHashTable *known;
} Fixture;

static int
setup (void **state)
{
  Fixture *f = g_new0 (Fixture, 1);
  f->dir = g_dir_make_tmp ("fulmar-list-XXXXXX", NULL);
  f->known = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  static const char *const parts[] = { "cur", "new" };
  for (guint i = 0; i < G_N_ELEMENTS (parts); i++)
    {
      g_autofree char *part = g_build_filename (f->dir, parts[i], NULL);
      assert_int_equal (g_mkdir (part, 0700), 0);
    }
  *state = f;
  return 0;
}

static int
teardown (void **state)
{
  Fixture *f = *state;
  const char *argv[] = { "rm", "-rf", f->dir, NULL };
  g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL);
  g_hash_table_unref (f->known);
  g_free (f->dir);
  g_free (f);
  return 0;
}

static void
put (Fixture *f, const char *part, const char *name)
{
  g_autofree char *path = g_build_filename (f->dir, part, name, NULL);
  assert_true (g_file_set_contents (path, "", 0, NULL));
}

/* The names of the N newest, one after another. Transfer: full. */
static char *
newest (Fixture *f, guint n)
{
  g_autoptr (GPtrArray) files = fm_maildir_list_newest (f->dir, n, f->known, NULL);
  GString *names = g_string_new (NULL);
  assert_non_null (files);
  for (guint i = 0; i < files->len; i++)
    {
      const FmMaildirFile *file = files->pdata[i];
      g_string_append_printf (names, "%s%s/%s", i > 0 ? " " : "", file->is_new ? "new" : "cur", file->name);
    }
  return g_string_free (names, FALSE);
}

static void
assert_newest (Fixture *f, guint n, const char *expected)
{
  g_autofree char *names = newest (f, n);
  assert_string_equal (names, expected);
}

static void
finds_the_newest_of_both_directories (void **state)
{
  Fixture *f = *state;
  put (f, "cur", "1000.a:2,S");
  put (f, "cur", "3000.c:2,");
  put (f, "new", "2000.b");
  put (f, "cur", ".hidden");
  put (f, "cur", "undated");
  assert_newest (f, 2, "cur/3000.c:2, new/2000.b");
  assert_newest (f, 9, "cur/3000.c:2, new/2000.b cur/1000.a:2,S cur/undated");
}

static void
counts_a_moved_message_once_and_a_known_one_never (void **state)
{
  Fixture *f = *state;
  put (f, "new", "3000.c");
  put (f, "cur", "3000.c:2,S");
  put (f, "cur", "2000.b:2,S");
  put (f, "cur", "1000.a:2,S");
  assert_newest (f, 2, "cur/3000.c:2,S cur/2000.b:2,S");
  g_hash_table_add (f->known, g_strdup ("3000.c"));
  assert_newest (f, 2, "cur/2000.b:2,S cur/1000.a:2,S");
}

/* Whatever order the directory gives them in. */
static void
agrees_with_the_order_of_all (void **state)
{
  Fixture *f = *state;
  for (guint i = 0; i < 2000; i++)
    {
      g_autofree char *name = g_strdup_printf ("%u.%u:2,", 1000000 + i * 7919 % 1500, i);
      put (f, "cur", name);
    }
  g_autoptr (GHashTable) all = fm_maildir_list_all (f->dir, NULL);
  g_autoptr (GPtrArray) sorted = g_ptr_array_new ();
  GHashTableIter iter;
  gpointer file;
  g_hash_table_iter_init (&iter, all);
  while (g_hash_table_iter_next (&iter, NULL, &file))
    g_ptr_array_add (sorted, file);
  g_ptr_array_sort (sorted, fm_maildir_list_compare);
  assert_int_equal (sorted->len, 2000);
  for (guint n = 1; n <= 64; n += 21)
    {
      g_autoptr (GPtrArray) files = fm_maildir_list_newest (f->dir, n, f->known, NULL);
      assert_int_equal (files->len, n);
      for (guint i = 0; i < n; i++)
        assert_string_equal (((FmMaildirFile *) files->pdata[i])->name, ((FmMaildirFile *) sorted->pdata[i])->name);
    }
}

static void
says_what_cannot_be_read (void **state)
{
  Fixture *f = *state;
  g_autofree char *none = g_build_filename (f->dir, "none", NULL);
  g_autoptr (GError) error = NULL;
  assert_null (fm_maildir_list_newest (none, 5, f->known, &error));
  assert_true (g_error_matches (error, FM_ERROR, FM_ERROR_STORAGE));
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown (finds_the_newest_of_both_directories, setup, teardown),
    cmocka_unit_test_setup_teardown (counts_a_moved_message_once_and_a_known_one_never, setup, teardown),
    cmocka_unit_test_setup_teardown (agrees_with_the_order_of_all, setup, teardown),
    cmocka_unit_test_setup_teardown (says_what_cannot_be_read, setup, teardown),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}

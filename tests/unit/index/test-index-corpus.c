/* The index beside the notmuch command line on the same real mails: for words, phrases and wildcards both find the same files. Prints what
 * the indexing cost each of them. Skipped where the shared corpus or the command is absent. */
#include "config.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <cmocka.h>
#include "fulmar/base/clock.h"
#include "fulmar/index/index-worker.h"
#include "index-bench.h"

static const char *const queries[] = {
  "california", "skilling", "\"power plant\"", "body:california", "regulat*", "meeting", "jeff", "\"attached is\"",
  "xylophone",  "the",      "pipeline",
};

typedef struct {
  IndexBench bench;
  char *mail;       /* the mails' directory */
  GPtrArray *paths; /* blob id N is element N - 1 */
} Corpus;

static gboolean
run_command (const char *const *arguments, const char *directory, char **ret_output)
{
  g_auto (GStrv) environment = g_get_environ ();
  g_autofree char *config = g_build_filename (directory, "notmuch-config", NULL);
  int status = -1;
  environment = g_environ_setenv (environment, "NOTMUCH_CONFIG", config, TRUE);
  environment = g_environ_setenv (environment, "XAPIAN_CJK_NGRAM", "1", TRUE);
  GSpawnFlags flags = G_SPAWN_SEARCH_PATH | G_SPAWN_STDERR_TO_DEV_NULL;
  return g_spawn_sync (directory, (char **) arguments, environment, flags, NULL, NULL, ret_output, NULL, &status, NULL) && status == 0;
}

static void
list_files (const char *dir, GPtrArray *paths)
{
  g_autoptr (GDir) entries = g_dir_open (dir, 0, NULL);
  const char *name;
  while (entries != NULL && (name = g_dir_read_name (entries)) != NULL)
    {
      g_autofree char *path = g_build_filename (dir, name, NULL);
      if (g_file_test (path, G_FILE_TEST_IS_DIR))
        list_files (path, paths);
      else
        g_ptr_array_add (paths, g_steal_pointer (&path));
    }
}

/* FALSE: no corpus here. */
static gboolean
unpack (Corpus *corpus)
{
  const char *where = g_getenv ("FULMAR_CORPUS");
  g_autofree char *beside = g_build_filename (g_getenv ("srcdir") != NULL ? g_getenv ("srcdir") : "..", "..", "shared", "corpus", NULL);
  g_autofree char *root = g_canonicalize_filename (where != NULL ? where : beside, NULL);
  g_autofree char *archive = g_build_filename (root, "mailboxes", "enron-skilling.tar.xz", NULL);
  const char *const tar[] = { "tar", "-xJf", archive, "-C", corpus->mail, NULL };
  return g_file_test (archive, G_FILE_TEST_EXISTS) && run_command (tar, corpus->bench.dir, NULL);
}

static gboolean
index_by_command (Corpus *corpus)
{
  g_autofree char *config = g_build_filename (corpus->bench.dir, "notmuch-config", NULL);
  g_autofree char *text = g_strdup_printf ("[database]\npath=%s\n[new]\ntags=\n[search]\nexclude_tags=\n", corpus->mail);
  const char *const index[] = { "notmuch", "new", "--quiet", "--no-hooks", NULL };
  return g_file_set_contents (config, text, -1, NULL) && run_command (index, corpus->bench.dir, NULL);
}

static double
children_cpu_s (void)
{
  struct rusage used;
  getrusage (RUSAGE_CHILDREN, &used);
  return used.ru_utime.tv_sec + used.ru_stime.tv_sec + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static void
index_by_us (Corpus *corpus)
{
  index_bench_open (&corpus->bench, NULL);
  for (guint i = 0; i < corpus->paths->len; i++)
    while (!fm_index_add (corpus->bench.index, i + 1, corpus->paths->pdata[i]))
      fm_index_event_free (index_bench_await (&corpus->bench, FM_INDEX_EVENT_ROOM));
  index_bench_flush (&corpus->bench);
  fm_index_rebuild_end (corpus->bench.index);
  index_bench_flush (&corpus->bench);
}

static GHashTable *
files_by_command (Corpus *corpus, const char *query)
{
  GHashTable *files = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autofree char *output = NULL;
  const char *const search[] = { "notmuch", "search", "--output=files", "--exclude=false", query, NULL };
  assert_true (run_command (search, corpus->bench.dir, &output));
  g_auto (GStrv) lines = g_strsplit (output, "\n", -1);
  for (gsize i = 0; lines[i] != NULL; i++)
    if (*lines[i] != '\0')
      g_hash_table_add (files, g_strdup (lines[i]));
  return files;
}

static void
finds_what_the_command_finds (void **state)
{
  Corpus *corpus = *state;
  for (gsize q = 0; q < G_N_ELEMENTS (queries); q++)
    {
      g_autoptr (GHashTable) theirs = files_by_command (corpus, queries[q]);
      gint64 began_us = fm_clock_mono_us ();
      g_autoptr (GArray) ours = index_bench_search (&corpus->bench, queries[q], 0);
      gint64 took_us = fm_clock_mono_us () - began_us;
      guint shared = 0;
      for (guint i = 0; i < ours->len; i++)
        shared += g_hash_table_contains (theirs, corpus->paths->pdata[g_array_index (ours, gint64, i) - 1]);
      print_message ("%-16s notmuch %4u, ours %4u, both %4u, %5.1f ms\n", queries[q], g_hash_table_size (theirs), ours->len, shared,
                     took_us / 1e3);
      assert_int_equal (shared, ours->len);
      assert_int_equal (shared, g_hash_table_size (theirs));
    }
}

int
main (int argc, char **argv)
{
  fm_index_worker_main (argc, argv);
  Corpus corpus = { 0 };
  g_autofree char *notmuch = g_find_program_in_path ("notmuch");
  index_bench_init (&corpus.bench, NULL);
  corpus.mail = g_build_filename (corpus.bench.dir, "mail", NULL);
  corpus.paths = g_ptr_array_new_with_free_func (g_free);
  if (notmuch == NULL || !unpack (&corpus))
    {
      index_bench_clear (&corpus.bench);
      return 77;
    }
  list_files (corpus.mail, corpus.paths);
  double before_s = children_cpu_s ();
  gboolean indexed = index_by_command (&corpus);
  double theirs_s = children_cpu_s () - before_s;
  index_by_us (&corpus);
  const struct CMUnitTest tests[] = { cmocka_unit_test_prestate (finds_what_the_command_finds, &corpus) };
  int failed = indexed ? cmocka_run_group_tests (tests, NULL, NULL) : 1;
  before_s = children_cpu_s ();
  index_bench_close (&corpus.bench);
  print_message ("%u mails: notmuch new %.2f s of CPU, ours %.2f s with its searches\n", corpus.paths->len, theirs_s,
                 children_cpu_s () - before_s);
  index_bench_clear (&corpus.bench);
  g_ptr_array_unref (corpus.paths);
  g_free (corpus.mail);
  return failed;
}

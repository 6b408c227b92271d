/* A whole real mailbox as a Maildir tree: every mail is read once, and searches find what the notmuch command line finds in the same files. Header leaves
 * match parts of words here ("from:enron" finds enronxgate, "california" a Californian in a subject) and whole words there, so they find at least as much.
 * Skipped where the shared corpus or the command is absent. */
#include "engine-fixture.h"
#include <fulmar/index/index-worker.h>
#include <sys/wait.h>

#ifndef CORPUS_DIR
#define CORPUS_DIR "../shared/corpus"
#endif

static char *
run (const char *const *argv, char **envp)
{
  g_autoptr (GError) error = NULL;
  char *out = NULL;
  int status = 0;
  if (!g_spawn_sync (NULL, (char **) argv, envp, G_SPAWN_SEARCH_PATH | G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, &out, NULL, &status, &error))
    fail_msg ("%s: %s", argv[0], error->message);
  if (status != 0)
    fail_msg ("%s %s failed", argv[0], argv[1] == NULL ? "" : argv[1]);
  return out;
}

static char *
corpus_file (void)
{
  const char *dir = g_getenv ("FULMAR_CORPUS");
  return g_build_filename (dir != NULL ? dir : CORPUS_DIR, "mailboxes", "enron-skilling.tar.xz", NULL);
}

/* FOLDER/N. below TOP becomes Mail/FOLDER/cur/TIME.NUMBER.host:2,S, folders within folders too. N counts the mails. Linked, not moved: a directory that is
 * emptied while it is read may skip entries. */
static void
take_folder (Fixture *f, const char *top, const char *folder, guint *n)
{
  g_autofree char *from = g_build_filename (top, folder, NULL);
  g_autoptr (GDir) entries = g_dir_open (from, 0, NULL);
  const char *name;
  if (entries != NULL && folder[0] != '\0')
    make_maildir (f, folder);
  while (entries != NULL && (name = g_dir_read_name (entries)) != NULL)
    {
      g_autofree char *old = g_build_filename (from, name, NULL);
      g_autofree char *named = g_strdup_printf ("%u.N%u.host:2,S", 1000000000 + *n, *n);
      g_autofree char *now = g_build_filename (f->mail, folder, "cur", named, NULL);
      g_autofree char *inner = folder[0] == '\0' ? g_strdup (name) : g_build_filename (folder, name, NULL);
      if (g_file_test (old, G_FILE_TEST_IS_DIR))
        take_folder (f, top, inner, n);
      else if (name[0] != '.' && link (old, now) == 0)
        ++*n;
    }
}

static guint
make_tree (Fixture *f, const char *corpus)
{
  g_autofree char *raw = g_build_filename (f->dir, "raw", NULL);
  g_mkdir (raw, 0700);
  const char *tar[] = { "tar", "-xJf", corpus, "-C", raw, NULL };
  g_free (run (tar, NULL));
  g_autofree char *top = g_build_filename (raw, "skilling-j", NULL);
  guint n = 0;
  take_folder (f, top, "", &n);
  return n;
}

/* Our count of mails; duplicates in several folders are rows of their own, as they are files to notmuch. */
static guint
found_here (Fixture *f, const char *text)
{
  g_autoptr (FmQuery) query = fm_query_parse (text, fm_clock_now_utc (), NULL, NULL);
  guint64 request = fm_engine_search (f->engine, query, 0);
  g_autoptr (FmEvent) done = wait_event (f, FM_EVENT_DONE, request);
  return (guint) done->count;
}

static guint
found_by_notmuch (char **envp, const char *text)
{
  const char *argv[] = { "notmuch", "count", "--output=files", "--exclude=false", text, NULL };
  g_autofree char *out = run (argv, envp);
  return (guint) g_ascii_strtoull (out, NULL, 10);
}

static char **
set_up_notmuch (Fixture *f)
{
  g_autofree char *config = g_build_filename (f->dir, "notmuch-config", NULL);
  g_autofree char *text = g_strdup_printf ("[database]\npath=%s\n[new]\ntags=\n[user]\nname=t\nprimary_email=t@example.org\n", f->mail);
  assert_true (g_file_set_contents (config, text, -1, NULL));
  char **envp = g_get_environ ();
  envp = g_environ_setenv (envp, "NOTMUCH_CONFIG", config, TRUE);
  const char *argv[] = { "notmuch", "new", "--quiet", NULL };
  g_free (run (argv, envp));
  return envp;
}

static void
real_mail_is_found_as_notmuch_finds_it (void **state)
{
  static const struct {
    const char *text;
    gboolean parts_of_words;
  } queries[] = { { "body:california", FALSE },
                  { "derivatives", FALSE },
                  { "\"conference call\"", FALSE },
                  { "blackberry", FALSE },
                  { "subject:\"conference call\"", FALSE },
                  { "dabhol or rebecca", FALSE },
                  { "body:california and not body:power", FALSE },
                  { "california", TRUE },
                  { "from:enron", TRUE },
                  { "subject:meeting", TRUE } };
  g_autofree char *corpus = corpus_file (), *notmuch = g_find_program_in_path ("notmuch");
  if (!g_file_test (corpus, G_FILE_TEST_EXISTS) || notmuch == NULL)
    skip ();
  Fixture f;
  fixture_new (&f);
  guint n = make_tree (&f, corpus);
  assert_int_equal (n, 4139);
  g_auto (GStrv) envp = set_up_notmuch (&f);
  fixture_open (&f, TRUE);
  sync_now (&f);
  g_autoptr (GPtrArray) folders = fm_folder_store_list (fm_engine_reader (f.engine), 0, NULL);
  guint64 total = 0;
  for (guint i = 0; i < folders->len; i++)
    total += ((FmFolderInfo *) folders->pdata[i])->total;
  assert_int_equal (total, n);
  guint wrong = 0;
  for (guint i = 0; i < G_N_ELEMENTS (queries); i++)
    {
      guint ours = found_here (&f, queries[i].text), theirs = found_by_notmuch (envp, queries[i].text);
      print_message ("%s: %u here, %u by notmuch\n", queries[i].text, ours, theirs);
      wrong += queries[i].parts_of_words ? ours < theirs || ours > theirs + theirs / 10 : ours != theirs;
    }
  assert_int_equal (wrong, 0);
  fixture_free (&f);
}

int
main (int argc, char **argv)
{
  fm_index_worker_main (argc, argv);
  const struct CMUnitTest tests[] = { cmocka_unit_test (real_mail_is_found_as_notmuch_finds_it) };
  g_autofree char *corpus = corpus_file ();
  if (!g_file_test (corpus, G_FILE_TEST_EXISTS))
    return 77;
  return cmocka_run_group_tests (tests, NULL, NULL);
}

/* A whole real mailbox as a Maildir tree: every mail is read once, and searches find as many as the notmuch command line finds in the same files: over
 * a table, and over queries made from the mailbox's own words by a seed that is printed (FULMAR_SEED repeats one). notmuch finds a word without a field
 * in names of folders and of MIME types too, which are no text here: such words are left out. So are the mails with an address that breaks the rule for
 * dots ("a..hudler@enron.com"): notmuch does not know the sender of such a mail, and we do. Skipped where the corpus or the command is absent. */
#define WAIT_MS 600000 /* thousands of mails are indexed meanwhile */
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
  g_autofree char *complaint = NULL;
  char *out = NULL;
  int status = 0;
  if (!g_spawn_sync (NULL, (char **) argv, envp, G_SPAWN_SEARCH_PATH, NULL, NULL, &out, &complaint, &status, &error))
    fail_msg ("%s: %s", argv[0], error->message);
  if (status != 0)
    {
      g_autofree char *command = g_strjoinv (" ", (char **) argv);
      fail_msg ("failed (%x): %s: %s", status, command, complaint);
    }
  return out;
}

static char *
corpus_file (void)
{
  const char *dir = g_getenv ("FULMAR_CORPUS");
  return g_build_filename (dir != NULL ? dir : CORPUS_DIR, "mailboxes", "enron-skilling.tar.xz", NULL);
}

/* A field of addresses holds one with a dot at the beginning or end, or two dots together. */
static gboolean
breaks_the_rule_for_dots (const char *path)
{
  g_autofree char *text = NULL;
  if (!g_file_get_contents (path, &text, NULL, NULL))
    return FALSE;
  char *end = strstr (text, "\r\n\r\n");
  if (end != NULL)
    *end = '\0';
  return g_regex_match_simple ("^(From|To|Cc|Bcc):[^\\n]*(\\n[ \\t][^\\n]*)*?(\\.\\.|\\.@|[<\\s,]\\.)", text,
                               G_REGEX_MULTILINE | G_REGEX_CASELESS, 0);
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
      else if (name[0] != '.' && !breaks_the_rule_for_dots (old) && link (old, now) == 0)
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
  envp = g_environ_setenv (envp, "XAPIAN_CJK_NGRAM", "1", TRUE);
  const char *argv[] = { "notmuch", "new", "--quiet", NULL };
  g_free (run (argv, envp));
  return envp;
}

static const char *const queries[] = { "california",
                                       "California",
                                       "derivatives",
                                       "blackberry",
                                       "\"conference call\"",
                                       "\"Conference Call\"",
                                       "dabhol or rebecca",
                                       "running",
                                       "meetings",
                                       "body:california",
                                       "body:meet",
                                       "body:\"natural gas\"",
                                       "body:california and not body:power",
                                       "body:regul*",
                                       "body:don't",
                                       "body:at&t",
                                       "from:enron",
                                       "from:skilling",
                                       "from:Skilling",
                                       "from:jeff",
                                       "from:enron.com",
                                       "from:jeff.skilling@enron.com",
                                       "from:\"jeff skilling\"",
                                       "from:enron*",
                                       "from:skil*",
                                       "from:\"skilling jeff\"",
                                       "from:houston",
                                       "from:j",
                                       "not from:enron",
                                       "to:enron",
                                       "to:skilling",
                                       "to:Skilling",
                                       "to:jeff.skilling@enron.com",
                                       "to:\"jeff skilling\"",
                                       "to:enrons",
                                       "to:all",
                                       "to:houston",
                                       "to:skil*",
                                       "to:executives",
                                       "to:Executive",
                                       "to:\"executive\"",
                                       "to:employees",
                                       "subject:meeting",
                                       "subject:meetings",
                                       "subject:Meeting",
                                       "subject:meet*",
                                       "subject:\"conference call\"",
                                       "subject:\"call conference\"",
                                       "subject:re",
                                       "subject:fw",
                                       "subject:fwd",
                                       "subject:california",
                                       "subject:q1",
                                       "subject:2001",
                                       "subject:\"re: meeting\"",
                                       "subject:e-mail",
                                       "subject:8:30",
                                       "subject:a.m.",
                                       "subject:u.s.",
                                       "subject:\"thank you\"",
                                       "subject:enron*",
                                       "subject:update",
                                       "subject:don't",
                                       "subject:meeting and from:enron",
                                       "from:jeff or subject:california",
                                       "(from:jeff or from:skilling) and not subject:re",
                                       "subject:meeting and not (from:enron or to:enron)",
                                       "from:enron xor subject:meeting",
                                       "not subject:re",
                                       "body:power subject:california",
                                       "date:2001-01-01..2001-03-31",
                                       "date:2001",
                                       "date:..2000-12-31",
                                       "date:2001-06..",
                                       "date:2001-02-01..2001-02-28 and subject:meeting",
                                       "not date:2001",
                                       "from:skilling and date:2000-09..2001-02",
                                       "nosuchwordatall",
                                       "from:nosuchwordatall",
                                       "subject:nosuch*" };

/* Random words of the mailbox. */
typedef struct {
  GRand *rand;
  GPtrArray *files; /* char*, whole mails */
  char *from, *to, *subject;
  const char *body; /* of the mail chosen last */
} Words;

static void
read_mails (Fixture *f, const char *dir, GPtrArray *mails)
{
  g_autoptr (GDir) entries = g_dir_open (dir, 0, NULL);
  const char *name;
  while (entries != NULL && (name = g_dir_read_name (entries)) != NULL)
    {
      g_autofree char *path = g_build_filename (dir, name, NULL);
      char *text = NULL;
      if (g_file_test (path, G_FILE_TEST_IS_DIR))
        read_mails (f, path, mails);
      else if (strstr (path, "/cur/") != NULL && g_file_get_contents (path, &text, NULL, NULL))
        g_ptr_array_add (mails, text);
    }
}

/* The value of a field on one line, or NULL. */
static char *
field_of (const char *mail, const char *name)
{
  const char *at = strstr (mail, name);
  const char *end = strstr (mail, "\n\n");
  return at == NULL || end == NULL || at > end ? NULL : g_strndup (at + strlen (name), strcspn (at + strlen (name), "\r\n"));
}

static void
choose_mail (Words *words)
{
  const char *mail = words->files->pdata[g_rand_int_range (words->rand, 0, (int) words->files->len)];
  g_free (words->from);
  g_free (words->to);
  g_free (words->subject);
  words->from = field_of (mail, "\nFrom: ");
  words->to = field_of (mail, "\nTo: ");
  words->subject = field_of (mail, "\nSubject: ");
  words->body = strstr (mail, "\n\n");
}

/* N words side by side out of TEXT, of at least MIN letters each; NULL if there are none. */
static char *
words_of (Words *words, const char *text, guint n, guint min)
{
  g_auto (GStrv) all = g_strsplit_set (text == NULL ? "" : text, " \t\r\n", -1);
  guint count = g_strv_length (all);
  if (count < n)
    return NULL;
  guint at = (guint) g_rand_int_range (words->rand, 0, (int) (count - n + 1));
  for (guint i = 0; i < n; i++)
    if (strlen (all[at + i]) < min || strspn (all[at + i], G_CSET_A_2_Z G_CSET_a_2_z) != strlen (all[at + i]))
      return NULL;
  g_autofree char *last = all[at + n];
  all[at + n] = NULL;
  char *joined = g_strjoinv (" ", all + at);
  all[at + n] = g_steal_pointer (&last);
  return joined;
}

/* One leaf, or NULL where the words chosen don't do. */
static char *
random_leaf (Words *words)
{
  choose_mail (words);
  const char *address = words->from != NULL && strchr (words->from, ' ') == NULL ? words->from : NULL;
  const char *texts[] = { words->subject, words->from, words->to, words->body };
  static const char *const fields[] = { "subject:", "from:", "to:", "body:" };
  guint kind = (guint) g_rand_int_range (words->rand, 0, 10), field = (guint) g_rand_int_range (words->rand, 0, 4);
  g_autofree char *one = words_of (words, texts[field], 1, 3), *two = words_of (words, texts[field], 2, 2);
  if (kind == 4 && one != NULL)
    one[MIN (strlen (one), MAX (3, strlen (one) - 2))] = '\0';
  /* notmuch takes "subject:not*" for an operator, too. */
  static const char *const operators[] = { "and", "or", "not", "xor", "near", "adj" };
  for (gsize i = 0; one != NULL && i < G_N_ELEMENTS (operators); i++)
    if (g_ascii_strcasecmp (one, operators[i]) == 0)
      return NULL;
  if (kind == 0)
    return address == NULL ? NULL : g_strconcat ("from:", address, NULL);
  if (kind == 1)
    return g_strdup_printf ("date:200%d-%02d-%02d..2001-12-%02d", g_rand_int_range (words->rand, 0, 2),
                            g_rand_int_range (words->rand, 1, 13), g_rand_int_range (words->rand, 1, 29),
                            g_rand_int_range (words->rand, 1, 29));
  if (kind <= 3)
    return two == NULL ? NULL : g_strdup_printf ("%s\"%s\"", fields[field], two);
  return one == NULL ? NULL : g_strconcat (fields[field], one, kind == 4 ? "*" : "", NULL);
}

static char *
leaf_at_last (Words *words)
{
  char *leaf = NULL;
  while (leaf == NULL)
    leaf = random_leaf (words);
  return leaf;
}

static char *
random_query (Words *words)
{
  g_autofree char *a = leaf_at_last (words), *b = leaf_at_last (words), *c = leaf_at_last (words);
  switch (g_rand_int_range (words->rand, 0, 8))
    {
    case 0:
      return g_strdup_printf ("%s and %s", a, b);
    case 1:
      return g_strdup_printf ("%s or %s", a, b);
    case 2:
      return g_strdup_printf ("(%s or %s) and not %s", a, b, c);
    default:
      return g_steal_pointer (&a);
    }
}

static guint
compare (Fixture *f, char **envp, const char *text)
{
  guint ours = found_here (f, text), theirs = found_by_notmuch (envp, text);
  if (ours != theirs)
    print_message ("%s: %u here, %u by notmuch\n", text, ours, theirs);
  return ours != theirs;
}

static guint
compare_random (Fixture *f, char **envp, guint n)
{
  const char *given = g_getenv ("FULMAR_SEED");
  guint32 seed = given != NULL ? (guint32) g_ascii_strtoull (given, NULL, 10) : g_random_int ();
  Words words = { .rand = g_rand_new_with_seed (seed), .files = g_ptr_array_new_with_free_func (g_free) };
  read_mails (f, f->mail, words.files);
  print_message ("%u queries of the mailbox's own words, FULMAR_SEED=%u\n", n, seed);
  guint wrong = 0;
  for (guint i = 0; i < n; i++)
    {
      g_autofree char *text = random_query (&words);
      wrong += compare (f, envp, text);
    }
  g_free (words.from);
  g_free (words.to);
  g_free (words.subject);
  g_ptr_array_unref (words.files);
  g_rand_free (words.rand);
  return wrong;
}

static void
real_mail_is_found_as_notmuch_finds_it (void **state)
{
  g_autofree char *corpus = corpus_file (), *notmuch = g_find_program_in_path ("notmuch");
  if (!g_file_test (corpus, G_FILE_TEST_EXISTS) || notmuch == NULL)
    skip ();
  g_setenv ("TZ", "UTC", TRUE);
  Fixture f;
  fixture_new (&f);
  guint n = make_tree (&f, corpus);
  assert_int_equal (n, 4139 - 185);
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
    wrong += compare (&f, envp, queries[i]);
  print_message ("%u queries of the table\n", (guint) G_N_ELEMENTS (queries));
  const char *more = g_getenv ("FULMAR_QUERIES");
  wrong += compare_random (&f, envp, more != NULL ? (guint) g_ascii_strtoull (more, NULL, 10) : 100);
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

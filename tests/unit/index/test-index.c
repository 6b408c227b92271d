/* The index as its owner sees it: what is added is found, durable when it says so, and nothing that happens to a worker or a disk takes
 * that back unsaid. */
#include "config.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "fulmar/base/clock.h"
#include "fulmar/base/error.h"
#include "fulmar/index/index-worker.h"
#include "index-bench.h"

static void
add (IndexBench *bench, guint number, const char *message_id, const char *subject, const char *body)
{
  g_autofree char *path = index_bench_write_mail (bench, number, message_id, subject, body);
  assert_true (fm_index_add (bench->index, number, path));
}

static void
assert_hits (IndexBench *bench, const char *query, guint n, const gint64 *expected)
{
  g_autoptr (GArray) hits = index_bench_search (bench, query, 0);
  assert_int_equal (hits->len, n);
  for (guint i = 0; i < n; i++)
    assert_int_equal (g_array_index (hits, gint64, i), expected[i]);
}

static void
open_new (IndexBench *bench, const FmIndexOptions *options)
{
  index_bench_init (bench, NULL);
  index_bench_open (bench, options);
  fm_index_event_free (index_bench_await (bench, FM_INDEX_EVENT_REBUILD_NEEDED));
}

static void
finds_what_it_was_given (void **state)
{
  IndexBench bench;
  open_new (&bench, NULL);
  add (&bench, 1, "one@x", "Notes", "the analytical engine weaves patterns");
  add (&bench, 2, "two@x", "Engine", "something else");
  add (&bench, 3, "three@x", "Tokyo", "\xe6\x9d\xb1\xe4\xba\xac\xe9\x83\xbd\xe3\x81\xab\xe8\xa1\x8c\xe3\x81\x8f");
  index_bench_flush (&bench);
  assert_hits (&bench, "engine", 2, (gint64[]){ 2, 1 });
  assert_hits (&bench, "body:engine", 1, (gint64[]){ 1 });
  assert_hits (&bench, "\"analytical engine\"", 1, (gint64[]){ 1 });
  assert_hits (&bench, "\xe6\x9d\xb1\xe4\xba\xac", 1, (gint64[]){ 3 });
  assert_hits (&bench, "nowhere", 0, NULL);
  assert_int_equal (index_bench_count (&bench, "*"), 3);
  g_autoptr (GArray) limited = index_bench_search (&bench, "*", 2);
  assert_int_equal (limited->len, 2);
  index_bench_clear (&bench);
}

static void
finds_attachments_by_name (void **state)
{
  static const char mail[] = "From: a@x\nSubject: figures\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n"
                             "--b\nContent-Type: text/plain\n\nsee below\n--b\nContent-Type: application/pdf; name=\"Turnover 1843.pdf\"\n"
                             "Content-Disposition: attachment; filename=\"Turnover 1843.pdf\"\n\nbytes\n--b--\n";
  IndexBench bench;
  open_new (&bench, NULL);
  g_autofree char *path = g_build_filename (bench.dir, "mail", "pdf", NULL);
  assert_true (g_file_set_contents (path, mail, -1, NULL));
  assert_true (fm_index_add (bench.index, 1, path));
  add (&bench, 2, "two@x", "Turnover 1843", "turnover in the text only");
  index_bench_flush (&bench);
  assert_hits (&bench, "Attachment:turnover", 1, (gint64[]){ 1 });
  assert_hits (&bench, "Attachment:\"turnover 1843.pdf\"", 1, (gint64[]){ 1 });
  assert_hits (&bench, "turnover", 2, (gint64[]){ 2, 1 });
  index_bench_clear (&bench);
}

static void
keeps_two_mails_with_one_message_id_apart (void **state)
{
  IndexBench bench;
  open_new (&bench, NULL);
  add (&bench, 11, "same@x", "First", "walrus");
  add (&bench, 12, "same@x", "Second", "walrus penguin");
  index_bench_flush (&bench);
  assert_hits (&bench, "walrus", 2, (gint64[]){ 12, 11 });
  assert_hits (&bench, "penguin", 1, (gint64[]){ 12 });
  assert_true (fm_index_remove (bench.index, 12));
  index_bench_flush (&bench);
  assert_hits (&bench, "walrus", 1, (gint64[]){ 11 });
  assert_hits (&bench, "penguin", 0, NULL);
  index_bench_clear (&bench);
}

static void
answers_after_the_commit_and_keeps_it (void **state)
{
  IndexBench bench;
  FmIndexStatus status;
  open_new (&bench, NULL);
  add (&bench, 1, "one@x", "a", "marmot");
  add (&bench, 2, "two@x", "b", "marmot");
  fm_index_flush (bench.index);
  index_bench_await_ids (&bench, FM_INDEX_EVENT_ADDED, 2);
  fm_index_rebuild_end (bench.index);
  index_bench_flush (&bench);
  index_bench_close (&bench);
  index_bench_open (&bench, NULL);
  index_bench_flush (&bench);
  assert_hits (&bench, "marmot", 2, (gint64[]){ 2, 1 });
  fm_index_status (bench.index, &status);
  assert_int_equal (status.documents, 2);
  assert_false (status.rebuilding);
  assert_int_equal (status.backlog, 0);
  assert_int_equal (status.state, FM_INDEX_READY);
  index_bench_clear (&bench);
}

static void
commits_by_itself_when_it_is_quiet (void **state)
{
  IndexBench bench;
  open_new (&bench, &(FmIndexOptions){ .quiet_ms = 20 });
  add (&bench, 1, "one@x", "a", "heron");
  index_bench_await_ids (&bench, FM_INDEX_EVENT_ADDED, 1);
  assert_hits (&bench, "heron", 1, (gint64[]){ 1 });
  index_bench_clear (&bench);
}

static void
says_which_mail_it_could_not_read (void **state)
{
  IndexBench bench;
  open_new (&bench, NULL);
  assert_true (fm_index_add (bench.index, 5, "/nonexistent/mail"));
  g_autoptr (FmIndexEvent) gone = index_bench_await (&bench, FM_INDEX_EVENT_FAILED);
  assert_int_equal (fm_index_event_error (gone)->code, FM_ERROR_NOT_FOUND);
  assert_true (fm_index_add (bench.index, 6, bench.dir));
  g_autoptr (FmIndexEvent) wrong = index_bench_await (&bench, FM_INDEX_EVENT_FAILED);
  guint n;
  assert_int_equal (fm_index_event_ids (wrong, &n)[0], 6);
  assert_int_equal (fm_index_credit (bench.index), 4096);
  index_bench_clear (&bench);
}

static void
reads_a_range_of_a_file (void **state)
{
  IndexBench bench;
  open_new (&bench, NULL);
  g_autofree char *path = g_build_filename (bench.dir, "mail", "box", NULL);
  const char *first = "From: a@x\nSubject: one\n\nfirstling\n", *second = "From: b@x\nSubject: two\n\nsecondary\n";
  g_autofree char *both = g_strconcat (first, second, NULL);
  assert_true (g_file_set_contents (path, both, -1, NULL));
  assert_true (fm_index_add_range (bench.index, 1, path, 0, strlen (first)));
  assert_true (fm_index_add_range (bench.index, 2, path, strlen (first), -1));
  index_bench_flush (&bench);
  assert_hits (&bench, "firstling", 1, (gint64[]){ 1 });
  assert_hits (&bench, "secondary", 1, (gint64[]){ 2 });
  index_bench_clear (&bench);
}

static void
refuses_more_than_its_backlog (void **state)
{
  IndexBench bench;
  open_new (&bench, &(FmIndexOptions){ .backlog_max = 4 });
  g_autofree char *path = index_bench_write_mail (&bench, 1, "one@x", "a", "otter");
  guint taken = 0;
  while (taken < 100 && fm_index_add (bench.index, taken + 1, path))
    taken++;
  assert_int_equal (taken, 4);
  fm_index_flush (bench.index);
  fm_index_event_free (index_bench_await (&bench, FM_INDEX_EVENT_ROOM));
  assert_true (fm_index_credit (bench.index) >= 2);
  index_bench_clear (&bench);
}

static void
is_confined (void **state)
{
  IndexBench bench;
  open_new (&bench, NULL);
  g_autofree char *secret = index_bench_write_mail (&bench, 9, "s@x", "secret", "secret");
  fm_index_probe_sandbox (bench.index, secret, index_bench_deliver, &bench);
  g_autoptr (FmIndexEvent) event = index_bench_await (&bench, FM_INDEX_EVENT_DONE);
  guint confined = fm_index_event_count (event);
#ifdef HAVE_SECCOMP
  assert_true (confined & FM_INDEX_NO_SOCKET);
  assert_true (confined & FM_INDEX_NO_EXEC);
  assert_true (confined & FM_INDEX_NO_FORK);
#endif
  if (!(confined & FM_INDEX_NO_FILE))
    print_message ("this system has no landlock: files are not fenced\n");
  index_bench_clear (&bench);
}

static void
cancels_a_search (void **state)
{
  IndexBench bench;
  open_new (&bench, NULL);
  add (&bench, 1, "one@x", "a", "lynx");
  index_bench_flush (&bench);
  guint64 request = fm_index_search (bench.index, "lynx", 0, FM_INDEX_NEWEST_FIRST, index_bench_deliver, &bench);
  fm_index_cancel (bench.index, request);
  gboolean over = FALSE;
  while (!over)
    {
      g_autoptr (FmIndexEvent) event = fm_port_take (bench.port, fm_clock_deadline_us (10000));
      assert_non_null (event);
      FmIndexEventKind kind = fm_index_event_kind (event);
      over = fm_index_event_request (event) == request && (kind == FM_INDEX_EVENT_ERROR || kind == FM_INDEX_EVENT_DONE);
      if (kind == FM_INDEX_EVENT_ERROR)
        assert_int_equal (fm_index_event_error (event)->code, FM_ERROR_CANCELLED);
    }
  assert_hits (&bench, "lynx", 1, (gint64[]){ 1 });
  index_bench_clear (&bench);
}

static void
kill_children (int signal)
{
  g_autoptr (GArray) children = index_bench_children ();
  for (guint i = 0; i < children->len; i++)
    kill (g_array_index (children, int, i), signal);
}

static void
survives_kill_at_any_point (void **state)
{
  enum { MAILS = 400, KILLS = 25 };
  IndexBench bench;
  g_autoptr (GRand) chance = g_rand_new_with_seed (42);
  open_new (&bench, &(FmIndexOptions){ .batch_count = 25, .quiet_ms = 50 });
  for (guint i = 1; i <= MAILS; i++)
    {
      g_autofree char *id = g_strdup_printf ("m%u@x", i);
      add (&bench, i, id, "a", "albatross");
    }
  for (guint kills = 0; kills < KILLS; kills++)
    {
      g_usleep (g_rand_int_range (chance, 0, 60000));
      kill_children (SIGKILL);
    }
  index_bench_await_ids (&bench, FM_INDEX_EVENT_ADDED, MAILS);
  g_autoptr (GArray) hits = index_bench_search (&bench, "albatross", 0);
  assert_int_equal (hits->len, MAILS);
  FmIndexStatus status;
  fm_index_status (bench.index, &status);
  assert_true (status.restarts > 0);
  index_bench_clear (&bench);
}

static void
starts_over_when_asked_and_swaps_at_the_end (void **state)
{
  IndexBench bench;
  open_new (&bench, NULL);
  add (&bench, 1, "one@x", "a", "puffin");
  fm_index_rebuild_end (bench.index);
  index_bench_flush (&bench);
  fm_index_rebuild (bench.index);
  fm_index_event_free (index_bench_await (&bench, FM_INDEX_EVENT_REBUILD_NEEDED));
  /* The old generation answers until the new one is complete. */
  assert_hits (&bench, "puffin", 1, (gint64[]){ 1 });
  add (&bench, 2, "two@x", "a", "puffin");
  index_bench_flush (&bench);
  assert_hits (&bench, "puffin", 1, (gint64[]){ 1 });
  fm_index_rebuild_end (bench.index);
  index_bench_flush (&bench);
  assert_hits (&bench, "puffin", 1, (gint64[]){ 2 });
  index_bench_clear (&bench);
}

/* Overwrites blocks of every table with zeros: all of them, or with CHANCE some, at least in one round of many. */
static void
zero_blocks (IndexBench *bench, GRand *chance)
{
  g_autofree char *dir = g_build_filename (bench->dir, "index", "gen-1", ".notmuch", "xapian", NULL);
  g_autoptr (GDir) entries = g_dir_open (dir, 0, NULL);
  static const char zeros[8192];
  const char *name;
  assert_non_null (entries);
  while ((name = g_dir_read_name (entries)) != NULL)
    {
      if (!g_str_has_suffix (name, ".glass"))
        continue;
      g_autofree char *path = g_build_filename (dir, name, NULL);
      struct stat info;
      int fd = open (path, O_RDWR);
      assert_true (fd >= 0 && fstat (fd, &info) == 0);
      for (off_t at = 0; at + (off_t) sizeof zeros <= info.st_size; at += sizeof zeros)
        if (chance == NULL || g_rand_int_range (chance, 0, 4) == 0)
          assert_int_equal (pwrite (fd, zeros, sizeof zeros, at), sizeof zeros);
      close (fd);
    }
}

static void
builds_a_damaged_index_anew (void **state)
{
  IndexBench bench;
  open_new (&bench, NULL);
  for (guint i = 1; i <= 300; i++)
    {
      g_autofree char *id = g_strdup_printf ("m%u@x", i);
      add (&bench, i, id, "a", "a heron and a stork and many words more");
    }
  fm_index_rebuild_end (bench.index);
  index_bench_flush (&bench);
  index_bench_close (&bench);
  zero_blocks (&bench, NULL);
  index_bench_open (&bench, NULL);
  fm_index_event_free (index_bench_await (&bench, FM_INDEX_EVENT_REBUILD_NEEDED));
  add (&bench, 1, "m1@x", "a", "heron");
  fm_index_rebuild_end (bench.index);
  index_bench_flush (&bench);
  assert_hits (&bench, "heron", 1, (gint64[]){ 1 });
  index_bench_clear (&bench);
}

/* One byte, which no answer need show: the seal does. */
static void
knows_when_a_file_was_touched (void **state)
{
  IndexBench bench;
  open_new (&bench, NULL);
  add (&bench, 1, "one@x", "a", "heron");
  fm_index_rebuild_end (bench.index);
  index_bench_flush (&bench);
  index_bench_close (&bench);
  index_bench_open (&bench, NULL);
  g_autoptr (FmIndexEvent) whole = index_bench_await (&bench, FM_INDEX_EVENT_OPENED);
  assert_int_equal (fm_index_event_count (whole), 1);
  index_bench_flush (&bench);
  index_bench_close (&bench);
  g_autofree char *table = g_build_filename (bench.dir, "index", "gen-1", ".notmuch", "xapian", "postlist.glass", NULL);
  int fd = open (table, O_RDWR);
  assert_int_equal (pwrite (fd, "x", 1, 5000), 1);
  close (fd);
  index_bench_open (&bench, NULL);
  g_autoptr (FmIndexEvent) again = index_bench_await (&bench, FM_INDEX_EVENT_REBUILD_NEEDED);
  assert_int_equal (fm_index_event_count (again), 2);
  index_bench_clear (&bench);
}

/* Numbers of mail mean something in one database alone. */
static void
is_built_anew_for_another_database (void **state)
{
  IndexBench bench;
  open_new (&bench, &(FmIndexOptions){ .identity = "first" });
  add (&bench, 1, "one@x", "a", "heron");
  fm_index_rebuild_end (bench.index);
  index_bench_flush (&bench);
  index_bench_close (&bench);
  index_bench_open (&bench, &(FmIndexOptions){ .identity = "first" });
  fm_index_event_free (index_bench_await (&bench, FM_INDEX_EVENT_OPENED));
  assert_hits (&bench, "heron", 1, (gint64[]){ 1 });
  index_bench_close (&bench);
  index_bench_open (&bench, &(FmIndexOptions){ .identity = "second", .read_only = TRUE });
  assert_hits (&bench, "heron", 0, NULL);
  index_bench_close (&bench);
  index_bench_open (&bench, &(FmIndexOptions){ .identity = "second" });
  fm_index_event_free (index_bench_await (&bench, FM_INDEX_EVENT_REBUILD_NEEDED));
  assert_hits (&bench, "heron", 0, NULL);
  index_bench_clear (&bench);
}

/* One block of one table, anywhere: it may go unnoticed or cost a rebuild, but every request is answered and the parent lives. */
static void
answers_whatever_block_is_damaged (void **state)
{
  enum { MAILS = 200, ROUNDS = 16 };
  g_autoptr (GRand) chance = g_rand_new_with_seed (7);
  for (guint round = 0; round < ROUNDS; round++)
    {
      IndexBench bench;
      open_new (&bench, NULL);
      for (guint i = 1; i <= MAILS; i++)
        {
          g_autofree char *id = g_strdup_printf ("m%u@x", i);
          g_autofree char *body = g_strdup_printf ("heron%u stork%u and many words more %u", i, i * 7, i * 31);
          add (&bench, i, id, "a", body);
        }
      fm_index_rebuild_end (bench.index);
      index_bench_flush (&bench);
      index_bench_close (&bench);
      zero_blocks (&bench, chance);
      index_bench_open (&bench, NULL);
      add (&bench, MAILS + 1, "new@x", "a", "a new heron among words");
      assert_true (fm_index_remove (bench.index, 1));
      index_bench_flush (&bench);
      guint64 request = fm_index_search (bench.index, "words", 0, FM_INDEX_NEWEST_FIRST, index_bench_deliver, &bench);
      for (gboolean over = FALSE; !over;)
        {
          g_autoptr (FmIndexEvent) event = fm_port_take (bench.port, fm_clock_deadline_us (60000));
          assert_non_null (event);
          FmIndexEventKind kind = fm_index_event_kind (event);
          over = fm_index_event_request (event) == request && (kind == FM_INDEX_EVENT_DONE || kind == FM_INDEX_EVENT_ERROR);
        }
      index_bench_clear (&bench);
    }
}

static void
fill_disk (const char *path, goffset bytes)
{
  int fd = open (path, O_WRONLY | O_CREAT, 0600);
  assert_true (fd >= 0);
  assert_int_equal (posix_fallocate (fd, 0, bytes), 0);
  close (fd);
}

static void
stops_at_a_full_disk_and_goes_on (void **state)
{
  char dir[] = "/tmp/fulmar-index-full-XXXXXX";
  if (geteuid () != 0 || unshare (CLONE_NEWNS) != 0 || mount (NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
    skip ();
  assert_non_null (g_mkdtemp (dir));
  assert_int_equal (mount ("tmpfs", dir, "tmpfs", 0, "size=16m"), 0);
  IndexBench bench;
  index_bench_init (&bench, dir);
  index_bench_open (&bench, &(FmIndexOptions){ .least_free_bytes = 8 << 20, .batch_count = 50, .quiet_ms = 50, .retry_ms = 50 });
  fm_index_event_free (index_bench_await (&bench, FM_INDEX_EVENT_REBUILD_NEEDED));
  add (&bench, 1, "one@x", "a", "gannet");
  index_bench_await_ids (&bench, FM_INDEX_EVENT_ADDED, 1);
  g_autofree char *ballast = g_build_filename (dir, "ballast", NULL);
  fill_disk (ballast, 8 << 20);
  add (&bench, 2, "two@x", "a", "gannet");
  g_autoptr (FmIndexEvent) stopped = index_bench_await (&bench, FM_INDEX_EVENT_STOPPED);
  assert_int_equal (fm_index_event_error (stopped)->code, FM_ERROR_STORAGE);
  assert_hits (&bench, "gannet", 1, (gint64[]){ 1 });
  assert_int_equal (unlink (ballast), 0);
  fm_index_event_free (index_bench_await (&bench, FM_INDEX_EVENT_RESUMED));
  index_bench_await_ids (&bench, FM_INDEX_EVENT_ADDED, 1);
  assert_hits (&bench, "gannet", 2, (gint64[]){ 2, 1 });
  index_bench_close (&bench);
  umount2 (dir, MNT_DETACH);
  index_bench_clear (&bench);
}

static char *
write_long_mail (IndexBench *bench)
{
  g_autoptr (GString) words = g_string_new (NULL);
  for (guint i = 0; i < 2000; i++)
    g_string_append_printf (words, "tern%u ", i);
  return index_bench_write_mail (bench, 1, "m@x", "a", words->str);
}

/* No reserve at all: the writes themselves fail. */
static void
meets_the_end_of_the_disk_unharmed (void **state)
{
  char dir[] = "/tmp/fulmar-index-full-XXXXXX";
  if (geteuid () != 0 || unshare (CLONE_NEWNS) != 0 || mount (NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
    skip ();
  assert_non_null (g_mkdtemp (dir));
  assert_int_equal (mount ("tmpfs", dir, "tmpfs", 0, "size=64m"), 0);
  IndexBench bench;
  index_bench_init (&bench, dir);
  index_bench_open (&bench, &(FmIndexOptions){ .least_free_bytes = 1, .batch_count = 100, .quiet_ms = 50, .retry_ms = 50 });
  fm_index_event_free (index_bench_await (&bench, FM_INDEX_EVENT_REBUILD_NEEDED));
  g_autofree char *mail = write_long_mail (&bench);
  g_autofree char *ballast = g_build_filename (dir, "ballast", NULL);
  fill_disk (ballast, 60 << 20);
  for (guint i = 1; i <= 300; i++)
    assert_true (fm_index_add (bench.index, i, mail));
  fm_index_event_free (index_bench_await (&bench, FM_INDEX_EVENT_STOPPED));
  assert_int_equal (unlink (ballast), 0);
  index_bench_flush (&bench);
  assert_int_equal (index_bench_count (&bench, "*"), 300);
  index_bench_close (&bench);
  umount2 (dir, MNT_DETACH);
  index_bench_clear (&bench);
}

static void
lets_only_one_process_write (void **state)
{
  IndexBench bench;
  open_new (&bench, NULL);
  add (&bench, 1, "one@x", "a", "stoat");
  fm_index_rebuild_end (bench.index);
  index_bench_flush (&bench);
  IndexBench second = { .dir = bench.dir, .port = fm_port_new () };
  index_bench_open (&second, &(FmIndexOptions){ .retry_ms = 50 });
  fm_index_event_free (index_bench_await (&second, FM_INDEX_EVENT_STOPPED));
  assert_hits (&second, "stoat", 1, (gint64[]){ 1 });
  index_bench_close (&bench);
  fm_index_event_free (index_bench_await (&second, FM_INDEX_EVENT_RESUMED));
  index_bench_close (&second);
  index_bench_open (&second, &(FmIndexOptions){ .read_only = TRUE });
  assert_hits (&second, "stoat", 1, (gint64[]){ 1 });
  assert_false (fm_index_add (second.index, 2, "/dev/null"));
  index_bench_close (&second);
  fm_port_unref (second.port);
  index_bench_clear (&bench);
}

int
main (int argc, char **argv)
{
  fm_index_worker_main (argc, argv);
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (finds_what_it_was_given),
    cmocka_unit_test (finds_attachments_by_name),
    cmocka_unit_test (keeps_two_mails_with_one_message_id_apart),
    cmocka_unit_test (answers_after_the_commit_and_keeps_it),
    cmocka_unit_test (commits_by_itself_when_it_is_quiet),
    cmocka_unit_test (says_which_mail_it_could_not_read),
    cmocka_unit_test (reads_a_range_of_a_file),
    cmocka_unit_test (refuses_more_than_its_backlog),
    cmocka_unit_test (is_confined),
    cmocka_unit_test (cancels_a_search),
    cmocka_unit_test (survives_kill_at_any_point),
    cmocka_unit_test (starts_over_when_asked_and_swaps_at_the_end),
    cmocka_unit_test (builds_a_damaged_index_anew),
    cmocka_unit_test (knows_when_a_file_was_touched),
    cmocka_unit_test (is_built_anew_for_another_database),
    cmocka_unit_test (answers_whatever_block_is_damaged),
    cmocka_unit_test (lets_only_one_process_write),
    cmocka_unit_test (stops_at_a_full_disk_and_goes_on),
    cmocka_unit_test (meets_the_end_of_the_disk_unharmed),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}

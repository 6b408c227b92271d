/* Message files and the database as files: crashes, damage, full disks, newer versions. */
#include "store-test.h"
#include "store/schema.h"
#include "store/sqlite-error.h"
#include <fcntl.h>
#include <fulmar/store/message-evict.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>

static void
test_body (void **state)
{
  Box *b = *state;
  begin (b);
  gint64 one = put (b, b->inbox, 1, 1, 0), two = put (b, b->archive, 1, 1, 0);
  g_autofree char *digest = write_body (b, "hello\r\n");
  g_autofree char *same = write_body (b, "hello\r\n");
  assert_string_equal (digest, same);
  gint64 blob = 0;
  OK ((blob = fm_body_store_attach (b->w, one, digest, 7, E)) != 0);
  assert_int_equal (fm_body_store_attach (b->w, two, digest, 7, NULL), blob);
  g_autofree char *path = fm_body_store_path (b->r, one, NULL);
  assert_true (g_file_test (path, G_FILE_TEST_EXISTS));
  /* One reference left: stays. None: goes. */
  OK (fm_message_store_remove (b->w, one, E));
  gboolean more = TRUE;
  g_autoptr (GPtrArray) none = fm_body_store_collect (b->w, -100, 10, &more, NULL);
  assert_false (more);
  assert_int_equal (none->len, 0);
  OK (fm_message_store_remove (b->w, two, E));
  g_autoptr (GPtrArray) gone = fm_body_store_collect (b->w, -100, 10, &more, NULL);
  assert_int_equal (gone->len, 1);
  assert_string_equal (gone->pdata[0], path);
  /* A file that was written a moment ago is not taken away */
  fm_body_store_unlink (gone);
  assert_true (g_file_test (path, G_FILE_TEST_EXISTS));
  commit (b);
  g_autoptr (FmSink) sink = fm_body_store_sink_new (b->store, 3, FALSE);
  g_autoptr (GError) error = NULL;
  assert_false (fm_sink_write (sink, "four", 4, &error));
  assert_true (g_error_matches (error, FM_ERROR, FM_ERROR_LIMIT));
}

static gint64
put_with_body (Box *b, gint64 folder, guint number, guint flags)
{
  g_autofree char *text = g_strdup_printf ("%u\r\n", number);
  g_autofree char *digest = write_body (b, text);
  gint64 id = put (b, folder, number, number, flags);

  OK (fm_body_store_attach (b->w, id, digest, strlen (text), E) != 0);
  return id;
}

#define DAY 1440 /* a message a minute */

static void
test_evict (void **state)
{
  Box *b = *state;
  gint64 limit_of_two_days = 2 * 1000 + 3 * DAY;
  begin (b);
  gint64 old = put_with_body (b, b->inbox, 1, 0), starred = put_with_body (b, b->inbox, 2, FM_FLAG_FLAGGED),
         draft = put_with_body (b, b->inbox, 3, FM_FLAG_DRAFT), waiting = put_with_body (b, b->inbox, 4, 0),
         moved = put_with_body (b, b->inbox, 5, 0), mine = put_with_body (b, b->inbox, 6, 0);
  put_with_body (b, b->archive, DAY, 0);
  gint64 newer = put_with_body (b, b->inbox, 2 * DAY, 0);
  OK (fm_journal_plan_flags (b->w, fm_journal_group (b->w, "star", NULL), &waiting, 1, FM_FLAG_SEEN, 0, NULL, NULL, NULL, E));
  OK (fm_journal_plan_move (b->w, fm_journal_group (b->w, "move", NULL), &moved, 1, b->archive, NULL, E));
  /* It is in two folders: the other one's body stays, and so does the file. */
  gint64 same = put (b, b->archive, 1, 1, FM_FLAG_FLAGGED);
  g_autofree char *digest = write_body (b, "1\r\n");
  OK (fm_body_store_attach (b->w, same, digest, 3, E) != 0);
  OK (fm_message_store_set_path (b->w, mine, "/home/ada/mail/6", E));
  assert_true (fm_message_evict_floor (b->r, b->account, 1 << 30, NULL) == G_MININT64);
  gint64 floor = fm_message_evict_floor (b->r, b->account, (guint64) limit_of_two_days, NULL);
  assert_true (floor % 86400 == 0 && floor > 1000000000 + 6 * 60 && floor <= 1000000000 + DAY * 60);
  /* A limit that the newest day does not fit into keeps that day. */
  gint64 last = fm_message_evict_floor (b->r, b->account, 1, NULL);
  assert_true (last > floor && last <= 1000000000 + 2 * DAY * 60);
  g_autoptr (GArray) list = fm_message_evict_list (b->r, b->inbox, floor, NULL, 100, NULL);
  assert_int_equal (list->len, 1);
  assert_int_equal (g_array_index (list, FmMessageEvict, 0).id, old);
  g_autoptr (GArray) after = fm_message_evict_list (b->r, b->inbox, floor, &g_array_index (list, FmMessageEvict, 0), 100, NULL);
  assert_int_equal (after->len, 0);
  /* What was begun since it was listed is left alone. */
  FmMessageEvict all[] = { { old, 0 }, { starred, 0 }, { draft, 0 }, { waiting, 0 }, { moved, 0 }, { mine, 0 } };
  guint n = 0;
  OK (fm_message_evict_run (b->w, all, G_N_ELEMENTS (all), &n, E));
  assert_int_equal (n, 1);
  assert_null (fm_body_store_path (b->r, old, NULL));
  gboolean more;
  g_autoptr (GPtrArray) kept = fm_body_store_collect (b->w, 3600, 10, &more, NULL);
  assert_int_equal (kept->len, 0);
  /* Without the other folder's row it goes at once. */
  FmMessageEvict two[] = { { newer, 0 }, { same, 0 } };
  OK (fm_message_evict_run (b->w, two, 2, &n, E));
  assert_int_equal (n, 1);
  g_autoptr (GPtrArray) gone = fm_body_store_collect (b->w, 3600, 10, &more, NULL);
  assert_int_equal (gone->len, 1);
  commit (b);
}

/* The rows of mail that is read in place: no file of ours goes with them. */
static void
test_collect_in_place (void **state)
{
  Box *b = *state;
  gboolean more = FALSE;
  begin (b);
  for (guint i = 0; i < 3; i++)
    {
      FmMessageInput input = FM_MESSAGE_INPUT_INIT;
      FmMessageResult result = { 0 };
      g_autoptr (FmEnvelope) envelope = fm_envelope_parse ("Subject: x\r\n\r\n", 14);
      g_autofree char *path = g_strdup_printf ("/nowhere/%u", i);
      input.envelope = envelope;
      input.uid = i + 1;
      input.path = path;
      OK (fm_message_store_upsert (b->w, b->inbox, &input, 1, &result, E));
    }
  g_autoptr (GArray) blobs = fm_body_store_indexable (b->r, FM_BLOB_TODO, G_MAXINT64, 10, NULL);
  assert_int_equal (blobs->len, 3);
  FmUidRange all = { 1, 3 };
  guint removed = 0;
  OK (fm_message_store_vanished (b->w, b->inbox, &all, 1, 10, &removed, E));
  assert_int_equal (removed, 3);
  g_autoptr (GPtrArray) first = fm_body_store_collect (b->w, -100, 2, &more, NULL);
  assert_int_equal (first->len, 0);
  assert_true (more);
  g_autoptr (GPtrArray) rest = fm_body_store_collect (b->w, -100, 2, &more, NULL);
  assert_int_equal (rest->len, 0);
  assert_false (more);
  assert_int_equal (fm_body_store_find (b->r, "local:1"), 0);
  commit (b);
}

static gboolean
count_file (const char *path, const char *digest, guint64 size_bytes, gpointer data)
{
  (*(guint *) data)++;
  return TRUE;
}

static void
test_corrupt (void **state)
{
  Box *b = *state;
  guint files = 0;
  g_free (write_body (b, "kept\r\n"));
  box_close (b);
  g_autofree char *path = g_build_filename (b->dir, "state.db", NULL);
  assert_true (g_file_set_contents (path, "this is no database, but it is long enough to look like a file", -1, NULL));
  box_open (b);
  assert_non_null (fm_db_corrupt_path (b->store));
  assert_true (g_file_test (fm_db_corrupt_path (b->store), G_FILE_TEST_EXISTS));
  OK (fm_body_store_reimport (b->store, count_file, &files, E));
  assert_int_equal (files, 1);
}

/* Who has it open would go on in the file that was moved. */
static void
test_corrupt_in_use (void **state)
{
  Box *b = *state;
  g_autoptr (GError) error = NULL;
  g_autofree char *path = g_build_filename (b->dir, "state.db", NULL);
  assert_true (g_file_set_contents (path, "this is no database, but it is long enough to look like a file", -1, NULL));
  assert_null (fm_db_open (b->dir, &error));
  assert_true (g_error_matches (error, FM_ERROR, FM_ERROR_STORAGE));
  assert_true (g_file_test (path, G_FILE_TEST_EXISTS));
  box_close (b);
  box_open (b);
  assert_non_null (fm_db_corrupt_path (b->store));
}

/* A mark of damage is a reason to look. That it can't be looked at is no damage. */
static void
test_mark (void **state)
{
  Box *b = *state;
  g_autofree char *path = g_build_filename (b->dir, "state.db", NULL), *mark = g_strconcat (path, FM_SQLITE_ERROR_MARK, NULL);
  struct rlimit usual, none;
  begin (b);
  put (b, b->inbox, 1, 1, 0);
  commit (b);
  box_close (b);
  assert_true (g_file_set_contents (mark, "", 0, NULL));
  int next = open ("/dev/null", O_RDONLY);
  close (next);
  assert_int_equal (getrlimit (RLIMIT_NOFILE, &usual), 0);
  none = (struct rlimit){ (rlim_t) next, usual.rlim_max };
  assert_int_equal (setrlimit (RLIMIT_NOFILE, &none), 0);
  FmStore *store = fm_db_open (b->dir, NULL);
  assert_int_equal (setrlimit (RLIMIT_NOFILE, &usual), 0);
  assert_null (store);
  box_open (b);
  assert_null (fm_db_corrupt_path (b->store));
  assert_int_equal (total (b, b->inbox), 1);
  box_close (b);
  assert_int_equal (g_unlink (path), 0);
  assert_true (g_file_set_contents (mark, "", 0, NULL));
  box_open (b);
  assert_null (fm_db_corrupt_path (b->store));
  assert_false (g_file_test (mark, G_FILE_TEST_EXISTS));
}

static void
test_newer (void **state)
{
  Box *b = *state;
  sqlite3 *db = NULL;
  g_autoptr (GError) error = NULL;
  box_close (b);
  g_autofree char *path = g_build_filename (b->dir, "state.db", NULL);
  assert_int_equal (sqlite3_open (path, &db), SQLITE_OK);
  assert_int_equal (sqlite3_exec (db, "PRAGMA user_version=99", NULL, NULL, NULL), SQLITE_OK);
  sqlite3_close (db);
  assert_null (fm_db_open (b->dir, &error));
  assert_true (g_error_matches (error, FM_ERROR, FM_ERROR_STORAGE));
  assert_non_null (strstr (error->message, "newer"));
  assert_non_null (strstr (error->message, "store = DIR"));
  assert_true (g_file_test (path, G_FILE_TEST_EXISTS));
}

static gint64
value_of (sqlite3 *db, const char *text)
{
  sqlite3_stmt *statement = NULL;
  assert_int_equal (sqlite3_prepare_v2 (db, text, -1, &statement, NULL), SQLITE_OK);
  gint64 value = sqlite3_step (statement) == SQLITE_ROW ? sqlite3_column_int64 (statement, 0) : -1;
  sqlite3_finalize (statement);
  return value;
}

/* A store as the first version left it, with its triggers' counters, is brought up and written on. */
static void
test_migration (void **state)
{
  static const char first[]
      = "PRAGMA journal_mode=WAL; PRAGMA user_version=1;"
        "INSERT INTO account VALUES(1,'old',1);"
        "INSERT INTO folder(id, account_id, name) VALUES(7,1,'INBOX');"
        "INSERT INTO blob(id, sha, size) VALUES(3,'x',5);"
        "INSERT INTO msg(id, folder_id, uid, flags, sflags, idate, date, size, thread_id, mid, blob_id, from_disp, subject, "
        "msgid) VALUES(1,7,1,0,0,10,10,1,1,11,3,'a','b','c'), (2,7,2,1,1,20,20,1,1,12,NULL,'a','b','d')";
  Box *b = *state;
  sqlite3 *db = NULL;
  box_close (b);
  g_autofree char *path = g_build_filename (b->dir, "state.db", NULL);
  static const char *const tails[] = { "", "-wal", "-shm" };
  for (gsize i = 0; i < G_N_ELEMENTS (tails); i++)
    {
      g_autofree char *file = g_strconcat (path, tails[i], NULL);
      g_unlink (file);
    }
  assert_int_equal (sqlite3_open (path, &db), SQLITE_OK);
  assert_int_equal (sqlite3_exec (db, fm_schema_step (0), NULL, NULL, NULL), SQLITE_OK);
  assert_int_equal (sqlite3_exec (db, first, NULL, NULL, NULL), SQLITE_OK);
  sqlite3_close (db);

  box_open (b);
  begin (b);
  put_answer (b, 7, 3, 30, 0, 0);
  put_answer (b, 7, 4, 31, 30, FM_FLAG_SEEN);
  commit (b);
  assert_int_equal (sqlite3_open (path, &db), SQLITE_OK);
  assert_int_equal (value_of (db, "PRAGMA user_version"), fm_schema_version ());
  assert_int_equal (value_of (db, "SELECT count(*) FROM sqlite_master WHERE name IN ('msg_mid', 'msg_added', 'msg_blob_new')"), 0);
  assert_int_equal (value_of (db, "SELECT total * 100 + unread FROM folder WHERE id=7"), 402);
  assert_int_equal (value_of (db, "SELECT last * 100 + count * 10 + unread FROM thread WHERE folder_id=7 AND thread_id=1"), 2021);
  assert_int_equal (value_of (db, "SELECT count * 10 + unread FROM thread WHERE folder_id=7 AND thread_id=3"), 21);
  assert_int_equal (value_of (db, "SELECT count(*) FROM thread"), 2);
  assert_int_equal (value_of (db, "SELECT refs FROM blob WHERE id=3"), 1);
  sqlite3_close (db);
}

/* The system refuses more bytes in any file: the error is told, nothing half is kept, and afterwards all goes on. */
static void
test_full (void **state)
{
  Box *b = *state;
  struct rlimit old, small;
  begin (b);
  put (b, b->inbox, 1, 1, 0);
  commit (b);
  signal (SIGXFSZ, SIG_IGN);
  getrlimit (RLIMIT_FSIZE, &old);
  small = old;
  small.rlim_cur = 256 * 1024;
  setrlimit (RLIMIT_FSIZE, &small);
  g_autoptr (FmSink) sink = fm_body_store_sink_new (b->store, 1 << 20, FALSE);
  g_autoptr (GError) error = NULL, body_error = NULL;
  g_autofree char *big = g_strnfill (300 * 1024, 'x');
  assert_false (fm_sink_write (sink, big, 300 * 1024, &body_error));
  assert_true (g_error_matches (body_error, FM_ERROR, FM_ERROR_STORAGE));
  fm_sink_abort (sink);
  gboolean ok = TRUE;
  for (guint i = 0; ok && i < 100; i++)
    {
      begin (b);
      for (guint j = 0; j < 100; j++)
        put (b, b->inbox, 2 + i * 100 + j, 2 + i * 100 + j, 0);
      ok = fm_db_commit (b->w, &error);
    }
  setrlimit (RLIMIT_FSIZE, &old);
  assert_false (ok);
  assert_true (g_error_matches (error, FM_ERROR, FM_ERROR_STORAGE));
  assert_int_equal (total (b, b->inbox) % 100, 1);
  begin (b);
  put (b, b->inbox, 50000, 50000, 0);
  commit (b);
  OK (fm_db_check (b->r, E));
}

/* A child files messages (file, row, ledger) until it is killed: each ledger row has its message and its file, none is there twice. */
static void
test_kill (void **state)
{
  Box *b = *state;
  box_close (b);
  for (int round = 0; round < 8; round++)
    {
      int fds[2];
      assert_int_equal (pipe (fds), 0);
      pid_t child = fork ();
      if (child == 0)
        {
          box_open (b);
          for (guint i = 1; i < 100000; i++)
            {
              g_autofree char *uidl = g_strdup_printf ("u%u", i);
              g_autoptr (FmPopSeen) seen = fm_pop_store_find (b->r, b->account, uidl, NULL);
              if (seen != NULL)
                continue;
              g_autofree char *text = g_strdup_printf ("message %u\r\n", i);
              g_autofree char *digest = write_body (b, text);
              begin (b);
              gint64 id = put (b, b->inbox, i, i, 0);
              FmPopSeen row = { .uidl = uidl, .digest = digest, .msg_id = id };
              if (fm_body_store_attach (b->w, id, digest, strlen (text), NULL) == 0 || !fm_pop_store_put (b->w, b->account, &row, NULL))
                _exit (1);
              commit (b);
              if (write (fds[1], &i, sizeof i) != sizeof i)
                _exit (1);
            }
          _exit (0);
        }
      close (fds[1]);
      guint done = 0, last = 0;
      for (int i = 0; i < 15 + 3 * round && read (fds[0], &done, sizeof done) == sizeof done; i++)
        last = done;
      kill (child, SIGKILL);
      waitpid (child, NULL, 0);
      while (read (fds[0], &done, sizeof done) == sizeof done)
        last = done;
      close (fds[0]);
      box_open (b);
      g_autoptr (GPtrArray) ledger = fm_pop_store_list (b->r, b->account, NULL);
      assert_true (ledger->len >= last && ledger->len <= last + 1);
      assert_int_equal (total (b, b->inbox), ledger->len);
      for (guint i = 0; i < ledger->len; i++)
        {
          const FmPopSeen *seen = ledger->pdata[i];
          g_autofree char *path = fm_body_store_path (b->r, seen->msg_id, NULL);
          assert_true (path != NULL && g_file_test (path, G_FILE_TEST_EXISTS));
        }
      OK (fm_db_check (b->r, E));
      fm_body_store_clean_tmp (b->store, 0);
      box_close (b);
    }
  box_open (b);
}

int
main (void)
{
#define T(name) cmocka_unit_test_setup_teardown (name, box_setup, box_teardown)
  const struct CMUnitTest tests[] = { T (test_body), T (test_evict), T (test_collect_in_place), T (test_corrupt), T (test_corrupt_in_use),
                                      T (test_mark), T (test_newer), T (test_migration),        T (test_full),    T (test_kill) };
  return cmocka_run_group_tests_name ("files", tests, NULL, NULL);
}

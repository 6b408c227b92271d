/* R13: POP never loses a message and never downloads one twice. A session is cut at every byte, and the process is killed at every step of the pipeline;
 * after one quiet session each message is here exactly once, and on the server exactly as the policy says. */
#include "pop-server.h"
#include "sync/pop-pass.h"
#include "sync/pop-worker.h"
#include <fulmar/base/clock.h>
#include <fulmar/base/error.h>
#include <fulmar/base/port.h>
#include <fulmar/store/body-store.h>
#include <fulmar/store/folder-store.h>
#include <fulmar/store/journal.h>
#include <fulmar/store/list-store.h>
#include <fulmar/store/message-store.h>
#include <fulmar/store/pop-store.h>
#include <glib/gstdio.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static const char *self;
static FmPort *events; /* where env's events go; NULL: nowhere */

/* The engine's doors, as a test needs them. */
void
fm_sync_env_emit (FmSyncEnv *env, FmEvent *event)
{
  if (events != NULL)
    fm_port_post (events, event, (GDestroyNotify) fm_event_unref);
  else
    fm_event_unref (event);
}
void
fm_sync_env_index (FmSyncEnv *env, gint64 blob_id)
{
}
FmSecret *
fm_sync_env_secret (FmSyncEnv *env, const FmAccountSpec *spec, gboolean refused_before, FmCancel *cancel, GError **error)
{
  return fm_secret_new ("secret", -1);
}
void
fm_sync_env_act (FmSyncEnv *env, FmAction *action)
{
  fm_action_unref (action);
}
void
fm_sync_env_queue_changed (FmSyncEnv *env)
{
}

/* A store with one POP account, in memory where the system has such a place: the tests make thousands. */
typedef struct {
  char *dir;
  FmStore *store;
  FmSyncEnv env;
  FmPopContext context;
} Home;

static FmAccountSpec *
spec_new (guint16 port, FmLeavePolicy leave)
{
  FmAccountSpec *spec = fm_account_spec_new ("pop", FM_ACCOUNT_POP);
  spec->incoming.host = g_strdup ("127.0.0.1");
  spec->incoming.port = port;
  spec->incoming.security = FM_SECURITY_PLAIN_LOOPBACK;
  spec->incoming.user = g_strdup ("me");
  spec->leave = leave;
  spec->leave_days = 3;
  spec->poll_s = 3600;
  return spec;
}

static gboolean
register_account (FmStoreWriter *writer, gpointer data, GError **error)
{
  Home *home = data;
  home->context.account_id = fm_folder_store_put_account (writer, "pop", FM_STORE_POP, error);
  FmFolderInput inbox = { .name = "INBOX", .delimiter = '/', .special = FM_SPECIAL_INBOX, .subscribed = TRUE, .selectable = TRUE };
  FmFolderInput trash = { .name = "Trash", .delimiter = '/', .special = FM_SPECIAL_TRASH, .subscribed = TRUE, .selectable = TRUE };
  home->context.inbox_id = fm_folder_store_put (writer, home->context.account_id, &inbox, error);
  return home->context.inbox_id != 0 && fm_folder_store_put (writer, home->context.account_id, &trash, error) != 0;
}

static void
home_open (Home *home, const char *dir, guint16 port, FmLeavePolicy leave)
{
  g_autoptr (GError) error = NULL;
  *home = (Home){ .dir = g_strdup (dir) };
  home->store = fm_db_open (dir, &error);
  if (home->store == NULL)
    fail_msg ("%s", error->message);
  FmStoreWriter *writer = fm_db_writer_new (home->store, NULL);
  home->env = (FmSyncEnv){ .store = home->store, .pen = fm_pen_new (home->store, writer), .network = TRUE };
  home->context = (FmPopContext){ .env = &home->env,
                                  .spec = spec_new (port, leave),
                                  .cancel = fm_cancel_new (),
                                  .oversized = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL) };
  assert_true (fm_pen_call (home->env.pen, FM_PEN_SAFE, register_account, home, NULL));
  home->context.reader = fm_db_reader_new (home->store, NULL);
}

static char *
new_dir (void)
{
  g_autofree char *template
      = g_build_filename (g_file_test ("/dev/shm", G_FILE_TEST_IS_DIR) ? "/dev/shm" : g_get_tmp_dir (), "fulmar-pop-XXXXXX", NULL);
  assert_non_null (g_mkdtemp (template));
  return g_steal_pointer (&template);
}

static void
home_new (Home *home, guint16 port, FmLeavePolicy leave)
{
  g_autofree char *dir = new_dir ();
  home_open (home, dir, port, leave);
}

static void
home_close (Home *home)
{
  fm_db_reader_free (home->context.reader);
  fm_pen_free (home->env.pen);
  fm_account_spec_unref (home->context.spec);
  fm_cancel_unref (home->context.cancel);
  g_hash_table_unref (home->context.oversized);
  fm_db_unref (home->store);
  g_free (home->dir);
}

static void
remove_dir (const char *dir)
{
  g_autoptr (GDir) entries = g_dir_open (dir, 0, NULL);
  const char *name;
  while (entries != NULL && (name = g_dir_read_name (entries)) != NULL)
    {
      g_autofree char *path = g_build_filename (dir, name, NULL);
      if (g_file_test (path, G_FILE_TEST_IS_DIR))
        remove_dir (path);
      else
        g_unlink (path);
    }
  g_rmdir (dir);
}

static void
home_free (Home *home)
{
  g_autofree char *dir = g_strdup (home->dir);
  home_close (home);
  remove_dir (dir);
}

static gboolean
pass (Home *home)
{
  g_autoptr (FmSecret) secret = fm_secret_new ("secret", -1);
  return fm_pop_pass_run (&home->context, secret, NULL, NULL);
}

static void
must_pass (Home *home)
{
  g_autoptr (FmSecret) secret = fm_secret_new ("secret", -1);
  g_autoptr (GError) error = NULL;
  if (!fm_pop_pass_run (&home->context, secret, NULL, &error))
    fail_msg ("%s", error->message);
}

static guint
server_count (PopServer *server)
{
  pthread_mutex_lock (&server->lock);
  guint n = server->mails->len;
  pthread_mutex_unlock (&server->lock);
  return n;
}

/* Each of "letter 1" to "letter N" is in the inbox once, with its bytes as they were. */
static void
assert_all_once (Home *home, guint n, const char *where)
{
  guint count[10] = { 0 };
  FmListSpec spec = { .folder_id = home->context.inbox_id, .order = FM_ORDER_DATE };
  g_autoptr (GPtrArray) rows = fm_list_store_first (home->context.reader, &spec, 100, NULL);
  for (guint i = 0; i < rows->len; i++)
    {
      const FmRow *row = rows->pdata[i];
      guint number = (guint) g_ascii_strtoull (row->subject + strlen ("letter "), NULL, 10);
      g_autofree char *path = fm_body_store_path (home->context.reader, row->id, NULL);
      g_autofree char *text = NULL;
      gsize size;
      assert_in_range (number, 1, n);
      count[number]++;
      assert_true (path != NULL && g_file_get_contents (path, &text, &size, NULL));
      g_autofree char *end = g_strdup_printf ("\r\n.\r\n..two\r\n.end %u\r\n", number);
      if (strstr (text, end) == NULL || !g_str_has_suffix (text, "\r\n") || g_str_has_suffix (text, "\r\n.\r\n"))
        fail_msg ("%s: letter %u is damaged", where, number);
    }
  for (guint i = 1; i <= n; i++)
    if (count[i] != 1)
      fail_msg ("%s: letter %u is here %u times", where, i, count[i]);
}

static GRand *chance; /* where the sampled cuts begin */

static void
cut_everywhere (FmLeavePolicy leave, gint64 step)
{
  PopServer *server = pop_server_start ();
  gint64 last = 1;
  guint cuts = 0;
  for (gint64 cut = 0; cut < last; cut += cut == 0 && step > 1 ? g_rand_int_range (chance, 1, (gint32) step + 1) : step, cuts++)
    {
      Home home;
      g_autofree char *where = g_strdup_printf ("cut after %" G_GINT64_FORMAT " bytes", cut);
      pop_server_fill (server);
      home_new (&home, server->port, leave);
      pthread_mutex_lock (&server->lock);
      server->cut = cut;
      pthread_mutex_unlock (&server->lock);
      assert_false (pass (&home));
      pthread_mutex_lock (&server->lock);
      server->cut = -1;
      guint before = server->retrs;
      pthread_mutex_unlock (&server->lock);
      must_pass (&home);
      assert_all_once (&home, 5, where);
      assert_int_equal (server_count (server), leave == FM_LEAVE_NONE ? 0 : 5);
      pthread_mutex_lock (&server->lock);
      guint again = server->retrs;
      if (cut == 0)
        last = server->sent;
      pthread_mutex_unlock (&server->lock);
      must_pass (&home);
      assert_all_once (&home, 5, where);
      pthread_mutex_lock (&server->lock);
      assert_true (again - before <= 5);
      assert_int_equal (server->retrs, again);
      pthread_mutex_unlock (&server->lock);
      home_free (&home);
    }
  printf ("%u cuts in %" G_GINT64_FORMAT " bytes\n", cuts, last);
  pop_server_stop (server);
}

/* Every byte when soaking, else every so many from a random one on. */
static gint64
step_of (gint64 usual)
{
  return g_getenv ("FULMAR_SOAK") != NULL ? 1 : usual;
}

static void
test_cut_forever (void **state)
{
  cut_everywhere (FM_LEAVE_FOREVER, step_of (11));
}

static void
test_cut_none (void **state)
{
  cut_everywhere (FM_LEAVE_NONE, step_of (7));
}

static void
test_cut_days (void **state)
{
  cut_everywhere (FM_LEAVE_DAYS, step_of (41));
}

static void
test_cut_until_deleted (void **state)
{
  cut_everywhere (FM_LEAVE_UNTIL_DELETED, step_of (41));
}

/* The child: a pass that kills itself at the given step. */
static FmPopStep fatal_step;
static int fatal_count;

static void
die_at (FmPopStep step)
{
  if (step == fatal_step && g_atomic_int_dec_and_test (&fatal_count))
    kill (getpid (), SIGKILL);
}

static int
child_main (char **argv)
{
  Home home;
  fatal_step = (FmPopStep) g_ascii_strtoull (argv[5], NULL, 10);
  fatal_count = (int) g_ascii_strtoull (argv[6], NULL, 10);
  home_open (&home, argv[2], (guint16) g_ascii_strtoull (argv[3], NULL, 10), (FmLeavePolicy) g_ascii_strtoull (argv[4], NULL, 10));
  fm_pop_pass_set_hook (die_at);
  gboolean ok = pass (&home);
  home_close (&home);
  return ok ? 0 : 1;
}

static gboolean
run_child (const char *dir, guint16 port, FmLeavePolicy leave, FmPopStep step, int count)
{
  g_autofree char *port_text = g_strdup_printf ("%u", port), *leave_text = g_strdup_printf ("%d", leave);
  g_autofree char *step_text = g_strdup_printf ("%d", step), *count_text = g_strdup_printf ("%d", count);
  const char *argv[] = { self, "--child", dir, port_text, leave_text, step_text, count_text, NULL };
  int status = 0;
  assert_true (g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_LEAVE_DESCRIPTORS_OPEN, NULL, NULL, NULL, NULL, &status, NULL));
  return WIFSIGNALED (status) && WTERMSIG (status) == SIGKILL;
}

static void
test_killed_at_each_step (void **state)
{
  static const FmLeavePolicy policies[] = { FM_LEAVE_FOREVER, FM_LEAVE_UNTIL_DELETED, FM_LEAVE_DAYS, FM_LEAVE_NONE };
  PopServer *server = pop_server_start ();
  for (guint p = 0; p < G_N_ELEMENTS (policies); p++)
    for (int step = FM_POP_STEP_LISTED; step <= FM_POP_STEP_QUIT; step++)
      for (int count = 1; count <= (step == FM_POP_STEP_WRITTEN || step == FM_POP_STEP_COMMITTED ? 5 : 1); count += 2)
        {
          Home home;
          g_autofree char *dir = new_dir ();
          g_autofree char *where = g_strdup_printf ("killed at step %d, time %d", step, count);
          pop_server_fill (server);
          assert_true (run_child (dir, server->port, policies[p], (FmPopStep) step, count));
          home_open (&home, dir, server->port, policies[p]);
          must_pass (&home);
          must_pass (&home);
          assert_all_once (&home, 5, where);
          assert_int_equal (server_count (server), policies[p] == FM_LEAVE_NONE ? 0 : 5);
          home_free (&home);
        }
  pop_server_stop (server);
}

static void
rename_all (PopServer *server, const char *prefix)
{
  pthread_mutex_lock (&server->lock);
  for (guint i = 0; i < server->mails->len; i++)
    {
      PopMail *mail = server->mails->pdata[i];
      g_free (mail->uidl);
      mail->uidl = g_strdup_printf ("%s-%u", prefix, i);
    }
  pthread_mutex_unlock (&server->lock);
}

static void
test_all_uidls_changed (void **state)
{
  PopServer *server = pop_server_start ();
  Home home;
  pop_server_fill (server);
  home_new (&home, server->port, FM_LEAVE_FOREVER);
  must_pass (&home);
  assert_int_equal (server->retrs, 5);
  rename_all (server, "new");
  must_pass (&home);
  assert_all_once (&home, 5, "after the reset");
  assert_int_equal (server->retrs, 5);
  assert_int_equal (server->tops, 5);
  must_pass (&home);
  assert_int_equal (server->tops, 5);
  /* Without TOP the bodies tell. */
  server->no_top = TRUE;
  rename_all (server, "third");
  must_pass (&home);
  assert_all_once (&home, 5, "after the reset without TOP");
  assert_int_equal (server->retrs, 10);
  must_pass (&home);
  assert_int_equal (server->retrs, 10);
  home_free (&home);
  pop_server_stop (server);
}

static void
test_no_uidl (void **state)
{
  PopServer *server = pop_server_start ();
  Home home;
  pop_server_fill (server);
  server->no_uidl = server->no_pipelining = TRUE;
  home_new (&home, server->port, FM_LEAVE_FOREVER);
  must_pass (&home);
  must_pass (&home);
  assert_all_once (&home, 5, "without UIDL");
  assert_int_equal (server->retrs, 5);
  home_free (&home);
  pop_server_stop (server);
}

static void
test_shared_uidls (void **state)
{
  PopServer *server = pop_server_start ();
  Home home;
  pop_server_fill (server);
  for (guint i = 0; i < 5; i++)
    {
      PopMail *mail = server->mails->pdata[i];
      g_free (mail->uidl);
      mail->uidl = g_strdup ("same");
    }
  home_new (&home, server->port, FM_LEAVE_FOREVER);
  must_pass (&home);
  must_pass (&home);
  assert_all_once (&home, 5, "with shared UIDLs");
  home_free (&home);
  pop_server_stop (server);
}

/* A server may give the name of a message that is gone to another one: that one is new all the same. */
static void
test_reused_uidl (void **state)
{
  PopServer *server = pop_server_start ();
  Home home;
  pop_server_fill (server);
  home_new (&home, server->port, FM_LEAVE_NONE);
  must_pass (&home);
  assert_int_equal (server_count (server), 0);
  pop_server_add (server, "uid-1",
                  "From: x@example.org\r\nSubject: letter 6\r\nMessage-ID: <m6@example.org>\r\n\r\n\r\n.\r\n..two\r\n.end 6\r\n");
  must_pass (&home);
  assert_all_once (&home, 6, "with a UIDL given twice");
  home_free (&home);
  pop_server_stop (server);
}

static gint64
row_of (Home *home, const char *subject)
{
  FmListSpec spec = { .folder_id = home->context.inbox_id, .order = FM_ORDER_DATE };
  g_autoptr (GPtrArray) rows = fm_list_store_first (home->context.reader, &spec, 100, NULL);
  for (guint i = 0; i < rows->len; i++)
    if (g_str_equal (((FmRow *) rows->pdata[i])->subject, subject))
      return ((FmRow *) rows->pdata[i])->id;
  return 0;
}

typedef struct {
  gint64 id, trash_id;
} Deletion;

static gboolean
delete_row (FmStoreWriter *writer, gpointer data, GError **error)
{
  Deletion *deletion = data;
  gint64 group = fm_journal_group (writer, "deleted", error);
  return deletion->trash_id != 0 ? fm_journal_plan_move (writer, group, &deletion->id, 1, deletion->trash_id, NULL, error)
                                 : fm_journal_plan_expunge (writer, group, &deletion->id, 1, NULL, error);
}

/* R16: what was deleted here goes from the server at the next session, and never comes back. */
static void
test_until_deleted (void **state)
{
  PopServer *server = pop_server_start ();
  Home home;
  pop_server_fill (server);
  home_new (&home, server->port, FM_LEAVE_UNTIL_DELETED);
  must_pass (&home);
  g_autoptr (FmFolderInfo) trash = fm_folder_store_find_special (home.context.reader, home.context.account_id, FM_SPECIAL_TRASH, NULL);
  Deletion to_trash = { row_of (&home, "letter 2"), trash->id }, for_good = { row_of (&home, "letter 4"), 0 };
  assert_true (fm_pen_call (home.env.pen, FM_PEN_USER, delete_row, &to_trash, NULL));
  assert_true (fm_pen_call (home.env.pen, FM_PEN_USER, delete_row, &for_good, NULL));
  must_pass (&home);
  assert_int_equal (server_count (server), 3);
  assert_int_equal (server->retrs, 5);
  must_pass (&home);
  assert_int_equal (row_of (&home, "letter 4"), 0);
  home_free (&home);
  pop_server_stop (server);
}

static void
test_days (void **state)
{
  PopServer *server = pop_server_start ();
  Home home;
  pop_server_fill (server);
  home_new (&home, server->port, FM_LEAVE_DAYS);
  must_pass (&home);
  fm_clock_set_offset (3 * 86400 - 60);
  must_pass (&home);
  assert_int_equal (server_count (server), 5);
  fm_clock_set_offset (3 * 86400 + 60);
  must_pass (&home);
  assert_int_equal (server_count (server), 0);
  fm_clock_set_offset (0);
  assert_all_once (&home, 5, "after three days");
  home_free (&home);
  pop_server_stop (server);
}

/* The worker: folders are made, mail is fetched, states are told, headers alone where the account wants that, and the body on demand. */
static FmEvent *
wait_event (FmEventKind kind, guint64 reply_to)
{
  gint64 deadline = fm_clock_deadline_us (30000);
  for (;;)
    {
      FmEvent *event = fm_port_take (events, deadline);
      if (event == NULL)
        fail_msg ("no event of kind %d came", kind);
      if (event->kind == kind && event->reply_to == reply_to)
        return event;
      fm_event_unref (event);
    }
}

static void
test_worker (void **state)
{
  PopServer *server = pop_server_start ();
  Home home;
  pop_server_fill (server);
  home_new (&home, server->port, FM_LEAVE_NONE);
  home.context.spec->offline = FM_OFFLINE_HEADERS;
  events = fm_port_new ();
  FmAccountWorker *worker = fm_pop_worker_class.start (&home.env, home.context.spec, home.context.account_id);
  fm_pop_worker_class.sync (worker, 7, NULL);
  fm_event_unref (wait_event (FM_EVENT_DONE, 7));
  /* Of a header alone the server has the only copy: it stays, whatever the policy. */
  assert_int_equal (server_count (server), 5);
  assert_int_equal (server->retrs, 0);
  gint64 id = row_of (&home, "letter 3");
  assert_true (id != 0);
  fm_pop_worker_class.want_body (worker, 8, id);
  fm_event_unref (wait_event (FM_EVENT_DONE, 8));
  g_autofree char *path = fm_body_store_path (home.context.reader, id, NULL);
  assert_non_null (path);
  fm_pop_worker_class.sync (worker, 9, NULL);
  fm_event_unref (wait_event (FM_EVENT_DONE, 9));
  assert_int_equal (server_count (server), 4);
  g_autoptr (FmFolderInfo) drafts = fm_folder_store_find_special (home.context.reader, home.context.account_id, FM_SPECIAL_DRAFTS, NULL);
  assert_non_null (drafts);
  fm_pop_worker_class.stop (worker);
  fm_pop_worker_class.join (worker);
  g_clear_pointer (&events, fm_port_unref);
  home_free (&home);
  pop_server_stop (server);
}

int
main (int argc, char **argv)
{
  self = argv[0];
  if (argc == 7 && g_str_equal (argv[1], "--child"))
    return child_main (argv);
  const char *named = g_getenv ("FULMAR_TEST_SEED");
  guint32 seed = named != NULL ? (guint32) g_ascii_strtoull (named, NULL, 10) : g_random_int ();
  printf ("FULMAR_TEST_SEED=%u\n", seed);
  chance = g_rand_new_with_seed (seed);
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_all_uidls_changed),
    cmocka_unit_test (test_no_uidl),
    cmocka_unit_test (test_shared_uidls),
    cmocka_unit_test (test_reused_uidl),
    cmocka_unit_test (test_until_deleted),
    cmocka_unit_test (test_days),
    cmocka_unit_test (test_worker),
    cmocka_unit_test (test_killed_at_each_step),
    cmocka_unit_test (test_cut_forever),
    cmocka_unit_test (test_cut_none),
    cmocka_unit_test (test_cut_days),
    cmocka_unit_test (test_cut_until_deleted),
  };
  int failures = cmocka_run_group_tests (tests, NULL, NULL);
  g_rand_free (chance);
  return failures;
}

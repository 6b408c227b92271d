/* R13: POP never loses a message and never downloads one twice, whatever the server says and whenever the process is killed; after one quiet session
 * each message is here exactly once, and on the server exactly as the policy says. The line cut at every byte is test-pop-cuts. */
#include "pop-home.h"
#include "sync/pop-worker.h"
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

static const char *self;

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
  static const struct {
    FmPopStep step;
    int times; /* a session comes by there so often, or oftener */
  } steps[] = { { FM_POP_STEP_LISTED, 1 },    { FM_POP_STEP_RECEIVING, 7 }, { FM_POP_STEP_WRITTEN, 5 },
                { FM_POP_STEP_COMMITTED, 5 }, { FM_POP_STEP_MARKED, 1 },    { FM_POP_STEP_QUIT, 1 } };
  PopServer *server = pop_server_start ();
  for (guint p = 0; p < G_N_ELEMENTS (policies); p++)
    for (gsize i = 0; i < G_N_ELEMENTS (steps); i++)
      for (int count = 1; count <= steps[i].times; count++)
        {
          FmPopStep step = steps[i].step;
          Home home;
          g_autofree char *dir = new_dir ();
          g_autofree char *where = g_strdup_printf ("killed at step %d, time %d", step, count);
          pop_server_fill (server);
          assert_true (run_child (dir, server->port, policies[p], step, count));
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
rename_one (PopServer *server, guint i, const char *uidl)
{
  POP_LOCKED (server)
  {
    PopMail *mail = server->mails->pdata[i];
    g_free (mail->uidl);
    mail->uidl = g_strdup (uidl);
  }
}

static void
rename_all (PopServer *server, const char *prefix)
{
  guint n = server_count (server);
  for (guint i = 0; i < n; i++)
    {
      g_autofree char *uidl = g_strdup_printf ("%s-%u", prefix, i);
      rename_one (server, i, uidl);
    }
}

/* In the midst of knowing everything again. */
static void
test_killed_in_a_reset (void **state)
{
  PopServer *server = pop_server_start ();
  Home home;
  g_autofree char *dir = new_dir ();
  pop_server_fill (server);
  home_open (&home, dir, server->port, FM_LEAVE_FOREVER);
  must_pass (&home);
  home_close (&home);
  rename_all (server, "new");
  assert_true (run_child (dir, server->port, FM_LEAVE_FOREVER, FM_POP_STEP_RENAMED, 1));
  home_open (&home, dir, server->port, FM_LEAVE_FOREVER);
  must_pass (&home);
  assert_all_once (&home, 5, "killed in a reset");
  assert_int_equal (pop_server_get (server, &server->retrs), 5);
  home_free (&home);
  pop_server_stop (server);
}

static void
test_all_uidls_changed (void **state)
{
  PopServer *server = pop_server_start ();
  Home home;
  pop_server_fill (server);
  home_new (&home, server->port, FM_LEAVE_FOREVER);
  must_pass (&home);
  assert_int_equal (pop_server_get (server, &server->retrs), 5);
  rename_all (server, "new");
  must_pass (&home);
  assert_all_once (&home, 5, "after the reset");
  assert_int_equal (pop_server_get (server, &server->retrs), 5);
  assert_int_equal (pop_server_get (server, &server->tops), 5);
  must_pass (&home);
  assert_int_equal (pop_server_get (server, &server->tops), 5);
  /* Without TOP the bodies tell. */
  POP_LOCKED (server)
  server->no_top = TRUE;
  rename_all (server, "third");
  must_pass (&home);
  assert_all_once (&home, 5, "after the reset without TOP");
  assert_int_equal (pop_server_get (server, &server->retrs), 10);
  must_pass (&home);
  assert_int_equal (pop_server_get (server, &server->retrs), 10);
  home_free (&home);
  pop_server_stop (server);
}

static void
test_no_uidl (void **state)
{
  PopServer *server = pop_server_start ();
  Home home;
  pop_server_fill (server);
  POP_LOCKED (server)
  server->no_uidl = server->no_pipelining = TRUE;
  home_new (&home, server->port, FM_LEAVE_FOREVER);
  must_pass (&home);
  must_pass (&home);
  assert_all_once (&home, 5, "without UIDL");
  assert_int_equal (pop_server_get (server, &server->retrs), 5);
  /* Without TOP the bodies tell, each time. */
  POP_LOCKED (server)
  server->no_top = TRUE;
  must_pass (&home);
  assert_all_once (&home, 5, "without UIDL and TOP");
  assert_int_equal (pop_server_get (server, &server->retrs), 10);
  home_free (&home);
  pop_server_stop (server);
}

/* All of them, and then two of five: the others are known by theirs. */
static void
test_shared_uidls (void **state)
{
  PopServer *server = pop_server_start ();
  Home home;
  pop_server_fill (server);
  for (guint i = 0; i < 5; i++)
    rename_one (server, i, "same");
  home_new (&home, server->port, FM_LEAVE_FOREVER);
  must_pass (&home);
  must_pass (&home);
  assert_all_once (&home, 5, "with shared UIDLs");
  pop_server_add (server, "same", "Subject: letter 6\r\n\r\n\r\n.\r\n..two\r\n.end 6\r\n");
  must_pass (&home);
  assert_all_once (&home, 6, "with one more of a shared UIDL");
  POP_LOCKED (server)
  g_ptr_array_remove_index (server->mails, 5);
  home_free (&home);
  rename_all (server, "own");
  rename_one (server, 1, "same");
  rename_one (server, 4, "same");
  POP_LOCKED (server)
  server->retrs = 0;
  home_new (&home, server->port, FM_LEAVE_NONE);
  must_pass (&home);
  assert_all_once (&home, 5, "with a UIDL shared by two");
  assert_int_equal (pop_server_get (server, &server->retrs), 5);
  assert_int_equal (server_count (server), 0);
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
  pop_server_add (server, "uid-1", LETTER_6);
  must_pass (&home);
  assert_all_once (&home, 6, "with a UIDL given twice");
  home_free (&home);
  pop_server_stop (server);
}

/* RFC 1939 allows 70 printable characters; more, and blanks around them, occur. */
static void
test_odd_uidls (void **state)
{
  PopServer *server = pop_server_start ();
  Home home;
  pop_server_fill (server);
  for (guint i = 0; i < 5; i++)
    {
      g_autofree char *filler = g_strnfill (200, 'u');
      g_autofree char *uidl = g_strdup_printf ("  %s%u   ", filler, i);
      rename_one (server, i, uidl);
    }
  home_new (&home, server->port, FM_LEAVE_FOREVER);
  must_pass (&home);
  must_pass (&home);
  assert_all_once (&home, 5, "with odd UIDLs");
  assert_int_equal (pop_server_get (server, &server->retrs), 5);
  assert_int_equal (pop_server_get (server, &server->tops), 0);
  home_free (&home);
  pop_server_stop (server);
}

static guint
ledger_rows (Home *home, gboolean gone)
{
  g_autoptr (GPtrArray) rows = fm_pop_store_list (home->context.reader, home->context.account_id, NULL);
  guint n = 0;
  for (guint i = 0; i < rows->len; i++)
    n += (((FmPopSeen *) rows->pdata[i])->gone_since_utc != 0) == gone;
  return n;
}

/* A mail that was delivered twice is two messages, also where the second comes later. */
static void
test_twins (void **state)
{
  PopServer *server = pop_server_start ();
  Home home;
  FmListSpec spec = { .order = FM_ORDER_DATE };
  pop_server_fill (server);
  home_new (&home, server->port, FM_LEAVE_FOREVER);
  must_pass (&home);
  g_autofree char *text = NULL;
  POP_LOCKED (server)
  text = g_strdup (((PopMail *) server->mails->pdata[0])->text);
  pop_server_add (server, "twin", text);
  must_pass (&home);
  must_pass (&home);
  spec.folder_id = home.context.inbox_id;
  g_autoptr (GPtrArray) rows = fm_list_store_first (home.context.reader, &spec, 100, NULL);
  assert_int_equal (rows->len, 6);
  assert_int_equal (pop_server_get (server, &server->retrs), 6);
  home_free (&home);
  pop_server_stop (server);
}

/* From a list that is short, broken or missing nothing is concluded, not even a quarter of a year later; and the session ends without QUIT. */
static void
test_broken_lists_prune_nothing (void **state)
{
  static const struct {
    const char *list, *uidl;
  } broken[] = {
    { "+OK\r\n1 100\r\n.\r\n", NULL },
    { "+OK\r\n.\r\n", NULL },
    { "+OK\r\n1 100\r\nrubbish\r\n.\r\n", NULL },
    { "-ERR [SYS/TEMP] not now\r\n", NULL },
    { NULL, "+OK\r\n1 uid-1\r\nrubbish\r\n.\r\n" },
    { NULL, "+OK\r\n9 uid-9\r\n.\r\n" },
    { "+OK\r\n1 100\r\n.\r\n", "+OK\r\n1 uid-1\r\n.\r\n" }, /* only STAT knows better */
  };
  PopServer *server = pop_server_start ();
  Home home;
  pop_server_fill (server);
  home_new (&home, server->port, FM_LEAVE_DAYS);
  must_pass (&home);
  fm_clock_set_offset (200 * 86400);
  for (gsize i = 0; i < G_N_ELEMENTS (broken); i++)
    {
      POP_LOCKED (server)
      {
        server->list_reply = broken[i].list;
        server->uidl_reply = broken[i].uidl;
      }
      pop_server_heard (server, "");
      assert_false (pass (&home));
      assert_false (pop_server_heard (server, "QUIT"));
      assert_int_equal (ledger_rows (&home, FALSE), 5);
    }
  POP_LOCKED (server)
  server->list_reply = server->uidl_reply = NULL;
  POP_LOCKED (server)
  server->no_uidl = TRUE; /* a server that forgets what it can: nothing is known to be gone either */
  home.context.spec->leave = FM_LEAVE_FOREVER;
  must_pass (&home);
  assert_int_equal (ledger_rows (&home, FALSE), 5);
  POP_LOCKED (server)
  server->no_uidl = FALSE;
  must_pass (&home);
  assert_all_once (&home, 5, "after broken lists");
  assert_int_equal (pop_server_get (server, &server->retrs), 5);
  fm_clock_set_offset (0);
  home_free (&home);
  pop_server_stop (server);
}

/* What has left the server is remembered for 90 days: a message that comes back within them is known. */
static void
test_remembers_ninety_days (void **state)
{
  PopServer *server = pop_server_start ();
  Home home;
  pop_server_fill (server);
  home_new (&home, server->port, FM_LEAVE_FOREVER);
  must_pass (&home);
  POP_LOCKED (server)
  g_ptr_array_set_size (server->mails, 0);
  must_pass (&home);
  assert_int_equal (ledger_rows (&home, TRUE), 5);
  fm_clock_set_offset (89 * 86400);
  must_pass (&home);
  pop_server_fill (server);
  must_pass (&home);
  assert_all_once (&home, 5, "back after 89 days");
  assert_int_equal (pop_server_get (server, &server->retrs), 5);
  POP_LOCKED (server)
  g_ptr_array_set_size (server->mails, 0);
  must_pass (&home);
  fm_clock_set_offset ((89 + 91) * 86400);
  must_pass (&home);
  assert_int_equal (ledger_rows (&home, TRUE) + ledger_rows (&home, FALSE), 0);
  fm_clock_set_offset (0);
  home_free (&home);
  pop_server_stop (server);
}

/* QUIT is where a server deletes: what it answers there counts, and until it says yes the mail is there. */
static void
test_quit_refused (void **state)
{
  PopServer *server = pop_server_start ();
  Home home;
  g_autoptr (GError) error = NULL;
  g_autoptr (FmSecret) secret = fm_secret_new ("secret", -1);
  pop_server_fill (server);
  home_new (&home, server->port, FM_LEAVE_NONE);
  POP_LOCKED (server)
  server->quit_reply = "-ERR some deleted messages not removed\r\n";
  assert_false (fm_pop_pass_run (&home.context, secret, NULL, &error));
  assert_non_null (strstr (error->message, "some deleted messages not removed"));
  g_autoptr (GPtrArray) rows = fm_pop_store_list (home.context.reader, home.context.account_id, NULL);
  assert_int_equal (rows->len, 5);
  for (guint i = 0; i < rows->len; i++)
    assert_true (((FmPopSeen *) rows->pdata[i])->deleted_utc == 0);
  POP_LOCKED (server)
  server->quit_reply = NULL;
  must_pass (&home);
  assert_int_equal (server_count (server), 0);
  assert_all_once (&home, 5, "after a refused QUIT");
  assert_int_equal (pop_server_get (server, &server->retrs), 5);
  home_free (&home);
  pop_server_stop (server);
}

static void
add_sized (PopServer *server, guint number, gsize size)
{
  g_autofree char *filler = g_strnfill (size, 'f');
  g_autofree char *uidl = g_strdup_printf ("size-%u", number);
  g_autofree char *text = g_strdup_printf ("Subject: letter %u\r\n\r\n%s\r\n.\r\n..two\r\n.end %u\r\n", number, filler, number);
  pop_server_add (server, uidl, text);
}

/* The first visit on a slow line: what is small comes first, and of that the newest. */
static void
test_small_and_new_first (void **state)
{
  PopServer *server = pop_server_start ();
  Home home;
  add_sized (server, 1, 3 * 1024 * 1024);
  add_sized (server, 2, 10);
  add_sized (server, 3, 200 * 1024);
  add_sized (server, 4, 50 * 1024);
  add_sized (server, 5, 20);
  add_sized (server, 6, 300 * 1024);
  home_new (&home, server->port, FM_LEAVE_FOREVER);
  must_pass (&home);
  assert_true (pop_server_heard (server, "RETR 5\nRETR 4\nRETR 2\nRETR 6\nRETR 3\nRETR 1\n"));
  assert_all_once (&home, 6, "by size");
  home_free (&home);
  pop_server_stop (server);
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
  /* Not yet: it may be undone. */
  must_pass (&home);
  assert_int_equal (server_count (server), 5 - 1);
  fm_clock_set_offset (FM_JOURNAL_HOLD_S + 1);
  must_pass (&home);
  fm_clock_set_offset (0);
  assert_int_equal (server_count (server), 3);
  assert_int_equal (pop_server_get (server, &server->retrs), 5);
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
  assert_int_equal (pop_server_get (server, &server->retrs), 0);
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

/* Over the size limit: the header alone, until the whole is asked for; the server's copy stays, whatever the policy. */
static void
test_too_large (void **state)
{
  PopServer *server = pop_server_start ();
  Home home;
  pop_server_fill (server);
  POP_LOCKED (server)
  ((PopMail *) server->mails->pdata[2])->told_bytes = G_GUINT64_CONSTANT (300) * 1024 * 1024;
  home_new (&home, server->port, FM_LEAVE_NONE);
  must_pass (&home);
  assert_int_equal (pop_server_get (server, &server->retrs), 4);
  assert_int_equal (pop_server_get (server, &server->tops), 1);
  assert_int_equal (server_count (server), 1);
  gint64 id = row_of (&home, "letter 3");
  assert_true (id != 0);
  must_pass (&home);
  assert_int_equal (pop_server_get (server, &server->retrs), 4);
  g_autoptr (FmSecret) secret = fm_secret_new ("secret", -1);
  assert_true (fm_pop_pass_fetch_body (&home.context, secret, id, NULL));
  assert_all_once (&home, 5, "with a large one");
  must_pass (&home);
  assert_int_equal (server_count (server), 0);
  home_free (&home);
  pop_server_stop (server);
}

static void
expect_state (FmAccountState state, const char *words)
{
  gint64 deadline = fm_clock_deadline_us (30000);
  for (;;)
    {
      g_autoptr (FmEvent) event = fm_port_take (events, deadline);
      if (event == NULL)
        fail_msg ("the state %d was not told", state);
      if (event->kind != FM_EVENT_STATE || event->state != state)
        continue;
      if (strstr (event->text, words) == NULL)
        fail_msg ("\"%s\" does not tell \"%s\"", event->text, words);
      return;
    }
}

/* A server that is busy is no reason to ask for the password again; only one that refuses it is. */
static void
test_busy_is_not_refused (void **state)
{
  static const struct {
    const char *reply, *words;
    gboolean is_refused;
  } cases[] = {
    { "-ERR [IN-USE] another session\r\n", "another session", FALSE }, { "-ERR [LOGIN-DELAY] slowly\r\n", "slowly", FALSE },
    { "-ERR [SYS/TEMP] disk full\r\n", "disk full", FALSE },           { "-ERR [SYS/PERM] mailbox broken\r\n", "mailbox broken", FALSE },
    { "-ERR [AUTH] wrong password\r\n", "wrong password", TRUE },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      PopServer *server = pop_server_start ();
      Home home;
      pop_server_fill (server);
      home_new (&home, server->port, FM_LEAVE_FOREVER);
      events = fm_port_new ();
      POP_LOCKED (server)
      server->pass_reply = cases[i].reply;
      g_atomic_int_set (&secrets_refused, 0);
      FmAccountWorker *worker = fm_pop_worker_class.start (&home.env, home.context.spec, home.context.account_id);
      expect_state (cases[i].is_refused ? FM_STATE_REFUSED : FM_STATE_RETRYING, cases[i].words);
      assert_true (cases[i].is_refused || g_atomic_int_get (&secrets_refused) == 0);
      POP_LOCKED (server)
      server->pass_reply = NULL;
      fm_pop_worker_class.sync (worker, 7, NULL);
      fm_event_unref (wait_event (FM_EVENT_DONE, 7));
      assert_true ((g_atomic_int_get (&secrets_refused) > 0) == cases[i].is_refused);
      fm_pop_worker_class.stop (worker);
      fm_pop_worker_class.join (worker);
      assert_all_once (&home, 5, cases[i].words);
      g_clear_pointer (&events, fm_port_unref);
      home_free (&home);
      pop_server_stop (server);
    }
}

static guint
count_notices (const char *words)
{
  guint n = 0;
  FmEvent *event;
  while ((event = fm_port_try_take (events)) != NULL)
    {
      n += event->kind == FM_EVENT_NOTICE && strstr (event->text, words) != NULL;
      fm_event_unref (event);
    }
  return n;
}

/* A server that deletes by itself sooner than the user wants is told of, once. */
static void
test_tells_of_expiry (void **state)
{
  static const struct {
    const char *caps;
    FmLeavePolicy leave;
    gboolean is_told;
  } cases[] = {
    { "EXPIRE 2\r\n", FM_LEAVE_DAYS, TRUE },     { "EXPIRE 3\r\n", FM_LEAVE_DAYS, FALSE }, { "EXPIRE NEVER\r\n", FM_LEAVE_FOREVER, FALSE },
    { "EXPIRE 60\r\n", FM_LEAVE_FOREVER, TRUE }, { "EXPIRE 2\r\n", FM_LEAVE_NONE, FALSE }, { NULL, FM_LEAVE_FOREVER, FALSE },
  };
  PopServer *server = pop_server_start ();
  events = fm_port_new ();
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      Home home;
      pop_server_fill (server);
      POP_LOCKED (server)
      server->more_caps = cases[i].caps;
      home_new (&home, server->port, cases[i].leave);
      must_pass (&home);
      must_pass (&home);
      assert_int_equal (count_notices ("the server deletes mail by itself after"), cases[i].is_told);
      home_free (&home);
    }
  g_clear_pointer (&events, fm_port_unref);
  pop_server_stop (server);
}

int
main (int argc, char **argv)
{
  self = argv[0];
  if (argc == 7 && g_str_equal (argv[1], "--child"))
    return child_main (argv);
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_all_uidls_changed),
    cmocka_unit_test (test_no_uidl),
    cmocka_unit_test (test_shared_uidls),
    cmocka_unit_test (test_reused_uidl),
    cmocka_unit_test (test_odd_uidls),
    cmocka_unit_test (test_twins),
    cmocka_unit_test (test_broken_lists_prune_nothing),
    cmocka_unit_test (test_remembers_ninety_days),
    cmocka_unit_test (test_quit_refused),
    cmocka_unit_test (test_small_and_new_first),
    cmocka_unit_test (test_until_deleted),
    cmocka_unit_test (test_days),
    cmocka_unit_test (test_worker),
    cmocka_unit_test (test_too_large),
    cmocka_unit_test (test_busy_is_not_refused),
    cmocka_unit_test (test_tells_of_expiry),
    cmocka_unit_test (test_killed_at_each_step),
    cmocka_unit_test (test_killed_in_a_reset),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}

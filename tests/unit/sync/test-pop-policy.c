/* R15, R16, R18, R22: `leave` changed at any time, Gmail's batches and recent mode, and messages of which only the header is fetched at first. Whatever
 * is changed, and whenever the process is killed, each message is here once, nothing goes from the server that the user was not told of, and in the end
 * the server has what the policy says. */
#include "pop-home.h"
#include "sync/pop-policy.h"
#include "sync/pop-worker.h"
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#define DAY_S 86400
#define TOLD ": from "
#define GRACE_S 660 /* what is told is not done before some minutes have passed */

static const char *self;

/* The child: passes until nothing is taken any more, killed at the given step. */
static FmPopStep fatal_step;
static int fatal_count;

static void
die_at (FmPopStep step)
{
  if (step == fatal_step && g_atomic_int_dec_and_test (&fatal_count))
    kill (getpid (), SIGKILL);
}

/* value struct: how a home is opened, in this process or in a child */
typedef struct {
  const char *dir;
  guint16 port;
  FmLeavePolicy leave;
  gint64 clock_s;
  guint64 size_limit;
  const char *user;
} Setting;

static void
open_as (Home *home, const Setting *setting)
{
  home_open (home, setting->dir, setting->port, setting->leave);
  fm_clock_set_offset (setting->clock_s);
  home->context.spec->size_limit = setting->size_limit;
  if (setting->user != NULL && *setting->user != '\0')
    {
      g_free (home->context.spec->incoming.user);
      home->context.spec->incoming.user = g_strdup (setting->user);
    }
}

/* As the worker does it: on, as long as a session of Gmail's brings something. */
static void
must_pass_all (Home *home)
{
  g_autoptr (FmSecret) secret = fm_secret_new ("secret", -1);
  FmPopOutcome outcome;
  do
    {
      g_autoptr (GError) error = NULL;
      if (!fm_pop_pass_run (&home->context, secret, &outcome, &error))
        fail_msg ("%s", error->message);
    }
  while (outcome.taken + outcome.nudged > 0);
}

static int
child_main (char **argv)
{
  Home home;
  Setting setting = { argv[2],
                      (guint16) g_ascii_strtoull (argv[3], NULL, 10),
                      (FmLeavePolicy) g_ascii_strtoull (argv[4], NULL, 10),
                      g_ascii_strtoll (argv[5], NULL, 10),
                      g_ascii_strtoull (argv[6], NULL, 10),
                      argv[7] };
  fatal_step = (FmPopStep) g_ascii_strtoull (argv[8], NULL, 10);
  fatal_count = (int) g_ascii_strtoull (argv[9], NULL, 10);
  open_as (&home, &setting);
  fm_pop_pass_set_hook (die_at);
  must_pass_all (&home);
  home_close (&home);
  return 0;
}

/* TRUE: it was killed there; FALSE: it did not come by there so often. */
static gboolean
run_child (const Setting *setting, FmPopStep step, int count)
{
  g_autofree char *port = g_strdup_printf ("%u", setting->port), *leave = g_strdup_printf ("%d", setting->leave);
  g_autofree char *clock = g_strdup_printf ("%" G_GINT64_FORMAT, setting->clock_s);
  g_autofree char *limit = g_strdup_printf ("%" G_GUINT64_FORMAT, setting->size_limit);
  g_autofree char *step_text = g_strdup_printf ("%d", step), *count_text = g_strdup_printf ("%d", count);
  const char *argv[] = { self,      "--child",  setting->dir, port, leave, clock, limit, setting->user == NULL ? "" : setting->user,
                         step_text, count_text, NULL };
  int status = 0;
  assert_true (g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_LEAVE_DESCRIPTORS_OPEN, NULL, NULL, NULL, NULL, &status, NULL));
  assert_true (WIFSIGNALED (status) ? WTERMSIG (status) == SIGKILL : WEXITSTATUS (status) == 0);
  return WIFSIGNALED (status);
}

/* Notices with WORDS since the last question; the last one's text in RET_TEXT (may be NULL). */
static guint
count_notices (const char *words, char **ret_text)
{
  guint n = 0;
  FmEvent *event;
  while ((event = fm_port_try_take (events)) != NULL)
    {
      if (event->kind == FM_EVENT_NOTICE && strstr (event->text, words) != NULL)
        {
          n++;
          if (ret_text != NULL)
            {
              g_free (*ret_text);
              *ret_text = g_strdup (event->text);
            }
        }
      fm_event_unref (event);
    }
  return n;
}

static void
delete_letter (Home *home, const char *subject, gboolean for_good)
{
  g_autoptr (FmFolderInfo) trash = fm_folder_store_find_special (home->context.reader, home->context.account_id, FM_SPECIAL_TRASH, NULL);
  Deletion deletion = { row_of (home, subject), for_good ? 0 : trash->id };
  assert_true (deletion.id != 0);
  assert_true (fm_pen_call (home->env.pen, FM_PEN_USER, delete_row, &deletion, NULL));
}

typedef struct {
  FmLeavePolicy before, after;
  guint days_between;
  guint at_once; /* due by both policies */
  guint told;    /* messages that the change deletes; 0: nothing is told */
  guint left;    /* on the server in the end */
} Change;

/* letters 2 and 4 are deleted here before the change; `days` is 3 */
static const Change changes[] = {
  { FM_LEAVE_FOREVER, FM_LEAVE_NONE, 0, 0, 5, 0 },       { FM_LEAVE_FOREVER, FM_LEAVE_DAYS, 4, 0, 5, 0 },
  { FM_LEAVE_FOREVER, FM_LEAVE_DAYS, 2, 0, 0, 5 },       { FM_LEAVE_FOREVER, FM_LEAVE_UNTIL_DELETED, 0, 0, 2, 3 },
  { FM_LEAVE_DAYS, FM_LEAVE_NONE, 1, 0, 5, 0 },          { FM_LEAVE_DAYS, FM_LEAVE_FOREVER, 4, 0, 0, 5 },
  { FM_LEAVE_UNTIL_DELETED, FM_LEAVE_NONE, 0, 2, 3, 0 }, { FM_LEAVE_UNTIL_DELETED, FM_LEAVE_FOREVER, 0, 0, 0, 5 },
  { FM_LEAVE_DAYS, FM_LEAVE_UNTIL_DELETED, 0, 0, 2, 3 },
};

static void
begin_change (const Change *change, PopServer *server, Home *home, const char *dir, gint64 *ret_clock)
{
  Setting setting = { dir, server->port, change->before, 0, 0, NULL };
  pop_server_fill (server);
  open_as (home, &setting);
  must_pass (home);
  delete_letter (home, "letter 2", FALSE);
  delete_letter (home, "letter 4", TRUE);
  home_close (home);
  /* What was deleted can't be undone any more. */
  *ret_clock = (gint64) change->days_between * DAY_S + FM_JOURNAL_HOLD_S + 1;
}

/* Letters 1, 3 and 5 once, and no letter fetched a second time. */
static void
assert_kept (Home *home, PopServer *server, const char *where)
{
  FmListSpec spec = { .folder_id = home->context.inbox_id, .order = FM_ORDER_DATE };
  g_autoptr (GPtrArray) rows = fm_list_store_first (home->context.reader, &spec, 100, NULL);
  if (rows->len != 3 || row_of (home, "letter 1") == 0 || row_of (home, "letter 3") == 0 || row_of (home, "letter 5") == 0)
    fail_msg ("%s: %u letters are here", where, rows->len);
  if (pop_server_get (server, &server->retrs) != 5)
    fail_msg ("%s: %u letters were fetched", where, pop_server_get (server, &server->retrs));
}

static void
test_told_before_deleted (void **state)
{
  events = fm_port_new ();
  for (guint i = 0; i < G_N_ELEMENTS (changes); i++)
    {
      const Change *change = &changes[i];
      PopServer *server = pop_server_start ();
      Home home;
      g_autofree char *dir = new_dir (), *text = NULL, *where = g_strdup_printf ("change %u", i),
                      *words = g_strdup_printf (" on %u message", change->told);
      Setting setting = { dir, server->port, change->after, 0, 0, NULL };
      begin_change (change, server, &home, dir, &setting.clock_s);
      open_as (&home, &setting);
      count_notices ("", NULL);
      must_pass (&home);
      assert_int_equal (server_count (server), 5 - change->at_once);
      assert_int_equal (count_notices (TOLD, &text), change->told > 0);
      assert_true (change->told == 0 || strstr (text, words) != NULL);
      must_pass (&home);
      assert_int_equal (server_count (server), 5 - change->at_once);
      assert_int_equal (count_notices (TOLD, NULL), 0);
      fm_clock_set_offset (setting.clock_s + GRACE_S);
      must_pass (&home);
      assert_int_equal (server_count (server), change->left);
      assert_int_equal (count_notices (TOLD, NULL), 0);
      assert_kept (&home, server, where);
      fm_clock_set_offset (0);
      home_free (&home);
      pop_server_stop (server);
    }
  g_clear_pointer (&events, fm_port_unref);
}

/* What comes while the change is being told is held too; what had been due before goes as ever. */
static void
test_old_policy_holds_meanwhile (void **state)
{
  PopServer *server = pop_server_start ();
  Home home;
  pop_server_fill (server);
  home_new (&home, server->port, FM_LEAVE_UNTIL_DELETED);
  must_pass (&home);
  delete_letter (&home, "letter 2", TRUE);
  pop_server_add (server, "uid-6", LETTER_6);
  home.context.spec->leave = FM_LEAVE_NONE;
  must_pass (&home);
  assert_int_equal (server_count (server), 5);
  must_pass (&home);
  assert_int_equal (server_count (server), 5);
  fm_clock_set_offset (GRACE_S);
  must_pass (&home);
  assert_int_equal (server_count (server), 0);
  /* Back again before anything is deleted: nothing was, and the next change begins anew. */
  pop_server_fill_edition (server, 7);
  home.context.spec->leave = FM_LEAVE_FOREVER;
  must_pass (&home);
  home.context.spec->leave = FM_LEAVE_NONE;
  must_pass (&home);
  home.context.spec->leave = FM_LEAVE_FOREVER;
  must_pass (&home);
  fm_clock_set_offset (2 * GRACE_S);
  must_pass (&home);
  home.context.spec->leave = FM_LEAVE_NONE;
  must_pass (&home);
  assert_int_equal (server_count (server), 5);
  fm_clock_set_offset (0);
  home_free (&home);
  pop_server_stop (server);
}

static void
test_change_killed_at_each_step (void **state)
{
  static const FmPopStep steps[] = { FM_POP_STEP_LISTED, FM_POP_STEP_TOLD, FM_POP_STEP_MARKED, FM_POP_STEP_QUIT };
  guint killed = 0;
  for (guint i = 0; i < G_N_ELEMENTS (changes); i++)
    for (guint s = 0; s < G_N_ELEMENTS (steps); s++)
      for (gboolean is_told = FALSE; is_told <= TRUE; is_told++)
        {
          PopServer *server = pop_server_start ();
          Home home;
          g_autofree char *dir = new_dir (), *where = g_strdup_printf ("change %u, step %d, told %d", i, steps[s], is_told);
          Setting setting = { dir, server->port, changes[i].after, 0, 0, NULL };
          begin_change (&changes[i], server, &home, dir, &setting.clock_s);
          if (is_told)
            {
              open_as (&home, &setting);
              must_pass (&home);
              home_close (&home);
              setting.clock_s += GRACE_S;
            }
          killed += run_child (&setting, steps[s], 1);
          /* What was not told does not go. */
          if (!is_told)
            assert_in_range (server_count (server), 5 - changes[i].at_once, 5);
          open_as (&home, &setting);
          must_pass (&home);
          fm_clock_set_offset (setting.clock_s + GRACE_S);
          must_pass (&home);
          must_pass (&home);
          assert_int_equal (server_count (server), changes[i].left);
          assert_kept (&home, server, where);
          fm_clock_set_offset (0);
          home_free (&home);
          pop_server_stop (server);
        }
  assert_true (killed >= G_N_ELEMENTS (changes) * 6);
}

/* Without UIDLs the ledger's rows are known by their content alone. */
static void
test_until_deleted_without_uidl (void **state)
{
  PopServer *server = pop_server_start ();
  Home home;
  pop_server_fill (server);
  POP_LOCKED (server)
  server->no_uidl = TRUE;
  home_new (&home, server->port, FM_LEAVE_UNTIL_DELETED);
  must_pass (&home);
  delete_letter (&home, "letter 2", FALSE);
  delete_letter (&home, "letter 4", TRUE);
  must_pass (&home);
  assert_int_equal (server_count (server), 4); /* what went to Trash may come back */
  fm_clock_set_offset (FM_JOURNAL_HOLD_S + 1);
  must_pass (&home);
  assert_int_equal (server_count (server), 3);
  must_pass (&home);
  assert_kept (&home, server, "without UIDL");
  fm_clock_set_offset (0);
  home_free (&home);
  pop_server_stop (server);
}

/* R18: until a session brings nothing, each message once, no DELE in recent mode whatever `leave` says, no header asked for in vain. */
static void
test_gmail (void **state)
{
  static const struct {
    const char *user;
    guint sessions;
  } cases[] = { { "recent:ada@gmail.com", 4 }, { "ada@gmail.com", 4 } };
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      PopServer *server = pop_server_start ();
      Home home;
      g_autofree char *dir = new_dir ();
      Setting setting = { dir, server->port, i == 0 ? FM_LEAVE_NONE : FM_LEAVE_FOREVER, 0, 0, cases[i].user };
      pop_server_fill (server);
      POP_LOCKED (server)
      server->batch = 2;
      open_as (&home, &setting);
      events = fm_port_new ();
      FmAccountWorker *worker = fm_pop_worker_class.start (&home.env, home.context.spec, home.context.account_id);
      fm_pop_worker_class.sync (worker, 7, NULL);
      fm_event_unref (wait_event (FM_EVENT_DONE, 7));
      assert_all_once (&home, 5, cases[i].user);
      assert_int_equal (server_count (server), 5);
      assert_int_equal (pop_server_get (server, &server->sessions), cases[i].sessions);
      assert_int_equal (pop_server_get (server, &server->tops), 0);
      assert_int_equal (pop_server_get (server, &server->retrs), 5);
      assert_false (pop_server_heard (server, "DELE"));
      fm_pop_worker_class.stop (worker);
      fm_pop_worker_class.join (worker);
      g_clear_pointer (&events, fm_port_unref);
      /* Everything shows again in recent mode, and is known. */
      g_free (home.context.spec->incoming.user);
      home.context.spec->incoming.user = g_strdup ("recent:ada@gmail.com");
      must_pass_all (&home);
      assert_all_once (&home, 5, "again");
      assert_int_equal (pop_server_get (server, &server->retrs), 5);
      home_free (&home);
      pop_server_stop (server);
    }
}

static void
test_gmail_killed_at_each_step (void **state)
{
  static const FmPopStep steps[]
      = { FM_POP_STEP_LISTED, FM_POP_STEP_RECEIVING, FM_POP_STEP_WRITTEN, FM_POP_STEP_COMMITTED, FM_POP_STEP_MARKED, FM_POP_STEP_QUIT };
  static const char *const users[] = { "recent:ada@gmail.com", "ada@gmail.com" };
  guint killed = 0;
  for (guint u = 0; u < G_N_ELEMENTS (users); u++)
    for (guint s = 0; s < G_N_ELEMENTS (steps); s++)
      for (int count = 1; count <= 4; count++)
        {
          PopServer *server = pop_server_start ();
          Home home;
          g_autofree char *dir = new_dir (), *where = g_strdup_printf ("%s killed at step %d, time %d", users[u], steps[s], count);
          Setting setting = { dir, server->port, u == 0 ? FM_LEAVE_NONE : FM_LEAVE_FOREVER, 0, 0, users[u] };
          pop_server_fill (server);
          POP_LOCKED (server)
          server->batch = 2;
          killed += run_child (&setting, steps[s], count);
          open_as (&home, &setting);
          must_pass (&home); /* may find only what the killed one left; the next poll goes on */
          must_pass_all (&home);
          assert_all_once (&home, 5, where);
          assert_int_equal (server_count (server), 5);
          assert_false (pop_server_heard (server, "DELE"));
          if (u == 1)
            assert_int_equal (home.context.server_count, 0);
          home_free (&home);
          pop_server_stop (server);
        }
  assert_int_equal (killed, 2 * 6 * 4);
}

/* Letters 4 and 5 are the large ones. */
#define LIMIT 600

static gboolean
want (FmStoreWriter *writer, gpointer data, GError **error)
{
  return fm_pop_store_want (writer, *(gint64 *) data, TRUE, error);
}

static void
ask_for (Home *home, const char *subject)
{
  gint64 id = row_of (home, subject);
  assert_true (id != 0 && fm_pen_call (home->env.pen, FM_PEN_SAFE, want, &id, NULL));
}

static guint
count_stubs (Home *home)
{
  FmListSpec spec = { .folder_id = home->context.inbox_id, .order = FM_ORDER_DATE };
  g_autoptr (GPtrArray) rows = fm_list_store_first (home->context.reader, &spec, 100, NULL);
  guint n = 0;
  assert_int_equal (rows->len, 5);
  for (guint i = 0; i < rows->len; i++)
    {
      const FmRow *row = rows->pdata[i];
      assert_true (row->is_stub == !row->has_body);
      n += row->is_stub;
    }
  return n;
}

static void
test_size_limit (void **state)
{
  PopServer *server = pop_server_start ();
  Home home;
  g_autofree char *dir = new_dir ();
  Setting setting = { dir, server->port, FM_LEAVE_NONE, 0, LIMIT, NULL };
  pop_server_fill (server);
  open_as (&home, &setting);
  must_pass (&home);
  must_pass (&home);
  assert_int_equal (count_stubs (&home), 2);
  assert_int_equal (pop_server_get (server, &server->retrs), 3);
  assert_int_equal (pop_server_get (server, &server->tops), 2);
  assert_int_equal (server_count (server), 2);
  /* Asked for: the next session brings it, and then it may go. */
  ask_for (&home, "letter 4");
  must_pass (&home);
  assert_int_equal (count_stubs (&home), 1);
  assert_int_equal (server_count (server), 1);
  /* Held back no longer. */
  home.context.spec->size_limit = 0;
  must_pass (&home);
  assert_int_equal (count_stubs (&home), 0);
  assert_all_once (&home, 5, "with a size limit");
  assert_int_equal (pop_server_get (server, &server->retrs), 5);
  assert_int_equal (server_count (server), 0);
  home_free (&home);
  pop_server_stop (server);
}

/* Of a stub the server has the only copy: in the Trash it stays there, deleted for good it goes as `leave` says. */
static void
test_deleted_stubs (void **state)
{
  PopServer *server = pop_server_start ();
  Home home;
  g_autofree char *dir = new_dir ();
  Setting setting = { dir, server->port, FM_LEAVE_UNTIL_DELETED, 0, LIMIT, NULL };
  pop_server_fill (server);
  open_as (&home, &setting);
  must_pass (&home);
  delete_letter (&home, "letter 4", FALSE);
  delete_letter (&home, "letter 5", TRUE);
  must_pass (&home);
  assert_int_equal (server_count (server), 4);
  /* What lies in the Trash is not fetched by itself. */
  home.context.spec->size_limit = 0;
  must_pass (&home);
  assert_int_equal (pop_server_get (server, &server->retrs), 3);
  home_free (&home);
  pop_server_stop (server);
}

/* The server gives a stub's UIDL to another message: that one is new, and the stub does not get its text. */
static void
test_stub_replaced (void **state)
{
  PopServer *server = pop_server_start ();
  Home home;
  g_autofree char *dir = new_dir ();
  Setting setting = { dir, server->port, FM_LEAVE_FOREVER, 0, LIMIT, NULL };
  pop_server_fill (server);
  open_as (&home, &setting);
  must_pass (&home);
  POP_LOCKED (server)
  {
    PopMail *mail = server->mails->pdata[4];
    g_free (mail->text);
    mail->text = g_strdup (LETTER_6);
  }
  ask_for (&home, "letter 5");
  must_pass (&home);
  must_pass (&home);
  g_autoptr (FmMessageInfo) stub = fm_message_store_get (home.context.reader, row_of (&home, "letter 5"), NULL);
  g_autofree char *path = fm_body_store_path (home.context.reader, row_of (&home, "letter 6"), NULL);
  assert_true (stub != NULL && stub->is_stub);
  assert_non_null (path);
  home_free (&home);
  pop_server_stop (server);
}

static void
test_rest_killed_at_each_step (void **state)
{
  static const struct {
    FmPopStep step;
    int times;
  } steps[] = { { FM_POP_STEP_LISTED, 1 },    { FM_POP_STEP_RECEIVING, 2 }, { FM_POP_STEP_WRITTEN, 2 },
                { FM_POP_STEP_COMMITTED, 2 }, { FM_POP_STEP_MARKED, 1 },    { FM_POP_STEP_QUIT, 1 } };
  for (guint is_raised = 0; is_raised <= 1; is_raised++)
    for (guint s = 0; s < G_N_ELEMENTS (steps); s++)
      for (int count = 1; count <= steps[s].times; count++)
        {
          PopServer *server = pop_server_start ();
          Home home;
          g_autofree char *dir = new_dir (),
                          *where = g_strdup_printf ("raised %u, killed at step %d, time %d", is_raised, steps[s].step, count);
          Setting setting = { dir, server->port, FM_LEAVE_NONE, 0, LIMIT, NULL };
          pop_server_fill (server);
          open_as (&home, &setting);
          must_pass (&home);
          if (!is_raised)
            {
              ask_for (&home, "letter 4");
              ask_for (&home, "letter 5");
            }
          home_close (&home);
          setting.size_limit = is_raised ? 0 : LIMIT;
          assert_true (run_child (&setting, steps[s].step, count));
          if (steps[s].step != FM_POP_STEP_QUIT)
            assert_int_equal (server_count (server), 2);
          open_as (&home, &setting);
          must_pass (&home);
          assert_int_equal (count_stubs (&home), 0);
          assert_all_once (&home, 5, where);
          assert_int_equal (server_count (server), 0);
          home_free (&home);
          pop_server_stop (server);
        }
}

/* A running account takes a new policy at once: it tells, and deletes with the session after that. */
static void
test_changed_while_running (void **state)
{
  PopServer *server = pop_server_start ();
  Home home;
  pop_server_fill (server);
  home_new (&home, server->port, FM_LEAVE_FOREVER);
  events = fm_port_new ();
  FmAccountWorker *worker = fm_pop_worker_class.start (&home.env, home.context.spec, home.context.account_id);
  fm_pop_worker_class.sync (worker, 7, NULL);
  fm_event_unref (wait_event (FM_EVENT_DONE, 7));
  g_autoptr (FmAccountSpec) policy = spec_new (server->port, FM_LEAVE_NONE);
  fm_pop_worker_class.set_policy (worker, policy);
  g_autoptr (FmEvent) notice = wait_event (FM_EVENT_NOTICE, 0);
  assert_true (strstr (notice->text, "leave = none" TOLD) != NULL && strstr (notice->text, " on 5 messages") != NULL);
  assert_int_equal (server_count (server), 5);
  for (gboolean is_said = FALSE; !is_said;)
    {
      g_autoptr (FmEvent) event = wait_event (FM_EVENT_STATE, 0);
      is_said = event->state == FM_STATE_ONLINE && strstr (event->text, ", 5 to go at ") != NULL;
    }
  for (guint64 request = 8; request <= 9; request++)
    {
      fm_pop_worker_class.sync (worker, request, NULL);
      fm_event_unref (wait_event (FM_EVENT_DONE, request));
      assert_int_equal (server_count (server), request == 8 ? 5 : 0);
      fm_clock_set_offset (GRACE_S);
    }
  fm_clock_set_offset (0);
  fm_pop_worker_class.stop (worker);
  fm_pop_worker_class.join (worker);
  g_clear_pointer (&events, fm_port_unref);
  assert_all_once (&home, 5, "changed while running");
  home_free (&home);
  pop_server_stop (server);
}

/* A wish for the rest outlives a session that can't be had. */
static void
test_wish_is_kept (void **state)
{
  PopServer *server = pop_server_start ();
  Home home;
  g_autofree char *dir = new_dir ();
  Setting setting = { dir, server->port, FM_LEAVE_FOREVER, 0, LIMIT, NULL };
  pop_server_fill (server);
  open_as (&home, &setting);
  events = fm_port_new ();
  FmAccountWorker *worker = fm_pop_worker_class.start (&home.env, home.context.spec, home.context.account_id);
  fm_pop_worker_class.sync (worker, 7, NULL);
  fm_event_unref (wait_event (FM_EVENT_DONE, 7));
  assert_int_equal (count_stubs (&home), 2);
  POP_LOCKED (server)
  server->pass_reply = "-ERR [IN-USE] another session\r\n";
  fm_pop_worker_class.want_body (worker, 8, row_of (&home, "letter 5"));
  g_autoptr (FmEvent) failed = wait_event (FM_EVENT_FAILED, 8);
  assert_non_null (strstr (failed->error->message, "the next session brings it"));
  POP_LOCKED (server)
  server->pass_reply = NULL;
  fm_pop_worker_class.sync (worker, 9, NULL);
  fm_event_unref (wait_event (FM_EVENT_DONE, 9));
  assert_int_equal (count_stubs (&home), 1);
  fm_pop_worker_class.want_body (worker, 10, row_of (&home, "letter 4"));
  fm_event_unref (wait_event (FM_EVENT_DONE, 10));
  assert_int_equal (count_stubs (&home), 0);
  fm_pop_worker_class.stop (worker);
  fm_pop_worker_class.join (worker);
  g_clear_pointer (&events, fm_port_unref);
  assert_all_once (&home, 5, "asked for");
  home_free (&home);
  pop_server_stop (server);
}

/* R21: what the server holds is known after each session. */
static void
test_server_is_counted (void **state)
{
  PopServer *server = pop_server_start ();
  Home home;
  guint64 bytes = 0;
  pop_server_fill (server);
  for (guint i = 0; i < server->mails->len; i++)
    bytes += strlen (((PopMail *) server->mails->pdata[i])->text);
  home_new (&home, server->port, FM_LEAVE_UNTIL_DELETED);
  must_pass (&home);
  for (guint left = 5; left >= 4; left--)
    {
      g_autoptr (GPtrArray) accounts = fm_folder_store_accounts (home.context.reader, NULL);
      const FmAccountInfo *account = accounts->pdata[0];
      assert_true (account->server_seen_utc != 0);
      assert_int_equal (account->server_count, left);
      assert_int_equal (account->server_bytes, bytes);
      delete_letter (&home, left == 5 ? "letter 2" : "letter 1", TRUE);
      POP_LOCKED (server)
      bytes -= strlen (((PopMail *) server->mails->pdata[left == 5])->text);
      must_pass (&home);
    }
  home_free (&home);
  pop_server_stop (server);
}

static void
test_policy_text (void **state)
{
  static const FmPopPolicy policies[]
      = { { FM_LEAVE_FOREVER, 0 }, { FM_LEAVE_UNTIL_DELETED, 0 }, { FM_LEAVE_DAYS, 14 }, { FM_LEAVE_NONE, 0 } };
  static const char *const wrong[] = { "", "d", "0d", "-1d", "sometimes", "99999d" };
  FmPopPolicy back;
  for (gsize i = 0; i < G_N_ELEMENTS (policies); i++)
    {
      g_autofree char *text = fm_pop_policy_text (policies[i]);
      assert_true (fm_pop_policy_parse (text, &back));
      assert_int_equal (back.leave, policies[i].leave);
      assert_int_equal (back.days, policies[i].days);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (wrong); i++)
    assert_false (fm_pop_policy_parse (wrong[i], &back));
}

int
main (int argc, char **argv)
{
  self = argv[0];
  if (argc == 10 && g_str_equal (argv[1], "--child"))
    return child_main (argv);
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_policy_text),
    cmocka_unit_test (test_told_before_deleted),
    cmocka_unit_test (test_old_policy_holds_meanwhile),
    cmocka_unit_test (test_until_deleted_without_uidl),
    cmocka_unit_test (test_gmail),
    cmocka_unit_test (test_size_limit),
    cmocka_unit_test (test_deleted_stubs),
    cmocka_unit_test (test_stub_replaced),
    cmocka_unit_test (test_changed_while_running),
    cmocka_unit_test (test_wish_is_kept),
    cmocka_unit_test (test_server_is_counted),
    cmocka_unit_test (test_change_killed_at_each_step),
    cmocka_unit_test (test_gmail_killed_at_each_step),
    cmocka_unit_test (test_rest_killed_at_each_step),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}

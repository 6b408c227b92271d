/* R13, byte by byte: a session of five mails is cut after each byte the server sends, under each policy; after two quiet sessions every message is
 * here exactly once, nothing was fetched again that was here, and on the server is what the policy says. Each cut has an account of its own in one
 * store, and mails of its own, so that nothing is known from before. The policies run in processes of their own, side by side. */
#include "pop-home.h"
#include <stdio.h>
#include <sys/wait.h>

static const struct {
  FmLeavePolicy leave;
  const char *name;
  guint left; /* on the server in the end */
} policies[] = { { FM_LEAVE_FOREVER, "forever", 5 },
                 { FM_LEAVE_NONE, "none", 0 },
                 { FM_LEAVE_DAYS, "days", 5 },
                 { FM_LEAVE_UNTIL_DELETED, "until-deleted", 5 } };

static guint policy; /* of this process */

static void
set_cut (PopServer *server, gint64 cut)
{
  pthread_mutex_lock (&server->lock);
  server->cut = cut;
  pthread_mutex_unlock (&server->lock);
}

static guint
count_retrs (PopServer *server)
{
  pthread_mutex_lock (&server->lock);
  guint n = server->retrs;
  pthread_mutex_unlock (&server->lock);
  return n;
}

/* A sanitizer makes this many times slower: there it looks for what is wrong in memory, and every byte is cut without it. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STEP 17
#else
#define STEP 1
#endif

/* Bytes of a whole session. */
static gint64
measure (Home *home, PopServer *server)
{
  pop_server_fill (server);
  must_pass (home);
  pthread_mutex_lock (&server->lock);
  gint64 n = server->sent;
  pthread_mutex_unlock (&server->lock);
  return n;
}

static void
cut_once (Home *home, PopServer *server, gint64 cut)
{
  g_autofree char *where = g_strdup_printf ("cut after %" G_GINT64_FORMAT " bytes", cut);

  home_use_account (home, where);
  pop_server_fill_edition (server, (guint) cut + 1);
  set_cut (server, cut);
  assert_false (pass (home));
  set_cut (server, -1);
  guint before = count_retrs (server);
  must_pass (home);
  assert_all_once (home, 5, where);
  assert_int_equal (server_count (server), policies[policy].left);
  guint after = count_retrs (server);
  assert_in_range (after - before, 0, 5);
  must_pass (home);
  assert_all_once (home, 5, where);
  assert_int_equal (server_count (server), policies[policy].left);
  assert_int_equal (count_retrs (server), after);
}

static void
survives_a_cut_after_every_byte (void **state)
{
  PopServer *server = pop_server_start ();
  Home home;

  home_new (&home, server->port, policies[policy].leave);
  gint64 session = measure (&home, server);
  assert_true (session > 2000);
  for (gint64 cut = 0; cut < session; cut += STEP)
    cut_once (&home, server, cut);
  printf ("leave %s: %" G_GINT64_FORMAT " bytes, cut after every %d\n", policies[policy].name, session, STEP);
  home_free (&home);
  pop_server_stop (server);
}

int
main (void)
{
  static const struct CMUnitTest tests[] = { cmocka_unit_test (survives_a_cut_after_every_byte) };
  int failures = 0;

  for (policy = 0; policy < G_N_ELEMENTS (policies); policy++)
    {
      pid_t child = fork ();
      if (child == 0)
        return cmocka_run_group_tests_name (policies[policy].name, tests, NULL, NULL);
      assert_true (child > 0);
    }
  for (guint i = 0; i < G_N_ELEMENTS (policies); i++)
    {
      int status = 0;
      assert_true (wait (&status) > 0);
      failures += !WIFEXITED (status) || WEXITSTATUS (status) != 0;
    }
  return failures;
}

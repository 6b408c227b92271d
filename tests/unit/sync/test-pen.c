/* The pen: who writes first, what a failure takes with it, what is done when it ends. */
#include "sync/pen.h"
#include <fulmar/base/error.h>
#include <fulmar/base/clock.h>

#include <pthread.h>
#include <signal.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

typedef struct {
  char *dir;
  FmStore *store;
  FmPen *pen;
  pthread_mutex_t mutex;
  pthread_cond_t open_gate;
  gboolean gate_open, gate_reached;
  GString *order;  /* letters of jobs as they ran; under mutex */
  GString *failed; /* letters of jobs answered with an error; under mutex */
} Fixture;

typedef struct {
  Fixture *f;
  char letter;
  gboolean fails, gate;
} Job;

static void
open_pen (Fixture *f)
{
  GError *error = NULL;
  f->store = fm_db_open (f->dir, &error);
  assert_null (error);
  FmStoreWriter *writer = fm_db_writer_new (f->store, &error);
  assert_null (error);
  f->pen = fm_pen_new (f->store, writer);
}

static int
set_up (void **state)
{
  Fixture *f = g_new0 (Fixture, 1);
  f->dir = g_dir_make_tmp ("fulmar-pen-XXXXXX", NULL);
  pthread_mutex_init (&f->mutex, NULL);
  pthread_cond_init (&f->open_gate, NULL);
  f->order = g_string_new (NULL);
  f->failed = g_string_new (NULL);
  *state = f;
  return 0;
}

static int
tear_down (void **state)
{
  Fixture *f = *state;
  const char *argv[] = { "rm", "-rf", "--", f->dir, NULL };
  g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL);
  g_string_free (f->order, TRUE);
  g_string_free (f->failed, TRUE);
  g_free (f->dir);
  g_free (f);
  return 0;
}

static void
close_pen (Fixture *f)
{
  fm_pen_free (f->pen);
  fm_db_unref (f->store);
}

/* Writes its letter as a named value; the gate holds the pen until the test has posted what it wants. */
static gboolean
job_run (FmStoreWriter *writer, gpointer data, GError **error)
{
  Job *job = data;
  Fixture *f = job->f;
  pthread_mutex_lock (&f->mutex);
  g_string_append_c (f->order, job->letter);
  f->gate_reached |= job->gate;
  pthread_cond_broadcast (&f->open_gate);
  while (job->gate && !f->gate_open)
    pthread_cond_wait (&f->open_gate, &f->mutex);
  pthread_mutex_unlock (&f->mutex);
  char key[] = { job->letter, '\0' };
  if (!fm_db_meta_set (writer, key, "written", error))
    return FALSE;
  if (job->fails)
    g_set_error_literal (error, FM_ERROR, FM_ERROR_REFUSED, "as told");
  return !job->fails;
}

static void
job_done (const GError *error, gpointer data)
{
  Job *job = data;
  pthread_mutex_lock (&job->f->mutex);
  if (error != NULL)
    g_string_append_c (job->f->failed, job->letter);
  pthread_mutex_unlock (&job->f->mutex);
}

static void
post (Fixture *f, FmPenLane lane, char letter, gboolean fails, gboolean gate)
{
  Job *job = g_new0 (Job, 1);
  *job = (Job){ f, letter, fails, gate };
  fm_pen_post (f->pen, lane, job_run, job_done, job, g_free);
}

/* Holds the pen inside a bulk job and waits until it is there. */
static void
hold (Fixture *f)
{
  post (f, FM_PEN_BULK, 'g', FALSE, TRUE);
  pthread_mutex_lock (&f->mutex);
  while (!f->gate_reached)
    pthread_cond_wait (&f->open_gate, &f->mutex);
  pthread_mutex_unlock (&f->mutex);
}

static void
let_go (Fixture *f)
{
  pthread_mutex_lock (&f->mutex);
  f->gate_open = TRUE;
  pthread_cond_broadcast (&f->open_gate);
  pthread_mutex_unlock (&f->mutex);
}

static gboolean
is_written (Fixture *f, char letter)
{
  FmStoreReader *reader = fm_db_reader_new (f->store, NULL);
  char key[] = { letter, '\0' };
  g_autofree char *value = fm_db_meta_get (reader, key, NULL);
  fm_db_reader_free (reader);
  return g_strcmp0 (value, "written") == 0;
}

static void
the_user_goes_first (void **state)
{
  Fixture *f = *state;
  open_pen (f);
  hold (f);
  post (f, FM_PEN_BULK, 'a', FALSE, FALSE);
  post (f, FM_PEN_BULK, 'b', FALSE, FALSE);
  post (f, FM_PEN_SAFE, 's', FALSE, FALSE);
  post (f, FM_PEN_USER, 'u', FALSE, FALSE);
  post (f, FM_PEN_USER, 'v', FALSE, FALSE);
  let_go (f);
  close_pen (f);
  assert_string_equal (f->order->str, "guvsab");
  assert_int_equal (f->failed->len, 0);
}

static void
a_failure_is_alone (void **state)
{
  Fixture *f = *state;
  open_pen (f);
  hold (f);
  post (f, FM_PEN_USER, 'u', FALSE, FALSE);
  post (f, FM_PEN_USER, 'x', TRUE, FALSE);
  post (f, FM_PEN_USER, 'v', FALSE, FALSE);
  post (f, FM_PEN_BULK, 'a', FALSE, FALSE);
  post (f, FM_PEN_BULK, 'y', TRUE, FALSE);
  post (f, FM_PEN_BULK, 'b', FALSE, FALSE);
  let_go (f);
  fm_pen_free (f->pen);
  assert_string_equal (f->failed->str, "xy");
  for (const char *at = "guvab"; *at != '\0'; at++)
    assert_true (is_written (f, *at));
  assert_false (is_written (f, 'x'));
  assert_false (is_written (f, 'y'));
  fm_db_unref (f->store);
}

static gboolean
refuse (FmStoreWriter *writer, gpointer data, GError **error)
{
  g_set_error_literal (error, FM_ERROR, FM_ERROR_REFUSED, "as told");
  return FALSE;
}

static void
a_call_waits_for_its_answer (void **state)
{
  Fixture *f = *state;
  open_pen (f);
  Job job = { f, 'c', FALSE, FALSE };
  g_autoptr (GError) error = NULL;
  assert_true (fm_pen_call (f->pen, FM_PEN_SAFE, job_run, &job, &error));
  assert_true (is_written (f, 'c'));
  assert_false (fm_pen_call (f->pen, FM_PEN_BULK, refuse, NULL, &error));
  assert_true (g_error_matches (error, FM_ERROR, FM_ERROR_REFUSED));
  close_pen (f);
}

static void
done_is_said_to_parent (const GError *error, gpointer data)
{
  char letter = ((Job *) data)->letter;
  if (error == NULL && write (STDOUT_FILENO + 100, &letter, 1) != 1)
    _exit (2);
}

/* What was answered before a kill is there afterwards. */
static void
what_is_answered_survives_a_kill (void **state)
{
  Fixture *f = *state;
  int pipe_fds[2];
  assert_int_equal (pipe (pipe_fds), 0);
  pid_t pid = fork ();
  if (pid == 0)
    {
      if (dup2 (pipe_fds[1], STDOUT_FILENO + 100) < 0)
        _exit (2);
      open_pen (f);
      for (char letter = 'a'; letter <= 'z'; letter++)
        {
          Job *job = g_new0 (Job, 1);
          *job = (Job){ f, letter, FALSE, FALSE };
          fm_pen_post (f->pen, FM_PEN_USER, job_run, done_is_said_to_parent, job, NULL);
        }
      pause ();
      _exit (1);
    }
  close (pipe_fds[1]);
  char answered[5];
  for (guint i = 0; i < sizeof answered; i++)
    assert_int_equal (read (pipe_fds[0], &answered[i], 1), 1);
  kill (pid, SIGKILL);
  waitpid (pid, NULL, 0);
  close (pipe_fds[0]);
  open_pen (f);
  for (guint i = 0; i < sizeof answered; i++)
    assert_true (is_written (f, answered[i]));
  close_pen (f);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown (the_user_goes_first, set_up, tear_down),
    cmocka_unit_test_setup_teardown (a_failure_is_alone, set_up, tear_down),
    cmocka_unit_test_setup_teardown (a_call_waits_for_its_answer, set_up, tear_down),
    cmocka_unit_test_setup_teardown (what_is_answered_survives_a_kill, set_up, tear_down),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}

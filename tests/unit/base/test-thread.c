/* What a thread of the house is born with: no signals, 8 MB of stack, a name. */
#include "test.h"

#include <fulmar/base/thread.h>

#include <pthread.h>
#include <signal.h>

typedef struct {
  gboolean blocks_winch, blocks_term;
  gsize stack_bytes;
  char name[16];
} Birth;

static void
note_birth (gpointer data)
{
  Birth *birth = data;
  pthread_attr_t attributes;
  sigset_t mask;

  pthread_sigmask (SIG_SETMASK, NULL, &mask);
  birth->blocks_winch = sigismember (&mask, SIGWINCH) == 1;
  birth->blocks_term = sigismember (&mask, SIGTERM) == 1;
  pthread_getattr_np (pthread_self (), &attributes);
  pthread_attr_getstacksize (&attributes, &birth->stack_bytes);
  pthread_attr_destroy (&attributes);
  pthread_getname_np (pthread_self (), birth->name, sizeof birth->name);
}

static void
test_birth (void **state)
{
  Birth birth = { 0 };
  sigset_t before, after;

  pthread_sigmask (SIG_SETMASK, NULL, &before);
  fm_thread_join (fm_thread_start ("a name longer than the kernel keeps", note_birth, &birth));
  pthread_sigmask (SIG_SETMASK, NULL, &after);
  assert_true (birth.blocks_winch);
  assert_true (birth.blocks_term);
  assert_true (birth.stack_bytes >= 8 * 1024 * 1024);
  assert_string_equal (birth.name, "a name longer t");
  assert_int_equal (sigismember (&before, SIGWINCH), sigismember (&after, SIGWINCH));
}

int
main (void)
{
  const struct CMUnitTest tests[] = { cmocka_unit_test (test_birth) };

  return cmocka_run_group_tests (tests, NULL, NULL);
}

/* Threads with everything explicit. The signal mask is set around pthread_create so that the new thread is born with it: blocking inside
 * the thread would leave a moment in which SIGWINCH could land there and never reach the loop. */
#include <fulmar/base/thread.h>

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STACK_BYTES (8 * 1024 * 1024)
#define NAME_BYTES 16 /* the kernel's limit, NUL included */

struct FmThread {
  pthread_t id;
  char name[NAME_BYTES];
  void (*run) (gpointer data);
  gpointer data;
};

/* The kernel lets what wakes up take the processor from a batch thread at once, and never the reverse: a key is answered while others work. */
static void *
thread_main (void *argument)
{
  FmThread *thread = argument;
  struct sched_param none = { 0 };

  (void) sched_setscheduler (0, SCHED_BATCH, &none);
  pthread_setname_np (pthread_self (), thread->name);
  thread->run (thread->data);
  return NULL;
}

FmThread *
fm_thread_start (const char *name, void (*run) (gpointer data), gpointer data)
{
  FmThread *thread = g_new0 (FmThread, 1);
  pthread_attr_t attributes;
  sigset_t all, before;
  int failure;

  g_strlcpy (thread->name, name, sizeof thread->name);
  thread->run = run;
  thread->data = data;
  pthread_attr_init (&attributes);
  pthread_attr_setstacksize (&attributes, STACK_BYTES);
  sigfillset (&all);
  pthread_sigmask (SIG_SETMASK, &all, &before);
  failure = pthread_create (&thread->id, &attributes, thread_main, thread);
  pthread_sigmask (SIG_SETMASK, &before, NULL);
  pthread_attr_destroy (&attributes);
  if (failure != 0)
    {
      fprintf (stderr, "fulmar: no thread for %s: %s\n", name, g_strerror (failure));
      abort ();
    }
  return thread;
}

void
fm_thread_join (FmThread *thread)
{
  pthread_join (thread->id, NULL);
  g_free (thread);
}

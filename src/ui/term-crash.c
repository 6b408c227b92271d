/* A signal handler may call next to nothing, so the bytes that restore the screen and the terminal's modes are laid down when the screen is
 * entered. The handler runs on a stack of its own (a stack overflow is a crash too), once, and then lets the signal kill as it would have. */
#include "ui/term-crash.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STACK_BYTES (64 * 1024)

static const int fatal[] = { SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGQUIT };

static char restore_bytes[256];
static size_t restore_size;
static struct termios restore_modes;
static int restore_fd = -1;
static volatile sig_atomic_t armed;

static void
restore_now (void)
{
  if (!armed)
    return;
  armed = 0;
  for (size_t done = 0; done < restore_size;)
    {
      ssize_t n = write (restore_fd, restore_bytes + done, restore_size - done);
      if (n <= 0)
        break;
      done += (size_t) n;
    }
  tcsetattr (restore_fd, TCSANOW, &restore_modes);
}

static void
on_fatal (int number)
{
  restore_now ();
  signal (number, SIG_DFL);
  raise (number);
}

static void
install (void)
{
  static gboolean installed = FALSE;
  static char stack[STACK_BYTES];
  if (installed)
    return;
  installed = TRUE;
  stack_t own = { .ss_sp = stack, .ss_size = sizeof stack };
  struct sigaction action = { .sa_handler = on_fatal, .sa_flags = SA_ONSTACK | SA_NODEFER };
  sigemptyset (&action.sa_mask);
  sigaltstack (&own, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (fatal); i++)
    sigaction (fatal[i], &action, NULL);
  atexit (restore_now);
}

void
fm_term_crash_arm (int fd, const char *restore, const struct termios *modes)
{
  armed = 0;
  restore_size = MIN (strlen (restore), sizeof restore_bytes);
  memcpy (restore_bytes, restore, restore_size);
  restore_modes = *modes;
  restore_fd = fd;
  install ();
  armed = 1;
}

void
fm_term_crash_disarm (void)
{
  armed = 0;
}

/* GLib's unix signal sources do not know these two. A handler only writes the signal's number into a pipe that never blocks. */
#include "ui/term-signals.h"
#include <glib-unix.h>
#include <signal.h>
#include <unistd.h>

static int pipe_fds[2] = { -1, -1 };
static guint source;
static FmTermSignalsFunc handler_func;
static gpointer handler_data;

static void
on_signal (int number)
{
  char byte = (char) number;
  if (write (pipe_fds[1], &byte, 1) < 0)
    return; /* the pipe is full: the loop has enough to read */
}

static void
install (int number, void (*handler) (int))
{
  struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART };
  sigemptyset (&action.sa_mask);
  sigaction (number, &action, NULL);
}

static gboolean
on_pipe (gint fd, GIOCondition condition, gpointer data)
{
  char bytes[16];
  gssize n = read (fd, bytes, sizeof bytes);
  for (gssize i = 0; i < n; i++)
    handler_func (bytes[i], handler_data);
  return G_SOURCE_CONTINUE;
}

void
fm_term_signals_start (FmTermSignalsFunc func, gpointer data)
{
  handler_func = func;
  handler_data = data;
  if (pipe_fds[0] < 0)
    {
      if (!g_unix_open_pipe (pipe_fds, FD_CLOEXEC, NULL))
        return;
      g_unix_set_fd_nonblocking (pipe_fds[0], TRUE, NULL);
      g_unix_set_fd_nonblocking (pipe_fds[1], TRUE, NULL);
    }
  source = g_unix_fd_add (pipe_fds[0], G_IO_IN, on_pipe, NULL);
  install (SIGTSTP, on_signal);
  install (SIGCONT, on_signal);
}

void
fm_term_signals_stop (void)
{
  if (source == 0)
    return;
  install (SIGTSTP, SIG_DFL);
  install (SIGCONT, SIG_DFL);
  g_source_remove (source);
  source = 0;
}

void
fm_term_signals_suspend (void)
{
  install (SIGTSTP, SIG_DFL);
  install (SIGCONT, SIG_DFL);
  kill (0, SIGTSTP);
  install (SIGTSTP, on_signal);
  install (SIGCONT, on_signal);
}

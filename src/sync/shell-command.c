/* Running the user's own command for a password or token. The child gets a session of its own, so that a prompt of its can't draw over the
 * screen and the whole group can be killed, and a clean signal mask, since our threads block every signal. */
#include "sync/shell-command.h"
#include "fulmar/base/clock.h"
#include "fulmar/base/error.h"
#include "fulmar/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_OUTPUT (64 * 1024)

extern char **environ;

typedef struct {
  int fd;
  gsize size;
  char bytes[MAX_OUTPUT];
} Output;

static gboolean
spawn_shell (const char *line, int out_fd, int err_fd, pid_t *ret_pid)
{
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attr;
  sigset_t none, all;
  sigemptyset (&none);
  sigfillset (&all);
  posix_spawn_file_actions_init (&actions);
  posix_spawn_file_actions_addopen (&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2 (&actions, out_fd, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2 (&actions, err_fd, STDERR_FILENO);
  posix_spawnattr_init (&attr);
  posix_spawnattr_setsigmask (&attr, &none);
  posix_spawnattr_setsigdefault (&attr, &all);
  posix_spawnattr_setflags (&attr, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  char *argv[] = { (char *) "/bin/sh", (char *) "-c", (char *) line, NULL };
  int status = posix_spawn (ret_pid, "/bin/sh", &actions, &attr, argv, environ);
  posix_spawn_file_actions_destroy (&actions);
  posix_spawnattr_destroy (&attr);
  errno = status;
  return status == 0;
}

/* Reads what there is; closes at end of file. Output beyond the bound is dropped. */
static void
drain (Output *output)
{
  char overflow[4096];
  gsize room = sizeof output->bytes - output->size;
  ssize_t n = room > 0 ? read (output->fd, output->bytes + output->size, room) : read (output->fd, overflow, sizeof overflow);
  if (n > 0)
    {
      output->size += room > 0 ? (gsize) n : 0;
    }
  else if (n == 0 || (errno != EAGAIN && errno != EINTR))
    {
      close (output->fd);
      output->fd = -1;
    }
}

static gboolean
collect (Output *out, Output *err, gint64 deadline_us, FmCancel *cancel, GError **error)
{
  while (out->fd >= 0)
    {
      struct pollfd fds[3] = { { out->fd, POLLIN, 0 }, { err->fd, POLLIN, 0 }, { fm_cancel_fd (cancel), POLLIN, 0 } };
      int n = poll (fds, 3, fm_clock_remaining_ms (deadline_us));
      if (!fm_cancel_check (cancel, error))
        return FALSE;
      if (n == 0)
        {
          g_set_error_literal (error, FM_ERROR, FM_ERROR_TIMEOUT, "it did not answer in time");
          return FALSE;
        }
      if (n < 0 && errno != EINTR)
        return TRUE;
      if (n > 0 && fds[0].revents != 0)
        drain (out);
      if (n > 0 && fds[1].revents != 0)
        drain (err);
    }
  return TRUE;
}

static FmSecret *
first_line (const Output *out, const Output *err, int status, GError **error)
{
  const char *end = memchr (out->bytes, '\n', out->size);
  gsize size = end == NULL ? out->size : (gsize) (end - out->bytes);
  if (size > 0 && out->bytes[size - 1] == '\r')
    size--;
  if (WIFEXITED (status) && WEXITSTATUS (status) == 0 && size > 0)
    return fm_secret_new (out->bytes, (gssize) size);
  g_autofree char *words = fm_text_sanitise_line (err->bytes, (gssize) MIN (err->size, 500));
  g_strstrip (words);
  g_set_error (error, FM_ERROR, FM_ERROR_AUTH, "%s %d%s%s", WIFEXITED (status) ? "it ended with status" : "it was killed by signal",
               WIFEXITED (status) ? WEXITSTATUS (status) : WTERMSIG (status), words[0] == '\0' ? " and printed nothing" : ": ", words);
  return NULL;
}

/* The child may have closed its output and live on: it is given until the deadline, then killed. */
static int
reap (pid_t pid, gboolean kill_now, gint64 deadline_us)
{
  int status = 0;
  if (kill_now)
    kill (-pid, SIGKILL);
  while (!kill_now && waitpid (pid, &status, WNOHANG) == 0)
    {
      if (fm_clock_remaining_ms (deadline_us) == 0)
        return reap (pid, TRUE, 0);
      g_usleep (2000);
    }
  if (kill_now)
    waitpid (pid, &status, 0);
  return status;
}

FmSecret *
fm_shell_command_read (const char *line, int timeout_ms, FmCancel *cancel, GError **error)
{
  int out_pipe[2], err_pipe[2];
  if (pipe2 (out_pipe, O_CLOEXEC) != 0)
    goto no_pipe;
  if (pipe2 (err_pipe, O_CLOEXEC) != 0)
    {
      close (out_pipe[0]);
      close (out_pipe[1]);
      goto no_pipe;
    }
  gint64 deadline_us = fm_clock_deadline_us (timeout_ms);
  pid_t pid = 0;
  gboolean started = spawn_shell (line, out_pipe[1], err_pipe[1], &pid);
  int saved_errno = errno;
  close (out_pipe[1]);
  close (err_pipe[1]);
  Output *outputs = g_new0 (Output, 2);
  outputs[0].fd = out_pipe[0];
  outputs[1].fd = err_pipe[0];
  fcntl (outputs[0].fd, F_SETFL, O_NONBLOCK);
  fcntl (outputs[1].fd, F_SETFL, O_NONBLOCK);
  FmSecret *secret = NULL;
  if (!started)
    {
      fm_error_set_errno (error, FM_ERROR_AUTH, saved_errno, "/bin/sh can't be started");
    }
  else
    {
      gboolean complete = collect (&outputs[0], &outputs[1], deadline_us, cancel, error);
      int status = reap (pid, !complete, deadline_us);
      if (outputs[1].fd >= 0)
        drain (&outputs[1]);
      if (complete)
        secret = first_line (&outputs[0], &outputs[1], status, error);
    }
  for (guint i = 0; i < 2; i++)
    if (outputs[i].fd >= 0)
      close (outputs[i].fd);
  fm_secret_wipe (outputs, 2 * sizeof *outputs);
  g_free (outputs);
  return secret;
no_pipe:
  fm_error_set_errno (error, FM_ERROR_AUTH, errno, "no pipe for a command");
  return NULL;
}

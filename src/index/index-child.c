/* Starting our own program again as a worker: by argv, with an environment made for it, no descriptors but its socket, no signals blocked
 * and a process group of its own, so that the terminal's Ctrl-C is not for it. */
#include "config.h"
#include "index/index-child.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "fulmar/base/error.h"

enum { WORKER_FD = 3 };
#define INSIDE "FULMAR_INDEX_WORKER" /* set for every worker */

/* The two XAPIAN variables shape index and queries alike: without the first a word of two Chinese or Japanese characters is not found.
 * GNUPGHOME and HOME point nowhere, so that no key ring is touched and no helper is started for a signed mail. */
static char **
worker_environment (const char *dir)
{
  static const char *const kept[]
      = { "LD_LIBRARY_PATH", "TZ", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS", "GCONV_PATH" };
  char **environment = NULL;
  for (gsize i = 0; i < G_N_ELEMENTS (kept); i++)
    if (g_getenv (kept[i]) != NULL)
      environment = g_environ_setenv (environment, kept[i], g_getenv (kept[i]), TRUE);
  environment = g_environ_setenv (environment, INSIDE, "1", TRUE);
  environment = g_environ_setenv (environment, "LC_ALL", "C.UTF-8", TRUE);
  environment = g_environ_setenv (environment, "HOME", dir, TRUE);
  environment = g_environ_setenv (environment, "GNUPGHOME", "/nonexistent", TRUE);
  environment = g_environ_setenv (environment, "XAPIAN_CJK_NGRAM", "1", TRUE);
  return g_environ_setenv (environment, "XAPIAN_FLUSH_THRESHOLD", "1000", TRUE);
}

static int
spawn (pid_t *ret_pid, const char *program, int socket, gboolean keep_stderr, char **environment)
{
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  sigset_t none, all;
  char *const arguments[] = { (char *) "fulmar", (char *) "--index-worker", (char *) "3", NULL };
  sigemptyset (&none);
  sigfillset (&all);
  posix_spawn_file_actions_init (&files);
  posix_spawn_file_actions_adddup2 (&files, socket, WORKER_FD);
  posix_spawn_file_actions_addopen (&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen (&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  if (!keep_stderr)
    posix_spawn_file_actions_addopen (&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addclosefrom_np (&files, WORKER_FD + 1);
  posix_spawnattr_init (&attributes);
  posix_spawnattr_setflags (&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  posix_spawnattr_setsigmask (&attributes, &none);
  posix_spawnattr_setsigdefault (&attributes, &all);
  posix_spawnattr_setpgroup (&attributes, 0);
  int failed = posix_spawn (ret_pid, program, &files, &attributes, arguments, environment);
  posix_spawnattr_destroy (&attributes);
  posix_spawn_file_actions_destroy (&files);
  return failed;
}

static FmIndexFrameResult
greet (int socket, const FmIndexFrameHello *hello, const char *dir)
{
  g_autoptr (GByteArray) body = g_byte_array_new ();
  FmIndexFrameHead head = { .kind = FM_INDEX_FRAME_HELLO };
  g_byte_array_append (body, (const guint8 *) hello, sizeof *hello);
  g_byte_array_append (body, (const guint8 *) dir, strlen (dir));
  if (body->len > FM_INDEX_FRAME_MAX_BODY)
    return FM_INDEX_FRAME_BROKEN;
  return fm_index_frame_send (socket, &head, body->data, body->len, -1, FALSE);
}

gboolean
fm_index_child_start (FmIndexChild *child, const char *program, gboolean keep_stderr, const FmIndexFrameHello *hello, const char *dir,
                      GError **error)
{
  int pair[2];
  if (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
    {
      fm_error_set_errno (error, FM_ERROR_STORAGE, errno, "starting the index worker");
      return FALSE;
    }
  /* A program that does not hand --index-worker on to fm_index_worker_main would start workers that start workers, without end. */
  if (g_getenv (INSIDE) != NULL)
    {
      close (pair[0]);
      close (pair[1]);
      g_set_error (error, FM_ERROR, FM_ERROR_INVALID, "an index worker starts no index workers");
      return FALSE;
    }
  g_auto (GStrv) environment = worker_environment (dir);
  pid_t pid = 0;
  int failed = spawn (&pid, program, pair[1], keep_stderr, environment);
  close (pair[1]);
  if (failed != 0)
    {
      close (pair[0]);
      fm_error_set_errno (error, FM_ERROR_STORAGE, failed, "starting the index worker");
      return FALSE;
    }
  *child = (FmIndexChild){ .pid = pid, .socket = pair[0] };
  if (greet (pair[0], hello, dir) != FM_INDEX_FRAME_OK)
    {
      fm_index_child_end (child);
      g_set_error (error, FM_ERROR, FM_ERROR_STORAGE, "the index worker ended at once");
      return FALSE;
    }
  return TRUE;
}

int
fm_index_child_end (FmIndexChild *child)
{
  int status = 0;
  if (child->pid <= 0)
    return 0;
  kill (child->pid, SIGKILL);
  close (child->socket);
  while (waitpid (child->pid, &status, 0) < 0 && errno == EINTR)
    ;
  *child = FM_INDEX_CHILD_NONE;
  return WIFSIGNALED (status) ? WTERMSIG (status) : 0;
}

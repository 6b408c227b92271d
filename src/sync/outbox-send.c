/* The two ways out. A program that was killed or did not end in time may have taken the mail: that is unknown, as a lost answer of a server is. */
#include "sync/outbox-send.h"
#include <fulmar/base/clock.h>
#include <fulmar/base/error.h>
#include <fulmar/base/text.h>
#include <fulmar/mail/envelope.h>
#include <fulmar/mail/seven-bit.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROGRAM_TIMEOUT_MS (5 * 60 * 1000)
#define EXIT_TEMPORARY 75 /* EX_TEMPFAIL of sysexits */
#define MAX_WORDS 4096
#define MAX_HEADER_BYTES (256 * 1024)

extern char **environ;

static int
open_message (const char *path, GError **error)
{
  int fd = open (path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    fm_error_set_errno (error, FM_ERROR_STORAGE, errno, "%s", path);
  return fd;
}

/* The message as the server takes it: FD itself, or an encoded copy, FD being consumed then. -1 on error. */
static int
fit_for (const FmSmtpSession *session, int fd, GError **error)
{
  guint needs = 0;
  if (!fm_seven_bit_survey (fd, &needs, error))
    {
      close (fd);
      return -1;
    }
  if (fm_smtp_session_has_8bitmime (session))
    needs &= ~(guint) FM_SEVEN_BIT_HIGH;
  if (needs == 0)
    return fd;
  int fit = fm_seven_bit_convert (fd, error);
  close (fd);
  return fit;
}

/* Each recipient shares what became of the message. */
static FmSmtpVerdict
refuse_all (const FmOutboxTask *task, FmSmtpRecipient *results, const GError *error)
{
  FmSmtpVerdict verdict = g_error_matches (error, FM_ERROR, FM_ERROR_STORAGE) ? FM_SMTP_TEMPORARY : FM_SMTP_PERMANENT;
  for (guint i = 0; task->recipients[i] != NULL; i++)
    results[i] = (FmSmtpRecipient){ verdict, g_strdup (error->message) };
  return verdict;
}

FmSmtpVerdict
fm_outbox_send_smtp (const FmOutboxTask *task, FmSmtpRecipient *results, gboolean *ret_at_door, GError **error)
{
  const FmAccountSpec *spec = task->spec;
  FmServer server = {
    .host = spec->smtp.host, .port = spec->smtp.port, .security = spec->smtp.security, .ca_file = spec->tls_ca, .pin_sha256 = spec->tls_pin
  };
  FmCredentials credentials
      = { .user = spec->smtp.user, .secret = task->secret, .kind = spec->oauth2 ? FM_CREDENTIALS_BEARER : FM_CREDENTIALS_PASSWORD };
  FmSmtpOptions options = { .server = &server, .credentials = spec->smtp.user == NULL || task->secret == NULL ? NULL : &credentials };
  *ret_at_door = TRUE;
  int fd = open_message (task->path, error);
  if (fd < 0)
    return FM_SMTP_TEMPORARY;
  FmSmtpSession *session = fm_smtp_session_open (&options, task->cancel, error);
  if (session == NULL)
    {
      close (fd);
      return FM_SMTP_TEMPORARY;
    }
  g_autoptr (GError) unfit = NULL;
  FmSmtpVerdict verdict;
  *ret_at_door = FALSE;
  fd = fit_for (session, fd, &unfit);
  if (fd >= 0)
    {
      FmSmtpMail mail = { .sender = task->sender, .recipients = task->recipients, .fd = fd };
      verdict = fm_smtp_session_send (session, &mail, results, error);
      close (fd);
    }
  else
    {
      verdict = refuse_all (task, results, unfit);
      g_propagate_error (error, g_steal_pointer (&unfit));
    }
  fm_smtp_session_quit (session);
  return verdict;
}

/* "Bcc: a, b\n" of the recipients that the header does not name; "" if it names all. Transfer: full. */
static char *
hidden_line (const FmOutboxTask *task, int fd)
{
  g_autofree char *bytes = g_malloc (MAX_HEADER_BYTES);
  gssize n = pread (fd, bytes, MAX_HEADER_BYTES, 0);
  g_autoptr (FmEnvelope) envelope = fm_envelope_parse (bytes, (gsize) MAX (n, 0));
  GString *line = g_string_new (NULL);
  for (guint i = 0; task->recipients[i] != NULL; i++)
    {
      const char *address = task->recipients[i];
      if (fm_address_list_contains (fm_envelope_to (envelope), address) || fm_address_list_contains (fm_envelope_cc (envelope), address)
          || fm_address_list_contains (fm_envelope_bcc (envelope), address))
        continue;
      g_string_append_printf (line, "%s%s", line->len == 0 ? "Bcc: " : ",\n ", address);
    }
  if (line->len > 0)
    g_string_append_c (line, '\n');
  return g_string_free (line, FALSE);
}

/* LINE before the message, in a file of memory; FD is consumed. -1 on error. */
static int
with_line (int fd, const char *line, GError **error)
{
  int memory = memfd_create ("mail", MFD_CLOEXEC);
  g_autofree char *bytes = g_malloc (64 * 1024);
  gboolean ok = memory >= 0 && write (memory, line, strlen (line)) == (ssize_t) strlen (line);
  ssize_t n = 0;
  while (ok && (n = read (fd, bytes, 64 * 1024)) > 0)
    ok = write (memory, bytes, (size_t) n) == n;
  ok = ok && n == 0 && lseek (memory, 0, SEEK_SET) == 0;
  if (!ok)
    fm_error_set_errno (error, FM_ERROR_STORAGE, errno, "handing the message to the program");
  close (fd);
  if (!ok && memory >= 0)
    close (memory);
  return ok ? memory : -1;
}

static gboolean
check_words (const FmOutboxTask *task, GError **error)
{
  for (guint i = 0; task->recipients[i] != NULL; i++)
    if (*task->recipients[i] == '\0' || *task->recipients[i] == '-' || strpbrk (task->recipients[i], "\r\n,;<> \t") != NULL)
      {
        g_autofree char *shown = fm_text_sanitise_line (task->recipients[i], -1);
        g_set_error (error, FM_ERROR, FM_ERROR_INVALID, "\"%s\" can't be an address", shown);
        return FALSE;
      }
  return TRUE;
}

/* Transfer: container. */
static GPtrArray *
words_of (const FmOutboxTask *task, gboolean reads_header)
{
  GPtrArray *words = g_ptr_array_new ();
  for (guint i = 0; task->spec->sendmail_argv[i] != NULL; i++)
    g_ptr_array_add (words, task->spec->sendmail_argv[i]);
  if (!reads_header)
    {
      g_ptr_array_add (words, (char *) "--");
      for (guint i = 0; task->recipients[i] != NULL; i++)
        g_ptr_array_add (words, (char *) task->recipients[i]);
    }
  g_ptr_array_add (words, NULL);
  return words;
}

static int
spawn_program (char **argv, int in_fd, int err_fd, pid_t *ret_pid)
{
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attr;
  sigset_t none, all;
  sigemptyset (&none);
  sigfillset (&all);
  posix_spawn_file_actions_init (&actions);
  posix_spawn_file_actions_adddup2 (&actions, in_fd, STDIN_FILENO);
  posix_spawn_file_actions_addopen (&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_adddup2 (&actions, err_fd, STDERR_FILENO);
  posix_spawnattr_init (&attr);
  posix_spawnattr_setsigmask (&attr, &none);
  posix_spawnattr_setsigdefault (&attr, &all);
  posix_spawnattr_setflags (&attr, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  int status = posix_spawnp (ret_pid, argv[0], &actions, &attr, argv, environ);
  posix_spawn_file_actions_destroy (&actions);
  posix_spawnattr_destroy (&attr);
  return status;
}

/* Reads what it says until it ends; FALSE if it must be killed. */
static gboolean
wait_for_program (pid_t pid, int err_fd, FmCancel *cancel, GString *words, int *ret_status)
{
  gint64 deadline = fm_clock_deadline_us (PROGRAM_TIMEOUT_MS);
  gboolean open = TRUE;
  while (fm_clock_remaining_ms (deadline) > 0 && !fm_cancel_is_set (cancel))
    {
      struct pollfd fds[2] = { { open ? err_fd : -1, POLLIN, 0 }, { fm_cancel_fd (cancel), POLLIN, 0 } };
      poll (fds, 2, open ? MIN (1000, fm_clock_remaining_ms (deadline)) : 5);
      if (open && (fds[0].revents & (POLLIN | POLLHUP)) != 0)
        {
          char bytes[1024];
          ssize_t n = read (err_fd, bytes, sizeof bytes);
          if (n > 0 && words->len < MAX_WORDS)
            g_string_append_len (words, bytes, n);
          open = n > 0 || (n < 0 && errno == EINTR);
        }
      if (waitpid (pid, ret_status, WNOHANG) == pid)
        return TRUE;
    }
  return FALSE;
}

static FmSmtpVerdict
judge (const char *program, int status, const GString *said, GError **error)
{
  g_autofree char *words = fm_text_sanitise_line (said->str, (gssize) MIN (said->len, 500));
  int code = WIFEXITED (status) ? WEXITSTATUS (status) : -1;
  if (code == 0)
    return FM_SMTP_ACCEPTED;
  if (code < 0)
    {
      g_set_error (error, FM_ERROR, FM_ERROR_REFUSED, "%s was killed by signal %d before it said whether it has taken the mail", program,
                   WTERMSIG (status));
      return FM_SMTP_UNKNOWN;
    }
  g_autofree char *name = g_path_get_basename (program);
  g_set_error (error, FM_ERROR, FM_ERROR_REFUSED, "%s (%s ended with status %d)", *g_strstrip (words) == '\0' ? "no reason is told" : words,
               name, code);
  return code == EXIT_TEMPORARY ? FM_SMTP_TEMPORARY : FM_SMTP_PERMANENT;
}

static FmSmtpVerdict
run_program (const FmOutboxTask *task, int in_fd, gboolean reads_header, GError **error)
{
  g_autoptr (GPtrArray) argv = words_of (task, reads_header);
  g_autoptr (GString) said = g_string_new (NULL);
  const char *program = task->spec->sendmail_argv[0];
  int err[2], status = 0;
  pid_t pid = 0;
  if (pipe2 (err, O_CLOEXEC) != 0)
    {
      fm_error_set_errno (error, FM_ERROR_STORAGE, errno, "no pipe for %s", program);
      return FM_SMTP_TEMPORARY;
    }
  int failed = spawn_program ((char **) argv->pdata, in_fd, err[1], &pid);
  close (err[1]);
  FmSmtpVerdict verdict = FM_SMTP_PERMANENT;
  if (failed != 0)
    {
      fm_error_set_errno (error, FM_ERROR_INVALID, failed, "%s can't be started", program);
    }
  else if (wait_for_program (pid, err[0], task->cancel, said, &status))
    {
      verdict = judge (program, status, said, error);
    }
  else
    {
      kill (-pid, SIGKILL);
      waitpid (pid, &status, 0);
      verdict = FM_SMTP_UNKNOWN;
      g_set_error (error, FM_ERROR, FM_ERROR_TIMEOUT, "%s did not end in time, so nobody knows whether it has taken the mail", program);
    }
  close (err[0]);
  return verdict;
}

FmSmtpVerdict
fm_outbox_send_program (const FmOutboxTask *task, GError **error)
{
  gboolean reads_header = g_strv_contains ((const char *const *) task->spec->sendmail_argv, "-t");
  if (!check_words (task, error))
    return FM_SMTP_PERMANENT;
  int fd = open_message (task->path, error);
  if (fd < 0)
    return FM_SMTP_TEMPORARY;
  g_autofree char *line = reads_header ? hidden_line (task, fd) : g_strdup ("");
  if (*line != '\0' && (fd = with_line (fd, line, error)) < 0)
    return FM_SMTP_TEMPORARY;
  FmSmtpVerdict verdict = run_program (task, fd, reads_header, error);
  close (fd);
  return verdict;
}

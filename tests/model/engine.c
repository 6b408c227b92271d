/* An engine that a test can drive and kill. This program waits on a socket; each connection gets a process of its own, forked and not started anew, so
 * that a life of an engine costs milliseconds. A process obeys lines of words with tabs between them and answers each with one line. `die N` has it
 * killed, as by kill -9, at the Nth system call from there on by which it could leave a trace: on the disk or on the wire. */
#include <fulmar/base/clock.h>
#include <fulmar/sync/engine.h>
#include <fulmar/sync/probe.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#define WAIT_MS 100000 /* longer than the engine waits for a server that says nothing */
#define ACCOUNT "work"

/* --- dying at a system call --- */

static gint steps_left; /* 0: not counted */

static void
step (void)
{
  if (g_atomic_int_get (&steps_left) > 0 && g_atomic_int_dec_and_test (&steps_left))
    kill (getpid (), SIGKILL);
}

/* These stand before the C library's for every library of this program. What has been written survives the death of a process without being
 * flushed to the disk, so nothing is. */

ssize_t
pwrite64 (int fd, const void *bytes, size_t n, off64_t offset)
{
  step ();
  return syscall (SYS_pwrite64, fd, bytes, n, offset);
}

ssize_t
write (int fd, const void *bytes, size_t n)
{
  step ();
  return syscall (SYS_write, fd, bytes, n);
}

ssize_t
send (int fd, const void *bytes, size_t n, int flags)
{
  step ();
  return syscall (SYS_sendto, fd, bytes, n, flags, NULL, 0);
}

int
fsync (int fd)
{
  step ();
  return 0;
}

int
fdatasync (int fd)
{
  step ();
  return 0;
}

int
rename (const char *from, const char *to)
{
  step ();
  return (int) syscall (SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int
link (const char *from, const char *to)
{
  step ();
  return (int) syscall (SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int
unlink (const char *path)
{
  step ();
  return (int) syscall (SYS_unlinkat, AT_FDCWD, path, 0);
}

/* --- one engine --- */

typedef struct {
  int fd;
  FmPort *port;
  FmEngine *engine;
  FmAccountState state;
  GString *notes; /* what nobody asked for and the test must know: refusals and errors */
} Drive;

static void
answer (Drive *drive, const char *word, const char *text)
{
  g_autofree char *line = g_strdup_printf ("%s\t%s\t%s\n", word, text ? text : "", drive->notes->str);
  gsize length = strlen (line);

  for (gsize at = 0; at < length;)
    {
      ssize_t n = syscall (SYS_sendto, drive->fd, line + at, length - at, MSG_NOSIGNAL, NULL, 0);
      if (n <= 0)
        exit (1);
      at += (gsize) n;
    }
  g_string_truncate (drive->notes, 0);
}

static void
hear (Drive *drive, const FmEvent *event)
{
  if (event->kind == FM_EVENT_STATE)
    drive->state = event->state;
  else if (event->kind == FM_EVENT_OP_REFUSED || (event->kind == FM_EVENT_NOTICE && event->error))
    g_string_append_printf (drive->notes, "[%s]", event->text);
}

static void
wait_for_answer (Drive *drive, guint64 request)
{
  gint64 deadline = fm_clock_deadline_us (WAIT_MS);

  for (;;)
    {
      g_autoptr (FmEvent) event = fm_port_take (drive->port, deadline);
      if (!event)
        {
          answer (drive, "timeout", "");
          return;
        }
      hear (drive, event);
      if (event->reply_to != request)
        continue;
      if (event->kind == FM_EVENT_DONE)
        answer (drive, "done", event->text);
      else if (event->kind == FM_EVENT_FAILED || event->kind == FM_EVENT_CANCELLED)
        answer (drive, "failed", event->error ? event->error->message : "cancelled");
      else
        continue;
      return;
    }
}

static gboolean
is_online (const Drive *drive)
{
  return drive->state == FM_STATE_ONLINE || drive->state == FM_STATE_PUSHED;
}

/* Until the account is connected, with no back-off waited out. A follower has no connection. */
static void
go_online (Drive *drive)
{
  gint64 deadline = fm_clock_deadline_us (WAIT_MS);
  int patience_ms = 0;

  for (;;)
    {
      g_autoptr (FmEvent) event = fm_port_take (drive->port, fm_clock_deadline_us (patience_ms));
      if (event)
        {
          hear (drive, event);
          continue;
        }
      if (is_online (drive) || !fm_engine_is_leader (drive->engine) || fm_clock_remaining_ms (deadline) == 0)
        break;
      fm_engine_retry (drive->engine, NULL);
      patience_ms = 50;
    }
  answer (drive, is_online (drive) || !fm_engine_is_leader (drive->engine) ? "done" : "timeout", "online");
}

static gint64
number (const char *word)
{
  return g_ascii_strtoll (word, NULL, 10);
}

/* open DIRECTORY PORT USER PASSWORD OFFLINE */
static void
open_engine (Drive *drive, char **words)
{
  g_autoptr (GPtrArray) accounts = g_ptr_array_new_with_free_func ((GDestroyNotify) fm_account_spec_unref);
  g_autoptr (GError) error = NULL;
  g_autoptr (FmSecret) secret = fm_secret_new (words[4], -1);
  FmAccountSpec *spec = fm_account_spec_new (ACCOUNT, FM_ACCOUNT_IMAP);

  spec->incoming
      = (FmAccountService){ g_strdup ("127.0.0.1"), (guint16) number (words[2]), FM_SECURITY_PLAIN_LOOPBACK, g_strdup (words[3]) };
  spec->offline = (FmOfflinePolicy) number (words[5]);
  spec->offline_days = 30;
  g_ptr_array_add (accounts, spec);
  if (!fm_probe_store_secret (words[1], ACCOUNT, secret, &error))
    {
      answer (drive, "failed", error->message);
      return;
    }
  FmEngineOptions options
      = { .data_dir = words[1], .accounts = accounts, .network = TRUE, .lease = TRUE, .hold_s = -1, .events = drive->port };
  drive->engine = fm_engine_open (&options, &error);
  answer (drive, drive->engine ? "done" : "failed", error ? error->message : NULL);
}

static GArray *
parse_ids (const char *text)
{
  GArray *ids = g_array_new (FALSE, FALSE, sizeof (gint64));
  g_auto (GStrv) words = g_strsplit (text, " ", -1);

  for (guint i = 0; words[i]; i++)
    {
      gint64 id = number (words[i]);
      g_array_append_val (ids, id);
    }
  return ids;
}

/* flags ADD REMOVE ADD-KEYWORDS REMOVE-KEYWORDS IDS; move|copy FOLDER IDS; trash|archive|junk|notjunk|delete IDS */
static FmAction *
message_action (char **words)
{
  static const struct {
    const char *name;
    FmActionKind kind;
  } simple[] = { { "trash", FM_ACTION_TRASH },
                 { "archive", FM_ACTION_ARCHIVE },
                 { "junk", FM_ACTION_JUNK },
                 { "notjunk", FM_ACTION_NOT_JUNK },
                 { "delete", FM_ACTION_DELETE } };
  g_autoptr (GArray) ids = parse_ids (words[g_strv_length (words) - 1]);
  const gint64 *first = (const gint64 *) (const void *) ids->data;

  if (g_str_equal (words[0], "flags"))
    {
      g_auto (GStrv) add = g_strsplit (words[3], " ", -1), remove = g_strsplit (words[4], " ", -1);
      return fm_action_new_flags (first, ids->len, (guint) number (words[1]), (guint) number (words[2]), (const char *const *) add,
                                  (const char *const *) remove);
    }
  if (g_str_equal (words[0], "move") || g_str_equal (words[0], "copy"))
    return fm_action_new_transfer (words[0][0] == 'm' ? FM_ACTION_MOVE : FM_ACTION_COPY, first, ids->len, number (words[1]));
  for (guint i = 0; i < G_N_ELEMENTS (simple); i++)
    if (g_str_equal (words[0], simple[i].name))
      return fm_action_new_simple (simple[i].kind, first, ids->len);
  return NULL;
}

/* append FOLDER FLAGS FILE; create NAME; rename NAME NEW; rmdir NAME; undo; redo */
static FmAction *
other_action (char **words)
{
  if (g_str_equal (words[0], "append"))
    {
      char *bytes = NULL;
      gsize size = 0;
      if (!g_file_get_contents (words[3], &bytes, &size, NULL))
        return NULL;
      g_autoptr (GBytes) message = g_bytes_new_take (bytes, size);
      return fm_action_new_append (number (words[1]), message, (guint) number (words[2]), fm_clock_now_utc ());
    }
  if (g_str_equal (words[0], "create"))
    return fm_action_new_folder (FM_ACTION_FOLDER_CREATE, ACCOUNT, words[1], NULL);
  if (g_str_equal (words[0], "rename"))
    return fm_action_new_folder (FM_ACTION_FOLDER_RENAME, ACCOUNT, words[1], words[2]);
  if (g_str_equal (words[0], "rmdir"))
    return fm_action_new_folder (FM_ACTION_FOLDER_DELETE, ACCOUNT, words[1], NULL);
  if (g_str_equal (words[0], "undo") || g_str_equal (words[0], "redo"))
    return fm_action_new_history (words[0][0] == 'u' ? FM_ACTION_UNDO : FM_ACTION_REDO, 0);
  return NULL;
}

/* FALSE: that was the last. */
static gboolean
obey (Drive *drive, char **words)
{
  FmAction *action;

  if (g_str_equal (words[0], "quit"))
    {
      g_clear_pointer (&drive->engine, fm_engine_close);
      answer (drive, "done", "");
      return FALSE;
    }
  if (g_str_equal (words[0], "open"))
    open_engine (drive, words);
  else if (g_str_equal (words[0], "die"))
    {
      g_atomic_int_set (&steps_left, (gint) number (words[1]));
      answer (drive, "done", "");
    }
  else if (g_str_equal (words[0], "online"))
    go_online (drive);
  else if (g_str_equal (words[0], "sync"))
    wait_for_answer (drive, fm_engine_sync (drive->engine, NULL, NULL));
  else if (g_str_equal (words[0], "view"))
    wait_for_answer (drive, fm_engine_open_folder (drive->engine, number (words[1])));
  else if (g_str_equal (words[0], "body"))
    wait_for_answer (drive, fm_engine_want_body (drive->engine, number (words[1])));
  else if ((action = other_action (words)) || (action = message_action (words)))
    wait_for_answer (drive, fm_engine_act (drive->engine, action));
  else
    answer (drive, "failed", "no such command");
  return TRUE;
}

static void
serve (int fd)
{
  Drive drive = { .fd = fd, .port = fm_port_new (), .notes = g_string_new (NULL) };
  g_autofree char *pid = g_strdup_printf ("%d", (int) getpid ());
  FILE *input = fdopen (fd, "r");
  char *line = NULL;
  size_t size = 0;
  gboolean more = TRUE;

  answer (&drive, "pid", pid);
  while (more && getline (&line, &size, input) > 0)
    {
      g_auto (GStrv) words = g_strsplit (g_strchomp (line), "\t", -1);
      more = obey (&drive, words);
    }
  free (line);
  g_clear_pointer (&drive.engine, fm_engine_close);
  fm_port_unref (drive.port);
  g_string_free (drive.notes, TRUE);
  fclose (input);
}

int
main (int argc, char **argv)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int listener = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  if (argc != 2 || strlen (argv[1]) >= sizeof address.sun_path)
    {
      fprintf (stderr, "Usage: %s SOCKET\n", argv[0]);
      return 2;
    }
  g_strlcpy (address.sun_path, argv[1], sizeof address.sun_path);
  if (bind (listener, (struct sockaddr *) &address, sizeof address) != 0 || listen (listener, 8) != 0)
    {
      perror (argv[1]);
      return 1;
    }
  signal (SIGCHLD, SIG_IGN);
  signal (SIGPIPE, SIG_IGN);
  for (;;)
    {
      int fd = accept4 (listener, NULL, NULL, SOCK_CLOEXEC);
      if (fd < 0)
        continue;
      pid_t child = fork ();
      if (child == 0)
        {
          prctl (PR_SET_PDEATHSIG, SIGKILL);
          close (listener);
          signal (SIGCHLD, SIG_DFL);
          serve (fd);
          exit (0);
        }
      close (fd);
    }
}

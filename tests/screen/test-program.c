/* The whole program on a pseudo terminal, its screen read through an emulator: sizes, input that must run nothing, resizing, signals, and locales
 * without UTF-8. Mail is a Maildir of a few messages in a private directory; nothing sleeps: each step waits for what it expects, with a deadline. */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <pty.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include <vterm.h>

#define DEADLINE_US (20 * G_USEC_PER_SEC)
#define MESSAGES 12

typedef struct {
  char *home;
  pid_t pid;
  int master, width, height;
  VTerm *vt;
  GString *bytes; /* all the program wrote */
} Program;

static void
write_file (const char *dir, const char *name, const char *text)
{
  g_autofree char *path = g_build_filename (dir, name, NULL);
  assert_true (g_file_set_contents (path, text, -1, NULL));
}

static char *
make_home (void)
{
  char *home = g_dir_make_tmp ("fulmar-screen-XXXXXX", NULL);
  static const char *const parts[] = { "cur", "new", "tmp" };
  for (guint i = 0; i < G_N_ELEMENTS (parts); i++)
    {
      g_autofree char *dir = g_build_filename (home, "Mail/INBOX", parts[i], NULL);
      g_mkdir_with_parents (dir, 0700);
    }
  for (int i = 1; i <= MESSAGES; i++)
    {
      g_autofree char *name = g_strdup_printf ("Mail/INBOX/cur/%d.sample:2,%s", i, i % 2 ? "S" : "");
      g_autofree char *text
          = g_strdup_printf ("From: Writer %d <writer%d@example.org>\nTo: ada@example.org\nSubject: Letter number %d\n"
                             "Message-ID: <%d@example.org>\nDate: %d Mar 2021 10:00:00 +0000\n\nDear Ada,\nthis is letter %d.\n",
                             i, i, i, i, i, i);
      write_file (home, name, text);
    }
  g_autofree char *config
      = g_strdup_printf ("[account local]\naddress = ada@example.org\nmaildir = %s/Mail\n[ui]\nthreads = false\n", home);
  write_file (home, "fulmar.conf", config);
  return home;
}

static void
remove_tree (const char *path)
{
  g_autoptr (GDir) dir = g_file_test (path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open (path, 0, NULL);
  const char *name;
  while (dir && (name = g_dir_read_name (dir)))
    {
      g_autofree char *child = g_build_filename (path, name, NULL);
      remove_tree (child);
    }
  g_remove (path);
}

static void
resize (Program *program, int width, int height)
{
  struct winsize size = { .ws_row = (unsigned short) height, .ws_col = (unsigned short) width };
  program->width = width;
  program->height = height;
  vterm_set_size (program->vt, height, width);
  ioctl (program->master, TIOCSWINSZ, &size);
}

static void
start (Program *program, int width, int height, const char *locale)
{
  struct winsize size = { .ws_row = (unsigned short) height, .ws_col = (unsigned short) width };
  *program = (Program){ .home = make_home (), .width = width, .height = height, .bytes = g_string_new (NULL) };
  program->vt = vterm_new (height, width);
  vterm_set_utf8 (program->vt, strcmp (locale, "C") != 0);
  VTermScreen *screen = vterm_obtain_screen (program->vt);
  vterm_screen_enable_altscreen (screen, 1);
  vterm_screen_reset (screen, 1);
  program->pid = forkpty (&program->master, NULL, NULL, &size);
  assert_true (program->pid >= 0);
  if (program->pid == 0)
    {
      g_setenv ("FULMAR_HOME", program->home, TRUE);
      g_setenv ("TERM", "screen-256color", TRUE);
      g_setenv ("LC_ALL", locale, TRUE);
      g_unsetenv ("COLORTERM");
      execl ("src/fulmar", "fulmar", NULL);
      _exit (127);
    }
}

/* The screen's text, a line a row. */
static char *
screen_text (Program *program)
{
  VTermScreen *screen = vterm_obtain_screen (program->vt);
  GString *text = g_string_new (NULL);
  for (int y = 0; y < program->height; y++)
    {
      for (int x = 0; x < program->width; x++)
        {
          VTermScreenCell cell;
          vterm_screen_get_cell (screen, (VTermPos){ .row = y, .col = x }, &cell);
          g_string_append_unichar (text, cell.chars[0] && cell.chars[0] != (uint32_t) -1 ? cell.chars[0] : ' ');
        }
      g_string_append_c (text, '\n');
    }
  return g_string_free (text, FALSE);
}

/* Reads for at most TIMEOUT_MS; FALSE once the program has ended. */
static gboolean
read_some (Program *program, int timeout_ms)
{
  struct pollfd fd = { program->master, POLLIN, 0 };
  char bytes[8192];
  if (poll (&fd, 1, timeout_ms) <= 0)
    return TRUE;
  gssize n = read (program->master, bytes, sizeof bytes);
  if (n <= 0)
    return FALSE;
  g_string_append_len (program->bytes, bytes, n);
  vterm_input_write (program->vt, bytes, (gsize) n);
  return TRUE;
}

static void
wait_text (Program *program, const char *wanted)
{
  gint64 deadline = g_get_monotonic_time () + DEADLINE_US;
  for (;;)
    {
      g_autofree char *text = screen_text (program);
      if (strstr (text, wanted))
        return;
      if (g_get_monotonic_time () > deadline || !read_some (program, 50))
        fail_msg ("`%s` does not come; the screen is:\n%s", wanted, text);
    }
}

static void
assert_shows (Program *program, const char *text, gboolean shown)
{
  g_autofree char *screen = screen_text (program);
  if ((strstr (screen, text) != NULL) != shown)
    fail_msg ("`%s` is %s on\n%s", text, shown ? "not" : "there", screen);
}

static void
send (Program *program, const char *keys)
{
  assert_int_equal (write (program->master, keys, strlen (keys)), strlen (keys));
}

/* One byte after the other, 60 ms apart, as a slow line delivers them. */
static void
send_slowly (Program *program, const char *keys)
{
  for (; *keys; keys++)
    {
      gint64 until = g_get_monotonic_time () + 60000;
      assert_int_equal (write (program->master, keys, 1), 1);
      while (g_get_monotonic_time () < until)
        read_some (program, 10);
    }
}

static int
wait_end (Program *program)
{
  gint64 deadline = g_get_monotonic_time () + DEADLINE_US;
  int status = 0;
  while (read_some (program, 50))
    assert_true (g_get_monotonic_time () < deadline);
  waitpid (program->pid, &status, 0);
  program->pid = 0;
  return status;
}

static void
clear (Program *program)
{
  if (program->pid > 0)
    {
      kill (program->pid, SIGKILL);
      waitpid (program->pid, NULL, 0);
    }
  close (program->master);
  vterm_free (program->vt);
  g_string_free (program->bytes, TRUE);
  remove_tree (program->home);
  g_free (program->home);
}

static void
assert_given_back (const Program *program)
{
  assert_non_null (strstr (program->bytes->str, "\033[?1049l"));
  assert_non_null (strstr (program->bytes->str, "\033[?2004l"));
}

static void
test_sizes (void **state)
{
  Program program;
  start (&program, 120, 40, "C.UTF-8");
  wait_text (&program, "line 1 of 12");
  wait_text (&program, "Letter number 12");
  wait_text (&program, "this is letter 12.");
  assert_shows (&program, "INBOX", TRUE);
  send (&program, "\033[A"); /* clears what was said */
  wait_text (&program, "?:help");
  resize (&program, 80, 24);
  wait_text (&program, "this is letter 12.");
  wait_text (&program, " Fulmar   local/INBOX");
  send (&program, "\r");
  wait_text (&program, "all");
  resize (&program, 40, 10);
  wait_text (&program, " local/INBOX");
  send (&program, "q");
  wait_text (&program, "Letter num");
  send (&program, "x");
  assert_int_equal (wait_end (&program), 0);
  assert_given_back (&program);
  clear (&program);
}

/* house.md and the foundation's point 11: none of these is a command. */
static void
test_harmless_input (void **state)
{
  Program program;
  start (&program, 120, 40, "C.UTF-8");
  wait_text (&program, "line 1 of 12");
  wait_text (&program, "this is letter 12.");
  send_slowly (&program, "\033OB"); /* down; not O (reverse) and not B */
  wait_text (&program, "line 2 of 12");
  send_slowly (&program, "\033[B");
  wait_text (&program, "line 3 of 12");
  send_slowly (&program, "\033[1;5A");
  send (&program, "\033[200~dddaxq\rxx\033[201~");
  wait_text (&program, "pasted text runs no keys");
  assert_shows (&program, "line 3 of 12", TRUE);
  send_slowly (&program, "\033");
  wait_text (&program, "Esc-");
  send_slowly (&program, "\033");
  send (&program, "j");
  wait_text (&program, "line 4 of 12");
  send (&program, "\033]11;rgb:dd/dd/dd\033\\\033[?62;4c\033[<0;5;5M\033[I\033[O");
  send (&program, "k");
  wait_text (&program, "line 3 of 12");
  assert_shows (&program, "Letter number 12", TRUE);
  send (&program, "/"); /* a lone Esc leaves a prompt, and the next letter stands alone */
  wait_text (&program, "search: ");
  send_slowly (&program, "\033");
  wait_text (&program, "line 3 of 12");
  send (&program, "j");
  wait_text (&program, "line 4 of 12");
  clear (&program);
}

static void
test_hangup (void **state)
{
  static const int numbers[] = { SIGHUP, SIGTERM };
  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++)
    {
      Program program;
      start (&program, 80, 24, "C.UTF-8");
      wait_text (&program, "line 1 of 12");
      kill (program.pid, numbers[i]);
      assert_int_equal (wait_end (&program), 0);
      assert_given_back (&program);
      clear (&program);
    }
}

static void
test_crash (void **state)
{
  Program program;
  start (&program, 80, 24, "C.UTF-8");
  wait_text (&program, "line 1 of 12");
  kill (program.pid, SIGABRT);
  int status = wait_end (&program);
  assert_true (WIFSIGNALED (status) && WTERMSIG (status) == SIGABRT);
  assert_given_back (&program);
  clear (&program);
}

static void
test_ascii (void **state)
{
  Program program;
  start (&program, 100, 24, "C");
  wait_text (&program, "line 1 of 12");
  wait_text (&program, "this is letter 12.");
  for (gsize i = 0; i < program.bytes->len; i++)
    assert_true ((guchar) program.bytes->str[i] < 0x80);
  clear (&program);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_sizes), cmocka_unit_test (test_harmless_input), cmocka_unit_test (test_hangup),
    cmocka_unit_test (test_crash), cmocka_unit_test (test_ascii),
  };
  signal (SIGPIPE, SIG_IGN);
  return cmocka_run_group_tests (tests, NULL, NULL);
}

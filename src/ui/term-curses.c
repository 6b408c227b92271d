/* ncurses gets whole cells and finds the cheapest bytes for them. What it is not trusted with: input (see key-decoder.c), the choice of colours
 * (the theme has brought them down to the terminal's depth already), direct colour (xterm-256color knows none, so our own entries are used, and
 * TERMINFO is set only around newterm, since children must not inherit it), and width (a cell whose character the C library measures
 * differently from Fulmar becomes U+FFFD, or the rest of the row would slide). */
#include "ui/term-curses.h"
#include <fulmar/base/error.h>
#include <fulmar/base/text.h>
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>
#include <curses.h>
#include <term.h>
#include "ui/term-crash.h"

/* The alternate screen is curses' business; these are not: bracketed paste and focus reports, and the title kept on the terminal's stack. */
#define MODES_ON "\033[22;0t\033[?2004h\033[?1004h"
#define MODES_OFF "\033[?1004l\033[?2004l\033[23;0t"

struct FmTermCurses {
  SCREEN *screen;
  FILE *out, *in;
  struct termios modes; /* as found */
  FmDepth depth;
  gboolean ascii;
  gboolean away;
  FmCanvas *front; /* what the terminal shows; NULL: unknown */
  char *title;
};

static const struct {
  const char *term, *entry;
} direct_entries[] = {
  { "xterm-kitty", "fulmar-kitty" },
  { "alacritty", "fulmar-alacritty" },
  { "foot", "fulmar-foot" },
  { "wezterm", "fulmar-wezterm" },
  { "xterm-ghostty", "fulmar-ghostty" },
  { "iterm2", "fulmar-iterm2" },
  { "konsole", "fulmar-konsole" },
  { "vte", "fulmar-vte" },
  { "st-", "fulmar-st" },
  { "tmux", "fulmar-tmux" },
  { "screen", "fulmar-screen" },
  { "xterm", "fulmar-xterm" },
};

gboolean
fm_term_curses_check (GError **error)
{
  const char *name = getenv ("TERM");
  if (!isatty (STDIN_FILENO) || !isatty (STDOUT_FILENO))
    {
      g_set_error (error, FM_ERROR, FM_ERROR_INVALID,
                   "the screen needs a terminal, and %s is none: run `fulmar` in a terminal, or use `fulmar list`, `fulmar show` and "
                   "`fulmar --help`",
                   isatty (STDOUT_FILENO) ? "the input" : "the output");
      return FALSE;
    }
  if (!name || !*name || strcmp (name, "dumb") == 0)
    {
      g_set_error (
          error, FM_ERROR, FM_ERROR_INVALID,
          "this terminal (TERM=%s) can't move its cursor: try `TERM=xterm-256color fulmar`, or use `fulmar list` and `fulmar show`",
          name && *name ? name : "unset");
      return FALSE;
    }
  return TRUE;
}

static const char *
direct_entry (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (direct_entries); i++)
    if (g_str_has_prefix (name, direct_entries[i].term))
      return direct_entries[i].entry;
  return NULL;
}

/* auto: only where the terminal says that it can (COLORTERM), or is of a kind that always could. */
static gboolean
wants_direct (const char *colours, const char *name)
{
  const char *colorterm = getenv ("COLORTERM");
  if (strcmp (colours, "direct") == 0)
    return TRUE;
  if (strcmp (colours, "auto") != 0)
    return FALSE;
  if (colorterm && (strcmp (colorterm, "truecolor") == 0 || strcmp (colorterm, "24bit") == 0))
    return TRUE;
  return g_str_has_prefix (name, "xterm-kitty") || g_str_has_prefix (name, "alacritty") || g_str_has_prefix (name, "foot")
         || g_str_has_suffix (name, "-direct");
}

/* Our compiled entries: those of the build tree the program runs from, else the installed ones. Transfer: full, or NULL. */
static char *
terminfo_dir (void)
{
  g_autofree char *program = g_file_read_link ("/proc/self/exe", NULL);
  g_autofree char *beside = program ? g_path_get_dirname (program) : NULL;
  static const char *const built[] = { "../terminfo/stamp", "../../terminfo/stamp" };
  for (guint i = 0; beside && i < G_N_ELEMENTS (built); i++)
    {
      g_autofree char *stamp = g_build_filename (beside, built[i], NULL);
      if (g_file_test (stamp, G_FILE_TEST_IS_REGULAR))
        return g_path_get_dirname (stamp);
    }
  return g_file_test (FM_TERMINFODIR, G_FILE_TEST_IS_DIR) ? g_strdup (FM_TERMINFODIR) : NULL;
}

/* newterm with one of our entries; NULL where that is not to be had. */
static SCREEN *
new_direct (FmTermCurses *term, const char *name)
{
  const char *entry = direct_entry (name);
  g_autofree char *dir = terminfo_dir ();
  g_autofree char *before = g_strdup (getenv ("TERMINFO"));
  if (!entry || !dir)
    return NULL;
  g_setenv ("TERMINFO", dir, TRUE);
  SCREEN *screen = newterm (entry, term->out, term->in);
  if (before)
    g_setenv ("TERMINFO", before, TRUE);
  else
    g_unsetenv ("TERMINFO");
  return screen;
}

static FmDepth
find_depth (const char *colours, gboolean direct)
{
  const char *no_color = getenv ("NO_COLOR");
  FmDepth asked = strcmp (colours, "mono") == 0  ? FM_DEPTH_MONO
                  : strcmp (colours, "8") == 0   ? FM_DEPTH_8
                  : strcmp (colours, "16") == 0  ? FM_DEPTH_16
                  : strcmp (colours, "256") == 0 ? FM_DEPTH_256
                                                 : FM_DEPTH_DIRECT;
  if (no_color && *no_color && strcmp (colours, "auto") == 0)
    return FM_DEPTH_MONO;
  if (!has_colors () || start_color () == ERR)
    return FM_DEPTH_MONO;
  use_default_colors ();
  FmDepth able = direct ? FM_DEPTH_DIRECT : COLORS >= 256 ? FM_DEPTH_256 : COLORS >= 16 ? FM_DEPTH_16 : FM_DEPTH_8;
  return MIN (asked, able);
}

static void
write_out (FmTermCurses *term, const char *bytes)
{
  fflush (term->out);
  for (gsize size = strlen (bytes); size > 0;)
    {
      gssize n = write (STDOUT_FILENO, bytes, size);
      if (n <= 0)
        break;
      bytes += n;
      size -= (gsize) n;
    }
}

/* What a crash handler must write: our modes off, attributes off, cursor shown, main screen. */
static void
arm (FmTermCurses *term)
{
  g_autoptr (GString) restore = g_string_new (MODES_OFF);
  const char *parts[] = { exit_attribute_mode, orig_pair, cursor_normal, exit_ca_mode };
  for (guint i = 0; i < G_N_ELEMENTS (parts); i++)
    if (parts[i] && restore->len + strlen (parts[i]) < 250)
      g_string_append (restore, parts[i]);
  fm_term_crash_arm (STDOUT_FILENO, restore->str, &term->modes);
}

static gboolean
is_utf8 (void)
{
  return strcmp (nl_langinfo (CODESET), "UTF-8") == 0;
}

static void
set_modes (void)
{
  raw ();
  noecho ();
  nonl ();
  intrflush (stdscr, FALSE);
  scrollok (stdscr, FALSE);
  idlok (stdscr, TRUE);
  leaveok (stdscr, FALSE);
  typeahead (-1);
}

FmTermCurses *
fm_term_curses_open (const FmTermCursesOptions *options, GError **error)
{
  const char *name = getenv ("TERM");
  gboolean direct = FALSE;
  if (!fm_term_curses_check (error))
    return NULL;
  setlocale (LC_CTYPE, "");
  FmTermCurses *term = g_new0 (FmTermCurses, 1);
  term->out = stdout;
  term->in = stdin;
  tcgetattr (STDOUT_FILENO, &term->modes);
  if (wants_direct (options->colours, name))
    term->screen = new_direct (term, name);
  direct = term->screen != NULL;
  if (!term->screen)
    term->screen = newterm (name, term->out, term->in);
  if (!term->screen || !cursor_address)
    {
      g_autofree char *shown = fm_text_sanitise_line (name, -1);
      g_set_error (error, FM_ERROR, FM_ERROR_INVALID, "terminals of the type `%s` are not known here: try `TERM=xterm-256color fulmar`",
                   shown);
      fm_term_curses_close (term);
      return NULL;
    }
  set_modes ();
  term->ascii = strcmp (options->ascii, "true") == 0 || !is_utf8 ();
  term->depth = find_depth (options->colours, direct);
  arm (term);
  write_out (term, MODES_ON);
  return term;
}

void
fm_term_curses_close (FmTermCurses *term)
{
  if (!term)
    return;
  if (term->screen)
    {
      if (!term->away)
        {
          endwin ();
          write_out (term, MODES_OFF);
        }
      delscreen (term->screen);
      fm_term_crash_disarm ();
    }
  fm_canvas_free (term->front);
  g_free (term->title);
  g_free (term);
}

FmDepth
fm_term_curses_depth (const FmTermCurses *term)
{
  return term->depth;
}

gboolean
fm_term_curses_is_ascii (const FmTermCurses *term)
{
  return term->ascii;
}

void
fm_term_curses_size (FmTermCurses *term, int *ret_width, int *ret_height)
{
  struct winsize size = { 0 };
  if (ioctl (STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0)
    {
      int width = MIN (size.ws_col, FM_CANVAS_SIDE_MAX), height = MIN (size.ws_row, FM_CANVAS_SIDE_MAX);
      if (width != COLS || height != LINES)
        {
          resizeterm (height, width);
          fm_term_curses_forget (term);
        }
    }
  *ret_width = COLS;
  *ret_height = LINES;
}

static int
colour_number (FmColour colour, FmDepth depth)
{
  int value = (int) (colour & ~FM_COLOUR_KIND_MASK);
  if (colour == FM_COLOUR_DEFAULT)
    return -1;
  if (depth != FM_DEPTH_DIRECT)
    return value;
  if ((colour & FM_COLOUR_KIND_MASK) == FM_COLOUR_KIND_RGB)
    return value < 8 ? 8 : value; /* below 8 curses means the palette */
  if (value < 8)
    return value;
  /* Direct entries have no other palette: xterm's usual values. */
  static const int bright[] = { 0x7f7f7f, 0xff5555, 0x55ff55, 0xffff55, 0x7c7cff, 0xff55ff, 0x55ffff, 0xffffff };
  static const int steps[] = { 0, 95, 135, 175, 215, 255 };
  if (value < 16)
    return bright[value - 8];
  if (value >= 232)
    return (8 + 10 * (value - 232)) * 0x010101;
  value -= 16;
  return MAX (steps[value / 36] << 16 | steps[value / 6 % 6] << 8 | steps[value % 6], 8);
}

static attr_t
curses_attrs (guint32 attrs)
{
  return (attrs & FM_ATTR_BOLD ? A_BOLD : 0) | (attrs & FM_ATTR_DIM ? A_DIM : 0) | (attrs & FM_ATTR_ITALIC ? A_ITALIC : 0)
         | (attrs & FM_ATTR_UNDERLINE ? A_UNDERLINE : 0) | (attrs & FM_ATTR_REVERSE ? A_REVERSE : 0);
}

/* The cell's characters for curses; TRUE unless the C library measures the base character otherwise. */
static gboolean
to_wide (const FmCell *cell, wchar_t wide[CCHARW_MAX + 1])
{
  int n = 0;
  for (const char *at = cell->text; *at && n < CCHARW_MAX; at = g_utf8_next_char (at))
    wide[n++] = (wchar_t) g_utf8_get_char (at);
  wide[n] = L'\0';
  if (wcwidth (wide[0]) != cell->width)
    return FALSE;
  for (int i = 1; i < n; i++)
    if (wcwidth (wide[i]) != 0)
      wide[i] = L'\0';
  return TRUE;
}

static void
put_cell (FmTermCurses *term, const FmCell *cell, int x, int y)
{
  wchar_t wide[CCHARW_MAX + 1];
  cchar_t packed;
  int pair = 0;
  if (cell->width == 0)
    return;
  if (term->depth != FM_DEPTH_MONO && (cell->look.fg != FM_COLOUR_DEFAULT || cell->look.bg != FM_COLOUR_DEFAULT))
    pair = MAX (alloc_pair (colour_number (cell->look.fg, term->depth), colour_number (cell->look.bg, term->depth)), 0);
  gboolean sound = to_wide (cell, wide);
  if (!sound)
    wcscpy (wide, term->ascii ? L"?" : L"\xfffd");
  setcchar (&packed, wide, curses_attrs (cell->look.attrs), (short) MIN (pair, G_MAXSHORT), &pair);
  mvadd_wch (y, x, &packed);
  if (!sound && cell->width == 2)
    mvadd_wch (y, x + 1, &packed);
}

static void
paint_run (const FmCanvas *after, int y, int x0, int x1, gpointer data)
{
  for (int x = x0; x < x1; x++)
    put_cell (data, fm_canvas_cell (after, x, y), x, y);
}

void
fm_term_curses_paint (FmTermCurses *term, const FmCanvas *canvas)
{
  int x, y;
  if (term->away)
    return;
  if (!term->front)
    {
      erase ();
      clearok (curscr, TRUE);
      term->front = fm_canvas_new (fm_canvas_width (canvas), fm_canvas_height (canvas), term->ascii);
      fm_canvas_diff (NULL, canvas, paint_run, term);
    }
  else
    fm_canvas_diff (term->front, canvas, paint_run, term);
  fm_canvas_copy (term->front, canvas);
  if (fm_canvas_get_cursor (canvas, &x, &y))
    {
      curs_set (1);
      move (y, x);
    }
  else
    curs_set (0);
  refresh ();
}

void
fm_term_curses_forget (FmTermCurses *term)
{
  fm_canvas_free (term->front);
  term->front = NULL;
}

void
fm_term_curses_leave (FmTermCurses *term)
{
  if (term->away)
    return;
  term->away = TRUE;
  curs_set (1);
  endwin ();
  write_out (term, MODES_OFF);
  tcsetattr (STDOUT_FILENO, TCSADRAIN, &term->modes);
  fm_term_crash_disarm ();
}

void
fm_term_curses_enter (FmTermCurses *term)
{
  if (!term->away)
    return;
  term->away = FALSE;
  arm (term);
  reset_prog_mode ();
  fm_term_curses_forget (term);
  refresh ();
  set_modes ();
  write_out (term, MODES_ON);
  if (term->title)
    {
      g_autofree char *title = g_steal_pointer (&term->title);
      fm_term_curses_set_title (term, title);
    }
}

void
fm_term_curses_set_title (FmTermCurses *term, const char *title)
{
  const char *name = getenv ("TERM");
  g_autofree char *clean = fm_text_sanitise_line (title, -1);
  if (g_strcmp0 (clean, term->title) == 0 || term->away || g_str_has_prefix (name, "linux") || term->ascii)
    return;
  g_autofree char *bytes = g_strdup_printf ("\033]2;%.200s\033\\", clean);
  write_out (term, bytes);
  g_free (term->title);
  term->title = g_steal_pointer (&clean);
}

void
fm_term_curses_bell (FmTermCurses *term)
{
  if (!term->away)
    write_out (term, "\007");
}

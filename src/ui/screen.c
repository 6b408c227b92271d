/* The loop's side of the screen: bytes to keys to commands, signals, programs that borrow the terminal, and one paint at the end of a turn in which
 * anything changed. Nothing here waits for anything but the loop. */
#include <fulmar/app/command.h>
#include <fulmar/base/clock.h>
#include <fulmar/base/log.h>
#include <fulmar/base/secret.h>
#include <fulmar/base/text.h>
#include <errno.h>
#include <glib-unix.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "ui/key-name.h"
#include "ui/screen-private.h"
#include "ui/term-signals.h"

#define READ_BYTES 4096
#define STEP_US 2000
#define PREVIEW_MS 120
#define MESSAGE_READ_US (4 * G_USEC_PER_SEC)

gboolean
fm_screen_check (GError **error)
{
  return fm_term_curses_check (error);
}

static gboolean
on_step (gpointer data)
{
  FmScreen *screen = data;
  if (!fm_view_pager_step (screen->pager, STEP_US))
    return G_SOURCE_CONTINUE;
  screen->step_source = 0;
  fm_screen_dirty (screen);
  return G_SOURCE_REMOVE;
}

static void
set_title (FmScreen *screen)
{
  FmAppStatus status;
  fm_app_status (screen->app, &status);
  g_autofree char *title = g_strdup_printf ("%s - Fulmar", status.place ? status.place : "mail");
  fm_term_curses_set_title (screen->term, title);
}

static gboolean
on_preview (gpointer data)
{
  FmScreen *screen = data;
  gint64 id = fm_list_total (fm_app_list (screen->app)) > 0 ? fm_list_cursor_id (fm_app_list (screen->app)) : 0;
  screen->preview_source = 0;
  if (id != 0 && screen->wish.focus != FM_PANE_PAGER && screen->panes.pager.width > 0)
    fm_app_preview_message (screen->app, id);
  return G_SOURCE_REMOVE;
}

/* The pager beside the list follows the cursor once it rests; a held key shows no message in between. */
static void
follow_cursor (FmScreen *screen)
{
  FmList *list = fm_app_list (screen->app);
  FmReading *reading = fm_app_reading (screen->app);
  gint64 id = fm_list_total (list) > 0 ? fm_list_cursor_id (list) : 0;
  if (id == screen->preview_id || (id == 0 && fm_list_busy (list)))
    return;
  screen->preview_id = id;
  g_clear_handle_id (&screen->preview_source, g_source_remove);
  if (id == 0 && screen->wish.focus != FM_PANE_PAGER)
    fm_app_preview_message (screen->app, 0);
  else if (id != 0 && (!reading || fm_reading_id (reading) != id))
    screen->preview_source = g_timeout_add (PREVIEW_MS, on_preview, screen);
}

static gboolean
on_held (gpointer data)
{
  FmScreen *screen = data;
  screen->held_source = 0;
  fm_screen_dirty (screen);
  return G_SOURCE_REMOVE;
}

/* The seconds that are left to take something back are counted down. */
static void
count_down (FmScreen *screen)
{
  FmAppStatus status;
  fm_app_status (screen->app, &status);
  if (screen->held_source == 0 && status.held_until_utc >= fm_clock_now_utc ())
    screen->held_source = g_timeout_add_seconds (1, on_held, screen);
}

void
fm_screen_fit_folders (FmScreen *screen)
{
  if (!screen->folders_chosen)
    screen->wish.show_folders = fm_panes_has_room_for_folders (fm_canvas_rect (screen->canvas), screen->wish.layout);
  if (!screen->wish.show_folders && screen->wish.focus == FM_PANE_FOLDERS)
    screen->wish.focus = FM_PANE_LIST;
}

static gboolean
on_paint (gpointer data)
{
  FmScreen *screen = data;
  int width, height;
  screen->paint_source = 0;
  if (screen->child)
    return G_SOURCE_REMOVE;
  fm_term_curses_size (screen->term, &width, &height);
  if (width != fm_canvas_width (screen->canvas) || height != fm_canvas_height (screen->canvas))
    {
      fm_canvas_resize (screen->canvas, width, height);
      fm_screen_fit_folders (screen);
    }
  fm_screen_draw_all (screen);
  fm_term_curses_paint (screen->term, screen->canvas);
  set_title (screen);
  count_down (screen);
  follow_cursor (screen);
  if (screen->step_source == 0 && !fm_view_pager_step (screen->pager, 0))
    screen->step_source = g_idle_add (on_step, screen);
  return G_SOURCE_REMOVE;
}

void
fm_screen_dirty (FmScreen *screen)
{
  /* The same priority as input and port: ready sources of one priority all run in a turn, so a busy port can't starve the paint. */
  if (screen->paint_source == 0 && screen->loop)
    screen->paint_source = g_idle_add_full (G_PRIORITY_DEFAULT, on_paint, screen, NULL);
}

gboolean
fm_screen_lists_parts (const FmScreen *screen)
{
  const FmReading *reading = fm_app_reading (screen->app);
  return reading && fm_app_parts (screen->app) && fm_reading_part (reading) < 0;
}

guint
fm_screen_context (const FmScreen *screen)
{
  if (screen->composing)
    return FM_CONTEXT_COMPOSE;
  if (screen->wish.focus == FM_PANE_PAGER)
    return fm_screen_lists_parts (screen) ? FM_CONTEXT_ATTACHMENTS : FM_CONTEXT_PAGER;
  return screen->wish.focus == FM_PANE_FOLDERS ? FM_CONTEXT_FOLDERS : FM_CONTEXT_LIST;
}

/* What waited is said now; it goes on waiting if something else has been said meanwhile. */
static gboolean
on_message_read (gpointer data)
{
  FmScreen *screen = data;
  g_autofree char *text = g_steal_pointer (&screen->waiting);
  screen->message_source = 0;
  if (text)
    fm_screen_say (screen, screen->waiting_kind, text);
  return G_SOURCE_REMOVE;
}

void
fm_screen_say (FmScreen *screen, FmSayKind kind, const char *text)
{
  gint64 left_us = screen->message_until_us - fm_clock_mono_us ();
  if (screen->message && kind < screen->message_kind && left_us > 0)
    {
      g_free (screen->waiting);
      screen->waiting = g_strdup (text);
      screen->waiting_kind = kind;
      if (screen->message_source == 0)
        screen->message_source = g_timeout_add ((guint) (left_us / 1000 + 1), on_message_read, screen);
      return;
    }
  g_free (screen->message);
  screen->message = fm_text_sanitise_line (text, -1);
  screen->message_kind = kind;
  screen->message_until_us = fm_clock_mono_us () + MESSAGE_READ_US;
  fm_screen_dirty (screen);
}

void
fm_screen_push (FmScreen *screen, FmWidget *widget)
{
  g_ptr_array_add (screen->widgets, widget);
  fm_keymap_reset (screen->keymap);
  fm_screen_dirty (screen);
}

/* Input for the top widget; once it is done it is taken off before it answers. */
static void
widget_input (FmScreen *screen, const FmInput *input)
{
  FmWidget *widget = g_ptr_array_index (screen->widgets, screen->widgets->len - 1);
  if (widget->klass->input (widget, input))
    return;
  g_ptr_array_remove (screen->widgets, widget);
  fm_widget_finish (widget);
}

static void
unknown_key (FmScreen *screen, FmKey key)
{
  g_autofree char *name = fm_key_name_format (&key, 1);
  g_autofree char *help = fm_keymap_key_for (screen->keymap, fm_screen_context (screen), "help");
  g_autofree char *text
      = g_strdup_printf ("%s does nothing here%s%s%s", name, help ? ": " : "", help ? help : "", help ? " shows the keys" : "");
  fm_screen_say (screen, FM_SAY_ERROR, text);
}

/* An unfinished key goes first, then what a command waits for. TRUE: there was something to leave. */
static gboolean
cancel (FmScreen *screen)
{
  g_autofree char *pending = fm_keymap_pending (screen->keymap);
  if (!pending)
    return fm_app_give_up (screen->app);
  fm_keymap_reset (screen->keymap);
  return TRUE;
}

static void
command_key (FmScreen *screen, FmKey key)
{
  const char *command;
  int count = 0;
  guint context = fm_screen_context (screen);
  if (key.mods == FM_MOD_CTRL && key.code == 'g')
    {
      cancel (screen);
      return;
    }
  switch (fm_keymap_feed (screen->keymap, context, key, &command, &count))
    {
      case FM_KEYMAP_RUN: {
        g_autofree char *line = g_strdup (command); /* the command may load another keymap */
        fm_command_run_line (screen->app, context, count, line);
        break;
      }
      case FM_KEYMAP_JUMP: {
        g_autofree char *line = g_strdup_printf ("jump %d", count);
        fm_command_run_line (screen->app, context, 0, line);
        break;
      }
    case FM_KEYMAP_UNKNOWN:
      unknown_key (screen, key);
      break;
    case FM_KEYMAP_MORE:
      break;
    }
}

/* Esc alone: leaves what is open or unfinished; else it waits for its letter, and says so. */
static void
lone_esc (FmScreen *screen)
{
  if (cancel (screen))
    fm_key_decoder_settle_esc (screen->decoder);
  else
    screen->esc_pending = TRUE;
}

static void
on_key (const FmInput *input, gpointer data)
{
  FmScreen *screen = data;
  if (input->type == FM_INPUT_FOCUS_IN || input->type == FM_INPUT_FOCUS_OUT)
    return;
  screen->esc_pending = FALSE;
  screen->list_touched = TRUE;
  g_clear_pointer (&screen->message, g_free);
  fm_screen_dirty (screen);
  if (input->type == FM_INPUT_PASTE_STALLED)
    fm_screen_say (screen, FM_SAY_ERROR, "a paste has begun and does not end: ^C gives it up");
  else if (screen->widgets->len > 0)
    {
      if (input->type == FM_INPUT_ESC)
        fm_key_decoder_settle_esc (screen->decoder);
      widget_input (screen, input);
    }
  else if (input->type == FM_INPUT_KEY)
    command_key (screen, input->key);
  else if (input->type == FM_INPUT_ESC)
    lone_esc (screen);
  else if (input->type == FM_INPUT_CANCEL)
    cancel (screen);
  else if (input->type == FM_INPUT_PASTE)
    fm_screen_say (screen, FM_SAY_ANSWER, "pasted text runs no keys: open a prompt first");
}

static gboolean
on_quiet (gpointer data)
{
  FmScreen *screen = data;
  screen->quiet_source = 0;
  fm_key_decoder_quiet (screen->decoder);
  return G_SOURCE_REMOVE;
}

static gboolean
on_input (gint fd, GIOCondition condition, gpointer data)
{
  FmScreen *screen = data;
  char bytes[READ_BYTES];
  gssize n = read (fd, bytes, sizeof bytes);
  if (n < 0 && (errno == EINTR || errno == EAGAIN))
    return G_SOURCE_CONTINUE;
  if (n <= 0)
    {
      screen->input_source = 0;
      fm_screen_quit (screen, 1);
      return G_SOURCE_REMOVE;
    }
  g_clear_handle_id (&screen->quiet_source, g_source_remove);
  guint own = screen->input_source;
  fm_key_decoder_feed (screen->decoder, bytes, (gsize) n);
  fm_secret_wipe (bytes, sizeof bytes);
  int quiet_ms = fm_key_decoder_quiet_ms (screen->decoder);
  if (quiet_ms >= 0 && screen->quiet_source == 0)
    screen->quiet_source = g_timeout_add ((guint) quiet_ms, on_quiet, screen);
  /* A command may have given the terminal away and so removed this source already. */
  return screen->input_source == own ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

static void
listen (FmScreen *screen)
{
  if (screen->input_source == 0)
    screen->input_source = g_unix_fd_add (STDIN_FILENO, G_IO_IN | G_IO_HUP | G_IO_ERR, on_input, screen);
}

static void
on_child (GPid pid, gint status, gpointer data)
{
  FmScreen *screen = data;
  FmShellAnswer answer = screen->child_answer;
  gpointer answer_data = screen->child_data;
  g_autofree char *text = g_strdup_printf ("%d", WIFEXITED (status) ? WEXITSTATUS (status) : 128 + WTERMSIG (status));
  g_spawn_close_pid (pid);
  screen->child = 0;
  screen->child_answer = NULL;
  fm_term_curses_enter (screen->term);
  listen (screen);
  fm_screen_dirty (screen);
  if (answer)
    answer (text, answer_data);
}

void
fm_screen_spawn (FmScreen *screen, const char *const *argv, FmShellAnswer answer, gpointer data)
{
  GSpawnFlags flags = G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_CHILD_INHERITS_STDIN | G_SPAWN_SEARCH_PATH;
  g_autoptr (GError) error = NULL;
  if (screen->child)
    {
      fm_screen_say (screen, FM_SAY_ERROR, "another program has the terminal");
      answer (NULL, data);
      return;
    }
  g_clear_handle_id (&screen->input_source, g_source_remove);
  fm_term_curses_leave (screen->term);
  if (!g_spawn_async (NULL, (char **) argv, NULL, flags, NULL, NULL, &screen->child, &error))
    {
      screen->child = 0;
      fm_term_curses_enter (screen->term);
      listen (screen);
      g_autofree char *text = g_strdup_printf ("%s can't be run: %s", argv[0], error->message);
      fm_screen_say (screen, FM_SAY_ERROR, text);
      answer (NULL, data);
      return;
    }
  screen->child_answer = answer;
  screen->child_data = data;
  g_child_watch_add (screen->child, on_child, screen);
}

void
fm_screen_suspend (FmScreen *screen)
{
  if (screen->child)
    return;
  fm_term_curses_leave (screen->term);
  fm_term_signals_suspend ();
  fm_term_curses_enter (screen->term);
  fm_screen_dirty (screen);
}

static void
on_job_signal (int number, gpointer data)
{
  FmScreen *screen = data;
  if (number == SIGTSTP)
    fm_screen_suspend (screen);
  else if (!screen->child)
    {
      /* Stopped and continued behind our back: the terminal's modes and content are anybody's guess. */
      fm_term_curses_leave (screen->term);
      fm_term_curses_enter (screen->term);
      fm_screen_dirty (screen);
    }
}

static gboolean
on_winch (gpointer data)
{
  fm_screen_dirty (data);
  return G_SOURCE_CONTINUE;
}

static gboolean
on_end (gpointer data)
{
  fm_screen_quit (data, 0);
  return G_SOURCE_CONTINUE;
}

/* Ctrl-C in a program that has the terminal is meant for it. */
static gboolean
on_interrupt (gpointer data)
{
  FmScreen *screen = data;
  if (!screen->child)
    fm_screen_quit (screen, 0);
  return G_SOURCE_CONTINUE;
}

/* Once a minute, on the minute: the clock, and the dates that "today" turns into. */
static gboolean
on_clock (gpointer data)
{
  FmScreen *screen = data;
  fm_screen_dirty (screen);
  screen->clock_source = g_timeout_add_seconds ((guint) (60 - fm_clock_now_utc () % 60), on_clock, screen);
  return G_SOURCE_REMOVE;
}

void
fm_screen_quit (FmScreen *screen, int exit_status)
{
  screen->exit_status = exit_status;
  g_main_loop_quit (screen->loop);
}

static FmPanesLayout
layout_by_name (const char *name)
{
  return strcmp (name, "tall") == 0 ? FM_PANES_TALL : strcmp (name, "list") == 0 ? FM_PANES_LIST : FM_PANES_WIDE;
}

static void
tell_problems (FmScreen *screen, GPtrArray *problems)
{
  for (guint i = 0; i < problems->len; i++)
    fm_log_warning ("%s", (const char *) g_ptr_array_index (problems, i));
  if (problems->len > 0)
    fm_screen_say (screen, FM_SAY_ERROR, g_ptr_array_index (problems, 0));
}

/* A theme that is not there leaves the one in use, and the setting says which that is. */
static void
configure_theme (FmScreen *screen, FmConfig *config, GPtrArray *problems)
{
  const char *wanted = fm_config_get (config, "theme");
  const char *name = fm_theme_exists (wanted) || !screen->theme_name ? wanted : screen->theme_name;
  if (name != wanted)
    fm_theme_tell_unknown (wanted, name, problems);
  fm_theme_free (screen->theme);
  screen->theme = fm_theme_load (name, fm_term_curses_depth (screen->term), problems);
  g_autofree char *now = g_strdup (fm_theme_exists (name) ? name : "dark");
  g_free (screen->theme_name);
  screen->theme_name = g_steal_pointer (&now);
  fm_config_set (config, "theme", screen->theme_name, NULL);
}

void
fm_screen_configure (FmScreen *screen)
{
  FmConfig *config = fm_app_config (screen->app);
  g_autoptr (GPtrArray) problems = g_ptr_array_new_with_free_func (g_free);
  configure_theme (screen, config, problems);
  fm_keymap_load_set (screen->keymap, fm_config_get (config, "keymap"));
  fm_keymap_load_config (screen->keymap, config, problems);
  screen->wish.layout = layout_by_name (fm_config_get (config, "layout"));
  screen->wish.folders_width = fm_config_get_int (config, "folders_width");
  screen->wish.list_size = fm_config_get_int (config, "list_height");
  fm_screen_fit_folders (screen);
  fm_view_pager_set_wrap (screen->pager, fm_config_get_int (config, "wrap"));
  tell_problems (screen, problems);
}

static FmScreen *
screen_new (FmApp *app, GError **error)
{
  FmConfig *config = fm_app_config (app);
  FmTermCursesOptions options = { .colours = fm_config_get (config, "colours"), .ascii = fm_config_get (config, "ascii") };
  FmTermCurses *term = fm_term_curses_open (&options, error);
  int width, height;
  if (!term)
    return NULL;
  FmScreen *screen = g_new0 (FmScreen, 1);
  screen->app = app;
  screen->term = term;
  fm_term_curses_size (term, &width, &height);
  screen->canvas = fm_canvas_new (width, height, fm_term_curses_is_ascii (term));
  screen->keymap = fm_keymap_new ();
  screen->decoder = fm_key_decoder_new (on_key, screen);
  screen->pager = fm_view_pager_new ();
  screen->widgets = g_ptr_array_new ();
  screen->wish.show_pager = TRUE;
  screen->wish.focus = FM_PANE_LIST;
  for (guint i = 0; i < FM_SCREEN_PROMPT_KINDS; i++)
    screen->history[i] = g_ptr_array_new_with_free_func (g_free);
  screen->loop = g_main_loop_new (NULL, FALSE);
  return screen;
}

/* Open prompts are answered (cancelled) while the controller still stands. */
static void
screen_free (FmScreen *screen)
{
  while (screen->widgets->len > 0)
    {
      FmWidget *widget = g_ptr_array_steal_index (screen->widgets, screen->widgets->len - 1);
      fm_widget_finish (widget);
    }
  fm_app_set_shell (screen->app, NULL, NULL);
  fm_term_curses_close (screen->term);
  guint *sources[] = { &screen->input_source, &screen->quiet_source,   &screen->paint_source,   &screen->step_source,
                       &screen->clock_source, &screen->preview_source, &screen->message_source, &screen->held_source };
  for (guint i = 0; i < G_N_ELEMENTS (sources); i++)
    g_clear_handle_id (sources[i], g_source_remove);
  for (guint i = 0; i < FM_SCREEN_PROMPT_KINDS; i++)
    g_ptr_array_unref (screen->history[i]);
  g_ptr_array_unref (screen->widgets);
  fm_view_pager_free (screen->pager);
  fm_key_decoder_free (screen->decoder);
  fm_keymap_free (screen->keymap);
  fm_theme_free (screen->theme);
  fm_canvas_free (screen->canvas);
  g_main_loop_unref (screen->loop);
  g_free (screen->message);
  g_free (screen->theme_name);
  g_free (screen->waiting);
  g_free (screen);
}

int
fm_screen_run (FmApp *app, const char *folder, GError **error)
{
  FmScreen *screen = screen_new (app, error);
  if (!screen)
    return 2;
  guint signals[] = { g_unix_signal_add (SIGHUP, on_end, screen), g_unix_signal_add (SIGTERM, on_end, screen),
                      g_unix_signal_add (SIGINT, on_interrupt, screen), g_unix_signal_add (SIGWINCH, on_winch, screen) };
  fm_term_signals_start (on_job_signal, screen);
  fm_app_set_shell (app, fm_screen_shell_table (), screen);
  fm_screen_configure (screen);
  fm_app_start (app, folder);
  listen (screen);
  on_clock (screen);
  fm_screen_dirty (screen);
  g_main_loop_run (screen->loop);
  int status = screen->exit_status;
  fm_term_signals_stop ();
  for (guint i = 0; i < G_N_ELEMENTS (signals); i++)
    g_source_remove (signals[i]);
  screen_free (screen);
  return status;
}

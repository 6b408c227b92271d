/* The controller's shell: what commands ask of the screen, carried out on its panes and views. */
#include <fulmar/base/clock.h>
#include <fulmar/mail/query.h>
#include <string.h>
#include "ui/help-text.h"
#include "ui/screen-private.h"
#include "ui/widget-menu.h"
#include "ui/widget-prompt.h"
#include "ui/widget-text.h"

static void
shell_changed (gpointer data, guint what)
{
  FmScreen *screen = data;
  if (what & FM_CHANGE_SETTINGS)
    fm_screen_configure (screen);
  fm_screen_dirty (screen);
}

static void
shell_say (gpointer data, FmSayKind kind, const char *text)
{
  fm_screen_say (data, kind, text);
}

static char **
complete_command (const char *partial, gpointer data)
{
  FmScreen *screen = data;
  return fm_command_complete (screen->app, fm_screen_context (screen), partial);
}

/* A folder's name alone is completed as it is behind a command that wants one. */
static char **
complete_folder (const char *partial, gpointer data)
{
  static const char command[] = "open-folder ";
  FmScreen *screen = data;
  g_autofree char *line = g_strconcat (command, partial, NULL);
  char **found = fm_command_complete (screen->app, fm_screen_context (screen), line);
  for (guint i = 0; found[i]; i++)
    memmove (found[i], found[i] + strlen (command), strlen (found[i]) - strlen (command) + 1);
  return found;
}

static char *
check_query (const char *text, gsize *ret_position)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (FmQuery) query = fm_query_parse (text, fm_clock_now_utc (), ret_position, &error);
  return query ? NULL : g_strdup (error->message);
}

static void
shell_prompt (gpointer data, FmPromptKind kind, const char *label, const char *initial, FmShellAnswer answer, gpointer answer_data)
{
  FmScreen *screen = data;
  FmWidgetPromptOptions options = { .kind = kind,
                                    .label = label,
                                    .initial = initial,
                                    .history = kind < FM_SCREEN_PROMPT_KINDS && kind != FM_PROMPT_SECRET ? screen->history[kind] : NULL,
                                    .complete = kind == FM_PROMPT_COMMAND  ? complete_command
                                                : kind == FM_PROMPT_FOLDER ? complete_folder
                                                                           : NULL,
                                    .complete_data = screen,
                                    .check = kind == FM_PROMPT_SEARCH ? check_query : NULL,
                                    .answer = answer,
                                    .answer_data = answer_data };
  fm_screen_push (screen, fm_widget_prompt_new (&options));
}

static void
shell_ask (gpointer data, const char *question, const char *keys, FmShellAnswer answer, gpointer answer_data)
{
  fm_screen_push (data, fm_widget_prompt_new_ask (question, keys, answer, answer_data));
}

static void
shell_choose (gpointer data, const char *label, const char *const *items, const char *initial, FmShellAnswer answer, gpointer answer_data)
{
  fm_screen_push (data, fm_widget_menu_new (label, items, initial, answer, answer_data));
}

static void
shell_run (gpointer data, const char *const *argv, FmShellAnswer answer, gpointer answer_data)
{
  fm_screen_spawn (data, argv, answer, answer_data);
}

static void
shell_show_text (gpointer data, const char *title, const char *text)
{
  fm_screen_push (data, fm_widget_text_new (title, text));
}

static void
find_again (FmScreen *screen, const char *text, gboolean backwards)
{
  if (!text && !fm_view_pager_has_needle (screen->pager))
    fm_screen_say (screen, FM_SAY_ERROR, "nothing to find yet: / asks what");
  else if (!fm_view_pager_find (screen->pager, text, backwards))
    fm_screen_say (screen, FM_SAY_ANSWER, backwards ? "not found above" : "not found below");
  fm_screen_dirty (screen);
}

static void
shell_find (gpointer data, const char *text, gboolean backwards)
{
  find_again (data, text, backwards);
}

static void
shell_quit (gpointer data)
{
  fm_screen_quit (data, 0);
}

void
fm_screen_shell_focus (FmScreen *screen, FmPane pane)
{
  if (pane == FM_PANE_FOLDERS)
    screen->wish.show_folders = TRUE;
  if (pane == FM_PANE_PAGER && !fm_app_reading (screen->app))
    return;
  /* Folders that lie over the others go when the focus does. */
  if (pane != FM_PANE_FOLDERS && screen->panes.folders_over)
    screen->wish.show_folders = FALSE;
  screen->wish.focus = pane;
}

static void
focus_by (FmScreen *screen, int step, gboolean wrap)
{
  int pane = (int) screen->wish.focus + step, last = fm_app_reading (screen->app) ? FM_PANE_PAGER : FM_PANE_LIST;
  if (wrap)
    pane = (pane + last + 1) % (last + 1);
  fm_screen_shell_focus (screen, (FmPane) CLAMP (pane, FM_PANE_FOLDERS, last));
}

static void
toggle_folders (FmScreen *screen)
{
  screen->wish.show_folders = !screen->wish.show_folders;
  screen->folders_chosen = TRUE;
  if (!screen->wish.show_folders && screen->wish.focus == FM_PANE_FOLDERS)
    screen->wish.focus = FM_PANE_LIST;
  else if (screen->wish.show_folders && !fm_panes_has_room_for_folders (fm_canvas_rect (screen->canvas), screen->wish.layout))
    screen->wish.focus = FM_PANE_FOLDERS;
}

static void
next_layout (FmScreen *screen)
{
  static const char *const names[] = { "layout: wide", "layout: tall", "layout: list" };
  screen->wish.layout = (FmPanesLayout) ((screen->wish.layout + 1) % 3);
  screen->wish.list_size = 0;
  fm_screen_fit_folders (screen);
  fm_screen_say (screen, FM_SAY_ANSWER, names[screen->wish.layout]);
}

static void
resize_pane (FmScreen *screen, int delta)
{
  FmRect list = screen->panes.list;
  if (screen->wish.focus == FM_PANE_FOLDERS)
    {
      screen->wish.folders_width = CLAMP (screen->wish.folders_width + delta, 8, 80);
      return;
    }
  if (screen->wish.focus == FM_PANE_PAGER)
    delta = -delta;
  int now = screen->panes.list_edge.height > 1 ? list.width : list.height;
  if (screen->panes.list_edge.width > 0)
    screen->wish.list_size = MAX (now + delta, 1);
}

/* Moves the folder pane's cursor by LINES. */
static void
step_folders (FmScreen *screen, gint64 lines)
{
  FmFolders *folders = fm_app_folders (screen->app);
  gint64 last = MAX ((gint64) fm_folders_count (folders) - 1, 0);
  fm_folders_set_cursor (folders, (guint) CLAMP ((gint64) fm_folders_cursor (folders) + lines, 0, last));
}

static void
step_parts (FmScreen *screen, gint64 lines)
{
  FmParts *parts = fm_app_parts (screen->app);
  fm_parts_set_cursor (parts, (guint) CLAMP ((gint64) fm_parts_cursor (parts) + lines, 0, G_MAXINT));
}

/* A page in the list takes the view along, so that the page changes whole. */
static void
step_list (FmScreen *screen, gint64 lines, gboolean page)
{
  FmList *list = fm_app_list (screen->app);
  if (page)
    screen->list.top = (guint64) MAX ((gint64) screen->list.top + lines, 0);
  fm_list_step (list, lines);
}

static void
scroll (FmScreen *screen, FmShellAct act, int count)
{
  int sign = act == FM_SHELL_UP || act == FM_SHELL_PAGE_UP || act == FM_SHELL_HALF_UP ? -1 : 1, times = sign * MAX (count, 1);
  gboolean line = act == FM_SHELL_UP || act == FM_SHELL_DOWN, half = act == FM_SHELL_HALF_UP || act == FM_SHELL_HALF_DOWN;
  gboolean in_parts = fm_screen_context (screen) == FM_CONTEXT_ATTACHMENTS;
  int rows = screen->wish.focus == FM_PANE_FOLDERS ? screen->folders.rows : in_parts ? screen->parts.rows : screen->list.rows;
  gint64 lines = (gint64) times * (line ? 1 : half ? MAX (rows / 2, 1) : MAX (rows, 1));
  if (screen->wish.focus == FM_PANE_FOLDERS)
    step_folders (screen, lines);
  else if (screen->wish.focus == FM_PANE_LIST)
    step_list (screen, lines, !line);
  else if (in_parts)
    step_parts (screen, lines);
  else if (line)
    fm_view_pager_scroll (screen->pager, times);
  else
    fm_view_pager_page (screen->pager, half ? times : 2 * times);
}

static void
go_to_end (FmScreen *screen, gboolean bottom)
{
  FmList *list = fm_app_list (screen->app);
  if (screen->wish.focus == FM_PANE_FOLDERS)
    step_folders (screen, bottom ? G_MAXINT : -G_MAXINT);
  else if (screen->wish.focus == FM_PANE_LIST)
    fm_list_set_cursor (list, bottom && fm_list_total (list) > 0 ? fm_list_total (list) - 1 : 0);
  else if (fm_screen_context (screen) == FM_CONTEXT_ATTACHMENTS)
    step_parts (screen, bottom ? G_MAXINT : -G_MAXINT);
  else if (bottom)
    fm_view_pager_bottom (screen->pager);
  else
    fm_view_pager_top (screen->pager);
}

static void
open_message (FmScreen *screen)
{
  FmList *list = fm_app_list (screen->app);
  gint64 id = fm_list_cursor_id (list);
  if (fm_list_total (list) == 0 || id == 0)
    return;
  fm_app_open_message (screen->app, id);
  fm_screen_shell_focus (screen, FM_PANE_PAGER);
}

static void
open_folder_line (FmScreen *screen)
{
  FmFolders *folders = fm_app_folders (screen->app);
  guint cursor = fm_folders_cursor (folders);
  FmFolderLine line;
  if (!fm_folders_line (folders, cursor, &line))
    return;
  if (line.kind == FM_FOLDER_LINE_FOLDER && line.folder_id != 0)
    fm_app_open_folder (screen->app, line.folder_id);
  else if (line.kind == FM_FOLDER_LINE_SEARCH)
    {
      g_autofree char *command = g_strdup_printf ("open-folder %s", line.full_name);
      fm_command_run_line (screen->app, FM_CONTEXT_FOLDERS, 0, command);
    }
  else
    {
      fm_folders_toggle (folders, cursor);
      return;
    }
  fm_screen_shell_focus (screen, FM_PANE_LIST);
}

static void
enter (FmScreen *screen)
{
  if (screen->wish.focus == FM_PANE_FOLDERS)
    open_folder_line (screen);
  else if (screen->wish.focus == FM_PANE_LIST)
    open_message (screen);
  else if (fm_screen_context (screen) == FM_CONTEXT_ATTACHMENTS)
    fm_command_run_line (screen->app, FM_CONTEXT_ATTACHMENTS, 0, "part-view");
  else
    fm_view_pager_scroll (screen->pager, 1);
}

static void
back (FmScreen *screen)
{
  if (screen->composing)
    screen->composing = FALSE;
  else if (screen->wish.focus == FM_PANE_FOLDERS && screen->panes.folders_over)
    fm_screen_shell_focus (screen, FM_PANE_LIST);
  else if (screen->wish.focus == FM_PANE_PAGER && fm_app_close_part (screen->app))
    {
      if (!fm_app_parts (screen->app) && screen->parts_from_list)
        fm_screen_shell_focus (screen, FM_PANE_LIST);
    }
  else if (screen->wish.focus == FM_PANE_PAGER)
    fm_screen_shell_focus (screen, FM_PANE_LIST);
  else if (screen->wish.focus != FM_PANE_LIST || !fm_app_close_search (screen->app))
    fm_command_run_line (screen->app, fm_screen_context (screen), 0, "quit");
}

/* Space opens, then pages; at the end the first press says so and the second goes on. */
static void
space (FmScreen *screen)
{
  FmList *list = fm_app_list (screen->app);
  FmReading *reading = fm_app_reading (screen->app);
  if (screen->wish.focus != FM_PANE_PAGER || fm_screen_lists_parts (screen))
    {
      enter (screen);
      return;
    }
  if (!fm_view_pager_at_end (screen->pager))
    {
      fm_view_pager_page (screen->pager, 2);
      screen->space_at_end = 0;
      return;
    }
  if (reading && fm_reading_part (reading) >= 0)
    {
      back (screen);
      return;
    }
  if (!reading || screen->space_at_end != fm_reading_id (reading))
    {
      screen->space_at_end = reading ? fm_reading_id (reading) : 0;
      fm_screen_say (screen, FM_SAY_ANSWER, "end of the message: once more for the next");
      return;
    }
  screen->space_at_end = 0;
  guint64 before = fm_list_cursor (list);
  fm_list_step (list, 1);
  if (fm_list_cursor (list) == before)
    fm_screen_say (screen, FM_SAY_ANSWER, "this is the last message");
  else
    open_message (screen);
}

static void
show_help (FmScreen *screen, gboolean effects)
{
  g_autofree char *text = effects ? fm_help_text_effects () : fm_help_text_keys (screen->keymap, fm_screen_context (screen));
  fm_screen_push (screen, fm_widget_text_new (effects ? "What each command does on the server" : "Help", text));
}

static void
act_in_pager (FmScreen *screen, FmShellAct act)
{
  if (act == FM_SHELL_SKIP_QUOTED && !fm_view_pager_skip_quoted (screen->pager))
    fm_screen_say (screen, FM_SAY_ANSWER, "no more quoted text");
  else if (act == FM_SHELL_FOLD_QUOTED)
    fm_screen_say (screen, FM_SAY_ANSWER, fm_view_pager_toggle_fold (screen->pager) ? "quoted text is folded" : "quoted text is shown");
  else if (act == FM_SHELL_FIND_NEXT || act == FM_SHELL_FIND_PREVIOUS)
    find_again (screen, NULL, act == FM_SHELL_FIND_PREVIOUS);
}

/* The letter before it is sent; TRUE if ACT was for it. */
static gboolean
scroll_letter (FmScreen *screen, FmShellAct act, int count)
{
  int rows = MAX (screen->letter.rows, 1), times = MAX (count, 1);
  switch (act)
    {
    case FM_SHELL_UP:
    case FM_SHELL_DOWN:
      screen->letter.top += act == FM_SHELL_UP ? -times : times;
      break;
    case FM_SHELL_HALF_UP:
    case FM_SHELL_HALF_DOWN:
      screen->letter.top += (act == FM_SHELL_HALF_UP ? -times : times) * MAX (rows / 2, 1);
      break;
    case FM_SHELL_PAGE_UP:
    case FM_SHELL_PAGE_DOWN:
    case FM_SHELL_SPACE:
      screen->letter.top += (act == FM_SHELL_PAGE_UP ? -times : times) * rows;
      break;
    case FM_SHELL_TOP:
    case FM_SHELL_BOTTOM:
      screen->letter.top = act == FM_SHELL_TOP ? 0 : screen->letter.total;
      break;
    default:
      return FALSE;
    }
  fm_screen_dirty (screen);
  return TRUE;
}

/* Which panes there are, and which has the keys; TRUE if ACT was for that. */
static gboolean
act_on_panes (FmScreen *screen, FmShellAct act, int count)
{
  switch (act)
    {
    case FM_SHELL_FOCUS_NEXT:
      focus_by (screen, 1, TRUE);
      return TRUE;
    case FM_SHELL_FOCUS_PREVIOUS:
      focus_by (screen, -1, TRUE);
      return TRUE;
    case FM_SHELL_FOCUS_LEFT:
      focus_by (screen, -1, FALSE);
      return TRUE;
    case FM_SHELL_FOCUS_RIGHT:
      focus_by (screen, 1, FALSE);
      return TRUE;
    case FM_SHELL_FOCUS_FOLDERS:
      fm_screen_shell_focus (screen, FM_PANE_FOLDERS);
      return TRUE;
    case FM_SHELL_FOCUS_LIST:
      fm_screen_shell_focus (screen, FM_PANE_LIST);
      return TRUE;
    case FM_SHELL_FOCUS_PAGER:
      fm_screen_shell_focus (screen, FM_PANE_PAGER);
      return TRUE;
    case FM_SHELL_TOGGLE_FOLDERS:
      toggle_folders (screen);
      return TRUE;
    case FM_SHELL_TOGGLE_PAGER:
      screen->wish.show_pager = !screen->wish.show_pager;
      return TRUE;
    case FM_SHELL_LAYOUT_NEXT:
      next_layout (screen);
      return TRUE;
    case FM_SHELL_GROW:
      resize_pane (screen, MAX (count, 1));
      return TRUE;
    case FM_SHELL_SHRINK:
      resize_pane (screen, -MAX (count, 1));
      return TRUE;
    default:
      return FALSE;
    }
}

/* Movement in the pane that has the keys; TRUE if ACT was for that. */
static gboolean
act_in_pane (FmScreen *screen, FmShellAct act, int count)
{
  switch (act)
    {
    case FM_SHELL_UP:
    case FM_SHELL_DOWN:
    case FM_SHELL_PAGE_UP:
    case FM_SHELL_PAGE_DOWN:
    case FM_SHELL_HALF_UP:
    case FM_SHELL_HALF_DOWN:
      scroll (screen, act, count);
      return TRUE;
    case FM_SHELL_TOP:
    case FM_SHELL_BOTTOM:
      go_to_end (screen, act == FM_SHELL_BOTTOM);
      return TRUE;
    case FM_SHELL_SPACE:
      space (screen);
      return TRUE;
    case FM_SHELL_ENTER:
      enter (screen);
      return TRUE;
    case FM_SHELL_ATTACHMENTS:
      screen->parts = (FmViewParts){ 0 };
      screen->parts_from_list = screen->wish.focus != FM_PANE_PAGER;
      fm_screen_shell_focus (screen, FM_PANE_PAGER);
      return TRUE;
    case FM_SHELL_SKIP_QUOTED:
    case FM_SHELL_FOLD_QUOTED:
    case FM_SHELL_FIND_NEXT:
    case FM_SHELL_FIND_PREVIOUS:
      act_in_pager (screen, act);
      return TRUE;
    default:
      return FALSE;
    }
}

/* What concerns the whole screen, and is done while a message is being written too. */
static void
act_on_screen (FmScreen *screen, FmShellAct act)
{
  switch (act)
    {
    case FM_SHELL_REDRAW:
      fm_term_curses_forget (screen->term);
      break;
    case FM_SHELL_BACK:
      back (screen);
      break;
    case FM_SHELL_HELP:
    case FM_SHELL_EFFECTS:
      show_help (screen, act == FM_SHELL_EFFECTS);
      break;
    case FM_SHELL_COMPOSER:
      if (!screen->composing)
        screen->letter = (FmViewComposer){ 0 };
      screen->composing = TRUE;
      break;
    case FM_SHELL_SUSPEND:
      fm_screen_suspend (screen);
      break;
    case FM_SHELL_BELL:
      if (screen->child == 0) /* else the terminal is another's */
        fm_term_curses_bell (screen->term);
      break;
    default:
      break;
    }
}

static void
shell_act (gpointer data, FmShellAct act, int count)
{
  FmScreen *screen = data;
  if (screen->composing && scroll_letter (screen, act, count))
    return;
  /* The panes are out of sight while a message is being written: nothing moves in them. */
  if (screen->composing || (!act_on_panes (screen, act, count) && !act_in_pane (screen, act, count)))
    act_on_screen (screen, act);
  fm_screen_dirty (screen);
}

static const FmShell table = {
  .changed = shell_changed,
  .act = shell_act,
  .say = shell_say,
  .prompt = shell_prompt,
  .ask = shell_ask,
  .choose = shell_choose,
  .run = shell_run,
  .show_text = shell_show_text,
  .find = shell_find,
  .quit = shell_quit,
};

const FmShell *
fm_screen_shell_table (void)
{
  return &table;
}

/* Commands that only the screen can carry out: they name what to do, the shell does it. */
#include "app/app-private.h"
#include "app/commands.h"
#include <string.h>

#define ACT(function, what)                                                      \
  static void run_##function (const FmCommandCall *call)                         \
  {                                                                              \
    call->app->shell->act (call->app->shell_data, FM_SHELL_##what, call->count); \
  }

ACT (redraw, REDRAW)
ACT (focus_next, FOCUS_NEXT)
ACT (focus_previous, FOCUS_PREVIOUS)
ACT (focus_left, FOCUS_LEFT)
ACT (focus_right, FOCUS_RIGHT)
ACT (focus_folders, FOCUS_FOLDERS)
ACT (focus_list, FOCUS_LIST)
ACT (focus_pager, FOCUS_PAGER)
ACT (toggle_folders, TOGGLE_FOLDERS)
ACT (toggle_pager, TOGGLE_PAGER)
ACT (layout_next, LAYOUT_NEXT)
ACT (grow, GROW)
ACT (shrink, SHRINK)
ACT (up, UP)
ACT (down, DOWN)
ACT (page_up, PAGE_UP)
ACT (page_down, PAGE_DOWN)
ACT (half_up, HALF_UP)
ACT (half_down, HALF_DOWN)
ACT (top, TOP)
ACT (bottom, BOTTOM)
ACT (space, SPACE)
ACT (enter, ENTER)
ACT (back, BACK)
ACT (help, HELP)
ACT (effects, EFFECTS)
ACT (skip_quoted, SKIP_QUOTED)
ACT (fold_quoted, FOLD_QUOTED)
ACT (find_next, FIND_NEXT)
ACT (find_previous, FIND_PREVIOUS)
ACT (suspend, SUSPEND)

static void
command_answered (const char *answer, gpointer data)
{
  FmCommandCall *call = data;

  if (answer && *answer)
    fm_command_run_line (call->app, call->context, 0, answer);
  g_free (call);
}

static void
run_command (const FmCommandCall *call)
{
  FmCommandCall *copy = g_memdup2 (call, sizeof *call);

  copy->argument = "";
  call->app->shell->prompt (call->app->shell_data, FM_PROMPT_COMMAND, ":", call->argument, command_answered, copy);
}

static void
shell_done (const char *answer, gpointer data)
{
  FmApp *app = data;

  if (answer && strcmp (answer, "0") != 0)
    fm_app_complain (app, "the command ended with status %s", answer);
}

/* The user wrote the line, so the user's shell reads it. */
static void
shell_line (const char *answer, gpointer data)
{
  FmApp *app = data;
  const char *shell = g_getenv ("SHELL");
  const char *argv[]
      = { "/bin/sh", "-c", "\"$1\" -c \"$2\"" FM_APP_WAIT_FOR_ENTER, "sh", shell && *shell ? shell : "/bin/sh", answer, NULL };

  if (answer && *answer)
    app->shell->run (app->shell_data, argv, shell_done, app);
}

static void
run_shell (const FmCommandCall *call)
{
  if (*call->argument)
    shell_line (call->argument, call->app);
  else
    call->app->shell->prompt (call->app->shell_data, FM_PROMPT_TEXT, "shell command: ", "", shell_line, call->app);
}

static void
quit_answered (const char *answer, gpointer data)
{
  FmApp *app = data;

  if (answer && *answer == 'y')
    app->shell->quit (app->shell_data);
}

static void
run_quit (const FmCommandCall *call)
{
  FmApp *app = call->app;

  if (fm_config_get_bool (app->config, "confirm_quit"))
    app->shell->ask (app->shell_data, "leave Fulmar?", "yn", quit_answered, app);
  else
    app->shell->quit (app->shell_data);
}

#define PANES (FM_CONTEXT_LIST | FM_CONTEXT_PAGER | FM_CONTEXT_FOLDERS | FM_CONTEXT_ATTACHMENTS)

const FmCommand fm_cmd_screen_commands[] = {
  { .name = "redraw", .help = "draw the screen anew", .default_keys = "<C-l>", .contexts = FM_CONTEXT_ALL, .run = run_redraw },
  { .name = "focus-next", .help = "go to the next pane", .default_keys = "<F6> <C-w>", .contexts = PANES, .run = run_focus_next },
  { .name = "focus-previous", .help = "go to the previous pane", .default_keys = "<S-Tab>", .contexts = PANES, .run = run_focus_previous },
  { .name = "focus-left", .help = "go to the pane on the left", .default_keys = "<Left>", .contexts = PANES, .run = run_focus_left },
  { .name = "focus-right", .help = "go to the pane on the right", .default_keys = "<Right>", .contexts = PANES, .run = run_focus_right },
  { .name = "focus-folders", .help = "go to the folder pane", .contexts = PANES, .run = run_focus_folders },
  { .name = "focus-list", .help = "go to the message list", .contexts = PANES, .run = run_focus_list },
  { .name = "focus-pager", .help = "go to the message", .contexts = PANES, .run = run_focus_pager },
  { .name = "folders",
    .help = "show or hide the folder pane",
    .hint = "folders",
    .default_keys = "y",
    .contexts = PANES,
    .run = run_toggle_folders },
  { .name = "pager", .help = "show or hide the message pane", .contexts = PANES, .run = run_toggle_pager },
  { .name = "layout", .help = "next layout: wide, tall, list", .contexts = PANES, .run = run_layout_next },
  { .name = "grow", .help = "give this pane more room", .default_keys = "<Esc>+", .contexts = PANES, .run = run_grow },
  { .name = "shrink", .help = "give this pane less room", .default_keys = "<Esc>-", .contexts = PANES, .run = run_shrink },
  { .name = "up", .help = "go up a line", .default_keys = "<Up>", .contexts = FM_CONTEXT_ALL, .run = run_up },
  { .name = "down", .help = "go down a line", .default_keys = "<Down>", .contexts = FM_CONTEXT_ALL, .run = run_down },
  { .name = "folder-up",
    .help = "go up a folder",
    .default_keys = "k",
    .contexts = FM_CONTEXT_FOLDERS | FM_CONTEXT_ATTACHMENTS,
    .run = run_up },
  { .name = "folder-down",
    .help = "go down a folder",
    .default_keys = "j",
    .contexts = FM_CONTEXT_FOLDERS | FM_CONTEXT_ATTACHMENTS,
    .run = run_down },
  { .name = "page-up", .help = "go up a page", .default_keys = "<PageUp>", .contexts = FM_CONTEXT_ALL, .run = run_page_up },
  { .name = "page-down", .help = "go down a page", .default_keys = "<PageDown>", .contexts = FM_CONTEXT_ALL, .run = run_page_down },
  { .name = "half-up", .help = "go up half a page", .default_keys = "<lbracket>", .contexts = FM_CONTEXT_ALL, .run = run_half_up },
  { .name = "half-down", .help = "go down half a page", .default_keys = "<rbracket>", .contexts = FM_CONTEXT_ALL, .run = run_half_down },
  { .name = "top", .help = "go to the top", .default_keys = "<Home>", .contexts = FM_CONTEXT_ALL, .run = run_top },
  { .name = "bottom", .help = "go to the bottom", .default_keys = "<End>", .contexts = FM_CONTEXT_ALL, .run = run_bottom },
  { .name = "page",
    .help = "open the message; in it, page on; at its end, the next message",
    .default_keys = "<Space>",
    .contexts = PANES | FM_CONTEXT_COMPOSE,
    .run = run_space },
  { .name = "enter",
    .help = "open what is selected",
    .hint = "open",
    .default_keys = "<Enter>",
    .contexts = FM_CONTEXT_ALL & ~FM_CONTEXT_COMPOSE,
    .run = run_enter },
  { .name = "line-down", .help = "go down a line", .default_keys = "<Enter>", .contexts = FM_CONTEXT_PAGER, .run = run_down },
  { .name = "back",
    .help = "leave this view; from the last, quit",
    .hint = "back",
    .default_keys = "q",
    .contexts = FM_CONTEXT_ALL & ~FM_CONTEXT_COMPOSE,
    .run = run_back },
  { .name = "help", .help = "help for the keys here", .hint = "help", .default_keys = "?", .contexts = FM_CONTEXT_ALL, .run = run_help },
  { .name = "effects", .help = "what each command does on the server", .contexts = FM_CONTEXT_ALL, .run = run_effects },
  { .name = "skip-quoted",
    .help = "skip to after the quoted text",
    .default_keys = "S",
    .contexts = FM_CONTEXT_PAGER,
    .run = run_skip_quoted },
  { .name = "fold-quoted",
    .help = "fold or unfold quoted text",
    .default_keys = "T",
    .contexts = FM_CONTEXT_PAGER,
    .run = run_fold_quoted },
  { .name = "find-next", .help = "find the next hit", .default_keys = "n", .contexts = FM_CONTEXT_PAGER, .run = run_find_next },
  { .name = "find-previous",
    .help = "find the previous hit",
    .default_keys = "<Esc>n",
    .contexts = FM_CONTEXT_PAGER,
    .run = run_find_previous },
  { .name = "suspend", .help = "suspend the program", .default_keys = "<C-z>", .contexts = FM_CONTEXT_ALL, .run = run_suspend },
  { .name = "command", .help = "type any command, with completion", .default_keys = ":", .contexts = FM_CONTEXT_ALL, .run = run_command },
  { .name = "shell",
    .help = "run a shell command",
    .arguments = "[LINE]",
    .default_keys = "<Esc>!",
    .contexts = FM_CONTEXT_ALL,
    .run = run_shell },
  { .name = "quit", .help = "leave the program", .default_keys = "x", .contexts = FM_CONTEXT_ALL, .run = run_quit },
  { NULL },
};

/* What the controller asks of whoever shows it: the screen registers this table; the command line has none. app never calls ui otherwise.
 * All calls are on the UI thread and return at once; answers come through the given callbacks (exactly once; NULL: cancelled). */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

typedef void (*FmShellAnswer) (const char *answer, gpointer data);

typedef enum {
  FM_PROMPT_TEXT,
  FM_PROMPT_SECRET,
  FM_PROMPT_COMMAND,
  FM_PROMPT_SEARCH,
  FM_PROMPT_FOLDER,
  FM_PROMPT_ADDRESS,
  FM_PROMPT_PATH
} FmPromptKind;

/* By weight: a line that nobody has had time to read gives way only to one of its own weight, or more. */
typedef enum { FM_SAY_NOTICE, FM_SAY_ANSWER, FM_SAY_ERROR } FmSayKind;

/* The parts of the screen that commands move: what only the screen can do. */
typedef enum {
  FM_SHELL_REDRAW,
  FM_SHELL_FOCUS_NEXT,
  FM_SHELL_FOCUS_PREVIOUS,
  FM_SHELL_FOCUS_LEFT,
  FM_SHELL_FOCUS_RIGHT,
  FM_SHELL_FOCUS_FOLDERS,
  FM_SHELL_FOCUS_LIST,
  FM_SHELL_FOCUS_PAGER,
  FM_SHELL_TOGGLE_FOLDERS,
  FM_SHELL_TOGGLE_PAGER,
  FM_SHELL_LAYOUT_NEXT,
  FM_SHELL_GROW,
  FM_SHELL_SHRINK,
  FM_SHELL_UP,
  FM_SHELL_DOWN,
  FM_SHELL_PAGE_UP,
  FM_SHELL_PAGE_DOWN,
  FM_SHELL_HALF_UP,
  FM_SHELL_HALF_DOWN,
  FM_SHELL_TOP,
  FM_SHELL_BOTTOM,
  FM_SHELL_SPACE, /* page; at the end, again: next message */
  FM_SHELL_ENTER, /* open what is selected */
  FM_SHELL_BACK,  /* q: leave the innermost view; at the outermost, quit */
  FM_SHELL_HELP,
  FM_SHELL_EFFECTS,
  FM_SHELL_ATTACHMENTS,
  FM_SHELL_SKIP_QUOTED,
  FM_SHELL_FOLD_QUOTED,
  FM_SHELL_FIND_NEXT,
  FM_SHELL_FIND_PREVIOUS,
  FM_SHELL_COMPOSER, /* show the composer of fm_app_composer */
  FM_SHELL_SUSPEND,
  FM_SHELL_BELL,
} FmShellAct;

/* value struct: implemented by ui */
typedef struct {
  void (*changed) (gpointer shell, guint what); /* FmAppChange bits: mark views dirty; paint once a turn */
  void (*act) (gpointer shell, FmShellAct act, int count);
  void (*say) (gpointer shell, FmSayKind kind, const char *text);
  void (*prompt) (gpointer shell, FmPromptKind kind, const char *label, const char *initial, FmShellAnswer answer, gpointer data);
  /* One of KEYS ("yn"); answer is that one letter. */
  void (*ask) (gpointer shell, const char *question, const char *keys, FmShellAnswer answer, gpointer data);
  /* Fuzzy choice among NULL-terminated ITEMS; INITIAL is offered first. */
  void (*choose) (gpointer shell, const char *label, const char *const *items, const char *initial, FmShellAnswer answer, gpointer data);
  /* Steps aside, runs ARGV on the terminal, comes back; answer is the exit status in decimal. Waiting for the child is done off the loop. */
  void (*run) (gpointer shell, const char *const *argv, FmShellAnswer answer, gpointer data);
  /* Shows a block of text in a view of its own (queue, undo list, pipe output). */
  void (*show_text) (gpointer shell, const char *title, const char *text);
  /* The find-in-message prompt's text, for the pager. */
  void (*find) (gpointer shell, const char *text, gboolean backwards);
  void (*quit) (gpointer shell);
} FmShell;

G_END_DECLS

/* What the screen's own files share. */
#pragma once
#include <fulmar/ui/screen.h>
#include "ui/key-decoder.h"
#include "ui/keymap.h"
#include "ui/panes.h"
#include "ui/term-curses.h"
#include "ui/view-composer.h"
#include "ui/view-folders.h"
#include "ui/view-list.h"
#include "ui/view-pager.h"
#include "ui/view-parts.h"
#include "ui/widget.h"

G_BEGIN_DECLS

#define FM_SCREEN_PROMPT_KINDS (FM_PROMPT_PATH + 1)

typedef struct {
  FmApp *app;
  FmTermCurses *term;
  FmCanvas *canvas;
  FmTheme *theme;
  char *theme_name; /* of a theme that is there */
  FmKeymap *keymap;
  FmKeyDecoder *decoder;
  GMainLoop *loop;
  int exit_status;

  FmPanesWish wish;
  gboolean folders_chosen; /* the user has shown or hidden the folders: their wish outlives a resize */
  FmPanes panes;           /* as drawn last */
  FmViewList list;
  FmViewFolders folders;
  FmViewPager *pager;
  FmViewParts parts;
  gboolean parts_from_list; /* the parts were asked for there: leaving them goes back there */
  FmList *list_seen;        /* the list that view state belongs to; compared, never used */
  gboolean composing;       /* the composer is in front */
  FmViewComposer letter;    /* where in its text */
  gboolean list_touched;    /* a key was pressed since the list came up: its cursor is the user's */
  gint64 preview_id;        /* the row the pager follows */
  gint64 space_at_end;      /* the message whose end Space has met */

  GPtrArray *widgets; /* FmWidget *, the top one last */
  GPtrArray *history[FM_SCREEN_PROMPT_KINDS];
  char *message;
  FmSayKind message_kind;
  gint64 message_until_us; /* till then only a key or something as weighty takes its place */
  char *waiting;           /* what came meanwhile, the last of it; NULL: nothing */
  FmSayKind waiting_kind;
  gboolean esc_pending;

  guint input_source, quiet_source, paint_source, step_source, clock_source, preview_source, message_source, held_source;
  GPid child; /* a program that has the terminal, 0: none */
  FmShellAnswer child_answer;
  gpointer child_data;
} FmScreen;

/* screen.c */
void fm_screen_dirty (FmScreen *screen); /* one paint at the end of this turn of the loop */
guint fm_screen_context (const FmScreen *screen);
gboolean fm_screen_lists_parts (const FmScreen *screen); /* in the pager's place */
void fm_screen_say (FmScreen *screen, FmSayKind kind, const char *text);
void fm_screen_push (FmScreen *screen, FmWidget *widget);
void fm_screen_fit_folders (FmScreen *screen); /* shown where there is room, as long as the user has not chosen */
void fm_screen_configure (FmScreen *screen);   /* reads theme, keys and layout from the settings */
void fm_screen_suspend (FmScreen *screen);
/* Gives the terminal to a program; ANSWER gets its exit status in decimal. */
void fm_screen_spawn (FmScreen *screen, const char *const *argv, FmShellAnswer answer, gpointer data);
void fm_screen_quit (FmScreen *screen, int exit_status);

/* screen-draw.c */
void fm_screen_draw_all (FmScreen *screen);

/* screen-shell.c: what the controller asks for */
const FmShell *fm_screen_shell_table (void);
void fm_screen_shell_focus (FmScreen *screen, FmPane pane);

G_END_DECLS

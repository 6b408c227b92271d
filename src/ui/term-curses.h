/* The terminal: the one file that knows curses. Paints the difference between the last frame and the next; reads nothing (input is the key
 * decoder's, on the raw descriptor). UI thread only. */
#pragma once
#include <glib.h>
#include "ui/canvas.h"
#include "ui/theme.h"

G_BEGIN_DECLS

typedef struct FmTermCurses FmTermCurses;

/* value struct: the settings of the same names */
typedef struct {
  const char *colours; /* "auto", "mono", "8", "16", "256", "direct" */
  const char *ascii;   /* "auto", "true", "false" */
} FmTermCursesOptions;

/* TRUE where a screen can be drawn at all; otherwise FM_ERROR_INVALID says what is missing and what to run instead. Changes nothing. */
gboolean fm_term_curses_check (GError **error);

/* Takes the terminal over. FM_ERROR_INVALID where fm_term_curses_check says no or the terminal's type is unknown. */
FmTermCurses *fm_term_curses_open (const FmTermCursesOptions *options, GError **error);
/* Gives the terminal back as it was found. Accepts NULL. */
void fm_term_curses_close (FmTermCurses *term);

FmDepth fm_term_curses_depth (const FmTermCurses *term);
gboolean fm_term_curses_is_ascii (const FmTermCurses *term);

/* The size now; asks the system, and tells curses when it has changed. */
void fm_term_curses_size (FmTermCurses *term, int *ret_width, int *ret_height);

/* Brings the terminal from the last painted frame to CANVAS; writes only what differs. */
void fm_term_curses_paint (FmTermCurses *term, const FmCanvas *canvas);
/* The next paint draws everything. */
void fm_term_curses_forget (FmTermCurses *term);

/* Steps aside for another program or a suspend, and comes back. */
void fm_term_curses_leave (FmTermCurses *term);
void fm_term_curses_enter (FmTermCurses *term);

/* The window's title where the terminal has one; TITLE is sanitised here. */
void fm_term_curses_set_title (FmTermCurses *term, const char *title);
void fm_term_curses_bell (FmTermCurses *term);

G_END_DECLS

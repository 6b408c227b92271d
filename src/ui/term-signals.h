/* Job control as events of the main loop: what the handlers of SIGTSTP and SIGCONT leave in a pipe. */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

/* Called on the loop with SIGTSTP or SIGCONT. Once a program; the pipe lives as long as it. */
typedef void (*FmTermSignalsFunc) (int number, gpointer data);
void fm_term_signals_start (FmTermSignalsFunc func, gpointer data);
void fm_term_signals_stop (void);

/* Stops the whole job, as Ctrl-Z in a shell does; returns when it goes on. The terminal must have been left. */
void fm_term_signals_suspend (void);

G_END_DECLS

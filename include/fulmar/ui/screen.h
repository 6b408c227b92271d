/* The screen: three panes over the controller, on the terminal the program runs in. UI thread only; one a process. */
#pragma once
#include <fulmar/app/app.h>
#include <glib.h>

G_BEGIN_DECLS

/* Can a screen be drawn here? FM_ERROR_INVALID says what is missing and what to run instead (exit status 2). To be asked before the app is made,
 * so that nothing is started in vain. Changes nothing. */
gboolean fm_screen_check (GError **error);

/* Takes the terminal, registers itself as APP's shell, opens FOLDER (as fm_app_start; may be NULL) and runs the default main context until the user
 * quits or the program is told to end (SIGHUP, SIGTERM, SIGINT). The terminal is given back on every way out, a crash included. APP stays the
 * caller's, to be freed (which drains and saves) afterwards. Returns the exit status: 0, or 1 where the terminal was lost. FM_ERROR_INVALID (and 2)
 * where there is no terminal or its type is unknown. */
int fm_screen_run (FmApp *app, const char *folder, GError **error);

G_END_DECLS

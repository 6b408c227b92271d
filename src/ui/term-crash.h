/* Gives the terminal back after a crash: async-signal-safe, with everything it needs prepared beforehand. */
#pragma once
#include <glib.h>
#include <termios.h>

G_BEGIN_DECLS

/* From now on, a fatal signal (or exit) first writes RESTORE (copied, at most 255 bytes) to FD and sets MODES, then takes its normal course. */
void fm_term_crash_arm (int fd, const char *restore, const struct termios *modes);
void fm_term_crash_disarm (void);

G_END_DECLS

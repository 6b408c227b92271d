/* Sample mail: a few hundred messages written for the demo, the screen tests and anyone who wants to see every kind of mail at once. */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

/* Writes the Maildirs DIR/INBOX, DIR/Sent, DIR/Lists/fulmar-devel and so on, making DIR (0700) where it is missing. Dates are counted back from
 * fm_clock_now_utc; all else is the same at every call. Takes some tens of milliseconds: call it before a screen is up or off the UI thread.
 * Errors: STORAGE (what was written by then stays). */
gboolean fm_sample_write (const char *dir, GError **error);

G_END_DECLS

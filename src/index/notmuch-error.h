/* Where libnotmuch's numbers become ours. */
#pragma once
#include <glib.h>
#include <notmuch.h>

/* Sets FM_ERROR from STATUS: "WHAT: notmuch's words: detail". DETAIL may be NULL. */
void fm_notmuch_error_set (GError **error, notmuch_status_t status, const char *what, const char *detail);

/* A date in the list's seven columns: the nearer, the more exact. */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

#define FM_SMART_DATE_COLS 7

/* FORMAT "smart": "10:42" today, "Fri" in the last week, "12 Mar" this year, "2019-03" before; anything else is for strftime. Local time.
 * 0: "". Transfer: full. */
char *fm_smart_date_format (gint64 date_utc, gint64 now_utc, const char *format);

G_END_DECLS

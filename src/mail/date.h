/* The Date field. */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

/* The date and time of a header field (RFC 5322 section 3.3, and whatever else GMime can make sense of), at most 256 bytes of which are read: in seconds
 * since 1970, and the writer's offset from UTC in minutes. TEXT ends in NUL. FALSE: no date. */
gboolean fm_date_parse (const char *text, gint64 *ret_utc, int *ret_offset_min);

/* The same by way of GMime alone, whatever the field is like. */
gboolean fm_date_parse_any (const char *text, gint64 *ret_utc, int *ret_offset_min);
/* The same of "[Fri,] 20 Nov 2026 10:00[:00] +0100 [(CET)]" alone, with numbers that exist in a calendar. FALSE: anything else. */
gboolean fm_date_parse_plain (const char *text, gint64 *ret_utc, int *ret_offset_min);

G_END_DECLS

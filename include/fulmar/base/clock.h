/* Time, in the two kinds a mail client needs: a monotonic clock for deadlines and the wall clock for dates and ages. Tests move the wall
 * clock with fm_clock_set_offset (FULMAR_TEST_CLOCK_OFFSET=SECONDS in the environment of the program does the same). */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

/* Microseconds of CLOCK_BOOTTIME-like monotonic time that keeps counting during suspend. Any thread. */
gint64 fm_clock_mono_us (void);

/* A deadline TIMEOUT_MS from now, in the same clock. Negative timeout: G_MAXINT64, never. */
gint64 fm_clock_deadline_us (int timeout_ms);

/* What is left of a deadline in milliseconds for poll(2): rounded up, 0 when past, -1 for never. */
int fm_clock_remaining_ms (gint64 deadline_us);

/* Seconds since the epoch, UTC. Any thread. */
gint64 fm_clock_now_utc (void);
void fm_clock_set_offset (gint64 seconds);

G_END_DECLS

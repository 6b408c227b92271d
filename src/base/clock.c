/* Two clocks. Deadlines use CLOCK_BOOTTIME, so that a laptop that slept an hour finds its connections an hour older when it wakes; dates use
 * the wall clock, which tests shift by a whole number of seconds. The shift is read from the environment once, at the first question. */
#include <fulmar/base/clock.h>

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

static _Atomic gint64 wall_offset_s;
static pthread_once_t offset_once = PTHREAD_ONCE_INIT;

static void
read_offset (void)
{
  const char *text = g_getenv ("FULMAR_TEST_CLOCK_OFFSET");

  if (text != NULL)
    atomic_store (&wall_offset_s, g_ascii_strtoll (text, NULL, 10));
}

gint64
fm_clock_mono_us (void)
{
  struct timespec now;

  if (clock_gettime (CLOCK_BOOTTIME, &now) != 0)
    clock_gettime (CLOCK_MONOTONIC, &now);
  return (gint64) now.tv_sec * G_USEC_PER_SEC + now.tv_nsec / 1000;
}

gint64
fm_clock_deadline_us (int timeout_ms)
{
  if (timeout_ms < 0)
    return G_MAXINT64;
  return fm_clock_mono_us () + (gint64) timeout_ms * 1000;
}

int
fm_clock_remaining_ms (gint64 deadline_us)
{
  gint64 left_us;

  if (deadline_us == G_MAXINT64)
    return -1;
  left_us = deadline_us - fm_clock_mono_us ();
  if (left_us <= 0)
    return 0;
  return (int) MIN ((left_us - 1) / 1000 + 1, G_MAXINT);
}

gint64
fm_clock_now_utc (void)
{
  struct timespec now;

  pthread_once (&offset_once, read_offset);
  clock_gettime (CLOCK_REALTIME, &now);
  return (gint64) now.tv_sec + atomic_load (&wall_offset_s);
}

void
fm_clock_set_offset (gint64 seconds)
{
  pthread_once (&offset_once, read_offset);
  atomic_store (&wall_offset_s, seconds);
}

/* What every test program of this room includes: cmocka in the order it wants, and checks that free what they are given. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>
#include <glib.h>

/* Compares and frees an owned string. */
#define assert_takes_string(owned, expected)    \
  do                                            \
    {                                           \
      char *taken_ = (owned);                   \
      assert_string_equal (taken_, (expected)); \
      g_free (taken_);                          \
    }                                           \
  while (0)

/* Fails with the error's own words. */
#define assert_no_error(error)           \
  do                                     \
    if ((error) != NULL)                 \
      fail_msg ("%s", (error)->message); \
  while (0)

/* CPU time so far, for bounds on what is wrong in kind: how busy the machine is does not matter, and a sanitizer is allowed to make ten of one. */
static inline gint64
cpu_time_us (void)
{
  struct timespec now;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  const gint64 slowness = 10;
#else
  const gint64 slowness = 1;
#endif

  clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &now);
  return (now.tv_sec * G_USEC_PER_SEC + now.tv_nsec / 1000) / slowness;
}

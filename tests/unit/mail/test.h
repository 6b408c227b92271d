/* What every test program of this room includes: cmocka in the order it wants, and checks that free what they are given. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
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

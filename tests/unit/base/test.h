/* What every unit test of the base room includes: cmocka with the headers it wants before it, and checks of errors. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <glib.h>

#define assert_fm_error(error, wanted)                         \
  do                                                           \
    {                                                          \
      assert_non_null (error);                                 \
      assert_true (g_error_matches (error, FM_ERROR, wanted)); \
    }                                                          \
  while (0)

#define assert_text(actual, wanted)                     \
  do                                                    \
    {                                                   \
      g_autofree char *assert_text_actual = (actual);   \
      assert_string_equal (assert_text_actual, wanted); \
    }                                                   \
  while (0)

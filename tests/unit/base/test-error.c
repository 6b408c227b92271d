/* The error domain: every code has a name of its own, and errno's words come with what was being done. */
#include "test.h"

#include <fulmar/base/error.h>

#include <errno.h>
#include <string.h>

static void
test_names (void **state)
{
  int a, b;

  for (a = FM_ERROR_OFFLINE; a <= FM_ERROR_INVALID; a++)
    {
      assert_string_not_equal (fm_error_code_name ((FmErrorCode) a), "unknown");
      for (b = FM_ERROR_OFFLINE; b < a; b++)
        assert_string_not_equal (fm_error_code_name ((FmErrorCode) a), fm_error_code_name ((FmErrorCode) b));
    }
  assert_string_equal (fm_error_code_name (FM_ERROR_NOT_FOUND), "not-found");
  assert_string_equal (fm_error_code_name ((FmErrorCode) 99), "unknown");
  assert_string_equal (fm_error_code_name ((FmErrorCode) -1), "unknown");
}

static void
test_errno (void **state)
{
  g_autoptr (GError) error = NULL;

  fm_error_set_errno (&error, FM_ERROR_STORAGE, ENOSPC, "Writing %s", "a%s");
  assert_fm_error (error, FM_ERROR_STORAGE);
  assert_true (g_str_has_prefix (error->message, "Writing a%s: "));
  assert_non_null (strstr (error->message, g_strerror (ENOSPC)));
  fm_error_set_errno (NULL, FM_ERROR_STORAGE, ENOSPC, "ignored");
}

int
main (void)
{
  const struct CMUnitTest tests[] = { cmocka_unit_test (test_names), cmocka_unit_test (test_errno) };

  return cmocka_run_group_tests (tests, NULL, NULL);
}

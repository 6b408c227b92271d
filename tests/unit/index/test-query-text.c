/* Whatever the user typed reaches the index as text: no operator, field, quote or wildcard of its language gets through. */
#include "config.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "fulmar/base/error.h"
#include "fulmar/index/query-text.h"

static char *
build (const char *typed, GError **error)
{
  g_autoptr (FmQuery) query = fm_query_parse (typed, 0, NULL, NULL);
  assert_non_null (query);
  return fm_query_text_build (query, error);
}

static void
assert_built (const char *typed, const char *expected)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *text = build (typed, &error);
  if (text == NULL)
    fail_msg ("%s: %s", typed, error->message);
  assert_string_equal (text, expected);
}

static void
assert_refused (const char *typed)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *text = build (typed, &error);
  assert_null (text);
  assert_int_equal (error->code, FM_ERROR_INVALID);
}

static void
leaves_words_for_the_index_to_stem (void **state)
{
  assert_built ("engine", "engine");
  assert_built ("body:engine", "body:engine");
  assert_built ("\"analytical engine\"", "\"analytical engine\"");
  assert_built ("attachment:report.pdf", "Attachment:\"report.pdf\"");
  assert_built ("engin*", "engin*");
  assert_built ("", "*");
}

static void
quotes_what_would_be_syntax (void **state)
{
  assert_built ("\"and\"", "\"and\"");
  assert_built ("\"near\"", "\"near\"");
  assert_built ("near", "\"near\"");
  assert_built ("foo-bar", "\"foo-bar\"");
  assert_built ("\"from:ada OR tag:x\"", "\"from:ada OR tag:x\"");
}

static void
refuses_what_is_not_text (void **state)
{
  assert_refused ("tag:urgent");
  assert_refused ("from:ada");
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (leaves_words_for_the_index_to_stem),
    cmocka_unit_test (quotes_what_would_be_syntax),
    cmocka_unit_test (refuses_what_is_not_text),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}

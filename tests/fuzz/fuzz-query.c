/* Queries: what parses must print to text that parses to the same. */
#include <stdint.h>
#include <string.h>
#include "fulmar/mail/query.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autofree char *text = g_strndup ((const char *) data, size);
  gsize position = 0;
  g_autoptr (FmQuery) query = fm_query_parse (text, 1795165200, &position, NULL);
  const FmQueryFacts facts = { .subject = "x", .date_utc = 1 };

  g_assert_cmpuint (position, <=, strlen (text));
  if (query == NULL)
    return 0;
  fm_query_matches (query, &facts);
  g_autofree char *printed = fm_query_to_string (query);
  if (strlen (printed) > 8000)
    return 0;
  g_autoptr (FmQuery) again = fm_query_parse (printed, 1795165200, NULL, NULL);
  g_assert_nonnull (again);
  g_autofree char *twice = fm_query_to_string (again);
  g_assert_cmpstr (printed, ==, twice);
  return 0;
}

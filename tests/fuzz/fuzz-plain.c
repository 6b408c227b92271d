/* What is read without GMime is read as GMime reads it: dates behind a first byte 'd', addresses behind any other. */
#include <stdint.h>
#include <string.h>
#include "mail/address-private.h"
#include "mail/date.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* A dot at an end of a local part or beside another: what GMime makes of its address is no example. */
static gboolean
breaks_the_rule_for_dots (const char *text)
{
  for (const char *dot = strchr (text, '.'); dot != NULL; dot = strchr (dot + 1, '.'))
    if (dot == text || strchr (" \t,<.", dot[-1]) != NULL || dot[1] == '.' || dot[1] == '@')
      return TRUE;
  return FALSE;
}

static void
compare_addresses (const char *text, gsize size)
{
  g_autoptr (FmAddressList) plain = fm_address_plain_parse (text, size);
  if (plain == NULL || breaks_the_rule_for_dots (text))
    return;
  g_autoptr (FmAddressList) any = fm_address_list_parse_any (text, size);
  g_assert_cmpuint (plain->n, ==, any->n);
  for (guint i = 0; i < plain->n; i++)
    {
      g_assert_cmpstr (plain->items[i].name, ==, any->items[i].name);
      g_assert_cmpstr (plain->items[i].address, ==, any->items[i].address);
    }
}

static void
compare_dates (const char *text)
{
  gint64 plain_utc = 0, any_utc = 0;
  int plain_offset = 0, any_offset = 0;

  if (!fm_date_parse_plain (text, &plain_utc, &plain_offset))
    return;
  g_assert_true (fm_date_parse_any (text, &any_utc, &any_offset));
  g_assert_cmpint (plain_utc, ==, any_utc);
  g_assert_cmpint (plain_offset, ==, any_offset);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  if (size == 0)
    return 0;
  g_autofree char *text = g_strndup ((const char *) data + 1, size - 1);
  if (data[0] == 'd')
    compare_dates (text);
  else
    compare_addresses (text, strlen (text));
  return 0;
}

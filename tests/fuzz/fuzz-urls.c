/* URLs in any bytes: found ones lie inside the text and move forward; hosts and clean forms of whatever was found. */
#include <stddef.h>
#include <stdint.h>

#include "fulmar/mail/urls.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  const char *text = (const char *) data;
  gsize at = 0, start = 0, end = 0;
  while (fm_urls_find (text, size, at, &start, &end))
    {
      if (start < at || end <= start || end > size)
        __builtin_trap ();
      at = end;
    }
  g_autofree char *valid = g_utf8_make_valid (text, (gssize) size);
  g_autofree char *host = fm_urls_host (valid);
  g_autofree char *clean = fm_urls_clean (valid);
  g_autofree char *claimed = fm_urls_claimed_host (valid);
  if (!host || (clean && !*clean) || (claimed && !*claimed))
    __builtin_trap ();
  return 0;
}

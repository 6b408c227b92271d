/* Address fields: what is read must be writable and read back as often as it is. */
#include <stdint.h>
#include <string.h>
#include "fulmar/mail/address.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (FmAddressList) list = fm_address_list_parse ((const char *) data, (gssize) size);
  g_autofree char *shown = fm_address_list_display (list);
  g_autofree char *header = fm_address_list_header (list);
  g_assert_true (g_utf8_validate (shown, -1, NULL));
  g_assert_true (strpbrk (header, "\r\n") == NULL);
  g_autoptr (FmAddressList) again = fm_address_list_parse (header, -1);
  g_assert_cmpuint (fm_address_list_length (again), <=, 5000);
  return 0;
}

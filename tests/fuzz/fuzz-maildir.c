/* Names of files in a Maildir, by whatever program: the key is a part of the name that no change of flags touches, and foreign letters stay. */
#include "sync/maildir-name.h"
#include "sync/special-names.h"
#include <fulmar/mail/flags.h>
#include <stdint.h>
#include <string.h>

#define KNOWN (FM_FLAG_SEEN | FM_FLAG_ANSWERED | FM_FLAG_FLAGGED | FM_FLAG_DELETED | FM_FLAG_DRAFT)

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  if (size == 0)
    return 0;
  g_autofree char *name = g_strndup ((const char *) data + 1, size - 1);
  guint flags = data[0] & KNOWN;
  g_autofree char *key = fm_maildir_name_key (name);

  g_assert_true (g_str_has_prefix (name, key));
  g_assert_cmpuint (fm_maildir_name_key_length (name), ==, strlen (key));
  fm_maildir_name_size (name);
  fm_special_names_find (name, data[0]);
  if (!fm_maildir_name_is_message (name))
    return 0;
  g_assert_null (strchr (name, '/'));
  g_autofree char *flagged = fm_maildir_name_with_flags (name, flags);
  g_autofree char *again = fm_maildir_name_with_flags (flagged, flags);
  g_autofree char *same_key = fm_maildir_name_key (flagged);
  g_assert_cmpstr (key, ==, same_key);
  g_assert_cmpstr (flagged, ==, again);
  g_assert_cmpuint (fm_maildir_name_flags (flagged) & KNOWN, ==, flags);
  return 0;
}

/* What other programs hand to `fulmar send`. */
#include <fulmar/mail/outgoing.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (GBytes) bytes = g_bytes_new (data, size);
  g_autoptr (FmOutgoingMessage) message = fm_outgoing_prepare (bytes, TRUE, NULL, "Ada", "ada@example.org", NULL);
  if (message == NULL)
    return 0;
  gsize out_size;
  const char *out = g_bytes_get_data (fm_outgoing_bytes (message), &out_size);
  for (gsize i = 0; i < out_size; i++)
    g_assert_true (out[i] != '\n' || (i > 0 && out[i - 1] == '\r'));
  /* Its own result is taken as it is. */
  g_autoptr (FmOutgoingMessage) again = fm_outgoing_prepare (fm_outgoing_bytes (message), FALSE, NULL, "Ada", "ada@example.org", NULL);
  g_assert_true (again == NULL || g_bytes_equal (fm_outgoing_bytes (again), fm_outgoing_bytes (message)));
  return 0;
}

/* Whole messages: everything the pager, the index and a reply do with one. */
#include <stdint.h>
#include <string.h>
#include "fulmar/mail/projection.h"
#include "fulmar/mail/reply.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (GBytes) bytes = g_bytes_new (data, size);
  g_autoptr (FmMessage) message = fm_message_open_bytes (bytes, NULL);
  gsize n = 0;

  for (guint i = 0; i < fm_message_n_parts (message); i++)
    {
      g_autofree char *text = fm_message_part_text (message, i, 100000, NULL, NULL);
      g_autoptr (GBytes) content = fm_message_part_bytes (message, i, 100000, NULL);
      g_assert_true (content == NULL || g_bytes_get_size (content) <= 100000);
      g_assert_true (text == NULL || g_utf8_validate (text, -1, NULL));
    }
  fm_message_headers (message, FM_MESSAGE_NO_PART, FM_MESSAGE_HEADERS_ALL, &n);
  g_autoptr (GBytes) projection = fm_projection_build (message, 1);
  g_autoptr (FmDraft) answer = fm_reply_new (message, FM_REPLY_ALL, NULL);
  g_autoptr (FmDraft) forward = fm_reply_forward (message, NULL);
  g_assert_true (projection != NULL && answer != NULL && forward != NULL);
  return 0;
}

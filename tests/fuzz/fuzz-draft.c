/* What an editor leaves, and the bytes composed of it: no line too long, no field too many. */
#include <stdint.h>
#include <string.h>
#include "fulmar/mail/compose.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  const FmComposeOptions options = { .allow_no_recipients = TRUE, .date_utc = 1, .message_id = "m@x" };
  g_autoptr (FmDraft) draft = fm_draft_new ();

  if (!fm_draft_update_from_text (draft, (const char *) data, (gssize) size, TRUE, NULL) || fm_draft_attachments (draft)[0] != NULL)
    return 0;
  g_autoptr (FmComposed) composed = fm_compose_build (draft, &options, NULL);
  if (composed == NULL)
    return 0;
  gsize length = 0, line = 0;
  const char *bytes = g_bytes_get_data (fm_compose_bytes (composed), &length);
  for (gsize i = 0; i < length; i++)
    {
      line = bytes[i] == 10 ? 0 : line + 1;
      g_assert_cmpuint (line, <=, 999);
      g_assert_true (bytes[i] != 10 || (i > 0 && bytes[i - 1] == 13));
      g_assert_true (line != 1 || g_ascii_strncasecmp (bytes + i, "bcc:", MIN (4, length - i)) != 0
                     || g_strstr_len (bytes, i, "\r\n\r\n") != NULL);
    }
  return 0;
}

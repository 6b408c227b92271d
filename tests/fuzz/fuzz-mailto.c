/* mailto: links. */
#include <stdint.h>
#include <string.h>
#include "fulmar/mail/mailto.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autofree char *url = g_strdup_printf ("mailto:%.*s", (int) MIN (size, 70000), (const char *) data);
  g_autoptr (FmDraft) draft = fm_mailto_parse (url, NULL);

  if (draft != NULL)
    {
      g_assert_true (strpbrk (fm_draft_subject (draft), "\r\n") == NULL);
      g_assert_null (fm_draft_attachments (draft)[0]);
      g_assert_null (fm_draft_list (draft, FM_DRAFT_FROM));
    }
  return 0;
}

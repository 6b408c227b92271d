/* Header bytes, with the threading that follows from them. */
#include <stdint.h>
#include <string.h>
#include "fulmar/mail/threads.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (FmEnvelope) envelope = fm_envelope_parse (data, size);
  g_autoptr (GPtrArray) ancestors = fm_threads_ancestors (envelope);
  g_assert_true (g_utf8_validate (fm_envelope_subject (envelope), -1, NULL));
  g_assert_true (strpbrk (fm_envelope_subject (envelope), "\r\n\033") == NULL);
  g_assert_true (fm_threads_subject_base (fm_envelope_subject (envelope)) != NULL);
  g_assert_nonnull (ancestors);
  return 0;
}

/* The configuration file: every line is used or complained of, and complaints point into the file. */
#include <fulmar/app/config.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  if (size > 1 << 16)
    return 0;
  guint lines = 1;
  for (size_t i = 0; i < size; i++)
    lines += data[i] == '\n';
  g_autoptr (FmConfig) config = fm_config_parse ((const char *) data, (gssize) size, "fuzz");
  GPtrArray *problems = fm_config_problems (config);
  for (guint i = 0; i < problems->len; i++)
    {
      const FmConfigProblem *problem = g_ptr_array_index (problems, i);
      g_assert_cmpuint (problem->line, <=, lines + 1);
      g_assert_true (g_utf8_validate (problem->message, -1, NULL));
    }
  return 0;
}

/* Theme files: always a theme, whose looks hold what the terminal can show, and complaints that can be shown. */
#include "ui/theme.h"
#include <stdint.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  for (FmDepth depth = FM_DEPTH_MONO; depth <= FM_DEPTH_DIRECT; depth++)
    {
      g_autoptr (GPtrArray) problems = g_ptr_array_new_with_free_func (g_free);
      g_autoptr (FmTheme) theme = fm_theme_parse ((const char *) data, (gssize) size, "fuzz", depth, problems);
      g_assert_nonnull (theme);
      for (guint role = 0; role < FM_ROLE_COUNT; role++)
        fm_theme_over (theme, (FmRole) role, fm_theme_look (theme, FM_ROLE_NORMAL));
      for (guint i = 0; i < problems->len; i++)
        g_assert_true (g_utf8_validate (problems->pdata[i], -1, NULL));
    }
  return 0;
}

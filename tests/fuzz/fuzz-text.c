/* Sanitising, measuring, cutting and folding of any bytes: never a control byte or a width that is wrong, and doing it twice changes nothing. */
#include <fulmar/base/paths.h>
#include <fulmar/base/text.h>

#include <string.h>

int LLVMFuzzerTestOneInput (const guint8 *bytes, size_t size_bytes);

static void
check (gboolean holds, const char *what)
{
  if (!holds)
    {
      g_printerr ("broken: %s\n", what);
      __builtin_trap ();
    }
}

static void
check_clean (const char *text, gboolean block)
{
  check (g_utf8_validate (text, -1, NULL), "valid UTF-8");
  for (; *text != '\0'; text = g_utf8_next_char (text))
    check (!g_unichar_iscntrl (g_utf8_get_char (text)) || (block && (*text == '\n' || *text == '\t')), "no control characters");
}

static void
check_cut (const char *line, int width_cols)
{
  g_autofree char *cut = fm_text_ellipsize (line, width_cols, width_cols & 1);
  int width = -1;
  gsize fitting = fm_text_fit (line, -1, width_cols, &width);

  check (fm_text_width (cut, -1) <= width_cols, "ellipsized within the width");
  check (fitting <= strlen (line) && width <= width_cols && width == fm_text_width (line, (gssize) fitting), "fit tells its width");
}

int
LLVMFuzzerTestOneInput (const guint8 *bytes, size_t size_bytes)
{
  g_autofree char *line = fm_text_sanitise_line ((const char *) bytes, (gssize) size_bytes);
  g_autofree char *again = fm_text_sanitise_line (line, -1);
  g_autofree char *block = fm_text_sanitise_block ((const char *) bytes, (gssize) size_bytes);
  g_autofree char *text = g_strndup ((const char *) bytes, size_bytes);
  g_autofree char *folded = fm_text_fold (text);
  g_autofree char *name = fm_paths_safe_name (text, 64);

  check_clean (line, FALSE);
  check_clean (block, TRUE);
  check (strcmp (line, again) == 0, "sanitising twice");
  check_cut (line, size_bytes > 0 ? bytes[0] % 100 : 0);
  check (g_utf8_validate (folded, -1, NULL), "folded text is UTF-8");
  check (*name != '\0' && *name != '.' && strlen (name) <= 64 && strchr (name, '/') == NULL, "a safe name");
  return 0;
}

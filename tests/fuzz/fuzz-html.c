/* HTML to laid-out lines, parser and stripper, at a narrow width, folded and searched. */
#include "fulmar/mail/html.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "fulmar/base/text.h"
#include "fulmar/mail/layout.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (FmDoc) doc = fm_html_to_doc ((const char *) data, size, NULL);
  g_autofree char *stripped = fm_html_strip ((const char *) data, size);
  if (!stripped)
    __builtin_trap ();
  FmLayoutOptions options_of_page = { .width_cols = 20, .fold_quotes = size % 2 };
  g_autoptr (FmLayout) layout = fm_layout_new (doc, &options_of_page);
  FmLayoutLine line;
  guint found = 0;
  fm_layout_set_needle (layout, "a b");
  for (guint i = 0; fm_layout_line (layout, i, &line); i++)
    if (fm_text_width (line.text, (gssize) line.size_bytes) > 20)
      __builtin_trap ();
  fm_layout_find (layout, -1, FALSE, &found);
  fm_layout_toggle_fold (layout, found);
  fm_layout_next_unquoted (layout, 0, &found);
  fm_layout_find (layout, (gint64) fm_layout_ensure (layout, G_MAXUINT), TRUE, &found);
  return 0;
}

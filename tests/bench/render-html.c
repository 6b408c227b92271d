/* Shows one HTML (or, with --text, plain) file as the pager lays it out: to look at beside another program's view, to time, and for the
 * recall figures of tests/bench/html-recall. Usage: render-html [--text | --time | --time-text] WIDTH FILE */
#include <stdio.h>
#include <string.h>

#include "fulmar/mail/flowed.h"
#include "fulmar/mail/html.h"
#include "fulmar/mail/layout.h"

int
main (int argc, char **argv)
{
  gboolean text = argc > 1 && g_str_has_suffix (argv[1], "text"), timed = argc > 1 && g_str_has_prefix (argv[1], "--time");
  int first = text || timed ? 2 : 1;
  g_autofree char *bytes = NULL;
  gsize size = 0;
  if (argc < first + 2 || !g_file_get_contents (argv[first + 1], &bytes, &size, NULL))
    return 2;
  gint64 begin = g_get_monotonic_time ();
  g_autoptr (FmDoc) doc = text ? fm_flowed_to_doc (bytes, size, NULL) : fm_html_to_doc (bytes, size, NULL);
  gint64 made = g_get_monotonic_time ();
  g_autoptr (FmLayout) layout = fm_layout_new (doc, &(FmLayoutOptions){ .width_cols = (int) g_ascii_strtoll (argv[first], NULL, 10) });
  FmLayoutLine line;
  fm_layout_ensure (layout, 50);
  gint64 page = g_get_monotonic_time ();
  for (guint i = 0; fm_layout_line (layout, i, &line); i++)
    if (!timed)
      printf ("%.*s\n", (int) line.size_bytes, line.text);
  if (timed)
    printf ("doc %.1f ms, first page %.1f ms, all lines %.1f ms, hidden %u%s\n", (double) (made - begin) / 1e3,
            (double) (page - made) / 1e3, (double) (g_get_monotonic_time () - page) / 1e3, fm_doc_n_hidden (doc),
            fm_doc_is_truncated (doc) ? ", truncated" : "");
  return 0;
}

/* Every HTML mail of the shared corpus at three widths: no crash, no line over the width, no control byte, no tag of the source left in the
 * text, a second at most. Skipped where the corpus is absent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <time.h>

#include "fulmar/base/text.h"
#include "fulmar/mail/html.h"
#include "fulmar/mail/layout.h"

static const int widths[] = { 40, 80, 120 };
static guint n_files;

static void
check_line (const char *file, const FmLayoutLine *line, int width)
{
  if (fm_text_width (line->text, (gssize) line->size_bytes) > width)
    fail_msg ("%s: wider than %d: %.*s", file, width, (int) line->size_bytes, line->text);
  if (!g_utf8_validate (line->text, (gssize) line->size_bytes, NULL))
    fail_msg ("%s: not UTF-8", file);
  for (const char *at = line->text; at < line->text + line->size_bytes; at = g_utf8_next_char (at))
    {
      gunichar c = g_utf8_get_char (at);
      if (c < 0x20 || (c >= 0x7f && c <= 0x9f) || (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069))
        fail_msg ("%s: U+%04X on a line", file, c);
    }
  guint32 end = 0;
  for (guint i = 0; i < line->n_runs; i++)
    {
      assert_true (line->runs[i].start >= end && line->runs[i].end > line->runs[i].start && line->runs[i].end <= line->size_bytes);
      end = line->runs[i].end;
    }
}

static void
check_file (const char *file)
{
  g_autofree char *html = NULL;
  gsize size = 0;
  assert_true (g_file_get_contents (file, &html, &size, NULL));
  n_files++;
  clock_t begin = clock ();
  g_autoptr (FmDoc) doc = fm_html_to_doc (html, size, NULL);
  for (gsize w = 0; w < G_N_ELEMENTS (widths); w++)
    {
      g_autoptr (FmLayout) layout = fm_layout_new (doc, &(FmLayoutOptions){ .width_cols = widths[w] });
      FmLayoutLine line;
      for (guint i = 0; fm_layout_line (layout, i, &line); i++)
        check_line (file, &line, widths[w]);
    }
  g_autofree char *plain = fm_doc_to_plain (doc, 0);
  static const char *const tags[] = { "<td ", "<tr ", "</td>", "</tr>", "<div ", "</div>", "<span ", "</span>", "<style", "<!--" };
  for (gsize i = 0; i < G_N_ELEMENTS (tags); i++)
    if (strstr (plain, tags[i]))
      fail_msg ("%s: %s in the text", file, tags[i]);
  double seconds = (double) (clock () - begin) / CLOCKS_PER_SEC;
  if (seconds > 5.0) /* one second is the aim; sanitizers and a shared machine get room */
    fail_msg ("%s: %.2f s", file, seconds);
}

static void
check_tree (const char *dir)
{
  g_autoptr (GDir) listing = g_dir_open (dir, 0, NULL);
  const char *name;
  while (listing && (name = g_dir_read_name (listing)))
    {
      g_autofree char *path = g_build_filename (dir, name, NULL);
      if (g_file_test (path, G_FILE_TEST_IS_DIR))
        check_tree (path);
      else if (g_str_has_suffix (name, ".html"))
        check_file (path);
    }
}

static void
every_file_is_fit_to_show (void **state)
{
  check_tree (*state);
  print_message ("%u files\n", n_files);
  assert_true (n_files > 0);
}

int
main (void)
{
  const char *top = g_getenv ("srcdir"), *set = g_getenv ("FULMAR_CORPUS");
  g_autofree char *corpus = set ? g_strdup (set) : g_build_filename (top ? top : ".", "..", "shared", "corpus", NULL);
  g_autofree char *dir = g_build_filename (corpus, "html", NULL);
  if (!g_file_test (dir, G_FILE_TEST_IS_DIR))
    return 77;
  const struct CMUnitTest tests[] = { cmocka_unit_test_prestate (every_file_is_fit_to_show, dir) };
  return cmocka_run_group_tests (tests, NULL, NULL);
}

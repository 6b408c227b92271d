/* The canvas: whatever text is drawn wherever, wide characters stay whole, cells stay within their bounds and nothing that moves a cursor gets in. */
#include "ui/canvas.h"
#include <fulmar/base/text.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
check_cell (const FmCanvas *canvas, int x, int y)
{
  const FmCell *cell = fm_canvas_cell (canvas, x, y);
  g_assert_cmpuint (strlen (cell->text), <, FM_CANVAS_CLUSTER_MAX);
  g_assert_true (g_utf8_validate (cell->text, -1, NULL));
  if (cell->width == 0)
    {
      g_assert_cmpint (x, >, 0);
      g_assert_cmpuint (fm_canvas_cell (canvas, x - 1, y)->width, ==, 2);
      return;
    }
  gunichar base = g_utf8_get_char (cell->text);
  g_assert_true (base >= 0x20 && !(base >= 0x7f && base < 0xa0));
  g_assert_cmpint (fm_text_char_width (base), ==, cell->width);
  if (cell->width == 2)
    g_assert_cmpuint (x + 1 < fm_canvas_width (canvas) ? fm_canvas_cell (canvas, x + 1, y)->width : 9, ==, 0);
  if (fm_canvas_is_ascii (canvas))
    g_assert_cmpuint (base, <, 0x80);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  if (size < 8)
    return 0;
  for (int ascii = 0; ascii < 2; ascii++)
    {
      g_autoptr (FmCanvas) canvas = fm_canvas_new (data[0] % 40 + 1, 3, ascii);
      FmRect clip = { (int8_t) data[1], (int8_t) data[2] % 4, data[3] % 64, data[4] % 6 };
      const char *text = (const char *) data + 8;
      g_autofree char *copy = g_strndup (text, size - 8);
      int width = fm_canvas_text (canvas, clip, (int8_t) data[5], 1, (FmLook){ 0 }, text, (gssize) (size - 8));
      g_assert_true (width <= fm_canvas_text_width (canvas, text, (gssize) (size - 8)));
      fm_canvas_text (canvas, fm_canvas_rect (canvas), (int8_t) data[6], 1, (FmLook){ 0 }, copy, -1);
      fm_canvas_field (canvas, fm_canvas_rect (canvas), data[6] % 8, 0, data[7] % 48, (FmLook){ 0 }, copy);
      fm_canvas_field_right (canvas, fm_canvas_rect (canvas), data[6] % 8, 2, data[7] % 48, (FmLook){ 0 }, copy);
      for (int y = 0; y < 3; y++)
        for (int x = 0; x < fm_canvas_width (canvas); x++)
          check_cell (canvas, x, y);
    }
  return 0;
}

/* Columns: pointer, tag, @ for an attachment, number, type (by two columns deeper for each level), size, name. Narrow panes lose the number, then
 * the type's tail. */
#include "ui/view-parts.h"
#include <fulmar/base/text.h>
#include <string.h>

#define SIZE_COLS 7
#define NUMBER_COLS 8
#define DEPTH_MAX 8

static char *
format_size (const FmReadingPart *part)
{
  static const char units[] = "kMG";
  double value = (double) part->size_bytes / 1024;
  guint unit = 0;
  if (!part->is_leaf || part->size_bytes <= 0)
    return g_strdup ("");
  if (part->size_bytes < 1000)
    return g_strdup_printf ("%" G_GINT64_FORMAT, part->size_bytes);
  for (; value >= 999.5 && units[unit + 1]; unit++)
    value /= 1024;
  return g_strdup_printf (value < 9.95 ? "%.1f%c" : "%.0f%c", value, units[unit]);
}

/* What has no name of its own is called by what it is to a reader. */
static const char *
plain_name (const FmReadingPart *part)
{
  static const struct {
    const char *type, *name;
  } names[] = { { "text/plain", "text" },
                { "text/html", "HTML text" },
                { "multipart/alternative", "the same in several forms" },
                { "multipart/signed", "signed" },
                { "multipart/encrypted", "encrypted" },
                { "message/rfc822", "a message without a subject" },
                { "message/delivery-status", "delivery report" },
                { "application/pgp-signature", "signature" },
                { "application/pkcs7-signature", "signature" } };
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if (strcmp (names[i].type, part->type) == 0)
      return names[i].name;
  return "";
}

static void
draw_line (const FmViewFrame *frame, int y, const FmPartLine *line, gboolean selected)
{
  FmCanvas *canvas = frame->canvas;
  const FmReadingPart *part = line->part;
  FmRect row = { frame->rect.x, frame->rect.y + y, frame->rect.width, 1 };
  FmRole role = line->tagged ? FM_ROLE_LIST_TAGGED : part->is_leaf ? FM_ROLE_LIST : FM_ROLE_DIM;
  FmLook look = fm_view_row_look (frame, role, selected);
  g_autofree char *size = format_size (part);
  char marks[3] = { line->tagged ? '*' : ' ', part->is_attachment ? '@' : ' ', '\0' };
  int x = row.x + 4, indent = (int) MIN (part->depth, DEPTH_MAX) * 2, type_width = MAX (row.width / 3, 12);
  fm_canvas_fill (canvas, row, look);
  if (selected)
    fm_canvas_text (canvas, row, row.x, row.y, look, fm_canvas_glyph (canvas, frame->focused ? FM_GLYPH_POINTER : FM_GLYPH_MIDDOT), -1);
  fm_canvas_text (canvas, row, row.x + 1, row.y, look, marks, -1);
  if (row.width >= 56)
    {
      fm_canvas_field (canvas, row, x, row.y, NUMBER_COLS - 1, look, part->path);
      x += NUMBER_COLS;
    }
  fm_canvas_field (canvas, row, x + indent, row.y, type_width - indent, look, part->type);
  x += type_width + 1;
  fm_canvas_field_right (canvas, row, x, row.y, SIZE_COLS - 1, look, size);
  x += SIZE_COLS + 1;
  fm_canvas_field (canvas, row, x, row.y, row.x + row.width - x, look, part->label ? part->label : plain_name (part));
}

void
fm_view_parts_draw (FmViewParts *view, const FmParts *parts, const FmViewFrame *frame, const char *notice)
{
  FmViewFrame body = *frame;
  guint count = fm_parts_count (parts), cursor = fm_parts_cursor (parts);
  FmPartLine line;
  fm_canvas_fill (frame->canvas, frame->rect, fm_theme_look (frame->theme, FM_ROLE_LIST));
  if (count == 0 && !notice)
    notice = "the message is being opened";
  if (notice && body.rect.height > 0)
    {
      fm_canvas_field (frame->canvas, body.rect, body.rect.x + 1, body.rect.y, body.rect.width - 1,
                       fm_theme_look (frame->theme, FM_ROLE_NOTICE), notice);
      body.rect.y++;
      body.rect.height--;
    }
  view->rows = body.rect.height;
  view->top = fm_view_scroll (view->top, cursor, count, view->rows);
  for (int y = 0; y < view->rows && fm_parts_line (parts, (guint) view->top + (guint) y, &line); y++)
    draw_line (&body, y, &line, (guint) view->top + (guint) y == cursor);
  if (frame->focused)
    fm_canvas_set_cursor (frame->canvas, body.rect.x, body.rect.y + (int) (cursor - (guint) view->top), TRUE);
}

char *
fm_view_parts_place (const FmParts *parts)
{
  guint count = fm_parts_count (parts), tagged = fm_parts_tagged_count (parts);
  if (count == 0)
    return NULL;
  if (tagged > 0)
    return g_strdup_printf ("%u tagged  part %u of %u", tagged, fm_parts_cursor (parts) + 1, count);
  return g_strdup_printf ("part %u of %u", fm_parts_cursor (parts) + 1, count);
}

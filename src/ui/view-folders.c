/* One line a folder: mark, name, and the unread count to the right. A closed branch shows its mark, so nothing hides without a sign. */
#include "ui/view-folders.h"

static FmRole
line_role (const FmFolderLine *line)
{
  if (line->kind == FM_FOLDER_LINE_ACCOUNT || line->kind == FM_FOLDER_LINE_HEADING)
    return FM_ROLE_FOLDER_ACCOUNT;
  if (line->is_current)
    return FM_ROLE_FOLDER_CURRENT;
  return line->unread > 0 ? FM_ROLE_FOLDER_UNREAD : FM_ROLE_FOLDER;
}

static const char *
mark (const FmCanvas *canvas, const FmFolderLine *line)
{
  if (line->has_children)
    return fm_canvas_glyph (canvas, line->open ? FM_GLYPH_OPEN : FM_GLYPH_CLOSED);
  return line->is_current ? fm_canvas_glyph (canvas, FM_GLYPH_DOT) : " ";
}

/* The state, and before it what lies on the server; where there is no room for both, the state only if something is wrong. Transfer: full. */
static char *
account_text (const FmCanvas *canvas, const FmFolderLine *line, int width)
{
  g_autofree char *both = line->server && line->state ? g_strdup_printf ("%s %s", line->server, line->state) : NULL;
  if (both && fm_canvas_text_width (canvas, both, -1) <= width / 2)
    return g_steal_pointer (&both);
  if (both && g_str_has_suffix (both, " online"))
    return g_strdup (line->server);
  return g_strdup (line->state ? line->state : "");
}

void
fm_view_folders_draw_line (const FmFolderLine *line, const FmViewFrame *frame, int y, gboolean selected)
{
  FmCanvas *canvas = frame->canvas;
  FmRect row = { frame->rect.x, frame->rect.y + y, frame->rect.width, 1 };
  FmLook look = fm_view_row_look (frame, line_role (line), selected);
  g_autofree char *count = line->unread > 0                       ? g_strdup_printf ("%" G_GUINT64_FORMAT, line->unread)
                           : line->kind != FM_FOLDER_LINE_ACCOUNT ? g_strdup ("")
                                                                  : account_text (canvas, line, row.width);
  gboolean top_level = line->kind == FM_FOLDER_LINE_ACCOUNT || line->kind == FM_FOLDER_LINE_HEADING;
  int x = row.x + 1 + (int) MIN (line->depth, 8) * 2, name = x + (top_level ? 0 : 2);
  int count_width = MIN (fm_canvas_text_width (canvas, count, -1), row.width / 2);
  fm_canvas_fill (canvas, row, look);
  if (selected)
    fm_canvas_text (canvas, row, row.x, row.y, look, fm_canvas_glyph (canvas, frame->focused ? FM_GLYPH_POINTER : FM_GLYPH_MIDDOT), -1);
  if (!top_level)
    fm_canvas_text (canvas, row, x, row.y, look, mark (canvas, line), -1);
  fm_canvas_field (canvas, row, name, row.y, row.x + row.width - 2 - count_width - name, look, line->label);
  fm_canvas_field_right (canvas, row, row.x + row.width - 1 - count_width, row.y, count_width, look, count);
}

void
fm_view_folders_draw (FmViewFolders *view, const FmFolders *folders, const FmViewFrame *frame)
{
  guint count = fm_folders_count (folders), cursor = fm_folders_cursor (folders);
  FmFolderLine line;
  view->rows = frame->rect.height;
  view->top = fm_view_scroll (view->top, cursor, count, view->rows);
  fm_canvas_fill (frame->canvas, frame->rect, fm_theme_look (frame->theme, FM_ROLE_FOLDER));
  for (int y = 0; y < view->rows && fm_folders_line (folders, (guint) view->top + (guint) y, &line); y++)
    fm_view_folders_draw_line (&line, frame, y, (guint) view->top + (guint) y == cursor);
  if (frame->focused)
    fm_canvas_set_cursor (frame->canvas, frame->rect.x, frame->rect.y + (int) (cursor - (guint) view->top), TRUE);
}

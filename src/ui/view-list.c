/* Columns: pointer, state (N r f D), star, tag, date, from, subject with the thread's tree, Gmail's other labels, attachment, size. States are letters
 * first and colours second. Narrow panes lose labels and size, then tree depth, then the sender's width. */
#include "ui/view-list.h"
#include <fulmar/mail/flags.h>
#include "ui/smart-date.h"

#define TREE_DEPTH_MAX 10
#define LABELS_FROM 30 /* columns of a subject that labels may take a third of */

/* value struct */
typedef struct {
  int from, from_width, subject, subject_width, size; /* columns; size 0: not shown */
} Columns;

static Columns
find_columns (int width)
{
  Columns columns = { 0 };
  int date = 5 + FM_SMART_DATE_COLS;
  columns.from = date + 1;
  columns.from_width = CLAMP (width / 6, 8, 22);
  columns.subject = columns.from + columns.from_width + 2;
  columns.size = width >= 56 ? width - 5 : 0;
  columns.subject_width = (columns.size ? columns.size - 3 : width - 2) - columns.subject;
  return columns;
}

static FmRole
line_role (const FmListLine *line)
{
  if (line->gone)
    return FM_ROLE_LIST_GONE;
  if (line->tagged)
    return FM_ROLE_LIST_TAGGED;
  if (!(line->flags & FM_FLAG_SEEN))
    return FM_ROLE_LIST_UNREAD;
  return line->flags & FM_FLAG_FLAGGED ? FM_ROLE_LIST_FLAGGED : FM_ROLE_LIST;
}

static char
state_letter (const FmListLine *line)
{
  if (line->gone || line->flags & FM_FLAG_DELETED)
    return 'x';
  if (!(line->flags & FM_FLAG_SEEN))
    return 'N';
  if (line->flags & FM_FLAG_DRAFT)
    return 'D';
  if (line->flags & FM_FLAG_ANSWERED)
    return 'r';
  return line->flags & FM_FLAG_FORWARDED ? 'f' : ' ';
}

/* Nothing while it is not known. */
static char *
format_size (guint64 bytes)
{
  static const char units[] = "kMGT";
  double value = (double) bytes / 1024;
  guint unit = 0;
  if (bytes == 0)
    return g_strdup ("");
  while (value >= 999.5 && units[unit + 1])
    {
      value /= 1024;
      unit++;
    }
  return value < 9.95 && unit > 0 ? g_strdup_printf ("%.1f%c", value, units[unit])
                                  : g_strdup_printf ("%.0f%c", MAX (value, 1), units[unit]);
}

/* The branches left of a subject: one pair of columns a level, the nearest levels only where there is little room. Transfer: full. */
static char *
tree_text (const FmCanvas *canvas, const FmRow *row, int subject_width)
{
  GString *tree = g_string_new (NULL);
  guint levels = (guint) CLAMP (subject_width / 6, 1, TREE_DEPTH_MAX), depth = row->depth, first = depth > levels ? depth - levels : 1;
  if (depth == 0)
    return g_string_free (tree, FALSE);
  if (first > 1)
    g_string_append (tree, "> ");
  for (guint level = first; level < depth; level++)
    {
      gboolean runs_on = level < 64 && row->open_levels & G_GUINT64_CONSTANT (1) << level;
      g_string_append (tree, runs_on ? fm_canvas_glyph (canvas, FM_GLYPH_TRUNK) : " ");
      g_string_append_c (tree, ' ');
    }
  g_string_append (tree, fm_canvas_glyph (canvas, row->is_last_child ? FM_GLYPH_CORNER : FM_GLYPH_BRANCH));
  g_string_append_printf (tree, "%s ", fm_canvas_glyph (canvas, FM_GLYPH_ARROW));
  return g_string_free (tree, FALSE);
}

static void
draw_subject (const FmViewFrame *frame, FmRect clip, int y, const FmListLine *line, FmLook look, gboolean threaded)
{
  const FmRow *row = line->row;
  int x = clip.x, edge = clip.x + clip.width;
  if (threaded)
    {
      g_autofree char *tree = tree_text (frame->canvas, row, clip.width);
      FmLook tree_look
          = look.bg == fm_theme_look (frame->theme, FM_ROLE_LIST).bg ? fm_theme_over (frame->theme, FM_ROLE_LIST_TREE, look) : look;
      x += fm_canvas_text (frame->canvas, clip, x, y, tree_look, tree, -1);
    }
  if (threaded && row->folded && row->thread_count > 1)
    {
      g_autofree char *count = g_strdup_printf ("%s(%u) ", fm_canvas_glyph (frame->canvas, FM_GLYPH_CLOSED), row->thread_count);
      x += fm_canvas_text (frame->canvas, clip, x, y, look, count, -1);
    }
  if (row->is_stub)
    x += fm_canvas_text (frame->canvas, clip, x, y, look, "[header] ", -1);
  fm_canvas_field (frame->canvas, clip, x, y, edge - x, look, *row->subject ? row->subject : "(no subject)");
}

/* The end of the subject's columns that labels get, a blank before them among it; 0: there are none, or no room. */
static int
label_cols (const FmCanvas *canvas, const FmRow *row, int subject_width)
{
  if (row->labels == NULL || *row->labels == '\0' || subject_width < LABELS_FROM)
    return 0;
  return MIN (fm_canvas_text_width (canvas, row->labels, -1), subject_width / 3) + 1;
}

void
fm_view_list_draw_line (const FmViewList *view, const FmListLine *line, const FmViewFrame *frame, int y, gboolean selected,
                        gboolean threaded)
{
  FmCanvas *canvas = frame->canvas;
  FmRect row = { frame->rect.x, frame->rect.y + y, frame->rect.width, 1 };
  FmLook look = fm_view_row_look (frame, line_role (line), selected);
  Columns columns = find_columns (row.width);
  fm_canvas_fill (canvas, row, look);
  if (selected)
    fm_canvas_text (canvas, row, row.x, row.y, look, fm_canvas_glyph (canvas, frame->focused ? FM_GLYPH_POINTER : FM_GLYPH_MIDDOT), -1);
  if (line->is_dummy || !line->row)
    {
      fm_canvas_text (canvas, row, row.x + 5, row.y, look, fm_canvas_glyph (canvas, FM_GLYPH_ELLIPSIS), -1);
      return;
    }
  const FmRow *data = line->row;
  char marks[4] = { state_letter (line), line->flags & FM_FLAG_FLAGGED ? 'F' : ' ', line->tagged ? '*' : ' ', '\0' };
  gboolean calm = !selected && !line->gone && !line->tagged;
  int labels = label_cols (canvas, data, columns.subject_width);
  g_autofree char *date = fm_smart_date_format (data->date_utc, view->now_utc, view->date_format);
  fm_canvas_text (canvas, row, row.x + 1, row.y, look, marks, -1);
  fm_canvas_field (canvas, row, row.x + 5, row.y, FM_SMART_DATE_COLS, calm ? fm_theme_over (frame->theme, FM_ROLE_LIST_DATE, look) : look,
                   date);
  fm_canvas_field (canvas, row, row.x + columns.from, row.y, columns.from_width, look, data->from);
  draw_subject (frame, (FmRect){ row.x + columns.subject, row.y, columns.subject_width - labels, 1 }, row.y, line, look, threaded);
  if (labels > 0)
    fm_canvas_field (canvas, row, row.x + columns.subject + columns.subject_width - labels + 1, row.y, labels - 1,
                     calm ? fm_theme_over (frame->theme, FM_ROLE_LIST_TREE, look) : look, data->labels);
  if (data->attachments > 0 || line->flags & FM_FLAG_ATTACHMENT)
    fm_canvas_text (canvas, row, row.x + (columns.size ? columns.size - 2 : row.width - 1), row.y, look, "@", -1);
  if (columns.size == 0)
    return;
  g_autofree char *size = line->pending ? g_strdup ("...") : format_size (data->size_bytes);
  fm_canvas_field_right (canvas, row, row.x + columns.size, row.y, 4, calm ? fm_theme_over (frame->theme, FM_ROLE_LIST_SIZE, look) : look,
                         size);
}

static void
draw_empty (const FmViewList *view, FmList *list, const FmViewFrame *frame)
{
  const char *words = view->empty             ? view->empty
                      : fm_list_busy (list)   ? "searching..."
                      : fm_list_limit (list)  ? "nothing matches the limit"
                      : fm_list_folder (list) ? "no messages"
                                              : "nothing found";
  fm_canvas_field (frame->canvas, frame->rect, frame->rect.x + 2, frame->rect.y, frame->rect.width - 2,
                   fm_theme_look (frame->theme, FM_ROLE_DIM), words);
  if (frame->focused)
    fm_canvas_set_cursor (frame->canvas, frame->rect.x, frame->rect.y, TRUE);
}

void
fm_view_list_draw (FmViewList *view, FmList *list, const FmViewFrame *frame)
{
  guint64 total = fm_list_total (list), cursor = fm_list_cursor (list);
  gboolean threaded = fm_list_threaded (list);
  FmListLine line;
  view->rows = frame->rect.height;
  view->top = fm_view_scroll (view->top, cursor, total, view->rows);
  fm_canvas_fill (frame->canvas, frame->rect, fm_theme_look (frame->theme, FM_ROLE_LIST));
  if (total == 0)
    {
      draw_empty (view, list, frame);
      return;
    }
  fm_list_set_window (list, view->top, (guint) view->rows);
  for (int y = 0; y < view->rows && fm_list_line (list, view->top + (guint64) y, &line); y++)
    fm_view_list_draw_line (view, &line, frame, y, view->top + (guint64) y == cursor, threaded);
  if (frame->focused)
    fm_canvas_set_cursor (frame->canvas, frame->rect.x, frame->rect.y + (int) (cursor - view->top), TRUE);
}

/* A letter as it will be seen: fields above a line, attachments, then the text. */
#include "ui/view-composer.h"
#include <fulmar/base/text.h>
#include <string.h>

#define MAX_ROWS 100000 /* counted at each drawing */

/* Draws "NAME  VALUE" and goes one row down. */
static int
draw_field (const FmViewFrame *frame, int y, const char *name, const char *value)
{
  FmRect rect = frame->rect;
  FmRect row = { rect.x, rect.y + y, rect.width, 1 };
  if (y >= rect.height)
    return y;
  fm_canvas_field_right (frame->canvas, row, rect.x, row.y, 12, fm_theme_look (frame->theme, FM_ROLE_HEADER_NAME), name);
  fm_canvas_field (frame->canvas, row, rect.x + 13, row.y, rect.width - 14, fm_theme_look (frame->theme, FM_ROLE_HEADER_VALUE), value);
  return y + 1;
}

static int
draw_list (const FmViewFrame *frame, int y, const char *name, const FmAddressList *list, gboolean always)
{
  if (!always && fm_address_list_length (list) == 0)
    return y;
  g_autofree char *value = fm_address_list_display (list);
  return draw_field (frame, y, name, value);
}

static int
draw_fields (FmComposer *composer, const FmViewFrame *frame)
{
  FmDraft *draft = fm_composer_draft (composer);
  const char *const *attachments = fm_draft_attachments (draft);
  int y = draw_list (frame, 0, "From:", fm_draft_list (draft, FM_DRAFT_FROM), TRUE);
  y = draw_list (frame, y, "To:", fm_draft_list (draft, FM_DRAFT_TO), TRUE);
  y = draw_list (frame, y, "Cc:", fm_draft_list (draft, FM_DRAFT_CC), TRUE);
  y = draw_list (frame, y, "Bcc:", fm_draft_list (draft, FM_DRAFT_BCC), TRUE);
  y = draw_list (frame, y, "Reply-To:", fm_draft_list (draft, FM_DRAFT_REPLY_TO), FALSE);
  y = draw_field (frame, y, "Subject:", fm_draft_subject (draft));
  for (guint i = 0; attachments && attachments[i]; i++)
    y = draw_field (frame, y, i == 0 ? "Attached:" : "", attachments[i]);
  return y;
}

/* The bytes of the row at TEXT, without its line end or the blank it is broken at. */
static gsize
row_size (const char *text, int width)
{
  gsize size = strcspn (text, "\n"), shown = fm_text_fit (text, (gssize) size, MAX (width, 1), NULL);
  gsize blank = shown;
  while (shown < size && blank > 0 && text[blank] != ' ')
    blank--;
  if (shown < size && blank > 0)
    return blank;
  return shown == 0 ? size : shown;
}

static const char *
next_row (const char *text, gsize size)
{
  return text + size + (text[size] == '\n' || text[size] == ' ');
}

static int
count_rows (const char *text, int width)
{
  int rows = 0;
  for (; *text && rows < MAX_ROWS; rows++)
    text = next_row (text, row_size (text, width));
  return rows;
}

static void
draw_text (FmViewComposer *view, const FmViewFrame *frame, int y, const char *text)
{
  FmRect body = { frame->rect.x + 1, frame->rect.y, frame->rect.width - 2, frame->rect.height };
  view->rows = MAX (body.height - y, 0);
  view->total = count_rows (text, body.width);
  view->top = CLAMP (view->top, 0, MAX (view->total - view->rows, 0));
  for (int row = 0; *text && row < view->top + view->rows; row++)
    {
      gsize size = row_size (text, body.width);
      if (row >= view->top)
        fm_canvas_text (frame->canvas, body, body.x, body.y + y++,
                        fm_theme_look (frame->theme, *text == '>' ? FM_ROLE_QUOTE1 : FM_ROLE_TEXT), text, (gssize) size);
      text = next_row (text, size);
    }
}

void
fm_view_composer_draw (FmViewComposer *view, FmComposer *composer, const FmViewFrame *frame)
{
  const char *problem = fm_composer_problem (composer);
  fm_canvas_fill (frame->canvas, frame->rect, fm_theme_look (frame->theme, FM_ROLE_TEXT));
  int y = draw_fields (composer, frame);
  if (problem && y < frame->rect.height)
    fm_canvas_field (frame->canvas, frame->rect, frame->rect.x + 1, frame->rect.y + y++, frame->rect.width - 2,
                     fm_theme_look (frame->theme, FM_ROLE_NOTICE), problem);
  if (y < frame->rect.height)
    fm_canvas_hline (frame->canvas, frame->rect.x, frame->rect.y + y++, frame->rect.width, fm_theme_look (frame->theme, FM_ROLE_BORDER));
  draw_text (view, frame, y, fm_draft_body (fm_composer_draft (composer)));
  fm_canvas_set_cursor (frame->canvas, frame->rect.x, frame->rect.y, TRUE);
}

char *
fm_view_composer_place (const FmViewComposer *view)
{
  if (view->total <= view->rows)
    return NULL;
  return g_strdup_printf ("line %d of %d%s", view->top + view->rows, view->total, view->total == MAX_ROWS ? "+" : "");
}

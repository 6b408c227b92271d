/* A letter as it will be seen: fields above a line, attachments, then the text. */
#include "ui/view-composer.h"
#include <fulmar/base/text.h>
#include <string.h>

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

static void
draw_text (const FmViewFrame *frame, int y, const char *text)
{
  FmRect body = { frame->rect.x + 1, frame->rect.y, frame->rect.width - 2, frame->rect.height };
  for (; *text && y < body.height; y++)
    {
      gsize size = strcspn (text, "\n"), shown = fm_text_fit (text, (gssize) size, MAX (body.width, 1), NULL);
      gboolean quoted = *text == '>';
      if (shown == 0)
        shown = size;
      fm_canvas_text (frame->canvas, body, body.x, body.y + y, fm_theme_look (frame->theme, quoted ? FM_ROLE_QUOTE1 : FM_ROLE_TEXT), text,
                      (gssize) shown);
      text += shown;
      if (*text == '\n')
        text++;
    }
}

void
fm_view_composer_draw (FmComposer *composer, const FmViewFrame *frame)
{
  const char *problem = fm_composer_problem (composer);
  fm_canvas_fill (frame->canvas, frame->rect, fm_theme_look (frame->theme, FM_ROLE_TEXT));
  int y = draw_fields (composer, frame);
  if (problem && y < frame->rect.height)
    fm_canvas_field (frame->canvas, frame->rect, frame->rect.x + 1, frame->rect.y + y++, frame->rect.width - 2,
                     fm_theme_look (frame->theme, FM_ROLE_NOTICE), problem);
  if (y < frame->rect.height)
    fm_canvas_hline (frame->canvas, frame->rect.x, frame->rect.y + y++, frame->rect.width, fm_theme_look (frame->theme, FM_ROLE_BORDER));
  draw_text (frame, y, fm_draft_body (fm_composer_draft (composer)));
  fm_canvas_set_cursor (frame->canvas, frame->rect.x, frame->rect.y, TRUE);
}

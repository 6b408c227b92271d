/* Lines are cut at the width they are drawn at, remembered until the width changes. Paging keys are the list's and the pager's usual ones. */
#include "ui/widget-text.h"
#include <fulmar/base/text.h>
#include <string.h>

#define LINES_MAX 200000

typedef struct {
  const char *text;
  gsize size;
} Line;

typedef struct {
  FmWidget base;
  char *title, *text;
  GArray *lines; /* Line, into `text` */
  int width;     /* that the lines were cut for */
  int top, rows;
} Page;

static void
page_free (FmWidget *widget)
{
  Page *page = (Page *) widget;
  g_free (page->title);
  g_free (page->text);
  g_array_unref (page->lines);
  g_free (page);
}

/* One source line into pieces no wider than the page, cut at a blank where there is one in the second half. */
static void
wrap (Page *page, const char *text, gsize size)
{
  do
    {
      gsize take = fm_text_fit (text, (gssize) size, page->width, NULL);
      if (take == 0)
        take = size;
      if (take < size)
        for (gsize at = take; at > take / 2; at--)
          if (text[at] == ' ')
            {
              take = at + 1;
              break;
            }
      Line line = { text, take };
      g_array_append_val (page->lines, line);
      text += take;
      size -= take;
    }
  while (size > 0 && page->lines->len < LINES_MAX);
}

static void
lay_out (Page *page, int width)
{
  if (page->width == width)
    return;
  page->width = width;
  g_array_set_size (page->lines, 0);
  for (const char *at = page->text; *at && page->lines->len < LINES_MAX;)
    {
      gsize size = strcspn (at, "\n");
      wrap (page, at, size);
      at += size + (at[size] == '\n');
    }
}

static gboolean
page_key (Page *page, FmKey key)
{
  int page_rows = MAX (page->rows - 1, 1), half = MAX (page->rows / 2, 1);
  guint32 code = key.mods ? 0 : key.code;
  switch (code)
    {
    case 'q':
    case 'x':
    case '?':
      return FALSE;
    case 'j':
    case FM_KEY_ENTER:
    case FM_KEY_DOWN:
      page->top++;
      break;
    case 'k':
    case FM_KEY_UP:
      page->top--;
      break;
    case ' ':
    case FM_KEY_PAGE_DOWN:
      page->top += page_rows;
      break;
    case '-':
    case FM_KEY_BACKSPACE:
    case FM_KEY_PAGE_UP:
      page->top -= page_rows;
      break;
    case ']':
      page->top += half;
      break;
    case '[':
      page->top -= half;
      break;
    case '=':
    case FM_KEY_HOME:
      page->top = 0;
      break;
    case '*':
    case FM_KEY_END:
      page->top = G_MAXINT / 2;
      break;
    default:
      break;
    }
  return TRUE;
}

static gboolean
page_input (FmWidget *widget, const FmInput *input)
{
  if (fm_widget_is_cancel (input))
    return FALSE;
  return input->type != FM_INPUT_KEY || page_key ((Page *) widget, input->key);
}

static void
page_draw (FmWidget *widget, FmCanvas *canvas, const FmTheme *theme)
{
  Page *page = (Page *) widget;
  int width = fm_canvas_width (canvas), height = fm_canvas_height (canvas);
  FmRect all = fm_canvas_rect (canvas), body = { 1, 1, width - 2, MAX (height - 2, 0) };
  FmLook status = fm_theme_look (theme, FM_ROLE_STATUS), hint = fm_theme_look (theme, FM_ROLE_HINT);
  page->rows = body.height;
  lay_out (page, MAX (body.width, 10));
  page->top = CLAMP (page->top, 0, MAX ((int) page->lines->len - body.height, 0));
  fm_canvas_fill (canvas, all, fm_theme_look (theme, FM_ROLE_NORMAL));
  fm_canvas_fill (canvas, (FmRect){ 0, 0, width, 1 }, status);
  fm_canvas_field (canvas, all, 1, 0, width - 2, status, page->title);
  for (int i = 0; i < body.height && page->top + i < (int) page->lines->len; i++)
    {
      const Line *line = &g_array_index (page->lines, Line, page->top + i);
      gboolean heading = line->size > 2 && memcmp (line->text, "# ", 2) == 0;
      gsize skip = heading ? 2 : 0;
      fm_canvas_text (canvas, body, body.x, body.y + i, fm_theme_look (theme, heading ? FM_ROLE_HEADING : FM_ROLE_NORMAL),
                      line->text + skip, (gssize) (line->size - skip));
    }
  fm_canvas_fill (canvas, (FmRect){ 0, height - 1, width, 1 }, hint);
  g_autofree char *foot = g_strdup_printf ("q:back  Space:page  line %d of %u", page->top + 1, page->lines->len);
  fm_canvas_field (canvas, all, 1, height - 1, width - 2, hint, foot);
  fm_canvas_set_cursor (canvas, body.x, body.y, TRUE);
}

static const FmWidgetClass page_class = { page_draw, page_input, page_free };

FmWidget *
fm_widget_text_new (const char *title, const char *text)
{
  Page *page = g_new0 (Page, 1);
  page->base.klass = &page_class;
  page->title = g_strdup (title);
  g_autofree char *clean = fm_text_sanitise_block (text, -1);
  g_auto (GStrv) parts = g_strsplit (clean, "\t", -1);
  page->text = g_strjoinv ("    ", parts);
  page->lines = g_array_new (FALSE, FALSE, sizeof (Line));
  return &page->base;
}

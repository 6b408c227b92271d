/* The layout is lazy and so is this view: it asks for the lines it shows, and a page more. The top line is kept as an anchor over changes of width
 * and folding, so that the reader's place stays. */
#include "ui/view-pager.h"
#include <string.h>

struct FmViewPager {
  FmLayout *layout;
  gint64 id;
  gint form;
  FmLayoutOptions options;
  guint top;
  int rows, wrap;
  gboolean to_bottom; /* waits for the layout's end */
  char *needle;
  gint64 hit; /* the line of the last hit, -1: none */
};

FmViewPager *
fm_view_pager_new (void)
{
  FmViewPager *view = g_new0 (FmViewPager, 1);
  view->options.width_cols = 80;
  view->hit = -1;
  return view;
}

void
fm_view_pager_free (FmViewPager *view)
{
  if (!view)
    return;
  fm_layout_free (view->layout);
  g_free (view->needle);
  g_free (view);
}

void
fm_view_pager_show (FmViewPager *view, FmDoc *doc, gint64 id, gint form)
{
  gboolean same = id == view->id && form == view->form && view->layout != NULL;
  if (same && doc == fm_layout_doc (view->layout))
    return;
  g_clear_pointer (&view->layout, fm_layout_free);
  view->id = id;
  view->form = form;
  if (!same)
    {
      view->top = 0;
      view->hit = -1;
      view->options.fold_quotes = FALSE;
      g_clear_pointer (&view->needle, g_free);
    }
  view->to_bottom = FALSE;
  if (!doc)
    return;
  view->layout = fm_layout_new (doc, &view->options);
  fm_layout_set_needle (view->layout, view->needle);
}

void
fm_view_pager_set_wrap (FmViewPager *view, int cols)
{
  view->wrap = cols;
}

/* As TOP as can be with the last page full. */
static void
clamp_top (FmViewPager *view)
{
  guint rows = (guint) MAX (view->rows, 1), made = fm_layout_ensure (view->layout, view->top + 2 * rows);
  gboolean complete;
  fm_layout_n_lines (view->layout, &complete);
  if (complete && view->top + rows > made)
    view->top = made > rows ? made - rows : 0;
}

static void
set_options (FmViewPager *view, const FmLayoutOptions *options)
{
  if (memcmp (options, &view->options, sizeof *options) == 0)
    return;
  view->options = *options;
  if (!view->layout)
    return;
  FmLayoutAnchor anchor = fm_layout_anchor (view->layout, view->top);
  fm_layout_set_options (view->layout, options);
  view->top = view->top == 0 ? 0 : fm_layout_find_anchor (view->layout, anchor);
  view->hit = -1;
}

static FmRole
quote_role (guint level)
{
  static const FmRole quotes[] = { FM_ROLE_QUOTE1, FM_ROLE_QUOTE2, FM_ROLE_QUOTE3, FM_ROLE_QUOTE4, FM_ROLE_QUOTE5 };
  return level == 0 ? FM_ROLE_TEXT : quotes[(level - 1) % G_N_ELEMENTS (quotes)];
}

static FmLook
run_look (const FmTheme *theme, guint32 style, FmLook base)
{
  static const struct {
    guint32 bit;
    FmRole role;
  } map[] = {
    { FM_STYLE_SIGNATURE, FM_ROLE_SIGNATURE },     { FM_STYLE_CODE, FM_ROLE_CODE },         { FM_STYLE_HEADING, FM_ROLE_HEADING },
    { FM_STYLE_DIFF_ADD, FM_ROLE_DIFF_ADD },       { FM_STYLE_DIFF_DEL, FM_ROLE_DIFF_DEL }, { FM_STYLE_DIFF_HUNK, FM_ROLE_DIFF_HUNK },
    { FM_STYLE_DIFF_FILE, FM_ROLE_DIFF_FILE },     { FM_STYLE_MARKER, FM_ROLE_MARKER },     { FM_STYLE_HEADER_VALUE, FM_ROLE_HEADER_VALUE },
    { FM_STYLE_HEADER_NAME, FM_ROLE_HEADER_NAME }, { FM_STYLE_LINK, FM_ROLE_LINK },         { FM_STYLE_DIM, FM_ROLE_DIM },
    { FM_STYLE_NOTICE, FM_ROLE_NOTICE },           { FM_STYLE_WARNING, FM_ROLE_WARNING },   { FM_STYLE_MATCH, FM_ROLE_MATCH },
  };
  for (guint i = 0; i < G_N_ELEMENTS (map); i++)
    if (style & map[i].bit)
      base = fm_theme_over (theme, map[i].role, base);
  if (style & FM_STYLE_BOLD)
    base.attrs |= FM_ATTR_BOLD;
  if (style & FM_STYLE_ITALIC)
    base.attrs |= FM_ATTR_ITALIC;
  if (style & FM_STYLE_UNDERLINE)
    base.attrs |= FM_ATTR_UNDERLINE;
  return base;
}

static void
draw_line (const FmViewFrame *frame, FmRect clip, int y, const FmLayoutLine *line)
{
  FmLook base = fm_theme_look (frame->theme, line->is_fold ? FM_ROLE_DIM : quote_role (line->quote_level));
  int x = clip.x;
  gsize at = 0;
  for (guint i = 0; i <= line->n_runs; i++)
    {
      gsize start = i < line->n_runs ? MIN (line->runs[i].start, line->size_bytes) : line->size_bytes;
      if (start > at)
        x += fm_canvas_text (frame->canvas, clip, x, y, base, line->text + at, (gssize) (start - at));
      if (i == line->n_runs)
        break;
      gsize end = MIN (line->runs[i].end, line->size_bytes);
      if (end > start)
        x += fm_canvas_text (frame->canvas, clip, x, y, run_look (frame->theme, line->runs[i].style, base), line->text + start,
                             (gssize) (end - start));
      at = MAX (at, end);
    }
}

void
fm_view_pager_draw (FmViewPager *view, const FmViewFrame *frame, const char *notice)
{
  FmRect rect = frame->rect, body = { rect.x + 1, rect.y, MAX (rect.width - 2, 1), rect.height };
  FmLayoutOptions options = view->options;
  FmLayoutLine line;
  fm_canvas_fill (frame->canvas, rect, fm_theme_look (frame->theme, FM_ROLE_TEXT));
  if (frame->focused)
    fm_canvas_set_cursor (frame->canvas, rect.x, rect.y, TRUE);
  if (notice && body.height > 0)
    {
      fm_canvas_field (frame->canvas, body, body.x, body.y, body.width, fm_theme_look (frame->theme, FM_ROLE_NOTICE), notice);
      body.y++;
      body.height--;
    }
  view->rows = body.height;
  if (!view->layout)
    return;
  options.width_cols = view->wrap > 0 ? MIN (body.width, view->wrap) : body.width;
  options.ascii = fm_canvas_is_ascii (frame->canvas);
  set_options (view, &options);
  clamp_top (view);
  for (int y = 0; y < body.height && fm_layout_line (view->layout, view->top + (guint) y, &line); y++)
    draw_line (frame, body, body.y + y, &line);
}

void
fm_view_pager_scroll (FmViewPager *view, int lines)
{
  if (!view->layout)
    return;
  view->to_bottom = FALSE;
  view->top = (guint) MAX ((gint64) view->top + lines, 0);
  clamp_top (view);
}

void
fm_view_pager_page (FmViewPager *view, int halves)
{
  /* A whole page keeps one line, so that the eye finds its place again. */
  int lines = halves % 2 == 0 ? halves / 2 * MAX (view->rows - 1, 1) : halves * MAX (view->rows / 2, 1);
  fm_view_pager_scroll (view, lines);
}

gboolean
fm_view_pager_at_end (FmViewPager *view)
{
  gboolean complete;
  if (!view->layout)
    return TRUE;
  guint end = view->top + (guint) MAX (view->rows, 1);
  fm_layout_ensure (view->layout, end + 1);
  return end >= fm_layout_n_lines (view->layout, &complete);
}

void
fm_view_pager_top (FmViewPager *view)
{
  view->top = 0;
  view->to_bottom = FALSE;
}

void
fm_view_pager_bottom (FmViewPager *view)
{
  view->to_bottom = TRUE;
  fm_view_pager_step (view, 4000);
}

gboolean
fm_view_pager_skip_quoted (FmViewPager *view)
{
  guint line, before = view->top;
  if (!view->layout || !fm_layout_next_unquoted (view->layout, view->top, &line))
    return FALSE;
  view->top = line;
  clamp_top (view);
  return view->top != before; /* all that follows is on the screen already */
}

gboolean
fm_view_pager_toggle_fold (FmViewPager *view)
{
  FmLayoutOptions options = view->options;
  options.fold_quotes = !options.fold_quotes;
  set_options (view, &options);
  return options.fold_quotes;
}

gboolean
fm_view_pager_find (FmViewPager *view, const char *needle, gboolean backwards)
{
  guint line;
  if (!view->layout || (!needle && !view->needle))
    return FALSE;
  if (needle)
    {
      g_free (view->needle);
      view->needle = g_strdup (needle);
      fm_layout_set_needle (view->layout, needle);
      view->hit = backwards ? view->top : (gint64) view->top - 1;
    }
  if (!fm_layout_find (view->layout, view->hit, backwards, &line))
    return FALSE;
  view->hit = line;
  if (line < view->top || line >= view->top + (guint) MAX (view->rows, 1))
    view->top = line > (guint) view->rows / 4 ? line - (guint) view->rows / 4 : 0;
  clamp_top (view);
  return TRUE;
}

gboolean
fm_view_pager_has_needle (const FmViewPager *view)
{
  return view->needle != NULL;
}

gboolean
fm_view_pager_step (FmViewPager *view, gint64 budget_us)
{
  gboolean complete;
  if (!view->layout || !fm_layout_step (view->layout, budget_us))
    return view->layout == NULL;
  if (view->to_bottom)
    {
      guint n = fm_layout_n_lines (view->layout, &complete), rows = (guint) MAX (view->rows, 1);
      view->top = n > rows ? n - rows : 0;
      view->to_bottom = FALSE;
    }
  return TRUE;
}

char *
fm_view_pager_place (FmViewPager *view)
{
  gboolean complete;
  if (!view->layout)
    return NULL;
  guint n = fm_layout_n_lines (view->layout, &complete), end = view->top + (guint) MAX (view->rows, 1);
  if (complete && end >= n)
    return g_strdup (view->top == 0 ? "all" : "end");
  return g_strdup_printf ("%d %%", (int) (fm_layout_fraction (view->layout, end) * 100));
}

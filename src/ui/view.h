/* What every view is given to draw with. */
#pragma once
#include "ui/canvas.h"
#include "ui/theme.h"

G_BEGIN_DECLS

/* value struct */
typedef struct {
  FmCanvas *canvas;
  const FmTheme *theme;
  FmRect rect;
  gboolean focused; /* the cursor stands here */
} FmViewFrame;

/* The look of a row: of ROLE, or the cursor's with the role's attributes kept, since the row must stay legible. */
static inline FmLook
fm_view_row_look (const FmViewFrame *frame, FmRole role, gboolean selected)
{
  FmLook look = fm_theme_look (frame->theme, role);
  if (!selected)
    return look;
  FmLook cursor = fm_theme_look (frame->theme, frame->focused ? FM_ROLE_CURSOR : FM_ROLE_CURSOR_IDLE);
  cursor.attrs |= look.attrs & (FM_ATTR_BOLD | FM_ATTR_ITALIC | FM_ATTR_DIM);
  return cursor;
}

/* The first row to show so that CURSOR is among ROWS: TOP while that will do, else with the cursor in the middle. Going on by half a page, not by a
 * row, leaves context in both directions and writes a row's worth of bytes for most steps. */
static inline guint64
fm_view_scroll (guint64 top, guint64 cursor, guint64 total, int rows)
{
  guint64 n = (guint64) MAX (rows, 1);
  if (cursor < top || cursor >= top + n)
    top = cursor > n / 2 ? cursor - n / 2 : 0;
  return total <= n ? 0 : MIN (top, total - n);
}

G_END_DECLS

/* The message list: one line a message, the cursor's row marked by look, pointer and hardware cursor. */
#pragma once
#include <fulmar/app/list.h>
#include "ui/view.h"

G_BEGIN_DECLS

/* value struct: the view's own state and settings */
typedef struct {
  guint64 top; /* first position shown */
  int rows;    /* shown at the last drawing */
  const char *date_format;
  gint64 now_utc;
  const char *empty; /* what to say where there is no row; NULL: only that there is none */
} FmViewList;

void fm_view_list_draw (FmViewList *view, FmList *list, const FmViewFrame *frame);

/* One line at row Y of the frame; THREADED draws the tree. */
void fm_view_list_draw_line (const FmViewList *view, const FmListLine *line, const FmViewFrame *frame, int y, gboolean selected,
                             gboolean threaded);

G_END_DECLS

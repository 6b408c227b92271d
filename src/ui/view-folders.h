/* The folder tree of all accounts and the saved searches. */
#pragma once
#include <fulmar/app/folders.h>
#include "ui/view.h"

G_BEGIN_DECLS

/* value struct */
typedef struct {
  guint64 top;
  int rows;
} FmViewFolders;

void fm_view_folders_draw (FmViewFolders *view, const FmFolders *folders, const FmViewFrame *frame);
void fm_view_folders_draw_line (const FmFolderLine *line, const FmViewFrame *frame, int y, gboolean selected);

G_END_DECLS

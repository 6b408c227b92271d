/* Between the three files of the layout: breaking one line of text, and drawing a table into lines of its own. */
#pragma once
#include "fulmar/mail/layout.h"

/* How many bytes of TEXT (clean, no LF) go on a line of WIDTH columns, and where the next line starts (spaces at the break are dropped).
 * RET_NEXT is greater than 0 unless SIZE is 0. */
gsize fm_layout_break_line (const char *text, gsize size, int width, gsize *ret_next);

typedef struct {
  guint32 start, size;       /* in the drawing's text */
  guint32 first_run, n_runs; /* relative to the line */
  guint32 offset;            /* of the row in the block's text: its anchor */
} FmLayoutDrawnLine;

typedef struct {
  GString *text;
  GArray *lines; /* FmLayoutDrawnLine */
  GArray *runs;  /* FmStyleRun */
} FmLayoutDrawing;

/* Appends the lines of a table block drawn WIDTH columns wide: as aligned columns where they fit, else each cell on lines of its own. */
void fm_layout_table_draw (FmLayoutDrawing *drawing, const FmDoc *doc, guint block, int width);

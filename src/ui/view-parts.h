/* The parts of a message in the pager's place: one line a part, with its number, what it is, how long and what it is called. */
#pragma once
#include <fulmar/app/parts.h>
#include "ui/view.h"

G_BEGIN_DECLS

/* value struct */
typedef struct {
  guint64 top;
  int rows; /* shown at the last drawing */
} FmViewParts;

/* NOTICE (may be NULL) stands above the list, or instead of it. */
void fm_view_parts_draw (FmViewParts *view, const FmParts *parts, const FmViewFrame *frame, const char *notice);
/* "part 2 of 5". Transfer: full; NULL: there are none yet. */
char *fm_view_parts_place (const FmParts *parts);

G_END_DECLS

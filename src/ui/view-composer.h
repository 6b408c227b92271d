/* The message being written: its fields, attachments and its text, from a line on. */
#pragma once
#include <fulmar/app/composer.h>
#include "ui/view.h"

G_BEGIN_DECLS

/* value struct */
typedef struct {
  int top;   /* the first row of the text that is shown; may be set to anything */
  int rows;  /* of the text, shown at the last drawing */
  int total; /* at the last drawing */
} FmViewComposer;

void fm_view_composer_draw (FmViewComposer *view, FmComposer *composer, const FmViewFrame *frame);
/* "line 16 of 100": the last that is shown. Transfer: full; NULL: all is. */
char *fm_view_composer_place (const FmViewComposer *view);

G_END_DECLS

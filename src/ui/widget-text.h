/* A page of text over the whole screen: help, effects, the queue, a command's output. */
#pragma once
#include "ui/widget.h"

G_BEGIN_DECLS

/* TEXT is sanitised and wrapped here. Lines that begin with "# " are headings. */
FmWidget *fm_widget_text_new (const char *title, const char *text);

G_END_DECLS

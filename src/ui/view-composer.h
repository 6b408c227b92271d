/* The message being written: its fields, attachments and the beginning of its text. */
#pragma once
#include <fulmar/app/composer.h>
#include "ui/view.h"

G_BEGIN_DECLS

void fm_view_composer_draw (FmComposer *composer, const FmViewFrame *frame);

G_END_DECLS

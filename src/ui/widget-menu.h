/* A menu above a prompt: choose one of many by typing a few of its letters. */
#pragma once
#include "ui/widget.h"

G_BEGIN_DECLS

/* ITEMS are copied. INITIAL (may be NULL) stands first while nothing is typed. The answer is the item. */
FmWidget *fm_widget_menu_new (const char *label, const char *const *items, const char *initial, FmShellAnswer answer, gpointer data);

G_END_DECLS

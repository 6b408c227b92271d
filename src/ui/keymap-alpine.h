/* Alpine's whole set of keys. */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

typedef struct {
  guint contexts;
  const char *keys, *command;
} FmKeymapAlpineRow;

/* Ends with a row whose keys are NULL. Static. */
const FmKeymapAlpineRow *fm_keymap_alpine_rows (void);

G_END_DECLS

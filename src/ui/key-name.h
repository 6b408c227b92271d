/* Keys by name, as the config and the help write them: "a", "<C-d>", "<Esc>v", "<Space>", ",i". */
#pragma once
#include <glib.h>
#include "ui/key.h"

G_BEGIN_DECLS

#define FM_KEY_NAME_MAX 8 /* keys in one sequence */

/* Reads a sequence of keys into KEYS. Returns how many, or 0 with FM_ERROR_INVALID and the nearest right name. */
guint fm_key_name_parse (const char *text, FmKey keys[FM_KEY_NAME_MAX], GError **error);

/* The short form for hints and help: "a", "^D", "Esc-v", "PgDn". Transfer: full. */
char *fm_key_name_format (const FmKey *keys, guint n_keys);

G_END_DECLS

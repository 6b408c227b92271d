/* Pages made from the command table: the keys that hold here, and what each command does on the server. */
#pragma once
#include "ui/keymap.h"

G_BEGIN_DECLS

/* Transfer: full. Lines that begin with "# " are headings. */
char *fm_help_text_keys (const FmKeymap *keymap, guint context);
char *fm_help_text_effects (void);

G_END_DECLS

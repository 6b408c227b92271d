/* Mail of a POP account whose database was lost: taken back from its message files, before the server is asked for anything. */
#pragma once
#include "sync/pop-pass.h"

/* Once a database; at once where there is nothing to take. RET_COUNT: messages taken back. */
gboolean fm_pop_recover_run (FmPopContext *context, guint *ret_count, GError **error);

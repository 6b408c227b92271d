/* Mail of a POP account whose database was lost: taken back from its message files, before the server is asked for anything. */
#pragma once
#include "sync/pop-pass.h"

/* Once a database; at once where there is nothing to take. RET_COUNT: messages taken back; RET_PLACES_UTC: as of when their folders and marks are known, 0:
 * they are not. */
gboolean fm_pop_recover_run (FmPopContext *context, guint *ret_count, gint64 *ret_places_utc, GError **error);

/* What list-store.c and positions.c share. */
#pragma once
#include "store/sql.h"
#include <fulmar/store/list-store.h>

gboolean fm_list_store_is_folded (const FmListSpec *spec, gint64 thread_id);
/* Appends the rows of one thread in tree order (or its one folded row). */
gboolean fm_list_store_append_thread (FmStoreReader *reader, const FmListSpec *spec, gint64 thread_id, GPtrArray *rows, GError **error);

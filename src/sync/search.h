/* A search: header leaves by the store, text leaves by the index, combined as sets of rows and streamed newest first. */
#pragma once
#include "sync/engine-private.h"

/* Returns the request's id; SEARCH_BATCH events, then DONE. ONCE: one row of each message (gmail-store.h). */
guint64 fm_search_start (FmEngine *engine, FmQuery *query, gint64 folder_id, gboolean once);

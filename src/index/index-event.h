/* Making events; taking them apart is public. */
#pragma once
#include "fulmar/index/index.h"

/* IDS is copied; ERROR is consumed. */
FmIndexEvent *fm_index_event_new (FmIndexEventKind kind, guint64 request, guint64 count, GError *error);
FmIndexEvent *fm_index_event_new_ids (FmIndexEventKind kind, guint64 request, const gint64 *ids, guint n_ids, GError *error);

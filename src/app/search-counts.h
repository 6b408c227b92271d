/* How many unread messages each saved search would show: counted off the UI thread, one search at a time, after what changed has been quiet for a
 * moment. UI thread only. */
#pragma once
#include <fulmar/app/app.h>

typedef struct FmSearchCounts FmSearchCounts;

FmSearchCounts *fm_search_counts_new (FmApp *app);   /* begins to count */
void fm_search_counts_free (FmSearchCounts *counts); /* accepts NULL; before the engine is closed */

/* Mail or the searches themselves changed: counts anew soon. COUNTS may be NULL. */
void fm_search_counts_stale (FmSearchCounts *counts);
/* Of the saved search NAME; 0 while it is not known. COUNTS may be NULL. */
guint64 fm_search_counts_get (const FmSearchCounts *counts, const char *name);
/* Is REQUEST (not 0) one of ours? COUNTS may be NULL. */
gboolean fm_search_counts_asked (const FmSearchCounts *counts, guint64 request);

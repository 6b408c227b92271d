/* Blocks of the index carry no checksums: a damaged one may answer wrong for long before anything fails. So the worker that ends well leaves
 * a seal, the size and time of each file, and the next one trusts the files only if they are still those. */
#pragma once
#include <glib.h>

typedef enum { FM_INDEX_SEAL_WHOLE, FM_INDEX_SEAL_ABSENT, FM_INDEX_SEAL_BROKEN } FmIndexSeal;

/* DIR is a generation's. The database is closed. */
void fm_index_seal_set (const char *dir);
/* Before anything is changed. */
void fm_index_seal_remove (const char *dir);
FmIndexSeal fm_index_seal_check (const char *dir);

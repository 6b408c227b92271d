/* Generations of the index: `gen-N` directories, and one small file that says which is searched and which is being built. A rebuild never
 * touches what is searched; it becomes the one searched by rewriting the file. */
#pragma once
#include <glib.h>

#define FM_INDEX_GENERATION_IDENTITY_BYTES 64

typedef struct {
  char identity[FM_INDEX_GENERATION_IDENTITY_BYTES + 1]; /* whose numbers of mail are in them */
  guint current;                                         /* searched; 0: none is complete yet */
  guint building;                                        /* written to until it becomes current; 0: no rebuild is going on */
} FmIndexGeneration;

/* FALSE: there is none yet, or it is of another format or unreadable. RET_GENERATION's identity is whatever the file says. */
gboolean fm_index_generation_read (const char *dir, FmIndexGeneration *ret_generation);
gboolean fm_index_generation_write (const char *dir, const FmIndexGeneration *generation, GError **error);
/* A number higher than any generation in DIR has. */
guint fm_index_generation_next (const char *dir);
/* Deletes every generation but these two. */
void fm_index_generation_sweep (const char *dir, const FmIndexGeneration *keep);
/* Transfer: full. */
char *fm_index_generation_dir (const char *dir, guint number);
guint fm_index_generation_written (const FmIndexGeneration *generation);
guint fm_index_generation_searched (const FmIndexGeneration *generation);

/* How well a few typed letters fit a name: the letters in order, best where they begin words or follow one another. */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

/* Both already folded (fm_text_fold). Higher is better; negative: no match. An empty needle matches everything with 0. Blanks in the needle
 * separate words that must all match. */
int fm_fuzzy_score (const char *needle, const char *folded);

G_END_DECLS

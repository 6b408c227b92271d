/* English stems as the index makes them: Porter's second English algorithm, as Snowball states it (snowballstem.org/algorithms/english). */
#pragma once
#include <glib.h>

#define FM_STEM_MAX_BYTES 64

/* WORD is lower case, SIZE bytes of UTF-8. RET_STEM gets the stem, NUL-terminated; a longer word is its own stem, cut there. The stem's size. */
gsize fm_stem_english (const char *word, gsize size, char ret_stem[FM_STEM_MAX_BYTES + 2]);

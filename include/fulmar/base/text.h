/* Text that came from outside, made fit for a terminal: valid UTF-8, no control bytes, known width. */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

/* Columns of one code point: 0 (combining, zero-width), 1 or 2. Control characters count 0: they never reach a cell. */
int fm_text_char_width (gunichar c);

/* Columns of a sanitised UTF-8 string. size_bytes -1: up to NUL. */
int fm_text_width (const char *text, gssize size_bytes);

/* A copy that is valid UTF-8 on ONE line: broken bytes become U+FFFD; C0, DEL, C1, line and paragraph separators become a space (runs of
 * white space collapse to one space); bidirectional controls, zero-width format characters and tag characters are dropped. Transfer: full. */
char *fm_text_sanitise_line (const char *text, gssize size_bytes);

/* The same for a block: LF stays, CRLF and CR become LF, TAB stays. Transfer: full. */
char *fm_text_sanitise_block (const char *text, gssize size_bytes);

/* The longest prefix of TEXT within WIDTH_COLS, in bytes; never splits a base character from its combining marks. */
gsize fm_text_fit (const char *text, gssize size_bytes, int width_cols, int *ret_width_cols);

/* A copy cut to WIDTH_COLS, ending in an ellipsis if cut ("..." where ASCII). Transfer: full. */
char *fm_text_ellipsize (const char *text, int width_cols, gboolean ascii);

/* Case-folded and normalised (NFKC) for comparing and substring search. Transfer: full. */
char *fm_text_fold (const char *text);

/* Edit distance for "did you mean", bounded: returns LIMIT + 1 as soon as it is exceeded. */
guint fm_text_distance (const char *a, const char *b, guint limit);
/* The nearest of a NULL-terminated list within a sensible distance, or NULL. Transfer: none. */
const char *fm_text_nearest (const char *word, const char *const *candidates);

/* "312 bytes", "45.2 MB": a size for people, with powers of 1000 and a plain blank. Transfer: full. */
char *fm_text_size (guint64 size_bytes);

G_END_DECLS

/* RFC 2047 encoded words, read as they are really written. */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

/* Unfolded header text with its encoded words decoded and raw 8-bit bytes brought to UTF-8 (CHARSET_HINT, may be NULL, says what they may be in
 * when they are no UTF-8). Valid UTF-8 without NUL, not sanitised. Transfer: full. */
char *fm_words_decode (const char *text, gsize size_bytes, const char *charset_hint);

/* The same text still encoded, each run of neighbouring words made one well-formed UTF-8 word, for parsers that stumble over runs. Transfer:
 * full. */
char *fm_words_merge (const char *text, gsize size_bytes);

G_END_DECLS

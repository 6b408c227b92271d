/* Foreign text to UTF-8: what a label claims, what the bytes say, and what to believe. */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

/* Body bytes to UTF-8. The labelled charset if the bytes fit it, else UTF-8 if they are that, else windows-1252; what fits nothing becomes
 * U+FFFD, NUL too. The result has no NUL inside. LABEL may be NULL, empty or unknown. Transfer: full. */
char *fm_charset_to_utf8 (const char *bytes, gsize size_bytes, const char *label, gsize *ret_size);

/* An unfolded header value decoded (RFC 2047, raw 8-bit) and made one sanitised line. At most 64 kB of it is read. CHARSET_HINT
 * (may be NULL) is what raw bytes may be in where they are no UTF-8. Transfer: full. */
char *fm_charset_header_line (const char *value, gssize size_bytes, const char *charset_hint);

/* One sanitised line, with a fast path for what needs no change. Transfer: full. */
char *fm_charset_line (const char *text, gssize size_bytes);

/* The same for what is sent on rather than shown: joiners, variation selectors and tags stay, since words and emoji are made with them. Transfer: full. */
char *fm_charset_line_to_send (const char *text, gssize size_bytes);

G_END_DECLS

/* A search leaf in the words the index understands. Whatever the user typed stays text: nothing of it can become an operator, a field or a
 * wildcard of the index's own language. */
#pragma once
#include <glib.h>
#include "fulmar/mail/query.h"

G_BEGIN_DECLS

/* LEAF is ALL, or one that needs the index: WORD, BODY, ATTACHMENT. FM_ERROR_INVALID for other kinds, for text with no letter or digit in
 * it, and for a wildcard after fewer than three letters (one where a script is written without spaces). Transfer: full. */
char *fm_query_text_build (const FmQuery *leaf, GError **error);

G_END_DECLS

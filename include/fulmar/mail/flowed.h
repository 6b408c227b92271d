/* Plain text bodies to docs: quote levels, format=flowed (RFC 3676) with DelSp, signatures, URLs, patches. Pure functions, any thread. */
#pragma once
#include <glib.h>

#include "fulmar/mail/doc.h"

G_BEGIN_DECLS

typedef struct {
  gboolean flowed; /* Content-Type had format=flowed */
  gboolean delsp;  /* ... and delsp=yes */
  gboolean patch;  /* colour as a patch even if it doesn't look like one (text/x-diff) */
  gsize max_bytes; /* 0: all. Else only about the first MAX_BYTES are read and the doc says truncated: the first page of a huge text
                     * while another thread makes the rest; its blocks are the same as those of the whole */
} FmFlowedOptions;

/* TEXT in UTF-8 (invalid bytes are replaced), any line ends. OPTIONS may be NULL. Never fails. Transfer: full. */
FmDoc *fm_flowed_to_doc (const char *text, gsize size_bytes, const FmFlowedOptions *options);
void fm_flowed_append (FmDocBuilder *builder, const char *text, gsize size_bytes, const FmFlowedOptions *options);

/* The quote level of one line and where its text begins: ">>", "> >", "> > " alike. RET_SKIP may be NULL. */
guint fm_flowed_quote_level (const char *line, gsize size_bytes, gsize *ret_skip);

/* Encodes for sending: wraps at 72 columns with soft breaks, space-stuffs, keeps quoted lines and the signature mark. Transfer: full. */
char *fm_flowed_encode (const char *text);

G_END_DECLS

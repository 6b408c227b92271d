/* HTML bodies to docs, in process: gumbo in an arena of bounded memory and time, walked without recursion; behind it a flat tag stripper,
 * so that any input ends in text. Nothing is ever fetched: this code has no way to. Pure functions, any thread. */
#pragma once
#include <glib.h>

#include "fulmar/mail/doc.h"

G_BEGIN_DECLS

#define FM_HTML_MAX_INPUT_BYTES (8u << 20)

typedef struct {
  gboolean no_links;       /* neither numbers nor the list at the end: for the index and for quoting */
  gsize max_input_bytes;   /* 0: FM_HTML_MAX_INPUT_BYTES; what is beyond is dropped and the doc says truncated */
  gsize arena_bytes;       /* 0: 64 MB */
  guint parse_cpu_ms;      /* 0: 250 ms of this thread's time */
  gboolean force_stripper; /* for tests: skip the parser */
} FmHtmlOptions;

/* HTML in UTF-8 (invalid bytes are replaced); OPTIONS may be NULL. Never fails. Transfer: full. */
FmDoc *fm_html_to_doc (const char *html, gsize size_bytes, const FmHtmlOptions *options);

/* The same, appended to a doc being built (headers above, attachments below). */
void fm_html_append (FmDocBuilder *builder, const char *html, gsize size_bytes, const FmHtmlOptions *options);

/* Only the words, for the index and the preview: no link list, hidden text left out, at most LIMIT_BYTES (0: no limit). Transfer: full. */
char *fm_html_to_plain (const char *html, gsize size_bytes, gsize limit_bytes);

/* The text of a "text/enriched" or broken body by the flat stripper alone: tags out, entities decoded. Transfer: full. */
char *fm_html_strip (const char *html, gsize size_bytes);

G_END_DECLS

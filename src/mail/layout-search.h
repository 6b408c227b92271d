/* Finding words in the clean text of a doc: case ignored code point by code point, a space standing for any run of white space. */
#pragma once
#include "fulmar/mail/doc.h"

typedef struct FmLayoutSearch FmLayoutSearch;

/* NULL where the needle holds nothing to look for. */
FmLayoutSearch *fm_layout_search_new (const char *needle);
void fm_layout_search_free (FmLayoutSearch *search);

gboolean fm_layout_search_next (const FmLayoutSearch *search, const char *text, gsize size, gsize from, gsize *ret_start, gsize *ret_end);

/* A laid-out line as a part of the text that is searched, so that hits across soft breaks show on both lines. */
typedef struct {
  const char *text;
  gsize size;
  gsize start, end; /* the part of TEXT that is on the line */
  gsize column;     /* the byte of the line at which START stands */
} FmLayoutSearchLine;

/* RUNS with hits laid over them, into MARKED. */
void fm_layout_search_mark (const FmLayoutSearch *search, const FmLayoutSearchLine *line, const GArray *runs, GArray *marked);

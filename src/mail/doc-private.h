/* What a doc is made of: three flat arrays and one text, so that a million lines are a handful of allocations. Shared by doc.c, its builder
 * and the layout, which all live in this room. */
#pragma once
#include "fulmar/mail/doc.h"

typedef struct {
  guint32 start, size; /* in the doc's text */
  guint32 first_span, n_spans;
  FmDocShape shape;
} FmDocBlock;

typedef struct {
  char *url, *text, *host;
  gboolean deceptive;
} FmDocLink;

struct FmDoc {
  gint refs;
  GString *text;
  GArray *blocks; /* FmDocBlock */
  GArray *spans;  /* FmStyleRun, relative to their block */
  GArray *links;  /* FmDocLink */
  gboolean truncated;
  guint n_hidden;
};

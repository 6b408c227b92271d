/* The parts of the message being read, as a list to choose from: a cursor and tags over fm_reading_parts. Empty until these are here. UI thread
 * only. */
#pragma once
#include <fulmar/app/reading.h>

G_BEGIN_DECLS

typedef struct FmParts FmParts;

/* value struct: what one line shows; valid until the message changes */
typedef struct {
  const FmReadingPart *part;
  gboolean tagged;
} FmPartLine;

guint fm_parts_count (const FmParts *parts);
gboolean fm_parts_line (const FmParts *parts, guint index, FmPartLine *ret_line); /* FALSE past the end */
guint fm_parts_cursor (const FmParts *parts);
void fm_parts_set_cursor (FmParts *parts, guint index); /* the last one at most */
guint fm_parts_tagged_count (const FmParts *parts);

G_END_DECLS

/* A doc laid out at a width: an array of lines made only as far as somebody asked for, so that the first page of a 10 MB mail costs a page.
 * Positions that survive another width or folding are anchors. One thread at a time; the doc it holds is frozen. */
#pragma once
#include <glib.h>

#include "fulmar/mail/doc.h"

G_BEGIN_DECLS

typedef struct FmLayout FmLayout;

typedef struct {
  int width_cols;       /* at least 10; smaller is taken as 10 */
  gboolean fold_quotes; /* each quoted stretch shown as one line */
  gboolean ascii;       /* bars, rules, bullets and ellipses in ASCII */
} FmLayoutOptions;

/* One line of the page. The pointers are valid until the next call on the layout. */
typedef struct {
  const char *text; /* not NUL-terminated; never wider than the layout */
  gsize size_bytes;
  const FmStyleRun *runs; /* sorted; what they leave out is plain */
  guint n_runs;
  guint quote_level;
  gboolean is_fold; /* stands for a folded quote */
} FmLayoutLine;

/* A place in the doc, whatever the width. */
typedef struct {
  guint32 block;
  guint32 offset_bytes;
} FmLayoutAnchor;

/* Takes a reference to DOC. Does no work yet. */
FmLayout *fm_layout_new (FmDoc *doc, const FmLayoutOptions *options);
void fm_layout_free (FmLayout *layout); /* accepts NULL */
FmDoc *fm_layout_doc (const FmLayout *layout);
FmLayoutOptions fm_layout_options (const FmLayout *layout);

/* Lays out again (lazily); single folds that were opened are kept. Take an anchor before and look for it after. */
void fm_layout_set_options (FmLayout *layout, const FmLayoutOptions *options);

/* Makes lines until N_LINES exist or the doc ends. Returns how many exist. */
guint fm_layout_ensure (FmLayout *layout, guint n_lines);
/* Makes lines for about BUDGET_US; TRUE once all exist. For idle time, so that the count becomes known. */
gboolean fm_layout_step (FmLayout *layout, gint64 budget_us);
/* Lines made so far; complete: all. */
guint fm_layout_n_lines (const FmLayout *layout, gboolean *ret_complete);
/* How far the made lines reach, in parts of the doc's text: 0.0 to 1.0, for "42 %". */
double fm_layout_fraction (const FmLayout *layout, guint line);

/* FALSE past the end. Makes what is missing before it. */
gboolean fm_layout_line (FmLayout *layout, guint line, FmLayoutLine *ret_line);

FmLayoutAnchor fm_layout_anchor (FmLayout *layout, guint line);
/* The line that holds the anchor (the last line, if it is past the end). */
guint fm_layout_find_anchor (FmLayout *layout, FmLayoutAnchor anchor);

/* Opens or closes the single fold at LINE. FALSE where the line is neither a fold nor quoted. */
gboolean fm_layout_toggle_fold (FmLayout *layout, guint line);

/* The skip key: the first line after LINE that is not quoted and follows a quoted one. FALSE: no such line. */
gboolean fm_layout_next_unquoted (FmLayout *layout, guint line, guint *ret_line);

/* What to look for, NULL or "" for nothing: ignoring case, any white space for a space, across soft breaks. Hits carry FM_STYLE_MATCH. */
void fm_layout_set_needle (FmLayout *layout, const char *needle);
/* The next line with a hit after LINE (or before it), not wrapping around. -1 starts before the first line. Folded quotes are not searched. */
gboolean fm_layout_find (FmLayout *layout, gint64 line, gboolean backwards, guint *ret_line);

/* The link at a byte of a line, 0: none. */
guint fm_layout_link_at (FmLayout *layout, guint line, gsize byte);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FmLayout, fm_layout_free)

G_END_DECLS

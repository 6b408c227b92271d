/* The message: a document laid out at the pane's width, as far as it has been looked at. */
#pragma once
#include <fulmar/mail/layout.h>
#include "ui/view.h"

G_BEGIN_DECLS

typedef struct FmViewPager FmViewPager;

FmViewPager *fm_view_pager_new (void);
void fm_view_pager_free (FmViewPager *view); /* accepts NULL */

/* Shows DOC (referenced; NULL: nothing) of message ID in a FORM (one of its parts, its source, ...: any number). Another message or form begins
 * at the top; the same one, loaded anew, keeps its place. */
void fm_view_pager_show (FmViewPager *view, FmDoc *doc, gint64 id, gint form);
/* Wraps at COLS at most; 0: at the pane's width. */
void fm_view_pager_set_wrap (FmViewPager *view, int cols);
/* NOTICE (may be NULL) stands above the text, or instead of it. */
void fm_view_pager_draw (FmViewPager *view, const FmViewFrame *frame, const char *notice);

void fm_view_pager_scroll (FmViewPager *view, int lines);
void fm_view_pager_page (FmViewPager *view, int halves); /* in half pages; negative: up */
gboolean fm_view_pager_at_end (FmViewPager *view);
void fm_view_pager_top (FmViewPager *view);
/* The end may be known only after more steps: fm_view_pager_step goes there when it is. */
void fm_view_pager_bottom (FmViewPager *view);
gboolean fm_view_pager_skip_quoted (FmViewPager *view); /* FALSE: no more quotes below */
gboolean fm_view_pager_toggle_fold (FmViewPager *view); /* TRUE: quotes are folded now */
/* A new needle begins at the top of the page; NULL: the last one again. FALSE: no hit in that direction. */
gboolean fm_view_pager_find (FmViewPager *view, const char *needle, gboolean backwards);
gboolean fm_view_pager_has_needle (const FmViewPager *view);

/* Lays out more for about BUDGET_US; TRUE once everything is known. */
gboolean fm_view_pager_step (FmViewPager *view, gint64 budget_us);
/* "42 %", "all", "end"; NULL without text. Transfer: full. */
char *fm_view_pager_place (FmViewPager *view);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FmViewPager, fm_view_pager_free)

G_END_DECLS

/* Words as the index takes text apart, for text that is not, or not yet, in it: header fields are found by the same words here and there.
 * Pure; any thread. The rules are those of Xapian's TermGenerator with pairs of ideographs (docs: xapian.org/docs/termgenerator), so that a
 * search finds what the notmuch command finds:
 *
 *   letters, digits, marks and "_" make a word, folded to lower case; an apostrophe or "&" between letters, a point or comma between digits
 *   belongs to it ("at&t", "3.14"), and so do up to three "+" or "#" behind it ("c++"); "U.S.A." is "usa"; an ideograph is a word by itself;
 *   words over 64 bytes are no words. */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

typedef enum {
  FM_TERMS_WHOLE = 0,  /* these words, in this order, side by side */
  FM_TERMS_PREFIX = 1, /* the last word may go on */
  FM_TERMS_STEM = 2,   /* one word, typed in lower case, is found by its English stem: "meetings" finds "meeting" */
} FmTermsHow;

typedef struct FmTerms FmTerms;

/* What to look for. Text without any word matches nothing; words behind the 64th are not looked at. Transfer: full. */
FmTerms *fm_terms_new (const char *text, FmTermsHow how);
void fm_terms_free (FmTerms *terms); /* accepts NULL */

/* TEXT (UTF-8; NULL is empty) holds the words. */
gboolean fm_terms_match (const FmTerms *terms, const char *text);
/* TEXT is a list of addresses as a header has it: words side by side must stand in one of them. */
gboolean fm_terms_match_addresses (const FmTerms *terms, const char *text);

typedef void (*FmTermsVisit) (const char *term, gpointer data);
/* Every word of TEXT in order. */
void fm_terms_each (const char *text, FmTermsVisit visit, gpointer data);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FmTerms, fm_terms_free)

G_END_DECLS

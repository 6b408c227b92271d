/* The inside of a query tree, for its parsers and the matcher. */
#pragma once
#include "fulmar/mail/query.h"

G_BEGIN_DECLS

struct FmQuery {
  gint refs;
  FmQueryKind kind;
  GPtrArray *children; /* FmQuery, owned; NULL for leaves */
  char *text;
  gboolean is_phrase;
  gboolean is_prefix;
  guint flag;
  gint64 low, high;
};

FmQuery *fm_query_new (FmQueryKind kind);
/* Takes the child and returns the parent. */
FmQuery *fm_query_add (FmQuery *parent, FmQuery *child);
FmQuery *fm_query_new_not (FmQuery *child);
/* A tag or flag word ("unread", "flagged", "urgent"). */
FmQuery *fm_query_new_tag (const char *word);
/* A text leaf; a trailing "*" of an unquoted text becomes is_prefix. */
FmQuery *fm_query_new_text (FmQueryKind kind, const char *text, gboolean is_phrase);

/* Shared by the two parsers: where they are, what they may still make, and what went wrong. */
typedef struct {
  const char *text;
  gsize at;
  gint64 now_utc;
  guint n_terms, depth;
  gsize error_at;
  GError **error;
} FmQueryParser;

enum { FM_QUERY_MAX_BYTES = 8192, FM_QUERY_MAX_TERMS = 500, FM_QUERY_MAX_DEPTH = 100 };

/* Sets the error and its place; returns NULL. */
FmQuery *fm_query_parse_fail (FmQueryParser *parser, gsize at, const char *format, ...) G_GNUC_PRINTF (3, 4);
/* Counts one more term and checks it; NULL (and the term freed) if it is one too many or makes no sense. */
FmQuery *fm_query_parse_term (FmQueryParser *parser, gsize at, FmQuery *term);

/* query-mutt.c */
FmQuery *fm_query_mutt_parse (FmQueryParser *parser);

/* query-range.c: both ends included. FALSE if the text is no date, or size. */
gboolean fm_query_range_date (const char *text, gint64 now_utc, gint64 *ret_low, gint64 *ret_high);
gboolean fm_query_range_age (const char *text, gint64 now_utc, gint64 *ret_start, gint64 *ret_end);
gboolean fm_query_range_size (const char *text, gint64 *ret_low, gint64 *ret_high);

G_END_DECLS

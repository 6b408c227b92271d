/* A styled document: what the pager shows of a message, before any width is known. A list of blocks, each with UTF-8 text, style spans and
 * a shape (quote level, indent, marker), and a table of links. Frozen once built, so any thread may read it. All text has been through the
 * sanitiser: no control byte, no bidirectional control, valid UTF-8; in block text only LF (a forced break) and, in tables, TAB remain.
 * Everything is bounded (FM_DOC_MAX_*); what does not fit is dropped and fm_doc_is_truncated says so. */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

#define FM_DOC_MAX_TEXT_BYTES (48u << 20)
#define FM_DOC_MAX_BLOCKS (1u << 20)
#define FM_DOC_MAX_SPANS (2u << 20)
#define FM_DOC_MAX_LINKS 10000u
#define FM_DOC_MAX_BLOCK_BYTES (16u << 10) /* longer blocks are continued in a next block of the same shape */
#define FM_DOC_MAX_QUOTE 20
#define FM_DOC_MAX_INDENT 40

/* What a stretch of text means; bits combine, the theme gives them colours. */
typedef enum {
  FM_STYLE_BOLD = 1 << 0,
  FM_STYLE_ITALIC = 1 << 1,
  FM_STYLE_UNDERLINE = 1 << 2,
  FM_STYLE_STRIKE = 1 << 3,
  FM_STYLE_CODE = 1 << 4,
  FM_STYLE_HEADING = 1 << 5,
  FM_STYLE_HEADER_NAME = 1 << 6,
  FM_STYLE_HEADER_VALUE = 1 << 7,
  FM_STYLE_LINK = 1 << 8, /* the span's link index says which */
  FM_STYLE_SIGNATURE = 1 << 9,
  FM_STYLE_DIFF_ADD = 1 << 10,
  FM_STYLE_DIFF_DEL = 1 << 11,
  FM_STYLE_DIFF_HUNK = 1 << 12,
  FM_STYLE_DIFF_FILE = 1 << 13,
  FM_STYLE_DIM = 1 << 14,     /* link numbers, image names, rules */
  FM_STYLE_NOTICE = 1 << 15,  /* words of Fulmar's own, never of the sender */
  FM_STYLE_WARNING = 1 << 16, /* likewise, and the reader should look */
  FM_STYLE_QUOTE = 1 << 17,   /* set by the layout on quoted text and its bars; the level is the line's */
  FM_STYLE_MARKER = 1 << 18,  /* list markers */
  FM_STYLE_MATCH = 1 << 19,   /* set by the layout: a search hit */
} FmStyle;

/* A stretch of bytes with one style. In a doc: relative to its block; in a laid-out line: to the line's text. Sorted, never overlapping. */
typedef struct {
  guint32 start, end;
  guint32 style; /* FmStyle bits */
  guint32 link;  /* 1-based index into the link table, 0: none */
} FmStyleRun;

typedef enum {
  FM_DOC_PARAGRAPH,    /* wrapped; LF is a forced break */
  FM_DOC_PREFORMATTED, /* lines as they are, wrapped only where they don't fit */
  FM_DOC_HEADING,      /* as a paragraph; heading_level 1 to 6 */
  FM_DOC_RULE,         /* a line across, no text */
  FM_DOC_TABLE,        /* rows by LF, cells by TAB */
  FM_DOC_LINE,         /* one line, cut with an ellipsis where it doesn't fit */
} FmDocKind;

/* How a block lies on the page. */
typedef struct {
  FmDocKind kind;
  guint8 quote_level;    /* 0: not quoted */
  guint8 heading_level;  /* of FM_DOC_HEADING, else 0 */
  guint8 indent_cols;    /* left of the text; a marker stands inside it */
  gboolean blank_before; /* one empty line above, if the line above isn't empty */
  char marker[8];        /* "-", "12." of a list item: right-aligned in the indent of the first line; sanitised, "" for none */
} FmDocShape;

typedef struct FmDoc FmDoc;

FmDoc *fm_doc_ref (FmDoc *doc);
void fm_doc_unref (FmDoc *doc); /* accepts NULL */

guint fm_doc_n_blocks (const FmDoc *doc);
FmDocShape fm_doc_block_shape (const FmDoc *doc, guint block);
/* Not NUL-terminated at its end; belongs to the doc. */
const char *fm_doc_block_text (const FmDoc *doc, guint block, gsize *ret_size_bytes);
/* The block's spans; bytes outside every span are plain. Belong to the doc. */
const FmStyleRun *fm_doc_block_spans (const FmDoc *doc, guint block, guint *ret_count);

/* Links are numbered from 1 as the reader sees them. The strings are sanitised, belong to the doc, and are never NULL. */
guint fm_doc_n_links (const FmDoc *doc);
const char *fm_doc_link_url (const FmDoc *doc, guint link);
const char *fm_doc_link_text (const FmDoc *doc, guint link);
/* The host the link really leads to (lower case; "" for mailto: and the like). */
const char *fm_doc_link_host (const FmDoc *doc, guint link);
/* TRUE where the shown text names another host than the link leads to. */
gboolean fm_doc_link_is_deceptive (const FmDoc *doc, guint link);

/* TRUE where a bound was met and text is missing at the end. */
gboolean fm_doc_is_truncated (const FmDoc *doc);
/* Stretches of text the sender hid by style (preheaders, zero size) and that were left out. */
guint fm_doc_n_hidden (const FmDoc *doc);

/* All text, a line per block line, quoted lines with "> ", at most LIMIT_BYTES (0: no limit): for replies and the index. Transfer: full. */
char *fm_doc_to_plain (const FmDoc *doc, gsize limit_bytes);

/* Builds a doc in one thread. Text is sanitised on its way in, whatever it holds. */
typedef struct FmDocBuilder FmDocBuilder;

FmDocBuilder *fm_doc_builder_new (void);
void fm_doc_builder_free (FmDocBuilder *builder); /* accepts NULL */
/* Consumes the builder. Transfer: full. */
FmDoc *fm_doc_builder_finish (FmDocBuilder *builder);

/* Opens a block, closing the one that is open. An empty paragraph or line is kept as an empty line. */
void fm_doc_builder_begin (FmDocBuilder *builder, const FmDocShape *shape);
/* Appends to the open block (a plain paragraph where none is). size_bytes -1: up to NUL. LINK 0: none. */
void fm_doc_builder_text (FmDocBuilder *builder, const char *text, gssize size_bytes, guint32 style, guint link);
/* In a table: ends the cell, ends the row. */
void fm_doc_builder_end_cell (FmDocBuilder *builder);
void fm_doc_builder_end_row (FmDocBuilder *builder);
void fm_doc_builder_end (FmDocBuilder *builder);

/* Adds a link, or finds the same URL again: its number, or 0 where the URL is unusable or the table is full. */
guint fm_doc_builder_link (FmDocBuilder *builder, const char *url, const char *shown_text);
/* What the reader sees of a link, known once its text has been walked: decides about deception. */
void fm_doc_builder_link_shown (FmDocBuilder *builder, guint link, const char *shown_text);
/* The end's list of the links numbered FIRST_LINK and up: "[1] host/path", one line each. */
void fm_doc_builder_link_list (FmDocBuilder *builder, guint first_link);
guint fm_doc_builder_n_links (const FmDocBuilder *builder);
void fm_doc_builder_count_hidden (FmDocBuilder *builder);
void fm_doc_builder_set_truncated (FmDocBuilder *builder);

/* Whole blocks of the pager: a header line ("Subject: ..."), a line of Fulmar's own words, another doc's content (its links renumbered). */
void fm_doc_builder_header (FmDocBuilder *builder, const char *name, const char *value);
void fm_doc_builder_notice (FmDocBuilder *builder, const char *text, gboolean warning);
void fm_doc_builder_rule (FmDocBuilder *builder);
void fm_doc_builder_append_doc (FmDocBuilder *builder, const FmDoc *doc);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FmDoc, fm_doc_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FmDocBuilder, fm_doc_builder_free)

G_END_DECLS

/* Between the files of the HTML reader: the bounded parser, the little of CSS that decides what is seen, and the stripper behind them. */
#pragma once
#include <glib.h>
#include <gumbo.h>

/* Parses in an arena of ARENA_BYTES and CPU_MS of this thread's time and calls VISIT with the tree, which dies when VISIT returns. FALSE:
 * a bound was met, nothing was visited. HTML must outlive the call. */
typedef void (*FmHtmlParseVisit) (const GumboOutput *output, gpointer data);
gboolean fm_html_parse_run (const char *html, gsize size, gsize arena_bytes, guint cpu_ms, FmHtmlParseVisit visit, gpointer data);

typedef enum {
  FM_HTML_STYLE_HIDDEN = 1 << 0,
  FM_HTML_STYLE_ZERO_FONT = 1 << 1,
  FM_HTML_STYLE_REAL_FONT = 1 << 2,
  FM_HTML_STYLE_BOLD = 1 << 3,
  FM_HTML_STYLE_NOT_BOLD = 1 << 4,
  FM_HTML_STYLE_ITALIC = 1 << 5,
  FM_HTML_STYLE_UNDERLINE = 1 << 6,
  FM_HTML_STYLE_STRIKE = 1 << 7,
  FM_HTML_STYLE_PRE = 1 << 8,
  FM_HTML_STYLE_BLOCK = 1 << 9,
} FmHtmlStyle;

/* The bits of a declaration list ("display:none; color:red"). */
guint fm_html_style_declarations (const char *css, gsize size);

typedef struct FmHtmlStyleSheet FmHtmlStyleSheet;
FmHtmlStyleSheet *fm_html_style_sheet_new (void);
void fm_html_style_sheet_free (FmHtmlStyleSheet *sheet);
/* Takes in the simple rules (tag, .class, #id, tag.class, lists of them) outside @media; bounded. */
void fm_html_style_sheet_add (FmHtmlStyleSheet *sheet, const char *css);
/* What rules and the element's own style attribute say together. */
guint fm_html_style_of (const FmHtmlStyleSheet *sheet, const GumboElement *element);

/* Tags out, entities decoded, a line for each block element. Transfer: full. */
char *fm_html_strip_text (const char *html, gsize size);

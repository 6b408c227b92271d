/* The lines of a doc at a width. A line is 16 bytes that point into the doc (or, for tables, into drawings of our own); its text with quote
 * bars, indent and marker is composed only when somebody looks at it. Lines are made block by block from the top, as far as asked, so cost
 * follows what is looked at. Folding and searching work on blocks, and lines are sorted by block, so every way back is a binary search. */
#include "config.h"

#include "fulmar/mail/layout.h"

#include <string.h>

#include "fulmar/base/text.h"
#include "mail/layout-private.h"
#include "mail/layout-search.h"

#define MIN_WIDTH 10
#define MAX_LINES (4u << 20)
#define FOLD_MEASURED_BYTES (256u << 10)

typedef enum { LINE_TEXT, LINE_BLANK, LINE_RULE, LINE_FOLD, LINE_DRAWN } LineKind;

typedef struct {
  guint32 block;
  guint32 start; /* bytes in the block; drawn: index into the drawing; fold: the region's last block; blank: its quote level */
  guint32 end;   /* text: past the last byte; fold: how many lines it stands for */
  guint8 kind;
  guint8 first; /* of its block: shows the marker */
} Line;

struct FmLayout {
  FmDoc *doc;
  FmLayoutOptions options;
  GArray *lines; /* Line */
  guint next_block;
  GHashTable *toggled; /* first blocks of quoted regions shown against the option */
  FmLayoutDrawing drawing;
  FmLayoutSearch *search;
  GString *composed;
  gsize text_at, text_size; /* where in the composed line the block's text lies */
  GArray *runs, *marked;    /* FmStyleRun, of the composed line without and with search hits */
};

FmLayout *
fm_layout_new (FmDoc *doc, const FmLayoutOptions *options)
{
  FmLayout *layout = g_new0 (FmLayout, 1);
  layout->doc = fm_doc_ref (doc);
  layout->options = *options;
  layout->options.width_cols = MAX (options->width_cols, MIN_WIDTH);
  layout->lines = g_array_new (FALSE, FALSE, sizeof (Line));
  layout->toggled = g_hash_table_new (NULL, NULL);
  layout->drawing.text = g_string_new (NULL);
  layout->drawing.lines = g_array_new (FALSE, FALSE, sizeof (FmLayoutDrawnLine));
  layout->drawing.runs = g_array_new (FALSE, FALSE, sizeof (FmStyleRun));
  layout->composed = g_string_new (NULL);
  layout->runs = g_array_new (FALSE, FALSE, sizeof (FmStyleRun));
  layout->marked = g_array_new (FALSE, FALSE, sizeof (FmStyleRun));
  return layout;
}

void
fm_layout_free (FmLayout *layout)
{
  if (!layout)
    return;
  fm_doc_unref (layout->doc);
  g_array_unref (layout->lines);
  g_hash_table_unref (layout->toggled);
  g_string_free (layout->drawing.text, TRUE);
  g_array_unref (layout->drawing.lines);
  g_array_unref (layout->drawing.runs);
  fm_layout_search_free (layout->search);
  g_string_free (layout->composed, TRUE);
  g_array_unref (layout->runs);
  g_array_unref (layout->marked);
  g_free (layout);
}

FmDoc *
fm_layout_doc (const FmLayout *layout)
{
  return layout->doc;
}

FmLayoutOptions
fm_layout_options (const FmLayout *layout)
{
  return layout->options;
}

void
fm_layout_set_options (FmLayout *layout, const FmLayoutOptions *options)
{
  layout->options = *options;
  layout->options.width_cols = MAX (options->width_cols, MIN_WIDTH);
  g_array_set_size (layout->lines, 0);
  g_string_truncate (layout->drawing.text, 0);
  g_array_set_size (layout->drawing.lines, 0);
  g_array_set_size (layout->drawing.runs, 0);
  layout->next_block = 0;
}

static const Line *
line_at (const FmLayout *layout, guint line)
{
  return &g_array_index (layout->lines, Line, line);
}

/* Quote bars take at most half of the width, however deep; a list's indent at most half of what is left. */
static guint
bars_shown (const FmLayout *layout, guint quote_level)
{
  return MIN (quote_level, (guint) layout->options.width_cols / 4);
}

static int
indent_shown (const FmLayout *layout, const FmDocShape *shape)
{
  int left = layout->options.width_cols - 2 * (int) bars_shown (layout, shape->quote_level);
  return MIN ((int) shape->indent_cols, left / 2);
}

static int
text_width (const FmLayout *layout, const FmDocShape *shape)
{
  return layout->options.width_cols - 2 * (int) bars_shown (layout, shape->quote_level) - indent_shown (layout, shape);
}

static void
add_line (FmLayout *layout, LineKind kind, guint block, gsize start, gsize end)
{
  gboolean first = layout->lines->len == 0 || line_at (layout, layout->lines->len - 1)->block != block
                   || line_at (layout, layout->lines->len - 1)->kind == LINE_BLANK;
  Line line = { block, (guint32) start, (guint32) end, (guint8) kind, (guint8) first };
  g_array_append_val (layout->lines, line);
}

static void
make_wrapped (FmLayout *layout, guint block, const char *text, gsize at, gsize end, int width)
{
  if (at == end)
    add_line (layout, LINE_TEXT, block, at, at);
  for (gsize next = 0; at < end; at += next)
    {
      gsize take = fm_layout_break_line (text + at, end - at, width, &next);
      add_line (layout, LINE_TEXT, block, at, at + take);
    }
}

static void
make_text (FmLayout *layout, guint block, const FmDocShape *shape)
{
  gsize size = 0, at = 0;
  const char *text = fm_doc_block_text (layout->doc, block, &size);
  int width = text_width (layout, shape);
  for (;;)
    {
      const char *stop = memchr (text + at, '\n', size - at);
      make_wrapped (layout, block, text, at, stop ? (gsize) (stop - text) : size, width);
      if (!stop)
        return;
      at = (gsize) (stop - text) + 1;
    }
}

static void
make_table (FmLayout *layout, guint block, const FmDocShape *shape)
{
  guint from = layout->drawing.lines->len;
  fm_layout_table_draw (&layout->drawing, layout->doc, block, text_width (layout, shape));
  for (guint i = from; i < layout->drawing.lines->len; i++)
    add_line (layout, LINE_DRAWN, block, i, 0);
}

static gboolean
is_quoted (const FmLayout *layout, guint block)
{
  return fm_doc_block_shape (layout->doc, block).quote_level > 0;
}

static guint
source_lines (const FmLayout *layout, guint block)
{
  gsize size = 0;
  guint n = 1;
  const char *at = fm_doc_block_text (layout->doc, block, &size), *end = at + size;
  while (at < end && (at = memchr (at, '\n', (gsize) (end - at))))
    {
      n++;
      at++;
    }
  return n;
}

static void
make_lines (FmLayout *layout, guint block, const FmDocShape *shape)
{
  if (shape->kind == FM_DOC_RULE)
    {
      add_line (layout, LINE_RULE, block, 0, 0);
    }
  else if (shape->kind == FM_DOC_TABLE)
    {
      make_table (layout, block, shape);
    }
  else if (shape->kind == FM_DOC_LINE)
    {
      gsize size = 0;
      fm_doc_block_text (layout->doc, block, &size);
      add_line (layout, LINE_TEXT, block, 0, size);
    }
  else
    {
      make_text (layout, block, shape);
    }
}

static void
make_blank (FmLayout *layout, guint block, const FmDocShape *shape)
{
  if (!shape->blank_before || layout->lines->len == 0)
    return;
  const Line *above = line_at (layout, layout->lines->len - 1);
  if (above->kind == LINE_BLANK || (above->kind == LINE_TEXT && above->start == above->end))
    return;
  guint level = above->kind == LINE_FOLD ? 0 : fm_doc_block_shape (layout->doc, above->block).quote_level;
  add_line (layout, LINE_BLANK, block, MIN (level, shape->quote_level), 0);
}

/* How many lines blocks FIRST to LAST would be: they are laid out and taken away again. */
static guint
measure (FmLayout *layout, guint first, guint last)
{
  FmLayoutDrawing *drawing = &layout->drawing;
  guint from = layout->lines->len, lines = drawing->lines->len, runs = drawing->runs->len;
  gsize text = drawing->text->len;
  for (guint block = first; block <= last && layout->lines->len < MAX_LINES; block++)
    {
      FmDocShape shape = fm_doc_block_shape (layout->doc, block);
      if (block > first)
        make_blank (layout, block, &shape);
      make_lines (layout, block, &shape);
    }
  guint n = layout->lines->len - from;
  g_array_set_size (layout->lines, from);
  g_array_set_size (drawing->lines, lines);
  g_array_set_size (drawing->runs, runs);
  g_string_truncate (drawing->text, text);
  return n;
}

/* A quoted region begins at BLOCK and is to be folded: one line for it. It tells how many lines unfolding will show; of a region that is too long
 * to be laid out for a number's sake, how many lines it was sent in. */
static gboolean
make_fold (FmLayout *layout, guint block)
{
  gboolean toggled = g_hash_table_contains (layout->toggled, GUINT_TO_POINTER (block));
  if (!is_quoted (layout, block) || (block > 0 && is_quoted (layout, block - 1)) || layout->options.fold_quotes == toggled)
    return FALSE;
  guint last = block, n = 0, total = fm_doc_n_blocks (layout->doc);
  gsize bytes = 0, size = 0;
  for (; last < total && is_quoted (layout, last); last++, bytes += size)
    {
      fm_doc_block_text (layout->doc, last, &size);
      n += source_lines (layout, last);
    }
  if (bytes <= FOLD_MEASURED_BYTES)
    n = measure (layout, block, last - 1);
  add_line (layout, LINE_FOLD, block, last - 1, n);
  layout->next_block = last;
  return TRUE;
}

static void
make_block (FmLayout *layout)
{
  guint block = layout->next_block;
  FmDocShape shape = fm_doc_block_shape (layout->doc, block);
  make_blank (layout, block, &shape);
  if (make_fold (layout, block))
    return;
  layout->next_block++;
  make_lines (layout, block, &shape);
}

static gboolean
is_complete (const FmLayout *layout)
{
  return layout->next_block >= fm_doc_n_blocks (layout->doc) || layout->lines->len >= MAX_LINES;
}

guint
fm_layout_ensure (FmLayout *layout, guint n_lines)
{
  while (layout->lines->len < n_lines && !is_complete (layout))
    make_block (layout);
  return layout->lines->len;
}

gboolean
fm_layout_step (FmLayout *layout, gint64 budget_us)
{
  gint64 end = g_get_monotonic_time () + budget_us;
  while (!is_complete (layout) && g_get_monotonic_time () < end)
    for (guint i = 0; i < 16 && !is_complete (layout); i++)
      make_block (layout);
  return is_complete (layout);
}

guint
fm_layout_n_lines (const FmLayout *layout, gboolean *ret_complete)
{
  if (ret_complete)
    *ret_complete = is_complete (layout);
  return layout->lines->len;
}

double
fm_layout_fraction (const FmLayout *layout, guint line)
{
  guint total = fm_doc_n_blocks (layout->doc);
  gboolean complete = is_complete (layout);
  if (layout->lines->len == 0 || total == 0 || (complete && line + 1 >= layout->lines->len))
    return 1.0;
  if (complete)
    return (double) (line + 1) / layout->lines->len;
  return (double) line_at (layout, MIN (line, layout->lines->len - 1))->block / total;
}

static void
add_run (FmLayout *layout, gsize start, gsize end, guint32 style, guint32 link)
{
  FmStyleRun run = { (guint32) start, (guint32) end, style, link };
  if (start < end && (style || link))
    g_array_append_val (layout->runs, run);
}

/* Writes SLICE with its spans shifted to where it lands; BASE is what the whole line is. */
static void
compose_slice (FmLayout *layout, const char *slice, gsize size, const FmStyleRun *spans, guint n_spans, gsize slice_start, guint32 base)
{
  gsize at = layout->composed->len, done = 0;
  guint low = 0, high = n_spans;
  while (low < high)
    {
      guint middle = (low + high) / 2;
      if (spans[middle].end > slice_start)
        high = middle;
      else
        low = middle + 1;
    }
  for (guint i = low; i < n_spans && spans[i].start < slice_start + size; i++)
    {
      gsize from = MAX (spans[i].start, slice_start) - slice_start, to = MIN (spans[i].end, slice_start + size) - slice_start;
      add_run (layout, at + done, at + from, base, 0);
      add_run (layout, at + from, at + to, base | spans[i].style, spans[i].link);
      done = to;
    }
  add_run (layout, at + done, at + size, base, 0);
  g_string_append_len (layout->composed, slice, (gssize) size);
}

static void
compose_prefix (FmLayout *layout, const Line *line, const FmDocShape *shape, guint level)
{
  for (guint i = 0; i < bars_shown (layout, level); i++)
    g_string_append (layout->composed, layout->options.ascii ? "> " : "│ ");
  add_run (layout, 0, layout->composed->len, FM_STYLE_QUOTE, 0);
  if (line->kind == LINE_BLANK)
    return;
  int indent = indent_shown (layout, shape);
  int marker = line->first ? fm_text_width (shape->marker, -1) : 0;
  if (marker + 1 > indent)
    marker = 0;
  for (int i = 0; i < indent - marker - (marker ? 1 : 0); i++)
    g_string_append_c (layout->composed, ' ');
  if (marker)
    {
      gsize at = layout->composed->len;
      g_string_append (layout->composed, shape->marker[0] == '-' && !layout->options.ascii ? "•" : shape->marker);
      add_run (layout, at, layout->composed->len, FM_STYLE_MARKER, 0);
      g_string_append_c (layout->composed, ' ');
    }
}

static void
compose_rule (FmLayout *layout, const FmDocShape *shape)
{
  gsize at = layout->composed->len;
  for (int i = text_width (layout, shape); i > 0; i--)
    g_string_append (layout->composed, layout->options.ascii ? "-" : "─");
  add_run (layout, at, layout->composed->len, FM_STYLE_DIM, 0);
}

static void
compose_text (FmLayout *layout, const Line *line, const FmDocShape *shape, guint32 base)
{
  gsize size = 0, fit = line->end - line->start;
  guint n_spans = 0;
  const char *text = fm_doc_block_text (layout->doc, line->block, &size);
  const FmStyleRun *spans = fm_doc_block_spans (layout->doc, line->block, &n_spans);
  const char *ellipsis = layout->options.ascii ? "..." : "…";
  int width = text_width (layout, shape);
  gboolean cut = shape->kind == FM_DOC_LINE && fm_text_width (text, (gssize) size) > width;
  if (cut)
    fit = fm_text_fit (text, (gssize) size, width - fm_text_width (ellipsis, -1), NULL);
  layout->text_at = layout->composed->len;
  layout->text_size = fit;
  compose_slice (layout, text + line->start, fit, spans, n_spans, line->start, base);
  if (cut)
    compose_slice (layout, ellipsis, strlen (ellipsis), NULL, 0, 0, base | FM_STYLE_DIM);
}

static void
compose_drawn (FmLayout *layout, const Line *line, guint32 base)
{
  const FmLayoutDrawnLine *drawn = &g_array_index (layout->drawing.lines, FmLayoutDrawnLine, line->start);
  const FmStyleRun *runs = drawn->n_runs ? &g_array_index (layout->drawing.runs, FmStyleRun, drawn->first_run) : NULL;
  compose_slice (layout, layout->drawing.text->str + drawn->start, drawn->size, runs, drawn->n_runs, 0, base);
}

static void
compose_fold (FmLayout *layout, const Line *line)
{
  g_autofree char *words
      = g_strdup_printf ("%s %u quoted line%s", layout->options.ascii ? "[+]" : "▸", line->end, line->end == 1 ? "" : "s");
  gsize fit = fm_text_fit (words, -1, layout->options.width_cols, NULL);
  g_string_append_len (layout->composed, words, (gssize) fit);
  add_run (layout, 0, fit, FM_STYLE_QUOTE | FM_STYLE_NOTICE, 0);
}

static guint
line_level (const FmLayout *layout, const Line *line)
{
  return line->kind == LINE_BLANK ? line->start : fm_doc_block_shape (layout->doc, line->block).quote_level;
}

static void
compose (FmLayout *layout, const Line *line)
{
  FmDocShape shape = fm_doc_block_shape (layout->doc, line->block);
  guint level = line_level (layout, line);
  guint32 base = (level ? FM_STYLE_QUOTE : 0) | (shape.kind == FM_DOC_HEADING ? FM_STYLE_HEADING : 0);
  g_string_truncate (layout->composed, 0);
  g_array_set_size (layout->runs, 0);
  if (line->kind == LINE_FOLD)
    {
      compose_fold (layout, line);
      return;
    }
  compose_prefix (layout, line, &shape, level);
  if (line->kind == LINE_RULE)
    compose_rule (layout, &shape);
  else if (line->kind == LINE_TEXT)
    compose_text (layout, line, &shape, base);
  else if (line->kind == LINE_DRAWN)
    compose_drawn (layout, line, base);
}

gboolean
fm_layout_line (FmLayout *layout, guint line, FmLayoutLine *ret_line)
{
  if (line >= fm_layout_ensure (layout, line + 1))
    return FALSE;
  const Line *at = line_at (layout, line);
  compose (layout, at);
  GArray *runs = layout->runs;
  if (layout->search && at->kind != LINE_FOLD)
    {
      FmLayoutSearchLine searched = { layout->composed->str, layout->composed->len, 0, layout->composed->len, 0 };
      if (at->kind == LINE_TEXT)
        {
          searched.text = fm_doc_block_text (layout->doc, at->block, &searched.size);
          searched.start = at->start;
          searched.end = at->start + layout->text_size;
          searched.column = layout->text_at;
        }
      fm_layout_search_mark (layout->search, &searched, runs, layout->marked);
      runs = layout->marked;
    }
  ret_line->text = layout->composed->str;
  ret_line->size_bytes = layout->composed->len;
  ret_line->runs = (const FmStyleRun *) (gpointer) runs->data;
  ret_line->n_runs = runs->len;
  ret_line->quote_level = line_level (layout, at);
  ret_line->is_fold = at->kind == LINE_FOLD;
  return TRUE;
}

static guint32
line_offset (const FmLayout *layout, const Line *line)
{
  if (line->kind == LINE_DRAWN)
    return g_array_index (layout->drawing.lines, FmLayoutDrawnLine, line->start).offset;
  return line->kind == LINE_TEXT ? line->start : 0;
}

FmLayoutAnchor
fm_layout_anchor (FmLayout *layout, guint line)
{
  guint n = fm_layout_ensure (layout, line + 1);
  if (n == 0)
    return (FmLayoutAnchor){ 0, 0 };
  const Line *at = line_at (layout, MIN (line, n - 1));
  return (FmLayoutAnchor){ at->block, line_offset (layout, at) };
}

guint
fm_layout_find_anchor (FmLayout *layout, FmLayoutAnchor anchor)
{
  while (layout->next_block <= anchor.block && !is_complete (layout))
    make_block (layout);
  guint low = 0, high = layout->lines->len;
  while (low < high)
    {
      guint middle = (low + high) / 2;
      const Line *line = line_at (layout, middle);
      gboolean past = line->block > anchor.block || (line->block == anchor.block && line_offset (layout, line) > anchor.offset_bytes);
      if (past)
        high = middle;
      else
        low = middle + 1;
    }
  guint found = low > 0 ? low - 1 : 0;
  while (found > 0 && anchor.offset_bytes == 0 && line_at (layout, found - 1)->block == anchor.block
         && line_offset (layout, line_at (layout, found - 1)) == 0 && line_at (layout, found - 1)->kind != LINE_BLANK)
    found--;
  return found;
}

gboolean
fm_layout_toggle_fold (FmLayout *layout, guint line)
{
  if (line >= fm_layout_ensure (layout, line + 1) || !is_quoted (layout, line_at (layout, line)->block))
    return FALSE;
  guint first = line_at (layout, line)->block;
  while (first > 0 && is_quoted (layout, first - 1))
    first--;
  if (!g_hash_table_remove (layout->toggled, GUINT_TO_POINTER (first)))
    g_hash_table_add (layout->toggled, GUINT_TO_POINTER (first));
  guint keep = fm_layout_find_anchor (layout, (FmLayoutAnchor){ first, 0 });
  while (keep > 0 && line_at (layout, keep - 1)->block == first)
    keep--;
  g_array_set_size (layout->lines, keep);
  layout->next_block = first;
  return TRUE;
}

gboolean
fm_layout_next_unquoted (FmLayout *layout, guint line, guint *ret_line)
{
  gboolean seen = FALSE;
  for (guint i = line; i < fm_layout_ensure (layout, i + 1); i++)
    {
      const Line *at = line_at (layout, i);
      gboolean empty = at->kind == LINE_BLANK || (at->kind == LINE_TEXT && at->start == at->end);
      if (line_level (layout, at) > 0)
        {
          seen = TRUE;
        }
      else if (seen && i > line && !empty)
        {
          *ret_line = i;
          return TRUE;
        }
    }
  return FALSE;
}

void
fm_layout_set_needle (FmLayout *layout, const char *needle)
{
  fm_layout_search_free (layout->search);
  layout->search = needle && *needle ? fm_layout_search_new (needle) : NULL;
}

/* The line of a hit, or -1 where the block is inside a fold. */
static gint64
line_of_hit (FmLayout *layout, guint block, gsize offset)
{
  guint line = fm_layout_find_anchor (layout, (FmLayoutAnchor){ block, (guint32) offset });
  const Line *at = layout->lines->len ? line_at (layout, line) : NULL;
  return !at || at->kind == LINE_FOLD || at->block != block ? -1 : (gint64) line;
}

/* The first hit of a block on a line after LINE, or its last one before it; -1: none. */
static gint64
hit_in_block (FmLayout *layout, guint block, gint64 line, gboolean backwards)
{
  gsize size = 0, from = 0, start = 0, end = 0;
  gint64 best = -1;
  const char *text = fm_doc_block_text (layout->doc, block, &size);
  while (fm_layout_search_next (layout->search, text, size, from, &start, &end))
    {
      gint64 found = line_of_hit (layout, block, start);
      if (found < 0)
        return -1;
      if (!backwards && found > line)
        return found;
      if (backwards && found >= line)
        return best;
      best = backwards ? found : -1;
      from = end;
    }
  return best;
}

gboolean
fm_layout_find (FmLayout *layout, gint64 line, gboolean backwards, guint *ret_line)
{
  guint n_blocks = fm_doc_n_blocks (layout->doc);
  if (!layout->search || n_blocks == 0 || (backwards && line <= 0))
    return FALSE;
  gint64 block = line < 0 ? 0 : (gint64) fm_layout_anchor (layout, (guint) line).block;
  for (; block >= 0 && block < n_blocks; block += backwards ? -1 : 1)
    {
      gint64 found = hit_in_block (layout, (guint) block, line, backwards);
      if (found >= 0)
        {
          *ret_line = (guint) found;
          return TRUE;
        }
    }
  return FALSE;
}

guint
fm_layout_link_at (FmLayout *layout, guint line, gsize byte)
{
  FmLayoutLine at;
  if (!fm_layout_line (layout, line, &at))
    return 0;
  for (guint i = 0; i < at.n_runs; i++)
    if (at.runs[i].start <= byte && byte < at.runs[i].end)
      return at.runs[i].link;
  return 0;
}

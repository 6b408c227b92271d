/* Drawing a table block. Columns get what their longest cell wants; if that is too wide, what their longest word needs and a share of the
 * rest; and if even that is too wide the rows are written one cell below the other, the first of a row outdented. Columns of figures stand
 * flush right. */
#include "config.h"

#include <string.h>

#include "fulmar/base/text.h"
#include "mail/layout-private.h"

#define MAX_COLUMNS 24
#define GAP 2
#define WORD_CAP 18 /* a longer word may be broken to keep a table a table */

typedef struct {
  guint32 start, size; /* in the block's text */
} Cell;

typedef struct {
  const char *text;
  const FmStyleRun *spans;
  guint n_spans;
  GArray *cells; /* Cell, n_columns a row */
  guint n_columns;
  int want[MAX_COLUMNS], need[MAX_COLUMNS], width[MAX_COLUMNS];
  gboolean figures[MAX_COLUMNS];
} Table;

static int
longest_word (const char *text, gsize size)
{
  int longest = 0;
  for (gsize i = 0; i < size;)
    {
      const char *space = memchr (text + i, ' ', size - i);
      gsize n = space ? (gsize) (space - text) - i : size - i;
      longest = MAX (longest, fm_text_width (text + i, (gssize) n));
      i += n + 1;
    }
  return longest;
}

static void
count_columns (Table *t, gsize size)
{
  guint columns = 1, most = 1;
  for (gsize i = 0; i < size; i++)
    {
      if (t->text[i] == '\t' && i + 1 < size && t->text[i + 1] != '\n')
        columns++;
      else if (t->text[i] == '\n')
        columns = 1;
      most = MAX (most, columns);
    }
  t->n_columns = MIN (most, MAX_COLUMNS);
}

/* Cells past the last column are taken into it. */
static void
cut_cells (Table *t, gsize size)
{
  gsize at = 0;
  while (at < size)
    {
      const char *stop = memchr (t->text + at, '\n', size - at);
      gsize row_end = stop ? (gsize) (stop - t->text) : size;
      for (guint column = 0; column < t->n_columns; column++)
        {
          const char *tab = column + 1 < t->n_columns && at < row_end ? memchr (t->text + at, '\t', row_end - at) : NULL;
          gsize end = tab ? (gsize) (tab - t->text) : row_end;
          Cell cell = { (guint32) MIN (at, row_end), (guint32) (end > at ? end - at : 0) };
          while (cell.size > 0 && strchr (" \t", t->text[cell.start + cell.size - 1]))
            cell.size--;
          g_array_append_val (t->cells, cell);
          at = tab ? end + 1 : row_end + 1;
        }
      at = row_end + 1;
    }
}

static const Cell *
cell_at (const Table *t, guint row, guint column)
{
  return &g_array_index (t->cells, Cell, row * t->n_columns + column);
}

static gboolean
is_figure (const char *text, gsize size)
{
  gsize digits = 0;
  for (gsize i = 0; i < size; i++)
    {
      if (g_ascii_isdigit (text[i]))
        digits++;
      else if (g_ascii_isalpha (text[i]))
        return FALSE;
    }
  return digits > 0 && size <= 16;
}

static void
measure (Table *t, guint n_rows)
{
  for (guint c = 0; c < t->n_columns; c++)
    {
      guint figures = 0, words = 0;
      for (guint r = 0; r < n_rows; r++)
        {
          const Cell *cell = cell_at (t, r, c);
          const char *text = t->text + cell->start;
          t->want[c] = MAX (t->want[c], fm_text_width (text, (gssize) cell->size));
          t->need[c] = MAX (t->need[c], longest_word (text, cell->size));
          if (is_figure (text, cell->size))
            figures++;
          else if (cell->size > 0 && r > 0)
            words++;
        }
      t->need[c] = MIN (t->need[c], WORD_CAP);
      t->figures[c] = figures > 0 && words == 0 && c > 0;
    }
}

/* FALSE: no way to stand side by side. */
static gboolean
share_width (Table *t, int width)
{
  int want = 0, need = 0, gaps = GAP * ((int) t->n_columns - 1);
  for (guint c = 0; c < t->n_columns; c++)
    {
      want += t->want[c];
      need += t->need[c];
    }
  if (need + gaps > width)
    return FALSE;
  int spare = MAX (0, width - gaps - need), asked = MAX (1, want - need);
  for (guint c = 0; c < t->n_columns; c++)
    t->width[c] = want + gaps <= width ? t->want[c] : t->need[c] + (int) ((gint64) spare * (t->want[c] - t->need[c]) / asked);
  return TRUE;
}

static FmLayoutDrawnLine *
open_line (FmLayoutDrawing *d, guint32 offset)
{
  FmLayoutDrawnLine line = { .start = (guint32) d->text->len, .first_run = d->runs->len, .offset = offset };
  g_array_append_val (d->lines, line);
  return &g_array_index (d->lines, FmLayoutDrawnLine, d->lines->len - 1);
}

static void
close_line (FmLayoutDrawing *d)
{
  FmLayoutDrawnLine *line = &g_array_index (d->lines, FmLayoutDrawnLine, d->lines->len - 1);
  while (d->text->len > line->start && d->text->str[d->text->len - 1] == ' ')
    g_string_truncate (d->text, d->text->len - 1);
  line->size = (guint32) (d->text->len - line->start);
  line->n_runs = d->runs->len - line->first_run;
}

static void
pad (FmLayoutDrawing *d, int columns)
{
  for (; columns > 0; columns--)
    g_string_append_c (d->text, ' ');
}

/* The first span that ends after START: they are sorted. */
static guint
first_span (const Table *t, guint32 start)
{
  guint low = 0, high = t->n_spans;
  while (low < high)
    {
      guint middle = (low + high) / 2;
      if (t->spans[middle].end > start)
        high = middle;
      else
        low = middle + 1;
    }
  return low;
}

static void
put_slice (FmLayoutDrawing *d, const Table *t, guint32 start, gsize size)
{
  FmLayoutDrawnLine *line = &g_array_index (d->lines, FmLayoutDrawnLine, d->lines->len - 1);
  guint32 at = (guint32) d->text->len - line->start, end = start + (guint32) size;
  for (guint i = first_span (t, start); i < t->n_spans && t->spans[i].start < end; i++)
    {
      FmStyleRun run = t->spans[i];
      run.start = at + MAX (run.start, start) - start;
      run.end = at + MIN (run.end, end) - start;
      g_array_append_val (d->runs, run);
    }
  g_string_append_len (d->text, t->text + start, (gssize) size);
}

/* One row side by side: line after line until every cell is empty. */
static void
draw_row (FmLayoutDrawing *d, const Table *t, guint row)
{
  guint32 done[MAX_COLUMNS] = { 0 };
  gboolean more = TRUE;
  while (more)
    {
      more = FALSE;
      open_line (d, cell_at (t, row, 0)->start);
      for (guint c = 0; c < t->n_columns; c++)
        {
          const Cell *cell = cell_at (t, row, c);
          gsize next = 0, left = cell->size - done[c];
          gsize take = left ? fm_layout_break_line (t->text + cell->start + done[c], left, t->width[c], &next) : 0;
          int space = t->width[c] - fm_text_width (t->text + cell->start + done[c], (gssize) take);
          pad (d, t->figures[c] ? space : 0);
          put_slice (d, t, cell->start + done[c], take);
          pad (d, (t->figures[c] ? 0 : space) + (c + 1 < t->n_columns ? GAP : 0));
          done[c] += (guint32) next;
          more |= done[c] < cell->size;
        }
      close_line (d);
    }
}

static void
draw_stacked (FmLayoutDrawing *d, const Table *t, guint row, int width)
{
  gboolean first = TRUE;
  for (guint c = 0; c < t->n_columns; c++)
    {
      const Cell *cell = cell_at (t, row, c);
      for (gsize done = 0, next = 0; done < cell->size; done += next)
        {
          int indent = first ? 0 : 2;
          gsize take = fm_layout_break_line (t->text + cell->start + done, cell->size - done, width - indent, &next);
          open_line (d, cell_at (t, row, 0)->start);
          pad (d, indent);
          put_slice (d, t, cell->start + (guint32) done, take);
          close_line (d);
          first = FALSE;
        }
    }
}

void
fm_layout_table_draw (FmLayoutDrawing *drawing, const FmDoc *doc, guint block, int width)
{
  Table t = { 0 };
  gsize size = 0;
  t.text = fm_doc_block_text (doc, block, &size);
  t.spans = fm_doc_block_spans (doc, block, &t.n_spans);
  g_autoptr (GArray) cells = t.cells = g_array_new (FALSE, FALSE, sizeof (Cell));
  count_columns (&t, size);
  cut_cells (&t, size);
  guint n_rows = cells->len / t.n_columns;
  measure (&t, n_rows);
  gboolean aligned = share_width (&t, width);
  for (guint row = 0; row < n_rows; row++)
    {
      if (aligned)
        draw_row (drawing, &t, row);
      else
        draw_stacked (drawing, &t, row, width);
    }
}

/* A flat array of cells, row after row. Two rules keep it sound: a wide character owns exactly two neighbouring cells (the right one has
 * width 0 and no text), and writing over one half blanks the other. Everything that reaches a cell goes through `next_cluster`, which is
 * where foreign text loses whatever terminals disagree about. */
#include "ui/canvas.h"
#include <fulmar/base/text.h>
#include <string.h>

#define MARKS_MAX 3

struct FmCanvas {
  FmCell *cells;
  int width, height;
  gboolean ascii;
  int cursor_x, cursor_y;
  gboolean cursor_visible;
};

typedef struct {
  char text[FM_CANVAS_CLUSTER_MAX];
  int size;
  int width;
} Cluster;

static const struct {
  const char *utf8, *ascii;
} glyphs[FM_GLYPH_COUNT] = {
  [FM_GLYPH_HLINE] = { "─", "-" },     [FM_GLYPH_VLINE] = { "│", "|" },       [FM_GLYPH_TOP_LEFT] = { "┌", "+" },
  [FM_GLYPH_TOP_RIGHT] = { "┐", "+" }, [FM_GLYPH_BOTTOM_LEFT] = { "└", "+" }, [FM_GLYPH_BOTTOM_RIGHT] = { "┘", "+" },
  [FM_GLYPH_TEE_RIGHT] = { "├", "+" }, [FM_GLYPH_TEE_LEFT] = { "┤", "+" },    [FM_GLYPH_TEE_UP] = { "┴", "+" },
  [FM_GLYPH_TEE_DOWN] = { "┬", "+" },  [FM_GLYPH_BRANCH] = { "├─", "|-" },    [FM_GLYPH_CORNER] = { "└─", "`-" },
  [FM_GLYPH_TRUNK] = { "│", "|" },     [FM_GLYPH_ARROW] = { ">", ">" },       [FM_GLYPH_CLOSED] = { "▸", "+" },
  [FM_GLYPH_OPEN] = { "▾", "-" },      [FM_GLYPH_DOT] = { "●", "*" },         [FM_GLYPH_RING] = { "○", "o" },
  [FM_GLYPH_MIDDOT] = { "·", "-" },    [FM_GLYPH_ELLIPSIS] = { "…", "..." },  [FM_GLYPH_BAR_FULL] = { "█", "#" },
  [FM_GLYPH_BAR_EMPTY] = { "░", "." }, [FM_GLYPH_POINTER] = { "▸", ">" },
};

/* Punctuation that has a plain twin, for locales without UTF-8; sorted. */
static const struct {
  gunichar c;
  char ascii;
} plain[] = {
  { 0xa0, ' ' },    { 0xa9, 'c' },    { 0xab, '"' },   { 0xb7, '-' },   { 0xbb, '"' },   { 0xd7, 'x' },   { 0xdf, 's' },
  { 0xe6, 'a' },    { 0xf8, 'o' },    { 0x2010, '-' }, { 0x2011, '-' }, { 0x2012, '-' }, { 0x2013, '-' }, { 0x2014, '-' },
  { 0x2018, '\'' }, { 0x2019, '\'' }, { 0x201a, ',' }, { 0x201c, '"' }, { 0x201d, '"' }, { 0x201e, '"' }, { 0x2022, '*' },
  { 0x2026, '.' },  { 0x2190, '<' },  { 0x2192, '>' }, { 0x2212, '-' }, { 0x2500, '-' }, { 0x2502, '|' }, { 0x250c, '+' },
  { 0x2510, '+' },  { 0x2514, '`' },  { 0x2518, '+' }, { 0x251c, '|' }, { 0x2524, '|' }, { 0x252c, '+' }, { 0x2534, '+' },
  { 0x2588, '#' },  { 0x2591, '.' },  { 0x25b8, '+' }, { 0x25be, '-' }, { 0x25cb, 'o' }, { 0x25cf, '*' }, { 0x2713, 'v' },
};

static gboolean
is_pictographic (gunichar c)
{
  return (c >= 0x2190 && c < 0x2c00) || (c >= 0x1f000 && c < 0x20000);
}

/* Characters that draw nothing by themselves and only steer rendering. */
static gboolean
is_dropped (gunichar c)
{
  return c == 0xad || c == 0x34f || c == 0x61c || c == 0x180e || (c >= 0x180b && c <= 0x180d) || (c >= 0x200b && c <= 0x200f)
         || (c >= 0x202a && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || (c >= 0xfe00 && c <= 0xfe0f) || c == 0xfeff
         || (c >= 0xfff9 && c <= 0xfffb) || (c >= 0x1f3fb && c <= 0x1f3ff) || (c >= 0xe0000 && c <= 0xe0fff);
}

static gunichar
drawable (gunichar c)
{
  if (c == '\t' || c == 0x2028 || c == 0x2029)
    return ' ';
  if (c >= 0x1f1e6 && c <= 0x1f1ff)
    return 'A' + (c - 0x1f1e6);
  if (c < 0x20 || (c >= 0x7f && c < 0xa0))
    return 0xfffd;
  switch (g_unichar_type (c))
    {
    case G_UNICODE_UNASSIGNED:
    case G_UNICODE_PRIVATE_USE:
    case G_UNICODE_SURROGATE:
    case G_UNICODE_CONTROL:
      return 0xfffd;
    default:
      return c;
    }
}

static gunichar
read_char (const char **at, const char *end)
{
  gunichar c = (guchar) * *at;
  if (c < 0x80)
    {
      (*at)++;
      return c;
    }
  c = g_utf8_get_char_validated (*at, end - *at);
  if (c == (gunichar) -1 || c == (gunichar) -2)
    {
      (*at)++;
      return 0xfffd;
    }
  *at = g_utf8_next_char (*at);
  return c;
}

static char
ascii_for (gunichar c)
{
  for (guint i = 0; i < G_N_ELEMENTS (plain) && plain[i].c <= c; i++)
    if (plain[i].c == c)
      return plain[i].ascii;
  gunichar parts[G_UNICHAR_MAX_DECOMPOSITION_LENGTH];
  if (g_unichar_fully_decompose (c, TRUE, parts, G_N_ELEMENTS (parts)) > 0 && parts[0] >= 0x20 && parts[0] < 0x7f)
    return (char) parts[0];
  return '?';
}

static void
set_base (Cluster *cluster, gunichar c, gboolean ascii)
{
  cluster->width = c < 0x80 ? 1 : CLAMP (fm_text_char_width (c), 1, 2);
  if (ascii && c >= 0x80)
    {
      char twin = ascii_for (c);
      cluster->size = 1;
      cluster->text[0] = twin;
    }
  else
    cluster->size = g_unichar_to_utf8 (c, cluster->text);
  cluster->text[cluster->size] = '\0';
}

/* Adds a combining mark: composed into the base where Unicode has the whole character, which every terminal draws alike. */
static void
add_mark (Cluster *cluster, gunichar mark, int *marks, gboolean ascii)
{
  gunichar composed, base = g_utf8_get_char (cluster->text);
  if (ascii || base == 0xfffd)
    return;
  if (*marks == 0 && g_unichar_compose (base, mark, &composed) && CLAMP (fm_text_char_width (composed), 1, 2) == cluster->width)
    {
      set_base (cluster, composed, FALSE);
      return;
    }
  if (++*marks > MARKS_MAX || cluster->size + 6 >= FM_CANVAS_CLUSTER_MAX)
    return;
  cluster->size += g_unichar_to_utf8 (mark, cluster->text + cluster->size);
  cluster->text[cluster->size] = '\0';
}

/* Takes what follows a base character as long as it belongs to it: marks are kept, what terminals disagree about is skipped. */
static void
take_tail (Cluster *cluster, const char **at, const char *end, gboolean ascii, gboolean pictographic)
{
  int marks = 0;
  while (*at < end && (guchar) * *at >= 0x80)
    {
      const char *next = *at;
      gunichar c = read_char (&next, end);
      if (c == 0x200d && pictographic && next < end)
        {
          const char *tail = next;
          if (is_pictographic (read_char (&tail, end)))
            next = tail;
        }
      else if (is_dropped (c))
        ;
      else if (c != 0xfffd && drawable (c) == c && fm_text_char_width (c) == 0)
        add_mark (cluster, c, &marks, ascii);
      else
        break;
      *at = next;
    }
}

/* The next cluster of foreign text; FALSE at the end. */
static gboolean
next_cluster (const char **at, const char *end, gboolean ascii, Cluster *cluster)
{
  while (*at < end)
    {
      guchar byte = (guchar) * *at;
      if (byte >= 0x20 && byte < 0x7f && (*at + 1 >= end || (guchar) (*at)[1] < 0x80))
        {
          *cluster = (Cluster){ { (char) byte }, 1, 1 };
          (*at)++;
          return TRUE;
        }
      gunichar c = read_char (at, end);
      if (is_dropped (c))
        continue;
      gunichar base = drawable (c);
      if (base >= 0x80 && base != 0xfffd && fm_text_char_width (base) == 0)
        continue; /* a mark without a base */
      set_base (cluster, base, ascii);
      take_tail (cluster, at, end, ascii, is_pictographic (base));
      return TRUE;
    }
  return FALSE;
}

FmCanvas *
fm_canvas_new (int width, int height, gboolean ascii)
{
  FmCanvas *canvas = g_new0 (FmCanvas, 1);
  canvas->ascii = ascii;
  fm_canvas_resize (canvas, width, height);
  return canvas;
}

void
fm_canvas_free (FmCanvas *canvas)
{
  if (!canvas)
    return;
  g_free (canvas->cells);
  g_free (canvas);
}

void
fm_canvas_resize (FmCanvas *canvas, int width, int height)
{
  canvas->width = CLAMP (width, 1, FM_CANVAS_SIDE_MAX);
  canvas->height = CLAMP (height, 1, FM_CANVAS_SIDE_MAX);
  g_free (canvas->cells);
  canvas->cells = g_new0 (FmCell, (gsize) canvas->width * (gsize) canvas->height);
  canvas->cursor_visible = FALSE;
  fm_canvas_fill (canvas, fm_canvas_rect (canvas), (FmLook){ 0 });
}

int
fm_canvas_width (const FmCanvas *canvas)
{
  return canvas->width;
}

int
fm_canvas_height (const FmCanvas *canvas)
{
  return canvas->height;
}

gboolean
fm_canvas_is_ascii (const FmCanvas *canvas)
{
  return canvas->ascii;
}

FmRect
fm_canvas_rect (const FmCanvas *canvas)
{
  return (FmRect){ 0, 0, canvas->width, canvas->height };
}

static FmCell *
cell_at (const FmCanvas *canvas, int x, int y)
{
  return &canvas->cells[(gsize) y * (gsize) canvas->width + (gsize) x];
}

const FmCell *
fm_canvas_cell (const FmCanvas *canvas, int x, int y)
{
  g_return_val_if_fail (x >= 0 && x < canvas->width && y >= 0 && y < canvas->height, NULL);
  return cell_at (canvas, x, y);
}

static FmRect
clip_to (const FmCanvas *canvas, FmRect rect)
{
  int x0 = MAX (rect.x, 0), y0 = MAX (rect.y, 0);
  int x1 = MIN (rect.x + MAX (rect.width, 0), canvas->width), y1 = MIN (rect.y + MAX (rect.height, 0), canvas->height);
  return (FmRect){ x0, y0, MAX (x1 - x0, 0), MAX (y1 - y0, 0) };
}

static void
blank (FmCell *cell, FmLook look)
{
  memset (cell->text, 0, sizeof cell->text);
  cell->text[0] = ' ';
  cell->width = 1;
  cell->look = look;
}

/* Before cell X is written: if it is one half of a wide character, the other half becomes a blank. */
static void
split_wide (FmCanvas *canvas, int x, int y)
{
  FmCell *cell = cell_at (canvas, x, y);
  if (cell->width == 0 && x > 0)
    blank (cell - 1, cell[-1].look);
  else if (cell->width == 2 && x + 1 < canvas->width)
    blank (cell + 1, cell[1].look);
}

void
fm_canvas_fill (FmCanvas *canvas, FmRect rect, FmLook look)
{
  rect = clip_to (canvas, rect);
  for (int y = rect.y; y < rect.y + rect.height; y++)
    for (int x = rect.x; x < rect.x + rect.width; x++)
      {
        split_wide (canvas, x, y);
        blank (cell_at (canvas, x, y), look);
      }
}

static void
put_cluster (FmCanvas *canvas, int x, int y, FmLook look, const Cluster *cluster)
{
  FmCell *cell = cell_at (canvas, x, y);
  split_wide (canvas, x, y);
  blank (cell, look);
  memcpy (cell->text, cluster->text, (gsize) cluster->size);
  if (cluster->width == 1)
    return;
  split_wide (canvas, x + 1, y);
  blank (cell + 1, look);
  if (canvas->ascii)
    {
      cell[1].text[0] = cell->text[0];
      return;
    }
  cell->width = 2;
  cell[1].width = 0;
  cell[1].text[0] = '\0';
}

int
fm_canvas_text (FmCanvas *canvas, FmRect clip, int x, int y, FmLook look, const char *text, gssize size_bytes)
{
  const char *at = text, *end = text + (size_bytes < 0 ? strlen (text) : (gsize) size_bytes);
  int start = x, edge = clip.x + clip.width;
  Cluster cluster;
  clip = clip_to (canvas, clip);
  gboolean row_visible = y >= clip.y && y < clip.y + clip.height;
  while (x < edge && next_cluster (&at, end, canvas->ascii, &cluster))
    {
      gboolean fits = row_visible && x >= clip.x && x + cluster.width <= clip.x + clip.width;
      if (fits)
        put_cluster (canvas, x, y, look, &cluster);
      else if (row_visible && cluster.width == 2)
        fm_canvas_fill (canvas, clip_to (canvas, (FmRect){ MAX (x, clip.x), y, MIN (x + 2, clip.x + clip.width) - MAX (x, clip.x), 1 }),
                        look);
      x += cluster.width;
    }
  return MIN (x, edge) - start;
}

int
fm_canvas_text_width (const FmCanvas *canvas, const char *text, gssize size_bytes)
{
  const char *at = text, *end = text + (size_bytes < 0 ? strlen (text) : (gsize) size_bytes);
  Cluster cluster;
  int width = 0;
  while (next_cluster (&at, end, canvas->ascii, &cluster))
    width += cluster.width;
  return width;
}

/* How much of TEXT goes into WIDTH columns, in bytes; looks no further than it must. */
static gsize
fit (const FmCanvas *canvas, const char *text, int width, int *ret_width, gboolean *ret_whole)
{
  const char *at = text, *end = text + strlen (text), *last = text;
  Cluster cluster;
  int used = 0;
  *ret_whole = TRUE;
  while (next_cluster (&at, end, canvas->ascii, &cluster))
    {
      if (used + cluster.width > width)
        {
          *ret_whole = FALSE;
          break;
        }
      used += cluster.width;
      last = at;
    }
  *ret_width = used;
  return (gsize) (last - text);
}

static void
field (FmCanvas *canvas, FmRect clip, FmRect at, FmLook look, const char *text, gboolean right)
{
  int used, x = at.x, width = at.width;
  gboolean whole;
  if (width <= 0)
    return;
  gsize size = fit (canvas, text, width, &used, &whole);
  FmRect own = { MAX (clip.x, x), at.y, MIN (clip.x + clip.width, x + width) - MAX (clip.x, x), 1 };
  if (at.y < clip.y || at.y >= clip.y + clip.height)
    return;
  fm_canvas_fill (canvas, own, look);
  const char *ellipsis = fm_canvas_glyph (canvas, FM_GLYPH_ELLIPSIS);
  int ellipsis_width = canvas->ascii ? 3 : 1;
  if (!whole && width > ellipsis_width)
    {
      size = fit (canvas, text, width - ellipsis_width, &used, &whole);
      fm_canvas_text (canvas, own, x, at.y, look, text, (gssize) size);
      fm_canvas_text (canvas, own, x + used, at.y, look, ellipsis, -1);
      return;
    }
  fm_canvas_text (canvas, own, right ? x + width - used : x, at.y, look, text, (gssize) size);
}

void
fm_canvas_field (FmCanvas *canvas, FmRect clip, int x, int y, int width, FmLook look, const char *text)
{
  field (canvas, clip, (FmRect){ x, y, width, 1 }, look, text, FALSE);
}

void
fm_canvas_field_right (FmCanvas *canvas, FmRect clip, int x, int y, int width, FmLook look, const char *text)
{
  field (canvas, clip, (FmRect){ x, y, width, 1 }, look, text, TRUE);
}

const char *
fm_canvas_glyph (const FmCanvas *canvas, FmGlyph glyph)
{
  return canvas->ascii ? glyphs[glyph].ascii : glyphs[glyph].utf8;
}

static void
put_glyph (FmCanvas *canvas, int x, int y, FmLook look, FmGlyph glyph)
{
  fm_canvas_text (canvas, fm_canvas_rect (canvas), x, y, look, fm_canvas_glyph (canvas, glyph), -1);
}

void
fm_canvas_hline (FmCanvas *canvas, int x, int y, int length, FmLook look)
{
  for (int i = 0; i < length; i++)
    put_glyph (canvas, x + i, y, look, FM_GLYPH_HLINE);
}

void
fm_canvas_vline (FmCanvas *canvas, int x, int y, int length, FmLook look)
{
  for (int i = 0; i < length; i++)
    put_glyph (canvas, x, y + i, look, FM_GLYPH_VLINE);
}

void
fm_canvas_box (FmCanvas *canvas, FmRect rect, FmLook look, const char *title)
{
  int right = rect.x + rect.width - 1, bottom = rect.y + rect.height - 1;
  fm_canvas_hline (canvas, rect.x + 1, rect.y, rect.width - 2, look);
  fm_canvas_hline (canvas, rect.x + 1, bottom, rect.width - 2, look);
  fm_canvas_vline (canvas, rect.x, rect.y + 1, rect.height - 2, look);
  fm_canvas_vline (canvas, right, rect.y + 1, rect.height - 2, look);
  put_glyph (canvas, rect.x, rect.y, look, FM_GLYPH_TOP_LEFT);
  put_glyph (canvas, right, rect.y, look, FM_GLYPH_TOP_RIGHT);
  put_glyph (canvas, rect.x, bottom, look, FM_GLYPH_BOTTOM_LEFT);
  put_glyph (canvas, right, bottom, look, FM_GLYPH_BOTTOM_RIGHT);
  if (title)
    {
      g_autofree char *padded = g_strdup_printf (" %s ", title);
      fm_canvas_text (canvas, (FmRect){ rect.x + 2, rect.y, rect.width - 4, 1 }, rect.x + 2, rect.y, look, padded, -1);
    }
}

void
fm_canvas_restyle (FmCanvas *canvas, FmRect rect, FmLook look)
{
  rect = clip_to (canvas, rect);
  for (int y = rect.y; y < rect.y + rect.height; y++)
    for (int x = rect.x; x < rect.x + rect.width; x++)
      cell_at (canvas, x, y)->look = look;
}

void
fm_canvas_set_cursor (FmCanvas *canvas, int x, int y, gboolean visible)
{
  canvas->cursor_visible = visible && x >= 0 && x < canvas->width && y >= 0 && y < canvas->height;
  canvas->cursor_x = x;
  canvas->cursor_y = y;
}

gboolean
fm_canvas_get_cursor (const FmCanvas *canvas, int *ret_x, int *ret_y)
{
  if (!canvas->cursor_visible)
    return FALSE;
  *ret_x = canvas->cursor_x;
  *ret_y = canvas->cursor_y;
  return TRUE;
}

static gboolean
cells_equal (const FmCell *a, const FmCell *b)
{
  return a->width == b->width && fm_look_equal (a->look, b->look) && strcmp (a->text, b->text) == 0;
}

static void
diff_row (const FmCanvas *before, const FmCanvas *after, int y, FmCanvasRun func, gpointer data)
{
  int x = 0;
  while (x < after->width)
    {
      if (before && cells_equal (cell_at (before, x, y), cell_at (after, x, y)))
        {
          x++;
          continue;
        }
      int x0 = x;
      while (x < after->width && !(before && cells_equal (cell_at (before, x, y), cell_at (after, x, y))))
        x++;
      if (cell_at (after, x0, y)->width == 0 && x0 > 0)
        x0--;
      while (x < after->width && cell_at (after, x, y)->width == 0)
        x++;
      func (after, y, x0, x, data);
    }
}

void
fm_canvas_diff (const FmCanvas *before, const FmCanvas *after, FmCanvasRun func, gpointer data)
{
  if (before && (before->width != after->width || before->height != after->height))
    before = NULL;
  for (int y = 0; y < after->height; y++)
    diff_row (before, after, y, func, data);
}

void
fm_canvas_copy (FmCanvas *to, const FmCanvas *from)
{
  if (to->width != from->width || to->height != from->height)
    fm_canvas_resize (to, from->width, from->height);
  memcpy (to->cells, from->cells, sizeof (FmCell) * (gsize) from->width * (gsize) from->height);
  to->cursor_x = from->cursor_x;
  to->cursor_y = from->cursor_y;
  to->cursor_visible = from->cursor_visible;
}

char *
fm_canvas_dump (const FmCanvas *canvas)
{
  GString *text = g_string_new (NULL);
  for (int y = 0; y < canvas->height; y++)
    {
      gsize start = text->len;
      for (int x = 0; x < canvas->width; x++)
        g_string_append (text, cell_at (canvas, x, y)->text);
      while (text->len > start && text->str[text->len - 1] == ' ')
        g_string_truncate (text, text->len - 1);
      g_string_append_c (text, '\n');
    }
  return g_string_free (text, FALSE);
}

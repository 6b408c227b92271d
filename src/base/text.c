/* Foreign text made fit for a terminal.
 *
 * Everything here walks UTF-8 with one strict decoder that never reads past the end and turns each broken byte into U+FFFD. Nearly all mail
 * is ASCII, so runs of plain bytes are found first and copied or counted whole; only the rest is looked up in GLib's Unicode tables. */
#include <fulmar/base/text.h>

#include <string.h>

#define REPLACEMENT 0xfffd

static gboolean
is_plain (guchar byte)
{
  return byte >= 0x20 && byte < 0x7f;
}

/* The code point at P < END and its length in bytes; U+FFFD and 1 where the bytes are not valid UTF-8 (overlong, surrogate, cut). */
static gunichar
decode (const char *p, const char *end, gsize *ret_bytes)
{
  gunichar c = (guchar) *p;

  *ret_bytes = 1;
  if (c < 0x80)
    return c;
  c = g_utf8_get_char_validated (p, end - p);
  if (c >= (gunichar) -2 || (c & 0xfffe) == 0xfffe || (c >= 0xfdd0 && c <= 0xfdef))
    c = REPLACEMENT;
  else
    *ret_bytes = (gsize) (g_utf8_next_char (p) - p);
  return c;
}

int
fm_text_char_width (gunichar c)
{
  if (c < 0x300)
    return c >= 0x20 && (c < 0x7f || c >= 0xa0) && c != 0xad;
  if (g_unichar_iszerowidth (c) || c == 0x2028 || c == 0x2029)
    return 0;
  return g_unichar_iswide (c) ? 2 : 1;
}

static const char *
end_of (const char *text, gssize size_bytes)
{
  return text + (size_bytes < 0 ? strlen (text) : (gsize) size_bytes);
}

int
fm_text_width (const char *text, gssize size_bytes)
{
  const char *end = end_of (text, size_bytes);
  gsize width = 0;

  while (text < end)
    {
      gsize bytes = 1;

      if (is_plain ((guchar) *text))
        width++;
      else
        width += (gsize) fm_text_char_width (decode (text, end, &bytes));
      text += bytes;
    }
  return (int) MIN (width, (gsize) G_MAXINT);
}

/* Characters without a shape of their own that steer how others are shown: joiners, direction, variation, tags, soft hyphens. Terminals
 * disagree about each of them, and several serve to disguise addresses. */
static gboolean
is_invisible (gunichar c)
{
  if (c < 0xad)
    return FALSE;
  if ((c >= 0xfe00 && c <= 0xfe0f) || (c >= 0xe0100 && c <= 0xe01ef) || (c >= 0x180b && c <= 0x180f) || c == 0x34f)
    return TRUE;
  return g_unichar_type (c) == G_UNICODE_FORMAT || (c >= 0xe0000 && c <= 0xe0fff);
}

static gboolean
is_control (gunichar c)
{
  return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029;
}

/* U+FFFD where the code point was broken: its bytes can't be copied from the source. */
static void
append_char (GString *out, const char *p, gsize bytes, gunichar c)
{
  if (c == REPLACEMENT)
    g_string_append_len (out, "\xef\xbf\xbd", 3);
  else
    g_string_append_len (out, p, (gssize) bytes);
}

static void
append_space (GString *out)
{
  if (out->len == 0 || out->str[out->len - 1] != ' ')
    g_string_append_c (out, ' ');
}

/* The length of the run at P that needs no look at all: printable ASCII, and for lines no second blank. */
static gsize
plain_run (const char *p, const char *end, gboolean keep_blanks)
{
  const char *start = p;

  while (p < end && is_plain ((guchar) *p) && (keep_blanks || *p != ' ' || (p + 1 < end && p[1] != ' ')))
    p++;
  return (gsize) (p - start);
}

char *
fm_text_sanitise_line (const char *text, gssize size_bytes)
{
  const char *end = end_of (text, size_bytes);
  GString *out = g_string_sized_new ((gsize) (end - text) + 1);

  while (text < end)
    {
      gsize bytes = *text == ' ' ? 0 : plain_run (text, end, FALSE);
      gunichar c;

      if (bytes > 0)
        {
          g_string_append_len (out, text, (gssize) bytes);
          text += bytes;
          continue;
        }
      c = decode (text, end, &bytes);
      if (is_control (c) || g_unichar_isspace (c))
        append_space (out);
      else if (!is_invisible (c))
        append_char (out, text, bytes, c);
      text += bytes;
    }
  return g_string_free (out, FALSE);
}

char *
fm_text_sanitise_block (const char *text, gssize size_bytes)
{
  const char *end = end_of (text, size_bytes);
  GString *out = g_string_sized_new ((gsize) (end - text) + 1);

  while (text < end)
    {
      gsize bytes = plain_run (text, end, TRUE);
      gunichar c;

      if (bytes > 0)
        {
          g_string_append_len (out, text, (gssize) bytes);
          text += bytes;
          continue;
        }
      c = decode (text, end, &bytes);
      if (c == '\r' && text + 1 < end && text[1] == '\n')
        bytes = 2;
      if (c == '\n' || c == '\r')
        g_string_append_c (out, '\n');
      else if (c == '\t')
        g_string_append_c (out, '\t');
      else if (is_control (c))
        g_string_append_c (out, ' ');
      else if (!is_invisible (c))
        append_char (out, text, bytes, c);
      text += bytes;
    }
  return g_string_free (out, FALSE);
}

gsize
fm_text_fit (const char *text, gssize size_bytes, int width_cols, int *ret_width_cols)
{
  const char *start = text, *end = end_of (text, size_bytes);
  int width = 0;

  while (text < end)
    {
      gsize bytes = 1;
      int columns = is_plain ((guchar) *text) ? 1 : fm_text_char_width (decode (text, end, &bytes));

      if (columns > width_cols - width)
        break;
      width += columns;
      text += bytes;
    }
  if (ret_width_cols != NULL)
    *ret_width_cols = width;
  return (gsize) (text - start);
}

char *
fm_text_ellipsize (const char *text, int width_cols, gboolean ascii)
{
  const char *ellipsis = ascii ? "..." : "\xe2\x80\xa6";
  int ellipsis_cols = ascii ? 3 : 1;
  gsize size_bytes;
  char *cut;

  width_cols = MAX (width_cols, 0);
  size_bytes = fm_text_fit (text, -1, width_cols, NULL);
  if (text[size_bytes] == '\0')
    return g_strdup (text);
  if (width_cols < ellipsis_cols)
    return g_strndup ("...", (gsize) width_cols);
  size_bytes = fm_text_fit (text, (gssize) size_bytes, width_cols - ellipsis_cols, NULL);
  cut = g_malloc (size_bytes + strlen (ellipsis) + 1);
  memcpy (cut, text, size_bytes);
  memcpy (cut + size_bytes, ellipsis, strlen (ellipsis) + 1);
  return cut;
}

static gboolean
is_ascii (const char *text)
{
  while (*text != '\0' && (guchar) *text < 0x80)
    text++;
  return *text == '\0';
}

char *
fm_text_fold (const char *text)
{
  g_autofree char *valid = NULL;
  g_autofree char *composed = NULL;
  g_autofree char *folded = NULL;

  if (is_ascii (text))
    return g_ascii_strdown (text, -1);
  valid = g_utf8_make_valid (text, -1);
  composed = g_utf8_normalize (valid, -1, G_NORMALIZE_ALL_COMPOSE);
  folded = g_utf8_casefold (composed, -1);
  /* Folding can leave a sequence that composes anew. */
  return g_utf8_normalize (folded, -1, G_NORMALIZE_ALL_COMPOSE);
}

/* Three rows of the edit table (transpositions look two rows back), one column more than B has bytes. */
static guint
edit_distance (const char *a, gsize a_bytes, const char *b, gsize b_bytes)
{
  g_autofree guint *rows = g_new (guint, 3 * (b_bytes + 1));
  guint *before = rows, *above = rows + b_bytes + 1, *row = rows + 2 * (b_bytes + 1);
  gsize i, j;

  for (j = 0; j <= b_bytes; j++)
    above[j] = (guint) j;
  for (i = 1; i <= a_bytes; i++)
    {
      guint *spare = before;

      row[0] = (guint) i;
      for (j = 1; j <= b_bytes; j++)
        {
          guint best = above[j - 1] + (a[i - 1] != b[j - 1]);

          best = MIN (best, MIN (above[j], row[j - 1]) + 1);
          if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
            best = MIN (best, before[j - 2] + 1);
          row[j] = best;
        }
      before = above;
      above = row;
      row = spare;
    }
  return above[b_bytes];
}

guint
fm_text_distance (const char *a, const char *b, guint limit)
{
  gsize a_bytes = strlen (a), b_bytes = strlen (b);

  /* The difference in length is a lower bound: a hostile, endless word never reaches the table. */
  if (a_bytes > b_bytes + limit || b_bytes > a_bytes + limit)
    return limit + 1;
  return MIN (edit_distance (a, a_bytes, b, b_bytes), limit + 1);
}

const char *
fm_text_nearest (const char *word, const char *const *candidates)
{
  g_autofree char *folded = fm_text_fold (word);
  guint best = (guint) CLAMP (strlen (folded) / 3, 1, 3);
  const char *nearest = NULL;

  for (; *candidates != NULL; candidates++)
    {
      g_autofree char *candidate = fm_text_fold (*candidates);
      guint distance = fm_text_distance (folded, candidate, best);

      if (distance > best || (distance == best && nearest != NULL))
        continue;
      nearest = *candidates;
      best = distance;
    }
  return nearest;
}

char *
fm_text_size (guint64 size_bytes)
{
  static const char *const units[] = { "kB", "MB", "GB", "TB", "PB" };
  double value = (double) size_bytes / 1000;
  guint unit = 0;

  if (size_bytes < 1000)
    return g_strdup_printf (size_bytes == 1 ? "%u byte" : "%u bytes", (guint) size_bytes);
  while (value >= 999.95 && unit + 1 < G_N_ELEMENTS (units))
    {
      value /= 1000;
      unit++;
    }
  return g_strdup_printf ("%.1f %s", value, units[unit]);
}

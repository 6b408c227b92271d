/* See the header. The needle is lowered once; the text is lowered as it is read, after a quick look at the first byte. */
#include "config.h"

#include "mail/layout-search.h"

#include <string.h>

#define MAX_NEEDLE 200 /* code points */

struct FmLayoutSearch {
  gunichar needle[MAX_NEEDLE];
  guint length;
};

static gboolean
is_space (gunichar c)
{
  return c == ' ' || c == '\n' || c == '\t';
}

FmLayoutSearch *
fm_layout_search_new (const char *needle)
{
  if (!g_utf8_validate (needle, -1, NULL))
    return NULL;
  FmLayoutSearch *s = g_new0 (FmLayoutSearch, 1);
  for (; *needle && s->length < MAX_NEEDLE; needle = g_utf8_next_char (needle))
    {
      gunichar c = g_unichar_tolower (g_utf8_get_char (needle));
      if (is_space (c) && s->length > 0 && s->needle[s->length - 1] == ' ')
        continue;
      s->needle[s->length++] = is_space (c) ? ' ' : c;
    }
  if (s->length == 0)
    g_clear_pointer (&s, g_free);
  return s;
}

void
fm_layout_search_free (FmLayoutSearch *search)
{
  g_free (search);
}

/* The end of a match that begins at AT, or 0. */
static gsize
match_at (const FmLayoutSearch *s, const char *text, gsize size, gsize at)
{
  for (guint i = 0; i < s->length; i++)
    {
      if (at >= size)
        return 0;
      gunichar c = g_utf8_get_char (text + at);
      if (s->needle[i] == ' ' && is_space (c))
        {
          while (at < size && is_space ((guchar) text[at]))
            at++;
          continue;
        }
      if (c != s->needle[i] && g_unichar_tolower (c) != s->needle[i])
        return 0;
      at += (gsize) g_utf8_skip[(guchar) text[at]];
    }
  return at;
}

gboolean
fm_layout_search_next (const FmLayoutSearch *s, const char *text, gsize size, gsize from, gsize *ret_start, gsize *ret_end)
{
  gunichar first = s->needle[0];
  for (gsize at = from; at < size; at += (gsize) g_utf8_skip[(guchar) text[at]])
    {
      guchar c = (guchar) text[at];
      if (first < 0x80 && c < 0x80 && g_ascii_tolower ((char) c) != (char) first && !(first == ' ' && is_space (c)))
        continue;
      gsize end = match_at (s, text, size, at);
      if (end > at)
        {
          *ret_start = at;
          *ret_end = end;
          return TRUE;
        }
    }
  return FALSE;
}

static void
put (GArray *marked, gsize start, gsize end, guint32 style, guint32 link)
{
  FmStyleRun run = { (guint32) start, (guint32) end, style, link };
  if (start < end && (style || link))
    g_array_append_val (marked, run);
}

/* Copies what RUNS say of [FROM, TO), with EXTRA added, gaps included. *NEXT walks along the runs. */
static void
copy_range (const GArray *runs, guint *next, gsize from, gsize to, guint32 extra, GArray *marked)
{
  while (from < to)
    {
      while (*next < runs->len && g_array_index (runs, FmStyleRun, *next).end <= from)
        (*next)++;
      const FmStyleRun *run = *next < runs->len ? &g_array_index (runs, FmStyleRun, *next) : NULL;
      if (!run || run->start >= to)
        {
          put (marked, from, to, extra, 0);
          return;
        }
      if (run->start > from)
        {
          put (marked, from, run->start, extra, 0);
          from = run->start;
        }
      gsize end = MIN (run->end, to);
      put (marked, from, end, run->style | extra, run->link);
      from = end;
    }
}

void
fm_layout_search_mark (const FmLayoutSearch *s, const FmLayoutSearchLine *line, const GArray *runs, GArray *marked)
{
  gsize window = MIN (line->start, (gsize) s->length * 8), at = line->start - window, done = 0, start = 0, end = 0;
  guint next = 0;
  g_array_set_size (marked, 0);
  while (at > 0 && ((guchar) line->text[at] & 0xc0) == 0x80)
    at--;
  while (at < line->end && fm_layout_search_next (s, line->text, MIN (line->size, line->end + (gsize) s->length * 8), at, &start, &end))
    {
      at = end;
      if (start >= line->end)
        break;
      if (end <= line->start)
        continue;
      gsize from = line->column + MAX (start, line->start) - line->start, to = line->column + MIN (end, line->end) - line->start;
      copy_range (runs, &next, done, from, 0, marked);
      copy_range (runs, &next, from, to, FM_STYLE_MATCH, marked);
      done = to;
    }
  copy_range (runs, &next, done, G_MAXUINT32, 0, marked);
}

/* Where a line may break: the everyday part of Unicode line breaking (UAX #14) by the classes GLib knows. Breaks are after spaces, after a
 * hyphen inside a word, around dashes, after a slash, and beside any wide character unless punctuation clings (kinsoku: no closing mark or
 * small kana begins a line, no opening mark ends one). A word longer than the line is broken at a character. */
#include "config.h"

#include <string.h>

#include "fulmar/base/text.h"
#include "mail/layout-private.h"

typedef struct {
  GUnicodeBreakType type;
  int width;
  gboolean space;
} Class;

static Class
classify (gunichar c)
{
  if (c == ' ')
    return (Class){ G_UNICODE_BREAK_SPACE, 1, TRUE };
  return (Class){ g_unichar_break_type (c), c < 0x7f ? 1 : fm_text_char_width (c), FALSE };
}

static gboolean
clings_to_previous (GUnicodeBreakType t)
{
  switch (t)
    {
    case G_UNICODE_BREAK_CLOSE_PUNCTUATION:
    case G_UNICODE_BREAK_CLOSE_PARANTHESIS:
    case G_UNICODE_BREAK_EXCLAMATION:
    case G_UNICODE_BREAK_NON_STARTER:
    case G_UNICODE_BREAK_CONDITIONAL_JAPANESE_STARTER:
    case G_UNICODE_BREAK_INFIX_SEPARATOR:
    case G_UNICODE_BREAK_SYMBOL:
    case G_UNICODE_BREAK_QUOTATION:
    case G_UNICODE_BREAK_NON_BREAKING_GLUE:
    case G_UNICODE_BREAK_WORD_JOINER:
    case G_UNICODE_BREAK_INSEPARABLE:
    case G_UNICODE_BREAK_AFTER:
    case G_UNICODE_BREAK_HYPHEN:
    case G_UNICODE_BREAK_POSTFIX:
    case G_UNICODE_BREAK_COMBINING_MARK:
    case G_UNICODE_BREAK_ZERO_WIDTH_JOINER:
    case G_UNICODE_BREAK_EMOJI_MODIFIER:
      return TRUE;
    default:
      return FALSE;
    }
}

static gboolean
holds_next (GUnicodeBreakType t)
{
  return t == G_UNICODE_BREAK_OPEN_PUNCTUATION || t == G_UNICODE_BREAK_QUOTATION || t == G_UNICODE_BREAK_NON_BREAKING_GLUE
         || t == G_UNICODE_BREAK_WORD_JOINER || t == G_UNICODE_BREAK_ZERO_WIDTH_JOINER || t == G_UNICODE_BREAK_PREFIX;
}

static gboolean
is_word (GUnicodeBreakType t)
{
  return t == G_UNICODE_BREAK_ALPHABETIC || t == G_UNICODE_BREAK_NUMERIC || t == G_UNICODE_BREAK_HEBREW_LETTER
         || t == G_UNICODE_BREAK_AMBIGUOUS;
}

/* Whether a line may end between PREVIOUS and NEXT, neither a space; BEFORE is what precedes PREVIOUS. */
static gboolean
may_break (const Class *before, const Class *previous, const Class *next)
{
  GUnicodeBreakType p = previous->type, n = next->type;
  if (next->width == 0 || clings_to_previous (n) || holds_next (p))
    return FALSE;
  if (p == G_UNICODE_BREAK_HYPHEN)
    return is_word (before->type) && is_word (n) && n != G_UNICODE_BREAK_NUMERIC;
  if (p == G_UNICODE_BREAK_AFTER)
    return TRUE;
  if (p == G_UNICODE_BREAK_SYMBOL)
    return n != G_UNICODE_BREAK_NUMERIC && before->type != G_UNICODE_BREAK_SYMBOL && is_word (before->type);
  if (p == G_UNICODE_BREAK_BEFORE_AND_AFTER || n == G_UNICODE_BREAK_BEFORE_AND_AFTER)
    return p != n;
  return previous->width == 2 || next->width == 2;
}

static gboolean
fits_as_ascii (const char *text, gsize size, int width)
{
  guchar high = 0;
  if (size > (gsize) width)
    return FALSE;
  for (gsize i = 0; i < size; i++)
    high |= (guchar) text[i];
  return high < 0x80;
}

gsize
fm_layout_break_line (const char *text, gsize size, int width, gsize *ret_next)
{
  Class before = { 0 }, previous = { 0 };
  gsize break_end = 0, break_next = 0, space_at = 0;
  int used = 0;
  *ret_next = size;
  if (fits_as_ascii (text, size, width))
    return size;
  for (gsize i = 0; i < size;)
    {
      gunichar c = g_utf8_get_char (text + i);
      Class next = classify (c);
      if (i > 0 && previous.space && !next.space)
        {
          break_end = space_at;
          break_next = i;
        }
      else if (i > 0 && !next.space && may_break (&before, &previous, &next))
        {
          break_end = break_next = i;
        }
      if (!next.space && next.width > 0 && used + next.width > width && i > 0)
        {
          *ret_next = break_next ? break_next : i;
          return break_next ? break_end : i;
        }
      if (next.space && !previous.space)
        space_at = i;
      used += next.width;
      if (next.width > 0 || next.space)
        {
          before = previous;
          previous = next;
        }
      i += (gsize) g_utf8_skip[(guchar) text[i]];
    }
  return used > width && previous.space ? space_at : size;
}

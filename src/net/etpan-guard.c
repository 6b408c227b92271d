/* libetpan multiplies digits into 32 bits without looking, so "UID 4294967297" is UID 1 to it. The names whose values it keeps in 64 bits are
 * few; every other number is checked here, on the way past, with literals and quoted strings stepped over. The free text of a condition is no
 * number's business: it is looked at up to its code's bracket only. */
#include "etpan-guard.h"
#include "imap-lex.h"
#include <string.h>

#define MAX_WIDE_DIGITS 19 /* the longest that can't pass 2^64 */

static const char *const wide_names[] = { "MODSEQ", "HIGHESTMODSEQ", "X-GM-MSGID", "X-GM-THRID" };

/* Whether the word before NUMBER, a parenthesis between them or not, is one with a 64-bit value. */
static gboolean
is_wide_value (const char *text, const char *number)
{
  const char *end = number;

  while (end > text && (end[-1] == ' ' || end[-1] == '('))
    end--;
  const char *start = end;
  while (start > text && strchr (" ([", start[-1]) == NULL)
    start--;
  for (gsize i = 0; i < G_N_ELEMENTS (wide_names); i++)
    if (fm_imap_lex_is ((FmImapText){ start, end - start }, wide_names[i]))
      return TRUE;
  return FALSE;
}

static gboolean
number_fits (const char *text, const char *number, gsize digits)
{
  guint64 n;

  if (digits < 10)
    return TRUE;
  if (is_wide_value (text, number))
    return digits <= MAX_WIDE_DIGITS;
  return fm_imap_lex_number_of ((FmImapText){ number, digits }, G_MAXUINT32, &n);
}

/* The end of the quoted string or literal that begins at P, or P if none does. NULL: it never ends. */
static const char *
step_over_string (const char *p, const char *end)
{
  FmImapLex lex = { p, end, NULL };
  guint64 size;

  if (*p == '"')
    {
      for (p++; p < end && *p != '"'; p++)
        {
          if (*p == '\0')
            return NULL;
          p += *p == '\\' && p + 1 < end;
        }
      return p < end ? p + 1 : NULL;
    }
  lex.p++;
  if (*p != '{' || !fm_imap_lex_number (&lex, G_MAXUINT32, &size))
    return p;
  fm_imap_lex_char (&lex, '+');
  if (!fm_imap_lex_char (&lex, '}') || !fm_imap_lex_char (&lex, '\r') || !fm_imap_lex_char (&lex, '\n'))
    return p;
  return size <= (guint64) (end - lex.p) ? lex.p + size : NULL;
}

static gboolean
is_condition (const char *text, gsize length)
{
  static const char *const kinds[] = { "* OK ", "* NO ", "* BAD ", "* BYE ", "* PREAUTH " };

  for (gsize i = 0; i < G_N_ELEMENTS (kinds); i++)
    if (length >= strlen (kinds[i]) && g_ascii_strncasecmp (text, kinds[i], strlen (kinds[i])) == 0)
      return TRUE;
  return FALSE;
}

/* "(FROM TO)": names of letters, digits and dashes, bare or quoted, one blank between. */
static gboolean
is_sound_field_list (const char *p, const char *end)
{
  if (end - p < 3 || *p != '(' || end[-1] != ')')
    return FALSE;
  for (p++, end--; p < end; p++)
    {
      gboolean is_quoted = *p == '"';
      const char *name = p += is_quoted;
      while (p < end && (g_ascii_isalnum (*p) || *p == '-' || *p == '_'))
        p++;
      if (p == name || (is_quoted && (p == end || *p++ != '"')))
        return FALSE;
      if (p < end && (*p != ' ' || p + 1 == end))
        return FALSE;
    }
  return TRUE;
}

/* Whether the section after "BODY[" is one that libetpan reads to its bracket: it loses memory where it stops in the midst of one. */
static gboolean
is_sound_section (const char *p, const char *end)
{
  static const char *const texts[] = { "HEADER", "TEXT", "MIME" };
  static const char *const lists[] = { "HEADER.FIELDS ", "HEADER.FIELDS.NOT " };
  const char *close = memchr (p, ']', end - p);

  if (close == NULL)
    return FALSE;
  while (p < close && g_ascii_isdigit (*p))
    {
      while (p < close && g_ascii_isdigit (*p))
        p++;
      if (p == close)
        return TRUE;
      if (*p++ != '.' || p == close)
        return FALSE;
    }
  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    if (fm_imap_lex_is ((FmImapText){ p, close - p }, texts[i]))
      return TRUE;
  for (gsize i = 0; i < G_N_ELEMENTS (lists); i++)
    if ((gsize) (close - p) > strlen (lists[i]) && g_ascii_strncasecmp (p, lists[i], strlen (lists[i])) == 0)
      return is_sound_field_list (p + strlen (lists[i]), close);
  return p == close;
}

/* Whether the section is a plain list of header fields: the server's echo of what was asked for, which nobody reads. */
static gboolean
is_echo (const char *section, const char *end)
{
  static const char start[] = "HEADER.FIELDS ";

  return end - section > (ptrdiff_t) strlen (start) && g_ascii_strncasecmp (section, start, strlen (start)) == 0;
}

static gboolean
admits_tokens (const char *text, const char *end, FmImapText *ret_echo)
{
  const char *p = text;

  while (p < end)
    {
      const char *next = *p == '"' || *p == '{' ? step_over_string (p, end) : p;
      if (next == NULL || *p == '\0' || (*p == '-' && p + 1 < end && g_ascii_isdigit (p[1]))) /* a negative number is 0 to libetpan */
        return FALSE;
      if (next == p && g_ascii_isdigit (*p))
        {
          while (next < end && g_ascii_isdigit (*next))
            next++;
          if (!number_fits (text, p, next - p))
            return FALSE;
        }
      else if (next == p) /* a word, whose digits are letters, or one byte between words */
        {
          while (next < end && (g_ascii_isalnum (*next) || *next == '-'))
            next++;
          if (next < end && *next == '[' && fm_imap_lex_is ((FmImapText){ p, next - p }, "BODY"))
            {
              const char *section = next + 1;
              if (!is_sound_section (section, end))
                return FALSE;
              if (ret_echo != NULL && ret_echo->bytes == NULL && is_echo (section, end))
                {
                  next = memchr (section, ']', end - section);
                  *ret_echo = (FmImapText){ section, next - section };
                }
            }
          next = MAX (next, p + 1);
        }
      p = next;
    }
  return TRUE;
}

gboolean
fm_etpan_guard_admits_code (const char *text, gsize length)
{
  const char *bracket = memchr (text, '[', length);
  const char *close = bracket != NULL ? memchr (bracket, ']', text + length - bracket) : NULL;

  return memchr (text, '\0', length) == NULL && (close == NULL || admits_tokens (bracket, close, NULL));
}

gboolean
fm_etpan_guard_admits (const char *text, gsize length, FmImapText *ret_echo)
{
  *ret_echo = (FmImapText){ NULL, 0 };
  if (is_condition (text, length))
    return fm_etpan_guard_admits_code (text, length);
  return admits_tokens (text, text + length, ret_echo);
}

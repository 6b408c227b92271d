/* Words are pointers into the response; only quoted strings with escapes, and texts that must end in NUL, are copied. */
#include "imap-lex.h"
#include <string.h>

void
fm_imap_lex_blank (FmImapLex *lex)
{
  while (lex->p < lex->end && (*lex->p == ' ' || *lex->p == '\t'))
    lex->p++;
}

gboolean
fm_imap_lex_char (FmImapLex *lex, char c)
{
  if (lex->p == lex->end || *lex->p != c)
    return FALSE;
  lex->p++;
  return TRUE;
}

static const char *
find_word_end (const char *p, const char *end, gboolean with_brackets)
{
  guint brackets = 0;

  for (; p < end; p++)
    {
      if (*p == '[' && with_brackets)
        brackets++;
      else if (*p == ']' && brackets > 0)
        brackets--;
      else if (brackets == 0 && strchr (" ()\r\n", *p) != NULL && *p != '\0')
        break;
    }
  return brackets == 0 ? p : NULL;
}

gboolean
fm_imap_lex_word (FmImapLex *lex, FmImapText *ret_word)
{
  const char *start = lex->p;
  const char *end = find_word_end (start, lex->end, TRUE);

  lex->p = end != NULL ? end : find_word_end (start, lex->end, FALSE); /* a bracket that never closes is a letter */
  *ret_word = (FmImapText){ start, lex->p - start };
  return lex->p > start;
}

gboolean
fm_imap_lex_is (FmImapText word, const char *name)
{
  gsize n = strlen (name);
  return word.length == n && g_ascii_strncasecmp (word.bytes, name, n) == 0;
}

static gboolean
lex_quoted (FmImapLex *lex, FmImapText *ret_text)
{
  const char *start = ++lex->p;
  gboolean has_escape = FALSE;

  for (; lex->p < lex->end && *lex->p != '"'; lex->p++)
    if (*lex->p == '\\' && lex->p + 1 < lex->end)
      {
        has_escape = TRUE;
        lex->p++;
      }
  if (lex->p == lex->end)
    return FALSE;
  *ret_text = (FmImapText){ start, lex->p - start };
  lex->p++;
  if (has_escape)
    {
      char *copy = g_malloc (ret_text->length + 1);
      gsize n = 0;
      for (gsize i = 0; i < ret_text->length; i++)
        {
          if (start[i] == '\\' && i + 1 < ret_text->length)
            i++;
          copy[n++] = start[i];
        }
      copy[n] = '\0';
      g_ptr_array_add (lex->keep, copy);
      *ret_text = (FmImapText){ copy, n };
    }
  return TRUE;
}

static gboolean
lex_literal (FmImapLex *lex, FmImapText *ret_text)
{
  guint64 size;

  lex->p++;
  if (!fm_imap_lex_number (lex, G_MAXUINT32, &size))
    return FALSE;
  fm_imap_lex_char (lex, '+');
  if (!fm_imap_lex_char (lex, '}') || !fm_imap_lex_char (lex, '\r') || !fm_imap_lex_char (lex, '\n')
      || size > (guint64) (lex->end - lex->p))
    return FALSE;
  *ret_text = (FmImapText){ lex->p, size };
  lex->p += size;
  return TRUE;
}

gboolean
fm_imap_lex_string (FmImapLex *lex, FmImapText *ret_text)
{
  if (lex->p < lex->end && *lex->p == '~') /* literal8 */
    lex->p++;
  if (lex->p < lex->end && *lex->p == '"')
    return lex_quoted (lex, ret_text);
  if (lex->p < lex->end && *lex->p == '{')
    return lex_literal (lex, ret_text);
  if (!fm_imap_lex_word (lex, ret_text))
    return FALSE;
  if (fm_imap_lex_is (*ret_text, "NIL"))
    *ret_text = (FmImapText){ NULL, 0 };
  return TRUE;
}

gboolean
fm_imap_lex_astring (FmImapLex *lex, FmImapText *ret_text)
{
  const char *start = lex->p;

  if (!fm_imap_lex_string (lex, ret_text))
    return FALSE;
  if (ret_text->bytes == NULL)
    *ret_text = (FmImapText){ start, lex->p - start };
  return ret_text->length > 0;
}

gboolean
fm_imap_lex_number_of (FmImapText word, guint64 max, guint64 *ret_number)
{
  guint64 n = 0;

  if (word.length == 0 || word.length > 20)
    return FALSE;
  for (gsize i = 0; i < word.length; i++)
    {
      guint64 digit = (guint64) (word.bytes[i] - '0');
      if (!g_ascii_isdigit (word.bytes[i]) || n > (max - digit) / 10)
        return FALSE;
      n = n * 10 + digit;
    }
  *ret_number = n;
  return TRUE;
}

gboolean
fm_imap_lex_number (FmImapLex *lex, guint64 max, guint64 *ret_number)
{
  const char *start = lex->p;

  while (lex->p < lex->end && g_ascii_isdigit (*lex->p))
    lex->p++;
  return fm_imap_lex_number_of ((FmImapText){ start, lex->p - start }, max, ret_number);
}

gboolean
fm_imap_lex_skip (FmImapLex *lex)
{
  guint depth = 0;
  FmImapText ignored;

  do
    {
      fm_imap_lex_blank (lex);
      if (fm_imap_lex_char (lex, '('))
        depth++;
      else if (depth > 0 && fm_imap_lex_char (lex, ')'))
        depth--;
      else if (!fm_imap_lex_string (lex, &ignored))
        return FALSE;
    }
  while (depth > 0);
  return TRUE;
}

const char *
fm_imap_lex_keep (FmImapLex *lex, FmImapText text)
{
  char *copy = g_strndup (text.bytes != NULL ? text.bytes : "", text.length);
  g_ptr_array_add (lex->keep, copy);
  return copy;
}

gboolean
fm_imap_lex_list (FmImapLex *lex, GPtrArray *ret_words)
{
  FmImapText text;

  if (!fm_imap_lex_char (lex, '('))
    return FALSE;
  for (;;)
    {
      fm_imap_lex_blank (lex);
      if (fm_imap_lex_char (lex, ')'))
        break;
      if (lex->p < lex->end && *lex->p == '(')
        { /* a list where a word should be: none of it is a word */
          if (!fm_imap_lex_skip (lex))
            return FALSE;
        }
      else if (!fm_imap_lex_string (lex, &text))
        return FALSE;
      else
        g_ptr_array_add (ret_words, (gpointer) fm_imap_lex_keep (lex, text));
    }
  g_ptr_array_add (ret_words, NULL);
  return TRUE;
}

/* Words of letters and digits go as they are, so that the index may stem them ("run" finds "running"), except those that are its operators;
 * everything else goes in quotes, where only the quote itself has a meaning, and that is taken out. */
#include "config.h"
#include "fulmar/index/query-text.h"
#include <string.h>
#include "fulmar/base/error.h"

#define PREFIX_LETTERS 3

static gboolean
is_operator (const char *word)
{
  static const char *const operators[] = { "and", "or", "not", "xor", "near", "adj" };
  for (gsize i = 0; i < G_N_ELEMENTS (operators); i++)
    if (g_ascii_strcasecmp (word, operators[i]) == 0)
      return TRUE;
  return FALSE;
}

static guint
count_letters (const char *text, gboolean *ret_only)
{
  guint letters = 0;
  *ret_only = TRUE;
  for (const char *at = text; *at != '\0'; at = g_utf8_next_char (at))
    {
      gboolean letter = g_unichar_isalnum (g_utf8_get_char (at));
      letters += letter;
      *ret_only = *ret_only && letter;
    }
  return letters;
}

/* Characters of scripts written without spaces are indexed in pairs, so two of them are as telling as a long word. */
static gboolean
has_wide_script (const char *text)
{
  for (const char *at = text; *at != '\0'; at = g_utf8_next_char (at))
    if (g_unichar_iswide (g_utf8_get_char (at)))
      return TRUE;
  return FALSE;
}

static char *
quote (const char *text)
{
  GString *quoted = g_string_new ("\"");
  for (const char *at = text; *at != '\0'; at = g_utf8_next_char (at))
    {
      gunichar c = g_utf8_get_char (at);
      if (c == '"' || !g_unichar_isprint (c))
        g_string_append_c (quoted, ' ');
      else
        g_string_append_unichar (quoted, c);
    }
  g_string_append_c (quoted, '"');
  return g_string_free (quoted, FALSE);
}

static const char *
field_of (FmQueryKind kind)
{
  switch (kind)
    {
    case FM_QUERY_BODY:
      return "body:";
    case FM_QUERY_ATTACHMENT:
      return "Attachment:"; /* our own field of the projection; see index-database.c */
    default:
      return "";
    }
}

static char *
build_text (const FmQuery *leaf, const char *text, GError **error)
{
  gboolean only_letters;
  guint letters = count_letters (text, &only_letters);
  if (letters == 0)
    {
      g_set_error (error, FM_ERROR, FM_ERROR_INVALID, "\"%s\" has no letter or digit to search for", text);
      return NULL;
    }
  const char *field = field_of (fm_query_kind (leaf));
  if (fm_query_is_prefix (leaf))
    {
      if (letters < (has_wide_script (text) ? 1 : PREFIX_LETTERS))
        {
          g_set_error (error, FM_ERROR, FM_ERROR_INVALID, "\"%s*\" is too short: a word that ends in * needs three letters", text);
          return NULL;
        }
      /* Where the characters are indexed in pairs a wildcard adds nothing. */
      if (only_letters && !has_wide_script (text))
        return g_strconcat (field, text, "*", NULL);
    }
  else if (only_letters && !fm_query_is_phrase (leaf) && !is_operator (text))
    {
      return g_strconcat (field, text, NULL);
    }
  g_autofree char *quoted = quote (text);
  return g_strconcat (field, quoted, NULL);
}

char *
fm_query_text_build (const FmQuery *leaf, GError **error)
{
  switch (fm_query_kind (leaf))
    {
    case FM_QUERY_ALL:
      return g_strdup ("*");
    case FM_QUERY_WORD:
    case FM_QUERY_BODY:
      case FM_QUERY_ATTACHMENT: {
        g_autofree char *valid = g_utf8_make_valid (fm_query_text (leaf), -1);
        return build_text (leaf, valid, error);
      }
    default:
      g_set_error (error, FM_ERROR, FM_ERROR_INVALID, "this is not a search of text");
      return NULL;
    }
}

/* The little of CSS that decides whether and how words are seen: hidden things (preheaders), zero font sizes and what resets them, weight,
 * slant, decoration, preserved white space. Rules of style sheets are kept for plain selectors only and never from @media blocks, which
 * speak of screens we are not. */
#include "config.h"

#include <string.h>

#include "mail/html-private.h"

#define MAX_RULES 4000
#define MAX_CLASSES 12
#define MAX_SHEET_BYTES (512u << 10)

struct FmHtmlStyleSheet {
  GHashTable *bits; /* selector, lower case -> FmHtmlStyle */
};

static gboolean
starts (const char *value, const char *word)
{
  return g_ascii_strncasecmp (value, word, strlen (word)) == 0;
}

static guint
font_size_bits (const char *value)
{
  char *end = NULL;
  double size = g_ascii_strtod (value, &end);
  if (end == value)
    return FM_HTML_STYLE_REAL_FONT;
  return size <= 1.0 && !starts (end, "em") && !starts (end, "rem") ? FM_HTML_STYLE_ZERO_FONT
         : size <= 0.05                                             ? FM_HTML_STYLE_ZERO_FONT
                                                                    : FM_HTML_STYLE_REAL_FONT;
}

static gboolean
is_zero (const char *value)
{
  char *end = NULL;
  double size = g_ascii_strtod (value, &end);
  return end > value && size == 0.0 && *end != '.';
}

typedef struct {
  gboolean no_height, no_overflow;
  guint bits;
} Seen;

static void
declaration (Seen *seen, const char *name, const char *value)
{
  if (strcmp (name, "display") == 0)
    seen->bits |= starts (value, "none") ? FM_HTML_STYLE_HIDDEN : g_ascii_strcasecmp (value, "block") == 0 ? FM_HTML_STYLE_BLOCK : 0;
  else if (strcmp (name, "visibility") == 0)
    seen->bits |= starts (value, "hidden") ? FM_HTML_STYLE_HIDDEN : 0;
  else if (strcmp (name, "opacity") == 0)
    seen->bits |= is_zero (value) ? FM_HTML_STYLE_HIDDEN : 0;
  else if (strcmp (name, "max-height") == 0 || strcmp (name, "height") == 0)
    seen->no_height |= is_zero (value);
  else if (strcmp (name, "overflow") == 0)
    seen->no_overflow |= starts (value, "hidden");
  else if (strcmp (name, "font-size") == 0)
    seen->bits = (seen->bits & ~(guint) (FM_HTML_STYLE_ZERO_FONT | FM_HTML_STYLE_REAL_FONT)) | font_size_bits (value);
  else if (strcmp (name, "font-weight") == 0)
    seen->bits |= starts (value, "bold") || (value[0] >= '6' && value[0] <= '9') ? FM_HTML_STYLE_BOLD : FM_HTML_STYLE_NOT_BOLD;
  else if (strcmp (name, "font-style") == 0)
    seen->bits |= starts (value, "italic") ? FM_HTML_STYLE_ITALIC : 0;
  else if (g_str_has_prefix (name, "text-decoration"))
    seen->bits |= starts (value, "underline") ? FM_HTML_STYLE_UNDERLINE : starts (value, "line-through") ? FM_HTML_STYLE_STRIKE : 0;
  else if (strcmp (name, "white-space") == 0)
    seen->bits |= starts (value, "pre") && !starts (value, "pre-line") ? FM_HTML_STYLE_PRE : 0;
}

guint
fm_html_style_declarations (const char *css, gsize size)
{
  Seen seen = { 0 };
  const char *end = css + size;
  while (css < end)
    {
      const char *stop = memchr (css, ';', (gsize) (end - css));
      if (!stop)
        stop = end;
      const char *colon = memchr (css, ':', (gsize) (stop - css));
      if (colon && colon - css < 64)
        {
          g_autofree char *name = g_ascii_strdown (css, colon - css);
          g_autofree char *value = g_strndup (colon + 1, MIN ((gsize) (stop - colon - 1), 64));
          declaration (&seen, g_strstrip (name), g_strstrip (value));
        }
      css = stop + 1;
    }
  if (seen.no_height && seen.no_overflow)
    seen.bits |= FM_HTML_STYLE_HIDDEN;
  return seen.bits;
}

FmHtmlStyleSheet *
fm_html_style_sheet_new (void)
{
  FmHtmlStyleSheet *sheet = g_new0 (FmHtmlStyleSheet, 1);
  sheet->bits = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  return sheet;
}

void
fm_html_style_sheet_free (FmHtmlStyleSheet *sheet)
{
  if (!sheet)
    return;
  g_hash_table_unref (sheet->bits);
  g_free (sheet);
}

static gboolean
is_plain_selector (const char *s)
{
  for (const char *at = s; *at; at++)
    if (!g_ascii_isalnum (*at) && !strchr (".#-_", *at))
      return FALSE;
  return *s != '\0';
}

static void
add_rule (FmHtmlStyleSheet *sheet, const char *selectors, gsize size, guint bits)
{
  g_autofree char *list = g_ascii_strdown (selectors, (gssize) size);
  g_auto (GStrv) parts = g_strsplit (list, ",", 64);
  for (gsize i = 0; parts[i] && g_hash_table_size (sheet->bits) < MAX_RULES; i++)
    {
      const char *selector = g_strstrip (parts[i]);
      if (!is_plain_selector (selector))
        continue;
      guint old = GPOINTER_TO_UINT (g_hash_table_lookup (sheet->bits, selector));
      g_hash_table_replace (sheet->bits, g_strdup (selector), GUINT_TO_POINTER (old | bits));
    }
}

static const char *
skip_block (const char *at)
{
  int depth = 0;
  for (; *at; at++)
    {
      depth += *at == '{' ? 1 : *at == '}' ? -1 : 0;
      if (*at == '}' && depth <= 0)
        return at + 1;
      if (*at == ';' && depth == 0)
        return at + 1;
    }
  return at;
}

static char *
without_comments (const char *css)
{
  GString *out = g_string_new (NULL);
  for (;;)
    {
      const char *open = strstr (css, "/*");
      const char *close = open ? strstr (open + 2, "*/") : NULL;
      g_string_append_len (out, css, open ? open - css : (gssize) strlen (css));
      if (!close)
        return g_string_free (out, FALSE);
      css = close + 2;
    }
}

void
fm_html_style_sheet_add (FmHtmlStyleSheet *sheet, const char *css)
{
  if (strlen (css) > MAX_SHEET_BYTES)
    return;
  g_autofree char *bare = without_comments (css);
  const char *at = bare;
  while (*at)
    {
      at += strspn (at, " \t\r\n\f");
      if (*at == '@')
        {
          at = skip_block (at);
          continue;
        }
      const char *open = strchr (at, '{');
      const char *close = open ? strchr (open, '}') : NULL;
      if (!close)
        return;
      guint bits = fm_html_style_declarations (open + 1, (gsize) (close - open - 1));
      if (bits)
        add_rule (sheet, at, (gsize) (open - at), bits);
      at = close + 1;
    }
}

static guint
look (const FmHtmlStyleSheet *sheet, const char *a, const char *b, const char *c, gsize c_size)
{
  char key[128];
  if (c_size > 60)
    return 0;
  g_snprintf (key, sizeof key, "%s%s%.*s", a, b, (int) c_size, c);
  for (char *at = key; *at; at++)
    *at = g_ascii_tolower (*at);
  return GPOINTER_TO_UINT (g_hash_table_lookup (sheet->bits, key));
}

guint
fm_html_style_of (const FmHtmlStyleSheet *sheet, const GumboElement *element)
{
  GumboVector *attributes = (GumboVector *) &element->attributes;
  const GumboAttribute *style = gumbo_get_attribute (attributes, "style");
  guint bits = 0, own = style ? fm_html_style_declarations (style->value, strlen (style->value)) : 0;
  if (g_hash_table_size (sheet->bits) > 0)
    {
      const char *tag = gumbo_normalized_tagname (element->tag);
      const GumboAttribute *classes = gumbo_get_attribute (attributes, "class"), *id = gumbo_get_attribute (attributes, "id");
      bits = look (sheet, tag, "", "", 0);
      const char *at = classes ? classes->value : "";
      for (guint i = 0; i < MAX_CLASSES && *at; i++)
        {
          at += strspn (at, " \t\r\n");
          gsize n = strcspn (at, " \t\r\n");
          if (n > 0)
            bits |= look (sheet, ".", "", at, n) | look (sheet, tag, ".", at, n);
          at += n;
        }
      if (id)
        bits |= look (sheet, "#", "", id->value, strlen (id->value));
    }
  if (own & (FM_HTML_STYLE_REAL_FONT | FM_HTML_STYLE_ZERO_FONT))
    bits &= ~(guint) (FM_HTML_STYLE_REAL_FONT | FM_HTML_STYLE_ZERO_FONT);
  if (own & FM_HTML_STYLE_BLOCK)
    bits &= ~(guint) FM_HTML_STYLE_HIDDEN;
  return bits | own;
}

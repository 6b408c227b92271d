/* The floor under the parser: one pass over the bytes that drops tags, comments and the content of script, style and head's title, decodes
 * the entities people use, and begins a new line where a block element begins or ends. No tree, no depth, no state but where it stands. */
#include "config.h"

#include <string.h>

#include "mail/html-private.h"

static const struct {
  const char *name;
  gunichar c;
} entities[] = {
  { "amp", '&' },      { "lt", '<' },       { "gt", '>' },       { "quot", '"' },      { "apos", '\'' },    { "nbsp", ' ' },
  { "copy", 0xa9 },    { "reg", 0xae },     { "trade", 0x2122 }, { "hellip", 0x2026 }, { "mdash", 0x2014 }, { "ndash", 0x2013 },
  { "lsquo", 0x2018 }, { "rsquo", 0x2019 }, { "ldquo", 0x201c }, { "rdquo", 0x201d },  { "bull", 0x2022 },  { "middot", 0xb7 },
  { "euro", 0x20ac },  { "pound", 0xa3 },   { "yen", 0xa5 },     { "cent", 0xa2 },     { "laquo", 0xab },   { "raquo", 0xbb },
  { "deg", 0xb0 },     { "sect", 0xa7 },    { "times", 0xd7 },   { "auml", 0xe4 },     { "ouml", 0xf6 },    { "uuml", 0xfc },
  { "Auml", 0xc4 },    { "Ouml", 0xd6 },    { "Uuml", 0xdc },    { "szlig", 0xdf },    { "eacute", 0xe9 },  { "egrave", 0xe8 },
  { "agrave", 0xe0 },  { "ccedil", 0xe7 },  { "ntilde", 0xf1 },  { "aring", 0xe5 },    { "oslash", 0xf8 },  { "aelig", 0xe6 },
};
static const char *const block_tags[]
    = { "p",  "div", "br", "tr",         "table", "li",     "ul",      "ol",      "h1",     "h2",     "h3", "h4",
        "h5", "h6",  "hr", "blockquote", "pre",   "center", "section", "article", "header", "footer", "dt", "dd" };
static const char *const raw_tags[] = { "script", "style", "title", "template" };

typedef struct {
  const char *at, *end;
  GString *out;
  gboolean space;
} Stripper;

static gboolean
is_one_of (const char *const *list, gsize n, const char *name, gsize size)
{
  for (gsize i = 0; i < n; i++)
    if (strlen (list[i]) == size && g_ascii_strncasecmp (list[i], name, size) == 0)
      return TRUE;
  return FALSE;
}

static void
put_char (Stripper *s, gunichar c)
{
  gboolean at_start = s->out->len == 0 || s->out->str[s->out->len - 1] == '\n';
  if (s->space && !at_start)
    g_string_append_c (s->out, ' ');
  s->space = FALSE;
  g_string_append_unichar (s->out, c);
}

static void
put_break (Stripper *s)
{
  s->space = FALSE;
  if (s->out->len > 0 && s->out->str[s->out->len - 1] != '\n')
    g_string_append_c (s->out, '\n');
}

static gboolean
valid_char (guint64 c)
{
  return c >= 0x20 && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff) && (c < 0x7f || c > 0x9f);
}

static void
strip_entity (Stripper *s)
{
  gsize n = 1;
  while (s->at + n < s->end && n < 12 && (g_ascii_isalnum (s->at[n]) || (n == 1 && s->at[n] == '#')))
    n++;
  g_autofree char *name = g_strndup (s->at + 1, n - 1);
  gunichar c = 0;
  if (name[0] == '#')
    {
      gboolean hex = name[1] == 'x' || name[1] == 'X';
      guint64 number = g_ascii_strtoull (name + (hex ? 2 : 1), NULL, hex ? 16 : 10);
      c = valid_char (number) ? (gunichar) number : 0xfffd;
    }
  for (gsize i = 0; !c && i < G_N_ELEMENTS (entities); i++)
    if (strcmp (entities[i].name, name) == 0)
      c = entities[i].c;
  if (!c)
    {
      put_char (s, '&');
      s->at++;
      return;
    }
  if (c == ' ')
    s->space = TRUE;
  else
    put_char (s, c);
  s->at += n;
  if (s->at < s->end && *s->at == ';')
    s->at++;
}

/* Past "</NAME" of a raw element, or the end. */
static const char *
raw_end (const Stripper *s, const char *name, gsize size)
{
  const char *at = s->at;
  while ((at = memchr (at, '<', (gsize) (s->end - at))))
    {
      if ((gsize) (s->end - at) > size + 2 && at[1] == '/' && g_ascii_strncasecmp (at + 2, name, size) == 0)
        return at;
      at++;
    }
  return s->end;
}

static void
strip_tag (Stripper *s)
{
  const char *name = s->at + 1;
  if (s->end - s->at >= 4 && memcmp (s->at, "<!--", 4) == 0)
    {
      const char *close = g_strstr_len (s->at + 4, s->end - s->at - 4, "-->");
      s->at = close ? close + 3 : s->end;
      return;
    }
  gboolean closing = name < s->end && *name == '/';
  if (closing)
    name++;
  gsize size = 0;
  while (name + size < s->end && size < 16 && g_ascii_isalnum (name[size]))
    size++;
  if (size == 0 && !(name < s->end && (*name == '!' || *name == '?')))
    {
      put_char (s, '<');
      s->at++;
      return;
    }
  const char *close = memchr (name, '>', (gsize) (s->end - name));
  s->at = close ? close + 1 : s->end;
  if (is_one_of (block_tags, G_N_ELEMENTS (block_tags), name, size))
    put_break (s);
  else if ((size == 2 && (g_ascii_strncasecmp (name, "td", 2) == 0 || g_ascii_strncasecmp (name, "th", 2) == 0)))
    s->space = TRUE;
  if (!closing && is_one_of (raw_tags, G_N_ELEMENTS (raw_tags), name, size))
    s->at = raw_end (s, name, size);
}

char *
fm_html_strip_text (const char *html, gsize size)
{
  Stripper s = { html, html + size, g_string_sized_new (size / 4 + 16), FALSE };
  while (s.at < s.end)
    {
      if (*s.at == '<')
        {
          strip_tag (&s);
        }
      else if (*s.at == '&')
        {
          strip_entity (&s);
        }
      else if (g_ascii_isspace (*s.at))
        {
          s.space = TRUE;
          s.at++;
        }
      else
        {
          put_char (&s, g_utf8_get_char (s.at));
          s.at = g_utf8_next_char (s.at);
        }
    }
  return g_string_free (s.out, FALSE);
}

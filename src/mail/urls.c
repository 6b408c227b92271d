/* URLs in running text and the truth about where a link leads. The finder hops from one candidate start to the next by memchr on ':' and
 * '.', so text without URLs costs a scan; a URL then runs to white space or a delimiter and sheds the punctuation of the sentence around it.
 * The host is cut out by the rules browsers use (user-info, backslashes), because that is what senders of fraud play with. */
#include "config.h"

#include "fulmar/mail/urls.h"

#include <string.h>

static const char *const offered_schemes[] = {
  "http", "https", "ftp",    "ftps",   "mailto", "tel", "sms",  "news",   "nntp", "xmpp", "irc",
  "ircs", "geo",   "gemini", "gopher", "matrix", "sip", "sips", "webcal", "git",  "ssh",  "magnet",
};
static const char *const found_prefixes[] = { "https://", "http://", "ftp://", "mailto:" };

static gboolean
is_word_byte (char c)
{
  return g_ascii_isalnum (c) || c == '_' || c == '-' || (c & 0x80);
}

/* Ends a URL in text: white space, controls, quotes and angle brackets, and the ideographic punctuation that follows URLs unspaced. */
static gsize
url_run (const char *text, gsize size)
{
  gsize i = 0;
  while (i < size && i < FM_URLS_MAX_BYTES)
    {
      guchar c = (guchar) text[i];
      if (c <= 0x20 || c == 0x7f || c == '"' || c == '<' || c == '>' || c == '`' || c == '{' || c == '}' || c == '|' || c == '\\'
          || c == '^')
        break;
      if (c == 0xe3 && i + 1 < size && (guchar) text[i + 1] == 0x80)
        break; /* U+3000 to U+303F */
      if (c == 0xef && i + 1 < size && (guchar) text[i + 1] == 0xbc)
        break; /* full-width forms */
      if (c == 0xc2 && i + 1 < size && ((guchar) text[i + 1] <= 0xa0 || (guchar) text[i + 1] == 0xbb || (guchar) text[i + 1] == 0xab))
        break; /* C1, no-break space, guillemets */
      if (c == 0xe2 && i + 1 < size && (guchar) text[i + 1] == 0x80)
        break; /* U+2000 to U+203F: spaces, dashes, typographic quotes, separators */
      i++;
    }
  return i;
}

/* "see http://x.org/a_(b)." keeps its bracket and sheds the stop. */
static gsize
shed_punctuation (const char *url, gsize size)
{
  static const char pairs[] = "()[]";
  while (size > 0)
    {
      char c = url[size - 1];
      if (strchr (".,;:!?'*_~", c))
        {
          size--;
          continue;
        }
      const char *close = strchr (pairs, c);
      if (!close || (close - pairs) % 2 == 0)
        return c == '(' || c == '[' ? size - 1 : size;
      gssize balance = 0;
      for (gsize i = 0; i < size; i++)
        balance += url[i] == close[-1] ? 1 : url[i] == *close ? -1 : 0;
      if (balance >= 0)
        return size;
      size--;
    }
  return 0;
}

/* A candidate that starts at START with a fixed prefix: long enough, and something that can be a host after it. */
static gsize
accept (const char *text, gsize size, gsize start, gsize prefix)
{
  gsize run = url_run (text + start, size - start);
  run = shed_punctuation (text + start, run);
  if (run <= prefix)
    return 0;
  const char *rest = text + start + prefix;
  gsize rest_size = run - prefix;
  if (text[start + prefix - 1] == '/')
    return g_ascii_isalnum (rest[0]) || rest[0] == '[' || (rest[0] & 0x80) ? run : 0;
  const char *needed = text[start + prefix - 1] == ':' ? memchr (rest, '@', rest_size) : memchr (rest, '.', rest_size);
  return needed && needed > rest && needed < rest + rest_size - 1 && g_ascii_isalnum (rest[0]) ? run : 0;
}

static gsize
try_at_colon (const char *text, gsize size, gsize from, gsize colon, gsize *ret_start)
{
  for (gsize i = 0; i < G_N_ELEMENTS (found_prefixes); i++)
    {
      gsize prefix = strlen (found_prefixes[i]), scheme = strcspn (found_prefixes[i], ":");
      if (colon < from + scheme || colon - scheme + prefix > size)
        continue;
      gsize start = colon - scheme;
      if (g_ascii_strncasecmp (text + start, found_prefixes[i], prefix) != 0)
        continue;
      if (start > 0 && start > from && is_word_byte (text[start - 1]) && !(text[start - 1] & 0x80))
        continue;
      gsize run = accept (text, size, start, prefix);
      if (run)
        {
          *ret_start = start;
          return run;
        }
    }
  return 0;
}

static gsize
try_at_www (const char *text, gsize size, gsize from, gsize dot, gsize *ret_start)
{
  if (dot < from + 3 || g_ascii_strncasecmp (text + dot - 3, "www", 3) != 0)
    return 0;
  gsize start = dot - 3;
  if (start > 0 && (is_word_byte (text[start - 1]) || strchr ("./@:", text[start - 1])) && !(text[start - 1] & 0x80))
    return 0;
  gsize run = accept (text, size, start, 4);
  if (run)
    *ret_start = start;
  return run;
}

gboolean
fm_urls_find (const char *text, gsize size_bytes, gsize from, gsize *ret_start, gsize *ret_end)
{
  gsize at = from;
  const char *colon = NULL, *dot = NULL;
  while (at < size_bytes)
    {
      if (!colon || colon < text + at)
        colon = memchr (text + at, ':', size_bytes - at);
      if (!dot || dot < text + at)
        dot = memchr (text + at, '.', size_bytes - at);
      if (!colon)
        colon = text + size_bytes;
      if (!dot)
        dot = text + size_bytes;
      const char *mark = MIN (colon, dot);
      if (mark == text + size_bytes)
        return FALSE;
      gsize pos = (gsize) (mark - text), start = 0;
      gsize run = mark == colon ? try_at_colon (text, size_bytes, from, pos, &start) : try_at_www (text, size_bytes, from, pos, &start);
      if (run)
        {
          *ret_start = start;
          *ret_end = start + run;
          return TRUE;
        }
      at = pos + 1;
    }
  return FALSE;
}

char *
fm_urls_absolute (const char *found, gsize size_bytes)
{
  g_autofree char *url = g_strndup (found, size_bytes);
  if (g_ascii_strncasecmp (url, "www.", 4) == 0)
    return g_strconcat ("http://", url, NULL);
  return g_steal_pointer (&url);
}

/* The scheme's length where the reference has one of ours, else 0. */
static gsize
offered_scheme (const char *url)
{
  for (gsize i = 0; i < G_N_ELEMENTS (offered_schemes); i++)
    {
      gsize n = strlen (offered_schemes[i]);
      if (g_ascii_strncasecmp (url, offered_schemes[i], n) == 0 && url[n] == ':')
        return n;
    }
  return 0;
}

char *
fm_urls_clean (const char *href)
{
  g_autoptr (GString) out = g_string_new (NULL);
  while (*href && (guchar) *href <= 0x20)
    href++;
  if (g_ascii_strncasecmp (href, "www.", 4) == 0)
    g_string_append (out, "http://");
  else if (href[0] == '/' && href[1] == '/')
    g_string_append (out, "https:");
  for (const char *at = href; *at && out->len < FM_URLS_MAX_BYTES; at++)
    {
      guchar c = (guchar) *at;
      if (c == '\n' || c == '\r' || c == '\t')
        continue;
      if (c < 0x20 || c == 0x7f || c == ' ' || c == '"' || c == '<' || c == '>')
        g_string_append_printf (out, "%%%02X", c);
      else
        g_string_append_c (out, (char) c);
    }
  while (out->len >= 3 && g_str_has_suffix (out->str, "%20"))
    g_string_truncate (out, out->len - 3);
  gsize scheme = offered_scheme (out->str);
  if (!scheme || out->len <= scheme + 1 || out->len >= FM_URLS_MAX_BYTES)
    return NULL;
  if (!g_utf8_validate (out->str, (gssize) out->len, NULL))
    {
      g_autofree char *escaped = g_uri_escape_string (out->str, "!#$&'()*+,/:;=?@[]%", FALSE);
      return g_steal_pointer (&escaped);
    }
  return g_string_free (g_steal_pointer (&out), FALSE);
}

char *
fm_urls_host (const char *url)
{
  gsize scheme = offered_scheme (url);
  const char *at = url + scheme + 1;
  if (!scheme || at[0] == '\0' || (at[0] != '/' && at[0] != '\\') || (at[1] != '/' && at[1] != '\\'))
    return g_strdup ("");
  at += strspn (at, "/\\");
  gsize size = strcspn (at, "/\\?#");
  const char *user_end = memrchr (at, '@', size);
  if (user_end)
    {
      size -= (gsize) (user_end + 1 - at);
      at = user_end + 1;
    }
  if (at[0] == '[')
    {
      const char *close = memchr (at, ']', size);
      if (close)
        return g_ascii_strdown (at, close + 1 - at);
    }
  const char *port = memchr (at, ':', size);
  if (port)
    size = (gsize) (port - at);
  while (size > 0 && at[size - 1] == '.')
    size--;
  g_autofree char *raw = g_strndup (at, size);
  g_autofree char *decoded = g_uri_unescape_string (raw, NULL);
  return g_utf8_validate (decoded ? decoded : raw, -1, NULL) ? g_utf8_strdown (decoded ? decoded : raw, -1) : g_ascii_strdown (raw, -1);
}

/* A token that could be a host name: labels of letters, digits and hyphens, and a last label that is a word of letters. */
static gboolean
looks_like_host (const char *word, gsize size)
{
  gsize dots = 0, label = 0, letters = 0;
  for (gsize i = 0; i < size; i++)
    {
      if (word[i] == '.')
        {
          if (label == 0)
            return FALSE;
          dots++;
          label = letters = 0;
        }
      else if (is_word_byte (word[i]))
        {
          label++;
          letters += g_ascii_isalpha (word[i]) ? 1u : 0u;
        }
      else
        {
          return FALSE;
        }
    }
  return dots > 0 && letters == label && label >= 2 && label <= 24 && size <= 253;
}

static gboolean
is_file_suffix (const char *word, gsize size)
{
  static const char *const suffixes[]
      = { ".pdf", ".doc", ".docx", ".txt", ".html", ".htm", ".png", ".jpg", ".zip", ".php", ".js", ".xls", ".xlsx", ".mp", ".exe" };
  for (gsize i = 0; i < G_N_ELEMENTS (suffixes); i++)
    {
      gsize n = strlen (suffixes[i]);
      if (size > n && g_ascii_strncasecmp (word + size - n, suffixes[i], n) == 0)
        return TRUE;
    }
  return FALSE;
}

char *
fm_urls_claimed_host (const char *shown_text)
{
  gsize size = strlen (shown_text), start = 0, end = 0;
  if (fm_urls_find (shown_text, size, 0, &start, &end))
    {
      g_autofree char *url = fm_urls_absolute (shown_text + start, end - start);
      g_autofree char *host = fm_urls_host (url);
      return *host ? g_steal_pointer (&host) : NULL;
    }
  /* A bare "bank.example": only where it is the whole text, or sentences with missing spaces would be suspects. */
  gsize lead = strspn (shown_text, " \t\n(");
  gsize word = strcspn (shown_text + lead, " \t\n/):?");
  const char *rest = shown_text + lead + word;
  if (*rest == ' ' || !looks_like_host (shown_text + lead, word) || is_file_suffix (shown_text + lead, word))
    return NULL;
  return g_ascii_strdown (shown_text + lead, (gssize) word);
}

static const char *
without_www (const char *host)
{
  return g_ascii_strncasecmp (host, "www.", 4) == 0 ? host + 4 : host;
}

static gboolean
is_subdomain (const char *sub, const char *of)
{
  gsize a = strlen (sub), b = strlen (of);
  return a > b && sub[a - b - 1] == '.' && g_ascii_strcasecmp (sub + a - b, of) == 0;
}

gboolean
fm_urls_hosts_agree (const char *claimed, const char *host)
{
  const char *a = without_www (claimed), *b = without_www (host);
  return g_ascii_strcasecmp (a, b) == 0 || is_subdomain (a, b) || is_subdomain (b, a);
}

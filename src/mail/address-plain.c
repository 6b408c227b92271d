/* The address fields that need no parser. Nearly all are lists of dot-atoms at dot-atoms, with names of atoms or simple quoted strings before them
 * (RFC 5322 section 3.4): those are read here in one pass into one block. The first byte that could mean anything else (a comment, a group, a
 * route, an encoded word, an escape, a byte beyond ASCII) ends that: the whole field then goes to GMime. So what is admitted here must be what
 * GMime reads the same way, which test-plain and fuzz-plain check; but for dots that break the rule. */
#include "mail/address-private.h"
#include <string.h>

enum {
  ATOM = 1,   /* in an address */
  NAME = 2,   /* in a name without quotes */
  QUOTED = 4, /* in a quoted name */
};

typedef struct {
  const char *at, *end;
} Scan;

typedef struct {
  const char *start;
  gsize size;
} Span;

/* '?' is nowhere, so that no encoded word (RFC 2047) passes. */
static guint
class_of (guchar c)
{
  if (g_ascii_isalnum (c) || c == '-' || c == '_' || c == '+' || c == '\'' || c == '&' || c == '=' || c == '/' || c == '#')
    return ATOM | NAME | QUOTED;
  if (c == '!' || c == '$' || c == '%' || c == '*' || c == '^' || c == '`' || c == '{' || c == '|' || c == '}' || c == '~')
    return NAME | QUOTED;
  return c >= 0x20 && c < 0x7f && c != '"' && c != '\\' && c != '?' ? QUOTED : 0;
}

static gsize
run_of (const Scan *scan, guint class)
{
  const char *p = scan->at;

  while (p < scan->end && (class_of ((guchar) *p) & class) != 0)
    p++;
  return (gsize) (p - scan->at);
}

static gboolean
take_char (Scan *scan, char c)
{
  if (scan->at == scan->end || *scan->at != c)
    return FALSE;
  scan->at++;
  return TRUE;
}

static void
skip_blanks (Scan *scan)
{
  while (scan->at < scan->end && (*scan->at == ' ' || *scan->at == '\t'))
    scan->at++;
}

/* No label of an international domain (RFC 5890): GMime shows those decoded. */
static gboolean
take_dot_atom (Scan *scan)
{
  do
    {
      gsize size = run_of (scan, ATOM);
      if (size == 0 || (size >= 4 && g_ascii_strncasecmp (scan->at, "xn--", 4) == 0))
        return FALSE;
      scan->at += size;
    }
  while (take_char (scan, '.'));
  return TRUE;
}

/* Dots wherever they stand: those of "a..hudler@enron.com" and "<.palmer@enron.com>" break the rule, and GMime loses such an address in a list. */
static gboolean
take_local_part (Scan *scan)
{
  const char *start = scan->at;

  while (take_char (scan, '.') || run_of (scan, ATOM) > 0)
    scan->at += run_of (scan, ATOM);
  return scan->at > start;
}

static gboolean
take_address (Scan *scan, Span *ret_address)
{
  const char *start = scan->at;

  if (!take_local_part (scan) || !take_char (scan, '@') || !take_dot_atom (scan))
    return FALSE;
  *ret_address = (Span){ start, (gsize) (scan->at - start) };
  return TRUE;
}

/* Atoms with one blank between. */
static gboolean
take_phrase (Scan *scan, Span *ret_name)
{
  const char *start = scan->at, *stop = start;

  do
    {
      gsize size = run_of (scan, NAME);
      if (size == 0)
        break;
      stop = scan->at += size;
    }
  while (take_char (scan, ' '));
  if (scan->at == start)
    return FALSE;
  *ret_name = (Span){ start, (gsize) (stop - start) };
  return TRUE;
}

static gboolean
take_quoted (Scan *scan, Span *ret_name)
{
  const char *start = ++scan->at;

  scan->at += run_of (scan, QUOTED);
  *ret_name = (Span){ start, (gsize) (scan->at - start) };
  return take_char (scan, '"');
}

static gboolean
take_mailbox (Scan *scan, Span *ret_name, Span *ret_address)
{
  Scan bare = *scan;

  *ret_name = (Span){ scan->at, 0 };
  if (take_address (&bare, ret_address))
    {
      *scan = bare;
      return TRUE;
    }
  if (scan->at == scan->end || (*scan->at != '<' && !(*scan->at == '"' ? take_quoted (scan, ret_name) : take_phrase (scan, ret_name))))
    return FALSE;
  skip_blanks (scan);
  return take_char (scan, '<') && take_address (scan, ret_address) && take_char (scan, '>');
}

/* A name is as every name in a list: no blank at an end, none doubled. Returns behind the copy's NUL. */
static char *
copy_span (char *to, Span span)
{
  const char *end = span.start + span.size;
  char *out = to;

  for (const char *p = span.start; p < end; p++)
    if (*p != ' ' || (out > to && out[-1] != ' '))
      *out++ = *p;
  if (out > to && out[-1] == ' ')
    out--;
  *out = '\0';
  return out + 1;
}

static guint
most_items (const char *text, gsize size)
{
  guint n = 1;

  for (const char *p = memchr (text, ',', size); p != NULL; p = memchr (p + 1, ',', (gsize) (text + size - p - 1)))
    n++;
  return n;
}

FmAddressList *
fm_address_plain_parse (const char *text, gsize size_bytes)
{
  Scan scan = { text, text + size_bytes };
  guint most = most_items (text, size_bytes);
  if (most > FM_ADDRESS_MAX_ITEMS)
    return NULL;
  /* No string is longer than what it was read from; each has its NUL. */
  gsize items_bytes = sizeof (FmAddressList) + most * sizeof (FmAddress);
  FmAddressList *list = g_malloc (items_bytes + size_bytes + 2 * (gsize) most);
  char *out = (char *) list + items_bytes;

  list->n = 0;
  do
    {
      Span name, address;
      skip_blanks (&scan);
      if (!take_mailbox (&scan, &name, &address))
        break;
      FmAddress *item = &list->items[list->n++];
      item->name = out;
      out = copy_span (out, name);
      item->address = out;
      out = copy_span (out, address);
      skip_blanks (&scan);
      if (scan.at == scan.end)
        {
          g_atomic_int_set (&list->refs, 1);
          return list;
        }
    }
  while (take_char (&scan, ','));
  g_free (list);
  return NULL;
}

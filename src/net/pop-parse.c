/* Reading POP3. Numbers are bounded, words must be what the RFC says, and only CRLF . CRLF ends a message: a server that passed a bare LF in a
 * mail through would otherwise let its writer end the message early and speak in the server's name. */
#include "pop-parse.h"
#include <fulmar/base/error.h>
#include <fulmar/base/text.h>
#include <string.h>

#define MAX_UIDL_BYTES 512

static gboolean
has_word (const char *line, gsize length, const char *word)
{
  gsize n = strlen (word);
  return length >= n && g_ascii_strncasecmp (line, word, n) == 0 && (length == n || line[n] == ' ' || line[n] == '\t');
}

static char *
take_code (const char **text, gsize *length)
{
  const char *end = *length > 0 && **text == '[' ? memchr (*text, ']', MIN (*length, 64)) : NULL;
  if (end == NULL)
    return g_strdup ("");
  g_autofree char *raw = g_strndup (*text + 1, (gsize) (end - *text - 1));
  *length -= (gsize) (end + 1 - *text);
  *text = end + 1;
  return g_ascii_strup (raw, -1);
}

gboolean
fm_pop_parse_status (const char *line, gsize length, gboolean *ret_ok, char **ret_code, char **ret_text, GError **error)
{
  gboolean ok = has_word (line, length, "+OK");
  if (!ok && !has_word (line, length, "-ERR"))
    {
      g_autofree char *shown = fm_text_sanitise_line (line, (gssize) MIN (length, 80));
      g_set_error (error, FM_ERROR, FM_ERROR_PROTOCOL, "the server's answer is not POP3: \"%s\"", shown);
      return FALSE;
    }
  gsize skip = ok ? 3 : 4;
  const char *text = line + skip;
  length -= skip;
  while (length > 0 && (*text == ' ' || *text == '\t'))
    {
      text++;
      length--;
    }
  g_autofree char *code = take_code (&text, &length);
  if (ret_ok != NULL)
    *ret_ok = ok;
  if (ret_code != NULL)
    *ret_code = g_steal_pointer (&code);
  if (ret_text != NULL)
    *ret_text = g_strstrip (fm_text_sanitise_line (text, (gssize) MIN (length, 500)));
  return TRUE;
}

static gboolean
take_number (const char **p, const char *end, guint64 max, guint64 *ret)
{
  guint64 value = 0;
  while (*p < end && (**p == ' ' || **p == '\t'))
    (*p)++;
  const char *start = *p;
  for (; *p < end && g_ascii_isdigit (**p); (*p)++)
    {
      value = value * 10 + (guint64) (**p - '0');
      if (value > max)
        return FALSE;
    }
  *ret = value;
  return *p > start && (*p == end || **p == ' ' || **p == '\t');
}

gboolean
fm_pop_parse_list_line (const char *line, gsize length, guint32 *ret_number, guint64 *ret_size)
{
  const char *p = line;
  guint64 number, size;
  if (!take_number (&p, line + length, G_MAXUINT32, &number) || !take_number (&p, line + length, G_MAXINT64 / 16, &size))
    return FALSE;
  *ret_number = (guint32) number;
  *ret_size = size;
  return TRUE;
}

gboolean
fm_pop_parse_uidl_line (const char *line, gsize length, guint32 *ret_number, char **ret_uidl)
{
  const char *p = line, *end = line + length;
  guint64 number;
  if (!take_number (&p, end, G_MAXUINT32, &number) || number == 0)
    return FALSE;
  while (p < end && (*p == ' ' || *p == '\t'))
    p++;
  while (end > p && (end[-1] == ' ' || end[-1] == '\t'))
    end--;
  gboolean printable = end > p && end - p <= MAX_UIDL_BYTES;
  for (const char *q = p; printable && q < end; q++)
    printable = *q > 0x20 && *q < 0x7f;
  *ret_number = (guint32) number;
  *ret_uidl = printable ? g_strndup (p, (gsize) (end - p)) : NULL;
  return TRUE;
}

/* AT_START: a line begins. DOT: it began with a dot, which is held back. DOT_CR: a dot and a CR are held back. CR: the last byte, passed on, was
 * a CR. */
enum { AT_START, IN_LINE, AFTER_CR, DOT, DOT_CR };

typedef struct {
  FmSink *sink;
  const char *start; /* not yet passed on; NULL: nothing */
} Run;

static gboolean
pass (Run *run, const char *end, GError **error)
{
  const char *start = run->start;
  run->start = NULL;
  return start == NULL || start == end || run->sink == NULL || fm_sink_write (run->sink, start, (gsize) (end - start), error);
}

/* The long stretches between line ends, without looking at each byte. */
static const char *
skip_line (const char *p, const char *end)
{
  const char *cr = memchr (p, '\r', (gsize) (end - p));
  return cr == NULL ? end : cr;
}

gboolean
fm_pop_parse_dots (FmPopDots *dots, const char *bytes, gsize size, FmSink *sink, gsize *ret_taken, gboolean *ret_done, GError **error)
{
  const char *p = bytes, *end = bytes + size;
  Run run = { sink, NULL };

  *ret_done = FALSE;
  *ret_taken = size;
  while (p < end)
    {
      switch (dots->state)
        {
        case AT_START:
          if (*p == '.')
            {
              if (!pass (&run, p, error))
                return FALSE;
              dots->state = DOT;
              p++;
              break;
            }
          dots->state = IN_LINE;
          G_GNUC_FALLTHROUGH;
        case IN_LINE:
          if (run.start == NULL)
            run.start = p;
          p = skip_line (p, end);
          if (p < end)
            {
              dots->state = AFTER_CR;
              p++;
            }
          break;
        case AFTER_CR:
          if (run.start == NULL)
            run.start = p;
          dots->state = *p == '\n' ? AT_START : *p == '\r' ? AFTER_CR : IN_LINE;
          p++;
          break;
        case DOT:
          if (*p == '\r')
            {
              dots->state = DOT_CR;
              p++;
            }
          else
            {
              dots->state = IN_LINE; /* the dot was stuffing: dropped */
            }
          break;
        default: /* DOT_CR */
          if (*p == '\n')
            {
              *ret_done = TRUE;
              *ret_taken = (gsize) (p + 1 - bytes);
              dots->state = AT_START;
              return TRUE;
            }
          /* ".\r" and something else: the dot was stuffing, the CR is the message's. */
          if (sink != NULL && !fm_sink_write (sink, "\r", 1, error))
            return FALSE;
          dots->state = AFTER_CR;
        }
    }
  return pass (&run, end, error);
}

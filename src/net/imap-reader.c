/* Where an IMAP response ends can be known without understanding it: a line that ends in {N} goes on with N bytes and another line, every
 * other line ends it. So framing is done here, with bounds, and a parser that chokes on one response costs that response and not the
 * connection. The bodies of messages never enter memory: they run past in pieces to the sink of whoever asked. */
#include "imap-reader.h"
#include <fulmar/base/clock.h>
#include <fulmar/base/error.h>
#include <fulmar/base/log.h>
#include <string.h>

#define MAX_LINE_BYTES (8 * 1024 * 1024)
#define MAX_LITERAL_BYTES (16 * 1024 * 1024)
#define MAX_NESTING 200
#define PIECE_BYTES (64 * 1024)
#define TRACE_BYTES 300

struct FmImapReader {
  FmStream *stream;
  int timeout_ms;
  gint64 limit_us;
  GString *text;
  FmImapBody *body;
  guint depth; /* of the brackets open so far in this response */
  gboolean is_poison;
};

FmImapReader *
fm_imap_reader_new (FmStream *stream, int timeout_ms)
{
  FmImapReader *reader = g_new0 (FmImapReader, 1);
  reader->stream = stream;
  reader->timeout_ms = timeout_ms;
  reader->limit_us = G_MAXINT64;
  reader->text = g_string_new (NULL);
  return reader;
}

void
fm_imap_reader_free (FmImapReader *reader)
{
  if (reader == NULL)
    return;
  g_string_free (reader->text, TRUE);
  g_free (reader);
}

void
fm_imap_reader_set_body (FmImapReader *reader, FmImapBody *body)
{
  reader->body = body;
}

void
fm_imap_reader_set_limit (FmImapReader *reader, gint64 limit_us)
{
  reader->limit_us = limit_us;
}

/* Free text may end in anything; only data responses carry literals. */
static gboolean
may_have_literals (const char *line, gsize length)
{
  static const char *const plain[] = { "OK", "NO", "BAD", "BYE", "PREAUTH" };

  if (length < 2 || line[0] != '*' || line[1] != ' ')
    return FALSE;
  for (gsize i = 0; i < G_N_ELEMENTS (plain); i++)
    {
      gsize n = strlen (plain[i]);
      if (length >= 2 + n && g_ascii_strncasecmp (line + 2, plain[i], n) == 0 && (length == 2 + n || line[2 + n] == ' '))
        return FALSE;
    }
  return TRUE;
}

/* Whether LINE ends in {N} or {N+}; then N and where the brace stands. */
static gboolean
ends_in_literal (const char *line, gsize length, guint64 *ret_size, gsize *ret_brace)
{
  gsize end = length, digits;

  if (end < 3 || line[end - 1] != '}')
    return FALSE;
  end--;
  if (line[end - 1] == '+')
    end--;
  for (digits = end; digits > 0 && g_ascii_isdigit (line[digits - 1]); digits--)
    ;
  if (digits == end || digits == 0 || line[digits - 1] != '{')
    return FALSE;
  if (end - digits > 10)
    *ret_size = G_MAXUINT64;
  else
    {
      *ret_size = 0;
      for (gsize i = digits; i < end; i++)
        *ret_size = *ret_size * 10 + (guint64) (line[i] - '0');
    }
  *ret_brace = digits - 1;
  return TRUE;
}

/* Whether what precedes the brace at the text's end is a BODY[...] item, "<0>" allowed. */
static gboolean
is_body_item (const char *text, gsize brace)
{
  gsize end = brace;

  while (end > 0 && (text[end - 1] == ' ' || text[end - 1] == '~'))
    end--;
  if (end > 0 && text[end - 1] == '>')
    while (end > 0 && text[end - 1] != '<')
      end--;
  if (end > 0 && text[end - 1] == '<')
    end--;
  if (end == 0 || text[end - 1] != ']')
    return FALSE;
  while (end > 0 && text[end - 1] != '[')
    end--;
  return end >= 5 && g_ascii_strncasecmp (text + end - 5, "BODY[", 5) == 0;
}

/* A quoted string ends with its line; brackets stay open over the literals between two lines. */
static gboolean
nests_too_deep (FmImapReader *reader, const char *line, gsize length)
{
  gboolean in_quotes = FALSE;

  for (gsize i = 0; i < length; i++)
    {
      if (line[i] == '\\' && in_quotes)
        i++;
      else if (line[i] == '"')
        in_quotes = !in_quotes;
      else if (!in_quotes && line[i] == '(' && ++reader->depth > MAX_NESTING)
        return TRUE;
      else if (!in_quotes && line[i] == ')' && reader->depth > 0)
        reader->depth--;
    }
  return FALSE;
}

static void
renew_deadline (FmImapReader *reader)
{
  fm_stream_set_deadline (reader->stream, MIN (reader->limit_us, fm_clock_deadline_us (reader->timeout_ms)));
}

static void
deliver (FmImapBody *body, const char *bytes, gsize length, guint64 total)
{
  if (body->sink_error == NULL && fm_sink_write (body->sink, bytes, length, &body->sink_error))
    body->written_bytes += length;
  if (body->progress != NULL)
    body->progress (body->progress_data, body->written_bytes, total);
}

/* SIZE bytes to BODY, or nowhere. */
static gboolean
run_past (FmImapReader *reader, guint64 size, FmImapBody *body, GError **error)
{
  guint64 total = size, renewed_at = size;
  const char *bytes;
  gsize n;

  while (size > 0)
    {
      if (!fm_stream_read_some (reader->stream, MIN (size, PIECE_BYTES), &bytes, &n, error))
        return FALSE;
      if (body != NULL)
        deliver (body, bytes, n, total);
      size -= n;
      if (renewed_at - size >= 16 * 1024)
        {
          renew_deadline (reader);
          renewed_at = size;
        }
    }
  return TRUE;
}

/* The UID among the items of a FETCH read so far; 0: none yet. */
static guint32
uid_before (const char *text)
{
  for (const char *at = text; (at = strstr (at, "UID ")) != NULL; at += 4)
    if (at > text && (at[-1] == '(' || at[-1] == ' ') && g_ascii_isdigit (at[4]))
      {
        guint64 uid = g_ascii_strtoull (at + 4, NULL, 10);
        return uid <= G_MAXUINT32 ? (guint32) uid : 0;
      }
  return 0;
}

static gboolean
take_literal (FmImapReader *reader, guint64 size, gsize brace, GError **error)
{
  GString *text = reader->text;
  FmImapBody *body = reader->body;

  if (size > G_MAXUINT32)
    {
      g_set_error (error, FM_ERROR, FM_ERROR_PROTOCOL, "the server announced an impossible size");
      return FALSE;
    }
  if (body != NULL && is_body_item (text->str, brace))
    {
      gboolean is_first = !body->is_taken;
      body->is_taken = TRUE;
      g_string_truncate (text, brace);
      if (is_first && body->choose != NULL)
        body->sink = body->choose (body->choose_data, uid_before (text->str));
      g_string_append (text, "{0}\r\n");
      return run_past (reader, size, is_first && body->sink != NULL ? body : NULL, error);
    }
  if (size > MAX_LITERAL_BYTES || text->len + size > MAX_LINE_BYTES + MAX_LITERAL_BYTES)
    {
      reader->is_poison = TRUE;
      g_string_truncate (text, brace);
      g_string_append (text, "{0}\r\n");
      return run_past (reader, size, NULL, error);
    }
  g_string_append (text, "\r\n");
  for (guint64 left = size; left > 0;)
    {
      const char *bytes;
      gsize n;
      if (!fm_stream_read_some (reader->stream, left, &bytes, &n, error))
        return FALSE;
      g_string_append_len (text, bytes, n);
      left -= n;
    }
  return TRUE;
}

gboolean
fm_imap_reader_next (FmImapReader *reader, FmImapResponse *ret_response, GError **error)
{
  GString *text = reader->text;
  gsize room = MAX_LINE_BYTES;

  g_string_truncate (text, 0);
  if (text->allocated_len > 1024 * 1024)
    { /* one giant does not stay for ever */
      g_string_free (text, TRUE);
      text = reader->text = g_string_new (NULL);
    }
  reader->is_poison = FALSE;
  reader->depth = 0;
  renew_deadline (reader);
  for (;;)
    {
      const char *line;
      gsize length, brace;
      guint64 size;
      if (!fm_stream_read_line (reader->stream, room, &line, &length, error))
        return FALSE;
      gsize line_start = text->len;
      g_string_append_len (text, line, length);
      room -= MIN (room, length);
      reader->is_poison |= nests_too_deep (reader, text->str + line_start, length);
      if (!may_have_literals (text->str, text->len) || !ends_in_literal (text->str + line_start, length, &size, &brace))
        break;
      if (!take_literal (reader, size, line_start + brace, error))
        return FALSE;
    }
  if (fm_log_enabled (FM_LOG_DEBUG))
    fm_log_debug ("imap < %.*s%s", (int) MIN (text->len, TRACE_BYTES), text->str, text->len > TRACE_BYTES ? "..." : "");
  *ret_response = (FmImapResponse){ text->str, text->len, reader->is_poison };
  return TRUE;
}

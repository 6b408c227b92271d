/* The deadline moves with every 4 kB that arrive, so that a slow link is no error and a server that dribbles bytes is one. */
#include "pop-reader.h"
#include <fulmar/base/clock.h>
#include <fulmar/base/error.h>
#include <string.h>

#define MAX_LINE_BYTES 8192
#define PIECE_BYTES (64 * 1024)
#define PROGRESS_BYTES 4096

FmPopReader *
fm_pop_reader_new (FmStream *stream)
{
  FmPopReader *reader = g_new0 (FmPopReader, 1);
  reader->stream = stream;
  reader->timeout_ms = -1;
  reader->line = g_string_new (NULL);
  return reader;
}

void
fm_pop_reader_free (FmPopReader *reader)
{
  if (reader == NULL)
    return;
  g_string_free (reader->line, TRUE);
  g_free (reader);
}

void
fm_pop_reader_begin (FmPopReader *reader)
{
  reader->since_deadline = 0;
  if (reader->timeout_ms >= 0)
    fm_stream_set_deadline (reader->stream, fm_clock_deadline_us (reader->timeout_ms));
}

static gboolean
fill (FmPopReader *reader, GError **error)
{
  if (!fm_stream_read_some (reader->stream, PIECE_BYTES, &reader->at, &reader->left, error))
    return FALSE;
  reader->since_deadline += reader->left;
  if (reader->since_deadline >= PROGRESS_BYTES)
    fm_pop_reader_begin (reader);
  return TRUE;
}

static gboolean
too_long (GError **error)
{
  g_set_error (error, FM_ERROR, FM_ERROR_LIMIT, "the server's answer has a line longer than %d bytes", MAX_LINE_BYTES);
  return FALSE;
}

gboolean
fm_pop_reader_line (FmPopReader *reader, const char **ret_line, gsize *ret_length, GError **error)
{
  const char *line = NULL;
  gsize length = 0;

  g_string_truncate (reader->line, 0);
  while (line == NULL)
    {
      if (reader->left == 0 && !fill (reader, error))
        return FALSE;
      const char *lf = memchr (reader->at, '\n', reader->left);
      gsize taken = lf == NULL ? reader->left : (gsize) (lf + 1 - reader->at);
      if (reader->line->len + taken > MAX_LINE_BYTES)
        return too_long (error);
      if (lf != NULL && reader->line->len == 0)
        {
          line = reader->at;
          length = taken;
        }
      else
        {
          g_string_append_len (reader->line, reader->at, (gssize) taken);
          if (lf != NULL)
            {
              line = reader->line->str;
              length = reader->line->len;
            }
        }
      reader->at += taken;
      reader->left -= taken;
    }
  length--;
  if (length > 0 && line[length - 1] == '\r')
    length--;
  *ret_line = line;
  *ret_length = length;
  return TRUE;
}

gboolean
fm_pop_reader_message (FmPopReader *reader, FmSink *sink, GError **error)
{
  FmPopDots dots = { 0 };
  gboolean done = FALSE;

  while (!done)
    {
      gsize taken;
      if (reader->left == 0 && !fill (reader, error))
        return FALSE;
      if (!fm_pop_parse_dots (&dots, reader->at, reader->left, sink, &taken, &done, error))
        return FALSE;
      reader->at += taken;
      reader->left -= taken;
    }
  return TRUE;
}

gboolean
fm_pop_reader_has_more (const FmPopReader *reader)
{
  return reader->left > 0;
}

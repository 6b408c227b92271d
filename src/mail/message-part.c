/* What is inside a part: decoded bytes, streamed and bounded, and text brought to UTF-8. */
#include "fulmar/base/error.h"
#include "fulmar/base/sink.h"
#include "mail/charset.h"
#include "mail/message-private.h"
#include <string.h>

enum { CHUNK_BYTES = 64 * 1024 };

static gboolean
no_content (guint index, GError **error)
{
  g_set_error (error, FM_ERROR, FM_ERROR_INVALID, "part %u has no content of its own", index);
  return FALSE;
}

/* A stream of the decoded content; NULL if the part has none. Transfer: full. */
static GMimeStream *
open_leaf (GMimeObject *object)
{
  GMimeDataWrapper *content = GMIME_IS_PART (object) ? g_mime_part_get_content (GMIME_PART (object)) : NULL;
  GMimeStream *source = content != NULL ? g_mime_data_wrapper_get_stream (content) : NULL;
  if (source == NULL)
    return g_mime_stream_mem_new ();

  g_mime_stream_reset (source);
  GMimeStream *decoded = g_mime_stream_filter_new (source);
  GMimeFilter *filter = g_mime_filter_basic_new (g_mime_data_wrapper_get_encoding (content), FALSE);
  g_mime_stream_filter_add (GMIME_STREAM_FILTER (decoded), filter);
  g_object_unref (filter);
  return decoded;
}

/* The content of a leaf, or a message inside, written out as it stood. Errors: INVALID. Transfer: full. */
static GMimeStream *
open_content (const FmMessage *message, guint index, GError **error)
{
  const FmMessageNode *node = fm_message_node (message, index);

  if (node == NULL)
    {
      no_content (index, error);
      return NULL;
    }
  if (node->raw_text != NULL)
    return g_mime_stream_mem_new_with_buffer (node->raw_text, strlen (node->raw_text));
  if (node->part.is_leaf)
    return open_leaf (node->object);
  GMimeMessage *inner = fm_message_mime (message, index);
  if (inner == NULL)
    {
      no_content (index, error);
      return NULL;
    }
  GMimeStream *stream = g_mime_stream_mem_new ();
  g_mime_object_write_to_stream (GMIME_OBJECT (inner), NULL, stream);
  g_mime_stream_reset (stream);
  return stream;
}

/* Reads the next piece: -1 with an error set, 0 at the end. */
static ssize_t
read_piece (GMimeStream *stream, char *buffer, GError **error)
{
  ssize_t got = g_mime_stream_read (stream, buffer, CHUNK_BYTES);

  if (got < 0)
    g_set_error_literal (error, FM_ERROR, FM_ERROR_STORAGE, "the message file can't be read");
  return got;
}

/* At most LIMIT_BYTES; more sets ret_more. NULL on error. */
static GByteArray *
read_bounded (GMimeStream *stream, gsize limit_bytes, gboolean *ret_more, GError **error)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  g_autofree char *buffer = g_malloc (CHUNK_BYTES);

  for (;;)
    {
      ssize_t got = read_piece (stream, buffer, error);
      if (got < 0)
        return NULL;
      gsize room = limit_bytes - bytes->len;
      g_byte_array_append (bytes, (guint8 *) buffer, MIN ((gsize) got, room));
      *ret_more = (gsize) got > room;
      if (got == 0 || *ret_more)
        return g_steal_pointer (&bytes);
    }
}

/* CRLF and lone CR to LF, in place. */
static void
unify_line_ends (char *text)
{
  char *out = text;

  for (const char *in = text; *in != '\0'; in++)
    if (*in != '\r')
      *out++ = *in;
    else if (in[1] != '\n')
      *out++ = '\n';
  *out = '\0';
}

char *
fm_message_part_text (FmMessage *message, guint index, gsize limit_bytes, gboolean *ret_truncated, GError **error)
{
  const FmMessagePart *part = fm_message_part (message, index);
  gboolean more = FALSE;
  gsize size = 0;

  if (part == NULL || !part->is_leaf)
    {
      no_content (index, error);
      return NULL;
    }
  GMimeStream *stream = open_content (message, index, error);
  if (stream == NULL)
    return NULL;
  g_autoptr (GByteArray) bytes = read_bounded (stream, limit_bytes, &more, error);
  g_object_unref (stream);
  if (bytes == NULL)
    return NULL;
  char *text = fm_charset_to_utf8 (bytes->len > 0 ? (const char *) bytes->data : "", bytes->len, part->charset, &size);
  if (g_str_has_prefix (text, "\xef\xbb\xbf"))
    memmove (text, text + 3, size - 2);
  unify_line_ends (text);
  if (strlen (text) > limit_bytes)
    {
      char *cut = g_utf8_find_prev_char (text, text + limit_bytes + 1);
      *(cut != NULL ? cut : text) = '\0';
      more = TRUE;
    }
  if (ret_truncated != NULL)
    *ret_truncated = more;
  return text;
}

GBytes *
fm_message_part_bytes (FmMessage *message, guint index, gsize limit_bytes, GError **error)
{
  gboolean more = FALSE;
  GMimeStream *stream = open_content (message, index, error);

  if (stream == NULL)
    return NULL;
  g_autoptr (GByteArray) bytes = read_bounded (stream, limit_bytes, &more, error);
  g_object_unref (stream);
  if (bytes == NULL)
    return NULL;
  if (more)
    {
      g_set_error (error, FM_ERROR, FM_ERROR_LIMIT, "part %s is larger than %" G_GSIZE_FORMAT " bytes",
                   fm_message_part (message, index)->path, limit_bytes);
      return NULL;
    }
  return g_byte_array_free_to_bytes (g_steal_pointer (&bytes));
}

gboolean
fm_message_part_write (FmMessage *message, guint index, FmSink *sink, GError **error)
{
  GMimeStream *stream = open_content (message, index, error);
  if (stream == NULL)
    return FALSE;

  g_autofree char *buffer = g_malloc (CHUNK_BYTES);
  ssize_t got = 0;
  gboolean ok = TRUE;
  while (ok && (got = read_piece (stream, buffer, error)) > 0)
    ok = fm_sink_write (sink, buffer, got, error);
  g_object_unref (stream);
  return ok && got == 0;
}

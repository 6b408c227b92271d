/* A header that runs into its text without an empty line between them (real bounces do this) makes GMime drop the text: its lines are no
 * fields, and no body follows. The reader must not be shown an empty mail, so the text is taken from behind the last field that GMime
 * kept. */
#include "mail/message-private.h"
#include <string.h>

enum { MAX_LOST_BYTES = 256 * 1024 };

/* Where the last field of the list begins, or BEST if that is later. */
static gint64
last_offset (GMimeObject *object, gint64 best)
{
  GMimeHeaderList *headers = g_mime_object_get_header_list (object);
  int n = g_mime_header_list_get_count (headers);

  for (int i = 0; i < n; i++)
    best = MAX (best, g_mime_header_get_offset (g_mime_header_list_get_header_at (headers, i)));
  return best;
}

/* The text behind the field at the start: its own line and those that continue it are skipped. */
static const char *
skip_field (const char *text)
{
  do
    {
      const char *line_end = strchr (text, '\n');
      if (line_end == NULL)
        return text + strlen (text);
      text = line_end + 1;
    }
  while (*text == ' ' || *text == '\t');
  return text;
}

/* Cuts at the boundary of the multipart that the part is in, however far up. */
static void
cut_at_boundary (const FmMessage *message, guint index, char *text)
{
  for (const FmMessageNode *node = fm_message_node (message, index); node != NULL; node = fm_message_node (message, node->part.parent))
    {
      const char *boundary = node->object != NULL && GMIME_IS_MULTIPART (node->object)
                                 ? g_mime_multipart_get_boundary (GMIME_MULTIPART (node->object))
                                 : NULL;
      if (boundary == NULL)
        continue;
      g_autofree char *line = g_strdup_printf ("\n--%s", boundary);
      char *found = g_str_has_prefix (text, line + 1) ? text : strstr (text, line);
      if (found != NULL)
        *found = '\0';
    }
}

/* What the file holds from there, bounded. Transfer: full. */
static char *
read_from (const FmMessage *message, gint64 offset)
{
  char *bytes = g_malloc (MAX_LOST_BYTES + 1);
  gsize held = 0;
  ssize_t got = g_mime_stream_seek (message->stream, offset, GMIME_STREAM_SEEK_SET) < 0 ? 0 : 1;

  for (; got > 0 && held<MAX_LOST_BYTES; held += got> 0 ? (gsize) got : 0)
    got = g_mime_stream_read (message->stream, bytes + held, MAX_LOST_BYTES - held);
  bytes[held] = '\0';
  return bytes;
}

char *
fm_message_lost_whole (const FmMessage *message)
{
  return read_from (message, message->stream->bound_start);
}

char *
fm_message_lost_text (const FmMessage *message, guint index)
{
  const FmMessageNode *node = fm_message_node (message, index);
  GMimeMessage *owner = fm_message_mime (message, node->part.parent);
  gint64 offset = last_offset (node->object, -1);
  if (owner != NULL)
    offset = last_offset (GMIME_OBJECT (owner), offset);
  /* A nested message without any field: it begins behind the header of the part that holds it. */
  gboolean headless = offset < 0 && owner != NULL && node->part.parent != FM_MESSAGE_NO_PART;
  if (headless)
    offset = last_offset (fm_message_node (message, node->part.parent)->object, offset);
  if (offset < 0)
    return NULL;

  g_autofree char *bytes = read_from (message, offset);
  const char *start = skip_field (bytes);
  if (headless)
    start += *start == '\n' ? 1 : g_str_has_prefix (start, "\r\n") ? 2 : 0;
  g_autofree char *text = g_strdup (start);
  cut_at_boundary (message, index, text);
  /* An honest empty body has an empty line, or nothing, there. */
  if (text[0] == '\0' || text[0] == '\n' || g_str_has_prefix (text, "\r\n"))
    return NULL;
  return g_steal_pointer (&text);
}

/* Opening a message. GMime parses it once into its own tree, whose content stays where it was (in the file, or in memory for small mail); that
 * tree is then copied into a flat array of plain part descriptions, which is all that anyone else sees. */
#include "fulmar/mail/message.h"
#include "fulmar/base/error.h"
#include "mail/charset.h"
#include "mail/gmime-init.h"
#include "mail/message-guard.h"
#include "mail/message-private.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Up to this size a file is read at once: a mail read in place may be renamed or cut by others while it is open. */
enum { MAX_IN_MEMORY_BYTES = 4 * 1024 * 1024 };

/* GMime tells defects by this callback and nowhere else. */
static void
note_warning (gint64 offset, GMimeParserWarning code, const gchar *item, gpointer user_data)
{
  FmMessage *message = user_data;

  if (code == GMIME_WARN_TRUNCATED_MESSAGE)
    message->defects |= FM_MESSAGE_DEFECT_TRUNCATED;
  else if (code == GMIME_CRIT_NESTING_OVERFLOW)
    message->defects |= FM_MESSAGE_DEFECT_TOO_MANY_PARTS;
}

static void
count_from_fields (FmMessage *message)
{
  GMimeHeaderList *headers = g_mime_object_get_header_list (GMIME_OBJECT (message->mime));
  int n = g_mime_header_list_get_count (headers), n_from = 0;

  for (int i = 0; i < n; i++)
    n_from += g_ascii_strcasecmp (g_mime_header_get_name (g_mime_header_list_get_header_at (headers, i)), "from") == 0;
  if (n_from > 1)
    message->defects |= FM_MESSAGE_DEFECT_SEVERAL_FROM;
}

/* An mbox line ("From x@y Fri ...") before the header is not part of it. */
static gint64
skip_mbox_line (GMimeStream *stream, gint64 start)
{
  char line[1024];

  g_mime_stream_seek (stream, start, GMIME_STREAM_SEEK_SET);
  ssize_t got = g_mime_stream_read (stream, line, sizeof line);
  gsize skip = got > 6 && line[0] == '>' ? 1 : 0;
  if (got < 6 || strncmp (line + skip, "From ", 5) != 0)
    return start;
  const char *line_end = memchr (line, '\n', got);
  return line_end != NULL ? start + (line_end + 1 - line) : start;
}

/* Takes the stream. */
static FmMessage *
open_stream (GMimeStream *stream)
{
  FmMessage *message = g_new0 (FmMessage, 1);
  gint64 base = stream->bound_start; /* offsets are those of the file, also where only a range of it is the message */
  gint64 start = skip_mbox_line (stream, base), last = base + g_mime_stream_length (stream);
  gint64 end = fm_message_guard_cut (stream, start, last);

  if (end < last)
    message->defects |= FM_MESSAGE_DEFECT_TOO_MANY_PARTS;
  message->stream = stream;
  message->options = g_mime_parser_options_clone (fm_gmime_init_options ());
  g_mime_parser_options_set_warning_callback (message->options, note_warning, message);
  message->nodes = g_ptr_array_new_with_free_func (fm_message_tree_free_node);

  GMimeStream *bounded = g_mime_stream_substream (stream, start, end);
  g_mime_stream_seek (bounded, start, GMIME_STREAM_SEEK_SET);
  GMimeParser *parser = g_mime_parser_new_with_stream (bounded);
  g_mime_parser_set_persist_stream (parser, TRUE);
  message->mime = g_mime_parser_construct_message (parser, message->options);
  if (message->mime == NULL)
    message->mime = g_mime_message_new (FALSE); /* not even a header: an empty message */
  g_object_unref (parser);
  g_object_unref (bounded);
  count_from_fields (message);
  fm_message_tree_build (message);
  return message;
}

static GMimeStream *
read_range (int fd, gint64 offset, gsize size, const char *path, GError **error)
{
  GByteArray *bytes = g_byte_array_sized_new (size);
  gsize held = 0;

  g_byte_array_set_size (bytes, size);
  while (held < size)
    {
      ssize_t got = pread (fd, bytes->data + held, size - held, offset + held);
      if (got < 0 && errno == EINTR)
        continue;
      if (got < 0)
        {
          fm_error_set_errno (error, FM_ERROR_STORAGE, errno, "%s", path);
          g_byte_array_free (bytes, TRUE);
          return NULL;
        }
      if (got == 0)
        break; /* shrank since fstat: what is there is the message */
      held += got;
    }
  g_byte_array_set_size (bytes, held);
  /* With its own array the stream frees it; the "with_byte_array" constructor would leave that to us. */
  GMimeStream *stream = g_mime_stream_mem_new_with_byte_array (bytes);
  g_mime_stream_mem_set_owner (GMIME_STREAM_MEM (stream), TRUE);
  return stream;
}

FmMessage *
fm_message_open_file (const char *path, gint64 offset, gint64 size_bytes, GError **error)
{
  struct stat info;
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

  if (fd < 0 || fstat (fd, &info) != 0 || !S_ISREG (info.st_mode))
    {
      int saved_errno = fd < 0 ? errno : EINVAL;
      fm_error_set_errno (error, saved_errno == ENOENT ? FM_ERROR_NOT_FOUND : FM_ERROR_STORAGE, saved_errno, "%s", path);
      if (fd >= 0)
        close (fd);
      return NULL;
    }
  offset = CLAMP (offset, 0, info.st_size);
  gint64 size = size_bytes < 0 ? info.st_size - offset : MIN (size_bytes, info.st_size - offset);
  fm_gmime_init_options ();
  if (size > MAX_IN_MEMORY_BYTES)
    return open_stream (g_mime_stream_fs_new_with_bounds (fd, offset, offset + size)); /* which owns the descriptor */
  GMimeStream *stream = read_range (fd, offset, size, path, error);
  close (fd);
  return stream != NULL ? open_stream (stream) : NULL;
}

FmMessage *
fm_message_open_bytes (GBytes *bytes, GError **error)
{
  gsize size = 0;
  const char *data = g_bytes_get_data (bytes, &size);

  fm_gmime_init_options ();
  return open_stream (g_mime_stream_mem_new_with_buffer (size > 0 ? data : "", size));
}

void
fm_message_free (FmMessage *message)
{
  if (message == NULL)
    return;
  g_ptr_array_unref (message->nodes);
  fm_envelope_unref (message->envelope);
  fm_message_headers_clear (&message->fields);
  g_clear_object (&message->mime);
  g_clear_object (&message->stream);
  g_mime_parser_options_free (message->options);
  g_free (message);
}

guint
fm_message_defects (const FmMessage *message)
{
  return message->defects;
}

FmMessageNode *
fm_message_node (const FmMessage *message, guint index)
{
  return index < message->nodes->len ? message->nodes->pdata[index] : NULL;
}

GMimeMessage *
fm_message_mime (const FmMessage *message, guint index)
{
  if (index == FM_MESSAGE_NO_PART)
    return message->mime;
  const FmMessageNode *node = fm_message_node (message, index);
  if (node == NULL || node->object == NULL || !GMIME_IS_MESSAGE_PART (node->object))
    return NULL;
  return g_mime_message_part_get_message (GMIME_MESSAGE_PART (node->object));
}

/* GMime hands the header back as it was written, so both kinds of envelope come from the one parser. */
static FmEnvelope *
make_envelope (GMimeMessage *mime)
{
  g_autofree char *header = g_mime_object_get_headers (GMIME_OBJECT (mime), NULL);

  return fm_envelope_parse (header != NULL ? header : "", header != NULL ? strlen (header) : 0);
}

const FmEnvelope *
fm_message_envelope (FmMessage *message)
{
  if (message->envelope == NULL)
    message->envelope = make_envelope (message->mime);
  return message->envelope;
}

const FmEnvelope *
fm_message_part_envelope (FmMessage *message, guint index)
{
  if (index == FM_MESSAGE_NO_PART)
    return fm_message_envelope (message);
  GMimeMessage *mime = fm_message_mime (message, index);
  FmMessageNode *node = fm_message_node (message, index);
  if (mime == NULL)
    return NULL;
  if (node->envelope == NULL)
    node->envelope = make_envelope (mime);
  return node->envelope;
}

const char *
fm_message_header (FmMessage *message, const char *name)
{
  gsize n = 0;
  const FmMessageField *fields = fm_message_headers (message, FM_MESSAGE_NO_PART, FM_MESSAGE_HEADERS_ALL, &n);

  for (gsize i = 0; i < n; i++)
    if (g_ascii_strcasecmp (fields[i].name, name) == 0)
      return fields[i].value;
  return NULL;
}

char *
fm_message_header_raw (FmMessage *message, const char *name)
{
  GMimeHeader *header = g_mime_header_list_get_header (g_mime_object_get_header_list (GMIME_OBJECT (message->mime)), name);
  const char *raw = header != NULL ? g_mime_header_get_raw_value (header) : NULL;
  gsize size = 0;

  return raw != NULL ? fm_charset_to_utf8 (raw, strlen (raw), "utf-8", &size) : NULL;
}

guint
fm_message_n_parts (const FmMessage *message)
{
  return message->nodes->len;
}

const FmMessagePart *
fm_message_part (const FmMessage *message, guint index)
{
  const FmMessageNode *node = fm_message_node (message, index);

  return node != NULL ? &node->part : NULL;
}

guint
fm_message_find_path (const FmMessage *message, const char *path)
{
  for (guint i = 0; i < message->nodes->len; i++)
    if (path[0] != '\0' && strcmp (fm_message_node (message, i)->part.path, path) == 0)
      return i;
  return FM_MESSAGE_NO_PART;
}

guint
fm_message_find_content_id (const FmMessage *message, const char *content_id)
{
  for (guint i = 0; i < message->nodes->len; i++)
    if (content_id[0] != '\0' && strcmp (fm_message_node (message, i)->part.content_id, content_id) == 0)
      return i;
  return FM_MESSAGE_NO_PART;
}

GArray *
fm_message_attachments (FmMessage *message)
{
  GArray *found = g_array_new (FALSE, FALSE, sizeof (guint));

  for (guint i = 0; i < message->nodes->len; i++)
    if (fm_message_node (message, i)->part.is_attachment)
      g_array_append_val (found, i);
  return found;
}

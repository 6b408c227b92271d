/* GMime keeps an object for each header field and each part, and its address parser recurses at each "group:". A hostile 50 MB message can thus
 * ask for gigabytes or for all of the stack. One pass over the lines finds the place where a message exceeds what any honest one has; it is
 * parsed up to there. Bodies that are no multipart or message are not looked at, since GMime does not look at them either. */
#include "mail/message-guard.h"
#include "mail/address-private.h"
#include <string.h>

enum {
  BUFFER_BYTES = 64 * 1024,
  MAX_TOP_FIELDS = 5000,
  MAX_TOP_HEADER_BYTES = 4 * 1024 * 1024,
  MAX_FIELDS = 100000,
  MAX_BOUNDARIES = 20000,
};

typedef struct {
  gboolean in_top_header;
  gboolean is_composite; /* the top header says multipart or message: bodies hold headers */
  gboolean in_content_type;
  gboolean in_addresses; /* the current field, with its continuation lines, is an address list */
  guint n_fields, n_boundaries, n_colons;
} Guard;

static guint
count_colons (const char *line, gsize size)
{
  guint n = 0;

  for (const char *p = memchr (line, ':', size); p != NULL; p = memchr (p + 1, ':', line + size - p - 1))
    n++;
  return n;
}

/* The length of the field name that the line begins with, or 0. */
static gsize
field_name_size (const char *line, gsize size)
{
  for (gsize i = 0; i < size && i < 100; i++)
    {
      if (line[i] == ':')
        return i;
      if (!g_ascii_isgraph (line[i]) && line[i] != ' ' && line[i] != '\t')
        return 0;
    }
  return 0;
}

static gboolean
is_address_field (const char *line, gsize size)
{
  static const char *const names[] = { "from", "sender", "reply-to", "to", "cc", "bcc" };

  while (size > 0 && (line[size - 1] == ' ' || line[size - 1] == '\t'))
    size--;
  /* Resent- fields are read by nobody here, but a library may. */
  if (size > 7 && g_ascii_strncasecmp (line, "resent-", 7) == 0)
    line += 7, size -= 7;
  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    if (strlen (names[i]) == size && g_ascii_strncasecmp (line, names[i], size) == 0)
      return TRUE;
  return FALSE;
}

static void
note_content_type (Guard *guard, const char *line, gsize size)
{
  g_autofree char *text = g_ascii_strdown (line, size);

  if (strstr (text, "multipart") != NULL || strstr (text, "message") != NULL)
    guard->is_composite = TRUE;
}

/* Takes in one line (without its end); FALSE when the message must be cut before it. */
static gboolean
take_line (Guard *guard, const char *line, gsize size)
{
  if (size > 0 && (line[0] == ' ' || line[0] == '\t'))
    {
      guard->n_colons += guard->in_addresses ? count_colons (line, size) : 0;
      if (guard->in_top_header && guard->in_content_type)
        note_content_type (guard, line, size);
      return guard->n_colons <= FM_ADDRESS_MAX_COLONS;
    }
  gsize name_size = field_name_size (line, size);
  guard->in_addresses = name_size > 0 && is_address_field (line, name_size);
  guard->n_colons = guard->in_addresses ? count_colons (line, size) : 0;
  if (guard->n_colons > FM_ADDRESS_MAX_COLONS)
    return FALSE;
  guard->in_content_type = name_size >= 12 && g_ascii_strncasecmp (line, "content-type", 12) == 0;
  if (guard->in_top_header && guard->in_content_type)
    note_content_type (guard, line, size);
  if (guard->in_top_header && size == 0)
    guard->in_top_header = FALSE;
  guard->n_fields += name_size > 0;
  guard->n_boundaries += size >= 2 && line[0] == '-' && line[1] == '-';
  return guard->n_boundaries <= MAX_BOUNDARIES && guard->n_fields <= (guard->in_top_header ? MAX_TOP_FIELDS : MAX_FIELDS);
}

gint64
fm_message_guard_cut (GMimeStream *stream, gint64 start, gint64 end)
{
  Guard guard = { .in_top_header = TRUE };
  g_autofree char *buffer = g_malloc (BUFFER_BYTES);
  gsize held = 0;
  gint64 at = start; /* offset of buffer[0] */

  g_mime_stream_seek (stream, start, GMIME_STREAM_SEEK_SET);
  while (at < end && (guard.in_top_header || guard.is_composite))
    {
      ssize_t got = held < BUFFER_BYTES ? g_mime_stream_read (stream, buffer + held, BUFFER_BYTES - held) : 0;
      held += got > 0 ? (gsize) got : 0;
      if (held == 0)
        break;
      gsize used = 0;
      while (used < held)
        {
          const char *line = buffer + used, *line_end = memchr (line, '\n', held - used);
          if (line_end == NULL && used > 0 && got > 0)
            break; /* the rest may be in the next chunk */
          gsize size = (line_end != NULL ? line_end : buffer + held) - line, taken = size + (line_end != NULL);
          if (size > 0 && line_end != NULL && line[size - 1] == '\r')
            size--;
          if (!take_line (&guard, line, size))
            return at + used;
          used += taken;
        }
      memmove (buffer, buffer + used, held - used);
      held -= used;
      at += used;
      if (guard.in_top_header && at - start > MAX_TOP_HEADER_BYTES)
        return at;
    }
  return end;
}

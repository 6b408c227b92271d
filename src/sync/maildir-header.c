/* Reading the header of a message file: most end within the first block, and no more of the file is read than the header. */
#include "sync/maildir-header.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static gboolean
has_header_end (const guint8 *bytes, gsize size)
{
  return memmem (bytes, size, "\n\n", 2) != NULL || memmem (bytes, size, "\r\n\r\n", 4) != NULL;
}

/* The rest of a header whose first bytes are there, until its end or the bound. */
static FmEnvelope *
read_long_header (int fd, const guint8 *bytes, gsize size)
{
  g_autoptr (GByteArray) header = g_byte_array_sized_new (4 * (guint) size);
  guint8 chunk[8192];
  ssize_t n;
  g_byte_array_append (header, bytes, (guint) size);
  while (header->len < FM_ENVELOPE_MAX_HEADER_BYTES && (n = read (fd, chunk, sizeof chunk)) > 0)
    {
      gsize seen = header->len - MIN (header->len, 3);
      g_byte_array_append (header, chunk, (guint) n);
      if (has_header_end (header->data + seen, header->len - seen))
        break;
    }
  return fm_envelope_parse (header->data, header->len);
}

FmEnvelope *
fm_maildir_header_read (const char *path, struct stat *ret_st)
{
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0 || fstat (fd, ret_st) != 0 || !S_ISREG (ret_st->st_mode))
    {
      if (fd >= 0)
        close (fd);
      return NULL;
    }
  guint8 bytes[8192];
  ssize_t n = read (fd, bytes, sizeof bytes);
  gsize size = (gsize) MAX (n, 0);
  FmEnvelope *envelope = size == (gsize) ret_st->st_size || has_header_end (bytes, size) ? fm_envelope_parse (bytes, size)
                                                                                         : read_long_header (fd, bytes, size);
  close (fd);
  return envelope;
}

/* Servers add lines of their own to a header and may add others the next time; what the message came with stays. */
#include "sync/pop-digest.h"
#include "sync/pop-pass-private.h"
#include <fulmar/mail/envelope.h>
#include <string.h>

static const char *const volatile_fields[]
    = { "status",           "x-status",          "x-uid",          "x-uidl",         "x-keywords", "x-imap", "x-imapbase",
        "x-mozilla-status", "x-mozilla-status2", "x-mozilla-keys", "content-length", "lines",      NULL };

static gboolean
is_volatile (const char *line, gsize length)
{
  const char *colon = memchr (line, ':', MIN (length, 64));
  if (colon == NULL)
    return FALSE;
  g_autofree char *name = g_ascii_strdown (line, colon - line);
  return g_strv_contains (volatile_fields, g_strchomp (name));
}

char *
fm_pop_digest_header (const void *bytes, gsize size_bytes)
{
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  const char *p = bytes, *end = p + size_bytes;
  gboolean skipping = FALSE;
  while (p < end)
    {
      const char *lf = memchr (p, '\n', (gsize) (end - p));
      const char *stop = lf == NULL ? end : lf;
      gsize length = (gsize) (stop - p);
      if (length > 0 && p[length - 1] == '\r')
        length--;
      if (length == 0)
        break;
      /* A folded line belongs to its field. */
      if (*p != ' ' && *p != '\t')
        skipping = is_volatile (p, length);
      if (!skipping)
        {
          g_checksum_update (checksum, (const guchar *) p, (gssize) length);
          g_checksum_update (checksum, (const guchar *) "\n", 1);
        }
      p = lf == NULL ? end : lf + 1;
    }
  return g_strdup (g_checksum_get_string (checksum));
}

typedef struct {
  FmSink base;
  FmSink *next;
  GByteArray *header;
  gboolean header_done;
  guint64 size_bytes;
} DigestSink;

static void
take_header (DigestSink *self, const void *bytes, gsize size)
{
  gsize from = self->header->len < 3 ? 0 : self->header->len - 3;
  gsize room = FM_ENVELOPE_MAX_HEADER_BYTES - self->header->len;
  g_byte_array_append (self->header, bytes, (guint) MIN (size, room));
  const char *p = (const char *) self->header->data + from, *end = (const char *) self->header->data + self->header->len;
  while ((p = memchr (p, '\n', (gsize) (end - p))) != NULL)
    {
      p++;
      if ((end - p >= 1 && p[0] == '\n') || (end - p >= 2 && p[0] == '\r' && p[1] == '\n'))
        {
          g_byte_array_set_size (self->header, (guint) (p - (const char *) self->header->data) + (p[0] == '\n' ? 1 : 2));
          self->header_done = TRUE;
          return;
        }
    }
  self->header_done = self->header->len >= FM_ENVELOPE_MAX_HEADER_BYTES;
}

static gboolean
digest_write (FmSink *sink, const void *bytes, gsize size, GError **error)
{
  DigestSink *self = (DigestSink *) sink;
  if (!self->header_done)
    take_header (self, bytes, size);
  self->size_bytes += size;
  if (self->next == NULL)
    return TRUE;
  if (!fm_sink_write (self->next, bytes, size, error))
    return FALSE;
  fm_pop_pass_step (FM_POP_STEP_RECEIVING);
  return TRUE;
}

static gboolean
digest_commit (FmSink *sink, GError **error)
{
  DigestSink *self = (DigestSink *) sink;
  return self->next == NULL || fm_sink_commit (self->next, error);
}

static void
digest_abort (FmSink *sink)
{
  DigestSink *self = (DigestSink *) sink;
  if (self->next != NULL)
    fm_sink_abort (self->next);
}

static void
digest_free (FmSink *sink)
{
  DigestSink *self = (DigestSink *) sink;
  fm_sink_free (self->next);
  g_byte_array_unref (self->header);
  g_free (self);
}

static const FmSinkClass digest_class = { .write = digest_write, .commit = digest_commit, .abort = digest_abort, .free = digest_free };

FmSink *
fm_pop_digest_sink_new (FmSink *next)
{
  DigestSink *self = g_new0 (DigestSink, 1);
  self->base.klass = &digest_class;
  self->next = next;
  self->header = g_byte_array_new ();
  return &self->base;
}

GBytes *
fm_pop_digest_sink_header (FmSink *sink)
{
  const DigestSink *self = (const DigestSink *) sink;
  return g_bytes_new (self->header->data, self->header->len);
}

FmSink *
fm_pop_digest_sink_next (FmSink *sink)
{
  return ((DigestSink *) sink)->next;
}

guint64
fm_pop_digest_sink_size (FmSink *sink)
{
  return ((DigestSink *) sink)->size_bytes;
}

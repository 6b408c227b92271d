/* The sink's four calls, and the one sink that needs no store: bytes gathered in memory up to a bound. */
#include <fulmar/base/sink.h>

#include <fulmar/base/error.h>

typedef struct {
  FmSink sink;
  GByteArray *bytes; /* NULL once stolen or aborted */
  gsize limit_bytes;
} MemorySink;

gboolean
fm_sink_write (FmSink *sink, const void *bytes, gsize size_bytes, GError **error)
{
  return sink->klass->write (sink, bytes, size_bytes, error);
}

gboolean
fm_sink_commit (FmSink *sink, GError **error)
{
  return sink->klass->commit (sink, error);
}

void
fm_sink_abort (FmSink *sink)
{
  sink->klass->abort (sink);
}

void
fm_sink_free (FmSink *sink)
{
  if (sink != NULL)
    sink->klass->free (sink);
}

static gboolean
memory_write (FmSink *sink, const void *bytes, gsize size_bytes, GError **error)
{
  MemorySink *self = (MemorySink *) sink;

  if (self->bytes == NULL)
    {
      g_set_error_literal (error, FM_ERROR, FM_ERROR_INVALID, "Written to after its end");
      return FALSE;
    }
  if (size_bytes > self->limit_bytes - self->bytes->len)
    {
      g_set_error (error, FM_ERROR, FM_ERROR_LIMIT, "More than %" G_GSIZE_FORMAT " bytes", self->limit_bytes);
      return FALSE;
    }
  g_byte_array_append (self->bytes, bytes, (guint) size_bytes);
  return TRUE;
}

static gboolean
memory_commit (FmSink *sink, GError **error)
{
  return TRUE;
}

static void
memory_abort (FmSink *sink)
{
  MemorySink *self = (MemorySink *) sink;

  g_clear_pointer (&self->bytes, g_byte_array_unref);
}

static void
memory_free (FmSink *sink)
{
  memory_abort (sink);
  g_free (sink);
}

static const FmSinkClass memory_class = {
  .write = memory_write,
  .commit = memory_commit,
  .abort = memory_abort,
  .free = memory_free,
};

FmSink *
fm_sink_new_memory (gsize limit_bytes)
{
  MemorySink *self = g_new0 (MemorySink, 1);

  self->sink.klass = &memory_class;
  self->bytes = g_byte_array_new ();
  /* A GByteArray counts in guint and grows by doubling: half its range can always be reached. */
  self->limit_bytes = MIN (limit_bytes, (gsize) G_MAXINT);
  return &self->sink;
}

GBytes *
fm_sink_memory_steal (FmSink *sink)
{
  MemorySink *self = (MemorySink *) sink;

  g_return_val_if_fail (sink->klass == &memory_class, NULL);
  if (self->bytes == NULL)
    return g_bytes_new (NULL, 0);
  return g_byte_array_free_to_bytes (g_steal_pointer (&self->bytes));
}

/* Where a stream of foreign bytes goes: the network layer writes without knowing the store, the store receives without knowing the network.
 * Used by one thread at a time. After commit or abort only free may be called; free without either aborts. */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

typedef struct FmSink FmSink;

typedef struct {
  gboolean (*write) (FmSink *sink, const void *bytes, gsize size_bytes, GError **error);
  gboolean (*commit) (FmSink *sink, GError **error); /* everything written is durable when this returns TRUE */
  void (*abort) (FmSink *sink);                      /* leaves no trace */
  void (*free) (FmSink *sink);
} FmSinkClass;

/* Implementations embed this first. */
struct FmSink {
  const FmSinkClass *klass;
};

gboolean fm_sink_write (FmSink *sink, const void *bytes, gsize size_bytes, GError **error);
gboolean fm_sink_commit (FmSink *sink, GError **error);
void fm_sink_abort (FmSink *sink);
void fm_sink_free (FmSink *sink); /* accepts NULL */

/* A sink into memory, refusing more than LIMIT_BYTES with FM_ERROR_LIMIT; steal the bytes after commit. */
FmSink *fm_sink_new_memory (gsize limit_bytes);
GBytes *fm_sink_memory_steal (FmSink *sink);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FmSink, fm_sink_free)

G_END_DECLS

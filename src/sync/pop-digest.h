/* Knowing a POP message again when its UIDL does not: a digest of its header, and a sink that takes the header aside while the message streams by. */
#pragma once
#include <fulmar/base/sink.h>
#include <glib.h>

/* Hex SHA-256 of the header's lines, without those that servers write anew (Status, X-UIDL, ...) and whatever the line ends: RETR and TOP of one
 * message agree. Bytes beyond the blank line don't count. Transfer: full. */
char *fm_pop_digest_header (const void *bytes, gsize size_bytes);

/* Passes everything to NEXT (owned; NULL: nothing more than the header is wanted) and keeps the header, at most 1 MB of it. */
FmSink *fm_pop_digest_sink_new (FmSink *next);
GBytes *fm_pop_digest_sink_header (FmSink *sink); /* Transfer: full */
FmSink *fm_pop_digest_sink_next (FmSink *sink);   /* Transfer: none */
/* Bytes written so far. */
guint64 fm_pop_digest_sink_size (FmSink *sink);

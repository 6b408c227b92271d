/* Raw DEFLATE (RFC 1951) in both directions of one connection, as COMPRESS=DEFLATE (RFC 4978) speaks it. Private to the network layer. */
#pragma once
#include <glib.h>

typedef struct FmDeflate FmDeflate;

/* About 300 KB while the connection lives. */
FmDeflate *fm_deflate_new (void);
void fm_deflate_free (FmDeflate *codec); /* accepts NULL */

/* Appends BYTES, packed and flushed so that the peer can unpack all of them, to OUT. */
void fm_deflate_pack (FmDeflate *codec, const guint8 *bytes, gsize size_bytes, GByteArray *out);

/* What came from the wire, copied; may follow what is not unpacked yet. */
void fm_deflate_feed (FmDeflate *codec, const guint8 *bytes, gsize size_bytes);
/* Unpacks up to ROOM bytes of what was fed: the bounded step that keeps a bomb from growing. The number of bytes; 0: more must be fed; -1: it is no
 * DEFLATE, or its end, after which nothing can follow. */
gssize fm_deflate_unpack (FmDeflate *codec, guint8 *to, gsize room_bytes);
/* Whether unpack may yield something without being fed. */
gboolean fm_deflate_has_pending (const FmDeflate *codec);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FmDeflate, fm_deflate_free)

/* Looks a message over before GMime parses it, for what GMime itself does not bound. */
#pragma once
#include <gmime/gmime.h>

G_BEGIN_DECLS

/* Where a message must be cut so that parsing it costs bounded memory and stack: its size if nothing is wrong. Reads the stream from START to
 * END in one pass and leaves its position undefined. Offsets are the stream's own. */
gint64 fm_message_guard_cut (GMimeStream *stream, gint64 start, gint64 end);

G_END_DECLS

/* Threading, the pure pieces: which message answers which (References, then In-Reply-To, as JWZ describes, without merging by subject) and
 * the tree a list draws. The store keeps thread membership by 64-bit keyed hashes of message ids: ids are chosen by attackers, so the
 * key must be secret and kept with the store. */
#pragma once
#include <glib.h>
#include "fulmar/mail/envelope.h"

G_BEGIN_DECLS

/* A message id as everyone compares it: angle brackets, comments around and white space gone, at most 998 bytes; "" if nothing is left.
 * Transfer: full. */
char *fm_threads_normalise_id (const char *id, gssize size_bytes);

/* SipHash-2-4 of a normalised id; never 0, so 0 can mean none. KEY is 16 secret bytes. */
guint64 fm_threads_hash_id (const guint8 key[16], const char *message_id);

/* The ids a message may hang under, nearest first (last reference first, In-Reply-To first where it is not among the references), without
 * duplicates and without the message's own id. Borrowed from the envelope. Transfer: container. */
GPtrArray *fm_threads_ancestors (const FmEnvelope *envelope);

/* One message of a thread. ANCESTORS nearest first, as hashes; borrowed during the call. */
typedef struct {
  guint64 id;
  gint64 date_utc;
  const guint64 *ancestors;
  gsize n_ancestors;
} FmThreadsMessage;

/* One line of the drawn tree, in reading order. */
typedef struct {
  guint message;        /* index into the messages given */
  guint parent_row;     /* row of the one it is drawn under, G_MAXUINT for a root */
  guint16 depth;        /* 0 for roots */
  guint8 is_last_child; /* of its parent: draws a corner, not a tee */
  guint8 has_children;
  guint8 is_orphan;    /* hangs under an absent message's place */
  guint64 open_levels; /* bit D set: an ancestor at depth D (below 64) has later siblings, so a line runs down past this row */
} FmThreadsRow;

/* The tree of one thread (or of several at once), siblings and roots by date. Each message becomes exactly one row; cycles are broken,
 * absent ancestors skipped, duplicates of one id become siblings. O(n log n). Writes N rows. */
void fm_threads_layout (const FmThreadsMessage *messages, gsize n, FmThreadsRow *rows);

/* The subject without reply and forward prefixes (Re:, Fwd:, AW:, SV:, "Re[2]:", ...) and leading list tags, for sorting. A pointer into
 * SUBJECT. */
const char *fm_threads_subject_base (const char *subject);
/* The same, list tags left on: what "Re: " is put before. */
const char *fm_threads_subject_unmarked (const char *subject);

G_END_DECLS

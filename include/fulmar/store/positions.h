/* Where every row of a list stands: 4 bytes a row (8 a thread in thread order), built on a pool thread, then frozen and shared: any row by
 * number, the number of any row, the next unread. It says what was true when it was built: load a new one after a change. Any thread,
 * each with its own reader. */
#pragma once
#include <fulmar/base/cancel.h>
#include <fulmar/store/list-store.h>

G_BEGIN_DECLS

typedef struct FmPositions FmPositions;

/* SPEC is copied, its sets referenced. 80 ms for 1M rows by date; other orders sort (about a second). CANCELLED. Transfer: full. */
FmPositions *fm_positions_load (FmStoreReader *reader, const FmListSpec *spec, FmCancel *cancel, GError **error);
/* Of ids in an order of the caller's (a search's). COPY. */
FmPositions *fm_positions_new_ids (const gint64 *ids, gsize n);
FmPositions *fm_positions_ref (FmPositions *positions);
void fm_positions_unref (FmPositions *positions); /* accepts NULL */

guint64 fm_positions_count (const FmPositions *positions);
gsize fm_positions_bytes (const FmPositions *positions);

/* Rows FIRST..FIRST+N-1. A row that is gone by now is NULL in the array, so that numbers hold. FmRow*. Transfer: full. */
GPtrArray *fm_positions_rows (FmPositions *positions, FmStoreReader *reader, guint64 first, guint n, GError **error);
/* The id at POSITION, 0 past the end. */
gint64 fm_positions_id (FmPositions *positions, FmStoreReader *reader, guint64 position);
/* FALSE if not in the list (a row within a folded thread stands at its thread's place). */
gboolean fm_positions_find (FmPositions *positions, FmStoreReader *reader, gint64 msg_id, guint64 *ret_position);
/* The first row of the next thread after POSITION; BACKWARDS: of the thread POSITION is in, or of the one before if it is that row. In a flat list
 * each row is a thread. FALSE: there is none. No query: steps of a binary search. */
gboolean fm_positions_find_thread (const FmPositions *positions, guint64 position, gboolean backwards, guint64 *ret_position);
/* The next unread row after POSITION (or before it), wrapping once; G_MAXUINT64 starts before the first. FALSE if none is unread. In a flat list
 * a row that was unread when the array was built may have been read since: look at it, and ask again from there. */
gboolean fm_positions_find_unread (FmPositions *positions, FmStoreReader *reader, guint64 position, gboolean backwards,
                                   guint64 *ret_position);
/* The next row of the set ROWS after POSITION (or before it), wrapping once, which may end at POSITION itself; G_MAXUINT64 starts before the
 * first. A pass over the array, in thread order over the set too: for a pool thread. NOT_FOUND: none is in the list; CANCELLED. */
gboolean fm_positions_find_member (FmPositions *positions, FmStoreReader *reader, const FmIdSet *rows, guint64 position, gboolean backwards,
                                   FmCancel *cancel, guint64 *ret_position, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FmPositions, fm_positions_unref)

G_END_DECLS

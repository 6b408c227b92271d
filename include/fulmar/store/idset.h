/* A set of row ids as a plain bitset (1,000,000 ids: 125 kB): what searches are combined with and lists limited by. Not shared while it is
 * changed; frozen sets may be read by any thread. Ids run from 0 to 4294967295; others are never members. */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

typedef struct FmIdSet FmIdSet;

FmIdSet *fm_idset_new (void);
FmIdSet *fm_idset_ref (FmIdSet *set);
void fm_idset_unref (FmIdSet *set); /* accepts NULL */
FmIdSet *fm_idset_dup (const FmIdSet *set);

void fm_idset_add (FmIdSet *set, gint64 id);
void fm_idset_remove (FmIdSet *set, gint64 id);
gboolean fm_idset_contains (const FmIdSet *set, gint64 id);
guint64 fm_idset_count (const FmIdSet *set);

/* SET becomes the result. */
void fm_idset_and (FmIdSet *set, const FmIdSet *other);
void fm_idset_or (FmIdSet *set, const FmIdSet *other);
void fm_idset_xor (FmIdSet *set, const FmIdSet *other);
void fm_idset_subtract (FmIdSet *set, const FmIdSet *other);

/* The first member at or after ID; FALSE if there is none. */
gboolean fm_idset_next (const FmIdSet *set, gint64 id, gint64 *ret_id);
/* The last member at or before ID; FALSE if there is none. */
gboolean fm_idset_previous (const FmIdSet *set, gint64 id, gint64 *ret_id);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FmIdSet, fm_idset_unref)

G_END_DECLS

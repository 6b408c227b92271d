/* A query (mail/query.h) over the rows: header, flag, folder, account, tag, date and size leaves become SQL with bound parameters; leaves
 * that need the text index are the caller's to fill. Everything is combined as sets of row ids. */
#pragma once
#include <fulmar/base/cancel.h>
#include <fulmar/mail/query.h>
#include <fulmar/store/idset.h>
#include <fulmar/store/list-store.h>

G_BEGIN_DECLS

/* The rows of a WORD, BODY or ATTACHMENT leaf as the index knows them. NULL: not answered (yet): WORD then matches headers only, the others
 * nothing. For WORD the header's matches are added by us. Transfer: full. */
typedef FmIdSet *(*FmQueryLeaf) (const FmQuery *leaf, gpointer data);

/* Where a query looks: a folder (0: everywhere), and mail dated from one moment to another, both included (G_MININT64 and G_MAXINT64: any). */
typedef struct {
  gint64 folder_id;
  gint64 from_utc, until_utc;
} FmQueryScope;

/* LEAF may be NULL. Bounded by one scan of the scope's rows for each header leaf. CANCELLED, INVALID. Transfer: full. */
FmIdSet *fm_query_sql_run (FmStoreReader *reader, const FmQuery *query, const FmQueryScope *scope, FmQueryLeaf leaf, gpointer data,
                           FmCancel *cancel, GError **error);
/* The date from which on no folder (0: of all) has more than N messages, to look at the newest first; G_MININT64 if none has that many. */
gint64 fm_query_sql_nth_newest (FmStoreReader *reader, gint64 folder_id, guint n);
/* Rows that show these blobs: turns the index's answer into rows. Transfer: full. */
FmIdSet *fm_query_sql_blob_rows (FmStoreReader *reader, const gint64 *blob_ids, gsize n, FmIdSet *add_to, GError **error);
/* Members newest first. gint64. Transfer: full. */
GArray *fm_query_sql_sorted (FmStoreReader *reader, const FmIdSet *set, gboolean descending, GError **error);

G_END_DECLS

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

/* FOLDER_ID 0: everywhere. LEAF may be NULL. Bounded by one scan of the rows for each header leaf. CANCELLED, INVALID. Transfer: full. */
FmIdSet *fm_query_sql_run (FmStoreReader *reader, const FmQuery *query, gint64 folder_id, FmQueryLeaf leaf, gpointer data, FmCancel *cancel,
                           GError **error);
/* Rows that show these blobs: turns the index's answer into rows. Transfer: full. */
FmIdSet *fm_query_sql_blob_rows (FmStoreReader *reader, const gint64 *blob_ids, gsize n, FmIdSet *add_to, GError **error);
/* Members newest first. gint64. Transfer: full. */
GArray *fm_query_sql_sorted (FmStoreReader *reader, const FmIdSet *set, gboolean descending, GError **error);

G_END_DECLS

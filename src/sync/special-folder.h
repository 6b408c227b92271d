/* Which folder of an account is its Trash, Archive, Junk, Sent or Drafts: what the server says, then what the configuration names, then what folders are
 * called; made where there is none. */
#pragma once
#include <fulmar/store/folder-store.h>
#include <fulmar/sync/account-spec.h>

/* The folder's id, 0 if there is none. SPEC may be NULL. */
gint64 fm_special_folder_find (FmStoreReader *reader, const FmAccountSpec *spec, gint64 account_id, FmSpecialUse special, GError **error);

/* The same, planning its creation if it is missing (RET_CREATED, may be NULL), in a group of its own, so that undoing the action that needed it does
 * not try to take it away. Within the pen's transaction. 0 on error. */
gint64 fm_special_folder_need (FmStoreWriter *writer, const FmAccountSpec *spec, gint64 account_id, FmSpecialUse special,
                               gboolean *ret_created, GError **error);

/* What a folder's name alone says, for listings without SPECIAL-USE. */
FmSpecialUse fm_special_folder_by_name (const char *name, char delimiter);

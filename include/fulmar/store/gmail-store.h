/* One message, many labels (X-GM-EXT-1). A message of Gmail has a row in the folder of each of its labels and in All Mail; the rows have their
 * server_id (X-GM-MSGID) in common. They share one message file and one set of flags: what is told of one row, or done to it, holds for all. Which
 * labels a message has is therefore mostly a matter of which folders have a row of it; X-GM-LABELS, kept beside, tells of those that are no
 * folder here (yet). */
#pragma once
#include <fulmar/store/folder-store.h>
#include <fulmar/store/message-store.h>

G_BEGIN_DECLS

/* The labels of the row's message in alphabetical order: "Inbox", "Work/Plans". All Mail is none, and Starred is a flag. WITH_OWN: that of the
 * row's own folder too. NULL: none, or the row is not Gmail's. Transfer: full. */
char **fm_gmail_store_labels (FmStoreReader *reader, gint64 msg_id, gboolean with_own);
/* How many of the account's messages are known, whatever their folders. */
guint64 fm_gmail_store_count (FmStoreReader *reader, gint64 account_id);
/* INPUT has no envelope: a row of FOLDER_ID is made after another of its server_id, with the flags that were told. RET_DONE FALSE: there is none, or an
 * operation of ours has to do with it, so that its header is needed. */
gboolean fm_gmail_store_clone (FmStoreWriter *writer, gint64 folder_id, const FmMessageInput *input, gboolean *ret_done, GError **error);
/* Leaves, of the rows IDS (gint64), one for each message: in the inbox, else in a label, else in All Mail; the order stays. TOLD (a set of strings, which it
 * owns) remembers messages: those that are in it already are left out. */
void fm_gmail_store_once (FmStoreReader *reader, GArray *ids, GHashTable *told);
/* Adds the folders that the row's message is in, but for the row's own, to IDS (gint64), each once. */
void fm_gmail_store_add_folders (FmStoreReader *reader, gint64 msg_id, GArray *ids);
/* The row by which the message UID of FOLDER_ID is best shown: in the inbox, else in a label, else this one. 0: it is not here. */
gint64 fm_gmail_store_find (FmStoreReader *reader, gint64 folder_id, guint32 uid);
/* The account is Gmail's: messages of it are known by their server_id. */
gboolean fm_gmail_store_is_account (FmStoreReader *reader, gint64 account_id);

G_END_DECLS

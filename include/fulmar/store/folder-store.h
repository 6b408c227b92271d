/* Accounts and their folders. Counters (total, unread) are kept in the transaction that changes the rows, so they never disagree with the
 * list. Names are UTF-8 as the server or directory gives them (not sanitised for a screen). */
#pragma once
#include <fulmar/store/db.h>

G_BEGIN_DECLS

/* What the store must know of an account's kind; the numbers are those of sync's FmAccountKind. On IMAP an operation waits for the server;
 * on POP every folder is local and operations are done when they are written; LOCAL kinds have a worker that moves files. */
typedef enum { FM_STORE_IMAP, FM_STORE_POP, FM_STORE_MAILDIR, FM_STORE_MBOX, FM_STORE_NOTMUCH } FmStoreKind;

typedef enum {
  FM_SPECIAL_NONE,
  FM_SPECIAL_INBOX,
  FM_SPECIAL_SENT,
  FM_SPECIAL_DRAFTS,
  FM_SPECIAL_ARCHIVE,
  FM_SPECIAL_JUNK,
  FM_SPECIAL_TRASH,
  FM_SPECIAL_ALL,
  FM_SPECIAL_FLAGGED,
  FM_SPECIAL_IMPORTANT,
  FM_SPECIAL_OUTBOX,
} FmSpecialUse;

/* JSON word ("sent") and back; static. NONE is "". */
const char *fm_folder_store_special_name (FmSpecialUse special);

/* value struct, owned strings */
typedef struct {
  gint64 id;
  char *name;
  FmStoreKind kind;
  guint64 server_count, server_bytes; /* messages and bytes on the server, as it told last (POP: its listing) */
  guint64 server_limit;               /* IMAP: what the quota allows, SERVER_BYTES being used of it; 0: there is none */
  gint64 server_seen_utc;             /* when that was; 0: it has not told */
} FmAccountInfo;
void fm_folder_store_account_free (FmAccountInfo *account);

/* value struct, owned strings; fm_folder_store_free */
typedef struct {
  gint64 id, account_id;
  char *account; /* the account's name */
  FmStoreKind kind;
  char *name;        /* as shown: differs from remote_name while a rename waits for the server */
  char *remote_name; /* as the server or directory knows it now; "" while its creation waits */
  char *wire_name;   /* kept where the server's modified UTF-7 can't be rebuilt from the name; or NULL */
  char *path;        /* local folders: the directory or mbox file; or NULL */
  char delimiter;    /* 0: flat */
  FmSpecialUse special;
  gboolean subscribed, selectable;
  char *rights;                 /* RFC 4314's letters, as MYRIGHTS told; NULL: the server has no ACL, or has not been asked */
  guint access;                 /* as SELECT told: FmFolderAccess (folder-access.h); 0: never selected */
  guint32 uidvalidity, uidnext; /* 0: never selected */
  guint64 highestmodseq;
  guint32 lowest_uid;                  /* every message with this UID or a higher one is known here; 0: nothing yet, 1: all */
  gint64 mtime_us;                     /* local folders: of the directory when it was last read */
  gint64 synced_utc;                   /* last complete pass; 0: never */
  guint64 total, unread;               /* of the rows here */
  guint64 server_total, server_unread; /* as STATUS told; for folders not synced yet */
  gboolean is_rematching;              /* its UIDVALIDITY changed, and its operations wait until all of it has been met again */
} FmFolderInfo;
void fm_folder_store_free (FmFolderInfo *folder);

/* Finds or makes. Returns the id, 0 on error. */
gint64 fm_folder_store_put_account (FmStoreWriter *writer, const char *name, FmStoreKind kind, GError **error);
/* Removes all of an account's rows; message files become garbage. */
gboolean fm_folder_store_delete_account (FmStoreWriter *writer, gint64 account_id, GError **error);
gboolean fm_folder_store_set_server (FmStoreWriter *writer, gint64 account_id, guint64 count, guint64 bytes, gint64 now_utc,
                                     GError **error);
/* LIMIT 0: there is no quota. */
gboolean fm_folder_store_set_quota (FmStoreWriter *writer, gint64 account_id, guint64 used, guint64 limit, gint64 now_utc, GError **error);
GPtrArray *fm_folder_store_accounts (FmStoreReader *reader, GError **error); /* FmAccountInfo*, by id. Transfer: full */

/* What a listing of the server or directory told of one folder. */
typedef struct {
  const char *name;
  const char *wire_name; /* may be NULL */
  const char *path;      /* may be NULL */
  char delimiter;
  FmSpecialUse special;
  gboolean subscribed, selectable;
} FmFolderInput;

/* A rename of one of the account's folders waits for the server's answer: names shown and names there differ. */
gboolean fm_folder_store_is_renaming (FmStoreReader *reader, gint64 account_id);
/* Finds by remote name (INBOX in any case) or makes, and updates what was told. Returns the id, 0 on error. */
gint64 fm_folder_store_put (FmStoreWriter *writer, gint64 account_id, const FmFolderInput *input, GError **error);
/* Removes folder and rows at once, as a listing without it demands (the user's own deletion is fm_journal_plan_folder). Rows that wait to
 * be moved out of it lose their operation. */
gboolean fm_folder_store_delete (FmStoreWriter *writer, gint64 folder_id, GError **error);
/* The server renamed it (or a journalled rename is confirmed). */
gboolean fm_folder_store_rename (FmStoreWriter *writer, gint64 folder_id, const char *name, GError **error);

/* NOT_FOUND. Transfer: full. */
FmFolderInfo *fm_folder_store_get (FmStoreReader *reader, gint64 folder_id, GError **error);
/* By shown name. */
FmFolderInfo *fm_folder_store_find (FmStoreReader *reader, gint64 account_id, const char *name, GError **error);
FmFolderInfo *fm_folder_store_find_special (FmStoreReader *reader, gint64 account_id, FmSpecialUse special, GError **error);
/* FmFolderInfo*, by account and name; account_id 0: all. Transfer: full. */
GPtrArray *fm_folder_store_list (FmStoreReader *reader, gint64 account_id, GError **error);

/* The synchroniser's marks. A HIGHESTMODSEQ is set only in the transaction that applied all changes up to it. */
gboolean fm_folder_store_set_uidnext (FmStoreWriter *writer, gint64 folder_id, guint32 uidnext, GError **error);
gboolean fm_folder_store_set_modseq (FmStoreWriter *writer, gint64 folder_id, guint64 highestmodseq, GError **error);
gboolean fm_folder_store_set_lowest_uid (FmStoreWriter *writer, gint64 folder_id, guint32 lowest_uid, GError **error);
gboolean fm_folder_store_set_synced (FmStoreWriter *writer, gint64 folder_id, gint64 synced_utc, gint64 mtime_us, GError **error);
gboolean fm_folder_store_set_access (FmStoreWriter *writer, gint64 folder_id, guint access, const char *rights, GError **error);
gboolean fm_folder_store_set_status (FmStoreWriter *writer, gint64 folder_id, guint64 total, guint64 unread, GError **error);

/* Call after each SELECT. The first value is noted. A changed one detaches every row from its UID (bodies, threads and waiting operations
 * stay; operations of the folder are frozen) until fm_message_store_upsert meets the same message again by Message-ID, size and date;
 * marks are reset. RET_CHANGED may be NULL. End the re-match with fm_folder_store_end_rematch. */
gboolean fm_folder_store_set_uidvalidity (FmStoreWriter *writer, gint64 folder_id, guint32 uidvalidity, gboolean *ret_changed,
                                          GError **error);
/* Every UID of the folder has been upserted: rows still detached are gone from the server and go here too. Their count in RET_GONE. */
gboolean fm_folder_store_end_rematch (FmStoreWriter *writer, gint64 folder_id, guint *ret_gone, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FmFolderInfo, fm_folder_store_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FmAccountInfo, fm_folder_store_account_free)

G_END_DECLS

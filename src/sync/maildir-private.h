/* What the files of the Maildir worker share. Everything here runs on the worker's own thread, except where said. */
#pragma once
#include "sync/account-worker.h"
#include <fulmar/store/folder-store.h>
#include <fulmar/store/message-store.h>

/* value struct: the worker's hands */
typedef struct {
  FmSyncEnv *env;
  FmAccountSpec *spec;
  gint64 account_id;
  FmCancel *cancel;
  FmStoreReader *reader; /* the worker thread's */
  GHashTable *expected;  /* paths that our own operations make or remove: their inotify events say nothing new */
} FmMaildirContext;

/* --- maildir-scan.c: from the directory to the rows --- */

/* value struct: what a scan found */
typedef struct {
  guint added, updated, removed;
  guint unseen_added;
} FmMaildirChanges;

/* Brings the rows of FOLDER up to what its directory holds. LIMIT > 0: only that many of the newest new messages, and no removals. FORCE reads the names even if
 * the directory says it has not changed. */
gboolean fm_maildir_scan_folder (FmMaildirContext *context, const FmFolderInfo *folder, guint limit, gboolean force,
                                 FmMaildirChanges *ret_changes, GError **error);
/* One file that has just appeared (or changed its name). FALSE without an error: only a scan can tell. */
gboolean fm_maildir_scan_file (FmMaildirContext *context, const FmFolderInfo *folder, const char *subdir, const char *file_name,
                               FmMaildirChanges *changes, GError **error);

/* --- maildir-ops.c: from the journal to the directory --- */

/* Carries out every operation that waits. Rows whose operation failed for good are told by FM_EVENT_OP_REFUSED. */
gboolean fm_maildir_ops_run (FmMaildirContext *context, GError **error);

/* --- maildir-worker.c --- */

/* Reads the tree of folders and puts it into the store. */
gboolean fm_maildir_worker_read_tree (FmMaildirContext *context, GPtrArray *others, gboolean *ret_changed, GError **error);

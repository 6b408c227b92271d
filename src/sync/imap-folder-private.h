/* The parts of a visit to a folder (imap-folder.c): the first one (imap-first.c), and comparing what both sides have (imap-compare.c). */
#pragma once
#include "sync/imap-private.h"

/* What is noted of a folder in one job of the pen; 0: left as it is. */
typedef struct {
  gint64 folder_id;
  guint32 uidvalidity, uidnext, lowest_uid;
  guint64 modseq;
  gboolean synced, rematch;
  GArray *settling;          /* gint64: operations that were to be met here when the visit began; with rematch */
  gboolean validity_changed; /* out */
} FmImapMarks;

gboolean fm_imap_folder_set_marks (FmImapConn *conn, FmImapMarks *marks, GError **error);
/* The UIDNEXT to note after what was heard. */
guint32 fm_imap_folder_uidnext_after (FmImapConn *conn, const FmFolderInfo *info);
/* A FmImapDone that keeps the first error in *(GError **) DATA. */
void fm_imap_folder_keep_error (gpointer data, const GError *error);

/* The newest screenful of a folder never seen; INFO learns what was noted. */
gboolean fm_imap_first_screen (FmImapConn *conn, FmFolderInfo *info, GError **error);
/* The rest of it, and what makes a visit complete. SETTLING: operations that were to be met here when it began. */
gboolean fm_imap_first_finish (FmImapConn *conn, FmFolderInfo *info, GArray *settling, GError **error);

/* Gmail: messages of RANGES (FmImapRange, ascending) that are known from other folders get their rows without their headers being sent again; RANGES are
 * then the others. MAY_GO_ON is asked between two steps; FALSE from it ends the work, and *RET_STOPPED says so. */
gboolean fm_imap_known_take (FmImapConn *conn, const FmFolderInfo *info, GArray *ranges, gboolean (*may_go_on) (gpointer data),
                             gpointer data, gboolean *ret_stopped, GError **error);

/* UIDs of the selected folder that match; ascending ranges, not many more than the folder has messages. Transfer: full, NULL on error. */
GArray *fm_imap_compare_search (FmImapConn *conn, const char *criteria, GError **error);
/* Which UIDs are there at all: UID SEARCH ALL against the store. */
gboolean fm_imap_compare_folder (FmImapConn *conn, const FmFolderInfo *info, GError **error);
/* What the store should hold of this folder is as many messages as the server says, once the first visit is complete. */
gboolean fm_imap_compare_counts (FmImapConn *conn, gint64 folder_id);

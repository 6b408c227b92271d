/* The parts of running the journal on a server: doing (imap-perform.c), writing what came of it (imap-outcome.c), and settling what was never
 * answered (imap-settle.c). All on the front's thread. FALSE of any of them: the connection is lost, or the store can't be written. */
#pragma once
#include "sync/imap-private.h"
#include <fulmar/net/imap-change.h>
#include <fulmar/store/journal.h>

/* So often is a server asked again that tells no new UIDs although it has UIDPLUS. */
#define FM_IMAP_MAX_DOUBTS 3
#define FM_IMAP_RANGES(array) (const FmImapRange *) (const void *) (array)->data, (array)->len

/* --- imap-outcome.c --- */

/* NOTE 0: none. Before the first byte of the command. What is not to be sent any more leaves the batch, which may be empty then. */
gboolean fm_imap_outcome_sent (FmImapConn *conn, FmOpBatch *batch, guint32 note, GError **error);
/* NEW_UIDS: by item, 0 where not told; NULL: none told. */
gboolean fm_imap_outcome_confirm_all (FmImapConn *conn, const FmOpBatch *batch, const guint32 *new_uids, GError **error);
gboolean fm_imap_outcome_retry_all (FmImapConn *conn, const FmOpBatch *batch, GError **error);
/* What a look at the server told of one item. */
typedef enum {
  FM_IMAP_FOUND_NOTHING, /* not looked yet: it stays as it is */
  FM_IMAP_FOUND_DONE,    /* new_uid 0: it is there, and where is not known */
  FM_IMAP_FOUND_UNDONE,  /* it is planned again */
  FM_IMAP_FOUND_GONE,    /* from its folder, and we have not done it: another client was first. Nobody is told of a refusal */
} FmImapFound;
/* value struct */
typedef struct {
  FmImapFound found;
  guint32 new_uid;
} FmImapVerdict;
/* VERDICTS: by item. */
gboolean fm_imap_outcome_settled (FmImapConn *conn, const FmOpBatch *batch, const FmImapVerdict *verdicts, GError **error);
/* The server said no: the local state returns to the truth, and the user reads the server's own words. */
gboolean fm_imap_outcome_refuse_all (FmImapConn *conn, const FmOpBatch *batch, const GError *why, GError **error);
/* The folders of BATCH changed. */
void fm_imap_outcome_tell (FmImapConn *conn, const FmOpBatch *batch);

/* --- imap-perform.c --- */

/* Does BATCH. RET_UIDS (transfer full): where the messages are now, by item; 0 where not told. A missing target is made once, as the server
 * hints ([TRYCREATE]). */
gboolean fm_imap_perform_batch (FmImapConn *conn, const FmOpBatch *batch, guint32 **ret_uids, GError **error);
/* Takes messages out of the selected folder: \Deleted, and UID EXPUNGE where there is one; else they are hidden here (imap-hidden.c). */
gboolean fm_imap_perform_take_out (FmImapConn *conn, gint64 folder_id, const GArray *ranges, GError **error);

/* --- imap-settle.c --- */

gboolean fm_imap_settle_batch (FmImapConn *conn, const FmOpBatch *batch, GError **error);
/* The server said OK to BATCH, a MOVE or COPY, and told no new UID, so it has found nothing to do. */
gboolean fm_imap_settle_untold (FmImapConn *conn, const FmOpBatch *batch, GError **error);
/* The server said no to BATCH (WHY). Where messages of it are gone that is the reason: another client was first with them, and the others are
 * planned again. Else it is refused. */
gboolean fm_imap_settle_refused (FmImapConn *conn, const FmOpBatch *batch, const GError *why, GError **error);

/* --- imap-ops.c --- */

/* The server did not tell the new UIDs: they are met in the target, now if it is free, so that what follows on these messages need not wait
 * for the next pass. */
gboolean fm_imap_ops_meet (FmImapConn *conn, const FmOpBatch *batch, GError **error);

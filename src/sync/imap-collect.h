/* What a session says, on its way to the store: headers and flags are gathered in batches and given to the pen a slice at a time, a few in
 * flight so that the link and the disk both stay busy; deletions likewise. One for each connection, used by its thread. */
#pragma once
#include "sync/imap-private.h"

FmImapCollect *fm_imap_collect_new (FmAccountWorker *worker);
void fm_imap_collect_free (FmImapCollect *collect); /* accepts NULL */

const FmImapEvents *fm_imap_collect_events (void);

/* From now on everything is about this folder; 0: nothing is kept. Flushes what was about another. */
void fm_imap_collect_begin (FmImapCollect *collect, gint64 folder_id);
/* From now on messages of these UIDs (FmImapRange; transfer full) that carry \Deleted make no row; until the next fm_imap_collect_begin. */
void fm_imap_collect_hide (FmImapCollect *collect, GArray *hidden);
/* The server is Gmail: what is told of a message's flags in one folder holds in all. */
void fm_imap_collect_share_flags (FmImapCollect *collect, gboolean is_gmail);
/* What it is about; 0: nothing. */
gint64 fm_imap_collect_folder (const FmImapCollect *collect);
/* What MYRIGHTS has told since fm_imap_collect_begin; NULL: nothing. Until the next one. */
const char *fm_imap_collect_rights (const FmImapCollect *collect);
/* Hands over what is gathered and waits until it is committed. The first error of any slice. */
gboolean fm_imap_collect_flush (FmImapCollect *collect, GError **error);
/* Says, once, that the folder changed if anything committed since the last time made it so. Whichever connection hears of a change first writes
 * it, and to the others it is none: so each must say what it wrote, whatever it was about. */
void fm_imap_collect_tell (FmImapCollect *collect);
/* The same for mail that is new only to this machine: nobody is told that so many came. */
void fm_imap_collect_tell_quietly (FmImapCollect *collect);
/* Everything of the folder from LOWEST_UID on has been given to the collector: that is noted once it is committed, and the folder told as changed.
 * FALSE: something could not be written; flush says what. */
gboolean fm_imap_collect_mark (FmImapCollect *collect, guint32 lowest_uid);
/* Both: at the end of any work on a connection. */
gboolean fm_imap_collect_settle (FmImapCollect *collect, GError **error);

/* What was heard since fm_imap_collect_begin or the last _reset. value struct */
typedef struct {
  guint32 highest_uid, lowest_uid; /* of messages with headers; lowest 0: none */
  guint32 seen_uid;                /* the highest of all that were told, if only by their flags */
  guint64 highest_modseq;
  guint headers, added, unseen_added, changed, removed;
  guint unknown;      /* flags told of messages that have no row here: compare */
  guint elsewhere;    /* of removed and changed, what may concern other folders of Gmail's too */
  gboolean exists;    /* EXISTS was told: there may be new mail */
  gboolean need_uids; /* an EXPUNGE by number, or a FETCH without UID: compare */
} FmImapHeard;
FmImapHeard fm_imap_collect_heard (const FmImapCollect *collect);
void fm_imap_collect_reset (FmImapCollect *collect);
/* `exists` or `need_uids`, from now on. Said while a command ran, such news is not said again: it is looked at before any wait. */
gboolean fm_imap_collect_has_news (const FmImapCollect *collect);
void fm_imap_collect_take_news (FmImapCollect *collect, gboolean *ret_exists, gboolean *ret_need_uids);

/* While set, search results and flags are kept here instead of going to the store; both owned by the caller. */
void fm_imap_collect_divert (FmImapCollect *collect, GArray *ranges /* FmImapRange */,
                             GArray *flags /* FmMessageFlags, uid and flags only */);

/* While set, messages that are told with X-GM-MSGID and without a header are kept here; owned by the caller. */
GArray *fm_imap_collect_new_rows (void); /* FmMessageInput, which it owns. Transfer: full */
void fm_imap_collect_divert_ids (FmImapCollect *collect, GArray *rows);

/* From now on what LIST and STATUS say goes to LISTING's `box` and `status`; NULL: nowhere. Both borrowed. */
void fm_imap_collect_list (FmImapCollect *collect, const FmImapEvents *listing, gpointer data);

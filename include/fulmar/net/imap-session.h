/* An IMAP connection (RFC 3501 and the extensions named below), blocking, for one owner thread; FmCancel stops it from any other within
 * milliseconds. Commands are QUEUED, leave together at the next run or blocking call, and are answered in order: that is how four commands cost
 * one round trip. Everything the server says arrives through FmImapEvents in strict wire order, on the calling thread, inside the call; the
 * memory used does not grow with the mailbox.
 *
 * Every call may fail with OFFLINE, TIMEOUT, CANCELLED, PROTOCOL: then fm_imap_session_is_alive is FALSE and the session can only be freed.
 * REFUSED (the server's own words), NOT_FOUND ([NONEXISTENT], [TRYCREATE]), LIMIT ([OVERQUOTA], [LIMIT]) and INVALID leave it alive. */
#pragma once
#include <fulmar/base/cancel.h>
#include <fulmar/base/sink.h>
#include <fulmar/net/imap-types.h>
#include <fulmar/net/server.h>
#include <fulmar/net/stream.h>

G_BEGIN_DECLS

typedef struct FmImapSession FmImapSession;

/* Any member may be NULL. A callback must not call the session, except the fm_imap_session_queue_* functions. */
typedef struct {
  void (*exists) (gpointer data, guint32 count);
  void (*expunge) (gpointer data, guint32 seq);
  /* EARLIER: answers to QRESYNC about the past; they don't shift sequence numbers (RFC 7162, 3.2.10). */
  void (*vanished) (gpointer data, gboolean earlier, const FmImapRange *ranges, gsize n_ranges);
  void (*message) (gpointer data, const FmImapMessage *message);
  /* A response no parser understands, of one message: SEQ is known, UID maybe (else 0). Mark it unreadable and go on. */
  void (*unreadable) (gpointer data, guint32 seq, guint32 uid);
  void (*box) (gpointer data, const FmImapBox *box);
  void (*status) (gpointer data, const FmImapStatus *status);
  void (*rights) (gpointer data, const char *mailbox, const char *rights); /* MYRIGHTS: the letters of RFC 4314 */
  void (*search) (gpointer data, const FmImapRange *uids, gsize n_ranges, guint64 highest_modseq);
  /* A selected mailbox's values changed: uidvalidity, uidnext, highestmodseq, flags (see fm_imap_session_selected). */
  void (*selected) (gpointer data, const FmImapSelected *now);
  void (*alert) (gpointer data, const char *text); /* [ALERT]: to be shown to the user (sanitised) */
  void (*bye) (gpointer data, const char *text);
} FmImapEvents;

/* COMPRESS=DEFLATE where the server has it. */
typedef enum {
  FM_IMAP_COMPRESS_AUTO, /* before the first big answer, unless the link is so quick that unpacking would be slower */
  FM_IMAP_COMPRESS_ALWAYS,
  FM_IMAP_COMPRESS_NEVER,
} FmImapCompress;

typedef struct {
  const FmServer *server;
  const FmCredentials *credentials;
  const char *client_name, *client_version; /* for ID; NULL: no ID */
  int connect_timeout_ms;                   /* resolve, connect, TLS and sign in; 0: 30 s */
  int timeout_ms;                           /* longest silence or slowness of one answer; 0: 60 s */
  const FmImapEvents *events;               /* copied; NULL: none */
  gpointer events_data;
  FmImapCompress compress;
} FmImapOptions;

/* Connects, upgrades, signs in, learns the capabilities anew; ID and ENABLE are queued and ride with the first commands. More errors: TLS,
 * AUTH (the password is wrong), LIMIT (it allows no more connections, by [LIMIT] or in words: fewer must do), REFUSED (the server is busy or
 * refuses for its own reasons, as by [UNAVAILABLE] or [INUSE]: ask nobody, try later). */
FmImapSession *fm_imap_session_open (const FmImapOptions *options, FmCancel *cancel, GError **error);
/* Closes without a word. */
void fm_imap_session_free (FmImapSession *session);
/* LOGOUT, waits at most a second for the BYE, and frees. */
void fm_imap_session_logout (FmImapSession *session);
gboolean fm_imap_session_is_alive (const FmImapSession *session);
/* Replaces the receiver of events. */
void fm_imap_session_set_events (FmImapSession *session, const FmImapEvents *events, gpointer data);

gboolean fm_imap_session_has (const FmImapSession *session, FmImapCaps capability);
gboolean fm_imap_session_has_named (const FmImapSession *session, const char *capability);
/* After the first run: FM_IMAP_CAP_QRESYNC or FM_IMAP_CAP_CONDSTORE answered ENABLED. */
gboolean fm_imap_session_is_enabled (const FmImapSession *session, FmImapCaps capability);
const FmImapSelected *fm_imap_session_selected (const FmImapSession *session);
FmStream *fm_imap_session_stream (FmImapSession *session); /* for counters and fds; Transfer: none */
/* "A" -> "B" where fm_imap_session_box said wire_is_odd in an earlier session. */
void fm_imap_session_teach_name (FmImapSession *session, const char *name, const char *wire_name);

/* QUEUED commands: DONE (may be NULL) is called once with NULL or the command's own error; a lost connection fails all of them. Arguments are
 * checked and copied at once; INVALID ones are reported through DONE too. */
typedef void (*FmImapDone) (gpointer data, const GError *error);
/* Sends everything queued and returns when all has been answered. TRUE even if commands were refused: DONE said so. */
gboolean fm_imap_session_run (FmImapSession *session, GError **error);

/* LIST of all mailboxes under REFERENCE ("" usually) matching PATTERN ("*"), special uses and subscriptions where offered (XLIST without
 * SPECIAL-USE); a plain LIST follows by itself if that is refused. WITH_STATUS: each selectable one's STATUS too, by LIST-STATUS or by pipelined
 * STATUS commands. Events: box, status. */
void fm_imap_session_queue_list (FmImapSession *session, const char *pattern, gboolean with_status, FmImapDone done, gpointer data);
/* What this user may do in it (RFC 4314), where FM_IMAP_CAP_ACL is offered. Event: rights. */
void fm_imap_session_queue_rights (FmImapSession *session, const char *mailbox, FmImapDone done, gpointer data);
void fm_imap_session_queue_status (FmImapSession *session, const char *mailbox, FmImapDone done, gpointer data);
typedef struct {
  gboolean read_only; /* EXAMINE */
  /* QRESYNC (RFC 7162), used if offered and all three are set; what changed arrives as vanished (earlier) and message. */
  guint32 known_uidvalidity;
  guint64 known_modseq;
  guint32 known_uid_last; /* UIDs 1..this are known; 0: no QRESYNC */
} FmImapSelectOptions;
/* If QRESYNC is refused the plain command follows by itself. */
void fm_imap_session_queue_select (FmImapSession *session, const char *mailbox, const FmImapSelectOptions *options, FmImapDone done,
                                   gpointer data);
/* Flags, date, size, Gmail's ids and labels, and the header fields that a list needs, newest UID first as the server pleases within one set;
 * BODY.PEEK: never sets \Seen. One command a call: queue two chunks of 1000-2000 UIDs to keep the link full. */
void fm_imap_session_queue_fetch_headers (FmImapSession *session, const FmImapRange *uids, gsize n_ranges, FmImapDone done, gpointer data);
/* The same for sequence numbers: the newest 40 of a mailbox just selected are (exists-39):exists. WITH_SIZE FALSE: all but the size, which may be what
 * a server has to look for longest. */
void fm_imap_session_queue_fetch_headers_by_seq (FmImapSession *session, const FmImapRange *seqs, gboolean with_size, FmImapDone done,
                                                 gpointer data);
/* UID and size. */
void fm_imap_session_queue_fetch_sizes (FmImapSession *session, const FmImapRange *uids, gsize n_ranges, FmImapDone done, gpointer data);
/* Gmail: UID, flags and X-GM-MSGID, by which a message may be known from another folder. */
void fm_imap_session_queue_fetch_ids (FmImapSession *session, const FmImapRange *uids, gsize n_ranges, FmImapDone done, gpointer data);
/* UID and FLAGS (and MODSEQ); CHANGED_SINCE 0: all; with it only later changes (CONDSTORE), VANISHED too under QRESYNC. */
void fm_imap_session_queue_fetch_flags (FmImapSession *session, const FmImapRange *uids, gsize n_ranges, guint64 changed_since,
                                        FmImapDone done, gpointer data);
/* UID SEARCH; CRITERIA in IMAP's own words, ASCII ("ALL", "UNSEEN", "SINCE 1-Jan-2026"). Event: search, ascending ranges. */
void fm_imap_session_queue_search (FmImapSession *session, const char *criteria, FmImapDone done, gpointer data);
void fm_imap_session_queue_noop (FmImapSession *session, FmImapDone done, gpointer data);

/* BLOCKING commands; what is queued goes first. */
gboolean fm_imap_session_list (FmImapSession *session, const char *pattern, gboolean with_status, GError **error);
gboolean fm_imap_session_select (FmImapSession *session, const char *mailbox, const FmImapSelectOptions *options, GError **error);
/* Leaves the mailbox, never expunging: UNSELECT, or EXAMINE then CLOSE. */
gboolean fm_imap_session_unselect (FmImapSession *session, GError **error);
gboolean fm_imap_session_noop (FmImapSession *session, GError **error);
/* Newest first in chunks of 2000, three in flight; a chunk that breaks is halved until the poisonous messages are alone: they are reported as
 * unreadable. UIDS ascending. LANDED (may be NULL) hears, each time more is complete, that all of UIDS from LOWEST on has been told; it must not
 * call the session; FALSE ends the fetch with FM_ERROR_CANCELLED. */
typedef gboolean (*FmImapLanded) (gpointer data, guint32 lowest);
gboolean fm_imap_session_fetch_headers (FmImapSession *session, const FmImapRange *uids, gsize n_ranges, FmImapLanded landed, gpointer data,
                                        GError **error);
gboolean fm_imap_session_fetch_flags (FmImapSession *session, const FmImapRange *uids, gsize n_ranges, guint64 changed_since,
                                      GError **error);
/* GETQUOTAROOT of INBOX (RFC 9208): bytes used and allowed of the fullest root that limits storage; *RET_LIMIT 0: none does. Only where the server has QUOTA. */
gboolean fm_imap_session_quota (FmImapSession *session, guint64 *ret_used, guint64 *ret_limit, GError **error);
gboolean fm_imap_session_search (FmImapSession *session, const char *criteria, GError **error);
/* X-GM-RAW: TEXT (UTF-8) in the words of Gmail's own search box; Gmail only, else INVALID. */
gboolean fm_imap_session_search_gmail (FmImapSession *session, const char *text, GError **error);

/* The whole message, or one part ("1.2"; its MIME encoding left on), streamed to SINK in memory that does not grow; the caller commits or
 * frees. PROGRESS may be NULL; TOTAL is what the server announced. NOT_FOUND if the UID is no more; the sink's own errors pass through (the
 * session is dead after them only if the rest is too long to be read and dropped). Never sets \Seen. */
typedef void (*FmImapProgress) (gpointer data, guint64 done_bytes, guint64 total_bytes);
gboolean fm_imap_session_fetch_body (FmImapSession *session, guint32 uid, FmSink *sink, FmImapProgress progress, gpointer data,
                                     GError **error);
/* Several whole messages by one command, so that a batch costs about one round trip. FETCHED is called once for each, in the server's order,
 * with NULL or that message's own error, and commits or drops its sink; it must not call the session. What the server left out or refused is
 * asked for again alone. FALSE: the connection was lost (FETCHED has told so for each that was left). */
typedef void (*FmImapFetched) (gpointer data, gsize index, const GError *error);
gboolean fm_imap_session_fetch_bodies (FmImapSession *session, const guint32 *uids, FmSink *const *sinks, gsize n, FmImapFetched fetched,
                                       gpointer data, GError **error);
gboolean fm_imap_session_fetch_part (FmImapSession *session, guint32 uid, const char *part, FmSink *sink, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FmImapSession, fm_imap_session_free)

G_END_DECLS

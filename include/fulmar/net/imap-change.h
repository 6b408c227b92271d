/* The commands of an IMAP session that change something on the server: flags, copies, moves, deletions, new messages, mailboxes. Blocking;
 * threads, errors and events as in imap-session.h. An answer that was lost with the connection leaves the outcome UNKNOWN: the caller looks
 * before it repeats. */
#pragma once
#include <fulmar/net/imap-session.h>

G_BEGIN_DECLS

typedef enum { FM_IMAP_CHANGE_ADD, FM_IMAP_CHANGE_REMOVE } FmImapChangeSign;

typedef struct {
  FmImapChangeSign sign;
  guint flags;                  /* FmFlags within FM_FLAG_SERVER_MASK */
  const char *const *keywords;  /* NULL-terminated or NULL; atoms, else INVALID */
  const char *const *gm_labels; /* Gmail only: UTF-8 labels; flags and keywords must be empty then */
  guint64 unchanged_since;      /* CONDSTORE; 0: unconditional */
} FmImapStore;

/* UID STORE +FLAGS.SILENT / -FLAGS.SILENT. Messages whose modseq is later than unchanged_since ([MODIFIED]) are handed to MODIFIED (may be
 * NULL) as UID ranges. */
typedef void (*FmImapModified) (gpointer data, const FmImapRange *uids, gsize n_ranges);
gboolean fm_imap_change_store (FmImapSession *session, const FmImapRange *uids, gsize n_ranges, const FmImapStore *store,
                               FmImapModified modified, gpointer data, GError **error);

/* What COPYUID said: source UID i became target UID i (both expanded, at most as many as were asked for). N 0: the server did not say. */
typedef struct {
  guint32 uidvalidity;
  gsize n;
  guint32 *from, *to; /* owned; fm_imap_change_copied_clear */
} FmImapCopied;
void fm_imap_change_copied_clear (FmImapCopied *copied);

/* NOT_FOUND where TARGET does not exist ([TRYCREATE]). RET_COPIED may be NULL. */
gboolean fm_imap_change_copy (FmImapSession *session, const FmImapRange *uids, gsize n_ranges, const char *target, FmImapCopied *ret_copied,
                              GError **error);
/* RFC 6851; INVALID where MOVE is not offered: copy, confirm, store \Deleted and expunge by UID is the caller's to do and to journal. */
gboolean fm_imap_change_move (FmImapSession *session, const FmImapRange *uids, gsize n_ranges, const char *target, FmImapCopied *ret_copied,
                              GError **error);
/* UID EXPUNGE of these only; INVALID where UIDPLUS is not offered: there is no safe other way. */
gboolean fm_imap_change_expunge (FmImapSession *session, const FmImapRange *uids, gsize n_ranges, GError **error);

typedef struct {
  const char *mailbox;
  GBytes *message;             /* CRLF lines; NULs refused */
  guint flags;                 /* FmFlags */
  const char *const *keywords; /* may be NULL */
  gint64 date_utc;             /* INTERNALDATE; 0: now, by the server */
} FmImapAppend;
/* RET_UID and RET_UIDVALIDITY (may be NULL) are 0 where the server has no APPENDUID. */
gboolean fm_imap_change_append (FmImapSession *session, const FmImapAppend *append, guint32 *ret_uid, guint32 *ret_uidvalidity,
                                GError **error);

gboolean fm_imap_change_create (FmImapSession *session, const char *mailbox, GError **error);
gboolean fm_imap_change_rename (FmImapSession *session, const char *from, const char *to, GError **error);
gboolean fm_imap_change_delete (FmImapSession *session, const char *mailbox, GError **error);
gboolean fm_imap_change_subscribe (FmImapSession *session, const char *mailbox, gboolean subscribed, GError **error);

G_END_DECLS

/* The plain values that cross between an IMAP session and its user. Pointers inside are valid during the callback only. Mailbox names are
 * UTF-8 (the session speaks modified UTF-7 on the wire), flags are FmFlags bits, keywords are the flags that have no bit. */
#pragma once
#include <fulmar/mail/flags.h>
#include <glib.h>

G_BEGIN_DECLS

/* UIDs (or sequence numbers) FIRST..LAST, both included, 1 or more. LAST 4294967295 (G_MAXUINT32) is "to the end", never sent as "*". */
typedef struct {
  guint32 first, last;
} FmImapRange;

typedef enum {
  FM_IMAP_CAP_IDLE = 1 << 0,
  FM_IMAP_CAP_UIDPLUS = 1 << 1,
  FM_IMAP_CAP_MOVE = 1 << 2,
  FM_IMAP_CAP_CONDSTORE = 1 << 3,
  FM_IMAP_CAP_QRESYNC = 1 << 4, /* usable only where fm_imap_session_is_enabled says so */
  FM_IMAP_CAP_ENABLE = 1 << 5,
  FM_IMAP_CAP_ESEARCH = 1 << 6,
  FM_IMAP_CAP_SPECIAL_USE = 1 << 7,
  FM_IMAP_CAP_LIST_EXTENDED = 1 << 8,
  FM_IMAP_CAP_LIST_STATUS = 1 << 9,
  FM_IMAP_CAP_LITERAL_PLUS = 1 << 10,
  FM_IMAP_CAP_LITERAL_MINUS = 1 << 11,
  FM_IMAP_CAP_NAMESPACE = 1 << 12,
  FM_IMAP_CAP_ID = 1 << 13,
  FM_IMAP_CAP_UNSELECT = 1 << 14,
  FM_IMAP_CAP_GMAIL = 1 << 15, /* X-GM-EXT-1 */
  FM_IMAP_CAP_QUOTA = 1 << 16,
  FM_IMAP_CAP_SASL_IR = 1 << 17,
  FM_IMAP_CAP_STARTTLS = 1 << 18,
  FM_IMAP_CAP_LOGINDISABLED = 1 << 19,
  FM_IMAP_CAP_NOTIFY = 1 << 20,
  FM_IMAP_CAP_OBJECTID = 1 << 21,
  FM_IMAP_CAP_COMPRESS = 1 << 22,
  FM_IMAP_CAP_ACL = 1 << 23,
} FmImapCaps;

typedef enum {
  FM_IMAP_BOX_NOSELECT = 1 << 0, /* also \NonExistent */
  FM_IMAP_BOX_NOINFERIORS = 1 << 1,
  FM_IMAP_BOX_HAS_CHILDREN = 1 << 2,
  FM_IMAP_BOX_HAS_NO_CHILDREN = 1 << 3,
  FM_IMAP_BOX_MARKED = 1 << 4,
  FM_IMAP_BOX_SUBSCRIBED = 1 << 5,
  FM_IMAP_BOX_ALL = 1 << 8, /* special use, RFC 6154 and XLIST */
  FM_IMAP_BOX_ARCHIVE = 1 << 9,
  FM_IMAP_BOX_DRAFTS = 1 << 10,
  FM_IMAP_BOX_FLAGGED = 1 << 11,
  FM_IMAP_BOX_JUNK = 1 << 12,
  FM_IMAP_BOX_SENT = 1 << 13,
  FM_IMAP_BOX_TRASH = 1 << 14,
  FM_IMAP_BOX_INBOX = 1 << 15,
  FM_IMAP_BOX_IMPORTANT = 1 << 16,
} FmImapBoxAttributes;

typedef struct {
  const char *name;      /* UTF-8; INBOX in capitals */
  const char *wire_name; /* as the server writes it; to keep beside the name where wire_is_odd */
  gboolean wire_is_odd;  /* the server breaks modified UTF-7: the name alone can't be turned back (see fm_imap_session_teach_name) */
  char delimiter;        /* 0: flat */
  guint attributes;      /* FmImapBoxAttributes */
} FmImapBox;

typedef enum {
  FM_IMAP_HAS_FLAGS = 1 << 0,
  FM_IMAP_HAS_MODSEQ = 1 << 1,
  FM_IMAP_HAS_DATE = 1 << 2,
  FM_IMAP_HAS_SIZE = 1 << 3,
  FM_IMAP_HAS_HEADER = 1 << 4,
  FM_IMAP_HAS_GMAIL = 1 << 5,
  FM_IMAP_HAS_MESSAGES = 1 << 6, /* the rest: in FmImapStatus */
  FM_IMAP_HAS_UNSEEN = 1 << 7,
  FM_IMAP_HAS_UIDNEXT = 1 << 8,
  FM_IMAP_HAS_UIDVALIDITY = 1 << 9,
} FmImapHas;

typedef struct {
  const char *name;
  guint has; /* FmImapHas */
  guint32 messages, unseen, uidnext, uidvalidity;
  guint64 highestmodseq; /* with FM_IMAP_HAS_MODSEQ */
} FmImapStatus;

/* One message as far as the server told it just now; HAS says which fields it told. */
typedef struct {
  guint32 seq;
  guint32 uid;                 /* 0: the server did not say (an unsolicited FETCH without UID): only the session's seq is known */
  guint has;                   /* FmImapHas */
  guint flags;                 /* FmFlags */
  const char *const *keywords; /* NULL-terminated, UTF-8, without those that have a bit */
  guint64 modseq;
  gint64 date_utc; /* INTERNALDATE, seconds since the epoch */
  guint64 size_bytes;
  const char *header; /* raw header lines as sent, bytes of any kind */
  gsize header_bytes;
  guint64 gm_msgid, gm_thrid;
  const char *const *gm_labels; /* UTF-8, NULL-terminated; system ones begin with a backslash */
} FmImapMessage;

/* What SELECT said; read by fm_imap_session_selected. */
typedef struct {
  const char *name;                     /* NULL: nothing is selected */
  guint32 exists, uidvalidity, uidnext; /* uidnext 0: not told. exists follows EXISTS, EXPUNGE and VANISHED */
  guint64 highestmodseq;                /* 0: not told, or NOMODSEQ */
  guint permanent_flags;                /* FmFlags that may be stored for good */
  gboolean keywords_allowed;            /* PERMANENTFLAGS had \* */
  gboolean read_only;
} FmImapSelected;

G_END_DECLS

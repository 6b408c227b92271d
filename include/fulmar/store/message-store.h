/* The rows of messages: what a server or directory tells, put in bulk, with threads linked and counters kept. A row's id is stable for its
 * whole life (moves included): the program prints it as the message's `id`.
 *
 * What is shown = what the server said last (its truth, kept beside) + the operations that wait (journal.h). Every function here takes the
 * server's word and merges. Call with slices (50 new rows or 200 flag words are about 2 ms), so that the pen can let the user's changes through. */
#pragma once
#include <fulmar/mail/envelope.h>
#include <fulmar/mail/flags.h>
#include <fulmar/store/db.h>

G_BEGIN_DECLS

/* One message as told by its source. Strings are borrowed; NULL is empty. Begin with FM_MESSAGE_INPUT_INIT. */
typedef struct {
  guint32 uid;                 /* 0: local folders, one is given */
  guint flags;                 /* FmFlags */
  const char *const *keywords; /* NULL-terminated or NULL: none */
  guint64 modseq;
  gint64 internal_date_utc;
  guint64 size_bytes;        /* 0: not known */
  guint64 server_id;         /* X-GM-MSGID: rows of an account that have it in common are one message (gmail-store.h); 0: none */
  guint64 server_thread;     /* X-GM-THRID; 0: none */
  const char *const *labels; /* X-GM-LABELS as told in this folder, NULL-terminated; NULL: not told */
  int attachments;           /* count; -1: not known, the envelope's hint is taken */
  gint64 blob_id;            /* 0: no body yet, or that of another row of the message */
  const char *path;          /* local folders: the file, read in place; else NULL */
  const FmEnvelope *envelope;
} FmMessageInput;
#define FM_MESSAGE_INPUT_INIT \
  {                           \
    .attachments = -1         \
  }

/* What one call did. */
typedef struct {
  guint added, matched, updated; /* new rows; rows that found their UID; rows known before */
  guint unseen_added;            /* new and unread */
  GArray *ids;                   /* gint64 of every input in order, if not NULL when given */
} FmMessageResult;

/* Puts N messages into FOLDER_ID: new rows, rows that waited for a UID here (moved, copied, appended, or detached by a new UIDVALIDITY),
 * or known ones (flags merged; a modseq older than the known one is ignored). A UID that a waiting operation is moving away makes no row. */
gboolean fm_message_store_upsert (FmStoreWriter *writer, gint64 folder_id, const FmMessageInput *inputs, gsize n,
                                  FmMessageResult *ret_result, GError **error);

typedef struct {
  guint32 uid;
  guint flags;
  const char *const *keywords; /* NULL: none */
  guint64 modseq;
  gboolean is_shared;        /* every row of the message has these flags (Gmail) */
  const char *const *labels; /* X-GM-LABELS as told in this folder; NULL: not told */
} FmMessageFlags;
/* What became of flags: rows whose shown state changed, and UIDs that are nobody's here. value struct */
typedef struct {
  guint changed, unknown;
} FmMessageFlagged;
/* The server's flags of known UIDs; unknown ones are skipped. RET_RESULT may be NULL. */
gboolean fm_message_store_set_flags (FmStoreWriter *writer, gint64 folder_id, const FmMessageFlags *flags, gsize n,
                                     FmMessageFlagged *ret_result, GError **error);

typedef struct {
  guint32 uid;
  guint64 size_bytes;
} FmMessageSize;
/* Sizes of known UIDs that came without theirs; all others stay as they are. RET_CHANGED as above. */
gboolean fm_message_store_set_sizes (FmStoreWriter *writer, gint64 folder_id, const FmMessageSize *sizes, gsize n, guint *ret_changed,
                                     GError **error);

typedef struct {
  guint32 first, last; /* both included; last G_MAXUINT32: to the end */
} FmUidRange;
/* EXPUNGE and VANISHED: rows of these UIDs go (at most LIMIT of them; call again while RET_REMOVED is LIMIT). A UID that one of our own
 * operations moves away is part of that operation and loses nothing. */
gboolean fm_message_store_vanished (FmStoreWriter *writer, gint64 folder_id, const FmUidRange *ranges, gsize n, guint limit,
                                    guint *ret_removed, GError **error);
/* One row, for local folders whose file is gone. */
gboolean fm_message_store_remove (FmStoreWriter *writer, gint64 msg_id, GError **error);
gboolean fm_message_store_set_path (FmStoreWriter *writer, gint64 msg_id, const char *path, GError **error);
gboolean fm_message_store_set_attachments (FmStoreWriter *writer, gint64 msg_id, guint count, GError **error);
/* The message file of a row: reference counted; fm_body_store_* makes blobs. */
gboolean fm_message_store_set_blob (FmStoreWriter *writer, gint64 msg_id, gint64 blob_id, GError **error);

/* value struct, owned strings */
typedef struct {
  gint64 id, folder_id, account_id, thread_id, blob_id;
  guint32 uid; /* 0: not known (yet) */
  guint flags; /* as shown */
  gint64 date_utc, internal_date_utc;
  guint64 size_bytes, server_id;
  guint attachments;
  gboolean pending; /* an operation waits */
  gboolean is_stub; /* POP: only the header was fetched, the rest comes when it is asked for */
  char *from, *to, *cc, *subject;
  char *message_id; /* without angle brackets; "" if none */
  char *path;       /* or NULL */
  char **keywords;  /* NULL-terminated */
} FmMessageInfo;
void fm_message_store_free (FmMessageInfo *message);

/* NOT_FOUND. Transfer: full. */
FmMessageInfo *fm_message_store_get (FmStoreReader *reader, gint64 msg_id, GError **error);
FmMessageInfo *fm_message_store_get_uid (FmStoreReader *reader, gint64 folder_id, guint32 uid, GError **error);
/* Rows of a Message-ID (angle brackets or not), newest first. gint64. Transfer: full. */
GArray *fm_message_store_find_message_id (FmStoreReader *reader, const char *message_id, GError **error);
/* Rows that show one file. gint64. Transfer: full. */
GArray *fm_message_store_find_blob (FmStoreReader *reader, gint64 blob_id, GError **error);

/* The UIDs of a folder that lie in FIRST..LAST, ascending, those being moved away included: what a full comparison needs. guint32 UID and
 * the server's flags in pairs of guint32. Transfer: full. */
GArray *fm_message_store_uids (FmStoreReader *reader, gint64 folder_id, guint32 first, guint32 last, GError **error);

/* Rows without a body, newest first, older than the row (BEFORE_DATE, BEFORE_ID) (G_MAXINT64 both: from the newest), not older than
 * SINCE_UTC. value structs. Transfer: full. */
typedef struct {
  gint64 id, date_utc;
  guint32 uid;
  guint64 size_bytes;
} FmMessageWant;
GArray *fm_message_store_wanted (FmStoreReader *reader, gint64 folder_id, gint64 before_date, gint64 before_id, gint64 since_utc,
                                 guint limit, GError **error);

/* Local folders: each row with its path. CALLBACK returns FALSE to stop. */
typedef gboolean (*FmMessageLocal) (gint64 msg_id, const char *path, guint flags, gpointer data);
gboolean fm_message_store_each_local (FmStoreReader *reader, gint64 folder_id, FmMessageLocal callback, gpointer data, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FmMessageInfo, fm_message_store_free)

G_END_DECLS

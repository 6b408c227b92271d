/* Outgoing mail: on disk before anything is said, sent once. States: held (until a time) -> sending -> accepted -> filed, or failed, or
 * unknown (the connection died after the final dot: never sent again by itself). All with FM_DB_FULL. */
#pragma once
#include <fulmar/store/db.h>

G_BEGIN_DECLS

typedef enum {
  FM_OUTBOX_HELD,
  FM_OUTBOX_SENDING,
  FM_OUTBOX_ACCEPTED,
  FM_OUTBOX_FILED,
  FM_OUTBOX_FAILED,
  FM_OUTBOX_UNKNOWN,
  FM_OUTBOX_CANCELLED
} FmOutboxState;

typedef enum { FM_RECIPIENT_WAITING, FM_RECIPIENT_ACCEPTED, FM_RECIPIENT_REFUSED } FmRecipientState;

/* value struct, owned strings */
typedef struct {
  char *address;
  FmRecipientState state;
  char *error; /* the server's words, or "" */
} FmOutboxRecipient;

/* value struct, owned strings; fm_outbox_store_free */
typedef struct {
  gint64 id, account_id, blob_id; /* the message file holds a reference of its own */
  char *sender;                   /* envelope sender */
  GPtrArray *recipients;          /* FmOutboxRecipient* */
  FmOutboxState state;
  gint64 hold_until_utc; /* not before: undo window, back-off, "send later" */
  gint64 created_utc;
  guint tries;
  char *error;                               /* the last one, or "" */
  char *message_id;                          /* without angle brackets: to look for in Sent */
  gint64 replied_id, forwarded_id, draft_id; /* rows to be marked or removed once accepted; 0: none */
  gint64 group_id;
} FmOutgoing;
void fm_outbox_store_free (FmOutgoing *outgoing);

/* id, recipients' state and tries are ignored; at least one recipient (INVALID). Returns the id, 0 on error. */
gint64 fm_outbox_store_put (FmStoreWriter *writer, const FmOutgoing *outgoing, GError **error);
/* NOT_FOUND. */
FmOutgoing *fm_outbox_store_get (FmStoreReader *reader, gint64 id, GError **error);
/* Everything not filed or cancelled, oldest first; account_id 0: all. FmOutgoing*. Transfer: full. */
GPtrArray *fm_outbox_store_list (FmStoreReader *reader, gint64 account_id, GError **error);
/* The oldest that is due (held, time passed). NULL without an error: none; then *RET_NEXT_UTC (may be NULL) is when the next is, 0: never. */
FmOutgoing *fm_outbox_store_next (FmStoreReader *reader, gint64 account_id, gint64 now_utc, gint64 *ret_next_utc, GError **error);

/* Moves FROM -> TO; FALSE with INVALID if the state is no longer FROM (another process was quicker, or the user took it back). SENDING counts
 * a try. HOLD_UNTIL_UTC is stored with HELD. ERROR_TEXT may be NULL. */
gboolean fm_outbox_store_move (FmStoreWriter *writer, gint64 id, FmOutboxState from, FmOutboxState to, gint64 hold_until_utc,
                               const char *error_text, GError **error);
gboolean fm_outbox_store_recipient (FmStoreWriter *writer, gint64 id, const char *address, FmRecipientState state, const char *error_text,
                                    GError **error);
/* FROM -> HELD, due at once, by the user's wish: refused recipients are tried again too (accepted ones never), and the days after which it is given up
 * are counted anew. INVALID as for move. */
gboolean fm_outbox_store_renew (FmStoreWriter *writer, gint64 id, FmOutboxState from, GError **error);
/* Nobody waits any more: recipients that were not dealt with are REFUSED with ERROR_TEXT. */
gboolean fm_outbox_store_give_up (FmStoreWriter *writer, gint64 id, const char *error_text, GError **error);
/* A crash while SENDING leaves the outcome open: those become UNKNOWN. What was filed or cancelled a month ago is forgotten. Called once by the outbox
 * worker at its start. */
gboolean fm_outbox_store_recover (FmStoreWriter *writer, guint *ret_n, GError **error);
/* Everything not filed or cancelled; and of it, what waits for the user: failed or unknown. */
guint64 fm_outbox_store_pending (FmStoreReader *reader);
guint64 fm_outbox_store_stuck (FmStoreReader *reader);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FmOutgoing, fm_outbox_store_free)

G_END_DECLS

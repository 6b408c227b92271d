/* A POP3 connection (RFC 1939, 2449, 2595, 3206, 5034), blocking, for one owner thread; FmCancel stops it from any other within milliseconds.
 * Nothing is ever deleted by accident: the server commits deletions at QUIT, and QUIT is sent by fm_pop_session_quit alone. Freeing closes the
 * socket without a word, which every server takes as "forget the DELEs".
 *
 * Any call may fail with OFFLINE, TIMEOUT, CANCELLED, PROTOCOL, LIMIT: the session is dead then and can only be freed. REFUSED carries the
 * server's own words. */
#pragma once
#include <fulmar/base/cancel.h>
#include <fulmar/base/sink.h>
#include <fulmar/net/server.h>
#include <fulmar/net/stream.h>

G_BEGIN_DECLS

typedef struct FmPopSession FmPopSession;

typedef struct {
  const FmServer *server;
  const FmCredentials *credentials;
  int connect_timeout_ms; /* resolve, connect, TLS and sign in; 0: 30 s */
  int timeout_ms;         /* longest silence of the server; 0: 60 s */
} FmPopOptions;

/* Connects, upgrades, signs in by the best SASL mechanism or USER and PASS, and learns the capabilities anew after each. More errors: TLS,
 * AUTH (the password is wrong: [AUTH], or a plain refusal), REFUSED ([IN-USE], [LOGIN-DELAY], [SYS/TEMP], [SYS/PERM]: the server's own trouble;
 * ask nobody, try later), INVALID (a user or password that can't be sent). */
FmPopSession *fm_pop_session_open (const FmPopOptions *options, FmCancel *cancel, GError **error);
/* Closes at once, never sending QUIT. Accepts NULL. */
void fm_pop_session_free (FmPopSession *session);
FmStream *fm_pop_session_stream (FmPopSession *session); /* for counters; Transfer: none */

typedef enum {
  FM_POP_CAP_TOP = 1 << 0,
  FM_POP_CAP_UIDL = 1 << 1,
  FM_POP_CAP_PIPELINING = 1 << 2,
  FM_POP_CAP_STLS = 1 << 3,
  FM_POP_CAP_USER = 1 << 4,
  FM_POP_CAP_RESP_CODES = 1 << 5,
  FM_POP_CAP_AUTH_RESP_CODE = 1 << 6,
} FmPopCaps;

/* A server without CAPA is taken to have TOP and UIDL until it refuses them. */
gboolean fm_pop_session_has (const FmPopSession *session, FmPopCaps capability);
/* Days after which the server deletes by itself; -1: never, or it does not say. 0: at once after the session. */
int fm_pop_session_expire_days (const FmPopSession *session);
/* Seconds the server wants between sessions; 0: it does not say. */
int fm_pop_session_login_delay_s (const FmPopSession *session);

/* value struct, owned strings */
typedef struct {
  guint32 number;     /* as this session numbers it */
  guint64 size_bytes; /* as LIST told: a hint */
  char *uidl;         /* printable ASCII of any length up to 512; NULL: the server has none for it, or it was told twice */
} FmPopEntry;

/* STAT, LIST and UIDL, whole or not at all: a list that ends early, disagrees with the others or numbers a message twice is PROTOCOL. More than
 * 2,000,000 messages: LIMIT. FmPopEntry*, ascending. Transfer: full. */
GPtrArray *fm_pop_session_list (FmPopSession *session, GError **error);

/* STAT alone: messages and bytes as the server counts them. REFUSED leaves the session alive. */
gboolean fm_pop_session_stat (FmPopSession *session, guint32 *ret_count, guint64 *ret_bytes, GError **error);

/* What fetch does with each message. Callbacks must not call the session. */
typedef struct {
  /* Where the message goes; NULL with an error ends the session. Owned by the session until END. */
  FmSink *(*begin) (gpointer data, guint32 number, GError **error);
  /* The terminator was seen: SINK (moved to the callee, neither committed nor aborted) has the whole message. REFUSED, else NULL: the server
   * does not give this one; SINK is NULL then. FALSE with an error ends the session. */
  gboolean (*end) (gpointer data, guint32 number, FmSink *sink, const GError *refused, GError **error);
} FmPopTaker;

/* RETR of each (or TOP n 0: the header), dots taken off, in memory that does not grow; several in flight where PIPELINING is offered. On failure
 * what was not whole is freed, which aborts the sink. */
gboolean fm_pop_session_fetch (FmPopSession *session, const guint32 *numbers, gsize n, gboolean header_only, const FmPopTaker *taker,
                               gpointer data, GError **error);

/* Marks for deletion at QUIT. RET_DONE (may be NULL, N long): which of them the server agreed to; a refusal of some is not an error. */
gboolean fm_pop_session_delete (FmPopSession *session, const guint32 *numbers, gsize n, gboolean *ret_done, GError **error);

/* QUIT with its real result: TRUE only on +OK; only then are deletions done. REFUSED: some may not be. Then only free may be called. */
gboolean fm_pop_session_quit (FmPopSession *session, GError **error);

void fm_pop_session_entry_free (FmPopEntry *entry);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FmPopSession, fm_pop_session_free)

G_END_DECLS

/* A connection for handing mail in (RFC 5321, 6409, 4954, 3207, 6152, 6531), blocking, for one owner thread; FmCancel stops it from any other
 * within milliseconds. The one thing that matters: after fm_smtp_session_send it is known whether the server has taken the mail, or it is said
 * that nobody knows. */
#pragma once
#include <fulmar/base/cancel.h>
#include <fulmar/net/server.h>
#include <fulmar/net/stream.h>

G_BEGIN_DECLS

typedef struct FmSmtpSession FmSmtpSession;

typedef struct {
  const FmServer *server;
  const FmCredentials *credentials; /* NULL: without signing in */
  const char *client_name;          /* for EHLO; NULL: the address literal of our end, which tells no host name */
  int connect_timeout_ms;           /* until signed in; 0: 30 s */
  int timeout_ms;                   /* longest wait for one reply; 0: 300 s, as RFC 5321 4.5.3.2 asks */
} FmSmtpOptions;

/* Connects, EHLO (HELO if that is unknown), upgrades, signs in. Errors: OFFLINE, TIMEOUT, CANCELLED, TLS, PROTOCOL, AUTH (refused, or no way to
 * sign in), REFUSED (busy or unwilling, in the server's words), INVALID. */
FmSmtpSession *fm_smtp_session_open (const FmSmtpOptions *options, FmCancel *cancel, GError **error);
/* Closes at once. Accepts NULL. */
void fm_smtp_session_free (FmSmtpSession *session);
/* QUIT, waits at most a second for the answer, and frees. */
void fm_smtp_session_quit (FmSmtpSession *session);
/* The largest message the server takes; 0: it does not say. */
guint64 fm_smtp_session_size_limit (const FmSmtpSession *session);
/* Whether it takes 8-bit bytes in a message's body (RFC 6152). */
gboolean fm_smtp_session_has_8bitmime (const FmSmtpSession *session);

typedef enum {
  FM_SMTP_ACCEPTED,
  FM_SMTP_TEMPORARY, /* 4xx, or the connection broke while nothing could have been taken: try again later */
  FM_SMTP_PERMANENT, /* 5xx, or we can't send it there at all: trying again will not help */
  FM_SMTP_UNKNOWN,   /* the connection broke after the final dot: the server may have it. Never send again without looking */
} FmSmtpVerdict;

/* value struct: what became of one recipient; TEXT is owned by the caller of send (g_free), sanitised, NULL if accepted */
typedef struct {
  FmSmtpVerdict verdict;
  char *text;
} FmSmtpRecipient;

/* value struct, borrowed during the call */
typedef struct {
  const char *sender;            /* address; "" for the null sender */
  const char *const *recipients; /* addresses, NULL-terminated, at least one */
  int fd;                        /* the message, read from the start with pread; LF or CRLF, sent as CRLF */
} FmSmtpMail;

/* Hands one mail in. RESULTS has a place for each recipient, in order, and is filled whatever happens. The return value speaks of the message:
 * ACCEPTED means those recipients whose verdict is ACCEPTED will get it. ERROR is set unless ACCEPTED: the server's words (REFUSED), LIMIT (too
 * large for the server), INVALID (CR, LF, NUL or a blank in an address; an address or header that needs SMTPUTF8, bytes that need 8BITMIME, and
 * the server has none; nothing was sent), OFFLINE, TIMEOUT, CANCELLED, PROTOCOL, STORAGE (the file). After TEMPORARY or PERMANENT by the server's
 * own word the session can send the next mail. */
FmSmtpVerdict fm_smtp_session_send (FmSmtpSession *session, const FmSmtpMail *mail, FmSmtpRecipient *results, GError **error);
gboolean fm_smtp_session_is_alive (const FmSmtpSession *session);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FmSmtpSession, fm_smtp_session_free)

G_END_DECLS

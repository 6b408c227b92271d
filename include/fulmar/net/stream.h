/* A connection: TCP, with GnuTLS over it from the start, from STARTTLS on, or (loopback only) never. Blocking for its one owner thread, yet
 * every wait ends at an absolute deadline or within milliseconds of its FmCancel being triggered from any thread. Reads are buffered and
 * bounded, writes are collected until flushed, so that several commands leave in one packet. Errors are sticky: once a call failed, every
 * later one fails with the same error; the end of the stream is an error too (FM_ERROR_OFFLINE), never a short read.
 *
 * Errors of every fallible call, besides those named: OFFLINE (unreachable, reset, closed), TIMEOUT (the deadline), CANCELLED, TLS. */
#pragma once
#include <fulmar/base/cancel.h>
#include <fulmar/net/server.h>
#include <glib.h>

G_BEGIN_DECLS

typedef struct FmStream FmStream;

typedef struct {
  guint64 bytes_in, bytes_out; /* on the wire, TLS included; handshakes too */
  guint turns;                 /* times a read had to wait after something was sent: round trips */
  gint64 quickest_turn_us;     /* the quickest of them; 0: none yet */
} FmStreamCounters;

/* Resolves and connects (all addresses, IPv6 and IPv4 racing 250 ms apart), and makes TLS if security is FM_SECURITY_TLS. CANCEL may be
 * NULL; it is referenced. The deadline (fm_clock_deadline_us) also stays in force as the first one of fm_stream_set_deadline. */
FmStream *fm_stream_connect (const FmServer *server, FmCancel *cancel, gint64 deadline_us, GError **error);
/* Over a connected socket, which it owns from now on, plain: for tests and pipes. Never fails. */
FmStream *fm_stream_new_fd (int fd, const FmServer *server, FmCancel *cancel);
/* Closes at once without any farewell of the protocol above (TLS close_notify is tried, not waited for). Accepts NULL. */
void fm_stream_free (FmStream *stream);

/* Upgrades in place after the server agreed to STARTTLS. Fails with TLS if anything is buffered or already readable in clear (injected by
 * someone on the path) and for a certificate that is not trusted; the text says why and what can be done. */
gboolean fm_stream_start_tls (FmStream *stream, GError **error);
/* Everything from here on is DEFLATE in both directions (RFC 4978), what is buffered already too. Once. */
void fm_stream_start_deflate (FmStream *stream);
gboolean fm_stream_is_encrypted (const FmStream *stream);
/* TRUE if encrypted, or if the peer is this machine: the only cases in which credentials may be sent. */
gboolean fm_stream_is_private (const FmStream *stream);
/* "TLS1.3 ..." or "none"; for logs. Transfer: full. */
char *fm_stream_describe (const FmStream *stream);
/* SHA-256 of the server's certificate in hex, for a pin; NULL without TLS, or in a resumed session. Transfer: full. */
char *fm_stream_fingerprint (const FmStream *stream);

/* All later reads and writes must be over by then; set again whenever the peer has made progress. */
void fm_stream_set_deadline (FmStream *stream, gint64 deadline_us);

/* One line up to and with its LF, without the CRLF or LF, NULs and all, as a pointer into the stream valid until the next read. FM_ERROR_LIMIT
 * past MAX_BYTES. */
gboolean fm_stream_read_line (FmStream *stream, gsize max_bytes, const char **ret_line, gsize *ret_length, GError **error);
/* At least 1 and at most MAX_BYTES of what comes next, as a pointer into the stream valid until the next read. */
gboolean fm_stream_read_some (FmStream *stream, gsize max_bytes, const char **ret_bytes, gsize *ret_length, GError **error);
/* Exactly SIZE_BYTES into the caller's memory. */
gboolean fm_stream_read_exactly (FmStream *stream, void *bytes, gsize size_bytes, GError **error);

/* Collects; goes out by itself past 64 KB. SIZE -1: up to NUL. */
gboolean fm_stream_write (FmStream *stream, const void *bytes, gssize size_bytes, GError **error);
gboolean fm_stream_flush (FmStream *stream, GError **error);

typedef enum { FM_STREAM_READABLE, FM_STREAM_WOKEN, FM_STREAM_DEADLINE } FmStreamWait;
/* Flushes, then waits until bytes can be read (our buffer and GnuTLS's are looked at before the socket), WAKE_FD (or -1) is readable, or the
 * deadline is reached; the deadline here is not an error. FALSE: broken or cancelled. */
gboolean fm_stream_wait (FmStream *stream, int wake_fd, gint64 deadline_us, FmStreamWait *ret_why, GError **error);

/* The socket, for a thread that polls many streams. A readable socket is a hint only, and so is a silent one: see
 * fm_stream_has_buffered. */
int fm_stream_fd (const FmStream *stream);
gboolean fm_stream_has_buffered (const FmStream *stream);
FmStreamCounters fm_stream_counters (const FmStream *stream);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FmStream, fm_stream_free)

G_END_DECLS

/* A stream is a non-blocking socket, a buffer of what came, a collection of what is to go, and one rule: nobody sleeps anywhere but in
 * fm_dial_poll, which watches the cancel and an absolute deadline; who need not sleep looks at the cancel each time round. GnuTLS, where it is on, sits between the buffers and the socket; its
 * push and pull functions count the bytes of the wire. */
#include "deflate.h"
#include "dial.h"
#include "tls.h"
#include <errno.h>
#include <fulmar/base/clock.h>
#include <fulmar/base/error.h>
#include <fulmar/net/stream.h>
#include <glib-unix.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define CHUNK_BYTES (32 * 1024)
#define FLUSH_BYTES (64 * 1024)
#define READ_WHILE_WRITING_BYTES (4 * 1024 * 1024)

struct FmStream {
  int fd;
  FmServer *server;
  FmCancel *cancel;
  FmTls *tls;
  gboolean is_loopback;
  gint64 deadline_us;
  GError *error;  /* the first failure, repeated for ever */
  GByteArray *in; /* in[in_start..] has come and is not yet taken */
  gsize in_start;
  gsize in_scanned; /* in[in_start..in_scanned) holds no LF */
  GByteArray *out;
  FmDeflate *deflate; /* NULL: plain */
  GByteArray *packed; /* what a flush sends in the place of OUT */
  gint64 asked_us;
  gboolean has_asked; /* something went out since the last read that had to wait */
  FmStreamCounters counters;
};

static gboolean
report_sticky (FmStream *stream, GError **error)
{
  g_propagate_error (error, g_error_copy (stream->error));
  return FALSE;
}

static gboolean fail (FmStream *stream, GError **error, int code, const char *format, ...) G_GNUC_PRINTF (4, 5);

static gboolean
fail (FmStream *stream, GError **error, int code, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  stream->error = g_error_new_valist (FM_ERROR, code, format, args);
  va_end (args);
  return report_sticky (stream, error);
}

static gboolean
fail_errno (FmStream *stream, GError **error, int saved_errno)
{
  return fail (stream, error, saved_errno == ETIMEDOUT ? FM_ERROR_TIMEOUT : FM_ERROR_OFFLINE, "the connection to %s broke: %s",
               stream->server->host, g_strerror (saved_errno));
}

static gboolean
fail_closed (FmStream *stream, GError **error)
{
  return fail (stream, error, FM_ERROR_OFFLINE, "%s closed the connection", stream->server->host);
}

/* Whether nobody has cancelled. */
static gboolean
is_wanted (FmStream *stream, GError **error)
{
  return fm_cancel_check (stream->cancel, &stream->error) || report_sticky (stream, error);
}

/* Sleeps until the socket is ready for EVENTS. */
static gboolean
await (FmStream *stream, short events, GError **error)
{
  int ready = fm_dial_poll (stream->fd, events, -1, stream->cancel, stream->deadline_us, NULL, &stream->error);

  if (ready < 0)
    return report_sticky (stream, error);
  if (ready == 0)
    return fail (stream, error, FM_ERROR_TIMEOUT, "%s did not answer in time", stream->server->host);
  return TRUE;
}

static ssize_t
pull_wire (gnutls_transport_ptr_t transport, void *bytes, gsize size_bytes)
{
  FmStream *stream = transport;
  ssize_t n = recv (stream->fd, bytes, size_bytes, 0);

  if (n > 0)
    stream->counters.bytes_in += n;
  else if (n < 0 && stream->tls != NULL)
    gnutls_transport_set_errno (fm_tls_session (stream->tls), errno);
  return n;
}

static ssize_t
push_wire (gnutls_transport_ptr_t transport, const void *bytes, gsize size_bytes)
{
  FmStream *stream = transport;
  ssize_t n = send (stream->fd, bytes, size_bytes, MSG_NOSIGNAL);

  if (n > 0)
    stream->counters.bytes_out += n;
  else if (n < 0 && stream->tls != NULL)
    gnutls_transport_set_errno (fm_tls_session (stream->tls), errno);
  return n;
}

FmStream *
fm_stream_new_fd (int fd, const FmServer *server, FmCancel *cancel)
{
  FmStream *stream = g_new0 (FmStream, 1);
  struct sockaddr_storage peer = { 0 };
  socklen_t size = sizeof peer;

  g_unix_set_fd_nonblocking (fd, TRUE, NULL);
  stream->fd = fd;
  stream->server = fm_server_dup (server);
  stream->cancel = cancel != NULL ? fm_cancel_ref (cancel) : NULL;
  stream->is_loopback = getpeername (fd, (struct sockaddr *) &peer, &size) == 0 && fm_dial_is_loopback ((struct sockaddr *) &peer);
  stream->deadline_us = G_MAXINT64;
  stream->in = g_byte_array_new ();
  stream->out = g_byte_array_new ();
  stream->packed = g_byte_array_new ();
  return stream;
}

static gboolean
handshake (FmStream *stream, GError **error)
{
  stream->tls = fm_tls_new (stream->server, stream, pull_wire, push_wire, &stream->error);
  if (stream->tls == NULL)
    return report_sticky (stream, error);
  for (;;)
    {
      gnutls_session_t session = fm_tls_session (stream->tls);
      int status = gnutls_handshake (session);
      if (status == GNUTLS_E_SUCCESS)
        break;
      if (status == GNUTLS_E_AGAIN)
        {
          if (!await (stream, gnutls_record_get_direction (session) ? POLLOUT : POLLIN, error))
            return FALSE;
        }
      else if (status != GNUTLS_E_INTERRUPTED && gnutls_error_is_fatal (status))
        {
          fm_tls_explain_handshake (stream->tls, status, &stream->error);
          return report_sticky (stream, error);
        }
    }
  if (!fm_tls_check_peer (stream->tls, &stream->error))
    return report_sticky (stream, error);
  return TRUE;
}

FmStream *
fm_stream_connect (const FmServer *server, FmCancel *cancel, gint64 deadline_us, GError **error)
{
  int fd = fm_dial_host (server, cancel, deadline_us, error);

  if (fd < 0)
    return NULL;
  g_autoptr (FmStream) stream = fm_stream_new_fd (fd, server, cancel);
  stream->deadline_us = deadline_us;
  if (server->security == FM_SECURITY_TLS && !handshake (stream, error))
    return NULL;
  return g_steal_pointer (&stream);
}

void
fm_stream_free (FmStream *stream)
{
  if (stream == NULL)
    return;
  fm_tls_free (stream->tls);
  close (stream->fd);
  fm_server_free (stream->server);
  fm_cancel_unref (stream->cancel);
  g_clear_error (&stream->error);
  fm_secret_wipe (stream->out->data, stream->out->len);
  g_byte_array_unref (stream->in);
  g_byte_array_unref (stream->out);
  g_byte_array_unref (stream->packed);
  fm_deflate_free (stream->deflate);
  g_free (stream);
}

gboolean
fm_stream_start_tls (FmStream *stream, GError **error)
{
  char byte;

  if (stream->error != NULL)
    return report_sticky (stream, error);
  g_assert (stream->tls == NULL);
  if (stream->in->len > stream->in_start || recv (stream->fd, &byte, 1, MSG_PEEK) > 0)
    return fail (stream, error, FM_ERROR_TLS,
                 "someone put words into the connection to %s before it was encrypted: nothing was sent. Don't use this network, or write "
                 "imaps://, pops:// or smtps:// in the configuration",
                 stream->server->host);
  return handshake (stream, error);
}

void
fm_stream_start_deflate (FmStream *stream)
{
  g_assert (stream->deflate == NULL && stream->out->len == 0);
  stream->deflate = fm_deflate_new ();
  fm_deflate_feed (stream->deflate, stream->in->data + stream->in_start, stream->in->len - stream->in_start);
  g_byte_array_set_size (stream->in, 0);
  stream->in_start = stream->in_scanned = 0;
}

gboolean
fm_stream_is_encrypted (const FmStream *stream)
{
  return stream->tls != NULL && stream->error == NULL;
}

gboolean
fm_stream_is_private (const FmStream *stream)
{
  return fm_stream_is_encrypted (stream) || (stream->server->security == FM_SECURITY_PLAIN_LOOPBACK && stream->is_loopback);
}

char *
fm_stream_describe (const FmStream *stream)
{
  if (!fm_stream_is_encrypted (stream))
    return g_strdup ("none");
  char *description = gnutls_session_get_desc (fm_tls_session (stream->tls));
  char *copy = g_strdup (description);
  gnutls_free (description);
  return copy;
}

char *
fm_stream_fingerprint (const FmStream *stream)
{
  return fm_stream_is_encrypted (stream) ? fm_tls_fingerprint (stream->tls) : NULL;
}

void
fm_stream_set_deadline (FmStream *stream, gint64 deadline_us)
{
  stream->deadline_us = deadline_us;
}

/* One attempt to receive without sleeping. The number of bytes; 0: nothing yet, *RET_EVENTS says what to wait for; -1: failed. */
static gssize
receive (FmStream *stream, guint8 *to, gsize room_bytes, short *ret_events, GError **error)
{
  ssize_t n;

  *ret_events = POLLIN;
  if (stream->tls == NULL)
    {
      n = pull_wire (stream, to, room_bytes);
      if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)))
        return MAX (n, 0);
      if (n == 0)
        fail_closed (stream, error);
      else
        fail_errno (stream, error, errno);
      return -1;
    }
  n = gnutls_record_recv (fm_tls_session (stream->tls), to, room_bytes);
  fm_tls_remember (stream->tls);
  if (n > 0)
    return n;
  if (n == 0 || n == GNUTLS_E_PREMATURE_TERMINATION)
    fail_closed (stream, error);
  else if (gnutls_error_is_fatal (n))
    fail (stream, error, FM_ERROR_OFFLINE, "the connection to %s broke: %s", stream->server->host, gnutls_strerror (n));
  else if (n == GNUTLS_E_REHANDSHAKE)
    fail (stream, error, FM_ERROR_TLS, "%s wants to renegotiate the encryption, which is unsafe", stream->server->host);
  if (stream->error != NULL)
    return -1;
  if (n == GNUTLS_E_AGAIN && gnutls_record_get_direction (fm_tls_session (stream->tls)))
    *ret_events = POLLOUT;
  return 0;
}

/* As receive, with what came unpacked. */
static gssize
receive_packed (FmStream *stream, guint8 *to, gsize room_bytes, short *ret_events, GError **error)
{
  guint8 wire[CHUNK_BYTES];
  gssize n, came;

  while ((n = fm_deflate_unpack (stream->deflate, to, room_bytes)) == 0)
    {
      if ((came = receive (stream, wire, sizeof wire, ret_events, error)) <= 0)
        return came;
      fm_deflate_feed (stream->deflate, wire, came);
    }
  if (n < 0)
    fail (stream, error, FM_ERROR_OFFLINE, "the connection to %s broke: what it sent can't be unpacked", stream->server->host);
  return n;
}

/* Makes room behind what is buffered. */
static gsize
make_room (FmStream *stream)
{
  GByteArray *in = stream->in;

  if (stream->in_start == in->len)
    {
      g_byte_array_set_size (in, 0);
      stream->in_start = stream->in_scanned = 0;
    }
  else if (stream->in_start >= in->len / 2)
    {
      stream->in_scanned -= stream->in_start;
      g_byte_array_remove_range (in, 0, stream->in_start);
      stream->in_start = 0;
    }
  gsize old_length = in->len;
  g_byte_array_set_size (in, old_length + CHUNK_BYTES);
  return old_length;
}

/* One attempt to read without sleeping. 1: something came; 0: nothing yet, *RET_EVENTS says what to wait for; -1: failed. */
static int
try_fill (FmStream *stream, short *ret_events, GError **error)
{
  gsize old_length = make_room (stream);
  guint8 *to = stream->in->data + old_length;
  gssize n = stream->deflate != NULL ? receive_packed (stream, to, CHUNK_BYTES, ret_events, error)
                                     : receive (stream, to, CHUNK_BYTES, ret_events, error);

  g_byte_array_set_size (stream->in, old_length + MAX (n, 0));
  return n > 0 ? 1 : (int) n;
}

static void
time_turn (FmStream *stream)
{
  gint64 took_us = MAX (fm_clock_mono_us () - stream->asked_us, 1);
  gint64 *quickest_us = &stream->counters.quickest_turn_us;

  *quickest_us = *quickest_us == 0 ? took_us : MIN (*quickest_us, took_us);
}

/* Sleeps until at least one more byte is buffered. Whatever was to go goes first: nobody waits for an answer to something unsent. */
static gboolean
fill (FmStream *stream, GError **error)
{
  short events;

  if (stream->error != NULL)
    return report_sticky (stream, error);
  if (stream->out->len > 0 && !fm_stream_flush (stream, error))
    return FALSE;
  gboolean is_turn = FALSE;
  for (;;)
    {
      if (!is_wanted (stream, error)) /* a peer that always has more would let nobody get to sleep, and so to look */
        return FALSE;
      int filled = try_fill (stream, &events, error);
      if (filled > 0 && is_turn)
        time_turn (stream);
      if (filled != 0)
        return filled > 0;
      if (stream->has_asked)
        {
          stream->counters.turns++;
          stream->has_asked = FALSE;
          is_turn = TRUE;
        }
      if (!await (stream, events, error))
        return FALSE;
    }
}

gboolean
fm_stream_read_line (FmStream *stream, gsize max_bytes, const char **ret_line, gsize *ret_length, GError **error)
{
  if (stream->error != NULL)
    return report_sticky (stream, error);
  for (;;)
    {
      GByteArray *in = stream->in;
      gsize from = MAX (stream->in_scanned, stream->in_start);
      const guint8 *lf = from < in->len ? memchr (in->data + from, '\n', in->len - from) : NULL;
      if ((lf != NULL ? (gsize) (lf - in->data) : in->len) - stream->in_start > max_bytes)
        return fail (stream, error, FM_ERROR_LIMIT, "%s sent a line of more than %" G_GSIZE_FORMAT " bytes", stream->server->host,
                     max_bytes);
      if (lf != NULL)
        {
          const guint8 *line = in->data + stream->in_start;
          gsize length = lf - line;
          stream->in_start = stream->in_scanned = lf + 1 - in->data;
          *ret_line = (const char *) line;
          *ret_length = length > 0 && line[length - 1] == '\r' ? length - 1 : length;
          return TRUE;
        }
      stream->in_scanned = in->len;
      if (!fill (stream, error))
        return FALSE;
    }
}

gboolean
fm_stream_read_some (FmStream *stream, gsize max_bytes, const char **ret_bytes, gsize *ret_length, GError **error)
{
  if (stream->error != NULL)
    return report_sticky (stream, error);
  if (stream->in_start == stream->in->len && !fill (stream, error))
    return FALSE;
  *ret_bytes = (const char *) stream->in->data + stream->in_start;
  *ret_length = MIN (max_bytes, stream->in->len - stream->in_start);
  stream->in_start += *ret_length;
  stream->in_scanned = stream->in_start;
  return TRUE;
}

gboolean
fm_stream_read_exactly (FmStream *stream, void *bytes, gsize size_bytes, GError **error)
{
  char *to = bytes;
  const char *some;
  gsize n;

  for (; size_bytes > 0; size_bytes -= n, to += n)
    {
      if (!fm_stream_read_some (stream, size_bytes, &some, &n, error))
        return FALSE;
      memcpy (to, some, n);
    }
  return TRUE;
}

gboolean
fm_stream_write (FmStream *stream, const void *bytes, gssize size_bytes, GError **error)
{
  gsize left = size_bytes < 0 ? strlen (bytes) : (gsize) size_bytes;
  const guint8 *from = bytes;

  if (stream->error != NULL)
    return report_sticky (stream, error);
  while (left > 0)
    {
      gsize n = MIN (left, FLUSH_BYTES);
      g_byte_array_append (stream->out, from, n);
      from += n;
      left -= n;
      if (stream->out->len >= FLUSH_BYTES && !fm_stream_flush (stream, error))
        return FALSE;
    }
  return TRUE;
}

/* One attempt to send. The number of bytes, 0: not now, -1: failed. */
static gssize
try_send (FmStream *stream, const guint8 *bytes, gsize size_bytes, short *ret_events, GError **error)
{
  ssize_t n;

  *ret_events = POLLOUT;
  if (stream->tls == NULL)
    {
      n = push_wire (stream, bytes, size_bytes);
      if (n >= 0 || errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
        return MAX (n, 0);
      fail_errno (stream, error, errno);
      return -1;
    }
  n = gnutls_record_send (fm_tls_session (stream->tls), bytes, size_bytes);
  if (n >= 0)
    return n;
  if (gnutls_error_is_fatal (n))
    {
      fail (stream, error, FM_ERROR_OFFLINE, "the connection to %s broke: %s", stream->server->host, gnutls_strerror (n));
      return -1;
    }
  *ret_events = gnutls_record_get_direction (fm_tls_session (stream->tls)) ? POLLOUT : POLLIN;
  return 0;
}

/* While the peer does not take our bytes it may be waiting for us to take its: read meanwhile, within a bound. */
static gboolean
await_room (FmStream *stream, short events, GError **error)
{
  gboolean may_read = stream->in->len - stream->in_start < READ_WHILE_WRITING_BYTES;
  int ready = fm_dial_poll (stream->fd, events | (may_read ? POLLIN : 0), -1, stream->cancel, stream->deadline_us, NULL, &stream->error);
  short ignored;

  if (ready < 0)
    return report_sticky (stream, error);
  if (ready == 0)
    return fail (stream, error, FM_ERROR_TIMEOUT, "%s took too long to accept what was sent", stream->server->host);
  return !(may_read && (ready & POLLIN)) || try_fill (stream, &ignored, error) >= 0;
}

gboolean
fm_stream_flush (FmStream *stream, GError **error)
{
  gsize sent = 0;
  short events;

  if (stream->error != NULL)
    return report_sticky (stream, error);
  GByteArray *wire = stream->out;
  if (stream->deflate != NULL && wire->len > 0)
    {
      fm_deflate_pack (stream->deflate, wire->data, wire->len, stream->packed);
      wire = stream->packed;
    }
  while (sent < wire->len)
    {
      if (!is_wanted (stream, error))
        return FALSE;
      gssize n = try_send (stream, wire->data + sent, wire->len - sent, &events, error);
      if (n < 0 || (n == 0 && !await_room (stream, events, error)))
        return FALSE;
      sent += n;
    }
  if (sent > 0)
    {
      stream->has_asked = TRUE;
      stream->asked_us = fm_clock_mono_us ();
    }
  fm_secret_wipe (stream->out->data, stream->out->len);
  g_byte_array_set_size (stream->out, 0);
  g_byte_array_set_size (stream->packed, 0);
  return TRUE;
}

gboolean
fm_stream_wait (FmStream *stream, int wake_fd, gint64 deadline_us, FmStreamWait *ret_why, GError **error)
{
  short events = POLLIN;
  gboolean is_woken = FALSE;

  if (!fm_stream_flush (stream, error))
    return FALSE;
  for (;;)
    {
      int filled = stream->in->len > stream->in_start ? 1 : try_fill (stream, &events, error);
      if (filled < 0)
        return FALSE;
      if (filled > 0)
        {
          *ret_why = FM_STREAM_READABLE;
          return TRUE;
        }
      int ready = fm_dial_poll (stream->fd, events, wake_fd, stream->cancel, deadline_us, &is_woken, &stream->error);
      if (ready < 0)
        return report_sticky (stream, error);
      if (ready == 0)
        {
          *ret_why = is_woken ? FM_STREAM_WOKEN : FM_STREAM_DEADLINE;
          return TRUE;
        }
    }
}

int
fm_stream_fd (const FmStream *stream)
{
  return stream->fd;
}

gboolean
fm_stream_has_buffered (const FmStream *stream)
{
  return stream->in->len > stream->in_start || (stream->deflate != NULL && fm_deflate_has_pending (stream->deflate))
         || (stream->tls != NULL && gnutls_record_check_pending (fm_tls_session (stream->tls)) > 0);
}

FmStreamCounters
fm_stream_counters (const FmStream *stream)
{
  return stream->counters;
}

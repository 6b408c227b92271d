/* Handing mail in. The body is flushed to the last byte before the final dot is written: as long as the dot has not left, the server can't have taken
 * the mail, and whatever goes wrong is merely temporary; from the dot on, only the server's answer tells. */
#include "smtp-session-private.h"
#include <fulmar/base/clock.h>
#include <fulmar/base/error.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#define CONNECT_TIMEOUT_MS 30000
#define TIMEOUT_MS 300000
#define PIECE_BYTES (32 * 1024)
#define RCPT_DEPTH 100

gboolean
fm_smtp_session_write (FmSmtpSession *session, const char *command, const char *argument, GError **error)
{
  FmStream *stream = session->stream;
  if (argument != NULL && strpbrk (argument, "\r\n") != NULL)
    {
      g_set_error (error, FM_ERROR, FM_ERROR_INVALID, "what follows %s can't be sent: it has a line break", command);
      return FALSE;
    }
  return fm_stream_write (stream, command, -1, error)
         && (argument == NULL || (fm_stream_write (stream, " ", 1, error) && fm_stream_write (stream, argument, -1, error)))
         && fm_stream_write (stream, "\r\n", 2, error);
}

static void
begin_wait (FmSmtpSession *session)
{
  if (session->timeout_ms >= 0)
    fm_stream_set_deadline (session->stream, fm_clock_deadline_us (session->timeout_ms));
}

gboolean
fm_smtp_session_read (FmSmtpSession *session, FmSmtpReply *ret_reply, GError **error)
{
  gboolean done = FALSE;
  begin_wait (session);
  gboolean ok = fm_stream_flush (session->stream, error);
  while (ok && !done)
    {
      const char *line;
      gsize length;
      ok = fm_stream_read_line (session->stream, FM_SMTP_PARSE_MAX_LINE, &line, &length, error)
           && fm_smtp_parse_line (ret_reply, line, length, &done, error);
    }
  /* 421: the server hangs up (RFC 5321 3.8). */
  if (!ok || ret_reply->code == 421)
    session->is_dead = TRUE;
  return ok;
}

gboolean
fm_smtp_session_ask (FmSmtpSession *session, const char *command, const char *argument, FmSmtpReply *ret_reply, GError **error)
{
  return fm_smtp_session_write (session, command, argument, error) && fm_smtp_session_read (session, ret_reply, error);
}

FmSmtpSession *
fm_smtp_session_open (const FmSmtpOptions *options, FmCancel *cancel, GError **error)
{
  g_autoptr (FmSmtpSession) session = g_new0 (FmSmtpSession, 1);
  session->server = fm_server_dup (options->server);
  if (session->server->port == 0)
    session->server->port = session->server->security == FM_SECURITY_TLS ? 465 : 587;
  session->credentials = options->credentials == NULL ? NULL : fm_server_credentials_dup (options->credentials);
  session->client_name = g_strdup (options->client_name);
  session->timeout_ms = -1;
  gint64 deadline = fm_clock_deadline_us (options->connect_timeout_ms > 0 ? options->connect_timeout_ms : CONNECT_TIMEOUT_MS);
  session->stream = fm_stream_connect (session->server, cancel, deadline, error);
  if (session->stream == NULL || !fm_smtp_open_sign_in (session, error))
    return NULL;
  session->timeout_ms = options->timeout_ms > 0 ? options->timeout_ms : TIMEOUT_MS;
  return g_steal_pointer (&session);
}

void
fm_smtp_session_free (FmSmtpSession *session)
{
  if (session == NULL)
    return;
  fm_stream_free (session->stream);
  fm_server_free (session->server);
  fm_server_credentials_free (session->credentials);
  g_free (session->client_name);
  g_strfreev (session->mechanisms);
  g_free (session);
}

void
fm_smtp_session_quit (FmSmtpSession *session)
{
  g_auto (FmSmtpReply) reply = { 0 };
  if (session != NULL && !session->is_dead)
    {
      session->timeout_ms = 1000;
      fm_smtp_session_ask (session, "QUIT", NULL, &reply, NULL);
    }
  fm_smtp_session_free (session);
}

gboolean
fm_smtp_session_is_alive (const FmSmtpSession *session)
{
  return !session->is_dead;
}

guint64
fm_smtp_session_size_limit (const FmSmtpSession *session)
{
  return session->size_limit;
}

gboolean
fm_smtp_session_has_8bitmime (const FmSmtpSession *session)
{
  return session->has_8bitmime;
}

/* value struct: the mail in hand */
typedef struct {
  FmSmtpSession *session;
  const FmSmtpMail *mail;
  FmSmtpRecipient *results;
  guint n;
  char *sender, **recipients; /* as they go on the wire */
  guint64 size_bytes;         /* with CRLF */
  gboolean needs_8bit, needs_utf8;
} Task;

/* Lines end in LF, CRLF or a lone CR in the file and in CRLF on the wire; a dot that begins a line is doubled. */
typedef struct {
  gboolean in_line, after_cr;
} Lines;

typedef struct {
  char bytes[2 * PIECE_BYTES];
  gsize size;
} Piece;

static void
put_bytes (Piece *piece, const char *bytes, gsize size)
{
  memcpy (piece->bytes + piece->size, bytes, size);
  piece->size += size;
}

static void
convert (Lines *lines, const char *bytes, gsize size, Piece *piece)
{
  for (gsize i = 0; i < size; i++)
    {
      char c = bytes[i];
      gboolean was_cr = lines->after_cr;
      lines->after_cr = c == '\r';
      if (c == '\n' && was_cr)
        continue;
      if (c == '\n' || c == '\r')
        {
          put_bytes (piece, "\r\n", 2);
          lines->in_line = FALSE;
          continue;
        }
      if (c == '.' && !lines->in_line)
        put_bytes (piece, ".", 1);
      put_bytes (piece, &c, 1);
      lines->in_line = TRUE;
    }
}

static gssize
read_piece (int fd, char *bytes, goffset offset, GError **error)
{
  gssize n;
  do
    n = pread (fd, bytes, PIECE_BYTES, offset);
  while (n < 0 && errno == EINTR);
  if (n < 0)
    fm_error_set_errno (error, FM_ERROR_STORAGE, errno, "reading the message to be sent");
  return n;
}

/* What the bytes demand of the server: their size on the wire, 8-bit bytes, and whether such are in the header. */
static gboolean
survey (Task *task, GError **error)
{
  g_autofree char *bytes = g_malloc (PIECE_BYTES);
  gboolean in_header = TRUE, line_empty = TRUE, after_cr = FALSE;
  gssize n = 0;
  for (goffset at = 0; (n = read_piece (task->mail->fd, bytes, at, error)) > 0; at += n)
    {
      for (gssize i = 0; i < n; i++)
        {
          guchar c = (guchar) bytes[i];
          gboolean was_cr = after_cr;
          after_cr = c == '\r';
          if (c == '\n' && was_cr)
            continue;
          if (c == '\n' || c == '\r')
            {
              in_header = in_header && !line_empty;
              line_empty = TRUE;
              task->size_bytes += 2;
              continue;
            }
          line_empty = FALSE;
          task->size_bytes++;
          task->needs_8bit |= c >= 0x80;
          task->needs_utf8 |= c >= 0x80 && in_header;
          if (c == 0)
            {
              g_set_error (error, FM_ERROR, FM_ERROR_INVALID,
                           "the message has a NUL byte, which no mail may have: encode that part as base64");
              return FALSE;
            }
        }
    }
  task->size_bytes += line_empty ? 0 : 2;
  return n == 0;
}

static gboolean
take_addresses (Task *task, GError **error)
{
  gboolean utf8;
  task->sender = fm_smtp_parse_address (task->mail->sender, &utf8, error);
  if (task->sender == NULL)
    return FALSE;
  task->needs_utf8 |= utf8;
  task->recipients = g_new0 (char *, task->n + 1);
  for (guint i = 0; i < task->n; i++)
    {
      task->recipients[i] = fm_smtp_parse_address (task->mail->recipients[i], &utf8, error);
      if (task->recipients[i] == NULL || *task->recipients[i] == '\0')
        {
          if (task->recipients[i] != NULL)
            g_set_error (error, FM_ERROR, FM_ERROR_INVALID, "a recipient's address is empty");
          return FALSE;
        }
      if (utf8 && !task->session->has_smtputf8)
        {
          g_set_error (error, FM_ERROR, FM_ERROR_INVALID, "%s can't be written to: %s takes no addresses outside ASCII (no SMTPUTF8)",
                       task->recipients[i], task->session->server->host);
          return FALSE;
        }
      task->needs_utf8 |= utf8;
    }
  return TRUE;
}

static gboolean
check_offers (Task *task, GError **error)
{
  FmSmtpSession *session = task->session;
  const char *host = session->server->host;
  if (task->needs_utf8 && !session->has_smtputf8)
    {
      g_set_error (error, FM_ERROR, FM_ERROR_INVALID,
                   "the message's header or sender is not ASCII, and %s takes no such mail (no SMTPUTF8)", host);
      return FALSE;
    }
  if (task->needs_8bit && !session->has_8bitmime)
    {
      g_set_error (error, FM_ERROR, FM_ERROR_INVALID,
                   "the message has 8-bit bytes, and %s takes only 7-bit mail: encode it as quoted-printable", host);
      return FALSE;
    }
  if (session->size_limit > 0 && task->size_bytes > session->size_limit)
    {
      g_autofree char *is = g_format_size (task->size_bytes), *limit = g_format_size (session->size_limit);
      g_set_error (error, FM_ERROR, FM_ERROR_LIMIT, "the message is too large for %s: it has %s, at most %s are taken", host, is, limit);
      return FALSE;
    }
  return TRUE;
}

static FmSmtpVerdict
verdict_of (const FmSmtpReply *reply)
{
  return reply->code < 300 ? FM_SMTP_ACCEPTED : reply->code < 500 ? FM_SMTP_TEMPORARY : FM_SMTP_PERMANENT;
}

/* REPLY is no yes: its words, and what it means. */
static FmSmtpVerdict
refused (const FmSmtpReply *reply, GError **error)
{
  g_autofree char *words = fm_smtp_parse_describe (reply);
  g_set_error_literal (error, FM_ERROR, FM_ERROR_REFUSED, words);
  return reply->code >= 500 ? FM_SMTP_PERMANENT : FM_SMTP_TEMPORARY;
}

static gboolean
write_mail_from (Task *task, GError **error)
{
  g_autoptr (GString) line = g_string_new (NULL);
  g_string_append_printf (line, "FROM:<%s>", task->sender);
  if (task->session->has_size)
    g_string_append_printf (line, " SIZE=%" G_GUINT64_FORMAT, task->size_bytes);
  if (task->needs_8bit)
    g_string_append (line, " BODY=8BITMIME");
  if (task->needs_utf8)
    g_string_append (line, " SMTPUTF8");
  return fm_smtp_session_write (task->session, "MAIL", line->str, error);
}

static gboolean
write_rcpt_to (Task *task, guint i, GError **error)
{
  g_autofree char *argument = g_strdup_printf ("TO:<%s>", task->recipients[i]);
  return fm_smtp_session_write (task->session, "RCPT", argument, error);
}

/* MAIL and every RCPT, in one go where the server can take that. FALSE: the connection is lost. Else *RET_VERDICT is of the envelope. */
static gboolean
send_envelope (Task *task, FmSmtpVerdict *ret_verdict, GError **ret_refused, GError **error)
{
  gboolean pipelining = task->session->has_pipelining;
  g_auto (FmSmtpReply) from = { 0 };
  guint asked = 0, accepted = 0, temporary = 0;
  if (!write_mail_from (task, error))
    return FALSE;
  for (; pipelining && asked < MIN (task->n, RCPT_DEPTH); asked++)
    if (!write_rcpt_to (task, asked, error))
      return FALSE;
  if (!fm_smtp_session_read (task->session, &from, error))
    return FALSE;
  *ret_verdict = from.code < 300 ? FM_SMTP_ACCEPTED : refused (&from, ret_refused);
  for (guint i = 0; i < task->n && (*ret_verdict == FM_SMTP_ACCEPTED || i < asked); i++)
    {
      g_auto (FmSmtpReply) reply = { 0 };
      if (asked <= i && !write_rcpt_to (task, asked++, error))
        return FALSE;
      if (!fm_smtp_session_read (task->session, &reply, error))
        return FALSE;
      if (*ret_verdict != FM_SMTP_ACCEPTED)
        continue; /* answers to what was asked too early */
      task->results[i].verdict = verdict_of (&reply);
      accepted += task->results[i].verdict == FM_SMTP_ACCEPTED;
      temporary += task->results[i].verdict == FM_SMTP_TEMPORARY;
      if (task->results[i].verdict != FM_SMTP_ACCEPTED)
        task->results[i].text = fm_smtp_parse_describe (&reply);
    }
  if (*ret_verdict == FM_SMTP_ACCEPTED && accepted == 0)
    {
      *ret_verdict = temporary > 0 ? FM_SMTP_TEMPORARY : FM_SMTP_PERMANENT;
      g_set_error (ret_refused, FM_ERROR, FM_ERROR_REFUSED, "every recipient was refused: %s: %s", task->recipients[0],
                   task->results[0].text);
    }
  return TRUE;
}

/* Everything but the final dot, on its way to the last byte. */
static gboolean
send_body (Task *task, GError **error)
{
  FmStream *stream = task->session->stream;
  g_autofree char *bytes = g_malloc (PIECE_BYTES);
  g_autofree Piece *piece = g_new (Piece, 1);
  Lines lines = { 0 };
  gssize n;
  for (goffset at = 0; (n = read_piece (task->mail->fd, bytes, at, error)) > 0; at += n)
    {
      piece->size = 0;
      convert (&lines, bytes, (gsize) n, piece);
      begin_wait (task->session);
      if (!fm_stream_write (stream, piece->bytes, (gssize) piece->size, error) || !fm_stream_flush (stream, error))
        return FALSE;
    }
  if (n < 0)
    return FALSE;
  begin_wait (task->session);
  return (!lines.in_line || fm_stream_write (stream, "\r\n", 2, error)) && fm_stream_flush (stream, error);
}

static FmSmtpVerdict
send_data (Task *task, GError **error)
{
  FmSmtpSession *session = task->session;
  g_auto (FmSmtpReply) go_on = { 0 };
  g_auto (FmSmtpReply) reply = { 0 };
  if (!fm_smtp_session_ask (session, "DATA", NULL, &go_on, error))
    return FM_SMTP_TEMPORARY;
  if (go_on.code != 354)
    return refused (&go_on, error);
  if (!send_body (task, error))
    {
      session->is_dead = TRUE;
      return FM_SMTP_TEMPORARY;
    }
  if (!fm_stream_write (session->stream, ".\r\n", 3, error) || !fm_smtp_session_read (session, &reply, error))
    {
      session->is_dead = TRUE;
      g_prefix_error (error, "the connection was lost before %s said whether it has taken the mail: ", session->server->host);
      return FM_SMTP_UNKNOWN;
    }
  return reply.code < 300 ? FM_SMTP_ACCEPTED : refused (&reply, error);
}

/* Every recipient who had been accepted shares what became of the message. */
static void
spread (Task *task, FmSmtpVerdict verdict, const GError *why)
{
  for (guint i = 0; i < task->n; i++)
    if (task->results[i].verdict == FM_SMTP_ACCEPTED && task->results[i].text == NULL)
      {
        task->results[i].verdict = verdict;
        task->results[i].text = verdict == FM_SMTP_ACCEPTED || why == NULL ? NULL : g_strdup (why->message);
      }
}

static FmSmtpVerdict
hand_in (Task *task, GError **error)
{
  FmSmtpVerdict verdict;
  if (!survey (task, error) || !take_addresses (task, error) || !check_offers (task, error))
    return FM_SMTP_PERMANENT;
  g_autoptr (GError) no = NULL;
  if (!send_envelope (task, &verdict, &no, error))
    {
      task->session->is_dead = TRUE;
      return FM_SMTP_TEMPORARY;
    }
  if (verdict == FM_SMTP_ACCEPTED)
    return send_data (task, error);
  g_propagate_error (error, g_steal_pointer (&no));
  return verdict;
}

FmSmtpVerdict
fm_smtp_session_send (FmSmtpSession *session, const FmSmtpMail *mail, FmSmtpRecipient *results, GError **error)
{
  Task task = { .session = session, .mail = mail, .results = results, .n = g_strv_length ((char **) mail->recipients) };
  GError *local = NULL;
  FmSmtpVerdict verdict = FM_SMTP_TEMPORARY;
  for (guint i = 0; i < task.n; i++)
    results[i] = (FmSmtpRecipient){ FM_SMTP_ACCEPTED, NULL };
  if (session->is_dead)
    local = g_error_new (FM_ERROR, FM_ERROR_OFFLINE, "the connection to %s is closed", session->server->host);
  else
    verdict = hand_in (&task, &local);
  if (g_error_matches (local, FM_ERROR, FM_ERROR_STORAGE) && verdict == FM_SMTP_PERMANENT)
    verdict = FM_SMTP_TEMPORARY;
  spread (&task, verdict, local);
  if (verdict != FM_SMTP_ACCEPTED && verdict != FM_SMTP_UNKNOWN && !session->is_dead)
    {
      g_auto (FmSmtpReply) reset = { 0 };
      if (!fm_smtp_session_ask (session, "RSET", NULL, &reset, NULL) || reset.code >= 300)
        session->is_dead = TRUE;
    }
  if (local != NULL)
    g_propagate_error (error, local);
  g_free (task.sender);
  g_strfreev (task.recipients);
  return verdict;
}

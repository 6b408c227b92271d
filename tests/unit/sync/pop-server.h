/* A POP3 server on loopback with a mailbox in memory: it keeps DELE until QUIT as a real one does, and can hang up after so many bytes, refuse, or rename
 * everything. Its thread serves one connection after another. */
#pragma once
#include <arpa/inet.h>
#include <fulmar/base/thread.h>
#include <glib.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct {
  char *uidl, *text;  /* text with CRLF, not stuffed */
  guint64 told_bytes; /* what LIST says; 0: the truth */
  gboolean is_marked;
  gboolean is_read, is_popped; /* fetched in this session; by one that ended with QUIT */
} PopMail;

typedef struct {
  int listener, current;
  guint16 port;
  FmThread *thread;
  pthread_mutex_t lock;
  gboolean stopping;
  /* under lock */
  GPtrArray *mails; /* PopMail* */
  gint64 cut;       /* bytes to be sent before the next connection is cut; -1: never */
  gint64 sent;      /* in the last connection */
  guint retrs, tops, quits, sessions;
  guint
      batch; /* as Gmail: a session shows this many messages that were not fetched before, or to a `recent:` user this many more. 0: all */
  gboolean is_recent; /* the session's user is one */
  gboolean no_uidl, no_top, no_capa, no_pipelining;
  const char *pass_reply, *quit_reply, *list_reply, *uidl_reply; /* in place of the usual; QUIT then deletes nothing */
  const char *more_caps;
  GString *heard; /* every command on a line, the last sessions' too */
} PopServer;

/* What a test reads or changes while the server's thread lives. */
#define POP_LOCKED(server)                                                             \
  for (gboolean is_locked_ = (pthread_mutex_lock (&(server)->lock), TRUE); is_locked_; \
       is_locked_ = (pthread_mutex_unlock (&(server)->lock), FALSE))

static inline void
pop_mail_free (gpointer data)
{
  PopMail *mail = data;
  g_free (mail->uidl);
  g_free (mail->text);
  g_free (mail);
}

static inline gboolean
pop_send (PopServer *server, int fd, const char *text, gsize size)
{
  pthread_mutex_lock (&server->lock);
  gsize n = server->cut >= 0 && (gint64) size > server->cut - server->sent ? (gsize) (server->cut - server->sent) : size;
  server->sent += n;
  pthread_mutex_unlock (&server->lock);
  gsize done = 0;
  while (done < n)
    {
      ssize_t w = send (fd, text + done, n - done, MSG_NOSIGNAL);
      if (w <= 0)
        return FALSE;
      done += (gsize) w;
    }
  return n == size;
}

static inline void
pop_append_stuffed (GString *out, const char *text)
{
  g_auto (GStrv) lines = g_strsplit (text, "\r\n", -1);
  for (guint i = 0; lines[i] != NULL && (lines[i + 1] != NULL || *lines[i] != '\0'); i++)
    g_string_append_printf (out, "%s%s\r\n", *lines[i] == '.' ? "." : "", lines[i]);
  g_string_append (out, ".\r\n");
}

/* The session's message of that number, counted from 0; NULL: there are no more. */
static inline PopMail *
pop_shown (PopServer *server, guint number)
{
  guint fresh = 0;
  for (guint i = 0; i < server->mails->len; i++)
    {
      PopMail *mail = server->mails->pdata[i];
      fresh += !mail->is_popped;
      gboolean is_shown = server->batch == 0
                          || (server->is_recent ? i < server->batch * (server->quits + 1) : !mail->is_popped && fresh <= server->batch);
      if (is_shown && number-- == 0)
        return mail;
    }
  return NULL;
}

static inline PopMail *
pop_mail_at (PopServer *server, const char *argument)
{
  guint64 number = g_ascii_strtoull (argument, NULL, 10);
  PopMail *mail = number >= 1 && number <= server->mails->len ? pop_shown (server, (guint) number - 1) : NULL;
  return mail == NULL || mail->is_marked ? NULL : mail;
}

static inline void
pop_list (PopServer *server, GString *out, gboolean uidl)
{
  const char *reply = uidl ? server->uidl_reply : server->list_reply;
  g_string_append (out, reply != NULL ? reply : "+OK\r\n");
  if (reply != NULL)
    return;
  const PopMail *mail;
  for (guint i = 0; (mail = pop_shown (server, i)) != NULL; i++)
    {
      gsize size = mail->told_bytes != 0 ? mail->told_bytes : strlen (mail->text);
      if (mail->is_marked)
        continue;
      if (uidl)
        g_string_append_printf (out, "%u %s\r\n", i + 1, mail->uidl);
      else
        g_string_append_printf (out, "%u %" G_GSIZE_FORMAT "\r\n", i + 1, size);
    }
  g_string_append (out, ".\r\n");
}

static inline void
pop_stat (PopServer *server, GString *out)
{
  gsize size = 0, n = 0;
  const PopMail *mail;
  for (guint i = 0; (mail = pop_shown (server, i)) != NULL; i++)
    {
      n += !mail->is_marked;
      size += mail->is_marked ? 0 : strlen (mail->text);
    }
  g_string_append_printf (out, "+OK %" G_GSIZE_FORMAT " %" G_GSIZE_FORMAT "\r\n", n, size);
}

static inline void
pop_quit (PopServer *server, GString *out)
{
  server->quits++;
  if (server->quit_reply != NULL)
    {
      g_string_append (out, server->quit_reply);
      return;
    }
  for (guint i = server->mails->len; i-- > 0;)
    {
      PopMail *mail = server->mails->pdata[i];
      mail->is_popped |= mail->is_read;
      if (mail->is_marked)
        g_ptr_array_remove_index (server->mails, i);
    }
  g_string_append (out, "+OK bye\r\n");
}

/* FALSE: the session ends. */
static inline gboolean
pop_command (PopServer *server, const char *line, GString *out)
{
  const char *argument = strchr (line, ' ') == NULL ? "" : strchr (line, ' ') + 1;
  if (g_str_has_prefix (line, "CAPA"))
    {
      if (server->no_capa)
        g_string_append (out, "-ERR what?\r\n");
      else
        g_string_append_printf (out, "+OK\r\n%s%s%s%sUSER\r\nRESP-CODES\r\n.\r\n", server->more_caps != NULL ? server->more_caps : "",
                                server->no_top ? "" : "TOP\r\n", server->no_uidl ? "" : "UIDL\r\n",
                                server->no_pipelining ? "" : "PIPELINING\r\n");
    }
  else if (g_str_has_prefix (line, "USER") || g_str_has_prefix (line, "PASS"))
    {
      if (*line == 'U')
        server->is_recent = g_str_has_prefix (argument, "recent:");
      g_string_append (out, *line == 'P' && server->pass_reply != NULL ? server->pass_reply : "+OK\r\n");
    }
  else if (g_str_equal (line, "STAT"))
    {
      pop_stat (server, out);
    }
  else if (g_str_equal (line, "LIST") || (g_str_equal (line, "UIDL") && !server->no_uidl))
    {
      pop_list (server, out, *line == 'U');
    }
  else if (g_str_has_prefix (line, "RETR") && pop_mail_at (server, argument) != NULL)
    {
      server->retrs++;
      pop_mail_at (server, argument)->is_read = TRUE;
      g_string_append (out, "+OK\r\n");
      pop_append_stuffed (out, pop_mail_at (server, argument)->text);
    }
  else if (g_str_has_prefix (line, "TOP") && !server->no_top && pop_mail_at (server, argument) != NULL)
    {
      const char *text = pop_mail_at (server, argument)->text;
      g_autofree char *header = g_strndup (text, (gsize) (strstr (text, "\r\n\r\n") + 4 - text));
      server->tops++;
      g_string_append (out, "+OK\r\n");
      pop_append_stuffed (out, header);
    }
  else if (g_str_has_prefix (line, "DELE") && pop_mail_at (server, argument) != NULL)
    {
      pop_mail_at (server, argument)->is_marked = TRUE;
      g_string_append (out, "+OK\r\n");
    }
  else if (g_str_equal (line, "QUIT"))
    {
      pop_quit (server, out);
      return FALSE;
    }
  else
    {
      g_string_append (out, "-ERR no\r\n");
    }
  return TRUE;
}

static inline void
pop_serve (PopServer *server, int fd)
{
  g_autoptr (GString) line = g_string_new (NULL);
  char byte;
  if (!pop_send (server, fd, "+OK ready\r\n", 11))
    return;
  while (recv (fd, &byte, 1, 0) == 1)
    {
      if (byte != '\n')
        {
          g_string_append_c (line, byte);
          continue;
        }
      g_string_truncate (line, line->len > 0 ? line->len - 1 : 0);
      g_autoptr (GString) out = g_string_new (NULL);
      pthread_mutex_lock (&server->lock);
      g_string_append_printf (server->heard, "%s\n", line->str);
      gboolean more = pop_command (server, line->str, out);
      pthread_mutex_unlock (&server->lock);
      if (!pop_send (server, fd, out->str, out->len) || !more)
        return;
      g_string_truncate (line, 0);
    }
}

static inline void
pop_thread (gpointer data)
{
  PopServer *server = data;
  for (;;)
    {
      int fd = accept (server->listener, NULL, NULL);
      if (fd < 0)
        return;
      pthread_mutex_lock (&server->lock);
      gboolean stopping = server->stopping;
      server->current = fd;
      server->sent = 0;
      server->sessions++;
      pthread_mutex_unlock (&server->lock);
      int on = 1;
      setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      if (!stopping)
        pop_serve (server, fd);
      pthread_mutex_lock (&server->lock);
      server->current = -1;
      for (guint i = 0; i < server->mails->len; i++)
        {
          PopMail *mail = server->mails->pdata[i];
          mail->is_marked = mail->is_read = FALSE;
        }
      pthread_mutex_unlock (&server->lock);
      shutdown (fd, SHUT_RDWR);
      close (fd);
    }
}

static inline PopServer *
pop_server_start (void)
{
  PopServer *server = g_new0 (PopServer, 1);
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  socklen_t size = sizeof address;
  server->listener = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  g_assert (bind (server->listener, (struct sockaddr *) &address, sizeof address) == 0 && listen (server->listener, 8) == 0);
  g_assert (getsockname (server->listener, (struct sockaddr *) &address, &size) == 0);
  server->port = ntohs (address.sin_port);
  server->current = -1;
  server->cut = -1;
  server->mails = g_ptr_array_new_with_free_func (pop_mail_free);
  server->heard = g_string_new (NULL);
  pthread_mutex_init (&server->lock, NULL);
  server->thread = fm_thread_start ("pop-server", pop_thread, server);
  return server;
}

static inline void
pop_server_stop (PopServer *server)
{
  pthread_mutex_lock (&server->lock);
  server->stopping = TRUE;
  if (server->current >= 0)
    shutdown (server->current, SHUT_RDWR);
  pthread_mutex_unlock (&server->lock);
  shutdown (server->listener, SHUT_RDWR);
  fm_thread_join (server->thread);
  close (server->listener);
  pthread_mutex_destroy (&server->lock);
  g_ptr_array_unref (server->mails);
  g_string_free (server->heard, TRUE);
  g_free (server);
}

static inline void
pop_server_add (PopServer *server, const char *uidl, const char *text)
{
  PopMail *mail = g_new0 (PopMail, 1);
  mail->uidl = g_strdup (uidl);
  mail->text = g_strdup (text);
  pthread_mutex_lock (&server->lock);
  g_ptr_array_add (server->mails, mail);
  pthread_mutex_unlock (&server->lock);
}

/* Five mails of about 3 kB together, with dots to be stuffed and a long line; those of another EDITION are other mails of the same lengths. */
static inline void
pop_server_fill_edition (PopServer *server, guint edition)
{
  pthread_mutex_lock (&server->lock);
  g_ptr_array_set_size (server->mails, 0);
  pthread_mutex_unlock (&server->lock);
  for (guint i = 1; i <= 5; i++)
    {
      g_autofree char *filler = g_strnfill (i * 100, 'a' + (char) i);
      g_autofree char *uidl = g_strdup_printf ("uid-%u", i);
      g_autofree char *text
          = g_strdup_printf ("Return-Path: <s%u@example.org>\r\nFrom: Sender %u <s%u@example.org>\r\nTo: me@example.org\r\n"
                             "Subject: letter %u\r\nDate: Mon, 2 Nov 2026 10:0%u:00 +0000\r\nMessage-ID: <m%u.%05u@example.org>\r\n\r\n"
                             "%s\r\n.\r\n..two\r\n.end %u\r\n%s\r\n",
                             i, i, i, i, i, i, edition, filler, i, i % 2 ? "" : "\r\n");
      pop_server_add (server, uidl, text);
    }
}

static inline void
pop_server_fill (PopServer *server)
{
  pop_server_fill_edition (server, 0);
}

/* One of the server's counts. */
static inline guint
pop_server_get (PopServer *server, const guint *count)
{
  guint n = 0;
  POP_LOCKED (server)
  n = *count;
  return n;
}

/* Whether WORDS were heard since the last such question. */
static inline gboolean
pop_server_heard (PopServer *server, const char *words)
{
  pthread_mutex_lock (&server->lock);
  gboolean is_heard = strstr (server->heard->str, words) != NULL;
  g_string_truncate (server->heard, 0);
  pthread_mutex_unlock (&server->lock);
  return is_heard;
}

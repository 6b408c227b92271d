/* The session: commands leave in bunches where the server can take that, answers are read in order. Whatever breaks is remembered, so that a
 * dead session says the same thing for ever, and QUIT is never sent but when asked. */
#include "pop-session-private.h"
#include <fulmar/base/clock.h>
#include <fulmar/base/error.h>
#include <string.h>

#define CONNECT_TIMEOUT_MS 30000
#define TIMEOUT_MS 60000
#define MAX_ENTRIES 2000000
#define FETCH_DEPTH 16 /* commands in flight: short enough that they never fill the way there while messages fill the way back */
#define SHORT_DEPTH 100

void
fm_pop_session_reply_clear (FmPopReply *reply)
{
  g_clear_pointer (&reply->code, g_free);
  g_clear_pointer (&reply->text, g_free);
}

void
fm_pop_session_entry_free (FmPopEntry *entry)
{
  if (entry == NULL)
    return;
  g_free (entry->uidl);
  g_free (entry);
}

gboolean
fm_pop_session_die (FmPopSession *session, GError *local, GError **error)
{
  if (session->death == NULL)
    session->death = g_error_copy (local);
  g_propagate_error (error, local);
  return FALSE;
}

static gboolean
is_alive (FmPopSession *session, GError **error)
{
  if (session->death != NULL)
    g_propagate_error (error, g_error_copy (session->death));
  return session->death == NULL;
}

gboolean
fm_pop_session_write (FmPopSession *session, const char *command, const char *argument, GError **error)
{
  if (argument != NULL && strpbrk (argument, "\r\n") != NULL)
    {
      g_set_error (error, FM_ERROR, FM_ERROR_INVALID, "what follows %s can't be sent: it has a line break", command);
      return FALSE;
    }
  FmStream *stream = session->stream;
  return fm_stream_write (stream, command, -1, error)
         && (argument == NULL || (fm_stream_write (stream, " ", 1, error) && fm_stream_write (stream, argument, -1, error)))
         && fm_stream_write (stream, "\r\n", 2, error);
}

gboolean
fm_pop_session_read_reply (FmPopSession *session, FmPopReply *ret_reply, GError **error)
{
  const char *line;
  gsize length;
  fm_pop_reader_begin (session->reader);
  return fm_stream_flush (session->stream, error) && fm_pop_reader_line (session->reader, &line, &length, error)
         && fm_pop_parse_status (line, length, &ret_reply->ok, &ret_reply->code, &ret_reply->text, error);
}

gboolean
fm_pop_session_ask (FmPopSession *session, const char *command, const char *argument, FmPopReply *ret_reply, GError **error)
{
  return fm_pop_session_write (session, command, argument, error) && fm_pop_session_read_reply (session, ret_reply, error);
}

void
fm_pop_session_set_refused (const FmPopReply *reply, const char *what, GError **error)
{
  g_set_error (error, FM_ERROR, FM_ERROR_REFUSED, "the server refused %s: %s", what,
               *reply->text == '\0' ? "it does not say why" : reply->text);
}

FmPopSession *
fm_pop_session_open (const FmPopOptions *options, FmCancel *cancel, GError **error)
{
  g_autoptr (FmPopSession) session = g_new0 (FmPopSession, 1);
  session->server = fm_server_dup (options->server);
  if (session->server->port == 0)
    session->server->port = session->server->security == FM_SECURITY_TLS ? 995 : 110;
  session->credentials = fm_server_credentials_dup (options->credentials);
  session->expire_days = -1;
  gint64 deadline = fm_clock_deadline_us (options->connect_timeout_ms > 0 ? options->connect_timeout_ms : CONNECT_TIMEOUT_MS);
  session->stream = fm_stream_connect (session->server, cancel, deadline, error);
  if (session->stream == NULL)
    return NULL;
  session->reader = fm_pop_reader_new (session->stream);
  if (!fm_pop_open_sign_in (session, error))
    return NULL;
  session->reader->timeout_ms = options->timeout_ms > 0 ? options->timeout_ms : TIMEOUT_MS;
  return g_steal_pointer (&session);
}

void
fm_pop_session_free (FmPopSession *session)
{
  if (session == NULL)
    return;
  fm_pop_reader_free (session->reader);
  fm_stream_free (session->stream);
  fm_server_free (session->server);
  fm_server_credentials_free (session->credentials);
  g_strfreev (session->mechanisms);
  g_clear_error (&session->death);
  g_free (session);
}

FmStream *
fm_pop_session_stream (FmPopSession *session)
{
  return session->stream;
}

gboolean
fm_pop_session_has (const FmPopSession *session, FmPopCaps capability)
{
  return (session->caps & capability) != 0;
}

int
fm_pop_session_expire_days (const FmPopSession *session)
{
  return session->expire_days;
}

int
fm_pop_session_login_delay_s (const FmPopSession *session)
{
  return session->login_delay_s;
}

static gboolean
broken_list (const char *why, GError **error)
{
  g_set_error (error, FM_ERROR, FM_ERROR_PROTOCOL, "the server's list of messages is broken (%s): nothing was taken from it", why);
  return FALSE;
}

/* The lines after +OK of LIST or UIDL. TAKE returns FALSE for a line that makes no sense. */
typedef gboolean (*TakeLine) (GPtrArray *entries, const char *line, gsize length);

static gboolean
read_list (FmPopSession *session, GPtrArray *entries, TakeLine take, GError **error)
{
  for (guint n = 0;; n++)
    {
      const char *line;
      gsize length;
      if (!fm_pop_reader_line (session->reader, &line, &length, error))
        return FALSE;
      if (length == 1 && *line == '.')
        return TRUE;
      if (n >= MAX_ENTRIES)
        {
          g_set_error (error, FM_ERROR, FM_ERROR_LIMIT, "the mailbox has more than %d messages", MAX_ENTRIES);
          return FALSE;
        }
      if (!take (entries, line, length))
        return broken_list ("a line makes no sense", error);
    }
}

static gboolean
take_list_line (GPtrArray *entries, const char *line, gsize length)
{
  FmPopEntry told = { 0 };
  if (!fm_pop_parse_list_line (line, length, &told.number, &told.size_bytes) || told.number == 0)
    return FALSE;
  const FmPopEntry *last = entries->len == 0 ? NULL : entries->pdata[entries->len - 1];
  if (last != NULL && told.number <= last->number)
    return FALSE;
  g_ptr_array_add (entries, g_memdup2 (&told, sizeof told));
  return TRUE;
}

static FmPopEntry *
entry_of (GPtrArray *entries, guint32 number)
{
  guint low = 0, high = entries->len;
  while (low < high)
    {
      guint mid = low + (high - low) / 2;
      FmPopEntry *entry = entries->pdata[mid];
      if (entry->number == number)
        return entry;
      if (entry->number < number)
        low = mid + 1;
      else
        high = mid;
    }
  return NULL;
}

static gboolean
take_uidl_line (GPtrArray *entries, const char *line, gsize length)
{
  guint32 number;
  g_autofree char *uidl = NULL;
  FmPopEntry *entry = fm_pop_parse_uidl_line (line, length, &number, &uidl) ? entry_of (entries, number) : NULL;
  if (entry == NULL || entry->uidl != NULL)
    return FALSE;
  entry->uidl = g_steal_pointer (&uidl);
  return TRUE;
}

/* A UIDL that two messages share names neither. */
static void
drop_shared_uidls (GPtrArray *entries)
{
  g_autoptr (GHashTable) first = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GPtrArray) shared = g_ptr_array_new ();
  for (guint i = 0; i < entries->len; i++)
    {
      FmPopEntry *entry = entries->pdata[i];
      FmPopEntry *other = entry->uidl == NULL ? NULL : g_hash_table_lookup (first, entry->uidl);
      if (other != NULL)
        {
          g_ptr_array_add (shared, entry);
          g_ptr_array_add (shared, other);
        }
      else if (entry->uidl != NULL)
        {
          g_hash_table_insert (first, entry->uidl, entry);
        }
    }
  g_hash_table_remove_all (first);
  for (guint i = 0; i < shared->len; i++)
    g_clear_pointer (&((FmPopEntry *) shared->pdata[i])->uidl, g_free);
}

static gboolean
read_uidls (FmPopSession *session, GPtrArray *entries, GError **error)
{
  g_auto (FmPopReply) reply = { 0 };
  if (!fm_pop_session_read_reply (session, &reply, error))
    return FALSE;
  if (!reply.ok)
    {
      session->caps &= ~(guint) FM_POP_CAP_UIDL;
      return TRUE;
    }
  if (!read_list (session, entries, take_uidl_line, error))
    return FALSE;
  drop_shared_uidls (entries);
  return TRUE;
}

static gboolean
read_stat_and_list (FmPopSession *session, gboolean pipelined, GPtrArray *entries, GError **error)
{
  g_auto (FmPopReply) stat = { 0 };
  g_auto (FmPopReply) list = { 0 };
  guint32 count = 0;
  guint64 size = 0;
  if (!fm_pop_session_read_reply (session, &stat, error))
    return FALSE;
  if (stat.ok && !fm_pop_parse_list_line (stat.text, strlen (stat.text), &count, &size))
    return broken_list ("STAT makes no sense", error);
  if ((!pipelined && !fm_pop_session_write (session, "LIST", NULL, error)) || !fm_pop_session_read_reply (session, &list, error))
    return FALSE;
  if (!stat.ok || !list.ok)
    {
      fm_pop_session_set_refused (stat.ok ? &list : &stat, "to list the messages", error);
      return FALSE;
    }
  if (!read_list (session, entries, take_list_line, error))
    return FALSE;
  return entries->len == count || broken_list ("LIST and STAT disagree", error);
}

GPtrArray *
fm_pop_session_list (FmPopSession *session, GError **error)
{
  g_autoptr (GPtrArray) entries = g_ptr_array_new_with_free_func ((GDestroyNotify) fm_pop_session_entry_free);
  gboolean pipelined = fm_pop_session_has (session, FM_POP_CAP_PIPELINING), uidl = fm_pop_session_has (session, FM_POP_CAP_UIDL);
  GError *local = NULL;
  if (!is_alive (session, error))
    return NULL;
  gboolean ok = fm_pop_session_write (session, "STAT", NULL, &local) && (!pipelined || fm_pop_session_write (session, "LIST", NULL, &local))
                && (!pipelined || !uidl || fm_pop_session_write (session, "UIDL", NULL, &local))
                && read_stat_and_list (session, pipelined, entries, &local)
                && (!uidl || pipelined || fm_pop_session_write (session, "UIDL", NULL, &local))
                && (!uidl || read_uidls (session, entries, &local));
  if (ok)
    return g_steal_pointer (&entries);
  fm_pop_session_die (session, local, error);
  return NULL;
}

gboolean
fm_pop_session_stat (FmPopSession *session, guint32 *ret_count, guint64 *ret_bytes, GError **error)
{
  g_auto (FmPopReply) reply = { 0 };
  GError *local = NULL;
  if (!is_alive (session, error))
    return FALSE;
  if (!fm_pop_session_ask (session, "STAT", NULL, &reply, &local))
    return fm_pop_session_die (session, local, error);
  if (!reply.ok)
    {
      fm_pop_session_set_refused (&reply, "to count the messages", error);
      return FALSE;
    }
  if (fm_pop_parse_list_line (reply.text, strlen (reply.text), ret_count, ret_bytes))
    return TRUE;
  broken_list ("STAT makes no sense", &local);
  return fm_pop_session_die (session, local, error);
}

static gboolean
write_fetch (FmPopSession *session, guint32 number, gboolean header_only, GError **error)
{
  char argument[32];
  g_snprintf (argument, sizeof argument, header_only ? "%u 0" : "%u", number);
  return fm_pop_session_write (session, header_only ? "TOP" : "RETR", argument, error);
}

static gboolean
read_fetched (FmPopSession *session, guint32 number, gboolean header_only, const FmPopTaker *taker, gpointer data, GError **error)
{
  g_auto (FmPopReply) reply = { 0 };
  if (!fm_pop_session_read_reply (session, &reply, error))
    return FALSE;
  if (!reply.ok)
    {
      g_autoptr (GError) refused = NULL;
      fm_pop_session_set_refused (&reply, header_only ? "a header" : "a message", &refused);
      return taker->end (data, number, NULL, refused, error);
    }
  g_autoptr (FmSink) sink = taker->begin (data, number, error);
  return sink != NULL && fm_pop_reader_message (session->reader, sink, error)
         && taker->end (data, number, g_steal_pointer (&sink), NULL, error);
}

gboolean
fm_pop_session_fetch (FmPopSession *session, const guint32 *numbers, gsize n, gboolean header_only, const FmPopTaker *taker, gpointer data,
                      GError **error)
{
  gsize depth = !fm_pop_session_has (session, FM_POP_CAP_PIPELINING) ? 1 : header_only ? SHORT_DEPTH : FETCH_DEPTH;
  gsize asked = 0;
  GError *local = NULL;
  if (!is_alive (session, error))
    return FALSE;
  for (gsize got = 0; got < n; got++)
    {
      /* Refilled by halves, so that commands share packets. */
      if (asked - got <= depth / 2)
        for (; asked < n && asked - got < depth; asked++)
          if (!write_fetch (session, numbers[asked], header_only, &local))
            return fm_pop_session_die (session, local, error);
      if (!read_fetched (session, numbers[got], header_only, taker, data, &local))
        return fm_pop_session_die (session, local, error);
    }
  return TRUE;
}

gboolean
fm_pop_session_delete (FmPopSession *session, const guint32 *numbers, gsize n, gboolean *ret_done, GError **error)
{
  gsize depth = fm_pop_session_has (session, FM_POP_CAP_PIPELINING) ? SHORT_DEPTH : 1, asked = 0;
  GError *local = NULL;
  if (!is_alive (session, error))
    return FALSE;
  for (gsize got = 0; got < n; got++)
    {
      g_auto (FmPopReply) reply = { 0 };
      char argument[16];
      if (asked - got <= depth / 2)
        for (; asked < n && asked - got < depth; asked++)
          {
            g_snprintf (argument, sizeof argument, "%u", numbers[asked]);
            if (!fm_pop_session_write (session, "DELE", argument, &local))
              return fm_pop_session_die (session, local, error);
          }
      if (!fm_pop_session_read_reply (session, &reply, &local))
        return fm_pop_session_die (session, local, error);
      if (ret_done != NULL)
        ret_done[got] = reply.ok;
    }
  return TRUE;
}

gboolean
fm_pop_session_quit (FmPopSession *session, GError **error)
{
  g_auto (FmPopReply) reply = { 0 };
  GError *local = NULL;
  if (!is_alive (session, error))
    return FALSE;
  if (!fm_pop_session_ask (session, "QUIT", NULL, &reply, &local))
    return fm_pop_session_die (session, local, error);
  if (!reply.ok)
    fm_pop_session_set_refused (&reply, "to finish the session, so deletions may not be done", &local);
  else
    local = g_error_new_literal (FM_ERROR, FM_ERROR_OFFLINE, "the session is over");
  session->death = g_error_copy (local);
  if (!reply.ok)
    g_propagate_error (error, local);
  else
    g_error_free (local);
  return reply.ok;
}

/* An IMAP server in threads of the test program, with folders and messages of its own, that serves many connections at once, speaks as many
 * extensions as the test lets it, and cuts the connection before or after any command when told to. It does what the RFCs say and no more. */
#pragma once
#include <arpa/inet.h>
#include <fulmar/base/thread.h>
#include <glib.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define IMAP_FULL "ENABLE CONDSTORE QRESYNC UIDPLUS MOVE UNSELECT IDLE"

typedef struct {
  guint32 uid;
  guint64 modseq;
  char *flags; /* "\Seen \Flagged" */
  char *text;
} ImapMail;

typedef struct {
  char *name;
  guint32 uidvalidity, uidnext;
  guint64 modseq;
  GPtrArray *mails; /* ImapMail* */
  GArray *gone;     /* guint32 uid, guint64 modseq as pairs of guint64 */
} ImapBox;

typedef enum { CUT_NEVER, CUT_BEFORE, CUT_AFTER, CUT_REFUSE, CUT_HANG } ImapCut;

typedef struct {
  int listener;
  guint16 port;
  pthread_mutex_t mutex;
  GPtrArray *boxes;
  const char *caps, *password;
  char *cut_verb; /* the command that the next rule is for */
  ImapCut cut;
  GString *log; /* every command line */
  GArray *fds;  /* open connections */
  GPtrArray *threads;
  FmThread *acceptor;
  gboolean stopping, deaf; /* deaf: connections are closed at once */
  guint sign_ins, idling;
} ImapServer;

typedef struct {
  ImapServer *server;
  int fd;
  GString *in;
  ImapBox *box;
  GArray *known; /* guint32: what the client knows of the box, in order */
  guint64 seen_modseq;
  gboolean qresync, signed_in;
  char *tag, *verb, *rest; /* the command at work */
} ImapPeer;

static inline ImapBox *
imap_box (ImapServer *server, const char *name)
{
  for (guint i = 0; i < server->boxes->len; i++)
    if (strcmp (((ImapBox *) server->boxes->pdata[i])->name, name) == 0)
      return server->boxes->pdata[i];
  return NULL;
}

static inline ImapBox *
imap_make_box (ImapServer *server, const char *name)
{
  ImapBox *box = g_new0 (ImapBox, 1);

  box->name = g_strdup (name);
  box->uidvalidity = 100;
  box->uidnext = 1;
  box->modseq = 1;
  box->mails = g_ptr_array_new ();
  box->gone = g_array_new (FALSE, FALSE, sizeof (guint64));
  g_ptr_array_add (server->boxes, box);
  return box;
}

static inline guint32
imap_put (ImapBox *box, const char *text, const char *flags)
{
  ImapMail *mail = g_new0 (ImapMail, 1);

  mail->uid = box->uidnext++;
  mail->modseq = ++box->modseq;
  mail->text = g_strdup (text);
  mail->flags = g_strdup (flags);
  g_ptr_array_add (box->mails, mail);
  return mail->uid;
}

static inline void
imap_drop_mail (ImapBox *box, guint index)
{
  ImapMail *mail = box->mails->pdata[index];
  guint64 pair[2] = { mail->uid, ++box->modseq };

  g_array_append_vals (box->gone, pair, 2);
  g_ptr_array_remove_index (box->mails, index);
  g_free (mail->text);
  g_free (mail->flags);
  g_free (mail);
}

/* NUMBER makes sender, subject, date and Message-ID. Transfer: full. */
static inline char *
imap_letter (guint number)
{
  g_autoptr (GDateTime) date = g_date_time_new_from_unix_utc (1700000000 + (gint64) number * 60);
  g_autofree char *when = g_date_time_format (date, "%a, %d %b %Y %H:%M:%S +0000");

  return g_strdup_printf ("From: Sender %u <s%u@example.org>\r\nTo: me@example.org\r\nSubject: letter %u\r\nDate: %s\r\n"
                          "Message-ID: <m%u@example.org>\r\n\r\ntext of %u\r\n",
                          number, number, number, when, number, number);
}

static inline void
imap_deliver (ImapServer *server, const char *name, guint first, guint last)
{
  pthread_mutex_lock (&server->mutex);
  for (guint i = first; i <= last; i++)
    {
      g_autofree char *text = imap_letter (i);
      imap_put (imap_box (server, name), text, "");
    }
  pthread_mutex_unlock (&server->mutex);
}

/* How many messages of the folder have this number's Message-ID; 0: all. */
static inline guint
imap_count (ImapServer *server, const char *name, guint number)
{
  g_autofree char *id = g_strdup_printf ("<m%u@example.org>", number);
  guint n = 0;

  pthread_mutex_lock (&server->mutex);
  ImapBox *box = imap_box (server, name);
  for (guint i = 0; box && i < box->mails->len; i++)
    n += number == 0 || strstr (((ImapMail *) box->mails->pdata[i])->text, id) != NULL;
  pthread_mutex_unlock (&server->mutex);
  return n;
}

static inline void
imap_cut_next (ImapServer *server, const char *verb, ImapCut cut)
{
  pthread_mutex_lock (&server->mutex);
  g_free (server->cut_verb);
  server->cut_verb = g_strdup (verb);
  server->cut = cut;
  pthread_mutex_unlock (&server->mutex);
}

static inline guint
imap_logged (ImapServer *server, const char *needle)
{
  guint n = 0;

  pthread_mutex_lock (&server->mutex);
  for (const char *p = server->log->str; (p = strstr (p, needle)); p++)
    n++;
  pthread_mutex_unlock (&server->mutex);
  return n;
}

/* --- a connection --- */

static inline void G_GNUC_PRINTF (2, 3) imap_say (ImapPeer *peer, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *text = g_strdup_vprintf (format, args);
  va_end (args);
  for (gsize at = 0, size = strlen (text); at < size;)
    {
      gssize n = send (peer->fd, text + at, size - at, MSG_NOSIGNAL);
      if (n <= 0)
        return;
      at += (gsize) n;
    }
}

/* FALSE at the end. WAIT_MS -1: for ever. */
static inline gboolean
imap_more (ImapPeer *peer, int wait_ms)
{
  struct pollfd pfd = { peer->fd, POLLIN, 0 };
  char bytes[4096];

  if (poll (&pfd, 1, wait_ms) == 0)
    return TRUE;
  gssize n = recv (peer->fd, bytes, sizeof bytes, 0);
  if (n <= 0)
    return FALSE;
  g_string_append_len (peer->in, bytes, n);
  return TRUE;
}

static inline char *
imap_take_line (ImapPeer *peer)
{
  const char *end = strstr (peer->in->str, "\r\n");

  if (!end)
    return NULL;
  char *line = g_strndup (peer->in->str, end - peer->in->str);
  g_string_erase (peer->in, 0, end + 2 - peer->in->str);
  return line;
}

static inline char *
imap_read_line (ImapPeer *peer)
{
  char *line;

  while (!(line = imap_take_line (peer)))
    if (!imap_more (peer, -1))
      return NULL;
  return line;
}

/* The word at *P, unquoted; moves on. Transfer: full. */
static inline char *
imap_word (const char **p)
{
  const char *start = *p;
  char *word;

  if (*start == '"')
    {
      const char *end = strchr (start + 1, '"');
      word = g_strndup (start + 1, end - start - 1);
      *p = end + 1;
    }
  else
    {
      gsize n = strcspn (start, " ");
      word = g_strndup (start, n);
      *p = start + n;
    }
  while (**p == ' ')
    (*p)++;
  return word;
}

static inline gboolean
imap_in_set (const char *set, guint32 uid, guint32 last)
{
  g_auto (GStrv) parts = g_strsplit (set, ",", -1);

  for (guint i = 0; parts[i]; i++)
    {
      char *colon = strchr (parts[i], ':');
      guint64 a = parts[i][0] == '*' ? last : g_ascii_strtoull (parts[i], NULL, 10);
      guint64 b = !colon ? a : colon[1] == '*' ? last : g_ascii_strtoull (colon + 1, NULL, 10);
      if (a > b)
        {
          guint64 swap = a;
          a = b;
          b = swap;
        }
      if (a <= uid && uid <= b)
        return TRUE;
    }
  return FALSE;
}

static inline void
imap_snapshot (ImapPeer *peer)
{
  g_array_set_size (peer->known, 0);
  for (guint i = 0; i < peer->box->mails->len; i++)
    g_array_append_val (peer->known, ((ImapMail *) peer->box->mails->pdata[i])->uid);
  peer->seen_modseq = peer->box->modseq;
}

static inline ImapMail *
imap_find (ImapBox *box, guint32 uid)
{
  for (guint i = 0; i < box->mails->len; i++)
    if (((ImapMail *) box->mails->pdata[i])->uid == uid)
      return box->mails->pdata[i];
  return NULL;
}

/* What happened to the selected folder since the client was last told. TRUE: something. */
static inline gboolean
imap_tell_changes (ImapPeer *peer)
{
  gboolean any = FALSE;

  if (!peer->box)
    return FALSE;
  for (guint i = 0; i < peer->known->len; i++)
    {
      guint32 uid = g_array_index (peer->known, guint32, i);
      if (imap_find (peer->box, uid))
        continue;
      if (peer->qresync)
        imap_say (peer, "* VANISHED %u\r\n", uid);
      else
        imap_say (peer, "* %u EXPUNGE\r\n", i + 1);
      g_array_remove_index (peer->known, i--);
      any = TRUE;
    }
  if (peer->known->len != peer->box->mails->len)
    {
      imap_say (peer, "* %u EXISTS\r\n", peer->box->mails->len);
      any = TRUE;
    }
  for (guint i = 0; i < peer->known->len; i++)
    {
      ImapMail *mail = peer->box->mails->pdata[i];
      if (mail->modseq <= peer->seen_modseq)
        continue;
      imap_say (peer, "* %u FETCH (UID %u FLAGS (%s)%s)\r\n", i + 1, mail->uid, mail->flags, "");
      any = TRUE;
    }
  imap_snapshot (peer);
  return any;
}

static inline void
imap_select (ImapPeer *peer)
{
  const char *p = peer->rest;
  g_autofree char *name = imap_word (&p);
  const char *resync = strstr (p, "(QRESYNC (");
  guint64 validity = 0, since = 0;

  if (!(peer->box = imap_box (peer->server, name)))
    {
      imap_say (peer, "%s NO [NONEXISTENT] no such folder\r\n", peer->tag);
      return;
    }
  imap_snapshot (peer);
  imap_say (peer,
            "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)\r\n* OK [PERMANENTFLAGS (\\Seen \\Flagged \\Deleted \\*)] ok\r\n"
            "* %u EXISTS\r\n* OK [UIDVALIDITY %u] ok\r\n* OK [UIDNEXT %u] ok\r\n",
            peer->box->mails->len, peer->box->uidvalidity, peer->box->uidnext);
  if (strstr (peer->server->caps, "CONDSTORE"))
    imap_say (peer, "* OK [HIGHESTMODSEQ %" G_GUINT64_FORMAT "] ok\r\n", peer->box->modseq);
  if (resync)
    {
      char *end;
      validity = g_ascii_strtoull (resync + 10, &end, 10);
      since = g_ascii_strtoull (end, NULL, 10);
    }
  if (resync && validity == peer->box->uidvalidity)
    {
      for (guint i = 0; i < peer->box->gone->len; i += 2)
        if (g_array_index (peer->box->gone, guint64, i + 1) > since)
          imap_say (peer, "* VANISHED (EARLIER) %u\r\n", (guint) g_array_index (peer->box->gone, guint64, i));
      for (guint i = 0; i < peer->box->mails->len; i++)
        {
          ImapMail *mail = peer->box->mails->pdata[i];
          if (mail->modseq > since)
            imap_say (peer, "* %u FETCH (UID %u FLAGS (%s) MODSEQ (%" G_GUINT64_FORMAT "))\r\n", i + 1, mail->uid, mail->flags,
                      mail->modseq);
        }
    }
  imap_say (peer, "%s OK [READ-WRITE] selected\r\n", peer->tag);
}

static inline void
imap_say_mail (ImapPeer *peer, guint seq, const ImapMail *mail, const char *items)
{
  g_autoptr (GString) out = g_string_new (NULL);
  const char *header = strstr (items, "BODY.PEEK[HEADER.FIELDS"), *body_start = strstr (mail->text, "\r\n\r\n") + 4;

  g_string_append_printf (out, "* %u FETCH (UID %u", seq, mail->uid);
  if (strstr (items, "FLAGS"))
    g_string_append_printf (out, " FLAGS (%s)", mail->flags);
  if (strstr (items, "INTERNALDATE"))
    g_string_append (out, " INTERNALDATE \"14-Nov-2023 22:13:20 +0000\"");
  if (strstr (items, "RFC822.SIZE"))
    g_string_append_printf (out, " RFC822.SIZE %zu", strlen (mail->text));
  if (strstr (items, "MODSEQ") || strstr (items, "CHANGEDSINCE"))
    g_string_append_printf (out, " MODSEQ (%" G_GUINT64_FORMAT ")", mail->modseq);
  if (header)
    {
      const char *end = strchr (header, ']');
      g_string_append_printf (out, " BODY%.*s {%zu}\r\n%.*s", (int) (end + 1 - header - 9), header + 9, (gsize) (body_start - mail->text),
                              (int) (body_start - mail->text), mail->text);
    }
  if (strstr (items, "BODY.PEEK[]"))
    g_string_append_printf (out, " BODY[] {%zu}\r\n%s", strlen (mail->text), mail->text);
  imap_say (peer, "%s)\r\n", out->str);
}

static inline void
imap_fetch (ImapPeer *peer, gboolean by_uid)
{
  const char *p = peer->rest;
  g_autofree char *set = imap_word (&p);
  const char *since_text = strstr (p, "CHANGEDSINCE ");
  guint64 since = since_text ? g_ascii_strtoull (since_text + 13, NULL, 10) : 0;
  guint n = peer->box->mails->len;
  guint32 last = n == 0 ? 0 : by_uid ? ((ImapMail *) peer->box->mails->pdata[n - 1])->uid : n;

  for (guint i = 0; i < n; i++)
    {
      ImapMail *mail = peer->box->mails->pdata[i];
      if (imap_in_set (set, by_uid ? mail->uid : i + 1, last) && mail->modseq > since)
        imap_say_mail (peer, i + 1, mail, p);
    }
}

static inline void
imap_search (ImapPeer *peer)
{
  g_autoptr (GString) out = g_string_new ("* SEARCH");
  const char *set = strstr (peer->rest, "UID "), *header = strstr (peer->rest, "HEADER Message-ID \"");
  g_autofree char *range = set ? g_strndup (set + 4, strcspn (set + 4, " ")) : NULL;
  g_autofree char *id = header ? g_strndup (header + 19, strcspn (header + 19, "\"")) : NULL;

  for (guint i = 0; i < peer->box->mails->len; i++)
    {
      ImapMail *mail = peer->box->mails->pdata[i];
      if ((!range || imap_in_set (range, mail->uid, G_MAXUINT32)) && (!id || strstr (mail->text, id)))
        g_string_append_printf (out, " %u", mail->uid);
    }
  imap_say (peer, "%s\r\n", out->str);
}

static inline void
imap_store (ImapPeer *peer)
{
  const char *p = peer->rest;
  g_autofree char *set = imap_word (&p), *verb = imap_word (&p);
  g_autofree char *words = g_strndup (p + 1, strcspn (p + 1, ")"));
  g_auto (GStrv) flags = g_strsplit (words, " ", -1);

  for (guint i = 0; i < peer->box->mails->len; i++)
    {
      ImapMail *mail = peer->box->mails->pdata[i];
      if (!imap_in_set (set, mail->uid, G_MAXUINT32))
        continue;
      g_auto (GStrv) old = g_strsplit (mail->flags, " ", -1);
      g_autoptr (GPtrArray) now = g_ptr_array_new ();
      for (guint f = 0; old[f]; f++)
        if (*old[f] && !g_strv_contains ((const char *const *) flags, old[f]))
          g_ptr_array_add (now, old[f]);
      for (guint f = 0; *verb == '+' && flags[f]; f++)
        g_ptr_array_add (now, flags[f]);
      g_ptr_array_add (now, NULL);
      g_free (mail->flags);
      mail->flags = g_strjoinv (" ", (char **) now->pdata);
      mail->modseq = ++peer->box->modseq;
    }
  peer->seen_modseq = peer->box->modseq;
}

static inline void
imap_expunge (ImapPeer *peer, const char *set)
{
  for (guint i = peer->box->mails->len; i-- > 0;)
    {
      ImapMail *mail = peer->box->mails->pdata[i];
      if (imap_in_set (set, mail->uid, G_MAXUINT32) && strstr (mail->flags, "\\Deleted"))
        imap_drop_mail (peer->box, i);
    }
}

/* RET_CODE: "[COPYUID ...] " or "". FALSE: the target is missing. */
static inline gboolean
imap_copy (ImapPeer *peer, gboolean move, char **ret_code)
{
  const char *p = peer->rest;
  g_autofree char *set = imap_word (&p), *name = imap_word (&p);
  g_autoptr (GString) from = g_string_new (NULL), to = g_string_new (NULL);
  ImapBox *target = imap_box (peer->server, name);

  if (!target)
    return FALSE;
  for (guint i = 0; i < peer->box->mails->len; i++)
    {
      ImapMail *mail = peer->box->mails->pdata[i];
      if (!imap_in_set (set, mail->uid, G_MAXUINT32))
        continue;
      g_string_append_printf (from, "%s%u", from->len ? "," : "", mail->uid);
      g_string_append_printf (to, "%s%u", to->len ? "," : "", imap_put (target, mail->text, mail->flags));
      if (move)
        imap_drop_mail (peer->box, i--);
    }
  *ret_code = from->len && strstr (peer->server->caps, "UIDPLUS")
                  ? g_strdup_printf ("[COPYUID %u %s %s] ", target->uidvalidity, from->str, to->str)
                  : g_strdup ("");
  return TRUE;
}

static inline void
imap_status (ImapPeer *peer, const ImapBox *box)
{
  guint unseen = 0;

  for (guint i = 0; i < box->mails->len; i++)
    unseen += !strstr (((ImapMail *) box->mails->pdata[i])->flags, "\\Seen");
  imap_say (peer, "* STATUS \"%s\" (MESSAGES %u UIDNEXT %u UIDVALIDITY %u UNSEEN %u", box->name, box->mails->len, box->uidnext,
            box->uidvalidity, unseen);
  if (strstr (peer->server->caps, "CONDSTORE"))
    imap_say (peer, " HIGHESTMODSEQ %" G_GUINT64_FORMAT, box->modseq);
  imap_say (peer, ")\r\n");
}

/* The literal that ends the line has been read into TEXT. */
static inline void
imap_append (ImapPeer *peer, const char *text)
{
  const char *p = peer->rest;
  g_autofree char *name = imap_word (&p);
  g_autofree char *flags = *p == '(' ? g_strndup (p + 1, strcspn (p + 1, ")")) : g_strdup ("");
  ImapBox *box = imap_box (peer->server, name);

  if (!box)
    {
      imap_say (peer, "%s NO [TRYCREATE] no such folder\r\n", peer->tag);
      return;
    }
  guint32 uid = imap_put (box, text, flags);
  if (peer->server->cut == CUT_AFTER && g_strcmp0 (peer->server->cut_verb, "APPEND") == 0)
    return;
  if (peer->box)
    imap_tell_changes (peer);
  if (strstr (peer->server->caps, "UIDPLUS"))
    imap_say (peer, "%s OK [APPENDUID %u %u] in\r\n", peer->tag, box->uidvalidity, uid);
  else
    imap_say (peer, "%s OK in\r\n", peer->tag);
}

/* The rule for this command, if there is one; used up. Locked. */
static inline ImapCut
imap_rule (ImapPeer *peer)
{
  ImapServer *server = peer->server;

  return server->cut_verb && strcmp (server->cut_verb, peer->verb) == 0 ? server->cut : CUT_NEVER;
}

static inline void
imap_rule_used (ImapPeer *peer)
{
  g_clear_pointer (&peer->server->cut_verb, g_free);
  peer->server->cut = CUT_NEVER;
}

/* Locked. */
static inline void
imap_run_selected (ImapPeer *peer, gboolean cut)
{
  g_autofree char *code = g_strdup ("");
  gboolean good = TRUE;

  if (!peer->box)
    {
      imap_say (peer, "%s BAD nothing selected\r\n", peer->tag);
      return;
    }
  if (g_str_has_suffix (peer->verb, "FETCH"))
    imap_fetch (peer, peer->verb[0] == 'U');
  else if (g_str_equal (peer->verb, "UID SEARCH"))
    imap_search (peer);
  else if (g_str_equal (peer->verb, "UID STORE"))
    imap_store (peer);
  else if (g_str_equal (peer->verb, "UID EXPUNGE"))
    imap_expunge (peer, peer->rest);
  else if (g_str_equal (peer->verb, "UID COPY") || g_str_equal (peer->verb, "UID MOVE"))
    {
      g_free (g_steal_pointer (&code));
      good = imap_copy (peer, peer->verb[4] == 'M', &code);
    }
  if (cut)
    return;
  if (peer->verb[0] == 'U')
    imap_tell_changes (peer);
  if (good)
    imap_say (peer, "%s OK %sdone\r\n", peer->tag, code);
  else
    imap_say (peer, "%s NO [TRYCREATE] no such folder\r\n", peer->tag);
}

/* Locked. */
static inline void
imap_run_plain (ImapPeer *peer)
{
  ImapServer *server = peer->server;
  const char *p = peer->rest;

  if (g_str_equal (peer->verb, "SELECT") || g_str_equal (peer->verb, "EXAMINE"))
    {
      imap_select (peer);
      return;
    }
  if (g_str_equal (peer->verb, "LIST"))
    for (guint i = 0; i < server->boxes->len; i++)
      imap_say (peer, "* LIST () \"/\" \"%s\"\r\n", ((ImapBox *) server->boxes->pdata[i])->name);
  else if (g_str_equal (peer->verb, "STATUS"))
    {
      g_autofree char *name = imap_word (&p);
      if (imap_box (server, name))
        imap_status (peer, imap_box (server, name));
    }
  else if (g_str_equal (peer->verb, "CREATE"))
    {
      g_autofree char *name = imap_word (&p);
      if (!imap_box (server, name))
        imap_make_box (server, name);
    }
  else if (g_str_equal (peer->verb, "ENABLE"))
    {
      peer->qresync = strstr (peer->rest, "QRESYNC") != NULL;
      imap_say (peer, "* ENABLED %s\r\n", peer->rest);
    }
  else if (g_str_equal (peer->verb, "UNSELECT"))
    peer->box = NULL;
  else if (g_str_equal (peer->verb, "CAPABILITY"))
    imap_say (peer, "* CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN %s\r\n", server->caps);
  imap_tell_changes (peer);
  imap_say (peer, "%s OK done\r\n", peer->tag);
}

static inline void
imap_sign_in (ImapPeer *peer)
{
  const char *p = peer->rest;
  g_autofree G_GNUC_UNUSED char *mechanism = imap_word (&p);
  gsize size;
  g_autofree guchar *bytes = g_base64_decode (p, &size);
  g_autofree char *wanted = g_strconcat (peer->server->password, NULL);
  gsize length = strlen (wanted);

  pthread_mutex_lock (&peer->server->mutex);
  peer->server->sign_ins++;
  pthread_mutex_unlock (&peer->server->mutex);
  if (size < length || memcmp (bytes + size - length, wanted, length) != 0)
    imap_say (peer, "%s NO [AUTHENTICATIONFAILED] wrong password\r\n", peer->tag);
  else
    imap_say (peer, "%s OK [CAPABILITY IMAP4rev1 %s] in\r\n", peer->tag, peer->server->caps);
}

static inline gboolean
imap_idle (ImapPeer *peer)
{
  gboolean good = TRUE;

  imap_say (peer, "+ idling\r\n");
  pthread_mutex_lock (&peer->server->mutex);
  g_atomic_int_inc (&peer->server->idling);
  pthread_mutex_unlock (&peer->server->mutex);
  char *line = NULL;
  while (good && !(line = imap_take_line (peer)))
    {
      pthread_mutex_lock (&peer->server->mutex);
      imap_tell_changes (peer);
      pthread_mutex_unlock (&peer->server->mutex);
      good = imap_more (peer, 5);
    }
  g_free (line);
  pthread_mutex_lock (&peer->server->mutex);
  g_atomic_int_add (&peer->server->idling, -1);
  pthread_mutex_unlock (&peer->server->mutex);
  imap_say (peer, "%s OK done\r\n", peer->tag);
  return good;
}

static inline char *
imap_literal (ImapPeer *peer)
{
  const char *brace = strrchr (peer->rest, '{');
  gsize size = brace ? g_ascii_strtoull (brace + 1, NULL, 10) : 0;

  if (!strchr (brace ? brace : "", '+'))
    imap_say (peer, "+ go on\r\n");
  while (peer->in->len < size + 2)
    if (!imap_more (peer, -1))
      return NULL;
  char *text = g_strndup (peer->in->str, size);
  g_string_erase (peer->in, 0, size + 2);
  return text;
}

/* FALSE: the connection ends. */
static inline gboolean
imap_command (ImapPeer *peer)
{
  ImapServer *server = peer->server;
  g_autofree char *text = NULL;
  gboolean good = TRUE;

  if (g_str_equal (peer->verb, "AUTHENTICATE"))
    imap_sign_in (peer);
  else if (g_str_equal (peer->verb, "IDLE"))
    return imap_idle (peer);
  else if (g_str_equal (peer->verb, "LOGOUT"))
    return FALSE;
  else if (g_str_equal (peer->verb, "APPEND") && !(text = imap_literal (peer)))
    return FALSE;
  if (g_str_equal (peer->verb, "AUTHENTICATE"))
    return TRUE;
  pthread_mutex_lock (&server->mutex);
  ImapCut rule = imap_rule (peer);
  if (rule == CUT_REFUSE)
    imap_say (peer, "%s NO not today\r\n", peer->tag);
  else if (rule == CUT_NEVER || rule == CUT_AFTER)
    {
      if (text)
        imap_append (peer, text);
      else if (g_str_has_prefix (peer->verb, "UID ") || g_str_equal (peer->verb, "FETCH"))
        imap_run_selected (peer, rule == CUT_AFTER);
      else
        imap_run_plain (peer);
    }
  if (rule != CUT_NEVER)
    {
      good = rule == CUT_REFUSE || rule == CUT_HANG;
      if (rule != CUT_HANG)
        imap_rule_used (peer);
    }
  pthread_mutex_unlock (&server->mutex);
  return good;
}

static inline void
imap_serve (gpointer data)
{
  ImapPeer *peer = data;
  char *line;
  gboolean good = TRUE;

  imap_say (peer, "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN %s] ready\r\n", peer->server->caps);
  while (good && (line = imap_read_line (peer)))
    {
      const char *p = line;
      pthread_mutex_lock (&peer->server->mutex);
      g_string_append_printf (peer->server->log, "%s\n", line);
      pthread_mutex_unlock (&peer->server->mutex);
      peer->tag = imap_word (&p);
      peer->verb = imap_word (&p);
      if (g_str_equal (peer->verb, "UID"))
        {
          g_autofree char *second = imap_word (&p), *first = peer->verb;
          peer->verb = g_strconcat (first, " ", second, NULL);
        }
      peer->rest = g_strdup (p);
      good = imap_command (peer);
      g_clear_pointer (&peer->tag, g_free);
      g_clear_pointer (&peer->verb, g_free);
      g_clear_pointer (&peer->rest, g_free);
      g_free (line);
    }
  pthread_mutex_lock (&peer->server->mutex);
  for (guint i = 0; i < peer->server->fds->len; i++)
    if (g_array_index (peer->server->fds, int, i) == peer->fd)
      g_array_remove_index (peer->server->fds, i--);
  close (peer->fd);
  pthread_mutex_unlock (&peer->server->mutex);
  g_string_free (peer->in, TRUE);
  g_array_unref (peer->known);
  g_free (peer);
}

static inline void
imap_accept (gpointer data)
{
  ImapServer *server = data;
  int fd, on = 1;

  while ((fd = accept (server->listener, NULL, NULL)) >= 0)
    {
      pthread_mutex_lock (&server->mutex);
      if (server->stopping || server->deaf)
        close (fd);
      else
        {
          ImapPeer *peer = g_new0 (ImapPeer, 1);
          setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
          peer->server = server;
          peer->fd = fd;
          peer->in = g_string_new (NULL);
          peer->known = g_array_new (FALSE, FALSE, sizeof (guint32));
          g_array_append_val (server->fds, fd);
          g_ptr_array_add (server->threads, fm_thread_start ("imap-server", imap_serve, peer));
        }
      pthread_mutex_unlock (&server->mutex);
    }
}

static inline void
imap_start (ImapServer *server, const char *caps)
{
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  socklen_t size = sizeof address;

  *server = (ImapServer){ .caps = caps,
                          .password = "secret",
                          .log = g_string_new (NULL),
                          .boxes = g_ptr_array_new (),
                          .fds = g_array_new (FALSE, FALSE, sizeof (int)),
                          .threads = g_ptr_array_new () };
  pthread_mutex_init (&server->mutex, NULL);
  imap_make_box (server, "INBOX");
  imap_make_box (server, "Work");
  server->listener = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  g_assert (bind (server->listener, (struct sockaddr *) &address, sizeof address) == 0 && listen (server->listener, 16) == 0);
  g_assert (getsockname (server->listener, (struct sockaddr *) &address, &size) == 0);
  server->port = ntohs (address.sin_port);
  server->acceptor = fm_thread_start ("imap-accept", imap_accept, server);
}

/* Whether the rule set by imap_cut_next has been followed. */
static inline gboolean
imap_was_cut (ImapServer *server)
{
  pthread_mutex_lock (&server->mutex);
  gboolean is_used = server->cut_verb == NULL;
  pthread_mutex_unlock (&server->mutex);
  return is_used;
}

static inline void
imap_set_deaf (ImapServer *server, gboolean deaf)
{
  pthread_mutex_lock (&server->mutex);
  server->deaf = deaf;
  pthread_mutex_unlock (&server->mutex);
}

/* Every connection is cut now. */
static inline void
imap_hang_up (ImapServer *server, gboolean deaf)
{
  pthread_mutex_lock (&server->mutex);
  server->deaf = deaf;
  for (guint i = 0; i < server->fds->len; i++)
    shutdown (g_array_index (server->fds, int, i), SHUT_RDWR);
  pthread_mutex_unlock (&server->mutex);
}

static inline void
imap_stop (ImapServer *server)
{
  imap_hang_up (server, TRUE);
  shutdown (server->listener, SHUT_RDWR);
  fm_thread_join (server->acceptor);
  close (server->listener);
  for (guint i = 0; i < server->threads->len; i++)
    fm_thread_join (server->threads->pdata[i]);
  g_ptr_array_unref (server->threads);
  g_array_unref (server->fds);
  for (guint i = 0; i < server->boxes->len; i++)
    {
      ImapBox *box = server->boxes->pdata[i];
      while (box->mails->len > 0)
        imap_drop_mail (box, 0);
      g_ptr_array_unref (box->mails);
      g_array_unref (box->gone);
      g_free (box->name);
      g_free (box);
    }
  g_ptr_array_unref (server->boxes);
  g_string_free (server->log, TRUE);
  g_free (server->cut_verb);
  pthread_mutex_destroy (&server->mutex);
}

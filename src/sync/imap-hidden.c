/* Messages that this program has marked \Deleted on a server without UIDPLUS, where nothing but everybody's deleted mail could be expunged: to the
 * user they are gone. Their UIDs are kept until the server has taken them; while one carries \Deleted it makes no row. What another program has
 * marked \Deleted is shown, with its flag. */
#include "sync/imap-hidden.h"
#include <stdlib.h>
#include <string.h>

#define MAX_RANGES 100000

static char *
key_of (gint64 folder_id)
{
  return g_strdup_printf ("hidden.%" G_GINT64_FORMAT, folder_id);
}

gboolean
fm_imap_hidden_has (const GArray *hidden, guint32 uid)
{
  for (guint i = 0; hidden && i < hidden->len; i++)
    if (g_array_index (hidden, FmImapRange, i).first <= uid && uid <= g_array_index (hidden, FmImapRange, i).last)
      return TRUE;
  return FALSE;
}

guint
fm_imap_hidden_count (const GArray *hidden)
{
  guint n = 0;

  for (guint i = 0; i < hidden->len; i++)
    n += g_array_index (hidden, FmImapRange, i).last - g_array_index (hidden, FmImapRange, i).first + 1;
  return n;
}

/* "UIDVALIDITY FIRST:LAST FIRST:LAST ..." */
GArray *
fm_imap_hidden_read (FmStoreReader *reader, gint64 folder_id, guint32 uidvalidity)
{
  GArray *hidden = g_array_new (FALSE, FALSE, sizeof (FmImapRange));
  g_autofree char *key = key_of (folder_id);
  g_autofree char *text = fm_db_meta_get (reader, key, NULL);
  g_auto (GStrv) words = text ? g_strsplit (text, " ", MAX_RANGES + 1) : NULL;

  if (!words || !words[0] || strtoul (words[0], NULL, 10) != uidvalidity)
    return hidden;
  for (guint i = 1; words[i] && i <= MAX_RANGES; i++)
    {
      const char *colon = strchr (words[i], ':');
      FmImapRange range = { (guint32) strtoul (words[i], NULL, 10), colon ? (guint32) strtoul (colon + 1, NULL, 10) : 0 };
      if (range.first > 0 && range.first <= range.last)
        g_array_append_val (hidden, range);
    }
  return hidden;
}

typedef struct {
  gint64 folder_id;
  guint32 uidvalidity;
  const GArray *more;    /* to be added, or NULL */
  FmImapHiddenKeep keep; /* else which stay */
  gpointer data;
} Change;

static void
append_range (GString *text, const GArray *hidden, FmImapRange range)
{
  if (!fm_imap_hidden_has (hidden, range.first) || !fm_imap_hidden_has (hidden, range.last))
    g_string_append_printf (text, " %u:%u", range.first, range.last);
}

static gboolean
change_run (FmStoreWriter *writer, gpointer data, GError **error)
{
  const Change *change = data;
  g_autofree char *key = key_of (change->folder_id);
  g_autoptr (GArray) hidden = fm_imap_hidden_read (fm_db_writer_reader (writer), change->folder_id, change->uidvalidity);
  g_autoptr (GString) text = g_string_new (NULL);

  g_string_printf (text, "%u", change->uidvalidity);
  for (guint i = 0; i < hidden->len; i++)
    {
      FmImapRange range = g_array_index (hidden, FmImapRange, i);
      if (change->more)
        g_string_append_printf (text, " %u:%u", range.first, range.last);
      for (guint64 uid = range.first; !change->more && uid <= range.last; uid++)
        if (change->keep ((guint32) uid, change->data))
          g_string_append_printf (text, " %u:%u", (guint32) uid, (guint32) uid);
    }
  for (guint i = 0; change->more && i < change->more->len; i++)
    append_range (text, hidden, g_array_index (change->more, FmImapRange, i));
  return fm_db_meta_set (writer, key, text->str, error);
}

gboolean
fm_imap_hidden_add (FmImapConn *conn, gint64 folder_id, const GArray *ranges, GError **error)
{
  Change change = { .folder_id = folder_id, .uidvalidity = fm_imap_session_selected (conn->session)->uidvalidity, .more = ranges };

  return fm_pen_call (conn->worker->env->pen, FM_PEN_SAFE, change_run, &change, error);
}

gboolean
fm_imap_hidden_keep (FmImapConn *conn, gint64 folder_id, FmImapHiddenKeep keep, gpointer data, GError **error)
{
  Change change
      = { .folder_id = folder_id, .uidvalidity = fm_imap_session_selected (conn->session)->uidvalidity, .keep = keep, .data = data };

  return fm_pen_call (conn->worker->env->pen, FM_PEN_BULK, change_run, &change, error);
}

/* Gmail's messages. Which rows are one message is known by server_id within the account; an index holds those rows only, so that nothing here costs
 * other accounts anything. Labels are kept as one text for each message, its names in order, a line each; a system label begins with a backslash. */
#include "store/gmail-private.h"
#include <fulmar/mail/threads.h>
#include <string.h>

#define MAX_LABELS 500
#define MAX_LABEL_BYTES 1000

static gint64
account_of (FmStoreReader *reader, gint64 folder_id)
{
  return fm_sql_value (reader, 0, "SELECT account_id FROM folder WHERE id=?", "i", folder_id);
}

gboolean
fm_gmail_store_is_account (FmStoreReader *reader, gint64 account_id)
{
  return fm_sql_value (reader, 0, "SELECT 1 FROM gmail WHERE account_id=? LIMIT 1", "i", account_id) != 0;
}

void
fm_gmail_store_add_thread (FmStoreReader *reader, gint64 folder_id, guint64 server_thread, FmMessageHashes *hashes)
{
  g_autofree char *name = g_strdup_printf ("\002%" G_GINT64_FORMAT "\002%" G_GUINT64_FORMAT, account_of (reader, folder_id), server_thread);

  hashes->n = MIN (hashes->n, G_N_ELEMENTS (hashes->ancestors) - 1);
  hashes->ancestors[hashes->n++] = (gint64) fm_threads_hash_id (reader->store->key, name);
}

gint64
fm_gmail_store_blob (FmStoreReader *reader, gint64 folder_id, guint64 server_id)
{
  return fm_sql_value (reader, 0,
                       "SELECT m.blob_id FROM msg m JOIN folder f ON f.id=m.folder_id WHERE m.server_id=? AND m.blob_id IS NOT NULL"
                       " AND f.account_id=(SELECT account_id FROM folder WHERE id=?) LIMIT 1",
                       "ii", (gint64) server_id, folder_id);
}

GArray *
fm_gmail_store_others (FmStoreReader *reader, gint64 msg_id)
{
  g_auto (FmSql) q = { 0 };
  GArray *others = g_array_new (FALSE, FALSE, sizeof (gint64));

  if (fm_sql_query (
          &q, reader, NULL,
          "SELECT o.id FROM msg m JOIN folder f ON f.id=m.folder_id JOIN msg o ON o.server_id=m.server_id AND o.id<>m.id"
          " JOIN folder g ON g.id=o.folder_id AND g.account_id=f.account_id WHERE m.id=? AND m.server_id IS NOT NULL ORDER BY o.id",
          "i", msg_id))
    while (fm_sql_step (&q))
      {
        gint64 id = fm_sql_int (&q, 0);
        g_array_append_val (others, id);
      }
  return others;
}

typedef struct {
  guint index; /* in the result */
  int rank;    /* of what stands there */
} Shown;

/* The message that a row is of, and how well the row shows it, 0 best. NULL: not Gmail's. Transfer: full. */
static char *
message_of (FmStoreReader *reader, gint64 msg_id, int *ret_rank)
{
  g_auto (FmSql) q = { 0 };

  if (!fm_sql_query (
          &q, reader, NULL,
          "SELECT f.account_id, m.server_id, f.special FROM msg m JOIN folder f ON f.id=m.folder_id WHERE m.id=? AND m.server_id IS"
          " NOT NULL",
          "i", msg_id)
      || !fm_sql_step (&q))
    return NULL;
  FmSpecialUse special = (FmSpecialUse) fm_sql_int (&q, 2);
  *ret_rank = special == FM_SPECIAL_INBOX ? 0 : special == FM_SPECIAL_ALL ? 2 : 1;
  return g_strdup_printf ("%" G_GINT64_FORMAT " %" G_GINT64_FORMAT, fm_sql_int (&q, 0), fm_sql_int (&q, 1));
}

void
fm_gmail_store_once (FmStoreReader *reader, GArray *ids, GHashTable *told)
{
  g_autoptr (GHashTable) shown = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  guint kept = 0;

  if (fm_sql_value (reader, 0, "SELECT 1 FROM gmail LIMIT 1", "") == 0)
    return;
  for (guint i = 0; i < ids->len; i++)
    {
      gint64 id = g_array_index (ids, gint64, i);
      int rank = 0;
      g_autofree char *message = message_of (reader, id, &rank);
      Shown *before = message == NULL ? NULL : g_hash_table_lookup (shown, message);
      if (message != NULL && before == NULL && !g_hash_table_add (told, g_strdup (message)))
        continue;
      if (before != NULL && rank < before->rank)
        {
          g_array_index (ids, gint64, before->index) = id;
          before->rank = rank;
        }
      if (before != NULL)
        continue;
      if (message != NULL)
        g_hash_table_insert (shown, g_steal_pointer (&message), g_memdup2 (&(Shown){ kept, rank }, sizeof (Shown)));
      g_array_index (ids, gint64, kept++) = id;
    }
  g_array_set_size (ids, kept);
}

static gboolean
contains (const GArray *ids, gint64 id)
{
  for (guint i = 0; i < ids->len; i++)
    if (g_array_index (ids, gint64, i) == id)
      return TRUE;
  return FALSE;
}

void
fm_gmail_store_add_folders (FmStoreReader *reader, gint64 msg_id, GArray *ids)
{
  g_autoptr (GArray) others = fm_gmail_store_others (reader, msg_id);

  for (guint i = 0; i < others->len; i++)
    {
      gint64 folder_id = fm_sql_value (reader, 0, "SELECT folder_id FROM msg WHERE id=?", "i", g_array_index (others, gint64, i));
      if (!contains (ids, folder_id))
        g_array_append_val (ids, folder_id);
    }
}

gint64
fm_gmail_store_find (FmStoreReader *reader, gint64 folder_id, guint32 uid)
{
  return fm_sql_value (reader, 0,
                       "SELECT coalesce((SELECT o.id FROM msg o JOIN folder g ON g.id=o.folder_id WHERE o.server_id=m.server_id AND"
                       " g.account_id=f.account_id ORDER BY g.special=1 DESC, g.special=7, o.id LIMIT 1), m.id)"
                       " FROM msg m JOIN folder f ON f.id=m.folder_id WHERE m.folder_id=? AND m.uid=?",
                       "iu", folder_id, uid);
}

gint64
fm_gmail_store_row (FmStoreReader *reader, guint64 server_id, gint64 folder_id)
{
  return fm_sql_value (reader, 0, "SELECT id FROM msg WHERE server_id=? AND +folder_id=? LIMIT 1", "ii", (gint64) server_id, folder_id);
}

gint64
fm_gmail_store_special (FmStoreReader *reader, gint64 account_id, FmSpecialUse special)
{
  return fm_sql_value (reader, 0,
                       "SELECT id FROM folder WHERE account_id=? AND special=? AND selectable AND NOT hidden ORDER BY id LIMIT 1", "id",
                       account_id, (int) special);
}

gboolean
fm_gmail_store_share_blob (FmStoreWriter *writer, gint64 msg_id, gint64 blob_id, GError **error)
{
  FmStoreReader *r = &writer->reader;

  if (fm_sql_value (r, 0, "SELECT 1 FROM msg WHERE id=? AND server_id IS NOT NULL", "i", msg_id) == 0)
    return TRUE;
  g_autoptr (GArray) others = fm_gmail_store_others (r, msg_id);
  for (guint i = 0; i < others->len; i++)
    if (!fm_sql_exec (r, error, "UPDATE msg SET blob_id=? WHERE id=? AND blob_id IS NULL", "ii", blob_id,
                      g_array_index (others, gint64, i)))
      return FALSE;
  return TRUE;
}

gboolean
fm_gmail_store_met (FmStoreWriter *writer, gint64 msg_id, gint64 folder_id, const FmMessageInput *input, GError **error)
{
  FmStoreReader *r = &writer->reader;
  gint64 blob = fm_gmail_store_blob (r, folder_id, input->server_id);

  return fm_sql_exec (r, error, "UPDATE msg SET server_id=?1 WHERE id=?2 AND server_id IS NOT ?1", "ii", (gint64) input->server_id, msg_id)
         && (blob == 0 || fm_sql_exec (r, error, "UPDATE msg SET blob_id=? WHERE id=? AND blob_id IS NULL", "ii", blob, msg_id))
         && (input->labels == NULL || fm_gmail_store_put_labels (writer, folder_id, input->server_id, input->labels, NULL, error));
}

/* --- rows after others --- */

guint64
fm_gmail_store_count (FmStoreReader *reader, gint64 account_id)
{
  return (guint64) fm_sql_value (reader, 0, "SELECT count(*) FROM gmail WHERE account_id=?", "i", account_id);
}

/* 0: none, or the folder has to do with it already. */
static gint64
find_model (FmStoreReader *r, gint64 folder_id, const FmMessageInput *input)
{
  if (fm_sql_value (r, 0, "SELECT 1 FROM msg WHERE folder_id=? AND uid=?", "iu", folder_id, input->uid) != 0
      || fm_sql_value (r, 0, "SELECT 1 FROM op WHERE folder_id=? AND uid=? AND state<3", "iu", folder_id, input->uid) != 0
      || fm_gmail_store_row (r, input->server_id, folder_id) != 0)
    return 0;
  return fm_sql_value (r, 0,
                       "SELECT m.id FROM msg m JOIN folder f ON f.id=m.folder_id WHERE m.server_id=? AND m.uid IS NOT NULL"
                       " AND f.account_id=(SELECT account_id FROM folder WHERE id=?) LIMIT 1",
                       "ii", (gint64) input->server_id, folder_id);
}

static gboolean
count_clone (FmStoreReader *r, gint64 id, GError **error)
{
  g_auto (FmSql) q = { 0 };
  g_autoptr (GArray) added = g_array_new (FALSE, FALSE, sizeof (FmMessageAdded));

  if (!fm_sql_query (&q, r, error, "SELECT folder_id, thread_id, date, flags, blob_id FROM msg WHERE id=?", "i", id) || !fm_sql_step (&q))
    return FALSE;
  FmMessageAdded one = { fm_sql_int (&q, 1), fm_sql_int (&q, 2), 1, (fm_sql_int (&q, 3) & FM_FLAG_SEEN) == 0 };
  g_array_append_val (added, one);
  return fm_message_count_blob (r, fm_sql_int (&q, 4), error) && fm_message_count_added (r, fm_sql_int (&q, 0), added, id, error);
}

gboolean
fm_gmail_store_clone (FmStoreWriter *writer, gint64 folder_id, const FmMessageInput *input, gboolean *ret_done, GError **error)
{
  FmStoreReader *r = &writer->reader;
  FmMessageFlags word = { input->uid, input->flags, input->keywords, input->modseq, TRUE, NULL };
  gint64 model = find_model (r, folder_id, input);
  gboolean changed;

  *ret_done = model != 0;
  if (model == 0)
    return TRUE;
  if (!fm_sql_exec (
          r, error,
          "INSERT INTO msg(folder_id, uid, flags, sflags, idate, date, size, natt, thread_id, mid, blob_id, server_id, from_disp,"
          " subject, msgid) SELECT ?, ?, sflags | (flags & 512), sflags, idate, date, size, natt, thread_id, mid, blob_id, server_id,"
          " from_disp, subject, msgid FROM msg WHERE id=?",
          "iui", folder_id, input->uid, model))
    return FALSE;
  gint64 id = fm_sql_value (r, 0, "SELECT seq FROM sqlite_sequence WHERE name='msg'", "");
  return fm_sql_exec (r, error, "INSERT INTO hdr SELECT ?, from_full, to_disp, to_full, cc_full, anc FROM hdr WHERE msg_id=?", "ii", id,
                      model)
         && count_clone (r, id, error) && fm_message_merge_server (writer, id, &word, &changed, error);
}

/* --- labels --- */

/* What Gmail calls a folder among X-GM-LABELS, and what its label is called here. Those of the first group are no labels. */
static const struct {
  FmSpecialUse special;
  const char *label, *shown;
} system_labels[] = {
  { FM_SPECIAL_ALL, NULL, NULL },
  { FM_SPECIAL_TRASH, NULL, NULL },
  { FM_SPECIAL_JUNK, NULL, NULL },
  { FM_SPECIAL_FLAGGED, "\\Starred", NULL },
  { FM_SPECIAL_INBOX, "\\Inbox", "Inbox" },
  { FM_SPECIAL_SENT, "\\Sent", "Sent" },
  { FM_SPECIAL_DRAFTS, "\\Draft", "Drafts" },
  { FM_SPECIAL_IMPORTANT, "\\Important", "Important" },
};

static gsize
find_system (FmSpecialUse special)
{
  gsize i = 0;

  while (i < G_N_ELEMENTS (system_labels) && system_labels[i].special != special)
    i++;
  return i;
}

/* The label of a folder; NULL: it is none. */
static const char *
label_of (const char *name, FmSpecialUse special)
{
  gsize i = find_system (special);

  if (i == G_N_ELEMENTS (system_labels))
    return name;
  return system_labels[i].shown != NULL ? system_labels[i].label : NULL;
}

/* NULL: it is not shown as a label. */
static const char *
shown_name (const char *name, FmSpecialUse special)
{
  gsize i = find_system (special);

  return i == G_N_ELEMENTS (system_labels) ? name : system_labels[i].shown;
}

static gboolean
is_sane (const char *label)
{
  if (*label == '\0' || strlen (label) > MAX_LABEL_BYTES || g_ascii_strcasecmp (label, "\\Starred") == 0 || strcmp (label, "NIL") == 0)
    return FALSE;
  for (const char *p = label; *p != '\0'; p++)
    if (g_ascii_iscntrl (*p))
      return FALSE;
  return TRUE;
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* All of LABELS and OWN (or NULL), each once, in order, a line each. */
static char *
join_labels (const char *const *labels, const char *own)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  GString *text = g_string_new (NULL);

  if (own != NULL && is_sane (own))
    g_ptr_array_add (names, (gpointer) own);
  for (guint i = 0; labels[i] != NULL && i < MAX_LABELS; i++)
    if (is_sane (labels[i]))
      g_ptr_array_add (names, (gpointer) labels[i]);
  g_ptr_array_sort (names, compare_names);
  for (guint i = 0; i < names->len; i++)
    if (i == 0 || strcmp (names->pdata[i], names->pdata[i - 1]) != 0)
      g_string_append_printf (text, "%s%s", text->len > 0 ? "\n" : "", (const char *) names->pdata[i]);
  return g_string_free (text, FALSE);
}

/* Transfer: full; NULL: none are known. */
static char *
told_labels (FmStoreReader *reader, gint64 account_id, guint64 server_id)
{
  g_auto (FmSql) q = { 0 };

  if (!fm_sql_query (&q, reader, NULL, "SELECT labels FROM gmail WHERE account_id=? AND server_id=?", "ii", account_id, (gint64) server_id)
      || !fm_sql_step (&q))
    return NULL;
  return g_strdup (fm_sql_text (&q, 0));
}

gboolean
fm_gmail_store_put_labels (FmStoreWriter *writer, gint64 folder_id, guint64 server_id, const char *const *labels, gboolean *ret_changed,
                           GError **error)
{
  FmStoreReader *r = &writer->reader;
  g_autoptr (FmFolderInfo) folder = fm_folder_store_get (r, folder_id, NULL);

  if (folder == NULL)
    return TRUE;
  g_autofree char *text = join_labels (labels, label_of (folder->name, folder->special));
  g_autofree char *known = told_labels (r, folder->account_id, server_id);
  if (g_strcmp0 (text, known) == 0)
    return TRUE;
  if (ret_changed != NULL)
    *ret_changed = TRUE;
  return fm_sql_exec (r, error, "INSERT OR REPLACE INTO gmail VALUES(?,?,?)", "iis", folder->account_id, (gint64) server_id, text);
}

gboolean
fm_gmail_store_relabel (FmStoreWriter *writer, gint64 msg_id, gint64 folder_id, const char *const *labels, gboolean *ret_changed,
                        GError **error)
{
  gint64 server_id = fm_sql_value (&writer->reader, 0, "SELECT server_id FROM msg WHERE id=? AND folder_id=?", "ii", msg_id, folder_id);

  return server_id == 0 || fm_gmail_store_put_labels (writer, folder_id, (guint64) server_id, labels, ret_changed, error);
}

/* A label that no row tells of: it has no folder here, or one that has not been read to its end. NULL: rows tell. */
static const char *
unseen_label (FmStoreReader *reader, gint64 account_id, gint64 own_folder, const char *label)
{
  FmSpecialUse special = FM_SPECIAL_NONE;
  g_auto (FmSql) q = { 0 };

  for (gsize i = 0; i < G_N_ELEMENTS (system_labels); i++)
    if (system_labels[i].shown != NULL && g_ascii_strncasecmp (label, system_labels[i].label, strlen (system_labels[i].label)) == 0)
      special = system_labels[i].special;
  if (!fm_sql_query (&q, reader, NULL,
                     "SELECT id, lowest_uid FROM folder WHERE account_id=?1 AND selectable AND (special=?2 AND ?2<>0 OR"
                     " name=?3 AND ?2=0) LIMIT 1",
                     "ids", account_id, (int) special, label))
    return NULL;
  if (fm_sql_step (&q) && (fm_sql_int (&q, 0) == own_folder || fm_sql_int (&q, 1) == 1))
    return NULL;
  return special != FM_SPECIAL_NONE ? shown_name (NULL, special) : label + (*label == '\\');
}

static void
add_once (GPtrArray *names, const char *name)
{
  for (guint i = 0; name != NULL && i < names->len; i++)
    if (strcmp (names->pdata[i], name) == 0)
      return;
  if (name != NULL)
    g_ptr_array_add (names, g_strdup (name));
}

static void
add_folders (GPtrArray *names, FmStoreReader *reader, gint64 msg_id, gint64 account_id, guint64 server_id)
{
  g_auto (FmSql) q = { 0 };

  if (fm_sql_query (
          &q, reader, NULL,
          "SELECT f.name, f.special FROM msg m JOIN folder f ON f.id=m.folder_id WHERE m.server_id=? AND f.account_id=? AND m.id<>?", "iii",
          (gint64) server_id, account_id, msg_id))
    while (fm_sql_step (&q))
      add_once (names, shown_name (fm_sql_text (&q, 0), (FmSpecialUse) fm_sql_int (&q, 1)));
}

static void
add_unseen (GPtrArray *names, FmStoreReader *reader, gint64 own_folder, gint64 account_id, guint64 server_id)
{
  g_autofree char *told = told_labels (reader, account_id, server_id);
  g_auto (GStrv) labels = told == NULL ? NULL : g_strsplit (told, "\n", -1);

  for (guint i = 0; labels != NULL && labels[i] != NULL; i++)
    if (*labels[i] != '\0')
      add_once (names, unseen_label (reader, account_id, own_folder, labels[i]));
}

char **
fm_gmail_store_labels (FmStoreReader *reader, gint64 msg_id, gboolean with_own)
{
  g_auto (FmSql) q = { 0 };
  g_autoptr (GPtrArray) names = NULL;

  if (!fm_sql_query (&q, reader, NULL,
                     "SELECT m.server_id, m.folder_id, f.account_id, f.special FROM msg m JOIN folder f ON f.id=m.folder_id"
                     " WHERE m.id=? AND m.server_id IS NOT NULL",
                     "i", msg_id)
      || !fm_sql_step (&q))
    return NULL;
  guint64 server_id = (guint64) fm_sql_int (&q, 0);
  gint64 folder_id = fm_sql_int (&q, 1), account_id = fm_sql_int (&q, 2), special = fm_sql_int (&q, 3);
  names = g_ptr_array_new ();
  add_folders (names, reader, with_own ? 0 : msg_id, account_id, server_id);
  if (special != FM_SPECIAL_TRASH && special != FM_SPECIAL_JUNK)
    add_unseen (names, reader, folder_id, account_id, server_id);
  if (names->len == 0)
    return NULL;
  g_ptr_array_sort (names, compare_names);
  g_ptr_array_add (names, NULL);
  return (char **) g_ptr_array_free (g_steal_pointer (&names), FALSE);
}

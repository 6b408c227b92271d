/* What is shown of a row's flags is never stored by hand: it is the server's truth with the live operations applied in order. This file is
 * the one place that computes it, so an answer that crosses an operation on the wire can't lose or repeat either. */
#include "store/gmail-private.h"
#include <string.h>

#define KW_SERVER 1
#define KW_SHOWN 2
#define KW_LOCAL 4 /* the folder takes no keywords: the tag is this machine's, and no word of the server takes it off */

gint64
fm_message_merge_keyword_id (FmStoreWriter *writer, const char *name, GError **error)
{
  FmStoreReader *r = &writer->reader;
  gint64 id = fm_sql_value (r, 0, "SELECT id FROM keyword WHERE name=?", "s", name);

  if (id != 0)
    return id;
  if (!fm_sql_exec (r, error, "INSERT INTO keyword(name) VALUES(?)", "s", name))
    return 0;
  return sqlite3_last_insert_rowid (r->db);
}

/* Sets and clears BITS for a blank-separated list. */
static gboolean
change_list (FmStoreWriter *writer, gint64 msg_id, const char *list, int set, int clear, gboolean *changed, GError **error)
{
  g_auto (GStrv) names = g_strsplit (list, " ", -1);

  for (guint i = 0; names[i] != NULL; i++)
    {
      if (names[i][0] == '\0')
        continue;
      gint64 id = fm_message_merge_keyword_id (writer, names[i], error);
      if (id == 0)
        return FALSE;
      if (set != 0
          && !fm_sql_exec (&writer->reader, error,
                           "INSERT INTO msg_kw VALUES(?1,?2,?3) ON CONFLICT DO UPDATE SET bits = bits | ?3 WHERE bits & ?3 <> ?3", "iid",
                           msg_id, id, set))
        return FALSE;
      if (clear != 0
          && !fm_sql_exec (&writer->reader, error, "UPDATE msg_kw SET bits = bits & ~?3 WHERE msg_id=?1 AND kw_id=?2 AND bits & ?3 <> 0",
                           "iid", msg_id, id, clear))
        return FALSE;
      if (changed != NULL && fm_sql_changes (&writer->reader) > 0)
        *changed = TRUE;
    }
  return TRUE;
}

typedef struct {
  guint add, remove;
  char *kw_add, *kw_del;
} Delta;

static void
delta_clear (gpointer item)
{
  Delta *delta = item;
  g_free (delta->kw_add);
  g_free (delta->kw_del);
}

static GArray *
live_deltas (FmStoreReader *r, gint64 msg_id, GError **error)
{
  g_auto (FmSql) q = { 0 };
  g_autoptr (GArray) deltas = g_array_new (FALSE, TRUE, sizeof (Delta));

  g_array_set_clear_func (deltas, delta_clear);
  if (!fm_sql_query (&q, r, error, "SELECT add_flags, del_flags, kw_add, kw_del FROM op WHERE msg_id=? AND state<3 AND kind=0 ORDER BY id",
                     "i", msg_id))
    return NULL;
  while (fm_sql_step (&q))
    {
      Delta delta
          = { (guint) fm_sql_int (&q, 0), (guint) fm_sql_int (&q, 1), g_strdup (fm_sql_text (&q, 2)), g_strdup (fm_sql_text (&q, 3)) };
      g_array_append_val (deltas, delta);
    }
  return fm_sql_end (&q, error) ? g_steal_pointer (&deltas) : NULL;
}

gboolean
fm_message_merge_show (FmStoreWriter *writer, gint64 msg_id, gboolean *ret_changed, GError **error)
{
  FmStoreReader *r = &writer->reader;
  g_autoptr (GArray) deltas = live_deltas (r, msg_id, error);
  gboolean changed = FALSE;
  gint64 truth = fm_sql_value (r, -1, "SELECT sflags FROM msg WHERE id=?", "i", msg_id);

  if (deltas == NULL)
    return FALSE;
  if (truth < 0)
    return TRUE;
  guint flags = (guint) truth;
  for (guint i = 0; i < deltas->len; i++)
    {
      const Delta *delta = &g_array_index (deltas, Delta, i);
      flags = (flags & ~delta->remove) | delta->add;
    }
  if (!fm_sql_exec (r, error, "UPDATE OR FAIL msg SET flags = ?1 | (flags & ~511) WHERE id=?2 AND (flags & 511) <> ?1", "ui",
                    flags & FM_FLAG_SERVER_MASK, msg_id))
    return FALSE;
  changed = fm_sql_changes (r) > 0;
  if (!fm_sql_exec (r, error,
                    "UPDATE msg_kw SET bits = (bits & 5) | CASE WHEN bits & 5 THEN 2 ELSE 0 END WHERE msg_id=? AND bits IN (1, 2, 4, 5)",
                    "i", msg_id))
    return FALSE;
  changed |= fm_sql_changes (r) > 0;
  for (guint i = 0; i < deltas->len; i++)
    {
      const Delta *delta = &g_array_index (deltas, Delta, i);
      if (!change_list (writer, msg_id, delta->kw_del, 0, KW_SHOWN, &changed, error)
          || !change_list (writer, msg_id, delta->kw_add, KW_SHOWN, 0, &changed, error))
        return FALSE;
    }
  if (!fm_sql_exec (r, error, "DELETE FROM msg_kw WHERE msg_id=? AND bits=0", "i", msg_id))
    return FALSE;
  if (ret_changed != NULL)
    *ret_changed = changed;
  return TRUE;
}

gboolean
fm_message_merge_keywords (FmStoreWriter *writer, gint64 msg_id, const char *const *keywords, GError **error)
{
  if (!fm_sql_exec (&writer->reader, error, "UPDATE msg_kw SET bits = bits & ~1 WHERE msg_id=? AND bits & 1", "i", msg_id))
    return FALSE;
  for (guint i = 0; keywords != NULL && keywords[i] != NULL; i++)
    if (!change_list (writer, msg_id, keywords[i], KW_SERVER, 0, NULL, error))
      return FALSE;
  return TRUE;
}

/* The other rows of the message: a word that is older than what their folder said last is not for them. Their MODSEQ stays, so that their own
 * folder is still heard. */
static gboolean
merge_others (FmStoreWriter *writer, gint64 msg_id, const FmMessageFlags *word, GError **error)
{
  FmStoreReader *r = &writer->reader;
  g_autoptr (GArray) others = fm_gmail_store_others (r, msg_id);

  for (guint i = 0; i < others->len; i++)
    {
      gint64 other = g_array_index (others, gint64, i);
      if (!fm_sql_exec (r, error, "UPDATE msg SET sflags=?1 WHERE id=?2 AND (modseq <= ?3 OR ?3 = 0)", "uii",
                        word->flags & FM_FLAG_SERVER_MASK, other, (gint64) word->modseq))
        return FALSE;
      if (fm_sql_changes (r) > 0
          && !(fm_message_merge_keywords (writer, other, word->keywords, error) && fm_message_merge_show (writer, other, NULL, error)))
        return FALSE;
    }
  return TRUE;
}

gboolean
fm_message_merge_server (FmStoreWriter *writer, gint64 msg_id, const FmMessageFlags *word, gboolean *ret_changed, GError **error)
{
  FmStoreReader *r = &writer->reader;

  *ret_changed = FALSE;
  if (!fm_sql_exec (r, error, "UPDATE msg SET sflags=?1, modseq=?2 WHERE id=?3 AND (modseq <= ?2 OR ?2 = 0)", "uii",
                    word->flags & FM_FLAG_SERVER_MASK, (gint64) word->modseq, msg_id))
    return FALSE;
  if (fm_sql_changes (r) == 0)
    return TRUE;
  return fm_message_merge_keywords (writer, msg_id, word->keywords, error) && fm_message_merge_show (writer, msg_id, ret_changed, error)
         && (!word->is_shared || merge_others (writer, msg_id, word, error));
}

static gboolean
keeps_tags_here (FmStoreReader *r, gint64 msg_id)
{
  return fm_sql_value (r, 0,
                       "SELECT a.kind=0 AND f.access & 65536 AND NOT f.access & 262144 FROM msg m JOIN folder f ON f.id=m.folder_id"
                       " JOIN account a ON a.id=f.account_id WHERE m.id=?",
                       "i", msg_id)
         != 0;
}

gboolean
fm_message_merge_confirm (FmStoreWriter *writer, gint64 msg_id, guint add, guint remove, const char *kw_add, const char *kw_del,
                          GError **error)
{
  int mark = *kw_add && keeps_tags_here (&writer->reader, msg_id) ? KW_LOCAL : KW_SERVER;

  return fm_sql_exec (&writer->reader, error, "UPDATE msg SET sflags = (sflags & ~?1) | ?2 WHERE id=?3", "uui", remove,
                      add & FM_FLAG_SERVER_MASK, msg_id)
         && change_list (writer, msg_id, kw_del, 0, KW_SERVER, NULL, error)
         && change_list (writer, msg_id, kw_del, 0, KW_LOCAL, NULL, error) && change_list (writer, msg_id, kw_add, mark, 0, NULL, error)
         && fm_message_merge_show (writer, msg_id, NULL, error);
}

/* The journal as the user reads it: what waits and why, what is held and for how long, and what can be undone. */
#include "store/journal-private.h"
#include <fulmar/base/clock.h>

/* Held by the user's own wish: it has not been tried yet. */
#define HELD "o.state=0 AND o.not_before>0 AND o.tries=0"
#define LABEL "CASE WHEN g.undo_of>0 THEN 'undo: ' || coalesce((SELECT label FROM op_group u WHERE u.id=g.undo_of), '') ELSE g.label END"
#define INFO                                                                                                               \
  "o.id, o.group_id, o.account_id, o.msg_id, o.folder_id, o.target_id, o.kind, o.state, o.tries, o.created, o.not_before," \
  " " LABEL ", o.error, " HELD

static GPtrArray *
read_infos (FmSql *q, GError **error)
{
  g_autoptr (GPtrArray) list = g_ptr_array_new_with_free_func ((GDestroyNotify) fm_journal_info_free);

  while (fm_sql_step (q))
    {
      FmOpInfo *info = g_new0 (FmOpInfo, 1);
      info->op_id = fm_sql_int (q, 0);
      info->group_id = fm_sql_int (q, 1);
      info->account_id = fm_sql_int (q, 2);
      info->msg_id = fm_sql_int (q, 3);
      info->folder_id = fm_sql_int (q, 4);
      info->target_id = fm_sql_int (q, 5);
      info->kind = (FmOpKind) fm_sql_int (q, 6);
      info->state = (FmOpState) fm_sql_int (q, 7);
      info->tries = (guint) fm_sql_int (q, 8);
      info->created_utc = fm_sql_int (q, 9);
      info->not_before_utc = fm_sql_int (q, 10);
      info->label = g_strdup (fm_sql_text (q, 11));
      info->error = g_strdup (fm_sql_text (q, 12));
      info->held = fm_sql_int (q, 13) && info->not_before_utc > fm_clock_now_utc ();
      info->n = (guint) fm_sql_int (q, 14);
      g_ptr_array_add (list, info);
    }
  return fm_sql_end (q, error) ? g_steal_pointer (&list) : NULL;
}

GPtrArray *
fm_journal_list (FmStoreReader *reader, gint64 account_id, guint limit, GError **error)
{
  g_auto (FmSql) q = { 0 };

  if (!fm_sql_query (&q, reader, error,
                     "SELECT " INFO ", 1 FROM op o JOIN op_group g ON g.id=o.group_id WHERE (o.state<3 OR o.state=4) AND NOT o.follows AND"
                     " (?1=0 OR o.account_id=?1) ORDER BY o.state=4, o.id LIMIT ?2",
                     "iu", account_id, (guint32) limit))
    return NULL;
  return read_infos (&q, error);
}

/* With one min () or max () the other columns are those of its row. */
GPtrArray *
fm_journal_list_grouped (FmStoreReader *reader, gint64 account_id, guint limit, GError **error)
{
  g_auto (FmSql) q = { 0 };

  if (!fm_sql_query (
          &q, reader, error,
          "SELECT " INFO
          ", count(*), min(o.id) FROM op o JOIN op_group g ON g.id=o.group_id WHERE (o.state<3 OR o.state=4) AND NOT o.follows AND"
          " (?1=0 OR o.account_id=?1) GROUP BY o.group_id, o.account_id, o.kind, o.state, o.error, " HELD
          " ORDER BY o.state=4, min(o.id) LIMIT ?2",
          "iu", account_id, (guint32) limit))
    return NULL;
  return read_infos (&q, error);
}

gint64
fm_journal_list_last_row (FmStoreReader *reader)
{
  return fm_sql_value (reader, 0, "SELECT seq FROM sqlite_sequence WHERE name='msg'", "");
}

gint64
fm_journal_list_due (FmStoreReader *reader)
{
  return fm_sql_value (reader, 0, "SELECT coalesce(min(not_before), 0) FROM op WHERE state=0 AND not_before>0 AND not_before>?", "i",
                       fm_clock_now_utc ());
}

guint
fm_journal_list_held (FmStoreReader *reader, guint limit, gint64 *ret_until_utc)
{
  gint64 now = fm_clock_now_utc ();

  *ret_until_utc = fm_sql_value (
      reader, 0, "SELECT o.not_before FROM op o WHERE " HELD " AND o.not_before>? ORDER BY o.not_before DESC LIMIT 1", "i", now);
  return (guint) fm_sql_value (reader, 0, "SELECT count(*) FROM (SELECT 1 FROM op o WHERE " HELD " AND o.not_before>? LIMIT ?)", "iu", now,
                               (guint32) limit);
}

void
fm_journal_list_level_free (FmJournalLevel *level)
{
  if (level == NULL)
    return;
  g_free (level->label);
  g_free (level->error);
  g_free (level);
}

/* As fm_journal_undo will say it. An expunge that ends a move into another account is undone by moving back. */
static const char *
why_stuck (gint64 expunged, gint64 moved_across, gint64 made_folder, gint64 deleted_folder)
{
  if (expunged > 0 && moved_across == 0)
    return "deleted for good";
  return made_folder > 0 ? "the folder is made" : deleted_folder > 0 ? "the folder is deleted" : NULL;
}

static FmJournalLevel *
read_level (const FmSql *q)
{
  FmJournalLevel *level = g_new0 (FmJournalLevel, 1);

  level->group_id = fm_sql_int (q, 0);
  level->created_utc = fm_sql_int (q, 1);
  level->label = g_strdup (fm_sql_text (q, 2));
  level->messages = (guint) fm_sql_int (q, 3);
  level->planned = (guint) fm_sql_int (q, 4);
  level->sent = (guint) fm_sql_int (q, 5);
  level->done = (guint) fm_sql_int (q, 6);
  level->refused = (guint) fm_sql_int (q, 7);
  level->held_until_utc = fm_sql_int (q, 8) > fm_clock_now_utc () ? fm_sql_int (q, 8) : 0;
  level->from_id = fm_sql_int (q, 9);
  level->error = g_strdup (fm_sql_text (q, 10));
  level->is_local = fm_sql_int (q, 11) != 0;
  level->stuck = why_stuck (fm_sql_int (q, 12), fm_sql_int (q, 13), fm_sql_int (q, 14), fm_sql_int (q, 15));
  return level;
}

GPtrArray *
fm_journal_list_levels (FmStoreReader *reader, guint limit, GError **error)
{
  g_auto (FmSql) q = { 0 };
  g_autoptr (GPtrArray) levels = g_ptr_array_new_with_free_func ((GDestroyNotify) fm_journal_list_level_free);

  if (!fm_sql_query (
          &q, reader, error,
          "SELECT g.id, g.created, g.label, count(DISTINCT nullif(o.msg_id, 0)), sum(o.state=0), sum(o.state IN (1,2)),"
          " sum(o.state=3), sum(o.state=4), max(CASE WHEN " HELD " THEN o.not_before ELSE 0 END),"
          " CASE WHEN min(o.folder_id)=max(o.folder_id) THEN min(o.folder_id) ELSE 0 END, max(o.error),"
          " min((SELECT kind FROM account WHERE id=o.account_id)<>0),"
          " sum(o.kind=3 AND o.server_id=0 AND o.state IN (1,2,3)), sum(o.kind=4 AND o.target_id<>0), sum(o.kind=5 AND o.state IN (1,2,3)),"
          " sum(o.kind=7 AND o.state IN (1,2,3))"
          " FROM (SELECT * FROM op_group g WHERE state=0 AND undo_of=0 AND EXISTS (SELECT 1 FROM op WHERE group_id=g.id AND"
          "  state<4) ORDER BY id DESC LIMIT ?) g JOIN op o ON o.group_id=g.id WHERE NOT o.follows GROUP BY g.id ORDER BY g.id DESC",
          "u", (guint32) limit))
    return NULL;
  while (fm_sql_step (&q))
    g_ptr_array_add (levels, read_level (&q));
  return fm_sql_end (&q, error) ? g_steal_pointer (&levels) : NULL;
}

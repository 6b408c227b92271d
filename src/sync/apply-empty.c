/* Emptying a Trash or Junk: a folder may hold a hundred thousand messages, so they are planned a slice at a time, each in a transaction of its own that
 * other changes need not wait for, all in one undo group and held until the same moment. */
#include "sync/apply-private.h"
#include <fulmar/base/error.h>
#include <fulmar/store/folder-store.h>
#include <fulmar/store/journal.h>

#define SLICE 400
#define ROWS_A_SECOND 2000 /* planned, on a slow machine: what is planned first must not be due before the last */

static gboolean
begin (FmApply *apply, FmStoreWriter *writer, const FmFolderInfo *folder, gint64 count, GError **error)
{
  if (folder->special != FM_SPECIAL_TRASH && folder->special != FM_SPECIAL_JUNK)
    {
      g_set_error (error, FM_ERROR, FM_ERROR_INVALID, "%s/%s is no Trash and no Junk: only these are emptied", folder->account,
                   folder->name);
      return FALSE;
    }
  if (!fm_apply_new_group (apply, writer,
                           g_strdup_printf ("emptied %s/%s: %" G_GINT64_FORMAT " for good", folder->account, folder->name, count), error))
    return FALSE;
  apply->hold_until_utc = fm_apply_hold (apply, count / ROWS_A_SECOND);
  return TRUE;
}

gboolean
fm_apply_empty_run (FmApply *apply, FmStoreWriter *writer, GError **error)
{
  FmStoreReader *reader = fm_db_writer_reader (writer);
  gsize n;
  const gint64 *limits = fm_action_ids (apply->action, &n);
  guint planned = 0;
  g_autoptr (FmFolderInfo) folder = fm_folder_store_get (reader, fm_action_folder (apply->action), error);
  if (folder == NULL || n != 2 || (apply->group_id == 0 && !begin (apply, writer, folder, limits[1], error)))
    return FALSE;
  FmJournalEmpty slice = { .folder_id = folder->id, .up_to_id = limits[0], .limit = SLICE, .hold_until_utc = apply->hold_until_utc };
  /* Taken back while it was being planned: the rest stays. */
  if (!fm_journal_is_undone (reader, apply->group_id) && !fm_journal_plan_empty (writer, apply->group_id, &slice, &planned, error))
    return FALSE;
  fm_apply_note (apply->folders, folder->id);
  fm_apply_note (apply->accounts, folder->account_id);
  apply->emptied += planned;
  apply->count = apply->emptied;
  apply->more = planned == SLICE;
  return TRUE;
}

/* What can't be done is refused at once, with the reason, instead of being shown, sent and taken back: as far as the server has told what may be done
 * in a folder (store/folder-access.h). */
#include "sync/apply-private.h"
#include <fulmar/base/error.h>

static gboolean
check (const FmFolderInfo *folder, FmFolderWish wish, guint flags, GError **error)
{
  g_autofree char *why = folder == NULL ? NULL : fm_folder_access_refusal (folder, wish, flags);

  if (why == NULL)
    return TRUE;
  g_set_error_literal (error, FM_ERROR, FM_ERROR_REFUSED, why);
  return FALSE;
}

gboolean
fm_apply_rights_may (FmStoreReader *reader, gint64 folder_id, FmFolderWish wish, GError **error)
{
  g_autoptr (FmFolderInfo) folder = fm_folder_store_get (reader, folder_id, NULL);

  return check (folder, wish, 0, error);
}

static gboolean
check_source (const FmApply *apply, const FmFolderInfo *folder, GError **error)
{
  switch (fm_action_kind (apply->action))
    {
    case FM_ACTION_FLAGS:
      return check (folder, FM_WISH_FLAGS, fm_action_add_flags (apply->action) | fm_action_remove_flags (apply->action), error);
    case FM_ACTION_COPY:
      return TRUE;
    default: /* all others take it out of where it is */
      return check (folder, FM_WISH_REMOVE, 0, error);
    }
}

gboolean
fm_apply_rights_check (const FmApply *apply, FmStoreReader *reader, GError **error)
{
  FmActionKind kind = fm_action_kind (apply->action);

  for (guint i = 0; i < apply->folders->len; i++)
    {
      g_autoptr (FmFolderInfo) folder = fm_folder_store_get (reader, g_array_index (apply->folders, gint64, i), NULL);
      if (folder != NULL && !check_source (apply, folder, error))
        return FALSE;
    }
  return (kind != FM_ACTION_MOVE && kind != FM_ACTION_COPY)
         || fm_apply_rights_may (reader, fm_action_folder (apply->action), FM_WISH_INSERT, error);
}

void
fm_apply_rights_tell_tags (FmApply *apply, FmStoreReader *reader)
{
  for (guint i = 0; fm_action_add_keywords (apply->action) != NULL && i < apply->folders->len; i++)
    {
      g_autoptr (FmFolderInfo) folder = fm_folder_store_get (reader, g_array_index (apply->folders, gint64, i), NULL);
      if (folder == NULL || !fm_folder_access_keeps_tags_here (folder))
        continue;
      char *longer
          = g_strdup_printf ("%s, on this machine only: the server keeps no tags in %s/%s", apply->text, folder->account, folder->name);
      g_free (apply->text);
      apply->text = longer;
      return;
    }
}

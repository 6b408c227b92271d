/* What is different where folders are labels: archiving, and tags, which are labels there. */
#include "sync/apply-private.h"
#include <fulmar/base/error.h>
#include <fulmar/store/gmail-store.h>
#include <fulmar/store/journal.h>

gboolean
fm_apply_gmail_archives (FmStoreReader *reader, const FmAccountSpec *spec, gint64 account_id)
{
  g_autoptr (FmFolderInfo) all = fm_folder_store_find_special (reader, account_id, FM_SPECIAL_ALL, NULL);

  return all != NULL && (spec == NULL || spec->archive == NULL) && fm_gmail_store_is_account (reader, account_id);
}

static void
note_special (FmApply *apply, FmStoreReader *reader, gint64 account_id, FmSpecialUse special)
{
  g_autoptr (FmFolderInfo) folder = fm_folder_store_find_special (reader, account_id, special, NULL);

  if (folder != NULL)
    fm_apply_note (apply->folders, folder->id);
}

gboolean
fm_apply_gmail_archive (FmApply *apply, FmStoreWriter *writer, gint64 account_id, const GArray *ids, GError **error)
{
  FmStoreReader *reader = fm_db_writer_reader (writer);

  note_special (apply, reader, account_id, FM_SPECIAL_INBOX);
  note_special (apply, reader, account_id, FM_SPECIAL_ALL);
  for (guint at = 0; at < ids->len; at += FM_APPLY_CHUNK)
    {
      guint n = 0;
      if (!fm_journal_gmail_archive (writer, apply->group_id, &g_array_index (ids, gint64, at), MIN (FM_APPLY_CHUNK, ids->len - at), &n,
                                     error))
        return FALSE;
      apply->count += n;
    }
  if (apply->count > 0)
    return TRUE;
  g_set_error_literal (error, FM_ERROR, FM_ERROR_INVALID, "this is not in the inbox: to archive is to take it out of there");
  return FALSE;
}

void
fm_apply_gmail_note (FmApply *apply, FmStoreReader *reader, gint64 account_id, const GArray *ids)
{
  if (fm_gmail_store_is_account (reader, account_id))
    for (guint i = 0; i < ids->len; i++)
      fm_gmail_store_add_folders (reader, g_array_index (ids, gint64, i), apply->folders);
}

gboolean
fm_apply_gmail_note_group (FmApply *apply, FmStoreReader *reader, gint64 group_id, GError **error)
{
  g_autoptr (GArray) folders = fm_journal_group_folders (reader, group_id, error);

  for (guint i = 0; folders != NULL && i < folders->len; i++)
    {
      g_autoptr (FmFolderInfo) folder = fm_folder_store_get (reader, g_array_index (folders, gint64, i), NULL);
      if (folder == NULL || !fm_gmail_store_is_account (reader, folder->account_id))
        continue;
      fm_apply_note (apply->folders, folder->id);
      fm_apply_note (apply->accounts, folder->account_id);
    }
  return folders != NULL;
}

/* The folder of a label, by the name that is shown; 0: there is none. */
static gint64
find_label (FmStoreReader *reader, gint64 account_id, const char *name)
{
  static const struct {
    const char *name;
    FmSpecialUse special;
  } system[] = { { "Inbox", FM_SPECIAL_INBOX }, { "Important", FM_SPECIAL_IMPORTANT } };
  g_autoptr (FmFolderInfo) folder = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (system) && folder == NULL; i++)
    if (g_ascii_strcasecmp (name, system[i].name) == 0)
      folder = fm_folder_store_find_special (reader, account_id, system[i].special, NULL);
  if (folder == NULL)
    folder = fm_folder_store_find (reader, account_id, name, NULL);
  return folder == NULL ? 0 : folder->id;
}

/* In a group of its own: a folder that the server has made can't be taken back, and must not keep the label from being. */
static gint64
make_label (FmApply *apply, FmStoreWriter *writer, gint64 account_id, const char *name, GError **error)
{
  g_autofree char *text = g_strdup_printf ("made the label %s", name);
  gint64 group_id = fm_journal_side_group (writer, text, error);

  apply->tree_changed = TRUE;
  return group_id == 0 ? 0 : fm_journal_plan_folder_create (writer, group_id, account_id, name, error);
}

static gboolean
change_label (FmApply *apply, FmStoreWriter *writer, const GArray *ids, gint64 folder_id, gboolean add, GError **error)
{
  fm_apply_note (apply->folders, folder_id);
  for (guint at = 0; at < ids->len; at += FM_APPLY_CHUNK)
    {
      guint n = 0;
      if (!fm_journal_gmail_label (writer, apply->group_id, &g_array_index (ids, gint64, at), MIN (FM_APPLY_CHUNK, ids->len - at),
                                   folder_id, add, &n, error))
        return FALSE;
      apply->count += n;
    }
  return TRUE;
}

/* The words of NAMES that are no labels. NULL on error. */
static const char *const *
take_labels (FmApply *apply, FmStoreWriter *writer, gint64 account_id, const GArray *ids, const char *const *names, gboolean add,
             GPtrArray *kept, GError **error)
{
  g_autoptr (GPtrArray) rest = g_ptr_array_new ();

  for (guint i = 0; names != NULL && names[i] != NULL; i++)
    {
      gint64 folder_id = *names[i] == '$' ? 0 : find_label (fm_db_writer_reader (writer), account_id, names[i]);
      if (folder_id == 0 && add && *names[i] != '$' && (folder_id = make_label (apply, writer, account_id, names[i], error)) == 0)
        return NULL;
      if (folder_id == 0)
        g_ptr_array_add (rest, (gpointer) names[i]);
      else if (!change_label (apply, writer, ids, folder_id, add, error))
        return NULL;
    }
  g_ptr_array_add (rest, NULL);
  gpointer words = g_ptr_array_free (g_steal_pointer (&rest), FALSE);
  g_ptr_array_add (kept, words);
  return words;
}

gboolean
fm_apply_gmail_tags (FmApply *apply, FmStoreWriter *writer, gint64 account_id, const GArray *ids, FmApplyTags *tags, GPtrArray *kept,
                     GError **error)
{
  if ((tags->add == NULL && tags->remove == NULL) || !fm_gmail_store_is_account (fm_db_writer_reader (writer), account_id))
    return TRUE;
  tags->add = take_labels (apply, writer, account_id, ids, tags->add, TRUE, kept, error);
  tags->remove = tags->add == NULL ? NULL : take_labels (apply, writer, account_id, ids, tags->remove, FALSE, kept, error);
  return tags->remove != NULL;
}

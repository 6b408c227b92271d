/* Finding an account's special folders. A new one is made beside its siblings: on servers that keep everything under "INBOX." it goes there too. */
#include "sync/special-folder.h"
#include "sync/special-names.h"
#include <fulmar/base/error.h>
#include <fulmar/store/journal.h>

#include <string.h>

static const FmSpecialNames kinds[] = {
  [FM_SPECIAL_INBOX] = FM_SPECIAL_NAMES_INBOX,     [FM_SPECIAL_SENT] = FM_SPECIAL_NAMES_SENT, [FM_SPECIAL_DRAFTS] = FM_SPECIAL_NAMES_DRAFTS,
  [FM_SPECIAL_ARCHIVE] = FM_SPECIAL_NAMES_ARCHIVE, [FM_SPECIAL_JUNK] = FM_SPECIAL_NAMES_JUNK, [FM_SPECIAL_TRASH] = FM_SPECIAL_NAMES_TRASH,
};

static FmSpecialNames
kind_of (FmSpecialUse special)
{
  return (guint) special < G_N_ELEMENTS (kinds) ? kinds[special] : FM_SPECIAL_NAMES_NONE;
}

FmSpecialUse
fm_special_folder_by_name (const char *name, char delimiter)
{
  FmSpecialNames kind = fm_special_names_find (name, delimiter);
  for (guint special = 1; kind != FM_SPECIAL_NAMES_NONE && special < G_N_ELEMENTS (kinds); special++)
    if (kinds[special] == kind)
      return (FmSpecialUse) special;
  return FM_SPECIAL_NONE;
}

static const char *
configured_name (const FmAccountSpec *spec, FmSpecialUse special)
{
  if (spec == NULL)
    return NULL;
  switch (special)
    {
    case FM_SPECIAL_SENT:
      return spec->sent;
    case FM_SPECIAL_DRAFTS:
      return spec->drafts;
    case FM_SPECIAL_TRASH:
      return spec->trash;
    case FM_SPECIAL_JUNK:
      return spec->junk;
    case FM_SPECIAL_ARCHIVE:
      return spec->archive;
    default:
      return NULL;
    }
}

/* By its special use, or by the name that the configuration gives. -1: an error. */
static gint64
find_told (FmStoreReader *reader, const FmAccountSpec *spec, gint64 account_id, FmSpecialUse special, GError **error)
{
  g_autoptr (GError) local = NULL;
  g_autoptr (FmFolderInfo) told = fm_folder_store_find_special (reader, account_id, special, &local);
  const char *name = configured_name (spec, special);
  if (told == NULL && name != NULL && g_error_matches (local, FM_ERROR, FM_ERROR_NOT_FOUND))
    {
      g_clear_error (&local);
      told = fm_folder_store_find (reader, account_id, name, &local);
    }
  if (told != NULL)
    return told->id;
  if (local == NULL || g_error_matches (local, FM_ERROR, FM_ERROR_NOT_FOUND))
    return 0;
  g_propagate_error (error, g_steal_pointer (&local));
  return -1;
}

static gint64
find_named (GPtrArray *folders, FmSpecialUse special)
{
  gint64 best = 0;
  guint best_rank = G_MAXUINT;
  for (guint i = 0; i < folders->len; i++)
    {
      const FmFolderInfo *folder = folders->pdata[i];
      guint rank = fm_special_names_rank (folder->name, folder->delimiter, kind_of (special));
      if (folder->selectable && rank < best_rank)
        {
          best = folder->id;
          best_rank = rank;
        }
    }
  return best;
}

gint64
fm_special_folder_find (FmStoreReader *reader, const FmAccountSpec *spec, gint64 account_id, FmSpecialUse special, GError **error)
{
  gint64 told = find_told (reader, spec, account_id, special, error);
  if (told != 0 || configured_name (spec, special) != NULL)
    return MAX (told, 0);
  g_autoptr (GPtrArray) folders = fm_folder_store_list (reader, account_id, error);
  return folders == NULL ? 0 : find_named (folders, special);
}

/* "Trash", or "INBOX.Trash" where every other folder lives under INBOX. */
static char *
new_name (GPtrArray *folders, FmSpecialUse special)
{
  const char *name = fm_special_names_default (kind_of (special));
  char delimiter = '\0';
  guint under = 0, beside = 0;
  for (guint i = 0; i < folders->len; i++)
    {
      const FmFolderInfo *folder = folders->pdata[i];
      if (g_ascii_strcasecmp (folder->name, "INBOX") == 0)
        continue;
      if (folder->delimiter != '\0' && g_ascii_strncasecmp (folder->name, "INBOX", 5) == 0 && folder->name[5] == folder->delimiter)
        {
          delimiter = folder->delimiter;
          under++;
        }
      else
        {
          beside++;
        }
    }
  return under > 0 && beside == 0 ? g_strdup_printf ("INBOX%c%s", delimiter, name) : g_strdup (name);
}

gint64
fm_special_folder_need (FmStoreWriter *writer, const FmAccountSpec *spec, gint64 account_id, FmSpecialUse special, gboolean *ret_created,
                        GError **error)
{
  FmStoreReader *reader = fm_db_writer_reader (writer);
  gint64 told = find_told (reader, spec, account_id, special, error);
  if (told != 0)
    return MAX (told, 0);
  g_autoptr (GPtrArray) folders = fm_folder_store_list (reader, account_id, error);
  if (folders == NULL)
    return 0;
  const char *configured = configured_name (spec, special);
  gint64 named = configured == NULL ? find_named (folders, special) : 0;
  if (named != 0)
    return named;
  if (kind_of (special) == FM_SPECIAL_NAMES_NONE)
    {
      g_set_error_literal (error, FM_ERROR, FM_ERROR_NOT_FOUND, "the account has no such folder");
      return 0;
    }
  g_autofree char *name = configured != NULL ? g_strdup (configured) : new_name (folders, special);
  g_autofree char *label = g_strdup_printf ("made the folder %s", name);
  gint64 group_id = fm_journal_side_group (writer, label, error);
  gint64 id = group_id == 0 ? 0 : fm_journal_plan_folder_create (writer, group_id, account_id, name, error);
  if (id != 0 && ret_created != NULL)
    *ret_created = TRUE;
  return id;
}

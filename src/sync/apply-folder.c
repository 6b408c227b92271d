/* What the user does to folders: made, renamed, removed, subscribed to. A name is taken as it is typed: `/` stands between the parts whatever the server
 * uses, and what lies above every folder of the account need not be written. */
#include "sync/apply-private.h"
#include <fulmar/base/error.h>
#include <fulmar/store/folder-store.h>
#include <fulmar/store/journal.h>
#include <string.h>

/* How the account's server builds names, as far as its folders show. */
typedef struct {
  char delimiter;    /* 0: flat */
  gboolean is_known; /* there is a folder to judge by */
  gboolean under_inbox;
} Naming;

static Naming
naming_of (FmStoreReader *reader, gint64 account_id)
{
  g_autoptr (GPtrArray) folders = fm_folder_store_list (reader, account_id, NULL);
  Naming naming = { 0 };
  guint under = 0, beside = 0;

  for (guint i = 0; folders != NULL && i < folders->len; i++)
    {
      const FmFolderInfo *folder = folders->pdata[i];
      naming.is_known |= folder->remote_name[0] != '\0';
      if (folder->delimiter != '\0' && folder->remote_name[0] != '\0')
        naming.delimiter = folder->delimiter;
      if (folder->delimiter != '\0' && g_ascii_strncasecmp (folder->name, "INBOX", 5) == 0 && folder->name[5] == folder->delimiter)
        under++;
      else if (g_ascii_strcasecmp (folder->name, "INBOX") != 0 && folder->special != FM_SPECIAL_OUTBOX)
        beside++;
    }
  naming.under_inbox = under > 0 && beside == 0;
  return naming;
}

/* Transfer: full; NULL: such a name can't be. */
static char *
name_for_server (FmStoreReader *reader, gint64 account_id, const char *typed, GError **error)
{
  Naming naming = naming_of (reader, account_id);
  g_autofree char *name = g_strstrip (g_strdup (typed));

  if (naming.is_known && naming.delimiter != '\0' && naming.delimiter != '/')
    g_strdelimit (name, "/", naming.delimiter);
  if (*name == '\0' || strlen (name) > 1000 || strpbrk (name, "\r\n\t") != NULL)
    {
      g_set_error (error, FM_ERROR, FM_ERROR_INVALID, "a folder needs a name of one line, as in `Travel` or `Lists/new`");
      return NULL;
    }
  if (naming.under_inbox && !(g_ascii_strncasecmp (name, "INBOX", 5) == 0 && name[5] == naming.delimiter))
    return g_strdup_printf ("INBOX%c%s", naming.delimiter, name);
  return g_steal_pointer (&name);
}

/* The folder meant by NAME: as it is written in the tree, or as it was typed when it was made. Transfer: full. */
static FmFolderInfo *
find_folder (FmStoreReader *reader, gint64 account_id, const char *name, GError **error)
{
  FmFolderInfo *folder = fm_folder_store_find (reader, account_id, name, NULL);
  g_autofree char *other = folder != NULL ? NULL : name_for_server (reader, account_id, name, error);

  return folder != NULL ? folder : other != NULL ? fm_folder_store_find (reader, account_id, other, error) : NULL;
}

/* The folder that NAME would lie in, as far as there is one. */
static gboolean
may_create (FmStoreReader *reader, gint64 account_id, const char *name, GError **error)
{
  const char *last = strrchr (name, naming_of (reader, account_id).delimiter);
  g_autofree char *above = last == NULL || *last == '\0' ? NULL : g_strndup (name, last - name);
  g_autoptr (FmFolderInfo) parent = above == NULL ? NULL : fm_folder_store_find (reader, account_id, above, NULL);

  return parent == NULL || fm_apply_rights_may (reader, parent->id, FM_WISH_CREATE, error);
}

static gboolean
create_folder (FmApply *apply, FmStoreWriter *writer, gint64 account_id, GError **error)
{
  const char *account = fm_action_account (apply->action);
  g_autofree char *name = name_for_server (fm_db_writer_reader (writer), account_id, fm_action_name (apply->action), error);

  return name != NULL && may_create (fm_db_writer_reader (writer), account_id, name, error)
         && fm_apply_new_group (apply, writer, g_strdup_printf ("created %s/%s", account, name), error)
         && fm_journal_plan_folder_create (writer, apply->group_id, account_id, name, error) != 0;
}

static gboolean
rename_folder (FmApply *apply, FmStoreWriter *writer, const FmFolderInfo *folder, GError **error)
{
  g_autofree char *to = name_for_server (fm_db_writer_reader (writer), folder->account_id, fm_action_new_name (apply->action), error);

  return to != NULL && fm_apply_new_group (apply, writer, g_strdup_printf ("renamed %s/%s to %s", folder->account, folder->name, to), error)
         && fm_journal_plan_folder_rename (writer, apply->group_id, folder->id, to, error);
}

static gboolean
subscribe_folder (FmApply *apply, FmStoreWriter *writer, const FmFolderInfo *folder, GError **error)
{
  gboolean on = fm_action_kind (apply->action) == FM_ACTION_FOLDER_SUBSCRIBE;

  if (folder->kind != FM_STORE_IMAP)
    {
      g_set_error (error, FM_ERROR, FM_ERROR_INVALID, "%s keeps no list of subscribed folders: that is a matter of IMAP servers",
                   folder->account);
      return FALSE;
    }
  return fm_apply_new_group (apply, writer,
                             g_strdup_printf ("%s %s/%s", on ? "subscribed to" : "unsubscribed from", folder->account, folder->name), error)
         && fm_journal_plan_folder_subscribe (writer, apply->group_id, folder->id, on, error);
}

gboolean
fm_apply_folder_run (FmApply *apply, FmStoreWriter *writer, GError **error)
{
  FmStoreReader *reader = fm_db_writer_reader (writer);
  FmActionKind kind = fm_action_kind (apply->action);
  gint64 account_id = fm_apply_account_id (reader, fm_action_account (apply->action), error);

  if (account_id == 0)
    return FALSE;
  fm_apply_note (apply->accounts, account_id);
  apply->tree_changed = TRUE;
  apply->count = 1;
  if (kind == FM_ACTION_FOLDER_CREATE)
    return create_folder (apply, writer, account_id, error);
  g_autoptr (FmFolderInfo) folder = find_folder (reader, account_id, fm_action_name (apply->action), error);
  if (folder == NULL)
    return FALSE;
  if (kind == FM_ACTION_FOLDER_SUBSCRIBE || kind == FM_ACTION_FOLDER_UNSUBSCRIBE)
    return subscribe_folder (apply, writer, folder, error);
  if (folder->special == FM_SPECIAL_INBOX)
    {
      g_set_error (error, FM_ERROR, FM_ERROR_INVALID, "%s/%s can't be %s: new mail is delivered into it", folder->account, folder->name,
                   kind == FM_ACTION_FOLDER_RENAME ? "renamed" : "deleted");
      return FALSE;
    }
  if (!fm_apply_rights_may (reader, folder->id, FM_WISH_DELETE, error))
    return FALSE;
  if (kind == FM_ACTION_FOLDER_RENAME)
    return rename_folder (apply, writer, folder, error);
  return fm_apply_new_group (apply, writer, g_strdup_printf ("deleted folder %s/%s", folder->account, folder->name), error)
         && fm_journal_plan_folder_delete (writer, apply->group_id, folder->id, error)
         && fm_journal_plan_hold (writer, apply->group_id, fm_apply_hold (apply, 0), error);
}

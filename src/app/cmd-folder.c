/* Going to folders; making, renaming and removing them, and which of them are of interest. */
#include "app/app-private.h"
#include "app/commands.h"
#include <string.h>

static void
open_named (FmApp *app, const char *name)
{
  gint64 folder_id = fm_app_find_folder (app, name);

  if (folder_id)
    fm_app_open_folder (app, folder_id);
  else if (!fm_app_open_saved (app, name))
    fm_app_complain (app, "there is no folder `%s`", name);
}

static void
chosen (const char *answer, gpointer data)
{
  if (answer && *answer)
    open_named (data, answer);
}

static void
run_open (const FmCommandCall *call)
{
  if (*call->argument)
    open_named (call->app, call->argument);
  else
    {
      g_auto (GStrv) names = fm_app_folder_names (call->app);
      call->app->shell->choose (call->app->shell_data, "go to folder: ", (const char *const *) names, NULL, chosen, call->app);
    }
}

/* "work/Lists/new" -> account "work", name "Lists/new". */
static gboolean
split_name (FmApp *app, const char *full, char **ret_account, const char **ret_name)
{
  const char *slash = strchr (full, '/');
  g_autofree char *account = slash ? g_strndup (full, slash - full) : NULL;

  if (slash && !fm_app_account_named (app, account))
    {
      fm_app_complain (app, "there is no account %s: write a folder as in `%s/Travel`", account, fm_app_default_account (app));
      return FALSE;
    }
  if (!slash || !slash[1])
    {
      fm_app_complain (app, "write a folder as ACCOUNT/NAME, as in `%s/Travel`", fm_app_default_account (app));
      return FALSE;
    }
  *ret_account = g_steal_pointer (&account);
  *ret_name = slash + 1;
  return TRUE;
}

static void
create_answered (const char *answer, gpointer data)
{
  FmApp *app = data;
  g_autofree char *account = NULL;
  const char *name;

  if (answer && *answer && split_name (app, answer, &account, &name))
    fm_act_run (app, fm_action_new_folder (FM_ACTION_FOLDER_CREATE, account, name, NULL), NULL);
}

static void
run_create (const FmCommandCall *call)
{
  g_autofree char *initial = g_strconcat (fm_app_default_account (call->app), "/", NULL);

  if (*call->argument)
    create_answered (call->argument, call->app);
  else
    call->app->shell->prompt (call->app->shell_data, FM_PROMPT_FOLDER, "create folder: ", initial, create_answered, call->app);
}

typedef struct {
  FmApp *app;
  char *account, *name;
} Naming;

static void
naming_free (Naming *naming)
{
  g_free (naming->account);
  g_free (naming->name);
  g_free (naming);
}

static Naming *
naming_new (const FmCommandCall *call)
{
  FmFolderLine line;
  FmApp *app = call->app;
  const char *full = call->argument;
  Naming *naming = g_new0 (Naming, 1);
  const char *name;

  if (!*full && fm_folders_line (app->folders, fm_folders_cursor (app->folders), &line) && line.folder_id)
    full = line.full_name;
  naming->app = app;
  if (!split_name (app, full, &naming->account, &name))
    {
      naming_free (naming);
      return NULL;
    }
  naming->name = g_strdup (name);
  return naming;
}

static void
rename_answered (const char *answer, gpointer data)
{
  Naming *naming = data;

  g_autofree char *own = g_strconcat (naming->account, "/", NULL);

  if (answer && g_str_has_prefix (answer, own))
    answer += strlen (own);
  if (answer && *answer && strcmp (answer, naming->name) != 0)
    fm_act_run (naming->app, fm_action_new_folder (FM_ACTION_FOLDER_RENAME, naming->account, naming->name, answer), NULL);
  naming_free (naming);
}

static void
run_rename (const FmCommandCall *call)
{
  Naming *naming = naming_new (call);

  if (naming)
    call->app->shell->prompt (call->app->shell_data, FM_PROMPT_TEXT, "new name: ", naming->name, rename_answered, naming);
}

static void
remove_answered (const char *answer, gpointer data)
{
  Naming *naming = data;

  if (answer && *answer == 'y')
    fm_act_run (naming->app, fm_action_new_folder (FM_ACTION_FOLDER_DELETE, naming->account, naming->name, NULL), NULL);
  naming_free (naming);
}

static void
run_remove (const FmCommandCall *call)
{
  Naming *naming = naming_new (call);
  g_autofree char *full = naming ? g_strconcat (naming->account, "/", naming->name, NULL) : NULL;
  g_autofree char *contents = full ? fm_folders_contents (call->app->folders, full) : NULL;
  g_autofree char *question = NULL;

  if (!naming)
    return;
  if (!contents)
    {
      fm_app_complain (call->app, "there is no folder `%s`", full);
      naming_free (naming);
      return;
    }
  question = g_strdup_printf ("delete the folder %s? In it: %s. It can't be undone after 10 s", full, contents);
  call->app->shell->ask (call->app->shell_data, question, "yn", remove_answered, naming);
}

static void
subscribe (const FmCommandCall *call, FmActionKind kind)
{
  Naming *naming = naming_new (call);

  if (!naming)
    return;
  fm_act_run (call->app, fm_action_new_folder (kind, naming->account, naming->name, NULL), NULL);
  naming_free (naming);
}

static void
run_subscribe (const FmCommandCall *call)
{
  subscribe (call, FM_ACTION_FOLDER_SUBSCRIBE);
}

static void
run_unsubscribe (const FmCommandCall *call)
{
  subscribe (call, FM_ACTION_FOLDER_UNSUBSCRIBE);
}

#define PANES (FM_CONTEXT_LIST | FM_CONTEXT_PAGER | FM_CONTEXT_FOLDERS)

const FmCommand fm_cmd_folder_commands[] = {
  { .name = "open-folder",
    .help = "go to a folder or saved search",
    .hint = "folder",
    .arguments = "[FOLDER]",
    .default_keys = "c",
    .contexts = PANES,
    .run = run_open },
  { .name = "create-folder",
    .help = "create a folder",
    .arguments = "[FOLDER]",
    .contexts = PANES,
    .run = run_create,
    .effect_imap = "CREATE and SUBSCRIBE",
    .effect_gmail = "a new label",
    .effect_pop = "a folder on this machine",
    .effect_local = "a directory" },
  { .name = "rename-folder",
    .help = "rename a folder",
    .arguments = "[FOLDER]",
    .contexts = PANES,
    .run = run_rename,
    .effect_imap = "RENAME",
    .effect_gmail = "the label is renamed",
    .effect_pop = "renamed on this machine",
    .effect_local = "the directory is renamed" },
  { .name = "delete-folder",
    .help = "delete a folder with its mail (asks)",
    .arguments = "[FOLDER]",
    .contexts = PANES,
    .run = run_remove,
    .effect_imap = "DELETE, after ten seconds",
    .effect_gmail = "the label goes, after ten seconds; its mail stays in All Mail",
    .effect_pop = "removed on this machine, after ten seconds",
    .effect_local = "the directory is removed, after ten seconds" },
  { .name = "subscribe-folder",
    .help = "put a folder on the server's list of subscribed ones",
    .arguments = "[FOLDER]",
    .contexts = PANES,
    .run = run_subscribe,
    .effect_imap = "SUBSCRIBE",
    .effect_gmail = "the label is shown in IMAP programs",
    .effect_pop = "none: there is no such list",
    .effect_local = "none: there is no such list" },
  { .name = "unsubscribe-folder",
    .help = "take a folder off that list",
    .arguments = "[FOLDER]",
    .contexts = PANES,
    .run = run_unsubscribe,
    .effect_imap = "UNSUBSCRIBE; the folder and its mail stay",
    .effect_gmail = "the label is no longer shown in some programs",
    .effect_pop = "none: there is no such list",
    .effect_local = "none: there is no such list" },
  { NULL },
};

/* fulmar folder: making, renaming and removing folders, on whatever kind of account. */
#include "cli/cli-private.h"
#include <stdio.h>
#include <string.h>

static void
heard (const FmEvent *event, gpointer data)
{
  guint64 *request = data;

  if (event->kind == FM_EVENT_DONE && event->reply_to == *request && event->text)
    printf ("%s\n", event->text);
}

/* "work/Lists/new": the account and the name in it. FALSE: said. */
static gboolean
split_name (FmCliSession *session, const char *full, char **ret_account, const char **ret_name)
{
  const char *slash = strchr (full, '/');
  g_autofree char *account = slash ? g_strndup (full, slash - full) : NULL;

  if (!slash || !slash[1])
    {
      fm_cli_session_complain ("`%s` names no folder: write ACCOUNT/NAME", full);
      return FALSE;
    }
  if (!fm_cli_knows_account (fm_app_config (fm_cli_session_app (session)), account))
    return FALSE;
  *ret_account = g_steal_pointer (&account);
  *ret_name = slash + 1;
  return TRUE;
}

static FmAction *
make_action (FmCliSession *session, char **argv)
{
  g_autofree char *account = NULL;
  const char *name, *new_name = argv[3];
  gsize length;

  if (!split_name (session, argv[2], &account, &name))
    return NULL;
  if (strcmp (argv[1], "create") == 0)
    return fm_action_new_folder (FM_ACTION_FOLDER_CREATE, account, name, NULL);
  if (!fm_cli_session_folder (session, argv[2]))
    return NULL;
  if (strcmp (argv[1], "delete") == 0)
    return fm_action_new_folder (FM_ACTION_FOLDER_DELETE, account, name, NULL);
  /* The new name may be written with the account or without. */
  length = strlen (account);
  if (strncmp (new_name, account, length) == 0 && new_name[length] == '/')
    new_name += length + 1;
  return fm_action_new_folder (FM_ACTION_FOLDER_RENAME, account, name, new_name);
}

int
fm_cli_folder_run (const FmCliGlobals *globals, int argc, char **argv)
{
  FmCliSession *session;
  FmAction *action;
  gboolean good = FALSE;

  if (!(argc == 3 && (strcmp (argv[1], "create") == 0 || strcmp (argv[1], "delete") == 0))
      && !(argc == 4 && strcmp (argv[1], "rename") == 0))
    {
      fm_cli_session_complain ("usage: fulmar folder create FOLDER | rename FOLDER NEW | delete FOLDER");
      return 2;
    }
  if (!(session = fm_cli_session_open (globals, FM_CLI_ACT)))
    return 1;
  if ((action = make_action (session, argv)))
    {
      guint64 request = fm_engine_act (fm_app_engine (fm_cli_session_app (session)), action);
      good = fm_cli_session_wait (session, request, heard, &request);
    }
  fm_cli_session_free (session);
  return good ? 0 : 1;
}

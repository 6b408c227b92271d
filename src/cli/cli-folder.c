/* fulmar folder: make, rename, remove, subscribe to. On disk when the command ends; the server is told by whoever syncs. */
#include "cli/cli-private.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct {
  const char *name;
  FmActionKind kind;
  int arguments; /* after the verb */
} Verb;

static const Verb verbs[] = {
  { "create", FM_ACTION_FOLDER_CREATE, 1 },           { "rename", FM_ACTION_FOLDER_RENAME, 2 },
  { "delete", FM_ACTION_FOLDER_DELETE, 1 },           { "subscribe", FM_ACTION_FOLDER_SUBSCRIBE, 1 },
  { "unsubscribe", FM_ACTION_FOLDER_UNSUBSCRIBE, 1 },
};

static const Verb *
find_verb (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (verbs); i++)
    if (strcmp (verbs[i].name, name) == 0)
      return &verbs[i];
  return NULL;
}

static int
usage (void)
{
  fm_cli_session_complain (
      "usage: fulmar folder create|subscribe|unsubscribe FOLDER, folder rename FOLDER NAME, folder delete [--yes] FOLDER");
  return 2;
}

/* "work/Lists/new" -> "work", and where "Lists/new" begins; NULL: said. Transfer: full. */
static char *
split_name (FmCliSession *session, const char *full, const char **ret_name)
{
  const char *slash = strchr (full, '/');
  g_autofree char *account = slash ? g_strndup (full, slash - full) : NULL;

  if (!slash || !slash[1])
    {
      fm_cli_session_complain ("write a folder as ACCOUNT/NAME, as in work/Travel");
      return NULL;
    }
  if (!fm_cli_knows_account (fm_app_config (fm_cli_session_app (session)), account))
    return NULL;
  *ret_name = slash + 1;
  return g_steal_pointer (&account);
}

/* Says what is in it, and asks a person; a script must have said --yes. */
static gboolean
may_delete (FmCliSession *session, const char *full, gboolean yes)
{
  g_autofree char *contents = fm_folders_contents (fm_app_folders (fm_cli_session_app (session)), full);
  char answer[16] = "";

  if (!contents)
    return fm_cli_session_folder (session, full) != 0;
  if (yes || strcmp (contents, "nothing") == 0)
    return TRUE;
  if (!isatty (STDIN_FILENO))
    {
      fm_cli_session_complain ("%s is not empty (%s), and this can't be undone: add --yes", full, contents);
      return FALSE;
    }
  g_autofree char *name = fm_text_sanitise_line (full, -1);
  printf ("delete the folder %s? In it: %s. It can't be undone. (y/n) ", name, contents);
  fflush (stdout);
  return fgets (answer, sizeof answer, stdin) && (*answer == 'y' || *answer == 'Y');
}

static void
heard (const FmEvent *event, gpointer data)
{
  const guint64 *request = data;

  if (event->kind == FM_EVENT_DONE && event->reply_to == *request && event->text)
    {
      g_autofree char *text = fm_text_sanitise_line (event->text, -1);
      printf ("%s\n", text);
    }
}

static int
run_verb (FmCliSession *session, const Verb *verb, char **arguments, gboolean yes)
{
  const char *name, *to = verb->arguments > 1 ? arguments[1] : NULL;
  g_autofree char *account = split_name (session, arguments[0], &name);
  g_autofree char *own = account ? g_strconcat (account, "/", NULL) : NULL;
  guint64 request;

  if (!account || (verb->kind == FM_ACTION_FOLDER_DELETE && !may_delete (session, arguments[0], yes)))
    return 1;
  if (to && g_str_has_prefix (to, own))
    to += strlen (own);
  request = fm_engine_act (fm_app_engine (fm_cli_session_app (session)), fm_action_new_folder (verb->kind, account, name, to));
  return fm_cli_session_wait (session, request, heard, &request) ? 0 : 1;
}

int
fm_cli_folder_run (const FmCliGlobals *globals, int argc, char **argv)
{
  const Verb *verb = argc > 1 ? find_verb (argv[1]) : NULL;
  gboolean yes = verb && verb->kind == FM_ACTION_FOLDER_DELETE && argc > 2 && strcmp (argv[2], "--yes") == 0;
  FmCliSession *session;
  int status;

  if (!verb || argc != 2 + yes + verb->arguments)
    return usage ();
  if (!(session = fm_cli_session_open (globals, FM_CLI_ACT)))
    return 1;
  status = run_verb (session, verb, argv + 2 + yes, yes);
  fm_cli_session_free (session);
  return status;
}

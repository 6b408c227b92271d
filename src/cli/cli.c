/* The table of commands. */
#include "cli/cli-private.h"
#include <stdio.h>
#include <string.h>

typedef struct {
  const char *name;
  const char *usage;
  int (*run) (const FmCliGlobals *globals, int argc, char **argv);
} Command;

static const Command commands[] = {
  { "sync", "sync [--watch] [FOLDER...]                     one pass, or stay and be pushed", fm_cli_sync_run },
  { "fetch", "fetch MESSAGE...                               the rest, where only the header was fetched", fm_cli_fetch_run },
  { "folders", "folders [--json]", fm_cli_list_folders },
  { "folder", "folder create | rename | delete | subscribe | unsubscribe FOLDER [NAME]", fm_cli_folder_run },
  { "list", "list [--json] [--limit N] [--threads] FOLDER", fm_cli_list_run },
  { "search", "search [--json] [--limit N] QUERY", fm_cli_search_run },
  { "show", "show [--text | --html | --raw | --json] MESSAGE", fm_cli_show_run },
  { "move", "move FOLDER MESSAGE...", fm_cli_act_run },
  { "copy", "copy FOLDER MESSAGE...", fm_cli_act_run },
  { "flag", "flag [+|-]FLAG... MESSAGE...                   +seen -flagged answered ...", fm_cli_act_run },
  { "tag", "tag [+|-]TAG... MESSAGE...", fm_cli_act_run },
  { "delete", "delete MESSAGE...                              to Trash", fm_cli_act_run },
  { "send", "send [-t] [--wait] [ADDRESS...] <message       as sendmail: queued, then sent", fm_cli_send_run },
  { "queue", "queue [--json | retry | resend | sent | draft | drop ID...]   what waits, and why", fm_cli_queue_run },
  { "export", "export [--verify] DIR                          everything into Maildirs: a backup", fm_cli_export_run },
  { "free", "free [--older DAYS] [--yes] DIR FOLDER...      delete on the server what the backup in DIR holds", fm_cli_free_run },
  { "index", "index [--rebuild]", fm_cli_sync_index },
  { "setup", "setup                                          the guided account set-up", fm_cli_setup_run },
  { "doctor", "doctor [--json]                                what is wrong, and how to mend it", fm_cli_doctor_run },
};

gboolean
fm_cli_is_command (const char *word)
{
  for (guint i = 0; i < G_N_ELEMENTS (commands); i++)
    if (strcmp (commands[i].name, word) == 0)
      return TRUE;
  return FALSE;
}

/* `-a ACCOUNT` may also stand after the command. The arguments without it; transfer: container. */
static char **
take_account (FmCliGlobals *globals, int *argc, char **argv)
{
  char **left = g_new0 (char *, *argc + 1);
  int n = 0;

  for (int i = 0; i < *argc; i++)
    if (strcmp (argv[i], "-a") == 0 && i + 1 < *argc)
      globals->account = argv[++i];
    else if (strcmp (argv[i], "--") == 0)
      {
        while (i < *argc)
          left[n++] = argv[i++];
      }
    else
      left[n++] = argv[i];
  *argc = n;
  return left;
}

gboolean
fm_cli_knows_account (FmConfig *config, const char *name)
{
  GPtrArray *accounts = fm_config_accounts (config);
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  const char *near;

  for (guint i = 0; i < accounts->len; i++)
    {
      const FmAccountSpec *spec = g_ptr_array_index (accounts, i);
      if (strcmp (spec->name, name) == 0)
        return TRUE;
      g_ptr_array_add (names, spec->name);
    }
  g_ptr_array_add (names, NULL);
  near = fm_text_nearest (name, (const char *const *) names->pdata);
  if (near)
    fm_cli_session_complain ("there is no account %s: did you mean %s?", name, near);
  else
    fm_cli_session_complain ("there is no account %s", name);
  return FALSE;
}

/* What a script reads must be whole: a full disk or a closed pipe is a failure. */
static int
flush_output (int status)
{
  if (fflush (stdout) == 0 && !ferror (stdout))
    return status;
  fm_cli_session_complain ("standard output can't be written");
  return status == 0 ? 1 : status;
}

int
fm_cli_run (const FmCliGlobals *globals, int argc, char **argv)
{
  FmCliGlobals own = *globals;
  g_autofree char **left = take_account (&own, &argc, argv);

  for (guint i = 0; i < G_N_ELEMENTS (commands); i++)
    if (strcmp (commands[i].name, left[0]) == 0)
      {
        if (argc > 1 && (strcmp (left[1], "--help") == 0 || strcmp (left[1], "-h") == 0))
          {
            g_print ("Usage: fulmar %s\n", commands[i].usage);
            return 0;
          }
        return flush_output (commands[i].run (&own, argc, left));
      }
  return 2;
}

const char *
fm_cli_usage (void)
{
  static char *usage;

  if (!usage)
    {
      GString *text = g_string_new (NULL);
      for (guint i = 0; i < G_N_ELEMENTS (commands); i++)
        g_string_append_printf (text, "       fulmar %s\n", commands[i].usage);
      usage = g_string_free (text, FALSE);
    }
  return usage;
}

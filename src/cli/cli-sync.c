/* fulmar sync, index: the work itself, and the index. */
#include "cli/cli-private.h"
#include <fulmar/store/folder-store.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct {
  FmCliSession *session;
  gint64 new_mail;
  gboolean tty, line_open, watching;
} Watched;

static void
close_line (Watched *watched)
{
  if (watched->line_open)
    fprintf (stderr, "\r\033[K");
  watched->line_open = FALSE;
}

static void
tell_new (Watched *watched, const FmEvent *event)
{
  g_autoptr (FmFolderInfo) folder = fm_folder_store_get (fm_cli_session_reader (watched->session), event->folder_id, NULL);
  g_autofree char *full = folder ? g_strconcat (folder->account, "/", folder->name, NULL) : g_strdup ("");
  g_autofree char *clean = fm_text_sanitise_line (full, -1);

  printf ("%" G_GINT64_FORMAT " new in %s\n", event->count, clean);
  fflush (stdout);
}

static void
heard (const FmEvent *event, gpointer data)
{
  Watched *watched = data;
  g_autofree char *text = event->text ? fm_text_sanitise_line (event->text, -1) : NULL;

  if (event->kind == FM_EVENT_FOLDER_CHANGED && event->count > 0)
    {
      watched->new_mail += event->count;
      if (watched->watching)
        tell_new (watched, event);
    }
  if (event->kind == FM_EVENT_PROGRESS && watched->tty && text)
    {
      fprintf (stderr, "\r\033[K%s %" G_GINT64_FORMAT " of %" G_GINT64_FORMAT, text, event->count, event->total);
      watched->line_open = TRUE;
    }
  else if (event->kind == FM_EVENT_NOTICE && !event->error && text)
    {
      close_line (watched);
      fm_cli_session_complain ("%s%s%s", event->account ? event->account : "", event->account ? ": " : "", text);
    }
  else if (event->kind == FM_EVENT_STATE && (event->state == FM_STATE_RETRYING || event->state == FM_STATE_REFUSED) && text)
    {
      close_line (watched);
      fm_cli_session_complain ("%s: %s", event->account, text);
    }
}

/* FOLDER arguments by account: "work/INBOX", or plain names of the account that -a gives. FALSE: said. */
static gboolean
sort_folder (GHashTable *by_account, GPtrArray *accounts, const FmCliGlobals *globals, const char *argument)
{
  const char *account = globals->account, *name = argument;
  GPtrArray *names;

  for (guint i = 0; i < accounts->len; i++)
    {
      const FmAccountSpec *spec = g_ptr_array_index (accounts, i);
      gsize length = strlen (spec->name);
      if (strncmp (argument, spec->name, length) == 0 && argument[length] == '/')
        {
          account = spec->name;
          name = argument + length + 1;
        }
    }
  if (!account)
    {
      fm_cli_session_complain ("`%s` names no account: write ACCOUNT/FOLDER, or give -a ACCOUNT", argument);
      return FALSE;
    }
  if (!(names = g_hash_table_lookup (by_account, account)))
    {
      names = g_ptr_array_new ();
      g_hash_table_insert (by_account, (gpointer) account, names);
    }
  g_ptr_array_add (names, (gpointer) name);
  return TRUE;
}

/* One account after the other is waited for; they work side by side. One that fails does not keep the others from it. */
static gboolean
sync_all (FmCliSession *session, const FmCliGlobals *globals, GHashTable *by_account, Watched *watched)
{
  FmApp *app = fm_cli_session_app (session);
  GPtrArray *accounts = fm_config_accounts (fm_app_config (app));
  gboolean good = TRUE;

  for (guint i = 0; i < accounts->len; i++)
    {
      const FmAccountSpec *spec = g_ptr_array_index (accounts, i);
      GPtrArray *names = g_hash_table_lookup (by_account, spec->name);
      const char *const *folders;
      if ((globals->account && strcmp (globals->account, spec->name) != 0) || (!names && g_hash_table_size (by_account) > 0))
        continue;
      if (names)
        g_ptr_array_add (names, NULL);
      folders = names ? (const char *const *) names->pdata : NULL;
      fm_cli_session_wait_for (session, spec->name);
      good &= fm_cli_session_wait (session, fm_engine_sync (fm_app_engine (app), spec->name, folders), heard, watched);
    }
  fm_cli_session_wait_for (session, NULL);
  close_line (watched);
  return good;
}

/* Folders named on the command line must be there after the pass, which has read the tree. FALSE: said. */
static gboolean
folders_exist (FmCliSession *session, GHashTable *by_account)
{
  GHashTableIter iter;
  gpointer account, names;
  gboolean good = TRUE;

  g_hash_table_iter_init (&iter, by_account);
  while (g_hash_table_iter_next (&iter, &account, &names))
    for (guint i = 0; i < ((GPtrArray *) names)->len; i++)
      {
        const char *name = g_ptr_array_index ((GPtrArray *) names, i);
        g_autofree char *full = name ? g_strconcat (account, "/", name, NULL) : NULL;
        good &= !full || fm_cli_session_folder (session, full) != 0;
      }
  return good;
}

static int
run_sync (FmCliSession *session, const FmCliGlobals *globals, GHashTable *by_account, gboolean watch)
{
  Watched watched = { .session = session, .tty = isatty (STDERR_FILENO) };

  if (!sync_all (session, globals, by_account, &watched) || !folders_exist (session, by_account))
    return 1;
  printf ("%" G_GINT64_FORMAT " new\n", watched.new_mail);
  fflush (stdout);
  watched.watching = TRUE;
  watched.tty = FALSE;
  if (watch)
    fm_cli_session_stay (session, heard, &watched);
  return 0;
}

int
fm_cli_sync_run (const FmCliGlobals *globals, int argc, char **argv)
{
  g_autoptr (GHashTable) by_account = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, (GDestroyNotify) g_ptr_array_unref);
  gboolean watch = FALSE, good = TRUE;
  FmCliSession *session;
  int status = 1;

  for (int i = 1; i < argc; i++)
    if (strcmp (argv[i], "--watch") == 0)
      watch = TRUE;
    else if (*argv[i] == '-')
      {
        fm_cli_session_complain ("usage: fulmar sync [-a ACCOUNT] [--watch] [FOLDER...]");
        return 2;
      }
  if (!(session = fm_cli_session_open (globals, watch ? FM_CLI_STAY : FM_CLI_NETWORK)))
    return 1;
  for (int i = 1; i < argc; i++)
    if (*argv[i] != '-')
      good &= sort_folder (by_account, fm_config_accounts (fm_app_config (fm_cli_session_app (session))), globals, argv[i]);
  if (good)
    status = run_sync (session, globals, by_account, watch);
  fm_cli_session_free (session);
  return status;
}

/* --- index --- */

int
fm_cli_sync_index (const FmCliGlobals *globals, int argc, char **argv)
{
  gboolean rebuild = argc > 1 && strcmp (argv[1], "--rebuild") == 0, good;
  Watched watched = { .tty = isatty (STDERR_FILENO) };
  FmCliSession *session;
  FmEngine *engine;

  if (argc > 1 + rebuild)
    {
      fm_cli_session_complain ("usage: fulmar index [--rebuild]");
      return 2;
    }
  if (!(session = fm_cli_session_open (globals, FM_CLI_NETWORK)))
    return 1;
  engine = fm_app_engine (fm_cli_session_app (session));
  if (!fm_engine_is_leader (engine) && rebuild)
    {
      fm_cli_session_complain ("another Fulmar runs on this store: close it first");
      fm_cli_session_free (session);
      return 1;
    }
  good = fm_cli_session_wait (session, rebuild ? fm_engine_rebuild_index (engine) : fm_engine_sync (engine, NULL, NULL), heard, &watched);
  close_line (&watched);
  if (good)
    printf ("the index is up to date\n");
  fm_cli_session_free (session);
  return good ? 0 : 1;
}

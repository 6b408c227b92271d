/* fulmar folders, fulmar list. */
#include "cli/cli-private.h"
#include <fulmar/store/folder-store.h>
#include <fulmar/store/positions.h>
#include <stdio.h>
#include <string.h>

#define SLICE 500

/* SERVER: what lies on the server (POP) or how full it is (IMAP), said with the inbox; NULL where it has not told. */
static void
print_folder (const FmFolderInfo *info, const FmAccountInfo *server, gboolean as_json)
{
  g_autofree char *full = g_strconcat (info->account, "/", info->name, NULL);
  guint64 total = info->lowest_uid == 0 && info->total == 0 ? info->server_total : info->total;
  guint64 unread = info->lowest_uid == 0 && info->total == 0 ? info->server_unread : info->unread;

  if (as_json)
    {
      FmCliJson *json = fm_cli_json_new ();
      const char *special = fm_folder_store_special_name (info->special);
      fm_cli_json_string (json, "folder", full);
      fm_cli_json_number (json, "total", total);
      fm_cli_json_number (json, "unread", unread);
      fm_cli_json_string (json, "special", *special ? special : NULL);
      if (server && server->server_limit > 0)
        {
          fm_cli_json_number (json, "quota_used", (gint64) server->server_bytes);
          fm_cli_json_number (json, "quota_limit", (gint64) server->server_limit);
        }
      else if (server)
        {
          fm_cli_json_number (json, "server_total", (gint64) server->server_count);
          fm_cli_json_number (json, "server_bytes", (gint64) server->server_bytes);
        }
      fm_cli_json_bool (json, "subscribed", info->subscribed);
      fm_cli_json_print (json);
    }
  else
    {
      g_autofree char *name = fm_text_sanitise_line (full, -1);
      g_autofree char *size = server ? fm_text_size (server->server_bytes) : NULL;
      printf ("%8" G_GUINT64_FORMAT " %8" G_GUINT64_FORMAT "  %s", unread, total, name);
      if (server && server->server_limit > 0)
        {
          g_autofree char *limit = fm_text_size (server->server_limit);
          printf ("  (%s of %s used on the server)", size, limit);
        }
      else if (server)
        printf ("  (%" G_GUINT64_FORMAT " on the server, %s)", server->server_count, size);
      printf ("\n");
    }
}

static const FmAccountInfo *
server_of (const GPtrArray *accounts, const FmFolderInfo *info)
{
  for (guint i = 0; accounts && info->special == FM_SPECIAL_INBOX && i < accounts->len; i++)
    {
      const FmAccountInfo *account = g_ptr_array_index (accounts, i);
      if (account->id == info->account_id && account->server_seen_utc != 0)
        return account;
    }
  return NULL;
}

int
fm_cli_list_folders (const FmCliGlobals *globals, int argc, char **argv)
{
  gboolean as_json = argc > 1 && strcmp (argv[1], "--json") == 0;
  g_autoptr (GPtrArray) folders = NULL, accounts = NULL;
  FmCliSession *session;

  if (argc > 1 + as_json)
    {
      fm_cli_session_complain ("usage: fulmar folders [--json]");
      return 2;
    }
  if (!(session = fm_cli_session_open (globals, FM_CLI_READ)))
    return 1;
  folders = fm_folder_store_list (fm_cli_session_reader (session), 0, NULL);
  accounts = fm_folder_store_accounts (fm_cli_session_reader (session), NULL);
  if (!as_json)
    printf ("  unread    total  folder\n");
  for (guint i = 0; folders && i < folders->len; i++)
    {
      const FmFolderInfo *info = g_ptr_array_index (folders, i);
      if (info->selectable && info->special != FM_SPECIAL_OUTBOX && (!globals->account || strcmp (globals->account, info->account) == 0))
        print_folder (info, server_of (accounts, info), as_json);
    }
  fm_cli_session_free (session);
  return 0;
}

typedef struct {
  gboolean as_json, threads;
  guint64 limit;
  const char *folder;
} ListOptions;

static gboolean
parse (int argc, char **argv, ListOptions *options)
{
  options->limit = G_MAXUINT64;
  for (int i = 1; i < argc; i++)
    {
      if (strcmp (argv[i], "--json") == 0)
        options->as_json = TRUE;
      else if (strcmp (argv[i], "--threads") == 0)
        options->threads = TRUE;
      else if (strcmp (argv[i], "--limit") == 0 && i + 1 < argc
               && g_ascii_string_to_unsigned (argv[i + 1], 10, 0, G_MAXINT64, &options->limit, NULL))
        i++;
      else if (argv[i][0] != '-' && !options->folder)
        options->folder = argv[i];
      else
        return FALSE;
    }
  return options->folder != NULL;
}

static gboolean
print_list (FmCliSession *session, gint64 folder_id, const ListOptions *options)
{
  FmListSpec spec = { .folder_id = folder_id, .order = options->threads ? FM_ORDER_THREAD : FM_ORDER_DATE, .descending = TRUE };
  g_autoptr (GError) error = NULL;
  g_autoptr (FmPositions) positions = fm_positions_load (fm_cli_session_reader (session), &spec, NULL, &error);
  guint64 count;

  if (!positions)
    {
      fm_cli_session_complain ("%s", error->message);
      return FALSE;
    }
  count = MIN (fm_positions_count (positions), options->limit);
  for (guint64 at = 0; at < count; at += SLICE)
    {
      g_autoptr (GPtrArray) rows = fm_positions_rows (positions, fm_cli_session_reader (session), at, MIN (SLICE, count - at), &error);
      if (!rows)
        {
          fm_cli_session_complain ("%s", error->message);
          return FALSE;
        }
      for (guint i = 0; i < rows->len; i++)
        {
          const FmRow *row = g_ptr_array_index (rows, i);
          if (row)
            fm_cli_message_print (session, row->id, options->threads ? row->depth : G_MAXUINT, options->as_json);
        }
    }
  return TRUE;
}

int
fm_cli_list_run (const FmCliGlobals *globals, int argc, char **argv)
{
  ListOptions options = { 0 };
  FmCliSession *session;
  gint64 folder_id;
  gboolean good;

  if (!parse (argc, argv, &options))
    {
      fm_cli_session_complain ("usage: fulmar list [--json] [--limit N] [--threads] FOLDER");
      return 2;
    }
  if (!(session = fm_cli_session_open (globals, FM_CLI_READ)))
    return 1;
  folder_id = fm_cli_session_folder (session, options.folder);
  good = folder_id && print_list (session, folder_id, &options);
  fm_cli_session_free (session);
  return good ? 0 : 1;
}

/* fulmar show: a message as text, HTML, JSON or its bytes. */
#include "cli/cli-private.h"
#include <fulmar/app/page.h>
#include <fulmar/mail/layout.h>
#include <fulmar/mail/message.h>
#include <fulmar/store/body-store.h>
#include <fulmar/store/folder-store.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int
output_width (void)
{
  struct winsize size;

  if (isatty (STDOUT_FILENO) && ioctl (STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 20)
    return size.ws_col;
  return 80;
}

static gboolean
print_text (const char *path, gboolean prefer_html)
{
  FmPageOptions page = { .mode = prefer_html ? FM_SHOW_HTML : FM_SHOW_BEST };
  g_autoptr (GError) error = NULL;
  g_autoptr (FmMessage) message = fm_message_open_file (path, 0, -1, &error);
  g_autoptr (FmDoc) doc = message ? fm_page_build (message, &page, NULL, NULL) : NULL;
  FmLayoutOptions options = { .width_cols = output_width () };
  g_autoptr (FmLayout) layout = doc ? fm_layout_new (doc, &options) : NULL;
  FmLayoutLine line;

  if (!doc)
    {
      fm_cli_session_complain ("%s", error->message);
      return FALSE;
    }
  for (guint i = 0; fm_layout_line (layout, i, &line); i++)
    printf ("%.*s\n", (int) line.size_bytes, line.text);
  return TRUE;
}

static gboolean
print_raw (const char *path)
{
  g_autofree char *block = g_malloc (1 << 16);
  FILE *file = fopen (path, "re");
  gsize n;

  if (!file)
    {
      fm_cli_session_complain ("%s can't be read", path);
      return FALSE;
    }
  while ((n = fread (block, 1, 1 << 16, file)) > 0)
    fwrite (block, 1, n, stdout);
  fclose (file);
  return TRUE;
}

static gboolean
print_message (FmCliSession *session, const char *mode, gint64 id, const char *path)
{
  if (strcmp (mode, "--json") == 0)
    {
      fm_cli_message_print (session, id, G_MAXUINT, TRUE);
      return TRUE;
    }
  if (strcmp (mode, "--raw") == 0)
    return print_raw (path);
  return print_text (path, strcmp (mode, "--html") == 0);
}

/* The first of the copies whose body is here. Transfer: full; NULL: none. */
static char *
find_path (FmCliSession *session, const GArray *ids, gint64 *ret_id)
{
  for (guint i = 0; i < ids->len; i++)
    {
      char *path = fm_body_store_path (fm_cli_session_reader (session), g_array_index (ids, gint64, i), NULL);
      *ret_id = g_array_index (ids, gint64, i);
      /* A Maildir's file may have got another name since the last look. */
      if (path && !g_file_test (path, G_FILE_TEST_EXISTS))
        {
          char *now = fm_body_store_find_again (path);
          g_free (path);
          path = now;
        }
      if (path)
        return path;
    }
  return NULL;
}

/* Only the header was wanted: the rest is fetched when that is asked for in so many words. TRUE: said. */
static gboolean
is_held_back (FmCliSession *session, const GArray *ids, const char *name)
{
  FmApp *app = fm_cli_session_app (session);
  g_autoptr (FmMessageInfo) info = fm_message_store_get (fm_cli_session_reader (session), g_array_index (ids, gint64, 0), NULL);
  g_autoptr (FmFolderInfo) folder
      = info && info->is_stub ? fm_folder_store_get (fm_cli_session_reader (session), info->folder_id, NULL) : NULL;
  GPtrArray *accounts = fm_config_accounts (fm_app_config (app));

  for (guint i = 0; folder && i < accounts->len; i++)
    {
      const FmAccountSpec *spec = g_ptr_array_index (accounts, i);
      if (strcmp (spec->name, folder->account) == 0 && spec->offline != FM_OFFLINE_HEADERS)
        {
          g_autofree char *size = fm_text_size (info->size_bytes);
          fm_cli_session_complain (
              "only the header was fetched, since the message is larger than size_limit; `fulmar fetch %s` brings the rest (%s)", name,
              size);
          return TRUE;
        }
    }
  return FALSE;
}

/* Bodies that are not here are fetched if there is a connection to be had; only then is one made. */
static gboolean
show (const FmCliGlobals *globals, const char *mode, const char *name, FmCliNeed need, gboolean *ret_missing)
{
  FmCliSession *session = fm_cli_session_open (globals, need);
  g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (gint64));
  g_autofree char *path = NULL;
  gint64 id = 0;
  gboolean good = session && fm_cli_session_messages (session, name, ids);

  if (good && need == FM_CLI_NETWORK)
    {
      id = g_array_index (ids, gint64, 0);
      good = fm_cli_session_wait (session, fm_engine_want_body (fm_app_engine (fm_cli_session_app (session)), id), NULL, NULL);
    }
  if (good && need == FM_CLI_READ && strcmp (mode, "--json") != 0 && is_held_back (session, ids, name))
    good = FALSE;
  if (good)
    {
      path = find_path (session, ids, &id);
      *ret_missing = !path && strcmp (mode, "--json") != 0;
      good = !*ret_missing && print_message (session, mode, id, path);
    }
  fm_cli_session_free (session);
  return good;
}

int
fm_cli_show_run (const FmCliGlobals *globals, int argc, char **argv)
{
  static const char *const modes[] = { "--text", "--html", "--raw", "--json", NULL };
  const char *mode = "--text", *name = NULL;
  gboolean missing = FALSE;

  for (int i = 1; i < argc; i++)
    if (g_strv_contains (modes, argv[i]))
      mode = argv[i];
    else if (!name && *argv[i] != '-')
      name = argv[i];
    else
      name = "";
  if (!name || !*name)
    {
      fm_cli_session_complain ("usage: fulmar show [--text | --html | --raw | --json] MESSAGE");
      return 2;
    }
  if (show (globals, mode, name, FM_CLI_READ, &missing))
    return 0;
  return missing && show (globals, mode, name, FM_CLI_NETWORK, &missing) ? 0 : 1;
}

/* The controller: makes and ends the models that views draw, and opens folders, searches and messages in them. What the engine tells is taken
 * apart in app-events.c. */
#include "app/app-events.h"
#include "app/body-wait.h"
#include "app/composer-private.h"
#include "app/config-watch.h"
#include "app/demo.h"
#include "app/folders-private.h"
#include "app/list-private.h"
#include "app/parts-private.h"
#include "app/reading-private.h"
#include "app/search-counts.h"
#include <fulmar/base/clock.h>
#include <fulmar/base/paths.h>
#include <fulmar/store/folder-store.h>
#include <fulmar/store/list-store.h>
#include <fulmar/store/message-store.h>
#include <string.h>

#define EVENT_BUDGET_US 4000

/* --- talking to the shell --- */

static void say (FmApp *app, FmSayKind kind, const char *format, va_list args) G_GNUC_PRINTF (3, 0);

static void
say (FmApp *app, FmSayKind kind, const char *format, va_list args)
{
  g_autofree char *text = g_strdup_vprintf (format, args);
  g_autofree char *clean = fm_text_sanitise_line (text, -1);

  if (kind == FM_SAY_ERROR)
    fm_log_warning ("%s", clean);
  if (app->shell)
    app->shell->say (app->shell_data, kind, clean);
}

void
fm_app_say (FmApp *app, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  say (app, FM_SAY_ANSWER, format, args);
  va_end (args);
}

void
fm_app_notify (FmApp *app, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  say (app, FM_SAY_NOTICE, format, args);
  va_end (args);
}

void
fm_app_complain (FmApp *app, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  say (app, FM_SAY_ERROR, format, args);
  va_end (args);
}

void
fm_app_changed (FmApp *app, guint what)
{
  if (app->shell)
    app->shell->changed (app->shell_data, what);
}

void
fm_app_expect (FmApp *app, guint64 request, FmAppReply reply, gpointer data, GDestroyNotify free_data)
{
  FmAppAwaited *entry = g_new0 (FmAppAwaited, 1);

  entry->reply = reply;
  entry->data = data;
  entry->free_data = free_data;
  g_hash_table_insert (app->replies, g_memdup2 (&request, sizeof request), entry);
}

FmStoreReader *
fm_app_reader (FmApp *app)
{
  return fm_engine_reader (app->engine);
}

/* --- life --- */

void
fm_app_set_listener (FmApp *app, FmAppListener listener, gpointer data)
{
  app->listener = listener;
  app->listener_data = data;
}

FmApp *
fm_app_new (FmConfig *config, const FmAppOptions *options, GError **error)
{
  FmApp *app = g_new0 (FmApp, 1);
  FmEngineOptions engine = { .read_only = options->read_only, .lease = options->screen, .index = options->screen };

  app->config = config;
  app->read_only = options->read_only;
  app->demo = options->demo;
  app->account = g_strdup (options->account);
  app->port = fm_port_new ();
  app->overlay = fm_overlay_new ();
  fm_app_events_init (app);
  if (options->demo)
    {
      if (!(app->demo_dir = fm_demo_make (config, error)))
        {
          fm_app_free (app);
          return NULL;
        }
      app->data_dir = g_build_filename (app->demo_dir, "data", NULL);
    }
  else if (options->data_dir)
    app->data_dir = g_strdup (options->data_dir);
  else
    app->data_dir = fm_config_store (config) ? g_strdup (fm_config_store (config)) : fm_paths_data_dir ();

  engine.data_dir = app->data_dir;
  engine.accounts = fm_config_accounts (config);
  engine.network = options->screen || options->network; /* the demo has no server to connect to */
  /* A search alone never leads: others would hand their mail to a process that is about to end. */
  if (options->network)
    engine.lease = TRUE;
  if (options->network || options->index)
    engine.index = TRUE;
  engine.events = app->port;
  if (!fm_paths_make_private_dir (app->data_dir, error) || !(app->engine = fm_engine_open (&engine, error)))
    {
      fm_app_free (app);
      return NULL;
    }
  app->folders = fm_folders_new (app);
  fm_folders_reload (app->folders);
  app->list = fm_list_open_folder (app, 0);
  app->source = fm_port_source_new (app->port, EVENT_BUDGET_US, fm_app_events_take, app);
  g_source_attach (app->source, NULL);
  if (options->screen)
    app->search_counts = fm_search_counts_new (app);
  if ((options->screen || options->stays) && !options->demo)
    app->config_watch = fm_config_watch_new (app);
  return app;
}

void
fm_app_free (FmApp *app)
{
  if (!app)
    return;
  app->shell = NULL;
  if (app->engine)
    fm_body_wait_give_up (app);
  if (app->source)
    {
      g_source_destroy (app->source);
      g_source_unref (app->source);
    }
  if (app->engine)
    {
      fm_config_watch_free (app->config_watch);
      fm_search_counts_free (app->search_counts);
      fm_parts_free (app->parts);
      fm_reading_free (app->reading);
      fm_list_free (app->list);
      fm_list_free (app->list_behind);
      fm_app_close_composer (app);
      fm_engine_close (app->engine);
    }
  fm_folders_free (app->folders);
  fm_overlay_free (app->overlay);
  g_hash_table_unref (app->replies);
  g_hash_table_unref (app->states);
  fm_port_unref (app->port);
  if (app->demo_dir)
    fm_demo_remove (app->demo_dir);
  fm_config_free (app->config);
  g_free (app->demo_dir);
  g_free (app->data_dir);
  g_free (app->account);
  g_free (app->progress);
  g_free (app->command_line);
  g_free (app->wanted);
  g_free (app->last_folder);
  g_free (app->place);
  g_free (app->last_limit);
  g_free (app->last_search);
  g_free (app->save_directory);
  g_free (app);
}

void
fm_app_set_shell (FmApp *app, const FmShell *shell, gpointer shell_data)
{
  app->shell = shell;
  app->shell_data = shell_data;
}

/* --- opening --- */

gint64
fm_app_first_inbox (FmApp *app)
{
  GPtrArray *accounts = fm_config_accounts (app->config);

  for (guint i = 0; i < accounts->len; i++)
    {
      const FmAccountSpec *spec = g_ptr_array_index (accounts, i);
      gint64 id = app->account && strcmp (app->account, spec->name) != 0 ? 0 : fm_folders_special (app->folders, spec->name, "inbox");
      if (id)
        return id;
    }
  return 0;
}

void
fm_app_start (FmApp *app, const char *folder)
{
  g_autofree char *name = g_strdup (folder ? folder : "");
  gint64 folder_id = *name ? fm_folders_find (app->folders, name) : fm_app_first_inbox (app);

  g_clear_pointer (&app->wanted, g_free);
  app->untouched = !*name;
  if (!app->problems_told)
    fm_config_watch_complain (app, app->config);
  app->problems_told = TRUE;
  fm_cmd_queue_count (app);
  fm_cmd_compose_count_leftovers (app);
  if (g_str_has_prefix (name, "mailto:"))
    {
      fm_cmd_compose_mailto (app, name);
      folder_id = fm_app_first_inbox (app);
    }
  if (folder_id)
    fm_app_open_folder (app, folder_id);
  else if (*name && fm_app_open_saved (app, name))
    return;
  else /* not known yet: opened when the account's folders have been read */
    app->wanted = g_strdup (g_str_has_prefix (name, "mailto:") ? "" : name);
}

static void
show_list (FmApp *app, FmList *list, gboolean keep_behind)
{
  if (keep_behind && !app->list_behind && fm_list_folder (app->list) != 0)
    app->list_behind = app->list;
  else
    fm_list_free (app->list);
  if (!keep_behind)
    g_clear_pointer (&app->list_behind, fm_list_free);
  app->list = list;
  app->tag_prefix = FALSE;
  fm_app_changed (app, FM_CHANGE_LIST | FM_CHANGE_FOLDERS | FM_CHANGE_STATUS);
}

void
fm_app_open_folder (FmApp *app, gint64 folder_id)
{
  FmList *list = fm_list_open_folder (app, folder_id);

  fm_engine_open_folder (app->engine, folder_id);
  fm_folders_set_current (app->folders, folder_id, NULL);
  show_list (app, list, FALSE);
}

const char *
fm_app_server_words (const char *query_text)
{
  static const char mark[] = "gmail:";
  const char *words = query_text + strspn (query_text, " ");

  if (g_ascii_strncasecmp (words, mark, sizeof mark - 1) != 0)
    return NULL;
  words += sizeof mark - 1;
  return words + strspn (words, " ");
}

static void
open_query (FmApp *app, const char *text, const char *saved_name)
{
  const char *words = fm_app_server_words (text), *title = saved_name ? saved_name : text;
  g_autoptr (FmQuery) query = NULL;

  if (words && !*words)
    {
      fm_app_complain (app, "what is Gmail to search for? As in its own search box: gmail:has:attachment from:ada");
      return;
    }
  if (!words && !(query = fm_app_parse_query (app, text)))
    return;
  show_list (app, words ? fm_list_search_open_server (app, title, words) : fm_list_search_open (app, title, query), TRUE);
  fm_folders_set_current (app->folders, 0, saved_name);
}

void
fm_app_open_search (FmApp *app, const char *query_text)
{
  open_query (app, query_text, NULL);
}

gboolean
fm_app_open_saved (FmApp *app, const char *name)
{
  GPtrArray *searches = fm_config_searches (app->config);

  for (guint i = 0; i < searches->len; i++)
    {
      const FmSavedSearch *search = g_ptr_array_index (searches, i);
      if (strcmp (search->name, name) == 0)
        {
          open_query (app, search->query, name);
          return TRUE;
        }
    }
  return FALSE;
}

gboolean
fm_app_close_search (FmApp *app)
{
  if (!app->list_behind)
    return FALSE;
  fm_list_free (app->list);
  app->list = g_steal_pointer (&app->list_behind);
  fm_list_refresh (app->list, fm_list_folder (app->list));
  fm_folders_set_current (app->folders, fm_list_folder (app->list), NULL);
  fm_app_changed (app, FM_CHANGE_LIST | FM_CHANGE_FOLDERS | FM_CHANGE_STATUS);
  return TRUE;
}

void
fm_app_open_message (FmApp *app, gint64 msg_id)
{
  if (app->reading && fm_reading_id (app->reading) == msg_id && fm_reading_state (app->reading) != FM_READING_FAILED
      && fm_reading_mode (app->reading) != FM_SHOW_SOURCE)
    {
      while (fm_app_close_part (app))
        ;
      fm_reading_open (app->reading);
      return;
    }
  g_clear_pointer (&app->parts, fm_parts_free);
  fm_reading_free (app->reading);
  app->reading = fm_reading_new (app, msg_id, FALSE);
  fm_app_changed (app, FM_CHANGE_READING);
}

void
fm_app_preview_message (FmApp *app, gint64 msg_id)
{
  if (app->reading ? fm_reading_id (app->reading) == msg_id : msg_id == 0)
    return;
  g_clear_pointer (&app->parts, fm_parts_free);
  fm_reading_free (app->reading);
  app->reading = msg_id != 0 ? fm_reading_new (app, msg_id, TRUE) : NULL;
  fm_app_changed (app, FM_CHANGE_READING);
}

gboolean
fm_app_close_part (FmApp *app)
{
  if (!app->reading || (!app->parts && fm_reading_part (app->reading) < 0))
    return FALSE;
  if (fm_reading_part (app->reading) >= 0)
    fm_reading_set_part (app->reading, -1);
  else
    g_clear_pointer (&app->parts, fm_parts_free);
  fm_app_changed (app, FM_CHANGE_READING);
  return TRUE;
}

gboolean
fm_app_give_up (FmApp *app)
{
  return fm_body_wait_give_up (app);
}

void
fm_app_close_composer (FmApp *app)
{
  g_clear_pointer (&app->composer, fm_composer_free);
}

/* --- what is asked for --- */

FmConfig *
fm_app_config (FmApp *app)
{
  return app->config;
}

FmEngine *
fm_app_engine (FmApp *app)
{
  return app->engine;
}

FmFolders *
fm_app_folders (FmApp *app)
{
  return app->folders;
}

FmList *
fm_app_list (FmApp *app)
{
  return app->list;
}

FmReading *
fm_app_reading (FmApp *app)
{
  return app->reading;
}

FmParts *
fm_app_parts (FmApp *app)
{
  return app->parts;
}

FmComposer *
fm_app_composer (FmApp *app)
{
  return app->composer;
}

const char *
fm_app_account_state (FmApp *app, const char *account)
{
  const FmAppAccountState *state = g_hash_table_lookup (app->states, account);

  /* "password?": on its way in, but standing still. */
  if (state && state->state == FM_STATE_CONNECTING && state->text)
    return state->text;
  return state ? fm_app_events_state_word (state->state) : "";
}

/* "work/INBOX", or "Shared/lists (read-only)". */
static const char *
place_of (FmApp *app)
{
  const char *title = fm_list_title (app->list);

  if (!fm_folders_is_read_only (app->folders, fm_list_folder (app->list)))
    return title;
  g_free (app->place);
  app->place = g_strdup_printf ("%s (read-only)", title);
  return app->place;
}

void
fm_app_status (FmApp *app, FmAppStatus *ret_status)
{
  const FmAppAccountState *state = g_hash_table_lookup (app->states, fm_app_default_account (app));

  *ret_status = (FmAppStatus){
    .place = place_of (app),
    .state_code = state ? state->state : FM_STATE_OFFLINE,
    .state = state ? (state->text && *state->text ? state->text : fm_app_events_state_word (state->state)) : "",
    .queued_ops = app->queued_ops,
    .queued_mails = app->queued_mails,
    .held_ops = app->held_ops,
    .held_until_utc = app->held_until_utc,
    .stuck_mails = app->stuck_mails,
    .unfinished = app->unfinished,
    .progress = app->progress,
    .progress_done = app->progress_done,
    .progress_total = app->progress_total,
    .tag_prefix = app->tag_prefix,
    .progress_is_bytes = app->progress_is_bytes,
  };
  if (fm_body_wait_status (app, &ret_status->progress, &ret_status->progress_done, &ret_status->progress_total))
    ret_status->progress_is_bytes = TRUE;
}

gint64
fm_app_find_folder (FmApp *app, const char *name)
{
  return fm_folders_find (app->folders, name);
}

char **
fm_app_folder_names (FmApp *app)
{
  GPtrArray *names = g_ptr_array_new ();
  GPtrArray *searches = fm_config_searches (app->config);
  FmFolderLine line;

  for (guint i = 0; fm_folders_line (app->folders, i, &line); i++)
    if (line.folder_id)
      g_ptr_array_add (names, g_strdup (line.full_name));
  for (guint i = 0; i < searches->len; i++)
    g_ptr_array_add (names, g_strdup (((FmSavedSearch *) g_ptr_array_index (searches, i))->name));
  g_ptr_array_add (names, NULL);
  return (char **) g_ptr_array_free (names, FALSE);
}

FmQuery *
fm_app_parse_query (FmApp *app, const char *text)
{
  g_autoptr (GError) error = NULL;
  gsize position = 0;
  FmQuery *query = fm_query_parse (text, fm_clock_now_utc (), &position, &error);

  if (!query)
    fm_app_complain (app, "%s (at character %ld: %s)", error->message, g_utf8_strlen (text, MIN (position, strlen (text))) + 1,
                     position < strlen (text) ? text + position : "the end");
  return query;
}

FmAccountSpec *
fm_app_account_named (FmApp *app, const char *name)
{
  GPtrArray *accounts = fm_config_accounts (app->config);

  for (guint i = 0; name && i < accounts->len; i++)
    {
      FmAccountSpec *spec = g_ptr_array_index (accounts, i);
      if (strcmp (spec->name, name) == 0)
        return spec;
    }
  return NULL;
}

FmAccountSpec *
fm_app_account_of_folder (FmApp *app, gint64 folder_id)
{
  FmAccountSpec *spec = fm_app_account_named (app, fm_folders_account (app->folders, folder_id));
  GPtrArray *accounts = fm_config_accounts (app->config);

  return spec ? spec : accounts->len ? g_ptr_array_index (accounts, 0) : NULL;
}

FmAccountSpec *
fm_app_account_of_message (FmApp *app, gint64 msg_id)
{
  g_autoptr (FmMessageInfo) info = fm_message_store_get (fm_app_reader (app), msg_id, NULL);

  return fm_app_account_of_folder (app, info ? info->folder_id : 0);
}

const char *
fm_app_default_account (FmApp *app)
{
  gint64 folder_id = fm_list_folder (app->list);
  const FmAccountSpec *spec
      = folder_id == 0 && app->account ? fm_app_account_named (app, app->account) : fm_app_account_of_folder (app, folder_id);

  return spec ? spec->name : "";
}

gint64
fm_app_special_folder (FmApp *app, const char *account, const char *use)
{
  return fm_folders_special (app->folders, account, use);
}

gboolean
fm_app_folder_is_trash (FmApp *app, gint64 folder_id)
{
  const char *use = fm_folders_use (app->folders, folder_id);

  return strcmp (use, "trash") == 0 || strcmp (use, "junk") == 0;
}

gboolean
fm_app_folder_is_junk (FmApp *app, gint64 folder_id)
{
  return strcmp (fm_folders_use (app->folders, folder_id), "junk") == 0;
}

guint
fm_app_flags_of (FmApp *app, gint64 msg_id)
{
  g_autoptr (FmMessageInfo) info = fm_message_store_get (fm_app_reader (app), msg_id, NULL);
  guint flags = info ? info->flags : 0;
  gboolean gone = FALSE;

  fm_overlay_apply (app->overlay, msg_id, &flags, &gone);
  return flags;
}

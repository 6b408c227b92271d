/* The controller: takes the engine's events apart, keeps the models that views draw, and answers to commands. */
#include "app/app-private.h"
#include "app/composer-private.h"
#include "app/config-watch.h"
#include "app/demo.h"
#include "app/folders-private.h"
#include "app/list-private.h"
#include "app/reading-private.h"
#include <fulmar/base/clock.h>
#include <fulmar/base/paths.h>
#include <fulmar/store/folder-store.h>
#include <fulmar/store/list-store.h>
#include <fulmar/store/message-store.h>
#include <string.h>

#define EVENT_BUDGET_US 4000

typedef struct {
  FmAppReply reply;
  gpointer data;
  GDestroyNotify free_data;
} Reply;

typedef struct {
  FmAccountState state;
  char *text;
} AccountState;

static void
reply_free (gpointer data)
{
  Reply *reply = data;

  if (reply->free_data)
    reply->free_data (reply->data);
  g_free (reply);
}

static void
account_state_free (gpointer data)
{
  AccountState *state = data;

  g_free (state->text);
  g_free (state);
}

/* --- talking to the shell --- */

static void say (FmApp *app, gboolean is_error, const char *format, va_list args) G_GNUC_PRINTF (3, 0);

static void
say (FmApp *app, gboolean is_error, const char *format, va_list args)
{
  g_autofree char *text = g_strdup_vprintf (format, args);
  g_autofree char *clean = fm_text_sanitise_line (text, -1);

  if (is_error)
    fm_log_warning ("%s", clean);
  if (app->shell)
    app->shell->say (app->shell_data, is_error, clean);
}

void
fm_app_say (FmApp *app, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  say (app, FALSE, format, args);
  va_end (args);
}

void
fm_app_complain (FmApp *app, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  say (app, TRUE, format, args);
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
  Reply *entry = g_new0 (Reply, 1);

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

/* --- events --- */

static gboolean
is_final (FmEventKind kind)
{
  return kind == FM_EVENT_DONE || kind == FM_EVENT_FAILED || kind == FM_EVENT_CANCELLED;
}

static void
answer_request (FmApp *app, const FmEvent *event)
{
  gpointer key = NULL, value = NULL;
  Reply *reply;

  if (is_final (event->kind))
    {
      if (!g_hash_table_steal_extended (app->replies, &event->reply_to, &key, &value))
        return;
      reply = value;
      reply->reply (app, event, reply->data);
      reply_free (reply);
      g_free (key);
    }
  else if ((reply = g_hash_table_lookup (app->replies, &event->reply_to)))
    reply->reply (app, event, reply->data);
}

static void
take_state (FmApp *app, const FmEvent *event)
{
  AccountState *state = g_new0 (AccountState, 1);
  const AccountState *before = g_hash_table_lookup (app->states, event->account);

  /* It waits for the user, who must be able to read why; the top line has room for the beginning only. */
  if (event->state == FM_STATE_REFUSED && event->text && (!before || g_strcmp0 (before->text, event->text) != 0))
    fm_app_complain (app, "%s: %s", event->account, event->text);
  state->state = event->state;
  state->text = g_strdup (event->text);
  g_hash_table_insert (app->states, g_strdup (event->account), state);
  /* What could not be fetched is asked for again as soon as there is a connection. */
  if (app->reading && (event->state == FM_STATE_ONLINE || event->state == FM_STATE_PUSHED))
    fm_reading_message_changed (app->reading, fm_reading_id (app->reading));
  fm_app_changed (app, FM_CHANGE_STATUS | FM_CHANGE_FOLDERS);
}

static void
take_progress (FmApp *app, const FmEvent *event)
{
  g_clear_pointer (&app->progress, g_free);
  app->progress_done = event->count;
  app->progress_total = event->total;
  if (event->count < event->total || event->total == 0)
    app->progress = g_strdup (event->text);
  fm_app_changed (app, FM_CHANGE_STATUS);
}

static void
ring (FmApp *app, const FmEvent *event)
{
  const char *name = fm_folders_name (app->folders, event->folder_id);

  if (event->count <= 0 || !name)
    return;
  fm_app_say (app, event->count == 1 ? "%" G_GINT64_FORMAT " new message in %s" : "%" G_GINT64_FORMAT " new messages in %s", event->count,
              name);
}

static void
take_folder_change (FmApp *app, const FmEvent *event)
{
  fm_folders_refresh (app->folders, event->folder_id);
  fm_list_refresh (app->list, event->folder_id);
  if (app->list_behind)
    fm_list_refresh (app->list_behind, event->folder_id);
  ring (app, event);
}

/* The tree is there for the first time: open an inbox, if nothing is open yet. */
static void
take_tree_change (FmApp *app)
{
  fm_folders_reload (app->folders);
  if (fm_list_folder (app->list) == 0 && !app->list_behind && app->wanted)
    fm_app_start (app, app->wanted);
}

typedef struct {
  FmApp *app;
  char *account;
} Asking;

static void
password_answered (const char *answer, gpointer data)
{
  Asking *asking = data;

  if (answer && *answer)
    fm_engine_set_password (asking->app->engine, asking->account, fm_secret_new (answer, -1));
  g_free (asking->account);
  g_free (asking);
}

static void
ask_password (FmApp *app, const FmEvent *event)
{
  Asking *asking;
  g_autofree char *label
      = g_strdup_printf ("%s%spassword for %s: ", event->text ? event->text : "", event->text ? "; " : "", event->account);

  if (!app->shell)
    return;
  asking = g_new0 (Asking, 1);
  asking->app = app;
  asking->account = g_strdup (event->account);
  app->shell->prompt (app->shell_data, FM_PROMPT_SECRET, label, "", password_answered, asking);
}

static void
take_message_change (FmApp *app, const FmEvent *event)
{
  fm_list_message_changed (app->list, event->msg_id);
  if (app->reading)
    fm_reading_message_changed (app->reading, event->msg_id);
  if (event->folder_id)
    fm_folders_refresh (app->folders, event->folder_id);
}

static void
take_notice (FmApp *app, const FmEvent *event)
{
  if (event->error)
    fm_app_complain (app, "%s%s%s", event->account ? event->account : "", event->account ? ": " : "",
                     event->text ? event->text : event->error->message);
  else if (event->text)
    fm_app_say (app, "%s%s%s", event->account ? event->account : "", event->account ? ": " : "", event->text);
}

static void
handle_event (FmApp *app, FmEvent *event)
{
  switch (event->kind)
    {
    case FM_EVENT_COMPUTED:
      fm_event_complete (event);
      break;
    case FM_EVENT_FOLDERS_CHANGED:
      take_tree_change (app);
      break;
    case FM_EVENT_FOLDER_CHANGED:
      take_folder_change (app, event);
      break;
    case FM_EVENT_MESSAGE_CHANGED:
      take_message_change (app, event);
      break;
    case FM_EVENT_STATE:
      take_state (app, event);
      break;
    case FM_EVENT_PROGRESS:
      if (event->reply_to)
        answer_request (app, event);
      take_progress (app, event);
      break;
    case FM_EVENT_NOTICE:
    case FM_EVENT_OP_REFUSED:
    case FM_EVENT_OUTBOX:
      take_notice (app, event);
      break;
    case FM_EVENT_QUEUE:
      app->queued_ops = event->count;
      app->queued_mails = event->total;
      fm_app_changed (app, FM_CHANGE_STATUS);
      break;
    case FM_EVENT_NEED_PASSWORD:
      ask_password (app, event);
      break;
    case FM_EVENT_LEADER:
      fm_app_changed (app, FM_CHANGE_STATUS);
      break;
    case FM_EVENT_DONE:
    case FM_EVENT_FAILED:
    case FM_EVENT_CANCELLED:
    case FM_EVENT_DURABLE:
    case FM_EVENT_SEARCH_BATCH:
      answer_request (app, event);
      break;
    }
}

static void
take_event (gpointer item, gpointer data)
{
  FmEvent *event = item;
  FmApp *app = data;

  if (app->listener)
    app->listener (event, app->listener_data);
  handle_event (app, event);
  fm_event_unref (event);
}

void
fm_app_set_listener (FmApp *app, FmAppListener listener, gpointer data)
{
  app->listener = listener;
  app->listener_data = data;
}

/* --- life --- */

FmApp *
fm_app_new (FmConfig *config, const FmAppOptions *options, GError **error)
{
  FmApp *app = g_new0 (FmApp, 1);
  FmEngineOptions engine = { .read_only = options->read_only, .lease = options->screen, .index = options->screen };

  app->config = config;
  app->read_only = options->read_only;
  app->demo = options->demo;
  app->port = fm_port_new ();
  app->overlay = fm_overlay_new ();
  app->replies = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, reply_free);
  app->states = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, account_state_free);
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
  app->source = fm_port_source_new (app->port, EVENT_BUDGET_US, take_event, app);
  g_source_attach (app->source, NULL);
  if (options->screen && !options->demo)
    app->config_watch = fm_config_watch_new (app);
  return app;
}

void
fm_app_free (FmApp *app)
{
  if (!app)
    return;
  app->shell = NULL;
  if (app->source)
    {
      g_source_destroy (app->source);
      g_source_unref (app->source);
    }
  if (app->engine)
    {
      fm_config_watch_free (app->config_watch);
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
  g_free (app->progress);
  g_free (app->wanted);
  g_free (app->last_folder);
  g_free (app->last_limit);
  g_free (app->last_search);
  g_free (app);
}

void
fm_app_set_shell (FmApp *app, const FmShell *shell, gpointer shell_data)
{
  app->shell = shell;
  app->shell_data = shell_data;
}

/* --- opening --- */

static gint64
first_inbox (FmApp *app)
{
  GPtrArray *accounts = fm_config_accounts (app->config);

  for (guint i = 0; i < accounts->len; i++)
    {
      const FmAccountSpec *spec = g_ptr_array_index (accounts, i);
      gint64 id = fm_folders_special (app->folders, spec->name, "inbox");
      if (id)
        return id;
    }
  return 0;
}

void
fm_app_start (FmApp *app, const char *folder)
{
  g_autofree char *name = g_strdup (folder ? folder : "");
  gint64 folder_id = *name ? fm_folders_find (app->folders, name) : first_inbox (app);

  g_clear_pointer (&app->wanted, g_free);
  if (g_str_has_prefix (name, "mailto:"))
    {
      fm_cmd_compose_mailto (app, name);
      folder_id = first_inbox (app);
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

static void
open_query (FmApp *app, const char *text, const char *saved_name)
{
  g_autoptr (FmQuery) query = fm_app_parse_query (app, text);

  if (!query)
    return;
  show_list (app, fm_list_open_search (app, saved_name ? saved_name : text, query, 0), TRUE);
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
      fm_reading_open (app->reading);
      return;
    }
  fm_reading_free (app->reading);
  app->reading = fm_reading_new (app, msg_id, FALSE);
  fm_app_changed (app, FM_CHANGE_READING);
}

void
fm_app_preview_message (FmApp *app, gint64 msg_id)
{
  if (app->reading ? fm_reading_id (app->reading) == msg_id : msg_id == 0)
    return;
  fm_reading_free (app->reading);
  app->reading = msg_id != 0 ? fm_reading_new (app, msg_id, TRUE) : NULL;
  fm_app_changed (app, FM_CHANGE_READING);
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

FmComposer *
fm_app_composer (FmApp *app)
{
  return app->composer;
}

static const char *
state_word (FmAccountState state)
{
  static const char *const words[] = { "offline", "connecting", "online", "pushed", "retrying", "refused", "local" };

  return (guint) state < G_N_ELEMENTS (words) ? words[state] : "";
}

const char *
fm_app_account_state (FmApp *app, const char *account)
{
  const AccountState *state = g_hash_table_lookup (app->states, account);

  return state ? state_word (state->state) : "";
}

void
fm_app_status (FmApp *app, FmAppStatus *ret_status)
{
  const AccountState *state = g_hash_table_lookup (app->states, fm_app_default_account (app));

  *ret_status = (FmAppStatus){
    .place = fm_list_title (app->list),
    .state_code = state ? state->state : FM_STATE_OFFLINE,
    .state = state ? (state->text && *state->text ? state->text : state_word (state->state)) : "",
    .queued_ops = app->queued_ops,
    .queued_mails = app->queued_mails,
    .progress = app->progress,
    .progress_done = app->progress_done,
    .progress_total = app->progress_total,
    .tag_prefix = app->tag_prefix,
  };
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
  const FmAccountSpec *spec = fm_app_account_of_folder (app, fm_list_folder (app->list));

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

/* The controller's ear: each event of the engine is taken apart here, once, and goes to whom it is for: the request that waits for it, the
 * models, the status line, the user. */
#include "app/app-events.h"
#include "app/folders-private.h"
#include "app/list-private.h"
#include "app/reading-private.h"
#include "app/search-counts.h"

static void
awaited_free (gpointer data)
{
  FmAppAwaited *reply = data;

  if (reply->free_data)
    reply->free_data (reply->data);
  g_free (reply);
}

static void
account_state_free (gpointer data)
{
  FmAppAccountState *state = data;

  g_free (state->text);
  g_free (state);
}

void
fm_app_events_init (FmApp *app)
{
  app->replies = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, awaited_free);
  app->states = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, account_state_free);
}

const char *
fm_app_events_state_word (FmAccountState state)
{
  static const char *const words[] = { "offline", "connecting", "online", "pushed", "retrying", "refused", "local" };

  return (guint) state < G_N_ELEMENTS (words) ? words[state] : "";
}

static gboolean
is_final (FmEventKind kind)
{
  return kind == FM_EVENT_DONE || kind == FM_EVENT_FAILED || kind == FM_EVENT_CANCELLED;
}

static void
answer_request (FmApp *app, const FmEvent *event)
{
  gpointer key = NULL, value = NULL;
  FmAppAwaited *reply;

  if (is_final (event->kind))
    {
      if (!g_hash_table_steal_extended (app->replies, &event->reply_to, &key, &value))
        return;
      reply = value;
      reply->reply (app, event, reply->data);
      awaited_free (reply);
      g_free (key);
    }
  else if ((reply = g_hash_table_lookup (app->replies, &event->reply_to)))
    reply->reply (app, event, reply->data);
}

static void
take_state (FmApp *app, const FmEvent *event)
{
  FmAppAccountState *state = g_new0 (FmAppAccountState, 1);
  const FmAppAccountState *before = g_hash_table_lookup (app->states, event->account);

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
  app->progress_is_bytes = event->reply_to != 0; /* what the user waits for is one message's bytes */
  if (event->count < event->total || event->total == 0)
    app->progress = g_strdup (event->text);
  else if (!event->reply_to) /* the index has caught up, perhaps: it finds more now */
    fm_search_counts_stale (app->search_counts);
  fm_app_changed (app, FM_CHANGE_STATUS);
}

static void
ring (FmApp *app, const FmEvent *event)
{
  const char *name = fm_folders_name (app->folders, event->folder_id);

  if (event->count <= 0 || !name)
    return;
  if (app->shell && fm_config_get_bool (app->config, "bell"))
    app->shell->act (app->shell_data, FM_SHELL_BELL, 0);
  fm_app_notify (app, event->count == 1 ? "%" G_GINT64_FORMAT " new message in %s" : "%" G_GINT64_FORMAT " new messages in %s",
                 event->count, name);
}

static void
take_folder_change (FmApp *app, const FmEvent *event)
{
  fm_folders_refresh (app->folders, event->folder_id);
  fm_list_refresh (app->list, event->folder_id);
  if (app->list_behind)
    fm_list_refresh (app->list_behind, event->folder_id);
  fm_search_counts_stale (app->search_counts);
  ring (app, event);
}

/* The tree is there for the first time: open an inbox, if nothing is open yet; the first account's may be known later than another's. */
static void
take_tree_change (FmApp *app)
{
  fm_folders_reload (app->folders);
  fm_search_counts_stale (app->search_counts);
  if (fm_list_folder (app->list) == 0 && !app->list_behind && app->wanted)
    fm_app_start (app, app->wanted);
  else if (app->untouched && !app->list_behind && fm_app_first_inbox (app) != fm_list_folder (app->list))
    fm_app_open_folder (app, fm_app_first_inbox (app));
}

typedef struct {
  FmApp *app;
  char *account;
} Asking;

/* In words of its own: the worker is on its way in, but stands still. */
static void
tell_waiting (FmApp *app, const char *account, FmAccountState code, const char *text)
{
  FmAppAccountState *state = g_new0 (FmAppAccountState, 1);

  state->state = code;
  state->text = g_strdup (text);
  g_hash_table_insert (app->states, g_strdup (account), state);
  fm_app_changed (app, FM_CHANGE_STATUS | FM_CHANGE_FOLDERS);
}

static void
password_answered (const char *answer, gpointer data)
{
  Asking *asking = data;

  if (answer && *answer)
    {
      tell_waiting (asking->app, asking->account, FM_STATE_CONNECTING, NULL);
      g_autoptr (FmSecret) secret = fm_secret_new (answer, -1);
      fm_engine_set_password (asking->app->engine, asking->account, secret);
    }
  else
    {
      tell_waiting (asking->app, asking->account, FM_STATE_REFUSED, "waits for its password: $ asks for it");
    }
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
  tell_waiting (app, event->account, FM_STATE_CONNECTING, "password?");
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
  fm_search_counts_stale (app->search_counts);
}

static void
take_notice (FmApp *app, const FmEvent *event)
{
  if (fm_search_counts_asked (app->search_counts, event->reply_to))
    return;
  if (event->error)
    fm_app_complain (app, "%s%s%s", event->account ? event->account : "", event->account ? ": " : "",
                     event->text ? event->text : event->error->message);
  else if (event->text && event->kind == FM_EVENT_NOTICE)
    fm_app_notify (app, "%s%s%s", event->account ? event->account : "", event->account ? ": " : "", event->text);
  else if (event->text) /* what became of a mail or a change is an answer to who made it */
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
      fm_cmd_queue_count (app);
      break;
    case FM_EVENT_QUEUE:
      fm_cmd_queue_count (app);
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

void
fm_app_events_take (gpointer item, gpointer data)
{
  FmEvent *event = item;
  FmApp *app = data;

  if (app->listener)
    app->listener (event, app->listener_data);
  handle_event (app, event);
  fm_event_unref (event);
}

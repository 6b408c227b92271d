/* Deleting: into the Trash, where it can be undone. What lies in Trash or Junk already is deleted for good, and that is asked first. */
#include "app/app-private.h"
#include "app/commands.h"
#include "app/list-private.h"

static const FmOverlayEffect effect_gone = { .gone = TRUE };

typedef struct {
  FmApp *app;
  GArray *ids;
} Question;

static void
question_answered (const char *answer, gpointer data)
{
  Question *question = data;

  if (answer && *answer == 'y')
    {
      GArray *ids = question->ids;
      fm_act_run (question->app, fm_action_new_simple (FM_ACTION_DELETE, (const gint64 *) (void *) ids->data, ids->len), &effect_gone);
    }
  g_array_unref (question->ids);
  g_free (question);
}

/* Frees IDS. */
static void
ask_delete (FmApp *app, GArray *ids)
{
  Question *question = g_new0 (Question, 1);
  g_autofree char *text = ids->len == 1 ? g_strdup ("delete this message for good? It can't be undone")
                                        : g_strdup_printf ("delete %u messages for good? It can't be undone", ids->len);

  question->app = app;
  question->ids = ids;
  app->shell->ask (app->shell_data, text, "yn", question_answered, question);
}

/* Does the list show a Trash or Junk folder? */
static gboolean
list_is_trash (FmApp *app)
{
  gint64 folder_id = fm_list_folder (app->list);

  return folder_id && fm_app_folder_is_trash (app, folder_id);
}

static void
delete_ids (const FmCommandCall *call, GArray *ids)
{
  if (ids->len == 0)
    g_array_unref (ids);
  else if (list_is_trash (call->app))
    {
      if (call->app->tag_prefix)
        fm_list_untag_all (call->app->list);
      call->app->tag_prefix = FALSE;
      ask_delete (call->app, ids);
    }
  else
    fm_act_on_targets (call, ids, fm_action_new_simple (FM_ACTION_TRASH, (const gint64 *) (void *) ids->data, ids->len), &effect_gone);
}

static void
run_delete (const FmCommandCall *call)
{
  delete_ids (call, fm_target_ids (call));
}

static void
run_delete_thread (const FmCommandCall *call)
{
  gint64 id = fm_target_id (call);

  if (id)
    delete_ids (call, fm_list_thread_ids (call->app->list, id));
}

/* --- by pattern --- */

typedef struct {
  FmCommandCall call;
  FmList *list; /* compared, not followed: the list may have been left meanwhile */
  GArray *ids;
} Sweep;

static void
sweep_free (gpointer data)
{
  Sweep *sweep = data;

  g_clear_pointer (&sweep->ids, g_array_unref);
  g_free (sweep);
}

static void
swept (FmApp *app, const FmEvent *event, gpointer data)
{
  Sweep *sweep = data;

  if (event->kind == FM_EVENT_SEARCH_BATCH && event->ids)
    g_array_append_vals (sweep->ids, event->ids->data, event->ids->len);
  else if (event->kind == FM_EVENT_FAILED)
    fm_app_complain (app, "%s", event->error->message);
  else if (event->kind == FM_EVENT_DONE && sweep->ids->len == 0)
    fm_app_say (app, "nothing matches");
  else if (event->kind == FM_EVENT_DONE && app->list == sweep->list)
    delete_ids (&sweep->call, g_steal_pointer (&sweep->ids));
}

static void
sweep (const FmCommandCall *call, const char *text)
{
  FmApp *app = call->app;
  g_autoptr (FmQuery) query = fm_app_parse_query (app, text);
  Sweep *data;

  if (!query)
    return;
  if (fm_list_folder (app->list) == 0)
    {
      fm_app_complain (app, "this works in a folder: in a search, tag the messages and use ; d");
      return;
    }
  data = g_new0 (Sweep, 1);
  data->call = *call;
  data->call.argument = "";
  data->list = app->list;
  data->ids = g_array_new (FALSE, FALSE, sizeof (gint64));
  fm_app_expect (app, fm_engine_search (app->engine, query, fm_list_folder (app->list)), swept, data, sweep_free);
}

static void
pattern_answered (const char *answer, gpointer data)
{
  FmCommandCall *call = data;

  if (answer && *answer)
    sweep (call, answer);
  g_free (call);
}

static void
run_delete_pattern (const FmCommandCall *call)
{
  FmCommandCall *copy;

  if (*call->argument)
    {
      sweep (call, call->argument);
      return;
    }
  copy = g_memdup2 (call, sizeof *call);
  copy->argument = "";
  call->app->shell->prompt (call->app->shell_data, FM_PROMPT_SEARCH, "delete messages matching: ", "", pattern_answered, copy);
}

const FmCommand fm_cmd_delete_commands[] = {
  { .name = "delete",
    .help = "move to Trash; in Trash, delete for good",
    .hint = "delete",
    .default_keys = "d <Delete>",
    .contexts = FM_CONTEXT_LIST | FM_CONTEXT_PAGER,
    .repeats_on_tagged = TRUE,
    .run = run_delete,
    .effect_imap = "moved to the Trash folder (MOVE, else COPY and UID EXPUNGE)",
    .effect_gmail = "moved to Trash, all labels go",
    .effect_pop = "moved to the local Trash; the server's copy goes as `leave` says",
    .effect_local = "moved to the Trash folder" },
  { .name = "delete-thread",
    .help = "delete the whole thread",
    .default_keys = "<C-d>",
    .contexts = FM_CONTEXT_LIST | FM_CONTEXT_PAGER,
    .run = run_delete_thread,
    .effect_imap = "each of its messages here is moved to Trash",
    .effect_gmail = "likewise",
    .effect_pop = "likewise",
    .effect_local = "likewise" },
  { .name = "delete-pattern",
    .help = "delete what matches a query",
    .arguments = "[QUERY]",
    .default_keys = "D",
    .contexts = FM_CONTEXT_LIST,
    .run = run_delete_pattern,
    .effect_imap = "each message found in this folder is moved to Trash",
    .effect_gmail = "likewise",
    .effect_pop = "likewise",
    .effect_local = "likewise" },
  { NULL },
};

/* Deleting: into the Trash, where it can be undone. What lies in Trash or Junk already is deleted for good, one message or all: that is asked first, and
 * held a while before any server is told. */
#include "app/app-private.h"
#include "app/commands.h"
#include "app/list-private.h"
#include <fulmar/store/folder-store.h>
#include <fulmar/store/journal.h>

#define STRINGIFY_VALUE(number) #number
#define STRINGIFY(number) STRINGIFY_VALUE (number)
#define HELD " after " STRINGIFY (FM_JOURNAL_HOLD_S) " s"

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
  g_autofree char *text = ids->len == 1 ? g_strdup ("delete this message for good? It can't be undone" HELD)
                                        : g_strdup_printf ("delete %u messages for good? It can't be undone" HELD, ids->len);

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

/* --- a whole folder --- */

typedef struct {
  FmApp *app;
  gint64 folder_id, up_to_id;
  guint64 count;
} Emptying;

static void
empty_answered (const char *answer, gpointer data)
{
  g_autofree Emptying *emptying = data;

  if (answer && *answer == 'y')
    fm_act_run (emptying->app, fm_action_new_empty (emptying->folder_id, emptying->up_to_id, emptying->count), NULL);
}

/* Of the account in view, or of the one named. */
static void
empty (const FmCommandCall *call, const char *use)
{
  FmApp *app = call->app;
  const char *account = *call->argument ? call->argument : fm_app_default_account (app);
  gint64 folder_id = fm_app_special_folder (app, account, use);
  g_autoptr (FmFolderInfo) folder = folder_id ? fm_folder_store_get (fm_app_reader (app), folder_id, NULL) : NULL;
  g_autofree char *question = NULL;
  Emptying *emptying;

  if (!folder)
    {
      fm_app_complain (app, "the account %s has no %s", account, strcmp (use, "trash") == 0 ? "Trash" : "Junk");
      return;
    }
  if (folder->total == 0)
    {
      fm_app_say (app, "%s/%s is empty", folder->account, folder->name);
      return;
    }
  emptying = g_new0 (Emptying, 1);
  *emptying = (Emptying){ app, folder_id, fm_journal_list_last_row (fm_app_reader (app)), folder->total };
  question = g_strdup_printf ("delete all %" G_GUINT64_FORMAT " message%s in %s/%s for good? It can't be undone" HELD, emptying->count,
                              emptying->count == 1 ? "" : "s", folder->account, folder->name);
  app->shell->ask (app->shell_data, question, "yn", empty_answered, emptying);
}

static void
run_empty_trash (const FmCommandCall *call)
{
  empty (call, "trash");
}

static void
run_empty_junk (const FmCommandCall *call)
{
  empty (call, "junk");
}

#define FOR_GOOD                                                                                                                           \
  .effect_imap                                                                                                                             \
      = "after ten seconds each message there is expunged (UID STORE \\Deleted and UID EXPUNGE, by ranges); till then undo takes it back", \
      .effect_gmail = "likewise: gone for good", .effect_pop = "removed here after ten seconds; the server's copies go as `leave` says",   \
      .effect_local = "the files are removed after ten seconds; till then undo takes it back"

const FmCommand fm_cmd_delete_commands[] = {
  { .name = "delete",
    .help = "move to Trash; in Trash, delete for good",
    .hint = "delete",
    .default_keys = "d <Delete>",
    .contexts = FM_CONTEXT_LIST | FM_CONTEXT_PAGER,
    .repeats_on_tagged = TRUE,
    .run = run_delete,
    .effect_imap = "moved to the Trash folder (MOVE, else COPY and UID EXPUNGE); from Trash and Junk expunged, after ten seconds",
    .effect_gmail = "moved to Trash, all labels go; from there gone for good, after ten seconds",
    .effect_pop = "moved to the local Trash; the server's copy goes as `leave` says",
    .effect_local = "moved to the Trash folder; from there the file is removed, after ten seconds" },
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
  { .name = "empty-trash",
    .help = "delete everything in Trash for good (asks)",
    .arguments = "[ACCOUNT]",
    .contexts = FM_CONTEXT_LIST | FM_CONTEXT_PAGER | FM_CONTEXT_FOLDERS,
    .run = run_empty_trash,
    FOR_GOOD },
  { .name = "empty-junk",
    .help = "delete everything in Junk for good (asks)",
    .arguments = "[ACCOUNT]",
    .contexts = FM_CONTEXT_LIST | FM_CONTEXT_PAGER | FM_CONTEXT_FOLDERS,
    .run = run_empty_junk,
    FOR_GOOD },
  { NULL },
};

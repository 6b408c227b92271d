/* Undo and redo: the last action, wherever it was made, also before the last start; or back to one that is chosen from a list. The engine's answer says
 * what came back and where. What can't be undone is said with its reason; undo pressed once more goes past it. */
#include "app/app-private.h"
#include "app/commands.h"
#include <fulmar/app/queue-text.h>
#include <fulmar/base/clock.h>
#include <fulmar/mail/message.h>
#include <fulmar/store/body-store.h>
#include <fulmar/store/folder-store.h>
#include <fulmar/store/outbox-store.h>
#include <string.h>

#define MAX_LEVELS 100

/* The action before the one that was refused a moment ago; 0: the last. */
static gint64
next_candidate (FmApp *app)
{
  gint64 group = 0;

  if (app->undo_refused && !fm_journal_undo_candidate (fm_app_reader (app), app->undo_refused, &group, NULL))
    return 0;
  return group;
}

static void
run_undo (const FmCommandCall *call)
{
  fm_act_run (call->app, fm_action_new_history (FM_ACTION_UNDO, next_candidate (call->app)), NULL);
}

static void
run_redo (const FmCommandCall *call)
{
  fm_act_run (call->app, fm_action_new_history (FM_ACTION_REDO, 0), NULL);
}

/* --- the list --- */

typedef struct {
  gint64 group_id;
  char *line;
} Level;

static void
level_free (gpointer data)
{
  Level *level = data;

  g_free (level->line);
  g_free (level);
}

static gint
newest_first (gconstpointer a, gconstpointer b)
{
  const Level *x = *(Level *const *) a, *y = *(Level *const *) b;

  return (x->group_id < y->group_id) - (x->group_id > y->group_id);
}

/* A mail that is still held can be taken back like an action. */
static gboolean
add_mails (FmStoreReader *reader, GPtrArray *levels, GError **error)
{
  g_autoptr (GPtrArray) mails = fm_outbox_store_list (reader, 0, error);

  for (guint i = 0; mails && i < mails->len; i++)
    {
      const FmOutgoing *mail = g_ptr_array_index (mails, i);
      const FmOutboxRecipient *first = mail->recipients->len > 0 ? g_ptr_array_index (mail->recipients, 0) : NULL;
      g_autofree char *label = g_strdup_printf ("queued a mail to %s", first ? first->address : "nobody");
      FmJournalLevel held = { .created_utc = mail->created_utc, .label = label, .planned = 1, .held_until_utc = mail->hold_until_utc };
      if (mail->state != FM_OUTBOX_HELD || mail->tries > 0 || !mail->group_id)
        continue;
      Level *level = g_new0 (Level, 1);
      level->group_id = mail->group_id;
      level->line = fm_queue_text_level (&held, NULL, fm_clock_now_utc ());
      g_ptr_array_add (levels, level);
    }
  return mails != NULL;
}

static gpointer
list_run (FmStoreReader *reader, FmCancel *cancel, gpointer data, GError **error)
{
  g_autoptr (GPtrArray) levels = g_ptr_array_new_with_free_func (level_free), actions = fm_journal_list_levels (reader, MAX_LEVELS, error);

  for (guint i = 0; actions && i < actions->len; i++)
    {
      const FmJournalLevel *action = g_ptr_array_index (actions, i);
      g_autoptr (FmFolderInfo) folder = action->from_id ? fm_folder_store_get (reader, action->from_id, NULL) : NULL;
      g_autofree char *from = folder && action->messages > 0 ? g_strdup_printf ("%s/%s", folder->account, folder->name) : NULL;
      Level *level = g_new0 (Level, 1);
      level->group_id = action->group_id;
      level->line = fm_queue_text_level (action, from, fm_clock_now_utc ());
      g_ptr_array_add (levels, level);
    }
  if (!actions || !add_mails (reader, levels, error))
    return NULL;
  g_ptr_array_sort (levels, newest_first);
  for (guint i = 0; i < levels->len; i++)
    {
      Level *level = g_ptr_array_index (levels, i);
      g_autofree char *line = level->line;
      level->line = g_strdup_printf ("%2u  %s", i + 1, line);
    }
  return g_steal_pointer (&levels);
}

/* --- back to one of them --- */

typedef struct {
  FmApp *app;
  GPtrArray *levels; /* Level*, newest first */
  guint next, chosen, undone;
  char *refusal; /* why one of them could not be undone */
} Way;

static void
way_free (gpointer data)
{
  Way *way = data;

  g_ptr_array_unref (way->levels);
  g_free (way->refusal);
  g_free (way);
}

static void step_back (Way *way);

static void
stepped (FmApp *app, const FmEvent *event, gpointer data)
{
  Way *way = data;

  if (event->kind == FM_EVENT_DONE)
    way->undone++;
  else if (event->kind == FM_EVENT_FAILED)
    {
      g_free (way->refusal);
      way->refusal = g_strdup (event->error->message);
    }
  if (event->kind == FM_EVENT_DONE || event->kind == FM_EVENT_FAILED)
    {
      Way *rest = g_memdup2 (way, sizeof *way);
      rest->levels = g_ptr_array_ref (way->levels);
      way->refusal = NULL;
      rest->next++;
      step_back (rest);
    }
}

/* Takes WAY. One action at a time, as if undo were pressed so often; what can't be undone is passed by and told at the end. */
static void
step_back (Way *way)
{
  FmApp *app = way->app;
  const Level *level = way->next <= way->chosen ? g_ptr_array_index (way->levels, way->next) : NULL;

  if (level)
    {
      fm_app_expect (app, fm_engine_act (app->engine, fm_action_new_history (FM_ACTION_UNDO, level->group_id)), stepped, way, way_free);
      return;
    }
  if (way->refusal)
    fm_app_complain (app, "undone %u of %u; %s", way->undone, way->chosen + 1, way->refusal);
  else
    fm_app_say (app, "undone %u action%s", way->undone, way->undone == 1 ? "" : "s");
  fm_app_changed (app, FM_CHANGE_LIST | FM_CHANGE_STATUS);
  way_free (way);
}

static void
chosen (const char *answer, gpointer data)
{
  Way *way = data;

  for (guint i = 0; answer && i < way->levels->len; i++)
    if (strcmp (((Level *) g_ptr_array_index (way->levels, i))->line, answer) == 0)
      {
        way->chosen = i;
        step_back (way);
        return;
      }
  way_free (way);
}

static void
list_done (gpointer result, const GError *error, gpointer data)
{
  FmApp *app = data;
  g_autoptr (GPtrArray) levels = result, lines = NULL;
  Way *way;

  if (!levels)
    {
      fm_app_complain (app, "%s", error->message);
      return;
    }
  if (levels->len == 0 || !app->shell)
    {
      fm_app_say (app, "there is nothing to undo");
      return;
    }
  lines = g_ptr_array_new ();
  for (guint i = 0; i < levels->len; i++)
    g_ptr_array_add (lines, ((Level *) g_ptr_array_index (levels, i))->line);
  g_ptr_array_add (lines, NULL);
  way = g_new0 (Way, 1);
  way->app = app;
  way->levels = g_ptr_array_ref (levels);
  app->shell->choose (app->shell_data, "undo back to: ", (const char *const *) lines->pdata, NULL, chosen, way);
}

static void
run_list (const FmCommandCall *call)
{
  if (call->app->read_only)
    fm_app_complain (call->app, "opened with --read-only: nothing is changed");
  else
    fm_engine_compute (call->app->engine, list_run, list_done, call->app, NULL);
}

const FmCommand fm_cmd_undo_commands[] = {
  { .name = "undo",
    .help = "undo the last action, anywhere",
    .hint = "undo",
    .default_keys = "u",
    .contexts = FM_CONTEXT_ALL,
    .run = run_undo,
    .effect_imap = "the reverse operation, or the action is never sent; what was deleted for good only while it is held",
    .effect_gmail = "likewise",
    .effect_pop = "brought back here; what was deleted for good only while it is held",
    .effect_local = "brought back; what was deleted for good only while it is held" },
  { .name = "redo",
    .help = "do again what was undone",
    .default_keys = "U",
    .contexts = FM_CONTEXT_ALL,
    .run = run_redo,
    .effect_imap = "the action again",
    .effect_gmail = "likewise",
    .effect_pop = "likewise",
    .effect_local = "likewise" },
  { .name = "undo-list",
    .help = "list what can be undone, with its state on the server, and undo back to one of it",
    .contexts = FM_CONTEXT_ALL,
    .run = run_list,
    .effect_imap = "each action down to the one chosen is undone, as by undo",
    .effect_gmail = "likewise",
    .effect_pop = "likewise",
    .effect_local = "likewise" },
  { NULL },
};

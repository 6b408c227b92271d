/* Filing: move and copy to a folder chosen by a fuzzy prompt that offers the last choice first, so that filing ten mails to one place is two
 * keys each. */
#include "app/app-private.h"
#include "app/commands.h"
#include "app/list-private.h"

typedef struct {
  FmCommandCall call;
  FmActionKind kind;
  GArray *ids;
} Filing;

static void
filing_free (Filing *filing)
{
  if (filing->ids)
    g_array_unref (filing->ids);
  g_free (filing);
}

/* Takes the ids out of FILING. */
static void
file_to (Filing *filing, const char *name)
{
  FmApp *app = filing->call.app;
  gint64 folder_id = fm_app_find_folder (app, name);
  FmOverlayEffect effect = { .gone = filing->kind == FM_ACTION_MOVE };
  GArray *ids = g_steal_pointer (&filing->ids);

  if (!folder_id)
    {
      fm_app_complain (app, "there is no folder `%s` (create-folder makes one)", name);
      g_array_unref (ids);
      return;
    }
  if (filing->kind == FM_ACTION_MOVE && folder_id == fm_list_folder (app->list))
    {
      fm_app_say (app, "%s is where it is already", name);
      g_array_unref (ids);
      return;
    }
  g_free (app->last_folder);
  app->last_folder = g_strdup (name);
  fm_act_on_targets (&filing->call, ids, fm_action_new_transfer (filing->kind, (const gint64 *) (void *) ids->data, ids->len, folder_id),
                     &effect);
}

static void
chosen (const char *answer, gpointer data)
{
  Filing *filing = data;

  if (answer && *answer)
    file_to (filing, answer);
  filing_free (filing);
}

/* Folders that mail can go to from here: no saved searches, and not the one it is in. Transfer: full. */
static char **
targets (FmApp *app)
{
  g_auto (GStrv) names = fm_app_folder_names (app);
  GPtrArray *kept = g_ptr_array_new ();

  for (guint i = 0; names[i]; i++)
    {
      gint64 id = fm_app_find_folder (app, names[i]);
      if (id && id != fm_list_folder (app->list))
        g_ptr_array_add (kept, g_strdup (names[i]));
    }
  g_ptr_array_add (kept, NULL);
  return (char **) g_ptr_array_free (kept, FALSE);
}

static void
run (const FmCommandCall *call, FmActionKind kind)
{
  Filing *filing = g_new0 (Filing, 1);

  filing->call = *call;
  filing->kind = kind;
  filing->ids = fm_target_ids (call);
  if (filing->ids->len == 0)
    filing_free (filing);
  else if (*call->argument)
    {
      file_to (filing, call->argument);
      filing_free (filing);
    }
  else
    {
      g_auto (GStrv) names = targets (call->app);
      filing->call.argument = "";
      call->app->shell->choose (call->app->shell_data, kind == FM_ACTION_MOVE ? "move to: " : "copy to: ", (const char *const *) names,
                                call->app->last_folder, chosen, filing);
    }
}

static void
run_move (const FmCommandCall *call)
{
  run (call, FM_ACTION_MOVE);
}

static void
run_copy (const FmCommandCall *call)
{
  run (call, FM_ACTION_COPY);
}

const FmCommand fm_cmd_move_commands[] = {
  { .name = "move",
    .help = "move to a folder",
    .hint = "move",
    .arguments = "[FOLDER]",
    .default_keys = "s",
    .contexts = FM_CONTEXT_LIST | FM_CONTEXT_PAGER,
    .repeats_on_tagged = TRUE,
    .run = run_move,
    .effect_imap = "MOVE, else COPY, confirm, UID EXPUNGE",
    .effect_gmail = "gets the folder's label, loses this one",
    .effect_pop = "filed in a local folder; the server's copy stays as `leave` says",
    .effect_local = "the file is moved under a new name" },
  { .name = "copy",
    .help = "copy to a folder",
    .arguments = "[FOLDER]",
    .default_keys = "C",
    .contexts = FM_CONTEXT_LIST | FM_CONTEXT_PAGER,
    .repeats_on_tagged = TRUE,
    .run = run_copy,
    .effect_imap = "COPY",
    .effect_gmail = "gets the folder's label too",
    .effect_pop = "copied to a local folder",
    .effect_local = "the file is copied" },
  { NULL },
};

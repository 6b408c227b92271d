/* Junk and not junk: the keyword that teaches the server's filter, and the folder. */
#include "app/app-private.h"
#include "app/commands.h"

static void
run (const FmCommandCall *call, FmActionKind kind)
{
  static const FmOverlayEffect effect = { .gone = TRUE };
  GArray *ids = fm_target_ids (call);

  if (ids->len == 0)
    {
      g_array_unref (ids);
      return;
    }
  fm_act_on_targets (call, ids, fm_action_new_simple (kind, (const gint64 *) (void *) ids->data, ids->len), &effect);
}

static void
run_junk (const FmCommandCall *call)
{
  gint64 folder_id = fm_list_folder (call->app->list);

  run (call, folder_id && fm_app_folder_is_junk (call->app, folder_id) ? FM_ACTION_NOT_JUNK : FM_ACTION_JUNK);
}

const FmCommand fm_cmd_junk_commands[] = {
  { .name = "junk",
    .help = "mark as junk and move to Junk; in Junk, bring back to the inbox",
    .default_keys = "!",
    .contexts = FM_CONTEXT_LIST | FM_CONTEXT_PAGER,
    .repeats_on_tagged = TRUE,
    .run = run_junk,
    .effect_imap = "$Junk set, moved to the Junk folder",
    .effect_gmail = "moved to Spam",
    .effect_pop = "moved to the local Junk",
    .effect_local = "moved to the Junk folder" },
  { NULL },
};

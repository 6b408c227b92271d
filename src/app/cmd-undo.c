/* Undo and redo: the last action, wherever it was made, also before the last start. The engine's answer says what came back and where. */
#include "app/app-private.h"
#include "app/commands.h"

static void
run_undo (const FmCommandCall *call)
{
  fm_act_run (call->app, fm_action_new_history (FM_ACTION_UNDO), NULL);
}

static void
run_redo (const FmCommandCall *call)
{
  fm_act_run (call->app, fm_action_new_history (FM_ACTION_REDO), NULL);
}

const FmCommand fm_cmd_undo_commands[] = {
  { .name = "undo",
    .help = "undo the last action, anywhere",
    .hint = "undo",
    .default_keys = "u",
    .contexts = FM_CONTEXT_ALL,
    .run = run_undo,
    .effect_imap = "the reverse operation, or the action is never sent",
    .effect_gmail = "likewise",
    .effect_pop = "brought back here",
    .effect_local = "brought back" },
  { .name = "redo",
    .help = "do again what was undone",
    .default_keys = "U",
    .contexts = FM_CONTEXT_ALL,
    .run = run_redo,
    .effect_imap = "the action again",
    .effect_gmail = "likewise",
    .effect_pop = "likewise",
    .effect_local = "likewise" },
  { NULL },
};

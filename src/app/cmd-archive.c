/* Archiving: out of the way, kept. mutt's `a` takes an address, so the first use says what this one does. */
#include "app/app-private.h"
#include "app/commands.h"

static void
run_archive (const FmCommandCall *call)
{
  static const FmOverlayEffect effect = { .gone = TRUE };
  GArray *ids = fm_target_ids (call);

  if (ids->len == 0)
    {
      g_array_unref (ids);
      return;
    }
  fm_act_on_targets (call, ids, fm_action_new_simple (FM_ACTION_ARCHIVE, (const gint64 *) (void *) ids->data, ids->len), &effect);
}

const FmCommand fm_cmd_archive_commands[] = {
  { .name = "archive",
    .help = "archive the message",
    .hint = "archive",
    .default_keys = "a",
    .contexts = FM_CONTEXT_LIST | FM_CONTEXT_PAGER,
    .repeats_on_tagged = TRUE,
    .run = run_archive,
    .effect_imap = "moved to the Archive folder",
    .effect_gmail = "taken out of the inbox; stays in All Mail",
    .effect_pop = "moved to the local Archive",
    .effect_local = "moved to the Archive folder" },
  { NULL },
};

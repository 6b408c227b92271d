/* The message in front of the composer: its fields, its text, and what becomes of it. */
#include "app/app-private.h"
#include "app/commands.h"
#include "app/composer-private.h"
#include <fulmar/base/paths.h>
#include <string.h>

static FmComposer *
composer (const FmCommandCall *call)
{
  if (!call->app->composer)
    fm_app_complain (call->app, "no message is being written");
  return call->app->composer;
}

/* --- fields --- */

static void
set_list (FmApp *app, FmDraftList which, const char *answer)
{
  g_autoptr (FmAddressList) list = NULL;

  if (!answer || !app->composer)
    return;
  list = fm_address_list_parse (answer, -1);
  for (guint i = 0; i < fm_address_list_length (list); i++)
    if (!fm_address_is_valid (fm_address_list_get (list, i)->address))
      {
        fm_app_complain (app, "`%s` is no address", fm_address_list_get (list, i)->address);
        return;
      }
  fm_draft_set_list (fm_composer_draft (app->composer), which, list);
  fm_composer_touch (app->composer);
}

#define FIELD(name, which, text)                                                                                             \
  static void name##_answered (const char *answer, gpointer data)                                                            \
  {                                                                                                                          \
    set_list (data, which, answer);                                                                                          \
  }                                                                                                                          \
  static void run_##name (const FmCommandCall *call)                                                                         \
  {                                                                                                                          \
    g_autofree char *now                                                                                                     \
        = composer (call) ? fm_address_list_display (fm_draft_list (fm_composer_draft (call->app->composer), which)) : NULL; \
    if (now)                                                                                                                 \
      call->app->shell->prompt (call->app->shell_data, FM_PROMPT_ADDRESS, text, now, name##_answered, call->app);            \
  }

FIELD (to, FM_DRAFT_TO, "To: ")
FIELD (cc, FM_DRAFT_CC, "Cc: ")
FIELD (bcc, FM_DRAFT_BCC, "Bcc: ")
FIELD (from, FM_DRAFT_FROM, "From: ")
FIELD (reply_to, FM_DRAFT_REPLY_TO, "Reply-To: ")

static void
subject_answered (const char *answer, gpointer data)
{
  FmApp *app = data;

  if (!answer || !app->composer)
    return;
  fm_draft_set_subject (fm_composer_draft (app->composer), answer);
  fm_composer_touch (app->composer);
}

static void
run_subject (const FmCommandCall *call)
{
  if (composer (call))
    call->app->shell->prompt (call->app->shell_data, FM_PROMPT_TEXT,
                              "Subject: ", fm_draft_subject (fm_composer_draft (call->app->composer)), subject_answered, call->app);
}

static void
attach_answered (const char *answer, gpointer data)
{
  FmApp *app = data;
  g_autofree char *path = answer && *answer ? fm_paths_expand (answer) : NULL;

  if (!path || !app->composer)
    return;
  if (!g_file_test (path, G_FILE_TEST_IS_REGULAR))
    {
      fm_app_complain (app, "there is no file `%s`", path);
      return;
    }
  fm_draft_add_attachment (fm_composer_draft (app->composer), path);
  fm_composer_touch (app->composer);
}

static void
run_attach (const FmCommandCall *call)
{
  if (!composer (call))
    return;
  if (*call->argument)
    attach_answered (call->argument, call->app);
  else
    call->app->shell->prompt (call->app->shell_data, FM_PROMPT_PATH, "attach file: ", "", attach_answered, call->app);
}

static void
run_detach (const FmCommandCall *call)
{
  FmDraft *draft = composer (call) ? fm_composer_draft (call->app->composer) : NULL;
  guint n = draft ? g_strv_length ((char **) fm_draft_attachments (draft)) : 0;

  if (!draft)
    return;
  if (n == 0)
    {
      fm_app_complain (call->app, "nothing is attached");
      return;
    }
  fm_draft_remove_attachment (draft, call->count > 0 && (guint) call->count <= n ? (guint) call->count - 1 : n - 1);
  fm_composer_touch (call->app->composer);
}

/* --- what becomes of it --- */

static void
run_edit (const FmCommandCall *call)
{
  if (composer (call))
    fm_composer_edit (call->app->composer, FALSE);
}

static void
run_edit_headers (const FmCommandCall *call)
{
  if (composer (call))
    fm_composer_edit (call->app->composer, TRUE);
}

static void
no_subject_answered (const char *answer, gpointer data)
{
  FmApp *app = data;

  if (app->composer && answer && *answer == 'y')
    fm_composer_send (app->composer);
}

static void
run_send (const FmCommandCall *call)
{
  FmApp *app = call->app;

  if (!composer (call))
    return;
  if (!*fm_draft_subject (fm_composer_draft (app->composer)))
    app->shell->ask (app->shell_data, "send it without a subject?", "yn", no_subject_answered, app);
  else
    fm_composer_send (app->composer);
}

static void
run_postpone (const FmCommandCall *call)
{
  if (composer (call))
    fm_composer_postpone (call->app->composer);
}

static void
abandon_answered (const char *answer, gpointer data)
{
  FmApp *app = data;

  if (!app->composer || !answer)
    return;
  if (*answer == 'p')
    fm_composer_postpone (app->composer);
  else if (*answer == 'd')
    fm_composer_discard (app->composer);
}

static void
run_abandon (const FmCommandCall *call)
{
  if (composer (call))
    call->app->shell->ask (call->app->shell_data, "this message is not sent: (p)ostpone, (d)iscard, (c)ontinue?", "pdc", abandon_answered,
                           call->app);
}

#define HERE .contexts = FM_CONTEXT_COMPOSE

const FmCommand fm_cmd_draft_commands[] = {
  { .name = "send",
    .help = "send the message",
    .hint = "send",
    .default_keys = "y",
    HERE,
    .run = run_send,
    .effect_imap = "sent by SMTP, a copy in Sent",
    .effect_gmail = "sent; Gmail files its copy itself",
    .effect_pop = "sent by SMTP, a copy in the local Sent",
    .effect_local = "sent, a copy in Sent" },
  { .name = "edit", .help = "edit the text", .hint = "edit", .default_keys = "e", HERE, .run = run_edit },
  { .name = "edit-headers", .help = "edit the header and the text in one file", .default_keys = "E", HERE, .run = run_edit_headers },
  { .name = "postpone",
    .help = "save in Drafts and leave",
    .hint = "postpone",
    .default_keys = "P",
    HERE,
    .run = run_postpone,
    .effect_imap = "APPEND to Drafts",
    .effect_gmail = "likewise",
    .effect_pop = "kept in the local Drafts",
    .effect_local = "kept in Drafts" },
  { .name = "abandon", .help = "leave: postpone or discard", .hint = "leave", .default_keys = "q", HERE, .run = run_abandon },
  { .name = "attach", .help = "attach a file", .hint = "attach", .arguments = "[PATH]", .default_keys = "a", HERE, .run = run_attach },
  { .name = "detach", .help = "remove an attachment (the last, or digits, then this)", .default_keys = "D", HERE, .run = run_detach },
  { .name = "edit-to", .help = "change To", .default_keys = "t", HERE, .run = run_to },
  { .name = "edit-cc", .help = "change Cc", .default_keys = "c", HERE, .run = run_cc },
  { .name = "edit-bcc", .help = "change Bcc", .default_keys = "b", HERE, .run = run_bcc },
  { .name = "edit-subject", .help = "change the subject", .default_keys = "s", HERE, .run = run_subject },
  { .name = "edit-from", .help = "change From", .default_keys = "f", HERE, .run = run_from },
  { .name = "edit-reply-to", .help = "change Reply-To", .default_keys = "r", HERE, .run = run_reply_to },
  { NULL },
};

/* A message being written lies in small files under the store's drafts/ (0700): NAME.txt, the text with its headers as the editor sees it;
 * NAME.ini, which account it is for and what it answers; and, while the text alone is edited, NAME.body, which then goes before that in NAME.txt. They are written by pool threads (the screen never waits for a disk), before the
 * editor starts and after every change, one write after the other, so that none overtakes the next or the editor; and removed only when the outbox or
 * the Drafts folder durably holds the message. */
#include "app/app-private.h"
#include "app/composer-model.h"
#include "app/draft-files.h"
#include <fulmar/base/clock.h>
#include <fulmar/base/paths.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* --- files --- */

typedef struct {
  char *path, *text, *body_path, *body, *ini_path, *ini; /* BODY NULL: no such file, now that the text is in PATH */
  FmComposer *composer;                                  /* a reference */
} Save;

static void
save_free (gpointer data)
{
  Save *save = data;

  fm_composer_free (save->composer);
  g_free (save->path);
  g_free (save->text);
  g_free (save->body_path);
  g_free (save->body);
  g_free (save->ini_path);
  g_free (save->ini);
  g_free (save);
}

char *
fm_composer_file (const char *path, const char *ending)
{
  return g_strdup_printf ("%.*s.%s", (int) (strlen (path) - 4), path, ending);
}

static gpointer
save_run (FmStoreReader *reader, FmCancel *cancel, gpointer data, GError **error)
{
  const Save *save = data;
  g_autofree char *dir = g_path_get_dirname (save->path);

  if (!fm_paths_make_private_dir (dir, error) || !fm_paths_write_file (save->path, save->text, strlen (save->text), error)
      || !fm_paths_write_file (save->ini_path, save->ini, strlen (save->ini), error)
      || (save->body && !fm_paths_write_file (save->body_path, save->body, strlen (save->body), error)))
    return NULL;
  if (!save->body)
    unlink (save->body_path);
  return GINT_TO_POINTER (1);
}

static void
remove_files (FmComposer *composer)
{
  g_autofree char *ini = fm_composer_file (composer->path, "ini"), *body = fm_composer_file (composer->path, "body");

  unlink (composer->path);
  unlink (ini);
  unlink (body);
  fm_draft_files_remove (composer->files_dir);
}

/* It can't be written down now: what is being written stays in front, and what the file held before is still in it. The reason first, as a line
 * of the screen may have no room for more. */
static void
tell_unsaved (FmComposer *composer, const GError *error)
{
  FmApp *app = composer->app;
  const char *colon = g_strrstr (error->message, ": ");
  gboolean was_for_editor = composer->edit_after;

  composer->edit_after = FALSE;
  if (g_error_matches (error, FM_ERROR, FM_ERROR_CANCELLED))
    return;
  fm_log_warning ("the draft can't be saved: %s", error->message);
  if (was_for_editor)
    app->shell->act (app->shell_data, FM_SHELL_COMPOSER, 0);
  fm_app_complain (app, "%s: the draft is not saved, but kept here; e tries again", colon ? colon + 2 : error->message);
}

static void
save_done (gpointer result, const GError *error, gpointer data)
{
  const Save *save = data;
  FmComposer *composer = save->composer;

  composer->saving = FALSE;
  if (composer->gone)
    remove_files (composer);
  else if (composer->app->composer != composer)
    return;
  else if (!result)
    tell_unsaved (composer, error);
  else if (composer->save_again)
    fm_composer_save (composer);
  else if (composer->edit_after)
    {
      composer->edit_after = FALSE;
      fm_composer_edit_start (composer);
    }
}

void
fm_composer_save (FmComposer *composer)
{
  Save *save;
  g_autofree char *references = NULL;

  composer->save_again = composer->saving;
  if (composer->saving || composer->broken)
    return;
  save = g_new0 (Save, 1);
  save->composer = composer;
  composer->refs++;
  composer->saving = TRUE;
  save->path = g_strdup (composer->path);
  save->ini_path = fm_composer_file (composer->path, "ini");
  save->body_path = fm_composer_file (composer->path, "body");
  save->body = composer->edit_after && !composer->with_headers ? fm_draft_to_text (composer->draft, FALSE) : NULL;
  save->text = fm_draft_to_text (composer->draft, TRUE);
  references = g_strjoinv (" ", (char **) fm_draft_references (composer->draft));
  save->ini = g_strdup_printf ("account=%s\nreplied=%" G_GINT64_FORMAT "\nforwarded=%" G_GINT64_FORMAT "\ndraft=%" G_GINT64_FORMAT
                               "\nin-reply-to=%s\nreferences=%s\nfiles=%s\n",
                               composer->account->name, composer->replied_id, composer->forwarded_id, composer->draft_id,
                               fm_draft_in_reply_to (composer->draft), references, composer->files_dir ? composer->files_dir : "");
  fm_engine_compute (composer->app->engine, save_run, save_done, save, save_free);
}

/* --- life --- */

static char *
new_path (FmApp *app)
{
  return g_strdup_printf ("%s/drafts/%" G_GINT64_FORMAT "-%d-%08x.txt", app->data_dir, fm_clock_now_utc (), (int) getpid (),
                          g_random_int ());
}

FmComposer *
fm_composer_new (FmApp *app, const FmAccountSpec *account, FmDraft *draft)
{
  FmComposer *composer = g_new0 (FmComposer, 1);

  composer->app = app;
  composer->refs = 1;
  composer->draft = draft;
  composer->account = fm_account_spec_ref ((FmAccountSpec *) account);
  composer->path = new_path (app);
  return composer;
}

void
fm_composer_free (FmComposer *composer)
{
  if (!composer || --composer->refs > 0)
    return;
  fm_draft_free (composer->draft);
  fm_account_spec_unref (composer->account);
  g_free (composer->path);
  g_free (composer->files_dir);
  g_free (composer->problem);
  g_free (composer->broken);
  g_free (composer);
}

void
fm_composer_set_origin (FmComposer *composer, gint64 replied_id, gint64 forwarded_id, gint64 draft_id)
{
  composer->replied_id = replied_id;
  composer->forwarded_id = forwarded_id;
  composer->draft_id = draft_id;
}

void
fm_composer_set_files_dir (FmComposer *composer, char *dir)
{
  g_free (composer->files_dir);
  composer->files_dir = dir;
}

void
fm_composer_check (FmComposer *composer)
{
  const char *problem = NULL;

  if (composer->broken)
    problem = composer->broken;
  else if (fm_address_list_length (fm_draft_list (composer->draft, FM_DRAFT_TO))
               + fm_address_list_length (fm_draft_list (composer->draft, FM_DRAFT_CC))
               + fm_address_list_length (fm_draft_list (composer->draft, FM_DRAFT_BCC))
           == 0)
    problem = "nobody to send it to: t sets To";
  else if (!composer->account->smtp.host && !composer->account->sendmail_argv)
    problem = "this account can't send: it has no `smtp =`";
  g_free (composer->problem);
  composer->problem = g_strdup (problem);
}

void
fm_composer_touch (FmComposer *composer)
{
  fm_composer_check (composer);
  fm_composer_save (composer);
  fm_app_changed (composer->app, FM_CHANGE_COMPOSER);
}

static void
drop (FmComposer *composer)
{
  FmApp *app = composer->app;

  if (app->composer == composer)
    app->composer = NULL;
  fm_composer_free (composer);
  fm_cmd_compose_count_leftovers (app);
  fm_app_changed (app, FM_CHANGE_COMPOSER | FM_CHANGE_LIST);
}

void
fm_composer_discard (FmComposer *composer)
{
  composer->gone = TRUE;
  if (!composer->saving)
    remove_files (composer);
  drop (composer);
}

/* --- sending --- */

typedef struct {
  FmApp *app;
  FmComposer *composer; /* compared, never followed unless it is still in front */
  FmDraft *draft;
  gboolean for_drafts;
} Build;

static void
build_free (gpointer data)
{
  Build *build = data;

  fm_draft_free (build->draft);
  g_free (build);
}

static void
handed_over (FmApp *app, const FmEvent *event, gpointer data)
{
  FmComposer *composer = data;

  if (app->composer != composer)
    return;
  if (event->kind == FM_EVENT_DURABLE)
    fm_composer_discard (composer);
  else if (event->kind == FM_EVENT_FAILED)
    {
      composer->busy = FALSE;
      fm_app_complain (app, "%s", event->error->message);
    }
}

static void
outbox_answered (FmApp *app, const FmEvent *event, gpointer data)
{
  handed_over (app, event, data);
  if (event->kind == FM_EVENT_DURABLE)
    {
      int hold = fm_config_get_int (app->config, "undo_send");
      if (hold > 0)
        fm_app_say (app, "sending in %d s: u brings it back", hold);
      else
        fm_app_say (app, "sending");
    }
}

static void
drafts_answered (FmApp *app, const FmEvent *event, gpointer data)
{
  handed_over (app, event, data);
  if (event->kind == FM_EVENT_DURABLE)
    fm_app_say (app, "saved in Drafts: R goes on with it");
}

static gpointer
build_run (FmStoreReader *reader, FmCancel *cancel, gpointer data, GError **error)
{
  const Build *build = data;
  g_autoptr (GDateTime) now = g_date_time_new_now_local ();
  FmComposeOptions options = { .date_offset_min = g_date_time_get_utc_offset (now) / G_TIME_SPAN_MINUTE,
                               .keep_bcc = build->for_drafts,
                               .allow_no_recipients = build->for_drafts };

  return fm_compose_build (build->draft, &options, error);
}

static void
hand_to_outbox (FmComposer *composer, const FmComposed *composed)
{
  FmApp *app = composer->app;
  FmSendOptions options = {
    .account = composer->account->name,
    .message = fm_compose_bytes (composed),
    .sender = fm_compose_sender (composed),
    .recipients = fm_compose_recipients (composed),
    .replied_id = composer->replied_id,
    .forwarded_id = composer->forwarded_id,
    .draft_id = composer->draft_id,
    .hold_s = fm_config_get_int (app->config, "undo_send"),
  };

  fm_app_expect (app, fm_engine_act (app->engine, fm_action_new_send (&options)), outbox_answered, composer, NULL);
}

static void
hand_to_drafts (FmComposer *composer, const FmComposed *composed)
{
  FmApp *app = composer->app;
  FmAction *action = fm_action_new_draft (composer->account->name, fm_compose_bytes (composed), composer->draft_id, fm_clock_now_utc ());

  fm_app_expect (app, fm_engine_act (app->engine, action), drafts_answered, composer, NULL);
}

static void
build_done (gpointer result, const GError *error, gpointer data)
{
  const Build *build = data;
  g_autoptr (FmComposed) composed = result;
  FmComposer *composer = build->app->composer;

  if (composer != build->composer || !composer)
    return;
  if (!composed)
    {
      composer->busy = FALSE;
      fm_app_complain (build->app, "%s", error->message);
    }
  else if (build->for_drafts)
    hand_to_drafts (composer, composed);
  else
    hand_to_outbox (composer, composed);
}

static void
build_message (FmComposer *composer, gboolean for_drafts)
{
  Build *build;

  if (composer->busy)
    return;
  composer->busy = TRUE;
  build = g_new0 (Build, 1);
  build->app = composer->app;
  build->composer = composer;
  build->draft = fm_draft_dup (composer->draft);
  build->for_drafts = for_drafts;
  fm_engine_compute (composer->app->engine, build_run, build_done, build, build_free);
}

void
fm_composer_send (FmComposer *composer)
{
  fm_composer_check (composer);
  if (composer->problem)
    fm_app_complain (composer->app, "%s", composer->problem);
  else
    build_message (composer, FALSE);
}

void
fm_composer_postpone (FmComposer *composer)
{
  if (composer->broken)
    {
      fm_app_complain (composer->app, "%s", composer->broken);
      return;
    }
  build_message (composer, TRUE);
}

/* --- for the view --- */

FmDraft *
fm_composer_draft (FmComposer *composer)
{
  return composer->draft;
}

const char *
fm_composer_account (const FmComposer *composer)
{
  return composer->account->name;
}

const char *
fm_composer_path (const FmComposer *composer)
{
  return composer->path;
}

const char *
fm_composer_problem (const FmComposer *composer)
{
  return composer->problem;
}

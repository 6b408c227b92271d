/* A message being written lies in two small files under the store's drafts/ (0700): NAME.txt, the text with its headers as the editor sees it,
 * and NAME.ini, which account it is for and what it answers. They are written by pool threads (the screen never waits for a disk), before the
 * editor starts and after every change, one write after the other, so that none overtakes the next or the editor; and removed only when the outbox or
 * the Drafts folder durably holds the message. */
#include "app/app-private.h"
#include "app/composer-private.h"
#include "app/draft-files.h"
#include <fulmar/base/clock.h>
#include <fulmar/base/paths.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MAX_DRAFT_BYTES (16u << 20)

struct FmComposer {
  FmApp *app;
  FmDraft *draft;
  FmAccountSpec *account;
  gint64 replied_id, forwarded_id, draft_id;
  char *path;      /* NAME.txt */
  char *files_dir; /* attachments taken from another message, or NULL */
  char *problem;
  char *broken;  /* why the text in the file can't be used; NULL: it is the draft's */
  gboolean busy; /* being built or handed over */
  int refs;      /* one of the app, one of a write under way */
  gboolean saving, save_again, edit_after, gone;
};

/* --- files --- */

typedef struct {
  char *path, *text, *ini_path, *ini;
  FmComposer *composer; /* a reference */
} Save;

static void
save_free (gpointer data)
{
  Save *save = data;

  fm_composer_free (save->composer);
  g_free (save->path);
  g_free (save->text);
  g_free (save->ini_path);
  g_free (save->ini);
  g_free (save);
}

static char *
ini_path_of (const char *path)
{
  return g_strdup_printf ("%.*s.ini", (int) (strlen (path) - 4), path);
}

static gpointer
save_run (FmStoreReader *reader, FmCancel *cancel, gpointer data, GError **error)
{
  const Save *save = data;
  g_autofree char *dir = g_path_get_dirname (save->path);

  if (!fm_paths_make_private_dir (dir, error) || !fm_paths_write_file (save->path, save->text, strlen (save->text), error)
      || !fm_paths_write_file (save->ini_path, save->ini, strlen (save->ini), error))
    return NULL;
  return GINT_TO_POINTER (1);
}

static void start_editor (FmComposer *composer);
static void save_files (FmComposer *composer);

static void
remove_files (FmComposer *composer)
{
  g_autofree char *ini = ini_path_of (composer->path);

  unlink (composer->path);
  unlink (ini);
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
    save_files (composer);
  else if (composer->edit_after)
    {
      composer->edit_after = FALSE;
      start_editor (composer);
    }
}

static void
save_files (FmComposer *composer)
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
  save->ini_path = ini_path_of (composer->path);
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

static void
check (FmComposer *composer)
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
  check (composer);
  save_files (composer);
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

/* --- the editor --- */

/* Whoever throws the From line out with the rest of the header means themselves. */
static void
keep_sender (FmComposer *composer)
{
  const FmAccountSpec *spec = composer->account;
  FmAddress own = { spec->address_name ? spec->address_name : "", spec->address ? spec->address : "" };
  g_autoptr (FmAddressList) from = NULL;

  if (fm_address_list_length (fm_draft_list (composer->draft, FM_DRAFT_FROM)) > 0 || !*own.address)
    return;
  from = fm_address_list_new (&own, 1);
  fm_draft_set_list (composer->draft, FM_DRAFT_FROM, from);
}

/* The draft from the file; a text that can't be read as one stays there untouched. */
static void
take_text (FmComposer *composer)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  gsize size = 0;

  g_clear_pointer (&composer->broken, g_free);
  if (!g_file_get_contents (composer->path, &text, &size, &error))
    {
      fm_app_complain (composer->app, "the editor's file is gone: %s; the text is as it was before", error->message);
      save_files (composer);
    }
  else if (!fm_draft_update_from_text (composer->draft, text, size, TRUE, &error))
    composer->broken = g_strdup_printf ("%s: e goes on editing", error->message);
  else
    {
      keep_sender (composer);
      save_files (composer); /* the editor may have left it unsynced */
    }
}

static void
editor_ended (const char *answer, gpointer data)
{
  FmApp *app = data;
  FmComposer *composer = app->composer;

  if (!composer)
    return;
  if (answer)
    take_text (composer);
  check (composer);
  app->shell->act (app->shell_data, FM_SHELL_COMPOSER, 0);
  fm_app_changed (app, FM_CHANGE_COMPOSER);
  if (answer && strcmp (answer, "127") == 0)
    fm_app_complain (app, "the editor can't be started: `:set editor=...`, or VISUAL or EDITOR in the environment, names one");
  else if (answer && strcmp (answer, "0") != 0)
    fm_app_complain (app, "the editor ended with status %s; the text is kept", answer);
}

static void
start_editor (FmComposer *composer)
{
  FmApp *app = composer->app;
  const char *editor = fm_config_get (app->config, "editor");
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) words = NULL;
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();

  if (!*editor)
    editor = g_getenv ("VISUAL");
  if (!editor || !*editor)
    editor = g_getenv ("EDITOR");
  if (!editor || !*editor)
    editor = "vi";
  if (!g_shell_parse_argv (editor, NULL, &words, &error))
    {
      fm_app_complain (app, "the editor's command `%s` can't be read: %s", editor, error->message);
      return;
    }
  for (guint i = 0; words[i]; i++)
    g_ptr_array_add (argv, words[i]);
  g_ptr_array_add (argv, composer->path);
  g_ptr_array_add (argv, NULL);
  app->shell->run (app->shell_data, (const char *const *) argv->pdata, editor_ended, app);
}

void
fm_composer_edit (FmComposer *composer)
{
  if (composer->broken)
    {
      start_editor (composer);
      return;
    }
  composer->edit_after = TRUE;
  save_files (composer);
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
  check (composer);
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

/* --- what was left --- */

/* Whether that process is a Fulmar; numbers are given out again, after a restart of the machine all the more. */
static gboolean
is_ours (const char *pid)
{
  g_autofree char *path = g_build_filename ("/proc", pid, "comm", NULL), *name = NULL, *own = NULL;

  return g_file_get_contents (path, &name, NULL, NULL) && g_file_get_contents ("/proc/self/comm", &own, NULL, NULL)
         && strcmp (name, own) == 0;
}

GPtrArray *
fm_composer_leftovers (FmApp *app)
{
  GPtrArray *paths = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *dir = g_build_filename (app->data_dir, "drafts", NULL);
  g_autoptr (GDir) entries = g_dir_open (dir, 0, NULL);
  const char *name;

  while (entries && paths->len < 100 && (name = g_dir_read_name (entries)))
    {
      g_auto (GStrv) parts = g_strsplit (name, "-", 3);
      if (!g_str_has_suffix (name, ".txt") || g_strv_length (parts) != 3)
        continue;
      if (!is_ours (parts[1]))
        g_ptr_array_add (paths, g_build_filename (dir, name, NULL));
    }
  return paths;
}

/* NAME= of an .ini text; Transfer: full, or NULL. */
static char *
ini_value (const char *ini, const char *name)
{
  g_auto (GStrv) lines = g_strsplit (ini, "\n", 20);
  gsize length = strlen (name);

  for (guint i = 0; lines[i]; i++)
    if (strncmp (lines[i], name, length) == 0 && lines[i][length] == '=')
      return g_strdup (lines[i] + length + 1);
  return NULL;
}

static gint64
ini_number (const char *ini, const char *name)
{
  g_autofree char *value = ini_value (ini, name);

  return value ? g_ascii_strtoll (value, NULL, 10) : 0;
}

FmComposer *
fm_composer_recover (FmApp *app, const char *path)
{
  g_autofree char *text = NULL, *ini = NULL, *ini_path = ini_path_of (path), *account = NULL, *in_reply_to = NULL, *references = NULL,
                  *files = NULL;
  g_auto (GStrv) chain = NULL;
  g_autoptr (GError) error = NULL;
  FmAccountSpec *spec;
  FmComposer *composer;
  FmDraft *draft;
  gsize size;

  if (!g_file_get_contents (path, &text, &size, &error) || size > MAX_DRAFT_BYTES)
    {
      fm_app_complain (app, "the unfinished message can't be read: %s", error ? error->message : "it is too large");
      return NULL;
    }
  if (!g_file_get_contents (ini_path, &ini, NULL, NULL))
    ini = g_strdup ("");
  account = ini_value (ini, "account");
  in_reply_to = ini_value (ini, "in-reply-to");
  references = ini_value (ini, "references");
  files = ini_value (ini, "files");
  spec = fm_app_account_named (app, account ? account : "");
  if (!spec && !(spec = fm_app_account_named (app, fm_app_default_account (app))))
    {
      fm_app_complain (app, "there is no account to write from");
      return NULL;
    }
  draft = fm_draft_new ();
  fm_draft_update_from_text (draft, text, size, TRUE, &error);
  fm_draft_set_in_reply_to (draft, in_reply_to);
  chain = g_strsplit (references ? references : "", " ", 300);
  fm_draft_set_references (draft, (const char *const *) chain);
  composer = fm_composer_new (app, spec, draft);
  g_free (composer->path);
  composer->path = g_strdup (path);
  composer->broken = error ? g_strdup_printf ("%s: e goes on editing", error->message) : NULL;
  if (files && *files)
    composer->files_dir = g_strdup (files);
  fm_composer_set_origin (composer, ini_number (ini, "replied"), ini_number (ini, "forwarded"), ini_number (ini, "draft"));
  check (composer);
  return composer;
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

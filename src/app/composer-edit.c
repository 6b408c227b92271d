/* The editor: on the header and the text in one file, or on the text alone, so that it begins on the first line that is the writer's. What it leaves is read
 * back; a header that can't be read stays in its file as it was left, to be edited again. */
#include "app/composer-model.h"
#include <string.h>

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

/* What the editor is given. Transfer: full. */
static char *
edited_file (const FmComposer *composer)
{
  return composer->with_headers ? g_strdup (composer->path) : fm_composer_file (composer->path, "body");
}

/* The draft from the file; a text that can't be read as one stays there untouched. */
static void
take_text (FmComposer *composer)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  gsize size = 0;

  g_autofree char *path = edited_file (composer);

  g_clear_pointer (&composer->broken, g_free);
  if (!g_file_get_contents (path, &text, &size, &error))
    {
      fm_app_complain (composer->app, "the editor's file is gone: %s; the text is as it was before", error->message);
      fm_composer_save (composer);
    }
  else if (!fm_draft_update_from_text (composer->draft, text, size, composer->with_headers, &error))
    composer->broken = g_strdup_printf ("%s: e goes on editing", error->message);
  else
    {
      keep_sender (composer);
      fm_composer_save (composer); /* the editor may have left it unsynced */
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
  fm_composer_check (composer);
  app->shell->act (app->shell_data, FM_SHELL_COMPOSER, 0);
  fm_app_changed (app, FM_CHANGE_COMPOSER);
  if (answer && strcmp (answer, "127") == 0)
    fm_app_complain (app, "the editor can't be started: `:set editor=...`, or VISUAL or EDITOR in the environment, names one");
  else if (answer && strcmp (answer, "0") != 0)
    fm_app_complain (app, "the editor ended with status %s; the text is kept", answer);
}

void
fm_composer_edit_start (FmComposer *composer)
{
  FmApp *app = composer->app;
  g_autofree char *path = edited_file (composer);
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
  g_ptr_array_add (argv, path);
  g_ptr_array_add (argv, NULL);
  app->shell->run (app->shell_data, (const char *const *) argv->pdata, editor_ended, app);
}

void
fm_composer_edit (FmComposer *composer, gboolean with_headers)
{
  if (composer->broken)
    {
      fm_composer_edit_start (composer);
      return;
    }
  composer->with_headers = with_headers;
  composer->edit_after = TRUE;
  fm_composer_save (composer);
}

/* What an earlier run left: messages whose files are there and whose process is not. */
#include "app/composer-model.h"
#include <string.h>

#define MAX_DRAFT_BYTES (16u << 20)

/* Whether that process is a Fulmar; numbers are given out again, after a restart of the machine all the more. */
static gboolean
is_ours (const char *pid)
{
  g_autofree char *path = g_build_filename ("/proc", pid, "comm", NULL), *name = NULL, *own = NULL;

  return g_file_get_contents (path, &name, NULL, NULL) && g_file_get_contents ("/proc/self/comm", &own, NULL, NULL)
         && strcmp (name, own) == 0;
}

GPtrArray *
fm_composer_recover_list (FmApp *app)
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

/* The text alone was being edited: what that file holds is newer. */
static void
take_body (FmDraft *draft, const char *path)
{
  g_autofree char *body_path = fm_composer_file (path, "body"), *text = NULL;
  gsize size;

  if (g_file_get_contents (body_path, &text, &size, NULL) && size <= MAX_DRAFT_BYTES)
    fm_draft_update_from_text (draft, text, (gssize) size, FALSE, NULL);
}

FmComposer *
fm_composer_recover (FmApp *app, const char *path)
{
  g_autofree char *text = NULL, *ini = NULL, *ini_path = fm_composer_file (path, "ini"), *account = NULL, *in_reply_to = NULL,
                  *references = NULL, *files = NULL;
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
  take_body (draft, path);
  fm_draft_set_in_reply_to (draft, in_reply_to);
  chain = g_strsplit (references ? references : "", " ", 300);
  fm_draft_set_references (draft, (const char *const *) chain);
  composer = fm_composer_new (app, spec, draft);
  g_free (composer->path);
  composer->path = g_strdup (path);
  composer->with_headers = TRUE;
  composer->broken = error ? g_strdup_printf ("%s: e goes on editing", error->message) : NULL;
  if (files && *files)
    composer->files_dir = g_strdup (files);
  fm_composer_set_origin (composer, ini_number (ini, "replied"), ini_number (ini, "forwarded"), ini_number (ini, "draft"));
  fm_composer_check (composer);
  return composer;
}

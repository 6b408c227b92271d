/* The register of commands, and the one way a command line becomes a run: keys, macros and `:` all come through here. */
#include "app/body-wait.h"
#include "app/commands.h"
#include "app/settings.h"
#include <string.h>

#define FM_X(name) fm_cmd_##name##_commands,
static const FmCommand *const groups[] = { FM_COMMAND_GROUPS (FM_X) };
#undef FM_X

const FmCommand *const *
fm_command_all (void)
{
  static const FmCommand **all;

  if (!all)
    {
      GPtrArray *array = g_ptr_array_new ();
      for (guint i = 0; i < G_N_ELEMENTS (groups); i++)
        for (const FmCommand *command = groups[i]; command->name; command++)
          g_ptr_array_add (array, (gpointer) command);
      g_ptr_array_add (array, NULL);
      all = (const FmCommand **) g_ptr_array_free (array, FALSE);
    }
  return (const FmCommand *const *) all;
}

const FmCommand *
fm_command_find (const char *name)
{
  for (const FmCommand *const *c = fm_command_all (); *c; c++)
    if (strcmp ((*c)->name, name) == 0)
      return *c;
  return NULL;
}

static const char *
nearest_name (const char *name)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new ();

  for (const FmCommand *const *c = fm_command_all (); *c; c++)
    g_ptr_array_add (names, (gpointer) (*c)->name);
  g_ptr_array_add (names, NULL);
  return fm_text_nearest (name, (const char *const *) names->pdata);
}

static void
run_one (FmApp *app, guint context, int count, char *line)
{
  g_autofree char *shown = NULL;
  const FmCommand *command;
  char *argument;

  g_strstrip (line);
  if (!*line || fm_body_wait_goes_on (app, line))
    return;
  g_free (app->command_line);
  app->command_line = g_strdup (line);
  if (*line == '!')
    {
      argument = line + 1;
      line = (char *) "shell";
    }
  else
    {
      argument = line + strcspn (line, " \t");
      if (*argument)
        *argument++ = '\0';
    }
  command = fm_command_find (line);
  if (!command)
    {
      const char *near = nearest_name (line);
      shown = fm_text_sanitise_line (line, -1);
      if (near)
        fm_app_complain (app, "there is no command `%s`: did you mean `%s`?", shown, near);
      else
        fm_app_complain (app, "there is no command `%s` (? lists them)", shown);
      return;
    }
  if (!(command->contexts & context))
    {
      fm_app_complain (app, "`%s` does nothing here", command->name);
      return;
    }
  /* `:` only asks for the command that the prefix is meant for. */
  if (app->tag_prefix && !command->repeats_on_tagged && !g_str_has_suffix (command->name, "tag-prefix")
      && strcmp (command->name, "command") != 0)
    app->tag_prefix = FALSE;
  FmCommandCall call = { app, context, count, g_strstrip (argument) };
  command->run (&call);
}

/* Cuts at " ; " outside quotes. */
static char *
next_joined (char *line)
{
  char quote = '\0';

  for (char *p = line; *p; p++)
    {
      if (quote)
        quote = *p == quote ? '\0' : quote;
      else if (*p == '"')
        quote = *p;
      else if (*p == ';' && p > line && p[-1] == ' ' && (p[1] == ' ' || p[1] == '\0'))
        {
          *p = '\0';
          return p + 1;
        }
    }
  return NULL;
}

void
fm_command_run_line (FmApp *app, guint context, int count, const char *line)
{
  g_autofree char *copy = g_strdup (line);

  app->untouched = FALSE;
  for (char *part = copy, *next; part; part = next)
    {
      next = next_joined (part);
      run_one (app, context, count, part);
    }
}

/* --- completion --- */

#define MAX_COMPLETIONS 50

static void
complete_names (GPtrArray *found, guint context, const char *partial)
{
  for (const FmCommand *const *c = fm_command_all (); *c && found->len < MAX_COMPLETIONS; c++)
    if (((*c)->contexts & context) && g_str_has_prefix ((*c)->name, partial))
      g_ptr_array_add (found, g_strdup ((*c)->name));
}

static void
complete_words (GPtrArray *found, const char *before, const char *const *words, const char *partial, const char *after)
{
  g_autofree char *folded = fm_text_fold (partial);

  for (; *words && found->len < MAX_COMPLETIONS; words++)
    {
      g_autofree char *word = fm_text_fold (*words);
      if (strstr (word, folded))
        g_ptr_array_add (found, g_strconcat (before, " ", *words, after, NULL));
    }
}

static void
complete_folders (FmApp *app, GPtrArray *found, const char *before, const char *partial)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  FmFolderLine line;

  for (guint i = 0; fm_folders_line (app->folders, i, &line); i++)
    if (line.folder_id)
      g_ptr_array_add (names, g_strdup (line.full_name));
  g_ptr_array_add (names, NULL);
  complete_words (found, before, (const char *const *) names->pdata, partial, "");
}

/* A setting's name, or, after its `=`, what it can be. */
static void
complete_setting (GPtrArray *found, const char *before, const char *partial)
{
  const char *equals = strchr (partial, '=');
  g_autofree char *name = equals ? g_strndup (partial, equals - partial) : NULL;
  const FmSetting *setting = name ? fm_settings_find (name) : NULL;

  if (!equals)
    complete_words (found, before, fm_config_setting_names (), partial, "=");
  if (!setting)
    return;
  g_auto (GStrv) values = fm_settings_suggest (setting);
  for (guint i = 0; values[i]; i++)
    if (g_str_has_prefix (values[i], equals + 1))
      g_ptr_array_add (found, g_strdup_printf ("%s %s=%s", before, name, values[i]));
}

char **
fm_command_complete (FmApp *app, guint context, const char *partial)
{
  GPtrArray *found = g_ptr_array_new ();
  const char *blank = strchr (partial, ' ');

  if (!blank)
    complete_names (found, context, partial);
  else
    {
      g_autofree char *name = g_strndup (partial, blank - partial);
      const FmCommand *command = fm_command_find (name);
      const char *kind = command && command->arguments ? command->arguments : "";
      if (strstr (kind, "FOLDER"))
        complete_folders (app, found, name, blank + 1);
      else if (strstr (kind, "NAME=VALUE"))
        complete_setting (found, name, blank + 1);
      else if (strstr (kind, "COMMAND"))
        for (const FmCommand *const *c = fm_command_all (); *c && found->len < MAX_COMPLETIONS; c++)
          if (g_str_has_prefix ((*c)->name, blank + 1))
            g_ptr_array_add (found, g_strconcat (name, " ", (*c)->name, NULL));
    }
  g_ptr_array_add (found, NULL);
  return (char **) g_ptr_array_free (found, FALSE);
}

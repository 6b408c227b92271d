/* One walk over the command table for each page; nothing here knows a command by name. */
#include "ui/help-text.h"
#include <fulmar/app/command.h>

static void
add_command (GString *text, const FmKeymap *keymap, guint context, const FmCommand *command)
{
  g_autofree char *keys = fm_keymap_keys_for (keymap, context, command->name);
  g_autofree char *name
      = g_strdup_printf ("%s%s%s", command->name, command->arguments ? " " : "", command->arguments ? command->arguments : "");
  g_string_append_printf (text, "%-12s %-26s %s\n", keys, name, command->help);
}

/* Commands of CONTEXT that are bound (or, with BOUND FALSE, that are not). */
static void
add_commands (GString *text, const FmKeymap *keymap, guint context, gboolean bound)
{
  const FmCommand *const *all = fm_command_all ();
  for (guint i = 0; all[i]; i++)
    {
      g_autofree char *key = fm_keymap_key_for (keymap, context, all[i]->name);
      if (all[i]->contexts & context && (key != NULL) == bound)
        add_command (text, keymap, context, all[i]);
    }
}

char *
fm_help_text_keys (const FmKeymap *keymap, guint context)
{
  GString *text = g_string_new ("# Keys here\n");
  add_commands (text, keymap, context, TRUE);
  g_string_append (text, "\n# Counts\n"
                         "digits, then a key repeat it; digits, then Enter go to the message of that number.\n"
                         "Esc and a letter is one key. Esc Esc and ^G leave a prompt, a page or an unfinished key.\n"
                         "\n# Commands without a key here: type them after `:`\n");
  add_commands (text, keymap, context, FALSE);
  return g_string_free (text, FALSE);
}

static void
add_effect (GString *text, const char *where, const char *effect)
{
  if (effect)
    g_string_append_printf (text, "    %-7s %s\n", where, effect);
}

char *
fm_help_text_effects (void)
{
  const FmCommand *const *all = fm_command_all ();
  GString *text = g_string_new ("Commands that are not here change nothing on any server.\n");
  for (guint i = 0; all[i]; i++)
    {
      const FmCommand *command = all[i];
      if (!command->effect_imap && !command->effect_gmail && !command->effect_pop && !command->effect_local)
        continue;
      g_string_append_printf (text, "\n# %s: %s\n", command->name, command->help);
      add_effect (text, "IMAP", command->effect_imap);
      add_effect (text, "Gmail", command->effect_gmail);
      add_effect (text, "POP", command->effect_pop);
      add_effect (text, "local", command->effect_local);
    }
  return g_string_free (text, FALSE);
}

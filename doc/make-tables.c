/* Makes a manual from its template: a line "@NAME@" becomes the table of that name, made from the same descriptors that the program runs by, so
 * that help, completion and manual cannot differ. What is written by hand in a template and has a counterpart in the program (commands of
 * the command line, keys of an account) is compared instead, by --check.
 *
 *   make-tables TEMPLATE >MANUAL
 *   make-tables --check fulmar.1.in fulmar.conf.5.in      prints what is missing or not there any more; exits 1 if anything is */
#include "app/config-account.h"
#include "app/settings.h"
#include "ui/keymap.h"
#include <fulmar/app/command.h>
#include <fulmar/cli/cli.h>
#include <stdio.h>
#include <string.h>

/* Text as roff wants it: no line begins with a control character, backslashes and hyphens are meant. */
static char *
roff (const char *text)
{
  GString *out = g_string_new (NULL);
  gboolean open = FALSE;

  for (const char *p = text; *p; p++)
    if (*p == '\\')
      g_string_append (out, "\\e");
    else if (*p == '-')
      g_string_append (out, "\\-");
    else if (*p == '`')
      g_string_append (out, (open = !open) ? "\\(oq" : "\\(cq");
    else if (*p == '\'')
      g_string_append (out, "\\(aq");
    else if (*p == '^' || *p == '~')
      g_string_append (out, *p == '^' ? "\\(ha" : "\\(ti");
    else
      g_string_append_c (out, *p);
  if (strchr (".'", text[0]))
    g_string_prepend (out, "\\&");
  return g_string_free (out, FALSE);
}

/* As an argument of a macro: quoted. */
static char *
quoted (const char *text)
{
  g_autofree char *escaped = roff (text);
  g_auto (GStrv) parts = g_strsplit (escaped, "\"", -1);
  g_autofree char *joined = g_strjoinv ("\\(dq", parts);

  /* A lone ";" or "?" would be punctuation to mdoc. */
  return g_strdup_printf ("\"\\&%s\"", joined);
}

/* Each key once, though the command may have it in several panes; NULL: none. Transfer: full. */
static char *
keys_of (const FmKeymap *keymap, const FmCommand *command)
{
  g_autoptr (GPtrArray) all = g_ptr_array_new_with_free_func (g_free);

  for (guint bit = 1; bit <= FM_CONTEXT_ATTACHMENTS; bit <<= 1)
    {
      g_autofree char *keys = command->contexts & bit ? fm_keymap_keys_for (keymap, bit, command->name) : g_strdup ("");
      g_auto (GStrv) words = g_strsplit (keys, ", ", -1);
      for (guint i = 0; words[i]; i++)
        if (!g_ptr_array_find_with_equal_func (all, words[i], g_str_equal, NULL))
          g_ptr_array_add (all, g_strdup (words[i]));
    }
  g_ptr_array_add (all, NULL);
  return *all->pdata ? g_strjoinv ("  ", (char **) all->pdata) : NULL;
}

static void
print_keys (const char *set, char *keys)
{
  g_autofree char *text = keys ? quoted (keys) : NULL;

  if (text)
    printf (".br\n%s keys:\n.Li %s\n", set, text);
  g_free (keys);
}

static const char *
places_of (guint contexts)
{
  static const struct {
    guint bit;
    const char *name;
  } places[] = { { FM_CONTEXT_LIST, "list" },
                 { FM_CONTEXT_PAGER, "pager" },
                 { FM_CONTEXT_FOLDERS, "folders" },
                 { FM_CONTEXT_COMPOSE, "compose" },
                 { FM_CONTEXT_ATTACHMENTS, "attachments" } };
  static char text[80];

  if ((contexts & FM_CONTEXT_ALL) == FM_CONTEXT_ALL)
    return "everywhere";
  text[0] = '\0';
  for (guint i = 0; i < G_N_ELEMENTS (places); i++)
    if (contexts & places[i].bit)
      {
        g_strlcat (text, text[0] ? ", " : "", sizeof text);
        g_strlcat (text, places[i].name, sizeof text);
      }
  return text;
}

static void
print_commands (void)
{
  g_autoptr (FmKeymap) mutt = fm_keymap_new (), alpine = fm_keymap_new ();

  fm_keymap_load_set (mutt, "mutt");
  fm_keymap_load_set (alpine, "alpine");
  printf (".Bl -tag -width Ds\n");
  for (const FmCommand *const *at = fm_command_all (); *at; at++)
    {
      const FmCommand *command = *at;
      g_autofree char *help = roff (command->help), *arguments = quoted (command->arguments ? command->arguments : "");
      printf (".It Ic %s%s%s\n%s\n.Pq %s .\n", command->name, command->arguments ? " Ar " : "", command->arguments ? arguments : "", help,
              places_of (command->contexts));
      print_keys ("mutt", keys_of (mutt, command));
      print_keys ("alpine", keys_of (alpine, command));
    }
  printf (".El\n");
}

static void
print_effect (const char *where, const char *effect)
{
  g_autofree char *text = effect ? roff (effect) : NULL;

  if (text)
    printf (".It %s\n%s.\n", where, text);
}

static void
print_effects (void)
{
  printf (".Bl -tag -width Ds\n");
  for (const FmCommand *const *at = fm_command_all (); *at; at++)
    {
      const FmCommand *command = *at;
      if (!command->effect_imap && !command->effect_gmail && !command->effect_pop && !command->effect_local)
        continue;
      printf (".It Ic %s\n.Bl -tag -width Gmail -compact\n", command->name);
      print_effect ("IMAP", command->effect_imap);
      print_effect ("Gmail", command->effect_gmail);
      print_effect ("POP", command->effect_pop);
      print_effect ("local", command->effect_local);
      printf (".El\n");
    }
  printf (".El\n");
}

static void
print_settings (void)
{
  guint n;
  const FmSetting *settings = fm_settings_all (&n);

  printf (".Bl -tag -width Ds\n");
  for (guint i = 0; i < n; i++)
    {
      const FmSetting *setting = &settings[i];
      g_auto (GStrv) words = g_strsplit (setting->kind == FM_SETTING_BOOL ? "true|false"
                                         : setting->choices               ? setting->choices
                                                                          : "text",
                                         "|", -1);
      g_autofree char *joined = g_strjoinv (setting->kind == FM_SETTING_INT ? " to " : " | ", words);
      g_autofree char *values = quoted (joined), *initial = quoted (setting->initial), *help = roff (setting->help);
      printf (".It Cm %s No = Ar %s\n%s.\n.br\nDefault:\n", setting->name, values, help);
      printf (*setting->initial ? ".Li %s .\n" : "empty.\n", initial);
    }
  printf (".El\n");
}

static const struct {
  const char *marker;
  void (*print) (void);
} tables[] = { { "@COMMANDS@", print_commands }, { "@EFFECTS@", print_effects }, { "@SETTINGS@", print_settings } };

static gboolean
make_manual (const char *path)
{
  g_autofree char *text = NULL;

  if (!g_file_get_contents (path, &text, NULL, NULL))
    return FALSE;
  g_auto (GStrv) lines = g_strsplit (g_strchomp (text), "\n", -1);
  for (guint i = 0; lines[i]; i++)
    {
      gboolean done = FALSE;
      for (guint t = 0; t < G_N_ELEMENTS (tables); t++)
        if (strcmp (lines[i], tables[t].marker) == 0)
          {
            tables[t].print ();
            done = TRUE;
          }
      if (!done)
        puts (lines[i]);
    }
  return TRUE;
}

/* The words after MACRO in TEXT, one for each line that begins with it. */
static GPtrArray *
words_after (const char *text, const char *macro)
{
  GPtrArray *words = g_ptr_array_new_with_free_func (g_free);
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);

  for (guint i = 0; lines[i]; i++)
    if (g_str_has_prefix (lines[i], macro))
      {
        const char *word = lines[i] + strlen (macro);
        g_ptr_array_add (words, g_strndup (word, strcspn (word, " ")));
      }
  return words;
}

static gboolean
holds (GPtrArray *words, const char *word)
{
  return g_ptr_array_find_with_equal_func (words, word, g_str_equal, NULL);
}

static guint
compare (GPtrArray *manual, GPtrArray *program, const char *what)
{
  guint wrong = 0;

  for (guint i = 0; i < program->len; i++)
    if (!holds (manual, g_ptr_array_index (program, i)))
      {
        printf ("the manual lacks the %s `%s`\n", what, (char *) g_ptr_array_index (program, i));
        wrong++;
      }
  for (guint i = 0; i < manual->len; i++)
    if (!holds (program, g_ptr_array_index (manual, i)))
      {
        printf ("the manual has a %s `%s`, the program has not\n", what, (char *) g_ptr_array_index (manual, i));
        wrong++;
      }
  return wrong;
}

static guint
check (const char *fulmar_1, const char *fulmar_conf_5)
{
  g_autofree char *manual = NULL, *conf = NULL;

  if (!g_file_get_contents (fulmar_1, &manual, NULL, NULL) || !g_file_get_contents (fulmar_conf_5, &conf, NULL, NULL))
    return 1;
  g_autoptr (GPtrArray) in_manual = words_after (manual, ".It Nm fulmar Cm "), in_program = words_after (fm_cli_usage (), "       fulmar ");
  g_autoptr (GPtrArray) keys = words_after (conf, ".It Va "), program_keys = g_ptr_array_new ();
  for (const char *const *key = fm_config_account_keys (); *key; key++)
    g_ptr_array_add (program_keys, (gpointer) *key);
  return compare (in_manual, in_program, "command") + compare (keys, program_keys, "key of an account");
}

int
main (int argc, char **argv)
{
  if (argc == 4 && strcmp (argv[1], "--check") == 0)
    return check (argv[2], argv[3]) ? 1 : 0;
  if (argc != 2 || !make_manual (argv[1]))
    {
      fprintf (stderr, "usage: make-tables TEMPLATE | make-tables --check FULMAR.1 FULMAR.CONF.5\n");
      return 2;
    }
  return 0;
}

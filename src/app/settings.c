/* Every setting a user can change, in one table. A new row here is a design failure until argued otherwise: each must be something two
 * sensible people want differently. */
#include "app/settings.h"
#include <fulmar/base/error.h>
#include <fulmar/base/text.h>

static const FmSetting settings[] = {
  { "theme", FM_SETTING_TEXT, "dark", "dark|light|nord|gruvbox|mono", "colours: the name of a theme file, or a path" },
  { "colours", FM_SETTING_CHOICE, "auto", "auto|mono|8|16|256|direct", "how many colours the terminal shows; ssh often hides it" },
  { "ascii", FM_SETTING_CHOICE, "auto", "auto|true|false", "draw lines and marks with plain ASCII" },
  { "layout", FM_SETTING_CHOICE, "wide", "wide|tall|list", "wide: pager under the list; tall: beside it; list: one at a time" },
  { "keymap", FM_SETTING_CHOICE, "mutt", "mutt|alpine", "which whole set of keys" },
  { "sort", FM_SETTING_CHOICE, "-date", "date|-date|from|-from|subject|-subject|size|-size|arrival|-arrival",
    "order of the message list; - is descending" },
  { "threads", FM_SETTING_BOOL, "true", NULL, "show messages as threads, the newest thread first" },
  { "date_format", FM_SETTING_TEXT, "smart", NULL, "smart, or a strftime format for the list" },
  { "folders_width", FM_SETTING_INT, "20", "8|80", "columns of the folder pane" },
  { "list_height", FM_SETTING_INT, "0", "0|200", "rows of the list above the pager; 0: a third of the screen" },
  { "hints", FM_SETTING_BOOL, "true", NULL, "show the keys that matter here in the bottom line" },
  { "mouse", FM_SETTING_BOOL, "true", NULL, "no effect yet: the mouse is left to the terminal, to select and copy" },
  { "bell", FM_SETTING_BOOL, "false", NULL, "ring the terminal's bell for new mail" },
  { "prefer", FM_SETTING_CHOICE, "text", "text|html", "which alternative of a message is shown first" },
  { "headers", FM_SETTING_TEXT, "date from to cc subject", NULL, "headers shown above a message, in order" },
  { "wrap", FM_SETTING_INT, "0", "0|1000", "wrap text at this column at most; 0: the pane's width" },
  { "mark_read", FM_SETTING_BOOL, "true", NULL, "opening a message marks it read" },
  { "resolve", FM_SETTING_BOOL, "true", NULL, "move to the next message after acting on one" },
  { "confirm_quit", FM_SETTING_BOOL, "false", NULL, "ask before leaving the program" },
  { "editor", FM_SETTING_TEXT, "", NULL, "the editor's command; empty: $VISUAL, then $EDITOR" },
  { "attribution", FM_SETTING_TEXT, "On %d, %n wrote:", NULL, "the line above a quote; %d date, %n name, %a address" },
  { "signature", FM_SETTING_TEXT, "", NULL, "a file put under every new message" },
  { "reply_all_ask", FM_SETTING_INT, "15", "0|1000", "reply to all asks when it would reach more people than this; 0: never" },
  { "undo_send", FM_SETTING_INT, "10", "0|600", "seconds a sent mail is held so that `u` can bring it back" },
};

const FmSetting *
fm_settings_all (guint *ret_n)
{
  *ret_n = G_N_ELEMENTS (settings);
  return settings;
}

const FmSetting *
fm_settings_find (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (settings); i++)
    if (strcmp (settings[i].name, name) == 0)
      return &settings[i];
  return NULL;
}

const char *const *
fm_settings_names (void)
{
  static const char *names[G_N_ELEMENTS (settings) + 1];

  if (!names[0])
    for (guint i = 0; i < G_N_ELEMENTS (settings); i++)
      names[i] = settings[i].name;
  return names;
}

char **
fm_settings_suggest (const FmSetting *setting)
{
  if (setting->kind == FM_SETTING_BOOL)
    return g_strsplit ("true|false", "|", -1);
  return g_strsplit (setting->kind == FM_SETTING_INT || !setting->choices ? "" : setting->choices, "|", -1);
}

static char *
check_bool (const char *value)
{
  static const char *const yes[] = { "true", "yes", "on", "1", NULL };
  static const char *const no[] = { "false", "no", "off", "0", NULL };

  if (g_strv_contains (yes, value))
    return g_strdup ("true");
  return g_strv_contains (no, value) ? g_strdup ("false") : NULL;
}

static char *
check_int (const FmSetting *setting, const char *value)
{
  gint64 number;
  g_auto (GStrv) bounds = g_strsplit (setting->choices, "|", 2);

  if (!g_ascii_string_to_signed (value, 10, g_ascii_strtoll (bounds[0], NULL, 10), g_ascii_strtoll (bounds[1], NULL, 10), &number, NULL))
    return NULL;
  return g_strdup_printf ("%" G_GINT64_FORMAT, number);
}

static char *
allowed (const FmSetting *setting)
{
  g_auto (GStrv) words = g_strsplit (setting->choices ? setting->choices : "true|false", "|", -1);

  if (setting->kind == FM_SETTING_INT)
    return g_strdup_printf ("a number from %s to %s", words[0], words[1]);
  return g_strjoinv (", ", words);
}

char *
fm_settings_check (const FmSetting *setting, const char *value, GError **error)
{
  char *good = NULL;

  switch (setting->kind)
    {
    case FM_SETTING_TEXT:
      return g_strdup (value);
    case FM_SETTING_BOOL:
      good = check_bool (value);
      break;
    case FM_SETTING_INT:
      good = check_int (setting, value);
      break;
      case FM_SETTING_CHOICE: {
        g_auto (GStrv) words = g_strsplit (setting->choices, "|", -1);
        good = g_strv_contains ((const char *const *) words, value) ? g_strdup (value) : NULL;
        break;
      }
    }
  if (!good)
    {
      g_autofree char *words = allowed (setting);
      g_autofree char *shown = fm_text_sanitise_line (value, -1);
      g_set_error (error, FM_ERROR, FM_ERROR_INVALID, "`%s` can't be `%s`: write %s", setting->name, shown, words);
    }
  return good;
}

/* One table of names serves both directions. The first name of a code is the one the config writes; `shown` is what help and hints show. */
#include "ui/key-name.h"
#include <fulmar/base/error.h>
#include <fulmar/base/text.h>
#include <string.h>

static const struct {
  const char *name, *shown;
  guint32 code;
} names[] = {
  { "Enter", "Enter", FM_KEY_ENTER },
  { "Return", NULL, FM_KEY_ENTER },
  { "Tab", "Tab", FM_KEY_TAB },
  { "Esc", "Esc", FM_KEY_ESC },
  { "Space", "Space", ' ' },
  { "BackSpace", "BkSp", FM_KEY_BACKSPACE },
  { "BS", NULL, FM_KEY_BACKSPACE },
  { "Up", "Up", FM_KEY_UP },
  { "Down", "Down", FM_KEY_DOWN },
  { "Right", "Right", FM_KEY_RIGHT },
  { "Left", "Left", FM_KEY_LEFT },
  { "Home", "Home", FM_KEY_HOME },
  { "End", "End", FM_KEY_END },
  { "PgUp", "PgUp", FM_KEY_PAGE_UP },
  { "PageUp", NULL, FM_KEY_PAGE_UP },
  { "PgDn", "PgDn", FM_KEY_PAGE_DOWN },
  { "PageDown", NULL, FM_KEY_PAGE_DOWN },
  { "Insert", "Ins", FM_KEY_INSERT },
  { "Delete", "Del", FM_KEY_DELETE },
  { "Del", NULL, FM_KEY_DELETE },
  { "equal", NULL, '=' },
  { "lbracket", NULL, '[' },
  { "rbracket", NULL, ']' },
  { "hash", NULL, '#' },
  { "semicolon", NULL, ';' },
  { "comma", NULL, ',' },
  { "lt", NULL, '<' },
  { "gt", NULL, '>' },
  { "backslash", NULL, '\\' },
  { "bar", NULL, '|' },
  { "dollar", NULL, '$' },
  { "percent", NULL, '%' },
  { "minus", NULL, '-' },
  { "plus", NULL, '+' },
};

static guint32
code_of (const char *name)
{
  guint64 number;
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if (g_ascii_strcasecmp (names[i].name, name) == 0)
      return names[i].code;
  if ((name[0] == 'F' || name[0] == 'f') && g_ascii_string_to_unsigned (name + 1, 10, 1, 24, &number, NULL))
    return FM_KEY_F1 + (guint32) number - 1;
  if (g_utf8_strlen (name, -1) == 1)
    return g_utf8_get_char (name);
  return 0;
}

static gboolean
unknown_name (const char *name, GError **error)
{
  const char *candidates[G_N_ELEMENTS (names) + 1];
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    candidates[i] = names[i].name;
  candidates[G_N_ELEMENTS (names)] = NULL;
  g_autofree char *shown = fm_text_sanitise_line (name, -1);
  const char *nearest = fm_text_nearest (name, candidates);
  if (nearest)
    g_set_error (error, FM_ERROR, FM_ERROR_INVALID, "no key is called <%s>: did you mean <%s>?", shown, nearest);
  else
    g_set_error (error, FM_ERROR, FM_ERROR_INVALID, "no key is called <%s>: names are <Tab>, <C-d>, <Esc>v, <Space>, <F5> and so on",
                 shown);
  return FALSE;
}

/* What stands between < and >: modifiers and a name. */
static gboolean
parse_bracketed (const char *inside, FmKey *ret_key, GError **error)
{
  const char *name = inside;
  FmKey key = { 0 };
  while (name[0] && name[1] == '-' && name[2])
    {
      char letter = g_ascii_toupper (name[0]);
      if (letter == 'C')
        key.mods |= FM_MOD_CTRL;
      else if (letter == 'S')
        key.mods |= FM_MOD_SHIFT;
      else if (letter == 'A' || letter == 'M')
        key.mods |= FM_MOD_ALT;
      else
        return unknown_name (inside, error);
      name += 2;
    }
  key.code = code_of (name);
  if (key.code == 0)
    return unknown_name (inside, error);
  if (key.mods & FM_MOD_CTRL && key.code < 128)
    key.code = (guint32) g_ascii_tolower ((char) key.code);
  *ret_key = key;
  return TRUE;
}

/* One key at *AT, moved past it. "<" stands for itself where no ">" follows. */
static gboolean
parse_key (const char **at, FmKey *ret_key, GError **error)
{
  const char *close = **at == '<' && (*at)[1] ? strchr (*at + 2, '>') : NULL;
  if (!close)
    {
      *ret_key = (FmKey){ g_utf8_get_char (*at), 0 };
      *at = g_utf8_next_char (*at);
      return TRUE;
    }
  g_autofree char *inside = g_strndup (*at + 1, (gsize) (close - *at - 1));
  if (!parse_bracketed (inside, ret_key, error))
    return FALSE;
  *at = close + 1;
  return TRUE;
}

guint
fm_key_name_parse (const char *text, FmKey keys[FM_KEY_NAME_MAX], GError **error)
{
  guint n = 0;
  guint32 alt = 0;
  if (!g_utf8_validate (text, -1, NULL))
    {
      g_set_error (error, FM_ERROR, FM_ERROR_INVALID, "the key's name is not UTF-8");
      return 0;
    }
  for (const char *at = text; *at;)
    {
      FmKey key;
      if (!parse_key (&at, &key, error))
        return 0;
      if (key.code == FM_KEY_ESC && !alt && *at)
        {
          alt = FM_MOD_ALT;
          continue;
        }
      if (n == FM_KEY_NAME_MAX)
        {
          g_set_error (error, FM_ERROR, FM_ERROR_INVALID, "a sequence has at most %d keys", FM_KEY_NAME_MAX);
          return 0;
        }
      key.mods |= alt;
      alt = 0;
      keys[n++] = key;
    }
  if (n == 0)
    g_set_error (error, FM_ERROR, FM_ERROR_INVALID, "no key is named");
  return n;
}

static void
format_key (GString *text, FmKey key)
{
  if (key.mods & FM_MOD_ALT)
    g_string_append (text, "Esc-");
  if (key.mods & FM_MOD_SHIFT)
    g_string_append (text, "S-");
  if (key.mods & FM_MOD_CTRL && key.code < 128 && key.code != ' ')
    {
      g_string_append_c (text, '^');
      g_string_append_c (text, g_ascii_toupper ((char) key.code));
      return;
    }
  if (key.mods & FM_MOD_CTRL)
    g_string_append (text, "C-");
  if (key.code >= FM_KEY_F1 && key.code <= FM_KEY_F24)
    {
      g_string_append_printf (text, "F%u", key.code - FM_KEY_F1 + 1);
      return;
    }
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if (names[i].code == key.code && names[i].shown)
      {
        g_string_append (text, names[i].shown);
        return;
      }
  g_string_append_unichar (text, key.code);
}

char *
fm_key_name_format (const FmKey *keys, guint n_keys)
{
  GString *text = g_string_new (NULL);
  for (guint i = 0; i < n_keys; i++)
    format_key (text, keys[i]);
  return g_string_free (text, FALSE);
}

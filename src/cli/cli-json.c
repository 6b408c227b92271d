/* JSON objects, one a line (JSON Lines). Strings are valid UTF-8 in, escaped out: no control character, no line separator. */
#include "cli/cli-private.h"
#include <stdio.h>

struct FmCliJson {
  GString *text;
};

FmCliJson *
fm_cli_json_new (void)
{
  FmCliJson *json = g_new0 (FmCliJson, 1);

  json->text = g_string_new ("{");
  return json;
}

static void
append_string (GString *text, const char *value)
{
  g_autofree char *valid = g_utf8_make_valid (value, -1);

  g_string_append_c (text, '"');
  for (const char *p = valid; *p; p = g_utf8_next_char (p))
    {
      gunichar c = g_utf8_get_char (p);
      if (c == '"' || c == '\\')
        g_string_append_printf (text, "\\%c", (char) c);
      else if (c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029)
        g_string_append_printf (text, "\\u%04x", c);
      else
        g_string_append_unichar (text, c);
    }
  g_string_append_c (text, '"');
}

static void
append_name (FmCliJson *json, const char *name)
{
  if (json->text->len > 1)
    g_string_append (json->text, ", ");
  append_string (json->text, name);
  g_string_append (json->text, ": ");
}

void
fm_cli_json_string (FmCliJson *json, const char *name, const char *value)
{
  append_name (json, name);
  if (value)
    append_string (json->text, value);
  else
    g_string_append (json->text, "null");
}

void
fm_cli_json_number (FmCliJson *json, const char *name, gint64 value)
{
  append_name (json, name);
  g_string_append_printf (json->text, "%" G_GINT64_FORMAT, value);
}

void
fm_cli_json_bool (FmCliJson *json, const char *name, gboolean value)
{
  append_name (json, name);
  g_string_append (json->text, value ? "true" : "false");
}

void
fm_cli_json_date (FmCliJson *json, const char *name, gint64 utc)
{
  g_autoptr (GDateTime) date = g_date_time_new_from_unix_utc (utc);
  g_autofree char *text = date ? g_date_time_format (date, "%Y-%m-%dT%H:%M:%SZ") : NULL;

  fm_cli_json_string (json, name, text);
}

void
fm_cli_json_strings (FmCliJson *json, const char *name, const char *const *values)
{
  append_name (json, name);
  g_string_append_c (json->text, '[');
  for (guint i = 0; values && values[i]; i++)
    {
      if (i > 0)
        g_string_append (json->text, ", ");
      append_string (json->text, values[i]);
    }
  g_string_append_c (json->text, ']');
}

void
fm_cli_json_print (FmCliJson *json)
{
  g_string_append (json->text, "}\n");
  fputs (json->text->str, stdout);
  g_string_free (json->text, TRUE);
  g_free (json);
}

/* One JSON object a line, written by a program: its fields come in a fixed order, which makes reading it short. */
#include "recording.h"
#include <stdlib.h>
#include <string.h>

static void
step_free (gpointer data)
{
  FmRecordingStep *step = data;
  g_free (step->command);
  g_free (step->reply);
  g_free (step);
}

static void
recording_free (gpointer data)
{
  FmRecording *recording = data;
  g_free (recording->name);
  g_ptr_array_unref (recording->steps);
  g_free (recording);
}

/* The JSON string that starts at *P (after its quote); *P moves past its end. The recordings use no \u beyond Latin 1. */
static char *
take_json_string (const char **p)
{
  GString *text = g_string_new (NULL);

  for (; **p != '\0' && **p != '"'; (*p)++)
    {
      if (**p != '\\')
        {
          g_string_append_c (text, **p);
          continue;
        }
      (*p)++;
      if (**p == 'u')
        {
          char hex[5] = { 0 };
          memcpy (hex, *p + 1, strnlen (*p + 1, 4));
          g_string_append_c (text, (char) strtoul (hex, NULL, 16));
          *p += strnlen (*p + 1, 4);
        }
      else
        g_string_append_c (text, **p == 'n' ? '\n' : **p == 'r' ? '\r' : **p == 't' ? '\t' : **p);
    }
  if (**p == '"')
    (*p)++;
  return g_string_free (text, FALSE);
}

/* The value of NAME between *LINE and END (NULL: no end), or NULL; *LINE moves past it. */
static char *
take_field (const char **line, const char *end, const char *name)
{
  g_autofree char *key = g_strdup_printf ("\"%s\": \"", name);
  const char *p = strstr (*line, key);

  if (p == NULL || (end != NULL && p >= end))
    return NULL;
  p += strlen (key);
  char *text = take_json_string (&p);
  *line = p;
  return text;
}

/* *LINE stands at "c": a string, or {"expr": C#}, of which the start of an interpolated string is the command's own. */
static char *
take_command (const char **line, gboolean has_tag)
{
  gboolean is_expr = g_str_has_prefix (*line, "\"c\": {");
  g_autofree char *text = take_field (line, NULL, is_expr ? "expr" : "c");
  const char *command = text == NULL ? "" : is_expr && g_str_has_prefix (text, "$\"") ? text + 2 : text;
  const char *blank = strchr (command, ' ');

  return g_strdup (has_tag && blank != NULL && command[0] == 'A' ? blank + 1 : command);
}

static char *
load_reply (const char *corpus, const char *folder, const char *file)
{
  g_autofree char *path = g_build_filename (corpus, "protocol", "MailKit", folder, "Resources", file, NULL);
  char *text = NULL;
  if (!g_file_get_contents (path, &text, NULL, NULL) || g_str_equal (folder, "Imap"))
    return text;
  /* Kept with LF, said with CRLF; IMAP's are kept as they were, for the sake of literals. */
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  for (char **line = lines; *line != NULL; line++)
    if (g_str_has_suffix (*line, "\r"))
      (*line)[strlen (*line) - 1] = '\0';
  g_free (text);
  return g_strjoinv ("\r\n", lines);
}

static FmRecording *
parse_recording (const char *line, const char *corpus, const char *folder)
{
  FmRecording *recording = g_new0 (FmRecording, 1);

  recording->name = take_field (&line, NULL, "test");
  recording->steps = g_ptr_array_new_with_free_func (step_free);
  while ((line = strstr (line, "\"c\": ")) != NULL)
    {
      FmRecordingStep *step = g_new0 (FmRecordingStep, 1);
      step->command = take_command (&line, g_str_equal (folder, "Imap"));
      const char *next = strstr (line, "\"c\": "), *from = line;
      g_autofree char *file = take_field (&from, next, "s_file");
      from = line;
      char *text = file != NULL ? load_reply (corpus, folder, file) : take_field (&from, next, "s_text");
      step->reply = text != NULL ? text : g_strdup ("");
      g_ptr_array_add (recording->steps, step);
    }
  return recording;
}

GPtrArray *
fm_recording_load (const char *corpus, const char *protocol)
{
  g_autofree char *path = g_build_filename (corpus, "protocol", "MailKit-replay", "replay.jsonl", NULL);
  g_autofree char *mark = g_strdup_printf ("\"proto\": \"%s\"", protocol);
  const char *folder = g_str_equal (protocol, "imap") ? "Imap" : g_str_equal (protocol, "pop3") ? "Pop3" : "Smtp";
  g_autofree char *text = NULL;

  if (!g_file_get_contents (path, &text, NULL, NULL))
    return NULL;
  GPtrArray *recordings = g_ptr_array_new_with_free_func (recording_free);
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  for (char **line = lines; *line != NULL; line++)
    if (strstr (*line, mark) != NULL)
      g_ptr_array_add (recordings, parse_recording (*line, corpus, folder));
  return recordings;
}

void
fm_recording_reset (FmRecording *recording)
{
  for (guint i = 0; i < recording->steps->len; i++)
    ((FmRecordingStep *) recording->steps->pdata[i])->is_used = FALSE;
}

/* A JSON reader for exactly what the oracle holds: objects, arrays, strings, numbers. It walks the text once, keeping only wanted keys. */
#include "oracle.h"
#include <gio/gio.h>
#include <string.h>

static void
skip_blank (const char **at)
{
  *at += strspn (*at, " \t\r\n,:");
}

static gunichar
read_hex4 (const char **at)
{
  gunichar value = 0;

  for (int i = 0; i < 4 && g_ascii_isxdigit (**at); i++)
    value = value * 16 + g_ascii_xdigit_value (*(*at)++);
  return value;
}

static void
read_escape (const char **at, GString *out)
{
  static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
  const char *plain = strchr (from, **at);

  if (**at == 'u')
    {
      (*at)++;
      gunichar c = read_hex4 (at);
      if (c >= 0xd800 && c < 0xdc00 && g_str_has_prefix (*at, "\\u"))
        {
          *at += 2;
          c = 0x10000 + ((c - 0xd800) << 10) + (read_hex4 (at) - 0xdc00);
        }
      g_string_append_unichar (out, g_unichar_validate (c) && c != 0 ? c : 0xfffd);
      return;
    }
  g_string_append_c (out, plain != NULL && **at != '\0' ? to[plain - from] : **at);
  (*at)++;
}

static char *
read_string (const char **at)
{
  GString *out = g_string_new (NULL);

  for ((*at)++; **at != '"' && **at != '\0';)
    if (**at == '\\')
      (*at)++, read_escape (at, out);
    else
      g_string_append_c (out, *(*at)++);
  *at += **at == '"';
  return g_string_free (out, FALSE);
}

/* The first string of a value, skipping the rest of it; NULL if there is none. */
static char *
read_first_string (const char **at)
{
  char *first = NULL;
  int depth = 0;

  do
    {
      skip_blank (at);
      if (**at == '"')
        {
          char *text = read_string (at);
          if (first == NULL)
            first = text;
          else
            g_free (text);
        }
      else if (**at == '[' || **at == '{')
        depth++, (*at)++;
      else if (**at == ']' || **at == '}')
        depth--, (*at)++;
      else
        {
          const char *start = *at;
          *at += strcspn (*at, ",]}");
          if (first == NULL && depth == 0)
            first = g_strndup (start, *at - start);
        }
      skip_blank (at);
    }
  while (depth > 0 && **at != '\0');
  return first;
}

static void
read_part (const char **at, OracleMail *mail)
{
  OraclePart part = { NULL, NULL, NULL, NULL };

  for ((*at)++, skip_blank (at); **at == '"'; skip_blank (at))
    {
      g_autofree char *key = read_string (at);
      skip_blank (at);
      g_autofree char *value = read_first_string (at);
      char **slot = strcmp (key, "p") == 0      ? &part.path
                    : strcmp (key, "t") == 0    ? &part.type
                    : strcmp (key, "fn") == 0   ? &part.file_name
                    : strcmp (key, "sha1") == 0 ? &part.sha1
                                                : NULL;
      if (slot != NULL)
        *slot = g_steal_pointer (&value);
    }
  *at += **at == '}';
  g_array_append_val (mail->parts, part);
}

static OracleMail *
read_mail (const char *at)
{
  OracleMail *mail = g_new0 (OracleMail, 1);

  mail->parts = g_array_new (FALSE, FALSE, sizeof (OraclePart));
  for (at++, skip_blank (&at); *at == '"'; skip_blank (&at))
    {
      g_autofree char *key = read_string (&at);
      skip_blank (&at);
      if (strcmp (key, "parts") == 0)
        {
          for (at++, skip_blank (&at); *at == '{'; skip_blank (&at))
            read_part (&at, mail);
          at += *at == ']';
          continue;
        }
      g_autofree char *value = read_first_string (&at);
      char **slot = strcmp (key, "file") == 0         ? &mail->file
                    : strcmp (key, "subject") == 0    ? &mail->subject
                    : strcmp (key, "from") == 0       ? &mail->from
                    : strcmp (key, "to") == 0         ? &mail->to
                    : strcmp (key, "date") == 0       ? &mail->date
                    : strcmp (key, "message-id") == 0 ? &mail->message_id
                                                      : NULL;
      if (slot != NULL)
        *slot = g_steal_pointer (&value);
      else if (strcmp (key, "i") == 0 && value != NULL)
        mail->index = (int) g_ascii_strtoll (value, NULL, 10);
    }
  return mail;
}

static void
free_mail (gpointer data)
{
  OracleMail *mail = data;

  for (guint i = 0; i < mail->parts->len; i++)
    {
      OraclePart *part = &g_array_index (mail->parts, OraclePart, i);
      g_free (part->path);
      g_free (part->type);
      g_free (part->file_name);
      g_free (part->sha1);
    }
  g_array_unref (mail->parts);
  g_free (mail->file);
  g_free (mail->subject);
  g_free (mail->from);
  g_free (mail->to);
  g_free (mail->message_id);
  g_free (mail->date);
  g_free (mail);
}

GHashTable *
oracle_load (const char *gzip_path)
{
  g_autoptr (GFile) file = g_file_new_for_path (gzip_path);
  g_autoptr (GFileInputStream) raw = g_file_read (file, NULL, NULL);
  if (raw == NULL)
    return NULL;
  g_autoptr (GZlibDecompressor) unzip = g_zlib_decompressor_new (G_ZLIB_COMPRESSOR_FORMAT_GZIP);
  g_autoptr (GInputStream) plain = g_converter_input_stream_new (G_INPUT_STREAM (raw), G_CONVERTER (unzip));
  g_autoptr (GDataInputStream) lines = g_data_input_stream_new (plain);
  GHashTable *mails = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, free_mail);

  for (;;)
    {
      g_autofree char *line = g_data_input_stream_read_line (lines, NULL, NULL, NULL);
      if (line == NULL)
        return mails;
      OracleMail *mail = read_mail (line);
      if (mail->file != NULL && mail->index == 0)
        g_hash_table_insert (mails, mail->file, mail);
      else
        {
          if (mail->file != NULL)
            g_hash_table_remove (mails, mail->file);
          free_mail (mail);
        }
    }
}

/* The projection is a plain message that any indexer reads: our Message-ID, the decoded fields, and one text with everything readable in it,
 * the attachments' names at its end. */
#include "fulmar/mail/projection.h"
#include "fulmar/mail/html.h"
#include "mail/gmime-init.h"
#include <string.h>

enum { MAX_ATTACHMENT_TEXT_BYTES = 256 * 1024, SHORT_PLAIN_BYTES = 400 };

typedef struct {
  FmMessage *message;
  GString *text;
} Projection;

static void
append_header (GString *out, const char *name, const char *value)
{
  if (value[0] != '\0')
    g_string_append_printf (out, "%s: %s\n", name, value);
}

static void
append_list (GString *out, const char *name, const FmAddressList *list)
{
  g_autofree char *value = fm_address_list_header (list);

  append_header (out, name, value);
}

static void
append_fields (GString *out, const FmEnvelope *envelope, gint64 blob_id)
{
  g_autofree char *subject = g_mime_utils_header_encode_text (NULL, fm_envelope_subject (envelope), "utf-8");
  g_autoptr (GDateTime) date = g_date_time_new_from_unix_utc (fm_envelope_date_utc (envelope));
  g_autofree char *date_text = date != NULL ? g_mime_utils_header_format_date (date) : g_strdup ("");

  g_string_append_printf (out, "Message-ID: <%" G_GINT64_FORMAT "@fulmar>\n", blob_id);
  append_list (out, "From", fm_envelope_from (envelope));
  append_list (out, "To", fm_envelope_to (envelope));
  append_list (out, "Cc", fm_envelope_cc (envelope));
  append_header (out, "Subject", subject);
  append_header (out, "Date", date_text);
}

static gsize
room (const Projection *projection)
{
  return projection->text->len < FM_PROJECTION_MAX_TEXT_BYTES ? FM_PROJECTION_MAX_TEXT_BYTES - projection->text->len : 0;
}

static void
append_leaf (Projection *projection, guint index, gsize limit)
{
  const FmMessagePart *part = fm_message_part (projection->message, index);
  limit = MIN (limit, room (projection));
  g_autofree char *text = limit > 0 ? fm_message_part_text (projection->message, index, limit, NULL, NULL) : NULL;
  if (text == NULL)
    return;
  if (strcmp (part->type, "text/html") == 0)
    {
      char *plain = fm_html_to_plain (text, strlen (text), limit);
      g_free (text);
      text = plain;
    }
  g_string_append (projection->text, text);
  g_string_append (projection->text, "\n\n");
}

/* Nobody asks the index for the headers of a nested message by field, but they are words in the mail. */
static void
append_nested (Projection *projection, guint index)
{
  const FmEnvelope *envelope = fm_message_part_envelope (projection->message, index);
  g_autofree char *from = fm_address_list_display (fm_envelope_from (envelope));
  g_autofree char *to = fm_address_list_display (fm_envelope_to (envelope));

  if (room (projection) > 0)
    g_string_append_printf (projection->text, "%s\n%s\n%s\n\n", fm_envelope_subject (envelope), from, to);
}

static gboolean
contains (GArray *indexes, guint index)
{
  for (guint i = 0; i < indexes->len; i++)
    if (g_array_index (indexes, guint, i) == index)
      return TRUE;
  return FALSE;
}

/* The plain alternative, and the HTML one too where the plain is a mere stub ("your program can't show this mail"). */
static void
append_body (Projection *projection)
{
  g_autoptr (GArray) plain = fm_message_body_parts (projection->message, FM_MESSAGE_PREFER_PLAIN);
  g_autoptr (GArray) html = fm_message_body_parts (projection->message, FM_MESSAGE_PREFER_HTML);
  guint64 plain_bytes = 0;

  for (guint i = 0; i < plain->len; i++)
    {
      guint index = g_array_index (plain, guint, i);
      plain_bytes += fm_message_part (projection->message, index)->size_bytes;
      if (fm_message_part (projection->message, index)->is_leaf)
        append_leaf (projection, index, FM_PROJECTION_MAX_TEXT_BYTES);
      else
        append_nested (projection, index);
    }
  for (guint i = 0; plain_bytes < SHORT_PLAIN_BYTES && i < html->len; i++)
    {
      guint index = g_array_index (html, guint, i);
      if (!contains (plain, index) && fm_message_part (projection->message, index)->is_leaf)
        append_leaf (projection, index, FM_PROJECTION_MAX_TEXT_BYTES);
    }
}

GBytes *
fm_projection_build (FmMessage *message, gint64 blob_id)
{
  Projection projection = { message, g_string_new (NULL) };
  g_autoptr (GArray) attachments = fm_message_attachments (message);
  GString *out = g_string_new (NULL);

  fm_gmime_init_options ();
  append_body (&projection);
  for (guint i = 0; i < attachments->len; i++)
    {
      guint index = g_array_index (attachments, guint, i);
      const FmMessagePart *part = fm_message_part (message, index);
      if (part->is_leaf && g_str_has_prefix (part->type, "text/"))
        append_leaf (&projection, index, MAX_ATTACHMENT_TEXT_BYTES);
    }
  append_fields (out, fm_message_envelope (message), blob_id);
  g_string_append (out, "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n");
  g_string_append_len (out, projection.text->str, projection.text->len);
  for (guint i = 0; i < attachments->len; i++)
    g_string_append_printf (out, "%s\n", fm_message_part (message, g_array_index (attachments, guint, i))->file_name);
  g_string_free (projection.text, TRUE);
  return g_string_free_to_bytes (out);
}

gint64
fm_projection_blob_id (const char *message_id)
{
  char *end = NULL;
  const char *start = message_id[0] == '<' ? message_id + 1 : message_id;
  if (!g_ascii_isdigit (*start))
    return -1;
  guint64 value = g_ascii_strtoull (start, &end, 10);
  return value <= G_MAXINT64 && (strcmp (end, "@fulmar") == 0 || strcmp (end, "@fulmar>") == 0) ? (gint64) value : -1;
}

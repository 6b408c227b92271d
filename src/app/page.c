/* Order of the page: what Fulmar itself has to say first (outside the sender's reach), the headers, a blank line, the body parts with a line
 * between them, the attachments. */
#include <fulmar/app/page.h>
#include <fulmar/base/text.h>
#include <fulmar/mail/flowed.h>
#include <fulmar/mail/html.h>
#include <stdio.h>
#include <string.h>

#define MAX_BODY_BYTES (24u << 20)
#define MAX_SOURCE_BYTES (16u << 20)
#define MAX_ODD_BYTES (1u << 20)
#define MAX_HEADER_VALUE_CHARS 2000

static void
part_free (gpointer data)
{
  FmReadingPart *part = data;

  g_free (part->path);
  g_free (part->type);
  g_free (part->charset);
  g_free (part->file_name);
  g_free (part->label);
  g_free (part);
}

static void
add_header (FmDocBuilder *builder, const FmMessageField *field)
{
  g_autofree char *cut = NULL;

  if (g_utf8_strlen (field->value, -1) > MAX_HEADER_VALUE_CHARS)
    {
      g_autofree char *head = g_utf8_substring (field->value, 0, MAX_HEADER_VALUE_CHARS);
      cut = g_strconcat (head, " ... (cut here; e shows all)", NULL);
    }
  fm_doc_builder_header (builder, field->name, cut ? cut : field->value);
}

static void
add_brief_headers (FmDocBuilder *builder, FmMessage *message, guint part, const char *names)
{
  gsize n = 0;
  const FmMessageField *fields = fm_message_headers (message, part, FM_MESSAGE_HEADERS_ALL, &n);
  g_auto (GStrv) wanted = g_strsplit_set (names, " \t,", -1);

  for (guint w = 0; wanted[w]; w++)
    for (gsize i = 0; *wanted[w] && i < n; i++)
      if (g_ascii_strcasecmp (fields[i].name, wanted[w]) == 0)
        add_header (builder, &fields[i]);
}

static void
add_headers (FmDocBuilder *builder, FmMessage *message, guint part, const FmPageOptions *options)
{
  gsize n = 0;
  const FmMessageField *fields;

  if (!options->all_headers)
    {
      add_brief_headers (builder, message, part, options->headers && *options->headers ? options->headers : "date from to cc subject");
      return;
    }
  fields = fm_message_headers (message, part, FM_MESSAGE_HEADERS_ALL, &n);
  for (gsize i = 0; i < n; i++)
    add_header (builder, &fields[i]);
}

static void
add_defects (FmDocBuilder *builder, guint defects)
{
  if (defects & FM_MESSAGE_DEFECT_SEVERAL_FROM)
    fm_doc_builder_notice (builder, "This message has more than one From field: none of them can be relied on.", TRUE);
  if (defects & FM_MESSAGE_DEFECT_TRUNCATED)
    fm_doc_builder_notice (builder, "The end of this message is missing.", FALSE);
  if (defects & FM_MESSAGE_DEFECT_NO_BOUNDARY)
    fm_doc_builder_notice (builder, "This message's parts can't be told apart: its raw text is shown.", FALSE);
  if (defects & FM_MESSAGE_DEFECT_TOO_MANY_PARTS)
    fm_doc_builder_notice (builder, "This message has too many parts: not all of them are shown.", TRUE);
}

static gboolean
is_patch (const FmMessagePart *part)
{
  return strcmp (part->type, "text/x-diff") == 0 || strcmp (part->type, "text/x-patch") == 0;
}

static void
add_text_part (FmDocBuilder *builder, FmMessage *message, const FmMessagePart *part, const FmPageOptions *options, gboolean *is_cut)
{
  g_autoptr (GError) error = NULL;
  gboolean truncated = FALSE;
  gboolean is_html = strcmp (part->type, "text/html") == 0; /* never cut for a first look: half of it may look like another mail */
  gsize limit = options->max_text_bytes && !is_html ? options->max_text_bytes : MAX_BODY_BYTES;
  g_autofree char *text = fm_message_part_text (message, part->index, limit, &truncated, &error);

  if (!text)
    {
      fm_doc_builder_notice (builder, error->message, TRUE);
      return;
    }
  if (is_html)
    fm_html_append (builder, text, strlen (text), NULL);
  else
    {
      FmFlowedOptions flowed = { .flowed = part->is_flowed, .delsp = part->is_delsp, .patch = is_patch (part) };
      fm_flowed_append (builder, text, strlen (text), &flowed);
    }
  if (truncated && limit < MAX_BODY_BYTES)
    *is_cut = TRUE;
  else if (truncated)
    fm_doc_builder_notice (builder, "The rest of this text is too long to show: save the message to read it.", FALSE);
}

static void
add_body (FmDocBuilder *builder, FmMessage *message, const FmPageOptions *options, gboolean *is_cut)
{
  gboolean html = options->mode == FM_SHOW_HTML || (options->mode == FM_SHOW_BEST && options->prefer_html);
  g_autoptr (GArray) body = fm_message_body_parts (message, html ? FM_MESSAGE_PREFER_HTML : FM_MESSAGE_PREFER_PLAIN);
  gboolean any = FALSE;

  for (guint i = 0; i < body->len; i++)
    {
      const FmMessagePart *part = fm_message_part (message, g_array_index (body, guint, i));
      if (any)
        fm_doc_builder_rule (builder);
      if (strcmp (part->type, "message/rfc822") == 0)
        {
          fm_doc_builder_notice (builder, "A message within this one:", FALSE);
          add_headers (builder, message, part->index, options);
          any = FALSE;
          fm_doc_builder_text (builder, "", 0, 0, 0);
        }
      else
        {
          add_text_part (builder, message, part, options, is_cut);
          any = TRUE;
        }
    }
}

static char *
size_text (guint64 bytes)
{
  if (bytes < 1024)
    return g_strdup_printf ("%" G_GUINT64_FORMAT " bytes", bytes);
  if (bytes < 1024 * 1024)
    return g_strdup_printf ("%" G_GUINT64_FORMAT "k", bytes / 1024);
  return g_strdup_printf ("%.1fM", bytes / (1024.0 * 1024.0));
}

/* About: base64 carries 3 bytes in 4 characters, quoted-printable little more than it shows. */
static guint64
decoded_size (const FmMessagePart *part)
{
  return strcmp (part->encoding, "base64") == 0 ? part->size_bytes / 4 * 3 : part->size_bytes;
}

static void
add_attachments (FmDocBuilder *builder, FmMessage *message)
{
  g_autoptr (GArray) attachments = fm_message_attachments (message);

  if (attachments->len == 0)
    return;
  fm_doc_builder_rule (builder);
  for (guint i = 0; i < attachments->len; i++)
    {
      const FmMessagePart *part = fm_message_part (message, g_array_index (attachments, guint, i));
      g_autofree char *length = size_text (decoded_size (part));
      g_autofree char *line = g_strdup_printf ("attachment %u: %s (%s, %s)", i + 1, *part->file_name ? part->file_name : "without a name",
                                               part->type, length);
      fm_doc_builder_notice (builder, line, FALSE);
    }
}

/* Transfer: full; may be NULL. */
static char *
part_label (FmMessage *message, const FmMessagePart *part)
{
  const FmEnvelope *nested = strcmp (part->type, "message/rfc822") == 0 ? fm_message_part_envelope (message, part->index) : NULL;
  const char *subject = nested ? fm_envelope_subject (nested) : NULL;

  if (*part->file_name)
    return g_strdup (part->file_name);
  if (subject && *subject)
    return fm_text_sanitise_line (subject, -1);
  return *part->description ? fm_text_sanitise_line (part->description, -1) : NULL;
}

static GPtrArray *
list_parts (FmMessage *message)
{
  GPtrArray *parts = g_ptr_array_new_with_free_func (part_free);

  for (guint i = 0; i < fm_message_n_parts (message); i++)
    {
      const FmMessagePart *part = fm_message_part (message, i);
      FmReadingPart *copy = g_new0 (FmReadingPart, 1);
      copy->index = i;
      copy->path = g_strdup (part->path);
      copy->type = g_strdup (part->type);
      copy->file_name = *part->file_name ? g_strdup (part->file_name) : NULL;
      copy->charset = g_strdup (part->charset);
      copy->label = part_label (message, part);
      copy->size_bytes = (gint64) decoded_size (part);
      copy->is_leaf = part->is_leaf || strcmp (part->type, "message/rfc822") == 0;
      copy->depth = part->depth;
      copy->is_attachment = part->is_attachment;
      g_ptr_array_add (parts, copy);
    }
  return parts;
}

FmDoc *
fm_page_build (FmMessage *message, const FmPageOptions *options, GPtrArray **ret_parts, gboolean *ret_is_cut)
{
  gboolean is_cut = FALSE;
  g_autoptr (FmDocBuilder) builder = fm_doc_builder_new ();
  FmDocShape blank = { .kind = FM_DOC_LINE };

  add_defects (builder, fm_message_defects (message));
  add_headers (builder, message, FM_MESSAGE_NO_PART, options);
  if (options->labels && *options->labels)
    fm_doc_builder_header (builder, "Labels", options->labels);
  if (options->tags && *options->tags)
    fm_doc_builder_header (builder, "Tags", options->tags);
  fm_doc_builder_begin (builder, &blank);
  fm_doc_builder_end (builder);
  add_body (builder, message, options, &is_cut);
  add_attachments (builder, message);
  if (ret_is_cut)
    *ret_is_cut = is_cut;
  if (ret_parts)
    *ret_parts = list_parts (message);
  return fm_doc_builder_finish (g_steal_pointer (&builder));
}

/* --- one part --- */

static void
add_part_headers (FmDocBuilder *builder, const FmMessagePart *part)
{
  FmDocShape blank = { .kind = FM_DOC_LINE };
  g_autofree char *size = size_text (decoded_size (part));
  g_autofree char *type = *part->charset ? g_strdup_printf ("%s; charset=%s", part->type, part->charset) : g_strdup (part->type);

  fm_doc_builder_header (builder, "Part", *part->path ? part->path : "the whole message");
  fm_doc_builder_header (builder, "Type", type);
  if (*part->file_name)
    fm_doc_builder_header (builder, "Name", part->file_name);
  if (*part->description)
    fm_doc_builder_header (builder, "Description", part->description);
  if (part->is_leaf)
    fm_doc_builder_header (builder, "Size", size);
  fm_doc_builder_begin (builder, &blank);
  fm_doc_builder_end (builder);
}

/* Text under another name (JSON, a script) has hardly any controls among its first bytes; pictures and archives are full of them. */
static gboolean
looks_like_text (const char *text)
{
  guint odd = 0, seen = 0;

  for (const char *at = text; *at && seen < 4096; at = g_utf8_next_char (at), seen++)
    {
      gunichar c = g_utf8_get_char (at);
      odd += c == 0xfffd || (c < 0x20 && c != '\t' && c != '\n' && c != '\r' && c != '\f') || (c >= 0x7f && c < 0xa0);
    }
  return seen > 0 && odd * 50 <= seen;
}

static void
add_other_part (FmDocBuilder *builder, FmMessage *message, const FmMessagePart *part)
{
  FmDocShape shape = { .kind = FM_DOC_PREFORMATTED };
  gboolean truncated = FALSE;
  g_autofree char *text = part->is_leaf ? fm_message_part_text (message, part->index, MAX_ODD_BYTES, &truncated, NULL) : NULL;
  g_autofree char *clean = text && looks_like_text (text) ? fm_text_sanitise_block (text, -1) : NULL;
  g_auto (GStrv) lines = clean ? g_strsplit (clean, "\n", -1) : NULL;

  if (!part->is_leaf)
    fm_doc_builder_notice (builder, "This part only holds others: they are below it in the list.", FALSE);
  else if (!lines)
    fm_doc_builder_notice (builder, "This is no text. q goes back to the list, where s saves it and | hands it to a command.", FALSE);
  for (guint i = 0; lines && lines[i]; i++)
    {
      fm_doc_builder_begin (builder, &shape);
      fm_doc_builder_text (builder, lines[i], -1, 0, 0);
      fm_doc_builder_end (builder);
    }
  if (lines && truncated)
    fm_doc_builder_notice (builder, "The rest is too long to show: save the part to read it.", FALSE);
}

static FmDoc *
nested_page (FmMessage *message, guint index, const FmPageOptions *options, gboolean *ret_is_cut)
{
  g_autoptr (GBytes) bytes = fm_message_part_bytes (message, index, MAX_BODY_BYTES, NULL);
  g_autoptr (FmMessage) nested = bytes ? fm_message_open_bytes (bytes, NULL) : NULL;
  FmPageOptions own = *options;

  own.labels = own.tags = NULL;
  return nested ? fm_page_build (nested, &own, NULL, ret_is_cut) : NULL;
}

FmDoc *
fm_page_part (FmMessage *message, guint index, const FmPageOptions *options, gboolean *ret_is_cut)
{
  const FmMessagePart *part = fm_message_part (message, index);
  g_autoptr (FmDocBuilder) builder = fm_doc_builder_new ();
  FmDoc *nested = NULL;

  *ret_is_cut = FALSE;
  if (!part)
    {
      fm_doc_builder_notice (builder, "The message has no such part.", TRUE);
      return fm_doc_builder_finish (g_steal_pointer (&builder));
    }
  if (strcmp (part->type, "message/rfc822") == 0 && (nested = nested_page (message, index, options, ret_is_cut)))
    return nested;
  add_part_headers (builder, part);
  if (part->is_leaf && g_str_has_prefix (part->type, "text/"))
    add_text_part (builder, message, part, options, ret_is_cut);
  else
    add_other_part (builder, message, part);
  return fm_doc_builder_finish (g_steal_pointer (&builder));
}

FmDoc *
fm_page_source (const char *path, gint64 offset, gint64 size_bytes)
{
  g_autoptr (FmDocBuilder) builder = fm_doc_builder_new ();
  FmDocShape shape = { .kind = FM_DOC_PREFORMATTED };
  FILE *file = fopen (path, "re");
  gsize limit = size_bytes >= 0 ? MIN ((gsize) size_bytes, MAX_SOURCE_BYTES) : MAX_SOURCE_BYTES;
  g_autofree char *line = NULL;
  gsize room = 0, total = 0;
  gssize length;

  if (!file || (offset > 0 && fseeko (file, offset, SEEK_SET) != 0))
    {
      fm_doc_builder_notice (builder, "The message's file can't be read.", TRUE);
      if (file)
        fclose (file);
      return fm_doc_builder_finish (g_steal_pointer (&builder));
    }
  while (total < limit && (length = getline (&line, &room, file)) > 0)
    {
      g_autofree char *clean = NULL;
      gsize take = MIN ((gsize) length, limit - total);
      total += length;
      clean = fm_text_sanitise_block (line, take);
      g_strchomp (clean);
      fm_doc_builder_begin (builder, &shape);
      fm_doc_builder_text (builder, clean, -1, 0, 0);
      fm_doc_builder_end (builder);
    }
  fclose (file);
  if (total >= limit && size_bytes < 0)
    fm_doc_builder_notice (builder, "The rest is too long to show.", FALSE);
  return fm_doc_builder_finish (g_steal_pointer (&builder));
}

FmDoc *
fm_page_stub (const FmMessageInfo *info)
{
  g_autoptr (FmDocBuilder) builder = fm_doc_builder_new ();
  g_autoptr (GDateTime) date = g_date_time_new_from_unix_local (info->date_utc);
  g_autofree char *when = date ? g_date_time_format (date, "%a, %d %b %Y %H:%M:%S %z") : g_strdup ("");
  g_autofree char *size = fm_text_size (info->size_bytes);
  g_autofree char *words = g_strdup_printf ("Only the header was fetched: the message is larger than size_limit. The rest (%s) is on the "
                                            "server; `fetch` (G) brings it.",
                                            size);
  const char *const fields[][2]
      = { { "Date", when }, { "From", info->from }, { "To", info->to }, { "Cc", info->cc }, { "Subject", info->subject } };

  fm_doc_builder_notice (builder, words, FALSE);
  for (guint i = 0; i < G_N_ELEMENTS (fields); i++)
    if (*fields[i][1])
      fm_doc_builder_header (builder, fields[i][0], fields[i][1]);
  return fm_doc_builder_finish (g_steal_pointer (&builder));
}

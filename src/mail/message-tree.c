/* From GMime's tree to the flat array of parts, in reading order. Section numbers follow IMAP (RFC 9051 section 6.4.5.1): a multipart that is a
 * message's body has no number of its own. */
#include "mail/charset.h"
#include "mail/gmime-init.h"
#include "mail/message-private.h"
#include "mail/words.h"
#include <string.h>

enum { MAX_FILE_NAME_BYTES = 200, MAX_PARAMETER_FIELD_BYTES = 64 * 1024 };

void
fm_message_tree_free_node (gpointer data)
{
  FmMessageNode *node = data;
  FmMessagePart *part = &node->part;
  const char *owned[]
      = { part->path, part->type, part->charset, part->disposition, part->encoding, part->content_id, part->description, part->file_name };

  for (gsize i = 0; i < G_N_ELEMENTS (owned); i++)
    g_free ((char *) owned[i]);
  g_free (node->raw_text);
  fm_envelope_unref (node->envelope);
  fm_message_headers_clear (&node->fields);
  g_free (node);
}

static char *
clean_token (const char *token)
{
  g_autofree char *line = fm_charset_line (token != NULL ? token : "", -1);

  return g_ascii_strdown (line, MIN (strlen (line), 200));
}

/* Keeps the extension when a long name is cut, and never splits a character. */
static char *
shorten_name (const char *name)
{
  const char *dot = strrchr (name, '.');
  gsize tail = dot != NULL && strlen (dot) <= 16 ? strlen (dot) : 0;
  const char *cut = g_utf8_find_prev_char (name, name + MAX_FILE_NAME_BYTES - tail + 1);

  return g_strdup_printf ("%.*s%s", (int) (cut - name), name, tail > 0 ? dot : "");
}

/* Only the last component counts, whichever system wrote it; what could hide the file, name a directory or look like an option goes. */
static char *
safe_file_name (const char *raw)
{
  g_autofree char *line = fm_charset_header_line (raw, -1, NULL);
  char *name = line;

  for (char *p = line; *p != '\0'; p++)
    if ((*p == '/' || *p == '\\') && p[1] != '\0')
      name = p + 1;
  g_strdelimit (name, "/\\:*?\"<>|", '_');
  while (*name == '.' || *name == ' ' || *name == '-')
    name++;
  g_strchomp (name);
  return strlen (name) > MAX_FILE_NAME_BYTES ? shorten_name (name) : g_strdup (name);
}

/* A parameter that holds a run of encoded words, which RFC 2047 forbids, RFC 2231 replaces and half the world sends: parsed again from the
 * field as it was written, the run made one word first. NULL if it is none such. Transfer: full. */
static char *
word_parameter (GMimeObject *object, const char *field, const char *name)
{
  GMimeHeader *header = g_mime_header_list_get_header (g_mime_object_get_header_list (object), field);
  const char *raw = header != NULL ? g_mime_header_get_raw_value (header) : NULL;
  if (raw == NULL || strstr (raw, "=?") == NULL || strlen (raw) > MAX_PARAMETER_FIELD_BYTES)
    return NULL;

  g_autofree char *merged = fm_words_merge (raw, strlen (raw));
  GMimeContentDisposition *parsed = g_mime_content_disposition_parse (fm_gmime_init_options (), merged);
  char *value = parsed != NULL ? g_strdup (g_mime_content_disposition_get_parameter (parsed, name)) : NULL;
  g_clear_object (&parsed);
  return value;
}

static char *
file_name_of (GMimeObject *object)
{
  g_autofree char *word = word_parameter (object, "Content-Disposition", "filename");
  const char *name = word != NULL ? word : g_mime_object_get_content_disposition_parameter (object, "filename");

  if (name == NULL || name[0] == '\0')
    {
      g_free (word);
      word = word_parameter (object, "Content-Type", "name");
      name = word != NULL ? word : g_mime_object_get_content_type_parameter (object, "name");
    }
  return name != NULL ? safe_file_name (name) : g_strdup ("");
}

static char *
type_of (GMimeObject *object)
{
  GMimeContentType *type = g_mime_object_get_content_type (object);
  g_autofree char *name = type != NULL ? g_mime_content_type_get_mime_type (type) : NULL;

  return name != NULL ? clean_token (name) : g_strdup ("text/plain");
}

/* Signatures and the control part of encrypted mail are machinery, not something to save. */
static gboolean
is_machinery (const char *type)
{
  static const char *const types[]
      = { "application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature", "application/pgp-encrypted", NULL };

  return g_strv_contains (types, type);
}

static gboolean
is_attachment (const FmMessage *message, const FmMessagePart *part)
{
  if (strcmp (part->disposition, "attachment") == 0)
    return TRUE;
  if (!part->is_leaf || is_machinery (part->type))
    return FALSE;
  if (strcmp (part->type, "text/plain") == 0 || strcmp (part->type, "text/html") == 0 || g_str_has_prefix (part->type, "message/"))
    return FALSE;
  if (g_str_has_prefix (part->type, "text/"))
    return part->file_name[0] != '\0' && strcmp (part->disposition, "inline") != 0;
  const FmMessageNode *parent = fm_message_node (message, part->parent);
  gboolean in_related = parent != NULL && strcmp (parent->part.type, "multipart/related") == 0;
  return !(in_related && part->content_id[0] != '\0');
}

static void
describe_leaf (GMimeObject *object, FmMessagePart *part)
{
  GMimePart *leaf = GMIME_PART (object);
  GMimeDataWrapper *content = g_mime_part_get_content (leaf);
  GMimeStream *stream = content != NULL ? g_mime_data_wrapper_get_stream (content) : NULL;
  const char *encoding = g_mime_content_encoding_to_string (g_mime_part_get_content_encoding (leaf));
  const char *format = g_mime_object_get_content_type_parameter (object, "format");
  const char *delsp = g_mime_object_get_content_type_parameter (object, "delsp");

  part->is_leaf = TRUE;
  part->encoding = clean_token (encoding);
  part->charset = clean_token (g_mime_object_get_content_type_parameter (object, "charset"));
  part->size_bytes = stream != NULL ? MAX (g_mime_stream_length (stream), 0) : 0;
  part->is_flowed = format != NULL && g_ascii_strcasecmp (format, "flowed") == 0;
  part->is_delsp = delsp != NULL && g_ascii_strcasecmp (delsp, "yes") == 0;
}

/* The stand-in is text as it stood, whatever encoding the label names. */
static void
find_lost_text (FmMessage *message, FmMessageNode *node)
{
  if (node->part.size_bytes > 0)
    return;
  node->raw_text = fm_message_lost_text (message, node->part.index);
  if (node->raw_text != NULL)
    {
      node->part.size_bytes = strlen (node->raw_text);
      message->defects |= FM_MESSAGE_DEFECT_NO_SEPARATOR;
    }
}

static FmMessageNode *
add_node (FmMessage *message, guint parent, char *path)
{
  FmMessageNode *node = g_new0 (FmMessageNode, 1);
  FmMessageNode *above = fm_message_node (message, parent);

  node->part.index = message->nodes->len;
  node->part.parent = parent;
  node->part.depth = above != NULL ? above->part.depth + 1 : 0;
  node->part.path = path;
  if (above != NULL)
    above->part.n_children++;
  g_ptr_array_add (message->nodes, node);
  return node;
}

/* A text part for what no part was made of. Takes RAW_TEXT and PATH. */
static void
add_stand_in (FmMessage *message, guint parent, char *path, char *raw_text)
{
  FmMessageNode *node = add_node (message, parent, path);

  node->raw_text = raw_text;
  node->part.type = g_strdup ("text/plain");
  node->part.charset = g_strdup ("");
  node->part.disposition = g_strdup ("");
  node->part.encoding = g_strdup ("");
  node->part.content_id = g_strdup ("");
  node->part.description = g_strdup ("");
  node->part.file_name = g_strdup ("");
  node->part.size_bytes = strlen (raw_text);
  node->part.is_leaf = TRUE;
}

/* GMime files text without any boundary as the prologue. */
static void
stand_in_for_children (FmMessage *message, guint parent, GMimeMultipart *multipart)
{
  const char *prologue = g_mime_multipart_get_prologue (multipart), *epilogue = g_mime_multipart_get_epilogue (multipart);
  const char *above = fm_message_node (message, parent)->part.path;

  add_stand_in (message, parent, g_strconcat (above, above[0] != '\0' ? ".1" : "1", NULL),
                g_strconcat (prologue != NULL ? prologue : "", epilogue, NULL));
  message->defects |= FM_MESSAGE_DEFECT_NO_BOUNDARY;
}

static void add_object (FmMessage *message, GMimeObject *object, guint parent, char *path);

static char *
child_path (const char *path, int number)
{
  return path[0] != '\0' ? g_strdup_printf ("%s.%d", path, number) : g_strdup_printf ("%d", number);
}

/* PREFIX is the section number that the children's numbers hang under; a body's multipart takes that of its message. */
static void
add_children (FmMessage *message, GMimeObject *object, guint index, const char *prefix)
{
  if (GMIME_IS_MULTIPART (object))
    {
      GMimeMultipart *multipart = GMIME_MULTIPART (object);
      int n = g_mime_multipart_get_count (multipart);
      if (n == 0)
        stand_in_for_children (message, index, multipart);
      for (int i = 0; i < n; i++)
        add_object (message, g_mime_multipart_get_part (multipart, i), index, child_path (prefix, i + 1));
    }
  else if (GMIME_IS_MESSAGE_PART (object))
    {
      GMimeMessage *inner = g_mime_message_part_get_message (GMIME_MESSAGE_PART (object));
      GMimeObject *body = inner != NULL ? g_mime_message_get_mime_part (inner) : NULL;
      if (body == NULL)
        return;
      if (GMIME_IS_MULTIPART (body))
        add_object (message, body, index, g_strdup (""));
      else
        add_object (message, body, index, child_path (prefix, 1));
    }
}

/* The number that the children of a part count under: its own, or, for a body's multipart, that of the message it is the body of. */
static const char *
prefix_of (const FmMessage *message, const FmMessagePart *part)
{
  const FmMessageNode *parent = fm_message_node (message, part->parent);

  return part->path[0] == '\0' && parent != NULL ? parent->part.path : part->path;
}

/* Takes PATH. Bounded in depth and number, so recursion is safe. */
static void
add_object (FmMessage *message, GMimeObject *object, guint parent, char *path)
{
  const FmMessageNode *above = fm_message_node (message, parent);
  if (message->nodes->len >= FM_MESSAGE_MAX_PARTS || (above != NULL && above->part.depth + 1 >= FM_MESSAGE_MAX_DEPTH))
    {
      message->defects |= FM_MESSAGE_DEFECT_TOO_MANY_PARTS;
      g_free (path);
      return;
    }
  FmMessageNode *node = add_node (message, parent, path);
  FmMessagePart *part = &node->part;
  const char *content_id = g_mime_object_get_content_id (object);
  GMimeHeader *description = g_mime_header_list_get_header (g_mime_object_get_header_list (object), "Content-Description");
  const char *raw_description = description != NULL ? g_mime_header_get_value (description) : NULL;
  node->object = object;
  part->type = type_of (object);
  part->disposition = clean_token (g_mime_object_get_disposition (object));
  part->content_id = fm_charset_line (content_id != NULL ? content_id : "", -1);
  part->description = fm_charset_header_line (raw_description != NULL ? raw_description : "", -1, NULL);
  part->file_name = file_name_of (object);
  if (GMIME_IS_PART (object))
    {
      describe_leaf (object, part);
      find_lost_text (message, node);
    }
  else
    {
      part->charset = g_strdup ("");
      part->encoding = g_strdup ("");
    }
  part->is_attachment = is_attachment (message, part);
  add_children (message, object, part->index, prefix_of (message, part));
}

void
fm_message_tree_build (FmMessage *message)
{
  GMimeObject *body = g_mime_message_get_mime_part (message->mime);

  if (body != NULL)
    add_object (message, body, FM_MESSAGE_NO_PART, g_strdup (GMIME_IS_MULTIPART (body) ? "" : "1"));
  else
    {
      add_stand_in (message, FM_MESSAGE_NO_PART, g_strdup ("1"), fm_message_lost_whole (message));
      message->defects |= FM_MESSAGE_DEFECT_NO_SEPARATOR;
    }
}

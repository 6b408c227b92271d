/* Envelopes are parsed by the hundred thousand while a folder is first seen, so the header is split here in one pass over the bytes, and only
 * the fields that matter go to GMime's decoders. Unfolding is in place in a private copy; nothing is looked at twice. */
#include "fulmar/mail/envelope.h"
#include "fulmar/mail/threads.h"
#include "mail/charset.h"
#include "mail/date.h"
#include "mail/gmime-init.h"
#include <string.h>

enum { MAX_FIELDS = 5000 };

typedef enum {
  FIELD_FROM, /* the address lists come first, in the order of FmEnvelope.lists */
  FIELD_SENDER,
  FIELD_REPLY_TO,
  FIELD_TO,
  FIELD_CC,
  FIELD_BCC,
  FIELD_FOLLOWUP_TO,
  N_LISTS,
  FIELD_SUBJECT = N_LISTS,
  FIELD_DATE,
  FIELD_MESSAGE_ID,
  FIELD_IN_REPLY_TO,
  FIELD_REFERENCES,
  FIELD_LIST_ID,
  FIELD_LIST_POST,
  FIELD_CONTENT_TYPE,
  N_FIELDS,
} Field;

static const char *const field_names[N_FIELDS] = {
  "from", "sender",     "reply-to",    "to",         "cc",      "bcc",       "mail-followup-to", "subject",
  "date", "message-id", "in-reply-to", "references", "list-id", "list-post", "content-type",
};

struct FmEnvelope {
  gatomicrefcount refs;
  FmAddressList *lists[N_LISTS];
  char *subject;
  char *message_id;
  char *in_reply_to;
  char **references;
  gsize n_references;
  char *list_id;
  char *list_post;
  char *content_type;
  char *display_from;
  char *display_to;
  gint64 date_utc;
  int date_offset_min;
};

static Field
field_of (const char *name, gsize size)
{
  for (guint i = 0; i < N_FIELDS; i++)
    if (strlen (field_names[i]) == size && g_ascii_strncasecmp (field_names[i], name, size) == 0)
      return i;
  return N_FIELDS;
}

/* Unfolds the value that starts at AT, in place: line ends go, the blank that continues stays. Returns where the next field starts. */
static char *
unfold (char *at, char *end, gsize *ret_size)
{
  char *out = at, *in = at;

  while (in < end)
    {
      char *line_end = memchr (in, '\n', end - in);
      gsize size = (line_end != NULL ? line_end : end) - in;
      char *next = line_end != NULL ? line_end + 1 : end;
      if (size > 0 && in[size - 1] == '\r')
        size--;
      memmove (out, in, size);
      out += size;
      in = next;
      if (in >= end || (*in != ' ' && *in != '\t'))
        break;
    }
  *ret_size = out - at;
  return in;
}

/* Fields that may come once keep their first value (what a later one says is not what filters saw); lists and references are joined, so that
 * a second From can't hide behind the first. */
static void
keep_value (GString **values, Field field, const char *value, gsize size)
{
  gboolean joins = field < N_LISTS || field == FIELD_REFERENCES;

  if (values[field] == NULL)
    values[field] = g_string_new_len (value, size);
  else if (joins && values[field]->len + size < FM_ENVELOPE_MAX_HEADER_BYTES)
    {
      g_string_append (values[field], field == FIELD_REFERENCES ? " " : ", ");
      g_string_append_len (values[field], value, size);
    }
}

static void
split_header (char *at, char *end, GString **values)
{
  for (guint n = 0; at < end && n < MAX_FIELDS; n++)
    {
      if (*at == '\n' || (*at == '\r' && at + 1 < end && at[1] == '\n'))
        return;
      char *line_end = memchr (at, '\n', end - at);
      char *colon = memchr (at, ':', (line_end != NULL ? line_end : end) - at);
      if (colon == NULL)
        {
          /* Not a field: an mbox line, or rubbish that other readers skip too. */
          at = line_end != NULL ? line_end + 1 : end;
          continue;
        }
      gsize name_size = colon - at, size = 0;
      while (name_size > 0 && (at[name_size - 1] == ' ' || at[name_size - 1] == '\t'))
        name_size--;
      Field field = field_of (at, name_size);
      char *next = unfold (colon + 1, end, &size);
      if (field < N_FIELDS)
        keep_value (values, field, colon + 1, size);
      at = next;
    }
}

static char *
parse_content_type (const GString *value)
{
  if (value == NULL)
    return g_strdup ("text/plain");
  const char *start = value->str;
  while (g_ascii_isspace (*start))
    start++;
  gsize size = strcspn (start, "; \t(");
  const char *slash = memchr (start, '/', size);
  if (slash == NULL || slash == start || slash == start + size - 1 || size > 200)
    return g_strdup ("text/plain");
  for (gsize i = 0; i < size; i++)
    if (!g_ascii_isgraph (start[i]))
      return g_strdup ("text/plain");
  return g_ascii_strdown (start, size);
}

/* The ids of a References or In-Reply-To field: what stands in angle brackets, or, where none do, each word with an '@'. */
static GPtrArray *
parse_ids (const GString *value)
{
  GPtrArray *ids = g_ptr_array_new_with_free_func (g_free);
  if (value == NULL)
    return ids;
  const char *at = value->str, *end = value->str + value->len;
  gboolean bracketed = memchr (at, '<', value->len) != NULL;

  while (at < end)
    {
      const char *start = bracketed ? memchr (at, '<', end - at) : at + strspn (at, " \t,;");
      if (start == NULL || start >= end)
        break;
      const char *stop = bracketed ? memchr (start, '>', end - start) : start + strcspn (start, " \t,;");
      if (stop == NULL)
        stop = end;
      char *id = fm_threads_normalise_id (start, stop - start);
      if (id[0] != '\0' && (bracketed || strchr (id, '@') != NULL))
        g_ptr_array_add (ids, id);
      else
        g_free (id);
      at = stop + 1;
    }
  return ids;
}

/* A bounded References: the root and the nearest ancestors matter, the middle does not. */
static void
parse_references (FmEnvelope *envelope, const GString *value)
{
  g_autoptr (GPtrArray) ids = parse_ids (value);
  if (ids->len > FM_ENVELOPE_MAX_REFERENCES)
    g_ptr_array_remove_range (ids, 1, ids->len - FM_ENVELOPE_MAX_REFERENCES);
  envelope->n_references = ids->len;
  g_ptr_array_add (ids, NULL);
  envelope->references = (char **) g_ptr_array_free (g_steal_pointer (&ids), FALSE);
}

static char *
first_id (const GString *value)
{
  g_autoptr (GPtrArray) ids = parse_ids (value);

  return g_strdup (ids->len > 0 ? ids->pdata[0] : "");
}

/* "The list <id.example.org>" gives what stands in the brackets (RFC 2919), lower case. */
static char *
parse_list_id (const GString *value)
{
  if (value == NULL)
    return g_strdup ("");
  const char *open = strrchr (value->str, '<');
  const char *close = open != NULL ? strchr (open, '>') : NULL;
  g_autofree char *line
      = close != NULL ? fm_charset_line (open + 1, close - open - 1) : fm_charset_header_line (value->str, value->len, NULL);
  return g_ascii_strdown (line, -1);
}

/* "<mailto:list@example.org?subject=x>" (RFC 2369); NO, or another scheme, gives "". */
static char *
parse_list_post (const GString *value)
{
  const char *start = value != NULL ? strstr (value->str, "<mailto:") : NULL;
  if (start == NULL)
    return g_strdup ("");
  start += strlen ("<mailto:");
  g_autofree char *escaped = g_strndup (start, strcspn (start, "?>"));
  g_autofree char *address = g_uri_unescape_string (escaped, NULL);
  return g_strdup (fm_address_is_valid (address) ? address : "");
}

/* Header text holds NUL only by malice or breakage: a blank keeps C strings whole. */
static char *
copy_header (const void *bytes, gsize size)
{
  char *copy = g_malloc (size + 1);

  memcpy (copy, bytes, size);
  copy[size] = '\0';
  for (char *nul = memchr (copy, '\0', size); nul != NULL; nul = memchr (nul, '\0', copy + size - nul))
    *nul = ' ';
  return copy;
}

/* Raw 8-bit text in a header is nearly always in the charset that the body is labelled with. Transfer: full, NULL if there is no label. */
static char *
body_charset (const GString *value)
{
  if (value == NULL || strstr (value->str, "charset") == NULL)
    return NULL;
  GMimeContentType *type = g_mime_content_type_parse (fm_gmime_init_options (), value->str);
  char *charset = type != NULL ? g_strdup (g_mime_content_type_get_parameter (type, "charset")) : NULL;
  g_clear_object (&type);
  return charset;
}

/* Brings raw 8-bit values to UTF-8 before anyone decodes them. */
static void
settle_charset (GString **values)
{
  g_autofree char *charset = NULL;

  for (guint i = 0; i <= FIELD_SUBJECT; i++)
    if (values[i] != NULL && !g_utf8_validate (values[i]->str, values[i]->len, NULL))
      {
        gsize size = 0;
        if (charset == NULL)
          charset = body_charset (values[FIELD_CONTENT_TYPE]);
        g_autofree char *text = fm_charset_to_utf8 (values[i]->str, values[i]->len, charset, &size);
        g_string_truncate (values[i], 0);
        g_string_append_len (values[i], text, size);
      }
}

static char *
join_short (const FmAddressList *list)
{
  guint n = fm_address_list_length (list);
  if (n == 0)
    return g_strdup ("");
  const char *first = fm_address_short (fm_address_list_get (list, 0));
  return n == 1 ? g_strdup (first)
                : g_strdup_printf ("%s, %s%s", first, fm_address_short (fm_address_list_get (list, 1)), n > 2 ? ", ..." : "");
}

FmEnvelope *
fm_envelope_parse (const void *header_bytes, gsize size_bytes)
{
  gsize size = MIN (size_bytes, FM_ENVELOPE_MAX_HEADER_BYTES);
  g_autofree char *copy = copy_header (header_bytes, size);
  GString *values[N_FIELDS] = { NULL };
  FmEnvelope *envelope = g_new0 (FmEnvelope, 1);

  g_atomic_ref_count_init (&envelope->refs);
  split_header (copy, copy + size, values);
  settle_charset (values);
  for (guint i = 0; i < N_LISTS; i++)
    if (values[i] != NULL)
      envelope->lists[i] = fm_address_list_parse (values[i]->str, values[i]->len);
  envelope->subject = values[FIELD_SUBJECT] != NULL ? fm_charset_header_line (values[FIELD_SUBJECT]->str, values[FIELD_SUBJECT]->len, NULL)
                                                    : g_strdup ("");
  envelope->message_id = first_id (values[FIELD_MESSAGE_ID]);
  if (envelope->message_id[0] == '\0' && values[FIELD_MESSAGE_ID] != NULL)
    {
      g_free (envelope->message_id);
      envelope->message_id = fm_threads_normalise_id (values[FIELD_MESSAGE_ID]->str, values[FIELD_MESSAGE_ID]->len);
    }
  envelope->in_reply_to = first_id (values[FIELD_IN_REPLY_TO]);
  parse_references (envelope, values[FIELD_REFERENCES]);
  if (values[FIELD_DATE] != NULL)
    fm_date_parse (values[FIELD_DATE]->str, &envelope->date_utc, &envelope->date_offset_min);
  envelope->list_id = parse_list_id (values[FIELD_LIST_ID]);
  envelope->list_post = parse_list_post (values[FIELD_LIST_POST]);
  envelope->content_type = parse_content_type (values[FIELD_CONTENT_TYPE]);
  const FmAddressList *writer = envelope->lists[FIELD_FROM];
  envelope->display_from = join_short (fm_address_list_length (writer) > 0 ? writer : envelope->lists[FIELD_SENDER]);
  envelope->display_to = join_short (envelope->lists[FIELD_TO]);
  for (guint i = 0; i < N_FIELDS; i++)
    if (values[i] != NULL)
      g_string_free (values[i], TRUE);
  return envelope;
}

FmEnvelope *
fm_envelope_ref (const FmEnvelope *envelope)
{
  FmEnvelope *shared = (FmEnvelope *) envelope;

  if (shared != NULL)
    g_atomic_ref_count_inc (&shared->refs);
  return shared;
}

void
fm_envelope_unref (FmEnvelope *envelope)
{
  if (envelope == NULL || !g_atomic_ref_count_dec (&envelope->refs))
    return;
  for (guint i = 0; i < N_LISTS; i++)
    fm_address_list_unref (envelope->lists[i]);
  g_free (envelope->subject);
  g_free (envelope->message_id);
  g_free (envelope->in_reply_to);
  g_strfreev (envelope->references);
  g_free (envelope->list_id);
  g_free (envelope->list_post);
  g_free (envelope->content_type);
  g_free (envelope->display_from);
  g_free (envelope->display_to);
  g_free (envelope);
}

const char *
fm_envelope_subject (const FmEnvelope *envelope)
{
  return envelope->subject;
}

const FmAddressList *
fm_envelope_from (const FmEnvelope *envelope)
{
  return envelope->lists[FIELD_FROM];
}

const FmAddressList *
fm_envelope_sender (const FmEnvelope *envelope)
{
  return envelope->lists[FIELD_SENDER];
}

const FmAddressList *
fm_envelope_reply_to (const FmEnvelope *envelope)
{
  return envelope->lists[FIELD_REPLY_TO];
}

const FmAddressList *
fm_envelope_to (const FmEnvelope *envelope)
{
  return envelope->lists[FIELD_TO];
}

const FmAddressList *
fm_envelope_cc (const FmEnvelope *envelope)
{
  return envelope->lists[FIELD_CC];
}

const FmAddressList *
fm_envelope_bcc (const FmEnvelope *envelope)
{
  return envelope->lists[FIELD_BCC];
}

const FmAddressList *
fm_envelope_followup_to (const FmEnvelope *envelope)
{
  return envelope->lists[FIELD_FOLLOWUP_TO];
}

const char *
fm_envelope_message_id (const FmEnvelope *envelope)
{
  return envelope->message_id;
}

const char *
fm_envelope_in_reply_to (const FmEnvelope *envelope)
{
  return envelope->in_reply_to;
}

const char *const *
fm_envelope_references (const FmEnvelope *envelope, gsize *ret_n)
{
  if (ret_n != NULL)
    *ret_n = envelope->n_references;
  return (const char *const *) envelope->references;
}

gint64
fm_envelope_date_utc (const FmEnvelope *envelope)
{
  return envelope->date_utc;
}

int
fm_envelope_date_offset_min (const FmEnvelope *envelope)
{
  return envelope->date_offset_min;
}

const char *
fm_envelope_list_id (const FmEnvelope *envelope)
{
  return envelope->list_id;
}

const char *
fm_envelope_list_post (const FmEnvelope *envelope)
{
  return envelope->list_post;
}

const char *
fm_envelope_content_type (const FmEnvelope *envelope)
{
  return envelope->content_type;
}

gboolean
fm_envelope_attachment_hint (const FmEnvelope *envelope)
{
  const char *type = envelope->content_type;

  return strcmp (type, "multipart/mixed") == 0
         || (!g_str_has_prefix (type, "text/") && !g_str_has_prefix (type, "multipart/") && !g_str_has_prefix (type, "message/"));
}

const char *
fm_envelope_display_from (const FmEnvelope *envelope)
{
  return envelope->display_from;
}

const char *
fm_envelope_display_to (const FmEnvelope *envelope)
{
  return envelope->display_to;
}

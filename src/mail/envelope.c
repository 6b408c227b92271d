/* Envelopes are parsed by the hundred thousand while a folder is first seen, so the header is split here in one pass over the bytes, and only
 * the fields that matter go to decoders. Unfolding is in place in a private copy, in which values stay until they are decoded: only a field that
 * comes twice, or in a foreign charset, is copied. What an envelope does not have costs no memory: it is NULL here, and "" to whoever asks. */
#include "fulmar/mail/envelope.h"
#include "fulmar/mail/threads.h"
#include "mail/charset.h"
#include "mail/date.h"
#include "mail/gmime-init.h"
#include <string.h>

enum { MAX_FIELDS = 5000 };

static const char plain_type[] = "text/plain";

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

static const struct {
  guint8 size;
  const char *name;
} fields[N_FIELDS] = {
  { 4, "from" },    { 6, "sender" },      { 8, "reply-to" },          { 2, "to" },
  { 2, "cc" },      { 3, "bcc" },         { 16, "mail-followup-to" }, { 7, "subject" },
  { 4, "date" },    { 10, "message-id" }, { 11, "in-reply-to" },      { 10, "references" },
  { 7, "list-id" }, { 9, "list-post" },   { 12, "content-type" },
};

/* A field's value. TEXT ends in NUL and holds none; it stands in the copy of the header, or else in OWN. NULL: there is no such field. */
typedef struct {
  const char *text;
  gsize size;
  GString *own;
} Value;

struct FmEnvelope {
  gint refs;
  FmAddressList *lists[N_LISTS];
  char *subject;
  char *message_id;
  char *in_reply_to;
  char **references; /* NULL: none */
  gsize n_references;
  char *list_id;
  char *list_post;
  char *content_type; /* NULL: text/plain */
  char *display_from; /* NULL: the first of its list, or none */
  char *display_to;
  gint64 date_utc;
  int date_offset_min;
};

static Field
field_of (const char *name, gsize size)
{
  for (guint i = 0; i < N_FIELDS; i++)
    if (fields[i].size == size && (fields[i].name[0] | 0x20) == (name[0] | 0x20) && g_ascii_strncasecmp (fields[i].name, name, size) == 0)
      return i;
  return N_FIELDS;
}

/* Unfolds the value that starts at AT, in place: line ends go, the blank that continues stays, and NUL ends it. Returns where the next field starts. */
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
      if (out != in)
        memmove (out, in, size);
      out += size;
      in = next;
      if (in >= end || (*in != ' ' && *in != '\t'))
        break;
    }
  *ret_size = out - at;
  return in;
}

/* Makes the value one that may be changed. */
static GString *
own_value (Value *value)
{
  if (value->own == NULL)
    value->own = g_string_new_len (value->text, value->size);
  return value->own;
}

static void
settle_value (Value *value)
{
  value->text = value->own->str;
  value->size = value->own->len;
}

/* Fields that may come once keep their first value (what a later one says is not what filters saw); lists and references are joined, so that
 * a second From can't hide behind the first. */
static void
keep_value (Value *values, Field field, const char *text, gsize size)
{
  Value *value = &values[field];
  gboolean joins = field < N_LISTS || field == FIELD_REFERENCES;

  if (value->text == NULL)
    *value = (Value){ text, size, NULL };
  else if (joins && value->size + size < FM_ENVELOPE_MAX_HEADER_BYTES)
    {
      GString *own = own_value (value);
      g_string_append (own, field == FIELD_REFERENCES ? " " : ", ");
      g_string_append_len (own, text, size);
      settle_value (value);
    }
}

/* AT[0] to END[-1], and a byte of room at END. */
static void
split_header (char *at, char *end, Value *values)
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
      colon[1 + size] = '\0'; /* on the line end, or behind the header's last byte */
      if (field < N_FIELDS)
        keep_value (values, field, colon + 1, size);
      at = next;
    }
}

/* NULL: text/plain, or nothing that is a type. */
static char *
parse_content_type (const Value *value)
{
  const char *start = value->text;
  if (start == NULL)
    return NULL;
  while (g_ascii_isspace (*start))
    start++;
  gsize size = strcspn (start, "; \t(");
  const char *slash = memchr (start, '/', size);
  if (slash == NULL || slash == start || slash == start + size - 1 || size > 200)
    return NULL;
  for (gsize i = 0; i < size; i++)
    if (!g_ascii_isgraph (start[i]))
      return NULL;
  return size == strlen (plain_type) && g_ascii_strncasecmp (start, plain_type, size) == 0 ? NULL : g_ascii_strdown (start, size);
}

/* The next id of a References or In-Reply-To field: what stands in angle brackets, or, where none do, each word with an '@'. Transfer: full, NULL: no
 * more. */
static char *
next_id (const char **at, const char *end, gboolean bracketed)
{
  while (*at < end)
    {
      const char *start = bracketed ? memchr (*at, '<', end - *at) : *at + strspn (*at, " \t,;");
      if (start == NULL || start >= end)
        break;
      const char *stop = bracketed ? memchr (start, '>', end - start) : start + strcspn (start, " \t,;");
      if (stop == NULL)
        stop = end;
      *at = stop + 1;
      g_autofree char *id = fm_threads_normalise_id (start, stop - start);
      if (id[0] != '\0' && (bracketed || strchr (id, '@') != NULL))
        return g_steal_pointer (&id);
    }
  return NULL;
}

static gboolean
has_brackets (const Value *value)
{
  return memchr (value->text, '<', value->size) != NULL;
}

/* A bounded References: the root and the nearest ancestors matter, the middle does not. */
static void
parse_references (FmEnvelope *envelope, const Value *value)
{
  if (value->text == NULL)
    return;
  g_autoptr (GPtrArray) ids = g_ptr_array_new_with_free_func (g_free);
  const char *at = value->text, *end = at + value->size;
  gboolean bracketed = has_brackets (value);
  for (char *id = next_id (&at, end, bracketed); id != NULL; id = next_id (&at, end, bracketed))
    g_ptr_array_add (ids, id);
  if (ids->len > FM_ENVELOPE_MAX_REFERENCES)
    g_ptr_array_remove_range (ids, 1, ids->len - FM_ENVELOPE_MAX_REFERENCES);
  envelope->n_references = ids->len;
  g_ptr_array_add (ids, NULL);
  envelope->references = (char **) g_ptr_array_free (g_steal_pointer (&ids), FALSE);
}

static char *
first_id (const Value *value)
{
  const char *at = value->text;

  return at != NULL ? next_id (&at, at + value->size, has_brackets (value)) : NULL;
}

static char *
parse_message_id (const Value *value)
{
  char *id = first_id (value);

  return id == NULL && value->text != NULL ? fm_threads_normalise_id (value->text, value->size) : id;
}

/* "The list <id.example.org>" gives what stands in the brackets (RFC 2919), lower case. */
static char *
parse_list_id (const Value *value)
{
  if (value->text == NULL)
    return NULL;
  const char *open = strrchr (value->text, '<');
  const char *close = open != NULL ? strchr (open, '>') : NULL;
  g_autofree char *line
      = close != NULL ? fm_charset_line (open + 1, close - open - 1) : fm_charset_header_line (value->text, value->size, NULL);
  return g_ascii_strdown (line, -1);
}

/* "<mailto:list@example.org?subject=x>" (RFC 2369); NO, or another scheme, gives nothing. */
static char *
parse_list_post (const Value *value)
{
  const char *start = value->text != NULL ? strstr (value->text, "<mailto:") : NULL;
  if (start == NULL)
    return NULL;
  start += strlen ("<mailto:");
  g_autofree char *escaped = g_strndup (start, strcspn (start, "?>"));
  g_autofree char *address = g_uri_unescape_string (escaped, NULL);
  return fm_address_is_valid (address) ? g_steal_pointer (&address) : NULL;
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
body_charset (const Value *value)
{
  if (value->text == NULL || strstr (value->text, "charset") == NULL)
    return NULL;
  GMimeContentType *type = g_mime_content_type_parse (fm_gmime_init_options (), value->text);
  char *charset = type != NULL ? g_strdup (g_mime_content_type_get_parameter (type, "charset")) : NULL;
  g_clear_object (&type);
  return charset;
}

/* Eight bytes at a time: so nearly every header is known to need no look at each of its values. */
static gboolean
is_all_ascii (const char *bytes, gsize size)
{
  gsize i = 0;

  for (; i + sizeof (guint64) <= size; i += sizeof (guint64))
    {
      guint64 word;
      memcpy (&word, bytes + i, sizeof word);
      if ((word & G_GUINT64_CONSTANT (0x8080808080808080)) != 0)
        return FALSE;
    }
  for (; i < size; i++)
    if ((guchar) bytes[i] >= 0x80)
      return FALSE;
  return TRUE;
}

/* Brings raw 8-bit values to UTF-8 before anyone decodes them. */
static void
settle_charset (Value *values)
{
  g_autofree char *charset = NULL;

  for (guint i = 0; i <= FIELD_SUBJECT; i++)
    if (values[i].text != NULL && !g_utf8_validate (values[i].text, values[i].size, NULL))
      {
        gsize size = 0;
        if (charset == NULL)
          charset = body_charset (&values[FIELD_CONTENT_TYPE]);
        g_autofree char *text = fm_charset_to_utf8 (values[i].text, values[i].size, charset, &size);
        GString *own = own_value (&values[i]);
        g_string_truncate (own, 0);
        g_string_append_len (own, text, size);
        settle_value (&values[i]);
      }
}

/* NULL: the first alone. */
static char *
join_short (const FmAddressList *list)
{
  guint n = fm_address_list_length (list);

  return n < 2 ? NULL
               : g_strdup_printf ("%s, %s%s", fm_address_short (fm_address_list_get (list, 0)),
                                  fm_address_short (fm_address_list_get (list, 1)), n > 2 ? ", ..." : "");
}

/* Who is shown as the writer. */
static const FmAddressList *
writers (const FmEnvelope *envelope)
{
  const FmAddressList *from = envelope->lists[FIELD_FROM];

  return fm_address_list_length (from) > 0 ? from : envelope->lists[FIELD_SENDER];
}

FmEnvelope *
fm_envelope_parse (const void *header_bytes, gsize size_bytes)
{
  gsize size = MIN (size_bytes, FM_ENVELOPE_MAX_HEADER_BYTES);
  g_autofree char *copy = copy_header (header_bytes, size);
  gboolean is_ascii = is_all_ascii (copy, size);
  Value values[N_FIELDS] = { 0 };
  FmEnvelope *envelope = g_new0 (FmEnvelope, 1);

  g_atomic_int_set (&envelope->refs, 1);
  split_header (copy, copy + size, values);
  if (!is_ascii)
    settle_charset (values);
  for (guint i = 0; i < N_LISTS; i++)
    if (values[i].text != NULL)
      envelope->lists[i] = fm_address_list_parse (values[i].text, values[i].size);
  if (values[FIELD_SUBJECT].text != NULL)
    envelope->subject = fm_charset_header_line (values[FIELD_SUBJECT].text, values[FIELD_SUBJECT].size, NULL);
  envelope->message_id = parse_message_id (&values[FIELD_MESSAGE_ID]);
  envelope->in_reply_to = first_id (&values[FIELD_IN_REPLY_TO]);
  parse_references (envelope, &values[FIELD_REFERENCES]);
  if (values[FIELD_DATE].text != NULL)
    fm_date_parse (values[FIELD_DATE].text, &envelope->date_utc, &envelope->date_offset_min);
  envelope->list_id = parse_list_id (&values[FIELD_LIST_ID]);
  envelope->list_post = parse_list_post (&values[FIELD_LIST_POST]);
  envelope->content_type = parse_content_type (&values[FIELD_CONTENT_TYPE]);
  envelope->display_from = join_short (writers (envelope));
  envelope->display_to = join_short (envelope->lists[FIELD_TO]);
  for (guint i = 0; i < N_FIELDS; i++)
    if (values[i].own != NULL)
      g_string_free (values[i].own, TRUE);
  return envelope;
}

FmEnvelope *
fm_envelope_ref (const FmEnvelope *envelope)
{
  FmEnvelope *shared = (FmEnvelope *) envelope;

  if (shared != NULL)
    g_atomic_int_inc (&shared->refs);
  return shared;
}

void
fm_envelope_unref (FmEnvelope *envelope)
{
  if (envelope == NULL || !g_atomic_int_dec_and_test (&envelope->refs))
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

static const char *
or_empty (const char *text)
{
  return text != NULL ? text : "";
}

static const char *
first_short (const FmAddressList *list)
{
  return fm_address_list_length (list) > 0 ? fm_address_short (fm_address_list_get (list, 0)) : "";
}

const char *
fm_envelope_subject (const FmEnvelope *envelope)
{
  return or_empty (envelope->subject);
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
  return or_empty (envelope->message_id);
}

const char *
fm_envelope_in_reply_to (const FmEnvelope *envelope)
{
  return or_empty (envelope->in_reply_to);
}

const char *const *
fm_envelope_references (const FmEnvelope *envelope, gsize *ret_n)
{
  static const char *const none[] = { NULL };

  if (ret_n != NULL)
    *ret_n = envelope->n_references;
  return envelope->references != NULL ? (const char *const *) envelope->references : none;
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
  return or_empty (envelope->list_id);
}

const char *
fm_envelope_list_post (const FmEnvelope *envelope)
{
  return or_empty (envelope->list_post);
}

const char *
fm_envelope_content_type (const FmEnvelope *envelope)
{
  return envelope->content_type != NULL ? envelope->content_type : plain_type;
}

gboolean
fm_envelope_attachment_hint (const FmEnvelope *envelope)
{
  const char *type = fm_envelope_content_type (envelope);

  return strcmp (type, "multipart/mixed") == 0
         || (!g_str_has_prefix (type, "text/") && !g_str_has_prefix (type, "multipart/") && !g_str_has_prefix (type, "message/"));
}

const char *
fm_envelope_display_from (const FmEnvelope *envelope)
{
  return envelope->display_from != NULL ? envelope->display_from : first_short (writers (envelope));
}

const char *
fm_envelope_display_to (const FmEnvelope *envelope)
{
  return envelope->display_to != NULL ? envelope->display_to : first_short (envelope->lists[FIELD_TO]);
}

/* A draft is a bag of clean strings: whatever a user, a link or a received mail put in is made one line of UTF-8 on the way in, so nothing that
 * comes out of it can begin a header field of its own. */
#include "fulmar/mail/draft.h"
#include "fulmar/base/error.h"
#include "mail/charset.h"
#include <string.h>

enum { MAX_TEXT_BYTES = 16 * 1024 * 1024, MAX_HEADER_LINES = 2000 };

typedef struct {
  char *name, *value;
} Header;

struct FmDraft {
  FmAddressList *lists[FM_DRAFT_N_LISTS];
  char *subject;
  char *body;
  char *in_reply_to;
  char **references;
  GPtrArray *attachments; /* NULL-terminated */
  GArray *headers;        /* Header */
};

static const char *const list_names[FM_DRAFT_N_LISTS] = { "From", "Reply-To", "To", "Cc", "Bcc" };

static void
clear_header (gpointer data)
{
  Header *header = data;

  g_free (header->name);
  g_free (header->value);
}

FmDraft *
fm_draft_new (void)
{
  FmDraft *draft = g_new0 (FmDraft, 1);

  draft->subject = g_strdup ("");
  draft->body = g_strdup ("");
  draft->in_reply_to = g_strdup ("");
  draft->references = g_new0 (char *, 1);
  draft->attachments = g_ptr_array_new_with_free_func (g_free);
  g_ptr_array_add (draft->attachments, NULL);
  draft->headers = g_array_new (FALSE, FALSE, sizeof (Header));
  g_array_set_clear_func (draft->headers, clear_header);
  return draft;
}

FmDraft *
fm_draft_dup (const FmDraft *draft)
{
  FmDraft *copy = fm_draft_new ();

  for (int i = 0; i < FM_DRAFT_N_LISTS; i++)
    fm_draft_set_list (copy, i, draft->lists[i]);
  fm_draft_set_subject (copy, draft->subject);
  fm_draft_set_body (copy, draft->body);
  fm_draft_set_in_reply_to (copy, draft->in_reply_to);
  fm_draft_set_references (copy, (const char *const *) draft->references);
  for (guint i = 0; i + 1 < draft->attachments->len; i++)
    fm_draft_add_attachment (copy, draft->attachments->pdata[i]);
  for (guint i = 0; i < draft->headers->len; i++)
    {
      const Header *header = &g_array_index (draft->headers, Header, i);
      fm_draft_set_header (copy, header->name, header->value);
    }
  return copy;
}

void
fm_draft_free (FmDraft *draft)
{
  if (draft == NULL)
    return;
  for (int i = 0; i < FM_DRAFT_N_LISTS; i++)
    fm_address_list_unref (draft->lists[i]);
  g_free (draft->subject);
  g_free (draft->body);
  g_free (draft->in_reply_to);
  g_strfreev (draft->references);
  g_ptr_array_unref (draft->attachments);
  g_array_unref (draft->headers);
  g_free (draft);
}

void
fm_draft_set_list (FmDraft *draft, FmDraftList which, const FmAddressList *list)
{
  FmAddressList *old = draft->lists[which];

  draft->lists[which] = fm_address_list_ref (list);
  fm_address_list_unref (old);
}

const FmAddressList *
fm_draft_list (const FmDraft *draft, FmDraftList which)
{
  return draft->lists[which];
}

/* Takes NEW_VALUE. */
static void
replace (char **slot, char *new_value)
{
  g_free (*slot);
  *slot = new_value;
}

void
fm_draft_set_subject (FmDraft *draft, const char *subject)
{
  replace (&draft->subject, fm_charset_line_to_send (subject != NULL ? subject : "", -1));
}

const char *
fm_draft_subject (const FmDraft *draft)
{
  return draft->subject;
}

void
fm_draft_set_body (FmDraft *draft, const char *body)
{
  gsize size = 0;
  char *text = fm_charset_to_utf8 (body != NULL ? body : "", body != NULL ? strlen (body) : 0, "utf-8", &size);
  char *out = text;

  for (const char *in = text; *in != '\0'; in++)
    if (*in != '\r')
      *out++ = *in;
    else if (in[1] != '\n')
      *out++ = '\n';
  *out = '\0';
  replace (&draft->body, text);
}

const char *
fm_draft_body (const FmDraft *draft)
{
  return draft->body;
}

/* An id is written between angle brackets, so it may hold neither those nor blanks. */
static char *
clean_id (const char *id)
{
  char *line = fm_charset_line (id != NULL ? id : "", -1), *out = line;

  for (const char *p = line; *p != '\0'; p++)
    if (strchr ("<> ", *p) == NULL)
      *out++ = *p;
  *out = '\0';
  return line;
}

void
fm_draft_set_in_reply_to (FmDraft *draft, const char *message_id)
{
  replace (&draft->in_reply_to, clean_id (message_id));
}

const char *
fm_draft_in_reply_to (const FmDraft *draft)
{
  return draft->in_reply_to;
}

void
fm_draft_set_references (FmDraft *draft, const char *const *references)
{
  g_autoptr (GPtrArray) ids = g_ptr_array_new ();

  for (gsize i = 0; references != NULL && references[i] != NULL; i++)
    {
      char *id = clean_id (references[i]);
      if (id[0] != '\0')
        g_ptr_array_add (ids, id);
      else
        g_free (id);
    }
  g_ptr_array_add (ids, NULL);
  g_strfreev (draft->references);
  draft->references = (char **) g_ptr_array_free (g_steal_pointer (&ids), FALSE);
}

const char *const *
fm_draft_references (const FmDraft *draft)
{
  return (const char *const *) draft->references;
}

void
fm_draft_add_attachment (FmDraft *draft, const char *path)
{
  g_ptr_array_insert (draft->attachments, draft->attachments->len - 1, g_strdup (path));
}

void
fm_draft_remove_attachment (FmDraft *draft, guint index)
{
  if (index + 1 < draft->attachments->len)
    g_ptr_array_remove_index (draft->attachments, index);
}

const char *const *
fm_draft_attachments (const FmDraft *draft)
{
  return (const char *const *) draft->attachments->pdata;
}

/* RFC 5322 section 3.6.8: printable ASCII but the colon. */
static gboolean
is_field_name (const char *name)
{
  gsize size = strlen (name);

  for (gsize i = 0; i < size; i++)
    if (!g_ascii_isgraph (name[i]) || name[i] == ':')
      return FALSE;
  return size > 0 && size <= 76;
}

static gboolean
is_reserved (const char *name)
{
  static const char *const reserved[]
      = { "from",        "reply-to",   "to",     "cc",           "bcc",    "subject",  "date",        "message-id",
          "in-reply-to", "references", "sender", "mime-version", "attach", "received", "return-path", NULL };
  g_autofree char *lower = g_ascii_strdown (name, -1);

  return g_strv_contains (reserved, lower) || g_str_has_prefix (lower, "content-") || g_str_has_prefix (lower, "resent-");
}

gboolean
fm_draft_set_header (FmDraft *draft, const char *name, const char *value)
{
  if (!is_field_name (name) || is_reserved (name))
    return FALSE;
  for (guint i = 0; i < draft->headers->len; i++)
    if (g_ascii_strcasecmp (g_array_index (draft->headers, Header, i).name, name) == 0)
      {
        g_array_remove_index (draft->headers, i);
        break;
      }
  if (value != NULL)
    {
      Header header = { g_strdup (name), fm_charset_line (value, -1) };
      g_array_append_val (draft->headers, header);
    }
  return TRUE;
}

const char *
fm_draft_header (const FmDraft *draft, const char *name)
{
  for (guint i = 0; i < draft->headers->len; i++)
    if (g_ascii_strcasecmp (g_array_index (draft->headers, Header, i).name, name) == 0)
      return g_array_index (draft->headers, Header, i).value;
  return NULL;
}

gboolean
fm_draft_header_at (const FmDraft *draft, guint index, const char **ret_name, const char **ret_value)
{
  if (index >= draft->headers->len)
    return FALSE;
  *ret_name = g_array_index (draft->headers, Header, index).name;
  *ret_value = g_array_index (draft->headers, Header, index).value;
  return TRUE;
}

char *
fm_draft_to_text (const FmDraft *draft, gboolean with_headers)
{
  if (!with_headers)
    return g_strdup (draft->body);
  GString *out = g_string_new (NULL);
  for (int i = 0; i < FM_DRAFT_N_LISTS; i++)
    if (i != FM_DRAFT_REPLY_TO || fm_address_list_length (draft->lists[i]) > 0)
      {
        g_autofree char *list = fm_address_list_display (draft->lists[i]);
        g_string_append_printf (out, "%s: %s\n", list_names[i], list);
      }
  g_string_append_printf (out, "Subject: %s\n", draft->subject);
  for (guint i = 0; i < draft->headers->len; i++)
    g_string_append_printf (out, "%s: %s\n", g_array_index (draft->headers, Header, i).name,
                            g_array_index (draft->headers, Header, i).value);
  for (guint i = 0; i + 1 < draft->attachments->len; i++)
    g_string_append_printf (out, "Attach: %s\n", (const char *) draft->attachments->pdata[i]);
  g_string_append_printf (out, "\n%s", draft->body);
  return g_string_free (out, FALSE);
}

/* Every address of a typed field must be one: what is sent is not guessed at. */
static gboolean
take_list (FmDraft *draft, FmDraftList which, const char *value, guint line, GError **error)
{
  g_autoptr (FmAddressList) list = fm_address_list_parse (value, -1);

  for (guint i = 0; i < fm_address_list_length (list); i++)
    {
      const FmAddress *address = fm_address_list_get (list, i);
      if (!fm_address_is_valid (address->address))
        {
          g_autofree char *shown = fm_address_display (address);
          g_set_error (error, FM_ERROR, FM_ERROR_INVALID, "line %u: \"%s\" is no mail address", line, shown);
          return FALSE;
        }
    }
  g_autoptr (FmAddressList) all = fm_address_list_merge (draft->lists[which], list, NULL);
  fm_draft_set_list (draft, which, all);
  return TRUE;
}

static gboolean
take_field (FmDraft *draft, const char *name, const char *value, guint line, GError **error)
{
  for (int i = 0; i < FM_DRAFT_N_LISTS; i++)
    if (g_ascii_strcasecmp (name, list_names[i]) == 0)
      return take_list (draft, i, value, line, error);
  if (g_ascii_strcasecmp (name, "subject") == 0)
    fm_draft_set_subject (draft, value);
  else if (g_ascii_strcasecmp (name, "attach") == 0)
    {
      if (value[0] != '\0')
        fm_draft_add_attachment (draft, value);
    }
  else if (!fm_draft_set_header (draft, name, value))
    {
      g_set_error (error, FM_ERROR, FM_ERROR_INVALID, "line %u: the field \"%s\" can't be set here", line, name);
      return FALSE;
    }
  return TRUE;
}

/* One field with its continuation lines, from *AT, which moves behind it. */
static gboolean
take_header_line (FmDraft *draft, const char **at, guint *line, GError **error)
{
  guint first_line = *line;
  gsize size = strcspn (*at, "\n");
  g_autoptr (GString) field = g_string_new_len (*at, size);

  *at += size + ((*at)[size] == '\n');
  while (**at == ' ' || **at == '\t')
    {
      size = strcspn (*at, "\n");
      g_string_append_len (field, *at, size);
      *at += size + ((*at)[size] == '\n');
      (*line)++;
    }
  (*line)++;
  char *colon = strchr (field->str, ':');
  if (colon == NULL || colon == field->str)
    {
      g_set_error (error, FM_ERROR, FM_ERROR_INVALID,
                   "line %u: a header field such as \"Subject: ...\" must stand here, or an empty line before the text", first_line);
      return FALSE;
    }
  *colon = '\0';
  return take_field (draft, g_strchomp (field->str), g_strstrip (colon + 1), first_line, error);
}

/* The fields that the text replaces: all that to_text shows. */
static void
empty_fields (FmDraft *draft)
{
  for (int i = 0; i < FM_DRAFT_N_LISTS; i++)
    fm_draft_set_list (draft, i, NULL);
  fm_draft_set_subject (draft, NULL);
  while (draft->attachments->len > 1)
    fm_draft_remove_attachment (draft, 0);
  g_array_set_size (draft->headers, 0);
}

gboolean
fm_draft_update_from_text (FmDraft *draft, const char *text, gssize size_bytes, gboolean with_headers, GError **error)
{
  gsize size = size_bytes < 0 ? strlen (text) : (gsize) size_bytes;
  if (size > MAX_TEXT_BYTES)
    {
      g_set_error (error, FM_ERROR, FM_ERROR_LIMIT, "the text is longer than %d MB", MAX_TEXT_BYTES >> 20);
      return FALSE;
    }
  if (memchr (text, '\0', size) != NULL)
    {
      g_set_error_literal (error, FM_ERROR, FM_ERROR_INVALID, "the text holds a NUL byte, which no mail can");
      return FALSE;
    }
  g_autoptr (FmDraft) edited = fm_draft_dup (draft);
  g_autofree char *copy = g_strndup (text, size);
  fm_draft_set_body (edited, copy);
  if (with_headers)
    {
      g_autofree char *clean = g_strdup (edited->body);
      const char *at = clean;
      guint line = 1;
      empty_fields (edited);
      while (*at != '\0' && *at != '\n')
        if (line > MAX_HEADER_LINES || !take_header_line (edited, &at, &line, error))
          {
            if (line > MAX_HEADER_LINES)
              g_set_error (error, FM_ERROR, FM_ERROR_LIMIT, "more than %d header lines", MAX_HEADER_LINES);
            return FALSE;
          }
      fm_draft_set_body (edited, *at == '\n' ? at + 1 : at);
    }
  FmDraft swap = *draft;
  *draft = *edited;
  *edited = swap;
  return TRUE;
}

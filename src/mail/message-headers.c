/* Header fields for people: every field decoded in order, or the brief set in the order people expect. Made once, when first asked for. */
#include "fulmar/mail/address.h"
#include "mail/charset.h"
#include "mail/message-private.h"
#include <string.h>

static const char *const brief[] = { "Date", "From", "Sender", "To", "Cc", "Bcc", "Reply-To", "Subject", NULL };
static const char *const address_fields[]
    = { "from", "sender", "to", "cc", "bcc", "reply-to", "resent-from", "resent-to", "resent-cc", "mail-followup-to", NULL };

void
fm_message_headers_clear (FmMessageFields *fields)
{
  for (int set = 0; set < 2; set++)
    {
      for (gsize i = 0; i < fields->n_fields[set]; i++)
        {
          g_free ((char *) fields->fields[set][i].name);
          g_free ((char *) fields->fields[set][i].value);
        }
      g_clear_pointer (&fields->fields[set], g_free);
      fields->n_fields[set] = 0;
    }
}

/* Line ends go; the blank that continues a field stays, as RFC 5322 section 2.2.3 has it. */
static char *
unfold (const char *raw)
{
  char *copy = g_strdup (raw), *out = copy;

  for (const char *in = copy; *in != '\0'; in++)
    if (*in != '\r' && *in != '\n')
      *out++ = *in;
  *out = '\0';
  return copy;
}

static char *
decode_value (const char *name, const char *raw)
{
  g_autofree char *value = unfold (raw != NULL ? raw : "");
  g_autofree char *lower = g_ascii_strdown (name, -1);

  if (!g_strv_contains (address_fields, lower))
    return fm_charset_header_line (value, -1, NULL);
  g_autoptr (FmAddressList) list = fm_address_list_parse (value, -1);
  return fm_address_list_display (list);
}

static void
append_field (GArray *array, GMimeHeader *header)
{
  FmMessageField field;

  field.name = fm_charset_line (g_mime_header_get_name (header), -1);
  field.value = decode_value (field.name, g_mime_header_get_raw_value (header));
  g_array_append_val (array, field);
}

static GArray *
collect (GMimeHeaderList *headers, FmMessageHeaderSet set)
{
  GArray *array = g_array_new (FALSE, FALSE, sizeof (FmMessageField));
  int n = g_mime_header_list_get_count (headers);

  if (set == FM_MESSAGE_HEADERS_ALL)
    for (int i = 0; i < n; i++)
      append_field (array, g_mime_header_list_get_header_at (headers, i));
  else
    for (gsize b = 0; brief[b] != NULL; b++)
      for (int i = 0; i < n; i++)
        {
          GMimeHeader *header = g_mime_header_list_get_header_at (headers, i);
          if (g_ascii_strcasecmp (g_mime_header_get_name (header), brief[b]) == 0)
            append_field (array, header);
        }
  return array;
}

const FmMessageField *
fm_message_headers (FmMessage *message, guint index, FmMessageHeaderSet set, gsize *ret_n)
{
  GMimeMessage *mime = fm_message_mime (message, index);

  *ret_n = 0;
  if (mime == NULL)
    return NULL;
  FmMessageFields *fields = index == FM_MESSAGE_NO_PART ? &message->fields : &fm_message_node (message, index)->fields;
  if (fields->fields[set] == NULL)
    {
      GArray *array = collect (g_mime_object_get_header_list (GMIME_OBJECT (mime)), set);
      fields->n_fields[set] = array->len;
      fields->fields[set] = (FmMessageField *) g_array_free (array, FALSE);
    }
  *ret_n = fields->n_fields[set];
  return fields->fields[set];
}

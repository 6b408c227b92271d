/* One pass over the header block, field by field (a field is a line and its folded continuations): known fields are looked at, Bcc is left out,
 * the rest is copied as it stands; then what is missing is put in front, and the body follows with CRLF line ends. */
#include <fulmar/base/clock.h>
#include <fulmar/base/error.h>
#include <fulmar/mail/address.h>
#include <fulmar/mail/outgoing.h>
#include <string.h>

#define MAX_LINE_BYTES 998
#define MAX_HEADER_BYTES (1u << 20)

struct FmOutgoingMessage {
  GBytes *bytes;
  char *sender;
  GPtrArray *recipients; /* char*, NULL-terminated */
  GString *text;         /* while it is made */
};

typedef struct {
  FmOutgoingMessage *message;
  GString *header;
  gboolean from_headers, has_from, has_date, has_id;
} Pass;

void
fm_outgoing_free (FmOutgoingMessage *message)
{
  if (!message)
    return;
  g_clear_pointer (&message->bytes, g_bytes_unref);
  if (message->text)
    g_string_free (message->text, TRUE);
  g_ptr_array_unref (message->recipients);
  g_free (message->sender);
  g_free (message);
}

static gboolean
add_recipient (FmOutgoingMessage *message, const char *address, GError **error)
{
  if (!fm_address_is_valid (address))
    {
      g_set_error (error, FM_ERROR, FM_ERROR_INVALID, "`%s` is no address", address);
      return FALSE;
    }
  for (guint i = 0; i < message->recipients->len; i++)
    if (fm_address_equal (g_ptr_array_index (message->recipients, i), address))
      return TRUE;
  g_ptr_array_add (message->recipients, g_strdup (address));
  return TRUE;
}

static gboolean
add_recipients (FmOutgoingMessage *message, const char *value, gsize size, GError **error)
{
  g_autoptr (FmAddressList) list = fm_address_list_parse (value, size);

  for (guint i = 0; i < fm_address_list_length (list); i++)
    if (!add_recipient (message, fm_address_list_get (list, i)->address, error))
      return FALSE;
  return TRUE;
}

/* Blanks before the colon are obsolete (RFC 5322 4.5), yet a "Bcc :" must not slip through. */
static gboolean
is_field (const char *line, gsize size, const char *name)
{
  gsize length = strlen (name);

  if (size <= length || g_ascii_strncasecmp (line, name, length) != 0)
    return FALSE;
  while (length < size && (line[length] == ' ' || line[length] == '\t'))
    length++;
  return length < size && line[length] == ':';
}

/* Printable ASCII up to the colon (RFC 5322 3.6.8), blanks only right before it. */
static gboolean
has_name (const char *field, const char *colon)
{
  while (colon > field + 1 && (colon[-1] == ' ' || colon[-1] == '\t'))
    colon--;
  for (const char *p = field; p < colon; p++)
    if ((guchar) *p <= 0x20 || (guchar) *p >= 0x7f)
      return FALSE;
  return colon > field;
}

/* Copies with CRLF line ends; FALSE: a line is too long for SMTP. */
static gboolean
copy_lines (GString *to, const char *text, gsize size, gboolean bounded)
{
  const char *end = text + size;

  while (text < end)
    {
      const char *stop = memchr (text, '\n', end - text);
      gsize length = (stop ? stop : end) - text;
      if (length > 0 && text[length - 1] == '\r')
        length--;
      if (bounded && length > MAX_LINE_BYTES)
        return FALSE;
      g_string_append_len (to, text, length);
      g_string_append (to, "\r\n");
      text = stop ? stop + 1 : end;
    }
  return TRUE;
}

static gboolean
take_field (Pass *pass, const char *field, gsize size, GError **error)
{
  const char *colon = memchr (field, ':', size);
  const char *value = colon ? colon + 1 : field;
  gsize value_size = field + size - value;
  gboolean is_bcc = is_field (field, size, "Bcc"), is_secret = is_bcc || is_field (field, size, "Resent-Bcc");

  if (!colon || !has_name (field, colon))
    {
      g_set_error (error, FM_ERROR, FM_ERROR_INVALID, "the message does not begin with a header: `%.*s` is no field", (int) MIN (size, 40),
                   field);
      return FALSE;
    }
  if (pass->from_headers && (is_bcc || is_field (field, size, "To") || is_field (field, size, "Cc"))
      && !add_recipients (pass->message, value, value_size, error))
    return FALSE;
  if (is_field (field, size, "From") && !pass->has_from)
    {
      g_autoptr (FmAddressList) list = fm_address_list_parse (value, value_size);
      pass->has_from = TRUE;
      if (fm_address_list_length (list) > 0 && fm_address_is_valid (fm_address_list_get (list, 0)->address))
        {
          g_free (pass->message->sender);
          pass->message->sender = g_strdup (fm_address_list_get (list, 0)->address);
        }
    }
  pass->has_date |= is_field (field, size, "Date");
  pass->has_id |= is_field (field, size, "Message-ID");
  if (!is_secret && !copy_lines (pass->header, field, size, TRUE))
    {
      g_set_error (error, FM_ERROR, FM_ERROR_LIMIT, "a header line is longer than %d bytes: no server takes it", MAX_LINE_BYTES);
      return FALSE;
    }
  return TRUE;
}

/* The end of the field at TEXT: after the last line that begins with a blank. */
static const char *
field_end (const char *text, const char *end)
{
  do
    {
      const char *stop = memchr (text, '\n', end - text);
      text = stop ? stop + 1 : end;
    }
  while (text < end && (*text == ' ' || *text == '\t'));
  return text;
}

static gboolean
is_blank_line (const char *text, const char *end)
{
  return text < end && (*text == '\n' || (*text == '\r' && text + 1 < end && text[1] == '\n'));
}

static void
add_missing (Pass *pass, const char *name, const char *address)
{
  g_autoptr (GDateTime) utc = g_date_time_new_from_unix_utc (fm_clock_now_utc ());
  g_autofree char *uuid = g_uuid_string_random ();
  const char *domain;

  if (!pass->has_from && address)
    {
      FmAddress own = { name ? name : "", address };
      g_autoptr (FmAddressList) list = fm_address_list_new (&own, 1);
      g_autofree char *value = fm_address_list_header (list);
      g_string_prepend (pass->header, "\r\n");
      g_string_prepend (pass->header, value);
      g_string_prepend (pass->header, "From: ");
      g_free (pass->message->sender);
      pass->message->sender = g_strdup (address);
    }
  domain = strrchr (pass->message->sender, '@');
  if (!pass->has_id)
    g_string_append_printf (pass->header, "Message-ID: <%s@%s>\r\n", uuid, domain ? domain + 1 : "localhost");
  if (!pass->has_date)
    {
      static const char *const days[] = { "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun" };
      static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
      g_autoptr (GDateTime) local = g_date_time_to_local (utc);
      g_autofree char *rest = g_date_time_format (local, "%Y %H:%M:%S %z");
      g_string_append_printf (pass->header, "Date: %s, %d %s %s\r\n", days[g_date_time_get_day_of_week (local) - 1],
                              g_date_time_get_day_of_month (local), months[g_date_time_get_month (local) - 1], rest);
    }
}

/* "From ada Sat Nov 21 ..." of an mbox; "From : ada@..." is an old way to write the field. */
static gboolean
is_mbox_line (const char *text, const char *end)
{
  if (end - text < 5 || memcmp (text, "From ", 5) != 0)
    return FALSE;
  for (text += 5; text < end && (*text == ' ' || *text == '\t'); text++)
    ;
  return text == end || *text != ':';
}

FmOutgoingMessage *
fm_outgoing_prepare (GBytes *bytes, gboolean from_headers, const char *const *addresses, const char *name, const char *address,
                     GError **error)
{
  gsize size = 0;
  const char *data = g_bytes_get_data (bytes, &size), *text = data ? data : "", *end = text + size;
  GString *header = g_string_new (NULL);
  g_autoptr (FmOutgoingMessage) message = g_new0 (FmOutgoingMessage, 1);
  Pass pass = { message, header, from_headers };

  message->recipients = g_ptr_array_new_with_free_func (g_free);
  message->sender = g_strdup ("");
  message->text = header;
  if (is_mbox_line (text, end))
    text = field_end (text, end);
  while (text < end && !is_blank_line (text, end))
    {
      const char *next = field_end (text, end);
      gsize length = next - text;
      while (length > 0 && (text[length - 1] == '\n' || text[length - 1] == '\r'))
        length--;
      if (header->len > MAX_HEADER_BYTES)
        {
          g_set_error_literal (error, FM_ERROR, FM_ERROR_LIMIT, "the message's header is longer than 1 MB");
          return NULL;
        }
      if (!take_field (&pass, text, length, error))
        return NULL;
      text = next;
    }
  for (guint i = 0; addresses && addresses[i]; i++)
    if (!add_recipients (message, addresses[i], strlen (addresses[i]), error))
      return NULL;
  add_missing (&pass, name, address);
  g_ptr_array_add (message->recipients, NULL);
  g_string_append (header, "\r\n");
  if (is_blank_line (text, end))
    text += *text == '\r' ? 2 : 1;
  copy_lines (header, text, end - text, FALSE);
  message->bytes = g_string_free_to_bytes (g_steal_pointer (&message->text));
  return g_steal_pointer (&message);
}

GBytes *
fm_outgoing_bytes (const FmOutgoingMessage *message)
{
  return message->bytes;
}

const char *
fm_outgoing_sender (const FmOutgoingMessage *message)
{
  return message->sender;
}

const char *const *
fm_outgoing_recipients (const FmOutgoingMessage *message)
{
  return (const char *const *) message->recipients->pdata;
}

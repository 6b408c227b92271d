/* The message is built as a GMime tree, which folds and encodes; what is decided here is which charset and transfer encoding each part gets, who
 * receives it, and that nothing of Bcc is in the bytes. */
#include "fulmar/mail/compose.h"
#include "fulmar/base/clock.h"
#include "fulmar/base/error.h"
#include "mail/gmime-init.h"
#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEFAULT_MAX_BYTES = 100 * 1024 * 1024, MAX_LINE_BYTES = 990 };

struct FmComposed {
  GBytes *bytes;
  char *message_id;
  char *sender;
  char **recipients;
  gboolean needs_smtputf8;
  gboolean is_8bit;
};

typedef struct {
  const FmDraft *draft;
  const FmComposeOptions *options;
  GMimeMessage *message;
  gsize max_bytes, held_bytes;
} Composer;

static gboolean
check_addresses (const FmAddressList *list, GError **error)
{
  for (guint i = 0; i < fm_address_list_length (list); i++)
    {
      const FmAddress *address = fm_address_list_get (list, i);
      if (!fm_address_is_valid (address->address))
        {
          g_autofree char *shown = fm_address_display (address);
          g_set_error (error, FM_ERROR, FM_ERROR_INVALID, "\"%s\" is no mail address", shown);
          return FALSE;
        }
    }
  return TRUE;
}

static void
add_list (GMimeMessage *message, GMimeAddressType type, const FmAddressList *list)
{
  for (guint i = 0; i < fm_address_list_length (list); i++)
    {
      const FmAddress *address = fm_address_list_get (list, i);
      g_autofree char *wire = fm_address_wire (address->address);
      g_mime_message_add_mailbox (message, type, address->name[0] != '\0' ? address->name : NULL, wire);
    }
}

static void
add_ids (GMimeMessage *message, const char *field, const char *const *ids)
{
  g_autoptr (GString) value = g_string_new (NULL);

  for (gsize i = 0; ids[i] != NULL; i++)
    if (ids[i][0] != '\0')
      g_string_append_printf (value, "%s<%s>", value->len > 0 ? " " : "", ids[i]);
  if (value->len > 0)
    g_mime_object_set_header (GMIME_OBJECT (message), field, value->str, NULL);
}

static void
add_fields (Composer *composer, const char *message_id)
{
  static const GMimeAddressType types[FM_DRAFT_N_LISTS]
      = { GMIME_ADDRESS_TYPE_FROM, GMIME_ADDRESS_TYPE_REPLY_TO, GMIME_ADDRESS_TYPE_TO, GMIME_ADDRESS_TYPE_CC, GMIME_ADDRESS_TYPE_BCC };
  const FmDraft *draft = composer->draft;
  const char *const answered[] = { fm_draft_in_reply_to (draft), NULL };
  gint64 date_utc = composer->options->date_utc != 0 ? composer->options->date_utc : fm_clock_now_utc ();
  g_autoptr (GTimeZone) zone = g_time_zone_new_offset (composer->options->date_offset_min * 60);
  g_autoptr (GDateTime) utc = g_date_time_new_from_unix_utc (date_utc);
  g_autoptr (GDateTime) local = g_date_time_to_timezone (utc, zone);
  const char *name, *value;

  for (int i = 0; i < FM_DRAFT_N_LISTS; i++)
    if (i != FM_DRAFT_BCC || composer->options->keep_bcc)
      add_list (composer->message, types[i], fm_draft_list (draft, i));
  g_mime_message_set_subject (composer->message, fm_draft_subject (draft), "utf-8");
  g_mime_message_set_date (composer->message, local);
  g_mime_message_set_message_id (composer->message, message_id);
  add_ids (composer->message, "In-Reply-To", answered);
  add_ids (composer->message, "References", fm_draft_references (draft));
  for (guint i = 0; fm_draft_header_at (draft, i, &name, &value); i++)
    g_mime_object_set_header (GMIME_OBJECT (composer->message), name, value, "utf-8");
}

/* What the text needs: 7bit where it is plain, 8bit where the server takes it, else whichever of the two encodings is the smaller. */
static GMimeContentEncoding
choose_encoding (const char *text, gboolean eight_bit)
{
  gsize n_high = 0, n_control = 0, size = 0, line = 0, longest = 0;

  for (const guchar *p = (const guchar *) text; *p != '\0'; p++, size++)
    {
      n_high += *p >= 0x80;
      n_control += (*p < 0x20 && *p != '\n' && *p != '\t') || *p == 0x7f;
      line = *p == '\n' ? 0 : line + 1;
      longest = MAX (longest, line);
    }
  if (longest <= MAX_LINE_BYTES && n_control == 0 && n_high == 0)
    return GMIME_CONTENT_ENCODING_7BIT;
  if (longest <= MAX_LINE_BYTES && n_control == 0 && eight_bit)
    return GMIME_CONTENT_ENCODING_8BIT;
  return n_high > size / 4 ? GMIME_CONTENT_ENCODING_BASE64 : GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE;
}

/* Takes the bytes' reference only for the call: GMime copies. */
static void
set_content (GMimePart *part, const char *bytes, gsize size, GMimeContentEncoding encoding)
{
  GMimeStream *stream = g_mime_stream_mem_new_with_buffer (bytes, size);
  GMimeDataWrapper *content = g_mime_data_wrapper_new_with_stream (stream, GMIME_CONTENT_ENCODING_DEFAULT);

  g_mime_part_set_content (part, content);
  g_mime_part_set_content_encoding (part, encoding);
  g_object_unref (content);
  g_object_unref (stream);
}

/* Text goes in with CRLF, which is what its base64 form must hold too (RFC 2046 section 4.1.1). */
static GMimeObject *
make_text (Composer *composer)
{
  const char *body = fm_draft_body (composer->draft);
  g_autoptr (GString) text = g_string_sized_new (strlen (body) + 64);
  GMimePart *part = g_mime_part_new_with_type ("text", "plain");

  for (const char *p = body; *p != '\0'; p++)
    {
      if (*p == '\n')
        g_string_append_c (text, '\r');
      g_string_append_c (text, *p);
    }
  if (text->len > 0 && text->str[text->len - 1] != '\n')
    g_string_append (text, "\r\n");
  g_mime_object_set_content_type_parameter (GMIME_OBJECT (part), "charset", g_str_is_ascii (body) ? "us-ascii" : "utf-8");
  set_content (part, text->str, text->len, choose_encoding (body, composer->options->eight_bit));
  return GMIME_OBJECT (part);
}

static GBytes *
read_file (Composer *composer, const char *path, GError **error)
{
  struct stat info;
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

  if (fd < 0 || fstat (fd, &info) != 0 || !S_ISREG (info.st_mode))
    {
      int saved_errno = fd < 0 ? errno : EINVAL;
      fm_error_set_errno (error, saved_errno == ENOENT ? FM_ERROR_NOT_FOUND : FM_ERROR_STORAGE, saved_errno, "attachment %s", path);
      if (fd >= 0)
        close (fd);
      return NULL;
    }
  close (fd);
  composer->held_bytes += info.st_size / 3 * 4 + info.st_size / 54 * 2;
  if (composer->held_bytes > composer->max_bytes)
    {
      g_set_error (error, FM_ERROR, FM_ERROR_LIMIT, "with %s the message is larger than %" G_GSIZE_FORMAT " MB", path,
                   composer->max_bytes >> 20);
      return NULL;
    }
  g_autofree char *contents = NULL;
  gsize size = 0;
  g_autoptr (GError) read_error = NULL;
  if (!g_file_get_contents (path, &contents, &size, &read_error))
    {
      g_set_error (error, FM_ERROR, FM_ERROR_STORAGE, "attachment %s: %s", path, read_error->message);
      return NULL;
    }
  return g_bytes_new_take (g_steal_pointer (&contents), size);
}

/* By its name alone: looking into the file is what other programs do badly. Types that may not be base64 are sent as plain bytes. */
static GMimePart *
new_part_for (const char *name)
{
  g_autofree char *guess = g_content_type_guess (name, NULL, 0, NULL);
  g_autofree char *mime = g_content_type_get_mime_type (guess);
  g_auto (GStrv) halves = g_strsplit (mime != NULL ? mime : "", "/", 2);

  if (g_strv_length (halves) != 2 || strcmp (halves[0], "message") == 0 || strcmp (halves[0], "multipart") == 0)
    return g_mime_part_new_with_type ("application", "octet-stream");
  return g_mime_part_new_with_type (halves[0], halves[1]);
}

static GMimeObject *
make_attachment (Composer *composer, const char *path, GError **error)
{
  g_autoptr (GBytes) bytes = read_file (composer, path, error);
  if (bytes == NULL)
    return NULL;
  g_autofree char *base = g_path_get_basename (path);
  g_autofree char *name = g_filename_display_name (base);
  GMimePart *part = new_part_for (name);
  g_mime_object_set_disposition (GMIME_OBJECT (part), "attachment");
  g_mime_part_set_filename (part, name);
  set_content (part, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), GMIME_CONTENT_ENCODING_BASE64);
  return GMIME_OBJECT (part);
}

static gboolean
add_body (Composer *composer, GError **error)
{
  const char *const *paths = fm_draft_attachments (composer->draft);
  GMimeObject *text = make_text (composer);

  if (paths[0] == NULL)
    {
      g_mime_message_set_mime_part (composer->message, text);
      g_object_unref (text);
      return TRUE;
    }
  GMimeMultipart *mixed = g_mime_multipart_new_with_subtype ("mixed");
  gboolean ok = TRUE;
  g_mime_multipart_add (mixed, text);
  g_object_unref (text);
  for (gsize i = 0; ok && paths[i] != NULL; i++)
    {
      GMimeObject *part = make_attachment (composer, paths[i], error);
      ok = part != NULL;
      if (ok)
        g_mime_multipart_add (mixed, part);
      g_clear_object (&part);
    }
  g_mime_message_set_mime_part (composer->message, GMIME_OBJECT (mixed));
  g_object_unref (mixed);
  return ok;
}

static GBytes *
serialise (GMimeMessage *message)
{
  GMimeFormatOptions *format = g_mime_format_options_new ();
  GByteArray *bytes = g_byte_array_new ();
  GMimeStream *stream = g_mime_stream_mem_new_with_byte_array (bytes);

  g_mime_stream_mem_set_owner (GMIME_STREAM_MEM (stream), FALSE);
  g_mime_format_options_set_newline_format (format, GMIME_NEWLINE_FORMAT_DOS);
  g_mime_object_write_to_stream (GMIME_OBJECT (message), format, stream);
  g_object_unref (stream);
  g_mime_format_options_free (format);
  return g_byte_array_free_to_bytes (bytes);
}

static char *
fresh_message_id (const FmAddressList *from)
{
  g_autofree char *random = g_uuid_string_random ();
  g_autofree char *wire = fm_address_wire (fm_address_list_get (from, 0)->address);

  return g_strdup_printf ("%s@%s", random, strrchr (wire, '@') + 1);
}

static char **
collect_recipients (const FmDraft *draft, gboolean *ret_smtputf8)
{
  g_autoptr (FmAddressList) shown = fm_address_list_merge (fm_draft_list (draft, FM_DRAFT_TO), fm_draft_list (draft, FM_DRAFT_CC), NULL);
  g_autoptr (FmAddressList) all = fm_address_list_merge (shown, fm_draft_list (draft, FM_DRAFT_BCC), NULL);
  guint n = fm_address_list_length (all);
  char **recipients = g_new0 (char *, n + 1);

  for (guint i = 0; i < n; i++)
    {
      recipients[i] = fm_address_wire (fm_address_list_get (all, i)->address);
      *ret_smtputf8 = *ret_smtputf8 || !fm_address_is_ascii (recipients[i]);
    }
  return recipients;
}

static gboolean
check_draft (const FmDraft *draft, const FmComposeOptions *options, GError **error)
{
  guint n = 0;

  for (int i = 0; i < FM_DRAFT_N_LISTS; i++)
    {
      if (!check_addresses (fm_draft_list (draft, i), error))
        return FALSE;
      n += i >= FM_DRAFT_TO ? fm_address_list_length (fm_draft_list (draft, i)) : 0;
    }
  if (fm_address_list_length (fm_draft_list (draft, FM_DRAFT_FROM)) == 0)
    g_set_error_literal (error, FM_ERROR, FM_ERROR_INVALID, "the message has no sender: fill in From");
  else if (n == 0 && !options->allow_no_recipients)
    g_set_error_literal (error, FM_ERROR, FM_ERROR_INVALID, "the message has no recipient: fill in To, Cc or Bcc");
  else
    return TRUE;
  return FALSE;
}

FmComposed *
fm_compose_build (const FmDraft *draft, const FmComposeOptions *options, GError **error)
{
  static const FmComposeOptions defaults = { 0 };
  const FmAddressList *from = fm_draft_list (draft, FM_DRAFT_FROM);
  Composer composer = { draft, options != NULL ? options : &defaults, NULL, 0, strlen (fm_draft_body (draft)) };

  fm_gmime_init_options ();
  if (!check_draft (draft, composer.options, error))
    return NULL;
  composer.max_bytes = composer.options->max_bytes != 0 ? composer.options->max_bytes : DEFAULT_MAX_BYTES;
  composer.message = g_mime_message_new (TRUE);
  g_autoptr (FmComposed) composed = g_new0 (FmComposed, 1);
  composed->message_id = composer.options->message_id != NULL ? g_strdup (composer.options->message_id) : fresh_message_id (from);
  composed->sender = fm_address_wire (fm_address_list_get (from, 0)->address);
  composed->needs_smtputf8 = !fm_address_is_ascii (composed->sender);
  composed->recipients = collect_recipients (draft, &composed->needs_smtputf8);
  add_fields (&composer, composed->message_id);
  gboolean ok = add_body (&composer, error);
  if (ok)
    composed->bytes = serialise (composer.message);
  g_object_unref (composer.message);
  if (!ok)
    return NULL;
  if (g_bytes_get_size (composed->bytes) > composer.max_bytes)
    {
      g_set_error (error, FM_ERROR, FM_ERROR_LIMIT, "the message is larger than %" G_GSIZE_FORMAT " MB", composer.max_bytes >> 20);
      return NULL;
    }
  gsize size = 0;
  const guint8 *data = g_bytes_get_data (composed->bytes, &size);
  for (gsize i = 0; i < size && !composed->is_8bit; i++)
    composed->is_8bit = data[i] >= 0x80;
  return g_steal_pointer (&composed);
}

void
fm_compose_free (FmComposed *composed)
{
  if (composed == NULL)
    return;
  g_clear_pointer (&composed->bytes, g_bytes_unref);
  g_free (composed->message_id);
  g_free (composed->sender);
  g_strfreev (composed->recipients);
  g_free (composed);
}

GBytes *
fm_compose_bytes (const FmComposed *composed)
{
  return composed->bytes;
}

const char *
fm_compose_message_id (const FmComposed *composed)
{
  return composed->message_id;
}

const char *
fm_compose_sender (const FmComposed *composed)
{
  return composed->sender;
}

const char *const *
fm_compose_recipients (const FmComposed *composed)
{
  return (const char *const *) composed->recipients;
}

gboolean
fm_compose_needs_smtputf8 (const FmComposed *composed)
{
  return composed->needs_smtputf8;
}

gboolean
fm_compose_is_8bit (const FmComposed *composed)
{
  return composed->is_8bit;
}

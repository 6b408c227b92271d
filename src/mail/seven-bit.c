/* GMime parses the message from its file and writes it again; what it does not change it writes as it was read. A part without a label can't say which
 * charset its bytes are in, so it gets one first. */
#include "fulmar/mail/seven-bit.h"
#include "fulmar/base/error.h"
#include "mail/gmime-init.h"
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PIECE_BYTES = 64 * 1024, MAX_LINE_BYTES = 998 };

/* value struct: where the survey is */
typedef struct {
  gboolean in_header, after_cr;
  gsize line;
  guint needs;
} Survey;

static void
look_at (Survey *survey, const guchar *bytes, gsize size)
{
  for (gsize i = 0; i < size; i++)
    {
      guchar c = bytes[i];
      gboolean was_cr = survey->after_cr;

      survey->after_cr = c == '\r';
      if (c == '\n' && was_cr)
        continue;
      if (c == '\n' || c == '\r')
        {
          survey->in_header = survey->in_header && survey->line > 0;
          survey->line = 0;
          continue;
        }
      survey->line++;
      if (survey->in_header)
        continue;
      if (c >= 0x80)
        survey->needs |= FM_SEVEN_BIT_HIGH;
      else if (c == 0)
        survey->needs |= FM_SEVEN_BIT_NUL;
      if (survey->line > MAX_LINE_BYTES)
        survey->needs |= FM_SEVEN_BIT_LONG;
    }
}

gboolean
fm_seven_bit_survey (int fd, guint *ret_needs, GError **error)
{
  g_autofree guchar *bytes = g_malloc (PIECE_BYTES);
  Survey survey = { .in_header = TRUE };
  ssize_t n;

  for (goffset at = 0; (n = pread (fd, bytes, PIECE_BYTES, at)) != 0; at += MAX (n, 0))
    {
      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        {
          fm_error_set_errno (error, FM_ERROR_STORAGE, errno, "reading the message to be sent");
          return FALSE;
        }
      look_at (&survey, bytes, n);
    }
  *ret_needs = survey.needs;
  return TRUE;
}

static gboolean
is_valid_utf8 (GMimePart *part)
{
  GMimeStream *stream = g_mime_stream_mem_new ();
  GByteArray *bytes = g_mime_stream_mem_get_byte_array (GMIME_STREAM_MEM (stream));
  GMimeDataWrapper *content = g_mime_part_get_content (part);
  gboolean valid = content != NULL && g_mime_data_wrapper_write_to_stream (content, stream) >= 0
                   && g_utf8_validate_len ((const char *) bytes->data, bytes->len, NULL);

  g_object_unref (stream);
  return valid;
}

/* RFC 1428 names the charset of bytes that nobody has labelled. */
static void
label (GMimeObject *part)
{
  GMimeHeaderList *headers = g_mime_object_get_header_list (part);
  GMimeContentType *type = g_mime_object_get_content_type (part);

  if (!GMIME_IS_PART (part) || !g_mime_content_type_is_type (type, "text", "*")
      || g_mime_object_get_content_type_parameter (part, "charset") != NULL)
    return;
  if (g_mime_header_list_get_header (headers, "Content-Type") == NULL)
    {
      GMimeContentType *plain = g_mime_content_type_new ("text", "plain");
      g_mime_object_set_content_type (part, plain);
      g_object_unref (plain);
    }
  g_mime_object_set_content_type_parameter (part, "charset", is_valid_utf8 (GMIME_PART (part)) ? "utf-8" : "unknown-8bit");
}

/* A part that holds others and claims 8 bits claims too much now. */
static void
correct_claim (GMimeObject *part)
{
  const char *claim = g_mime_object_get_header (part, "Content-Transfer-Encoding");

  if (!GMIME_IS_PART (part) && claim != NULL)
    g_mime_object_set_header (part, "Content-Transfer-Encoding", "7bit", NULL);
}

static guint
needs_of (GMimePart *part)
{
  GMimeStream *stream = g_mime_stream_mem_new ();
  GByteArray *bytes = g_mime_stream_mem_get_byte_array (GMIME_STREAM_MEM (stream));
  GMimeDataWrapper *content = g_mime_part_get_content (part);
  GMimeStream *source = content == NULL ? NULL : g_mime_data_wrapper_get_stream (content);
  Survey survey = { 0 };

  if (source != NULL && g_mime_stream_reset (source) == 0 && g_mime_stream_write_to_stream (source, stream) >= 0)
    look_at (&survey, bytes->data, bytes->len);
  g_object_unref (stream);
  return survey.needs;
}

/* Within a signature's reach every byte stays. */
static void
encode (GMimeObject *part)
{
  if (GMIME_IS_MULTIPART_SIGNED (part))
    return;
  if (GMIME_IS_MULTIPART (part))
    {
      int n = g_mime_multipart_get_count (GMIME_MULTIPART (part));
      for (int i = 0; i < n; i++)
        encode (g_mime_multipart_get_part (GMIME_MULTIPART (part), i));
    }
  else if (GMIME_IS_MESSAGE_PART (part))
    {
      GMimeMessage *inner = g_mime_message_part_get_message (GMIME_MESSAGE_PART (part));
      GMimeObject *body = inner == NULL ? NULL : g_mime_message_get_mime_part (inner);
      if (body != NULL)
        encode (body);
    }
  else if (GMIME_IS_PART (part))
    {
      GMimeContentEncoding now = g_mime_part_get_content_encoding (GMIME_PART (part));
      gboolean is_encoded
          = now == GMIME_CONTENT_ENCODING_BASE64 || now == GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE || now == GMIME_CONTENT_ENCODING_UUENCODE;
      if (is_encoded || needs_of (GMIME_PART (part)) == 0)
        return;
      label (part);
      /* Text keeps its lines as quoted-printable; its base64 form would need CRLF in it (RFC 2046 section 4.1.1), whatever the file has. */
      GMimeContentEncoding best = g_mime_part_get_best_content_encoding (GMIME_PART (part), GMIME_ENCODING_CONSTRAINT_7BIT);
      gboolean is_text = g_mime_content_type_is_type (g_mime_object_get_content_type (part), "text", "*");
      g_mime_part_set_content_encoding (GMIME_PART (part),
                                        best == GMIME_CONTENT_ENCODING_BASE64 && !is_text ? best : GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE);
      return;
    }
  correct_claim (part);
}

static gboolean
write_message (GMimeMessage *message, int fd, GError **error)
{
  GMimeFormatOptions *format = g_mime_format_options_new ();
  GMimeStream *stream = g_mime_stream_fs_new (dup (fd));
  gboolean ok;

  g_mime_format_options_set_newline_format (format, GMIME_NEWLINE_FORMAT_DOS);
  ok = g_mime_object_write_to_stream (GMIME_OBJECT (message), format, stream) >= 0 && g_mime_stream_flush (stream) == 0;
  g_object_unref (stream);
  g_mime_format_options_free (format);
  if (!ok)
    fm_error_set_errno (error, FM_ERROR_STORAGE, errno, "encoding the message");
  return ok;
}

static GMimeMessage *
parse (int fd)
{
  GMimeStream *stream = g_mime_stream_fs_new_with_bounds (dup (fd), 0, -1);
  GMimeParser *parser = g_mime_parser_new_with_stream (stream);
  GMimeMessage *message;

  g_mime_stream_reset (stream);
  message = g_mime_parser_construct_message (parser, fm_gmime_init_options ());
  g_object_unref (parser);
  g_object_unref (stream);
  return message;
}

int
fm_seven_bit_convert (int fd, GError **error)
{
  guint left = 0;
  fm_gmime_init_options ();
  GMimeMessage *message = parse (fd);
  int memory = message == NULL ? -1 : memfd_create ("mail", MFD_CLOEXEC);
  GMimeObject *body = message == NULL ? NULL : g_mime_message_get_mime_part (message);

  if (memory < 0)
    g_set_error_literal (error, FM_ERROR, FM_ERROR_INVALID, "the message can't be read as mail, so it can't be encoded for this server");
  if (body != NULL)
    encode (body);
  if (message != NULL && g_mime_object_get_header (GMIME_OBJECT (message), "MIME-Version") == NULL)
    g_mime_object_set_header (GMIME_OBJECT (message), "MIME-Version", "1.0", NULL);
  gboolean ok = memory >= 0 && write_message (message, memory, error) && fm_seven_bit_survey (memory, &left, error);
  if (ok && left != 0)
    {
      g_set_error_literal (error, FM_ERROR, FM_ERROR_INVALID,
                           "a signed part has bytes or lines that this server does not take, and to encode it would break the signature");
      ok = FALSE;
    }
  g_clear_object (&message);
  if (!ok && memory >= 0)
    close (memory);
  return ok ? memory : -1;
}

/* Attachments of the sample, made rather than shipped: a picture computed pixel by pixel and stored as PNG without compression (a deflate stream
 * of stored blocks, RFC 1951 section 3.2.4), a PDF of one page with a right cross-reference table, and small texts. */
#include "mail/sample-private.h"
#include <string.h>

enum { PNG_WIDTH = 72, PNG_HEIGHT = 48, PNG_ROW = 1 + 3 * PNG_WIDTH };

static void
append_be32 (GByteArray *out, guint32 value)
{
  const guint8 bytes[4] = { (guint8) (value >> 24), (guint8) (value >> 16), (guint8) (value >> 8), (guint8) value };
  g_byte_array_append (out, bytes, 4);
}

static guint32
crc_of (const guint8 *bytes, gsize size)
{
  guint32 crc = 0xffffffffu;

  for (gsize i = 0; i < size; i++)
    {
      crc ^= bytes[i];
      for (int bit = 0; bit < 8; bit++)
        crc = (crc >> 1) ^ ((crc & 1) ? 0xedb88320u : 0);
    }
  return ~crc;
}

static guint32
adler_of (const guint8 *bytes, gsize size)
{
  guint32 a = 1, b = 0;

  for (gsize i = 0; i < size; i++)
    {
      a = (a + bytes[i]) % 65521;
      b = (b + a) % 65521;
    }
  return b << 16 | a;
}

static void
append_chunk (GByteArray *png, const char *type, const guint8 *data, gsize size)
{
  guint start = png->len + 4;

  append_be32 (png, (guint32) size);
  g_byte_array_append (png, (const guint8 *) type, 4);
  g_byte_array_append (png, data, (guint) size);
  append_be32 (png, crc_of (png->data + start, size + 4));
}

/* An evening sky over water with a low sun; TINT shifts its colours so that no two pictures are the same. */
static void
paint_row (guint8 *row, int y, guint tint)
{
  int sun_x = 18 + (int) (tint % 36), horizon = PNG_HEIGHT * 2 / 3;

  row[0] = 0;
  for (int x = 0; x < PNG_WIDTH; x++)
    {
      int dx = x - sun_x, dy = y - horizon + 6;
      gboolean sun = dx * dx + dy * dy < 40 && y < horizon, glitter = y >= horizon && ABS (dx) < 3 + (y * 7 % 5);
      int fade = y < horizon ? y * 255 / horizon : 255 - (y - horizon) * 9;
      row[1 + 3 * x] = (guint8) (sun || glitter ? 255 : 60 + fade * 2 / 3);
      row[2 + 3 * x] = (guint8) (sun || glitter ? 210 : 50 + fade / 3 + (int) (tint % 30));
      row[3 + 3 * x] = (guint8) (sun ? 120 : 150 - fade / 4);
    }
}

static GByteArray *
make_png (guint tint)
{
  guint8 pixels[PNG_HEIGHT * PNG_ROW];
  const guint8 header[13] = { 0, 0, 0, PNG_WIDTH, 0, 0, 0, PNG_HEIGHT, 8, 2, 0, 0, 0 };
  const guint size = sizeof pixels;
  const guint8 stored[7] = { 0x78, 0x01, 1, (guint8) size, (guint8) (size >> 8), (guint8) ~size, (guint8) (~size >> 8) };
  GByteArray *png = g_byte_array_new ();
  g_autoptr (GByteArray) stream = g_byte_array_new ();

  for (int y = 0; y < PNG_HEIGHT; y++)
    paint_row (pixels + y * PNG_ROW, y, tint);
  g_byte_array_append (png, (const guint8 *) "\x89PNG\r\n\x1a\n", 8);
  append_chunk (png, "IHDR", header, sizeof header);
  g_byte_array_append (stream, stored, sizeof stored);
  g_byte_array_append (stream, pixels, size);
  append_be32 (stream, adler_of (pixels, size));
  append_chunk (png, "IDAT", stream->data, stream->len);
  append_chunk (png, "IEND", NULL, 0);
  return png;
}

/* The page says only what the mail is about, in the ASCII of its subject. */
static void
make_pdf (const FmSampleMail *mail, GString *out)
{
  g_autofree char *title = g_str_to_ascii (mail->subject, "C");
  g_autofree char *page = NULL;
  gsize offsets[5];

  g_strdelimit (title, "()\\", ' ');
  page = g_strdup_printf ("BT /F1 18 Tf 60 780 Td (%s) Tj ET", title);
  const char *const objects[5] = { "<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
                                   "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
                                   "/Resources << /Font << /F1 5 0 R >> >> >>",
                                   page, "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>" };
  g_string_append (out, "%PDF-1.4\n");
  for (guint i = 0; i < 5; i++)
    {
      offsets[i] = out->len;
      if (i == 3)
        g_string_append_printf (out, "4 0 obj\n<< /Length %zu >>\nstream\n%s\nendstream\nendobj\n", strlen (page), page);
      else
        g_string_append_printf (out, "%u 0 obj\n%s\nendobj\n", i + 1, objects[i]);
    }
  gsize table = out->len;
  g_string_append (out, "xref\n0 6\n0000000000 65535 f \n");
  for (guint i = 0; i < 5; i++)
    g_string_append_printf (out, "%010zu 00000 n \n", offsets[i]);
  g_string_append_printf (out, "trailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n%zu\n%%%%EOF\n", table);
}

static void
make_csv (const FmSampleMail *mail, GString *out)
{
  static const char *const months[] = { "January", "February", "March", "April", "May", "June" };

  g_string_append (out, "month,members,visitors,fees,repairs\n");
  for (guint i = 0; i < G_N_ELEMENTS (months); i++)
    g_string_append_printf (out, "%s,%u,%u,%u.00,%u.%02u\n", months[i], 41 + i, 120 + (mail->number * 7 + i * 31) % 90, 410 + i * 10,
                            (mail->number * 13 + i * 57) % 300, i * 17 % 100);
}

/* RFC 5545; an hour and a half, nine days from now. */
static void
make_ics (const FmSampleMail *mail, GString *out)
{
  g_autoptr (GDateTime) sent = g_date_time_new_from_unix_utc (mail->date_utc);
  g_autoptr (GDateTime) day = g_date_time_add_days (sent, 9);
  g_autoptr (GDateTime) from
      = g_date_time_new_utc (g_date_time_get_year (day), g_date_time_get_month (day), g_date_time_get_day_of_month (day), 17, 30, 0);
  g_autofree char *stamp = g_date_time_format (sent, "%Y%m%dT%H%M%SZ"), *start = g_date_time_format (from, "%Y%m%dT%H%M%SZ");
  g_autofree char *date = g_date_time_format (from, "%Y%m%d");

  g_string_append_printf (out,
                          "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Harbour Choir//Calendar//EN\r\nMETHOD:REQUEST\r\n"
                          "BEGIN:VEVENT\r\nUID:%u-rehearsal@choir.example.org\r\nDTSTAMP:%s\r\nDTSTART:%s\r\nDTEND:%sT190000Z\r\n"
                          "SUMMARY:%s\r\nLOCATION:Old Customs House\\, upstairs\r\n"
                          "ORGANIZER;CN=Lotte Brandt:mailto:lotte@choir.example.org\r\n"
                          "ATTENDEE;CN=Ada Example;RSVP=TRUE;PARTSTAT=NEEDS-ACTION:mailto:ada@example.org\r\n"
                          "SEQUENCE:0\r\nSTATUS:CONFIRMED\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
                          mail->number, stamp, start, date, mail->subject);
}

static void
make_text (const FmSampleMail *mail, GString *out)
{
  g_string_append_printf (out,
                          "%s\n\n"
                          "- keys are under the blue pot, not the green one\n"
                          "- the kettle wants patience, the toaster wants none\n"
                          "- bins go out on Tuesday evening\n"
                          "- if the tide bell rings twice, move the bicycles\n",
                          mail->subject);
}

GByteArray *
fm_sample_file_make (const FmSampleMail *mail, const char *name, const char **ret_type)
{
  static const struct {
    const char *suffix, *type;
    void (*make) (const FmSampleMail *mail, GString *out);
  } kinds[] = {
    { ".pdf", "application/pdf", make_pdf },
    { ".csv", "text/csv; charset=utf-8", make_csv },
    { ".ics", "text/calendar; charset=utf-8; method=REQUEST", make_ics },
    { ".txt", "text/plain; charset=utf-8", make_text },
  };
  g_autoptr (GString) text = g_string_new (NULL);

  *ret_type = "image/png";
  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    if (g_str_has_suffix (name, kinds[i].suffix))
      {
        GByteArray *bytes = g_byte_array_new ();
        kinds[i].make (mail, text);
        *ret_type = kinds[i].type;
        return g_byte_array_append (bytes, (const guint8 *) text->str, (guint) text->len);
      }
  return make_png (mail->number * 11 + g_str_hash (name) % 100);
}

/* Labels lie: mail says us-ascii and holds UTF-8, says iso-8859-1 and means windows-1252, says gb2312 and uses its supersets. So each label is
 * widened to the superset that its users' programs really wrote, and the bytes are believed over the label where they are well-formed
 * UTF-8, which no other charset's text is by chance. */
#include "mail/charset.h"
#include "fulmar/base/text.h"
#include "mail/words.h"
#include <errno.h>
#include <string.h>

enum { MAX_HEADER_VALUE_BYTES = 64 * 1024 };

static const char replacement[] = "\xef\xbf\xbd";

/* Labels whose everyday meaning is wider than their standard, or that iconv knows by another name. Upper case for g_ascii_strcasecmp only. */
static const struct {
  const char *label;
  const char *iconv_name;
} widened[] = {
  { "iso-8859-1", "WINDOWS-1252" },
  { "iso8859-1", "WINDOWS-1252" },
  { "iso_8859-1", "WINDOWS-1252" },
  { "latin1", "WINDOWS-1252" },
  { "l1", "WINDOWS-1252" },
  { "gb2312", "GB18030" },
  { "gb_2312-80", "GB18030" },
  { "x-gbk", "GB18030" },
  { "gbk", "GB18030" },
  { "hz-gb-2312", "GB18030" },
  { "ks_c_5601-1987", "CP949" },
  { "ks_c_5601-1989", "CP949" },
  { "ksc5601", "CP949" },
  { "ks_c_5601", "CP949" },
  { "euc-kr", "CP949" },
  { "x-windows-949", "CP949" },
  { "shift_jis", "CP932" },
  { "shift-jis", "CP932" },
  { "x-sjis", "CP932" },
  { "sjis", "CP932" },
  { "windows-31j", "CP932" },
  { "big5", "BIG5-HKSCS" },
  { "x-x-big5", "BIG5-HKSCS" },
  { "iso-8859-8-i", "ISO-8859-8" },
  { "iso-8859-8-e", "ISO-8859-8" },
  { "iso-8859-6-i", "ISO-8859-6" },
  { "iso-8859-9", "WINDOWS-1254" },
  { "iso-8859-11", "CP874" },
  { "tis-620", "CP874" },
  { "windows-874", "CP874" },
  { "iso-2022-jp", "ISO-2022-JP-3" },
  { "csiso2022jp", "ISO-2022-JP-3" },
  { "cp-850", "CP850" },
  { "x-cp1250", "CP1250" },
  { "x-cp1251", "CP1251" },
  { "x-cp1252", "CP1252" },
  { "x-mac-roman", "MACINTOSH" },
  { "x-mac-cyrillic", "MAC-CYRILLIC" },
  { "unicode-1-1-utf-7", "UTF-7" },
  { "x-mac-ce", "MAC-CENTRALEUROPE" },
};

static gboolean
is_unlabelled (const char *label)
{
  static const char *const vague[] = { "us-ascii", "ascii",          "ansi_x3.4-1968",  "x-unknown", "unknown-8bit", "unknown", "default",
                                       "iso-8859", "x-user-defined", "_autodetect_all", NULL };

  if (label == NULL || label[0] == '\0')
    return TRUE;
  for (gsize i = 0; vague[i] != NULL; i++)
    if (g_ascii_strcasecmp (label, vague[i]) == 0)
      return TRUE;
  return FALSE;
}

static const char *
iconv_name (const char *label)
{
  for (gsize i = 0; i < G_N_ELEMENTS (widened); i++)
    if (g_ascii_strcasecmp (label, widened[i].label) == 0)
      return widened[i].iconv_name;
  return label;
}

static gboolean
is_ascii (const char *bytes, gsize size)
{
  for (gsize i = 0; i < size; i++)
    if ((guchar) bytes[i] >= 0x80)
      return FALSE;
  return TRUE;
}

/* How far the bytes are UTF-8: well-formed multi-byte sequences against bytes that belong to none. */
static void
weigh_utf8 (const char *bytes, gsize size, gsize *ret_good, gsize *ret_bad)
{
  const char *at = bytes, *end = bytes + size, *valid_end = NULL;
  gsize good = 0, bad = 0;

  while (at < end)
    {
      /* g_utf8_validate stops at NUL too, which is one byte like any ASCII here. */
      gboolean whole = g_utf8_validate (at, end - at, &valid_end);
      for (const char *p = at; p < valid_end; p++)
        good += ((guchar) *p & 0xc0) == 0xc0;
      if (whole)
        break;
      bad += *valid_end != '\0';
      at = valid_end + 1;
    }
  *ret_good = good;
  *ret_bad = bad;
}

/* Copies UTF-8, bytes that are none and NUL becoming U+FFFD. */
static char *
repair_utf8 (const char *bytes, gsize size, gsize *ret_size)
{
  GString *out = g_string_sized_new (size + 16);
  const char *at = bytes, *end = bytes + size, *valid_end = NULL;

  while (at < end)
    {
      gboolean whole = g_utf8_validate (at, end - at, &valid_end);
      g_string_append_len (out, at, valid_end - at);
      if (whole)
        break;
      g_string_append_len (out, replacement, 3);
      at = valid_end + 1;
    }
  *ret_size = out->len;
  return g_string_free (out, FALSE);
}

/* NULL if iconv has no such charset. */
static char *
convert (const char *bytes, gsize size, const char *from, gsize *ret_size, gsize *ret_bad)
{
  GIConv converter = g_iconv_open ("UTF-8", from);
  if (converter == (GIConv) -1)
    return NULL;

  GString *out = g_string_sized_new (size + size / 2 + 16);
  char *in = (char *) bytes;
  gsize left = size, bad = 0;
  char buffer[4096];
  while (left > 0)
    {
      char *to = buffer;
      gsize room = sizeof buffer;
      gsize status = g_iconv (converter, &in, &left, &to, &room);
      int saved_errno = errno;
      g_string_append_len (out, buffer, to - buffer);
      if (status == (gsize) -1 && saved_errno != E2BIG && left > 0)
        {
          g_string_append_len (out, replacement, 3);
          bad++, in++, left--;
        }
    }
  char *to = buffer;
  gsize room = sizeof buffer;
  if (g_iconv (converter, NULL, NULL, &to, &room) != (gsize) -1)
    g_string_append_len (out, buffer, to - buffer);
  g_iconv_close (converter);
  *ret_bad = bad;
  gsize out_size = out->len;
  char *text = g_string_free (out, FALSE);
  if (memchr (text, '\0', out_size) == NULL && g_utf8_validate (text, out_size, NULL))
    {
      *ret_size = out_size;
      return text;
    }
  char *repaired = repair_utf8 (text, out_size, ret_size);
  g_free (text);
  return repaired;
}

/* Nothing to go by but the bytes. */
static char *
guess (const char *bytes, gsize size, gsize good, gsize bad, gsize *ret_size)
{
  gsize unused = 0;

  if (bad <= good / 4)
    return repair_utf8 (bytes, size, ret_size);
  char *text = convert (bytes, size, "WINDOWS-1252", ret_size, &unused);
  return text != NULL ? text : repair_utf8 (bytes, size, ret_size);
}

char *
fm_charset_to_utf8 (const char *bytes, gsize size_bytes, const char *label, gsize *ret_size)
{
  gsize good = 0, bad = 0, unconverted = 0;
  gboolean escapes = g_strstr_len (bytes, size_bytes, "\x1b$") != NULL || g_strstr_len (bytes, size_bytes, "\x1b(") != NULL;
  gboolean vague = is_unlabelled (label) || g_ascii_strcasecmp (label, "utf-8") == 0 || g_ascii_strcasecmp (label, "utf8") == 0;

  if (vague && !escapes && is_ascii (bytes, size_bytes))
    return repair_utf8 (bytes, size_bytes, ret_size);
  weigh_utf8 (bytes, size_bytes, &good, &bad);
  if (vague)
    {
      if (escapes && good == 0 && bad == 0)
        {
          char *text = convert (bytes, size_bytes, "ISO-2022-JP-3", ret_size, &unconverted);
          if (text != NULL && unconverted == 0)
            return text;
          g_free (text);
        }
      return guess (bytes, size_bytes, good, bad, ret_size);
    }

  const char *name = iconv_name (label);
  if (good > 0 && bad == 0 && strcmp (name, "WINDOWS-1252") == 0)
    return repair_utf8 (bytes, size_bytes, ret_size);
  char *text = convert (bytes, size_bytes, name, ret_size, &unconverted);
  if (text == NULL)
    return guess (bytes, size_bytes, good, bad, ret_size);
  if (unconverted > 0 && good > 0 && bad == 0)
    {
      g_free (text);
      return repair_utf8 (bytes, size_bytes, ret_size);
    }
  return text;
}

char *
fm_charset_line (const char *text, gssize size_bytes)
{
  gsize size = size_bytes < 0 ? strlen (text) : (gsize) size_bytes;
  guchar previous = ' ';

  for (; size > 0 && *text == ' '; size--) /* as there is one behind each field's colon */
    text++;
  for (gsize i = 0; i < size; i++)
    {
      guchar c = text[i];
      if (c < 0x20 || c >= 0x7f || (c == ' ' && previous == ' '))
        {
          g_autofree char *line = fm_text_sanitise_line (text, size);
          return g_strdup (g_strstrip (line));
        }
      previous = c;
    }
  return g_strndup (text, previous == ' ' && size > 0 ? size - 1 : size);
}

static gboolean
makes_words (gunichar c)
{
  return c == 0x200c || c == 0x200d || (c >= 0xfe00 && c <= 0xfe0f) || (c >= 0xe0020 && c <= 0xe007f);
}

char *
fm_charset_line_to_send (const char *text, gssize size_bytes)
{
  g_autofree char *valid = g_utf8_make_valid (text, size_bytes);
  g_autoptr (GString) out = g_string_new (NULL);
  const char *start = valid;

  for (const char *p = valid;; p = g_utf8_next_char (p))
    {
      gunichar c = g_utf8_get_char (p);
      if (c != '\0' && !makes_words (c))
        continue;
      g_autofree char *piece = fm_text_sanitise_line (start, p - start);
      g_string_append (out, piece);
      if (c == '\0')
        break;
      g_string_append_unichar (out, c);
      start = g_utf8_next_char (p);
    }
  return g_strdup (g_strstrip (out->str));
}

char *
fm_charset_header_line (const char *value, gssize size_bytes, const char *charset_hint)
{
  gsize size = MIN (size_bytes < 0 ? strlen (value) : (gsize) size_bytes, MAX_HEADER_VALUE_BYTES);

  if (is_ascii (value, size) && memmem (value, size, "=?", 2) == NULL)
    return fm_charset_line (value, size);
  g_autofree char *decoded = fm_words_decode (value, size, charset_hint);
  return fm_charset_line (decoded, -1);
}

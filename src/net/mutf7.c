/* Printable ASCII stands for itself, "&" is "&-", and everything else is UTF-16BE in base64 with "," for "/" between "&" and "-". A decoder that
 * accepted sloppy forms could not give the server its own name back, so only what encodes to the very same bytes is accepted. */
#include "mutf7.h"
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

static gboolean
is_direct (gunichar c)
{
  return c >= 0x20 && c <= 0x7e;
}

static void
append_base64 (GString *out, const guint8 *bytes, gsize n)
{
  guint bits = 0, n_bits = 0;

  g_string_append_c (out, '&');
  for (gsize i = 0; i < n; i++)
    {
      bits = (bits << 8 | bytes[i]) & 0xffffff;
      for (n_bits += 8; n_bits >= 6; n_bits -= 6)
        g_string_append_c (out, alphabet[bits >> (n_bits - 6) & 63]);
    }
  if (n_bits > 0)
    g_string_append_c (out, alphabet[bits << (6 - n_bits) & 63]);
  g_string_append_c (out, '-');
}

char *
fm_mutf7_encode (const char *utf8)
{
  GString *out = g_string_new (NULL);
  g_autoptr (GByteArray) pending = g_byte_array_new (); /* UTF-16BE not yet written */

  for (const char *p = utf8;; p = g_utf8_next_char (p))
    {
      gunichar c = g_utf8_get_char (p);
      if (c == 0 || is_direct (c))
        {
          if (pending->len > 0)
            append_base64 (out, pending->data, pending->len);
          g_byte_array_set_size (pending, 0);
          if (c == 0)
            return g_string_free (out, FALSE);
          g_string_append (out, c == '&' ? "&-" : (char[]){ c, 0 });
          continue;
        }
      guint32 units[2] = { c, 0 };
      guint n_units = 1;
      if (c > 0xffff)
        {
          units[0] = 0xd800 | (c - 0x10000) >> 10;
          units[1] = 0xdc00 | ((c - 0x10000) & 0x3ff);
          n_units = 2;
        }
      for (guint i = 0; i < n_units; i++)
        g_byte_array_append (pending, (guint8[]){ units[i] >> 8, units[i] & 0xff }, 2);
    }
}

/* Decodes from after "&" up to "-". Returns what follows the "-", or NULL. */
static const char *
take_base64 (const char *p, GString *out)
{
  guint32 bits = 0, high = 0;
  guint n_bits = 0;

  for (; *p != '-'; p++)
    {
      const char *digit = *p != '\0' ? strchr (alphabet, *p) : NULL;
      if (digit == NULL)
        return NULL;
      bits = bits << 6 | (guint32) (digit - alphabet);
      n_bits += 6;
      if (n_bits < 16)
        continue;
      n_bits -= 16;
      guint32 unit = bits >> n_bits & 0xffff;
      bits &= (1u << n_bits) - 1;
      if (high != 0)
        {
          if (unit < 0xdc00 || unit > 0xdfff)
            return NULL;
          g_string_append_unichar (out, 0x10000 + ((high & 0x3ff) << 10 | (unit & 0x3ff)));
          high = 0;
        }
      else if (unit >= 0xd800 && unit <= 0xdbff)
        high = unit;
      else if (unit >= 0xdc00 && unit <= 0xdfff)
        return NULL;
      else
        g_string_append_unichar (out, unit);
    }
  return high == 0 ? p + 1 : NULL;
}

static gboolean
has_controls (const char *utf8)
{
  for (const char *p = utf8; *p != '\0'; p = g_utf8_next_char (p))
    if (g_unichar_iscntrl (g_utf8_get_char (p)))
      return TRUE;
  return FALSE;
}

char *
fm_mutf7_decode (const char *wire)
{
  g_autoptr (GString) out = g_string_new (NULL);

  for (const char *p = wire; *p != '\0';)
    {
      if (!is_direct ((guchar) *p))
        return NULL;
      if (*p != '&')
        g_string_append_c (out, *p++);
      else if (p[1] == '-')
        {
          g_string_append_c (out, '&');
          p += 2;
        }
      else if ((p = take_base64 (p + 1, out)) == NULL)
        return NULL;
    }
  /* A unit of zero would have cut the text short: len tells. */
  if (strlen (out->str) != out->len || has_controls (out->str))
    return NULL;
  g_autofree char *again = fm_mutf7_encode (out->str);
  return strcmp (again, wire) == 0 ? g_string_free (g_steal_pointer (&out), FALSE) : NULL;
}

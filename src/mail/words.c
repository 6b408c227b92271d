/* Mailers split long text into encoded words wherever they like: in the middle of a character, each word with its own base64 padding, with
 * blanks inside. So each word is decoded to bytes by itself, the bytes of neighbours in one charset are joined, and only then is the charset
 * decoded. (GMime joins the encoded forms instead, and loses everything after the first padding.) */
#include "mail/words.h"
#include "mail/charset.h"
#include <string.h>

typedef struct {
  const char *charset;
  gsize charset_size;
  char encoding; /* 'b' or 'q' */
  const char *payload;
  gsize payload_size;
  const char *next; /* behind the word */
} Word;

/* What is being read. NO_CLOSE remembers that no "?=" follows, so that hostile text with many openings is searched once. */
typedef struct {
  const char *at, *end;
  gboolean no_close;
} Scanner;

/* Is there a word at AT (which holds "=?")? */
static gboolean
read_word (Scanner *scanner, const char *at, Word *word)
{
  const char *end = scanner->end, *p = at + 2;

  word->charset = p;
  while (p < end && p - at < 60 && (g_ascii_isalnum (*p) || strchr ("-_.:+()*", *p) != NULL) && *p != '\0')
    p++;
  if (p == word->charset || end - p < 4 || p[0] != '?' || p[2] != '?')
    return FALSE;
  word->charset_size = p - word->charset;
  const char *language = memchr (word->charset, '*', word->charset_size); /* RFC 2231 section 5 */
  if (language != NULL)
    word->charset_size = language - word->charset;
  word->encoding = g_ascii_tolower (p[1]);
  if (word->encoding != 'b' && word->encoding != 'q')
    return FALSE;
  word->payload = p + 3;
  const char *close = scanner->no_close ? NULL : g_strstr_len (word->payload, end - word->payload, "?=");
  if (close == NULL)
    {
      scanner->no_close = TRUE;
      return FALSE;
    }
  word->payload_size = close - word->payload;
  word->next = close + 2;
  return TRUE;
}

static void
append_q (GByteArray *bytes, const char *text, gsize size)
{
  for (gsize i = 0; i < size; i++)
    {
      guint8 c = text[i] == '_' ? ' ' : text[i];
      if (c == '=' && i + 2 < size && g_ascii_isxdigit (text[i + 1]) && g_ascii_isxdigit (text[i + 2]))
        {
          c = g_ascii_xdigit_value (text[i + 1]) << 4 | g_ascii_xdigit_value (text[i + 2]);
          i += 2;
        }
      g_byte_array_append (bytes, &c, 1);
    }
}

static void
append_b (GByteArray *bytes, const char *text, gsize size)
{
  gint state = 0;
  guint save = 0;
  g_autofree guchar *out = g_malloc (size / 4 * 3 + 6);
  gsize n = g_base64_decode_step (text, size, out, &state, &save);

  /* Unpadded words lose their last bytes in a strict decoder: finish them. */
  if (state > 0 && size > 0 && text[size - 1] != '=')
    n += g_base64_decode_step ("===", 3, out + n, &state, &save);
  g_byte_array_append (bytes, out, n);
}

/* What the run of words collected so far means, moved to OUT. */
static void
flush_bytes (GByteArray *bytes, const char *charset, gsize charset_size, GString *out)
{
  gsize size = 0;
  g_autofree char *label = g_strndup (charset, charset_size);

  if (bytes->len > 0)
    {
      g_autofree char *text = fm_charset_to_utf8 ((const char *) bytes->data, bytes->len, label, &size);
      g_string_append_len (out, text, size);
    }
  g_byte_array_set_size (bytes, 0);
}

static gsize
blank_size (const char *at, const char *end)
{
  const char *p = at;

  while (p < end && (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n'))
    p++;
  return p - at;
}

/* Reads the run of words that WORD begins; blanks between words are not text (RFC 2047 section 6.2). Leaves the scanner behind the run. */
static char *
decode_run (Scanner *scanner, Word word)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  GString *out = g_string_new (NULL);

  for (;;)
    {
      if (word.encoding == 'b')
        append_b (bytes, word.payload, word.payload_size);
      else
        append_q (bytes, word.payload, word.payload_size);
      scanner->at = word.next;

      Word following;
      const char *next = word.next + blank_size (word.next, scanner->end);
      gboolean more = scanner->end - next > 6 && next[0] == '=' && next[1] == '?' && read_word (scanner, next, &following);
      gboolean same = more && following.charset_size == word.charset_size
                      && g_ascii_strncasecmp (following.charset, word.charset, word.charset_size) == 0;
      if (!same)
        flush_bytes (bytes, word.charset, word.charset_size, out);
      if (!more)
        return g_string_free (out, FALSE);
      word = following;
    }
}

typedef void (*AppendRun) (GString *out, const char *text);

static void
append_decoded (GString *out, const char *text)
{
  g_string_append (out, text);
}

static void
append_encoded (GString *out, const char *text)
{
  g_autofree char *base64 = g_base64_encode ((const guchar *) text, strlen (text));

  g_string_append_printf (out, "=?utf-8?B?%s?=", base64);
}

static void
append_raw (GString *out, const char *text, gsize size, const char *charset_hint)
{
  gsize converted_size = 0;
  g_autofree char *converted = g_utf8_validate (text, size, NULL) ? NULL : fm_charset_to_utf8 (text, size, charset_hint, &converted_size);

  if (converted != NULL)
    g_string_append_len (out, converted, converted_size);
  else
    g_string_append_len (out, text, size);
}

static char *
rewrite (const char *text, gsize size, const char *charset_hint, AppendRun append_run)
{
  Scanner scanner = { text, text + size, FALSE };
  GString *out = g_string_sized_new (size);
  Word word;

  while (scanner.at < scanner.end)
    {
      const char *mark = g_strstr_len (scanner.at, scanner.end - scanner.at, "=?");
      while (mark != NULL && !read_word (&scanner, mark, &word))
        mark = g_strstr_len (mark + 2, scanner.end - mark - 2, "=?");
      const char *plain_end = mark != NULL ? mark : scanner.end;
      append_raw (out, scanner.at, plain_end - scanner.at, charset_hint);
      scanner.at = plain_end;
      if (mark != NULL)
        {
          g_autofree char *run = decode_run (&scanner, word);
          append_run (out, run);
        }
    }
  return g_string_free (out, FALSE);
}

char *
fm_words_decode (const char *text, gsize size_bytes, const char *charset_hint)
{
  return rewrite (text, size_bytes, charset_hint, append_decoded);
}

char *
fm_words_merge (const char *text, gsize size_bytes)
{
  return rewrite (text, size_bytes, NULL, append_encoded);
}

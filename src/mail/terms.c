/* A scanner that yields one word after the other from a stretch of text, without allocating, and the Shift-And matcher over it: bit N of the
 * state says that the first N + 1 words looked for have just been seen side by side. */
#include "fulmar/mail/terms.h"
#include "mail/stem.h"
#include <string.h>

enum { MAX_TERM_BYTES = 64, MAX_TERMS = 64, MAX_SUFFIX = 3 };
#define IGNORED G_MAXUINT32 /* an invisible character that joins */

struct FmTerms {
  GPtrArray *words; /* char* */
  gboolean prefix;
  char *stem; /* or NULL: the one word is looked for as it is */
};

typedef struct {
  const char *at, *end;
  char term[MAX_TERM_BYTES + 8];
  gsize size; /* may run past MAX_TERM_BYTES: then it is no word */
} Scan;

/* The character at P and where the next begins; a byte that is no UTF-8 stands for itself. */
static inline gunichar
decode (const char *p, const char *end, const char **ret_next)
{
  if ((guchar) *p < 0x80)
    {
      *ret_next = p + 1;
      return (guchar) *p;
    }
  gunichar c = g_utf8_get_char_validated (p, end - p);
  if (c >= 0x110000)
    {
      *ret_next = p + 1;
      return (guchar) *p;
    }
  *ret_next = g_utf8_next_char (p);
  return c;
}

static inline gunichar
peek (const char *p, const char *end)
{
  const char *next;

  return p < end ? decode (p, end, &next) : 0;
}

static gboolean
is_wide_word_char (gunichar c)
{
  switch (g_unichar_type (c))
    {
    case G_UNICODE_UPPERCASE_LETTER:
    case G_UNICODE_LOWERCASE_LETTER:
    case G_UNICODE_TITLECASE_LETTER:
    case G_UNICODE_MODIFIER_LETTER:
    case G_UNICODE_OTHER_LETTER:
    case G_UNICODE_NON_SPACING_MARK:
    case G_UNICODE_ENCLOSING_MARK:
    case G_UNICODE_SPACING_MARK:
    case G_UNICODE_DECIMAL_NUMBER:
    case G_UNICODE_LETTER_NUMBER:
    case G_UNICODE_OTHER_NUMBER:
    case G_UNICODE_CONNECT_PUNCTUATION:
      return TRUE;
    default:
      return FALSE;
    }
}

/* The character as it stands in a word, or 0. */
static inline gunichar
word_char (gunichar c)
{
  if (c < 0x80)
    return g_ascii_isalnum (c) || c == '_' ? (gunichar) g_ascii_tolower ((char) c) : 0;
  return is_wide_word_char (c) ? g_unichar_tolower (c) : 0;
}

static inline gboolean
is_ideograph (gunichar c)
{
  if (c < 0x2e80)
    return FALSE;
  return c <= 0x2eff || (c >= 0x3000 && c <= 0x9fff) || (c >= 0xa700 && c <= 0xa71f) || (c >= 0xac00 && c <= 0xd7af)
         || (c >= 0xf900 && c <= 0xfaff) || (c >= 0xfe30 && c <= 0xfe4f) || (c >= 0xff00 && c <= 0xffef) || (c >= 0x20000 && c <= 0x2a6df)
         || (c >= 0x2f800 && c <= 0x2fa1f);
}

static gunichar
between_letters (gunichar c)
{
  if (c == '\'' || c == '&' || c == 0xb7 || c == 0x5f4 || c == 0x2027)
    return c;
  return c == 0x2019 || c == 0x201b ? '\'' : 0;
}

static gunichar
between_digits (gunichar c)
{
  static const gunichar joins[] = { ',', '.', ';', 0x37e, 0x589, 0x60d, 0x7f8, 0x2044, 0xfe10, 0xfe13, 0xfe14 };

  for (gsize i = 0; i < G_N_ELEMENTS (joins); i++)
    if (joins[i] == c)
      return c;
  return 0;
}

static gunichar
joining (gunichar c, gboolean digits)
{
  if ((c >= 0x200b && c <= 0x200d) || c == 0x2060 || c == 0xfeff)
    return IGNORED;
  return digits ? between_digits (c) : between_letters (c);
}

static inline void
append (Scan *scan, gunichar c)
{
  if (scan->size > MAX_TERM_BYTES)
    return;
  if (c < 0x80)
    scan->term[scan->size++] = (char) c;
  else
    scan->size += (gsize) g_unichar_to_utf8 (c, scan->term + scan->size);
}

/* "U.S.A.": capitals with points between them, and no word going on behind. */
static gboolean
take_initials (Scan *scan)
{
  const char *p = scan->at;

  scan->size = 0;
  do
    append (scan, (gunichar) g_ascii_tolower (*p++));
  while (p < scan->end && *p == '.' && ++p < scan->end && g_ascii_isupper (*p));
  if (scan->size > 1 && !word_char (peek (p, scan->end)))
    {
      scan->at = p;
      return TRUE;
    }
  scan->size = 0;
  return FALSE;
}

/* The joining character at SCAN's place and a word character behind it: takes both. */
static gboolean
take_joint (Scan *scan, gunichar last)
{
  const char *behind, *next;

  if (scan->at >= scan->end)
    return FALSE;
  gunichar joint = decode (scan->at, scan->end, &behind);
  gunichar c = behind < scan->end ? decode (behind, scan->end, &next) : 0;
  if (!word_char (c))
    return FALSE;
  joint = joining (joint, g_unichar_isdigit (last) && g_unichar_isdigit (c));
  if (joint == 0)
    return FALSE;
  if (joint != IGNORED)
    append (scan, joint);
  scan->at = behind;
  return TRUE;
}

static void
take_suffix (Scan *scan)
{
  gsize without = scan->size;

  for (guint n = 1; scan->at < scan->end && (*scan->at == '+' || *scan->at == '#'); n++)
    {
      if (n > MAX_SUFFIX)
        {
          scan->size = without;
          return;
        }
      append (scan, (gunichar) *scan->at++);
    }
  /* "fish+chips" */
  if (word_char (peek (scan->at, scan->end)))
    scan->size = without;
}

static void
take_letters (Scan *scan)
{
  for (;;)
    {
      gunichar last = 0;
      while (scan->at < scan->end)
        {
          const char *next;
          gunichar c = decode (scan->at, scan->end, &next);
          gunichar folded = word_char (c);
          if (last != 0 && is_ideograph (c))
            return;
          if (folded == 0)
            break;
          append (scan, folded);
          last = folded;
          scan->at = next;
        }
      if (!take_joint (scan, last))
        break;
    }
  take_suffix (scan);
}

/* The next word into scan->term, NUL-terminated. */
static gboolean
next_term (Scan *scan)
{
  while (scan->at < scan->end)
    {
      const char *next;
      gunichar c = decode (scan->at, scan->end, &next);
      if (!word_char (c))
        {
          scan->at = next;
          continue;
        }
      scan->size = 0;
      if (is_ideograph (c))
        {
          append (scan, c);
          scan->at = next;
        }
      else if (!(g_ascii_isupper ((char) MIN (c, 127)) && take_initials (scan)))
        {
          take_letters (scan);
        }
      if (scan->size > MAX_TERM_BYTES)
        continue;
      scan->term[scan->size] = '\0';
      return TRUE;
    }
  return FALSE;
}

static Scan
scan_of (const char *text, gsize size)
{
  return (Scan){ .at = text, .end = text + size };
}

void
fm_terms_each (const char *text, FmTermsVisit visit, gpointer data)
{
  Scan scan = scan_of (text, strlen (text));

  while (next_term (&scan))
    visit (scan.term, data);
}

/* As the index's own parser decides: a word that begins with a small letter, and nothing behind it that asks for the word itself. */
static gboolean
may_be_stemmed (const char *text, const char *behind)
{
  while (*text != '\0' && !word_char (g_utf8_get_char (text)))
    text = g_utf8_next_char (text);
  switch (g_unichar_type (g_utf8_get_char (text)))
    {
    case G_UNICODE_LOWERCASE_LETTER:
    case G_UNICODE_TITLECASE_LETTER:
    case G_UNICODE_MODIFIER_LETTER:
    case G_UNICODE_OTHER_LETTER:
      return *behind == '\0' || strchr ("(/\\@<>=*[{\"", *behind) == NULL;
    default:
      return FALSE;
    }
}

FmTerms *
fm_terms_new (const char *text, FmTermsHow how)
{
  FmTerms *terms = g_new0 (FmTerms, 1);
  g_autofree char *valid = g_utf8_make_valid (text, -1);
  Scan scan = scan_of (valid, strlen (valid));
  const char *behind = scan.end;
  char stem[FM_STEM_MAX_BYTES + 2];

  terms->words = g_ptr_array_new_with_free_func (g_free);
  while (terms->words->len < MAX_TERMS && next_term (&scan))
    {
      g_ptr_array_add (terms->words, g_strdup (scan.term));
      behind = scan.at;
    }
  terms->prefix = (how & FM_TERMS_PREFIX) != 0;
  if ((how & FM_TERMS_STEM) != 0 && !terms->prefix && terms->words->len == 1 && may_be_stemmed (valid, behind))
    {
      const char *word = terms->words->pdata[0];
      fm_stem_english (word, strlen (word), stem);
      terms->stem = g_strdup (stem);
    }
  return terms;
}

void
fm_terms_free (FmTerms *terms)
{
  if (terms == NULL)
    return;
  g_ptr_array_unref (terms->words);
  g_free (terms->stem);
  g_free (terms);
}

static gboolean
has_stem (const FmTerms *terms, const Scan *scan)
{
  char stem[FM_STEM_MAX_BYTES + 2];

  /* No stem changes the first letter of its word. */
  if (scan->term[0] != terms->stem[0])
    return FALSE;
  fm_stem_english (scan->term, scan->size, stem);
  return strcmp (stem, terms->stem) == 0;
}

static gboolean
is_term (const FmTerms *terms, guint at, const Scan *scan)
{
  const char *word = terms->words->pdata[at];

  if (terms->prefix && at + 1 == terms->words->len)
    return g_str_has_prefix (scan->term, word);
  return strcmp (scan->term, word) == 0;
}

static gboolean
match (const FmTerms *terms, const char *text, gsize size)
{
  Scan scan = scan_of (text, size);
  guint64 seen = 0, whole = G_GUINT64_CONSTANT (1) << (terms->words->len - 1);

  while (next_term (&scan))
    {
      if (terms->stem != NULL)
        {
          if (has_stem (terms, &scan))
            return TRUE;
          continue;
        }
      guint64 may_follow = seen << 1 | 1;
      seen = 0;
      for (guint i = 0; i < terms->words->len && may_follow >> i != 0; i++)
        if ((may_follow >> i & 1) && is_term (terms, i, &scan))
          seen |= G_GUINT64_CONSTANT (1) << i;
      if (seen & whole)
        return TRUE;
    }
  return FALSE;
}

gboolean
fm_terms_match (const FmTerms *terms, const char *text)
{
  return text != NULL && terms->words->len > 0 && match (terms, text, strlen (text));
}

/* The end of the address that begins at TEXT: a comma outside quotes, comments are no matter. */
static const char *
address_end (const char *text)
{
  gboolean quoted = FALSE;

  for (; *text != '\0'; text++)
    {
      if (*text == '\\' && quoted && text[1] != '\0')
        text++;
      else if (*text == '"')
        quoted = !quoted;
      else if (*text == ',' && !quoted)
        break;
    }
  return text;
}

gboolean
fm_terms_match_addresses (const FmTerms *terms, const char *text)
{
  if (text == NULL || terms->words->len == 0)
    return FALSE;
  if (terms->words->len == 1)
    return match (terms, text, strlen (text));
  for (const char *end; *text != '\0'; text = *end == '\0' ? end : end + 1)
    {
      end = address_end (text);
      if (match (terms, text, (gsize) (end - text)))
        return TRUE;
    }
  return FALSE;
}

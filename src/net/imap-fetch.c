/* The FETCH responses that come by the hundred thousand, read where they stand: the items that this program itself asks for of a folder's
 * messages, in any order, each at most once, written as RFC 3501 and 7162 write them and servers do. Nothing is copied but keywords.
 *
 * It is not lenient: whatever is written otherwise (another item, a blank too many, a header that is no literal, a number or a date out of
 * bounds, a system flag it does not know) makes it refuse the whole response, having done nothing, and the parsers that can cope with such are
 * asked as if this one were not there. So it must never read anything in another way than they do: tests/unit/net/test-etpan.c and
 * tests/fuzz/fuzz-fetch.c compare. */
#include "imap-fetch.h"
#include "imap-effect.h"
#include <string.h>

#define MAX_DIGITS 18 /* the longest that can't pass 2^63 */

typedef struct {
  const char *p, *end;
} Cursor;

static gboolean
take_bytes (Cursor *at, const char *bytes, gsize n)
{
  if ((gsize) (at->end - at->p) < n || memcmp (at->p, bytes, n) != 0)
    return FALSE;
  at->p += n;
  return TRUE;
}
#define TAKE(at, word) take_bytes (at, "" word, sizeof word - 1)

/* Digits alone, no zero before them. */
static gboolean
take_number (Cursor *at, guint64 max, guint64 *ret_number)
{
  const char *start = at->p;
  guint64 n = 0;

  while (at->p < at->end && g_ascii_isdigit (*at->p) && at->p - start <= MAX_DIGITS)
    n = n * 10 + (guint64) (*at->p++ - '0');
  if (at->p == start || at->p - start > MAX_DIGITS || n > max || (*start == '0' && at->p - start > 1))
    return FALSE;
  *ret_number = n;
  return TRUE;
}

/* --- flags --- */

/* Of an atom, but for the three that the other parsers take for the start or end of something else. */
static gboolean
is_keyword_char (char c)
{
  return c > ' ' && c < 0x7f && strchr ("(){%*\"\\][~", c) == NULL;
}

/* Its copy belongs to the fetch; *WORDS is made for the first. */
static gboolean
take_keyword (Cursor *at, FmImapFetch *fetch, GPtrArray **words)
{
  const char *start = at->p;

  while (at->p < at->end && is_keyword_char (*at->p))
    at->p++;
  if (at->p == start)
    return FALSE;
  char *word = g_strndup (start, at->p - start);
  g_ptr_array_add (fetch->keep, word);
  if (*words == NULL)
    *words = g_ptr_array_new ();
  g_ptr_array_add (*words, word);
  return g_ascii_strcasecmp (word, "NIL") != 0;
}

static gboolean
take_flag (Cursor *at, FmImapFetch *fetch, guint *flags, GPtrArray **words)
{
  if (at->p == at->end || *at->p != '\\')
    return take_keyword (at, fetch, words);
  if (TAKE (at, "\\Seen"))
    *flags |= FM_FLAG_SEEN;
  else if (TAKE (at, "\\Answered"))
    *flags |= FM_FLAG_ANSWERED;
  else if (TAKE (at, "\\Flagged"))
    *flags |= FM_FLAG_FLAGGED;
  else if (TAKE (at, "\\Deleted"))
    *flags |= FM_FLAG_DELETED;
  else if (TAKE (at, "\\Draft"))
    *flags |= FM_FLAG_DRAFT;
  else
    return TAKE (at, "\\Recent");
  return TRUE;
}

static gboolean
take_flags (Cursor *at, FmImapFetch *fetch)
{
  g_autoptr (GPtrArray) words = NULL;
  guint flags = 0;

  for (gboolean is_first = TRUE; !TAKE (at, ")"); is_first = FALSE)
    if ((!is_first && !TAKE (at, " ")) || !take_flag (at, fetch, &flags, &words))
      return FALSE;
  if (words != NULL)
    g_ptr_array_add (words, NULL);
  fm_imap_effect_fetch_flags (fetch, flags, words);
  return TRUE;
}

/* --- INTERNALDATE --- */

/* N digits at P, or -1. */
static int
digits (const char *p, guint n)
{
  int value = 0;

  for (guint i = 0; i < n; i++)
    {
      if (!g_ascii_isdigit (p[i]))
        return -1;
      value = value * 10 + (p[i] - '0');
    }
  return value;
}

/* 1 to 12; 0: none. */
static guint
month_of (const char *p)
{
  static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

  for (guint i = 0; i < 12; i++)
    if (memcmp (names + 3 * i, p, 3) == 0)
      return i + 1;
  return 0;
}

/* Days since 1970, of a day in the Gregorian calendar. */
static gint64
days_before (int year, guint month, int day)
{
  static const guint16 before[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 };
  int leaps = (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400 - (1969 / 4 - 1969 / 100 + 1969 / 400);

  return (gint64) (year - 1970) * 365 + leaps + before[month - 1] + (month > 2 && g_date_is_leap_year ((GDateYear) year)) + day - 1;
}

/* "17-Jul-1996 02:44:25 -0700", the day padded by a blank; always as wide as that. */
static gboolean
take_date (Cursor *at, FmImapMessage *message)
{
  static const char shape[] = "dd-Mmm-yyyy hh:mm:ss +zzzz\"";
  const char *p = at->p;

  if ((gsize) (at->end - p) < sizeof shape - 1 || p[2] != '-' || p[6] != '-' || p[11] != ' ' || p[14] != ':' || p[17] != ':' || p[20] != ' '
      || (p[21] != '+' && p[21] != '-') || p[26] != '"')
    return FALSE;
  int day = p[0] == ' ' ? digits (p + 1, 1) : digits (p, 2), year = digits (p + 7, 4);
  int hour = digits (p + 12, 2), minute = digits (p + 15, 2), second = digits (p + 18, 2), zone = digits (p + 22, 4);
  guint month = month_of (p + 3);
  if (month == 0 || year < 1970 || day < 1 || day > g_date_get_days_in_month (month, (GDateYear) year) || hour < 0 || hour > 23
      || minute < 0 || minute > 59 || second < 0 || second > 59 || zone < 0 || zone > 2400)
    return FALSE;
  gint64 zone_min = (p[21] == '-' ? -1 : 1) * (zone / 100 * 60 + zone % 100);
  message->date_utc = ((days_before (year, month, day) * 24 + hour) * 60 + minute - zone_min) * 60 + second;
  message->has |= FM_IMAP_HAS_DATE;
  at->p += sizeof shape - 1;
  return TRUE;
}

/* --- the header --- */

/* "FROM TO)]": names of letters, digits and dashes, one blank between. */
static gboolean
take_field_names (Cursor *at)
{
  for (;;)
    {
      const char *start = at->p;
      while (at->p < at->end && (g_ascii_isalnum (*at->p) || *at->p == '-'))
        at->p++;
      if (at->p == start)
        return FALSE;
      if (!TAKE (at, " "))
        return TAKE (at, ")]");
    }
}

static gboolean
take_header (Cursor *at, FmImapFetch *fetch)
{
  guint64 size;

  if (!take_field_names (at) || !TAKE (at, " {") || !take_number (at, G_MAXUINT32, &size) || !TAKE (at, "}\r\n")
      || size > (guint64) (at->end - at->p))
    return FALSE;
  fm_imap_effect_fetch_body (fetch, (FmImapText){ at->p, size }, TRUE);
  at->p += size;
  return TRUE;
}

/* --- the response --- */

static gboolean
take_modseq (Cursor *at, FmImapMessage *message)
{
  message->has |= FM_IMAP_HAS_MODSEQ;
  return take_number (at, G_MAXINT64, &message->modseq) && TAKE (at, ")");
}

static gboolean
take_item (Cursor *at, FmImapFetch *fetch)
{
  FmImapMessage *message = &fetch->message;
  guint64 n;

  if (TAKE (at, "UID "))
    {
      if (message->uid != 0 || !take_number (at, G_MAXUINT32, &n) || n == 0)
        return FALSE;
      message->uid = (guint32) n;
      return TRUE;
    }
  if (TAKE (at, "FLAGS ("))
    return !(message->has & FM_IMAP_HAS_FLAGS) && take_flags (at, fetch);
  if (TAKE (at, "MODSEQ ("))
    return !(message->has & FM_IMAP_HAS_MODSEQ) && take_modseq (at, message);
  if (TAKE (at, "INTERNALDATE \""))
    return !(message->has & FM_IMAP_HAS_DATE) && take_date (at, message);
  if (TAKE (at, "RFC822.SIZE "))
    {
      if (message->has & FM_IMAP_HAS_SIZE)
        return FALSE;
      message->has |= FM_IMAP_HAS_SIZE;
      return take_number (at, G_MAXUINT32, &message->size_bytes);
    }
  return TAKE (at, "BODY[HEADER.FIELDS (") && !(message->has & FM_IMAP_HAS_HEADER) && take_header (at, fetch);
}

/* "UID 7 FLAGS ())" and the end. */
static gboolean
take_items (Cursor *at, FmImapFetch *fetch)
{
  do
    if (!take_item (at, fetch))
      return FALSE;
  while (TAKE (at, " "));
  return TAKE (at, ")") && at->p == at->end;
}

gboolean
fm_imap_fetch_take (FmImapState *state, const char *text, gsize length)
{
  Cursor at = { text, text + length };
  FmImapFetch fetch;
  guint64 seq;

  if (!TAKE (&at, "* ") || !take_number (&at, G_MAXUINT32, &seq) || seq == 0 || !TAKE (&at, " FETCH ("))
    return FALSE;
  fm_imap_effect_fetch_init (&fetch, (guint32) seq);
  gboolean is_read = take_items (&at, &fetch);
  if (is_read)
    fm_imap_effect_fetch (state, &fetch, TRUE);
  fm_imap_effect_fetch_clear (&fetch);
  return is_read;
}

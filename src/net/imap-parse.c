/* The parser behind libetpan's: it reads what libetpan has no parser for (ESEARCH, SEARCH with MODSEQ, LIST with extended data, STATUS and FETCH
 * items that are newer than it) and what servers get wrong (bare Gmail labels, impossible dates, a broken ENVELOPE, sizes beyond 32 bits).
 * etpan-parse.c asks it for single items, imap-response.c for whole responses. Small readers over fm_imap_lex: what a reader does not know it
 * skips, what it can't skip costs this one response. */
#include "imap-parse.h"
#include "imap-effect.h"
#include <fulmar/base/error.h>
#include <fulmar/base/log.h>
#include <fulmar/base/text.h>
#include <stdio.h>
#include <string.h>

GArray *
fm_imap_parse_set (const char *text, gsize length)
{
  FmImapLex lex = { text, text + length, NULL };
  g_autoptr (GArray) set = g_array_new (FALSE, FALSE, sizeof (FmImapRange));

  do
    {
      guint64 a, b;
      if (fm_imap_lex_char (&lex, '*'))
        a = G_MAXUINT32;
      else if (!fm_imap_lex_number (&lex, G_MAXUINT32, &a))
        return NULL;
      b = a;
      if (fm_imap_lex_char (&lex, ':')
          && (fm_imap_lex_char (&lex, '*') ? (b = G_MAXUINT32, FALSE) : !fm_imap_lex_number (&lex, G_MAXUINT32, &b)))
        return NULL;
      if (a == 0 || b == 0)
        return NULL;
      g_array_append_val (set, ((FmImapRange){ MIN (a, b), MAX (a, b) }));
    }
  while (fm_imap_lex_char (&lex, ','));
  return lex.p == lex.end ? g_steal_pointer (&set) : NULL;
}

static void
code_permanent_flags (FmImapState *state, FmImapLex *lex)
{
  g_autoptr (GPtrArray) words = g_ptr_array_new ();

  if (fm_imap_lex_list (lex, words))
    fm_imap_effect_permanent_flags (state, words);
}

static GArray *
lex_set (FmImapLex *lex)
{
  FmImapText word;

  fm_imap_lex_blank (lex);
  return fm_imap_lex_word (lex, &word) ? fm_imap_parse_set (word.bytes, word.length) : NULL;
}

/* "VALIDITY UIDS" and "VALIDITY FROM-UIDS TO-UIDS". */
static void
code_uids (FmImapState *state, FmImapLex *lex, gboolean is_copy)
{
  guint64 validity;

  if (!fm_imap_lex_number (lex, G_MAXUINT32, &validity))
    return;
  g_autoptr (GArray) from = is_copy ? lex_set (lex) : NULL;
  g_autoptr (GArray) to = lex_set (lex);
  if (to == NULL || (is_copy && from == NULL))
    return;
  if (is_copy)
    fm_imap_effect_copyuid (state, validity, g_steal_pointer (&from), g_steal_pointer (&to));
  else
    fm_imap_effect_appenduid (state, validity, g_steal_pointer (&to));
}

static void
code_number (FmImapState *state, const char *code, FmImapLex *lex)
{
  guint64 n = 0, max = 0;

  if (strcmp (code, "UIDVALIDITY") == 0 || strcmp (code, "UIDNEXT") == 0)
    max = G_MAXUINT32;
  else if (strcmp (code, "HIGHESTMODSEQ") == 0)
    max = G_MAXINT64;
  if (max == 0 || fm_imap_lex_number (lex, max, &n))
    fm_imap_effect_code (state, code, n);
}

static void
apply_code (FmImapState *state, const char *code, FmImapLex *lex)
{
  fm_imap_lex_blank (lex);
  if (strcmp (code, "CAPABILITY") == 0)
    {
      g_autofree char *words = g_strndup (lex->p, lex->end - lex->p);
      fm_imap_state_set_capabilities (state, words);
    }
  else if (strcmp (code, "PERMANENTFLAGS") == 0)
    code_permanent_flags (state, lex);
  else if (strcmp (code, "COPYUID") == 0 || strcmp (code, "APPENDUID") == 0)
    code_uids (state, lex, *code == 'C');
  else if (strcmp (code, "MODIFIED") == 0)
    {
      GArray *set = lex_set (lex);
      if (set != NULL)
        fm_imap_effect_modified (state, set);
    }
  else
    code_number (state, code, lex);
}

/* Where the bracket opened at TEXT[0] closes; quoted strings and nested brackets (as in flag names) are stepped over. */
static const char *
find_bracket_end (const char *text, const char *end)
{
  gboolean in_quotes = FALSE;
  guint parens = 0;

  for (const char *p = text + 1; p < end; p++)
    {
      if (*p == '\\' && in_quotes && p + 1 < end)
        p++;
      else if (*p == '"')
        in_quotes = !in_quotes;
      else if (!in_quotes && *p == '(')
        parens++;
      else if (!in_quotes && *p == ')' && parens > 0)
        parens--;
      else if (!in_quotes && parens == 0 && *p == ']')
        return p;
    }
  return memchr (text, ']', end - text);
}

void
fm_imap_parse_condition (FmImapState *state, const char *text, gsize length, char **ret_code, char **ret_text)
{
  const char *end = text + length;
  g_autoptr (GPtrArray) keep = g_ptr_array_new_with_free_func (g_free);

  *ret_code = NULL;
  while (text < end && *text == ' ')
    text++;
  if (text < end && *text == '[')
    {
      const char *close = find_bracket_end (text, end);
      if (close != NULL)
        {
          FmImapLex lex = { text + 1, close, keep };
          FmImapText code;
          if (fm_imap_lex_word (&lex, &code))
            {
              *ret_code = g_ascii_strup (code.bytes, code.length);
              apply_code (state, *ret_code, &lex);
            }
          text = close + 1;
        }
    }
  *ret_text = fm_text_sanitise_line (text, end - text);
  g_strstrip (*ret_text);
}

static void
read_condition (FmImapState *state, FmImapText kind, FmImapLex *lex)
{
  g_autofree char *code = NULL;
  g_autofree char *text = NULL;

  fm_imap_parse_condition (state, lex->p, lex->end - lex->p, &code, &text);
  fm_imap_effect_condition (state, fm_imap_lex_keep (lex, kind), code, text);
}

static gboolean
read_list (FmImapState *state, FmImapLex *lex)
{
  g_autoptr (GPtrArray) words = g_ptr_array_new ();
  FmImapText delimiter, wire;

  fm_imap_lex_blank (lex);
  if (!fm_imap_lex_list (lex, words))
    return FALSE;
  fm_imap_lex_blank (lex);
  if (!fm_imap_lex_string (lex, &delimiter))
    return FALSE;
  fm_imap_lex_blank (lex);
  if (!fm_imap_lex_astring (lex, &wire))
    return FALSE;
  fm_imap_effect_box (state, words, delimiter.length == 1 ? delimiter.bytes[0] : 0, fm_imap_lex_keep (lex, wire));
  return TRUE;
}

gboolean
fm_imap_parse_status_item (FmImapLex *lex, FmImapStatus *status)
{
  static const struct {
    const char *name;
    guint has;
    gsize offset;
  } items[] = {
    { "MESSAGES", FM_IMAP_HAS_MESSAGES, offsetof (FmImapStatus, messages) },
    { "UNSEEN", FM_IMAP_HAS_UNSEEN, offsetof (FmImapStatus, unseen) },
    { "UIDNEXT", FM_IMAP_HAS_UIDNEXT, offsetof (FmImapStatus, uidnext) },
    { "UIDVALIDITY", FM_IMAP_HAS_UIDVALIDITY, offsetof (FmImapStatus, uidvalidity) },
  };
  FmImapText word;
  guint64 n;

  if (!fm_imap_lex_word (lex, &word))
    return FALSE;
  fm_imap_lex_blank (lex);
  if (fm_imap_lex_is (word, "HIGHESTMODSEQ"))
    {
      if (!fm_imap_lex_number (lex, G_MAXINT64, &status->highestmodseq))
        return FALSE;
      status->has |= FM_IMAP_HAS_MODSEQ;
      return TRUE;
    }
  for (gsize i = 0; i < G_N_ELEMENTS (items); i++)
    if (fm_imap_lex_is (word, items[i].name))
      {
        if (!fm_imap_lex_number (lex, G_MAXUINT32, &n))
          return FALSE;
        *(guint32 *) ((char *) status + items[i].offset) = n;
        status->has |= items[i].has;
        return TRUE;
      }
  return fm_imap_lex_skip (lex);
}

static gboolean
read_status (FmImapState *state, FmImapLex *lex)
{
  FmImapText wire;
  FmImapStatus status = { NULL };

  fm_imap_lex_blank (lex);
  if (!fm_imap_lex_astring (lex, &wire))
    return FALSE;
  fm_imap_lex_blank (lex);
  if (!fm_imap_lex_char (lex, '('))
    return FALSE;
  for (fm_imap_lex_blank (lex); !fm_imap_lex_char (lex, ')'); fm_imap_lex_blank (lex))
    if (!fm_imap_parse_status_item (lex, &status))
      return FALSE;
  fm_imap_effect_status (state, fm_imap_lex_keep (lex, wire), &status);
  return TRUE;
}

static gboolean
read_search (FmImapState *state, FmImapLex *lex)
{
  g_autoptr (GArray) set = g_array_new (FALSE, FALSE, sizeof (FmImapRange));
  guint64 n, modseq = 0;

  for (fm_imap_lex_blank (lex); lex->p < lex->end && *lex->p != '('; fm_imap_lex_blank (lex))
    {
      if (!fm_imap_lex_number (lex, G_MAXUINT32, &n) || n == 0)
        return FALSE;
      FmImapRange *last = set->len > 0 ? &g_array_index (set, FmImapRange, set->len - 1) : NULL;
      if (last != NULL && last->last + 1 == n)
        last->last = n;
      else
        g_array_append_val (set, ((FmImapRange){ n, n }));
    }
  if (fm_imap_lex_char (lex, '(') && g_ascii_strncasecmp (lex->p, "MODSEQ ", MIN (7, lex->end - lex->p)) == 0 && lex->end - lex->p > 7)
    {
      lex->p += 7;
      fm_imap_lex_number (lex, G_MAXINT64, &modseq);
    }
  fm_imap_effect_search (state, set, modseq);
  return TRUE;
}

static gboolean
read_esearch (FmImapState *state, FmImapLex *lex)
{
  g_autoptr (GArray) set = NULL;
  guint64 modseq = 0;
  FmImapText word;

  fm_imap_lex_blank (lex);
  if (lex->p < lex->end && *lex->p == '(' && !fm_imap_lex_skip (lex))
    return FALSE;
  for (fm_imap_lex_blank (lex); lex->p < lex->end; fm_imap_lex_blank (lex))
    {
      if (!fm_imap_lex_word (lex, &word))
        return FALSE;
      if (fm_imap_lex_is (word, "UID"))
        continue;
      fm_imap_lex_blank (lex);
      if (fm_imap_lex_is (word, "ALL"))
        {
          if (!fm_imap_lex_word (lex, &word) || (set = fm_imap_parse_set (word.bytes, word.length)) == NULL)
            return FALSE;
        }
      else if (fm_imap_lex_is (word, "MODSEQ"))
        {
          if (!fm_imap_lex_number (lex, G_MAXINT64, &modseq))
            return FALSE;
        }
      else if (!fm_imap_lex_skip (lex))
        return FALSE;
    }
  if (set == NULL)
    set = g_array_new (FALSE, FALSE, sizeof (FmImapRange));
  fm_imap_effect_search (state, set, modseq);
  return TRUE;
}

static gboolean
read_vanished (FmImapState *state, FmImapLex *lex)
{
  FmImapText word;
  gboolean earlier = FALSE;

  fm_imap_lex_blank (lex);
  if (fm_imap_lex_char (lex, '('))
    {
      earlier = TRUE;
      fm_imap_lex_word (lex, &word);
      fm_imap_lex_char (lex, ')');
      fm_imap_lex_blank (lex);
    }
  g_autoptr (GArray) set = fm_imap_lex_word (lex, &word) ? fm_imap_parse_set (word.bytes, word.length) : NULL;
  if (set == NULL)
    return FALSE;
  fm_imap_effect_vanished (state, earlier, set);
  return TRUE;
}

/* "17-Jul-1996 02:44:25 -0700", day padded by a blank. */
static gboolean
read_date (FmImapText text, gint64 *ret_utc)
{
  static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
  int day, year, hour, minute, second, zone;
  char month[4], copy[32];

  if (text.bytes == NULL || text.length >= sizeof copy)
    return FALSE;
  memcpy (copy, text.bytes, text.length);
  copy[text.length] = '\0';
  if (sscanf (copy, "%d-%3[A-Za-z]-%4d %2d:%2d:%2d %5d", &day, month, &year, &hour, &minute, &second, &zone) != 7 || strlen (month) != 3)
    return FALSE;
  for (int i = 0; i < 12; i++)
    if (g_ascii_strncasecmp (months + 3 * i, month, 3) == 0)
      {
        g_autoptr (GDateTime) date = g_date_time_new_utc (year, i + 1, day, hour, minute, MIN (second, 59));
        if (date == NULL || ABS (zone) > 2400)
          return FALSE;
        *ret_utc = g_date_time_to_unix (date) - (zone / 100 * 60 + zone % 100) * 60;
        return TRUE;
      }
  return FALSE;
}

static gboolean
fetch_words (FmImapState *state, FmImapLex *lex, FmImapFetch *fetch, gboolean are_flags)
{
  g_autoptr (GPtrArray) words = g_ptr_array_new ();

  if (!fm_imap_lex_list (lex, words))
    return FALSE;
  if (are_flags)
    fm_imap_effect_fetch_flags (fetch, 0, words);
  else
    fm_imap_effect_fetch_labels (state, fetch, words);
  return TRUE;
}

static gboolean
fetch_modseq (FmImapLex *lex, FmImapFetch *fetch)
{
  fetch->message.has |= FM_IMAP_HAS_MODSEQ;
  return fm_imap_lex_char (lex, '(') && fm_imap_lex_number (lex, G_MAXINT64, &fetch->message.modseq) && fm_imap_lex_char (lex, ')');
}

static gboolean
fetch_body (FmImapLex *lex, FmImapText item, FmImapFetch *fetch)
{
  FmImapText text;

  if (!fm_imap_lex_string (lex, &text))
    return FALSE;
  fm_imap_effect_fetch_body (fetch, text, item.length >= 11 && g_ascii_strncasecmp (item.bytes, "BODY[HEADER", 11) == 0);
  return TRUE;
}

gboolean
fm_imap_parse_fetch_item (FmImapState *state, FmImapLex *lex, FmImapFetch *fetch)
{
  FmImapMessage *message = &fetch->message;
  FmImapText item, text;
  guint64 n;

  if (!fm_imap_lex_word (lex, &item))
    return FALSE;
  fm_imap_lex_blank (lex);
  if (fm_imap_lex_is (item, "UID"))
    {
      if (!fm_imap_lex_number (lex, G_MAXUINT32, &n) || n == 0)
        return FALSE;
      message->uid = n;
      return TRUE;
    }
  if (fm_imap_lex_is (item, "FLAGS"))
    return fetch_words (state, lex, fetch, TRUE);
  if (fm_imap_lex_is (item, "MODSEQ"))
    return fetch_modseq (lex, fetch);
  if (fm_imap_lex_is (item, "RFC822.SIZE"))
    {
      if (!fm_imap_lex_word (lex, &text))
        return FALSE;
      if (fm_imap_lex_number_of (text, G_MAXINT64, &message->size_bytes)) /* a broken size costs the size only */
        message->has |= FM_IMAP_HAS_SIZE;
      return TRUE;
    }
  if (fm_imap_lex_is (item, "INTERNALDATE"))
    {
      if (!fm_imap_lex_string (lex, &text))
        return FALSE;
      if (read_date (text, &message->date_utc)) /* a broken date costs the date only */
        message->has |= FM_IMAP_HAS_DATE;
      return TRUE;
    }
  if (fm_imap_lex_is (item, "X-GM-MSGID") || fm_imap_lex_is (item, "X-GM-THRID"))
    {
      message->has |= FM_IMAP_HAS_GMAIL;
      return fm_imap_lex_number (lex, G_MAXUINT64, fm_imap_lex_is (item, "X-GM-MSGID") ? &message->gm_msgid : &message->gm_thrid);
    }
  if (fm_imap_lex_is (item, "X-GM-LABELS"))
    return fetch_words (state, lex, fetch, FALSE);
  if (item.length > 5 && g_ascii_strncasecmp (item.bytes, "BODY[", 5) == 0)
    return fetch_body (lex, item, fetch);
  return fm_imap_lex_skip (lex);
}

static gboolean
read_fetch_items (FmImapState *state, FmImapLex *lex, FmImapFetch *fetch)
{
  fm_imap_lex_blank (lex);
  if (!fm_imap_lex_char (lex, '('))
    return FALSE;
  for (fm_imap_lex_blank (lex); !fm_imap_lex_char (lex, ')'); fm_imap_lex_blank (lex))
    if (!fm_imap_parse_fetch_item (state, lex, fetch))
      return FALSE;
  return TRUE;
}

static void
read_fetch (FmImapState *state, guint32 seq, FmImapLex *lex, gboolean is_poison)
{
  FmImapFetch fetch;

  fm_imap_effect_fetch_init (&fetch, seq);
  gboolean is_read = read_fetch_items (state, lex, &fetch) && !is_poison;
  fm_imap_effect_fetch (state, &fetch, is_read);
  fm_imap_effect_fetch_clear (&fetch);
}

static gboolean
read_numbered (FmImapState *state, guint64 n, FmImapLex *lex, gboolean is_poison)
{
  FmImapText word;

  fm_imap_lex_blank (lex);
  if (!fm_imap_lex_word (lex, &word))
    return FALSE;
  if (fm_imap_lex_is (word, "EXISTS"))
    fm_imap_effect_exists (state, n);
  else if (fm_imap_lex_is (word, "EXPUNGE"))
    fm_imap_effect_expunge (state, n);
  else if (fm_imap_lex_is (word, "FETCH"))
    read_fetch (state, n, lex, is_poison);
  return TRUE;
}

static void
read_enabled (FmImapState *state, FmImapLex *lex)
{
  FmImapText word;

  for (fm_imap_lex_blank (lex); fm_imap_lex_word (lex, &word); fm_imap_lex_blank (lex))
    fm_imap_effect_enabled (state, fm_imap_lex_keep (lex, word));
}

/* QUOTA root (STORAGE 10 512 MESSAGE 3 100) */
static gboolean
read_quota (FmImapState *state, FmImapLex *lex)
{
  FmImapText root, resource;
  guint64 used, limit;

  fm_imap_lex_blank (lex);
  if (!fm_imap_lex_astring (lex, &root))
    return FALSE;
  fm_imap_lex_blank (lex);
  if (!fm_imap_lex_char (lex, '('))
    return FALSE;
  for (fm_imap_lex_blank (lex); !fm_imap_lex_char (lex, ')'); fm_imap_lex_blank (lex))
    {
      if (!fm_imap_lex_word (lex, &resource))
        return FALSE;
      fm_imap_lex_blank (lex);
      if (!fm_imap_lex_number (lex, G_MAXINT64 / 2048, &used))
        return FALSE;
      fm_imap_lex_blank (lex);
      if (!fm_imap_lex_number (lex, G_MAXINT64 / 2048, &limit))
        return FALSE;
      if (fm_imap_lex_is (resource, "STORAGE"))
        fm_imap_effect_quota (state, used, limit);
    }
  return TRUE;
}

static gboolean
read_rights (FmImapState *state, FmImapLex *lex)
{
  FmImapText name, rights = { NULL, 0 };

  fm_imap_lex_blank (lex);
  if (!fm_imap_lex_astring (lex, &name))
    return FALSE;
  fm_imap_lex_blank (lex);
  if (!fm_imap_lex_string (lex, &rights))
    return FALSE;
  g_autofree char *letters = g_strndup (rights.bytes != NULL ? rights.bytes : "", MIN (rights.length, 64));
  for (char *p = letters; *p != '\0'; p++)
    if (!g_ascii_isalnum (*p))
      return FALSE;
  fm_imap_effect_rights (state, fm_imap_lex_keep (lex, name), letters);
  return TRUE;
}

static gboolean
read_named (FmImapState *state, FmImapText word, FmImapLex *lex)
{
  if (fm_imap_lex_is (word, "OK") || fm_imap_lex_is (word, "NO") || fm_imap_lex_is (word, "BAD") || fm_imap_lex_is (word, "BYE")
      || fm_imap_lex_is (word, "PREAUTH"))
    read_condition (state, word, lex);
  else if (fm_imap_lex_is (word, "CAPABILITY"))
    {
      g_autofree char *words = g_strndup (lex->p, lex->end - lex->p);
      fm_imap_state_set_capabilities (state, words);
    }
  else if (fm_imap_lex_is (word, "LIST") || fm_imap_lex_is (word, "XLIST"))
    return read_list (state, lex);
  else if (fm_imap_lex_is (word, "STATUS"))
    return read_status (state, lex);
  else if (fm_imap_lex_is (word, "MYRIGHTS"))
    return read_rights (state, lex);
  else if (fm_imap_lex_is (word, "SEARCH"))
    return read_search (state, lex);
  else if (fm_imap_lex_is (word, "ESEARCH"))
    return read_esearch (state, lex);
  else if (fm_imap_lex_is (word, "VANISHED"))
    return read_vanished (state, lex);
  else if (fm_imap_lex_is (word, "QUOTA"))
    return read_quota (state, lex);
  else if (fm_imap_lex_is (word, "ENABLED"))
    read_enabled (state, lex);
  return TRUE; /* FLAGS, LSUB, NAMESPACE, QUOTAROOT, ID, and whatever is invented next: nothing depends on them */
}

gboolean
fm_imap_parse_untagged (FmImapState *state, const FmImapResponse *response, GError **error)
{
  g_autoptr (GPtrArray) keep = g_ptr_array_new_with_free_func (g_free);
  FmImapLex lex = { response->text, response->text + response->length, keep };
  FmImapText word;
  guint64 n;
  gboolean is_read;

  fm_imap_lex_char (&lex, '*');
  fm_imap_lex_blank (&lex);
  if (!fm_imap_lex_word (&lex, &word))
    return TRUE; /* Exchange sends blank lines */
  if (g_ascii_isdigit (*word.bytes))
    {
      if (!fm_imap_lex_number_of (word, G_MAXUINT32, &n))
        {
          g_set_error (error, FM_ERROR, FM_ERROR_PROTOCOL, "the server counts beyond what IMAP allows");
          return FALSE;
        }
      is_read = read_numbered (state, n, &lex, response->is_poison);
    }
  else
    is_read = response->is_poison || read_named (state, word, &lex);
  if (!is_read)
    fm_log_debug ("imap: passed over: %.*s", (int) MIN (response->length, 200), response->text);
  return TRUE;
}

/* Untagged responses by their first words, each with a small reader over fm_imap_lex. Servers break every rule somewhere: what a
 * reader does not know it skips, what it can't skip costs this one response. */
#include "imap-parse.h"
#include "imap-lex.h"
#include <fulmar/base/error.h>
#include <fulmar/base/log.h>
#include <fulmar/base/text.h>
#include <stdio.h>
#include <string.h>

#define CALL(state, event, ...)                                    \
  G_STMT_START                                                     \
  {                                                                \
    (state)->n_events++;                                           \
    if ((state)->events.event != NULL)                             \
      (state)->events.event ((state)->events_data, ##__VA_ARGS__); \
  }                                                                \
  G_STMT_END

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

/* Flag words into bits; those without a bit are moved to KEYWORDS (may be NULL) as valid UTF-8. */
static guint
sort_flags (FmImapLex *lex, GPtrArray *words, GPtrArray *keywords)
{
  guint flags = 0;

  for (guint i = 0; i + 1 < words->len; i++)
    {
      const char *word = g_ptr_array_index (words, i);
      guint bit = fm_flags_from_imap_name (word);
      flags |= bit;
      if (bit == 0 && keywords != NULL && *word != '\\' && *word != '\0' && g_utf8_validate (word, -1, NULL))
        g_ptr_array_add (keywords, (gpointer) word);
    }
  if (keywords != NULL)
    g_ptr_array_add (keywords, NULL);
  return flags;
}

static void
code_permanent_flags (FmImapState *state, FmImapLex *lex)
{
  g_autoptr (GPtrArray) words = g_ptr_array_new ();

  fm_imap_lex_blank (lex);
  if (!fm_imap_lex_list (lex, words))
    return;
  state->selected.permanent_flags = sort_flags (lex, words, NULL);
  state->selected.keywords_allowed = FALSE;
  for (guint i = 0; i + 1 < words->len; i++)
    if (strcmp (g_ptr_array_index (words, i), "\\*") == 0)
      state->selected.keywords_allowed = TRUE;
}

/* The selected mailbox's numbers. FALSE: another code. */
static gboolean
code_number (FmImapState *state, FmImapText code, FmImapLex *lex)
{
  FmImapSelectedState *selected = &state->selected;
  guint64 n = 0;

  fm_imap_lex_blank (lex);
  if (fm_imap_lex_is (code, "UIDVALIDITY") && fm_imap_lex_number (lex, G_MAXUINT32, &n))
    selected->uidvalidity = n;
  else if (fm_imap_lex_is (code, "UIDNEXT") && fm_imap_lex_number (lex, G_MAXUINT32, &n))
    selected->uidnext = n;
  else if (fm_imap_lex_is (code, "HIGHESTMODSEQ") && fm_imap_lex_number (lex, G_MAXINT64, &n))
    selected->highestmodseq = n;
  else if (fm_imap_lex_is (code, "NOMODSEQ"))
    selected->highestmodseq = 0;
  else if (fm_imap_lex_is (code, "READ-ONLY"))
    selected->read_only = TRUE;
  else if (fm_imap_lex_is (code, "READ-WRITE"))
    selected->read_only = FALSE;
  else
    return FALSE;
  return TRUE;
}

static void
replace (char **slot, FmImapLex *lex)
{
  fm_imap_lex_blank (lex);
  g_free (*slot);
  *slot = g_strndup (lex->p, lex->end - lex->p);
}

static void
apply_code (FmImapState *state, FmImapText code, FmImapLex *lex)
{
  if (fm_imap_lex_is (code, "CAPABILITY"))
    {
      g_autofree char *words = g_strndup (lex->p, lex->end - lex->p);
      fm_imap_state_set_capabilities (state, words);
    }
  else if (fm_imap_lex_is (code, "PERMANENTFLAGS"))
    code_permanent_flags (state, lex);
  else if (fm_imap_lex_is (code, "COPYUID"))
    replace (&state->copyuid, lex);
  else if (fm_imap_lex_is (code, "APPENDUID"))
    replace (&state->appenduid, lex);
  else if (fm_imap_lex_is (code, "MODIFIED"))
    replace (&state->modified, lex);
  else if (!code_number (state, code, lex))
    return;
  fm_imap_state_selected_changed (state);
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
fm_imap_parse_status_text (FmImapState *state, const char *text, gsize length, char **ret_code, char **ret_text)
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
              apply_code (state, code, &lex);
            }
          text = close + 1;
        }
    }
  *ret_text = fm_text_sanitise_line (text, end - text);
  g_strstrip (*ret_text);
  if (g_strcmp0 (*ret_code, "ALERT") == 0)
    {
      g_free (state->alert);
      state->alert = g_strdup (*ret_text);
      CALL (state, alert, *ret_text);
    }
}

static void
read_status_response (FmImapState *state, FmImapText kind, FmImapLex *lex)
{
  g_autofree char *code = NULL;
  g_autofree char *text = NULL;

  fm_imap_parse_status_text (state, lex->p, lex->end - lex->p, &code, &text);
  if (fm_imap_lex_is (kind, "PREAUTH"))
    state->has_preauth = TRUE;
  if (fm_imap_lex_is (kind, "BYE"))
    {
      g_free (state->bye);
      state->bye = g_strdup (text);
      CALL (state, bye, text);
    }
}

static guint
box_attribute (const char *word)
{
  static const struct {
    const char *name;
    guint attribute;
  } known[] = {
    { "\\Noselect", FM_IMAP_BOX_NOSELECT },
    { "\\NonExistent", FM_IMAP_BOX_NOSELECT },
    { "\\Noinferiors", FM_IMAP_BOX_NOINFERIORS },
    { "\\HasChildren", FM_IMAP_BOX_HAS_CHILDREN },
    { "\\HasNoChildren", FM_IMAP_BOX_HAS_NO_CHILDREN },
    { "\\Marked", FM_IMAP_BOX_MARKED },
    { "\\Subscribed", FM_IMAP_BOX_SUBSCRIBED },
    { "\\All", FM_IMAP_BOX_ALL },
    { "\\AllMail", FM_IMAP_BOX_ALL },
    { "\\Archive", FM_IMAP_BOX_ARCHIVE },
    { "\\Drafts", FM_IMAP_BOX_DRAFTS },
    { "\\Flagged", FM_IMAP_BOX_FLAGGED },
    { "\\Starred", FM_IMAP_BOX_FLAGGED },
    { "\\Junk", FM_IMAP_BOX_JUNK },
    { "\\Spam", FM_IMAP_BOX_JUNK },
    { "\\Sent", FM_IMAP_BOX_SENT },
    { "\\Trash", FM_IMAP_BOX_TRASH },
    { "\\Inbox", FM_IMAP_BOX_INBOX },
    { "\\Important", FM_IMAP_BOX_IMPORTANT },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (known); i++)
    if (g_ascii_strcasecmp (word, known[i].name) == 0)
      return known[i].attribute;
  return 0;
}

static gboolean
read_list (FmImapState *state, FmImapLex *lex)
{
  g_autoptr (GPtrArray) words = g_ptr_array_new ();
  FmImapText delimiter, wire;
  FmImapBox box = { NULL };

  fm_imap_lex_blank (lex);
  if (!fm_imap_lex_list (lex, words))
    return FALSE;
  fm_imap_lex_blank (lex);
  if (!fm_imap_lex_string (lex, &delimiter))
    return FALSE;
  fm_imap_lex_blank (lex);
  if (!fm_imap_lex_string (lex, &wire) || wire.length == 0)
    return FALSE;
  for (guint i = 0; i + 1 < words->len; i++)
    box.attributes |= box_attribute (g_ptr_array_index (words, i));
  box.wire_name = fm_imap_lex_keep (lex, wire);
  g_autofree char *name = fm_imap_state_name_from_wire (state, box.wire_name, &box.wire_is_odd);
  box.name = name;
  box.delimiter = delimiter.length == 1 ? delimiter.bytes[0] : 0;
  if (strcmp (name, "INBOX") == 0)
    box.attributes |= FM_IMAP_BOX_INBOX;
  if (state->listed != NULL && !(box.attributes & FM_IMAP_BOX_NOSELECT) && state->listed->len < 10000)
    g_ptr_array_add (state->listed, g_strdup (name));
  CALL (state, box, &box);
  return TRUE;
}

static gboolean
status_item (FmImapLex *lex, FmImapStatus *status)
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
  gboolean is_odd;

  fm_imap_lex_blank (lex);
  if (!fm_imap_lex_string (lex, &wire) || wire.length == 0)
    return FALSE;
  g_autofree char *name = fm_imap_state_name_from_wire (state, fm_imap_lex_keep (lex, wire), &is_odd);
  status.name = name;
  fm_imap_lex_blank (lex);
  if (!fm_imap_lex_char (lex, '('))
    return FALSE;
  for (fm_imap_lex_blank (lex); !fm_imap_lex_char (lex, ')'); fm_imap_lex_blank (lex))
    if (!status_item (lex, &status))
      return FALSE;
  CALL (state, status, &status);
  return TRUE;
}

static int
compare_ranges (gconstpointer a, gconstpointer b)
{
  const FmImapRange *x = a, *y = b;
  return x->first < y->first ? -1 : x->first > y->first;
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
  g_array_sort (set, compare_ranges);
  CALL (state, search, (const FmImapRange *) (gpointer) set->data, set->len, modseq);
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
  g_array_sort (set, compare_ranges);
  CALL (state, search, (const FmImapRange *) (gpointer) set->data, set->len, modseq);
  return TRUE;
}

static gboolean
read_vanished (FmImapState *state, FmImapLex *lex)
{
  FmImapText word;
  gboolean earlier = FALSE;
  guint64 n = 0;

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
  for (guint i = 0; i < set->len; i++)
    n += (guint64) g_array_index (set, FmImapRange, i).last - g_array_index (set, FmImapRange, i).first + 1;
  if (!earlier)
    {
      state->selected.exists -= MIN (n, state->selected.exists);
      state->selected.view.exists = state->selected.exists;
    }
  CALL (state, vanished, earlier, (const FmImapRange *) (gpointer) set->data, set->len);
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

typedef struct {
  FmImapMessage message;
  GPtrArray *keywords, *labels;
  gboolean has_body;
  FmImapText body;
} Fetch;

static gboolean
fetch_flags (FmImapLex *lex, Fetch *fetch)
{
  g_autoptr (GPtrArray) words = g_ptr_array_new ();

  if (!fm_imap_lex_list (lex, words))
    return FALSE;
  g_ptr_array_set_size (fetch->keywords, 0);
  fetch->message.flags = sort_flags (lex, words, fetch->keywords) & FM_FLAG_SERVER_MASK;
  fetch->message.has |= FM_IMAP_HAS_FLAGS;
  return TRUE;
}

static gboolean
fetch_labels (FmImapState *state, FmImapLex *lex, Fetch *fetch)
{
  g_autoptr (GPtrArray) words = g_ptr_array_new ();

  if (!fm_imap_lex_list (lex, words))
    return FALSE;
  g_ptr_array_set_size (fetch->labels, 0);
  for (guint i = 0; i + 1 < words->len; i++)
    {
      gboolean is_odd;
      char *name = fm_imap_state_name_from_wire (state, g_ptr_array_index (words, i), &is_odd);
      g_ptr_array_add (lex->keep, name);
      g_ptr_array_add (fetch->labels, name);
    }
  g_ptr_array_add (fetch->labels, NULL);
  return TRUE;
}

static gboolean
fetch_modseq (FmImapLex *lex, Fetch *fetch)
{
  fetch->message.has |= FM_IMAP_HAS_MODSEQ;
  return fm_imap_lex_char (lex, '(') && fm_imap_lex_number (lex, G_MAXINT64, &fetch->message.modseq) && fm_imap_lex_char (lex, ')');
}

static gboolean
fetch_body (FmImapLex *lex, FmImapText item, Fetch *fetch)
{
  FmImapText text;

  if (!fm_imap_lex_string (lex, &text))
    return FALSE;
  if (item.length >= 11 && g_ascii_strncasecmp (item.bytes, "BODY[HEADER", 11) == 0)
    {
      fetch->message.header = text.bytes;
      fetch->message.header_bytes = text.length;
      fetch->message.has |= FM_IMAP_HAS_HEADER;
    }
  fetch->has_body = TRUE;
  fetch->body = text;
  return TRUE;
}

static gboolean
fetch_item (FmImapState *state, FmImapLex *lex, Fetch *fetch)
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
    return fetch_flags (lex, fetch);
  if (fm_imap_lex_is (item, "MODSEQ"))
    return fetch_modseq (lex, fetch);
  if (fm_imap_lex_is (item, "RFC822.SIZE"))
    {
      message->has |= FM_IMAP_HAS_SIZE;
      return fm_imap_lex_number (lex, G_MAXINT64, &message->size_bytes);
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
    return fetch_labels (state, lex, fetch);
  if (item.length > 5 && g_ascii_strncasecmp (item.bytes, "BODY[", 5) == 0)
    return fetch_body (lex, item, fetch);
  return fm_imap_lex_skip (lex);
}

static gboolean
read_fetch_items (FmImapState *state, FmImapLex *lex, Fetch *fetch)
{
  fm_imap_lex_blank (lex);
  if (!fm_imap_lex_char (lex, '('))
    return FALSE;
  for (fm_imap_lex_blank (lex); !fm_imap_lex_char (lex, ')'); fm_imap_lex_blank (lex))
    if (!fetch_item (state, lex, fetch))
      return FALSE;
  return TRUE;
}

static void
read_fetch (FmImapState *state, guint32 seq, FmImapLex *lex, gboolean is_poison)
{
  g_autoptr (GPtrArray) keywords = g_ptr_array_new ();
  g_autoptr (GPtrArray) labels = g_ptr_array_new ();
  Fetch fetch = { .message = { .seq = seq }, .keywords = keywords, .labels = labels };
  gboolean is_read = read_fetch_items (state, lex, &fetch) && !is_poison;

  if (fetch.has_body)
    {
      state->has_body = TRUE;
      state->body_seq = seq;
      state->body_uid = fetch.message.uid;
      g_clear_pointer (&state->body_inline, g_bytes_unref);
      if (fetch.body.length > 0 && !(fetch.message.has & FM_IMAP_HAS_HEADER))
        state->body_inline = g_bytes_new (fetch.body.bytes, fetch.body.length);
    }
  if (!is_read)
    {
      fm_log_debug ("imap: message %u (uid %u) can't be read", seq, fetch.message.uid);
      CALL (state, unreadable, seq, fetch.message.uid);
      return;
    }
  fetch.message.keywords = keywords->len > 0 ? (const char *const *) keywords->pdata : NULL;
  fetch.message.gm_labels = labels->len > 0 ? (const char *const *) labels->pdata : NULL;
  CALL (state, message, &fetch.message);
}

static gboolean
read_numbered (FmImapState *state, guint64 n, FmImapLex *lex, gboolean is_poison)
{
  FmImapText word;

  fm_imap_lex_blank (lex);
  if (!fm_imap_lex_word (lex, &word))
    return FALSE;
  if (fm_imap_lex_is (word, "EXISTS"))
    {
      state->selected.exists = state->selected.view.exists = n;
      CALL (state, exists, n);
    }
  else if (fm_imap_lex_is (word, "EXPUNGE"))
    {
      state->selected.exists -= state->selected.exists > 0;
      state->selected.view.exists = state->selected.exists;
      CALL (state, expunge, n);
    }
  else if (fm_imap_lex_is (word, "FETCH"))
    read_fetch (state, n, lex, is_poison);
  return TRUE;
}

static void
read_enabled (FmImapState *state, FmImapLex *lex)
{
  FmImapText word;

  for (fm_imap_lex_blank (lex); fm_imap_lex_word (lex, &word); fm_imap_lex_blank (lex))
    {
      if (fm_imap_lex_is (word, "QRESYNC"))
        state->enabled |= FM_IMAP_CAP_QRESYNC | FM_IMAP_CAP_CONDSTORE;
      if (fm_imap_lex_is (word, "CONDSTORE"))
        state->enabled |= FM_IMAP_CAP_CONDSTORE;
    }
}

static gboolean
read_named (FmImapState *state, FmImapText word, FmImapLex *lex)
{
  if (fm_imap_lex_is (word, "OK") || fm_imap_lex_is (word, "NO") || fm_imap_lex_is (word, "BAD") || fm_imap_lex_is (word, "BYE")
      || fm_imap_lex_is (word, "PREAUTH"))
    read_status_response (state, word, lex);
  else if (fm_imap_lex_is (word, "CAPABILITY"))
    {
      g_autofree char *words = g_strndup (lex->p, lex->end - lex->p);
      fm_imap_state_set_capabilities (state, words);
    }
  else if (fm_imap_lex_is (word, "LIST") || fm_imap_lex_is (word, "XLIST"))
    return read_list (state, lex);
  else if (fm_imap_lex_is (word, "STATUS"))
    return read_status (state, lex);
  else if (fm_imap_lex_is (word, "SEARCH"))
    return read_search (state, lex);
  else if (fm_imap_lex_is (word, "ESEARCH"))
    return read_esearch (state, lex);
  else if (fm_imap_lex_is (word, "VANISHED"))
    return read_vanished (state, lex);
  else if (fm_imap_lex_is (word, "ENABLED"))
    read_enabled (state, lex);
  return TRUE; /* FLAGS, LSUB, NAMESPACE, QUOTA, ID, and whatever is invented next: nothing depends on them */
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

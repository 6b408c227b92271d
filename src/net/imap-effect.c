/* What responses mean. Three parsers read them, that of plain FETCH responses (imap-fetch.c), libetpan's (etpan-parse.c) and the small one behind it
 * (imap-parse.c); all end here, so that which of them read a response can't change what it does: state is written, events are called, nothing else knows. */
#include "imap-effect.h"
#include <fulmar/base/log.h>
#include <string.h>

#define MAX_LISTED 10000

#define CALL(state, event, ...)                                    \
  G_STMT_START                                                     \
  {                                                                \
    (state)->n_events++;                                           \
    if ((state)->events.event != NULL)                             \
      (state)->events.event ((state)->events_data, ##__VA_ARGS__); \
  }                                                                \
  G_STMT_END

/* Flag words into bits; those without a bit are moved to KEYWORDS (may be NULL) as valid UTF-8. */
static guint
sort_flags (GPtrArray *words, GPtrArray *keywords)
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

void
fm_imap_effect_fetch_init (FmImapFetch *fetch, guint32 seq)
{
  *fetch = (FmImapFetch){
    .message = { .seq = seq }, .keywords = g_ptr_array_new (), .labels = g_ptr_array_new (), .keep = g_ptr_array_new_with_free_func (g_free)
  };
}

void
fm_imap_effect_fetch_clear (FmImapFetch *fetch)
{
  g_ptr_array_unref (fetch->keywords);
  g_ptr_array_unref (fetch->labels);
  g_ptr_array_unref (fetch->keep);
}

void
fm_imap_effect_fetch_flags (FmImapFetch *fetch, guint flags, GPtrArray *words)
{
  g_ptr_array_set_size (fetch->keywords, 0);
  if (words != NULL)
    flags |= sort_flags (words, fetch->keywords);
  fetch->message.flags = flags & FM_FLAG_SERVER_MASK;
  fetch->message.has |= FM_IMAP_HAS_FLAGS;
}

void
fm_imap_effect_fetch_labels (FmImapState *state, FmImapFetch *fetch, GPtrArray *words)
{
  g_ptr_array_set_size (fetch->labels, 0);
  for (guint i = 0; i + 1 < words->len; i++)
    {
      gboolean is_odd;
      char *name = fm_imap_state_name_from_wire (state, g_ptr_array_index (words, i), &is_odd);
      g_ptr_array_add (fetch->keep, name);
      g_ptr_array_add (fetch->labels, name);
    }
  g_ptr_array_add (fetch->labels, NULL);
}

void
fm_imap_effect_fetch_body (FmImapFetch *fetch, FmImapText text, gboolean is_header)
{
  if (is_header)
    {
      fetch->message.header = text.bytes;
      fetch->message.header_bytes = text.length;
      fetch->message.has |= FM_IMAP_HAS_HEADER;
    }
  fetch->has_body = TRUE;
  fetch->body = text;
}

void
fm_imap_effect_fetch (FmImapState *state, FmImapFetch *fetch, gboolean is_read)
{
  FmImapMessage *message = &fetch->message;

  if (fetch->has_body)
    {
      state->has_body = TRUE;
      state->body_seq = message->seq;
      state->body_uid = message->uid;
      g_clear_pointer (&state->body_inline, g_bytes_unref);
      if (fetch->body.length > 0 && !(message->has & FM_IMAP_HAS_HEADER))
        state->body_inline = g_bytes_new (fetch->body.bytes, fetch->body.length);
    }
  if (!is_read)
    {
      fm_log_debug ("imap: message %u (uid %u) can't be read", message->seq, message->uid);
      CALL (state, unreadable, message->seq, message->uid);
      return;
    }
  message->keywords = fetch->keywords->len > 0 ? (const char *const *) fetch->keywords->pdata : NULL;
  message->gm_labels = fetch->labels->len > 0 ? (const char *const *) fetch->labels->pdata : NULL;
  CALL (state, message, message);
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

void
fm_imap_effect_box (FmImapState *state, GPtrArray *words, char delimiter, const char *wire_name)
{
  FmImapBox box = { .wire_name = wire_name, .delimiter = delimiter };

  for (guint i = 0; i + 1 < words->len; i++)
    box.attributes |= box_attribute (g_ptr_array_index (words, i));
  if (box.attributes & FM_IMAP_BOX_INBOX) /* XLIST tells its name in the user's language, which no other command takes */
    box.wire_name = "INBOX";
  g_autofree char *name = fm_imap_state_name_from_wire (state, box.wire_name, &box.wire_is_odd);
  box.name = name;
  if (strcmp (name, "INBOX") == 0)
    box.attributes |= FM_IMAP_BOX_INBOX;
  if (state->listed != NULL && !(box.attributes & FM_IMAP_BOX_NOSELECT) && state->listed->len < MAX_LISTED)
    g_ptr_array_add (state->listed, g_strdup (name));
  CALL (state, box, &box);
}

void
fm_imap_effect_status (FmImapState *state, const char *wire_name, FmImapStatus *status)
{
  gboolean is_odd;
  g_autofree char *name = fm_imap_state_name_from_wire (state, wire_name, &is_odd);

  status->name = name;
  CALL (state, status, status);
  status->name = NULL;
}

void
fm_imap_effect_rights (FmImapState *state, const char *wire_name, const char *rights)
{
  gboolean is_odd;
  g_autofree char *name = fm_imap_state_name_from_wire (state, wire_name, &is_odd);

  CALL (state, rights, name, rights);
}

static int
compare_ranges (gconstpointer a, gconstpointer b)
{
  const FmImapRange *x = a, *y = b;
  return x->first < y->first ? -1 : x->first > y->first;
}

void
fm_imap_effect_search (FmImapState *state, GArray *set, guint64 modseq)
{
  g_array_sort (set, compare_ranges);
  CALL (state, search, (const FmImapRange *) (gpointer) set->data, set->len, modseq);
}

void
fm_imap_effect_exists (FmImapState *state, guint32 n)
{
  state->selected.exists = state->selected.view.exists = n;
  CALL (state, exists, n);
}

void
fm_imap_effect_expunge (FmImapState *state, guint32 seq)
{
  state->selected.exists -= state->selected.exists > 0;
  state->selected.view.exists = state->selected.exists;
  CALL (state, expunge, seq);
}

void
fm_imap_effect_vanished (FmImapState *state, gboolean earlier, const GArray *set)
{
  guint64 n = 0;

  for (guint i = 0; i < set->len; i++)
    n += (guint64) g_array_index (set, FmImapRange, i).last - g_array_index (set, FmImapRange, i).first + 1;
  if (!earlier)
    {
      state->selected.exists -= MIN (n, state->selected.exists);
      state->selected.view.exists = state->selected.exists;
    }
  CALL (state, vanished, earlier, (const FmImapRange *) (gpointer) set->data, set->len);
}

void
fm_imap_effect_quota (FmImapState *state, guint64 used_kb, guint64 limit_kb)
{
  double share = limit_kb > 0 ? (double) used_kb / (double) limit_kb : 0;
  double known = state->quota_limit_kb > 0 ? (double) state->quota_used_kb / (double) state->quota_limit_kb : -1;
  if (limit_kb == 0 || share < known)
    return;
  state->quota_used_kb = used_kb;
  state->quota_limit_kb = limit_kb;
}

void
fm_imap_effect_enabled (FmImapState *state, const char *name)
{
  if (g_ascii_strcasecmp (name, "QRESYNC") == 0)
    state->enabled |= FM_IMAP_CAP_QRESYNC | FM_IMAP_CAP_CONDSTORE;
  if (g_ascii_strcasecmp (name, "CONDSTORE") == 0)
    state->enabled |= FM_IMAP_CAP_CONDSTORE;
}

void
fm_imap_effect_permanent_flags (FmImapState *state, GPtrArray *words)
{
  state->selected.permanent_flags = sort_flags (words, NULL);
  state->selected.keywords_allowed = FALSE;
  for (guint i = 0; i + 1 < words->len; i++)
    if (strcmp (g_ptr_array_index (words, i), "\\*") == 0)
      state->selected.keywords_allowed = TRUE;
  fm_imap_state_selected_changed (state);
}

gboolean
fm_imap_effect_code (FmImapState *state, const char *name, guint64 n)
{
  FmImapSelectedState *selected = &state->selected;

  if (strcmp (name, "UIDVALIDITY") == 0)
    selected->uidvalidity = n;
  else if (strcmp (name, "UIDNEXT") == 0)
    selected->uidnext = n;
  else if (strcmp (name, "HIGHESTMODSEQ") == 0)
    selected->highestmodseq = n;
  else if (strcmp (name, "NOMODSEQ") == 0)
    selected->highestmodseq = 0;
  else if (strcmp (name, "READ-ONLY") == 0)
    selected->read_only = TRUE;
  else if (strcmp (name, "READ-WRITE") == 0)
    selected->read_only = FALSE;
  else
    return FALSE;
  fm_imap_state_selected_changed (state);
  return TRUE;
}

static void
replace_set (GArray **slot, GArray *set)
{
  g_clear_pointer (slot, g_array_unref);
  *slot = set;
}

void
fm_imap_effect_copyuid (FmImapState *state, guint32 uidvalidity, GArray *from, GArray *to)
{
  state->copyuid.uidvalidity = uidvalidity;
  replace_set (&state->copyuid.from, from);
  replace_set (&state->copyuid.to, to);
}

void
fm_imap_effect_appenduid (FmImapState *state, guint32 uidvalidity, GArray *uids)
{
  state->appenduid.uidvalidity = uidvalidity;
  replace_set (&state->appenduid.to, uids);
}

void
fm_imap_effect_modified (FmImapState *state, GArray *set)
{
  replace_set (&state->modified, set);
}

void
fm_imap_effect_condition (FmImapState *state, const char *kind, const char *code, const char *text)
{
  if (g_strcmp0 (code, "ALERT") == 0)
    {
      g_free (state->alert);
      state->alert = g_strdup (text);
      CALL (state, alert, text);
    }
  if (g_ascii_strcasecmp (kind, "PREAUTH") == 0)
    state->has_preauth = TRUE;
  if (g_ascii_strcasecmp (kind, "BYE") == 0)
    {
      g_free (state->bye);
      state->bye = g_strdup (text);
      CALL (state, bye, text);
    }
}

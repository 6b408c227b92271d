/* A query against one message in memory: for small sets and as the meaning that the store's and the index's translations are tested
 * against. Text is compared folded, so case and width do not count. */
#include "fulmar/base/text.h"
#include "mail/query-private.h"
#include <string.h>

static gboolean
is_word_char (const char *at)
{
  gunichar c = g_utf8_get_char (at);

  return g_unichar_isalnum (c) || g_unichar_ismark (c) || c == '_';
}

/* NEEDLE (folded) in TEXT: at the start of a word if FROM_WORD_START, up to the end of one if TO_WORD_END. */
static gboolean
contains (const char *text, const char *needle, gboolean from_word_start, gboolean to_word_end)
{
  g_autofree char *folded = text != NULL ? fm_text_fold (text) : NULL;
  gsize size = strlen (needle);

  for (const char *at = folded != NULL ? strstr (folded, needle) : NULL; at != NULL; at = strstr (at + 1, needle))
    {
      const char *before = g_utf8_find_prev_char (folded, at);
      gboolean starts = !from_word_start || before == NULL || !is_word_char (before);
      gboolean ends = !to_word_end || at[size] == '\0' || !is_word_char (at + size);
      if (starts && ends)
        return TRUE;
    }
  return FALSE;
}

static gboolean
contains_word (const FmQuery *query, const char *text, const char *needle)
{
  return contains (text, needle, TRUE, query->is_phrase);
}

static gboolean
matches_attachment (const FmQuery *query, const char *const *names, const char *needle)
{
  for (gsize i = 0; names != NULL && names[i] != NULL; i++)
    if (contains (names[i], needle, FALSE, FALSE))
      return TRUE;
  return FALSE;
}

static gboolean
equal_folded (const char *text, const char *needle)
{
  g_autofree char *folded = fm_text_fold (text);

  return strcmp (folded, needle) == 0;
}

/* "work/Lists/notmuch" is found by its whole name with or without the account, by its last part, and by "Lists*". */
static gboolean
matches_folder (const FmQuery *query, const FmQueryFacts *facts, const char *needle)
{
  if (facts->folder == NULL)
    return FALSE;
  g_autofree char *full = g_strconcat (facts->account != NULL ? facts->account : "", "/", facts->folder, NULL);
  g_autofree char *folded_full = fm_text_fold (full);
  g_autofree char *folded = fm_text_fold (facts->folder);
  if (query->is_prefix)
    return g_str_has_prefix (folded, needle) || g_str_has_prefix (folded_full, needle);
  const char *last = strrchr (folded, '/');
  return strcmp (folded, needle) == 0 || strcmp (folded_full, needle) == 0 || (last != NULL && strcmp (last + 1, needle) == 0);
}

static gboolean
matches_tag (const FmQuery *query, const char *const *tags, const char *needle)
{
  for (gsize i = 0; tags != NULL && tags[i] != NULL; i++)
    {
      g_autofree char *folded = fm_text_fold (tags[i]);
      if (query->is_prefix ? g_str_has_prefix (folded, needle) : strcmp (folded, needle) == 0)
        return TRUE;
    }
  return FALSE;
}

static gboolean
matches_text (const FmQuery *query, const FmQueryFacts *facts)
{
  g_autofree char *needle = fm_text_fold (fm_query_text (query));

  switch (query->kind)
    {
    case FM_QUERY_WORD:
      return contains_word (query, facts->subject, needle) || contains_word (query, facts->from, needle)
             || contains_word (query, facts->to, needle) || contains_word (query, facts->cc, needle)
             || contains_word (query, facts->body, needle) || matches_attachment (query, facts->attachments, needle);
    case FM_QUERY_BODY:
      return contains_word (query, facts->body, needle);
    case FM_QUERY_ATTACHMENT:
      return matches_attachment (query, facts->attachments, needle);
    case FM_QUERY_FROM:
      return contains (facts->from, needle, FALSE, FALSE);
    case FM_QUERY_TO:
      return contains (facts->to, needle, FALSE, FALSE) || contains (facts->cc, needle, FALSE, FALSE);
    case FM_QUERY_CC:
      return contains (facts->cc, needle, FALSE, FALSE);
    case FM_QUERY_SUBJECT:
      return contains (facts->subject, needle, FALSE, FALSE);
    case FM_QUERY_FOLDER:
      return matches_folder (query, facts, needle);
    case FM_QUERY_ACCOUNT:
      return facts->account != NULL && equal_folded (facts->account, needle);
    case FM_QUERY_TAG:
      return matches_tag (query, facts->tags, needle);
    case FM_QUERY_ID:
      return g_strcmp0 (facts->message_id, fm_query_text (query)) == 0;
    default:
      return g_strcmp0 (facts->thread, fm_query_text (query)) == 0;
    }
}

static guint
count_matching (const FmQuery *query, const FmQueryFacts *facts)
{
  guint n = 0;

  for (guint i = 0; i < fm_query_n_children (query); i++)
    n += fm_query_matches (fm_query_child (query, i), facts);
  return n;
}

gboolean
fm_query_matches (const FmQuery *query, const FmQueryFacts *facts)
{
  switch (query->kind)
    {
    case FM_QUERY_ALL:
      return TRUE;
    case FM_QUERY_AND:
      return count_matching (query, facts) == fm_query_n_children (query);
    case FM_QUERY_OR:
      return count_matching (query, facts) > 0;
    case FM_QUERY_XOR:
      return count_matching (query, facts) % 2 == 1;
    case FM_QUERY_NOT:
      return count_matching (query, facts) == 0;
    case FM_QUERY_FLAG:
      return (facts->flags & query->flag) == query->flag;
    case FM_QUERY_DATE:
      return facts->date_utc >= query->low && facts->date_utc <= query->high;
    case FM_QUERY_SIZE:
      return facts->size_bytes >= query->low && facts->size_bytes <= query->high;
    default:
      return matches_text (query, facts);
    }
}

/* A query against one message in memory: for small sets and as the meaning that the store's and the index's translations are tested
 * against. Text is compared by the index's words (terms.h), names by their folded text. */
#include "fulmar/base/text.h"
#include "fulmar/mail/terms.h"
#include "mail/query-private.h"
#include <string.h>

static FmTerms *
terms_of (const FmQuery *query)
{
  return fm_terms_new (fm_query_text (query), fm_query_terms_how (query));
}

static gboolean
matches_attachment (const FmTerms *terms, const char *const *names)
{
  for (gsize i = 0; names != NULL && names[i] != NULL; i++)
    if (fm_terms_match (terms, names[i]))
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
matches_words (const FmQuery *query, const FmQueryFacts *facts)
{
  g_autoptr (FmTerms) terms = terms_of (query);

  switch (query->kind)
    {
    case FM_QUERY_WORD:
      return fm_terms_match (terms, facts->subject) || fm_terms_match_addresses (terms, facts->from)
             || fm_terms_match_addresses (terms, facts->to) || fm_terms_match_addresses (terms, facts->cc)
             || fm_terms_match (terms, facts->body) || matches_attachment (terms, facts->attachments);
    case FM_QUERY_BODY:
      return fm_terms_match (terms, facts->body);
    case FM_QUERY_ATTACHMENT:
      return matches_attachment (terms, facts->attachments);
    case FM_QUERY_FROM:
      return fm_terms_match_addresses (terms, facts->from);
    case FM_QUERY_TO:
      return fm_terms_match_addresses (terms, facts->to) || fm_terms_match_addresses (terms, facts->cc);
    case FM_QUERY_CC:
      return fm_terms_match_addresses (terms, facts->cc);
    default:
      return fm_terms_match (terms, facts->subject);
    }
}

static gboolean
matches_name (const FmQuery *query, const FmQueryFacts *facts)
{
  g_autofree char *needle = fm_text_fold (fm_query_text (query));

  switch (query->kind)
    {
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
    case FM_QUERY_FOLDER:
    case FM_QUERY_ACCOUNT:
    case FM_QUERY_TAG:
    case FM_QUERY_ID:
    case FM_QUERY_THREAD:
      return matches_name (query, facts);
    default:
      return matches_words (query, facts);
    }
}

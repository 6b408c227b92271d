/* The query tree itself: nodes, their making, and the canonical text. */
#include "mail/query-private.h"
#include "fulmar/mail/flags.h"
#include <string.h>

/* Field names of the leaves in the canonical text, which the parser reads too. */
static const char *const leaf_names[] = {
  [FM_QUERY_WORD] = "",
  [FM_QUERY_BODY] = "body:",
  [FM_QUERY_ATTACHMENT] = "attachment:",
  [FM_QUERY_FROM] = "from:",
  [FM_QUERY_TO] = "to:",
  [FM_QUERY_CC] = "cc:",
  [FM_QUERY_SUBJECT] = "subject:",
  [FM_QUERY_FOLDER] = "folder:",
  [FM_QUERY_ACCOUNT] = "account:",
  [FM_QUERY_TAG] = "tag:",
  [FM_QUERY_ID] = "id:",
  [FM_QUERY_THREAD] = "thread:",
  [FM_QUERY_FLAG] = "is:",
  [FM_QUERY_DATE] = "date:",
  [FM_QUERY_SIZE] = "size:",
};

/* The words that mean a flag; the first of each flag is the canonical one. "unread" is the one that means its absence. */
static const struct {
  const char *word;
  guint flag;
} flag_words[] = {
  { "read", FM_FLAG_SEEN },        { "seen", FM_FLAG_SEEN },
  { "flagged", FM_FLAG_FLAGGED },  { "starred", FM_FLAG_FLAGGED },
  { "replied", FM_FLAG_ANSWERED }, { "answered", FM_FLAG_ANSWERED },
  { "draft", FM_FLAG_DRAFT },      { "attachment", FM_FLAG_ATTACHMENT },
  { "deleted", FM_FLAG_DELETED },  { "forwarded", FM_FLAG_FORWARDED },
  { "passed", FM_FLAG_FORWARDED }, { "junk", FM_FLAG_JUNK },
};

FmQuery *
fm_query_new (FmQueryKind kind)
{
  FmQuery *query = g_new0 (FmQuery, 1);

  g_atomic_int_set (&query->refs, 1);
  query->kind = kind;
  query->low = G_MININT64;
  query->high = G_MAXINT64;
  return query;
}

FmQuery *
fm_query_add (FmQuery *parent, FmQuery *child)
{
  if (parent->children == NULL)
    parent->children = g_ptr_array_new_with_free_func ((GDestroyNotify) fm_query_unref);
  g_ptr_array_add (parent->children, child);
  return parent;
}

FmQuery *
fm_query_new_not (FmQuery *child)
{
  /* Twice not is once said. */
  if (child->kind == FM_QUERY_NOT)
    {
      FmQuery *inner = fm_query_ref (fm_query_child (child, 0));
      fm_query_unref (child);
      return inner;
    }
  return fm_query_add (fm_query_new (FM_QUERY_NOT), child);
}

FmQuery *
fm_query_new_text (FmQueryKind kind, const char *text, gboolean is_phrase)
{
  FmQuery *query = fm_query_new (kind);
  gsize size = strlen (text);

  query->is_phrase = is_phrase;
  query->is_prefix = !is_phrase && size > 1 && text[size - 1] == '*';
  query->text = g_strndup (text, query->is_prefix ? size - 1 : size);
  return query;
}

FmQuery *
fm_query_new_tag (const char *word)
{
  gboolean unread = g_ascii_strcasecmp (word, "unread") == 0;

  for (gsize i = 0; i < G_N_ELEMENTS (flag_words); i++)
    if (unread || g_ascii_strcasecmp (word, flag_words[i].word) == 0)
      {
        FmQuery *query = fm_query_new (FM_QUERY_FLAG);
        query->flag = unread ? FM_FLAG_SEEN : flag_words[i].flag;
        return unread ? fm_query_new_not (query) : query;
      }
  return fm_query_new_text (FM_QUERY_TAG, word, FALSE);
}

FmQuery *
fm_query_ref (const FmQuery *query)
{
  FmQuery *shared = (FmQuery *) query;

  if (shared != NULL)
    g_atomic_int_inc (&shared->refs);
  return shared;
}

void
fm_query_unref (FmQuery *query)
{
  if (query == NULL || !g_atomic_int_dec_and_test (&query->refs))
    return;
  g_clear_pointer (&query->children, g_ptr_array_unref);
  g_free (query->text);
  g_free (query);
}

FmQueryKind
fm_query_kind (const FmQuery *query)
{
  return query->kind;
}

guint
fm_query_n_children (const FmQuery *query)
{
  return query->children != NULL ? query->children->len : 0;
}

const FmQuery *
fm_query_child (const FmQuery *query, guint index)
{
  return index < fm_query_n_children (query) ? query->children->pdata[index] : NULL;
}

const char *
fm_query_text (const FmQuery *query)
{
  return query->text != NULL ? query->text : "";
}

gboolean
fm_query_is_phrase (const FmQuery *query)
{
  return query->is_phrase;
}

gboolean
fm_query_is_prefix (const FmQuery *query)
{
  return query->is_prefix;
}

guint
fm_query_flag (const FmQuery *query)
{
  return query->flag;
}

void
fm_query_range (const FmQuery *query, gint64 *ret_low, gint64 *ret_high)
{
  *ret_low = query->low;
  *ret_high = query->high;
}

FmTermsHow
fm_query_terms_how (const FmQuery *leaf)
{
  gboolean as_typed = leaf->kind == FM_QUERY_FROM || leaf->kind == FM_QUERY_SUBJECT || leaf->is_phrase;

  return (as_typed ? FM_TERMS_WHOLE : FM_TERMS_STEM) | (leaf->is_prefix ? FM_TERMS_PREFIX : FM_TERMS_WHOLE);
}

gboolean
fm_query_needs_index (const FmQuery *query)
{
  if (query->kind == FM_QUERY_WORD || query->kind == FM_QUERY_BODY || query->kind == FM_QUERY_ATTACHMENT)
    return TRUE;
  for (guint i = 0; i < fm_query_n_children (query); i++)
    if (fm_query_needs_index (fm_query_child (query, i)))
      return TRUE;
  return FALSE;
}

static void append_query (GString *out, const FmQuery *query);

static void
append_children (GString *out, const FmQuery *query, const char *joint)
{
  g_string_append_c (out, '(');
  for (guint i = 0; i < fm_query_n_children (query); i++)
    {
      g_string_append (out, i > 0 ? joint : "");
      append_query (out, fm_query_child (query, i));
    }
  g_string_append_c (out, ')');
}

/* Two operands a node: a long chain is deep on its left side, and is written as it was, since brackets may not be nested so deep. */
static void
append_chain (GString *out, const FmQuery *query)
{
  const FmQuery *left = fm_query_child (query, 0);

  if (left->kind == FM_QUERY_XOR)
    append_chain (out, left);
  else
    append_query (out, left);
  g_string_append (out, " xor ");
  append_query (out, fm_query_child (query, 1));
}

/* A word is quoted only where it would not be read back as one. */
static void
append_text (GString *out, const FmQuery *query)
{
  static const char *const operators[] = { "and", "or", "not", "xor", NULL };
  const char *text = fm_query_text (query);
  g_autofree char *lower = g_ascii_strdown (text, -1);
  gboolean plain = !query->is_phrase && text[0] != '\0' && strpbrk (text, " \t()\":*") == NULL && strchr ("-+~!", text[0]) == NULL
                   && !g_strv_contains (operators, lower);

  /* A prefix can't be quoted; a plus keeps it from looking like a pattern of mutt's. */
  if (plain || query->is_prefix)
    g_string_append_printf (out, "%s%s%s", query->kind == FM_QUERY_WORD && (text[0] == '~' || text[0] == '!') ? "+" : "", text,
                            query->is_prefix ? "*" : "");
  else
    {
      g_string_append_c (out, '"');
      for (; *text != '\0'; text++)
        {
          if (*text == '"')
            g_string_append_c (out, '"'); /* doubled, as Xapian writes it */
          g_string_append_c (out, *text);
        }
      g_string_append_c (out, '"');
    }
}

static void
append_range (GString *out, const FmQuery *query, const char *sign)
{
  if (query->low != G_MININT64)
    g_string_append_printf (out, "%s%" G_GINT64_FORMAT, sign, query->low);
  g_string_append (out, "..");
  if (query->high != G_MAXINT64)
    g_string_append_printf (out, "%s%" G_GINT64_FORMAT, sign, query->high);
}

static const char *
flag_word (guint flag)
{
  for (gsize i = 0; i < G_N_ELEMENTS (flag_words); i++)
    if (flag_words[i].flag == flag)
      return flag_words[i].word;
  return "";
}

static void
append_query (GString *out, const FmQuery *query)
{
  switch (query->kind)
    {
    case FM_QUERY_ALL:
      g_string_append_c (out, '*');
      break;
    case FM_QUERY_AND:
      append_children (out, query, " and ");
      break;
    case FM_QUERY_OR:
      append_children (out, query, " or ");
      break;
    case FM_QUERY_XOR:
      g_string_append_c (out, '(');
      append_chain (out, query);
      g_string_append_c (out, ')');
      break;
    case FM_QUERY_NOT:
      g_string_append (out, "not ");
      append_query (out, fm_query_child (query, 0));
      break;
    case FM_QUERY_FLAG:
      g_string_append_printf (out, "is:%s", flag_word (query->flag));
      break;
    case FM_QUERY_DATE:
    case FM_QUERY_SIZE:
      g_string_append (out, leaf_names[query->kind]);
      append_range (out, query, query->kind == FM_QUERY_DATE ? "@" : "");
      break;
    default:
      g_string_append (out, leaf_names[query->kind]);
      append_text (out, query);
    }
}

char *
fm_query_to_string (const FmQuery *query)
{
  GString *out = g_string_new (NULL);

  append_query (out, query);
  return g_string_free (out, FALSE);
}

/* The patterns of mutt that people's fingers know ("~f ada ~N | !~d <2w"), compiled to the same tree. What stands after a pattern is searched
 * for as text, not as a regular expression. */
#include "fulmar/mail/flags.h"
#include "mail/query-private.h"
#include <string.h>

typedef enum { TAKES_NOTHING, TAKES_TEXT, TAKES_DATE, TAKES_SIZE } Argument;

static const struct {
  char letter;
  Argument argument;
  FmQueryKind kind;
  guint flag;
  gboolean negated;
} patterns[] = {
  { 'A', TAKES_NOTHING, FM_QUERY_ALL, 0, FALSE },
  { 'N', TAKES_NOTHING, FM_QUERY_FLAG, FM_FLAG_SEEN, TRUE },
  { 'O', TAKES_NOTHING, FM_QUERY_FLAG, FM_FLAG_SEEN, TRUE },
  { 'U', TAKES_NOTHING, FM_QUERY_FLAG, FM_FLAG_SEEN, TRUE },
  { 'R', TAKES_NOTHING, FM_QUERY_FLAG, FM_FLAG_SEEN, FALSE },
  { 'F', TAKES_NOTHING, FM_QUERY_FLAG, FM_FLAG_FLAGGED, FALSE },
  { 'D', TAKES_NOTHING, FM_QUERY_FLAG, FM_FLAG_DELETED, FALSE },
  { 'Q', TAKES_NOTHING, FM_QUERY_FLAG, FM_FLAG_ANSWERED, FALSE },
  { 'f', TAKES_TEXT, FM_QUERY_FROM, 0, FALSE },
  { 't', TAKES_TEXT, FM_QUERY_TO, 0, FALSE },
  { 'C', TAKES_TEXT, FM_QUERY_TO, 0, FALSE },
  { 'c', TAKES_TEXT, FM_QUERY_CC, 0, FALSE },
  { 's', TAKES_TEXT, FM_QUERY_SUBJECT, 0, FALSE },
  { 'b', TAKES_TEXT, FM_QUERY_BODY, 0, FALSE },
  { 'B', TAKES_TEXT, FM_QUERY_WORD, 0, FALSE },
  { 'i', TAKES_TEXT, FM_QUERY_ID, 0, FALSE },
  { 'y', TAKES_TEXT, FM_QUERY_TAG, 0, FALSE },
  { 'Y', TAKES_TEXT, FM_QUERY_TAG, 0, FALSE },
  { 'd', TAKES_DATE, FM_QUERY_DATE, 0, FALSE },
  { 'z', TAKES_SIZE, FM_QUERY_SIZE, 0, FALSE },
};

static void
skip_blank (FmQueryParser *parser)
{
  while (g_ascii_isspace (parser->text[parser->at]))
    parser->at++;
}

/* The word that stands here, or the text in either quotes; NULL if nothing is there or the quote is not closed. Transfer: full. */
static char *
take_argument (FmQueryParser *parser, gboolean *ret_quoted)
{
  gsize start = parser->at;
  char quote = parser->text[start];
  *ret_quoted = quote == '"' || quote == '\'';
  if (!*ret_quoted)
    {
      gsize size = strcspn (parser->text + start, " \t\r\n()|");
      parser->at += size;
      if (size == 0)
        fm_query_parse_fail (parser, start, "this pattern needs something to search for");
      return size > 0 ? g_strndup (parser->text + start, size) : NULL;
    }
  const char *close = strchr (parser->text + start + 1, quote);
  if (close == NULL || close == parser->text + start + 1)
    {
      fm_query_parse_fail (parser, start, close == NULL ? "this quote is never closed" : "nothing stands between these quotes");
      return NULL;
    }
  parser->at = close + 1 - parser->text;
  return g_strndup (parser->text + start + 1, close - parser->text - start - 1);
}

/* "<2w" newer, ">2w" older, "=2w" that day, "a-b", "a-", "-b", with days written d/m/y or yyyymmdd. */
static gboolean
parse_mutt_date (const char *text, gint64 now_utc, FmQuery *leaf)
{
  gint64 start, end;

  if (strchr ("<>=", text[0]) != NULL)
    {
      if (!fm_query_range_age (text + 1, now_utc, &start, &end))
        return FALSE;
      leaf->low = text[0] == '>' ? G_MININT64 : start;
      leaf->high = text[0] == '<' ? G_MAXINT64 : text[0] == '>' ? start : end;
      return TRUE;
    }
  if (fm_query_range_date (text, now_utc, &leaf->low, &leaf->high))
    return TRUE;
  const char *dash = strchr (text, '-');
  if (dash == NULL)
    return FALSE;
  g_autofree char *range = g_strdup_printf ("%.*s..%s", (int) (dash - text), text, dash + 1);
  return fm_query_range_date (range, now_utc, &leaf->low, &leaf->high);
}

static gboolean
parse_mutt_size (const char *text, FmQuery *leaf)
{
  const char *dash = strchr (text, '-');

  if (dash == NULL)
    return fm_query_range_size (text, &leaf->low, &leaf->high);
  g_autofree char *range = g_strdup_printf ("%.*s..%s", (int) (dash - text), text, dash + 1);
  return fm_query_range_size (range, &leaf->low, &leaf->high);
}

static FmQuery *
parse_argument (FmQueryParser *parser, gsize pattern)
{
  gboolean quoted = FALSE;
  skip_blank (parser);
  gsize at = parser->at;
  g_autofree char *text = take_argument (parser, &quoted);
  if (text == NULL)
    return NULL;
  if (patterns[pattern].argument == TAKES_TEXT)
    return patterns[pattern].kind == FM_QUERY_TAG
               ? fm_query_new_tag (text)
               : fm_query_new_text (patterns[pattern].kind, text, quoted || patterns[pattern].kind == FM_QUERY_ID);

  g_autoptr (FmQuery) leaf = fm_query_new (patterns[pattern].kind);
  if (patterns[pattern].argument == TAKES_DATE && !parse_mutt_date (text, parser->now_utc, leaf))
    return fm_query_parse_fail (parser, at, "\"%s\" is no date: try <2w, >1m or 20260101-20260131", text);
  if (patterns[pattern].argument == TAKES_SIZE && !parse_mutt_size (text, leaf))
    return fm_query_parse_fail (parser, at, "\"%s\" is no size: try >10k or 10k-2M", text);
  return g_steal_pointer (&leaf);
}

static FmQuery *parse_or (FmQueryParser *parser);

static FmQuery *
parse_pattern (FmQueryParser *parser)
{
  gsize start = parser->at;
  char letter = parser->text[start + 1];

  if (letter == 'T')
    return fm_query_parse_fail (parser, start,
                                "~T is about the marks on the screen, which are no part of the mail: use it in the list alone");
  for (gsize i = 0; letter != '\0' && i < G_N_ELEMENTS (patterns); i++)
    if (patterns[i].letter == letter)
      {
        parser->at += 2;
        if (patterns[i].argument != TAKES_NOTHING)
          return fm_query_parse_term (parser, start, parse_argument (parser, i));
        FmQuery *leaf = fm_query_new (patterns[i].kind);
        leaf->flag = patterns[i].flag;
        leaf = fm_query_parse_term (parser, start, leaf);
        return leaf != NULL && patterns[i].negated ? fm_query_new_not (leaf) : leaf;
      }
  return fm_query_parse_fail (parser, start, "there is no pattern \"~%.*s\" here", letter != '\0' ? 1 : 0, parser->text + start + 1);
}

static FmQuery *
parse_not (FmQueryParser *parser)
{
  gboolean negate = FALSE;
  FmQuery *term = NULL;

  for (skip_blank (parser); parser->text[parser->at] == '!'; skip_blank (parser))
    {
      negate = !negate;
      parser->at++;
    }
  gsize start = parser->at;
  if (parser->text[start] == '(')
    {
      if (++parser->depth > FM_QUERY_MAX_DEPTH)
        return fm_query_parse_fail (parser, start, "parentheses are nested too deep");
      parser->at++;
      term = parse_or (parser);
      parser->depth--;
      skip_blank (parser);
      if (term != NULL && parser->text[parser->at] != ')')
        {
          fm_query_unref (term);
          return fm_query_parse_fail (parser, start, "this parenthesis is never closed");
        }
      parser->at += term != NULL;
    }
  else if (parser->text[start] == '~')
    term = parse_pattern (parser);
  else
    fm_query_parse_fail (parser, start, "a pattern such as ~f NAME must stand here");
  return term != NULL && negate ? fm_query_new_not (term) : term;
}

/* Patterns side by side are joined by and, "|" by or. */
static FmQuery *
parse_joined (FmQueryParser *parser, FmQueryKind kind, FmQuery *(*parse_side) (FmQueryParser *) )
{
  g_autoptr (FmQuery) left = parse_side (parser);
  FmQuery *joined = NULL;

  for (skip_blank (parser); left != NULL; skip_blank (parser))
    {
      char here = parser->text[parser->at];
      if (kind == FM_QUERY_OR ? here != '|' : here == '\0' || here == ')' || here == '|')
        break;
      parser->at += kind == FM_QUERY_OR;
      FmQuery *right = parse_side (parser);
      if (right == NULL)
        return NULL;
      left = joined != NULL ? fm_query_add (joined, right) : (joined = fm_query_add (fm_query_add (fm_query_new (kind), left), right));
    }
  return g_steal_pointer (&left);
}

static FmQuery *
parse_and (FmQueryParser *parser)
{
  return parse_joined (parser, FM_QUERY_AND, parse_not);
}

static FmQuery *
parse_or (FmQueryParser *parser)
{
  return parse_joined (parser, FM_QUERY_OR, parse_and);
}

FmQuery *
fm_query_mutt_parse (FmQueryParser *parser)
{
  FmQuery *query = parse_or (parser);

  skip_blank (parser);
  if (query != NULL && parser->text[parser->at] != '\0')
    {
      fm_query_unref (query);
      return fm_query_parse_fail (parser, parser->at, "this parenthesis was never opened");
    }
  return query;
}

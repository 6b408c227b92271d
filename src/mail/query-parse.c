/* notmuch's words, by recursive descent:
 *
 *   or    := xor { "or" xor }
 *   xor   := and { "xor" and }
 *   and   := not { ["and"] not }
 *   not   := ("not" | "-") not | "+" not | term
 *   term  := "(" or ")" | field ":" value | value | "*"
 *   value := word | "phrase" | "(" word... ")"
 *
 * notmuch itself answers half a query with nothing found and no word why; here each mistake has its place. */
#include "fulmar/base/error.h"
#include "fulmar/base/text.h"
#include "mail/query-private.h"
#include <string.h>

static const struct {
  const char *name;
  FmQueryKind kind;
} fields[] = {
  { "from", FM_QUERY_FROM },       { "to", FM_QUERY_TO },
  { "cc", FM_QUERY_CC },           { "subject", FM_QUERY_SUBJECT },
  { "date", FM_QUERY_DATE },       { "folder", FM_QUERY_FOLDER },
  { "account", FM_QUERY_ACCOUNT }, { "tag", FM_QUERY_TAG },
  { "is", FM_QUERY_TAG },          { "id", FM_QUERY_ID },
  { "mid", FM_QUERY_ID },          { "thread", FM_QUERY_THREAD },
  { "body", FM_QUERY_BODY },       { "attachment", FM_QUERY_ATTACHMENT },
  { "size", FM_QUERY_SIZE },
};
static const char *const field_words[]
    = { "from", "to", "cc", "subject", "date", "folder", "account", "tag", "is", "id", "thread", "body", "attachment", "size", NULL };

FmQuery *
fm_query_parse_fail (FmQueryParser *parser, gsize at, const char *format, ...)
{
  if (parser->error == NULL || *parser->error == NULL)
    {
      va_list args;
      va_start (args, format);
      g_autofree char *message = g_strdup_vprintf (format, args);
      va_end (args);
      parser->error_at = at;
      g_set_error_literal (parser->error, FM_ERROR, FM_ERROR_INVALID, message);
    }
  return NULL;
}

/* Letters and digits; an ideograph says as much as two. */
static guint
count_letters (const char *text)
{
  guint n = 0;

  for (const char *p = text; *p != '\0'; p = g_utf8_next_char (p))
    {
      gunichar c = g_utf8_get_char (p);
      n += g_unichar_isalnum (c) || g_unichar_ismark (c) ? (g_unichar_iswide (c) ? 2 : 1) : 0;
    }
  return n;
}

static gboolean
is_fulltext (FmQueryKind kind)
{
  return kind == FM_QUERY_WORD || kind == FM_QUERY_BODY || kind == FM_QUERY_ATTACHMENT;
}

FmQuery *
fm_query_parse_term (FmQueryParser *parser, gsize at, FmQuery *term)
{
  g_autoptr (FmQuery) owned = term;
  if (owned == NULL)
    return NULL;
  if (++parser->n_terms > FM_QUERY_MAX_TERMS)
    {
      parser->error_at = at;
      g_set_error (parser->error, FM_ERROR, FM_ERROR_LIMIT, "more than %d words to search for", FM_QUERY_MAX_TERMS);
      return NULL;
    }
  const char *text = fm_query_text (owned);
  gboolean may_be_short
      = owned->kind == FM_QUERY_FOLDER || owned->kind == FM_QUERY_ACCOUNT || owned->kind == FM_QUERY_TAG || owned->kind == FM_QUERY_ID;
  if (is_fulltext (owned->kind) && count_letters (text) == 0)
    return fm_query_parse_fail (parser, at, "\"%s\" holds no letter or digit to search for", text);
  if (owned->is_prefix && !may_be_short && count_letters (text) < 3)
    return fm_query_parse_fail (parser, at, "at least three letters must come before the *");
  return g_steal_pointer (&owned);
}

static void
skip_blank (FmQueryParser *parser)
{
  while (g_ascii_isspace (parser->text[parser->at]))
    parser->at++;
}

/* The bytes up to a blank or a parenthesis. */
static gsize
word_size (FmQueryParser *parser)
{
  return strcspn (parser->text + parser->at, " \t\r\n()");
}

/* Is the next word this operator? Consumes it if so. */
static gboolean
take_operator (FmQueryParser *parser, const char *name)
{
  skip_blank (parser);
  gsize size = word_size (parser);
  if (size != strlen (name) || g_ascii_strncasecmp (parser->text + parser->at, name, size) != 0)
    return FALSE;
  parser->at += size;
  return TRUE;
}

static gboolean
at_operator (FmQueryParser *parser, const char *name)
{
  gsize at = parser->at;
  gboolean found = take_operator (parser, name);

  parser->at = at;
  return found;
}

/* A quoted text; a doubled quote stands for itself. NULL if it is not closed. Transfer: full. */
static char *
take_quoted (FmQueryParser *parser)
{
  gsize start = parser->at++;
  g_autoptr (GString) text = g_string_new (NULL);

  for (; parser->text[parser->at] != '\0'; parser->at++)
    {
      if (parser->text[parser->at] == '"')
        {
          parser->at++;
          if (parser->text[parser->at] != '"')
            return g_strdup (text->str);
        }
      g_string_append_c (text, parser->text[parser->at]);
    }
  fm_query_parse_fail (parser, start, "this quote is never closed");
  return NULL;
}

static FmQuery *
make_leaf (FmQueryParser *parser, FmQueryKind kind, const char *text, gsize at, gboolean quoted)
{
  if (kind == FM_QUERY_TAG)
    return fm_query_new_tag (text);
  if (kind == FM_QUERY_DATE || kind == FM_QUERY_SIZE)
    {
      g_autoptr (FmQuery) leaf = fm_query_new (kind);
      if (kind == FM_QUERY_DATE && !fm_query_range_date (text, parser->now_utc, &leaf->low, &leaf->high))
        return fm_query_parse_fail (parser, at, "\"%s\" is no date: try 2026-01-31, yesterday, 2w.. or 2026-01..2026-02", text);
      if (kind == FM_QUERY_SIZE && !fm_query_range_size (text, &leaf->low, &leaf->high))
        return fm_query_parse_fail (parser, at, "\"%s\" is no size: try 10k.., ..2M or 10k..2M", text);
      return g_steal_pointer (&leaf);
    }
  if (kind == FM_QUERY_ID && text[0] == '<' && g_str_has_suffix (text, ">"))
    {
      g_autofree char *bare = g_strndup (text + 1, strlen (text) - 2);
      return fm_query_new_text (kind, bare, TRUE);
    }
  return fm_query_new_text (kind, text, quoted || kind == FM_QUERY_ID || kind == FM_QUERY_THREAD);
}

static FmQuery *parse_value (FmQueryParser *parser, FmQueryKind kind);

/* "subject:(a b)": all of them. */
static FmQuery *
parse_group (FmQueryParser *parser, FmQueryKind kind)
{
  gsize start = parser->at++;
  g_autoptr (FmQuery) all = fm_query_new (FM_QUERY_AND);

  for (skip_blank (parser); parser->text[parser->at] != ')'; skip_blank (parser))
    {
      if (parser->text[parser->at] == '\0')
        return fm_query_parse_fail (parser, start, "this parenthesis is never closed");
      if (parser->text[parser->at] == '(')
        return fm_query_parse_fail (parser, parser->at, "words of a field can't be grouped further");
      FmQuery *leaf = parse_value (parser, kind);
      if (leaf == NULL)
        return NULL;
      fm_query_add (all, leaf);
    }
  parser->at++;
  if (fm_query_n_children (all) == 0)
    return fm_query_parse_fail (parser, start, "nothing stands in these parentheses");
  return fm_query_n_children (all) == 1 ? fm_query_ref (fm_query_child (all, 0)) : g_steal_pointer (&all);
}

static FmQuery *
parse_value (FmQueryParser *parser, FmQueryKind kind)
{
  gsize start = parser->at;

  if (parser->text[start] == '(')
    return parse_group (parser, kind);
  gboolean quoted = parser->text[start] == '"';
  g_autofree char *text = NULL;
  if (quoted)
    text = take_quoted (parser);
  else
    {
      gsize size = word_size (parser);
      text = g_strndup (parser->text + start, size);
      parser->at += size;
    }
  if (text == NULL)
    return NULL;
  if (text[0] == '\0')
    return fm_query_parse_fail (parser, start, "something to search for must follow here");
  return fm_query_parse_term (parser, start, make_leaf (parser, kind, text, start, quoted));
}

/* The field before a colon, its colon consumed; FM_QUERY_WORD if there is none. FALSE for what looks like a misspelt one. */
static gboolean
take_field (FmQueryParser *parser, FmQueryKind *ret_kind)
{
  const char *start = parser->text + parser->at;
  gsize size = strspn (start, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");

  *ret_kind = FM_QUERY_WORD;
  if (size == 0 || start[size] != ':')
    return TRUE;
  for (gsize i = 0; i < G_N_ELEMENTS (fields); i++)
    if (strlen (fields[i].name) == size && g_ascii_strncasecmp (start, fields[i].name, size) == 0)
      {
        *ret_kind = fields[i].kind;
        parser->at += size + 1;
        return TRUE;
      }
  g_autofree char *name = g_ascii_strdown (start, size);
  const char *nearest = size > 2 ? fm_text_nearest (name, field_words) : NULL;
  if (nearest != NULL)
    fm_query_parse_fail (parser, parser->at, "there is no field \"%s:\"; did you mean \"%s:\"?", name, nearest);
  return nearest == NULL;
}

static FmQuery *parse_or (FmQueryParser *parser);

static FmQuery *
parse_parenthesis (FmQueryParser *parser)
{
  gsize start = parser->at++;

  if (++parser->depth > FM_QUERY_MAX_DEPTH)
    return fm_query_parse_fail (parser, start, "parentheses are nested too deep");
  g_autoptr (FmQuery) inner = parse_or (parser);
  parser->depth--;
  if (inner == NULL)
    return NULL;
  skip_blank (parser);
  if (parser->text[parser->at] != ')')
    return fm_query_parse_fail (parser, start, "this parenthesis is never closed");
  parser->at++;
  return g_steal_pointer (&inner);
}

static FmQuery *
parse_term (FmQueryParser *parser)
{
  FmQueryKind kind;
  const char *here = parser->text + parser->at;

  if (*here == '\0')
    return fm_query_parse_fail (parser, parser->at, "something to search for must follow here");
  if (*here == '(')
    return parse_parenthesis (parser);
  if (*here == ')')
    return fm_query_parse_fail (parser, parser->at,
                                parser->depth > 0 ? "something to search for must come before this parenthesis"
                                                  : "this parenthesis was never opened");
  if (at_operator (parser, "and") || at_operator (parser, "or") || at_operator (parser, "xor"))
    return fm_query_parse_fail (parser, parser->at, "something to search for must come before \"%.*s\"", (int) word_size (parser), here);
  if (*here == '*' && word_size (parser) == 1)
    {
      parser->at++;
      return fm_query_parse_term (parser, parser->at - 1, fm_query_new (FM_QUERY_ALL));
    }
  return take_field (parser, &kind) ? parse_value (parser, kind) : NULL;
}

static FmQuery *
parse_not (FmQueryParser *parser)
{
  gboolean negate = FALSE;

  for (skip_blank (parser);; skip_blank (parser))
    {
      char here = parser->text[parser->at], next = here != '\0' ? parser->text[parser->at + 1] : '\0';
      gboolean sign = (here == '-' || here == '+') && next != '\0' && !g_ascii_isspace (next) && next != ')' && next != '-' && next != '+';
      if (sign)
        parser->at++;
      else if (!take_operator (parser, "not"))
        break;
      negate ^= !sign || here == '-';
    }
  FmQuery *term = parse_term (parser);
  return term != NULL && negate ? fm_query_new_not (term) : term;
}

/* Adds the next side to JOINED, a node of KIND that is made when there is a second side. Takes both. */
static FmQuery *
join (FmQuery **joined, FmQueryKind kind, FmQuery *left, FmQuery *right)
{
  if (*joined == NULL || kind == FM_QUERY_XOR)
    *joined = fm_query_add (fm_query_new (kind), left);
  return fm_query_add (*joined, right);
}

static FmQuery *
parse_and (FmQueryParser *parser)
{
  g_autoptr (FmQuery) left = parse_not (parser);
  FmQuery *joined = NULL;

  while (left != NULL)
    {
      gboolean written = take_operator (parser, "and");
      skip_blank (parser);
      char here = parser->text[parser->at];
      if (!written && (here == '\0' || here == ')' || at_operator (parser, "or") || at_operator (parser, "xor")))
        break;
      FmQuery *right = parse_not (parser);
      if (right == NULL)
        return NULL;
      left = join (&joined, FM_QUERY_AND, left, right);
    }
  return g_steal_pointer (&left);
}

static FmQuery *
parse_chain (FmQueryParser *parser, const char *name, FmQueryKind kind, FmQuery *(*parse_side) (FmQueryParser *) )
{
  g_autoptr (FmQuery) left = parse_side (parser);
  FmQuery *joined = NULL;

  while (left != NULL && take_operator (parser, name))
    {
      FmQuery *right = parse_side (parser);
      if (right == NULL)
        return NULL;
      left = join (&joined, kind, left, right);
    }
  return g_steal_pointer (&left);
}

static FmQuery *
parse_xor (FmQueryParser *parser)
{
  return parse_chain (parser, "xor", FM_QUERY_XOR, parse_and);
}

static FmQuery *
parse_or (FmQueryParser *parser)
{
  return parse_chain (parser, "or", FM_QUERY_OR, parse_xor);
}

/* "~f ada", "!~f ada", "!(~f ada)" */
static gboolean
is_mutt_pattern (const char *text)
{
  gsize marks = strspn (text, "! (");

  return text[0] == '~' || (text[marks] == '~' && memchr (text, '!', marks) != NULL) || (text[0] == '(' && text[marks] == '~');
}

#define CONTROL_BYTES \
  "\001\002\003\004\005\006\007\010\011\012\013\014\015\016\017\020\021\022\023\024\025\026\027\030\031\032\033\034\035\036\037\177"

FmQuery *
fm_query_parse (const char *text, gint64 now_utc, gsize *ret_position, GError **error)
{
  GError *own_error = NULL;
  FmQueryParser parser = { .text = text, .now_utc = now_utc, .error = &own_error };
  FmQuery *query = NULL;
  const char *broken;
  gsize control;

  skip_blank (&parser);
  if (strlen (text) > FM_QUERY_MAX_BYTES)
    {
      for (parser.error_at = FM_QUERY_MAX_BYTES; parser.error_at > 0 && (text[parser.error_at] & 0xc0) == 0x80;)
        parser.error_at--; /* to the character's beginning */
      g_set_error (&own_error, FM_ERROR, FM_ERROR_LIMIT, "a query may be %d bytes long", FM_QUERY_MAX_BYTES);
    }
  else if (!g_utf8_validate (text, -1, &broken))
    fm_query_parse_fail (&parser, (gsize) (broken - text), "from here on this text is not UTF-8");
  else if ((control = strcspn (text, CONTROL_BYTES)) < strlen (text))
    fm_query_parse_fail (&parser, control, "a control character can't be searched for");
  else if (text[parser.at] == '\0')
    query = fm_query_new (FM_QUERY_ALL);
  else if (is_mutt_pattern (text + parser.at))
    query = fm_query_mutt_parse (&parser);
  else
    {
      query = parse_or (&parser);
      skip_blank (&parser);
      if (query != NULL && text[parser.at] != '\0')
        {
          g_clear_pointer (&query, fm_query_unref);
          fm_query_parse_fail (&parser, parser.at, "this parenthesis was never opened");
        }
    }
  if (query == NULL)
    {
      if (ret_position != NULL)
        *ret_position = parser.error_at;
      g_propagate_error (error, own_error);
    }
  return query;
}

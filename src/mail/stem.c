/* Each step looks for the longest ending of its table and does what stands there if the region allows; a shorter ending is not tried then.
 * The regions R1 and R2 are kept as offsets: an ending lies in one if it begins at or behind it. */
#include "mail/stem.h"
#include <string.h>

typedef struct {
  char text[FM_STEM_MAX_BYTES + 2]; /* an 'e' may be added */
  gsize size;
  gsize r1, r2;
} Word;

typedef struct {
  const char *ending;
  const char *replacement;
} Rule;

static gboolean
is_vowel (char c)
{
  return c != '\0' && strchr ("aeiouy", c) != NULL;
}

static gboolean
ends_in (const Word *w, const char *ending)
{
  gsize size = strlen (ending);

  return size <= w->size && memcmp (w->text + w->size - size, ending, size) == 0;
}

static gboolean
is_word (const Word *w, const char *text)
{
  return strlen (text) == w->size && memcmp (w->text, text, w->size) == 0;
}

static void
cut (Word *w, gsize n)
{
  w->size -= n;
  w->text[w->size] = '\0';
}

static void
replace (Word *w, const char *ending, const char *replacement)
{
  cut (w, strlen (ending));
  memcpy (w->text + w->size, replacement, strlen (replacement) + 1);
  w->size += strlen (replacement);
}

/* The longest rule whose ending the word has, or NULL. */
static const Rule *
find_rule (const Word *w, const Rule *rules, gsize n)
{
  const Rule *best = NULL;

  for (gsize i = 0; i < n; i++)
    if (ends_in (w, rules[i].ending) && (best == NULL || strlen (rules[i].ending) > strlen (best->ending)))
      best = &rules[i];
  return best;
}

static gboolean
has_vowel_before (const Word *w, gsize end)
{
  for (gsize i = 0; i < end; i++)
    if (is_vowel (w->text[i]))
      return TRUE;
  return FALSE;
}

/* A vowel between consonants of which the last is not w, x or Y; or a vowel that begins the word, and a consonant. */
static gboolean
ends_short (const Word *w)
{
  const char *t = w->text;
  gsize n = w->size;

  if (n >= 3 && !is_vowel (t[n - 1]) && strchr ("wxY", t[n - 1]) == NULL && is_vowel (t[n - 2]) && !is_vowel (t[n - 3]))
    return TRUE;
  return n == 2 && is_vowel (t[0]) && !is_vowel (t[1]);
}

/* Past the first consonant after a vowel, from AT on. */
static gsize
next_region (const Word *w, gsize at)
{
  while (at < w->size && !is_vowel (w->text[at]))
    at++;
  while (at < w->size && is_vowel (w->text[at]))
    at++;
  for (at += at < w->size; at < w->size && ((guchar) w->text[at] & 0xc0) == 0x80; at++)
    ;
  return at;
}

static void
mark_regions (Word *w)
{
  static const char *const beginnings[] = { "gener", "commun", "arsen" };

  w->r1 = next_region (w, 0);
  for (gsize i = 0; i < G_N_ELEMENTS (beginnings); i++)
    if (w->size >= strlen (beginnings[i]) && memcmp (w->text, beginnings[i], strlen (beginnings[i])) == 0)
      w->r1 = strlen (beginnings[i]);
  w->r2 = next_region (w, w->r1);
}

/* A y that is a consonant is written Y until the end. */
static void
mark_consonant_y (Word *w)
{
  if (w->text[0] == 'y')
    w->text[0] = 'Y';
  for (gsize i = 1; i < w->size; i++)
    if (w->text[i] == 'y' && is_vowel (w->text[i - 1]))
      w->text[i] = 'Y';
}

static void
step_1a (Word *w)
{
  static const Rule possessives[] = { { "'", "" }, { "'s", "" }, { "'s'", "" } };
  static const Rule plurals[] = { { "sses", "ss" }, { "ied", "i" }, { "ies", "i" }, { "s", "" }, { "us", NULL }, { "ss", NULL } };
  const Rule *rule = find_rule (w, possessives, G_N_ELEMENTS (possessives));

  if (rule != NULL)
    cut (w, strlen (rule->ending));
  rule = find_rule (w, plurals, G_N_ELEMENTS (plurals));
  if (rule == NULL || rule->replacement == NULL)
    return;
  if (rule->ending[0] == 'i')
    replace (w, rule->ending, w->size > 4 ? "i" : "ie");
  else if (rule->ending[1] != '\0')
    replace (w, rule->ending, rule->replacement);
  else if (w->size >= 2 && has_vowel_before (w, w->size - 2))
    cut (w, 1);
}

static void
mend_after_1b (Word *w)
{
  static const char *const doubles[] = { "bb", "dd", "ff", "gg", "mm", "nn", "pp", "rr", "tt" };

  if (ends_in (w, "at") || ends_in (w, "bl") || ends_in (w, "iz"))
    {
      replace (w, "", "e");
      return;
    }
  for (gsize i = 0; i < G_N_ELEMENTS (doubles); i++)
    if (ends_in (w, doubles[i]))
      {
        cut (w, 1);
        return;
      }
  if (w->size == w->r1 && ends_short (w))
    replace (w, "", "e");
}

static void
step_1b (Word *w)
{
  static const Rule rules[] = { { "eed", "ee" }, { "eedly", "ee" }, { "ed", "" }, { "edly", "" }, { "ing", "" }, { "ingly", "" } };
  const Rule *rule = find_rule (w, rules, G_N_ELEMENTS (rules));
  gsize start = rule == NULL ? 0 : w->size - strlen (rule->ending);

  if (rule == NULL)
    return;
  if (rule->replacement[0] != '\0')
    {
      if (start >= w->r1)
        replace (w, rule->ending, rule->replacement);
    }
  else if (has_vowel_before (w, start))
    {
      cut (w, strlen (rule->ending));
      mend_after_1b (w);
    }
}

static void
step_1c (Word *w)
{
  gsize n = w->size;

  if (n > 2 && (w->text[n - 1] == 'y' || w->text[n - 1] == 'Y') && !is_vowel (w->text[n - 2]))
    w->text[n - 1] = 'i';
}

static void
step_2 (Word *w)
{
  static const Rule rules[] = {
    { "tional", "tion" }, { "enci", "ence" },   { "anci", "ance" }, { "abli", "able" },   { "entli", "ent" },   { "izer", "ize" },
    { "ization", "ize" }, { "ational", "ate" }, { "ation", "ate" }, { "ator", "ate" },    { "alism", "al" },    { "aliti", "al" },
    { "alli", "al" },     { "fulness", "ful" }, { "ousli", "ous" }, { "ousness", "ous" }, { "iveness", "ive" }, { "iviti", "ive" },
    { "biliti", "ble" },  { "bli", "ble" },     { "ogi", "og" },    { "fulli", "ful" },   { "lessli", "less" }, { "li", "" },
  };
  const Rule *rule = find_rule (w, rules, G_N_ELEMENTS (rules));
  gsize start = rule == NULL ? 0 : w->size - strlen (rule->ending);

  if (rule == NULL || start < w->r1)
    return;
  char before = start > 0 ? w->text[start - 1] : '\0';
  if (strcmp (rule->ending, "ogi") == 0 && before != 'l')
    return;
  if (strcmp (rule->ending, "li") == 0 && (before == '\0' || strchr ("cdeghkmnrt", before) == NULL))
    return;
  replace (w, rule->ending, rule->replacement);
}

static void
step_3 (Word *w)
{
  static const Rule rules[] = { { "tional", "tion" }, { "ational", "ate" }, { "alize", "al" }, { "icate", "ic" }, { "iciti", "ic" },
                                { "ical", "ic" },     { "ful", "" },        { "ness", "" },    { "ative", "" } };
  const Rule *rule = find_rule (w, rules, G_N_ELEMENTS (rules));
  gsize start = rule == NULL ? 0 : w->size - strlen (rule->ending);

  if (rule != NULL && start >= w->r1 && (strcmp (rule->ending, "ative") != 0 || start >= w->r2))
    replace (w, rule->ending, rule->replacement);
}

static void
step_4 (Word *w)
{
  static const Rule rules[] = { { "al", "" },   { "ance", "" }, { "ence", "" },  { "er", "" },   { "ic", "" },  { "able", "" },
                                { "ible", "" }, { "ant", "" },  { "ement", "" }, { "ment", "" }, { "ent", "" }, { "ism", "" },
                                { "ate", "" },  { "iti", "" },  { "ous", "" },   { "ive", "" },  { "ize", "" }, { "ion", "" } };
  const Rule *rule = find_rule (w, rules, G_N_ELEMENTS (rules));
  gsize start = rule == NULL ? 0 : w->size - strlen (rule->ending);

  if (rule == NULL || start < w->r2)
    return;
  if (strcmp (rule->ending, "ion") != 0 || (start > 0 && strchr ("st", w->text[start - 1]) != NULL))
    cut (w, strlen (rule->ending));
}

static void
step_5 (Word *w)
{
  if (w->size == 0)
    return;
  gsize start = w->size - 1;
  if (w->text[start] == 'e')
    {
      Word shorter = *w;
      cut (&shorter, 1);
      if (start >= w->r2 || (start >= w->r1 && !ends_short (&shorter)))
        cut (w, 1);
    }
  else if (w->text[start] == 'l' && start >= w->r2 && start > 0 && w->text[start - 1] == 'l')
    {
      cut (w, 1);
    }
}

/* Words with a stem of their own. */
static gboolean
take_exception (Word *w)
{
  static const Rule exceptions[]
      = { { "skis", "ski" },      { "skies", "sky" },    { "dying", "die" },  { "lying", "lie" },   { "tying", "tie" },
          { "idly", "idl" },      { "gently", "gentl" }, { "ugly", "ugli" },  { "early", "earli" }, { "only", "onli" },
          { "singly", "singl" },  { "sky", "sky" },      { "news", "news" },  { "howe", "howe" },   { "atlas", "atlas" },
          { "cosmos", "cosmos" }, { "bias", "bias" },    { "andes", "andes" } };

  for (gsize i = 0; i < G_N_ELEMENTS (exceptions); i++)
    if (is_word (w, exceptions[i].ending))
      {
        replace (w, exceptions[i].ending, exceptions[i].replacement);
        return TRUE;
      }
  return g_utf8_strlen (w->text, (gssize) w->size) <= 2;
}

static gboolean
is_left_after_1a (const Word *w)
{
  static const char *const words[] = { "inning", "outing", "canning", "herring", "earring", "proceed", "exceed", "succeed" };

  for (gsize i = 0; i < G_N_ELEMENTS (words); i++)
    if (is_word (w, words[i]))
      return TRUE;
  return FALSE;
}

gsize
fm_stem_english (const char *word, gsize size, char ret_stem[FM_STEM_MAX_BYTES + 2])
{
  Word w = { .size = MIN (size, FM_STEM_MAX_BYTES) };

  memcpy (w.text, word, w.size);
  if (size <= FM_STEM_MAX_BYTES && !take_exception (&w))
    {
      if (w.text[0] == '\'')
        memmove (w.text, w.text + 1, w.size--);
      mark_consonant_y (&w);
      mark_regions (&w);
      step_1a (&w);
      if (!is_left_after_1a (&w))
        {
          step_1b (&w);
          step_1c (&w);
          step_2 (&w);
          step_3 (&w);
          step_4 (&w);
          step_5 (&w);
        }
      for (gsize i = 0; i < w.size; i++)
        if (w.text[i] == 'Y')
          w.text[i] = 'y';
    }
  memcpy (ret_stem, w.text, w.size);
  ret_stem[w.size] = '\0';
  return w.size;
}

/* Greedy from the left, tried from each place where the first letter stands: names are short and a menu holds a few thousand of them. A whole
 * substring beats scattered letters, the beginning of a part ("/", ".", " ", "-") beats its middle, and shorter names beat longer ones. */
#include "ui/fuzzy.h"
#include <string.h>

#define STARTS_MAX 32

static gboolean
begins_part (const char *text, const char *at)
{
  return at == text || strchr ("/. -_@", at[-1]) != NULL;
}

static int
score_from (const char *needle, const char *text, const char *start)
{
  int score = 0, run = 0;
  const char *at = start;
  for (const char *n = needle; *n; n++)
    {
      const char *hit = strchr (at, *n);
      if (!hit)
        return -1;
      run = hit == at && n != needle ? run + 1 : 0;
      score += 10 + 40 * MIN (run, 4) + (begins_part (text, hit) ? 30 : 0) - (int) MIN (hit - at, 10);
      at = hit + 1;
    }
  return MAX (score, 0);
}

static int
score_word (const char *needle, const char *text)
{
  int best = -1, starts = 0;
  for (const char *at = strchr (text, *needle); at && starts < STARTS_MAX; at = strchr (at + 1, *needle), starts++)
    best = MAX (best, score_from (needle, text, at));
  return best;
}

int
fm_fuzzy_score (const char *needle, const char *folded)
{
  g_auto (GStrv) words = g_strsplit (needle, " ", 16);
  int total = 0;
  for (guint i = 0; words[i]; i++)
    {
      if (!*words[i])
        continue;
      int score = score_word (words[i], folded);
      if (score < 0)
        return -1;
      total += score;
    }
  return total > 0 ? MAX (1, 1000 + total - (int) MIN (strlen (folded), 500)) : 0;
}

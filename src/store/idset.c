/* A plain bitset that grows. Not compressed: at a million rows a set is 125 kB, and and/or/not are a few microseconds of straight memory. */
#include <fulmar/store/idset.h>
#include <string.h>

struct FmIdSet {
  gint refs;
  guint64 *words;
  gsize n_words;
};

FmIdSet *
fm_idset_new (void)
{
  FmIdSet *set = g_new0 (FmIdSet, 1);
  g_atomic_int_set (&set->refs, 1);
  return set;
}

FmIdSet *
fm_idset_ref (FmIdSet *set)
{
  g_atomic_int_inc (&set->refs);
  return set;
}

void
fm_idset_unref (FmIdSet *set)
{
  if (set == NULL || !g_atomic_int_dec_and_test (&set->refs))
    return;
  g_free (set->words);
  g_free (set);
}

static void
grow (FmIdSet *set, gsize n_words)
{
  if (n_words <= set->n_words)
    return;
  gsize n = MAX (n_words, set->n_words + set->n_words / 2);
  set->words = g_renew (guint64, set->words, n);
  memset (set->words + set->n_words, 0, (n - set->n_words) * sizeof (guint64));
  set->n_words = n;
}

FmIdSet *
fm_idset_dup (const FmIdSet *set)
{
  FmIdSet *copy = fm_idset_new ();
  fm_idset_or (copy, set);
  return copy;
}

void
fm_idset_add (FmIdSet *set, gint64 id)
{
  if (id < 0 || id > G_MAXUINT32)
    return;
  grow (set, (gsize) (id / 64) + 1);
  set->words[id / 64] |= (guint64) 1 << (id % 64);
}

void
fm_idset_remove (FmIdSet *set, gint64 id)
{
  if (id >= 0 && (guint64) id / 64 < set->n_words)
    set->words[id / 64] &= ~((guint64) 1 << (id % 64));
}

gboolean
fm_idset_contains (const FmIdSet *set, gint64 id)
{
  return id >= 0 && (guint64) id / 64 < set->n_words && (set->words[id / 64] >> (id % 64) & 1) != 0;
}

guint64
fm_idset_count (const FmIdSet *set)
{
  guint64 count = 0;
  for (gsize i = 0; i < set->n_words; i++)
    count += (guint64) __builtin_popcountll (set->words[i]);
  return count;
}

void
fm_idset_and (FmIdSet *set, const FmIdSet *other)
{
  for (gsize i = 0; i < set->n_words; i++)
    set->words[i] &= i < other->n_words ? other->words[i] : 0;
}

void
fm_idset_or (FmIdSet *set, const FmIdSet *other)
{
  grow (set, other->n_words);
  for (gsize i = 0; i < other->n_words; i++)
    set->words[i] |= other->words[i];
}

void
fm_idset_xor (FmIdSet *set, const FmIdSet *other)
{
  grow (set, other->n_words);
  for (gsize i = 0; i < other->n_words; i++)
    set->words[i] ^= other->words[i];
}

void
fm_idset_subtract (FmIdSet *set, const FmIdSet *other)
{
  for (gsize i = 0; i < MIN (set->n_words, other->n_words); i++)
    set->words[i] &= ~other->words[i];
}

gboolean
fm_idset_next (const FmIdSet *set, gint64 id, gint64 *ret_id)
{
  gsize i = (gsize) MAX (id, 0) / 64;
  if (i >= set->n_words)
    return FALSE;
  guint64 word = set->words[i] & (G_MAXUINT64 << (MAX (id, 0) % 64));
  while (word == 0)
    {
      if (++i >= set->n_words)
        return FALSE;
      word = set->words[i];
    }
  *ret_id = (gint64) i * 64 + __builtin_ctzll (word);
  return TRUE;
}

gboolean
fm_idset_previous (const FmIdSet *set, gint64 id, gint64 *ret_id)
{
  if (id < 0 || set->n_words == 0)
    return FALSE;
  gint64 from = MIN (id, (gint64) set->n_words * 64 - 1);
  gsize i = (gsize) from / 64;
  guint64 word = set->words[i] & (G_MAXUINT64 >> (63 - from % 64));
  while (word == 0)
    {
      if (i-- == 0)
        return FALSE;
      word = set->words[i];
    }
  *ret_id = (gint64) i * 64 + 63 - __builtin_clzll (word);
  return TRUE;
}

/* JWZ's algorithm with the container tree flattened into arrays. Containers are slots of a hash table over 64-bit ids: one for each message
 * and one for each ancestor that is only known by name. Links are made from each message's ancestor chain, a link that would close a circle
 * is left out, and the drawing skips the slots that hold no message, so their children move up.
 *
 * Whether a link would close a circle is asked of a union-find structure instead of by walking up: a new link joins two trees, and a child
 * that already has a parent is never moved but for its message's own References, so a chain of a million replies stays n log n. */
#include "fulmar/mail/threads.h"
#include "mail/charset.h"
#include <string.h>

enum {
  MAX_ID_BYTES = 998,
  FEW_IDS = 16, /* compared one with the other sooner than a hash table is made */
};

/* Nothing in it to be dropped, decoded or cut. */
static gboolean
is_plain_id (const char *id, gsize size)
{
  for (gsize i = 0; i < size; i++)
    if (id[i] <= ' ' || id[i] >= 0x7f)
      return FALSE;
  return size <= MAX_ID_BYTES;
}

char *
fm_threads_normalise_id (const char *id, gssize size_bytes)
{
  gsize size = size_bytes < 0 ? strlen (id) : (gsize) size_bytes;
  const char *open = memchr (id, '<', size);

  if (open != NULL)
    {
      size -= open + 1 - id;
      id = open + 1;
      const char *close = memchr (id, '>', size);
      if (close != NULL)
        size = close - id;
    }
  if (is_plain_id (id, size))
    return g_strndup (id, size);
  g_autofree char *line = fm_charset_line (id, MIN (size, MAX_ID_BYTES * 2));
  char *out = line;
  for (const char *p = line; *p != '\0' && out - line < MAX_ID_BYTES; p++)
    if (!g_ascii_isspace (*p))
      *out++ = *p;
  *out = '\0';
  /* The cut may have split a character. */
  const char *valid_end = NULL;
  if (!g_utf8_validate (line, -1, &valid_end))
    line[valid_end - line] = '\0';
  return g_steal_pointer (&line);
}

static guint64
load_le64 (const guint8 *bytes)
{
  guint64 value;

  memcpy (&value, bytes, sizeof value);
  return GUINT64_FROM_LE (value);
}

static guint64
rotate (guint64 value, int bits)
{
  return value << bits | value >> (64 - bits);
}

static void
sip_round (guint64 v[4])
{
  v[0] += v[1], v[1] = rotate (v[1], 13) ^ v[0], v[0] = rotate (v[0], 32);
  v[2] += v[3], v[3] = rotate (v[3], 16) ^ v[2];
  v[0] += v[3], v[3] = rotate (v[3], 21) ^ v[0];
  v[2] += v[1], v[1] = rotate (v[1], 17) ^ v[2], v[2] = rotate (v[2], 32);
}

/* SipHash-2-4, Aumasson and Bernstein 2012. */
guint64
fm_threads_hash_id (const guint8 key[16], const char *message_id)
{
  const guint8 *in = (const guint8 *) message_id;
  gsize size = strlen (message_id), whole = size - size % 8;
  guint64 k0 = load_le64 (key), k1 = load_le64 (key + 8);
  guint64 v[4] = { k0 ^ 0x736f6d6570736575u, k1 ^ 0x646f72616e646f6du, k0 ^ 0x6c7967656e657261u, k1 ^ 0x7465646279746573u };
  guint64 last = (guint64) size << 56;

  for (gsize i = 0; i <= whole; i += 8)
    {
      guint64 word = last;
      if (i < whole)
        word = load_le64 (in + i);
      else
        for (gsize j = 0; j < size - whole; j++)
          word |= (guint64) in[whole + j] << (8 * j);
      v[3] ^= word;
      sip_round (v), sip_round (v);
      v[0] ^= word;
    }
  v[2] ^= 0xff;
  for (int i = 0; i < 4; i++)
    sip_round (v);
  guint64 hash = v[0] ^ v[1] ^ v[2] ^ v[3];
  return hash != 0 ? hash : 1;
}

/* Unless it is there. SEEN (holds the ancestors) may be NULL where they are few. */
static void
add_ancestor (GPtrArray *ancestors, GHashTable *seen, const char *id)
{
  for (guint i = 0; seen == NULL && i < ancestors->len; i++)
    if (strcmp (g_ptr_array_index (ancestors, i), id) == 0)
      return;
  if (seen == NULL || g_hash_table_add (seen, (gpointer) id))
    g_ptr_array_add (ancestors, (gpointer) id);
}

GPtrArray *
fm_threads_ancestors (const FmEnvelope *envelope)
{
  gsize n = 0;
  const char *const *references = fm_envelope_references (envelope, &n);
  const char *answered = fm_envelope_in_reply_to (envelope), *own = fm_envelope_message_id (envelope);
  g_autoptr (GHashTable) seen = n > FEW_IDS ? g_hash_table_new (g_str_hash, g_str_equal) : NULL;
  GPtrArray *ancestors = g_ptr_array_new ();
  gboolean listed = FALSE;

  for (gsize i = 0; i < n; i++)
    listed = listed || strcmp (references[i], answered) == 0;
  if (!listed && answered[0] != '\0' && strcmp (answered, own) != 0)
    add_ancestor (ancestors, seen, answered);
  for (gsize i = n; i > 0; i--)
    if (strcmp (references[i - 1], own) != 0)
      add_ancestor (ancestors, seen, references[i - 1]);
  return ancestors;
}

/* A container: a message, or an id that others name. */
typedef struct {
  guint message; /* G_MAXUINT: absent */
  guint parent;  /* slot, G_MAXUINT: none */
  guint set;     /* union-find */
} Slot;

typedef struct {
  GArray *slots;
  GHashTable *by_id; /* pointer to the id's 64 bits -> slot + 1 */
  const FmThreadsMessage *messages;
} Forest;

static Slot *
slot_at (Forest *forest, guint index)
{
  return &g_array_index (forest->slots, Slot, index);
}

static guint
add_slot (Forest *forest, guint message)
{
  Slot slot = { message, G_MAXUINT, forest->slots->len };

  g_array_append_val (forest->slots, slot);
  return slot.set;
}

static guint
slot_of_id (Forest *forest, const guint64 *id)
{
  guint found = GPOINTER_TO_UINT (g_hash_table_lookup (forest->by_id, id));

  if (found != 0)
    return found - 1;
  guint slot = add_slot (forest, G_MAXUINT);
  g_hash_table_insert (forest->by_id, (gpointer) id, GUINT_TO_POINTER (slot + 1));
  return slot;
}

static guint
find_set (Forest *forest, guint index)
{
  while (slot_at (forest, index)->set != index)
    {
      Slot *slot = slot_at (forest, index);
      slot->set = slot_at (forest, slot->set)->set;
      index = slot->set;
    }
  return index;
}

/* Hangs CHILD, a root of its tree, under PARENT unless that is in the same tree, which would close a circle. */
static void
link_slots (Forest *forest, guint child, guint parent)
{
  if (child == parent || slot_at (forest, child)->parent != G_MAXUINT)
    return;
  guint a = find_set (forest, child), b = find_set (forest, parent);
  if (a == b)
    return;
  slot_at (forest, a)->set = b;
  slot_at (forest, child)->parent = parent;
}

/* Own links first: what a message says of itself outweighs what others' References say of it. */
static void
link_all (Forest *forest, const guint *slot_of_message, gsize n)
{
  for (gsize i = 0; i < n; i++)
    if (forest->messages[i].n_ancestors > 0)
      link_slots (forest, slot_of_message[i], slot_of_id (forest, &forest->messages[i].ancestors[0]));
  for (gsize i = 0; i < n; i++)
    {
      const FmThreadsMessage *message = &forest->messages[i];
      for (gsize a = 0; a + 1 < message->n_ancestors; a++)
        link_slots (forest, slot_of_id (forest, &message->ancestors[a]), slot_of_id (forest, &message->ancestors[a + 1]));
    }
}

/* The nearest slot above that holds a message. Absent slots' answers are remembered by pointing past them, so chains are walked once. */
static guint
present_parent (Forest *forest, guint slot, gboolean *ret_skipped)
{
  guint parent = slot_at (forest, slot)->parent;

  while (parent != G_MAXUINT && slot_at (forest, parent)->message == G_MAXUINT)
    {
      *ret_skipped = TRUE;
      guint above = slot_at (forest, parent)->parent;
      if (above != G_MAXUINT && slot_at (forest, above)->message == G_MAXUINT && slot_at (forest, above)->parent != G_MAXUINT)
        slot_at (forest, parent)->parent = slot_at (forest, above)->parent;
      parent = above;
    }
  return parent;
}

typedef struct {
  guint group;        /* slot that siblings share: the nearest present ancestor, or G_MAXUINT */
  gint64 thread_date; /* of roots: the earliest root of the same thread, so that what lost one common parent stays together */
  guint thread;       /* of roots: the tree they are in */
  gint64 date_utc;
  guint message;
  guint slot;
  gboolean orphan;
} Node;

static int
compare_nodes (gconstpointer a, gconstpointer b)
{
  const Node *x = a, *y = b;

  if (x->group != y->group)
    return x->group < y->group ? -1 : 1;
  if (x->thread_date != y->thread_date)
    return x->thread_date < y->thread_date ? -1 : 1;
  if (x->thread != y->thread)
    return x->thread < y->thread ? -1 : 1;
  if (x->date_utc != y->date_utc)
    return x->date_utc < y->date_utc ? -1 : 1;
  return x->message < y->message ? -1 : x->message > y->message;
}

/* What is needed to walk: nodes sorted so that each slot's children are one run of the array. */
typedef struct {
  Node *nodes;
  gsize n;
  guint *first_child; /* by slot: index into nodes, or G_MAXUINT */
  guint *end_child;
} Tree;

static void
emit_rows (const Tree *tree, guint first_root, guint end_root, FmThreadsRow *rows)
{
  typedef struct {
    guint next, end, parent_row;
    guint16 depth;
    guint64 open_levels;
  } Frame;
  g_autoptr (GArray) stack = g_array_new (FALSE, FALSE, sizeof (Frame));
  Frame start = { first_root, end_root, G_MAXUINT, 0, 0 };
  guint row = 0;

  g_array_append_val (stack, start);
  while (stack->len > 0)
    {
      Frame *frame = &g_array_index (stack, Frame, stack->len - 1);
      if (frame->next == frame->end)
        {
          g_array_set_size (stack, stack->len - 1);
          continue;
        }
      const Node *node = &tree->nodes[frame->next++];
      gboolean last = frame->next == frame->end;
      Frame below
          = { tree->first_child[node->slot], tree->end_child[node->slot], row, MIN (frame->depth + 1, G_MAXUINT16), frame->open_levels };
      gboolean has_children = below.next < below.end;
      rows[row++] = (FmThreadsRow){ .message = node->message,
                                    .parent_row = frame->parent_row,
                                    .depth = frame->depth,
                                    .is_last_child = last && frame->parent_row != G_MAXUINT,
                                    .has_children = has_children,
                                    .is_orphan = node->orphan,
                                    .open_levels = frame->open_levels };
      if (!last && frame->parent_row != G_MAXUINT && frame->depth < 64)
        below.open_levels |= G_GUINT64_CONSTANT (1) << frame->depth;
      if (has_children)
        g_array_append_val (stack, below);
    }
}

/* Roots of one thread share the date of the earliest of them. */
static void
date_roots (Forest *forest, Node *nodes, gsize n)
{
  g_autofree gint64 *earliest = g_new (gint64, forest->slots->len);

  for (guint i = 0; i < forest->slots->len; i++)
    earliest[i] = G_MAXINT64;
  for (gsize i = 0; i < n; i++)
    if (nodes[i].group == G_MAXUINT)
      {
        nodes[i].thread = find_set (forest, nodes[i].slot);
        earliest[nodes[i].thread] = MIN (earliest[nodes[i].thread], nodes[i].date_utc);
      }
  for (gsize i = 0; i < n; i++)
    if (nodes[i].group == G_MAXUINT)
      nodes[i].thread_date = earliest[nodes[i].thread];
}

static void
sort_and_emit (Forest *forest, const guint *slot_of_message, gsize n, FmThreadsRow *rows)
{
  guint n_slots = forest->slots->len;
  g_autofree Node *nodes = g_new0 (Node, n);
  g_autofree guint *first = g_new (guint, n_slots);
  g_autofree guint *end = g_new0 (guint, n_slots);
  guint first_root = n;

  for (gsize i = 0; i < n; i++)
    {
      nodes[i] = (Node){ .date_utc = forest->messages[i].date_utc, .message = i, .slot = slot_of_message[i] };
      nodes[i].group = present_parent (forest, slot_of_message[i], &nodes[i].orphan);
    }
  date_roots (forest, nodes, n);
  qsort (nodes, n, sizeof (Node), compare_nodes);
  memset (first, 0xff, n_slots * sizeof *first);
  for (guint i = 0; i < n; i++)
    if (nodes[i].group == G_MAXUINT)
      first_root = MIN (first_root, i);
    else
      {
        if (first[nodes[i].group] == G_MAXUINT)
          first[nodes[i].group] = i;
        end[nodes[i].group] = i + 1;
      }
  for (guint i = 0; i < n_slots; i++)
    if (first[i] == G_MAXUINT)
      end[i] = G_MAXUINT;
  Tree tree = { nodes, n, first, end };
  emit_rows (&tree, first_root, n, rows);
}

void
fm_threads_layout (const FmThreadsMessage *messages, gsize n, FmThreadsRow *rows)
{
  if (n == 0)
    return;
  Forest forest = { g_array_sized_new (FALSE, FALSE, sizeof (Slot), n * 2), g_hash_table_new (g_int64_hash, g_int64_equal), messages };
  g_autofree guint *slot_of_message = g_new (guint, n);

  for (gsize i = 0; i < n; i++)
    {
      guint slot = messages[i].id != 0 ? slot_of_id (&forest, &messages[i].id) : add_slot (&forest, G_MAXUINT);
      if (slot_at (&forest, slot)->message != G_MAXUINT)
        slot = add_slot (&forest, G_MAXUINT); /* a second message of the same id: a sibling with no name */
      slot_at (&forest, slot)->message = i;
      slot_of_message[i] = slot;
    }
  link_all (&forest, slot_of_message, n);
  sort_and_emit (&forest, slot_of_message, n, rows);
  g_hash_table_unref (forest.by_id);
  g_array_free (forest.slots, TRUE);
}

/* Reply and forward marks of the languages people write in, without the colon. */
static const char *const subject_marks[] = {
  "re",   "fwd",  "fw",   "aw",   "wg",   "sv",   "vs",  "vb",  "antw", "doorst", "odp",  "pd",  "tr",  "rv",         "rif", "ref",
  "i",    "enc",  "res",  "r",    "fs",   "vl",   "bls", "trs", "ynt",  "ilt",    "ang",  "atb", "hal", "továbbítás", "vá",  "回复",
  "转发", "答复", "回覆", "轉寄", "返信", "転送", "отв", "ha",  "на",   "пер",    "σχετ", "πρθ", "rép", "re-tr",      NULL,
};

/* The length of one mark with its counter and colon ("Re[2]: ", "AW："), or 0. */
static gsize
mark_size (const char *subject)
{
  for (gsize i = 0; subject_marks[i] != NULL; i++)
    {
      gsize size = strlen (subject_marks[i]);
      if (g_ascii_strncasecmp (subject, subject_marks[i], size) != 0)
        continue;
      const char *p = subject + size;
      if ((*p == '[' || *p == '(') && g_ascii_isdigit (p[1]))
        {
          p += 1 + strspn (p + 1, "0123456789");
          p += *p == ']' || *p == ')';
        }
      else if (*p == '^' || g_ascii_isdigit (*p))
        p += strspn (p, "^0123456789");
      p += *p == ' ' && (p[1] == ':' || g_str_has_prefix (p + 1, "："));
      if (*p == ':')
        return p + 1 - subject;
      if (g_str_has_prefix (p, "："))
        return p + strlen ("：") - subject;
    }
  return 0;
}

const char *
fm_threads_subject_unmarked (const char *subject)
{
  for (;;)
    {
      while (g_ascii_isspace (*subject))
        subject++;
      gsize size = mark_size (subject);
      if (size == 0)
        return subject;
      subject += size;
    }
}

/* A list's tag ("[notmuch]", not "[PATCH 2/3]", whose numbers order a series), if it is not the whole subject. */
static gsize
tag_size (const char *subject)
{
  gsize size = subject[0] == '[' ? strcspn (subject, "]0123456789/") : 0;

  return size > 0 && size < 40 && subject[size] == ']' && subject[size + 1 + strspn (subject + size + 1, " ")] != '\0' ? size + 1 : 0;
}

const char *
fm_threads_subject_base (const char *subject)
{
  for (;;)
    {
      subject = fm_threads_subject_unmarked (subject);
      gsize size = tag_size (subject);
      if (size == 0)
        return subject;
      subject += size;
    }
}

/* Threads: ids, the keyed hash, and the tree that a list draws. */
#include "fulmar/mail/threads.h"
#include "test.h"

static void
ids_are_compared_bare (void **state)
{
  assert_takes_string (fm_threads_normalise_id (" <a@b> ", -1), "a@b");
  assert_takes_string (fm_threads_normalise_id ("x <a @\tb> y", -1), "a@b");
  assert_takes_string (fm_threads_normalise_id ("a@b", -1), "a@b");
  assert_takes_string (fm_threads_normalise_id ("<>", -1), "");
  g_autofree char *big = g_strnfill (5000, 'x');
  g_autofree char *id = fm_threads_normalise_id (big, -1);
  assert_int_equal (strlen (id), 998);
}

static void
hash_is_keyed_and_never_zero (void **state)
{
  guint8 key[16], other[16] = { 1 };

  for (int i = 0; i < 16; i++)
    key[i] = i;
  assert_true (fm_threads_hash_id (key, "") == G_GUINT64_CONSTANT (0x726fdb47dd0e0e31));
  assert_true (fm_threads_hash_id (key, "a@b") != fm_threads_hash_id (other, "a@b"));
  assert_true (fm_threads_hash_id (key, "12345678") != fm_threads_hash_id (key, "123456789"));
}

static void
nearest_ancestor_first (void **state)
{
  const char *header = "Message-ID: <m@x>\nIn-Reply-To: <z@x>\nReferences: <a@x> <b@x> <a@x> <m@x> <c@x>\n";
  g_autoptr (FmEnvelope) envelope = fm_envelope_parse (header, strlen (header));
  g_autoptr (GPtrArray) ids = fm_threads_ancestors (envelope);
  static const char *const expected[] = { "z@x", "c@x", "a@x", "b@x" };

  assert_int_equal (ids->len, 4);
  for (guint i = 0; i < ids->len; i++)
    assert_string_equal (ids->pdata[i], expected[i]);
}

#define ANCESTORS(...) (const guint64[]){ __VA_ARGS__ }, sizeof ((guint64[]){ __VA_ARGS__ }) / sizeof (guint64)

static void
a_tree_with_siblings (void **state)
{
  const FmThreadsMessage messages[] = {
    { 4, 40, ANCESTORS (2, 1) }, { 1, 10, NULL, 0 }, { 3, 30, ANCESTORS (1) }, { 2, 20, ANCESTORS (1) }, { 5, 50, ANCESTORS (99, 1) },
  };
  FmThreadsRow rows[5];

  fm_threads_layout (messages, 5, rows);
  static const guint order[] = { 1, 3, 0, 2, 4 }, depth[] = { 0, 1, 2, 1, 1 };
  for (int i = 0; i < 5; i++)
    {
      assert_int_equal (rows[i].message, order[i]);
      assert_int_equal (rows[i].depth, depth[i]);
    }
  assert_false (rows[1].is_last_child);
  assert_true (rows[2].is_last_child);
  assert_true (rows[4].is_last_child);
  assert_true (rows[2].open_levels == 2);
  assert_true (rows[4].is_orphan);
  assert_false (rows[3].is_orphan);
  assert_true (rows[0].has_children && rows[1].has_children && !rows[2].has_children);
  assert_int_equal (rows[2].parent_row, 1);
}

static void
circles_and_duplicates (void **state)
{
  const FmThreadsMessage messages[] = {
    { 1, 10, ANCESTORS (2) }, { 2, 20, ANCESTORS (1) }, { 1, 30, ANCESTORS (2) }, { 0, 5, NULL, 0 }, { 7, 1, ANCESTORS (7) },
  };
  FmThreadsRow rows[5];
  guint seen = 0;

  fm_threads_layout (messages, 5, rows);
  for (int i = 0; i < 5; i++)
    seen |= 1u << rows[i].message;
  assert_int_equal (seen, 31);
}

static void
orphans_of_one_parent_stay_together (void **state)
{
  const FmThreadsMessage messages[] = { { 1, 10, ANCESTORS (99) }, { 2, 20, NULL, 0 }, { 3, 30, ANCESTORS (99) } };
  FmThreadsRow rows[3];

  fm_threads_layout (messages, 3, rows);
  assert_int_equal (rows[0].message, 0);
  assert_int_equal (rows[1].message, 2);
  assert_int_equal (rows[2].message, 1);
  assert_true (rows[0].is_orphan && rows[1].is_orphan && !rows[2].is_orphan);
}

/* A chain, a star and a random forest of 200,000: none may be slow or deep in the stack. */
static void
large_sets_are_quick (void **state)
{
  const guint n = 200000;
  g_autofree FmThreadsMessage *messages = g_new0 (FmThreadsMessage, n);
  g_autofree guint64 *parents = g_new0 (guint64, n);
  g_autofree FmThreadsRow *rows = g_new (FmThreadsRow, n);
  gint64 start = cpu_time_us ();

  for (int shape = 0; shape < 3; shape++)
    {
      for (guint i = 0; i < n; i++)
        {
          parents[i] = shape == 0 ? i : shape == 1 ? 1 : i * 7919u % (i + 1);
          messages[i] = (FmThreadsMessage){ i + 1, i, &parents[i], i > 0 && parents[i] != 0 };
        }
      fm_threads_layout (messages, n, rows);
      guint64 sum = 0;
      for (guint i = 0; i < n; i++)
        sum += rows[i].message;
      assert_true (sum == (guint64) n * (n - 1) / 2);
    }
  print_message ("%.0f ms\n", (cpu_time_us () - start) / 1e3);
  assert_true (cpu_time_us () - start < 10 * G_USEC_PER_SEC);
}

static void
subjects (void **state)
{
  assert_string_equal (fm_threads_subject_base ("Re: AW: [dev] Re[2]: Fwd: engine"), "engine");
  assert_string_equal (fm_threads_subject_base ("[PATCH 2/3] engine"), "[PATCH 2/3] engine");
  assert_string_equal (fm_threads_subject_base ("[dev]"), "[dev]");
  assert_string_equal (fm_threads_subject_base ("回复：你好"), "你好");
  assert_string_equal (fm_threads_subject_base ("Return: policy"), "Return: policy");
  assert_string_equal (fm_threads_subject_base ("Re:"), "");
  assert_string_equal (fm_threads_subject_unmarked ("Re: [dev] x"), "[dev] x");
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (ids_are_compared_bare),  cmocka_unit_test (hash_is_keyed_and_never_zero),
    cmocka_unit_test (nearest_ancestor_first), cmocka_unit_test (a_tree_with_siblings),
    cmocka_unit_test (circles_and_duplicates), cmocka_unit_test (orphans_of_one_parent_stay_together),
    cmocka_unit_test (large_sets_are_quick),   cmocka_unit_test (subjects),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}

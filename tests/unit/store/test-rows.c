/* Rows, counters, threads, windows, positions, queries, the ledger and the outbox. */
#include "store-test.h"

static FmListSpec
spec_of (gint64 folder, FmListOrder order, gboolean descending)
{
  return (FmListSpec){ .folder_id = folder, .order = order, .descending = descending };
}

static gint64
row_id (GPtrArray *rows, guint i)
{
  return ((FmRow *) g_ptr_array_index (rows, i))->id;
}

static void
test_counters (void **state)
{
  Box *b = *state;
  begin (b);
  gint64 one = put (b, b->inbox, 1, 1, 0);
  put (b, b->inbox, 2, 2, FM_FLAG_SEEN);
  assert_int_equal (put (b, b->inbox, 1, 1, FM_FLAG_SEEN), one);
  assert_int_equal (total (b, b->inbox), 2);
  assert_int_equal (unread (b, b->inbox), 0);
  FmUidRange all = { 1, G_MAXUINT32 };
  guint removed = 0;
  OK (fm_message_store_vanished (b->w, b->inbox, &all, 1, 1, &removed, E));
  assert_int_equal (removed, 1);
  OK (fm_message_store_vanished (b->w, b->inbox, &all, 1, 10, &removed, E));
  assert_int_equal (total (b, b->inbox), 0);
  commit (b);
}

static void
test_modseq (void **state)
{
  Box *b = *state;
  const char *const keywords[] = { "urgent", NULL };
  begin (b);
  gint64 id = put (b, b->inbox, 1, 1, 0);
  FmMessageFlags word = { .uid = 1, .flags = FM_FLAG_SEEN, .keywords = keywords, .modseq = 9 };
  FmMessageFlags both[] = { word, { .uid = 77, .flags = FM_FLAG_SEEN } };
  FmMessageFlagged flagged;
  OK (fm_message_store_set_flags (b->w, b->inbox, both, 2, &flagged, E));
  assert_int_equal (flagged.changed, 1);
  assert_int_equal (flagged.unknown, 1);
  FmMessageFlags old = { .uid = 1, .flags = 0, .modseq = 8 };
  OK (fm_message_store_set_flags (b->w, b->inbox, &old, 1, NULL, E));
  g_autoptr (FmMessageInfo) m = fm_message_store_get (b->r, id, NULL);
  assert_int_equal (m->flags, FM_FLAG_SEEN);
  assert_string_equal (m->keywords[0], "urgent");
  commit (b);
}

static void
test_threads (void **state)
{
  Box *b = *state;
  FmListSpec spec = spec_of (b->inbox, FM_ORDER_THREAD, TRUE);
  begin (b);
  /* Grandchild first, then an unrelated newer one, then the parent that joins, then the root */
  gint64 leaf = put_answer (b, b->inbox, 3, 30, 20, 0);
  gint64 other = put (b, b->inbox, 4, 40, FM_FLAG_SEEN);
  gint64 root = put (b, b->inbox, 1, 10, FM_FLAG_SEEN);
  gint64 middle = put_answer (b, b->inbox, 2, 20, 10, FM_FLAG_SEEN);
  g_autoptr (GPtrArray) rows = fm_list_store_first (b->r, &spec, 10, NULL);
  assert_int_equal (rows->len, 4);
  assert_int_equal (row_id (rows, 0), other);
  assert_int_equal (row_id (rows, 1), root);
  assert_int_equal (row_id (rows, 2), middle);
  assert_int_equal (row_id (rows, 3), leaf);
  assert_int_equal (((FmRow *) rows->pdata[3])->depth, 2);
  assert_int_equal (((FmRow *) rows->pdata[1])->thread_unread, 1);
  g_autoptr (FmPositions) p = fm_positions_load (b->r, &spec, NULL, NULL);
  guint64 at = 0;
  assert_int_equal (fm_positions_count (p), 4);
  assert_true (fm_positions_find (p, b->r, leaf, &at));
  assert_int_equal (at, 3);
  assert_true (fm_positions_find_unread (p, b->r, G_MAXUINT64, FALSE, &at));
  assert_int_equal (at, 3);
  spec.all_folded = TRUE;
  g_autoptr (GPtrArray) folded = fm_list_store_first (b->r, &spec, 10, NULL);
  assert_int_equal (folded->len, 2);
  const FmRow *line = folded->pdata[1];
  assert_int_equal (line->thread_count, 3);
  assert_int_equal (line->thread_unread, 1);
  assert_int_equal (line->id, root);
  assert_int_equal (line->date_utc, ((FmRow *) rows->pdata[3])->date_utc);
  assert_true (line->folded && line->depth == 0 && !((FmRow *) folded->pdata[0])->folded);
  g_autoptr (FmPositions) fp = fm_positions_load (b->r, &spec, NULL, NULL);
  assert_true (fm_positions_find (fp, b->r, leaf, &at));
  assert_int_equal (at, 1);
  commit (b);
}

static void
test_windows (void **state)
{
  Box *b = *state;
  gint64 ids[50];
  begin (b);
  for (guint i = 0; i < 50; i++)
    ids[i] = put (b, b->inbox, i + 1, i + 1, i == 20 ? 0 : FM_FLAG_SEEN);
  commit (b);
  FmListSpec spec = spec_of (b->inbox, FM_ORDER_DATE, TRUE);
  g_autoptr (FmStoreReader) reader = fm_db_reader_new (b->store, NULL);
  g_autoptr (GPtrArray) first = fm_list_store_first (reader, &spec, 10, NULL);
  assert_int_equal (row_id (first, 0), ids[49]);
  g_autoptr (GPtrArray) next = fm_list_store_page (reader, &spec, first->pdata[9], FALSE, 10, NULL);
  assert_int_equal (row_id (next, 0), ids[39]);
  g_autoptr (GPtrArray) back = fm_list_store_page (reader, &spec, next->pdata[0], TRUE, 10, NULL);
  assert_int_equal (row_id (back, 0), ids[49]);
  assert_int_equal (row_id (back, 9), ids[40]);
  static const FmListOrder orders[] = { FM_ORDER_DATE, FM_ORDER_ARRIVAL, FM_ORDER_FROM, FM_ORDER_SUBJECT, FM_ORDER_SIZE, FM_ORDER_THREAD };
  for (gsize i = 0; i < G_N_ELEMENTS (orders); i++)
    {
      spec.order = orders[i];
      g_autoptr (FmPositions) p = fm_positions_load (reader, &spec, NULL, NULL);
      guint64 at = 0, unread_at = 0;
      assert_int_equal (fm_positions_count (p), 50);
      assert_true (fm_positions_find (p, reader, ids[20], &at));
      assert_int_equal (fm_positions_id (p, reader, at), ids[20]);
      assert_true (fm_positions_find_unread (p, reader, 40, FALSE, &unread_at));
      assert_int_equal (unread_at, at);
      assert_true (fm_positions_find_unread (p, reader, 2, TRUE, &unread_at));
      assert_int_equal (unread_at, at);
      g_autoptr (GPtrArray) rows = fm_positions_rows (p, reader, 45, 10, NULL);
      assert_int_equal (rows->len, 5);
    }
}

/* Far apart, so that words without a member lie between; and read since the array was built. */
static void
test_next_unread (void **state)
{
  Box *b = *state;
  gint64 ids[400];
  guint64 at = 0;
  begin (b);
  for (guint i = 0; i < 400; i++)
    ids[i] = put (b, b->inbox, i + 1, i + 1, i == 20 || i == 21 || i == 390 ? 0 : FM_FLAG_SEEN);
  commit (b);
  static const FmListOrder orders[] = { FM_ORDER_DATE, FM_ORDER_THREAD };
  for (gsize i = 0; i < G_N_ELEMENTS (orders); i++)
    {
      FmListSpec spec = spec_of (b->inbox, orders[i], FALSE);
      g_autoptr (FmPositions) p = fm_positions_load (b->r, &spec, NULL, NULL);
      assert_true (fm_positions_find_unread (p, b->r, 0, FALSE, &at));
      assert_int_equal (at, 20);
      assert_true (fm_positions_find_unread (p, b->r, 21, FALSE, &at));
      assert_int_equal (at, 390);
      assert_true (fm_positions_find_unread (p, b->r, 390, FALSE, &at));
      assert_int_equal (at, 20);
      assert_true (fm_positions_find_unread (p, b->r, 390, TRUE, &at));
      assert_int_equal (at, 21);
      assert_true (fm_positions_find_unread (p, b->r, 20, TRUE, &at));
      assert_int_equal (at, 390);
      assert_true (fm_positions_find_unread (p, b->r, G_MAXUINT64, TRUE, &at));
      assert_int_equal (at, 390);
    }
  g_autoptr (FmPositions) found = fm_positions_new_ids (ids + 10, 12);
  assert_true (fm_positions_find_unread (found, b->r, 0, FALSE, &at));
  assert_int_equal (at, 10);
  g_autoptr (FmPositions) none = fm_positions_new_ids (ids + 22, 12);
  assert_false (fm_positions_find_unread (none, b->r, 0, FALSE, &at));
}

/* Many members at one end, and in thread order a folded thread that holds some. */
static void
test_next_member (void **state)
{
  Box *b = *state;
  gint64 ids[900];
  guint64 at = 0;
  g_autoptr (FmIdSet) set = fm_idset_new (), none = fm_idset_new ();
  begin (b);
  for (guint i = 0; i < 900; i++)
    ids[i] = i % 3 == 0 ? put (b, b->inbox, i + 1, i + 1, 0) : put_answer (b, b->inbox, i + 1, i + 1, i - i % 3 + 1, 0);
  commit (b);
  for (guint i = 0; i < 601; i++)
    fm_idset_add (set, ids[i]);
  fm_idset_add (none, ids[899] + 1);
  static const FmListOrder orders[] = { FM_ORDER_DATE, FM_ORDER_THREAD };
  for (gsize i = 0; i < G_N_ELEMENTS (orders); i++)
    {
      FmListSpec spec = spec_of (b->inbox, orders[i], FALSE);
      g_autoptr (FmPositions) p = fm_positions_load (b->r, &spec, NULL, NULL);
      static const struct {
        guint64 from;
        gboolean backwards;
        guint64 to;
      } cases[] = { { 0, FALSE, 1 },  { 599, FALSE, 600 }, { 600, FALSE, 0 },  { 700, FALSE, 0 }, { 700, TRUE, 600 },
                    { 0, TRUE, 600 }, { 1, TRUE, 0 },      { 600, TRUE, 599 }, { 899, TRUE, 600 } };
      for (gsize c = 0; c < G_N_ELEMENTS (cases); c++)
        {
          OK (fm_positions_find_member (p, b->r, set, cases[c].from, cases[c].backwards, NULL, &at, E));
          assert_int_equal (at, cases[c].to);
        }
      g_autoptr (GError) error = NULL;
      assert_false (fm_positions_find_member (p, b->r, none, 5, FALSE, NULL, &at, &error));
      assert_true (g_error_matches (error, FM_ERROR, FM_ERROR_NOT_FOUND));
    }
  FmListSpec spec = spec_of (b->inbox, FM_ORDER_THREAD, FALSE);
  spec.all_folded = TRUE;
  g_autoptr (FmPositions) folded = fm_positions_load (b->r, &spec, NULL, NULL);
  g_autoptr (FmIdSet) leaf = fm_idset_new ();
  fm_idset_add (leaf, ids[602]);
  OK (fm_positions_find_member (folded, b->r, leaf, 3, FALSE, NULL, &at, E));
  assert_int_equal (at, 200);
}

static FmIdSet *
body_hit (const FmQuery *leaf, gpointer data)
{
  FmIdSet *set = fm_idset_new ();
  fm_idset_add (set, *(gint64 *) data);
  return set;
}

static guint64
hits (Box *b, const char *text, gint64 folder, gint64 *body)
{
  guint64 n;
  g_autoptr (GError) error = NULL;
  g_autoptr (FmQuery) query = fm_query_parse (text, 1700000000, NULL, &error);
  assert_non_null (query);
  FmQueryScope scope = { .folder_id = folder, .from_utc = G_MININT64, .until_utc = G_MAXINT64 };
  g_autoptr (FmIdSet) set = fm_query_sql_run (b->r, query, &scope, body == NULL ? NULL : body_hit, body, NULL, &error);
  if (set == NULL)
    fail_msg ("%s: %s", text, error->message);
  n = fm_idset_count (set);
  return n;
}

static void
test_queries (void **state)
{
  Box *b = *state;
  const char *const keywords[] = { "urgent", NULL };
  gint64 ids[20];
  begin (b);
  for (guint i = 0; i < 20; i++)
    ids[i] = put (b, i < 10 ? b->inbox : b->archive, i + 1, i + 1, i % 2 ? FM_FLAG_SEEN : 0);
  FmMessageFlags word = { .uid = 3, .flags = 0, .keywords = keywords };
  OK (fm_message_store_set_flags (b->w, b->inbox, &word, 1, NULL, E));
  assert_int_equal (hits (b, "*", 0, NULL), 20);
  assert_int_equal (hits (b, "from:p3@example.org", 0, NULL), 3);
  assert_int_equal (hits (b, "FROM:PERSON", b->inbox, NULL), 10);
  assert_int_equal (hits (b, "subject:\"subject 20\"", 0, NULL), 1);
  assert_int_equal (hits (b, "folder:work/Archive", 0, NULL), 10);
  assert_int_equal (hits (b, "account:work not folder:INBOX", 0, NULL), 10);
  assert_int_equal (hits (b, "tag:urgent", 0, NULL), 1);
  assert_int_equal (hits (b, "is:unread folder:INBOX", 0, NULL), 5);
  assert_int_equal (hits (b, "id:m5@x or id:m6@x", 0, NULL), 2);
  assert_int_equal (hits (b, "body:whatever", 0, &ids[2]), 1);
  assert_int_equal (hits (b, "body:whatever", b->archive, &ids[2]), 0);
  assert_int_equal (hits (b, "body:whatever", 0, NULL), 0);
  commit (b);
}

static void
test_pop (void **state)
{
  Box *b = *state;
  const char *const listed[] = { "a", NULL };
  begin (b);
  FmPopSeen a = { .uidl = (char *) "a", .digest = (char *) "d1", .header_digest = (char *) "h1", .msg_id = 1, .first_seen_utc = 100 };
  FmPopSeen c = { .uidl = (char *) "c", .digest = (char *) "d2", .msg_id = 2, .first_seen_utc = 100 };
  OK (fm_pop_store_put (b->w, b->account, &a, E));
  OK (fm_pop_store_put (b->w, b->account, &c, E));
  OK (fm_pop_store_listed (b->w, b->account, listed, 1000, 90, E));
  g_autoptr (FmPopSeen) gone = fm_pop_store_find (b->r, b->account, "c", NULL);
  assert_int_equal (gone->gone_since_utc, 1000);
  OK (fm_pop_store_listed (b->w, b->account, listed, 1091, 90, E));
  assert_null (fm_pop_store_find (b->r, b->account, "c", NULL));
  OK (fm_pop_store_rename (b->w, b->account, "a", "z", E));
  g_autoptr (FmPopSeen) z = fm_pop_store_find_header (b->r, b->account, "h1", NULL);
  assert_string_equal (z->uidl, "z");
  assert_int_equal (z->first_seen_utc, 100);
  commit (b);
}

static void
test_outbox (void **state)
{
  Box *b = *state;
  gint64 next = 0;
  guint n = 0;
  begin (b);
  FmOutboxRecipient to = { .address = (char *) "x@example.org" };
  g_autoptr (GPtrArray) recipients = g_ptr_array_new ();
  FmOutgoing out
      = { .account_id = b->account, .blob_id = 0, .recipients = recipients, .hold_until_utc = 500, .message_id = (char *) "q@x" };
  assert_int_equal (fm_outbox_store_put (b->w, &out, NULL), 0);
  g_ptr_array_add (recipients, &to);
  gint64 id = fm_outbox_store_put (b->w, &out, NULL);
  assert_true (id > 0);
  assert_null (fm_outbox_store_next (b->r, b->account, 499, &next, NULL));
  assert_int_equal (next, 500);
  g_autoptr (FmOutgoing) due = fm_outbox_store_next (b->r, b->account, 500, NULL, NULL);
  assert_int_equal (due->id, id);
  OK (fm_outbox_store_move (b->w, id, FM_OUTBOX_HELD, FM_OUTBOX_SENDING, 0, NULL, E));
  assert_false (fm_outbox_store_move (b->w, id, FM_OUTBOX_HELD, FM_OUTBOX_CANCELLED, 0, NULL, NULL));
  OK (fm_outbox_store_recover (b->w, &n, E));
  assert_int_equal (n, 1);
  g_autoptr (FmOutgoing) unknown = fm_outbox_store_get (b->r, id, NULL);
  assert_int_equal (unknown->state, FM_OUTBOX_UNKNOWN);
  assert_int_equal (unknown->tries, 1);
  commit (b);
}

int
main (void)
{
#define T(name) cmocka_unit_test_setup_teardown (name, box_setup, box_teardown)
  const struct CMUnitTest tests[] = { T (test_counters),    T (test_modseq),  T (test_threads), T (test_windows), T (test_next_unread),
                                      T (test_next_member), T (test_queries), T (test_pop),     T (test_outbox) };
  return cmocka_run_group_tests_name ("rows", tests, NULL, NULL);
}

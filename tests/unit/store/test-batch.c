/* Rows that come by the hundred and rows that come one at a time make the same store: random mail (answers before what they answer, threads
 * that a late message joins, copies, UIDs told twice, messages known already, keywords, files read in place), told to two stores in the same
 * order, cut differently. What they hold is compared table by table, and the counters and threads with what the rows themselves say. */
#include "store-test.h"
#include <sqlite3.h>

#define N_IDS 2000
#define N_TOLD 3000

/* --- random mail --- */

/* A message: FmMessageInput's strings are borrowed, so they are kept here. */
typedef struct {
  FmMessageInput input;
  gboolean local;
  guint own; /* number of its Message-ID; N_IDS: it has none */
  guint references[4];
  guint n_references;
  const char *keywords[3];
  char *path;
} Told;

static void
told_free (gpointer data)
{
  Told *told = data;
  fm_envelope_unref ((FmEnvelope *) told->input.envelope);
  g_free (told->path);
  g_free (told);
}

static FmEnvelope *
told_envelope (const Told *told, guint serial)
{
  g_autoptr (GString) s = g_string_new (NULL);

  g_string_append_printf (s, "From: Person %u <p%u@x>\r\nTo: ada@x\r\nSubject: S%u\r\nDate: Sat, %u Sep 2001 %02u:%02u:00 +0000\r\n",
                          serial % 7, serial % 7, serial, 1 + told->own % 28, told->own % 24, serial % 60);
  if (told->own < N_IDS)
    g_string_append_printf (s, "Message-ID: <m%u@x>\r\n", told->own);
  for (guint i = 0; i < told->n_references; i++)
    g_string_append_printf (s, "%s<m%u@x>%s", i == 0 ? "References: " : " ", told->references[i],
                            i + 1 == told->n_references ? "\r\n" : "");
  g_string_append (s, "\r\n");
  return fm_envelope_parse (s->str, s->len);
}

static Told *
random_message (GRand *rand, guint serial, gint64 blob)
{
  static const char *const words[] = { "NonJunk", "todo", "Work" };
  Told *told = g_new0 (Told, 1);

  told->local = g_rand_int_range (rand, 0, 4) == 0;
  told->own = g_rand_int_range (rand, 0, 20) == 0 ? N_IDS : (guint) g_rand_int_range (rand, 0, N_IDS);
  /* mostly near relations, so that threads are neither all alone nor all one */
  told->n_references = (guint) g_rand_int_range (rand, 0, 3);
  for (guint i = 0; i < told->n_references; i++)
    told->references[i] = (told->own / 8 * 8 + (guint) g_rand_int_range (rand, 0, g_rand_int_range (rand, 0, 60) == 0 ? 40 : 8)) % N_IDS;
  told->input = (FmMessageInput) FM_MESSAGE_INPUT_INIT;
  told->input.uid = told->local ? 0 : (guint32) g_rand_int_range (rand, 1, N_TOLD * 2);
  told->input.flags = g_rand_int_range (rand, 0, 3) == 0 ? 0 : FM_FLAG_SEEN;
  told->input.attachments = g_rand_int_range (rand, -1, 2);
  told->input.modseq = (guint64) g_rand_int_range (rand, 0, 50);
  told->input.internal_date_utc = 1000000000 + g_rand_int_range (rand, 0, 1000000);
  told->input.size_bytes = 1000 + serial % 3;
  told->input.blob_id = !told->local && g_rand_int_range (rand, 0, 10) == 0 ? blob : 0;
  for (int i = 0, n = g_rand_int_range (rand, -4, 3); i < n; i++)
    told->keywords[i] = words[g_rand_int_range (rand, 0, 3)];
  told->input.keywords = told->keywords[0] == NULL ? NULL : told->keywords;
  if (told->local)
    told->input.path = told->path = g_strdup_printf ("/nowhere/%u", serial);
  told->input.envelope = told_envelope (told, serial);
  return told;
}

/* --- the two stores --- */

static void
run_sql (Box *b, const char *text)
{
  sqlite3 *db = NULL;
  g_autofree char *path = g_build_filename (b->dir, "state.db", NULL);
  assert_int_equal (sqlite3_open (path, &db), SQLITE_OK);
  assert_int_equal (sqlite3_exec (db, text, NULL, NULL, NULL), SQLITE_OK);
  sqlite3_close (db);
}

/* With a Maildir's folder (RET_LOCAL) and a message file (RET_BLOB); both stores hash alike. */
static Box *
new_store (gint64 *ret_local, gint64 *ret_blob)
{
  void *state = NULL;
  FmFolderInput input = { .name = "INBOX", .delimiter = '/', .selectable = TRUE };
  box_setup (&state);
  Box *b = state;
  box_close (b);
  run_sql (b, "UPDATE meta SET v='00112233445566778899aabbccddeeff' WHERE k='hash_key'");
  box_open (b);
  g_autofree char *digest = write_body (b, "hello\r\n");
  begin (b);
  gint64 account = 0;
  OK ((account = fm_folder_store_put_account (b->w, "local", FM_STORE_MAILDIR, E)) != 0);
  OK ((*ret_local = fm_folder_store_put (b->w, account, &input, E)) != 0);
  OK ((*ret_blob = fm_body_store_put (b->w, digest, 7, E)) != 0);
  commit (b);
  return b;
}

static char *
dump (Box *b)
{
  static const char *const queries[]
      = { "SELECT id, folder_id, uid, flags, sflags, modseq, idate, date, size, natt, thread_id FROM msg ORDER BY id",
          "SELECT id, mid, blob_id, server_id, from_disp, subject, msgid, path FROM msg ORDER BY id",
          "SELECT msg_id, from_full, to_disp, to_full, cc_full, hex(anc) FROM hdr ORDER BY msg_id",
          "SELECT m.msg_id, k.name, m.bits FROM msg_kw m JOIN keyword k ON k.id=m.kw_id ORDER BY 1, 2",
          "SELECT * FROM thread ORDER BY 1, 2",
          "SELECT h, thread_id FROM mid ORDER BY h",
          "SELECT id, total, unread, uidnext FROM folder ORDER BY id",
          "SELECT id, sha, size, refs FROM blob ORDER BY id",
          "SELECT * FROM sqlite_sequence ORDER BY name" };
  g_autoptr (GString) text = g_string_new (NULL);
  sqlite3 *db = NULL;
  g_autofree char *path = g_build_filename (b->dir, "state.db", NULL);

  assert_int_equal (sqlite3_open (path, &db), SQLITE_OK);
  for (gsize i = 0; i < G_N_ELEMENTS (queries); i++)
    {
      sqlite3_stmt *statement = NULL;
      g_string_append_printf (text, "-- %s\n", queries[i]);
      assert_int_equal (sqlite3_prepare_v2 (db, queries[i], -1, &statement, NULL), SQLITE_OK);
      while (sqlite3_step (statement) == SQLITE_ROW)
        {
          for (int k = 0; k < sqlite3_column_count (statement); k++)
            g_string_append_printf (text, "%s|", (const char *) sqlite3_column_text (statement, k));
          g_string_append_c (text, '\n');
        }
      sqlite3_finalize (statement);
    }
  sqlite3_close (db);
  return g_string_free (g_steal_pointer (&text), FALSE);
}

/* Rows that the counters do not tell the truth about. */
static void
assert_counters (Box *b)
{
  static const char *const wrong[]
      = { "SELECT count(*) FROM folder f WHERE total <> (SELECT count(*) FROM msg WHERE folder_id=f.id)"
          " OR unread <> (SELECT count(*) FROM msg WHERE folder_id=f.id AND (flags & 1) = 0)",
          "SELECT count(*) FROM (SELECT folder_id, thread_id, max(date), count(*), sum((flags & 1) = 0) FROM msg GROUP BY 1, 2"
          " EXCEPT SELECT folder_id, thread_id, last, count, unread FROM thread)",
          "SELECT count(*) FROM (SELECT folder_id, thread_id FROM thread EXCEPT SELECT folder_id, thread_id FROM msg)",
          "SELECT count(*) FROM blob b WHERE refs <> (SELECT count(*) FROM msg WHERE blob_id=b.id)"
          " + (SELECT count(*) FROM op WHERE blob_id=b.id)",
          "SELECT count(*) FROM msg WHERE thread_id IS NOT (SELECT thread_id FROM mid WHERE h=msg.mid)" };
  sqlite3 *db = NULL;
  g_autofree char *path = g_build_filename (b->dir, "state.db", NULL);

  assert_int_equal (sqlite3_open (path, &db), SQLITE_OK);
  for (gsize i = 0; i < G_N_ELEMENTS (wrong); i++)
    {
      sqlite3_stmt *statement = NULL;
      assert_int_equal (sqlite3_prepare_v2 (db, wrong[i], -1, &statement, NULL), SQLITE_OK);
      assert_int_equal (sqlite3_step (statement), SQLITE_ROW);
      if (sqlite3_column_int (statement, 0) != 0)
        fail_msg ("%d: %s", sqlite3_column_int (statement, 0), wrong[i]);
      sqlite3_finalize (statement);
    }
  sqlite3_close (db);
}

/* --- threads, reckoned otherwise: ids that one message names belong together --- */

typedef struct {
  guint above[N_IDS];      /* union-find over the numbers of Message-IDs */
  gint64 thread[N_IDS];    /* of a root */
  GHashTable *roots_found; /* thread -> root + 1 */
} Families;

static guint
root_of (const Families *families, guint id)
{
  while (families->above[id] != id)
    id = families->above[id];
  return id;
}

static void
note_thread (Families *families, guint root, gint64 thread)
{
  gpointer key = GSIZE_TO_POINTER ((gsize) thread), back = g_hash_table_lookup (families->roots_found, key);

  assert_true (families->thread[root] == 0 || families->thread[root] == thread);
  assert_true (back == NULL || back == GUINT_TO_POINTER (root + 1));
  families->thread[root] = thread;
  g_hash_table_insert (families->roots_found, key, GUINT_TO_POINTER (root + 1));
}

/* Of what was told, the messages that became rows: a UID told again is no other message. */
static void
assert_threads (Box *b, const GPtrArray *told, const GArray *ids)
{
  Families families = { .roots_found = g_hash_table_new (NULL, NULL) };
  gint64 newest = 0;

  for (guint i = 0; i < N_IDS; i++)
    families.above[i] = i;
  for (guint i = 0; i < told->len; i++)
    {
      const Told *one = told->pdata[i];
      gboolean is_new = g_array_index (ids, gint64, i) > newest;
      for (guint k = 0; is_new && k < one->n_references; k++)
        families.above[root_of (&families, one->references[k])] = root_of (&families, one->own < N_IDS ? one->own : one->references[0]);
      newest = MAX (newest, g_array_index (ids, gint64, i));
    }
  newest = 0;
  for (guint i = 0; i < told->len; i++)
    {
      const Told *one = told->pdata[i];
      gint64 id = g_array_index (ids, gint64, i);
      if (id <= newest)
        continue;
      newest = id;
      g_autoptr (FmMessageInfo) row = fm_message_store_get (b->r, id, NULL);
      if (one->own < N_IDS)
        note_thread (&families, root_of (&families, one->own), row->thread_id);
    }
  assert_true (g_hash_table_size (families.roots_found) > 10);
  g_hash_table_unref (families.roots_found);
}

/* --- telling --- */

/* A run of messages of one folder, as one call. */
static void
tell_run (Box *b, gint64 local, const GPtrArray *told, guint first, guint n, FmMessageResult *result)
{
  g_autoptr (GArray) inputs = g_array_new (FALSE, FALSE, sizeof (FmMessageInput));
  gint64 folder = ((const Told *) told->pdata[first])->local ? local : b->inbox;

  for (guint i = first; i < first + n; i++)
    g_array_append_val (inputs, ((const Told *) told->pdata[i])->input);
  OK (fm_message_store_upsert (b->w, folder, (const FmMessageInput *) (gconstpointer) inputs->data, n, result, E));
}

/* In runs of at most LIMIT messages; the folder decides where a run must end. */
static void
tell_all (Box *b, gint64 local, const GPtrArray *told, GRand *rand, guint limit, FmMessageResult *result)
{
  begin (b);
  for (guint at = 0; at < told->len;)
    {
      guint most = limit == 1 ? 1 : (guint) g_rand_int_range (rand, 1, (gint32) limit), n = 1;
      while (n < most && at + n < told->len && ((const Told *) told->pdata[at + n])->local == ((const Told *) told->pdata[at])->local)
        n++;
      tell_run (b, local, told, at, n, result);
      at += n;
    }
  commit (b);
}

static int
by_folder (gconstpointer a, gconstpointer b)
{
  return (*(const Told *const *) a)->local - (*(const Told *const *) b)->local;
}

static void
compare_stores (guint32 seed, gboolean sorted, guint limit)
{
  GRand *rand = g_rand_new_with_seed (seed);
  g_autoptr (GPtrArray) told = g_ptr_array_new_with_free_func (told_free);
  g_autoptr (GArray) ids_one = g_array_new (FALSE, FALSE, sizeof (gint64)), ids_many = g_array_new (FALSE, FALSE, sizeof (gint64));
  FmMessageResult one_by_one = { .ids = ids_one }, many = { .ids = ids_many };
  gint64 local, blob;
  Box *a = new_store (&local, &blob), *b = new_store (&local, &blob);

  for (guint i = 0; i < N_TOLD; i++)
    g_ptr_array_add (told, random_message (rand, i, blob));
  if (sorted) /* long runs of one folder */
    g_ptr_array_sort (told, by_folder);
  tell_all (a, local, told, rand, 1, &one_by_one);
  tell_all (b, local, told, rand, limit, &many);
  assert_int_equal (one_by_one.added, many.added);
  assert_int_equal (one_by_one.updated, many.updated);
  assert_int_equal (one_by_one.unseen_added, many.unseen_added);
  assert_true (many.added > N_TOLD / 2 && many.updated > 100);
  assert_int_equal (ids_one->len, N_TOLD);
  assert_memory_equal (ids_one->data, ids_many->data, N_TOLD * sizeof (gint64));
  g_autofree char *text_one = dump (a), *text_many = dump (b);
  assert_string_equal (text_one, text_many);
  assert_counters (b);
  assert_threads (b, told, ids_many);
  OK (fm_db_check (b->r, E));
  void *states[] = { a, b };
  box_teardown (&states[0]);
  box_teardown (&states[1]);
  g_rand_free (rand);
}

static void
test_mixed (void **state)
{
  (void) state;
  compare_stores (1, FALSE, 40);
}

static void
test_long_runs (void **state)
{
  (void) state;
  compare_stores (2, TRUE, 700);
}

/* A copy counts too, and a row that was appended. */
static void
test_copies (void **state)
{
  Box *b = *state;
  FmMessageInput input = FM_MESSAGE_INPUT_INIT;
  g_autoptr (FmEnvelope) envelope = make_envelope (3, 1);
  g_autofree char *digest = write_body (b, "hello\r\n");
  begin (b);
  gint64 ids[] = { put (b, b->inbox, 1, 1, 0), put_answer (b, b->inbox, 2, 2, 1, FM_FLAG_SEEN) };
  gint64 group = 0;
  OK ((input.blob_id = fm_body_store_put (b->w, digest, 7, E)) != 0);
  OK (fm_message_store_set_blob (b->w, ids[0], input.blob_id, E));
  OK ((group = fm_journal_group (b->w, "copied", E)) != 0);
  OK (fm_journal_plan_copy (b->w, group, ids, 2, b->archive, NULL, E));
  input.envelope = envelope;
  OK (fm_journal_plan_append (b->w, group, b->archive, &input, E) != 0);
  commit (b);
  assert_int_equal (total (b, b->archive), 3);
  assert_int_equal (unread (b, b->archive), 2);
  assert_counters (b);
}

/* The newcomers are more than the thread they find: the row that was there moves to theirs, which has no counters yet. */
static void
test_larger_newcomers (void **state)
{
  Box *b = *state;
  static const guint parents[] = { 0, 10, 10, 12 }; /* of messages 10 to 13 */
  FmMessageInput inputs[G_N_ELEMENTS (parents) + 1];
  g_autoptr (GPtrArray) envelopes = g_ptr_array_new_with_free_func ((GDestroyNotify) fm_envelope_unref);
  static const char last[] = "From: a@x\r\nMessage-ID: <m14@x>\r\nReferences: <m1@x> <m13@x>\r\n\r\n";

  begin (b);
  put (b, b->inbox, 1, 1, 0);
  for (guint i = 0; i < G_N_ELEMENTS (inputs); i++)
    {
      FmEnvelope *envelope = i < G_N_ELEMENTS (parents) ? make_envelope (10 + i, parents[i]) : fm_envelope_parse (last, strlen (last));
      g_ptr_array_add (envelopes, envelope);
      inputs[i] = (FmMessageInput) FM_MESSAGE_INPUT_INIT;
      inputs[i].uid = 2 + i;
      inputs[i].internal_date_utc = 1000000000;
      inputs[i].envelope = envelope;
    }
  OK (fm_message_store_upsert (b->w, b->inbox, inputs, G_N_ELEMENTS (inputs), NULL, E));
  commit (b);
  g_autoptr (FmMessageInfo) old = fm_message_store_get_uid (b->r, b->inbox, 1, NULL);
  g_autoptr (FmMessageInfo) fresh = fm_message_store_get_uid (b->r, b->inbox, 2, NULL);
  assert_int_equal (old->thread_id, fresh->id);
  assert_counters (b);
}

int
main (void)
{
  const struct CMUnitTest tests[] = { cmocka_unit_test (test_mixed), cmocka_unit_test (test_long_runs),
                                      cmocka_unit_test_setup_teardown (test_copies, box_setup, box_teardown),
                                      cmocka_unit_test_setup_teardown (test_larger_newcomers, box_setup, box_teardown) };
  return cmocka_run_group_tests_name ("batch", tests, NULL, NULL);
}

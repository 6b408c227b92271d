/* Undo: every action that has a reverse is undone and done again, before the server has heard of it, after it has confirmed, and after a restart; what has
 * none is held, and refused with its reason once it was sent. */
#include "store-test.h"
#include <fulmar/base/clock.h>

static gint64
group (Box *b, const char *label)
{
  gint64 id = 0;
  OK ((id = fm_journal_group (b->w, label, E)) != 0);
  return id;
}

/* The server does everything that may run, of every account, and tells new UIDs. */
static guint
serve (Box *b)
{
  static guint32 next = 5000;
  guint done = 0;
  for (gint64 account = 1; account <= 3; account++)
    for (;;)
      {
        g_autoptr (FmOpBatch) batch = fm_journal_next (b->r, account, 1, NULL);
        if (batch == NULL)
          break;
        OK (fm_journal_mark_sent (b->w, batch, 0, 1, E));
        gboolean arrives = batch->kind == FM_OP_MOVE || batch->kind == FM_OP_COPY || batch->kind == FM_OP_APPEND;
        OK (fm_journal_confirm (b->w, batch->items[0].op_id, arrives ? next++ : 0, E));
        done++;
        account = 1;
      }
  return done;
}

static void
restart (Box *b)
{
  commit (b);
  box_close (b);
  box_open (b);
  begin (b);
}

/* --- what has a reverse --- */

typedef struct {
  gint64 id, other; /* a message with a body; the other account's inbox */
  gint64 copy;
} Case;

static void
do_flags (Box *b, gint64 g, Case *c)
{
  OK (fm_journal_plan_flags (b->w, g, &c->id, 1, FM_FLAG_SEEN, FM_FLAG_FLAGGED, NULL, NULL, NULL, E));
}

static gboolean
flags_done (Box *b, Case *c)
{
  g_autoptr (FmMessageInfo) m = fm_message_store_get (b->r, c->id, NULL);
  return (m->flags & (FM_FLAG_SEEN | FM_FLAG_FLAGGED)) == FM_FLAG_SEEN;
}

static void
do_tags (Box *b, gint64 g, Case *c)
{
  const char *tags[] = { "todo", NULL };
  OK (fm_journal_plan_flags (b->w, g, &c->id, 1, 0, 0, tags, NULL, NULL, E));
}

static gboolean
tags_done (Box *b, Case *c)
{
  g_autoptr (FmMessageInfo) m = fm_message_store_get (b->r, c->id, NULL);
  return m->keywords != NULL && g_strv_contains ((const char *const *) m->keywords, "todo");
}

static void
do_move (Box *b, gint64 g, Case *c)
{
  OK (fm_journal_plan_move (b->w, g, &c->id, 1, b->archive, NULL, E));
}

static gboolean
in_archive (Box *b, Case *c)
{
  return total (b, b->archive) == 1;
}

static void
do_junk (Box *b, gint64 g, Case *c)
{
  OK (fm_journal_plan_flags (b->w, g, &c->id, 1, FM_FLAG_JUNK, FM_FLAG_NOTJUNK, NULL, NULL, NULL, E));
  OK (fm_journal_plan_move (b->w, g, &c->id, 1, b->archive, NULL, E));
}

static gboolean
junk_done (Box *b, Case *c)
{
  g_autoptr (FmMessageInfo) m = fm_message_store_get (b->r, c->id, NULL);
  return (m->flags & FM_FLAG_JUNK) != 0 && total (b, b->archive) == 1;
}

static void
do_copy (Box *b, gint64 g, Case *c)
{
  OK (fm_journal_plan_copy (b->w, g, &c->id, 1, b->archive, NULL, E));
}

static void
do_append (Box *b, gint64 g, Case *c)
{
  g_autoptr (FmEnvelope) envelope = make_envelope (77, 0);
  g_autofree char *digest = write_body (b, "Subject: draft\n\nwords\n");
  FmMessageInput input = FM_MESSAGE_INPUT_INIT;
  input.envelope = envelope;
  OK ((input.blob_id = fm_body_store_put (b->w, digest, 22, E)) != 0);
  OK (fm_journal_plan_append (b->w, g, b->archive, &input, E) != 0);
}

static void
do_rename (Box *b, gint64 g, Case *c)
{
  OK (fm_journal_plan_folder_rename (b->w, g, b->archive, "Attic", E));
}

static gboolean
rename_done (Box *b, Case *c)
{
  g_autoptr (FmFolderInfo) folder = fm_folder_store_get (b->r, b->archive, NULL);
  return g_str_equal (folder->name, "Attic");
}

static void
do_across (Box *b, gint64 g, Case *c)
{
  OK (fm_journal_plan_move (b->w, g, &c->id, 1, c->other, NULL, E));
}

static gboolean
across_done (Box *b, Case *c)
{
  assert_int_equal (total (b, c->other) + total (b, b->inbox), 1);
  return total (b, c->other) == 1;
}

static const struct {
  const char *name;
  void (*act) (Box *b, gint64 group, Case *c);
  gboolean (*is_done) (Box *b, Case *c);
  gboolean again; /* has a redo */
} kinds[]
    = { { "flags", do_flags, flags_done, TRUE },    { "tags", do_tags, tags_done, TRUE },      { "move", do_move, in_archive, TRUE },
        { "junk", do_junk, junk_done, TRUE },       { "copy", do_copy, in_archive, TRUE },     { "append", do_append, in_archive, FALSE },
        { "rename", do_rename, rename_done, TRUE }, { "across", do_across, across_done, TRUE } };

static void
case_new (Box *b, Case *c)
{
  g_autofree char *digest = write_body (b, "Subject: one\n\nbody\n");
  gint64 account = 0;
  *c = (Case){ .id = put (b, b->inbox, 7, 1, FM_FLAG_FLAGGED) };
  OK (fm_body_store_attach (b->w, c->id, digest, 19, E) != 0);
  OK ((account = fm_folder_store_put_account (b->w, "other", FM_STORE_IMAP, E)) != 0);
  c->other = make_folder (b, account, "INBOX", FM_SPECIAL_INBOX);
}

static void
between (Box *b, gboolean confirm, gboolean again)
{
  if (confirm)
    assert_true (serve (b) > 0);
  if (again)
    restart (b);
}

static void
test_each_way (void **unused)
{
  for (guint k = 0; k < G_N_ELEMENTS (kinds); k++)
    for (guint how = 0; how < 8; how++)
      {
        void *state = NULL;
        box_setup (&state);
        Box *b = state;
        Case c;
        gint64 g = 0;
        guint n = 0;
        gboolean served = (how & 1) != 0, undo_served = (how & 2) != 0, anew = (how & 4) != 0;
        begin (b);
        case_new (b, &c);
        assert_false (kinds[k].is_done (b, &c));
        kinds[k].act (b, group (b, kinds[k].name), &c);
        assert_true (kinds[k].is_done (b, &c));
        between (b, served, anew);
        if (!kinds[k].is_done (b, &c))
          fail_msg ("%s %u: not done", kinds[k].name, how);
        assert_true (fm_journal_undo_candidate (b->r, 0, &g, NULL));
        OK (fm_journal_undo (b->w, g, &n, E));
        if (kinds[k].is_done (b, &c) || n != 1)
          fail_msg ("%s %u: not undone (%u)", kinds[k].name, how, n);
        between (b, served && undo_served, anew);
        if (kinds[k].is_done (b, &c))
          fail_msg ("%s %u: does not stay undone", kinds[k].name, how);
        assert_true (fm_journal_redo_candidate (b->r, &g, NULL));
        g_autoptr (GError) error = NULL;
        if (fm_journal_redo (b->w, g, &n, &error) != kinds[k].again || (kinds[k].again && !kinds[k].is_done (b, &c)))
          fail_msg ("%s %u: not done again (%s)", kinds[k].name, how, error ? error->message : "");
        while (serve (b) > 0)
          ;
        assert_int_equal (fm_journal_pending (b->r, 0), 0);
        assert_int_equal (kinds[k].is_done (b, &c), kinds[k].again);
        commit (b);
        box_teardown (&state);
      }
}

/* --- what has none --- */

static void
test_held (void **state)
{
  Box *b = *state;
  gint64 ids[3], g, until, now = fm_clock_now_utc ();
  guint n = 0;
  g_autoptr (GError) error = NULL;
  begin (b);
  for (guint i = 0; i < 3; i++)
    ids[i] = put (b, b->trash, 1 + i, 1 + i, 0);
  OK (fm_journal_plan_delete (b->w, group (b, "deleted 2 for good"), ids, 2, now + 8, &n, E));
  assert_int_equal (n, 2);
  assert_int_equal (total (b, b->trash), 1);
  restart (b);
  /* Held: not sent, said so, and due in time. */
  assert_int_equal (serve (b), 0);
  assert_int_equal (fm_journal_list_due (b->r), now + 8);
  assert_int_equal (fm_journal_list_held (b->r, 100, &until), 2);
  assert_int_equal (until, now + 8);
  assert_int_equal (fm_journal_list_held (b->r, 1, &until), 1);
  g_autoptr (GPtrArray) lines = fm_journal_list_grouped (b->r, 0, 10, NULL), levels = fm_journal_list_levels (b->r, 10, NULL);
  assert_int_equal (lines->len, 1);
  assert_true (((FmOpInfo *) lines->pdata[0])->held && ((FmOpInfo *) lines->pdata[0])->n == 2);
  assert_int_equal (((FmJournalLevel *) levels->pdata[0])->held_until_utc, now + 8);
  assert_null (((FmJournalLevel *) levels->pdata[0])->stuck);
  /* Taken back, done again, which holds it anew, and let go. */
  assert_true (fm_journal_undo_candidate (b->r, 0, &g, NULL));
  OK (fm_journal_undo (b->w, g, &n, E));
  assert_int_equal (total (b, b->trash), 3);
  assert_false (fm_journal_undo (b->w, g, &n, &error));
  assert_non_null (strstr (error->message, "already"));
  g_clear_error (&error);
  OK (fm_journal_redo (b->w, g, &n, E));
  assert_int_equal (serve (b), 0);
  fm_clock_set_offset (FM_JOURNAL_HOLD_S);
  assert_int_equal (fm_journal_list_held (b->r, 100, &until), 0);
  assert_int_equal (fm_journal_list_due (b->r), 0);
  assert_int_equal (serve (b), 2);
  fm_clock_set_offset (0);
  assert_true (fm_journal_undo_candidate (b->r, 0, &g, NULL));
  assert_false (fm_journal_undo (b->w, g, &n, &error));
  assert_true (g_error_matches (error, FM_ERROR, FM_ERROR_INVALID));
  assert_non_null (strstr (error->message, "gone from the server"));
  g_autoptr (GPtrArray) after = fm_journal_list_levels (b->r, 10, NULL);
  assert_non_null (((FmJournalLevel *) after->pdata[0])->stuck);
  assert_int_equal (((FmJournalLevel *) after->pdata[0])->done, 2);
  commit (b);
}

/* On POP the rows are in no list while they are held, and their ledger entries wait. */
static void
test_held_on_pop (void **state)
{
  Box *b = *state;
  gint64 account = 0, g;
  guint n = 0;
  begin (b);
  OK ((account = fm_folder_store_put_account (b->w, "old", FM_STORE_POP, E)) != 0);
  gint64 trash = make_folder (b, account, "Trash", FM_SPECIAL_TRASH), mine = make_folder (b, account, "Mine", FM_SPECIAL_NONE);
  gint64 id = put (b, trash, 1, 1, 0), filed = put (b, mine, 1, 2, 0);
  FmPopSeen seen = { .uidl = (char *) "u1", .digest = (char *) "d", .msg_id = id };
  OK (fm_pop_store_put (b->w, account, &seen, E));
  OK (fm_journal_plan_delete (b->w, group (b, "deleted"), &id, 1, fm_clock_now_utc () + 5, &n, E));
  OK (fm_journal_plan_folder_delete (b->w, group (b, "deleted Mine"), mine, E));
  assert_int_equal (total (b, trash), 0);
  g_autoptr (GArray) early = fm_pop_store_unsettled (b->r, account, NULL);
  assert_int_equal (early->len, 1);
  assert_true (fm_journal_undo_candidate (b->r, 0, &g, NULL));
  OK (fm_journal_undo (b->w, g, NULL, E));
  assert_true (fm_journal_undo_candidate (b->r, 0, &g, NULL));
  OK (fm_journal_undo (b->w, g, NULL, E));
  assert_int_equal (total (b, trash), 1);
  g_autoptr (FmMessageInfo) there = fm_message_store_get (b->r, filed, NULL);
  assert_non_null (there);
  OK (fm_journal_plan_delete (b->w, group (b, "deleted"), &id, 1, fm_clock_now_utc () + 5, &n, E));
  fm_clock_set_offset (FM_JOURNAL_HOLD_S + 1);
  assert_int_equal (serve (b), 1);
  assert_null (fm_message_store_get (b->r, id, NULL));
  g_autoptr (GArray) late = fm_pop_store_deleted_here (b->r, account, NULL), still = fm_pop_store_unsettled (b->r, account, NULL);
  fm_clock_set_offset (0);
  assert_true (late->len == 1 && still->len == 0);
  commit (b);
}

/* Slice by slice, no row that came later, and all of it back in one step. */
static void
test_emptied (void **state)
{
  Box *b = *state;
  guint n = 0;
  gint64 g;
  begin (b);
  for (guint i = 0; i < 25; i++)
    put (b, b->trash, 1 + i, 1 + i, 0);
  FmJournalEmpty slice = { b->trash, fm_journal_list_last_row (b->r), 10, fm_clock_now_utc () + 10 };
  put (b, b->trash, 100, 100, 0);
  gint64 one = group (b, "emptied");
  for (guint i = 0; i < 3; i++)
    {
      OK (fm_journal_plan_empty (b->w, one, &slice, &n, E));
      assert_int_equal (n, i < 2 ? 10 : 5);
    }
  assert_int_equal (total (b, b->trash), 1);
  fm_clock_set_offset (11);
  g_autoptr (FmOpBatch) batch = fm_journal_next (b->r, b->account, 100, NULL);
  fm_clock_set_offset (0);
  assert_int_equal (batch->n, 25);
  assert_int_equal (batch->items[0].uid, 1);
  assert_true (fm_journal_undo_candidate (b->r, 0, &g, NULL) && g == one && !fm_journal_is_undone (b->r, one));
  OK (fm_journal_undo (b->w, g, &n, E));
  assert_true (n == 25 && total (b, b->trash) == 26 && fm_journal_is_undone (b->r, one));
  commit (b);
}

/* Newest first; what is undone is no level any more; the one below what can't be undone is found. */
static void
test_levels (void **state)
{
  Box *b = *state;
  gint64 g, below;
  begin (b);
  gint64 one = put (b, b->inbox, 1, 1, 0), two = put (b, b->inbox, 2, 2, 0), first = group (b, "moved 1 to work/Archive");
  OK (fm_journal_plan_move (b->w, first, &one, 1, b->archive, NULL, E));
  serve (b);
  gint64 second = group (b, "deleted 1 for good");
  OK (fm_journal_plan_expunge (b->w, second, &two, 1, NULL, E));
  g_autoptr (FmOpBatch) batch = fm_journal_next (b->r, b->account, 1, NULL);
  OK (fm_journal_mark_sent (b->w, batch, 0, 1, E));
  gint64 third = group (b, "starred 1");
  OK (fm_journal_plan_flags (b->w, third, &one, 1, FM_FLAG_FLAGGED, 0, NULL, NULL, NULL, E));
  g_autoptr (GPtrArray) levels = fm_journal_list_levels (b->r, 10, NULL);
  assert_int_equal (levels->len, 3);
  const FmJournalLevel *newest = levels->pdata[0], *stuck = levels->pdata[1], *moved = levels->pdata[2];
  assert_true (newest->group_id == third && newest->planned == 1 && newest->from_id == b->archive && newest->stuck == NULL);
  assert_true (stuck->group_id == second && stuck->sent == 1 && stuck->stuck != NULL && stuck->messages == 1);
  assert_true (moved->group_id == first && moved->done == 1 && moved->from_id == b->inbox && !moved->is_local);
  assert_string_equal (moved->label, "moved 1 to work/Archive");
  assert_true (fm_journal_undo_candidate (b->r, 0, &g, NULL) && g == third);
  OK (fm_journal_undo (b->w, third, NULL, E));
  assert_true (fm_journal_undo_candidate (b->r, 0, &g, NULL) && g == second);
  assert_true (fm_journal_undo_candidate (b->r, second, &below, NULL) && below == first);
  g_autoptr (GPtrArray) left = fm_journal_list_levels (b->r, 10, NULL);
  assert_int_equal (left->len, 2);
  commit (b);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_each_way),
    cmocka_unit_test_setup_teardown (test_held, box_setup, box_teardown),
    cmocka_unit_test_setup_teardown (test_held_on_pop, box_setup, box_teardown),
    cmocka_unit_test_setup_teardown (test_emptied, box_setup, box_teardown),
    cmocka_unit_test_setup_teardown (test_levels, box_setup, box_teardown),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}

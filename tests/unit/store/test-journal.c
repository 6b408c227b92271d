/* The journal: nothing lost, nothing twice, whatever order the answers and the synchroniser's words come in. */
#include "store-test.h"
#include "store/sql.h"
#include <signal.h>

static gint64
group (Box *b)
{
  gint64 id = 0;
  OK ((id = fm_journal_group (b->w, "did it", E)) != 0);
  return id;
}

static FmMessageInfo *
info (Box *b, gint64 id)
{
  return fm_message_store_get (b->r, id, NULL);
}

static gint64
send_one (Box *b, FmOpKind kind, guint32 *ret_uid)
{
  g_autoptr (FmOpBatch) batch = fm_journal_next (b->r, b->account, 100, NULL);
  assert_non_null (batch);
  assert_int_equal (batch->kind, kind);
  assert_int_equal (batch->n, 1);
  OK (fm_journal_mark_sent (b->w, batch, 0, 1, E));
  if (ret_uid != NULL)
    *ret_uid = batch->items[0].uid;
  return batch->items[0].op_id;
}

static void
test_flags_merge (void **state)
{
  Box *b = *state;
  begin (b);
  gint64 id = put (b, b->inbox, 7, 1, 0);
  guint n = 0;
  OK (fm_journal_plan_flags (b->w, group (b), &id, 1, FM_FLAG_SEEN, 0, NULL, NULL, &n, E));
  assert_int_equal (n, 1);
  assert_int_equal (unread (b, b->inbox), 0);
  /* The server, which does not know yet, says unseen and flagged: ours stays on top */
  FmMessageFlags word = { .uid = 7, .flags = FM_FLAG_FLAGGED };
  OK (fm_message_store_set_flags (b->w, b->inbox, &word, 1, NULL, E));
  g_autoptr (FmMessageInfo) m = info (b, id);
  assert_int_equal (m->flags, FM_FLAG_SEEN | FM_FLAG_FLAGGED);
  assert_true (m->pending);
  guint32 uid;
  gint64 op = send_one (b, FM_OP_FLAGS, &uid);
  assert_int_equal (uid, 7);
  OK (fm_journal_refuse (b->w, op, "no", NULL, E));
  g_autoptr (FmMessageInfo) after = info (b, id);
  assert_int_equal (after->flags, FM_FLAG_FLAGGED);
  assert_int_equal (unread (b, b->inbox), 1);
  commit (b);
}

static void
test_move_chain (void **state)
{
  Box *b = *state;
  begin (b);
  gint64 id = put (b, b->inbox, 7, 1, 0);
  OK (fm_journal_plan_move (b->w, group (b), &id, 1, b->archive, NULL, E));
  OK (fm_journal_plan_flags (b->w, group (b), &id, 1, FM_FLAG_FLAGGED, 0, NULL, NULL, NULL, E));
  OK (fm_journal_plan_move (b->w, group (b), &id, 1, b->trash, NULL, E));
  assert_int_equal (total (b, b->inbox), 0);
  assert_int_equal (total (b, b->trash), 1);
  guint32 uid;
  gint64 first = send_one (b, FM_OP_MOVE, &uid);
  assert_int_equal (uid, 7);
  assert_null (fm_journal_next (b->r, b->account, 10, NULL));
  OK (fm_journal_confirm (b->w, first, 31, E));
  gint64 flag = send_one (b, FM_OP_FLAGS, &uid);
  assert_int_equal (uid, 31);
  OK (fm_journal_confirm (b->w, flag, 0, E));
  gint64 last = send_one (b, FM_OP_MOVE, &uid);
  assert_int_equal (uid, 31);
  /* No COPYUID: the row settles when Trash is read */
  OK (fm_journal_confirm (b->w, last, 0, E));
  assert_int_equal (put (b, b->trash, 90, 1, FM_FLAG_FLAGGED), id);
  assert_int_equal (total (b, b->trash), 1);
  g_autoptr (FmMessageInfo) m = info (b, id);
  assert_int_equal (m->uid, 90);
  assert_false (m->pending);
  commit (b);
}

static void
test_no_twins (void **state)
{
  Box *b = *state;
  begin (b);
  gint64 id = put (b, b->inbox, 7, 1, 0);
  OK (fm_journal_plan_move (b->w, group (b), &id, 1, b->archive, NULL, E));
  /* The source folder is read again before the move is sent: no new row */
  assert_int_equal (put (b, b->inbox, 7, 1, FM_FLAG_ANSWERED), id);
  assert_int_equal (total (b, b->inbox), 0);
  gint64 op = send_one (b, FM_OP_MOVE, NULL);
  /* Pushed in the target and vanished in the source before the tagged answer */
  assert_int_equal (put (b, b->archive, 5, 1, 0), id);
  FmUidRange gone = { 7, 7 };
  OK (fm_message_store_vanished (b->w, b->inbox, &gone, 1, 100, NULL, E));
  OK (fm_journal_confirm (b->w, op, 5, E));
  OK (fm_journal_confirm (b->w, op, 5, E));
  assert_int_equal (total (b, b->archive), 1);
  /* A row made of the UID before we knew it is ours is absorbed */
  gint64 two = put (b, b->inbox, 8, 2, 0);
  OK (fm_journal_plan_move (b->w, group (b), &two, 1, b->archive, NULL, E));
  gint64 stranger = put (b, b->archive, 6, 2, 0);
  assert_int_not_equal (stranger, two);
  op = send_one (b, FM_OP_MOVE, NULL);
  OK (fm_journal_confirm (b->w, op, 6, E));
  assert_int_equal (total (b, b->archive), 2);
  assert_null (fm_message_store_get (b->r, stranger, NULL));
  commit (b);
}

static void
test_refused_move (void **state)
{
  Box *b = *state;
  begin (b);
  gint64 id = put (b, b->inbox, 7, 1, 0);
  OK (fm_journal_plan_move (b->w, group (b), &id, 1, b->archive, NULL, E));
  OK (fm_journal_plan_flags (b->w, group (b), &id, 1, FM_FLAG_SEEN, 0, NULL, NULL, NULL, E));
  gint64 op = send_one (b, FM_OP_MOVE, NULL);
  OK (fm_journal_refuse (b->w, op, "over quota", NULL, E));
  g_autoptr (FmMessageInfo) m = info (b, id);
  assert_int_equal (m->folder_id, b->inbox);
  assert_int_equal (m->uid, 7);
  assert_int_equal (m->flags, FM_FLAG_SEEN);
  guint32 uid;
  send_one (b, FM_OP_FLAGS, &uid);
  assert_int_equal (uid, 7);
  g_autoptr (GPtrArray) list = fm_journal_list (b->r, 0, 10, NULL);
  assert_int_equal (list->len, 2);
  assert_string_equal (((FmOpInfo *) list->pdata[1])->error, "over quota");
  commit (b);
}

/* Junk marks and moves: two operations, one message. */
static void
test_undo_counts_messages (void **state)
{
  Box *b = *state;
  guint n = 0;
  begin (b);
  gint64 id = put (b, b->inbox, 7, 1, 0), g = group (b);
  OK (fm_journal_plan_flags (b->w, g, &id, 1, FM_FLAG_JUNK, 0, NULL, NULL, NULL, E));
  OK (fm_journal_plan_move (b->w, g, &id, 1, b->archive, NULL, E));
  OK (fm_journal_undo (b->w, g, &n, E));
  assert_int_equal (n, 1);
  OK (fm_journal_redo (b->w, g, &n, E));
  assert_int_equal (n, 1);
  commit (b);
}

static void
test_undo_redo (void **state)
{
  Box *b = *state;
  gint64 g;
  guint n = 0;
  begin (b);
  gint64 id = put (b, b->inbox, 7, 1, 0);
  OK (fm_journal_plan_move (b->w, group (b), &id, 1, b->archive, NULL, E));
  /* Not sent: cancelled */
  assert_true (fm_journal_undo_candidate (b->r, 0, &g, NULL));
  OK (fm_journal_undo (b->w, g, &n, E));
  assert_int_equal (n, 1);
  assert_null (fm_journal_next (b->r, b->account, 10, NULL));
  g_autoptr (FmMessageInfo) back = info (b, id);
  assert_int_equal (back->uid, 7);
  assert_int_equal (back->folder_id, b->inbox);
  assert_false (fm_journal_undo_candidate (b->r, 0, &g, NULL));
  /* Redone, sent and confirmed: undone by a move back, which needs the new UID */
  assert_true (fm_journal_redo_candidate (b->r, &g, NULL));
  OK (fm_journal_redo (b->w, g, NULL, E));
  assert_false (fm_journal_redo_candidate (b->r, &g, NULL));
  gint64 op = send_one (b, FM_OP_MOVE, NULL);
  assert_true (fm_journal_undo_candidate (b->r, 0, &g, NULL));
  OK (fm_journal_undo (b->w, g, NULL, E));
  assert_int_equal (total (b, b->inbox), 1);
  OK (fm_journal_confirm (b->w, op, 44, E));
  guint32 uid;
  op = send_one (b, FM_OP_MOVE, &uid);
  assert_int_equal (uid, 44);
  OK (fm_journal_confirm (b->w, op, 9, E));
  g_autoptr (FmMessageInfo) m = info (b, id);
  assert_int_equal (m->uid, 9);
  commit (b);
}

static void
test_expunge (void **state)
{
  Box *b = *state;
  begin (b);
  gint64 id = put (b, b->inbox, 7, 1, 0);
  OK (fm_journal_plan_expunge (b->w, group (b), &id, 1, NULL, E));
  assert_int_equal (total (b, b->inbox), 0);
  gint64 op = send_one (b, FM_OP_EXPUNGE, NULL);
  OK (fm_journal_refuse (b->w, op, "read-only", NULL, E));
  assert_int_equal (total (b, b->inbox), 1);
  OK (fm_journal_plan_expunge (b->w, group (b), &id, 1, NULL, E));
  op = send_one (b, FM_OP_EXPUNGE, NULL);
  OK (fm_journal_confirm (b->w, op, 0, E));
  assert_null (info (b, id));
  commit (b);
}

static void
test_uidvalidity (void **state)
{
  Box *b = *state;
  gboolean changed = FALSE;
  guint gone = 0;
  begin (b);
  OK (fm_folder_store_set_uidvalidity (b->w, b->inbox, 1, &changed, E));
  assert_false (changed);
  gint64 one = put (b, b->inbox, 1, 1, 0), two = put (b, b->inbox, 2, 2, 0), three = put (b, b->inbox, 3, 3, 0);
  OK (fm_journal_plan_flags (b->w, group (b), &one, 1, FM_FLAG_SEEN, 0, NULL, NULL, NULL, E));
  OK (fm_journal_plan_move (b->w, group (b), &two, 1, b->archive, NULL, E));
  OK (fm_folder_store_set_uidvalidity (b->w, b->inbox, 2, &changed, E));
  assert_true (changed);
  assert_null (fm_journal_next (b->r, b->account, 10, NULL));
  assert_int_equal (put (b, b->inbox, 101, 1, 0), one);
  assert_int_equal (put (b, b->inbox, 102, 2, 0), two);
  OK (fm_folder_store_end_rematch (b->w, b->inbox, &gone, E));
  assert_int_equal (gone, 1);
  assert_null (info (b, three));
  guint32 uid;
  send_one (b, FM_OP_FLAGS, &uid);
  assert_int_equal (uid, 101);
  send_one (b, FM_OP_MOVE, &uid);
  assert_int_equal (uid, 102);
  assert_int_equal (total (b, b->inbox), 1);
  commit (b);
}

/* A server, modelled as two folders of (uid -> message, flags), and a client that acts on its store while syncs and answers come in any
 * order. At the end, all answered and synced, both agree. */
typedef struct {
  guint number;
  guint flags;
} ServerMail;
typedef struct {
  GHashTable *mails[2]; /* uid -> ServerMail */
  guint32 next[2];
} Server;

static void
sync_folder (Box *b, Server *s, int f, gint64 folder)
{
  g_autoptr (GArray) known = fm_message_store_uids (b->r, folder, 1, G_MAXUINT32, NULL);
  GHashTableIter iter;
  gpointer key, value;
  g_hash_table_iter_init (&iter, s->mails[f]);
  while (g_hash_table_iter_next (&iter, &key, &value))
    {
      ServerMail *mail = value;
      put (b, folder, GPOINTER_TO_UINT (key), mail->number, mail->flags);
    }
  for (guint i = 0; i < known->len; i += 2)
    {
      guint32 uid = g_array_index (known, guint32, i);
      FmUidRange range = { uid, uid };
      if (!g_hash_table_contains (s->mails[f], GUINT_TO_POINTER (uid)))
        OK (fm_message_store_vanished (b->w, folder, &range, 1, 10, NULL, E));
    }
  OK (fm_journal_settle_missing (b->w, folder, NULL, NULL, E));
}

static void
serve (Box *b, Server *s, GRand *rand, gboolean always)
{
  g_autoptr (FmOpBatch) batch = fm_journal_next (b->r, b->account, 3, NULL);
  if (batch == NULL)
    return;
  int f = batch->folder_id == b->inbox ? 0 : 1;
  for (gsize i = 0; i < batch->n; i++)
    {
      const FmOpItem *item = &batch->items[i];
      OK (fm_journal_mark_sent (b->w, batch, i, 1, E));
      ServerMail *mail = g_hash_table_lookup (s->mails[f], GUINT_TO_POINTER (item->uid));
      guint32 new_uid = 0;
      if (!always && g_rand_int_range (rand, 0, 8) == 0)
        {
          OK (fm_journal_refuse (b->w, item->op_id, "no", NULL, E));
          continue;
        }
      if (mail != NULL && batch->kind == FM_OP_FLAGS)
        mail->flags = (mail->flags & ~batch->remove) | batch->add;
      else if (mail != NULL)
        {
          g_hash_table_steal (s->mails[f], GUINT_TO_POINTER (item->uid));
          new_uid = s->next[!f]++;
          g_hash_table_insert (s->mails[!f], GUINT_TO_POINTER (new_uid), mail);
        }
      /* The push may overtake the tagged answer. */
      if (g_rand_boolean (rand))
        sync_folder (b, s, !f, f == 0 ? b->archive : b->inbox);
      OK (fm_journal_confirm (b->w, item->op_id, g_rand_boolean (rand) ? new_uid : 0, E));
    }
}

static void
test_model (void **state)
{
  Box *b = *state;
  for (guint32 seed = 1; seed <= 60; seed++)
    {
      g_autoptr (GRand) rand = g_rand_new_with_seed (seed);
      Server s = { { g_hash_table_new_full (NULL, NULL, NULL, g_free), g_hash_table_new_full (NULL, NULL, NULL, g_free) }, { 1, 1 } };
      gint64 folders[2] = { b->inbox, b->archive };
      gint64 ids[6];
      begin (b);
      for (guint i = 0; i < 6; i++)
        {
          ServerMail *mail = g_new0 (ServerMail, 1);
          mail->number = seed * 10 + i;
          guint32 uid = s.next[0]++;
          g_hash_table_insert (s.mails[0], GUINT_TO_POINTER (uid), mail);
          ids[i] = put (b, b->inbox, uid, mail->number, 0);
        }
      for (int step = 0; step < 60; step++)
        {
          gint64 id = ids[g_rand_int_range (rand, 0, 6)];
          guint bit = 1u << g_rand_int_range (rand, 0, 3);
          switch (g_rand_int_range (rand, 0, 5))
            {
            case 0:
              OK (fm_journal_plan_flags (b->w, group (b), &id, 1, g_rand_boolean (rand) ? bit : 0, bit, NULL, NULL, NULL, E));
              break;
            case 1:
              OK (fm_journal_plan_move (b->w, group (b), &id, 1, folders[g_rand_int_range (rand, 0, 2)], NULL, E));
              break;
              case 2: {
                int f = g_rand_int_range (rand, 0, 2);
                sync_folder (b, &s, f, folders[f]);
                break;
              }
              case 3: {
                gint64 g;
                if (fm_journal_undo_candidate (b->r, 0, &g, NULL))
                  OK (fm_journal_undo (b->w, g, NULL, E));
                break;
              }
            default:
              serve (b, &s, rand, FALSE);
            }
        }
      for (int i = 0; i < 200 && fm_journal_pending (b->r, 0) > 0; i++)
        {
          serve (b, &s, rand, TRUE);
          sync_folder (b, &s, i % 2, folders[i % 2]);
        }
      assert_int_equal (fm_journal_pending (b->r, 0), 0);
      for (int round = 0; round < 2; round++)
        for (int f = 0; f < 2; f++)
          sync_folder (b, &s, f, folders[f]);
      for (int f = 0; f < 2; f++)
        {
          GHashTableIter iter;
          gpointer key, value;
          if (total (b, folders[f]) != g_hash_table_size (s.mails[f]))
            fail_msg ("seed %u: folder %d has %d rows, the server %u", seed, f, (int) total (b, folders[f]),
                      g_hash_table_size (s.mails[f]));
          g_hash_table_iter_init (&iter, s.mails[f]);
          while (g_hash_table_iter_next (&iter, &key, &value))
            {
              g_autoptr (FmMessageInfo) m = fm_message_store_get_uid (b->r, folders[f], GPOINTER_TO_UINT (key), NULL);
              assert_non_null (m);
              if (m->flags != ((ServerMail *) value)->flags || m->pending)
                fail_msg ("seed %u: flags %u, the server's %u, pending %d", seed, m->flags, ((ServerMail *) value)->flags, m->pending);
            }
        }
      fm_db_rollback (b->w);
      g_hash_table_unref (s.mails[0]);
      g_hash_table_unref (s.mails[1]);
    }
}

/* A child plans, marks and confirms until it is killed; what it reported as done must be there. */
static void
test_kill (void **state)
{
  Box *b = *state;
  begin (b);
  gint64 id = put (b, b->inbox, 7, 1, 0);
  commit (b);
  box_close (b);
  for (int round = 0; round < 8; round++)
    {
      int pipe_fd[2];
      assert_int_equal (pipe (pipe_fd), 0);
      pid_t child = fork ();
      if (child == 0)
        {
          box_open (b);
          for (guint i = 1; i < 100000; i++)
            {
              if (!fm_db_begin (b->w, FM_DB_FULL, NULL))
                _exit (1);
              gint64 g = fm_journal_group (b->w, "x", NULL);
              fm_journal_plan_flags (b->w, g, &id, 1, i % 2 ? FM_FLAG_FLAGGED : 0, FM_FLAG_FLAGGED, NULL, NULL, NULL, NULL);
              fm_journal_plan_move (b->w, g, &id, 1, i % 2 ? b->archive : b->inbox, NULL, NULL);
              if (!fm_db_commit (b->w, NULL) || write (pipe_fd[1], &g, sizeof g) != sizeof g)
                _exit (1);
            }
          _exit (0);
        }
      close (pipe_fd[1]);
      gint64 last = 0, g;
      for (int i = 0; i < 20 + round * 7 && read (pipe_fd[0], &g, sizeof g) == sizeof g; i++)
        last = g;
      kill (child, SIGKILL);
      waitpid (child, NULL, 0);
      while (read (pipe_fd[0], &g, sizeof g) == sizeof g)
        last = g;
      close (pipe_fd[0]);
      box_open (b);
      assert_null (fm_db_corrupt_path (b->store));
      gint64 newest = 0;
      assert_true (fm_journal_undo_candidate (b->r, 0, &newest, NULL));
      assert_true (newest == last || newest == last + 1);
      OK (fm_db_check (b->r, E));
      assert_int_equal (total (b, b->inbox) + total (b, b->archive), 1);
      g_autoptr (FmMessageInfo) m = info (b, id);
      assert_int_equal ((m->flags & FM_FLAG_FLAGGED) != 0, m->folder_id == b->archive);
      box_close (b);
    }
  box_open (b);
}

static void
test_taken_back_before_sent (void **state)
{
  Box *b = *state;
  begin (b);
  gint64 one = put (b, b->inbox, 7, 1, 0), two = put (b, b->inbox, 8, 2, 0);
  OK (fm_journal_plan_move (b->w, group (b), &one, 1, b->archive, NULL, E));
  gint64 undone = group (b);
  OK (fm_journal_plan_move (b->w, undone, &two, 1, b->archive, NULL, E));
  g_autoptr (FmOpBatch) batch = fm_journal_next (b->r, b->account, 100, NULL);
  assert_int_equal (batch->n, 2);
  OK (fm_journal_undo (b->w, undone, NULL, E));
  OK (fm_journal_mark_sent (b->w, batch, 0, 2, E));
  fm_journal_batch_trim (batch);
  assert_int_equal (batch->n, 1);
  assert_int_equal (batch->items[0].msg_id, one);
  commit (b);
}

static void
test_met_on_the_way_back (void **state)
{
  Box *b = *state;
  begin (b);
  gint64 id = put (b, b->inbox, 7, 1, 0);
  OK (fm_journal_plan_move (b->w, group (b), &id, 1, b->archive, NULL, E));
  gint64 op = send_one (b, FM_OP_MOVE, NULL);
  OK (fm_journal_confirm (b->w, op, 0, E));
  OK (fm_journal_plan_flags (b->w, group (b), &id, 1, FM_FLAG_SEEN, 0, NULL, NULL, NULL, E));
  OK (fm_journal_plan_move (b->w, group (b), &id, 1, b->inbox, NULL, E));
  /* The row is not in Archive any more when Archive is read. */
  assert_int_equal (put (b, b->archive, 31, 1, 0), id);
  OK (fm_journal_settle_missing (b->w, b->archive, NULL, NULL, E));
  guint32 uid;
  op = send_one (b, FM_OP_FLAGS, &uid);
  assert_int_equal (uid, 31);
  OK (fm_journal_confirm (b->w, op, 0, E));
  send_one (b, FM_OP_MOVE, &uid);
  assert_int_equal (uid, 31);
  assert_int_equal (total (b, b->inbox), 1);
  commit (b);
}

static void
test_met_before_its_copy (void **state)
{
  Box *b = *state;
  begin (b);
  gint64 id = put (b, b->inbox, 7, 1, 0);
  OK (fm_journal_plan_move (b->w, group (b), &id, 1, b->archive, NULL, E));
  gint64 op = send_one (b, FM_OP_MOVE, NULL);
  OK (fm_journal_confirm (b->w, op, 0, E));
  OK (fm_journal_plan_copy (b->w, group (b), &id, 1, b->archive, NULL, E));
  assert_int_equal (put (b, b->archive, 31, 1, 0), id);
  guint32 uid;
  send_one (b, FM_OP_COPY, &uid);
  assert_int_equal (uid, 31);
  commit (b);
}

static void
test_met_under_an_old_uid (void **state)
{
  Box *b = *state;
  begin (b);
  gint64 id = put (b, b->inbox, 7, 1, 0);
  OK (fm_journal_plan_move (b->w, group (b), &id, 1, b->archive, NULL, E));
  gint64 op = send_one (b, FM_OP_MOVE, NULL);
  OK (fm_journal_plan_move (b->w, group (b), &id, 1, b->trash, NULL, E));
  /* It was in Archive before, and some session still says so. */
  put (b, b->archive, 30, 1, 0);
  FmUidRange old = { 30, 30 };
  OK (fm_message_store_vanished (b->w, b->archive, &old, 1, 100, NULL, E));
  OK (fm_journal_confirm (b->w, op, 31, E));
  guint32 uid;
  send_one (b, FM_OP_MOVE, &uid);
  assert_int_equal (uid, 31);
  commit (b);
}

/* A twin of it in the folder must not be taken for what somebody looks for there. */
static void
test_leaving (void **state)
{
  Box *b = *state;
  begin (b);
  gint64 id = put (b, b->inbox, 7, 1, 0), stays = put (b, b->inbox, 8, 2, 0);
  assert_int_equal (fm_journal_leaving (b->r, b->inbox, 7), 0);
  OK (fm_journal_plan_flags (b->w, group (b), &stays, 1, FM_FLAG_SEEN, 0, NULL, NULL, NULL, E));
  OK (fm_journal_plan_move (b->w, group (b), &id, 1, b->archive, NULL, E));
  assert_int_equal (fm_journal_leaving (b->r, b->inbox, 7), id);
  assert_int_equal (fm_journal_leaving (b->r, b->inbox, 8), 0);
  assert_int_equal (fm_journal_leaving (b->r, b->archive, 7), 0);
  gint64 flags = send_one (b, FM_OP_FLAGS, NULL);
  OK (fm_journal_confirm (b->w, flags, 0, E));
  gint64 op = send_one (b, FM_OP_MOVE, NULL);
  assert_int_equal (fm_journal_leaving (b->r, b->inbox, 7), id);
  OK (fm_journal_confirm (b->w, op, 31, E));
  assert_int_equal (fm_journal_leaving (b->r, b->inbox, 7), 0);
  commit (b);
}

static void
test_there_and_back_and_there (void **state)
{
  Box *b = *state;
  begin (b);
  gint64 id = put (b, b->inbox, 7, 1, 0);
  OK (fm_journal_plan_move (b->w, group (b), &id, 1, b->archive, NULL, E));
  gint64 op = send_one (b, FM_OP_MOVE, NULL);
  OK (fm_journal_plan_move (b->w, group (b), &id, 1, b->inbox, NULL, E));
  OK (fm_journal_plan_move (b->w, group (b), &id, 1, b->archive, NULL, E));
  /* The UID of its first stay is not that of the second. */
  OK (fm_journal_confirm (b->w, op, 31, E));
  guint32 uid;
  op = send_one (b, FM_OP_MOVE, &uid);
  assert_int_equal (uid, 31);
  OK (fm_journal_confirm (b->w, op, 8, E));
  op = send_one (b, FM_OP_MOVE, &uid);
  assert_int_equal (uid, 8);
  OK (fm_journal_confirm (b->w, op, 32, E));
  OK (fm_journal_plan_move (b->w, group (b), &id, 1, b->trash, NULL, E));
  op = send_one (b, FM_OP_MOVE, &uid);
  assert_int_equal (uid, 32);
  OK (fm_journal_confirm (b->w, op, 50, E));
  g_autoptr (FmMessageInfo) m = info (b, id);
  assert_int_equal (m->folder_id, b->trash);
  assert_int_equal (m->uid, 50);
  commit (b);
}

static void
test_not_met_by_what_is_planned (void **state)
{
  Box *b = *state;
  begin (b);
  gint64 id = put (b, b->inbox, 7, 1, 0);
  OK (fm_journal_plan_move (b->w, group (b), &id, 1, b->archive, NULL, E));
  OK (fm_journal_plan_move (b->w, group (b), &id, 1, b->trash, NULL, E));
  /* Nothing has brought it to Archive yet: this is its twin. */
  assert_int_not_equal (put (b, b->archive, 31, 1, 0), id);
  assert_int_equal (total (b, b->archive), 1);
  commit (b);
}

static void
test_gone_with_its_copies (void **state)
{
  Box *b = *state;
  begin (b);
  gint64 id = put (b, b->inbox, 7, 1, 0);
  OK (fm_journal_plan_move (b->w, group (b), &id, 1, b->archive, NULL, E));
  gint64 op = send_one (b, FM_OP_MOVE, NULL);
  OK (fm_journal_confirm (b->w, op, 0, E));
  OK (fm_journal_plan_copy (b->w, group (b), &id, 1, b->inbox, NULL, E));
  OK (fm_journal_plan_copy (b->w, group (b), &id, 1, b->trash, NULL, E));
  guint gone = 0;
  OK (fm_journal_settle_missing (b->w, b->archive, NULL, &gone, E));
  assert_int_equal (gone, 1);
  assert_int_equal (total (b, b->inbox) + total (b, b->archive) + total (b, b->trash), 0);
  assert_int_equal (fm_journal_pending (b->r, 0), 0);
  commit (b);
}

static void
test_refused_before_the_way_back (void **state)
{
  Box *b = *state;
  begin (b);
  gint64 id = put (b, b->inbox, 7, 1, 0);
  OK (fm_journal_plan_move (b->w, group (b), &id, 1, b->archive, NULL, E));
  gint64 op = send_one (b, FM_OP_MOVE, NULL);
  OK (fm_journal_plan_move (b->w, group (b), &id, 1, b->inbox, NULL, E));
  OK (fm_journal_plan_flags (b->w, group (b), &id, 1, FM_FLAG_SEEN, 0, NULL, NULL, NULL, E));
  OK (fm_journal_plan_move (b->w, group (b), &id, 1, b->trash, NULL, E));
  OK (fm_journal_refuse (b->w, op, "over quota", NULL, E));
  assert_int_equal (total (b, b->trash), 1);
  guint32 uid;
  op = send_one (b, FM_OP_FLAGS, &uid);
  assert_int_equal (uid, 7);
  OK (fm_journal_confirm (b->w, op, 0, E));
  send_one (b, FM_OP_MOVE, &uid);
  assert_int_equal (uid, 7);
  commit (b);
}

/* Of copies planned in a folder of which the UIDs are lost, those of what is gone leave nothing behind, those of what is still to come wait. */
static void
test_uidvalidity_and_copies (void **state)
{
  Box *b = *state;
  begin (b);
  OK (fm_folder_store_set_uidvalidity (b->w, b->inbox, 1, NULL, E));
  gint64 lost = put (b, b->inbox, 1, 1, 0), coming = put (b, b->trash, 2, 2, 0);
  OK (fm_journal_plan_copy (b->w, group (b), &lost, 1, b->archive, NULL, E));
  OK (fm_journal_plan_move (b->w, group (b), &coming, 1, b->inbox, NULL, E));
  OK (fm_journal_plan_copy (b->w, group (b), &coming, 1, b->archive, NULL, E));
  assert_int_equal (total (b, b->archive), 2);
  OK (fm_folder_store_set_uidvalidity (b->w, b->inbox, 2, NULL, E));
  OK (fm_folder_store_end_rematch (b->w, b->inbox, NULL, E));
  assert_null (info (b, lost));
  assert_int_equal (total (b, b->archive), 1);
  OK (fm_journal_confirm (b->w, send_one (b, FM_OP_MOVE, NULL), 7, E));
  guint32 uid;
  OK (fm_journal_confirm (b->w, send_one (b, FM_OP_COPY, &uid), 8, E));
  assert_int_equal (uid, 7);
  assert_int_equal (fm_journal_pending (b->r, 0), 0);
  commit (b);
}

/* A folder whose name is wanted by a rename that the server refuses has it again at the next listing; of one that the server has renamed before we
 * heard so, the listing makes no second. */
static void
test_names_of_renamed_folders (void **state)
{
  Box *b = *state;
  begin (b);
  FmFolderInput theirs = { .name = "Old", .delimiter = '/', .selectable = TRUE },
                ours = { .name = "New", .delimiter = '/', .selectable = TRUE };
  OK (fm_journal_plan_folder_rename (b->w, group (b), b->archive, "Old", E));
  gint64 other = fm_folder_store_put (b->w, b->account, &theirs, NULL);
  assert_int_not_equal (other, b->archive);
  OK (fm_journal_refuse (b->w, send_one (b, FM_OP_FOLDER_RENAME, NULL), "it exists", NULL, E));
  assert_int_equal (fm_folder_store_put (b->w, b->account, &theirs, NULL), other);
  g_autoptr (FmFolderInfo) named = fm_folder_store_find (b->r, b->account, "Old", NULL);
  assert_int_equal (named->id, other);
  OK (fm_journal_plan_folder_rename (b->w, group (b), b->archive, "New", E));
  gint64 op = send_one (b, FM_OP_FOLDER_RENAME, NULL);
  assert_int_equal (fm_folder_store_put (b->w, b->account, &ours, NULL), b->archive);
  OK (fm_journal_confirm (b->w, op, 0, E));
  g_autoptr (FmFolderInfo) renamed = fm_folder_store_get (b->r, b->archive, NULL);
  assert_string_equal (renamed->name, "New");
  assert_string_equal (renamed->remote_name, "New");
  commit (b);
}

/* A folder that is gone takes nothing along but what lies in it: what was to be moved into it, and on from there, starts where it is; a copy out of it
 * is not made; what was to be met in it, and what was to be deleted in it, is forgotten. */
static void
test_folder_gone (void **state)
{
  Box *b = *state;
  begin (b);
  gint64 through = put (b, b->inbox, 1, 1, 0), inside = put (b, b->archive, 2, 2, 0), met = put (b, b->inbox, 3, 3, 0);
  gint64 deleted = put (b, b->archive, 4, 4, 0);
  OK (fm_journal_plan_move (b->w, group (b), &met, 1, b->archive, NULL, E));
  OK (fm_journal_confirm (b->w, send_one (b, FM_OP_MOVE, NULL), 0, E));
  OK (fm_journal_plan_move (b->w, group (b), &through, 1, b->archive, NULL, E));
  OK (fm_journal_plan_move (b->w, group (b), &through, 1, b->trash, NULL, E));
  OK (fm_journal_plan_copy (b->w, group (b), &inside, 1, b->trash, NULL, E));
  OK (fm_journal_plan_expunge (b->w, group (b), &deleted, 1, NULL, E));
  assert_int_equal (total (b, b->trash), 2);
  OK (fm_folder_store_delete (b->w, b->archive, E));
  assert_int_equal (total (b, b->trash), 1);
  assert_null (info (b, inside));
  assert_null (info (b, met));
  assert_null (info (b, deleted));
  guint32 uid;
  OK (fm_journal_confirm (b->w, send_one (b, FM_OP_MOVE, &uid), 9, E));
  assert_int_equal (uid, 1);
  assert_null (fm_journal_next (b->r, b->account, 10, NULL));
  assert_int_equal (total (b, b->inbox), 0);
  commit (b);
}

static int
count_steps (void *data)
{
  ++*(guint64 *) data;
  return 0;
}

/* Every batch that may run is sent and confirmed, with UIDs from *UID on; every third without. */
static void
serve_all (Box *b, guint32 *uid)
{
  FmOpBatch *batch;

  while ((batch = fm_journal_next (b->r, b->account, 2000, NULL)) != NULL)
    {
      OK (fm_journal_mark_sent (b->w, batch, 0, batch->n, E));
      fm_journal_batch_trim (batch);
      for (gsize i = 0; i < batch->n; i++, ++*uid)
        OK (fm_journal_confirm (b->w, batch->items[i].op_id, i % 3 == 0 ? 0 : *uid, E));
      fm_journal_batch_free (batch);
    }
}

/* Moved there, met, back by undo, there by redo and taken back before it is sent: in virtual machine steps of SQLite. */
static guint64
cost_of_moving (guint n)
{
  Box *b = NULL;
  guint64 steps = 0;
  guint32 uid = 1000;
  g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (gint64));

  box_setup ((void **) &b);
  begin (b);
  for (guint i = 0; i < n; i++)
    {
      gint64 id = put (b, b->inbox, i + 1, i + 1, 0);
      g_array_append_val (ids, id);
    }
  sqlite3_progress_handler (b->r->db, 50, count_steps, &steps);
  gint64 action = group (b);
  OK (fm_journal_plan_move (b->w, action, (const gint64 *) (void *) ids->data, n, b->archive, NULL, E));
  serve_all (b, &uid);
  for (guint i = 0; i < n; i++)
    {
      FmUidRange gone = { i + 1, i + 1 };
      OK (fm_message_store_vanished (b->w, b->inbox, &gone, 1, 10, NULL, E));
      if (i % 3 == 0)
        put (b, b->archive, 1000 + i, i + 1, 0);
    }
  OK (fm_journal_undo (b->w, action, NULL, E));
  uid = 5000;
  serve_all (b, &uid);
  OK (fm_journal_redo (b->w, action, NULL, E));
  gint64 again = 0;
  assert_true (fm_journal_undo_candidate (b->r, 0, &again, NULL));
  OK (fm_journal_undo (b->w, again, NULL, E));
  sqlite3_progress_handler (b->r->db, 0, NULL, NULL);
  commit (b);
  box_teardown ((void **) &b);
  return steps;
}

static void
test_cost_is_linear (void **state)
{
  guint64 few = cost_of_moving (100), many = cost_of_moving (400);

  if (many > few * 6)
    fail_msg ("4 times the messages take %g times the steps", (double) many / (double) few);
}

int
main (void)
{
#define T(name) cmocka_unit_test_setup_teardown (name, box_setup, box_teardown)
  const struct CMUnitTest tests[] = { T (test_flags_merge),
                                      T (test_move_chain),
                                      T (test_no_twins),
                                      T (test_refused_move),
                                      T (test_undo_redo),
                                      T (test_undo_counts_messages),
                                      T (test_expunge),
                                      T (test_uidvalidity),
                                      T (test_model),
                                      cmocka_unit_test (test_cost_is_linear),
                                      T (test_kill),
                                      T (test_taken_back_before_sent),
                                      T (test_met_on_the_way_back),
                                      T (test_met_before_its_copy),
                                      T (test_met_under_an_old_uid),
                                      T (test_leaving),
                                      T (test_there_and_back_and_there),
                                      T (test_not_met_by_what_is_planned),
                                      T (test_gone_with_its_copies),
                                      T (test_refused_before_the_way_back),
                                      T (test_uidvalidity_and_copies),
                                      T (test_names_of_renamed_folders),
                                      T (test_folder_gone) };
  return cmocka_run_group_tests_name ("journal", tests, NULL, NULL);
}

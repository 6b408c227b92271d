/* The engine on a local mail tree: reading, acting, undoing, restarting, being told. */
#include "engine-fixture.h"
#include "sync/engine-private.h"
#include <fulmar/store/outbox-store.h>
#include <fulmar/base/error.h>
#include <fulmar/index/index-worker.h>
#include <signal.h>
#include <sys/wait.h>

static void
mail_is_read_in_place (void **state)
{
  Fixture f;
  fixture_new (&f);
  make_maildir (&f, "INBOX");
  make_maildir (&f, "Lists/notmuch");
  for (guint i = 1; i <= 250; i++)
    deliver (&f, "INBOX", i > 240 ? "new" : "cur", i, i > 240 ? "" : ":2,S", "text");
  deliver (&f, "Lists/notmuch", "cur", 300, ":2,FRS", "text");
  fixture_open (&f, FALSE);
  sync_now (&f);
  g_autoptr (FmFolderInfo) inbox = folder_named (&f, "INBOX");
  assert_int_equal (inbox->total, 250);
  assert_int_equal (inbox->unread, 10);
  assert_int_equal (inbox->special, FM_SPECIAL_INBOX);
  gint64 id;
  newest (&f, "Lists/notmuch", 1, &id);
  g_autoptr (FmMessageInfo) row = fm_message_store_get (fm_engine_reader (f.engine), id, NULL);
  assert_string_equal (row->subject, "letter 300");
  assert_int_equal (row->flags & 0xff, FM_FLAG_FLAGGED | FM_FLAG_ANSWERED | FM_FLAG_SEEN);
  g_autofree char *path = fm_body_store_path (fm_engine_reader (f.engine), id, NULL);
  assert_true (g_str_has_suffix (path, "/Lists/notmuch/cur/1700018000.M300P1.host:2,FRS"));
  fixture_close (&f);
  fixture_open (&f, FALSE);
  sync_now (&f);
  assert_int_equal (total_of (&f, "INBOX"), 250);
  fixture_free (&f);
}

static void
delete_undo_redo_restart (void **state)
{
  Fixture f;
  fixture_new (&f);
  make_maildir (&f, "INBOX");
  for (guint i = 1; i <= 10; i++)
    deliver (&f, "INBOX", "cur", i, ":2,S", "text");
  fixture_open (&f, FALSE);
  sync_now (&f);
  gint64 ids[3];
  newest (&f, "INBOX", 3, ids);
  guint64 request = fm_engine_act (f.engine, fm_action_new_simple (FM_ACTION_TRASH, ids, 3));
  g_autoptr (FmEvent) durable = wait_event (&f, FM_EVENT_DURABLE, request);
  assert_true (durable->group_id > 0);
  g_autofree G_GNUC_UNUSED char *text = wait_done (&f, request);
  assert_string_equal (text, "moved 3 to Trash");
  assert_int_equal (total_of (&f, "INBOX"), 7);
  assert_int_equal (total_of (&f, "Trash"), 3);
  wait_idle (&f);
  assert_int_equal (files_in (&f, "INBOX", NULL), 7);
  assert_int_equal (files_in (&f, "Trash", NULL), 3);
  g_autofree char *undone = wait_done (&f, fm_engine_act (f.engine, fm_action_new_history (FM_ACTION_UNDO, 0)));
  assert_string_equal (undone, "restored 3 to local/INBOX");
  wait_idle (&f);
  assert_int_equal (files_in (&f, "INBOX", NULL), 10);
  assert_int_equal (files_in (&f, "Trash", NULL), 0);
  g_autofree char *redone = wait_done (&f, fm_engine_act (f.engine, fm_action_new_history (FM_ACTION_REDO, 0)));
  assert_string_equal (redone, "done again: moved 3 to Trash");
  wait_idle (&f);
  assert_int_equal (files_in (&f, "Trash", NULL), 3);
  fixture_close (&f);
  fixture_open (&f, FALSE);
  sync_now (&f);
  assert_int_equal (total_of (&f, "INBOX"), 7);
  assert_int_equal (total_of (&f, "Trash"), 3);
  gint64 again[3];
  newest (&f, "Trash", 3, again);
  assert_memory_equal (again, ids, sizeof ids); /* a message's id outlives its moves */
  g_autoptr (FmMessageInfo) row = fm_message_store_get (fm_engine_reader (f.engine), ids[0], NULL);
  assert_true (g_file_test (row->path, G_FILE_TEST_EXISTS));
  fixture_free (&f);
}

/* A send that is still held is the last action: undo takes it back into Drafts, once. */
static void
held_send_is_taken_back (void **state)
{
  static const char *const recipients[] = { "you@example.org", NULL };
  Fixture f;
  fixture_new (&f);
  make_maildir (&f, "INBOX");
  fixture_open (&f, FALSE);
  sync_now (&f);
  g_autoptr (GBytes) message = g_bytes_new_static ("From: me@example.org\r\nSubject: held\r\nMessage-ID: <h@x>\r\n\r\ntext\r\n", 64);
  FmSendOptions options = { .account = "local", .message = message, .sender = "me@example.org", .recipients = recipients, .hold_s = 600 };
  g_free (wait_done (&f, fm_engine_act (f.engine, fm_action_new_send (&options))));
  assert_int_equal (fm_outbox_store_pending (fm_engine_reader (f.engine)), 1);
  g_autofree G_GNUC_UNUSED char *text = wait_done (&f, fm_engine_act (f.engine, fm_action_new_history (FM_ACTION_UNDO, 0)));
  assert_string_equal (text, "not sent: the mail is back in Drafts");
  assert_int_equal (fm_outbox_store_pending (fm_engine_reader (f.engine)), 0);
  assert_int_equal (total_of (&f, "Drafts"), 1);
  wait_idle (&f);
  assert_int_equal (files_in (&f, "Drafts", NULL), 1);
  guint64 again = fm_engine_act (f.engine, fm_action_new_history (FM_ACTION_UNDO, 0));
  g_autoptr (FmEvent) failed = wait_event (&f, FM_EVENT_FAILED, again);
  assert_int_equal (failed->error->code, FM_ERROR_NOT_FOUND);
  fixture_free (&f);
}

/* An engine on a new store is asked before it has done anything of its own. */
static void
first_action_finds_its_account (void **state)
{
  static const char *const recipients[] = { "you@example.org", NULL };
  g_autoptr (GBytes) message = g_bytes_new_static ("From: me@example.org\r\nSubject: held\r\nMessage-ID: <h@x>\r\n\r\ntext\r\n", 64);
  FmSendOptions options = { .account = "local", .message = message, .sender = "me@example.org", .recipients = recipients, .hold_s = 600 };

  for (guint i = 0; i < 30; i++)
    {
      Fixture f;
      fixture_new (&f);
      make_maildir (&f, "INBOX");
      fixture_open (&f, FALSE);
      g_free (wait_done (&f, fm_engine_act (f.engine, fm_action_new_send (&options))));
      assert_int_equal (fm_outbox_store_pending (fm_engine_reader (f.engine)), 1);
      fixture_free (&f);
    }
}

static void
flags_are_names (void **state)
{
  Fixture f;
  fixture_new (&f);
  make_maildir (&f, "INBOX");
  deliver (&f, "INBOX", "new", 1, "", "text");
  deliver (&f, "INBOX", "cur", 2, ":2,Sa", "text");
  fixture_open (&f, FALSE);
  sync_now (&f);
  gint64 ids[2];
  newest (&f, "INBOX", 2, ids);
  g_autofree G_GNUC_UNUSED char *text
      = wait_done (&f, fm_engine_act (f.engine, fm_action_new_flags (ids, 2, FM_FLAG_FLAGGED, 0, NULL, NULL)));
  assert_string_equal (text, "starred 2");
  wait_idle (&f);
  assert_int_equal (files_in (&f, "INBOX", "1.M1P1.host:2,F") + files_in (&f, "INBOX", "M1P1.host:2,F"), 1);
  assert_int_equal (files_in (&f, "INBOX", "M2P1.host:2,FSa"), 1);
  g_autofree G_GNUC_UNUSED char *read = wait_done (&f, fm_engine_act (f.engine, fm_action_new_flags (ids, 2, FM_FLAG_SEEN, 0, NULL, NULL)));
  wait_idle (&f);
  assert_int_equal (files_in (&f, "INBOX", "M1P1.host:2,FS"), 1);
  sync_now (&f);
  g_autoptr (FmFolderInfo) inbox = folder_named (&f, "INBOX");
  assert_int_equal (inbox->total, 2);
  assert_int_equal (inbox->unread, 0);
  fixture_free (&f);
}

static void
wait_for_total (Fixture *f, const char *name, guint64 total)
{
  gint64 deadline = fm_clock_deadline_us (WAIT_MS);
  while (total_of (f, name) != total)
    {
      FmEvent *event = fm_port_take (f->port, deadline);
      if (event == NULL)
        fail_msg ("%s never came to %u mails", name, (guint) total);
      fm_event_unref (event);
    }
}

static void
other_programs_are_noticed (void **state)
{
  Fixture f;
  fixture_new (&f);
  make_maildir (&f, "INBOX");
  for (guint i = 1; i <= 5; i++)
    deliver (&f, "INBOX", "cur", i, ":2,S", "text");
  fixture_open (&f, FALSE);
  sync_now (&f);
  g_ptr_array_set_size (f.kept, 0);
  deliver (&f, "INBOX", "new", 6, "", "text");
  g_autoptr (FmEvent) news = wait_event (&f, FM_EVENT_FOLDER_CHANGED, 0);
  while (news->count == 0)
    {
      fm_event_unref (news);
      news = wait_event (&f, FM_EVENT_FOLDER_CHANGED, 0);
    }
  assert_int_equal (news->count, 1);
  assert_int_equal (total_of (&f, "INBOX"), 6);
  /* Read by another program: new -> cur with S */
  g_autofree char *from = g_build_filename (f.mail, "INBOX/new/1700000360.M6P1.host", NULL);
  g_autofree char *to = g_build_filename (f.mail, "INBOX/cur/1700000360.M6P1.host:2,S", NULL);
  assert_int_equal (g_rename (from, to), 0);
  gint64 deadline = fm_clock_deadline_us (WAIT_MS);
  guint64 unread = 1;
  while (unread != 0 && fm_clock_remaining_ms (deadline) > 0)
    {
      fm_event_unref (fm_port_take (f.port, fm_clock_deadline_us (100)));
      g_autoptr (FmFolderInfo) inbox = folder_named (&f, "INBOX");
      unread = inbox->unread;
    }
  assert_int_equal (unread, 0);
  assert_int_equal (g_unlink (to), 0);
  wait_for_total (&f, "INBOX", 5);
  make_maildir (&f, "Work");
  deliver (&f, "Work", "cur", 9, ":2,", "text");
  wait_for_total (&f, "Work", 1);
  /* Made slowly: what is no folder when it is first seen becomes one, at any depth, in both layouts. */
  static const char *const slow[] = { "Late", "Deep/er/Late", ".Dotted" }, *const names[] = { "Late", "Deep/er/Late", "Dotted" };
  for (guint i = 0; i < G_N_ELEMENTS (slow); i++)
    {
      g_autofree char *path = g_build_filename (f.mail, slow[i], NULL);
      assert_int_equal (g_mkdir_with_parents (path, 0700), 0);
      sync_now (&f);
      make_maildir (&f, slow[i]);
      deliver (&f, slow[i], "cur", 20 + i, ":2,", "text");
      wait_for_total (&f, names[i], 1);
    }
  fixture_free (&f);
}

static void
folders_come_and_go (void **state)
{
  Fixture f;
  fixture_new (&f);
  make_maildir (&f, "INBOX");
  deliver (&f, "INBOX", "cur", 1, ":2,S", "text");
  fixture_open (&f, FALSE);
  sync_now (&f);
  g_autofree char *made = wait_done (&f, fm_engine_act (f.engine, fm_action_new_folder (FM_ACTION_FOLDER_CREATE, "local", "A/B", NULL)));
  assert_string_equal (made, "created local/A/B");
  g_autoptr (FmFolderInfo) folder = folder_named (&f, "A/B");
  gint64 id;
  newest (&f, "INBOX", 1, &id);
  g_autofree char *moved = wait_done (&f, fm_engine_act (f.engine, fm_action_new_transfer (FM_ACTION_MOVE, &id, 1, folder->id)));
  assert_string_equal (moved, "moved 1 to local/A/B");
  wait_idle (&f);
  assert_int_equal (files_in (&f, "A/B", NULL), 1);
  g_autofree G_GNUC_UNUSED char *renamed
      = wait_done (&f, fm_engine_act (f.engine, fm_action_new_folder (FM_ACTION_FOLDER_RENAME, "local", "A/B", "C")));
  wait_idle (&f);
  assert_int_equal (files_in (&f, "C", NULL), 1);
  sync_now (&f);
  assert_int_equal (total_of (&f, "C"), 1);
  assert_null (folder_named (&f, "A/B"));
  g_autofree char *path = fm_body_store_path (fm_engine_reader (f.engine), id, NULL);
  assert_true (g_file_test (path, G_FILE_TEST_EXISTS));
  g_autofree G_GNUC_UNUSED char *gone
      = wait_done (&f, fm_engine_act (f.engine, fm_action_new_folder (FM_ACTION_FOLDER_DELETE, "local", "C", NULL)));
  wait_idle (&f);
  sync_now (&f);
  assert_null (folder_named (&f, "C"));
  g_autofree char *dir = g_build_filename (f.mail, "C", NULL);
  assert_false (g_file_test (dir, G_FILE_TEST_EXISTS));
  fixture_free (&f);
}

static void
drafts_are_filed_and_copies_made (void **state)
{
  Fixture f;
  fixture_new (&f);
  make_maildir (&f, "INBOX");
  make_maildir (&f, "Drafts");
  deliver (&f, "INBOX", "cur", 1, ":2,S", "text");
  fixture_open (&f, FALSE);
  sync_now (&f);
  g_autoptr (FmFolderInfo) drafts = folder_named (&f, "Drafts");
  assert_int_equal (drafts->special, FM_SPECIAL_DRAFTS);
  g_autoptr (GBytes) draft = g_bytes_new_static ("From: a@b\r\nSubject: unfinished\r\nMessage-ID: <d@b>\r\n\r\nwords", 58);
  g_autofree G_GNUC_UNUSED char *filed
      = wait_done (&f, fm_engine_act (f.engine, fm_action_new_append (drafts->id, draft, FM_FLAG_DRAFT | FM_FLAG_SEEN, 0)));
  wait_idle (&f);
  assert_int_equal (files_in (&f, "Drafts", ":2,DS"), 1);
  gint64 id;
  newest (&f, "INBOX", 1, &id);
  g_autofree G_GNUC_UNUSED char *copied
      = wait_done (&f, fm_engine_act (f.engine, fm_action_new_transfer (FM_ACTION_COPY, &id, 1, drafts->id)));
  wait_idle (&f);
  sync_now (&f);
  assert_int_equal (total_of (&f, "Drafts"), 2);
  assert_int_equal (total_of (&f, "INBOX"), 1);
  assert_int_equal (files_in (&f, "Drafts", NULL), 2);
  g_autofree G_GNUC_UNUSED char *expunged = wait_done (&f, fm_engine_act (f.engine, fm_action_new_simple (FM_ACTION_DELETE, &id, 1)));
  wait_idle (&f);
  assert_int_equal (files_in (&f, "INBOX", NULL), 0);
  assert_int_equal (files_in (&f, "Drafts", NULL), 2);
  fixture_free (&f);
}

static void
mail_moves_between_accounts (void **state)
{
  Fixture f;
  fixture_new (&f);
  f.second = g_build_filename (f.dir, "Second", NULL);
  make_maildir (&f, "INBOX");
  make_maildir (&f, "../Second/Filed");
  deliver (&f, "INBOX", "cur", 1, ":2,S", "a word worth keeping");
  fixture_open (&f, FALSE);
  sync_now (&f);
  gint64 id;
  newest (&f, "INBOX", 1, &id);
  g_autoptr (FmFolderInfo) filed = folder_named (&f, "Filed");
  assert_string_equal (filed->account, "second");
  g_autofree G_GNUC_UNUSED char *text
      = wait_done (&f, fm_engine_act (f.engine, fm_action_new_transfer (FM_ACTION_MOVE, &id, 1, filed->id)));
  assert_string_equal (text, "moved 1 to second/Filed");
  wait_idle (&f);
  sync_now (&f);
  assert_int_equal (files_in (&f, "INBOX", NULL), 0);
  assert_int_equal (files_in (&f, "../Second/Filed", ":2,S"), 1);
  assert_int_equal (total_of (&f, "INBOX"), 0);
  assert_int_equal (total_of (&f, "Filed"), 1);
  gint64 moved;
  newest (&f, "Filed", 1, &moved);
  g_autofree char *path = fm_body_store_path (fm_engine_reader (f.engine), moved, NULL);
  g_autofree char *bytes = NULL;
  assert_true (g_file_get_contents (path, &bytes, NULL, NULL));
  assert_non_null (strstr (bytes, "a word worth keeping"));
  fixture_free (&f);
}

static gboolean
reported (guint64 request, Fixture *f, const char *word)
{
  g_autoptr (FmEvent) event = wait_event (f, FM_EVENT_FAILED, request);
  return strstr (event->error->message, word) != NULL;
}

static void
mistakes_are_answered (void **state)
{
  Fixture f;
  fixture_new (&f);
  make_maildir (&f, "INBOX");
  fixture_open (&f, FALSE);
  sync_now (&f);
  gint64 id = 77;
  assert_true (reported (fm_engine_act (f.engine, fm_action_new_simple (FM_ACTION_TRASH, &id, 1)), &f, "gone"));
  assert_true (reported (fm_engine_act (f.engine, fm_action_new_history (FM_ACTION_UNDO, 0)), &f, "nothing to undo"));
  assert_true (reported (fm_engine_act (f.engine, fm_action_new_folder (FM_ACTION_FOLDER_DELETE, "nobody", "x", NULL)), &f, "nobody"));
  assert_true (reported (fm_engine_sync (f.engine, "nobody", NULL), &f, "nobody"));
  /* A name the disk can't have: refused, and the folder that was shown goes away again */
  fm_engine_act (f.engine, fm_action_new_folder (FM_ACTION_FOLDER_CREATE, "local", "../x", NULL));
  g_autoptr (FmEvent) refused = wait_event (&f, FM_EVENT_OP_REFUSED, 0);
  assert_non_null (strstr (refused->text, "can't be the name"));
  assert_null (folder_named (&f, "../x"));
  fixture_free (&f);
}

static gint64
search_total (Fixture *f, const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (FmQuery) query = fm_query_parse (text, fm_clock_now_utc (), NULL, &error);
  assert_null (error);
  guint64 request = fm_engine_search (f->engine, query, 0);
  g_autoptr (FmEvent) done = wait_event (f, FM_EVENT_DONE, request);
  gint64 sent = 0;
  for (guint i = 0; i < f->kept->len;)
    {
      FmEvent *event = f->kept->pdata[i];
      if (event->kind == FM_EVENT_SEARCH_BATCH && event->reply_to == request)
        {
          sent += event->ids->len;
          g_ptr_array_remove_index (f->kept, i);
        }
      else
        {
          i++;
        }
    }
  assert_int_equal (sent, done->count);
  return done->count;
}

static void
searches_join_store_and_index (void **state)
{
  Fixture f;
  fixture_new (&f);
  make_maildir (&f, "INBOX");
  for (guint i = 1; i <= 120; i++)
    deliver (&f, "INBOX", "cur", i, i % 2 ? ":2,S" : ":2,", i % 3 ? "common kumquat" : "common pomelo");
  fixture_open (&f, FALSE);
  sync_now (&f);
  assert_int_equal (search_total (&f, "from:s7@example.org"), 1);
  assert_int_equal (search_total (&f, "tag:unread"), 60);
  assert_int_equal (search_total (&f, "kumquat"), 0);
  g_autoptr (FmEvent) notice = wait_event (&f, FM_EVENT_NOTICE, 0);
  assert_non_null (strstr (notice->text, "headers only"));
  fixture_close (&f);
  fixture_open (&f, TRUE);
  sync_now (&f); /* answered when the index has caught up */
  assert_int_equal (search_total (&f, "kumquat"), 80);
  assert_int_equal (search_total (&f, "pomelo"), 40);
  assert_int_equal (search_total (&f, "kumquat and tag:unread"), 40);
  assert_int_equal (search_total (&f, "common and not pomelo"), 80);
  assert_int_equal (search_total (&f, "subject:letter and pomelo and from:s3@example.org"), 1);
  deliver (&f, "INBOX", "new", 121, "", "a lone bergamot");
  sync_now (&f);
  assert_int_equal (search_total (&f, "bergamot"), 1);
  gint64 id;
  newest (&f, "INBOX", 1, &id);
  g_autofree G_GNUC_UNUSED char *text = wait_done (&f, fm_engine_act (f.engine, fm_action_new_simple (FM_ACTION_ARCHIVE, &id, 1)));
  wait_idle (&f);
  assert_int_equal (search_total (&f, "bergamot"), 1);
  fixture_free (&f);
}

static gpointer
count_folders (FmStoreReader *reader, FmCancel *cancel, gpointer data, GError **error)
{
  g_autoptr (GPtrArray) folders = fm_folder_store_list (reader, 0, error);
  return GUINT_TO_POINTER (folders->len);
}

static void
keep_count (gpointer result, const GError *error, gpointer data)
{
  *(guint *) data = error == NULL ? GPOINTER_TO_UINT (result) : G_MAXUINT;
}

static void
work_runs_on_the_pool (void **state)
{
  Fixture f;
  guint count = 0;
  fixture_new (&f);
  make_maildir (&f, "INBOX");
  make_maildir (&f, "Other");
  fixture_open (&f, FALSE);
  sync_now (&f);
  guint64 request = fm_engine_compute (f.engine, count_folders, keep_count, &count, NULL);
  g_autoptr (FmEvent) event = wait_event (&f, FM_EVENT_COMPUTED, request);
  fm_event_complete (event);
  assert_int_equal (count, 2);
  fixture_free (&f);
}

/* One process acts on everything, again and again, until it is killed. */
static void
act_until_killed (const Fixture *parent)
{
  Fixture f = *parent;
  fixture_open (&f, FALSE);
  sync_now (&f);
  for (guint round = 0;; round++)
    {
      g_autoptr (FmFolderInfo) from = folder_named (&f, round % 2 ? "Work" : "INBOX");
      g_autoptr (FmFolderInfo) to = folder_named (&f, round % 2 ? "INBOX" : "Work");
      guint n = (guint) MIN (from->total, 5);
      if (n == 0)
        continue;
      gint64 ids[5];
      newest (&f, from->name, n, ids);
      fm_engine_act (f.engine, fm_action_new_flags (ids, n, round % 3 ? FM_FLAG_FLAGGED : 0, round % 3 ? 0 : FM_FLAG_FLAGGED, NULL, NULL));
      wait_done (&f, fm_engine_act (f.engine, fm_action_new_transfer (FM_ACTION_MOVE, ids, n, to->id)));
      if (round % 4 == 3)
        wait_done (&f, fm_engine_act (f.engine, fm_action_new_history (FM_ACTION_UNDO, 0)));
    }
}

static void
killed_at_any_moment (void **state)
{
  Fixture f;
  fixture_new (&f);
  make_maildir (&f, "INBOX");
  make_maildir (&f, "Work");
  for (guint i = 1; i <= 40; i++)
    deliver (&f, "INBOX", "cur", i, ":2,S", "text");
  guint rounds = g_getenv ("FULMAR_SOAK") != NULL ? 200 : 12;
  g_autoptr (GRand) rand = g_rand_new_with_seed (7);
  for (guint round = 0; round < rounds; round++)
    {
      pid_t pid = fork ();
      assert_true (pid >= 0);
      if (pid == 0)
        {
          act_until_killed (&f);
          _exit (1);
        }
      g_usleep (50000 + (gulong) g_rand_int_range (rand, 0, 150000));
      kill (pid, SIGKILL);
      int status;
      assert_int_equal (waitpid (pid, &status, 0), pid);
      assert_true (WIFSIGNALED (status));
      fixture_open (&f, FALSE);
      sync_now (&f);
      wait_idle (&f);
      sync_now (&f);
      assert_int_equal (files_in (&f, "INBOX", NULL) + files_in (&f, "Work", NULL), 40);
      assert_int_equal (total_of (&f, "INBOX"), files_in (&f, "INBOX", NULL));
      assert_int_equal (total_of (&f, "Work"), files_in (&f, "Work", NULL));
      fixture_close (&f);
    }
  fixture_free (&f);
}

static void
second_engine_follows (void **state)
{
  Fixture f, g;
  fixture_new (&f);
  make_maildir (&f, "INBOX");
  deliver (&f, "INBOX", "cur", 1, ":2,S", "text");
  fixture_open (&f, FALSE);
  sync_now (&f);
  assert_true (fm_engine_is_leader (f.engine));
  g = f;
  fixture_open (&g, FALSE);
  assert_false (fm_engine_is_leader (g.engine));
  assert_int_equal (total_of (&g, "INBOX"), 1);
  fixture_close (&f);
  g_autoptr (FmEvent) leads = wait_event (&g, FM_EVENT_LEADER, 0);
  while (leads->count == 0)
    {
      fm_event_unref (leads);
      leads = wait_event (&g, FM_EVENT_LEADER, 0);
    }
  assert_true (fm_engine_is_leader (g.engine));
  fixture_free (&g);
}

static FmEvent *
next_of (Fixture *f, FmEventKind kind, gint64 folder_id)
{
  gint64 until = fm_clock_deadline_us (WAIT_MS);

  for (;;)
    {
      FmEvent *event = fm_port_take (f->port, until);
      if (event == NULL)
        fail_msg ("no event came");
      if (event->kind == kind && event->folder_id == folder_id)
        return event;
      fm_event_unref (event);
    }
}

/* Ten thousand changes of a folder are few events: the first at once, the last by itself, their counts whole; an answer comes after them. */
static void
changes_are_told_together (void **state)
{
  Fixture f;
  fixture_new (&f);
  fixture_open (&f, FALSE);
  wait_idle (&f);
  gint64 began = fm_clock_mono_us (), sum = 0;
  guint n = 0;
  for (guint i = 0; i < 10000; i++)
    {
      FmEvent *event = fm_event_new (FM_EVENT_FOLDER_CHANGED, 0);
      event->folder_id = 4711;
      event->count = 1;
      fm_engine_emit (f.engine, event);
      if (i == 0)
        {
          g_autoptr (FmEvent) first = next_of (&f, FM_EVENT_FOLDER_CHANGED, 4711);
          assert_int_equal (first->count, 1);
          sum = n = 1;
        }
      if (i == 5000)
        g_usleep (150000); /* longer than changes are held back */
    }
  while (sum < 10000)
    {
      g_autoptr (FmEvent) event = next_of (&f, FM_EVENT_FOLDER_CHANGED, 4711);
      sum += event->count;
      n++;
    }
  assert_int_equal (sum, 10000);
  assert_true (n >= 3 && n <= 3 + (fm_clock_mono_us () - began) / 100000);

  for (guint i = 0; i < 2; i++)
    {
      FmEvent *event = fm_event_new (FM_EVENT_FOLDER_CHANGED, 0);
      event->folder_id = 4712;
      fm_engine_emit (f.engine, event);
    }
  g_free (wait_done (&f, fm_engine_open_folder (f.engine, 0)));
  guint told = 0;
  for (guint i = 0; i < f.kept->len; i++)
    told += ((FmEvent *) f.kept->pdata[i])->folder_id == 4712;
  assert_int_equal (told, 2);
  fixture_free (&f);
}

int
main (int argc, char **argv)
{
  fm_index_worker_main (argc, argv);
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (mail_is_read_in_place),
    cmocka_unit_test (delete_undo_redo_restart),
    cmocka_unit_test (held_send_is_taken_back),
    cmocka_unit_test (first_action_finds_its_account),
    cmocka_unit_test (flags_are_names),
    cmocka_unit_test (other_programs_are_noticed),
    cmocka_unit_test (folders_come_and_go),
    cmocka_unit_test (drafts_are_filed_and_copies_made),
    cmocka_unit_test (mail_moves_between_accounts),
    cmocka_unit_test (mistakes_are_answered),
    cmocka_unit_test (searches_join_store_and_index),
    cmocka_unit_test (work_runs_on_the_pool),
    cmocka_unit_test (killed_at_any_moment),
    cmocka_unit_test (second_engine_follows),
    cmocka_unit_test (changes_are_told_together),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}

/* The engine and its IMAP worker against a server that can be cut at any command: whatever happens, each message is there once. */
#include "engine-fixture.h"
#include "imap-server.h"
#include <fulmar/base/error.h>

typedef struct {
  Fixture f;
  ImapServer server;
} Both;

static void
open_engine (Both *b, const char *password)
{
  g_autoptr (GPtrArray) accounts = g_ptr_array_new_with_free_func ((GDestroyNotify) fm_account_spec_unref);
  FmAccountSpec *spec = fm_account_spec_new ("work", FM_ACCOUNT_IMAP);
  FmEngineOptions options = { .data_dir = b->f.data, .accounts = accounts, .lease = TRUE, .network = TRUE };
  GError *error = NULL;

  spec->incoming.host = g_strdup ("127.0.0.1");
  spec->incoming.port = b->server.port;
  spec->incoming.security = FM_SECURITY_PLAIN_LOOPBACK;
  spec->incoming.user = g_strdup ("me");
  spec->password_command = password ? g_strdup_printf ("echo %s", password) : NULL;
  spec->offline = FM_OFFLINE_HEADERS;
  spec->poll_s = 300;
  g_ptr_array_add (accounts, spec);
  b->f.port = options.events = fm_port_new ();
  b->f.kept = g_ptr_array_new_with_free_func ((GDestroyNotify) fm_event_unref);
  b->f.engine = fm_engine_open (&options, &error);
  if (error)
    fail_msg ("%s", error->message);
}

static void
begin (Both *b, const char *caps, guint mails)
{
  memset (b, 0, sizeof *b);
  fixture_new (&b->f);
  imap_start (&b->server, caps);
  if (mails > 0)
    imap_deliver (&b->server, "INBOX", 1, mails);
}

static void
end (Both *b)
{
  fixture_free (&b->f);
  imap_stop (&b->server);
}

static void
keep_next (Both *b)
{
  FmEvent *event = fm_port_take (b->f.port, fm_clock_deadline_us (20));

  if (event)
    g_ptr_array_add (b->f.kept, event);
}

#define WAIT_UNTIL(condition)                                        \
  for (gint64 until = fm_clock_deadline_us (WAIT_MS); !(condition);) \
    {                                                                \
      if (fm_clock_remaining_ms (until) == 0)                        \
        fail_msg ("never came: %s", #condition);                     \
      keep_next (&b);                                                \
    }

static gint64
folder_id (Both *b, const char *name)
{
  g_autoptr (FmFolderInfo) folder = folder_named (&b->f, name);

  return folder ? folder->id : 0;
}

static gint64
row_of (Both *b, guint number)
{
  g_autofree char *id = g_strdup_printf ("<m%u@example.org>", number);
  g_autoptr (GArray) ids = fm_message_store_find_message_id (fm_engine_reader (b->f.engine), id, NULL);

  return ids && ids->len > 0 ? g_array_index (ids, gint64, 0) : 0;
}

static guint
rows_of (Both *b, guint number)
{
  g_autofree char *id = g_strdup_printf ("<m%u@example.org>", number);
  g_autoptr (GArray) ids = fm_message_store_find_message_id (fm_engine_reader (b->f.engine), id, NULL);

  return ids ? ids->len : 0;
}

static void
act (Both *b, FmAction *action)
{
  g_autofree G_GNUC_UNUSED char *text = wait_done (&b->f, fm_engine_act (b->f.engine, action));
}

static void
settle (Both *b)
{
  fm_engine_retry (b->f.engine, NULL);
  wait_idle (&b->f);
  sync_now (&b->f);
}

static const char *const all_caps[] = { IMAP_FULL, "CONDSTORE UIDPLUS MOVE IDLE", "UIDPLUS MOVE IDLE", "UIDPLUS", "" };

static void
first_visit_is_complete (void **state)
{
  for (guint c = 0; c < G_N_ELEMENTS (all_caps); c++)
    {
      Both b;
      begin (&b, all_caps[c], 300);
      open_engine (&b, "secret");
      sync_now (&b.f);
      assert_int_equal (total_of (&b.f, "INBOX"), 300);
      assert_true (imap_logged (&b.server, " FETCH 241:300 ") > 0); /* the newest screenful first */
      end (&b);
    }
}

static guint64
size_of (Both *b, guint32 uid)
{
  g_autoptr (FmMessageInfo) row = fm_message_store_get_uid (fm_engine_reader (b->f.engine), folder_id (b, "INBOX"), uid, NULL);

  return row ? row->size_bytes : G_MAXUINT64;
}

/* In a large folder the first screenful does not wait for its sizes; they come all the same, whatever becomes of the command that asks for them. */
static void
first_screen_of_many_is_spared_the_sizes (void **state)
{
  static const ImapCut cuts[] = { CUT_NEVER, CUT_BEFORE, CUT_AFTER };
  enum { MANY = 2500 };

  for (guint c = 0; c < G_N_ELEMENTS (cuts); c++)
    {
      Both b;
      begin (&b, IMAP_FULL, MANY);
      if (cuts[c] != CUT_NEVER)
        imap_cut_next (&b.server, "UID FETCH", cuts[c]);
      open_engine (&b, "secret");
      sync_now (&b.f);
      assert_int_equal (total_of (&b.f, "INBOX"), MANY);
      assert_int_equal (imap_logged (&b.server, " FETCH 2441:2500 (UID FLAGS INTERNALDATE MODSEQ BODY"), 1);
      assert_true (imap_logged (&b.server, " UID FETCH 2441:2500 (UID RFC822.SIZE)") > 0);
      for (guint32 uid = 1; uid <= MANY; uid++)
        {
          g_autofree char *letter = imap_letter (uid);
          assert_int_equal (size_of (&b, uid), strlen (letter));
        }
      end (&b);
    }
}

static void
return_visit_hears_all (void **state)
{
  for (guint c = 0; c < G_N_ELEMENTS (all_caps); c++)
    {
      Both b;
      begin (&b, all_caps[c], 100);
      open_engine (&b, "secret");
      sync_now (&b.f);
      fixture_close (&b.f);
      pthread_mutex_lock (&b.server.mutex);
      ImapBox *inbox = imap_box (&b.server, "INBOX");
      imap_drop_mail (inbox, 9);
      ImapMail *read = inbox->mails->pdata[0];
      g_free (read->flags);
      read->flags = g_strdup ("\\Seen");
      read->modseq = ++inbox->modseq;
      pthread_mutex_unlock (&b.server.mutex);
      imap_deliver (&b.server, "INBOX", 101, 103);
      open_engine (&b, "secret");
      sync_now (&b.f);
      assert_int_equal (total_of (&b.f, "INBOX"), 102);
      assert_int_equal (rows_of (&b, 10), 0);
      g_autoptr (FmMessageInfo) row = fm_message_store_get (fm_engine_reader (b.f.engine), row_of (&b, 1), NULL);
      assert_int_equal (row->flags & FM_FLAG_SEEN, FM_FLAG_SEEN);
      end (&b);
    }
}

static void
push_brings_and_takes (void **state)
{
  for (guint c = 0; c < 3; c++)
    {
      Both b;
      begin (&b, all_caps[c], 5);
      open_engine (&b, "secret");
      sync_now (&b.f);
      WAIT_UNTIL (g_atomic_int_get (&b.server.idling) > 0);
      for (guint i = 6; i <= 30; i++)
        {
          imap_deliver (&b.server, "INBOX", i, i);
          if (i % 5 == 0)
            WAIT_UNTIL (total_of (&b.f, "INBOX") == i);
        }
      pthread_mutex_lock (&b.server.mutex);
      imap_drop_mail (imap_box (&b.server, "INBOX"), 2);
      pthread_mutex_unlock (&b.server.mutex);
      WAIT_UNTIL (total_of (&b.f, "INBOX") == 29);
      assert_int_equal (rows_of (&b, 3), 0);
      end (&b);
    }
}

/* A second pass on a folder that is still selected must hear what the LIST in between hid. */
static void
second_pass_hears_all (void **state)
{
  for (guint c = 0; c < G_N_ELEMENTS (all_caps); c++)
    {
      Both b;
      begin (&b, all_caps[c], 3);
      imap_deliver (&b.server, "Work", 50, 52);
      open_engine (&b, "secret");
      sync_now (&b.f);
      for (guint i = 53; i < 58; i++)
        {
          imap_deliver (&b.server, "Work", i, i);
          sync_now (&b.f);
          assert_int_equal (total_of (&b.f, "Work"), i - 49);
        }
      end (&b);
    }
}

typedef FmAction *(*MakeAction) (Both *b, gint64 row);

static FmAction *
make_move (Both *b, gint64 row)
{
  return fm_action_new_transfer (FM_ACTION_MOVE, &row, 1, folder_id (b, "Work"));
}

static FmAction *
make_copy (Both *b, gint64 row)
{
  return fm_action_new_transfer (FM_ACTION_COPY, &row, 1, folder_id (b, "Work"));
}

static FmAction *
make_append (Both *b, gint64 row)
{
  g_autofree char *text = imap_letter (77);
  g_autoptr (GBytes) bytes = g_bytes_new (text, strlen (text));

  return fm_action_new_append (folder_id (b, "Work"), bytes, FM_FLAG_DRAFT, 1700000000);
}

static FmAction *
make_flags (Both *b, gint64 row)
{
  return fm_action_new_flags (&row, 1, FM_FLAG_FLAGGED, 0, NULL, NULL);
}

static FmAction *
make_expunge (Both *b, gint64 row)
{
  return fm_action_new_simple (FM_ACTION_DELETE, &row, 1);
}

static const struct {
  MakeAction make;
  const char *caps, *verb;
  guint number, in_inbox, in_work;
} actions[] = {
  { make_move, IMAP_FULL, "UID MOVE", 2, 0, 1 },
  { make_move, "MOVE IDLE", "UID MOVE", 2, 0, 1 },
  { make_move, "UIDPLUS", "UID COPY", 2, 0, 1 },
  { make_move, "UIDPLUS", "UID STORE", 2, 0, 1 },
  { make_move, "UIDPLUS", "UID EXPUNGE", 2, 0, 1 },
  { make_copy, IMAP_FULL, "UID COPY", 2, 1, 1 },
  { make_copy, "", "UID COPY", 2, 1, 1 },
  { make_append, IMAP_FULL, "APPEND", 77, 0, 1 },
  { make_append, "", "APPEND", 77, 0, 1 },
  { make_flags, IMAP_FULL, "UID STORE", 2, 1, 0 },
  { make_flags, "", "UID STORE", 2, 1, 0 },
  { make_expunge, IMAP_FULL, "UID STORE", 2, 0, 0 },
  { make_expunge, IMAP_FULL, "UID EXPUNGE", 2, 0, 0 },
};

static void
cut_once (guint a, ImapCut cut, gboolean restart)
{
  Both b;

  begin (&b, actions[a].caps, 5);
  imap_deliver (&b.server, "Work", 40, 41);
  open_engine (&b, "secret");
  sync_now (&b.f);
  imap_cut_next (&b.server, actions[a].verb, cut);
  act (&b, actions[a].make (&b, row_of (&b, 2)));
  WAIT_UNTIL (imap_was_cut (&b.server));
  if (restart)
    {
      fixture_close (&b.f);
      open_engine (&b, "secret");
    }
  settle (&b);
  if (imap_count (&b.server, "INBOX", actions[a].number) != actions[a].in_inbox
      || imap_count (&b.server, "Work", actions[a].number) != actions[a].in_work)
    fail_msg ("%s with \"%s\" cut %d restart %d: %u and %u copies", actions[a].verb, actions[a].caps, cut, restart,
              imap_count (&b.server, "INBOX", actions[a].number), imap_count (&b.server, "Work", actions[a].number));
  assert_int_equal (imap_count (&b.server, "INBOX", 0), 4 + (actions[a].in_inbox || actions[a].number == 77));
  assert_int_equal (imap_count (&b.server, "Work", 0), 2 + actions[a].in_work);
  assert_int_equal (total_of (&b.f, "INBOX"), imap_count (&b.server, "INBOX", 0));
  assert_int_equal (total_of (&b.f, "Work"), imap_count (&b.server, "Work", 0));
  assert_int_equal (rows_of (&b, actions[a].number), actions[a].in_inbox + actions[a].in_work);
  end (&b);
}

static void
lost_answers_double_nothing (void **state)
{
  for (guint a = 0; a < G_N_ELEMENTS (actions); a++)
    {
      cut_once (a, CUT_AFTER, FALSE);
      cut_once (a, CUT_BEFORE, FALSE);
      cut_once (a, CUT_AFTER, TRUE);
    }
}

static void
nameless_once (const char *caps, gboolean copy, ImapCut cut, gboolean restart)
{
  static const char text[] = "From: A <a@example.org>\r\nSubject: no name\r\nDate: Tue, 14 Nov 2023 22:13:20 +0000\r\n\r\ntext\r\n";
  g_autoptr (GBytes) bytes = g_bytes_new_static (text, strlen (text));
  Both b;

  begin (&b, caps, 5);
  imap_deliver (&b.server, "Work", 40, 41);
  guint32 uid = imap_put (imap_box (&b.server, "INBOX"), text, "");
  open_engine (&b, "secret");
  sync_now (&b.f);
  g_autoptr (FmMessageInfo) there = fm_message_store_get_uid (fm_engine_reader (b.f.engine), folder_id (&b, "INBOX"), uid, NULL);
  imap_cut_next (&b.server, copy ? "UID COPY" : "APPEND", cut);
  act (&b, copy ? make_copy (&b, there->id) : fm_action_new_append (folder_id (&b, "Work"), bytes, 0, 1700000000));
  WAIT_UNTIL (g_atomic_pointer_get (&b.server.cut_verb) == NULL);
  if (restart)
    {
      fixture_close (&b.f);
      open_engine (&b, "secret");
    }
  settle (&b);
  assert_int_equal (imap_count (&b.server, "Work", 0), 3);
  assert_int_equal (total_of (&b.f, "Work"), 3);
  assert_int_equal (imap_count (&b.server, "INBOX", 0), 6);
  end (&b);
}

/* Mail without a Message-ID whose answer is lost is no more doubled than any other. */
static void
nameless_mail_is_not_doubled (void **state)
{
  static const char *const caps[] = { IMAP_FULL, "" };

  for (guint i = 0; i < 12; i++)
    nameless_once (caps[i % 2], i / 2 % 2, i < 4 ? CUT_BEFORE : CUT_AFTER, i >= 8);
}

static void
refusal_brings_it_back (void **state)
{
  Both b;

  begin (&b, IMAP_FULL, 5);
  open_engine (&b, "secret");
  sync_now (&b.f);
  gint64 row = row_of (&b, 2);
  imap_cut_next (&b.server, "UID MOVE", CUT_REFUSE);
  act (&b, make_move (&b, row));
  g_autoptr (FmEvent) refused = wait_event (&b.f, FM_EVENT_OP_REFUSED, 0);
  assert_non_null (strstr (refused->text, "not today"));
  g_autoptr (FmMessageInfo) info = fm_message_store_get (fm_engine_reader (b.f.engine), row, NULL);
  assert_int_equal (info->folder_id, folder_id (&b, "INBOX"));
  assert_int_equal (total_of (&b.f, "INBOX"), 5);
  imap_cut_next (&b.server, "UID STORE", CUT_REFUSE);
  act (&b, make_flags (&b, row));
  g_autoptr (FmEvent) G_GNUC_UNUSED again = wait_event (&b.f, FM_EVENT_OP_REFUSED, 0);
  g_autoptr (FmMessageInfo) after = fm_message_store_get (fm_engine_reader (b.f.engine), row, NULL);
  assert_int_equal (after->flags & FM_FLAG_FLAGGED, 0);
  end (&b);
}

static void
offline_work_is_done_later (void **state)
{
  Both b;

  begin (&b, IMAP_FULL, 5);
  open_engine (&b, "secret");
  sync_now (&b.f);
  imap_hang_up (&b.server, TRUE);
  WAIT_UNTIL (b.server.fds->len == 0);
  g_autoptr (FmEvent) retrying = wait_event (&b.f, FM_EVENT_STATE, 0);
  while (retrying->state != FM_STATE_RETRYING || !strstr (retrying->text, "retrying in"))
    {
      fm_event_unref (retrying);
      retrying = wait_event (&b.f, FM_EVENT_STATE, 0);
    }
  gint64 from = fm_clock_mono_us ();
  g_autoptr (FmEvent) G_GNUC_UNUSED failed = wait_event (&b.f, FM_EVENT_FAILED, fm_engine_want_body (b.f.engine, row_of (&b, 3)));
  assert_true (fm_clock_mono_us () - from < 2 * G_USEC_PER_SEC);
  act (&b, make_move (&b, row_of (&b, 2)));
  act (&b, make_flags (&b, row_of (&b, 3)));
  act (&b, make_append (&b, 0));
  assert_int_equal (total_of (&b.f, "INBOX"), 4);
  imap_set_deaf (&b.server, FALSE);
  settle (&b);
  assert_int_equal (imap_count (&b.server, "INBOX", 2), 0);
  assert_int_equal (imap_count (&b.server, "Work", 2), 1);
  assert_int_equal (imap_count (&b.server, "Work", 77), 1);
  g_autofree G_GNUC_UNUSED char *done = wait_done (&b.f, fm_engine_want_body (b.f.engine, row_of (&b, 3)));
  g_autofree char *path = fm_body_store_path (fm_engine_reader (b.f.engine), row_of (&b, 3), NULL);
  assert_true (g_file_test (path, G_FILE_TEST_EXISTS));
  end (&b);
}

static void
uidvalidity_changes_under_work (void **state)
{
  Both b;

  begin (&b, IMAP_FULL, 100);
  open_engine (&b, "secret");
  sync_now (&b.f);
  gint64 row = row_of (&b, 2);
  imap_hang_up (&b.server, TRUE);
  act (&b, make_move (&b, row));
  act (&b, make_flags (&b, row_of (&b, 7)));
  pthread_mutex_lock (&b.server.mutex);
  ImapBox *inbox = imap_box (&b.server, "INBOX");
  inbox->uidvalidity = 200;
  for (guint i = 0; i < inbox->mails->len; i++)
    ((ImapMail *) inbox->mails->pdata[i])->uid = 1000 + i * 2;
  inbox->uidnext = 5000;
  b.server.deaf = FALSE;
  pthread_mutex_unlock (&b.server.mutex);
  settle (&b);
  assert_int_equal (imap_count (&b.server, "INBOX", 2), 0);
  assert_int_equal (imap_count (&b.server, "Work", 2), 1);
  assert_int_equal (total_of (&b.f, "INBOX"), 99);
  assert_int_equal (row_of (&b, 2), row);
  pthread_mutex_lock (&b.server.mutex);
  assert_string_equal (((ImapMail *) inbox->mails->pdata[5])->flags, "\\Flagged");
  pthread_mutex_unlock (&b.server.mutex);
  end (&b);
}

static void
forget_check (Both *b, gint64 folder)
{
  g_autofree char *key = g_strdup_printf ("checked.%" G_GINT64_FORMAT, folder);
  g_autoptr (GError) error = NULL;
  FmStore *store = fm_db_open (b->f.data, &error);
  FmStoreWriter *writer = fm_db_writer_new (store, &error);

  assert_true (fm_db_begin (writer, FM_DB_FULL, &error) && fm_db_meta_set (writer, key, "1", &error) && fm_db_commit (writer, &error));
  fm_db_writer_free (writer);
  fm_db_unref (store);
}

/* One message is gone and another is there in its place, and every number the server tells is as before: once a day it is found. */
static void
deep_check_finds_what_numbers_hide (void **state)
{
  Both b;

  begin (&b, "CONDSTORE UIDPLUS MOVE IDLE", 10); /* QRESYNC would tell it whenever the folder is selected */
  imap_drop_mail (imap_box (&b.server, "INBOX"), 4);
  open_engine (&b, "secret");
  sync_now (&b.f);
  gint64 inbox = folder_id (&b, "INBOX");
  fixture_close (&b.f); /* every connection has seen the folder as it was */
  pthread_mutex_lock (&b.server.mutex);
  ImapMail *mail = imap_box (&b.server, "INBOX")->mails->pdata[4];
  mail->uid = 5;
  g_free (mail->text);
  mail->text = imap_letter (99);
  pthread_mutex_unlock (&b.server.mutex);
  open_engine (&b, "secret");
  sync_now (&b.f);
  assert_int_equal (rows_of (&b, 6), 1);
  fixture_close (&b.f);
  forget_check (&b, inbox);
  open_engine (&b, "secret");
  sync_now (&b.f);
  assert_int_equal (rows_of (&b, 6), 0);
  assert_int_equal (rows_of (&b, 99), 1);
  assert_int_equal (total_of (&b.f, "INBOX"), 9);
  end (&b);
}

/* A folder that the server will not have compared keeps the others from nothing. */
static void
deep_check_passes_over_what_is_refused (void **state)
{
  Both b;

  begin (&b, IMAP_FULL, 10);
  imap_deliver (&b.server, "Work", 20, 22);
  imap_drop_mail (imap_box (&b.server, "Work"), 0);
  open_engine (&b, "secret");
  sync_now (&b.f);
  gint64 inbox = folder_id (&b, "INBOX"), work = folder_id (&b, "Work");
  pthread_mutex_lock (&b.server.mutex);
  ImapMail *mail = imap_box (&b.server, "Work")->mails->pdata[0];
  g_free (mail->text);
  mail->text = imap_letter (99);
  mail->uid = 1;
  pthread_mutex_unlock (&b.server.mutex);
  fixture_close (&b.f);
  forget_check (&b, inbox);
  forget_check (&b, work);
  imap_cut_next (&b.server, "UID SEARCH", CUT_REFUSE);
  open_engine (&b, "secret");
  sync_now (&b.f);
  assert_int_equal (rows_of (&b, 21), 0);
  assert_int_equal (rows_of (&b, 99), 1);
  end (&b);
}

static void
set_flags (Both *b, guint index, const char *flags)
{
  pthread_mutex_lock (&b->server.mutex);
  ImapBox *inbox = imap_box (&b->server, "INBOX");
  ImapMail *mail = inbox->mails->pdata[index];
  g_free (mail->flags);
  mail->flags = g_strdup (flags);
  mail->modseq = ++inbox->modseq;
  pthread_mutex_unlock (&b->server.mutex);
}

/* Without UIDPLUS what was moved away or deleted stays on the server with \\Deleted: here it is gone, unless somebody takes the mark off; what
 * another program has marked is shown. */
static void
deleted_on_a_plain_server (void **state)
{
  static const char *const caps[] = { "", "CONDSTORE ENABLE" };

  for (guint c = 0; c < G_N_ELEMENTS (caps); c++)
    {
      Both b;
      begin (&b, caps[c], 10);
      open_engine (&b, "secret");
      sync_now (&b.f);
      act (&b, fm_action_new_simple (FM_ACTION_DELETE, (gint64[]){ row_of (&b, 3) }, 1));
      act (&b, fm_action_new_simple (FM_ACTION_DELETE, (gint64[]){ row_of (&b, 7) }, 1));
      settle (&b);
      assert_int_equal (imap_count (&b.server, "INBOX", 0), 10);
      assert_int_equal (total_of (&b.f, "INBOX"), 8);
      set_flags (&b, 4, "\\Deleted");
      imap_deliver (&b.server, "INBOX", 11, 11);
      sync_now (&b.f);
      sync_now (&b.f);
      assert_int_equal (total_of (&b.f, "INBOX"), 9);
      assert_int_equal (rows_of (&b, 3) + rows_of (&b, 7), 0);
      assert_int_equal (rows_of (&b, 5), 1);
      set_flags (&b, 2, "");
      sync_now (&b.f);
      sync_now (&b.f);
      assert_int_equal (rows_of (&b, 3), 1);
      assert_int_equal (total_of (&b.f, "INBOX"), 10);
      end (&b);
    }
}

static void
missing_target_is_made (void **state)
{
  Both b;

  begin (&b, IMAP_FULL, 5);
  open_engine (&b, "secret");
  sync_now (&b.f);
  pthread_mutex_lock (&b.server.mutex);
  g_free (((ImapBox *) b.server.boxes->pdata[1])->name);
  ((ImapBox *) b.server.boxes->pdata[1])->name = g_strdup ("Hidden");
  pthread_mutex_unlock (&b.server.mutex);
  act (&b, make_move (&b, row_of (&b, 2)));
  WAIT_UNTIL (imap_count (&b.server, "Work", 2) == 1);
  assert_int_equal (imap_count (&b.server, "INBOX", 2), 0);
  end (&b);
}

static void
wrong_password_is_asked_once (void **state)
{
  Both b;

  begin (&b, IMAP_FULL, 5);
  open_engine (&b, "wrong");
  g_autoptr (FmEvent) G_GNUC_UNUSED asked = wait_event (&b.f, FM_EVENT_NEED_PASSWORD, 0);
  assert_int_equal (b.server.sign_ins, 1);
  g_autoptr (FmSecret) secret = fm_secret_new ("secret", -1);
  fm_engine_set_password (b.f.engine, "work", secret);
  WAIT_UNTIL (total_of (&b.f, "INBOX") == 5);
  sync_now (&b.f);
  for (guint i = 0; i < b.f.kept->len; i++)
    assert_int_not_equal (((FmEvent *) b.f.kept->pdata[i])->kind, FM_EVENT_NEED_PASSWORD);
  end (&b);
}

static void
stops_at_once (void **state)
{
  static const char *const phases[] = { "LIST", "SELECT", "FETCH", "UID FETCH", "UID SEARCH", "nothing" };

  for (guint p = 0; p < G_N_ELEMENTS (phases); p++)
    {
      Both b;
      begin (&b, IMAP_FULL, 200);
      imap_cut_next (&b.server, phases[p], CUT_HANG);
      open_engine (&b, "secret");
      guint64 request = fm_engine_sync (b.f.engine, NULL, NULL);
      if (g_str_equal (phases[p], "nothing"))
        g_free (wait_done (&b.f, request));
      else
        WAIT_UNTIL (imap_logged (&b.server, phases[p]) > 0);
      gint64 from = fm_clock_mono_us ();
      fm_engine_close (b.f.engine);
      b.f.engine = NULL;
      gint64 took_ms = (fm_clock_mono_us () - from) / 1000;
      if (took_ms > 1000)
        fail_msg ("closing during %s took %d ms", phases[p], (int) took_ms);
      /* The request has its one answer. */
      guint answers = 0;
      FmEvent *event;
      while ((event = fm_port_try_take (b.f.port)))
        g_ptr_array_add (b.f.kept, event);
      for (guint i = 0; i < b.f.kept->len; i++)
        {
          event = b.f.kept->pdata[i];
          answers += event->reply_to == request
                     && (event->kind == FM_EVENT_DONE || event->kind == FM_EVENT_FAILED || event->kind == FM_EVENT_CANCELLED);
        }
      assert_int_equal (answers, g_str_equal (phases[p], "nothing") ? 0 : 1);
      fm_port_unref (b.f.port);
      g_ptr_array_unref (b.f.kept);
      end (&b);
    }
}

int
main (int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (first_visit_is_complete),
    cmocka_unit_test (first_screen_of_many_is_spared_the_sizes),
    cmocka_unit_test (return_visit_hears_all),
    cmocka_unit_test (push_brings_and_takes),
    cmocka_unit_test (second_pass_hears_all),
    cmocka_unit_test (lost_answers_double_nothing),
    cmocka_unit_test (nameless_mail_is_not_doubled),
    cmocka_unit_test (refusal_brings_it_back),
    cmocka_unit_test (offline_work_is_done_later),
    cmocka_unit_test (uidvalidity_changes_under_work),
    cmocka_unit_test (deleted_on_a_plain_server),
    cmocka_unit_test (deep_check_finds_what_numbers_hide),
    cmocka_unit_test (deep_check_passes_over_what_is_refused),
    cmocka_unit_test (missing_target_is_made),
    cmocka_unit_test (wrong_password_is_asked_once),
    cmocka_unit_test (stops_at_once),
  };

  if (argc > 1)
    cmocka_set_test_filter (argv[1]);
  return cmocka_run_group_tests (tests, NULL, NULL);
}

/* One message in several folders: what its rows share, which labels are shown, what an action on one row does to the others, in the journal and in
 * the folders' counters. */
#include "store-test.h"
#include <fulmar/store/gmail-store.h>

#define MESSAGE 1592225494819146101u
#define THREAD 77u

typedef struct {
  Box *b;
  gint64 all, work;
} Mail;

static gint64
put_labelled (Box *b, gint64 folder_id, guint32 uid, guint64 server_id, const char *subject, const char *const *labels)
{
  g_autofree char *header = g_strdup_printf ("From: ada@x\r\nSubject: %s\r\nMessage-ID: <%s@x>\r\n\r\n", subject, subject);
  g_autoptr (FmEnvelope) envelope = fm_envelope_parse (header, strlen (header));
  g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (gint64));
  FmMessageResult result = { .ids = ids };
  FmMessageInput input = FM_MESSAGE_INPUT_INIT;

  input.uid = uid;
  input.size_bytes = 100;
  input.internal_date_utc = 1000;
  input.server_id = server_id;
  input.server_thread = THREAD;
  input.labels = labels;
  input.envelope = envelope;
  OK (fm_message_store_upsert (b->w, folder_id, &input, 1, &result, E));
  return g_array_index (ids, gint64, 0);
}

/* "one" in INBOX, Work and All Mail. IDS: its rows, in that order. */
static Mail
make_mail (Box *b, gint64 ids[3])
{
  static const char *const inbox[] = { "Work", "Hidden", NULL }, *const work[] = { "\\Inbox", "Hidden", NULL },
                           *const all[] = { "\\Inbox", "Work", "Hidden", NULL };
  Mail mail = { b, make_folder (b, b->account, "[Gmail]/All Mail", FM_SPECIAL_ALL), make_folder (b, b->account, "Work", FM_SPECIAL_NONE) };

  ids[0] = put_labelled (b, b->inbox, 1, MESSAGE, "one", inbox);
  ids[1] = put_labelled (b, mail.work, 5, MESSAGE, "one", work);
  ids[2] = put_labelled (b, mail.all, 9, MESSAGE, "one", all);
  OK (fm_folder_store_set_lowest_uid (b->w, mail.work, 1, E));
  return mail;
}

static FmMessageInfo *
row (Box *b, gint64 id)
{
  FmMessageInfo *info;
  OK ((info = fm_message_store_get (b->r, id, E)) != NULL);
  return info;
}

static void
assert_labels (Box *b, gint64 id, const char *expected)
{
  g_auto (GStrv) labels = fm_gmail_store_labels (b->r, id, FALSE);
  g_autofree char *text = labels == NULL ? g_strdup ("") : g_strjoinv (" ", labels);
  assert_string_equal (text, expected);
}

/* Text, conversation and flags. */
static void
shares (void **state)
{
  Box *b = *state;
  gint64 ids[3];
  g_autofree char *digest = write_body (b, "text");

  OK (fm_db_begin (b->w, FM_DB_FULL, E));
  Mail mail = make_mail (b, ids);
  gint64 other = put_labelled (b, b->inbox, 2, MESSAGE + 1, "two", NULL);
  OK (fm_body_store_attach (b->w, ids[1], digest, 4, E) != 0);
  for (guint i = 0; i < 3; i++)
    {
      g_autoptr (FmMessageInfo) info = row (b, ids[i]), answer = row (b, other);
      assert_true (info->blob_id != 0 && answer->blob_id == 0);
      assert_int_equal (info->thread_id, answer->thread_id);
    }
  g_autoptr (FmMessageInfo) late = row (b, put_labelled (b, b->archive, 1, MESSAGE, "one", NULL));
  assert_true (late->blob_id != 0);
  FmMessageFlags word = { .uid = 9, .flags = FM_FLAG_SEEN | FM_FLAG_FLAGGED, .modseq = 50, .is_shared = TRUE };
  OK (fm_message_store_set_flags (b->w, mail.all, &word, 1, NULL, E));
  g_autoptr (FmMessageInfo) starred = row (b, ids[0]);
  assert_int_equal (starred->flags & FM_FLAG_SERVER_MASK, FM_FLAG_SEEN | FM_FLAG_FLAGGED);
  assert_int_equal (unread (b, mail.work), 0);
  OK (fm_db_commit (b->w, E));
}

/* By the rows there are; by X-GM-LABELS where no folder that has been read tells. */
static void
labels (void **state)
{
  Box *b = *state;
  gint64 ids[3];
  guint removed;

  OK (fm_db_begin (b->w, FM_DB_FULL, E));
  Mail mail = make_mail (b, ids);
  assert_labels (b, ids[0], "Hidden Work");
  assert_labels (b, ids[1], "Hidden Inbox");
  assert_labels (b, ids[2], "Hidden Inbox Work");
  OK (fm_message_store_vanished (b->w, mail.work, &(FmUidRange){ 5, 5 }, 1, 10, &removed, E));
  assert_labels (b, ids[2], "Hidden Inbox");
  OK (fm_folder_store_set_lowest_uid (b->w, mail.work, 100, E));
  assert_labels (b, ids[2], "Hidden Inbox Work");
  OK (fm_message_store_vanished (b->w, b->inbox, &(FmUidRange){ 1, 1 }, 1, 10, &removed, E));
  OK (fm_message_store_vanished (b->w, mail.all, &(FmUidRange){ 9, 9 }, 1, 10, &removed, E));
  assert_false (fm_gmail_store_is_account (b->r, b->account));
  OK (fm_db_commit (b->w, E));
}

static gint64
folder_of (Box *b, gint64 id)
{
  g_autoptr (FmMessageInfo) info = fm_message_store_get (b->r, id, NULL);
  return info == NULL ? -1 : info->folder_id;
}

/* One command for all rows; the others end with it. */
static void
follows (void **state)
{
  Box *b = *state;
  gint64 ids[3], group;
  guint n;

  OK (fm_db_begin (b->w, FM_DB_FULL, E));
  Mail mail = make_mail (b, ids);
  OK ((group = fm_journal_group (b->w, "starred 1", E)) != 0);
  OK (fm_journal_plan_flags (b->w, group, ids, 3, FM_FLAG_FLAGGED, 0, NULL, NULL, &n, E));
  assert_int_equal (n, 1);
  assert_int_equal (fm_journal_pending (b->r, b->account), 1);
  g_autoptr (FmOpBatch) star = fm_journal_next (b->r, b->account, 10, NULL);
  assert_true (star != NULL && star->n == 1 && star->items[0].msg_id == ids[0]);
  OK (fm_journal_confirm (b->w, star->items[0].op_id, 0, E));
  assert_null (fm_journal_next (b->r, b->account, 10, NULL));

  OK ((group = fm_journal_group (b->w, "moved 1 to Trash", E)) != 0);
  OK (fm_journal_plan_move (b->w, group, ids, 1, b->trash, &n, E));
  assert_int_equal (folder_of (b, ids[0]), b->trash);
  assert_true (folder_of (b, ids[1]) == 0 && folder_of (b, ids[2]) == 0);
  OK (fm_journal_undo (b->w, group, &n, E));
  assert_int_equal (n, 1);
  assert_true (folder_of (b, ids[0]) == b->inbox && folder_of (b, ids[1]) == mail.work && folder_of (b, ids[2]) == mail.all);
  assert_null (fm_journal_next (b->r, b->account, 10, NULL));

  OK ((group = fm_journal_group (b->w, "archived 1", E)) != 0);
  OK (fm_journal_gmail_archive (b->w, group, &ids[1], 1, &n, E));
  assert_int_equal (n, 1);
  assert_true (folder_of (b, ids[0]) == 0 && folder_of (b, ids[1]) == mail.work);
  g_autoptr (FmOpBatch) archive = fm_journal_next (b->r, b->account, 10, NULL);
  assert_true (archive != NULL && archive->kind == FM_OP_EXPUNGE && archive->target_id == mail.all && archive->items[0].uid == 1);
  OK (fm_journal_confirm (b->w, archive->items[0].op_id, 0, E));
  assert_int_equal (folder_of (b, ids[0]), -1);
  OK (fm_journal_undo (b->w, group, &n, E));
  assert_labels (b, ids[1], "Hidden Inbox");
  OK (fm_db_commit (b->w, E));
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown (shares, box_setup, box_teardown),
    cmocka_unit_test_setup_teardown (labels, box_setup, box_teardown),
    cmocka_unit_test_setup_teardown (follows, box_setup, box_teardown),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}

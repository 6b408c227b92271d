/* Housekeeping takes what nothing refers to, and nothing else. */
#include "sync/housekeeping.h"
#include <fulmar/base/clock.h>
#include <fulmar/mail/envelope.h>
#include <fulmar/store/body-store.h>
#include <fulmar/store/folder-store.h>
#include <fulmar/store/message-store.h>
#include <fulmar/store/outbox-store.h>
#include <glib/gstdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <utime.h>
#include <cmocka.h>

#define OLD_S 1000000

typedef struct {
  FmStore *store;
  char *digests[4]; /* of a message, of outgoing mail, of nobody, of nobody but younger than the grace */
} Box;

static void
age (const char *path)
{
  struct utimbuf times = { time (NULL) - OLD_S, time (NULL) - OLD_S };
  assert_int_equal (utime (path, &times), 0);
}

static char *
body_path (Box *box, guint at)
{
  return g_strdup_printf ("%s/mail/%.2s/%s.eml", fm_db_dir (box->store), box->digests[at], box->digests[at]);
}

static void
write_bodies (Box *box)
{
  for (guint i = 0; i < G_N_ELEMENTS (box->digests); i++)
    {
      g_autofree char *text = g_strdup_printf ("Subject: %u\r\n\r\ntext\r\n", i);
      g_autoptr (FmSink) sink = fm_body_store_sink_new (box->store, 1 << 20, FALSE);
      assert_true (fm_sink_write (sink, text, strlen (text), NULL));
      assert_true (fm_sink_commit (sink, NULL));
      box->digests[i] = g_strdup (fm_body_store_sink_digest (sink, NULL));
      g_autofree char *path = body_path (box, i);
      age (path);
    }
}

static gboolean
fill (FmStoreWriter *writer, gpointer data, GError **error)
{
  Box *box = data;
  gint64 account = fm_folder_store_put_account (writer, "work", FM_STORE_POP, error);
  FmFolderInput folder = { .name = "INBOX", .delimiter = '/', .selectable = TRUE };
  gint64 inbox = fm_folder_store_put (writer, account, &folder, error);
  g_autoptr (FmEnvelope) envelope = fm_envelope_parse ("Subject: 0\r\n\r\n", 14);
  FmMessageInput input = FM_MESSAGE_INPUT_INIT;
  FmMessageResult result = { 0 };
  FmOutboxRecipient to = { .address = (char *) "x@example.org" };
  g_autoptr (GPtrArray) recipients = g_ptr_array_new ();
  g_ptr_array_add (recipients, &to);
  input.envelope = envelope;
  input.blob_id = fm_body_store_put (writer, box->digests[0], 20, error);
  FmOutgoing out = { .account_id = account,
                     .blob_id = fm_body_store_put (writer, box->digests[1], 20, error),
                     .recipients = recipients,
                     .message_id = (char *) "q@x" };
  return account != 0 && inbox != 0 && fm_message_store_upsert (writer, inbox, &input, 1, &result, error)
         && fm_outbox_store_put (writer, &out, error) != 0 && fm_body_store_put (writer, box->digests[2], 20, error) != 0;
}

/* Until it is gone; housekeeping is asked again and again. */
static void
wait_gone (FmHousekeeping *keeping, const char *path)
{
  gint64 deadline = fm_clock_deadline_us (20000);
  while (g_file_test (path, G_FILE_TEST_EXISTS) && fm_clock_remaining_ms (deadline) > 0)
    {
      fm_housekeeping_tick (keeping);
      g_usleep (1000);
    }
  assert_false (g_file_test (path, G_FILE_TEST_EXISTS));
}

static void
takes_what_nobody_needs (void **state)
{
  g_autofree char *dir = g_dir_make_tmp ("fulmar-keeping-XXXXXX", NULL);
  Box box = { .store = fm_db_open (dir, NULL) };
  FmPen *pen = fm_pen_new (box.store, fm_db_writer_new (box.store, NULL));
  FmHousekeepingTimes times = { .grace_s = -100, .tmp_age_s = 3600, .journal_age_s = 3600 };
  write_bodies (&box);
  assert_true (fm_pen_call (pen, FM_PEN_SAFE, fill, &box, NULL));
  g_autofree char *old_tmp = g_build_filename (dir, "tmp", "body-old", NULL);
  g_autofree char *new_tmp = g_build_filename (dir, "tmp", "body-new", NULL);
  assert_true (g_file_set_contents (old_tmp, "half a mail", -1, NULL) && g_file_set_contents (new_tmp, "half a mail", -1, NULL));
  age (old_tmp);
  FmHousekeeping *keeping = fm_housekeeping_new (box.store, pen, &times);
  assert_false (g_file_test (old_tmp, G_FILE_TEST_EXISTS));
  assert_true (g_file_test (new_tmp, G_FILE_TEST_EXISTS));
  g_autofree char *message = body_path (&box, 0), *outgoing = body_path (&box, 1), *nobody = body_path (&box, 2),
                  *unknown = body_path (&box, 3);
  wait_gone (keeping, nobody);
  assert_true (g_file_test (message, G_FILE_TEST_EXISTS));
  assert_true (g_file_test (outgoing, G_FILE_TEST_EXISTS));
  /* A file without a row may be somebody's only copy: after a lost database it is taken back. */
  assert_true (g_file_test (unknown, G_FILE_TEST_EXISTS));
  fm_pen_free (pen);
  fm_housekeeping_free (keeping);
  fm_db_unref (box.store);
  for (guint i = 0; i < G_N_ELEMENTS (box.digests); i++)
    g_free (box.digests[i]);
}

static void
keeps_what_was_let_go_a_moment_ago (void **state)
{
  g_autofree char *dir = g_dir_make_tmp ("fulmar-keeping-XXXXXX", NULL);
  Box box = { .store = fm_db_open (dir, NULL) };
  FmPen *pen = fm_pen_new (box.store, fm_db_writer_new (box.store, NULL));
  FmHousekeepingTimes times = { .grace_s = 3600, .tmp_age_s = 3600, .journal_age_s = 3600 };
  write_bodies (&box);
  assert_true (fm_pen_call (pen, FM_PEN_SAFE, fill, &box, NULL));
  FmHousekeeping *keeping = fm_housekeeping_new (box.store, pen, &times);
  fm_housekeeping_tick (keeping);
  fm_pen_free (pen); /* waits for the step */
  g_autofree char *nobody = body_path (&box, 2);
  assert_true (g_file_test (nobody, G_FILE_TEST_EXISTS));
  fm_housekeeping_free (keeping);
  fm_db_unref (box.store);
  for (guint i = 0; i < G_N_ELEMENTS (box.digests); i++)
    g_free (box.digests[i]);
}

int
main (void)
{
  const struct CMUnitTest tests[] = { cmocka_unit_test (takes_what_nobody_needs), cmocka_unit_test (keeps_what_was_let_go_a_moment_ago) };
  return cmocka_run_group_tests (tests, NULL, NULL);
}

/* R27: a mail handed to the outbox is sent once, filed once, and never lost: temporary and permanent refusals, a connection that dies at any byte, a
 * program that sends, and a mail taken back. */
#include "../net/fake-server.h"
#include "sync/outbox-change.h"
#include "sync/outbox.h"
#include <fulmar/base/clock.h>
#include <fulmar/base/error.h>
#include <fulmar/base/port.h>
#include <fulmar/mail/envelope.h>
#include <fulmar/mail/flags.h>
#include <fulmar/store/body-store.h>
#include <fulmar/store/folder-store.h>
#include <fulmar/store/journal.h>
#include <fulmar/store/list-store.h>
#include <fulmar/store/message-store.h>
#include <fulmar/store/outbox-store.h>
#include <glib/gstdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static FmPort *events;

void
fm_sync_env_emit (FmSyncEnv *env, FmEvent *event)
{
  fm_port_post (events, event, (GDestroyNotify) fm_event_unref);
}
void
fm_sync_env_index (FmSyncEnv *env, gint64 blob_id)
{
}
FmSecret *
fm_sync_env_secret (FmSyncEnv *env, const FmAccountSpec *spec, const FmAccountService *refused, FmCancel *cancel, GError **error)
{
  return fm_secret_new ("secret", -1);
}
void
fm_sync_env_act (FmSyncEnv *env, FmAction *action)
{
  fm_action_unref (action);
}
void
fm_sync_env_queue_changed (FmSyncEnv *env)
{
}
void
fm_sync_env_planned (FmSyncEnv *env, gint64 account_id)
{
}

static const char message[]
    = "From: me@example.org\nTo: a@example.org\nSubject: letter\nMessage-ID: <out@example.org>\nDate: Mon, 2 Nov 2026 10:00:00 "
      "+0000\n\nhello\n";

typedef struct {
  char *dir;
  FmStore *store;
  FmSyncEnv env;
  FmStoreReader *reader;
  FmAccountSpec *spec;
  gint64 account_id, original_id, draft_id, outgoing_id;
  char *digest;
  guint64 size;
} Home;

static gint64
add_row (FmStoreWriter *writer, gint64 folder_id, const char *header)
{
  g_autoptr (FmEnvelope) envelope = fm_envelope_parse (header, strlen (header));
  g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (gint64));
  FmMessageInput input = FM_MESSAGE_INPUT_INIT;
  FmMessageResult result = { .ids = ids };
  input.envelope = envelope;
  input.internal_date_utc = 1;
  return fm_message_store_upsert (writer, folder_id, &input, 1, &result, NULL) ? g_array_index (ids, gint64, 0) : 0;
}

static gboolean
fill (FmStoreWriter *writer, gpointer data, GError **error)
{
  Home *home = data;
  FmFolderInput inbox = { .name = "INBOX", .delimiter = '/', .special = FM_SPECIAL_INBOX, .selectable = TRUE };
  FmFolderInput drafts = { .name = "Drafts", .delimiter = '/', .special = FM_SPECIAL_DRAFTS, .selectable = TRUE };
  home->account_id = fm_folder_store_put_account (writer, "pop", FM_STORE_POP, error);
  home->original_id
      = add_row (writer, fm_folder_store_put (writer, home->account_id, &inbox, error), "Subject: question\r\nMessage-ID: <q@x>\r\n\r\n");
  home->draft_id
      = add_row (writer, fm_folder_store_put (writer, home->account_id, &drafts, error), "Subject: letter\r\nMessage-ID: <d@x>\r\n\r\n");
  return home->draft_id != 0;
}

static gboolean
queue (FmStoreWriter *writer, gpointer data, GError **error)
{
  Home *home = data;
  FmOutboxRecipient a = { .address = (char *) "a@example.org" }, b = { .address = (char *) "bad@example.org" };
  g_autoptr (GPtrArray) recipients = g_ptr_array_new ();
  g_ptr_array_add (recipients, &a);
  g_ptr_array_add (recipients, &b);
  FmOutgoing outgoing = { .account_id = home->account_id,
                          .blob_id = fm_body_store_put (writer, home->digest, home->size, error),
                          .sender = (char *) "me@example.org",
                          .recipients = recipients,
                          .state = FM_OUTBOX_HELD,
                          .message_id = (char *) "out@example.org",
                          .replied_id = home->original_id,
                          .draft_id = home->draft_id };
  home->outgoing_id = fm_outbox_store_put (writer, &outgoing, error);
  return home->outgoing_id != 0;
}

static void
home_new (Home *home, guint16 port)
{
  *home = (Home){ .dir = g_dir_make_tmp ("fulmar-outbox-XXXXXX", NULL) };
  home->store = fm_db_open (home->dir, NULL);
  home->env = (FmSyncEnv){ .store = home->store, .pen = fm_pen_new (home->store, fm_db_writer_new (home->store, NULL)), .network = TRUE };
  home->reader = fm_db_reader_new (home->store, NULL);
  home->spec = fm_account_spec_new ("pop", FM_ACCOUNT_POP);
  home->spec->smtp.host = g_strdup ("127.0.0.1");
  home->spec->smtp.port = port;
  home->spec->smtp.security = FM_SECURITY_PLAIN_LOOPBACK;
  events = fm_port_new ();
  g_autoptr (FmSink) sink = fm_body_store_sink_new (home->store, 1 << 20, FALSE);
  assert_true (fm_sink_write (sink, message, strlen (message), NULL) && fm_sink_commit (sink, NULL));
  home->digest = g_strdup (fm_body_store_sink_digest (sink, &home->size));
  assert_true (fm_pen_call (home->env.pen, FM_PEN_SAFE, fill, home, NULL) && fm_pen_call (home->env.pen, FM_PEN_SAFE, queue, home, NULL));
}

static void
home_free (Home *home)
{
  const char *argv[] = { "rm", "-rf", "--", home->dir, NULL };
  fm_db_reader_free (home->reader);
  fm_pen_free (home->env.pen);
  fm_db_unref (home->store);
  fm_account_spec_unref (home->spec);
  g_clear_pointer (&events, fm_port_unref);
  g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL);
  g_free (home->dir);
  g_free (home->digest);
}

/* Runs an outbox until it has said something about the mail, then stops it. Transfer: full: what it said. */
static char *
run_once (Home *home)
{
  FmOutbox *outbox = fm_outbox_start (&home->env, home->spec, home->account_id);
  gint64 deadline = fm_clock_deadline_us (20000);
  char *text = NULL;
  while (text == NULL)
    {
      FmEvent *event = fm_port_take (events, deadline);
      if (event == NULL)
        fail_msg ("the outbox says nothing");
      if (event->kind == FM_EVENT_OUTBOX)
        text = g_strdup (event->text);
      fm_event_unref (event);
    }
  fm_outbox_stop (outbox);
  fm_outbox_join (outbox);
  return text;
}

static FmOutboxState
state_of (Home *home)
{
  FmOutgoing *outgoing = fm_outbox_store_get (home->reader, home->outgoing_id, NULL);
  FmOutboxState state = outgoing->state;
  fm_outbox_store_free (outgoing);
  return state;
}

static guint64
count_in (Home *home, FmSpecialUse special)
{
  g_autoptr (FmFolderInfo) folder = fm_folder_store_find_special (home->reader, home->account_id, special, NULL);
  if (folder != NULL)
    return folder->total;
  g_autoptr (FmFolderInfo) sent = special == FM_SPECIAL_SENT ? fm_folder_store_find (home->reader, home->account_id, "Sent", NULL) : NULL;
  return sent == NULL ? 0 : sent->total;
}

static guint
flags_of (Home *home, gint64 id)
{
  g_autoptr (FmMessageInfo) row = fm_message_store_get (home->reader, id, NULL);
  return row == NULL ? G_MAXUINT : row->flags;
}

typedef struct {
  const char *rcpt, *done;
  gint64 budget;
  guint dots;
} Script;

static gboolean
say (FmFakePeer *peer, Script *script, const char *text)
{
  gsize size = strlen (text), n = script->budget >= 0 ? MIN (size, (gsize) script->budget) : size;
  if (script->budget >= 0)
    script->budget -= (gint64) n;
  return fm_fake_server_send_bytes (peer, text, n) && n == size;
}

static void
serve (FmFakePeer *peer, gpointer data)
{
  Script *script = data;
  gboolean more = say (peer, script, "220 fake\r\n"), in_data = FALSE;
  while (more)
    {
      g_autofree char *line = fm_fake_server_receive (peer);
      if (line == NULL)
        return;
      if (in_data && !g_str_equal (line, "."))
        continue;
      if (in_data)
        script->dots++;
      const char *answer = in_data                                   ? script->done
                           : g_str_equal (line, "DATA")              ? "354 go on\r\n"
                           : g_str_has_prefix (line, "RCPT TO:<bad") ? script->rcpt
                                                                     : "250 ok\r\n";
      in_data = g_str_equal (line, "DATA");
      more = say (peer, script, answer);
    }
}

static void
test_sent_and_filed (void **state)
{
  Script script = { "550 5.1.1 no such user\r\n", "250 queued\r\n", -1, 0 };
  FmFakeServer *fake = fm_fake_server_start (serve, &script, FM_FAKE_WHOLE);
  Home home;
  home_new (&home, fm_fake_server_port (fake));
  g_autofree char *text = run_once (&home);
  assert_int_equal (state_of (&home), FM_OUTBOX_FILED);
  assert_non_null (strstr (text, "but not to bad@example.org: 550 5.1.1 no such user"));
  assert_int_equal (count_in (&home, FM_SPECIAL_SENT), 1);
  assert_int_equal (count_in (&home, FM_SPECIAL_DRAFTS), 0);
  assert_true (flags_of (&home, home.original_id) & FM_FLAG_ANSWERED);
  assert_false (fm_journal_undo_candidate (home.reader, 0, &(gint64){ 0 }, NULL));
  home_free (&home);
  g_free (fm_fake_server_stop (fake));
}

static void
test_refusals (void **state)
{
  static const struct {
    const char *done;
    FmOutboxState state;
  } cases[] = { { "451 later\r\n", FM_OUTBOX_HELD }, { "554 no\r\n", FM_OUTBOX_FAILED }, { "what?\r\n", FM_OUTBOX_UNKNOWN } };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      Script script = { "250 ok\r\n", cases[i].done, -1, 0 };
      FmFakeServer *fake = fm_fake_server_start (serve, &script, FM_FAKE_WHOLE);
      Home home;
      home_new (&home, fm_fake_server_port (fake));
      g_free (run_once (&home));
      assert_int_equal (state_of (&home), cases[i].state);
      assert_int_equal (count_in (&home, FM_SPECIAL_SENT), 0);
      assert_int_equal (count_in (&home, FM_SPECIAL_DRAFTS), 1);
      assert_false (flags_of (&home, home.original_id) & FM_FLAG_ANSWERED);
      home_free (&home);
      g_free (fm_fake_server_stop (fake));
    }
}

typedef struct {
  Home *home;
  FmActionKind kind;
  FmOutboxState state;
  FmOutboxDraftFile file;
  FmOutboxChange change;
} Wish;

static gboolean
wish_run (FmStoreWriter *writer, gpointer data, GError **error)
{
  Wish *wish = data;
  g_autoptr (FmOutgoing) mail = fm_outbox_store_get (fm_db_writer_reader (writer), wish->home->outgoing_id, error);
  return mail != NULL
         && fm_outbox_change_run (writer, wish->home->spec, mail, wish->kind, fm_journal_side_group (writer, "wish", error), &wish->file,
                                  &wish->change, error);
}

static gboolean
wish (Home *home, FmActionKind kind, FmOutboxChange *ret_change, GError **error)
{
  Wish wish = { .home = home, .kind = kind };
  g_autoptr (GError) local = NULL;
  gboolean ok = fm_pen_call (home->env.pen, FM_PEN_USER, wish_run, &wish, &local);
  if (wish.change.needs_file)
    {
      /* Nothing has changed; and the pen has written no file. */
      assert_true (!ok && count_in (home, FM_SPECIAL_DRAFTS) == 1 && state_of (home) != FM_OUTBOX_CANCELLED);
      assert_true (fm_outbox_change_write (home->env.store, home->reader, home->outgoing_id, &wish.file, NULL));
      g_clear_error (&local);
      ok = fm_pen_call (home->env.pen, FM_PEN_USER, wish_run, &wish, &local);
      assert_false (wish.change.needs_file);
    }
  if (local != NULL)
    g_propagate_error (error, g_steal_pointer (&local));
  if (ret_change != NULL)
    *ret_change = wish.change;
  return ok;
}

/* A server that takes only seven bits gets the mail encoded; the copy in Sent is what was written. */
static void
test_encoded_for_old_server (void **state)
{
  static const char eight_bit[]
      = "From: me@example.org\nTo: a@example.org\nSubject: letter\nMessage-ID: <eight@example.org>\nContent-Type: text/plain; "
        "charset=utf-8\nContent-Transfer-Encoding: 8bit\n\nGr\xc3\xbc\xc3\x9f\x65 from far away\n.dot\n";
  Script script = { "250 ok\r\n", "250 queued\r\n", -1, 0 };
  FmFakeServer *fake = fm_fake_server_start (serve, &script, FM_FAKE_WHOLE);
  Home home;
  home_new (&home, fm_fake_server_port (fake));
  g_autoptr (FmSink) sink = fm_body_store_sink_new (home.store, 1 << 20, FALSE);
  assert_true (fm_sink_write (sink, eight_bit, strlen (eight_bit), NULL) && fm_sink_commit (sink, NULL));
  g_free (home.digest);
  home.digest = g_strdup (fm_body_store_sink_digest (sink, &home.size));
  assert_true (wish (&home, FM_ACTION_OUTBOX_DROP, NULL, NULL) && fm_pen_call (home.env.pen, FM_PEN_SAFE, queue, &home, NULL));
  g_free (run_once (&home));
  assert_int_equal (state_of (&home), FM_OUTBOX_FILED);
  g_autofree char *log = fm_fake_server_stop (fake);
  assert_non_null (strstr (log, "Gr=C3=BC=C3=9Fe from far away\r\n..dot\r\n.\r\n"));
  assert_true (g_str_is_ascii (log));
  home_free (&home);
}

/* Wherever the connection dies, the mail is still there, and it is sent again only if the server can't have it. */
static void
test_cut_everywhere (void **state)
{
  gboolean filed = FALSE;
  for (gint64 budget = 0; !filed && budget < 200; budget += 3)
    {
      Script script = { "250 ok\r\n", "250 queued\r\n", budget, 0 };
      FmFakeServer *fake = fm_fake_server_start (serve, &script, FM_FAKE_WHOLE);
      Home home;
      home_new (&home, fm_fake_server_port (fake));
      g_free (run_once (&home));
      g_free (fm_fake_server_stop (fake));
      FmOutboxState now = state_of (&home);
      filed = now == FM_OUTBOX_FILED;
      assert_int_equal (now, filed ? FM_OUTBOX_FILED : script.dots > 0 ? FM_OUTBOX_UNKNOWN : FM_OUTBOX_HELD);
      home_free (&home);
    }
  assert_true (filed);
}

static gboolean
set_state (FmStoreWriter *writer, gpointer data, GError **error)
{
  Home *home = data;
  return fm_outbox_store_move (writer, home->outgoing_id, FM_OUTBOX_HELD, FM_OUTBOX_SENDING, 0, NULL, error);
}

static gboolean
put_in_sent (FmStoreWriter *writer, gpointer data, GError **error)
{
  Home *home = data;
  FmFolderInput sent = { .name = "Sent", .delimiter = '/', .special = FM_SPECIAL_SENT, .selectable = TRUE };
  return add_row (writer, fm_folder_store_put (writer, home->account_id, &sent, error), message) != 0;
}

/* A crash in the middle leaves the outcome open; the mail in Sent settles it, without a second copy and without sending again. */
static void
test_unknown_settled_by_sent (void **state)
{
  Home home;
  home_new (&home, 1);
  assert_true (fm_pen_call (home.env.pen, FM_PEN_SAFE, set_state, &home, NULL));
  assert_true (fm_outbox_recover (&home.env, NULL));
  assert_int_equal (state_of (&home), FM_OUTBOX_UNKNOWN);
  assert_true (fm_pen_call (home.env.pen, FM_PEN_SAFE, put_in_sent, &home, NULL));
  g_free (run_once (&home));
  assert_int_equal (state_of (&home), FM_OUTBOX_FILED);
  assert_int_equal (count_in (&home, FM_SPECIAL_SENT), 1);
  home_free (&home);
}

static void
test_program (void **state)
{
  static const struct {
    const char *script;
    FmOutboxState state;
  } cases[] = { { "cat > $0", FM_OUTBOX_FILED },
                { "exit 75", FM_OUTBOX_HELD },
                { "echo no >&2; exit 67", FM_OUTBOX_FAILED },
                { "kill -9 $$", FM_OUTBOX_UNKNOWN } };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      Home home;
      home_new (&home, 1);
      g_clear_pointer (&home.spec->smtp.host, g_free);
      g_autofree char *out = g_build_filename (home.dir, "out", NULL);
      const char *argv[] = { "/bin/sh", "-c", cases[i].script, out, "-t", NULL };
      home.spec->sendmail_argv = g_strdupv ((char **) argv);
      g_free (run_once (&home));
      assert_int_equal (state_of (&home), cases[i].state);
      g_autofree char *text = NULL;
      if (i == 0)
        {
          assert_true (g_file_get_contents (out, &text, NULL, NULL));
          assert_true (g_str_has_prefix (text, "Bcc: bad@example.org\nFrom: "));
        }
      home_free (&home);
    }
}

static gboolean
force_run (FmStoreWriter *writer, gpointer data, GError **error)
{
  const Wish *force = data;
  return fm_outbox_store_move (writer, force->home->outgoing_id, FM_OUTBOX_HELD, FM_OUTBOX_SENDING, 0, NULL, error)
         && fm_outbox_store_move (writer, force->home->outgoing_id, FM_OUTBOX_SENDING, force->state, 0, "550 no", error);
}

static void
force (Home *home, FmOutboxState state)
{
  Wish force = { .home = home, .state = state };
  assert_true (fm_pen_call (home->env.pen, FM_PEN_SAFE, force_run, &force, NULL));
}

/* Once only; a hidden recipient is in the draft again, which stands in place of the older one. */
static void
test_taken_back (void **state)
{
  static const FmOutboxState from[] = { FM_OUTBOX_HELD, FM_OUTBOX_FAILED, FM_OUTBOX_UNKNOWN };
  for (guint i = 0; i < G_N_ELEMENTS (from); i++)
    {
      Home home;
      FmOutboxChange change;
      g_autoptr (GError) error = NULL;
      home_new (&home, 1);
      if (from[i] != FM_OUTBOX_HELD)
        force (&home, from[i]);
      assert_true (wish (&home, FM_ACTION_OUTBOX_DRAFT, &change, NULL));
      assert_int_equal (state_of (&home), FM_OUTBOX_CANCELLED);
      assert_int_equal (count_in (&home, FM_SPECIAL_DRAFTS), 1);
      g_autofree char *path = fm_body_store_path (home.reader, change.draft_id, NULL), *text = NULL;
      assert_true (change.draft_id != home.draft_id && g_file_get_contents (path, &text, NULL, NULL));
      assert_true (g_str_has_prefix (text, "Bcc: bad@example.org\r\nFrom: me@"));
      assert_false (wish (&home, FM_ACTION_OUTBOX_DRAFT, NULL, &error));
      assert_int_equal (error->code, FM_ERROR_INVALID);
      assert_int_equal (count_in (&home, FM_SPECIAL_DRAFTS), 1);
      home_free (&home);
    }
}

/* What the user may decide in which state; a wish that does not fit changes nothing. */
static void
test_wishes (void **state)
{
  static const struct {
    FmOutboxState from;
    FmActionKind kind;
    FmOutboxState to; /* the same as FROM: refused */
  } cases[] = {
    { FM_OUTBOX_FAILED, FM_ACTION_OUTBOX_RETRY, FM_OUTBOX_HELD },      { FM_OUTBOX_FAILED, FM_ACTION_OUTBOX_SENT, FM_OUTBOX_FAILED },
    { FM_OUTBOX_FAILED, FM_ACTION_OUTBOX_RESEND, FM_OUTBOX_FAILED },   { FM_OUTBOX_FAILED, FM_ACTION_OUTBOX_DROP, FM_OUTBOX_CANCELLED },
    { FM_OUTBOX_UNKNOWN, FM_ACTION_OUTBOX_RETRY, FM_OUTBOX_UNKNOWN },  { FM_OUTBOX_UNKNOWN, FM_ACTION_OUTBOX_RESEND, FM_OUTBOX_HELD },
    { FM_OUTBOX_UNKNOWN, FM_ACTION_OUTBOX_SENT, FM_OUTBOX_ACCEPTED },  { FM_OUTBOX_UNKNOWN, FM_ACTION_OUTBOX_DROP, FM_OUTBOX_CANCELLED },
    { FM_OUTBOX_ACCEPTED, FM_ACTION_OUTBOX_DROP, FM_OUTBOX_ACCEPTED }, { FM_OUTBOX_SENDING, FM_ACTION_OUTBOX_RETRY, FM_OUTBOX_SENDING },
    { FM_OUTBOX_FILED, FM_ACTION_OUTBOX_RETRY, FM_OUTBOX_FILED },      { FM_OUTBOX_SENDING, FM_ACTION_OUTBOX_DROP, FM_OUTBOX_SENDING },
  };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      Home home;
      g_autoptr (GError) error = NULL;
      home_new (&home, 1);
      force (&home, cases[i].from);
      assert_int_equal (fm_outbox_store_stuck (home.reader), cases[i].from == FM_OUTBOX_FAILED || cases[i].from == FM_OUTBOX_UNKNOWN);
      assert_int_equal (wish (&home, cases[i].kind, NULL, &error), cases[i].to != cases[i].from);
      assert_int_equal (error == NULL ? FM_ERROR_INVALID : error->code, FM_ERROR_INVALID);
      assert_int_equal (state_of (&home), cases[i].to);
      home_free (&home);
    }
}

/* Whoever has the mail does not get it again, and whoever was refused is tried again; dropped in the middle, it is filed for those who have it. */
static void
test_retried_and_dropped_in_part (void **state)
{
  Script script = { "450 later\r\n", "250 queued\r\n", -1, 0 };
  FmFakeServer *fake = fm_fake_server_start (serve, &script, FM_FAKE_WHOLE);
  Home home;
  FmOutboxChange change;
  home_new (&home, fm_fake_server_port (fake));
  g_free (run_once (&home));
  assert_int_equal (state_of (&home), FM_OUTBOX_HELD);
  assert_true (wish (&home, FM_ACTION_OUTBOX_RETRY, NULL, NULL));
  g_free (run_once (&home));
  g_autofree char *log = fm_fake_server_stop (fake);
  const char *first = strstr (log, "RCPT TO:<a@example.org>");
  assert_non_null (first);
  assert_null (strstr (first + 1, "RCPT TO:<a@example.org>"));
  assert_true (wish (&home, FM_ACTION_OUTBOX_DROP, &change, NULL));
  assert_non_null (strstr (change.text, "filed in Sent"));
  g_autofree char *said = run_once (&home);
  assert_non_null (strstr (said, "but not to bad@example.org: dropped"));
  assert_int_equal (state_of (&home), FM_OUTBOX_FILED);
  assert_int_equal (count_in (&home, FM_SPECIAL_SENT), 1);
  home_free (&home);
}

/* "It was not sent" is not believed against the copy in Sent. */
static void
test_resend_looks_into_sent (void **state)
{
  Home home;
  FmOutboxChange change;
  home_new (&home, 1);
  force (&home, FM_OUTBOX_UNKNOWN);
  assert_true (fm_pen_call (home.env.pen, FM_PEN_SAFE, put_in_sent, &home, NULL));
  assert_true (wish (&home, FM_ACTION_OUTBOX_RESEND, &change, NULL));
  assert_int_equal (state_of (&home), FM_OUTBOX_ACCEPTED);
  assert_non_null (strstr (change.text, "not sent again"));
  home_free (&home);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_sent_and_filed),
    cmocka_unit_test (test_refusals),
    cmocka_unit_test (test_cut_everywhere),
    cmocka_unit_test (test_unknown_settled_by_sent),
    cmocka_unit_test (test_program),
    cmocka_unit_test (test_taken_back),
    cmocka_unit_test (test_wishes),
    cmocka_unit_test (test_retried_and_dropped_in_part),
    cmocka_unit_test (test_resend_looks_into_sent),
    cmocka_unit_test (test_encoded_for_old_server),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}

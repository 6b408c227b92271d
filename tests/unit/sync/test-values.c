/* The values that cross between threads and processes: actions and events as bytes, names of files and folders, secrets from commands. */
#include "sync/event-wire.h"
#include "sync/maildir-name.h"
#include "sync/maildir-tree.h"
#include "sync/secrets.h"
#include "sync/shell-command.h"
#include "sync/special-names.h"
#include <fulmar/base/clock.h>
#include <fulmar/base/error.h>
#include <fulmar/mail/flags.h>
#include <fulmar/sync/action.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *
temp_dir (void)
{
  char *dir = g_dir_make_tmp ("fulmar-sync-XXXXXX", NULL);
  assert_non_null (dir);
  return dir;
}

static void
remove_tree (const char *dir)
{
  const char *argv[] = { "rm", "-rf", "--", dir, NULL };
  assert_true (g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL));
}

static void
action_survives_the_wire (void **state)
{
  gint64 ids[] = { 1, G_MAXINT64, 7 };
  const char *add[] = { "work", "später", NULL };
  g_autoptr (FmAction) action = fm_action_new_flags (ids, 3, FM_FLAG_SEEN, FM_FLAG_FLAGGED, add, NULL);
  g_autoptr (GBytes) bytes = fm_action_to_bytes (action);
  g_autoptr (GError) error = NULL;
  g_autoptr (FmAction) back = fm_action_from_bytes (bytes, &error);
  assert_null (error);
  gsize n;
  const gint64 *got = fm_action_ids (back, &n);
  assert_int_equal (n, 3);
  assert_memory_equal (got, ids, sizeof ids);
  assert_int_equal (fm_action_add_flags (back), FM_FLAG_SEEN);
  assert_int_equal (fm_action_remove_flags (back), FM_FLAG_FLAGGED);
  assert_true (g_strv_equal (fm_action_add_keywords (back), add));
  assert_null (fm_action_remove_keywords (back));
}

static void
send_survives_the_wire (void **state)
{
  g_autoptr (GBytes) message = g_bytes_new_static ("From: a\r\n\r\nb\0c", 14);
  const char *recipients[] = { "x@example.org", "y@example.org", NULL };
  FmSendOptions options = { "work", message, "a@example.org", recipients, 3, 4, 5, 10 };
  g_autoptr (FmAction) action = fm_action_new_send (&options);
  g_autoptr (GBytes) bytes = fm_action_to_bytes (action);
  g_autoptr (FmAction) back = fm_action_from_bytes (bytes, NULL);
  assert_non_null (back);
  FmSendOptions got;
  fm_action_send_options (back, &got);
  assert_string_equal (got.account, "work");
  assert_true (g_bytes_equal (got.message, message));
  assert_true (g_strv_equal (got.recipients, recipients));
  assert_int_equal (got.draft_id, 5);
  assert_int_equal (got.hold_s, 10);
}

/* Every truncation and every single flipped byte is answered without reading out of bounds. */
static void
damaged_actions_are_refused (void **state)
{
  gint64 ids[] = { 1, 2 };
  g_autoptr (FmAction) action = fm_action_new_transfer (FM_ACTION_MOVE, ids, 2, 9);
  g_autoptr (GBytes) bytes = fm_action_to_bytes (action);
  gsize size;
  const guint8 *data = g_bytes_get_data (bytes, &size);
  for (gsize i = 0; i < size; i++)
    {
      g_autoptr (GBytes) cut = g_bytes_new (data, i);
      g_autoptr (GError) error = NULL;
      assert_null (fm_action_from_bytes (cut, &error));
      assert_true (g_error_matches (error, FM_ERROR, FM_ERROR_INVALID));
      g_autofree guint8 *flipped = g_memdup2 (data, size);
      flipped[i] ^= 0xff;
      g_autoptr (GBytes) changed = g_bytes_new (flipped, size);
      fm_action_unref (fm_action_from_bytes (changed, NULL));
    }
}

static void
event_survives_the_wire (void **state)
{
  g_autoptr (FmEvent) event = fm_event_new (FM_EVENT_FAILED, 42);
  event->account = g_strdup ("work");
  event->error = g_error_new (FM_ERROR, FM_ERROR_REFUSED, "no");
  event->ids = g_array_new (FALSE, FALSE, sizeof (gint64));
  gint64 id = -5;
  g_array_append_val (event->ids, id);
  g_autoptr (GBytes) bytes = fm_event_wire_encode (event);
  g_autoptr (FmEvent) back = fm_event_wire_decode (bytes, NULL);
  assert_non_null (back);
  assert_int_equal (back->reply_to, 42);
  assert_string_equal (back->account, "work");
  assert_true (g_error_matches (back->error, FM_ERROR, FM_ERROR_REFUSED));
  assert_int_equal (g_array_index (back->ids, gint64, 0), -5);
  gsize size;
  const guint8 *data = g_bytes_get_data (bytes, &size);
  for (gsize i = 0; i < size; i++)
    {
      g_autoptr (GBytes) cut = g_bytes_new (data, i);
      assert_null (fm_event_wire_decode (cut, NULL));
    }
}

static void
maildir_names (void **state)
{
  g_autofree char *plain = fm_maildir_name_with_flags ("123.M1.host,S=99", FM_FLAG_SEEN | FM_FLAG_FLAGGED);
  assert_string_equal (plain, "123.M1.host,S=99:2,FS");
  g_autofree char *kept = fm_maildir_name_with_flags ("123.host:2,RSab", FM_FLAG_FLAGGED);
  assert_string_equal (kept, "123.host:2,Fab");
  assert_int_equal (fm_maildir_name_flags ("1.x:2,FRS"), FM_FLAG_FLAGGED | FM_FLAG_ANSWERED | FM_FLAG_SEEN);
  assert_int_equal (fm_maildir_name_size ("1.x,S=1234,W=1300:2,S"), 1234);
  assert_int_equal (fm_maildir_name_size ("1.x:2,S"), -1);
  g_autofree char *a = fm_maildir_name_unique (), *b = fm_maildir_name_unique ();
  assert_string_not_equal (a, b);
  assert_null (strpbrk (a, "/:,"));
}

static void
make_folder (const char *root, const char *name)
{
  g_autofree char *path = g_build_filename (root, name, NULL);
  assert_true (fm_maildir_tree_make (path, NULL));
}

static void
assert_names (const char *root, const char *expected)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) folders = fm_maildir_tree_scan (root, NULL, &error);
  assert_null (error);
  g_autoptr (GString) names = g_string_new (NULL);
  for (guint i = 0; i < folders->len; i++)
    g_string_append_printf (names, "%s\n", ((FmMaildirFolder *) folders->pdata[i])->name);
  assert_string_equal (names->str, expected);
}

static void
both_layouts_are_found (void **state)
{
  g_autofree char *plain = temp_dir (), *dotted = temp_dir ();
  make_folder (plain, "INBOX");
  make_folder (plain, "Lists/notmuch");
  make_folder (plain, "Caf\xff");
  g_autofree char *link = g_build_filename (plain, "loop", NULL);
  assert_int_equal (symlink (plain, link), 0);
  assert_names (plain, "INBOX\nCaf\xef\xbf\xbd\nLists/notmuch\n");
  make_folder (dotted, "");
  make_folder (dotted, ".Sent");
  make_folder (dotted, ".Lists.Entw&APw-rfe");
  assert_names (dotted, "INBOX\nLists/Entwürfe\nSent\n");
  g_autofree char *path = fm_maildir_tree_path (dotted, "A.b/Grün & co", NULL);
  g_autofree char *expected = g_build_filename (dotted, ".A&AC4-b.Gr&APw-n &- co", NULL);
  assert_string_equal (path, expected);
  assert_true (fm_maildir_tree_make (path, NULL));
  assert_names (dotted, "INBOX\nA.b/Grün & co\nLists/Entwürfe\nSent\n");
  assert_null (fm_maildir_tree_path (dotted, "../x", NULL));
  assert_null (fm_maildir_tree_path (dotted, "a//b", NULL));
  assert_null (fm_maildir_tree_path (dotted, "a\nb", NULL));
  remove_tree (plain);
  remove_tree (dotted);
}

static void
special_folders_by_name (void **state)
{
  assert_int_equal (fm_special_names_find ("inbox", '/'), FM_SPECIAL_NAMES_INBOX);
  assert_int_equal (fm_special_names_find ("INBOX.Papierkorb", '.'), FM_SPECIAL_NAMES_TRASH);
  assert_int_equal (fm_special_names_find ("[Gmail]/Корзина", '/'), FM_SPECIAL_NAMES_TRASH);
  assert_int_equal (fm_special_names_find ("ENTWÜRFE", '/'), FM_SPECIAL_NAMES_DRAFTS);
  assert_int_equal (fm_special_names_find ("Old/Trash", '/'), FM_SPECIAL_NAMES_NONE);
  assert_int_equal (fm_special_names_find ("Trashy", '/'), FM_SPECIAL_NAMES_NONE);
  assert_true (fm_special_names_rank ("Trash", '/', FM_SPECIAL_NAMES_TRASH) < fm_special_names_rank ("Bin", '/', FM_SPECIAL_NAMES_TRASH));
}

static void
commands_give_their_first_line (void **state)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (FmSecret) secret = fm_shell_command_read ("printf 'pa ss\\nmore'", 10000, NULL, &error);
  assert_null (error);
  assert_string_equal (fm_secret_peek (secret), "pa ss");
  assert_null (fm_shell_command_read ("echo wrong gpg >&2; exit 3", 10000, NULL, &error));
  assert_true (g_error_matches (error, FM_ERROR, FM_ERROR_AUTH));
  assert_non_null (strstr (error->message, "wrong gpg"));
  g_clear_error (&error);
  gint64 before = fm_clock_mono_us ();
  assert_null (fm_shell_command_read ("sleep 30 & sleep 30", 100, NULL, &error));
  assert_true (g_error_matches (error, FM_ERROR, FM_ERROR_TIMEOUT));
  assert_true (fm_clock_mono_us () - before < 5 * G_USEC_PER_SEC);
}

typedef struct {
  FmSecrets *secrets;
  guint asked;
  char *text; /* why, the last time */
} Asking;

static void
answer_at_once (const char *account, const char *text, gpointer data)
{
  Asking *asking = data;
  g_free (asking->text);
  asking->text = g_strdup (text);
  g_atomic_int_inc (&asking->asked);
}

static gpointer
answer_later (gpointer data)
{
  Asking *asking = data;
  g_autoptr (FmSecret) secret = fm_secret_new ("typed", -1);
  fm_secrets_set (asking->secrets, "work", secret);
  return NULL;
}

static gpointer
answer_when_asked (gpointer data)
{
  Asking *asking = data;
  while (g_atomic_int_get (&asking->asked) == 0)
    g_thread_yield ();
  return answer_later (data);
}

static void
secrets_come_from_command_then_user (void **state)
{
  g_autofree char *dir = temp_dir ();
  Asking asking = { 0 };
  asking.secrets = fm_secrets_new (dir, answer_at_once, &asking);
  g_autoptr (FmAccountSpec) spec = fm_account_spec_new ("work", FM_ACCOUNT_IMAP);
  spec->password_command = g_strdup ("echo first");
  g_autoptr (FmSecret) first = fm_secrets_get (asking.secrets, spec, NULL, NULL, NULL);
  assert_string_equal (fm_secret_peek (first), "first");
  GThread *thread = g_thread_new ("answer", answer_later, &asking);
  g_autoptr (FmSecret) typed = fm_secrets_get (asking.secrets, spec, &spec->incoming, NULL, NULL);
  g_thread_join (thread);
  assert_string_equal (fm_secret_peek (typed), "typed");
  /* Typed before anybody came back to say that the one before was refused: this one was not. */
  answer_later (&asking);
  g_autoptr (FmSecret) again = fm_secrets_get (asking.secrets, spec, &spec->incoming, NULL, NULL);
  assert_string_equal (fm_secret_peek (again), "typed");
  g_autoptr (FmCancel) cancel = fm_cancel_new ();
  fm_cancel_trigger (cancel);
  g_autoptr (GError) error = NULL;
  assert_null (fm_secrets_get (asking.secrets, spec, &spec->incoming, cancel, &error));
  assert_true (g_error_matches (error, FM_ERROR, FM_ERROR_CANCELLED));
  fm_secrets_free (asking.secrets);
  g_free (asking.text);
  remove_tree (dir);
}

/* Which secret was refused, by whom, for whom, and where it came from. */
static void
refusals_name_the_secret (void **state)
{
  static const struct {
    FmAccountKind kind;
    gboolean smtp;
    const char *command, *file, *told;
  } cases[] = {
    { FM_ACCOUNT_IMAP, FALSE, "echo wrong", NULL,
      "IMAP at in.x refused the password of ada (account work) from password_command: mend it there" },
    { FM_ACCOUNT_IMAP, TRUE, "echo wrong", NULL,
      "SMTP at out.x refused the password of bob (account work) from password_command: mend it there" },
    { FM_ACCOUNT_POP, FALSE, NULL, "wrong\n", "POP3 at in.x refused the password of ada (account work) in " },
    { FM_ACCOUNT_POP, FALSE, NULL, NULL, "POP3 at in.x refused the password of ada (account work) that was typed: type it again" },
  };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *dir = temp_dir (), *sub = g_build_filename (dir, "secrets", NULL), *path = g_build_filename (sub, "work", NULL);
      Asking asking = { 0 };
      asking.secrets = fm_secrets_new (dir, answer_at_once, &asking);
      g_autoptr (FmAccountSpec) spec = fm_account_spec_new ("work", cases[i].kind);
      spec->password_command = g_strdup (cases[i].command);
      spec->incoming = (FmAccountService){ .host = g_strdup ("in.x"), .user = g_strdup ("ada") };
      spec->smtp = (FmAccountService){ .host = g_strdup ("out.x"), .user = g_strdup ("bob") };
      g_mkdir (sub, 0700);
      if (cases[i].file != NULL)
        assert_true (g_file_set_contents_full (path, cases[i].file, -1, G_FILE_SET_CONTENTS_NONE, 0600, NULL));
      if (cases[i].command == NULL && cases[i].file == NULL)
        answer_later (&asking);
      fm_secret_unref (fm_secrets_get (asking.secrets, spec, NULL, NULL, NULL));
      GThread *thread = g_thread_new ("answer", answer_when_asked, &asking);
      fm_secret_unref (fm_secrets_get (asking.secrets, spec, cases[i].smtp ? &spec->smtp : &spec->incoming, NULL, NULL));
      g_thread_join (thread);
      assert_true (g_str_has_prefix (asking.text, cases[i].told));
      g_free (asking.text);
      fm_secrets_free (asking.secrets);
      remove_tree (dir);
    }
}

static void
secret_files_are_private (void **state)
{
  g_autofree char *dir = temp_dir ();
  g_autofree char *sub = g_build_filename (dir, "secrets", NULL), *path = g_build_filename (sub, "work", NULL);
  g_mkdir (sub, 0700);
  assert_true (g_file_set_contents (path, "stored\n", -1, NULL));
  g_chmod (path, 0600);
  Asking asking = { 0 };
  g_autoptr (FmAccountSpec) spec = fm_account_spec_new ("work", FM_ACCOUNT_IMAP);
  asking.secrets = fm_secrets_new (dir, answer_at_once, &asking);
  g_autoptr (FmSecret) stored = fm_secrets_get (asking.secrets, spec, NULL, NULL, NULL);
  assert_string_equal (fm_secret_peek (stored), "stored");
  fm_secrets_free (asking.secrets);
  g_chmod (path, 0644);
  asking.secrets = fm_secrets_new (dir, answer_at_once, &asking);
  GThread *thread = g_thread_new ("answer", answer_later, &asking);
  g_autoptr (FmSecret) typed = fm_secrets_get (asking.secrets, spec, NULL, NULL, NULL);
  assert_string_equal (fm_secret_peek (typed), "typed");
  g_thread_join (thread);
  fm_secrets_free (asking.secrets);
  g_free (asking.text);
  remove_tree (dir);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (action_survives_the_wire),
    cmocka_unit_test (send_survives_the_wire),
    cmocka_unit_test (damaged_actions_are_refused),
    cmocka_unit_test (event_survives_the_wire),
    cmocka_unit_test (maildir_names),
    cmocka_unit_test (both_layouts_are_found),
    cmocka_unit_test (special_folders_by_name),
    cmocka_unit_test (commands_give_their_first_line),
    cmocka_unit_test (secrets_come_from_command_then_user),
    cmocka_unit_test (refusals_name_the_secret),
    cmocka_unit_test (secret_files_are_private),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}

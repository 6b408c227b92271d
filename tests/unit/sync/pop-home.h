/* A store with a POP account, the engine's doors as a pass needs them, and what must be true in the end: each letter of the server is here once,
 * as it was. Included by one file of a program. */
#pragma once
#include "pop-server.h"
#include "sync/pop-pass.h"
#include <fulmar/base/clock.h>
#include <fulmar/base/error.h>
#include <fulmar/base/port.h>
#include <fulmar/store/body-store.h>
#include <fulmar/store/folder-store.h>
#include <fulmar/store/journal.h>
#include <fulmar/store/list-store.h>
#include <fulmar/store/message-store.h>
#include <fulmar/store/pop-store.h>
#include <glib/gstdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

/* One more letter, besides the five that pop_server_fill puts there. */
#define LETTER_6 "From: x@example.org\r\nSubject: letter 6\r\nMessage-ID: <m6@x>\r\n\r\n\r\n.\r\n..two\r\n.end 6\r\n"

static FmPort *events;       /* where env's events go; NULL: nowhere */
static gint secrets_asked;   /* how often a password was asked for */
static gint secrets_refused; /* and how often because the last was refused */

/* The engine's doors, as a test needs them. */
void
fm_sync_env_emit (FmSyncEnv *env, FmEvent *event)
{
  if (events != NULL)
    fm_port_post (events, event, (GDestroyNotify) fm_event_unref);
  else
    fm_event_unref (event);
}
const GPtrArray *
fm_sync_env_accounts (FmSyncEnv *env)
{
  static GPtrArray *none;

  return none == NULL ? none = g_ptr_array_new () : none;
}
void
fm_sync_env_index (FmSyncEnv *env, gint64 blob_id)
{
}
FmSecret *
fm_sync_env_secret (FmSyncEnv *env, const FmAccountSpec *spec, const FmAccountService *refused, FmCancel *cancel, GError **error)
{
  g_atomic_int_inc (&secrets_asked);
  if (refused)
    g_atomic_int_inc (&secrets_refused);
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

/* A store with a POP account, in memory where the system has such a place. */
typedef struct {
  char *dir;
  char account[32];
  FmStore *store;
  FmSyncEnv env;
  FmPopContext context;
} Home;

static inline FmAccountSpec *
spec_new (guint16 port, FmLeavePolicy leave)
{
  FmAccountSpec *spec = fm_account_spec_new ("pop", FM_ACCOUNT_POP);
  spec->incoming.host = g_strdup ("127.0.0.1");
  spec->incoming.port = port;
  spec->incoming.security = FM_SECURITY_PLAIN_LOOPBACK;
  spec->incoming.user = g_strdup ("me");
  spec->leave = leave;
  spec->leave_days = 3;
  spec->poll_s = 3600;
  return spec;
}

static inline gboolean
register_account (FmStoreWriter *writer, gpointer data, GError **error)
{
  Home *home = data;
  home->context.account_id = fm_folder_store_put_account (writer, home->account, FM_STORE_POP, error);
  FmFolderInput inbox = { .name = "INBOX", .delimiter = '/', .special = FM_SPECIAL_INBOX, .subscribed = TRUE, .selectable = TRUE };
  FmFolderInput trash = { .name = "Trash", .delimiter = '/', .special = FM_SPECIAL_TRASH, .subscribed = TRUE, .selectable = TRUE };
  home->context.inbox_id = fm_folder_store_put (writer, home->context.account_id, &inbox, error);
  return home->context.inbox_id != 0 && fm_folder_store_put (writer, home->context.account_id, &trash, error) != 0;
}

/* From now on HOME is about this account, made if it is not there. */
static inline void
home_use_account (Home *home, const char *account)
{
  g_strlcpy (home->account, account, sizeof home->account);
  assert_true (fm_pen_call (home->env.pen, FM_PEN_SAFE, register_account, home, NULL));
}

static inline void
home_open (Home *home, const char *dir, guint16 port, FmLeavePolicy leave)
{
  g_autoptr (GError) error = NULL;
  *home = (Home){ .dir = g_strdup (dir) };
  home->store = fm_db_open (dir, &error);
  if (home->store == NULL)
    fail_msg ("%s", error->message);
  FmStoreWriter *writer = fm_db_writer_new (home->store, NULL);
  home->env = (FmSyncEnv){ .store = home->store, .pen = fm_pen_new (home->store, writer), .network = TRUE };
  home->context = (FmPopContext){ .env = &home->env,
                                  .spec = spec_new (port, leave),
                                  .cancel = fm_cancel_new (),
                                  .oversized = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL) };
  home_use_account (home, "pop");
  home->context.reader = fm_db_reader_new (home->store, NULL);
}

static inline char *
new_dir (void)
{
  g_autofree char *template
      = g_build_filename (g_file_test ("/dev/shm", G_FILE_TEST_IS_DIR) ? "/dev/shm" : g_get_tmp_dir (), "fulmar-pop-XXXXXX", NULL);
  assert_non_null (g_mkdtemp (template));
  return g_steal_pointer (&template);
}

static inline void
home_new (Home *home, guint16 port, FmLeavePolicy leave)
{
  g_autofree char *dir = new_dir ();
  home_open (home, dir, port, leave);
}

static inline void
home_close (Home *home)
{
  fm_db_reader_free (home->context.reader);
  fm_pen_free (home->env.pen);
  fm_account_spec_unref (home->context.spec);
  fm_cancel_unref (home->context.cancel);
  g_hash_table_unref (home->context.oversized);
  fm_db_unref (home->store);
  g_free (home->dir);
}

static inline void
remove_dir (const char *dir)
{
  g_autoptr (GDir) entries = g_dir_open (dir, 0, NULL);
  const char *name;
  while (entries != NULL && (name = g_dir_read_name (entries)) != NULL)
    {
      g_autofree char *path = g_build_filename (dir, name, NULL);
      if (g_file_test (path, G_FILE_TEST_IS_DIR))
        remove_dir (path);
      else
        g_unlink (path);
    }
  g_rmdir (dir);
}

static inline void
home_free (Home *home)
{
  g_autofree char *dir = g_strdup (home->dir);
  home_close (home);
  remove_dir (dir);
}

static inline gboolean
pass (Home *home)
{
  g_autoptr (FmSecret) secret = fm_secret_new ("secret", -1);
  return fm_pop_pass_run (&home->context, secret, NULL, NULL);
}

static inline void
must_pass (Home *home)
{
  g_autoptr (FmSecret) secret = fm_secret_new ("secret", -1);
  g_autoptr (GError) error = NULL;
  if (!fm_pop_pass_run (&home->context, secret, NULL, &error))
    fail_msg ("%s", error->message);
}

static inline guint
server_count (PopServer *server)
{
  pthread_mutex_lock (&server->lock);
  guint n = server->mails->len;
  pthread_mutex_unlock (&server->lock);
  return n;
}

/* Each of "letter 1" to "letter N" is in the inbox once, with its bytes as they were. */
static inline void
assert_all_once (Home *home, guint n, const char *where)
{
  guint count[10] = { 0 };
  FmListSpec spec = { .folder_id = home->context.inbox_id, .order = FM_ORDER_DATE };
  g_autoptr (GPtrArray) rows = fm_list_store_first (home->context.reader, &spec, 100, NULL);
  for (guint i = 0; i < rows->len; i++)
    {
      const FmRow *row = rows->pdata[i];
      guint number = (guint) g_ascii_strtoull (row->subject + strlen ("letter "), NULL, 10);
      g_autofree char *path = fm_body_store_path (home->context.reader, row->id, NULL);
      g_autofree char *text = NULL;
      gsize size;
      assert_in_range (number, 1, n);
      count[number]++;
      assert_true (path != NULL && g_file_get_contents (path, &text, &size, NULL));
      g_autofree char *end = g_strdup_printf ("\r\n.\r\n..two\r\n.end %u\r\n", number);
      if (strstr (text, end) == NULL || !g_str_has_suffix (text, "\r\n") || g_str_has_suffix (text, "\r\n.\r\n"))
        fail_msg ("%s: letter %u is damaged", where, number);
    }
  for (guint i = 1; i <= n; i++)
    if (count[i] != 1)
      fail_msg ("%s: letter %u is here %u times", where, i, count[i]);
}

static inline gint64
row_of (Home *home, const char *subject)
{
  FmListSpec spec = { .folder_id = home->context.inbox_id, .order = FM_ORDER_DATE };
  g_autoptr (GPtrArray) rows = fm_list_store_first (home->context.reader, &spec, 100, NULL);
  for (guint i = 0; i < rows->len; i++)
    if (g_str_equal (((FmRow *) rows->pdata[i])->subject, subject))
      return ((FmRow *) rows->pdata[i])->id;
  return 0;
}

/* What the user does: into the Trash, or (TRASH_ID 0) for good. */
typedef struct {
  gint64 id, trash_id;
} Deletion;

static inline gboolean
delete_row (FmStoreWriter *writer, gpointer data, GError **error)
{
  Deletion *deletion = data;
  gint64 group = fm_journal_group (writer, "deleted", error);
  return deletion->trash_id != 0 ? fm_journal_plan_move (writer, group, &deletion->id, 1, deletion->trash_id, NULL, error)
                                 : fm_journal_plan_expunge (writer, group, &deletion->id, 1, NULL, error);
}

/* The next event of that kind that answers REPLY_TO; others are dropped. */
static inline FmEvent *
wait_event (FmEventKind kind, guint64 reply_to)
{
  gint64 deadline = fm_clock_deadline_us (30000);
  for (;;)
    {
      FmEvent *event = fm_port_take (events, deadline);
      if (event == NULL)
        fail_msg ("no event of kind %d came", kind);
      if (event->kind == kind && event->reply_to == reply_to)
        return event;
      fm_event_unref (event);
    }
}

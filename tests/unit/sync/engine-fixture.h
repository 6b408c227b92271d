/* An engine on a private store with a Maildir account, and waiting for what it says. */
#pragma once
#include <fulmar/base/clock.h>
#include <fulmar/store/body-store.h>
#include <fulmar/store/folder-store.h>
#include <fulmar/store/journal.h>
#include <fulmar/store/list-store.h>
#include <fulmar/store/message-store.h>
#include <fulmar/sync/engine.h>
#include <glib/gstdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#ifdef WAIT_MS
/* the test knows better */
#elif defined __SANITIZE_THREAD__
#define WAIT_MS 600000 /* against a hang; ThreadSanitizer makes the index's workers tens of times slower */
#else
#define WAIT_MS 60000
#endif

typedef struct {
  char *dir, *mail, *data;
  char *second; /* the tree of an account "second", or NULL */
  int hold_s;   /* of what can not be undone; 0: none */
  FmPort *port;
  FmEngine *engine;
  GPtrArray *kept; /* FmEvent* that passed by while another was waited for */
} Fixture;

static inline void
fixture_open (Fixture *f, gboolean index)
{
  g_autoptr (GPtrArray) accounts = g_ptr_array_new_with_free_func ((GDestroyNotify) fm_account_spec_unref);
  FmAccountSpec *spec = fm_account_spec_new ("local", FM_ACCOUNT_MAILDIR);
  spec->path = g_strdup (f->mail);
  g_ptr_array_add (accounts, spec);
  if (f->second != NULL)
    {
      FmAccountSpec *second = fm_account_spec_new ("second", FM_ACCOUNT_MAILDIR);
      second->path = g_strdup (f->second);
      g_ptr_array_add (accounts, second);
    }
  f->port = fm_port_new ();
  f->kept = g_ptr_array_new_with_free_func ((GDestroyNotify) fm_event_unref);
  FmEngineOptions options = {
    .data_dir = f->data, .accounts = accounts, .lease = TRUE, .index = index, .hold_s = f->hold_s != 0 ? f->hold_s : -1, .events = f->port
  };
  GError *error = NULL;
  f->engine = fm_engine_open (&options, &error);
  if (error != NULL)
    fail_msg ("%s", error->message);
}

static inline void
fixture_close (Fixture *f)
{
  fm_engine_close (f->engine);
  fm_port_unref (f->port);
  g_ptr_array_unref (f->kept);
  f->engine = NULL;
}

static inline void
fixture_new (Fixture *f)
{
  *f = (Fixture){ .dir = g_dir_make_tmp ("fulmar-engine-XXXXXX", NULL) };
  f->mail = g_build_filename (f->dir, "Mail", NULL);
  f->data = g_build_filename (f->dir, "data", NULL);
}

static inline void
fixture_free (Fixture *f)
{
  if (f->engine != NULL)
    fixture_close (f);
  const char *argv[] = { "rm", "-rf", "--", f->dir, NULL };
  g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL);
  g_free (f->dir);
  g_free (f->mail);
  g_free (f->data);
  g_free (f->second);
}

static inline void
make_maildir (Fixture *f, const char *folder)
{
  static const char *const parts[] = { "cur", "new", "tmp" };
  for (guint i = 0; i < 3; i++)
    {
      g_autofree char *path = g_build_filename (f->mail, folder, parts[i], NULL);
      assert_int_equal (g_mkdir_with_parents (path, 0700), 0);
    }
}

/* NUMBER makes sender, subject, id, date and name. */
static inline void
deliver (Fixture *f, const char *folder, const char *subdir, guint number, const char *info, const char *body)
{
  g_autofree char *name = g_strdup_printf ("%u.M%uP1.host%s", 1700000000 + number * 60, number, info);
  g_autofree char *tmp = g_build_filename (f->mail, folder, "tmp", name, NULL);
  g_autofree char *path = g_build_filename (f->mail, folder, subdir, name, NULL);
  g_autoptr (GDateTime) date = g_date_time_new_from_unix_utc (1700000000 + number * 60);
  g_autofree char *when = g_date_time_format (date, "%a, %d %b %Y %H:%M:%S +0000");
  g_autofree char *text = g_strdup_printf ("From: Sender %u <s%u@example.org>\nTo: me@example.org\nSubject: letter %u\nDate: %s\n"
                                           "Message-ID: <m%u@example.org>\n\n%s\n",
                                           number, number, number, when, number, body);
  assert_true (g_file_set_contents (tmp, text, -1, NULL));
  assert_int_equal (g_rename (tmp, path), 0);
}

/* The next event of KIND (answering REPLY_TO, unless 0); the others are kept aside. Transfer: full. */
static inline FmEvent *
wait_event (Fixture *f, FmEventKind kind, guint64 reply_to)
{
  gint64 deadline = fm_clock_deadline_us (WAIT_MS);
  for (guint i = 0; i < f->kept->len; i++)
    {
      FmEvent *event = f->kept->pdata[i];
      if (event->kind == kind && (reply_to == 0 || event->reply_to == reply_to))
        {
          fm_event_ref (event);
          g_ptr_array_remove_index (f->kept, i);
          return event;
        }
    }
  for (;;)
    {
      FmEvent *event = fm_port_take (f->port, deadline);
      if (event == NULL)
        fail_msg ("no event of kind %d came", kind);
      if (event->kind == FM_EVENT_FAILED && reply_to != 0 && event->reply_to == reply_to && kind != FM_EVENT_FAILED)
        fail_msg ("request failed: %s", event->error->message);
      if (event->kind == kind && (reply_to == 0 || event->reply_to == reply_to))
        return event;
      g_ptr_array_add (f->kept, event);
    }
}

static inline char *
wait_done (Fixture *f, guint64 id)
{
  g_autoptr (FmEvent) event = wait_event (f, FM_EVENT_DONE, id);
  return g_strdup (event->text);
}

static inline void
sync_now (Fixture *f)
{
  g_autofree G_GNUC_UNUSED char *text = wait_done (f, fm_engine_sync (f->engine, NULL, NULL));
}

static inline FmFolderInfo *
folder_named (Fixture *f, const char *name)
{
  FmStoreReader *reader = fm_engine_reader (f->engine);
  g_autoptr (GPtrArray) folders = fm_folder_store_list (reader, 0, NULL);
  for (guint i = 0; i < folders->len; i++)
    {
      FmFolderInfo *folder = folders->pdata[i];
      if (g_str_equal (folder->name, name))
        return fm_folder_store_get (reader, folder->id, NULL);
    }
  return NULL;
}

static inline guint64
total_of (Fixture *f, const char *name)
{
  g_autoptr (FmFolderInfo) folder = folder_named (f, name);
  return folder == NULL ? G_MAXUINT64 : folder->total;
}

/* Ids of the newest N of a folder. */
static inline void
newest (Fixture *f, const char *name, guint n, gint64 *ids)
{
  g_autoptr (FmFolderInfo) folder = folder_named (f, name);
  FmListSpec spec = { .folder_id = folder->id, .order = FM_ORDER_DATE, .descending = TRUE };
  g_autoptr (GPtrArray) rows = fm_list_store_first (fm_engine_reader (f->engine), &spec, n, NULL);
  assert_int_equal (rows->len, n);
  for (guint i = 0; i < n; i++)
    ids[i] = ((FmRow *) rows->pdata[i])->id;
}

/* Names of files in FOLDER/cur and FOLDER/new. */
static inline guint
files_in (Fixture *f, const char *folder, const char *pattern)
{
  guint n = 0;
  static const char *const parts[] = { "cur", "new" };
  for (guint i = 0; i < 2; i++)
    {
      g_autofree char *path = g_build_filename (f->mail, folder, parts[i], NULL);
      g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
      const char *name;
      while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
        n += pattern == NULL || strstr (name, pattern) != NULL;
    }
  return n;
}

/* Until no operation waits. */
static inline void
wait_idle (Fixture *f)
{
  gint64 deadline = fm_clock_deadline_us (WAIT_MS);
  while (fm_journal_pending (fm_engine_reader (f->engine), 0) > 0)
    {
      if (fm_clock_remaining_ms (deadline) == 0)
        fail_msg ("operations wait for ever");
      FmEvent *event = fm_port_take (f->port, fm_clock_deadline_us (50));
      if (event != NULL)
        g_ptr_array_add (f->kept, event);
    }
}

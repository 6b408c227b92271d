/* A private store for each test, and messages made from a few words. */
#pragma once
#include <fulmar/base/error.h>
#include <fulmar/mail/envelope.h>
#include <fulmar/store/body-store.h>
#include <fulmar/store/db.h>
#include <fulmar/store/folder-store.h>
#include <fulmar/store/journal.h>
#include <fulmar/store/list-store.h>
#include <fulmar/store/message-store.h>
#include <fulmar/store/outbox-store.h>
#include <fulmar/store/pop-store.h>
#include <fulmar/store/positions.h>
#include <fulmar/store/query-sql.h>
#include <glib/gstdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

typedef struct {
  char *dir;
  FmStore *store;
  FmStoreWriter *w;
  FmStoreReader *r; /* the writer's view */
  gint64 account, inbox, archive, trash;
} Box;

#define OK(call)                                                                \
  do                                                                            \
    {                                                                           \
      GError *ok_error = NULL;                                                  \
      if (!(call))                                                              \
        fail_msg ("%s: %s", #call, ok_error == NULL ? "?" : ok_error->message); \
    }                                                                           \
  while (0)
#define E &ok_error

static inline void
remove_tree (const char *path)
{
  GDir *dir = g_dir_open (path, 0, NULL);
  const char *name;
  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *child = g_build_filename (path, name, NULL);
      if (g_file_test (child, G_FILE_TEST_IS_DIR) && !g_file_test (child, G_FILE_TEST_IS_SYMLINK))
        remove_tree (child);
      else
        g_unlink (child);
    }
  if (dir != NULL)
    g_dir_close (dir);
  g_rmdir (path);
}

static inline gint64
make_folder (Box *b, gint64 account, const char *name, FmSpecialUse special)
{
  FmFolderInput input = { .name = name, .delimiter = '/', .special = special, .subscribed = TRUE, .selectable = TRUE };
  gint64 id = 0;
  OK ((id = fm_folder_store_put (b->w, account, &input, E)) != 0);
  return id;
}

static inline void
box_open (Box *b)
{
  OK (b->store = fm_db_open (b->dir, E));
  OK (b->w = fm_db_writer_new (b->store, E));
  b->r = fm_db_writer_reader (b->w);
}

static inline void
box_close (Box *b)
{
  g_clear_pointer (&b->w, fm_db_writer_free);
  g_clear_pointer (&b->store, fm_db_unref);
}

static inline int
box_setup (void **state)
{
  Box *b = g_new0 (Box, 1);
  b->dir = g_dir_make_tmp ("fulmar-store-XXXXXX", NULL);
  box_open (b);
  OK (fm_db_begin (b->w, FM_DB_FULL, E));
  OK ((b->account = fm_folder_store_put_account (b->w, "work", FM_STORE_IMAP, E)) != 0);
  b->inbox = make_folder (b, b->account, "INBOX", FM_SPECIAL_INBOX);
  b->archive = make_folder (b, b->account, "Archive", FM_SPECIAL_ARCHIVE);
  b->trash = make_folder (b, b->account, "Trash", FM_SPECIAL_TRASH);
  OK (fm_db_commit (b->w, E));
  *state = b;
  return 0;
}

static inline int
box_teardown (void **state)
{
  Box *b = *state;
  box_close (b);
  remove_tree (b->dir);
  g_free (b->dir);
  g_free (b);
  return 0;
}

/* A message file; its digest. */
static inline char *
write_body (Box *b, const char *text)
{
  g_autoptr (FmSink) sink = fm_body_store_sink_new (b->store, 1 << 20, FALSE);
  OK (fm_sink_write (sink, text, strlen (text), E));
  OK (fm_sink_commit (sink, E));
  return g_strdup (fm_body_store_sink_digest (sink, NULL));
}

/* NUMBER makes the Message-ID <mNUMBER@x>; PARENT above 0 makes it an answer. */
static inline FmEnvelope *
make_envelope (guint number, guint parent)
{
  g_autoptr (GString) s = g_string_new (NULL);
  g_autoptr (GDateTime) date = g_date_time_new_from_unix_utc (1000000000 + (gint64) number * 60);
  g_autofree char *text = g_date_time_format (date, "%a, %d %b %Y %H:%M:%S +0000");
  g_string_append_printf (
      s, "From: Person %u <p%u@example.org>\r\nTo: ada@example.org\r\nSubject: Subject %u\r\nDate: %s\r\nMessage-ID: <m%u@x>\r\n",
      number % 7, number % 7, number, text, number);
  if (parent > 0)
    g_string_append_printf (s, "References: <m%u@x>\r\n", parent);
  g_string_append (s, "\r\n");
  return fm_envelope_parse (s->str, s->len);
}

static inline gint64
put_answer (Box *b, gint64 folder, guint32 uid, guint number, guint parent, guint flags)
{
  g_autoptr (FmEnvelope) envelope = make_envelope (number, parent);
  FmMessageInput input = FM_MESSAGE_INPUT_INIT;
  g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (gint64));
  FmMessageResult result = { .ids = ids };
  input.uid = uid;
  input.flags = flags;
  input.internal_date_utc = 1000000000 + (gint64) number * 60;
  input.size_bytes = 1000 + number;
  input.envelope = envelope;
  OK (fm_message_store_upsert (b->w, folder, &input, 1, &result, E));
  return g_array_index (ids, gint64, 0);
}

static inline gint64
put (Box *b, gint64 folder, guint32 uid, guint number, guint flags)
{
  return put_answer (b, folder, uid, number, 0, flags);
}

static inline void
begin (Box *b)
{
  OK (fm_db_begin (b->w, FM_DB_FULL, E));
}

static inline void
commit (Box *b)
{
  OK (fm_db_commit (b->w, E));
}

/* Totals by the counters. */
static inline guint64
total (Box *b, gint64 folder)
{
  g_autoptr (FmFolderInfo) info = fm_folder_store_get (b->r, folder, NULL);
  return info->total;
}
static inline guint64
unread (Box *b, gint64 folder)
{
  g_autoptr (FmFolderInfo) info = fm_folder_store_get (b->r, folder, NULL);
  return info->unread;
}

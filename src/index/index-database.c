/* The library's traps are dealt with here: a NULL path would mean the user's own database, and a second writer would wait for ever for
 * the lock, so that is looked at first. */
#include "config.h"
#include "index/index-database.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "fulmar/base/error.h"
#include "fulmar/base/paths.h"
#include "fulmar/mail/projection.h"
#include "index/notmuch-error.h"

static char *
database_dir (const char *dir)
{
  return g_build_filename (dir, ".notmuch", "xapian", NULL);
}

static gboolean
exists (const char *dir)
{
  g_autofree char *xapian = database_dir (dir);
  g_autofree char *version = g_build_filename (xapian, "iamglass", NULL);
  return g_file_test (version, G_FILE_TEST_EXISTS);
}

static gboolean
is_locked (const char *dir)
{
  g_autofree char *xapian = database_dir (dir);
  g_autofree char *path = g_build_filename (xapian, "flintlock", NULL);
  int fd = open (path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0)
    return FALSE;
  struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1 };
  gboolean locked = fcntl (fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
  close (fd);
  return locked;
}

static gboolean
write_config (const char *dir, GError **error)
{
  g_autofree char *path = g_build_filename (dir, "config", NULL);
  g_autoptr (GKeyFile) config = g_key_file_new ();
  g_key_file_set_string (config, "database", "path", dir);
  g_key_file_set_string (config, "database", "mail_root", dir);
  g_key_file_set_string (config, "database", "autocommit", "1");
  g_key_file_set_string (config, "search", "exclude_tags", "");
  g_key_file_set_string (config, "index", "decrypt", "false");
  g_key_file_set_string (config, "index", "header.Attachment", "X-Fulmar-Attachment");
  gsize length;
  g_autofree char *text = g_key_file_to_data (config, &length, NULL);
  return fm_paths_write_file (path, text, length, error);
}

static gboolean
prepare (const char *dir, GError **error)
{
  g_autofree char *proj = g_build_filename (dir, "proj", NULL);
  return fm_paths_make_private_dir (proj, error) && write_config (dir, error);
}

FmIndexDatabaseResult
fm_index_database_open (const char *dir, gboolean writing, notmuch_database_t **ret_database, GError **error)
{
  gboolean there = exists (dir);
  if (!writing && !there)
    return FM_INDEX_DATABASE_ABSENT;
  if (writing && is_locked (dir))
    return FM_INDEX_DATABASE_BUSY;
  if (writing && !prepare (dir, error))
    return FM_INDEX_DATABASE_FAILED;
  g_autofree char *config = g_build_filename (dir, "config", NULL);
  notmuch_database_t *database = NULL;
  char *detail = NULL;
  notmuch_status_t status;
  if (there)
    status = notmuch_database_open_with_config (dir, writing ? NOTMUCH_DATABASE_MODE_READ_WRITE : NOTMUCH_DATABASE_MODE_READ_ONLY, config,
                                                "", &database, &detail);
  else
    status = notmuch_database_create_with_config (dir, config, "", &database, &detail);
  if (status == NOTMUCH_STATUS_SUCCESS && writing && notmuch_database_needs_upgrade (database))
    status = notmuch_database_upgrade (database, NULL, NULL);
  if (status != NOTMUCH_STATUS_SUCCESS)
    {
      fm_notmuch_error_set (error, status, "opening the search index", detail);
      if (database != NULL)
        notmuch_database_destroy (database);
    }
  else
    {
      *ret_database = database;
    }
  free (detail);
  return status == NOTMUCH_STATUS_SUCCESS ? FM_INDEX_DATABASE_OPEN : FM_INDEX_DATABASE_FAILED;
}

guint64
fm_index_database_count (notmuch_database_t *database)
{
  notmuch_query_t *query = notmuch_query_create (database, "*");
  unsigned count = 0;
  if (query == NULL || notmuch_query_count_messages (query, &count) != NOTMUCH_STATUS_SUCCESS)
    count = 0;
  if (query != NULL)
    notmuch_query_destroy (query);
  return count;
}

/* Every document must carry a name of ours in the slot that searches read. */
static gboolean
walk (notmuch_messages_t *messages, guint64 expected, GError **error)
{
  guint64 seen = 0;
  for (; notmuch_messages_valid (messages); notmuch_messages_move_to_next (messages), seen++)
    {
      notmuch_message_t *message = notmuch_messages_get (messages);
      const char *id = message != NULL ? notmuch_message_get_header (message, "message-id") : NULL;
      gboolean ours = id != NULL && fm_projection_blob_id (id) > 0;
      if (message != NULL)
        notmuch_message_destroy (message);
      if (!ours)
        {
          g_set_error (error, FM_ERROR, FM_ERROR_STORAGE, "a document of the search index lost its name");
          return FALSE;
        }
    }
  if (seen != expected)
    g_set_error (error, FM_ERROR, FM_ERROR_STORAGE, "the search index holds %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " documents", seen,
                 expected);
  return seen == expected;
}

gboolean
fm_index_database_check (notmuch_database_t *database, GError **error)
{
  guint64 expected = fm_index_database_count (database);
  notmuch_query_t *query = notmuch_query_create (database, "*");
  notmuch_messages_t *messages = NULL;
  notmuch_query_set_sort (query, NOTMUCH_SORT_NEWEST_FIRST);
  notmuch_status_t status = notmuch_query_search_messages (query, &messages);
  gboolean sound = status == NOTMUCH_STATUS_SUCCESS && walk (messages, expected, error);
  if (status != NOTMUCH_STATUS_SUCCESS)
    fm_notmuch_error_set (error, status, "checking the search index", notmuch_database_status_string (database));
  notmuch_query_destroy (query);
  return sound;
}

char *
fm_index_database_projection_path (const char *dir, gint64 blob_id)
{
  return g_strdup_printf ("%s/proj/%" G_GINT64_FORMAT, dir, blob_id);
}

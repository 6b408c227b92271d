/* SQLite's result codes die here. What matters to the user is which of four things happened: the disk is full, the file is damaged, another
 * program holds it, or the system refused; each has its own remedy, and the message carries it. */
#include "store/sqlite-error.h"
#include <fcntl.h>
#include <fulmar/base/error.h>
#include <unistd.h>

gboolean
fm_sqlite_error_is_corrupt (int code)
{
  return (code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB;
}

static const char *
remedy (int code)
{
  switch (code & 0xff)
    {
    case SQLITE_FULL:
      return "; free some space, and it goes on";
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return "; another program holds it: end that one, or try again";
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return "; start again: the damaged file is set aside and the mail files are read anew";
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
      return "; check who owns the directory and its permissions";
    case SQLITE_IOERR:
      return "; check the disk, and that there is space left on it";
    default:
      return "";
    }
}

static void
leave_mark (const char *path)
{
  g_autofree char *mark = g_strconcat (path, FM_SQLITE_ERROR_MARK, NULL);
  int fd = open (mark, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

  if (fd >= 0)
    close (fd);
}

void
fm_sqlite_error_set (GError **error, sqlite3 *db, int code)
{
  const char *path = db == NULL ? NULL : sqlite3_db_filename (db, "main");
  const char *words = db == NULL ? sqlite3_errstr (code) : sqlite3_errmsg (db);

  if (path != NULL && fm_sqlite_error_is_corrupt (code))
    leave_mark (path);
  g_set_error (error, FM_ERROR, FM_ERROR_STORAGE, "%s: %s%s", path == NULL ? "the store" : path, words, remedy (code));
}

/* SQLite's result codes die here. What matters to the user is which of five things happened: the disk is full, the file is damaged, another
 * program holds it, the file system can't hold a write-ahead log, or the system refused; each has its own remedy, and the message carries it. */
#include "store/sqlite-error.h"
#include <errno.h>
#include <fcntl.h>
#include <fulmar/base/error.h>
#include <unistd.h>

gboolean
fm_sqlite_error_is_corrupt (int code)
{
  return (code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB;
}

/* The processes at a store share memory: the index of its log, mapped. FUSE without mmap and some shares of virtual machines refuse that. The
 * index is a file that grows, so a full disk comes along the same way and is none. */
static gboolean
lacks_shared_memory (sqlite3 *db, int code)
{
  int detail = db == NULL ? code : sqlite3_extended_errcode (db), reason = db == NULL ? 0 : sqlite3_system_errno (db);

  return reason != ENOSPC && reason != EDQUOT
         && (detail == SQLITE_IOERR_SHMOPEN || detail == SQLITE_IOERR_SHMSIZE || detail == SQLITE_IOERR_SHMMAP
             || detail == SQLITE_IOERR_SHMLOCK);
}

static const char *
remedy (sqlite3 *db, int code)
{
  if (lacks_shared_memory (db, code))
    return ": this file system can't hold the store (no shared memory for its write-ahead log); set `store = DIR` to a local directory";
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
  g_set_error (error, FM_ERROR, FM_ERROR_STORAGE, "%s: %s%s", path == NULL ? "the store" : path, words, remedy (db, code));
}

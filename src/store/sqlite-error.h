/* The one translator from SQLite's numbers to FM_ERROR. */
#pragma once
#include <glib.h>
#include <sqlite3.h>

/* Behind the database's name: a file that says that damage was met, for the next opening to look. */
#define FM_SQLITE_ERROR_MARK ".damaged"

/* Sets FM_ERROR_STORAGE with SQLite's words, the database's path and what the user can do about it. */
void fm_sqlite_error_set (GError **error, sqlite3 *db, int code);
/* Is the file itself damaged (rather than the disk full or the lock taken)? */
gboolean fm_sqlite_error_is_corrupt (int code);

/* Opening one generation of the index with libnotmuch: explicit paths, our own configuration, never the user's database. A generation is
 * a directory: `config`, the database, `proj/` for the one projection being indexed, and `sealed` while nothing has been changed (index-seal.h). */
#pragma once
#include <glib.h>
#include <notmuch.h>

typedef enum {
  FM_INDEX_DATABASE_OPEN,
  FM_INDEX_DATABASE_ABSENT, /* for reading only: nothing was ever committed */
  FM_INDEX_DATABASE_BUSY,   /* for writing only: another process writes here */
  FM_INDEX_DATABASE_FAILED, /* error is set */
} FmIndexDatabaseResult;

FmIndexDatabaseResult fm_index_database_open (const char *dir, gboolean writing, notmuch_database_t **ret_database, GError **error);
/* Walks every document as a search would. FALSE where something does not fit: FM_ERROR_STORAGE. */
gboolean fm_index_database_check (notmuch_database_t *database, GError **error);
guint64 fm_index_database_count (notmuch_database_t *database);
/* The name a mail's projection has in the index, relative to DIR. Transfer: full. */
char *fm_index_database_projection_path (const char *dir, gint64 blob_id);

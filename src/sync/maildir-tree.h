/* Where the folders of a local mail tree lie: found by looking, both layouts at once. ROOT/cur is INBOX with Maildir++ neighbours in ROOT/.A.B
 * ("A/B"); ROOT/A/B/cur is "A/B" in the plain layout. Pure file-system reading; no store. */
#pragma once
#include <glib.h>

/* value struct: one folder */
typedef struct {
  char *name; /* "/"-separated, valid UTF-8, one line, unique in the tree; "INBOX" for the inbox */
  char *path; /* absolute directory that holds cur, new and tmp */
} FmMaildirFolder;

void fm_maildir_tree_folder_free (FmMaildirFolder *folder);

/* Folders sorted by name (INBOX first). Directories that can't be read are left out. At most 20,000 folders, 20 levels. FM_ERROR_STORAGE if
 * ROOT itself can't be read. OTHERS (NULL: nobody asks) gets the directories on the way that hold no mail, in which a folder may appear, or which
 * are just becoming one: char*, Transfer: full. Transfer: full, all. */
GPtrArray *fm_maildir_tree_scan (const char *root, GPtrArray *others, GError **error);

/* The directory in which a new folder NAME belongs, in the layout ROOT has (an empty root: the plain one). FM_ERROR_INVALID for a name that can't be
 * a folder. Transfer: full. */
char *fm_maildir_tree_path (const char *root, const char *name, GError **error);

/* Makes PATH with cur, new and tmp, 0700. */
gboolean fm_maildir_tree_make (const char *path, GError **error);

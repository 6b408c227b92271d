/* inotify over the folders of a mail tree: which names came and went. Where the system gives no more watches it says so once, and the worker
 * looks at times instead. */
#pragma once
#include <glib.h>

typedef struct FmMaildirWatch FmMaildirWatch;

FmMaildirWatch *fm_maildir_watch_new (void);        /* NULL: no inotify here */
void fm_maildir_watch_free (FmMaildirWatch *watch); /* accepts NULL */
int fm_maildir_watch_fd (const FmMaildirWatch *watch);

/* Watches cur/ and new/ of the folder at PATH. FALSE: out of watches. Again is harmless. */
gboolean fm_maildir_watch_add (FmMaildirWatch *watch, gint64 folder_id, const char *path);
/* Watches the directory itself for folders that come and go. */
gboolean fm_maildir_watch_add_tree (FmMaildirWatch *watch, const char *path);
void fm_maildir_watch_remove_all (FmMaildirWatch *watch);

typedef enum {
  FM_MAILDIR_WATCH_APPEARED, /* NAME in SUBDIR of the folder */
  FM_MAILDIR_WATCH_GONE,
  FM_MAILDIR_WATCH_TREE, /* folders came or went */
  FM_MAILDIR_WATCH_LOST, /* events were dropped: look at everything */
} FmMaildirWatchKind;

/* Borrowed during the call. PATH is the file's whole path; a name that only moved within the folder is told as APPEARED alone. */
typedef void (*FmMaildirWatchTell) (FmMaildirWatchKind kind, gint64 folder_id, const char *subdir, const char *name, const char *path,
                                    gpointer data);

/* Tells everything that waits; never blocks. */
void fm_maildir_watch_read (FmMaildirWatch *watch, FmMaildirWatchTell tell, gpointer data);

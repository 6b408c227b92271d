/* The folder tree's model: all accounts, their folders nested by delimiter, and the saved searches; flattened to the lines that are open. */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

typedef struct FmFolders FmFolders;

typedef enum { FM_FOLDER_LINE_ACCOUNT, FM_FOLDER_LINE_FOLDER, FM_FOLDER_LINE_SEARCH, FM_FOLDER_LINE_HEADING } FmFolderLineKind;

/* value struct; strings valid until the tree changes */
typedef struct {
  FmFolderLineKind kind;
  guint depth;
  const char *label;     /* last component, sanitised */
  const char *full_name; /* "work/Lists/notmuch", or the search's name */
  gint64 folder_id;      /* 0: account, search, heading or an unselectable parent */
  guint64 unread, total;
  gboolean has_children, open, is_current;
  const char *state;  /* accounts: "pushed", "offline", ... */
  const char *server; /* accounts: the bytes of mail on a POP server, "45.2 MB", or how full a quota is, "87% full"; NULL: not told */
} FmFolderLine;

guint fm_folders_count (const FmFolders *folders);
gboolean fm_folders_line (const FmFolders *folders, guint index, FmFolderLine *ret_line);
/* Messages of a folder, as far as is known: also those that only the server has told of. 0: none, or no such folder. */
guint64 fm_folders_total (const FmFolders *folders, gint64 folder_id);
/* Nothing in it can be changed: its server says so. */
gboolean fm_folders_is_read_only (const FmFolders *folders, gint64 folder_id);
/* What is in a folder, for the question whether it may go: "12 messages, 3 unread, and 2 folders below it" or "nothing". NULL: no such folder.
 * Transfer: full. */
char *fm_folders_contents (const FmFolders *folders, const char *full_name);
guint fm_folders_cursor (const FmFolders *folders);
void fm_folders_set_cursor (FmFolders *folders, guint index);
void fm_folders_toggle (FmFolders *folders, guint index);

G_END_DECLS

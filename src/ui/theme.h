/* Colours by role. Views name what a thing is; the theme says how that looks, already brought down to what the terminal can show. No colour is
 * ever the only sign of a state, so a terminal without colours loses nothing but colour. UI thread only. */
#pragma once
#include <glib.h>
#include "ui/look.h"

G_BEGIN_DECLS

/* role, its name in theme files, the role it inherits from, attributes where there are no colours */
#define FM_ROLES(X)                                                    \
  X (NORMAL, "normal", NORMAL, 0)                                      \
  X (STATUS, "status", NORMAL, FM_ATTR_REVERSE)                        \
  X (STATUS_GOOD, "status.good", STATUS, FM_ATTR_REVERSE)              \
  X (STATUS_BAD, "status.bad", STATUS, FM_ATTR_REVERSE | FM_ATTR_BOLD) \
  X (HINT, "hint", NORMAL, 0)                                          \
  X (HINT_KEY, "hint.key", HINT, FM_ATTR_BOLD)                         \
  X (MESSAGE, "message", NORMAL, 0)                                    \
  X (ERROR, "error", MESSAGE, FM_ATTR_BOLD)                            \
  X (BORDER, "border", NORMAL, 0)                                      \
  X (CURSOR, "cursor", NORMAL, FM_ATTR_REVERSE)                        \
  X (CURSOR_IDLE, "cursor.idle", NORMAL, FM_ATTR_UNDERLINE)            \
  X (FOLDER, "folder", NORMAL, 0)                                      \
  X (FOLDER_ACCOUNT, "folder.account", FOLDER, FM_ATTR_BOLD)           \
  X (FOLDER_UNREAD, "folder.unread", FOLDER, FM_ATTR_BOLD)             \
  X (FOLDER_CURRENT, "folder.current", FOLDER, FM_ATTR_BOLD)           \
  X (LIST, "list", NORMAL, 0)                                          \
  X (LIST_UNREAD, "list.unread", LIST, FM_ATTR_BOLD)                   \
  X (LIST_FLAGGED, "list.flagged", LIST, 0)                            \
  X (LIST_TAGGED, "list.tagged", LIST, FM_ATTR_BOLD)                   \
  X (LIST_GONE, "list.gone", LIST, FM_ATTR_DIM)                        \
  X (LIST_DATE, "list.date", LIST, 0)                                  \
  X (LIST_SIZE, "list.size", LIST, 0)                                  \
  X (LIST_TREE, "list.tree", LIST, 0)                                  \
  X (TEXT, "text", NORMAL, 0)                                          \
  X (HEADER_NAME, "header.name", TEXT, FM_ATTR_BOLD)                   \
  X (HEADER_VALUE, "header.value", TEXT, 0)                            \
  X (QUOTE1, "quote1", TEXT, 0)                                        \
  X (QUOTE2, "quote2", QUOTE1, 0)                                      \
  X (QUOTE3, "quote3", QUOTE2, 0)                                      \
  X (QUOTE4, "quote4", QUOTE3, 0)                                      \
  X (QUOTE5, "quote5", QUOTE4, 0)                                      \
  X (SIGNATURE, "signature", TEXT, FM_ATTR_DIM)                        \
  X (HEADING, "heading", TEXT, FM_ATTR_BOLD)                           \
  X (CODE, "code", TEXT, 0)                                            \
  X (LINK, "link", TEXT, FM_ATTR_UNDERLINE)                            \
  X (DIM, "dim", TEXT, FM_ATTR_DIM)                                    \
  X (NOTICE, "notice", TEXT, FM_ATTR_BOLD)                             \
  X (WARNING, "warning", NOTICE, FM_ATTR_BOLD | FM_ATTR_REVERSE)       \
  X (MARKER, "marker", TEXT, 0)                                        \
  X (DIFF_ADD, "diff.add", TEXT, 0)                                    \
  X (DIFF_DEL, "diff.del", TEXT, 0)                                    \
  X (DIFF_HUNK, "diff.hunk", TEXT, FM_ATTR_DIM)                        \
  X (DIFF_FILE, "diff.file", TEXT, FM_ATTR_BOLD)                       \
  X (MATCH, "match", TEXT, FM_ATTR_REVERSE)                            \
  X (PROMPT, "prompt", NORMAL, 0)                                      \
  X (PROMPT_LABEL, "prompt.label", PROMPT, FM_ATTR_BOLD)               \
  X (MENU, "menu", NORMAL, 0)                                          \
  X (MENU_CURSOR, "menu.cursor", MENU, FM_ATTR_REVERSE)                \
  X (MENU_MATCH, "menu.match", MENU, FM_ATTR_BOLD | FM_ATTR_UNDERLINE) \
  X (PROGRESS, "progress", MESSAGE, 0)

typedef enum {
#define FM_X(role, name, parent, mono) FM_ROLE_##role,
  FM_ROLES (FM_X)
#undef FM_X
      FM_ROLE_COUNT
} FmRole;

typedef enum { FM_DEPTH_MONO, FM_DEPTH_8, FM_DEPTH_16, FM_DEPTH_256, FM_DEPTH_DIRECT } FmDepth;

typedef struct FmTheme FmTheme;

/* Reads a theme's text. Always gives a theme; what is wrong is told in PROBLEMS (char *, Transfer: full), each with FILE_NAME and line. */
FmTheme *fm_theme_parse (const char *text, gssize size_bytes, const char *file_name, FmDepth depth, GPtrArray *problems);

/* The theme called NAME (or at a path): the user's themes directory, the installed one, then those built in; the built-in dark one, with a
 * problem, if there is none of that name. */
FmTheme *fm_theme_load (const char *name, FmDepth depth, GPtrArray *problems);
void fm_theme_free (FmTheme *theme);

/* Would fm_theme_load find it? */
gboolean fm_theme_exists (const char *name);

/* Adds to PROBLEMS that there is no theme NAME, what it may have been meant to be, and that INSTEAD is used. */
void fm_theme_tell_unknown (const char *name, const char *instead, GPtrArray *problems);

FmLook fm_theme_look (const FmTheme *theme, FmRole role);
/* BASE with what ROLE says itself: for a mark on a line that has a look of its own. */
FmLook fm_theme_over (const FmTheme *theme, FmRole role, FmLook base);

/* Built-in themes' names, NULL-terminated; static. */
const char *const *fm_theme_names (void);

/* The nearest colour that DEPTH can show. */
FmColour fm_theme_degrade (FmColour colour, FmDepth depth);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FmTheme, fm_theme_free)

G_END_DECLS

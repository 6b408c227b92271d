/* The message list's model: a folder or a search result seen through a window, never whole. Positions count from 0 in the list's order. Rows
 * come from the store through the overlay (a user's change shows at once); position arrays and searches load behind. UI thread only.
 *
 * The cursor is a message, not a number: when rows arrive above it, its position moves and the message under it stays. */
#pragma once
#include <fulmar/store/list-store.h>
#include <glib.h>

G_BEGIN_DECLS

typedef struct FmList FmList;

/* value struct: what one line shows; strings valid until the list changes */
typedef struct {
  const FmRow *row;  /* store's truth */
  guint flags;       /* with the overlay; a folded thread is unread if anything in it is */
  gboolean pending;  /* an action waits for the disk: draw `...` */
  gboolean gone;     /* leaves this list when the action is durable (moved, deleted): drawn struck */
  gboolean tagged;   /* selected with t */
  gboolean is_dummy; /* a search still runs or the row is not loaded: draw a placeholder */
} FmListLine;

const char *fm_list_title (const FmList *list); /* "work/INBOX", or the query */
gint64 fm_list_folder (const FmList *list);     /* 0: a search */
gboolean fm_list_busy (const FmList *list);     /* results still stream in */
guint64 fm_list_total (const FmList *list);
guint64 fm_list_unread (const FmList *list);

/* FALSE past the end. A bounded read if not in the row cache. */
gboolean fm_list_line (FmList *list, guint64 position, FmListLine *ret_line);
/* The view tells what it shows so that the cache is loaded in one query around it. */
void fm_list_set_window (FmList *list, guint64 first, guint rows);

guint64 fm_list_cursor (const FmList *list);   /* meaningless while total is 0 */
gint64 fm_list_cursor_id (const FmList *list); /* the row's id, or 0 */
void fm_list_set_cursor (FmList *list, guint64 position);
void fm_list_step (FmList *list, gint64 delta);

/* Position of the next (or previous) unread after the cursor, wrapping; FALSE if there is none. */
gboolean fm_list_find_unread (FmList *list, gboolean backwards, guint64 *ret_position);

gboolean fm_list_threaded (const FmList *list);
guint fm_list_tagged_count (const FmList *list);
const char *fm_list_limit (const FmList *list); /* the limiting query's text, or NULL */
const char *fm_list_sort (const FmList *list);  /* "-date", "subject", ... */

G_END_DECLS

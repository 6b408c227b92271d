/* What commands do to the list's model beyond what views may. */
#pragma once
#include <fulmar/app/app.h>

/* FOLDER_ID's list in the configured order. */
FmList *fm_list_open_folder (FmApp *app, gint64 folder_id);
/* Results of TEXT (parsed as QUERY), streaming in. */
FmList *fm_list_search_open (FmApp *app, const char *text, FmQuery *query);
/* Results of TEXT as Gmail finds them. */
FmList *fm_list_search_open_server (FmApp *app, const char *title, const char *text);
void fm_list_free (FmList *list); /* accepts NULL */

/* Rows of FOLDER_ID changed on disk: read again what is shown, keeping the cursor's message. */
void fm_list_refresh (FmList *list, gint64 folder_id);
/* One row changed: its flags, or its body is here. */
void fm_list_message_changed (FmList *list, gint64 msg_id);
/* The overlay changed: the cached flags are stale. */
void fm_list_redraw (FmList *list);

/* `date`, `-date`, ... and threads on or off. */
void fm_list_set_order (FmList *list, const char *sort, gboolean threads);
/* QUERY (referenced) and its TEXT, or NULL for all. */
void fm_list_search_limit (FmList *list, const char *text, FmQuery *query);
/* The cursor goes to the next row (or the one before) that QUERY (referenced) with its TEXT finds, when it is known and if the cursor has not been
 * moved by then. Asked for again while it runs: one further. */
void fm_list_hunt_start (FmList *list, const char *text, FmQuery *query, gboolean backwards);

/* The position of row ID, if it is in the list. */
gboolean fm_list_find (FmList *list, gint64 id, guint64 *ret_position);
/* Puts the cursor on row ID, which may be on its way into the list: a step of the user's before it is here calls that off. */
void fm_list_seek (FmList *list, gint64 id);

/* Tagging. */
void fm_list_tag (FmList *list, gint64 id, gboolean on);
gboolean fm_list_is_tagged (const FmList *list, gint64 id);
void fm_list_tag_all (FmList *list, const gint64 *ids, gsize n, gboolean on);
void fm_list_untag_all (FmList *list);
GArray *fm_list_tagged_ids (FmList *list); /* gint64; Transfer: full */

/* Rows of the whole thread of row ID within this list's folder; Transfer: full. */
GArray *fm_list_thread_ids (FmList *list, gint64 id);
/* Folds or unfolds the thread under the cursor, or all. */
void fm_list_thread_fold (FmList *list);
void fm_list_thread_fold_all (FmList *list);
/* From the cursor on over the lines of the rows IDS (a folded thread is one line) to the first that is none of them; if the cursor is on none of
 * them it stays. */
void fm_list_thread_step_over (FmList *list, const gint64 *ids, gsize n);
/* The first row of the next (previous) thread. */
gboolean fm_list_thread_find (FmList *list, gboolean backwards, guint64 *ret_position);

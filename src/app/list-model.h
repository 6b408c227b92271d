/* The list's model, shared by the files that make it: list.c (life, order, cursor, what views see), list-window.c (the rows around the cursor),
 * list-load.c (the array of positions), list-search.c (results and limits), list-hunt.c (the next hit), list-thread.c (threads and folds). UI
 * thread only, but for what list-load.c and list-hunt.c hand to the pool. */
#pragma once
#include "app/app-private.h"
#include "app/list-private.h"
#include <fulmar/store/list-store.h>
#include <fulmar/store/positions.h>

#define FM_LIST_CACHE_BEFORE 60
#define FM_LIST_CACHE_ROWS 240

/* Outlives the list for as long as an answer is on its way. */
typedef struct FmListLink {
  guint refs;
  FmList *list; /* NULL: gone */
} FmListLink;

struct FmList {
  FmApp *app;
  FmListLink *link;
  char *title, *sort, *limit_text;
  gint64 folder_id;
  gboolean threaded, is_search, by_text, busy;
  FmListOrder order;
  gboolean descending, all_folded;
  FmIdSet *limit, *folded, *limit_building;

  FmPositions *positions; /* NULL while it loads for the first time */
  guint64 load_request, search_request;
  gboolean load_again;
  gint64 load_pause_until_us; /* no load begins before that */
  guint load_timer, changes;  /* CHANGES: how often the folder's rows were said to have changed */
  guint turn;                 /* counts orders and limits: an array of an earlier one is not shown */
  guint moves;                /* counts what moved the cursor to another message on purpose */
  GArray *found;              /* a search's ids in order */
  struct FmListHunt *hunt;    /* for the next hit; NULL: none runs */

  GPtrArray *cache; /* FmRow* or NULL, from position cache_first */
  guint64 cache_first;
  guint64 total, unread; /* the folder's counters */
  guint64 cursor;
  gint64 cursor_id;
  gint64 sought_id;   /* goes under the cursor as soon as an array has it; 0: none */
  GHashTable *tagged; /* gint64* set */
};

/* --- list.c --- */
FmList *fm_list_new (FmApp *app);
FmListSpec fm_list_spec (const FmList *list);
void fm_list_order_from (FmList *list, const char *sort);
/* The folder's totals, as the store has them now. */
void fm_list_read_counters (FmList *list);
/* The cursor to POSITION, as the list's own changes need it: what is sought stays sought. */
void fm_list_put_cursor (FmList *list, guint64 position);

/* --- list-window.c --- */
void fm_list_window_drop (FmList *list);
/* Takes ROWS (Transfer: full), which stand from position FIRST on. */
void fm_list_window_take (FmList *list, guint64 first, GPtrArray *rows);
/* The first page by keyset: what the screen shows before the array is there. */
void fm_list_window_first (FmList *list);
void fm_list_window_around (FmList *list, guint64 position);
gboolean fm_list_window_has (const FmList *list, guint64 position);
/* The row, read if it is not cached; NULL if it is not known, or gone. */
FmRow *fm_list_window_at (FmList *list, guint64 position);
/* The cached rows again, in place: flags are fresh in this frame, and rows that left are holes until the new array comes. */
void fm_list_window_reread (FmList *list);

/* --- list-load.c --- */
FmListLink *fm_list_load_link (FmList *list);
void fm_list_load_unlink (gpointer link);
/* Asks for a new array; one load at a time, and no more of them than a busy folder leaves the machine room for. */
void fm_list_load_start (FmList *list);
/* A new order or fold: nothing cached is true any more. */
void fm_list_load_restart (FmList *list);
void fm_list_load_stop (FmList *list);
/* What the list shows, for the pool: its sets are held until it is cleared. */
FmListSpec fm_list_load_spec (const FmList *list);
void fm_list_load_spec_clear (FmListSpec *spec);
/* Shows what POSITIONS (taken) say, the cursor on its message. */
void fm_list_load_use (FmList *list, FmPositions *positions);

/* --- list-hunt.c --- */
void fm_list_hunt_stop (FmList *list);

/* The pen: the store's only writing thread. A user's change goes first, with synchronous=FULL, grouped with others that wait; bulk work comes
 * in slices of at most 2 ms with synchronous=NORMAL and yields to it. The pen begins and commits; jobs only write. */
#pragma once
#include <fulmar/base/cancel.h>
#include <fulmar/store/db.h>
#include <glib.h>

typedef struct FmPen FmPen;

typedef enum {
  FM_PEN_USER, /* a user's action: first, FULL */
  FM_PEN_SAFE, /* journal results, POP ledger, outbox: FULL */
  FM_PEN_BULK, /* rows of a sync: NORMAL, one slice of at most 2 ms a call */
} FmPenLane;

/* Writes within the pen's transaction. On FALSE the job's own changes are rolled back; others in the group stay. A BULK job may be run a second time
 * after another's failure has undone it, so it begins by resetting what it reports through DATA. */
typedef gboolean (*FmPenRun) (FmStoreWriter *writer, gpointer data, GError **error);
/* On the pen's thread, after the commit (error NULL) or the failure. Must be quick: post somewhere. */
typedef void (*FmPenDone) (const GError *error, gpointer data);

FmPen *fm_pen_new (FmStore *store, FmStoreWriter *writer); /* takes the writer, references the store */
/* Drains every lane, checkpoints, joins. */
void fm_pen_free (FmPen *pen);

/* Any thread, from the pen's own only out of a DONE; returns at once. FREE_DATA runs after DONE, on the pen's thread. */
void fm_pen_post (FmPen *pen, FmPenLane lane, FmPenRun run, FmPenDone done, gpointer data, GDestroyNotify free_data);

/* Worker threads only: waits for the commit. Never called by the UI thread. */
gboolean fm_pen_call (FmPen *pen, FmPenLane lane, FmPenRun run, gpointer data, GError **error);

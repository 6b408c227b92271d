/* What gathers in a store and is of no use any more: temporary files of a crash, message files without a row, operations long done. */
#pragma once
#include "sync/pen.h"
#include <fulmar/index/index.h>

typedef struct FmHousekeeping FmHousekeeping;

/* Seconds; value struct. */
typedef struct {
  int first_s; /* after the start, when the first screen is long there */
  int again_s; /* between steps while there is more to do */
  int pause_s; /* between rounds */
  int grace_s; /* how long a body without a reference is kept: undo may want it again */
  int tmp_age_s;
  int journal_age_s;
} FmHousekeepingTimes;

/* A process that leads runs it, on the desk: at once for what a crash left, then a step now and then. TIMES NULL: the usual ones. */
FmHousekeeping *fm_housekeeping_new (FmStore *store, FmPen *pen, const FmHousekeepingTimes *times);
/* After the pen. Accepts NULL. */
void fm_housekeeping_free (FmHousekeeping *keeping);
/* When the next step is due, by the monotonic clock. */
gint64 fm_housekeeping_due_us (FmHousekeeping *keeping);
/* Posts one step to the pen, if it is due. */
void fm_housekeeping_tick (FmHousekeeping *keeping);

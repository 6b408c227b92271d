/* One step takes a few hundred rows, as a bulk job of the pen: a user's change waits for it no longer than for any other. Rows go first, then
 * their files: a crash in between leaves a file that nobody knows, never a message without its file. A blob that anything refers to (a row,
 * an operation that waits, outgoing mail) has references and is not looked at. */
#include "sync/housekeeping.h"
#include <fulmar/base/clock.h>
#include <fulmar/base/log.h>
#include <fulmar/store/body-store.h>
#include <fulmar/store/journal.h>

#define STEP_BLOBS 200
#define MAX_WAITS 10     /* steps in a row that only wait for the index to let go */
#define JOURNAL_KEEP 500 /* groups, however old: undo reaches that far back */

static const FmHousekeepingTimes usual
    = { .first_s = 20, .again_s = 2, .pause_s = 30 * 60, .grace_s = 24 * 3600, .tmp_age_s = 3600, .journal_age_s = 30 * 24 * 3600 };

struct FmHousekeeping {
  FmHousekeepingTimes times;
  gint refs; /* the desk's, and a step's at the pen */
  FmStore *store;
  FmPen *pen;
  gint64 due_us, rest_until_us; /* desk */
  gint more, busy, waits;       /* atomic */
};

static FmHousekeeping *
keeping_ref (FmHousekeeping *keeping)
{
  g_atomic_int_inc (&keeping->refs);
  return keeping;
}

static void
keeping_unref (gpointer data)
{
  FmHousekeeping *keeping = data;

  if (!g_atomic_int_dec_and_test (&keeping->refs))
    return;
  fm_db_unref (keeping->store);
  g_free (keeping);
}

typedef struct {
  FmHousekeeping *keeping;
  GPtrArray *paths; /* to be deleted once the rows are gone */
  gboolean more;    /* rows are left; those of mail read in place have no paths */
} Step;

static gboolean
step_run (FmStoreWriter *writer, gpointer data, GError **error)
{
  Step *step = data;

  g_clear_pointer (&step->paths, g_ptr_array_unref);
  step->paths = fm_body_store_collect (writer, step->keeping->times.grace_s, STEP_BLOBS, &step->more, error);
  return step->paths != NULL && fm_journal_prune (writer, step->keeping->times.journal_age_s, JOURNAL_KEEP, error);
}

static void
step_done (const GError *error, gpointer data)
{
  Step *step = data;

  if (error != NULL)
    fm_log_debug ("housekeeping: %s", error->message);
  else
    fm_body_store_unlink (step->paths);
  gboolean worked = error == NULL && step->paths->len > 0;
  int waits = worked ? 0 : g_atomic_int_get (&step->keeping->waits) + 1;
  g_atomic_int_set (&step->keeping->waits, error == NULL && step->more ? waits : 0);
  g_atomic_int_set (&step->keeping->more, worked || (error == NULL && step->more && waits <= MAX_WAITS));
  g_atomic_int_set (&step->keeping->busy, 0);
}

static void
step_free (gpointer data)
{
  Step *step = data;

  g_clear_pointer (&step->paths, g_ptr_array_unref);
  keeping_unref (step->keeping);
  g_free (step);
}

FmHousekeeping *
fm_housekeeping_new (FmStore *store, FmPen *pen, const FmHousekeepingTimes *times)
{
  FmHousekeeping *keeping = g_new0 (FmHousekeeping, 1);

  keeping->times = times != NULL ? *times : usual;
  g_atomic_int_set (&keeping->refs, 1);
  keeping->store = fm_db_ref (store);
  keeping->pen = pen;
  keeping->due_us = fm_clock_mono_us () + keeping->times.first_s * G_USEC_PER_SEC;
  fm_body_store_clean_tmp (store, keeping->times.tmp_age_s);
  return keeping;
}

void
fm_housekeeping_free (FmHousekeeping *keeping)
{
  if (keeping != NULL)
    keeping_unref (keeping);
}

gint64
fm_housekeeping_due_us (FmHousekeeping *keeping)
{
  return keeping->due_us;
}

void
fm_housekeeping_tick (FmHousekeeping *keeping)
{
  gint64 now = fm_clock_mono_us ();

  if (now < keeping->due_us)
    return;
  /* What a step left to do is known when it is done: it is asked soon after. */
  keeping->due_us = now + keeping->times.again_s * G_USEC_PER_SEC;
  if (g_atomic_int_get (&keeping->busy))
    return;
  if (!g_atomic_int_get (&keeping->more) && now < keeping->rest_until_us)
    {
      keeping->due_us = keeping->rest_until_us;
      return;
    }
  g_atomic_int_set (&keeping->busy, 1);
  keeping->rest_until_us = now + keeping->times.pause_s * G_USEC_PER_SEC;
  Step *step = g_new0 (Step, 1);
  step->keeping = keeping_ref (keeping);
  fm_pen_post (keeping->pen, FM_PEN_BULK, step_run, step_done, step, step_free);
}

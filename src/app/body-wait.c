/* First the work is tried: mostly the text is here. Where it is not, the messages are asked for one after the other (what is here is answered at once)
 * and the work is tried once more. The wait outlives the app's interest in it for as long as an answer is on its way. */
#include "app/body-wait.h"
#include <string.h>

typedef struct FmBodyWait {
  guint refs;
  FmApp *app;
  FmBodyWaitJob job; /* `what` and `ids` are its own */
  char *line;        /* the command line that waits */
  char *text;        /* for the status line; NULL: nothing is being fetched */
  gsize next;        /* of the ids: the one asked for */
  guint64 request, done_bytes, total_bytes;
  gboolean fetched, given_up;
} Wait;

static void
wait_unref (gpointer data)
{
  Wait *wait = data;

  if (--wait->refs > 0)
    return;
  if (wait->job.free_data)
    wait->job.free_data (wait->job.data);
  g_free ((char *) wait->job.what);
  g_free ((gint64 *) wait->job.ids);
  g_free (wait->line);
  g_free (wait->text);
  g_free (wait);
}

static Wait *
wait_ref (Wait *wait)
{
  wait->refs++;
  return wait;
}

/* Nobody can give it up any more. */
static void
let_go (Wait *wait)
{
  if (wait->app->body_wait != wait)
    return;
  wait->app->body_wait = NULL;
  fm_app_changed (wait->app, FM_CHANGE_STATUS);
  wait_unref (wait);
}

static void try_work (Wait *wait);

static void
say_fetching (Wait *wait)
{
  const FmAccountSpec *spec = fm_app_account_of_message (wait->app, wait->job.ids[wait->next]);
  g_autofree char *which = wait->job.n > 1
                               ? g_strdup_printf ("message %" G_GSIZE_FORMAT " of %" G_GSIZE_FORMAT, wait->next + 1, wait->job.n)
                               : g_strdup ("the message");

  g_free (wait->text);
  wait->text = g_strdup_printf ("%s: fetching %s from %s (Esc gives up)", wait->job.what, which, spec ? spec->name : "the server");
  wait->done_bytes = wait->total_bytes = 0;
  fm_app_changed (wait->app, FM_CHANGE_STATUS);
}

static void
complain (Wait *wait, const GError *error)
{
  gboolean offline = g_error_matches (error, FM_ERROR, FM_ERROR_OFFLINE) || g_error_matches (error, FM_ERROR, FM_ERROR_TIMEOUT);

  fm_app_complain (wait->app, "%s: %s%s", wait->job.what, error->message, offline ? " ($ tries to connect now; then do this again)" : "");
}

static void fetch_next (Wait *wait);

static void
body_answered (FmApp *app, const FmEvent *event, gpointer data)
{
  Wait *wait = data;

  if (wait->given_up)
    return;
  if (event->kind == FM_EVENT_PROGRESS)
    {
      wait->done_bytes = (guint64) MAX (event->count, 0);
      wait->total_bytes = (guint64) MAX (event->total, 0);
    }
  else if (event->kind == FM_EVENT_DONE)
    {
      wait->next++;
      fetch_next (wait);
    }
  else if (event->kind == FM_EVENT_FAILED || event->kind == FM_EVENT_CANCELLED)
    {
      if (event->kind == FM_EVENT_FAILED)
        complain (wait, event->error);
      let_go (wait);
    }
}

static void
fetch_next (Wait *wait)
{
  if (wait->next == wait->job.n)
    {
      wait->fetched = TRUE;
      try_work (wait);
      return;
    }
  say_fetching (wait);
  wait->request = fm_engine_want_body (wait->app->engine, wait->job.ids[wait->next]);
  fm_app_expect (wait->app, wait->request, body_answered, wait_ref (wait), wait_unref);
}

/* Pool. */
static gpointer
work_run (FmStoreReader *reader, FmCancel *cancel, gpointer data, GError **error)
{
  const Wait *wait = data;

  return wait->job.run (reader, cancel, wait->job.data, error);
}

static void
work_done (gpointer result, const GError *error, gpointer data)
{
  Wait *wait = data;
  gboolean is_missing = !result && g_error_matches (error, FM_ERROR, FM_ERROR_NOT_FOUND) && !wait->fetched;

  if (is_missing && !wait->given_up)
    {
      fetch_next (wait);
      return;
    }
  let_go (wait);
  if (!is_missing)
    wait->job.done (result, error, wait->job.data);
}

static void
try_work (Wait *wait)
{
  fm_engine_compute (wait->app->engine, work_run, work_done, wait_ref (wait), wait_unref);
}

void
fm_body_wait_run (FmApp *app, const FmBodyWaitJob *job)
{
  Wait *wait = g_new0 (Wait, 1);

  fm_body_wait_give_up (app);
  wait->refs = 1;
  wait->app = app;
  wait->job = *job;
  wait->job.what = g_strdup (job->what);
  wait->job.ids = g_memdup2 (job->ids, job->n * sizeof *job->ids);
  wait->line = g_strdup (app->command_line ? app->command_line : "");
  app->body_wait = wait;
  try_work (wait);
}

gboolean
fm_body_wait_give_up (FmApp *app)
{
  Wait *wait = app->body_wait;
  gboolean fetching = wait && wait->text && !wait->fetched;

  if (!wait)
    return FALSE;
  wait->given_up = TRUE;
  if (fetching)
    {
      fm_engine_cancel (app->engine, wait->request);
      fm_app_say (app, "%s: given up, the message has not come yet", wait->job.what);
    }
  let_go (wait);
  return fetching;
}

gboolean
fm_body_wait_goes_on (FmApp *app, const char *line)
{
  if (app->body_wait && app->body_wait->text && strcmp (app->body_wait->line, line) == 0)
    return TRUE;
  fm_body_wait_give_up (app);
  return FALSE;
}

gboolean
fm_body_wait_status (const FmApp *app, const char **ret_text, guint64 *ret_done_bytes, guint64 *ret_total_bytes)
{
  const Wait *wait = app->body_wait;

  if (!wait || !wait->text || wait->fetched)
    return FALSE;
  *ret_text = wait->text;
  *ret_done_bytes = wait->done_bytes;
  *ret_total_bytes = wait->total_bytes;
  return TRUE;
}

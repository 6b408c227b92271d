/* The cache's size: what `offline = 90d` and `cache_limit` no longer keep is given up, the oldest first. What is kept is told by dates alone, so the
 * bodies that are fetched and those that go never overlap. */
#include "sync/imap-private.h"
#include <fulmar/base/clock.h>
#include <fulmar/base/error.h>
#include <fulmar/base/log.h>
#include <fulmar/store/body-store.h>
#include <fulmar/store/message-evict.h>
#include <sys/stat.h>

#define EVERY_US (6 * G_GINT64_CONSTANT (3600) * G_USEC_PER_SEC)
#define STEP 200
#define OPENED_STAYS_S 3600 /* a body that came so lately was opened by the user */

/* Where `cache_limit` is reached is asked again when a hundredth of the mail is new: by that much the limit may be passed until the next look. */
static gboolean
is_news (FmImapConn *conn)
{
  g_autoptr (GPtrArray) folders = fm_folder_store_list (conn->reader, conn->worker->account_id, NULL);
  guint64 total = 0, before = conn->kept_of;

  for (guint i = 0; folders && i < folders->len; i++)
    total += ((const FmFolderInfo *) g_ptr_array_index (folders, i))->total;
  if (before > 0 && MAX (total, before) - MIN (total, before) <= before / 100)
    return FALSE;
  conn->kept_of = total;
  return TRUE;
}

void
fm_imap_evict_look (FmImapConn *conn)
{
  const FmAccountSpec *spec = conn->worker->spec;
  gint64 by_age = spec->offline == FM_OFFLINE_DAYS ? fm_clock_now_utc () - (gint64) spec->offline_days * 86400 : G_MININT64;
  g_autoptr (GError) error = NULL;

  if (!spec->cache_limit_bytes)
    conn->kept_since = by_age;
  else if (is_news (conn))
    {
      gint64 by_size = fm_message_evict_floor (conn->reader, conn->worker->account_id, spec->cache_limit_bytes, &error);
      if (error)
        fm_log_debug ("imap: cache_limit: %s", error->message);
      else
        conn->kept_since = MAX (by_age, by_size);
    }
}

static gboolean
came_lately (FmImapConn *conn, gint64 msg_id)
{
  g_autofree char *path = fm_body_store_path (conn->reader, msg_id, NULL);
  struct stat info;

  return path && stat (path, &info) == 0 && info.st_mtime + OPENED_STAYS_S > fm_clock_now_utc ();
}

typedef struct {
  GArray *messages; /* FmMessageEvict */
  guint gone;
} Step;

static gboolean
step_run (FmStoreWriter *writer, gpointer data, GError **error)
{
  Step *step = data;

  return fm_message_evict_run (writer, (const FmMessageEvict *) (gpointer) step->messages->data, step->messages->len, &step->gone, error);
}

/* The next few bodies after *CURSOR. FALSE: there are no more, or it can't be done now. */
static gboolean
evict_some (FmImapConn *conn, gint64 folder_id, FmMessageEvict *cursor, guint *total, GError **error)
{
  g_autoptr (GArray) list = fm_message_evict_list (conn->reader, folder_id, conn->kept_since, cursor, STEP, error);
  g_autoptr (GArray) going = g_array_new (FALSE, FALSE, sizeof (FmMessageEvict));
  Step step = { going, 0 };

  for (guint i = 0; list && i < list->len; i++)
    {
      *cursor = g_array_index (list, FmMessageEvict, i);
      if (!came_lately (conn, cursor->id))
        g_array_append_val (going, *cursor);
    }
  if (!list || (going->len > 0 && !fm_pen_call (conn->worker->env->pen, FM_PEN_BULK, step_run, &step, error)))
    return FALSE;
  *total += step.gone;
  return list->len == STEP;
}

static guint
evict_folder (FmImapConn *conn, gint64 folder_id, GError **error)
{
  FmMessageEvict cursor = { 0, G_MININT64 };
  guint total = 0;

  while (!fm_imap_worker_stopping (conn->worker) && evict_some (conn, folder_id, &cursor, &total, error))
    ;
  return total;
}

void
fm_imap_evict_run (FmImapConn *conn)
{
  const FmAccountSpec *spec = conn->worker->spec;
  g_autoptr (GPtrArray) folders = NULL;
  g_autoptr (GError) error = NULL;
  guint total = 0;

  if (conn->evict_due_us > fm_clock_mono_us ())
    return;
  conn->evict_due_us = fm_clock_mono_us () + EVERY_US;
  conn->kept_of = 0;
  fm_imap_evict_look (conn);
  /* `offline = headers` keeps what was opened: only a limit takes it away. */
  if (conn->kept_since == G_MININT64 || !(folders = fm_folder_store_list (conn->reader, conn->worker->account_id, &error)))
    return;
  for (guint i = 0; i < folders->len && !error; i++)
    {
      const FmFolderInfo *folder = g_ptr_array_index (folders, i);
      if (folder->special != FM_SPECIAL_DRAFTS && folder->special != FM_SPECIAL_OUTBOX)
        total += evict_folder (conn, folder->id, &error);
    }
  if (error)
    fm_log_debug ("imap: cache: %s", error->message);
  if (total > 0)
    fm_log_debug ("%s: %u bodies of older mail are no longer kept here", spec->name, total);
}

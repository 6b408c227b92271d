/* The choice of what is watched: a list of folders by importance, cut to the room that the server leaves, and watchers pointed at it, so that who
 * watches something that is still wanted stays with it. */
#include "sync/imap-pushed.h"
#include "sync/imap-watch.h"

/* With the front and the back seven connections at most: fifteen are allowed by Gmail, ten by Dovecot unless told otherwise, and other devices want
 * some of them. */
#define MAX_WATCHERS 5

static gboolean
is_watched (FmAccountWorker *worker, const FmFolderInfo *info)
{
  if (!info->selectable || !*info->remote_name)
    return FALSE;
  if (!worker->spec->watch)
    return info->special == FM_SPECIAL_INBOX;
  for (guint i = 0; worker->spec->watch[i]; i++)
    if (g_pattern_match_simple (worker->spec->watch[i], info->name))
      return TRUE;
  return FALSE;
}

static void
add_id (GArray *ids, gint64 id)
{
  for (guint i = 0; i < ids->len; i++)
    if (g_array_index (ids, gint64, i) == id)
      return;
  g_array_append_val (ids, id);
}

/* What is to be watched, by importance, as far as there is room. With NOTIFY a single folder: of the others the server tells as well, but what comes
 * into the one that is selected is fetched at once. Transfer: full. */
static GArray *
wanted_folders (FmImapConn *conn)
{
  FmAccountWorker *worker = conn->worker;
  g_autoptr (GPtrArray) folders = fm_folder_store_list (conn->reader, worker->account_id, NULL);
  g_autoptr (FmFolderInfo) inbox = fm_folder_store_find_special (conn->reader, worker->account_id, FM_SPECIAL_INBOX, NULL);
  GArray *ids = g_array_new (FALSE, FALSE, sizeof (gint64));
  gint64 open_id;
  guint room;

  pthread_mutex_lock (&worker->mutex);
  open_id = worker->open_folder_id;
  room = MIN (worker->watch_room, MAX_WATCHERS);
  if (fm_imap_session_has (conn->session, FM_IMAP_CAP_NOTIFY) && !worker->no_notify)
    room = MIN (room, 1);
  pthread_mutex_unlock (&worker->mutex);
  if (open_id)
    add_id (ids, open_id);
  if (inbox && (ids->len == 0 || is_watched (worker, inbox)))
    add_id (ids, inbox->id);
  for (guint i = 0; folders && i < folders->len; i++)
    {
      const FmFolderInfo *info = g_ptr_array_index (folders, i);
      if (is_watched (worker, info))
        add_id (ids, info->id);
    }
  g_array_set_size (ids, MIN (ids->len, room));
  return ids;
}

/* Takes ID out of IDS. FALSE: it was not among them. */
static gboolean
take_id (GArray *ids, gint64 id)
{
  for (guint i = 0; i < ids->len; i++)
    if (g_array_index (ids, gint64, i) == id)
      {
        g_array_remove_index (ids, i);
        return TRUE;
      }
  return FALSE;
}

/* Who watches something that is still wanted stays with it. */
static void
point_watchers (FmImapConn *conn)
{
  FmAccountWorker *worker = conn->worker;
  g_autoptr (GArray) ids = wanted_folders (conn);
  g_autoptr (GPtrArray) idle = g_ptr_array_new ();

  for (guint i = 0; i < worker->watchers->len; i++)
    if (!take_id (ids, fm_imap_watch_folder (g_ptr_array_index (worker->watchers, i))))
      g_ptr_array_add (idle, g_ptr_array_index (worker->watchers, i));
  for (guint i = 0; i < idle->len; i++)
    fm_imap_watch_set_folder (g_ptr_array_index (idle, i), i < ids->len ? g_array_index (ids, gint64, i) : 0);
  for (guint i = idle->len; i < ids->len; i++)
    g_ptr_array_add (worker->watchers, fm_imap_watch_new (worker, g_array_index (ids, gint64, i)));
}

/* Nobody will be told by NOTIFY what the pass waits for. */
static void
begin_deferred (FmAccountWorker *worker)
{
  gboolean deferred;

  pthread_mutex_lock (&worker->mutex);
  deferred = worker->deferred;
  pthread_mutex_unlock (&worker->mutex);
  if (deferred)
    fm_imap_worker_want_pass (worker, NULL);
}

void
fm_imap_pushed_assign (FmImapConn *conn, gboolean anew)
{
  FmAccountWorker *worker = conn->worker;

  if (anew)
    {
      pthread_mutex_lock (&worker->mutex);
      worker->watch_room = G_MAXUINT;
      worker->crowded = FALSE;
      pthread_mutex_unlock (&worker->mutex);
    }
  point_watchers (conn);
}

static guint
count_watching (FmAccountWorker *worker)
{
  guint n = 0;

  for (guint i = 0; i < worker->watchers->len; i++)
    n += fm_imap_watch_folder (g_ptr_array_index (worker->watchers, i)) != 0;
  return n;
}

void
fm_imap_pushed_give_way (FmImapConn *conn, gboolean to_back)
{
  FmAccountWorker *worker = conn->worker;
  guint watching = count_watching (worker), room = MAX (watching, 1) - 1;

  begin_deferred (worker);
  if (!to_back)
    room = MAX (room, 1);
  pthread_mutex_lock (&worker->mutex);
  worker->crowded = TRUE;
  worker->watch_room = MIN (room, worker->watch_room);
  pthread_mutex_unlock (&worker->mutex);
  point_watchers (conn);
  if (!worker->crowd_told)
    {
      g_autofree char *text = g_strdup_printf (
          "%s allows no more connections, so fewer folders are pushed (the rest is looked at every %d min); close other mail programs",
          worker->spec->incoming.host, MAX (worker->spec->poll_s, 60) / 60);
      worker->crowd_told = TRUE;
      fm_imap_tell_notice (worker, text);
    }
}

void
fm_imap_pushed_take_room (FmImapConn *conn)
{
  FmAccountWorker *worker = conn->worker;

  pthread_mutex_lock (&worker->mutex);
  worker->watch_room = MAX (worker->watch_room, 1);
  pthread_mutex_unlock (&worker->mutex);
  point_watchers (conn);
  for (guint i = 0; i < worker->watchers->len; i++)
    fm_imap_watch_retry (g_ptr_array_index (worker->watchers, i));
}

/* Three kinds of slices go to the pen's bulk lane: rows (headers parsed here, on the network's thread), flags, and sizes that came later. At most MAX_IN_FLIGHT wait for
 * their commit: beyond that the thread waits, the socket fills, and the server pauses; memory stays bounded however large the folder is. */
#include "sync/imap-collect-private.h"
#include <fulmar/base/error.h>
#include <fulmar/base/log.h>
#include <string.h>

#define VANISHED_A_SLICE 500
#define MAX_IN_FLIGHT 16 /* a few transactions of the pen: their commits are not waited for */

/* A slice owns all it points to. */
typedef struct {
  FmImapCollect *collect;
  gint64 folder_id;
  GArray *rows;       /* FmMessageInput, envelope and keywords owned */
  GArray *flags;      /* FmMessageFlags, keywords owned */
  GArray *sizes;      /* FmMessageSize */
  GArray *vanished;   /* FmUidRange */
  guint32 lowest_uid; /* to be noted, after the rows that went before */
  guint added, unseen_added, changed, removed, unknown;
  gboolean again; /* more to remove */
} Slice;

static void
input_clear (gpointer data)
{
  FmMessageInput *input = data;

  fm_envelope_unref ((FmEnvelope *) input->envelope);
  g_strfreev ((char **) input->keywords);
  g_strfreev ((char **) input->labels);
}

static void
flags_clear (gpointer data)
{
  FmMessageFlags *flags = data;

  g_strfreev ((char **) flags->keywords);
  g_strfreev ((char **) flags->labels);
}

GArray *
fm_imap_collect_new_rows (void)
{
  GArray *rows = g_array_sized_new (FALSE, FALSE, sizeof (FmMessageInput), FM_IMAP_COLLECT_ROWS);

  g_array_set_clear_func (rows, input_clear);
  return rows;
}

static GArray *
new_flags (void)
{
  GArray *flags = g_array_sized_new (FALSE, FALSE, sizeof (FmMessageFlags), FM_IMAP_COLLECT_FLAGS);

  g_array_set_clear_func (flags, flags_clear);
  return flags;
}

static GArray *
new_sizes (void)
{
  return g_array_new (FALSE, FALSE, sizeof (FmMessageSize));
}

FmImapCollect *
fm_imap_collect_new (FmAccountWorker *worker)
{
  FmImapCollect *collect = g_new0 (FmImapCollect, 1);

  collect->worker = worker;
  collect->rows = fm_imap_collect_new_rows ();
  collect->flags = new_flags ();
  collect->sizes = new_sizes ();
  pthread_mutex_init (&collect->mutex, NULL);
  pthread_cond_init (&collect->cond, NULL);
  return collect;
}

static void
wait_in_flight (FmImapCollect *collect, guint at_most)
{
  pthread_mutex_lock (&collect->mutex);
  while (collect->in_flight > at_most)
    pthread_cond_wait (&collect->cond, &collect->mutex);
  pthread_mutex_unlock (&collect->mutex);
}

void
fm_imap_collect_free (FmImapCollect *collect)
{
  if (!collect)
    return;
  wait_in_flight (collect, 0);
  g_clear_pointer (&collect->hidden, g_array_unref);
  g_free (collect->rights);
  g_array_unref (collect->rows);
  g_array_unref (collect->flags);
  g_array_unref (collect->sizes);
  g_clear_error (&collect->error);
  pthread_mutex_destroy (&collect->mutex);
  pthread_cond_destroy (&collect->cond);
  g_free (collect);
}

/* --- slices --- */

static void
slice_free (gpointer data)
{
  Slice *slice = data;

  g_clear_pointer (&slice->rows, g_array_unref);
  g_clear_pointer (&slice->flags, g_array_unref);
  g_clear_pointer (&slice->sizes, g_array_unref);
  g_clear_pointer (&slice->vanished, g_array_unref);
  g_free (slice);
}

/* A row that failed has ended its transaction: what comes after it in the lane finds the error. */
static gboolean
has_failed (FmImapCollect *collect)
{
  gboolean failed;

  pthread_mutex_lock (&collect->mutex);
  failed = collect->error != NULL;
  pthread_mutex_unlock (&collect->mutex);
  return failed;
}

static gboolean
slice_run (FmStoreWriter *writer, gpointer data, GError **error)
{
  Slice *slice = data;

  if (slice->rows)
    {
      FmMessageResult result = { 0 };
      if (!fm_message_store_upsert (writer, slice->folder_id, (const FmMessageInput *) (void *) slice->rows->data, slice->rows->len,
                                    &result, error))
        return FALSE;
      slice->added = result.added + result.matched;
      slice->unseen_added = result.unseen_added;
      slice->changed = result.updated;
    }
  if (slice->flags)
    {
      FmMessageFlagged result = { 0 };
      if (!fm_message_store_set_flags (writer, slice->folder_id, (const FmMessageFlags *) (void *) slice->flags->data, slice->flags->len,
                                       &result, error))
        return FALSE;
      slice->changed = result.changed;
      slice->unknown = result.unknown;
    }
  if (slice->sizes
      && !fm_message_store_set_sizes (writer, slice->folder_id, (const FmMessageSize *) (void *) slice->sizes->data, slice->sizes->len,
                                      &slice->changed, error))
    return FALSE;
  if (slice->vanished)
    {
      if (!fm_message_store_vanished (writer, slice->folder_id, (const FmUidRange *) (void *) slice->vanished->data, slice->vanished->len,
                                      VANISHED_A_SLICE, &slice->removed, error))
        return FALSE;
      slice->again = slice->removed >= VANISHED_A_SLICE;
    }
  if (slice->lowest_uid && !has_failed (slice->collect))
    return fm_folder_store_set_lowest_uid (writer, slice->folder_id, slice->lowest_uid, error);
  return TRUE;
}

static void
slice_done (const GError *error, gpointer data)
{
  Slice *slice = data;
  FmImapCollect *collect = slice->collect;

  pthread_mutex_lock (&collect->mutex);
  collect->added += slice->added;
  collect->unseen_added += slice->unseen_added;
  collect->changed += slice->changed;
  collect->removed += slice->removed;
  collect->elsewhere += slice->flags ? slice->changed : 0;
  collect->unknown += slice->unknown;
  if (error && !collect->error)
    collect->error = g_error_copy (error);
  /* Each slice is to be seen as soon as it is on disk: servers answer several FETCH at once, and what was asked for first may come last.
   * Before the count: the collector may be freed as soon as nothing is in flight. */
  if (!error && (slice->added || slice->changed))
    fm_imap_tell_folder (collect->worker, slice->folder_id, 0);
  collect->in_flight--;
  pthread_cond_broadcast (&collect->cond);
  pthread_mutex_unlock (&collect->mutex);
}

static void
post (FmImapCollect *collect, Slice *slice)
{
  slice->collect = collect;
  slice->folder_id = collect->folder_id;
  wait_in_flight (collect, MAX_IN_FLIGHT - 1);
  pthread_mutex_lock (&collect->mutex);
  collect->in_flight++;
  pthread_mutex_unlock (&collect->mutex);
  fm_pen_post (collect->worker->env->pen, FM_PEN_BULK, slice_run, slice_done, slice, slice_free);
}

void
fm_imap_collect_post_rows (FmImapCollect *collect)
{
  Slice *slice;

  if (collect->rows->len == 0)
    return;
  slice = g_new0 (Slice, 1);
  slice->rows = collect->rows;
  collect->rows = fm_imap_collect_new_rows ();
  post (collect, slice);
}

void
fm_imap_collect_post_flags (FmImapCollect *collect)
{
  Slice *slice;

  if (collect->flags->len == 0)
    return;
  slice = g_new0 (Slice, 1);
  slice->flags = collect->flags;
  collect->flags = new_flags ();
  post (collect, slice);
}

void
fm_imap_collect_post_sizes (FmImapCollect *collect)
{
  Slice *slice;

  if (collect->sizes->len == 0)
    return;
  slice = g_new0 (Slice, 1);
  slice->sizes = collect->sizes;
  collect->sizes = new_sizes ();
  post (collect, slice);
}

void
fm_imap_collect_remove_ranges (FmImapCollect *collect, const FmImapRange *ranges, gsize n)
{
  g_autoptr (GArray) copy = g_array_new (FALSE, FALSE, sizeof (FmUidRange));
  gboolean again = TRUE;

  for (gsize i = 0; i < n; i++)
    {
      FmUidRange range = { ranges[i].first, ranges[i].last };
      g_array_append_val (copy, range);
    }
  while (again)
    {
      Slice slice = { .folder_id = collect->folder_id, .vanished = copy };
      g_autoptr (GError) error = NULL;
      again = fm_pen_call (collect->worker->env->pen, FM_PEN_BULK, slice_run, &slice, &error) && slice.again;
      pthread_mutex_lock (&collect->mutex);
      collect->removed += slice.removed;
      collect->elsewhere += slice.removed;
      if (error && !collect->error)
        collect->error = g_steal_pointer (&error);
      pthread_mutex_unlock (&collect->mutex);
    }
}

gboolean
fm_imap_collect_flush (FmImapCollect *collect, GError **error)
{
  gboolean good = TRUE;

  if (collect->folder_id)
    {
      fm_imap_collect_post_rows (collect);
      fm_imap_collect_post_flags (collect);
      fm_imap_collect_post_sizes (collect);
    }
  wait_in_flight (collect, 0);
  pthread_mutex_lock (&collect->mutex);
  collect->heard.added += collect->added;
  collect->heard.unseen_added += collect->unseen_added;
  collect->heard.changed += collect->changed;
  collect->heard.removed += collect->removed;
  collect->heard.elsewhere += collect->elsewhere;
  collect->heard.unknown += collect->unknown;
  collect->added = collect->unseen_added = collect->changed = collect->removed = collect->elsewhere = collect->unknown = 0;
  if (collect->error)
    {
      g_propagate_error (error, g_steal_pointer (&collect->error));
      good = FALSE;
    }
  pthread_mutex_unlock (&collect->mutex);
  return good;
}

void
fm_imap_collect_tell (FmImapCollect *collect)
{
  FmImapHeard *heard = &collect->heard;

  if (collect->folder_id && (heard->added || heard->changed || heard->removed))
    fm_imap_tell_folder (collect->worker, collect->folder_id, heard->unseen_added);
  /* What left a label, or has other labels now, has left or entered other folders: they are looked at until nothing is new. */
  if (collect->is_gmail && heard->elsewhere)
    fm_imap_worker_post (collect->worker->back_port, FM_IMAP_ITEM_SYNC, 0, 0, NULL);
  heard->added = heard->unseen_added = heard->changed = heard->removed = heard->elsewhere = 0;
}

void
fm_imap_collect_tell_quietly (FmImapCollect *collect)
{
  collect->heard.unseen_added = 0;
  fm_imap_collect_tell (collect);
}

gboolean
fm_imap_collect_mark (FmImapCollect *collect, guint32 lowest_uid)
{
  Slice *slice = g_new0 (Slice, 1);

  fm_imap_collect_post_rows (collect);
  slice->lowest_uid = lowest_uid;
  post (collect, slice);
  return !has_failed (collect);
}

gboolean
fm_imap_collect_settle (FmImapCollect *collect, GError **error)
{
  gboolean good = fm_imap_collect_flush (collect, error);

  fm_imap_collect_tell (collect);
  return good;
}

void
fm_imap_collect_begin (FmImapCollect *collect, gint64 folder_id)
{
  g_autoptr (GError) error = NULL;

  if (!fm_imap_collect_settle (collect, &error))
    fm_log_debug ("imap: %s", error->message);
  g_clear_pointer (&collect->hidden, g_array_unref);
  g_clear_pointer (&collect->rights, g_free);
  collect->folder_id = folder_id;
  fm_imap_collect_reset (collect);
}

void
fm_imap_collect_share_flags (FmImapCollect *collect, gboolean is_gmail)
{
  collect->is_gmail = is_gmail;
}

void
fm_imap_collect_hide (FmImapCollect *collect, GArray *hidden)
{
  g_clear_pointer (&collect->hidden, g_array_unref);
  collect->hidden = hidden;
}

gint64
fm_imap_collect_folder (const FmImapCollect *collect)
{
  return collect->folder_id;
}

const char *
fm_imap_collect_rights (const FmImapCollect *collect)
{
  return collect->rights;
}

gboolean
fm_imap_collect_has_news (const FmImapCollect *collect)
{
  return collect->heard.exists || collect->heard.need_uids;
}

void
fm_imap_collect_take_news (FmImapCollect *collect, gboolean *ret_exists, gboolean *ret_need_uids)
{
  *ret_exists = collect->heard.exists;
  *ret_need_uids = collect->heard.need_uids;
  collect->heard.exists = collect->heard.need_uids = FALSE;
}

FmImapHeard
fm_imap_collect_heard (const FmImapCollect *collect)
{
  return collect->heard;
}

void
fm_imap_collect_reset (FmImapCollect *collect)
{
  memset (&collect->heard, 0, sizeof collect->heard);
}

void
fm_imap_collect_divert (FmImapCollect *collect, GArray *ranges, GArray *flags)
{
  collect->diverted_ranges = ranges;
  collect->diverted_flags = flags;
}

void
fm_imap_collect_divert_ids (FmImapCollect *collect, GArray *rows)
{
  collect->diverted_ids = rows;
}

void
fm_imap_collect_list (FmImapCollect *collect, const FmImapEvents *listing, gpointer data)
{
  collect->listing = listing;
  collect->listing_data = data;
}

/* --- events --- */

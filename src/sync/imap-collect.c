/* Three kinds of slices go to the pen's bulk lane: rows (headers parsed here, on the network's thread), flags, and sizes that came later. At most MAX_IN_FLIGHT wait for
 * their commit: beyond that the thread waits, the socket fills, and the server pauses; memory stays bounded however large the folder is. */
#include "sync/imap-collect.h"
#include "sync/imap-hidden.h"
#include <fulmar/base/error.h>
#include <fulmar/base/log.h>
#include <string.h>

#define ROWS_A_SLICE 150
#define FLAGS_A_SLICE 400
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

struct FmImapCollect {
  FmAccountWorker *worker;
  gint64 folder_id;
  GArray *rows, *flags, *sizes;
  GArray *hidden; /* FmImapRange, or NULL */
  GArray *diverted_ranges, *diverted_flags, *diverted_ids;
  const FmImapEvents *listing; /* box and status go there; NULL: nowhere */
  gpointer listing_data;
  FmImapHeard heard;
  char *rights;      /* of the folder, as MYRIGHTS told; NULL: it did not */
  gboolean is_gmail; /* flags are a message's, not a folder's */

  pthread_mutex_t mutex;
  pthread_cond_t cond;
  guint in_flight;                             /* under mutex */
  GError *error;                               /* the first; under mutex */
  guint added, unseen_added, changed, removed; /* under mutex */
  guint elsewhere, unknown;                    /* likewise; see FmImapHeard */
};

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
  GArray *rows = g_array_sized_new (FALSE, FALSE, sizeof (FmMessageInput), ROWS_A_SLICE);

  g_array_set_clear_func (rows, input_clear);
  return rows;
}

static GArray *
new_flags (void)
{
  GArray *flags = g_array_sized_new (FALSE, FALSE, sizeof (FmMessageFlags), FLAGS_A_SLICE);

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

static void
post_rows (FmImapCollect *collect)
{
  Slice *slice;

  if (collect->rows->len == 0)
    return;
  slice = g_new0 (Slice, 1);
  slice->rows = collect->rows;
  collect->rows = fm_imap_collect_new_rows ();
  post (collect, slice);
}

static void
post_flags (FmImapCollect *collect)
{
  Slice *slice;

  if (collect->flags->len == 0)
    return;
  slice = g_new0 (Slice, 1);
  slice->flags = collect->flags;
  collect->flags = new_flags ();
  post (collect, slice);
}

static void
post_sizes (FmImapCollect *collect)
{
  Slice *slice;

  if (collect->sizes->len == 0)
    return;
  slice = g_new0 (Slice, 1);
  slice->sizes = collect->sizes;
  collect->sizes = new_sizes ();
  post (collect, slice);
}

/* Deletions wait for their commit, since a slice may have to be repeated. */
static void
remove_ranges (FmImapCollect *collect, const FmImapRange *ranges, gsize n)
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
      post_rows (collect);
      post_flags (collect);
      post_sizes (collect);
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

  post_rows (collect);
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

static void
on_box (gpointer data, const FmImapBox *box)
{
  FmImapCollect *collect = data;

  if (collect->listing)
    collect->listing->box (collect->listing_data, box);
}

static void
on_status (gpointer data, const FmImapStatus *status)
{
  FmImapCollect *collect = data;

  if (collect->listing)
    collect->listing->status (collect->listing_data, status);
}

/* Asked for with the folder's SELECT only. */
static void
on_rights (gpointer data, const char *mailbox, const char *rights)
{
  FmImapCollect *collect = data;

  g_free (collect->rights);
  collect->rights = g_strdup (rights);
}

static void
on_exists (gpointer data, guint32 count)
{
  ((FmImapCollect *) data)->heard.exists = TRUE;
}

static void
on_expunge (gpointer data, guint32 seq)
{
  ((FmImapCollect *) data)->heard.need_uids = TRUE;
}

static void
on_vanished (gpointer data, gboolean earlier, const FmImapRange *ranges, gsize n)
{
  FmImapCollect *collect = data;

  if (!collect->folder_id || n == 0)
    return;
  post_rows (collect);
  remove_ranges (collect, ranges, n);
}

static void
add_row (FmImapCollect *collect, const FmImapMessage *message)
{
  FmMessageInput input = FM_MESSAGE_INPUT_INIT;

  collect->heard.headers++;
  collect->heard.highest_uid = MAX (collect->heard.highest_uid, message->uid);
  if (collect->heard.lowest_uid == 0 || message->uid < collect->heard.lowest_uid)
    collect->heard.lowest_uid = message->uid;
  if (message->flags & FM_FLAG_DELETED && fm_imap_hidden_has (collect->hidden, message->uid))
    return;
  input.uid = message->uid;
  input.flags = message->flags;
  input.keywords = (const char *const *) g_strdupv ((char **) message->keywords);
  input.modseq = message->has & FM_IMAP_HAS_MODSEQ ? message->modseq : 0;
  input.internal_date_utc = message->date_utc;
  input.size_bytes = message->size_bytes;
  if (message->has & FM_IMAP_HAS_GMAIL)
    {
      input.server_id = message->gm_msgid;
      input.server_thread = message->gm_thrid;
      input.labels = (const char *const *) g_strdupv ((char **) message->gm_labels);
    }
  input.envelope = fm_envelope_parse (message->header, message->header_bytes);
  g_array_append_val (collect->rows, input);
  if (collect->rows->len >= ROWS_A_SLICE)
    post_rows (collect);
}

static void
add_flags (FmImapCollect *collect, const FmImapMessage *message)
{
  FmMessageFlags flags
      = { .uid = message->uid, .flags = message->flags, .modseq = message->has & FM_IMAP_HAS_MODSEQ ? message->modseq : 0 };

  /* Another program has taken the mark off again: it is mail as any other. */
  if (!(message->flags & FM_FLAG_DELETED) && fm_imap_hidden_has (collect->hidden, message->uid))
    collect->heard.need_uids = TRUE;
  if (collect->diverted_flags)
    g_array_append_val (collect->diverted_flags, flags);
  if (message->flags & FM_FLAG_DELETED && fm_imap_hidden_has (collect->hidden, message->uid))
    return;
  flags.keywords = (const char *const *) g_strdupv ((char **) message->keywords);
  flags.is_shared = collect->is_gmail;
  flags.labels = (const char *const *) g_strdupv ((char **) message->gm_labels);
  g_array_append_val (collect->flags, flags);
  if (collect->flags->len >= FLAGS_A_SLICE)
    post_flags (collect);
}

static void
add_size (FmImapCollect *collect, const FmImapMessage *message)
{
  g_array_append_val (collect->sizes, ((FmMessageSize){ message->uid, message->size_bytes }));
  if (collect->sizes->len >= FLAGS_A_SLICE)
    post_sizes (collect);
}

/* By its id alone: it may be known from another folder. */
static void
divert_id (FmImapCollect *collect, const FmImapMessage *message)
{
  FmMessageInput input = FM_MESSAGE_INPUT_INIT;

  input.uid = message->uid;
  input.flags = message->flags;
  input.keywords = (const char *const *) g_strdupv ((char **) message->keywords);
  input.modseq = message->has & FM_IMAP_HAS_MODSEQ ? message->modseq : 0;
  input.server_id = message->gm_msgid;
  g_array_append_val (collect->diverted_ids, input);
}

static void
on_message (gpointer data, const FmImapMessage *message)
{
  FmImapCollect *collect = data;

  if (!collect->folder_id)
    return;
  if (collect->diverted_ids && message->uid && (message->has & FM_IMAP_HAS_GMAIL) && (message->has & FM_IMAP_HAS_FLAGS)
      && !(message->has & FM_IMAP_HAS_HEADER))
    {
      divert_id (collect, message);
      return;
    }
  if (message->has & FM_IMAP_HAS_MODSEQ)
    collect->heard.highest_modseq = MAX (collect->heard.highest_modseq, message->modseq);
  collect->heard.seen_uid = MAX (collect->heard.seen_uid, message->uid);
  if (message->uid == 0)
    collect->heard.need_uids = TRUE;
  else if (message->has & FM_IMAP_HAS_HEADER)
    add_row (collect, message);
  else if (message->has & FM_IMAP_HAS_FLAGS)
    add_flags (collect, message);
  else if (message->has & FM_IMAP_HAS_SIZE)
    add_size (collect, message);
}

/* A message no parser can read is still a message: it gets a row that says so, and its body can be opened. */
static void
on_unreadable (gpointer data, guint32 seq, guint32 uid)
{
  FmImapCollect *collect = data;
  static const char header[] = "Subject: (the server's answer for this message can't be read)\r\n\r\n";
  FmImapMessage message = { .seq = seq, .uid = uid, .header = header, .header_bytes = sizeof header - 1 };

  if (collect->folder_id && uid)
    add_row (collect, &message);
}

static void
on_search (gpointer data, const FmImapRange *uids, gsize n, guint64 highest_modseq)
{
  FmImapCollect *collect = data;

  if (collect->diverted_ranges)
    g_array_append_vals (collect->diverted_ranges, uids, n);
}

static void
tell (FmImapCollect *collect, const char *text)
{
  FmEvent *event = fm_event_new (FM_EVENT_NOTICE, 0);

  event->account = g_strdup (collect->worker->spec->name);
  event->text = g_strdup_printf ("the server says: %s", text);
  fm_sync_env_emit (collect->worker->env, event);
}

static void
on_alert (gpointer data, const char *text)
{
  tell (data, text);
}

const FmImapEvents *
fm_imap_collect_events (void)
{
  static const FmImapEvents events = {
    .exists = on_exists,
    .expunge = on_expunge,
    .vanished = on_vanished,
    .message = on_message,
    .unreadable = on_unreadable,
    .box = on_box,
    .status = on_status,
    .rights = on_rights,
    .search = on_search,
    .alert = on_alert,
  };

  return &events;
}

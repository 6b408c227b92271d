/* What is in several of Gmail's labels need not be sent several times: before the headers of a folder's older messages are asked for, their ids are,
 * which take an eighth of the room. For those that are known a row is made after the one there is; but for a folder of which little can be known the
 * ids would only come on top. */
#include "sync/imap-collect.h"
#include "sync/imap-folder-private.h"
#include <fulmar/store/gmail-store.h>

#define CHUNK_UIDS 2000
#define SLICE 100      /* rows a job of the pen */
#define WORTH_ONE_OF 3 /* the account must know a third as many messages as are asked about */

typedef struct {
  gint64 folder_id;
  const GArray *rows; /* FmMessageInput */
  guint first, n;
  GArray *done; /* guint32 UIDs */
} Job;

static gboolean
job_run (FmStoreWriter *writer, gpointer data, GError **error)
{
  Job *job = data;
  guint had = job->done->len;

  for (guint i = job->first; i < job->first + job->n; i++)
    {
      const FmMessageInput *input = &g_array_index (job->rows, FmMessageInput, i);
      gboolean is_done = FALSE;
      if (!fm_gmail_store_clone (writer, job->folder_id, input, &is_done, error))
        {
          g_array_set_size (job->done, had);
          return FALSE;
        }
      if (is_done)
        g_array_append_val (job->done, input->uid);
    }
  return TRUE;
}

/* The last of RANGES, CHUNK_UIDS of them at most, as one range; RANGES are left alone. AT: where the chunk before began. */
static gboolean
next_chunk (const GArray *ranges, guint32 at, FmImapRange *ret_chunk)
{
  guint64 left = CHUNK_UIDS;

  *ret_chunk = (FmImapRange){ 0, 0 };
  for (guint r = ranges->len; r-- > 0 && left > 0;)
    {
      FmImapRange range = g_array_index (ranges, FmImapRange, r);
      if (range.first >= at)
        continue;
      range.last = MIN (range.last, at - 1);
      guint64 n = MIN ((guint64) range.last - range.first + 1, left);
      ret_chunk->last = MAX (ret_chunk->last, range.last);
      ret_chunk->first = (guint32) (range.last - n + 1);
      left -= n;
    }
  return ret_chunk->last != 0;
}

static gboolean
ask (FmImapConn *conn, const FmImapRange *chunk, GArray *rows, GError **error)
{
  GError *refused = NULL;
  gboolean good;

  fm_imap_collect_divert_ids (conn->collect, rows);
  fm_imap_session_queue_fetch_ids (conn->session, chunk, 1, fm_imap_folder_keep_error, &refused);
  good = fm_imap_session_run (conn->session, error);
  fm_imap_collect_divert_ids (conn->collect, NULL);
  /* What a server won't tell costs the headers, no more. */
  g_clear_error (&refused);
  return good;
}

static int
compare_uids (gconstpointer a, gconstpointer b)
{
  guint32 x = *(const guint32 *) a, y = *(const guint32 *) b;
  return x < y ? -1 : x > y;
}

/* Takes DONE (sorted here) out of RANGES. */
static void
subtract (GArray *ranges, GArray *done)
{
  g_autoptr (GArray) left = g_array_new (FALSE, FALSE, sizeof (FmImapRange));
  guint at = 0;

  g_array_sort (done, compare_uids);
  for (guint r = 0; r < ranges->len; r++)
    {
      FmImapRange range = g_array_index (ranges, FmImapRange, r);
      for (; at < done->len && g_array_index (done, guint32, at) < range.first; at++)
        ;
      for (; at < done->len && g_array_index (done, guint32, at) <= range.last; at++)
        {
          guint32 uid = g_array_index (done, guint32, at);
          if (uid > range.first)
            g_array_append_val (left, ((FmImapRange){ range.first, uid - 1 }));
          range.first = uid + 1;
        }
      if (range.first != 0 && range.first <= range.last)
        g_array_append_val (left, range);
    }
  g_array_set_size (ranges, 0);
  g_array_append_vals (ranges, left->data, left->len);
}

static gboolean
clone_all (FmImapConn *conn, gint64 folder_id, const GArray *rows, GArray *done, GError **error)
{
  for (guint at = 0; at < rows->len; at += SLICE)
    {
      Job job = { folder_id, rows, at, MIN (SLICE, rows->len - at), done };
      if (!fm_pen_call (conn->worker->env->pen, FM_PEN_BULK, job_run, &job, error))
        return FALSE;
    }
  if (rows->len > 0)
    fm_imap_tell_folder (conn->worker, folder_id, 0);
  return TRUE;
}

gboolean
fm_imap_known_take (FmImapConn *conn, const FmFolderInfo *info, GArray *ranges, gboolean (*may_go_on) (gpointer data), gpointer data,
                    gboolean *ret_stopped, GError **error)
{
  g_autoptr (GArray) done = g_array_new (FALSE, FALSE, sizeof (guint32));
  FmImapRange chunk = { G_MAXUINT32, 0 };
  guint64 total = 0;
  gboolean good = TRUE;

  *ret_stopped = FALSE;
  for (guint i = 0; i < ranges->len; i++)
    total += (guint64) g_array_index (ranges, FmImapRange, i).last - g_array_index (ranges, FmImapRange, i).first + 1;
  if (!fm_imap_session_has (conn->session, FM_IMAP_CAP_GMAIL)
      || fm_gmail_store_count (conn->reader, info->account_id) * WORTH_ONE_OF < total)
    return TRUE;
  while (good && !*ret_stopped && next_chunk (ranges, chunk.first, &chunk))
    {
      g_autoptr (GArray) rows = fm_imap_collect_new_rows ();
      good = ask (conn, &chunk, rows, error) && clone_all (conn, info->id, rows, done, error);
      *ret_stopped = good && !may_go_on (data);
    }
  subtract (ranges, done);
  return good;
}

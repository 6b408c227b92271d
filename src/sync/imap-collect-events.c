/* What a session says, word by word, as it is gathered. */
#include "sync/imap-collect-private.h"
#include "sync/imap-hidden.h"
#include <fulmar/base/error.h>
#include <string.h>

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
  fm_imap_collect_post_rows (collect);
  fm_imap_collect_remove_ranges (collect, ranges, n);
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
  if (collect->rows->len >= FM_IMAP_COLLECT_ROWS)
    fm_imap_collect_post_rows (collect);
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
  if (collect->flags->len >= FM_IMAP_COLLECT_FLAGS)
    fm_imap_collect_post_flags (collect);
}

static void
add_size (FmImapCollect *collect, const FmImapMessage *message)
{
  g_array_append_val (collect->sizes, ((FmMessageSize){ message->uid, message->size_bytes }));
  if (collect->sizes->len >= FM_IMAP_COLLECT_FLAGS)
    fm_imap_collect_post_sizes (collect);
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

/* Filing. The copy in Sent is an append like any other: the journal brings it to the server and looks for it there before it repeats anything. */
#include "sync/outbox-file.h"
#include "sync/special-folder.h"
#include <fulmar/base/clock.h>
#include <fulmar/mail/flags.h>
#include <fulmar/mail/message.h>
#include <fulmar/store/journal.h>
#include <fulmar/store/message-store.h>

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_HEADER_BYTES (256 * 1024)

FmEnvelope *
fm_outbox_file_envelope (const char *path, guint64 *ret_size)
{
  g_autofree char *bytes = g_malloc (MAX_HEADER_BYTES);
  struct stat st = { 0 };
  int fd = path == NULL ? -1 : open (path, O_RDONLY | O_CLOEXEC);
  gssize n = fd < 0 ? 0 : pread (fd, bytes, MAX_HEADER_BYTES, 0);
  if (fd >= 0 && fstat (fd, &st) == 0 && ret_size != NULL)
    *ret_size = (guint64) st.st_size;
  if (fd >= 0)
    close (fd);
  return fm_envelope_parse (bytes, (gsize) MAX (n, 0));
}

gboolean
fm_outbox_file_is_in_sent (FmStoreReader *reader, const FmAccountSpec *spec, const FmOutgoing *outgoing)
{
  gint64 sent = fm_special_folder_find (reader, spec, outgoing->account_id, FM_SPECIAL_SENT, NULL);
  if (sent == 0 || *outgoing->message_id == '\0')
    return FALSE;
  g_autoptr (GArray) ids = fm_message_store_find_message_id (reader, outgoing->message_id, NULL);
  for (guint i = 0; ids != NULL && i < ids->len; i++)
    {
      g_autoptr (FmMessageInfo) message = fm_message_store_get (reader, g_array_index (ids, gint64, i), NULL);
      if (message != NULL && message->folder_id == sent)
        return TRUE;
    }
  return FALSE;
}

/* Servers that put a copy of what they take into Sent by themselves. */
static gboolean
files_itself (const FmAccountSpec *spec)
{
  static const char *const hosts[] = { "smtp.gmail.com", "smtp-mail.outlook.com", "smtp.office365.com", NULL };
  g_autofree char *host = spec->smtp.host == NULL ? NULL : g_ascii_strdown (spec->smtp.host, -1);
  return host != NULL && spec->kind == FM_ACCOUNT_IMAP && g_strv_contains (hosts, host);
}

/* value struct: the pen's job */
typedef struct {
  const FmAccountSpec *spec;
  const FmOutgoing *outgoing;
  const FmEnvelope *envelope;
  guint64 size_bytes;
  int attachments;
  FmOutboxFiled filed;
} Filing;

static void
note_account (Filing *filing, gint64 account_id)
{
  for (guint i = 0; i < G_N_ELEMENTS (filing->filed.accounts) && account_id != 0; i++)
    {
      if (filing->filed.accounts[i] == account_id)
        return;
      if (filing->filed.accounts[i] == 0)
        {
          filing->filed.accounts[i] = account_id;
          return;
        }
    }
}

/* The row's account if the row is still there; then there is something to be done to it. */
static gboolean
is_here (Filing *filing, FmStoreWriter *writer, gint64 msg_id)
{
  g_autoptr (FmMessageInfo) message = msg_id == 0 ? NULL : fm_message_store_get (fm_db_writer_reader (writer), msg_id, NULL);
  if (message != NULL)
    note_account (filing, message->account_id);
  return message != NULL;
}

static gboolean
plan_copy (Filing *filing, FmStoreWriter *writer, gint64 group, GError **error)
{
  const FmOutgoing *outgoing = filing->outgoing;
  if (files_itself (filing->spec) || fm_outbox_file_is_in_sent (fm_db_writer_reader (writer), filing->spec, outgoing))
    return TRUE;
  gint64 sent = fm_special_folder_need (writer, filing->spec, outgoing->account_id, FM_SPECIAL_SENT, &filing->filed.tree_changed, error);
  FmMessageInput input = FM_MESSAGE_INPUT_INIT;
  input.flags = FM_FLAG_SEEN;
  input.internal_date_utc = fm_clock_now_utc ();
  input.size_bytes = filing->size_bytes;
  input.attachments = filing->attachments;
  input.blob_id = outgoing->blob_id;
  input.envelope = filing->envelope;
  if (sent == 0 || fm_journal_plan_append (writer, group, sent, &input, error) == 0)
    return FALSE;
  filing->filed.sent_folder = sent;
  note_account (filing, outgoing->account_id);
  return TRUE;
}

static gboolean
file_run (FmStoreWriter *writer, gpointer data, GError **error)
{
  Filing *filing = data;
  const FmOutgoing *outgoing = filing->outgoing;
  gint64 group = fm_journal_side_group (writer, "sent mail", error);
  filing->filed = (FmOutboxFiled){ 0 };
  if (group == 0 || !plan_copy (filing, writer, group, error))
    return FALSE;
  if (is_here (filing, writer, outgoing->replied_id)
      && !fm_journal_plan_flags (writer, group, &outgoing->replied_id, 1, FM_FLAG_ANSWERED, 0, NULL, NULL, NULL, error))
    return FALSE;
  if (is_here (filing, writer, outgoing->forwarded_id)
      && !fm_journal_plan_flags (writer, group, &outgoing->forwarded_id, 1, FM_FLAG_FORWARDED, 0, NULL, NULL, NULL, error))
    return FALSE;
  if (is_here (filing, writer, outgoing->draft_id) && !fm_journal_plan_expunge (writer, group, &outgoing->draft_id, 1, NULL, error))
    return FALSE;
  return fm_outbox_store_move (writer, outgoing->id, FM_OUTBOX_ACCEPTED, FM_OUTBOX_FILED, 0, outgoing->error, error);
}

gboolean
fm_outbox_file_sent (FmSyncEnv *env, const FmAccountSpec *spec, const FmOutgoing *outgoing, const char *path, FmOutboxFiled *ret_filed,
                     GError **error)
{
  Filing filing = { .spec = spec, .outgoing = outgoing, .attachments = -1 };
  g_autoptr (FmEnvelope) envelope = fm_outbox_file_envelope (path, &filing.size_bytes);
  g_autoptr (FmMessage) message = path == NULL ? NULL : fm_message_open_file (path, 0, -1, NULL);
  filing.envelope = envelope;
  if (message != NULL)
    {
      g_autoptr (GArray) attachments = fm_message_attachments (message);
      filing.attachments = (int) attachments->len;
    }
  if (!fm_pen_call (env->pen, FM_PEN_SAFE, file_run, &filing, error))
    return FALSE;
  *ret_filed = filing.filed;
  return TRUE;
}

/* A mail that is in part delivered can't simply be taken out: those who have it have it, so a copy is filed in Sent, and the rest are told as refused. The
 * bytes that are sent hold no Bcc; a draft made of them gets it back from the envelope. */
#include "sync/outbox-change.h"
#include "sync/outbox-file.h"
#include "sync/special-folder.h"
#include <fulmar/base/clock.h>
#include <fulmar/base/error.h>
#include <fulmar/mail/flags.h>
#include <fulmar/store/body-store.h>
#include <fulmar/store/journal.h>

#include <string.h>

#define MAX_MESSAGE_BYTES (256u * 1024 * 1024)

static gboolean
anyone_has_it (const FmOutgoing *outgoing)
{
  for (guint i = 0; i < outgoing->recipients->len; i++)
    if (((FmOutboxRecipient *) outgoing->recipients->pdata[i])->state == FM_RECIPIENT_ACCEPTED)
      return TRUE;
  return FALSE;
}

/* "Bcc: ..." of the recipients that the header does not name; NULL if it names all. Transfer: full. */
static char *
hidden_field (const FmOutgoing *outgoing, const FmEnvelope *envelope)
{
  g_autoptr (GArray) hidden = g_array_new (FALSE, FALSE, sizeof (FmAddress));
  for (guint i = 0; i < outgoing->recipients->len; i++)
    {
      FmAddress address = { "", ((FmOutboxRecipient *) outgoing->recipients->pdata[i])->address };
      if (!fm_address_list_contains (fm_envelope_to (envelope), address.address)
          && !fm_address_list_contains (fm_envelope_cc (envelope), address.address)
          && !fm_address_list_contains (fm_envelope_bcc (envelope), address.address))
        g_array_append_val (hidden, address);
    }
  if (hidden->len == 0)
    return NULL;
  g_autoptr (FmAddressList) list = fm_address_list_new ((const FmAddress *) (gconstpointer) hidden->data, hidden->len);
  g_autofree char *value = fm_address_list_header (list);
  return g_strdup_printf ("Bcc: %s\r\n", value);
}

gboolean
fm_outbox_change_write (FmStore *store, FmStoreReader *reader, gint64 outgoing_id, FmOutboxDraftFile *ret_file, GError **error)
{
  g_autoptr (FmOutgoing) outgoing = fm_outbox_store_get (reader, outgoing_id, error);
  g_autofree char *path = outgoing == NULL ? NULL : fm_body_store_blob_path (reader, outgoing->blob_id, error);
  g_autofree char *bytes = NULL;
  g_autoptr (GError) local = NULL;
  gsize size = 0;
  if (path == NULL)
    return FALSE;
  if (!g_file_get_contents (path, &bytes, &size, &local))
    {
      g_set_error (error, FM_ERROR, FM_ERROR_STORAGE, "the mail can't be read: %s", local->message);
      return FALSE;
    }
  g_autoptr (FmEnvelope) envelope = fm_outbox_file_envelope (path, NULL);
  g_autofree char *field = hidden_field (outgoing, envelope);
  g_autoptr (FmSink) sink = fm_body_store_sink_new (store, MAX_MESSAGE_BYTES, FALSE);
  if ((field != NULL && !fm_sink_write (sink, field, strlen (field), error)) || !fm_sink_write (sink, bytes, size, error)
      || !fm_sink_commit (sink, error))
    return FALSE;
  ret_file->outgoing_id = outgoing_id;
  g_strlcpy (ret_file->digest, fm_body_store_sink_digest (sink, &ret_file->size_bytes), sizeof ret_file->digest);
  return TRUE;
}

/* The blob of the draft: the mail's own, or FILE's where hidden recipients have to be named. 0 on error. */
static gint64
draft_blob (FmStoreWriter *writer, const FmOutgoing *outgoing, const char *hidden, const FmOutboxDraftFile *file, FmOutboxChange *change,
            guint64 *ret_size, GError **error)
{
  if (hidden == NULL)
    return outgoing->blob_id;
  change->needs_file = file == NULL || file->outgoing_id != outgoing->id;
  if (change->needs_file)
    {
      g_set_error_literal (error, FM_ERROR, FM_ERROR_INVALID, "the draft's file is not written");
      return 0;
    }
  *ret_size = file->size_bytes;
  return fm_body_store_put (writer, file->digest, file->size_bytes, error);
}

/* A new draft in place of the one that was sent from, which may hold an older text. */
static gboolean
make_draft (FmStoreWriter *writer, const FmAccountSpec *spec, const FmOutgoing *outgoing, gint64 group_id, const FmOutboxDraftFile *file,
            FmOutboxChange *change, GError **error)
{
  g_autofree char *path = fm_body_store_blob_path (fm_db_writer_reader (writer), outgoing->blob_id, error);
  change->drafts_id
      = path == NULL ? 0 : fm_special_folder_need (writer, spec, outgoing->account_id, FM_SPECIAL_DRAFTS, &change->tree_changed, error);
  if (change->drafts_id == 0)
    return FALSE;
  FmMessageInput input = FM_MESSAGE_INPUT_INIT;
  g_autoptr (FmEnvelope) envelope = fm_outbox_file_envelope (path, &input.size_bytes);
  g_autofree char *field = hidden_field (outgoing, envelope);
  input.flags = FM_FLAG_SEEN | FM_FLAG_DRAFT;
  input.internal_date_utc = fm_clock_now_utc ();
  input.envelope = envelope;
  input.blob_id = draft_blob (writer, outgoing, field, file, change, &input.size_bytes, error);
  change->draft_id = input.blob_id == 0 ? 0 : fm_journal_plan_append (writer, group_id, change->drafts_id, &input, error);
  return change->draft_id != 0
         && (outgoing->draft_id == 0 || fm_journal_plan_expunge (writer, group_id, &outgoing->draft_id, 1, NULL, error));
}

/* Out of the outbox, not sent. */
static gboolean
take_out (FmStoreWriter *writer, const FmOutgoing *outgoing, const char *why, FmOutboxChange *change, GError **error)
{
  if (!anyone_has_it (outgoing))
    return fm_outbox_store_move (writer, outgoing->id, outgoing->state, FM_OUTBOX_CANCELLED, 0, why, error);
  change->text = change->draft_id != 0 ? "back in Drafts; it was sent to some already, so a copy is filed in Sent"
                                       : "not sent to the others; a copy is filed in Sent";
  return fm_outbox_store_give_up (writer, outgoing->id, why, error)
         && fm_outbox_store_move (writer, outgoing->id, outgoing->state, FM_OUTBOX_ACCEPTED, 0, why, error);
}

static gboolean
misfit (const char *text, GError **error)
{
  g_set_error_literal (error, FM_ERROR, FM_ERROR_INVALID, text);
  return FALSE;
}

static gboolean
say_what_is_known (FmStoreWriter *writer, const FmAccountSpec *spec, const FmOutgoing *outgoing, gboolean was_sent, FmOutboxChange *change,
                   GError **error)
{
  if (outgoing->state != FM_OUTBOX_UNKNOWN)
    return misfit ("it is known what became of that mail: it has not been sent", error);
  gboolean found = fm_outbox_file_is_in_sent (fm_db_writer_reader (writer), spec, outgoing);
  if (was_sent || found)
    {
      change->text = was_sent ? "filed as sent" : "it lies in Sent: it was sent, and is not sent again";
      return fm_outbox_store_move (writer, outgoing->id, FM_OUTBOX_UNKNOWN, FM_OUTBOX_ACCEPTED, 0, NULL, error);
    }
  change->text = "sending it again";
  return fm_outbox_store_renew (writer, outgoing->id, FM_OUTBOX_UNKNOWN, error);
}

gboolean
fm_outbox_change_run (FmStoreWriter *writer, const FmAccountSpec *spec, const FmOutgoing *outgoing, FmActionKind kind, gint64 group_id,
                      const FmOutboxDraftFile *file, FmOutboxChange *ret_change, GError **error)
{
  *ret_change = (FmOutboxChange){ 0 };
  if (outgoing->state != FM_OUTBOX_HELD && outgoing->state != FM_OUTBOX_FAILED && outgoing->state != FM_OUTBOX_UNKNOWN)
    return misfit (
        outgoing->state == FM_OUTBOX_SENDING ? "that mail is being sent at this moment" : "that mail has been sent or taken back", error);
  switch ((int) kind)
    {
    case FM_ACTION_OUTBOX_RETRY:
      if (outgoing->state == FM_OUTBOX_UNKNOWN)
        return misfit (
            "nobody knows whether that mail was sent: look into Sent, or ask who should have it; then say that it was sent, or was not",
            error);
      ret_change->text = "trying to send it now";
      return fm_outbox_store_renew (writer, outgoing->id, outgoing->state, error);
    case FM_ACTION_OUTBOX_RESEND:
    case FM_ACTION_OUTBOX_SENT:
      return say_what_is_known (writer, spec, outgoing, kind == FM_ACTION_OUTBOX_SENT, ret_change, error);
    case FM_ACTION_OUTBOX_DRAFT:
      ret_change->text = "not sent: the mail is back in Drafts";
      return make_draft (writer, spec, outgoing, group_id, file, ret_change, error)
             && take_out (writer, outgoing, "taken back", ret_change, error);
    default:
      ret_change->text = "dropped: it is not sent";
      return take_out (writer, outgoing, "dropped", ret_change, error);
    }
}

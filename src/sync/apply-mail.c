/* Actions that carry a message, or change one that waits to be sent: filing, drafts, sending, and what the user decides about the outbox. */
#include "sync/apply-private.h"
#include "sync/special-folder.h"
#include <fulmar/base/clock.h>
#include <fulmar/base/error.h>
#include <fulmar/store/body-store.h>
#include <fulmar/store/journal.h>

gboolean
fm_apply_mail_write_draft (FmApply *apply, FmStore *store, FmStoreReader *reader, GError **error)
{
  FmOutboxDraftFile file = { 0 };
  if (!fm_outbox_change_write (store, reader, apply->needs_file, &file, error))
    return FALSE;
  g_array_append_val (apply->files, file);
  apply->needs_file = 0;
  return TRUE;
}

/* In a group of its own: what the draft was before can't be brought back, and must not keep the rest from being undone. */
static gboolean
replace_draft (FmApply *apply, FmStoreWriter *writer, GError **error)
{
  gint64 old = fm_action_replaces (apply->action);
  gint64 group = old == 0 ? 0 : fm_journal_side_group (writer, "older draft", error);
  return old == 0 || (group != 0 && fm_journal_plan_expunge (writer, group, &old, 1, NULL, error));
}

/* The folder named, or the account's Drafts. Transfer: full. */
static FmFolderInfo *
append_target (FmApply *apply, FmStoreWriter *writer, GError **error)
{
  FmStoreReader *reader = fm_db_writer_reader (writer);
  gint64 folder_id = fm_action_folder (apply->action);
  if (fm_action_kind (apply->action) == FM_ACTION_DRAFT)
    {
      const char *account = fm_action_account (apply->action);
      gint64 account_id = fm_apply_account_id (reader, account, error);
      folder_id = account_id == 0 ? 0
                                  : fm_special_folder_need (writer, fm_apply_spec (apply, account), account_id, FM_SPECIAL_DRAFTS,
                                                            &apply->tree_changed, error);
      if (folder_id == 0)
        return NULL;
    }
  return fm_folder_store_get (reader, folder_id, error);
}

gboolean
fm_apply_mail_append (FmApply *apply, FmStoreWriter *writer, GError **error)
{
  g_autoptr (FmFolderInfo) folder = append_target (apply, writer, error);
  gboolean may = folder != NULL && fm_apply_rights_may (fm_db_writer_reader (writer), folder->id, FM_WISH_INSERT, error);
  gint64 blob_id = !may ? 0 : fm_body_store_put (writer, apply->digest, apply->size_bytes, error);
  if (blob_id == 0 || !fm_apply_new_group (apply, writer, g_strdup_printf ("filed 1 in %s/%s", folder->account, folder->name), error))
    return FALSE;
  gint64 date = fm_action_date (apply->action);
  FmMessageInput input = FM_MESSAGE_INPUT_INIT;
  input.flags = fm_action_add_flags (apply->action);
  input.internal_date_utc = date != 0 ? date : fm_clock_now_utc ();
  input.size_bytes = apply->size_bytes;
  input.attachments = apply->attachments;
  input.blob_id = blob_id;
  input.envelope = apply->envelope;
  fm_apply_note (apply->folders, folder->id);
  fm_apply_note (apply->accounts, folder->account_id);
  apply->count = 1;
  apply->draft_id = fm_journal_plan_append (writer, apply->group_id, folder->id, &input, error);
  return apply->draft_id != 0 && replace_draft (apply, writer, error);
}

gboolean
fm_apply_mail_send (FmApply *apply, FmStoreWriter *writer, GError **error)
{
  FmSendOptions options;
  fm_action_send_options (apply->action, &options);
  gint64 account_id = fm_apply_account_id (fm_db_writer_reader (writer), options.account, error);
  gint64 blob_id = account_id == 0 ? 0 : fm_body_store_put (writer, apply->digest, apply->size_bytes, error);
  if (blob_id == 0)
    return FALSE;
  g_autoptr (GPtrArray) recipients = g_ptr_array_new_with_free_func (g_free);
  for (guint i = 0; options.recipients[i] != NULL; i++)
    {
      FmOutboxRecipient *recipient = g_new0 (FmOutboxRecipient, 1);
      recipient->address = (char *) options.recipients[i];
      g_ptr_array_add (recipients, recipient);
    }
  gint64 now = fm_clock_now_utc ();
  FmOutgoing outgoing = {
    .account_id = account_id,
    .blob_id = blob_id,
    .sender = (char *) options.sender,
    .recipients = recipients,
    .state = FM_OUTBOX_HELD,
    .hold_until_utc = options.hold_s > 0 ? now + options.hold_s : 0,
    .created_utc = now,
    .error = (char *) "",
    .message_id = (char *) fm_envelope_message_id (apply->envelope),
    .replied_id = options.replied_id,
    .forwarded_id = options.forwarded_id,
    .draft_id = options.draft_id,
  };
  if (!fm_apply_new_group (apply, writer, g_strdup ("queued 1 to be sent"), error))
    return FALSE;
  outgoing.group_id = apply->group_id;
  apply->count = 1;
  apply->outbox_changed = TRUE;
  apply->outgoing_id = fm_outbox_store_put (writer, &outgoing, error);
  return apply->outgoing_id != 0;
}

static const FmOutboxDraftFile *
file_of (const FmApply *apply, gint64 outgoing_id)
{
  for (guint i = 0; i < apply->files->len; i++)
    if (g_array_index (apply->files, FmOutboxDraftFile, i).outgoing_id == outgoing_id)
      return &g_array_index (apply->files, FmOutboxDraftFile, i);
  return NULL;
}

static gboolean
change_outgoing (FmApply *apply, FmStoreWriter *writer, const FmOutgoing *outgoing, FmActionKind kind, GError **error)
{
  g_autofree char *name = fm_apply_account_name (fm_db_writer_reader (writer), outgoing->account_id);
  FmOutboxChange change;
  if (!fm_outbox_change_run (writer, fm_apply_spec (apply, name), outgoing, kind, apply->group_id, file_of (apply, outgoing->id), &change,
                             error))
    {
      apply->needs_file = change.needs_file ? outgoing->id : 0;
      return FALSE;
    }
  fm_apply_note (apply->accounts, outgoing->account_id);
  fm_apply_note (apply->folders, change.drafts_id);
  g_free (apply->text);
  apply->text = g_strdup (change.text);
  apply->count++;
  apply->draft_id = change.draft_id;
  apply->outgoing_id = outgoing->id;
  apply->tree_changed |= change.tree_changed;
  return TRUE;
}

gboolean
fm_apply_mail_change (FmApply *apply, FmStoreWriter *writer, GError **error)
{
  gsize n;
  const gint64 *ids = fm_action_ids (apply->action, &n);
  apply->outbox_changed = TRUE;
  apply->group_id = fm_journal_side_group (writer, "draft of a mail that was not sent", error);
  for (gsize i = 0; apply->group_id != 0 && i < n; i++)
    {
      g_autoptr (FmOutgoing) outgoing = fm_outbox_store_get (fm_db_writer_reader (writer), ids[i], error);
      if (outgoing == NULL || !change_outgoing (apply, writer, outgoing, fm_action_kind (apply->action), error))
        return FALSE;
    }
  return apply->group_id != 0;
}

/* The mail among MAILS that a step back takes back: the one asked for, or one that is still held and was queued after the action that could be undone
 * otherwise, as it is what was done last; or the one that this step had chosen before its draft's file was written. NULL: none. */
static const FmOutgoing *
mail_to_take_back (const FmApply *apply, const GPtrArray *mails, gint64 candidate)
{
  const FmOutgoing *last = NULL;
  gsize n;
  const gint64 *wanted = fm_action_ids (apply->action, &n);
  for (guint i = 0; i < mails->len; i++)
    {
      const FmOutgoing *mail = mails->pdata[i];
      if (mail->id == apply->taken_back)
        return mail;
      if (mail->state == FM_OUTBOX_HELD && mail->tries == 0 && (n > 0 ? mail->group_id == wanted[0] : mail->group_id > candidate)
          && (last == NULL || mail->group_id > last->group_id))
        last = mail;
    }
  return apply->taken_back == 0 ? last : NULL;
}

gboolean
fm_apply_mail_take_back (FmApply *apply, FmStoreWriter *writer, gint64 candidate, gboolean *ret_done, GError **error)
{
  FmStoreReader *reader = fm_db_writer_reader (writer);
  g_autoptr (GPtrArray) mails = fm_outbox_store_list (reader, 0, error);
  const FmOutgoing *last = mails == NULL ? NULL : mail_to_take_back (apply, mails, candidate);
  *ret_done = FALSE;
  if (mails != NULL && last == NULL && apply->taken_back != 0)
    {
      g_set_error_literal (error, FM_ERROR, FM_ERROR_INVALID, "that mail has been sent or taken back");
      return FALSE;
    }
  if (last == NULL)
    return mails != NULL;
  apply->taken_back = last->id;
  apply->group_id = fm_journal_side_group (writer, "taken back", error);
  if (apply->group_id == 0 || !change_outgoing (apply, writer, last, FM_ACTION_OUTBOX_DRAFT, error))
    return FALSE;
  apply->group_id = last->group_id;
  apply->outbox_changed = apply->tree_changed = *ret_done = TRUE;
  return TRUE;
}

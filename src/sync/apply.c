/* Applying a user's action. Rows are grouped by account (each has its own Trash) and by folder (whose lists change); the journal plans each group in
 * chunks, all within one transaction and one undo group, so that ten thousand messages are one step back. */
#include "sync/apply.h"
#include "sync/outbox-change.h"
#include "sync/special-folder.h"
#include <fulmar/base/clock.h>
#include <fulmar/base/error.h>
#include <fulmar/mail/message.h>
#include <fulmar/store/body-store.h>
#include <fulmar/store/journal.h>
#include <fulmar/store/list-store.h>
#include <fulmar/store/outbox-store.h>

#include <string.h>

#define CHUNK 1000
#define MAX_MESSAGE_BYTES (256u * 1024 * 1024)

/* The rows of an action that are of one account. */
typedef struct {
  gint64 account_id;
  GArray *ids; /* gint64 */
} Part;

struct FmApply {
  FmAction *action;
  GPtrArray *specs;
  char *digest; /* of the message, once prepared */
  guint64 size_bytes;
  FmEnvelope *envelope;
  int attachments;
  gint64 group_id;
  guint count;
  char *text;
  GArray *folders, *accounts;
  gboolean tree_changed, outbox_changed;
  gint64 draft_id, outgoing_id;
  GArray *files;     /* FmOutboxDraftFile, written */
  gint64 needs_file; /* of the draft of this outgoing mail; 0: none */
  gint64 taken_back; /* the mail that undo has chosen; 0: it has not */
};

FmApply *
fm_apply_new (FmAction *action, GPtrArray *specs)
{
  FmApply *apply = g_new0 (FmApply, 1);
  apply->action = fm_action_ref (action);
  apply->specs = g_ptr_array_ref (specs);
  apply->folders = g_array_new (FALSE, FALSE, sizeof (gint64));
  apply->accounts = g_array_new (FALSE, FALSE, sizeof (gint64));
  apply->files = g_array_new (FALSE, FALSE, sizeof (FmOutboxDraftFile));
  apply->attachments = -1;
  return apply;
}

void
fm_apply_free (FmApply *apply)
{
  if (apply == NULL)
    return;
  fm_action_unref (apply->action);
  g_ptr_array_unref (apply->specs);
  g_free (apply->digest);
  if (apply->envelope != NULL)
    fm_envelope_unref (apply->envelope);
  g_free (apply->text);
  g_array_unref (apply->folders);
  g_array_unref (apply->accounts);
  g_array_unref (apply->files);
  g_free (apply);
}

gint64
fm_apply_group (const FmApply *apply)
{
  return apply->group_id;
}

guint
fm_apply_count (const FmApply *apply)
{
  return apply->count;
}

const char *
fm_apply_text (const FmApply *apply)
{
  return apply->text;
}

const GArray *
fm_apply_folders (const FmApply *apply)
{
  return apply->folders;
}

const GArray *
fm_apply_accounts (const FmApply *apply)
{
  return apply->accounts;
}

gint64
fm_apply_draft (const FmApply *apply)
{
  return apply->draft_id;
}

gint64
fm_apply_outgoing (const FmApply *apply)
{
  return apply->outgoing_id;
}

gboolean
fm_apply_tree_changed (const FmApply *apply)
{
  return apply->tree_changed;
}

gboolean
fm_apply_outbox_changed (const FmApply *apply)
{
  return apply->outbox_changed;
}

gboolean
fm_apply_needs_file (const FmApply *apply)
{
  return apply->needs_file != 0;
}

static gboolean
write_draft (FmApply *apply, FmStore *store, FmStoreReader *reader, GError **error)
{
  FmOutboxDraftFile file = { 0 };
  if (!fm_outbox_change_write (store, reader, apply->needs_file, &file, error))
    return FALSE;
  g_array_append_val (apply->files, file);
  apply->needs_file = 0;
  return TRUE;
}

gboolean
fm_apply_prepare (FmApply *apply, FmStore *store, FmStoreReader *reader, GError **error)
{
  GBytes *message = fm_action_message (apply->action);
  if (apply->needs_file != 0)
    return write_draft (apply, store, reader, error);
  if (message == NULL)
    return TRUE;
  gsize size;
  const void *bytes = g_bytes_get_data (message, &size);
  g_autoptr (FmSink) sink = fm_body_store_sink_new (store, MAX_MESSAGE_BYTES, FALSE);
  if (!fm_sink_write (sink, bytes, size, error) || !fm_sink_commit (sink, error))
    return FALSE;
  apply->digest = g_strdup (fm_body_store_sink_digest (sink, &apply->size_bytes));
  apply->envelope = fm_envelope_parse (bytes, size);
  g_autoptr (FmMessage) opened = fm_message_open_bytes (message, NULL);
  if (opened != NULL)
    {
      g_autoptr (GArray) attachments = fm_message_attachments (opened);
      apply->attachments = (int) attachments->len;
    }
  return TRUE;
}

static void
add_once (GArray *ids, gint64 id)
{
  for (guint i = 0; i < ids->len; i++)
    if (g_array_index (ids, gint64, i) == id)
      return;
  if (id != 0)
    g_array_append_val (ids, id);
}

static const FmAccountSpec *
spec_named (const FmApply *apply, const char *name)
{
  for (guint i = 0; i < apply->specs->len; i++)
    {
      const FmAccountSpec *spec = apply->specs->pdata[i];
      if (g_str_equal (spec->name, name))
        return spec;
    }
  return NULL;
}

static void
part_free (gpointer data)
{
  Part *part = data;
  g_array_unref (part->ids);
  g_free (part);
}

static Part *
part_of (GPtrArray *parts, gint64 account_id)
{
  for (guint i = 0; i < parts->len; i++)
    if (((Part *) parts->pdata[i])->account_id == account_id)
      return parts->pdata[i];
  Part *part = g_new0 (Part, 1);
  part->account_id = account_id;
  part->ids = g_array_new (FALSE, FALSE, sizeof (gint64));
  g_ptr_array_add (parts, part);
  return part;
}

/* The account of a folder, remembered in ACCOUNTS (folder id -> account id) since rows come by the thousand from few folders. */
static gint64
account_of (FmStoreReader *reader, GHashTable *accounts, gint64 folder_id)
{
  gpointer known = g_hash_table_lookup (accounts, &folder_id);
  if (known != NULL)
    return *(gint64 *) known;
  g_autoptr (FmFolderInfo) folder = fm_folder_store_get (reader, folder_id, NULL);
  gint64 account_id = folder == NULL ? 0 : folder->account_id;
  g_hash_table_insert (accounts, g_memdup2 (&folder_id, sizeof folder_id), g_memdup2 (&account_id, sizeof account_id));
  return account_id;
}

/* IDS by account; every folder they stand in is noted as changing. Transfer: full. */
static GPtrArray *
split (FmApply *apply, FmStoreReader *reader, const gint64 *ids, gsize n, GError **error)
{
  g_autoptr (GPtrArray) parts = g_ptr_array_new_with_free_func (part_free);
  g_autoptr (GHashTable) accounts = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, g_free);
  for (gsize at = 0; at < n; at += CHUNK)
    {
      g_autoptr (GPtrArray) rows = fm_list_store_rows (reader, ids + at, MIN (CHUNK, n - at), error);
      if (rows == NULL)
        return NULL;
      for (guint i = 0; i < rows->len; i++)
        {
          const FmRow *row = rows->pdata[i];
          gint64 account_id = account_of (reader, accounts, row->folder_id);
          if (account_id == 0)
            continue;
          g_array_append_val (part_of (parts, account_id)->ids, row->id);
          add_once (apply->folders, row->folder_id);
          add_once (apply->accounts, account_id);
        }
    }
  if (parts->len == 0 && n > 0)
    {
      g_set_error_literal (error, FM_ERROR, FM_ERROR_NOT_FOUND, n == 1 ? "the message is gone" : "the messages are gone");
      return NULL;
    }
  return g_steal_pointer (&parts);
}

typedef gboolean (*PlanMany) (FmStoreWriter *writer, gint64 group_id, const gint64 *ids, gsize n, gint64 target_id, guint *ret_n,
                              GError **error);

static gboolean
plan_chunks (FmApply *apply, FmStoreWriter *writer, const GArray *ids, gint64 target_id, PlanMany plan, GError **error)
{
  for (guint at = 0; at < ids->len; at += CHUNK)
    {
      guint n = 0;
      if (!plan (writer, apply->group_id, &g_array_index (ids, gint64, at), MIN (CHUNK, ids->len - at), target_id, &n, error))
        return FALSE;
      apply->count += n;
    }
  return TRUE;
}

static gboolean
plan_expunge (FmStoreWriter *writer, gint64 group_id, const gint64 *ids, gsize n, gint64 target_id, guint *ret_n, GError **error)
{
  return fm_journal_plan_expunge (writer, group_id, ids, n, ret_n, error);
}

static gboolean
new_group (FmApply *apply, FmStoreWriter *writer, char *label, GError **error)
{
  g_free (apply->text);
  apply->text = label;
  apply->group_id = fm_journal_group (writer, label, error);
  return apply->group_id != 0;
}

static char *
folder_label (FmStoreReader *reader, gint64 folder_id, GError **error)
{
  g_autoptr (FmFolderInfo) folder = fm_folder_store_get (reader, folder_id, error);
  return folder == NULL ? NULL : g_strdup_printf ("%s/%s", folder->account, folder->name);
}

static gboolean
apply_transfer (FmApply *apply, FmStoreWriter *writer, const GPtrArray *parts, gsize n, GError **error)
{
  gboolean copy = fm_action_kind (apply->action) == FM_ACTION_COPY;
  gint64 target_id = fm_action_folder (apply->action);
  FmStoreReader *reader = fm_db_writer_reader (writer);
  g_autofree char *target = folder_label (reader, target_id, error);
  if (target == NULL
      || !new_group (apply, writer, g_strdup_printf ("%s %" G_GSIZE_FORMAT " to %s", copy ? "copied" : "moved", n, target), error))
    return FALSE;
  g_autoptr (FmFolderInfo) folder = fm_folder_store_get (reader, target_id, error);
  if (folder == NULL)
    return FALSE;
  add_once (apply->folders, target_id);
  add_once (apply->accounts, folder->account_id);
  for (guint i = 0; i < parts->len; i++)
    if (!plan_chunks (apply, writer, ((Part *) parts->pdata[i])->ids, target_id, copy ? fm_journal_plan_copy : fm_journal_plan_move, error))
      return FALSE;
  return TRUE;
}

static char *
account_name (FmStoreReader *reader, gint64 account_id)
{
  g_autoptr (GPtrArray) accounts = fm_folder_store_accounts (reader, NULL);
  for (guint i = 0; accounts != NULL && i < accounts->len; i++)
    {
      const FmAccountInfo *account = accounts->pdata[i];
      if (account->id == account_id)
        return g_strdup (account->name);
    }
  return g_strdup ("");
}

/* Moves each account's rows to its own SPECIAL folder. */
static gboolean
move_to_special (FmApply *apply, FmStoreWriter *writer, const GPtrArray *parts, FmSpecialUse special, GError **error)
{
  FmStoreReader *reader = fm_db_writer_reader (writer);
  for (guint i = 0; i < parts->len; i++)
    {
      const Part *part = parts->pdata[i];
      g_autofree char *name = account_name (reader, part->account_id);
      const FmAccountSpec *spec = spec_named (apply, name);
      gint64 target_id = 0;
      if (special == FM_SPECIAL_ARCHIVE && (spec == NULL || spec->archive == NULL))
        {
          /* Where a provider keeps everything in All Mail, archiving is taking out of the inbox. */
          g_autoptr (FmFolderInfo) archive = fm_folder_store_find_special (reader, part->account_id, FM_SPECIAL_ARCHIVE, NULL);
          g_autoptr (FmFolderInfo) all
              = archive != NULL ? NULL : fm_folder_store_find_special (reader, part->account_id, FM_SPECIAL_ALL, NULL);
          target_id = all == NULL ? 0 : all->id;
        }
      if (target_id == 0)
        target_id = fm_special_folder_need (writer, spec, part->account_id, special, &apply->tree_changed, error);
      if (target_id == 0 || !plan_chunks (apply, writer, part->ids, target_id, fm_journal_plan_move, error))
        {
          g_prefix_error (error, "account %s: ", name);
          return FALSE;
        }
      add_once (apply->folders, target_id);
    }
  return TRUE;
}

static gboolean
plan_flags (FmApply *apply, FmStoreWriter *writer, const GPtrArray *parts, guint add, guint remove, GError **error)
{
  for (guint p = 0; p < parts->len; p++)
    {
      const GArray *ids = ((Part *) parts->pdata[p])->ids;
      for (guint at = 0; at < ids->len; at += CHUNK)
        {
          guint n = 0;
          if (!fm_journal_plan_flags (writer, apply->group_id, &g_array_index (ids, gint64, at), MIN (CHUNK, ids->len - at), add, remove,
                                      fm_action_add_keywords (apply->action), fm_action_remove_keywords (apply->action), &n, error))
            return FALSE;
          apply->count += n;
        }
    }
  return TRUE;
}

static const char *
flags_verb (const FmAction *action)
{
  guint add = fm_action_add_flags (action), remove = fm_action_remove_flags (action);
  if (fm_action_add_keywords (action) != NULL || fm_action_remove_keywords (action) != NULL)
    return "tagged";
  if (add == FM_FLAG_SEEN && remove == 0)
    return "marked read";
  if (add == 0 && remove == FM_FLAG_SEEN)
    return "marked unread";
  if (add == FM_FLAG_FLAGGED && remove == 0)
    return "starred";
  if (add == 0 && remove == FM_FLAG_FLAGGED)
    return "unstarred";
  return "changed flags of";
}

static gboolean
apply_simple (FmApply *apply, FmStoreWriter *writer, const GPtrArray *parts, gsize n, GError **error)
{
  switch (fm_action_kind (apply->action))
    {
    case FM_ACTION_FLAGS:
      return new_group (apply, writer, g_strdup_printf ("%s %" G_GSIZE_FORMAT, flags_verb (apply->action), n), error)
             && plan_flags (apply, writer, parts, fm_action_add_flags (apply->action), fm_action_remove_flags (apply->action), error);
    case FM_ACTION_TRASH:
      return new_group (apply, writer, g_strdup_printf ("moved %" G_GSIZE_FORMAT " to Trash", n), error)
             && move_to_special (apply, writer, parts, FM_SPECIAL_TRASH, error);
    case FM_ACTION_ARCHIVE:
      return new_group (apply, writer, g_strdup_printf ("archived %" G_GSIZE_FORMAT, n), error)
             && move_to_special (apply, writer, parts, FM_SPECIAL_ARCHIVE, error);
    case FM_ACTION_JUNK:
      return new_group (apply, writer, g_strdup_printf ("moved %" G_GSIZE_FORMAT " to Junk", n), error)
             && plan_flags (apply, writer, parts, FM_FLAG_JUNK, FM_FLAG_NOTJUNK, error) && (apply->count = 0, TRUE)
             && move_to_special (apply, writer, parts, FM_SPECIAL_JUNK, error);
    case FM_ACTION_NOT_JUNK:
      return new_group (apply, writer, g_strdup_printf ("moved %" G_GSIZE_FORMAT " back to the inbox", n), error)
             && plan_flags (apply, writer, parts, FM_FLAG_NOTJUNK, FM_FLAG_JUNK, error) && (apply->count = 0, TRUE)
             && move_to_special (apply, writer, parts, FM_SPECIAL_INBOX, error);
    default: /* DELETE */
      if (!new_group (apply, writer, g_strdup_printf ("deleted %" G_GSIZE_FORMAT " for good", n), error))
        return FALSE;
      for (guint i = 0; i < parts->len; i++)
        if (!plan_chunks (apply, writer, ((Part *) parts->pdata[i])->ids, 0, plan_expunge, error))
          return FALSE;
      return TRUE;
    }
}

static gboolean
apply_messages (FmApply *apply, FmStoreWriter *writer, GError **error)
{
  gsize n;
  const gint64 *ids = fm_action_ids (apply->action, &n);
  g_autoptr (GPtrArray) parts = split (apply, fm_db_writer_reader (writer), ids, n, error);
  if (parts == NULL)
    return FALSE;
  FmActionKind kind = fm_action_kind (apply->action);
  if (kind == FM_ACTION_MOVE || kind == FM_ACTION_COPY)
    return apply_transfer (apply, writer, parts, n, error);
  return apply_simple (apply, writer, parts, n, error);
}

static gint64
account_id_named (FmStoreReader *reader, const char *name, GError **error)
{
  g_autoptr (GPtrArray) accounts = fm_folder_store_accounts (reader, error);
  for (guint i = 0; accounts != NULL && i < accounts->len; i++)
    {
      const FmAccountInfo *account = accounts->pdata[i];
      if (g_str_equal (account->name, name))
        return account->id;
    }
  if (accounts != NULL)
    g_set_error (error, FM_ERROR, FM_ERROR_NOT_FOUND, "there is no account \"%s\"", name);
  return 0;
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
      gint64 account_id = account_id_named (reader, account, error);
      folder_id = account_id == 0 ? 0
                                  : fm_special_folder_need (writer, spec_named (apply, account), account_id, FM_SPECIAL_DRAFTS,
                                                            &apply->tree_changed, error);
      if (folder_id == 0)
        return NULL;
    }
  return fm_folder_store_get (reader, folder_id, error);
}

static gboolean
apply_append (FmApply *apply, FmStoreWriter *writer, GError **error)
{
  g_autoptr (FmFolderInfo) folder = append_target (apply, writer, error);
  gint64 blob_id = folder == NULL ? 0 : fm_body_store_put (writer, apply->digest, apply->size_bytes, error);
  if (blob_id == 0 || !new_group (apply, writer, g_strdup_printf ("filed 1 in %s/%s", folder->account, folder->name), error))
    return FALSE;
  gint64 date = fm_action_date (apply->action);
  FmMessageInput input = FM_MESSAGE_INPUT_INIT;
  input.flags = fm_action_add_flags (apply->action);
  input.internal_date_utc = date != 0 ? date : fm_clock_now_utc ();
  input.size_bytes = apply->size_bytes;
  input.attachments = apply->attachments;
  input.blob_id = blob_id;
  input.envelope = apply->envelope;
  add_once (apply->folders, folder->id);
  add_once (apply->accounts, folder->account_id);
  apply->count = 1;
  apply->draft_id = fm_journal_plan_append (writer, apply->group_id, folder->id, &input, error);
  return apply->draft_id != 0 && replace_draft (apply, writer, error);
}

static gboolean
apply_send (FmApply *apply, FmStoreWriter *writer, GError **error)
{
  FmSendOptions options;
  fm_action_send_options (apply->action, &options);
  gint64 account_id = account_id_named (fm_db_writer_reader (writer), options.account, error);
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
  if (!new_group (apply, writer, g_strdup ("queued 1 to be sent"), error))
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
  g_autofree char *name = account_name (fm_db_writer_reader (writer), outgoing->account_id);
  FmOutboxChange change;
  if (!fm_outbox_change_run (writer, spec_named (apply, name), outgoing, kind, apply->group_id, file_of (apply, outgoing->id), &change,
                             error))
    {
      apply->needs_file = change.needs_file ? outgoing->id : 0;
      return FALSE;
    }
  add_once (apply->accounts, outgoing->account_id);
  add_once (apply->folders, change.drafts_id);
  g_free (apply->text);
  apply->text = g_strdup (change.text);
  apply->count++;
  apply->draft_id = change.draft_id;
  apply->outgoing_id = outgoing->id;
  apply->tree_changed |= change.tree_changed;
  return TRUE;
}

static gboolean
apply_outgoing (FmApply *apply, FmStoreWriter *writer, GError **error)
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

static gboolean
apply_folder (FmApply *apply, FmStoreWriter *writer, GError **error)
{
  FmStoreReader *reader = fm_db_writer_reader (writer);
  const char *account = fm_action_account (apply->action), *name = fm_action_name (apply->action), *to = fm_action_new_name (apply->action);
  gint64 account_id = account_id_named (reader, account, error);
  if (account_id == 0)
    return FALSE;
  add_once (apply->accounts, account_id);
  apply->tree_changed = TRUE;
  apply->count = 1;
  FmActionKind kind = fm_action_kind (apply->action);
  if (kind == FM_ACTION_FOLDER_CREATE)
    return new_group (apply, writer, g_strdup_printf ("created %s/%s", account, name), error)
           && fm_journal_plan_folder_create (writer, apply->group_id, account_id, name, error) != 0;
  g_autoptr (FmFolderInfo) folder = fm_folder_store_find (reader, account_id, name, error);
  if (folder == NULL)
    return FALSE;
  if (kind == FM_ACTION_FOLDER_RENAME)
    return new_group (apply, writer, g_strdup_printf ("renamed %s/%s to %s", account, name, to), error)
           && fm_journal_plan_folder_rename (writer, apply->group_id, folder->id, to, error);
  return new_group (apply, writer, g_strdup_printf ("deleted folder %s/%s", account, name), error)
         && fm_journal_plan_folder_delete (writer, apply->group_id, folder->id, error);
}

/* Every folder and account that the group's messages are in now: noted before and after, since the step back moves them. */
static gboolean
note_places (FmApply *apply, FmStoreReader *reader, const GArray *ids, GError **error)
{
  g_autoptr (GError) local = NULL;
  g_autoptr (GPtrArray) parts = split (apply, reader, (const gint64 *) (gconstpointer) ids->data, ids->len, &local);
  if (parts != NULL || g_error_matches (local, FM_ERROR, FM_ERROR_NOT_FOUND))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

/* "restored 3 to work/INBOX" when that is where they all are now, else what the group did. */
static char *
history_text (FmApply *apply, FmStoreReader *reader, const GArray *ids, const char *label)
{
  gboolean undo = fm_action_kind (apply->action) == FM_ACTION_UNDO;
  gint64 place = 0;
  gboolean one_place = undo && (g_str_has_prefix (label, "moved") || g_str_has_prefix (label, "archived"));
  for (guint at = 0; one_place && at < ids->len; at += CHUNK)
    {
      g_autoptr (GPtrArray) rows = fm_list_store_rows (reader, &g_array_index (ids, gint64, at), MIN (CHUNK, ids->len - at), NULL);
      for (guint i = 0; rows != NULL && i < rows->len; i++)
        {
          const FmRow *row = rows->pdata[i];
          one_place = place == 0 || place == row->folder_id;
          place = row->folder_id;
          if (!one_place)
            break;
        }
    }
  g_autofree char *folder = one_place && place != 0 ? folder_label (reader, place, NULL) : NULL;
  if (folder != NULL)
    return g_strdup_printf ("restored %u to %s", apply->count, folder);
  return g_strdup_printf ("%s: %s", undo ? "undone" : "done again", label);
}

/* The mail among MAILS that a step back takes back: one that is still held and was queued after the action that could be undone otherwise, as it is
 * what was done last; or the one that this step had chosen before its draft's file was written. NULL: none. */
static const FmOutgoing *
mail_to_take_back (const FmApply *apply, const GPtrArray *mails, gint64 candidate)
{
  const FmOutgoing *last = NULL;
  for (guint i = 0; i < mails->len; i++)
    {
      const FmOutgoing *mail = mails->pdata[i];
      if (mail->id == apply->taken_back)
        return mail;
      if (mail->state == FM_OUTBOX_HELD && mail->tries == 0 && mail->group_id > candidate
          && (last == NULL || mail->group_id > last->group_id))
        last = mail;
    }
  return apply->taken_back == 0 ? last : NULL;
}

/* FALSE: an error. */
static gboolean
take_back_mail (FmApply *apply, FmStoreWriter *writer, gint64 candidate, gboolean *ret_done, GError **error)
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

static gboolean
apply_history (FmApply *apply, FmStoreWriter *writer, GError **error)
{
  FmStoreReader *reader = fm_db_writer_reader (writer);
  gboolean undo = fm_action_kind (apply->action) == FM_ACTION_UNDO;
  g_autofree char *label = NULL;
  gboolean found
      = undo ? fm_journal_undo_candidate (reader, &apply->group_id, &label) : fm_journal_redo_candidate (reader, &apply->group_id, &label);
  gboolean taken_back = FALSE;
  if (undo && (!take_back_mail (apply, writer, found ? apply->group_id : 0, &taken_back, error) || taken_back))
    return taken_back;
  if (!found)
    {
      g_set_error_literal (error, FM_ERROR, FM_ERROR_NOT_FOUND, undo ? "there is nothing to undo" : "there is nothing to redo");
      return FALSE;
    }
  g_autoptr (GArray) ids = fm_journal_group_messages (reader, apply->group_id, error);
  if (ids == NULL || !note_places (apply, reader, ids, error))
    return FALSE;
  if (!(undo ? fm_journal_undo : fm_journal_redo) (writer, apply->group_id, &apply->count, error))
    return FALSE;
  apply->tree_changed = TRUE;
  apply->text = history_text (apply, reader, ids, label == NULL ? "" : label);
  return note_places (apply, reader, ids, error);
}

gboolean
fm_apply_run (FmStoreWriter *writer, gpointer data, GError **error)
{
  FmApply *apply = data;
  apply->count = 0;
  switch (fm_action_kind (apply->action))
    {
    case FM_ACTION_APPEND:
    case FM_ACTION_DRAFT:
      return apply_append (apply, writer, error);
    case FM_ACTION_SEND:
      return apply_send (apply, writer, error);
    case FM_ACTION_FOLDER_CREATE:
    case FM_ACTION_FOLDER_RENAME:
    case FM_ACTION_FOLDER_DELETE:
      return apply_folder (apply, writer, error);
    case FM_ACTION_OUTBOX_RETRY:
    case FM_ACTION_OUTBOX_RESEND:
    case FM_ACTION_OUTBOX_SENT:
    case FM_ACTION_OUTBOX_DRAFT:
    case FM_ACTION_OUTBOX_DROP:
      return apply_outgoing (apply, writer, error);
    case FM_ACTION_UNDO:
    case FM_ACTION_REDO:
      return apply_history (apply, writer, error);
    default:
      return apply_messages (apply, writer, error);
    }
}

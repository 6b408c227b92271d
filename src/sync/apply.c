/* Applying a user's action. Rows are grouped by account (each has its own Trash) and by folder (whose lists change); the journal plans each group in
 * chunks, all within one transaction and one undo group, so that ten thousand messages are one step back. */
#include "sync/apply-private.h"
#include "sync/special-folder.h"
#include <fulmar/base/clock.h>
#include <fulmar/base/error.h>
#include <fulmar/mail/message.h>
#include <fulmar/store/body-store.h>
#include <fulmar/store/journal.h>
#include <fulmar/store/list-store.h>

#include <string.h>

#define MAX_MESSAGE_BYTES (256u * 1024 * 1024)

/* The rows of an action that are of one account. */
typedef struct {
  gint64 account_id;
  GArray *ids; /* gint64 */
} Part;

FmApply *
fm_apply_new (FmAction *action, GPtrArray *specs, int hold_s)
{
  FmApply *apply = g_new0 (FmApply, 1);
  apply->hold_s = hold_s == 0 ? FM_JOURNAL_HOLD_S : MAX (hold_s, 0);
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

FmActionKind
fm_apply_kind (const FmApply *apply)
{
  return fm_action_kind (apply->action);
}

gboolean
fm_apply_more (const FmApply *apply)
{
  return apply->more;
}

gboolean
fm_apply_needs_file (const FmApply *apply)
{
  return apply->needs_file != 0;
}

gboolean
fm_apply_prepare (FmApply *apply, FmStore *store, FmStoreReader *reader, GError **error)
{
  GBytes *message = fm_action_message (apply->action);
  if (apply->needs_file != 0)
    return fm_apply_mail_write_draft (apply, store, reader, error);
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

void
fm_apply_note (GArray *ids, gint64 id)
{
  for (guint i = 0; i < ids->len; i++)
    if (g_array_index (ids, gint64, i) == id)
      return;
  if (id != 0)
    g_array_append_val (ids, id);
}

const FmAccountSpec *
fm_apply_spec (const FmApply *apply, const char *name)
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
  for (gsize at = 0; at < n; at += FM_APPLY_CHUNK)
    {
      g_autoptr (GPtrArray) rows = fm_list_store_rows (reader, ids + at, MIN (FM_APPLY_CHUNK, n - at), error);
      if (rows == NULL)
        return NULL;
      for (guint i = 0; i < rows->len; i++)
        {
          const FmRow *row = rows->pdata[i];
          gint64 account_id = account_of (reader, accounts, row->folder_id);
          if (account_id == 0)
            continue;
          g_array_append_val (part_of (parts, account_id)->ids, row->id);
          fm_apply_note (apply->folders, row->folder_id);
          fm_apply_note (apply->accounts, account_id);
        }
    }
  for (guint i = 0; i < parts->len; i++)
    fm_apply_gmail_note (apply, reader, ((Part *) parts->pdata[i])->account_id, ((Part *) parts->pdata[i])->ids);
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
  for (guint at = 0; at < ids->len; at += FM_APPLY_CHUNK)
    {
      guint n = 0;
      if (!plan (writer, apply->group_id, &g_array_index (ids, gint64, at), MIN (FM_APPLY_CHUNK, ids->len - at), target_id, &n, error))
        return FALSE;
      apply->count += n;
    }
  return TRUE;
}

static gboolean
delete_chunks (FmApply *apply, FmStoreWriter *writer, const GArray *ids, gint64 until, GError **error)
{
  for (guint at = 0; at < ids->len; at += FM_APPLY_CHUNK)
    {
      guint n = 0;
      if (!fm_journal_plan_delete (writer, apply->group_id, &g_array_index (ids, gint64, at), MIN (FM_APPLY_CHUNK, ids->len - at), until,
                                   &n, error))
        return FALSE;
      apply->count += n;
    }
  return TRUE;
}

gint64
fm_apply_hold (FmApply *apply, gint64 extra_s)
{
  if (apply->hold_s == 0)
    return 0;
  g_autofree char *label = apply->text;
  apply->text = g_strdup_printf ("%s: held for %" G_GINT64_FORMAT " s, undo takes it back", label, apply->hold_s + extra_s);
  return fm_clock_now_utc () + apply->hold_s + extra_s;
}

gboolean
fm_apply_new_group (FmApply *apply, FmStoreWriter *writer, char *label, GError **error)
{
  g_free (apply->text);
  apply->text = label;
  apply->group_id = fm_journal_group (writer, label, error);
  return apply->group_id != 0;
}

char *
fm_apply_folder_label (FmStoreReader *reader, gint64 folder_id, GError **error)
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
  g_autofree char *target = fm_apply_folder_label (reader, target_id, error);
  if (target == NULL
      || !fm_apply_new_group (apply, writer, g_strdup_printf ("%s %" G_GSIZE_FORMAT " to %s", copy ? "copied" : "moved", n, target), error))
    return FALSE;
  g_autoptr (FmFolderInfo) folder = fm_folder_store_get (reader, target_id, error);
  if (folder == NULL)
    return FALSE;
  fm_apply_note (apply->folders, target_id);
  fm_apply_note (apply->accounts, folder->account_id);
  for (guint i = 0; i < parts->len; i++)
    if (!plan_chunks (apply, writer, ((Part *) parts->pdata[i])->ids, target_id, copy ? fm_journal_plan_copy : fm_journal_plan_move, error))
      return FALSE;
  return TRUE;
}

char *
fm_apply_account_name (FmStoreReader *reader, gint64 account_id)
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
      g_autofree char *name = fm_apply_account_name (reader, part->account_id);
      const FmAccountSpec *spec = fm_apply_spec (apply, name);
      gint64 target_id = 0;
      if (special == FM_SPECIAL_ARCHIVE && fm_apply_gmail_archives (reader, spec, part->account_id))
        {
          if (!fm_apply_gmail_archive (apply, writer, part->account_id, part->ids, error))
            return FALSE;
          continue;
        }
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
      if (target_id == 0 || !fm_apply_rights_may (reader, target_id, FM_WISH_INSERT, error)
          || !plan_chunks (apply, writer, part->ids, target_id, fm_journal_plan_move, error))
        {
          g_prefix_error (error, "account %s: ", name);
          return FALSE;
        }
      fm_apply_note (apply->folders, target_id);
    }
  return TRUE;
}

static gboolean
plan_flags (FmApply *apply, FmStoreWriter *writer, const GPtrArray *parts, guint add, guint remove, GError **error)
{
  for (guint p = 0; p < parts->len; p++)
    {
      const Part *part = parts->pdata[p];
      const GArray *ids = part->ids;
      FmApplyTags tags = { .add = fm_action_add_keywords (apply->action), .remove = fm_action_remove_keywords (apply->action) };
      g_autoptr (GPtrArray) kept = g_ptr_array_new_with_free_func (g_free);
      if (!fm_apply_gmail_tags (apply, writer, part->account_id, ids, &tags, kept, error))
        return FALSE;
      for (guint at = 0; at < ids->len; at += FM_APPLY_CHUNK)
        {
          guint n = 0;
          if (!fm_journal_plan_flags (writer, apply->group_id, &g_array_index (ids, gint64, at), MIN (FM_APPLY_CHUNK, ids->len - at), add,
                                      remove, tags.add, tags.remove, &n, error))
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
delete_parts (FmApply *apply, FmStoreWriter *writer, const GPtrArray *parts, GError **error)
{
  gint64 until = fm_apply_hold (apply, 0);
  for (guint i = 0; i < parts->len; i++)
    if (!delete_chunks (apply, writer, ((Part *) parts->pdata[i])->ids, until, error))
      return FALSE;
  return TRUE;
}

static gboolean
apply_simple (FmApply *apply, FmStoreWriter *writer, const GPtrArray *parts, gsize n, GError **error)
{
  switch (fm_action_kind (apply->action))
    {
    case FM_ACTION_FLAGS:
      return fm_apply_new_group (apply, writer, g_strdup_printf ("%s %" G_GSIZE_FORMAT, flags_verb (apply->action), n), error)
             && plan_flags (apply, writer, parts, fm_action_add_flags (apply->action), fm_action_remove_flags (apply->action), error);
    case FM_ACTION_TRASH:
      return fm_apply_new_group (apply, writer, g_strdup_printf ("moved %" G_GSIZE_FORMAT " to Trash", n), error)
             && move_to_special (apply, writer, parts, FM_SPECIAL_TRASH, error);
    case FM_ACTION_ARCHIVE:
      return fm_apply_new_group (apply, writer, g_strdup_printf ("archived %" G_GSIZE_FORMAT, n), error)
             && move_to_special (apply, writer, parts, FM_SPECIAL_ARCHIVE, error);
    case FM_ACTION_JUNK:
      return fm_apply_new_group (apply, writer, g_strdup_printf ("moved %" G_GSIZE_FORMAT " to Junk", n), error)
             && plan_flags (apply, writer, parts, FM_FLAG_JUNK, FM_FLAG_NOTJUNK, error) && (apply->count = 0, TRUE)
             && move_to_special (apply, writer, parts, FM_SPECIAL_JUNK, error);
    case FM_ACTION_NOT_JUNK:
      return fm_apply_new_group (apply, writer, g_strdup_printf ("moved %" G_GSIZE_FORMAT " back to the inbox", n), error)
             && plan_flags (apply, writer, parts, FM_FLAG_NOTJUNK, FM_FLAG_JUNK, error) && (apply->count = 0, TRUE)
             && move_to_special (apply, writer, parts, FM_SPECIAL_INBOX, error);
    default: /* DELETE */
      return fm_apply_new_group (apply, writer, g_strdup_printf ("deleted %" G_GSIZE_FORMAT " for good", n), error)
             && delete_parts (apply, writer, parts, error);
    }
}

static gboolean
apply_messages (FmApply *apply, FmStoreWriter *writer, GError **error)
{
  gsize n;
  const gint64 *ids = fm_action_ids (apply->action, &n);
  g_autoptr (GPtrArray) parts = split (apply, fm_db_writer_reader (writer), ids, n, error);
  if (parts == NULL || !fm_apply_rights_check (apply, fm_db_writer_reader (writer), error))
    return FALSE;
  FmActionKind kind = fm_action_kind (apply->action);
  if (kind == FM_ACTION_MOVE || kind == FM_ACTION_COPY)
    return apply_transfer (apply, writer, parts, n, error);
  if (!apply_simple (apply, writer, parts, n, error))
    return FALSE;
  fm_apply_rights_tell_tags (apply, fm_db_writer_reader (writer));
  return TRUE;
}

gint64
fm_apply_account_id (FmStoreReader *reader, const char *name, GError **error)
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
  for (guint at = 0; one_place && at < ids->len; at += FM_APPLY_CHUNK)
    {
      g_autoptr (GPtrArray) rows = fm_list_store_rows (reader, &g_array_index (ids, gint64, at), MIN (FM_APPLY_CHUNK, ids->len - at), NULL);
      for (guint i = 0; rows != NULL && i < rows->len; i++)
        {
          const FmRow *row = rows->pdata[i];
          one_place = place == 0 || place == row->folder_id;
          place = row->folder_id;
          if (!one_place)
            break;
        }
    }
  g_autofree char *folder = one_place && place != 0 ? fm_apply_folder_label (reader, place, NULL) : NULL;
  if (folder != NULL)
    return g_strdup_printf ("restored %u to %s", apply->count, folder);
  return g_strdup_printf ("%s: %s", undo ? "undone" : "done again", label);
}

/* The action that was asked for, or the last; FALSE: there is none. */
static gboolean
find_action (FmApply *apply, FmStoreReader *reader, gboolean undo, gint64 wanted, char **ret_label)
{
  if (undo)
    return fm_journal_undo_candidate (reader, wanted == 0 ? 0 : wanted + 1, &apply->group_id, ret_label)
           && (wanted == 0 || apply->group_id == wanted);
  return fm_journal_redo_candidate (reader, &apply->group_id, ret_label) && (wanted == 0 || apply->group_id == wanted);
}

static gboolean
apply_history (FmApply *apply, FmStoreWriter *writer, GError **error)
{
  FmStoreReader *reader = fm_db_writer_reader (writer);
  gboolean undo = fm_action_kind (apply->action) == FM_ACTION_UNDO;
  g_autofree char *label = NULL;
  gsize n_wanted;
  const gint64 *ids_wanted = fm_action_ids (apply->action, &n_wanted);
  gint64 wanted = n_wanted > 0 ? ids_wanted[0] : 0;
  gboolean found = find_action (apply, reader, undo, wanted, &label);
  gboolean taken_back = FALSE;
  if (undo && (!fm_apply_mail_take_back (apply, writer, found ? apply->group_id : 0, &taken_back, error) || taken_back))
    return taken_back;
  if (!found)
    {
      g_set_error_literal (error, FM_ERROR, FM_ERROR_NOT_FOUND, undo ? "there is nothing to undo" : "there is nothing to redo");
      return FALSE;
    }
  g_autoptr (GArray) ids = fm_journal_group_messages (reader, apply->group_id, error);
  /* Not every operation is about a message: a folder's are its account's. */
  g_autoptr (GArray) accounts = ids == NULL ? NULL : fm_journal_group_accounts (reader, apply->group_id, error);
  if (accounts == NULL || !note_places (apply, reader, ids, error) || !fm_apply_gmail_note_group (apply, reader, apply->group_id, error))
    return FALSE;
  for (guint i = 0; i < accounts->len; i++)
    fm_apply_note (apply->accounts, g_array_index (accounts, gint64, i));
  if (!(undo ? fm_journal_undo : fm_journal_redo) (writer, apply->group_id, &apply->count, error))
    {
      g_prefix_error (error, "%s: ", label == NULL ? "" : label);
      return FALSE;
    }
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
      return fm_apply_mail_append (apply, writer, error);
    case FM_ACTION_SEND:
      return fm_apply_mail_send (apply, writer, error);
    case FM_ACTION_FOLDER_CREATE:
    case FM_ACTION_FOLDER_RENAME:
    case FM_ACTION_FOLDER_DELETE:
    case FM_ACTION_FOLDER_SUBSCRIBE:
    case FM_ACTION_FOLDER_UNSUBSCRIBE:
      return fm_apply_folder_run (apply, writer, error);
    case FM_ACTION_OUTBOX_RETRY:
    case FM_ACTION_OUTBOX_RESEND:
    case FM_ACTION_OUTBOX_SENT:
    case FM_ACTION_OUTBOX_DRAFT:
    case FM_ACTION_OUTBOX_DROP:
      return fm_apply_mail_change (apply, writer, error);
    case FM_ACTION_UNDO:
    case FM_ACTION_REDO:
      return apply_history (apply, writer, error);
    case FM_ACTION_EMPTY:
      return fm_apply_empty_run (apply, writer, error);
    default:
      return apply_messages (apply, writer, error);
    }
}

/* Each file becomes a row (or several, if it was filed so) and a line of the ledger in one transaction: a line without a UIDL, which the next session knows by its header and
 * gives its name, so that nothing is fetched a second time. Whose a file is, where several accounts share the store, its recipients say; what
 * nobody is named in is the first POP account's, unless an IMAP server may have it. */
#include "sync/pop-recover.h"
#include "sync/kept-files.h"
#include "sync/pop-places.h"
#include <fulmar/base/clock.h>
#include <fulmar/base/error.h>
#include <fulmar/store/body-store.h>
#include <fulmar/store/folder-store.h>
#include <fulmar/store/message-store.h>
#include <fulmar/store/pop-store.h>
#include <string.h>

#define BATCH 50
#define UNREAD_S 86400 /* marks are lost: what is younger than a day is taken for unread */

typedef struct {
  FmMessageInput input;
  FmPopSeen seen;
  gint64 folder_id;
  const FmPopPlace *place; /* of the recovery; NULL: not known */
  gboolean is_copy;        /* a further place of a file that has been taken */
} Taken;

typedef struct {
  FmPopContext *context;
  gint64 sent_id;
  GPtrArray *batch; /* Taken* */
  guint count;
  GPtrArray *places; /* GHashTable* of digests, as the accounts; NULL: no POP account */
  GHashTable *own;   /* of them, this account's */
} Recovery;

static void
taken_free (gpointer data)
{
  Taken *taken = data;
  fm_envelope_unref ((FmEnvelope *) taken->input.envelope);
  g_free (taken->seen.digest);
  g_free (taken->seen.header_digest);
  g_free (taken);
}

static gboolean
is_mine (const FmAccountSpec *spec, const FmAddressList *list)
{
  gboolean mine = (spec->address != NULL && fm_address_list_contains (list, spec->address))
                  || (spec->incoming.user != NULL && strchr (spec->incoming.user, '@') != NULL
                      && fm_address_list_contains (list, spec->incoming.user));

  for (guint i = 0; !mine && spec->alternates != NULL && spec->alternates[i] != NULL; i++)
    mine = fm_address_list_contains (list, spec->alternates[i]);
  return mine;
}

static GPtrArray *
places_of (const Recovery *recovery, guint account, const char *digest)
{
  GHashTable *places = recovery->places->pdata[account];
  return places == NULL ? NULL : g_hash_table_lookup (places, digest);
}

/* Who filed it last; else by whom it was for. NULL: it can't be told. */
static const FmAccountSpec *
owner_of (Recovery *recovery, const FmKeptFile *file)
{
  const GPtrArray *accounts = fm_sync_env_accounts (recovery->context->env);
  const FmAccountSpec *first = NULL;
  gboolean imap = FALSE;

  if (g_hash_table_contains (recovery->own, file->digest))
    return recovery->context->spec;
  for (guint i = 0; i < accounts->len; i++)
    if (places_of (recovery, i, file->digest) != NULL)
      return accounts->pdata[i];
  for (guint i = 0; i < accounts->len; i++)
    {
      const FmAccountSpec *spec = accounts->pdata[i];
      if (spec->kind != FM_ACCOUNT_POP && spec->kind != FM_ACCOUNT_IMAP)
        continue;
      if (is_mine (spec, file->recipients) || (!file->was_received && is_mine (spec, fm_envelope_from (file->envelope))))
        return spec;
      imap |= spec->kind == FM_ACCOUNT_IMAP;
      first = first == NULL && spec->kind == FM_ACCOUNT_POP ? spec : first;
    }
  return imap ? NULL : first;
}

static gint64
folder_named (FmStoreWriter *writer, gint64 account_id, const char *name, GError **error)
{
  g_autoptr (FmFolderInfo) known = fm_folder_store_find (fm_db_writer_reader (writer), account_id, name, NULL);
  FmFolderInput input = { .name = name, .delimiter = '/', .subscribed = TRUE, .selectable = TRUE };

  return known != NULL ? known->id : fm_folder_store_put (writer, account_id, &input, error);
}

static gboolean
batch_run (FmStoreWriter *writer, gpointer data, GError **error)
{
  Recovery *recovery = data;

  for (guint i = 0; i < recovery->batch->len; i++)
    {
      Taken *taken = recovery->batch->pdata[i];
      g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (gint64));
      FmMessageResult result = { .ids = ids };
      if (taken->place != NULL
          && (taken->folder_id = folder_named (writer, recovery->context->account_id, taken->place->folder, error)) == 0)
        return FALSE;
      taken->input.blob_id = fm_body_store_put (writer, taken->seen.digest, taken->input.size_bytes, error);
      if (taken->input.blob_id == 0 || !fm_message_store_upsert (writer, taken->folder_id, &taken->input, 1, &result, error))
        return FALSE;
      taken->seen.msg_id = ids->len > 0 ? g_array_index (ids, gint64, 0) : 0;
      if (!taken->is_copy && !fm_pop_store_put (writer, recovery->context->account_id, &taken->seen, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
write_batch (Recovery *recovery, GError **error)
{
  if (recovery->batch->len == 0)
    return TRUE;
  if (!fm_pen_call (recovery->context->env->pen, FM_PEN_SAFE, batch_run, recovery, error))
    return FALSE;
  recovery->count += recovery->batch->len;
  g_ptr_array_set_size (recovery->batch, 0);
  FmEvent *event = fm_event_new (FM_EVENT_PROGRESS, 0);
  event->account = g_strdup (recovery->context->spec->name);
  event->folder_id = recovery->context->inbox_id;
  event->text = g_strdup ("reading kept mail again");
  event->count = recovery->count;
  fm_sync_env_emit (recovery->context->env, event);
  return TRUE;
}

/* One row that FILE shall have; PLACE NULL: nobody knows where it was. */
static void
add (Recovery *recovery, const FmKeptFile *file, const FmPopPlace *place, gboolean is_copy)
{
  const FmAccountSpec *spec = recovery->context->spec;
  Taken *taken = g_new0 (Taken, 1);
  gint64 date = fm_envelope_date_utc (file->envelope);
  gboolean sent = !file->was_received && is_mine (spec, fm_envelope_from (file->envelope)) && recovery->sent_id != 0;

  taken->input = (FmMessageInput) FM_MESSAGE_INPUT_INIT;
  taken->input.envelope = fm_envelope_ref (file->envelope);
  taken->input.size_bytes = file->size_bytes;
  taken->input.internal_date_utc = date > 0 && date < file->written_utc ? date : file->written_utc;
  taken->input.flags = sent || file->written_utc < fm_clock_now_utc () - UNREAD_S ? FM_FLAG_SEEN : 0;
  taken->folder_id = sent ? recovery->sent_id : recovery->context->inbox_id;
  taken->place = place;
  taken->is_copy = is_copy;
  if (place != NULL)
    {
      taken->input.flags = place->flags;
      taken->input.keywords = (const char *const *) place->keywords;
    }
  taken->seen.digest = g_strdup (file->digest);
  taken->seen.header_digest = g_strdup (file->header_digest);
  taken->seen.first_seen_utc = file->written_utc;
  g_ptr_array_add (recovery->batch, taken);
}

static gboolean
take (const FmKeptFile *file, gpointer data, GError **error)
{
  Recovery *recovery = data;
  const GPtrArray *places = g_hash_table_lookup (recovery->own, file->digest);

  if (owner_of (recovery, file) != recovery->context->spec)
    return TRUE;
  for (guint i = 0; places != NULL && i < places->len; i++)
    add (recovery, file, places->pdata[i], i > 0);
  if (places == NULL)
    add (recovery, file, NULL, FALSE);
  return recovery->batch->len < BATCH || write_batch (recovery, error);
}

static void
table_free (gpointer data)
{
  g_clear_pointer ((GHashTable **) &data, g_hash_table_unref);
}

/* What each POP account last wrote of its mail. */
static GPtrArray *
read_places (FmPopContext *context)
{
  const GPtrArray *accounts = fm_sync_env_accounts (context->env);
  GPtrArray *tables = g_ptr_array_new_with_free_func (table_free);

  for (guint i = 0; i < accounts->len; i++)
    {
      const FmAccountSpec *spec = accounts->pdata[i];
      g_ptr_array_add (tables, spec->kind == FM_ACCOUNT_POP && !g_str_equal (spec->name, context->spec->name)
                                   ? fm_pop_places_read (fm_db_dir (context->env->store), spec->name, NULL)
                                   : NULL);
    }
  return tables;
}

gboolean
fm_pop_recover_run (FmPopContext *context, guint *ret_count, gint64 *ret_places_utc, GError **error)
{
  *ret_count = 0;
  *ret_places_utc = 0;
  if (!fm_kept_files_due (context->reader, context->account_id))
    return TRUE;
  g_autoptr (FmFolderInfo) sent = fm_folder_store_find_special (context->reader, context->account_id, FM_SPECIAL_SENT, NULL);
  g_autoptr (GPtrArray) places = read_places (context);
  g_autoptr (GHashTable) own = fm_pop_places_read (fm_db_dir (context->env->store), context->spec->name, ret_places_utc);
  Recovery recovery = { .context = context,
                        .sent_id = sent == NULL ? 0 : sent->id,
                        .batch = g_ptr_array_new_with_free_func (taken_free),
                        .places = places,
                        .own = own };
  gboolean ok = fm_kept_files_each (context->reader, context->cancel, take, &recovery, error) && write_batch (&recovery, error)
                && fm_kept_files_settle (context->env->pen, context->account_id, error);
  g_ptr_array_unref (recovery.batch);
  *ret_count = recovery.count;
  return ok;
}

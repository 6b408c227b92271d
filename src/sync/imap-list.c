/* The server's folders into the store: names, special uses, what STATUS told. A folder the server no longer lists goes, unless it is one whose
 * creation still waits in the journal. */
#include "sync/imap-collect.h"
#include "sync/imap-folder-private.h"
#include "sync/special-folder.h"
#include <fulmar/base/error.h>
#include <fulmar/store/gmail-store.h>
#include <fulmar/store/journal.h>
#include <string.h>

#define MAX_FOLDERS 20000

typedef struct {
  char *name, *wire_name;
  char delimiter;
  guint attributes;
} Box;

struct FmImapListing {
  GArray *boxes;
  GHashTable *statuses; /* name -> FmImapListed* */
  GError *error;
};

static void
box_clear (gpointer data)
{
  Box *box = data;

  g_free (box->name);
  g_free (box->wire_name);
}

static void
on_box (gpointer data, const FmImapBox *box)
{
  FmImapListing *listing = data;
  Box copy = { g_strdup (box->name), box->wire_is_odd ? g_strdup (box->wire_name) : NULL, box->delimiter, box->attributes };

  if (listing->boxes->len < MAX_FOLDERS)
    g_array_append_val (listing->boxes, copy);
  else
    box_clear (&copy);
}

FmImapListed *
fm_imap_list_told (const FmImapStatus *status)
{
  FmImapListed *listed = g_new0 (FmImapListed, 1);

  listed->has = status->has;
  listed->messages = status->messages;
  listed->uidnext = status->uidnext;
  listed->uidvalidity = status->uidvalidity;
  listed->highestmodseq = status->highestmodseq;
  listed->unseen = status->unseen;
  return listed;
}

static void
on_status (gpointer data, const FmImapStatus *status)
{
  FmImapListing *listing = data;

  g_hash_table_replace (listing->statuses, g_strdup (status->name), fm_imap_list_told (status));
}

/* What a server tells of the folder that this very session has selected may be as old as the session's last look at it (RFC 9051, 6.3.11). */
static gboolean
is_selected (const FmImapConn *conn, const FmFolderInfo *info)
{
  const char *name = conn->session ? fm_imap_session_selected (conn->session)->name : NULL;

  return name && strcmp (name, info->remote_name) == 0;
}

/* Messages are to be met in it, or missed, and what is to be done to them waits: no number tells which. */
static gboolean
is_settling (FmImapConn *conn, const FmFolderInfo *info)
{
  g_autoptr (GArray) settling = fm_journal_settling (conn->reader, info->id, NULL);

  return info->is_rematching || (settling && settling->len > 0);
}

/* A label of Gmail's that gained and lost nothing: what else changed in it, flags and labels, All Mail tells. */
static gboolean
is_told_elsewhere (FmImapConn *conn, const FmFolderInfo *info)
{
  g_autoptr (FmFolderInfo) all = NULL;

  if (info->special == FM_SPECIAL_ALL || info->special == FM_SPECIAL_TRASH || info->special == FM_SPECIAL_JUNK
      || !fm_gmail_store_is_account (conn->reader, info->account_id))
    return FALSE;
  all = fm_folder_store_find_special (conn->reader, info->account_id, FM_SPECIAL_ALL, NULL);
  return all && all->lowest_uid == 1;
}

gboolean
fm_imap_list_is_unchanged (FmImapConn *conn, const FmFolderInfo *info, const FmImapListed *listed, gboolean first_pass)
{
  if (!listed || is_selected (conn, info) || is_settling (conn, info) || info->lowest_uid != 1 || !(listed->has & FM_IMAP_HAS_UIDNEXT)
      || !(listed->has & FM_IMAP_HAS_MESSAGES))
    return FALSE;
  if (listed->uidvalidity != info->uidvalidity || listed->uidnext != info->uidnext || listed->messages != info->total)
    return FALSE;
  if (listed->has & FM_IMAP_HAS_MODSEQ && info->highestmodseq)
    return listed->highestmodseq == info->highestmodseq || is_told_elsewhere (conn, info);
  return !first_pass && listed->unseen == info->unread;
}

/* All that has come under the UIDs from UIDNEXT to TOLD, exclusive, is here. */
static gboolean
is_here (FmImapConn *conn, const FmFolderInfo *info, guint32 told)
{
  g_autoptr (GArray) known = fm_message_store_uids (conn->reader, info->id, MAX (info->uidnext, 1), told - 1, NULL);

  return known && known->len / 2 == told - MAX (info->uidnext, 1);
}

gboolean
fm_imap_list_is_no_news (FmImapConn *conn, const FmFolderInfo *info, const FmImapListed *told)
{
  gboolean ours = FALSE;

  if (is_settling (conn, info) || (told->has & FM_IMAP_HAS_UIDVALIDITY && told->uidvalidity != info->uidvalidity)
      || (told->has & FM_IMAP_HAS_MESSAGES && told->messages != info->total)
      || (told->has & FM_IMAP_HAS_UNSEEN && told->unseen != info->unread))
    return FALSE;
  if (told->has & FM_IMAP_HAS_UIDNEXT && told->uidnext != info->uidnext)
    {
      if (told->uidnext < info->uidnext || !is_here (conn, info, told->uidnext))
        return FALSE;
      ours = TRUE;
    }
  return ours || !(told->has & FM_IMAP_HAS_MODSEQ) || told->highestmodseq == info->highestmodseq;
}

static FmSpecialUse
special_of (const Box *box)
{
  static const struct {
    guint attribute;
    FmSpecialUse special;
  } uses[] = {
    { FM_IMAP_BOX_SENT, FM_SPECIAL_SENT },       { FM_IMAP_BOX_DRAFTS, FM_SPECIAL_DRAFTS },       { FM_IMAP_BOX_TRASH, FM_SPECIAL_TRASH },
    { FM_IMAP_BOX_JUNK, FM_SPECIAL_JUNK },       { FM_IMAP_BOX_ARCHIVE, FM_SPECIAL_ARCHIVE },     { FM_IMAP_BOX_ALL, FM_SPECIAL_ALL },
    { FM_IMAP_BOX_FLAGGED, FM_SPECIAL_FLAGGED }, { FM_IMAP_BOX_IMPORTANT, FM_SPECIAL_IMPORTANT },
  };

  if (strcmp (box->name, "INBOX") == 0 || box->attributes & FM_IMAP_BOX_INBOX)
    return FM_SPECIAL_INBOX;
  for (guint i = 0; i < G_N_ELEMENTS (uses); i++)
    if (box->attributes & uses[i].attribute)
      return uses[i].special;
  return FM_SPECIAL_NONE;
}

/* Does any folder carry this use by the server's own word? Then names decide nothing. */
static gboolean
server_names (const GArray *boxes, FmSpecialUse special)
{
  for (guint i = 0; i < boxes->len; i++)
    if (special_of (&g_array_index (boxes, Box, i)) == special)
      return TRUE;
  return FALSE;
}

typedef struct {
  gint64 account_id;
  const FmAccountSpec *spec;
  FmImapListing *listing;
  gboolean changed;
} Job;

static const char *
configured_name (const FmAccountSpec *spec, FmSpecialUse special)
{
  switch (special)
    {
    case FM_SPECIAL_SENT:
      return spec->sent;
    case FM_SPECIAL_DRAFTS:
      return spec->drafts;
    case FM_SPECIAL_TRASH:
      return spec->trash;
    case FM_SPECIAL_JUNK:
      return spec->junk;
    case FM_SPECIAL_ARCHIVE:
      return spec->archive;
    default:
      return NULL;
    }
}

/* The server's word, else the configuration's, else what such folders are called (the first of a kind only). */
static FmSpecialUse
decide_special (const Job *job, const Box *box, guint *taken)
{
  FmSpecialUse special = special_of (box);

  if (special == FM_SPECIAL_NONE)
    for (FmSpecialUse use = FM_SPECIAL_SENT; use <= FM_SPECIAL_TRASH; use++)
      if (g_strcmp0 (configured_name (job->spec, use), box->name) == 0 && !server_names (job->listing->boxes, use))
        special = use;
  if (special == FM_SPECIAL_NONE)
    {
      special = fm_special_folder_by_name (box->name, box->delimiter);
      if (special == FM_SPECIAL_INBOX || server_names (job->listing->boxes, special) || configured_name (job->spec, special)
          || (*taken & (1u << special)))
        special = FM_SPECIAL_NONE;
    }
  *taken |= 1u << special;
  return special;
}

static gboolean
put_box (FmStoreWriter *writer, Job *job, const Box *box, guint *taken, GHashTable *seen, GError **error)
{
  FmFolderInput input = { .name = box->name, .wire_name = box->wire_name, .delimiter = box->delimiter };
  const FmImapListed *status = g_hash_table_lookup (job->listing->statuses, box->name);
  gint64 id;

  input.special = decide_special (job, box, taken);
  input.subscribed = (box->attributes & FM_IMAP_BOX_SUBSCRIBED) != 0;
  input.selectable = !(box->attributes & FM_IMAP_BOX_NOSELECT);
  if (!(id = fm_folder_store_put (writer, job->account_id, &input, error)))
    return FALSE;
  if (!g_hash_table_contains (seen, &id))
    g_hash_table_add (seen, g_memdup2 (&id, sizeof id));
  if (status && (status->has & FM_IMAP_HAS_MESSAGES))
    return fm_folder_store_set_status (writer, id, status->messages, status->unseen, error);
  return TRUE;
}

static gboolean
same_tree (GPtrArray *before, GPtrArray *after)
{
  if (before->len != after->len)
    return FALSE;
  for (guint i = 0; i < before->len; i++)
    {
      const FmFolderInfo *a = g_ptr_array_index (before, i), *b = g_ptr_array_index (after, i);
      if (a->id != b->id || strcmp (a->name, b->name) != 0 || a->special != b->special || a->selectable != b->selectable
          || a->server_unread != b->server_unread)
        return FALSE;
    }
  return TRUE;
}

/* Rows that no server has yet (a draft or a move that waits): the folder stays until they are somewhere. */
static gboolean
holds_unsent (FmStoreReader *reader, const FmFolderInfo *info)
{
  g_autoptr (GArray) known = fm_message_store_uids (reader, info->id, 1, G_MAXUINT32, NULL);

  return !known || info->total > known->len / 2;
}

/* A folder that the server does not list. What was to be met in it, or matched again, never will be; one that is being renamed may be listed under its
 * new name. */
static gboolean
drop_unlisted (FmStoreWriter *writer, const FmFolderInfo *info, gboolean renaming, GError **error)
{
  FmStoreReader *reader = fm_db_writer_reader (writer);
  g_autoptr (FmFolderInfo) now = NULL;

  if (renaming && strcmp (info->name, info->remote_name) != 0)
    return TRUE;
  if (!fm_folder_store_end_rematch (writer, info->id, NULL, error) || !fm_journal_settle_missing (writer, info->id, NULL, NULL, error)
      || !(now = fm_folder_store_get (reader, info->id, error)))
    return FALSE;
  return holds_unsent (reader, now) || fm_folder_store_delete (writer, info->id, error);
}

static gboolean
job_run (FmStoreWriter *writer, gpointer data, GError **error)
{
  Job *job = data;
  FmStoreReader *reader = fm_db_writer_reader (writer);
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  g_autoptr (GPtrArray) before = fm_folder_store_list (reader, job->account_id, error);
  g_autoptr (GPtrArray) after = NULL;
  gboolean renaming = fm_folder_store_is_renaming (reader, job->account_id);
  guint taken = 0;

  if (!before)
    return FALSE;
  for (guint i = 0; i < job->listing->boxes->len; i++)
    if (!put_box (writer, job, &g_array_index (job->listing->boxes, Box, i), &taken, seen, error))
      return FALSE;
  for (guint i = 0; i < before->len; i++)
    {
      const FmFolderInfo *info = g_ptr_array_index (before, i);
      if (*info->remote_name && !g_hash_table_contains (seen, &info->id) && !drop_unlisted (writer, info, renaming, error))
        return FALSE;
    }
  if (!(after = fm_folder_store_list (reader, job->account_id, error)))
    return FALSE;
  job->changed = !same_tree (before, after);
  return TRUE;
}

FmImapListing *
fm_imap_list_queue (FmImapConn *conn, gboolean with_status)
{
  static const FmImapEvents events = { .box = on_box, .status = on_status };
  FmImapListing *listing = g_new0 (FmImapListing, 1);

  listing->boxes = g_array_new (FALSE, FALSE, sizeof (Box));
  g_array_set_clear_func (listing->boxes, box_clear);
  listing->statuses = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  fm_imap_collect_list (conn->collect, &events, listing);
  fm_imap_session_queue_list (conn->session, "*", with_status, fm_imap_folder_keep_error, &listing->error);
  return listing;
}

static void
listing_free (FmImapListing *listing)
{
  g_array_unref (listing->boxes);
  g_hash_table_unref (listing->statuses);
  g_clear_error (&listing->error);
  g_free (listing);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FmImapListing, listing_free)

gboolean
fm_imap_list_finish (FmImapConn *conn, FmImapListing *taken, GHashTable **ret_statuses, GError **error)
{
  g_autoptr (FmImapListing) listing = taken;
  Job job = { conn->worker->account_id, conn->worker->spec, listing, FALSE };

  fm_imap_collect_list (conn->collect, NULL, NULL);
  if (listing->error)
    {
      g_propagate_error (error, g_steal_pointer (&listing->error));
      return FALSE;
    }
  /* Every server has an INBOX: an empty answer is no answer. */
  if (listing->boxes->len == 0)
    {
      g_set_error (error, FM_ERROR, FM_ERROR_PROTOCOL, "the server lists no folder at all");
      return FALSE;
    }
  if (!fm_pen_call (conn->worker->env->pen, FM_PEN_BULK, job_run, &job, error))
    return FALSE;
  if (job.changed)
    fm_imap_tell_tree (conn->worker);
  if (ret_statuses)
    *ret_statuses = g_hash_table_ref (listing->statuses);
  return TRUE;
}

gboolean
fm_imap_list_run (FmImapConn *conn, GHashTable **ret_statuses, GError **error)
{
  FmImapListing *listing;

  fm_imap_collect_begin (conn->collect, 0);
  listing = fm_imap_list_queue (conn, TRUE);
  fm_imap_session_run (conn->session, NULL); /* a lost connection is the listing's error too */
  return fm_imap_list_finish (conn, listing, ret_statuses, error);
}

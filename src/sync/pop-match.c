/* The listing against the ledger. A UIDL that is known and has been there ever since is that message. Otherwise the header decides, where the server
 * has TOP: after a reset of all UIDLs, for messages without a (sound) UIDL, and for a UIDL that had been gone and is back. What stays unknown is new,
 * and its body's digest is the last word. */
#include "sync/pop-pass-private.h"
#include "sync/pop-digest.h"
#include "sync/pop-policy.h"
#include <fulmar/base/error.h>
#include <string.h>

#define RENAMES_PER_CALL 500

static void
known_free (gpointer data)
{
  FmPopKnown *known = data;
  fm_pop_store_free (known->seen);
  g_free (known);
}

static void
item_clear (gpointer data)
{
  FmPopItem *item = data;
  g_free (item->header_digest);
  g_clear_pointer (&item->header, g_bytes_unref);
}

static GHashTable *
multi_new (void)
{
  return g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_ptr_array_unref);
}

static void
multi_add (GHashTable *table, const char *key, FmPopKnown *known)
{
  if (key == NULL || *key == '\0')
    return;
  GPtrArray *list = g_hash_table_lookup (table, key);
  if (list == NULL)
    {
      list = g_ptr_array_new ();
      g_hash_table_insert (table, g_strdup (key), list);
    }
  g_ptr_array_add (list, known);
}

FmPopMatch *
fm_pop_match_new (FmPopContext *context, FmPopSession *session, FmPopOutcome *outcome)
{
  FmPopMatch *match = g_new0 (FmPopMatch, 1);
  match->context = context;
  match->session = session;
  match->outcome = outcome;
  match->ledger = g_ptr_array_new_with_free_func (known_free);
  match->items = g_array_new (FALSE, TRUE, sizeof (FmPopItem));
  g_array_set_clear_func (match->items, item_clear);
  match->by_uidl = g_hash_table_new (g_str_hash, g_str_equal);
  match->by_number = g_hash_table_new (NULL, NULL);
  match->by_digest = multi_new ();
  match->by_header = multi_new ();
  return match;
}

void
fm_pop_match_free (FmPopMatch *match)
{
  if (match == NULL)
    return;
  g_hash_table_unref (match->by_uidl);
  g_hash_table_unref (match->by_number);
  g_hash_table_unref (match->by_digest);
  g_hash_table_unref (match->by_header);
  g_array_unref (match->items);
  g_ptr_array_unref (match->ledger);
  g_clear_pointer (&match->entries, g_ptr_array_unref);
  g_free (match);
}

FmPopKnown *
fm_pop_match_add (FmPopMatch *match, FmPopSeen *seen)
{
  FmPopKnown *known = g_new0 (FmPopKnown, 1);
  known->seen = seen;
  g_ptr_array_add (match->ledger, known);
  multi_add (match->by_digest, seen->digest, known);
  multi_add (match->by_header, seen->header_digest, known);
  return known;
}

FmPopItem *
fm_pop_match_item (FmPopMatch *match, guint32 number)
{
  return g_hash_table_lookup (match->by_number, GUINT_TO_POINTER (number));
}

static gboolean
load_ledger (FmPopMatch *match, GError **error)
{
  g_autoptr (GPtrArray) rows = fm_pop_store_list (match->context->reader, match->context->account_id, error);
  if (rows == NULL)
    return FALSE;
  g_ptr_array_set_free_func (rows, NULL);
  for (guint i = 0; i < rows->len; i++)
    {
      FmPopKnown *known = fm_pop_match_add (match, rows->pdata[i]);
      if (*known->seen->uidl != '\0')
        g_hash_table_insert (match->by_uidl, known->seen->uidl, known);
    }
  return TRUE;
}

static void
hold_against (FmPopMatch *match)
{
  g_array_set_size (match->items, match->entries->len);
  for (guint i = 0; i < match->entries->len; i++)
    {
      FmPopItem *item = &g_array_index (match->items, FmPopItem, i);
      item->told = match->entries->pdata[i];
      g_hash_table_insert (match->by_number, GUINT_TO_POINTER (item->told->number), item);
      FmPopKnown *known = item->told->uidl == NULL ? NULL : g_hash_table_lookup (match->by_uidl, item->told->uidl);
      if (known == NULL)
        continue;
      known->listed = TRUE;
      if (known->seen->gone_since_utc != 0 || known->seen->deleted_utc != 0)
        item->doubt = known;
      else
        item->known = known;
    }
  g_hash_table_remove_all (match->by_uidl);
}

/* Of the messages that were there at the last good listing, how many have left with their UIDL; and those whose UIDL is not known. */
static guint
count_vanished (FmPopMatch *match)
{
  guint n = 0;
  for (guint i = 0; i < match->ledger->len; i++)
    {
      const FmPopKnown *known = match->ledger->pdata[i];
      n += !known->listed && known->seen->gone_since_utc == 0 && known->seen->deleted_utc == 0;
    }
  return n;
}

/* Numbers of the items whose header must be seen to know them. Transfer: full. */
static GArray *
doubtful (FmPopMatch *match)
{
  GArray *numbers = g_array_new (FALSE, FALSE, sizeof (guint32));
  guint unknown = 0, vanished = count_vanished (match);
  for (guint i = 0; i < match->items->len; i++)
    {
      const FmPopItem *item = &g_array_index (match->items, FmPopItem, i);
      unknown += item->known == NULL && item->doubt == NULL && item->told->uidl != NULL;
    }
  /* A mail or two deleted by another client are no reset; half of what is unknown may be one. Where each session shows other messages it says nothing. */
  gboolean reset = vanished > 0 && vanished * 2 >= unknown && !fm_pop_policy_in_batches (match->context->spec);
  for (guint i = 0; i < match->items->len; i++)
    {
      const FmPopItem *item = &g_array_index (match->items, FmPopItem, i);
      if (item->known == NULL && (reset || item->doubt != NULL || (item->told->uidl == NULL && match->ledger->len > 0)))
        g_array_append_val (numbers, item->told->number);
    }
  return numbers;
}

static FmSink *
begin_header (gpointer data, guint32 number, GError **error)
{
  return fm_pop_digest_sink_new (NULL);
}

static gboolean
end_header (gpointer data, guint32 number, FmSink *sink, const GError *refused, GError **error)
{
  FmPopItem *item = fm_pop_match_item (data, number);
  if (sink != NULL)
    {
      g_autoptr (GBytes) header = fm_pop_digest_sink_header (sink);
      item->header_digest = fm_pop_digest_header (g_bytes_get_data (header, NULL), g_bytes_get_size (header));
    }
  fm_sink_free (sink);
  return TRUE;
}

/* Without a UIDL of its own one row may stand for several equal messages, so it is not used up. */
static FmPopKnown *
take_unlisted (GHashTable *table, const char *key, const FmPopItem *item)
{
  GPtrArray *list = key == NULL ? NULL : g_hash_table_lookup (table, key);
  for (guint i = 0; list != NULL && i < list->len; i++)
    {
      FmPopKnown *known = list->pdata[i];
      if (item->told->uidl == NULL || known == item->doubt || (item->doubt == NULL && !known->listed))
        return known;
    }
  return NULL;
}

FmPopKnown *
fm_pop_match_digest (FmPopMatch *match, FmPopItem *item, const char *digest)
{
  FmPopKnown *known = take_unlisted (match->by_digest, digest, item);
  if (known != NULL)
    {
      known->listed = TRUE;
      item->known = known;
    }
  return known;
}

typedef struct {
  gint64 account_id;
  GPtrArray *rows; /* FmPopItem* */
} Renames;

static gboolean
write_renames (FmStoreWriter *writer, gpointer data, GError **error)
{
  Renames *renames = data;
  for (guint i = 0; i < renames->rows->len; i++)
    {
      const FmPopItem *item = renames->rows->pdata[i];
      FmPopSeen now = *item->known->seen;
      if (*now.uidl != '\0' && strcmp (now.uidl, item->told->uidl) != 0
          && !fm_pop_store_rename (writer, renames->account_id, now.uidl, item->told->uidl, error))
        return FALSE;
      now.uidl = item->told->uidl;
      now.gone_since_utc = now.deleted_utc = 0;
      if (!fm_pop_store_put (writer, renames->account_id, &now, error))
        return FALSE;
    }
  return TRUE;
}

/* Writes down that known messages have these UIDLs now. */
static gboolean
keep_renames (FmPopMatch *match, GPtrArray *rows, GError **error)
{
  Renames renames = { match->context->account_id, rows };
  if (rows->len == 0)
    return TRUE;
  if (!fm_pen_call (match->context->env->pen, FM_PEN_SAFE, write_renames, &renames, error))
    return FALSE;
  fm_pop_pass_step (FM_POP_STEP_RENAMED);
  for (guint i = 0; i < rows->len; i++)
    {
      FmPopItem *item = rows->pdata[i];
      g_free (item->known->seen->uidl);
      item->known->seen->uidl = g_strdup (item->told->uidl);
      item->known->seen->gone_since_utc = item->known->seen->deleted_utc = 0;
    }
  match->outcome->renamed += rows->len;
  g_ptr_array_set_size (rows, 0);
  return TRUE;
}

static gboolean
compare_headers (FmPopMatch *match, const GArray *numbers, GError **error)
{
  static const FmPopTaker taker = { begin_header, end_header };
  g_autoptr (GPtrArray) rows = g_ptr_array_new ();
  for (guint at = 0; at < numbers->len; at += RENAMES_PER_CALL)
    {
      guint n = MIN (RENAMES_PER_CALL, numbers->len - at);
      if (!fm_pop_session_fetch (match->session, &g_array_index (numbers, guint32, at), n, TRUE, &taker, match, error))
        return FALSE;
      for (guint i = at; i < at + n; i++)
        {
          FmPopItem *item = fm_pop_match_item (match, g_array_index (numbers, guint32, i));
          item->known = take_unlisted (match->by_header, item->header_digest, item);
          if (item->known == NULL)
            continue;
          item->known->listed = TRUE;
          if (item->told->uidl != NULL)
            g_ptr_array_add (rows, item);
        }
      if (!keep_renames (match, rows, error))
        return FALSE;
    }
  return TRUE;
}

gboolean
fm_pop_match_run (FmPopMatch *match, GError **error)
{
  match->entries = fm_pop_session_list (match->session, error);
  if (match->entries == NULL || !load_ledger (match, error))
    return FALSE;
  match->outcome->listed = match->entries->len;
  match->outcome->server_count = match->entries->len;
  for (guint i = 0; i < match->entries->len; i++)
    match->outcome->server_bytes += ((const FmPopEntry *) match->entries->pdata[i])->size_bytes;
  hold_against (match);
  g_autoptr (GArray) numbers = doubtful (match);
  return numbers->len == 0 || !fm_pop_session_has (match->session, FM_POP_CAP_TOP) || compare_headers (match, numbers, error);
}

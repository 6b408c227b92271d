/* What a session takes from the server, and how it ends. A policy that would delete what the one before it would have kept is not followed at once: the
 * user is told how much it is about, from when on, and what to write to keep it. Until then only what both policies make due is deleted. What was told
 * stands in the store, and is written there after the telling, so that a crash in between tells twice and deletes nothing untold. */
#include "sync/pop-pass-private.h"
#include "sync/pop-policy.h"
#include <fulmar/base/clock.h>
#include <fulmar/base/text.h>
#include <fulmar/store/folder-store.h>
#include <string.h>

#define GRACE_S 600 /* from the telling to the first deletion */

/* value struct: what the pen writes at the end of a session */
typedef struct {
  gint64 account_id;
  GPtrArray *uidls;    /* char*, NULL-terminated: deleted, as QUIT confirmed */
  const FmPopLaw *law; /* NULL: as it was */
} Outcome;

static gboolean
write_outcome (FmStoreWriter *writer, gpointer data, GError **error)
{
  Outcome *outcome = data;
  return (outcome->uidls->len <= 1
          || fm_pop_store_deleted (writer, outcome->account_id, (const char *const *) outcome->uidls->pdata, fm_clock_now_utc (), error))
         && (outcome->law == NULL || fm_pop_store_set_law (writer, outcome->account_id, outcome->law, error));
}

gboolean
fm_pop_due_begin (FmPopMatch *match, GError **error)
{
  FmPopContext *context = match->context;
  g_auto (FmPopLaw) law = { 0 };
  if (!fm_pop_store_law (context->reader, context->account_id, &law) || *law.in_force != '\0' || match->ledger->len > 0
      || context->env->read_only)
    return TRUE;
  /* Nothing was fetched under any other policy: there is nothing to tell. */
  g_autoptr (GPtrArray) none = g_ptr_array_new ();
  Outcome outcome = { context->account_id, none, &law };
  g_free (law.in_force);
  law.in_force = fm_pop_policy_text (fm_pop_policy_of (context->spec));
  return fm_pen_call (context->env->pen, FM_PEN_SAFE, write_outcome, &outcome, error);
}

/* The ledger ids that READ finds; a set of gint64*, whose memory is RET_IDS. */
static GHashTable *
set_of (FmPopMatch *match, GArray *(*read) (FmStoreReader *, gint64, GError **), GArray **ret_ids, GError **error)
{
  GArray *ids = read (match->context->reader, match->context->account_id, error);
  if (ids == NULL)
    return NULL;
  GHashTable *set = g_hash_table_new (g_int64_hash, g_int64_equal);
  for (guint i = 0; i < ids->len; i++)
    g_hash_table_add (set, &g_array_index (ids, gint64, i));
  *ret_ids = ids;
  return set;
}

/* value struct: the deletions of a session */
typedef struct {
  GPtrArray *due; /* FmPopItem*: may go now */
  guint held;     /* messages that may go only from the next session on */
  guint64 held_bytes;
} Due;

/* What this session may delete by, beside the account's own policy. Without one that is known (a store of an earlier version, or one begun anew) nothing has
 * been agreed to. */
static FmPopPolicy
policy_before (const FmPopLaw *law, const char *now)
{
  FmPopPolicy policy = { FM_LEAVE_FOREVER, 0 };
  gboolean is_time = law->next != NULL && strcmp (law->next, now) == 0 && fm_clock_now_utc () >= law->from_utc;
  if (law->in_force != NULL)
    fm_pop_policy_parse (is_time ? now : law->in_force, &policy);
  return policy;
}

static gboolean
find_due (FmPopMatch *match, FmPopPolicy before, Due *due, GError **error)
{
  FmPopPolicy now = fm_pop_policy_of (match->context->spec);
  gint64 now_utc = fm_clock_now_utc ();
  if (match->context->env->read_only || now.leave == FM_LEAVE_FOREVER)
    return TRUE;
  g_autoptr (GArray) deleted_ids = NULL, unsettled_ids = NULL;
  g_autoptr (GHashTable) deleted = set_of (match, fm_pop_store_deleted_here, &deleted_ids, error);
  g_autoptr (GHashTable) unsettled = deleted == NULL ? NULL : set_of (match, fm_pop_store_unsettled, &unsettled_ids, error);
  if (unsettled == NULL)
    return FALSE;
  for (guint i = 0; i < match->items->len; i++)
    {
      FmPopItem *item = &g_array_index (match->items, FmPopItem, i);
      const FmPopSeen *seen = item->known == NULL ? NULL : item->known->seen;
      gboolean gone = seen != NULL && g_hash_table_contains (deleted, &seen->id);
      if (seen == NULL || !fm_pop_policy_is_due (now, seen, gone, now_utc))
        continue;
      if (fm_pop_policy_is_due (before, seen, gone, now_utc))
        {
          /* What the user did a moment ago may be undone: the next session takes it. */
          if (!gone || !g_hash_table_contains (unsettled, &seen->id))
            g_ptr_array_add (due->due, item);
          continue;
        }
      due->held++;
      due->held_bytes += item->told->size_bytes;
    }
  return TRUE;
}

static void
tell_held (FmPopMatch *match, const Due *due, gint64 from_utc)
{
  FmPopContext *context = match->context;
  FmPopPolicy policy = fm_pop_policy_of (context->spec);
  g_autofree char *leave = fm_pop_policy_text (policy), *size = fm_text_size (due->held_bytes);
  g_autoptr (GDateTime) from = g_date_time_new_from_unix_local (from_utc);
  g_autofree char *when = g_date_time_format (from, "%H:%M");
  FmEvent *event = fm_event_new (FM_EVENT_NOTICE, 0);
  event->account = g_strdup (context->spec->name);
  event->text = g_strdup_printf ("leave = %s: from %s on %u message%s (%s) will be deleted on the server%s; leave = forever keeps %s there",
                                 leave, when, due->held, due->held == 1 ? "" : "s", size,
                                 policy.leave == FM_LEAVE_UNTIL_DELETED ? ", having been deleted here" : ", not here",
                                 due->held == 1 ? "it" : "them");
  fm_sync_env_emit (context->env, event);
  fm_pop_pass_step (FM_POP_STEP_TOLD);
}

/* Marks, and says farewell. The ledger is told of deletions only after the server's +OK. */
static gboolean
delete_and_quit (FmPopMatch *match, const Due *due, GPtrArray *uidls, GError **error)
{
  g_autofree guint32 *numbers = g_new (guint32, due->due->len + 1);
  g_autofree gboolean *done = g_new0 (gboolean, due->due->len + 1);
  for (guint i = 0; i < due->due->len; i++)
    numbers[i] = ((FmPopItem *) due->due->pdata[i])->told->number;
  if (!fm_pop_session_delete (match->session, numbers, due->due->len, done, error))
    return FALSE;
  fm_pop_pass_step (FM_POP_STEP_MARKED);
  if (!fm_pop_session_quit (match->session, error))
    return FALSE;
  fm_pop_pass_step (FM_POP_STEP_QUIT);
  for (guint i = 0; i < due->due->len; i++)
    {
      const FmPopItem *item = due->due->pdata[i];
      if (!done[i])
        continue;
      match->outcome->deleted++;
      match->outcome->server_count--;
      match->outcome->server_bytes -= MIN (item->told->size_bytes, match->outcome->server_bytes);
      if (item->told->uidl != NULL)
        g_ptr_array_add (uidls, item->told->uidl);
    }
  g_ptr_array_add (uidls, NULL);
  return TRUE;
}

/* What stands in the store after this session; FALSE: as before. */
static gboolean
take_law (FmPopLaw *law, const char *now, const Due *due, gint64 told_from_utc)
{
  gboolean waits = due->held > 0;
  g_autofree char *in_force = g_strdup (waits && *law->in_force != '\0' ? law->in_force : waits ? "forever" : now);
  const char *next = waits ? now : "";
  gint64 from_utc = !waits ? 0 : told_from_utc != 0 ? told_from_utc : law->from_utc;
  if (strcmp (law->in_force, in_force) == 0 && strcmp (law->next, next) == 0 && law->from_utc == from_utc)
    return FALSE;
  fm_pop_store_law_clear (law);
  *law = (FmPopLaw){ g_steal_pointer (&in_force), g_strdup (next), from_utc };
  return TRUE;
}

gboolean
fm_pop_due_finish (FmPopMatch *match, GError **error)
{
  FmPopContext *context = match->context;
  g_auto (FmPopLaw) law = { 0 };
  g_autofree char *now = fm_pop_policy_text (fm_pop_policy_of (context->spec));
  g_autoptr (GPtrArray) items = g_ptr_array_new (), uidls = g_ptr_array_new ();
  Due due = { items, 0, 0 };
  gboolean is_known = fm_pop_store_law (context->reader, context->account_id, &law);
  if (!find_due (match, policy_before (&law, now), &due, error) || !delete_and_quit (match, &due, uidls, error))
    return FALSE;
  gint64 from_utc = 0;
  if (due.held > 0 && g_strcmp0 (law.next, now) != 0)
    {
      from_utc = fm_clock_now_utc () + GRACE_S;
      tell_held (match, &due, from_utc);
    }
  match->outcome->held = due.held;
  match->outcome->held_until_utc = from_utc != 0 ? from_utc : law.from_utc;
  gboolean is_new = is_known && !context->env->read_only && take_law (&law, now, &due, from_utc);
  Outcome outcome = { context->account_id, uidls, is_new ? &law : NULL };
  return (uidls->len <= 1 && !is_new) || fm_pen_call (context->env->pen, FM_PEN_SAFE, write_outcome, &outcome, error);
}

/* value struct: what the pen writes of the server's own count */
typedef struct {
  gint64 account_id;
  guint64 count, bytes;
} Server;

static gboolean
write_server (FmStoreWriter *writer, gpointer data, GError **error)
{
  const Server *server = data;
  return fm_folder_store_set_server (writer, server->account_id, server->count, server->bytes, fm_clock_now_utc (), error);
}

gboolean
fm_pop_due_note_server (FmPopMatch *match, GError **error)
{
  FmPopContext *context = match->context;
  const FmPopOutcome *outcome = match->outcome;
  Server server = { context->account_id, outcome->server_count, outcome->server_bytes };
  if (context->server_noted && context->server_count == server.count && context->server_bytes == server.bytes)
    return TRUE;
  if (!fm_pen_call (context->env->pen, FM_PEN_SAFE, write_server, &server, error))
    return FALSE;
  context->server_noted = TRUE;
  context->server_count = server.count;
  context->server_bytes = server.bytes;
  FmEvent *event = fm_event_new (FM_EVENT_FOLDERS_CHANGED, 0);
  event->account = g_strdup (context->spec->name);
  fm_sync_env_emit (context->env, event);
  return TRUE;
}

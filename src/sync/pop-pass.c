/* The order of a session, which is what makes it safe: list, know again, fetch and commit, note what has left the server, then mark for deletion only
 * what the ledger holds, and believe in the deletion only when QUIT was answered with +OK. Any error closes the socket without QUIT. */
#include "sync/pop-pass-private.h"
#include "sync/pop-digest.h"
#include <fulmar/base/clock.h>
#include <fulmar/base/error.h>
#include <fulmar/store/body-store.h>
#include <fulmar/store/message-store.h>
#include <string.h>

#define KEEP_GONE_S (90 * 86400)
#define DAY_S 86400

static void (*step_hook) (FmPopStep step);

void
fm_pop_pass_set_hook (void (*hook) (FmPopStep step))
{
  step_hook = hook;
}

void
fm_pop_pass_step (FmPopStep step)
{
  if (step_hook != NULL)
    step_hook (step);
}

static FmPopSession *
sign_in (FmPopContext *context, FmSecret *secret, GError **error)
{
  const FmAccountSpec *spec = context->spec;
  FmServer server = { .host = spec->incoming.host,
                      .port = spec->incoming.port,
                      .security = spec->incoming.security,
                      .ca_file = spec->tls_ca,
                      .pin_sha256 = spec->tls_pin };
  FmCredentials credentials
      = { .user = spec->incoming.user, .secret = secret, .kind = spec->oauth2 ? FM_CREDENTIALS_BEARER : FM_CREDENTIALS_PASSWORD };
  FmPopOptions options = { .server = &server, .credentials = &credentials };
  context->signed_in = FALSE;
  FmPopSession *session = fm_pop_session_open (&options, context->cancel, error);
  if (session != NULL)
    {
      context->signed_in = TRUE;
      context->login_delay_s = fm_pop_session_login_delay_s (session);
    }
  return session;
}

/* The server may delete by itself before the user wants it to. */
static void
warn_of_expiry (FmPopContext *context, const FmPopSession *session)
{
  int days = fm_pop_session_expire_days (session);
  const FmAccountSpec *spec = context->spec;
  gboolean sooner = spec->leave == FM_LEAVE_DAYS ? days < spec->leave_days : spec->leave != FM_LEAVE_NONE;
  if (days < 0 || !sooner || context->told_expire)
    return;
  context->told_expire = TRUE;
  FmEvent *event = fm_event_new (FM_EVENT_NOTICE, 0);
  event->account = g_strdup (spec->name);
  event->text = g_strdup_printf ("%s: the server deletes mail by itself after %d days, whatever `leave` says; what was fetched stays here",
                                 spec->name, days);
  fm_sync_env_emit (context->env, event);
}

/* value struct: what the pen writes about a listing, or about deletions */
typedef struct {
  gint64 account_id;
  GPtrArray *uidls; /* char*, NULL-terminated */
} Names;

static gboolean
write_listed (FmStoreWriter *writer, gpointer data, GError **error)
{
  Names *names = data;
  return fm_pop_store_listed (writer, names->account_id, (const char *const *) names->uidls->pdata, fm_clock_now_utc (), KEEP_GONE_S,
                              error);
}

static gboolean
write_deleted (FmStoreWriter *writer, gpointer data, GError **error)
{
  Names *names = data;
  return fm_pop_store_deleted (writer, names->account_id, (const char *const *) names->uidls->pdata, fm_clock_now_utc (), error);
}

/* Only what has changed since the last listing is worth a transaction. */
static gboolean
listing_changed (const FmPopMatch *match)
{
  for (guint i = 0; i < match->ledger->len; i++)
    {
      const FmPopKnown *known = match->ledger->pdata[i];
      if (*known->seen->uidl != '\0'
          && (known->listed ? known->seen->gone_since_utc != 0
                            : known->seen->gone_since_utc == 0 || known->seen->gone_since_utc < fm_clock_now_utc () - KEEP_GONE_S))
        return TRUE;
    }
  return FALSE;
}

static gboolean
note_listing (FmPopMatch *match, GError **error)
{
  g_autoptr (GPtrArray) uidls = g_ptr_array_new ();
  if (!listing_changed (match))
    return TRUE;
  for (guint i = 0; i < match->items->len; i++)
    {
      const FmPopItem *item = &g_array_index (match->items, FmPopItem, i);
      if (item->told->uidl != NULL)
        g_ptr_array_add (uidls, item->told->uidl);
    }
  g_ptr_array_add (uidls, NULL);
  Names names = { match->context->account_id, uidls };
  return fm_pen_call (match->context->env->pen, FM_PEN_SAFE, write_listed, &names, error);
}

static gboolean
is_due (const FmPopMatch *match, const FmPopSeen *seen, GHashTable *deleted_here)
{
  const FmAccountSpec *spec = match->context->spec;
  /* Of a stub the server has the only copy. */
  if (seen->stub || *seen->digest == '\0')
    return FALSE;
  switch (spec->leave)
    {
    case FM_LEAVE_NONE:
      return TRUE;
    case FM_LEAVE_DAYS:
      return fm_clock_now_utc () >= seen->first_seen_utc + (gint64) spec->leave_days * DAY_S;
    case FM_LEAVE_UNTIL_DELETED:
      return seen->wants_delete || (*seen->uidl != '\0' && g_hash_table_contains (deleted_here, seen->uidl));
    default:
      return FALSE;
    }
}

/* Items whose message may go from the server. Transfer: full, FmPopItem*. */
static GPtrArray *
due_items (FmPopMatch *match, GError **error)
{
  g_autoptr (GPtrArray) due = g_ptr_array_new ();
  g_autoptr (GHashTable) deleted_here = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GPtrArray) uidls = NULL;
  if (match->context->env->read_only || match->context->spec->leave == FM_LEAVE_FOREVER)
    return g_steal_pointer (&due);
  if (match->context->spec->leave == FM_LEAVE_UNTIL_DELETED)
    {
      uidls = fm_pop_store_deleted_here (match->context->reader, match->context->account_id, error);
      if (uidls == NULL)
        return NULL;
      for (guint i = 0; i < uidls->len; i++)
        g_hash_table_add (deleted_here, uidls->pdata[i]);
    }
  for (guint i = 0; i < match->items->len; i++)
    {
      FmPopItem *item = &g_array_index (match->items, FmPopItem, i);
      if (item->known != NULL && is_due (match, item->known->seen, deleted_here))
        g_ptr_array_add (due, item);
    }
  return g_steal_pointer (&due);
}

/* Marks, and says farewell. The ledger is told of deletions only after the server's +OK. */
static gboolean
delete_and_quit (FmPopMatch *match, GError **error)
{
  g_autoptr (GPtrArray) due = due_items (match, error);
  g_autoptr (GPtrArray) uidls = g_ptr_array_new ();
  if (due == NULL)
    return FALSE;
  g_autofree guint32 *numbers = g_new (guint32, due->len + 1);
  g_autofree gboolean *done = g_new0 (gboolean, due->len + 1);
  for (guint i = 0; i < due->len; i++)
    numbers[i] = ((FmPopItem *) due->pdata[i])->told->number;
  if (!fm_pop_session_delete (match->session, numbers, due->len, done, error))
    return FALSE;
  fm_pop_pass_step (FM_POP_STEP_MARKED);
  if (!fm_pop_session_quit (match->session, error))
    return FALSE;
  fm_pop_pass_step (FM_POP_STEP_QUIT);
  for (guint i = 0; i < due->len; i++)
    {
      const FmPopItem *item = due->pdata[i];
      match->outcome->deleted += done[i];
      if (done[i] && item->told->uidl != NULL)
        g_ptr_array_add (uidls, item->told->uidl);
    }
  if (uidls->len == 0)
    return TRUE;
  g_ptr_array_add (uidls, NULL);
  Names names = { match->context->account_id, uidls };
  return fm_pen_call (match->context->env->pen, FM_PEN_SAFE, write_deleted, &names, error);
}

gboolean
fm_pop_pass_run (FmPopContext *context, FmSecret *secret, FmPopOutcome *ret_outcome, GError **error)
{
  FmPopOutcome outcome = { 0 };
  g_autoptr (FmPopSession) session = sign_in (context, secret, error);
  if (session == NULL)
    return FALSE;
  warn_of_expiry (context, session);
  FmPopMatch *match = fm_pop_match_new (context, session, &outcome);
  gboolean ok = fm_pop_match_run (match, error);
  if (ok)
    fm_pop_pass_step (FM_POP_STEP_LISTED);
  ok = ok && fm_pop_fetch_run (match, error) && note_listing (match, error) && delete_and_quit (match, error);
  fm_pop_match_free (match);
  if (ret_outcome != NULL)
    *ret_outcome = outcome;
  return ok;
}

/* value struct: one body asked for */
typedef struct {
  FmPopContext *context;
  FmPopSeen *seen;
  FmSink *sink; /* committed */
  GError *refused;
} Want;

static FmSink *
begin_want (gpointer data, guint32 number, GError **error)
{
  Want *want = data;
  return fm_body_store_sink_new (want->context->env->store, G_MAXUINT32, FALSE);
}

static gboolean
end_want (gpointer data, guint32 number, FmSink *sink, const GError *refused, GError **error)
{
  Want *want = data;
  want->sink = sink;
  if (refused != NULL)
    want->refused = g_error_copy (refused);
  return sink == NULL || fm_sink_commit (sink, error);
}

static gboolean
write_body (FmStoreWriter *writer, gpointer data, GError **error)
{
  Want *want = data;
  guint64 size = 0;
  const char *digest = fm_body_store_sink_digest (want->sink, &size);
  FmPopSeen now = *want->seen;
  now.digest = (char *) digest;
  now.stub = FALSE;
  return fm_body_store_attach (writer, now.msg_id, digest, size, error) != 0
         && fm_pop_store_put (writer, want->context->account_id, &now, error);
}

static FmPopSeen *
seen_of_message (FmPopContext *context, gint64 msg_id, GError **error)
{
  g_autoptr (GPtrArray) rows = fm_pop_store_list (context->reader, context->account_id, error);
  for (guint i = 0; rows != NULL && i < rows->len; i++)
    {
      FmPopSeen *seen = rows->pdata[i];
      if (seen->msg_id == msg_id && *seen->uidl != '\0')
        return fm_pop_store_find (context->reader, context->account_id, seen->uidl, error);
    }
  if (rows != NULL)
    g_set_error_literal (error, FM_ERROR, FM_ERROR_NOT_FOUND, "the rest of this message can't be found on the server any more");
  return NULL;
}

static gboolean
fetch_want (FmPopSession *session, Want *want, GError **error)
{
  static const FmPopTaker taker = { begin_want, end_want };
  g_autoptr (GPtrArray) entries = fm_pop_session_list (session, error);
  for (guint i = 0; entries != NULL && i < entries->len; i++)
    {
      const FmPopEntry *entry = entries->pdata[i];
      if (g_strcmp0 (entry->uidl, want->seen->uidl) != 0)
        continue;
      if (!fm_pop_session_fetch (session, &entry->number, 1, FALSE, &taker, want, error))
        return FALSE;
      if (want->refused != NULL)
        g_propagate_error (error, g_error_copy (want->refused));
      return want->refused == NULL && fm_pen_call (want->context->env->pen, FM_PEN_SAFE, write_body, want, error);
    }
  if (entries != NULL)
    g_set_error_literal (error, FM_ERROR, FM_ERROR_NOT_FOUND, "the message is no longer on the server");
  return FALSE;
}

gboolean
fm_pop_pass_fetch_body (FmPopContext *context, FmSecret *secret, gint64 msg_id, GError **error)
{
  Want want = { .context = context, .seen = seen_of_message (context, msg_id, error) };
  gboolean ok = FALSE;
  if (want.seen == NULL)
    return FALSE;
  g_autoptr (FmPopSession) session = sign_in (context, secret, error);
  if (session != NULL)
    ok = fetch_want (session, &want, error);
  if (ok)
    {
      fm_pop_session_quit (session, NULL);
      fm_sync_env_index (context->env, 0);
    }
  fm_sink_free (want.sink);
  fm_pop_store_free (want.seen);
  g_clear_error (&want.refused);
  return ok;
}

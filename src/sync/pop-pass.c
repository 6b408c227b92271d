/* The order of a session, which is what makes it safe: list, know again, fetch and commit, note what has left the server, then mark for deletion only
 * what the ledger holds, and believe in the deletion only when QUIT was answered with +OK. Any error closes the socket without QUIT. */
#include "sync/pop-pass-private.h"
#include "sync/pop-policy.h"
#include <fulmar/base/clock.h>
#include <fulmar/base/error.h>

#define KEEP_GONE_S (90 * 86400)

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
  FmPopPolicy policy = fm_pop_policy_of (spec);
  gboolean sooner = policy.leave == FM_LEAVE_DAYS ? days < policy.days : policy.leave != FM_LEAVE_NONE;
  if (days < 0 || !sooner || context->told_expire)
    return;
  context->told_expire = TRUE;
  FmEvent *event = fm_event_new (FM_EVENT_NOTICE, 0);
  event->account = g_strdup (spec->name);
  event->text = g_strdup_printf ("the server deletes mail by itself after %d day%s, whatever `leave` says; what was fetched stays here",
                                 days, days == 1 ? "" : "s");
  fm_sync_env_emit (context->env, event);
}

/* value struct: what the pen writes about a listing */
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
  ok = ok && fm_pop_due_begin (match, error) && fm_pop_due_note_server (match, error)
       && fm_pop_stub_run (match, FM_POP_STUBS_WANTED, 0, error) && fm_pop_fetch_run (match, error)
       && fm_pop_stub_run (match, FM_POP_STUBS_LET, 0, error) && fm_pop_fetch_nudge (match, error) && note_listing (match, error)
       && fm_pop_due_finish (match, error) && fm_pop_due_note_server (match, error);
  fm_pop_match_free (match);
  if (ret_outcome != NULL)
    *ret_outcome = outcome;
  return ok;
}

gboolean
fm_pop_pass_fetch_body (FmPopContext *context, FmSecret *secret, gint64 msg_id, GError **error)
{
  FmPopOutcome outcome = { 0 };
  g_autoptr (FmPopSession) session = sign_in (context, secret, error);
  if (session == NULL)
    return FALSE;
  FmPopMatch *match = fm_pop_match_new (context, session, &outcome);
  gboolean ok = fm_pop_match_run (match, error) && fm_pop_stub_run (match, FM_POP_STUBS_ONE, msg_id, error);
  fm_pop_match_free (match);
  if (!ok)
    return FALSE;
  fm_pop_session_quit (session, NULL);
  if (outcome.completed == 0)
    g_set_error_literal (error, FM_ERROR, FM_ERROR_NOT_FOUND, "the server does not have the rest of this message any more");
  return outcome.completed > 0;
}

/* The account's servers tried one by one. A remedy follows from the error's code: that is what the codes are for. */
#include "fulmar/sync/probe.h"
#include "config.h"
#include "sync/secrets.h"
#include <fulmar/base/clock.h>
#include <fulmar/base/error.h>
#include <fulmar/base/paths.h>
#include <fulmar/base/text.h>
#include <fulmar/net/imap-session.h>
#include <fulmar/net/pop-session.h>
#include <fulmar/net/smtp-session.h>
#include <unistd.h>

#define CONNECT_MS 15000

static void
step_free (gpointer data)
{
  FmProbeStep *step = data;
  g_free (step->what);
  g_free (step->detail);
  g_free (step->remedy);
  g_free (step);
}

static const char *
remedy_of (const GError *error)
{
  if (error->domain != FM_ERROR)
    return NULL;
  switch ((FmErrorCode) error->code)
    {
    case FM_ERROR_OFFLINE:
      return "check the host name, the port and the network";
    case FM_ERROR_TIMEOUT:
      return "check the port, and whether a firewall is in between";
    case FM_ERROR_AUTH:
      return "check the user name and the password; many providers want an app password, and some want IMAP or POP switched on in their "
             "web settings first";
    case FM_ERROR_TLS:
      return "if the certificate is your own, set tls_ca or tls_pin in the account's section; otherwise somebody may be in between";
    case FM_ERROR_PROTOCOL:
      return "check that the port belongs to this protocol, and whether it wants TLS from the start or STARTTLS";
    case FM_ERROR_LIMIT:
      return "the server counts too many connections: close another mail program, or wait until it has forgotten those that were lost";
    case FM_ERROR_REFUSED:
      return "these are the server's own words: try again later, or ask its owner";
    case FM_ERROR_STORAGE:
      return "mend the file named";
    case FM_ERROR_NOT_FOUND:
      return "write what is there into the account's section, or make it, or install it";
    default:
      return NULL;
    }
}

/* DETAIL is consumed. */
static void
add (GPtrArray *steps, const char *what, char *detail, const GError *error)
{
  FmProbeStep *step = g_new0 (FmProbeStep, 1);
  step->what = g_strdup (what);
  step->good = error == NULL;
  step->detail = error == NULL ? detail : g_strdup (error->message);
  step->remedy = error == NULL ? NULL : g_strdup (remedy_of (error));
  if (error != NULL)
    g_free (detail);
  g_ptr_array_add (steps, step);
}

static char *
describe (FmStream *stream, const char *capabilities)
{
  g_autofree char *tls = fm_stream_describe (stream), *pin = fm_stream_fingerprint (stream);
  return g_strdup_printf ("signed in; TLS %s%s%s; %s", tls, pin == NULL ? "" : "; tls_pin = sha256:", pin == NULL ? "" : pin, capabilities);
}

static char *
imap_capabilities (FmImapSession *session)
{
  static const struct {
    FmImapCaps bit;
    const char *name;
  } known[] = {
    { FM_IMAP_CAP_IDLE, "IDLE" },           { FM_IMAP_CAP_UIDPLUS, "UIDPLUS" },         { FM_IMAP_CAP_MOVE, "MOVE" },
    { FM_IMAP_CAP_CONDSTORE, "CONDSTORE" }, { FM_IMAP_CAP_QRESYNC, "QRESYNC" },         { FM_IMAP_CAP_SPECIAL_USE, "SPECIAL-USE" },
    { FM_IMAP_CAP_QUOTA, "QUOTA" },         { FM_IMAP_CAP_LIST_STATUS, "LIST-STATUS" }, { FM_IMAP_CAP_GMAIL, "X-GM-EXT-1" },
  };
  GString *text = g_string_new ("has");
  for (guint i = 0; i < G_N_ELEMENTS (known); i++)
    if (fm_imap_session_has (session, known[i].bit))
      g_string_append_printf (text, " %s", known[i].name);
  return g_string_free (text, FALSE);
}

/* "; 45.2 MB of 100.0 MB used", or nothing where the server tells nothing. Transfer: full. */
static char *
describe_quota (FmImapSession *session)
{
  guint64 used = 0, limit = 0;
  if (!fm_imap_session_has (session, FM_IMAP_CAP_QUOTA) || !fm_imap_session_quota (session, &used, &limit, NULL) || limit == 0)
    return g_strdup ("");
  g_autofree char *used_text = fm_text_size (used), *limit_text = fm_text_size (limit);
  return g_strdup_printf ("; %s of %s used", used_text, limit_text);
}

static char *
try_imap (const FmServer *server, const FmCredentials *credentials, FmCancel *cancel, GError **error)
{
  FmImapOptions options = { .server = server,
                            .credentials = credentials,
                            .client_name = "Fulmar",
                            .client_version = PACKAGE_VERSION,
                            .connect_timeout_ms = CONNECT_MS,
                            .timeout_ms = CONNECT_MS };
  FmImapSession *session = fm_imap_session_open (&options, cancel, error);
  if (session == NULL)
    return NULL;
  g_autofree char *names = imap_capabilities (session), *quota = describe_quota (session);
  g_autofree char *capabilities = g_strconcat (names, quota, NULL);
  char *detail = describe (fm_imap_session_stream (session), capabilities);
  fm_imap_session_logout (session);
  return detail;
}

static char *
try_pop (const FmServer *server, const FmCredentials *credentials, FmCancel *cancel, GError **error)
{
  FmPopOptions options = { .server = server, .credentials = credentials, .connect_timeout_ms = CONNECT_MS, .timeout_ms = CONNECT_MS };
  FmPopSession *session = fm_pop_session_open (&options, cancel, error);
  if (session == NULL)
    return NULL;
  guint32 count = 0;
  guint64 bytes = 0;
  if (!fm_pop_session_stat (session, &count, &bytes, error))
    {
      fm_pop_session_free (session);
      return NULL;
    }
  g_autofree char *size = fm_text_size (bytes);
  int days = fm_pop_session_expire_days (session);
  g_autofree char *expire = days < 0 ? g_strdup ("") : g_strdup_printf ("; it deletes mail by itself after %d days", days);
  g_autofree char *capabilities = g_strdup_printf (
      "has%s%s%s; %u message%s, %s on the server%s", fm_pop_session_has (session, FM_POP_CAP_UIDL) ? " UIDL" : "",
      fm_pop_session_has (session, FM_POP_CAP_TOP) ? " TOP" : "", fm_pop_session_has (session, FM_POP_CAP_PIPELINING) ? " PIPELINING" : "",
      count, count == 1 ? "" : "s", size, expire);
  char *detail = describe (fm_pop_session_stream (session), capabilities);
  fm_pop_session_free (session); /* without QUIT: nothing is committed */
  return detail;
}

static char *
try_smtp (const FmServer *server, const FmCredentials *credentials, FmCancel *cancel, GError **error)
{
  FmSmtpOptions options = { .server = server, .credentials = credentials, .connect_timeout_ms = CONNECT_MS, .timeout_ms = CONNECT_MS };
  FmSmtpSession *session = fm_smtp_session_open (&options, cancel, error);
  if (session == NULL)
    return NULL;
  guint64 limit = fm_smtp_session_size_limit (session);
  g_autofree char *size = limit == 0 ? g_strdup ("no size limit told") : g_format_size (limit);
  char *detail = g_strdup_printf ("signed in; takes messages up to: %s", size);
  fm_smtp_session_quit (session);
  return detail;
}

typedef char *(*Try) (const FmServer *server, const FmCredentials *credentials, FmCancel *cancel, GError **error);

static void
try_service (GPtrArray *steps, const char *protocol, const FmAccountSpec *spec, const FmAccountService *service, FmSecret *secret, Try try,
             FmCancel *cancel)
{
  const char *pin = spec->tls_pin != NULL && g_str_has_prefix (spec->tls_pin, "sha256:") ? spec->tls_pin + 7 : NULL;
  FmServer server = { service->host, service->port, service->security, spec->tls_ca, pin };
  const char *user = service->user != NULL ? service->user : spec->address;
  FmCredentials credentials = { user, secret, spec->oauth2 ? FM_CREDENTIALS_BEARER : FM_CREDENTIALS_PASSWORD };
  g_autofree char *what = g_strdup_printf ("%s %s:%u", protocol, service->host, service->port);
  g_autoptr (GError) error = NULL;
  char *detail = try (&server, &credentials, cancel, &error);
  add (steps, what, detail, error);
}

static void
no_question (const char *account, const char *text, gpointer data)
{
  fm_cancel_trigger (data);
}

static FmSecret *
known_secret (const FmAccountSpec *spec, const char *data_dir, GError **error)
{
  FmCancel *cancel = fm_cancel_new ();
  FmSecrets *secrets = fm_secrets_new (data_dir, no_question, cancel);
  g_autoptr (GError) local = NULL;
  FmSecret *secret = fm_secrets_get (secrets, spec, NULL, cancel, &local);
  if (secret == NULL && g_error_matches (local, FM_ERROR, FM_ERROR_CANCELLED))
    g_set_error (error, FM_ERROR, FM_ERROR_AUTH, "no password could be had without asking%s",
                 spec->password_command != NULL || spec->token_command != NULL ? ": the command gave none" : "");
  else if (secret == NULL)
    g_propagate_error (error, g_steal_pointer (&local));
  fm_secrets_free (secrets);
  fm_cancel_unref (cancel);
  return secret;
}

static void
try_local (GPtrArray *steps, const FmAccountSpec *spec)
{
  g_autoptr (GError) error = NULL;
  if (spec->kind != FM_ACCOUNT_MAILDIR)
    error = g_error_new (FM_ERROR, FM_ERROR_NOT_FOUND, "%s is not read: this version serves no mbox and no notmuch store, only Maildirs",
                         spec->path);
  else if (access (spec->path, R_OK) != 0)
    error = g_error_new (FM_ERROR, FM_ERROR_NOT_FOUND, "%s is not there, or can't be read", spec->path);
  else if (access (spec->path, W_OK) != 0)
    error = g_error_new (FM_ERROR, FM_ERROR_STORAGE, "%s can't be written", spec->path);
  g_autofree char *what = g_strdup_printf ("mail in %s", spec->path);
  add (steps, what, g_strdup ("is there"), error);
}

GPtrArray *
fm_probe_account (const FmAccountSpec *spec, const char *data_dir, FmSecret *given, FmCancel *cancel)
{
  GPtrArray *steps = g_ptr_array_new_with_free_func (step_free);
  g_autoptr (FmSecret) secret = given == NULL ? NULL : fm_secret_ref (given);
  if (spec->path != NULL)
    try_local (steps, spec);
  gboolean sends = spec->smtp.host != NULL;
  if (secret == NULL && (spec->incoming.host != NULL || sends))
    {
      g_autoptr (GError) error = NULL;
      secret = known_secret (spec, data_dir, &error);
      add (steps, "password", g_strdup ("found"), error);
      if (secret == NULL)
        return steps;
    }
  if (spec->incoming.host != NULL && spec->kind == FM_ACCOUNT_IMAP)
    try_service (steps, "imap", spec, &spec->incoming, secret, try_imap, cancel);
  else if (spec->incoming.host != NULL)
    try_service (steps, "pop", spec, &spec->incoming, secret, try_pop, cancel);
  if (sends)
    try_service (steps, "smtp", spec, &spec->smtp, secret, try_smtp, cancel);
  if (spec->sendmail_argv != NULL)
    {
      g_autofree char *program = g_find_program_in_path (spec->sendmail_argv[0]);
      g_autoptr (GError) error
          = program != NULL ? NULL : g_error_new (FM_ERROR, FM_ERROR_NOT_FOUND, "%s is no program here", spec->sendmail_argv[0]);
      add (steps, "sendmail", g_strdup (program), error);
    }
  return steps;
}

gboolean
fm_probe_store_secret (const char *data_dir, const char *account, FmSecret *secret, GError **error)
{
  g_autofree char *dir = g_build_filename (data_dir, "secrets", NULL);
  g_autofree char *name = fm_paths_safe_name (account, 200);
  g_autofree char *path = g_build_filename (dir, name, NULL);
  return fm_paths_make_private_dir (dir, error) && fm_paths_write_file (path, fm_secret_peek (secret), fm_secret_length (secret), error);
}

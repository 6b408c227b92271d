/* An account as the configuration states it: filled once by the config reader, then shared by reference between the engine's threads,
 * none of which ever changes it. */
#include "fulmar/sync/account-spec.h"

#include <string.h>

/* The reference count rides in front of the public struct, so that the struct stays plain values for those who fill it. */
typedef struct {
  int refs;
  FmAccountSpec spec;
} Counted;

static Counted *
counted (FmAccountSpec *spec)
{
  return (Counted *) ((char *) spec - G_STRUCT_OFFSET (Counted, spec));
}

FmAccountSpec *
fm_account_spec_new (const char *name, FmAccountKind kind)
{
  Counted *self = g_new0 (Counted, 1);
  self->refs = 1;
  self->spec.name = g_strdup (name);
  self->spec.kind = kind;
  self->spec.poll_s = 300;
  return &self->spec;
}

FmAccountSpec *
fm_account_spec_ref (FmAccountSpec *spec)
{
  g_atomic_int_inc (&counted (spec)->refs);
  return spec;
}

void
fm_account_spec_unref (FmAccountSpec *spec)
{
  if (spec == NULL || !g_atomic_int_dec_and_test (&counted (spec)->refs))
    return;
  g_free (spec->name);
  g_free (spec->address_name);
  g_free (spec->address);
  g_strfreev (spec->alternates);
  g_free (spec->incoming.host);
  g_free (spec->incoming.user);
  g_free (spec->smtp.host);
  g_free (spec->smtp.user);
  g_strfreev (spec->sendmail_argv);
  g_free (spec->password_command);
  g_free (spec->token_command);
  g_free (spec->tls_ca);
  g_free (spec->tls_pin);
  g_free (spec->path);
  g_strfreev (spec->watch);
  g_free (spec->sent);
  g_free (spec->drafts);
  g_free (spec->trash);
  g_free (spec->junk);
  g_free (spec->archive);
  g_free (counted (spec));
}

gboolean
fm_account_spec_same_policy (const FmAccountSpec *a, const FmAccountSpec *b)
{
  return a->leave == b->leave && a->leave_days == b->leave_days && a->size_limit == b->size_limit && a->offline == b->offline
         && a->offline_days == b->offline_days && a->poll_s == b->poll_s;
}

static void
copy_service (FmAccountService *to, const FmAccountService *from)
{
  *to = *from;
  to->host = g_strdup (from->host);
  to->user = g_strdup (from->user);
}

FmAccountSpec *
fm_account_spec_with_policy (const FmAccountSpec *spec, const FmAccountSpec *policy)
{
  FmAccountSpec *copy = fm_account_spec_new (spec->name, spec->kind);

  copy->address_name = g_strdup (spec->address_name);
  copy->address = g_strdup (spec->address);
  copy->alternates = g_strdupv (spec->alternates);
  copy_service (&copy->incoming, &spec->incoming);
  copy_service (&copy->smtp, &spec->smtp);
  copy->sendmail_argv = g_strdupv (spec->sendmail_argv);
  copy->password_command = g_strdup (spec->password_command);
  copy->token_command = g_strdup (spec->token_command);
  copy->oauth2 = spec->oauth2;
  copy->tls_ca = g_strdup (spec->tls_ca);
  copy->tls_pin = g_strdup (spec->tls_pin);
  copy->path = g_strdup (spec->path);
  copy->watch = g_strdupv (spec->watch);
  copy->sent = g_strdup (spec->sent);
  copy->drafts = g_strdup (spec->drafts);
  copy->trash = g_strdup (spec->trash);
  copy->junk = g_strdup (spec->junk);
  copy->archive = g_strdup (spec->archive);
  copy->cache_limit_bytes = spec->cache_limit_bytes;
  copy->offline = policy->offline;
  copy->offline_days = policy->offline_days;
  copy->leave = policy->leave;
  copy->leave_days = policy->leave_days;
  copy->size_limit = policy->size_limit;
  copy->poll_s = policy->poll_s;
  return copy;
}

/* The provider behind a host's or an address's domain: its last two labels, or three where the second is as general as in co.uk; some providers have
 * several. Transfer: full. */
static char *
provider_of (const char *domain)
{
  static const struct {
    const char *domain, *provider;
  } aliases[] = {
    { "googlemail.com", "gmail.com" },
    { "google.com", "gmail.com" },
    { "office365.com", "outlook.com" },
    { "hotmail.com", "outlook.com" },
    { "live.com", "outlook.com" },
    { "msn.com", "outlook.com" },
    { "gmx.de", "gmx.net" },
    { "gmx.com", "gmx.net" },
    { "gmx.at", "gmx.net" },
    { "gmx.ch", "gmx.net" },
    { "ymail.com", "yahoo.com" },
    { "me.com", "icloud.com" },
    { "mac.com", "icloud.com" },
    { "posteo.net", "posteo.de" },
    { "fastmail.fm", "fastmail.com" },
    { "zohomail.eu", "zoho.eu" },
    { "messagingengine.com", "fastmail.com" },
  };
  if (strcmp (domain, "localhost") == 0 || strcmp (domain, "::1") == 0 || g_str_has_prefix (domain, "127."))
    return g_strdup ("localhost");
  /* An address of numbers is its own provider. */
  if (strchr (domain, ':') != NULL || strspn (domain, "0123456789.") == strlen (domain))
    return g_strdup (domain);
  g_autofree char *lower = g_ascii_strdown (domain, -1);
  g_auto (GStrv) labels = g_strsplit (lower, ".", -1);
  guint n = g_strv_length (labels), kept = n >= 3 && strlen (labels[n - 1]) == 2 && strlen (labels[n - 2]) <= 3 ? 3 : 2;
  g_autofree char *name = g_strjoinv (".", labels + (n > kept ? n - kept : 0));
  for (guint i = 0; i < G_N_ELEMENTS (aliases); i++)
    if (strcmp (aliases[i].domain, name) == 0)
      return g_strdup (aliases[i].provider);
  return g_steal_pointer (&name);
}

/* The user's name without Gmail's "recent:"; RET_DOMAIN: behind the @, "" if there is none. Transfer: full. */
static char *
bare_user (const char *user, char **ret_domain)
{
  const char *start = g_ascii_strncasecmp (user, "recent:", 7) == 0 ? user + 7 : user, *at = strrchr (start, '@');
  g_autofree char *local = at == NULL ? g_strdup (start) : g_strndup (start, (gsize) (at - start));

  *ret_domain = at == NULL ? g_strdup ("") : g_ascii_strdown (at + 1, -1);
  return g_ascii_strdown (local, -1);
}

gboolean
fm_account_spec_same_mailbox (const FmAccountSpec *a, const FmAccountSpec *b)
{
  if (a->incoming.host == NULL || b->incoming.host == NULL || a->incoming.user == NULL || b->incoming.user == NULL)
    return FALSE;
  g_autofree char *provider_a = provider_of (a->incoming.host), *provider_b = provider_of (b->incoming.host);
  g_autofree char *domain_a = NULL, *domain_b = NULL;
  g_autofree char *user_a = bare_user (a->incoming.user, &domain_a), *user_b = bare_user (b->incoming.user, &domain_b);
  if (strcmp (provider_a, provider_b) != 0 || strcmp (user_a, user_b) != 0)
    return FALSE;
  /* "ada" at mail.example.org is ada@example.org there. */
  g_autofree char *users_a = *domain_a == '\0' ? g_strdup (provider_a) : provider_of (domain_a);
  g_autofree char *users_b = *domain_b == '\0' ? g_strdup (provider_b) : provider_of (domain_b);
  return *domain_a == '\0' || *domain_b == '\0' || strcmp (domain_a, domain_b) == 0
         || (strcmp (users_a, users_b) == 0 && strcmp (users_a, provider_a) == 0);
}

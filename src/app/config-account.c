/* An [account NAME] section: each key is a row with the function that checks and stores it. Values are one line of UTF-8 without control
 * bytes: the reader has seen to that. */
#include "app/config-account.h"
#include <fulmar/base/error.h>
#include <fulmar/base/paths.h>
#include <fulmar/base/text.h>
#include <string.h>

typedef gboolean (*SetKey) (FmAccountSpec *spec, const char *value, gsize *ret_offset, GError **error);

static gboolean bad (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);

static gboolean
bad (GError **error, const char *format, ...)
{
  va_list args;
  g_autofree char *text = NULL;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error_literal (error, FM_ERROR, FM_ERROR_INVALID, text);
  return FALSE;
}

static void
replace (char **slot, const char *value)
{
  g_free (*slot);
  *slot = *value ? g_strdup (value) : NULL;
}

/* --- servers: scheme://user@host:port --- */

typedef struct {
  const char *scheme;
  FmSecurity security;
  guint16 port;
} Scheme;

static const Scheme imap_schemes[] = {
  { "imaps", FM_SECURITY_TLS, 993 }, { "imap", FM_SECURITY_STARTTLS, 143 }, { "imap+plain", FM_SECURITY_PLAIN_LOOPBACK, 143 }, { NULL }
};
static const Scheme pop_schemes[] = {
  { "pops", FM_SECURITY_TLS, 995 }, { "pop", FM_SECURITY_STARTTLS, 110 }, { "pop+plain", FM_SECURITY_PLAIN_LOOPBACK, 110 }, { NULL }
};
static const Scheme smtp_schemes[] = {
  { "smtps", FM_SECURITY_TLS, 465 }, { "smtp", FM_SECURITY_STARTTLS, 587 }, { "smtp+plain", FM_SECURITY_PLAIN_LOOPBACK, 25 }, { NULL }
};

static gboolean
is_loopback (const char *host)
{
  return strcmp (host, "localhost") == 0 || strcmp (host, "::1") == 0 || g_str_has_prefix (host, "127.");
}

static gboolean
host_is_sane (const char *host)
{
  if (!*host || strlen (host) > 253)
    return FALSE;
  for (const char *p = host; *p; p++)
    if (!g_ascii_isalnum (*p) && !strchr (".-_:", *p) && (guchar) *p < 0x80)
      return FALSE;
  return TRUE;
}

static gboolean
parse_port (FmAccountService *service, const char *text, gsize offset, gsize *ret_offset, GError **error)
{
  guint64 port;

  if (!g_ascii_string_to_unsigned (text, 10, 1, 65535, &port, NULL))
    {
      *ret_offset = offset;
      return bad (error, "`%s` is no port: write a number from 1 to 65535", text);
    }
  service->port = port;
  return TRUE;
}

/* [v6]:port and host:port */
static gboolean
parse_host (FmAccountService *service, const char *value, const char *at, gsize *ret_offset, GError **error)
{
  g_autofree char *rest = g_strdup (at);
  gsize length = strlen (rest);
  char *host = rest, *port = NULL;

  if (length > 0 && rest[length - 1] == '/')
    rest[length - 1] = '\0';
  if (*rest == '[')
    {
      char *end = strchr (rest, ']');
      if (!end)
        {
          *ret_offset = at - value;
          return bad (error, "the `[` of an IPv6 address has no `]`");
        }
      host = rest + 1;
      *end = '\0';
      port = end[1] == ':' ? end + 2 : NULL;
    }
  else if ((port = strrchr (rest, ':')))
    *port++ = '\0';
  if (!host_is_sane (host))
    {
      *ret_offset = at - value;
      return bad (error, "`%s` is no host name", host);
    }
  if (port && !parse_port (service, port, at - value + (port - rest), ret_offset, error))
    return FALSE;
  replace (&service->host, host);
  return TRUE;
}

static gboolean
parse_service (FmAccountService *service, const Scheme *schemes, const char *value, gsize *ret_offset, GError **error)
{
  const char *colon = strstr (value, "://");
  g_autofree char *scheme = colon ? g_strndup (value, colon - value) : NULL;
  const Scheme *found = NULL;
  const char *at;

  for (const Scheme *s = schemes; scheme && s->scheme; s++)
    if (strcmp (s->scheme, scheme) == 0)
      found = s;
  if (!found)
    return bad (error, "a server is written %s://USER@HOST:PORT (TLS) or %s://USER@HOST:PORT (STARTTLS)", schemes[0].scheme,
                schemes[1].scheme);

  service->security = found->security;
  service->port = found->port;
  colon += 3;
  if ((at = strrchr (colon, '@')))
    {
      g_autofree char *raw = g_strndup (colon, at - colon);
      g_autofree char *user = g_uri_unescape_string (raw, NULL);
      if (!user || !g_utf8_validate (user, -1, NULL) || strpbrk (user, "\r\n"))
        {
          *ret_offset = colon - value;
          return bad (error, "the user name is percent-encoded wrongly: `@` is %%40, `%%` is %%25");
        }
      /* Gmail's "recent:" is part of the user's name, not a name before a password. */
      if (strchr (g_str_has_prefix (raw, "recent:") ? raw + strlen ("recent:") : raw, ':'))
        {
          *ret_offset = colon - value;
          return bad (error, "a password does not belong here: use password_command, or let Fulmar ask for it");
        }
      replace (&service->user, user);
      at++;
    }
  else
    at = colon;
  if (!parse_host (service, value, at, ret_offset, error))
    return FALSE;
  if (service->security == FM_SECURITY_PLAIN_LOOPBACK && !is_loopback (service->host))
    {
      *ret_offset = at - value;
      return bad (error, "`%s` is not this machine: an unencrypted connection is allowed to loopback only; write %s://", service->host,
                  schemes[0].scheme);
    }
  return TRUE;
}

static gboolean
set_incoming (FmAccountSpec *spec, FmAccountKind kind, const Scheme *schemes, const char *value, gsize *ret_offset, GError **error)
{
  if (spec->incoming.host || spec->path)
    return bad (error, "this account has a mailbox already: one of imap, pop, maildir, mbox, notmuch");
  spec->kind = kind;
  return parse_service (&spec->incoming, schemes, value, ret_offset, error);
}

static gboolean
set_imap (FmAccountSpec *spec, const char *value, gsize *ret_offset, GError **error)
{
  return set_incoming (spec, FM_ACCOUNT_IMAP, imap_schemes, value, ret_offset, error);
}

static gboolean
set_pop (FmAccountSpec *spec, const char *value, gsize *ret_offset, GError **error)
{
  return set_incoming (spec, FM_ACCOUNT_POP, pop_schemes, value, ret_offset, error);
}

static gboolean
set_smtp (FmAccountSpec *spec, const char *value, gsize *ret_offset, GError **error)
{
  if (g_str_has_prefix (value, "sendmail:"))
    {
      g_autoptr (GError) local = NULL;
      char **argv = NULL;
      *ret_offset = 9;
      if (!g_shell_parse_argv (value + 9, NULL, &argv, &local))
        return bad (error, "the command after sendmail: can't be read: %s", local->message);
      g_strfreev (spec->sendmail_argv);
      spec->sendmail_argv = argv;
      return TRUE;
    }
  return parse_service (&spec->smtp, smtp_schemes, value, ret_offset, error);
}

static gboolean
set_path (FmAccountSpec *spec, FmAccountKind kind, const char *value, GError **error)
{
  g_autofree char *path = fm_paths_expand (value);

  if (spec->incoming.host || spec->path)
    return bad (error, "this account has a mailbox already: one of imap, pop, maildir, mbox, notmuch");
  if (!g_path_is_absolute (path))
    return bad (error, "`%s` must be an absolute path or begin with ~/", value);
  spec->kind = kind;
  replace (&spec->path, path);
  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    return bad (error, "`%s` is not there (the account shows its mail once it is)", path);
  return TRUE;
}

static gboolean
set_maildir (FmAccountSpec *spec, const char *value, gsize *ret_offset, GError **error)
{
  return set_path (spec, FM_ACCOUNT_MAILDIR, value, error);
}

static gboolean
set_mbox (FmAccountSpec *spec, const char *value, gsize *ret_offset, GError **error)
{
  return set_path (spec, FM_ACCOUNT_MBOX, value, error);
}

static gboolean
set_notmuch (FmAccountSpec *spec, const char *value, gsize *ret_offset, GError **error)
{
  return set_path (spec, FM_ACCOUNT_NOTMUCH, value, error);
}

/* --- who --- */

static gboolean
set_address (FmAccountSpec *spec, const char *value, gsize *ret_offset, GError **error)
{
  const char *open = strchr (value, '<'), *close = open ? strchr (open, '>') : NULL;
  g_autofree char *address = open && close ? g_strndup (open + 1, close - open - 1) : open ? NULL : g_strdup (value);
  g_autofree char *name = open ? g_strstrip (g_strndup (value, open - value)) : NULL;
  gsize length = name ? strlen (name) : 0;

  if (!address || !strchr (address, '@') || strpbrk (address, " ,;\t\"()<>") || *address == '@' || g_str_has_suffix (address, "@"))
    return bad (error, "write an address as `ada@example.org` or `Ada Example <ada@example.org>`");
  if (length >= 2 && name[0] == '"' && name[length - 1] == '"')
    {
      name[length - 1] = '\0';
      memmove (name, name + 1, length - 1);
    }
  replace (&spec->address, address);
  replace (&spec->address_name, name ? name : "");
  return TRUE;
}

static char **
split_commas (const char *value)
{
  char **words = g_strsplit (value, ",", 256);
  guint kept = 0;

  for (guint i = 0; words[i]; i++)
    {
      g_strstrip (words[i]);
      if (*words[i])
        words[kept++] = words[i];
      else
        g_free (words[i]);
    }
  words[kept] = NULL;
  return words;
}

static gboolean
set_alternates (FmAccountSpec *spec, const char *value, gsize *ret_offset, GError **error)
{
  g_strfreev (spec->alternates);
  spec->alternates = split_commas (value);
  return TRUE;
}

static gboolean
set_watch (FmAccountSpec *spec, const char *value, gsize *ret_offset, GError **error)
{
  g_strfreev (spec->watch);
  spec->watch = split_commas (value);
  return TRUE;
}

static gboolean
set_password_command (FmAccountSpec *spec, const char *value, gsize *ret_offset, GError **error)
{
  replace (&spec->password_command, value);
  return TRUE;
}

static gboolean
set_token_command (FmAccountSpec *spec, const char *value, gsize *ret_offset, GError **error)
{
  replace (&spec->token_command, value);
  spec->oauth2 = TRUE;
  return TRUE;
}

static gboolean
set_auth (FmAccountSpec *spec, const char *value, gsize *ret_offset, GError **error)
{
  if (strcmp (value, "oauth2") != 0 && strcmp (value, "password") != 0)
    return bad (error, "auth is `password` or `oauth2`");
  spec->oauth2 = strcmp (value, "oauth2") == 0;
  return TRUE;
}

/* --- policies --- */

static gboolean
parse_days (const char *value, int *ret_days)
{
  g_autofree char *number = g_str_has_suffix (value, "d") ? g_strndup (value, strlen (value) - 1) : NULL;
  guint64 days;

  if (!number || !g_ascii_string_to_unsigned (number, 10, 1, 36500, &days, NULL))
    return FALSE;
  *ret_days = days;
  return TRUE;
}

static gboolean
set_offline (FmAccountSpec *spec, const char *value, gsize *ret_offset, GError **error)
{
  if (strcmp (value, "all") == 0)
    spec->offline = FM_OFFLINE_ALL;
  else if (strcmp (value, "headers") == 0)
    spec->offline = FM_OFFLINE_HEADERS;
  else if (parse_days (value, &spec->offline_days))
    spec->offline = FM_OFFLINE_DAYS;
  else
    return bad (error, "offline is `all`, `headers`, or days as in `90d`");
  return TRUE;
}

/* "none" is 0. As disks and mail programs count: 1k is 1,000 bytes. */
static gboolean
parse_size (const char *value, guint64 *ret_bytes)
{
  static const char units[] = "kmgt";
  gsize digits = strspn (value, "0123456789");
  const char *unit = value[digits] ? strchr (units, g_ascii_tolower (value[digits])) : NULL;
  g_autofree char *number = g_strndup (value, digits);
  guint64 bytes = 0;

  *ret_bytes = 0;
  if (strcmp (value, "none") == 0)
    return TRUE;
  if (!unit || value[digits + 1] || !g_ascii_string_to_unsigned (number, 10, 1, 999999, &bytes, NULL))
    return FALSE;
  for (const char *u = units; u <= unit; u++)
    bytes *= 1000;
  *ret_bytes = bytes;
  return TRUE;
}

static gboolean
set_cache_limit (FmAccountSpec *spec, const char *value, gsize *ret_offset, GError **error)
{
  return parse_size (value, &spec->cache_limit_bytes) || bad (error, "cache_limit is a size as in `500M` or `2G`, or `none`");
}

static gboolean
set_leave (FmAccountSpec *spec, const char *value, gsize *ret_offset, GError **error)
{
  if (strcmp (value, "forever") == 0)
    spec->leave = FM_LEAVE_FOREVER;
  else if (strcmp (value, "until-deleted") == 0)
    spec->leave = FM_LEAVE_UNTIL_DELETED;
  else if (strcmp (value, "none") == 0)
    spec->leave = FM_LEAVE_NONE;
  else if (parse_days (value, &spec->leave_days))
    spec->leave = FM_LEAVE_DAYS;
  else
    return bad (error, "leave is `forever`, `until-deleted`, `none`, or days as in `14d`");
  return TRUE;
}

static gboolean
set_size_limit (FmAccountSpec *spec, const char *value, gsize *ret_offset, GError **error)
{
  return parse_size (value, &spec->size_limit) || bad (error, "size_limit is a size as in `500k`, `5M` or `1G`, or `none`");
}

static gboolean
set_poll (FmAccountSpec *spec, const char *value, gsize *ret_offset, GError **error)
{
  char *unit = NULL;
  gint64 number = g_ascii_strtoll (value, &unit, 10);
  int factor = strcmp (unit, "s") == 0 ? 1 : strcmp (unit, "m") == 0 ? 60 : strcmp (unit, "h") == 0 ? 3600 : 0;

  if (unit == value || factor == 0 || number < 1 || number > 86400 || number * factor > 86400)
    return bad (error, "poll is a time as in `30s`, `5m` or `1h`");
  spec->poll_s = number * factor;
  return TRUE;
}

static gboolean
set_tls_ca (FmAccountSpec *spec, const char *value, gsize *ret_offset, GError **error)
{
  g_autofree char *path = fm_paths_expand (value);

  replace (&spec->tls_ca, path);
  if (!g_file_test (path, G_FILE_TEST_IS_REGULAR))
    return bad (error, "`%s` is not there: no connection of this account will be trusted", path);
  return TRUE;
}

static gboolean
set_tls_pin (FmAccountSpec *spec, const char *value, gsize *ret_offset, GError **error)
{
  const char *hex = value + 7;

  if (!g_str_has_prefix (value, "sha256:") || strlen (hex) != 64 || strspn (hex, "0123456789abcdefABCDEF") != 64)
    return bad (error, "a pin is written sha256: and 64 hexadecimal digits (fulmar doctor prints it)");
  replace (&spec->tls_pin, value);
  return TRUE;
}

#define FOLDER_KEY(field)                                                                                 \
  static gboolean set_##field (FmAccountSpec *spec, const char *value, gsize *ret_offset, GError **error) \
  {                                                                                                       \
    replace (&spec->field, value);                                                                        \
    return TRUE;                                                                                          \
  }
FOLDER_KEY (sent)
FOLDER_KEY (drafts)
FOLDER_KEY (trash)
FOLDER_KEY (junk)
FOLDER_KEY (archive)

static const struct {
  const char *name;
  SetKey set;
} keys[] = {
  { "address", set_address },
  { "alternates", set_alternates },
  { "imap", set_imap },
  { "pop", set_pop },
  { "maildir", set_maildir },
  { "mbox", set_mbox },
  { "notmuch", set_notmuch },
  { "smtp", set_smtp },
  { "auth", set_auth },
  { "password_command", set_password_command },
  { "token_command", set_token_command },
  { "tls_ca", set_tls_ca },
  { "tls_pin", set_tls_pin },
  { "offline", set_offline },
  { "cache_limit", set_cache_limit },
  { "watch", set_watch },
  { "leave", set_leave },
  { "size_limit", set_size_limit },
  { "poll", set_poll },
  { "sent", set_sent },
  { "drafts", set_drafts },
  { "trash", set_trash },
  { "junk", set_junk },
  { "archive", set_archive },
};

const char *const *
fm_config_account_keys (void)
{
  static const char *names[G_N_ELEMENTS (keys) + 1];

  if (!names[0])
    for (guint i = 0; i < G_N_ELEMENTS (keys); i++)
      names[i] = keys[i].name;
  return names;
}

gboolean
fm_config_account_set (FmAccountSpec *spec, const char *key, const char *value, gsize *ret_offset, GError **error)
{
  *ret_offset = 0;
  for (guint i = 0; i < G_N_ELEMENTS (keys); i++)
    if (strcmp (keys[i].name, key) == 0)
      return keys[i].set (spec, value, ret_offset, error);
  const char *near = fm_text_nearest (key, fm_config_account_keys ());
  return near ? bad (error, "an account has no `%s`: did you mean `%s`?", key, near) : bad (error, "an account has no `%s`", key);
}

const char *
fm_config_account_missing (const FmAccountSpec *spec)
{
  if (!spec->incoming.host && !spec->path)
    return "has no mailbox: add one of imap, pop, maildir, mbox or notmuch";
  if (spec->incoming.host && !spec->incoming.user && !spec->address)
    return "has no user name: write it before the `@` of the server, or add an address";
  return NULL;
}

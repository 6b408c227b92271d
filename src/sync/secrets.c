/* Passwords and tokens. Each account has an entry with the answer in force; a worker that needs one takes the cheapest source that has not just
 * been refused, and in the end waits for the user. A command is run by one thread at a time for each account: two connections starting together must not
 * open two pinentry windows. */
#include "sync/secrets.h"
#include "sync/shell-command.h"
#include "fulmar/base/clock.h"
#include "fulmar/base/error.h"
#include "fulmar/base/paths.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COMMAND_TIMEOUT_MS 120000
#define TOKEN_LIFE_US (5 * 60 * G_GINT64_CONSTANT (1000000))
#define MAX_SECRET_BYTES 16384

typedef enum { FROM_COMMAND, FROM_FILE, FROM_USER } Source;

typedef struct {
  FmSecret *current; /* in force */
  Source source;     /* where that came from: what was typed goes before all else */
  FmSecret *refused; /* never to be offered again */
  gint64 taken_us;   /* when `current` came */
  gboolean busy;     /* a command runs */
  gboolean asked;    /* the user has been asked and has not answered */
  char *refusal;     /* what was refused last, in words; NULL: nothing since the last answer of the user's */
  gboolean is_given; /* somebody has `current`: only then can it be what was refused */
  FmCancel *changed; /* triggered, and replaced, when any of this changes: what waiters poll beside their own cancel */
} Entry;

struct FmSecrets {
  char *dir;
  FmSecretsAsk ask;
  gpointer ask_data;
  pthread_mutex_t mutex;
  GHashTable *entries; /* account name -> Entry; under mutex */
};

static void
entry_free (gpointer data)
{
  Entry *entry = data;
  fm_secret_unref (entry->current);
  fm_secret_unref (entry->refused);
  g_free (entry->refusal);
  fm_cancel_unref (entry->changed);
  g_free (entry);
}

FmSecrets *
fm_secrets_new (const char *data_dir, FmSecretsAsk ask, gpointer data)
{
  FmSecrets *secrets = g_new0 (FmSecrets, 1);
  secrets->dir = g_build_filename (data_dir, "secrets", NULL);
  secrets->ask = ask;
  secrets->ask_data = data;
  pthread_mutex_init (&secrets->mutex, NULL);
  secrets->entries = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, entry_free);
  return secrets;
}

void
fm_secrets_free (FmSecrets *secrets)
{
  if (secrets == NULL)
    return;
  g_hash_table_unref (secrets->entries);
  pthread_mutex_destroy (&secrets->mutex);
  g_free (secrets->dir);
  g_free (secrets);
}

static Entry *
entry_of (FmSecrets *secrets, const char *account)
{
  Entry *entry = g_hash_table_lookup (secrets->entries, account);
  if (entry == NULL)
    {
      entry = g_new0 (Entry, 1);
      entry->changed = fm_cancel_new ();
      g_hash_table_insert (secrets->entries, g_strdup (account), entry);
    }
  return entry;
}

static gboolean
same_secret (const FmSecret *a, const FmSecret *b)
{
  return a != NULL && b != NULL && fm_secret_length (a) == fm_secret_length (b)
         && memcmp (fm_secret_peek (a), fm_secret_peek (b), fm_secret_length (a)) == 0;
}

/* DATA/secrets/ACCOUNT: its first line. No file is no error: *ret_secret stays NULL. */
static gboolean
read_file (FmSecrets *secrets, const char *account, FmSecret **ret_secret, GError **error)
{
  g_autofree char *name = fm_paths_safe_name (account, 200);
  g_autofree char *path = g_build_filename (secrets->dir, name, NULL);
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0)
    return TRUE;
  struct stat st;
  char bytes[MAX_SECRET_BYTES];
  gboolean ok = FALSE;
  if (fstat (fd, &st) != 0 || !S_ISREG (st.st_mode) || st.st_uid != geteuid () || (st.st_mode & 077) != 0)
    {
      g_set_error (error, FM_ERROR, FM_ERROR_STORAGE, "%s is not a file that only you can read: run chmod 600 on it", path);
    }
  else
    {
      ssize_t size = read (fd, bytes, sizeof bytes);
      gsize length = 0;
      while (size > 0 && length < (gsize) size && bytes[length] != '\n' && bytes[length] != '\r')
        length++;
      if (length > 0)
        *ret_secret = fm_secret_new (bytes, (gssize) length);
      fm_secret_wipe (bytes, sizeof bytes);
      ok = TRUE;
    }
  close (fd);
  return ok;
}

static const char *
command_of (const FmAccountSpec *spec)
{
  return spec->oauth2 && spec->token_command != NULL ? spec->token_command : spec->password_command;
}

static const char *
command_name (const FmAccountSpec *spec)
{
  return spec->oauth2 && spec->token_command != NULL ? "token_command" : "password_command";
}

static FmSecret *
from_sources (FmSecrets *secrets, const FmAccountSpec *spec, FmCancel *cancel, GError **error)
{
  const char *command = command_of (spec);
  if (command != NULL)
    {
      FmSecret *secret = fm_shell_command_read (command, COMMAND_TIMEOUT_MS, cancel, error);
      if (secret == NULL)
        g_prefix_error (error, "%s of account %s: ", command_name (spec), spec->name);
      return secret;
    }
  FmSecret *secret = NULL;
  if (read_file (secrets, spec->name, &secret, error) && secret == NULL)
    g_set_error (error, FM_ERROR, FM_ERROR_AUTH, "no password is known for account %s: type it, or name a password_command", spec->name);
  return secret;
}

/* Under the mutex. The answer in force, if it may be used as it is. */
static FmSecret *
cached (const Entry *entry, const FmAccountSpec *spec)
{
  if (entry->current == NULL || (spec->oauth2 && entry->source != FROM_USER && fm_clock_mono_us () - entry->taken_us > TOKEN_LIFE_US))
    return NULL;
  return fm_secret_ref (entry->current);
}

/* "SMTP at mail.example.org refused the password of ada (account work) from password_command: mend it there and press $, or type another". Transfer: full. */
static char *
refusal_of (FmSecrets *secrets, const FmAccountSpec *spec, const FmAccountService *service, Source source)
{
  const char *protocol = service == &spec->smtp ? "SMTP" : spec->kind == FM_ACCOUNT_POP ? "POP3" : "IMAP";
  const char *user = service->user != NULL ? service->user : "";
  g_autofree char *name = fm_paths_safe_name (spec->name, 200);
  g_autofree char *told
      = g_strdup_printf ("%s at %s refused the %s of %s (account %s)", protocol, service->host != NULL ? service->host : "the server",
                         spec->oauth2 && source == FROM_COMMAND ? "token" : "password", user, spec->name);
  switch (source)
    {
    case FROM_COMMAND:
      return g_strdup_printf ("%s from %s: mend it there and press $, or type another", told, command_name (spec));
    case FROM_FILE:
      return g_strdup_printf ("%s in %s/%s: mend it there and press $, or type another", told, secrets->dir, name);
    default:
      return g_strdup_printf ("%s that was typed: type it again", told);
    }
}

static void
refuse_current (FmSecrets *secrets, const FmAccountSpec *spec, const FmAccountService *service, Entry *entry)
{
  if (entry->current == NULL || !entry->is_given)
    return;
  g_free (entry->refusal);
  entry->refusal = refusal_of (secrets, spec, service, entry->source);
  fm_secret_unref (entry->refused);
  entry->refused = g_steal_pointer (&entry->current);
}

/* Under the mutex. */
static void
wake_waiters (Entry *entry)
{
  fm_cancel_trigger (entry->changed);
  fm_cancel_unref (entry->changed);
  entry->changed = fm_cancel_new ();
}

/* Mutex held at entry and exit, released while waiting for a change of ENTRY or for CANCEL. */
static void
wait_for_change (FmSecrets *secrets, Entry *entry, FmCancel *cancel)
{
  g_autoptr (FmCancel) changed = fm_cancel_ref (entry->changed);
  pthread_mutex_unlock (&secrets->mutex);
  struct pollfd fds[2] = { { fm_cancel_fd (changed), POLLIN, 0 }, { fm_cancel_fd (cancel), POLLIN, 0 } };
  poll (fds, 2, -1);
  pthread_mutex_lock (&secrets->mutex);
}

/* Mutex held at entry and exit, released while the command runs. NULL: only the user can help, and has been asked once. */
static FmSecret *
fetch (FmSecrets *secrets, const FmAccountSpec *spec, Entry *entry, FmCancel *cancel)
{
  entry->busy = TRUE;
  pthread_mutex_unlock (&secrets->mutex);
  g_autoptr (GError) error = NULL;
  g_autoptr (FmSecret) secret = from_sources (secrets, spec, cancel, &error);
  pthread_mutex_lock (&secrets->mutex);
  entry->busy = FALSE;
  wake_waiters (entry);
  gboolean known_bad = !spec->oauth2 && same_secret (secret, entry->refused);
  if (secret != NULL && !known_bad && entry->current == NULL)
    {
      entry->current = fm_secret_ref (secret);
      entry->source = command_of (spec) != NULL ? FROM_COMMAND : FROM_FILE;
      entry->taken_us = fm_clock_mono_us ();
      return g_steal_pointer (&secret);
    }
  if (entry->current != NULL)
    return fm_secret_ref (entry->current);
  entry->asked = TRUE;
  gboolean no_source = error != NULL && command_of (spec) == NULL && g_error_matches (error, FM_ERROR, FM_ERROR_AUTH);
  g_autofree char *text = g_strdup (entry->refusal != NULL && (known_bad || no_source) ? entry->refusal
                                    : error != NULL                                    ? error->message
                                                                                       : "a password is needed");
  if (!fm_cancel_is_set (cancel))
    secrets->ask (spec->name, text, secrets->ask_data);
  return NULL;
}

FmSecret *
fm_secrets_get (FmSecrets *secrets, const FmAccountSpec *spec, const FmAccountService *refused, FmCancel *cancel, GError **error)
{
  pthread_mutex_lock (&secrets->mutex);
  Entry *entry = entry_of (secrets, spec->name);
  if (refused != NULL)
    refuse_current (secrets, spec, refused, entry);
  FmSecret *secret = NULL;
  while (secret == NULL && !fm_cancel_is_set (cancel))
    {
      secret = cached (entry, spec);
      if (secret == NULL && (entry->busy || entry->asked))
        {
          wait_for_change (secrets, entry, cancel);
        }
      else if (secret == NULL)
        {
          g_clear_pointer (&entry->current, fm_secret_unref);
          secret = fetch (secrets, spec, entry, cancel);
        }
    }
  entry->is_given |= secret != NULL;
  pthread_mutex_unlock (&secrets->mutex);
  if (secret == NULL)
    fm_cancel_check (cancel, error);
  return secret;
}

void
fm_secrets_set (FmSecrets *secrets, const char *account, FmSecret *secret)
{
  pthread_mutex_lock (&secrets->mutex);
  Entry *entry = entry_of (secrets, account);
  fm_secret_unref (entry->current);
  entry->current = fm_secret_ref (secret);
  entry->source = FROM_USER;
  g_clear_pointer (&entry->refusal, g_free);
  entry->is_given = FALSE;
  entry->asked = FALSE;
  entry->taken_us = fm_clock_mono_us ();
  wake_waiters (entry);
  pthread_mutex_unlock (&secrets->mutex);
}

void
fm_secrets_retry (FmSecrets *secrets, const char *account)
{
  pthread_mutex_lock (&secrets->mutex);
  GHashTableIter iter;
  gpointer name, entry;
  g_hash_table_iter_init (&iter, secrets->entries);
  while (g_hash_table_iter_next (&iter, &name, &entry))
    if (account == NULL || g_str_equal (name, account))
      {
        ((Entry *) entry)->asked = FALSE;
        g_clear_pointer (&((Entry *) entry)->refused, fm_secret_unref);
        wake_waiters (entry);
      }
  pthread_mutex_unlock (&secrets->mutex);
}

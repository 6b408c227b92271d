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

typedef struct {
  FmSecret *current;  /* in force */
  FmSecret *refused;  /* never to be offered again */
  gint64 taken_us;    /* when `current` came */
  gboolean busy;      /* a command runs */
  gboolean asked;     /* the user has been asked and has not answered */
  gboolean from_user; /* `current` was typed: nothing else is tried before it */
  gboolean is_given;  /* somebody has `current`: only then can it be what was refused */
  FmCancel *changed;  /* triggered, and replaced, when any of this changes: what waiters poll beside their own cancel */
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

static FmSecret *
from_sources (FmSecrets *secrets, const FmAccountSpec *spec, FmCancel *cancel, GError **error)
{
  const char *command = spec->oauth2 && spec->token_command != NULL ? spec->token_command : spec->password_command;
  if (command != NULL)
    {
      FmSecret *secret = fm_shell_command_read (command, COMMAND_TIMEOUT_MS, cancel, error);
      if (secret == NULL)
        g_prefix_error (error, "%s of account %s: ", command == spec->token_command ? "token_command" : "password_command", spec->name);
      return secret;
    }
  FmSecret *secret = NULL;
  if (read_file (secrets, spec->name, &secret, error) && secret == NULL)
    g_set_error (error, FM_ERROR, FM_ERROR_AUTH, "no password is known for account %s", spec->name);
  return secret;
}

/* Under the mutex. The answer in force, if it may be used as it is. */
static FmSecret *
cached (const Entry *entry, const FmAccountSpec *spec)
{
  if (entry->current == NULL || (spec->oauth2 && !entry->from_user && fm_clock_mono_us () - entry->taken_us > TOKEN_LIFE_US))
    return NULL;
  return fm_secret_ref (entry->current);
}

static void
refuse_current (Entry *entry)
{
  if (entry->current == NULL || !entry->is_given)
    return;
  fm_secret_unref (entry->refused);
  entry->refused = g_steal_pointer (&entry->current);
  entry->from_user = FALSE;
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
      entry->taken_us = fm_clock_mono_us ();
      return g_steal_pointer (&secret);
    }
  if (entry->current != NULL)
    return fm_secret_ref (entry->current);
  entry->asked = TRUE;
  g_autofree char *text = known_bad ? g_strdup_printf ("the server refused the password of account %s", spec->name)
                                    : g_strdup (error == NULL ? "a password is needed" : error->message);
  if (!fm_cancel_is_set (cancel))
    secrets->ask (spec->name, text, secrets->ask_data);
  return NULL;
}

FmSecret *
fm_secrets_get (FmSecrets *secrets, const FmAccountSpec *spec, gboolean refused_before, FmCancel *cancel, GError **error)
{
  pthread_mutex_lock (&secrets->mutex);
  Entry *entry = entry_of (secrets, spec->name);
  if (refused_before)
    refuse_current (entry);
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
  entry->from_user = TRUE;
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

/* fulmar free: room on the server, for the old mail whose copy in a backup has just been read and found whole, and for no other. What is deleted goes through
 * the journal as any other deletion for good. */
#include "cli/cli-private.h"
#include <fulmar/base/clock.h>
#include <fulmar/mail/flags.h>
#include <fulmar/store/body-store.h>
#include <fulmar/store/positions.h>
#include <fulmar/sync/account-spec.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SLICE 500
#define BATCH 5000 /* messages of one action */
#define DEFAULT_DAYS 365

typedef struct {
  FmCliSession *session;
  const char *dir;
  gint64 before_utc;
  GArray *ids;                   /* gint64: what may go */
  guint64 bytes;                 /* of them */
  guint64 starred, missing, bad; /* old mail that stays: with a star or a draft, not in the backup, damaged there */
} Freeing;

static void
look_at (Freeing *job, GHashTable *there, const char *folder, const FmRow *row)
{
  if (row->date_utc >= job->before_utc)
    return;
  if (row->flags & (FM_FLAG_FLAGGED | FM_FLAG_DRAFT) || row->pending)
    {
      job->starred++;
      return;
    }
  g_autofree char *digest = row->is_stub ? NULL : fm_body_store_digest (fm_cli_session_reader (job->session), row->id);
  const char *name = digest ? g_hash_table_lookup (there, digest) : NULL;
  g_autofree char *path = name ? g_build_filename (folder, "cur", name, NULL) : NULL;
  if (!path)
    job->missing++;
  else if (!fm_cli_backup_is_whole (path, digest))
    job->bad++;
  else
    {
      g_array_append_val (job->ids, row->id);
      job->bytes += row->size_bytes;
    }
}

static gboolean
look_into (Freeing *job, gint64 folder_id)
{
  FmStoreReader *reader = fm_cli_session_reader (job->session);
  FmListSpec spec = { .folder_id = folder_id, .order = FM_ORDER_DATE };
  g_autoptr (GError) error = NULL;
  g_autoptr (FmFolderInfo) info = fm_folder_store_get (reader, folder_id, &error);
  g_autofree char *folder = info ? fm_cli_backup_folder (job->dir, info) : NULL;
  g_autoptr (GHashTable) there = folder ? fm_cli_backup_list (folder) : NULL;
  g_autoptr (FmPositions) positions = there ? fm_positions_load (reader, &spec, NULL, &error) : NULL;
  guint64 count = positions ? fm_positions_count (positions) : 0;

  for (guint64 at = 0; !error && at < count; at += SLICE)
    {
      g_autoptr (GPtrArray) rows = fm_positions_rows (positions, reader, at, MIN (SLICE, count - at), &error);
      for (guint i = 0; rows && i < rows->len; i++)
        if (g_ptr_array_index (rows, i))
          look_at (job, there, folder, g_ptr_array_index (rows, i));
    }
  if (error)
    fm_cli_session_complain ("%s", error->message);
  return !error;
}

/* Only there the server's copy goes with ours. */
static gboolean
is_on_imap (FmCliSession *session, const char *folder)
{
  GPtrArray *accounts = fm_config_accounts (fm_app_config (fm_cli_session_app (session)));
  gsize length = strcspn (folder, "/");

  for (guint i = 0; i < accounts->len; i++)
    {
      const FmAccountSpec *spec = g_ptr_array_index (accounts, i);
      if (strlen (spec->name) == length && strncmp (spec->name, folder, length) == 0 && spec->kind == FM_ACCOUNT_IMAP)
        return TRUE;
    }
  fm_cli_session_complain ("%s is not on an IMAP server: of a POP account `leave = 90d` frees the server", folder);
  return FALSE;
}

static void
say_what_stays (const Freeing *job)
{
  if (job->starred > 0)
    printf ("%" G_GUINT64_FORMAT " old messages stay: starred, drafts, or with changes that wait\n", job->starred);
  if (job->missing > 0)
    printf ("%" G_GUINT64_FORMAT " old messages stay: they are not in the backup (run `fulmar export`)\n", job->missing);
  if (job->bad > 0)
    printf ("%" G_GUINT64_FORMAT " old messages stay: their copies in the backup are damaged (run `fulmar export --verify`)\n", job->bad);
}

static gboolean
is_agreed (const Freeing *job, gboolean yes)
{
  g_autofree char *size = g_format_size (job->bytes);
  char answer[8] = "";

  printf ("%u messages, %s, are whole in %s\n", job->ids->len, size, job->dir);
  if (yes)
    return TRUE;
  if (!isatty (STDIN_FILENO))
    {
      fm_cli_session_complain ("nothing is deleted without --yes, or a terminal to ask at");
      return FALSE;
    }
  printf ("delete them on the server, for good? [y/N] ");
  fflush (stdout);
  return fgets (answer, sizeof answer, stdin) && (*answer == 'y' || *answer == 'Y');
}

static int
delete_them (Freeing *job)
{
  const gint64 *ids = (const gint64 *) (gconstpointer) job->ids->data;

  for (guint at = 0; at < job->ids->len; at += BATCH)
    {
      FmAction *action = fm_action_new_simple (FM_ACTION_DELETE, ids + at, MIN (BATCH, job->ids->len - at));
      if (!fm_cli_session_wait (job->session, fm_engine_act (fm_app_engine (fm_cli_session_app (job->session)), action), NULL, NULL))
        return 1;
    }
  printf ("%u are deleted; `fulmar queue` tells what of it the server has not done yet\n", job->ids->len);
  return 0;
}

static int
run (Freeing *job, int argc, char **argv, gboolean yes)
{
  for (int i = 0; i < argc; i++)
    {
      gint64 folder_id = is_on_imap (job->session, argv[i]) ? fm_cli_session_folder (job->session, argv[i]) : 0;
      if (!folder_id || !look_into (job, folder_id))
        return 1;
    }
  say_what_stays (job);
  if (job->ids->len == 0)
    {
      printf ("nothing to free\n");
      return 0;
    }
  /* What was read may lie in memory alone. */
  return fm_cli_backup_sync (job->dir) && is_agreed (job, yes) ? delete_them (job) : 1;
}

int
fm_cli_free_run (const FmCliGlobals *globals, int argc, char **argv)
{
  g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (gint64));
  Freeing job = { .ids = ids };
  guint64 days = DEFAULT_DAYS;
  gboolean yes = FALSE, good = TRUE;
  int i = 1;

  for (; good && i < argc && g_str_has_prefix (argv[i], "--"); i++)
    if (strcmp (argv[i], "--yes") == 0)
      yes = TRUE;
    else if (strcmp (argv[i], "--older") == 0 && i + 1 < argc)
      good = g_ascii_string_to_unsigned (argv[++i], 10, 1, 36500, &days, NULL);
    else
      good = FALSE;
  if (!good || argc - i < 2)
    {
      fm_cli_session_complain ("usage: fulmar free [--older DAYS] [--yes] DIR FOLDER...");
      return 2;
    }
  job.dir = argv[i];
  job.before_utc = fm_clock_now_utc () - (gint64) days * 86400;
  if (!(job.session = fm_cli_session_open (globals, FM_CLI_ACT)))
    return 1;
  int status = run (&job, argc - i - 1, argv + i + 1, yes);
  fm_cli_session_free (job.session);
  return status;
}

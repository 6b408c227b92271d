/* fulmar export: everything that is here, copied into Maildirs that any mail program reads. A copy is named by its content, so that a second run adds what is new
 * and takes nothing away: what was deleted since stays in the backup. */
#include "cli/cli-private.h"
#include <errno.h>
#include <fcntl.h>
#include <fulmar/base/paths.h>
#include <fulmar/mail/flags.h>
#include <fulmar/store/body-store.h>
#include <fulmar/store/folder-store.h>
#include <fulmar/store/positions.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SLICE 500
#define BLOCK_BYTES (64 * 1024)

typedef struct {
  FmCliSession *session;
  const char *dir;
  char *folder;           /* directory of the Maildir at hand */
  GHashTable *there;      /* digest -> file name in its cur/ */
  guint64 copied, before; /* messages written now, and found from an earlier run */
  guint64 missing;        /* without their text here */
  guint64 damaged;        /* whose text here is not what it was */
  gboolean verify;        /* read the copies of earlier runs too */
} Export;

static gboolean
open_folder (Export *export, const FmFolderInfo *folder)
{
  static const char *const parts[] = { "cur", "new", "tmp" };
  g_autoptr (GError) error = NULL;

  g_free (export->folder);
  export->folder = fm_cli_backup_folder (export->dir, folder);
  g_clear_pointer (&export->there, g_hash_table_unref);
  for (guint i = 0; i < G_N_ELEMENTS (parts); i++)
    {
      g_autofree char *path = g_build_filename (export->folder, parts[i], NULL);
      if (!fm_paths_make_private_dir (path, &error))
        {
          fm_cli_session_complain ("%s", error->message);
          return FALSE;
        }
    }
  export->there = fm_cli_backup_list (export->folder);
  return TRUE;
}

/* In the order of the alphabet, as Maildir wants them. Transfer: full. */
static char *
name_of (const char *digest, guint flags)
{
  static const struct {
    guint flag;
    char letter;
  } letters[] = { { FM_FLAG_DRAFT, 'D' },    { FM_FLAG_FLAGGED, 'F' }, { FM_FLAG_FORWARDED, 'P' },
                  { FM_FLAG_ANSWERED, 'R' }, { FM_FLAG_SEEN, 'S' },    { FM_FLAG_DELETED, 'T' } };
  GString *name = g_string_new (digest);

  g_string_append (name, ".fulmar:2,");
  for (guint i = 0; i < G_N_ELEMENTS (letters); i++)
    if (flags & letters[i].flag)
      g_string_append_c (name, letters[i].letter);
  return g_string_free (name, FALSE);
}

static gboolean
write_all (int fd, const guchar *bytes, gsize size)
{
  while (size > 0)
    {
      ssize_t n = write (fd, bytes, size);
      if (n < 0 && errno != EINTR)
        return FALSE;
      bytes += MAX (n, 0);
      size -= MAX (n, 0);
    }
  return TRUE;
}

/* FROM into the file TO, made now; its digest, transfer full; NULL: errno tells. */
static char *
copy_file (const char *from, const char *to)
{
  g_autofree guchar *block = g_malloc (BLOCK_BYTES);
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
  int in = open (from, O_RDONLY | O_CLOEXEC), out = in < 0 ? -1 : open (to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  gboolean good = out >= 0;
  ssize_t n = 0;

  while (good && (n = read (in, block, BLOCK_BYTES)) != 0)
    {
      if (n < 0 && errno == EINTR)
        continue;
      good = n > 0 && write_all (out, block, n);
      if (good)
        g_checksum_update (sum, block, n);
    }
  int saved_errno = good ? 0 : errno;
  if (in >= 0)
    close (in);
  if (out >= 0 && close (out) != 0 && good)
    {
      good = FALSE;
      saved_errno = errno;
    }
  errno = saved_errno;
  return good ? g_strdup (g_checksum_get_string (sum)) : NULL;
}

/* The copy of an earlier run, perhaps under the name of other flags, is on the disk already and stays as it is: written over, a crash could take it. TRUE: it is whole
 * and has TARGET's name now. */
static gboolean
keep_old (Export *export, const char *old, const char *temporary, const char *target, const char *digest)
{
  struct stat before, now;

  return stat (old, &before) == 0 && stat (temporary, &now) == 0 && before.st_size == now.st_size
         && (!export->verify || fm_cli_backup_is_whole (old, digest)) && rename (old, target) == 0 && unlink (temporary) == 0;
}

/* The copy that is there already is of that size, and with --verify of that content. */
static gboolean
is_there (Export *export, const char *digest, const char *path, const char *old_path)
{
  struct stat here, there;

  if (stat (path, &here) != 0 || stat (old_path, &there) != 0 || here.st_size != there.st_size)
    return FALSE;
  return !export->verify || fm_cli_backup_is_whole (old_path, digest);
}

/* TRUE: a whole copy of an earlier run is there, and has the flags of now. */
static gboolean
found_before (Export *export, const FmRow *row, const char *digest, const char *path)
{
  const char *old = digest ? g_hash_table_lookup (export->there, digest) : NULL;
  g_autofree char *old_path = old ? g_build_filename (export->folder, "cur", old, NULL) : NULL;
  g_autofree char *name = old ? name_of (digest, row->flags) : NULL;
  g_autofree char *target = old ? g_build_filename (export->folder, "cur", name, NULL) : NULL;

  if (!old || !is_there (export, digest, path, old_path) || (strcmp (old, name) != 0 && rename (old_path, target) != 0))
    return FALSE;
  export->before++;
  g_hash_table_insert (export->there, g_strdup (digest), g_steal_pointer (&name));
  return TRUE;
}

/* The new copy TEMPORARY takes its place. */
static gboolean
place (Export *export, const FmRow *row, const char *digest, const char *temporary)
{
  g_autofree char *name = name_of (digest, row->flags), *target = g_build_filename (export->folder, "cur", name, NULL);
  const char *old = g_hash_table_lookup (export->there, digest);
  g_autofree char *old_path = old ? g_build_filename (export->folder, "cur", old, NULL) : NULL;
  gboolean is_kept = old && keep_old (export, old_path, temporary, target, digest);

  if (!is_kept && rename (temporary, target) != 0)
    return FALSE;
  if (old && !is_kept && strcmp (old, name) != 0)
    unlink (old_path); /* no whole copy */
  *(is_kept ? &export->before : &export->copied) += 1;
  g_hash_table_insert (export->there, g_strdup (digest), g_steal_pointer (&name));
  return TRUE;
}

static gboolean
export_message (Export *export, const FmRow *row)
{
  FmStoreReader *reader = fm_cli_session_reader (export->session);
  g_autofree char *path = row->is_stub ? NULL : fm_body_store_path (reader, row->id, NULL);
  g_autofree char *known = path ? fm_body_store_digest (reader, row->id) : NULL;
  g_autofree char *temporary = g_build_filename (export->folder, "tmp", "copying", NULL);

  if (path && found_before (export, row, known, path))
    return TRUE;
  g_autofree char *digest = path ? copy_file (path, temporary) : NULL;
  if (!path || (!digest && errno == ENOENT && access (path, F_OK) != 0))
    {
      export->missing++;
      return TRUE;
    }
  if (digest && known && strcmp (digest, known) != 0)
    {
      fm_cli_session_complain ("%s is damaged: it is not in the backup (an older copy there stays)", path);
      unlink (temporary);
      export->damaged++;
      return TRUE;
    }
  if (digest && place (export, row, digest, temporary))
    return TRUE;
  fm_cli_session_complain ("%s: a message can't be copied: %s", export->folder, g_strerror (errno));
  unlink (temporary);
  return FALSE;
}

static gboolean
export_folder (Export *export, const FmFolderInfo *folder)
{
  FmStoreReader *reader = fm_cli_session_reader (export->session);
  FmListSpec spec = { .folder_id = folder->id, .order = FM_ORDER_DATE };
  g_autoptr (GError) error = NULL;
  g_autoptr (FmPositions) positions = open_folder (export, folder) ? fm_positions_load (reader, &spec, NULL, &error) : NULL;
  guint64 count = positions ? fm_positions_count (positions) : 0;
  gboolean good = positions != NULL;

  for (guint64 at = 0; good && at < count; at += SLICE)
    {
      g_autoptr (GPtrArray) rows = fm_positions_rows (positions, reader, at, MIN (SLICE, count - at), &error);
      good = rows != NULL;
      for (guint i = 0; good && i < rows->len; i++)
        good = !g_ptr_array_index (rows, i) || export_message (export, g_ptr_array_index (rows, i));
    }
  if (error)
    fm_cli_session_complain ("%s", error->message);
  return good;
}

static gboolean
export_all (Export *export, const FmCliGlobals *globals)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) folders = fm_folder_store_list (fm_cli_session_reader (export->session), 0, &error);
  gboolean good = folders != NULL;

  if (!good)
    fm_cli_session_complain ("%s", error->message);
  for (guint i = 0; good && i < folders->len; i++)
    {
      const FmFolderInfo *folder = g_ptr_array_index (folders, i);
      if (folder->selectable && folder->special != FM_SPECIAL_OUTBOX
          && (!globals->account || strcmp (globals->account, folder->account) == 0))
        good = export_folder (export, folder);
    }
  /* Also after an error: the count that is told is of what can't be lost. */
  return (export->copied + export->before == 0 || fm_cli_backup_sync (export->dir)) && good;
}

int
fm_cli_export_run (const FmCliGlobals *globals, int argc, char **argv)
{
  Export export = { .verify = argc > 1 && strcmp (argv[1], "--verify") == 0 };
  gboolean good;

  if (argc != 2 + export.verify || *argv[argc - 1] == '-' || !*argv[argc - 1])
    {
      fm_cli_session_complain ("usage: fulmar export [--verify] DIR");
      return 2;
    }
  if (!(export.session = fm_cli_session_open (globals, FM_CLI_READ)))
    return 1;
  export.dir = argv[argc - 1];
  good = export_all (&export, globals);
  printf ("%" G_GUINT64_FORMAT " copied, %" G_GUINT64_FORMAT " there already\n", export.copied, export.before);
  if (export.missing > 0)
    fm_cli_session_complain ("%" G_GUINT64_FORMAT
                             " messages have no text here, so they are not in the backup: `fulmar sync` fetches it, if `offline` says so",
                             export.missing);
  g_clear_pointer (&export.there, g_hash_table_unref);
  g_free (export.folder);
  fm_cli_session_free (export.session);
  return good && export.missing == 0 && export.damaged == 0 ? 0 : 1;
}

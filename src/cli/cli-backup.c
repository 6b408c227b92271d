/* What a backup is: Maildirs whose files are named by their content, so that each copy says by itself whether it is whole. */
#include "cli/cli-private.h"
#include <errno.h>
#include <fcntl.h>
#include <fulmar/base/paths.h>
#include <fulmar/store/body-store.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK_BYTES (64 * 1024)

char *
fm_cli_backup_folder (const char *dir, const FmFolderInfo *folder)
{
  g_autofree char *full = g_strconcat (folder->account, "/", folder->name, NULL);
  g_auto (GStrv) parts = g_strsplit (full, "/", -1);
  GString *path = g_string_new (dir);

  for (guint i = 0; parts[i]; i++)
    {
      g_autofree char *safe = fm_paths_safe_name (parts[i], 200);
      gboolean reserved = strcmp (safe, "cur") == 0 || strcmp (safe, "new") == 0 || strcmp (safe, "tmp") == 0;
      g_string_append_printf (path, "/%s%s", safe, reserved ? "_" : "");
    }
  return g_string_free (path, FALSE);
}

GHashTable *
fm_cli_backup_list (const char *folder)
{
  GHashTable *there = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_autofree char *path = g_build_filename (folder, "cur", NULL);
  g_autoptr (GDir) names = g_dir_open (path, 0, NULL);
  const char *name;

  while (names && (name = g_dir_read_name (names)))
    if (strlen (name) > FM_BODY_STORE_DIGEST_CHARS && name[FM_BODY_STORE_DIGEST_CHARS] == '.')
      g_hash_table_insert (there, g_strndup (name, FM_BODY_STORE_DIGEST_CHARS), g_strdup (name));
  return there;
}

gboolean
fm_cli_backup_is_whole (const char *path, const char *digest)
{
  g_autofree guchar *block = g_malloc (BLOCK_BYTES);
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  struct stat info;
  ssize_t n = fd >= 0 && fstat (fd, &info) == 0 && S_ISREG (info.st_mode) ? 1 : -1;

  while (n > 0 && (n = read (fd, block, BLOCK_BYTES)) > 0)
    g_checksum_update (sum, block, n);
  if (fd >= 0)
    close (fd);
  return n == 0 && strcmp (g_checksum_get_string (sum), digest) == 0;
}

gboolean
fm_cli_backup_sync (const char *dir)
{
  int fd = open (dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  gboolean good = fd >= 0 && syncfs (fd) == 0;

  if (!good)
    fm_cli_session_complain ("%s: %s", dir, g_strerror (errno));
  if (fd >= 0)
    close (fd);
  return good;
}

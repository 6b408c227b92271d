/* Moving message files. link(2) never overwrites and unlink(2) takes only the old name, so that a crash between them leaves the message twice, never not
 * at all; doing it again then only takes the old name away. */
#include "sync/maildir-file.h"
#include "sync/maildir-name.h"
#include <fulmar/base/error.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static gboolean
fail (GError **error, int saved_errno, const char *path)
{
  fm_error_set_errno (error, FM_ERROR_STORAGE, saved_errno, "the mail file %s", path);
  return FALSE;
}

static gboolean
copy_bytes (int from, int to)
{
  char buffer[65536];
  ssize_t n;
  while ((n = read (from, buffer, sizeof buffer)) > 0)
    for (ssize_t done = 0; done < n;)
      {
        ssize_t put = write (to, buffer + done, (size_t) (n - done));
        if (put < 0)
          return FALSE;
        done += put;
      }
  return n == 0 && fsync (to) == 0;
}

static void
keep_time (int from, int to)
{
  struct stat st;
  if (fstat (from, &st) == 0)
    {
      struct timespec times[2] = { st.st_mtim, st.st_mtim };
      futimens (to, times);
    }
}

gboolean
fm_maildir_file_copy (const char *from, const char *to_dir, const char *to, GError **error)
{
  if (access (to, F_OK) == 0 || link (from, to) == 0)
    return TRUE;
  if (errno == ENOENT)
    return fail (error, errno, from);
  int in = open (from, O_RDONLY | O_CLOEXEC);
  if (in < 0)
    return fail (error, errno, from);
  g_autofree char *name = fm_maildir_name_unique ();
  g_autofree char *tmp = g_build_filename (to_dir, "tmp", name, NULL);
  int out = open (tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  int saved_errno = errno;
  gboolean ok = out >= 0 && copy_bytes (in, out);
  if (out >= 0 && !ok)
    saved_errno = errno;
  if (ok)
    keep_time (in, out);
  close (in);
  if (out >= 0)
    close (out);
  if (ok && link (tmp, to) != 0 && errno != EEXIST)
    {
      saved_errno = errno;
      ok = FALSE;
    }
  if (out >= 0)
    unlink (tmp);
  return ok || fail (error, saved_errno, to);
}

gboolean
fm_maildir_file_move (const char *from, const char *to, GError **error)
{
  if (g_str_equal (from, to))
    return access (to, F_OK) == 0 || fail (error, errno, to);
  if (link (from, to) != 0 && errno != EEXIST)
    {
      if (errno == ENOENT && access (to, F_OK) == 0)
        return TRUE;
      if (errno != EXDEV && errno != EPERM && errno != EOPNOTSUPP)
        return fail (error, errno, errno == ENOENT ? from : to);
      g_autofree char *sub = g_path_get_dirname (to);
      g_autofree char *dir = g_path_get_dirname (sub);
      if (!fm_maildir_file_copy (from, dir, to, error))
        return FALSE;
    }
  return fm_maildir_file_remove (from, error);
}

gboolean
fm_maildir_file_remove (const char *path, GError **error)
{
  return unlink (path) == 0 || errno == ENOENT || fail (error, errno, path);
}

char *
fm_maildir_file_find (const char *dir, const char *path)
{
  const char *slash = strrchr (path, '/'), *name = slash == NULL ? path : slash + 1;
  gsize length = fm_maildir_name_key_length (name);
  static const char *const parts[] = { "cur", "new" };
  for (guint i = 0; i < G_N_ELEMENTS (parts); i++)
    {
      g_autofree char *sub = g_build_filename (dir, parts[i], NULL);
      DIR *stream = opendir (sub);
      const struct dirent *entry;
      char *found = NULL;
      while (stream != NULL && found == NULL && (entry = readdir (stream)) != NULL)
        if (fm_maildir_name_key_length (entry->d_name) == length && strncmp (entry->d_name, name, length) == 0)
          found = g_build_filename (sub, entry->d_name, NULL);
      if (stream != NULL)
        closedir (stream);
      if (found != NULL)
        return found;
    }
  return NULL;
}

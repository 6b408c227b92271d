/* Where files lie, and the two things every room does with them: make a private directory, and replace a small file so that a crash leaves
 * either the old or the new one. The environment is asked each time rather than GLib, which remembers its first answer. */
#include <fulmar/base/paths.h>

#include <fulmar/base/error.h>
#include <fulmar/base/text.h>

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* An extension longer than this is part of the name. */
#define EXTENSION_BYTES 16

static const char *
home_dir (void)
{
  const char *home = g_getenv ("HOME");

  return home != NULL && g_path_is_absolute (home) ? home : g_get_home_dir ();
}

/* $FULMAR_HOME/IN_HOME, or $XDG/fulmar/NAME with the XDG variable's default under the home directory. */
static char *
locate (const char *in_home, const char *xdg_variable, const char *xdg_default, const char *name)
{
  const char *root = g_getenv ("FULMAR_HOME");
  const char *xdg = g_getenv (xdg_variable);

  if (root != NULL && *root != '\0')
    {
      g_autofree char *expanded = fm_paths_expand (root);
      g_autofree char *absolute = g_canonicalize_filename (expanded, NULL);

      return g_build_filename (absolute, in_home, NULL);
    }
  if (xdg != NULL && g_path_is_absolute (xdg))
    return g_build_filename (xdg, "fulmar", name, NULL);
  return g_build_filename (home_dir (), xdg_default, "fulmar", name, NULL);
}

char *
fm_paths_config_file (void)
{
  return locate ("fulmar.conf", "XDG_CONFIG_HOME", ".config", "fulmar.conf");
}

char *
fm_paths_data_dir (void)
{
  return locate ("data", "XDG_DATA_HOME", ".local/share", NULL);
}

char *
fm_paths_log_file (void)
{
  return locate ("fulmar.log", "XDG_STATE_HOME", ".local/state", "fulmar.log");
}

gboolean
fm_paths_make_private_dir (const char *dir, GError **error)
{
  if (g_mkdir_with_parents (dir, 0700) == 0)
    return TRUE;
  fm_error_set_errno (error, FM_ERROR_STORAGE, errno, "Making the directory %s", dir);
  return FALSE;
}

char *
fm_paths_expand (const char *path)
{
  if (path[0] == '~' && (path[1] == '/' || path[1] == '\0'))
    return g_strconcat (home_dir (), path + 1, NULL);
  return g_strdup (path);
}

/* The longest prefix of at most SIZE_BYTES that ends between two characters of valid UTF-8. */
static gsize
cut_utf8 (const char *text, gsize size_bytes)
{
  while (size_bytes > 0 && ((guchar) text[size_bytes] & 0xc0) == 0x80)
    size_bytes--;
  return size_bytes;
}

/* Shortens the stem rather than the extension: "a very long na.pdf" still opens in the right program. */
static char *
shorten (const char *name, gsize max_bytes)
{
  const char *dot = strrchr (name, '.');
  gsize extension_bytes = dot != NULL ? strlen (dot) : 0;
  g_autofree char *stem = NULL;

  if (extension_bytes > EXTENSION_BYTES || extension_bytes >= max_bytes)
    extension_bytes = 0;
  stem = g_strndup (name, cut_utf8 (name, max_bytes - extension_bytes));
  return g_strconcat (stem, extension_bytes > 0 ? dot : "", NULL);
}

char *
fm_paths_safe_name (const char *name, gsize max_bytes)
{
  g_autofree char *clean = g_strstrip (fm_text_sanitise_line (name, -1));
  char *p;

  g_strdelimit (clean, "/\\", '_');
  for (p = clean; *p == '.' || *p == '-'; p++) /* neither hidden, nor "..", nor an option */
    *p = '_';
  if (*clean == '\0')
    return g_strndup ("unnamed", max_bytes);
  return strlen (clean) <= max_bytes ? g_steal_pointer (&clean) : shorten (clean, max_bytes);
}

static gboolean
write_all (int fd, const char *bytes, gsize size_bytes)
{
  while (size_bytes > 0)
    {
      gssize written = write (fd, bytes, size_bytes);

      if (written < 0 && errno == EINTR)
        continue;
      if (written < 0)
        return FALSE;
      bytes += written;
      size_bytes -= (gsize) written;
    }
  return fsync (fd) == 0;
}

/* The rename is durable only when the directory is. A file system that can't sync directories (EINVAL) has no more to offer. */
static gboolean
sync_dir_of (const char *path)
{
  g_autofree char *dir = g_path_get_dirname (path);
  int fd = open (dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  gboolean synced;

  if (fd < 0)
    return FALSE;
  synced = fsync (fd) == 0 || errno == EINVAL;
  close (fd);
  return synced;
}

gboolean
fm_paths_write_file (const char *path, const void *bytes, gsize size_bytes, GError **error)
{
  /* A configuration that is a link into a repository of dot files stays one. */
  char *target = realpath (path, NULL);
  const char *final = target != NULL ? target : path;
  g_autofree char *temporary = g_strconcat (final, ".XXXXXX", NULL);
  int fd = g_mkstemp_full (temporary, O_WRONLY | O_CLOEXEC, 0600);
  gboolean written = fd >= 0 && write_all (fd, bytes, size_bytes);
  int saved_errno = errno;

  if (fd >= 0 && close (fd) != 0 && written)
    {
      written = FALSE;
      saved_errno = errno;
    }
  if (written && (g_rename (temporary, final) != 0 || !sync_dir_of (final)))
    {
      written = FALSE;
      saved_errno = errno;
    }
  if (!written)
    {
      if (fd >= 0)
        g_unlink (temporary);
      fm_error_set_errno (error, FM_ERROR_STORAGE, saved_errno, "Writing %s", final);
    }
  free (target);
  return written;
}

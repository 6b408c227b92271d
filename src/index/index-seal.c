/* The seal is one text file, written whole by rename: what can't be read whole is broken. */
#include "config.h"
#include "index/index-seal.h"
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "fulmar/base/log.h"
#include "fulmar/base/paths.h"

#define SEAL_MAX_BYTES 65536

static char *
seal_path (const char *dir)
{
  return g_build_filename (dir, "sealed", NULL);
}

static int
by_name (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* Each file of the database with its size and time, in the order of names. Transfer: full. */
static char *
describe (const char *dir)
{
  g_autofree char *xapian = g_build_filename (dir, ".notmuch", "xapian", NULL);
  g_autoptr (GDir) entries = g_dir_open (xapian, 0, NULL);
  g_autoptr (GPtrArray) lines = g_ptr_array_new_with_free_func (g_free);
  const char *name;

  while (entries != NULL && (name = g_dir_read_name (entries)) != NULL)
    {
      g_autofree char *path = g_build_filename (xapian, name, NULL);
      struct stat info;
      /* The lock is touched by opening. */
      if (strcmp (name, "flintlock") != 0 && stat (path, &info) == 0)
        g_ptr_array_add (lines, g_strdup_printf ("%s %" G_GINT64_FORMAT " %" G_GINT64_FORMAT ".%09ld", name, (gint64) info.st_size,
                                                 (gint64) info.st_mtim.tv_sec, info.st_mtim.tv_nsec));
    }
  g_ptr_array_sort (lines, by_name);
  g_ptr_array_add (lines, NULL);
  return g_strjoinv ("\n", (char **) lines->pdata);
}

void
fm_index_seal_set (const char *dir)
{
  g_autofree char *path = seal_path (dir);
  g_autofree char *text = describe (dir);
  g_autoptr (GError) error = NULL;

  if (!fm_paths_write_file (path, text, strlen (text), &error))
    fm_log_debug ("index worker: %s", error->message);
}

void
fm_index_seal_remove (const char *dir)
{
  g_autofree char *path = seal_path (dir);

  unlink (path);
}

FmIndexSeal
fm_index_seal_check (const char *dir)
{
  g_autofree char *path = seal_path (dir);
  g_autofree char *there = NULL;
  struct stat info;

  if (stat (path, &info) != 0)
    return FM_INDEX_SEAL_ABSENT;
  if (info.st_size > SEAL_MAX_BYTES || !g_file_get_contents (path, &there, NULL, NULL))
    return FM_INDEX_SEAL_BROKEN;
  g_autofree char *now = describe (dir);
  return g_str_equal (there, now) ? FM_INDEX_SEAL_WHOLE : FM_INDEX_SEAL_BROKEN;
}

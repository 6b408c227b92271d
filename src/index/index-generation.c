/* The file `generation` holds "fulmar-index FORMAT CURRENT BUILDING IDENTITY". FORMAT rises when what is indexed changes so much that old documents
 * are of no use; an index of another format is built anew. */
#include "config.h"
#include "index/index-generation.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "fulmar/base/log.h"
#include "fulmar/base/paths.h"

#define FORMAT 2
#define DEPTH_MAX 8 /* of a generation's directories */

gboolean
fm_index_generation_read (const char *dir, FmIndexGeneration *ret_generation)
{
  g_autofree char *path = g_build_filename (dir, "generation", NULL);
  char text[200] = "";
  FmIndexGeneration read_in = { 0 };
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0)
    return FALSE;
  ssize_t size = read (fd, text, sizeof text - 1);
  close (fd);
  guint format;
  if (size <= 0 || sscanf (text, "fulmar-index %9u %9u %9u %64s", &format, &read_in.current, &read_in.building, read_in.identity) != 4
      || format != FORMAT || (read_in.current == 0 && read_in.building == 0))
    return FALSE;
  *ret_generation = read_in;
  return TRUE;
}

gboolean
fm_index_generation_write (const char *dir, const FmIndexGeneration *generation, GError **error)
{
  g_autofree char *path = g_build_filename (dir, "generation", NULL);
  g_autofree char *text
      = g_strdup_printf ("fulmar-index %d %u %u %s\n", FORMAT, generation->current, generation->building, generation->identity);
  return fm_paths_write_file (path, text, strlen (text), error);
}

/* 0: not a generation's name. */
static guint
number_of (const char *name)
{
  guint64 number;
  if (!g_str_has_prefix (name, "gen-") || !g_ascii_string_to_unsigned (name + strlen ("gen-"), 10, 1, 99999999, &number, NULL))
    return 0;
  return number;
}

guint
fm_index_generation_next (const char *dir)
{
  guint highest = 0;
  g_autoptr (GDir) entries = g_dir_open (dir, 0, NULL);
  const char *name;
  while (entries != NULL && (name = g_dir_read_name (entries)) != NULL)
    highest = MAX (highest, number_of (name));
  return highest + 1;
}

static void
delete_tree (const char *path, guint depth)
{
  struct stat info;
  if (lstat (path, &info) != 0)
    return;
  if (S_ISDIR (info.st_mode) && depth < DEPTH_MAX)
    {
      g_autoptr (GDir) entries = g_dir_open (path, 0, NULL);
      const char *name;
      while (entries != NULL && (name = g_dir_read_name (entries)) != NULL)
        {
          g_autofree char *child = g_build_filename (path, name, NULL);
          delete_tree (child, depth + 1);
        }
    }
  if (remove (path) != 0)
    fm_log_debug ("index: deleting %s: %s", path, g_strerror (errno));
}

void
fm_index_generation_sweep (const char *dir, const FmIndexGeneration *keep)
{
  g_autoptr (GDir) entries = g_dir_open (dir, 0, NULL);
  const char *name;
  while (entries != NULL && (name = g_dir_read_name (entries)) != NULL)
    {
      guint number = number_of (name);
      if (number == 0 || number == keep->current || number == keep->building)
        continue;
      g_autofree char *path = g_build_filename (dir, name, NULL);
      delete_tree (path, 0);
    }
}

char *
fm_index_generation_dir (const char *dir, guint number)
{
  return g_strdup_printf ("%s/gen-%u", dir, number);
}

guint
fm_index_generation_written (const FmIndexGeneration *generation)
{
  return generation->building != 0 ? generation->building : generation->current;
}

guint
fm_index_generation_searched (const FmIndexGeneration *generation)
{
  return generation->current != 0 ? generation->current : generation->building;
}

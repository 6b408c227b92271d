/* parse-headers DIR...: the CPU that 100,000 envelopes cost. The headers of all files below the folders are read first, then parsed in turns until
 * there were 100,000. Prints the milliseconds of this thread. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "fulmar/mail/envelope.h"

enum { N_PARSED = 100 * 1000, MAX_HEADERS = 100 * 1000 };

static void
add_file (GPtrArray *headers, const char *path)
{
  g_autofree char *text = NULL;
  gsize size = 0;

  if (headers->len >= MAX_HEADERS || !g_file_get_contents (path, &text, &size, NULL))
    return;
  const char *end = g_strstr_len (text, (gssize) size, "\n\n"), *dos_end = g_strstr_len (text, (gssize) size, "\r\n\r\n");
  if (end == NULL || (dos_end != NULL && dos_end < end))
    end = dos_end;
  g_ptr_array_add (headers, g_bytes_new (text, end != NULL ? (gsize) (end - text) + 1 : size));
}

static void
add_tree (GPtrArray *headers, const char *path)
{
  GDir *dir = g_dir_open (path, 0, NULL);
  const char *name;

  if (dir == NULL)
    {
      add_file (headers, path);
      return;
    }
  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *child = g_build_filename (path, name, NULL);
      add_tree (headers, child);
    }
  g_dir_close (dir);
}

static double
cpu_ms (void)
{
  struct timespec now;

  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &now);
  return (double) now.tv_sec * 1e3 + (double) now.tv_nsec / 1e6;
}

int
main (int argc, char **argv)
{
  g_autoptr (GPtrArray) headers = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  double before;

  for (int i = 1; i < argc; i++)
    add_tree (headers, argv[i]);
  if (headers->len == 0)
    {
      fprintf (stderr, "usage: parse-headers DIR...\n");
      return 2;
    }
  before = cpu_ms ();
  for (guint i = 0; i < N_PARSED; i++)
    {
      gsize size;
      const void *bytes = g_bytes_get_data (headers->pdata[i % headers->len], &size);
      fm_envelope_unref (fm_envelope_parse (bytes, size));
    }
  printf ("%u headers parsed %u times: %.0f ms\n", headers->len, N_PARSED, cpu_ms () - before);
  return 0;
}

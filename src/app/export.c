/* Copies of a stored message, or of one of its parts, into files: never over one that is there unless the user said so. Pool threads do it. */
#include "app/export.h"
#include "app/reading-private.h"
#include <errno.h>
#include <fcntl.h>
#include <fulmar/base/error.h>
#include <fulmar/base/paths.h>
#include <fulmar/base/sink.h>
#include <string.h>
#include <unistd.h>

#define NUMBER_MAX 1000

static gboolean
write_all (int fd, const char *bytes, gsize size)
{
  while (size > 0)
    {
      ssize_t n = write (fd, bytes, size);
      if (n < 0 && errno == EINTR)
        continue;
      if (n <= 0)
        return FALSE;
      bytes += n;
      size -= n;
    }
  return TRUE;
}

/* --- a sink into a file descriptor --- */

typedef struct {
  FmSink sink;
  int fd;
} FileSink;

static gboolean
file_write (FmSink *sink, const void *bytes, gsize size_bytes, GError **error)
{
  if (write_all (((FileSink *) sink)->fd, bytes, size_bytes))
    return TRUE;
  fm_error_set_errno (error, FM_ERROR_STORAGE, errno, "the file can't be written");
  return FALSE;
}

static gboolean
file_commit (FmSink *sink, GError **error)
{
  return TRUE;
}

static void
file_end (FmSink *sink)
{
}

static const FmSinkClass file_class = { file_write, file_commit, file_end, file_end };

static gboolean
copy_message (FmStoreReader *reader, gint64 id, int fd, GError **error)
{
  g_autofree char *path = NULL;
  g_autoptr (FmMessage) message = fm_reading_open_stored (reader, id, &path, error);
  g_autofree char *block = g_malloc (1 << 16);
  int in = message ? open (path, O_RDONLY | O_CLOEXEC) : -1;
  ssize_t n = -1;

  if (in < 0)
    {
      if (message)
        fm_error_set_errno (error, FM_ERROR_STORAGE, errno, "%s", path);
      return FALSE;
    }
  while ((n = read (in, block, 1 << 16)) > 0 && write_all (fd, block, n))
    ;
  if (n != 0)
    fm_error_set_errno (error, FM_ERROR_STORAGE, errno, "the file can't be written");
  close (in);
  return n == 0;
}

static gboolean
copy_part (FmStoreReader *reader, gint64 id, guint part, int fd, GError **error)
{
  g_autoptr (FmMessage) message = fm_reading_open_stored (reader, id, NULL, error);
  FileSink sink = { { &file_class }, fd };

  return message && fm_message_part_write (message, part, &sink.sink, error);
}

gboolean
fm_export_to_fd (FmStoreReader *reader, gint64 msg_id, gint part, int fd, GError **error)
{
  return part >= 0 ? copy_part (reader, msg_id, (guint) part, fd, error) : copy_message (reader, msg_id, fd, error);
}

gboolean
fm_export_to_file (FmStoreReader *reader, gint64 msg_id, gint part, const char *path, gboolean overwrite, GError **error)
{
  /* Before a file that is there is cut to nothing: the message may have to be fetched first. */
  g_autoptr (FmMessage) message = fm_reading_open_stored (reader, msg_id, NULL, error);
  gboolean good;
  int fd;

  if (!message)
    return FALSE;
  fd = open (path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | (overwrite ? O_TRUNC : O_EXCL), 0600);
  if (fd < 0)
    {
      fm_error_set_errno (error, FM_ERROR_STORAGE, errno, "%s", path);
      return FALSE;
    }
  good = fm_export_to_fd (reader, msg_id, part, fd, error);
  if (close (fd) != 0 && good)
    {
      fm_error_set_errno (error, FM_ERROR_STORAGE, errno, "%s", path);
      good = FALSE;
    }
  if (!good && !overwrite)
    unlink (path);
  return good;
}

char *
fm_export_to_directory (FmStoreReader *reader, gint64 msg_id, gint part, const char *directory, const char *name, GError **error)
{
  const char *dot = strrchr (name, '.');
  gsize stem = dot && dot > name ? (gsize) (dot - name) : strlen (name);

  for (guint n = 1; n < NUMBER_MAX; n++)
    {
      g_autofree char *numbered = n == 1 ? g_strdup (name) : g_strdup_printf ("%.*s-%u%s", (int) stem, name, n, name + stem);
      g_autofree char *path = g_build_filename (directory, numbered, NULL);
      g_autoptr (GError) local = NULL;
      if (fm_export_to_file (reader, msg_id, part, path, FALSE, &local))
        return g_steal_pointer (&numbered);
      if (!g_file_test (path, G_FILE_TEST_EXISTS) && !g_file_test (path, G_FILE_TEST_IS_SYMLINK))
        {
          g_propagate_error (error, g_steal_pointer (&local));
          return NULL;
        }
    }
  g_set_error (error, FM_ERROR, FM_ERROR_STORAGE, "%s: too many files are called %s", directory, name);
  return NULL;
}

char *
fm_export_name (const FmReadingPart *part)
{
  static const struct {
    const char *type, *ending;
  } endings[] = { { "text/plain", "txt" },      { "text/html", "html" },      { "text/calendar", "ics" }, { "message/rfc822", "eml" },
                  { "image/png", "png" },       { "image/jpeg", "jpg" },      { "image/gif", "gif" },     { "application/pdf", "pdf" },
                  { "text/x-patch", "patch" },  { "text/x-diff", "diff" },    { "text/vcard", "vcf" },    { "application/json", "json" },
                  { "application/zip", "zip" }, { "application/xml", "xml" }, { "text/csv", "csv" } };
  const char *ending = "bin";
  g_autofree char *made = NULL;

  if (part->file_name)
    return fm_paths_safe_name (part->file_name, 200);
  for (guint i = 0; i < G_N_ELEMENTS (endings); i++)
    if (strcmp (endings[i].type, part->type) == 0)
      ending = endings[i].ending;
  if (part->label)
    made = g_strdup_printf ("%s.%s", part->label, ending);
  else
    made = g_strdup_printf ("part-%s.%s", *part->path ? part->path : "1", ending);
  return fm_paths_safe_name (made, 200);
}

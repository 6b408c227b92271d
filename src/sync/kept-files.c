/* A file counts as kept if it is older than the database and is no blob of it. The account that has taken its share leaves a mark, so that
 * the walk is done once; a program that dies in the middle begins anew and skips what has become a blob. */
#include "sync/kept-files.h"
#include "sync/pop-digest.h"
#include <fulmar/base/error.h>
#include <fulmar/base/log.h>
#include <fulmar/store/body-store.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
  FmStoreReader *reader;
  FmCancel *cancel;
  FmKeptFileVisit visit;
  gpointer data;
  gint64 before_us;
  GError **error;
  gboolean failed;
} Walk;

/* The header, and whether the whole is what NAME says. Transfer: full; NULL: not. */
static GBytes *
read_header (const char *path, const char *name)
{
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
  g_autoptr (FmSink) header = fm_pop_digest_sink_new (NULL);
  g_autofree guint8 *buffer = g_malloc (65536);
  ssize_t n;
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

  if (fd < 0)
    return NULL;
  while ((n = read (fd, buffer, 65536)) > 0)
    {
      g_checksum_update (sum, buffer, n);
      fm_sink_write (header, buffer, (gsize) n, NULL);
    }
  close (fd);
  return n == 0 && g_str_equal (g_checksum_get_string (sum), name) ? fm_pop_digest_sink_header (header) : NULL;
}

/* Everybody whom the header names as the one it was for, the servers' notes first. Transfer: full. */
static FmAddressList *
find_recipients (const char *header, gsize size, gboolean *ret_received)
{
  static const char *const fields[] = { "delivered-to:", "x-original-to:", "envelope-to:", "to:", "cc:", NULL };
  g_autoptr (GString) all = g_string_new (NULL);
  const char *end = header + size;
  gboolean taking = FALSE;

  *ret_received = FALSE;
  for (const char *p = header, *next; p < end; p = next)
    {
      const char *lf = memchr (p, '\n', (gsize) (end - p));
      next = lf == NULL ? end : lf + 1;
      if (*p != ' ' && *p != '\t')
        {
          gsize name = 0;
          for (guint i = 0; fields[i] != NULL && name == 0; i++)
            if ((gsize) (end - p) > strlen (fields[i]) && g_ascii_strncasecmp (p, fields[i], strlen (fields[i])) == 0)
              name = strlen (fields[i]);
          *ret_received |= end - p > 9 && g_ascii_strncasecmp (p, "received:", 9) == 0;
          taking = name != 0;
          p += name;
          if (taking && all->len > 0)
            g_string_append_c (all, ',');
        }
      if (taking && next > p)
        g_string_append_len (all, p, next - p);
    }
  return fm_address_list_parse (all->str, (gssize) all->len);
}

static gboolean
visit_file (const char *path, const char *digest, guint64 size_bytes, gpointer data)
{
  Walk *walk = data;
  struct stat info;

  if (!fm_cancel_check (walk->cancel, walk->error))
    {
      walk->failed = TRUE;
      return FALSE;
    }
  if (fm_body_store_find (walk->reader, digest) != 0 || stat (path, &info) != 0
      || (gint64) info.st_mtim.tv_sec * G_USEC_PER_SEC + info.st_mtim.tv_nsec / 1000 >= walk->before_us)
    return TRUE;
  g_autoptr (GBytes) header = read_header (path, digest);
  if (header == NULL)
    {
      fm_log_debug ("%s is not what its name says", path);
      return TRUE;
    }
  gsize size;
  const char *bytes = g_bytes_get_data (header, &size);
  g_autoptr (FmEnvelope) envelope = fm_envelope_parse (bytes, size);
  g_autofree char *header_digest = fm_pop_digest_header (bytes, size);
  FmKeptFile file = { digest, size_bytes, (gint64) info.st_mtim.tv_sec, envelope, header_digest, FALSE, NULL };
  g_autoptr (FmAddressList) recipients = find_recipients (bytes, size, &file.was_received);
  file.recipients = recipients;
  walk->failed = !walk->visit (&file, walk->data, walk->error);
  return !walk->failed;
}

gboolean
fm_kept_files_each (FmStoreReader *reader, FmCancel *cancel, FmKeptFileVisit visit, gpointer data, GError **error)
{
  Walk walk = { reader, cancel, visit, data, fm_db_created_us (reader), error, FALSE };

  return fm_body_store_reimport (fm_db_reader_store (reader), visit_file, &walk, error) && !walk.failed;
}

static char *
settled_key (gint64 account_id)
{
  return g_strdup_printf ("kept_files:%" G_GINT64_FORMAT, account_id);
}

gboolean
fm_kept_files_due (FmStoreReader *reader, gint64 account_id)
{
  g_autofree char *key = settled_key (account_id);
  g_autofree char *settled = fm_db_meta_get (reader, key, NULL);

  return settled == NULL;
}

static gboolean
settle_run (FmStoreWriter *writer, gpointer data, GError **error)
{
  return fm_db_meta_set (writer, data, "1", error);
}

gboolean
fm_kept_files_settle (FmPen *pen, gint64 account_id, GError **error)
{
  g_autofree char *key = settled_key (account_id);

  return fm_pen_call (pen, FM_PEN_SAFE, settle_run, key, error);
}

/* One file, one write(2) a line in append mode: lines of several threads and several processes never mix. Whether a line is wanted is an
 * atomic read, so that debug calls cost nothing when off. */
#include <fulmar/base/log.h>

#include <fulmar/base/error.h>

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROTATE_BYTES (4 * 1024 * 1024)
#define MESSAGE_BYTES 8192
#define LEVEL_OFF (FM_LOG_ERROR + 1)

static const char *const level_names[] = { "debug", "info", "warning", "error" };

static atomic_int least_level = LEVEL_OFF;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int log_fd = -1;
static char *log_path;
static goffset log_bytes;

/* Locked, or before threads. */
static gboolean
open_file (GError **error)
{
  struct stat info;

  log_fd = g_open (log_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (log_fd < 0)
    {
      fm_error_set_errno (error, FM_ERROR_STORAGE, errno, "Opening the log %s", log_path);
      return FALSE;
    }
  log_bytes = fstat (log_fd, &info) == 0 ? info.st_size : 0;
  return TRUE;
}

gboolean
fm_log_open (const char *path, FmLogLevel least, GError **error)
{
  fm_log_close ();
  if (path == NULL)
    return TRUE;
  log_path = g_strdup (path);
  if (!open_file (error))
    {
      g_clear_pointer (&log_path, g_free);
      return FALSE;
    }
  atomic_store (&least_level, (int) least);
  return TRUE;
}

void
fm_log_close (void)
{
  atomic_store (&least_level, LEVEL_OFF);
  pthread_mutex_lock (&mutex);
  if (log_fd >= 0)
    close (log_fd);
  log_fd = -1;
  g_clear_pointer (&log_path, g_free);
  pthread_mutex_unlock (&mutex);
}

gboolean
fm_log_enabled (FmLogLevel level)
{
  return (int) level >= atomic_load_explicit (&least_level, memory_order_relaxed);
}

/* Appends MESSAGE with every control byte as \xNN. Bytes that are not UTF-8 are shown the same way. */
static void
append_escaped (GString *line, const char *message)
{
  while (*message != '\0')
    {
      gunichar c = g_utf8_get_char_validated (message, -1);

      if (c >= (gunichar) -2 || g_unichar_iscntrl (c) || c == 0x2028 || c == 0x2029)
        g_string_append_printf (line, "\\x%02x", (guchar) *message++);
      else
        {
          const char *next = g_utf8_next_char (message);

          g_string_append_len (line, message, next - message);
          message = next;
        }
    }
}

static GString *
format_line (FmLogLevel level, const char *message)
{
  GString *line = g_string_sized_new (160);
  char thread_name[16] = "?";
  gint64 now_us = g_get_real_time ();
  time_t now_s = (time_t) (now_us / G_USEC_PER_SEC);
  struct tm utc;

  pthread_getname_np (pthread_self (), thread_name, sizeof thread_name);
  gmtime_r (&now_s, &utc);
  g_string_append_printf (line, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ %s [%s] ", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday,
                          utc.tm_hour, utc.tm_min, utc.tm_sec, (int) (now_us % G_USEC_PER_SEC / 1000), level_names[level], thread_name);
  append_escaped (line, message);
  g_string_append_c (line, '\n');
  return line;
}

/* Locked. Another process may have moved the file already: then ours is the old one, and opening the path again is all there is to do. */
static void
rotate (void)
{
  g_autofree char *old = g_strconcat (log_path, ".1", NULL);
  struct stat ours, named;

  if (fstat (log_fd, &ours) == 0 && stat (log_path, &named) == 0 && ours.st_dev == named.st_dev && ours.st_ino == named.st_ino)
    (void) g_rename (log_path, old);
  close (log_fd);
  (void) open_file (NULL);
}

void
fm_log_write (FmLogLevel level, const char *format, ...)
{
  char message[MESSAGE_BYTES];
  GString *line;
  va_list args;
  gssize written;

  if (!fm_log_enabled (level))
    return;
  va_start (args, format);
  g_vsnprintf (message, sizeof message, format, args);
  va_end (args);
  line = format_line (level, message);
  pthread_mutex_lock (&mutex);
  if (log_fd >= 0)
    {
      /* A log that can't be written has nowhere to say so. */
      written = write (log_fd, line->str, line->len);
      log_bytes += MAX (written, 0);
      if (log_bytes >= ROTATE_BYTES)
        rotate ();
    }
  pthread_mutex_unlock (&mutex);
  g_string_free (line, TRUE);
}

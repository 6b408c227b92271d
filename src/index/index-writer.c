/* The worker that changes the index. Changes are gathered in one atomic batch and committed by count, by age and by quiet; only then are
 * they reported as durable. At the first failure of the disk it says so and ends with the batch still open, which leaves the last commit
 * whole: closing or going on after a failed write is what corrupts. */
#include "config.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include "fulmar/base/clock.h"
#include "fulmar/base/error.h"
#include "fulmar/base/log.h"
#include "fulmar/mail/message.h"
#include "fulmar/mail/projection.h"
#include "index/index-database.h"
#include "index/index-gate.h"
#include "index/index-roles.h"
#include "index/index-sandbox.h"
#include "index/index-seal.h"
#include "index/notmuch-error.h"

#define MAIL_MAX_BYTES (G_GINT64_CONSTANT (512) << 20)
#define READ_WHOLE_BYTES (1 << 20)
#define LOOK_AT_DISK_EVERY 64
#define ATTACHMENT_NAMES_MAX 100

typedef struct {
  const FmIndexRole *role;
  notmuch_database_t *database;
  notmuch_indexopts_t *options;
  guint in_batch;           /* changes since the last commit */
  gint64 first_us, last_us; /* when the first and the last of them came */
  guint64 sequence;         /* of the last frame dealt with */
  gboolean sealed;          /* nothing was changed since the last good end */
} Writer;

static void
say (Writer *writer, FmIndexFrameKind kind, guint64 number, gint64 first, const char *text)
{
  FmIndexFrameHead head = { .kind = kind, .number = number, .first = first };
  gsize size = text != NULL ? MIN (strlen (text), (gsize) 1000) : 0;
  if (fm_index_frame_send (writer->role->socket, &head, text, size, -1, TRUE) != FM_INDEX_FRAME_OK)
    _exit (0);
}

static guint64
free_bytes (const char *dir)
{
  struct statvfs fs;
  return statvfs (dir, &fs) == 0 ? (guint64) fs.f_bavail * fs.f_frsize : G_MAXUINT64;
}

/* Ends at once: the open batch is lost, the last commit stays whole. */
static void G_GNUC_NORETURN
end_for_no_room (Writer *writer, const char *why)
{
  say (writer, FM_INDEX_FRAME_NO_ROOM, 0, 0, why);
  _exit (0);
}

static void
check_room (Writer *writer)
{
  guint64 free_now = free_bytes (writer->role->dir);
  if (free_now >= writer->role->hello.least_free_bytes)
    return;
  g_autofree char *left = g_format_size (free_now);
  g_autofree char *why = g_strdup_printf ("only %s are free on the disk of %s", left, writer->role->dir);
  end_for_no_room (writer, why);
}

/* The library failed to write or to read: the disk's fault, or damage. */
static void G_GNUC_NORETURN
end_for_failure (Writer *writer, notmuch_status_t status, const char *what)
{
  g_autoptr (GError) error = NULL;
  const char *detail = notmuch_database_status_string (writer->database);
  fm_notmuch_error_set (&error, status, what, detail);
  check_room (writer);
  gboolean disk = strstr (error->message, g_strerror (ENOSPC)) != NULL || strstr (error->message, g_strerror (EDQUOT)) != NULL
                  || strstr (error->message, g_strerror (EIO)) != NULL || strstr (error->message, g_strerror (EROFS)) != NULL
                  || free_bytes (writer->role->dir) < (1 << 20);
  say (writer, disk ? FM_INDEX_FRAME_NO_ROOM : FM_INDEX_FRAME_DAMAGED, 0, 0, error->message);
  _exit (0);
}

static void
begin_change (Writer *writer)
{
  if (writer->in_batch % LOOK_AT_DISK_EVERY == 0)
    check_room (writer);
  writer->last_us = fm_clock_mono_us ();
  if (writer->in_batch++ > 0)
    return;
  if (writer->sealed)
    fm_index_seal_remove (writer->role->dir);
  writer->sealed = FALSE;
  writer->first_us = writer->last_us;
  notmuch_status_t status = notmuch_database_begin_atomic (writer->database);
  if (status != NOTMUCH_STATUS_SUCCESS)
    end_for_failure (writer, status, "beginning a batch");
}

/* Readers are waited for after the commit, before anything of the next batch is written; see index-gate.h. */
static void
commit (Writer *writer)
{
  if (writer->in_batch > 0)
    {
      say (writer, FM_INDEX_FRAME_COMMITTING, 0, 0, NULL);
      check_room (writer);
      notmuch_status_t status = notmuch_database_end_atomic (writer->database);
      if (status != NOTMUCH_STATUS_SUCCESS)
        end_for_failure (writer, status, "writing the search index");
      fm_index_gate_drain (writer->role->gate);
      writer->in_batch = 0;
    }
  say (writer, FM_INDEX_FRAME_COMMITTED, writer->sequence, fm_index_database_count (writer->database), NULL);
}

static GBytes *
read_all (int fd, gint64 offset, gsize size, GError **error)
{
  g_autofree guint8 *bytes = g_malloc (size + 1);
  gsize have = 0;
  while (have < size)
    {
      ssize_t n = pread (fd, bytes + have, size - have, offset + have);
      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        {
          fm_error_set_errno (error, FM_ERROR_STORAGE, errno, "reading the mail");
          return NULL;
        }
      if (n == 0)
        break;
      have += n;
    }
  return g_bytes_new_take (g_steal_pointer (&bytes), have);
}

typedef struct {
  void *start;
  gsize size;
} Mapping;

static void
unmap (gpointer data)
{
  Mapping *mapping = data;
  munmap (mapping->start, mapping->size);
  g_free (mapping);
}

/* Large mails are mapped, so that a 50 MB attachment costs address space only. */
static GBytes *
map_range (int fd, gint64 offset, gsize size, GError **error)
{
  gsize skew = offset % sysconf (_SC_PAGESIZE);
  void *start = mmap (NULL, size + skew, PROT_READ, MAP_PRIVATE, fd, offset - skew);
  if (start == MAP_FAILED)
    {
      fm_error_set_errno (error, FM_ERROR_STORAGE, errno, "reading the mail");
      return NULL;
    }
  Mapping *mapping = g_new (Mapping, 1);
  *mapping = (Mapping){ start, size + skew };
  return g_bytes_new_with_free_func ((guint8 *) start + skew, size, unmap, mapping);
}

static GBytes *
read_mail (int fd, const FmIndexFrameRange *range, GError **error)
{
  struct stat info;
  if (fstat (fd, &info) != 0 || !S_ISREG (info.st_mode))
    {
      g_set_error (error, FM_ERROR, FM_ERROR_INVALID, "not a file");
      return NULL;
    }
  gint64 offset = CLAMP (range->offset_bytes, 0, info.st_size);
  gint64 size = info.st_size - offset;
  if (range->size_bytes >= 0)
    size = MIN (size, range->size_bytes);
  if (size > MAIL_MAX_BYTES)
    {
      g_set_error (error, FM_ERROR, FM_ERROR_LIMIT, "larger than 512 MB");
      return NULL;
    }
  return size <= READ_WHOLE_BYTES ? read_all (fd, offset, size, error) : map_range (fd, offset, size, error);
}

/* Names of attachments as a field of their own, so that they can be asked for by themselves; the projection has no parts. */
static char *
attachment_field (FmMessage *message)
{
  g_autoptr (GArray) attachments = fm_message_attachments (message);
  GString *field = g_string_new (NULL);
  for (guint i = 0; i < MIN (attachments->len, ATTACHMENT_NAMES_MAX); i++)
    {
      const FmMessagePart *part = fm_message_part (message, g_array_index (attachments, guint, i));
      if (part != NULL && *part->file_name != '\0')
        g_string_append_printf (field, "%s%s", field->len == 0 ? "X-Fulmar-Attachment: " : "\n ", part->file_name);
    }
  if (field->len > 0)
    g_string_append_c (field, '\n');
  return g_string_free (field, FALSE);
}

static gboolean
write_all (int fd, const void *bytes, gsize size)
{
  const guint8 *at = bytes;
  while (size > 0)
    {
      ssize_t n = write (fd, at, size);
      if (n < 0 && errno == EINTR)
        continue;
      if (n <= 0)
        return FALSE;
      at += n;
      size -= n;
    }
  return TRUE;
}

/* FALSE: errno. No fsync: the file lives for the length of one call. */
static gboolean
write_projection (const char *path, const char *field, GBytes *projection)
{
  int fd = open (path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0)
    return FALSE;
  gsize size;
  const void *bytes = g_bytes_get_data (projection, &size);
  gboolean written = write_all (fd, field, strlen (field)) && write_all (fd, bytes, size);
  int saved_errno = errno;
  close (fd);
  errno = saved_errno;
  return written;
}

/* Never returns where the database or the disk failed; FALSE where it is this mail's own fault. */
static gboolean
index_message (Writer *writer, gint64 blob_id, FmMessage *message, GError **error)
{
  g_autoptr (GBytes) projection = fm_projection_build (message, blob_id);
  g_autofree char *field = attachment_field (message);
  g_autofree char *path = fm_index_database_projection_path (writer->role->dir, blob_id);
  if (!write_projection (path, field, projection))
    {
      g_autofree char *why = g_strdup_printf ("%s: %s", path, g_strerror (errno));
      end_for_no_room (writer, why);
    }
  begin_change (writer);
  notmuch_status_t status = notmuch_database_index_file (writer->database, path, writer->options, NULL);
  unlink (path);
  if (status == NOTMUCH_STATUS_SUCCESS || status == NOTMUCH_STATUS_DUPLICATE_MESSAGE_ID)
    return TRUE;
  if (status != NOTMUCH_STATUS_FILE_NOT_EMAIL)
    end_for_failure (writer, status, "indexing a mail");
  fm_notmuch_error_set (error, status, "indexing a mail", NULL);
  return FALSE;
}

static void
add (Writer *writer, FmIndexFrame *frame)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (FmMessage) message = NULL;
  gboolean done = FALSE;
  say (writer, FM_INDEX_FRAME_WORKING, frame->head.number, 0, NULL);
  if (frame->body_size != sizeof (FmIndexFrameRange) || frame->head.first <= 0)
    g_set_error (&error, FM_ERROR, FM_ERROR_INVALID, "a broken request");
  else
    bytes = read_mail (frame->fd, (const FmIndexFrameRange *) (gconstpointer) frame->body, &error);
  if (bytes != NULL)
    message = fm_message_open_bytes (bytes, &error);
  if (message != NULL)
    done = index_message (writer, frame->head.first, message, &error);
  if (!done)
    say (writer, FM_INDEX_FRAME_FAILED, frame->head.number, error->code, error->message);
  writer->sequence = frame->head.number;
}

static void
take_out (Writer *writer, const FmIndexFrame *frame)
{
  g_autofree char *path = fm_index_database_projection_path (writer->role->dir, frame->head.first);
  say (writer, FM_INDEX_FRAME_WORKING, frame->head.number, 0, NULL);
  begin_change (writer);
  notmuch_status_t status = notmuch_database_remove_message (writer->database, path);
  if (status != NOTMUCH_STATUS_SUCCESS && status != NOTMUCH_STATUS_DUPLICATE_MESSAGE_ID)
    end_for_failure (writer, status, "removing a mail from the search index");
  writer->sequence = frame->head.number;
}

static void
probe (Writer *writer, const FmIndexFrame *frame)
{
  say (writer, FM_INDEX_FRAME_ANSWER, frame->head.number, fm_index_sandbox_probe ((const char *) frame->body), NULL);
}

static void
close_cleanly (Writer *writer)
{
  commit (writer);
  notmuch_status_t status = notmuch_database_close (writer->database);
  if (status == NOTMUCH_STATUS_SUCCESS)
    fm_index_seal_set (writer->role->dir);
}

/* FALSE: time to end. */
static gboolean
handle (Writer *writer, FmIndexFrame *frame)
{
  switch (frame->head.kind)
    {
    case FM_INDEX_FRAME_ADD:
      add (writer, frame);
      close (frame->fd);
      break;
    case FM_INDEX_FRAME_REMOVE:
      take_out (writer, frame);
      break;
    case FM_INDEX_FRAME_FLUSH:
      writer->sequence = frame->head.number;
      commit (writer);
      break;
    case FM_INDEX_FRAME_PROBE:
      probe (writer, frame);
      break;
    default: /* BYE, and what no parent of ours sends */
      close_cleanly (writer);
      return FALSE;
    }
  if (writer->in_batch >= writer->role->hello.batch_count)
    commit (writer);
  return TRUE;
}

/* When the open batch is to be committed though nothing more comes. */
static gint64
batch_deadline_us (const Writer *writer)
{
  const FmIndexFrameHello *hello = &writer->role->hello;
  if (writer->in_batch == 0)
    return G_MAXINT64;
  return MIN (writer->first_us + hello->batch_ms * G_GINT64_CONSTANT (1000), writer->last_us + hello->quiet_ms * G_GINT64_CONSTANT (1000));
}

static void
serve (Writer *writer)
{
  g_autofree FmIndexFrame *frame = g_new (FmIndexFrame, 1);
  for (;;)
    {
      struct pollfd wait = { .fd = writer->role->socket, .events = POLLIN };
      gint64 deadline_us = batch_deadline_us (writer);
      if (deadline_us <= fm_clock_mono_us ())
        {
          commit (writer);
          continue;
        }
      if (poll (&wait, 1, fm_clock_remaining_ms (deadline_us)) <= 0)
        continue;
      FmIndexFrameResult got = fm_index_frame_receive (writer->role->socket, frame, TRUE);
      if (got != FM_INDEX_FRAME_OK || !handle (writer, frame))
        return;
    }
}

/* FALSE: said why already. */
static gboolean
open_database (Writer *writer)
{
  g_autoptr (GError) error = NULL;
  FmIndexSeal seal = fm_index_seal_check (writer->role->dir);
  if (seal == FM_INDEX_SEAL_BROKEN)
    {
      say (writer, FM_INDEX_FRAME_DAMAGED, 0, 0, "files of the search index are not as they were left");
      return FALSE;
    }
  switch (fm_index_database_open (writer->role->dir, TRUE, &writer->database, &error))
    {
    case FM_INDEX_DATABASE_OPEN:
      break;
    case FM_INDEX_DATABASE_BUSY:
      say (writer, FM_INDEX_FRAME_BUSY, 0, 0, NULL);
      return FALSE;
    default:
      check_room (writer);
      say (writer, free_bytes (writer->role->dir) < (1 << 20) ? FM_INDEX_FRAME_NO_ROOM : FM_INDEX_FRAME_DAMAGED, 0, 0, error->message);
      return FALSE;
    }
  writer->sealed = seal == FM_INDEX_SEAL_WHOLE;
  if (!writer->sealed && !fm_index_database_check (writer->database, &error))
    {
      say (writer, FM_INDEX_FRAME_DAMAGED, 0, 0, error->message);
      return FALSE;
    }
  return TRUE;
}

int
fm_index_writer_run (const FmIndexRole *role)
{
  Writer writer = { .role = role };
  check_room (&writer);
  if (!open_database (&writer))
    return 0;
  writer.options = notmuch_database_get_default_indexopts (writer.database);
  if (writer.options != NULL)
    notmuch_indexopts_set_decrypt_policy (writer.options, NOTMUCH_DECRYPT_FALSE);
  say (&writer, FM_INDEX_FRAME_READY, 0, fm_index_database_count (writer.database), NULL);
  serve (&writer);
  return 0;
}

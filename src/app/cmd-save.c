/* Taking a message or a part out of the program: into a file that is never overwritten without asking, or through a command the user typed. */
#include "app/app-private.h"
#include "app/commands.h"
#include "app/reading-private.h"
#include <errno.h>
#include <fcntl.h>
#include <fulmar/base/paths.h>
#include <fulmar/base/sink.h>
#include <string.h>
#include <unistd.h>

/* What to write where. PART NULL: the whole message. */
typedef struct {
  FmApp *app;
  gint64 id;
  char *part, *path;
  gboolean overwrite;
} Saving;

static void
saving_free (gpointer data)
{
  Saving *saving = data;

  g_free (saving->part);
  g_free (saving->path);
  g_free (saving);
}

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
  g_autofree char *path = fm_reading_stored_path (reader, id, error);
  g_autofree char *block = g_malloc (1 << 16);
  int in = path ? open (path, O_RDONLY | O_CLOEXEC) : -1;
  ssize_t n = -1;

  if (in < 0)
    {
      if (path)
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
copy_part (FmStoreReader *reader, const Saving *saving, int fd, GError **error)
{
  g_autoptr (FmMessage) message = fm_reading_open_stored (reader, saving->id, error);
  guint part = message ? fm_message_find_path (message, saving->part) : FM_MESSAGE_NO_PART;
  FileSink sink = { { &file_class }, fd };

  if (!message)
    return FALSE;
  if (part == FM_MESSAGE_NO_PART)
    {
      g_set_error (error, FM_ERROR, FM_ERROR_NOT_FOUND, "the message has no part %s", saving->part);
      return FALSE;
    }
  return fm_message_part_write (message, part, &sink.sink, error);
}

static gpointer
save_run (FmStoreReader *reader, FmCancel *cancel, gpointer data, GError **error)
{
  const Saving *saving = data;
  int fd = open (saving->path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | (saving->overwrite ? O_TRUNC : O_EXCL), 0600);
  gboolean good;

  if (fd < 0)
    {
      fm_error_set_errno (error, FM_ERROR_STORAGE, errno, "%s", saving->path);
      return NULL;
    }
  good = saving->part ? copy_part (reader, saving, fd, error) : copy_message (reader, saving->id, fd, error);
  if (close (fd) != 0 && good)
    {
      fm_error_set_errno (error, FM_ERROR_STORAGE, errno, "%s", saving->path);
      good = FALSE;
    }
  if (!good && !saving->overwrite)
    unlink (saving->path);
  return good ? GINT_TO_POINTER (1) : NULL;
}

static void
save_done (gpointer result, const GError *error, gpointer data)
{
  const Saving *saving = data;

  if (result)
    fm_app_say (saving->app, "saved as %s", saving->path);
  else
    fm_app_complain (saving->app, "%s", error->message);
}

static void
start_saving (Saving *saving)
{
  fm_engine_compute (saving->app->engine, save_run, save_done, saving, saving_free);
}

static void
overwrite_answered (const char *answer, gpointer data)
{
  Saving *saving = data;

  if (answer && *answer == 'y')
    {
      saving->overwrite = TRUE;
      start_saving (saving);
    }
  else
    saving_free (saving);
}

static void
path_answered (const char *answer, gpointer data)
{
  Saving *saving = data;
  g_autofree char *question = NULL;

  if (!answer || !*answer)
    {
      saving_free (saving);
      return;
    }
  g_free (saving->path);
  saving->path = fm_paths_expand (answer);
  if (!g_file_test (saving->path, G_FILE_TEST_EXISTS))
    {
      start_saving (saving);
      return;
    }
  question = g_strdup_printf ("%s is there already: overwrite it?", saving->path);
  saving->app->shell->ask (saving->app->shell_data, question, "yn", overwrite_answered, saving);
}

void
fm_cmd_save_part (FmApp *app, gint64 msg_id, const char *part, const char *file_name)
{
  Saving *saving = g_new0 (Saving, 1);
  g_autofree char *safe = fm_paths_safe_name (file_name ? file_name : part ? "attachment" : "message.eml", 200);
  g_autofree char *initial = g_strconcat ("~/", safe, NULL);

  saving->app = app;
  saving->id = msg_id;
  saving->part = g_strdup (part);
  app->shell->prompt (app->shell_data, FM_PROMPT_PATH, part ? "save attachment as: " : "save message as: ", initial, path_answered, saving);
}

static void
run_save (const FmCommandCall *call)
{
  gint64 id = fm_target_id (call);

  if (id)
    fm_cmd_save_part (call->app, id, NULL, "message.eml");
}

/* save-part 2: the attachment's number as the page lists it, or the last one. */
static void
run_save_part (const FmCommandCall *call)
{
  FmReading *reading = call->app->reading;
  GPtrArray *parts = reading ? fm_reading_parts (reading) : NULL;
  guint64 wanted = call->count > 0 ? call->count : 1, seen = 0;

  if (*call->argument)
    g_ascii_string_to_unsigned (call->argument, 10, 1, 2000, &wanted, NULL);
  for (guint i = 0; parts && i < parts->len; i++)
    {
      const FmReadingPart *part = g_ptr_array_index (parts, i);
      if (part->is_attachment && ++seen == wanted)
        {
          fm_cmd_save_part (call->app, fm_reading_id (reading), part->path, part->file_name);
          return;
        }
    }
  fm_app_complain (call->app, seen == 0 ? "this message has no attachment" : "it has attachments 1 to %" G_GUINT64_FORMAT, seen);
}

/* --- through a command --- */

typedef struct {
  FmApp *app;
  gint64 id;
  char *command;
} Piping;

static void
piping_free (gpointer data)
{
  Piping *piping = data;

  g_free (piping->command);
  g_free (piping);
}

static gpointer
pipe_run (FmStoreReader *reader, FmCancel *cancel, gpointer data, GError **error)
{
  const Piping *piping = data;

  return fm_reading_stored_path (reader, piping->id, error);
}

static void
pipe_ended (const char *answer, gpointer data)
{
  FmApp *app = data;

  if (answer && strcmp (answer, "0") != 0)
    fm_app_complain (app, "the command ended with status %s", answer);
}

/* The user's own line, with the message on its standard input; the path goes as an argument, never into the line. */
static void
pipe_done (gpointer result, const GError *error, gpointer data)
{
  const Piping *piping = data;
  g_autofree char *path = result;
  g_autofree char *line = g_strdup_printf ("{ %s\n} <\"$1\"" FM_APP_WAIT_FOR_ENTER, piping->command);
  const char *argv[] = { "/bin/sh", "-c", line, "sh", path, NULL };

  if (!path)
    fm_app_complain (piping->app, "%s", error->message);
  else
    piping->app->shell->run (piping->app->shell_data, argv, pipe_ended, piping->app);
}

static void
pipe_answered (const char *answer, gpointer data)
{
  Piping *piping = data;

  if (!answer || !*answer)
    {
      piping_free (piping);
      return;
    }
  piping->command = g_strdup (answer);
  fm_engine_compute (piping->app->engine, pipe_run, pipe_done, piping, piping_free);
}

static void
run_pipe (const FmCommandCall *call)
{
  gint64 id = fm_target_id (call);
  Piping *piping;

  if (!id)
    return;
  piping = g_new0 (Piping, 1);
  piping->app = call->app;
  piping->id = id;
  if (*call->argument)
    pipe_answered (call->argument, piping);
  else
    call->app->shell->prompt (call->app->shell_data, FM_PROMPT_TEXT, "pipe to command: ", "", pipe_answered, piping);
}

#define BOTH (FM_CONTEXT_LIST | FM_CONTEXT_PAGER)

const FmCommand fm_cmd_save_commands[] = {
  { .name = "save", .help = "save the message as a file", .default_keys = "<Esc>s", .contexts = BOTH, .run = run_save },
  { .name = "save-part",
    .help = "save an attachment (digits, then this: which one)",
    .arguments = "[NUMBER]",
    .default_keys = "<Esc>a",
    .contexts = FM_CONTEXT_PAGER,
    .run = run_save_part },
  { .name = "pipe",
    .help = "pipe the message to a command",
    .arguments = "[COMMAND-LINE]",
    .default_keys = "|",
    .contexts = BOTH,
    .run = run_pipe },
  { NULL },
};

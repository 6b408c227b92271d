/* Taking a message or a part out of the program: into a file that is never overwritten without asking, or through a command the user typed. */
#include "app/body-wait.h"
#include "app/commands.h"
#include "app/export.h"
#include "app/reading-private.h"
#include <fulmar/base/paths.h>
#include <string.h>
#include <unistd.h>

/* What to write where. PART -1: the whole message. */
typedef struct {
  FmApp *app;
  gint64 id;
  gint part;
  char *name, *path;
  gboolean overwrite;
} Saving;

static void
saving_free (gpointer data)
{
  Saving *saving = data;

  g_free (saving->name);
  g_free (saving->path);
  g_free (saving);
}

static gpointer
save_run (FmStoreReader *reader, FmCancel *cancel, gpointer data, GError **error)
{
  const Saving *saving = data;

  return GINT_TO_POINTER (fm_export_to_file (reader, saving->id, saving->part, saving->path, saving->overwrite, error));
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
  fm_body_wait_run (
      saving->app,
      &(FmBodyWaitJob){
          .what = "save", .ids = &saving->id, .n = 1, .run = save_run, .done = save_done, .data = saving, .free_data = saving_free });
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
remember_directory (FmApp *app, const char *path)
{
  g_free (app->save_directory);
  app->save_directory = g_path_get_dirname (path);
}

char *
fm_cmd_save_directory (FmApp *app)
{
  const char *home = g_get_home_dir ();
  g_autofree char *downloads = g_build_filename (home, "Downloads", NULL);
  const char *directory = app->save_directory ? app->save_directory : g_file_test (downloads, G_FILE_TEST_IS_DIR) ? downloads : home;
  gsize n = strlen (home);

  if (n > 1 && strncmp (directory, home, n) == 0 && (directory[n] == '/' || !directory[n]))
    return g_strconcat ("~", directory + n, NULL);
  return g_strdup (directory);
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
  if (g_file_test (saving->path, G_FILE_TEST_IS_DIR))
    {
      g_autofree char *directory = g_steal_pointer (&saving->path);
      saving->path = g_build_filename (directory, saving->name, NULL);
    }
  remember_directory (saving->app, saving->path);
  if (!g_file_test (saving->path, G_FILE_TEST_EXISTS))
    {
      start_saving (saving);
      return;
    }
  question = g_strdup_printf ("%s is there already: overwrite it?", saving->path);
  saving->app->shell->ask (saving->app->shell_data, question, "yn", overwrite_answered, saving);
}

void
fm_cmd_save_part (FmApp *app, gint64 msg_id, const FmReadingPart *part)
{
  Saving *saving = g_new0 (Saving, 1);
  g_autofree char *directory = fm_cmd_save_directory (app);
  g_autofree char *initial = NULL;

  saving->app = app;
  saving->id = msg_id;
  saving->part = part ? (gint) part->index : -1;
  saving->name = part ? fm_export_name (part) : g_strdup ("message.eml");
  initial = g_strdup_printf ("%s%s%s", directory, g_str_has_suffix (directory, "/") ? "" : "/", saving->name);
  app->shell->prompt (app->shell_data, FM_PROMPT_PATH, part ? "save as: " : "save message as: ", initial, path_answered, saving);
}

static void
run_save (const FmCommandCall *call)
{
  gint64 id = fm_target_id (call);

  if (id)
    fm_cmd_save_part (call->app, id, NULL);
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
          fm_cmd_save_part (call->app, fm_reading_id (reading), part);
          return;
        }
    }
  fm_app_complain (call->app, seen == 0 ? "this message has no attachment" : "it has attachments 1 to %" G_GUINT64_FORMAT, seen);
}

/* --- through a command --- */

typedef struct {
  FmApp *app;
  gint64 id;
  gint part; /* -1: the whole message */
  char *command;
  char *made; /* a part's bytes, to be removed afterwards */
} Piping;

static void
piping_free (gpointer data)
{
  Piping *piping = data;

  if (piping->made)
    unlink (piping->made);
  g_free (piping->made);
  g_free (piping->command);
  g_free (piping);
}

static gpointer
pipe_run (FmStoreReader *reader, FmCancel *cancel, gpointer data, GError **error)
{
  Piping *piping = data;
  int fd;
  gboolean good;

  if (piping->part < 0)
    {
      g_autofree char *path = NULL;
      g_autoptr (FmMessage) message = fm_reading_open_stored (reader, piping->id, &path, error);
      return message ? g_steal_pointer (&path) : NULL;
    }
  if (piping->made)
    unlink (piping->made); /* of an earlier try */
  g_clear_pointer (&piping->made, g_free);
  if ((fd = g_file_open_tmp ("fulmar-XXXXXX", &piping->made, error)) < 0)
    return NULL;
  good = fm_export_to_fd (reader, piping->id, piping->part, fd, error);
  close (fd);
  return good ? g_strdup (piping->made) : NULL;
}

static void
pipe_ended (const char *answer, gpointer data)
{
  Piping *piping = data;

  if (answer && strcmp (answer, "0") != 0)
    fm_app_complain (piping->app, "the command ended with status %s", answer);
  piping_free (piping);
}

/* The user's own line, with the message on its standard input; the path goes as an argument, never into the line. The file that was made for it
 * goes along. */
static void
pipe_done (gpointer result, const GError *error, gpointer data)
{
  Piping *piping = data;
  g_autofree char *path = result;
  g_autofree char *line = g_strdup_printf ("{ %s\n} <\"$1\"" FM_APP_WAIT_FOR_ENTER, piping->command);
  const char *argv[] = { "/bin/sh", "-c", line, "sh", path, NULL };

  if (path)
    {
      Piping *running = g_new0 (Piping, 1);
      running->app = piping->app;
      running->made = g_steal_pointer (&piping->made);
      piping->app->shell->run (piping->app->shell_data, argv, pipe_ended, running);
    }
  else
    fm_app_complain (piping->app, "%s", error->message);
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
  fm_body_wait_run (
      piping->app,
      &(FmBodyWaitJob){
          .what = "pipe", .ids = &piping->id, .n = 1, .run = pipe_run, .done = pipe_done, .data = piping, .free_data = piping_free });
}

void
fm_cmd_save_pipe (FmApp *app, gint64 msg_id, gint part, const char *command)
{
  Piping *piping = g_new0 (Piping, 1);

  piping->app = app;
  piping->id = msg_id;
  piping->part = part;
  if (*command)
    pipe_answered (command, piping);
  else
    app->shell->prompt (app->shell_data, FM_PROMPT_TEXT, part < 0 ? "pipe message to command: " : "pipe part to command: ", "",
                        pipe_answered, piping);
}

static void
run_pipe (const FmCommandCall *call)
{
  gint64 id = fm_target_id (call);

  if (id)
    fm_cmd_save_pipe (call->app, id, -1, call->argument);
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

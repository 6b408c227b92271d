/* The parts of a message: listed in its place, each read in the pager, saved (one, the tagged, all) or handed to a command. Many at once go into a
 * directory under their own names, made safe; a name that is taken gets a number, so that nothing is ever overwritten unasked. */
#include "app/app-private.h"
#include "app/commands.h"
#include "app/export.h"
#include "app/parts-private.h"
#include "app/reading-private.h"
#include <fulmar/base/paths.h>
#include <string.h>

static void
run_attachments (const FmCommandCall *call)
{
  FmApp *app = call->app;
  gint64 id = fm_list_total (app->list) > 0 ? fm_list_cursor_id (app->list) : 0;

  if (call->context == FM_CONTEXT_LIST && id && (!app->reading || fm_reading_id (app->reading) != id))
    fm_app_preview_message (app, id);
  if (!app->reading)
    {
      fm_app_say (app, "there is no message here");
      return;
    }
  if (fm_reading_part (app->reading) >= 0)
    fm_reading_set_part (app->reading, -1);
  if (!app->parts)
    app->parts = fm_parts_new (app);
  app->shell->act (app->shell_data, FM_SHELL_ATTACHMENTS, 0);
  fm_app_changed (app, FM_CHANGE_READING);
}

/* The part under the cursor, or NULL: said. */
static const FmReadingPart *
this_part (FmApp *app)
{
  FmPartLine line;

  if (app->parts && fm_parts_line (app->parts, fm_parts_cursor (app->parts), &line))
    return line.part;
  fm_app_say (app, "the message is not here yet");
  return NULL;
}

static void
run_view (const FmCommandCall *call)
{
  const FmReadingPart *part = this_part (call->app);

  if (!part)
    return;
  fm_parts_set_cursor (call->app->parts, fm_parts_cursor (call->app->parts)); /* it stays there for the way back */
  fm_reading_set_part (call->app->reading, (gint) part->index);
  fm_app_changed (call->app, FM_CHANGE_READING);
}

static void
run_tag (const FmCommandCall *call)
{
  if (call->app->parts)
    fm_parts_toggle_tag (call->app->parts);
  fm_app_changed (call->app, FM_CHANGE_READING);
}

static void
run_prefix (const FmCommandCall *call)
{
  FmApp *app = call->app;

  if (!app->parts || fm_parts_tagged_count (app->parts) == 0)
    {
      fm_app_complain (app, "no part is tagged (t tags one)");
      return;
    }
  app->tag_prefix = !app->tag_prefix;
  fm_app_changed (app, FM_CHANGE_STATUS);
}

static void
run_pipe (const FmCommandCall *call)
{
  const FmReadingPart *part = this_part (call->app);

  if (part)
    fm_cmd_save_pipe (call->app, fm_reading_id (call->app->reading), (gint) part->index, call->argument);
}

/* --- many at once --- */

typedef struct {
  FmApp *app;
  gint64 id;
  GArray *indexes;  /* gint */
  GPtrArray *names; /* char* */
  char *directory;
  guint saved, renamed;
} Saving;

static void
saving_free (gpointer data)
{
  Saving *saving = data;

  g_array_unref (saving->indexes);
  g_ptr_array_unref (saving->names);
  g_free (saving->directory);
  g_free (saving);
}

static gpointer
save_run (FmStoreReader *reader, FmCancel *cancel, gpointer data, GError **error)
{
  Saving *saving = data;

  for (guint i = 0; i < saving->indexes->len; i++)
    {
      const char *wanted = g_ptr_array_index (saving->names, i);
      g_autofree char *name
          = fm_cancel_check (cancel, error)
                ? fm_export_to_directory (reader, saving->id, g_array_index (saving->indexes, gint, i), saving->directory, wanted, error)
                : NULL;
      if (!name)
        return NULL;
      saving->saved++;
      saving->renamed += strcmp (name, wanted) != 0;
    }
  return GINT_TO_POINTER (1);
}

static void
save_done (gpointer result, const GError *error, gpointer data)
{
  const Saving *saving = data;

  if (!result)
    fm_app_complain (saving->app, "%u of %u saved, then: %s", saving->saved, saving->indexes->len, error->message);
  else if (saving->renamed > 0)
    fm_app_say (saving->app, "saved %u in %s, %u under a new name since theirs was taken", saving->saved, saving->directory,
                saving->renamed);
  else
    fm_app_say (saving->app, "saved %u in %s", saving->saved, saving->directory);
}

static void
directory_answered (const char *answer, gpointer data)
{
  Saving *saving = data;

  saving->directory = answer && *answer ? fm_paths_expand (answer) : NULL;
  if (saving->directory && g_file_test (saving->directory, G_FILE_TEST_IS_DIR))
    {
      g_free (saving->app->save_directory);
      saving->app->save_directory = g_strdup (saving->directory);
      fm_engine_compute (saving->app->engine, save_run, save_done, saving, saving_free);
      return;
    }
  if (saving->directory)
    fm_app_complain (saving->app, "there is no directory %s: nothing was saved", saving->directory);
  saving_free (saving);
}

/* TAGGED, or all attachments (all that has content, where nothing is an attachment). */
static Saving *
collect (FmApp *app, gboolean tagged)
{
  Saving *saving = g_new0 (Saving, 1);
  FmPartLine line;

  saving->app = app;
  saving->id = fm_reading_id (app->reading);
  saving->indexes = g_array_new (FALSE, FALSE, sizeof (gint));
  saving->names = g_ptr_array_new_with_free_func (g_free);
  for (int pass = 0; pass < 2 && saving->indexes->len == 0; pass++)
    for (guint i = 0; fm_parts_line (app->parts, i, &line); i++)
      if (line.part->is_leaf && (tagged ? line.tagged : pass == 1 || line.part->is_attachment))
        {
          gint index = (gint) line.part->index;
          g_array_append_val (saving->indexes, index);
          g_ptr_array_add (saving->names, fm_export_name (line.part));
        }
  return saving;
}

static void
save_many (FmApp *app, gboolean tagged)
{
  Saving *saving = collect (app, tagged);
  g_autofree char *directory = fm_cmd_save_directory (app);
  g_autofree char *label = g_strdup_printf ("save %u part%s in: ", saving->indexes->len, saving->indexes->len == 1 ? "" : "s");

  app->tag_prefix = FALSE;
  if (saving->indexes->len == 0)
    {
      fm_app_complain (app, "there is nothing to save");
      saving_free (saving);
      return;
    }
  if (tagged)
    fm_parts_untag_all (app->parts);
  fm_app_changed (app, FM_CHANGE_READING | FM_CHANGE_STATUS);
  app->shell->prompt (app->shell_data, FM_PROMPT_PATH, label, directory, directory_answered, saving);
}

static void
run_save (const FmCommandCall *call)
{
  FmApp *app = call->app;
  const FmReadingPart *part = this_part (app);

  if (!part)
    return;
  if (app->tag_prefix)
    save_many (app, TRUE);
  else if (part->is_leaf)
    fm_cmd_save_part (app, fm_reading_id (app->reading), part);
  else
    fm_app_say (app, "this part only holds others: save these");
}

static void
run_save_all (const FmCommandCall *call)
{
  if (this_part (call->app))
    save_many (call->app, FALSE);
}

#define PARTS FM_CONTEXT_ATTACHMENTS

const FmCommand fm_cmd_part_commands[] = {
  { .name = "attachments",
    .help = "list the parts of the message",
    .hint = "parts",
    .default_keys = "v",
    .contexts = FM_CONTEXT_LIST | FM_CONTEXT_PAGER,
    .run = run_attachments },
  { .name = "part-view", .help = "read the part in the pager", .contexts = PARTS, .run = run_view },
  { .name = "part-save",
    .help = "save the part as a file",
    .hint = "save",
    .default_keys = "s",
    .contexts = PARTS,
    .repeats_on_tagged = TRUE,
    .run = run_save },
  { .name = "part-save-all",
    .help = "save all attachments in a directory",
    .hint = "save all",
    .default_keys = "S",
    .contexts = PARTS,
    .run = run_save_all },
  { .name = "part-pipe",
    .help = "pipe the part to a command",
    .hint = "pipe",
    .arguments = "[COMMAND-LINE]",
    .default_keys = "|",
    .contexts = PARTS,
    .run = run_pipe },
  { .name = "part-tag", .help = "tag the part", .hint = "tag", .default_keys = "t", .contexts = PARTS, .run = run_tag },
  { .name = "part-tag-prefix",
    .help = "apply the next command to the tagged parts",
    .default_keys = ";",
    .contexts = PARTS,
    .run = run_prefix },
  { NULL },
};

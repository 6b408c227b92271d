/* An editor's save is several events (truncate, write, rename): the file is read once they have been quiet for a moment, on a pool thread, since
 * a home directory may be far away. A file that is gone or unreadable for now changes nothing. */
#include "app/config-watch.h"
#include "app/app-private.h"
#include "app/folders-private.h"
#include "app/search-counts.h"
#include <gio/gio.h>

#define QUIET_MS 300

struct FmConfigWatch {
  FmApp *app;
  GFile *file;
  GFileMonitor *monitor;
  guint timer;
  guint64 request;
};

/* POP accounts hear of it at once; the session that follows says what a stricter `leave` will delete. RET_TEXT: what was changed, or NULL. */
static char *
take_policies (FmApp *app, FmConfig *fresh)
{
  g_autoptr (GPtrArray) changed = fm_config_policy_take (app->config, fresh);
  GString *names = g_string_new (NULL);

  for (guint i = 0; i < changed->len; i++)
    {
      FmAccountSpec *spec = g_ptr_array_index (changed, i);
      fm_engine_set_policy (app->engine, spec);
      g_string_append_printf (names, "%s%s", names->len ? ", " : "", spec->name);
    }
  return g_string_free (names, names->len == 0);
}

gboolean
fm_config_watch_complain (FmApp *app, const FmConfig *config)
{
  GPtrArray *problems = fm_config_problems (config);
  const FmConfigProblem *first = problems->len ? g_ptr_array_index (problems, 0) : NULL;

  if (!first)
    return FALSE;
  if (problems->len == 1)
    fm_app_complain (app, "config line %u: %s", first->line, first->message);
  else
    fm_app_complain (app, "config line %u: %s (and %u more)", first->line, first->message, problems->len - 1);
  return TRUE;
}

static void
say_result (FmApp *app, FmConfig *fresh)
{
  g_autofree char *policies = take_policies (app, fresh);

  if (fm_config_watch_complain (app, fresh))
    return;
  if (policies)
    fm_app_say (
        app,
        "the config has been read again: leave, size_limit, offline and poll of %s are in force; all else of accounts at the next start",
        policies);
  else
    fm_app_say (app, "the config has been read again; accounts change at the next start");
}

typedef struct {
  FmConfigWatch *watch;
  char *path;
} Reload;

static gpointer
reload_run (FmStoreReader *reader, FmCancel *cancel, gpointer data, GError **error)
{
  const char *path = ((Reload *) data)->path;

  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    {
      g_set_error (error, FM_ERROR, FM_ERROR_NOT_FOUND, "%s is not there", path);
      return NULL;
    }
  return fm_config_load (path);
}

static void
reload_done (gpointer result, const GError *error, gpointer data)
{
  Reload *reload = data;
  FmConfig *fresh = result;
  FmApp *app;

  if (!fresh || g_error_matches (error, FM_ERROR, FM_ERROR_CANCELLED))
    {
      fm_config_free (fresh);
      return;
    }
  app = reload->watch->app;
  reload->watch->request = 0;
  fm_config_take_ui (app->config, fresh);
  say_result (app, fresh);
  fm_config_free (fresh);
  fm_folders_reload (app->folders);
  fm_search_counts_stale (app->search_counts);
  fm_app_changed (app, FM_CHANGE_SETTINGS | FM_CHANGE_LIST | FM_CHANGE_READING | FM_CHANGE_FOLDERS);
}

static void
reload_free (gpointer data)
{
  Reload *reload = data;

  g_free (reload->path);
  g_free (reload);
}

static gboolean
quiet (gpointer data)
{
  FmConfigWatch *watch = data;
  Reload *reload = g_new0 (Reload, 1);

  watch->timer = 0;
  reload->watch = watch;
  reload->path = g_strdup (fm_config_path (watch->app->config));
  watch->request = fm_engine_compute (watch->app->engine, reload_run, reload_done, reload, reload_free);
  return G_SOURCE_REMOVE;
}

static void
changed (GFileMonitor *monitor, GFile *file, GFile *other, GFileMonitorEvent event, gpointer data)
{
  FmConfigWatch *watch = data;

  if (watch->timer)
    g_source_remove (watch->timer);
  watch->timer = g_timeout_add (QUIET_MS, quiet, watch);
}

FmConfigWatch *
fm_config_watch_new (FmApp *app)
{
  FmConfigWatch *watch = g_new0 (FmConfigWatch, 1);

  watch->app = app;
  watch->file = g_file_new_for_path (fm_config_path (app->config));
  watch->monitor = g_file_monitor_file (watch->file, G_FILE_MONITOR_WATCH_MOVES, NULL, NULL);
  if (watch->monitor)
    g_signal_connect (watch->monitor, "changed", G_CALLBACK (changed), watch);
  return watch;
}

void
fm_config_watch_free (FmConfigWatch *watch)
{
  if (!watch)
    return;
  if (watch->timer)
    g_source_remove (watch->timer);
  if (watch->request)
    fm_engine_cancel (watch->app->engine, watch->request);
  if (watch->monitor)
    {
      g_signal_handlers_disconnect_by_data (watch->monitor, watch);
      g_object_unref (watch->monitor);
    }
  g_object_unref (watch->file);
  g_free (watch);
}

/* Settings while running; they last until the program ends or the file is read again. */
#include "app/app-private.h"
#include "app/commands.h"
#include <string.h>

static void
run_set (const FmCommandCall *call)
{
  g_autoptr (GError) error = NULL;
  const char *equals = strchr (call->argument, '=');
  g_autofree char *name = NULL, *value = NULL;

  if (!equals)
    {
      if (!fm_config_setting_help (call->argument))
        fm_app_complain (call->app, "write set NAME=VALUE, or set NAME to see it");
      else
        fm_app_say (call->app, "%s = %s (%s)", call->argument, fm_config_get (call->app->config, call->argument),
                    fm_config_setting_help (call->argument));
      return;
    }
  name = g_strstrip (g_strndup (call->argument, equals - call->argument));
  value = g_strstrip (g_strdup (equals + 1));
  if (!fm_config_set (call->app->config, name, value, &error))
    {
      fm_app_complain (call->app, "%s", error->message);
      return;
    }
  fm_app_say (call->app, "%s = %s", name, fm_config_get (call->app->config, name));
  fm_app_changed (call->app, FM_CHANGE_SETTINGS | FM_CHANGE_LIST | FM_CHANGE_READING);
}

const FmCommand fm_cmd_set_commands[] = {
  { .name = "set", .help = "show or change a setting", .arguments = "NAME=VALUE", .contexts = FM_CONTEXT_ALL, .run = run_set },
  { NULL },
};

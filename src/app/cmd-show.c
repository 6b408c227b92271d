/* How the message is shown: headers, source, text or HTML. */
#include "app/app-private.h"
#include "app/commands.h"
#include "app/reading-private.h"

static FmReading *
need_reading (const FmCommandCall *call)
{
  if (!call->app->reading)
    fm_app_complain (call->app, "no message is open");
  return call->app->reading;
}

static void
run_headers (const FmCommandCall *call)
{
  FmReading *reading = need_reading (call);

  if (reading)
    fm_reading_set_all_headers (reading, !fm_reading_all_headers (reading));
}

static void
run_source (const FmCommandCall *call)
{
  FmReading *reading = need_reading (call);

  if (reading)
    fm_reading_set_mode (reading, fm_reading_mode (reading) == FM_SHOW_SOURCE ? FM_SHOW_BEST : FM_SHOW_SOURCE);
}

static void
run_html (const FmCommandCall *call)
{
  FmReading *reading = need_reading (call);
  const char *prefer = fm_config_get (call->app->config, "prefer");
  gboolean html_now;

  if (!reading)
    return;
  html_now = fm_reading_mode (reading) == FM_SHOW_HTML || (fm_reading_mode (reading) == FM_SHOW_BEST && *prefer == 'h');
  fm_reading_set_mode (reading, html_now ? FM_SHOW_TEXT : FM_SHOW_HTML);
  fm_app_say (call->app, html_now ? "showing the text" : "showing the HTML");
}

const FmCommand fm_cmd_show_commands[] = {
  { .name = "headers",
    .help = "show all headers, or the few",
    .default_keys = "h",
    .contexts = FM_CONTEXT_LIST | FM_CONTEXT_PAGER,
    .run = run_headers },
  { .name = "source",
    .help = "show the message as it was received",
    .default_keys = "e",
    .contexts = FM_CONTEXT_LIST | FM_CONTEXT_PAGER,
    .run = run_source },
  { .name = "toggle-html",
    .help = "show the text or the HTML alternative",
    .default_keys = "<Esc>h",
    .contexts = FM_CONTEXT_PAGER,
    .run = run_html },
  { NULL },
};

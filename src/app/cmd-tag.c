/* Tag-then-apply, as mutt's fingers know it: mark messages with t, by pattern with T, by thread with Esc t; `;` sends the next command to all
 * of them. (These marks live in the list; `tag:` words in a query are flags and keywords.) */
#include "app/app-private.h"
#include "app/commands.h"
#include "app/list-private.h"
#include <fulmar/base/clock.h>
#include <fulmar/mail/query.h>

static void
say_count (FmApp *app)
{
  guint n = fm_list_tagged_count (app->list);

  fm_app_say (app, n == 0 ? "nothing is tagged" : n == 1 ? "1 message is tagged" : "%u messages are tagged", n);
  fm_app_changed (app, FM_CHANGE_LIST);
}

static void
run_tag (const FmCommandCall *call)
{
  FmList *list = call->app->list;
  gint64 id = fm_target_id (call);

  if (!id)
    return;
  fm_list_tag (list, id, !fm_list_is_tagged (list, id));
  if (fm_config_get_bool (call->app->config, "resolve"))
    fm_list_step (list, 1);
  fm_app_changed (call->app, FM_CHANGE_LIST);
}

static void
run_tag_thread (const FmCommandCall *call)
{
  gint64 id = fm_target_id (call);
  g_autoptr (GArray) ids = NULL;

  if (!id)
    return;
  ids = fm_list_thread_ids (call->app->list, id);
  fm_list_tag_all (call->app->list, (const gint64 *) (void *) ids->data, ids->len, !fm_list_is_tagged (call->app->list, id));
  say_count (call->app);
}

/* --- by pattern --- */

typedef struct {
  FmApp *app;
  FmList *list;
  gboolean on;
} Tagging;

static void
tag_batch (FmApp *app, const FmEvent *event, gpointer data)
{
  Tagging *tagging = data;

  if (app->list != tagging->list)
    return;
  if (event->kind == FM_EVENT_SEARCH_BATCH && event->ids)
    fm_list_tag_all (app->list, (const gint64 *) (void *) event->ids->data, event->ids->len, tagging->on);
  else if (event->kind == FM_EVENT_DONE)
    say_count (app);
  else if (event->kind == FM_EVENT_FAILED)
    fm_app_complain (app, "%s", event->error->message);
}

static void
tag_matching (FmApp *app, const char *text, gboolean on)
{
  g_autoptr (FmQuery) query = fm_app_parse_query (app, text);
  Tagging *tagging;

  if (!query)
    return;
  tagging = g_new0 (Tagging, 1);
  tagging->app = app;
  tagging->list = app->list;
  tagging->on = on;
  fm_app_expect (app, fm_engine_search (app->engine, query, fm_list_folder (app->list)), tag_batch, tagging, g_free);
}

static void
tag_answered (const char *answer, gpointer data)
{
  if (answer && *answer)
    tag_matching (data, answer, TRUE);
}

static void
untag_answered (const char *answer, gpointer data)
{
  if (answer && *answer)
    tag_matching (data, answer, FALSE);
}

static void
run_tag_pattern (const FmCommandCall *call)
{
  if (*call->argument)
    tag_matching (call->app, call->argument, TRUE);
  else
    call->app->shell->prompt (call->app->shell_data, FM_PROMPT_SEARCH, "tag messages matching: ", "", tag_answered, call->app);
}

static void
run_untag_pattern (const FmCommandCall *call)
{
  if (*call->argument)
    tag_matching (call->app, call->argument, FALSE);
  else
    call->app->shell->prompt (call->app->shell_data, FM_PROMPT_SEARCH, "untag messages matching: ", "", untag_answered, call->app);
}

static void
run_prefix (const FmCommandCall *call)
{
  FmApp *app = call->app;

  if (fm_list_tagged_count (app->list) == 0)
    {
      fm_app_complain (app, "no message is tagged (t tags one)");
      return;
    }
  app->tag_prefix = !app->tag_prefix;
  if (app->tag_prefix)
    fm_app_say (app, "the next command goes to %u tagged", fm_list_tagged_count (app->list));
  fm_app_changed (app, FM_CHANGE_STATUS);
}

const FmCommand fm_cmd_tag_commands[] = {
  { .name = "tag",
    .help = "tag the message",
    .hint = "tag",
    .default_keys = "t",
    .contexts = FM_CONTEXT_LIST | FM_CONTEXT_PAGER,
    .run = run_tag },
  { .name = "tag-thread",
    .help = "tag the whole thread",
    .default_keys = "<Esc>t",
    .contexts = FM_CONTEXT_LIST | FM_CONTEXT_PAGER,
    .run = run_tag_thread },
  { .name = "tag-pattern",
    .help = "tag what matches a query",
    .arguments = "[QUERY]",
    .default_keys = "T",
    .contexts = FM_CONTEXT_LIST,
    .run = run_tag_pattern },
  { .name = "untag-pattern",
    .help = "untag what matches a query",
    .arguments = "[QUERY]",
    .default_keys = "<C-t>",
    .contexts = FM_CONTEXT_LIST,
    .run = run_untag_pattern },
  { .name = "tag-prefix",
    .help = "apply the next command to the tagged messages",
    .default_keys = ";",
    .contexts = FM_CONTEXT_LIST,
    .run = run_prefix },
  { NULL },
};

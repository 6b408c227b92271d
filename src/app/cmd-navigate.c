/* Moving the cursor through the message list. */
#include "app/app-private.h"
#include "app/commands.h"
#include "app/list-private.h"

static void
moved (FmApp *app)
{
  fm_app_changed (app, FM_CHANGE_LIST);
}

/* In the pager a new cursor means a new message to read. */
static void
follow (const FmCommandCall *call)
{
  gint64 id = fm_list_cursor_id (call->app->list);

  moved (call->app);
  if (call->context == FM_CONTEXT_PAGER && id)
    fm_app_open_message (call->app, id);
}

static void
step (const FmCommandCall *call, int direction)
{
  guint64 before = fm_list_cursor (call->app->list);

  fm_list_step (call->app->list, (gint64) direction * MAX (call->count, 1));
  if (fm_list_cursor (call->app->list) == before)
    fm_app_say (call->app, direction > 0 ? "this is the last message" : "this is the first message");
  follow (call);
}

static void
run_next (const FmCommandCall *call)
{
  step (call, 1);
}

static void
run_previous (const FmCommandCall *call)
{
  step (call, -1);
}

static void
run_first (const FmCommandCall *call)
{
  fm_list_set_cursor (call->app->list, 0);
  follow (call);
}

static void
run_last (const FmCommandCall *call)
{
  guint64 total = fm_list_total (call->app->list);

  fm_list_set_cursor (call->app->list, total ? total - 1 : 0);
  follow (call);
}

static void
run_jump (const FmCommandCall *call)
{
  guint64 position = call->count, total = fm_list_total (call->app->list);

  if (*call->argument && !g_ascii_string_to_unsigned (call->argument, 10, 1, G_MAXUINT32, &position, NULL))
    {
      fm_app_complain (call->app, "`%s` is no message number", call->argument);
      return;
    }
  if (position < 1 || position > total)
    {
      fm_app_complain (call->app, "there are messages 1 to %" G_GUINT64_FORMAT, total);
      return;
    }
  fm_list_set_cursor (call->app->list, position - 1);
  follow (call);
}

static void
unread (const FmCommandCall *call, gboolean backwards)
{
  guint64 position;

  if (!fm_list_find_unread (call->app->list, backwards, &position))
    {
      fm_app_say (call->app, "no unread message here");
      return;
    }
  fm_list_set_cursor (call->app->list, position);
  follow (call);
}

static void
run_next_unread (const FmCommandCall *call)
{
  unread (call, FALSE);
}

static void
run_previous_unread (const FmCommandCall *call)
{
  unread (call, TRUE);
}

static void
thread (const FmCommandCall *call, gboolean backwards)
{
  guint64 position;

  if (!fm_list_thread_find (call->app->list, backwards, &position))
    {
      fm_app_say (call->app, backwards ? "this is the first thread" : "this is the last thread");
      return;
    }
  fm_list_set_cursor (call->app->list, position);
  follow (call);
}

static void
run_next_thread (const FmCommandCall *call)
{
  thread (call, FALSE);
}

static void
run_previous_thread (const FmCommandCall *call)
{
  thread (call, TRUE);
}

static void
run_open (const FmCommandCall *call)
{
  gint64 id = fm_list_cursor_id (call->app->list);

  if (!id)
    {
      fm_app_say (call->app, "there is no message here");
      return;
    }
  fm_app_open_message (call->app, id);
  call->app->shell->act (call->app->shell_data, FM_SHELL_FOCUS_PAGER, 0);
}

#define BOTH (FM_CONTEXT_LIST | FM_CONTEXT_PAGER)

const FmCommand fm_cmd_navigate_commands[] = {
  { .name = "next", .help = "go to the next message", .default_keys = "j", .contexts = FM_CONTEXT_LIST, .run = run_next },
  { .name = "previous", .help = "go to the previous message", .default_keys = "k", .contexts = FM_CONTEXT_LIST, .run = run_previous },
  { .name = "next-message", .help = "read the next message", .default_keys = "J j", .contexts = FM_CONTEXT_PAGER, .run = run_next },
  { .name = "previous-message",
    .help = "read the previous message",
    .default_keys = "K k",
    .contexts = FM_CONTEXT_PAGER,
    .run = run_previous },
  { .name = "first", .help = "go to the first message", .default_keys = "<equal>", .contexts = BOTH, .run = run_first },
  { .name = "last", .help = "go to the last message", .default_keys = "*", .contexts = BOTH, .run = run_last },
  { .name = "jump",
    .help = "go to the message of that number (digits, then this)",
    .arguments = "NUMBER",
    .contexts = BOTH,
    .run = run_jump },
  { .name = "next-unread",
    .help = "go to the next unread message",
    .hint = "unread",
    .default_keys = "<Tab>",
    .contexts = BOTH,
    .run = run_next_unread },
  { .name = "previous-unread",
    .help = "go to the previous unread message",
    .default_keys = "<Esc><Tab>",
    .contexts = BOTH,
    .run = run_previous_unread },
  { .name = "next-thread", .help = "go to the next thread", .default_keys = "<C-n>", .contexts = BOTH, .run = run_next_thread },
  { .name = "previous-thread", .help = "go to the previous thread", .default_keys = "<C-p>", .contexts = BOTH, .run = run_previous_thread },
  { .name = "open",
    .help = "read the message",
    .contexts = FM_CONTEXT_LIST,
    .run = run_open,
    .effect_imap = "fetched if it is not here, and marked read (\\Seen) unless mark_read is off",
    .effect_gmail = "likewise",
    .effect_pop = "marked read here; the server keeps no such mark",
    .effect_local = "marked read, in the file's name" },
  { NULL },
};

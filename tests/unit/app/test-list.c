/* The list's model over a real store: an engine reads a mail tree, and the list follows what arrives and what the user does. */
#include "app/app-private.h"
#include "app/list-model.h"
#include <fulmar/app/app.h>
#include <fulmar/base/clock.h>
#include <fulmar/index/index-worker.h>
#include <fulmar/mail/flags.h>
#include <glib/gstdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define WAIT_MS 60000
#define N 40

typedef struct {
  char *dir;
  FmApp *app;
} Fixture;

static void
deliver (Fixture *f, guint number, gboolean seen)
{
  g_autofree char *name = g_strdup_printf ("%u.M%uP1.host%s", 1700000000 + number * 60, number, seen ? ":2,S" : "");
  g_autofree char *tmp = g_build_filename (f->dir, "Mail/INBOX/tmp", name, NULL);
  g_autofree char *path = g_build_filename (f->dir, "Mail/INBOX", seen ? "cur" : "new", name, NULL);
  g_autoptr (GDateTime) date = g_date_time_new_from_unix_utc (1700000000 + number * 60);
  g_autofree char *when = g_date_time_format (date, "%a, %d %b %Y %H:%M:%S +0000");
  g_autofree char *parent = number % 4 != 0 ? g_strdup_printf ("References: <m%u@x>\n", number - number % 4) : g_strdup ("");
  g_autofree char *text
      = g_strdup_printf ("From: Sender <s%u@x.org>\nTo: ada@x.org\nSubject: letter %u\nDate: %s\nMessage-ID: <m%u@x>\n%s\nbody\n", number,
                         number, when, number, parent);
  assert_true (g_file_set_contents (tmp, text, -1, NULL));
  assert_int_equal (g_rename (tmp, path), 0);
}

/* Runs the loop until TRUE. */
#define WAIT_FOR(condition)                           \
  G_STMT_START                                        \
  {                                                   \
    gint64 deadline = fm_clock_deadline_us (WAIT_MS); \
    while (!(condition))                              \
      {                                               \
        if (fm_clock_remaining_ms (deadline) == 0)    \
          fail_msg ("never: %s", #condition);         \
        if (!g_main_context_iteration (NULL, FALSE))  \
          g_usleep (1000);                            \
      }                                               \
  }                                                   \
  G_STMT_END

static void
open_app (Fixture *f, gboolean threads)
{
  static const char *const parts[] = { "cur", "new", "tmp" };
  *f = (Fixture){ .dir = g_dir_make_tmp ("fulmar-list-XXXXXX", NULL) };
  for (guint i = 0; i < 6; i++)
    {
      g_autofree char *path = g_build_filename (f->dir, "Mail", i < 3 ? "INBOX" : "Filed", parts[i % 3], NULL);
      assert_int_equal (g_mkdir_with_parents (path, 0700), 0);
    }
  for (guint i = 0; i < N; i++)
    deliver (f, i, i % 10 != 5);
  g_autofree char *text = g_strdup_printf ("[account local]\naddress = ada@x.org\nmaildir = %s/Mail\n[ui]\nthreads = %s\n", f->dir,
                                           threads ? "true" : "false");
  g_autofree char *data = g_build_filename (f->dir, "data", NULL);
  FmAppOptions options = { .data_dir = data, .screen = TRUE };
  GError *error = NULL;
  f->app = fm_app_new (fm_config_parse (text, -1, "test"), &options, &error);
  if (f->app == NULL)
    fail_msg ("%s", error->message);
  fm_app_start (f->app, "local/INBOX");
  WAIT_FOR (fm_list_folder (fm_app_list (f->app)) != 0 && fm_list_total (fm_app_list (f->app)) == N
            && !fm_list_busy (fm_app_list (f->app)));
}

static void
close_app (Fixture *f)
{
  fm_app_free (f->app);
  const char *argv[] = { "rm", "-rf", "--", f->dir, NULL };
  g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL);
  g_free (f->dir);
}

static char *
subject_at (FmList *list, guint64 position)
{
  FmListLine line;
  assert_true (fm_list_line (list, position, &line));
  return g_strdup (line.row == NULL ? "" : line.row->subject);
}

static void
the_window_shows_rows (void **state)
{
  Fixture f;
  open_app (&f, FALSE);
  FmList *list = fm_app_list (f.app);
  FmListLine line;
  assert_string_equal (fm_list_title (list), "local/INBOX");
  fm_list_set_window (list, 0, 10);
  for (guint i = 0; i < N; i++)
    {
      g_autofree char *subject = subject_at (list, i), *wanted = g_strdup_printf ("letter %u", N - 1 - i);
      assert_string_equal (subject, wanted);
    }
  assert_false (fm_list_line (list, N, &line));
  assert_int_equal (fm_list_unread (list), N / 10);
  close_app (&f);
}

static void
the_cursor_stays_on_its_message (void **state)
{
  Fixture f;
  open_app (&f, FALSE);
  FmList *list = fm_app_list (f.app);
  fm_list_set_window (list, 0, 10);
  fm_list_set_cursor (list, 3);
  gint64 id = fm_list_cursor_id (list);
  assert_true (id > 0);
  deliver (&f, 1000, FALSE);
  deliver (&f, 1004, FALSE);
  WAIT_FOR (fm_list_total (list) == N + 2 && fm_list_cursor (list) == 5);
  assert_int_equal (fm_list_cursor_id (list), id);
  fm_list_step (list, 1000);
  assert_int_equal (fm_list_cursor (list), N + 1);
  fm_list_step (list, -1000);
  assert_int_equal (fm_list_cursor (list), 0);
  close_app (&f);
}

static void
unread_is_found_around_the_end (void **state)
{
  Fixture f;
  open_app (&f, FALSE);
  FmList *list = fm_app_list (f.app);
  guint64 at = 0;
  fm_list_set_window (list, 0, 10);
  fm_list_set_cursor (list, 0);
  WAIT_FOR (fm_list_find_unread (list, FALSE, &at));
  assert_int_equal (at, 4); /* letter 35 */
  fm_list_set_cursor (list, N - 1);
  assert_true (fm_list_find_unread (list, FALSE, &at));
  assert_int_equal (at, 4);
  fm_list_set_cursor (list, 0);
  assert_true (fm_list_find_unread (list, TRUE, &at));
  assert_int_equal (at, N - 6); /* letter 5 */
  close_app (&f);
}

/* An array that was ready before a new order, or a limit, was asked for. */
static void
an_answer_that_came_too_late_is_not_shown (void **state)
{
  Fixture f;
  open_app (&f, FALSE);
  FmList *list = fm_app_list (f.app);
  WAIT_FOR (list->positions != NULL && list->load_request == 0);
  fm_list_set_order (list, "date", FALSE);
  gint64 until = fm_clock_deadline_us (WAIT_MS);
  while (fm_port_length (f.app->port) == 0 && fm_clock_remaining_ms (until) > 0)
    g_usleep (1000);
  fm_list_set_order (list, "-date", FALSE);
  WAIT_FOR (list->positions != NULL);
  g_autofree char *first = subject_at (list, 0);
  assert_string_equal (first, "letter 39");
  close_app (&f);
}

/* Taking the limit off while its search still runs. */
static void
a_limit_that_was_taken_back_does_not_come (void **state)
{
  Fixture f;
  open_app (&f, FALSE);
  FmList *list = fm_app_list (f.app);
  fm_command_run_line (f.app, FM_CONTEXT_LIST, 0, "limit is:unread");
  assert_true (list->search_request != 0);
  fm_command_run_line (f.app, FM_CONTEXT_LIST, 0, "limit all");
  assert_false (fm_list_busy (list));
  WAIT_FOR (g_hash_table_size (f.app->replies) == 0);
  assert_null (list->limit);
  close_app (&f);
}

/* Folded, a thread is its root's line with the newest date; unread if anything in it is; read in the same frame as the last of it is. */
static void
a_folded_thread_speaks_for_all (void **state)
{
  Fixture f;
  open_app (&f, TRUE);
  FmList *list = fm_app_list (f.app);
  FmListLine line;
  WAIT_FOR (list->positions != NULL && list->load_request == 0);
  fm_command_run_line (f.app, FM_CONTEXT_LIST, 0, "fold-all");
  WAIT_FOR (fm_list_total (list) == N / 4 && list->load_request == 0);
  g_autofree char *subject = subject_at (list, 0);
  assert_string_equal (subject, "letter 36");
  assert_true (fm_list_line (list, 0, &line) && line.flags & FM_FLAG_SEEN);
  assert_int_equal (line.row->date_utc, 1700000000 + 39 * 60);
  assert_true (fm_list_line (list, 1, &line) && !(line.flags & FM_FLAG_SEEN) && line.row->flags & FM_FLAG_SEEN); /* 32, with 35 in it */
  assert_int_equal (line.row->date_utc, 1700000000 + 35 * 60);
  fm_list_set_cursor (list, 1);
  fm_command_run_line (f.app, FM_CONTEXT_LIST, 0, "read-thread");
  WAIT_FOR (fm_list_line (list, 1, &line) && line.flags & FM_FLAG_SEEN && list->load_request == 0);
  assert_int_equal (line.row->date_utc, 1700000000 + 35 * 60);
  fm_list_set_cursor (list, 1);
  fm_command_run_line (f.app, FM_CONTEXT_LIST, 0, "toggle-read");
  assert_true (fm_list_line (list, 1, &line) && !(line.flags & FM_FLAG_SEEN));
  WAIT_FOR (fm_list_line (list, 1, &line) && !line.pending && list->load_request == 0);
  assert_true (!(line.flags & FM_FLAG_SEEN) && line.row->date_utc == 1700000000 + 35 * 60);
  fm_list_set_cursor (list, 1);
  fm_command_run_line (f.app, FM_CONTEXT_LIST, 0, "toggle-read");
  assert_true (fm_list_line (list, 1, &line) && line.flags & FM_FLAG_SEEN);
  close_app (&f);
}

static guint64
cursor_after (Fixture *f, guint64 from, const char *command)
{
  FmList *list = fm_app_list (f->app);
  WAIT_FOR (list->positions != NULL && list->load_request == 0);
  fm_list_set_cursor (list, from);
  fm_command_run_line (f->app, FM_CONTEXT_LIST, 0, command);
  return fm_list_cursor (list);
}

/* From thread to thread, and on from what was acted on: by lines, of which a folded thread is one. */
static void
steps_are_lines (void **state)
{
  Fixture f;
  open_app (&f, TRUE);
  FmList *list = fm_app_list (f.app);
  assert_int_equal (cursor_after (&f, 5, "next-thread"), 8);
  assert_int_equal (cursor_after (&f, 8, "next-thread"), 12);
  assert_int_equal (cursor_after (&f, 5, "previous-thread"), 4);
  assert_int_equal (cursor_after (&f, 4, "previous-thread"), 0);
  assert_int_equal (cursor_after (&f, 0, "previous-thread"), 0);
  assert_int_equal (cursor_after (&f, N - 3, "next-thread"), N - 3);
  assert_int_equal (cursor_after (&f, 5, "read-thread"), 8);
  assert_int_equal (cursor_after (&f, 5, "star"), 6);
  assert_int_equal (cursor_after (&f, N - 4, "read-thread"), N - 1);
  fm_command_run_line (f.app, FM_CONTEXT_LIST, 0, "fold-all");
  WAIT_FOR (fm_list_total (list) == N / 4 && list->load_request == 0);
  assert_int_equal (cursor_after (&f, 1, "read-thread"), 2);
  assert_int_equal (cursor_after (&f, 2, "next-thread"), 3);
  assert_int_equal (cursor_after (&f, 3, "previous-thread"), 2);
  close_app (&f);
}

static void
hunt_for (Fixture *f, const char *query)
{
  g_free (f->app->last_search);
  f->app->last_search = g_strdup (query);
}

/* `n` moves the cursor when its answer is here: as many hits on as it was pressed, and only if the cursor was not moved meanwhile. */
static void
the_next_hit_comes_when_it_is_known (void **state)
{
  Fixture f;
  open_app (&f, FALSE);
  FmList *list = fm_app_list (f.app);
  WAIT_FOR (list->positions != NULL && list->load_request == 0);
  hunt_for (&f, "is:unread"); /* letters 35, 25, 15, 5 at 4, 14, 24, 34 */
  fm_command_run_line (f.app, FM_CONTEXT_LIST, 0, "search-next");
  assert_int_equal (fm_list_cursor (list), 0);
  WAIT_FOR (fm_list_cursor (list) == 4);
  for (guint i = 0; i < 3; i++)
    fm_command_run_line (f.app, FM_CONTEXT_LIST, 0, "search-next");
  WAIT_FOR (list->hunt == NULL);
  assert_int_equal (fm_list_cursor (list), 34);
  fm_command_run_line (f.app, FM_CONTEXT_LIST, 0, "search-next");
  fm_list_step (list, 2);
  WAIT_FOR (list->hunt == NULL && g_hash_table_size (f.app->replies) == 0);
  assert_int_equal (fm_list_cursor (list), 36);
  fm_command_run_line (f.app, FM_CONTEXT_LIST, 0, "search-next");
  fm_command_run_line (f.app, FM_CONTEXT_LIST, 0, "search-previous");
  WAIT_FOR (list->hunt == NULL && g_hash_table_size (f.app->replies) == 0);
  assert_int_equal (fm_list_cursor (list), 34);
  fm_command_run_line (f.app, FM_CONTEXT_LIST, 0, "search-next");
  close_app (&f);
}

/* What changes in the folder while it runs is no step of the user's, and while no array is there the pass loads its own. */
static void
the_next_hit_is_a_message_not_a_number (void **state)
{
  Fixture f;
  open_app (&f, TRUE);
  FmList *list = fm_app_list (f.app);
  WAIT_FOR (list->positions != NULL && list->load_request == 0);
  hunt_for (&f, "subject:\"letter 22\"");
  fm_list_set_order (list, "-date", TRUE);
  assert_null (list->positions);
  fm_command_run_line (f.app, FM_CONTEXT_LIST, 0, "search-next");
  deliver (&f, 1000, TRUE);
  WAIT_FOR (list->hunt == NULL && list->positions != NULL && list->load_request == 0 && fm_list_total (list) == N + 1);
  g_autofree char *subject = subject_at (list, fm_list_cursor (list));
  assert_string_equal (subject, "letter 22");
  close_app (&f);
}

static void
commands_are_sound (void **state)
{
  for (const FmCommand *const *command = fm_command_all (); *command != NULL; command++)
    {
      assert_ptr_equal (fm_command_find ((*command)->name), *command);
      assert_true ((*command)->help != NULL && *(*command)->help != '\0');
      assert_true ((*command)->contexts != 0 && (*command)->run != NULL);
      /* What it does is told for every kind of account, or it does nothing to any. */
      const char *told[] = { (*command)->effect_imap, (*command)->effect_gmail, (*command)->effect_pop, (*command)->effect_local };
      for (guint i = 0; i < G_N_ELEMENTS (told); i++)
        if ((told[i] != NULL) != (told[0] != NULL))
          fail_msg ("%s: what it does is told of some kinds of account only", (*command)->name);
    }
  static const char *const acting[]
      = { "delete", "delete-thread", "delete-pattern", "empty-trash", "empty-junk",  "move",          "copy",          "archive",
          "junk",   "star",          "flag",           "toggle-read", "read-thread", "create-folder", "rename-folder", "delete-folder",
          "undo",   "redo",          "send",           "postpone",    "compose",     "reply",         "forward",       "open" };
  for (guint i = 0; i < G_N_ELEMENTS (acting); i++)
    if (fm_command_find (acting[i])->effect_imap == NULL)
      fail_msg ("%s: what it does on a server is not told", acting[i]);
  assert_null (fm_command_find ("no-such-command"));
  Fixture f;
  open_app (&f, FALSE);
  g_auto (GStrv) names = fm_command_complete (f.app, FM_CONTEXT_LIST, "arch");
  assert_true (g_strv_contains ((const char *const *) names, "archive"));
  g_auto (GStrv) folders = fm_command_complete (f.app, FM_CONTEXT_LIST, "move local/Fi");
  assert_true (g_strv_contains ((const char *const *) folders, "move local/Filed"));
  close_app (&f);
}

int
main (int argc, char **argv)
{
  fm_index_worker_main (argc, argv);
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (the_window_shows_rows),
    cmocka_unit_test (the_cursor_stays_on_its_message),
    cmocka_unit_test (unread_is_found_around_the_end),
    cmocka_unit_test (an_answer_that_came_too_late_is_not_shown),
    cmocka_unit_test (a_limit_that_was_taken_back_does_not_come),
    cmocka_unit_test (a_folded_thread_speaks_for_all),
    cmocka_unit_test (steps_are_lines),
    cmocka_unit_test (the_next_hit_comes_when_it_is_known),
    cmocka_unit_test (the_next_hit_is_a_message_not_a_number),
    cmocka_unit_test (commands_are_sound),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}

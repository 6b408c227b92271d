/* Views and widgets drawn on a canvas and compared, row by row, with the files in tests/screen/expected. Run with FULMAR_UPDATE_EXPECTED=1 to write
 * them anew, and read the difference before committing it. */
#include "ui/help-text.h"
#include "ui/keymap.h"
#include "ui/smart-date.h"
#include "ui/view-folders.h"
#include "ui/view-list.h"
#include "ui/view-pager.h"
#include "ui/view-status.h"
#include "ui/widget-menu.h"
#include "ui/widget-prompt.h"
#include "ui/widget-text.h"
#include <fulmar/mail/flags.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define NOW G_GINT64_CONSTANT (1795257720) /* 2026-11-21 10:42 UTC */

static FmTheme *theme;

static void
assert_expected (const FmCanvas *canvas, const char *name)
{
  const char *dir = g_getenv ("srcdir");
  g_autofree char *path = g_strdup_printf ("%s/tests/screen/expected/%s.txt", dir ? dir : "..", name);
  g_autofree char *shown = fm_canvas_dump (canvas), *expected = NULL;
  if (g_getenv ("FULMAR_UPDATE_EXPECTED"))
    assert_true (g_file_set_contents (path, shown, -1, NULL));
  if (!g_file_get_contents (path, &expected, NULL, NULL))
    fail_msg ("%s is missing", path);
  assert_string_equal (shown, expected);
}

static FmViewFrame
frame_for (FmCanvas *canvas, gboolean focused)
{
  return (FmViewFrame){ canvas, theme, fm_canvas_rect (canvas), focused };
}

typedef struct {
  FmRow row;
  FmListLine line;
} Sample;

static const Sample samples[] = {
  { { .date_utc = NOW - 120, .size_bytes = 4000, .from = "Grace Hopper", .subject = "Re: nanoseconds", .attachments = 1 }, { .flags = 0 } },
  { { .date_utc = NOW - 5400, .size_bytes = 900, .from = "Alan Turing", .subject = "the imitation game", .depth = 1 },
    { .flags = FM_FLAG_SEEN | FM_FLAG_ANSWERED } },
  { { .date_utc = NOW - 5000,
      .size_bytes = 12000000,
      .from = "Радио Москва",
      .subject = "Привет, мир",
      .depth = 2,
      .is_last_child = TRUE,
      .open_levels = 2 },
    { .flags = FM_FLAG_SEEN | FM_FLAG_FORWARDED } },
  { { .date_utc = NOW - 4000,
      .size_bytes = 1500000,
      .from = "山田太郎",
      .subject = "会議の議事録について、とても長い件名がここに続きますので切られます",
      .depth = 1,
      .is_last_child = TRUE },
    { .flags = FM_FLAG_SEEN, .tagged = TRUE } },
  { { .date_utc = NOW - 86400, .size_bytes = 2048, .from = "Ada Lovelace", .subject = "Notes on the engine" },
    { .flags = FM_FLAG_SEEN | FM_FLAG_FLAGGED } },
  { { .date_utc = NOW - 86400 * 30,
      .size_bytes = 700,
      .from = "👨‍👩‍👧 Family ❤️",
      .subject = "🇩🇪 Grüße & e\u0301te\u0301" },
    { .flags = 0, .pending = TRUE } },
  { { .date_utc = NOW - 86400 * 400, .size_bytes = 50, .from = "", .subject = "" }, { .flags = FM_FLAG_SEEN, .gone = TRUE } },
  { { .date_utc = NOW, .from = "Thread", .subject = "folded", .folded = TRUE, .has_children = TRUE, .thread_count = 12 },
    { .flags = FM_FLAG_SEEN } },
  { { .date_utc = NOW, .from = "Deep", .subject = "deep down", .depth = 40, .is_last_child = TRUE, .open_levels = ~G_GUINT64_CONSTANT (0) },
    { .flags = FM_FLAG_SEEN } },
  { { .from = "", .subject = "" }, { .is_dummy = TRUE } },
};

static void
draw_list (int width, gboolean ascii, const char *name)
{
  g_autoptr (FmCanvas) canvas = fm_canvas_new (width, G_N_ELEMENTS (samples), ascii);
  FmViewFrame frame = frame_for (canvas, TRUE);
  FmViewList view = { .date_format = "smart", .now_utc = NOW };
  for (guint i = 0; i < G_N_ELEMENTS (samples); i++)
    {
      FmListLine line = samples[i].line;
      line.row = &samples[i].row;
      fm_view_list_draw_line (&view, &line, &frame, (int) i, i == 1, TRUE);
    }
  assert_expected (canvas, name);
}

static void
test_list (void **state)
{
  draw_list (99, FALSE, "list-99");
  draw_list (80, TRUE, "list-80-ascii");
  draw_list (40, FALSE, "list-40");
}

static void
test_folders (void **state)
{
  static const FmFolderLine lines[] = {
    { .kind = FM_FOLDER_LINE_ACCOUNT, .label = "work", .state = "pushed" },
    { .kind = FM_FOLDER_LINE_FOLDER, .depth = 0, .label = "INBOX", .unread = 3, .folder_id = 1, .is_current = TRUE },
    { .kind = FM_FOLDER_LINE_FOLDER, .depth = 0, .label = "Lists", .has_children = TRUE, .open = TRUE },
    { .kind = FM_FOLDER_LINE_FOLDER, .depth = 1, .label = "notmuch", .unread = 12, .has_children = TRUE },
    { .kind = FM_FOLDER_LINE_FOLDER, .depth = 1, .label = "a folder with a long name 日本語", .unread = 1234567 },
    { .kind = FM_FOLDER_LINE_HEADING, .label = "Searches" },
    { .kind = FM_FOLDER_LINE_SEARCH, .label = "Unread", .unread = 15 },
  };
  g_autoptr (FmCanvas) canvas = fm_canvas_new (20, G_N_ELEMENTS (lines), FALSE);
  FmViewFrame frame = frame_for (canvas, TRUE);
  for (guint i = 0; i < G_N_ELEMENTS (lines); i++)
    fm_view_folders_draw_line (&lines[i], &frame, (int) i, i == 3);
  assert_expected (canvas, "folders-20");
}

static FmDoc *
sample_doc (void)
{
  FmDocBuilder *builder = fm_doc_builder_new ();
  fm_doc_builder_header (builder, "From", "Grace Hopper <grace@example.org>");
  fm_doc_builder_header (builder, "Subject", "Re: nanoseconds");
  fm_doc_builder_begin (builder, &(FmDocShape){ .kind = FM_DOC_PARAGRAPH, .blank_before = TRUE });
  fm_doc_builder_text (builder,
                       "A nanosecond is a piece of wire, 11.8 inches long: the maximum distance electricity can travel in a billionth of a "
                       "second. 日本語も。",
                       -1, 0, 0);
  fm_doc_builder_begin (builder, &(FmDocShape){ .kind = FM_DOC_PARAGRAPH, .quote_level = 1, .blank_before = TRUE });
  fm_doc_builder_text (builder, "What is a nanosecond, and why do you carry one in your bag?", -1, 0, 0);
  fm_doc_builder_begin (builder, &(FmDocShape){ .kind = FM_DOC_PARAGRAPH, .quote_level = 2 });
  fm_doc_builder_text (builder, "She hands them out.", -1, 0, 0);
  for (int i = 1; i <= 30; i++)
    {
      g_autofree char *text = g_strdup_printf ("Paragraph %d of the answer.", i);
      fm_doc_builder_begin (builder, &(FmDocShape){ .kind = FM_DOC_PARAGRAPH, .blank_before = TRUE });
      fm_doc_builder_text (builder, text, -1, 0, 0);
    }
  return fm_doc_builder_finish (builder);
}

static void
test_pager (void **state)
{
  g_autoptr (FmDoc) doc = sample_doc ();
  g_autoptr (FmViewPager) pager = fm_view_pager_new ();
  g_autoptr (FmCanvas) canvas = fm_canvas_new (50, 14, FALSE);
  FmViewFrame frame = frame_for (canvas, TRUE);
  fm_view_pager_show (pager, doc, 1, -1);
  fm_view_pager_draw (pager, &frame, NULL);
  assert_expected (canvas, "pager-50");
  fm_view_pager_page (pager, 2);
  fm_view_pager_draw (pager, &frame, "offline: shown from the cache");
  assert_expected (canvas, "pager-50-page2");
  assert_true (fm_view_pager_find (pager, "Paragraph 27", FALSE));
  fm_view_pager_draw (pager, &frame, NULL);
  assert_expected (canvas, "pager-50-found");
  assert_false (fm_view_pager_find (pager, NULL, FALSE));
  fm_view_pager_bottom (pager);
  fm_view_pager_draw (pager, &frame, NULL);
  assert_true (fm_view_pager_at_end (pager));
  g_autofree char *place = fm_view_pager_place (pager);
  assert_string_equal (place, "end");
  fm_view_pager_top (pager);
  assert_true (fm_view_pager_toggle_fold (pager));
  fm_view_pager_draw (pager, &frame, NULL);
  assert_expected (canvas, "pager-50-folded");
}

/* The reader's place survives another width; a new message begins at its top. */
static void
test_pager_place (void **state)
{
  g_autoptr (FmDoc) doc = sample_doc ();
  g_autoptr (FmDoc) other = sample_doc ();
  g_autoptr (FmViewPager) pager = fm_view_pager_new ();
  g_autoptr (FmCanvas) canvas = fm_canvas_new (50, 10, FALSE);
  FmViewFrame frame = frame_for (canvas, TRUE);
  fm_view_pager_show (pager, doc, 1, -1);
  fm_view_pager_draw (pager, &frame, NULL);
  fm_view_pager_find (pager, "Paragraph 15", FALSE);
  fm_view_pager_draw (pager, &frame, NULL);
  fm_canvas_resize (canvas, 24, 10);
  frame.rect = fm_canvas_rect (canvas);
  fm_view_pager_draw (pager, &frame, NULL);
  g_autofree char *narrow = fm_canvas_dump (canvas);
  assert_non_null (strstr (narrow, "Paragraph 15"));
  fm_view_pager_show (pager, other, 2, -1);
  fm_view_pager_draw (pager, &frame, NULL);
  g_autofree char *after = fm_canvas_dump (canvas);
  assert_true (g_str_has_prefix (after, " From"));
}

static void
test_top_line (void **state)
{
  FmAppStatus status = { .place = "work/INBOX", .state = "pushed", .state_code = FM_STATE_PUSHED, .queued_ops = 2 };
  FmViewStatusTop top = { .status = &status, .unread = 3, .total = 1204, .now_utc = NOW };
  static const int widths[] = { 120, 80, 40 };
  for (guint i = 0; i < G_N_ELEMENTS (widths); i++)
    {
      g_autoptr (FmCanvas) canvas = fm_canvas_new (widths[i], 1, FALSE);
      g_autofree char *name = g_strdup_printf ("top-%d", widths[i]);
      FmViewFrame frame = frame_for (canvas, FALSE);
      fm_view_status_draw_top (&frame, &top);
      assert_expected (canvas, name);
    }
  status.state = "retrying in 8 s: connection refused";
  status.state_code = FM_STATE_RETRYING;
  status.place = "a very/long/folder/name/that/does/not/fit/anywhere";
  g_autoptr (FmCanvas) canvas = fm_canvas_new (80, 1, TRUE);
  FmViewFrame frame = frame_for (canvas, FALSE);
  fm_view_status_draw_top (&frame, &top);
  assert_expected (canvas, "top-80-retrying-ascii");
}

static void
test_bottom_line (void **state)
{
  g_autoptr (FmKeymap) keymap = fm_keymap_new ();
  g_autoptr (FmCanvas) canvas = fm_canvas_new (100, 5, FALSE);
  FmViewStatusBottom bottom = { .keymap = keymap, .context = FM_CONTEXT_LIST, .place = "line 3 of 1,204" };
  fm_keymap_load_set (keymap, "mutt");
  for (int y = 0; y < 5; y++)
    {
      FmViewFrame frame = frame_for (canvas, FALSE);
      frame.rect = (FmRect){ 0, y, y == 4 ? 40 : 100, 1 };
      bottom.progress = y == 1 ? "INBOX: headers" : NULL;
      bottom.progress_done = 12000;
      bottom.progress_total = 100000;
      bottom.message = y == 2 ? "restored 3 to work/INBOX" : NULL;
      bottom.pending = y == 3 ? ",a" : NULL;
      fm_view_status_draw_bottom (&frame, &bottom);
    }
  assert_expected (canvas, "bottom-100");
}

/* --- widgets --- */

static char *answered;
static guint answers;

static void
take_answer (const char *answer, gpointer data)
{
  g_free (answered);
  answered = g_strdup (answer);
  answers++;
}

/* Types TEXT; TRUE while the widget is open. */
static gboolean
type (FmWidget *widget, const char *text)
{
  gboolean open = TRUE;
  for (; *text && open; text = g_utf8_next_char (text))
    {
      FmInput input = { .type = FM_INPUT_KEY, .key = { g_utf8_get_char (text), 0 } };
      if (*text == '\n')
        input.key.code = FM_KEY_ENTER;
      else if (*text == '\t')
        input.key.code = FM_KEY_TAB;
      open = widget->klass->input (widget, &input);
    }
  return open;
}

static gboolean
press (FmWidget *widget, guint32 code, guint32 mods)
{
  FmInput input = { .type = FM_INPUT_KEY, .key = { code, mods } };
  return widget->klass->input (widget, &input);
}

static gboolean
cancel (FmWidget *widget, FmInputType how)
{
  FmInput input = { .type = how };
  return widget->klass->input (widget, &input);
}

static char **
complete (const char *partial, gpointer data)
{
  static const char *const words[] = { "archive", "attach", "attachments", "move work/Archive", NULL };
  GPtrArray *found = g_ptr_array_new ();
  for (guint i = 0; words[i]; i++)
    if (g_str_has_prefix (words[i], partial))
      g_ptr_array_add (found, g_strdup (words[i]));
  g_ptr_array_add (found, NULL);
  return (char **) g_ptr_array_free (found, FALSE);
}

static FmWidget *
new_prompt (FmPromptKind kind, GPtrArray *history, const char *initial)
{
  FmWidgetPromptOptions options
      = { .kind = kind, .label = ":", .initial = initial, .history = history, .complete = complete, .answer = take_answer };
  return fm_widget_prompt_new (&options);
}

static void
test_prompt (void **state)
{
  g_autoptr (GPtrArray) history = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (FmCanvas) canvas = fm_canvas_new (40, 6, FALSE);
  FmWidget *prompt = new_prompt (FM_PROMPT_COMMAND, history, "");
  assert_true (type (prompt, "at\t\t"));
  prompt->klass->draw (prompt, canvas, theme);
  assert_expected (canvas, "prompt-completion");
  assert_true (cancel (prompt, FM_INPUT_ESC)); /* closes the completions first */
  assert_false (type (prompt, "\n"));
  fm_widget_finish (prompt);
  assert_string_equal (answered, "attach");
  prompt = new_prompt (FM_PROMPT_COMMAND, history, "");
  assert_true (type (prompt, "zzz"));
  assert_true (press (prompt, FM_KEY_UP, 0));
  assert_true (press (prompt, FM_KEY_UP, 0));
  assert_true (press (prompt, FM_KEY_DOWN, 0));
  assert_false (type (prompt, "\n"));
  fm_widget_finish (prompt);
  assert_string_equal (answered, "zzz");
  prompt = new_prompt (FM_PROMPT_COMMAND, history, "");
  assert_true (press (prompt, FM_KEY_UP, 0));
  assert_true (press (prompt, FM_KEY_UP, 0));
  assert_false (type (prompt, "\n"));
  fm_widget_finish (prompt);
  assert_string_equal (answered, "attach");
}

/* A label too long to leave room for what is typed stands above it. */
static void
test_long_label (void **state)
{
  FmWidgetPromptOptions options = {
    .kind = FM_PROMPT_SECRET, .label = "the server refused the password of account work; password for work: ", .answer = take_answer
  };
  FmWidget *widget = fm_widget_prompt_new (&options);
  g_autoptr (FmCanvas) canvas = fm_canvas_new (70, 3, FALSE);
  type (widget, "abc");
  widget->klass->draw (widget, canvas, theme);
  assert_expected (canvas, "prompt-long-label");
  fm_widget_finish (widget);
}

static void
test_cancel (void **state)
{
  static const FmInputType ways[] = { FM_INPUT_ESC, FM_INPUT_CANCEL };
  for (guint i = 0; i < G_N_ELEMENTS (ways); i++)
    {
      FmWidget *prompt = new_prompt (FM_PROMPT_TEXT, NULL, "text");
      guint before = answers;
      assert_false (cancel (prompt, ways[i]));
      fm_widget_finish (prompt);
      assert_null (answered);
      assert_int_equal (answers, before + 1);
    }
}

static void
test_secret (void **state)
{
  g_autoptr (FmCanvas) canvas = fm_canvas_new (20, 1, FALSE);
  FmWidget *prompt = new_prompt (FM_PROMPT_SECRET, NULL, "");
  type (prompt, "hunter2");
  prompt->klass->draw (prompt, canvas, theme);
  g_autofree char *dump = fm_canvas_dump (canvas);
  assert_string_equal (dump, ":*******\n");
  assert_false (type (prompt, "\n"));
  fm_widget_finish (prompt);
  assert_string_equal (answered, "hunter2");
}

/* Pasted text goes into the prompt as one line and does not end it. */
static void
test_paste (void **state)
{
  FmWidget *prompt = new_prompt (FM_PROMPT_TEXT, NULL, "");
  FmInput paste = { .type = FM_INPUT_PASTE, .text = "from:ada\nrm -rf" };
  assert_true (prompt->klass->input (prompt, &paste));
  assert_false (type (prompt, "\n"));
  fm_widget_finish (prompt);
  assert_string_equal (answered, "from:ada rm -rf");
}

static void
test_ask (void **state)
{
  g_autoptr (FmCanvas) canvas = fm_canvas_new (40, 1, FALSE);
  FmWidget *ask = fm_widget_prompt_new_ask ("delete 3 messages for good?", "yn", take_answer, NULL);
  FmInput paste = { .type = FM_INPUT_PASTE, .text = "y" };
  assert_true (type (ask, "x\n"));
  assert_true (ask->klass->input (ask, &paste));
  ask->klass->draw (ask, canvas, theme);
  assert_expected (canvas, "ask-40");
  assert_false (type (ask, "Y"));
  fm_widget_finish (ask);
  assert_string_equal (answered, "y");
}

static void
test_menu (void **state)
{
  static const char *const items[] = { "work/INBOX", "work/Archive", "work/Lists/notmuch", "old/INBOX", "old/Sent", NULL };
  g_autoptr (FmCanvas) canvas = fm_canvas_new (40, 8, FALSE);
  FmWidget *menu = fm_widget_menu_new ("move to: ", items, "old/Sent", take_answer, NULL);
  menu->klass->draw (menu, canvas, theme);
  assert_expected (canvas, "menu-40");
  assert_true (type (menu, "inb"));
  fm_canvas_fill (canvas, fm_canvas_rect (canvas), (FmLook){ 0 });
  menu->klass->draw (menu, canvas, theme);
  assert_expected (canvas, "menu-40-typed");
  assert_true (type (menu, "xxx\n")); /* nothing matches: Enter chooses nothing */
  assert_true (press (menu, 'u', FM_MOD_CTRL));
  assert_false (type (menu, "\n"));
  fm_widget_finish (menu);
  assert_string_equal (answered, "old/Sent");
}

static void
test_text_page (void **state)
{
  g_autoptr (FmCanvas) canvas = fm_canvas_new (40, 8, FALSE);
  FmWidget *page = fm_widget_text_new (
      "Queue", "# Waiting\n1\tmove to work/Archive, and a line that is too long for the page\nx\033[2Jy\n\nlast\nmore\nend\n");
  page->klass->draw (page, canvas, theme);
  assert_expected (canvas, "text-40");
  assert_true (type (page, "jjjjjjjjj"));
  page->klass->draw (page, canvas, theme);
  assert_expected (canvas, "text-40-end");
  assert_false (type (page, "q"));
  fm_widget_finish (page);
}

/* Help names every command of the context, with its keys. */
static void
test_help (void **state)
{
  g_autoptr (FmKeymap) keymap = fm_keymap_new ();
  const FmCommand *const *all = fm_command_all ();
  fm_keymap_load_set (keymap, "mutt");
  g_autofree char *help = fm_help_text_keys (keymap, FM_CONTEXT_LIST);
  for (guint i = 0; all[i]; i++)
    if (all[i]->contexts & FM_CONTEXT_LIST)
      assert_non_null (strstr (help, all[i]->help));
  g_autofree char *effects = fm_help_text_effects ();
  assert_non_null (strstr (effects, "# archive"));
}

int
main (void)
{
  setenv ("TZ", "UTC", 1);
  theme = fm_theme_load ("dark", FM_DEPTH_256, NULL);
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_list),        cmocka_unit_test (test_folders),    cmocka_unit_test (test_pager),
    cmocka_unit_test (test_pager_place), cmocka_unit_test (test_top_line),   cmocka_unit_test (test_bottom_line),
    cmocka_unit_test (test_prompt),      cmocka_unit_test (test_long_label), cmocka_unit_test (test_cancel),
    cmocka_unit_test (test_secret),      cmocka_unit_test (test_paste),      cmocka_unit_test (test_ask),
    cmocka_unit_test (test_menu),        cmocka_unit_test (test_text_page),  cmocka_unit_test (test_help),
  };
  int failed = cmocka_run_group_tests (tests, NULL, NULL);
  fm_theme_free (theme);
  g_free (answered);
  return failed;
}

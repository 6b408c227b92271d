/* Keys to commands: names, sequences, counts, conflicts, the two whole sets, and the config's own bindings. */
#include "ui/keymap.h"
#include "ui/key-name.h"
#include "ui/keymap-alpine.h"
#include <fulmar/app/command.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#define LIST FM_CONTEXT_LIST
#define PAGER FM_CONTEXT_PAGER

static void
assert_name (const char *name, const char *shown)
{
  FmKey keys[FM_KEY_NAME_MAX];
  guint n = fm_key_name_parse (name, keys, NULL);
  g_autofree char *text = n ? fm_key_name_format (keys, n) : g_strdup ("(none)");
  assert_string_equal (text, shown);
}

static void
test_names (void **state)
{
  assert_name ("a", "a");
  assert_name (",i", ",i");
  assert_name ("<C-d>", "^D");
  assert_name ("<c-D>", "^D");
  assert_name ("<Esc>v", "Esc-v");
  assert_name ("<A-v>", "Esc-v");
  assert_name ("<Esc>", "Esc");
  assert_name ("<Space>", "Space");
  assert_name ("<equal><lbracket><rbracket><hash>", "=[]#");
  assert_name ("<pagedown>", "PgDn");
  assert_name ("<S-Tab>", "S-Tab");
  assert_name ("<F12>", "F12");
  assert_name ("<", "<");
  assert_name ("<lt>", "<");
  assert_name ("日", "日");
  assert_name ("", "(none)");
  assert_name ("<Nonsense>", "(none)");
  assert_name ("<F25>", "(none)");
  assert_name ("123456789", "(none)");
  assert_name ("\xff", "(none)");
  g_autoptr (GError) error = NULL;
  FmKey keys[FM_KEY_NAME_MAX];
  assert_int_equal (fm_key_name_parse ("<Spcae>", keys, &error), 0);
  assert_non_null (strstr (error->message, "<Space>"));
}

/* Feeds the keys of NAMES one by one; the last one's result. */
static FmKeymapResult
feed (FmKeymap *keymap, guint context, const char *names, const char **ret_command, int *ret_count)
{
  FmKeymapResult result = FM_KEYMAP_UNKNOWN;
  FmKey keys[FM_KEY_NAME_MAX];
  guint n = fm_key_name_parse (names, keys, NULL);
  assert_true (n > 0);
  for (guint i = 0; i < n; i++)
    result = fm_keymap_feed (keymap, context, keys[i], ret_command, ret_count);
  return result;
}

static void
assert_runs (FmKeymap *keymap, guint context, const char *names, const char *command, int count)
{
  const char *found = NULL;
  int found_count = -1;
  assert_int_equal (feed (keymap, context, names, &found, &found_count), FM_KEYMAP_RUN);
  assert_string_equal (found, command);
  assert_int_equal (found_count, count);
}

static FmKeymap *
small_keymap (void)
{
  FmKeymap *keymap = fm_keymap_new ();
  assert_true (fm_keymap_bind (keymap, FM_CONTEXT_ALL, "q", "back", NULL));
  assert_true (fm_keymap_bind (keymap, LIST, "d", "delete", NULL));
  assert_true (fm_keymap_bind (keymap, LIST, ",i", "open-folder work/INBOX", NULL));
  assert_true (fm_keymap_bind (keymap, LIST, ",ab", "archive ; next", NULL));
  assert_true (fm_keymap_bind (keymap, LIST, "<Esc>v", "fold-thread", NULL));
  return keymap;
}

static void
test_sequences (void **state)
{
  g_autoptr (FmKeymap) keymap = small_keymap ();
  const char *command;
  int count;
  assert_runs (keymap, LIST, "d", "delete", 0);
  assert_runs (keymap, LIST, ",i", "open-folder work/INBOX", 0);
  assert_runs (keymap, LIST, ",ab", "archive ; next", 0);
  assert_runs (keymap, LIST, "<A-v>", "fold-thread", 0);
  assert_runs (keymap, PAGER, "q", "back", 0);
  assert_int_equal (feed (keymap, PAGER, "d", &command, &count), FM_KEYMAP_UNKNOWN);
  assert_int_equal (feed (keymap, LIST, ",a", &command, &count), FM_KEYMAP_MORE);
  g_autofree char *pending = fm_keymap_pending (keymap);
  assert_string_equal (pending, ",a");
  g_autofree char *next = fm_keymap_continuations (keymap, FM_CONTEXT_LIST, FALSE);
  assert_string_equal (next, "b:archive ; next");
  assert_int_equal (feed (keymap, LIST, "d", &command, &count), FM_KEYMAP_UNKNOWN); /* a broken sequence runs nothing */
  g_autofree char *after_esc = fm_keymap_continuations (keymap, LIST, TRUE);
  assert_string_equal (after_esc, "v:fold-thread");
  assert_runs (keymap, LIST, "d", "delete", 0);
}

static void
test_counts (void **state)
{
  g_autoptr (FmKeymap) keymap = small_keymap ();
  const char *command;
  int count;
  assert_runs (keymap, LIST, "3d", "delete", 3);
  assert_runs (keymap, LIST, "10d", "delete", 10);
  assert_runs (keymap, LIST, "12,i", "open-folder work/INBOX", 12);
  assert_int_equal (feed (keymap, LIST, "120<Enter>", &command, &count), FM_KEYMAP_JUMP);
  assert_int_equal (count, 120);
  assert_int_equal (feed (keymap, LIST, "0", &command, &count), FM_KEYMAP_UNKNOWN);
  assert_int_equal (feed (keymap, LIST, "99999999", &command, &count), FM_KEYMAP_MORE);
  assert_int_equal (feed (keymap, LIST, "99999999", &command, &count), FM_KEYMAP_MORE);
  assert_int_equal (feed (keymap, LIST, "<Enter>", &command, &count), FM_KEYMAP_JUMP);
  assert_true (count > 0);
  assert_true (fm_keymap_bind (keymap, LIST, "3", "star", NULL)); /* a bound digit is a key */
  assert_runs (keymap, LIST, "3", "star", 0);
}

static void
test_conflicts (void **state)
{
  g_autoptr (FmKeymap) keymap = small_keymap ();
  g_autoptr (GError) error = NULL;
  assert_false (fm_keymap_bind (keymap, LIST, ",", "next", &error));
  assert_non_null (strstr (error->message, ",i"));
  g_clear_error (&error);
  assert_false (fm_keymap_bind (keymap, LIST, "dd", "delete-thread", &error));
  assert_non_null (strstr (error->message, "delete"));
  assert_true (fm_keymap_bind (keymap, PAGER, "dd", "delete-thread", NULL)); /* another context */
  assert_true (fm_keymap_bind (keymap, LIST, "d", "none", NULL));
  assert_true (fm_keymap_bind (keymap, LIST, "dd", "delete-thread", NULL));
  assert_runs (keymap, LIST, "dd", "delete-thread", 0);
  assert_true (fm_keymap_bind (keymap, LIST, "q", "quit", NULL)); /* takes the list's share of `back` only */
  assert_runs (keymap, LIST, "q", "quit", 0);
  assert_runs (keymap, PAGER, "q", "back", 0);
  g_autofree char *key = fm_keymap_key_for (keymap, PAGER, "back");
  assert_string_equal (key, "q");
  assert_null (fm_keymap_key_for (keymap, LIST, "back"));
}

/* The commands' default keys don't get in each other's way (a conflict is a critical message, fatal here). */
static void
test_mutt (void **state)
{
  g_autoptr (FmKeymap) keymap = fm_keymap_new ();
  static const struct {
    guint context;
    const char *keys, *command;
  } promised[] = {
    { LIST, "j", "next" },
    { LIST, "k", "previous" },
    { LIST, "d", "delete" },
    { LIST, "a", "archive" },
    { LIST, "s", "move" },
    { LIST, "u", "undo" },
    { LIST, "F", "star" },
    { LIST, "<C-d>", "delete-thread" },
    { LIST, "/", "search" },
    { LIST, "l", "limit" },
    { LIST, "<Tab>", "next-unread" },
    { LIST, "q", "back" },
    { PAGER, "J", "next-message" },
    { PAGER, "S", "skip-quoted" },
    { PAGER, "T", "fold-quoted" },
    { PAGER, "/", "find" },
    { LIST, "<equal>", "first" },
    { LIST, "*", "last" },
    { LIST, "]", "half-down" },
    { LIST, "?", "help" },
    { LIST, ":", "command" },
    { LIST, "y", "folders" },
    { LIST, "c", "open-folder" },
    { LIST, "$", "sync" },
    { LIST, "t", "tag" },
    { LIST, "<C-w>", "focus-next" },
    { LIST, "<Space>", "page" },
    { LIST, "r", "reply" },
    { LIST, "m", "compose" },
    { PAGER, "g", "reply-all" },
    { LIST, "<Esc>v", "fold-thread" },
    { LIST, "x", "quit" },
  };
  assert_true (fm_keymap_load_set (keymap, "mutt"));
  for (guint i = 0; i < G_N_ELEMENTS (promised); i++)
    assert_runs (keymap, promised[i].context, promised[i].keys, promised[i].command, 0);
}

static void
test_alpine (void **state)
{
  g_autoptr (FmKeymap) keymap = fm_keymap_new ();
  assert_true (fm_keymap_load_set (keymap, "alpine"));
  assert_runs (keymap, LIST, "d", "delete", 0);
  assert_runs (keymap, LIST, "n", "next", 0);
  assert_runs (keymap, PAGER, "v", "attachments", 0);
  for (const FmKeymapAlpineRow *row = fm_keymap_alpine_rows (); row->keys; row++)
    {
      const FmCommand *command = fm_command_find (row->command);
      if (!command)
        fail_msg ("alpine's %s runs %s, which is no command", row->keys, row->command);
      if (row->contexts != FM_CONTEXT_ALL && (command->contexts & row->contexts) != row->contexts)
        fail_msg ("alpine's %s runs %s where it does nothing", row->keys, row->command);
    }
  assert_false (fm_keymap_load_set (keymap, "emacs"));
}

static void
test_config (void **state)
{
  static const char text[] = "[keys list]\nA = archive\n,i = open-folder work/INBOX\n<equal> = last\nZ = archvie\n<Tabb> = next\n, = next\n"
                             "d = none\ndd = delete\n[keys pager]\nA = archive ; next-message\n";
  g_autoptr (FmConfig) config = fm_config_parse (text, -1, "test.conf");
  g_autoptr (FmKeymap) keymap = fm_keymap_new ();
  g_autoptr (GPtrArray) problems = g_ptr_array_new_with_free_func (g_free);
  fm_keymap_load_set (keymap, "mutt");
  fm_keymap_load_config (keymap, config, problems);
  assert_runs (keymap, LIST, "A", "archive", 0);
  assert_runs (keymap, LIST, ",i", "open-folder work/INBOX", 0);
  assert_runs (keymap, LIST, "<equal>", "last", 0);
  assert_runs (keymap, LIST, "dd", "delete", 0);
  assert_runs (keymap, PAGER, "A", "archive ; next-message", 0);
  assert_int_equal (problems->len, 3);
  assert_non_null (strstr (g_ptr_array_index (problems, 0), "archive"));
  assert_non_null (strstr (g_ptr_array_index (problems, 1), "<Tab>"));
  assert_non_null (strstr (g_ptr_array_index (problems, 2), ",i"));
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_names), cmocka_unit_test (test_sequences), cmocka_unit_test (test_counts), cmocka_unit_test (test_conflicts),
    cmocka_unit_test (test_mutt),  cmocka_unit_test (test_alpine),    cmocka_unit_test (test_config),
  };
  g_log_set_always_fatal (G_LOG_LEVEL_CRITICAL | G_LOG_FATAL_MASK);
  return cmocka_run_group_tests (tests, NULL, NULL);
}

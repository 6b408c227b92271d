/* What is read without GMime is read as GMime reads it: addresses and dates that were made up, that were put together by chance, and all of the
 * corpus. The last is skipped without the corpus. */
#include "mail/address-private.h"
#include "mail/date.h"
#include "test.h"

static guint n_fields, n_plain;

/* A dot at an end of a local part or beside another: what GMime makes of its address is no example. */
static gboolean
breaks_the_rule_for_dots (const char *text)
{
  for (const char *dot = strchr (text, '.'); dot != NULL; dot = strchr (dot + 1, '.'))
    if (dot == text || strchr (" \t,<.", dot[-1]) != NULL || dot[1] == '.' || dot[1] == '@')
      return TRUE;
  return FALSE;
}

/* Whether it needs no GMime; and if so, that this makes no difference. */
static gboolean
is_plain_list (const char *text)
{
  g_autoptr (FmAddressList) plain = fm_address_plain_parse (text, strlen (text));
  if (plain == NULL || breaks_the_rule_for_dots (text))
    return plain != NULL;
  g_autoptr (FmAddressList) any = fm_address_list_parse_any (text, strlen (text));
  if (plain->n != any->n)
    fail_msg ("%s: %u addresses, and %u by GMime", text, plain->n, any->n);
  for (guint i = 0; i < plain->n; i++)
    {
      assert_string_equal (plain->items[i].name, any->items[i].name);
      assert_string_equal (plain->items[i].address, any->items[i].address);
    }
  return TRUE;
}

static gboolean
is_plain_date (const char *text)
{
  gint64 plain_utc = 0, any_utc = 0;
  int plain_offset = 0, any_offset = 0;

  if (!fm_date_parse_plain (text, &plain_utc, &plain_offset))
    return FALSE;
  if (!fm_date_parse_any (text, &any_utc, &any_offset) || plain_utc != any_utc || plain_offset != any_offset)
    fail_msg ("%s: %" G_GINT64_FORMAT " %+d, and %" G_GINT64_FORMAT " %+d by GMime", text, plain_utc, plain_offset, any_utc, any_offset);
  return TRUE;
}

static void
what_is_common_needs_no_parser (void **state)
{
  static const char *const lists[] = {
    "a@b",
    "a@b.c, d.e+f@g-h.i",
    "Grace Hopper <g@x.org>",
    "  Grace   <g@x.org>\t,\ta@b.c ",
    "<a@b.c>",
    "\"Hopper, Grace (X)\" <g@x.org>, G H <g@h>",
    "\"  G   H \"<g@x.org>",
    "\"\" <a@b>",
    "O'Neil <o'neil@x.org>",
    "\"'a@b.c'\" <a@b.c>",
    "x=y/z#1&2@b.c",
  };
  static const char *const dates[] = { "Fri, 20 Nov 2026 10:00:00 +0100", "20 Nov 2026 10:00 -0530", " Mon,  1 Jan 1970 00:00:00 +0000",
                                       "Thu, 29 Feb 2024 23:59:59 +0000 (UTC)", "Tue, 01 Mar 2100 00:00:00 -1200" };

  for (gsize i = 0; i < G_N_ELEMENTS (lists); i++)
    if (!is_plain_list (lists[i]))
      fail_msg ("%s", lists[i]);
  for (gsize i = 0; i < G_N_ELEMENTS (dates); i++)
    if (!is_plain_date (dates[i]))
      fail_msg ("%s", dates[i]);
}

static void
all_else_goes_to_the_parser (void **state)
{
  static const char *const lists[] = { "",
                                       ",",
                                       "a@b,",
                                       "a@b (x)",
                                       "a b@c",

                                       "a@b.",
                                       "g: a@b;",
                                       "<@r:a@b>",
                                       "<a@b",
                                       "\"x <a@b>",
                                       "\"x\\\"\" <a@b>",
                                       "\"a\"@b",
                                       "x",
                                       "a@[1.2.3.4]",
                                       "a@xn--bcher-kva.de",
                                       "J\xc3\xb6rg <a@b>",
                                       "=?utf-8?q?a?= <a@b>",
                                       "a@b c@d",
                                       "x <a@b> y",
                                       "\"x\" \"y\" <a@b>",
                                       "a\x1b <a@b>",
                                       "a@b\n, c@d" };
  static const char *const dates[] = { "",
                                       "Fri, 30 Feb 2026 10:00:00 +0100",
                                       "Fri, 20 Nov 26 10:00:00 +0100",
                                       "Fri, 20 Nov 2026 24:00:00 +0100",
                                       "Fri, 20 Nov 2026 10:00:60 +0100",
                                       "Fri, 20 Nov 2026 10:00:00 GMT",
                                       "Fri, 20 Nov 2026 10:00:00",
                                       "Fri, 20 Nov 2026 10:00:00 +2500",
                                       "Fri 20 Nov 2026 10:00:00 +0100",
                                       "Friday, 20 Nov 2026 10:00:00 +0100",
                                       "Fri, 20 Nov 2026 10:00:00 +0100 x",
                                       "Fri, 20 Nov 2026 10:00:00 +0100(CET)",
                                       "Fri, 29 Feb 2100 10:00:00 +0100",
                                       "Fri, 20 Nov 1969 10:00:00 +0100" };

  for (gsize i = 0; i < G_N_ELEMENTS (lists); i++)
    if (is_plain_list (lists[i]))
      fail_msg ("%s", lists[i]);
  for (gsize i = 0; i < G_N_ELEMENTS (dates); i++)
    if (is_plain_date (dates[i]))
      fail_msg ("%s", dates[i]);
}

static char *
draw (GRand *rand, const char *const *pieces, gint32 n_pieces, gint32 most)
{
  GString *text = g_string_new (NULL);

  for (gint32 n = g_rand_int_range (rand, 1, most); n > 0; n--)
    g_string_append (text, pieces[g_rand_int_range (rand, 0, n_pieces)]);
  return g_string_free (text, FALSE);
}

static void
chance_finds_no_difference (void **state)
{
  static const char *const in_lists[]
      = { "a", "B", "0",   ".",  "@",   "a@b", "a@b.c", "<", "a@b>", "<a@b.c>", " ", "\t",   ",",  ", ",      "\"", "\"A, B\"",
          "-", "_", "+",   "'",  "&",   "=",   "/",     "#", "!",    "$",       "%", "*",    "^",  "`",       "{",  "|",
          "}", "~", "x y", "X ", "(c)", ":",   ";",     "[", "]",    "\\",      "?", "xn--", "=?", "\xc3\xa9" };
  static const char *const in_dates[]
      = { "Mon, ", "Fri,",  "1",     "31 ",    "29 ",   "30 ",    "07 ",       "Feb ",      "Jan ",   "Nov ",  "Dec ",
          "2026 ", "1970 ", "2000 ", "2100 ",  "99 ",   "10:00 ", "23:59:59 ", "00:00:00 ", "24:00 ", "+0000", "+0100",
          "-0130", "+1400", "-0000", " (CET)", "(CET)", "(x y)",  "\t",        "GMT",       " " };
  GRand *rand = g_rand_new_with_seed (5322);

  for (guint i = 0; i < 200000; i++)
    {
      g_autofree char *list = draw (rand, in_lists, G_N_ELEMENTS (in_lists), 9);
      g_autofree char *date = draw (rand, in_dates, G_N_ELEMENTS (in_dates), 8);
      n_plain += (guint) is_plain_list (list) + (guint) is_plain_date (date);
    }
  g_rand_free (rand);
  print_message ("%u drawn were plain\n", n_plain);
  assert_true (n_plain > 1000);
  n_plain = 0;
}

/* A field of addresses or a date, wherever it stands in a file: in a mail, in a quoted one, or in what is none. */
static gboolean
check_field (const GMatchInfo *match, GString *unused, gpointer data)
{
  g_autofree char *name = g_match_info_fetch (match, 1);
  g_autofree char *value = g_match_info_fetch (match, 2);

  g_strstrip (g_strdelimit (value, "\r\n", ' '));
  n_fields++;
  n_plain += (guint) (g_ascii_strcasecmp (name, "date") == 0 ? is_plain_date (value) : is_plain_list (value));
  return FALSE;
}

static void
check_bytes (const char *bytes, gsize size)
{
  static GRegex *field;

  if (field == NULL)
    field = g_regex_new ("^(from|to|cc|bcc|sender|reply-to|date):((?:[^\\n]|\\n[ \\t])*)",
                         G_REGEX_CASELESS | G_REGEX_MULTILINE | G_REGEX_RAW, 0, NULL);
  g_free (g_regex_replace_eval (field, bytes, (gssize) size, 0, 0, check_field, NULL, NULL));
}

/* What the command writes about the file "$1". */
static void
check_output (const char *command, const char *directory, const char *name)
{
  g_autofree char *path = g_build_filename (directory, name, NULL);
  const char *argv[] = { "sh", "-c", command, "sh", path, NULL };
  g_autofree char *out = NULL;

  assert_true (g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &out, NULL, NULL, NULL));
  check_bytes (out, strlen (out));
}

static void
walk (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  g_autofree char *text = NULL;
  const char *name;
  gsize size = 0;

  if (dir == NULL && g_file_get_contents (path, &text, &size, NULL))
    check_bytes (text, size);
  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *child = g_build_filename (path, name, NULL);
      walk (child);
    }
}

static void
the_corpus_shows_no_difference (void **state)
{
  static const char *const sets[] = { "mime", "dsn", "security", "quoting", "unicode", "tnef", "calendar" };
  const char *corpus = g_getenv ("FULMAR_CORPUS") != NULL ? g_getenv ("FULMAR_CORPUS") : FM_CORPUS;
  g_autofree char *mailboxes = g_build_filename (corpus, "mailboxes", NULL);

  if (!g_file_test (mailboxes, G_FILE_TEST_IS_DIR))
    skip ();
  for (gsize i = 0; i < G_N_ELEMENTS (sets); i++)
    {
      g_autofree char *path = g_build_filename (corpus, sets[i], NULL);
      walk (path);
    }
  check_output ("xz -dc \"$1\" | tr -d '\\000'", mailboxes, "twisted-web.mbox.xz");
  check_output ("tar -xJOf \"$1\" | tr -d '\\000'", mailboxes, "enron-skilling.tar.xz");
  print_message ("%u of %u fields were plain\n", n_plain, n_fields);
  assert_true (n_fields > 15000 && n_plain > n_fields / 2);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (what_is_common_needs_no_parser),
    cmocka_unit_test (all_else_goes_to_the_parser),
    cmocka_unit_test (chance_finds_no_difference),
    cmocka_unit_test (the_corpus_shows_no_difference),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}

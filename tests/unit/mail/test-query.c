/* Queries: notmuch's words and mutt's patterns to one tree, each mistake with its place, and the meaning in memory. */
#include <stdlib.h>
#include <time.h>
#include "fulmar/base/error.h"
#include "fulmar/mail/flags.h"
#include "fulmar/mail/query.h"
#include "test.h"

static const gint64 now = 1795165200; /* Fri 20 Nov 2026 09:00:00 UTC; the tests run in UTC */

static void
check (const char *text, const char *canonical)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (FmQuery) query = fm_query_parse (text, now, NULL, &error);
  assert_no_error (error);
  g_autofree char *ours = fm_query_to_string (query);
  assert_string_equal (ours, canonical);
  g_autoptr (FmQuery) again = fm_query_parse (ours, now, NULL, &error);
  assert_no_error (error);
  assert_takes_string (fm_query_to_string (again), canonical);
}

static void
words_and_operators (void **state)
{
  check ("", "*");
  check ("  *  ", "*");
  check ("engine", "engine");
  check ("a1 b1", "(a1 and b1)");
  check ("a1 b1 or c1 AND d1", "((a1 and b1) or (c1 and d1))");
  check ("a1 or b1 xor c1 d1", "(a1 or (b1 xor (c1 and d1)))");
  check ("a1 xor b1 xor c1", "(a1 xor b1 xor c1)");
  check ("a1 xor (b1 xor c1)", "(a1 xor (b1 xor c1))");
  check ("a1 and (b1 or c1) and d1", "(a1 and (b1 or c1) and d1)");
  check ("not a1 b1", "(not a1 and b1)");
  check ("a1 not b1", "(a1 and not b1)");
  check ("a1 -b1 -\"c d\"", "(a1 and not b1 and not \"c d\")");
  check ("not not a1", "a1");
  check ("((a1))", "a1");
  check ("\"the engine\"", "\"the engine\"");
  check ("\"say \"\"hi\"\"\"", "\"say \"\"hi\"\"\"");
  check ("prog*", "prog*");
  check ("orchard android", "(orchard and android)");
  check ("http://x.org", "\"http://x.org\"");
  check ("\"and\"", "\"and\"");
  check ("日本*", "日本*");
  check ("+~tilde*", "+~tilde*");
  check ("(+~tilde* or +!~x1x*)", "(+~tilde* or +!~x1x*)");
}

/* A chain is no nesting, however long (found by fuzz-query). */
static void
long_chains (void **state)
{
  g_autoptr (GString) chain = g_string_new ("(u0");

  for (guint i = 1; i < 300; i++)
    g_string_append_printf (chain, " xor u%u", i);
  g_string_append_c (chain, ')');
  check (chain->str, chain->str);
}

static void
fields (void **state)
{
  check ("from:ada", "from:ada");
  check ("FROM:Ada to:bob cc:c1", "(from:Ada and to:bob and cc:c1)");
  check ("subject:\"the engine\"", "subject:\"the engine\"");
  check ("subject:(the engine)", "(subject:the and subject:engine)");
  check ("tag:unread is:flagged tag:urgent", "(not is:read and is:flagged and tag:urgent)");
  check ("is:attachment is:replied is:draft", "(is:attachment and is:replied and is:draft)");
  check ("id:<a@b>", "id:\"a@b\"");
  check ("folder:work/INBOX", "folder:work/INBOX");
  check ("folder:Li*", "folder:Li*");
  check ("attachment:pdf body:engine", "(attachment:pdf and body:engine)");
  check ("-from:ada", "not from:ada");
}

static void
ranges (void **state)
{
  check ("date:2026-01-01..2026-02-01", "date:@1767225600..@1769990399");
  check ("date:2026-01", "date:@1767225600..@1769903999");
  check ("date:2026..", "date:@1767225600..");
  check ("date:..2w", "date:..@1794041999");
  check ("date:2w..", "date:@1793955600..");
  check ("date:yesterday", "date:@1795046400..@1795132799");
  check ("date:yesterday..!", "date:@1795046400..@1795132799");
  check ("date:today", "date:@1795132800..@1795219199");
  check ("date:monday", "date:@1794787200..@1794873599");
  check ("date:friday", "date:@1795132800..@1795219199");
  check ("date:last_month", "date:@1790812800..@1793491199");
  check ("date:march", "date:@1772323200..@1775001599");
  check ("date:december", "date:@1764547200..@1767225599");
  check ("date:31.1.2026", "date:@1769817600..@1769903999");
  check ("date:3_hours_ago..now", "date:@1795154400..@1795165200");
  check ("size:10k..2M", "size:10240..2097152");
  check ("size:>1M", "size:1048576..");
  check ("size:<1k", "size:..1024");
}

static void
mutt_patterns (void **state)
{
  check ("~A", "*");
  check ("~f ada ~N", "(from:ada and not is:read)");
  check ("~f ada | ~s \"the engine\" ~F", "(from:ada or (subject:\"the engine\" and is:flagged))");
  check ("!~D", "not is:deleted");
  check ("~i a@b", "id:\"a@b\"");
  check ("! ~b engine", "not body:engine");
  check ("!(~t bob | ~c eve)", "not (to:bob or cc:eve)");
  check ("(~U | ~F) ~f x", "((not is:read or is:flagged) and from:x)");
  check ("~d <2w", "date:@1793955600..");
  check ("~d >2w", "date:..@1793955600");
  check ("~d 1/1/2026-31/1/2026", "date:@1767225600..@1769903999");
  check ("~z >10k ~z 1k-2k", "(size:10240.. and size:1024..2048)");
}

/* From the table's notation: \NNN and {N:TEXT}. Transfer: full. */
static char *
expand (const char *text)
{
  g_autoptr (GString) out = g_string_new (NULL);

  while (*text != '\0')
    {
      if (*text == '\\')
        {
          g_string_append_c (out, (char) ((text[1] - '0') * 64 + (text[2] - '0') * 8 + (text[3] - '0')));
          text += 4;
          continue;
        }
      char *colon = NULL;
      guint64 n = *text == '{' ? g_ascii_strtoull (text + 1, &colon, 10) : 1;
      const char *piece = colon != NULL ? colon + 1 : text;
      gsize size = colon != NULL ? strcspn (piece, "}") : 1;
      for (guint64 i = 0; i < n; i++)
        g_string_append_len (out, piece, (gssize) size);
      text = piece + size + (colon != NULL ? 1 : 0);
    }
  return g_strdup (out->str);
}

static void
mistakes_have_a_place (void **state)
{
  g_autofree char *table = NULL;
  guint n = 0, n_good = 0;
  assert_true (g_file_get_contents (FM_WRONG_QUERIES, &table, NULL, NULL));
  g_auto (GStrv) lines = g_strsplit (table, "\n", -1);
  for (char **line = lines; *line != NULL; line++)
    {
      if (**line == '#' || **line == '\0')
        continue;
      n++;
      g_auto (GStrv) fields = g_strsplit (*line, "\t", 3);
      g_autofree char *text = expand (fields[2]);
      g_autoptr (GError) error = NULL;
      gsize at = 12345, wanted = (gsize) g_ascii_strtoull (fields[0], NULL, 10);
      if (fm_query_parse (text, now, &at, &error) != NULL)
        fail_msg ("taken: %s", *line);
      assert_true (g_error_matches (error, FM_ERROR, FM_ERROR_INVALID) || g_error_matches (error, FM_ERROR, FM_ERROR_LIMIT));
      if (strstr (error->message, fields[1]) == NULL || at != wanted)
        print_error ("%s: \"%s\" at %" G_GSIZE_FORMAT "\n", *line, error->message, at);
      else
        n_good++;
    }
  assert_true (n > 60);
  assert_int_equal (n_good, n);
}

static void
sizes_are_bounded (void **state)
{
  GString *text = g_string_new (NULL);
  g_autoptr (GError) error = NULL;

  for (int i = 0; i < 600; i++)
    g_string_append (text, "ab ");
  assert_null (fm_query_parse (text->str, now, NULL, &error));
  assert_true (g_error_matches (error, FM_ERROR, FM_ERROR_LIMIT));
  g_clear_error (&error);
  g_autofree char *deep = g_strnfill (5000, '(');
  assert_null (fm_query_parse (deep, now, NULL, &error));
  g_clear_error (&error);
  g_autofree char *shouts = g_strnfill (5000, '!');
  g_autofree char *mutt = g_strconcat (shouts, "~A", NULL);
  g_autoptr (FmQuery) G_GNUC_UNUSED many = fm_query_parse (mutt, now, NULL, &error);
  assert_no_error (error);
  g_autofree char *huge = g_strnfill (9000, 'a');
  assert_null (fm_query_parse (huge, now, NULL, &error));
  assert_true (g_error_matches (error, FM_ERROR, FM_ERROR_LIMIT));
  g_string_free (text, TRUE);
}

static void
meaning_in_memory (void **state)
{
  static const char *const tags[] = { "Urgent", NULL };
  static const char *const names[] = { "report.pdf", NULL };
  const FmQueryFacts facts = {
    .from = "Ada Lovelace <ada@example.org>",
    .to = "bob@x.org",
    .cc = "eve@y.org",
    .subject = "Notes on the ÉNGINE",
    .body = "The analytical engines weave.",
    .folder = "Lists/notmuch",
    .account = "work",
    .message_id = "m@x",
    .thread = "42",
    .tags = tags,
    .attachments = names,
    .flags = FM_FLAG_FLAGGED,
    .date_utc = now,
    .size_bytes = 5000,
  };
  static const char *const yes[] = {
    "*",
    "ada",
    "from:lovelace",
    "from:\"ada lovelace\"",
    "from:ada@example.org",
    "subject:notes",
    "to:bobs",
    "weaves",
    "subject:éngine",
    "subject:éng*",
    "engine",
    "\"analytical engines\"",
    "analy*",
    "is:unread",
    "is:flagged",
    "tag:urgent",
    "folder:notmuch",
    "folder:Lists/notmuch",
    "folder:work/Lists/notmuch",
    "folder:lists*",
    "account:WORK",
    "id:m@x",
    "thread:42",
    "date:today",
    "size:1k..10k",
    "attachment:pdf",
    "to:eve",
    "to:bob",
    "ada and not zoe",
    "zoe or ada",
    "zoe xor ada",
    "~f ada ~F !~R",
    "report",
  };
  static const char *const no[] = { "from:lovel",
                                    "subject:note",
                                    "from:\"example lovelace\"",
                                    "to:\"bobs\"",
                                    "subject:otes",
                                    "zoe",
                                    "\"analytical engine\"",
                                    "nalytical",
                                    "is:read",
                                    "tag:urgen",
                                    "folder:INBOX",
                                    "folder:list",
                                    "date:yesterday",
                                    "size:..1k",
                                    "ada xor bob",
                                    "id:M@x",
                                    "cc:bob" };

  for (gsize i = 0; i < G_N_ELEMENTS (yes) + G_N_ELEMENTS (no); i++)
    {
      gboolean expected = i < G_N_ELEMENTS (yes);
      const char *text = expected ? yes[i] : no[i - G_N_ELEMENTS (yes)];
      g_autoptr (FmQuery) query = fm_query_parse (text, now, NULL, NULL);
      assert_non_null (query);
      if (fm_query_matches (query, &facts) != expected)
        fail_msg ("%s", text);
    }
}

static void
what_the_index_is_for (void **state)
{
  g_autoptr (FmQuery) header = fm_query_parse ("from:ada and not is:read", now, NULL, NULL);
  g_autoptr (FmQuery) text = fm_query_parse ("from:ada or (is:read -engine)", now, NULL, NULL);

  assert_false (fm_query_needs_index (header));
  assert_true (fm_query_needs_index (text));
  assert_int_equal (fm_query_kind (fm_query_child (header, 1)), FM_QUERY_NOT);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (words_and_operators),
    cmocka_unit_test (long_chains),
    cmocka_unit_test (fields),
    cmocka_unit_test (ranges),
    cmocka_unit_test (mutt_patterns),
    cmocka_unit_test (mistakes_have_a_place),
    cmocka_unit_test (sizes_are_bounded),
    cmocka_unit_test (meaning_in_memory),
    cmocka_unit_test (what_the_index_is_for),
  };
  setenv ("TZ", "UTC", 1);
  tzset ();
  return cmocka_run_group_tests (tests, NULL, NULL);
}

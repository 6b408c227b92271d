/* Address lists: lenient reading, safe showing, and writing that reads back the same. */
#include "fulmar/mail/address.h"
#include "test.h"

static void
check (const char *field, const char *display)
{
  g_autoptr (FmAddressList) list = fm_address_list_parse (field, -1);
  assert_takes_string (fm_address_list_display (list), display);
}

static void
reads_what_people_send (void **state)
{
  check ("grace@example.org", "grace@example.org");
  check ("  Grace Hopper <grace@example.org> ", "Grace Hopper <grace@example.org>");
  check ("\"Hopper, Grace\" <g@x.org>, a@b.c", "\"Hopper, Grace\" <g@x.org>, a@b.c");
  check ("=?utf-8?q?J=C3=B6rg?= <j@x.de>", "Jörg <j@x.de>");
  check ("=?iso-8859-1?q?J=F6rg?= =?iso-8859-1?q?_M=FCller?= <j@x.de>", "Jörg Müller <j@x.de>");
  check ("J\xc3\xb6rg <j@x.de>", "Jörg <j@x.de>");
  check ("J\xf6rg <j@x.de>", "Jörg <j@x.de>");
  check ("\"Jos\xe9 \\\"x\\\"\" <j@x.de>", "\"José \\\"x\\\"\" <j@x.de>");
  check ("team: a@b.c, D <d@e.f>;, g@h.i", "a@b.c, D <d@e.f>, g@h.i");
  check ("undisclosed-recipients:;", "undisclosed-recipients:;");
  check ("", "");
}

static void
a_dot_too_many_loses_no_address (void **state)
{
  check ("a..b@c, d.@e, .f@g, h...i.@j", "a..b@c, d.@e, .f@g, h...i.@j");
  check ("pr <.palmer@enron.com>, a@b", "pr <.palmer@enron.com>, a@b");
}

static void
hostile_text_stays_one_clean_line (void **state)
{
  static const char *const cases[] = { "<",          "<<<<>>>>@",      "@",        ",,,,", "a b c <",      "\"unclosed <a@b>", "(((((",
                                       "=?utf-8?q?", "x\x1b[2J <a@b>", "\xff\xfe", ":;:;", "a@b <c@d> e@f" };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (FmAddressList) list = fm_address_list_parse (cases[i], -1);
      g_autofree char *shown = fm_address_list_display (list);
      assert_true (g_utf8_validate (shown, -1, NULL));
      for (const char *p = shown; *p != '\0'; p++)
        assert_true ((guchar) *p >= 0x20 && *p != 0x7f);
    }
  g_autoptr (FmAddressList) hidden = fm_address_list_parse ("=?utf-8?q?a=0Ab=E2=80=AEc?= <a@b>", -1);
  assert_string_equal (fm_address_list_get (hidden, 0)->name, "a bc");
}

static void
nothing_takes_long (void **state)
{
  static const char *const units[] = { "a:", "a@b,", "(", "<", "\"", "=?utf-8?q?a?= ", "x <", "\\", "@a," };
  gint64 start = cpu_time_us ();

  for (gsize i = 0; i < G_N_ELEMENTS (units); i++)
    {
      GString *text = g_string_new (NULL);
      while (text->len < 400000)
        g_string_append (text, units[i]);
      g_autoptr (FmAddressList) list = fm_address_list_parse (text->str, text->len);
      assert_true (fm_address_list_length (list) <= 5000);
      g_string_free (text, TRUE);
    }
  assert_true (cpu_time_us () - start < 10 * G_USEC_PER_SEC);
}

static void
header_form_reads_back (void **state)
{
  static const FmAddress people[] = {
    { "", "a@b.c" },
    { "Grace Hopper", "g@x.org" },
    { "Hopper, \"G\"", "g@x.org" },
    { "Jörg 日本語", "j@x.de" },
    { "a\r\nBcc: evil@x", "e@x.org" },
    { "hidden", "" },
  };
  g_autoptr (FmAddressList) list = fm_address_list_new (people, G_N_ELEMENTS (people));
  g_autofree char *header = fm_address_list_header (list);
  assert_true (g_str_is_ascii (header));
  assert_null (strpbrk (header, "\r\n"));
  g_autoptr (FmAddressList) again = fm_address_list_parse (header, -1);
  assert_int_equal (fm_address_list_length (again), G_N_ELEMENTS (people));
  for (guint i = 0; i < G_N_ELEMENTS (people); i++)
    {
      assert_string_equal (fm_address_list_get (again, i)->name, fm_address_list_get (list, i)->name);
      assert_string_equal (fm_address_list_get (again, i)->address, fm_address_list_get (list, i)->address);
    }
}

static void
validity (void **state)
{
  static const char *const good[]
      = { "a@b.c", "a.b+c@localhost", "\"a b\"@x.org", "jörg@x.de", "a@[127.0.0.1]", "a@[IPv6:::1]", "x@müller.de" };
  static const char *const bad[] = { "",      "a",      "@b",   "a@",        "a@b c", "a b@c", "a@b\r\nRCPT TO:<x@y>", "a@b>", "<a@b>",
                                     "a,b@c", "a@b..c", "a@.b", "\"a\r\"@b", "\"a@b", "a@b@c" };

  for (gsize i = 0; i < G_N_ELEMENTS (good); i++)
    assert_true (fm_address_is_valid (good[i]));
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    assert_false (fm_address_is_valid (bad[i]));
  assert_takes_string (fm_address_wire ("x@müller.de"), "x@xn--mller-kva.de");
}

static void
merging_drops_duplicates_and_own (void **state)
{
  g_autoptr (FmAddressList) a = fm_address_list_parse ("A <a@x>, b@x", -1);
  g_autoptr (FmAddressList) b = fm_address_list_parse ("B <B@X>, me@x, c@x, none:;", -1);
  g_autoptr (FmAddressList) own = fm_address_list_parse ("ME@x", -1);
  g_autoptr (FmAddressList) all = fm_address_list_merge (a, b, own);
  assert_takes_string (fm_address_list_display (all), "A <a@x>, b@x, c@x");
  g_autoptr (FmAddressList) none = fm_address_list_merge (NULL, NULL, NULL);
  assert_int_equal (fm_address_list_length (none), 0);
  assert_int_equal (fm_address_list_length (NULL), 0);
}

/* `Lowe's <noreply@evil.example>`, `<admin@legitimate.example>` and `ada@a.example` in one word each: only a name is shown decoded. */
static void
a_word_is_no_address (void **state)
{
  g_autoptr (FmAddressList) named = fm_address_list_parse ("=?utf-8?B?TG93ZSdzIDxub3JlcGx5QGV2aWwuZXhhbXBsZT4=?=", -1);
  assert_string_equal (fm_address_short (fm_address_list_get (named, 0)), "Lowe's");
  assert_true (g_str_has_prefix (fm_address_list_get (named, 0)->address, "=?utf-8?B?TG93"));
  assert_false (fm_address_is_valid (fm_address_list_get (named, 0)->address));
  g_autoptr (FmAddressList) bare = fm_address_list_parse ("=?utf-8?B?PGFkbWluQGxlZ2l0aW1hdGUuZXhhbXBsZT4=?=, b@x", -1);
  assert_true (g_str_has_prefix (fm_address_short (fm_address_list_get (bare, 0)), "=?utf-8?B?"));
  g_autoptr (FmAddressList) plain = fm_address_list_parse ("=?utf-8?q?ada=40a=2Eexample?=", -1);
  assert_true (g_str_has_prefix (fm_address_short (fm_address_list_get (plain, 0)), "=?utf-8?"));
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (reads_what_people_send),
    cmocka_unit_test (a_dot_too_many_loses_no_address),
    cmocka_unit_test (hostile_text_stays_one_clean_line),
    cmocka_unit_test (a_word_is_no_address),
    cmocka_unit_test (nothing_takes_long),
    cmocka_unit_test (header_form_reads_back),
    cmocka_unit_test (validity),
    cmocka_unit_test (merging_drops_duplicates_and_own),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}

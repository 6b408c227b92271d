/* URLs in text: where they begin and end, and where they really lead. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "fulmar/mail/urls.h"

static void
finds (const char *text, const char *expected)
{
  gsize start = 0, end = 0;
  gboolean found = fm_urls_find (text, strlen (text), 0, &start, &end);
  g_autofree char *got = found ? g_strndup (text + start, end - start) : g_strdup ("");
  assert_string_equal (got, expected);
}

static void
ends_of_urls (void **state)
{
  finds ("see http://example.org/a.", "http://example.org/a");
  finds ("(http://example.org/a_(b))", "http://example.org/a_(b)");
  finds ("<https://example.org/?q=1&r=2>", "https://example.org/?q=1&r=2");
  finds ("go to www.example.org, now", "www.example.org");
  finds ("awww.example.org", "");
  finds ("mailto:ann@example.org!", "mailto:ann@example.org");
  finds ("mailto: nobody", "");
  finds ("xhttp://example.org", "");
  finds ("http:// example.org", "");
  finds ("日本語http://example.jp/あ。次", "http://example.jp/あ");
  finds ("http://example.org/\x1b[31m", "http://example.org/");
  finds ("a:b.c:d www. http:", "");
}

static void
hosts (void **state)
{
  static const char *const table[][2] = {
    { "https://Example.ORG:8080/x", "example.org" },
    { "https://bank.example@evil.test/", "evil.test" },
    { "https://bank.example\\@evil.test/", "bank.example" },
    { "mailto:ann@example.org", "" },
    { "http://[::1]:80/", "[::1]" },
    { "https:\\\\evil.test/x", "evil.test" },
    { "https://%65vil.test./", "evil.test" },
    { "https://bank.example#@evil.test", "bank.example" },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (table); i++)
    {
      g_autofree char *host = fm_urls_host (table[i][0]);
      assert_string_equal (host, table[i][1]);
    }
}

static void
only_safe_targets (void **state)
{
  static const char *const bad[]
      = { "javascript:alert(1)", " java\nscript:x", "data:text/html,x", "file:///etc/passwd", "cid:x@y", "#top", "page.html", "", "http:",
          "vbscript:x" };
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    assert_null (fm_urls_clean (bad[i]));
  g_autofree char *split = fm_urls_clean (" ht\ntp://example.org/a b\x1b ");
  assert_string_equal (split, "http://example.org/a%20b%1B");
  g_autofree char *scheme_relative = fm_urls_clean ("//example.org/x");
  assert_string_equal (scheme_relative, "https://example.org/x");
}

static void
claims (void **state)
{
  static const char *const none[] = { "Click here", "report.pdf", "Hello.World said", "v1.2", "" };
  for (gsize i = 0; i < G_N_ELEMENTS (none); i++)
    assert_null (fm_urls_claimed_host (none[i]));
  g_autofree char *bare = fm_urls_claimed_host ("www.bank.example");
  assert_string_equal (bare, "www.bank.example");
  assert_true (fm_urls_hosts_agree ("www.bank.example", "login.bank.example"));
  assert_false (fm_urls_hosts_agree ("bank.example", "bank.example.evil.test"));
  assert_false (fm_urls_hosts_agree ("bank.example", "notbank.example"));
}

int
main (void)
{
  const struct CMUnitTest tests[]
      = { cmocka_unit_test (ends_of_urls), cmocka_unit_test (hosts), cmocka_unit_test (only_safe_targets), cmocka_unit_test (claims) };
  return cmocka_run_group_tests (tests, NULL, NULL);
}

/* Secrets: whole, terminated, locked where allowed, left out of core dumps, wiped. */
#include "test.h"

#include <fulmar/base/secret.h>

#include <string.h>

static void
test_keeps (void **state)
{
  FmSecret *secret = fm_secret_new ("hunter2", -1);
  FmSecret *other = fm_secret_ref (secret);

  fm_secret_unref (secret);
  assert_string_equal (fm_secret_peek (other), "hunter2");
  assert_int_equal (fm_secret_length (other), 7);
  fm_secret_unref (other);
  fm_secret_unref (NULL);
}

static void
test_lengths (void **state)
{
  gsize sizes[] = { 0, 1, 4095, 4096, 4097, 100000 };
  gsize i;

  for (i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autofree char *text = g_strnfill (sizes[i], 'x');
      g_autoptr (FmSecret) secret = fm_secret_new (text, (gssize) sizes[i]);

      assert_int_equal (fm_secret_length (secret), sizes[i]);
      assert_string_equal (fm_secret_peek (secret), text);
    }
}

/* The kernel's own word on the page: "dd" is do-not-dump. */
static gboolean
is_kept_from_dumps (const void *address)
{
  g_autofree char *smaps = NULL;
  g_auto (GStrv) lines = NULL;
  gboolean inside = FALSE;
  gsize i;

  if (!g_file_get_contents ("/proc/self/smaps", &smaps, NULL, NULL))
    skip ();
  lines = g_strsplit (smaps, "\n", -1);
  for (i = 0; lines[i] != NULL; i++)
    {
      char *dash, *end;
      guint64 from = g_ascii_strtoull (lines[i], &dash, 16);

      if (dash != lines[i] && *dash == '-')
        {
          guint64 to = g_ascii_strtoull (dash + 1, &end, 16);

          inside = from <= (guint64) (gsize) address && (guint64) (gsize) address < to;
        }
      else if (inside && g_str_has_prefix (lines[i], "VmFlags:"))
        return strstr (lines[i], " dd") != NULL;
    }
  return FALSE;
}

static void
test_not_dumped (void **state)
{
  g_autofree char *page = g_strnfill (4096, 'x');
  g_autoptr (FmSecret) whole_page = fm_secret_new (page, -1); /* first: the kernel maps downwards, one secret would cover for the other */
  g_autoptr (FmSecret) secret = fm_secret_new ("hunter2", -1);

  assert_true (is_kept_from_dumps (fm_secret_peek (secret)));
  assert_true (is_kept_from_dumps (fm_secret_peek (whole_page) + 4096)); /* the NUL has a page of its own */
}

static void
test_wipe (void **state)
{
  char buffer[] = "hunter2";

  fm_secret_wipe (buffer, sizeof buffer);
  assert_memory_equal (buffer, "\0\0\0\0\0\0\0\0", sizeof buffer);
  fm_secret_wipe (NULL, 0);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_keeps),
    cmocka_unit_test (test_lengths),
    cmocka_unit_test (test_not_dumped),
    cmocka_unit_test (test_wipe),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}

/* The flag table: names of the server, of maildir and of --json to bits and back. */
#include "fulmar/mail/flags.h"
#include "test.h"

static void
imap_names_go_both_ways (void **state)
{
  for (guint bit = 0; bit < 9; bit++)
    {
      const char *name = fm_flags_imap_name (1u << bit);
      assert_non_null (name);
      assert_int_equal (fm_flags_from_imap_name (name), 1u << bit);
    }
  assert_int_equal (fm_flags_from_imap_name ("\\sEEN"), FM_FLAG_SEEN);
  assert_int_equal (fm_flags_from_imap_name ("Junk"), FM_FLAG_JUNK);
  assert_int_equal (fm_flags_from_imap_name ("urgent"), 0);
  assert_int_equal (fm_flags_from_imap_name (NULL), 0);
  assert_null (fm_flags_imap_name (FM_FLAG_ATTACHMENT));
  assert_null (fm_flags_imap_name (FM_FLAG_SEEN | FM_FLAG_DRAFT));
}

static void
maildir_letters_are_sorted_and_complete (void **state)
{
  assert_takes_string (fm_flags_to_maildir (FM_FLAG_SEEN | FM_FLAG_ANSWERED | FM_FLAG_FLAGGED | FM_FLAG_ATTACHMENT), "FRS");
  assert_takes_string (fm_flags_to_maildir (FM_FLAG_SERVER_MASK), "DFPRST");
  assert_takes_string (fm_flags_to_maildir (0), "");
  assert_int_equal (fm_flags_from_maildir ("TSabc,x"), FM_FLAG_SEEN | FM_FLAG_DELETED);
  assert_int_equal (fm_flags_from_maildir (NULL), 0);
}

static void
json_names_are_those_promised (void **state)
{
  assert_string_equal (fm_flags_json_name (FM_FLAG_FORWARDED), "forwarded");
  assert_string_equal (fm_flags_json_name (FM_FLAG_SEEN), "seen");
  assert_null (fm_flags_json_name (FM_FLAG_JUNK));
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (imap_names_go_both_ways),
    cmocka_unit_test (maildir_letters_are_sorted_and_complete),
    cmocka_unit_test (json_names_are_those_promised),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}

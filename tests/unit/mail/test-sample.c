/* The sample mail: every file of it opens without a defect, says who, when and what, hangs in its thread, and shows all it promises to show. */
#include "fulmar/base/clock.h"
#include "fulmar/base/error.h"
#include "fulmar/mail/message.h"
#include "fulmar/mail/sample.h"
#include "tests/unit/mail/test.h"
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char *dir;
static GHashTable *ids;   /* Message-ID -> its In-Reply-To, owned */
static GHashTable *types; /* media types seen, owned */
static guint n_mails, n_unread;

static void
note_mail (FmMessage *message)
{
  const FmEnvelope *envelope = fm_message_envelope (message);
  gint64 age = fm_clock_now_utc () - fm_envelope_date_utc (envelope);

  assert_true (fm_envelope_message_id (envelope)[0] != '\0');
  assert_true (fm_envelope_subject (envelope)[0] != '\0');
  assert_int_equal (fm_address_list_length (fm_envelope_from (envelope)), 1);
  assert_true (fm_address_list_length (fm_envelope_to (envelope)) >= 1);
  assert_true (g_utf8_validate (fm_envelope_subject (envelope), -1, NULL));
  assert_null (strstr (fm_envelope_subject (envelope), "=?"));
  assert_in_range (age, 0, 400 * 86400);
  assert_false (g_hash_table_contains (ids, fm_envelope_message_id (envelope)));
  g_hash_table_insert (ids, g_strdup (fm_envelope_message_id (envelope)), g_strdup (fm_envelope_in_reply_to (envelope)));
  for (guint i = 0; i < fm_message_n_parts (message); i++)
    g_hash_table_add (types, g_strdup (fm_message_part (message, i)->type));
}

static int
visit (const char *path, const struct stat *info, int type, struct FTW *walk)
{
  if (type != FTW_F)
    return 0;
  g_autoptr (GError) error = NULL;
  g_autoptr (FmMessage) message = fm_message_open_file (path, 0, -1, &error);
  assert_non_null (message);
  if (fm_message_defects (message) != 0)
    fail_msg ("%s has defects %#x", path, fm_message_defects (message));
  note_mail (message);
  n_mails++;
  n_unread += strstr (path, "/new/") != NULL || (strstr (path, ":2,") != NULL && strchr (strstr (path, ":2,"), 'S') == NULL);
  return 0;
}

static guint
depth_of (const char *id)
{
  guint depth = 0;

  for (const char *above = g_hash_table_lookup (ids, id); above != NULL && above[0] != '\0'; above = g_hash_table_lookup (ids, above))
    depth++;
  return depth;
}

static void
test_every_mail (void **state)
{
  GHashTableIter iter;
  gpointer id, above;
  guint deepest = 0;

  g_autoptr (GError) error = NULL;
  assert_true (fm_sample_write (dir, &error));
  nftw (dir, visit, 16, FTW_PHYS);
  assert_in_range (n_mails, 300, 600);
  assert_in_range (n_unread, 12, 80);
  g_hash_table_iter_init (&iter, ids);
  while (g_hash_table_iter_next (&iter, &id, &above))
    {
      assert_true (((char *) above)[0] == '\0' || g_hash_table_contains (ids, above));
      deepest = MAX (deepest, depth_of (id));
    }
  assert_in_range (deepest, 7, 12);
}

static void
test_every_kind (void **state)
{
  static const char *const expected[]
      = { "text/plain",     "text/html",       "text/calendar",         "text/csv",         "image/png",        "application/pdf",
          "message/rfc822", "multipart/mixed", "multipart/alternative", "multipart/report", "multipart/digest", "message/delivery-status" };

  for (guint i = 0; i < G_N_ELEMENTS (expected); i++)
    if (!g_hash_table_contains (types, expected[i]))
      fail_msg ("no %s", expected[i]);
}

/* A directory that cannot be made ends in an error that names it. */
static void
test_bad_place (void **state)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *file = g_build_filename (dir, "a-file", NULL), *below = g_build_filename (file, "Mail", NULL);

  assert_true (g_file_set_contents (file, "", 0, NULL));
  assert_false (fm_sample_write (below, &error));
  assert_true (g_error_matches (error, FM_ERROR, FM_ERROR_STORAGE));
}

static int
remove_entry (const char *path, const struct stat *info, int type, struct FTW *walk)
{
  return remove (path);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_every_mail),
    cmocka_unit_test (test_every_kind),
    cmocka_unit_test (test_bad_place),
  };
  int failed;

  dir = g_dir_make_tmp ("fulmar-sample-XXXXXX", NULL);
  ids = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  types = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  failed = cmocka_run_group_tests (tests, NULL, NULL);
  nftw (dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
  g_hash_table_unref (ids);
  g_hash_table_unref (types);
  g_free (dir);
  return failed;
}

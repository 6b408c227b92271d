/* Every message of the shared corpus, opened as the pager, the index and a reply would: nothing crashes or runs long, whatever the bytes; and
 * what we decode is compared with a second opinion. Rates are printed; FULMAR_CORPUS_VERBOSE=1 prints each disagreement. The classes of
 * disagreement are explained in doc/violations.md. Skipped (77) without the corpus. */
#include <gio/gio.h>
#include "fulmar/mail/projection.h"
#include "fulmar/mail/reply.h"
#include "fulmar/mail/threads.h"
#include "oracle.h"
#include "test.h"

enum { SUBJECT, FROM, TO, MESSAGE_ID, DATE, TREE, BODIES, FILE_NAMES, EVENTS, N_CLASSES };
static const char *const class_names[N_CLASSES]
    = { "subject", "from", "to", "message-id", "date", "part tree", "decoded bodies", "file names", "mime4j leaves" };
/* Agreement, in thousandths, below which something broke: a little under what was measured when each difference had been looked at. */
static const guint least[N_CLASSES] = { 955, 973, 988, 996, 997, 937, 972, 985, 890 };

static char *corpus;
static GHashTable *oracle;
static guint n_files, n_same[N_CLASSES], n_compared[N_CLASSES];
static gint64 slowest_us;
static char *slowest;

static void
compare (int class, const char *file, const char *ours, const char *theirs)
{
  n_compared[class]++;
  if (g_strcmp0 (ours, theirs) == 0)
    n_same[class]++;
  else if (g_getenv ("FULMAR_CORPUS_VERBOSE") != NULL)
    print_message ("%s: %s\n  ours   %s\n  theirs %s\n", class_names[class], file, ours, theirs);
}

/* One opinion writes "a  b" where the other writes "a b": only the words count. */
static char *
squeeze (const char *text)
{
  GString *out = g_string_new (NULL);

  for (const char *p = text != NULL ? text : ""; *p != '\0'; p++)
    if (!g_ascii_isspace (*p) || (out->len > 0 && out->str[out->len - 1] != ' '))
      g_string_append_c (out, g_ascii_isspace (*p) ? ' ' : *p);
  while (out->len > 0 && out->str[out->len - 1] == ' ')
    g_string_truncate (out, out->len - 1);
  return g_string_free (out, FALSE);
}

static void
compare_list (int class, const char *file, const FmAddressList *ours, const char *theirs)
{
  if (theirs == NULL)
    return;
  g_autoptr (FmAddressList) list = fm_address_list_parse (theirs, -1);
  g_autofree char *a = fm_address_list_display (ours);
  g_autofree char *b = fm_address_list_display (list);
  compare (class, file, a, b);
}

static void
compare_header (const FmEnvelope *envelope, const OracleMail *mail)
{
  if (mail->subject != NULL)
    {
      g_autofree char *theirs = squeeze (mail->subject);
      g_autofree char *ours = squeeze (fm_envelope_subject (envelope));
      compare (SUBJECT, mail->file, ours, theirs);
    }
  compare_list (FROM, mail->file, fm_envelope_from (envelope), mail->from);
  compare_list (TO, mail->file, fm_envelope_to (envelope), mail->to);
  if (mail->message_id != NULL)
    {
      g_autofree char *theirs = fm_threads_normalise_id (mail->message_id, -1);
      compare (MESSAGE_ID, mail->file, fm_envelope_message_id (envelope), theirs);
    }
  if (mail->date != NULL)
    {
      g_autofree char *field = g_strdup_printf ("Date: %s\n", mail->date);
      g_autoptr (FmEnvelope) alone = fm_envelope_parse (field, strlen (field));
      compare (DATE, mail->file, fm_envelope_date_utc (envelope) == fm_envelope_date_utc (alone) ? "same" : "other", "same");
    }
}

/* Their tree lists a body's multipart as "1" and opens message/delivery-status; both read as one line of types here. */
static char *
our_tree (const FmMessage *message)
{
  GString *out = g_string_new (NULL);

  for (guint i = 0; i < fm_message_n_parts (message); i++)
    {
      const FmMessagePart *part = fm_message_part (message, i);
      g_string_append_printf (out, "%s ", part->type);
    }
  return g_string_free (out, FALSE);
}

static char *
their_tree (const OracleMail *mail)
{
  GString *out = g_string_new (NULL);
  g_autofree char *skip = NULL;

  for (guint i = 0; i < mail->parts->len; i++)
    {
      const OraclePart *part = &g_array_index (mail->parts, OraclePart, i);
      if (skip != NULL && g_str_has_prefix (part->path, skip))
        continue;
      if (strcmp (part->type, "message/delivery-status") == 0)
        {
          g_free (skip);
          skip = g_strconcat (part->path, ".", NULL);
        }
      g_string_append_printf (out, "%s ", part->type);
    }
  return g_string_free (out, FALSE);
}

static char *
digest (GBytes *bytes)
{
  gsize size = 0;
  const char *data = g_bytes_get_data (bytes, &size);
  GString *text = g_string_sized_new (size);

  for (gsize i = 0; i < size; i++)
    if (data[i] != '\r' || i + 1 == size || data[i + 1] != '\n')
      g_string_append_c (text, data[i]);
  while (text->len > 0 && text->str[text->len - 1] == '\n')
    g_string_truncate (text, text->len - 1);
  g_autofree char *sha1 = g_compute_checksum_for_string (G_CHECKSUM_SHA1, text->str, text->len);
  g_string_free (text, TRUE);
  return g_strndup (sha1, 16);
}

static void
compare_leaves (FmMessage *message, const OracleMail *mail)
{
  for (guint i = 0; i < mail->parts->len && i < fm_message_n_parts (message); i++)
    {
      const OraclePart *theirs = &g_array_index (mail->parts, OraclePart, i);
      const FmMessagePart *ours = fm_message_part (message, i);
      if (!ours->is_leaf || theirs->sha1 == NULL || strcmp (theirs->type, ours->type) != 0)
        continue;
      g_autoptr (GBytes) bytes = fm_message_part_bytes (message, i, 64 << 20, NULL);
      g_autofree char *sum = bytes != NULL ? digest (bytes) : NULL;
      compare (BODIES, mail->file, sum, theirs->sha1);
      if (theirs->file_name != NULL && strpbrk (theirs->file_name, "/\\:*?\"<>|\n\t") == NULL)
        compare (FILE_NAMES, mail->file, ours->file_name, theirs->file_name);
    }
}

/* mime4j's own expectation lies beside its messages as the events of its parser: each <body> is a leaf. */
static void
compare_events (FmMessage *message, const char *path)
{
  g_autofree char *stem = g_strndup (path, strlen (path) - strlen (".msg"));
  g_autofree char *xml_path = g_strconcat (stem, ".xml", NULL);
  g_autofree char *xml = NULL;
  guint ours = 0, theirs = 0;

  if (!g_str_has_suffix (path, ".msg") || !g_file_get_contents (xml_path, &xml, NULL, NULL))
    return;
  for (const char *p = strstr (xml, "<body>"); p != NULL; p = strstr (p + 1, "<body>"))
    theirs++;
  for (guint i = 0; i < fm_message_n_parts (message); i++)
    ours += fm_message_part (message, i)->is_leaf;
  g_autofree char *a = g_strdup_printf ("%u", ours);
  g_autofree char *b = g_strdup_printf ("%u", theirs);
  compare (EVENTS, path, a, b);
}

/* What every reader of the program does with a message. */
static void
exercise (FmMessage *message)
{
  for (int preference = 0; preference < 2; preference++)
    {
      g_autoptr (GArray) parts = fm_message_body_parts (message, preference);
      for (guint i = 0; i < parts->len; i++)
        {
          guint index = g_array_index (parts, guint, i);
          if (!fm_message_part (message, index)->is_leaf)
            assert_non_null (fm_message_part_envelope (message, index));
          else
            {
              gboolean truncated = FALSE;
              g_autofree char *text = fm_message_part_text (message, index, 1 << 20, &truncated, NULL);
              assert_non_null (text);
              assert_true (strlen (text) <= 1 << 20);
              assert_true (g_utf8_validate (text, -1, NULL));
            }
        }
    }
  for (int set = 0; set < 2; set++)
    {
      gsize n = 0;
      const FmMessageField *fields = fm_message_headers (message, FM_MESSAGE_NO_PART, set, &n);
      for (gsize i = 0; i < n; i++)
        {
          assert_true (g_utf8_validate (fields[i].value, -1, NULL));
          assert_null (strpbrk (fields[i].value, "\r\n\x1b"));
        }
    }
  g_autoptr (GBytes) projection = fm_projection_build (message, 1);
  g_autoptr (FmDraft) answer = fm_reply_new (message, FM_REPLY_ALL, NULL);
  assert_true (projection != NULL && answer != NULL);
  g_autoptr (GArray) attachments = fm_message_attachments (message);
  for (guint i = 0; i < attachments->len; i++)
    {
      const char *name = fm_message_part (message, g_array_index (attachments, guint, i))->file_name;
      assert_true (strlen (name) <= 200 && strchr (name, '/') == NULL && name[0] != '.');
    }
}

static void
open_one (const char *path)
{
  gint64 start = cpu_time_us ();
  g_autoptr (GError) error = NULL;
  g_autoptr (FmMessage) message = fm_message_open_file (path, 0, -1, &error);
  assert_no_error (error);
  exercise (message);
  gint64 took = cpu_time_us () - start;
  n_files++;
  if (took > slowest_us)
    {
      slowest_us = took;
      g_free (slowest);
      slowest = g_strdup (path);
    }
  compare_events (message, path);
  const OracleMail *mail = oracle != NULL ? g_hash_table_lookup (oracle, path + strlen (corpus) + 1) : NULL;
  if (mail == NULL)
    return;
  compare_header (fm_message_envelope (message), mail);
  g_autofree char *ours = our_tree (message);
  g_autofree char *theirs = their_tree (mail);
  compare (TREE, mail->file, ours, theirs);
  if (strcmp (ours, theirs) == 0)
    compare_leaves (message, mail);
}

/* Every file under the directory, mail or not: what is none must not hurt either. */
static void
walk (const char *directory)
{
  g_autoptr (GDir) dir = g_dir_open (directory, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (directory, name, NULL);
      if (g_file_test (path, G_FILE_TEST_IS_DIR))
        walk (path);
      else
        open_one (path);
    }
}

static void
all_open_and_agree (void **state)
{
  static const char *const sets[] = { "mime", "dsn", "security", "quoting", "html", "tnef", "calendar" };

  for (gsize i = 0; i < G_N_ELEMENTS (sets); i++)
    {
      g_autofree char *path = g_build_filename (corpus, sets[i], NULL);
      walk (path);
    }
  print_message ("%u files opened, slowest %.1f ms (%s)\n", n_files, slowest_us / 1e3, slowest);
  for (int i = 0; i < N_CLASSES; i++)
    {
      guint rate = n_compared[i] > 0 ? n_same[i] * 1000u / n_compared[i] : 1000;
      print_message ("%-16s %5u of %5u agree (%u.%u %%)\n", class_names[i], n_same[i], n_compared[i], rate / 10, rate % 10);
      assert_true (rate >= least[i]);
    }
  assert_true (n_files > 1000);
  assert_true (slowest_us < G_USEC_PER_SEC);
}

int
main (void)
{
  const struct CMUnitTest tests[] = { cmocka_unit_test (all_open_and_agree) };

  corpus = g_strdup (g_getenv ("FULMAR_CORPUS") != NULL ? g_getenv ("FULMAR_CORPUS") : FM_CORPUS);
  if (!g_file_test (corpus, G_FILE_TEST_IS_DIR))
    return 77;
  g_autofree char *oracle_path = g_build_filename (corpus, "_oracle", "python-email.jsonl.gz", NULL);
  oracle = oracle_load (oracle_path);
  int failed = cmocka_run_group_tests (tests, NULL, NULL);
  g_clear_pointer (&oracle, g_hash_table_unref);
  g_free (corpus);
  g_free (slowest);
  return failed;
}

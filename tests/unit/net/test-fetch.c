/* The parser of plain FETCH responses, held against the parsers that would be asked without it: over a table, the recordings of real servers (not
 * part of this tree: skipped without them), and responses made up and spoilt by the thousand. It may refuse what it likes, as long as it has
 * done nothing then; what it reads must be told to the last detail as the others tell it; and it must not refuse what servers send. */
#include "net/imap-response.h"
#include "story.h"
#include <fulmar/net/stream.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define NAMES "DATE FROM SENDER REPLY-TO TO CC BCC SUBJECT MESSAGE-ID IN-REPLY-TO REFERENCES CONTENT-TYPE LIST-ID LIST-POST"

static const struct {
  const char *response;
  gboolean is_taken;
} table[] = {
  { "* 12 FETCH (UID 7 FLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft \\Recent))", TRUE },
  { "* 12 FETCH (FLAGS ())", TRUE },
  { "* 12 FETCH (FLAGS (\\Seen $Junk work NonJunk Forwarded) UID 4294967295 MODSEQ (999999999999999999))", TRUE },
  { "* 4294967295 FETCH (MODSEQ (0) UID 1 RFC822.SIZE 0 FLAGS ($MDNSent 1 -5 1234567890123))", TRUE },
  { "* 1 FETCH (INTERNALDATE \" 7-Jul-1996 02:44:25 -0730\")", TRUE },
  { "* 1 FETCH (INTERNALDATE \"29-Feb-2000 23:59:59 +1400\" UID 1)", TRUE },
  { "* 1 FETCH (INTERNALDATE \"01-Mar-2100 00:00:00 +0000\" UID 1)", TRUE },
  { "* 1 FETCH (INTERNALDATE \"31-Dec-9999 23:59:59 -0000\" UID 1)", TRUE },
  { "* 1 FETCH (INTERNALDATE \"01-Jan-1970 00:00:00 +0075\" UID 1)", TRUE },
  { "* 1 FETCH (UID 1 BODY[HEADER.FIELDS (" NAMES ")] {13}\r\nFrom: a@b\r\n\r\n)", TRUE },
  { "* 1 FETCH (BODY[HEADER.FIELDS (From x-y)] {20}\r\n)\r\n* 2 FLAGS (\\Seen))", TRUE },
  { "* 1 FETCH (BODY[HEADER.FIELDS (A)] {0}\r\n UID 9)", TRUE },
  { "* 1 FETCH (UID 1 FLAGS () INTERNALDATE \"17-Jul-1996 02:44:25 -0700\" RFC822.SIZE 4294967295 MODSEQ (12) BODY[HEADER.FIELDS (A B)] "
    "{2}\r\n\r\n)",
    TRUE },

  { "* 0 FETCH (UID 1)", FALSE },
  { "* 01 FETCH (UID 1)", FALSE },
  { "* 4294967296 FETCH (UID 1)", FALSE },
  { "* 1 FETCH ()", FALSE },
  { "* 1 FETCH (UID 1", FALSE },
  { "* 1 FETCH (UID 1 )", FALSE },
  { "* 1 FETCH (UID 1))", FALSE },
  { "* 1 FETCH (UID 1) ", FALSE },
  { "* 1 FETCH (UID 0)", FALSE },
  { "* 1 FETCH (UID 01)", FALSE },
  { "* 1 FETCH (UID 4294967296)", FALSE },
  { "* 1 FETCH (UID 18446744073709551617)", FALSE },
  { "* 1 FETCH (UID 1 UID 1)", FALSE },
  { "* 1 FETCH (uid 1)", FALSE },
  { "* 1 FETCH (UID 1 FLAGS (\\Seen\\Seen))", FALSE },
  { "* 1 FETCH (UID 1 FLAGS (\\Seen  \\Seen))", FALSE },
  { "* 1 FETCH (UID 1 FLAGS (\\Seen ))", FALSE },
  { "* 1 FETCH (UID 1 FLAGS ( \\Seen))", FALSE },
  { "* 1 FETCH (UID 1 FLAGS (\\Seenly))", FALSE },
  { "* 1 FETCH (UID 1 FLAGS (\\seen))", FALSE },
  { "* 1 FETCH (UID 1 FLAGS (\\Junk))", FALSE },
  { "* 1 FETCH (UID 1 FLAGS (NIL))", FALSE },
  { "* 1 FETCH (UID 1 FLAGS (a]))", FALSE },
  { "* 1 FETCH (UID 1 FLAGS (BODY[A ~work))", FALSE },
  { "* 1 FETCH (UID 1 FLAGS (\303\244))", FALSE },
  { "* 1 FETCH (UID 1 FLAGS () FLAGS (\\Seen))", FALSE },
  { "* 1 FETCH (UID 1 MODSEQ 5)", FALSE },
  { "* 1 FETCH (UID 1 MODSEQ (9223372036854775808))", FALSE },
  { "* 1 FETCH (UID 1 RFC822.SIZE 4294967297)", FALSE },
  { "* 1 FETCH (UID 1 RFC822.SIZE -1)", FALSE },
  { "* 1 FETCH (INTERNALDATE \"31-Apr-2001 02:44:25 -0700\")", FALSE },
  { "* 1 FETCH (INTERNALDATE \"29-Feb-2100 02:44:25 -0700\")", FALSE },
  { "* 1 FETCH (INTERNALDATE \"17-Jul-1996 24:44:25 -0700\")", FALSE },
  { "* 1 FETCH (INTERNALDATE \"17-Jul-1996 02:44:25 -2500\")", FALSE },
  { "* 1 FETCH (INTERNALDATE \"17-Jul-1969 02:44:25 -0700\")", FALSE },
  { "* 1 FETCH (INTERNALDATE \"7-Jul-1996 02:44:25 -0700\")", FALSE },
  { "* 1 FETCH (INTERNALDATE NIL)", FALSE },
  { "* 1 FETCH (BODY[HEADER.FIELDS (A)] NIL)", FALSE },
  { "* 1 FETCH (BODY[HEADER.FIELDS (A)] \"A: b\")", FALSE },
  { "* 1 FETCH (BODY[HEADER.FIELDS (A)]<0> {1}\r\nx)", FALSE },
  { "* 1 FETCH (BODY[HEADER.FIELDS (A)] {9}\r\nx)", FALSE },
  { "* 1 FETCH (BODY[HEADER.FIELDS (A)] {1+}\r\nx)", FALSE },
  { "* 1 FETCH (BODY[HEADER.FIELDS (\"A\")] {1}\r\nx)", FALSE },
  { "* 1 FETCH (BODY[HEADER.FIELDS ()] {1}\r\nx)", FALSE },
  { "* 1 FETCH (BODY[HEADER.FIELDS (A )] {1}\r\nx)", FALSE },
  { "* 1 FETCH (BODY[HEADER] {1}\r\nx)", FALSE },
  { "* 1 FETCH (BODY[] {1}\r\nx)", FALSE },
  { "* 1 FETCH (UID 1 EMAILID (M6d))", FALSE },
  { "* 1 EXPUNGE", FALSE },
  { "*", FALSE },
  { "", FALSE },
};

static void
takes_what_is_plain (void **unused)
{
  (void) unused;
  guint wrong = 0;

  for (gsize i = 0; i < G_N_ELEMENTS (table); i++)
    if (story_compare_fetch (table[i].response, strlen (table[i].response)) != (table[i].is_taken ? STORY_FETCH_TAKEN : STORY_FETCH_LEFT))
      {
        print_error ("%s\n", table[i].response);
        wrong++;
      }
  assert_int_equal (wrong, 0);
}

/* At every end that a response may be cut at: nothing is read beyond it, and none of it is a whole one. */
static void
takes_no_part_of_one (void **unused)
{
  (void) unused;
  for (gsize i = 0; i < G_N_ELEMENTS (table); i++)
    for (gsize n = 0; table[i].is_taken && n < strlen (table[i].response); n++)
      assert_int_equal (story_compare_fetch (table[i].response, n), STORY_FETCH_LEFT);
}

/* --- recordings --- */

typedef struct {
  guint n, n_taken, n_differ;
} Score;

static void
compare_recorded (const FmImapResponse *response, gpointer data)
{
  Score *score = data;

  if (response->is_poison)
    return;
  StoryFetch result = story_compare_fetch (response->text, response->length);
  score->n++;
  score->n_taken += result == STORY_FETCH_TAKEN;
  score->n_differ += result == STORY_FETCH_DIFFERS;
}

static void
reads_recordings_alike (void **unused)
{
  (void) unused;
  const char *set = g_getenv ("FULMAR_CORPUS");
  g_autofree char *protocol = g_build_filename (set != NULL ? set : FM_TEST_CORPUS, "protocol", NULL);
  Score score = { 0 };

  if (!g_file_test (protocol, G_FILE_TEST_IS_DIR))
    skip ();
  story_each_recording (protocol, compare_recorded, &score);
  print_message ("%u responses, %u of them taken, %u differ\n", score.n, score.n_taken, score.n_differ);
  assert_true (score.n_taken > 50);
  assert_int_equal (score.n_differ, 0);
}

/* --- made up --- */

static const char *
pick (GRand *rand, const char *const *from, guint n)
{
  return from[g_rand_int_range (rand, 0, (gint32) n)];
}
#define PICK(rand, list) pick (rand, list, G_N_ELEMENTS (list))

static void
add_flags (GRand *rand, GString *text)
{
  static const char *const flags[]
      = { "\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft", "\\Recent", "$Forwarded", "$Junk", "NonJunk", "todo", "1", "a:b/c" };

  g_string_append (text, "FLAGS (");
  for (int i = 0, n = g_rand_int_range (rand, 0, 5); i < n; i++)
    g_string_append_printf (text, "%s%s", i > 0 ? " " : "", PICK (rand, flags));
  g_string_append_c (text, ')');
}

static void
add_date (GRand *rand, GString *text)
{
  static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

  g_string_append_printf (text, "INTERNALDATE \"%*d-%s-%04d %02d:%02d:%02d %c%04d\"", 2, g_rand_int_range (rand, 1, 29),
                          PICK (rand, months), g_rand_int_range (rand, 1970, 2500), g_rand_int_range (rand, 0, 24),
                          g_rand_int_range (rand, 0, 60), g_rand_int_range (rand, 0, 60), g_rand_boolean (rand) ? '+' : '-',
                          g_rand_int_range (rand, 0, 1500));
}

static void
add_header (GRand *rand, GString *text)
{
  static const char *const names[] = { NAMES, "From", "DATE To x-Spam-Status" };
  static const char *const lines[] = { "From: a@b\r\n", "Subject: )\r\n", " {3}\r\n", "\r\n", "* 1 FETCH (UID 1)\r\n", "\303\244\t\n" };
  g_autoptr (GString) header = g_string_new (NULL);

  for (int i = 0, n = g_rand_int_range (rand, 0, 4); i < n; i++)
    g_string_append (header, PICK (rand, lines));
  g_string_append_printf (text, "BODY[HEADER.FIELDS (%s)] {%" G_GSIZE_FORMAT "}\r\n%s", PICK (rand, names), header->len, header->str);
}

/* Some of the items that are asked for, in any order. */
static GString *
plain_response (GRand *rand)
{
  GString *text = g_string_new (NULL);
  int order[6] = { 0, 1, 2, 3, 4, 5 };

  g_string_printf (text, "* %u FETCH (", g_rand_int (rand) >> g_rand_int_range (rand, 0, 31) | 1);
  for (int i = 5; i > 0; i--)
    {
      int with = g_rand_int_range (rand, 0, i + 1), other = order[i];
      order[i] = order[with];
      order[with] = other;
    }
  for (int i = 0, n = g_rand_int_range (rand, 1, 7); i < n; i++)
    {
      if (i > 0)
        g_string_append_c (text, ' ');
      if (order[i] == 0)
        g_string_append_printf (text, "UID %u", g_rand_int (rand) >> g_rand_int_range (rand, 0, 31) | 1);
      else if (order[i] == 1)
        add_flags (rand, text);
      else if (order[i] == 2)
        g_string_append_printf (text, "MODSEQ (%u%u)", g_rand_int (rand) >> 8 | 1, g_rand_int (rand));
      else if (order[i] == 3)
        add_date (rand, text);
      else if (order[i] == 4)
        g_string_append_printf (text, "RFC822.SIZE %u", g_rand_int (rand) >> g_rand_int_range (rand, 0, 31));
      else
        add_header (rand, text);
    }
  return g_string_append_c (text, ')');
}

/* One thing in TEXT is not as it was. */
static void
spoil (GRand *rand, GString *text)
{
  static const char *const pieces[] = { " ",
                                        "  ",
                                        "(",
                                        ")",
                                        "\"",
                                        "\\",
                                        "0",
                                        "9",
                                        "-",
                                        "NIL",
                                        "{1}\r\n",
                                        "{0}\r\nx",
                                        "<0>",
                                        "]",
                                        "[",
                                        "*",
                                        "%",
                                        "~",
                                        "\r",
                                        "\t",
                                        "UID 5",
                                        " FLAGS ()",
                                        " FLAGS (\\Seen)",
                                        " BODY[]",
                                        "\\Foo",
                                        "99999999999",
                                        " MODSEQ (1)",
                                        " X-GM-MSGID 5",
                                        "\377",
                                        " uid 7",
                                        "HEADER" };
  gsize at = (gsize) g_rand_int_range (rand, 0, (gint32) text->len);

  switch (g_rand_int_range (rand, 0, 5))
    {
    case 0:
      g_string_erase (text, (gssize) at, g_rand_int_range (rand, 1, (gint32) MIN (text->len - at, 3) + 1));
      break;
    case 1:
      text->str[at] = (char) g_rand_int_range (rand, 1, 256);
      break;
    case 2: /* case */
      text->str[at] ^= 0x20;
      break;
    case 3: /* digits */
      text->str[at] = (char) g_rand_int_range (rand, '0', '9' + 1);
      break;
    default:
      g_string_insert (text, (gssize) at, PICK (rand, pieces));
    }
  for (gsize i = 0; i < text->len; i++) /* as a line ends would have ended it */
    if (text->str[i] == '\0')
      text->str[i] = ' ';
}

static void
reads_made_up_ones_alike (void **unused)
{
  (void) unused;
  guint n = g_getenv ("FULMAR_SOAK") != NULL ? 5000000 : 60000, n_taken = 0;
  GRand *rand = g_rand_new_with_seed (20261128);

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (GString) text = plain_response (rand);
      assert_int_equal (story_compare_fetch (text->str, text->len), STORY_FETCH_TAKEN);
      for (int k = g_rand_int_range (rand, 1, 3); k > 0 && text->len > 0; k--)
        spoil (rand, text);
      StoryFetch result = story_compare_fetch (text->str, text->len);
      assert_int_not_equal (result, STORY_FETCH_DIFFERS);
      n_taken += result == STORY_FETCH_TAKEN;
    }
  g_rand_free (rand);
  print_message ("%u of %u spoilt ones taken\n", n_taken, n);
  assert_true (n_taken > n / 20 && n_taken < n * 9 / 10);
}

/* --- pieces --- */

typedef struct {
  int fd, reader_fd;
  const char *bytes;
  gsize length, cut;
} Feed;

static gboolean
write_all (int fd, const char *bytes, gsize n)
{
  return write (fd, bytes, n) == (ssize_t) n;
}

/* The second piece is written when the first has been read. */
static gpointer
feed_in_two (gpointer data)
{
  Feed *f = data;
  int left = 1;
  gboolean is_good = write_all (f->fd, f->bytes, f->cut);

  while (is_good && left > 0)
    {
      is_good = ioctl (f->reader_fd, FIONREAD, &left) == 0;
      g_thread_yield ();
    }
  is_good = is_good && write_all (f->fd, f->bytes + f->cut, f->length - f->cut);
  close (f->fd);
  return GINT_TO_POINTER (is_good);
}

static char *
story_in_two (const char *bytes, gsize length, gsize cut)
{
  FmServer server = { "localhost", 143, FM_SECURITY_PLAIN_LOOPBACK, NULL, NULL };
  GString *story = g_string_new (NULL);
  FmImapState *state = story_state_new (story);
  FmImapResponse response;
  int fds[2];

  assert_int_equal (socketpair (AF_UNIX, SOCK_STREAM, 0, fds), 0);
  int reader_fd = dup (fds[0]);
  Feed f = { fds[1], reader_fd, bytes, length, cut };
  GThread *thread = g_thread_new ("feed", feed_in_two, &f);
  FmStream *stream = fm_stream_new_fd (fds[0], &server, NULL);
  FmImapReader *reader = fm_imap_reader_new (stream, 20000);
  while (fm_imap_reader_next (reader, &response, NULL))
    assert_true (fm_imap_response_untagged (state, &response, NULL));
  assert_true (GPOINTER_TO_INT (g_thread_join (thread)));
  fm_imap_reader_free (reader);
  fm_stream_free (stream);
  close (reader_fd);
  fm_imap_state_free (state);
  return g_string_free (story, FALSE);
}

static void
reads_the_same_cut_anywhere (void **unused)
{
  (void) unused;
  static const char bytes[]
      = "* 1 FETCH (UID 7 FLAGS (\\Seen work) MODSEQ (5000000000) INTERNALDATE \" 7-Jul-1996 02:44:25 -0730\" RFC822.SIZE 4711 "
        "BODY[HEADER.FIELDS (FROM SUBJECT)] {30}\r\nFrom: a@b\r\nSubject: {3}\r\n)\r\n\r\n)\r\n"
        "* 2 FETCH (UID 8 ENVELOPE NIL FLAGS (\\Seen))\r\n* 3 FETCH (BODY[HEADER.FIELDS (A)] {0}\r\n UID 9)\r\n";
  g_autofree char *whole = story_in_two (bytes, sizeof bytes - 1, sizeof bytes - 1);

  assert_non_null (strstr (whole, "message 1 uid=7 has=1f flags=1 modseq=5000000000 date=836734465 size=4711 header=30:"));
  assert_non_null (strstr (whole, "message 3 uid=9 has=10 "));
  for (gsize cut = 1; cut < sizeof bytes - 1; cut++)
    {
      g_autofree char *story = story_in_two (bytes, sizeof bytes - 1, cut);
      assert_string_equal (story, whole);
    }
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (takes_what_is_plain),      cmocka_unit_test (takes_no_part_of_one),        cmocka_unit_test (reads_recordings_alike),
    cmocka_unit_test (reads_made_up_ones_alike), cmocka_unit_test (reads_the_same_cut_anywhere),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}

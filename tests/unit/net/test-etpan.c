/* Two parsers read IMAP responses, libetpan's and the small one behind it. Whatever both can read they must read alike: every response of the
 * recordings (not part of this tree: skipped without them) and of the table below goes to both, and the stories they tell are compared.
 * Responses that libetpan gets wrong must be refused by it, so that the one behind reads them. */
#include "net/etpan-guard.h"
#include "net/etpan-parse.h"
#include "net/imap-parse.h"
#include "net/imap-response.h"
#include "story.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct {
  guint n, n_libetpan, n_differ;
} Score;

/* The story of one response by libetpan (NULL: refused) and by the parser behind it. */
static void
read_twice (const FmImapResponse *response, char **ret_libetpan, char **ret_behind)
{
  GString *first = g_string_new (NULL), *second = g_string_new (NULL);
  FmImapState *one = story_state_new (first), *two = story_state_new (second);
  gboolean is_read = fm_etpan_parse_untagged (one, response->text, response->length, NULL);

  if (is_read)
    story_tell_state (first, one);
  else
    assert_string_equal (first->str, ""); /* refused: nothing was done */
  fm_imap_parse_untagged (two, response, NULL);
  story_tell_state (second, two);
  fm_imap_state_free (one);
  fm_imap_state_free (two);
  *ret_libetpan = g_string_free (first, !is_read);
  *ret_behind = g_string_free (second, FALSE);
}

static void
compare (const FmImapResponse *response, Score *score)
{
  g_autofree char *libetpan = NULL;
  g_autofree char *behind = NULL;

  if (response->is_poison)
    return;
  read_twice (response, &libetpan, &behind);
  score->n++;
  score->n_libetpan += libetpan != NULL;
  if (libetpan == NULL || strcmp (libetpan, behind) == 0)
    return;
  score->n_differ++;
  print_message ("%.*s\n  libetpan: %s\n  behind:   %s\n", (int) MIN (response->length, 300), response->text, libetpan, behind);
}

static void
compare_untagged (const FmImapResponse *response, gpointer data)
{
  if (response->length > 0 && response->text[0] == '*')
    compare (response, data);
}

static void
reads_recordings_alike (void **unused)
{
  (void) unused;
  const char *set = g_getenv ("FULMAR_CORPUS");
  g_autofree char *mailkit = g_build_filename (set != NULL ? set : FM_TEST_CORPUS, "protocol", "MailKit", "Imap", NULL);
  g_autofree char *libetpan = g_build_filename (set != NULL ? set : FM_TEST_CORPUS, "protocol", "libetpan-imap", NULL);
  Score score = { 0 };

  if (!g_file_test (mailkit, G_FILE_TEST_IS_DIR))
    skip ();
  story_each_recording (mailkit, compare_untagged, &score);
  story_each_recording (libetpan, compare_untagged, &score);
  print_message ("%u responses, %u of them by libetpan, %u differ\n", score.n, score.n_libetpan, score.n_differ);
  assert_true (score.n > 500);
  assert_true (score.n_libetpan * 100 > score.n * 90);
  assert_int_equal (score.n_differ, 0);
}

/* Responses of every kind the session uses, as servers send them and as they get them wrong. BY_LIBETPAN: it can read this one; else it must
 * refuse it, having done nothing. The story is the same either way. */
static const struct {
  const char *response;
  gboolean by_libetpan;
  const char *tells; /* a part of the story */
} table[] = {
  { "* 23 EXISTS", TRUE, "exists 23;" },
  { "* 7 RECENT", TRUE, "exists 1000" },
  { "* 44 EXPUNGE", TRUE, "expunge 44; | caps 0 enabled 0 exists 999" },
  { "* 4294967297 EXISTS", FALSE, "exists 1000" },
  { "* -5 EXISTS", FALSE, "exists 1000" },
  { "* 12 FETCH (UID 7 FLAGS (\\Seen \\Recent $Junk work) MODSEQ (5000000000))", TRUE, "uid=7 has=3 " },
  { "* 12 FETCH (UID 7 RFC822.SIZE 4294967297)", FALSE, "size=4294967297" },
  { "* 12 FETCH (UID 7 RFC822.SIZE -1)", FALSE, "message 12 uid=7 has=0 " },
  { "* 12 FETCH (UID 4294967303 FLAGS ())", FALSE, "unreadable 12 0" },
  { "* 12 FETCH (UID 0 FLAGS ())", TRUE, "unreadable 12 0" },
  { "* 12 FETCH (UID 7 INTERNALDATE \" 7-Jul-1996 02:44:25 -0730\")", TRUE, "date=836734465" },
  { "* 12 FETCH (UID 7 INTERNALDATE \"17-Jul-1996 02:44:25 +0530\")", TRUE, "date=837551665" },
  { "* 12 FETCH (UID 7 INTERNALDATE \"45-Xyz-1996 02:44:25 +0530\" FLAGS (\\Seen))", TRUE, "uid=7 has=1 flags=1" },
  { "* 12 FETCH (UID 7 BODY[HEADER.FIELDS (From To)] {13}\r\nFrom: a@b\r\n\r\n FLAGS (\\Answered))", TRUE, "header=13:" },
  { "* 12 FETCH (UID 7 BODY[HEADER.FIELDS (\"From\")] \"From: \\\"a\\\"\")", TRUE, "header=9:" },
  { "* 12 FETCH (UID 7 BODY[HEADER.FIELDS (A 4294967297)]<0> {1}\r\nx)", TRUE, "header=1:" },
  { "* 12 FETCH (BODY[HEADER.FIELDS (A)] \"BODY[HEADER.FIELDS (A)]\" UID 7 BODY[HEADER.FIELDS (B)] {24}\r\nBODY[HEADER.FIELDS (A)] )", TRUE,
    "header=24:" },
  { "* 12 FETCH (BODY[HEADER] {0}\r\n UID 7)", TRUE, "has=10 " },
  { "* 12 FETCH (BODY[] NIL UID 7)", TRUE, "body 1 12 7 0" },
  { "* 12 FETCH (BODY[]<0> \"short\" UID 7)", TRUE, "body 1 12 7 5" },
  { "* 12 FETCH (BODY[1.2.MIME] {4}\r\na:b\n UID 7)", TRUE, "body 1 12 7 4" },
  { "* 12 FETCH (BINARY[1] ~{3}\r\na\nb UID 7)", TRUE, "uid=7 has=0" },
  { "* 12 FETCH (UID 7 EMAILID (M6d99ac3275bb4e) THREADID NIL PREVIEW \"Hi\" FLAGS (\\Seen))", TRUE, "uid=7 has=1 flags=1" },
  { "* 12 FETCH (UID 7 X-GM-MSGID 1278455344230334865 X-GM-THRID 1266894439832287888 X-GM-LABELS (\\Inbox \"\\\\Sent\" Entw&APw-rfe))",
    TRUE, "gm=1278455344230334865/1266894439832287888 label:\\Inbox label:\\Sent label:Entw\303\274rfe" },
  { "* 12 FETCH (UID 7 X-GM-MSGID 18446744073709551615)", FALSE, "gm=18446744073709551615/0" },
  { "* 12 FETCH (UID 7 MODSEQ (9223372036854775808))", TRUE, "unreadable 12 7" },
  { "* 12 FETCH (UID 7 ENVELOPE (NIL \"broken\" NIL) FLAGS (\\Flagged))", TRUE, "uid=7 has=1 flags=" },
  { "* 12 FETCH (UID 7 FLAGS (\\Seen  ) )", TRUE, "uid=7 has=1 flags=1" },
  { "* 12 FETCH (UID 7 FLAGS (\\Seen", FALSE, "unreadable 12 7" },
  { "* LIST (\\HasNoChildren \\Sent) \"/\" \"Sent Items\"", TRUE, "box Sent Items (Sent Items) '/' 2008 odd=0" },
  { "* LIST (\\Noselect \\Marked) NIL INBOX", TRUE, "box INBOX (INBOX) '0'" },
  { "* LIST (\\HasChildren) \"\\\\\" {5}\r\na\"b\\c", TRUE, "box a\"b\\c" },
  { "* LIST () \".\" &-", TRUE, "box & (&-)" },
  { "* LIST (\\Subscribed) \"/\" \"a\" (\"CHILDINFO\" (\"SUBSCRIBED\"))", FALSE, "box a (a) '/' 20" },
  { "* LIST () \"/\" \"NIL\"", FALSE, "box NIL" },
  { "* LIST () \"/\" NIL", FALSE, "box NIL (NIL) '/'" }, /* as Dovecot lists such a folder */
  { "* STATUS NIL (MESSAGES 3)", FALSE, "status NIL 40 3" },
  { "* LIST (\\Noselect) \"/\" \"\"", FALSE, "| caps" },
  { "* XLIST (\\HasNoChildren \\AllMail) \"/\" \"[Gmail]/All Mail\"", TRUE, "box [Gmail]/All Mail ([Gmail]/All Mail) '/' 108" },
  { "* LSUB () \"/\" a", TRUE, "| caps" },
  { "* STATUS \"Entw&APw-rfe\" (MESSAGES 3 UNSEEN 1 UIDNEXT 9 UIDVALIDITY 7 HIGHESTMODSEQ 99999999999)", TRUE,
    "status Entw\303\274rfe 3c2 3 1 9 7 99999999999" },
  { "* STATUS a (MESSAGES 3 SIZE 17 MAILBOXID (F1) UNSEEN 1)", TRUE, "status a c0 3 1 0 0 0" },
  { "* STATUS a (MESSAGES 3 SIZE 99999999999)", FALSE, "status a 40 3 0 0 0 0" },
  { "* STATUS {3}\r\na b ()", TRUE, "status a b 0" },
  { "* SEARCH", TRUE, "search" },
  { "* SEARCH 2 3 4 9 7", TRUE, "search 2-4 7-7 9-9; modseq 0" },
  { "* SEARCH 2 84 (MODSEQ 917162500)", FALSE, "search 2-2 84-84; modseq 917162500" },
  { "* ESEARCH (TAG \"F1\") UID ALL 1:3,9 MODSEQ 7", FALSE, "search 1-3 9-9; modseq 7" },
  { "* VANISHED (EARLIER) 41,43:45", TRUE, "earlier 41-41 43-45; | caps 0 enabled 0 exists 1000" },
  { "* VANISHED 405:407", TRUE, "vanished 405-407; | caps 0 enabled 0 exists 997" },
  { "* VANISHED 405:*", FALSE, "vanished 405-4294967295" },
  { "* VANISHED 0", FALSE, "exists 1000" },
  { "* CAPABILITY IMAP4rev1 IDLE AUTH=PLAIN X-GM-EXT-1 COMPRESS=DEFLATE", TRUE,
    "AUTH=PLAIN COMPRESS=DEFLATE IDLE IMAP4REV1 X-GM-EXT-1 | " },
  { "* CAPABILITY", TRUE, "| caps 0" },
  { "* ENABLED", TRUE, "enabled 0" },
  { "* ENABLED CONDSTORE QRESYNC", TRUE, "enabled 18" },
  { "* OK [UIDVALIDITY 3857529045] UIDs valid", TRUE, "selected 3857529045 0" },
  { "* OK [UIDVALIDITY 38575290450] UIDs valid", FALSE, "| caps" },
  { "* OK [UIDNEXT 4392] Predicted", TRUE, "selected 0 4392" },
  { "* OK [HIGHESTMODSEQ 715194045007] ok", TRUE, "selected 0 0 715194045007" },
  { "* OK [NOMODSEQ] none", TRUE, "selected 0 0 0" },
  { "* OK [PERMANENTFLAGS (\\Deleted \\Seen work \\*)] Limited", TRUE, " 1 0; " },
  { "* OK [READ-ONLY] look", TRUE, "selected 0 0 0 0 0 1" },
  { "* OK [CAPABILITY IMAP4rev1 AUTH=LOGIN] hi", TRUE, "AUTH=LOGIN IMAP4REV1 | " },
  { "* OK [COPYUID 38505 304,319:320 3956:3958] Done", TRUE, "validities 38505 0 copy from 304-304 319-320; copy to 3956-3958;" },
  { "* OK [APPENDUID 38505 3955] Done", TRUE, "validities 0 38505 append 3955-3955;" },
  { "* OK [MODIFIED 7,9] Conditional", TRUE, "modified 7-7 9-9;" },
  { "* NO [ALERT] Disk at 99999999999 per cent", TRUE, "alert Disk at 99999999999 per cent;" },
  { "* OK [X-UNHEARD-OF 99999999999 (] ]", FALSE, "| caps" },
  { "* BYE [UNAVAILABLE] \033[31mgone\033[0m", TRUE, "bye " },
  { "* BYE", FALSE, "bye ;" },
  { "* PREAUTH [CAPABILITY IMAP4rev1] in", FALSE, "preauth 1" },
  { "* METADATA \"\" (/private/comment \"x\")", FALSE, "| caps" },
  { "*", FALSE, "| caps" },
};

/* What libetpan is spared: the list of fields at its place, none that is unsound or only looks like one. */
static void
finds_the_echo_of_fields (void **unused)
{
  (void) unused;
  static const struct {
    const char *text, *echo;
  } cases[] = {
    { "* 1 FETCH (UID 7 BODY[HEADER.FIELDS (A B)] {1}\r\nx)", "HEADER.FIELDS (A B)" },
    { "* 1 FETCH (body[header.fields (\"a\")] \"BODY[HEADER.FIELDS (B)]\")", "header.fields (\"a\")" },
    { "* 1 FETCH (BODY[] {24}\r\nBODY[HEADER.FIELDS (A)]\r\n)", NULL },
    { "* 1 FETCH (BODY[HEADER] {1}\r\nx)", NULL },
    { "* 1 FETCH (BODY[1.HEADER.FIELDS (A)] {1}\r\nx)", NULL },
    { "* OK BODY[HEADER.FIELDS (A)]", NULL },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      FmImapText echo;
      fm_etpan_guard_admits (cases[i].text, strlen (cases[i].text), &echo);
      g_autofree char *found = g_strndup (echo.bytes, echo.length);
      assert_string_equal (found != NULL ? found : "none", cases[i].echo != NULL ? cases[i].echo : "none");
    }
}

static void
reads_the_table_alike (void **unused)
{
  (void) unused;
  guint wrong = 0;

  for (gsize i = 0; i < G_N_ELEMENTS (table); i++)
    {
      FmImapResponse response = { table[i].response, strlen (table[i].response), FALSE };
      g_autofree char *libetpan = NULL;
      g_autofree char *behind = NULL;
      read_twice (&response, &libetpan, &behind);
      if ((libetpan != NULL) != table[i].by_libetpan || strstr (behind, table[i].tells) == NULL
          || (libetpan != NULL && strcmp (libetpan, behind) != 0))
        {
          print_error ("%s\n  libetpan: %s\n  behind:   %s\n", table[i].response, libetpan != NULL ? libetpan : "(refused)", behind);
          wrong++;
        }
    }
  assert_int_equal (wrong, 0);
}

static double
cpu_seconds (void)
{
  struct rusage usage;
  getrusage (RUSAGE_SELF, &usage);
  return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static char *
repeat (const char *before, const char *piece, guint n, const char *after)
{
  GString *text = g_string_new (before);
  for (guint i = 0; i < n; i++)
    g_string_append (text, piece);
  return g_string_free (g_string_append (text, after), FALSE);
}

/* ThreadSanitizer is not what looks at one thread's loops. */
#ifdef __SANITIZE_THREAD__
#define LESS 20
#else
#define LESS 1
#endif

#define MESSAGE_PART "(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 1 (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) "

/* As large and as nested as the guard lets through: all of it must be read, or refused, in time that grows with the length only. */
static void
takes_what_the_guard_lets_through (void **unused)
{
  (void) unused;
  static const struct {
    const char *before, *piece;
    guint n;
    const char *after;
  } hostile[] = {
    { "* 1 FETCH (UID 1 FLAGS (", "k ", 1000000, "k))" },
    { "* 1 FETCH (UID 1", " FLAGS ()", 300000, ")" },
    { "* 1 FETCH (UID 1", " EMAILID (x)", 300000, ")" },
    { "* 1 FETCH (UID 1", " X-GM-LABELS ({1}\r\na {0}\r\n)", 100000, ")" },
    { "* 1 FETCH (UID 1 BODYSTRUCTURE ", "(", 199, ")" },
    { "* 1 FETCH (UID 1 BODYSTRUCTURE ", MESSAGE_PART, 198, "" },
    { "* 1 FETCH (UID 1 BODY ", MESSAGE_PART, 198, " 1)" },
    { "* 1 FETCH (UID 1 BODYSTRUCTURE ((\"a\" \"b\" NIL NIL NIL \"7bit\" 1) \"mixed\" ", "(NIL ", 190, ")" },
    { "* 1 FETCH (UID 1 ENVELOPE (NIL NIL ", "((NIL NIL NIL NIL))", 100000, ") FLAGS ())" },
    { "* SEARCH", " 4000000000", 700000, "" },
    { "* SEARCH", " 1", 3000000, " x" },
    { "* VANISHED (EARLIER) 1", ",3:4", 1500000, "" },
    { "* OK [COPYUID 1 1", ",3:4", 1500000, " 1] x" },
    { "* OK [PERMANENTFLAGS (", "\\a ", 1000000, "\\*)] x" },
    { "* OK [", "(", 1000000, "" },
    { "* OK [BADCHARSET (", "a ", 1000000, "" },
    { "* CAPABILITY", " A=1", 1500000, "" },
    { "* LIST (", "\\a ", 1000000, "\\b) \"/\" x" },
    { "* LIST () \"/\" \"", "\\\"", 3000000, "\"" },
    { "* STATUS x (", "A (((1))) ", 500000, "MESSAGES 1)" },
    { "* STATUS ", "x ", 1000000, "(MESSAGES 1)" },
    { "* NAMESPACE ((\"\" \"/\"", " \"X\" (\"y\")", 500000, ")) NIL NIL" },
    { "* ID (", "\"a\" \"b\" ", 500000, "NIL NIL)" },
    { "* QUOTA x (", "A 1 2 ", 500000, "B 1 2)" },
    { "* ", "9", 4000000, " EXISTS" },
    { "* 1 FETCH (INTERNALDATE \"", "1", 4000000, "\")" },
    { "* 1 FETCH (", "", 1, "" },
    { "* 1 FETCH (BODY[HEADER.FIELDS (", "a ", 1000000, "b)] {1}\r\nx)" },
    { "* 1 FETCH (BODY[", "1.", 1000000, "1] NIL)" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (hostile); i++)
    {
      guint n = hostile[i].n < 1000 ? hostile[i].n : hostile[i].n / LESS;
      g_autofree char *text = repeat (hostile[i].before, hostile[i].piece, n, hostile[i].after);
      FmImapState *state = fm_imap_state_new ();
      FmImapResponse response = { text, strlen (text), FALSE };
      double start = cpu_seconds ();
      fm_imap_response_untagged (state, &response, NULL);
      double took = cpu_seconds () - start;
      fm_imap_state_free (state);
      if (took > 0.5)
        print_message ("%.30s%.20s...: %.2f s for %" G_GSIZE_FORMAT " bytes\n", hostile[i].before, hostile[i].piece, took, strlen (text));
      assert_true (took < 20);
    }
}

static guint64
resident_kb (void)
{
  g_autofree char *text = NULL;
  assert_true (g_file_get_contents ("/proc/self/statm", &text, NULL, NULL));
  return g_ascii_strtoull (strchr (text, ' ') + 1, NULL, 10) * (guint64) (sysconf (_SC_PAGESIZE) / 1024);
}

#define N_HEADERS (100000 / LESS)

static void
count_message (gpointer data, const FmImapMessage *message)
{
  *(gsize *) data += message->header_bytes;
}

/* A folder's worth of headers, as if none of them were plain enough for imap-fetch.c. */
static void
stays_flat_over_many_headers (void **unused)
{
  (void) unused;
  g_autofree char *header
      = repeat ("From: Some One <some.one@example.org>\r\n", "Received: from a.example.org by b.example.org\r\n", 10, "\r\n");
  FmImapState *state = fm_imap_state_new ();
  gsize total = 0;
  guint64 before = 0;

  state->events = (FmImapEvents){ .message = count_message };
  state->events_data = &total;
  double start = cpu_seconds ();
  for (guint i = 1; i <= N_HEADERS; i++)
    {
      g_autofree char *text
          = g_strdup_printf ("* %u FETCH (UID %u FLAGS (\\Seen work) MODSEQ (%u) INTERNALDATE \"17-Jul-1996 02:44:25 -0700\" "
                             "RFC822.SIZE 4711 BODY[HEADER.FIELDS (FROM TO CC SUBJECT DATE MESSAGE-ID REFERENCES "
                             "IN-REPLY-TO)] {%" G_GSIZE_FORMAT "}\r\n%s)",
                             i, i * 3, i, strlen (header), header);
      assert_true (fm_etpan_parse_untagged (state, text, strlen (text), NULL));
      if (i == N_HEADERS / 10)
        before = resident_kb ();
    }
  print_message ("%d headers: %.2f s CPU\n", N_HEADERS, cpu_seconds () - start);
  assert_int_equal (total, N_HEADERS * strlen (header));
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  assert_true (resident_kb () < before + 2048);
#else
  assert_true (before > 0);
#endif
  fm_imap_state_free (state);
}

/* After some megabytes of what libetpan can't parse it is not asked any more, and nothing else changes. */
static void
stops_asking_after_too_much (void **unused)
{
  (void) unused;
  g_autofree char *broken = repeat ("* 1 FETCH (UID 1 BODY (\"a\" \"b\" (", "\"x\" \"y\" ", 100000, "");
  const char *sound = "* 1 FETCH (UID 7 FLAGS (\\Seen))";
  GString *story = g_string_new (NULL);
  FmImapState *state = story_state_new (story);
  FmImapResponse response = { broken, strlen (broken), FALSE };

  for (int i = 0; i < 10; i++)
    {
      assert_int_equal (fm_etpan_parse_untagged (state, sound, strlen (sound), NULL), i < 6);
      assert_true (fm_imap_response_untagged (state, &response, NULL));
    }
  g_string_truncate (story, 0);
  response = (FmImapResponse){ sound, strlen (sound), FALSE };
  assert_true (fm_imap_response_untagged (state, &response, NULL));
  assert_non_null (strstr (story->str, "message 1 uid=7 has=1 flags=1"));
  fm_imap_state_free (state);
  g_string_free (story, TRUE);
}

static gpointer
read_the_table (gpointer data)
{
  GString *story = g_string_new (NULL);

  for (guint round = 0; round < 20; round++)
    for (gsize i = 0; i < G_N_ELEMENTS (table); i++)
      {
        FmImapState *state = story_state_new (story);
        FmImapResponse response = { table[i].response, strlen (table[i].response), FALSE };
        fm_imap_response_untagged (state, &response, NULL);
        fm_imap_state_free (state);
      }
  (void) data;
  return g_string_free (story, FALSE);
}

static void
reads_on_two_threads (void **unused)
{
  (void) unused;
  GThread *one = g_thread_new ("one", read_the_table, NULL), *two = g_thread_new ("two", read_the_table, NULL);
  g_autofree char *first = g_thread_join (one);
  g_autofree char *second = g_thread_join (two);

  assert_string_equal (first, second);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (finds_the_echo_of_fields),     cmocka_unit_test (reads_the_table_alike),
    cmocka_unit_test (stops_asking_after_too_much),  cmocka_unit_test (reads_on_two_threads),
    cmocka_unit_test (stays_flat_over_many_headers), cmocka_unit_test (takes_what_the_guard_lets_through),
    cmocka_unit_test (reads_recordings_alike),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}

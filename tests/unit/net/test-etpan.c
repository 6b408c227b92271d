/* Two parsers read IMAP responses, libetpan's and the small one behind it. Whatever both can read they must read alike: every response of the
 * recordings (not part of this tree: skipped without them) and of the table below goes to both, and the stories they tell are compared.
 * Responses that libetpan gets wrong must be refused by it, so that the one behind reads them. */
#include "net/etpan-guard.h"
#include "net/etpan-parse.h"
#include "net/imap-parse.h"
#include "net/imap-response.h"
#include <fulmar/base/clock.h>
#include <fulmar/net/stream.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static void
tell_ranges (GString *story, const char *what, const FmImapRange *ranges, gsize n)
{
  g_string_append_printf (story, "%s", what);
  for (gsize i = 0; i < n; i++)
    g_string_append_printf (story, " %u-%u", ranges[i].first, ranges[i].last);
  g_string_append (story, "; ");
}

static void
on_exists (gpointer data, guint32 n)
{
  g_string_append_printf (data, "exists %u; ", n);
}

static void
on_expunge (gpointer data, guint32 n)
{
  g_string_append_printf (data, "expunge %u; ", n);
}

static void
on_vanished (gpointer data, gboolean earlier, const FmImapRange *ranges, gsize n)
{
  tell_ranges (data, earlier ? "earlier" : "vanished", ranges, n);
}

static void
on_message (gpointer data, const FmImapMessage *m)
{
  g_autofree char *header
      = g_compute_checksum_for_data (G_CHECKSUM_MD5, (const guchar *) m->header, m->header != NULL ? m->header_bytes : 0);
  g_string_append_printf (data,
                          "message %u uid=%u has=%x flags=%x modseq=%" G_GUINT64_FORMAT " date=%" G_GINT64_FORMAT " size=%" G_GUINT64_FORMAT
                          " header=%" G_GSIZE_FORMAT ":%s gm=%" G_GUINT64_FORMAT "/%" G_GUINT64_FORMAT,
                          m->seq, m->uid, m->has, m->flags, m->modseq, m->date_utc, m->size_bytes, m->header_bytes, header, m->gm_msgid,
                          m->gm_thrid);
  for (const char *const *word = m->keywords; word != NULL && *word != NULL; word++)
    g_string_append_printf (data, " +%s", *word);
  for (const char *const *word = m->gm_labels; word != NULL && *word != NULL; word++)
    g_string_append_printf (data, " label:%s", *word);
  g_string_append (data, "; ");
}

static void
on_unreadable (gpointer data, guint32 seq, guint32 uid)
{
  g_string_append_printf (data, "unreadable %u %u; ", seq, uid);
}

static void
on_box (gpointer data, const FmImapBox *box)
{
  g_string_append_printf (data, "box %s (%s) '%c' %x odd=%d; ", box->name, box->wire_name, box->delimiter != 0 ? box->delimiter : '0',
                          box->attributes, box->wire_is_odd);
}

static void
on_status (gpointer data, const FmImapStatus *s)
{
  g_string_append_printf (data, "status %s %x %u %u %u %u %" G_GUINT64_FORMAT "; ", s->name, s->has, s->messages, s->unseen, s->uidnext,
                          s->uidvalidity, s->highestmodseq);
}

static void
on_search (gpointer data, const FmImapRange *ranges, gsize n, guint64 modseq)
{
  tell_ranges (data, "search", ranges, n);
  g_string_append_printf (data, "modseq %" G_GUINT64_FORMAT "; ", modseq);
}

static void
on_selected (gpointer data, const FmImapSelected *s)
{
  g_string_append_printf (data, "selected %u %u %" G_GUINT64_FORMAT " %x %d %d; ", s->uidvalidity, s->uidnext, s->highestmodseq,
                          s->permanent_flags, s->keywords_allowed, s->read_only);
}

static void
on_alert (gpointer data, const char *text)
{
  g_string_append_printf (data, "alert %s; ", text);
}

static void
on_bye (gpointer data, const char *text)
{
  g_string_append_printf (data, "bye %s; ", text);
}

static const FmImapEvents recorder = { .exists = on_exists,
                                       .expunge = on_expunge,
                                       .vanished = on_vanished,
                                       .message = on_message,
                                       .unreadable = on_unreadable,
                                       .box = on_box,
                                       .status = on_status,
                                       .search = on_search,
                                       .selected = on_selected,
                                       .alert = on_alert,
                                       .bye = on_bye };

static FmImapState *
recording_state (GString *story)
{
  FmImapState *state = fm_imap_state_new ();
  fm_imap_state_select (state, "INBOX", FALSE);
  state->selected.exists = 1000;
  state->events = recorder;
  state->events_data = story;
  return state;
}

static void
tell_set (GString *story, const char *what, const GArray *set)
{
  if (set != NULL)
    tell_ranges (story, what, (const FmImapRange *) (gpointer) set->data, set->len);
}

/* What the response left in the state. */
static void
tell_state (GString *story, FmImapState *state)
{
  GList *names = g_list_sort (g_hash_table_get_keys (state->cap_names), (GCompareFunc) strcmp);
  gsize inline_bytes = state->body_inline != NULL ? g_bytes_get_size (state->body_inline) : 0;

  for (GList *i = names; i != NULL; i = i->next)
    g_string_append_printf (story, "%s ", (const char *) i->data);
  g_list_free (names);
  g_string_append_printf (story, "| caps %x enabled %x exists %u preauth %d body %d %u %u %" G_GSIZE_FORMAT " validities %u %u ",
                          state->caps, state->enabled, state->selected.exists, state->has_preauth, state->has_body, state->body_seq,
                          state->body_uid, inline_bytes, state->copyuid.uidvalidity, state->appenduid.uidvalidity);
  tell_set (story, "copy from", state->copyuid.from);
  tell_set (story, "copy to", state->copyuid.to);
  tell_set (story, "append", state->appenduid.to);
  tell_set (story, "modified", state->modified);
}

typedef struct {
  guint n, n_libetpan, n_differ;
} Score;

/* The story of one response by libetpan (NULL: refused) and by the parser behind it. */
static void
read_twice (const FmImapResponse *response, char **ret_libetpan, char **ret_behind)
{
  GString *first = g_string_new (NULL), *second = g_string_new (NULL);
  FmImapState *one = recording_state (first), *two = recording_state (second);
  gboolean is_read = fm_etpan_parse_untagged (one, response->text, response->length, NULL);

  if (is_read)
    tell_state (first, one);
  else
    assert_string_equal (first->str, ""); /* refused: nothing was done */
  fm_imap_parse_untagged (two, response, NULL);
  tell_state (second, two);
  fm_imap_state_free (one);
  fm_imap_state_free (two);
  *ret_libetpan = g_string_free (first, !is_read);
  *ret_behind = g_string_free (second, FALSE);
}

static void
compare (const FmImapResponse *response, const char *where, Score *score)
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
  print_message ("%s: %.*s\n  libetpan: %s\n  behind:   %s\n", where, (int) MIN (response->length, 300), response->text, libetpan, behind);
}

typedef struct {
  int fd;
  const char *bytes;
  gsize length;
} Feed;

static gpointer
feed (gpointer data)
{
  Feed *f = data;
  while (f->length > 0)
    {
      ssize_t n = write (f->fd, f->bytes, f->length);
      if (n <= 0)
        break;
      f->bytes += n;
      f->length -= n;
    }
  close (f->fd);
  return NULL;
}

/* Calls ON_RESPONSE for each response in BYTES, framed by the guard as a session would. */
static void
frame (const char *bytes, gsize length, void (*on_response) (const FmImapResponse *, gpointer), gpointer data)
{
  FmServer server = { "localhost", 143, FM_SECURITY_PLAIN_LOOPBACK, NULL, NULL };
  FmImapResponse response;
  int fds[2];

  assert_int_equal (socketpair (AF_UNIX, SOCK_STREAM, 0, fds), 0);
  Feed f = { fds[1], bytes, length };
  GThread *thread = g_thread_new ("feed", feed, &f);
  FmStream *stream = fm_stream_new_fd (fds[0], &server, NULL);
  FmImapReader *reader = fm_imap_reader_new (stream, 20000);
  while (fm_imap_reader_next (reader, &response, NULL))
    on_response (&response, data);
  fm_imap_reader_free (reader);
  fm_stream_free (stream);
  g_thread_join (thread);
}

typedef struct {
  const char *where;
  Score *score;
} Place;

static void
compare_untagged (const FmImapResponse *response, gpointer data)
{
  Place *place = data;
  if (response->length > 0 && response->text[0] == '*')
    compare (response, place->where, place->score);
}

/* The recordings are kept with bare line ends, their literals counted with CRLF. */
static char *
with_crlf (const char *bytes, gsize *length)
{
  GString *wire = g_string_new (NULL);

  for (gsize i = 0; i < *length; i++)
    {
      if (bytes[i] == '\n' && (i == 0 || bytes[i - 1] != '\r'))
        g_string_append_c (wire, '\r');
      g_string_append_c (wire, bytes[i]);
    }
  *length = wire->len;
  return g_string_free (wire, FALSE);
}

static void
compare_files (const char *folder, Score *score)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (folder, name, NULL);
      g_autofree char *bytes = NULL;
      gsize length;
      if (g_file_test (path, G_FILE_TEST_IS_DIR))
        compare_files (path, score);
      else if (g_file_get_contents (path, &bytes, &length, NULL))
        {
          Place place = { name, score };
          g_autofree char *wire = with_crlf (bytes, &length);
          frame (wire, length, compare_untagged, &place);
        }
    }
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
  compare_files (mailkit, &score);
  compare_files (libetpan, &score);
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

/* A folder's worth of headers, as a first synchronisation asks for them. */
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
      FmImapResponse response = { text, strlen (text), FALSE };
      assert_true (fm_imap_response_untagged (state, &response, NULL));
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
  FmImapState *state = recording_state (story);
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
        FmImapState *state = recording_state (story);
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

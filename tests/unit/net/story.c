/* See story.h. */
#include "story.h"
#include "net/etpan-parse.h"
#include "net/imap-fetch.h"
#include "net/imap-parse.h"
#include <fulmar/net/stream.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

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

FmImapState *
story_state_new (GString *story)
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

void
story_tell_state (GString *story, FmImapState *state)
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

void
story_each_response (const char *bytes, gsize length, StoryResponse on_response, gpointer data)
{
  FmServer server = { "localhost", 143, FM_SECURITY_PLAIN_LOOPBACK, NULL, NULL };
  FmImapResponse response;
  int fds[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM, 0, fds), ==, 0);
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

void
story_each_recording (const char *folder, StoryResponse on_response, gpointer data)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (folder, name, NULL);
      g_autofree char *bytes = NULL;
      gsize length;
      if (g_file_test (path, G_FILE_TEST_IS_DIR))
        story_each_recording (path, on_response, data);
      else if (g_file_get_contents (path, &bytes, &length, NULL))
        {
          g_autofree char *wire = with_crlf (bytes, &length);
          story_each_response (wire, length, on_response, data);
        }
    }
}

static char *
told_before (const FmImapResponse *response)
{
  GString *story = g_string_new (NULL);
  FmImapState *state = story_state_new (story);

  if (!fm_etpan_parse_untagged (state, response->text, response->length, NULL))
    fm_imap_parse_untagged (state, response, NULL);
  story_tell_state (story, state);
  fm_imap_state_free (state);
  return g_string_free (story, FALSE);
}

StoryFetch
story_compare_fetch (const char *text, gsize length)
{
  /* a copy that ends where the text ends, so that a sanitizer sees who reads on */
  g_autofree char *copy = length > 0 ? g_memdup2 (text, length) : g_strdup ("");
  FmImapResponse response = { text, length, FALSE };
  g_autoptr (GString) story = g_string_new (NULL);
  FmImapState *state = story_state_new (story), *fresh = story_state_new (story);
  gboolean is_taken = fm_imap_fetch_take (state, copy, length);
  g_autofree char *other = is_taken ? told_before (&response) : NULL;

  story_tell_state (story, state);
  if (!is_taken)
    { /* nothing was done */
      GString *nothing = g_string_new (NULL);
      story_tell_state (nothing, fresh);
      other = g_string_free (nothing, FALSE);
    }
  fm_imap_state_free (state);
  fm_imap_state_free (fresh);
  if (strcmp (story->str, other) == 0)
    return is_taken ? STORY_FETCH_TAKEN : STORY_FETCH_LEFT;
  g_printerr ("%.*s\n  by imap-fetch.c: %s\n  without it:      %s\n", (int) MIN (length, 1000), text, story->str, other);
  return STORY_FETCH_DIFFERS;
}

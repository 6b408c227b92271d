/* A server's bytes through the guard and the parser of IMAP responses, as a session would read them. */
#include "net/imap-engine.h"
#include "net/imap-response.h"
#include <fulmar/base/clock.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_STREAM_BYTES 60000 /* what a socket pair takes without a reader */

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

static void
on_message (gpointer data, const FmImapMessage *message)
{
  gsize *total = data;
  *total += message->header_bytes;
  for (const char *const *word = message->keywords; word != NULL && *word != NULL; word++)
    g_assert (g_utf8_validate (*word, -1, NULL));
}

static void
on_box (gpointer data, const FmImapBox *box)
{
  g_assert (g_utf8_validate (box->name, -1, NULL));
}

/* What follows a tag. */
static void
read_answer (FmImapState *state, const char *text, gsize length)
{
  g_autofree char *code = NULL;
  g_autofree char *words = NULL;

  fm_imap_response_condition (state, text, length, &code, &words);
  g_assert (words != NULL && g_utf8_validate (words, -1, NULL));
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  FmServer server = { "localhost", 143, FM_SECURITY_PLAIN_LOOPBACK, NULL, NULL };
  gsize total = 0;
  int fds[2];

  if (size > MAX_STREAM_BYTES || socketpair (AF_UNIX, SOCK_STREAM, 0, fds) != 0)
    return 0;
  if (write (fds[1], data, size) != (ssize_t) size)
    g_assert_not_reached ();
  close (fds[1]);
  FmStream *stream = fm_stream_new_fd (fds[0], &server, NULL);
  FmImapReader *reader = fm_imap_reader_new (stream, 1000);
  FmImapState *state = fm_imap_state_new ();
  FmSink *sink = fm_sink_new_memory (1 << 20);
  FmImapBody body = { .sink = sink };
  FmImapResponse response;
  state->events = (FmImapEvents){ .message = on_message, .box = on_box };
  state->events_data = &total;
  if (size > 0 && data[size - 1] % 2 == 0)
    fm_imap_reader_set_body (reader, &body);
  while (fm_imap_reader_next (reader, &response, NULL))
    {
      const char *status = memchr (response.text, ' ', response.length);
      if (response.length > 0 && response.text[0] != '*' && status != NULL)
        read_answer (state, status + 1, response.text + response.length - status - 1);
      else if (!fm_imap_response_untagged (state, &response, NULL))
        break;
    }
  g_clear_error (&body.sink_error);
  fm_sink_free (sink);
  fm_imap_state_free (state);
  fm_imap_reader_free (reader);
  fm_stream_free (stream);
  return 0;
}

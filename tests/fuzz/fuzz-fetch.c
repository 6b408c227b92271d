/* What may stand in the brackets of a FETCH, through the guard to the parser of plain ones and to those that are asked without it: they must tell the
 * same. */
#include "../unit/net/story.h"
#include <fulmar/net/stream.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_STREAM_BYTES 60000 /* what a socket pair takes without a reader */

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  static const char before[] = "* 5 FETCH (", after[] = ")\r\n";
  FmServer server = { "localhost", 143, FM_SECURITY_PLAIN_LOOPBACK, NULL, NULL };
  FmImapResponse response;
  int fds[2];

  if (size > MAX_STREAM_BYTES || socketpair (AF_UNIX, SOCK_STREAM, 0, fds) != 0)
    return 0;
  if (write (fds[1], before, strlen (before)) < 0 || write (fds[1], data, size) != (ssize_t) size
      || write (fds[1], after, strlen (after)) < 0)
    g_assert_not_reached ();
  close (fds[1]);
  FmStream *stream = fm_stream_new_fd (fds[0], &server, NULL);
  FmImapReader *reader = fm_imap_reader_new (stream, 1000);
  while (fm_imap_reader_next (reader, &response, NULL))
    if (!response.is_poison)
      g_assert (story_compare_fetch (response.text, response.length) != STORY_FETCH_DIFFERS);
  fm_imap_reader_free (reader);
  fm_stream_free (stream);
  return 0;
}

/* What a worker of the index may say, or be told, should it have been taken over by a mail: a frame is one of ours and bounded, or the other side is
 * listened to no more. And the words of a search, none of which may become an operator of the index's own language. */
#include "index/index-frame.h"
#include <fulmar/index/query-text.h>
#include <fulmar/mail/query.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
receive (const uint8_t *data, size_t size)
{
  static FmIndexFrame frame;
  int fds[2];

  if (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0)
    return;
  /* Every other input gets a head whose length is right, so that what is behind it is reached. */
  g_autofree uint8_t *packet = g_malloc (MAX (size, sizeof (FmIndexFrameHead)));
  memcpy (packet, data, size);
  if (size >= sizeof (FmIndexFrameHead) && data[size - 1] % 2 == 0)
    {
      guint32 length = (guint32) size;
      memcpy (packet, &length, sizeof length);
    }
  if (size > 0 && send (fds[0], packet, size, MSG_DONTWAIT) == (ssize_t) size
      && fm_index_frame_receive (fds[1], &frame, FALSE) == FM_INDEX_FRAME_OK)
    {
      g_assert_cmpuint (frame.body_size, <=, FM_INDEX_FRAME_MAX_BODY);
      g_assert_cmpuint (frame.body_size + sizeof (FmIndexFrameHead), ==, size);
      g_assert_cmpuint (frame.head.kind, <, FM_INDEX_FRAME_LAST);
      g_assert_cmpint (frame.body[frame.body_size], ==, 0);
      g_assert_cmpint (frame.fd, ==, -1);
    }
  close (fds[0]);
  close (fds[1]);
}

/* The builder is for leaves, and may refuse one. */
static void
say (const FmQuery *query)
{
  for (guint i = 0; i < fm_query_n_children (query); i++)
    say (fm_query_child (query, i));
  if (fm_query_n_children (query) > 0)
    return;
  g_autoptr (GError) error = NULL;
  g_autofree char *text = fm_query_text_build (query, &error);
  g_assert_true ((text != NULL) == (error == NULL));
  g_assert_true (text == NULL || g_utf8_validate (text, -1, NULL));
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autofree char *text = g_strndup ((const char *) data, size);
  g_autoptr (FmQuery) query = fm_query_parse (text, 1795165200, NULL, NULL);

  receive (data, size);
  if (query != NULL)
    say (query);
  return 0;
}

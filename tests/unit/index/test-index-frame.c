/* Frames from a side that is not to be trusted: cut, too long, of unknown kinds, with descriptors where none belong. */
#include "config.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include "index/index-frame.h"

static FmIndexFrame frame;

typedef struct {
  int near;
  int far;
} Pair;

static Pair
open_pair (void)
{
  int ends[2];
  assert_int_equal (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
  return (Pair){ ends[0], ends[1] };
}

static void
close_pair (Pair *pair)
{
  close (pair->near);
  close (pair->far);
}

static void
carries_a_body_and_a_descriptor (void **state)
{
  Pair pair = open_pair ();
  int null = open ("/dev/null", O_RDONLY | O_CLOEXEC);
  FmIndexFrameHead head = { .kind = FM_INDEX_FRAME_ADD, .number = 7, .first = -3 };
  assert_int_equal (fm_index_frame_send (pair.near, &head, "abc", 3, null, TRUE), FM_INDEX_FRAME_OK);
  assert_int_equal (fm_index_frame_receive (pair.far, &frame, FALSE), FM_INDEX_FRAME_OK);
  assert_int_equal (frame.head.number, 7);
  assert_int_equal (frame.head.first, -3);
  assert_string_equal ((const char *) frame.body, "abc");
  assert_true (frame.fd >= 0);
  close (frame.fd);
  assert_int_equal (fm_index_frame_receive (pair.far, &frame, FALSE), FM_INDEX_FRAME_AGAIN);
  close (null);
  close_pair (&pair);
}

static void
takes_the_largest_body (void **state)
{
  static char body[FM_INDEX_FRAME_MAX_BODY];
  Pair pair = open_pair ();
  FmIndexFrameHead head = { .kind = FM_INDEX_FRAME_HITS };
  assert_int_equal (fm_index_frame_send (pair.near, &head, body, sizeof body, -1, TRUE), FM_INDEX_FRAME_OK);
  assert_int_equal (fm_index_frame_receive (pair.far, &frame, FALSE), FM_INDEX_FRAME_OK);
  assert_int_equal (frame.body_size, sizeof body);
  close_pair (&pair);
}

static void
assert_refused (const void *bytes, gsize size)
{
  Pair pair = open_pair ();
  assert_int_equal (send (pair.near, bytes, size, 0), size);
  assert_int_equal (fm_index_frame_receive (pair.far, &frame, FALSE), FM_INDEX_FRAME_BROKEN);
  close_pair (&pair);
}

static void
refuses_what_is_malformed (void **state)
{
  static char large[FM_INDEX_FRAME_MAX_BODY + sizeof (FmIndexFrameHead) + 1];
  FmIndexFrameHead head = { .length = sizeof head, .kind = FM_INDEX_FRAME_READY };
  assert_refused (&head, 1);
  assert_refused (&head, sizeof head - 1);
  head.length++;
  assert_refused (&head, sizeof head);
  head = (FmIndexFrameHead){ .length = sizeof head, .kind = 0 };
  assert_refused (&head, sizeof head);
  head.kind = FM_INDEX_FRAME_LAST;
  assert_refused (&head, sizeof head);
  head.kind = FM_INDEX_FRAME_ADD; /* without its descriptor */
  assert_refused (&head, sizeof head);
  head = (FmIndexFrameHead){ .length = sizeof large, .kind = FM_INDEX_FRAME_HITS };
  memcpy (large, &head, sizeof head);
  assert_refused (large, sizeof large);
}

static guint
open_descriptors (void)
{
  guint n = 0;
  for (int fd = 0; fd < 256; fd++)
    n += fcntl (fd, F_GETFD) >= 0;
  return n;
}

static void
keeps_no_descriptor_it_did_not_ask_for (void **state)
{
  Pair pair = open_pair ();
  guint before = open_descriptors ();
  FmIndexFrameHead head = { .kind = FM_INDEX_FRAME_READY };
  assert_int_equal (fm_index_frame_send (pair.near, &head, NULL, 0, pair.near, TRUE), FM_INDEX_FRAME_OK);
  assert_int_equal (fm_index_frame_receive (pair.far, &frame, FALSE), FM_INDEX_FRAME_BROKEN);
  assert_int_equal (open_descriptors (), before);
  close_pair (&pair);
}

static void
sees_the_other_end_go (void **state)
{
  Pair pair = open_pair ();
  close (pair.near);
  FmIndexFrameHead head = { .kind = FM_INDEX_FRAME_READY };
  assert_int_equal (fm_index_frame_receive (pair.far, &frame, FALSE), FM_INDEX_FRAME_GONE);
  assert_int_equal (fm_index_frame_send (pair.far, &head, NULL, 0, -1, FALSE), FM_INDEX_FRAME_GONE);
  close (pair.far);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (carries_a_body_and_a_descriptor), cmocka_unit_test (takes_the_largest_body),
    cmocka_unit_test (refuses_what_is_malformed),       cmocka_unit_test (keeps_no_descriptor_it_did_not_ask_for),
    cmocka_unit_test (sees_the_other_end_go),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}

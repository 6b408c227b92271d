/* Sending and receiving whole frames; see the header. The kernel keeps packet bounds, the length in the head is compared with them, and
 * a packet that was cut, is too short, of an unknown kind or carries a descriptor where none belongs is refused. */
#include "config.h"
#include "index/index-frame.h"
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

FmIndexFrameResult
fm_index_frame_send (int socket, const FmIndexFrameHead *head, const void *body, gsize body_size, int pass_fd, gboolean wait)
{
  g_return_val_if_fail (body_size <= FM_INDEX_FRAME_MAX_BODY, FM_INDEX_FRAME_BROKEN);
  FmIndexFrameHead out = *head;
  out.length = sizeof out + body_size;
  struct iovec parts[2] = { { &out, sizeof out }, { (void *) body, body_size } };
  union {
    char bytes[CMSG_SPACE (sizeof (int))];
    struct cmsghdr align;
  } control = { .bytes = { 0 } };
  struct msghdr message = { .msg_iov = parts, .msg_iovlen = body_size > 0 ? 2 : 1 };
  if (pass_fd >= 0)
    {
      message.msg_control = control.bytes;
      message.msg_controllen = sizeof control.bytes;
      struct cmsghdr *item = CMSG_FIRSTHDR (&message);
      item->cmsg_level = SOL_SOCKET;
      item->cmsg_type = SCM_RIGHTS;
      item->cmsg_len = CMSG_LEN (sizeof (int));
      memcpy (CMSG_DATA (item), &pass_fd, sizeof pass_fd);
    }
  for (;;)
    {
      if (sendmsg (socket, &message, MSG_NOSIGNAL | (wait ? 0 : MSG_DONTWAIT)) >= 0)
        return FM_INDEX_FRAME_OK;
      if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS || errno == ETOOMANYREFS)
        return FM_INDEX_FRAME_AGAIN;
      if (errno != EINTR)
        return FM_INDEX_FRAME_GONE;
    }
}

/* Keeps the first descriptor that came along, closes any other. */
static int
take_descriptor (struct msghdr *message)
{
  int kept = -1;
  for (struct cmsghdr *item = CMSG_FIRSTHDR (message); item != NULL; item = CMSG_NXTHDR (message, item))
    {
      if (item->cmsg_level != SOL_SOCKET || item->cmsg_type != SCM_RIGHTS)
        continue;
      gsize n = (item->cmsg_len - CMSG_LEN (0)) / sizeof (int);
      for (gsize i = 0; i < n; i++)
        {
          int fd;
          memcpy (&fd, CMSG_DATA (item) + i * sizeof fd, sizeof fd);
          if (kept < 0)
            kept = fd;
          else
            close (fd);
        }
    }
  return kept;
}

static gboolean
is_sound (const FmIndexFrame *frame, gsize received, int flags)
{
  return (flags & (MSG_TRUNC | MSG_CTRUNC)) == 0 && received >= sizeof frame->head && frame->head.length == received
         && frame->head.kind >= FM_INDEX_FRAME_HELLO && frame->head.kind < FM_INDEX_FRAME_LAST
         && (frame->fd >= 0) == (frame->head.kind == FM_INDEX_FRAME_ADD);
}

FmIndexFrameResult
fm_index_frame_receive (int socket, FmIndexFrame *ret_frame, gboolean wait)
{
  struct iovec parts[2] = { { &ret_frame->head, sizeof ret_frame->head }, { ret_frame->body, FM_INDEX_FRAME_MAX_BODY } };
  union {
    char bytes[CMSG_SPACE (4 * sizeof (int))];
    struct cmsghdr align;
  } control;
  struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes };
  ssize_t received;
  do
    received = recvmsg (socket, &message, MSG_CMSG_CLOEXEC | (wait ? 0 : MSG_DONTWAIT));
  while (received < 0 && errno == EINTR);
  if (received < 0)
    return errno == EAGAIN || errno == EWOULDBLOCK ? FM_INDEX_FRAME_AGAIN : FM_INDEX_FRAME_GONE;
  ret_frame->fd = take_descriptor (&message);
  if (received == 0 && ret_frame->fd < 0)
    return FM_INDEX_FRAME_GONE;
  if (!is_sound (ret_frame, received, message.msg_flags))
    {
      if (ret_frame->fd >= 0)
        close (ret_frame->fd);
      ret_frame->fd = -1;
      return FM_INDEX_FRAME_BROKEN;
    }
  ret_frame->body_size = received - sizeof ret_frame->head;
  ret_frame->body[ret_frame->body_size] = '\0';
  return FM_INDEX_FRAME_OK;
}

/* Framing over a Unix socket. A frame is a 32-bit little-endian length and that many bytes. What comes in is kept as it arrives, so that a
 * length costs nothing until its bytes are there. Addresses longer than sun_path are reached through /proc/self/fd of their directory. */
#include "sync/control-channel.h"
#include <fulmar/base/error.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define MAX_FRAME_BYTES (320u * 1024 * 1024) /* an action's largest message and its ids */
#define READ_BYTES (64 * 1024)
#define HEAD_BYTES 4
#define BACKLOG 64

struct FmControlChannel {
  int fd;
  GByteArray *in, *out;
  gsize taken;   /* of in: frames handed out */
  gsize written; /* of out */
};

FmControlChannel *
fm_control_channel_new (int fd)
{
  FmControlChannel *channel = g_new0 (FmControlChannel, 1);
  channel->fd = fd;
  channel->in = g_byte_array_new ();
  channel->out = g_byte_array_new ();
  return channel;
}

void
fm_control_channel_free (FmControlChannel *channel)
{
  if (channel == NULL)
    return;
  close (channel->fd);
  g_byte_array_unref (channel->in);
  g_byte_array_unref (channel->out);
  g_free (channel);
}

/* ADDRESS names BASE within DIR_FD. */
static void
address_of (struct sockaddr_un *address, const char *path, int dir_fd, const char *base)
{
  memset (address, 0, sizeof *address);
  address->sun_family = AF_UNIX;
  if (strlen (path) < sizeof address->sun_path)
    g_strlcpy (address->sun_path, path, sizeof address->sun_path);
  else
    g_snprintf (address->sun_path, sizeof address->sun_path, "/proc/self/fd/%d/%s", dir_fd, base);
}

static int
open_dir_of (const char *path)
{
  g_autofree char *dir = g_path_get_dirname (path);
  return open (dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static int
socket_new (void)
{
  return socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

static gboolean
peer_is_us (int fd)
{
  struct ucred peer;
  socklen_t size = sizeof peer;
  return getsockopt (fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == geteuid ();
}

int
fm_control_channel_connect (const char *path, GError **error)
{
  g_autofree char *base = g_path_get_basename (path);
  struct sockaddr_un address;
  int dir_fd = open_dir_of (path), fd = socket_new ();
  gboolean connected = FALSE;
  int saved = 0;
  if (dir_fd >= 0 && fd >= 0)
    {
      address_of (&address, path, dir_fd, base);
      connected = connect (fd, (struct sockaddr *) &address, sizeof address) == 0;
      saved = errno;
    }
  else
    saved = errno;
  if (dir_fd >= 0)
    close (dir_fd);
  if (connected && peer_is_us (fd))
    return fd;
  if (fd >= 0)
    close (fd);
  fm_error_set_errno (error, FM_ERROR_OFFLINE, connected ? EACCES : saved, "no other Fulmar answers at %s", path);
  return -1;
}

/* Bound and listening under another name first, so that whoever sees PATH can connect. The mode is the socket's own before it is bound: the
 * process's umask is left alone. */
static gboolean
bind_at (int fd, int dir_fd, const char *path)
{
  g_autofree char *base = g_path_get_basename (path);
  g_autofree char *new_base = g_strconcat (base, ".new", NULL), *new_path = g_strconcat (path, ".new", NULL);
  struct sockaddr_un address;
  address_of (&address, new_path, dir_fd, new_base);
  unlinkat (dir_fd, new_base, 0);
  return fchmod (fd, 0600) == 0 && bind (fd, (struct sockaddr *) &address, sizeof address) == 0 && listen (fd, BACKLOG) == 0
         && renameat (dir_fd, new_base, dir_fd, base) == 0;
}

int
fm_control_channel_listen (const char *path, GError **error)
{
  int dir_fd = open_dir_of (path), fd = socket_new ();
  gboolean good = dir_fd >= 0 && fd >= 0 && bind_at (fd, dir_fd, path);
  if (!good)
    fm_error_set_errno (error, FM_ERROR_STORAGE, errno, "%s can't be made", path);
  if (dir_fd >= 0)
    close (dir_fd);
  if (good)
    return fd;
  if (fd >= 0)
    close (fd);
  return -1;
}

int
fm_control_channel_accept (int listening, gboolean *ret_more)
{
  int fd = accept4 (listening, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  *ret_more = fd >= 0 || errno == EINTR || errno == ECONNABORTED;
  if (fd >= 0 && !peer_is_us (fd))
    {
      close (fd);
      return -1;
    }
  return fd;
}

int
fm_control_channel_fd (const FmControlChannel *channel)
{
  return channel->fd;
}

short
fm_control_channel_events (const FmControlChannel *channel)
{
  return POLLIN | (fm_control_channel_backlog (channel) > 0 ? POLLOUT : 0);
}

static guint32
head_at (const guint8 *at)
{
  guint32 le;
  memcpy (&le, at, sizeof le);
  return GUINT32_FROM_LE (le);
}

gboolean
fm_control_channel_read (FmControlChannel *channel)
{
  if (channel->taken > 0)
    {
      g_byte_array_remove_range (channel->in, 0, (guint) channel->taken);
      channel->taken = 0;
    }
  guint had = channel->in->len;
  g_byte_array_set_size (channel->in, had + READ_BYTES);
  ssize_t n = recv (channel->fd, channel->in->data + had, READ_BYTES, MSG_DONTWAIT);
  int saved = errno;
  g_byte_array_set_size (channel->in, had + (n > 0 ? (guint) n : 0));
  if (n == 0 || (n < 0 && saved != EAGAIN && saved != EINTR))
    return FALSE;
  return channel->in->len < HEAD_BYTES || head_at (channel->in->data) <= MAX_FRAME_BYTES;
}

gboolean
fm_control_channel_next (FmControlChannel *channel, const guint8 **ret_data, gsize *ret_size)
{
  gsize left = channel->in->len - channel->taken;
  const guint8 *at = channel->in->data + channel->taken;
  if (left < HEAD_BYTES || left - HEAD_BYTES < head_at (at))
    return FALSE;
  *ret_data = at + HEAD_BYTES;
  *ret_size = head_at (at);
  channel->taken += HEAD_BYTES + *ret_size;
  return TRUE;
}

void
fm_control_channel_put (FmControlChannel *channel, GBytes *body)
{
  gsize size;
  const guint8 *data = g_bytes_get_data (body, &size);
  guint32 head = GUINT32_TO_LE ((guint32) size);
  g_byte_array_append (channel->out, (const guint8 *) &head, sizeof head);
  g_byte_array_append (channel->out, data, (guint) size);
}

gboolean
fm_control_channel_flush (FmControlChannel *channel)
{
  while (channel->written < channel->out->len)
    {
      ssize_t n
          = send (channel->fd, channel->out->data + channel->written, channel->out->len - channel->written, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0 && errno != EAGAIN)
        return FALSE;
      if (n < 0)
        break;
      channel->written += (gsize) n;
    }
  /* Moved to the front only when at least half is gone, so that each byte moves once. */
  if (channel->written * 2 >= channel->out->len)
    {
      g_byte_array_remove_range (channel->out, 0, (guint) channel->written);
      channel->written = 0;
    }
  return TRUE;
}

gsize
fm_control_channel_backlog (const FmControlChannel *channel)
{
  return channel->out->len - channel->written;
}

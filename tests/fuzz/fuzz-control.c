/* Requests and events over the control socket: hostile bytes, and what is understood survives another trip. */
#include "sync/control-channel.h"
#include "sync/control-wire.h"
#include "sync/event-wire.h"
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* The framing: a channel gives whole frames, within their bound, or ends. */
static void
unframe (const uint8_t *data, size_t size)
{
  int fds[2];

  if (size > 4096 || socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
    return;
  FmControlChannel *channel = fm_control_channel_new (fds[0]);
  if (write (fds[1], data, size) == (ssize_t) size)
    {
      const guint8 *body;
      gsize body_size, total = 0;
      close (fds[1]);
      while (fm_control_channel_read (channel))
        while (fm_control_channel_next (channel, &body, &body_size))
          total += body_size + 4;
      g_assert_cmpuint (total, <=, size);
    }
  else
    close (fds[1]);
  fm_control_channel_free (channel);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  unframe (data, size);
  g_autoptr (FmControlWire) wire = fm_control_wire_decode (data, size);
  if (wire != NULL && wire->action_error == NULL)
    {
      g_autoptr (GBytes) bytes = fm_control_wire_encode (wire->request_id, &wire->request);
      gsize again_size;
      const guint8 *again = g_bytes_get_data (bytes, &again_size);
      g_autoptr (FmControlWire) back = fm_control_wire_decode (again, again_size);
      g_assert_nonnull (back);
      g_assert_cmpint (back->request.verb, ==, wire->request.verb);
    }
  g_autoptr (GBytes) frame = g_bytes_new (data, size);
  g_autoptr (FmEvent) event = fm_event_wire_decode (frame, NULL);
  if (event != NULL)
    {
      g_autoptr (GBytes) bytes = fm_event_wire_encode (event);
      g_autoptr (FmEvent) back = fm_event_wire_decode (bytes, NULL);
      g_assert_nonnull (back);
    }
  return 0;
}

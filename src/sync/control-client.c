/* The follower's end: one thread that polls the connection and hands every event on. */
#include "sync/control-client.h"
#include "sync/control-channel.h"
#include "sync/control-wire.h"
#include "sync/event-wire.h"
#include <fulmar/base/clock.h>
#include <fulmar/base/thread.h>

#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define LAST_WORDS_MS 500

struct FmControlClient {
  FmControlOnEvent on_event;
  gpointer data;
  FmThread *thread;
  int wake_fd;
  pthread_mutex_t mutex;
  FmControlChannel *channel; /* under mutex, but for its reading half: the thread's */
  gboolean closing;          /* under mutex */
};

static void
wake (FmControlClient *client)
{
  uint64_t one = 1;
  (void) !write (client->wake_fd, &one, sizeof one);
}

/* FALSE: the peer speaks nonsense. */
static gboolean
hand_on (FmControlClient *client)
{
  const guint8 *data;
  gsize size;
  while (fm_control_channel_next (client->channel, &data, &size))
    {
      g_autoptr (GBytes) bytes = g_bytes_new_static (data, size);
      FmEvent *event = fm_event_wire_decode (bytes, NULL);
      if (event == NULL)
        return FALSE;
      client->on_event (event, client->data);
    }
  return TRUE;
}

/* Writes, and says what to poll for; FALSE: gone. */
static gboolean
prepare (FmControlClient *client, short *ret_events, gboolean *ret_closing)
{
  pthread_mutex_lock (&client->mutex);
  gboolean good = fm_control_channel_flush (client->channel);
  *ret_events = fm_control_channel_events (client->channel);
  *ret_closing = client->closing;
  pthread_mutex_unlock (&client->mutex);
  return good;
}

static void
client_main (gpointer data)
{
  FmControlClient *client = data;
  gint64 end = G_MAXINT64;
  short events;
  gboolean closing;
  for (;;)
    {
      if (!prepare (client, &events, &closing))
        break;
      if (closing && end == G_MAXINT64)
        end = fm_clock_deadline_us (LAST_WORDS_MS);
      if (closing && ((events & POLLOUT) == 0 || fm_clock_remaining_ms (end) == 0))
        return;
      struct pollfd fds[2]
          = { { fm_control_channel_fd (client->channel), closing ? events & POLLOUT : events, 0 }, { client->wake_fd, POLLIN, 0 } };
      poll (fds, 2, closing ? fm_clock_remaining_ms (end) : -1);
      uint64_t woken;
      if (fds[1].revents != 0)
        (void) !read (client->wake_fd, &woken, sizeof woken);
      if ((fds[0].revents & (POLLIN | POLLHUP | POLLERR)) == 0)
        continue;
      if (!fm_control_channel_read (client->channel) || !hand_on (client))
        break;
    }
  pthread_mutex_lock (&client->mutex);
  closing = client->closing;
  pthread_mutex_unlock (&client->mutex);
  if (!closing)
    client->on_event (NULL, client->data);
}

FmControlClient *
fm_control_client_new (const char *path, FmControlOnEvent on_event, gpointer data, GError **error)
{
  int fd = fm_control_channel_connect (path, error);
  if (fd < 0)
    return NULL;
  FmControlClient *client = g_new0 (FmControlClient, 1);
  client->on_event = on_event;
  client->data = data;
  client->wake_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  pthread_mutex_init (&client->mutex, NULL);
  client->channel = fm_control_channel_new (fd);
  client->thread = fm_thread_start ("control", client_main, client);
  return client;
}

void
fm_control_client_free (FmControlClient *client)
{
  if (client == NULL)
    return;
  pthread_mutex_lock (&client->mutex);
  client->closing = TRUE;
  pthread_mutex_unlock (&client->mutex);
  wake (client);
  fm_thread_join (client->thread);
  fm_control_channel_free (client->channel);
  close (client->wake_fd);
  pthread_mutex_destroy (&client->mutex);
  g_free (client);
}

void
fm_control_client_send (FmControlClient *client, guint64 request_id, const FmControlRequest *request)
{
  g_autoptr (GBytes) body = fm_control_wire_encode (request_id, request);
  pthread_mutex_lock (&client->mutex);
  fm_control_channel_put (client->channel, body);
  pthread_mutex_unlock (&client->mutex);
  wake (client);
}

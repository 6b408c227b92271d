/* The leader's end: one thread that accepts, reads requests and writes what other threads have put into the clients' channels. Only this thread
 * adds and removes clients; the mutex guards their outgoing halves and the tokens. */
#include "sync/control-server.h"
#include "sync/control-channel.h"
#include "sync/control-wire.h"
#include "sync/event-wire.h"
#include <fulmar/base/clock.h>
#include <fulmar/base/error.h>
#include <fulmar/base/thread.h>

#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define MAX_CLIENTS 128
#define MAX_OPEN_REQUESTS 65536
#define MAX_BACKLOG_BYTES (4 * 1024 * 1024)
#define LAST_WORDS_MS 500

typedef struct {
  FmControlChannel *channel;
  GHashTable *tokens; /* the client's request id -> token; under mutex */
  gboolean dead;      /* under mutex: dropped at the thread's next turn */
} Client;

/* value struct: whose a token is */
typedef struct {
  Client *client;
  guint64 request_id;
} Token;

struct FmControlServer {
  FmControlOnRequest on_request;
  gpointer data;
  char *path;
  FmThread *thread;
  int listen_fd, wake_fd;
  pthread_mutex_t mutex;
  GPtrArray *clients; /* Client*; changed by the thread, under mutex */
  GHashTable *tokens; /* token -> Token; under mutex */
  GHashTable *states; /* account -> its last STATE event as bytes, told to those who come later; under mutex */
  guint64 last_token; /* under mutex */
  gboolean closing;   /* under mutex */
};

static guint64 *
key (guint64 value)
{
  return g_memdup2 (&value, sizeof value);
}

static void
wake (FmControlServer *server)
{
  uint64_t one = 1;
  (void) !write (server->wake_fd, &one, sizeof one);
}

static void
client_free (gpointer data)
{
  Client *client = data;
  fm_control_channel_free (client->channel);
  g_hash_table_unref (client->tokens);
  g_free (client);
}

/* Under mutex. What it asked for goes on; nobody hears the answers. */
static void
drop (FmControlServer *server, Client *client)
{
  GHashTableIter iter;
  gpointer token;
  g_hash_table_iter_init (&iter, client->tokens);
  while (g_hash_table_iter_next (&iter, NULL, &token))
    g_hash_table_remove (server->tokens, token);
  g_ptr_array_remove_fast (server->clients, client);
}

static void
put (Client *client, const FmEvent *event)
{
  if (fm_control_channel_backlog (client->channel) > MAX_BACKLOG_BYTES)
    client->dead = TRUE;
  if (client->dead)
    return;
  g_autoptr (GBytes) body = fm_event_wire_encode (event);
  fm_control_channel_put (client->channel, body);
}

static void
put_answer (FmControlServer *server, const FmEvent *event)
{
  Token *found = g_hash_table_lookup (server->tokens, &event->reply_to);
  if (found == NULL)
    return;
  Token token = *found;
  FmEvent copy = *event;
  copy.reply_to = token.request_id;
  put (token.client, &copy);
  if (event->kind == FM_EVENT_DONE || event->kind == FM_EVENT_FAILED || event->kind == FM_EVENT_CANCELLED)
    {
      g_hash_table_remove (server->tokens, &event->reply_to);
      g_hash_table_remove (token.client->tokens, &token.request_id);
    }
}

void
fm_control_server_send (FmControlServer *server, const FmEvent *event)
{
  gboolean answer = (event->reply_to & FM_CONTROL_TOKEN_BIT) != 0;
  if ((event->reply_to != 0 && !answer) || event->kind == FM_EVENT_COMPUTED || event->kind == FM_EVENT_LEADER)
    return;
  pthread_mutex_lock (&server->mutex);
  if (answer)
    put_answer (server, event);
  if (event->kind == FM_EVENT_STATE && event->account != NULL)
    g_hash_table_replace (server->states, g_strdup (event->account), fm_event_wire_encode (event));
  for (guint i = 0; !answer && i < server->clients->len; i++)
    put (server->clients->pdata[i], event);
  pthread_mutex_unlock (&server->mutex);
  wake (server);
}

/* The token for a new request; 0: none is wanted, or the client has broken the rules and is dead. */
static guint64
token_new (FmControlServer *server, Client *client, guint64 request_id)
{
  if (request_id == 0)
    return 0;
  guint64 token = 0;
  pthread_mutex_lock (&server->mutex);
  if (g_hash_table_contains (client->tokens, &request_id) || g_hash_table_size (client->tokens) >= MAX_OPEN_REQUESTS)
    {
      client->dead = TRUE;
    }
  else
    {
      token = ++server->last_token | FM_CONTROL_TOKEN_BIT;
      Token value = { client, request_id };
      g_hash_table_insert (server->tokens, key (token), g_memdup2 (&value, sizeof value));
      g_hash_table_insert (client->tokens, key (request_id), key (token));
    }
  pthread_mutex_unlock (&server->mutex);
  return token;
}

static guint64
token_of (FmControlServer *server, Client *client, guint64 request_id)
{
  pthread_mutex_lock (&server->mutex);
  guint64 *token = g_hash_table_lookup (client->tokens, &request_id);
  guint64 found = token == NULL ? 0 : *token;
  pthread_mutex_unlock (&server->mutex);
  return found;
}

static void
refuse (FmControlServer *server, guint64 token, const GError *error)
{
  g_autoptr (FmEvent) event = fm_event_new (FM_EVENT_FAILED, token);
  event->error = g_error_copy (error);
  fm_control_server_send (server, event);
}

/* FALSE: the client does not speak the protocol. */
static gboolean
take_request (FmControlServer *server, Client *client, const guint8 *data, gsize size)
{
  g_autoptr (FmControlWire) wire = fm_control_wire_decode (data, size);
  if (wire == NULL)
    return FALSE;
  if (wire->request.verb == FM_CONTROL_CANCEL)
    {
      wire->request.request_id = token_of (server, client, wire->request.request_id);
      if (wire->request.request_id != 0)
        server->on_request (0, &wire->request, server->data);
      return TRUE;
    }
  guint64 token = token_new (server, client, wire->request_id);
  if (token == 0 && wire->request_id != 0)
    return FALSE;
  if (wire->action_error != NULL)
    refuse (server, token, wire->action_error);
  else
    server->on_request (token, &wire->request, server->data);
  return TRUE;
}

static gboolean
take_requests (FmControlServer *server, Client *client)
{
  const guint8 *data;
  gsize size;
  if (!fm_control_channel_read (client->channel))
    return FALSE;
  while (fm_control_channel_next (client->channel, &data, &size))
    if (!take_request (server, client, data, size))
      return FALSE;
  return TRUE;
}

/* Under mutex. */
static void
greet (FmControlServer *server, Client *client)
{
  GHashTableIter iter;
  gpointer state;
  g_hash_table_iter_init (&iter, server->states);
  while (g_hash_table_iter_next (&iter, NULL, &state))
    fm_control_channel_put (client->channel, state);
}

static void
accept_all (FmControlServer *server)
{
  gboolean more = TRUE;
  while (more)
    {
      int fd = fm_control_channel_accept (server->listen_fd, &more);
      if (fd < 0)
        continue;
      Client *client = g_new0 (Client, 1);
      client->channel = fm_control_channel_new (fd);
      client->tokens = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, g_free);
      pthread_mutex_lock (&server->mutex);
      if (server->clients->len < MAX_CLIENTS)
        {
          greet (server, client);
          g_ptr_array_add (server->clients, client);
        }
      else
        {
          client_free (client);
        }
      pthread_mutex_unlock (&server->mutex);
    }
}

/* Writes, drops the dead, and fills the set to poll. FALSE: closing, and nothing (or no time) is left. */
static gboolean
prepare (FmControlServer *server, GArray *fds, gint64 *end)
{
  gboolean waits = FALSE;
  pthread_mutex_lock (&server->mutex);
  g_array_set_size (fds, 2);
  for (guint i = server->clients->len; i-- > 0;)
    {
      Client *client = server->clients->pdata[i];
      if (client->dead || !fm_control_channel_flush (client->channel))
        drop (server, client);
    }
  for (guint i = 0; i < server->clients->len; i++)
    {
      Client *client = server->clients->pdata[i];
      short events = fm_control_channel_events (client->channel);
      waits |= (events & POLLOUT) != 0;
      struct pollfd fd = { fm_control_channel_fd (client->channel), server->closing ? events & POLLOUT : events, 0 };
      g_array_append_val (fds, fd);
    }
  if (server->closing && *end == G_MAXINT64)
    *end = fm_clock_deadline_us (LAST_WORDS_MS);
  gboolean over = server->closing && (!waits || fm_clock_remaining_ms (*end) == 0);
  pthread_mutex_unlock (&server->mutex);
  return !over;
}

static void
serve (FmControlServer *server, const GArray *fds)
{
  g_autoptr (GPtrArray) ready = g_ptr_array_new ();
  for (guint i = 2; i < fds->len; i++)
    if ((g_array_index (fds, struct pollfd, i).revents & (POLLIN | POLLHUP | POLLERR)) != 0)
      g_ptr_array_add (ready, server->clients->pdata[i - 2]);
  for (guint i = 0; i < ready->len; i++)
    if (!take_requests (server, ready->pdata[i]))
      {
        pthread_mutex_lock (&server->mutex);
        drop (server, ready->pdata[i]);
        pthread_mutex_unlock (&server->mutex);
      }
}

static void
server_main (gpointer data)
{
  FmControlServer *server = data;
  g_autoptr (GArray) fds = g_array_new (FALSE, TRUE, sizeof (struct pollfd));
  struct pollfd listening = { server->listen_fd, POLLIN, 0 }, waking = { server->wake_fd, POLLIN, 0 };
  gint64 end = G_MAXINT64;
  g_array_append_val (fds, listening);
  g_array_append_val (fds, waking);
  while (prepare (server, fds, &end))
    {
      gboolean closing = end != G_MAXINT64;
      poll ((struct pollfd *) (void *) fds->data, fds->len, closing ? fm_clock_remaining_ms (end) : -1);
      uint64_t woken;
      if (g_array_index (fds, struct pollfd, 1).revents != 0)
        (void) !read (server->wake_fd, &woken, sizeof woken);
      if (closing)
        continue;
      gboolean knock = g_array_index (fds, struct pollfd, 0).revents != 0;
      serve (server, fds);
      if (knock)
        accept_all (server);
    }
}

FmControlServer *
fm_control_server_new (const char *path, FmControlOnRequest on_request, gpointer data, GError **error)
{
  int fd = fm_control_channel_listen (path, error);
  if (fd < 0)
    return NULL;
  FmControlServer *server = g_new0 (FmControlServer, 1);
  server->on_request = on_request;
  server->data = data;
  server->path = g_strdup (path);
  server->listen_fd = fd;
  server->wake_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  pthread_mutex_init (&server->mutex, NULL);
  server->clients = g_ptr_array_new_with_free_func (client_free);
  server->tokens = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, g_free);
  server->states = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_bytes_unref);
  server->thread = fm_thread_start ("control", server_main, server);
  return server;
}

void
fm_control_server_free (FmControlServer *server)
{
  if (server == NULL)
    return;
  unlink (server->path);
  pthread_mutex_lock (&server->mutex);
  server->closing = TRUE;
  pthread_mutex_unlock (&server->mutex);
  wake (server);
  fm_thread_join (server->thread);
  close (server->listen_fd);
  close (server->wake_fd);
  g_ptr_array_unref (server->clients);
  g_hash_table_unref (server->tokens);
  g_hash_table_unref (server->states);
  pthread_mutex_destroy (&server->mutex);
  g_free (server->path);
  g_free (server);
}

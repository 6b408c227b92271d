/* A mailbox between threads: a linked queue under a mutex, a condition for the owner that waits in fm_port_take, and an eventfd for the
 * owner that waits in poll(2) or a main loop.
 *
 * The eventfd mirrors one fact, "the owner has something to look at", and is touched only when that fact changes: written when the queue
 * stops being empty or the port closes, read when the queue runs empty while open. So a burst of posts costs one system call, and the
 * descriptor's level is always right under the lock. */
#include <fulmar/base/port.h>

#include <fulmar/base/clock.h>

#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* The condition's clock stands still during suspend while deadlines do not: waits are cut so that a deadline is at most this late. */
#define WAIT_SLICE_MS 60000
/* How often a main loop looks at a port that got no descriptor (EMFILE). */
#define NO_FD_POLL_MS 20

typedef struct Entry Entry;
struct Entry {
  Entry *next;
  gpointer item;
  GDestroyNotify free_item;
};

struct FmPort {
  atomic_int refs;
  pthread_mutex_t mutex;
  pthread_cond_t filled;
  Entry *first;
  Entry *last;
  guint length;
  gboolean closed;
  int fd;
};

FmPort *
fm_port_new (void)
{
  FmPort *port = g_new0 (FmPort, 1);
  pthread_condattr_t attributes;

  atomic_init (&port->refs, 1);
  pthread_mutex_init (&port->mutex, NULL);
  pthread_condattr_init (&attributes);
  pthread_condattr_setclock (&attributes, CLOCK_MONOTONIC);
  pthread_cond_init (&port->filled, &attributes);
  pthread_condattr_destroy (&attributes);
  port->fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  return port;
}

FmPort *
fm_port_ref (FmPort *port)
{
  atomic_fetch_add_explicit (&port->refs, 1, memory_order_relaxed);
  return port;
}

void
fm_port_unref (FmPort *port)
{
  if (port == NULL || atomic_fetch_sub_explicit (&port->refs, 1, memory_order_acq_rel) != 1)
    return;
  while (port->first != NULL)
    {
      Entry *entry = port->first;

      port->first = entry->next;
      if (entry->free_item != NULL)
        entry->free_item (entry->item);
      g_free (entry);
    }
  if (port->fd >= 0)
    close (port->fd);
  pthread_cond_destroy (&port->filled);
  pthread_mutex_destroy (&port->mutex);
  g_free (port);
}

/* Locked. */
static void
raise_fd (FmPort *port)
{
  if (port->fd >= 0)
    eventfd_write (port->fd, 1);
}

/* Locked. */
static void
lower_fd (FmPort *port)
{
  eventfd_t count;

  if (port->fd >= 0)
    eventfd_read (port->fd, &count);
}

/* Locked. */
static void
enqueue (FmPort *port, Entry *entry, gboolean urgent)
{
  if (port->first == NULL)
    {
      port->first = port->last = entry;
      raise_fd (port);
    }
  else if (urgent)
    {
      entry->next = port->first;
      port->first = entry;
    }
  else
    {
      port->last->next = entry;
      port->last = entry;
    }
  port->length++;
  pthread_cond_signal (&port->filled);
}

static gboolean
post (FmPort *port, gpointer item, GDestroyNotify free_item, gboolean urgent)
{
  Entry *entry = g_new0 (Entry, 1);
  gboolean closed;

  entry->item = item;
  entry->free_item = free_item;
  pthread_mutex_lock (&port->mutex);
  closed = port->closed;
  if (!closed)
    enqueue (port, entry, urgent);
  pthread_mutex_unlock (&port->mutex);
  if (!closed)
    return TRUE;
  if (free_item != NULL)
    free_item (item);
  g_free (entry);
  return FALSE;
}

gboolean
fm_port_post (FmPort *port, gpointer item, GDestroyNotify free_item)
{
  return post (port, item, free_item, FALSE);
}

gboolean
fm_port_post_urgent (FmPort *port, gpointer item, GDestroyNotify free_item)
{
  return post (port, item, free_item, TRUE);
}

/* Locked. The first entry's item, or NULL. */
static gpointer
dequeue (FmPort *port)
{
  Entry *entry = port->first;
  gpointer item;

  if (entry == NULL)
    return NULL;
  port->first = entry->next;
  port->length--;
  if (port->first == NULL)
    {
      port->last = NULL;
      if (!port->closed)
        lower_fd (port);
    }
  item = entry->item;
  g_free (entry);
  return item;
}

/* Locked. Sleeps until something changes or the deadline's slice is over. */
static void
wait_filled (FmPort *port, int remaining_ms)
{
  struct timespec until;
  gint64 slice_ms;

  if (remaining_ms < 0)
    {
      pthread_cond_wait (&port->filled, &port->mutex);
      return;
    }
  slice_ms = MIN (remaining_ms, WAIT_SLICE_MS);
  clock_gettime (CLOCK_MONOTONIC, &until);
  until.tv_sec += slice_ms / 1000;
  until.tv_nsec += slice_ms % 1000 * 1000000;
  if (until.tv_nsec >= 1000000000)
    {
      until.tv_nsec -= 1000000000;
      until.tv_sec++;
    }
  pthread_cond_timedwait (&port->filled, &port->mutex, &until);
}

gpointer
fm_port_take (FmPort *port, gint64 deadline_us)
{
  gpointer item;

  pthread_mutex_lock (&port->mutex);
  while (port->first == NULL && !port->closed)
    {
      int remaining_ms = fm_clock_remaining_ms (deadline_us);

      if (remaining_ms == 0)
        break;
      wait_filled (port, remaining_ms);
    }
  item = dequeue (port);
  pthread_mutex_unlock (&port->mutex);
  return item;
}

gpointer
fm_port_try_take (FmPort *port)
{
  gpointer item;

  pthread_mutex_lock (&port->mutex);
  item = dequeue (port);
  pthread_mutex_unlock (&port->mutex);
  return item;
}

guint
fm_port_length (FmPort *port)
{
  guint length;

  pthread_mutex_lock (&port->mutex);
  length = port->length;
  pthread_mutex_unlock (&port->mutex);
  return length;
}

void
fm_port_close (FmPort *port)
{
  pthread_mutex_lock (&port->mutex);
  if (!port->closed)
    {
      port->closed = TRUE;
      if (port->first == NULL)
        raise_fd (port);
      pthread_cond_broadcast (&port->filled);
    }
  pthread_mutex_unlock (&port->mutex);
}

gboolean
fm_port_is_closed (FmPort *port)
{
  gboolean closed;

  pthread_mutex_lock (&port->mutex);
  closed = port->closed;
  pthread_mutex_unlock (&port->mutex);
  return closed;
}

int
fm_port_fd (FmPort *port)
{
  return port->fd;
}

typedef struct {
  GSource source;
  FmPort *port;
  gint64 budget_us;
  FmPortHandler handler;
  gpointer data;
} PortSource;

static gboolean
has_news (FmPort *port)
{
  gboolean news;

  pthread_mutex_lock (&port->mutex);
  news = port->first != NULL || port->closed;
  pthread_mutex_unlock (&port->mutex);
  return news;
}

/* Nothing left and nothing to come: asked under one lock, so that a post just before the close is not lost. */
static gboolean
is_finished (FmPort *port)
{
  gboolean finished;

  pthread_mutex_lock (&port->mutex);
  finished = port->first == NULL && port->closed;
  pthread_mutex_unlock (&port->mutex);
  return finished;
}

static gboolean
source_prepare (GSource *source, int *timeout_ms)
{
  FmPort *port = ((PortSource *) source)->port;

  *timeout_ms = port->fd >= 0 ? -1 : NO_FD_POLL_MS;
  return has_news (port);
}

static gboolean
source_check (GSource *source)
{
  return has_news (((PortSource *) source)->port);
}

static gboolean
source_dispatch (GSource *source, GSourceFunc callback, gpointer data)
{
  PortSource *self = (PortSource *) source;
  gint64 deadline_us = fm_clock_mono_us () + self->budget_us;

  do
    {
      gpointer item = fm_port_try_take (self->port);

      if (item == NULL)
        return is_finished (self->port) ? G_SOURCE_REMOVE : G_SOURCE_CONTINUE;
      self->handler (item, self->data);
    }
  while (!g_source_is_destroyed (source) && fm_clock_mono_us () < deadline_us);
  return G_SOURCE_CONTINUE;
}

static void
source_finalize (GSource *source)
{
  fm_port_unref (((PortSource *) source)->port);
}

static GSourceFuncs source_funcs = {
  .prepare = source_prepare,
  .check = source_check,
  .dispatch = source_dispatch,
  .finalize = source_finalize,
};

GSource *
fm_port_source_new (FmPort *port, gint64 budget_us, FmPortHandler handler, gpointer data)
{
  GSource *source = g_source_new (&source_funcs, sizeof (PortSource));
  PortSource *self = (PortSource *) source;

  self->port = fm_port_ref (port);
  self->budget_us = budget_us;
  self->handler = handler;
  self->data = data;
  g_source_set_name (source, "port");
  if (port->fd >= 0)
    g_source_add_unix_fd (source, port->fd, G_IO_IN);
  return source;
}

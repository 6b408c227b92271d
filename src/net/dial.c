/* Name to socket. getaddrinfo can't be interrupted, so it runs on a thread of its own that is simply left behind when nobody waits any
 * longer: what both sides share is reference counted and the late answer dies with it. The addresses are then tried in the manner of RFC 8305:
 * families alternate, a new attempt starts every 250 ms or as soon as one fails, the first socket to connect wins. */
#include "dial.h"
#include <errno.h>
#include <fulmar/base/clock.h>
#include <fulmar/base/error.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define ATTEMPT_DELAY_US (250 * 1000)
#define MAX_ADDRESSES 16

typedef struct {
  atomic_int refs; /* C11, not GLib's, so that ThreadSanitizer sees the hand-over */
  char *host, *service;
  int done_fd;
  atomic_int is_done; /* everything below is published by it */
  int status;
  int status_errno;
  struct addrinfo *addresses;
} Lookup;

static void
lookup_unref (Lookup *lookup)
{
  if (atomic_fetch_sub (&lookup->refs, 1) != 1)
    return;
  if (lookup->addresses != NULL)
    freeaddrinfo (lookup->addresses);
  close (lookup->done_fd);
  g_free (lookup->host);
  g_free (lookup->service);
  g_free (lookup);
}

static void
lookup_resolve (Lookup *lookup, int flags)
{
  struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | flags };
  lookup->status = getaddrinfo (lookup->host, lookup->service, &hints, &lookup->addresses);
  lookup->status_errno = errno;
}

static gpointer
lookup_thread (gpointer data)
{
  Lookup *lookup = data;
  guint64 one = 1;

  lookup_resolve (lookup, 0);
  atomic_store (&lookup->is_done, 1);
  if (write (lookup->done_fd, &one, sizeof one) < 0)
    g_assert (errno == EAGAIN);
  lookup_unref (lookup);
  return NULL;
}

int
fm_dial_poll (int fd, short events, int extra_fd, FmCancel *cancel, gint64 deadline_us, gboolean *ret_extra, GError **error)
{
  for (;;)
    {
      struct pollfd fds[] = { { fd, events, 0 }, { fm_cancel_fd (cancel), POLLIN, 0 }, { extra_fd, POLLIN, 0 } };
      int timeout_ms = fm_clock_remaining_ms (deadline_us);
      int n = poll (fds, G_N_ELEMENTS (fds), timeout_ms);

      if (!fm_cancel_check (cancel, error))
        return -1;
      if (ret_extra != NULL)
        *ret_extra = n > 0 && fds[2].revents != 0;
      if (n > 0 && (fds[0].revents != 0 || fds[2].revents != 0))
        return fds[0].revents;
      if (n == 0 && fm_clock_remaining_ms (deadline_us) == 0)
        return 0;
    }
}

static gboolean
await_lookup (Lookup *lookup, FmCancel *cancel, gint64 deadline_us, GError **error)
{
  GThread *thread = NULL;
  g_autoptr (GError) thread_error = NULL;

  atomic_fetch_add (&lookup->refs, 1);
  thread = g_thread_try_new ("resolver", lookup_thread, lookup, &thread_error);
  if (thread == NULL)
    {
      lookup_unref (lookup);
      g_set_error (error, FM_ERROR, FM_ERROR_OFFLINE, "can't look up %s: %s", lookup->host, thread_error->message);
      return FALSE;
    }
  g_thread_unref (thread);

  int ready = fm_dial_poll (lookup->done_fd, POLLIN, -1, cancel, deadline_us, NULL, error);
  if (ready < 0)
    return FALSE;
  if (ready == 0 || !atomic_load (&lookup->is_done))
    {
      g_set_error (error, FM_ERROR, FM_ERROR_TIMEOUT, "looking up the name %s took too long: is the network up?", lookup->host);
      return FALSE;
    }
  return TRUE;
}

static Lookup *
look_up (const char *host, guint16 port, FmCancel *cancel, gint64 deadline_us, GError **error)
{
  Lookup *lookup = g_new0 (Lookup, 1);

  atomic_init (&lookup->refs, 1);
  lookup->host = g_strdup (host);
  lookup->service = g_strdup_printf ("%u", port);
  lookup->done_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  lookup_resolve (lookup, AI_NUMERICHOST);
  if (lookup->status != 0)
    {
      lookup->addresses = NULL;
      if (!await_lookup (lookup, cancel, deadline_us, error))
        {
          lookup_unref (lookup);
          return NULL;
        }
    }
  if (lookup->status != 0)
    {
      const char *why = lookup->status == EAI_SYSTEM ? g_strerror (lookup->status_errno) : gai_strerror (lookup->status);
      g_set_error (error, FM_ERROR, FM_ERROR_OFFLINE, "can't find the server %s: %s", host, why);
      lookup_unref (lookup);
      return NULL;
    }
  return lookup;
}

gboolean
fm_dial_is_loopback (const struct sockaddr *address)
{
  if (address->sa_family == AF_INET)
    return (ntohl (((const struct sockaddr_in *) address)->sin_addr.s_addr) >> 24) == 127;
  if (address->sa_family == AF_INET6)
    {
      const struct in6_addr *six = &((const struct sockaddr_in6 *) address)->sin6_addr;
      return IN6_IS_ADDR_LOOPBACK (six) || (IN6_IS_ADDR_V4MAPPED (six) && six->s6_addr[12] == 127);
    }
  return address->sa_family == AF_UNIX;
}

/* The addresses to try, families alternating, in the resolver's order otherwise. */
static guint
order_addresses (const struct addrinfo *all, gboolean loopback_only, const struct addrinfo **ordered)
{
  const struct addrinfo *queues[2][MAX_ADDRESSES];
  guint lengths[2] = { 0, 0 }, taken[2] = { 0, 0 }, n = 0;
  guint first = all != NULL && all->ai_family == AF_INET6 ? 0 : 1;

  for (const struct addrinfo *a = all; a != NULL; a = a->ai_next)
    {
      guint q = a->ai_family == AF_INET6 ? 0 : 1;
      if (lengths[q] < MAX_ADDRESSES && (!loopback_only || fm_dial_is_loopback (a->ai_addr)))
        queues[q][lengths[q]++] = a;
    }
  for (guint turn = first; n < MAX_ADDRESSES && (taken[0] < lengths[0] || taken[1] < lengths[1]); turn ^= 1)
    if (taken[turn] < lengths[turn])
      ordered[n++] = queues[turn][taken[turn]++];
  return n;
}

static int
start_attempt (const struct addrinfo *address, int *ret_errno)
{
  int on = 1, idle_s = 60, interval_s = 15, probes = 4;
  unsigned int user_timeout_ms = 90 * 1000;
  int fd = socket (address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

  if (fd < 0)
    {
      *ret_errno = errno;
      return -1;
    }
  setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt (fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  setsockopt (fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
  setsockopt (fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof interval_s);
  setsockopt (fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
  setsockopt (fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &user_timeout_ms, sizeof user_timeout_ms);
  if (connect (fd, address->ai_addr, address->ai_addrlen) != 0 && errno != EINPROGRESS)
    {
      *ret_errno = errno;
      close (fd);
      return -1;
    }
  return fd;
}

typedef struct {
  const struct addrinfo *addresses[MAX_ADDRESSES];
  guint n_addresses, next;
  struct pollfd fds[MAX_ADDRESSES + 1]; /* the last is the cancel */
  guint n_open;
  int last_errno;
} Race;

/* Looks at the attempts that poll has woken for. Returns the winner or -1. */
static int
settle_attempts (Race *race)
{
  for (guint i = 0; i < race->next; i++)
    {
      int failure = 0;
      socklen_t size = sizeof failure;
      if (race->fds[i].fd < 0 || race->fds[i].revents == 0)
        continue;
      if (getsockopt (race->fds[i].fd, SOL_SOCKET, SO_ERROR, &failure, &size) == 0 && failure == 0)
        {
          int winner = race->fds[i].fd;
          race->fds[i].fd = -1;
          return winner;
        }
      race->last_errno = failure;
      close (race->fds[i].fd);
      race->fds[i].fd = -1;
      race->n_open--;
    }
  return -1;
}

/* The winner, or -1 with *ERROR set for a cancel only. */
static int
run_race (Race *race, FmCancel *cancel, gint64 deadline_us, GError **error)
{
  gint64 next_start_us = 0;

  for (;;)
    {
      gint64 now_us = fm_clock_mono_us ();
      while (race->next < race->n_addresses && (race->n_open == 0 || now_us >= next_start_us))
        {
          int fd = start_attempt (race->addresses[race->next], &race->last_errno);
          race->fds[race->next++] = (struct pollfd){ fd, POLLOUT, 0 };
          if (fd >= 0)
            race->n_open++;
          next_start_us = now_us + ATTEMPT_DELAY_US;
        }
      if (race->n_open == 0)
        return -1;
      race->fds[race->next] = (struct pollfd){ fm_cancel_fd (cancel), POLLIN, 0 };
      gint64 until_us = race->next < race->n_addresses ? MIN (deadline_us, next_start_us) : deadline_us;
      int n = poll (race->fds, race->next + 1, fm_clock_remaining_ms (until_us));
      if (!fm_cancel_check (cancel, error))
        return -1;
      int winner = n > 0 ? settle_attempts (race) : -1;
      if (winner >= 0)
        return winner;
      if (fm_clock_remaining_ms (deadline_us) == 0)
        {
          race->last_errno = ETIMEDOUT;
          return -1;
        }
    }
}

int
fm_dial_host (const FmServer *server, FmCancel *cancel, gint64 deadline_us, GError **error)
{
  Race race = { .n_addresses = 0 };
  g_autoptr (GError) cancelled = NULL;

  if (!fm_cancel_check (cancel, error))
    return -1;
  Lookup *lookup = look_up (server->host, server->port, cancel, deadline_us, error);
  if (lookup == NULL)
    return -1;
  race.n_addresses = order_addresses (lookup->addresses, server->security == FM_SECURITY_PLAIN_LOOPBACK, race.addresses);
  int fd = -1;
  if (race.n_addresses == 0)
    g_set_error (error, FM_ERROR, FM_ERROR_TLS,
                 "%s is not this computer, and without encryption the password could be read on the way: write imaps://, pops:// or "
                 "smtps:// in the configuration",
                 server->host);
  else
    {
      fd = run_race (&race, cancel, deadline_us, &cancelled);
      for (guint i = 0; i < race.next; i++)
        if (race.fds[i].fd >= 0)
          close (race.fds[i].fd);
      if (cancelled != NULL)
        g_propagate_error (error, g_steal_pointer (&cancelled));
      else if (fd < 0)
        g_set_error (error, FM_ERROR, race.last_errno == ETIMEDOUT ? FM_ERROR_TIMEOUT : FM_ERROR_OFFLINE, "can't connect to %s port %u: %s",
                     server->host, server->port, g_strerror (race.last_errno));
    }
  lookup_unref (lookup);
  return fd;
}

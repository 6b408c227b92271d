/* Between a name and a connection: names that are never answered, addresses that swallow every word, and cancelling in each place where a
 * thread can stand. getaddrinfo is this program's own, since no test may depend on the system's resolver: it answers for the names of this
 * test only. An address that swallows is real: a listener whose queue is full, to which the kernel answers nothing. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <fulmar/base/clock.h>
#include <fulmar/base/error.h>
#include <fulmar/base/thread.h>
#include <fulmar/net/stream.h>
#include <glib.h>
#include <netdb.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define CANCEL_BUDGET_US (50 * 1000)
#define ATTEMPTS 20
#define FLOOD_PIECES 4000 /* of 64 kB */

/* The resolver. */
static pthread_mutex_t resolver_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t resolver_changed = PTHREAD_COND_INITIALIZER;
static gboolean is_released;       /* "silent.test" is answered at last */
static guint n_stuck, n_left;      /* calls that wait, and that were answered */
static const char *const *answers; /* of "many.test", in this order; v6 has colons */

static struct addrinfo *
answer_new (const char *text, const char *service)
{
  struct addrinfo *info = calloc (1, sizeof *info + sizeof (struct sockaddr_in6));
  struct sockaddr_in *four = (struct sockaddr_in *) (gpointer) (info + 1);
  struct sockaddr_in6 *six = (struct sockaddr_in6 *) (gpointer) (info + 1);
  guint16 port = htons ((guint16) strtoul (service, NULL, 10));

  info->ai_family = strchr (text, ':') != NULL ? AF_INET6 : AF_INET;
  info->ai_socktype = SOCK_STREAM;
  info->ai_addr = (struct sockaddr *) (gpointer) (info + 1);
  info->ai_addrlen = info->ai_family == AF_INET6 ? sizeof *six : sizeof *four;
  if (info->ai_family == AF_INET6)
    *six = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = port };
  else
    *four = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = port };
  assert_int_equal (inet_pton (info->ai_family, text, info->ai_family == AF_INET6 ? (void *) &six->sin6_addr : (void *) &four->sin_addr),
                    1);
  return info;
}

int
getaddrinfo (const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **ret_all)
{
  struct addrinfo **end = ret_all;
  struct in_addr four;

  *ret_all = NULL;
  if (inet_pton (AF_INET, host, &four) == 1)
    *end = answer_new (host, service);
  else if (hints->ai_flags & AI_NUMERICHOST)
    return EAI_NONAME;
  else if (strcmp (host, "many.test") == 0)
    for (gsize i = 0; answers[i] != NULL; i++, end = &(*end)->ai_next)
      *end = answer_new (answers[i], service);
  else if (strcmp (host, "silent.test") == 0)
    {
      pthread_mutex_lock (&resolver_lock);
      n_stuck++;
      pthread_cond_broadcast (&resolver_changed);
      while (!is_released)
        pthread_cond_wait (&resolver_changed, &resolver_lock);
      n_left++;
      pthread_cond_broadcast (&resolver_changed);
      pthread_mutex_unlock (&resolver_lock);
    }
  return *ret_all != NULL ? 0 : EAI_NONAME;
}

void
freeaddrinfo (struct addrinfo *all)
{
  while (all != NULL)
    {
      struct addrinfo *next = all->ai_next;
      free (all);
      all = next;
    }
}

static int
listen_at (const char *address, guint16 port, int backlog)
{
  struct addrinfo *info = answer_new (address, "0");
  int fd = socket (info->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

  if (info->ai_family == AF_INET6)
    ((struct sockaddr_in6 *) (gpointer) info->ai_addr)->sin6_port = htons (port);
  else
    ((struct sockaddr_in *) (gpointer) info->ai_addr)->sin_port = htons (port);
  if (fd >= 0 && (bind (fd, info->ai_addr, info->ai_addrlen) != 0 || listen (fd, backlog) != 0))
    {
      close (fd);
      fd = -1;
    }
  freeaddrinfo (info);
  return fd;
}

static guint16
port_of (int fd)
{
  struct sockaddr_in6 address; /* the port lies at the same place for both families */
  socklen_t size = sizeof address;
  assert_int_equal (getsockname (fd, (struct sockaddr *) &address, &size), 0);
  return ntohs (address.sin6_port);
}

#define FILLERS 4

/* A listener that answers nothing any more. */
typedef struct {
  int listener, fillers[FILLERS];
} Hole;

static gboolean
hole_open (Hole *hole, const char *address, guint16 port)
{
  struct sockaddr_storage where;
  socklen_t size = sizeof where;

  hole->listener = listen_at (address, port, 0);
  if (hole->listener < 0)
    return FALSE;
  assert_int_equal (getsockname (hole->listener, (struct sockaddr *) &where, &size), 0);
  for (guint i = 0; i < FILLERS; i++)
    {
      hole->fillers[i] = socket (where.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
      assert_true (connect (hole->fillers[i], (struct sockaddr *) &where, size) == 0 || errno == EINPROGRESS);
    }
  return TRUE;
}

static void
hole_close (Hole *hole)
{
  for (guint i = 0; i < FILLERS; i++)
    close (hole->fillers[i]);
  close (hole->listener);
}

static void
assert_error (GError *error, int code, const char *words)
{
  assert_non_null (error);
  if (error->domain != FM_ERROR || (int) error->code != code || strstr (error->message, words) == NULL)
    fail_msg ("expected %s with \"%s\", got %s: %s", fm_error_code_name (code), words, fm_error_code_name (error->code), error->message);
}

/* Cancelling from another thread. */
typedef struct {
  FmCancel *cancel;
  gint64 triggered_us;
} Canceller;

static void
trigger_soon (gpointer data)
{
  Canceller *canceller = data;
  g_usleep (20 * 1000); /* the time for the other thread to fall asleep: it need not, the result is the same */
  canceller->triggered_us = fm_clock_mono_us ();
  fm_cancel_trigger (canceller->cancel);
}

typedef void (*Sleeper) (const FmServer *server, FmCancel *cancel, GError **error);

/* SLEEPER must end soon after the trigger. A busy machine may hold it up now and then, so the best of a few attempts counts: what polls, or
 * does not look, is late every time. */
static void
assert_cancelled_at_once (Sleeper sleeper, const FmServer *server)
{
  gint64 best_us = G_MAXINT64;

  for (guint i = 0; i < ATTEMPTS && best_us >= CANCEL_BUDGET_US; i++)
    {
      g_autoptr (FmCancel) cancel = fm_cancel_new ();
      Canceller canceller = { cancel, 0 };
      g_autoptr (GError) error = NULL;
      FmThread *thread = fm_thread_start ("canceller", trigger_soon, &canceller);
      sleeper (server, cancel, &error);
      gint64 returned_us = fm_clock_mono_us ();
      fm_thread_join (thread);
      assert_error (error, FM_ERROR_CANCELLED, "");
      best_us = MIN (best_us, returned_us - canceller.triggered_us);
    }
  assert_true (best_us < CANCEL_BUDGET_US);
}

static void
connects (const FmServer *server, FmCancel *cancel, GError **error)
{
  assert_null (fm_stream_connect (server, cancel, fm_clock_deadline_us (20000), error));
}

static void
reads (const FmServer *server, FmCancel *cancel, GError **error)
{
  g_autoptr (FmStream) stream = fm_stream_connect (server, cancel, fm_clock_deadline_us (20000), error);
  const char *line;
  gsize length;
  if (stream != NULL)
    assert_false (fm_stream_read_line (stream, 100, &line, &length, error));
}

static void
waits (const FmServer *server, FmCancel *cancel, GError **error)
{
  g_autoptr (FmStream) stream = fm_stream_connect (server, cancel, fm_clock_deadline_us (20000), error);
  FmStreamWait why;
  if (stream != NULL)
    assert_false (fm_stream_wait (stream, -1, fm_clock_deadline_us (20000), &why, error));
}

/* More than socket buffers hold, to somebody who does not read. */
static void
writes (const FmServer *server, FmCancel *cancel, GError **error)
{
  g_autoptr (FmStream) stream = fm_stream_connect (server, cancel, fm_clock_deadline_us (20000), error);
  g_autofree char *noise = g_strnfill (1024 * 1024, 'x');
  gboolean is_fine = stream != NULL;
  for (guint i = 0; is_fine && i < 64; i++)
    is_fine = fm_stream_write (stream, noise, 1024 * 1024, error);
  assert_false (is_fine);
}

/* The other side is never waited for, since this one is slower: its disk is, say. */
static void
reads_a_flood (const FmServer *server, FmCancel *cancel, GError **error)
{
  g_autoptr (FmStream) stream = fm_stream_connect (server, cancel, fm_clock_deadline_us (20000), error);
  const char *some;
  gsize n;
  gboolean is_fine = stream != NULL;
  for (guint i = 0; is_fine && i < FLOOD_PIECES; i++)
    {
      g_usleep (500);
      is_fine = fm_stream_read_some (stream, 64 * 1024, &some, &n, error);
    }
  assert_false (is_fine);
}

static void
writes_a_flood (const FmServer *server, FmCancel *cancel, GError **error)
{
  g_autoptr (FmStream) stream = fm_stream_connect (server, cancel, fm_clock_deadline_us (20000), error);
  g_autofree char *noise = g_strnfill (64 * 1024, 'x');
  gboolean is_fine = stream != NULL;
  for (guint i = 0; is_fine && i < FLOOD_PIECES; i++)
    {
      g_usleep (500);
      is_fine = fm_stream_write (stream, noise, 64 * 1024, error);
    }
  assert_false (is_fine);
}

/* Sends for ever what nobody asked for, or takes for ever. */
typedef struct {
  int listener;
  gboolean sends;
} Flood;

static void
flood (gpointer data)
{
  Flood *self = data;
  static char noise[64 * 1024];
  int fd;

  while ((fd = accept (self->listener, NULL, NULL)) >= 0)
    {
      g_autofree char *room = g_malloc (sizeof noise);
      while ((self->sends ? send (fd, noise, sizeof noise, MSG_NOSIGNAL) : recv (fd, room, sizeof noise, 0)) > 0)
        ;
      close (fd);
    }
}

static void
cancels_what_never_waits (void **state)
{
  for (int sends = 0; sends < 2; sends++)
    {
      Flood self = { listen_at ("127.0.0.1", 0, 8), sends };
      FmServer server = { "127.0.0.1", port_of (self.listener), FM_SECURITY_PLAIN_LOOPBACK };
      FmThread *thread = fm_thread_start ("flood", flood, &self);
      assert_cancelled_at_once (sends ? reads_a_flood : writes_a_flood, &server);
      shutdown (self.listener, SHUT_RDWR);
      fm_thread_join (thread);
      close (self.listener);
    }
}

static void
cancels_a_lookup (void **state)
{
  FmServer server = { "silent.test", 143, FM_SECURITY_TLS };
  g_autoptr (GError) error = NULL;

  assert_cancelled_at_once (connects, &server);
  /* The deadline holds too while nobody answers. */
  assert_null (fm_stream_connect (&server, NULL, fm_clock_deadline_us (30), &error));
  assert_error (error, FM_ERROR_TIMEOUT, "silent.test took too long");
  /* The late answers, to nobody: what was left behind goes by itself (the leak checker looks on). */
  pthread_mutex_lock (&resolver_lock);
  is_released = TRUE;
  pthread_cond_broadcast (&resolver_changed);
  while (n_left < n_stuck)
    pthread_cond_wait (&resolver_changed, &resolver_lock);
  pthread_mutex_unlock (&resolver_lock);
}

static void
cancels_a_connect (void **state)
{
  Hole hole;
  g_autoptr (GError) error = NULL;

  assert_true (hole_open (&hole, "127.0.0.1", 0));
  FmServer server = { "127.0.0.1", port_of (hole.listener), FM_SECURITY_PLAIN_LOOPBACK };
  assert_cancelled_at_once (connects, &server);
  assert_null (fm_stream_connect (&server, NULL, fm_clock_deadline_us (30), &error));
  assert_error (error, FM_ERROR_TIMEOUT, "can't connect to 127.0.0.1");
  hole_close (&hole);
}

/* A listener that accepts, by its queue, and does nothing. */
static void
cancels_what_waits_for_a_mute_server (void **state)
{
  int mute = listen_at ("127.0.0.1", 0, 128);
  FmServer server = { "127.0.0.1", port_of (mute), FM_SECURITY_PLAIN_LOOPBACK };

  assert_cancelled_at_once (reads, &server);
  assert_cancelled_at_once (waits, &server);
  assert_cancelled_at_once (writes, &server);
  server.security = FM_SECURITY_TLS;
  assert_cancelled_at_once (connects, &server); /* a handshake that never goes on */
  close (mute);
}

static void
cancels_before_anything (void **state)
{
  g_autoptr (FmCancel) cancel = fm_cancel_new ();
  FmServer server = { "silent.test", 143, FM_SECURITY_TLS };
  g_autoptr (GError) error = NULL;

  fm_cancel_trigger (cancel);
  assert_null (fm_stream_connect (&server, cancel, fm_clock_deadline_us (60000), &error));
  assert_error (error, FM_ERROR_CANCELLED, "");
}

static void
assert_connects (const FmServer *server)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (FmStream) stream = fm_stream_connect (server, NULL, fm_clock_deadline_us (10000), &error);
  if (stream == NULL)
    fail_msg ("%s", error->message);
}

/* An address that swallows words, and one that refuses, cost a moment each and not the connection (RFC 8305). */
static void
passes_dead_addresses (void **state)
{
  static const char *const order[] = { "127.0.0.2", "127.0.0.4", "127.0.0.3", NULL };
  Hole hole;
  int alive = listen_at ("127.0.0.3", 0, 8);
  FmServer server = { "many.test", port_of (alive), FM_SECURITY_PLAIN_LOOPBACK };

  assert_true (hole_open (&hole, "127.0.0.2", server.port));
  answers = order;
  assert_connects (&server);
  hole_close (&hole);
  close (alive);
}

/* Families alternate: the only live address is the resolver's last, of the other family, and nine dead ones stand before it. */
static void
alternates_families (void **state)
{
  static const char *const order[] = { "127.0.1.1", "127.0.1.2", "127.0.1.3", "127.0.1.4", "127.0.1.5", "127.0.1.6",
                                       "127.0.1.7", "127.0.1.8", "127.0.1.9", "::1",       NULL };
  int alive = listen_at ("::1", 0, 8);
  Hole holes[9];

  if (alive < 0)
    skip (); /* a machine without IPv6 */
  FmServer server = { "many.test", port_of (alive), FM_SECURITY_PLAIN_LOOPBACK };
  for (guint i = 0; i < G_N_ELEMENTS (holes); i++)
    assert_true (hole_open (&holes[i], order[i], server.port));
  answers = order;
  g_autoptr (GError) error = NULL;
  /* The second attempt starts after a quarter of a second; the tenth would after two and a quarter. */
  g_autoptr (FmStream) stream = fm_stream_connect (&server, NULL, fm_clock_deadline_us (2000), &error);
  if (stream == NULL)
    fail_msg ("%s", error->message);
  for (guint i = 0; i < G_N_ELEMENTS (holes); i++)
    hole_close (&holes[i]);
  close (alive);
}

/* Of a name with addresses here and elsewhere only those here are spoken to in clear. */
static void
speaks_clearly_to_itself_only (void **state)
{
  static const char *const both[] = { "192.0.2.1", "127.0.0.1", NULL };
  static const char *const elsewhere[] = { "192.0.2.1", "2001:db8::1", NULL };
  int alive = listen_at ("127.0.0.1", 0, 8);
  FmServer server = { "many.test", port_of (alive), FM_SECURITY_PLAIN_LOOPBACK };
  g_autoptr (GError) error = NULL;

  answers = both;
  g_autoptr (FmStream) stream = fm_stream_connect (&server, NULL, fm_clock_deadline_us (60000), &error);
  if (stream == NULL)
    fail_msg ("%s", error->message);
  assert_true (fm_stream_is_private (stream));
  answers = elsewhere;
  assert_null (fm_stream_connect (&server, NULL, fm_clock_deadline_us (60000), &error));
  assert_error (error, FM_ERROR_TLS, "is not this computer");
  close (alive);
}

static void
tells_of_unknown_names (void **state)
{
  FmServer server = { "nowhere.test", 993, FM_SECURITY_TLS };
  g_autoptr (GError) error = NULL;

  assert_null (fm_stream_connect (&server, NULL, fm_clock_deadline_us (60000), &error));
  assert_error (error, FM_ERROR_OFFLINE, "can't find the server nowhere.test");
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (cancels_before_anything),  cmocka_unit_test (cancels_a_lookup),
    cmocka_unit_test (cancels_a_connect),        cmocka_unit_test (cancels_what_waits_for_a_mute_server),
    cmocka_unit_test (cancels_what_never_waits), cmocka_unit_test (passes_dead_addresses),
    cmocka_unit_test (alternates_families),      cmocka_unit_test (speaks_clearly_to_itself_only),
    cmocka_unit_test (tells_of_unknown_names),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}

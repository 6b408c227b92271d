/* The mailbox: order, urgency, closing, its descriptor's level, the loop's budget; and many threads posting at once (for TSan too). */
#include "test.h"

#include <fulmar/base/clock.h>
#include <fulmar/base/port.h>
#include <fulmar/base/thread.h>

#include <poll.h>

#define NUMBER(n) GINT_TO_POINTER (n)

static int freed;

static void
count_free (gpointer item)
{
  freed++;
}

static int
readable (FmPort *port)
{
  struct pollfd wait = { .fd = fm_port_fd (port), .events = POLLIN };

  return poll (&wait, 1, 0);
}

static void
test_order (void **state)
{
  g_autoptr (FmPort) port = fm_port_new ();

  assert_null (fm_port_try_take (port));
  assert_int_equal (readable (port), 0);
  assert_true (fm_port_post (port, NUMBER (2), NULL));
  assert_true (fm_port_post (port, NUMBER (3), NULL));
  assert_true (fm_port_post_urgent (port, NUMBER (1), NULL));
  assert_int_equal (fm_port_length (port), 3);
  assert_int_equal (readable (port), 1);
  assert_int_equal (GPOINTER_TO_INT (fm_port_take (port, 0)), 1);
  assert_int_equal (GPOINTER_TO_INT (fm_port_try_take (port)), 2);
  assert_int_equal (readable (port), 1);
  assert_int_equal (GPOINTER_TO_INT (fm_port_try_take (port)), 3);
  assert_int_equal (readable (port), 0);
  assert_true (fm_port_post_urgent (port, NUMBER (4), NULL));
  assert_true (fm_port_post (port, NUMBER (5), NULL));
  assert_int_equal (readable (port), 1);
  assert_int_equal (GPOINTER_TO_INT (fm_port_try_take (port)), 4);
  assert_int_equal (GPOINTER_TO_INT (fm_port_try_take (port)), 5);
  assert_int_equal (fm_port_length (port), 0);
}

static void
test_deadline (void **state)
{
  g_autoptr (FmPort) port = fm_port_new ();
  gint64 start_us = fm_clock_mono_us ();

  assert_null (fm_port_take (port, fm_clock_deadline_us (30)));
  assert_true (fm_clock_mono_us () - start_us >= 30000);
}

static void
test_close (void **state)
{
  g_autoptr (FmPort) port = fm_port_new ();

  freed = 0;
  fm_port_post (port, NUMBER (1), count_free);
  fm_port_close (port);
  fm_port_close (port);
  assert_true (fm_port_is_closed (port));
  assert_false (fm_port_post (port, NUMBER (2), count_free));
  assert_int_equal (freed, 1);
  assert_false (fm_port_post (port, NUMBER (2), NULL));
  assert_int_equal (GPOINTER_TO_INT (fm_port_take (port, G_MAXINT64)), 1);
  assert_null (fm_port_take (port, G_MAXINT64));
  assert_int_equal (readable (port), 1);
  assert_int_equal (freed, 1); /* a taken item is the taker's */
}

/* Whoever sleeps in poll(2) on an empty port must hear of its end. */
static void
test_close_wakes (void **state)
{
  g_autoptr (FmPort) port = fm_port_new ();

  assert_int_equal (readable (port), 0);
  fm_port_close (port);
  assert_int_equal (readable (port), 1);
  assert_null (fm_port_try_take (port));
  assert_int_equal (readable (port), 1);
}

static void
test_frees_what_is_left (void **state)
{
  FmPort *port = fm_port_new ();

  freed = 0;
  fm_port_post (port, NUMBER (1), count_free);
  fm_port_post (port, NUMBER (2), NULL);
  fm_port_post (port, NUMBER (3), count_free);
  fm_port_unref (port);
  assert_int_equal (freed, 2);
  fm_port_unref (NULL);
}

#define POSTERS 4
#define POSTS 5000

typedef struct {
  FmPort *port;
  int base;
} Poster;

static void
post_many (gpointer data)
{
  Poster *poster = data;
  int i;

  for (i = 1; i <= POSTS; i++)
    {
      int *item = g_new (int, 1);

      *item = poster->base + i;
      fm_port_post (poster->port, item, g_free);
    }
}

static void
start_posters (FmPort *port, Poster *posters, FmThread **threads)
{
  int i;

  for (i = 0; i < POSTERS; i++)
    {
      posters[i] = (Poster){ .port = port, .base = i * POSTS };
      threads[i] = fm_thread_start ("poster", post_many, &posters[i]);
    }
}

/* Each item once, and those of one poster in its order. */
static void
receive (int value, int *last)
{
  int poster = (value - 1) / POSTS;

  assert_in_range (poster, 0, POSTERS - 1);
  assert_int_equal (value, last[poster] + 1);
  last[poster] = value;
}

static void
test_many_posters (void **state)
{
  g_autoptr (FmPort) port = fm_port_new ();
  Poster posters[POSTERS];
  FmThread *threads[POSTERS];
  int last[POSTERS], i;

  for (i = 0; i < POSTERS; i++)
    last[i] = i * POSTS;
  start_posters (port, posters, threads);
  for (i = 0; i < POSTERS * POSTS; i++)
    {
      g_autofree int *item = fm_port_take (port, fm_clock_deadline_us (20000));

      assert_non_null (item);
      receive (*item, last);
    }
  for (i = 0; i < POSTERS; i++)
    fm_thread_join (threads[i]);
  assert_int_equal (readable (port), 0);
}

typedef struct {
  GMainLoop *loop;
  GSource *source;
  int last[POSTERS];
  int seen;
  int destroy_at;
} Loop;

static void
receive_in_loop (gpointer item, gpointer data)
{
  Loop *self = data;

  receive (*(int *) item, self->last);
  g_free (item);
  if (++self->seen == POSTERS * POSTS)
    g_main_loop_quit (self->loop);
}

static void
test_source (void **state)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_autoptr (FmPort) port = fm_port_new ();
  Loop self = { .loop = g_main_loop_new (context, FALSE) };
  Poster posters[POSTERS];
  FmThread *threads[POSTERS];
  int i;

  for (i = 0; i < POSTERS; i++)
    self.last[i] = i * POSTS;
  self.source = fm_port_source_new (port, 1000, receive_in_loop, &self);
  g_source_attach (self.source, context);
  start_posters (port, posters, threads);
  g_main_loop_run (self.loop);
  for (i = 0; i < POSTERS; i++)
    fm_thread_join (threads[i]);
  assert_int_equal (self.seen, POSTERS * POSTS);
  assert_false (g_main_context_iteration (context, FALSE)); /* empty: no turn is spent on it */
  fm_port_close (port);
  while (g_main_context_iteration (context, FALSE))
    ;
  assert_true (g_source_is_destroyed (self.source));
  g_source_unref (self.source);
  g_main_loop_unref (self.loop);
}

static void
spend (gpointer item, gpointer data)
{
  Loop *self = data;
  gint64 until_us = fm_clock_mono_us () + 2000;

  while (fm_clock_mono_us () < until_us)
    ;
  if (++self->seen == self->destroy_at)
    g_source_destroy (self->source);
}

/* 20 items of 2 ms each against a budget of 5 ms: a turn ends long before the queue does. */
static void
test_budget (void **state)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_autoptr (FmPort) port = fm_port_new ();
  Loop self = { .destroy_at = 10 };
  int i;

  for (i = 0; i < 20; i++)
    fm_port_post (port, NUMBER (i + 1), NULL);
  self.source = fm_port_source_new (port, 5000, spend, &self);
  g_source_attach (self.source, context);
  assert_true (g_main_context_iteration (context, FALSE));
  assert_in_range (self.seen, 1, 4);
  while (g_main_context_iteration (context, FALSE))
    ;
  assert_int_equal (self.seen, 10); /* destroyed by its own handler: not one more */
  assert_int_equal (fm_port_length (port), 10);
  g_source_unref (self.source);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_order),
    cmocka_unit_test (test_deadline),
    cmocka_unit_test (test_close),
    cmocka_unit_test (test_close_wakes),
    cmocka_unit_test (test_frees_what_is_left),
    cmocka_unit_test (test_many_posters),
    cmocka_unit_test (test_source),
    cmocka_unit_test (test_budget),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}

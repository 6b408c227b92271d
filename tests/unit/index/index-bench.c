/* See index-bench.h. Waiting is for events with a deadline, never for time. */
#include "config.h"
#include "index-bench.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <glib/gstdio.h>
#include "fulmar/base/clock.h"

/* ThreadSanitizer makes the workers, which are this program too, tens of times slower. */
#ifdef __SANITIZE_THREAD__
#define PATIENCE_MS 900000
#else
#define PATIENCE_MS 120000
#endif

void
index_bench_deliver (FmIndexEvent *event, gpointer data)
{
  IndexBench *bench = data;
  fm_port_post (bench->port, event, (GDestroyNotify) fm_index_event_free);
}

void
index_bench_init (IndexBench *bench, const char *dir)
{
  *bench = (IndexBench){ 0 };
  bench->dir = dir != NULL ? g_strdup (dir) : g_dir_make_tmp ("fulmar-index-XXXXXX", NULL);
  assert_non_null (bench->dir);
  bench->port = fm_port_new ();
  g_autofree char *mail = g_build_filename (bench->dir, "mail", NULL);
  g_mkdir (mail, 0700);
}

void
index_bench_open (IndexBench *bench, const FmIndexOptions *options)
{
  FmIndexOptions used = options != NULL ? *options : (FmIndexOptions){ 0 };
  used.keep_stderr = TRUE;
  if (used.least_free_bytes == 0)
    used.least_free_bytes = 1 << 20;
  g_autofree char *dir = g_build_filename (bench->dir, "index", NULL);
  bench->index = fm_index_new (dir, &used, index_bench_deliver, bench);
}

void
index_bench_close (IndexBench *bench)
{
  fm_index_free (bench->index);
  bench->index = NULL;
  /* Numbers of requests begin anew with the next index. */
  FmIndexEvent *stale;
  while ((stale = fm_port_try_take (bench->port)) != NULL)
    fm_index_event_free (stale);
}

static void
remove_tree (const char *path)
{
  g_autoptr (GDir) entries = g_file_test (path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open (path, 0, NULL);
  const char *name;
  while (entries != NULL && (name = g_dir_read_name (entries)) != NULL)
    {
      g_autofree char *child = g_build_filename (path, name, NULL);
      remove_tree (child);
    }
  g_remove (path);
}

void
index_bench_clear (IndexBench *bench)
{
  index_bench_close (bench);
  fm_port_unref (bench->port);
  remove_tree (bench->dir);
  g_free (bench->dir);
}

static FmIndexEvent *
next_event (IndexBench *bench, gint64 deadline_us)
{
  FmIndexEvent *event = fm_port_take (bench->port, deadline_us);
  if (event == NULL)
    fail_msg ("no event in time");
  return event;
}

FmIndexEvent *
index_bench_await (IndexBench *bench, FmIndexEventKind kind)
{
  gint64 deadline_us = fm_clock_deadline_us (PATIENCE_MS);
  for (;;)
    {
      FmIndexEvent *event = next_event (bench, deadline_us);
      if (fm_index_event_kind (event) == kind)
        return event;
      if (fm_index_event_error (event) != NULL && g_getenv ("FULMAR_TEST_TALK") != NULL)
        print_message ("event %d: %s\n", fm_index_event_kind (event), fm_index_event_error (event)->message);
      fm_index_event_free (event);
    }
}

void
index_bench_await_ids (IndexBench *bench, FmIndexEventKind kind, guint n)
{
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  while (g_hash_table_size (seen) < n)
    {
      g_autoptr (FmIndexEvent) event = index_bench_await (bench, kind);
      guint length;
      const gint64 *ids = fm_index_event_ids (event, &length);
      for (guint i = 0; i < length; i++)
        g_hash_table_add (seen, g_memdup2 (&ids[i], sizeof ids[i]));
    }
}

GArray *
index_bench_search (IndexBench *bench, const char *query, guint limit)
{
  GArray *hits = g_array_new (FALSE, FALSE, sizeof (gint64));
  gint64 deadline_us = fm_clock_deadline_us (PATIENCE_MS);
  guint64 request = fm_index_search (bench->index, query, limit, FM_INDEX_NEWEST_FIRST, index_bench_deliver, bench);
  for (;;)
    {
      g_autoptr (FmIndexEvent) event = next_event (bench, deadline_us);
      if (fm_index_event_request (event) != request)
        continue;
      if (fm_index_event_kind (event) == FM_INDEX_EVENT_ERROR)
        fail_msg ("search failed: %s", fm_index_event_error (event)->message);
      if (fm_index_event_kind (event) == FM_INDEX_EVENT_DONE)
        return hits;
      guint length;
      const gint64 *ids = fm_index_event_ids (event, &length);
      g_array_append_vals (hits, ids, length);
    }
}

guint64
index_bench_count (IndexBench *bench, const char *query)
{
  guint64 request = fm_index_count (bench->index, query, index_bench_deliver, bench);
  for (;;)
    {
      g_autoptr (FmIndexEvent) event = index_bench_await (bench, FM_INDEX_EVENT_DONE);
      if (fm_index_event_request (event) == request)
        return fm_index_event_count (event);
    }
}

void
index_bench_flush (IndexBench *bench)
{
  guint64 request = fm_index_flush (bench->index);
  for (;;)
    {
      g_autoptr (FmIndexEvent) event = index_bench_await (bench, FM_INDEX_EVENT_FLUSHED);
      if (fm_index_event_request (event) == request)
        return;
    }
}

char *
index_bench_write_mail (IndexBench *bench, guint number, const char *message_id, const char *subject, const char *body)
{
  char *path = g_strdup_printf ("%s/mail/%u", bench->dir, number);
  g_autofree char *text = g_strdup_printf ("From: Ada Lovelace <ada@example.org>\nTo: Charles <charles@example.org>\n"
                                           "Date: Thu, 01 Jan 2026 %02u:%02u:%02u +0000\nMessage-ID: <%s>\nSubject: %s\n"
                                           "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n%s\n",
                                           number / 3600, number / 60 % 60, number % 60, message_id, subject, body);
  assert_true (g_file_set_contents (path, text, -1, NULL));
  return path;
}

GArray *
index_bench_children (void)
{
  GArray *children = g_array_new (FALSE, FALSE, sizeof (int));
  g_autoptr (GDir) tasks = g_dir_open ("/proc/self/task", 0, NULL);
  const char *name;
  while (tasks != NULL && (name = g_dir_read_name (tasks)) != NULL)
    {
      g_autofree char *path = g_strdup_printf ("/proc/self/task/%s/children", name);
      g_autofree char *text = NULL;
      if (!g_file_get_contents (path, &text, NULL, NULL))
        continue;
      g_auto (GStrv) words = g_strsplit (text, " ", -1);
      for (gsize i = 0; words[i] != NULL; i++)
        {
          int pid = strtol (words[i], NULL, 10);
          if (pid > 1)
            g_array_append_val (children, pid);
        }
    }
  return children;
}

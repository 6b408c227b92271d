/* gen-store DIR ROWS: makes a store of ROWS messages in one folder (three of four in threads), newest first in batches as a first
 * synchronisation would, then times what the screen asks of it. Prints one line a figure: name, measured, target. A store that is there already is only measured. */
#include <fulmar/mail/envelope.h>
#include <fulmar/store/db.h>
#include <fulmar/store/folder-store.h>
#include <fulmar/store/journal.h>
#include <fulmar/store/list-store.h>
#include <fulmar/store/message-store.h>
#include <fulmar/store/positions.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define BATCH 500

static void
must (gboolean ok, GError *error, const char *what)
{
  if (ok)
    return;
  fprintf (stderr, "gen-store: %s: %s\n", what, error == NULL ? "failed" : error->message);
  exit (1);
}

static FmEnvelope *
envelope_of (guint64 n)
{
  g_autoptr (GDateTime) date = g_date_time_new_from_unix_utc (900000000 + (gint64) n * 400);
  g_autofree char *when = g_date_time_format (date, "%a, %d %b %Y %H:%M:%S +0000");
  guint64 root = n - n % 4;
  g_autofree char *refs = n % 4 == 0 ? g_strdup ("") : g_strdup_printf ("References: <b%" G_GUINT64_FORMAT "@bench.example>\r\n", root);
  g_autofree char *text = g_strdup_printf (
      "From: Writer %u <w%u@example.org>\r\nTo: Ada <ada@example.org>\r\nSubject: About the matter of %" G_GUINT64_FORMAT "\r\nDate: %s\r\n"
      "Message-ID: <b%" G_GUINT64_FORMAT "@bench.example>\r\n%s\r\n",
      (guint) (n % 997), (guint) (n % 997), root, when, n, refs);
  return fm_envelope_parse (text, strlen (text));
}

/* What this thread has worked, whatever else the machine did meanwhile. */
static gint64
cpu_us (void)
{
  struct timespec now;

  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &now);
  return now.tv_sec * G_USEC_PER_SEC + now.tv_nsec / 1000;
}

typedef struct {
  double rows_per_s, rows_per_cpu_s, longest_ms;
} Filled;

static Filled
fill (FmStoreWriter *w, gint64 folder, guint64 rows)
{
  gint64 spent = 0, longest = 0, worked = 0;

  for (guint64 left = rows; left > 0; left -= MIN (left, BATCH))
    {
      g_autoptr (GError) error = NULL;
      FmMessageInput inputs[BATCH];
      gsize count = MIN (BATCH, left);
      guint64 n = left - count + 1;
      for (gsize i = 0; i < count; i++)
        inputs[i] = (FmMessageInput){ .uid = (guint32) (n + i),
                                      .flags = (n + i) % 50 == 0 ? 0 : FM_FLAG_SEEN,
                                      .attachments = 0,
                                      .size_bytes = 4000,
                                      .internal_date_utc = 900000000 + (gint64) (n + i) * 400,
                                      .envelope = envelope_of (n + i) };
      gint64 start = g_get_monotonic_time (), start_cpu = cpu_us ();
      must (fm_db_begin (w, FM_DB_NORMAL, &error) && fm_message_store_upsert (w, folder, inputs, count, NULL, &error)
                && fm_db_commit (w, &error),
            error, "insert");
      gint64 took = g_get_monotonic_time () - start;
      worked += cpu_us () - start_cpu;
      spent += took;
      longest = MAX (longest, took);
      fm_db_write_back (w);
      if (fm_db_wal_bytes (fm_db_reader_store (fm_db_writer_reader (w))) > 64 << 20)
        fm_db_checkpoint (w, NULL);
      for (gsize i = 0; i < count; i++)
        fm_envelope_unref ((FmEnvelope *) inputs[i].envelope);
    }
  return (Filled){ rows / (spent / 1e6), rows / (worked / 1e6), longest / 1000.0 };
}

static void
figure (const char *name, double value, const char *unit, const char *target)
{
  printf ("%-34s %12.3f %-6s target %s\n", name, value, unit, target);
  fflush (stdout);
}

static double
ms_since (gint64 start)
{
  return (g_get_monotonic_time () - start) / 1000.0;
}

/* The next hit (pool), where every row is one. */
static void
measure_hits (FmStoreReader *r, FmPositions *p)
{
  g_autoptr (FmIdSet) hits = fm_idset_new ();
  guint64 at;

  for (guint64 id = 1; id <= fm_positions_count (p); id++)
    fm_idset_add (hits, (gint64) id);
  gint64 start_cpu = cpu_us ();
  fm_positions_find_member (p, r, hits, fm_positions_count (p) / 2, FALSE, NULL, &at, NULL);
  figure ("  next hit of all (pool), CPU", (cpu_us () - start_cpu) / 1000.0, "ms", "2000 at 1M");
}

static void
measure_order (FmStoreReader *r, gint64 folder, FmListOrder order, const char *name)
{
  FmListSpec spec = { .folder_id = folder, .order = order, .descending = TRUE };
  g_autofree char *label = g_strconcat (name, ": first screen", NULL);
  gint64 start = g_get_monotonic_time ();
  g_autoptr (GPtrArray) rows = fm_list_store_first (r, &spec, 40, NULL);
  double cold = ms_since (start);
  start = g_get_monotonic_time ();
  for (int i = 0; i < 50; i++)
    g_ptr_array_unref (fm_list_store_first (r, &spec, 40, NULL));
  figure (label, ms_since (start) / 50, "ms", "1");
  figure ("  the first time", cold, "ms", "-");
  start = g_get_monotonic_time ();
  for (int i = 0; i < 50; i++)
    g_ptr_array_unref (fm_list_store_page (r, &spec, rows->pdata[rows->len - 1], FALSE, 40, NULL));
  figure ("  page", ms_since (start) / 50, "ms", "1");
  start = g_get_monotonic_time ();
  gint64 start_cpu = cpu_us ();
  g_autoptr (FmPositions) p = fm_positions_load (r, &spec, NULL, NULL);
  figure ("  positions loaded (pool)", ms_since (start), "ms", "80 at 1M");
  figure ("    of that CPU", (cpu_us () - start_cpu) / 1000.0, "ms", "80 at 1M");
  figure ("  positions size", fm_positions_bytes (p) / 1e6, "MB", "4 at 1M");
  start = g_get_monotonic_time ();
  for (int i = 0; i < 50; i++)
    g_ptr_array_unref (fm_positions_rows (p, r, fm_positions_count (p) * (guint64) i / 51, 40, NULL));
  figure ("  jump to any row", ms_since (start) / 50, "ms", "1");
  guint64 at;
  start = g_get_monotonic_time ();
  for (int i = 0; i < 20; i++)
    fm_positions_find_unread (p, r, fm_positions_count (p) * (guint64) i / 21, FALSE, &at);
  figure ("  next unread", ms_since (start) / 20, "ms", "5");
  measure_hits (r, p);
}

static int
compare_doubles (gconstpointer a, gconstpointer b)
{
  double x = *(const double *) a, y = *(const double *) b;
  return x < y ? -1 : x > y;
}

typedef struct {
  double whole, cpu, disk; /* ms */
} Durable;

/* A slice of bulk rows as a synchronisation leaves them behind. */
static void
write_slice (FmStoreWriter *w, gint64 folder, guint32 first_uid)
{
  g_autoptr (GError) error = NULL;

  must (fm_db_begin (w, FM_DB_NORMAL, &error), error, "begin");
  for (guint32 k = 0; k < BATCH; k++)
    {
      FmMessageFlags word = { .uid = first_uid + k, .flags = FM_FLAG_SEEN | FM_FLAG_DRAFT };
      must (fm_message_store_set_flags (w, folder, &word, 1, NULL, &error), error, "flags");
    }
  must (fm_db_commit (w, &error), error, "slice");
  fm_db_write_back (w);
}

/* What the disk takes to keep two pages of its own, the least that a commit writes. */
static double
sync_ms (int fd)
{
  static const char pages[8192];
  gint64 start = g_get_monotonic_time ();

  must (write (fd, pages, sizeof pages) == sizeof pages && fdatasync (fd) == 0, NULL, "fdatasync");
  return ms_since (start);
}

/* One flag after a slice; the disk alone after another. GROUP is the undo group. */
static Durable
durable_flag (FmStoreWriter *w, gint64 folder, guint64 rows, guint64 i, int fd, gint64 *ret_group)
{
  g_autoptr (GError) error = NULL;
  Durable took;
  gint64 id = (gint64) (rows * (i + 1) / 22 + 1);

  write_slice (w, folder, (guint32) (rows * i / 22 + 1));
  gint64 start = g_get_monotonic_time (), start_cpu = cpu_us ();
  must (fm_db_begin (w, FM_DB_FULL, &error), error, "begin");
  *ret_group = fm_journal_group (w, "bench", &error);
  must (fm_journal_plan_flags (w, *ret_group, &id, 1, FM_FLAG_FLAGGED, 0, NULL, NULL, NULL, &error) && fm_db_commit (w, &error), error,
        "one");
  took.whole = ms_since (start);
  took.cpu = (cpu_us () - start_cpu) / 1000.0;
  write_slice (w, folder, (guint32) (rows * i / 22 + 1));
  took.disk = sync_ms (fd);
  return took;
}

static double
at_rank (GArray *sorted, double part)
{
  return g_array_index (sorted, double, (guint) ((sorted->len - 1) * part));
}

/* Returns the undo group. */
static gint64
measure_durable (FmStoreWriter *w, gint64 folder, guint64 rows)
{
  g_autoptr (GArray) whole = g_array_new (FALSE, FALSE, sizeof (double)), cpu = g_array_new (FALSE, FALSE, sizeof (double)),
                     disk = g_array_new (FALSE, FALSE, sizeof (double));
  g_autofree char *path = g_build_filename (fm_db_dir (fm_db_reader_store (fm_db_writer_reader (w))), "tmp", "sync", NULL);
  int fd = open (path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  gint64 group = 0;

  must (fd >= 0, NULL, path);
  for (guint64 i = 0; i < 21; i++)
    {
      Durable took = durable_flag (w, folder, rows, i, fd, &group);
      g_array_append_val (whole, took.whole);
      g_array_append_val (cpu, took.cpu);
      g_array_append_val (disk, took.disk);
    }
  close (fd);
  unlink (path);
  g_array_sort (whole, compare_doubles);
  g_array_sort (cpu, compare_doubles);
  g_array_sort (disk, compare_doubles);
  figure ("one flag, journalled and durable", at_rank (whole, .5), "ms", "6");
  figure ("  the slowest of 21", at_rank (whole, 1), "ms", "13");
  figure ("  of that CPU", at_rank (cpu, .5), "ms", "-");
  figure ("  the disk alone, 8 kB kept", at_rank (disk, .5), "ms", "-");
  return group;
}

static void
measure_writes (FmStoreWriter *w, gint64 account, gint64 folder, guint64 rows)
{
  g_autoptr (GError) error = NULL;
  guint64 n = MIN (10000, rows);
  g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (gint64));
  for (guint64 i = 0; i < n; i++)
    {
      gint64 id = (gint64) (rows - i);
      g_array_append_val (ids, id);
    }
  gint64 start;
  gint64 group = measure_durable (w, folder, rows);
  start = g_get_monotonic_time ();
  must (fm_db_begin (w, FM_DB_FULL, &error), error, "begin");
  must (fm_journal_plan_flags (w, group, (gint64 *) (gpointer) ids->data, ids->len, FM_FLAG_ANSWERED, 0, NULL, NULL, NULL, &error), error,
        "plan");
  figure ("10k flags planned in the journal", ms_since (start), "ms", "300");
  FmStoreReader *r = fm_db_writer_reader (w);
  start = g_get_monotonic_time ();
  fm_journal_batch_free (fm_journal_next (r, account, 1000, NULL));
  figure ("  next batch of 1000", ms_since (start), "ms", "20");
  fm_db_rollback (w);
  start = g_get_monotonic_time ();
  must (fm_db_begin (w, FM_DB_NORMAL, &error), error, "begin");
  for (guint64 i = 0; i < n; i++)
    {
      FmMessageFlags word = { .uid = (guint32) (rows - i), .flags = FM_FLAG_SEEN | FM_FLAG_ANSWERED };
      must (fm_message_store_set_flags (w, folder, &word, 1, NULL, &error), error, "flags");
    }
  figure ("10k flags from the server", ms_since (start), "ms", "300");
  fm_db_rollback (w);
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  if (argc != 3 || g_ascii_strtoull (argv[2], NULL, 10) < 2 * BATCH)
    {
      fprintf (stderr, "usage: gen-store DIR ROWS (at least 1000)\n");
      return 2;
    }
  guint64 rows = g_ascii_strtoull (argv[2], NULL, 10);
  gint64 start = g_get_monotonic_time ();
  g_autoptr (FmStore) store = fm_db_open (argv[1], &error);
  must (store != NULL, error, argv[1]);
  figure ("open", ms_since (start), "ms", "1");
  g_autoptr (FmStoreWriter) w = fm_db_writer_new (store, &error);
  must (w != NULL && fm_db_begin (w, FM_DB_FULL, &error), error, "writer");
  FmFolderInput input = { .name = "INBOX", .delimiter = '/', .special = FM_SPECIAL_INBOX, .selectable = TRUE };
  gint64 account = fm_folder_store_put_account (w, "bench", FM_STORE_IMAP, &error);
  gint64 folder = fm_folder_store_put (w, account, &input, &error);
  must (folder != 0 && fm_db_commit (w, &error), error, "folder");
  g_autoptr (FmFolderInfo) before = fm_folder_store_get (fm_db_writer_reader (w), folder, &error);
  if (before->total == 0)
    {
      Filled filled = fill (w, folder, rows);
      figure ("insert with threads", filled.rows_per_s, "rows/s", "40000");
      figure ("  by this thread's CPU time", filled.rows_per_cpu_s, "rows/s", "40000");
      figure ("  longest slice of 500 rows", filled.longest_ms, "ms", "-");
    }
  g_autoptr (FmStoreReader) r = fm_db_reader_new (store, &error);
  must (r != NULL, error, "reader");
  start = g_get_monotonic_time ();
  for (int i = 0; i < 100; i++)
    fm_folder_store_free (fm_folder_store_get (r, folder, NULL));
  figure ("counts of a folder", ms_since (start) / 100, "ms", "0.1");
  measure_order (r, folder, FM_ORDER_DATE, "by date");
  measure_order (r, folder, FM_ORDER_THREAD, "by thread");
  measure_writes (w, account, folder, rows);
  struct rusage usage;
  getrusage (RUSAGE_SELF, &usage);
  figure ("peak memory", usage.ru_maxrss / 1024.0, "MB", "80 at 1M");
  return 0;
}

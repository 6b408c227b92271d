/* What the index's tests share: an index in a private directory whose events are kept until a test asks for them. */
#pragma once
#include <glib.h>
#include "fulmar/base/port.h"
#include "fulmar/index/index.h"

typedef struct {
  char *dir; /* removed by index_bench_clear */
  FmPort *port;
  FmIndex *index;
} IndexBench;

/* DIR NULL: a new temporary one. */
void index_bench_init (IndexBench *bench, const char *dir);
void index_bench_open (IndexBench *bench, const FmIndexOptions *options);
void index_bench_close (IndexBench *bench);
void index_bench_clear (IndexBench *bench);

/* The next event of KIND within 60 s; others before it are dropped. Fails the test at the deadline. Transfer: full. */
FmIndexEvent *index_bench_await (IndexBench *bench, FmIndexEventKind kind);
/* Waits until N ids were answered by KIND, counting each id once. */
void index_bench_await_ids (IndexBench *bench, FmIndexEventKind kind, guint n);
/* All hits, in order: array of gint64. Transfer: full. */
GArray *index_bench_search (IndexBench *bench, const char *query, guint limit);
guint64 index_bench_count (IndexBench *bench, const char *query);
void index_bench_flush (IndexBench *bench);
/* Deliver function to give to searches; DATA is the bench. */
void index_bench_deliver (FmIndexEvent *event, gpointer data);

/* A mail file DIR/mail/NUMBER. Transfer: full, its path. */
char *index_bench_write_mail (IndexBench *bench, guint number, const char *message_id, const char *subject, const char *body);
/* Process ids of this process's children. Transfer: full, array of int. */
GArray *index_bench_children (void);

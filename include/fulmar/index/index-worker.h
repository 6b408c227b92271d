/* The other side of the index: what the program becomes when it is started as a worker. Hidden from users: `PROGRAM --index-worker FD`. */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

/* To be called first of all in main(), before any thread, locale or terminal. Where the arguments are a worker's, runs it and ends the
 * process; else returns at once. */
void fm_index_worker_main (int argc, char **argv);

G_END_DECLS

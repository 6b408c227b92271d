/* Starting threads the house's way: all signals blocked (the UI thread alone takes them), an explicit 8 MB stack, a name for debuggers, and the
 * batch scheduling class, so that they don't keep the UI thread waiting. */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

typedef struct FmThread FmThread;

/* Aborts the program only where the system has no threads left; RUN's result is dropped. */
FmThread *fm_thread_start (const char *name, void (*run) (gpointer data), gpointer data);
/* Waits for the end and frees. */
void fm_thread_join (FmThread *thread);

G_END_DECLS

/* A command that needs the text of messages which may not be on this machine yet: it is asked for on the connection kept for what the user waits for,
 * and the command goes on by itself when it has come. One command waits at a time; Esc, ^G or a different command gives the wait up. UI thread. */
#pragma once
#include "app/app-private.h"

/* value struct */
typedef struct {
  const char *what;  /* who waits, for the status line: "reply"; copied */
  const gint64 *ids; /* whose text RUN needs; copied */
  gsize n;
  FmEngineRun run;   /* pool; NOT_FOUND says that a text is not here: RUN is run again when it is */
  FmEngineDone done; /* not called if the wait was given up, or the text can't be had: that has been said */
  gpointer data;
  GDestroyNotify free_data; /* may be NULL */
} FmBodyWaitJob;

/* Runs JOB as fm_engine_compute would, and waits for what it finds wanting. */
void fm_body_wait_run (FmApp *app, const FmBodyWaitJob *job);
/* A command begins. TRUE: it is the one that waits already, and need not begin again; a wait of any other is given up. */
gboolean fm_body_wait_goes_on (FmApp *app, const char *line);
/* TRUE: a command was fetching, and it has been said that it is given up. */
gboolean fm_body_wait_give_up (FmApp *app);
/* What is waited for, for the status line; FALSE: nothing is. RET_TEXT: transfer none. */
gboolean fm_body_wait_status (const FmApp *app, const char **ret_text, guint64 *ret_done_bytes, guint64 *ret_total_bytes);

/* Watchers: a thread and a connection each, that wait for the server's news. */
#pragma once
#include "sync/imap-private.h"

typedef struct FmImapWatch FmImapWatch;

/* FOLDER_ID 0: sleeps until it is told one. */
FmImapWatch *fm_imap_watch_new (FmAccountWorker *worker, gint64 folder_id);
/* Any thread; the watcher leaves what it watches. 0: nothing. */
void fm_imap_watch_set_folder (FmImapWatch *watch, gint64 folder_id);
gint64 fm_imap_watch_folder (FmImapWatch *watch);
void fm_imap_watch_retry (FmImapWatch *watch);
/* After the worker's cancel: wakes it, waits for its thread, frees. */
void fm_imap_watch_free (FmImapWatch *watch);

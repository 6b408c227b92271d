/* The IMAP worker's class, for the table of classes. */
#pragma once
#include "sync/account-worker.h"

extern const FmAccountWorkerClass fm_imap_worker_class;

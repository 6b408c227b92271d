/* The worker of a local mail tree (Maildir or Maildir++), read in place. */
#pragma once
#include "sync/account-worker.h"

extern const FmAccountWorkerClass fm_maildir_worker_class;

/* The worker of a POP3 account: it fetches the inbox at times; every folder is local. */
#pragma once
#include "sync/account-worker.h"

extern const FmAccountWorkerClass fm_pop_worker_class;

/* The one table from an account's kind to what serves it. */
#include "sync/imap-worker.h"
#include "sync/maildir-worker.h"
#include "sync/pop-worker.h"

static const FmAccountWorkerClass *const classes[] = {
  [FM_ACCOUNT_IMAP] = &fm_imap_worker_class,
  [FM_ACCOUNT_POP] = &fm_pop_worker_class,
  [FM_ACCOUNT_MAILDIR] = &fm_maildir_worker_class,
};

const FmAccountWorkerClass *
fm_worker_classes_find (FmAccountKind kind)
{
  return (guint) kind < G_N_ELEMENTS (classes) ? classes[kind] : NULL;
}

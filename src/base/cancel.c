/* One flag, set once, seen two ways: an atomic for loops that check between steps, and an eventfd for waits that sit in poll(2). The
 * descriptor is never read, so once triggered it stays readable for every waiter. */
#include <fulmar/base/cancel.h>

#include <fulmar/base/error.h>

#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct FmCancel {
  atomic_int refs;
  atomic_bool is_set;
  int fd; /* -1 when the process ran out of descriptors: poll(2) ignores it, and the flag still works */
};

FmCancel *
fm_cancel_new (void)
{
  FmCancel *cancel = g_new0 (FmCancel, 1);

  atomic_init (&cancel->refs, 1);
  cancel->fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  return cancel;
}

FmCancel *
fm_cancel_ref (FmCancel *cancel)
{
  atomic_fetch_add_explicit (&cancel->refs, 1, memory_order_relaxed);
  return cancel;
}

void
fm_cancel_unref (FmCancel *cancel)
{
  if (cancel == NULL || atomic_fetch_sub_explicit (&cancel->refs, 1, memory_order_acq_rel) != 1)
    return;
  if (cancel->fd >= 0)
    close (cancel->fd);
  g_free (cancel);
}

void
fm_cancel_trigger (FmCancel *cancel)
{
  if (atomic_exchange (&cancel->is_set, TRUE) || cancel->fd < 0)
    return;
  /* The counter can't be full after one write, so this neither blocks nor fails. */
  eventfd_write (cancel->fd, 1);
}

gboolean
fm_cancel_is_set (const FmCancel *cancel)
{
  return cancel != NULL && atomic_load_explicit (&cancel->is_set, memory_order_acquire);
}

int
fm_cancel_fd (const FmCancel *cancel)
{
  return cancel != NULL ? cancel->fd : -1;
}

gboolean
fm_cancel_check (const FmCancel *cancel, GError **error)
{
  if (!fm_cancel_is_set (cancel))
    return TRUE;
  g_set_error_literal (error, FM_ERROR, FM_ERROR_CANCELLED, "Cancelled");
  return FALSE;
}

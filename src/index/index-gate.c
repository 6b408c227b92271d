/* Two one-byte locks on one file. Byte 0 is a turnstile that a waiting writer holds, so that a stream of readers can't starve it; byte 1
 * is shared by the readers inside. Open-file-description locks: they end with the process, however it ends. */
#include "config.h"
#include "index/index-gate.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include "fulmar/base/error.h"

enum { TURNSTILE = 0, INSIDE = 1 };

static gboolean
lock_byte (int gate, int byte, int type)
{
  struct flock lock = { .l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };
  while (fcntl (gate, F_OFD_SETLKW, &lock) != 0)
    if (errno != EINTR)
      return FALSE;
  return TRUE;
}

int
fm_index_gate_open (const char *dir, GError **error)
{
  g_autofree char *path = g_build_filename (dir, "gate", NULL);
  int gate = open (path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (gate < 0)
    fm_error_set_errno (error, FM_ERROR_STORAGE, errno, "%s", path);
  return gate;
}

gboolean
fm_index_gate_enter (int gate)
{
  if (!lock_byte (gate, TURNSTILE, F_RDLCK))
    return FALSE;
  gboolean inside = lock_byte (gate, INSIDE, F_RDLCK);
  lock_byte (gate, TURNSTILE, F_UNLCK);
  return inside;
}

void
fm_index_gate_leave (int gate)
{
  lock_byte (gate, INSIDE, F_UNLCK);
}

gboolean
fm_index_gate_drain (int gate)
{
  if (!lock_byte (gate, TURNSTILE, F_WRLCK))
    return FALSE;
  gboolean drained = lock_byte (gate, INSIDE, F_WRLCK);
  lock_byte (gate, INSIDE, F_UNLCK);
  lock_byte (gate, TURNSTILE, F_UNLCK);
  return drained;
}

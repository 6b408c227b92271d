/* Moving message files about without ever losing or overwriting one: link first, unlink after, a copy through tmp/ where links can't go. */
#pragma once
#include <glib.h>

/* TO must not exist; afterwards FROM does not. Crossing file systems copies, with fsync. An existing TO with FROM gone is success (done before). */
gboolean fm_maildir_file_move (const char *from, const char *to, GError **error);
/* FROM stays; TO_DIR's tmp/ is used for a copy. */
gboolean fm_maildir_file_copy (const char *from, const char *to_dir, const char *to, GError **error);
/* Gone is success. */
gboolean fm_maildir_file_remove (const char *path, GError **error);
/* Where the message with PATH's unique name lies now in DIR's cur or new, if another program renamed it. NULL if it is nowhere. Transfer: full. */
char *fm_maildir_file_find (const char *dir, const char *path);

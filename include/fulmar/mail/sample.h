/* Sample mail for the demo. */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

/* Writes a Maildir tree of messages under DIR (made if missing). FM_ERROR_STORAGE. */
gboolean fm_sample_write (const char *dir, GError **error);

G_END_DECLS

/* Where the mail of a POP account is filed and how it is marked, in a file beside the database: no server knows it, and the message files say nothing of
 * it. One line a message: its file's digest, its flags and tags, its folder. */
#pragma once
#include "sync/pop-pass.h"

/* value struct, owned strings: one row that showed a message file */
typedef struct {
  char *folder;
  guint flags;
  char **keywords; /* NULL-terminated */
} FmPopPlace;

/* Writes it anew if it is older than a while that grows with its size, and if anything has changed. Worker's thread. */
gboolean fm_pop_places_keep (FmPopContext *context, GError **error);
/* What was last written of ACCOUNT: digest -> GPtrArray of FmPopPlace*; empty where there is nothing. RET_WRITTEN_UTC (may be NULL): when; 0: never.
 * Transfer: full. */
GHashTable *fm_pop_places_read (const char *data_dir, const char *account, gint64 *ret_written_utc);

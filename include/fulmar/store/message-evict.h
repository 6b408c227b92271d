/* Bodies given up for room. The server has them: a row without its body is still listed, found by its headers, and its body is fetched when it is opened.
 * Never given up: what is starred, a draft, not on a server, or named by an operation that waits. */
#pragma once
#include <fulmar/store/db.h>

G_BEGIN_DECLS

/* A message whose body could go. value struct */
typedef struct {
  gint64 id, date_utc;
} FmMessageEvict;

/* The midnight (UTC) since which the account's mail fits into LIMIT_BYTES, its newest first; the newest day with mail always does. G_MININT64: all of it
 * fits. Reads every row of the account: not for a thread that somebody waits for. G_MAXINT64 on error. */
gint64 fm_message_evict_floor (FmStoreReader *reader, gint64 account_id, guint64 limit_bytes, GError **error);

/* The folder's oldest messages that have a body they need not have, older than BEFORE_UTC, from AFTER (NULL: the oldest) on. FmMessageEvict. Transfer:
 * full, NULL on error. */
GArray *fm_message_evict_list (FmStoreReader *reader, gint64 folder_id, gint64 before_utc, const FmMessageEvict *after, guint limit,
                               GError **error);

/* Takes the bodies off these rows, unless something was begun with them since they were listed. Files that nothing else refers to go with the next
 * housekeeping. */
gboolean fm_message_evict_run (FmStoreWriter *writer, const FmMessageEvict *messages, gsize n, guint *ret_n, GError **error);

G_END_DECLS

/* Message files that were there before the database was and that no row speaks of: what is left when a corrupt database was moved aside. They
 * are the only copy of mail fetched by POP, and save fetching again what an IMAP server still has. */
#pragma once
#include "sync/account-worker.h"
#include <fulmar/mail/envelope.h>

/* value struct, borrowed while the visit lasts */
typedef struct {
  const char *digest;
  guint64 size_bytes;
  gint64 written_utc;
  const FmEnvelope *envelope;
  const char *header_digest; /* fm_pop_digest_header */
  gboolean was_received;     /* some server has handed it on */
  const FmAddressList *recipients;
} FmKeptFile;

/* FALSE with ERROR ends the walk. */
typedef gboolean (*FmKeptFileVisit) (const FmKeptFile *file, gpointer data, GError **error);
/* Reads every such file; one whose content is not what its name says is passed over. Minutes for a million: a worker's thread. */
gboolean fm_kept_files_each (FmStoreReader *reader, FmCancel *cancel, FmKeptFileVisit visit, gpointer data, GError **error);

/* Whether ACCOUNT has yet to look at them; and that it need not any more. */
gboolean fm_kept_files_due (FmStoreReader *reader, gint64 account_id);
gboolean fm_kept_files_settle (FmPen *pen, gint64 account_id, GError **error);

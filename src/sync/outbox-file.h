/* What follows when a mail has been accepted: everything in one transaction, so that a crash repeats none of it and forgets none. */
#pragma once
#include "sync/account-worker.h"
#include <fulmar/mail/envelope.h>
#include <fulmar/store/outbox-store.h>

/* What was planned, for those to be told. */
typedef struct {
  gint64 accounts[3]; /* whose journals have new operations; 0: none */
  gint64 sent_folder; /* 0: the server files it by itself, or it is there already */
  gboolean tree_changed;
} FmOutboxFiled;

/* accepted -> filed: the original is marked answered or forwarded, the draft goes, a copy is planned into Sent where the server does not file one. */
gboolean fm_outbox_file_sent (FmSyncEnv *env, const FmAccountSpec *spec, const FmOutgoing *outgoing, const char *path,
                              FmOutboxFiled *ret_filed, GError **error);
/* Whether a mail of that Message-ID lies in the account's Sent folder. */
gboolean fm_outbox_file_is_in_sent (FmStoreReader *reader, const FmAccountSpec *spec, const FmOutgoing *outgoing);
/* The header of a message file, read. Never NULL; RET_SIZE may be NULL. Transfer: full. */
FmEnvelope *fm_outbox_file_envelope (const char *path, guint64 *ret_size);

/* What the user decides about outgoing mail: to try it again, to have it back as a draft, to drop it, and what became of one whose fate nobody knows. All
 * within the pen's transaction, naming the state that the mail is in, so that nobody decides about a mail that is on its way. */
#pragma once
#include <fulmar/store/outbox-store.h>
#include <fulmar/sync/account-spec.h>
#include <fulmar/sync/action.h>

/* value struct: what followed */
typedef struct {
  const char *text; /* "back in Drafts"; static */
  gint64 draft_id;  /* the new draft's row, or 0 */
  gint64 drafts_id; /* the folder that it is in, or 0 */
  gboolean tree_changed;
} FmOutboxChange;

/* KIND is one of FM_ACTION_OUTBOX_*; drafts are planned in GROUP_ID. SPEC (may be NULL) is the account's. NOT_FOUND; INVALID if the mail is on its way, or
 * KIND does not fit its state, saying what does. */
gboolean fm_outbox_change_run (FmStoreWriter *writer, const FmAccountSpec *spec, const FmOutgoing *outgoing, FmActionKind kind,
                               gint64 group_id, FmOutboxChange *ret_change, GError **error);

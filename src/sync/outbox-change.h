/* What the user decides about outgoing mail: to try it again, to have it back as a draft, to drop it, and what became of one whose fate nobody knows. All
 * within the pen's transaction, naming the state that the mail is in, so that nobody decides about a mail that is on its way. */
#pragma once
#include <fulmar/store/body-store.h>
#include <fulmar/store/outbox-store.h>
#include <fulmar/sync/account-spec.h>
#include <fulmar/sync/action.h>

/* value struct: the file of a draft that differs from the mail, since it names the hidden recipients; written and durable */
typedef struct {
  gint64 outgoing_id;
  char digest[FM_BODY_STORE_DIGEST_CHARS + 1];
  guint64 size_bytes;
} FmOutboxDraftFile;

/* value struct: what followed */
typedef struct {
  const char *text; /* "back in Drafts"; static */
  gint64 draft_id;  /* the new draft's row, or 0 */
  gint64 drafts_id; /* the folder that it is in, or 0 */
  gboolean tree_changed;
  gboolean needs_file; /* it failed for want of the draft's file alone */
} FmOutboxChange;

/* KIND is one of FM_ACTION_OUTBOX_*; drafts are planned in GROUP_ID. SPEC (may be NULL) is the account's. NOT_FOUND; INVALID if the mail is on its way, or
 * KIND does not fit its state, saying what does. FILE (may be NULL) is taken if it is this mail's: the pen writes no message file, so a draft that needs one fails
 * with needs_file set until fm_outbox_change_write has made it. */
gboolean fm_outbox_change_run (FmStoreWriter *writer, const FmAccountSpec *spec, const FmOutgoing *outgoing, FmActionKind kind,
                               gint64 group_id, const FmOutboxDraftFile *file, FmOutboxChange *ret_change, GError **error);

/* Writes that file, up to the size of a whole message, and syncs it: a pool thread's work. */
gboolean fm_outbox_change_write (FmStore *store, FmStoreReader *reader, gint64 outgoing_id, FmOutboxDraftFile *ret_file, GError **error);

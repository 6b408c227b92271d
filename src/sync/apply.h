/* A user's action turned into journal operations and their local effect, in one job of the pen: everything or nothing. */
#pragma once
#include <fulmar/store/db.h>
#include <fulmar/sync/account-spec.h>
#include <fulmar/sync/action.h>
#include <glib.h>

typedef struct FmApply FmApply;

/* SPECS: FmAccountSpec*, referenced array, frozen: the configured names of special folders. HOLD_S: as FmEngineOptions has it. */
FmApply *fm_apply_new (FmAction *action, GPtrArray *specs, int hold_s);
void fm_apply_free (FmApply *apply);

/* APPEND and SEND carry a message: writes its file, durable, before the pen is asked. After a run that failed for want of a file: writes that. Slow; any
 * thread but owner's and pen's. Other actions: nothing. */
gboolean fm_apply_prepare (FmApply *apply, FmStore *store, FmStoreReader *reader, GError **error);

/* The pen's job (FmPenRun); APPLY is the data. Errors: NOT_FOUND, INVALID, STORAGE, each in words for the user. */
gboolean fm_apply_run (FmStoreWriter *writer, gpointer apply, GError **error);

/* After a run that failed: whether it needs a file first. To be prepared and run again; undo then takes the same mail back. */
gboolean fm_apply_needs_file (const FmApply *apply);

/* After a run that went well: whether it is to be run again, for a slice more. Every slice is a transaction of its own. */
gboolean fm_apply_more (const FmApply *apply);

FmActionKind fm_apply_kind (const FmApply *apply);
/* After a run that went well. Transfer: none. */
gint64 fm_apply_group (const FmApply *apply);
guint fm_apply_count (const FmApply *apply);
const char *fm_apply_text (const FmApply *apply);       /* "moved 3 to work/Archive" */
const GArray *fm_apply_folders (const FmApply *apply);  /* gint64: lists that changed */
const GArray *fm_apply_accounts (const FmApply *apply); /* gint64: journals that have new operations */
gboolean fm_apply_tree_changed (const FmApply *apply);  /* folders came, went or were renamed */
gboolean fm_apply_outbox_changed (const FmApply *apply);
gint64 fm_apply_draft (const FmApply *apply);    /* the row of the draft that was made, or 0 */
gint64 fm_apply_outgoing (const FmApply *apply); /* the mail that was queued or changed, or 0 */

/* Files that a message being written takes along from another message: a postponed draft's attachments, a forwarded message's. They lie in a directory of their own
 * beside the text until the message is sent, postponed or discarded. */
#pragma once
#include <fulmar/mail/draft.h>
#include <fulmar/mail/message.h>

/* Writes MESSAGE's attachments into a new directory under DRAFTS_DIR and attaches them to DRAFT. *RET_DIR (transfer full) is NULL if there are none. On error
 * nothing is left. Pool threads. */
gboolean fm_draft_files_take (FmMessage *message, const char *drafts_dir, FmDraft *draft, char **ret_dir, GError **error);
/* Removes such a directory with its files. Accepts NULL; anything else than such a directory is left alone. */
void fm_draft_files_remove (const char *dir);

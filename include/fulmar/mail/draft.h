/* A message being written: fields, text, attachments, and what it answers. Plain and mutable; one owner, one thread at a time. It becomes
 * text for $EDITOR and comes back from it, and compose.h makes the bytes that are sent. */
#pragma once
#include <glib.h>
#include "fulmar/mail/address.h"

G_BEGIN_DECLS

typedef struct FmDraft FmDraft;

typedef enum { FM_DRAFT_FROM, FM_DRAFT_REPLY_TO, FM_DRAFT_TO, FM_DRAFT_CC, FM_DRAFT_BCC, FM_DRAFT_N_LISTS } FmDraftList;

FmDraft *fm_draft_new (void);
FmDraft *fm_draft_dup (const FmDraft *draft);
void fm_draft_free (FmDraft *draft); /* accepts NULL */

/* Strings are copied and made one line of valid UTF-8; lists are referenced. NULL empties. Getters: transfer none, never NULL for strings. */
void fm_draft_set_list (FmDraft *draft, FmDraftList which, const FmAddressList *list);
const FmAddressList *fm_draft_list (const FmDraft *draft, FmDraftList which);
void fm_draft_set_subject (FmDraft *draft, const char *subject);
const char *fm_draft_subject (const FmDraft *draft);
/* The text, UTF-8 with LF; broken bytes become U+FFFD. */
void fm_draft_set_body (FmDraft *draft, const char *body);
const char *fm_draft_body (const FmDraft *draft);
/* Ids without angle brackets. REFERENCES: NULL-terminated, oldest first. */
void fm_draft_set_in_reply_to (FmDraft *draft, const char *message_id);
const char *fm_draft_in_reply_to (const FmDraft *draft);
void fm_draft_set_references (FmDraft *draft, const char *const *references);
const char *const *fm_draft_references (const FmDraft *draft);

/* Files by path, read when the message is built. */
void fm_draft_add_attachment (FmDraft *draft, const char *path);
void fm_draft_remove_attachment (FmDraft *draft, guint index);
const char *const *fm_draft_attachments (const FmDraft *draft); /* NULL-terminated */

/* Other header fields (X-..., Mail-Followup-To): NAME is checked to be a field name and none of those above or of MIME's. FALSE if refused. */
gboolean fm_draft_set_header (FmDraft *draft, const char *name, const char *value);
const char *fm_draft_header (const FmDraft *draft, const char *name); /* NULL if unset */
/* The INDEX-th of them; FALSE beyond the last. Transfer: none. */
gboolean fm_draft_header_at (const FmDraft *draft, guint index, const char **ret_name, const char **ret_value);

/* For the editor: with WITH_HEADERS "From: ... To: ... Cc: ... Bcc: ... Subject: ..." (Attach: lines too), a blank line and the text; else the
 * text alone. Transfer: full. */
char *fm_draft_to_text (const FmDraft *draft, gboolean with_headers);
/* What the editor left, in the same form: replaces those fields (an absent field empties it), keeps what it answers. A wrong line is
 * FM_ERROR_INVALID naming its number, and the draft is as before. At most 16 MB (FM_ERROR_LIMIT). */
gboolean fm_draft_update_from_text (FmDraft *draft, const char *text, gssize size_bytes, gboolean with_headers, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FmDraft, fm_draft_free)

G_END_DECLS

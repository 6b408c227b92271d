/* A message being written: fields, a body file for the editor, attachments. Every field is on disk (drafts/ in the store, 0700) as soon as it
 * changes, so a crash loses no word; what was left is offered at the next start. UI thread only. */
#pragma once
#include <fulmar/mail/compose.h>
#include <glib.h>

G_BEGIN_DECLS

typedef struct FmComposer FmComposer;

FmDraft *fm_composer_draft (FmComposer *composer); /* Transfer: none; change through commands only */
const char *fm_composer_account (const FmComposer *composer);
const char *fm_composer_path (const FmComposer *composer);    /* the editor's file */
const char *fm_composer_problem (const FmComposer *composer); /* why it can't be sent yet, or NULL */

G_END_DECLS

/* What commands do to the message being written. */
#pragma once
#include <fulmar/app/app.h>

/* A composer for ACCOUNT with DRAFT (taken). Its text is put on disk behind. */
FmComposer *fm_composer_new (FmApp *app, const FmAccountSpec *account, FmDraft *draft);
void fm_composer_free (FmComposer *composer); /* accepts NULL; leaves the files */
void fm_composer_set_origin (FmComposer *composer, gint64 replied_id, gint64 forwarded_id, gint64 draft_id);
/* DIR of draft-files.h (taken, may be NULL) goes with the composer's own files. */
void fm_composer_set_files_dir (FmComposer *composer, char *dir);

/* Runs the editor on the headers and text in one file, or on the text alone, then reads what it left; shows the composer's view afterwards. A text with a wrong header stays as the editor left it:
 * the next edit goes on with it, and until it is right nothing else can be done with it than to discard it. */
void fm_composer_edit (FmComposer *composer, gboolean with_headers);
/* The draft was changed by a command: save it and tell the view. */
void fm_composer_touch (FmComposer *composer);
/* Builds the message on a pool thread and hands it to the outbox; once it is durable there the files go. */
void fm_composer_send (FmComposer *composer);
/* Appends to the account's Drafts; the files go once that is durable. */
void fm_composer_postpone (FmComposer *composer);
/* Removes the files; the composer is gone. */
void fm_composer_discard (FmComposer *composer);

/* Paths of texts that an earlier run left unfinished; Transfer: full. */
GPtrArray *fm_composer_recover_list (FmApp *app);
/* Opens one of them. */
FmComposer *fm_composer_recover (FmApp *app, const char *path);

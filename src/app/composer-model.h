/* The composer's model, shared by the files that make it: composer.c (files, life, sending), composer-edit.c (the editor), composer-recover.c (what an earlier
 * run left). UI thread only. */
#pragma once
#include "app/app-private.h"
#include "app/composer-private.h"

struct FmComposer {
  FmApp *app;
  FmDraft *draft;
  FmAccountSpec *account;
  gint64 replied_id, forwarded_id, draft_id;
  char *path;      /* NAME.txt */
  char *files_dir; /* attachments taken from another message, or NULL */
  char *problem;
  char *broken;  /* why the text in the file can't be used; NULL: it is the draft's */
  gboolean busy; /* being built or handed over */
  int refs;      /* one of the app, one of a write under way */
  gboolean saving, save_again, edit_after, gone;
  gboolean with_headers; /* the editor's file is, or was last, NAME.txt; else NAME.body */
};

/* Writes the files, on a pool thread; again if one is being written. What is `broken` stays as it is. */
void fm_composer_save (FmComposer *composer);
/* Finds out anew why it can't be sent. */
void fm_composer_check (FmComposer *composer);
/* The file beside PATH (NAME.txt) with that ENDING. Transfer: full. */
char *fm_composer_file (const char *path, const char *ending);
/* composer-edit.c: the files are written. */
void fm_composer_edit_start (FmComposer *composer);
